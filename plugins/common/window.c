#include "window.h"

#include "memory.h"

#include <assert.h>
#include <stdlib.h>

void window_init(struct window *w, unsigned size)
{
    uint32_t places = 16;

    while (places < 2 * size)
        places *= 2;
    *w = (struct window){.size = size, .mask = places - 1};
    w->places = memory_calloc(places, sizeof *w->places);
}

void window_free(struct window *w)
{
    free(w->places);
    w->places = NULL;
}

void window_restart(struct window *w)
{
    assert(w->used == 0);
    w->last = 0;
}

uint32_t window_number(struct window *w)
{
    do
        w->last = w->last >= 0x7fffffff ? 1 : w->last + 1;
    while (w->places[w->last & w->mask].sequence != 0);
    return w->last;
}

struct window_request *window_put(struct window *w)
{
    struct window_request *r;
    uint32_t sequence = window_number(w);

    assert(w->used < w->size);
    r = &w->places[sequence & w->mask];
    r->sequence = sequence;
    w->used++;
    return r;
}

struct window_request *window_find(struct window *w, uint32_t sequence)
{
    struct window_request *r = &w->places[sequence & w->mask];

    return sequence != 0 && r->sequence == sequence ? r : NULL;
}

void window_remove(struct window *w, struct window_request *r)
{
    r->sequence = 0;
    w->used--;
}

struct window_request *window_next(struct window *w, uint32_t *at)
{
    while (*at <= w->mask) {
        struct window_request *r = &w->places[(*at)++];

        if (r->sequence != 0)
            return r;
    }
    return NULL;
}
