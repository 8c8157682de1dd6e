/* What an outcome makes of a record that is not as it was believed: LEDGER.md sections 2, 5. */
#include "outcome.h"

#include "moves.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define T FLAG_TOLD
#define E FLAG_EARLY
#define R FLAG_RESENT
#define LATER 5000 /* a score */

static const struct fact {
    const char *name;
    /* what stands there: state, flags, mask; the same fence? */
    enum notice_state now;
    unsigned now_flags, now_mask;
    bool same_fence;
    /* what the outcome asks for */
    enum notice_state wanted;
    unsigned flags;
    int64_t retry;
    /* what comes of it */
    enum outcome_effect effect;
    enum notice_state then;
    unsigned then_flags, then_mask;
    int64_t then_retry;
} facts[] = {
    /* Another daemon took this one for dead: the record takes the outcome, however late. */
    {"accepted, taken for uncertain", NOTICE_UNCERTAIN, 0, 0, true, NOTICE_ACCEPTED, T, RETRY_KEEP,
     OUTCOME_MOVES, NOTICE_ACCEPTED, T, 0, RETRY_REMOVE},
    {"failed, taken for uncertain", NOTICE_UNCERTAIN, 0, 0, true, NOTICE_FAILED, 0, RETRY_KEEP,
     OUTCOME_MOVES, NOTICE_FAILED, 0, 0, RETRY_REMOVE},
    {"to be tried again, taken for uncertain", NOTICE_UNCERTAIN, 0, 0, true, NOTICE_PARKED, 0,
     LATER, OUTCOME_MOVES, NOTICE_PARKED, 0, 0, LATER},
    {"refused by the gate, taken for uncertain", NOTICE_UNCERTAIN, 0, 0, true, NOTICE_OPTED_OUT, 0,
     RETRY_KEEP, OUTCOME_MOVES, NOTICE_OPTED_OUT, 0, 0, RETRY_REMOVE},
    {"no answer, taken for uncertain already", NOTICE_UNCERTAIN, 0, 0, true, NOTICE_UNCERTAIN, 0,
     LATER, OUTCOME_REFUSED, 0, 0, 0, 0},
    /* It was resent meanwhile: another intent's business. */
    {"another fence, sending", NOTICE_SENDING, R, 0, false, NOTICE_ACCEPTED, T, RETRY_KEEP,
     OUTCOME_REFUSED, 0, 0, 0, 0},
    {"another fence, uncertain", NOTICE_UNCERTAIN, R, 0, false, NOTICE_FAILED, 0, RETRY_KEEP,
     OUTCOME_REFUSED, 0, 0, 0, 0},
    {"another fence, accepted", NOTICE_ACCEPTED, T, 0, false, NOTICE_ACCEPTED, T, RETRY_KEEP,
     OUTCOME_REFUSED, 0, 0, 0, 0},
    /* Parked to be resent, with the fence of old: it may go out a second time, unless... */
    {"to be resent, and accepted after all", NOTICE_PARKED, R, 0, true, NOTICE_ACCEPTED, T,
     RETRY_KEEP, OUTCOME_REFUSED, 0, 0, 0, 0},
    {"to be resent, but accepted meanwhile", NOTICE_ACCEPTED, T, 0, true, NOTICE_PARKED, R, LATER,
     OUTCOME_REFUSED, 0, 0, 0, 0},
    {"to be resent, but delivered meanwhile", NOTICE_DELIVERED, T, 1, true, NOTICE_PARKED, R, LATER,
     OUTCOME_REFUSED, 0, 0, 0, 0},
    /* A receipt was faster. */
    {"delivered before accepted", NOTICE_DELIVERED, T, 1, true, NOTICE_ACCEPTED, T, RETRY_KEEP,
     OUTCOME_DONE, 0, 0, 0, 0},
    {"undelivered before accepted", NOTICE_UNDELIVERED, T, 0, true, NOTICE_ACCEPTED, T, RETRY_KEEP,
     OUTCOME_DONE, 0, 0, 0, 0},
    {"accepted twice", NOTICE_ACCEPTED, T, 0, true, NOTICE_ACCEPTED, T, RETRY_KEEP, OUTCOME_DONE, 0,
     0, 0, 0},
    {"a part's receipt before accepted", NOTICE_SENDING, 0, 2, true, NOTICE_ACCEPTED, T, RETRY_KEEP,
     OUTCOME_MOVES, NOTICE_ACCEPTED, T, 2, RETRY_KEEP},
    {"delivered, and then refused", NOTICE_DELIVERED, T, 1, true, NOTICE_FAILED, 0, RETRY_KEEP,
     OUTCOME_REFUSED, 0, 0, 0, 0},
    /* An earlier attempt's receipt came while this one was under way: it has arrived. */
    {"early, then accepted", NOTICE_SENDING, E, 0, true, NOTICE_ACCEPTED, T, RETRY_KEEP,
     OUTCOME_MOVES, NOTICE_DELIVERED, T | E, 0, RETRY_REMOVE},
    {"early, then refused", NOTICE_SENDING, E, 0, true, NOTICE_FAILED, 0, RETRY_KEEP, OUTCOME_MOVES,
     NOTICE_DELIVERED, E, 0, RETRY_REMOVE},
    {"early, then a part refused", NOTICE_SENDING, E, 0, true, NOTICE_UNDELIVERED, T, RETRY_KEEP,
     OUTCOME_MOVES, NOTICE_DELIVERED, T | E, 0, RETRY_REMOVE},
    {"early, then to be tried again", NOTICE_SENDING, E, 0, true, NOTICE_PARKED, 0, LATER,
     OUTCOME_MOVES, NOTICE_DELIVERED, E, 0, RETRY_REMOVE},
    {"early, then no answer", NOTICE_SENDING, E, 0, true, NOTICE_UNCERTAIN, 0, LATER, OUTCOME_MOVES,
     NOTICE_DELIVERED, E, 0, RETRY_REMOVE},
    {"early and resent, then accepted, uncertain by others", NOTICE_UNCERTAIN, E | R, 0, true,
     NOTICE_ACCEPTED, T | R, RETRY_KEEP, OUTCOME_MOVES, NOTICE_DELIVERED, T | E | R, 0,
     RETRY_REMOVE},
};

