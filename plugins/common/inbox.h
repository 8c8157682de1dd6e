/*
 * inbox.h - many receipts and replies, one answer
 *
 * A push is answered once, when all that was in it is stored: 200 with the body that the
 * provider asks for, or 503 if one item is not, so that it pushes again.
 */
#ifndef PLUGIN_INBOX_H
#define PLUGIN_INBOX_H

#include "gateway_plugin.h"

/* A receipt with this id is durable. */
typedef void inbox_stored_fn(void *owner, const char *id, size_t n);

struct push; /* on its way, opaque */

struct inbox {
    const struct gateway_host *host;
    struct gateway *gw;
    const char *ok_body;     /* of our 200 */
    inbox_stored_fn *stored; /* or NULL */
    void *owner;
    struct push *first; /* the inbox's own; NULL at the beginning */
};

/* Any number of receipts and replies between begin and end; answer runs once, in inbox_end()
 * or later. */
struct push *inbox_begin(struct inbox *in, gateway_push_answer_fn *answer, void *arg);
void inbox_receipt(struct push *p, const struct gateway_receipt *receipt);
void inbox_reply(struct push *p, const struct gateway_reply *reply);
void inbox_end(struct push *p);

/* For close(): the host no longer calls back, and answers what is open itself. */
void inbox_free(struct inbox *in);

#endif
