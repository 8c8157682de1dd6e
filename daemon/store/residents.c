#include "residents.h"

#include "buf.h"
#include "error.h"
#include "keys.h"
#include "mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEPARATOR '\x1f'
#define BATCH_PEOPLE 500
#define BATCH_BYTES (256u * 1024u)
#define MOST_UNANSWERED 8
#define PAGE_PEOPLE 4096 /* of bitmaps */
#define PAGE_BYTES (PAGE_PEOPLE / 8)
#define ROWS_A_TIME 512

const char *const residents_channels[] = {"sms",    "wecom",    "dingtalk", "feishu",
                                          "wechat", "telegram", "whatsapp", NULL};

/* Names in the order of their places. */
struct names {
    char *joined; /* what the pointers point into */
    const char **at;
    size_t count;
};

struct residents {
    struct db *db;
    struct names columns, tags;
};

/* ---------------------------------------------------------------------- names */
static void names_free(struct names *n)
{
    free(n->joined);
    free(n->at);
    *n = (struct names){0};
}

static void names_take(struct names *n, const char *joined, size_t length)
{
    char *p;

    names_free(n);
    n->joined = xstrndup(joined, length);
    n->at = xcalloc(length / 2 + 1, sizeof *n->at);
    for (p = n->joined; *p != '\0';) {
        char *stop = strchr(p, SEPARATOR);

        n->at[n->count++] = p;
        if (stop == NULL)
            break;
        *stop = '\0';
        p = stop + 1;
    }
}

static int names_find(const struct names *n, const char *name, size_t length)
{
    for (size_t i = 0; i < n->count; i++)
        if (strncmp(n->at[i], name, length) == 0 && n->at[i][length] == '\0')
            return (int)i;
    return -1;
}

