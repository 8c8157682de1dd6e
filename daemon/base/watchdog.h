/*
 * watchdog.h - whether the loop still turns
 *
 * All runs on one loop: a plugin that blocks holds up everybody. While the loop turns, the
 * service manager hears so (notify.h) once a second or as often as it asks. When it has stood
 * still for 10 s in a plugin, the log names that plugin (`loop.blocked`), from a signal's handler,
 * for nothing else runs then: so the name stands there before systemd ends the process at twice
 * or three times that. When it turns again, it is said how long it stood, whoever it was.
 *
 * Costs one timer_settime() a second.
 */
#ifndef OUTREACH_WATCHDOG_H
#define OUTREACH_WATCHDOG_H

struct event_base;

/* For the loop of this thread; one at a time. */
void watchdog_start(struct event_base *base);
void watchdog_end(void); /* does nothing where none was started */

#endif
