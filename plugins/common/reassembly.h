/*
 * reassembly.h - replies that come in parts
 *
 * Parts are collected by source, destination, reference and total for 24 hours;
 * they may come out of order, twice, or never. Bounded: when there are too many
 * unfinished replies the oldest one is dropped, whose parts were handed up
 * singly before. A finished one stays until it is stored, so that the peer can
 * send its last part again when it could not be.
 */
#ifndef PLUGIN_REASSEMBLY_H
#define PLUGIN_REASSEMBLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REASSEMBLY_PARTS_MAX 32
#define REASSEMBLY_BYTES_MAX (REASSEMBLY_PARTS_MAX * 480u) /* of UTF-8 */
#define REASSEMBLY_REPLIES_MAX 256
#define REASSEMBLY_KEEP_MS (24 * 3600 * 1000LL)

struct reassembly; /* opaque */

struct reassembly_part {
    const char *source, *destination;
    uint16_t reference;
    uint8_t total, number;
    const char *text; /* UTF-8 */
    size_t length;    /* at most 480 bytes count */
};

struct reassembly *reassembly_new(void);
void reassembly_free(struct reassembly *r);

/* Adds a part. Returns a number that names the reply when it is complete now,
 * with the text in out (REASSEMBLY_BYTES_MAX bytes) and its length; else 0. A
 * part that was there with another text begins a new reply of that reference. */
uint64_t reassembly_add(struct reassembly *r, const struct reassembly_part *part, int64_t now_ms,
                        char *out, size_t *length);

/* The reply is stored: forgets it. An unknown number changes nothing. */
void reassembly_done(struct reassembly *r, uint64_t number);

#endif
