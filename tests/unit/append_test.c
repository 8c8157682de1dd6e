/*
 * Rows that come after a campaign is queued, in a real Redis: for whom they are planned, that an
 * append is done once, and that one which is refused leaves everything as it was.
 */
#include "append.h"
#include "ledger.h"
#include "redis_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define C "outreach:{c}"
#define R "outreach:{c}:r"
#define COUNTS "state last planned c0 c1 c4"

static int empty(void **state)
{
    (void)state;
    ask("FLUSHALL");
    return 0;
}

static const char *digest(void)
{
    return ask("DEBUG DIGEST");
}

/* Three people, and reminders r (open from 1000, until 2000) and s (scheduled, until 3000). */
static void queued(void)
{
    script(SCRIPT_ADD, 2, C " " C ":audience t 0 a b c");
    is("[OK]", script(SCRIPT_QUEUE, 3,
                      C " " R " " C ":s e1 h {} t 3 r-s 500 ann 1000 2000 scheduled "
                        "1500 3000 scheduled"));
    ask("HSET " C " reminders %s", "r s");
    script(SCRIPT_OPEN, 2, R " " R ":ledger OLG1............ 1000 1");
}

static struct append_answer append(const struct append *a, const char *const *rows,
                                   const struct append_of *of)
{
    struct command c = COMMAND_INIT;
    struct append_answer answer;
    struct error err = {""};
    redisReply *reply = NULL;

    append_begin(a, &c);
    for (size_t i = 0; rows[i] != NULL; i++)
        append_row(&c, rows[i], strlen(rows[i]), of != NULL ? &of[i] : NULL);
    if (db_ask(f.db, &c, &reply, &err) != 0)
        fail_msg("%s", err.text);
    append_answer(reply, &answer);
    freeReplyObject(reply);
    command_free(&c);
    return answer;
}

static struct append_answer late(const char *token, int64_t now_ms, const char *const *rows)
{
    struct error err = {""};
    struct campaign_status *status = campaign_status_read(f.db, "c", &err);
    struct append a = {.campaign = "c", .token = token, .max_rows = 6, .now_ms = now_ms};
    struct append_answer answer = {.verdict = APPEND_UNKNOWN};

    if (status != NULL) {
        a.status = status;
        answer = append(&a, rows, NULL);
    }
    campaign_status_free(status);
    return answer;
}

static const char *const two[] = {"d", "e", NULL}, *const one[] = {"x", NULL};

static void assert_done(struct append_answer a, bool again, unsigned first, unsigned last)
{
    assert_int_equal(a.verdict, APPEND_DONE);
    assert_int_equal(a.again, again);
    assert_int_equal(a.first, first);
    assert_int_equal(a.last, last);
}

static void assert_refused(struct append_answer a, enum append_verdict verdict, const char *before)
{
    assert_int_equal(a.verdict, verdict);
    is(before, digest());
}

/* ----------------------------------------------------------- the campaign's audience */

static void test_late(void **state)
{
    char before[64];

    (void)state;
    queued();
    assert_done(late("t1", 1200, two), false, 4, 5);
    is("[[4-0 [r d]] [5-0 [r e]]]", ask("XRANGE " C ":audience 4 +"));
    is("5", ask("HGET " C " last"));
    is("[open 5 5 5 0 0]", ask("HMGET " R " " COUNTS));
    is("[scheduled 5 5 5 0 0]", ask("HMGET " C ":s " COUNTS));
    is("96", ask("STRLEN " R ":ledger"));
    is("0", ask("EXISTS " C ":s:ledger"));
    snprintf(before, sizeof before, "%s", digest());
    assert_done(late("t1", 1200, two), true, 4, 5);
    is(before, digest());
    assert_done(late("t2", 1200, one), false, 6, 6);
}

/* Who adds to what awaits approval has a part in it; to what goes already, none. */
static void test_late_awaiting(void **state)
{
    struct error err = {""};
    struct append a = {.campaign = "c", .token = "t1", .max_rows = 9, .now_ms = 1200};

    (void)state;
    queued();
    a.status = campaign_status_read(f.db, "c", &err);
    a.by = "carl";
    assert_done(append(&a, one, NULL), false, 4, 4);
    is("0", ask("HEXISTS " C " authors"));
    ask("HSET " C " state awaiting");
    for (unsigned i = 0; i < 3; i++) {
        a.token = (const char *const[]){"t2", "t3", "t4"}[i];
        a.by = (const char *const[]){" dora ", "dora", "eve"}[i];
        assert_done(append(&a, one, NULL), false, 5 + i, 5 + i);
    }
    is("dora\\x0aeve", ask("HGET " C " authors"));
    campaign_status_free((struct campaign_status *)a.status);
}

