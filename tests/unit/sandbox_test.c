/* The sandbox operator: that it does what its settings say, as often as they
 * say, again with the same seed, and forgets nothing. Percentages are held to
 * the binomial law: 20,000 messages, five standard deviations. */
#include "plugin_host.h"
#include "wheel.h"

#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#define SO BUILD_DIR "/plugins/sandbox.so"
#define MANY 20000

struct post {
    struct gateway_message m;
    char to[40], reference[48];
};

static struct post *make_posts(size_t n)
{
    struct post *posts = calloc(n, sizeof *posts);
    size_t i;

    for (i = 0; i < n; i++) {
        struct post *p = &posts[i];

        snprintf(p->to, sizeof p->to, "+861385%07zu", i);
        snprintf(p->reference, sizeof p->reference, "march8/first/%zu", i + 1);
        p->m = (struct gateway_message){.token = i + 1,
                                        .to = p->to,
                                        .to_length = strlen(p->to),
                                        .text = "【鼓楼区妇联】 \"讲座\"\n",
                                        .segments = 1,
                                        .attempt = 1,
                                        .reference = p->reference};
        p->m.length = strlen(p->m.text);
    }
    return posts;
}

static void submit(struct gateway *gw, struct post *posts, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        const struct gateway_message *m = &posts[i].m;

        gw->plugin->submit(gw->state, &m, 1);
    }
}

static size_t count(const struct gateway *gw, enum gateway_outcome outcome)
{
    size_t i, n = 0;

    for (i = 0; i < gw->answer_count; i++)
        n += gw->answers[i].outcome == outcome;
    return n;
}

static void assert_percent(size_t got, size_t of, double percent)
{
    double p = percent / 100, slack = 5 * sqrt((double)of * p * (1 - p)) + 0.5;

    if (fabs((double)got - (double)of * p) > slack)
        fail_msg("%zu of %zu are not %g percent", got, of, percent);
}

/* ------------------------------------------------------------ shares of outcomes */

static const struct share {
    const char *name, *setting, *percent;
    enum gateway_outcome outcome;
} shares[] = {
    {"no loss without loss", "loss", "0", GATEWAY_UNKNOWN},
    {"loss is unknown", "loss", "3", GATEWAY_UNKNOWN},
    {"all can be lost", "loss", "100", GATEWAY_UNKNOWN},
    {"numbers that do not exist are rejected", "reject", "7", GATEWAY_REJECTED},
    {"an outage is a retry", "outage", "50", GATEWAY_RETRY},
    {"one percent is one percent", "outage", "1", GATEWAY_RETRY},
};

static void test_share(void **state)
{
    const struct share *f = *state;
    const struct setting_row rows[] = {{"window", "20000"}, {f->setting, f->percent}, {0}};
    struct gateway *gw = host_open(SO, rows, NULL);
    struct post *posts = make_posts(MANY);

    assert_int_equal(gw->capacity, 20000);
    submit(gw, posts, MANY);
    assert_int_equal(gw->answer_count, 0); /* never within submit() */
    host_pass(gw, 60000);
    assert_int_equal(gw->answer_count, MANY);
    assert_percent(count(gw, f->outcome), MANY, atof(f->percent));
    assert_int_equal(count(gw, GATEWAY_ACCEPTED) + count(gw, f->outcome), MANY);
    host_close(gw);
    free(posts);
}

/* -------------------------------------------------------------------- receipts */

static const struct receipt_share {
    const char *name, *setting, *percent;
    enum gateway_receipt_state state; /* or 0: any */
    int64_t from_ms, to_ms;           /* after the submit */
} receipt_shares[] = {
    {"all receipts come within delay and jitter", "loss", "0", 0, 2201, 3202},
    {"undelivered are told", "undelivered", "12", GATEWAY_UNDELIVERED, 2201, 3202},
    {"late ones come after late_delay", "late_receipts", "20", 0, 300201, 300202},
    {"early ones come before the answer", "early_receipts", "30", 0, 0, 200},
};

