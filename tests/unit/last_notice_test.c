/*
 * What somebody was told last, in a real Redis: the last one counts, for 31 days, and what
 * stands for a million people is small and goes away.
 */
#include "last_notice.h"

#include "redis_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define DAY INT64_C(86400000)
#define NOW (20000 * DAY + 1234567)

static int empty(void **state)
{
    (void)state;
    fixture_ask(&f, "FLUSHALL");
    return 0;
}

static void put(const struct last_notice_of *list, size_t n, int64_t now)
{
    struct command c = COMMAND_INIT;
    struct error err = {""};

    last_notice_put_command(&c, list, n, now);
    if (db_ask(f.db, &c, NULL, &err) != 0)
        fail_msg("%s", err.text);
    command_free(&c);
}

static void told(const char *address, uint32_t ref, uint32_t n, int64_t now)
{
    const struct last_notice_of one = {address, strlen(address), {ref, n, (uint32_t)(now / 1000)}};

    put(&one, 1, now);
}

/* The notice that a reply means, or 0 of none; its number to *n. */
static uint32_t meant(const char *address, int64_t now, uint32_t *n)
{
    struct last_notice found = {0};
    struct command c = COMMAND_INIT;
    struct error err = {""};
    redisReply *reply;

    for (int look = 0; look < LAST_NOTICE_LOOKS; look++) {
        last_notice_get_command(&c, address, now, look);
        if (db_ask(f.db, &c, &reply, &err) != 0)
            fail_msg("%s", err.text);
        last_notice_take(reply, now, &found);
        freeReplyObject(reply);
    }
    command_free(&c);
    *n = found.n;
    return found.ref;
}

static void test_last(void **state)
{
    uint32_t n;

    (void)state;
    assert_int_equal(meant("+8613851400001", NOW, &n), 0);
    told("+8613851400001", 3, 7, NOW);
    told("+8613851400002", 3, 8, NOW);
    assert_int_equal(meant("+8613851400001", NOW, &n), 3);
    assert_int_equal(n, 7);
    told("+8613851400001", 4294967295u, 33554431, NOW + 1000); /* the largest that there are */
    assert_int_equal(meant("+8613851400001", NOW + 1000, &n), 4294967295u);
    assert_int_equal(n, 33554431);
    assert_int_equal(meant("+8613851400002", NOW, &n), 3);
    assert_int_equal(n, 8);
    assert_int_equal(meant("", NOW, &n), 0);
}

/* Whatever day of a month it was told: for 31 days, and no longer. */
static void test_window(void **state)
{
    (void)state;
    for (int day = 0; day < 40; day++) {
        int64_t at = NOW + day * DAY;
        uint32_t n;

        empty(NULL);
        told("a", 5, 6, at);
        assert_int_equal(meant("a", at + 30 * DAY + 23 * DAY / 24, &n), 5);
        assert_int_equal(meant("a", at + 31 * DAY + 1000, &n), 0);
        told("a", 7, 8, at + 20 * DAY); /* the newer one, in whichever month it stands */
        assert_int_equal(meant("a", at + 20 * DAY, &n), 7);
        assert_int_equal(meant("a", at + 51 * DAY - 1000, &n), 7);
    }
}

/* Two months, however often it is written. */
static void test_expires(void **state)
{
    const char *key;

    (void)state;
    told("a", 5, 6, NOW);
    told("a", 5, 6, NOW);
    key = fixture_ask(&f, "EVAL %s 0", "return redis.call('KEYS', '*')[1]");
    assert_in_range(atol(fixture_ask(&f, "TTL %s", key)), 62 * 86400 - 600, 62 * 86400);
}

/* As README says: 35 to 40 bytes a person; Redis' small hashes, not its large ones. */
static void test_size(void **state)
{
    static char addresses[512][16];
    static struct last_notice_of list[512];
    long before = 0, after;
    const char *used = "EVAL %s 0",
               *script = "return tonumber(string.match(redis.call('INFO', 'memory'), "
                         "'used_memory:(%d+)'))";

    (void)state;
    for (uint32_t at = 0; at < 200 * 512; at += 512) {
        for (uint32_t i = 0; i < 512; i++) {
            snprintf(addresses[i], sizeof addresses[i], "+86138%08u", (at + i) * 97);
            list[i] = (struct last_notice_of){addresses[i], 14, {3, at + i + 1, 1728000000}};
        }
        put(list, 512, NOW);
        if (at == 0)
            before = atol(fixture_ask(&f, used, script));
    }
    after = atol(fixture_ask(&f, used, script));
    assert_in_range((after - before) / (199 * 512), 20, 42);
    assert_int_equal(atol(fixture_ask(&f, "DBSIZE")), 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_last, empty),
        cmocka_unit_test_setup(test_window, empty),
        cmocka_unit_test_setup(test_expires, empty),
        cmocka_unit_test_setup(test_size, empty),
    };

    return cmocka_run_group_tests_name("last notice", tests, redis_start, redis_end);
}
