/*
 * repeat.h - the days on which an event repeats
 *
 * A rule is an RRULE of RFC 5545, with RSCALE=CHINESE of RFC 7529 for the lunar
 * calendar; libical walks it. What it walks on are local times: that a clock is
 * changed meanwhile is the zone's business (zone.h), so 09:00 stays 09:00.
 *
 *     FREQ=WEEKLY;BYDAY=SA;COUNT=10
 *     FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;UNTIL=20271231
 *     RSCALE=CHINESE;FREQ=YEARLY;BYMONTH=8;BYMONTHDAY=15;COUNT=5
 *
 * A rule must end, by COUNT or UNTIL, within REPEAT_MOST occurrences, of which no
 * two are on one day.
 */
#ifndef OUTREACH_REPEAT_H
#define OUTREACH_REPEAT_H

#include "zone.h"

#include <stdint.h>

struct error;

#define REPEAT_MOST 366

/* The local starts of the rule's occurrences from *starts on, which must be the first of
 * them, into out (REPEAT_MOST); zone is for an UNTIL in UTC. Returns how many, or -1 with
 * what is wrong with the rule. */
int repeat_occurrences(const char *rule, const struct local_time *starts, const struct zone *zone,
                       struct local_time *out, struct error *err);

#define REPEAT_BYTES 500 /* of a rule, with its end and NUL */

/* A rule as calendars have it, which may go on for ever: writes to out one that ends a year after
 * its first occurrence on the day of *from or later, and makes that *starts. A rule that ends is
 * taken as it is. -1 with what is wrong with the rule. */
int repeat_bound(const char *rule, struct local_time *starts, const struct local_time *from,
                 const struct zone *zone, char out[REPEAT_BYTES], struct error *err);

#endif
