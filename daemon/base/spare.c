#include "spare.h"

#include <string.h>

void *spare_take(struct spare *s)
{
    void *object = s->first;

    if (object == NULL)
        return NULL;
    memcpy(&s->first, object, sizeof s->first);
    if (--s->count < s->idle)
        s->idle = s->count;
    return object;
}

void spare_give(struct spare *s, void *object)
{
    memcpy(object, &s->first, sizeof s->first);
    s->first = object;
    s->count++;
}

void spare_trim(struct spare *s, void (*free_one)(void *object))
{
    for (size_t n = s->idle; n > 0; n--)
        free_one(spare_take(s));
    s->idle = s->count;
}

void spare_free(struct spare *s, void (*free_one)(void *object))
{
    while (s->first != NULL)
        free_one(spare_take(s));
}
