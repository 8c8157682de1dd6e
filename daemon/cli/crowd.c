#include "crowd.h"

#include "mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MOST (1u << 20)

struct entry {
    uint64_t person; /* 0: free */
    int64_t week;
    unsigned count;
};

struct crowd {
    struct entry *entries; /* at most half of them are taken */
    size_t size, count;
    unsigned shift; /* every 2^shift-th person is counted */
};

static uint64_t mixed(uint64_t h)
{
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    return h ^ h >> 31;
}

static uint64_t hash(const char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
    h = mixed(h);
    return h != 0 ? h : 1;
}

static bool is_counted(const struct crowd *c, uint64_t person)
{
    return (person & ((UINT64_C(1) << c->shift) - 1)) == 0;
}

static struct entry *find(struct entry *entries, size_t size, uint64_t person, int64_t week)
{
    size_t at = mixed(person + (uint64_t)week) & (size - 1);

    while (entries[at].person != 0 && (entries[at].person != person || entries[at].week != week))
        at = (at + 1) & (size - 1);
    return &entries[at];
}

struct crowd *crowd_create(void)
{
    struct crowd *c = xcalloc(1, sizeof *c);

    c->size = 1024;
    c->entries = xcalloc(c->size, sizeof *c->entries);
    return c;
}

void crowd_free(struct crowd *c)
{
    if (c == NULL)
        return;
    free(c->entries);
    free(c);
}

/* Room for more: a larger table, or half of the people. */
static void make_room(struct crowd *c)
{
    struct entry *old = c->entries;
    size_t size = c->size;

    if (c->count < ENTRIES_MOST)
        c->size *= 2;
    else
        c->shift++;
    c->entries = xcalloc(c->size, sizeof *c->entries);
    c->count = 0;
    for (size_t i = 0; i < size; i++)
        if (old[i].person != 0 && is_counted(c, old[i].person)) {
            *find(c->entries, c->size, old[i].person, old[i].week) = old[i];
            c->count++;
        }
    free(old);
}

void crowd_add(struct crowd *c, const char *to, size_t n, int64_t week)
{
    uint64_t person = hash(to, n);
    struct entry *e;

    if (n == 0 || !is_counted(c, person)) /* n: a group is nobody */
        return;
    e = find(c->entries, c->size, person, week);
    if (e->person == 0) {
        *e = (struct entry){person, week, 0};
        c->count++;
    }
    e->count++;
    if (2 * c->count >= c->size)
        make_room(c);
}

static int by_week(const void *x, const void *y)
{
    const struct entry *a = x, *b = y;

    return a->week != b->week ? (a->week < b->week ? -1 : 1) : 0;
}

static int worst_first(const void *x, const void *y)
{
    const struct crowd_week *a = x, *b = y;

    if (a->most != b->most)
        return a->most > b->most ? -1 : 1;
    if (a->people != b->people)
        return a->people > b->people ? -1 : 1;
    return a->week < b->week ? -1 : a->week > b->week;
}

struct crowd_week *crowd_weeks(const struct crowd *c, size_t *count)
{
    struct entry *many = xcalloc(c->count + 1, sizeof *many);
    struct crowd_week *weeks = xcalloc(c->count + 1, sizeof *weeks);
    size_t n = 0, w = 0;

    for (size_t i = 0; i < c->size; i++)
        if (c->entries[i].person != 0 && c->entries[i].count >= CROWD_MANY)
            many[n++] = c->entries[i];
    qsort(many, n, sizeof *many, by_week);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || many[i].week != many[i - 1].week)
            weeks[w++].week = many[i].week;
        weeks[w - 1].people += INT64_C(1) << c->shift;
        if (many[i].count > weeks[w - 1].most)
            weeks[w - 1].most = many[i].count;
    }
    free(many);
    qsort(weeks, w, sizeof *weeks, worst_first);
    *count = w;
    return weeks;
}
