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

/* An intent found something else than was believed. Is it still that same attempt's turn,
 * so that the intent may be tried once more? Not where anybody has sent it, parked it or
 * taken it to another channel meanwhile: then its time, its gateway and its text are
 * decided anew. */
bool intent_may_try_again(const struct record *believed, const struct record *found);

/* What is left of an intent whose daemon died: it spent an attempt, and is uncertain unless
 * an earlier attempt is known to have arrived. Daemons that die over it again and again are
 * remembered: crash, then suspect, then poison. */
void outcome_doubt(struct record *record);

#endif
