/*
 * outreach queue - a campaign and its list into Redis
 *
 * The list is read once: every row passes the checks and goes straight to Redis
 * under an upload token. Rows count for nothing until the event that names the
 * token is taken, so a mistake at the last row leaves nothing behind. The event
 * then says what the campaign is; a daemon takes it, now or when one runs.
 *
 * The same body is the same campaign: the canonical document with a digest of
 * all rows in it. Queued twice it is queued once; with another body it is refused.
 */
#include "asked.h"
#include "approval.h"
#include "asking.h"
#include "clock.h"
#include "campaigns.h"
#include "cli.h"
#include "daemons.h"
#include "fault.h"
#include "hints.h"
#include "human.h"
#include "keys.h"
#include "mem.h"
#include "pending.h"
#include "reading.h"
#include "room.h"
#include "subcommands.h"
#include "tree.h"
#include "upload.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REMARKS 20
#define LOOK_MS 50 /* between looks for what became of the event */

struct queue_options {
    bool all, no_wait, yes;
    int64_t wait_ms;
};

static const struct option_row queue_options[] = {
    {"wait", 'w', OPTION_DURATION, OPTION_AT(struct queue_options, wait_ms), "SECONDS",
     .initial = 3000, .help = N_("how long to wait for a daemon to take it (3)")},
    {"no-wait", 0, OPTION_FLAG, OPTION_AT(struct queue_options, no_wait), NULL,
     .help = N_("do not wait")},
    {"all", 'a', OPTION_FLAG, OPTION_AT(struct queue_options, all), NULL,
     .help = N_("every row with something to say, not only the first 20")},
    {"yes", 'y', OPTION_FLAG, OPTION_AT(struct queue_options, yes), NULL,
     .help = N_("may be said as elsewhere: queue asks nothing (outreach cancel takes it back)")},
    {0},
};

/* What stands in Redis under the campaign's id. */
struct standing {
    bool queued;    /* taken by a daemon */
    bool cancelled; /* and cancelled since */
    bool awaits;    /* approval */
    bool pending;   /* an event waits for a daemon */
    char hash[65];  /* of its document, in both cases */
    char token[33]; /* of its rows */
};

struct queueing {
    struct cli *cli;
    struct reading reading;
    struct upload *upload;
    struct buf body;
    char hash[65];
    char event[32]; /* the id of ours */
    int64_t took_ms;
    struct asking *asking; /* where the cost decides about an approval; else NULL */
    bool awaits;           /* a second person's approval */
};

/* --------------------------------------------------------------- what is there */
/* A document as it will be stored: read and written back until it is canonical. */
static int canonical(const struct cli *cli, const char *json, size_t n, struct buf *out,
                     struct error *err)
{
    struct tree *document = tree_parse_json(json, n, NULL, err);
    struct campaign *c;

    if (document == NULL)
        return -1;
    c = campaign_create(document, &cli->settings->defaults, NULL, 0, err);
    if (c == NULL)
        return -1;
    campaign_write_json(c, out);
    campaign_free(c);
    return buf_overflowed(out) ? error_set(err, T("the campaign is too long")) : 0;
}

static const char *text_of(const redisReply *reply, const char *otherwise)
{
    return reply != NULL && reply->str != NULL ? reply->str : otherwise;
}

/* Loaded, but not taken: does an event wait that will be? */
struct pending_search {
    const struct cli *cli;
    const char *id;
    struct standing *standing;
};

static bool is_ours(void *arg, const redisReply *fields)
{
    struct pending_search *search = arg;
    struct buf body = BUF_INIT(COMMAND_MAX_BYTES);
    const redisReply *text = db_field(fields, "body");
    struct standing *s = search->standing;

    if (text != NULL && strcmp(pending_field(fields, "op"), "queue") == 0 &&
        strcmp(pending_field(fields, "campaign"), search->id) == 0 &&
        strcmp(pending_field(fields, "token"), s->token) == 0 &&
        canonical(search->cli, text->str, text->len, &body, NULL) == 0) {
        s->pending = true;
        campaign_hash(body.data, body.length, s->hash);
    }
    buf_free(&body);
    return s->pending;
}

