#include "receipt_index.h"

#include "keys.h"
#include "ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS 86400000
#define PARKED_DAYS 3
#define SPREAD 16384 /* buckets a day for ids that do not count up */
#define PARKED_MOST 100000
#define SCANNED 500 /* keys that Redis looks at in one step */

static void put32(char *out, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        out[i] = (char)(v >> (24 - 8 * i));
}

static uint32_t get32(const char *in)
{
    const unsigned char *p = (const unsigned char *)in;

    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void receipt_entry_pack(const struct receipt_entry *e, char out[RECEIPT_ENTRY_BYTES])
{
    put32(out, e->ref);
    put32(out + 4, e->n);
    put32(out + 8, e->fence);
    out[12] = (char)(e->parts << 4 | e->part);
}

int receipt_entry_unpack(const char *in, size_t n, struct receipt_entry *e)
{
    if (n != RECEIPT_ENTRY_BYTES)
        return -1;
    e->ref = get32(in);
    e->n = get32(in + 4);
    e->fence = get32(in + 8);
    e->parts = (unsigned char)in[12] >> 4;
    e->part = (unsigned char)in[12] & 15;
    return e->parts < 1 || e->parts > LEDGER_MAX_IDS || e->part >= e->parts || e->n == 0 ? -1 : 0;
}

static bool counts_up(const char *id, size_t n)
{
    if (n < 3)
        return false;
    for (size_t i = 0; i < n; i++)
        if (id[i] < '0' || id[i] > '9')
            return false;
    return true;
}

static unsigned spread(const char *id, size_t n)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)id[i]) * 16777619u;
    return h % SPREAD;
}

static void add_bucket(struct command *c, const char *gateway, const char *id, size_t n,
                       int64_t day)
{
    if (counts_up(id, n))
        command_add_format(c, "outreach:{gw:%s}:r:%.*s", gateway, (int)(n - 2), id);
    else
        command_add_format(c, "outreach:{gw:%s}:r:%lld:%u", gateway, (long long)day, spread(id, n));
}

/* What of an id stands inside its bucket. */
static size_t tail_of(const char *id, size_t n, const char **tail)
{
    size_t length = counts_up(id, n) ? 2 : n;

    *tail = id + n - length;
    return length;
}

/* Looks at the digits once: neighbours are compared several times. */
static void find_bucket(struct receipt_index_id *id)
{
    id->head = counts_up(id->bytes, id->length) ? id->length - 2 : 0;
    id->spread = id->head > 0 ? 0 : spread(id->bytes, id->length);
}

static bool same_bucket(const struct receipt_index_id *a, const struct receipt_index_id *b)
{
    return a->head == b->head && a->spread == b->spread && memcmp(a->bytes, b->bytes, a->head) == 0;
}

static int by_bucket(const void *x, const void *y)
{
    const struct receipt_index_id *a = x, *b = y;

    if (a->head != b->head)
        return a->head > b->head ? -1 : 1;
    if (a->head > 0)
        return memcmp(a->bytes, b->bytes, a->length);
    return a->spread != b->spread ? (a->spread < b->spread ? -1 : 1) : 0;
}

/* Ids that count up come in order: then nothing needs sorting. */
static bool in_order(const struct receipt_index_id *ids, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (by_bucket(&ids[i - 1], &ids[i]) > 0)
            return false;
    return true;
}

/* The head of a bucket's ids, and their tails with the entries. */
static void add_entries(struct command *c, const struct receipt_index_id *ids, size_t n)
{
    size_t bytes = 0;
    char *room;

    for (size_t i = 0; i < n; i++)
        bytes += 1 + ids[i].length - ids[i].head + RECEIPT_ENTRY_BYTES;
    command_add(c, ids->bytes, ids->head);
    room = command_add_room(c, bytes);
    for (size_t i = 0; i < n; i++) {
        size_t length = ids[i].length - ids[i].head;

        *room++ = (char)length;
        memcpy(room, ids[i].bytes + ids[i].head, length);
        receipt_entry_pack(&ids[i].entry, room + length);
        room += length + RECEIPT_ENTRY_BYTES;
    }
}

/* How many from here share a bucket. */
static size_t run_of(const struct receipt_index_id *ids, size_t n)
{
    size_t run = 1;

    while (run < n && same_bucket(&ids[0], &ids[run]))
        run++;
    return run;
}

/* The script lets a bucket live on once a fifth of this is over: what is entered just before is
 * found for the rest. */
static int64_t life_s(int64_t wait_ms)
{
    return (wait_ms + DAY_MS) * 5 / 4 / 1000;
}

