#include "pending.h"

#include "keys.h"

#include <stdio.h>

#define MOST_EVENTS 500

static const char *text_of(const redisReply *reply, const char *otherwise)
{
    return reply != NULL && reply->str != NULL ? reply->str : otherwise;
}

const char *pending_field(const redisReply *fields, const char *name)
{
    return text_of(db_field(fields, name), "");
}

/* How far the daemons have read; "0-0" when none ever did. */
static int ask_position(struct db *db, char position[64], struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc;

    command_start(&c, "HGET");
    command_add_string(&c, KEY_READER);
    command_add_string(&c, "position");
    rc = db_ask(db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    snprintf(position, 64, "%s", text_of(reply, "0-0"));
    freeReplyObject(reply);
    return 0;
}

int pending_each(struct db *db, pending_fn *fn, void *arg, struct error *err)
{
    struct command c = COMMAND_INIT;
    char position[64];
    redisReply *reply;
    int rc = ask_position(db, position, err);

    if (rc != 0)
        return -1;
    command_start(&c, "XREVRANGE");
    command_add_string(&c, KEY_EVENTS);
    command_add_string(&c, "+");
    command_add_format(&c, "(%s", position);
    command_add_string(&c, "COUNT");
    command_add_int(&c, MOST_EVENTS);
    rc = db_ask(db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    for (size_t i = 0; i < reply->elements; i++)
        if (fn(arg, db_at(reply->element[i], 1)))
            break;
    freeReplyObject(reply);
    return 0;
}
