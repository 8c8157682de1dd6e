#include "glue.h"

#include "moves.h"
#include "outcome.h"
#include "receipts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(UNTOUCHED == NOTICE_UNTOUCHED && PARKED == NOTICE_PARKED &&
                   SENDING == NOTICE_SENDING && UNCERTAIN == NOTICE_UNCERTAIN &&
                   ACCEPTED == NOTICE_ACCEPTED && DELIVERED == NOTICE_DELIVERED &&
                   UNDELIVERED == NOTICE_UNDELIVERED && FAILED == NOTICE_FAILED &&
                   CANCELLED == NOTICE_CANCELLED,
               "the model's numbers are the ledger's");
_Static_assert(EARLY == FLAG_EARLY && RESENT == FLAG_RESENT, "and so are the flags'");

static int mutant, resend;

static const char *const names[MUTANTS] = {
    [0] = "none",
    [NO_FENCE] = "no-fence",
    [SUBMIT_FIRST] = "submit-first",
    [REDIS_FORGETS] = "redis-forgets",
    [CANCEL_AT_CLAIM] = "cancel-at-claim",
    [JUDGED_BY_LIFE] = "judged-by-life",
    [BLIND_WRITE] = "blind-write",
    [RECOVERED_AS_UNSENT] = "recovered-as-unsent",
    [LEASE_KEPT] = "lease-kept",
    [EPOCH_TOO_SOON] = "epoch-too-soon",
    [OLD_PERMIT] = "old-permit",
    [INDEX_AFTERWARDS] = "index-afterwards",
    [NOT_PARKED] = "not-parked",
    [STORED_AFTERWARDS] = "stored-afterwards",
    [HOLD_FORGOTTEN] = "hold-forgotten",
    [EARLY_FORGOTTEN] = "early-forgotten",
    [REPEAT_REFUSED] = "repeat-refused",
    [RECOVERED_ONCE] = "recovered-once",
};

/* pan's main() is its own. */
__attribute__((constructor)) static void read_environment(void)
{
    const char *wanted = getenv("MODEL_MUTANT"), *policy = getenv("MODEL_POLICY");

    resend = policy != NULL && strcmp(policy, "resend") == 0;
    if (wanted == NULL)
        return;
    while (mutant < MUTANTS && strcmp(names[mutant], wanted) != 0)
        mutant++;
    if (mutant == MUTANTS) {
        fprintf(stderr, "MODEL_MUTANT=%s: there is no such mutant\n", wanted);
        exit(2);
    }
}

int glue_mutant(void)
{
    return mutant;
}

int glue_resend(void)
{
    return resend;
}

unsigned char glue_budget(const char *what)
{
    const char *all = getenv("MODEL_BUDGET"), *at = all != NULL ? strstr(all, what) : NULL;

    return at != NULL && at[strlen(what)] == '=' ? (unsigned char)atoi(at + strlen(what) + 1) : 0;
}

int glue_outcome(unsigned char state, unsigned char fence, unsigned char flags,
                 unsigned char *w_state, unsigned char *w_flags, unsigned char w_fence,
                 unsigned char *retry)
{
    struct record stands = {.state = state, .fence = fence, .flags = flags};
    struct record wanted = {.state = *w_state, .fence = w_fence, .flags = *w_flags};
    int64_t place = *retry == LATER ? 1 : *retry == REMOVE ? RETRY_REMOVE : RETRY_KEEP;

    if (mutant == EARLY_FORGOTTEN)
        stands.flags &= ~(unsigned)FLAG_EARLY;
    if (outcome_apply(&stands, &wanted, &place) != OUTCOME_MOVES)
        return 0;
    *w_state = (unsigned char)wanted.state;
    *w_flags = (unsigned char)wanted.flags;
    *retry = place > 0 ? LATER : place == RETRY_REMOVE ? REMOVE : KEEP;
    return 1;
}

void glue_doubt(unsigned char *state, unsigned char *attempts, unsigned char *flags,
                unsigned char *retry)
{
    struct record r = {.state = *state, .attempts = *attempts, .flags = *flags};

    if (mutant == EARLY_FORGOTTEN)
        r.flags &= ~(unsigned)FLAG_EARLY;
    outcome_doubt(&r);
    *state = (unsigned char)r.state;
    *attempts = (unsigned char)r.attempts;
    *flags = (unsigned char)r.flags;
    *retry = r.state == NOTICE_UNCERTAIN ? LATER : KEEP; /* as recover.c has it */
}

int glue_receipt(unsigned char *state, unsigned char *flags, int same_fence, int arrived)
{
    struct record r = {.state = *state, .flags = *flags, .fence = 1};
    struct receipt_entry e = {.fence = same_fence ? 1 : 2, .n = 1, .parts = 1};

    if (receipt_apply(&r, &e, arrived, REASON_ABSENT, 1) == RECEIPT_IGNORED)
        return 0;
    *state = (unsigned char)r.state;
    *flags = (unsigned char)r.flags;
    return 1;
}
