/*
 * outreach residents list, export, tags: who is in the register
 */
#include "at_number.h"
#include "column.h"
#include "human.h"
#include "log.h"
#include "mem.h"
#include "progress.h"
#include "register.h"
#include "sheet.h"
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct residents *register_open(struct cli *cli, const struct register_options *o, struct who *who,
                                int *rc)
{
    const struct option_strings *const named[] = {&o->tags, &o->any, &o->without};
    struct residents *r;
    struct error err;

    *rc = cli_connect(cli);
    if (*rc != 0)
        return NULL;
    r = residents_open(cli->db, &err);
    if (r == NULL)
        *rc = cli_error(cli, EX_UNAVAILABLE, &err);
    for (int kind = 0; *rc == 0 && kind < WHO_KINDS; kind++)
        for (size_t i = 0; *rc == 0 && i < named[kind]->count; i++)
            if (who_name(who, r, (enum who_kind)kind, named[kind]->items[i], &err) != 0)
                *rc = cli_error(cli, EX_DATAERR, &err);
    if (*rc == 0)
        return r;
    residents_close(r);
    return NULL;
}

/* ------------------------------------------------------------------------ list */
struct listing {
    struct cli *cli;
    const struct register_options *options;
    struct residents *residents;
    const char *const *columns, *const *tags;
    size_t column_count, tag_count;
    struct buf out;
    struct sheet *sheet;
    struct progress progress;
    int64_t people;
    bool enough;
};

static void listing_start(struct listing *l, struct cli *cli, const struct register_options *o,
                          struct residents *r)
{
    *l = (struct listing){.cli = cli, .options = o, .residents = r, .out = BUF_INIT(1u << 20)};
    l->column_count = residents_columns(r, &l->columns);
    l->tag_count = residents_tags(r, &l->tags);
}

static bool is_address(const char *column)
{
    for (size_t i = 0; residents_channels[i] != NULL; i++)
        if (strcmp(residents_channels[i], column) == 0)
            return true;
    return false;
}

/* The value as it may be shown: an address masked, unless it is asked for in full. */
static const char *shown(const struct listing *l, size_t k, const struct template_value *v,
                         size_t *n)
{
    const char *text = v->text;

    *n = v->length;
    if (v->length > 0 && is_address(l->columns[k]) && !l->options->full && l->sheet == NULL) {
        text = log_mask(v->text, v->length);
        *n = strlen(text);
    }
    return text;
}

static void write_tags(const struct listing *l, const struct resident *one, struct buf *out)
{
    const char *comma = "";

    for (size_t i = 0; i < l->tag_count; i++)
        if (resident_has(one, (unsigned)i)) {
            buf_printf(out, "%s%s", comma, l->tags[i]);
            comma = "、";
        }
}

static const char *heading_of(const char *column)
{
    static const struct {
        const char *column;
        const char *heading;
    } known[] = {{"sms", N_("Phone")},
                 {"name", N_("Name")},
                 {"language", N_("Language")},
                 {"consent", N_("Consent")}};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].column, column) == 0)
            return words_of(known[i].heading);
    return column;
}

static void write_json(struct listing *l, const struct resident *one)
{
    const char *comma = "";

    buf_printf(&l->out, "{\"n\":%" PRId64, one->number);
    for (size_t k = 0; k < l->column_count; k++) {
        size_t n;
        const char *text = shown(l, k, &one->values[k], &n);

        if (n == 0)
            continue;
        buf_putc(&l->out, ',');
        buf_put_json(&l->out, l->columns[k], strlen(l->columns[k]));
        buf_putc(&l->out, ':');
        buf_put_json(&l->out, text, n);
    }
    buf_puts(&l->out, ",\"tags\":[");
    for (size_t i = 0; i < l->tag_count; i++)
        if (resident_has(one, (unsigned)i)) {
            buf_puts(&l->out, comma);
            buf_put_json(&l->out, l->tags[i], strlen(l->tags[i]));
            comma = ",";
        }
    buf_puts(&l->out, "]}\n");
}

