/*
 * zone.h - local time in named zones
 *
 * Names are those of the tz database ("Asia/Shanghai"); an unknown one is an
 * error of ours, since glibc would silently take UTC. In a spring gap a local
 * time moves forward; in an autumn overlap the first is meant.
 *
 * The offsets come from glibc (localtime_r under a TZ that is switched for a
 * moment and put back), and are kept for the days around the times in use:
 * asking again costs a few nanoseconds. All calls belong on one thread.
 */
#ifndef OUTREACH_ZONE_H
#define OUTREACH_ZONE_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct zone;

struct local_time {
    int year, month, day; /* month 1..12 */
    int hour, minute, second;
    int weekday; /* 0: Sunday */
};

/* The zone of that name; zones live as long as the process and are shared. */
const struct zone *zone_find(const char *name, struct error *err);
const char *zone_name(const struct zone *zone);

/* Seconds east of UTC at that instant. */
int zone_offset_s(const struct zone *zone, int64_t wall_ms);

void zone_local(const struct zone *zone, int64_t wall_ms, struct local_time *out);

/* The instant of a local time; its weekday is not looked at. Normalises: day 32
 * and minute -5 are fine. */
int64_t zone_wall(const struct zone *zone, const struct local_time *local);

/* "2027-03-06T09:00" (seconds, and an offset or Z, may follow) in that zone. Also
 * takes what Excel makes of it: a space for the T, slashes, single digits
 * ("2027/3/6 9:00"). Returns -1 for anything else, and for days there are not. */
int zone_parse(const struct zone *zone, const char *text, size_t n, int64_t *wall_ms);

#endif