static int look_at_standing(struct cli *cli, const char *id, struct standing *s, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc;

    memset(s, 0, sizeof *s);
    command_start(&c, "HMGET");
    key_campaign(&c, id);
    command_add_string(&c, "state");
    command_add_string(&c, "hash");
    command_add_string(&c, "token");
    rc = db_ask(cli->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    s->queued = strcmp(text_of(db_at(reply, 0), "loading"), "loading") != 0;
    s->cancelled = strcmp(text_of(db_at(reply, 0), ""), "cancelled") == 0;
    s->awaits = strcmp(text_of(db_at(reply, 0), ""), "awaiting") == 0;
    snprintf(s->hash, sizeof s->hash, "%s", text_of(db_at(reply, 1), ""));
    snprintf(s->token, sizeof s->token, "%s", text_of(db_at(reply, 2), ""));
    freeReplyObject(reply);
    if (s->queued || s->token[0] == '\0')
        return 0;
    return pending_each(cli->db, is_ours, &(struct pending_search){cli, id, s}, err);
}

/* -------------------------------------------------------------------- the body */
/* The canonical document with audience.digest and audience.rows. */
static int make_body(struct queueing *q, struct error *err)
{
    struct buf json = BUF_INIT(COMMAND_MAX_BYTES);
    struct tree digest = {.kind = TREE_STRING, .name = "digest"};
    struct tree rows = {.kind = TREE_INT, .name = "rows"}, *document = NULL, *audience;
    int rc = -1;

    campaign_write_json(q->reading.campaign, &json);
    document = tree_parse_json(json.data, json.length, NULL, err);
    if (document == NULL)
        goto out;
    audience = (struct tree *)tree_member(document, "audience");
    if (audience == NULL || audience->kind != TREE_OBJECT) {
        error_set(err, "%s: audience", q->reading.path);
        goto out;
    }
    digest.string = preview_digest(q->reading.preview);
    rows.integer = (int64_t)preview_rows(q->reading.preview);
    rows.parent = digest.parent = audience;
    digest.next = &rows;
    rows.next = audience->first;
    audience->first = &digest; /* a writer sorts them */
    audience->count += 2;
    buf_clear(&json);
    tree_write_json(document, &json);
    audience->first = rows.next;
    audience->count -= 2;
    rc = canonical(q->cli, json.data, json.length, &q->body, err);
    if (rc == 0)
        campaign_hash(q->body.data, q->body.length, q->hash);
out:
    tree_free(document);
    buf_free(&json);
    return rc;
}

/* ------------------------------------------------------------------ the upload */
static int on_row(void *arg, const char *row, size_t n, struct error *err)
{
    struct queueing *q = arg;

    if (cli_interrupted() != 0)
        return error_set(err, T("interrupted; nothing was queued"));
    if (q->asking != NULL && asking_row(q->asking, row, n, err) != 0)
        return -1;
    if (upload_row(q->upload, row, n, err) != 0)
        return -1;
    return upload_throttle(q->upload, err);
}

struct upload_end {
    bool done, failed;
    struct error *err;
};

static void on_stored(void *arg, int64_t rows, const char *trouble)
{
    struct upload_end *end = arg;

    (void)rows;
    end->done = true;
    end->failed = trouble != NULL;
    if (trouble != NULL)
        error_set(end->err, "%s", trouble);
}

static int finish_upload(struct queueing *q, struct error *err)
{
    struct upload_end end = {.err = err};

    upload_end(q->upload, on_stored, &end);
    if (db_drain(q->cli->db, 0, err) != 0)
        return -1;
    return end.done && !end.failed ? 0 : -1;
}

/* Rows that will not be queued are taken away again, if nobody else has begun. */
static void discard_upload(struct queueing *q)
{
    struct command c = COMMAND_INIT;
    const char *id = q->reading.campaign->id;

    if (db_drain(q->cli->db, 0, NULL) != 0)
        return;
    command_script(&c, SCRIPT_DISCARD, 2);
    key_campaign(&c, id);
    key_audience(&c, id);
    command_add_string(&c, upload_token(q->upload));
    db_ask(q->cli->db, &c, NULL, NULL);
    command_free(&c);
}

/* ------------------------------------------------------------------- the event */
static int send_event(struct queueing *q, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    const struct {
        const char *name, *value;
    } fields[] = {
        {"op", "queue"},
        {"campaign", q->reading.campaign->id},
        {"by", q->cli->by},
        {"token", upload_token(q->upload)},
    };
    int rc;

    command_start(&c, "XADD");
    command_add_string(&c, KEY_EVENTS);
    command_add_string(&c, "*");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        command_add_string(&c, fields[i].name);
        command_add_string(&c, fields[i].value);
    }
    command_add_string(&c, "rows");
    command_add_int(&c, (int64_t)preview_rows(q->reading.preview));
    if (q->asking != NULL) {
        command_add_string(&c, "cost");
        command_add_format(&c, "%.4f", asking_sums(q->asking).cost);
    }
    command_add_string(&c, "body");
    command_add(&c, q->body.data, q->body.length);
    FAULT_POINT("W1");
    rc = db_ask(q->cli->db, &c, &reply, err);
    FAULT_POINT("W2");
    command_free(&c);
    if (rc != 0)
        return -1;
    snprintf(q->event, sizeof q->event, "%s", text_of(reply, ""));
    freeReplyObject(reply);
    return 0;
}

