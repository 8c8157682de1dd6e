#include "correcting.h"

#include "amend.h"
#include "asking.h"
#include "builtin.h"
#include "clock.h"
#include "correction.h"
#include "human.h"
#include "keys.h"
#include "mem.h"
#include "series.h"
#include "table.h"
#include "template.h"
#include "tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096 /* people looked at together */

struct look {
    struct cli *cli;
    const struct campaign_status *status;
    const struct amendment *amendment;
    bool other[AMEND_VERSIONS + 1];                     /* of that version the event was another */
    struct correction *corrections[AMEND_VERSIONS + 1]; /* made when somebody is to be sent it */
    redisReply *documents;                              /* of the versions */
    const char *names[CAMPAIGN_ALL_REMINDERS];          /* of the reminders but the built-in ones */
    size_t name_count;
    struct told *people;       /* of a page */
    struct series *series;     /* where the event repeats: of which occurrence; else NULL */
    unsigned char *versions;   /* of it and a page: of each person, by reminder */
    struct correction **about; /* of it, by version and reminder, as corrections[] */
    int chosen[PAGE];          /* of it and a page: the reminder, or -1 */
    int64_t until_ms[PAGE];
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
    document = db_field(l->documents, name);
    if (document != NULL && document->type == REDIS_REPLY_STRING)
        tree = tree_parse_json(document->str, document->len, NULL, NULL);
    return tree != NULL ? campaign_create(tree, &l->cli->settings->defaults, NULL, 0, NULL) : NULL;
}

/* The one that stands still, compiled once more: the series takes it over. */
static struct campaign *copy_of(const struct look *l, const struct campaign *c)
{
    struct buf json = BUF_INIT(COMMAND_MAX_BYTES / 2);
    struct campaign *copy = NULL;
    struct tree *tree;

    campaign_write_json(c, &json);
    tree = tree_parse_json(json.data, json.length, NULL, NULL);
    if (tree != NULL)
        copy = campaign_create(tree, &l->cli->settings->defaults, NULL, 0, NULL);
    buf_free(&json);
    return copy;
}

