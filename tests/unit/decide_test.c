/*
 * When one person may be disturbed: by the night of her own zone, over both changes of its clocks.
 * The instants are those of the tz database: summer time of the EU is UTC+2 in Berlin from
 * 2027-03-28 01:00Z to 2027-10-31 01:00Z, of the USA UTC-4 in New York from 2027-03-14 07:00Z to
 * 2027-11-07 06:00Z, and China has none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "campaign.h"
#include "decide.h"
#include "error.h"
#include "tree.h"
#include "zone.h"

#include <string.h>

static const char json[] =
    "{\"id\":\"fair\",\"title\":\"招聘会\",\"class\":\"notice\",\"hours\":\"08:00-20:00\","
    "\"event\":{\"starts\":\"2027-12-30T09:00\",\"timezone\":\"Asia/Shanghai\"},"
    "\"texts\":\"{{name}}您好\","
    "\"reminders\":[{\"name\":\"r\",\"at\":\"now\"}]}";

static int64_t at(const char *text)
{
    int64_t wall_ms;

    assert_int_equal(zone_parse(zone_find("UTC", NULL), text, strlen(text), &wall_ms), 0);
    return wall_ms;
}

static const struct {
    const char *what, *zone, *now, *open, *close; /* close NULL: it waits until open */
} facts[] = {
    {"the morning before summer", "Europe/Berlin", "2027-03-27T06:59:59", "2027-03-27T07:00", NULL},
    {"the first one of summer is an hour sooner", "Europe/Berlin", "2027-03-28T05:59:59",
     "2027-03-28T06:00", NULL},
    {"and goes to its own evening", "Europe/Berlin", "2027-03-28T06:00", NULL, "2027-03-28T18:00"},
    {"the evening before summer", "Europe/Berlin", "2027-03-27T18:59:59", NULL, "2027-03-27T19:00"},
    {"over the night that is short", "Europe/Berlin", "2027-03-27T19:00", "2027-03-28T06:00", NULL},
    {"over the night that is long", "Europe/Berlin", "2027-10-30T18:00", "2027-10-31T07:00", NULL},
    {"the first morning of winter", "Europe/Berlin", "2027-10-31T06:59:59", "2027-10-31T07:00",
     NULL},
    {"and its evening", "Europe/Berlin", "2027-10-31T07:00", NULL, "2027-10-31T19:00"},
    {"America changes on another day: not yet", "America/New_York", "2027-03-13T12:59:59",
     "2027-03-13T13:00", NULL},
    {"America in spring", "America/New_York", "2027-03-14T11:59:59", "2027-03-14T12:00", NULL},
    {"America in autumn", "America/New_York", "2027-11-07T12:59:59", "2027-11-07T13:00", NULL},
    {"who has no zone of her own has the campaign's", "", "2027-03-28T00:00", NULL,
     "2027-03-28T12:00"},
    {"and its night", "", "2027-03-28T12:00", "2027-03-29T00:00", NULL},
};

static void test_hours(void **state)
{
    const char *const known[] = {"sms", "name", "timezone"};
    static const char *const usual_limits[] = {"5/day", NULL};
    static const struct campaign_defaults defaults = {.timezone = "Asia/Shanghai",
                                                      .country = "CN",
                                                      .language = "zh",
                                                      .currency = "CNY",
                                                      .hours = "always",
                                                      .signature = "",
                                                      .optout_line = "",
                                                      .per_recipient = usual_limits,
                                                      .max_segments = 8,
                                                      .max_audience = 100};
    struct error err = {""};
    struct campaign *c = campaign_create(tree_parse_json(json, strlen(json), NULL, &err), &defaults,
                                         known, sizeof known / sizeof known[0], &err);

    (void)state;
    if (c == NULL)
        fail_msg("%s", err.text);
    assert_true(c->column_timezone >= 0);
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        struct template_value row[CAMPAIGN_MAX_COLUMNS] = {{0}};
        struct decided_time t = {.expires_ms = at("2027-12-30T00:00")};
        enum decided how;

        row[c->column_timezone] = (struct template_value){facts[i].zone, strlen(facts[i].zone)};
        how = decide_time(c, 0, row, at(facts[i].now), &t);
        if (how != (facts[i].close != NULL ? DECIDE_GOES : DECIDE_WAITS) ||
            (facts[i].close != NULL ? t.hours_until_ms != at(facts[i].close)
                                    : t.until_ms != at(facts[i].open)))
            fail_msg("%s: %s until %lld", facts[i].what, how == DECIDE_GOES ? "goes" : "waits",
                     (long long)(how == DECIDE_GOES ? t.hours_until_ms : t.until_ms));
    }
    campaign_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_hours)};

    return cmocka_run_group_tests_name("decide", tests, NULL, NULL);
}
