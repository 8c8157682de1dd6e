/* crowd_test.c - weeks in which the same people get many notices */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crowd.h"

static void add(struct crowd *c, const char *to, int64_t week, int times)
{
    while (times-- > 0)
        crowd_add(c, to, strlen(to), week);
}

static void test_weeks(void **state)
{
    struct crowd *c = crowd_create();
    struct crowd_week *weeks;
    size_t count;

    (void)state;
    add(c, "+8613851401001", 7, 4);
    add(c, "+8613851401002", 7, 6);
    add(c, "+8613851401003", 7, 3); /* not many */
    add(c, "+8613851401003", 14, 3);
    add(c, "+8613851401001", 21, 4);
    add(c, "", 21, 50); /* a group's notices are nobody's */
    weeks = crowd_weeks(c, &count);
    assert_int_equal(count, 2);
    assert_int_equal(weeks[0].week, 7);
    assert_int_equal(weeks[0].people, 2);
    assert_int_equal(weeks[0].most, 6);
    assert_int_equal(weeks[1].week, 21);
    assert_int_equal(weeks[1].people, 1);
    free(weeks);
    crowd_free(c);
}

/* Of more people than are kept a part is counted, and reckoned up. */
static void test_many(void **state)
{
    enum { PEOPLE = 800000, WEEKS = 2 };
    struct crowd *c = crowd_create();
    struct crowd_week *weeks;
    size_t count;
    char to[32];

    (void)state;
    for (int i = 0; i < PEOPLE; i++)
        for (int w = 0; w < WEEKS; w++) {
            snprintf(to, sizeof to, "+8613%09d", i);
            add(c, to, w, w == 0 ? CROWD_MANY : CROWD_MANY - 1);
        }
    weeks = crowd_weeks(c, &count);
    assert_int_equal(count, 1);
    assert_in_range(weeks[0].people, PEOPLE * 98 / 100, PEOPLE * 102 / 100);
    assert_int_equal(weeks[0].most, CROWD_MANY);
    free(weeks);
    crowd_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weeks),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
