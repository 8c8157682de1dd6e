/*
 * The built-in reminders: as which campaign the pump sends them, and what stands in their rows.
 */
#include "buf.h"
#include "builtin.h"
#include "decide.h"
#include "error.h"
#include "hours.h"
#include "row.h"
#include "template.h"
#include "tree.h"
#include "zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const usual_limits[] = {"1/day", NULL};
static const struct campaign_defaults defaults = {
    .timezone = "Asia/Shanghai",
    .country = "CN",
    .language = "zh",
    .currency = "CNY",
    .hours = "08:00-12:00",
    .signature = "【鼓楼区妇联】",
    .optout_line = "拒收请回复R",
    .per_recipient = usual_limits,
    .max_segments = 8,
    .max_audience = 1000,
};

static struct campaign *compile(const char *more)
{
    struct error err = {""};
    struct campaign *c;
    char json[2048];

    snprintf(json, sizeof json,
             "{\"id\":\"c\",\"class\":\"promotion\",\"title\":\"t\",\"event\":{\"starts\":"
             "\"2027-03-06T09:00\"%s},\"texts\":{\"zh\":\"{{name}}，{{age|1}}\",\"en\":\"a\"},"
             "\"reminders\":[{\"name\":\"r\",\"at\":\"-1d\"}]}",
             more);
    c = campaign_create(tree_parse_json(json, strlen(json), NULL, &err), &defaults, NULL, 0, &err);
    if (c == NULL)
        fail_msg("%s", err.text);
    return c;
}

static struct campaign *built_in(const struct campaign *c, const char *name)
{
    struct error err = {""};
    struct campaign *made = builtin_campaign(c, name, &defaults, &err);

    if (made == NULL)
        fail_msg("%s", err.text);
    assert_string_equal(made->id, "c");
    assert_int_equal(made->reminder_count, 1);
    assert_string_equal(made->reminders[0].name, name);
    assert_non_null(made->per_recipient);
    assert_null(made->per_recipient[0]); /* no cap holds */
    return made;
}

/* Whether people may be disturbed at that hour of a day in Shanghai. */
static bool open_at(const struct campaign *c, const char *hour)
{
    int64_t ms;
    char text[24];

    snprintf(text, sizeof text, "2027-03-02T%s", hour);
    assert_int_equal(zone_parse(c->zone, text, strlen(text), &ms), 0);
    return hours_next_open(c->reminders[0].hours, c->zone, ms) == ms;
}

static void test_answers(void **state)
{
    struct campaign *c = compile(""), *made = built_in(c, "answers");

    (void)state;
    assert_int_equal(made->class, CLASS_PERSONAL);
    assert_int_equal(made->reminders[0].doubt, DOUBT_HOLD);
    assert_true(builtin_holds_doubt("answers"));
    assert_true(open_at(made, "03:00"));
    assert_null(made->optout_line);
    campaign_free(made);
    campaign_free(c);
}

static void test_corrections(void **state)
{
    struct campaign *c = compile(""), *made = built_in(c, "corrections");

    (void)state;
    assert_int_equal(made->class, CLASS_PROMOTION);
    assert_int_equal(made->reminders[0].doubt, DOUBT_RESEND);
    assert_false(builtin_holds_doubt("corrections"));
    assert_true(open_at(made, "09:00"));
    assert_false(open_at(made, "13:00")); /* the usual hours */
    assert_string_equal(made->optout_line, "拒收请回复R");
    campaign_free(made);
    campaign_free(c);
    c = compile("},\"corrections\":{\"hours\":\"06:00-23:00\"");
    made = built_in(c, "corrections");
    assert_true(open_at(made, "13:00"));
    assert_false(open_at(made, "05:00"));
    campaign_free(made);
    campaign_free(c);
}

static struct campaign *group(void)
{
    static const char json[] =
        "{\"id\":\"c\",\"class\":\"notice\",\"title\":\"t\",\"event\":{\"starts\":"
        "\"2027-03-06T09:00\"},\"channels\":[\"wecom\"],\"audience\":{\"group\":true},"
        "\"texts\":\"x\",\"reminders\":[{\"name\":\"r\",\"at\":\"-1d\"}]}";
    struct error err = {""};
    struct tree *t = tree_parse_json(json, sizeof json - 1, NULL, &err);
    struct campaign *c = campaign_create(t, &defaults, NULL, 0, &err);

    if (c == NULL)
        fail_msg("%s", err.text);
    return c;
}

/* An event that repeats, and a group, have them too. */
static void test_others(void **state)
{
    struct campaign *c = compile(",\"repeat\":\"FREQ=WEEKLY;COUNT=3\"");
    struct campaign *made = built_in(c, "corrections");

    (void)state;
    campaign_free(made);
    campaign_free(c);
    c = group();
    made = built_in(c, "corrections");
    assert_true(made->to_group);
    campaign_free(made);
    campaign_free(c);
}

