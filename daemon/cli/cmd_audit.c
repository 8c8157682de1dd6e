/*
 * outreach audit - who asked for what, and when
 */
#include "audit_words.h"
#include "cli.h"
#include "clock.h"
#include "field.h"
#include "gateway_orders.h"
#include "keys.h"
#include "mem.h"
#include "subcommands.h"
#include "table.h"
#include "zone.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 500

struct audit_options {
    const char *op, *campaign, *gateway, *who;
    int64_t count, since_ms;
};

static const struct option_row audit_options[] = {
    {"count", 'n', OPTION_NUMBER, OPTION_AT(struct audit_options, count), "COUNT", .initial = 50,
     .word = "all", .help = N_("how many of the last entries (50), or all")},
    {"op", 'o', OPTION_STRING, OPTION_AT(struct audit_options, op), "OP",
     .help = N_("queue, approve, cancel, retry, optout-add, gateway-pause, ...")},
    {"campaign", 0, OPTION_STRING, OPTION_AT(struct audit_options, campaign), "ID",
     .help = N_("of this campaign")},
    {"gateway", 'g', OPTION_STRING, OPTION_AT(struct audit_options, gateway), "NAME",
     .help = N_("of this gateway")},
    {"who", 'w', OPTION_STRING, OPTION_AT(struct audit_options, who), "NAME",
     .help = N_("asked for by this person")},
    {"since", 's', OPTION_DURATION, OPTION_AT(struct audit_options, since_ms), "TIME",
     .help = N_("of that long ago and later: 2h, 7d")},
    {0},
};

struct auditing {
    struct cli *cli;
    const struct audit_options *options;
    const struct zone *zone;
    redisReply **entries; /* those that are wanted, the newest first: pages own them */
    redisReply *pages[200000 / PAGE];
    size_t page_count;
    struct table *table;
    json_t *all;
};

static const char *text_of(const redisReply *fields, const char *name)
{
    const redisReply *value = db_field(fields, name);

    return value != NULL && value->str != NULL ? value->str : "";
}

static bool matches(const redisReply *fields, const char *name, const char *wanted)
{
    return wanted == NULL || strcmp(text_of(fields, name), wanted) == 0;
}

static bool wants(const struct auditing *a, const redisReply *fields)
{
    return (a->options->op == NULL || audit_words_match(text_of(fields, "op"), a->options->op)) &&
           matches(fields, "campaign", a->options->campaign) &&
           matches(fields, "gateway", a->options->gateway) &&
           matches(fields, "by", a->options->who);
}

/* What it is about, and what else is on record, as "name value". */
static void put_entry(struct auditing *a, const redisReply *entry)
{
    const redisReply *fields = db_at(entry, 1);
    int64_t at_ms = strtoll(db_at(entry, 0)->str, NULL, 10);
    static const char *const about[] = {"campaign", "gateway", "daemon", "to"};
    json_t *one = json_pack("{s:s,s:I}", "id", db_at(entry, 0)->str, "at_ms", (json_int_t)at_ms);
    struct buf more = BUF_INIT(65536);
    const char *what = "";
    struct local_time t;

    for (size_t i = 0; i < sizeof about / sizeof *about && what[0] == '\0'; i++)
        what = text_of(fields, about[i]);
    for (size_t i = 0; fields != NULL && i + 1 < fields->elements; i += 2) {
        const char *name = fields->element[i]->str, *value = fields->element[i + 1]->str;

        json_object_set_new(one, name, json_text(value));
        if (strcmp(name, "op") == 0 || strcmp(name, "by") == 0 || value == what ||
            strcmp(name, "event") == 0 || strcmp(name, "hash") == 0)
            continue;
        if (more.length > 0)
            buf_puts(&more, T(", "));
        audit_words_field(name, value, &more);
    }
    zone_local(a->zone, at_ms, &t);
    table_printf(a->table, "%04d-%02d-%02d %02d:%02d:%02d", t.year, t.month, t.day, t.hour,
                 t.minute, t.second);
    table_cell(a->table, text_of(fields, "by"));
    table_cell(a->table, audit_words(text_of(fields, "op")));
    table_cell(a->table, what);
    table_cell(a->table, buf_string(&more));
    json_array_append_new(a->all, one);
    buf_free(&more);
}

