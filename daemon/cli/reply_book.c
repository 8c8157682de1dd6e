#include "reply_book.h"

#include "keys.h"
#include "mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 1000
#define MARKS 500 /* asked for at once */

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
                              .answered_by = xstrdup(""),
                              .n = (uint32_t)db_int(db_field(fields, "n"), 0)};
    snprintf(e->id, sizeof e->id, "%s", id->str);
}

int reply_book_order(const struct reply_entry *a, const struct reply_entry *b)
{
    long x, y;

    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    x = strtol(a->id + strcspn(a->id, "-") + 1, NULL, 10);
    y = strtol(b->id + strcspn(b->id, "-") + 1, NULL, 10);
    return (x > y) - (x < y);
}

static int by_time(const void *x, const void *y)
{
    return reply_book_order(x, y);
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

static void replace(char **field, const char *s, size_t n)
{
    free(*field);
    *field = xstrndup(s, n);
}

static void mark_open(struct reply_entry *e, const redisReply *who)
{
    e->open = true;
    replace(&e->who, who->str, who->len);
}

static void mark_answered(struct reply_entry *e, const redisReply *value)
{
    char *end;

    e->answered_ms = strtoll(value->str, &end, 10);
    end += *end == ' ';
    replace(&e->answered_by, end, strlen(end));
}

/* What a hash says of each of them. */
static int read_marks(struct cli *cli, struct reply_book *book, const char *key,
                      void (*mark)(struct reply_entry *e, const redisReply *value),
                      struct error *err)
{
    for (size_t from = 0; from < book->count; from += MARKS) {
        size_t to = from + MARKS < book->count ? from + MARKS : book->count;
        struct command c = COMMAND_INIT;
        redisReply *reply;
        int rc;

        command_start(&c, "HMGET");
        command_add_string(&c, key);
        for (size_t i = from; i < to; i++)
            command_add_string(&c, book->entries[i].id);
        rc = db_ask(cli->db, &c, &reply, err);
        command_free(&c);
        if (rc != 0)
            return -1;
        for (size_t i = from; i < to; i++) {
            const redisReply *value = db_at(reply, i - from);

            if (value != NULL && value->type == REDIS_REPLY_STRING)
                mark(&book->entries[i], value);
        }
        freeReplyObject(reply);
    }
    return 0;
}

static int read_all_marks(struct cli *cli, struct reply_book *book, struct error *err)
{
    return read_marks(cli, book, KEY_REPLIES_OPEN, mark_open, err) != 0 ||
                   read_marks(cli, book, KEY_REPLIES_ANSWERED, mark_answered, err) != 0
               ? -1
               : 0;
}

static int read_those_open(struct cli *cli, struct reply_book *book, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *open;
    int rc;

    command_start(&c, "HKEYS");
    command_add_string(&c, KEY_REPLIES_OPEN);
    rc = db_ask(cli->db, &c, &open, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    for (size_t i = 0; i < open->elements && rc == 0; i++)
        rc = read_range(cli, "XRANGE", open->element[i]->str, open->element[i]->str, 1, book, err);
    freeReplyObject(open);
    return rc;
}

int reply_book_read(struct cli *cli, bool all, size_t most, struct reply_book *book,
                    struct error *err)
{
    int rc;

    *book = (struct reply_book){NULL, 0};
    rc = all ? read_range(cli, "XREVRANGE", "+", "-", most, book, err)
             : read_those_open(cli, book, err);
    if (rc == 0 && book->count > 0)
        qsort(book->entries, book->count, sizeof *book->entries, by_time);
    return rc == 0 ? read_all_marks(cli, book, err) : rc;
}

int reply_book_find(struct cli *cli, const char *id, struct reply_book *book, struct error *err)
{
    *book = (struct reply_book){NULL, 0};
    if (id[0] == '\0' || id[strspn(id, "0123456789-")] != '\0')
        return 0; /* no id at all */
    return read_range(cli, "XRANGE", id, id, 1, book, err) != 0 ? -1
                                                                : read_all_marks(cli, book, err);
}

void reply_book_free(struct reply_book *book)
{
    for (size_t i = 0; i < book->count; i++) {
        free(book->entries[i].from);
        free(book->entries[i].campaign);
        free(book->entries[i].kind);
        free(book->entries[i].text);
        free(book->entries[i].who);
        free(book->entries[i].answered_by);
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

int reply_book_refused_ms(struct cli *cli, const char *address, int64_t *at_ms, struct error *err)
{
    char id[48];

    if (last_refusal(cli, address, id, err) != 0)
        return -1;
    *at_ms = strtoll(id, NULL, 10);
    return 0;
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
    if (refusal.id[0] != '\0' && strcmp(refusal.id, e->id) != 0 &&
        reply_book_order(&refusal, e) < 0)
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