static void test_fact(void **state)
{
    const struct fact *f = *state;
    struct record now = {
        .state = f->now, .flags = f->now_flags, .mask = f->now_mask, .fence = 0x5001};
    struct record wanted = {.state = f->wanted,
                            .flags = f->flags,
                            .fence = f->same_fence ? 0x5001 : 0x5000,
                            .reason = REASON_ABSENT,
                            .attempts = 2};
    int64_t retry = f->retry;

    assert_int_equal(outcome_apply(&now, &wanted, &retry), f->effect);
    if (f->effect != OUTCOME_MOVES)
        return;
    assert_int_equal(wanted.state, f->then);
    assert_int_equal(wanted.flags, f->then_flags);
    assert_int_equal(wanted.mask, f->then_mask);
    assert_int_equal(retry, f->then_retry);
    assert_int_equal(wanted.reason, f->then == NOTICE_DELIVERED ? REASON_NONE : REASON_ABSENT);
    assert_int_equal(wanted.attempts, 2);
    assert_true(notice_may_move(now.state, wanted.state));
}

/* A negative receipt of this attempt was faster than its answer: the next channel has the
 * notice, and whatever the answer says does not take it back. */
static void test_step_never_falls(void **state)
{
    static const enum notice_state answers[] = {NOTICE_PARKED, NOTICE_ACCEPTED, NOTICE_FAILED,
                                                NOTICE_UNCERTAIN};

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct record now = {.state = NOTICE_PARKED, .fence = 0x5001, .step = 1};
        struct record wanted = {.state = answers[i], .fence = 0x5001, .step = 0};
        int64_t retry = LATER;

        assert_int_equal(outcome_apply(&now, &wanted, &retry), OUTCOME_DONE);
    }
}

/* Two daemons hold the same notice: who comes second sends it only if nothing has become
 * of it. */
