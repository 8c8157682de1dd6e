/*
 * shared.h - values that all daemons share: access tokens
 *
 * A provider's token is good for two hours, fetching it is throttled, and for some a new one
 * ends the one before: so one daemon fetches it, and all use it. It lies in Redis, sealed under the
 * gateway's own secrets (libsodium's secretbox): who reads Redis, its AOF or MONITOR without
 * knowing them has nothing. Who may write to Redis can make us fetch it anew, not more.
 *
 * The keys are outreach:{gw:NAME}:sealed:VALUE and ...:maker; sealed.lua is the one script.
 * gateway_plugin.h has what a plugin sees of it.
 */
#ifndef OUTREACH_SHARED_H
#define OUTREACH_SHARED_H

#include "gateway_plugin.h"

#define SHARED_NAME_BYTES 32
#define SHARED_VALUE_BYTES 4096 /* what is longer is not kept */
#define SHARED_MAKE_MS 20000    /* who has not put it by then is taken for lost */

struct gateway;

void shared_ask(struct gateway *gw, const char *name, const char *stale, gateway_shared_fn *fn,
                void *arg);
void shared_put(struct gateway *gw, const char *name, const char *value, size_t length,
                int64_t ttl_ms);

/* No fn of the gateway's plugin runs after it. */
void shared_cancel(struct gateway *gw);

/* Frees what is known; Redis must not answer any more. */
void shared_free(struct gateway *gw);

#endif
