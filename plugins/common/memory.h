/*
 * memory.h - memory that is there
 *
 * Out of memory ends the process: the daemon's truth is in Redis, and code that
 * unwinds from a failed malloc is code that nobody has ever run.
 */
#ifndef PLUGIN_MEMORY_H
#define PLUGIN_MEMORY_H

#include <stdio.h>
#include <stdlib.h>

static inline void *memory_calloc(size_t count, size_t size)
{
    void *p = calloc(count, size);

    if (p == NULL) {
        fputs("plugin: out of memory\n", stderr);
        abort();
    }
    return p;
}

static inline void *memory_realloc(void *old, size_t size)
{
    void *p = realloc(old, size);

    if (p == NULL) {
        fputs("plugin: out of memory\n", stderr);
        abort();
    }
    return p;
}

#endif
