/*
 * rehearsal_people.h - the residents whom a rehearsed campaign means, put into its own register
 *
 * Those whom the audience's tags mean are copied, in their order, with all their columns and tags;
 * then, for everybody in the audience, whether she has refused and how she is marked, for the
 * forecast that a rehearsal is held against knows it too. Nothing is written where they come from.
 */
#ifndef OUTREACH_REHEARSAL_PEOPLE_H
#define OUTREACH_REHEARSAL_PEOPLE_H

#include "cli.h"

/* path: the campaign, whose audience comes from the register of `from` (in part). A page at a
 * time: memory does not grow with the register. 0, or an exit code with err. */
int rehearsal_people(struct cli *from, struct cli *to, const char *path, struct error *err);

#endif
