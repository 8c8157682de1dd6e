/* What a receipt makes of a record: LEDGER.md section 5 as a table. */
#include "receipts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define FENCE 0x5001u
#define EARLIER 0x4fffu

enum { SAME = 0, OLD = 1 }; /* the receipt's fence */
enum { NO = 0, YES = 1 };   /* delivered? */
#define T FLAG_TOLD
#define E FLAG_EARLY
#define R FLAG_RESENT

static const struct fact {
    const char *name;
    /* what stands there */
    enum notice_state state;
    unsigned flags, mask;
    /* the receipt */
    int fence, delivered;
    unsigned part, parts;
    /* what comes of it */
    enum receipt_effect effect;
    enum notice_state then;
    unsigned then_flags, then_mask;
} facts[] = {
    /* With the record's fence it moves sending, uncertain and accepted. */
    {"the usual one", NOTICE_ACCEPTED, T, 0, SAME, YES, 0, 1, RECEIPT_MOVED, NOTICE_DELIVERED, T,
     1},
    {"before the outcome", NOTICE_SENDING, 0, 0, SAME, YES, 0, 1, RECEIPT_MOVED, NOTICE_DELIVERED,
     T, 1},
    {"it resolves a doubt", NOTICE_UNCERTAIN, 0, 0, SAME, YES, 0, 1, RECEIPT_MOVED,
     NOTICE_DELIVERED, T, 1},
    {"a negative one", NOTICE_ACCEPTED, T, 0, SAME, NO, 0, 1, RECEIPT_MOVED, NOTICE_UNDELIVERED, T,
     0},
    {"negative before the outcome", NOTICE_SENDING, 0, 0, SAME, NO, 0, 1, RECEIPT_MOVED,
     NOTICE_UNDELIVERED, T, 0},
    {"negative resolves a doubt", NOTICE_UNCERTAIN, 0, 0, SAME, NO, 0, 1, RECEIPT_MOVED,
     NOTICE_UNDELIVERED, T, 0},
    {"resent is never cleared", NOTICE_ACCEPTED, T | R, 0, SAME, YES, 0, 1, RECEIPT_MOVED,
     NOTICE_DELIVERED, T | R, 1},

    /* Repeats. */
    {"delivered twice", NOTICE_DELIVERED, T, 1, SAME, YES, 0, 1, RECEIPT_IGNORED, NOTICE_DELIVERED,
     T, 1},
    {"undelivered twice", NOTICE_UNDELIVERED, T, 0, SAME, NO, 0, 1, RECEIPT_IGNORED,
     NOTICE_UNDELIVERED, T, 0},
    {"positive after negative wins", NOTICE_UNDELIVERED, T, 0, SAME, YES, 0, 1, RECEIPT_MOVED,
     NOTICE_DELIVERED, T, 1},
    {"negative after positive does not", NOTICE_DELIVERED, T, 1, SAME, NO, 0, 1, RECEIPT_IGNORED,
     NOTICE_DELIVERED, T, 1},

    /* A positive one of any attempt moves every state but sending, and un-parks. */
    {"parked for the next attempt", NOTICE_PARKED, 0, 0, SAME, YES, 0, 1, RECEIPT_MOVED,
     NOTICE_DELIVERED, T, 1},
    {"an earlier attempt's, parked", NOTICE_PARKED, T, 0, OLD, YES, 0, 1, RECEIPT_MOVED,
     NOTICE_DELIVERED, T, 0},
    {"an earlier attempt's, untouched (Redis went back)", NOTICE_UNTOUCHED, 0, 0, OLD, YES, 0, 1,
     RECEIPT_MOVED, NOTICE_DELIVERED, T, 0},
    {"an earlier attempt's, accepted", NOTICE_ACCEPTED, T, 0, OLD, YES, 0, 1, RECEIPT_MOVED,
     NOTICE_DELIVERED, T, 0},
    {"an earlier attempt's, uncertain", NOTICE_UNCERTAIN, 0, 0, OLD, YES, 0, 1, RECEIPT_MOVED,
     NOTICE_DELIVERED, T, 0},
    {"an earlier attempt's, failed", NOTICE_FAILED, 0, 0, OLD, YES, 0, 1, RECEIPT_MOVED,
     NOTICE_DELIVERED, T, 0},
    {"an earlier attempt's, undelivered", NOTICE_UNDELIVERED, T, 0, OLD, YES, 0, 1, RECEIPT_MOVED,
     NOTICE_DELIVERED, T, 0},
    {"an earlier attempt's, expired", NOTICE_EXPIRED, 0, 0, OLD, YES, 0, 1, RECEIPT_MOVED,
     NOTICE_DELIVERED, T, 0},
    {"an earlier attempt's, opted out", NOTICE_OPTED_OUT, 0, 0, OLD, YES, 0, 1, RECEIPT_MOVED,
     NOTICE_DELIVERED, T, 0},
    {"an earlier attempt's, capped", NOTICE_CAPPED, 0, 0, OLD, YES, 0, 1, RECEIPT_MOVED,
     NOTICE_DELIVERED, T, 0},
    {"an earlier attempt's, excluded", NOTICE_EXCLUDED, 0, 0, OLD, YES, 0, 1, RECEIPT_MOVED,
     NOTICE_DELIVERED, T, 0},
    {"an earlier attempt's, cancelled", NOTICE_CANCELLED, 0, 0, OLD, YES, 0, 1, RECEIPT_MOVED,
     NOTICE_DELIVERED, T, 0},
    {"an earlier attempt's, delivered", NOTICE_DELIVERED, T, 1, OLD, YES, 0, 1, RECEIPT_IGNORED,
     NOTICE_DELIVERED, T, 1},

    /* In sending it is early, which turns a later refusal into delivered. */
    {"an earlier attempt's while sending", NOTICE_SENDING, 0, 0, OLD, YES, 0, 1, RECEIPT_NOTED,
     NOTICE_SENDING, E, 0},
    {"early twice", NOTICE_SENDING, E, 0, OLD, YES, 0, 1, RECEIPT_IGNORED, NOTICE_SENDING, E, 0},
    {"a negative one after an early", NOTICE_SENDING, E, 0, SAME, NO, 0, 1, RECEIPT_MOVED,
     NOTICE_DELIVERED, T | E, 0},

    /* A negative one counts only with the record's fence, and from where it is open. */
    {"an earlier attempt's refusal, accepted", NOTICE_ACCEPTED, T, 0, OLD, NO, 0, 1,
     RECEIPT_IGNORED, NOTICE_ACCEPTED, T, 0},
    {"an earlier attempt's refusal, sending", NOTICE_SENDING, 0, 0, OLD, NO, 0, 1, RECEIPT_IGNORED,
     NOTICE_SENDING, 0, 0},
    {"an earlier attempt's refusal, parked", NOTICE_PARKED, 0, 0, OLD, NO, 0, 1, RECEIPT_IGNORED,
     NOTICE_PARKED, 0, 0},
    {"a refusal of what waits already", NOTICE_PARKED, 0, 0, SAME, NO, 0, 1, RECEIPT_IGNORED,
     NOTICE_PARKED, 0, 0},
    {"a refusal of what failed", NOTICE_FAILED, 0, 0, SAME, NO, 0, 1, RECEIPT_IGNORED,
     NOTICE_FAILED, 0, 0},

    /* Parts: all bits are delivered, the first negative is undelivered. */
    {"the first of three", NOTICE_ACCEPTED, T, 0, SAME, YES, 0, 3, RECEIPT_NOTED, NOTICE_ACCEPTED,
     T, 1},
    {"the second of three", NOTICE_ACCEPTED, T, 1, SAME, YES, 1, 3, RECEIPT_NOTED, NOTICE_ACCEPTED,
     T, 3},
    {"the last of three", NOTICE_ACCEPTED, T, 3, SAME, YES, 2, 3, RECEIPT_MOVED, NOTICE_DELIVERED,
     T, 7},
    {"in any order", NOTICE_ACCEPTED, T, 6, SAME, YES, 0, 3, RECEIPT_MOVED, NOTICE_DELIVERED, T, 7},
    {"a part twice", NOTICE_ACCEPTED, T, 1, SAME, YES, 0, 3, RECEIPT_IGNORED, NOTICE_ACCEPTED, T,
     1},
    {"a part twice, all there", NOTICE_DELIVERED, T, 7, SAME, YES, 1, 3, RECEIPT_IGNORED,
     NOTICE_DELIVERED, T, 7},
    {"the eighth of eight", NOTICE_ACCEPTED, T, 0x7f, SAME, YES, 7, 8, RECEIPT_MOVED,
     NOTICE_DELIVERED, T, 0xff},
    {"a part before the outcome", NOTICE_SENDING, 0, 0, SAME, YES, 0, 2, RECEIPT_NOTED,
     NOTICE_SENDING, 0, 1},
    {"a part refused", NOTICE_ACCEPTED, T, 3, SAME, NO, 2, 3, RECEIPT_MOVED, NOTICE_UNDELIVERED, T,
     3},
    {"a part refused while in doubt", NOTICE_UNCERTAIN, 0, 0, SAME, NO, 0, 3, RECEIPT_MOVED,
     NOTICE_UNDELIVERED, T, 0},
    {"the rest after a refusal does not heal it", NOTICE_UNDELIVERED, T, 3, SAME, YES, 2, 3,
     RECEIPT_IGNORED, NOTICE_UNDELIVERED, T, 3},
    {"parts of an earlier attempt are counted nowhere", NOTICE_ACCEPTED, T, 1, OLD, YES, 1, 3,
     RECEIPT_IGNORED, NOTICE_ACCEPTED, T, 1},
    {"nor while sending", NOTICE_SENDING, 0, 0, OLD, YES, 1, 3, RECEIPT_IGNORED, NOTICE_SENDING, 0,
     0},
};

