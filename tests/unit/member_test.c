/* A daemon joins, and is told to join anew at any moment of that. */
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
#define LAST 5u /* the epoch under which this name sent before */

static struct redis_fixture f;
static struct dispatch d;
static struct settings settings;
static unsigned joined;
static bool too_soon;

static int group_setup(void **state)
{
    struct error err = {""};
    char path[96];

    (void)state;
    if (sodium_init() < 0 || fixture_start(&f, NULL) != 0 || (f.db = fixture_db(&f, 1)) == NULL)
        return -1;
    settings.dispatch.doubt_wait_ms = 120000;
    snprintf(path, sizeof path, "%s/delivery.jsonl", f.dir);
    settings.log.delivery = xstrdup(path);
    strcpy(d.name, "d1");
    d.db = f.db;
    d.base = f.base;
    d.settings = &settings;
    d.command = COMMAND_INIT;
    d.log = delivery_log_open(path, f.dir, f.db, &err);
    d.options.marker = marker_open(f.dir, &err);
    d.recovery = recovery_create(&d);
    d.watch = watch_create(&d);
    return d.log != NULL && d.options.marker != NULL ? 0 : -1;
}

static int group_teardown(void **state)
{
    (void)state;
    recovery_free(d.recovery);
    watch_free(d.watch);
    marker_close(d.options.marker);
    delivery_log_close(d.log);
    command_free(&d.command);
    free((char *)settings.log.delivery);
    fixture_end(&f);
    return 0;
}

/* A reminder of three, all being sent by this name's last life. */
static void all_sending(void)
{
    struct ledger_header h = {.generation = 1, .base_s = clock_wall_ms() / 1000};
    unsigned char bytes[LEDGER_RECORD_BYTES];

    fixture_ask(&f, "FLUSHALL");
    fixture_ask(&f, "SET outreach:epoch 7");
    fixture_ask(&f, "HSET outreach:daemon:d1 epoch 5 sends 5 beat 9");
    fixture_ask(&f, "SADD outreach:campaigns fair");
    fixture_ask(&f, "HSET outreach:{fair} reminders eve");
    fixture_ask(&f, "HSET " REMINDER " state open seq 1 paused 0 cancelled 0 tv 1 last 3 planned 3"
                    " expires 9999999999999 cursor 3 orphans 0 c0 0 c1 0 c2 3 c3 0 c4 0 c5 0 c6 0"
                    " c7 0 c8 0 c9 0 c10 0 c11 0 c12 0");
    ledger_header_pack(&h, bytes);
    fixture_ask(&f, "SETRANGE " LEDGER " 0 %b", bytes, sizeof bytes);
    for (uint32_t n = 1; n <= 3; n++) {
        record_pack(&(struct record){.state = NOTICE_SENDING, .fence = LAST << 12 | n}, bytes);
        fixture_ask(&f, "SETRANGE " LEDGER " %u %b", n * LEDGER_RECORD_BYTES, bytes, sizeof bytes);
    }
    d.epoch = 0;
    d.said = MARKER_GOOD;
    joined = 0;
    too_soon = false;
}

/* Whoever is told so may send: nothing of before must be left by then. */
static void on_joined(struct dispatch *of)
{
    joined++;
    too_soon = too_soon || dispatch_in_doubt(of) ||
               strcmp(fixture_ask(&f, "HMGET " REMINDER " c2 c3"), "[0 3]") != 0;
}

static void turns(int count)
{
    for (int i = 0; i < count && db_outstanding(f.db) > 0; i++)
        event_base_loop(f.base, EVLOOP_ONCE);
}

/* what(): between the beginning of a join and its turn number when. */
static void join_with(void (*what)(struct member *m), int when)
{
    struct member *m;

    all_sending();
    m = member_create(&d);
    member_join(m, on_joined);
    turns(when);
    what(m);
    turns(10000);
    assert_int_equal(recovery_busy(d.recovery), false);
    assert_false(too_soon);
    assert_in_range(joined, 1, 2); /* 2: it had joined when it was told to join anew */
    assert_string_equal(fixture_ask(&f, "HMGET " REMINDER " c2 c3"), "[0 3]");
    assert_int_equal(strtol(fixture_ask(&f, "HGET outreach:daemon:d1 sends"), NULL, 10), d.epoch);
    member_free(m);
}

#define TURNS 20 /* a join takes some twelve */

static void once_more(struct member *m)
{
    member_join(m, on_joined);
}

static void twice_more(struct member *m)
{
    member_join(m, on_joined);
    turns(2);
    member_join(m, on_joined);
}

static void test_again(void **state)
{
    (void)state;
    for (int when = 0; when < TURNS; when++) {
        join_with(once_more, when);
        join_with(twice_more, when);
    }
}

/* Redis comes to be in doubt, and is to be trusted again only when all has been answered: what it
 * said meanwhile counts for nothing. Then the ledger stands as before. */
static void doubted(struct member *m)
{
    unsigned before = joined;

    d.said = MARKER_OLDER;
    turns(10000);
    assert_int_equal(joined, before);
    if (before == 0) {
        uint32_t epoch = d.epoch;

        all_sending();
        d.epoch = epoch;
        fixture_ask(&f, "SET outreach:epoch %u", epoch);
    }
    d.said = MARKER_GOOD;
    member_join(m, on_joined);
}

static void test_doubt(void **state)
{
    (void)state;
    for (int when = 0; when < TURNS; when++)
        join_with(doubted, when);
}

/* A counter that was lost must not hand out epochs that somebody had: d2 has been buried, and
 * might still come back. */
static void test_lost_epoch(void **state)
{
    struct member *m = member_create(&d);

    (void)state;
    all_sending();
    fixture_ask(&f, "HSET outreach:daemon:d2 epoch 41 beat 9");
    fixture_ask(&f, "HSET outreach:daemon:d3 epoch 9223372036854775807 sends 23");
    fixture_ask(&f, "SADD outreach:daemons d3");
    marker_know(d.options.marker, "d2");
    fixture_ask(&f, "DEL outreach:epoch");
    member_join(m, on_joined);
    turns(10000);
    assert_int_equal(joined, 1);
    assert_int_equal(d.epoch, 42);
    assert_string_equal(fixture_ask(&f, "GET outreach:epoch"), "42");
    member_free(m);
}

/* What is no number is told, and nothing is sent; when it is gone a new try is good. */
static void test_damaged_epoch(void **state)
{
    static const char *const damages[] = {"SET outreach:epoch seven", "RPUSH outreach:epoch 7",
                                          "SET outreach:epoch 9223372036854775807"};

    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct member *m = member_create(&d);

        all_sending();
        fixture_ask(&f, "DEL outreach:epoch");
        fixture_ask(&f, damages[i]);
        d.joining = true;
        member_join(m, on_joined);
        turns(10000);
        assert_int_equal(joined, 0);
        assert_int_equal(d.epoch, 0);
        assert_false(d.joining); /* trust.c has it tried again */
        assert_string_equal(fixture_ask(&f, "HGET outreach:daemon:d1 epoch"), "5");
        fixture_ask(&f, "DEL outreach:epoch");
        member_join(m, on_joined);
        turns(10000);
        assert_int_equal(joined, 1);
        assert_true(d.epoch > LAST);
        member_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_doubt),
        cmocka_unit_test(test_lost_epoch),
        cmocka_unit_test(test_damaged_epoch),
    };

    return cmocka_run_group_tests_name("member", tests, group_setup, group_teardown);
}
