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
     .help = {"the address is not a telephone number: take it as it is written",
              "地址不是电话号码，按原样使用"}},
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
    struct words yes, no;            /* Redis said 1, said 0 */
} verbs[] = {
    {"add",
     "SADD",
     "optout-add",
     {"gets nothing any more", "不再发送"},
     {"had opted out already", "此前已退订"}},
    {"remove",
     "SREM",
     "optout-remove",
     {"gets notices again", "恢复发送"},
     {"had not opted out", "此前并未退订"}},
    {"list", "SISMEMBER", NULL, {"has opted out", "已退订"}, {"has not opted out", "未退订"}},
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
            error_prefix(&err, T("%s %s, but the audit was not written", "%s %s，但审计未能写入"),
                         address, words_of(verb->yes));
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

            if (strcmp(page->element[i]->str, OPTOUT_SEAL) == 0)
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
        printf(T("%" PRId64 " have opted out\n", "共 %" PRId64 " 人退订\n"), shown);
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
    return cli_fail(cli, EX_USAGE, T("usage: outreach optout %s", "用法：outreach optout %s"),
                    cmd_optout.operands);
}

const struct subcommand cmd_optout = {
    .name = "optout",
    .operands = "add|remove|list [NUMBER]...",
    .summary = {"who refused: add, take back, look up", "退订名单：加入、移出、查询"},
    .more = {"add needs a number, and so does remove; list without one shows all, masked. What\n"
             "waits for someone who opted out is not sent, on any channel. Changes are audited.",
             "add 和 remove 需要号码；list 不带号码则列出全部（号码打码）。\n"
             "对已退订的人，尚未发出的一律不再发送。改动会记入审计。"},
    .least = 1,
    .most = -1,
    .options = optout_options,
    .options_bytes = sizeof(struct optout_options),
    .run = optout,
};
