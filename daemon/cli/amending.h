/*
 * amending.h - what an amendment will change, shown, asked for, and done
 */
#ifndef OUTREACH_AMENDING_H
#define OUTREACH_AMENDING_H

#include "cli.h"

struct tree;

struct amending_options {
    bool yes, tell; /* tell: of `cancel` */
    int64_t wait_ms;
};

/* Makes body (the campaign as it is to be) of campaign id: shows the difference, asks, puts it
 * on the queue and waits for a daemon. Connected already. The exit code. */
int amending_run(struct cli *cli, const char *id, const struct tree *body,
                 const struct amending_options *options);

/* The campaign as it stands with event.cancelled = true. */
int amending_cancel(struct cli *cli, const char *id, const struct amending_options *options);

#endif
