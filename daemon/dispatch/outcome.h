/*
 * outcome.h - what an outcome makes of a record that is not as it was believed
 *
 * Between an intent and its outcome a receipt may have come, or another daemon may have
 * taken this one for dead. The rules of LEDGER.md sections 2 and 5, apart from Redis and
 * gateways, so that they can be tested as a table.
 */
#ifndef OUTREACH_OUTCOME_H
#define OUTREACH_OUTCOME_H

#include "ledger.h"

enum outcome_effect {
    OUTCOME_DONE,    /* nothing is left to do: a receipt, or the same outcome, was first */
    OUTCOME_REFUSED, /* of another intent, or not allowed from where the notice is */
    OUTCOME_MOVES,   /* wanted and retry say how */
};

/* now is what stands there, wanted what the outcome asked for, *retry its place in the retry
 * set (store/moves.h). Both are put right where it moves. */
enum outcome_effect outcome_apply(const struct record *now, struct record *wanted, int64_t *retry);

/* What is left of an intent whose daemon died: it spent an attempt, and is uncertain unless
 * an earlier attempt is known to have arrived. */
void outcome_doubt(struct record *record);

#endif
