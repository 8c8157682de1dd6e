/* cli_log_test.c - the delivery log read backwards, followed, filtered, shown */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "ledger.h"
#include "log_entry.h"

#include "clock.h"
#include "mem.h"
#include "tail.h"
#include "words.h"
#include "zone.h"

/* ----------------------------------------------------------------- the file */
static char path[] = "/tmp/cli_log_test.XXXXXX";

static void write_file(const char *mode, const char *text, size_t n)
{
    FILE *f = fopen(path, mode);

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    fclose(f);
}

static void put(const char *mode, const char *text)
{
    write_file(mode, text, strlen(text));
}

static bool all(void *arg, const char *line, size_t n)
{
    (void)arg, (void)line, (void)n;
    return true;
}

static bool even(void *arg, const char *line, size_t n)
{
    (void)arg;
    return n > 0 && (line[n - 1] - '0') % 2 == 0;
}

static void expect_next(struct tail *t, const char *wanted)
{
    const char *line;
    size_t n;

    if (wanted == NULL) {
        assert_int_equal(tail_next(t, &line, &n), 0);
        return;
    }
    assert_int_equal(tail_next(t, &line, &n), 1);
    assert_int_equal(n, strlen(wanted));
    assert_memory_equal(line, wanted, n);
}

static void test_back_from_the_end(void **state)
{
    struct tail *t;

    (void)state;
    put("w", "l1\nl2\nl3\nl4\nl5\ntorn");
    t = tail_open(path, false, NULL);
    assert_int_equal(tail_back(t, 2, all, NULL), 2);
    expect_next(t, "l4");
    expect_next(t, "l5");
    expect_next(t, NULL); /* a line without its end is not there yet */
    assert_int_equal(tail_back(t, 1, even, NULL), 1);
    expect_next(t, "l4");
    assert_int_equal(tail_back(t, 9, all, NULL), 5);
    expect_next(t, "l1");
    tail_close(t);
    put("w", "");
    t = tail_open(path, false, NULL);
    assert_int_equal(tail_back(t, 3, all, NULL), 0);
    expect_next(t, NULL);
    tail_close(t);
}

/* Lines across the blocks that the file is read in, of every length. */
static void test_back_over_many_blocks(void **state)
{
    struct tail *t;
    char *line = xmalloc(5000), wanted[32];
    FILE *f = fopen(path, "w");

    (void)state;
    for (int i = 0; i < 3000; i++) {
        memset(line, 'x', 5000);
        fprintf(f, "%d %.*s\n", i, i % 4999, line);
    }
    fclose(f);
    t = tail_open(path, false, NULL);
    for (int back = 1; back <= 3000; back += 271) {
        const char *got;
        size_t n;

        assert_int_equal(tail_back(t, (size_t)back, all, NULL), back);
        for (int i = 3000 - back; i < 3000; i++) {
            int length = snprintf(wanted, sizeof wanted, "%d ", i);

            assert_int_equal(tail_next(t, &got, &n), 1);
            assert_memory_equal(got, wanted, (size_t)length);
            assert_int_equal(n, (size_t)length + (size_t)(i % 4999));
        }
        assert_int_equal(tail_next(t, &got, &n), 0);
    }
    tail_close(t);
    free(line);
}

static void test_a_line_of_a_megabyte_is_passed_over(void **state)
{
    struct tail *t;
    char *line = xmalloc(1u << 20);

    (void)state;
    memset(line, 'x', 1u << 20);
    put("w", "before\n");
    write_file("a", line, 1u << 20);
    put("a", "\nafter\n");
    t = tail_open(path, false, NULL);
    expect_next(t, "before");
    expect_next(t, "after");
    expect_next(t, NULL);
    assert_int_equal(tail_back(t, 1, all, NULL), 1);
    expect_next(t, "after");
    tail_close(t);
    free(line);
}

