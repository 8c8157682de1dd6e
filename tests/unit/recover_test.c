/* What a dead daemon left is put right, also while receipts are coming in. */
#include "inside.h"

#include "keys.h"
#include "redis_fixture.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define REMINDER "outreach:{fair}:eve"
#define LEDGER REMINDER ":ledger"
#define RETRY REMINDER ":retry"
#define LEASES REMINDER ":leases"
#define DEAD 5u

static struct redis_fixture f;
static struct dispatch d;
static struct settings settings;
static bool done;

static int group_setup(void **state)
{
    struct error err = {""};
    char path[96];

    (void)state;
    if (sodium_init() < 0 || fixture_start(&f, NULL) != 0 || (f.db = fixture_db(&f, 1)) == NULL)
        return -1;
    settings.dispatch.doubt_wait_ms = 120000;
    snprintf(path, sizeof path, "%s/delivery.jsonl", f.dir);
    d.db = f.db;
    d.base = f.base;
    d.settings = &settings;
    d.command = COMMAND_INIT;
    d.log = delivery_log_open(path, f.dir, f.db, &err);
    d.recovery = recovery_create(&d);
    return d.log != NULL ? 0 : -1;
}

static int group_teardown(void **state)
{
    (void)state;
    recovery_free(d.recovery);
    delivery_log_close(d.log);
    command_free(&d.command);
    fixture_end(&f);
    return 0;
}

static void put(uint32_t n, const struct record *r)
{
    unsigned char bytes[LEDGER_RECORD_BYTES];

    record_pack(r, bytes);
    fixture_ask(&f, "SETRANGE " LEDGER " %u %b", n * LEDGER_RECORD_BYTES, bytes, sizeof bytes);
}

static struct record stands(uint32_t n)
{
    redisReply *reply = redisCommand(f.raw, "GETRANGE " LEDGER " %u %u", n * LEDGER_RECORD_BYTES,
                                     n * LEDGER_RECORD_BYTES + LEDGER_RECORD_BYTES - 1);
    struct record r;

    assert_int_equal(reply->len, LEDGER_RECORD_BYTES);
    record_unpack((unsigned char *)reply->str, &r);
    freeReplyObject(reply);
    return r;
}

/* A reminder of four, all being sent. */
static int all_sending(void **state)
{
    struct ledger_header h = {.generation = 1, .base_s = clock_wall_ms() / 1000};
    unsigned char bytes[LEDGER_RECORD_BYTES];

    (void)state;
    fixture_ask(&f, "FLUSHALL");
    fixture_ask(&f, "SADD outreach:campaigns fair");
    fixture_ask(&f, "HSET outreach:{fair} reminders eve");
    fixture_ask(&f, "HSET " REMINDER " state open seq 1 paused 0 cancelled 0 tv 1 last 4 planned 4"
                    " expires 9999999999999 cursor 4 orphans 0 c0 0 c1 0 c2 4 c3 0 c4 0 c5 0 c6 0"
                    " c7 0 c8 0 c9 0 c10 0 c11 0 c12 0");
    ledger_header_pack(&h, bytes);
    fixture_ask(&f, "SETRANGE " LEDGER " 0 %b", bytes, sizeof bytes);
    for (uint32_t n = 1; n <= 4; n++)
        put(n, &(struct record){.state = NOTICE_SENDING, .fence = DEAD << 12 | n});
    return 0;
}

static void on_done(void *arg)
{
    (void)arg;
    done = true;
}

/* Looks after epoch DEAD of daemon "d1"; between turns of the loop does what between says. */
static void recover(void (*between)(int turn))
{
    int64_t until = clock_mono_ms() + 30000;

    done = false;
    recovery_begin(d.recovery, "d1", DEAD, on_done, NULL);
    for (int turn = 0; !done && clock_mono_ms() < until; turn++) {
        if (between != NULL)
            between(turn);
        event_base_loop(f.base, EVLOOP_ONCE);
    }
    assert_true(done);
}

static void test_doubts(void **state)
{
    (void)state;
    put(2, &(struct record){.state = NOTICE_SENDING, .fence = 4u << 12 | 2}); /* another life's */
    put(3, &(struct record){.state = NOTICE_SENDING, .fence = DEAD << 12 | 3, .flags = FLAG_EARLY});
    recover(NULL);
    assert_int_equal(stands(1).state, NOTICE_UNCERTAIN);
    assert_int_equal(stands(1).attempts, 1);
    assert_int_equal(stands(1).reason, REASON_CRASH);
    assert_int_equal(stands(2).state, NOTICE_SENDING);
    assert_int_equal(stands(3).state, NOTICE_DELIVERED); /* an earlier copy has arrived */
    assert_int_equal(stands(4).state, NOTICE_UNCERTAIN);
    assert_string_equal(fixture_ask(&f, "HMGET " REMINDER " c2 c3 c5"), "[1 2 1]");
    assert_string_equal(fixture_ask(&f, "SORT " RETRY), "[1 4]"); /* looked at later */
}

