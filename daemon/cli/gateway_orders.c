#include "gateway_orders.h"

#include "audit.h"
#include "balance.h"
#include "clock.h"
#include "column.h"
#include "field.h"
#include "keys.h"
#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHY_BYTES 200

static const struct verb {
    const char *name, *state; /* state NULL: none any more; "": as it is, a rate is set */
    const char *done;
} verbs[] = {
    {"pause", "paused",
     N_("takes nothing new; what it has it finishes. `outreach gateways resume %s` goes on\n")},
    {"drain", "drained",
     N_("finishes what it has and hangs up. `outreach gateways resume %s` opens it anew\n")},
    {"resume", NULL, N_("is used again\n")},
    {"limit", "", ""},
    {"balance", "", ""},
};

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

bool gateway_orders_verb(const char *verb)
{
    return find_verb(verb) != NULL;
}

const struct tree *gateway_configured(const struct cli *cli, const char *name)
{
    const struct tree *one = cli->settings->gateways ? cli->settings->gateways->first : NULL;

    while (one != NULL && strcmp(tree_string(one, "name", ""), name) != 0)
        one = one->next;
    return one;
}

static const char *next_name(const void *arg, size_t i)
{
    const struct cli *cli = arg;
    const struct tree *one = cli->settings->gateways ? cli->settings->gateways->first : NULL;

    while (one != NULL && i-- > 0)
        one = one->next;
    return one != NULL ? tree_string(one, "name", "") : NULL;
}

int gateway_unknown(const struct cli *cli, const char *name)
{
    const char *channel = column_known(name, strlen(name)), *meant = NULL;
    const struct tree *one = cli->settings->gateways ? cli->settings->gateways->first : NULL;

    for (; one != NULL && meant == NULL; one = one->next) {
        const char *its = tree_string(one, "channel", "");

        if (strcmp(its, channel != NULL ? channel : name) == 0 ||
            strcmp(words_channel(its), name) == 0)
            meant = tree_string(one, "name", "");
    }
    if (meant == NULL)
        meant = field_nearest(name, next_name, cli);
    if (meant != NULL)
        return cli_fail(cli, EX_DATAERR, T("there is no gateway %s (did you mean %s?)"), name,
                        meant);
    return cli_fail(cli, EX_DATAERR, T("there is no gateway %s (outreach gateways lists them)"),
                    name);
}

/* ----------------------------------------------------------------------- reading */

int gateway_orders_read(struct cli *cli, redisReply **orders, struct error *err)
{
    struct command c = COMMAND_INIT;
    int rc;

    command_start(&c, "HGETALL");
    command_add_string(&c, KEY_ORDERS);
    rc = db_ask(cli->db, &c, orders, err);
    command_free(&c);
    return rc;
}

static const char *ordered(const redisReply *orders, const char *field)
{
    const redisReply *value = db_field(orders, field);

    return value != NULL && value->str != NULL ? value->str : "";
}

const char *gateway_orders_state(const redisReply *orders, const char *name)
{
    return ordered(orders, name);
}

const char *gateway_orders_rate(const redisReply *orders, const char *name)
{
    char field[64];

    snprintf(field, sizeof field, "%.40s:rate", name);
    return ordered(orders, field);
}

static struct gateway_order ordered_by(const redisReply *orders, const char *name, const char *part)
{
    static const char *const ends[] = {"by", "why", "at"};
    const char *values[3];
    char field[80];

    for (size_t i = 0; i < 3; i++) {
        snprintf(field, sizeof field, "%.40s%s:%s", name, part, ends[i]);
        values[i] = ordered(orders, field);
    }
    return (struct gateway_order){values[0], values[1], strtoll(values[2], NULL, 10)};
}

struct gateway_order gateway_orders_state_by(const redisReply *orders, const char *name)
{
    return ordered_by(orders, name, "");
}

struct gateway_order gateway_orders_rate_by(const redisReply *orders, const char *name)
{
    return ordered_by(orders, name, ":rate");
}

/* ---------------------------------------------------------------------- ordering */

