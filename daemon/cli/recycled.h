/*
 * recycled.h - numbers that may be somebody else's by now
 *
 * Operators give up numbers and later give them to other people. Where the last
 * RECYCLED_LEAST notices to a number found nobody, over all campaigns, it is one of them:
 * ask the resident, and correct the list. What was delivered later takes a number off.
 */
#ifndef OUTREACH_RECYCLED_H
#define OUTREACH_RECYCLED_H

#include "cli.h"
#include "ledger.h"

#define RECYCLED_LEAST 3

/* What one notice says of the number that it went to, by its last attempt. */
enum recycled_end { RECYCLED_UNKNOWN, RECYCLED_NOBODY, RECYCLED_REACHED };
enum recycled_end recycled_end(const struct record *r);

/* Lists them all: reads every ledger, and the audiences of those where somebody was not
 * found; campaign NULL: of all. Returns an exit code. */
int recycled_run(struct cli *cli, const char *campaign);

#endif
