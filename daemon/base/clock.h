/*
 * clock.h - the three clocks, and which is for what
 *
 * Wall clock for due times, hours and records only. Monotonic clock for timers,
 * intervals and rates. Boot-time clock, which goes on while the machine is
 * suspended, for the age of a permission to send. All in milliseconds.
 *
 * This file is the only one that asks the system for the time.
 *
 * Somebody may set the wall clock under a daemon's feet: an operator, NTP after a
 * reboot, a host that wakes its guest. Held, clock_wall_ms() does not follow such a
 * step by itself: it goes on with the boot-time clock from where it stood, and the
 * step is there to be looked at, and to be accepted. A clock that is slewed is no
 * step (the kernel slews all its clocks alike), nor is a suspended machine, since
 * the boot-time clock counts that time too.
 */
#ifndef OUTREACH_CLOCK_H
#define OUTREACH_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_wall_ms(void); /* since 1970, UTC; see clock_hold() */
int64_t clock_mono_ms(void);
int64_t clock_boot_ms(void);
int64_t clock_mono_us(void);

/* The wall clock as the system has it, held or not: for what people and programs beside us
 * compare with their own. */
int64_t clock_system_ms(void);

/* Holds the wall clock, which stood offset_ms before the boot-time clock, as
 * clock_offset_ms() said, maybe to an earlier process since the same boot. */
void clock_hold(int64_t offset_ms);

/* Wall clock less boot-time clock, as the system has them now. */
int64_t clock_offset_ms(void);

/* How far the system's wall clock has been set forward (or back, negative) since it was
 * held or last accepted; some ms off. 0 where it is not held. */
int64_t clock_step_ms(void);

/* The system's wall clock is right: go by it from now on. */
void clock_accept(void);

/* "2027-03-06T01:00:00.250Z" into out, NUL-terminated; since 1970. Async-signal-safe. */
#define CLOCK_STAMP_BYTES 25
void clock_stamp(int64_t wall_ms, char out[CLOCK_STAMP_BYTES]);

/* "2027-03-06T01:00:00.250Z" (or with an offset) to wall clock ms; -1 if it is none. */
int clock_parse(const char *stamp, int64_t *wall_ms);

#endif
