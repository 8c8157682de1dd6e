/*
 * Several daemons and one rate, on a clock of our own, with the real script in a real
 * Redis: whatever they do (join, leave, die, come back at once, fall asleep, hear late
 * from Redis), no second that the operator can look at holds more than the rate, and
 * nearly all of it is made use of.
 */
#include "share.h"

#include "redis_fixture.h"
#include "scripts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct redis_fixture f;

#define SECOND INT64_C(1000000)
#define START (123456 * SECOND)
#define KEY "outreach:{gw:g}:shares"
#define DEAD_US (31 * SECOND) /* LEDGER.md section 3: six polls of 5 s, and the first */
#define ASK_US 1200000        /* dispatch.c: QUOTA_TICKS */
#define DAEMONS 4

/* ------------------------------------------------------------------ the operator */

static struct {
    struct {
        int64_t us;
        unsigned slots;
    } * sent;
    size_t count, room, first;
    int64_t period_us;
    unsigned within, most;
    uint64_t sum;
} seen;

static void operator_sees(int64_t us, unsigned slots)
{
    if (seen.count == seen.room) {
        seen.room = seen.room ? 2 * seen.room : 4096;
        seen.sent = realloc(seen.sent, seen.room * sizeof *seen.sent);
    }
    seen.sent[seen.count].us = us;
    seen.sent[seen.count++].slots = slots;
    seen.within += slots;
    seen.sum += slots;
    while (seen.sent[seen.first].us <= us - seen.period_us)
        seen.within -= seen.sent[seen.first++].slots;
    seen.most = seen.within > seen.most ? seen.within : seen.most;
}

/* ------------------------------------------------------------------- the daemons */

static struct daemon {
    struct share share;
    enum { GONE, UP, ASLEEP, LEAVING, CRASHED } state;
    int64_t until_us; /* of sleep, of leaving, until a crash is noticed */
    int64_t ask_us;   /* the next question */
    int64_t answer_us, answer;
    unsigned sent;
    bool long_asleep;
} daemons[DAEMONS];

static const struct world {
    const char *name;
    int64_t slots, period_ms, burst;
    unsigned message; /* slots of a message, at most */
    unsigned count;   /* of daemons */
    int seconds;
    const char *fates; /* one a turn: s(leep) S(leep long) k(ill, and back at once) K(illed)
                        * l(eave) r(edis is slow) . */
    double least;      /* of the rate, used in all */
} worlds[] = {
    {"two daemons, 20 a second", 20, 1000, 0, 1, 2, 60, ".", 0.88},
    {"three daemons, 20 a second", 20, 1000, 0, 1, 3, 60, ".", 0.85},
    {"three daemons, a thousand", 1000, 1000, 0, 1, 3, 40, ".", 0.88},
    {"three daemons and one a second", 1, 1000, 0, 1, 3, 200, ".", 0.6},
    {"three daemons, 20 a minute", 20, 60000, 0, 1, 3, 600, ".", 0.7},
    {"three daemons, 100 a second, eight segments", 100, 1000, 0, 8, 3, 60, ".", 0.7},
    {"three daemons, 20 a second, eight segments", 20, 1000, 0, 8, 3, 200, ".", 0.45},
    {"a burst after a pause", 100, 1000, 60, 1, 3, 60, ".", 0.75},
    {"daemons that come and go", 100, 1000, 0, 1, 4, 300, "l.kl.Kl", 0.5},
    {"daemons that are killed and are back at once", 50, 1000, 0, 1, 3, 200, "k", 0.3},
    {"the same with a burst and segments", 50, 1000, 50, 5, 3, 200, "kkl", 0.2},
    {"daemons that fall asleep", 100, 1000, 0, 1, 3, 1000, "Srs", 0.1},
    {"a Redis that answers late", 100, 1000, 0, 1, 3, 200, "r", 0.4},
    {"the same with bursts, and daemons that come and go", 100, 1000, 100, 5, 3, 1500, "rl", 0.2},
    {"all of it", 60, 1000, 10, 3, 4, 600, "srklKSr.l", 0.2},
};

static const struct world *w;
static int64_t now;
static uint64_t seed;