/* A campaign that must give nobody away answers too, and under its neutral signature. */
static void test_sensitive(void **state)
{
    static const char json[] =
        "{\"id\":\"c\",\"class\":\"notice\",\"title\":\"t\",\"sensitive\":true,\"signature\":"
        "\"【服务中心】\",\"event\":{\"starts\":\"2027-03-06T09:00\",\"contact\":\"12338\"},"
        "\"texts\":{\"zh\":\"您好，请于工作日上午来电，我们为您留了时间。\",\"neutral\":{\"zh\":"
        "\"请致电{{event.contact}}\"}},\"reminders\":[{\"name\":\"r\",\"at\":\"-1d\"}]}";
    struct error err = {""};
    struct tree *t = tree_parse_json(json, sizeof json - 1, NULL, &err);
    struct campaign *c = campaign_create(t, &defaults, NULL, 0, &err), *made;

    (void)state;
    if (c == NULL)
        fail_msg("%s", err.text);
    made = built_in(c, "answers");
    campaign_free(c); /* nothing of it is borrowed */
    assert_true(made->sensitive);
    assert_string_equal(made->signature, "【服务中心】");
    campaign_free(made);
}

static void test_row(void **state)
{
    struct campaign *c = compile(""), *made = built_in(c, "answers");
    struct template_value person[CAMPAIGN_MAX_COLUMNS], values[CAMPAIGN_MAX_COLUMNS];
    static const char hers[] = "+8613851400001\x1f王芳\x1f"
                               "en\x1f"
                               "7";
    struct builtin_notice notice = {.person = person,
                                    .text = "one\ntwo\x1fthree",
                                    .length = 13,
                                    .n = 4711,
                                    .expires_ms = 1772758800000,
                                    .version = 3};
    struct buf row = BUF_INIT(4096);

    (void)state;
    assert_int_equal(campaign_row_split(c, hers, strlen(hers), person), 0);
    builtin_row(c, &notice, &row);
    assert_string_equal(buf_string(&row), "+8613851400001\x1f王芳\x1f"
                                          "en\x1fone\ntwo "
                                          "three\x1f"
                                          "1772758800000\x1f"
                                          "3\x1f"
                                          "4711");
    assert_int_equal(campaign_row_split(made, row.data, row.length, values), 0);
    assert_int_equal(values[made->column_until].length, 13);
    assert_int_equal(values[made->column_version].length, 1);
    /* in the order of c's columns, without the one that it has not */
    assert_int_equal(builtin_split(c, "answers", row.data, row.length, values), 0);
    for (size_t i = 0; i < c->column_count; i++)
        if (strcmp(c->columns[i], "age") == 0)
            assert_int_equal(values[i].length, 0);
        else
            assert_memory_equal(values[i].text, person[i].text, person[i].length);
    assert_int_equal(builtin_split(c, "answers",
                                   "a\x1f"
                                   "b",
                                   3, values),
                     -1);
    assert_int_equal(builtin_split(c, "r", hers, strlen(hers), values), 0);
    assert_int_equal(values[made->column_unasked].length, 0);
    assert_int_equal(builtin_row_of(c, row.data, row.length), 4711);
    assert_int_equal(builtin_row_of(c, hers, strlen(hers)), 0);
    assert_int_equal(builtin_row_of(c, "", 0), 0);
    buf_free(&row);
    campaign_free(made);
    campaign_free(c);
}

static void says(const struct campaign *made, const struct template_value *values,
                 const char *channel, const char *text)
{
    const char *empty;
    char out[200];
    int n = campaign_compose(made, campaign_text(made, 0, channel, "en", 2), values, SIGNATURE_NONE,
                             out, sizeof out - 1, &empty);

    out[n < 0 ? 0 : n] = '\0';
    *strchrnul(out, ' ') = '\0'; /* before the opt-out line */
    assert_string_equal(out, text);
}

/* One text, and what a channel says otherwise; rows that were written before there were any, and
 * those of who asked, end before it. */
