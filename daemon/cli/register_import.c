/*
 * outreach residents import, and tag --file: people of a file into the register
 */
#include "campaign.h"
#include "column.h"
#include "consent.h"
#include "human.h"
#include "log.h"
#include "mem.h"
#include "people.h"
#include "progress.h"
#include "register.h"
#include "room.h"
#include "table.h"
#include "utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHOWN_PEOPLE 5
#define SHOWN_REMARKS 20
#define MOST_TAGS 64 /* of one person in one file */

/* What the audit says, and of what. */
static const struct {
    const char *op, *name;
} audit_ops[] = {
    [RESIDENTS_IMPORT] = {"residents-import", "file"},
    [RESIDENTS_ADD_TAGS] = {"residents-tag", "tag"},
    [RESIDENTS_REMOVE_TAGS] = {"residents-untag", "tag"},
};

struct import {
    struct cli *cli;
    const struct register_options *options;
    enum residents_op op;
    const char *subject; /* of the audit */
    struct people *people;
    struct residents *residents; /* NULL: nothing is stored */
    struct residents_batch *batch;
    int places[CAMPAIGN_MAX_COLUMNS]; /* of the file's columns in the register; -1: none */
    int consent_place;                /* of the register's column, or -1 */
    char consent[CONSENT_BYTES];
    unsigned given[MOST_TAGS]; /* by --tag */
    size_t given_count;
    struct audience_report report;
    struct residents_told told;
    struct progress progress;
    int64_t taken;
    unsigned long remarks, long_tags;
    char long_tag[RESIDENTS_NAME_BYTES + 1]; /* how the first of them begins */
    struct buf lines;                        /* the remarks that are shown */
    json_t *said;                            /* or told as JSON */
    struct table *shown;                     /* the first people */
    bool enough;
    bool reported; /* what is wrong with its rows was told, before the question */
};

/* ------------------------------------------------------------------- remarks */
static void on_remark(void *arg, unsigned long line, bool refused, const char *text)
{
    struct import *im = arg;

    if (im->shown != NULL || (++im->remarks > SHOWN_REMARKS && !im->options->all))
        return;
    if (im->cli->json)
        json_array_append_new(im->said, json_pack("{s:I,s:b,s:o}", "row", (json_int_t)line,
                                                  "refused", refused, "text", json_text(text)));
    else
        buf_printf(&im->lines, T("  row %lu%s: %s\n"), line, refused ? T(" not taken") : "", text);
}

static void on_progress(void *arg, uint64_t bytes, uint64_t total)
{
    struct import *im = arg;

    progress_draw(&im->progress, (int64_t)bytes, (int64_t)total, im->taken);
}

/* ---------------------------------------------------------------- the first rows */
static int show_row(void *arg, const char *row, size_t n, struct error *err)
{
    struct import *im = arg;
    const struct campaign *c = people_campaign(im->people);
    struct template_value values[CAMPAIGN_MAX_COLUMNS];

    (void)err;
    if (im->taken == SHOWN_PEOPLE) {
        im->enough = true;
        return -1;
    }
    im->taken++;
    campaign_row_split(c, row, n, values);
    for (size_t k = 0; k < c->column_count; k++)
        if (k < c->channel_count)
            table_cell(im->shown,
                       values[k].length > 0 ? log_mask(values[k].text, values[k].length) : "");
        else
            table_printf(im->shown, "%.*s", (int)values[k].length, values[k].text);
    return 0;
}

static void write_columns(const struct import *im, struct buf *out)
{
    const struct campaign *c = people_campaign(im->people);

    buf_puts(out, T("Columns: "));
    for (size_t k = 0; k < c->column_count; k++) {
        const char *as = !people_is_tags(im->people, k) ? ""
                         : people_keeps(im->people, k)  ? T(" (and tags)")
                                                        : T(" (tags)");

        buf_printf(out, "%s%s%s", k > 0 ? T(", ") : "", column_words(c->columns[k]), as);
    }
    buf_putc(out, '\n');
    if (people_left_out(im->people)[0] != '\0')
        buf_printf(out, T("Left out: %s\n"), people_left_out(im->people));
}

