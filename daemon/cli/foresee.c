#include "foresee.h"

#include "clock.h"
#include "keys.h"
#include "mem.h"
#include "safe.h"
#include "template.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROWS_AT_ONCE 500

struct asking {
    struct cli *cli;
    struct forecast *forecast;
    const struct campaign *campaign;
    struct buf rows; /* those whose refusal is not yet asked for */
    size_t at[ROWS_AT_ONCE], length[ROWS_AT_ONCE], count;
};

static void add_addresses(struct command *c, const struct asking *a, size_t i)
{
    struct template_value values[CAMPAIGN_MAX_COLUMNS];
    bool split =
        campaign_row_split(a->campaign, a->rows.data + a->at[i], a->length[i], values) == 0;

    for (size_t k = 0; k < a->campaign->channel_count; k++)
        command_add(c, split ? values[k].text : "", split ? values[k].length : 0);
}

/* Of what the addresses of one person are marked with. */
static int stricter(int safe, const redisReply *value)
{
    struct safe_mark mark;

    if (value == NULL || value->type != REDIS_REPLY_STRING)
        return safe;
    safe_parse(value->str, value->len, &mark);
    return safe < 0 || (int)mark.mode < safe ? (int)mark.mode : safe;
}

static int flush(struct asking *a, struct error *err)
{
    size_t per = a->campaign->channel_count;
    struct command c = COMMAND_INIT;
    redisReply *reply = NULL, *marks = NULL;
    int rc = 0;

    if (a->cli->db != NULL && a->count > 0) {
        command_start(&c, "SMISMEMBER");
        command_add_string(&c, KEY_OPTOUT);
        for (size_t i = 0; i < a->count; i++)
            add_addresses(&c, a, i);
        rc = db_ask(a->cli->db, &c, &reply, err);
    }
    if (a->cli->db != NULL && a->count > 0 && rc == 0) {
        command_start(&c, "HMGET");
        command_add_string(&c, KEY_SAFE);
        for (size_t i = 0; i < a->count; i++)
            add_addresses(&c, a, i);
        rc = db_ask(a->cli->db, &c, &marks, err);
    }
    for (size_t i = 0; i < a->count && rc == 0; i++) {
        bool refused = false;
        int safe = -1;

        for (size_t k = 0; reply != NULL && k < per; k++)
            refused = refused || db_int(db_at(reply, i * per + k), 0) != 0;
        for (size_t k = 0; marks != NULL && k < per; k++)
            safe = stricter(safe, db_at(marks, i * per + k));
        forecast_row(a->forecast, a->rows.data + a->at[i], a->length[i], refused, safe);
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

static int on_row(void *arg, const char *row, size_t n, struct error *err)
{
    struct asking *a = arg;

    a->at[a->count] = a->rows.length;
    a->length[a->count++] = n;
    buf_put(&a->rows, row, n);
    buf_putc(&a->rows, '\0'); /* a group's has no bytes, and is a row all the same */
    return a->count < ROWS_AT_ONCE ? 0 : flush(a, err);
}

static int read_rows(struct cli *cli, struct foreseen *out, struct error *err)
{
    struct asking *a = xcalloc(1, sizeof *a);
    int rc = 0;

    *a = (struct asking){.cli = cli,
                         .campaign = out->reading.campaign,
                         .forecast = out->forecast,
                         .rows = BUF_INIT(64u << 20)};
    out->reading.row = on_row;
    out->reading.arg = a;
    if (reading_audience(&out->reading, err) != 0)
        rc = reading_fault(&out->reading);
    else if (flush(a, err) != 0)
        rc = EX_UNAVAILABLE;
    out->reading.row = NULL;
    buf_free(&a->rows);
    free(a);
    return rc;
}

int foresee(struct cli *cli, const char *path, size_t keep, foresee_fn *before, void *arg,
            struct foreseen *out, struct error *err)
{
    int rc;

    if (access(path, R_OK) != 0) {
        error_set(err, T("%s cannot be read: %s", "无法读取 %s：%s"), path, language_errno(errno));
        return EX_NOINPUT;
    }
    if (reading_open(&out->reading, cli, path, keep, err) != 0)
        return reading_fault(&out->reading);
    out->forecast = forecast_create(out->reading.campaign, cli->settings, clock_wall_ms(), err);
    if (out->forecast == NULL)
        return EX_CONFIG;
    if (before != NULL)
        before(arg, out->forecast, out->reading.campaign);
    rc = read_rows(cli, out, err);
    if (rc == 0)
        forecast_finish(out->forecast);
    return rc;
}

void foreseen_close(struct foreseen *f)
{
    forecast_free(f->forecast);
    reading_close(&f->reading);
}
