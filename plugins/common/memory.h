/*
 * memory.h - memory that is there
 *
 * Out of memory ends the process, as in the daemon (base/mem.h): its truth is in Redis, and code
 * that unwinds from a failed malloc is code that nobody has ever run. Free with free().
 */
#ifndef PLUGIN_MEMORY_H
#define PLUGIN_MEMORY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static inline void *memory_there(void *p, size_t size)
{
    if (p == NULL && size > 0) {
        fprintf(stderr, "out of memory: %zu bytes\n", size);
        _exit(EX_OSERR); /* no library clears up, which would ask for memory */
    }
    return p;
}

static inline void *memory_alloc(size_t size)
{
    return memory_there(malloc(size), size);
}

static inline void *memory_calloc(size_t count, size_t size)
{
    return memory_there(calloc(count, size), count > 0 ? size : 0);
}

static inline void *memory_realloc(void *old, size_t size)
{
    return memory_there(realloc(old, size), size);
}

static inline char *memory_strdup(const char *s)
{
    return memory_there(strdup(s), strlen(s) + 1);
}

#endif
