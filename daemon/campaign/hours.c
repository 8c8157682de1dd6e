#include "hours.h"

#include "calendar.h"
#include "error.h"
#include "mem.h"
#include "zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MINUTES 1440
#define MINUTE_MS 60000

/* The last answer: from `from_ms` to before `until_ms` it is open, or is not.
 * Nearly every notice asks within the span of the one before it. */
struct span {
    const struct zone *zone;
    int64_t from_ms, until_ms;
    bool open;
};

struct hours {
    uint64_t minutes[(DAY_MINUTES + 63) / 64]; /* a bit for each minute of the day */
    bool always;
    const struct calendar *worked; /* on its days only; NULL: on all */
    struct span *last;
};

static bool is_open(const struct hours *h, unsigned minute)
{
    return h->minutes[minute / 64] >> (minute % 64) & 1;
}

/* "08:00" to minutes, up to 24:00; the end of it in *end. -1 if it is not one. */
static int parse_clock(const char *s, const char **end)
{
    int hour = 0, minute = 0, digits;

    for (digits = 0; digits < 2 && *s >= '0' && *s <= '9'; digits++)
        hour = hour * 10 + (*s++ - '0');
    if (digits == 0 || *s++ != ':')
        return -1;
    for (digits = 0; digits < 2 && *s >= '0' && *s <= '9'; digits++)
        minute = minute * 10 + (*s++ - '0');
    if (digits != 2 || minute > 59 || hour * 60 + minute > DAY_MINUTES)
        return -1;
    *end = s;
    return hour * 60 + minute;
}

static const char *skip_spaces(const char *s)
{
    while (*s == ' ' || *s == '\t')
        s++;
    return s;
}

/* One window at s; returns what follows it, or NULL. */
static const char *parse_window(struct hours *h, const char *s)
{
    int from = parse_clock(skip_spaces(s), &s), to, minute;

    if (from < 0)
        return NULL;
    s = skip_spaces(s);
    if (*s++ != '-')
        return NULL;
    to = parse_clock(skip_spaces(s), &s);
    if (to < 0 || from == DAY_MINUTES)
        return NULL;
    if (to <= from)
        to += DAY_MINUTES; /* over midnight */
    for (minute = from; minute < to; minute++)
        h->minutes[minute % DAY_MINUTES / 64] |= UINT64_C(1) << (minute % DAY_MINUTES % 64);
    return skip_spaces(s);
}

static bool all_open(const struct hours *h)
{
    unsigned minute;

    for (minute = 0; minute < DAY_MINUTES; minute++)
        if (!is_open(h, minute))
            return false;
    return true;
}

bool hours_within(const struct hours *h, const struct hours *outer)
{
    for (unsigned minute = 0; minute < DAY_MINUTES; minute++)
        if ((h->always || is_open(h, minute)) && !outer->always && !is_open(outer, minute))
            return false;
    return true;
}

struct hours *hours_parse(const char *text, struct error *err)
{
    struct hours *h = xcalloc(1, sizeof *h);
    const char *s = skip_spaces(text);

    h->last = xcalloc(1, sizeof *h->last);
    if (*s == '\0' || strcmp(s, "always") == 0) {
        h->always = true;
        return h;
    }
    for (;;) {
        s = parse_window(h, s);
        if (s == NULL || (*s != ',' && *s != '\0')) {
            error_set(err,
                      "\"%s\" are not hours of the day: write windows as "
                      "\"08:00-12:00,14:00-20:30\", or \"always\"",
                      text);
            hours_free(h);
            return NULL;
        }
        if (*s++ == '\0')
            break;
    }
    h->always = all_open(h);
    return h;
}

void hours_free(struct hours *h)
{
    if (h == NULL)
        return;
    free(h->last);
    free(h);
}

static unsigned minute_of_day(const struct zone *zone, int64_t wall_ms)
{
    int64_t of_day_ms = (wall_ms + zone_offset_s(zone, wall_ms) * INT64_C(1000)) % 86400000;

    return (unsigned)((of_day_ms + (of_day_ms < 0 ? 86400000 : 0)) / MINUTE_MS);
}

void hours_only_worked(struct hours *h, const struct calendar *c)
{
    if (h->always)
        memset(h->minutes, 0xff, sizeof h->minutes);
    h->always = false;
    h->worked = c;
}

static bool open_at(const struct hours *h, const struct zone *zone, int64_t wall_ms)
{
    struct local_time day;

    if (!is_open(h, minute_of_day(zone, wall_ms)))
        return false;
    if (h->worked == NULL)
        return true;
    zone_local(zone, wall_ms, &day);
    return calendar_works(h->worked, &day);
}

/* Walks real minutes, not those of the wall's clock: gaps and overlaps of summer
 * time come out right without a word about them. */
static const struct span *span_at(const struct hours *h, const struct zone *zone, int64_t wall_ms)
{
    struct span *last = h->last;
    int64_t at_ms, limit_ms = wall_ms + (h->worked ? 40 : INT64_C(3)) * DAY_MINUTES * MINUTE_MS;
    int64_t local_ms = wall_ms + zone_offset_s(zone, wall_ms) * INT64_C(1000);
    bool open;

    if (last->zone == zone && wall_ms >= last->from_ms && wall_ms < last->until_ms)
        return last;
    open = open_at(h, zone, wall_ms);
    at_ms = wall_ms - (local_ms % MINUTE_MS + MINUTE_MS) % MINUTE_MS;
    *last = (struct span){zone, at_ms, 0, open};
    do
        at_ms += MINUTE_MS;
    while (at_ms < limit_ms && open_at(h, zone, at_ms) == open);
    last->until_ms = at_ms;
    return last;
}

int64_t hours_next_open(const struct hours *h, const struct zone *zone, int64_t wall_ms)
{
    const struct span *span;

    if (h->always)
        return wall_ms;
    span = span_at(h, zone, wall_ms);
    return span->open ? wall_ms : span->until_ms;
}

int64_t hours_close(const struct hours *h, const struct zone *zone, int64_t wall_ms)
{
    const struct span *span;

    if (h->always)
        return INT64_MAX;
    span = span_at(h, zone, wall_ms);
    return span->open ? span->until_ms : wall_ms;
}
