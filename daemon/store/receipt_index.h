/*
 * receipt_index.h - from a gateway's message id back to the notice
 *
 * Small strings in the gateway's slot that grow by APPEND (measured: a quarter of
 * the cost of a hash). Ids that are numbers usually count up, so they share a
 * bucket with their neighbours: all but the last two digits name it, and a batch of
 * answers is a handful of writes. Other ids are spread over buckets by day. An entry is written
 * before the outcome; a receipt that comes before its entry is parked, and the entry's script hands
 * it back.
 *
 * An entry is found for as long as its gateway's receipt_wait says (wait_ms), and
 * for a day more: what was accepted is final by then, and yet who has it after all is delivered.
 */
#ifndef OUTREACH_RECEIPT_INDEX_H
#define OUTREACH_RECEIPT_INDEX_H

#include "db.h"

#define RECEIPT_ENTRY_BYTES 13
#define RECEIPT_WAIT_LEAST_MS INT64_C(60000)
#define RECEIPT_WAIT_MOST_MS (INT64_C(30) * 86400000)
#define RECEIPT_WAIT_MS (INT64_C(72) * 3600000) /* of a gateway that nobody knows any more */

struct receipt_entry {
    uint32_t ref; /* number of campaign/reminder, see KEY_REFS */
    uint32_t n;
    uint32_t fence;
    unsigned part, parts; /* part from 0; parts 1..8 */
};

void receipt_entry_pack(const struct receipt_entry *e, char out[RECEIPT_ENTRY_BYTES]);
int receipt_entry_unpack(const char *in, size_t n, struct receipt_entry *e); /* -1: not one */

/* Entries for ids of one gateway under construction. */
struct receipt_index_id {
    const char *bytes;
    size_t length; /* 1..64 */
    struct receipt_entry entry;
    size_t head; /* this and the next are found by receipt_index_command() */
    unsigned spread;
};

/* Writes the call that stores them; ids is put in an order that keeps neighbours
 * together. n in 1..512. Reply: id, receipt, ... of receipts that were there before. */
void receipt_index_command(struct command *c, const char *gateway, int64_t wait_ms,
                           struct receipt_index_id *ids, size_t n, int64_t now_ms);

/* The call that looks receipts up: for each an id and what to park under it when
 * there is no entry yet. Reply for each: the entry, "PARKED" or "FULL". n in 1..128. */
struct receipt_lookup {
    const char *id;
    size_t length;
    const char *park; /* "" for nothing */
    size_t park_length;
};
void receipt_lookup_command(struct command *c, const char *gateway, int64_t wait_ms,
                            const struct receipt_lookup *lookups, size_t n, int64_t now_ms);

/* For who goes through all of it: the call that finds a gateway's buckets (SCAN, cursor "0" at
 * first), and what is in one, whose key and value are given. Begins with *at = 0; false at
 * the end, or where it is damaged. */
struct receipt_index_found {
    char id[65]; /* NUL-terminated */
    size_t length;
    struct receipt_entry entry;
};
void receipt_index_scan_command(struct command *c, const char *gateway, const char *cursor);
bool receipt_index_next(const char *key, const char *bucket, size_t n, size_t *at,
                        struct receipt_index_found *found);

/* Forgets a parked receipt that has been dealt with. */
void receipt_unpark_command(struct command *c, const char *gateway, const char *id, size_t n);

#endif
