/* codes_seen_test.c - whose failure had which code, by the delivery log (cli/codes_seen.h) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "codes_seen.h"
#include "settings.h"

static char path[] = "/tmp/codes_seen_test.XXXXXX";
static struct settings settings = {.log.delivery = path, .plugin_dir = "/nonexistent"};
static struct cli cli = {.settings = &settings};

/* Lines as log_entry.h has them. */
static void put(const char *mode, const char *event, const char *campaign, int n, const char *more)
{
    FILE *f = fopen(path, mode);

    assert_non_null(f);
    fprintf(f,
            "{\"t\":\"2027-03-06T09:00:00.250+08:00\",\"event\":\"%s\",\"campaign\":\"%s\","
            "\"reminder\":\"first\",\"n\":%d,\"gateway\":\"acme\"%s}\n",
            event, campaign, n, more);
    fclose(f);
}

#define OTHER(code) ",\"reason\":\"other\",\"code\":\"" code "\""

static const char *of(struct codes_seen *s, const char *reminder, int n, enum notice_reason reason)
{
    return codes_seen_reason(s, "fair", reminder, n, reason);
}

static void test_of_one(void **state)
{
    static const int unknown[] = {6, 8, 10, 11};
    struct codes_seen *s = codes_seen_create(&cli, "fair");

    (void)state;
    put("w", "failed", "fair", 7, OTHER("A:1"));
    put("a", "failed", "fair", 9, OTHER("A:2"));
    put("a", "undelivered", "fair", 7, OTHER("A:3")); /* tried again since */
    put("a", "failed", "other", 8, OTHER("A:4"));
    put("a", "failed", "fair", 10, ",\"reason\":\"number\",\"code\":\"A:5\"");
    assert_string_equal(of(s, "first", 7, REASON_OTHER), "for a reason of the gateway's own: A:3");
    assert_string_equal(of(s, "first", 9, REASON_OTHER), "for a reason of the gateway's own: A:2");
    /* What the log does not know of. */
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_string_equal(of(s, "first", unknown[i], REASON_OTHER), words_reason("other"));
    assert_string_equal(of(s, "eve", 7, REASON_OTHER), words_reason("other"));
    assert_string_equal(of(s, "first", 7, REASON_NUMBER), words_reason("number"));
    assert_string_equal(of(s, "first", 7, REASON_NONE), "");
    codes_seen_free(s);
}

static void stands(struct codes_seen *s, int n, enum notice_state state, enum notice_reason reason)
{
    codes_seen_stands(s, "fair", "first", n, state, reason);
}

static void test_of_all(void **state)
{
    struct codes_seen *s = codes_seen_create(&cli, "fair");

    (void)state;
    put("w", "undelivered", "fair", 1, OTHER("B"));
    put("a", "undelivered", "fair", 2, OTHER("C"));
    put("a", "undelivered", "fair", 3, OTHER("C"));
    put("a", "failed", "fair", 4, OTHER("D"));
    put("a", "failed", "fair", 5, OTHER("E")); /* tried again since, and delivered; */
    put("a", "failed", "fair", 6, OTHER("F")); /* and failed for a reason of ours */
    stands(s, 1, NOTICE_UNDELIVERED, REASON_OTHER);
    stands(s, 2, NOTICE_UNDELIVERED, REASON_OTHER);
    stands(s, 3, NOTICE_UNDELIVERED, REASON_OTHER);
    stands(s, 4, NOTICE_FAILED, REASON_OTHER);
    stands(s, 5, NOTICE_DELIVERED, REASON_NONE);
    stands(s, 6, NOTICE_FAILED, REASON_NUMBER);
    stands(s, 7, NOTICE_FAILED, REASON_OTHER); /* before the log was begun */
    assert_string_equal(codes_seen_reasons(s, "fair", "first", NOTICE_UNDELIVERED, REASON_OTHER),
                        "for a reason of the gateway's own: C, B");
    assert_string_equal(codes_seen_reasons(s, "fair", "first", NOTICE_FAILED, REASON_OTHER),
                        "for a reason of the gateway's own: D");
    assert_string_equal(codes_seen_reasons(s, "fair", NULL, NOTICE_STATES, REASON_OTHER),
                        "for a reason of the gateway's own: C, B, D");
    assert_string_equal(codes_seen_reasons(s, "fair", "eve", NOTICE_FAILED, REASON_OTHER),
                        words_reason("other"));
    codes_seen_free(s);
}

/* Of more than are kept the newest are. */
static void test_of_very_many(void **state)
{
    struct codes_seen *s = codes_seen_create(&cli, "fair");
    FILE *f = fopen(path, "w");

    (void)state;
    assert_non_null(f);
    for (int n = 1; n <= CODES_SEEN_MOST + 2; n++)
        fprintf(
            f,
            "{\"t\":\"2027-03-06T09:00:00.250+08:00\",\"event\":\"failed\",\"campaign\":\"fair\","
            "\"reminder\":\"first\",\"n\":%d,\"gateway\":\"acme\"" OTHER("A:%d") "}\n",
            n, n % 10);
    fclose(f);
    assert_string_equal(of(s, "first", CODES_SEEN_MOST + 2, REASON_OTHER),
                        "for a reason of the gateway's own: A:2");
    assert_string_equal(of(s, "first", 3, REASON_OTHER), "for a reason of the gateway's own: A:3");
    assert_string_equal(of(s, "first", 2, REASON_OTHER), words_reason("other"));
    codes_seen_free(s);
}

static void test_without_a_log(void **state)
{
    struct codes_seen *s = codes_seen_create(&cli, NULL);

    (void)state;
    unlink(path);
    assert_string_equal(of(s, "first", 7, REASON_OTHER), words_reason("other"));
    codes_seen_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_one),
        cmocka_unit_test(test_of_all),
        cmocka_unit_test(test_of_very_many),
        cmocka_unit_test(test_without_a_log),
    };
    int fd = mkstemp(path), rc;

    if (fd < 0)
        return 1;
    close(fd);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return rc;
}
