#include "delivery_log.h"

#include "buf.h"
#include "clock.h"
#include "command.h"
#include "db.h"
#include "error.h"
#include "fault.h"
#include "keys.h"
#include "log.h"
#include "mem.h"

#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_BYTES (8u << 20)   /* gathered in one turn at most */
#define FLUSH_BYTES (1u << 20) /* written before the turn ends */
#define BEHIND_BYTES (1 << 20) /* the disk is told of so many at once, before they are synced */
#define LINE_BYTES 5120        /* of one line at most: three foreign words, all escaped */
#define FOREIGN_BYTES 200      /* of one of them */
#define NUMBER_DIGITS 9        /* so many in a row may be somebody's number */
#define SUMMARIES 64
#define STREAM_ENTRIES 10000
#define EVENT_BYTES 32

struct summary {
    const char *event;
    char campaign[65], reminder[33], gateway[33];
    uint64_t count;
    uint32_t first, last;
    char head[EVENT_BYTES + 65 + 33 + 64]; /* what its lines say up to the notice's number */
    size_t head_length;
};

struct delivery_log {
    char *path;
    int fd;
    bool failing;
    bool lost; /* a line found no room */
    unsigned char key[crypto_shorthash_KEYBYTES];
    struct buf lines;
    struct db *db;
    struct summary summaries[SUMMARIES];
    size_t summary_count;
    struct command command;
    off_t behind; /* bytes that the disk has not been told of */
    struct aiocb sync;
    bool syncing, unsynced; /* unsynced: written since */
    int64_t stamped_ms;     /* what stamp says: most lines of a turn have the same */
    char stamp[CLOCK_STAMP_BYTES];
    char *head; /* NULL: not yet known */
    unsigned part;
};

static int read_key(struct delivery_log *log, const char *state_dir, struct error *err)
{
    char *path = xasprintf("%s/log.key", state_dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;

    if (fd < 0 && errno == ENOENT) {
        randombytes_buf(log->key, sizeof log->key);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, log->key, sizeof log->key) != sizeof log->key || fsync(fd) != 0)
            rc = error_set(err, "%s: %s", path, strerror(errno));
    } else if (fd < 0 || read(fd, log->key, sizeof log->key) != sizeof log->key) {
        rc = error_set(err, "%s: cannot be read, or is too short", path);
    }
    if (fd >= 0)
        close(fd);
    free(path);
    return rc;
}

/* What is synced ten times a second would reach the disk in ten bursts, and Redis' own
 * fsyncs wait behind each: the disk begins with it at once. Whether it does or cannot (a
 * pipe) is the sync's to say. */
static void begin_writing(struct delivery_log *log)
{
    if (log->behind < BEHIND_BYTES)
        return;
    sync_file_range(log->fd, lseek(log->fd, 0, SEEK_CUR) - log->behind, log->behind,
                    SYNC_FILE_RANGE_WRITE);
    log->behind = 0;
}

static int write_out(struct delivery_log *log)
{
    size_t done = 0;

    while (done < log->lines.length) {
        ssize_t n = -1;

        if (FAULT_FAILS("log-write"))
            errno = ENOSPC;
        else
            n = write(log->fd, log->lines.data + done, log->lines.length - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (!log->failing)
                log_error("delivery_log.full path=%s reason=%s", log_quote(log->path),
                          log_quote(strerror(errno)));
            log->failing = true;
            if (done > 0)
                memmove(log->lines.data, log->lines.data + done, log->lines.length - done);
            log->lines.length -= done;
            return -1;
        }
        done += (size_t)n;
        log->behind += n;
        log->unsynced = true;
    }
    begin_writing(log);
    buf_clear(&log->lines);
    if (log->failing)
        log_info("delivery_log.writable path=%s", log_quote(log->path));
    log->failing = false;
    return 0;
}

/* The disk has lost what it had taken: what is added now must not leave. */
static void look_at_sync(struct delivery_log *log)
{
    int rc = log->syncing ? aio_error(&log->sync) : 0;

    if (rc == EINPROGRESS)
        return;
    if (log->syncing)
        aio_return(&log->sync);
    if (log->syncing && FAULT_FAILS("log-sync"))
        rc = EIO;
    log->syncing = false;
    if (rc == 0 || rc == EINVAL) /* not a file that can be synced: a pipe, /dev/null */
        return;
    log_error("delivery_log.unsynced path=%s reason=%s", log_quote(log->path),
              log_quote(strerror(rc)));
    log->lost = true;
}

void delivery_log_sync(struct delivery_log *log)
{
    look_at_sync(log);
    if (log->syncing || !log->unsynced)
        return;
    log->sync = (struct aiocb){.aio_fildes = log->fd};
    log->unsynced = false;
    log->syncing = aio_fsync(O_DSYNC, &log->sync) == 0;
    if (!log->syncing)
        log->unsynced = true; /* no room for one more: next time */
}

