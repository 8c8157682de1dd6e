#include "uncalled_file.h"

#include "amend.h"
#include "campaign.h"
#include "clock.h"
#include "column.h"
#include "human.h"
#include "keys.h"
#include "mem.h"
#include "phone.h"
#include "picture.h"
#include "prose.h"
#include "register.h"
#include "sheet_read.h"
#include "template.h"
#include "tick_mark.h"
#include "unreached.h"
#include "walk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOTE_BYTES 200
#define REFUSED_SHOWN 50 /* rows told one by one */

struct tick {
    unsigned long row;
    char campaign[CAMPAIGN_ID_BYTES];
    int64_t n;
    char *name, *to, *note;
    enum tick_mark mark;
};

struct ticks {
    struct cli *cli;
    const char *path;
    int columns[COLUMNS]; /* where they stand; -1: not there */
    bool headed;
    struct tick *list;
    size_t count, room;
    struct picture *picture; /* of the campaign at hand */
    struct campaign *campaign;
    int64_t kept, again, left_out, not_told;
};

/* ------------------------------------------------------------------------- the file */

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
            if (is_heading(&row->fields[i], uncalled_columns[k].heading))
                t->columns[k] = (int)i;
    }
    t->headed = true;
    if (t->columns[COLUMN_CAMPAIGN] >= 0 && t->columns[COLUMN_N] >= 0 &&
        t->columns[COLUMN_TICK] >= 0 &&
        (t->columns[COLUMN_NAME] >= 0 || t->columns[COLUMN_TO] >= 0))
        return 0;
    return error_set(
        err,
        T("%s: the headings \"%s\", \"%s\", \"%s\" (or \"%s\") and \"%s\" are needed, as outreach "
          "uncalled -o writes them"),
        t->path, words_of(uncalled_columns[COLUMN_CAMPAIGN].heading),
        words_of(uncalled_columns[COLUMN_N].heading),
        words_of(uncalled_columns[COLUMN_NAME].heading),
        words_of(uncalled_columns[COLUMN_TO].heading),
        words_of(uncalled_columns[COLUMN_TICK].heading));
}

/* A cell without blanks around it, and as one line. */
static char *cell(const struct csv_field *f, size_t most)
{
    size_t from = 0, to = f->length;
    char *text;

    while (from < to && (unsigned char)f->bytes[from] <= ' ')
        from++;
    while (to > from && (unsigned char)f->bytes[to - 1] <= ' ')
        to--;
    text = xstrndup(f->bytes + from, to - from < most ? to - from : most);
    for (char *s = text; *s != '\0'; s++)
        if ((unsigned char)*s < 0x20)
            *s = ' ';
    return text;
}

static int on_row(void *arg, const struct csv_row *row, struct error *err)
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
    if (tick_mark_read(fields[COLUMN_TICK]->bytes, fields[COLUMN_TICK]->length) == TICK_NOT_TOLD) {
        t->not_told++;
        return 0;
    }
    if (t->count == t->room) {
        t->room = t->room > 0 ? 2 * t->room : 256;
        t->list = xreallocarray(t->list, t->room, sizeof *t->list);
    }
    one = &t->list[t->count++];
    *one = (struct tick){
        .row = row->number,
        .name = cell(fields[COLUMN_NAME], 256),
        .to = cell(fields[COLUMN_TO], 256),
        .note = cell(fields[COLUMN_TICK], NOTE_BYTES),
        .mark = tick_mark_read(fields[COLUMN_TICK]->bytes, fields[COLUMN_TICK]->length)};
    snprintf(one->campaign, sizeof one->campaign, "%.*s", (int)fields[COLUMN_CAMPAIGN]->length,
             fields[COLUMN_CAMPAIGN]->bytes);
    snprintf(number, sizeof number, "%.*s", (int)fields[COLUMN_N]->length, fields[COLUMN_N]->bytes);
    one->n = strtoll(number, &end, 10);
    if (one->n < 1 || *end != '\0' || number[0] == '\0')
        return error_set(err, T("%s: row %lu: \"%s\" is no number of a list; nothing was changed"),
                         t->path, row->number, number);
    return 0;
}

/* -------------------------------------------------------------- whether it is that person */