static void test_follows_over_rotation(void **state)
{
    struct tail *t;
    char old[sizeof path + 2];

    (void)state;
    put("w", "l1\n");
    t = tail_open(path, true, NULL);
    expect_next(t, "l1");
    expect_next(t, NULL);
    put("a", "l2\nto");
    expect_next(t, "l2");
    expect_next(t, NULL);
    put("a", "rn\n");
    expect_next(t, "torn");
    snprintf(old, sizeof old, "%s.1", path);
    rename(path, old);
    expect_next(t, NULL); /* the new one is not there yet */
    {
        FILE *f = fopen(old, "a"); /* a daemon that has not heard of it writes on */

        fputs("last\n", f);
        fclose(f);
    }
    put("w", "first\n");
    expect_next(t, "last");
    expect_next(t, "first");
    put("w", "n\n"); /* emptied in place */
    expect_next(t, "n");
    expect_next(t, NULL);
    tail_close(t);
    unlink(old);
}

static void test_waits_for_a_file_only_when_following(void **state)
{
    struct error err;
    struct tail *t;

    (void)state;
    unlink(path);
    assert_null(tail_open(path, false, &err));
    assert_non_null(strstr(err.text, "No such file"));
    t = tail_open(path, true, &err);
    assert_non_null(t);
    expect_next(t, NULL);
    put("w", "l1\n");
    expect_next(t, "l1");
    tail_close(t);
}

/* ---------------------------------------------------------------- the lines */
static const char accepted[] =
    "{\"t\":\"2027-03-06T01:00:00.250Z\",\"event\":\"accepted\",\"campaign\":\"march8\","
    "\"reminder\":\"first\",\"n\":4711,\"fence\":\"00001001\",\"gateway\":\"acme\",\"attempt\":2,"
    "\"segments\":3,\"to\":\"+86138…02\",\"hash\":\"00112233445566aa\",\"queued_ms\":840,"
    "\"limited_ms\":0,\"submit_ms\":212,\"id\":\"a1\"}";
static const char delivered[] =
    "{\"t\":\"2027-03-06T09:00:02.000+08:00\",\"event\":\"delivered\",\"campaign\":\"march8\","
    "\"reminder\":\"first\",\"n\":4711,\"gateway\":\"acme\",\"code\":\"DELIVRD\"}";

static const struct {
    const char *name, *line;
    struct log_filter filter;
    bool wanted;
} filters[] = {
    {"everything", accepted, {.n = -1}, true},
    {"nothing that is no JSON", "Jan 1 kernel: hello", {.n = -1}, false},
    {"nothing that is torn", "{\"event\":\"acc", {.n = -1}, false},
    {"by campaign", accepted, {.campaign = "march8", .n = -1}, true},
    {"not by a part of its name", accepted, {.campaign = "march", .n = -1}, false},
    {"not by a value of another key", accepted, {.campaign = "acme", .n = -1}, false},
    {"by several",
     accepted,
     {.reminder = "first", .event = "accepted", .gateway = "acme", .n = 4711},
     true},
    {"all must agree", accepted, {.reminder = "first", .event = "failed", .n = -1}, false},
    {"another notice", accepted, {.n = 4712}, false},
    {"by hash", accepted, {.hash = "00112233445566aa", .n = -1}, true},
    {"another hash", accepted, {.hash = "ffffffffffffffff", .n = -1}, false},
    {"a receipt has no hash", delivered, {.hash = "00112233445566aa", .n = -1}, false},
};

static void test_filters(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        assert_int_equal(
            log_filter_wants(&filters[i].filter, filters[i].line, strlen(filters[i].line)),
            filters[i].wanted);
}

