/* The days on which an event repeats: known answers of RFC 5545 (3.8.5.3) and RFC 7529, and
 * of printed calendars (GB/T 33661) for the lunar ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "error.h"
#include "repeat.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *rule, *first, *days; /* days: the year where it changes, then month-day */
} facts[] = {
    {"FREQ=DAILY;COUNT=10", "1997-09-02",
     "1997 09-02 09-03 09-04 09-05 09-06 09-07 09-08 09-09 09-10 09-11"},
    {"FREQ=DAILY;INTERVAL=10;COUNT=5", "1997-09-02", "1997 09-02 09-12 09-22 10-02 10-12"},
    {"FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR", "1997-09-01",
     "1997 09-01 09-03 09-05 09-15 09-17 09-19 09-29 10-01 10-03 10-13 10-15 10-17 10-27 10-29 "
     "10-31 11-10 11-12 11-14 11-24 11-26 11-28 12-08 12-10 12-12 12-22"},
    {"FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH", "1997-09-02",
     "1997 09-02 09-04 09-09 09-11 09-16 09-18 09-23 09-25 09-30 10-02"},
    {"FREQ=MONTHLY;COUNT=10;BYDAY=1FR", "1997-09-05",
     "1997 09-05 10-03 11-07 12-05 1998 01-02 02-06 03-06 04-03 05-01 06-05"},
    {"FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "1997-09-22",
     "1997 09-22 10-20 11-17 12-22 1998 01-19 02-16"},
    {"FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1", "1997-09-30",
     "1997 09-30 10-01 10-31 11-01 11-30 12-01 12-31 1998 01-01 01-31 02-01"},
    {"FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200", "1997-01-01",
     "1997 01-01 04-10 07-19 2000 01-01 04-09 07-18 2003 01-01 04-10 07-19 2006 01-01"},
    {"FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "1997-09-04", "1997 09-04 10-07 11-06"},
    {"FREQ=MONTHLY;COUNT=7;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "1997-09-29",
     "1997 09-29 10-30 11-27 12-30 1998 01-29 02-26 03-30"},
    {"FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "1997-08-05",
     "1997 08-05 08-10 08-19 08-24"},
    {"FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "1997-08-05",
     "1997 08-05 08-17 08-19 08-31"},
    {"FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "2007-01-15", "2007 01-15 01-30 02-15 03-15 03-30"},
    {"FREQ=YEARLY;COUNT=3", "2024-02-29", "2024 02-29 2028 02-29 2032 02-29"},
    {"FREQ=DAILY;UNTIL=20240302", "2024-02-28", "2024 02-28 02-29 03-01 03-02"},
    /* RFC 7529 */
    {"RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FORWARD;COUNT=4", "2016-02-29",
     "2016 02-29 2017 03-01 2018 03-01 2019 03-01"},
    {"RSCALE=CHINESE;FREQ=YEARLY;COUNT=4", "2013-02-10",
     "2013 02-10 2014 01-31 2015 02-19 2016 02-08"},
    /* Spring Festival, its eve, Lantern Festival, Dragon Boat, Qixi, Mid-Autumn, Double Ninth */
    {"RSCALE=CHINESE;FREQ=YEARLY;COUNT=8", "2024-02-10",
     "2024 02-10 2025 01-29 2026 02-17 2027 02-06 2028 01-26 2029 02-13 2030 02-03 2031 01-23"},
    {"RSCALE=CHINESE;FREQ=YEARLY;COUNT=2", "2027-02-06", "2027 02-06 2028 01-26"},
    {"RSCALE=CHINESE;FREQ=YEARLY;UNTIL=20300203", "2029-02-13", "2029 02-13 2030 02-03"},
    {"RSCALE=CHINESE;FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=-1;COUNT=6", "2025-01-28",
     "2025 01-28 2026 02-16 2027 02-05 2028 01-25 2029 02-12 2030 02-02"},
    {"RSCALE=CHINESE;FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=-1;COUNT=2", "2027-02-05",
     "2027 02-05 2028 01-25"},
    {"RSCALE=CHINESE;FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=15;COUNT=5", "2026-03-03",
     "2026 03-03 2027 02-20 2028 02-09 2029 02-27 2030 02-17"},
    {"RSCALE=CHINESE;FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=5;COUNT=5", "2024-06-10",
     "2024 06-10 2025 05-31 2026 06-19 2027 06-09 2028 05-28"},
    {"RSCALE=CHINESE;FREQ=YEARLY;BYMONTH=7;BYMONTHDAY=7;COUNT=5", "2024-08-10",
     "2024 08-10 2025 08-29 2026 08-19 2027 08-08 2028 08-26"},
    {"RSCALE=CHINESE;FREQ=YEARLY;BYMONTH=8;BYMONTHDAY=15;COUNT=6", "2024-09-17",
     "2024 09-17 2025 10-06 2026 09-25 2027 09-15 2028 10-03 2029 09-22"},
    {"RSCALE=CHINESE;FREQ=YEARLY;BYMONTH=9;BYMONTHDAY=9;COUNT=3", "2025-10-29",
     "2025 10-29 2026 10-18 2027 10-08"},
};

static int occurrences(const char *rule, const char *first, struct local_time *out,
                       struct error *err)
{
    const struct zone *zone = zone_find("America/New_York", NULL);
    struct local_time starts = {.hour = 9};

    assert_int_equal(sscanf(first, "%d-%d-%d", &starts.year, &starts.month, &starts.day), 3);
    return repeat_occurrences(rule, &starts, zone, out, err);
}

static void test_known_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        struct local_time out[REPEAT_MOST];
        char text[1024] = "";
        struct error err = {""};
        int n = occurrences(facts[i].rule, facts[i].first, out, &err), year = 0;
        size_t at = 0;

        for (int k = 0; k < n; k++) {
            if (out[k].year != year)
                at += (size_t)snprintf(text + at, sizeof text - at, "%s%d", at > 0 ? " " : "",
                                       year = out[k].year);
            at += (size_t)snprintf(text + at, sizeof text - at, " %02d-%02d", out[k].month,
                                   out[k].day);
            assert_int_equal(out[k].hour, 9);
        }
        if (strcmp(text, facts[i].days) != 0)
            print_error("%s from %s %s\n", facts[i].rule, facts[i].first, err.text);
        assert_string_equal(text, facts[i].days);
    }
}