static void test_fact(void **state)
{
    const struct fact *f = *state;
    struct record r = {.state = f->state,
                       .flags = f->flags,
                       .mask = f->mask,
                       .fence = FENCE,
                       .attempts = 2,
                       .gateway = 3,
                       .reason = f->state == NOTICE_UNDELIVERED ? REASON_ABSENT : REASON_NONE};
    struct record before = r;
    struct receipt_entry e = {.ref = 1,
                              .n = 4711,
                              .fence = f->fence == SAME ? FENCE : EARLIER,
                              .part = f->part,
                              .parts = f->parts};

    assert_int_equal(receipt_apply(&r, &e, f->delivered, REASON_BARRED, 1), f->effect);
    assert_int_equal(r.state, f->then);
    assert_int_equal(r.flags, f->then_flags);
    assert_int_equal(r.mask, f->then_mask);
    assert_int_equal(r.fence, FENCE); /* never the receipt's */
    assert_int_equal(r.attempts, 2);
    if (f->effect == RECEIPT_MOVED) {
        assert_true(notice_may_move(f->state, r.state));
        assert_int_equal(r.reason, r.state == NOTICE_DELIVERED ? REASON_NONE : REASON_BARRED);
    }
    if (f->effect == RECEIPT_IGNORED)
        assert_memory_equal(&r, &before, sizeof r);
    /* The same receipt once more changes nothing. */
    before = r;
    assert_int_equal(receipt_apply(&r, &e, f->delivered, REASON_BARRED, 1), RECEIPT_IGNORED);
    assert_memory_equal(&r, &before, sizeof r);
}