static void test_receipts(void **state)
{
    const struct receipt_share *f = *state;
    const struct setting_row rows[] = {{"window", "20000"}, {f->setting, f->percent}, {0}};
    struct gateway *gw = host_open(SO, rows, NULL);
    struct post *posts = make_posts(MANY);
    int64_t start_ms = gw->now_ms;
    size_t i, inside = 0;

    submit(gw, posts, MANY);
    host_pass(gw, 600000);
    assert_int_equal(gw->receipt_count, MANY);
    for (i = 0; i < MANY; i++) {
        int64_t at = gw->receipts[i].at_ms - start_ms;

        inside += at >= f->from_ms && at <= f->to_ms &&
                  (f->state == 0 || gw->receipts[i].state == f->state);
        assert_false(gw->receipts[i].has_reference);
        assert_true(i == 0 || gw->receipts[i].at_ms >= gw->receipts[i - 1].at_ms);
    }
    assert_percent(inside, MANY, strcmp(f->setting, "loss") == 0 ? 100 : atof(f->percent));
    host_close(gw);
    free(posts);
}

static void test_every_part_has_its_receipt(void **state)
{
    static const struct setting_row rows[] = {{"window", "10"}, {"undelivered", "100"}, {0}};
    struct gateway *gw = host_open(SO, rows, NULL);
    struct post *posts = make_posts(1);
    size_t i, missing = 0;

    (void)state;
    posts[0].m.segments = 3;
    submit(gw, posts, 1);
    host_pass(gw, 10000);
    assert_int_equal(gw->answers[0].id_count, 3);
    assert_string_not_equal(gw->answers[0].ids[0], gw->answers[0].ids[1]);
    assert_int_equal(gw->receipt_count, 3);
    for (i = 0; i < 3; i++) {
        assert_string_equal(gw->receipts[i].id, gw->answers[0].ids[i]);
        missing += gw->receipts[i].state == GATEWAY_UNDELIVERED;
    }
    assert_int_equal(missing, 1);
    host_close(gw);
    free(posts);
}

static void test_a_channel_without_segments_has_one_id(void **state)
{
    static const struct setting_row rows[] = {{"window", "10"}, {"channel", "wecom"}, {0}};
    struct gateway *gw = host_open(SO, rows, NULL);
    struct post *posts = make_posts(1);

    (void)state;
    posts[0].m.segments = 3;
    posts[0].m.to = "";
    posts[0].m.to_length = 0;
    assert_int_equal(gw->plugin->instance_capabilities(gw->state), GATEWAY_SENDS_RECEIPTS);
    submit(gw, posts, 1);
    host_pass(gw, 10000);
    assert_int_equal(gw->answers[0].id_count, 1);
    host_close(gw);
    free(posts);
}

/* Of what is lost half has arrived, and its receipts carry the reference. */
static void test_lost_ones_may_have_arrived(void **state)
{
    static const struct setting_row rows[] = {
        {"window", "20000"}, {"loss", "100"}, {"echo_reference", "true"}, {0}};
    struct gateway *gw = host_open(SO, rows, NULL);
    struct post *posts = make_posts(MANY);

    (void)state;
    submit(gw, posts, MANY);
    host_pass(gw, 9999);
    assert_int_equal(gw->answer_count, 0);
    host_pass(gw, 50000);
    assert_int_equal(count(gw, GATEWAY_UNKNOWN), MANY);
    assert_percent(gw->receipt_count, MANY, 50);
    assert_true(gw->receipts[0].has_reference);
    assert_memory_equal(gw->receipts[0].reference, "march8/first/", 13);
    host_close(gw);
    free(posts);
}

