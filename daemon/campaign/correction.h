/*
 * correction.h - what those who were told are told when an event changes
 *
 * A campaign that is amended has versions. Whoever was told an older one is told the newer:
 * texts.moved, or texts.cancelled where the event does not take place any more. In those
 * texts {{event.…}} is the event as it is now, and {{was.…}} as it was in the version that this
 * person was told.
 */
#ifndef OUTREACH_CORRECTION_H
#define OUTREACH_CORRECTION_H

#include "campaign.h"

struct correction; /* from one version to another */

/* Did the event change between the two, so that who was told the one must be told the other:
 * its start, its end, its zone, its venue or address, or that it takes place at all? */
bool correction_needed(const struct campaign *was, const struct campaign *now);

/* The member of texts that now's document must have for it: "moved" or "cancelled". */
const char *correction_text(const struct campaign *now);

/* NULL with err where now's document lacks that text, or one in its own language. Neither
 * campaign is kept. */
struct correction *correction_create(const struct campaign *was, const struct campaign *now,
                                     const struct campaign_defaults *defaults, struct error *err);
void correction_free(struct correction *c); /* NULL is fine */

/* The finished text for one row of now, without signature and opt-out line (no NUL), in her
 * language, by the first channel that she has an address for. The length; or -1 when a
 * placeholder is empty, or it does not fit. */
int correction_write(const struct correction *c, const struct template_value *row, char *out,
                     size_t size);

/* Until when it is worth telling: the end of the event as it is now, or its start where no end
 * is known; of slots the end of the last day. */
int64_t correction_expires(const struct campaign *now);

#endif
