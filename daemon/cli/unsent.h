/*
 * unsent.h - what of a campaign in Redis has not been sent yet, for a forecast of it
 *
 * A reminder that has begun is forecast for those alone who wait in its ledger, and for nobody
 * once none does. One that has not is forecast as a file's is; one that is cancelled, for nobody.
 */
#ifndef OUTREACH_UNSENT_H
#define OUTREACH_UNSENT_H

#include "forecast.h"
#include "picture.h"

struct unsent; /* opaque */

/* Reads the ledgers of what has begun, and has f, a forecast of c, ask it; before the first row,
 * and f must not outlive it. NULL with err. */
struct unsent *unsent_create(struct cli *cli, const struct picture *p, const struct campaign *c,
                             struct forecast *f, struct error *err);
void unsent_free(struct unsent *u); /* NULL is fine */

#endif
