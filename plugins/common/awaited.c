#include "awaited.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define FOR_MS (INT64_C(72) * 3600 * 1000)
#define STEPS 24 /* a minute, doubled, is three days after 13 */

struct entry {
    TAILQ_ENTRY(entry) by_due;
    LIST_ENTRY(entry) by_id;
    struct awaited_one one;
    size_t step;
    int64_t due_ms;
};

TAILQ_HEAD(queue, entry);
LIST_HEAD(bucket, entry);

/* Every queue waits equally long, so that each is in the order of what is due. */
struct awaited {
    size_t most, count, bucket_count;
    int64_t first_ms;
    struct queue queues[STEPS];
    struct bucket *buckets;
};

struct awaited *awaited_create(size_t most, int64_t first_ms)
{
    struct awaited *a = calloc(1, sizeof *a);

    if (a == NULL)
        abort();
    a->most = most;
    a->first_ms = first_ms;
    a->bucket_count = most / 4 + 1;
    a->buckets = calloc(a->bucket_count, sizeof *a->buckets);
    if (a->buckets == NULL)
        abort();
    for (size_t i = 0; i < STEPS; i++)
        TAILQ_INIT(&a->queues[i]);
    return a;
}

static void drop(struct awaited *a, struct entry *e)
{
    TAILQ_REMOVE(&a->queues[e->step], e, by_due);
    LIST_REMOVE(e, by_id);
    free(e);
    a->count--;
}

void awaited_free(struct awaited *a)
{
    if (a == NULL)
        return;
    for (size_t i = 0; i < STEPS; i++)
        while (!TAILQ_EMPTY(&a->queues[i]))
            drop(a, TAILQ_FIRST(&a->queues[i]));
    free(a->buckets);
    free(a);
}

static struct bucket *bucket_of(struct awaited *a, const char *id, size_t n)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)id[i]) * 16777619u;
    return &a->buckets[hash % a->bucket_count];
}

void awaited_remove(struct awaited *a, const char *id, size_t n)
{
    struct entry *e;

    LIST_FOREACH(e, bucket_of(a, id, n), by_id)
    if (strlen(e->one.id) == n && memcmp(e->one.id, id, n) == 0) {
        drop(a, e);
        return;
    }
}

/* Who has waited longest has been asked about most often. */
static void drop_oldest(struct awaited *a)
{
    for (size_t i = STEPS; i-- > 0;)
        if (!TAILQ_EMPTY(&a->queues[i])) {
            drop(a, TAILQ_FIRST(&a->queues[i]));
            return;
        }
}

void awaited_add(struct awaited *a, const char *id, size_t n, const char *number, int64_t wall_ms,
                 int64_t now_ms)
{
    struct entry *e;

    if (n == 0 || n > AWAITED_ID_BYTES || strlen(number) >= AWAITED_NUMBER_BYTES)
        return;
    awaited_remove(a, id, n);
    if (a->count == a->most)
        drop_oldest(a);
    e = calloc(1, sizeof *e);
    if (e == NULL)
        abort();
    memcpy(e->one.id, id, n);
    strcpy(e->one.number, number);
    e->one.since_ms = wall_ms;
    e->due_ms = now_ms + a->first_ms;
    TAILQ_INSERT_TAIL(&a->queues[0], e, by_due);
    LIST_INSERT_HEAD(bucket_of(a, id, n), e, by_id);
    a->count++;
}

bool awaited_due(struct awaited *a, int64_t now_ms, struct awaited_one *out)
{
    for (size_t i = 0; i < STEPS; i++) {
        struct entry *e = TAILQ_FIRST(&a->queues[i]);

        if (e == NULL || e->due_ms > now_ms)
            continue;
        *out = e->one;
        if (i + 1 == STEPS || a->first_ms << (i + 1) > FOR_MS) {
            drop(a, e);
            return true;
        }
        TAILQ_REMOVE(&a->queues[i], e, by_due);
        e->step = i + 1;
        e->due_ms = now_ms + (a->first_ms << e->step);
        TAILQ_INSERT_TAIL(&a->queues[e->step], e, by_due);
        return true;
    }
    return false;
}

size_t awaited_count(const struct awaited *a)
{
    return a->count;
}
