/*
 * outreach clock - what the daemons think of their clocks; a person has the last word
 */
#include "audit.h"
#include "cli.h"
#include "clock.h"
#include "daemons.h"
#include "human.h"
#include "keys.h"
#include "mem.h"
#include "subcommands.h"
#include "table.h"
#include "zone.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct clocks {
    struct table *table;
    json_t *all;
    const struct zone *zone;
};

static void put_clock(void *arg, const struct daemon_clock *clock)
{
    struct clocks *c = arg;
    int64_t off_ms = clock->doubted ? clock->step_ms : clock->peer_ms;
    char text[HUMAN_BYTES];

    table_cell(c->table, clock->name);
    table_cell(c->table, human_time(text, c->zone, clock->seen_ms, true));
    table_cell(c->table, clock->doubted        ? T("IN DOUBT: was set")
                         : clock->peer_ms != 0 ? T("differs from Redis")
                                               : T("right"));
    table_printf(c->table, "%s%s",
                 off_ms < 0   ? "-"
                 : off_ms > 0 ? "+"
                              : "",
                 off_ms != 0 ? human_duration(text, llabs(off_ms)) : "");
    json_array_append_new(
        c->all, json_pack("{s:o,s:I,s:b,s:I,s:I}", "daemon", json_text(clock->name), "seen_ms",
                          (json_int_t)clock->seen_ms, "doubted", clock->doubted, "step_ms",
                          (json_int_t)clock->step_ms, "redis_ms", (json_int_t)clock->peer_ms));
}

static int show(struct cli *cli)
{
    const struct table_column columns[] = {
        {T("DAEMON"), TABLE_LEFT, true},
        {T("LAST WORD"), TABLE_LEFT, false},
        {T("CLOCK"), TABLE_LEFT, false},
        {T("OFF BY"), TABLE_RIGHT, false},
    };
    struct clocks c = {table_create(columns, sizeof columns / sizeof *columns), json_array(),
                       zone_find(cli->settings->defaults.timezone, NULL)};
    struct buf out = BUF_INIT(1u << 20);
    struct error err;
    int rc = 0;

    if (daemons_clocks(cli->db, put_clock, &c, &err) != 0) {
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    } else if (cli->json) {
        cli_json(json_incref(c.all));
    } else if (json_array_size(c.all) == 0) {
        puts(T("no outreachd has run on this Redis yet"));
    } else {
        table_write(c.table, cli->width, 0, &out);
        cli_print(&out);
    }
    buf_free(&out);
    json_decref(c.all);
    table_free(c.table);
    return rc;
}

struct confirming {
    struct cli *cli;
    json_t *names;
    int failed;
    struct error err;
};

static int note(struct confirming *c, const struct daemon_clock *clock)
{
    struct command cmd = COMMAND_INIT;
    char step[32];
    int rc;

    command_start(&cmd, "HSET");
    key_daemon(&cmd, clock->name);
    command_add_string(&cmd, "confirmed");
    command_add_string(&cmd, clock->doubt);
    rc = db_ask(c->cli->db, &cmd, NULL, &c->err);
    if (rc == 0) {
        snprintf(step, sizeof step, "%" PRId64, clock->step_ms);
        audit_command(&cmd, "clock", "daemon", clock->name, "step_ms", step, "by", c->cli->by,
                      NULL);
        rc = db_ask(c->cli->db, &cmd, NULL, &c->err);
    }
    command_free(&cmd);
    return rc;
}

static void confirm_one(void *arg, const struct daemon_clock *clock)
{
    struct confirming *c = arg;

    if (!clock->doubted || c->failed != 0)
        return;
    c->failed = note(c, clock);
    if (c->failed == 0)
        json_array_append_new(c->names, json_text(clock->name));
}

/* Each daemon looks at its confirmation with its next heartbeat; it holds for the clock
 * that was doubted when this was said, and for no other. */
static int confirm(struct cli *cli)
{
    struct confirming c = {.cli = cli, .names = json_array()};
    int rc = 0;

    if (daemons_clocks(cli->db, confirm_one, &c, &c.err) != 0 || c.failed != 0) {
        rc = cli_error(cli, EX_UNAVAILABLE, &c.err);
    } else if (cli->json) {
        cli_json(json_pack("{s:O}", "confirmed", c.names));
    } else if (json_array_size(c.names) == 0) {
        puts(T("no clock is in doubt"));
    } else {
        for (size_t i = 0; i < json_array_size(c.names); i++)
            printf(T("%s goes by its system's clock now\n"),
                   json_string_value(json_array_get(c.names, i)));
    }
    json_decref(c.names);
    return rc;
}

static int clocks(struct cli *cli, const void *options, char **operands, int count)
{
    int rc;

    (void)options;
    if (count > 0 && strcmp(operands[0], "confirm") != 0)
        return cli_fail(cli, EX_USAGE, T("clock %s: expected `confirm`"), operands[0]);
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    return count > 0 ? confirm(cli) : show(cli);
}

const struct subcommand cmd_clock = {
    .name = "clock",
    .operands = "[confirm]",
    .summary = N_("whether the daemons believe their clocks; confirm one that was set"),
    .more =
        N_("A daemon whose system clock was set by more than 10 minutes goes on by its own and\n"
           "begins nothing new, so that nothing is sent early or given up as late. That ends\n"
           "when the clock comes back, or with `outreach clock confirm`: the system's time is\n"
           "right now. Steps of 5 seconds to 10 minutes hold up promotions for a minute."),
    .most = 1,
    .run = clocks,
};
