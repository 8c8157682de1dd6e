/* Local time: expected instants are those of `date -u` and of the tz database's own tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "error.h"
#include "zone.h"

#include <stdlib.h>
#include <time.h>
#include <string.h>

static const struct zone *zone_of(const char *name)
{
    struct error err = {""};
    const struct zone *zone = zone_find(name, &err);

    assert_non_null(zone);
    return zone;
}

/* ------------------------------------------------------------- text to instant */
static const struct {
    const char *what, *zone, *text;
    int64_t wall_s;
} instants[] = {
    {"a morning in China", "Asia/Shanghai", "2027-03-06T09:00", 1804294800},
    {"with seconds", "Asia/Shanghai", "2027-03-06T09:00:07", 1804294807},
    {"an offset counts, not the zone", "Asia/Shanghai", "2027-03-06T09:00+01:00", 1804320000},
    {"so does Z", "Asia/Shanghai", "2027-03-06T09:00:00Z", 1804323600},
    {"as Excel writes it", "Asia/Shanghai", "2027/3/6 9:00", 1804294800},
    {"China had summer time in 1988", "Asia/Shanghai", "1988-07-01T12:00", 583729200},
    {"and none in that winter", "Asia/Shanghai", "1988-12-01T12:00", 596952000},
    {"winter in Berlin", "Europe/Berlin", "2027-01-15T12:00", 1800010800},
    {"summer in Berlin", "Europe/Berlin", "2027-07-15T12:00", 1815645600},
    {"in the gap of spring it moves forward", "Europe/Berlin", "2027-03-28T02:30", 1806197400},
    {"the first second after the gap", "Europe/Berlin", "2027-03-28T03:00", 1806195600},
    {"the last minute before the gap", "Europe/Berlin", "2027-03-28T01:59", 1806195540},
    {"in the overlap of autumn the first", "Europe/Berlin", "2027-10-31T02:30", 1824942600},
    {"after the overlap", "Europe/Berlin", "2027-10-31T03:00", 1824948000},
    {"the gap of New York", "America/New_York", "2027-03-14T02:30", 1805009400},
    {"the overlap of New York", "America/New_York", "2027-11-07T01:30", 1825565400},
    {"half an hour of Lord Howe: gap", "Australia/Lord_Howe", "2027-10-03T02:15", 1822491900},
    {"a day that Samoa skipped", "Pacific/Apia", "2011-12-30T12:00", 1325282400},
    {"the leap day", "UTC", "2028-02-29T00:00", 1835395200},
    {"the leap day of 2000", "UTC", "2000-02-29T23:59", 951868740},
    {"the year's last minute", "Asia/Shanghai", "2026-12-31T23:59", 1798732740},
    {"the epoch", "UTC", "1970-01-01T00:00", 0},
    {"before the epoch", "UTC", "1969-12-31T23:59:59", -1},
};

static void test_instants(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof instants / sizeof instants[0]; i++) {
        int64_t wall_ms = -77;

        if (zone_parse(zone_of(instants[i].zone), instants[i].text, strlen(instants[i].text),
                       &wall_ms) != 0 ||
            wall_ms != instants[i].wall_s * 1000)
            fail_msg("%s: %s is %lld", instants[i].what, instants[i].text,
                     (long long)(wall_ms / 1000));
    }
}

static const char *const refused[] = {
    "",
    "2027-03-06",
    "2027-03-06T",
    "2027-03-06T9",
    "2027-13-06T09:00",
    "2027-00-06T09:00",
    "2027-02-29T09:00",
    "2100-02-29T09:00",
    "2027-04-31T09:00",
    "2027-03-06T24:00",
    "2027-03-06T09:60",
    "2027-03-06T09:00x",
    "2027-03-06T09:00+8",
    "27-03-06T09:00",
    "2027-03/06T09:00",
    " 2027-03-06T09:00",
    "明天上午",
};

