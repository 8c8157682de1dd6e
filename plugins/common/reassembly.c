#include "reassembly.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

#define PART_BYTES_MAX 480 /* 160 characters of three bytes */

struct reply {
    uint64_t number; /* 0: free */
    int64_t since_ms;
    char source[80], destination[80];
    uint16_t reference;
    uint8_t total, present;
    char *text[REASSEMBLY_PARTS_MAX];
    uint16_t length[REASSEMBLY_PARTS_MAX];
};

struct reassembly {
    struct reply replies[REASSEMBLY_REPLIES_MAX];
    uint64_t last;
};

static void clear(struct reply *r)
{
    unsigned i;

    for (i = 0; i < r->total; i++)
        free(r->text[i]);
    memset(r, 0, sizeof *r);
}

struct reassembly *reassembly_new(void)
{
    return memory_calloc(1, sizeof(struct reassembly));
}

void reassembly_free(struct reassembly *r)
{
    size_t i;

    for (i = 0; r != NULL && i < REASSEMBLY_REPLIES_MAX; i++)
        clear(&r->replies[i]);
    free(r);
}

static bool matches(const struct reply *r, const struct reassembly_part *p)
{
    return r->number != 0 && r->reference == p->reference && r->total == p->total &&
           strcmp(r->source, p->source) == 0 && strcmp(r->destination, p->destination) == 0;
}

/* The reply of this part, or a place for a new one: free, else the oldest. */
static struct reply *find(struct reassembly *r, const struct reassembly_part *p, int64_t now_ms)
{
    struct reply *place = NULL;
    size_t i;

    for (i = 0; i < REASSEMBLY_REPLIES_MAX; i++) {
        struct reply *it = &r->replies[i];

        if (it->number != 0 && now_ms - it->since_ms > REASSEMBLY_KEEP_MS)
            clear(it);
        if (matches(it, p))
            return it;
        if (place == NULL || it->since_ms < place->since_ms)
            place = it; /* a free one has 0 */
    }
    clear(place);
    return place;
}

static void begin(struct reassembly *all, struct reply *r, const struct reassembly_part *p,
                  int64_t now_ms)
{
    clear(r);
    r->number = ++all->last;
    r->since_ms = now_ms > 0 ? now_ms : 1;
    r->reference = p->reference;
    r->total = p->total;
    strncpy(r->source, p->source, sizeof r->source - 1);
    strncpy(r->destination, p->destination, sizeof r->destination - 1);
}

static uint64_t join(const struct reply *r, char *out, size_t *length)
{
    size_t at = 0;
    unsigned i;

    if (r->present < r->total)
        return 0;
    for (i = 0; i < r->total; i++) {
        memcpy(out + at, r->text[i], r->length[i]);
        at += r->length[i];
    }
    *length = at;
    return r->number;
}

uint64_t reassembly_add(struct reassembly *all, const struct reassembly_part *p, int64_t now_ms,
                        char *out, size_t *length)
{
    size_t n = p->length < PART_BYTES_MAX ? p->length : PART_BYTES_MAX;
    unsigned at = p->number - 1u;
    struct reply *r;

    if (p->total < 2 || p->total > REASSEMBLY_PARTS_MAX || at >= p->total ||
        strlen(p->source) >= sizeof r->source || strlen(p->destination) >= sizeof r->destination)
        return 0;
    r = find(all, p, now_ms);
    if (r->number == 0 ||
        (r->text[at] != NULL && (r->length[at] != n || memcmp(r->text[at], p->text, n) != 0)))
        begin(all, r, p, now_ms);
    if (r->text[at] == NULL) {
        r->text[at] = memory_calloc(1, n + 1);
        if (n > 0)
            memcpy(r->text[at], p->text, n);
        r->length[at] = (uint16_t)n;
        r->present++;
    }
    return join(r, out, length);
}

void reassembly_done(struct reassembly *all, uint64_t number)
{
    size_t i;

    for (i = 0; number != 0 && i < REASSEMBLY_REPLIES_MAX; i++)
        if (all->replies[i].number == number)
            clear(&all->replies[i]);
}
