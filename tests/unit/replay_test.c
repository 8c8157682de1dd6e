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
     "intent 00001001;accepted 00001001;next-channel 00001001 \"step\":1", NOTICE_UNTOUCHED, 0, 0,
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

/* The whole record: what a person reads of it, and what decides what becomes of it next. */
static const struct whole {
    const char *name, *lines, *wanted; /* state, step, attempts, reason, flags, gateway, retry */
} wholes[] = {
    {"a refusal leads to the channel that the line names, with all attempts before it",
     "intent 00001001;next-channel 00001001 \"step\":2,\"reason\":\"number\",\"attempt\":0",
     "waiting 2 0 number 0 1 now"},
    {"the same line twice is one step",
     "intent 00001001;next-channel 00001001 \"step\":1,\"attempt\":0;"
     "next-channel 00001001 \"step\":1,\"attempt\":0",
     "waiting 1 0 - 0 1 now"},
    {"a negative receipt that was faster than the answer",
     "intent 00001001;next-channel 00001001 \"step\":1,\"reason\":\"absent\",\"attempt\":0;"
     "accepted 00001001",
     "waiting 1 0 absent told 1 now"},
    {"a receipt that did not come in time",
     "intent 00001001;accepted 00001001;"
     "next-channel 00001001 \"step\":1,\"reason\":\"no-receipt\",\"attempt\":0",
     "waiting 1 0 no-receipt told 1 now"},
    {"one that may still come in time",
     "intent 00001001;accepted 00001001 \"until\":\"2027-01-15T09:30:00.000Z\"",
     "accepted 0 1 - told 1 1800000"},
    {"the next channel delivers",
     "intent 00001001;next-channel 00001001 \"step\":1,\"reason\":\"number\",\"attempt\":0;"
     "intent 00001002;accepted 00001002;delivered 00001002",
     "delivered 1 1 - told 1 remove"},
    {"a recovery's line has no gateway: the one before has",
     "intent 00001001;accepted 00001001 \"id\":\"m1\";"
     "accepted 00001001 \"gateway\":\"\",\"segments\":0",
     "accepted 0 1 - told 1 remove"},
    {"recovery found that an earlier attempt had arrived",
     "intent 00001001;uncertain 00001001;resend 00001001;intent 00001002;delivered 00001002",
     "delivered 0 1 - told+resent 1 remove"},
    {"an earlier attempt arrives while a later one is under way, which is refused then",
     "intent 00001001;uncertain 00001001;resend 00001001;intent 00001002;delivered 00001001;"
     "failed 00001002 \"reason\":\"number\"",
     "delivered 0 1 - told+early+resent 1 remove"},
    {"a daemon died", "intent 00001001;uncertain 00001001 \"reason\":\"crash\"",
     "uncertain 0 1 crash 0 1 doubt"},
    {"and a second one: it goes alone from now on",
     "intent 00001001;uncertain 00001001 \"reason\":\"crash\";"
     "resend 00001001 \"reason\":\"crash\";intent 00001002;"
     "uncertain 00001002 \"reason\":\"crash\",\"attempt\":2",
     "uncertain 0 2 crash resent+suspect 1 doubt"},
    {"one death that is told of twice is one",
     "intent 00001001;uncertain 00001001 \"reason\":\"crash\";"
     "uncertain 00001001 \"reason\":\"crash\"",
     "uncertain 0 1 crash 0 1 doubt"},
    {"poison is a person's", "intent 00001001;uncertain 00001001 \"reason\":\"poison\"",
     "uncertain 0 1 poison 0 1 remove"},
    {"poison before any intent", "failed 00000000 \"reason\":\"poison\",\"gateway\":\"\"",
     "failed 0 1 poison 0 0 remove"},
    {"of a group there is no address", "intent 00001001 \"hash\":null;accepted 00001001",
     "accepted 0 1 - told 1 remove"},
    {"no gateway serves it any more", "failed 00000000 \"reason\":\"no-gateway\",\"gateway\":\"\"",
     "failed 0 1 no-gateway 0 0 remove"},
    {"capped", "intent 00001001;capped 00001001", "capped 0 1 - 0 1 remove"},
    {"expired", "held 00000000;expired 00000000 \"gateway\":\"\"", "expired 0 1 - 0 0 remove"},
    {"cancelled", "cancelled 00000000 \"gateway\":\"\"", "cancelled 0 1 - 0 0 remove"},
    {"part of it was refused", "intent 00001001;undelivered 00001001 \"reason\":\"partial\"",
     "undelivered 0 1 partial 0 1 remove"},
    {"their outage",
     "intent 00001001;retry 00001001 \"reason\":\"outage\",\"until\":\"2027-01-15T09:00:30.000Z\"",
     "waiting 0 1 outage 0 1 30000"},
    {"our key", "intent 00001001;broken 00001001 \"reason\":\"credentials\"",
     "waiting 0 1 credentials 0 1 now"},
};

static void flags_text(unsigned flags, char out[40])
{
    static const struct {
        unsigned flag;
        const char *name;
    } all[] = {{FLAG_TOLD, "told"},
               {FLAG_EARLY, "early"},
               {FLAG_RESENT, "resent"},
               {FLAG_SUSPECT, "suspect"}};

    out[0] = '\0';
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if ((flags & all[i].flag) != 0)
            snprintf(out + strlen(out), 40 - strlen(out), "%s%s", out[0] ? "+" : "", all[i].name);
    if (out[0] == '\0')
        snprintf(out, 40, "0");
}

static void test_whole(void **state)
{
    const struct whole *w = *state;
    struct replay *r = replay_of(w->lines);
    const struct replay_notice *n = replay_notice_at(replay_reminder_at(r, 0), 1);
    struct record now = {0}, wanted;
    char got[120], flags[40], when[24];
    int64_t retry;

    assert_true(replay_wants(n, &now, BASE_S, n->gateway, NOW_MS, DOUBT_MS, &wanted, &retry));
    flags_text(wanted.flags, flags);
    if (retry == RETRY_REMOVE)
        snprintf(when, sizeof when, "remove");
    else if (retry - NOW_MS == 0 || retry - NOW_MS == DOUBT_MS)
        snprintf(when, sizeof when, "%s", retry == NOW_MS ? "now" : "doubt");
    else
        snprintf(when, sizeof when, "%d", (int)(retry - NOW_MS));
    snprintf(got, sizeof got, "%s %u %u %s %s %u %s", notice_state_name(wanted.state), wanted.step,
             wanted.attempts,
             wanted.reason == REASON_NONE ? "-" : notice_reason_name(wanted.reason), flags,
             wanted.gateway, when);
    assert_string_equal(got, w->wanted);
    now = wanted; /* and again: nothing more is wanted */
    assert_false(replay_wants(n, &now, BASE_S, n->gateway, NOW_MS, DOUBT_MS, &wanted, &retry));
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
    struct CMUnitTest tests[sizeof facts / sizeof *facts + sizeof wholes / sizeof *wholes + 3];
    size_t n = 0;

    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        tests[n++] = (struct CMUnitTest){facts[i].name, test_fact, NULL, NULL, (void *)&facts[i]};
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++)
        tests[n++] =
            (struct CMUnitTest){wholes[i].name, test_whole, NULL, NULL, (void *)&wholes[i]};
    for (size_t i = 0; i < 3; i++)
        tests[n++] = all[i];
    return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
