#include "mem.h"

#include <event2/event.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define CHUNK_BYTES (64u * 1024u)

struct arena_chunk {
    struct arena_chunk *next;
    size_t size;
    _Alignas(16) char bytes[];
};

static void *must(void *p, size_t size)
{
    if (p == NULL && size > 0) {
        fprintf(stderr, "out of memory: %zu bytes\n", size);
        _exit(EX_OSERR); /* not 70: that one is not to be started again; and no library clears up,
                          * which would ask for memory */
    }
    return p;
}

void *xmalloc(size_t size)
{
    return must(malloc(size), size);
}

void *xcalloc(size_t count, size_t size)
{
    return must(calloc(count, size), count * size);
}

void *xrealloc(void *p, size_t size)
{
    return must(realloc(p, size), size);
}

void *xreallocarray(void *p, size_t count, size_t size)
{
    return must(reallocarray(p, count, size), count * size);
}

char *xstrdup(const char *s)
{
    return must(strdup(s), strlen(s) + 1);
}

char *xstrndup(const char *s, size_t n)
{
    size_t length = strnlen(s, n); /* s need not end within n, which strndup()'s checkers doubt */
    char *copy = xmalloc(length + 1);

    memcpy(copy, s, length);
    copy[length] = '\0';
    return copy;
}

char *xasprintf(const char *format, ...)
{
    char *s = NULL;
    va_list ap;
    int n;

    va_start(ap, format);
    n = vasprintf(&s, format, ap);
    va_end(ap);
    return must(n < 0 ? NULL : s, 1);
}

static void *crypto_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return xmalloc(size);
}

static void *crypto_realloc(void *p, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    if (size > 0)
        return xrealloc(p, size);
    free(p);
    return NULL;
}

static void crypto_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    free(p);
}

void mem_rule(void)
{
    event_set_mem_functions(xmalloc, xrealloc, free);
    json_set_alloc_funcs(xmalloc, free);
    if (!CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free))
        abort(); /* something of it has been used before */
}

static struct arena_chunk *chunk_create(size_t size)
{
    struct arena_chunk *c = xmalloc(sizeof *c + size);

    c->next = NULL;
    c->size = size;
    return c;
}

static void take_chunk(struct arena *a, struct arena_chunk *c)
{
    a->current = c;
    a->at = c->bytes;
    a->left = c->size;
}

void *arena_more(struct arena *a, size_t size)
{
    size_t fresh = size > CHUNK_BYTES ? size : CHUNK_BYTES;

    if (a->current == NULL)
        take_chunk(a, a->first = chunk_create(fresh));
    while (a->left < size) {
        if (a->current->next == NULL)
            a->current->next = chunk_create(fresh);
        take_chunk(a, a->current->next);
    }
    return arena_alloc(a, size);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    char *copy = arena_alloc(a, n + 1);

    memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

void arena_reset(struct arena *a)
{
    if (a->first != NULL)
        take_chunk(a, a->first);
}

void arena_free(struct arena *a)
{
    struct arena_chunk *c, *next;

    for (c = a->first; c != NULL; c = next) {
        next = c->next;
        free(c);
    }
    a->first = a->current = NULL;
    a->at = NULL;
    a->left = 0;
}
