/*
 * asking.h - a forecast row by row
 *
 * Rows may be given as they come; who has opted out is asked of Redis for many at once, where
 * there is a connection.
 */
#ifndef OUTREACH_ASKING_H
#define OUTREACH_ASKING_H

#include "forecast.h"
#include "cli.h"

#define ASKING_ROWS 500 /* that Redis is asked about at once */

struct asking {
    struct cli *cli;
    const struct campaign *campaign;
    struct forecast *forecast;
    bool everybody; /* who has refused or is marked counts as others do: for the cost that decides
                     * about an approval, of which outreachd believes no less than a segment for
                     * each. Set before the first row */
    int64_t number; /* of the row that comes next, where it stands in Redis (forecast_row()) */
    /* of ours */
    struct buf rows; /* those whose refusal is not yet asked for */
    size_t at[ASKING_ROWS], length[ASKING_ROWS], count;
    int64_t numbers[ASKING_ROWS];
};

/* All is borrowed. NULL with err: a gateway's settings are wrong. now_ms: as if queued then. */
struct asking *asking_create(struct cli *cli, const struct campaign *campaign, int64_t now_ms,
                             struct error *err);
void asking_free(struct asking *a); /* NULL is fine */

/* One recipient: an audience_row_fn, with the asking as its argument. */
int asking_row(void *arg, const char *row, size_t n, struct error *err);

/* After the last row. -1 with err: Redis did not answer. */
int asking_end(struct asking *a, struct error *err);

/* Over all reminders. */
struct asking_sums {
    int64_t notices, segments;
    double cost;
};
struct asking_sums asking_sums(const struct asking *a);

#endif
