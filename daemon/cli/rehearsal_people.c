#include "rehearsal_people.h"

#include "keys.h"
#include "progress.h"
#include "reading.h"
#include "residents.h"
#include "template.h"
#include "who.h"

#include <string.h>

#define PAGE_ROWS 500 /* of the audience, that are asked about at once */
#define MOST_UNANSWERED 8

struct copying {
    struct cli *from, *to;
    struct reading reading; /* of the one */
    struct progress progress;
    int64_t people;
    /* the register */
    struct residents *target;
    struct residents_batch *batch;
    size_t tags, columns;
    /* what is known of their addresses */
    struct buf addresses; /* of a page, each with its length */
    size_t rows, count;
};

/* ---------------------------------------------------------------------- the register */

/* The same names at the same places: a row and a bitmap then mean the same. */
static int copy_names(struct copying *c, struct error *err)
{
    const char *const *names;

    c->columns = residents_columns(c->reading.residents, &names);
    for (size_t i = 0; i < c->columns; i++)
        if (residents_add_column(c->target, names[i], err) != (int)i)
            return -1;
    c->tags = residents_tags(c->reading.residents, &names);
    for (size_t i = 0; i < c->tags; i++)
        if (residents_add_tag(c->target, names[i], strlen(names[i]), err) != (int)i)
            return -1;
    return 0;
}

/* By which she is known: that of the first channel. */
static void address_of(const struct copying *c, const struct resident *one, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; residents_channels[i] != NULL; i++) {
        int k = residents_column(c->reading.residents, residents_channels[i]);

        if (k < 0 || one->values[k].length == 0)
            continue;
        residents_address(out, size, residents_channels[i], one->values[k].text,
                          one->values[k].length);
        return;
    }
}

static int copy_one(void *arg, const struct resident *one, struct error *err)
{
    struct copying *c = arg;
    unsigned tags[RESIDENTS_TAGS];
    char address[300];
    size_t count = 0;

    if (cli_interrupted() != 0)
        return error_set(err, T("interrupted"));
    for (unsigned i = 0; i < c->tags; i++)
        if (resident_has(one, i))
            tags[count++] = i;
    address_of(c, one, address, sizeof address);
    c->people++;
    return residents_put(c->batch, address, one->values, c->columns, tags, count, err);
}

static void on_progress(void *arg, int64_t number, int64_t last)
{
    struct copying *c = arg;

    progress_draw(&c->progress, number, last, c->people);
}

static int copy_residents(struct copying *c, struct error *err)
{
    struct residents_told told;
    struct who who;
    int rc;

    c->target = residents_open(c->to->db, err);
    if (c->target == NULL || copy_names(c, err) != 0 || reading_who(&c->reading, &who, err) != 0)
        return -1;
    c->batch = residents_begin(c->target, RESIDENTS_IMPORT, false, 0);
    rc = residents_each(c->reading.residents, &who.filter, true, copy_one, on_progress, c, err);
    return rc != 0 ? -1 : residents_end(c->batch, &told, err);
}

/* ------------------------------------------------------------------ refusals and marks */

static int ask_page(struct copying *c, const char *name, const char *key, redisReply **reply,
                    struct error *err)
{
    const char *p = c->addresses.data, *end = p + c->addresses.length;
    struct command ask = COMMAND_INIT;
    int rc;

    command_start(&ask, name);
    command_add_string(&ask, key);
    while (p < end) {
        uint32_t n;

        memcpy(&n, p, sizeof n);
        command_add(&ask, p + sizeof n, n);
        p += sizeof n + n;
    }
    rc = db_ask(c->from->db, &ask, reply, err);
    command_free(&ask);
    return rc;
}

static void put_page(struct copying *c, const redisReply *refused, const redisReply *marks)
{
    const char *p = c->addresses.data;
    struct command put = COMMAND_INIT;

    for (size_t i = 0; i < c->count; i++) {
        const redisReply *mark = db_at(marks, i);
        uint32_t n;

        memcpy(&n, p, sizeof n);
        if (db_int(db_at(refused, i), 0) != 0) {
            command_start(&put, "SADD");
            command_add_string(&put, KEY_OPTOUT);
            command_add(&put, p + sizeof n, n);
            db_send(c->to->db, &put, NULL, NULL);
        }
        if (mark != NULL && mark->type == REDIS_REPLY_STRING) {
            command_start(&put, "HSET");
            command_add_string(&put, KEY_SAFE);
            command_add(&put, p + sizeof n, n);
            command_add(&put, mark->str, mark->len);
            db_send(c->to->db, &put, NULL, NULL);
        }
        p += sizeof n + n;
    }
    command_free(&put);
}

static int copy_page(struct copying *c, struct error *err)
{
    redisReply *refused = NULL, *marks = NULL;
    int rc = 0;

    if (c->count > 0) {
        rc = ask_page(c, "SMISMEMBER", KEY_OPTOUT, &refused, err);
        if (rc == 0)
            rc = ask_page(c, "HMGET", KEY_SAFE, &marks, err);
        if (rc == 0) {
            put_page(c, refused, marks);
            rc = db_drain(c->to->db, MOST_UNANSWERED, err);
        }
    }
    if (refused != NULL)
        freeReplyObject(refused);
    if (marks != NULL)
        freeReplyObject(marks);
    buf_clear(&c->addresses);
    c->rows = c->count = 0;
    return rc;
}

/* An audience_row_fn: who is in the audience, by all her addresses. */
static int take_row(void *arg, const char *row, size_t n, struct error *err)
{
    struct copying *c = arg;
    struct template_value values[CAMPAIGN_MAX_COLUMNS];
    bool split = campaign_row_split(c->reading.campaign, row, n, values) == 0;

    if (cli_interrupted() != 0)
        return error_set(err, T("interrupted"));
    for (size_t k = 0; split && k < c->reading.campaign->channel_count; k++) {
        uint32_t length = (uint32_t)values[k].length;

        if (length == 0)
            continue;
        buf_put(&c->addresses, &length, sizeof length);
        buf_put(&c->addresses, values[k].text, length);
        c->count++;
    }
    return ++c->rows < PAGE_ROWS ? 0 : copy_page(c, err);
}

static int copy_known(struct copying *c, struct error *err)
{
    c->reading.row = take_row;
    c->reading.arg = c;
    if (reading_audience(&c->reading, err) != 0 || copy_page(c, err) != 0)
        return -1;
    return db_drain(c->to->db, 0, err);
}

int rehearsal_people(struct cli *from, struct cli *to, const char *path, struct error *err)
{
    struct copying c = {.from = from, .to = to, .addresses = BUF_INIT(16u << 20)};
    int rc = EX_UNAVAILABLE;

    progress_start(&c.progress, from);
    if (reading_open(&c.reading, from, path, 0, err) != 0)
        rc = reading_fault(&c.reading);
    else if (copy_residents(&c, err) == 0 && copy_known(&c, err) == 0)
        rc = 0;
    progress_end(&c.progress);
    residents_free(c.batch);
    residents_close(c.target);
    reading_close(&c.reading);
    buf_free(&c.addresses);
    return rc != 0 && cli_interrupted() != 0 ? cli_interrupted() : rc;
}
