/*
 * What operators take for one number, by the name of the rule: as Aliyun, Huawei, Tencent,
 * WeCom and DingTalk document it (plugins/README.md, `per_number`).
 */
#include "per_number.h"

#include "error.h"
#include "mem.h"
#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S INT64_C(1000)
#define MIN (60 * S)
#define H (60 * MIN)

static const struct fact {
    const char *name, *json;
    size_t count;
    struct {
        unsigned most;
        int64_t window_ms;
    } rules[PER_NUMBER_RULES];
} facts[] = {
    {"Aliyun: 50 notices in a day from the first", "\"aliyun-notice\"", 1, {{50, 24 * H}}},
    {"Aliyun: 50 promotions likewise", "\"aliyun-promotion\"", 1, {{50, 24 * H}}},
    {"Aliyun: codes by the minute, the hour and the day",
     "\"aliyun-code\"",
     3,
     {{1, MIN}, {5, H}, {10, 24 * H}}},
    {"Huawei: one text twice in 59 s, five times in 59 min",
     "\"huawei-notice\"",
     2,
     {{2, 59 * S}, {5, 59 * MIN}}},
    {"Huawei: promotions also by the hour and the day",
     "\"huawei-promotion\"",
     4,
     {{2, 59 * S}, {5, 59 * MIN}, {4, H}, {10, 24 * H}}},
    {"Tencent's console, untouched", "\"tencent\"", 2, {{1, 30 * S}, {10, 24 * H}}},
    {"WeCom: one member", "\"wecom-app\"", 2, {{30, MIN}, {1000, H}}},
    {"DingTalk: one member", "\"dingtalk-work\"", 1, {{500, 24 * H}}},
    {"a rule of one's own", "\"3/90s\"", 1, {{3, 90 * S}}},
    {"rules of one's own", "[\"1/30s\", \"10/24h\"]", 2, {{1, 30 * S}, {10, 24 * H}}},
};

static struct tree *setting(const char *value)
{
    char text[200];
    struct error err = {""};
    struct tree *t;

    snprintf(text, sizeof text, "{\"per_number\": %s}", value);
    t = tree_parse_json(text, strlen(text), NULL, &err);
    if (t == NULL)
        fail_msg("%s: %s", text, err.text);
    return t;
}

static void test_fact(void **state)
{
    const struct fact *f = *state;
    struct error err = {""};
    struct tree *t = setting(f->json);
    struct per_number p;

    if (per_number_read(tree_get(t, "per_number"), &p, NULL, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(p.count, f->count);
    for (size_t i = 0; i < p.count; i++) {
        assert_int_equal(p.rules[i].count, f->rules[i].most);
        assert_int_equal(p.rules[i].window_ms, f->rules[i].window_ms);
        assert_false(p.rules[i].calendar_day); /* from a send on, whatever the calendar says */
    }
    tree_free(t);
}

/* Neither a name that nobody has, nor more rules than are looked at. */
static void test_refused(void **state)
{
    static const char *const wrong[] = {"\"huawai-notice\"", "\"\"", "7", "[\"tencent\"]",
                                        "[\"1/s\", \"2/min\", \"3/h\", \"4/24h\", \"5/48h\"]"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error err = {""};
        struct tree *t = setting(wrong[i]);
        struct per_number p;

        assert_int_equal(per_number_read(tree_get(t, "per_number"), &p, NULL, &err), -1);
        assert_non_null(strstr(err.text, "\"huawei-promotion\"")); /* it says what is known */
        tree_free(t);
    }
}

#define COUNT(a) (sizeof(a) / sizeof *(a))

int main(void)
{
    struct CMUnitTest tests[COUNT(facts) + 1] = {cmocka_unit_test(test_refused)};

    for (size_t i = 0; i < COUNT(facts); i++)
        tests[1 + i] = (struct CMUnitTest){facts[i].name, test_fact, NULL, NULL, (void *)&facts[i]};
    return cmocka_run_group_tests_name("per number", tests, NULL, NULL);
}
