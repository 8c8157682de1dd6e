/*
 * callbacks.h - what providers push: /callbacks/GATEWAY[/TOKEN][/...]
 *
 * Anybody can send a request here, so that the gateway must know its provider by
 * something: the unguessable token of its `callback_token` in the path, the addresses
 * of `callback_from`, or a signature that its plugin checks (GATEWAY_CHECKS_PUSHES).
 * Where several are configured, all must be right. A gateway with none of them takes
 * no pushes. Who is wrong learns nothing: a gateway that does not exist, takes none,
 * or has another token is the same 404.
 *
 * The plugin reads the push and hands receipts and replies up; it answers 200 only when
 * all are stored, and 503 while Redis is away, so that the provider pushes again.
 */
#ifndef OUTREACH_CALLBACKS_H
#define OUTREACH_CALLBACKS_H

#include "web.h"

#include <stdbool.h>

struct gateway_set;

#define CALLBACKS_BODY_BYTES (256u * 1024u)

/* For a struct web_route; arg is the struct gateway_set **, which may be NULL for now. */
web_handler_fn callbacks_take;

/* Is there a gateway that takes pushes? */
bool callbacks_wanted(const struct gateway_set *set);

#endif
