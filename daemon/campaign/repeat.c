#include "repeat.h"

#include "error.h"

#include <libical/ical.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
#define MONTH_DAYS 29 /* of a lunar month, at least */

/* New moons so near to midnight that ICU, which libical asks, puts them on the wrong
 * side of it, and so the first day of the month that they begin: the Spring Festivals of
 * 2027 and of 2030 among them. Right is GB/T 33661; from 2007 to 2087 these are all.
 * A later ICU may know better: then the test of this table fails, and it goes. */
static const struct {
    struct icaltimetype theirs, ours;
} moons[] = {
    {{.year = 2012, .month = 8, .day = 18}, {.year = 2012, .month = 8, .day = 17}},
    {{.year = 2018, .month = 11, .day = 7}, {.year = 2018, .month = 11, .day = 8}},
    {{.year = 2027, .month = 2, .day = 7}, {.year = 2027, .month = 2, .day = 6}},
    {{.year = 2030, .month = 2, .day = 2}, {.year = 2030, .month = 2, .day = 3}},
    {{.year = 2070, .month = 3, .day = 13}, {.year = 2070, .month = 3, .day = 12}},
};

static int days_between(struct icaltimetype from, struct icaltimetype to)
{
    return (int)((icaltime_as_timet(to) - icaltime_as_timet(from)) / 86400);
}

/* A day by their moons as one by ours, or the other way; from_end: days are counted
 * from the end of the month, and so it is the month before that is wrong. */
static struct icaltimetype by_moon(struct icaltimetype day, bool from_end, bool to_ours)
{
    struct icaltimetype date = day;

    date.hour = date.minute = date.second = 0;
    for (size_t i = 0; i < sizeof moons / sizeof *moons; i++) {
        struct icaltimetype from = to_ours ? moons[i].theirs : moons[i].ours;
        struct icaltimetype to = to_ours ? moons[i].ours : moons[i].theirs;
        int age = days_between(from, date) + (from_end ? MONTH_DAYS : 0);

        if (age >= 0 && age < MONTH_DAYS)
            icaltime_adjust(&day, days_between(from, to), 0, 0, 0);
    }
    return day;
}

/* ------------------------------------------------------------------------ rules */
static bool any(const short *by)
{
    return by[0] != ICAL_RECURRENCE_ARRAY_MAX;
}

/* What of a lunar rule can be put right by the moons, and *from_end. */
static int check_lunar(const struct icalrecurrencetype *r, bool *from_end, struct error *err)
{
    bool from_start = !any(r->by_month_day);

    *from_end = false;
    for (int i = 0; i < ICAL_BY_MONTHDAY_SIZE && r->by_month_day[i] != ICAL_RECURRENCE_ARRAY_MAX;
         i++)
        *(r->by_month_day[i] < 0 ? from_end : &from_start) = true;
    if ((r->freq != ICAL_YEARLY_RECURRENCE && r->freq != ICAL_MONTHLY_RECURRENCE) ||
        any(r->by_day) || any(r->by_year_day) || any(r->by_week_no) || any(r->by_set_pos))
        return error_set(err, "RSCALE goes with FREQ=YEARLY or MONTHLY, BYMONTH and BYMONTHDAY");
    if (from_start && *from_end)
        return error_set(err, "BYMONTHDAY counts either from the start of lunar months or from "
                              "their end");
    return 0;
}

static int read_rule(const char *rule, const struct zone *zone, struct icalrecurrencetype *r,
                     struct error *err)
{
    struct local_time until;
    icaltimetype *u = &r->until;

    icalerror_set_errors_are_fatal(0); /* Debian's would abort at the first slip */
    icalerror_clear_errno();
    *r = icalrecurrencetype_from_string(rule);
    if (r->freq == ICAL_NO_RECURRENCE)
        return error_set(err,
                         "\"%.80s\" is no rule: write \"FREQ=WEEKLY;BYDAY=SA;COUNT=10\", or "
                         "with UNTIL=20271231 (RFC 5545)",
                         rule);
    if (r->freq < ICAL_DAILY_RECURRENCE || any(r->by_hour) || any(r->by_minute) ||
        any(r->by_second))
        return error_set(err, "repeats by days: FREQ is DAILY, WEEKLY, MONTHLY or YEARLY, and the "
                              "time of day that of `starts`");
    if (r->rscale != NULL && strcmp(r->rscale, "CHINESE") != 0 &&
        strcmp(r->rscale, "GREGORIAN") != 0)
        return error_set(err, "RSCALE is CHINESE or GREGORIAN");
    if (icaltime_is_null_time(*u))
        return 0;
    if (icaltime_is_utc(*u)) { /* the walk is by local times */
        zone_local(zone, (int64_t)icaltime_as_timet(*u) * 1000, &until);
        *u = (icaltimetype){.year = until.year,
                            .month = until.month,
                            .day = until.day,
                            .hour = until.hour,
                            .minute = until.minute,
                            .second = until.second};
    } else if (u->is_date) { /* that day included, at whatever time */
        *u = (icaltimetype){.year = u->year,
                            .month = u->month,
                            .day = u->day,
                            .hour = 23,
                            .minute = 59,
                            .second = 59};
    }
    return 0;
}

