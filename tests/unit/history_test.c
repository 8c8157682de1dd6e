/*
 * A hundred thousand histories of notices, in a real Redis: intents, outcomes, doubts and receipts
 * come in any order, any number of times, by actors who believe what stood there a while ago, with
 * answers lost. After every step each notice is where a small model says, which knows nothing of
 * compare-and-set: it was written from LEDGER.md sections 2 and 5.
 *
 * The seed is printed; HISTORY_SEED repeats a run, HISTORY_ROUNDS makes it longer.
 */
#include "ledger.h"
#include "moves.h"
#include "outcome.h"
#include "receipts.h"
#include "redis_group.h"
#include "scripts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PEOPLE 500 /* histories at once */
#define ROUNDS 200
#define STEPS 24
#define ATTEMPTS 4
#define MEMORY 6 /* what stood there, as somebody may still believe */
#define LATER 5000
#define LEDGER "outreach:{c}:r:ledger"

static uint32_t seed, dice;

static uint32_t roll(uint32_t sides)
{
    dice = dice * 1664525 + 1013904223;
    return (dice >> 8) % sides;
}

/* ------------------------------------------------------------------- the model */

struct model {
    enum notice_state state;
    uint32_t fence;
    bool early, told, resent;
};

/* An outcome is judged by the intent that it answers, however late and from whomever. Of one
 * that waits to be sent again it is taken if it is a refusal for good, be it of a part, or
 * another wait. */
static void model_outcome(struct model *m, uint32_t fence, enum notice_state becomes)
{
    bool open =
        m->state == NOTICE_SENDING || m->state == NOTICE_UNCERTAIN ||
        (m->state == NOTICE_PARKED &&
         (becomes == NOTICE_FAILED || becomes == NOTICE_UNDELIVERED || becomes == NOTICE_PARKED));

    if (m->fence != fence || !open || (m->state == NOTICE_UNCERTAIN && becomes == m->state))
        return;
    m->told |= becomes == NOTICE_ACCEPTED || becomes == NOTICE_UNDELIVERED;
    m->state = m->early ? NOTICE_DELIVERED : becomes;
}

/* A positive receipt of any attempt wins; only a later attempt that is under way is waited for. */
static void model_delivered(struct model *m, uint32_t fence)
{
    if (m->state == NOTICE_SENDING && m->fence != fence) {
        m->early = true;
        return;
    }
    m->told |= m->state != NOTICE_DELIVERED;
    m->state = NOTICE_DELIVERED;
}

static void model_undelivered(struct model *m, uint32_t fence)
{
    if (m->fence != fence ||
        (m->state != NOTICE_SENDING && m->state != NOTICE_UNCERTAIN && m->state != NOTICE_ACCEPTED))
        return;
    m->told = true;
    m->state = m->early ? NOTICE_DELIVERED : NOTICE_UNDELIVERED;
}

/* ----------------------------------------------------------------- the histories */

struct attempt {
    uint32_t fence;
    unsigned char intended[LEDGER_RECORD_BYTES]; /* what its intent wrote */
    enum notice_state becomes;                   /* its outcome, which can be told many times */
    bool arrives;                                /* its receipt, likewise */
};

struct life {
    struct model model;
    struct attempt attempts[ATTEMPTS];
    unsigned count;
    unsigned char memory[MEMORY][LEDGER_RECORD_BYTES]; /* the last is what stands there */
    unsigned remembered;
};

/* What somebody is about to do to a notice. */
struct act {
    enum { INTEND, OUTCOME, RECEIPT, DOUBT, RESEND } what;
    struct life *life;
    struct attempt *attempt; /* of INTEND: to be filled */
    unsigned char believed[LEDGER_RECORD_BYTES], wanted[LEDGER_RECORD_BYTES];
    int64_t retry;
    bool moves;
};

static struct life lives[PEOPLE + 1];
static struct act acts[PEOPLE + 1];
static struct moves batch;

static bool stands(const struct life *l, const unsigned char *record)
{
    return memcmp(l->memory[l->remembered - 1], record, LEDGER_RECORD_BYTES) == 0;
}

