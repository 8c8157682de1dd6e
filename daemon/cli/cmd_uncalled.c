/*
 * outreach uncalled - whom no message has reached, to be told by a person
 *
 * A person is in the list while no reminder of a campaign has reached her, as far as receipts
 * tell, and at least one has failed to. The list goes out by community with a column to tick,
 * and comes back: who was told is kept in outreach:{id}:called, and not listed again.
 */
#include "builtin.h"
#include "campaign.h"
#include "cli.h"
#include "clock.h"
#include "human.h"
#include "keys.h"
#include "mem.h"
#include "picture.h"
#include "prose.h"
#include "register.h"
#include "sheet.h"
#include "sheet_read.h"
#include "subcommands.h"
#include "table.h"
#include "template.h"
#include "walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECEIPT_MS 3600000 /* a receipt that has not come for so long is not waited for */
#define NOTE_BYTES 200

struct uncalled_options {
    const char *by, *output, *ticks;
};

static const struct option_row uncalled_options[] = {
    {"by", 0, OPTION_STRING, OPTION_AT(struct uncalled_options, by), "COLUMN",
     .help = N_("by this column of the list; default 社区, 小区, 村 or community")},
    {"output", 'o', OPTION_STRING, OPTION_AT(struct uncalled_options, output), "FILE",
     .help = N_("with a column to tick: FILE.xlsx or FILE.csv")},
    {"ticks", 0, OPTION_STRING, OPTION_AT(struct uncalled_options, ticks), "FILE",
     .help = N_("takes such a file back: who is ticked was told")},
    {0},
};

/* Columns of the file: their names in both languages, since one may write and another read. */
enum {
    COLUMN_CAMPAIGN,
    COLUMN_COMMUNITY,
    COLUMN_N,
    COLUMN_NAME,
    COLUMN_TO,
    COLUMN_WHY,
    COLUMN_TICK,
    COLUMNS
};
static const struct {
    const char *heading;
    unsigned width;
} file_columns[COLUMNS] = {
    [COLUMN_CAMPAIGN] = {N_("campaign"), 24},    [COLUMN_COMMUNITY] = {N_("community"), 16},
    [COLUMN_N] = {N_("number in the list"), 10}, [COLUMN_NAME] = {N_("name"), 12},
    [COLUMN_TO] = {N_("address"), 18},           [COLUMN_WHY] = {N_("why not reached"), 44},
    [COLUMN_TICK] = {N_("told (tick)"), 14},
};

struct person {
    char *community, *name, *to;
    const char *campaign; /* of its picture's */
    int64_t n;
    enum notice_state state;
    enum notice_reason reason;
};

/* What is known of everybody in one campaign. */
struct standing {
    unsigned char reached, state, reason;
};

struct uncalled {
    struct cli *cli;
    const struct uncalled_options *options;
    struct picture *picture;
    struct campaign *campaign;
    struct standing *standings; /* by number; [0] is nobody's */
    int64_t rows, now_ms;
    char *called; /* by number */
    int by, name; /* columns, or -1 */
    struct person *people;
    size_t count, room;
    int64_t sensitive; /* people in campaigns of which nobody is listed */
    int64_t told;      /* who is not listed for having been told by a person */
    char **ids;
};

/* ----------------------------------------------------------------------- one campaign */

static int on_record(void *arg, const struct walk_notice *w, struct error *err)
{
    struct uncalled *u = arg;
    const struct record *r = &w->record;
    struct standing *s;

    (void)err;
    if (w->n < 1 || w->n > u->rows)
        return 0;
    s = &u->standings[w->n];
    switch (r->state) {
    case NOTICE_DELIVERED:
        s->reached = 1;
        return 0;
    case NOTICE_ACCEPTED: /* of a gateway without receipts no more can be known */
        if (r->ids == 0)
            s->reached = 1;
        if (r->ids == 0 || u->now_ms - w->submitted_ms < RECEIPT_MS)
            return 0;
        break;
    case NOTICE_UNTOUCHED:
    case NOTICE_PARKED:
    case NOTICE_SENDING:
    case NOTICE_CANCELLED:
        return 0;
    default:
        break;
    }
    s->state = (unsigned char)r->state;
    s->reason = r->state == NOTICE_ACCEPTED ? REASON_NO_RECEIPT : (unsigned char)r->reason;
    return 0;
}

static char *value_of(const struct walk_notice *w, int column)
{
    return column < 0 ? xstrdup("") : xstrndup(w->row[column].text, w->row[column].length);
}

