#include "validity.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY (24 * 3600)

static char *two(char *out, int n)
{
    *out++ = (char)('0' + n / 10 % 10);
    *out++ = (char)('0' + n % 10);
    return out;
}

static void absolute(char *out, time_t at, int utc_offset_min)
{
    struct tm tm;

    at += 60 * utc_offset_min;
    gmtime_r(&at, &tm);
    out = two(out, tm.tm_year % 100);
    out = two(out, tm.tm_mon + 1);
    out = two(out, tm.tm_mday);
    out = two(out, tm.tm_hour);
    out = two(out, tm.tm_min);
    out = two(out, tm.tm_sec);
    *out++ = '0'; /* tenths of a second, then quarters of an hour from UTC */
    out = two(out, abs(utc_offset_min) / 15);
    *out++ = utc_offset_min < 0 ? '-' : '+';
    *out = '\0';
}

static void relative(char *out, int64_t seconds)
{
    if (seconds < 1)
        seconds = 1;
    if (seconds > 30 * DAY)
        seconds = 30 * DAY;
    out = two(out, 0);
    out = two(out, 0);
    out = two(out, (int)(seconds / DAY));
    out = two(out, (int)(seconds / 3600 % 24));
    out = two(out, (int)(seconds / 60 % 60));
    out = two(out, (int)(seconds % 60));
    memcpy(out, "000R", 5);
}

void validity_write(char out[VALIDITY_BYTES], enum validity kind, int64_t expires_ms,
                    int64_t wall_ms, int utc_offset_min)
{
    out[0] = '\0';
    if (expires_ms <= 0 || kind == VALIDITY_NONE)
        return;
    if (kind == VALIDITY_ABSOLUTE)
        absolute(out, (time_t)(expires_ms / 1000), utc_offset_min);
    else
        relative(out, (expires_ms - wall_ms) / 1000);
}
