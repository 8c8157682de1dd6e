/*
 * hours.h - when residents may be disturbed
 *
 * Windows of the day in local time, "08:00-12:00,14:00-20:30"; one that ends at
 * or before its start goes over midnight. A notice outside is held, not dropped.
 * Summer time is minded: a window lasts as long as the clock on the wall says.
 */
#ifndef OUTREACH_HOURS_H
#define OUTREACH_HOURS_H

#include <stdbool.h>
#include <stdint.h>

struct calendar;
struct error;
struct hours;
struct zone;

/* The windows as written; NULL with a reason. "always" or "" is all day. */
struct hours *hours_parse(const char *text, struct error *err);
void hours_free(struct hours *h);

/* On worked days only, each from midnight to midnight: of a window over midnight, the part
 * that lies in one. c is borrowed. What opens next is looked for within 40 days. */
void hours_only_worked(struct hours *h, const struct calendar *c);

/* Whether all that lies in h lies in outer too, days aside. */
bool hours_within(const struct hours *h, const struct hours *outer);

/* wall_ms itself if it lies in a window, else the next opening. */
int64_t hours_next_open(const struct hours *h, const struct zone *zone, int64_t wall_ms);

/* The end of the window that wall_ms lies in (wall_ms itself if in none;
 * INT64_MAX if it is always open). */
int64_t hours_close(const struct hours *h, const struct zone *zone, int64_t wall_ms);

#endif