static bool is_taken(struct queueing *q)
{
    struct standing s;

    if (look_at_standing(q->cli, q->reading.campaign->id, &s, NULL) != 0 || !s.queued ||
        strcmp(s.hash, q->hash) != 0)
        return false;
    q->awaits = s.awaits;
    return true;
}

enum fate { WAITS, TAKEN, REJECTED };

static enum fate wait_for_daemon(struct queueing *q, int64_t wait_ms, char **reason)
{
    int64_t until = clock_mono_ms() + wait_ms;

    do {
        if (is_taken(q))
            return TAKEN;
        *reason = asked_rejection(q->cli, q->event);
        if (*reason != NULL)
            return REJECTED;
        cli_sleep(q->cli, LOOK_MS);
    } while (clock_mono_ms() < until && cli_interrupted() == 0);
    return WAITS;
}

/* --------------------------------------------------------------------- telling */
static void tell_queued(struct queueing *q, enum fate fate, int64_t queued_ms)
{
    const struct reading *r = &q->reading;
    struct buf out = BUF_INIT(64u << 20);
    char rows[HUMAN_BYTES], took[HUMAN_BYTES], rate[HUMAN_BYTES];
    double rows_per_s =
        (double)preview_rows(r->preview) * 1000 / (double)(q->took_ms ? q->took_ms : 1);

    if (q->cli->json) {
        json_t *value = reading_json(r, queued_ms);

        json_object_del(value, "texts");
        json_object_set_new(value, "hints", hints_json(q->cli, r));
        json_object_set_new(value, "event", json_string(q->event));
        json_object_set_new(value, "state",
                            json_string(fate != TAKEN ? "waiting"
                                        : q->awaits   ? "awaiting"
                                                      : "active"));
        cli_json(value);
        return;
    }
    buf_printf(&out, T("%s is queued\n"), r->campaign->id);
    buf_printf(&out, T("  recipients: %s taken, %lu merged, %lu refused, in %s"),
               human_count(rows, (int64_t)preview_rows(r->preview)), r->report.merged,
               r->report.refused, human_duration(took, q->took_ms));
    if (preview_rows(r->preview) >= 1000)
        buf_printf(&out, " (%s)", human_rate(rate, rows_per_s));
    buf_putc(&out, '\n');
    if (r->report.elsewhere > 0)
        buf_printf(&out, T("  of the merged, in an earlier list: %lu\n"), r->report.elsewhere);
    reading_write_remarks(r, &out);
    reading_write_plan(r->campaign, queued_ms, &out);
    if (reading_is_over(r->campaign, queued_ms))
        buf_puts(&out, T("Every reminder is over or missed: nothing will be sent.\n"));
    hints_write_private(q->cli, r->campaign, false, &out);
    if (q->awaits)
        buf_printf(&out,
                   T("It is not sent before somebody else approves it: outreach approve %s\n"),
                   r->campaign->id);
    if (fate == WAITS)
        buf_puts(&out, daemons_run(q->cli->db)
                           ? T("outreachd runs and will take it.\n")
                           : T("It will be taken as soon as outreachd runs.\n"));
    cli_print(&out);
    buf_free(&out);
}

static int tell_standing(const struct queueing *q, const struct standing *s)
{
    const char *id = q->reading.campaign->id;

    if (s->cancelled)
        return cli_fail(q->cli, EX_DATAERR,
                        T("%s was cancelled, and that is final: give this one another id"), id);
    if (strcmp(s->hash, q->hash) != 0)
        return cli_fail(
            q->cli, EX_DATAERR,
            T("%s is queued already with another text, time or list; nothing was "
              "changed (change it with outreach amend, cancel it, or give this one another id)"),
            id);
    if (q->cli->json)
        cli_json(json_pack("{s:s,s:s,s:I}", "id", id, "state", s->queued ? "already" : "waiting",
                           "rows", (json_int_t)preview_rows(q->reading.preview)));
    else
        printf(s->queued ? T("%s is queued already; nothing was changed\n")
               : daemons_run(q->cli->db)
                   ? T("%s is queued already; outreachd runs and will take it\n")
                   : T("%s is queued already; it will be taken as soon as outreachd runs\n"),
               id);
    return 0;
}