static void test_refused(void **state)
{
    size_t i;
    int64_t wall_ms;

    (void)state;
    for (i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (zone_parse(zone_of("UTC"), refused[i], strlen(refused[i]), &wall_ms) == 0)
            fail_msg("\"%s\" was taken", refused[i]);
}

/* -------------------------------------------------------------- instant to local */
static const struct {
    const char *what, *zone;
    int64_t wall_s;
    struct local_time local;
} locals[] = {
    {"a Saturday in China", "Asia/Shanghai", 1804294800, {2027, 3, 6, 9, 0, 0, 6}},
    {"the hour before the gap", "Europe/Berlin", 1806195599, {2027, 3, 28, 1, 59, 59, 0}},
    {"the hour after the gap", "Europe/Berlin", 1806195600, {2027, 3, 28, 3, 0, 0, 0}},
    {"the overlap, first time", "Europe/Berlin", 1824942600, {2027, 10, 31, 2, 30, 0, 0}},
    {"the overlap, second time", "Europe/Berlin", 1824946200, {2027, 10, 31, 2, 30, 0, 0}},
    {"a leap day", "UTC", 1835395200, {2028, 2, 29, 0, 0, 0, 2}},
    {"new year comes earlier in China", "Asia/Shanghai", 1798732800, {2027, 1, 1, 0, 0, 0, 5}},
    {"the last second of 1969", "UTC", -1, {1969, 12, 31, 23, 59, 59, 3}},
};

static void test_locals(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof locals / sizeof locals[0]; i++) {
        struct local_time local;

        zone_local(zone_of(locals[i].zone), locals[i].wall_s * 1000, &local);
        if (memcmp(&local, &locals[i].local, sizeof local) != 0)
            fail_msg("%s: %d-%d-%d %d:%d:%d, weekday %d", locals[i].what, local.year, local.month,
                     local.day, local.hour, local.minute, local.second, local.weekday);
    }
}

static void test_normalises(void **state)
{
    const struct zone *zone = zone_of("Asia/Shanghai");
    int64_t base_ms = INT64_C(1804294800) * 1000; /* 2027-03-06T09:00 */

    (void)state;
    assert_int_equal(zone_wall(zone, &(struct local_time){2027, 3, 37, 9, 0, 0, 0}),
                     base_ms + INT64_C(31) * 86400000);
    assert_int_equal(zone_wall(zone, &(struct local_time){2027, 3, -1, 9, 0, 0, 0}),
                     base_ms - INT64_C(7) * 86400000);
    assert_int_equal(zone_wall(zone, &(struct local_time){2026, 15, 6, 9, 0, 0, 0}), base_ms);
    assert_int_equal(zone_wall(zone, &(struct local_time){2027, 3, 6, 10, -60, 0, 0}), base_ms);
}

/* ------------------------------------------------------------------------- names */
static void test_names(void **state)
{
    static const char *const bad[] = {
        "",      "Asia/Nowhere", "../etc/passwd", "/etc/passwd", "Asia",           "Asia/../UTC",
        "CST-8", "right/UTC",    "zone.tab",      "北京",        "Asia/Shanghai ", "asia/shanghai"};
    struct error err;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        err.text[0] = '\0';
        if (zone_find(bad[i], &err) != NULL)
            fail_msg("\"%s\" was taken", bad[i]);
        assert_non_null(strstr(err.text, "is not a time zone"));
    }
    assert_ptr_equal(zone_of("Asia/Shanghai"), zone_of("Asia/Shanghai"));
    assert_string_equal(zone_name(zone_of("Europe/Berlin")), "Europe/Berlin");
}

/* Over twenty years, two ways: ours with its cache, against glibc under TZ. */
static void test_against_glibc(void **state)
{
    static const char *const names[] = {"Europe/Berlin", "America/New_York", "Asia/Shanghai",
                                        "Africa/Casablanca", "Australia/Lord_Howe"};
    size_t i;
    int64_t at_s;

    (void)state;
    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct zone *zone = zone_of(names[i]);
        struct local_time ours[4000];
        size_t n = 0, k = 0;

        for (at_s = 1450000000; n < 4000; at_s += 157777, n++)
            zone_local(zone, at_s * 1000, &ours[n]);
        setenv("TZ", names[i], 1);
        tzset();
        for (at_s = 1450000000; k < n; at_s += 157777, k++) {
            time_t t = (time_t)at_s;
            struct tm tm;

            localtime_r(&t, &tm);
            assert_int_equal(ours[k].year, tm.tm_year + 1900);
            assert_int_equal(ours[k].month, tm.tm_mon + 1);
            assert_int_equal(ours[k].day, tm.tm_mday);
            assert_int_equal(ours[k].hour, tm.tm_hour);
            assert_int_equal(ours[k].minute, tm.tm_min);
            assert_int_equal(ours[k].weekday, tm.tm_wday);
        }
        unsetenv("TZ");
    }
}

static void test_environment_is_put_back(void **state)
{
    (void)state;
    setenv("TZ", "Europe/Lisbon", 1);
    zone_offset_s(zone_of("Asia/Tokyo"), INT64_C(1804294800) * 1000);
    assert_string_equal(getenv("TZ"), "Europe/Lisbon");
    unsetenv("TZ");
    zone_offset_s(zone_of("Asia/Tokyo"), INT64_C(1904294800) * 1000);
    assert_null(getenv("TZ"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_instants),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_locals),
        cmocka_unit_test(test_normalises),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_against_glibc),
        cmocka_unit_test(test_environment_is_put_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
