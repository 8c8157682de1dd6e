/*
 * correcting.h - how many a correction will be sent to, and who of those told gets none
 *
 * Nothing is guessed from sums: whom the daemon will write to is told_is_behind() (store/amend.h),
 * which it asks too, and what becomes of each correction is the forecast of the built-in reminder
 * that carries it (forecast.h), with everybody's refusal and mark.
 */
#ifndef OUTREACH_CORRECTING_H
#define OUTREACH_CORRECTING_H

#include "cli.h"
#include "ledger.h"

#include <jansson.h>

struct amendment;
struct buf;
struct campaign_status;

struct correcting {
    int64_t told; /* people to whom something of the campaign went out */
    int64_t sent; /* corrections that will be */
    double cost;  /* of those */
    int64_t refused, late, missed[REASON_COUNT]; /* people who get none, and why */
    char about[33]; /* of an event that repeats: the reminder of the occurrence that the
                     * first of them is told of; "": nobody is */
};

/* Of an amendment of the campaign as it stands. Reads ledgers and rows a page at a time. -1 with
 * err. */
int correcting_count(struct cli *cli, const struct campaign_status *status,
                     const struct amendment *amendment, struct correcting *out, struct error *err);

/* A line for each reason for which some get none; nothing where all do. */
void correcting_write(const struct cli *cli, const struct correcting *c, struct buf *out);

/* {"opted-out": 1, "safe": 2}: a new reference. */
json_t *correcting_json(const struct correcting *c);

#endif
