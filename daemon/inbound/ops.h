/*
 * ops.h - people on duty are told of what is wrong with us, by the way of duty.h
 *
 * The matters are dispatch/alarm.h's. Each goes to the entries of `alerts` whose level is not above
 * its own, and what is of a campaign also to the `alerts` of that campaign: those, whom anybody may
 * have written there, within defaults.hours, not where they have opted out, and three times an hour
 * at most. One matter (of one
 * gateway, one reminder) is told when it comes up, at most once an hour however often it comes and
 * goes, and once a day while it lasts; of several daemons one tells it, as far as Redis can say.
 * What could not be told is tried again every DUTY_AGAIN_MS for OPS_TRY_MS, never by the gateway
 * that it is about. Who was told is in outreach:audit and in the log (ops.told, ops.untold).
 */
#ifndef OUTREACH_OPS_H
#define OUTREACH_OPS_H

#include "alarm.h"
#include "duty.h"

#define OPS_AGAIN_MS 3600000
#define OPS_LASTS_MS 86400000
#define OPS_TRY_MS 3600000

struct ops; /* opaque */

struct ops *ops_create(const struct inbound_options *options, struct duty *duty); /* borrows all */
void ops_free(struct ops *o); /* before duty_free(); NULL is fine */

/* It holds, as dispatch_options.alarm says. */
void ops_alarm(struct ops *o, const struct alarm *alarm);

/* The sentence that people read: into out, in Chinese or English. The level is that of `alerts`. */
#define OPS_WORDS_BYTES 600
void ops_words(const struct alarm *alarm, bool chinese, char out[OPS_WORDS_BYTES]);
int ops_level(enum alarm_matter matter); /* enum log_level */

#endif
