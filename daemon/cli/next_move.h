/*
 * next_move.h - when something of a reminder that has begun may leave next
 *
 * Not before its hours open again, nor, where all that is left of it is parked, before the first
 * of those is looked at again: whose own hours are another's night, who is marked to be disturbed
 * at some hours alone, or whose limit is reached. What gateways can do is not looked at.
 */
#ifndef OUTREACH_NEXT_MOVE_H
#define OUTREACH_NEXT_MOVE_H

#include "picture.h"

/* Of r, which is open and not settled, by its ledger's counters. now_ms: at once, or within a
 * minute. Its end is a move too. */
int64_t next_move_ms(struct cli *cli, const struct picture *p, const struct reminder_status *r,
                     int64_t now_ms);

/* When the first that is parked or in doubt is looked at; INT64_MAX: there is none. */
int64_t next_move_retry_ms(struct cli *cli, const char *id, const char *reminder);

/* ms, or when reminder k of c opens after it: nothing is claimed outside its hours, but where
 * people have zones of their own. k < 0: it is none of c's, and not known. */
int64_t next_move_open_ms(const struct campaign *c, int k, int64_t ms);

#endif
