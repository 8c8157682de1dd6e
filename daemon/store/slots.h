/*
 * slots.h - which server of a Redis Cluster has which keys
 *
 * A key belongs to one of 16384 slots: CRC16 (XMODEM) of the key, or of what stands between its
 * first { and the next }, if that is something. A slot belongs to one master. That is what CLUSTER
 * SLOTS tells, and what MOVED and ASK correct. (Redis Cluster specification.)
 *
 * Nothing here asks anybody; what is read is foreign and bounded.
 */
#ifndef OUTREACH_SLOTS_H
#define OUTREACH_SLOTS_H

#include <hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOTS_COUNT 16384
#define SLOTS_MASTERS 64 /* so many are followed */
#define SLOTS_HOST_BYTES 108

/* A numeric address; or the path of a Unix socket, beginning with a slash, and no port. */
struct slots_address {
    char host[SLOTS_HOST_BYTES]; /* "": nobody */
    int port;
};

struct slots_map {
    struct slots_address masters[SLOTS_MASTERS]; /* one keeps its place while it has a slot */
    uint8_t of[SLOTS_COUNT];                     /* a place, or SLOTS_NOBODY */
};
#define SLOTS_NOBODY UINT8_MAX

struct slots_redirect {
    unsigned slot;
    bool once;               /* ASK: this command alone, the slot is still where it was */
    struct slots_address to; /* host "": of whoever said it; not numeric: not to be used */
    bool numeric;
};

unsigned slots_of_key(const void *key, size_t n); /* 0..SLOTS_COUNT-1 */

/* The slot of a finished command: of its first key, SCAN's is its pattern's. -1: it has none. */
int slots_of_command(const char *bytes, size_t n);

void slots_clear(struct slots_map *map); /* nobody has anything */

/* What CLUSTER SLOTS answered to whoever asked at host (for entries that leave it out). -1 with the
 * reason (why_bytes of it): map is what it was. */
int slots_read(struct slots_map *map, const redisReply *reply, const char *host, char *why,
               size_t why_bytes);

/* "MOVED 3999 192.0.2.1:6381", "ASK ..."; false: it is none. */
bool slots_redirected(const char *text, struct slots_redirect *r);

/* The place of an address, added if there is room, or SLOTS_NOBODY. */
uint8_t slots_place(struct slots_map *map, const struct slots_address *address);

/* A key in one of its slots that nobody else uses. False: it has none. */
bool slots_key_at(const struct slots_map *map, unsigned place, const char *stem, char *key,
                  size_t bytes);

bool slots_same(const struct slots_address *a, const struct slots_address *b);

#endif
