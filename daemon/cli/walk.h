/*
 * walk.h - every notice of a reminder, in the order of the list, with its recipient's row
 *
 * Ledger and audience are read a piece at a time: a million recipients cost time and no
 * memory. It is no picture of one instant; `outreach verify` takes that.
 */
#ifndef OUTREACH_WALK_H
#define OUTREACH_WALK_H

#include "picture.h"

struct template_value;

struct walk_notice {
    int64_t n;                        /* number in the list, from 1 */
    struct record record;             /* before the reminder is due: what is true of all */
    int64_t submitted_ms, settled_ms; /* wall clock; 0: not yet, or never */
    const struct template_value *row; /* column_count of the campaign's; NULL: erased, or not
                                         asked for */
};

/* -1 with err stops the walk. */
typedef int walk_fn(void *arg, const struct walk_notice *notice, struct error *err);

/* campaign: for the rows; NULL when nobody wants them. Draws its progress on stderr where
 * that is a terminal and it takes long. -1 with err. */
int walk_reminder(struct cli *cli, const struct picture *p, const struct reminder_status *r,
                  const struct campaign *campaign, walk_fn *fn, void *arg, struct error *err);

/* The campaign of a picture, compiled, for campaign_free(); NULL with err. */
struct campaign *walk_campaign(const struct cli *cli, const struct picture *p, struct error *err);

#endif
