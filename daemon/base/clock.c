#include "clock.h"

#include <stdbool.h>
#include <string.h>
#include <stdio.h>
#include <time.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool held;
static int64_t held_offset_ms;

int64_t clock_wall_ms(void)
{
    return held ? clock_boot_ms() + held_offset_ms : clock_system_ms();
}

int64_t clock_system_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000;
}

void clock_hold(int64_t offset_ms)
{
    held = true;
    held_offset_ms = offset_ms;
}

/* Both clocks at one instant: whoever is interrupted between the readings reads again. */
int64_t clock_offset_ms(void)
{
    int64_t before_ns, wall_ns, after_ns, tries = 10;

    do {
        before_ns = read_ns(CLOCK_BOOTTIME);
        wall_ns = read_ns(CLOCK_REALTIME);
        after_ns = read_ns(CLOCK_BOOTTIME);
    } while (after_ns - before_ns > 1000000 && --tries > 0);
    return (wall_ns - before_ns) / 1000000;
}

int64_t clock_step_ms(void)
{
    return held ? clock_offset_ms() - held_offset_ms : 0;
}

void clock_accept(void)
{
    held_offset_ms = clock_offset_ms();
}

int64_t clock_mono_ms(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t clock_boot_ms(void)
{
    return read_ns(CLOCK_BOOTTIME) / 1000000;
}

int64_t clock_mono_us(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000;
}

static void put_digits(char *at, int64_t n, int digits)
{
    while (digits-- > 0) {
        at[digits] = (char)('0' + n % 10);
        n /= 10;
    }
}

/* Of days since 1970. gmtime_r() takes a lock, which whoever is interrupted may hold. Years
 * begin in March, so that the day that not every year has is their last. */
static void date_of(int64_t days, int64_t *y, int64_t *m, int64_t *d)
{
    int64_t since = days + 719468, era = since / 146097, of_era = since % 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;

    *d = of_year - (153 * month + 2) / 5 + 1;
    *m = month < 10 ? month + 3 : month - 9;
    *y = year + era * 400 + (*m <= 2);
}

void clock_stamp(int64_t wall_ms, char out[CLOCK_STAMP_BYTES])
{
    static _Thread_local int64_t last_second = -1;
    static _Thread_local char last[CLOCK_STAMP_BYTES];
    int64_t second = wall_ms / 1000;

    if (second != last_second) { /* thousands of lines a second share one date */
        int64_t y, m, d;

        date_of(second / 86400, &y, &m, &d);
        memcpy(last, "0000-00-00T00:00:00.000Z", CLOCK_STAMP_BYTES);
        put_digits(last, y, 4);
        put_digits(last + 5, m, 2);
        put_digits(last + 8, d, 2);
        put_digits(last + 11, second / 3600 % 24, 2);
        put_digits(last + 14, second / 60 % 60, 2);
        put_digits(last + 17, second % 60, 2);
        last_second = second;
    }
    memcpy(out, last, CLOCK_STAMP_BYTES);
    put_digits(out + 20, wall_ms % 1000, 3);
}

int clock_parse(const char *stamp, int64_t *wall_ms)
{
    struct tm tm = {0};
    int used = 0, ms = 0, hours = 0, minutes = 0;
    char sign;

    if (sscanf(stamp, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 6)
        return -1;
    stamp += used;
    if (*stamp == '.') {
        int scale = 100;

        for (stamp++; *stamp >= '0' && *stamp <= '9'; stamp++, scale /= 10)
            ms += (*stamp - '0') * scale;
    }
    if (strcmp(stamp, "Z") != 0 && sscanf(stamp, "%c%2d:%2d", &sign, &hours, &minutes) != 3)
        return -1;
    if (*stamp == '-') {
        hours = -hours;
        minutes = -minutes;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *wall_ms = ((int64_t)timegm(&tm) - hours * 3600 - minutes * 60) * 1000 + ms;
    return 0;
}
