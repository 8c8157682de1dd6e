/*
 * human.h - numbers and times as people read them
 *
 * Each writes to out (HUMAN_BYTES) and returns it, for use in one printf.
 */
#ifndef OUTREACH_HUMAN_H
#define OUTREACH_HUMAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zone;

#define HUMAN_BYTES 64

/* "2027-03-06 Sat 09:00" in the zone, "2027-03-06 周六 09:00"; with seconds
 * "...09:00:07". "-" for 0, which stands for never. */
const char *human_time(char *out, const struct zone *zone, int64_t wall_ms, bool seconds);

/* A length of time by its two greatest units: "340 ms", "4.2 s", "45 s",
 * "3 min 20 s", "2 h 5 min", "3 d 4 h". */
const char *human_duration(char *out, int64_t ms);

/* The same of how long ago something was: whole seconds, and at least one. */
const char *human_age(char *out, int64_t ms);

/* As a clock counts it, for columns: "0:45", "12:03", "1:02:03", "3d 04h". */
const char *human_clock(char *out, int64_t seconds);

const char *human_count(char *out, int64_t n); /* "1,234,567" */

/* An amount of money as it is shown with two digits: halves up, also such as 0.045, which no
 * double is. */
double human_money(double amount);

/* "0/s", "0.4/s", "12/s", "151,200/s" */
const char *human_rate(char *out, double per_second);

/* Of done out of total. 100% is all, 0% is nothing: in between it is at least
 * 1% and at most 99%. Of nothing, all is done. */
const char *human_percent(char *out, int64_t done, int64_t total);

#endif