/* Addresses and the name lead; what else there is says what it is, in lines below. */
static bool leads(const char *column)
{
    return is_address(column) || strcmp(column, "name") == 0;
}

static void write_line(struct listing *l, const struct resident *one)
{
    static const char indent[] = "         ";
    struct buf more = BUF_INIT(1u << 20);

    buf_printf(&l->out, "%7" PRId64, one->number);
    for (size_t k = 0; k < l->column_count; k++) {
        size_t n;
        const char *text = shown(l, k, &one->values[k], &n);

        if (n > 0 && leads(l->columns[k]))
            buf_printf(&l->out, "  %.*s", (int)n, text);
        else if (n > 0)
            buf_printf(&more, T("%s%s: %.*s"), more.length > 0 ? "  " : "",
                       heading_of(l->columns[k]), (int)n, text);
    }
    buf_putc(&l->out, '\n');
    if (more.length > 0)
        buf_puts(&more, "  ");
    buf_printf(&more, T("%s: "), T("Tags"));
    write_tags(l, one, &more);
    table_wrap(&l->out, buf_string(&more),
               (l->cli->width > 0 ? l->cli->width : 1000000) - (sizeof indent - 1), indent);
    buf_free(&more);
}

static int list_one(void *arg, const struct resident *one, struct error *err)
{
    struct listing *l = arg;

    if (cli_interrupted() != 0)
        return error_set(err, T("interrupted"));
    if (l->options->limit > 0 && l->people == l->options->limit) {
        l->enough = true;
        return -1;
    }
    l->people++;
    (l->cli->json ? write_json : write_line)(l, one);
    if (l->out.length < 65536)
        return 0;
    if (cli_print(&l->out) == 0)
        return 0;
    l->enough = true; /* nobody reads any more */
    return -1;
}

static int fail(const struct cli *cli, const struct error *err)
{
    return cli_error(cli, cli_interrupted() ? cli_interrupted() : EX_UNAVAILABLE, err);
}

/* Those of one number, whatever their names: 0, or an exit code that was told. */
static int list_number(struct listing *l, const char *number)
{
    struct at_number who;
    struct error err;
    int rc = at_number_find(l->cli, l->residents, number, l->options->name, true, &who);

    for (size_t i = 0; rc == 0 && i < who.count; i++)
        if (residents_read(l->residents, who.numbers[i], list_one, l, &err) < 0 && !l->enough)
            rc = fail(l->cli, &err);
    buf_free(&who.names);
    return rc;
}

int register_list(struct cli *cli, const struct register_options *o, const char *number)
{
    struct who who = {0};
    struct listing l;
    struct error err;
    struct residents *r;
    int rc;

    if (number != NULL && o->tags.count + o->any.count + o->without.count > 0)
        return cli_fail(cli, EX_USAGE, "%s", T("residents list: a number or tags, not both"));
    r = register_open(cli, o, &who, &rc);
    if (r == NULL)
        return rc;
    cli_catch_signals();
    listing_start(&l, cli, o, r);
    if (o->full && register_audit(cli, "residents-list", "numbers", "full", &err) != 0)
        rc = fail(cli, &err);
    else if (number != NULL)
        rc = list_number(&l, number);
    else if (residents_each(r, &who.filter, true, list_one, NULL, &l, &err) != 0 && !l.enough)
        rc = fail(cli, &err);
    if (rc == 0 && l.enough && !cli->json)
        buf_puts(&l.out, T("... and more\n"));
    else if (rc == 0 && l.people == 0 && !cli->json)
        buf_puts(&l.out, T("nobody\n"));
    cli_print(&l.out);
    buf_free(&l.out);
    residents_close(r);
    return rc;
}

