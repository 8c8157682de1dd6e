/* The rows of an audience into a real Redis: numbered from 1, complete, once. */
#include "upload.h"

#include "redis_fixture.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct redis_fixture f;

#define ask(...) fixture_ask(&f, __VA_ARGS__)
#define is(expected, answer) assert_string_equal(answer, expected)

static struct {
    unsigned calls;
    int64_t rows;
    char trouble[256];
} end;

static void on_end(void *arg, int64_t rows, const char *trouble)
{
    (void)arg;
    end.calls++;
    end.rows = rows;
    snprintf(end.trouble, sizeof end.trouble, "%s", trouble ? trouble : "");
}

static void finish(struct upload *u)
{
    struct error err = {""};

    memset(&end, 0, sizeof end);
    upload_end(u, on_end, NULL);
    if (db_drain(f.db, 0, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(end.calls, 1);
}

static void add_rows(struct upload *u, unsigned from, unsigned to)
{
    for (unsigned i = from; i <= to; i++) {
        struct error err = {""};
        char row[64];

        snprintf(row, sizeof row,
                 "+86138%08u\x1f"
                 "name %u",
                 i, i);
        if (upload_row(u, row, strlen(row), &err) != 0 || upload_throttle(u, &err) != 0)
            fail_msg("%s", err.text);
    }
}

/* Row i is where it belongs, and nothing is behind the last. */
static void check(unsigned rows)
{
    redisReply *r = redisCommand(f.raw, "XRANGE outreach:{c}:audience - +");

    assert_int_equal(r->elements, rows);
    for (unsigned i = 0; i < rows; i++) {
        char id[32], row[64];

        snprintf(id, sizeof id, "%u-0", i + 1);
        snprintf(row, sizeof row,
                 "+86138%08u\x1f"
                 "name %u",
                 i + 1, i + 1);
        assert_string_equal(r->element[i]->element[0]->str, id);
        assert_string_equal(r->element[i]->element[1]->element[1]->str, row);
    }
    freeReplyObject(r);
}

/* Around the edges of batches. */
static void test_rows(void **state)
{
    static const unsigned sizes[] = {0, 1, 499, 500, 501, 1000, 6000};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct upload *u = upload_begin(f.db, "c");
        char token[64];

        ask("FLUSHALL");
        assert_int_equal(strlen(upload_token(u)), 32);
        add_rows(u, 1, sizes[i]);
        finish(u);
        is("", end.trouble);
        assert_int_equal(end.rows, sizes[i]);
        check(sizes[i]);
        snprintf(token, sizeof token, "[loading %s %u]", upload_token(u), sizes[i]);
        is(token, ask("HMGET outreach:{c} state token last"));
        upload_free(u);
    }
}

/* The one that begins later takes its place; the first is told. */
static void test_replaced(void **state)
{
    struct upload *one = upload_begin(f.db, "c"), *two = upload_begin(f.db, "c");
    struct error err;

    (void)state;
    assert_string_not_equal(upload_token(one), upload_token(two));
    add_rows(one, 1, 600);
    assert_int_equal(db_drain(f.db, 0, &err), 0);
    add_rows(two, 1, 500);
    assert_int_equal(db_drain(f.db, 0, &err), 0);
    add_rows(one, 601, 1000);
    finish(one);
    is("somebody else has begun to queue a campaign of this id", end.trouble);
    assert_int_equal(upload_row(one, "x", 1, &err), -1);
    is("somebody else has begun to queue a campaign of this id", err.text);
    finish(two);
    is("", end.trouble);
    check(500);
    upload_free(one);
    upload_free(two);
}

static void test_queued(void **state)
{
    struct upload *u = upload_begin(f.db, "c");

    (void)state;
    ask("HSET outreach:{c} state active token t last 3");
    add_rows(u, 1, 3);
    finish(u);
    is("a campaign of this id is queued already", end.trouble);
    is("0", ask("EXISTS outreach:{c}:audience"));
    upload_free(u);
}

static void test_long_row(void **state)
{
    struct upload *u = upload_begin(f.db, "c");
    struct error err = {""};
    size_t n = 256 * 1024;
    char *row = calloc(1, n + 1);

    (void)state;
    memset(row, 'x', n + 1);
    assert_int_equal(upload_row(u, row, n + 1, &err), -1);
    is("a row of 262145 bytes is too long", err.text);
    assert_int_equal(upload_row(u, row, n, &err), 0);
    assert_int_equal(upload_row(u, "", 0, &err), 0);
    assert_int_equal(upload_row(u, row, n, &err), 0);
    finish(u);
    is("", end.trouble);
    assert_int_equal(end.rows, 3);
    is("3", ask("XLEN outreach:{c}:audience"));
    free(row);
    upload_free(u);
}

/* The connection is cut again and again: all comes again, and is there once. */
static void test_cut(void **state)
{
    struct upload *u = upload_begin(f.db, "c");

    (void)state;
    for (unsigned from = 1; from <= 12000; from += 1500) {
        add_rows(u, from, from + 1499);
        event_base_loop(f.base, EVLOOP_NONBLOCK);
        ask("CLIENT KILL TYPE normal SKIPME yes");
    }
    finish(u);
    is("", end.trouble);
    check(12000);
    upload_free(u);
}

/* A Redis without room says so, at once. */
static void test_full(void **state)
{
    struct upload *u = upload_begin(f.db, "c");

    (void)state;
    ask("CONFIG SET maxmemory 1");
    add_rows(u, 1, 3);
    finish(u);
    assert_non_null(strstr(end.trouble, "OOM command not allowed"));
    ask("CONFIG SET maxmemory 0");
    upload_free(u);
}

static int empty(void **state)
{
    (void)state;
    ask("FLUSHALL");
    return 0;
}

static int start(void **state)
{
    (void)state;
    if (sodium_init() < 0 || fixture_start(&f, NULL) != 0)
        return -1;
    f.db = fixture_db(&f, 1);
    return f.db != NULL ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    fixture_end(&f);
    return 0;
}

#define TEST(fn) cmocka_unit_test_setup(fn, empty)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_rows),     TEST(test_replaced), TEST(test_queued),
        TEST(test_long_row), TEST(test_cut),      TEST(test_full),
    };

    return cmocka_run_group_tests_name("upload", tests, start, stop);
}
