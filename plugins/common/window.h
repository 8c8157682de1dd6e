/*
 * window.h - the submit_sm that wait for their response, by sequence number
 *
 * A table indexed by the low bits of the sequence number, twice as large as the
 * window: a number whose place is still taken is skipped, as the protocol wants
 * it for numbers still outstanding, so finding and freeing is one look.
 */
#ifndef PLUGIN_WINDOW_H
#define PLUGIN_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct window_request {
    uint32_t sequence; /* 0: this place is free */
    uint32_t part;
    void *message;
    int64_t sent_ms; /* monotonic */
    uint64_t offset; /* of its first octet in all that this connection was to write */
};

struct window {
    struct window_request *places;
    uint32_t mask;
    uint32_t last; /* sequence number given out last */
    unsigned size, used;
};

void window_init(struct window *w, unsigned size);
void window_free(struct window *w);

/* A new connection: counts from 1 again. Nothing may be outstanding. */
void window_restart(struct window *w);

static inline unsigned window_room(const struct window *w)
{
    return w->size - w->used;
}

/* The next sequence number, 1..0x7fffffff, never one still outstanding. */
uint32_t window_number(struct window *w);

/* Takes a place (there must be room) and a number; the caller fills in the rest. */
struct window_request *window_put(struct window *w);

/* The request of that number, or NULL. */
struct window_request *window_find(struct window *w, uint32_t sequence);

/* Frees r's place. */
void window_remove(struct window *w, struct window_request *r);

/* The first request at place *at or behind it, with *at set behind that place;
 * NULL at the end. Start with *at = 0; removing what was found is allowed. */
struct window_request *window_next(struct window *w, uint32_t *at);

#endif
