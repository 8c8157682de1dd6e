/*
 * duty.h - the duty people are told of a cry for help
 *
 * Each entry of `alerts` in the configuration is told by itself: a number or a group through
 * a gateway ("gateway:address", "gateway"), or a program, which reads one line of JSON
 * (event, id, at, from, campaign, text) and ends with 0. What stands in line is in Redis
 * beside the reply, put there by the script that stores it, and is tried again every
 * DUTY_AGAIN_MS until the gateway has accepted it, by whatever daemon is there. One with no
 * answer is told again, too: rather twice than not at all.
 *
 * Who comes into the configuration while an alarm is under way is told of it, too. Where one has a
 * target that no daemon names any more, all those that are named take its place.
 *
 * It goes past ledgers, hours, caps and rates: at most a few messages an alarm.
 */
#ifndef OUTREACH_DUTY_H
#define OUTREACH_DUTY_H

#include "inbound.h"

#define DUTY_AGAIN_MS 10000

struct duty; /* opaque */

struct duty *duty_create(const struct inbound_options *options); /* copied, borrows all */
void duty_free(struct duty *d); /* after the gateways are shut; NULL is fine */
void duty_start(struct duty *d, struct gateway_set *gateways);

/* Adds an argument for each whom the configuration names, for SCRIPT_REPLY. */
void duty_targets(const struct settings *settings, struct command *c);

/* Something stands in line: looks at once. */
void duty_look(struct duty *d);

/* One of them is told something else, by itself and once: words (without a signature) by a message,
 * line to a program. target is an entry's "gateway:address", "gateway" or "exec:/path"; never by
 * the gateway called not_by (or ""), nor by one that takes nothing now: an address is told by
 * another of its channel. fn runs once, perhaps before this returns, and never once d is freed. */
typedef void duty_told_fn(void *arg, bool told, const char *why);
struct duty_note {
    const char *id, *words, *line, *not_by;
};
void duty_tell(struct duty *d, const char *target, const struct duty_note *note, duty_told_fn *fn,
               void *arg);

/* Target i of the configuration, as it is written above. */
#define DUTY_TARGET_BYTES 4200
void duty_target(const struct settings *settings, size_t i, char out[DUTY_TARGET_BYTES]);

/* Whether this context of a submit is one of its own; then it has taken the answer. */
bool duty_answered(struct duty *d, void *context, const struct gateway_answer *answer);

/* The gateways are about to be closed: nothing more is begun. */
void duty_mute(struct duty *d);

#endif
