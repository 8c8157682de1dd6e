#include "log.h"

#include "clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define QUOTE_BYTES 200
#define ROTATING 8

static enum log_level threshold = LOG_LEVEL_INFO;
static log_sink_fn *sink; /* NULL: stderr */
static const char *const names[] = {"debug", "info", "warning", "error"};

void log_set_level(enum log_level level)
{
    threshold = level;
}

void log_set_sink(log_sink_fn *fn)
{
    sink = fn;
}

bool log_enabled(enum log_level level)
{
    return level >= threshold;
}

int log_level_parse(const char *name)
{
    for (int i = 0; i < 4; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

void log_line(enum log_level level, const char *format, ...)
{
    char line[2048];
    size_t n;
    int m;
    va_list ap;

    if (!log_enabled(level))
        return;
    clock_stamp(clock_wall_ms(), line);
    n = CLOCK_STAMP_BYTES - 1;
    n += (size_t)snprintf(line + n, sizeof line - n, " %s ", names[level]);
    va_start(ap, format);
    m = vsnprintf(line + n, sizeof line - n, format, ap);
    va_end(ap);
    n = m < 0 ? n : n + (size_t)m < sizeof line - 1 ? n + (size_t)m : sizeof line - 2;
    line[n++] = '\n';
    line[n] = '\0';
    if (sink != NULL) {
        sink(line);
        return;
    }
    if (write(STDERR_FILENO, line, n) <
        0) /* a full disk or a closed pipe must not stop the daemon */
        return;
}

static char *next_buffer(void)
{
    static _Thread_local char buffers[ROTATING][QUOTE_BYTES * 4 + 8];
    static _Thread_local unsigned next;

    return buffers[next++ % ROTATING];
}

const char *log_quote_n(const char *s, size_t n)
{
    char *out = next_buffer(), *p = out;

    *p++ = '"';
    for (size_t i = 0; i < n && i < QUOTE_BYTES; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c == '"' || c == '\\') {
            *p++ = '\\';
            *p++ = (char)c;
        } else if (c < 0x20 || c == 0x7f) {
            p += sprintf(p, "\\x%02x", c);
        } else {
            *p++ = (char)c;
        }
    }
    *p++ = '"';
    *p = '\0';
    return out;
}

const char *log_quote(const char *s)
{
    return s == NULL ? "\"\"" : log_quote_n(s, strlen(s));
}

const char *log_mask(const char *address, size_t n)
{
    char *out = next_buffer();
    size_t head = n >= 11 ? 6 : n / 3, tail = n >= 8 ? 2 : 0;

    memcpy(out, address, head);
    memcpy(out + head, "…", sizeof "…" - 1);
    memcpy(out + head + sizeof "…" - 1, address + n - tail, tail);
    out[head + sizeof "…" - 1 + tail] = '\0';
    for (char *p = out; *p != '\0'; p++) /* a stranger's address begins no line of our log */
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    return out;
}
