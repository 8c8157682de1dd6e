/*
 * speechless.h - could the built-in reminders of a campaign say anything?
 *
 * A provider that sends approved templates only takes no free text, and what answers a resident or
 * corrects an event is one, unless the campaign names a template for it. Asked before a campaign
 * is taken, by the commands and by the daemon alike; never of one that is cancelled, for that
 * waits for nothing.
 */
#ifndef OUTREACH_SPEECHLESS_H
#define OUTREACH_SPEECHLESS_H

struct campaign;
struct campaign_defaults;
struct error;
struct gateway_set;

/* -1 with err: it listens to replies, or has texts for an event that changes, and every gateway
 * of the set (open or planned) that serves its channels would refuse them. */
int speechless_check(struct gateway_set *set, const struct campaign *c,
                     const struct campaign_defaults *defaults, struct error *err);

#endif