static void left_out(struct ticks *t, const struct tick *one, const char *why)
{
    if (t->left_out++ < REFUSED_SHOWN)
        prose_tell(T("row %lu is left out: %s\n"), one->row, why);
}

/* The campaign of a row. -1 with err where there is none. */
static int open_campaign(struct ticks *t, const char *id, struct error *err)
{
    if (t->campaign != NULL && strcmp(t->campaign->id, id) == 0)
        return 0;
    campaign_free(t->campaign);
    picture_free(t->picture);
    t->campaign = NULL;
    t->picture = picture_read(t->cli, id, err);
    if (t->picture != NULL)
        t->campaign = walk_campaign(t->cli, t->picture, err);
    return t->campaign != NULL ? 0 : -1;
}

static int64_t rows_of(const struct picture *p)
{
    int64_t rows = p->status->rows;

    for (size_t i = 0; i < p->status->reminder_count; i++)
        if (!builtin_is(p->status->reminders[i].name) && p->status->reminders[i].last > rows)
            rows = p->status->reminders[i].last;
    return rows;
}

static bool is_value(const struct template_value *value, const char *text)
{
    return value->length == strlen(text) && memcmp(value->text, text, value->length) == 0;
}

/* Is it one of her addresses, as it stands or as Excel and people write numbers? */
static bool is_address(const struct ticks *t, const struct template_value *row, const char *to)
{
    char number[PHONE_BYTES];
    bool phone =
        phone_normalize(to, strlen(to), t->cli->settings->defaults.country, number, NULL) == 0;

    for (size_t k = 0; k < t->campaign->channel_count; k++)
        if (is_value(&row[k], to) ||
            (phone && column_is_phone(t->campaign->channels[k]) && is_value(&row[k], number)))
            return true;
    return false;
}

/* Excel has made 8.61385E+12 of it: that tells nothing. */
static bool is_destroyed(const struct ticks *t, const char *to)
{
    enum phone_fault fault = PHONE_OK;
    char number[PHONE_BYTES];

    phone_normalize(to, strlen(to), t->cli->settings->defaults.country, number, &fault);
    return fault == PHONE_DESTROYED;
}

/* Why a row is not that person's, or NULL; -1 in *rc with err. */
static const char *why_not(struct ticks *t, const struct tick *one, int *rc, struct error *err)
{
    struct template_value row[CAMPAIGN_MAX_COLUMNS];
    int name = campaign_column(t->campaign, "name");
    struct command c = COMMAND_INIT;
    const redisReply *value;
    const char *why = NULL;
    redisReply *rows;
    bool by_name = one->name[0] != '\0' && name >= 0,
         by_address = one->to[0] != '\0' && !is_destroyed(t, one->to);

    command_start(&c, "XRANGE");
    key_audience(&c, t->campaign->id);
    command_add_format(&c, "%" PRId64 "-0", one->n);
    command_add_format(&c, "%" PRId64 "-0", one->n);
    *rc = db_ask(t->cli->db, &c, &rows, err);
    command_free(&c);
    if (*rc != 0)
        return NULL;
    value = db_at(db_at(db_at(rows, 0), 1), 1);
    if (value == NULL || campaign_row_split(t->campaign, value->str, value->len, row) != 0)
        why = T("she is not in the list any more");
    else if (!by_name && !by_address)
        why = T("neither a name nor a number is there to compare");
    else if (by_address && !is_address(t, row, one->to))
        why = T("the number is not that of this recipient");
    else if (by_name && !is_value(&row[name], one->name))
        why = T("the name is not that of this recipient");
    freeReplyObject(rows);
    return why;
}

