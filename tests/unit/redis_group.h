/*
 * redis_group.h - the Redis of a whole group of tests
 *
 * f is there from redis_start() to redis_end(), for cmocka_run_group_tests(tests, redis_start,
 * redis_end), with a db of the code under test; ask(), script() and is() are short for what most
 * tests of scripts consist of.
 */
#ifndef OUTREACH_TESTS_REDIS_GROUP_H
#define OUTREACH_TESTS_REDIS_GROUP_H

#include "redis_fixture.h"

static struct redis_fixture f;

#define ask(...) fixture_ask(&f, __VA_ARGS__)
#define script(...) fixture_script(&f, __VA_ARGS__)
#define is(expected, answer) assert_string_equal(answer, expected)

static int redis_start(void **state)
{
    (void)state;
    if (fixture_start(&f, NULL) != 0)
        return -1;
    f.db = fixture_db(&f, 1);
    return f.db != NULL ? 0 : -1;
}

static int redis_end(void **state)
{
    (void)state;
    fixture_end(&f);
    return 0;
}

#endif