static void test_late_keeps_the_ledger(void **state)
{
    (void)state;
    queued();
    ask("SETRANGE " R ":ledger 16 %b", "\x48sent-once......", (size_t)16);
    late("t1", 1200, two);
    is("H", ask("GETRANGE " R ":ledger 16 16"));
    is("\\x00\\x00", ask("GETRANGE " R ":ledger 94 95"));
}

/* Who comes when all are through is sent to; nobody else again. */
static void test_late_opens_again(void **state)
{
    (void)state;
    queued();
    script(SCRIPT_CLAIM, 3, R " " R ":leases " R ":retry d:1:1 10 1100 9999 100");
    ask("DEL " R ":leases");
    ask("HSET " R " c0 0 c4 3 state done done 1150");
    late("t1", 1200, two);
    is("[open 5 5 2 0 3]", ask("HMGET " R " " COUNTS));
    is("0", ask("HEXISTS " R " done"));
    is("[RANGE  4 5 0 1]",
       script(SCRIPT_CLAIM, 3, R " " R ":leases " R ":retry d:1:2 10 1250 9999 100"));
}

static void test_late_for_what_is_over(void **state)
{
    (void)state;
    queued();
    ask("HSET " C ":s state skipped last 0 planned 0 c0 0");
    late("t1", 2000, two);
    is("[open 3 3 3 0 0]", ask("HMGET " R " " COUNTS)); /* expired at 2000 */
    is("[skipped 0 0 0 0 0]", ask("HMGET " C ":s " COUNTS));
    is("5", ask("HGET " C " last"));
    /* it is made to last longer, and another one comes: both are planned */
    ask("HSET " R " expires 9000");
    late("t2", 2500, one);
    is("[open 6 6 6 0 0]", ask("HMGET " R " " COUNTS));
    is("112", ask("STRLEN " R ":ledger"));
}

static void test_late_refused(void **state)
{
    static const char *const many[] = {"1", "2", "3", "4", NULL};
    char before[64];

    (void)state;
    assert_int_equal(late("t1", 1200, two).verdict, APPEND_UNKNOWN);
    queued();
    snprintf(before, sizeof before, "%s", digest());
    assert_refused(late("t1", 1200, many), APPEND_FULL, before); /* of 6 at most */
    ask("SETRANGE " R ":ledger 200 x");
    snprintf(before, sizeof before, "%s", digest());
    assert_refused(late("t1", 1200, two), APPEND_LOST, before);
    ask("DEL " R ":ledger");
    snprintf(before, sizeof before, "%s", digest());
    assert_refused(late("t1", 1200, two), APPEND_LOST, before);
    ask("HSET " C " state cancelled");
    snprintf(before, sizeof before, "%s", digest());
    assert_refused(late("t1", 1200, two), APPEND_CANCELLED, before);
}

/* ------------------------------------------------------------- a built-in reminder */

#define A C ":answers"

static const struct append answers = {.campaign = "c",
                                      .reminder = BUILTIN_ANSWERS,
                                      .token = "a1",
                                      .max_rows = 10,
                                      .now_ms = 1200,
                                      .expires_ms = 5000};

static void test_builtin(void **state)
{
    struct append more = answers;
    char before[64];

    (void)state;
    queued();
    assert_done(append(&answers, one, NULL), false, 1, 1);
    is("[[1-0 [r x]]]", ask("XRANGE " A ":audience - +"));
    is("r s answers", ask("HGET " C " reminders"));
    is("[scheduled 1 1 1 0 0]", ask("HMGET " A " " COUNTS));
    is("[1200 5000 1 0 0]", ask("HMGET " A " due expires tv paused cancelled"));
    is("3", ask("HGET " C " last")); /* nobody was added to the campaign's own */
    is("[open 3 3 3 0 0]", ask("HMGET " R " " COUNTS));
    snprintf(before, sizeof before, "%s", digest());
    assert_done(append(&answers, one, NULL), true, 1, 1);
    is(before, digest());
    script(SCRIPT_OPEN, 2, A " " A ":ledger OLG1............ 1300 1");
    more.token = "a2";
    more.expires_ms = 4000; /* it lasts for the longest */
    assert_done(append(&more, two, NULL), false, 2, 3);
    is("5000", ask("HGET " A " expires"));
    is("[open 3 3 3 0 0]", ask("HMGET " A " " COUNTS));
    is("64", ask("STRLEN " A ":ledger"));
    is("r s answers", ask("HGET " C " reminders"));
    more.token = "a3";
    more.expires_ms = 6000;
    append(&more, one, NULL);
    is("6000", ask("HGET " A " expires"));
}

