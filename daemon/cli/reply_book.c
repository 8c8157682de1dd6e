#include "reply_book.h"

#include "keys.h"
#include "mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 1000

static char *copy(const redisReply *fields, const char *name)
{
    const redisReply *value = db_field(fields, name);
    bool is = value != NULL && value->type == REDIS_REPLY_STRING;

    return xstrndup(is ? value->str : "", is ? value->len : 0);
}

static void take(struct reply_book *book, const redisReply *entry)
{
    const redisReply *id = db_at(entry, 0), *fields = db_at(entry, 1);
    struct reply_entry *e;

    if (id == NULL || fields == NULL || id->type != REDIS_REPLY_STRING)
        return;
    book->entries = xreallocarray(book->entries, book->count + 1, sizeof *book->entries);
    e = &book->entries[book->count++];
    *e = (struct reply_entry){.at_ms = strtoll(id->str, NULL, 10),
                              .from = copy(fields, "from"),
                              .campaign = copy(fields, "campaign"),
                              .kind = copy(fields, "kind"),
                              .text = copy(fields, "text"),
                              .who = xstrdup(""),
                              .n = (uint32_t)db_int(db_field(fields, "n"), 0)};
    snprintf(e->id, sizeof e->id, "%s", id->str);
}

static int by_time(const void *x, const void *y)
{
    const struct reply_entry *a = x, *b = y;

    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    return strtol(a->id + strcspn(a->id, "-") + 1, NULL, 10) <
                   strtol(b->id + strcspn(b->id, "-") + 1, NULL, 10)
               ? -1
               : 1;
}

static int read_range(struct cli *cli, const char *name, const char *from, const char *to,
                      size_t most, struct reply_book *book, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc;

    command_start(&c, name);
    command_add_string(&c, KEY_REPLIES);
    command_add_string(&c, from);
    command_add_string(&c, to);
    command_add_string(&c, "COUNT");
    command_add_int(&c, (int64_t)most);
    rc = db_ask(cli->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        take(book, reply->element[i]);
    freeReplyObject(reply);
    return 0;
}

/* Who has which: pairs. */
static int read_open(struct cli *cli, redisReply **open, struct error *err)
{
    struct command c = COMMAND_INIT;
    int rc;

    command_start(&c, "HGETALL");
    command_add_string(&c, KEY_REPLIES_OPEN);
    rc = db_ask(cli->db, &c, open, err);
    command_free(&c);
    return rc;
}

static void mark_open(struct reply_book *book, const redisReply *open)
{
    for (size_t i = 0; i < book->count; i++) {
        struct reply_entry *e = &book->entries[i];
        const redisReply *who = db_field(open, e->id);

        if (who == NULL || who->type != REDIS_REPLY_STRING)
            continue;
        e->open = true;
        free(e->who);
        e->who = xstrndup(who->str, who->len);
    }
}

int reply_book_read(struct cli *cli, bool all, size_t most, struct reply_book *book,
                    struct error *err)
{
    redisReply *open;
    int rc = read_open(cli, &open, err);

    *book = (struct reply_book){NULL, 0};
    if (rc != 0)
        return -1;
    if (all)
        rc = read_range(cli, "XREVRANGE", "+", "-", most, book, err);
    for (size_t i = 0; !all && rc == 0 && i + 1 < open->elements; i += 2)
        rc = read_range(cli, "XRANGE", open->element[i]->str, open->element[i]->str, 1, book, err);
    if (rc == 0 && book->count > 0)
        qsort(book->entries, book->count, sizeof *book->entries, by_time);
    mark_open(book, open);
    freeReplyObject(open);
    return rc;
}

int reply_book_find(struct cli *cli, const char *id, struct reply_book *book, struct error *err)
{
    redisReply *open;
    int rc;

    *book = (struct reply_book){NULL, 0};
    if (id[0] == '\0' || id[strspn(id, "0123456789-")] != '\0')
        return 0; /* no id at all */
    if (read_open(cli, &open, err) != 0)
        return -1;
    rc = read_range(cli, "XRANGE", id, id, 1, book, err);
    mark_open(book, open);
    freeReplyObject(open);
    return rc;
}

void reply_book_free(struct reply_book *book)
{
    for (size_t i = 0; i < book->count; i++) {
        free(book->entries[i].from);
        free(book->entries[i].campaign);
        free(book->entries[i].kind);
        free(book->entries[i].text);
        free(book->entries[i].who);
    }
    free(book->entries);
    *book = (struct reply_book){NULL, 0};
}

/* The last refusal of an address by reply, or "" where none is known. */
static int last_refusal(struct cli *cli, const char *address, char id[48], struct error *err)
{
    char from[64] = "+";

    id[0] = '\0';
    for (;;) {
        struct reply_book page = {NULL, 0};
        size_t count;

        if (read_range(cli, "XREVRANGE", from, "-", PAGE, &page, err) != 0)
            return -1;
        count = page.count;
        for (size_t i = 0; i < count && id[0] == '\0'; i++)
            if (strcmp(page.entries[i].kind, "optout") == 0 &&
                strcmp(page.entries[i].from, address) == 0)
                snprintf(id, 48, "%s", page.entries[i].id);
        if (count > 0)
            snprintf(from, sizeof from, "(%s", page.entries[count - 1].id);
        reply_book_free(&page);
        if (count < PAGE || id[0] != '\0')
            return 0;
    }
}

int reply_book_refusal(struct cli *cli, const struct reply_entry *e, enum reply_refusal *out,
                       struct error *err)
{
    struct reply_entry refusal = {.at_ms = 0};
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc;

    command_start(&c, "SISMEMBER");
    command_add_string(&c, KEY_OPTOUT);
    command_add_string(&c, e->from);
    rc = db_ask(cli->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    *out = db_int(reply, 0) != 0 ? REPLY_REFUSED : REPLY_NOT_REFUSED;
    freeReplyObject(reply);
    if (*out == REPLY_NOT_REFUSED)
        return 0;
    if (last_refusal(cli, e->from, refusal.id, err) != 0)
        return -1;
    refusal.at_ms = strtoll(refusal.id, NULL, 10);
    if (refusal.id[0] != '\0' && strcmp(refusal.id, e->id) != 0 && by_time(&refusal, e) < 0)
        *out = REPLY_ASKED_SINCE;
    return 0;
}

static int64_t count_of(struct cli *cli, const char *command, const char *key)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    struct error err;
    int64_t n = 0;

    command_start(&c, command);
    command_add_string(&c, key);
    if (db_ask(cli->db, &c, &reply, &err) == 0) {
        n = db_int(reply, 0);
        freeReplyObject(reply);
    }
    command_free(&c);
    return n;
}

void reply_book_tell(struct cli *cli, struct buf *out)
{
    int64_t open = count_of(cli, "HLEN", KEY_REPLIES_OPEN),
            duty = count_of(cli, "ZCARD", KEY_REPLIES_DUTY);

    if (open > 0)
        buf_printf(out, T("replies that wait for a person: %" PRId64 " (outreach replies)\n"),
                   open);
    if (duty > 0)
        buf_puts(out, T("A CRY FOR HELP is still to be told to somebody of `alerts`: see the log, "
                        "and outreach replies\n"));
}
