#include "zone.h"

#include "error.h"
#include "mem.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ZONE_DIR "/usr/share/zoneinfo"
#define DAY_S 86400

/* The offset over two days. No zone ever changed it twice within that. */
#define CELL_S (2 * DAY_S)
#define CELLS 32

struct cell {
    int64_t number;   /* of the cell: seconds / CELL_S; INT64_MIN while empty */
    int64_t change_s; /* the first second of `after`; INT64_MAX if there is no change */
    int before_s, after_s;
};

struct zone {
    struct zone *next;
    struct cell *cells; /* by number, direct mapped */
    char name[];
};

static struct zone *zones;

/* ------------------------------------------------------------------ calendar */
static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days since 1970 of a date in the proleptic Gregorian calendar, and back, by
 * eras of 400 years that begin in March (H. Hinnant, "chrono-compatible
 * low-level date algorithms"). month may be any number. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t era, year_of_era, day_of_year;

    year += floor_div(month - 1, 12);
    month = month - 1 - 12 * floor_div(month - 1, 12) + 1;
    year -= month <= 2;
    era = floor_div(year, 400);
    year_of_era = year - era * 400;
    day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static void date_of(int64_t days, struct local_time *out)
{
    int64_t era, day_of_era, year_of_era, day_of_year, month;

    out->weekday = (int)(((days + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
    days += 719468;
    era = floor_div(days, 146097);
    day_of_era = days - era * 146097;
    year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    month = (5 * day_of_year + 2) / 153;
    out->day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    out->month = (int)(month + (month < 10 ? 3 : -9));
    out->year = (int)(year_of_era + era * 400 + (out->month <= 2));
}

/* -------------------------------------------------------------------- offsets */
static int glibc_offset(int64_t at_s)
{
    time_t t = (time_t)at_s;
    struct tm tm;

    return localtime_r(&t, &tm) == NULL ? 0 : (int)tm.tm_gmtoff;
}

/* TZ is the process', and children inherit it: it is put back. */
static void fill(struct cell *cell, const struct zone *zone, int64_t number)
{
    const char *there = getenv("TZ");
    char *saved = there == NULL ? NULL : xstrdup(there);
    char tz[80];
    int64_t low = number * CELL_S, high = low + CELL_S;

    snprintf(tz, sizeof tz, ":%s", zone->name);
    setenv("TZ", tz, 1);
    tzset();
    *cell = (struct cell){number, INT64_MAX, glibc_offset(low), glibc_offset(high)};
    if (cell->before_s != cell->after_s) {
        while (high - low > 1) {
            int64_t middle = low + (high - low) / 2;

            if (glibc_offset(middle) == cell->before_s)
                low = middle;
            else
                high = middle;
        }
        cell->change_s = high;
    }
    if (saved == NULL)
        unsetenv("TZ");
    else
        setenv("TZ", saved, 1);
    tzset();
    free(saved);
}

static int offset_at(const struct zone *zone, int64_t at_s)
{
    int64_t number = floor_div(at_s, CELL_S);
    struct cell *cell = &zone->cells[(uint64_t)number % CELLS];

    if (cell->number != number)
        fill(cell, zone, number);
    return at_s < cell->change_s ? cell->before_s : cell->after_s;
}

/* ---------------------------------------------------------------------- names */
static int is_zone(const char *name)
{
    char path[sizeof ZONE_DIR + 80], magic[4];
    const char *p;
    FILE *f;
    int good;

    if (strlen(name) > 64 || !isalpha((unsigned char)name[0]) || strncmp(name, "right/", 6) == 0)
        return 0;
    for (p = name; *p != '\0'; p++)
        if (!isalnum((unsigned char)*p) && strchr("_+-/", *p) == NULL)
            return 0;
    snprintf(path, sizeof path, "%s/%s", ZONE_DIR, name);
    f = fopen(path, "re");
    if (f == NULL)
        return 0;
    good = fread(magic, sizeof magic, 1, f) == 1 && memcmp(magic, "TZif", 4) == 0;
    fclose(f);
    return good;
}

const struct zone *zone_find(const char *name, struct error *err)
{
    struct zone *zone;
    size_t i;

    for (zone = zones; zone != NULL; zone = zone->next)
        if (strcmp(zone->name, name) == 0)
            return zone;
    /* UTC needs no file: a machine without tzdata knows it too. */
    if (strcmp(name, "UTC") != 0 && !is_zone(name)) {
        error_set(err, "\"%s\" is not a time zone (they are written as \"Asia/Shanghai\")", name);
        return NULL;
    }
    zone = xcalloc(1, sizeof *zone + strlen(name) + 1);
    strcpy(zone->name, name);
    zone->cells = xcalloc(CELLS, sizeof *zone->cells);
    for (i = 0; i < CELLS; i++)
        zone->cells[i].number = INT64_MIN;
    zone->next = zones;
    zones = zone;
    return zone;
}

const char *zone_name(const struct zone *zone)
{
    return zone->name;
}

/* ----------------------------------------------------------------- conversion */
int zone_offset_s(const struct zone *zone, int64_t wall_ms)
{
    return offset_at(zone, floor_div(wall_ms, 1000));
}

void zone_local(const struct zone *zone, int64_t wall_ms, struct local_time *out)
{
    int64_t at_s = floor_div(wall_ms, 1000), local_s = at_s + offset_at(zone, at_s);
    int64_t days = floor_div(local_s, DAY_S);
    int of_day = (int)(local_s - days * DAY_S);

    date_of(days, out);
    out->hour = of_day / 3600;
    out->minute = of_day / 60 % 60;
    out->second = of_day % 60;
}

int64_t zone_wall(const struct zone *zone, const struct local_time *local)
{
    int64_t naive_s = days_of(local->year, local->month, local->day) * DAY_S +
                      (int64_t)local->hour * 3600 + (int64_t)local->minute * 60 + local->second;
    int before_s = offset_at(zone, naive_s - DAY_S), after_s = offset_at(zone, naive_s + DAY_S);

    /* By the offset before a change: right also for the first of two, and in a
     * gap it moves forward by the gap. By the one after it if only that fits. */
    if (offset_at(zone, naive_s - before_s) != before_s &&
        offset_at(zone, naive_s - after_s) == after_s)
        return (naive_s - after_s) * 1000;
    return (naive_s - before_s) * 1000;
}

/* --------------------------------------------------------------------- parsing */
struct cursor {
    const char *at, *end;
};

static int take(struct cursor *c, const char *any)
{
    if (c->at == c->end || *c->at == '\0' || strchr(any, *c->at) == NULL)
        return 0;
    return *c->at++;
}

/* least..most digits. */
static int number(struct cursor *c, int least, int most, int *out)
{
    int digits = 0;

    *out = 0;
    while (digits < most && c->at < c->end && *c->at >= '0' && *c->at <= '9') {
        *out = *out * 10 + (*c->at++ - '0');
        digits++;
    }
    return digits >= least ? 0 : -1;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

static int parse_date(struct cursor *c, struct local_time *out)
{
    int separator;

    if (number(c, 4, 4, &out->year) != 0 || (separator = take(c, "-/")) == 0 ||
        number(c, 1, 2, &out->month) != 0 || take(c, "-/") != separator ||
        number(c, 1, 2, &out->day) != 0)
        return -1;
    return out->month >= 1 && out->month <= 12 && out->day >= 1 &&
                   out->day <= days_in(out->year, out->month)
               ? 0
               : -1;
}

static int parse_time(struct cursor *c, struct local_time *out)
{
    int fraction;

    if (number(c, 1, 2, &out->hour) != 0 || !take(c, ":") || number(c, 2, 2, &out->minute) != 0)
        return -1;
    out->second = 0;
    if (take(c, ":")) {
        if (number(c, 2, 2, &out->second) != 0)
            return -1;
        if (take(c, ".") && number(c, 1, 9, &fraction) != 0)
            return -1;
    }
    return out->hour < 24 && out->minute < 60 && out->second < 60 ? 0 : -1;
}

/* "Z", "+08:00", "+0800": returns 1 with seconds east, 0 if there is none. */
static int parse_offset(struct cursor *c, int *east_s)
{
    int sign, hours, minutes;

    *east_s = 0;
    if (take(c, "Zz"))
        return 1;
    sign = take(c, "+-");
    if (sign == 0)
        return 0;
    if (number(c, 2, 2, &hours) != 0)
        return -1;
    take(c, ":");
    if (number(c, 2, 2, &minutes) != 0 || hours > 15 || minutes > 59)
        return -1;
    *east_s = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
    return 1;
}

/* 1 with an offset, 0 without, -1 if it is none of ours. */
static int parse(const char *text, size_t n, struct local_time *out, int *east_s)
{
    struct cursor c = {text, text + n};
    int with_offset;

    memset(out, 0, sizeof *out);
    if (parse_date(&c, out) != 0 || !take(&c, "T ") || parse_time(&c, out) != 0)
        return -1;
    with_offset = parse_offset(&c, east_s);
    return c.at == c.end ? with_offset : -1;
}

int zone_parse(const struct zone *zone, const char *text, size_t n, int64_t *wall_ms)
{
    struct local_time local;
    int east_s;
    int with_offset = parse(text, n, &local, &east_s);

    if (with_offset < 0)
        return -1;
    if (with_offset)
        *wall_ms = (days_of(local.year, local.month, local.day) * DAY_S + local.hour * 3600 +
                    local.minute * 60 + local.second - east_s) *
                   1000;
    else
        *wall_ms = zone_wall(zone, &local);
    return 0;
}