/* ---------------------------------------------------------------------- export */
static void head(struct listing *l)
{
    const char *headings[RESIDENTS_COLUMNS + 1];
    unsigned widths[RESIDENTS_COLUMNS + 1];

    for (size_t k = 0; k < l->column_count; k++) {
        headings[k] = heading_of(l->columns[k]);
        widths[k] = 16;
    }
    headings[l->column_count] = T("Tags");
    widths[l->column_count] = 30;
    sheet_head(l->sheet, T("Residents"), headings, widths, l->column_count + 1);
}

static int export_one(void *arg, const struct resident *one, struct error *err)
{
    struct listing *l = arg;

    if (cli_interrupted() != 0)
        return error_set(err, T("interrupted"));
    l->people++;
    for (size_t k = 0; k < l->column_count; k++)
        sheet_text(l->sheet, one->values[k].text, one->values[k].length);
    buf_clear(&l->out);
    write_tags(l, one, &l->out);
    sheet_text(l->sheet, l->out.length > 0 ? l->out.data : "", l->out.length);
    sheet_next(l->sheet);
    return 0;
}

static void on_progress(void *arg, int64_t number, int64_t last)
{
    struct listing *l = arg;

    progress_draw(&l->progress, number, last, l->people);
}

int register_export(struct cli *cli, const struct register_options *o, const char *path)
{
    struct who who = {0};
    struct listing l;
    struct error err, closing;
    int rc;
    struct residents *r = register_open(cli, o, &who, &rc);

    if (r == NULL)
        return rc;
    cli_catch_signals();
    listing_start(&l, cli, o, r);
    l.sheet = sheet_open(path, &err);
    if (l.sheet == NULL) {
        residents_close(r);
        return cli_error(cli, sheet_exit_code(path), &err);
    }
    head(&l);
    progress_start(&l.progress, cli);
    if (register_audit(cli, "residents-export", "file", path, &err) != 0 ||
        residents_each(r, &who.filter, true, export_one, on_progress, &l, &err) != 0)
        rc = fail(cli, &err);
    progress_end(&l.progress);
    if (sheet_close(l.sheet, &closing) != 0 && rc == 0)
        rc = cli_error(cli, EX_IOERR, &closing);
    else if (rc != 0)
        unlink(path); /* half a list is taken for a whole one */
    if (rc == 0 && cli->json)
        cli_json(json_pack("{s:o,s:I}", "file", json_text(path), "people", (json_int_t)l.people));
    else if (rc == 0)
        printf(T("%s: %" PRId64 " people\n"), path, l.people);
    buf_free(&l.out);
    residents_close(r);
    return rc;
}

/* ------------------------------------------------------------------------ tags */
int register_tags(struct cli *cli)
{
    static const struct register_options nothing;
    static const struct table_column columns[] = {{"", TABLE_RIGHT, false},
                                                  {"", TABLE_LEFT, false}};
    struct table *t = table_create(columns, 2);
    struct buf out = BUF_INIT(1u << 20);
    json_t *all = json_object();
    int64_t counts[RESIDENTS_TAGS] = {0}, people = 0;
    const char *const *names;
    char count[HUMAN_BYTES];
    struct who who = {0};
    struct error err;
    int rc;
    struct residents *r = register_open(cli, &nothing, &who, &rc);

    if (r != NULL &&
        (residents_tag_counts(r, counts, &err) != 0 || (people = residents_count(r, &err)) < 0))
        rc = fail(cli, &err);
    for (size_t i = 0; rc == 0 && i < residents_tags(r, &names); i++) {
        if (counts[i] == 0) /* nobody has it any more */
            continue;
        json_object_set_new(all, names[i], json_integer(counts[i]));
        table_cell(t, human_count(count, counts[i]));
        table_cell(t, names[i]);
    }
    if (rc == 0 && cli->json) {
        cli_json(json_pack("{s:I,s:O}", "people", (json_int_t)people, "tags", all));
    } else if (rc == 0) {
        buf_printf(&out, T("%s people\n"), human_count(count, people));
        table_write(t, cli->width, 0, &out);
        cli_print(&out);
    }
    json_decref(all);
    table_free(t);
    buf_free(&out);
    residents_close(r);
    return rc;
}