/* From the newest back, until there are enough. -1 with err. */
static int read_back(struct auditing *a, size_t *found, struct error *err)
{
    size_t most = a->options->count > 0 ? (size_t)a->options->count : SIZE_MAX;
    int64_t since_ms = a->options->since_ms > 0 ? clock_wall_ms() - a->options->since_ms : 0;
    struct command c = COMMAND_INIT;
    char before[64] = "+";
    int rc = 0;

    while (*found < most && a->page_count < sizeof a->pages / sizeof *a->pages) {
        redisReply *page;

        command_start(&c, "XREVRANGE");
        command_add_string(&c, KEY_AUDIT);
        command_add_string(&c, before);
        command_add_format(&c, "%" PRId64, since_ms);
        command_add_string(&c, "COUNT");
        command_add_int(&c, PAGE);
        rc = db_ask(a->cli->db, &c, &page, err);
        if (rc != 0)
            break;
        a->pages[a->page_count++] = page;
        for (size_t i = 0; i < page->elements && *found < most; i++)
            if (wants(a, db_at(page->element[i], 1)))
                a->entries[(*found)++] = page->element[i];
        if (page->elements < PAGE)
            break;
        snprintf(before, sizeof before, "(%s", db_at(page->element[PAGE - 1], 0)->str);
    }
    command_free(&c);
    return rc;
}

static const char *next_op(const void *arg, size_t i)
{
    (void)arg;
    return audit_words_op(i);
}

/* 0, or EX_USAGE with all orders there are. */
static int check_op(const struct cli *cli, const char *op)
{
    struct buf all = BUF_INIT(4096);
    const char *nearest;
    int rc;

    for (size_t i = 0; audit_words_op(i) != NULL; i++)
        if (audit_words_match(audit_words_op(i), op))
            return 0;
    for (size_t i = 0; audit_words_op(i) != NULL; i++)
        buf_printf(&all, "%s%s", i > 0 ? T(", ") : "", audit_words(audit_words_op(i)));
    nearest = field_nearest(op, next_op, NULL);
    if (nearest != NULL)
        rc = cli_fail(cli, EX_USAGE, T("no order is called %s (did you mean %s?)"), op, nearest);
    else
        rc =
            cli_fail(cli, EX_USAGE, T("no order is called %s: there are %s"), op, buf_string(&all));
    buf_free(&all);
    return rc;
}

static int audit(struct cli *cli, const void *options, char **operands, int count)
{
    const struct table_column columns[] = {{T("WHEN"), TABLE_LEFT, false},
                                           {T("WHO"), TABLE_LEFT, TABLE_WRAPS},
                                           {T("ASKED FOR"), TABLE_LEFT, false},
                                           {T("OF"), TABLE_LEFT, TABLE_WRAPS},
                                           {T("MORE"), TABLE_LEFT, TABLE_BELOW}};
    struct audit_options named = *(const struct audit_options *)options;
    const struct audit_options *asked = &named;
    struct auditing *a;
    struct buf out = BUF_INIT(64u << 20);
    struct error err;
    size_t found = 0;
    int rc = asked->op != NULL ? check_op(cli, asked->op) : 0;

    if (count > 0)
        named.campaign = operands[0];
    if (rc == 0)
        rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    a = xcalloc(1, sizeof *a);
    *a = (struct auditing){.cli = cli, .options = asked, .all = json_array()};
    a->entries = xcalloc(sizeof a->pages / sizeof *a->pages * PAGE, sizeof *a->entries);
    a->zone = zone_find(cli->settings->defaults.timezone, NULL);
    a->table = table_create(columns, sizeof columns / sizeof *columns);
    if (read_back(a, &found, &err) != 0)
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    while (rc == 0 && found > 0) /* the newest last, as in a log */
        put_entry(a, a->entries[--found]);
    if (rc == 0 && cli->json) {
        cli_json(json_incref(a->all));
    } else if (rc == 0 && json_array_size(a->all) == 0) {
        if (asked->gateway != NULL && gateway_configured(cli, asked->gateway) == NULL)
            rc = gateway_unknown(cli, asked->gateway);
        else
            puts(T("nothing of that kind is on record"));
    } else if (rc == 0) {
        table_write(a->table, cli->width, 0, &out);
        cli_print(&out);
    }
    for (size_t i = 0; i < a->page_count; i++)
        freeReplyObject(a->pages[i]);
    json_decref(a->all);
    table_free(a->table);
    free(a->entries);
    free(a);
    buf_free(&out);
    return rc;
}

const struct subcommand cmd_audit = {
    .name = "audit",
    .operands = "[ID]",
    .summary = N_("who asked for what, and when"),
    .more = N_("Every order that changed something: queue, approve, pause, resume, cancel, retry,\n"
               "opt-outs, orders to gateways, confirmed clocks, recoveries; and who was shown\n"
               "people's whole numbers, how many. The newest last. Numbers here are masked."),
    .most = 1,
    .options = audit_options,
    .options_bytes = sizeof(struct audit_options),
    .run = audit,
};