/* An order with who gave it, when and why, or what takes all that out (value NULL). The
 * daemons read the order alone. */
static void put_order(struct command *c, const char *field, const char *value, const char *by,
                      const char *why)
{
    command_start(c, value != NULL ? "HSET" : "HDEL");
    command_add_string(c, KEY_ORDERS);
    command_add_string(c, field);
    if (value != NULL)
        command_add_string(c, value);
    command_add_format(c, "%s:by", field);
    if (value != NULL)
        command_add_string(c, by);
    command_add_format(c, "%s:why", field);
    if (value != NULL)
        command_add_string(c, why);
    command_add_format(c, "%s:at", field);
    if (value != NULL)
        command_add_int(c, clock_wall_ms());
}

/* Sets a field of the orders, or takes it out (value NULL), and writes down who did, and what was
 * said (NULL: nothing is to be). */
static int order(struct cli *cli, const struct verb *verb, const char *name, const char *part,
                 const char *value, const char *said, const char *why, struct error *err)
{
    struct command c = COMMAND_INIT;
    char field[64], op[40];
    int rc;

    snprintf(field, sizeof field, "%.40s%s", name, part);
    put_order(&c, field, value, cli->by, why);
    rc = db_ask(cli->db, &c, NULL, err);
    if (rc == 0) {
        snprintf(op, sizeof op, "gateway-%s", verb->name);
        audit_command(&c, op, "gateway", name, *part != '\0' ? part + 1 : "rate", said, "by",
                      cli->by, "why", why, NULL);
        rc = db_ask(cli->db, &c, NULL, err);
    }
    command_free(&c);
    return rc;
}

/* Of this configuration, or of another daemon's: 0, or an exit code. */
static int check_name(struct cli *cli, const char *name)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    struct error err;
    bool known;

    if (gateway_configured(cli, name) != NULL)
        return 0;
    command_start(&c, "HEXISTS");
    command_add_string(&c, KEY_GATEWAYS);
    command_add_string(&c, name);
    if (db_ask(cli->db, &c, &reply, &err) != 0) {
        command_free(&c);
        return cli_error(cli, EX_UNAVAILABLE, &err);
    }
    known = db_int(reply, 0) != 0 && strpbrk(name, ":#") == NULL;
    freeReplyObject(reply);
    command_free(&c);
    return known ? 0 : gateway_unknown(cli, name);
}

/* 0, or an exit code: rates that the daemons would not take. */
static int check_rate(const struct cli *cli, const char *name, const char *text)
{
    const struct tree *group = gateway_configured(cli, name);
    const char *most = group != NULL ? tree_string(group, "rate", "") : "";
    int64_t rate, rate_ms, most_rate, most_ms;

    if (field_rate(text, &rate, &rate_ms) != 0 || rate_ms < 1000 || rate > 10000000 ||
        rate_ms > INT64_C(31) * 86400000)
        return cli_fail(cli, EX_DATAERR, T("%s: expected a rate like 5/s, 20/min, 1000/h, or none"),
                        text);
    if (field_rate(most, &most_rate, &most_ms) == 0 &&
        (double)rate / (double)rate_ms > (double)most_rate / (double)most_ms)
        return cli_fail(cli, EX_DATAERR,
                        T("%s is more than the configured rate of %s: change it there"), text,
                        most);
    return 0;
}

static int tell(const struct cli *cli, const struct verb *verb, const char *name, const char *rate)
{
    if (cli->json) {
        cli_json(json_pack("{s:o,s:s,s:o}", "gateway", json_text(name), "order", verb->name,
                           strcmp(verb->name, "balance") == 0 ? "balance" : "rate",
                           rate != NULL ? json_text(rate) : json_null()));
        return 0;
    }
    printf("%s ", name);
    if (strcmp(verb->name, "balance") == 0)
        printf(rate != NULL ? T("has %s %s, and what is spent from now on is reckoned off\n")
                            : T("has no balance that is reckoned any more\n"),
               rate, words_currency(cli->settings->defaults.currency));
    else if (verb->state == NULL || *verb->state != '\0')
        printf(words_of(verb->done), name); /* a constant of ours */
    else if (rate != NULL)
        printf(T("sends at most %s, all daemons together\n"), rate);
    else
        puts(T("sends at its configured rate again"));
    return 0;
}

