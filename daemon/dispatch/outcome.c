#include "outcome.h"

#include "moves.h"

enum outcome_effect outcome_apply(const struct record *now, struct record *wanted, int64_t *retry)
{
    if (now->fence != wanted->fence)
        return OUTCOME_REFUSED;
    if (now->step > wanted->step) /* a negative receipt was faster: the next channel has it */
        return OUTCOME_DONE;
    if (wanted->state == NOTICE_ACCEPTED &&
        (now->state == NOTICE_ACCEPTED || now->state == NOTICE_DELIVERED ||
         now->state == NOTICE_UNDELIVERED))
        return OUTCOME_DONE;
    /* Only receipts leave accepted: who wanted to send it once more came too late. */
    if (now->state == NOTICE_ACCEPTED || !notice_may_move(now->state, wanted->state))
        return OUTCOME_REFUSED;
    wanted->flags |= now->flags;
    wanted->mask |= now->mask;
    if ((now->flags & FLAG_EARLY) != 0) { /* an earlier attempt did arrive after all */
        wanted->state = NOTICE_DELIVERED;
        wanted->reason = REASON_NONE;
    }
    if (notice_is_terminal(wanted->state))
        *retry = RETRY_REMOVE;
    else if (*retry == RETRY_KEEP &&
             (now->state == NOTICE_UNCERTAIN || now->state == NOTICE_PARKED))
        *retry = RETRY_REMOVE; /* it was put there by who took us for dead */
    return OUTCOME_MOVES;
}

bool intent_may_try_again(const struct record *believed, const struct record *found)
{
    return (found->state == NOTICE_UNTOUCHED || found->state == NOTICE_PARKED) &&
           found->state == believed->state && found->fence == believed->fence &&
           found->step == believed->step && found->attempts == believed->attempts;
}

/* One that was being sent when a daemon died, and then when a second one did, is sent
 * alone; if that one dies too it is left to a person: it may have gone out. */
static enum notice_reason blame(struct record *record)
{
    if ((record->flags & FLAG_SUSPECT) != 0)
        return REASON_POISON;
    if (record->reason == REASON_CRASH)
        record->flags |= FLAG_SUSPECT;
    return REASON_CRASH;
}

void outcome_doubt(struct record *record)
{
    bool arrived = (record->flags & FLAG_EARLY) != 0;

    record->state = arrived ? NOTICE_DELIVERED : NOTICE_UNCERTAIN;
    record->reason = arrived ? REASON_NONE : blame(record);
    if (record->attempts < LEDGER_MAX_ATTEMPTS)
        record->attempts++;
}
