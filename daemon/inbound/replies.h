/*
 * replies.h - what residents write back
 *
 * A reply means the campaign whose extension stands behind the number that it was sent to,
 * else that of the last notice to whoever sent it (store/last_notice.h), where that campaign
 * listens. Then, in this order:
 *
 *   a cry for help    no machine answers: it is marked, and the duty people are told
 *                     within a minute (duty.h)
 *   the campaign's    a place is taken or given back, an answer is counted, and the
 *   words             campaign's text says so, as a notice of its reminder `answers`
 *   a refusal         takes the address off for ever, on every channel; one confirmation a
 *                     day at most, where the campaign has a text for it
 *   anything else     waits for a person: `outreach replies`
 *
 * All of it is stored in outreach:replies. The peer is answered when everything is
 * durable, the refusal above all; what it sends again changes nothing and is answered to
 * nobody twice, since each answer is known by the change that it tells of.
 */
#ifndef OUTREACH_REPLIES_H
#define OUTREACH_REPLIES_H

#include "inbound.h"

struct duty;
struct replies; /* opaque */

/* options are copied; borrows all. */
struct replies *replies_create(const struct inbound_options *options, struct duty *duty);
void replies_free(struct replies *all); /* NULL is fine */

/* For inbound_reply(). */
void replies_take(struct replies *all, struct gateway *gw, const struct gateway_reply *reply,
                  gateway_stored_fn *stored, void *stored_arg);

/* The acknowledgements are no longer wanted. */
void replies_mute(struct replies *all);
bool replies_idle(const struct replies *all);

#endif
