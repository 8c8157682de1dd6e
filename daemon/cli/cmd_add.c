/*
 * outreach add - people who come late, into a campaign that is queued
 *
 * Their rows are read and judged by the campaign as it was queued, with its columns and texts.
 * Who is in it already is known by the rows that stand there, so that a file may be added twice,
 * and again after an interruption. They get what is still to come.
 */
#include "append.h"
#include "approval.h"
#include "audience.h"
#include "audit.h"
#include "campaign.h"
#include "clock.h"
#include "discreet.h"
#include "human.h"
#include "keys.h"
#include "mem.h"
#include "picture.h"
#include "preview.h"
#include "prose.h"
#include "room.h"
#include "subcommands.h"
#include "table.h"
#include "template.h"
#include "tree.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REMARKS 20
#define PAGE_ROWS 1000
#define MOST_BYTES (64u << 20) /* of rows to add: more is a campaign of its own */

struct add_options {
    bool all, dry_run;
    const char *sheet;
};

static const struct option_row add_options[] = {
    {"sheet", 0, OPTION_STRING, OPTION_AT(struct add_options, sheet), "NAME",
     .help = N_("of a workbook with several; default the campaign's")},
    {"dry-run", 'n', OPTION_FLAG, OPTION_AT(struct add_options, dry_run), NULL,
     .help = N_("only tell who would be added")},
    {"all", 'a', OPTION_FLAG, OPTION_AT(struct add_options, all), NULL,
     .help = N_("every row with something to say, not only the first 20")},
    {0},
};

struct adding {
    struct cli *cli;
    const struct add_options *options;
    struct picture *picture;
    struct campaign *campaign;
    struct audience *audience;
    struct preview *preview;
    const char *path; /* of the list */
    struct audience_report report;
    struct buf rows; /* each with its length in front */
    int64_t now_ms;
    bool to_group;
    unsigned version;     /* of the campaign, from before it was read */
    uint32_t first, last; /* numbers that they got */
};

/* --------------------------------------------------------------- the campaign */
/* As it was queued, with one file more in its audience. */
static struct campaign *read_campaign(struct adding *a, const char *path, struct error *err)
{
    json_t *document = json_loads(a->picture->status->document, 0, NULL);
    json_t *audience = json_object_get(document, "audience"), *files = json_array();
    struct campaign *c = NULL;
    struct tree *t = NULL;
    char *text;

    if (audience == NULL)
        json_object_set_new(document, "audience", audience = json_object());
    json_array_append_new(files, json_string("-")); /* whatever it had */
    json_array_append_new(files, json_text(path));
    json_object_set_new(audience, "file", files);
    a->to_group = json_is_true(json_object_get(audience, "group"));
    json_object_del(audience, "group"); /* a file would be its mistake: the right one is told */
    if (a->options->sheet != NULL)
        json_object_set_new(audience, "sheet", json_text(a->options->sheet));
    text = json_dumps(document, JSON_COMPACT);
    if (text != NULL)
        t = tree_parse_json(text, strlen(text), NULL, err);
    else
        error_set(err, "%s", a->picture->status->id);
    if (t != NULL)
        c = campaign_create(t, &a->cli->settings->defaults, NULL, 0, err);
    free(text);
    json_decref(document);
    return c;
}

static int read_version(struct adding *a, const char *id, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc;

    command_start(&c, "HGET");
    key_campaign(&c, id);
    command_add_string(&c, "version");
    rc = db_ask(a->cli->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    a->version = (unsigned)db_int(reply, 0);
    freeReplyObject(reply);
    return 0;
}

static void on_known(void *arg, const redisReply *reply)
{
    struct adding *a = arg;

    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        const redisReply *row = db_field(db_at(reply->element[i], 1), "r");

        if (row != NULL && row->type == REDIS_REPLY_STRING)
            audience_known(a->audience, row->str, row->len);
    }
}

/* Everybody who is in it. */
static int read_known(struct adding *a, struct error *err)
{
    struct command c = COMMAND_INIT;
    int rc = 0;

    for (int64_t from = 1; from <= a->picture->status->rows && rc == 0; from += PAGE_ROWS) {
        command_start(&c, "XRANGE");
        key_audience(&c, a->campaign->id);
        command_add_format(&c, "%" PRId64 "-0", from);
        command_add_format(&c, "%" PRId64 "-0", from + PAGE_ROWS - 1);
        db_send(a->cli->db, &c, on_known, a);
        rc = db_drain(a->cli->db, 4, err);
    }
    command_free(&c);
    return db_drain(a->cli->db, 0, err) != 0 ? -1 : rc;
}

