/*
 * outreach optout - who refused
 */
#include "address.h"
#include "audit.h"
#include "cli.h"
#include "keys.h"
#include "log.h"
#include "mem.h"
#include "scan.h"
#include "subcommands.h"

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

/* Audited with the masked address: the audit is read by more people than the list. */
static int audit(struct cli *cli, const char *op, const char *address, struct error *err)
{
    struct command c = COMMAND_INIT;
    int rc;

    audit_command(&c, op, "to", log_mask(address, strlen(address)), "by", cli->by, NULL);
    rc = db_ask(cli->db, &c, NULL, err);
    command_free(&c);
    return rc;
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

/* All numbers are read before the first change: a typo changes nothing. */
static int apply(struct cli *cli, const struct verb *verb, bool as_is, char **typed, int count)
{
    json_t *all = json_array();
    struct error err;
    char address[ADDRESS_BYTES];
    int64_t answer;
    int rc = 0;

    for (int i = 0; i < count && rc == 0; i++)
        if (address_read(cli, typed[i], as_is, address, &err) != 0)
            rc = cli_error(cli, EX_DATAERR, &err);
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
        if (cli->json)
            json_array_append_new(
                all,
                json_pack("{s:o,s:b,s:b}", "address", json_text(address), "changed",
                          verb->op != NULL && answer != 0, "opted_out",
                          verb->op == NULL ? answer != 0 : strcmp(verb->command, "SADD") == 0));
        else
            printf("%s  %s\n", address, words_of(answer != 0 ? verb->yes : verb->no));
    }
    if (rc == 0 && cli->json)
        cli_json(json_incref(all));
    json_decref(all);
    return rc;
}

struct listing {
    bool json;
    json_t *all;
    int64_t shown;
};

/* Masked: the command shows whole numbers only to who typed them. */
static void list_one(void *arg, const redisReply *member, const redisReply *value)
{
    struct listing *l = arg;
    const char *masked;

    (void)value;
    if (member->str[0] == OPTOUT_SEAL[0]) /* ours: no address begins so */
        return;
    masked = log_mask(member->str, member->len);
    l->shown++;
    if (l->json)
        json_array_append_new(l->all, json_text(masked));
    else
        puts(masked);
}

static int list_all(struct cli *cli)
{
    struct listing l = {.json = cli->json, .all = json_array()};
    struct error err;
    int rc = 0;

    if (scan_all(cli, "SSCAN", KEY_OPTOUT, list_one, &l, &err) != 0)
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    else if (cli->json)
        cli_json(json_pack("{s:I,s:O}", "count", (json_int_t)l.shown, "masked", l.all));
    else
        printf(T("%" PRId64 " have opted out\n"), l.shown);
    json_decref(l.all);
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
    .more = N_("add needs a number, and so does remove; list without one shows all, masked. What\n"
               "waits for someone who opted out is not sent, on any channel. Changes are audited."),
    .least = 1,
    .most = -1,
    .options = optout_options,
    .options_bytes = sizeof(struct optout_options),
    .run = optout,
};
