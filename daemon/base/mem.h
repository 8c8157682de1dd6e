/*
 * mem.h - memory that is there, and arenas
 *
 * Out of memory means exit: Redis holds the truth, another daemon goes on, and
 * code that unwinds from a failed malloc is code that nobody has ever run.
 */
#ifndef OUTREACH_MEM_H
#define OUTREACH_MEM_H

#include <stddef.h>

/* As their namesakes, but never NULL: they end the process with a message.
 * Free with free(). A count times size that overflows ends the process too. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
void *xreallocarray(void *p, size_t count, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* An arena: many small pieces of one life, freed together. Zero-initialised is
 * ready for use. Chunks are kept by arena_reset() for the next round. */
struct arena {
    struct arena_chunk *first, *current;
    size_t used; /* bytes taken from current */
};

/* size bytes (size > 0), aligned for any type, not cleared. */
void *arena_alloc(struct arena *a, size_t size);
char *arena_strndup(struct arena *a, const char *s, size_t n);
void arena_reset(struct arena *a);
void arena_free(struct arena *a);

#endif
