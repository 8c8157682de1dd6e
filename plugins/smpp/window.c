#include "window.h"

#include "memory.h"

#include <assert.h>
#include <stdlib.h>

void smpp_window_init(struct smpp_window *w, unsigned size)
{
    uint32_t places = 16;

    while (places < 2 * size)
        places *= 2;
    *w = (struct smpp_window){.size = size, .mask = places - 1};
    w->places = smpp_calloc(places, sizeof *w->places);
}

void smpp_window_free(struct smpp_window *w)
{
    free(w->places);
    w->places = NULL;
}

void smpp_window_restart(struct smpp_window *w)
{
    assert(w->used == 0);
    w->last = 0;
}

uint32_t smpp_window_number(struct smpp_window *w)
{
    do
        w->last = w->last >= 0x7fffffff ? 1 : w->last + 1;
    while (w->places[w->last & w->mask].sequence != 0);
    return w->last;
}

struct smpp_request *smpp_window_put(struct smpp_window *w)
{
    struct smpp_request *r;
    uint32_t sequence = smpp_window_number(w);

    assert(w->used < w->size);
    r = &w->places[sequence & w->mask];
    r->sequence = sequence;
    w->used++;
    return r;
}

struct smpp_request *smpp_window_find(struct smpp_window *w, uint32_t sequence)
{
    struct smpp_request *r = &w->places[sequence & w->mask];

    return sequence != 0 && r->sequence == sequence ? r : NULL;
}

void smpp_window_remove(struct smpp_window *w, struct smpp_request *r)
{
    r->sequence = 0;
    w->used--;
}

struct smpp_request *smpp_window_next(struct smpp_window *w, uint32_t *at)
{
    while (*at <= w->mask) {
        struct smpp_request *r = &w->places[(*at)++];

        if (r->sequence != 0)
            return r;
    }
    return NULL;
}
