/*
 * clock.h - the three clocks, and which is for what
 *
 * Wall clock for due times, hours and records only. Monotonic clock for timers,
 * intervals and rates. Boot-time clock, which goes on while the machine is
 * suspended, for the age of a permission to send. All in milliseconds.
 *
 * This file is the only one that asks the system for the time.
 */
#ifndef OUTREACH_CLOCK_H
#define OUTREACH_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_wall_ms(void); /* since 1970, UTC */
int64_t clock_mono_ms(void);
int64_t clock_boot_ms(void);
int64_t clock_mono_us(void);

/* "2027-03-06T01:00:00.250Z" into out, NUL-terminated. */
#define CLOCK_STAMP_BYTES 25
void clock_stamp(int64_t wall_ms, char out[CLOCK_STAMP_BYTES]);

/* "2027-03-06T01:00:00.250Z" (or with an offset) to wall clock ms; -1 if it is none. */
int clock_parse(const char *stamp, int64_t *wall_ms);

#endif
