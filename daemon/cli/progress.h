/*
 * progress.h - how far long work is, on a terminal's stderr
 */
#ifndef OUTREACH_PROGRESS_H
#define OUTREACH_PROGRESS_H

#include "cli.h"

struct progress {
    const struct cli *cli;
    bool shown; /* stderr is a terminal, and nobody reads JSON */
    int64_t began_ms, drawn_ms;
};

void progress_start(struct progress *p, const struct cli *cli);

/* A bar for done of total, and how many people that was so far. Draws a few times a second, and
 * not before half a second has gone. */
void progress_draw(struct progress *p, int64_t done, int64_t total, int64_t people);

void progress_end(struct progress *p); /* takes it off the screen */

#endif
