#include "moment.h"

#include "error.h"
#include "zone.h"

#include <stdlib.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)

/* Ten years are more than anyone means; a slip of the finger is more. */
#define MOST_DAYS 3660
#define MOMENT_BYTES 128

static const char *skip_spaces(const char *s)
{
    while (*s == ' ')
        s++;
    return s;
}

static int digits(const char **s, int most, long *out)
{
    int n = 0;

    *out = 0;
    while (n < most && **s >= '0' && **s <= '9') {
        *out = *out * 10 + (*(*s)++ - '0');
        n++;
    }
    return n > 0 && (**s < '0' || **s > '9') ? n : -1;
}

/* "09:30" at *s, which moves behind it. */
static int parse_clock(const char **s, int *minute)
{
    long hour, minutes;

    if (digits(s, 2, &hour) < 0 || *(*s)++ != ':' || digits(s, 2, &minutes) != 2 || hour > 23 ||
        minutes > 59)
        return -1;
    *minute = (int)(hour * 60 + minutes);
    return 0;
}

/* "-7d 09:30", "+30m": after it *s stands at what follows. */
static int parse_relative(const char **s, struct moment *out)
{
    int sign = *(*s)++ == '-' ? -1 : 1;
    long count;
    const char *after;

    *s = skip_spaces(*s);
    if (digits(s, 6, &count) < 0)
        return -1;
    switch (*(*s)++) {
    case 'm':
        out->offset_ms = sign * count * MINUTE_MS;
        break;
    case 'h':
        out->offset_ms = sign * count * HOUR_MS;
        break;
    case 'w':
        count *= 7; /* fall through */
    case 'd':
        out->kind = MOMENT_DAYS;
        out->days = sign * (int)count;
        out->minute = MOMENT_EVENT_TIME;
        after = skip_spaces(*s);
        if (*after >= '0' && *after <= '9') {
            *s = after;
            if (parse_clock(s, &out->minute) != 0)
                return -1;
        }
        return count <= MOST_DAYS ? 0 : -1;
    default:
        return -1;
    }
    out->kind = MOMENT_OFFSET;
    return count * MINUTE_MS <= MOST_DAYS * 24 * HOUR_MS ? 0 : -1;
}

static int parse(const char *text, const struct zone *zone, struct moment *out)
{
    const char *s = skip_spaces(text), *end;
    size_t n;

    memset(out, 0, sizeof *out);
    if (*s != '-' && *s != '+') {
        n = strlen(s);
        while (n > 0 && s[n - 1] == ' ')
            n--;
        if (n == 3 && memcmp(s, "now", 3) == 0) {
            out->kind = MOMENT_NOW;
            return 0;
        }
        out->kind = MOMENT_INSTANT;
        return zone_parse(zone, s, n, &out->instant_ms);
    }
    if (parse_relative(&s, out) != 0)
        return -1;
    end = skip_spaces(s);
    if (end > s && strncmp(end, "of slot", 7) == 0) {
        out->of_slot = true;
        end = skip_spaces(end + 7);
    }
    return *end == '\0' ? 0 : -1;
}

/* What a Chinese keyboard writes for it, as it is meant: "－1d　18：00". */
static const char *narrow(const char *text, char out[MOMENT_BYTES])
{
    static const char *const wide[][2] = {{"：", ":"}, {"－", "-"}, {"—", "-"}, {"–", "-"},
                                          {"−", "-"},  {"＋", "+"}, {"　", " "}};
    size_t n = 0;

    while (*text != '\0' && n + 1 < MOMENT_BYTES) {
        size_t i = 0, count = sizeof wide / sizeof *wide;

        while (i < count && strncmp(text, wide[i][0], strlen(wide[i][0])) != 0)
            i++;
        out[n++] = i < count ? wide[i][1][0] : *text;
        text += i < count ? strlen(wide[i][0]) : 1;
    }
    out[n] = '\0';
    return *text == '\0' ? out : "";
}

int moment_parse(const char *text, const struct zone *zone, struct moment *out, struct error *err)
{
    char plain[MOMENT_BYTES];

    if (parse(narrow(text, plain), zone, out) == 0)
        return 0;
    return error_set(err,
                     "\"%s\" is no time for a reminder: write \"-7d 09:30\" (days before the "
                     "event, time), \"-90m\", \"-2h\", \"+1d 10:00\", with \" of slot\" after it "
                     "for each recipient's own time; or \"2027-03-01T09:00\", or \"now\"",
                     text);
}

int64_t moment_resolve(const struct moment *m, const struct zone *zone, int64_t start_ms,
                       int64_t queued_ms)
{
    struct local_time local;

    switch (m->kind) {
    case MOMENT_NOW:
        return queued_ms;
    case MOMENT_INSTANT:
        return m->instant_ms;
    case MOMENT_OFFSET:
        return start_ms + m->offset_ms;
    case MOMENT_DAYS:
        break;
    }
    zone_local(zone, start_ms, &local);
    local.day += m->days;
    if (m->minute != MOMENT_EVENT_TIME) {
        local.hour = m->minute / 60;
        local.minute = m->minute % 60;
        local.second = 0;
    }
    return zone_wall(zone, &local);
}
