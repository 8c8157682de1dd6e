#include "safe_marks.h"

#include "keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *safe_marks_words(enum safe_mode mode)
{
    switch (mode) {
    case SAFE_NEUTRAL:
        return T("only a neutral text is sent");
    case SAFE_HOURS:
        return T("only sent at these hours");
    case SAFE_SKIP:
        break;
    }
    return T("nothing is sent by machine: tell her in person");
}

void safe_marks_parse(const char *value, size_t n, struct safe_note *out)
{
    const char *end = value + n;

    *out = (struct safe_note){.marked = true};
    safe_parse(value, n, &out->mark);
    for (const char *line = memchr(value, '\n', n); line != NULL;) {
        const char *next = memchr(line + 1, '\n', (size_t)(end - line - 1));
        int length = (int)((next != NULL ? next : end) - ++line);

        if (length > 3 && memcmp(line, "by ", 3) == 0)
            snprintf(out->by, sizeof out->by, "%.*s", length - 3, line + 3);
        else if (length > 3 && memcmp(line, "at ", 3) == 0)
            out->at_ms = strtoll(line + 3, NULL, 10);
        else
            snprintf(out->note, sizeof out->note, "%.*s", length, line);
        line = next;
    }
}

int safe_marks_read(struct cli *cli, const char *address, struct safe_note *out, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc;

    *out = (struct safe_note){.marked = false};
    command_start(&c, "HGET");
    command_add_string(&c, KEY_SAFE);
    command_add_string(&c, address);
    rc = db_ask(cli->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    if (reply->type == REDIS_REPLY_STRING)
        safe_marks_parse(reply->str, reply->len, out);
    freeReplyObject(reply);
    return 0;
}
