/*
 * crowd.h - in which weeks the same people get many notices
 *
 * Counts notices by person and week in bounded memory: where there are too many, of every
 * second person only, then of every fourth, chosen by a hash of the address, and what is told
 * is reckoned up from them.
 */
#ifndef OUTREACH_CROWD_H
#define OUTREACH_CROWD_H

#include <stddef.h>
#include <stdint.h>

struct crowd; /* opaque */

#define CROWD_MANY 4 /* notices for one person in one week: from here on it is told */

struct crowd_week {
    int64_t week; /* as it was given to crowd_add() */
    unsigned most;
    int64_t people; /* who get CROWD_MANY or more */
};

struct crowd *crowd_create(void);
void crowd_free(struct crowd *c); /* NULL is fine */

/* One notice to that address in that week: a number of the caller's. */
void crowd_add(struct crowd *c, const char *to, size_t n, int64_t week);

/* The weeks in which somebody gets many, the worst first; an array for free(). */
struct crowd_week *crowd_weeks(const struct crowd *c, size_t *count);

#endif