static void remember(struct life *l, const unsigned char *record)
{
    if (stands(l, record))
        return;
    if (l->remembered == MEMORY)
        memmove(l->memory[0], l->memory[1], (MEMORY - 1) * LEDGER_RECORD_BYTES);
    else
        l->remembered++;
    memcpy(l->memory[l->remembered - 1], record, LEDGER_RECORD_BYTES);
}

/* What the actor believes: mostly what stands there. */
static void believe(struct act *a, struct record *r)
{
    const struct life *l = a->life;
    unsigned back = roll(3) == 0 ? roll(l->remembered) : 0;

    memcpy(a->believed, l->memory[l->remembered - 1 - back], LEDGER_RECORD_BYTES);
    record_unpack(a->believed, r);
}

static void want(struct act *a, const struct record *r, int64_t retry)
{
    record_pack(r, a->wanted);
    a->retry = retry;
    a->moves = memcmp(a->believed, a->wanted, LEDGER_RECORD_BYTES) != 0;
}

/* What a receipt makes of what was found, as inbound/ does it. */
static void apply_receipt(struct act *a)
{
    struct receipt_entry entry = {.fence = a->attempt->fence, .part = 0, .parts = 1};
    struct record old, r;

    record_unpack(a->believed, &old);
    r = old;
    a->moves = false;
    if (receipt_apply(&r, &entry, a->attempt->arrives, REASON_ABSENT, 1) == RECEIPT_IGNORED)
        return;
    want(a, &r,
         r.state != old.state && (old.state == NOTICE_PARKED || old.state == NOTICE_UNCERTAIN)
             ? RETRY_REMOVE
             : RETRY_KEEP);
}

static void begin_intent(struct act *a, uint32_t n)
{
    struct life *l = a->life;
    struct record r;

    believe(a, &r);
    if ((r.state != NOTICE_UNTOUCHED && r.state != NOTICE_PARKED) || l->count == ATTEMPTS)
        return;
    a->attempt = &l->attempts[l->count];
    a->attempt->fence = 1u << 12 | (1 + l->count + (n & 63) * ATTEMPTS);
    want(a, &(struct record){.state = NOTICE_SENDING, .flags = r.flags, .fence = a->attempt->fence},
         r.state == NOTICE_PARKED ? RETRY_REMOVE : RETRY_KEEP);
    if (stands(l, a->believed)) {
        static const enum notice_state outcomes[] = {NOTICE_ACCEPTED, NOTICE_ACCEPTED,
                                                     NOTICE_PARKED,   NOTICE_UNCERTAIN,
                                                     NOTICE_FAILED,   NOTICE_UNDELIVERED};

        memcpy(a->attempt->intended, a->wanted, LEDGER_RECORD_BYTES);
        a->attempt->becomes = outcomes[roll(6)];
        a->attempt->arrives = roll(3) > 0;
        l->count++;
        l->model.state = NOTICE_SENDING;
        l->model.fence = a->attempt->fence;
    }
}

static void begin_outcome(struct act *a)
{
    struct record r;

    memcpy(a->believed, a->attempt->intended, LEDGER_RECORD_BYTES);
    record_unpack(a->believed, &r);
    r.state = a->attempt->becomes;
    if (a->attempt->becomes == NOTICE_ACCEPTED || a->attempt->becomes == NOTICE_UNDELIVERED)
        r.flags |= FLAG_TOLD;
    want(a, &r, r.state == NOTICE_PARKED ? LATER : RETRY_KEEP);
    model_outcome(&a->life->model, a->attempt->fence, a->attempt->becomes);
}

/* Somebody takes the sender for dead, or has waited long enough. */
static void begin_look(struct act *a)
{
    struct model *m = &a->life->model;
    struct record r;
    bool up_to_date;

    believe(a, &r);
    up_to_date = stands(a->life, a->believed);
    if (a->what == DOUBT && r.state == NOTICE_SENDING) {
        /* Whom an earlier attempt has reached there is no doubt about. */
        r.state = (r.flags & FLAG_EARLY) != 0 ? NOTICE_DELIVERED : NOTICE_UNCERTAIN;
        if (up_to_date)
            m->state = m->early ? NOTICE_DELIVERED : NOTICE_UNCERTAIN;
        want(a, &r, r.state == NOTICE_UNCERTAIN ? LATER : RETRY_KEEP);
    } else if (a->what == RESEND && r.state == NOTICE_UNCERTAIN) {
        r.state = NOTICE_PARKED;
        r.flags |= FLAG_RESENT;
        if (up_to_date) {
            m->state = NOTICE_PARKED;
            m->resent = true;
        }
        want(a, &r, LATER);
    }
}

