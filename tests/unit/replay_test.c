/*
 * What the delivery logs make of a notice, and what a record in Redis should be by that: a
 * notice is never taken for waiting where a copy of it may have gone out.
 */
#include "error.h"
#include "mem.h"
#include "moves.h"
#include "replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define BASE_S 1800000000
#define NOW_MS (BASE_S * INT64_C(1000) + 3600000)
#define DOUBT_MS 120000

/* Lines of notice 1, each "event fence[ more]"; t is a second later each time. */
static struct replay *replay_of(const char *lines)
{
    struct replay *r = replay_create();
    char *copy = xstrdup(lines), *save = NULL;
    struct error err;
    int s = 0;

    for (char *one = strtok_r(copy, ";", &save); one != NULL; one = strtok_r(NULL, ";", &save)) {
        char event[32] = "", fence[16] = "", more[200] = "", line[500];

        sscanf(one, "%31s %15s %199[^\n]", event, fence, more);
        snprintf(line, sizeof line,
                 "{\"t\":\"2027-01-15T08:%02d:%02d.000Z\",\"event\":\"%s\",\"campaign\":\"c\","
                 "\"reminder\":\"r\",\"n\":1,\"fence\":\"%s\",\"gateway\":\"g\",\"attempt\":1,"
                 "\"segments\":1%s%s}",
                 s / 60, s % 60, event, fence, more[0] ? "," : "", more);
        s++;
        assert_int_equal(replay_line(r, line, strlen(line), &err), 0);
    }
    free(copy);
    return r;
}

static const struct fact {
    const char *name, *lines;
    enum notice_state stands; /* in Redis, */
    uint32_t fence;
    int intended_s; /* under this intent, so long after the base */
    const char *wanted;
} facts[] = {
    {"an intent without an outcome is in doubt", "intent 00001001", NOTICE_UNTOUCHED, 0, 0,
     "uncertain 00001001"},
    {"what was accepted was accepted", "intent 00001001;accepted 00001001", NOTICE_UNTOUCHED, 0, 0,
     "accepted 00001001"},
    {"what was delivered was delivered", "intent 00001001;accepted 00001001;delivered 00001001",
     NOTICE_UNTOUCHED, 0, 0, "delivered 00001001"},
    {"what never left waits again", "intent 00001001;unsent 00001001", NOTICE_UNTOUCHED, 0, 0,
     "waiting 00001001"},
    {"a throttled one waits again", "intent 00001001;throttled 00001001", NOTICE_UNTOUCHED, 0, 0,
     "waiting 00001001"},
    {"the last attempt counts", "intent 00001001;retry 00001001;intent 00001002;failed 00001002",
     NOTICE_UNTOUCHED, 0, 0, "failed 00001002"},
    {"and is in doubt though one before it was refused",
     "intent 00001001;retry 00001001;intent 00001002", NOTICE_UNTOUCHED, 0, 0,
     "uncertain 00001002"},
    {"a doubt that was given up waits", "intent 00001001;uncertain 00001001;resend 00001001",
     NOTICE_UNTOUCHED, 0, 0, "waiting 00001001"},
    {"an intent over one without an outcome leaves a doubt",
     "intent 00001001;intent 00002001;throttled 00002001", NOTICE_UNTOUCHED, 0, 0,
     "uncertain 00002001"},
    {"an acceptance that comes after a later refusal counts: clocks differ",
     "intent 00001001;intent 00002001;throttled 00002001;accepted 00001001", NOTICE_UNTOUCHED, 0, 0,
     "accepted 00001001"},
    {"and so does one that stands before its intent", "accepted 00002001;intent 00002001",
     NOTICE_UNTOUCHED, 0, 0, "accepted 00002001"},
    {"an intent over an acceptance is of a clock behind",
     "intent 00002001;accepted 00002001;intent 00001001;throttled 00001001", NOTICE_UNTOUCHED, 0, 0,
     "accepted 00002001"},
    {"on to the next channel is no acceptance",
     "intent 00001001;accepted 00001001;next-channel 00001001", NOTICE_UNTOUCHED, 0, 0,
     "waiting 00001001"},
    {"a refusal of the person needs no line of an intent", "opted-out 00001001", NOTICE_UNTOUCHED,
     0, 0, "opted-out 00001001"},
    {"who was not in a list that was being lost is looked for again", "excluded 00000000",
     NOTICE_UNTOUCHED, 0, 0, ""},
    {"held before any intent waits as it did", "held 00000000", NOTICE_UNTOUCHED, 0, 0, ""},
    {"no line: nobody was told", "", NOTICE_UNTOUCHED, 0, 0, ""},
    {"an intent in Redis without a line never left", "", NOTICE_SENDING, 0x1001, 5,
     "waiting 00001001"},
    {"the same twice is nothing", "intent 00001001;accepted 00001001", NOTICE_ACCEPTED, 0x1001, 0,
     ""},
    {"the same in doubt twice is nothing", "intent 00001001", NOTICE_UNCERTAIN, 0x1001, 0, ""},
    {"a doubt that was given up since stays so", "intent 00001001;accepted 00001001", NOTICE_PARKED,
     0x1001, 0, "accepted 00001001"},
    {"what Redis knows better stays", "intent 00001001;accepted 00001001", NOTICE_DELIVERED, 0x1001,
     0, ""},
    {"a later attempt in Redis than in the logs stays", "intent 00001001;retry 00001001",
     NOTICE_ACCEPTED, 0x3001, 3000, ""},
    {"an earlier one does not", "intent 00001001;retry 00001001;intent 00001002;accepted 00001002",
     NOTICE_PARKED, 0x1001, 0, "accepted 00001002"},
};

