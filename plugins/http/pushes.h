/*
 * pushes.h - receipts and replies that the gateway pushes to us over HTTP
 *
 * Who pushes is known by the token in the path: the host has checked it. What
 * is pushed is described in the configuration by the names of its parameters,
 * which are looked for in the query, in a form in the body, or, where the body
 * is JSON, as paths into it (jsonpath.h):
 *
 *     receipt = ( { id = "msgid"; state = "status"; delivered = ( "DELIVRD" );
 *                   undelivered = ( "UNDELIV", "EXPIRED" ); code = "err"; } );
 *     reply   = ( { from = "mobile"; to = "port"; text = "content"; id = "id"; } );
 *
 * Several descriptions are tried in the order written; the first whose needed
 * parameters are all there is it. A receipt needs state and one of id and
 * reference; a reply needs from and text. A state in no list is taken as "on
 * its way". A body that is a JSON array, or has one at the setting push_list,
 * holds several; of these, what no description fits is logged and passed over.
 *
 * The gateway gets 200 and the setting push_answer once everything is stored,
 * 503 if something is not, 400 for what cannot be read, 413 for over a thousand
 * items in one push.
 */
#ifndef HTTP_PUSHES_H
#define HTTP_PUSHES_H

#include "gateway_plugin.h"

struct pushes;

extern const struct gateway_setting pushes_receipt_fields[];
extern const struct gateway_setting pushes_reply_fields[];

/* Returns NULL with a sentence in error that names the setting. */
struct pushes *pushes_open(const struct gateway_host *host, struct gateway *gw, char *error,
                           size_t size);
void pushes_close(struct pushes *p); /* NULL is fine; what is unanswered stays so */

bool pushes_has_receipts(const struct pushes *p);
bool pushes_echo_reference(const struct pushes *p); /* is every receipt found by our reference? */

/* As gateway_plugin.callback. */
void pushes_take(struct pushes *p, const struct gateway_push *push, gateway_push_answer_fn *answer,
                 void *arg);

#endif
