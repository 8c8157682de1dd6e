/*
 * daemons.h - does an outreachd run?
 *
 * A daemon says every few seconds that it lives (outreach:daemon:NAME). One that
 * has said nothing for 15 seconds is taken for dead, one that drains for gone.
 */
#ifndef OUTREACH_DAEMONS_H
#define OUTREACH_DAEMONS_H

#include "db.h"

#include <stdbool.h>

#define DAEMONS_STALE_MS 15000

/* Whether any takes what is queued. False too where Redis does not answer: ask
 * db_well() for that. */
bool daemons_run(struct db *db);

#endif