/* In any order, doubled and mixed: all parts delivered is delivered; a negative one among
 * them before the last is undelivered. */
static void test_orders(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 24; order++) {
        unsigned parts[4] = {0, 1, 2, 3}, rest = order;
        struct record r = {.state = NOTICE_ACCEPTED, .fence = FENCE};

        for (unsigned i = 0; i < 4; i++) {
            unsigned at = i + rest % (4 - i), swap = parts[i];

            rest /= 4 - i;
            parts[i] = parts[at];
            parts[at] = swap;
        }
        for (unsigned i = 0; i < 8; i++) {
            struct receipt_entry e = {.fence = FENCE, .part = parts[i / 2], .parts = 4};

            receipt_apply(&r, &e, true, REASON_NONE, 1);
            assert_int_equal(r.state, i < 6 ? NOTICE_ACCEPTED : NOTICE_DELIVERED);
        }
        assert_int_equal(r.mask, 15);
    }
}

/* Of a campaign with several channels: a negative receipt is one channel's last word, not
 * the notice's; the step only grows. */
static const struct step {
    const char *name;
    enum notice_state state;
    unsigned flags, step, steps;
    int fence;
    enum receipt_effect effect;
    enum notice_state then;
    unsigned then_step;
} steps[] = {
    {"the next channel has its turn", NOTICE_ACCEPTED, T, 0, 2, SAME, RECEIPT_NEXT, NOTICE_PARKED,
     1},
    {"before the outcome too", NOTICE_SENDING, 0, 0, 2, SAME, RECEIPT_NEXT, NOTICE_PARKED, 1},
    {"from doubt too", NOTICE_UNCERTAIN, 0, 0, 2, SAME, RECEIPT_NEXT, NOTICE_PARKED, 1},
    {"the one after it", NOTICE_ACCEPTED, T, 1, 3, SAME, RECEIPT_NEXT, NOTICE_PARKED, 2},
    {"the last channel's is final", NOTICE_ACCEPTED, T, 1, 2, SAME, RECEIPT_MOVED,
     NOTICE_UNDELIVERED, 1},
    {"nothing more may be sent", NOTICE_ACCEPTED, T, 0, 0, SAME, RECEIPT_MOVED, NOTICE_UNDELIVERED,
     0},
    {"an earlier attempt arrived after all", NOTICE_SENDING, E, 0, 2, SAME, RECEIPT_MOVED,
     NOTICE_DELIVERED, 0},
    {"an earlier channel's changes nothing", NOTICE_ACCEPTED, T, 1, 3, OLD, RECEIPT_IGNORED,
     NOTICE_ACCEPTED, 1},
    {"nor while the next one is being sent", NOTICE_SENDING, T, 1, 3, OLD, RECEIPT_IGNORED,
     NOTICE_SENDING, 1},
    {"nor while it waits, with that one's fence", NOTICE_PARKED, T, 1, 3, SAME, RECEIPT_IGNORED,
     NOTICE_PARKED, 1},
    {"nor what has ended", NOTICE_UNDELIVERED, T, 0, 2, SAME, RECEIPT_IGNORED, NOTICE_UNDELIVERED,
     0},
};

