/* When reminders are due, and limits as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "error.h"
#include "moment.h"
#include "rate_rule.h"
#include "zone.h"

#include <string.h>

static int64_t at(const struct zone *zone, const char *text)
{
    int64_t wall_ms;

    assert_int_equal(zone_parse(zone, text, strlen(text), &wall_ms), 0);
    return wall_ms;
}

static const struct {
    const char *text, *zone, *start, *due;
    bool of_slot;
} facts[] = {
    {"-7d 09:30", "Asia/Shanghai", "2027-03-06T09:00", "2027-02-27T09:30", false},
    {"－7d　09：30", "Asia/Shanghai", "2027-03-06T09:00", "2027-02-27T09:30", false},
    {"-1d 18:00", "Asia/Shanghai", "2027-03-06T09:00", "2027-03-05T18:00", false},
    {"-0d 08:00", "Asia/Shanghai", "2027-03-06T09:00", "2027-03-06T08:00", false},
    {"-0d 08:00", "Asia/Shanghai", "2027-03-06T00:10", "2027-03-06T08:00", false},
    {"+0d 08:00", "Asia/Shanghai", "2027-03-06T23:50", "2027-03-06T08:00", false},
    {"+1d 10:00", "Asia/Shanghai", "2027-03-06T09:00", "2027-03-07T10:00", false},
    {"-1d", "Asia/Shanghai", "2027-03-06T09:00", "2027-03-05T09:00", false},
    {"-1w", "Asia/Shanghai", "2027-03-06T09:00", "2027-02-27T09:00", false},
    {"-1w 18:00", "Asia/Shanghai", "2027-03-06T09:00", "2027-02-27T18:00", false},
    {"-90m", "Asia/Shanghai", "2027-03-06T09:00", "2027-03-06T07:30", false},
    {"-2h", "Asia/Shanghai", "2027-03-06T09:00", "2027-03-06T07:00", false},
    {"+30m", "Asia/Shanghai", "2027-03-06T09:00", "2027-03-06T09:30", false},
    {"-2h of slot", "Asia/Shanghai", "2027-03-05T08:40", "2027-03-05T06:40", true},
    {"-1d 18:00 of slot", "Asia/Shanghai", "2027-03-05T08:40", "2027-03-04T18:00", true},
    {"2027-03-01T09:00", "Asia/Shanghai", "2027-03-06T09:00", "2027-03-01T09:00", false},
    {"now", "Asia/Shanghai", "2027-03-06T09:00", "2027-02-02T02:02", false},
    {"over the year's end: -10d 09:00", "Asia/Shanghai", "2027-01-05T09:00", "2026-12-26T09:00",
     false},
    {"over a leap day: -1d 09:00", "Asia/Shanghai", "2028-03-01T09:00", "2028-02-29T09:00", false},
    {"over a 23-hour day: -1d", "Europe/Berlin", "2027-03-28T12:00", "2027-03-27T12:00", false},
    {"over a 23-hour day: -24h", "Europe/Berlin", "2027-03-28T12:00", "2027-03-27T11:00", false},
    {"into the gap: -0d 02:30", "Europe/Berlin", "2027-03-28T12:00", "2027-03-28T03:30", false},
    {"over a 25-hour day: -1d 12:00", "America/New_York", "2027-11-07T12:00", "2027-11-06T12:00",
     false},
};

static void test_facts(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        const char *colon = strstr(facts[i].text, ": "),
                   *text = colon == NULL ? facts[i].text : colon + 2;
        const struct zone *zone = zone_find(facts[i].zone, NULL);
        struct error err = {""};
        struct moment m;
        int64_t due_ms;

        if (moment_parse(text, zone, &m, &err) != 0)
            fail_msg("%s", err.text);
        due_ms = moment_resolve(&m, zone, at(zone, facts[i].start), at(zone, "2027-02-02T02:02"));
        if (due_ms != at(zone, facts[i].due) || m.of_slot != facts[i].of_slot)
            fail_msg("%s: due %lld", facts[i].text, (long long)due_ms);
    }
}

static void test_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "7d 09:30",
                                      "-7d 25:00",
                                      "-7d 9",
                                      "-7x",
                                      "-d 09:00",
                                      "- 7d 9:3",
                                      "-9999d",
                                      "tomorrow",
                                      "now of slot",
                                      "-2h of",
                                      "-2h of slots",
                                      "-2hof slot",
                                      "-2h 09:00",
                                      "2027-03-01",
                                      "2027-02-30T09:00",
                                      "2027-03-01T09:00 of slot",
                                      "--1d",
                                      "-1000000000m",
                                      "-7d 09:30 09:30"};
    struct error err;
    struct moment m;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        err.text[0] = '\0';
        if (moment_parse(bad[i], zone_find("UTC", NULL), &m, &err) == 0)
            fail_msg("\"%s\" was taken", bad[i]);
        assert_non_null(strstr(err.text, "-7d 09:30"));
        assert_non_null(strstr(err.text, bad[i]));
    }
}

/* --------------------------------------------------------------------- limits */
static const struct {
    const char *text;
    struct rate_rule rule;
} rules[] = {
    {"1/30s", {1, 30000, false}},   {"5/day", {5, 86400000, true}}, {"200/s", {200, 1000, false}},
    {"20/min", {20, 60000, false}}, {"2/h", {2, 3600000, false}},   {"3/24h", {3, 86400000, false}},
    {"1/5min", {1, 300000, false}},
};

static void test_rules(void **state)
{
    static const char *const bad[] = {"",      "5",         "5/",     "0/s",         "/s",
                                      "-1/s",  "5/0s",      "5/ s",   "5/fortnight", "5/s ",
                                      "1.5/s", "2000000/s", "1/99day"};
    struct error err;
    struct rate_rule rule;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rate_rule_parse(rules[i].text, &rule, NULL) != 0)
            fail_msg("%s was refused", rules[i].text);
        assert_int_equal(rule.count, rules[i].rule.count);
        assert_int_equal(rule.window_ms, rules[i].rule.window_ms);
        assert_int_equal(rule.calendar_day, rules[i].rule.calendar_day);
    }
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (rate_rule_parse(bad[i], &rule, &err) == 0)
            fail_msg("\"%s\" was taken", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
