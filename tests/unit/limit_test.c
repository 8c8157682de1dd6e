/*
 * The pace, on a clock of our own: no second of any operator's sliding window
 * holds more than the rate, little of the rate is wasted, and what an operator
 * bears is learnt from its "too fast".
 */
#include "limit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000
#define START 123456789012345 /* some instant of a monotonic clock */

/* What came when: the most slots that any (t, t + 1 s] held. */
struct history {
    struct {
        int64_t us;
        unsigned slots;
    } * sent;
    size_t count, capacity, first;
    unsigned in_second, most;
};

static void history_add(struct history *h, int64_t us, unsigned slots)
{
    if (h->count == h->capacity) {
        h->capacity = h->capacity ? 2 * h->capacity : 1024;
        h->sent = realloc(h->sent, h->capacity * sizeof *h->sent);
    }
    h->sent[h->count].us = us;
    h->sent[h->count++].slots = slots;
    h->in_second += slots;
    while (h->sent[h->first].us <= us - SECOND)
        h->in_second -= h->sent[h->first++].slots;
    if (h->in_second > h->most)
        h->most = h->in_second;
}

static const struct steady {
    const char *name;
    double rate;
    unsigned slots;   /* a message, at most: they vary from 1 if negative steps are asked for */
    int64_t turn_us;  /* how often the pump looks */
    int64_t pause_us; /* nothing to send for so long, in the middle */
    double least;     /* of the rate, used */
} steadies[] = {
    {"one a second", 1, 1, 1000, 0, 0.95},
    {"ten a second", 10, 1, 1000, 0, 0.95},
    {"fifty", 50, 1, 1000, 0, 0.95},
    {"51, the first with a burst", 51, 1, 1000, 0, 0.95},
    {"two hundred", 200, 1, 1000, 0, 0.95},
    {"two hundred, looked at every 7 ms", 200, 1, 7000, 0, 0.95},
    {"a thousand", 1000, 1, 1000, 0, 0.95},
    {"three thousand, looked at every microsecond or so", 3000, 1, 13, 0, 0.95},
    {"five thousand", 5000, 1, 1000, 0, 0.95},
    {"two segments", 100, 2, 1000, 0, 0.95},
    {"up to five segments", 200, 5, 1000, 0, 0.93},
    {"up to eight segments at 51", 51, 8, 1000, 0, 0.80},
    {"up to eight segments at 10", 10, 8, 1000, 0, 0.50},
    {"no saving up while there is nothing to do", 500, 1, 1000, 3 * SECOND, 0.60},
    {"nor with segments", 500, 8, 1000, 3 * SECOND, 0.60},
    {"less than one a second", 1.0 / 3, 1, 1000, 0, 0.95},
};

static void test_steady(void **state)
{
    const struct steady *f = *state;
    const int64_t length = f->rate < 1 ? 100 * SECOND : 8 * SECOND;
    struct history h = {0};
    struct limit l;
    uint64_t sum = 0;
    unsigned next = f->slots;

    if (f->rate < 1) /* so many in a longer time */
        limit_init(&l, 1, (int64_t)(SECOND / f->rate), START);
    else
        limit_init(&l, f->rate, SECOND, START);
    for (int64_t t = START; t < START + length; t += f->turn_us) {
        if (f->pause_us > 0 && t > START + 2 * SECOND && t < START + 2 * SECOND + f->pause_us)
            continue;
        while (limit_take(&l, next, t)) {
            history_add(&h, t, next);
            sum += next;
            next = f->slots < 3 ? f->slots : 1 + (unsigned)(h.count * 7 % f->slots);
        }
        assert_true(limit_wait_us(&l, t) >= 0);
    }
    if (h.most > (f->rate < 1 ? 1 : (unsigned)f->rate))
        fail_msg("%u slots in one second", h.most);
    if ((double)sum < f->least * f->rate * (double)(length / SECOND))
        fail_msg("%.3f of the rate", (double)sum / (f->rate * (double)(length / SECOND)));
    free(h.sent);
}

/* Who fills batches, and waits 210 ms at most for it. Now and then a batch is 30 ms
 * late, and those after it are not. */
static const struct batches {
    const char *name;
    double rate;
    unsigned batch;
    double least;  /* of the rate, used */
    unsigned mean; /* of messages in a batch, at least */
} batches[] = {
    {"batches of a hundred at 500", 500, 100, 0.92, 90},
    {"at 450, which no number of full batches makes", 450, 100, 0.92, 65},
    {"at 520: the sixth comes when the first is hardly a second old", 520, 100, 0.90, 60},
    {"at five thousand", 5000, 100, 0.92, 90},
    {"of two hundred at a thousand", 1000, 200, 0.92, 180},
    {"at a hundred: what 210 ms hold", 100, 100, 0.90, 14},
    {"at ten", 10, 100, 0.90, 1},
};

