#include "whole_cost.h"

#include "amend.h"
#include "asking.h"
#include "keys.h"

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
    asking_free(a);
    return rc;
}
