/*
 * equation.h - promise 1, from a reminder's counters
 *
 *     planned = waiting + sending + accepted + delivered + undelivered + failed
 *             + expired + opted-out + capped + excluded + cancelled + uncertain
 *
 * One table of its terms, in this order, behind `show`, `watch` and `verify`.
 */
#ifndef OUTREACH_EQUATION_H
#define OUTREACH_EQUATION_H

#include "bar.h"
#include "campaigns.h"

#include <jansson.h>

#define EQUATION_TERMS 12

const char *equation_name(size_t term);
int64_t equation_value(const struct reminder_status *r, size_t term);
bool equation_holds(const struct reminder_status *r);

/* "planned 9 = waiting 0 + sending 0 + ...", or with a `≠`. All twelve terms,
 * wrapped at width columns (0: one line) behind indent blanks, in the person's
 * language: "应发 9 = 待发 0 + ...". */
void equation_write(const struct reminder_status *r, unsigned width, unsigned indent,
                    struct buf *out);

/* Adds "planned", "waiting", ... to a JSON object. */
void equation_json(const struct reminder_status *r, json_t *object);

/* The parts of a progress bar, and how many notices are through with it: sent or given up. That
 * only grows, unless a person wants something else (retry, a late registration). */
void equation_bar(const struct reminder_status *r, int64_t counts[BAR_PARTS]);
int64_t equation_through(const struct reminder_status *r);

#endif