static void test_batches(void **state)
{
    const struct batches *f = *state;
    struct history h = {0};
    struct limit l;
    unsigned sum = 0, count = 0, ready, chance = 1;
    int64_t since = START, came = START, late;

    limit_init(&l, f->rate, SECOND, START);
    l.share = 0.96; /* as share.c has it */
    limit_gather(&l, 210000);
    for (int64_t t = START; t < START + 60 * SECOND; t += 1000) {
        int64_t wait = limit_gather_wait_us(&l, f->batch, t);

        assert_true(wait >= 0);
        if (wait > 0 && t - since < 210000)
            continue;
        for (ready = 0; ready < f->batch && limit_take(&l, 1, t);)
            ready++;
        if (ready == 0)
            continue;
        since = t;
        sum += ready;
        count++;
        chance = chance * 1103515245 + 12345;
        late = (chance >> 16) % 4 == 0 ? 30000 : 0;
        came = t + late > came ? t + late : came;
        for (unsigned i = 0; i < ready; i++)
            history_add(&h, came, 1);
    }
    if (h.most > (unsigned)f->rate)
        fail_msg("%u messages in one second", h.most);
    if (sum < f->least * f->rate * 60)
        fail_msg("%.3f of the rate", sum / (f->rate * 60));
    if (sum / count < f->mean)
        fail_msg("%u in a batch", sum / count);
    free(h.sent);
}

/* A pump that sleeps for as long as it is told. */
static void test_wait(void **state)
{
    struct limit l;
    uint64_t sum = 0, looks = 0;

    (void)state;
    limit_init(&l, 300, SECOND, START);
    for (int64_t t = START; t < START + 5 * SECOND; looks++) {
        int64_t wait;

        while (limit_take(&l, 1, t))
            sum++;
        wait = limit_wait_us(&l, t);
        assert_true(wait > 0 && wait < SECOND);
        t += wait;
    }
    assert_true(sum > 285 * 5 && sum <= 300 * 5);
    assert_true(looks < 2 * sum + 10); /* no busy looking */
}

/* An empty start: no burst for a fresh daemon, and no debt either. */
static void test_start(void **state)
{
    struct limit l;
    unsigned taken = 0;

    (void)state;
    limit_init(&l, 10, SECOND, START);
    assert_true(limit_take(&l, 1, START));
    assert_false(limit_take(&l, 1, START));
    assert_false(limit_take(&l, 1, START + 90000));
    assert_true(limit_take(&l, 1, START + 110000));
    limit_init(&l, 1000, SECOND, START);
    while (limit_take(&l, 1, START))
        taken++;
    assert_in_range(taken, 1, 20);
    limit_init(&l, 5, SECOND, START); /* longer than a second of the rate: it goes, alone */
    assert_true(limit_take(&l, 8, START));
    assert_false(limit_take(&l, 1, START + SECOND));
    assert_true(limit_take(&l, 8, START + 2 * SECOND));
}

static void test_none(void **state)
{
    struct limit l;

    (void)state;
    limit_init(&l, 0, SECOND, START);
    for (int i = 0; i < 100000; i++)
        assert_true(limit_take(&l, 8, START));
    assert_int_equal(limit_wait_us(&l, START), 0);
    assert_true(limit_rate(&l) == 0);
}

/* Another share of the rate from now on, up and down and shut: what went counts. */
static void test_set(void **state)
{
    static const double rates[] = {100, 300, 60, LIMIT_SHUT, 0, 500, 51, 200};
    struct history h = {0};
    struct limit l;

    (void)state;
    limit_init(&l, LIMIT_SHUT, SECOND, START);
    assert_false(limit_take(&l, 1, START));
    assert_true(limit_wait_us(&l, START) > 0);
    assert_true(limit_rate(&l) == 0);
    for (int i = 0; i < 40; i++) {
        const double rate = rates[i % 8];
        const int64_t from = START + i * SECOND * 5 / 2;

        limit_set(&l, rate);
        h.most = 0;
        for (int64_t t = from; t < from + SECOND * 5 / 2; t += 1000)
            while (limit_take(&l, 1, t)) {
                assert_true(rate > 0);
                history_add(&h, t, 1);
                if (t > from + SECOND && h.in_second > rate)
                    fail_msg("%u slots in one second of %.0f", h.in_second, rate);
            }
        if (rate > 0 && h.in_second < 0.9 * rate)
            fail_msg("%u slots in one second of %.0f", h.in_second, rate);
    }
    free(h.sent);
}

/* ------------------------------------------------------------------ learning */

/* A make-believe operator: answers after latency_us, too fast or accepted, by a
 * sliding second or by a bucket of tokens. */
struct operator_ {
    double rate, tokens, bucket; /* bucket 0: a sliding second */
    int64_t refilled_us;
    struct history h;
};

