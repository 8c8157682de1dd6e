/*
 * outreach gateways - what the gateways do, as the daemons last said
 */
#include "cli.h"
#include "clock.h"
#include "daemons.h"
#include "doubt.h"
#include "human.h"
#include "keys.h"
#include "mem.h"
#include "subcommands.h"
#include "table.h"
#include "tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STALE_MS DAEMONS_STALE_MS

static const struct {
    const char *name;
    struct words words;
} circuits[] = {
    {"closed", {"works", "正常"}},
    {"open", {"BROKEN", "故障"}},
    {"half-open", {"on trial", "试探中"}},
};

static const char *circuit_words(const char *circuit)
{
    for (size_t i = 0; i < sizeof circuits / sizeof *circuits; i++)
        if (strcmp(circuits[i].name, circuit) == 0)
            return words_of(circuits[i].words);
    return circuit;
}

struct gathering {
    struct table *table;
    struct buf troubles;
    json_t *all;
};

static int64_t number(const json_t *status, const char *name)
{
    return json_integer_value(json_object_get(status, name));
}

static const char *string(const json_t *status, const char *name)
{
    const char *s = json_string_value(json_object_get(status, name));

    return s != NULL ? s : "";
}

static void put_numbers(struct table *t, const json_t *status)
{
    static const char *const names[] = {"outstanding", "submitted", "accepted", "throttled",
                                        "rejected"};
    char text[HUMAN_BYTES];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        table_cell(t, human_count(text, number(status, names[i])));
    table_cell(t, human_rate(text, json_number_value(json_object_get(status, "rate"))));
}

/* "unknown:  no answer", as the gateway room says it: what happened, a code if there
 * was one, and its words. */
static void put_trouble(struct gathering *g, const char *name, const json_t *status)
{
    static const struct {
        const char *outcome;
        struct words words;
    } outcomes[] = {
        {"throttled", {"asked us to go slower", "要求放慢"}},
        {"retry", {"could not take a message for now", "暂时不能接收"}},
        {"broken", {"is out of order", "故障"}},
        {"unknown", {"left a message without a clear answer", "没有给出明确应答"}},
    };
    const char *trouble = string(status, "trouble"), *detail = strchr(trouble, ':');
    size_t n = detail != NULL ? (size_t)(detail - trouble) : strlen(trouble);
    int64_t at = number(status, "trouble_ms");
    char ago[HUMAN_BYTES];
    const char *words = NULL;

    if (trouble[0] == '\0')
        return;
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
        if (strlen(outcomes[i].outcome) == n && strncmp(trouble, outcomes[i].outcome, n) == 0)
            words = words_of(outcomes[i].words);
    detail = words == NULL ? trouble : detail == NULL ? "" : detail + 1;
    detail += strspn(detail, " ");
    buf_printf(&g->troubles, T("%s: last trouble", "%s：最近一次问题"), name);
    if (at > 0)
        buf_printf(&g->troubles, T(", %s ago", "，%s前"),
                   human_duration(ago, clock_wall_ms() - at));
    buf_printf(&g->troubles, T(": %s%s%s%s\n", "：%s%s%s%s\n"), words != NULL ? words : "",
               words != NULL && detail[0] ? T(" (", "（") : "", detail,
               words != NULL && detail[0] ? T(")", "）") : "");
}

/* What one daemon says of one gateway. */
static void put_status(struct gathering *g, const char *name, const char *channel,
                       const char *plugin, const char *daemon, const json_t *status)
{
    int64_t age_ms = clock_wall_ms() - number(status, "t");
    bool stale = age_ms > STALE_MS;
    char age[HUMAN_BYTES];

    table_cell(g->table, name);
    table_cell(g->table, channel);
    table_cell(g->table, plugin);
    table_cell(g->table, stale ? T("no news", "无消息") : circuit_words(string(status, "circuit")));
    put_numbers(g->table, status);
    table_cell(g->table, daemon);
    if (stale)
        buf_printf(&g->troubles,
                   T("%s: nothing heard from %s for %s\n", "%1$s：已有 %3$s 没有 %2$s 的消息\n"),
                   name, daemon, human_duration(age, age_ms));
    put_trouble(g, name, status);
}

static json_t *daemon_json(const char *daemon, json_t *status)
{
    json_t *one = json_copy(status);

    json_object_set_new(one, "daemon", json_text(daemon));
    json_object_set_new(one, "stale",
                        json_boolean(clock_wall_ms() - number(status, "t") > STALE_MS));
    return one;
}

static void put_silence(struct gathering *g, const char *name, const char *channel,
                        const char *plugin)
{
    table_cell(g->table, name);
    table_cell(g->table, channel);
    table_cell(g->table, plugin);
    table_cell(g->table, T("not in use", "未启用"));
    for (int i = 0; i < 7; i++)
        table_cell(g->table, "");
}

/* group: its settings, NULL where it is no longer configured. */
static int gather(struct cli *cli, const char *name, const struct tree *group, struct gathering *g,
                  struct error *err)
{
    const char *channel = group ? tree_string(group, "channel", "") : "";
    const char *plugin =
        group ? tree_string(group, "plugin", "") : T("(not configured)", "（未配置）");
    struct command c = COMMAND_INIT;
    json_t *daemons = json_array();
    redisReply *reply;
    size_t seen = 0;

