#include "whole_cost.h"

#include "amend.h"
#include "asking.h"
#include "gateway_names.h"
#include "gateway_orders.h"
#include "keys.h"
#include "ledger.h"

#include <inttypes.h>

#define ROWS_AT_ONCE 2000

/* Adds how many there were to *count. */
static int read_rows(struct asking *a, const char *id, int64_t from, int64_t *count,
                     struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *rows;
    int rc;

    command_start(&c, "XRANGE");
    key_audience(&c, id);
    command_add_format(&c, "%" PRId64 "-0", from);
    command_add_format(&c, "%" PRId64 "-0", from + ROWS_AT_ONCE - 1);
    rc = db_ask(a->cli->db, &c, &rows, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    for (size_t i = 0; i < rows->elements; i++) {
        const redisReply *row = db_field(db_at(rows->element[i], 1), "r");

        if (row == NULL || row->type != REDIS_REPLY_STRING)
            continue;
        forecast_row(a->forecast, row->str, row->len, &(struct forecast_person){.safe = -1});
        ++*count;
    }
    freeReplyObject(rows);
    return 0;
}

/* Everybody gets what is for all. */
static bool reaches_all(const struct asking *a, const bool *skipped, int64_t count)
{
    for (size_t r = 0; r < a->campaign->reminder_count; r++)
        if (!skipped[r] && a->campaign->reminders[r].only[0] == '\0' &&
            forecast_reminder(a->forecast, r)->sent < count)
            return false;
    return true;
}

/* What a gateway took is paid for, whatever came of it, and a second copy once more; of one that is
 * under way, or in doubt, nobody knows better than that it is. */
static double cost_of(const struct gateway_names *gateways, const unsigned char *bytes)
{
    struct record r;

    record_unpack(bytes, &r);
    if (r.gateway >= GATEWAY_NAMES_MAX ||
        ((r.flags & FLAG_TOLD) == 0 && (!record_was_submitted(&r) || r.state == NOTICE_FAILED)))
        return 0;
    return gateways->costs[r.gateway] * r.segments * ((r.flags & FLAG_RESENT) != 0 ? 2 : 1);
}

/* One that is no longer configured costs what the dearest does. */
static int read_costs(struct cli *cli, struct gateway_names *gateways, struct error *err)
{
    double dearest = 0;

    if (gateway_names_read(gateways, cli, err) != 0)
        return -1;
    for (size_t i = 0; i < GATEWAY_NAMES_MAX; i++)
        dearest = gateways->costs[i] > dearest ? gateways->costs[i] : dearest;
    for (size_t i = 0; i < GATEWAY_NAMES_MAX; i++)
        if (gateways->names[i] != NULL && gateway_configured(cli, gateways->names[i]) == NULL)
            gateways->costs[i] = dearest;
    return 0;
}

/* Of the corrections that have left, one by one: a person may have had several. Those that still
 * wait are replaced by the ones of the amendment at hand. */
static int add_sent_corrections(struct cli *cli, const char *id, int64_t last, double *cost,
                                struct error *err)
{
    struct gateway_names gateways = {0};
    struct command c = COMMAND_INIT;
    int rc = last > 0 ? read_costs(cli, &gateways, err) : 0;

    for (int64_t from = 1; from <= last && rc == 0; from += ROWS_AT_ONCE) {
        redisReply *reply = NULL;

        command_start(&c, "GETRANGE");
        key_ledger(&c, id, BUILTIN_CORRECTIONS);
        command_add_int(&c, from * LEDGER_RECORD_BYTES);
        command_add_int(&c, (from + ROWS_AT_ONCE) * LEDGER_RECORD_BYTES - 1);
        rc = db_ask(cli->db, &c, &reply, err);
        for (size_t at = 0; rc == 0 && at + LEDGER_RECORD_BYTES <= reply->len;
             at += LEDGER_RECORD_BYTES)
            *cost += cost_of(&gateways, (const unsigned char *)reply->str + at);
        freeReplyObject(reply);
    }
    command_free(&c);
    gateway_names_free(&gateways);
    return rc;
}

int whole_cost(struct cli *cli, const struct campaign_status *status,
               const struct amendment *amendment, double *cost, struct error *err)
{
    struct asking *a = asking_create(cli, amendment->now, status->queued_ms, err);
    bool skipped[CAMPAIGN_MAX_REMINDERS];
    int64_t count = 0;
    int rc = a != NULL ? 0 : -1;

    amendment_skipped(amendment, skipped);
    for (size_t r = 0; a != NULL && r < amendment->now->reminder_count; r++)
        forecast_begun(a->forecast, r, !skipped[r]);
    for (int64_t from = 1; from <= status->rows && rc == 0; from += ROWS_AT_ONCE)
        rc = read_rows(a, status->id, from, &count, err);
    *cost = rc == 0 && count > 0 && reaches_all(a, skipped, count)
                ? asking_sums(a).cost * (double)status->rows / (double)count
                : -1;
    if (*cost >= 0)
        rc =
            add_sent_corrections(cli, status->id, amendment_earlier_corrections(status), cost, err);
    asking_free(a);
    return rc;
}
