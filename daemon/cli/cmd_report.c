/*
 * outreach report - what a campaign came to, by reason; and everybody in a file for Excel
 */
#include "campaign.h"
#include "cli.h"
#include "codes_seen.h"
#include "column.h"
#include "equation.h"
#include "gateway_names.h"
#include "human.h"
#include "mem.h"
#include "numbers_shown.h"
#include "picture.h"
#include "sheet.h"
#include "subcommands.h"
#include "table.h"
#include "template.h"
#include "tree.h"
#include "walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct report_options {
    const char *reminder, *state, *output;
};

static const struct option_row report_options[] = {
    {"output", 'o', OPTION_STRING, OPTION_AT(struct report_options, output), "FILE",
     .help = N_("a row for every notice, with number, state and reason: FILE.xlsx or FILE.csv")},
    {"reminder", 'r', OPTION_STRING, OPTION_AT(struct report_options, reminder), "NAME",
     .help = N_("this reminder only")},
    {"state", 's', OPTION_STRING, OPTION_AT(struct report_options, state), "STATE",
     .help = N_("those in this state only: failed, undelivered, expired, uncertain, ...")},
    {0},
};

/* What one reason came to, in one state. */
struct sum {
    int64_t notices, segments;
    double cost;
};

struct report {
    struct cli *cli;
    const struct picture *picture;
    const struct reminder_status *reminder; /* at hand */
    struct campaign *campaign;              /* for the rows; NULL: no file was asked for */
    struct gateway_names gateways;
    struct codes_seen *codes;
    struct sheet *sheet;
    int wanted; /* a state, or -1 for all */
    struct sum sums[NOTICE_STATES][REASON_COUNT];
    struct sum total;
    struct table *table;
    json_t *json;
};

/* Both are `waiting` to people. */
static enum notice_state shown_state(const struct record *r)
{
    return r->state == NOTICE_PARKED ? NOTICE_UNTOUCHED : r->state;
}

/* What its gateway takes money for; one that never got through costs nothing. */
static bool is_charged(const struct record *r)
{
    return record_was_submitted(r) && (r->flags & FLAG_TOLD) != 0;
}

/* -------------------------------------------------------------------- the file */

static void head(struct report *r)
{
    const struct campaign *c = r->campaign;
    const char *headings[CAMPAIGN_MAX_COLUMNS + 12];
    unsigned widths[CAMPAIGN_MAX_COLUMNS + 12];
    size_t n = 0;
    const struct {
        const char *heading;
        unsigned width;
    } before[] = {{T("reminder"), 14}, {T("number"), 8}}, after[] = {{T("state"), 12},
                                                                     {T("reason"), 40},
                                                                     {T("submitted"), 20},
                                                                     {TC("report", "settled"), 20},
                                                                     {T("gateway"), 12},
                                                                     {T("attempts"), 9},
                                                                     {TC("report", "segments"), 9},
                                                                     {T("cost"), 9}};

    for (size_t i = 0; i < sizeof before / sizeof *before; i++, n++) {
        headings[n] = before[i].heading;
        widths[n] = before[i].width;
    }
    for (size_t i = 0; i < c->column_count; i++, n++) {
        headings[n] = column_words(c->columns[i]); /* which a list may have again */
        widths[n] = 18;
    }
    for (size_t i = 0; i < sizeof after / sizeof *after; i++, n++) {
        headings[n] = after[i].heading;
        widths[n] = after[i].width;
    }
    sheet_head(r->sheet, T("notices"), headings, widths, n);
}

static void put(struct report *r, const char *text)
{
    sheet_text(r->sheet, text, strlen(text));
}

static void write_notice(struct report *r, const struct walk_notice *w, double cost)
{
    const struct record *record = &w->record;
    bool left = record_was_submitted(record) || record->attempts > 0;

    put(r, words_reminder(r->reminder->name));
    sheet_number(r->sheet, (double)w->n, 0);
    for (size_t i = 0; i < r->campaign->column_count; i++) {
        if (w->row != NULL)
            sheet_text(r->sheet, w->row[i].text, w->row[i].length);
        else
            put(r, "");
    }
    put(r, words_state(notice_state_name(shown_state(record))));
    put(r, codes_seen_reason(r->codes, r->picture->status->id, r->reminder->name, w->n,
                             record->reason));
    sheet_time(r->sheet, r->picture->zone, w->submitted_ms);
    sheet_time(r->sheet, r->picture->zone, w->settled_ms);
    put(r, left ? gateway_names_of(&r->gateways, record->gateway) : "");
    sheet_number(r->sheet, record->attempts, 0);
    sheet_number(r->sheet, is_charged(record) ? record->segments : 0, 0);
    sheet_number(r->sheet, cost, 3);
    sheet_next(r->sheet);
}