static bool operator_takes(struct operator_ *o, int64_t us)
{
    if (o->bucket > 0) {
        o->tokens += o->rate * (double)(us - o->refilled_us) / SECOND;
        o->tokens = o->tokens > o->bucket ? o->bucket : o->tokens;
        o->refilled_us = us;
        if (o->tokens < 1)
            return false;
        o->tokens -= 1;
        return true;
    }
    while (o->h.first < o->h.count && o->h.sent[o->h.first].us <= us - SECOND)
        o->h.first++;
    if (o->h.count - o->h.first >= (size_t)o->rate)
        return false;
    history_add(&o->h, us, 1);
    return true;
}

struct learning {
    struct limit l;
    struct operator_ o;
    int64_t now;
    struct {
        int64_t due_us;
        bool accepted;
    } answers[1024];
    size_t from, to, window;
    uint64_t accepted, throttled;
};

/* Sends as fast as limit and window allow for so long; a wire of 5 ms. */
static void learn(struct learning *t, int64_t us)
{
    int64_t until = t->now + us;

    t->accepted = t->throttled = 0;
    for (; t->now < until; t->now += 1000) {
        while (t->from < t->to && t->answers[t->from % 1024].due_us <= t->now) {
            if (t->answers[t->from++ % 1024].accepted) {
                t->accepted++;
                limit_accepted(&t->l, 1, t->now);
            } else {
                t->throttled++;
                limit_throttled(&t->l, t->now);
            }
        }
        while (t->to - t->from < t->window && limit_take(&t->l, 1, t->now)) {
            t->answers[t->to % 1024].due_us = t->now + 5000;
            t->answers[t->to++ % 1024].accepted = operator_takes(&t->o, t->now + 2500);
        }
    }
}

static const struct lesson {
    const char *name;
    double configured; /* 0: no rate in the configuration */
    double first, bucket, then;
    size_t window;
    double used, refused; /* of the operator's rate at least, of what was sent at most */
} lessons[] = {
    {"a sliding second of 2,000", 0, 2000, 0, 4000, 500, 0.90, 0.02},
    {"a bucket of 2,000 tokens", 0, 2000, 2000, 4000, 500, 0.90, 0.02},
    {"a small bucket", 0, 2000, 100, 4000, 500, 0.85, 0.02},
    {"configured too high", 5000, 2000, 0, 4000, 500, 0.90, 0.02},
    {"configured much too high, a bucket", 20000, 2000, 2000, 4000, 1000, 0.90, 0.02},
    {"a slow one", 0, 50, 0, 100, 100, 0.90, 0.10},
    {"a small window", 0, 2000, 0, 4000, 40, 0.90, 0.02},
    {"lowered instead of raised", 0, 2000, 0, 400, 500, 0.90, 0.02},
};

static void test_learning(void **state)
{
    const struct lesson *f = *state;
    struct learning *t = calloc(1, sizeof *t);

    t->now = START;
    t->window = f->window;
    t->o = (struct operator_){f->first, f->bucket, f->bucket, START, {0}};
    limit_init(&t->l, f->configured, SECOND, START);
    learn(t, 30 * SECOND);
    assert_true((double)t->accepted >= f->used * 30 * f->first);
    assert_true((double)t->throttled <= f->refused * (double)t->accepted);
    t->o.rate = f->then;
    learn(t, 20 * SECOND); /* time to find out */
    learn(t, 30 * SECOND);
    assert_true((double)t->accepted >= f->used * 30 * f->then);
    assert_true((double)t->throttled <= f->refused * (double)t->accepted);
    free(t->o.h.sent);
    free(t);
}

/* What an operator bears above the configured rate is none of our business. */
static void test_back_to_configured(void **state)
{
    struct learning *t = calloc(1, sizeof *t);

    (void)state;
    t->now = START;
    t->window = 200;
    t->o = (struct operator_){300, 0, 0, START, {0}};
    limit_init(&t->l, 500, SECOND, START);
    learn(t, 10 * SECOND);
    assert_true(limit_rate(&t->l) < 350);
    t->o.rate = 10000;
    learn(t, 30 * SECOND);
    assert_true(limit_rate(&t->l) == 500);
    free(t->o.h.sent);
    free(t);
}

#define COUNT(a) (sizeof(a) / sizeof *(a))

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_wait),
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_back_to_configured),
    };
    struct CMUnitTest facts[COUNT(steadies) + COUNT(batches) + COUNT(lessons)];
    size_t n = 0;
    int failed;

    for (size_t i = 0; i < COUNT(steadies); i++)
        facts[n++] =
            (struct CMUnitTest){steadies[i].name, test_steady, NULL, NULL, (void *)&steadies[i]};
    for (size_t i = 0; i < COUNT(batches); i++)
        facts[n++] =
            (struct CMUnitTest){batches[i].name, test_batches, NULL, NULL, (void *)&batches[i]};
    for (size_t i = 0; i < COUNT(lessons); i++)
        facts[n++] =
            (struct CMUnitTest){lessons[i].name, test_learning, NULL, NULL, (void *)&lessons[i]};
    failed = cmocka_run_group_tests_name("pace", facts, NULL, NULL);
    return failed + cmocka_run_group_tests_name("limit", others, NULL, NULL);
}
