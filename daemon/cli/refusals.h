/*
 * refusals.h - who refused, put back into a set that has forgotten it
 *
 * What is found is added, and nothing is taken away. Nobody but the set knows of refusals
 * that were entered by hand; and who took one back counts as refusing again.
 */
#ifndef OUTREACH_REFUSALS_H
#define OUTREACH_REFUSALS_H

#include "cli.h"
#include "replay.h"

/* Those that a delivery log knows of: it has no numbers, but whose they are can be told for the
 * list of a campaign. Adds to *count; 0, or an exit code that was told. */
int refusals_from_log(struct cli *cli, const struct replay *replay, const char *id, int64_t *count);

/* Those that residents wrote, as far as their replies are in Redis. */
int refusals_from_replies(struct cli *cli, int64_t *count);

#endif
