/*
 * names.h - numbers that the model and its glue share
 *
 * The states are those of store/ledger.h: glue.h proves it.
 */
#ifndef OUTREACH_MODEL_NAMES_H
#define OUTREACH_MODEL_NAMES_H

#define UNTOUCHED 0
#define PARKED 1
#define SENDING 2
#define UNCERTAIN 3
#define ACCEPTED 4
#define DELIVERED 5
#define UNDELIVERED 6
#define FAILED 7
#define CANCELLED 12

#define EARLY 4
#define RESENT 2

/* The place in the retry set after a move. */
#define KEEP 0
#define REMOVE 1
#define LATER 2

/* Mutants: a protection that is taken away. */
#define NO_FENCE 1
#define SUBMIT_FIRST 2
#define REDIS_FORGETS 3
#define CANCEL_AT_CLAIM 4
#define JUDGED_BY_LIFE 5
#define BLIND_WRITE 6
#define RECOVERED_AS_UNSENT 7
#define LEASE_KEPT 8
#define EPOCH_TOO_SOON 9
#define OLD_PERMIT 10
#define INDEX_AFTERWARDS 11
#define NOT_PARKED 12
#define STORED_AFTERWARDS 13
#define HOLD_FORGOTTEN 14
#define EARLY_FORGOTTEN 15
#define REPEAT_REFUSED 16
#define RECOVERED_ONCE 17
#define MUTANTS 18

#endif