/* What was understood of the first rows, before anything is stored. */
static int preview(struct import *im, struct error *err)
{
    const struct audience_sink sink = {show_row, on_remark, NULL, im};
    const struct campaign *c = people_campaign(im->people);
    struct table_column columns[CAMPAIGN_MAX_COLUMNS];
    struct buf out = BUF_INIT(1u << 20);
    int rc;

    for (size_t k = 0; k < c->column_count; k++)
        columns[k] = (struct table_column){column_words(c->columns[k]), TABLE_LEFT, true};
    im->shown = table_create(columns, c->column_count);
    rc = people_read(im->people, &sink, &im->report, err);
    if (im->enough)
        rc = 0;
    if (rc == 0 && im->taken > 0 && !im->cli->json) {
        write_columns(im, &out);
        buf_puts(&out, T("The first rows as they are understood:\n"));
        table_write(im->shown, im->cli->width, 2, &out);
        cli_print(&out);
    }
    table_free(im->shown);
    im->shown = NULL;
    im->taken = 0;
    buf_free(&out);
    return rc;
}

/* -------------------------------------------------------------------- storing */
/* Her tags by the file. One that is too long is told at the end, and she is taken. */
static int add_tags(struct import *im, const struct template_value *cell, unsigned *tags,
                    size_t *count, struct error *err)
{
    const char *at = cell->text, *end = at + cell->length, *tag;
    size_t n;

    while (residents_next_tag(&at, end, &tag, &n)) {
        int place;

        if (n > RESIDENTS_NAME_BYTES || *count == MOST_TAGS) {
            if (im->long_tags++ == 0)
                snprintf(im->long_tag, sizeof im->long_tag, "%.*s",
                         (int)utf8_valid(tag, n < 48 ? n : 48), tag);
            continue;
        }
        place = residents_add_tag(im->residents, tag, n, err);
        if (place < 0)
            return -1;
        tags[(*count)++] = (unsigned)place;
    }
    return 0;
}

/* The columns of the file in the register; made there, where the people are. */
static int find_places(struct import *im, struct error *err)
{
    const struct campaign *c = people_campaign(im->people);

    for (size_t k = 0; k < c->column_count; k++) {
        im->places[k] = -1;
        if (!people_keeps(im->people, k))
            continue;
        im->places[k] = im->op != RESIDENTS_IMPORT
                            ? residents_column(im->residents, c->columns[k])
                            : residents_add_column(im->residents, c->columns[k], err);
        if (im->places[k] < 0 && im->op == RESIDENTS_IMPORT)
            return -1;
    }
    if (im->consent[0] == '\0')
        return 0;
    im->consent_place = residents_add_column(im->residents, CONSENT_COLUMN, err);
    return im->consent_place < 0
               ? -1
               : register_audit(im->cli, "residents-consent", "source", im->options->consent, err);
}

static uint64_t tag_columns(const struct import *im)
{
    const struct campaign *c = people_campaign(im->people);
    uint64_t all = 0;

    for (size_t k = 0; k < c->column_count; k++)
        if (im->places[k] >= 0 && people_is_tags(im->people, k))
            all |= UINT64_C(1) << im->places[k];
    return all;
}

/* With the first person who can be stored: a file without any leaves nothing behind. */
static int begin(struct import *im, struct error *err)
{
    bool first = im->options->same_phone && strcmp(im->options->same_phone, "first") == 0;

    if (find_places(im, err) != 0 || register_audit(im->cli, audit_ops[im->op].op,
                                                    audit_ops[im->op].name, im->subject, err) != 0)
        return -1;
    im->batch = residents_begin(im->residents, im->op, first, tag_columns(im));
    return 0;
}

static int store_row(void *arg, const char *row, size_t n, struct error *err)
{
    struct import *im = arg;
    const struct campaign *c = people_campaign(im->people);
    struct template_value values[CAMPAIGN_MAX_COLUMNS], mine[RESIDENTS_COLUMNS];
    unsigned tags[MOST_TAGS];
    size_t tag_count = im->given_count, columns = 0;
    char address[PEOPLE_ADDRESS_BYTES];

    if (cli_interrupted() != 0)
        return error_set(err, T("interrupted"));
    im->taken++;
    if (im->residents == NULL)
        return 0;
    if (im->batch == NULL && begin(im, err) != 0)
        return -1;
    campaign_row_split(c, row, n, values);
    memcpy(tags, im->given, tag_count * sizeof *tags);
    memset(mine, 0, sizeof mine);
    for (size_t k = 0; k < c->column_count; k++) {
        if (im->op == RESIDENTS_IMPORT && people_is_tags(im->people, k) &&
            add_tags(im, &values[k], tags, &tag_count, err) != 0)
            return -1;
        if (im->places[k] < 0)
            continue;
        mine[im->places[k]] = values[k];
        if ((size_t)im->places[k] >= columns)
            columns = (size_t)im->places[k] + 1;
    }
    if (im->consent_place >= 0) {
        mine[im->consent_place] = (struct template_value){im->consent, strlen(im->consent)};
        if ((size_t)im->consent_place >= columns)
            columns = (size_t)im->consent_place + 1;
    }
    people_address(im->people, values, address);
    return residents_put(im->batch, address, mine, columns, tags, tag_count, err);
}

