#include "inside.h"

#include "keys.h"

#include <stdlib.h>

/*
 * A gateway's rate holds for all daemons together. Each leases a share, not single
 * slots, and paces itself: a lane with a rate is shut until it has one. A daemon asks
 * again and again; what it was pacing itself at since the last time goes along, so
 * that a share passes to another only when it is no longer made use of.
 */
#define WIRE                                                                                       \
    0.96 /* between the pace and the wire lies an intent, which takes now more, now less           \
          */

static void on_share(void *arg, const redisReply *reply)
{
    struct lane *lane = arg;

    if (reply->type != REDIS_REPLY_STRING)
        return;
    limit_set(&lane->limit, strtod(reply->str, NULL) * WIRE);
    dispatch_ask_turn(lane->d);
}

void shares_ask(struct dispatch *d)
{
    struct command *c = &d->command;

    for (size_t i = 0; i < d->lane_count; i++) {
        struct lane *lane = &d->lanes[i];

        if (lane->rate <= 0)
            continue;
        command_script(c, SCRIPT_SHARE, 1);
        key_gateway(c, lane->name, "shares");
        command_add_string(c, d->name);
        command_add_format(c, "%.3f", lane->limit.rate > 0 ? lane->limit.rate / WIRE : 0);
        command_add_format(c, "%.3f", lane->rate);
        db_send(d->db, c, on_share, lane);
    }
}

void shares_return(struct dispatch *d, const char *daemon)
{
    struct command *c = &d->command;

    for (size_t i = 0; i < d->lane_count; i++) {
        if (d->lanes[i].rate <= 0)
            continue;
        command_start(c, "HDEL");
        key_gateway(c, d->lanes[i].name, "shares");
        command_add_string(c, daemon);
        db_send(d->db, c, NULL, NULL);
    }
}