static int compare_versions(struct look *l, struct error *err)
{
    const struct amendment *m = l->amendment;
    struct command c = COMMAND_INIT;
    int rc;

    command_start(&c, "HGETALL");
    key_versions(&c, l->status->id);
    rc = db_ask(l->cli->db, &c, &l->documents, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    l->other[m->version - 1] = m->event; /* that may stand still */
    for (unsigned v = 1; v < m->version && v <= AMEND_VERSIONS; v++) {
        struct campaign *was = read_version(l, v);

        if (l->series != NULL) {
            if (was == NULL && v == m->version - 1)
                was = copy_of(l, m->before);
            if (was != NULL)
                series_put(l->series, v, was);
            continue;
        }
        if (was != NULL)
            l->other[v] = correction_needed(was, m->now);
        campaign_free(was);
    }
    return 0;
}

/* Person i of a page: from what she knows to what it is to be. NULL with err. */
static const struct correction *correction_for(struct look *l, size_t i, struct error *err)
{
    const struct amendment *m = l->amendment;
    const struct campaign_defaults *defaults = &l->cli->settings->defaults;
    unsigned version = l->people[i].version;
    struct correction **made = &l->corrections[version];
    const char *about = NULL;
    struct campaign *was = NULL;

    if (l->series != NULL) {
        about = l->names[l->chosen[i]];
        made = &l->about[version * l->name_count + (size_t)l->chosen[i]];
    }
    if (*made != NULL)
        return *made;
    if (l->series == NULL)
        was = read_version(l, version);
    *made = correction_create(l->series != NULL ? series_version(l->series, version)
                              : was != NULL     ? was
                                                : m->before,
                              about, m->now, defaults, err);
    campaign_free(was);
    return *made;
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

/* A ledger that is lost, or a part of it, does not say that nobody was told. */
static int check_ledger(const struct look *l, const struct reminder_status *r, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *head = NULL, *length = NULL;
    struct ledger_header header;
    int rc;

    command_start(&c, "GETRANGE");
    key_ledger(&c, l->status->id, r->name);
    command_add_int(&c, 0);
    command_add_int(&c, LEDGER_RECORD_BYTES - 1);
    rc = db_ask(l->cli->db, &c, &head, err);
    if (rc == 0) {
        command_start(&c, "STRLEN");
        key_ledger(&c, l->status->id, r->name);
        rc = db_ask(l->cli->db, &c, &length, err);
    }
    command_free(&c);
    if (rc == 0 && (head->type != REDIS_REPLY_STRING || head->len != LEDGER_RECORD_BYTES ||
                    ledger_header_unpack((const unsigned char *)head->str, &header) != 0 ||
                    db_int(length, 0) < (r->last + 1) * LEDGER_RECORD_BYTES))
        rc = error_set(err,
                       T("Redis has lost the ledger of \"%s\": who was told cannot be read "
                         "(outreach recover)"),
                       r->name);
    freeReplyObject(head);
    freeReplyObject(length);
    return rc;
}

static int check_ledgers(const struct look *l, struct error *err)
{
    for (size_t i = 0; i < l->status->reminder_count; i++) {
        const struct reminder_status *r = &l->status->reminders[i];

        if (reminder_begun(r) && strcmp(r->name, BUILTIN_ANSWERS) != 0 &&
            check_ledger(l, r, err) != 0)
            return -1;
    }
    return 0;
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
    for (size_t r = 0; r < l->name_count; r++) {
        redisReply *reply;

        if (get_range(l, l->names[r], from, LEDGER_RECORD_BYTES, &reply, err) != 0)
            return -1;
        for (size_t i = 0; i < PAGE; i++) {
            const unsigned char *record = piece(reply, i, LEDGER_RECORD_BYTES);

            if (l->series != NULL)
                l->versions[i * l->name_count + r] = (unsigned char)told_version(record);
            else
                told_record(&l->people[i], record);
        }
        freeReplyObject(reply);
    }
    return read_corrections(l, from, err);
}

/* Of a series: was person i told anything, and of which occurrence is she to be told now? Her
 * version becomes the one that she was told of it. */
static bool choose(struct look *l, size_t i)
{
    const unsigned char *versions = l->versions + i * l->name_count;
    unsigned version = 0;
    bool told = false;

    for (size_t r = 0; r < l->name_count; r++)
        told = told || versions[r] > 0;
    l->chosen[i] =
        series_choose(l->series, versions, l->people[i].version, &version, &l->until_ms[i]);
    if (l->chosen[i] < 0)
        return told;
    l->people[i].version = version;
    if (l->out->about[0] == '\0')
        snprintf(l->out->about, sizeof l->out->about, "%s", l->names[l->chosen[i]]);
    return told;
}

/* ---------------------------------------------------------- what becomes of a correction */

/* One that is written and held for an approval counts: it is still to be sent. */
static bool is_to_be_told(const struct look *l, size_t i)
{
    const struct told *t = &l->people[i];

    if (l->series != NULL)
        return l->chosen[i] >= 0;
    return told_is_behind(t, l->amendment->version) && l->other[t->version];
}

/* Of the reminder that will carry them, until the end of the event; made when there is one. */
static int open_forecast(struct look *l, struct error *err)
{
    int64_t now_ms = clock_wall_ms();

    l->builtin =
        builtin_campaign(l->amendment->now, BUILTIN_CORRECTIONS, &l->cli->settings->defaults, err);
    if (l->builtin == NULL)
        return -1;
    if (correction_expires(l->amendment->now) > now_ms) /* else each row says that it is late */
        l->builtin->reminders[0].expires_ms = correction_expires(l->amendment->now);
    l->asking = asking_create(l->cli, l->builtin, now_ms, err);
    return l->asking != NULL ? 0 : -1;
}

/* As the corrector appends it (dispatch/corrections.c). */
static int add_correction(struct look *l, size_t i, uint32_t n, const redisReply *row,
                          struct error *err)
{
    const struct campaign *now = l->amendment->now;
    const struct correction *correction = correction_for(l, i, err);
    struct template_value values[CAMPAIGN_MAX_COLUMNS];
    struct correction_texts texts;
    struct builtin_notice notice = {.person = values,
                                    .text = texts.text,
                                    .texts = texts.others,
                                    .n = n,
                                    .expires_ms = l->series != NULL ? l->until_ms[i]
                                                                    : correction_expires(now),
                                    .version = l->amendment->version};
    struct buf out = BUF_INIT(1u << 20);
    int rc;

    if (correction == NULL || (l->asking == NULL && open_forecast(l, err) != 0))
        return -1;
    if (campaign_row_split(now, row->str, row->len, values) != 0)
        return 0;
    correction_write_all(correction, now, values, &texts);
    notice.length = texts.length;
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
            is_to_be_told(l, (size_t)(n - from)))
            rc = add_correction(l, (size_t)(n - from), (uint32_t)n, row, err);
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
        l->out->told += l->series != NULL ? choose(l, i) : l->people[i].version > 0;
        any = any || is_to_be_told(l, i);
    }
    return any ? add_page(l, from, err) : 0;
}

