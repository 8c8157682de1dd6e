#include "correcting.h"

#include "amend.h"
#include "asking.h"
#include "builtin.h"
#include "clock.h"
#include "correction.h"
#include "human.h"
#include "keys.h"
#include "mem.h"
#include "table.h"
#include "template.h"
#include "tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096 /* people looked at together */
#define TEXT_BYTES 4096

struct look {
    struct cli *cli;
    const struct campaign_status *status;
    const struct amendment *amendment;
    bool other[AMEND_VERSIONS + 1];                     /* of that version the event was another */
    struct correction *corrections[AMEND_VERSIONS + 1]; /* made when somebody is to be sent it */
    redisReply *versions;                               /* the documents */
    struct told *people;                                /* of a page */
    struct campaign *builtin; /* with the corrections as its reminder; NULL: nobody is to be told */
    struct asking *asking;
    struct correcting *out;
};

/* ------------------------------------------------------------------- the versions */

static struct campaign *read_version(const struct look *l, unsigned version)
{
    const redisReply *document;
    struct tree *tree = NULL;
    char name[12];

    snprintf(name, sizeof name, "%u", version);
    document = db_field(l->versions, name);
    if (document != NULL && document->type == REDIS_REPLY_STRING)
        tree = tree_parse_json(document->str, document->len, NULL, NULL);
    return tree != NULL ? campaign_create(tree, &l->cli->settings->defaults, NULL, 0, NULL) : NULL;
}

