#include "receipts.h"

static enum receipt_effect positive(struct record *r, const struct receipt_entry *e)
{
    unsigned all = (1u << e->parts) - 1, mask;

    if (r->fence != e->fence) { /* of an earlier attempt: the person has it all the same */
        if (e->parts > 1)
            return RECEIPT_IGNORED; /* its other parts are no longer counted anywhere */
        if (r->state == NOTICE_SENDING) {
            if ((r->flags & FLAG_EARLY) != 0)
                return RECEIPT_IGNORED;
            r->flags |= FLAG_EARLY;
            return RECEIPT_NOTED;
        }
        if (!notice_may_move(r->state, NOTICE_DELIVERED))
            return RECEIPT_IGNORED;
        r->state = NOTICE_DELIVERED;
        r->reason = REASON_NONE;
        r->flags |= FLAG_TOLD;
        return RECEIPT_MOVED;
    }
    mask = r->mask | 1u << e->part;
    if (mask == r->mask && r->state == NOTICE_DELIVERED)
        return RECEIPT_IGNORED;
    if ((mask & all) != all) {
        if (mask == r->mask)
            return RECEIPT_IGNORED;
        r->mask = mask;
        return RECEIPT_NOTED;
    }
    /* The first negative part has decided already, and a person got no whole text. */
    if (e->parts > 1 && r->state == NOTICE_UNDELIVERED)
        return RECEIPT_IGNORED;
    if (!notice_may_move(r->state, NOTICE_DELIVERED))
        return RECEIPT_IGNORED;
    r->mask = mask;
    r->ids = e->parts;
    r->state = NOTICE_DELIVERED;
    r->reason = REASON_NONE;
    r->flags |= FLAG_TOLD;
    return RECEIPT_MOVED;
}

/* Parked has the fence of the attempt before: its receipt has been counted, or the notice
 * has gone on without it. */
static bool negative_counts(const struct record *r, const struct receipt_entry *e)
{
    return r->fence == e->fence && r->state != NOTICE_PARKED &&
           notice_may_move(r->state, NOTICE_UNDELIVERED);
}

enum receipt_effect receipt_apply(struct record *r, const struct receipt_entry *e, bool delivered,
                                  enum notice_reason reason, unsigned steps)
{
    if (delivered)
        return positive(r, e);
    if (!negative_counts(r, e))
        return RECEIPT_IGNORED;
    r->flags |= FLAG_TOLD;
    if ((r->flags & FLAG_EARLY) != 0) {
        r->state = NOTICE_DELIVERED;
        r->reason = REASON_NONE;
        return RECEIPT_MOVED;
    }
    r->reason = reason;
    if (r->step + 1 >= steps) {
        r->state = NOTICE_UNDELIVERED;
        return RECEIPT_MOVED;
    }
    r->state = NOTICE_PARKED;
    r->step++;
    r->attempts = 0;
    r->settled_s = 0; /* parked: looked at from the ledger's base on, so at once */
    return RECEIPT_NEXT;
}
