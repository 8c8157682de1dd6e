/*
 * balance.h - what is left of the money that a gateway was paid in advance
 *
 * No provider here can be asked, so a person says what there is (`outreach gateways balance NAME
 * AMOUNT`, from the provider's page), and from then on it is reckoned: every daemon writes down
 * what it has spent through each gateway that has a `cost`, a sum that only grows, every few
 * seconds. A daemon that is killed has not written its last seconds. It is an estimate for people,
 * and stops nothing.
 *
 *     outreach:gateways:orders       NAME:balance -> "AMOUNT BASE", with NAME:balance:by, :why, :at
 *     outreach:{gw:NAME}:spent       hash: daemon -> what it has spent, ever
 *
 * BASE is what all had spent when AMOUNT was said. All are ten-thousandths of the currency.
 */
#ifndef OUTREACH_BALANCE_H
#define OUTREACH_BALANCE_H

#include "db.h"

#define BALANCE_UNIT 10000
#define BALANCE_MOST 1000000000.0 /* of the currency */

struct balance {
    bool stated;
    int64_t amount, left; /* left may be below 0: more was spent than was said to be there */
};

/* What the orders (a flat list of names and values) and the gateway's hash of what was spent say of
 * it. */
struct balance balance_read(const redisReply *orders, const char *gateway, const redisReply *spent);

/* What stands in that hash, all daemons together. */
int64_t balance_spent(const redisReply *spent);

/* The calls: the hash; and what this daemon has spent, in place of what stood there. */
void balance_ask_command(struct command *c, const char *gateway);
void balance_spend_command(struct command *c, const char *gateway, const char *daemon,
                           int64_t spent);

#endif