static void test_fact(void **state)
{
    const struct fact *f = *state;
    struct replay *r = replay_of(f->lines);
    const struct replay_notice *n =
        replay_reminders(r) > 0 ? replay_notice_at(replay_reminder_at(r, 0), 1) : NULL;
    struct record now = {.state = f->stands,
                         .fence = f->fence,
                         .intended_s = (uint32_t)f->intended_s},
                  wanted;
    char got[64] = "";
    int64_t retry;

    if (replay_wants(n, &now, BASE_S, 1, NOW_MS, DOUBT_MS, &wanted, &retry)) {
        unsigned char bytes[LEDGER_RECORD_BYTES];

        snprintf(got, sizeof got, "%s %08x", notice_state_name(wanted.state), wanted.fence);
        assert_true(wanted.state == NOTICE_PARKED || wanted.state == NOTICE_UNCERTAIN
                        ? retry > 0
                        : retry == RETRY_REMOVE);
        record_pack(&wanted, bytes); /* and again: nothing more is wanted */
        record_unpack(bytes, &now);
        assert_false(replay_wants(n, &now, BASE_S, 1, NOW_MS, DOUBT_MS, &wanted, &retry));
    }
    assert_string_equal(got, f->wanted);
    replay_free(r);
}

/* The records that are told stay told, and a possible second copy stays possible. */
static void test_flags(void **state)
{
    struct replay *r =
        replay_of("intent 00001001;accepted 00001001 \"id\":\"m7\";delivered 00001001");
    struct record now = {.flags = FLAG_RESENT}, wanted;
    int64_t retry;

    (void)state;
    assert_true(replay_wants(replay_notice_at(replay_reminder_at(r, 0), 1), &now, BASE_S, 3, NOW_MS,
                             DOUBT_MS, &wanted, &retry));
    assert_int_equal(wanted.flags, FLAG_TOLD | FLAG_RESENT);
    assert_int_equal(wanted.gateway, 3);
    assert_string_equal(replay_notice_at(replay_reminder_at(r, 0), 1)->id, "m7");
    replay_free(r);
}