static int on_row(void *arg, const struct walk_notice *w, struct error *err)
{
    struct uncalled *u = arg;
    const struct standing *s = w->n >= 1 && w->n <= u->rows ? &u->standings[w->n] : NULL;
    struct person *one;
    int address = 0;

    (void)err;
    if (s == NULL || s->reached || s->state == 0 || w->row == NULL)
        return 0;
    if (u->called[w->n]) {
        u->told++;
        return 0;
    }
    if (u->campaign->sensitive) {
        u->sensitive++;
        return 0;
    }
    if (u->count == u->room) {
        u->room = u->room > 0 ? 2 * u->room : 256;
        u->people = xreallocarray(u->people, u->room, sizeof *u->people);
    }
    while (address + 1 < (int)u->campaign->channel_count && w->row[address].length == 0)
        address++;
    one = &u->people[u->count++];
    *one = (struct person){.community = value_of(w, u->by),
                           .name = value_of(w, u->name),
                           .to = value_of(w, address),
                           .campaign = u->campaign->id,
                           .n = w->n,
                           .state = (enum notice_state)s->state,
                           .reason = (enum notice_reason)s->reason};
    return 0;
}

static int read_called(struct uncalled *u, const char *id, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc;

    command_start(&c, "HKEYS");
    key_called(&c, id);
    rc = db_ask(u->cli->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    for (size_t i = 0; i < reply->elements; i++) {
        int64_t n = strtoll(reply->element[i]->str, NULL, 10);

        if (n >= 1 && n <= u->rows)
            u->called[n] = 1;
    }
    freeReplyObject(reply);
    return 0;
}

static int walk_campaigns_people(struct uncalled *u, struct error *err)
{
    const struct campaign_status *s = u->picture->status;
    const struct reminder_status *any = NULL;

    for (size_t i = 0; i < s->reminder_count; i++) {
        const struct reminder_status *r = &s->reminders[i];

        if (builtin_is(r->name) || strcmp(r->state, "skipped") == 0)
            continue;
        any = r;
        if (walk_reminder(u->cli, u->picture, r, NULL, on_record, u, err) != 0)
            return -1;
    }
    return any == NULL ? 0 : walk_reminder(u->cli, u->picture, any, u->campaign, on_row, u, err);
}

static int column_by(const struct uncalled *u)
{
    int at = -1;

    if (u->options->by != NULL)
        return campaign_column(u->campaign, u->options->by);
    for (size_t i = 0; campaign_communities[i] != NULL && at < 0; i++)
        at = campaign_column(u->campaign, campaign_communities[i]);
    return at;
}

/* id stays as long as what is listed of it. */
static int list_campaign(struct uncalled *u, const char *id, struct error *err)
{
    int rc = -1;

    u->picture = picture_read(u->cli, id, err);
    if (u->picture == NULL)
        return -1;
    if (u->picture->document == NULL) { /* it is being loaded */
        picture_free(u->picture);
        return 0;
    }
    u->campaign = walk_campaign(u->cli, u->picture, err);
    u->rows = u->picture->status->rows;
    for (size_t i = 0; i < u->picture->status->reminder_count; i++)
        if (!builtin_is(u->picture->status->reminders[i].name) &&
            u->picture->status->reminders[i].last > u->rows)
            u->rows = u->picture->status->reminders[i].last;
    u->standings = xcalloc((size_t)u->rows + 1, sizeof *u->standings);
    u->called = xcalloc((size_t)u->rows + 1, 1);
    if (u->campaign != NULL) {
        size_t before = u->count;

        u->by = column_by(u);
        u->name = campaign_column(u->campaign, "name");
        if (u->options->by != NULL && u->by < 0 && !u->campaign->sensitive)
            error_set(err,
                      T("%s: its list has no column %s, or it was not stored: a text must use it"),
                      id, u->options->by);
        else if (read_called(u, id, err) == 0 && walk_campaigns_people(u, err) == 0)
            rc = 0;
        for (size_t i = before; i < u->count; i++)
            u->people[i].campaign = id;
    }
    free(u->standings);
    free(u->called);
    campaign_free(u->campaign);
    picture_free(u->picture);
    return rc;
}

/* ------------------------------------------------------------------------- the list */

static int by_community(const void *x, const void *y)
{
    const struct person *a = x, *b = y;
    int order = strcmp(a->community, b->community);

    if (order == 0)
        order = strcmp(a->campaign, b->campaign);
    return order != 0 ? order : (a->n > b->n) - (a->n < b->n);
}

static const char *why_of(const struct person *p)
{
    const char *reason = words_reason(notice_reason_name(p->reason));

    return reason[0] != '\0' ? reason : words_state(notice_state_name(p->state));
}

static int write_file(const struct uncalled *u, struct error *err)
{
    const char *headings[COLUMNS];
    unsigned widths[COLUMNS];
    struct sheet *s = sheet_open(u->options->output, err);

    if (s == NULL)
        return -1;
    for (size_t i = 0; i < COLUMNS; i++) {
        headings[i] = words_of(file_columns[i].heading);
        widths[i] = file_columns[i].width;
    }
    sheet_head(s, T("to be told"), headings, widths, COLUMNS);
    for (size_t i = 0; i < u->count; i++) {
        const struct person *p = &u->people[i];

        sheet_text(s, p->campaign, strlen(p->campaign));
        sheet_text(s, p->community, strlen(p->community));
        sheet_number(s, (double)p->n, 0);
        sheet_text(s, p->name, strlen(p->name));
        sheet_text(s, p->to, strlen(p->to));
        sheet_text(s, why_of(p), strlen(why_of(p)));
        sheet_text(s, "", 0);
        sheet_next(s);
    }
    return sheet_close(s, err);
}

static void write_json(const struct uncalled *u)
{
    json_t *list = json_array();

    for (size_t i = 0; i < u->count; i++) {
        const struct person *p = &u->people[i];

        json_array_append_new(
            list, json_pack("{s:s,s:o,s:I,s:o,s:o,s:s,s:s}", "campaign", p->campaign, "community",
                            json_text(p->community), "n", (json_int_t)p->n, "name",
                            json_text(p->name), "address", json_text(p->to), "state",
                            notice_state_name(p->state), "reason", notice_reason_name(p->reason)));
    }
    cli_json(json_pack("{s:o,s:I,s:I,s:s?}", "people", list, "told_already", (json_int_t)u->told,
                       "sensitive", (json_int_t)u->sensitive, "file", u->options->output));
}

static void write_terminal(const struct uncalled *u)
{
    const struct table_column columns[] = {
        {words_of(file_columns[COLUMN_CAMPAIGN].heading), TABLE_LEFT, TABLE_WRAPS},
        {T("no."), TABLE_RIGHT, false},
        {words_of(file_columns[COLUMN_NAME].heading), TABLE_LEFT, TABLE_WRAPS},
        {words_of(file_columns[COLUMN_TO].heading), TABLE_LEFT, false},
        {words_of(file_columns[COLUMN_WHY].heading), TABLE_LEFT, TABLE_WRAPS}};
    struct buf out = BUF_INIT(64u << 20);
    char count[HUMAN_BYTES];

    for (size_t i = 0; i < u->count;) {
        const char *community = u->people[i].community;
        struct table *t = table_create(columns, sizeof columns / sizeof *columns);

        buf_printf(&out, "%s\n", community[0] != '\0' ? community : T("(no community)"));
        for (; i < u->count && strcmp(u->people[i].community, community) == 0; i++) {
            table_cell(t, u->people[i].campaign);
            table_printf(t, "%" PRId64, u->people[i].n);
            table_cell(t, u->people[i].name);
            table_cell(t, u->people[i].to);
            table_cell(t, why_of(&u->people[i]));
        }
        table_write(t, u->cli->width, 2, &out);
        table_free(t);
        buf_putc(&out, '\n');
    }
    buf_printf(&out, T("%s to be told by a person\n"), human_count(count, (int64_t)u->count));
    if (u->told > 0)
        buf_printf(&out, T("%s were told already\n"), human_count(count, u->told));
    if (u->sensitive > 0)
        buf_printf(&out, T("%s more in sensitive campaigns, of which nobody is listed\n"),
                   human_count(count, u->sensitive));
    prose_put(&out,
              T("Rows of a list that could not be used (landlines, broken numbers) were never "
                "stored:\noutreach check CAMPAIGN.conf lists them.\n"),
              u->cli->width, 0);
    if (u->options->output != NULL)
        buf_printf(&out, T("written to %s: tick who was told, then outreach uncalled --ticks %s\n"),
                   u->options->output, u->options->output);
    cli_print(&out);
    buf_free(&out);
}

static int list(struct uncalled *u, const char *only)
{
    struct error err;
    int rc = 0;

    if (only != NULL) {
        u->ids = xcalloc(2, sizeof *u->ids);
        u->ids[0] = xstrdup(only);
    } else {
        u->ids = campaign_ids(u->cli->db, &err);
        if (u->ids == NULL)
            return cli_error(u->cli, EX_UNAVAILABLE, &err);
    }
    for (size_t i = 0; u->ids[i] != NULL && rc == 0; i++)
        if (list_campaign(u, u->ids[i], &err) != 0)
            rc = only != NULL && db_well(u->cli->db) ? picture_fail(u->cli, only, &err)
                                                     : cli_error(u->cli, EX_UNAVAILABLE, &err);
    if (u->count > 0)
        qsort(u->people, u->count, sizeof *u->people, by_community);
    if (rc == 0 && u->options->output != NULL && u->count == 0 && u->sensitive > 0)
        rc = cli_fail(u->cli, EX_DATAERR, "%s",
                      T("nobody of a sensitive campaign is listed in a file"));
    if (rc == 0 && u->options->output != NULL && write_file(u, &err) != 0)
        rc = cli_error(u->cli, EX_DATAERR, &err);
    if (rc == 0 && u->cli->json)
        write_json(u);
    else if (rc == 0)
        write_terminal(u);
    for (size_t i = 0; i < u->count; i++) {
        free(u->people[i].community);
        free(u->people[i].name);
        free(u->people[i].to);
    }
    free(u->people);
    for (size_t i = 0; u->ids[i] != NULL; i++)
        free(u->ids[i]);
    free(u->ids);
    return rc;
}

/* ---------------------------------------------------------------------- the ticks */

struct tick {
    char campaign[CAMPAIGN_ID_BYTES];
    int64_t n;
    char note[NOTE_BYTES];
};

struct ticks {
    const char *path;
    int columns[COLUMNS]; /* where they stand; -1: not there */
    bool headed;
    struct tick *list;
    size_t count, room;
};

static bool is_heading(const struct csv_field *field, const char *heading)
{
    return (field->length == strlen(heading) &&
            memcmp(field->bytes, heading, field->length) == 0) ||
           (field->length == strlen(language_in_chinese(heading)) &&
            memcmp(field->bytes, language_in_chinese(heading), field->length) == 0);
}

static int read_headings(struct ticks *t, const struct csv_row *row, struct error *err)
{
    for (int k = 0; k < COLUMNS; k++) {
        t->columns[k] = -1;
        for (size_t i = 0; i < row->count; i++)
            if (is_heading(&row->fields[i], file_columns[k].heading))
                t->columns[k] = (int)i;
    }
    t->headed = true;
    if (t->columns[COLUMN_CAMPAIGN] >= 0 && t->columns[COLUMN_N] >= 0 &&
        t->columns[COLUMN_TICK] >= 0)
        return 0;
    return error_set(
        err,
        T("%s: the headings \"%s\", \"%s\" and \"%s\" are needed, as outreach uncalled "
          "-o writes them"),
        t->path, words_of(file_columns[COLUMN_CAMPAIGN].heading),
        words_of(file_columns[COLUMN_N].heading), words_of(file_columns[COLUMN_TICK].heading));
}

/* Nothing, and what says no, is no tick; what else stands there is kept as a note. */
static bool is_tick(const struct csv_field *f)
{
    static const char *const no[] = {"0",  "no", "No",   "NO", "n",     "N",
                                     "否", "未", "没有", "×",  "未告知"};

    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (f->length == strlen(no[i]) && memcmp(f->bytes, no[i], f->length) == 0)
            return false;
    for (size_t i = 0; i < f->length; i++)
        if (f->bytes[i] != ' ')
            return true;
    return false;
}

static int on_tick_row(void *arg, const struct csv_row *row, struct error *err)
{
    static const struct csv_field none = {"", 0};
    struct ticks *t = arg;
    const struct csv_field *fields[COLUMNS];
    struct tick *one;
    char number[24], *end;

    if (!t->headed)
        return read_headings(t, row, err);
    for (int k = 0; k < COLUMNS; k++)
        fields[k] = t->columns[k] >= 0 && (size_t)t->columns[k] < row->count
                        ? &row->fields[t->columns[k]]
                        : &none;
    if (!is_tick(fields[COLUMN_TICK]))
        return 0;
    if (t->count == t->room) {
        t->room = t->room > 0 ? 2 * t->room : 256;
        t->list = xreallocarray(t->list, t->room, sizeof *t->list);
    }
    one = &t->list[t->count++];
    snprintf(one->campaign, sizeof one->campaign, "%.*s", (int)fields[COLUMN_CAMPAIGN]->length,
             fields[COLUMN_CAMPAIGN]->bytes);
    snprintf(number, sizeof number, "%.*s", (int)fields[COLUMN_N]->length, fields[COLUMN_N]->bytes);
    snprintf(one->note, sizeof one->note, "%.*s", (int)fields[COLUMN_TICK]->length,
             fields[COLUMN_TICK]->bytes);
    for (char *s = one->note; *s != '\0'; s++)
        if ((unsigned char)*s < 0x20)
            *s = ' ';
    one->n = strtoll(number, &end, 10);
    if (one->n < 1 || *end != '\0' || number[0] == '\0')
        return error_set(err, T("%s: row %lu: \"%s\" is no number of a list; nothing was changed"),
                         t->path, row->number, number);
    return 0;
}

/* The rows of a campaign; 0 where there is none. */
static int64_t rows_of(struct cli *cli, const char *id, struct error *err)
{
    struct picture *p = picture_read(cli, id, err);
    int64_t rows = p != NULL ? p->status->rows : 0;

    for (size_t i = 0; p != NULL && i < p->status->reminder_count; i++)
        if (!builtin_is(p->status->reminders[i].name) && p->status->reminders[i].last > rows)
            rows = p->status->reminders[i].last;
    picture_free(p);
    return rows;
}

/* All is looked at before anything is kept. */
static int check_ticks(struct cli *cli, const struct ticks *t, struct error *err)
{
    const char *last = "";
    int64_t rows = 0;

    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->list[i].campaign, last) != 0) {
            last = t->list[i].campaign;
            rows = rows_of(cli, last, err);
        }
        if (t->list[i].n > rows)
            return error_set(err, T("%s: \"%s\" has no recipient %" PRId64 "; nothing was changed"),
                             t->path, last, t->list[i].n);
    }
    return 0;
}

