/*
 * roll.h - who of a reminder is in a certain state, by number in the audience
 *
 * Reads the ledger a piece at a time, and of the audience only the rows that it
 * lists, so that a long one costs time and no memory. Addresses are masked: the
 * number is the recipient's place in the list that was queued, and `outreach why`
 * tells the rest of one.
 */
#ifndef OUTREACH_ROLL_H
#define OUTREACH_ROLL_H

#include "picture.h"

/* Prints a line for each notice of r in that state, NOTICE_UNTOUCHED standing for all that wait,
 * below one that says what the number is; or, where json is not NULL, appends {"n", "to",
 * "attempts", "submitted_ms", "reason"} to that array. Before a reminder is due it has no ledger:
 * then nobody is listed, and of those that wait a line says so. -1 with err. */
int roll_tell(struct cli *cli, const struct picture *p, const struct reminder_status *r,
              enum notice_state state, json_t *json, struct error *err);

#endif