/* -------------------------------------------------------------------- the sums */

static void add(struct sum *s, const struct record *record, double cost)
{
    s->notices++;
    if (is_charged(record))
        s->segments += record->segments;
    s->cost += cost;
}

static int on_notice(void *arg, const struct walk_notice *w, struct error *err)
{
    struct report *r = arg;
    const struct record *record = &w->record;
    enum notice_state state = shown_state(record);
    double cost = 0;

    (void)err;
    if (state >= NOTICE_STATES || record->reason >= REASON_COUNT)
        return 0; /* damaged: `verify` tells of it */
    if (r->wanted >= 0 && state != (enum notice_state)r->wanted)
        return 0;
    if (is_charged(record) && record->gateway < GATEWAY_NAMES_MAX)
        cost = r->gateways.costs[record->gateway] * record->segments;
    codes_seen_stands(r->codes, r->picture->status->id, r->reminder->name, w->n, state,
                      record->reason);
    add(&r->sums[state][record->reason], record, cost);
    add(&r->total, record, cost);
    if (r->sheet != NULL)
        write_notice(r, w, cost);
    return 0;
}

/* A row of the table, an element of the JSON. */
static void tell_sum(struct report *r, enum notice_state state, enum notice_reason reason,
                     const struct sum *s, json_t *list)
{
    const char *why =
        codes_seen_reasons(r->codes, r->picture->status->id, r->reminder->name, state, reason);
    char count[HUMAN_BYTES], segments[HUMAN_BYTES];

    table_cell(r->table, words_reminder(r->reminder->name));
    table_cell(r->table, words_state(notice_state_name(state)));
    table_cell(r->table, human_count(count, s->notices));
    table_cell(r->table, human_count(segments, s->segments));
    table_printf(r->table, "%.2f", human_money(s->cost));
    table_cell(r->table, why);
    json_array_append_new(
        list, json_pack("{s:s,s:s,s:I,s:I,s:f}", "state", notice_state_name(state), "reason",
                        notice_reason_name(reason), "notices", (json_int_t)s->notices, "segments",
                        (json_int_t)s->segments, "cost", s->cost));
}

static int report_reminder(struct report *r, struct error *err)
{
    json_t *list = json_array();
    bool skipped = strcmp(r->reminder->state, "skipped") == 0;
    int rc = 0;

    memset(r->sums, 0, sizeof r->sums);
    if (!skipped)
        rc = walk_reminder(r->cli, r->picture, r->reminder, r->campaign, on_notice, r, err);
    for (int s = 0; s < NOTICE_STATES; s++)
        for (int k = 0; k < REASON_COUNT; k++)
            if (r->sums[s][k].notices > 0)
                tell_sum(r, (enum notice_state)s, (enum notice_reason)k, &r->sums[s][k], list);
    json_array_append_new(r->json, json_pack("{s:s,s:s,s:o}", "name", r->reminder->name, "state",
                                             picture_reminder_state(r->reminder), "sums", list));
    return rc;
}

static int report_all(struct report *r, const char *only, struct error *err)
{
    for (size_t i = 0; i < r->picture->status->reminder_count; i++) {
        r->reminder = &r->picture->status->reminders[i];
        if ((only == NULL || strcmp(only, r->reminder->name) == 0) && report_reminder(r, err) != 0)
            return -1;
    }
    return 0;
}

/* --------------------------------------------------------------------- running */

static void tell(struct report *r, const struct report_options *options)
{
    const char *currency = r->cli->settings->defaults.currency;
    struct buf out = BUF_INIT(1u << 20);
    char notices[HUMAN_BYTES], segments[HUMAN_BYTES];

    if (r->cli->json) {
        cli_json(json_pack("{s:s,s:o,s:O,s:I,s:I,s:f,s:s,s:s?}", "id", r->picture->status->id,
                           "title", json_text(r->picture->title), "reminders", r->json, "notices",
                           (json_int_t)r->total.notices, "segments", (json_int_t)r->total.segments,
                           "cost", r->total.cost, "currency", currency, "file", options->output));
        return;
    }
    buf_printf(&out, "%s  %s\n\n", r->picture->status->id, r->picture->title);
    table_write(r->table, r->cli->width, 0, &out);
    buf_printf(&out, T("\n%s notices, %s segments paid for, %.2f %s\n"),
               human_count(notices, r->total.notices), human_count(segments, r->total.segments),
               human_money(r->total.cost), words_currency(currency));
    if (options->output != NULL)
        buf_printf(&out,
                   T("written to %s: it holds people's numbers, keep it as you keep the list\n"),
                   options->output);
    cli_print(&out);
    buf_free(&out);
}

