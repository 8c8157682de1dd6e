/*
 * bar.h - a progress bar of several parts
 *
 *     ██████████▓▓▓▓✗▒?░░░░░░    delivered, accepted, lost, sending, uncertain, waiting
 *
 * What is through comes first, and that only grows: what is being sent or in doubt may be taken
 * up again, and wait.
 *
 * A part that is not empty shows at least one cell, so that one failure among a
 * million is seen; the bar is full only when nothing is left. Without Unicode
 * the cells are # = - ? x o and a dot.
 */
#ifndef OUTREACH_BAR_H
#define OUTREACH_BAR_H

#include "buf.h"

enum bar_part {
    BAR_DELIVERED,
    BAR_ACCEPTED,
    BAR_LOST,  /* undelivered, failed, expired */
    BAR_OTHER, /* opted out, capped, excluded, cancelled */
    BAR_SENDING,
    BAR_UNCERTAIN,
    BAR_PARTS
};

struct bar_style {
    bool unicode, colours;
};

/* Divides width cells among the parts of total: cells[i] for part i, in sum at
 * most width. */
void bar_divide(const int64_t counts[BAR_PARTS], int64_t total, unsigned width,
                unsigned cells[BAR_PARTS]);

void bar_write(struct buf *out, const struct bar_style *style, const int64_t counts[BAR_PARTS],
               int64_t total, unsigned width);

/* "█ delivered  ▓ accepted ..." in the person's language. */
void bar_legend(struct buf *out, const struct bar_style *style);

#endif