void receipt_index_command(struct command *c, const char *gateway, int64_t wait_ms,
                           struct receipt_index_id *ids, size_t n, int64_t now_ms)
{
    int64_t day = now_ms / DAY_MS;
    unsigned buckets = 0;

    for (size_t i = 0; i < n; i++)
        find_bucket(&ids[i]);
    if (!in_order(ids, n))
        qsort(ids, n, sizeof *ids, by_bucket);
    for (size_t i = 0; i < n; i += run_of(ids + i, n - i))
        buckets++;
    command_script(c, SCRIPT_INDEX, 1 + buckets);
    key_gateway(c, gateway, "parked");
    for (size_t i = 0; i < n; i += run_of(ids + i, n - i))
        add_bucket(c, gateway, ids[i].bytes, ids[i].length, day);
    command_add_int(c, life_s(wait_ms));
    for (size_t i = 0, run; i < n; i += run) {
        run = run_of(ids + i, n - i);
        add_entries(c, ids + i, run);
    }
}

/* The days a lookup goes through: today and before, then tomorrow. An entry is of tomorrow
 * when another daemon's clock is a little ahead, or ours was set back over midnight. */
static int days_of(int64_t wait_ms)
{
    return (int)((wait_ms + DAY_MS + DAY_MS - 1) / DAY_MS) + 1;
}

static int day_of_look(int look, int days)
{
    return look < days ? -look : 1;
}

static int looks_of(const struct receipt_lookup *lookup, int days)
{
    return counts_up(lookup->id, lookup->length) ? 1 : days + 1;
}

void receipt_lookup_command(struct command *c, const char *gateway, int64_t wait_ms,
                            const struct receipt_lookup *lookups, size_t n, int64_t now_ms)
{
    int64_t day = now_ms / DAY_MS;
    int days = days_of(wait_ms);
    unsigned keys = 2;
    const char *tail;
    size_t length;

    for (size_t i = 0; i < n; i++)
        keys += (unsigned)looks_of(&lookups[i], days);
    command_script(c, SCRIPT_RECEIPTS, keys);
    key_gateway(c, gateway, "parked");
    key_gateway(c, gateway, "ages");
    for (size_t i = 0; i < n; i++)
        for (int look = 0; look < looks_of(&lookups[i], days); look++)
            add_bucket(c, gateway, lookups[i].id, lookups[i].length, day + day_of_look(look, days));
    command_add_int(c, now_ms);
    command_add_int(c, now_ms - (int64_t)PARKED_DAYS * DAY_MS);
    command_add_int(c, PARKED_MOST);
    for (size_t i = 0; i < n; i++) {
        command_add_int(c, looks_of(&lookups[i], days));
        length = tail_of(lookups[i].id, lookups[i].length, &tail);
        command_add(c, tail, length);
        command_add(c, lookups[i].id, lookups[i].length);
        command_add(c, lookups[i].park, lookups[i].park_length);
    }
}

void receipt_unpark_command(struct command *c, const char *gateway, const char *id, size_t n)
{
    command_start(c, "HDEL");
    key_gateway(c, gateway, "parked");
    command_add(c, id, n);
}

/* ------------------------------------------------------------------- all of it */

void receipt_index_scan_command(struct command *c, const char *gateway, const char *cursor)
{
    command_start(c, "SCAN");
    command_add_string(c, cursor);
    command_add_string(c, "MATCH");
    command_add_format(c, "outreach:{gw:%s}:r:*", gateway);
    command_add_string(c, "COUNT");
    command_add_int(c, SCANNED);
}

/* What the tails of a bucket lack of their ids: see add_bucket(). */
static const char *head_of(const char *key)
{
    const char *head = strstr(key, "}:r:");

    return head == NULL || strchr(head + 4, ':') != NULL ? "" : head + 4;
}

bool receipt_index_next(const char *key, const char *bucket, size_t n, size_t *at,
                        struct receipt_index_found *found)
{
    const char *head = head_of(key);
    size_t before = strlen(head), tail;

    if (*at >= n)
        return false;
    tail = (unsigned char)bucket[*at];
    if (tail + before == 0 || tail + before > 64 || n - *at < 1 + tail + RECEIPT_ENTRY_BYTES)
        return false;
    memcpy(found->id, head, before);
    memcpy(found->id + before, bucket + *at + 1, tail);
    found->length = before + tail;
    found->id[found->length] = '\0';
    *at += 1 + tail + RECEIPT_ENTRY_BYTES;
    return receipt_entry_unpack(bucket + *at - RECEIPT_ENTRY_BYTES, RECEIPT_ENTRY_BYTES,
                                &found->entry) == 0;
}
