/*
 * delivery_log.h - what became of every notice, a line an event
 *
 * JSON lines with stable keys (README): t, event, campaign, reminder, n, fence,
 * gateway, attempt, segments, to (masked), hash (keyed, of the address), and
 * what the event has to say. Never a whole number, never a text. The intent's
 * line stands before the submit; an outcome's before its settling, so that after
 * a loss of Redis the log can be replayed.
 *
 * Lines are gathered and written by delivery_log_flush() or delivery_log_write(), a write or two a
 * turn of the loop. A summary for live views goes to the capped stream outreach:log.
 *
 * What a line survives. The write stands in the kernel before the submit, so the death
 * of any process, ours or Redis', loses none. An fsync before each submit would cost
 * more than the ledger's own, and what it would add is small: while Redis has its AOF, the
 * ledger has every intent on the disk already. So the file is synced ten times a second, beside the
 * loop: a host that loses power may lose about that much of the log, and is told twice
 * from it only where Redis lost its data too.
 */
#ifndef OUTREACH_DELIVERY_LOG_H
#define OUTREACH_DELIVERY_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct delivery_log;
struct error;

/* One event of a notice; of a person, where campaign is NULL. NULL and -1 members are left out
 * of the line. */
struct delivery_event {
    const char *event, *campaign, *reminder, *gateway, *reason, *code, *words;
    const char *to; /* the address, masked on the way */
    size_t to_length;
    unsigned char *hash; /* 8 bytes that the caller keeps for the next line about this address,
                            zero at first; NULL: it is hashed for this line alone */
    const char *id;      /* the gateway's */
    size_t id_length;
    uint32_t n, fence;
    unsigned attempt, segments;
    unsigned step; /* which of the campaign's channels, from 0, which is not said */
    int64_t queued_ms, limited_ms,
        submit_ms;    /* waited for its turn, for the rate, for the answer */
    int64_t until_ms; /* wall clock: looked at again */
    int64_t at_ms;    /* wall clock: when it was; 0: now */
};

#define DELIVERY_EVENT_INIT                                                                        \
    {                                                                                              \
        .queued_ms = -1, .limited_ms = -1, .submit_ms = -1, .until_ms = -1                         \
    }

/* Opens the file (append, 0600) and reads or makes the hash's key in state_dir.
 * db is borrowed, for the live stream. */
struct delivery_log *delivery_log_open(const char *path, const char *state_dir, struct db *db,
                                       struct error *err);
void delivery_log_close(struct delivery_log *log); /* flushes; NULL is fine */

void delivery_log_add(struct delivery_log *log, const struct delivery_event *e);

/* A line that is of no notice, made of what printf says ("\"event\":\"opened\",..."): at most
 * 1000 bytes, escaped by the caller. */
void delivery_log_note(struct delivery_log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The line that says who writes here and under which epoch: now, and as the first of every
 * file that is opened from now on. */
void delivery_log_head(struct delivery_log *log, const char *daemon, uint32_t epoch,
                       uint32_t before, const char *install);

/* Writes what is gathered; that something was lost stays delivery_log_flush()'s to say. */
void delivery_log_write(struct delivery_log *log);

/* The same, for who submits, and nobody else. -1 when the disk did not take it, or since the last
 * call a line was lost, for want of room or by a disk that had taken it: then nothing may be
 * submitted. Logged once. */
int delivery_log_flush(struct delivery_log *log);

/* Starts an fsync of what was written, unless one is under way: call it some ten times a second.
 * Much of it at once would be an fsync of the AOF that waits long behind it. */
void delivery_log_sync(struct delivery_log *log);

/* Opens the file anew, after it was rotated away. */
void delivery_log_reopen(struct delivery_log *log);

/* Sends the summary of what was added since the last call to outreach:log. */
void delivery_log_publish(struct delivery_log *log);

#endif
