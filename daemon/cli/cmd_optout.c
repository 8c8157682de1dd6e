/*
 * outreach optout - who refused
 */
#include "address.h"
#include "audit.h"
#include "cli.h"
#include "human.h"
#include "keys.h"
#include "log.h"
#include "mem.h"
#include "refused.h"
#include "scan.h"
#include "subcommands.h"
#include "table.h"
#include "zone.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct optout_options {
    bool as_is;
};

static const struct option_row optout_options[] = {
    {"as-is", 0, OPTION_FLAG, OPTION_AT(struct optout_options, as_is), NULL,
     .help = N_("the address is not a telephone number: take it as it is written")},
    {0},
};

/* Audited with the masked address: the audit is read by more people than the list. By its hash
 * refused.h knows it again. */
static int audit(struct cli *cli, const char *op, const char *address, struct error *err)
{
    struct command c = COMMAND_INIT;
    char hash[ADDRESS_HASH_BYTES] = "";
    int rc;

    address_hash(cli, address, hash);
    audit_command(&c, op, "to", log_mask(address, strlen(address)), "by", cli->by, "hash", hash,
                  NULL);
    rc = db_ask(cli->db, &c, NULL, err);
    command_free(&c);
    return rc;
}

static const struct zone *zone_of(const struct cli *cli)
{
    return zone_find(cli->settings->defaults.timezone, NULL);
}