/* ---------------------------------------------------------------------- running */
/* The id is in use: the same campaign, or another? Nothing is uploaded. */
static int compare_with_standing(struct queueing *q, const struct standing *s)
{
    struct error err;

    if (reading_audience(&q->reading, &err) != 0 || make_body(q, &err) != 0)
        return cli_error(q->cli, EX_DATAERR, &err);
    return tell_standing(q, s);
}

static int read_and_upload(struct queueing *q)
{
    const struct reading *r = &q->reading;
    int64_t began = clock_mono_ms();
    struct error err;

    if (approval_minds_cost(r->campaign, &q->cli->settings->defaults)) {
        q->asking = asking_create(q->cli, r->campaign, clock_wall_ms(), &err);
        if (q->asking == NULL)
            return cli_error(q->cli, EX_CONFIG, &err);
        q->asking->everybody = true;
    }
    q->upload = upload_begin(q->cli->db, r->campaign->id);
    q->reading.row = on_row;
    q->reading.arg = q;
    if (reading_audience(&q->reading, &err) != 0) {
        int rc = cli_interrupted()     ? cli_interrupted()
                 : db_well(q->cli->db) ? EX_DATAERR
                                       : EX_UNAVAILABLE;

        return cli_error(q->cli, rc, &err);
    }
    if (preview_too_long(r->preview) > 0)
        return cli_fail(q->cli, EX_DATAERR,
                        T("for %lu recipients a text has more than max_segments = %d segments: "
                          "shorten it (outreach check shows which)"),
                        preview_too_long(r->preview), r->campaign->max_segments);
    if (make_body(q, &err) != 0)
        return cli_error(q->cli, EX_DATAERR, &err);
    if (finish_upload(q, &err) != 0 || (q->asking != NULL && asking_end(q->asking, &err) != 0))
        return cli_error(q->cli, db_well(q->cli->db) ? EX_TEMPFAIL : EX_UNAVAILABLE, &err);
    q->took_ms = clock_mono_ms() - began;
    return 0;
}

static int upload_and_queue(struct queueing *q, const struct queue_options *options)
{
    int64_t queued_ms;
    enum fate fate;
    struct error err;
    char *reason = NULL;
    int rc = room_check(q->cli);

    if (rc != 0)
        return rc;
    rc = read_and_upload(q);
    if (rc == 0)
        rc = room_check(q->cli); /* with all its rows in it */
    if (rc != 0) {
        discard_upload(q);
        return rc;
    }
    queued_ms = clock_wall_ms();
    if (send_event(q, &err) != 0)
        return cli_error(q->cli, EX_UNAVAILABLE, &err);
    fate = wait_for_daemon(q, options->no_wait ? 0 : options->wait_ms, &reason);
    if (fate == REJECTED) {
        discard_upload(q);
        rc =
            cli_fail(q->cli, EX_DATAERR, T("%s was rejected: %s"), q->reading.campaign->id, reason);
    } else {
        tell_queued(q, fate, queued_ms);
    }
    free(reason);
    return rc;
}

static int queue(struct cli *cli, const void *arg, char **operands, int count)
{
    const struct queue_options *options = arg;
    struct queueing q = {.cli = cli, .body = BUF_INIT(COMMAND_MAX_BYTES - 65536)};
    struct standing standing;
    struct error err;
    int rc = cli_settings(cli);

    (void)count;
    if (rc != 0)
        return rc;
    if (reading_there(operands[0], &err) != 0)
        return cli_error(cli, EX_NOINPUT, &err);
    cli_catch_signals();
    if (reading_open(&q.reading, cli, operands[0], options->all ? SIZE_MAX : REMARKS, &err) != 0)
        rc = cli_error(cli, reading_fault(&q.reading), &err);
    else
        rc = cli_connect(cli);
    if (rc == 0 && look_at_standing(cli, q.reading.campaign->id, &standing, &err) != 0)
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    if (rc == 0)
        rc = standing.queued || standing.pending ? compare_with_standing(&q, &standing)
                                                 : upload_and_queue(&q, options);
    asking_free(q.asking);
    upload_free(q.upload);
    reading_close(&q.reading);
    buf_free(&q.body);
    return rc;
}

const struct subcommand cmd_queue = {
    .name = "queue",
    .operands = "CAMPAIGN.conf",
    .summary = N_("check a campaign, load its list, and have it sent when due"),
    .more =
        N_("Queued twice is queued once. The same id with another text, time or list is refused\n"
           "and changes nothing. Rows that cannot be used are told with their number and what\n"
           "to do; the others are taken. Works while no daemon runs: it will be taken later."),
    .least = 1,
    .most = 1,
    .options = queue_options,
    .options_bytes = sizeof(struct queue_options),
    .run = queue,
};
