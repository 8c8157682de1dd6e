#include "kept_back.h"

#include "builtin.h"
#include "campaigns.h"
#include "decide.h"
#include "forecast.h"
#include "gateway.h"
#include "human.h"
#include "keys.h"
#include "mem.h"
#include "reply_book.h"
#include "safe.h"
#include "settings.h"
#include "words.h"

#include <inttypes.h>
#include <string.h>

bool kept_back_waits(const struct reminder_status *r, const struct record *record)
{
    return !r->cancelled && strcmp(r->state, "skipped") != 0 && strcmp(r->state, "done") != 0 &&
           (record == NULL || record->state == NOTICE_UNTOUCHED || record->state == NOTICE_PARKED);
}

/* What key has of her addresses that a row has: NULL where it has none. */
static int ask_addresses(struct cli *cli, const struct campaign *c,
                         const struct template_value *row, const char *verb, const char *key,
                         redisReply **reply, struct error *err)
{
    struct command command = COMMAND_INIT;
    size_t count = 0;
    int rc = 0;

    *reply = NULL;
    command_start(&command, verb);
    command_add_string(&command, key);
    for (size_t k = 0; k < c->channel_count; k++)
        if (row[k].length > 0) {
            command_add(&command, row[k].text, row[k].length);
            count++;
        }
    if (count > 0)
        rc = db_ask(cli->db, &command, reply, err);
    command_free(&command);
    return rc;
}

static int ask_refused(struct cli *cli, const struct campaign *c, const struct template_value *row,
                       enum kept_back *kept, struct error *err)
{
    redisReply *reply;

    if (ask_addresses(cli, c, row, "SMISMEMBER", KEY_OPTOUT, &reply, err) != 0)
        return -1;
    for (size_t k = 0; reply != NULL && k < reply->elements; k++)
        if (db_int(db_at(reply, k), 0) != 0)
            *kept = KEPT_BACK_REFUSED;
    if (reply != NULL)
        freeReplyObject(reply);
    return 0;
}

/* Is there a neutral text for her? The first channel that reaches her decides, from step on; where
 * its gateways differ, it is not known which one she will be sent by, and there may be. */
static bool may_read(const struct cli *cli, const struct campaign *c, size_t r, size_t step,
                     const struct template_value *row)
{
    struct gateway_set *set =
        gateway_set_plan(cli->settings->gateways, cli->settings->plugin_dir, NULL);
    bool served = false, reads = false;

    for (; set != NULL && step < c->channel_count && !served; step++) {
        for (size_t i = 0; decide_address(c, r, step, row) && i < gateway_set_count(set); i++) {
            const struct gateway_config *g = gateway_config(gateway_set_at(set, i));
            struct decided_text text;

            if (g->disabled || g->group || strcmp(g->channel, c->channels[step]) != 0 ||
                (g->classes & 1u << c->class) == 0)
                continue;
            served = true;
            decide_text(c, r, step, g, row, &text); /* for its language */
            reads = reads || forecast_neutral(c, r, step, g, &row[step], &text) == REASON_NONE;
        }
    }
    gateway_set_close(set);
    return reads || !served;
}

static int ask_protected(struct cli *cli, const struct campaign *c, const char *reminder,
                         size_t step, const struct template_value *row, enum kept_back *kept,
                         struct error *err)
{
    int r = campaign_find_reminder(c, reminder);
    bool neutral = false;
    redisReply *reply;

    if (ask_addresses(cli, c, row, "HMGET", KEY_SAFE, &reply, err) != 0)
        return -1;
    for (size_t k = 0; reply != NULL && k < reply->elements; k++) {
        const redisReply *one = db_at(reply, k);
        struct safe_mark mark;

        if (one->type != REDIS_REPLY_STRING)
            continue;
        safe_parse(one->str, one->len, &mark);
        neutral = neutral || mark.mode == SAFE_NEUTRAL;
        if (mark.mode == SAFE_SKIP)
            *kept = KEPT_BACK_PROTECTED;
    }
    if (reply != NULL)
        freeReplyObject(reply);
    if (neutral && r >= 0 && !may_read(cli, c, (size_t)r, step, row))
        *kept = KEPT_BACK_PROTECTED;
    return 0;
}

/* of: whose rows these are: the campaign, or its built-in one. */
static int ask_row(struct cli *cli, const struct campaign *of, const char *id, const char *reminder,
                   int64_t n, size_t step, enum kept_back *kept, struct error *err)
{
    struct template_value row[CAMPAIGN_MAX_COLUMNS];
    struct command c = COMMAND_INIT;
    const redisReply *value;
    redisReply *rows;
    int rc;

    command_start(&c, "XRANGE");
    key_rows(&c, id, reminder);
    command_add_format(&c, "%" PRId64 "-0", n);
    command_add_format(&c, "%" PRId64 "-0", n);
    rc = db_ask(cli->db, &c, &rows, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    value = db_field(db_at(db_at(rows, 0), 1), "r");
    if (value != NULL && campaign_row_split(of, value->str, value->len, row) == 0) {
        if (decide_refusal_holds(reminder, decide_unasked(of, row)))
            rc = ask_refused(cli, of, row, kept, err);
        if (rc == 0 && *kept == KEPT_BACK_NOT)
            rc = ask_protected(cli, of, reminder, step, row, kept, err);
    }
    freeReplyObject(rows);
    return rc;
}

int kept_back_ask(struct cli *cli, const struct campaign *c, const char *reminder, int64_t n,
                  const struct record *record, enum kept_back *kept, struct error *err)
{
    struct campaign *own = NULL;
    int rc;

    *kept = KEPT_BACK_NOT;
    if (builtin_is(reminder)) {
        own = builtin_campaign(c, reminder, &cli->settings->defaults, err);
        if (own == NULL)
            return -1;
    }
    rc = ask_row(cli, own != NULL ? own : c, c->id, reminder, n, record != NULL ? record->step : 0,
                 kept, err);
    campaign_free(own);
    return rc;
}

char *kept_back_words(struct cli *cli, enum kept_back kept, const char *address,
                      const struct zone *zone, struct error *err)
{
    char when[HUMAN_BYTES];
    int64_t at_ms;

    if (kept == KEPT_BACK_PROTECTED)
        return xstrdup(words_reason(notice_reason_name(REASON_SAFE)));
    if (reply_book_refused_ms(cli, address, &at_ms, err) != 0)
        return NULL;
    return at_ms != 0 ? xasprintf(T("she opted out on %s"), human_time(when, zone, at_ms, false))
                      : xstrdup(T("she has opted out"));
}
