#include "buf.h"

#include "mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_free(struct buf *b)
{
    free(b->data);
    b->data = NULL;
    b->length = b->capacity = 0;
    b->overflowed = false;
}

void buf_clear(struct buf *b)
{
    b->length = 0;
    b->overflowed = false;
}

static char *grow(struct buf *b, size_t n)
{
    size_t capacity = b->capacity ? b->capacity : 256;

    if (b->overflowed || n > b->limit || b->length > b->limit - n) {
        b->overflowed = true;
        return NULL;
    }
    while (capacity < b->length + n)
        capacity *= 2;
    b->data = xrealloc(b->data, capacity);
    b->capacity = capacity;
    return b->data + b->length;
}

char *buf_room(struct buf *b, size_t n)
{
    if (!b->overflowed && n <= b->capacity - b->length && b->length + n <= b->limit)
        return b->data + b->length;
    return grow(b, n);
}

void buf_put(struct buf *b, const void *bytes, size_t n)
{
    char *room;

    if (n == 0)
        return;
    room = buf_room(b, n);
    if (room == NULL)
        return;
    memcpy(room, bytes, n);
    b->length += n;
}

void buf_puts(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
    buf_put(b, &c, 1);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list ap, again;
    int n;
    char *room;

    va_start(ap, format);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    room = n < 0 ? NULL : buf_room(b, (size_t)n + 1); /* vsnprintf wants room for its NUL */
    if (room != NULL) {
        vsnprintf(room, (size_t)n + 1, format, again);
        b->length += (size_t)n;
    }
    va_end(again);
}

void buf_put_u64(struct buf *b, uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    buf_put(b, digits + at, sizeof digits - at);
}

void buf_put_i64(struct buf *b, int64_t n)
{
    if (n < 0) {
        buf_putc(b, '-');
        buf_put_u64(b, 0 - (uint64_t)n);
        return;
    }
    buf_put_u64(b, (uint64_t)n);
}

/* Length of the valid UTF-8 sequence at s (n > 0 bytes there), or 0. */
static size_t utf8_sequence(const unsigned char *s, size_t n)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = s[0] < 0x80   ? 1
                    : s[0] < 0xc2 ? 0
                    : s[0] < 0xe0 ? 2
                    : s[0] < 0xf0 ? 3
                    : s[0] < 0xf5 ? 4
                                  : 0;
    uint32_t code;
    size_t i;

    if (length <= 1)
        return length;
    if (length > n)
        return 0;
    code = s[0] & (0x7fu >> length);
    for (i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return 0;
    return length;
}

void buf_put_json(struct buf *b, const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t i = 0, from = 0;

    buf_putc(b, '"');
    while (i < n) {
        size_t length;

        if (p[i] >= 0x20 && p[i] < 0x7f && p[i] != '"' && p[i] != '\\') {
            i++;
            continue;
        }
        length = utf8_sequence(p + i, n - i);
        if (length > 1) {
            i += length;
            continue;
        }
        buf_put(b, s + from, i - from);
        if (length == 0)
            buf_puts(b, "\xef\xbf\xbd");
        else if (p[i] == '"' || p[i] == '\\')
            buf_put(b, (const char[]){'\\', s[i]}, 2);
        else if (p[i] == '\n')
            buf_puts(b, "\\n");
        else
            buf_printf(b, "\\u%04x", p[i]);
        from = ++i;
    }
    buf_put(b, s + from, i - from);
    buf_putc(b, '"');
}

const char *buf_string(struct buf *b)
{
    if (b->length == b->capacity) {
        b->data = xrealloc(b->data, b->capacity + 1);
        b->capacity++;
    }
    b->data[b->length] = '\0';
    return b->data;
}

bool buf_overflowed(const struct buf *b)
{
    return b->overflowed;
}