/* Its counters make the equation, by the scripts that count any reminder. */
static void test_builtin_ends(void **state)
{
    struct append more = answers;

    (void)state;
    queued();
    append(&answers, one, NULL);
    script(SCRIPT_OPEN, 2, A " " A ":ledger OLG1............ 1300 1");
    is("[OPEN 1 0]", script(SCRIPT_FINISH, 3, A " " A ":leases " A ":retry 1400"));
    ask("HSET " A " c0 0 c5 1 cursor 1");
    is("[DONE 0]", script(SCRIPT_FINISH, 3, A " " A ":leases " A ":retry 1400"));
    more.token = "a2";
    append(&more, one, NULL);
    is("[open 2 2 1 0 0]", ask("HMGET " A " " COUNTS));
}

/* Cancelled or paused, a campaign still answers who asks; corrections stand still with it, and one
 * whose corrections were cancelled too writes no more. */
static void test_builtin_flags(void **state)
{
    struct append corrections = answers;
    char before[64];

    (void)state;
    corrections.reminder = BUILTIN_CORRECTIONS;
    corrections.token = "c1";
    queued();
    ask("HSET " C " state cancelled");
    assert_done(append(&answers, one, NULL), false, 1, 1);
    empty(NULL);
    queued();
    ask("HSET " C " state paused");
    append(&answers, one, NULL);
    is("0", ask("HGET " A " paused"));
    append(&corrections, one, NULL);
    is("1", ask("HGET " C ":corrections paused"));
    ask("HSET " C ":corrections cancelled 1");
    corrections.token = "c2";
    snprintf(before, sizeof before, "%s", digest());
    assert_refused(append(&corrections, one, NULL), APPEND_CANCELLED, before);
}

static void test_corrections(void **state)
{
    static const struct append_of of[] = {{2, 3, 1}, {3, 3, 2}};
    struct append a = answers;
    char before[64];

    (void)state;
    queued();
    ask("HSET " C " version 4");
    a.reminder = BUILTIN_CORRECTIONS;
    a.version = 3;
    snprintf(before, sizeof before, "%s", digest());
    assert_refused(append(&a, two, of), APPEND_OLD, before);
    ask("HSET " C " version 3");
    assert_done(append(&a, two, of), false, 1, 2);
    is("\\x00\\x00\\x00\\x01\\x03\\x01\\x00\\x00", ask("GETRANGE " C ":corrections:of 16 23"));
    is("\\x00\\x00\\x00\\x02\\x03\\x02\\x00\\x00", ask("GETRANGE " C ":corrections:of 24 31"));
    is("3", ask("HGET " C ":corrections tv"));
}

/* Of the wrong kind, by somebody else's hand: an error, and nothing is written. */
static void test_damaged(void **state)
{
    static const char *const keys[] = {
        C ":audience", C ":audience:appends", C ":corrections:of", R, R ":ledger", C ":s"};

    (void)state;
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        struct error err = {""};
        struct campaign_status *status;
        struct append a = {.campaign = "c", .token = "t1", .max_rows = 6, .now_ms = 1200};
        struct command c = COMMAND_INIT;
        redisReply *reply = NULL;
        char before[64];

        empty(NULL);
        queued();
        a.status = status = campaign_status_read(f.db, "c", &err);
        ask("DEL %s", keys[k]);
        ask("RPUSH %s x", keys[k]);
        snprintf(before, sizeof before, "%s", digest());
        append_begin(&a, &c);
        append_row(&c, "d", 1, NULL);
        assert_int_equal(db_ask(f.db, &c, &reply, &err), -1);
        is(before, digest());
        campaign_status_free(status);
        command_free(&c);
    }
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup(fn, empty)
    const struct CMUnitTest tests[] = {
        TEST(test_late),
        TEST(test_late_awaiting),
        TEST(test_late_keeps_the_ledger),
        TEST(test_late_opens_again),
        TEST(test_late_for_what_is_over),
        TEST(test_late_refused),
        TEST(test_builtin),
        TEST(test_builtin_ends),
        TEST(test_builtin_flags),
        TEST(test_corrections),
        TEST(test_damaged),
    };

    return cmocka_run_group_tests(tests, redis_start, redis_end);
}
