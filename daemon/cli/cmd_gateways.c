/*
 * outreach gateways - what the gateways do, as the daemons last said
 */
#include "cli.h"
#include "clock.h"
#include "code_words.h"
#include "daemons.h"
#include "doubt.h"
#include "field.h"
#include "gateway_orders.h"
#include "gateway_says.h"
#include "gateway_try.h"
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
    const char *words;
} circuits[] = {
    {"closed", N_("works")},
    {"open", N_("BROKEN")},
    {"half-open", N_("on trial")},
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
    redisReply *orders;
    struct code_words *codes;
    const char *only; /* this gateway; NULL: all */
};

static bool is_wanted(const struct gathering *g, const char *name)
{
    return g->only == NULL || strcmp(g->only, name) == 0;
}

static int64_t number(const json_t *status, const char *name)
{
    return json_integer_value(json_object_get(status, name));
}

static const char *string(const json_t *status, const char *name)
{
    const char *s = json_string_value(json_object_get(status, name));

    return s != NULL ? s : "";
}

/* What is ordered is obeyed within a second, and said some seconds later. Negative: no limit. */
static double rate_of(const struct gathering *g, const char *name, const json_t *status)
{
    struct gateway_order order = gateway_orders_rate_by(g->orders, name);
    const json_t *rate = json_object_get(status, "rate");
    int64_t count, period_ms;

    if (order.at_ms > number(status, "t") &&
        field_rate(gateway_orders_rate(g->orders, name), &count, &period_ms) == 0)
        return (double)count * 1000 / (double)period_ms;
    return json_is_number(rate) ? json_number_value(rate) : -1;
}

static void put_numbers(struct gathering *g, const char *name, const json_t *status)
{
    static const char *const names[] = {"outstanding", "submitted", "accepted", "throttled",
                                        "rejected"};
    double rate = rate_of(g, name, status);
    char text[HUMAN_BYTES];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        table_cell(g->table, human_count(text, number(status, names[i])));
    table_cell(g->table, rate < 0 ? T("none") : human_rate(text, rate));
}

/* A code comes first in what the gateway said; some hold blanks ("HTTP 401"). */
static void put_meaning(struct gathering *g, const char *name, const char *detail)
{
    char code[64];
    const char *meaning = NULL;
    size_t n = strcspn(detail, " ");

    for (int words = 0; words < 2 && meaning == NULL; words++) {
        snprintf(code, sizeof code, "%.*s", (int)n, detail);
        meaning = code_words_find(g->codes, name, code);
        n += detail[n] != '\0' ? 1 + strcspn(detail + n + 1, " ") : 0;
    }
    if (meaning != NULL)
        buf_printf(&g->troubles, T(": %s"), meaning);
}

/* "unknown:  no answer", as the gateway room says it: what happened, a code if there
 * was one, and its words. */
