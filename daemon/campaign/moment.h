/*
 * moment.h - when a reminder is due, as people write it
 *
 *     now                     when it was queued
 *     2027-03-01T09:00        that time in the event's zone
 *     -7d 09:30   -0d 08:00   that day before the event (its own day), at that time
 *     -1d   +1w               that day at the time of the event
 *     -90m  -2h   +30m        so long before or after it begins
 *
 * All but the first two may be followed by `of slot`: then the recipient's own
 * time stands for the event's. Days are those of the calendar: a day in which
 * summer time begins has 23 hours.
 */
#ifndef OUTREACH_MOMENT_H
#define OUTREACH_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

struct error;
struct zone;

#define MOMENT_EVENT_TIME (-1) /* of minute: at the time of day of the event */

struct moment {
    enum { MOMENT_NOW, MOMENT_INSTANT, MOMENT_OFFSET, MOMENT_DAYS } kind;
    bool of_slot;
    int64_t instant_ms; /* MOMENT_INSTANT: wall clock */
    int64_t offset_ms;  /* MOMENT_OFFSET: "-90m" */
    int days, minute;   /* MOMENT_DAYS: "-7d 09:30": days, then minutes after local midnight */
};

/* Reads text (NUL-terminated); instants are in zone. Errors say what is allowed. */
int moment_parse(const char *text, const struct zone *zone, struct moment *out, struct error *err);

/* The moment as wall clock. start_ms is the event's start or the slot, queued_ms
 * stands for `now`. */
int64_t moment_resolve(const struct moment *m, const struct zone *zone, int64_t start_ms,
                       int64_t queued_ms);

#endif