/* The intent tells whose notice it is; then its receipt is found too. */
static void test_a_receipt_is_found_by_its_notice(void **state)
{
    struct log_notice notice;
    struct log_filter filter = {
        .hash = "00112233445566aa", .n = -1, .notices = &notice, .notice_count = 1};

    (void)state;
    assert_false(log_entry_notice(delivered, strlen(delivered), filter.hash, &notice));
    assert_true(log_entry_notice(accepted, strlen(accepted), filter.hash, &notice));
    assert_string_equal(notice.campaign, "march8");
    assert_int_equal(notice.n, 4711);
    assert_true(log_filter_wants(&filter, delivered, strlen(delivered)));
    notice.n++;
    assert_false(log_filter_wants(&filter, delivered, strlen(delivered)));
}

/* Every state a notice may end in is an event that can be asked for. */
static void test_events_have_words(void **state)
{
    (void)state;
    language_set_chinese(true);
    for (size_t i = 0; log_event(i) != NULL; i++)
        assert_string_not_equal(words_state(log_event(i)), log_event(i));
    language_set_chinese(false);
    for (int s = NOTICE_UNCERTAIN; s < NOTICE_STATES; s++) {
        const char *name = notice_state_name((enum notice_state)s);
        size_t i = 0;

        while (log_event(i) != NULL && strcmp(log_event(i), name) != 0)
            i++;
        assert_non_null(log_event(i));
    }
}

static void expect_shown(const char *line, const char *wanted)
{
    struct buf out = BUF_INIT(65536);
    const struct log_style style = {.zone = zone_find("Asia/Shanghai", NULL)};

    log_entry_write(line, strlen(line), &style, &out);
    assert_string_equal(buf_string(&out), wanted);
    buf_free(&out);
}

static void test_lines_for_people(void **state)
{
    (void)state;
    language_set_chinese(false);
    expect_shown(accepted,
                 "03-06 09:00:00.250  accepted     march8/first  4711  +86138…02  acme  #2"
                 "  3 seg  queued 840 ms  answered in 212 ms\n");
    expect_shown(delivered,
                 "03-06 09:00:02.000  delivered    march8/first  4711  acme  [DELIVRD]\n");
    language_set_chinese(true);
    expect_shown(delivered,
                 "03-06 09:00:02.000  已送达       march8/first  4711  acme  [DELIVRD]\n");
    language_set_chinese(false);
}

/* A file may hold anything; the terminal must not obey it. */
static void test_no_control_bytes_reach_the_terminal(void **state)
{
    (void)state;
    expect_shown("\x1b[2Jhello", "\\x1b[2Jhello\n");
    expect_shown("{\"t\":\"x\",\"event\":\"failed\",\"code\":\"\\u001b[2J\"}",
                 "x                   failed       /  [\\x1b[2J]\n");
}

static const struct {
    const char *stamp;
    int rc;
    int64_t ms;
} stamps[] = {
    {"2027-03-06T01:00:00.250Z", 0, INT64_C(1804294800250)},
    {"2027-03-06T09:00:00+08:00", 0, INT64_C(1804294800000)},
    {"2027-03-05T19:30:00.5-05:30", 0, INT64_C(1804294800500)},
    {"1970-01-01T00:00:00Z", 0, 0},
    {"2027-03-06", -1, 0},
    {"2027-03-06T01:00:00", -1, 0}, /* of which zone? */
    {"", -1, 0},
};

static void test_stamps(void **state)
{
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < sizeof stamps / sizeof *stamps; i++) {
        assert_int_equal(clock_parse(stamps[i].stamp, &ms), stamps[i].rc);
        if (stamps[i].rc == 0)
            assert_int_equal(ms, stamps[i].ms);
    }
}

static int make_file(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_back_from_the_end),
        cmocka_unit_test(test_back_over_many_blocks),
        cmocka_unit_test(test_a_line_of_a_megabyte_is_passed_over),
        cmocka_unit_test(test_follows_over_rotation),
        cmocka_unit_test(test_waits_for_a_file_only_when_following),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_a_receipt_is_found_by_its_notice),
        cmocka_unit_test(test_events_have_words),
        cmocka_unit_test(test_lines_for_people),
        cmocka_unit_test(test_no_control_bytes_reach_the_terminal),
        cmocka_unit_test(test_stamps),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
