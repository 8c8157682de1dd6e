/*
 * trial.h - campaigns that are only a test of one: `outreach test`
 *
 * Such a one stands in the books under an id of its own, and is nobody's campaign: once it is
 * settled the lists of campaigns leave it out.
 */
#ifndef OUTREACH_TRIAL_H
#define OUTREACH_TRIAL_H

#include "campaigns.h"

/* The id of a test of that campaign, as of that moment. */
void trial_id(const char *campaign, int64_t now_ms, char id[CAMPAIGN_ID_BYTES]);

/* Is it such an id? */
bool trial_is(const char *id);

/* Is it such a campaign, of which nothing more will come? */
bool trial_is_over(const struct campaign_status *s);

#endif
