/* When residents may be disturbed. Times are local, of the zone named; see at(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "error.h"
#include "hours.h"
#include "zone.h"

#include <string.h>

static int64_t at(const struct zone *zone, const char *text)
{
    int64_t wall_ms;

    assert_int_equal(zone_parse(zone, text, strlen(text), &wall_ms), 0);
    return wall_ms;
}

#define OFFICE "08:00-12:00,14:00-20:30"

static const struct {
    const char *what, *hours, *zone, *now, *open, *close;
} facts[] = {
    {"in the morning it is open", OFFICE, "Asia/Shanghai", "2027-03-06T09:00", "2027-03-06T09:00",
     "2027-03-06T12:00"},
    {"from the first second", OFFICE, "Asia/Shanghai", "2027-03-06T08:00", "2027-03-06T08:00",
     "2027-03-06T12:00"},
    {"not the second before", OFFICE, "Asia/Shanghai", "2027-03-06T07:59:59", "2027-03-06T08:00",
     NULL},
    {"to the last second", OFFICE, "Asia/Shanghai", "2027-03-06T20:29:59", "2027-03-06T20:29:59",
     "2027-03-06T20:30"},
    {"not after it", OFFICE, "Asia/Shanghai", "2027-03-06T20:30", "2027-03-07T08:00", NULL},
    {"noon is for sleeping", OFFICE, "Asia/Shanghai", "2027-03-06T12:00", "2027-03-06T14:00", NULL},
    {"over the end of a year", OFFICE, "Asia/Shanghai", "2026-12-31T23:00", "2027-01-01T08:00",
     NULL},
    {"over the leap day", OFFICE, "Asia/Shanghai", "2028-02-28T21:00", "2028-02-29T08:00", NULL},
    {"a window over midnight: evening", "22:00-06:00", "UTC", "2027-03-06T23:00",
     "2027-03-06T23:00", "2027-03-07T06:00"},
    {"a window over midnight: morning", "22:00-06:00", "UTC", "2027-03-06T05:00",
     "2027-03-06T05:00", "2027-03-06T06:00"},
    {"a window over midnight: day", "22:00-06:00", "UTC", "2027-03-06T12:00", "2027-03-06T22:00",
     NULL},
    {"windows that touch are one", "08:00-12:00,12:00-14:00", "UTC", "2027-03-06T11:00",
     "2027-03-06T11:00", "2027-03-06T14:00"},
    {"windows in any order, with spaces", " 14:00 - 20:00 , 8:00-12:00 ", "UTC", "2027-03-06T13:00",
     "2027-03-06T14:00", NULL},
    {"to midnight", "20:00-24:00", "UTC", "2027-03-06T23:59", "2027-03-06T23:59",
     "2027-03-07T00:00"},
    {"an opening in the gap of spring comes after it", "02:30-20:00", "Europe/Berlin",
     "2027-03-28T01:00", "2027-03-28T03:00", NULL},
    {"a window that lies in the gap is not there that day", "02:10-02:50", "Europe/Berlin",
     "2027-03-28T01:00", "2027-03-29T02:10", NULL},
    {"the hour that comes twice is night twice", "08:00-20:00", "Europe/Berlin",
     "2027-10-31T02:30+01:00", "2027-10-31T08:00", NULL},
    {"the night of autumn is longer", "21:00-05:00", "Europe/Berlin", "2027-10-30T22:00",
     "2027-10-30T22:00", "2027-10-31T05:00"},
};

static void test_facts(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        const struct zone *zone = zone_find(facts[i].zone, NULL);
        struct hours *h = hours_parse(facts[i].hours, NULL);
        int64_t now_ms = at(zone, facts[i].now);
        int64_t close_ms = facts[i].close == NULL ? now_ms : at(zone, facts[i].close);

        assert_non_null(h);
        if (hours_next_open(h, zone, now_ms) != at(zone, facts[i].open))
            fail_msg("%s: opens %lld", facts[i].what, (long long)hours_next_open(h, zone, now_ms));
        if (hours_close(h, zone, now_ms) != close_ms)
            fail_msg("%s: closes %lld", facts[i].what, (long long)hours_close(h, zone, now_ms));
        hours_free(h);
    }
}

/* What was asked before must not show. */
static void test_any_order(void **state)
{
    const struct zone *china = zone_find("Asia/Shanghai", NULL), *utc = zone_find("UTC", NULL);
    struct hours *h = hours_parse(OFFICE, NULL);
    size_t round;

    (void)state;
    for (round = 0; round < 3; round++) {
        assert_int_equal(hours_next_open(h, china, at(china, "2027-03-06T21:00")),
                         at(china, "2027-03-07T08:00"));
        assert_int_equal(hours_next_open(h, china, at(china, "2027-03-06T13:00")),
                         at(china, "2027-03-06T14:00"));
        assert_int_equal(hours_next_open(h, utc, at(utc, "2027-03-06T13:00")),
                         at(utc, "2027-03-06T14:00"));
        assert_int_equal(hours_next_open(h, china, at(china, "2027-03-06T11:00")),
                         at(china, "2027-03-06T11:00"));
    }
    hours_free(h);
}

static void test_always(void **state)
{
    static const char *const all[] = {"always", "", "00:00-24:00", "08:00-08:00",
                                      "00:00-12:00,12:00-24:00"};
    const struct zone *zone = zone_find("Asia/Shanghai", NULL);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct hours *h = hours_parse(all[i], NULL);

        assert_non_null(h);
        assert_int_equal(hours_next_open(h, zone, at(zone, "2027-03-06T03:00")),
                         at(zone, "2027-03-06T03:00"));
        assert_int_equal(hours_close(h, zone, at(zone, "2027-03-06T03:00")), INT64_MAX);
        hours_free(h);
    }
}

static void test_refused(void **state)
{
    static const char *const bad[] = {"8",
                                      "08:00",
                                      "08:00-",
                                      "08:00-25:00",
                                      "08:60-09:00",
                                      "24:00-08:00",
                                      "08:00-12:00,",
                                      "08-12",
                                      "08:00-12:00;14:00-20:00",
                                      "8.00-12.00",
                                      "早上"};
    struct error err;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        err.text[0] = '\0';
        if (hours_parse(bad[i], &err) != NULL)
            fail_msg("\"%s\" was taken", bad[i]);
        assert_non_null(strstr(err.text, "are not hours of the day"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_always),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