static void test_what_is_not_stored_comes_again(void **state)
{
    static const struct setting_row rows[] = {{"window", "10"}, {"replies", "100"}, {0}};
    struct gateway *gw = host_open(SO, rows, NULL);
    struct post *posts = make_posts(1);

    (void)state;
    gw->store = STORE_FAILS;
    submit(gw, posts, 1);
    host_pass(gw, 20000);
    assert_true(gw->receipt_count >= 5 && gw->receipt_count <= 10);
    gw->store = STORE_NOW;
    host_pass(gw, 10000);
    size_t receipts = gw->receipt_count, replies = gw->reply_count;
    host_pass(gw, 100000);
    assert_int_equal(gw->receipt_count, receipts);
    assert_int_equal(gw->reply_count, replies);
    assert_null(gw->timers); /* nothing is left to do */
    assert_string_equal(gw->replies[0].from, posts[0].to);
    assert_string_equal(gw->replies[0].to, "10690000");
    assert_string_equal(gw->replies[0].text, "R");
    assert_string_equal(gw->replies[0].id, gw->replies[1].id); /* a repeat is known as one */
    host_close(gw);
    free(posts);
}

static void test_no_more_than_4096_wait_to_be_stored(void **state)
{
    static const struct setting_row rows[] = {{"window", "10000"}, {0}};
    struct gateway *gw = host_open(SO, rows, NULL);
    struct post *posts = make_posts(10000);
    size_t i;

    (void)state;
    gw->store = STORE_LATER;
    submit(gw, posts, 10000);
    host_pass(gw, 10000);
    assert_int_equal(gw->receipt_count, 4096);
    gw->store = STORE_NOW;
    for (i = 0; i < 4000; i++)
        gw->stored[i](gw->stored_args[i], true);
    host_pass(gw, 1000);
    assert_int_equal(gw->receipt_count, 10000);
    host_close(gw); /* with 96 still unanswered */
    free(posts);
}

static void test_pending_receipts_are_bounded(void **state)
{
    static const struct setting_row rows[] = {{"window", "20000"}, {"pending_max", "1000"}, {0}};
    struct gateway *gw = host_open(SO, rows, NULL);
    struct post *posts = make_posts(5000);

    (void)state;
    submit(gw, posts, 5000);
    host_pass(gw, 10000);
    assert_int_equal(gw->answer_count, 5000);
    assert_int_equal(gw->receipt_count, 1000);
    assert_non_null(strstr(gw->log, "sandbox.dropped"));
    host_close(gw);
    free(posts);
}

/* ---------------------------------------------------------------- the same again */

static uint64_t fingerprint(const char *seed, size_t batch)
{
    const struct setting_row rows[] = {
        {"window", "20000"},  {"loss", "5"},  {"reject", "5"},  {"outage", "5"},
        {"undelivered", "9"}, {"seed", seed}, {"replies", "3"}, {0}};
    struct gateway *gw = host_open(SO, rows, NULL);
    struct post *posts = make_posts(2000);
    uint64_t print = 0;
    size_t i, round;

    for (round = 0; round < 2000 / batch; round++) {
        submit(gw, posts + round * batch, batch);
        host_pass(gw, 700);
    }
    host_pass(gw, 60000);
    for (i = 0; i < gw->answer_count; i++) /* in any order */
        print += gw->answers[i].token * 31 * (uint64_t)gw->answers[i].outcome;
    for (i = 0; i < gw->receipt_count; i++)
        print += (uint64_t)gw->receipts[i].state << 40;
    print += (uint64_t)gw->reply_count << 50;
    host_close(gw);
    free(posts);
    return print;
}

static void test_the_same_seed_gives_the_same_fates(void **state)
{
    (void)state;
    assert_int_equal(fingerprint("7", 2000), fingerprint("7", 2000));
    assert_int_equal(fingerprint("7", 2000), fingerprint("7", 50)); /* timing changes nothing */
    assert_int_not_equal(fingerprint("7", 2000), fingerprint("8", 2000));
}