static unsigned chance(unsigned below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

static void begin(struct daemon *d)
{
    share_init(&d->share, w->slots, w->period_ms, w->burst, w->message > 1 ? 8 : 1, now);
    d->state = UP;
    d->long_asleep = false;
    d->ask_us = now + (int64_t)chance(300) * 1000;
    d->answer_us = 0;
}

static void give_back(const struct daemon *d)
{
    fixture_ask(&f, "HDEL " KEY " d%d", (int)(d - daemons));
}

/* Redis answers soon, or late: what it said holds from when it said it. */
static void ask(struct daemon *d)
{
    unsigned using;

    d->ask_us = now + ASK_US;
    if (!share_ask(&d->share, &using, now, now / 1000))
        return;
    d->answer = strtoll(fixture_script(&f, SCRIPT_SHARE, 1, KEY " d%d %u %lld %u %lld",
                                       (int)(d - daemons), using, (long long)w->slots,
                                       d->share.least, (long long)(now / (30 * SECOND))),
                        NULL, 10);
    d->answer_us = now + 1000 + (int64_t)chance(20) * 1000;
    if (strchr(w->fates, 'r') != NULL && chance(2) == 0)
        d->answer_us += (int64_t)chance(4000) * 1000;
}

static void run(struct daemon *d)
{
    if (d->state == GONE)
        return;
    if (d->state != UP && now >= d->until_us) {
        if (d->state == ASLEEP)
            d->state = UP;
        else
            give_back(d);
        if (d->state != UP) {
            d->state = GONE;
            return;
        }
    }
    if (d->state == CRASHED || d->state == ASLEEP) {
        if (d->long_asleep && now == d->until_us - 15 * SECOND && chance(2) == 0)
            give_back(d); /* it was buried, while it slept for long enough */
        return;
    }
    if (d->answer_us != 0 && now >= d->answer_us) {
        share_answer(&d->share, d->answer, now);
        d->answer_us = 0;
    }
    if (d->state == LEAVING)
        return;
    if (now >= d->ask_us)
        ask(d);
    share_check(&d->share, now / 1000);
    if (w->burst > 0 && now / SECOND % 7 == 3)
        return; /* nothing to do for a second */
    for (;;) {
        unsigned slots = 1 + (w->message > 1 ? chance(w->message) : 0);

        if (!limit_take(&d->share.limit, slots, now))
            break;
        d->sent += slots;
        operator_sees(now, slots);
    }
}

/* Sleep of up to 20 s is nobody's death; the long one may be one, and ends later. */
static void fate(char what)
{
    struct daemon *d = &daemons[chance(w->count)];

    if (d->state == GONE) {
        begin(d);
        return;
    }
    if (d->state != UP)
        return;
    switch (what) {
    case 's':
        d->state = ASLEEP;
        d->long_asleep = what == 'S';
        d->until_us = now + (int64_t)chance(4) * SECOND + 3 * SECOND;
        break;
    case 'S':
        d->state = ASLEEP;
        d->long_asleep = what == 'S';
        d->until_us = now + DEAD_US + 16 * SECOND;
        break;
    case 'k':
        begin(d);
        break;
    case 'K':
        d->state = CRASHED;
        d->until_us = now + DEAD_US;
        break;
    case 'l':
        d->state = LEAVING;
        d->until_us = now + SECOND + SECOND / 10;
        break;
    }
}

static void test_world(void **state)
{
    const int64_t length = (int64_t)((const struct world *)*state)->seconds * SECOND;
    size_t turn = 0;
    double used;

    w = *state;
    fixture_ask(&f, "FLUSHALL");
    memset(daemons, 0, sizeof daemons);
    seen.count = seen.first = 0;
    seen.within = seen.most = 0;
    seen.sum = 0;
    seen.period_us = w->period_ms * 1000;
    seed = 42;
    now = START;
    for (unsigned i = 0; i < w->count; i++)
        begin(&daemons[i]);
    for (; now < START + length; now += 1000) {
        for (unsigned i = 0; i < w->count; i++)
            run(&daemons[i]);
        if (now % (3 * SECOND) == 0)
            fate(w->fates[turn++ % strlen(w->fates)]);
    }
    if (seen.most > w->slots)
        fail_msg("%u slots in one period of %lld", seen.most, (long long)w->slots);
    used = (double)seen.sum * (double)seen.period_us / ((double)w->slots * (double)length);
    if (used < w->least)
        fail_msg("%.2f of the rate was used", used);
    if (strcmp(w->fates, ".") == 0) /* undisturbed, each has its turn */
        for (unsigned i = 0; i < w->count; i++)
            assert_true(daemons[i].sent * 2 * w->count >= seen.sum);
}

/* What a rate without a share lets through. */
static void test_shut(void **state)
{
    struct share s;
    unsigned using;

    (void)state;
    share_init(&s, 0, 1000, 0, 1, START);
    assert_true(limit_take(&s.limit, 8, START));
    assert_false(share_ask(&s, &using, START, 0));

    share_init(&s, 100, 1000, 0, 1, START);
    assert_false(limit_take(&s.limit, 1, START + 10 * SECOND));
    assert_true(share_ask(&s, &using, START + 10 * SECOND, 5000));
    assert_int_equal(using, 0);
    assert_false(share_ask(&s, &using, START + 11 * SECOND, 6000)); /* one is under way */
    share_answer(&s, 100, START + 12 * SECOND);
    share_check(&s, 5000 + SHARE_GOOD_MS); /* it counts from the question */
    assert_true(limit_take(&s.limit, 1, START + 12 * SECOND));
    share_check(&s, 5001 + SHARE_GOOD_MS);
    assert_false(limit_take(&s.limit, 1, START + 13 * SECOND));
}

/* A second after it began, not sooner: it may have died and come back just now. */
static void test_after_a_death(void **state)
{
    struct share s;
    unsigned using;

    (void)state;
    share_init(&s, 100, 1000, 0, 1, START);
    share_ask(&s, &using, START, 0);
    share_answer(&s, 100, START + 1000);
    assert_false(limit_take(&s.limit, 1, START + SECOND));
    assert_true(limit_take(&s.limit, 1, START + SECOND * 12 / 10));
}

#define COUNT(a) (sizeof(a) / sizeof *(a))

static int setup(void **state)
{
    (void)state;
    if (fixture_start(&f, NULL) != 0)
        return -1;
    f.db = fixture_db(&f, 1);
    return f.db != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(seen.sent);
    fixture_end(&f);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_shut),
        cmocka_unit_test(test_after_a_death),
    };
    struct CMUnitTest facts[COUNT(worlds)];
    int failed;

    for (size_t i = 0; i < COUNT(worlds); i++)
        facts[i] = (struct CMUnitTest){worlds[i].name, test_world, NULL, NULL, (void *)&worlds[i]};
    failed = cmocka_run_group_tests_name("daemons", facts, setup, teardown);
    return failed + cmocka_run_group_tests_name("share", others, NULL, NULL);
}
