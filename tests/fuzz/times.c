/* The small texts of settings and campaigns that say when and how often. */
#include "fuzz.h"

#include "error.h"
#include "field.h"
#include "hours.h"
#include "moment.h"
#include "rate_rule.h"
#include "when.h"
#include "zone.h"

#define NOW_MS INT64_C(1804381200000) /* 2027-03-07T01:00:00Z */

static void check_hours(const char *text, const struct zone *zone)
{
    struct error err;
    struct hours *h = hours_parse(text, &err);
    int64_t open_ms;

    if (h == NULL)
        return;
    open_ms = hours_next_open(h, zone, NOW_MS);
    HOLDS(open_ms >= NOW_MS);
    HOLDS(hours_next_open(h, zone, open_ms) == open_ms);
    HOLDS(hours_close(h, zone, open_ms) > open_ms);
    hours_free(h);
}

static void check_moment(const char *text, const struct zone *zone)
{
    struct moment m;
    struct error err;

    if (moment_parse(text, zone, &m, &err) == 0)
        moment_resolve(&m, zone, NOW_MS, NOW_MS);
}

static void check_rate(const char *text, const struct zone *zone)
{
    struct rate_rule rule;
    struct error err;
    int64_t count, period_ms;

    if (field_rate(text, &count, &period_ms) == 0)
        HOLDS(count >= 1 && period_ms >= 1);
    if (rate_rule_parse(text, &rule, &err) != 0)
        return;
    HOLDS(rule.window_ms >= 1000 && rule.window_ms <= INT64_C(31) * 86400000);
    HOLDS(rate_rule_since(&rule, zone, NOW_MS) <= NOW_MS);
    HOLDS(rate_rule_next(&rule, zone, NOW_MS) > NOW_MS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const zones[] = {"Asia/Shanghai", "America/New_York", "Europe/Berlin"};
    const struct zone *zone = zone_find(zones[size % 3], NULL);
    char *text = as_string(data, size), written[WHEN_BYTES];
    struct local_time local;
    int64_t ms;

    check_hours(text, zone);
    check_moment(text, zone);
    check_rate(text, zone);
    field_duration(text, &ms);
    if (zone_parse(zone, (const char *)data, size, &ms) == 0) {
        zone_local(zone, ms, &local);
        HOLDS(local.month >= 1 && local.month <= 12 && local.day >= 1 && local.day <= 31);
        when_write(WHEN_DATE, "zh", &local, written);
        when_write(WHEN_WEEKDAY, "en", &local, written);
    }
    free(text);
    return 0;
}