/* -1 with err; what was stored until then is in told. */
static int store(struct import *im, struct error *err)
{
    const struct audience_sink sink = {store_row, on_remark, on_progress, im};
    struct error later;
    int rc;

    progress_start(&im->progress, im->cli);
    rc = people_read(im->people, &sink, &im->report, err);
    progress_end(&im->progress);
    if (im->batch != NULL && residents_end(im->batch, &im->told, &later) != 0 && rc == 0)
        rc = error_set(err, "%s", later.text);
    return rc;
}

static int give_tags(struct import *im, const char *names, struct error *err)
{
    const char *at = names, *end = names + strlen(names), *tag;
    size_t n;

    while (residents_next_tag(&at, end, &tag, &n)) {
        int place = residents_add_tag(im->residents, tag, n, err);

        if (place < 0)
            return -1;
        if (im->given_count == MOST_TAGS / 2)
            return error_set(err, T("more than %d tags"), MOST_TAGS / 2);
        im->given[im->given_count++] = (unsigned)place;
    }
    return 0;
}

/* -------------------------------------------------------------------- telling */
static void write_report(const struct import *im, const char *path, struct buf *out)
{
    const struct audience_report *r = &im->report;
    char count[HUMAN_BYTES];

    buf_printf(out, T("%s: %s people; rows refused %lu, twice in the file %lu\n"), path,
               human_count(count, im->taken), r->refused, r->merged);
    buf_put(out, im->lines.data, im->lines.length);
    if (im->remarks > SHOWN_REMARKS && !im->options->all)
        buf_printf(out, T("  ... and %lu more (--all shows them)\n"), im->remarks - SHOWN_REMARKS);
}

static int tell(struct import *im, const char *path, const char *state)
{
    const struct residents_told *t = &im->told;
    struct buf out = BUF_INIT(64u << 20);

    if (im->cli->json) {
        cli_json(json_pack("{s:o,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:O}", "file", json_text(path),
                           "state", state, "rows", (json_int_t)im->report.rows, "taken",
                           (json_int_t)im->taken, "refused", (json_int_t)im->report.refused,
                           "merged", (json_int_t)im->report.merged, "added", (json_int_t)t->added,
                           "changed", (json_int_t)t->changed, "same", (json_int_t)t->same,
                           "unknown", (json_int_t)t->unknown, "remarks", im->said));
        return 0;
    }
    if (!im->reported)
        write_report(im, path, &out);
    if (im->long_tags > 0)
        buf_printf(&out, T("  ! tags of more than %d bytes, not kept: %lu (the first: %s...)\n"),
                   RESIDENTS_NAME_BYTES, im->long_tags, im->long_tag);
    if (im->residents == NULL)
        buf_puts(&out, T("Nothing was stored (--dry-run).\n"));
    else if (im->op == RESIDENTS_IMPORT)
        buf_printf(&out, T("new %" PRId64 ", changed %" PRId64 ", as they were %" PRId64 "\n"),
                   t->added, t->changed, t->same);
    else
        buf_printf(
            &out,
            T("changed %" PRId64 ", as they were %" PRId64 ", not in the register %" PRId64 "\n"),
            t->changed, t->same, t->unknown);
    cli_print(&out);
    buf_free(&out);
    return 0;
}

static int failed(struct import *im, const struct error *err)
{
    int64_t stored = im->told.added + im->told.changed + im->told.same;
    int rc = cli_interrupted()                              ? cli_interrupted()
             : im->cli->db != NULL && !db_well(im->cli->db) ? EX_UNAVAILABLE
                                                            : EX_DATAERR;

    if (im->batch == NULL)
        return cli_error(im->cli, rc, err);
    return cli_fail(
        im->cli, rc,
        T("%s; stored until then: %" PRId64 " people. Do the same again: it changes nobody twice"),
        err->text, stored);
}

static int nobody(struct import *im, const char *path)
{
    return cli_fail(im->cli, EX_DATAERR,
                    T("%s: nobody in the list can be reached (rows refused: %lu)\n%s"), path,
                    im->report.refused, buf_string(&im->lines));
}

static void forget_report(struct import *im)
{
    im->report = (struct audience_report){0};
    im->taken = 0;
    im->remarks = im->long_tags = 0;
    buf_clear(&im->lines);
    json_array_clear(im->said);
}

/* Which rows are refused and why stands above the question: who says yes knows it. 0, or an exit
 * code. */
