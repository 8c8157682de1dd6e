/*
 * earlier.h - whom the earlier reminders of an event have told
 *
 * For a reminder with `only` = "told", "untold" or "undelivered". Earlier are those of the
 * same event (of a repeated one: the same day's) that have begun when this one's notice is
 * about to leave; what they did is read from their ledgers in the pipeline of the intent. What
 * is read then counts: a receipt that comes later neither takes the notice back nor gives one.
 *
 *     her record in an earlier ledger                    told   untold   undelivered
 *     accepted, delivered                                 x
 *     being sent, or in doubt: she may have it            x
 *     undelivered: accepted once, a bad receipt since     x                  x
 *     failed: refused by the gateways, attempts spent             x          x
 *     none; waiting, expired, capped, excluded, ...               x
 *
 * Of several: told by one is told; undelivered only where none has arrived, or still may. A
 * gateway's acceptance is never forgotten (FLAG_TOLD): also where she waits for the next channel.
 */
#ifndef OUTREACH_EARLIER_H
#define OUTREACH_EARLIER_H

#include "campaign.h"
#include "db.h"
#include "ledger.h"

/* What is known of one person, to begin with 0: bits, for earlier_passes() alone. */
unsigned earlier_seen(unsigned seen, const struct record *r);

/* Is somebody of whom that was seen one of a reminder with this filter? */
bool earlier_passes(enum campaign_filter filter, unsigned seen);

/* Does it ask for what earlier reminders did? */
bool earlier_asks(enum campaign_filter filter);

/* The call that reads what those of reminder say of the people numbered in list, 1..256. Returns
 * how many reminders are asked: 0, and no call, where there is no other. */
size_t earlier_command(struct command *c, const struct campaign *campaign, size_t reminder,
                       const uint32_t *list, size_t count);
/* What the answer says of the one at place i of the list (which had count), or -1: it is none. */
int earlier_answer(const redisReply *reply, size_t i, size_t count, unsigned *seen);

#endif
