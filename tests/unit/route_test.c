/*
 * Routing. The patterns' expected matches are fnmatch(3)'s, which is asked beside
 * them; the networks' prefixes are those of the sample configuration.
 */
#include "error.h"
#include "gateway.h"
#include "route.h"

#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROWS(table) (sizeof table / sizeof table[0])
#define STRINGS(...)                                                                               \
    {                                                                                              \
        (const char *const[]){__VA_ARGS__},                                                        \
            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)                            \
    }
#define NOTICE (1u << GATEWAY_CLASS_NOTICE)
#define ALL 7u

static const struct gateway_closed spring[] = {{20270303, 20270312}};

enum { MOBILE, UNICOM, CLOUD, PROMO, SPARE, OFFICE, COUNT };
static const struct gateway_config configs[COUNT] = {
    [MOBILE] = {.name = "mobile",
                .channel = "sms",
                .classes = NOTICE | 1u << GATEWAY_CLASS_PERSONAL,
                .priority = 1,
                .weight = 1,
                .match = STRINGS("+8613[4-9]*", "+8615[0-27-9]*", "+8618[23478]*", "+8619[578]*")},
    [UNICOM] = {.name = "unicom",
                .channel = "sms",
                .classes = NOTICE,
                .priority = 2,
                .weight = 1,
                .match = STRINGS("+8613[0-2]*", "+86186*")},
    [CLOUD] = {.name = "cloud",
               .channel = "sms",
               .classes = NOTICE,
               .priority = 3,
               .weight = 3,
               .closed = {spring, 1}},
    [PROMO] = {.name = "promo",
               .channel = "sms",
               .classes = 1u << GATEWAY_CLASS_PROMOTION,
               .priority = 1,
               .weight = 1},
    [SPARE] = {.name = "spare", .channel = "sms", .classes = NOTICE, .priority = 3, .weight = 1},
    [OFFICE] = {.name = "office",
                .channel = "wecom",
                .classes = ALL,
                .priority = 1,
                .weight = 1,
                .group = true},
};

#define BIT(i) (UINT64_C(1) << (i))
#define UP UINT64_MAX

