/*
 * outreach optout - who refused
 */
#include "address.h"
#include "audit.h"
#include "cli.h"
#include "keys.h"
#include "log.h"
#include "mem.h"
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

/* Masked: the command shows whole numbers only to who typed them. */
static int list_all(struct cli *cli)
{
    struct command c = COMMAND_INIT;
    json_t *all = json_array();
    struct error err;
    char cursor[32] = "0";
    int64_t shown = 0;
    int rc = 0;

    do {
        redisReply *reply;
        const redisReply *page;

        command_start(&c, "SSCAN");
        command_add_string(&c, KEY_OPTOUT);
        command_add_string(&c, cursor);
        command_add_string(&c, "COUNT");
        command_add_int(&c, 1000);
        if (db_ask(cli->db, &c, &reply, &err) != 0) {
            rc = cli_error(cli, EX_UNAVAILABLE, &err);
            break;
        }
        page = db_at(reply, 1);
        for (size_t i = 0; page != NULL && i < page->elements; i++) {
            const char *masked;

            if (page->element[i]->str[0] == OPTOUT_SEAL[0]) /* ours: no address begins so */
                continue;
            masked = log_mask(page->element[i]->str, page->element[i]->len);
            shown++;
            if (cli->json)
                json_array_append_new(all, json_text(masked));
            else
                puts(masked);
        }
        snprintf(cursor, sizeof cursor, "%s", db_at(reply, 0)->str);
        freeReplyObject(reply);
    } while (strcmp(cursor, "0") != 0);
    command_free(&c);
    if (rc == 0 && cli->json)
        cli_json(json_pack("{s:I,s:O}", "count", (json_int_t)shown, "masked", all));
    else if (rc == 0)
        printf(T("%" PRId64 " have opted out\n"), shown);
    json_decref(all);
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
    return cli_usage(cli, &cmd_optout);
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
