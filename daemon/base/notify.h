/*
 * notify.h - what the service manager is told: sd_notify(3), by hand
 *
 * A datagram of lines to the socket that $NOTIFY_SOCKET names. The protocol is documented and
 * promised to stay; it is these few lines, and a library for it would be one more that is loaded
 * into a process with passwords. Without that variable nothing is told to anybody.
 */
#ifndef OUTREACH_NOTIFY_H
#define OUTREACH_NOTIFY_H

#include <stdint.h>

/* Reads what the manager has put into the environment, and takes it out: what we start is not to
 * speak for us. To be called once. */
void notify_open(void);

/* "READY=1", "WATCHDOG=1", "STOPPING=1", "STATUS=..."; what nobody takes is dropped. */
void notify_tell(const char *line);

/* How often WATCHDOG=1 has to come at least, in us; 0: nobody waits for it. */
int64_t notify_watchdog_us(void);

#endif
