/*
 * What is kept for the next one: it is taken again, and what only a burst needed is let go.
 */
#include "spare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct thing {
    void *spare;
    int n;
};

static int freed;

static void free_thing(void *object)
{
    freed++;
    free(object);
}

static struct thing *thing(int n)
{
    struct thing *t = malloc(sizeof *t);

    t->n = n;
    return t;
}

static void what_is_given_back_is_taken_again(void **state)
{
    struct spare s = {0};
    struct thing *a = thing(1), *b = thing(2);

    (void)state;
    freed = 0;
    assert_null(spare_take(&s));
    spare_give(&s, a);
    spare_give(&s, b);
    assert_ptr_equal(spare_take(&s), b);
    assert_int_equal(b->n, 2);
    assert_ptr_equal(spare_take(&s), a);
    assert_int_equal(a->n, 1);
    assert_null(spare_take(&s));
    spare_give(&s, a);
    spare_give(&s, b);
    spare_free(&s, free_thing);
    assert_int_equal(freed, 2);
    assert_null(spare_take(&s));
}

/* A burst of eight, and then a load that needs three at once. */
static void what_a_burst_needed_is_let_go_and_what_the_load_needs_is_kept(void **state)
{
    struct spare s = {0};
    struct thing *out[8];

    (void)state;
    freed = 0;
    for (int i = 0; i < 8; i++)
        spare_give(&s, thing(i));
    spare_trim(&s, free_thing);
    assert_int_equal(freed, 0); /* they have only just come */
    for (int turn = 0; turn < 5; turn++) {
        for (int i = 0; i < 3; i++)
            out[i] = spare_take(&s);
        for (int i = 0; i < 3; i++)
            spare_give(&s, out[i]);
        spare_trim(&s, free_thing);
        assert_int_equal(freed, 5);
    }
    spare_trim(&s, free_thing); /* a time in which nobody came */
    assert_int_equal(freed, 8);
    assert_null(spare_take(&s));
    spare_trim(&s, free_thing);
    assert_int_equal(freed, 8);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_back_is_taken_again),
        cmocka_unit_test(what_a_burst_needed_is_let_go_and_what_the_load_needs_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
