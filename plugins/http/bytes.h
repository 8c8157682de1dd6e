/*
 * bytes.h - a growing run of bytes with a limit from birth
 *
 * The plugin's own, since a plugin includes gateway_plugin.h and nothing else
 * of ours. What would pass the limit is not added and marks the run as
 * overflowed; its user asks once, at the end.
 */
#ifndef HTTP_BYTES_H
#define HTTP_BYTES_H

#include <stdbool.h>
#include <stddef.h>

struct bytes {
    char *data; /* not NUL-terminated; bytes_string() makes it so */
    size_t length, capacity, limit;
    bool overflowed;
};

#define BYTES_INIT(limit_bytes) ((struct bytes){.limit = (limit_bytes)})

void bytes_free(struct bytes *b);
void bytes_clear(struct bytes *b); /* forgets the bytes, keeps the memory */

/* Room for n more bytes at data + length, or NULL if that passes the limit. The
 * caller writes there and adds to length what it wrote. */
char *bytes_room(struct bytes *b, size_t n);

void bytes_put(struct bytes *b, const void *from, size_t n);
void bytes_puts(struct bytes *b, const char *s);
void bytes_putc(struct bytes *b, char c);

/* The bytes as a C string, valid until they change; "" when the NUL itself has no room. */
const char *bytes_string(struct bytes *b);

/* Memory or the end of the process, as everywhere in outreachd. */
void *bytes_alloc(size_t count, size_t size); /* cleared */
char *bytes_copy(const char *s, size_t n);    /* NUL-terminated */

#endif