/* The first who told her stays. */
static int keep_ticks(struct cli *cli, const struct ticks *t, int64_t *kept, struct error *err)
{
    struct command c = COMMAND_INIT;
    int rc = 0;

    for (size_t i = 0; i < t->count && rc == 0; i++) {
        redisReply *reply;

        command_start(&c, "HSETNX");
        key_called(&c, t->list[i].campaign);
        command_add_int(&c, t->list[i].n);
        command_add_format(&c, "by %s\nat %" PRId64 "\n%s", cli->by, clock_wall_ms(),
                           t->list[i].note);
        rc = db_ask(cli->db, &c, &reply, err);
        if (rc == 0) {
            *kept += db_int(reply, 0);
            freeReplyObject(reply);
        }
    }
    command_free(&c);
    return rc;
}

static int take_ticks(struct cli *cli, const char *path)
{
    struct ticks t = {.path = path};
    struct error err;
    int64_t kept = 0;
    char count[HUMAN_BYTES], again[HUMAN_BYTES];
    int rc = 0;

    if (sheet_read(path, on_tick_row, &t, &err) != 0 || check_ticks(cli, &t, &err) != 0)
        rc = cli_error(cli, EX_DATAERR, &err);
    else if (!t.headed)
        rc = cli_fail(cli, EX_DATAERR, T("%s is empty"), path);
    else if (keep_ticks(cli, &t, &kept, &err) != 0 ||
             (kept > 0 && register_audit(cli, "uncalled-ticks", "file", path, &err) != 0))
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    if (rc == 0 && cli->json)
        cli_json(json_pack("{s:I,s:I}", "told", (json_int_t)kept, "told_already",
                           (json_int_t)t.count - kept));
    else if (rc == 0)
        printf(T("%s were told by a person; %s of the ticks were known already\n"),
               human_count(count, kept), human_count(again, (int64_t)t.count - kept));
    free(t.list);
    return rc;
}

