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

typedef char *write_fn(enum when_part part, const struct local_time *at, char *out);

static const struct writer {
    const char *language;
    write_fn *write;
    const char *gap;              /* between a date and its time */
    const char *to_time, *to_day; /* from a time to another, of the same day and of a later one */
    bool halves;                  /* a time names its part of the day, once */
} writers[] = {
    {"zh", zh_write, "", "至", "至", true},
    {"en", en_write, " ", "-", " - ", false},
    {"", plain_write, " ", "-", " - ", false},
};

static const struct writer *writer_of(const char *language)
{
    const struct writer *w = writers;
    size_t primary = strcspn(language, "-_");

    while (w->language[0] != '\0' &&
           (strlen(w->language) != primary || memcmp(w->language, language, primary) != 0))
        w++;
    return w;
}

size_t when_write(enum when_part part, const char *language, const struct local_time *at,
                  char out[WHEN_BYTES])
{
    return (size_t)(writer_of(language)->write(part, at, out) - out);
}

static bool same_day(const struct local_time *a, const struct local_time *b)
{
    return a->day == b->day && a->month == b->month && a->year == b->year;
}

/* "上午9:00至11:00", not "上午9:00至上午11:00". */
static bool same_half(const struct local_time *a, const struct local_time *b)
{
    size_t i = 0;

    while (a->hour >= zh_parts[i].before_hour)
        i++;
    return b->hour < zh_parts[i].before_hour && (i == 0 || b->hour >= zh_parts[i - 1].before_hour);
}

static char *write_end(const struct writer *w, const struct local_time *from,
                       const struct local_time *to, char *out)
{
    char time[WHEN_BYTES];

    w->write(WHEN_TIME, to, time);
    return put(put(out, w->to_time),
               w->halves && same_half(from, to) ? time + strcspn(time, "0123456789") : time);
}

size_t when_write_span(enum when_span span, const char *language, const struct local_time *from,
                       const struct local_time *to, char out[WHEN_SPAN_BYTES])
{
    const struct writer *w = writer_of(language);
    bool one_day = to == NULL || same_day(from, to), whole_days;
    char *at = out;

    whole_days =
        to != NULL && from->hour == 0 && from->minute == 0 && to->hour == 23 && to->minute == 59;
    *at = '\0';
    if (span == WHEN_TIMES && whole_days)
        return 0;
    if (span != WHEN_TIMES)
        at = w->write(WHEN_DATE, from, at);
    if (span != WHEN_DATES && !whole_days) {
        at = w->write(WHEN_TIME, from, span == WHEN_TIMES ? at : put(at, w->gap));
        if (to != NULL && (one_day || span == WHEN_TIMES))
            at = write_end(w, from, to, at);
    }
    if (!one_day && span != WHEN_TIMES) {
        at = w->write(WHEN_DATE, to, put(at, w->to_day));
        if (span == WHEN_SPAN && !whole_days)
            at = w->write(WHEN_TIME, to, put(at, w->gap));
    }
    return (size_t)(at - out);
}
