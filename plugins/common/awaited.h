/*
 * awaited.h - accepted messages whose receipts have not come yet
 *
 * A provider that pushes receipts stops trying after some minutes of an outage, and then
 * they are only to be had by asking. So what was accepted is remembered until its receipt is
 * stored, and falls due to be asked about after a while, then after twice that, and so on for
 * three days: those are the phones that are switched off, and the receipts that were lost.
 *
 * It is memory: a daemon that ends forgets it, and so does a full list, the oldest first.
 */
#ifndef PLUGIN_AWAITED_H
#define PLUGIN_AWAITED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AWAITED_ID_BYTES 64
#define AWAITED_NUMBER_BYTES 24

struct awaited; /* opaque */

struct awaited_one {
    char id[AWAITED_ID_BYTES + 1]; /* NUL-terminated */
    char number[AWAITED_NUMBER_BYTES];
    int64_t since_ms; /* wall clock of its acceptance */
};

/* Holds at most most of them. first_ms is until the first question. */
struct awaited *awaited_create(size_t most, int64_t first_ms);
void awaited_free(struct awaited *a); /* NULL is fine */

/* id has 1 to 64 bytes; one that is there already is put in again. now_ms is of the
 * monotonic clock. */
void awaited_add(struct awaited *a, const char *id, size_t n, const char *number, int64_t wall_ms,
                 int64_t now_ms);
void awaited_remove(struct awaited *a, const char *id, size_t n);

/* One that is due, until its next turn; false for none. */
bool awaited_due(struct awaited *a, int64_t now_ms, struct awaited_one *out);

size_t awaited_count(const struct awaited *a);

#endif
