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
#include "template.h"

#define CORRECTION_BYTES 4096 /* the longest text of one */

struct correction; /* from one version to another */

/* Did the event change between the two, so that who was told the one must be told the other:
 * its start, its end, its zone, its venue or address, or that it takes place at all? Of one that
 * repeats: did any of its occurrences, or fall out? An occurrence is known by its day in the rule,
 * wherever it is moved to. */
bool correction_needed(const struct campaign *was, const struct campaign *now);

/* Whether the event repeats: then a person is corrected about one occurrence. */
bool correction_repeats(const struct campaign *c);

/* The occurrence of c that a reminder ("eve-20270306", in whichever version) belongs to: 0 where
 * nothing repeats, -1 where c has none of that day. */
int correction_occurrence(const struct campaign *c, const char *reminder);

/* Must who was told `was` by that reminder be told now? As correction_needed() of its occurrence,
 * where that is not over by now_ms. *until_ms: when it is, as it was where it fell out. */
bool correction_needed_of(const struct campaign *was, const char *reminder,
                          const struct campaign *now, int64_t now_ms, int64_t *until_ms);

/* The member of texts that now's document must have for it: "moved" or "cancelled". */
const char *correction_text(const struct campaign *now);

/* For who was told by that reminder; NULL: where nothing repeats. An occurrence that fell out
 * says texts.cancelled. NULL with err where now's document lacks that text, or one in its own
 * language. Neither campaign is kept. */
struct correction *correction_create(const struct campaign *was, const char *reminder,
                                     const struct campaign *now,
                                     const struct campaign_defaults *defaults, struct error *err);
void correction_free(struct correction *c); /* NULL is fine */

/* The finished text for one row of now, without signature and opt-out line (no NUL), in her
 * language, as channel says it (its place among now's; -1: the first that she has an address for).
 * The length; or -1 when a
 * placeholder is empty, or it does not fit. */
int correction_write(const struct correction *c, const struct template_value *row, int channel,
                     char *out, size_t size);

/* What one person is written, as builtin_row() (builtin.h) takes it. */
struct correction_texts {
    char text[CORRECTION_BYTES];
    size_t length; /* 0: it has a hole; such a notice fails, and is seen */
    struct template_value others[CAMPAIGN_MAX_CHANNELS]; /* where another channel that she has an
                                                            address for says something else */
    char more[CAMPAIGN_MAX_CHANNELS][CORRECTION_BYTES];
};
void correction_write_all(const struct correction *c, const struct campaign *now,
                          const struct template_value *row, struct correction_texts *out);

/* Until when it is worth telling: the end of the event as it is now, or its start where no end
 * is known; of slots the end of the last day, of occurrences that of the last. */
int64_t correction_expires(const struct campaign *now);

#endif
