/* May the clock be believed? What is expected is what R30 and R33 ask for: a step of 5 s is
 * told, one of 10 min is doubted; Redis 2 s off is told, 60 s off stops promotions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "timekeeper.h"

#define S INT64_C(1000)
#define MIN (60 * S)
#define NOW INT64_C(1804294800000)

static const struct {
    const char *what;
    int64_t step_ms;
    enum timekeeper_verdict verdict;
    bool sends, promotes;
} steps[] = {
    {"nothing", 0, TIMEKEEPER_STEADY, true, true},
    {"the noise of two readings", -3, TIMEKEEPER_STEADY, true, true},
    {"five seconds are followed without a word", 5 * S, TIMEKEEPER_NUDGED, true, true},
    {"also back", -5 * S, TIMEKEEPER_NUDGED, true, true},
    {"more is told, and promotions wait", 5 * S + 1, TIMEKEEPER_STEPPED, true, false},
    {"more back", -5 * S - 1, TIMEKEEPER_STEPPED, true, false},
    {"ten minutes", 10 * MIN, TIMEKEEPER_STEPPED, true, false},
    {"more than that is doubted", 10 * MIN + 1, TIMEKEEPER_DOUBTED, false, false},
    {"a year back", -366 * 24 * 60 * MIN, TIMEKEEPER_DOUBTED, false, false},
};

static void test_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct timekeeper t = {0};

        if (timekeeper_look(&t, steps[i].step_ms, NOW, 7 * S) != steps[i].verdict ||
            timekeeper_sends(&t) != steps[i].sends ||
            timekeeper_promotes(&t, 7 * S) != steps[i].promotes)
            fail_msg("%s", steps[i].what);
    }
}

static void test_promotions_wait_a_minute(void **state)
{
    struct timekeeper t = {0};

    (void)state;
    assert_int_equal(timekeeper_look(&t, 6 * S, NOW, 100 * S), TIMEKEEPER_STEPPED);
    assert_int_equal(timekeeper_look(&t, 0, NOW, 101 * S), TIMEKEEPER_STEADY);
    assert_false(timekeeper_promotes(&t, 160 * S - 1));
    assert_true(timekeeper_promotes(&t, 160 * S));
}

static void test_a_doubt_is_told_once(void **state)
{
    struct timekeeper t = {0};

    (void)state;
    assert_int_equal(timekeeper_look(&t, 60 * MIN, NOW, 0), TIMEKEEPER_DOUBTED);
    assert_int_equal(timekeeper_look(&t, 60 * MIN + 2, NOW, 1 * S), TIMEKEEPER_STEADY);
    assert_int_equal(timekeeper_look(&t, 90 * MIN, NOW, 2 * S), TIMEKEEPER_DOUBTED);
    assert_false(timekeeper_sends(&t));
}

static void test_a_doubt_ends(void **state)
{
    struct timekeeper t = {0};

    (void)state;
    timekeeper_look(&t, 60 * MIN, NOW, 0);
    assert_int_equal(timekeeper_look(&t, 9 * MIN, NOW, 1 * S), TIMEKEEPER_CAME_BACK);
    assert_true(timekeeper_sends(&t));
    assert_false(timekeeper_promotes(&t, 60 * S));
    assert_true(timekeeper_promotes(&t, 61 * S));

    timekeeper_look(&t, -60 * MIN, NOW, 100 * S);
    timekeeper_confirm(&t, 101 * S);
    assert_true(timekeeper_sends(&t));
    assert_false(timekeeper_promotes(&t, 160 * S));
    assert_int_equal(timekeeper_look(&t, 0, NOW, 200 * S), TIMEKEEPER_STEADY);
}

/* A reboot with an empty battery: there is no step, but it has been later already. */
static void test_before_its_own_past(void **state)
{
    struct timekeeper t = {.least_ms = NOW};

    (void)state;
    assert_int_equal(timekeeper_look(&t, 0, NOW - 10 * MIN - 1, 0), TIMEKEEPER_DOUBTED);
    assert_false(timekeeper_sends(&t));
    assert_int_equal(timekeeper_look(&t, 0, NOW - 10 * MIN, 1 * S), TIMEKEEPER_CAME_BACK);
    assert_true(timekeeper_sends(&t));

    t = (struct timekeeper){.least_ms = NOW};
    timekeeper_look(&t, 0, 0, 0);
    timekeeper_confirm(&t, 0); /* it is 1970, says a person */
    assert_int_equal(timekeeper_look(&t, 0, 0, 1 * S), TIMEKEEPER_STEADY);
}

static void test_peer(void **state)
{
    struct timekeeper t = {0};

    (void)state;
    assert_false(timekeeper_peer(&t, 2 * S));
    assert_true(timekeeper_peer(&t, 2 * S + 1));
    assert_false(timekeeper_peer(&t, 30 * S)); /* told */
    assert_true(timekeeper_promotes(&t, 0));
    assert_false(timekeeper_peer(&t, -60 * S));
    assert_true(timekeeper_promotes(&t, 0));
    assert_true(timekeeper_peer(&t, -60 * S - 1));
    assert_false(timekeeper_promotes(&t, 0));
    assert_true(timekeeper_sends(&t)); /* everything but promotions */
    assert_true(timekeeper_peer(&t, 3 * S));
    assert_true(timekeeper_promotes(&t, 0));
    assert_false(timekeeper_peer(&t, 1500)); /* not yet over, nor told again */
    assert_true(timekeeper_peer(&t, 1 * S));
    assert_false(timekeeper_peer(&t, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_promotions_wait_a_minute),
        cmocka_unit_test(test_a_doubt_is_told_once),
        cmocka_unit_test(test_a_doubt_ends),
        cmocka_unit_test(test_before_its_own_past),
        cmocka_unit_test(test_peer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
