/*
 * amending.h - what an amendment will change, shown, asked for, and done
 */
#ifndef OUTREACH_AMENDING_H
#define OUTREACH_AMENDING_H

#include "cli.h"

#include <jansson.h>

struct buf;
struct campaign_status;
struct tree;

struct amending_options {
    bool yes, tell; /* tell: of `cancel` */
    int64_t wait_ms;
};

/* Makes body (the campaign as it is to be) of campaign id: shows the difference, asks, puts it
 * on the queue and waits for a daemon. Connected already. The exit code. */
int amending_run(struct cli *cli, const char *id, const struct tree *body,
                 const struct amending_options *options);

/* What an amendment, or several in a row, that awaits approval changes of what was agreed to
 * (status->agreed, not 0). All is borrowed. NULL with err. */
struct amending *amending_awaiting(struct cli *cli, struct campaign_status *status,
                                   struct error *err);
void amending_free(struct amending *a); /* NULL is fine */

/* Who changed what and when, each field as it was and is, the times of the reminders, and the
 * correction with how many will be sent it. Once. For programs: a new reference. */
void amending_write_awaiting(struct amending *a, struct buf *out);
json_t *amending_json_awaiting(const struct amending *a);

/* How many corrections approval will send, and about what they cost. */
int64_t amending_corrections(const struct amending *a, double *cost);

/* The campaign as it stands with event.cancelled = true. */
int amending_cancel(struct cli *cli, const char *id, const struct amending_options *options);

#endif
