#include "wheel.h"

#include "memory.h"

#include <stdio.h>
#include <stdlib.h>

#define BITS 8
#define SLOTS (1 << BITS)
#define LEVELS 5
#define WORDS (SLOTS / 64)
#define LAST_MS (((int64_t)1 << (LEVELS * BITS)) - 1)

struct slot {
    struct wheel_item *first, *last;
};

/* now_ms is the millisecond that is being emptied: every item in the wheel is
 * due at it or later. An item stands on the lowest level on which its due time
 * and now_ms differ in nothing above that level's bits. */
struct wheel {
    int64_t now_ms;
    size_t count;
    struct slot slots[LEVELS][SLOTS];
    uint64_t occupied[LEVELS][WORDS];
};

struct wheel *wheel_create(int64_t now_ms)
{
    struct wheel *w = memory_calloc(1, sizeof *w);

    w->now_ms = now_ms;
    return w;
}

void wheel_destroy(struct wheel *w)
{
    free(w);
}

static unsigned slot_of(int64_t ms, unsigned level)
{
    return (unsigned)(ms >> (level * BITS)) & (SLOTS - 1);
}

static unsigned level_of(const struct wheel *w, int64_t ms)
{
    uint64_t differ = (uint64_t)(ms ^ w->now_ms);
    unsigned level = 0;

    while (level < LEVELS - 1 && differ >> ((level + 1) * BITS) != 0)
        level++;
    return level;
}

static void put(struct wheel *w, struct wheel_item *item)
{
    unsigned level = level_of(w, item->due_ms), at = slot_of(item->due_ms, level);
    struct slot *slot = &w->slots[level][at];

    item->next = NULL;
    item->previous = slot->last;
    if (slot->last != NULL)
        slot->last->next = item;
    else
        slot->first = item;
    slot->last = item;
    w->occupied[level][at / 64] |= (uint64_t)1 << at % 64;
}

static void cut(struct wheel *w, struct wheel_item *item, unsigned level, unsigned at)
{
    struct slot *slot = &w->slots[level][at];

    if (item->previous != NULL)
        item->previous->next = item->next;
    else
        slot->first = item->next;
    if (item->next != NULL)
        item->next->previous = item->previous;
    else
        slot->last = item->previous;
    if (slot->first == NULL)
        w->occupied[level][at / 64] &= ~((uint64_t)1 << at % 64);
}

void wheel_add(struct wheel *w, struct wheel_item *item, int64_t due_ms)
{
    item->due_ms = due_ms < w->now_ms ? w->now_ms : due_ms > LAST_MS ? LAST_MS : due_ms;
    put(w, item);
    w->count++;
}

void wheel_remove(struct wheel *w, struct wheel_item *item)
{
    unsigned level = level_of(w, item->due_ms);

    cut(w, item, level, slot_of(item->due_ms, level));
    w->count--;
}

/* The first occupied slot of a level behind from, or -1. */
static int next_occupied(const struct wheel *w, unsigned level, unsigned from)
{
    unsigned word = from / 64;
    uint64_t bits;

    if (from >= SLOTS)
        return -1;
    bits = w->occupied[level][word] & ~(uint64_t)0 << from % 64;
    while (bits == 0 && ++word < WORDS)
        bits = w->occupied[level][word];
    return bits == 0 ? -1 : (int)(word * 64 + (unsigned)__builtin_ctzll(bits));
}

int64_t wheel_next_ms(const struct wheel *w)
{
    unsigned level;

    if (w->count == 0)
        return -1;
    for (level = 0; level < LEVELS; level++) {
        unsigned here = slot_of(w->now_ms, level);
        int at = next_occupied(w, level, here + (level > 0));

        if (at >= 0) /* the beginning of that slot's time */
            return (w->now_ms >> (level + 1) * BITS << (level + 1) * BITS) | (int64_t)at
                                                                                 << level * BITS;
    }
    return -1;
}

/* Hands down what stands in the slots that now_ms has entered. */
static void hand_down(struct wheel *w)
{
    unsigned level;

    for (level = LEVELS - 1; level > 0; level--) {
        unsigned at = slot_of(w->now_ms, level);
        struct slot whole = w->slots[level][at];
        struct wheel_item *item, *next;

        w->slots[level][at] = (struct slot){NULL, NULL};
        w->occupied[level][at / 64] &= ~((uint64_t)1 << at % 64);
        for (item = whole.first; item != NULL; item = next) {
            next = item->next;
            put(w, item);
        }
    }
}

struct wheel_item *wheel_take(struct wheel *w, int64_t now_ms)
{
    for (;;) {
        struct wheel_item *item = w->slots[0][slot_of(w->now_ms, 0)].first;
        int64_t next_ms;

        if (item != NULL) {
            cut(w, item, 0, slot_of(w->now_ms, 0));
            w->count--;
            return item;
        }
        next_ms = wheel_next_ms(w);
        if (next_ms < 0 && now_ms > w->now_ms)
            w->now_ms = now_ms; /* empty: what comes next need not climb down */
        /* Where items are, the wheel's clock stops only at slots that hold some. */
        if (next_ms < 0 || next_ms > now_ms)
            return NULL;
        w->now_ms = next_ms;
        hand_down(w);
    }
}

size_t wheel_count(const struct wheel *w)
{
    return w->count;
}