static void test_texts_of_channels(void **state)
{
    static const char hers[] = "+8613851400001\x1fwang\x1fwx\x1f\x1f"
                               "en\x1f";
    struct template_value texts[CAMPAIGN_MAX_CHANNELS] = {{"", 0}, {"longer", 6}, {"", 0}};
    struct campaign *c = compile("},\"channels\":[\"sms\",\"wecom\",\"wechat\"],\"vars\":{");
    struct campaign *made = built_in(c, "corrections");
    struct template_value person[CAMPAIGN_MAX_COLUMNS], values[CAMPAIGN_MAX_COLUMNS];
    struct builtin_notice notice = {
        .person = person, .text = "short", .length = 5, .texts = texts, .n = 7};

    (void)state;
    assert_int_equal(campaign_row_split(c, hers, strlen(hers), person), 0);
    for (int more = 0; more < 2; more++) {
        struct buf row = BUF_INIT(4096);

        texts[1].length = more ? 6 : 0;
        builtin_row(c, &notice, &row);
        assert_int_equal(campaign_row_split(made, row.data, row.length, values), 0);
        says(made, values, "sms", "short");
        says(made, values, "wecom", more ? "longer" : "short");
        says(made, values, "wechat", "short");
        assert_int_equal(values[made->column_unasked].length, 0);
        assert_int_equal(builtin_row_of(c, row.data, row.length), 7);
        assert_int_equal(builtin_split(c, "corrections", row.data, row.length, values), 0);
        assert_memory_equal(values[1].text, "wang", 4);
        assert_int_equal(strchr(buf_string(&row), 'l') != NULL,
                         more); /* no row longer than it must */
        buf_free(&row);
    }
    campaign_free(made);
    campaign_free(c);
}

/* What one `answers` row of a campaign is to become at that hour of 2027-03-02 in Shanghai. */
static enum decided decided_at(const char *more, const char *row, bool unasked, const char *hour,
                               struct decided_time *t)
{
    struct campaign *c = compile(more), *made = built_in(c, "answers");
    struct template_value person[CAMPAIGN_MAX_COLUMNS], values[CAMPAIGN_MAX_COLUMNS];
    struct builtin_notice notice = {.person = person, .text = "x", .length = 1, .unasked = unasked};
    struct buf bytes = BUF_INIT(4096);
    enum decided decided;
    int64_t now_ms;
    char text[24];

    snprintf(text, sizeof text, "2027-03-02T%s", hour);
    assert_int_equal(zone_parse(zone_find("Asia/Shanghai", NULL), text, strlen(text), &now_ms), 0);
    assert_int_equal(campaign_row_split(c, row, strlen(row), person), 0);
    builtin_row(c, &notice, &bytes);
    assert_int_equal(builtin_split(c, "answers", bytes.data, bytes.length, values), 0);
    assert_int_equal(campaign_row_split(made, bytes.data, bytes.length, values), 0);
    *t = (struct decided_time){.expires_ms = INT64_MAX};
    decided = decide_time(made, 0, values, now_ms, t);
    t->until_ms -= now_ms;
    t->hours_until_ms -= t->hours_until_ms == INT64_MAX ? 0 : now_ms;
    buf_free(&bytes);
    campaign_free(made);
    campaign_free(c);
    return decided;
}

/* Who asks is answered at any hour; who is told since another one wrote is not told at night. */
static void test_unasked(void **state)
{
    static const char hers[] = "+8613851400001\x1f王芳";
    static const char far[] = "+8613851400001\x1f\x1f\x1f\x1f" /* two hours ahead of Shanghai */
                              "Australia/Brisbane";
    static const char zones[] = "},\"columns\":[\"sms\",\"name\",\"language\",\"age\",\"timezone\"]"
                                ",\"vars\":{";
    struct decided_time t;

    (void)state;
    assert_int_equal(decided_at("", hers, false, "23:00", &t), DECIDE_GOES);
    assert_true(t.hours_until_ms == INT64_MAX);
    assert_int_equal(decided_at("", hers, true, "23:00", &t), DECIDE_WAITS);
    assert_int_equal(t.reason, REASON_HOURS);
    assert_int_equal(t.until_ms, 9 * 3600000);
    assert_int_equal(decided_at("", hers, true, "08:00", &t), DECIDE_GOES);
    assert_int_equal(t.hours_until_ms, 4 * 3600000);
    /* the campaign's own hours, and hers */
    assert_int_equal(decided_at("},\"hours\":\"always\",\"vars\":{", hers, true, "23:00", &t),
                     DECIDE_GOES);
    assert_int_equal(decided_at(zones, far, true, "11:00", &t), DECIDE_WAITS);
    assert_int_equal(t.until_ms, 19 * 3600000);
    assert_int_equal(decided_at(zones, far, true, "06:00", &t), DECIDE_GOES);
    assert_int_equal(decided_at(zones, far, false, "23:00", &t), DECIDE_GOES);
}

/* Her refusal holds but for what she asked for herself. */
static void test_refusal(void **state)
{
    (void)state;
    assert_false(decide_refusal_holds(BUILTIN_ANSWERS, false));
    assert_true(decide_refusal_holds(BUILTIN_ANSWERS, true));
    assert_true(decide_refusal_holds(BUILTIN_CORRECTIONS, false));
    assert_true(decide_refusal_holds("eve", false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers), cmocka_unit_test(test_corrections),
        cmocka_unit_test(test_others),  cmocka_unit_test(test_sensitive),
        cmocka_unit_test(test_row),     cmocka_unit_test(test_unasked),
        cmocka_unit_test(test_refusal), cmocka_unit_test(test_texts_of_channels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
