/*
 * hints.h - what a campaign may do, and who wrote it may not know of
 *
 * No mistakes: `check` tells them, and the exit code knows nothing of them.
 */
#ifndef OUTREACH_HINTS_H
#define OUTREACH_HINTS_H

#include "reading.h"

/* A line each: that texts carry a number of somebody's identity or bank (column.h); that nobody
 * could be told if the event moved or was called off; that a bound of its own for approvals is
 * looser than the configuration's, and has no effect. */
void hints_write(const struct cli *cli, const struct reading *r, struct buf *out);

/* The first of them alone, for whoever queues, changes or agrees to it. headed: "To know" stands
 * above it already. True if there is one. */
bool hints_write_private(const struct cli *cli, const struct campaign *c, bool headed,
                         struct buf *out);

/* Names for programs: "private-column", "no-moved", "no-cancelled", "loose-recipients",
 * "loose-cost". A new reference. */
json_t *hints_json(const struct cli *cli, const struct reading *r);

#endif