static void test_a_year_of_days(void **state)
{
    struct local_time out[REPEAT_MOST];
    struct error err;

    (void)state;
    /* RFC 5545: from September 2 until December 23 */
    assert_int_equal(occurrences("FREQ=DAILY;UNTIL=19971224T000000Z", "1997-09-02", out, &err),
                     113);
    assert_int_equal(out[112].month * 100 + out[112].day, 1223);
    assert_int_equal(occurrences("FREQ=DAILY;COUNT=366", "2028-01-01", out, &err), 366);
    assert_int_equal(out[365].month * 100 + out[365].day, 1231);
}

static const struct {
    const char *rule, *first, *words;
} mistakes[] = {
    {"every Saturday", "2027-03-06", "is no rule"},
    {"", "2027-03-06", "is no rule"},
    {"FREQ=WEEKLY;BYDAY=XX;COUNT=2", "2027-03-06", "is no rule"},
    {"FREQ=WEEKLY;COUNT=2;UNTIL=20271231", "2027-03-06", "is no rule"},
    {"FREQ=HOURLY;COUNT=2", "2027-03-06", "repeats by days"},
    {"FREQ=DAILY;BYHOUR=9,15;COUNT=4", "2027-03-06", "repeats by days"},
    {"FREQ=WEEKLY;BYDAY=SA", "2027-03-06", "never ends"},
    {"FREQ=DAILY;COUNT=367", "2027-03-06", "more than 366"},
    {"FREQ=WEEKLY;BYDAY=SU;COUNT=4", "2027-03-06", "first day of the rule is 2027-03-07"},
    {"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=2", "2027-03-06", "no day can satisfy"},
    {"FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=2", "2027-03-06", "no day"},
    {"FREQ=DAILY;UNTIL=20270101", "2027-03-06", "no day follows"},
    {"RSCALE=KLINGON;FREQ=DAILY;COUNT=2", "2027-03-06", "RSCALE is CHINESE"},
    {"RSCALE=CHINESE;FREQ=YEARLY;BYDAY=SA;COUNT=2", "2027-03-06", "RSCALE goes with"},
    {"RSCALE=CHINESE;FREQ=MONTHLY;BYMONTHDAY=1,-1;COUNT=2", "2027-03-06", "BYMONTHDAY counts"},
};

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        struct local_time out[REPEAT_MOST];
        struct error err = {""};

        assert_int_equal(occurrences(mistakes[i].rule, mistakes[i].first, out, &err), -1);
        if (strstr(err.text, mistakes[i].words) == NULL)
            fail_msg("%s: \"%s\" does not say \"%s\"", mistakes[i].rule, err.text,
                     mistakes[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_a_year_of_days),
        cmocka_unit_test(test_mistakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
