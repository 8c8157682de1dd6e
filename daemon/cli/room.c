#include "room.h"

#include "health.h"

#include <sysexits.h>

int room_check(struct cli *cli)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int percent = 0;
    bool full;

    command_start(&c, "INFO");
    command_add_string(&c, "memory");
    if (db_ask(cli->db, &c, &reply, NULL) != 0) {
        command_free(&c);
        return 0;
    }
    full = reply->type == REDIS_REPLY_STRING && health_memory_full(reply->str, &percent);
    freeReplyObject(reply);
    command_free(&c);
    return full ? cli_fail(cli, EX_TEMPFAIL,
                           T("Redis' memory is nearly full (%d %% of maxmemory): nothing more "
                             "is taken. Raise maxmemory, or erase old campaigns"),
                           percent)
                : 0;
}
