/*
 * rehearsal.h - a little world of its own, in which a campaign can be tried
 *
 * A directory under $TMPDIR with a private redis-server, a real outreachd, and a configuration in
 * which every gateway is a sandbox of the same name, channel, limits, classes and price. Their
 * clock is driven (rehearsal/driven_clock.c): it goes as ours does and is set forward in steps, as
 * a machine's that slept. Nothing of it leads to the real Redis or to an operator; all of it is
 * gone with rehearsal_close().
 */
#ifndef OUTREACH_REHEARSAL_H
#define OUTREACH_REHEARSAL_H

#include "cli.h"

struct rehearsal; /* opaque */

struct rehearsal_options {
    int64_t latency_ms;                /* of every answer */
    int64_t loss, reject, undelivered; /* percent */
    int64_t faster;                    /* gateways' rates times this, 1.. */
};

/* Makes the directory and the configuration. NULL with err. */
struct rehearsal *rehearsal_create(struct cli *cli, const struct rehearsal_options *options,
                                   struct error *err);
/* Starts the daemon and waits until it works. -1 with err: the end of its log. */
int rehearsal_start(struct rehearsal *r, struct error *err);
/* Ends all, removes all. NULL is fine. */
void rehearsal_close(struct rehearsal *r);

/* The command line within it: its settings, and after rehearsal_start() its Redis. */
struct cli *rehearsal_cli(struct rehearsal *r);

/* Runs `outreach` there with these words (ended by NULL); what it says on stderr is seen, the
 * rest is not. Its exit code. */
int rehearsal_run(struct rehearsal *r, const char *const *words);

/* What its clocks show, and setting them forward. */
int64_t rehearsal_now_ms(const struct rehearsal *r);
void rehearsal_sleep(struct rehearsal *r, int64_t ms);

/* Is the daemon still there? */
bool rehearsal_lives(struct rehearsal *r);

#endif