static int compare_versions(struct look *l, struct error *err)
{
    const struct amendment *m = l->amendment;
    struct command c = COMMAND_INIT;
    int rc;

    command_start(&c, "HGETALL");
    key_versions(&c, l->status->id);
    rc = db_ask(l->cli->db, &c, &l->versions, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    l->other[m->version - 1] = m->event; /* that may stand still */
    for (unsigned v = 1; v < m->version && v <= AMEND_VERSIONS; v++) {
        struct campaign *was = read_version(l, v);

        if (was != NULL)
            l->other[v] = correction_needed(was, m->now);
        campaign_free(was);
    }
    return 0;
}

/* From that version to what it is to be. NULL with err. */
static const struct correction *correction_from(struct look *l, unsigned version, struct error *err)
{
    const struct amendment *m = l->amendment;
    struct campaign *was;

    if (l->corrections[version] != NULL)
        return l->corrections[version];
    was = read_version(l, version);
    l->corrections[version] =
        correction_create(was != NULL ? was : m->before, m->now, &l->cli->settings->defaults, err);
    campaign_free(was);
    return l->corrections[version];
}

/* --------------------------------------------------------------- who was told what */

static int get_range(const struct look *l, const char *reminder, int64_t from, size_t size,
                     redisReply **reply, struct error *err)
{
    struct command c = COMMAND_INIT;
    int rc;

    command_start(&c, "GETRANGE");
    if (reminder != NULL)
        key_ledger(&c, l->status->id, reminder);
    else
        key_corrected(&c, l->status->id);
    command_add_int(&c, from * (int64_t)size);
    command_add_int(&c, (from + PAGE) * (int64_t)size - 1);
    rc = db_ask(l->cli->db, &c, reply, err);
    command_free(&c);
    return rc;
}

static const unsigned char *piece(const redisReply *reply, size_t i, size_t size)
{
    return reply->type == REDIS_REPLY_STRING && reply->len >= (i + 1) * size
               ? (const unsigned char *)reply->str + i * size
               : NULL;
}

static void on_correction(void *arg, const redisReply *reply)
{
    const unsigned char *record = piece(reply, 0, LEDGER_RECORD_BYTES);

    if (record != NULL)
        told_correction(arg, record);
}

/* Their corrections so far: each has a record of its own. */
static int read_corrections(struct look *l, int64_t from, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc = get_range(l, NULL, from, TOLD_BYTES, &reply, err);

    if (rc != 0)
        return -1;
    for (size_t i = 0; i < PAGE; i++) {
        const unsigned char *entry = piece(reply, i, TOLD_BYTES);

        if (entry == NULL)
            break;
        told_entry(&l->people[i], entry);
        if (l->people[i].correction == 0)
            continue;
        command_start(&c, "GETRANGE");
        key_ledger(&c, l->status->id, BUILTIN_CORRECTIONS);
        command_add_int(&c, (int64_t)l->people[i].correction * LEDGER_RECORD_BYTES);
        command_add_int(&c, ((int64_t)l->people[i].correction + 1) * LEDGER_RECORD_BYTES - 1);
        db_send(l->cli->db, &c, on_correction, &l->people[i]);
    }
    freeReplyObject(reply);
    command_free(&c);
    return db_drain(l->cli->db, 0, err);
}

static int read_told(struct look *l, int64_t from, struct error *err)
{
    memset(l->people, 0, PAGE * sizeof *l->people);
    for (size_t r = 0; r < l->status->reminder_count; r++) {
        const char *name = l->status->reminders[r].name;
        redisReply *reply;

        if (builtin_is(name))
            continue;
        if (get_range(l, name, from, LEDGER_RECORD_BYTES, &reply, err) != 0)
            return -1;
        for (size_t i = 0; i < PAGE; i++)
            told_record(&l->people[i], piece(reply, i, LEDGER_RECORD_BYTES));
        freeReplyObject(reply);
    }
    return read_corrections(l, from, err);
}

/* ---------------------------------------------------------- what becomes of a correction */

/* One that is written and held for an approval counts: it is still to be sent. */
static bool is_to_be_told(const struct look *l, const struct told *t)
{
    return told_is_behind(t, l->amendment->version) && l->other[t->version];
}

/* Of the reminder that will carry them; made when there is one. */
static int open_forecast(struct look *l, struct error *err)
{
    l->builtin =
        builtin_campaign(l->amendment->now, BUILTIN_CORRECTIONS, &l->cli->settings->defaults, err);
    if (l->builtin != NULL)
        l->asking = asking_create(l->cli, l->builtin, clock_wall_ms(), err);
    return l->asking != NULL ? 0 : -1;
}

/* As the corrector appends it (dispatch/corrections.c). */
static int add_correction(struct look *l, const struct told *t, uint32_t n, const redisReply *row,
                          struct error *err)
{
    const struct campaign *now = l->amendment->now;
    const struct correction *correction = correction_from(l, t->version, err);
    struct template_value values[CAMPAIGN_MAX_COLUMNS];
    char text[TEXT_BYTES];
    struct builtin_notice notice = {.person = values,
                                    .text = text,
                                    .n = n,
                                    .expires_ms = correction_expires(now),
                                    .version = l->amendment->version};
    struct buf out = BUF_INIT(1u << 20);
    int rc, length;

    if (correction == NULL || (l->asking == NULL && open_forecast(l, err) != 0))
        return -1;
    if (campaign_row_split(now, row->str, row->len, values) != 0)
        return 0;
    length = correction_write(correction, values, text, sizeof text);
    notice.length = length < 0 ? 0 : (size_t)length;
    builtin_row(now, &notice, &out);
    rc = asking_row(l->asking, out.data, out.length, err);
    buf_free(&out);
    return rc;
}

static int add_page(struct look *l, int64_t from, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *rows;
    int rc;

    command_start(&c, "XRANGE");
    key_audience(&c, l->status->id);
    command_add_format(&c, "%" PRId64 "-0", from);
    command_add_format(&c, "%" PRId64 "-0", from + PAGE - 1);
    rc = db_ask(l->cli->db, &c, &rows, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    for (size_t i = 0; i < rows->elements && rc == 0; i++) {
        const redisReply *id = db_at(rows->element[i], 0),
                         *row = db_at(db_at(rows->element[i], 1), 1);
        int64_t n = id != NULL && id->str != NULL ? strtoll(id->str, NULL, 10) : 0;

        if (n >= from && n < from + PAGE && row != NULL && row->type == REDIS_REPLY_STRING &&
            is_to_be_told(l, &l->people[n - from]))
            rc = add_correction(l, &l->people[n - from], (uint32_t)n, row, err);
    }
    freeReplyObject(rows);
    return rc;
}

static int count_page(struct look *l, int64_t from, struct error *err)
{
    bool any = false;

    if (read_told(l, from, err) != 0)
        return -1;
    for (size_t i = 0; i < PAGE && from + (int64_t)i <= l->status->rows; i++) {
        l->out->told += l->people[i].version > 0;
        any = any || is_to_be_told(l, &l->people[i]);
    }
    return any ? add_page(l, from, err) : 0;
}

static void add_up(const struct look *l)
{
    const struct forecast_reminder *p = forecast_reminder(l->asking->forecast, 0);

    l->out->sent = p->sent;
    for (size_t i = 0; i < forecast_gateways(l->asking->forecast); i++)
        l->out->sent -= p->parts[i].late;
    l->out->cost = p->cost;
    l->out->refused = p->refused;
    l->out->late = p->late;
    memcpy(l->out->missed, p->missed, sizeof l->out->missed);
}

int correcting_count(struct cli *cli, const struct campaign_status *status,
                     const struct amendment *amendment, struct correcting *out, struct error *err)
{
    struct look l = {.cli = cli, .status = status, .amendment = amendment, .out = out};
    int rc = compare_versions(&l, err);

    *out = (struct correcting){0};
    l.people = xcalloc(PAGE, sizeof *l.people);
    for (int64_t from = 1; from <= status->rows && rc == 0; from += PAGE)
        rc = count_page(&l, from, err);
    if (l.asking != NULL && rc == 0 && (rc = asking_end(l.asking, err)) == 0)
        add_up(&l);
    for (size_t v = 0; v <= AMEND_VERSIONS; v++)
        correction_free(l.corrections[v]);
    if (l.versions != NULL)
        freeReplyObject(l.versions);
    asking_free(l.asking);
    campaign_free(l.builtin);
    free(l.people);
    return rc;
}

/* ------------------------------------------------------------------------ the answer */

static void put_none(const struct cli *cli, int64_t people, const char *why, struct buf *out)
{
    struct buf line = BUF_INIT(4096);
    char count[HUMAN_BYTES];

    if (people == 0)
        return;
    buf_printf(&line, T("no correction goes to %s: %s"), human_count(count, people), why);
    table_wrap(out, buf_string(&line), cli->width > 40 ? cli->width - 4 : 200, "    ");
    buf_free(&line);
}

void correcting_write(const struct cli *cli, const struct correcting *c, struct buf *out)
{
    put_none(cli, c->refused, words_state("opted-out"), out);
    put_none(cli, c->late, words_state("expired"), out);
    for (int k = 0; k < REASON_COUNT; k++)
        put_none(cli, c->missed[k], words_reason(notice_reason_name((enum notice_reason)k)), out);
}

json_t *correcting_json(const struct correcting *c)
{
    json_t *none = json_object();

    if (c->refused > 0)
        json_object_set_new(none, "opted-out", json_integer(c->refused));
    if (c->late > 0)
        json_object_set_new(none, "expired", json_integer(c->late));
    for (int k = 0; k < REASON_COUNT; k++)
        if (c->missed[k] > 0)
            json_object_set_new(none, notice_reason_name((enum notice_reason)k),
                                json_integer(c->missed[k]));
    return none;
}
