/*
 * alert_targets.h - whether whom `alerts` of outreachd.conf names can be told at all
 *
 * A gateway that writes to single people needs an address, a telephone number where its channel has
 * those; one that posts to a group needs none. A program must be there and may be run. Which kind a
 * gateway is, its plugin says: so it is read here, and not opened. What is wrong with the gateway
 * itself is its own mistake.
 */
#ifndef OUTREACH_ALERT_TARGETS_H
#define OUTREACH_ALERT_TARGETS_H

struct error;
struct settings;

/* Returns 0, or -1 with err; where tree_listen() hears of mistakes, all of them are told. settings
 * may be those of settings_look() with mistakes. A mistake for -t; a daemon that starts says it,
 * and sends: whoever else reads its configuration need not be able to run its programs. */
int alert_targets_check(const struct settings *settings, struct error *err);

#endif
