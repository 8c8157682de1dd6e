/*
 * outreach residents erase - a person out of the register, and what else holds her
 */
#include "at_number.h"
#include "audit.h"
#include "builtin.h"
#include "campaigns.h"
#include "discreet.h"
#include "keys.h"
#include "log.h"
#include "mem.h"
#include "picture.h"
#include "register.h"
#include "tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE_ROWS 1000
#define PAGES_AHEAD 4

int register_audit(struct cli *cli, const char *op, const char *name, const char *value,
                   struct error *err)
{
    struct command c = COMMAND_INIT;
    int rc;

    audit_command(&c, op, name, value, "by", cli->by, NULL);
    rc = db_ask(cli->db, &c, NULL, err);
    command_free(&c);
    return rc;
}

int register_ask(const struct cli *cli, const struct register_options *o, const char *question)
{
    if (o->yes)
        return 0;
    if (!cli->terminal || !isatty(STDIN_FILENO) || cli->json)
        return cli_fail(cli, EX_USAGE, T("%s There is nobody to ask: say -y"), question);
    if (cli_confirm(cli, question))
        return 0;
    fputs(T("outreach: nothing was changed\n"), stderr);
    return EX_TEMPFAIL;
}

/* --------------------------------------------------------------- what holds her */
struct search {
    const char *bare; /* her address as rows have it */
    size_t length, found;
};

/* Is it one of the row's values? */
static bool is_in(const struct search *s, const char *row, size_t n)
{
    const char *at = row, *end = row + n;

    while ((at = memmem(at, (size_t)(end - at), s->bare, s->length)) != NULL) {
        const char *stop = at + s->length;

        if ((at == row || at[-1] == '\x1f') && (stop == end || *stop == '\x1f'))
            return true;
        at = stop;
    }
    return false;
}

static void on_page(void *arg, const redisReply *reply)
{
    struct search *s = arg;

    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        const redisReply *fields = db_at(reply->element[i], 1);
        const redisReply *row = fields != NULL ? db_field(fields, "r") : NULL;

        if (row != NULL)
            s->found += is_in(s, row->str, row->len);
    }
}

/* reminder: a built-in one, whose rows are its own; "": the campaign's audience. */
static int search_rows(struct cli *cli, const char *id, const char *reminder, int64_t rows,
                       struct search *s, struct error *err)
{
    struct command c = COMMAND_INIT;
    int rc = 0;

    for (int64_t from = 1; from <= rows && rc == 0; from += PAGE_ROWS) {
        command_start(&c, "XRANGE");
        key_rows(&c, id, reminder);
        command_add_format(&c, "%" PRId64 "-0", from);
        command_add_format(&c, "%" PRId64 "-0", from + PAGE_ROWS - 1);
        db_send(cli->db, &c, on_page, s);
        rc = db_drain(cli->db, PAGES_AHEAD, err);
    }
    command_free(&c);
    return db_drain(cli->db, 0, err) != 0 ? -1 : rc;
}

/* What holds her besides the register. */
struct holders {
    json_t *campaigns; /* ids */
    int hidden;        /* sensitive ones, not for who asks: whoever is in them */
    bool opted_out, safe;
};

static int search_campaign(struct cli *cli, const char *id, struct search *s, struct holders *h,
                           struct error *err)
{
    struct picture *p = picture_read(cli, id, err);
    const struct tree *sensitive;
    int rc;

    if (p == NULL)
        return -1;
    sensitive = p->document != NULL ? tree_get(p->document, "sensitive") : NULL;
    if (sensitive != NULL && sensitive->kind == TREE_BOOL && sensitive->truth &&
        !discreet_may(cli)) {
        h->hidden++;
        picture_free(p);
        return 0;
    }
    s->found = 0;
    rc = search_rows(cli, id, "", p->status->rows, s, err);
    for (size_t i = 0; i < p->status->reminder_count && rc == 0; i++)
        if (builtin_is(p->status->reminders[i].name))
            rc = search_rows(cli, id, p->status->reminders[i].name, p->status->reminders[i].last, s,
                             err);
    if (rc == 0 && s->found > 0)
        json_array_append_new(h->campaigns, json_string(id));
    picture_free(p);
    return rc;
}

