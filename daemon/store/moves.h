/*
 * moves.h - a compare-and-set of ledger records under construction
 *
 * Records are given in any order and travel as runs of neighbours: a run is one
 * read, one comparison and one write in Redis. Each says what is believed to
 * stand there, what shall stand there, and what becomes of its place in the
 * retry set. The answer names those that differed, with what stands there.
 */
#ifndef OUTREACH_MOVES_H
#define OUTREACH_MOVES_H

#include "db.h"
#include "ledger.h"

#define MOVES_MAX 512

/* The place in the retry set after the move. */
#define RETRY_KEEP 0      /* was not in it and will not be */
#define RETRY_REMOVE (-1) /* taken out */
/* a positive number: its score, wall clock in ms */

struct move {
    uint32_t n;
    unsigned char believed[LEDGER_RECORD_BYTES], wanted[LEDGER_RECORD_BYTES];
    int64_t retry;
    void *owner; /* the caller's */
};

struct moves {
    struct move list[MOVES_MAX];
    size_t count;
};

/* Adds one; there must be room. Returns it for the caller to fill. */
struct move *moves_add(struct moves *m);

/* Puts the moves in the order of their numbers and writes the script's call.
 * intent: checks the reminder's flags, its expires (against now_ms) and text
 * version first, and is refused as a whole by them. */
struct moves_target {
    const char *campaign, *reminder;
    bool intent;
    int64_t now_ms;
    unsigned version;
    int64_t seq; /* the highest the daemon has seen of this reminder */
};
void moves_command(struct moves *m, const struct moves_target *target, struct command *c);

/* What came back. */
enum moves_verdict {
    MOVES_DONE,      /* all but those that differ */
    MOVES_CANCELLED, /* intents: nothing was written */
    MOVES_EXPIRED,
    MOVES_PAUSED,
    MOVES_VERSION,
    MOVES_GONE, /* no ledger: Redis lost it, or the campaign is erased */
    MOVES_BACK, /* Redis is older than what we have seen of it */
};
enum moves_verdict moves_verdict(const redisReply *reply, int64_t *seq);

/* The record that stands at n instead of what was believed, or NULL if n moved. */
const unsigned char *moves_differing(const redisReply *reply, uint32_t n);

#endif