static void test_a_bad_number_stays_bad(void **state)
{
    static const struct setting_row rows[] = {
        {"window", "1000"}, {"reject", "40"}, {"outage", "20"}, {0}};
    struct gateway *gw = host_open(SO, rows, NULL);
    struct post *posts = make_posts(500);
    size_t i, mixed = 0;

    (void)state;
    submit(gw, posts, 500);
    host_pass(gw, 1000);
    for (i = 0; i < 500; i++) { /* another notice, another attempt, the same people */
        snprintf(posts[i].reference, sizeof posts[i].reference, "june26/last/%zu", i);
        posts[i].m.attempt = 2;
        posts[i].m.token += 1000;
    }
    submit(gw, posts, 500);
    host_pass(gw, 1000);
    for (i = 1; i <= 500; i++) {
        enum gateway_outcome first = host_answer(gw, i)->outcome,
                             second = host_answer(gw, i + 1000)->outcome;

        if (first != GATEWAY_RETRY && second != GATEWAY_RETRY)
            assert_int_equal(first, second);
        mixed += first != second;
    }
    assert_true(mixed > 50); /* an outage is another one each time */
    host_close(gw);
    free(posts);
}

static void test_ids_differ_after_a_restart(void **state)
{
    static const struct setting_row rows[] = {{"window", "10"}, {0}};
    struct post *posts = make_posts(1);
    char first[65];
    struct gateway *gw = host_open(SO, rows, NULL);

    (void)state;
    submit(gw, posts, 1);
    host_pass(gw, 500);
    memcpy(first, gw->answers[0].ids[0], sizeof first);
    assert_in_range(strlen(first), 1, 64);
    host_close(gw);
    host_start_ms++; /* the next start is a millisecond later */
    gw = host_open(SO, rows, NULL);
    submit(gw, posts, 1);
    host_pass(gw, 500);
    assert_string_not_equal(gw->answers[0].ids[0], first);
    host_close(gw);
    host_start_ms--;
    free(posts);
}

/* --------------------------------------------------------------- speed, connection */

static void test_too_fast_is_throttled(void **state)
{
    static const struct setting_row rows[] = {{"window", "1000"}, {"throttle_above", "100"}, {0}};
    struct gateway *gw = host_open(SO, rows, NULL);
    struct post *posts = make_posts(300);

    (void)state;
    submit(gw, posts, 150);
    host_pass(gw, 1000);
    assert_int_equal(count(gw, GATEWAY_ACCEPTED), 100);
    assert_int_equal(count(gw, GATEWAY_THROTTLED), 50);
    assert_in_range(host_answer(gw, 150)->retry_after_ms, 1, 1000);
    submit(gw, posts + 150, 100);
    host_pass(gw, 1000);
    assert_int_equal(count(gw, GATEWAY_ACCEPTED), 200);
    host_close(gw);
    free(posts);
}

static void test_a_lost_connection_leaves_doubt(void **state)
{
    static const struct setting_row rows[] = {
        {"window", "100"}, {"drop_every", "10"}, {"latency", "50ms"}, {0}};
    struct gateway *gw = host_open(SO, rows, NULL);
    struct post *posts = make_posts(30);

    (void)state;
    submit(gw, posts, 10);
    host_pass(gw, 5);
    assert_int_equal(count(gw, GATEWAY_UNKNOWN), 10);
    assert_int_equal(gw->capacity, 0);
    submit(gw, posts + 10, 1); /* against the rules */
    assert_int_equal(host_answer(gw, 11)->outcome, GATEWAY_UNSENT);
    host_pass(gw, 1000);
    assert_int_equal(gw->capacity, 100);
    host_pass(gw, 10000);
    assert_int_equal(gw->receipt_count, 10); /* they had arrived */
    assert_int_equal(gw->answer_count, 11);  /* each answered once */
    host_close(gw);
    free(posts);
}

