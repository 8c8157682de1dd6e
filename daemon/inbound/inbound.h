/*
 * inbound.h - receipts and replies
 *
 * A receipt names a message id of its gateway. It is looked up in the index (or
 * parked until its id is known), the record it belongs to is read, and moved by
 * LEDGER.md section 5: delivered when all parts are, undelivered at the first that
 * is not, and a positive receipt of any attempt wins. The peer is answered only
 * when that is durable. Receipts of one turn of the loop go together.
 *
 * Replies are replies.h's.
 */
#ifndef OUTREACH_INBOUND_H
#define OUTREACH_INBOUND_H

#include "dispatch.h"

struct inbound; /* opaque */

struct inbound_options {
    struct event_base *base;
    struct db *db;
    struct dispatch *dispatch;
    struct delivery_log *log;
    const struct settings *settings;
};

struct inbound *inbound_create(const struct inbound_options *options); /* borrows all */
void inbound_free(struct inbound *in); /* after the gateways are shut; NULL is fine */

/* Begins: now and then receipts that are parked are looked up again, since a daemon
 * may die between the coming of their id and their move. */
void inbound_start(struct inbound *in, struct gateway_set *gateways);

/* After gateway_set_reload(). */
void inbound_gateways_changed(struct inbound *in);

/* For struct gateway_events: of an answer whether it was to a message of this room's own. */
bool inbound_answered(struct inbound *in, void *context, const struct gateway_answer *answer);
void inbound_receipt(struct inbound *in, struct gateway *gw, const struct gateway_receipt *receipt,
                     gateway_stored_fn *stored, void *stored_arg);
void inbound_reply(struct inbound *in, struct gateway *gw, const struct gateway_reply *reply,
                   gateway_stored_fn *stored, void *stored_arg);

/* For dispatch_options.early: a receipt that had been parked, now that its id is known. */
void inbound_early(struct inbound *in, struct gateway *gw, const char *id, size_t id_length,
                   const char *receipt, size_t n);

/* For dispatch_options.alarm. */
void inbound_alarm(struct inbound *in, const struct alarm *alarm);

/* The gateways are about to be closed: their acknowledgements are no longer wanted. */
void inbound_mute(struct inbound *in);

/* Nothing is under way: the daemon may stop. */
bool inbound_idle(const struct inbound *in);

/* Lets go of what a burst needed, and nobody since the last call. */
void inbound_trim(struct inbound *in);

#endif
