/*
 * A person has what failed tried once more: who may be, how the record then stands, and what the
 * script makes of it.
 */
#include "ledger.h"
#include "moves.h"
#include "outcome.h"

#include "redis_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define REMINDER "outreach:{c}:r"
#define KEYS REMINDER " outreach:{c}:r:ledger outreach:{c}:r:retry"

/* Nobody who has it or refused it, whatever is asked for. */
static void test_who(void **state)
{
    static const enum notice_reason never[] = {REASON_PARTIAL, REASON_BLACKLISTED, REASON_ERASED,
                                               REASON_ROW,     REASON_SAFE,        REASON_REPLACED};
    static const enum notice_reason named[] = {REASON_NUMBER,   REASON_TEXT,   REASON_EMPTY,
                                               REASON_TOO_LONG, REASON_POISON, REASON_SLOT};

    (void)state;
    for (int s = 0; s < NOTICE_STATES; s++)
        for (int k = 0; k < REASON_COUNT; k++) {
            struct record r = {.state = s, .reason = k, .fence = 5, .attempts = 1};
            enum retrying how = record_retrying(&r), expected = RETRY_USUALLY;

            for (size_t i = 0; i < sizeof never / sizeof *never; i++)
                expected = never[i] == r.reason ? RETRY_NEVER : expected;
            for (size_t i = 0; i < sizeof named / sizeof *named; i++)
                expected = named[i] == r.reason ? RETRY_IF_NAMED : expected;
            if (s != NOTICE_FAILED && s != NOTICE_UNDELIVERED)
                expected = RETRY_NEVER;
            if (how != expected)
                fail_msg("%s, %s: %d", notice_state_name(s), notice_reason_name(k), how);
            r.flags = FLAG_EARLY; /* it did arrive */
            assert_int_equal(record_retrying(&r), RETRY_NEVER);
            r.flags = 0;
            r.mask = 1; /* a part of it did */
            assert_int_equal(record_retrying(&r), RETRY_NEVER);
        }
}

/* Attempts, step, version and what can never be cleared are kept; the fence is another, so that
 * a late answer to the attempt before is refused. */
static void test_record(void **state)
{
    const struct record failed = {.state = NOTICE_FAILED,
                                  .flags = FLAG_RESENT,
                                  .attempts = 5,
                                  .version = 2,
                                  .fence = 7 << 12 | 3,
                                  .gateway = 4,
                                  .reason = REASON_ATTEMPTS,
                                  .segments = 2,
                                  .intended_s = 77,
                                  .step = 1,
                                  .settled_s = 9};
    struct record r = failed, late = failed;
    int64_t retry = RETRY_KEEP;

    (void)state;
    record_retry(&r, 9 << 12, 500);
    assert_int_equal(r.state, NOTICE_PARKED);
    assert_int_equal(r.attempts, 5);
    assert_int_equal(r.step, 1);
    assert_int_equal(r.version, 2);
    assert_int_equal(r.flags, FLAG_RESENT);
    assert_int_equal(r.fence, 9 << 12);
    assert_int_equal(r.settled_s, 500);
    assert_int_equal(outcome_apply(&r, &late, &retry), OUTCOME_REFUSED);
    record_retry(&r, 1, INT64_C(1) << 40);
    assert_int_equal(r.settled_s, 0xfffff);
    record_retry(&r, 1, -3);
    assert_int_equal(r.settled_s, 0);
    /* and no daemon's own move leads there */
    assert_false(notice_may_move(NOTICE_FAILED, NOTICE_PARKED));
    assert_false(notice_may_move(NOTICE_UNDELIVERED, NOTICE_PARKED));
}

static const char *move(const struct record *from, const struct record *to, int64_t now_ms)
{
    struct moves moves = {.count = 0};
    struct moves_target target = {
        .campaign = "c", .reminder = "r", .intent = true, .now_ms = now_ms, .version = 1, .seq = 0};
    struct move *m = moves_add(&moves);
    struct command c = COMMAND_INIT;
    struct error err;
    redisReply *reply;
    const char *text;

    m->n = 2;
    record_pack(from, m->believed);
    record_pack(to, m->wanted);
    m->retry = now_ms;
    moves_command(&moves, &target, &c);
    assert_int_equal(db_ask(f.db, &c, &reply, &err), 0);
    text = fixture_text(db_at(reply, 0));
    freeReplyObject(reply);
    command_free(&c);
    return text;
}

/* Three people, one failed, all done. */
static void test_script(void **state)
{
    const struct record failed = {.state = NOTICE_FAILED,
                                  .attempts = 1,
                                  .fence = 7 << 12,
                                  .gateway = 4,
                                  .reason = REASON_PROTOCOL};
    struct record again = failed;
    unsigned char bytes[LEDGER_RECORD_BYTES];

    (void)state;
    record_retry(&again, 9 << 12, 1);
    ask("FLUSHALL");
    script(SCRIPT_ADD, 2, "outreach:{c} outreach:{c}:audience t 0 a b c");
    script(SCRIPT_QUEUE, 2, "outreach:{c} " REMINDER " 1-1 h {} t 3 r 500 ann 1000 2000 scheduled");
    script(SCRIPT_OPEN, 2, REMINDER " outreach:{c}:r:ledger OLG1............ 1000 1 ''");
    record_pack(&failed, bytes);
    ask("SETRANGE outreach:{c}:r:ledger 32 %b", bytes, sizeof bytes);
    ask("HSET " REMINDER " state done cursor 3 c0 0 c5 2 c7 1");

    is("EXPIRED", move(&failed, &again, 2000));
    ask("HSET " REMINDER " cancelled 1");
    is("CANCELLED", move(&failed, &again, 1500));
    ask("HSET " REMINDER " cancelled 0 paused 1");
    is("PAUSED", move(&failed, &again, 1500));
    ask("HSET " REMINDER " paused 0");
    is("[done 0 1]", ask("HMGET " REMINDER " state c1 c7"));

    is("OK", move(&failed, &again, 1500));
    is("[open 1 0 2]", ask("HMGET " REMINDER " state c1 c7 c5"));
    is("[2 1500]", ask("ZRANGE outreach:{c}:r:retry 0 -1 WITHSCORES"));
    is("OK", move(&failed, &again, 1600)); /* again: nothing twice */
    is("[open 1 0 2]", ask("HMGET " REMINDER " state c1 c7 c5"));
    is("[RETRY  2]", script(SCRIPT_CLAIM, 3,
                            REMINDER " outreach:{c}:r:leases outreach:{c}:r:retry d:1:1 10 1700 "
                                     "61000 100"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who),
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_script),
    };

    return cmocka_run_group_tests_name("retry", tests, redis_start, redis_end);
}
