#include "asked.h"

#include "clock.h"
#include "keys.h"
#include "mem.h"
#include "retell.h"

#include <stdio.h>
#include <string.h>

#define LOOK_MS 50 /* between looks for what became of it */

int asked_send(struct cli *cli, const char *op, const char *campaign, const struct buf *body,
               double cost, char id[ASKED_ID_BYTES], struct error *err)
{
    const char *const fields[] = {"op", op, "campaign", campaign, "by", cli->by};
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc;

    command_start(&c, "XADD");
    command_add_string(&c, KEY_EVENTS);
    command_add_string(&c, "*");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        command_add_string(&c, fields[i]);
    if (cost >= 0) {
        command_add_string(&c, "cost");
        command_add_format(&c, "%.4f", cost);
    }
    if (body != NULL) {
        command_add_string(&c, "body");
        command_add(&c, body->data, body->length);
    }
    rc = db_ask(cli->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    snprintf(id, ASKED_ID_BYTES, "%s", reply->str != NULL ? reply->str : "");
    freeReplyObject(reply);
    return 0;
}

char *asked_rejection(struct cli *cli, const char *id)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    char *reason = NULL;

    command_start(&c, "XREVRANGE");
    command_add_string(&c, KEY_REJECTED);
    command_add_string(&c, "+");
    command_add_string(&c, "-");
    command_add_string(&c, "COUNT");
    command_add_int(&c, 100);
    if (db_ask(cli->db, &c, &reply, NULL) == 0) {
        for (size_t i = 0; i < reply->elements && reason == NULL; i++) {
            const redisReply *fields = db_at(reply->element[i], 1);
            const redisReply *event = db_field(fields, "event"), *why = db_field(fields, "reason");

            /* One with a row is about that row only: the event may be taken. */
            if (event != NULL && event->str != NULL && strcmp(event->str, id) == 0 &&
                db_field(fields, "row") == NULL)
                reason = xstrdup(retell(why != NULL && why->str != NULL ? why->str : "?",
                                        (char[RETELL_BYTES]){""}));
        }
        freeReplyObject(reply);
    }
    command_free(&c);
    return reason;
}

static bool is_applied(struct cli *cli, const char *campaign, const char *id)
{
    struct command c = COMMAND_INIT;
    redisReply *reply = NULL;
    bool applied;

    command_start(&c, "HGET");
    key_campaign(&c, campaign);
    command_add_string(&c, "event");
    applied =
        db_ask(cli->db, &c, &reply, NULL) == 0 && reply->str != NULL && strcmp(reply->str, id) == 0;
    if (reply != NULL)
        freeReplyObject(reply);
    command_free(&c);
    return applied;
}

bool asked_wait(struct cli *cli, const char *campaign, const char *id, int64_t wait_ms,
                char **reason)
{
    int64_t until = clock_mono_ms() + wait_ms;

    *reason = NULL;
    do {
        if (is_applied(cli, campaign, id))
            return true;
        *reason = asked_rejection(cli, id);
        if (*reason != NULL)
            return true;
        cli_sleep(cli, LOOK_MS);
    } while (clock_mono_ms() < until && cli_interrupted() == 0);
    return false;
}