static int search_campaigns(struct cli *cli, struct search *s, struct holders *h, struct error *err)
{
    char **ids = campaign_ids(cli->db, err);
    int rc = 0;

    if (ids == NULL)
        return -1;
    for (size_t i = 0; ids[i] != NULL; i++) {
        if (rc == 0)
            rc = search_campaign(cli, ids[i], s, h, err);
        free(ids[i]);
    }
    free(ids);
    return rc;
}

static int ask_whether(struct cli *cli, const char *command, const char *key, const char *bare,
                       bool *is, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc;

    command_start(&c, command);
    command_add_string(&c, key);
    command_add_string(&c, bare);
    rc = db_ask(cli->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    *is = db_int(reply, 0) != 0;
    freeReplyObject(reply);
    return 0;
}

static int find_holders(struct cli *cli, const char *bare, struct holders *h, struct error *err)
{
    struct search s = {bare, strlen(bare), 0};

    *h = (struct holders){.campaigns = json_array()};
    if (ask_whether(cli, "SISMEMBER", KEY_OPTOUT, bare, &h->opted_out, err) != 0 ||
        ask_whether(cli, "HEXISTS", KEY_SAFE, bare, &h->safe, err) != 0)
        return -1;
    return search_campaigns(cli, &s, h, err);
}

/* ----------------------------------------------------------------------- erasing */
struct erasing {
    struct cli *cli;
    const struct register_options *options;
    struct residents *residents;
    struct at_number who;
};

static void tell(const struct erasing *e, int64_t erased, const struct holders *h)
{
    if (e->cli->json) {
        cli_json(json_pack("{s:I,s:b,s:b,s:O,s:i}", "erased", (json_int_t)erased, "opted_out",
                           h->opted_out, "safe", h->safe, "campaigns", h->campaigns, "hidden",
                           h->hidden));
        return;
    }
    if (erased > 0)
        printf(T("%s is no longer in the register\n"), log_mask(e->who.bare, strlen(e->who.bare)));
    else
        printf(T("%s is not in the register\n"), log_mask(e->who.bare, strlen(e->who.bare)));
    if (h->opted_out)
        puts(T("  the opt-out stays: nothing is sent to this number"));
    if (h->safe)
        puts(T("  the mark of outreach safe stays, as long as a list has the number"));
    if (json_array_size(h->campaigns) > 0)
        puts(T("  the number is still in the lists of these campaigns, as long as they are kept:"));
    for (size_t i = 0; i < json_array_size(h->campaigns); i++)
        printf("    %s\n", json_string_value(json_array_get(h->campaigns, i)));
    if (h->hidden > 0)
        printf(T("  sensitive campaigns that were not looked into: %d\n"), h->hidden);
}

static int erase(struct erasing *e, const char *typed)
{
    struct holders holders = {0};
    int64_t erased = 0;
    struct error err;
    char *question;
    int rc =
        at_number_find(e->cli, e->residents, typed, e->options->name, e->options->all, &e->who);

    if (rc == 0 && e->who.count > 0) {
        question = xasprintf(T("Erase %s (%s) from the register for good?"),
                             buf_string(&e->who.names), log_mask(e->who.bare, strlen(e->who.bare)));
        rc = register_ask(e->cli, e->options, question);
        free(question);
    }
    if (rc != 0)
        return rc;
    if (e->who.count > 0)
        erased = residents_erase(e->residents, e->who.address, e->who.numbers, e->who.count, &err);
    if (erased < 0 ||
        (erased > 0 && register_audit(e->cli, "residents-erase", "to",
                                      log_mask(e->who.bare, strlen(e->who.bare)), &err) != 0) ||
        find_holders(e->cli, e->who.bare, &holders, &err) != 0)
        rc = cli_error(e->cli, EX_UNAVAILABLE, &err);
    else
        tell(e, erased, &holders);
    json_decref(holders.campaigns);
    return rc;
}

int register_erase(struct cli *cli, const struct register_options *o, const char *number)
{
    static const struct register_options nothing;
    struct erasing e = {.cli = cli, .options = o};
    struct who who = {0};
    int rc;

    e.residents = register_open(cli, &nothing, &who, &rc);
    if (rc == 0)
        rc = erase(&e, number);
    residents_close(e.residents);
    buf_free(&e.who.names);
    return rc;
}