static void test_beyond_window_or_time_is_unsent(void **state)
{
    static const struct setting_row rows[] = {{"window", "2"}, {0}};
    struct gateway *gw = host_open(SO, rows, NULL);
    struct post *posts = make_posts(4);

    (void)state;
    posts[0].m.submit_by_ms = gw->now_ms - 1;
    submit(gw, posts, 4);
    assert_int_equal(host_answer(gw, 1)->outcome, GATEWAY_UNSENT);
    assert_int_equal(host_answer(gw, 4)->outcome, GATEWAY_UNSENT);
    host_pass(gw, 500);
    assert_int_equal(count(gw, GATEWAY_ACCEPTED), 2);
    host_close(gw);
    free(posts);
}

/* done() submits the next message, as the daemon does. */
static struct post *chain;
static size_t chain_next;

static void submit_next(struct gateway *gw, uint64_t token)
{
    (void)token;
    if (chain_next < MANY)
        submit(gw, chain + chain_next++, 1);
}

static void test_done_may_submit(void **state)
{
    static const struct setting_row rows[] = {
        {"window", "50"}, {"latency", "0ms"}, {"receipts", "false"}, {0}};
    struct gateway *gw = host_open(SO, rows, NULL);

    (void)state;
    chain = make_posts(MANY);
    chain_next = 50;
    gw->on_done = submit_next;
    submit(gw, chain, 50);
    host_pass(gw, 1000);
    assert_int_equal(count(gw, GATEWAY_ACCEPTED), MANY);
    assert_true(gw->timers_made < 1000); /* one a turn, not one a message */
    host_close(gw);
    free(chain);
}

/* --------------------------------------------------------------------- the phone */

static void test_the_phone_shows_what_arrived(void **state)
{
    char path[] = BUILD_DIR "/phone-XXXXXX", text[4096];
    const struct setting_row rows[] = {
        {"window", "100"}, {"phone_file", path}, {"reject", "30"}, {0}};
    struct post *posts = make_posts(20);
    struct gateway *gw;
    struct stat st;
    size_t n, lines = 0, i;
    FILE *file;

    (void)state;
    close(mkstemp(path));
    unlink(path);
    gw = host_open(SO, rows, NULL);
    submit(gw, posts, 20);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    file = fopen(path, "r");
    n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = '\0';
    host_pass(gw, 500);
    for (i = 0; i < n; i++)
        lines += text[i] == '\n';
    assert_int_equal(lines, count(gw, GATEWAY_ACCEPTED));
    assert_in_range(lines, 5, 19);
    text[strcspn(text, "\n")] = '\0';
    i = (size_t)atoi(strstr(text, "march8/first/") + 13) - 1;
    char expected[300];
    snprintf(expected, sizeof expected,
             "{\"to\":\"%s\",\"text\":\"【鼓楼区妇联】 \\\"讲座\\\"\\n\","
             "\"at\":\"2027-03-07T01:16:40.000Z\",\"reference\":\"%s\"}",
             posts[i].to, posts[i].reference);
    assert_string_equal(text, expected);
    host_close(gw);
    unlink(path);
    free(posts);
}

static void test_a_phone_file_that_cannot_be_is_an_error(void **state)
{
    static const struct setting_row rows[] = {{"phone_file", "/nowhere/at/all"}, {0}};
    char error[512];

    (void)state;
    assert_null(host_open(SO, rows, error));
    assert_string_equal(error, "phone_file: /nowhere/at/all: No such file or directory");
}

/* --------------------------------------------------------------------- the wheel */

/* Against a sorted list: what comes out is what is due, never early, never
 * late, in order; removed ones never. */