static int ask_set(struct cli *cli, const char *command, const char *address, int64_t *answer,
                   struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc;

    if (strcmp(command, "SADD") == 0)
        command_script(&c, SCRIPT_REFUSE, 1);
    else
        command_start(&c, command);
    command_add_string(&c, KEY_OPTOUT);
    command_add_string(&c, address);
    rc = db_ask(cli->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    *answer = db_int(reply, 0);
    freeReplyObject(reply);
    return 0;
}

static const struct verb {
    const char *name, *command, *op; /* op NULL: changes nothing, not audited */
    const char *yes, *no;            /* Redis said 1, said 0 */
} verbs[] = {
    {"add", "SADD", "optout-add", N_("gets nothing any more"), N_("had opted out already")},
    {"remove", "SREM", "optout-remove", N_("gets notices again"), N_("had not opted out")},
    {"list", "SISMEMBER", NULL, N_("has opted out"), N_("has not opted out")},
};

static void put_refusal(json_t *one, const struct refusal *r)
{
    if (r == NULL)
        return;
    json_object_set_new(one, "at_ms", json_integer(r->at_ms));
    json_object_set_new(one, "campaign", json_text(r->campaign));
    json_object_set_new(one, "by", json_text(r->by));
}

static void tell(struct cli *cli, const char *address, const char *what, const struct refusal *r)
{
    struct buf how = BUF_INIT(4096), out = BUF_INIT(16384);
    char when[HUMAN_BYTES];

    buf_printf(&out, "%s  %s\n", address, what);
    if (r != NULL) {
        buf_printf(&how, "%s  ", human_time(when, zone_of(cli), r->at_ms, false));
        refused_words(r, &how);
        table_wrap(&out, buf_string(&how), 78, "  ");
    }
    cli_print(&out);
    buf_free(&how);
    buf_free(&out);
}

/* All numbers are read before the first change: a typo changes nothing. */
static int apply(struct cli *cli, const struct verb *verb, bool as_is, char **typed, int count)
{
    json_t *all = json_array();
    struct refused *refused = NULL;
    const struct refusal *refusal;
    struct error err;
    char address[ADDRESS_BYTES];
    int64_t answer;
    int rc = 0;

    for (int i = 0; i < count && rc == 0; i++)
        if (address_read(cli, typed[i], as_is, address, &err) != 0)
            rc = cli_error(cli, EX_DATAERR, &err);
    if (rc == 0 && verb->op == NULL && (refused = refused_read(cli, &err)) == NULL)
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    for (int i = 0; i < count && rc == 0; i++) {
        address_read(cli, typed[i], as_is, address, &err);
        if (ask_set(cli, verb->command, address, &answer, &err) != 0) {
            rc = cli_error(cli, EX_UNAVAILABLE, &err);
            break;
        }
        if (verb->op != NULL && answer != 0 && audit(cli, verb->op, address, &err) != 0) {
            error_prefix(&err, T("%s %s, but the audit was not written"), address,
                         words_of(verb->yes));
            rc = cli_error(cli, EX_UNAVAILABLE, &err);
            break;
        }
        refusal = refused != NULL && answer != 0 ? refused_find(refused, address) : NULL;
        if (cli->json) {
            json_t *one =
                json_pack("{s:o,s:b,s:b}", "address", json_text(address), "changed",
                          verb->op != NULL && answer != 0, "opted_out",
                          verb->op == NULL ? answer != 0 : strcmp(verb->command, "SADD") == 0);

            put_refusal(one, refusal);
            json_array_append_new(all, one);
        } else {
            tell(cli, address, words_of(answer != 0 ? verb->yes : verb->no), refusal);
        }
    }
    if (rc == 0 && cli->json)
        cli_json(json_incref(all));
    json_decref(all);
    refused_free(refused);
    return rc;
}

struct entry {
    char *address;
    const struct refusal *refusal; /* NULL: nothing is known */
};

struct listing {
    const struct refused *refused;
    struct entry *entries;
    size_t count;
};

static void list_one(void *arg, const redisReply *member, const redisReply *value)
{
    struct listing *l = arg;

    (void)value;
    if (member->str[0] == OPTOUT_SEAL[0]) /* ours: no address begins so */
        return;
    if ((l->count & (l->count - 1)) == 0)
        l->entries =
            xreallocarray(l->entries, l->count == 0 ? 1 : 2 * l->count, sizeof *l->entries);
    l->entries[l->count++] =
        (struct entry){xstrndup(member->str, member->len), refused_find(l->refused, member->str)};
}

/* The last refusal is the last line. */
static int by_time(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int64_t then = x->refusal != NULL ? x->refusal->at_ms : 0;
    int64_t now = y->refusal != NULL ? y->refusal->at_ms : 0;

    return then != now ? (then > now) - (then < now) : strcmp(x->address, y->address);
}

/* A scan may name somebody twice. */
static void put_in_order(struct listing *l)
{
    size_t kept = 0;

    if (l->count > 0)
        qsort(l->entries, l->count, sizeof *l->entries, by_time);
    for (size_t i = 0; i < l->count; i++)
        if (kept > 0 && strcmp(l->entries[kept - 1].address, l->entries[i].address) == 0)
            free(l->entries[i].address);
        else
            l->entries[kept++] = l->entries[i];
    l->count = kept;
}

/* Masked: the command shows whole numbers only to who typed them. */
static json_t *entry_json(const struct entry *e)
{
    json_t *one = json_pack("{s:o}", "masked", json_text(log_mask(e->address, strlen(e->address))));

    put_refusal(one, e->refusal);
    return one;
}

static void write_json(const struct listing *l)
{
    json_t *masked = json_array(), *all = json_array();

    for (size_t i = 0; i < l->count; i++) {
        json_t *one = entry_json(&l->entries[i]);

        json_array_append(masked, json_object_get(one, "masked"));
        json_array_append_new(all, one);
    }
    cli_json(json_pack("{s:I,s:o,s:o}", "count", (json_int_t)l->count, "masked", masked, "refusals",
                       all));
}

static void write_table(struct cli *cli, const struct listing *l)
{
    const struct table_column columns[] = {{T("NUMBER"), TABLE_LEFT, false},
                                           {T("WHEN"), TABLE_LEFT, false},
                                           {T("HOW"), TABLE_LEFT, TABLE_WRAPS}};
    const struct zone *zone = zone_of(cli);
    struct table *t = table_create(columns, sizeof columns / sizeof *columns);
    struct buf out = BUF_INIT(1u << 30), how = BUF_INIT(4096);
    char when[HUMAN_BYTES];

    for (size_t i = 0; i < l->count; i++) {
        const struct entry *e = &l->entries[i];

        buf_clear(&how);
        if (e->refusal != NULL)
            refused_words(e->refusal, &how);
        table_cell(t, log_mask(e->address, strlen(e->address)));
        table_cell(t, e->refusal != NULL ? human_time(when, zone, e->refusal->at_ms, false) : "");
        table_cell(t, buf_string(&how));
    }
    if (l->count > 0)
        table_write(t, cli->width, 0, &out);
    buf_printf(&out, T("%" PRId64 " have opted out\n"), (int64_t)l->count);
    cli_print(&out);
    buf_free(&how);
    buf_free(&out);
    table_free(t);
}

static int list_all(struct cli *cli)
{
    struct error err;
    struct refused *refused = refused_read(cli, &err);
    struct listing l = {.refused = refused};
    int rc = 0;

    if (refused == NULL || scan_all(cli, "SSCAN", KEY_OPTOUT, list_one, &l, &err) != 0)
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    put_in_order(&l);
    if (rc == 0 && cli->json)
        write_json(&l);
    else if (rc == 0)
        write_table(cli, &l);
    for (size_t i = 0; i < l.count; i++)
        free(l.entries[i].address);
    free(l.entries);
    refused_free(refused);
    return rc;
}

static int optout(struct cli *cli, const void *arg, char **operands, int count)
{
    const struct optout_options *options = arg;
    int rc;

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(operands[0], verbs[i].name) != 0)
            continue;
        if (count == 1 && verbs[i].op != NULL)
            break;
        rc = cli_connect(cli);
        if (rc != 0)
            return rc;
        return count == 1 ? list_all(cli)
                          : apply(cli, &verbs[i], options->as_is, operands + 1, count - 1);
    }
    return cli_no_verb(cli, &cmd_optout, operands[0]);
}

const struct subcommand cmd_optout = {
    .name = "optout",
    .operands = "add|remove|list [NUMBER]...",
    .summary = N_("who refused: add, take back, look up"),
    .more = N_("add needs a number, and so does remove; list without one shows all, masked, with\n"
               "when and how each refused, where that is on record. What waits for someone who\n"
               "opted out is not sent, on any channel. Changes are audited."),
    .least = 1,
    .most = -1,
    .options = optout_options,
    .options_bytes = sizeof(struct optout_options),
    .run = optout,
};