static void put_trouble(struct gathering *g, const char *name, const char *whose,
                        const json_t *status)
{
    static const struct {
        const char *outcome;
        const char *words;
    } outcomes[] = {
        {"throttled", N_("asked us to go slower")},
        {"retry", N_("could not take a message for now")},
        {"broken", N_("is out of order")},
        {"unknown", N_("left a message without a clear answer")},
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
    buf_printf(&g->troubles, T("%s: last trouble"), whose);
    if (at > 0)
        buf_printf(&g->troubles, T(", %s ago"), human_age(ago, clock_wall_ms() - at));
    buf_printf(&g->troubles, T(": %s%s%s%s"), words != NULL ? words : "",
               words != NULL && detail[0] ? T(" (") : "", detail,
               words != NULL && detail[0] ? T(")") : "");
    put_meaning(g, name, detail);
    buf_putc(&g->troubles, '\n');
}

static bool takes_nothing(const json_t *status)
{
    return number(status, "capacity") == 0 && string(status, "state")[0] != '\0';
}

/* What people have ordered comes before what the gateway does. */
static const char *state_words(const struct gathering *g, const char *name, const json_t *status)
{
    const char *order = gateway_orders_state(g->orders, name);

    if (strcmp(order, "paused") == 0)
        return T("PAUSED");
    if (strcmp(order, "drained") == 0)
        return number(status, "outstanding") > 0 ? T("DRAINING") : T("DRAINED");
    if (strcmp(string(status, "circuit"), "closed") == 0 && takes_nothing(status))
        return T("DOWN");
    return circuit_words(string(status, "circuit"));
}

/* Who, since when, why: as far as it is known. The rest of a sentence. */
static void put_order(struct gathering *g, const struct gateway_order *order)
{
    char ago[HUMAN_BYTES];

    if (order->by[0] != '\0')
        buf_printf(&g->troubles, T(" of %s"), order->by);
    if (order->at_ms > 0)
        buf_printf(&g->troubles, T(", %s ago"), human_age(ago, clock_wall_ms() - order->at_ms));
    if (order->why[0] != '\0')
        buf_printf(&g->troubles, T(" (%s)"), order->why);
}

static void put_orders(struct gathering *g, const char *name)
{
    const char *rate = gateway_orders_rate(g->orders, name);
    struct gateway_order order;

    if (*rate != '\0') {
        order = gateway_orders_rate_by(g->orders, name);
        buf_printf(&g->troubles, T("%s: limited to %s by order"), name, rate);
        put_order(g, &order);
        buf_printf(&g->troubles, T("; `outreach gateways limit %s none` lifts it\n"), name);
    }
    if (*gateway_orders_state(g->orders, name) != '\0') {
        order = gateway_orders_state_by(g->orders, name);
        buf_printf(&g->troubles, T("%s: out of use by order"), name);
        put_order(g, &order);
        buf_printf(&g->troubles, T("; `outreach gateways resume %s` goes on\n"), name);
    }
}

/* What is left of a prepaid balance. False with err: Redis did not answer. */
static bool put_balance(struct cli *cli, struct gathering *g, const char *name, json_t **json,
                        struct error *err)
{
    struct gateway_order order = gateway_orders_balance_by(g->orders, name);
    const char *currency = words_currency(cli->settings->defaults.currency);
    struct balance b;
    char ago[HUMAN_BYTES];

    *json = NULL;
    if (gateway_orders_balance(cli, g->orders, name, &b, err) != 0)
        return false;
    if (!b.stated)
        return true;
    buf_printf(&g->troubles, T("%s: %.2f %s left of %.2f, as was said %s ago by %s\n"), name,
               (double)b.left / BALANCE_UNIT, currency, (double)b.amount / BALANCE_UNIT,
               human_age(ago, clock_wall_ms() - order.at_ms), order.by);
    *json = json_pack("{s:f,s:f,s:I,s:o}", "left", (double)b.left / BALANCE_UNIT, "stated",
                      (double)b.amount / BALANCE_UNIT, "ms", (json_int_t)order.at_ms, "by",
                      json_text(order.by));
    return true;
}

static json_t *order_json(const struct gateway_order *order)
{
    if (order->at_ms == 0)
        return json_null();
    return json_pack("{s:o,s:I,s:o}", "by", json_text(order->by), "ms", (json_int_t)order->at_ms,
                     "why", json_text(order->why));
}

/* What one daemon says of one gateway; with others, whose trouble it is is told. */
static void put_status(struct gathering *g, const char *name, const char *channel,
                       const char *plugin, const char *daemon, bool others, const json_t *status)
{
    int64_t age_ms = clock_wall_ms() - number(status, "t");
    bool stale = age_ms > STALE_MS;
    char age[HUMAN_BYTES], why[RETELL_BYTES], whose[256];

    table_cell(g->table, name);
    table_cell(g->table, channel);
    table_cell(g->table, plugin);
    table_cell(g->table, stale ? T("no news") : state_words(g, name, status));
    put_numbers(g, name, status);
    table_cell(g->table, daemon);
    if (others)
        snprintf(whose, sizeof whose, T("%s (%s)"), name, daemon);
    else
        snprintf(whose, sizeof whose, "%s", name);
    if (stale)
        buf_printf(&g->troubles, T("%s: nothing heard from %s for %s\n"), name, daemon,
                   human_age(age, age_ms));
    else if (takes_nothing(status))
        buf_printf(&g->troubles, T("%s: takes nothing now: %s\n"), whose,
                   gateway_says(string(status, "state"), why));
    put_trouble(g, name, whose, status);
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
    table_cell(g->table, T("not in use"));
    for (int i = 0; i < 7; i++)
        table_cell(g->table, "");
}

/* group: its settings, NULL where it is no longer configured. */
static int gather(struct cli *cli, const char *name, const struct tree *group, struct gathering *g,
                  struct error *err)
{
    const char *channel = group ? tree_string(group, "channel", "") : "";
    const char *plugin = group ? tree_string(group, "plugin", "") : T("(not configured)");
    struct command c = COMMAND_INIT;
    struct gateway_order order = gateway_orders_state_by(g->orders, name),
                         limit = gateway_orders_rate_by(g->orders, name);
    json_t *daemons = json_array(), *balance;
    redisReply *reply;
    size_t seen = 0;
    bool well;

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
        put_status(g, name, channel, plugin, reply->element[i]->str, reply->elements > 2, status);
        json_array_append_new(daemons, daemon_json(reply->element[i]->str, status));
        json_decref(status);
    }
    if (seen == 0)
        put_silence(g, name, channel, plugin);
    put_orders(g, name);
    well = put_balance(cli, g, name, &balance, err);
    json_array_append_new(
        g->all,
        json_pack("{s:o,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:o*,s:o}", "name", json_text(name),
                  "configured", group != NULL, "channel", json_text(channel), "plugin",
                  group ? json_text(plugin) : json_null(), "order",
                  json_text(gateway_orders_state(g->orders, name)), "limit",
                  json_text(gateway_orders_rate(g->orders, name)), "ordered", order_json(&order),
                  "limited", order_json(&limit), "balance", balance, "daemons", daemons));
    freeReplyObject(reply);
    command_free(&c);
    return well ? 0 : -1;
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

        if (name[0] != ':' && name[0] != '#' && is_wanted(g, name) &&
            gateway_configured(cli, name) == NULL)
            rc = gather(cli, name, NULL, g, err);
    }
    freeReplyObject(reply);
    return rc;
}

