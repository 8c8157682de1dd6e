/*
 * share.h - this daemon's share of a rate that holds for all daemons together
 *
 * A gateway's rate, that of a number that several gateways send from, that of a
 * campaign: each daemon leases a share of it, in whole slots of its period, not
 * single slots, and paces itself (limit.h). What has a rate is shut until there is
 * a share, and for a moment after the daemon began: an earlier life of it may have
 * sent just now.
 *
 * The shares sum to at most the rate at every instant of any observer (share.lua).
 * A share passes to another only when this daemon has not made use of it for longer
 * than a period, when it was given back, or when its daemon is dead by LEDGER.md
 * section 3, half a minute at least. A daemon that was only asleep must not go on as
 * before: a share is good for SHARE_GOOD_MS of the boot-time clock after it was asked
 * for, then it is shut until Redis has answered anew.
 */
#ifndef OUTREACH_SHARE_H
#define OUTREACH_SHARE_H

#include "limit.h"

#include <stdbool.h>
#include <stdint.h>

#define SHARE_GOOD_MS 10000

struct share {
    struct limit limit;
    int64_t slots;         /* of all daemons together in a period; 0: none is set, all passes */
    unsigned least;        /* slots of the largest message */
    bool asking, outdated; /* outdated: the question under way is about another rate */
    int64_t asked_boot_ms; /* of the answer that holds; of the one under way */
    int64_t good_boot_ms;  /* until then */
    unsigned has, had;     /* slots, and before they were lowered */
    int64_t lowered_us;
};

/* slots in period_ms, 0 for none; at once: see limit_burst(). */
void share_init(struct share *s, int64_t slots, int64_t period_ms, int64_t burst, unsigned least,
                int64_t now_us);

/* Another rate from now on: nothing passes until Redis has said what our share of it is, and
 * what went before is past. */
void share_change(struct share *s, int64_t slots, int64_t period_ms, int64_t burst, unsigned least,
                  int64_t now_us);

/* Should Redis be asked now? If so, *using is what must stay reserved. One question at
 * a time: a second one would be answered by what the first has just changed. */
bool share_ask(struct share *s, unsigned *using, int64_t now_us, int64_t boot_ms);
/* The answer: slots in a period. Anything below 0 is none. */
void share_answer(struct share *s, int64_t slots, int64_t now_us);

/* Shuts it when its time is over. To be called before slots are looked for. */
void share_check(struct share *s, int64_t boot_ms);

#endif