/* ------------------------------------------------------------------- the file */
static int on_row(void *arg, const char *row, size_t n, struct error *err)
{
    struct adding *a = arg;
    uint32_t length = (uint32_t)n;

    if (cli_interrupted() != 0)
        return error_set(err, T("interrupted; nobody was added"));
    preview_row(a->preview, row, n);
    buf_put(&a->rows, &length, sizeof length);
    buf_put(&a->rows, row, n);
    if (!buf_overflowed(&a->rows))
        return 0;
    return error_set(err, T("so many people are a campaign of their own: outreach queue"));
}

static void on_remark(void *arg, unsigned long line, bool refused, const char *text)
{
    preview_remark(((struct adding *)arg)->preview, line, refused, text);
}

static int read_people(struct adding *a, const char *path, struct error *err)
{
    const struct audience_sink sink = {on_row, on_remark, NULL, a};
    int rc;

    a->preview =
        preview_create(a->campaign, a->cli->settings, a->options->all ? SIZE_MAX : REMARKS);
    a->audience = audience_begin(a->campaign, &sink, &a->report);
    rc = read_known(a, err);
    if (rc == 0)
        rc = audience_add_file(a->audience, path, err);
    if (rc == 0)
        rc = audience_end(a->audience, err);
    return rc;
}

/* ------------------------------------------------------------------ appending */
static int refused(const struct adding *a, const struct append_answer *answer)
{
    static const struct {
        enum append_verdict verdict;
        const char *words;
    } reasons[] = {
        {APPEND_UNKNOWN, N_("%s: there is no such campaign any more")},
        {APPEND_CANCELLED, N_("%s is cancelled: nobody can be added")},
        {APPEND_OLD, N_("%s was changed meanwhile: do the same again")},
        {APPEND_FULL, N_("%s has as many people as it may have (defaults.max_audience)")},
        {APPEND_LOST, N_("%s: a ledger is missing: outreach recover")},
    };
    char text[200];

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].verdict == answer->verdict) {
            const char *format = words_of(reasons[i].words);
            const char *at = strstr(format, "%s");

            snprintf(text, sizeof text, "%.*s%s%s", (int)(at - format), format, a->campaign->id,
                     at + 2);
            return cli_fail(a->cli, answer->verdict == APPEND_OLD ? EX_TEMPFAIL : EX_DATAERR, "%s",
                            text);
        }
    return EX_DATAERR;
}

/* Those that a daemon has begun with are looked at at once; and the audit knows. */
static void finish(const struct adding *a)
{
    const struct campaign_status *s = a->picture->status;
    struct command c = COMMAND_INIT;
    char numbers[32];

    for (size_t i = 0; i < s->reminder_count; i++) {
        const struct reminder_status *r = &s->reminders[i];

        if ((strcmp(r->state, "open") != 0 && strcmp(r->state, "done") != 0) || r->cancelled ||
            r->expires_ms <= a->now_ms)
            continue;
        append_schedule(s->id, r->name, a->now_ms, &c);
        db_send(a->cli->db, &c, NULL, NULL);
    }
    snprintf(numbers, sizeof numbers, "%" PRIu32 "-%" PRIu32, a->first, a->last);
    audit_command(&c, "add", "campaign", s->id, "rows", numbers, "file", a->path, "by", a->cli->by,
                  NULL);
    db_send(a->cli->db, &c, NULL, NULL);
    command_free(&c);
    db_drain(a->cli->db, 0, NULL); /* else they are found within a minute */
}

/* 0, or an exit code. Some may have been added before: told by first and last. */
static int append(struct adding *a)
{
    const char *p = a->rows.data, *end = p + a->rows.length;
    struct command c = COMMAND_INIT;
    unsigned char random[12];
    char token[2 * sizeof random + 1], part[APPEND_TOKEN_BYTES];
    unsigned parts = 0;
    int rc = 0;

    randombytes_buf(random, sizeof random);
    sodium_bin2hex(token, sizeof token, random, sizeof random);
    while (p < end && rc == 0) {
        const struct append call = {.campaign = a->campaign->id,
                                    .status = a->picture->status,
                                    .token = part,
                                    .version = a->version,
                                    .max_rows = a->campaign->max_audience,
                                    .now_ms = a->now_ms,
                                    .by = a->cli->by};
        struct append_answer answer;
        redisReply *reply;
        struct error err;

        snprintf(part, sizeof part, "add:%s:%u", token, parts++);
        append_begin(&call, &c);
        for (unsigned k = 0; k < APPEND_MOST && p < end; k++) {
            uint32_t n;

            memcpy(&n, p, sizeof n);
            append_row(&c, p + sizeof n, n, NULL);
            p += sizeof n + n;
        }
        if (db_ask(a->cli->db, &c, &reply, &err) != 0) {
            rc = cli_error(a->cli, EX_UNAVAILABLE, &err);
            break;
        }
        append_answer(reply, &answer);
        freeReplyObject(reply);
        if (answer.verdict != APPEND_DONE) {
            rc = refused(a, &answer);
            break;
        }
        a->first = a->first == 0 ? answer.first : a->first;
        a->last = answer.last;
    }
    command_free(&c);
    if (a->last > 0)
        finish(a);
    return rc;
}

