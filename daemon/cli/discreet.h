/*
 * discreet.h - who may be told of single people in a sensitive campaign
 *
 * Those who can read state_dir/log.key, the daemon's own secret beside Redis: its user, root,
 * and whom an administrator lets. It is the same right that reading the delivery log takes. The
 * command keeps to it; it cannot keep somebody out who has the password of Redis itself: give
 * organizers an account there that may only XADD to outreach:events.
 */
#ifndef OUTREACH_DISCREET_H
#define OUTREACH_DISCREET_H

#include "cli.h"

bool discreet_may(const struct cli *cli);

/* "ID is sensitive: ...", for who may not. -1. */
int discreet_refuse(const struct cli *cli, const char *campaign, struct error *err);

#endif