static struct table *make_table(void)
{
    const struct table_column columns[] = {
        {T("NAME"), TABLE_LEFT, TABLE_WRAPS}, {T("CHANNEL"), TABLE_LEFT, false},
        {T("PLUGIN"), TABLE_LEFT, false},     {T("STATE"), TABLE_LEFT, false},
        {T("OUT"), TABLE_RIGHT, false},       {T("SUBM"), TABLE_RIGHT, false},
        {T("ACC"), TABLE_RIGHT, false},       {T("THR"), TABLE_RIGHT, false},
        {T("REJ"), TABLE_RIGHT, false},       {T("RATE"), TABLE_RIGHT, false},
        {T("DAEMON"), TABLE_LEFT, false},
    };

    return table_create(columns, sizeof columns / sizeof *columns);
}

/* only: NULL for all. */
static int show(struct cli *cli, const char *only)
{
    struct gathering g = {.troubles = BUF_INIT(1u << 20), .only = only};
    struct buf out = BUF_INIT(4u << 20);
    const struct tree *one;
    struct error err;
    int rc = cli_connect(cli);

    if (rc == 0 && gateway_orders_read(cli, &g.orders, &err) != 0)
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    if (rc != 0)
        return rc;
    g.codes = code_words_create(cli->settings);
    g.table = make_table();
    g.all = json_array();
    one = cli->settings->gateways ? cli->settings->gateways->first : NULL;
    for (; one != NULL && rc == 0; one = one->next)
        if (is_wanted(&g, tree_string(one, "name", "?")) &&
            gather(cli, tree_string(one, "name", "?"), one, &g, &err) != 0)
            rc = cli_error(cli, EX_UNAVAILABLE, &err);
    if (rc == 0 && gather_former(cli, &g, &err) != 0)
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    if (rc == 0 && only != NULL && json_array_size(g.all) == 0)
        rc = cli_near_verb(&cmd_gateways, only) ? cli_no_verb(cli, &cmd_gateways, only)
                                                : gateway_unknown(cli, only);
    if (rc == 0 && cli->json) {
        cli_json(json_incref(g.all));
    } else if (rc == 0 && json_array_size(g.all) == 0) {
        puts(T("no gateways are configured"));
    } else if (rc == 0) {
        table_write(g.table, cli->width, 0, &out);
        buf_put(&out, g.troubles.data, g.troubles.length);
        doubt_write(cli, &out);
        if (daemons_write_troubles(cli->db, &out, &err) != 0)
            rc = cli_error(cli, EX_UNAVAILABLE, &err);
        cli_print(&out);
    }
    freeReplyObject(g.orders);
    code_words_free(g.codes);
    json_decref(g.all);
    table_free(g.table);
    buf_free(&g.troubles);
    buf_free(&out);
    return rc;
}

