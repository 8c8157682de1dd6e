#include "scan.h"

#include <stdio.h>
#include <string.h>

int scan_all(struct cli *cli, const char *command, const char *key, scan_fn *fn, void *arg,
             struct error *err)
{
    size_t step = strcmp(command, "HSCAN") == 0 ? 2 : 1;
    struct command c = COMMAND_INIT;
    char cursor[32] = "0";
    redisReply *reply;
    int rc;

    do {
        const redisReply *page;

        command_start(&c, command);
        command_add_string(&c, key);
        command_add_string(&c, cursor);
        command_add_string(&c, "COUNT");
        command_add_int(&c, 1000);
        rc = db_ask(cli->db, &c, &reply, err);
        if (rc != 0)
            break;
        page = db_at(reply, 1);
        for (size_t i = 0; page != NULL && i + step <= page->elements; i += step)
            fn(arg, page->element[i], step > 1 ? page->element[i + 1] : NULL);
        snprintf(cursor, sizeof cursor, "%s", db_at(reply, 0)->str);
        freeReplyObject(reply);
    } while (strcmp(cursor, "0") != 0);
    command_free(&c);
    return rc;
}
