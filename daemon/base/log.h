/*
 * log.h - what the daemon tells ops, a line an event
 *
 * A line is an event with fields: `circuit.open gateway=acme reason="HTTP 401"
 * retry_ms=30000`. The format string starts with the event's name; strings that
 * may hold spaces or come from outside are written through log_quote(), which
 * escapes them. Numbers are masked and secrets never passed in here: a debug
 * level does not lift that. Lines go to stderr, stamped, one write each.
 *
 * The delivery log, a line per event of a notice, is another file: dispatch/.
 */
#ifndef OUTREACH_LOG_H
#define OUTREACH_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_ERROR,
    LOG_LEVEL_SILENT /* for log_set_level() alone: nothing is logged */
};

void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/* Where lines go instead of stderr, each a string with its newline; NULL: stderr. */
typedef void log_sink_fn(const char *line);
void log_set_sink(log_sink_fn *sink);

/* "debug", "info", "warning", "error" to a level; -1 for anything else. */
int log_level_parse(const char *name);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...)                                                                             \
    do {                                                                                           \
        if (log_enabled(LOG_LEVEL_DEBUG))                                                          \
            log_line(LOG_LEVEL_DEBUG, __VA_ARGS__);                                                \
    } while (0)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)

/* s in double quotes with control bytes, quotes and backslashes escaped, cut at
 * 200 bytes. The result lives in one of eight rotating buffers: good for one
 * log call, not for keeping. */
const char *log_quote(const char *s);
const char *log_quote_n(const char *s, size_t n);

/* "+8613851400001" as "+86138…01", for any log line that names a person; the
 * same rotating buffers. */
const char *log_mask(const char *address, size_t n);

#endif
