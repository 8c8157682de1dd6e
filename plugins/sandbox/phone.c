#include "phone.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define GATHERED_BYTES (256 << 10)
#define TEXT_BYTES_MAX 8192 /* longer texts are cut: no message is that long */

struct phone {
    int fd;
    size_t length;
    time_t second; /* that stamp is of */
    char stamp[24];
    char gathered[GATHERED_BYTES];
};

struct phone *phone_open(const char *path, char *error, size_t size)
{
    struct phone *p;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);

    if (fd < 0) {
        snprintf(error, size, "phone_file: %s: %s", path, strerror(errno));
        return NULL;
    }
    p = memory_calloc(1, sizeof *p);
    p->fd = fd;
    p->second = -1;
    return p;
}

int phone_flush(struct phone *p)
{
    size_t at = 0;
    ssize_t n;

    while (at < p->length) {
        n = write(p->fd, p->gathered + at, p->length - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    n = at == p->length ? 0 : -1;
    p->length = 0;
    return (int)n;
}

void phone_close(struct phone *p)
{
    if (p == NULL)
        return;
    (void)phone_flush(p); /* it was flushed after the last submit */
    close(p->fd);
    free(p);
}

static char *put(char *to, const char *s, size_t n)
{
    memcpy(to, s, n);
    return to + n;
}

/* Inside a JSON string. The host's texts are UTF-8 already. At most 6 n bytes. */
static char *put_escaped(char *to, const char *s, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    size_t i;

    for (i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c >= 0x20 && c != '"' && c != '\\') {
            *to++ = (char)c;
        } else if (c == '\n') {
            to = put(to, "\\n", 2);
        } else if (c >= 0x20) {
            *to++ = '\\';
            *to++ = (char)c;
        } else {
            to = put(to, "\\u00", 4);
            *to++ = hex[c >> 4];
            *to++ = hex[c & 15];
        }
    }
    return to;
}

/* "2027-03-06T01:00:00" once a second, the milliseconds each time. */
static char *put_stamp(struct phone *p, char *to, int64_t wall_ms)
{
    time_t second = (time_t)(wall_ms / 1000);
    char ms[8];
    struct tm tm;

    if (second != p->second) {
        gmtime_r(&second, &tm);
        strftime(p->stamp, sizeof p->stamp, "%Y-%m-%dT%H:%M:%S", &tm);
        p->second = second;
    }
    to = put(to, p->stamp, strlen(p->stamp));
    return put(to, ms, (size_t)snprintf(ms, sizeof ms, ".%03dZ", (int)(wall_ms % 1000)));
}

void phone_show(struct phone *p, const struct gateway_message *m, int64_t wall_ms)
{
    size_t length = m->length < TEXT_BYTES_MAX ? m->length : TEXT_BYTES_MAX;
    size_t reference = m->reference != NULL ? strnlen(m->reference, 120) : 0;
    size_t to_length = m->to_length < 256 ? m->to_length : 256;
    char *to;

    if (p->length + 6 * (length + reference + to_length) + 128 > sizeof p->gathered)
        (void)phone_flush(p); /* a failure shows again at the flush of the turn */
    while (length < m->length && length > 0 && ((unsigned char)m->text[length] & 0xc0) == 0x80)
        length--; /* not within a character */
    to = p->gathered + p->length;
    to = put(to, "{\"to\":\"", 7);
    to = put_escaped(to, m->to, to_length);
    to = put(to, "\",\"text\":\"", 10);
    to = put_escaped(to, m->text, length);
    to = put(to, "\",\"at\":\"", 8);
    to = put_stamp(p, to, wall_ms);
    to = put(to, "\",\"reference\":\"", 15);
    to = put_escaped(to, m->reference != NULL ? m->reference : "", reference);
    to = put(to, "\"}\n", 3);
    p->length = (size_t)(to - p->gathered);
}
