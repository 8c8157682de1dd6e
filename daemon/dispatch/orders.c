#include "inside.h"

#include "field.h"
#include "keys.h"
#include "log.h"

#include <stdio.h>
#include <string.h>

/*
 * People pause, drain and limit a gateway by a hash in Redis, which every daemon reads
 * about once a second and before it begins. So an order outlives all daemons and reaches
 * those that are still to come; and while Redis is away the last ones hold.
 */

static void obey(struct lane *lane, const redisReply *orders)
{
    char name[NAME_BYTES + 8];
    const redisReply *state = db_field(orders, lane->name), *limit;
    const char *word = state != NULL && state->str != NULL ? state->str : "";
    int64_t rate = 0, rate_ms = 1000;

    snprintf(name, sizeof name, "%s:rate", lane->name);
    limit = db_field(orders, name);
    if (limit != NULL && limit->str != NULL && field_rate(limit->str, &rate, &rate_ms) != 0)
        rate = 0;
    lane_limit(lane, rate, rate_ms);
    purse_stated(lane, orders);
    gateway_pause(lane->gateway, strcmp(word, "paused") == 0);
    if (strcmp(word, "drained") == 0)
        gateway_drain(lane->gateway);
    else
        gateway_undrain(lane->gateway);
}

static void on_orders(void *arg, const redisReply *reply)
{
    struct dispatch *d = arg;

    d->orders_asked = false;
    if (reply->type == REDIS_REPLY_ERROR && !d->orders_refused) /* nothing is begun before */
        log_error("orders.error reason=%s", log_quote(reply->str));
    d->orders_refused = reply->type == REDIS_REPLY_ERROR;
    if (reply->type != REDIS_REPLY_ARRAY || d->draining)
        return;
    for (size_t i = 0; i < d->lane_count; i++)
        if (!gateway_retired(d->lanes[i].gateway))
            obey(&d->lanes[i], reply);
    d->orders_known = true;
    dispatch_ask_turn(d);
}

void orders_ask(struct dispatch *d)
{
    if (d->orders_asked || d->draining)
        return;
    d->orders_asked = true;
    command_start(&d->command, "HGETALL");
    command_add_string(&d->command, KEY_ORDERS);
    db_send(d->db, &d->command, on_orders, d);
}