static void test_wheel_keeps_time(void **state)
{
    enum { ITEMS = 20000 };
    struct wheel_item *items = calloc(ITEMS, sizeof *items), *item;
    struct wheel *w = wheel_create(12345);
    int64_t now = 12345, last = 0, *dues = calloc(ITEMS, sizeof *dues);
    bool *gone = calloc(ITEMS, sizeof *gone);
    size_t i, out = 0, removed = 0;

    (void)state;
    srand(20261123);
    for (i = 0; i < ITEMS; i++) {
        int64_t span = (int64_t[]){10, 3000, 100000, 20000000, 5000000000}[rand() % 5];

        dues[i] = now + (int64_t)((double)rand() / RAND_MAX * (double)span);
        wheel_add(w, &items[i], dues[i]);
    }
    for (i = 0; i < ITEMS; i += 7) {
        wheel_remove(w, &items[i]);
        gone[i] = true;
        removed++;
    }
    while (wheel_count(w) > 0) {
        int64_t next = wheel_next_ms(w);

        assert_true(next >= 0);
        now = next > now ? next : now;
        while ((item = wheel_take(w, now)) != NULL) {
            i = (size_t)(item - items);
            assert_false(gone[i]);
            gone[i] = true;
            assert_int_equal(dues[i], now);
            assert_true(dues[i] >= last);
            last = dues[i];
            out++;
        }
    }
    assert_int_equal(out + removed, ITEMS);
    assert_int_equal(wheel_next_ms(w), -1);
    wheel_destroy(w);
    free(items);
    free(dues);
    free(gone);
}

static void test_wheel_after_a_long_sleep(void **state)
{
    struct wheel_item items[3];
    struct wheel *w = wheel_create(0);

    (void)state;
    wheel_add(w, &items[0], 70000);
    wheel_add(w, &items[1], 300);
    assert_null(wheel_take(w, 299));
    assert_ptr_equal(wheel_take(w, 1000000), &items[1]);
    wheel_add(w, &items[2], 100); /* long past: it comes out next */
    assert_ptr_equal(wheel_take(w, 1000000), &items[2]);
    assert_ptr_equal(wheel_take(w, 1000000), &items[0]);
    assert_null(wheel_take(w, 1000000));
    wheel_destroy(w);
}

int main(void)
{
    enum { MAX = 64 };
    struct CMUnitTest tests[MAX];
    size_t n = 0, i;

    for (i = 0; i < sizeof shares / sizeof *shares; i++)
        tests[n++] = (struct CMUnitTest){shares[i].name, test_share, NULL, NULL,
                                         (void *)(uintptr_t)&shares[i]};
    for (i = 0; i < sizeof receipt_shares / sizeof *receipt_shares; i++)
        tests[n++] = (struct CMUnitTest){receipt_shares[i].name, test_receipts, NULL, NULL,
                                         (void *)(uintptr_t)&receipt_shares[i]};
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_every_part_has_its_receipt),
        cmocka_unit_test(test_a_channel_without_segments_has_one_id),
        cmocka_unit_test(test_lost_ones_may_have_arrived),
        cmocka_unit_test(test_what_is_not_stored_comes_again),
        cmocka_unit_test(test_no_more_than_4096_wait_to_be_stored),
        cmocka_unit_test(test_pending_receipts_are_bounded),
        cmocka_unit_test(test_the_same_seed_gives_the_same_fates),
        cmocka_unit_test(test_a_bad_number_stays_bad),
        cmocka_unit_test(test_ids_differ_after_a_restart),
        cmocka_unit_test(test_too_fast_is_throttled),
        cmocka_unit_test(test_a_lost_connection_leaves_doubt),
        cmocka_unit_test(test_beyond_window_or_time_is_unsent),
        cmocka_unit_test(test_done_may_submit),
        cmocka_unit_test(test_the_phone_shows_what_arrived),
        cmocka_unit_test(test_a_phone_file_that_cannot_be_is_an_error),
        cmocka_unit_test(test_wheel_keeps_time),
        cmocka_unit_test(test_wheel_after_a_long_sleep),
    };
    memcpy(tests + n, others, sizeof others);
    n += sizeof others / sizeof *others;
    return _cmocka_run_group_tests("sandbox", tests, n, NULL, NULL);
}