static int ask(struct import *im, const char *path)
{
    struct buf out = BUF_INIT(64u << 20);
    struct error err;
    int rc = 0;

    if (im->options->yes)
        return 0;
    if (store(im, &err) != 0) /* nothing is, before the register is open */
        rc = failed(im, &err);
    else if (im->taken == 0)
        rc = nobody(im, path);
    if (rc == 0 && !im->cli->json) {
        write_report(im, path, &out);
        cli_print(&out);
        im->reported = true;
    }
    buf_free(&out);
    forget_report(im);
    return rc != 0 ? rc
                   : register_ask(im->cli, im->options, T("Take these people into the register?"));
}

/* ---------------------------------------------------------------------- running */
static int open_file(struct import *im, const char *path)
{
    struct error err;
    int rc = cli_settings(im->cli);

    if (rc == 0 && access(path, R_OK) != 0)
        rc = cli_fail(im->cli, EX_NOINPUT, T("%s cannot be read: %s"), path, language_errno(errno));
    if (rc != 0)
        return rc;
    im->people =
        people_open(im->cli, path, im->options->sheet, &im->options->columns,
                    im->options->same_phone && strcmp(im->options->same_phone, "first") == 0, &err);
    return im->people != NULL ? 0 : cli_error(im->cli, EX_DATAERR, &err);
}

static int open_register(struct import *im)
{
    struct error err;
    int rc = cli_connect(im->cli);

    if (rc != 0)
        return rc;
    im->residents = residents_open(im->cli->db, &err);
    return im->residents != NULL ? 0 : cli_error(im->cli, EX_UNAVAILABLE, &err);
}

static void import_start(struct import *im, struct cli *cli, const struct register_options *o)
{
    *im = (struct import){.cli = cli,
                          .options = o,
                          .consent_place = -1,
                          .lines = BUF_INIT(16u << 20),
                          .said = json_array()};
    cli_catch_signals();
}

static void import_end(struct import *im)
{
    residents_free(im->batch);
    residents_close(im->residents);
    people_free(im->people);
    json_decref(im->said);
    buf_free(&im->lines);
}

static int import(struct import *im, const char *path)
{
    const struct register_options *o = im->options;
    struct error err;
    int rc = open_file(im, path);

    if (rc == 0 && o->consent != NULL && consent_write(im->cli, o->consent, im->consent, &err) != 0)
        rc = cli_error(im->cli, EX_DATAERR, &err);
    if (rc == 0 && preview(im, &err) != 0)
        rc = cli_error(im->cli, EX_DATAERR, &err);
    if (rc == 0 && !o->dry_run)
        rc = ask(im, path);
    if (rc == 0 && !o->dry_run)
        rc = open_register(im);
    if (rc == 0 && !o->dry_run)
        rc = room_check(im->cli);
    for (size_t i = 0; rc == 0 && im->residents != NULL && i < o->tags.count; i++)
        if (give_tags(im, o->tags.items[i], &err) != 0)
            rc = cli_error(im->cli, EX_DATAERR, &err);
    if (rc != 0)
        return rc;
    im->subject = path;
    if (store(im, &err) != 0)
        return failed(im, &err);
    if (im->taken == 0)
        return nobody(im, path);
    return tell(im, path, o->dry_run ? "dry-run" : "stored");
}

int register_import(struct cli *cli, const struct register_options *o, const char *path)
{
    struct import im;
    int rc;

    import_start(&im, cli, o);
    rc = import(&im, path);
    import_end(&im);
    return rc;
}

/* ------------------------------------------------------------------------- tag */
static int tag_file(struct import *im, const char *tag)
{
    struct who who = {0};
    struct error err;
    int rc = open_file(im, im->options->file);

    if (rc == 0)
        rc = open_register(im);
    if (rc == 0 &&
        ((im->options->remove && who_name(&who, im->residents, WHO_ALL, tag, &err) != 0) ||
         give_tags(im, tag, &err) != 0))
        rc = cli_error(im->cli, EX_DATAERR, &err);
    if (rc != 0)
        return rc;
    im->op = im->options->add ? RESIDENTS_ADD_TAGS : RESIDENTS_REMOVE_TAGS;
    im->subject = tag;
    if (store(im, &err) != 0)
        return failed(im, &err);
    return tell(im, im->options->file, "stored");
}

int register_tag_file(struct cli *cli, const struct register_options *o, const char *tag)
{
    struct import im;
    int rc;

    import_start(&im, cli, o);
    rc = tag_file(&im, tag);
    import_end(&im);
    return rc;
}
