#include "rate_rule.h"

#include "error.h"
#include "zone.h"

#include <stddef.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

static const struct {
    const char *name;
    int64_t ms;
} units[] = {
    {"s", 1000}, {"sec", 1000}, {"m", 60000}, {"min", 60000}, {"h", 3600000}, {"hour", 3600000},
};

static int digits(const char **s, int64_t *out)
{
    const char *from = *s;

    for (*out = 0; **s >= '0' && **s <= '9' && *s - from < 9; (*s)++)
        *out = *out * 10 + (**s - '0');
    return *s > from ? 0 : -1;
}

static int parse(const char *s, struct rate_rule *out)
{
    int64_t count, times = 1;
    size_t i;

    if (digits(&s, &count) != 0 || count < 1 || count > 1000000 || *s++ != '/')
        return -1;
    *out = (struct rate_rule){.count = (unsigned)count};
    if (strcmp(s, "day") == 0 || strcmp(s, "d") == 0) {
        out->window_ms = DAY_MS;
        out->calendar_day = true;
        return 0;
    }
    if (*s >= '0' && *s <= '9' && digits(&s, &times) != 0)
        return -1;
    for (i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(s, units[i].name) == 0)
            out->window_ms = times * units[i].ms;
    return out->window_ms >= 1000 && out->window_ms <= 31 * DAY_MS ? 0 : -1;
}

int rate_rule_parse(const char *text, struct rate_rule *out, struct error *err)
{
    if (parse(text, out) == 0)
        return 0;
    return error_set(err,
                     "\"%s\" is no limit: write so many in so long, as in \"1/30s\", \"2/h\" or "
                     "\"5/day\"",
                     text);
}

static int64_t midnight(const struct zone *zone, int64_t wall_ms, int days)
{
    struct local_time t;

    zone_local(zone, wall_ms, &t);
    t.hour = t.minute = t.second = 0;
    t.day += days;
    return zone_wall(zone, &t);
}

int64_t rate_rule_since(const struct rate_rule *rule, const struct zone *zone, int64_t now_ms)
{
    return rule->calendar_day ? midnight(zone, now_ms, 0) - 1 : now_ms - rule->window_ms;
}

int64_t rate_rule_next(const struct rate_rule *rule, const struct zone *zone, int64_t at_ms)
{
    return rule->calendar_day ? midnight(zone, at_ms, 1) : at_ms + rule->window_ms;
}
