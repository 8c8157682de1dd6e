/*
 * whole_cost.h - what a campaign that is queued comes to as it is to be, what was sent included
 *
 * For the bound above which a second person has to agree: that is on the campaign, and not on what
 * is left of it. Each person of the list in Redis is decided as the forecast decides (forecast.h),
 * as if the campaign were queued in these words when it was; who has refused since counts too, as
 * outreachd believes no sum without her.
 */
#ifndef OUTREACH_WHOLE_COST_H
#define OUTREACH_WHOLE_COST_H

#include "cli.h"

struct amendment;
struct campaign_status;

/* In the configured currency, with the corrections of earlier amendments that have left, as their
 * ledger has them, and without those of this one; people who were erased cost what the others do
 * on average. *cost is -1 where nobody is left in Redis to reckon by, or somebody does not get a
 * reminder that is for all, since outreachd believes no sum without her. -1 with err. */
int whole_cost(struct cli *cli, const struct campaign_status *status,
               const struct amendment *amendment, double *cost, struct error *err);

#endif