    command_start(&c, "HGETALL");
    key_gateway(&c, name, "status");
    if (db_ask(cli->db, &c, &reply, err) != 0) {
        command_free(&c);
        json_decref(daemons);
        return -1;
    }
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        json_t *status =
            json_loadb(reply->element[i + 1]->str, reply->element[i + 1]->len, 0, NULL);

        if (!json_is_object(status)) {
            json_decref(status);
            continue;
        }
        seen++;
        put_status(g, name, channel, plugin, reply->element[i]->str, status);
        json_array_append_new(daemons, daemon_json(reply->element[i]->str, status));
        json_decref(status);
    }
    if (seen == 0)
        put_silence(g, name, channel, plugin);
    json_array_append_new(g->all,
                          json_pack("{s:o,s:b,s:o,s:o,s:o}", "name", json_text(name), "configured",
                                    group != NULL, "channel", json_text(channel), "plugin",
                                    group ? json_text(plugin) : json_null(), "daemons", daemons));
    freeReplyObject(reply);
    command_free(&c);
    return 0;
}

static const struct tree *configured(const struct cli *cli, const char *name)
{
    const struct tree *one = cli->settings->gateways ? cli->settings->gateways->first : NULL;

    while (one != NULL && strcmp(tree_string(one, "name", ""), name) != 0)
        one = one->next;
    return one;
}

/* Those that once were: the registry of numbers never forgets a name. */
static int gather_former(struct cli *cli, struct gathering *g, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc;

    command_start(&c, "HKEYS");
    command_add_string(&c, KEY_GATEWAYS);
    rc = db_ask(cli->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    for (size_t i = 0; i < reply->elements && rc == 0; i++) {
        const char *name = reply->element[i]->str;

        if (name[0] != ':' && name[0] != '#' && configured(cli, name) == NULL)
            rc = gather(cli, name, NULL, g, err);
    }
    freeReplyObject(reply);
    return rc;
}

static struct table *make_table(void)
{
    const struct table_column columns[] = {
        {T("NAME", "名称"), TABLE_LEFT, true},    {T("CHANNEL", "渠道"), TABLE_LEFT, false},
        {T("PLUGIN", "插件"), TABLE_LEFT, false}, {T("STATE", "状态"), TABLE_LEFT, false},
        {T("OUT", "未答"), TABLE_RIGHT, false},   {T("SUBM", "提交"), TABLE_RIGHT, false},
        {T("ACC", "接受"), TABLE_RIGHT, false},   {T("THR", "限速"), TABLE_RIGHT, false},
        {T("REJ", "拒绝"), TABLE_RIGHT, false},   {T("RATE", "速率"), TABLE_RIGHT, false},
        {T("DAEMON", "程序"), TABLE_LEFT, false},
    };

    return table_create(columns, sizeof columns / sizeof *columns);
}

static int gateways(struct cli *cli, const void *options, char **operands, int count)
{
    struct gathering g = {make_table(), BUF_INIT(1u << 20), json_array()};
    struct buf out = BUF_INIT(4u << 20);
    const struct tree *one;
    struct error err;
    int rc = cli_connect(cli);

    (void)options, (void)operands, (void)count;
    one = rc == 0 && cli->settings->gateways ? cli->settings->gateways->first : NULL;
    for (; one != NULL && rc == 0; one = one->next)
        if (gather(cli, tree_string(one, "name", "?"), one, &g, &err) != 0)
            rc = cli_error(cli, EX_UNAVAILABLE, &err);
    if (rc == 0 && gather_former(cli, &g, &err) != 0)
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    if (rc == 0 && cli->json) {
        cli_json(json_incref(g.all));
    } else if (rc == 0 && json_array_size(g.all) == 0) {
        puts(T("no gateways are configured", "没有配置网关"));
    } else if (rc == 0) {
        table_write(g.table, cli->width, 0, &out);
        buf_put(&out, g.troubles.data, g.troubles.length);
        doubt_write(cli, &out);
        if (daemons_write_clocks(cli->db, &out, &err) != 0)
            rc = cli_error(cli, EX_UNAVAILABLE, &err);
        cli_print(&out);
    }
    json_decref(g.all);
    table_free(g.table);
    buf_free(&g.troubles);
    buf_free(&out);
    return rc;
}

const struct subcommand cmd_gateways = {
    .name = "gateways",
    .operands = "",
    .summary = {"what each gateway does, as the daemons last said", "各网关的状态和数量"},
    .more = {"OUT: messages without an answer yet. SUBM, ACC, THR, REJ: submitted, accepted,\n"
             "throttled and rejected since the daemon started. What troubles a gateway stands\n"
             "below. `no news`: its daemon has said nothing for 15 seconds.",
             "未答：已提交尚无应答；其余为程序启动以来的数量。网关的问题列在表下。\n"
             "“无消息”表示程序已 15 秒没有报告。"},
    .most = 0,
    .run = gateways,
};