/* All is looked at before anything is kept; what is not hers is taken out of the list. */
static int check(struct ticks *t, struct error *err)
{
    size_t kept = 0;

    for (size_t i = 0; i < t->count; i++) {
        struct tick *one = &t->list[i], was;
        const char *why;
        int rc = 0;

        if (open_campaign(t, one->campaign, err) != 0)
            return db_well(t->cli->db)
                       ? error_set(err,
                                   T("%s: row %lu: there is no campaign \"%s\"; nothing was "
                                     "changed"),
                                   t->path, one->row, one->campaign)
                       : -1;
        if (one->n > rows_of(t->picture))
            return error_set(err, T("%s: \"%s\" has no recipient %" PRId64 "; nothing was changed"),
                             t->path, one->campaign, one->n);
        why =
            one->mark == TICK_UNCLEAR
                ? T("its mark says neither yes nor no (√, ✓, v, 是, 已通知, 已告知, yes and 1 do)")
                : why_not(t, one, &rc, err);
        if (rc != 0)
            return -1;
        if (why != NULL) {
            left_out(t, one, why);
            continue;
        }
        was = t->list[kept];
        t->list[kept++] = *one;
        t->list[i] = was;
    }
    for (size_t i = kept; i < t->count; i++) {
        free(t->list[i].name);
        free(t->list[i].to);
        free(t->list[i].note);
    }
    t->count = kept;
    return 0;
}

/* ---------------------------------------------------------------------- what is kept */

/* The first who told her stays, but for who told her of an event that is another by now. */
static int keep_one(struct ticks *t, const struct tick *one, struct error *err)
{
    struct command c = COMMAND_INIT;
    unsigned version;
    redisReply *taken;
    int rc;

    if (open_campaign(t, one->campaign, err) != 0)
        return -1;
    version = t->picture->status->version;
    command_script(&c, SCRIPT_TICK, 1);
    key_called(&c, one->campaign);
    command_add_int(&c, one->n);
    command_add_int(&c, version);
    command_add_int(&c, AMEND_VERSIONS);
    command_add_format(&c, "by %s\nat %" PRId64 "\nversion %u\n%s", t->cli->by, clock_wall_ms(),
                       version, one->note);
    rc = db_ask(t->cli->db, &c, &taken, err);
    if (rc == 0) {
        t->kept += db_int(taken, 0);
        t->again += db_int(taken, 0) == 0;
        freeReplyObject(taken);
    }
    command_free(&c);
    return rc;
}

/* What was kept before an error came is on record too. */
static int keep(struct ticks *t, struct error *err)
{
    struct error unwritten;
    int rc = 0;

    for (size_t i = 0; i < t->count && rc == 0; i++)
        rc = keep_one(t, &t->list[i], err);
    if (t->kept > 0 &&
        register_audit(t->cli, "uncalled-ticks", "file", t->path, rc == 0 ? err : &unwritten) != 0)
        rc = -1;
    return rc;
}

static void tell(const struct ticks *t)
{
    char count[HUMAN_BYTES], again[HUMAN_BYTES];

    if (t->cli->json) {
        cli_json(json_pack("{s:I,s:I,s:I,s:I}", "told", (json_int_t)t->kept, "told_already",
                           (json_int_t)t->again, "left_out", (json_int_t)t->left_out, "not_told",
                           (json_int_t)t->not_told));
        return;
    }
    printf(T("%s were told by a person; %s of the ticks were known already\n"),
           human_count(count, t->kept), human_count(again, t->again));
    if (t->not_told > 0)
        printf(T("%s are not ticked, or marked as not told: they stay on the list\n"),
               human_count(count, t->not_told));
    if (t->left_out > 0)
        printf(T("%s rows were left out: mend them and take the file once more\n"),
               human_count(count, t->left_out));
}

int uncalled_take_ticks(struct cli *cli, const char *path)
{
    struct ticks t = {.cli = cli, .path = path};
    struct error err;
    int rc = 0;

    if (access(path, R_OK) != 0)
        return cli_fail(cli, EX_NOINPUT, T("%s cannot be read: %s"), path, language_errno(errno));
    if (sheet_read(path, on_row, &t, &err) != 0)
        rc = cli_error(cli, EX_DATAERR, &err);
    else if (!t.headed)
        rc = cli_fail(cli, EX_DATAERR, T("%s is empty"), path);
    else if (check(&t, &err) != 0)
        rc = cli_error(cli, db_well(cli->db) ? EX_DATAERR : EX_UNAVAILABLE, &err);
    else if (keep(&t, &err) != 0)
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    if (rc == 0) {
        tell(&t);
        rc = t.left_out > 0 ? EX_DATAERR : 0;
    }
    for (size_t i = 0; i < t.count; i++) {
        free(t.list[i].name);
        free(t.list[i].to);
        free(t.list[i].note);
    }
    free(t.list);
    campaign_free(t.campaign);
    picture_free(t.picture);
    return rc;
}
