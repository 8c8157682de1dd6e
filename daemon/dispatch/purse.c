#include "inside.h"

#include "balance.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/*
 * What each gateway has spent (store/balance.h). What this name's last life had spent is read
 * first, and goes on from there: nothing is written before that is known. Of several of one name
 * (a reload has retired the others) only the one that works writes: it is one sum.
 */
#define LOW_PART 10 /* without balance_low: less than a tenth of what was said is low */

void purse_spend(struct lane *lane, unsigned segments)
{
    lane->spent_new += llround(lane->config->cost * BALANCE_UNIT * segments);
}

/* A retired one leaves to its heir what it has not written. */
static void hand_over(struct lane *lane)
{
    struct dispatch *d = lane->d;

    if (!gateway_retired(lane->gateway))
        return;
    for (size_t i = 0; i < GATEWAY_SET_MAX; i++) {
        struct lane *heir = &d->lanes[i];

        if (heir->gateway == NULL || gateway_retired(heir->gateway) ||
            strcmp(heir->name, lane->name) != 0)
            continue;
        heir->spent_new += lane->spent_new;
        lane->spent_new = 0;
    }
}

/* Absolute, since a command may run twice. */
static void write_spent(struct lane *lane)
{
    struct dispatch *d = lane->d;

    hand_over(lane);
    if (lane->spent_new == 0)
        return;
    lane->spent += lane->spent_new;
    lane->spent_new = 0;
    balance_spend_command(&d->command, lane->name, d->name, lane->spent);
    db_send(d->db, &d->command, NULL, NULL);
}

static void on_spent(void *arg, const redisReply *reply)
{
    struct lane *lane = arg;
    const redisReply *own;

    lane->purse_asked = false;
    if (reply->type != REDIS_REPLY_ARRAY || lane->d->replaced)
        return;
    if (!lane->purse_known) {
        own = db_field(reply, lane->d->name);
        lane->spent = own != NULL ? db_int(own, 0) : 0;
        lane->purse_known = true;
    }
    lane->spent_all = balance_spent(reply);
    write_spent(lane);
}

static void ask_spent(struct lane *lane)
{
    if (lane->purse_asked)
        return;
    lane->purse_asked = true;
    balance_ask_command(&lane->d->command, lane->name);
    db_send(lane->d->db, &lane->d->command, on_spent, lane);
}

static void look_at_balance(struct lane *lane)
{
    const struct gateway_config *g = lane->config;
    int64_t left = lane->stated - (lane->spent_all - lane->stated_base);
    int64_t low =
        g->balance_low > 0 ? llround(g->balance_low * BALANCE_UNIT) : lane->stated / LOW_PART;
    char words[80];

    if (lane->stated == 0 || !lane->purse_known || gateway_retired(lane->gateway) || left >= low)
        return;
    snprintf(words, sizeof words, "%.2f %s", (double)left / BALANCE_UNIT,
             lane->d->settings->defaults.currency);
    matter_report(lane->d, ALARM_LOW, lane->name, 0, words);
}

void purse_stated(struct lane *lane, const redisReply *orders)
{
    const redisReply none = {.type = REDIS_REPLY_ARRAY};
    struct balance b = balance_read(orders, lane->name, &none);

    lane->stated = b.stated ? b.amount : 0;
    lane->stated_base = b.stated ? b.left - b.amount : 0;
}

void purses_look(struct dispatch *d)
{
    for (size_t i = 0; i < d->lane_count; i++) {
        struct lane *lane = &d->lanes[i];

        hand_over(lane);
        if (lane->spent_new == 0 && (lane->config->cost <= 0 || gateway_retired(lane->gateway)))
            continue;
        look_at_balance(lane);
        ask_spent(lane);
    }
}

void purses_close(struct dispatch *d)
{
    for (size_t i = 0; i < d->lane_count; i++)
        hand_over(&d->lanes[i]);
    for (size_t i = 0; i < d->lane_count && !d->replaced && dispatch_trusts(d); i++) {
        struct lane *lane = &d->lanes[i];

        if (lane->purse_known)
            write_spent(lane);
        else if (lane->spent_new > 0)
            ask_spent(lane); /* its answer writes it */
    }
}