static const struct fact {
    const char *name;
    struct route_query query;
    uint64_t usable;
    uint32_t random;
    int chosen; /* -1: none, and why */
    const char *why;
} facts[] = {
    {"preferred by prefix", {"sms", 0, "+8613851400001", 0, 0, false, false}, UP, 0, MOBILE, NULL},
    {"another network's", {"sms", 0, "+8613051400001", 0, 0, false, false}, UP, 0, UNICOM, NULL},
    {"preference before priority",
     {"sms", 0, "+8618651400001", 0, 0, false, false},
     UP,
     0,
     UNICOM,
     NULL},
    {"nobody prefers it: priority",
     {"sms", 0, "+12025550123", 0, 0, false, false},
     UP,
     0,
     MOBILE,
     NULL},
    {"the preferred one is down",
     {"sms", 0, "+8613051400001", 0, 0, false, false},
     UP & ~BIT(UNICOM),
     0,
     MOBILE,
     NULL},
    {"two are down: by weight",
     {"sms", 0, "+8613851400001", 0, 0, false, false},
     BIT(CLOUD) | BIT(SPARE),
     0,
     CLOUD,
     NULL},
    {"three quarters",
     {"sms", 0, "+8613851400001", 0, 0, false, false},
     BIT(CLOUD) | BIT(SPARE),
     0xbfffffff,
     CLOUD,
     NULL},
    {"the last quarter",
     {"sms", 0, "+8613851400001", 0, 0, false, false},
     BIT(CLOUD) | BIT(SPARE),
     0xc0000000,
     SPARE,
     NULL},
    {"closed today",
     {"sms", 0, "+8613851400001", 20270303, 0, false, false},
     BIT(CLOUD) | BIT(SPARE),
     0,
     SPARE,
     NULL},
    {"closed on the last day",
     {"sms", 0, "+8613851400001", 20270312, 0, false, false},
     BIT(CLOUD) | BIT(SPARE),
     0,
     SPARE,
     NULL},
    {"open the day after",
     {"sms", 0, "+8613851400001", 20270313, 0, false, false},
     BIT(CLOUD) | BIT(SPARE),
     0,
     CLOUD,
     NULL},
    {"tried already",
     {"sms", 0, "+8613851400001", 0, BIT(MOBILE), false, false},
     UP,
     0,
     UNICOM,
     NULL},
    {"the class",
     {"sms", GATEWAY_CLASS_PROMOTION, "+8613851400001", 0, 0, false, false},
     UP,
     0,
     PROMO,
     NULL},
    {"another class",
     {"sms", GATEWAY_CLASS_PERSONAL, "+8613051400001", 0, 0, false, false},
     UP,
     0,
     MOBILE,
     NULL},
    {"another channel", {"wecom", 0, "", 0, 0, true, false}, UP, 0, OFFICE, NULL},
    {"a person is not told in a group",
     {"wecom", 0, "wang", 0, 0, false, false},
     UP,
     0,
     -1,
     "the gateways of this channel reach a group, not a person"},
    {"a number is not a group",
     {"sms", 0, "", 0, 0, true, false},
     UP,
     0,
     -1,
     "no gateway of this channel reaches a group"},
    {"no such channel",
     {"fax", 0, "", 0, 0, false, false},
     UP,
     0,
     -1,
     "no gateway serves this channel"},
    {"no such class",
     {"sms", 3, "", 0, 0, false, false},
     UP,
     0,
     -1,
     "no gateway of this channel carries this class"},
    {"all are down",
     {"sms", 0, "+8613851400001", 0, 0, false, false},
     0,
     0,
     -1,
     "every gateway of this channel is out of use now"},
    {"all were tried",
     {"wecom", 0, "", 0, BIT(OFFICE), true, false},
     UP,
     0,
     -1,
     "every gateway of this channel was tried"},
};

static struct route *route_of_all(void)
{
    const struct gateway_config *all[COUNT];
    struct error err;
    struct route *r;

    for (size_t i = 0; i < COUNT; i++)
        all[i] = &configs[i];
    r = route_create(all, COUNT, &err);
    assert_non_null(r);
    return r;
}

static void test_fact(void **state)
{
    const struct fact *f = *state;
    struct route *r = route_of_all();
    const char *why = NULL;

    assert_int_equal(route_choose(r, &f->query, f->usable, f->random, &why), f->chosen);
    if (f->why != NULL)
        assert_string_equal(why, f->why);
    assert_int_equal(route_serving(r, "sms", GATEWAY_CLASS_PROMOTION, false), BIT(PROMO));
    route_free(r);
}

static void test_all_closed(void **state)
{
    const struct gateway_config *one[] = {&configs[CLOUD]};
    struct route *r = route_create(one, 1, NULL);
    struct route_query q = {.channel = "sms", .address = "", .today = 20270305};
    const char *why = NULL;

    (void)state;
    assert_int_equal(route_choose(r, &q, UP, 0, &why), -1);
    assert_string_equal(why, "every gateway of this channel is closed today");
    route_free(r);
}

/* The same day, worked in the one campaign's country and not in the other's. */
static void test_days_of_rest(void **state)
{
    struct gateway_config office = configs[SPARE];
    const struct gateway_config *both[] = {&office, &configs[UNICOM]};
    struct route_query q = {.channel = "sms", .address = "", .today = 20270306};
    struct route *r;

    (void)state;
    office.days = GATEWAY_DAYS_WORKED;
    office.priority = 1;
    r = route_create(both, 2, NULL);
    for (int round = 0; round < 2; round++) {
        q.rest = false;
        assert_int_equal(route_choose(r, &q, UP, 0, NULL), 0);
        q.rest = true;
        assert_int_equal(route_choose(r, &q, UP, 0, NULL), 1);
    }
    route_free(r);
}

