/*
 * log_entry.h - one line of the delivery log, for people and for filters
 *
 * A line is a JSON object whose keys are stable: t (RFC 3339, ms), event,
 * campaign, reminder, n, fence, gateway, attempt, segments, to (masked), hash,
 * queued_ms, limited_ms, submit_ms, until (RFC 3339), reason, id, code, words (both
 * the gateway's). Any may be missing.
 */
#ifndef OUTREACH_LOG_ENTRY_H
#define OUTREACH_LOG_ENTRY_H

#include "buf.h"

struct code_words;
struct zone;

/* One recipient of a reminder ("": of any that counts over the campaign's audience), by
 * number. */
struct log_notice {
    char campaign[65], reminder[33];
    int64_t n;
};

/* A line must be of the person, if one is asked for: by hash, or as one of the
 * notices that are known to be hers (a receipt's line has no hash). And it must
 * agree with all the rest. */
struct log_filter { /* NULL, or -1: any */
    const char *campaign, *reminder, *event, *gateway;
    int64_t n;
    const char *hash;
    const struct log_notice *notices;
    size_t notice_count;
};

/* Whether a line (n bytes, as they stand in the file) is wanted. One that is no
 * JSON object is not. */
bool log_filter_wants(const struct log_filter *f, const char *line, size_t n);

/* If the line has that hash: fills in whose it is. Cheap for lines that do not. */
bool log_entry_notice(const char *line, size_t n, const char *hash, struct log_notice *out);

/* The i-th event that a line may have ("intent", "accepted", ...); NULL behind the
 * last. The ending states of a notice are among them. */
const char *log_event(size_t i);

struct log_style {
    const struct zone *zone;
    bool colours;
    bool seconds_only;        /* without the date */
    struct code_words *codes; /* what gateways' codes mean; NULL: they are shown as they are */
};

/* Appends the line for people:
 * "03-06 09:00:00.250  delivered  march8/first 4711  +86138…01  acme #2  ..."
 * What is no JSON object is appended as it is, its control bytes escaped. */
void log_entry_write(const char *line, size_t n, const struct log_style *style, struct buf *out);

#endif
