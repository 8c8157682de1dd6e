/*
 * window.h - the submit_sm that wait for their response, by sequence number
 *
 * A table indexed by the low bits of the sequence number, twice as large as the
 * window: a number whose place is still taken is skipped, as the protocol wants
 * it for numbers still outstanding, so finding and freeing is one look.
 */
#ifndef SMPP_WINDOW_H
#define SMPP_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smpp_request {
    uint32_t sequence; /* 0: this place is free */
    uint32_t part;
    void *message;
    int64_t sent_ms; /* monotonic */
    uint64_t offset; /* of its first octet in all that this connection was to write */
};

struct smpp_window {
    struct smpp_request *places;
    uint32_t mask;
    uint32_t last; /* sequence number given out last */
    unsigned size, used;
};

void smpp_window_init(struct smpp_window *w, unsigned size);
void smpp_window_free(struct smpp_window *w);

/* A new connection: counts from 1 again. Nothing may be outstanding. */
void smpp_window_restart(struct smpp_window *w);

static inline unsigned smpp_window_room(const struct smpp_window *w)
{
    return w->size - w->used;
}

/* The next sequence number, 1..0x7fffffff, never one still outstanding. */
uint32_t smpp_window_number(struct smpp_window *w);

/* Takes a place (there must be room) and a number; the caller fills in the rest. */
struct smpp_request *smpp_window_put(struct smpp_window *w);

/* The request of that number, or NULL. */
struct smpp_request *smpp_window_find(struct smpp_window *w, uint32_t sequence);

/* Frees r's place. */
void smpp_window_remove(struct smpp_window *w, struct smpp_request *r);

/* The first request at place *at or behind it, with *at set behind that place;
 * NULL at the end. Start with *at = 0; removing what was found is allowed. */
struct smpp_request *smpp_window_next(struct smpp_window *w, uint32_t *at);

#endif