static void begin(uint32_t n)
{
    struct act *a = &acts[n];
    struct life *l = &lives[n];
    struct record r;
    unsigned what = roll(10);

    memset(a, 0, sizeof *a);
    a->life = l;
    if (what < 3 || l->count == 0) {
        a->what = INTEND;
        begin_intent(a, n);
        return;
    }
    a->attempt = &l->attempts[roll(l->count)];
    if (what < 6) {
        a->what = OUTCOME;
        begin_outcome(a);
    } else if (what < 8) {
        a->what = RECEIPT;
        believe(a, &r);
        apply_receipt(a);
        if (!a->moves && !stands(l, a->believed)) { /* it was read too early, and says nothing */
            memcpy(a->believed, l->memory[l->remembered - 1], LEDGER_RECORD_BYTES);
            apply_receipt(a);
        }
        if (a->attempt->arrives)
            model_delivered(&l->model, a->attempt->fence);
        else
            model_undelivered(&l->model, a->attempt->fence);
    } else {
        a->what = what == 8 ? DOUBT : RESEND;
        begin_look(a);
    }
}

/* Something else stood there: what the rooms above do then. */
static void differs(struct act *a, const unsigned char *found)
{
    struct record now, wanted;

    a->moves = false;
    memcpy(a->believed, found, LEDGER_RECORD_BYTES);
    record_unpack(found, &now);
    record_unpack(a->wanted, &wanted);
    if (a->what == RECEIPT)
        apply_receipt(a);
    else if (a->what == OUTCOME)
        a->moves = outcome_apply(&now, &wanted, &a->retry) == OUTCOME_MOVES;
    if (a->what == OUTCOME && a->moves)
        record_pack(&wanted, a->wanted);
}

/* One message to Redis for all that move; the answer may be lost, then it is sent again. */
static size_t send_moves(void)
{
    struct moves_target target = {.campaign = "c", .reminder = "r", .now_ms = 1100, .version = 1};
    bool lost = roll(5) == 0;
    size_t again = 0;

    batch.count = 0;
    for (uint32_t n = 1; n <= PEOPLE; n++) {
        struct act *a = &acts[n];
        struct move *m;

        if (!a->moves)
            continue;
        m = moves_add(&batch);
        m->n = n;
        m->retry = a->retry;
        memcpy(m->believed, a->believed, LEDGER_RECORD_BYTES);
        memcpy(m->wanted, a->wanted, LEDGER_RECORD_BYTES);
    }
    for (int i = 0; i <= lost && batch.count > 0; i++) {
        struct command c = COMMAND_INIT;
        struct error err = {""};
        redisReply *reply = NULL;
        int64_t seq = 0;

        moves_command(&batch, &target, &c);
        if (db_ask(f.db, &c, &reply, &err) != 0)
            fail_msg("%s", err.text);
        assert_int_equal(moves_verdict(reply, &seq), MOVES_DONE);
        for (uint32_t n = 1; n <= PEOPLE && i == lost; n++) {
            const unsigned char *found = acts[n].moves ? moves_differing(reply, n) : NULL;

            if (found != NULL)
                differs(&acts[n], found);
            else
                acts[n].moves = false;
            again += acts[n].moves;
        }
        freeReplyObject(reply);
        command_free(&c);
    }
    return again;
}