struct gateways_options {
    struct gateway_try_options try; /* first: its rows count from here too */
    const char *why;
};

static const struct option_row gateways_options[] = {
    {"to", 0, OPTION_STRING, OPTION_AT(struct gateway_try_options, to), "ADDRESS",
     .help = N_("try: who gets the message")},
    {"text", 0, OPTION_STRING, OPTION_AT(struct gateway_try_options, text), "TEXT",
     .help = N_("try: what it says; the signature is added as the gateway wants it")},
    {"template", 0, OPTION_STRING, OPTION_AT(struct gateway_try_options, template_code), "CODE",
     .help = N_("try: the provider's template, filled by COLUMN=VALUE in their order")},
    {"receipt", 0, OPTION_DURATION, OPTION_AT(struct gateway_try_options, receipt_ms), "TIME",
     .initial = 10000, .max = 600000,
     .help = N_("try: how long a receipt is waited for; default 10")},
    {"as-is", 0, OPTION_FLAG, OPTION_AT(struct gateway_try_options, as_is), NULL,
     .help = N_("try: the address is not a telephone number")},
    {"yes", 'y', OPTION_FLAG, OPTION_AT(struct gateway_try_options, yes), NULL,
     .help = N_("try: do not ask; needed where nobody can be asked")},
    {"why", 0, OPTION_STRING, OPTION_AT(struct gateways_options, why), "TEXT",
     .help = N_("pause, drain, limit: the reason, shown with the order")},
    {0},
};

static int gateways(struct cli *cli, const void *options, char **operands, int count)
{
    if (count == 0)
        return show(cli, NULL);
    if (strcmp(operands[0], "try") == 0)
        return gateway_try_run(cli, options, operands, count);
    if (gateway_orders_verb(operands[0]))
        return gateway_orders_run(cli, ((const struct gateways_options *)options)->why, operands,
                                  count);
    return count == 1 ? show(cli, operands[0]) : cli_no_verb(cli, &cmd_gateways, operands[0]);
}

const struct subcommand cmd_gateways = {
    .name = "gateways",
    .operands = "[NAME | pause|resume|drain|try NAME | limit|balance NAME VALUE]",
    .summary =
        N_("what each gateway does, as the daemons last said; stop or slow one down, try one"),
    .more =
        N_("NAME: that gateway alone.\n"
           "OUT: messages without an answer yet. SUBM, ACC, THR, REJ: submitted, accepted,\n"
           "throttled and rejected since the daemon started. What troubles a gateway stands\n"
           "below. `no news`: its daemon has said nothing for 15 seconds. `DOWN`: it takes\n"
           "nothing now.\n"
           "pause: takes nothing new and keeps its connection. drain: hangs up besides, once it\n"
           "has finished what it has. limit: at most RATE (5/s, 20/min), never more than is\n"
           "configured. All daemons obey within about a second, and after a restart too, until\n"
           "resume, or limit NAME none. balance: AMOUNT (or none) was paid in advance and is\n"
           "left, as the provider says; what is spent from then on is reckoned off, the forecast\n"
           "compares, and those on duty are told when it is low. Who gave an order, when and why\n"
           "(--why) stands below the table. Orders are audited.\n"
           "try: sends one message to ADDRESS from here, beside the daemons and their rates, and\n"
           "shows what went over the wire and what came back, secrets and number blotted out.\n"
           "Exit code 0: accepted; 65 refused; 78 the gateway is broken; 75 anything else."),
    .most = -1,
    .options = gateways_options,
    .options_bytes = sizeof(struct gateways_options),
    .run = gateways,
};