/* -------------------------------------------------------------------- telling */
static const char *when(const struct adding *a, const struct reminder_status *r,
                        char out[HUMAN_BYTES])
{
    if (r->cancelled || strcmp(r->state, "skipped") == 0)
        return T("will not be sent");
    if (r->expires_ms <= a->now_ms)
        return T("over: not for them");
    if (strcmp(r->state, "scheduled") != 0 || r->due_ms <= a->now_ms)
        return T("now");
    return human_time(out, a->campaign->zone, r->due_ms, false);
}

static void write_reminders(const struct adding *a, struct buf *out)
{
    static const struct table_column columns[] = {{"", TABLE_LEFT, false}, {"", TABLE_LEFT, false}};
    struct table *t = table_create(columns, 2);
    char time[HUMAN_BYTES];

    for (size_t i = 0; i < a->picture->status->reminder_count; i++) {
        const struct reminder_status *r = &a->picture->status->reminders[i];

        if (campaign_find_reminder(a->campaign, r->name) < 0)
            continue; /* answers, corrections */
        table_cell(t, r->name);
        table_cell(t, when(a, r, time));
    }
    table_write(t, 0, 2, out);
    table_free(t);
}

static void write_remarks(const struct adding *a, struct buf *out)
{
    const struct preview_remark *remarks;
    unsigned long all;
    size_t n = preview_remarks(a->preview, &remarks, &all);

    for (size_t i = 0; i < n; i++)
        buf_printf(out, T("  row %lu%s: %s\n"), remarks[i].line,
                   remarks[i].refused ? T(" not taken") : "", remarks[i].text);
    if (all > n)
        buf_printf(out, T("  ... and %lu more (--all shows them)\n"), all - n);
}

static void tell_json(const struct adding *a, unsigned long added)
{
    const struct preview_remark *remarks;
    unsigned long all;
    size_t n = preview_remarks(a->preview, &remarks, &all);
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:I,s:b,s:o}", "row", (json_int_t)remarks[i].line,
                                              "refused", remarks[i].refused, "text",
                                              json_text(remarks[i].text)));
    cli_json(json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "id", a->campaign->id, "rows",
                       (json_int_t)a->report.rows, "added", (json_int_t)added, "known",
                       (json_int_t)a->report.known, "merged", (json_int_t)a->report.merged,
                       "refused", (json_int_t)a->report.refused, "first", (json_int_t)a->first,
                       "last", (json_int_t)a->last, "remarks", list));
}

static void tell(const struct adding *a)
{
    unsigned long added = a->options->dry_run ? 0 : preview_rows(a->preview);
    struct buf out = BUF_INIT(16u << 20);

    if (a->cli->json) {
        tell_json(a, added);
        return;
    }
    if (a->options->dry_run)
        buf_printf(&out, T("%s: would be added %lu, in it already %lu, merged %lu, refused %lu\n"),
                   a->campaign->id, preview_rows(a->preview), a->report.known, a->report.merged,
                   a->report.refused);
    else
        buf_printf(&out, T("%s: added %lu, in it already %lu, merged %lu, refused %lu\n"),
                   a->campaign->id, added, a->report.known, a->report.merged, a->report.refused);
    write_remarks(a, &out);
    if (preview_rows(a->preview) > 0)
        write_reminders(a, &out);
    cli_print(&out);
    buf_free(&out);
}

/* ---------------------------------------------------------------------- running */
/* More than may be sent to without a second person's agreement does not come in one by one: of
 * what was agreed to, those that came since count. What still awaits it is agreed to with them. */
