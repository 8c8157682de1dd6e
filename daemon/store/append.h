/*
 * append.h - rows that come after a campaign is queued
 *
 * Two kinds. Late additions to the campaign's own audience: they are planned for every
 * reminder that is neither past its `expires` nor skipped or cancelled; one that had finished is
 * opened again. And notices of a built-in reminder (builtin.h: `answers`, `corrections`), each a
 * row of that reminder's own audience, with the finished text in it; the reminder itself comes
 * to be at its first append.
 *
 * One append is one script, of 1 to APPEND_MOST rows, all of them or none. It is known by its
 * token for as long as the campaign is there: the same token again changes nothing and gives the
 * numbers that its rows have. So whoever appends for an event takes the event's id, and a part
 * number where it takes several (at most APPEND_TOKEN_BYTES - 1 bytes).
 *
 *     struct append a = {.campaign = id, .reminder = BUILTIN_ANSWERS, .token = event_id,
 *                        .now_ms = clock_wall_ms(), .expires_ms = until, .max_rows = most};
 *
 *     append_begin(&a, &command);
 *     append_row(&command, row.data, row.length, NULL);      (builtin_row() wrote it)
 *     db_send(db, &command, on_appended, ...);
 *     on_appended: append_answer(reply, &answer), and
 *                  append_schedule(id, BUILTIN_ANSWERS, now, &command), sent likewise
 *
 * Without that last call a daemon finds the new work at its next look at all campaigns, within a
 * minute.
 */
#ifndef OUTREACH_APPEND_H
#define OUTREACH_APPEND_H

#include "campaigns.h"
#include "db.h"

#define APPEND_MOST 512
#define APPEND_TOKEN_BYTES 96

struct append {
    const char *campaign;
    const char *reminder;                 /* a built-in one; NULL: the campaign's own audience, */
    const struct campaign_status *status; /* then its reminders, as they were read: the newest
                                             ones are needed. Else NULL */
    const char *token;
    unsigned version;   /* refused unless the campaign's is that; 0: whatever it is */
    uint32_t max_rows;  /* of the audience: defaults.max_audience, at most LEDGER_MAX_NUMBER */
    int64_t now_ms;     /* wall clock */
    int64_t expires_ms; /* of a built-in reminder: it lasts at least until then */
    const char *by;     /* of the campaign's own audience: who adds to it; NULL: nobody knows */
};

/* Begins the script's call; append_row() must follow, once or up to APPEND_MOST times. */
void append_begin(const struct append *a, struct command *c);

/* Of a correction: whose it is. */
struct append_of {
    uint32_t n;             /* her number in the campaign's audience */
    unsigned version, told; /* what it was written for, and what she knew: 1..15, told may be 0 */
};
void append_row(struct command *c, const char *row, size_t n, const struct append_of *of);

enum append_verdict {
    APPEND_DONE,      /* also where it was done before, by this token */
    APPEND_UNKNOWN,   /* there is no such campaign, or it is still loaded */
    APPEND_CANCELLED, /* its audience takes nobody any more */
    APPEND_OLD,       /* it has another version */
    APPEND_FULL,      /* the audience would have more than max_rows */
    APPEND_LOST,      /* a ledger is missing: nothing was changed */
};

struct append_answer {
    enum append_verdict verdict;
    bool again;           /* it had been done */
    uint32_t first, last; /* numbers of the rows; FULL: last is how many there are */
};
void append_answer(const redisReply *reply, struct append_answer *out);

/* An entry of the schedule, so that a daemon looks at the reminder at once. */
void append_schedule(const char *campaign, const char *reminder, int64_t now_ms, struct command *c);

#endif