static void test_step(void **state)
{
    const struct step *s = *state;
    struct record r = {.state = s->state,
                       .flags = s->flags,
                       .step = s->step,
                       .fence = FENCE,
                       .attempts = 3,
                       .settled_s = 9};
    struct receipt_entry e = {.fence = s->fence == SAME ? FENCE : EARLIER, .parts = 1};

    assert_int_equal(receipt_apply(&r, &e, false, REASON_ABSENT, s->steps), s->effect);
    assert_int_equal(r.state, s->then);
    assert_int_equal(r.step, s->then_step);
    if (s->effect == RECEIPT_NEXT) {
        assert_true(notice_may_move(s->state, r.state));
        assert_int_equal(r.reason, REASON_ABSENT);
        assert_int_equal(r.attempts, 0);  /* of the next channel */
        assert_int_equal(r.settled_s, 0); /* due at once */
        assert_true((r.flags & T) != 0);
        assert_int_equal(receipt_apply(&r, &e, false, REASON_ABSENT, s->steps), RECEIPT_IGNORED);
        assert_int_equal(receipt_apply(&r, &e, true, REASON_NONE, s->steps), RECEIPT_MOVED);
        assert_int_equal(r.state, NOTICE_DELIVERED); /* a positive one still wins */
    }
}

#define COUNT(a) (sizeof(a) / sizeof *(a))

int main(void)
{
    struct CMUnitTest tests[COUNT(facts) + COUNT(steps) + 1];

    for (size_t i = 0; i < COUNT(facts); i++)
        tests[i] = (struct CMUnitTest){facts[i].name, test_fact, NULL, NULL, (void *)&facts[i]};
    for (size_t i = 0; i < COUNT(steps); i++)
        tests[COUNT(facts) + i] =
            (struct CMUnitTest){steps[i].name, test_step, NULL, NULL, (void *)&steps[i]};
    tests[COUNT(facts) + COUNT(steps)] = (struct CMUnitTest)cmocka_unit_test(test_orders);
    return cmocka_run_group_tests_name("receipts", tests, NULL, NULL);
}
