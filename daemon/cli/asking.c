#include "asking.h"

#include "hours.h"
#include "keys.h"
#include "mem.h"
#include "safe.h"
#include "template.h"

#include <stdlib.h>

struct asking *asking_create(struct cli *cli, const struct campaign *campaign, int64_t now_ms,
                             struct error *err)
{
    struct asking *a = xcalloc(1, sizeof *a);

    *a = (struct asking){.cli = cli, .campaign = campaign, .rows = BUF_INIT(64u << 20)};
    a->forecast = forecast_create(campaign, cli->settings, now_ms, err);
    if (a->forecast != NULL)
        return a;
    asking_free(a);
    return NULL;
}

void asking_free(struct asking *a)
{
    if (a == NULL)
        return;
    forecast_free(a->forecast);
    buf_free(&a->rows);
    free(a);
}

static void add_addresses(struct command *c, const struct asking *a, size_t i)
{
    struct template_value values[CAMPAIGN_MAX_COLUMNS];
    bool split =
        campaign_row_split(a->campaign, a->rows.data + a->at[i], a->length[i], values) == 0;

    for (size_t k = 0; k < a->campaign->channel_count; k++)
        command_add(c, split ? values[k].text : "", split ? values[k].length : 0);
}

/* Each address of one person may be marked: the strictest holds, and hours of her own besides. */
static void add_mark(struct forecast_person *who, struct hours **hours, const redisReply *value)
{
    struct safe_mark mark;

    if (value == NULL || value->type != REDIS_REPLY_STRING)
        return;
    safe_parse(value->str, value->len, &mark);
    if (who->safe < 0 || (int)mark.mode < who->safe)
        who->safe = (int)mark.mode;
    if (mark.mode == SAFE_HOURS && *hours == NULL)
        who->hours = *hours = hours_parse(mark.hours, NULL);
}

static int flush(struct asking *a, struct error *err)
{
    size_t per = a->campaign->channel_count;
    bool asks = a->cli->db != NULL && !a->everybody && a->count > 0;
    struct command c = COMMAND_INIT;
    redisReply *reply = NULL, *marks = NULL;
    int rc = 0;

    if (asks) {
        command_start(&c, "SMISMEMBER");
        command_add_string(&c, KEY_OPTOUT);
        for (size_t i = 0; i < a->count; i++)
            add_addresses(&c, a, i);
        rc = db_ask(a->cli->db, &c, &reply, err);
    }
    if (asks && rc == 0) {
        command_start(&c, "HMGET");
        command_add_string(&c, KEY_SAFE);
        for (size_t i = 0; i < a->count; i++)
            add_addresses(&c, a, i);
        rc = db_ask(a->cli->db, &c, &marks, err);
    }
    for (size_t i = 0; i < a->count && rc == 0; i++) {
        struct forecast_person who = {.safe = -1, .number = a->numbers[i]};
        struct hours *hours = NULL;

        for (size_t k = 0; reply != NULL && k < per; k++)
            who.refused = who.refused || db_int(db_at(reply, i * per + k), 0) != 0;
        for (size_t k = 0; marks != NULL && k < per; k++)
            add_mark(&who, &hours, db_at(marks, i * per + k));
        forecast_row(a->forecast, a->rows.data + a->at[i], a->length[i], &who);
        hours_free(hours);
    }
    if (marks != NULL)
        freeReplyObject(marks);
    if (reply != NULL)
        freeReplyObject(reply);
    command_free(&c);
    buf_clear(&a->rows);
    a->count = 0;
    return rc;
}

int asking_row(void *arg, const char *row, size_t n, struct error *err)
{
    struct asking *a = arg;

    a->at[a->count] = a->rows.length;
    a->numbers[a->count] = a->number;
    a->length[a->count++] = n;
    buf_put(&a->rows, row, n);
    buf_putc(&a->rows, '\0'); /* a group's has no bytes, and is a row all the same */
    return a->count < ASKING_ROWS ? 0 : flush(a, err);
}

int asking_end(struct asking *a, struct error *err)
{
    if (flush(a, err) != 0)
        return -1;
    forecast_finish(a->forecast);
    return 0;
}

struct asking_sums asking_sums(const struct asking *a)
{
    struct asking_sums sums = {0};

    for (size_t r = 0; r < a->campaign->reminder_count; r++) {
        const struct forecast_reminder *p = forecast_reminder(a->forecast, r);

        sums.notices += p->sent;
        sums.segments += p->segments;
        sums.cost += p->cost;
    }
    return sums;
}