static const struct again {
    const char *name;
    struct record believed, found;
    bool again;
} agains[] = {
    {"only a receipt's mark is new",
     {.state = NOTICE_PARKED, .fence = 7, .step = 1},
     {.state = NOTICE_PARKED, .fence = 7, .step = 1, .mask = 1, .flags = T},
     true},
    {"still untouched", {.state = NOTICE_UNTOUCHED}, {.state = NOTICE_UNTOUCHED, .mask = 1}, true},
    {"it went to the next channel",
     {.state = NOTICE_PARKED, .fence = 7},
     {.state = NOTICE_PARKED, .fence = 7, .step = 1},
     false},
    {"it was sent, and waits for another attempt",
     {.state = NOTICE_PARKED, .fence = 7},
     {.state = NOTICE_PARKED, .fence = 8},
     false},
    {"it was sent, and an attempt was spent",
     {.state = NOTICE_PARKED, .fence = 7},
     {.state = NOTICE_PARKED, .fence = 7, .attempts = 1},
     false},
    {"it is held until later", {.state = NOTICE_UNTOUCHED}, {.state = NOTICE_PARKED}, false},
    {"it is being sent",
     {.state = NOTICE_PARKED, .fence = 7},
     {.state = NOTICE_SENDING, .fence = 8},
     false},
    {"it is in doubt",
     {.state = NOTICE_PARKED, .fence = 7},
     {.state = NOTICE_UNCERTAIN, .fence = 7},
     false},
    {"it was delivered",
     {.state = NOTICE_PARKED, .fence = 7},
     {.state = NOTICE_DELIVERED, .fence = 7},
     false},
    {"it is damaged", {.state = NOTICE_UNTOUCHED}, {.state = 15}, false},
};

static void test_again(void **state)
{
    const struct again *a = *state;

    assert_int_equal(intent_may_try_again(&a->believed, &a->found), a->again);
}

/* A death spends the attempt; who is known to have an earlier copy is not in doubt. */
static void test_doubt(void **state)
{
    struct record r = {.state = NOTICE_SENDING, .flags = R, .attempts = 1, .fence = 0x5001};

    (void)state;
    outcome_doubt(&r);
    assert_int_equal(r.state, NOTICE_UNCERTAIN);
    assert_int_equal(r.reason, REASON_CRASH);
    assert_int_equal(r.attempts, 2);
    assert_int_equal(r.flags, R);
    r.state =
        NOTICE_SENDING; /* the second death makes it suspect, the third leaves it to a person */
    outcome_doubt(&r);
    assert_int_equal(r.flags, R | FLAG_SUSPECT);
    assert_int_equal(r.reason, REASON_CRASH);
    r.state = NOTICE_SENDING;
    outcome_doubt(&r);
    assert_int_equal(r.reason, REASON_POISON);
    r = (struct record){.state = NOTICE_SENDING, .flags = R | E, .attempts = 15, .fence = 0x5001};
    outcome_doubt(&r);
    assert_int_equal(r.state, NOTICE_DELIVERED);
    assert_int_equal(r.reason, REASON_NONE);
    assert_int_equal(r.attempts, 15);
    assert_int_equal(r.fence, 0x5001);
}

#define COUNT(a) (sizeof(a) / sizeof *(a))

int main(void)
{
    struct CMUnitTest tests[COUNT(facts) + COUNT(agains) + 2];

    for (size_t i = 0; i < COUNT(facts); i++)
        tests[i] = (struct CMUnitTest){facts[i].name, test_fact, NULL, NULL, (void *)&facts[i]};
    for (size_t i = 0; i < COUNT(agains); i++)
        tests[COUNT(facts) + i] =
            (struct CMUnitTest){agains[i].name, test_again, NULL, NULL, (void *)&agains[i]};
    tests[COUNT(facts) + COUNT(agains)] =
        (struct CMUnitTest)cmocka_unit_test(test_step_never_falls);
    tests[COUNT(facts) + COUNT(agains) + 1] = (struct CMUnitTest)cmocka_unit_test(test_doubt);
    return cmocka_run_group_tests_name("outcomes", tests, NULL, NULL);
}