static int uncalled(struct cli *cli, const void *arg, char **operands, int count)
{
    const struct uncalled_options *options = arg;
    struct uncalled u = {.cli = cli, .options = options, .now_ms = clock_wall_ms()};
    int rc;

    if (options->ticks != NULL && (count > 0 || options->by != NULL || options->output != NULL))
        return cli_fail(cli, EX_USAGE, "%s",
                        T("uncalled: --ticks FILE stands alone: the file names the campaigns"));
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    return options->ticks != NULL ? take_ticks(cli, options->ticks)
                                  : list(&u, count > 0 ? operands[0] : NULL);
}

const struct subcommand cmd_uncalled = {
    .name = "uncalled",
    .operands = "[CAMPAIGN]",
    .summary = N_("whom no message has reached, by community, to be told by a person"),
    .more =
        N_("Numbers that nobody has, no receipt for an hour, refused, capped, expired, in doubt,\n"
           "protected residents. Who got any reminder of the campaign is not listed, nor who\n"
           "was ticked before. The file holds people's numbers: keep it as you keep the list.\n"
           "Of a sensitive campaign the sum alone is told."),
    .least = 0,
    .most = 1,
    .options = uncalled_options,
    .options_bytes = sizeof(struct uncalled_options),
    .run = uncalled,
};
