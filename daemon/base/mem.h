/*
 * mem.h - memory that is there, and arenas
 *
 * Out of memory means exit: Redis holds the truth, another daemon goes on, and
 * code that unwinds from a failed malloc is code that nobody has ever run.
 * Libraries that let us choose get the same rule by mem_rule(); libconfig and hiredis, which
 * do not, are linked so (Makefile).
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

/* libevent's, jansson's and libcrypto's memory by the rule above, before anything of theirs is
 * used: a digest that was not made looks like one. libcurl's is http_client.c's matter. */
void mem_rule(void);

/* An arena: many small pieces of one life, freed together. Zero-initialised is
 * ready for use. Chunks are kept by arena_reset() for the next round. */
struct arena {
    struct arena_chunk *first, *current;
    char *at; /* the next piece, of the current chunk */
    size_t left;
};

/* size bytes (size > 0), aligned for any type, not cleared. */
static inline void *arena_alloc(struct arena *a, size_t size);
char *arena_strndup(struct arena *a, const char *s, size_t n);
void arena_reset(struct arena *a);
void arena_free(struct arena *a);

/* ------------------------------------------------------- inside, for being short */
void *arena_more(struct arena *a, size_t size); /* where the current chunk is too small */

static inline void *arena_alloc(struct arena *a, size_t size)
{
    char *p = a->at;

    size = (size + 15) & ~(size_t)15;
    if (size > a->left)
        return arena_more(a, size);
    a->at += size;
    a->left -= size;
    return p;
}

#endif
