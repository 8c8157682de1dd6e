#include "bytes.h"

#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *bytes_alloc(size_t count, size_t size)
{
    return memory_calloc(count > 0 ? count : 1, size);
}

char *bytes_copy(const char *s, size_t n)
{
    char *copy = memory_alloc(n + 1);

    memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

void bytes_free(struct bytes *b)
{
    free(b->data);
    *b = BYTES_INIT(b->limit);
}

void bytes_clear(struct bytes *b)
{
    b->length = 0;
    b->overflowed = false;
}

char *bytes_room(struct bytes *b, size_t n)
{
    size_t capacity = b->capacity > 0 ? b->capacity : 256;

    if (b->overflowed || n > b->limit || b->length > b->limit - n) {
        b->overflowed = true;
        return NULL;
    }
    if (b->length + n <= b->capacity)
        return b->data + b->length;
    while (capacity < b->length + n)
        capacity *= 2;
    b->data = memory_realloc(b->data, capacity);
    b->capacity = capacity;
    return b->data + b->length;
}

void bytes_put(struct bytes *b, const void *from, size_t n)
{
    char *room;

    if (n == 0)
        return;
    room = bytes_room(b, n);
    if (room == NULL)
        return;
    memcpy(room, from, n);
    b->length += n;
}

void bytes_puts(struct bytes *b, const char *s)
{
    bytes_put(b, s, strlen(s));
}

void bytes_putc(struct bytes *b, char c)
{
    bytes_put(b, &c, 1);
}

const char *bytes_string(struct bytes *b)
{
    char *room = bytes_room(b, 1);

    if (room == NULL)
        return "";
    *room = '\0';
    return b->data;
}