/* ------------------------------------------------------------------ occurrences */
static int walk(icalrecur_iterator *days, bool lunar, bool from_end,
                const struct local_time *starts, struct local_time *out, struct error *err)
{
    struct icaltimetype t;
    int n = 0;

    while (!icaltime_is_null_time(t = icalrecur_iterator_next(days))) {
        if (lunar)
            t = by_moon(t, from_end, true);
        if (n == 0 && (t.year != starts->year || t.month != starts->month || t.day != starts->day))
            break;
        if (n == REPEAT_MOST)
            return error_set(err, "has more than %d occurrences: end it earlier", REPEAT_MOST);
        out[n++] = (struct local_time){.year = t.year,
                                       .month = t.month,
                                       .day = t.day,
                                       .hour = starts->hour,
                                       .minute = starts->minute,
                                       .second = starts->second};
    }
    if (n > 0)
        return n;
    if (icaltime_is_null_time(t))
        return error_set(err, "no day follows from it");
    return error_set(err,
                     "the event starts on %04d-%02d-%02d, and the first day of the rule is "
                     "%04d-%02d-%02d: let it start then",
                     starts->year, starts->month, starts->day, t.year, t.month, t.day);
}

static bool is_endless(const struct icalrecurrencetype *r)
{
    return r->count == 0 && icaltime_is_null_time(r->until);
}

/* The days of a rule, which is then adjusted to the library's moons; NULL with err. */
static icalrecur_iterator *begin(struct icalrecurrencetype *r, const struct local_time *starts,
                                 bool *lunar, bool *from_end, struct error *err)
{
    struct icaltimetype first = {.year = starts->year,
                                 .month = starts->month,
                                 .day = starts->day,
                                 .hour = starts->hour,
                                 .minute = starts->minute,
                                 .second = starts->second};
    icalrecur_iterator *days;

    *lunar = r->rscale != NULL && strcmp(r->rscale, "CHINESE") == 0;
    *from_end = false;
    if (*lunar) {
        if (check_lunar(r, from_end, err) != 0)
            return NULL;
        first = by_moon(first, *from_end, false);
        if (!icaltime_is_null_time(r->until))
            r->until = by_moon(r->until, *from_end, false);
    }
    days = icalrecur_iterator_new(*r, first);
    if (days == NULL)
        error_set(err, "is a rule that no day can satisfy");
    return days;
}

int repeat_occurrences(const char *rule, const struct local_time *starts, const struct zone *zone,
                       struct local_time *out, struct error *err)
{
    struct icalrecurrencetype r;
    icalrecur_iterator *days = NULL;
    bool lunar, from_end;
    int n = read_rule(rule, zone, &r, err);

    if (n == 0 && is_endless(&r))
        n = error_set(err, "never ends: add COUNT=10, or UNTIL=20271231");
    if (n == 0) {
        days = begin(&r, starts, &lunar, &from_end, err);
        n = days == NULL ? -1 : walk(days, lunar, from_end, starts, out, err);
    }
    if (days != NULL)
        icalrecur_iterator_free(days);
    free(r.rscale);
    return n;
}

#define MOST_STEPS 40000 /* a hundred years of days */

static int bound(struct icalrecurrencetype *r, const char *rule, struct local_time *starts,
                 const struct local_time *from, char out[REPEAT_BYTES], struct error *err)
{
    bool lunar, from_end;
    icalrecur_iterator *days = begin(r, starts, &lunar, &from_end, err);
    struct icaltimetype t = icaltime_null_time();

    for (int i = 0; days != NULL && i < MOST_STEPS; i++) {
        t = icalrecur_iterator_next(days);
        if (icaltime_is_null_time(t))
            break;
        if (lunar)
            t = by_moon(t, from_end, true);
        if (t.year * 10000 + t.month * 100 + t.day >=
            from->year * 10000 + from->month * 100 + from->day)
            break;
    }
    if (days == NULL)
        return -1;
    icalrecur_iterator_free(days);
    if (icaltime_is_null_time(t))
        return error_set(err, "no day follows from it");
    starts->year = t.year, starts->month = t.month, starts->day = t.day;
    icaltime_adjust(&t, 364, 0, 0, 0);
    if (snprintf(out, REPEAT_BYTES, "%s;UNTIL=%04d%02d%02d", rule, t.year, t.month, t.day) >=
        REPEAT_BYTES)
        return error_set(err, "is longer than %d characters", REPEAT_BYTES);
    return 0;
}

int repeat_bound(const char *rule, struct local_time *starts, const struct local_time *from,
                 const struct zone *zone, char out[REPEAT_BYTES], struct error *err)
{
    struct icalrecurrencetype r;
    int rc = read_rule(rule, zone, &r, err);

    if (rc == 0 && is_endless(&r))
        rc = bound(&r, rule, starts, from, out, err);
    else if (rc == 0 && snprintf(out, REPEAT_BYTES, "%s", rule) >= REPEAT_BYTES)
        rc = error_set(err, "is longer than %d characters", REPEAT_BYTES);
    free(r.rscale);
    return rc;
}
