/*
 * speechless.h - could the built-in reminders of a campaign say anything?
 *
 * A provider that sends approved templates only takes no free text, and what answers a resident or
 * corrects an event is one, unless the campaign names a template for it.
 */
#ifndef OUTREACH_SPEECHLESS_H
#define OUTREACH_SPEECHLESS_H

#include "cli.h"

/* -1 with err: it listens to replies, or has texts for an event that changes, and every gateway
 * that serves its channels would refuse them. 0 also where the gateways' settings cannot be read.
 */
int speechless_check(const struct cli *cli, const struct campaign *c, struct error *err);

#endif
