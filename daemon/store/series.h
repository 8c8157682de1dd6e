/*
 * series.h - who is corrected about which occurrence of an event that repeats
 *
 * A person may have been told of several occurrences, each by a version of its own. An amendment
 * corrects her once: about the next one that she was told of, that is not over, and that is
 * another now than she was told. What a correction has told her counts as known of all of them.
 */
#ifndef OUTREACH_SERIES_H
#define OUTREACH_SERIES_H

#include "amend.h"

struct series; /* opaque */

/* Of the campaign as it is, and the names of its reminders (count of them; both are borrowed);
 * nothing that is over by now_ms is corrected. */
struct series *series_create(const struct campaign *now, const char *const *names, size_t count,
                             int64_t now_ms);
void series_free(struct series *s); /* with the versions; NULL is fine */

/* Version v (1..AMEND_VERSIONS) as it was; takes it over. One that is not put is not corrected. */
void series_put(struct series *s, unsigned v, struct campaign *was);
const struct campaign *series_version(const struct series *s, unsigned v); /* or NULL */

/* One person: versions[i] is the one that reminder i told her, 0: none; known: what corrections
 * have told her by now. The reminder whose occurrence she is corrected about, with what she knows
 * of it and until when it is worth it; or -1. */
int series_choose(const struct series *s, const unsigned char *versions, unsigned known,
                  unsigned *version, int64_t *until_ms);

#endif
