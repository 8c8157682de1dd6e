/* tick_mark_test.c - what people write into a column to tick, and what it must not be taken for */
#include "tick_mark.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static const struct fact {
    const char *cell;
    enum tick_mark says;
} facts[] = {
    {"√", TICK_TOLD},
    {" ✓ ", TICK_TOLD},
    {"✔", TICK_TOLD},
    {"是", TICK_TOLD},
    {"是，3月5日", TICK_TOLD},
    {"已通知", TICK_TOLD},
    {"已告知本人", TICK_TOLD},
    {"√ 王姐 3月5日", TICK_TOLD},
    {"1", TICK_TOLD},
    {"１", TICK_TOLD},
    {"YES", TICK_TOLD},
    {"Ｙ", TICK_TOLD},
    {"yes, by phone", TICK_TOLD},
    {"v", TICK_TOLD}, /* who has no √ on her keyboard */
    {"Ｖ", TICK_TOLD},
    {"V 王姐", TICK_TOLD},
    {"TRUE", TICK_TOLD},
    {"", TICK_NOT_TOLD},
    {"   ", TICK_NOT_TOLD},
    {"\xe3\x80\x80", TICK_NOT_TOLD}, /* an ideographic blank */
    {"无人接听", TICK_NOT_TOLD},
    {"没有接电话", TICK_NOT_TOLD},
    {"未接", TICK_NOT_TOLD},
    {"不在", TICK_NOT_TOLD},
    {"✗", TICK_NOT_TOLD},
    {"×", TICK_NOT_TOLD},
    {"no", TICK_NOT_TOLD},
    {"否", TICK_NOT_TOLD},
    {"没有", TICK_NOT_TOLD},
    {"未告知", TICK_NOT_TOLD},
    {"0", TICK_NOT_TOLD},
    {"FALSE", TICK_NOT_TOLD},
    {"x", TICK_UNCLEAR},
    {"X", TICK_UNCLEAR},
    {"√ 没接", TICK_UNCLEAR}, /* the note takes it back */
    {"已通知，无人接听", TICK_UNCLEAR},
    {"是？", TICK_UNCLEAR},
    {"是否", TICK_UNCLEAR},
    {"1月5日打过", TICK_UNCLEAR}, /* begins with a 1, and is none */
    {"11", TICK_UNCLEAR},
    {"yesterday", TICK_UNCLEAR},
    {"v 没接", TICK_UNCLEAR},
    {"very soon", TICK_UNCLEAR},
    {"王姐 3月5日", TICK_UNCLEAR},
    {"nobody", TICK_UNCLEAR},
};

static void test_fact(void **state)
{
    const struct fact *f = *state;

    assert_int_equal(tick_mark_read(f->cell, strlen(f->cell)), f->says);
}

static void test_long(void **state)
{
    char cell[1000];

    (void)state;
    memset(cell, ' ', sizeof cell);
    memcpy(cell, "√", strlen("√"));
    assert_int_equal(tick_mark_read(cell, sizeof cell), TICK_UNCLEAR);
}

int main(void)
{
    enum { FACTS = sizeof facts / sizeof *facts };
    struct CMUnitTest tests[FACTS + 1];

    for (size_t i = 0; i < FACTS; i++)
        tests[i] = (struct CMUnitTest){
            .name = facts[i].cell, .test_func = test_fact, .initial_state = (void *)&facts[i]};
    tests[FACTS] = (struct CMUnitTest)cmocka_unit_test(test_long);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