static char *file_of(const char *name, const char *text)
{
    static char dir[64];
    char *path;
    FILE *file;

    if (dir[0] == '\0') {
        snprintf(dir, sizeof dir, "/tmp/replay-test-XXXXXX");
        assert_non_null(mkdtemp(dir));
    }
    path = xasprintf("%s/%s", dir, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return path;
}

/* Two daemons' files are read in the order of time; a line without an end is not read. */
static void test_files(void **state)
{
    char *a = file_of(
        "a", "{\"t\":\"2027-01-15T08:00:00.000Z\",\"event\":\"joined\",\"daemon\":\"a\","
             "\"epoch\":1,\"before\":0,\"install\":\"i\",\"part\":1}\n"
             "{\"t\":\"2027-01-15T08:00:01.000Z\",\"event\":\"opened\",\"campaign\":\"c\","
             "\"reminder\":\"r\",\"body\":\"b\",\"list\":\"l\",\"rows\":9,"
             "\"begun\":\"2027-01-15T08:00:01.000Z\","
             "\"expires\":\"2027-01-16T08:00:00.000Z\"}\n"
             "{\"t\":\"2027-01-15T08:00:02.000Z\",\"event\":\"intent\",\"campaign\":\"c\","
             "\"reminder\":\"r\",\"n\":1,\"fence\":\"00001001\"}\n"
             "{\"t\":\"2027-01-15T08:00:09.000Z\",\"event\":\"accepted\",\"campaign\":\"c\","
             "\"reminder\":\"r\",\"n\":1,\"fence\":\"00001001\"");
    char *b =
        file_of("b", "no JSON at all\n"
                     "{\"t\":\"2027-01-15T08:00:03.000Z\",\"event\":\"joined\",\"daemon\":\"b\","
                     "\"epoch\":7,\"before\":5,\"install\":\"i\",\"part\":1}\n"
                     "{\"t\":\"2027-01-15T08:00:04.000Z\",\"event\":\"uncertain\","
                     "\"campaign\":\"c\",\"reminder\":\"r\",\"n\":1,\"fence\":\"00001001\"}\n"
                     "{\"t\":\"2027-01-15T08:00:05.000Z\",\"event\":\"resend\","
                     "\"campaign\":\"c\",\"reminder\":\"r\",\"n\":1,\"fence\":\"00001001\"}\n"
                     "{\"t\":\"2027-01-15T08:00:06.000Z\",\"event\":\"intent\","
                     "\"campaign\":\"c\",\"reminder\":\"r\",\"n\":1,\"fence\":\"00007001\"}\n");
    struct replay *r = replay_create();
    const struct replay_reminder *one;
    struct error err;
    int64_t done, total;

    (void)state;
    assert_int_equal(replay_add(r, b, 0, &err), 0);
    assert_int_equal(replay_add(r, a, 0, &err), 0);
    assert_int_equal(replay_add(r, "/nowhere/at-all", 0, &err), -1);
    while (replay_read(r, &done, &total, &err) == 1)
        ;
    assert_int_equal(done, total);
    assert_int_equal(replay_unreadable(r), 1);
    assert_int_equal(replay_epoch(r), 7);
    assert_string_equal(replay_install(r), "i");
    assert_string_equal(replay_daemon_at(r, 0)->name, "a");
    assert_int_equal(replay_daemon_at(r, 0)->before, 0);
    assert_string_equal(replay_daemon_at(r, 1)->name, "b");
    assert_int_equal(replay_daemon_at(r, 1)->before, 5);
    assert_null(replay_daemon_at(r, 2));
    one = replay_reminder_at(r, 0);
    assert_true(one->opened);
    assert_false(one->torn);
    assert_string_equal(one->body, "b");
    assert_string_equal(one->list, "l");
    assert_int_equal(one->expires_ms - one->begun_ms, 86399000);
    assert_int_equal(replay_notice_at(one, 1)->state, NOTICE_SENDING);
    assert_int_equal(replay_notice_at(one, 1)->fence, 0x7001);
    assert_false(replay_notice_at(one, 1)->doubt);
    replay_free(r);
    unlink(a);
    unlink(b);
    *strrchr(a, '/') = '\0';
    rmdir(a);
    free(a);
    free(b);
}

/* Foreign files: no line may take more memory than a ledger has numbers. */
static void test_foreign(void **state)
{
    static const char *const lines[] = {
        "[]",
        "7",
        "\"x\"",
        "{}",
        "{\"event\":\"intent\"}",
        "{\"event\":\"joined\"}",
        "{\"event\":\"opened\",\"campaign\":\"c\",\"reminder\":\"r\"}",
        "{\"event\":\"intent\",\"campaign\":\"c\",\"reminder\":\"r\",\"n\":-1}",
        "{\"event\":\"intent\",\"campaign\":\"c\",\"reminder\":\"r\",\"n\":\"1\"}",
        "{\"event\":7,\"campaign\":[],\"reminder\":{},\"n\":1}",
        "{\"event\":\"intent\",\"campaign\":"
        "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaa\",\"reminder\":\"r\",\"n\":1}",
    };
    static const char beyond[] = /* the format's last number is 33,554,431 */
        "{\"event\":\"intent\",\"campaign\":\"c\",\"reminder\":\"r\",\"n\":33554432}";
    struct replay *r = replay_create();
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_int_equal(replay_line(r, lines[i], strlen(lines[i]), &err), 0);
    assert_int_equal(replay_line(r, beyond, strlen(beyond), &err), -1);
    replay_free(r);
}

int main(void)
{
    static const struct CMUnitTest all[] = {
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_foreign),
    };
    struct CMUnitTest tests[sizeof facts / sizeof *facts + 3];
    size_t n = 0;

    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        tests[n++] = (struct CMUnitTest){facts[i].name, test_fact, NULL, NULL, (void *)&facts[i]};
    for (size_t i = 0; i < 3; i++)
        tests[n++] = all[i];
    return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
