/*
 * replay.h - what the delivery logs say became of every notice
 *
 * The lines of all daemons, in the order of their times, make a picture in memory of each
 * reminder: the last intent of each notice and what became of it. What the logs leave open
 * is in doubt, never waiting: an intent without an outcome, an intent over another that
 * had none. An acceptance is believed whenever it comes, since clocks differ a little; what is
 * told twice changes nothing. A last line without an end is not looked at: nothing was
 * submitted before its line was whole.
 *
 * replay_wants() says what a record in Redis should be by this, moving it only forwards:
 * an attempt that the logs know nothing of yet is later than they are.
 */
#ifndef OUTREACH_REPLAY_H
#define OUTREACH_REPLAY_H

#include "ledger.h"

struct error;
struct replay; /* opaque */

struct replay_notice {
    uint32_t fence; /* of the last intent; 0: none */
    uint32_t left;  /* of the attempt that led to the next channel; 0: none */
    unsigned char state, flags, attempts, segments, step, reason; /* as in struct record */
    unsigned char gateway;                                        /* replay_gateway() */
    bool doubt;                                                   /* an intent was lost sight of */
    int64_t intended_ms, until_ms;                                /* wall clock; 0: none */
    const char *id; /* of the gateway's message, or NULL */
};

struct replay_reminder {
    char campaign[65], reminder[33];
    char body[65], list[65]; /* digests; "" where no line says them */
    int64_t begun_ms, expires_ms;
    bool opened;                  /* a line says when it was begun, and of what */
    bool torn;                    /* there were lines of it before that: of an older log */
    uint32_t last;                /* the highest number with a line */
    struct replay_notice **pages; /* of those with lines: replay_notice_at() */
    size_t page_count;
    bool cancelled; /* some of its notices were */
};

struct replay_daemon {
    char name[65];
    int64_t first_ms; /* of its first line in these logs */
    uint32_t before;  /* the epoch that it had before that one; 0: none */
    uint32_t epoch;   /* its highest */
};

struct replay *replay_create(void);
void replay_free(struct replay *r); /* NULL is fine */

/* Adds a file to be read; bytes > 0: only so many from its end. */
int replay_add(struct replay *r, const char *path, int64_t bytes, struct error *err);

/* Reads a part of them all, in the order of time. 1 while there is more. *done of *total
 * bytes are read. -1 with an error: more recipients than there can be. */
int replay_read(struct replay *r, int64_t *done, int64_t *total, struct error *err);

/* A line of a file, as replay_read() does. 0, or -1. */
int replay_line(struct replay *r, const char *line, size_t n, struct error *err);

size_t replay_reminders(const struct replay *r);
struct replay_reminder *replay_reminder_at(const struct replay *r, size_t i);
const struct replay_reminder *replay_find(const struct replay *r, const char *campaign,
                                          const char *reminder); /* or NULL */
/* The notice of a number, or NULL when there is no line of it or its neighbours. */
const struct replay_notice *replay_notice_at(const struct replay_reminder *one, uint32_t n);
const struct replay_daemon *replay_daemon_at(const struct replay *r, size_t i); /* or NULL */
uint32_t replay_epoch(const struct replay *r); /* the highest of any line */
const char *replay_install(const struct replay *r);
const char *replay_gateway(const struct replay *r, unsigned gateway); /* its name, or NULL */
/* How many people refused, and whether the one of that hash did. */
size_t replay_refusals(const struct replay *r);
bool replay_refused(const struct replay *r, uint64_t hash);
int64_t replay_unreadable(const struct replay *r); /* lines */

/* What a record should be. now is what stands there; n may be NULL: no line is of it.
 * number: of the gateway in the registry. *retry as in moves.h. False: as it is. */
bool replay_wants(const struct replay_notice *n, const struct record *now, int64_t base_s,
                  unsigned number, int64_t now_ms, int64_t doubt_wait_ms, struct record *wanted,
                  int64_t *retry);

#endif
