#include "room.h"

#include "health.h"

#include <sysexits.h>

/* How much of its memory a server has used that is nearly full, or 0. */
static int used(struct cli *cli, const struct db_server *server)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int percent = 0;

    command_start(&c, "INFO");
    command_add_string(&c, "memory");
    command_at_slot(&c, server->slot);
    if (db_ask(cli->db, &c, &reply, NULL) == 0) {
        if (reply->type != REDIS_REPLY_STRING || !health_memory_full(reply->str, &percent))
            percent = 0;
        freeReplyObject(reply);
    }
    command_free(&c);
    return percent;
}

int room_check(struct cli *cli)
{
    struct db_server servers[DB_SERVERS];
    unsigned n = db_servers(cli->db, servers);

    for (unsigned i = 0; i < n; i++) {
        int percent = used(cli, &servers[i]);

        if (percent > 0)
            return cli_fail(cli, EX_TEMPFAIL,
                            T("Redis' memory is nearly full (%d %% of maxmemory): nothing more "
                              "is taken. Raise maxmemory, or erase old campaigns"),
                            percent);
    }
    return 0;
}
