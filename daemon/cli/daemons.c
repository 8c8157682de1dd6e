#include "daemons.h"

#include "clock.h"
#include "keys.h"

#include <string.h>

static bool runs(struct db *db, const char *name)
{
    struct command c = COMMAND_INIT;
    redisReply *reply = NULL;
    const redisReply *status;
    bool yes = false;

    command_start(&c, "HMGET");
    key_daemon(&c, name);
    command_add_string(&c, "seen");
    command_add_string(&c, "status");
    if (db_ask(db, &c, &reply, NULL) == 0) {
        status = db_at(reply, 1);
        yes = clock_wall_ms() - db_int(db_at(reply, 0), 0) <= DAEMONS_STALE_MS &&
              (status == NULL || status->str == NULL || strcmp(status->str, "draining") != 0);
        freeReplyObject(reply);
    }
    command_free(&c);
    return yes;
}

bool daemons_run(struct db *db)
{
    struct command c = COMMAND_INIT;
    redisReply *names = NULL;
    bool yes = false;

    command_start(&c, "SMEMBERS");
    command_add_string(&c, KEY_DAEMONS);
    if (db_ask(db, &c, &names, NULL) == 0) {
        for (size_t i = 0; i < names->elements && !yes; i++)
            yes = runs(db, names->element[i]->str);
        freeReplyObject(names);
    }
    command_free(&c);
    return yes;
}