/* more: a name to add, or NULL. */
static int names_ask(struct residents *r, struct names *n, const char *field, size_t most,
                     const char *more, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc = 0;

    command_script(&c, SCRIPT_LABELS, 1);
    command_add_string(&c, KEY_RESIDENTS);
    command_add_string(&c, field);
    command_add_int(&c, (int64_t)most);
    if (more != NULL)
        command_add_string(&c, more);
    rc = db_ask(r->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    if (reply->type == REDIS_REPLY_STRING)
        names_take(n, reply->str, reply->len);
    else
        rc = n == &r->tags
                 ? error_set(err, "the register has no room for more than %zu tags", most)
                 : error_set(err, "the register has no room for more than %zu columns", most);
    freeReplyObject(reply);
    return rc;
}

static int ask_columns(struct residents *r, const char *more, struct error *err)
{
    return names_ask(r, &r->columns, "columns", RESIDENTS_COLUMNS, more, err);
}

static int ask_tags(struct residents *r, const char *more, struct error *err)
{
    return names_ask(r, &r->tags, "tags", RESIDENTS_TAGS, more, err);
}

struct residents *residents_open(struct db *db, struct error *err)
{
    struct residents *r = xcalloc(1, sizeof *r);

    r->db = db;
    if (ask_columns(r, NULL, err) == 0 && ask_tags(r, NULL, err) == 0)
        return r;
    residents_close(r);
    return NULL;
}

void residents_close(struct residents *r)
{
    if (r == NULL)
        return;
    names_free(&r->columns);
    names_free(&r->tags);
    free(r);
}

size_t residents_columns(const struct residents *r, const char *const **names)
{
    *names = r->columns.at;
    return r->columns.count;
}

size_t residents_tags(const struct residents *r, const char *const **names)
{
    *names = r->tags.at;
    return r->tags.count;
}

int residents_column(const struct residents *r, const char *name)
{
    return names_find(&r->columns, name, strlen(name));
}

int residents_tag(const struct residents *r, const char *name, size_t n)
{
    return names_find(&r->tags, name, n);
}

static const char *const commas[] = {",", ";", "，", "、", "；"};

/* The length of the comma that stands at s, or 0. */
static size_t comma_at(const char *s, const char *end)
{
    for (size_t i = 0; i < sizeof commas / sizeof *commas; i++) {
        size_t n = strlen(commas[i]);

        if ((size_t)(end - s) >= n && memcmp(s, commas[i], n) == 0)
            return n;
    }
    return 0;
}

bool residents_next_tag(const char **at, const char *end, const char **tag, size_t *n)
{
    const char *p = *at;

    while (p < end && (*p == ' ' || comma_at(p, end) > 0))
        p += *p == ' ' ? 1 : comma_at(p, end);
    *tag = p;
    while (p < end && comma_at(p, end) == 0)
        p++;
    *at = p;
    while (p > *tag && p[-1] == ' ')
        p--;
    *n = (size_t)(p - *tag);
    return *n > 0;
}

static int check_name(const char *name, size_t n, bool tag, struct error *err)
{
    bool good = n > 0 && n <= RESIDENTS_NAME_BYTES;

    for (size_t i = 0; good && i < n; i++)
        good = (unsigned char)name[i] >= 0x20 && name[i] != 0x7f &&
               !(tag && comma_at(name + i, name + n) > 0);
    if (good)
        return 0;
    if (n > 80)
        n = 80;
    return tag ? error_set(err, "\"%.*s\" is no tag: expected 1 to %d bytes without a comma",
                           (int)n, name, RESIDENTS_NAME_BYTES)
               : error_set(err, "\"%.*s\" is no column: expected 1 to %d bytes", (int)n, name,
                           RESIDENTS_NAME_BYTES);
}

int residents_add_column(struct residents *r, const char *name, struct error *err)
{
    int at = residents_column(r, name);

    if (at >= 0)
        return at;
    if (check_name(name, strlen(name), false, err) != 0 || ask_columns(r, name, err) != 0)
        return -1;
    return residents_column(r, name);
}

int residents_add_tag(struct residents *r, const char *name, size_t n, struct error *err)
{
    int at = residents_tag(r, name, n);
    char copy[RESIDENTS_NAME_BYTES + 1];

    if (at >= 0)
        return at;
    if (check_name(name, n, true, err) != 0)
        return -1;
    memcpy(copy, name, n);
    copy[n] = '\0';
    return ask_tags(r, copy, err) == 0 ? residents_tag(r, copy, n) : -1;
}

static int ask_number(struct residents *r, struct command *c, int64_t *out, struct error *err)
{
    redisReply *reply;
    int rc = db_ask(r->db, c, &reply, err);

    command_free(c);
    if (rc != 0)
        return -1;
    *out = db_int(reply, 0);
    freeReplyObject(reply);
    return 0;
}

int64_t residents_count(struct residents *r, struct error *err)
{
    struct command c = COMMAND_INIT;
    int64_t n;

    command_start(&c, "HLEN");
    command_add_string(&c, KEY_RESIDENTS_PEOPLE);
    return ask_number(r, &c, &n, err) == 0 ? n : -1;
}

int residents_tag_counts(struct residents *r, int64_t *counts, struct error *err)
{
    for (size_t i = 0; i < r->tags.count; i++) {
        struct command c = COMMAND_INIT;

        command_start(&c, "BITCOUNT");
        key_resident_tag(&c, i);
        if (ask_number(r, &c, &counts[i], err) != 0)
            return -1;
    }
    return 0;
}

void residents_address(char *out, size_t size, const char *channel, const char *address, size_t n)
{
    if (strcmp(channel, "sms") == 0)
        snprintf(out, size, "%.*s", (int)n, address);
    else
        snprintf(out, size, "%s:%.*s", channel, (int)n, address);
}

/* -------------------------------------------------------------------- writing */
struct residents_batch {
    struct residents *r;
    enum residents_op op;
    bool first;
    char tag_columns[RESIDENTS_COLUMNS * 4];
    struct buf people; /* of the batch being filled: three strings each, with their lengths */
    unsigned batched, unanswered;
    struct residents_told told;
    struct error trouble;
    bool failed;
    struct command command;
};

struct residents_batch *residents_begin(struct residents *r, enum residents_op op, bool first,
                                        uint64_t tag_columns)
{
    struct residents_batch *b = xcalloc(1, sizeof *b);
    size_t n = 0;

    b->r = r;
    b->op = op;
    b->first = first;
    b->people = BUF_INIT(BATCH_BYTES * 2);
    b->command = COMMAND_INIT;
    for (unsigned k = 0; k < RESIDENTS_COLUMNS; k++)
        if (tag_columns >> k & 1)
            n += (size_t)snprintf(b->tag_columns + n, sizeof b->tag_columns - n, "%s%u",
                                  n > 0 ? "," : "", k + 1);
    return b;
}

static void on_stored(void *arg, const redisReply *reply)
{
    struct residents_batch *b = arg;
    const redisReply *answer = db_at(reply, 0);

    b->unanswered--;
    if (answer != NULL && answer->str != NULL && strcmp(answer->str, "OK") == 0) {
        b->told.added += db_int(db_at(reply, 1), 0);
        b->told.changed += db_int(db_at(reply, 2), 0);
        b->told.same += db_int(db_at(reply, 3), 0);
        b->told.unknown += db_int(db_at(reply, 4), 0);
        return;
    }
    if (b->failed)
        return;
    b->failed = true;
    if (db_is_error(reply, NULL))
        error_set(&b->trouble, "%s", reply->str);
    else if (answer != NULL && answer->str != NULL && strcmp(answer->str, "FULL") == 0)
        error_set(&b->trouble, "the register is full");
    else
        error_set(&b->trouble, "somebody else imports at this moment: do it again");
}

static void send_batch(struct residents_batch *b)
{
    static const char *const ops[] = {"import", "add", "remove"};
    const char *p = b->people.data, *end = p + b->people.length;
    struct command *c = &b->command;
    size_t tags = b->r->tags.count;
    int name = residents_column(b->r, "name");

    command_script(c, SCRIPT_RESIDENT, (unsigned)(3 + tags));
    command_add_string(c, KEY_RESIDENTS);
    command_add_string(c, KEY_RESIDENTS_PEOPLE);
    command_add_string(c, KEY_RESIDENTS_ADDRESSES);
    for (size_t i = 0; i < tags; i++)
        key_resident_tag(c, i);
    command_add_string(c, b->first ? "first" : "each");
    command_add_string(c, ops[b->op]);
    command_add_int(c, name + 1);
    command_add_string(c, b->tag_columns);
    while (p < end) {
        uint32_t n;

        memcpy(&n, p, sizeof n);
        command_add(c, p + sizeof n, n);
        p += sizeof n + n;
    }
    b->batched = 0;
    buf_clear(&b->people);
    b->unanswered++;
    db_try(b->r->db, c, on_stored, b);
}

static void put(struct residents_batch *b, const char *bytes, size_t n)
{
    uint32_t length = (uint32_t)n;

    buf_put(&b->people, &length, sizeof length);
    buf_put(&b->people, bytes, n);
}

static void put_row(struct residents_batch *b, const struct template_value *row, size_t columns)
{
    uint32_t length = 0;

    while (columns > 0 && row[columns - 1].length == 0)
        columns--;
    for (size_t k = 0; k < columns; k++)
        length += (uint32_t)row[k].length + (k > 0);
    buf_put(&b->people, &length, sizeof length);
    for (size_t k = 0; k < columns; k++) {
        if (k > 0)
            buf_putc(&b->people, SEPARATOR);
        buf_put(&b->people, row[k].text, row[k].length);
    }
}

static int trouble_of(const struct residents_batch *b, struct error *err)
{
    return b->failed ? error_set(err, "%s", b->trouble.text) : 0;
}

int residents_put(struct residents_batch *b, const char *address, const struct template_value *row,
                  size_t columns, const unsigned *tags, size_t tag_count, struct error *err)
{
    char list[4096];
    size_t n = 0, bytes = 0;

    for (size_t k = 0; k < columns; k++)
        bytes += row[k].length + 1;
    if (bytes > BATCH_BYTES / 2)
        return error_set(err, "a row of %zu bytes is too long", bytes);
    for (size_t i = 0; i < tag_count && n + 8 < sizeof list; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%u", n > 0 ? "," : "", tags[i] + 1);
    put(b, address, strlen(address));
    put_row(b, row, columns);
    put(b, list, n);
    if (++b->batched == BATCH_PEOPLE || b->people.length > BATCH_BYTES)
        send_batch(b);
    if (b->unanswered > MOST_UNANSWERED && db_drain(b->r->db, MOST_UNANSWERED / 2, err) != 0)
        return -1;
    return trouble_of(b, err);
}

int residents_end(struct residents_batch *b, struct residents_told *told, struct error *err)
{
    int rc;

    if (b->batched > 0 && !b->failed)
        send_batch(b);
    rc = db_drain(b->r->db, 0, err);
    *told = b->told;
    return rc != 0 ? -1 : trouble_of(b, err);
}

void residents_free(struct residents_batch *b)
{
    if (b == NULL)
        return;
    buf_free(&b->people);
    command_free(&b->command);
    free(b);
}

int64_t residents_erase(struct residents *r, const char *address, const int64_t *numbers,
                        size_t count, struct error *err)
{
    struct command c = COMMAND_INIT;
    int64_t erased;

    command_script(&c, SCRIPT_ERASE, (unsigned)(2 + r->tags.count));
    command_add_string(&c, KEY_RESIDENTS_PEOPLE);
    command_add_string(&c, KEY_RESIDENTS_ADDRESSES);
    for (size_t i = 0; i < r->tags.count; i++)
        key_resident_tag(&c, i);
    command_add_string(&c, address);
    for (size_t i = 0; i < count; i++)
        command_add_int(&c, numbers[i]);
    return ask_number(r, &c, &erased, err) == 0 ? erased : -1;
}

/* -------------------------------------------------------------------- reading */
struct page {
    unsigned char bytes[PAGE_BYTES];
};

struct walk {
    struct residents *r;
    const struct residents_filter *filter;
    struct page *pages;          /* of every tag; only those that are needed are filled */
    const unsigned char **heads; /* of them */
    bool *needed;
    struct page chosen;
    int64_t numbers[ROWS_A_TIME]; /* what is asked for, or being told */
    size_t count;
};

static void walk_free(struct walk *w)
{
    free(w->pages);
    free(w->heads);
    free(w->needed);
}

static void need(struct walk *w, const unsigned *tags, size_t count)
{
    for (size_t i = 0; i < count; i++)
        w->needed[tags[i]] = true;
}

static void walk_start(struct walk *w, struct residents *r, const struct residents_filter *f,
                       bool tags)
{
    size_t count = r->tags.count;

    *w = (struct walk){.r = r, .filter = f};
    w->pages = xcalloc(count + 1, sizeof *w->pages);
    w->heads = xcalloc(count + 1, sizeof *w->heads);
    w->needed = xcalloc(count + 1, sizeof *w->needed);
    for (size_t i = 0; i < count; i++) {
        w->heads[i] = w->pages[i].bytes;
        w->needed[i] = tags;
    }
    need(w, f->all, f->all_count);
    need(w, f->any, f->any_count);
    need(w, f->without, f->without_count);
}

static void on_bitmap(void *arg, const redisReply *reply)
{
    struct page *page = arg;

    memset(page, 0, sizeof *page);
    if (reply->type == REDIS_REPLY_STRING)
        memcpy(page->bytes, reply->str, reply->len < PAGE_BYTES ? reply->len : PAGE_BYTES);
}

static void choose(struct walk *w)
{
    const struct residents_filter *f = w->filter;

    for (size_t b = 0; b < PAGE_BYTES; b++) {
        unsigned char all = 0xff, any = f->any_count == 0 ? 0xff : 0;

        for (size_t i = 0; i < f->all_count; i++)
            all &= w->heads[f->all[i]][b];
        for (size_t i = 0; i < f->any_count; i++)
            any |= w->heads[f->any[i]][b];
        for (size_t i = 0; i < f->without_count; i++)
            all &= (unsigned char)~w->heads[f->without[i]][b];
        w->chosen.bytes[b] = all & any;
    }
}

/* The bitmaps of the people from that number on (a multiple of PAGE_PEOPLE), and who of them. */
static int read_page(struct walk *w, int64_t from, struct error *err)
{
    struct command c = COMMAND_INIT;
    int rc;

    for (size_t i = 0; i < w->r->tags.count; i++) {
        if (!w->needed[i])
            continue;
        command_start(&c, "GETRANGE");
        key_resident_tag(&c, i);
        command_add_int(&c, from / 8);
        command_add_int(&c, from / 8 + PAGE_BYTES - 1);
        db_send(w->r->db, &c, on_bitmap, &w->pages[i]);
    }
    command_free(&c);
    rc = db_drain(w->r->db, 0, err);
    if (rc == 0)
        choose(w);
    return rc;
}

static void split_row(const redisReply *row, struct template_value values[RESIDENTS_COLUMNS])
{
    const char *at = row->str, *end = at + row->len;

    for (size_t k = 0; k < RESIDENTS_COLUMNS; k++) {
        const char *stop = at < end ? memchr(at, SEPARATOR, (size_t)(end - at)) : NULL;

        if (stop == NULL)
            stop = end;
        values[k] = (struct template_value){at, (size_t)(stop - at)};
        at = stop < end ? stop + 1 : end;
    }
}

static int tell_rows(struct walk *w, residents_fn *fn, void *arg, struct error *err)
{
    struct template_value values[RESIDENTS_COLUMNS];
    struct command c = COMMAND_INIT;
    redisReply *rows;
    int rc;

    if (w->count == 0)
        return 0;
    command_start(&c, "HMGET");
    command_add_string(&c, KEY_RESIDENTS_PEOPLE);
    for (size_t i = 0; i < w->count; i++)
        command_add_int(&c, w->numbers[i]);
    rc = db_ask(w->r->db, &c, &rows, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    for (size_t i = 0; rc == 0 && i < w->count; i++) {
        const redisReply *row = db_at(rows, i);
        struct resident one = {w->numbers[i], values, w->heads};

        if (row == NULL || row->type != REDIS_REPLY_STRING) /* erased */
            continue;
        split_row(row, values);
        rc = fn(arg, &one, err);
    }
    freeReplyObject(rows);
    w->count = 0;
    return rc;
}

static int last_number(struct residents *r, int64_t *last, struct error *err)
{
    struct command c = COMMAND_INIT;

    command_start(&c, "HGET");
    command_add_string(&c, KEY_RESIDENTS);
    command_add_string(&c, "last");
    return ask_number(r, &c, last, err);
}

static bool is_chosen(const struct walk *w, int64_t number)
{
    size_t at = (size_t)(number % PAGE_PEOPLE);

    return w->chosen.bytes[at / 8] >> (7 - at % 8) & 1;
}

int residents_each(struct residents *r, const struct residents_filter *f, bool tags,
                   residents_fn *fn, residents_progress_fn *progress, void *arg, struct error *err)
{
    int64_t last, from, n;
    struct walk w;
    int rc;

    if (last_number(r, &last, err) != 0)
        return -1;
    walk_start(&w, r, f, tags);
    rc = 0;
    for (from = 0; from <= last && rc == 0; from += PAGE_PEOPLE) {
        rc = read_page(&w, from, err);
        for (n = from; n < from + PAGE_PEOPLE && n <= last && rc == 0; n++) {
            if (n == 0 || !is_chosen(&w, n))
                continue;
            w.numbers[w.count++] = n;
            if (w.count == ROWS_A_TIME)
                rc = tell_rows(&w, fn, arg, err);
        }
        if (rc == 0)
            rc = tell_rows(&w, fn, arg, err);
        if (progress != NULL)
            progress(arg, n, last);
    }
    walk_free(&w);
    return rc;
}

bool resident_has(const struct resident *one, unsigned tag)
{
    size_t at = (size_t)(one->number % PAGE_PEOPLE);

    return one->pages[tag][at / 8] >> (7 - at % 8) & 1;
}

int residents_read(struct residents *r, int64_t number, residents_fn *fn, void *arg,
                   struct error *err)
{
    static const struct residents_filter everybody = {0};
    struct walk w;
    int rc;

    walk_start(&w, r, &everybody, true);
    rc = read_page(&w, number - number % PAGE_PEOPLE, err);
    w.numbers[w.count++] = number;
    if (rc == 0)
        rc = tell_rows(&w, fn, arg, err);
    walk_free(&w);
    return rc;
}

int residents_at(struct residents *r, const char *address, int64_t *numbers, size_t size,
                 struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    size_t count = 0;
    int rc;

    command_start(&c, "HGET");
    command_add_string(&c, KEY_RESIDENTS_ADDRESSES);
    command_add_string(&c, address);
    rc = db_ask(r->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    for (char *p = reply->type == REDIS_REPLY_STRING ? reply->str : NULL;
         p != NULL && *p != '\0' && count < size;) {
        char *end;

        numbers[count++] = strtoll(p, &end, 10);
        p = *end == ' ' ? end + 1 : NULL;
    }
    freeReplyObject(reply);
    return (int)count;
}

/* Only people have tags: the bits of numbers that are nobody's (any more) are cleared. */
static int drop_absent(struct walk *w, int64_t from, int64_t last, struct error *err)
{
    for (int64_t at = from; at < from + PAGE_PEOPLE; at += ROWS_A_TIME) {
        struct command c = COMMAND_INIT;
        redisReply *rows;
        int rc;

        if (at > last) {
            memset(w->chosen.bytes + (at - from) / 8, 0, ROWS_A_TIME / 8);
            continue;
        }
        command_start(&c, "HMGET");
        command_add_string(&c, KEY_RESIDENTS_PEOPLE);
        for (int64_t n = at; n < at + ROWS_A_TIME; n++)
            command_add_int(&c, n);
        rc = db_ask(w->r->db, &c, &rows, err);
        command_free(&c);
        if (rc != 0)
            return -1;
        for (size_t i = 0; i < ROWS_A_TIME; i++) {
            const redisReply *row = db_at(rows, i);
            size_t n = (size_t)(at - from) + i;

            if (row == NULL || row->type != REDIS_REPLY_STRING)
                w->chosen.bytes[n / 8] &= (unsigned char)~(0x80u >> n % 8);
        }
        freeReplyObject(rows);
    }
    return 0;
}

int residents_tag_all(struct residents *r, const struct residents_filter *f, unsigned tag, bool add,
                      int64_t *changed, struct error *err)
{
    struct command c = COMMAND_INIT;
    int64_t last, from, n;
    struct walk w;
    int rc;

    *changed = 0;
    if (last_number(r, &last, err) != 0)
        return -1;
    walk_start(&w, r, f, false);
    rc = 0;
    for (from = 0; from <= last && rc == 0; from += PAGE_PEOPLE) {
        size_t bytes = last - from >= PAGE_PEOPLE ? PAGE_BYTES : (size_t)((last - from) / 8 + 1);

        rc = read_page(&w, from, err);
        if (rc == 0 && f->all_count == 0 && f->any_count == 0)
            rc = drop_absent(&w, from, last, err);
        if (rc != 0)
            break;
        command_script(&c, SCRIPT_TAG, 1);
        key_resident_tag(&c, tag);
        command_add_int(&c, from / 8);
        command_add(&c, w.chosen.bytes, bytes);
        command_add_string(&c, add ? "add" : "remove");
        rc = ask_number(r, &c, &n, err);
        *changed += rc == 0 ? n : 0;
    }
    walk_free(&w);
    return rc;
}
