#include "china.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define AHEAD_S (8 * 3600)
#define DIGITS_MIN 5
#define DIGITS_MAX 18 /* E.164 has 15, and 0086 may stand before them */

static bool is_mainland(const char *digits)
{
    return strlen(digits) == 11 && digits[0] == '1';
}

bool china_number(const char *number, char out[CHINA_NUMBER_BYTES])
{
    size_t n;

    out[0] = '\0';
    number += *number == '+';
    if (strncmp(number, "00", 2) == 0)
        number += 2;
    n = strspn(number, "0123456789");
    if (number[n] != '\0' || n < DIGITS_MIN || n > DIGITS_MAX)
        return false;
    if (strncmp(number, "86", 2) == 0 && is_mainland(number + 2))
        number += 2;
    strcpy(out, number);
    return true;
}

int64_t china_time_ms(const char *text)
{
    struct tm tm = {0};
    int end = 0;

    if (strlen(text) != 19 ||
        sscanf(text, "%4d-%2d-%2d %2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec, &end) != 6 ||
        end != 19 || tm.tm_year < 1992 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
        tm.tm_mday > 31 || tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 ||
        tm.tm_sec < 0 || tm.tm_sec > 60)
        return 0;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return ((int64_t)timegm(&tm) - AHEAD_S) * 1000;
}

void china_date(int64_t wall_ms, char out[CHINA_DATE_BYTES])
{
    time_t s = (time_t)(wall_ms / 1000 + AHEAD_S);
    struct tm tm;

    gmtime_r(&s, &tm);
    strftime(out, CHINA_DATE_BYTES, "%Y%m%d", &tm);
}
