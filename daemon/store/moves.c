#include "moves.h"

#include "keys.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define WORTH_A_RUN 8

struct move *moves_add(struct moves *m)
{
    assert(m->count < MOVES_MAX);
    return &m->list[m->count++];
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = ((const struct move *)a)->n, y = ((const struct move *)b)->n;

    return x < y ? -1 : x > y;
}

/* They mostly come in order: sort only when they do not. */
static void put_in_order(struct moves *m)
{
    for (size_t i = 1; i < m->count; i++)
        if (m->list[i - 1].n > m->list[i].n) {
            qsort(m->list, m->count, sizeof *m->list, by_number);
            return;
        }
}

static int retry_kind(const struct move *m)
{
    return m->retry > 0 ? 1 : (int)m->retry;
}

static bool neighbours(const struct moves *m, size_t a, size_t b)
{
    return m->list[b].n == m->list[a].n + 1 && retry_kind(&m->list[b]) == retry_kind(&m->list[a]);
}

/* How many from here are neighbours with the same records. */
static size_t same_length(const struct moves *m, size_t from)
{
    const struct move *first = &m->list[from];
    size_t i = from + 1;

    while (i < m->count && neighbours(m, i - 1, i) &&
           memcmp(m->list[i].wanted, first->wanted, LEDGER_RECORD_BYTES) == 0 &&
           memcmp(m->list[i].believed, first->believed, LEDGER_RECORD_BYTES) == 0)
        i++;
    return i - from;
}

/* A run ends where neighbours end, and where enough equal ones begin to be worth a
 * run of their own, which travels as one record. */
static size_t run_length(const struct moves *m, size_t from)
{
    size_t same = same_length(m, from), i = from + same;

    if (same >= WORTH_A_RUN)
        return same;
    while (i < m->count && neighbours(m, i - 1, i)) {
        same = same_length(m, i);
        if (same >= WORTH_A_RUN)
            break;
        i += same;
    }
    return i - from;
}

/* The records of a run: one for all where they are all the same, since small
 * commands share their fsync with more others. */
static void add_records(const struct move *run, size_t n, size_t offset, struct command *c)
{
    const unsigned char *first = (const unsigned char *)&run[0] + offset;
    size_t i = 1;
    char *room;

    while (i < n &&
           memcmp((const unsigned char *)&run[i] + offset, first, LEDGER_RECORD_BYTES) == 0)
        i++;
    if (i == n) {
        command_add(c, first, LEDGER_RECORD_BYTES);
        return;
    }
    room = command_add_room(c, n * LEDGER_RECORD_BYTES);
    for (i = 0; i < n; i++)
        memcpy(room + i * LEDGER_RECORD_BYTES, (const unsigned char *)&run[i] + offset,
               LEDGER_RECORD_BYTES);
}

static void add_run(const struct move *run, size_t n, struct command *c)
{
    command_add_int(c, run->n);
    command_add_int(c, (int64_t)n);
    add_records(run, n, offsetof(struct move, believed), c);
    add_records(run, n, offsetof(struct move, wanted), c);
    if (run->retry <= 0) {
        command_add_string(c, run->retry == RETRY_KEEP ? "" : "-");
    } else {
        struct buf scores = BUF_INIT(MOVES_MAX * 24);

        for (size_t i = 0; i < n; i++) {
            if (i > 0)
                buf_putc(&scores, ',');
            buf_put_i64(&scores, run[i].retry);
        }
        command_add(c, scores.data, scores.length);
        buf_free(&scores);
    }
}

void moves_command(struct moves *m, const struct moves_target *t, struct command *c)
{
    put_in_order(m);
    command_script(c, t->intent ? SCRIPT_INTEND : SCRIPT_SETTLE, 3);
    key_reminder(c, t->campaign, t->reminder);
    key_ledger(c, t->campaign, t->reminder);
    key_retry(c, t->campaign, t->reminder);
    command_add_string(c, t->intent ? "intent" : "outcome");
    command_add_int(c, t->now_ms);
    command_add_int(c, t->version);
    command_add_int(c, t->seq);
    for (size_t i = 0, n; i < m->count; i += n) {
        n = run_length(m, i);
        add_run(&m->list[i], n, c);
    }
}

enum moves_verdict moves_verdict(const redisReply *reply, int64_t *seq)
{
    static const struct {
        const char *word;
        enum moves_verdict verdict;
    } words[] = {
        {"OK", MOVES_DONE},       {"CANCELLED", MOVES_CANCELLED}, {"EXPIRED", MOVES_EXPIRED},
        {"PAUSED", MOVES_PAUSED}, {"VERSION", MOVES_VERSION},     {"GONE", MOVES_GONE},
        {"BACK", MOVES_BACK},
    };
    const redisReply *word = db_at(reply, 0);
    int64_t seen = db_int(db_at(reply, 1), 0);

    if (seen > *seq)
        *seq = seen;
    for (size_t i = 0; word != NULL && word->str != NULL && i < sizeof words / sizeof *words; i++)
        if (strcmp(word->str, words[i].word) == 0)
            return words[i].verdict;
    return MOVES_GONE;
}

const unsigned char *moves_differing(const redisReply *reply, uint32_t n)
{
    for (size_t i = 2; i + 1 < reply->elements; i += 2) {
        const redisReply *record = reply->element[i + 1];

        if (db_int(reply->element[i], -1) == n && record->type == REDIS_REPLY_STRING &&
            record->len == LEDGER_RECORD_BYTES)
            return (const unsigned char *)record->str;
    }
    return NULL;
}
