/*
 * memory.h - memory that is there
 *
 * Out of memory ends the process: the daemon's truth is in Redis, and code that
 * unwinds from a failed malloc is code that nobody has ever run.
 */
#ifndef SMPP_MEMORY_H
#define SMPP_MEMORY_H

#include <stdio.h>
#include <stdlib.h>

static inline void *smpp_calloc(size_t count, size_t size)
{
    void *p = calloc(count, size);

    if (p == NULL) {
        fputs("smpp: out of memory\n", stderr);
        abort();
    }
    return p;
}

static inline void *smpp_realloc(void *old, size_t size)
{
    void *p = realloc(old, size);

    if (p == NULL) {
        fputs("smpp: out of memory\n", stderr);
        abort();
    }
    return p;
}

#endif
