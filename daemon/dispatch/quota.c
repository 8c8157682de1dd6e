#include "inside.h"

#include "clock.h"
#include "keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AHEAD_LEAST_US 4000
#define AHEAD_MOST_US 300000

static void key_quota(struct command *c, enum quota_kind kind, const char *name)
{
    switch (kind) {
    case QUOTA_GATEWAY:
        key_gateway(c, name, "shares");
        break;
    case QUOTA_SENDER:
        key_sender(c, name, "shares");
        break;
    case QUOTA_CAMPAIGN:
        key_campaign_shares(c, name);
    }
}

static void give_back(struct dispatch *d, enum quota_kind kind, const char *name,
                      const char *daemon)
{
    if (d->replaced && strcmp(daemon, d->name) == 0)
        return; /* that of whom has our name now */
    command_start(&d->command, "HDEL");
    key_quota(&d->command, kind, name);
    command_add_string(&d->command, daemon);
    db_send(d->db, &d->command, NULL, NULL);
}

struct quota *quota_get(struct dispatch *d, enum quota_kind kind, const char *name,
                        const struct quota_rate *rate)
{
    struct quota *q;

    for (q = d->quotas; q != NULL; q = q->next)
        if (q->kind == kind && strcmp(q->name, name) == 0)
            break;
    if (q == NULL) {
        q = xcalloc(1, sizeof *q);
        q->d = d;
        q->kind = kind;
        snprintf(q->name, sizeof q->name, "%s", name);
        share_init(&q->share, rate->slots, rate->period_ms, rate->burst, rate->least,
                   clock_mono_us());
        q->next = d->quotas;
        d->quotas = q;
    }
    q->users++;
    return q;
}

void quota_change(struct quota *q, const struct quota_rate *rate)
{
    int64_t period_ms = rate->period_ms < 1000 ? 1000 : rate->period_ms; /* as limit_init() */

    if (q->share.slots == rate->slots &&
        (rate->slots == 0 || q->share.limit.period_us == 1000 * period_ms))
        return;
    if (rate->slots == 0)
        give_back(q->d, q->kind, q->name, q->d->name);
    share_change(&q->share, rate->slots, period_ms, rate->burst, rate->least, clock_mono_us());
    limit_gather(&q->share.limit, q->gather_us);
}

void quota_gather(struct quota *q, int64_t us)
{
    if (q == NULL || q->gather_us == us)
        return;
    q->gather_us = us;
    limit_gather(&q->share.limit, us);
}

void quota_drop(struct quota *q)
{
    if (q != NULL)
        q->users--;
}

static void on_share(void *arg, const redisReply *reply)
{
    struct quota *q = arg;

    share_answer(&q->share, reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0,
                 clock_mono_us());
    dispatch_ask_turn(q->d);
}

static void quota_ask(struct quota *q)
{
    struct dispatch *d = q->d;
    struct command *c = &d->command;
    unsigned using;

    if (!share_ask(&q->share, &using, clock_mono_us(), clock_boot_ms()))
        return;
    /* Nobody holds a share whom nobody looks at: it would be gone for good with him. The set may
     * have been lost since the last beat. */
    command_start(c, "SADD");
    command_add_string(c, KEY_DAEMONS);
    command_add_string(c, d->name);
    db_try(d->db, c, NULL, NULL);
    command_script(c, SCRIPT_SHARE, 1);
    key_quota(c, q->kind, q->name);
    command_add_string(c, d->name);
    command_add_int(c, using);
    command_add_int(c, q->share.slots);
    command_add_int(c, q->share.least);
    command_add_int(c, clock_wall_ms() / QUOTA_TURN_MS);
    db_send(d->db, c, on_share, q);
}

void quotas_ask(struct dispatch *d, bool all)
{
    struct quota **at = &d->quotas;

    while (*at != NULL) {
        struct quota *q = *at;

        share_check(&q->share, clock_boot_ms());
        if (q->users == 0 && !q->share.asking) {
            if (q->share.slots > 0)
                give_back(d, q->kind, q->name, d->name);
            *at = q->next;
            free(q);
            continue;
        }
        if (q->users > 0 && (all || q->share.good_boot_ms < clock_boot_ms()))
            quota_ask(q);
        at = &q->next;
    }
}

void quotas_return(struct dispatch *d, const char *daemon)
{
    for (struct quota *q = d->quotas; q != NULL; q = q->next)
        if (q->share.slots > 0)
            give_back(d, q->kind, q->name, daemon);
}

void quota_return_campaign(struct dispatch *d, const char *id, const char *daemon)
{
    give_back(d, QUOTA_CAMPAIGN, id, daemon);
}

void quotas_free(struct dispatch *d)
{
    struct quota *next;

    for (struct quota *q = d->quotas; q != NULL; q = next) {
        next = q->next;
        free(q);
    }
    d->quotas = NULL;
}

/* How long before it can leave an intent for one more is asked for: twice as long as
 * Redis takes now. Sooner, and more would be in doubt after a crash without need. */
static int64_t ahead_us(const struct quota *q)
{
    int64_t us = 2 * q->d->intent_us;

    us = us < AHEAD_LEAST_US ? AHEAD_LEAST_US : us > AHEAD_MOST_US ? AHEAD_MOST_US : us;
    return us + q->gather_us;
}

int64_t quota_wait_us(const struct quota *q)
{
    double rate;
    int64_t us;

    if (q == NULL)
        return 0;
    rate = limit_rate(&q->share.limit);
    us = limit_wait_us(&q->share.limit, clock_mono_us());
    if (rate > 0)
        us += (int64_t)((double)q->ahead * 1000000 / rate) - ahead_us(q);
    return us > 0 ? us : 0;
}

size_t quota_room(const struct quota *q)
{
    double rate, room;

    if (q == NULL)
        return SIZE_MAX;
    if (q->share.limit.slots < 0 || quota_wait_us(q) > 0)
        return 0;
    rate = limit_rate(&q->share.limit);
    if (rate <= 0)
        return SIZE_MAX;
    room =
        (double)(ahead_us(q) - limit_wait_us(&q->share.limit, clock_mono_us())) * rate / 1000000 -
        (double)q->ahead;
    return room > 1 ? (size_t)room : 1;
}