/* Every pattern against every address, alone and all together, as fnmatch says. */
static void test_patterns(void **state)
{
    static const char *const patterns[] = {
        "+8613[4-9]*", "+86*",           "*",      "+86138?1400001", "*00001", "*5*1",   "+86[!1]*",
        "[+]861*",     "+8613851400001", "\\+86*", "[]]x",           "a[b-]c", "*[0-4]", "+86***1",
        "?",           "企业*",
    };
    static const char *const addresses[] = {
        "+8613851400001",
        "+8613351400001",
        "+8623851400001",
        "+12025550123",
        "",
        "x",
        "]x",
        "a-c",
        "abc",
        "+86",
        "+861",
        "5",
        "企业群",
    };
    struct gateway_config gateways[ROWS(patterns)];
    const struct gateway_config *all[ROWS(patterns)];
    struct route *r;

    (void)state;
    for (size_t i = 0; i < ROWS(patterns); i++) {
        gateways[i] = (struct gateway_config){.name = "x",
                                              .channel = "sms",
                                              .classes = ALL,
                                              .priority = 1,
                                              .weight = 1,
                                              .match = {&patterns[i], 1}};
        all[i] = &gateways[i];
    }
    r = route_create(all, ROWS(patterns), NULL);
    for (size_t a = 0; a < ROWS(addresses); a++) {
        uint64_t together = route_preferring(r, "sms", addresses[a]);

        for (size_t i = 0; i < ROWS(patterns); i++) {
            struct route *alone = route_create(&all[i], 1, NULL);
            bool expected = fnmatch(patterns[i], addresses[a], 0) == 0;

            if (route_preferring(alone, "sms", addresses[a]) != (uint64_t)expected ||
                (together >> i & 1) != (uint64_t)expected)
                fail_msg("%s against %s: expected %d", patterns[i], addresses[a], expected);
            route_free(alone);
        }
    }
    route_free(r);
}

static void test_bad_patterns(void **state)
{
    static const char *const bad[] = {"", "[", "a[1", "[9-1]", "a\\"};
    static const char wide[] = "*a???????????????????????";
    const char *const one = wide;
    struct gateway_config intricate = {.name = "x",
                                       .channel = "sms",
                                       .classes = ALL,
                                       .priority = 1,
                                       .weight = 1,
                                       .match = {&one, 1}};
    const struct gateway_config *all = &intricate;
    struct error err;

    (void)state;
    for (size_t i = 0; i < ROWS(bad); i++)
        assert_int_equal(route_check_pattern(bad[i], &err), -1);
    assert_null(route_create(&all, 1, &err)); /* 2^23 states */
    assert_string_equal(err.text,
                        "channel sms: match: the patterns of this channel are too intricate");
}

static void test_weights(void **state)
{
    struct route *r = route_of_all();
    struct route_query q = {.channel = "sms", .address = "+8613851400001"};
    unsigned counts[COUNT] = {0};
    uint32_t random = 1;

    (void)state;
    for (int i = 0; i < 40000; i++) {
        random = random * 1664525u + 1013904223u;
        counts[route_choose(r, &q, BIT(CLOUD) | BIT(SPARE), random, NULL)]++;
    }
    assert_in_range(counts[CLOUD], 29400, 30600);
    assert_int_equal(counts[CLOUD] + counts[SPARE], 40000);
    route_free(r);
}

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_all_closed), cmocka_unit_test(test_days_of_rest),
        cmocka_unit_test(test_patterns),   cmocka_unit_test(test_bad_patterns),
        cmocka_unit_test(test_weights),
    };
    struct CMUnitTest tests[ROWS(facts) + ROWS(others)];

    for (size_t i = 0; i < ROWS(facts); i++)
        tests[i] = (struct CMUnitTest){facts[i].name, test_fact, NULL, NULL, (void *)&facts[i]};
    memcpy(tests + ROWS(facts), others, sizeof others);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
