#include "seen.h"

#include "mem.h"

#include <stdlib.h>

#define FIRST_SIZE 1024

/* Finalizer of MurmurHash3: every bit of the key reaches every bit of the place. */
static uint64_t mix(uint64_t key)
{
    key ^= key >> 33;
    key *= UINT64_C(0xff51afd7ed558ccd);
    key ^= key >> 33;
    key *= UINT64_C(0xc4ceb9fe1a85ec53);
    return key ^ key >> 33;
}

static uint64_t hash(uint64_t start, const char *s, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) /* FNV-1a */
        start = (start ^ (unsigned char)s[i]) * UINT64_C(0x100000001b3);
    return start;
}

uint64_t seen_key(const char *address, size_t n, const char *more, size_t more_n)
{
    uint64_t number = 0;
    size_t i;

    if (more_n == 0 && n > 1 && n <= 17 && address[0] == '+') {
        for (i = 1; i < n && address[i] >= '0' && address[i] <= '9'; i++)
            number = number * 10 + (uint64_t)(address[i] - '0');
        if (i == n && number != 0)
            return number;
    }
    number = hash(UINT64_C(0xcbf29ce484222325), address, n);
    number = hash(number ^ 0x1f, more, more_n);
    return mix(number) | UINT64_C(1) << 63; /* apart from all numbers */
}

static size_t place_of(const struct seen *s, uint64_t key)
{
    size_t at = mix(key) & (s->size - 1);

    while (s->keys[at] != 0 && s->keys[at] != key)
        at = (at + 1) & (s->size - 1);
    return at;
}

static void grow(struct seen *s)
{
    struct seen bigger = {.size = s->size ? s->size * 2 : FIRST_SIZE};
    size_t i;

    bigger.keys = xcalloc(bigger.size, sizeof *bigger.keys);
    bigger.values = xcalloc(bigger.size, sizeof *bigger.values);
    for (i = 0; i < s->size; i++)
        if (s->keys[i] != 0) {
            size_t at = place_of(&bigger, s->keys[i]);

            bigger.keys[at] = s->keys[i];
            bigger.values[at] = s->values[i];
        }
    bigger.used = s->used;
    seen_free(s);
    *s = bigger;
}

uint32_t *seen_add(struct seen *s, uint64_t key, uint32_t value, bool *fresh)
{
    size_t at;

    if (s->used * 3 >= s->size * 2)
        grow(s);
    at = place_of(s, key);
    *fresh = s->keys[at] == 0;
    if (*fresh) {
        s->keys[at] = key;
        s->values[at] = value;
        s->used++;
    }
    return &s->values[at];
}

void seen_free(struct seen *s)
{
    free(s->keys);
    free(s->values);
    *s = (struct seen){0};
}
