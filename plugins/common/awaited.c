#include "awaited.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define TICK_MS 1000
#define ASKING_MOST 5
#define FOR_MS (INT64_C(72) * 3600 * 1000)
#define BUCKETS (AWAITED_MOST / 4)
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
    const struct gateway_host *host;
    struct gateway *gw;
    awaited_ask_fn *ask;
    void *owner;
    struct gateway_timer *timer; /* NULL where nothing is remembered */
    size_t asking, count;
    int64_t first_ms;
    struct queue queues[STEPS];
    struct bucket buckets[BUCKETS];
};

struct awaited *awaited_create(const struct gateway_host *host, struct gateway *gw,
                               int64_t first_ms, awaited_ask_fn *ask, void *owner)
{
    struct awaited *a;

    if (first_ms == 0)
        return NULL;
    a = memory_calloc(1, sizeof *a);
    a->host = host;
    a->gw = gw;
    a->ask = ask;
    a->owner = owner;
    a->first_ms = first_ms;
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
    a->host->timer_cancel(a->timer);
    for (size_t i = 0; i < STEPS; i++)
        while (!TAILQ_EMPTY(&a->queues[i]))
            drop(a, TAILQ_FIRST(&a->queues[i]));
    free(a);
}

static struct bucket *bucket_of(struct awaited *a, const char *id, size_t n)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)id[i]) * 16777619u;
    return &a->buckets[hash % BUCKETS];
}

static struct entry *find(struct awaited *a, const char *id, size_t n)
{
    struct entry *e;

    LIST_FOREACH(e, bucket_of(a, id, n), by_id)
    if (strlen(e->one.id) == n && memcmp(e->one.id, id, n) == 0)
        return e;
    return NULL;
}

void awaited_remove(struct awaited *a, const char *id, size_t n)
{
    struct entry *e = a == NULL ? NULL : find(a, id, n);

    if (e != NULL)
        drop(a, e);
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

/* One that is due, which then waits for its next turn; false for none. */
static bool next_due(struct awaited *a, struct awaited_one *out)
{
    int64_t now_ms = a->host->boot_ms();

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

static void on_tick(void *arg)
{
    struct awaited *a = arg;
    struct awaited_one one;

    a->timer = a->host->timer(a->gw, TICK_MS, on_tick, a);
    for (size_t i = a->asking; i < ASKING_MOST && next_due(a, &one); i++) {
        a->asking++;
        a->ask(a->owner, &one);
    }
    if (a->count > 0)
        return;
    a->host->timer_cancel(a->timer);
    a->timer = NULL;
}

void awaited_answered(struct awaited *a)
{
    a->asking--;
}

static bool fits(const struct awaited *a, size_t n, const char *number)
{
    return a != NULL && n > 0 && n <= AWAITED_ID_BYTES && strlen(number) < AWAITED_NUMBER_BYTES;
}

/* To be asked about at once, or as the last of all that wait for their first turn. */
static void enter(struct awaited *a, const char *id, size_t n, const char *number, int64_t since_ms,
                  bool at_once)
{
    struct entry *e;

    if (a->count == AWAITED_MOST)
        drop_oldest(a);
    e = memory_calloc(1, sizeof *e);
    memcpy(e->one.id, id, n);
    strcpy(e->one.number, number);
    e->one.since_ms = since_ms;
    e->due_ms = a->host->boot_ms() + (at_once ? 0 : a->first_ms);
    if (at_once)
        TAILQ_INSERT_HEAD(&a->queues[0], e, by_due);
    else
        TAILQ_INSERT_TAIL(&a->queues[0], e, by_due);
    LIST_INSERT_HEAD(bucket_of(a, id, n), e, by_id);
    a->count++;
    if (a->timer == NULL)
        a->timer = a->host->timer(a->gw, TICK_MS, on_tick, a);
}

void awaited_add(struct awaited *a, const char *id, size_t n, const char *number)
{
    if (!fits(a, n, number))
        return;
    awaited_remove(a, id, n);
    enter(a, id, n, number, a->host->wall_ms(), false);
}

void awaited_resume(struct awaited *a, const char *id, size_t n, const char *number,
                    int64_t since_ms)
{
    int64_t age_ms = a == NULL ? 0 : a->host->wall_ms() - since_ms;

    if (!fits(a, n, number) || age_ms > FOR_MS || find(a, id, n) != NULL)
        return;
    enter(a, id, n, number, since_ms, age_ms >= a->first_ms);
}