static bool needs_approval(const struct adding *a)
{
    const struct campaign_status *s = a->picture->status;
    const struct settings *settings = a->cli->settings;
    const struct tree *queued = tree_get(a->picture->document, "audience.rows");
    int64_t rows = s->rows + (int64_t)a->report.taken;

    if (s->approved_by[0] != '\0' && queued != NULL && queued->kind == TREE_INT)
        rows -= queued->integer;
    return strcmp(s->state, "awaiting") != 0 && a->report.taken > 0 &&
           (approval_needs(a->campaign, &settings->defaults, rows,
                           approval_most_cost(a->campaign, settings->gateways, rows, 0)) &
            (APPROVAL_RECIPIENTS | APPROVAL_COST | APPROVAL_REQUIRED)) != 0;
}

static int run(struct adding *a, const char *path)
{
    struct error err;
    int rc;

    a->campaign = read_campaign(a, path, &err);
    if (a->campaign == NULL)
        return cli_error(a->cli, EX_DATAERR, &err);
    if (a->campaign->sensitive && !discreet_may(a->cli)) {
        discreet_refuse(a->cli, a->campaign->id, &err); /* who is in it would be told */
        return cli_error(a->cli, EX_DATAERR, &err);
    }
    if (a->to_group)
        return cli_fail(a->cli, EX_DATAERR, T("%s goes to a group: it has no list"),
                        a->campaign->id);
    if (read_people(a, path, &err) != 0) {
        rc = cli_interrupted()     ? cli_interrupted()
             : db_well(a->cli->db) ? EX_DATAERR
                                   : EX_UNAVAILABLE;
        return cli_error(a->cli, rc, &err);
    }
    if (preview_too_long(a->preview) > 0)
        return cli_fail(a->cli, EX_DATAERR,
                        T("for %lu of them a text has more than max_segments = %d segments: "
                          "nobody was added"),
                        preview_too_long(a->preview), a->campaign->max_segments);
    if (a->report.taken == 0 && a->report.known == 0) {
        tell(a);
        return cli_fail(a->cli, EX_DATAERR, T("%s: nobody in it can be added"), path);
    }
    if (needs_approval(a))
        return cli_fail(a->cli, EX_DATAERR,
                        T("%s: with these it would be more than may be sent without a second "
                          "person's approval: queue them as a campaign of their own"),
                        a->campaign->id);
    rc = a->options->dry_run ? 0 : append(a);
    if (rc == 0)
        tell(a);
    else if (a->last > 0)
        prose_tell(T("added before that: numbers %" PRIu32 " to %" PRIu32
                     "; do the same again for the rest\n"),
                   a->first, a->last);
    return rc;
}

static int add(struct cli *cli, const void *arg, char **operands, int count)
{
    struct adding a = {
        .cli = cli, .options = arg, .rows = BUF_INIT(MOST_BYTES), .now_ms = clock_wall_ms()};
    struct error err;
    int rc = cli_settings(cli);

    (void)count;
    if (rc == 0 && access(operands[1], R_OK) != 0)
        rc = cli_fail(cli, EX_NOINPUT, T("%s cannot be read: %s"), operands[1],
                      language_errno(errno));
    if (rc != 0)
        return rc;
    cli_catch_signals();
    rc = cli_connect(cli);
    if (rc == 0 && !a.options->dry_run)
        rc = room_check(cli);
    if (rc == 0 && read_version(&a, operands[0], &err) != 0)
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    a.picture = rc == 0 ? picture_ask_taken(cli, operands[0], &rc) : NULL;
    if (a.picture != NULL && strcmp(a.picture->status->state, "cancelled") == 0)
        rc = cli_fail(cli, EX_DATAERR, T("%s is cancelled: nobody can be added"), operands[0]);
    else if (a.picture != NULL)
        rc = run(&a, a.path = operands[1]);
    audience_free(a.audience);
    preview_free(a.preview);
    campaign_free(a.campaign);
    picture_free(a.picture);
    buf_free(&a.rows);
    return rc;
}

const struct subcommand cmd_add = {
    .name = "add",
    .operands = "ID FILE",
    .summary = N_("people who come late, into a campaign that is queued"),
    .more = N_("The rows of FILE (an Excel workbook, or a CSV) are judged as those of the\n"
               "campaign's own list were. Who is in it already is told and not added again, so\n"
               "the same file may be added twice. The others get the reminders that are still to\n"
               "come, and those that went out already and have not expired. To a campaign that\n"
               "was approved no more may be added in all than could be sent to without approval\n"
               "(nobody with approval.required): queue them as a campaign of their own."),
    .least = 2,
    .most = 2,
    .options = add_options,
    .options_bytes = sizeof(struct add_options),
    .run = add,
};