static void check(unsigned round, unsigned step)
{
    redisReply *ledger = redisCommand(f.raw, "GET " LEDGER);
    int64_t counts[NOTICE_STATES] = {0};

    for (uint32_t n = 1; n <= PEOPLE; n++) {
        const unsigned char *bytes = (unsigned char *)ledger->str + n * LEDGER_RECORD_BYTES;
        const struct model *m = &lives[n].model;
        unsigned flags = (m->told ? FLAG_TOLD : 0u) | (m->early ? FLAG_EARLY : 0u) |
                         (m->resent ? FLAG_RESENT : 0u);
        struct record r;

        record_unpack(bytes, &r);
        if (r.state != m->state || r.fence != m->fence || r.flags != flags)
            fail_msg(
                "seed %u, round %u, step %u, notice %u after act %d: %s flags %x fence %x, and "
                "should be %s flags %x fence %x",
                seed, round, step, n, (int)acts[n].what, notice_state_name(r.state), r.flags,
                r.fence, notice_state_name(m->state), flags, m->fence);
        counts[r.state]++;
        remember(&lives[n], bytes);
    }
    freeReplyObject(ledger);
    for (int s = 0; s < NOTICE_STATES; s++) {
        redisReply *r = redisCommand(f.raw, "HGET outreach:{c}:r c%d", s);

        assert_int_equal(strtoll(r->str, NULL, 10), counts[s]);
        freeReplyObject(r);
    }
}

/* Whoever is parked will be looked at; whoever has come to an end will not. */
static void check_retry_set(void)
{
    for (uint32_t n = 1; n <= PEOPLE; n++) {
        redisReply *r = redisCommand(f.raw, "ZSCORE outreach:{c}:r:retry %u", n);
        bool there = r->type == REDIS_REPLY_STRING;

        freeReplyObject(r);
        if (lives[n].model.state == NOTICE_PARKED)
            assert_true(there);
        else if (lives[n].model.state >= NOTICE_ACCEPTED)
            assert_false(there);
    }
}

static void open_reminder(void)
{
    char rows[64];

    fixture_ask(&f, "FLUSHALL");
    fixture_ask(&f,
                "HSET outreach:{c}:r state scheduled seq 0 paused 0 cancelled 0 expires 2000 tv "
                "1 cursor 0 orphans 0 turn 0");
    snprintf(rows, sizeof rows, "HSET outreach:{c}:r last %d c0 %d planned %d", PEOPLE, PEOPLE,
             PEOPLE);
    fixture_ask(&f, rows);
    for (int s = 1; s < NOTICE_STATES; s++) {
        redisReply *r = redisCommand(f.raw, "HSET outreach:{c}:r c%d 0", s);

        freeReplyObject(r);
    }
    fixture_script(&f, SCRIPT_OPEN, 2, "outreach:{c}:r " LEDGER " OLG1............ 1000");
    memset(lives, 0, sizeof lives);
    for (uint32_t n = 1; n <= PEOPLE; n++)
        lives[n].remembered = 1;
}

static void test_histories(void **state)
{
    const char *wanted = getenv("HISTORY_SEED"), *rounds = getenv("HISTORY_ROUNDS");
    unsigned most = rounds != NULL ? (unsigned)atoi(rounds) : ROUNDS;
    unsigned delivered = 0, resent = 0;

    (void)state;
    seed = dice = wanted != NULL ? (uint32_t)strtoul(wanted, NULL, 10)
                                 : (uint32_t)(clock_wall_ms() % 1000000);
    print_message("# seed %u, %u histories\n", seed, most * PEOPLE);
    fixture_ask(&f, "CONFIG SET appendfsync no"); /* it is not durability that is tested here */
    for (unsigned round = 0; round < most; round++) {
        open_reminder();
        for (unsigned step = 0; step < STEPS; step++) {
            for (uint32_t n = 1; n <= PEOPLE; n++)
                begin(n);
            while (send_moves() > 0)
                ;
            check(round, step);
        }
        check_retry_set();
        for (uint32_t n = 1; n <= PEOPLE; n++) {
            delivered += lives[n].model.state == NOTICE_DELIVERED;
            resent += lives[n].model.resent;
        }
    }
    fixture_ask(&f, "CONFIG SET appendfsync always");
    /* They were histories, and no standing still. */
    assert_true(delivered > most * PEOPLE / 4 && resent > most * PEOPLE / 50);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_histories)};

    return cmocka_run_group_tests_name("history", tests, redis_start, redis_end);
}
