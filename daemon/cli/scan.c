#include "scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 1000

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
        command_add_int(&c, PAGE);
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

int scan_stream(struct cli *cli, const char *key, scan_entry_fn *fn, void *arg, struct error *err)
{
    struct command c = COMMAND_INIT;
    char from[64] = "-";
    size_t count = PAGE;
    redisReply *page;
    int rc = 0;

    while (count == PAGE) {
        command_start(&c, "XRANGE");
        command_add_string(&c, key);
        command_add_string(&c, from);
        command_add_string(&c, "+");
        command_add_string(&c, "COUNT");
        command_add_int(&c, PAGE);
        rc = db_ask(cli->db, &c, &page, err);
        if (rc != 0)
            break;
        count = page->elements;
        for (size_t i = 0; i < count; i++) {
            const redisReply *id = db_at(page->element[i], 0), *fields = db_at(page->element[i], 1);

            snprintf(from, sizeof from, "(%s", id->str);
            if (fields != NULL)
                fn(arg, strtoll(id->str, NULL, 10), fields);
        }
        freeReplyObject(page);
    }
    command_free(&c);
    return rc;
}
