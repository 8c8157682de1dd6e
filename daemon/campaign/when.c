#include "when.h"

#include "zone.h"

#include <string.h>

static const char *const zh_days[] = {"周日", "周一", "周二", "周三", "周四", "周五", "周六"};
static const char *const en_days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const en_months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* What part of the day an hour belongs to. 12 is noon itself, and said so. */
static const struct {
    int before_hour;
    const char *name;
} zh_parts[] = {{5, "凌晨"}, {8, "早上"}, {12, "上午"}, {13, "中午"}, {18, "下午"}, {24, "晚上"}};

static char *put(char *out, const char *s)
{
    return stpcpy(out, s);
}

/* At least so many digits. */
static char *put_int(char *out, int n, int least)
{
    char digits[12];
    int at = 0;

    do {
        digits[at++] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    while (at < least)
        digits[at++] = '0';
    while (at > 0)
        *out++ = digits[--at];
    *out = '\0';
    return out;
}

static char *zh_write(enum when_part part, const struct local_time *at, char *out)
{
    size_t i = 0;

    switch (part) {
    case WHEN_DATE:
        out = put(put_int(out, at->month, 1), "月");
        out = put(put_int(out, at->day, 1), "日（");
        return put(put(out, zh_days[at->weekday]), "）");
    case WHEN_TIME:
        while (at->hour >= zh_parts[i].before_hour)
            i++;
        out = put(out, zh_parts[i].name);
        out = put(put_int(out, at->hour > 12 ? at->hour - 12 : at->hour, 1), ":");
        return put_int(out, at->minute, 2);
    case WHEN_WEEKDAY:
        break;
    }
    return put(out, zh_days[at->weekday]);
}

static char *en_write(enum when_part part, const struct local_time *at, char *out)
{
    switch (part) {
    case WHEN_DATE:
        out = put(put(out, en_days[at->weekday]), " ");
        out = put(put_int(out, at->day, 1), " ");
        return put(out, en_months[at->month - 1]);
    case WHEN_TIME:
        return put_int(put(put_int(out, at->hour, 1), ":"), at->minute, 2);
    case WHEN_WEEKDAY:
        break;
    }
    return put(out, en_days[at->weekday]);
}

static char *plain_write(enum when_part part, const struct local_time *at, char *out)
{
    switch (part) {
    case WHEN_DATE:
        out = put(put_int(out, at->year, 4), "-");
        out = put(put_int(out, at->month, 2), "-");
        return put_int(out, at->day, 2);
    case WHEN_TIME:
        return put_int(put(put_int(out, at->hour, 2), ":"), at->minute, 2);
    case WHEN_WEEKDAY:
        break;
    }
    return put_int(out, at->weekday == 0 ? 7 : at->weekday, 1); /* as ISO 8601 counts */
}

static const struct {
    const char *language;
    char *(*write)(enum when_part, const struct local_time *, char *);
} writers[] = {{"zh", zh_write}, {"en", en_write}};

size_t when_write(enum when_part part, const char *language, const struct local_time *at,
                  char out[WHEN_BYTES])
{
    size_t primary = strcspn(language, "-_"), i;

    for (i = 0; i < sizeof writers / sizeof writers[0]; i++)
        if (strlen(writers[i].language) == primary &&
            memcmp(writers[i].language, language, primary) == 0)
            return (size_t)(writers[i].write(part, at, out) - out);
    return (size_t)(plain_write(part, at, out) - out);
}