static void add_up(const struct look *l)
{
    const struct forecast_reminder *p = forecast_reminder(l->asking->forecast, 0);

    l->out->sent = p->sent;
    l->out->cost = p->cost;
    for (size_t i = 0; i < forecast_gateways(l->asking->forecast); i++) {
        const struct forecast_part *part = &p->parts[i];

        l->out->sent -= part->late;
        if (part->late > 0) /* it is not known whose: a share of all */
            l->out->cost -= part->cost * (double)part->late / (double)part->notices;
    }
    l->out->refused = p->refused;
    l->out->late = p->late;
    memcpy(l->out->missed, p->missed, sizeof l->out->missed);
}

static void begin(struct look *l)
{
    for (size_t r = 0; r < l->status->reminder_count; r++)
        if (!builtin_is(l->status->reminders[r].name))
            l->names[l->name_count++] = l->status->reminders[r].name;
    l->people = xcalloc(PAGE, sizeof *l->people);
    if (!correction_repeats(l->amendment->now))
        return;
    l->series = series_create(l->amendment->now, l->names, l->name_count, clock_wall_ms());
    l->versions = xcalloc(PAGE, l->name_count + 1);
    l->about = xcalloc((AMEND_VERSIONS + 1) * l->name_count + 1, sizeof *l->about);
}

static void end(struct look *l)
{
    for (size_t v = 0; v <= AMEND_VERSIONS; v++)
        correction_free(l->corrections[v]);
    for (size_t i = 0; l->about != NULL && i < (AMEND_VERSIONS + 1) * l->name_count; i++)
        correction_free(l->about[i]);
    if (l->documents != NULL)
        freeReplyObject(l->documents);
    asking_free(l->asking);
    campaign_free(l->builtin);
    series_free(l->series);
    free(l->about);
    free(l->versions);
    free(l->people);
    free(l);
}

int correcting_count(struct cli *cli, const struct campaign_status *status,
                     const struct amendment *amendment, struct correcting *out, struct error *err)
{
    struct look *l = xcalloc(1, sizeof *l);
    int rc;

    *out = (struct correcting){0};
    l->cli = cli;
    l->status = status;
    l->amendment = amendment;
    l->out = out;
    begin(l);
    rc = check_ledgers(l, err);
    if (rc == 0)
        rc = compare_versions(l, err);
    for (int64_t from = 1; from <= status->rows && rc == 0; from += PAGE)
        rc = count_page(l, from, err);
    if (l->asking != NULL && rc == 0 && (rc = asking_end(l->asking, err)) == 0)
        add_up(l);
    end(l);
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
