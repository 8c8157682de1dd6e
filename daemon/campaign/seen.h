/*
 * seen.h - which addresses a file has had before
 *
 * A set of 64-bit keys, each with a number. A telephone number is its own key
 * (E.164 has at most 15 digits), so nobody is ever taken for another; other
 * addresses go in by a 64-bit hash. 18 to 36 bytes an entry: 32 MB for a
 * million.
 */
#ifndef OUTREACH_SEEN_H
#define OUTREACH_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen {
    uint64_t *keys; /* 0: free */
    uint32_t *values;
    size_t used, size; /* size: a power of two */
};

/* The key of an address, never 0: "+8613851400001" as a number, any other bytes
 * hashed. more (may be empty) makes two of the same address two: a name, a slot. */
uint64_t seen_key(const char *address, size_t n, const char *more, size_t more_n);

/* Adds key with value if it is not there. Returns the place of its value, good
 * until the next call; *fresh says whether it is new. */
uint32_t *seen_add(struct seen *s, uint64_t key, uint32_t value, bool *fresh);

void seen_free(struct seen *s);

#endif