/* One part after the other of a text of eight is known to have arrived: each changes the
 * record, and not that its daemon is dead. */
static void mark(int turn)
{
    struct record r = stands(2);

    if (turn >= 20 || r.state != NOTICE_SENDING)
        return;
    r.mask = (unsigned)turn + 1;
    put(2, &r);
}

static void test_marked_meanwhile(void **state)
{
    (void)state;
    recover(mark);
    for (uint32_t n = 1; n <= 4; n++)
        assert_int_equal(stands(n).state, NOTICE_UNCERTAIN);
    assert_int_not_equal(stands(2).mask, 0); /* and the mark is kept */
    assert_string_equal(fixture_ask(&f, "HMGET " REMINDER " c2 c3"), "[0 4]");
}

/* What was settled in between stays so. */
static void settle(int turn)
{
    if (turn == 0)
        put(2, &(struct record){.state = NOTICE_DELIVERED, .fence = DEAD << 12 | 2, .mask = 1});
}

static void test_settled_meanwhile(void **state)
{
    (void)state;
    recover(settle);
    assert_int_equal(stands(2).state, NOTICE_DELIVERED);
    assert_int_equal(stands(3).state, NOTICE_UNCERTAIN);
}

/* Ranges of the dead lose their owner and count the takeover; others' stay. */
static void test_leases(void **state)
{
    (void)state;
    fixture_ask(&f, "HSET " LEASES " d1:5:7 %s d1:6:1 %s d2:5:7 %s", "1", "2", "3");
    fixture_ask(&f, "HSET " LEASES " d1:5:7 %b", "1 2 0 1", (size_t)7);
    fixture_ask(&f, "HSET " LEASES " d1:6:1 %b", "3 3 0 1", (size_t)7);
    fixture_ask(&f, "HSET " LEASES " d2:5:7 %b", "4 4 0 1", (size_t)7);
    recover(NULL);
    assert_string_equal(fixture_ask(&f, "HGET " LEASES " :1"), "1 2 1 0");
    assert_string_equal(fixture_ask(&f, "HGET " LEASES " d1:5:7"), "(nil)");
    assert_string_equal(fixture_ask(&f, "HGET " LEASES " d1:6:1"), "3 3 0 1");
    assert_string_equal(fixture_ask(&f, "HGET " LEASES " d2:5:7"), "4 4 0 1");
    assert_string_equal(fixture_ask(&f, "HGET " REMINDER " orphans"), "1");
}

static unsigned others_done;

static void on_other(void *arg)
{
    (void)arg;
    others_done++;
}

/* A daemon that joins anew while it looks after another one looks after its own last life
 * first: once, and whole. What the other has left is found again later. */
static void test_another_order(void **state)
{
    for (int when = 0; when < 12; when++) {
        int64_t until = clock_mono_ms() + 30000;

        all_sending(state);
        put(2, &(struct record){.state = NOTICE_SENDING, .fence = 4u << 12 | 2});
        put(4, &(struct record){.state = NOTICE_SENDING, .fence = 4u << 12 | 4});
        done = false;
        others_done = 0;
        recovery_begin(d.recovery, "d1", DEAD, on_done, NULL);
        for (int turn = 0; turn < when && !done; turn++)
            event_base_loop(f.base, EVLOOP_ONCE);
        recovery_begin(d.recovery, "d2", 4, on_other, NULL);
        while ((recovery_busy(d.recovery) || db_outstanding(f.db) > 0) && clock_mono_ms() < until)
            event_base_loop(f.base, EVLOOP_ONCE);
        assert_int_equal(others_done, 1);
        assert_int_equal(stands(2).state, NOTICE_UNCERTAIN);
        assert_int_equal(stands(4).state, NOTICE_UNCERTAIN);
        if (done)
            assert_int_equal(stands(1).state, NOTICE_UNCERTAIN);
    }
}

#define TEST(fn) cmocka_unit_test_setup(fn, all_sending)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_doubts), TEST(test_marked_meanwhile), TEST(test_settled_meanwhile),
        TEST(test_leases), TEST(test_another_order),
    };

    return cmocka_run_group_tests_name("recovery", tests, group_setup, group_teardown);
}
