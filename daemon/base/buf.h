/*
 * buf.h - a growing run of bytes with a limit from birth
 *
 * For lines, commands and texts that are put together piece by piece. What
 * would pass the limit is not added: the buffer is marked as overflowed, keeps
 * what it has, and its user asks once, at the end, with buf_overflowed().
 */
#ifndef OUTREACH_BUF_H
#define OUTREACH_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data; /* not NUL-terminated; buf_string() makes it so */
    size_t length, capacity, limit;
    bool overflowed;
};

/* An empty buffer of at most limit bytes; nothing is allocated yet. */
#define BUF_INIT(limit_bytes) ((struct buf){.limit = (limit_bytes)})

void buf_free(struct buf *b);  /* frees the bytes; the buffer is empty and usable again */
void buf_clear(struct buf *b); /* forgets the bytes, keeps the memory */

/* Room for n more bytes at data + length, or NULL if that passes the limit. The
 * caller writes there and adds to length what it wrote. */
char *buf_room(struct buf *b, size_t n);

void buf_put(struct buf *b, const void *bytes, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_put_u64(struct buf *b,
                 uint64_t n); /* in decimal; what printf would take ten times as long for */
void buf_put_i64(struct buf *b, int64_t n);

/* s as a JSON string with its quotes. Invalid UTF-8 becomes U+FFFD, control
 * characters become escapes: what comes out is always valid JSON. */
void buf_put_json(struct buf *b, const char *s, size_t n);

/* The bytes as a C string, valid until the buffer changes. */
const char *buf_string(struct buf *b);

bool buf_overflowed(const struct buf *b);

#endif
