/*
 * latecomer.h - a notice that the filter of its reminder left out gets its turn after all
 *
 * `only = registered` is asked at the moment of sending; whoever registers later than
 * that, and before the reminder expires, still gets it (LEDGER.md section 6): her record
 * goes back from excluded to waiting. One that is being looked at right now is waited for.
 */
#ifndef OUTREACH_LATECOMER_H
#define OUTREACH_LATECOMER_H

#include "inbound.h"
#include "places.h"

struct latecomers; /* opaque: those that are under way */

struct latecomers *latecomers_create(const struct inbound_options *options); /* borrowed */
/* Drops what is under way, whose done then never runs. NULL is fine. */
void latecomers_free(struct latecomers *all);

/* Goes through the reminders of campaign whose filter lets somebody in that state pass,
 * for her who is number n in its audience. done runs once, perhaps before this returns. */
void latecomer_lift(struct latecomers *all, const struct campaign *campaign, uint32_t n,
                    enum place_state state, void (*done)(void *arg), void *arg);

#endif
