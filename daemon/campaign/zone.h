/*
 * zone.h - local time in named zones
 *
 * Names are those of the tz database ("Asia/Shanghai"); an unknown one is an
 * error of ours, since glibc would silently take UTC. In a spring gap a local
 * time moves forward; in an autumn overlap the first is meant.
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

void zone_local(const struct zone *zone, int64_t wall_ms, struct local_time *out);
int64_t zone_wall(const struct zone *zone,
                  const struct local_time *local); /* normalises: day 32 is fine */

/* "2027-03-06T09:00" (seconds, and an offset or Z, may follow) in that zone. */
int zone_parse(const struct zone *zone, const char *text, size_t n, int64_t *wall_ms);

#endif
