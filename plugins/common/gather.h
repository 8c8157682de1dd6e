/*
 * gather.h - one answer for all receipts and replies that came together
 *
 * A push, or what a poll has brought, is answered once: 200 with ok_body when all that was in
 * it is stored, 503 if one item is not, so that it comes again.
 */
#ifndef PLUGIN_GATHER_H
#define PLUGIN_GATHER_H

#include "gateway_plugin.h"

struct gathering; /* on its way, opaque */

struct gather {
    const struct gateway_host *host;
    struct gateway *gw;
    const char *ok_body;     /* of our 200 */
    struct gathering *first; /* its own; NULL at the beginning */
};

/* Any number of receipts and replies between begin and end; answer runs once, in gather_end()
 * or later. */
struct gathering *gather_begin(struct gather *g, gateway_push_answer_fn *answer, void *arg);
void gather_receipt(struct gathering *x, const struct gateway_receipt *receipt);
void gather_reply(struct gathering *x, const struct gateway_reply *reply);
void gather_end(struct gathering *x);

/* For close(): the host calls back no more, and answers open pushes itself. */
void gather_close(struct gather *g);

#endif