/* Opens the file, once all that can be wrong with the question was looked at. 0, or an exit
 * code with err. */
static int open_sheet(struct report *r, const char *path, struct error *err)
{
    r->campaign = walk_campaign(r->cli, r->picture, err);
    if (r->campaign == NULL)
        return EX_DATAERR;
    if (r->campaign->sensitive) {
        error_set(err,
                  T("%s is sensitive: no list of its recipients is written; the sums are "
                    "told without --output"),
                  r->picture->status->id);
        return EX_DATAERR;
    }
    r->sheet = sheet_open(path, err);
    if (r->sheet == NULL)
        return sheet_exit_code(path);
    head(r);
    return 0;
}

static int run(struct report *r, const struct report_options *options)
{
    struct error err, late;
    int rc = 0;

    if (gateway_names_read(&r->gateways, r->cli, &err) != 0)
        return cli_error(r->cli, EX_UNAVAILABLE, &err);
    if (options->output != NULL && (rc = open_sheet(r, options->output, &err)) != 0)
        return cli_error(r->cli, rc, &err);
    if (report_all(r, words_reminder_name(options->reminder), &err) != 0 ||
        (r->sheet != NULL &&
         numbers_shown(r->cli,
                       &(struct numbers_shown){.command = "report",
                                               .campaign = r->campaign->id,
                                               .file = options->output,
                                               .count = (size_t)r->total.notices},
                       &err) != 0))
        rc = cli_error(r->cli, EX_UNAVAILABLE, &err);
    if (r->sheet != NULL && sheet_close(r->sheet, &late) != 0 && rc == 0)
        rc = cli_error(r->cli, EX_IOERR, &late);
    else if (r->sheet != NULL && rc != 0)
        unlink(options->output); /* half a list is taken for a whole one */
    if (rc == 0)
        tell(r, options);
    return rc;
}

static int report(struct cli *cli, const void *arg, char **operands, int count)
{
    const struct report_options *options = arg;
    const struct table_column columns[] = {{T("reminder"), TABLE_LEFT, TABLE_WRAPS},
                                           {T("state"), TABLE_LEFT, false},
                                           {TC("report", "notices"), TABLE_RIGHT, false},
                                           {TC("report 2", "segments"), TABLE_RIGHT, false},
                                           {T("cost"), TABLE_RIGHT, false},
                                           {T("why, and what to do"), TABLE_LEFT, TABLE_WRAPS}};
    struct report *r;
    struct picture *p = NULL;
    int wanted = options->state != NULL ? picture_notice_state(cli, options->state) : -1;
    int rc;

    (void)count;
    if (options->state != NULL && wanted < 0)
        return EX_USAGE;
    rc = cli_connect(cli);
    if (rc == 0)
        p = picture_ask_taken(cli, operands[0], &rc);
    if (rc == 0 && options->reminder != NULL &&
        picture_reminder(p, words_reminder_name(options->reminder)) == NULL)
        rc = picture_no_reminder(cli, p, options->reminder);
    if (rc != 0) {
        picture_free(p);
        return rc;
    }
    r = xcalloc(1, sizeof *r);
    *r = (struct report){.cli = cli, .picture = p, .wanted = wanted, .json = json_array()};
    r->table = table_create(columns, sizeof columns / sizeof *columns);
    r->codes = codes_seen_create(cli, p->status->id);
    rc = run(r, options);
    codes_seen_free(r->codes);
    table_free(r->table);
    json_decref(r->json);
    gateway_names_free(&r->gateways);
    campaign_free(r->campaign);
    free(r);
    picture_free(p);
    return rc;
}

const struct subcommand cmd_report = {
    .name = "report",
    .operands = "ID",
    .summary = N_("what a campaign came to and cost, by reason; everybody in a file for Excel"),
    .more =
        N_("Counted from the ledger itself, also while notices are being sent. What is paid for:\n"
           "the segments of the last attempt that a gateway took, by its `cost`.\n"
           "With --output a row for every notice: the columns of the list that the campaign\n"
           "uses, state, reason, times, gateway, segments, cost. Only you may read the file,\n"
           "and one that is there already is not overwritten."),
    .least = 1,
    .most = 1,
    .options = report_options,
    .options_bytes = sizeof(struct report_options),
    .run = report,
};
