/*
 * What counts against a limit, and when it no longer does: windows slide, days are
 * those of the zone's calendar. Expected instants are from `date` and the tz database.
 */
#include "rate_rule.h"
#include "zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Instants in UTC seconds: `TZ=ZONE date -d "..." +%s`. */
static const struct fact {
    const char *name, *rule, *zone;
    int64_t now_ms, since_ms, next_ms; /* next: of something of now */
} facts[] = {
    {"30 s are 30 s", "1/30s", "Asia/Shanghai", 1800000000000, 1799999970000, 1800000030000},
    {"an hour slides", "2/h", "Asia/Shanghai", 1800000000123, 1799996400123, 1800003600123},
    {"24 hours slide", "2/24h", "Asia/Shanghai", 1800000000000, 1799913600000, 1800086400000},
    /* 2027-01-15 16:00 in Shanghai; midnights 2027-01-14T16:00Z and 2027-01-15T16:00Z */
    {"a day is the calendar's", "5/day", "Asia/Shanghai", 1800000000000, 1799942400000 - 1,
     1800028800000},
    {"at midnight a new one begins", "5/day", "Asia/Shanghai", 1800028800000, 1800028800000 - 1,
     1800115200000},
    {"a millisecond before it is still the old one", "5/day", "Asia/Shanghai", 1800028799999,
     1799942400000 - 1, 1800028800000},
    {"in another zone at another instant", "5/day", "America/New_York", 1800000000000,
     1799989200000 - 1, 1800075600000},
    /* Berlin, Sunday 2027-03-28: 23 hours; 2027-10-31: 25 hours */
    {"a day of 23 hours", "1/day", "Europe/Berlin", 1806228000000, 1806188400000 - 1,
     1806271200000},
    {"a day of 25 hours", "1/day", "Europe/Berlin", 1825023600000 - 1, 1824933600000 - 1,
     1825023600000},
};

static void test_fact(void **state)
{
    const struct fact *f = *state;
    const struct zone *zone = zone_find(f->zone, NULL);
    struct rate_rule rule;

    assert_int_equal(rate_rule_parse(f->rule, &rule, NULL), 0);
    assert_int_equal(rate_rule_since(&rule, zone, f->now_ms), f->since_ms);
    assert_int_equal(rate_rule_next(&rule, zone, f->now_ms), f->next_ms);
}

/* The two agree, around the clock and the year: what came at t counts until next(t) and no
 * longer, where "counts" is "after since". */
static void test_agree(void **state)
{
    static const char *const rules[] = {"1/30s", "2/h", "3/24h", "5/day"};
    static const char *const zones[] = {"Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo",
                                        "Asia/Kathmandu", "UTC"};

    (void)state;
    for (size_t r = 0; r < 4; r++)
        for (size_t z = 0; z < 5; z++)
            for (int64_t t = 1790000000000; t < 1790000000000 + INT64_C(366) * 86400000;
                 t += 7 * 3600000 + 1234567) {
                const struct zone *zone = zone_find(zones[z], NULL);
                struct rate_rule rule;
                int64_t next;

                assert_int_equal(rate_rule_parse(rules[r], &rule, NULL), 0);
                next = rate_rule_next(&rule, zone, t);
                assert_true(next > t);
                assert_true(rate_rule_since(&rule, zone, t) < t);
                assert_true(rate_rule_since(&rule, zone, next - 1) < t);
                assert_true(rate_rule_since(&rule, zone, next) >= t);
            }
}

#define COUNT(a) (sizeof(a) / sizeof *(a))

int main(void)
{
    struct CMUnitTest tests[COUNT(facts) + 1];

    for (size_t i = 0; i < COUNT(facts); i++)
        tests[i] = (struct CMUnitTest){facts[i].name, test_fact, NULL, NULL, (void *)&facts[i]};
    tests[COUNT(facts)] = (struct CMUnitTest)cmocka_unit_test(test_agree);
    return cmocka_run_group_tests_name("rate rules in time", tests, NULL, NULL);
}
