/* When a gateway's receipts are missed: R28's "none for N minutes although submits were accepted".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "silence.h"

#define MIN INT64_C(60000)
#define LIMIT (15 * MIN)

/* A look: counters and time, and what is to be said. */
struct look {
    const char *what;
    uint64_t accepted, heard;
    int64_t now_ms;
    enum silence_change change;
};

static void run(const struct look *looks, size_t n)
{
    struct silence s = {0};

    for (size_t i = 0; i < n; i++)
        if (silence_look(&s, looks[i].accepted, looks[i].heard, looks[i].now_ms, LIMIT) !=
            looks[i].change)
            fail_msg("%s", looks[i].what);
}

static void test_silence(void **state)
{
    static const struct look looks[] = {
        {"receipts flow", 100, 90, 1 * MIN, SILENCE_SAME},
        {"fewer than twenty wait: they may all be switched off", 119, 90, 60 * MIN, SILENCE_SAME},
        {"the twentieth: from now on it counts", 120, 90, 61 * MIN, SILENCE_SAME},
        {"a moment before the limit", 5000, 90, 76 * MIN - 1, SILENCE_SAME},
        {"the limit", 5000, 90, 76 * MIN, SILENCE_BEGAN},
        {"said once", 9000, 90, 100 * MIN, SILENCE_SAME},
        {"one receipt ends it", 9001, 91, 101 * MIN, SILENCE_ENDED},
        {"once", 9001, 91, 102 * MIN, SILENCE_SAME},
        {"and it may begin anew", 9021, 91, 103 * MIN, SILENCE_SAME},
        {"as before", 9021, 91, 118 * MIN, SILENCE_BEGAN},
    };

    (void)state;
    run(looks, sizeof looks / sizeof *looks);
}

/* A night without submits is no silence; nor is a gateway whose last ones all had theirs. */
static void test_quiet(void **state)
{
    static const struct look looks[] = {
        {"all have had theirs", 1000, 1000, 1 * MIN, SILENCE_SAME},
        {"a night", 1000, 1000, 600 * MIN, SILENCE_SAME},
        {"the first in the morning", 1019, 1000, 700 * MIN, SILENCE_SAME},
        {"a receipt of each in time", 1040, 1001, 701 * MIN, SILENCE_SAME},
    };

    (void)state;
    run(looks, sizeof looks / sizeof *looks);
}

static void test_never(void **state)
{
    struct silence s = {0};

    (void)state;
    silence_look(&s, 100, 0, MIN, 0);
    assert_int_equal(silence_look(&s, 100000, 0, 1000 * MIN, 0), SILENCE_SAME);
    /* switched off while it is told: that is its end */
    silence_look(&s, 200000, 0, 1001 * MIN, LIMIT);
    assert_int_equal(silence_look(&s, 200000, 0, 1100 * MIN, LIMIT), SILENCE_BEGAN);
    assert_int_equal(silence_look(&s, 200000, 0, 1101 * MIN, 0), SILENCE_ENDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_never),
    };

    return cmocka_run_group_tests_name("silence", tests, NULL, NULL);
}
