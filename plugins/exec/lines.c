#include "lines.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void lines_init(struct lines *l, size_t size)
{
    *l = (struct lines){.bytes = memory_alloc(size), .size = size};
}

void lines_clear(struct lines *l)
{
    l->at = l->used = 0;
    l->skipping = false;
}

void lines_free(struct lines *l)
{
    free(l->bytes);
    *l = (struct lines){0};
}

ssize_t lines_read(struct lines *l, int fd)
{
    ssize_t n;

    if (l->at > 0 && l->used > l->at)
        memmove(l->bytes, l->bytes + l->at, l->used - l->at);
    l->used -= l->at;
    l->at = 0;
    n = read(fd, l->bytes + l->used, l->size - l->used);
    if (n > 0)
        l->used += (size_t)n;
    return n;
}

bool lines_next(struct lines *l, char **line, size_t *n, bool *cut)
{
    for (;;) {
        char *start = l->bytes + l->at, *end = NULL;
        size_t left = l->used - l->at;
        bool skipped = l->skipping;

        if (left > 0)
            end = memchr(start, '\n', left);
        if (end == NULL && l->skipping) {
            l->at = l->used;
            return false;
        }
        if (end == NULL && left < l->size)
            return false;
        *line = start;
        *n = end != NULL ? (size_t)(end - start) : left;
        *cut = end == NULL;
        l->skipping = *cut;
        l->at += *n + (end != NULL);
        if (*n > 0 && end != NULL && start[*n - 1] == '\r')
            --*n;
        if (!skipped)
            return true;
    }
}

bool lines_last(struct lines *l, char **line, size_t *n)
{
    *line = l->bytes + l->at;
    *n = l->skipping ? 0 : l->used - l->at;
    lines_clear(l);
    return *n > 0;
}