/* Before the file is closed. */
static void end_sync(struct delivery_log *log)
{
    const struct aiocb *const list[] = {&log->sync};

    while (log->syncing && aio_error(&log->sync) == EINPROGRESS)
        aio_suspend(list, 1, NULL);
    look_at_sync(log);
    if (log->unsynced && fdatasync(log->fd) != 0 && errno != EINVAL)
        log->lost = true;
    log->unsynced = false;
}

/* A line that a crash has torn must not take the next one with it. */
static int end_torn_line(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char last = '\n';

    if (size > 0 && pread(fd, &last, 1, size - 1) != 1)
        return -1;
    return last == '\n' || write(fd, "\n", 1) == 1 ? 0 : -1;
}

static int open_file(struct delivery_log *log)
{
    int fd = open(log->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

    if (fd >= 0 && end_torn_line(fd) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

struct delivery_log *delivery_log_open(const char *path, const char *state_dir, struct db *db,
                                       struct error *err)
{
    struct delivery_log *log = xcalloc(1, sizeof *log);

    log->path = xstrdup(path);
    log->lines = BUF_INIT(LOG_BYTES);
    log->command = COMMAND_INIT;
    log->db = db;
    log->fd = open_file(log);
    if (log->fd < 0) {
        error_set(err, "the delivery log %s: %s", path, strerror(errno));
        delivery_log_close(log);
        return NULL;
    }
    if (read_key(log, state_dir, err) != 0) {
        delivery_log_close(log);
        return NULL;
    }
    return log;
}

void delivery_log_close(struct delivery_log *log)
{
    if (log == NULL)
        return;
    if (log->fd >= 0) {
        write_out(log);
        end_sync(log);
        close(log->fd);
    }
    buf_free(&log->lines);
    command_free(&log->command);
    free(log->head);
    sodium_memzero(log->key, sizeof log->key);
    free(log->path);
    free(log);
}

static void note_joined(struct delivery_log *log);

void delivery_log_reopen(struct delivery_log *log)
{
    int fd;

    write_out(log);
    fd = open_file(log);
    if (fd < 0) {
        log_error("delivery_log.reopen path=%s reason=%s", log_quote(log->path),
                  log_quote(strerror(errno)));
        return;
    }
    end_sync(log);
    close(log->fd);
    log->fd = fd;
    log->behind = 0;
    note_joined(log);
}

/* ----------------------------------------------------------------- the line
 *
 * Written by hand into room that was made once: a line costs less than its
 * share of the write. */

#define PUT(p, literal) put_bytes((p), (literal), sizeof(literal) - 1)

static char *put_bytes(char *p, const char *s, size_t n)
{
    memcpy(p, s, n);
    return p + n;
}

static char *put_number(char *p, uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;

    if (n < 10) {
        *p = (char)('0' + n);
        return p + 1;
    }
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    return put_bytes(p, digits + at, sizeof digits - at);
}

static char *put_hex(char *p, const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        *p++ = "0123456789abcdef"[bytes[i] >> 4];
        *p++ = "0123456789abcdef"[bytes[i] & 15];
    }
    return p;
}

/* Printable and no end of a string. */
static const bool plain[256] = {[' ' ... '!'] = true, ['#' ... '['] = true, [']' ... '~'] = true};

/* What is no telephone number may have anything in it. */
static char *put_shown(char *p, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        *p++ = plain[(unsigned char)s[i]] ? s[i] : '?';
    return p;
}

static bool all_plain(const char *s, size_t n)
{
    size_t i = 0;

    while (i < n && plain[(unsigned char)s[i]])
        i++;
    return i == n;
}

static char *put_address(struct delivery_log *log, char *p, const struct delivery_event *e)
{
    static const unsigned char none[crypto_shorthash_BYTES];
    unsigned char once[crypto_shorthash_BYTES] = {0}, *hash = e->hash != NULL ? e->hash : once;
    const char *to = e->to;
    size_t n = e->to_length;
    size_t head = n >= 11 ? 6 : n / 3, tail = n >= 8 ? 2 : 0;

    if (memcmp(hash, none, sizeof none) == 0)
        crypto_shorthash(hash, (const unsigned char *)to, n, log->key);
    p = PUT(p, ",\"to\":\"");
    p = put_shown(p, to, head);
    p = PUT(p, "…");
    p = put_shown(p, to + n - tail, tail);
    p = PUT(p, "\",\"hash\":\"");
    p = put_hex(p, hash, sizeof none);
    return PUT(p, "\"");
}

/* Foreign words: escaped, and cut. */
static void add_foreign(struct delivery_log *log, const char *key, const char *s, size_t n)
{
    if (s == NULL || n == 0)
        return;
    buf_puts(&log->lines, key);
    buf_put_json(&log->lines, s, n > FOREIGN_BYTES ? FOREIGN_BYTES : n);
}

/* Gateways repeat the number that they do not like: "138…01" for it. */
static void add_words(struct delivery_log *log, const char *words)
{
    char masked[2 * FOREIGN_BYTES];
    size_t n = words != NULL ? strnlen(words, sizeof masked) : 0, run;
    char *out = masked;

    for (size_t i = 0; i < n; i += run) {
        for (run = 0; i + run < n && words[i + run] >= '0' && words[i + run] <= '9'; run++)
            ;
        if (run < NUMBER_DIGITS) {
            run = run == 0 ? 1 : run;
            out = put_bytes(out, words + i, run);
        } else {
            out = put_bytes(out, words + i, 3);
            out = PUT(out, "…");
            out = put_bytes(out, words + i + run - 2, 2);
        }
    }
    add_foreign(log, ",\"words\":", masked, (size_t)(out - masked));
}

static char *put_head(char *p, const struct delivery_event *e)
{
    p = PUT(p, "\",\"event\":\"");
    p = put_bytes(p, e->event, strlen(e->event));
    p = PUT(p, "\",\"campaign\":\"");
    p = put_bytes(p, e->campaign, strlen(e->campaign));
    p = PUT(p, "\",\"reminder\":\"");
    p = put_bytes(p, e->reminder, strlen(e->reminder));
    return PUT(p, "\",\"n\":");
}

/* Counts e among its like, or NULL where there are too many. */
static const struct summary *summarise(struct delivery_log *log, const struct delivery_event *e)
{
    struct summary *s;
    size_t i;

    for (i = log->summary_count; i > 0; i--) { /* the latest is the likeliest */
        s = &log->summaries[i - 1];
        if (s->event == e->event && strcmp(s->reminder, e->reminder) == 0 &&
            strcmp(s->campaign, e->campaign) == 0 &&
            strcmp(s->gateway, e->gateway ? e->gateway : "") == 0) {
            s->count++;
            s->last = e->n;
            return s;
        }
    }
    if (log->summary_count == SUMMARIES || strlen(e->campaign) >= sizeof s->campaign ||
        strlen(e->reminder) >= sizeof s->reminder || strlen(e->event) >= EVENT_BYTES)
        return NULL; /* the next publish makes room; the file has every line */
    s = &log->summaries[log->summary_count++];
    s->event = e->event;
    snprintf(s->campaign, sizeof s->campaign, "%s", e->campaign);
    snprintf(s->reminder, sizeof s->reminder, "%s", e->reminder);
    snprintf(s->gateway, sizeof s->gateway, "%s", e->gateway ? e->gateway : "");
    s->count = 1;
    s->first = s->last = e->n;
    s->head_length = (size_t)(put_head(s->head, e) - s->head);
    return s;
}

void delivery_log_add(struct delivery_log *log, const struct delivery_event *e)
{
    char *p, *start = buf_room(&log->lines, LINE_BYTES);
    unsigned char fence[4] = {(unsigned char)(e->fence >> 24), (unsigned char)(e->fence >> 16),
                              (unsigned char)(e->fence >> 8), (unsigned char)e->fence};

    if (start == NULL) {
        log->lost = true;
        return;
    }
    if (e->at_ms != log->stamped_ms || e->at_ms <= 0) {
        log->stamped_ms = e->at_ms > 0 ? e->at_ms : clock_wall_ms();
        clock_stamp(log->stamped_ms, log->stamp);
    }
    p = PUT(start, "{\"t\":\"");
    p = put_bytes(p, log->stamp, CLOCK_STAMP_BYTES - 1);
    if (e->campaign != NULL) {
        const struct summary *like = summarise(log, e);

        p = like != NULL ? put_bytes(p, like->head, like->head_length) : put_head(p, e);
        p = put_number(p, e->n);
    } else {
        p = PUT(p, "\",\"event\":\"");
        p = put_bytes(p, e->event, strlen(e->event));
        p = PUT(p, "\"");
    }
    if (e->fence != 0) {
        p = PUT(p, ",\"fence\":\"");
        p = put_hex(p, fence, sizeof fence);
        p = PUT(p, "\"");
    }
    if (e->gateway != NULL) {
        p = PUT(p, ",\"gateway\":\"");
        p = put_bytes(p, e->gateway, strlen(e->gateway));
        p = PUT(p, "\"");
    }
    if (e->attempt > 0)
        p = put_number(PUT(p, ",\"attempt\":"), e->attempt);
    if (e->segments > 0)
        p = put_number(PUT(p, ",\"segments\":"), e->segments);
    if (e->step > 0)
        p = put_number(PUT(p, ",\"step\":"), e->step);
    if (e->to != NULL && e->to_length > 0 && e->to_length <= 128)
        p = put_address(log, p, e);
    if (e->queued_ms >= 0)
        p = put_number(PUT(p, ",\"queued_ms\":"), (uint64_t)e->queued_ms);
    if (e->limited_ms >= 0)
        p = put_number(PUT(p, ",\"limited_ms\":"), (uint64_t)e->limited_ms);
    if (e->submit_ms >= 0)
        p = put_number(PUT(p, ",\"submit_ms\":"), (uint64_t)e->submit_ms);
    if (e->until_ms > 0) {
        p = PUT(p, ",\"until\":\"");
        clock_stamp(e->until_ms, p);
        p = PUT(p + CLOCK_STAMP_BYTES - 1, "\"");
    }
    if (e->reason != NULL && e->reason[0] != '\0') {
        p = PUT(p, ",\"reason\":\"");
        p = put_bytes(p, e->reason, strlen(e->reason));
        p = PUT(p, "\"");
    }
    if (e->id_length > 0 && e->id_length <= FOREIGN_BYTES && all_plain(e->id, e->id_length)) {
        p = PUT(p, ",\"id\":\"");
        p = put_bytes(p, e->id, e->id_length);
        p = PUT(p, "\"");
    } else if (e->id_length > 0) {
        log->lines.length += (size_t)(p - start);
        add_foreign(log, ",\"id\":", e->id, e->id_length);
        p = start = log->lines.data + log->lines.length;
    }
    if (e->code != NULL || e->words != NULL) {
        log->lines.length += (size_t)(p - start);
        add_foreign(log, ",\"code\":", e->code, e->code ? strlen(e->code) : 0);
        add_words(log, e->words);
        p = start = log->lines.data + log->lines.length;
    }
    p = PUT(p, "}\n");
    log->lines.length += (size_t)(p - start);
    if (log->lines.length > FLUSH_BYTES)
        write_out(log);
}

void delivery_log_note(struct delivery_log *log, const char *format, ...)
{
    char stamp[CLOCK_STAMP_BYTES], text[1001];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    clock_stamp(clock_wall_ms(), stamp);
    if (buf_room(&log->lines, sizeof text + 64) == NULL)
        log->lost = true;
    else
        buf_printf(&log->lines, "{\"t\":\"%s\",%s}\n", stamp, text);
}

static void note_joined(struct delivery_log *log)
{
    if (log->head != NULL)
        delivery_log_note(log, "%s,\"part\":%u", log->head, ++log->part);
}

void delivery_log_head(struct delivery_log *log, const char *daemon, uint32_t epoch,
                       uint32_t before, const char *install)
{
    free(log->head);
    log->head = xasprintf("\"event\":\"joined\",\"daemon\":\"%s\",\"epoch\":%u,\"before\":%u,"
                          "\"install\":\"%s\"",
                          daemon, epoch, before, install);
    log->part = 0;
    note_joined(log);
}

void delivery_log_write(struct delivery_log *log)
{
    write_out(log);
}

int delivery_log_flush(struct delivery_log *log)
{
    if (FAULT_FAILS("log-slow")) /* a disk that hangs for longer than a permit lasts */
        poll(NULL, 0, 6000);
    if (write_out(log) != 0)
        return -1;
    if (!log->lost)
        return 0;
    log->lost = false; /* what was added since may have been lost: it must not leave */
    return -1;
}

void delivery_log_publish(struct delivery_log *log)
{
    struct buf line = BUF_INIT(SUMMARIES * 512);
    char stamp[CLOCK_STAMP_BYTES];

    if (log->summary_count == 0)
        return;
    clock_stamp(clock_wall_ms(), stamp);
    buf_putc(&line, '[');
    for (size_t i = 0; i < log->summary_count; i++) {
        const struct summary *s = &log->summaries[i];

        buf_printf(&line,
                   "%s{\"t\":\"%s\",\"event\":\"%s\",\"campaign\":\"%s\",\"reminder\":\"%s\","
                   "\"gateway\":\"%s\","
                   "\"count\":%llu,\"first\":%u,\"last\":%u}",
                   i ? "," : "", stamp, s->event, s->campaign, s->reminder, s->gateway,
                   (unsigned long long)s->count, s->first, s->last);
    }
    buf_putc(&line, ']');
    log->summary_count = 0;
    command_start(&log->command, "XADD");
    command_add_string(&log->command, KEY_LOG);
    command_add_string(&log->command, "MAXLEN");
    command_add_string(&log->command, "~");
    command_add_int(&log->command, STREAM_ENTRIES);
    command_add_string(&log->command, "*");
    command_add_string(&log->command, "events");
    command_add(&log->command, line.data, line.length);
    db_try(log->db, &log->command, NULL, NULL);
    buf_free(&line);
}
