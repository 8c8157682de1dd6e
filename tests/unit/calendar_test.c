/* Which days are worked. Those of 2026 are what the State Council's notice says
 * (国办发明电〔2025〕7号), written out here again by hand, holiday by holiday. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "calendar.h"
#include "error.h"
#include "hours.h"
#include "zone.h"

#include <stdio.h>
#include <string.h>

#define DIR TEST_DIR "/../conf/calendars"

static const struct zone *china(void)
{
    return zone_find("Asia/Shanghai", NULL);
}

static int64_t at(const char *text)
{
    int64_t wall_ms;

    assert_int_equal(zone_parse(china(), text, strlen(text), &wall_ms), 0);
    return wall_ms;
}

static bool works(const char *country, const char *day)
{
    struct local_time t;
    char noon[32];

    snprintf(noon, sizeof noon, "%sT12:00", day);
    zone_local(china(), at(noon), &t);
    return calendar_works(calendar_of(country), &t);
}

static const struct {
    const char *day;
    bool worked;
} days[] = {
    {"2025-12-31", true},  {"2026-01-01", false}, {"2026-01-02", false}, {"2026-01-03", false},
    {"2026-01-04", true},  {"2026-01-05", true},  {"2026-01-10", false}, {"2026-01-11", false},
    {"2026-02-13", true},  {"2026-02-14", true},  {"2026-02-15", false}, {"2026-02-19", false},
    {"2026-02-23", false}, {"2026-02-24", true},  {"2026-02-28", true},  {"2026-03-01", false},
    {"2026-04-03", true},  {"2026-04-04", false}, {"2026-04-06", false}, {"2026-04-07", true},
    {"2026-04-30", true},  {"2026-05-01", false}, {"2026-05-05", false}, {"2026-05-06", true},
    {"2026-05-09", true},  {"2026-06-18", true},  {"2026-06-19", false}, {"2026-06-21", false},
    {"2026-06-22", true},  {"2026-09-20", true},  {"2026-09-25", false}, {"2026-09-27", false},
    {"2026-09-28", true},  {"2026-10-01", false}, {"2026-10-07", false}, {"2026-10-08", true},
    {"2026-10-10", true},  {"2026-10-11", false}, {"2026-12-31", true},
};

static void test_2026(void **state)
{
    struct error err;

    (void)state;
    if (calendar_read_all(DIR, &err) != 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < sizeof days / sizeof *days; i++)
        if (works("CN", days[i].day) != days[i].worked)
            fail_msg("%s", days[i].day);
    assert_true(calendar_announced(calendar_of("CN"), 2026));
}

static void test_plain_weeks_elsewhere(void **state)
{
    (void)state;
    assert_false(calendar_announced(calendar_of("CN"), 2199));
    assert_false(calendar_announced(calendar_of("FR"), 2026));
    assert_true(works("FR", "2026-10-01"));  /* a Thursday */
    assert_false(works("FR", "2026-10-10")); /* a Saturday */
}

static const struct {
    const char *what, *hours, *now, *open, *close;
} facts[] = {
    {"a Friday is open", "09:00-18:00", "2026-09-18T10:00", "2026-09-18T10:00", "2026-09-18T18:00"},
    {"after it comes the Sunday that is worked", "09:00-18:00", "2026-09-18T18:00",
     "2026-09-20T09:00", NULL},
    {"nine days of Spring Festival", "08:00-12:00", "2026-02-14T12:00", "2026-02-24T08:00", NULL},
    {"always is from midnight on", "always", "2026-10-03T15:00", "2026-10-08T00:00", NULL},
    {"and goes on to the first day of rest", "always", "2026-10-08T09:00", "2026-10-08T09:00",
     "2026-10-11T00:00"},
    {"an evening before a holiday ends with the day", "20:00-02:00", "2026-09-30T21:00",
     "2026-09-30T21:00", "2026-10-01T00:00"},
    {"the morning of a worked day counts, though the evening before does not", "20:00-02:00",
     "2026-10-07T21:00", "2026-10-08T00:00", NULL},
};

static void test_hours_on_worked_days(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(calendar_read_all(DIR, &err), 0);
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        struct hours *h = hours_parse(facts[i].hours, NULL);
        int64_t now_ms = at(facts[i].now);

        hours_only_worked(h, calendar_of("CN"));
        if (hours_next_open(h, china(), now_ms) != at(facts[i].open))
            fail_msg("%s: opens %lld", facts[i].what,
                     (long long)hours_next_open(h, china(), now_ms));
        if (hours_close(h, china(), now_ms) !=
            (facts[i].close == NULL ? now_ms : at(facts[i].close)))
            fail_msg("%s: closes %lld", facts[i].what, (long long)hours_close(h, china(), now_ms));
        hours_free(h);
    }
}

static void test_days(void **state)
{
    static const char *const bad[] = {"",           "2027-03",     "2027-13-01",
                                      "2027-04-31", "2027-00-10",  "2027-03-12-2027-03-03",
                                      "2027-3-3",   "2027-03-03/", "2027-03-03x",
                                      "27-03-03",   " 2027-03-03", "2027-03-03/2027-03-12/"};
    int from, to;

    (void)state;
    assert_int_equal(calendar_days_parse("2027-03-03/2027-03-12", &from, &to), 0);
    assert_int_equal(from, 20270303);
    assert_int_equal(to, 20270312);
    assert_int_equal(calendar_days_parse("2028-02-29", &from, &to), 0);
    assert_int_equal(to, 20280229);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (calendar_days_parse(bad[i], &from, &to) == 0)
            fail_msg("\"%s\" was taken", bad[i]);
}

static void test_no_directory(void **state)
{
    (void)state;
    assert_int_equal(calendar_read_all("/nonexistent/calendars", NULL), 0);
    assert_false(calendar_announced(calendar_of("CN"), 2026)); /* all that was read is replaced */
    assert_int_equal(calendar_read_all(NULL, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_2026),
        cmocka_unit_test(test_plain_weeks_elsewhere),
        cmocka_unit_test(test_hours_on_worked_days),
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_no_directory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
