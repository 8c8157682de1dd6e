#include "human.h"

#include "words.h"
#include "zone.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

const char *human_time(char *out, const struct zone *zone, int64_t wall_ms, bool seconds)
{
    struct local_time t;
    int n;

    if (wall_ms == 0) {
        snprintf(out, HUMAN_BYTES, "-");
        return out;
    }
    zone_local(zone, wall_ms, &t);
    n = snprintf(out, HUMAN_BYTES, "%04d-%02d-%02d %s %02d:%02d", t.year, t.month, t.day,
                 words_weekday(t.weekday), t.hour, t.minute);
    if (seconds && n > 0 && n < HUMAN_BYTES)
        snprintf(out + n, HUMAN_BYTES - (size_t)n, ":%02d", t.second);
    return out;
}

const char *human_duration(char *out, int64_t ms)
{
    int64_t s = ms / 1000, min = s / 60, h = min / 60, d = h / 24;

    if (ms < 1000)
        snprintf(out, HUMAN_BYTES, T("%" PRId64 " ms"), ms);
    else if (ms < 10000)
        snprintf(out, HUMAN_BYTES, T("%" PRId64 ".%" PRId64 " s"), s, ms / 100 % 10);
    else if (s < 60)
        snprintf(out, HUMAN_BYTES, T("%" PRId64 " s"), s);
    else if (min < 60)
        snprintf(out, HUMAN_BYTES, T("%" PRId64 " min %" PRId64 " s"), min, s % 60);
    else if (h < 24)
        snprintf(out, HUMAN_BYTES, T("%" PRId64 " h %" PRId64 " min"), h, min % 60);
    else
        snprintf(out, HUMAN_BYTES, T("%" PRId64 " d %" PRId64 " h"), d, h % 24);
    return out;
}

const char *human_age(char *out, int64_t ms)
{
    if (ms >= 10000)
        return human_duration(out, ms);
    snprintf(out, HUMAN_BYTES, T("%" PRId64 " s"), ms < 1000 ? 1 : ms / 1000);
    return out;
}

const char *human_clock(char *out, int64_t s)
{
    if (s < 3600)
        snprintf(out, HUMAN_BYTES, "%" PRId64 ":%02" PRId64, s / 60, s % 60);
    else if (s < 86400)
        snprintf(out, HUMAN_BYTES, "%" PRId64 ":%02" PRId64 ":%02" PRId64, s / 3600, s / 60 % 60,
                 s % 60);
    else
        snprintf(out, HUMAN_BYTES, T("%" PRId64 "d %02" PRId64 "h"), s / 86400, s / 3600 % 24);
    return out;
}

const char *human_count(char *out, int64_t n)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRId64, n), o = 0;

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
            out[o++] = ',';
        out[o++] = digits[i];
    }
    out[o] = '\0';
    return out;
}

double human_money(double amount)
{
    return floor(amount * 100 + 0.5 + 1e-6) / 100;
}

const char *human_rate(char *out, double per_second)
{
    char whole[HUMAN_BYTES];

    if (per_second >= 9.95)
        snprintf(out, HUMAN_BYTES, "%.40s/s", human_count(whole, (int64_t)(per_second + 0.5)));
    else if (per_second < 0.05)
        snprintf(out, HUMAN_BYTES, "0/s");
    else
        snprintf(out, HUMAN_BYTES, "%.1f/s", per_second);
    return out;
}

const char *human_percent(char *out, int64_t done, int64_t total)
{
    int64_t percent;

    if (done >= total)
        percent = 100;
    else if (done <= 0)
        percent = 0;
    else
        percent = done * 100 / total < 1 ? 1 : done * 100 / total;
    snprintf(out, HUMAN_BYTES, "%" PRId64 "%%", percent);
    return out;
}