static bool is_one_line(const char *text)
{
    while ((unsigned char)*text >= 0x20 && *text != 0x7f)
        text++;
    return *text == '\0';
}

/* What all daemons have spent so far, for freeReplyObject(); or NULL with err. */
static redisReply *ask_spent(struct cli *cli, const char *name, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc;

    balance_ask_command(&c, name);
    rc = db_ask(cli->db, &c, &reply, err);
    command_free(&c);
    return rc == 0 ? reply : NULL;
}

/* "AMOUNT BASE", as the daemons read it. 0, or an exit code. */
static int check_balance(struct cli *cli, const char *name, const char *text, char out[48])
{
    const struct tree *group = gateway_configured(cli, name), *cost;
    struct error err;
    redisReply *spent;
    char *end;
    double amount = strtod(text, &end);

    if (end == text || *end != '\0' || !(amount > 0 && amount <= BALANCE_MOST))
        return cli_fail(cli, EX_DATAERR, T("%s: expected a sum like 500 or 480.50, or none"), text);
    cost = group != NULL ? tree_member(group, "cost") : NULL;
    if (cost == NULL)
        return cli_fail(
            cli, EX_DATAERR,
            T("%s has no `cost` in the configuration: what is spent cannot be reckoned"), name);
    spent = ask_spent(cli, name, &err);
    if (spent == NULL)
        return cli_error(cli, EX_UNAVAILABLE, &err);
    snprintf(out, 48, "%lld %lld", (long long)(amount * BALANCE_UNIT + 0.5),
             (long long)balance_spent(spent));
    freeReplyObject(spent);
    return 0;
}

int gateway_orders_balance(struct cli *cli, const redisReply *orders, const char *name,
                           struct balance *out, struct error *err)
{
    redisReply *spent = ask_spent(cli, name, err);

    if (spent == NULL)
        return -1;
    *out = balance_read(orders, name, spent);
    freeReplyObject(spent);
    return 0;
}

struct gateway_order gateway_orders_balance_by(const redisReply *orders, const char *name)
{
    return ordered_by(orders, name, ":balance");
}

int gateway_orders_run(struct cli *cli, const char *why, char **operands, int count)
{
    const struct verb *verb = find_verb(operands[0]);
    bool limits = strcmp(verb->name, "limit") == 0, states = strcmp(verb->name, "balance") == 0;
    const char *name = operands[1], *rate = NULL, *value = verb->state, *said = NULL;
    char stated[48], words[WORDS_ARGUMENT_BYTES];
    struct error err;
    int rc;

    if (count != (limits || states ? 3 : 2))
        return cli_fail(cli, EX_USAGE, T("usage: outreach gateways %s %s"), verb->name,
                        words_argument(words, limits   ? "NAME RATE|none"
                                              : states ? "NAME AMOUNT|none"
                                                       : "NAME"));
    if (why != NULL && (strlen(why) > WHY_BYTES || !is_one_line(why)))
        return cli_fail(cli, EX_DATAERR, T("--why: expected one line of at most %d bytes"),
                        WHY_BYTES);
    rc = cli_connect(cli);
    if (rc == 0)
        rc = check_name(cli, name);
    if ((limits || states) && strcmp(operands[2], "none") != 0)
        rate = operands[2];
    if (rc == 0 && rate != NULL)
        rc = limits ? check_rate(cli, name, rate) : check_balance(cli, name, rate, stated);
    if (rc != 0)
        return rc;
    if (limits || states) {
        value = rate == NULL ? NULL : limits ? rate : stated;
        said = rate != NULL ? rate : limits ? "any" : "none";
    }
    if (order(cli, verb, name,
              limits   ? ":rate"
              : states ? ":balance"
                       : "",
              value, said, why != NULL ? why : "", &err) != 0)
        return cli_error(cli, EX_UNAVAILABLE, &err);
    return tell(cli, verb, name, rate);
}
