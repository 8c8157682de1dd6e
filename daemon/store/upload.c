#include "upload.h"

#include "error.h"
#include "keys.h"
#include "mem.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_ROWS 500 /* these two make the digest of a list: see add.lua */
#define BATCH_BYTES (256u * 1024u)
#define MOST_UNANSWERED 8

struct upload {
    struct db *db;
    char *campaign;
    char token[33];
    struct buf rows; /* of the batch being filled, each with its length in front */
    unsigned batched, unanswered;
    int64_t sent;
    char trouble[sizeof((struct error *)NULL)->text];
    upload_done_fn *fn;
    void *arg;
    struct command command;
};

struct upload *upload_begin(struct db *db, const char *campaign_id)
{
    struct upload *u = xcalloc(1, sizeof *u);
    unsigned char random[16];

    u->db = db;
    u->campaign = xstrdup(campaign_id);
    u->rows = BUF_INIT(BATCH_BYTES * 2);
    u->command = COMMAND_INIT;
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(u->token, sizeof u->token, random, sizeof random);
    return u;
}

const char *upload_token(const struct upload *u)
{
    return u->token;
}

static void tell_end(struct upload *u)
{
    upload_done_fn *fn = u->fn;

    if (fn == NULL || u->unanswered > 0)
        return;
    u->fn = NULL;
    fn(u->arg, u->sent, u->trouble[0] ? u->trouble : NULL); /* last: u may be gone now */
}

static const char *trouble_of(const redisReply *reply)
{
    static const struct {
        const char *answer, *trouble;
    } troubles[] = {
        {"QUEUED", "a campaign of this id is queued already"},
        {"REPLACED", "somebody else has begun to queue a campaign of this id"},
        {"GAP", "rows of this audience are missing; queue it again"},
    };
    const redisReply *answer = db_at(reply, 0);

    if (db_is_error(reply, NULL))
        return reply->str;
    for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++)
        if (answer != NULL && strcmp(answer->str, troubles[i].answer) == 0)
            return troubles[i].trouble;
    return NULL;
}

static void on_added(void *arg, const redisReply *reply)
{
    struct upload *u = arg;
    const char *trouble = trouble_of(reply);

    u->unanswered--;
    if (trouble != NULL && u->trouble[0] == '\0')
        snprintf(u->trouble, sizeof u->trouble, "%s", trouble);
    tell_end(u);
}

static void send_batch(struct upload *u)
{
    const char *p = u->rows.data, *end = p + u->rows.length;

    command_script(&u->command, SCRIPT_ADD, 2);
    key_campaign(&u->command, u->campaign);
    key_audience(&u->command, u->campaign);
    command_add_string(&u->command, u->token);
    command_add_int(&u->command, u->sent);
    while (p < end) {
        uint32_t n;

        memcpy(&n, p, sizeof n);
        command_add(&u->command, p + sizeof n, n);
        p += sizeof n + n;
    }
    u->sent += u->batched;
    u->batched = 0;
    buf_clear(&u->rows);
    u->unanswered++;
    db_try(u->db, &u->command, on_added, u);
}

int upload_row(struct upload *u, const char *row, size_t n, struct error *err)
{
    uint32_t length = (uint32_t)n;

    if (n > BATCH_BYTES)
        return error_set(err, "a row of %zu bytes is too long", n);
    if (u->trouble[0] != '\0')
        return error_set(err, "%s", u->trouble);
    buf_put(&u->rows, &length, sizeof length);
    buf_put(&u->rows, row, n);
    if (++u->batched == BATCH_ROWS || u->rows.length > BATCH_BYTES - 1024)
        send_batch(u);
    return 0;
}

int upload_throttle(struct upload *u, struct error *err)
{
    return u->unanswered > MOST_UNANSWERED ? db_drain(u->db, MOST_UNANSWERED / 2, err) : 0;
}

void upload_end(struct upload *u, upload_done_fn *fn, void *arg)
{
    u->fn = fn;
    u->arg = arg;
    if (u->batched > 0 || u->sent == 0)
        send_batch(u);
    tell_end(u);
}

void upload_abandon(struct upload *u, const char *trouble, upload_done_fn *fn, void *arg)
{
    u->fn = fn;
    u->arg = arg;
    snprintf(u->trouble, sizeof u->trouble, "%s", trouble);
    tell_end(u);
}

void upload_free(struct upload *u)
{
    if (u == NULL)
        return;
    buf_free(&u->rows);
    command_free(&u->command);
    free(u->campaign);
    free(u);
}
