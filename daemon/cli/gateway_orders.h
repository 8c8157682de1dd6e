/*
 * gateway_orders.h - what people have ordered of a gateway: pause, drain, limit
 *
 * Orders stand in Redis until they are taken back. Every daemon reads them about once a
 * second, and before it begins (dispatch/orders.c).
 */
#ifndef OUTREACH_GATEWAY_ORDERS_H
#define OUTREACH_GATEWAY_ORDERS_H

#include "balance.h"
#include "cli.h"

/* "gateways VERB NAME ...": is that one of ours? */
bool gateway_orders_verb(const char *verb);

/* Does and audits it: operands[0] is the verb; why may be NULL. Returns an exit code. */
int gateway_orders_run(struct cli *cli, const char *why, char **operands, int count);

/* All that stand, a flat list of names and values for db_field() and freeReplyObject();
 * or -1 with err. */
int gateway_orders_read(struct cli *cli, redisReply **orders, struct error *err);

/* What is ordered of one: "paused", "drained" or "", and a rate as it was written or "". */
const char *gateway_orders_state(const redisReply *orders, const char *name);
const char *gateway_orders_rate(const redisReply *orders, const char *name);

/* Who ordered it, when and why; "" and 0 where that is not known. */
struct gateway_order {
    const char *by, *why;
    int64_t at_ms; /* wall clock */
};
struct gateway_order gateway_orders_state_by(const redisReply *orders, const char *name);
struct gateway_order gateway_orders_rate_by(const redisReply *orders, const char *name);

/* What is left of its prepaid balance, where somebody has said what there was; or -1 with err. */
int gateway_orders_balance(struct cli *cli, const redisReply *orders, const char *name,
                           struct balance *out, struct error *err);
struct gateway_order gateway_orders_balance_by(const redisReply *orders, const char *name);

/* The group of a gateway in the configuration, or NULL. */
const struct tree *gateway_configured(const struct cli *cli, const char *name);

/* Says that there is none of that name, and which one may be meant: by a slip of the pen, or by
 * its channel ("短信"). EX_DATAERR. */
int gateway_unknown(const struct cli *cli, const char *name);

#endif
