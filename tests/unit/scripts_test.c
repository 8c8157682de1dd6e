/*
 * The Lua scripts, in a real Redis: what each does, that it bears being run twice, what it
 * refuses, and that a refusal leaves everything as it was.
 */
#include "ledger.h"
#include "moves.h"
#include "redis_group.h"
#include "scripts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* The keys of campaign c and its reminder r. */
#define C "outreach:{c}"
#define AUDIENCE "outreach:{c}:audience"
#define REMINDER "outreach:{c}:r"
#define LEDGER "outreach:{c}:r:ledger"
#define LEASES "outreach:{c}:r:leases"
#define RETRY "outreach:{c}:r:retry"

#define EXPIRES "2000"

static const char *digest(void)
{
    return ask("DEBUG DIGEST");
}

/* A script, and then the same once more: the same answer, and nothing changes by it. */
#define twice(expected, ...)                                                                       \
    do {                                                                                           \
        char before_[64];                                                                          \
        is(expected, script(__VA_ARGS__));                                                         \
        snprintf(before_, sizeof before_, "%s", digest());                                         \
        is(expected, script(__VA_ARGS__));                                                         \
        is(before_, digest());                                                                     \
    } while (0)

/* It answers so, and changes nothing. */
#define refused(expected, ...)                                                                     \
    do {                                                                                           \
        char before_[64];                                                                          \
        snprintf(before_, sizeof before_, "%s", digest());                                         \
        is(expected, script(__VA_ARGS__));                                                         \
        is(before_, digest());                                                                     \
    } while (0)

static int empty(void **state)
{
    (void)state;
    ask("FLUSHALL");
    return 0;
}

#define MARKER "outreach:marker"
#define REGISTER "outreach:{residents}"

/* A queued campaign of so many rows with one reminder, due at 1000, expiring at 2000. */
static void queued(int rows)
{
    char line[4096] = "";

    for (int i = 1; i <= rows; i++)
        snprintf(line + strlen(line), sizeof line - strlen(line), " row%d", i);
    script(SCRIPT_ADD, 2, C " " AUDIENCE " token 0%s", line);
    is("[OK]", script(SCRIPT_QUEUE, 2,
                      C " " REMINDER " e1 hash {} token %d r 500 ann 1000 2000 scheduled", rows));
}

static void opened(int rows)
{
    queued(rows);
    script(SCRIPT_OPEN, 2, REMINDER " " LEDGER " OLG1............ 1000 1");
    is("open", ask("HGET " REMINDER " state"));
}

/* ------------------------------------------------------------------------ add */

static void test_add(void **state)
{
    (void)state;
    twice("[OK 2]", SCRIPT_ADD, 2, C " " AUDIENCE " t 0 a b");
    twice("[OK 3]", SCRIPT_ADD, 2, C " " AUDIENCE " t 2 c");
    is("[[1-0 [r a]] [2-0 [r b]] [3-0 [r c]]]", ask("XRANGE " AUDIENCE " - +"));
    is("[loading t 3]", ask("HMGET " C " state token last"));
    /* several batches were under way when the answers were lost: all come again */
    refused("[OK 3]", SCRIPT_ADD, 2, C " " AUDIENCE " t 0 a b");
    refused("[OK 3]", SCRIPT_ADD, 2, C " " AUDIENCE " t 2 c");
    refused("[GAP 3]", SCRIPT_ADD, 2, C " " AUDIENCE " t 4 e");
    refused("[GAP 3]", SCRIPT_ADD, 2, C " " AUDIENCE " t 2 c d");
}

static void test_add_replaced(void **state)
{
    (void)state;
    script(SCRIPT_ADD, 2, C " " AUDIENCE " t 0 a b c");
    refused("[REPLACED]", SCRIPT_ADD, 2, C " " AUDIENCE " u 3 d");
    twice("[OK 1]", SCRIPT_ADD, 2, C " " AUDIENCE " u 0 x");
    is("[[1-0 [r x]]]", ask("XRANGE " AUDIENCE " - +"));
    refused("[REPLACED]", SCRIPT_ADD, 2, C " " AUDIENCE " t 3 d");
    is("[OK]", script(SCRIPT_QUEUE, 2, C " " REMINDER " e1 h {} u 1 r 5 ann 10 20 scheduled"));
    refused("[QUEUED]", SCRIPT_ADD, 2, C " " AUDIENCE " v 0 y");
    refused("[QUEUED]", SCRIPT_ADD, 2, C " " AUDIENCE " u 1 y");
}

/* ---------------------------------------------------------------------- queue */

static void test_queue(void **state)
{
    (void)state;
    script(SCRIPT_ADD, 2, C " " AUDIENCE " t 0 a b c");
    refused("[ROWS 3]", SCRIPT_QUEUE, 2, C " " REMINDER " e1 h {} t 4 r 5 ann 10 20 scheduled");
    refused("[ROWS 3]", SCRIPT_QUEUE, 2, C " " REMINDER " e1 h {} u 3 r 5 ann 10 20 scheduled");
    is("[OK]", script(SCRIPT_QUEUE, 3,
                      C " " REMINDER " outreach:{c}:s e1 h {} t 3 r-s 5 ann "
                        "10 20 scheduled 11 21 skipped"));
    is("[active e1 h {} 1 3 r-s 5 ann]",
       ask("HMGET " C " state event hash document version last reminders queued by"));
    is("[scheduled 10 20 0 0 3 3 3 0 0 0 1]",
       ask("HMGET " REMINDER
           " state due expires seq cursor last planned c0 c12 paused cancelled tv"));
    is("[skipped 11 21 0 0 0]", ask("HMGET outreach:{c}:s state due expires last planned c0"));
    refused("[AGAIN SAME]", SCRIPT_QUEUE, 2, C " " REMINDER " e1 x {} t 3 r 5 ann 10 20 scheduled");
    refused("[AGAIN]", SCRIPT_QUEUE, 2, C " " REMINDER " e2 h {} t 3 r 5 ann 10 20 scheduled");
    refused("[OTHER]", SCRIPT_QUEUE, 2, C " " REMINDER " e2 x {} t 3 r 5 ann 10 20 scheduled");
}

static void test_queue_nobody(void **state)
{
    (void)state;
    refused("[ROWS 0]", SCRIPT_QUEUE, 2, C " " REMINDER " e1 h {} t 3 r 5 ann 10 20 scheduled");
    is("[OK]", script(SCRIPT_QUEUE, 2, C " " REMINDER " e1 h {} '' 0 r 5 ann 10 20 scheduled"));
}

/* ----------------------------------------------------------------------- flag */

static void test_flag(void **state)
{
    (void)state;
    refused("[UNKNOWN]", SCRIPT_FLAG, 1, C " pause 1 ann");
    script(SCRIPT_ADD, 2, C " " AUDIENCE " token 0 row1 row2");
    refused("[UNKNOWN]", SCRIPT_FLAG, 2, C " " REMINDER " pause 1 ann");
    ask("FLUSHALL");
    opened(5);
    ask("HSET " REMINDER " c0 3 c2 2");
    is("[active 2]", script(SCRIPT_FLAG, 2, C " " REMINDER " pause 7 ann"));
    is("[paused 7 ann]", ask("HMGET " C " state paused_ms paused_by"));
    is("[1 0 2]", ask("HMGET " REMINDER " paused cancelled seq"));
    is("[paused 2]", script(SCRIPT_FLAG, 2, C " " REMINDER " resume 8 bob"));
    is("[0 0]", ask("HMGET " REMINDER " paused cancelled"));
    is("[active 2]", script(SCRIPT_FLAG, 2, C " " REMINDER " cancel 9 ann"));
    is("[open 1 3 0]", ask("HMGET " REMINDER " state cancelled c0 c12"));
    refused("[CANCELLED 0]", SCRIPT_FLAG, 2, C " " REMINDER " cancel 9 ann");
    refused("[CANCELLED 0]", SCRIPT_FLAG, 2, C " " REMINDER " resume 9 ann");
}

/* An event that is read twice, or was asked for before what a person has said since, undoes
 * nothing; but a cancel is final. Ids compare as numbers: 9 before 10. */
static void test_flag_old(void **state)
{
    (void)state;
    opened(5);
    is("[active 0]", script(SCRIPT_FLAG, 2, C " " REMINDER " pause 7 ann 9-5 event"));
    is("[paused 0]", script(SCRIPT_FLAG, 2, C " " REMINDER " resume 8 ann 9-12 event"));
    refused("[OLD 0]", SCRIPT_FLAG, 2, C " " REMINDER " pause 7 ann 9-5 event");
    refused("[OLD 0]", SCRIPT_FLAG, 2, C " " REMINDER " pause 7 ann 9-12 event");
    is("[active 0]", script(SCRIPT_FLAG, 2, C " " REMINDER " pause 7 ann 10-0 event"));
    /* a person, when 12-0 was the last one on the queue */
    is("[paused 0]", script(SCRIPT_FLAG, 2, C " " REMINDER " resume 9 bob 12-0"));
    is("[active 0]", script(SCRIPT_FLAG, 2, C " " REMINDER " pause 9 bob 12-0"));
    is("[paused 0]", script(SCRIPT_FLAG, 2, C " " REMINDER " resume 9 bob 12-0"));
    refused("[OLD 0]", SCRIPT_FLAG, 2, C " " REMINDER " pause 7 ann 11-0 event");
    refused("[OLD 0]", SCRIPT_FLAG, 2, C " " REMINDER " pause 7 ann 12-0 event");
    is("[active 0]", script(SCRIPT_FLAG, 2, C " " REMINDER " pause 7 ann 12-1 event"));
    /* who says nothing of events takes nothing back */
    is("[paused 0]", script(SCRIPT_FLAG, 2, C " " REMINDER " resume 9 bob"));
    is("12-1", ask("HGET " C " flagged"));
    is("[active 0]", script(SCRIPT_FLAG, 2, C " " REMINDER " cancel 9 ann 3-0 event"));
}

/* Nobody of a reminder that is yet to come has been touched: it ends at once. */
static void test_flag_scheduled(void **state)
{
    (void)state;
    queued(5);
    is("[active 0]", script(SCRIPT_FLAG, 2, C " " REMINDER " cancel 9 ann"));
    is("[done 1 0 5]", ask("HMGET " REMINDER " state cancelled c0 c12"));
}

/* A counter that is lost or damaged is verify's matter: the cancel holds all the same, or
 * nothing of it is written. */
static void test_flag_damaged(void **state)
{
    (void)state;
    queued(5);
    ask("HDEL " REMINDER " c0");
    is("[active 0]", script(SCRIPT_FLAG, 2, C " " REMINDER " cancel 9 ann"));
    is("cancelled", ask("HGET " C " state"));
    is("[done 1 0]", ask("HMGET " REMINDER " state cancelled c12"));
}

static void test_flag_damaged_sending(void **state)
{
    (void)state;
    opened(5);
    ask("HSET " REMINDER " c2 many seq none");
    is("[active 0]", script(SCRIPT_FLAG, 2, C " " REMINDER " cancel 9 ann"));
    is("1", ask("HGET " REMINDER " cancelled"));
    is("cancelled", ask("HGET " C " state"));
}

static void test_flag_done(void **state)
{
    (void)state;
    opened(5);
    ask("HSET " REMINDER " state done c0 0 c5 5");
    /* it stays as it is; but a late receipt may open it again, and then it is cancelled */
    is("[active 0]", script(SCRIPT_FLAG, 2, C " " REMINDER " pause 8 ann"));
    is("[done 1 0 5]", ask("HMGET " REMINDER " state paused cancelled c5"));
    is("[paused 0]", script(SCRIPT_FLAG, 2, C " " REMINDER " cancel 9 ann"));
    is("[done 1 5 0]", ask("HMGET " REMINDER " state cancelled c5 c12"));
}

/* ----------------------------------------------------------------------- open */

static void test_open(void **state)
{
    (void)state;
    refused("[GONE]", SCRIPT_OPEN, 2, REMINDER " " LEDGER " OLG1............ 1000 1");
    queued(5);
    twice("[open 5 2000 OLG1aaaaaaaaaaaa 1000]", SCRIPT_OPEN, 2,
          REMINDER " " LEDGER " OLG1aaaaaaaaaaaa 1000 1");
    is("96", ask("STRLEN " LEDGER)); /* a header and five records */
    is("[open 1000 1]", ask("HMGET " REMINDER " state begun seq"));
    /* another daemon at the same time: the first one's header stays */
    refused("[open 5 2000 OLG1aaaaaaaaaaaa 1000]", SCRIPT_OPEN, 2,
            REMINDER " " LEDGER " OLG1bbbbbbbbbbbb 1001 1");
    ask("DEL " LEDGER); /* lost: it does not come back by itself */
    refused("[open 5 2000  1000]", SCRIPT_OPEN, 2, REMINDER " " LEDGER " OLG1bbbbbbbbbbbb 1001 1");
    ask("HSET " REMINDER " state done");
    refused("[done 5 2000  1000]", SCRIPT_OPEN, 2, REMINDER " " LEDGER " OLG1bbbbbbbbbbbb 1001 1");
}

/* Its time went by while nobody was there, and it is not to be made up for. */
static void test_open_missed(void **state)
{
    (void)state;
    queued(5);
    is("[missed 5]", script(SCRIPT_OPEN, 2, REMINDER " " LEDGER " OLG1aaaaaaaaaaaa 1000 1 1"));
    is("[skipped 0 0 0]", ask("HMGET " REMINDER " state planned last c0"));
    is("0", ask("EXISTS " LEDGER));
    refused("[skipped 0 2000  0]", SCRIPT_OPEN, 2,
            REMINDER " " LEDGER " OLG1aaaaaaaaaaaa 1000 1 1");
}

/* But one that has begun goes on. */
static void test_open_is_not_missed(void **state)
{
    (void)state;
    queued(5);
    script(SCRIPT_OPEN, 2, REMINDER " " LEDGER " OLG1aaaaaaaaaaaa 1000 1 0");
    refused("[open 5 2000 OLG1aaaaaaaaaaaa 1000]", SCRIPT_OPEN, 2,
            REMINDER " " LEDGER " OLG1bbbbbbbbbbbb 1001 1 1");
}

/* ---------------------------------------------------------------------- claim */

#define CLAIM(lease, max, now)                                                                     \
    SCRIPT_CLAIM, 3, REMINDER " " LEASES " " RETRY " " lease " " max " " now " 9000 3"

static void test_claim_range(void **state)
{
    (void)state;
    opened(10);
    twice("[RANGE  1 4 0 1]", CLAIM("d:1:1", "4", "1100"));
    twice("[RANGE  5 8 0 1]", CLAIM("d:1:2", "4", "1100"));
    twice("[RANGE  9 10 0 1]", CLAIM("d:1:3", "4", "1100")); /* never beyond the last */
    is("[NONE  ]", script(CLAIM("d:1:4", "4", "1100")));
    is("[10 10]", ask("HMGET " REMINDER " cursor last"));
    is("3", ask("HLEN " LEASES));
}

static void test_claim_closed(void **state)
{
    (void)state;
    refused("[CLOSED ]", CLAIM("d:1:1", "4", "1100"));
    queued(5);
    refused("[CLOSED scheduled]", CLAIM("d:1:1", "4", "1100"));
    ask("HSET " REMINDER " state done");
    refused("[CLOSED done]", CLAIM("d:1:1", "4", "1100"));
}

/* Paused: nothing. Cancelled or over: claimed all the same, to be swept, even if paused. */
static void test_claim_flags(void **state)
{
    (void)state;
    opened(10);
    script(SCRIPT_FLAG, 2, C " " REMINDER " pause 1 ann");
    refused("[PAUSED ]", CLAIM("d:1:1", "4", "1100"));
    is("[RANGE EXPIRED 1 4 0 1]", script(CLAIM("d:1:1", "4", EXPIRES)));
    ask("HSET " REMINDER " cancelled 1");
    is("[RANGE CANCELLED 5 8 0 1]", script(CLAIM("d:1:2", "4", "1100")));
    is("[RANGE CANCELLED 9 10 0 1]", script(CLAIM("d:1:3", "4", EXPIRES)));
}

/* What was given back or orphaned goes before the cursor moves, in pieces if it is long. */
static void test_claim_orphans(void **state)
{
    (void)state;
    opened(20);
    script(CLAIM("d:1:1", "8", "1100"));
    script(CLAIM("d:1:2", "4", "1100"));
    is("1", script(SCRIPT_RELEASE, 2, REMINDER " " LEASES " d:1:1 1 8 1"));
    is("1", ask("HGET " REMINDER " orphans"));
    twice("[RANGE  1 5 1 0]", CLAIM("e:2:1", "5", "1100"));
    is("1", ask("HGET " REMINDER " orphans"));
    twice("[RANGE  6 8 1 0]", CLAIM("e:2:2", "5", "1100"));
    is("0", ask("HGET " REMINDER " orphans"));
    is("[RANGE  13 17 0 1]", script(CLAIM("e:2:3", "5", "1100")));
    is("4", ask("HLEN " LEASES)); /* d:1:2 and the three */
    /* a counter that went wrong puts itself right */
    ask("HSET " REMINDER " orphans 3");
    is("[RANGE  18 20 0 1]", script(CLAIM("e:2:4", "5", "1100")));
    is("0", ask("HGET " REMINDER " orphans"));
}

/* Two daemons have died over a range: it goes in slices of 16, one by all daemons. */
static void test_claim_slices(void **state)
{
    (void)state;
    opened(60);
    script(CLAIM("d:1:1", "40", "1000"));
    script(SCRIPT_RELEASE, 2, REMINDER " " LEASES " d:1:1 1 40 1");
    is("[RANGE  1 40 1 0]", script(CLAIM("d:2:1", "40", "1000")));
    script(SCRIPT_RELEASE, 2, REMINDER " " LEASES " d:2:1 1 40 2");
    twice("[RANGE  1 16 2 0]", CLAIM("d:3:1", "40", "1000"));
    /* while it is worked on the rest of it is not, but what is fresh flows */
    is("[RANGE  41 60 0 1]", script(CLAIM("e:4:1", "40", "1000")));
    refused("[NONE  ]", CLAIM("e:4:2", "40", "1000"));
    /* nothing happened: the next */
    script(SCRIPT_RELEASE, 2, REMINDER " " LEASES " d:3:1");
    is("[RANGE  17 32 2 0]", script(CLAIM("e:4:3", "40", "1000")));
    refused("[NONE  ]", CLAIM("d:3:2", "40", "1000"));
    script(SCRIPT_RELEASE, 2, REMINDER " " LEASES " e:4:3");
    is("[RANGE  33 36 2 0]", script(CLAIM("e:4:4", "4", "1000"))); /* no more than asked for */
    script(SCRIPT_RELEASE, 2, REMINDER " " LEASES " e:4:4");
    is("[RANGE  37 40 2 0]", script(CLAIM("e:4:5", "40", "1000")));
    script(SCRIPT_RELEASE, 2, REMINDER " " LEASES " e:4:5");
    is("[NONE  ]", script(CLAIM("e:4:6", "40", "1000")));
    is("0", ask("HGET " REMINDER " orphans"));
    /* a long range that many died over, by chance: none of its notices is blamed for it */
    script(SCRIPT_RELEASE, 2, REMINDER " " LEASES " e:4:1 41 60 9");
    is("[RANGE  41 56 2 0]", script(CLAIM("e:4:7", "40", "1000")));
}

/* A third has died over a slice: its notices go one at a time. */
static void test_claim_alone(void **state)
{
    (void)state;
    opened(6);
    script(CLAIM("d:1:1", "4", "1000"));
    script(SCRIPT_RELEASE, 2, REMINDER " " LEASES " d:1:1 1 4 3");
    twice("[RANGE  1 1 3 0]", CLAIM("d:3:1", "4", "1000"));
    is("[RANGE  5 6 0 1]", script(CLAIM("e:4:1", "4", "1000")));
    refused("[NONE  ]", CLAIM("e:4:2", "4", "1000"));
    script(SCRIPT_RELEASE, 2, REMINDER " " LEASES " d:3:1");
    is("[RANGE  2 2 3 0]", script(CLAIM("e:4:3", "4", "1000")));
    /* that was it: whoever claims it sees four, and fails it, while another is worked on */
    script(SCRIPT_RELEASE, 2, REMINDER " " LEASES " e:4:3 2 2 4");
    {
        const char *first = script(CLAIM("f:5:1", "4", "1000"));
        bool poison = strcmp(first, "[RANGE  2 2 4 0]") == 0;

        assert_true(poison || strcmp(first, "[RANGE  3 3 3 0]") == 0);
        is(poison ? "[RANGE  3 3 3 0]" : "[RANGE  2 2 4 0]", script(CLAIM("f:5:2", "4", "1000")));
    }
    is("[NONE  ]", script(CLAIM("f:5:3", "4", "1000")));
    /* a slice over which more died, by chance, is no poison yet */
    script(SCRIPT_RELEASE, 2, REMINDER " " LEASES " e:4:1 5 6 7");
    script(SCRIPT_RELEASE, 2, REMINDER " " LEASES " f:5:1");
    script(SCRIPT_RELEASE, 2, REMINDER " " LEASES " f:5:2");
    {
        const char *next = script(CLAIM("f:5:4", "4", "1000"));

        assert_true(strcmp(next, "[RANGE  5 5 3 0]") == 0 || strcmp(next, "[RANGE  4 4 3 0]") == 0);
    }
}

static void test_claim_retry(void **state)
{
    (void)state;
    opened(6);
    script(CLAIM("d:1:1", "6", "1100"));
    script(SCRIPT_RELEASE, 2, REMINDER " " LEASES " d:1:1");
    ask("HSET " REMINDER " c0 3 c1 3");
    ask("ZADD " RETRY " 1200 2 1300 5 1400 6");
    is("[NONE  1200]", script(CLAIM("d:1:2", "4", "1199")));
    is("[RETRY  2]", script(CLAIM("d:1:2", "4", "1200")));
    is("9000", ask("ZSCORE " RETRY " 2")); /* looked at again, should its daemon die */
    is("[RETRY  5 6]", script(CLAIM("d:1:3", "4", "1500")));
    is("[NONE  9000]", script(CLAIM("d:1:4", "4", "1500")));
    is("0", ask("EXISTS " LEASES)); /* retries have no lease */
    /* over or cancelled: all of them, due or not */
    is("[RETRY EXPIRED 2 5]", script(CLAIM("d:1:5", "2", EXPIRES)));
    ask("HSET " REMINDER " cancelled 1");
    is("[RETRY CANCELLED 2 5 6]", script(CLAIM("d:1:5", "4", "1500")));
}

/* One in doubt is in the retry set too, and none is parked. */
static void test_claim_uncertain(void **state)
{
    (void)state;
    opened(2);
    script(CLAIM("d:1:1", "2", "1100"));
    ask("HSET " REMINDER " c0 0 c3 1 c4 1");
    ask("ZADD " RETRY " 1200 2");
    is("[NONE  1200]", script(CLAIM("d:1:2", "4", "1199")));
    is("[RETRY  2]", script(CLAIM("d:1:2", "4", "1200")));
}

/* Neither may starve the other: retries and the cursor take turns. */
static void test_claim_turns(void **state)
{
    (void)state;
    opened(10);
    script(CLAIM("d:1:0", "4", "1100"));
    ask("HSET " REMINDER " c0 8 c1 2");
    ask("ZADD " RETRY " 1 1 2 2");
    is("[RETRY  1]", script(CLAIM("d:1:1", "1", "1100")));
    is("[RANGE  5 5 0 1]", script(CLAIM("d:1:2", "1", "1100")));
    is("[RETRY  2]", script(CLAIM("d:1:3", "1", "1100")));
    is("[RANGE  6 6 0 1]", script(CLAIM("d:1:4", "1", "1100")));
    is("[RANGE  7 7 0 1]", script(CLAIM("d:1:5", "1", "1100"))); /* none is due */
}

/* At park_max no new range: retries only. */
static void test_claim_park_max(void **state)
{
    (void)state;
    opened(10);
    ask("HSET " REMINDER " c0 7 c1 3");
    ask("ZADD " RETRY " 5000 1 5000 2 5000 3");
    is("[NONE  5000]", script(CLAIM("d:1:1", "4", "1100")));
    ask("HSET " REMINDER " c0 8 c1 2");
    is("[RANGE  1 4 0 1]", script(CLAIM("d:1:2", "4", "1100")));
    /* but a sweep goes on */
    ask("HSET " REMINDER " c0 7 c1 3 cancelled 1 turn 1");
    is("[RANGE CANCELLED 5 8 0 1]", script(CLAIM("d:1:3", "4", "1100")));
}

/* -------------------------------------------------------------------- release */

static void test_release(void **state)
{
    (void)state;
    opened(10);
    script(CLAIM("d:1:1", "4", "1100"));
    script(CLAIM("d:1:2", "4", "1100"));
    is("1", script(SCRIPT_RELEASE, 2, REMINDER " " LEASES " d:1:1"));
    refused("0", SCRIPT_RELEASE, 2, REMINDER " " LEASES " d:1:1");
    refused("0", SCRIPT_RELEASE, 2, REMINDER " " LEASES " d:1:1 1 4 0"); /* closed before */
    is("1", script(SCRIPT_RELEASE, 2, REMINDER " " LEASES " d:1:2 5 8 1"));
    refused("0", SCRIPT_RELEASE, 2, REMINDER " " LEASES " d:1:2 5 8 1");
    is("[:5 5 8 1 0]", ask("HGETALL " LEASES));
    is("1", ask("HGET " REMINDER " orphans"));
}

/* --------------------------------------------------------------------- finish */

static void test_finish(void **state)
{
    (void)state;
#define FINISH SCRIPT_FINISH, 3, REMINDER " " LEASES " " RETRY " 1500"
    queued(4);
    refused("[OPEN 0]", FINISH);
    script(SCRIPT_OPEN, 2, REMINDER " " LEDGER " OLG1............ 1000 1");
    refused("[OPEN 4 0]", FINISH);
    script(CLAIM("d:1:1", "4", "1100"));
    ask("HSET " REMINDER " c0 0 c1 1 c2 1 c4 2");
    refused("[OPEN 2 1 retries]", FINISH); /* what is parked is in the retry set, or it is lost */
    ask("ZADD " RETRY " 1 1");
    refused("[OPEN 2 1]", FINISH);
    ask("DEL " RETRY);
    ask("HSET " REMINDER " c1 0 c2 0 c4 4");
    refused("[OPEN 0 1]", FINISH); /* the lease */
    script(SCRIPT_RELEASE, 2, REMINDER " " LEASES " d:1:1");
    ask("HSET " REMINDER " c0 2 c4 2"); /* nobody has them, and no cursor comes there again */
    refused("[OPEN 2 0 leases]", FINISH);
    ask("HSET " REMINDER " cursor 3");
    refused("[OPEN 2 0]", FINISH);
    ask("HSET " REMINDER " c0 0 c4 4 cursor 4");
    ask("ZADD " RETRY " 1 1");
    refused("[OPEN 0 0]", FINISH);
    ask("DEL " RETRY);
    ask("HSET " REMINDER " cursor 3");
    refused("[OPEN 0 0]", FINISH);
    ask("HSET " REMINDER " cursor 4");
    twice("[DONE 0]", FINISH);
    is("[done 1500]", ask("HMGET " REMINDER " state done"));
    ask("HSET " REMINDER " state skipped");
    refused("[DONE 0]", FINISH);
}

/* ----------------------------------------------------------------------- move */

static struct moves batch;

static struct record record_of(enum notice_state state, uint32_t fence)
{
    return (struct record){.state = state, .fence = fence};
}

static void move(uint32_t n, struct record believed, struct record wanted, int64_t retry)
{
    struct move *m = moves_add(&batch);

    m->n = n;
    m->retry = retry;
    record_pack(&believed, m->believed);
    record_pack(&wanted, m->wanted);
}

/* Sends the batch, empties it; the answer is for the caller to free. */
static redisReply *send_batch(bool intent, int64_t now_ms, unsigned version, int64_t seq)
{
    struct moves_target target = {.campaign = "c",
                                  .reminder = "r",
                                  .intent = intent,
                                  .now_ms = now_ms,
                                  .version = version,
                                  .seq = seq};
    struct command c = COMMAND_INIT;
    struct error err = {""};
    redisReply *reply = NULL;

    moves_command(&batch, &target, &c);
    if (db_ask(f.db, &c, &reply, &err) != 0)
        fail_msg("%s", err.text);
    command_free(&c);
    return reply;
}

static const char *sent(bool intent, int64_t now_ms, unsigned version, int64_t seq)
{
    redisReply *reply = send_batch(intent, now_ms, version, seq);
    const char *text = fixture_text(reply);

    freeReplyObject(reply);
    return text;
}

static void forget(void)
{
    batch.count = 0;
}

static const struct record untouched;

static const char *counters(void)
{
    return ask("HMGET " REMINDER " c0 c1 c2 c3 c4 c5 c6 c7 c8 c9 c10 c11 c12");
}

static void test_move(void **state)
{
    (void)state;
    opened(10);
    forget();
    for (uint32_t n = 3; n <= 6; n++)
        move(n, untouched, record_of(NOTICE_SENDING, 0x1001), 0);
    is("[OK 2]", sent(true, 1100, 1, 0));
    is("[6 0 4 0 0 0 0 0 0 0 0 0 0]", counters());
    is(" \\x00\\x00\\x00\\x10\\x01", ask("GETRANGE " LEDGER " 48 53"));
    is("\\x00\\x00", ask("GETRANGE " LEDGER " 112 113"));
    is("176", ask("STRLEN " LEDGER));
    /* the answer was lost: the same again is done, and counts nothing */
    is("[OK 3]", sent(true, 1100, 1, 2));
    is("[6 0 4 0 0 0 0 0 0 0 0 0 0]", counters());
    /* outcomes: accepted, parked for a retry, in doubt, back */
    forget();
    move(3, record_of(NOTICE_SENDING, 0x1001), record_of(NOTICE_ACCEPTED, 0x1001), RETRY_KEEP);
    move(4, record_of(NOTICE_SENDING, 0x1001), record_of(NOTICE_PARKED, 0x1001), 1700);
    move(5, record_of(NOTICE_SENDING, 0x1001), record_of(NOTICE_UNCERTAIN, 0x1001), 1800);
    move(6, record_of(NOTICE_SENDING, 0x1001), record_of(NOTICE_FAILED, 0x1001), RETRY_REMOVE);
    is("[OK 4]", sent(false, 1200, 1, 0));
    is("[6 1 0 1 1 0 0 1 0 0 0 0 0]", counters());
    is("[4 1700 5 1800]", ask("ZRANGE " RETRY " 0 -1 WITHSCORES"));
    is("[OK 5]", sent(false, 1200, 1, 0));
    is("[6 1 0 1 1 0 0 1 0 0 0 0 0]", counters());
    is("[4 1700 5 1800]", ask("ZRANGE " RETRY " 0 -1 WITHSCORES"));
}

/* A late outcome or receipt may give a notice another turn when all seemed to be over. */
static void test_move_opens_again(void **state)
{
    (void)state;
    opened(2);
    forget();
    move(1, untouched, record_of(NOTICE_ACCEPTED, 0x1001), RETRY_KEEP);
    move(2, untouched, record_of(NOTICE_DELIVERED, 0x1001), RETRY_KEEP);
    sent(false, 1100, 1, 0);
    ask("HSET " REMINDER " state done");
    forget();
    move(1, record_of(NOTICE_ACCEPTED, 0x1001), record_of(NOTICE_DELIVERED, 0x1001), RETRY_REMOVE);
    move(2, record_of(NOTICE_DELIVERED, 0x1001), record_of(NOTICE_DELIVERED, 0x1001), RETRY_KEEP);
    sent(false, 1200, 1, 0);
    is("done", ask("HGET " REMINDER " state"));
    forget();
    move(1, record_of(NOTICE_DELIVERED, 0x1001), record_of(NOTICE_PARKED, 0x1001), 1300);
    sent(false, 1300, 1, 0);
    is("open", ask("HGET " REMINDER " state"));
    is("[1 1300]", ask("ZRANGE " RETRY " 0 -1 WITHSCORES"));
}

/* Where something else stands than was believed that one is told; the others move. */
static void test_move_differs(void **state)
{
    redisReply *reply;
    struct record r;

    (void)state;
    opened(10);
    forget();
    move(4, untouched, record_of(NOTICE_SENDING, 0x2002), 0);
    sent(true, 1100, 1, 0);
    forget();
    for (uint32_t n = 3; n <= 6; n++)
        move(n, untouched, record_of(NOTICE_SENDING, 0x1001), 0);
    reply = send_batch(true, 1100, 1, 0);
    assert_int_equal(reply->elements, 4);
    assert_non_null(moves_differing(reply, 4));
    record_unpack(moves_differing(reply, 4), &r);
    assert_int_equal(r.fence, 0x2002);
    assert_null(moves_differing(reply, 3));
    freeReplyObject(reply);
    is("[6 0 4 0 0 0 0 0 0 0 0 0 0]", counters());
    /* only those that moved enter the retry set */
    forget();
    for (uint32_t n = 3; n <= 6; n++)
        move(n, record_of(NOTICE_SENDING, 0x1001), record_of(NOTICE_PARKED, 0x1001), 1700 + n);
    reply = send_batch(false, 1100, 1, 0);
    assert_int_equal(reply->elements, 4);
    freeReplyObject(reply);
    is("[3 1703 5 1705 6 1706]", ask("ZRANGE " RETRY " 0 -1 WITHSCORES"));
    is("[6 3 1 0 0 0 0 0 0 0 0 0 0]", counters());
    /* and leave it */
    forget();
    for (uint32_t n = 3; n <= 6; n++)
        move(n, record_of(NOTICE_PARKED, 0x1001), record_of(NOTICE_SENDING, 0x3003), RETRY_REMOVE);
    reply = send_batch(true, 1100, 1, 0);
    assert_int_equal(reply->elements, 4);
    freeReplyObject(reply);
    is("[]", ask("ZRANGE " RETRY " 0 -1"));
    is("[6 0 4 0 0 0 0 0 0 0 0 0 0]", counters());
}

/* Flags, hour and text are the intent's; an outcome is always taken. */
static void test_move_refused(void **state)
{
    static const struct {
        const char *set;
        int64_t now_ms;
        unsigned version;
        int64_t seq;
        const char *intent, *outcome;
    } rows[] = {
        {"paused 0", 1100, 1, 0, "[OK 2]", "[OK 2]"},
        {"paused 1", 1100, 1, 0, "[PAUSED 1]", "[OK 2]"},
        {"cancelled 1", 1100, 1, 0, "[CANCELLED 1]", "[OK 2]"},
        {"cancelled 0", 2000, 1, 0, "[EXPIRED 1]", "[OK 2]"},
        {"cancelled 0", 1999, 1, 0, "[OK 2]", "[OK 2]"},
        {"tv 2", 1100, 1, 0, "[VERSION 1]", "[OK 2]"},
        {"tv 2", 1100, 2, 0, "[OK 2]", "[OK 2]"},
        {"seq 1", 1100, 1, 2, "[BACK 1]", "[BACK 1]"},
        {"seq 3", 1100, 1, 2, "[OK 4]", "[OK 4]"},
        {"seq 2", 1100, 1, 2, "[OK 3]", "[OK 3]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int intent = 0; intent < 2; intent++) {
            const char *expected = intent ? rows[i].intent : rows[i].outcome, *got;
            char before[64], line[64];

            ask("FLUSHALL");
            opened(4);
            snprintf(line, sizeof line, "HSET " REMINDER " %s", rows[i].set);
            ask(line);
            snprintf(before, sizeof before, "%s", digest());
            forget();
            move(2, untouched, record_of(NOTICE_SENDING, 0x1001), 0);
            got = sent(intent, rows[i].now_ms, rows[i].version, rows[i].seq);
            if (strcmp(got, expected) != 0)
                fail_msg("row %zu intent %d: %s instead of %s", i, intent, got, expected);
            if (strncmp(expected, "[OK", 3) != 0)
                is(before, digest());
        }
}

/* What was written before its answer was lost stands, whatever flag has been set since; a
 * refusal that were believed would leave it `sending` for ever. Nothing is written anew. */
static void test_intent_repeated(void **state)
{
    static const struct {
        const char *set;
        int64_t now_ms;
        const char *first; /* of an intent that had not been written */
    } rows[] = {
        {"cancelled 1", 1100, "[CANCELLED 2]"},
        {"paused 1", 1100, "[PAUSED 2]"},
        {"tv 2", 1100, "[VERSION 2]"},
        {"cancelled 0", 2000, "[EXPIRED 2]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char before[64], line[64];
        redisReply *reply;

        ask("FLUSHALL");
        opened(30);
        forget();
        for (uint32_t n = 2; n <= 4; n++)
            move(n, untouched, record_of(NOTICE_SENDING, 0x1001), 0);
        move(9, record_of(NOTICE_PARKED, 0x0001), record_of(NOTICE_SENDING, 0x1001), RETRY_REMOVE);
        reply = send_batch(true, 1100, 1, 0); /* 9 is not parked: it differs */
        assert_non_null(moves_differing(reply, 9));
        freeReplyObject(reply);
        snprintf(line, sizeof line, "HSET " REMINDER " %s", rows[i].set);
        ask(line);
        snprintf(before, sizeof before, "%s", digest());
        reply = send_batch(true, rows[i].now_ms, 1, 0);
        assert_string_equal(db_at(reply, 0)->str, "OK");
        assert_int_equal(reply->elements, 4);
        assert_non_null(moves_differing(reply, 9));
        freeReplyObject(reply);
        is(before, digest());
        forget();
        for (uint32_t n = 11; n <= 28; n++)
            move(n, untouched, record_of(NOTICE_SENDING, 0x1002), 0);
        is(rows[i].first, sent(true, rows[i].now_ms, 1, 0));
        is(before, digest());
    }
}

/* A lost key never reads as "nobody was sent anything"; nor does a ledger that is too short. */
static void test_move_gone(void **state)
{
    char before[64];

    (void)state;
    forget();
    move(2, untouched, record_of(NOTICE_SENDING, 0x1001), 0);
    is("[GONE]", sent(true, 1100, 1, 0));
    opened(4);
    ask("DEL " LEDGER);
    is("[GONE]", sent(true, 1100, 1, 0));
    is("[GONE]", sent(false, 1100, 1, 0));
    ask("SETRANGE " LEDGER " 79 x"); /* full length, no header */
    is("[GONE]", sent(true, 1100, 1, 0));
    ask("FLUSHALL");
    opened(4);
    ask("DEL " REMINDER);
    is("[GONE]", sent(true, 1100, 1, 0));
    ask("FLUSHALL");
    opened(4);
    for (uint32_t n = 4; n <= 6; n++) { /* 5 and 6 are beyond its end */
        forget();
        move(2, untouched, record_of(NOTICE_SENDING, 0x1001), 0);
        move(n, untouched, record_of(NOTICE_SENDING, 0x1001), 0);
        snprintf(before, sizeof before, "%s", digest());
        is(n == 4 ? "[OK 2]" : "[GONE]", sent(true, 1100, 1, 0));
        if (n > 4)
            is(before, digest());
    }
    forget();
    move(0, untouched, record_of(NOTICE_SENDING, 0x1001), 0); /* the header */
    is("[GONE]", sent(true, 1100, 1, 0));
}

/* --------------------------------------------- a thousand random batches of moves */

#define PEOPLE 60

static struct record model[PEOPLE + 1];
static int64_t model_retry[PEOPLE + 1]; /* 0: not in the set */
static uint32_t dice = 12345;

static uint32_t roll(uint32_t sides)
{
    dice = dice * 1664525 + 1013904223;
    return (dice >> 8) % sides;
}

static bool same(const struct record *a, const struct record *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* The ledger, the retry set and every counter are what the model has. */
static void check_model(void)
{
    redisReply *ledger = redisCommand(f.raw, "GET " LEDGER), *r;
    int counts[NOTICE_STATES] = {0};
    size_t parked = 0;
    char expected[512] = "[";

    for (uint32_t n = 1; n <= PEOPLE; n++) {
        unsigned char packed[LEDGER_RECORD_BYTES];

        record_pack(&model[n], packed);
        assert_memory_equal(ledger->str + n * LEDGER_RECORD_BYTES, packed, sizeof packed);
        counts[model[n].state]++;
        if (model_retry[n] != 0) {
            parked++;
            r = redisCommand(f.raw, "ZSCORE " RETRY " %u", n);
            assert_int_equal(r->type, REDIS_REPLY_STRING);
            assert_int_equal(strtoll(r->str, NULL, 10), model_retry[n]);
            freeReplyObject(r);
        }
    }
    freeReplyObject(ledger);
    for (int s = 0; s < NOTICE_STATES; s++)
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s%d",
                 s ? " " : "", counts[s]);
    strcat(expected, "]");
    is(expected, counters());
    r = redisCommand(f.raw, "ZCARD " RETRY);
    assert_int_equal((size_t)r->integer, parked);
    freeReplyObject(r);
}

/* A move of n from what is believed, which is sometimes wrong, to anything. */
static void random_move(uint32_t n, bool uniform, const struct record *to, int kind)
{
    struct record believed = model[n], wanted = *to;
    int64_t retry = kind == 0 ? RETRY_KEEP : kind == 1 ? RETRY_REMOVE : 1000 + (int64_t)roll(5000);

    if (roll(12) == 0) {
        believed.fence ^= 1;
        believed.state = roll(NOTICE_STATES);
    }
    if (!uniform) {
        wanted.state = roll(NOTICE_STATES);
        wanted.fence = roll(50);
        wanted.mask = roll(4);
    }
    if (roll(15) == 0) { /* what stands there already */
        wanted = model[n];
        retry = RETRY_KEEP;
    }
    move(n, believed, wanted, retry);
}

/* What the script should do with one. */
static void model_move(const struct move *m, size_t *differ)
{
    struct record believed, wanted;
    uint32_t n = m->n;

    record_unpack(m->believed, &believed);
    record_unpack(m->wanted, &wanted);
    if (!same(&model[n], &believed)) {
        if (!same(&model[n], &wanted))
            ++*differ;
        return;
    }
    model[n] = wanted;
    if (m->retry == RETRY_REMOVE)
        model_retry[n] = 0;
    else if (m->retry > 0)
        model_retry[n] = m->retry;
}

/* Is it there as it was wanted? An intent of which that is true is a repeat. */
static bool stands(const struct move *m)
{
    struct record wanted;

    record_unpack(m->wanted, &wanted);
    return same(&model[m->n], &wanted);
}

static bool some_stand(const struct moves *m)
{
    for (size_t i = 0; i < m->count; i++)
        if (stands(&m->list[i]))
            return true;
    return false;
}

static void test_property(void **state)
{
    static struct moves copy;
    int64_t seq = 0;

    (void)state;
    opened(PEOPLE);
    ask("CONFIG SET appendfsync no"); /* it is not durability that is tested here */
    memset(model, 0, sizeof model);
    memset(model_retry, 0, sizeof model_retry);
    for (int round = 0; round < 1500; round++) {
        struct record to = {.state = roll(NOTICE_STATES), .fence = roll(50)};
        bool uniform = roll(2) == 0, repeat = roll(5) == 0, intent = roll(3) == 0, refused;
        const char *set = intent && roll(4) == 0 ? "1" : "0";
        int kind = (int)roll(3);
        size_t differ = 0;
        redisReply *reply;
        enum moves_verdict verdict;

        forget();
        for (uint32_t n = 1 + roll(8); n <= PEOPLE && batch.count < 40; n += 1 + (roll(6) == 0)) {
            random_move(n, uniform, &to, kind);
            if (roll(10) == 0)
                kind = (int)roll(3);
        }
        if (batch.count == 0)
            continue;
        if (roll(7) == 0) { /* out of order */
            struct move swap = batch.list[0];

            batch.list[0] = batch.list[batch.count - 1];
            batch.list[batch.count - 1] = swap;
        }
        ask(roll(2) ? "HSET " REMINDER " paused %s" : "HSET " REMINDER " cancelled %s", set);
        copy = batch;
        reply = send_batch(intent, 1100, 1, seq);
        verdict = moves_verdict(reply, &seq);
        refused = intent && set[0] == '1';
        assert_int_equal(verdict == MOVES_DONE, !refused || some_stand(&copy));
        if (verdict == MOVES_DONE) {
            for (size_t i = 0; i < copy.count; i++)
                if (refused)
                    differ += !stands(&copy.list[i]);
                else
                    model_move(&copy.list[i], &differ);
            assert_int_equal((reply->elements - 2) / 2, differ);
        }
        freeReplyObject(reply);
        if (repeat && verdict == MOVES_DONE &&
            !refused) { /* the answer was lost: nothing moves again */
            for (size_t i = 0; i < copy.count; i++) {
                struct record believed;

                record_unpack(copy.list[i].believed, &believed);
                if (same(&believed, &model[copy.list[i].n]))
                    model_move(&copy.list[i], &differ); /* it was believed what it became */
            }
            batch = copy;
            reply = send_batch(intent, 1100, 1, seq);
            assert_int_equal(moves_verdict(reply, &seq), MOVES_DONE);
            freeReplyObject(reply);
        }
        ask("HSET " REMINDER " paused 0 cancelled 0");
        if (round % 10 == 0)
            check_model();
    }
    check_model();
    ask("CONFIG SET appendfsync always");
}

/* ------------------------------------------------------------------------ cap */

#define P "outreach:{cap:+8613851400001}"
#define Q "outreach:{cap:+8613851400002}"
#define DAY 86400000

static const char *cap(const char *keys, int64_t now, const char *rules, const char *refs)
{
    unsigned n = 1;
    char *copy;
    const char *answer;

    for (const char *p = keys; *p != '\0'; p++)
        n += *p == ' ';
    copy = xasprintf("%s reserve %lld %s %s", keys, (long long)now, rules, refs);
    answer = script(SCRIPT_CAP, n, "%s", copy);
    free(copy);
    return answer;
}

static void test_cap(void **state)
{
    (void)state;
    /* 2 in an hour: now - 3,600,000 */
    twice("[0]", SCRIPT_CAP, 1, P " reserve 10000000 1 2 6400000 7/1");
    is("[0]", script(SCRIPT_CAP, 1, P " reserve 10000005 1 2 6400005 8/1"));
    refused("[-100000001]", SCRIPT_CAP, 1, P " reserve 10000010 1 2 6400010 9/1");
    /* who has a place keeps it */
    is("[0]", script(SCRIPT_CAP, 1, P " reserve 10000010 1 2 6400010 7/1"));
    /* another person is another matter, and each in a batch is answered */
    is("[-100000001 0]", script(SCRIPT_CAP, 2, P " " Q " reserve 10000020 1 2 6400020 9/1 9/2"));
    /* the first one's hour is over */
    is("[0]", script(SCRIPT_CAP, 1, P " reserve 13600000 1 2 10000000 9/1"));
    refused("[-100000051]", SCRIPT_CAP, 1, P " reserve 13600001 1 2 10000001 9/9");
}

/* A rule may look back 31 days, whatever the calls in between looked at. */
static void test_cap_month(void **state)
{
    static const int64_t first = 100 * (int64_t)DAY;

    (void)state;
    is("[0]", cap(P, first, "1 1 8553600000", "1/1")); /* 1 in a day */
    is("[0]", cap(P, first + 2 * (int64_t)DAY, "1 1 8726400000", "2/1"));
    is("[-86400000001]", cap(P, first + 30 * (int64_t)DAY, "1 2 8553600000", "3/1"));
    is("[0]", cap(P, first + 31 * (int64_t)DAY, "1 2 8640000000", "3/1")); /* the first is over */
}

static void test_cap_return(void **state)
{
    (void)state;
    script(SCRIPT_CAP, 1, P " reserve 1000 1 1 500 7/1");
    refused("[-10001]", SCRIPT_CAP, 1, P " reserve 1001 1 1 501 8/1");
    twice("[0]", SCRIPT_CAP, 1, P " return 1002 0 7/1");
    is("0", ask("EXISTS " P));
    is("[0]", script(SCRIPT_CAP, 1, P " reserve 1003 1 1 503 8/1"));
    refused("[0]", SCRIPT_CAP, 1, P " return 1004 0 7/1"); /* not its own */
}

/* Two messages for one person in one batch: the second counts the first. */
static void test_cap_same_person(void **state)
{
    (void)state;
    is("[0 -10001]", cap(P " " P, 1000, "1 1 500", "7/1 7/2"));
    refused("[0 -10001]", SCRIPT_CAP, 2, P " " P " reserve 1000 1 1 500 7/1 7/2");
}

/* The same text (8 characters of the mark) from another campaign (the rest) within a day. */
static void test_cap_repeat(void **state)
{
    (void)state;
    twice("[0]", SCRIPT_CAP, 1, P " reserve 100000000 0 7/1=textTEXTmine");
    is("100000000 7/1=textTEXTmine,", ask("GET " P));
    refused("[-1000000000]", SCRIPT_CAP, 1, P " reserve 100000005 0 8/4=textTEXTelse");
    /* neither its own next attempt, nor the next reminder of the campaign, nor another text; nor
     * one that is not to be guarded; nor another person */
    is("[0]", cap(P, 100000006, "0", "7/1=textTEXTmine"));
    is("[0]", cap(P, 100000006, "0", "9/1=textTEXTmine"));
    is("[0]", cap(P, 100000006, "0", "8/4=nextTEXTelse"));
    is("[0]", cap(P, 100000006, "0", "5/1"));
    is("[0]", cap(Q, 100000006, "0", "8/4=textTEXTelse"));
    /* it is told before a rule, which would only put it off */
    is("[-1000000060]", cap(P, 100000007, "1 1 100", "3/4=textTEXTelse"));
    /* a day later it may go; and so it may when the other one was not taken */
    is("[0]", cap(P, 100000006 + DAY, "0", "3/4=textTEXTelse"));
    is("[-1000000060]", cap(Q, 100000007, "0", "7/1=textTEXTmine"));
    script(SCRIPT_CAP, 1, Q " return 100000008 0 8/4");
    is("[0]", cap(Q, 100000009, "0", "7/1=textTEXTmine"));
    /* two in one batch */
    ask("DEL " P);
    is("[0 -10000]", cap(P " " P, 1000, "0", "7/1=textTEXTmine 8/1=textTEXTelse"));
}

/* Several rules: the first that stands in the way is told. 1 in 30 s, 2 in an hour. */
static void test_cap_rules(void **state)
{
    (void)state;
    is("[0]", cap(P, 10000000, "2 1 9970000 2 6400000", "7/1"));
    is("[-100000001]", cap(P, 10010000, "2 1 9980000 2 6410000", "8/1"));
    is("[0]", cap(P, 10030000, "2 1 10000000 2 6430000", "8/1"));
    is("[-100000002]", cap(P, 10090000, "2 1 10060000 2 6490000", "9/1"));
}

/* A campaign whose limit looks back 30 s leaves what another one's day counts. */
static void test_cap_others(void **state)
{
    (void)state;
    is("[0]", cap(P, 100000000, "1 2 13600000", "1/1"));  /* 2 in 24 h */
    is("[0]", cap(P, 100100000, "1 1 100070000", "2/1")); /* 1 in 30 s */
    is("[0]", cap(P, 100200000, "1 1 100170000", "2/2"));
    is("[-1000000001]", cap(P, 100300000, "1 2 13900000", "1/2"));
    /* a month later nothing is left of it, and the key goes by itself */
    is("[0]", cap(P, 100000000 + (int64_t)40 * DAY, "1 1 3500000000", "3/1"));
    is("3556000000 3/1,", ask("GET " P));
    /* nor does a year's jump of Redis' clock forget a month that is still looked back on */
    assert_true(strtoll(ask("PTTL " P), NULL, 10) > (int64_t)(366 + 32) * DAY);
}

/* ------------------------------------------------- heartbeat, reader, number */

static void test_heartbeat(void **state)
{
    (void)state;
    is("[OK 1 ]", script(SCRIPT_HEARTBEAT, 1, "outreach:daemon:d 5 1000 up 900"));
    is("[OK 2 ]", script(SCRIPT_HEARTBEAT, 1, "outreach:daemon:d 5 1001 up 901"));
    is("[epoch 5 seen 1001 status up wall 901 beat 2]", ask("HGETALL outreach:daemon:d"));
    /* whose key was lost has all of it again */
    ask("DEL outreach:daemon:d");
    is("[OK 1 ]", script(SCRIPT_HEARTBEAT, 1, "outreach:daemon:d 5 1001 up 901 sends"));
    is("[5 5]", ask("HMGET outreach:daemon:d epoch sends"));
    is("[OK 2 ]", script(SCRIPT_HEARTBEAT, 1, "outreach:daemon:d 5 1001 up 901 ''"));
    ask("HSET outreach:daemon:d confirmed 77"); /* a person has said so */
    is("[OK 3 77]", script(SCRIPT_HEARTBEAT, 1, "outreach:daemon:d 7 1002 up 902"));
    refused("[REPLACED 7]", SCRIPT_HEARTBEAT, 1, "outreach:daemon:d 5 1003 up 903");
}

static void test_reader(void **state)
{
    (void)state;
    twice("[OK 0-0]", SCRIPT_READER, 1, "outreach:events:reader d:1 1000 500 ''");
    refused("[OTHER d:1]", SCRIPT_READER, 1, "outreach:events:reader e:2 1499 500 ''");
    refused("[OTHER d:1]", SCRIPT_READER, 1, "outreach:events:reader e:2 1499 500 9-1");
    twice("[OK 5-1]", SCRIPT_READER, 1, "outreach:events:reader d:1 1200 500 5-1");
    refused("[OTHER d:1]", SCRIPT_READER, 1, "outreach:events:reader e:2 1699 500 ''");
    twice("[OK 5-1]", SCRIPT_READER, 1, "outreach:events:reader e:2 1700 500 ''");
    refused("[OTHER e:2]", SCRIPT_READER, 1, "outreach:events:reader d:1 1701 500 6-1");
    /* a clock was put back by hours: nobody waits that long for a reader that is dead */
    is("[OK 5-1]", script(SCRIPT_READER, 1, "outreach:events:reader e:2 9000000 500 ''"));
    is("[OK 5-1]", script(SCRIPT_READER, 1, "outreach:events:reader d:1 1800000 500 ''"));
}

static void test_number(void **state)
{
    (void)state;
    twice("1", SCRIPT_NUMBER, 1, "outreach:gateways acme 3");
    twice("2", SCRIPT_NUMBER, 1, "outreach:gateways other 3");
    twice("1", SCRIPT_NUMBER, 1, "outreach:gateways acme 3");
    twice("3", SCRIPT_NUMBER, 1, "outreach:gateways third 3");
    refused("0", SCRIPT_NUMBER, 1, "outreach:gateways fourth 3");
    is("[other 2]", ask("HMGET outreach:gateways :2 other"));
}

/* The line of alarms: a daemon takes what is due; what nobody's configuration names any more makes
 * way for what its own names; and who is named since an alarm began joins it. */
static void test_duty(void **state)
{
#define DUTY "outreach:{outreach:replies}:duty"
#define LINE SCRIPT_DUTY, 2, DUTY " " DUTY ":known "
    (void)state;
    ask("ZADD " DUTY " 100 %s 100 %s 100 %s 90000 %s", "1-0 a:+1", "1-0 gone:+2", "2-0 gone:+2",
        "3-0 gone:+2");
    is("[1-0 a:+1 1-0 gone:+2]", script(LINE "150 200 2"));
    is("[2-0 gone:+2]", script(LINE "150 200 9"));
    is("[]", script(LINE "150 200 9"));
    /* a:+1 has been told of 1-0 when exec:/b takes the other's place, and hears of it once more */
    ask("ZREM " DUTY " %s", "1-0 a:+1");
    is("[1-0 a:+1 1-0 exec:/b 2-0 a:+1 2-0 exec:/b]", script(LINE "15200 15300 9 a:+1 exec:/b"));
    is("[]", script(LINE "15200 15300 9 a:+1 exec:/b"));
    is("[3-0 gone:+2 90000]", ask("ZRANGE " DUTY " -1 -1 WITHSCORES")); /* not due */
    ask("ZREM " DUTY " %s", "2-0 a:+1");
    is("[1-0 a:+1 1-0 exec:/b 2-0 exec:/b]", script(LINE "15300 15900 9 a:+1 exec:/b"));
    ask("ZADD " DUTY " 100 nothing");
    is("[]", script(LINE "15300 15900 9 a:+1 exec:/b"));
    is("4", ask("ZCARD " DUTY));

    /* Somebody is on duty since: she hears of all that is in line, once. */
    is("[1-0 a:+1 1-0 c:+3 1-0 exec:/b 2-0 c:+3 2-0 exec:/b]",
       script(LINE "15900 16000 9 a:+1 exec:/b c:+3"));
    ask("ZREM " DUTY " %s %s %s", "1-0 c:+3", "2-0 c:+3", "1-0 a:+1");
    is("[1-0 exec:/b 2-0 exec:/b]", script(LINE "16000 16100 9 a:+1 exec:/b c:+3"));
    /* A daemon that has not heard of her leaves her to one that has, and takes her place if none
     * is. */
    ask("FLUSHALL");
    ask("ZADD " DUTY " 100 %s", "1-0 a:+1");
    is("[1-0 a:+1 1-0 c:+3]", script(LINE "100 200 9 a:+1 c:+3"));
    is("[1-0 a:+1]", script(LINE "15199 20000 9 a:+1"));
    is("[1-0 c:+3]", script(LINE "15199 15200 9 a:+1 c:+3"));
    ask("ZREM " DUTY " %s", "1-0 a:+1");
    is("[1-0 a:+1]", script(LINE "30200 40000 9 a:+1"));
    is("[1-0 a:+1]", ask("ZRANGE " DUTY " 0 -1"));
    /* What is known of an alarm goes a day after its last. */
    ask("ZADD " DUTY " 86431000 %s", "2-0 a:+1");
    is("[1-0 a:+1 2-0 a:+1]", script(LINE "86431000 86440000 9 a:+1"));
    ask("ZREM " DUTY " %s", "1-0 a:+1");
    is("[2-0 a:+1]", script(LINE "172840000 172850000 9 a:+1"));
    is("[2-0 a:+1]", ask("ZRANGE " DUTY ":known 0 -1"));
}

/* ---------------------------------------------------------- what residents send back */

#define WAITING "outreach:{c}:registration:waiting"
#define COUNTS "outreach:{c}:registration:counts"
#define PLACES "outreach:{c}:registration:places " WAITING " " COUNTS " "

/* Two places and one who may wait: in the order of their replies, once each. */
static void test_place(void **state)
{
    (void)state;
    twice("[P 1]", SCRIPT_PLACE, 3, PLACES "take +1 7 1000 2 1 9000");
    twice("[P 2]", SCRIPT_PLACE, 3, PLACES "take +2 0 1000 2 1 9000");
    twice("[W 3]", SCRIPT_PLACE, 3, PLACES "take +3 9 1000 2 1 9000");
    refused("[FULL 0]", SCRIPT_PLACE, 3, PLACES "take +4 0 1000 2 1 9000");
    refused("[P 1]", SCRIPT_PLACE, 3, PLACES "take +1 7 1000 2 1 9000");  /* has it already, */
    refused("[P 1]", SCRIPT_PLACE, 3, PLACES "take +1 7 99999 2 1 9000"); /* also too late */
    refused("[NONE 0]", SCRIPT_PLACE, 3, PLACES "give +4 0 1000 2 1 9000");
    is("2", ask("HGET outreach:{c}:registration:counts taken"));
    /* Who has waited longest has the place, and is told of it once more after a crash. */
    twice("[X 4 +3 5 9]", SCRIPT_PLACE, 3, PLACES "give +1 7 2000 2 1 9000");
    refused("[P 5]", SCRIPT_PLACE, 3, PLACES "take +3 9 2000 2 1 9000");
    is("2", ask("HGET outreach:{c}:registration:counts taken"));
    is("0", ask("ZCARD outreach:{c}:registration:waiting"));
    /* Nobody waits: the place is free. */
    twice("[X 6]", SCRIPT_PLACE, 3, PLACES "give +2 0 3000 2 1 9000");
    is("1", ask("HGET outreach:{c}:registration:counts taken"));
    /* A long time after, 取消 means something else. */
    refused("[X 6]", SCRIPT_PLACE, 3, PLACES "give +2 0 602999 2 1 9000");
    refused("[NONE 0]", SCRIPT_PLACE, 3, PLACES "give +2 0 603000 2 1 9000");
    twice("[P 7]", SCRIPT_PLACE, 3, PLACES "take +2 0 4000 2 1 9000"); /* who comes back */
    twice("[W 8]", SCRIPT_PLACE, 3, PLACES "take +5 0 4000 2 1 9000");
    twice("[X 9]", SCRIPT_PLACE, 3, PLACES "give +5 0 4000 2 1 9000"); /* waits no more */
    is("2", ask("HGET outreach:{c}:registration:counts taken"));
    is("0", ask("ZCARD outreach:{c}:registration:waiting"));
    refused("[CLOSED 0]", SCRIPT_PLACE, 3, PLACES "take +6 0 9000 0 1 9000");
    twice("[P 10]", SCRIPT_PLACE, 3, PLACES "take +6 0 8999 0 0 9000");  /* no end of places */
    twice("[X 11]", SCRIPT_PLACE, 3, PLACES "give +6 0 99999 0 0 9000"); /* is never too late */
}

/* An address that Lua's patterns would read. */
/* The campaign was amended meanwhile: there are more places, or fewer. */
static void test_place_capacity(void **state)
{
    (void)state;
    is("[P 1]", script(SCRIPT_PLACE, 3, PLACES "take +1 1 1000 1 3 9000"));
    is("[W 2]", script(SCRIPT_PLACE, 3, PLACES "take +2 2 1000 1 3 9000"));
    is("[W 3]", script(SCRIPT_PLACE, 3, PLACES "take +3 3 1000 1 3 9000"));
    /* two: it is hers who has waited longest, and who comes now waits */
    twice("[W 4 +2 5 2]", SCRIPT_PLACE, 3, PLACES "take +4 4 2000 2 3 9000");
    is("[2 5]", ask("HMGET " COUNTS " taken seq"));
    is("[+3 +4]", ask("ZRANGE " WAITING " 0 -1"));
    /* enough for all of them, and who comes: one a call moves up */
    twice("[P 6 +3 7 3]", SCRIPT_PLACE, 3, PLACES "take +5 5 3000 5 3 9000");
    is("[4 7]", ask("HMGET " COUNTS " taken seq"));
    twice("[X 8 +4 9 4]", SCRIPT_PLACE, 3, PLACES "give +5 5 3000 5 3 9000");
    is("[4 9]", ask("HMGET " COUNTS " taken seq"));
    is("[]", ask("ZRANGE " WAITING " 0 -1"));
    /* two again: what is given back is nobody's before fewer than two are taken */
    is("[W 10]", script(SCRIPT_PLACE, 3, PLACES "take +6 6 3000 2 3 9000"));
    twice("[X 11]", SCRIPT_PLACE, 3, PLACES "give +1 1 3000 2 3 9000");
    twice("[X 12]", SCRIPT_PLACE, 3, PLACES "give +2 2 3000 2 3 9000");
    is("[2 12]", ask("HMGET " COUNTS " taken seq"));
    twice("[X 13 +6 14 6]", SCRIPT_PLACE, 3, PLACES "give +3 3 3000 2 3 9000");
    is("[2 14]", ask("HMGET " COUNTS " taken seq"));
    /* Who waits no more makes room for nobody but the next; a full list takes none. */
    is("[W 15]", script(SCRIPT_PLACE, 3, PLACES "take +7 7 3000 2 1 9000"));
    refused("[FULL 0]", SCRIPT_PLACE, 3, PLACES "take +8 8 3000 2 1 9000");
    is("[W 16 +7 17 7]", script(SCRIPT_PLACE, 3, PLACES "take +8 8 3000 3 1 9000"));
    twice("[X 18]", SCRIPT_PLACE, 3, PLACES "give +8 8 3000 4 1 9000");
    is("[3 18]", ask("HMGET " COUNTS " taken seq"));
}

static void test_place_odd_address(void **state)
{
    (void)state;
    is("[P 1]", script(SCRIPT_PLACE, 3, PLACES "take %s 3 1000 1 1 9000", "%d+"));
    is("[W 2]", script(SCRIPT_PLACE, 3, PLACES "take %s 4 1000 1 1 9000", "^.*$"));
    is("[X 3 ^.*$ 4 4]", script(SCRIPT_PLACE, 3, PLACES "give %s 3 1000 1 1 9000", "%d+"));
    is("[X 3 ^.*$ 4 4]", script(SCRIPT_PLACE, 3, PLACES "give %s 3 1000 1 1 9000", "%d+"));
}

#define ANSWERS "outreach:{c}:answers:given outreach:{c}:answers:sums "

static void test_answer(void **state)
{
    (void)state;
    is("[COUNTED 1]", script(SCRIPT_ANSWER, 2, ANSWERS "+1 7 A 1000 9000 0"));
    refused("[AGAIN 1]", SCRIPT_ANSWER, 2, ANSWERS "+1 7 A 1000 9000 0");
    is("[COUNTED 2]", script(SCRIPT_ANSWER, 2, ANSWERS "+2 0 A 1000 9000 0"));
    is("[COUNTED 3]", script(SCRIPT_ANSWER, 2, ANSWERS "+1 7 B 1000 9000 0")); /* the last */
    is("[1 1]", ask("HMGET outreach:{c}:answers:sums A B"));
    refused("[KEPT 3]", SCRIPT_ANSWER, 2, ANSWERS "+1 7 A 1000 9000 1"); /* the first */
    refused("[CLOSED 0]", SCRIPT_ANSWER, 2, ANSWERS "+3 0 A 9000 9000 0");
    refused("[AGAIN 3]", SCRIPT_ANSWER, 2, ANSWERS "+1 7 B 9000 9000 0"); /* heard before */
    is("[1 1]", ask("HMGET outreach:{c}:answers:sums A B"));
}

/* ----------------------------------------------- keys that are something else */

#define REPLIES                                                                                    \
    "outreach:replies outreach:{outreach:replies}:late outreach:{outreach:replies}:open "          \
    "outreach:{outreach:replies}:duty"

/* What a provider sends again is stored once; another's, another text or none of their ids is new.
 */
static void test_reply(void **state)
{
    (void)state;
    twice("1", SCRIPT_REPLY, 4, REPLIES " 1000 id1 acme +86138 1069 reply yes '' 0 0");
    refused("1", SCRIPT_REPLY, 4, REPLIES " 259201000 id1 acme +86138 1069 reply yes '' 0 0");
    is("1", ask("XLEN outreach:replies"));
    twice("1", SCRIPT_REPLY, 4, REPLIES " 2000 id2 acme +86138 1069 reply yes '' 0 0");
    twice("1", SCRIPT_REPLY, 4, REPLIES " 2000 id1 other +86138 1069 reply yes '' 0 0");
    twice("1", SCRIPT_REPLY, 4, REPLIES " 2000 id1 acme +86139 1069 reply yes '' 0 0");
    twice("1", SCRIPT_REPLY, 4, REPLIES " 2000 id1 acme +86138 1069 reply no '' 0 0");
    is("5", ask("XLEN outreach:replies"));
    is("1", script(SCRIPT_REPLY, 4, REPLIES " 3000 '' acme +86138 1069 reply yes '' 0 0"));
    is("1", script(SCRIPT_REPLY, 4, REPLIES " 3000 '' acme +86138 1069 reply yes '' 0 0"));
    is("7", ask("XLEN outreach:replies"));
    /* It is remembered for three days, */
    assert_in_range(atol(ask("PTTL outreach:{outreach:replies}:late")), 3 * 86400000 - 600000,
                    3 * 86400000);
    is("1", script(SCRIPT_REPLY, 4, REPLIES " 259201500 id9 acme +86138 1069 reply yes '' 0 0"));
    is("5", ask("ZCARD outreach:{outreach:replies}:late"));
    /* and no more than a hundred thousand are. */
    ask("EVAL %s 1 outreach:{outreach:replies}:late",
        "for i = 1, 100000 do redis.call('ZADD', KEYS[1], 259202000, i) end");
    is("1", script(SCRIPT_REPLY, 4, REPLIES " 259203000 id10 acme +86138 1069 reply yes '' 0 0"));
    is("100000", ask("ZCARD outreach:{outreach:replies}:late"));
}

/* What a person has to see is open, and a cry for help goes to each of the duty people. */
static void test_reply_open(void **state)
{
    (void)state;
    twice("1", SCRIPT_REPLY, 4, REPLIES " 1000 id1 acme +86138 1069 reply huh fair 7 1");
    twice("1", SCRIPT_REPLY, 4, REPLIES " 1000 id2 acme +86138 1069 answer yes fair 7 0");
    is("1", ask("HLEN outreach:{outreach:replies}:open"));
    is("0", ask("ZCARD outreach:{outreach:replies}:duty"));
    twice("1", SCRIPT_REPLY, 4, REPLIES " 1000 id3 acme +86138 1069 alarm help fair 7 1 a b:+1");
    is("2", ask("HLEN outreach:{outreach:replies}:open"));
    is("2", ask("ZCOUNT outreach:{outreach:replies}:duty 1000 1000"));
}

#define FORGET                                                                                     \
    "outreach:replies outreach:{outreach:replies}:open outreach:{outreach:replies}:answered "      \
    "outreach:{outreach:replies}:forgotten"

/* Old ones go, a piece at a time, with what is known of their answers; what is open stays, however
 * old, and a refusal until it is older than those are kept. */
static void test_forget(void **state)
{
    (void)state;
    ask("XADD outreach:replies 1000-0 kind answer text A");
    ask("XADD outreach:replies 1000-1 kind reply text answered");
    ask("XADD outreach:replies 1100-0 kind alarm text closed");
    ask("XADD outreach:replies 1200-0 kind reply text open");
    ask("XADD outreach:replies 1300-0 kind alarm text open");
    ask("XADD outreach:replies 1400-0 kind optout text TD");
    ask("XADD outreach:replies 2000-0 kind reply text new");
    ask("HSET outreach:{outreach:replies}:open 1200-0 '' 1300-0 ann");
    ask("HSET outreach:{outreach:replies}:answered 1000-1 x 2000-0 y");
    is("[3 3 1]", script(SCRIPT_FORGET, 4, FORGET " 2000 1000 3"));
    is("[3 0 0]", script(SCRIPT_FORGET, 4, FORGET " 2000 1000 3"));
    refused("[0 0 0]", SCRIPT_FORGET, 4, FORGET " 2000 1000 0");
    is("[0 0 0]", script(SCRIPT_FORGET, 4, FORGET " 2000 1000 3"));
    is("[[1200-0 [kind reply text open]] [1300-0 [kind alarm text open]] [1400-0 [kind optout text "
       "TD]] [2000-0 [kind reply text new]]]",
       ask("XRANGE outreach:replies - +"));
    is("[2000-0]", ask("HKEYS outreach:{outreach:replies}:answered"));
    /* Closed, it goes at the next round; and the refusal in its time. */
    ask("HDEL outreach:{outreach:replies}:open 1300-0");
    is("[3 1 1]", script(SCRIPT_FORGET, 4, FORGET " 2000 1400 100"));
    is("[2 1 0]", script(SCRIPT_FORGET, 4, FORGET " 2000 1401 100"));
    twice("[1 0 0]", SCRIPT_FORGET, 4, FORGET " 2000 1401 100");
    is("2", ask("XLEN outreach:replies"));
}

static const struct wrong {
    const char *name;
    enum script script;
    const char *prepare; /* "queued", "open", or commands by ; */
    const char *keys[6];
    const char *arguments;
    unsigned replaced; /* bit k: what stands there is thrown away anyway */
} wrongs[] = {
    {"place",
     SCRIPT_PLACE,
     "",
     {"outreach:{c}:registration:places", "outreach:{c}:registration:waiting",
      "outreach:{c}:registration:counts"},
     "take +1 7 1000 2 1 9000",
     0},
    {"answer",
     SCRIPT_ANSWER,
     "",
     {"outreach:{c}:answers:given", "outreach:{c}:answers:sums"},
     "+1 7 A 1000 9000 0",
     0},
    {"forget",
     SCRIPT_FORGET,
     "XADD outreach:replies 1000-0 kind reply text x",
     {"outreach:replies", "outreach:{outreach:replies}:open",
      "outreach:{outreach:replies}:answered", "outreach:{outreach:replies}:forgotten"},
     "2000 2000 1",
     0},
    {"told", SCRIPT_TOLD, "", {"outreach:{last}:1:1"}, "100 +1 x", 0},
    {"add", SCRIPT_ADD, "HSET " C " state loading token t last 0", {C, AUDIENCE}, "t 0 a b", 0},
    {"queue",
     SCRIPT_QUEUE,
     "HSET " C " state loading token t last 3",
     {C, REMINDER, "outreach:{c}:s"},
     "e1 h {} t 3 r-s 5 ann 10 20 scheduled 10 20 scheduled",
     0},
    {"flag",
     SCRIPT_FLAG,
     "open;HSET outreach:{c}:s state open c0 0 c2 0 seq 0",
     {C, REMINDER, "outreach:{c}:s"},
     "cancel 5 ann",
     0},
    {"open", SCRIPT_OPEN, "queued", {REMINDER, LEDGER}, "OLG1............ 1000 1", 2},
    {"claim a range", SCRIPT_CLAIM, "open", {REMINDER, LEASES, RETRY}, "d:1:1 4 1100 9000 3", 0},
    {"claim an orphan",
     SCRIPT_CLAIM,
     "open;HSET " REMINDER " orphans 1;HSET " LEASES " :1 1_4_0_0",
     {REMINDER, LEASES, RETRY},
     "d:1:1 4 1100 9000 3",
     0},
    {"claim retries",
     SCRIPT_CLAIM,
     "open;HSET " REMINDER " c1 2;ZADD " RETRY " 5 1 6 2",
     {REMINDER, LEASES, RETRY},
     "d:1:1 4 1100 9000 3",
     0},
    {"release",
     SCRIPT_RELEASE,
     "open;HSET " LEASES " d:1:1 1_4_0_1",
     {REMINDER, LEASES},
     "d:1:1 1 4 0",
     0},
    {"finish", /* of the others it only asks whether they are there */
     SCRIPT_FINISH,
     "open;HSET " REMINDER " c0 0 c5 4 cursor 4",
     {REMINDER, LEASES, RETRY},
     "1500",
     6},
    {"number", SCRIPT_NUMBER, "PING", {"outreach:gateways"}, "acme 255", 0},
    {"reader", SCRIPT_READER, "PING", {"outreach:events:reader"}, "d:1 1000 500 ''", 0},
    {"heartbeat", SCRIPT_HEARTBEAT, "PING", {"outreach:daemon:d"}, "1 1000 up 1000", 0},
    {"cap", SCRIPT_CAP, "PING", {P, Q}, "reserve 1000 1 1 500 7/1 7/2", 0},
    {"index",
     SCRIPT_INDEX,
     "HSET outreach:{gw:a}:parked 12 D",
     {"outreach:{gw:a}:parked", "outreach:{gw:a}:r:1", "outreach:{gw:a}:r:2"},
     "500 '' \x02"
     "01"
     "ABCDEFGHIJKLM '' \x02"
     "02"
     "ABCDEFGHIJKLM",
     0},
    {"reply",
     SCRIPT_REPLY,
     "PING",
     {"outreach:replies", "outreach:{outreach:replies}:late", "outreach:{outreach:replies}:open",
      "outreach:{outreach:replies}:duty"},
     "1000 id1 acme +8613851401000 1069 reply hello fair 7 1 duty:+8613851401001",
     0},
    {"note", SCRIPT_NOTE, "PING", {"outreach:audit"}, "op cancel", 0},
    {"tick", SCRIPT_TICK, "PING", {"outreach:{c}:called"}, "2 1 99 ann", 0},
    {"refuse", SCRIPT_REFUSE, "PING", {"outreach:optout"}, "+8613851401000", 0},
    {"receipts",
     SCRIPT_RECEIPTS,
     "ZADD outreach:{gw:a}:ages 5 old;HSET outreach:{gw:a}:parked old D",
     {"outreach:{gw:a}:parked", "outreach:{gw:a}:ages", "outreach:{gw:a}:r:1",
      "outreach:{gw:a}:r:2"},
     "1000 10 50 1 01 101 D 1 02 202 D",
     0},
    {"resident",
     SCRIPT_RESIDENT,
     "HSET " REGISTER " tags old",
     {REGISTER, REGISTER ":rows", REGISTER ":addresses", REGISTER ":tag:1"},
     "first import 2 '' +1 +1\x1f"
     "ann 1",
     0},
    {"erase",
     SCRIPT_ERASE,
     "HSET " REGISTER ":rows 3 ann;HSET " REGISTER ":addresses +1 3;SETBIT " REGISTER
     ":tag:1 3 1;SETBIT " REGISTER ":tag:2 3 1",
     {REGISTER ":rows", REGISTER ":addresses", REGISTER ":tag:1", REGISTER ":tag:2"},
     "+1 3",
     0},
    {"tag", SCRIPT_TAG, "PING", {REGISTER ":tag:1"}, "0 a add", 0},
    {"labels", SCRIPT_LABELS, "PING", {REGISTER}, "tags 5 old", 0},
    {"append",
     SCRIPT_APPEND,
     "open",
     {C, AUDIENCE, "outreach:{c}:appends", "outreach:{c}:corrected", REMINDER, LEDGER},
     "t1 '' '' 100 1000 9000 row ''",
     0},
    {"amend",
     SCRIPT_AMEND,
     "open;HSET " C " version 1",
     {C, "outreach:{c}:versions", REMINDER},
     "9-0 h2 {} 2 r 5 ann '' '' begun 1 2",
     0},
    {"amend, to call it off",
     SCRIPT_CALL_OFF,
     "open;HSET " C " version 1",
     {C, "outreach:{c}:versions", REMINDER},
     "9-0 h2 {} 2 r 5 ann event cancelled begun 1 2",
     0},
    {"approve",
     SCRIPT_APPROVE,
     "queued;HSET " C " state awaiting by bob hash h",
     {C, REMINDER},
     "h '' '' 5 ann 10 scheduled",
     0},
    {"corrected", SCRIPT_CORRECTED, "HSET " C " correct 2 correct_at 1", {C}, "2 1 5", 0},
    {"repair", SCRIPT_REPAIR, "open", {REMINDER, LEASES, RETRY}, "0 2 1 c0 1 1 1 2 1000 3", 0},
    {"restore", SCRIPT_RESTORE, "open", {REMINDER, LEDGER}, "OLG1............ 1000", 0},
    {"duty",
     SCRIPT_DUTY,
     "ZADD outreach:{outreach:replies}:duty 5 a",
     {"outreach:{outreach:replies}:duty", "outreach:{outreach:replies}:duty:known"},
     "10 20 5",
     0},
    {"share", SCRIPT_SHARE, "PING", {"outreach:{gw:a}:shares"}, "d 0 10 1 0", 0},
    {"sealed",
     SCRIPT_SEALED,
     "PING",
     {"outreach:{gw:a}:token", "outreach:{gw:a}:token:maker"},
     "get d '' 1000",
     0},
    {"marker", SCRIPT_MARKER, "PING", {MARKER}, "beat '' 0 fresh 1000", 0},
    {"discard", SCRIPT_DISCARD, "HSET " C " state loading token t", {C, AUDIENCE}, "t", 2},
};

static void test_all_wrong(void **state)
{
    (void)state;
    for (unsigned s = 0; s < SCRIPT_COUNT; s++) {
        bool found = s == SCRIPT_INTEND || s == SCRIPT_SETTLE /* test_wrong_move() */ ||
                     s == SCRIPT_EARLIER || s == SCRIPT_COPY; /* write nothing */

        for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++)
            found = found || wrongs[i].script == (enum script)s;
        if (!found)
            fail_msg("%s: nobody gives it wrong keys", script_name((enum script)s));
    }
}

static void run_line(const char *line)
{
    char *copy = xstrdup(line), *save = NULL;

    for (char *p = strtok_r(copy, ";", &save); p != NULL; p = strtok_r(NULL, ";", &save)) {
        if (strcmp(p, "queued") == 0)
            queued(4);
        else if (strcmp(p, "open") == 0)
            opened(4);
        else
            assert_true(strncmp(ask(p), "(error)", 7) != 0);
    }
    free(copy);
    ask("EVAL %s 1 " LEASES,
        "for _, f in ipairs(redis.call('HKEYS', KEYS[1])) do redis.call('HSET', "
        "KEYS[1], f, (string.gsub(redis.call('HGET', KEYS[1], f), '_', ' '))) end");
}

static const char *call(const struct wrong *w, unsigned nkeys)
{
    char line[1024] = "";

    for (unsigned k = 0; k < nkeys; k++)
        snprintf(line + strlen(line), sizeof line - strlen(line), "%s ", w->keys[k]);
    strcat(line, w->arguments);
    return script(w->script, nkeys, "%s", line);
}

static void test_wrong(void **state)
{
    const struct wrong *w = *state;
    unsigned nkeys = 0;
    char before[64];

    while (nkeys < sizeof w->keys / sizeof *w->keys && w->keys[nkeys] != NULL)
        nkeys++;
    run_line(w->prepare);
    snprintf(before, sizeof before, "%s", digest());
    assert_string_not_equal(call(w, nkeys), "");
    assert_string_not_equal(before, digest()); /* with the right keys it does something */
    for (unsigned k = 0; k < nkeys; k++) {
        const char *answer;

        if (w->replaced & 1u << k)
            continue;
        ask("FLUSHALL");
        run_line(w->prepare);
        ask("DEL %s", w->keys[k]);
        ask("RPUSH %s x", w->keys[k]);
        snprintf(before, sizeof before, "%s", digest());
        answer = call(w, nkeys);
        if (strcmp(before, digest()) != 0 || strncmp(answer, "(error)", 7) != 0)
            fail_msg("key %u (%s): %s", k, w->keys[k], answer);
    }
}

/* move, whose arguments are bytes */
static void test_wrong_move(void **state)
{
    static const char *const keys[] = {REMINDER, LEDGER, RETRY};
    char before[64];

    (void)state;
    for (unsigned k = 0; k < 3; k++)
        for (int kind = -1; kind < 2; kind++) {
            struct moves_target target = {.campaign = "c", .reminder = "r"};
            struct command c = COMMAND_INIT;
            struct error err;

            ask("FLUSHALL");
            opened(4);
            ask("DEL %s", keys[k]);
            ask("RPUSH %s x", keys[k]);
            snprintf(before, sizeof before, "%s", digest());
            forget();
            move(1, untouched, record_of(NOTICE_SENDING, 1), kind * 1000);
            move(3, untouched, record_of(NOTICE_SENDING, 2), kind < 0 ? RETRY_REMOVE : kind);
            if (kind < 0)
                batch.list[0].retry = RETRY_REMOVE;
            moves_command(&batch, &target, &c);
            if (k < 2 || kind != 0)
                assert_int_equal(db_ask(f.db, &c, NULL, &err), -1);
            else
                db_ask(f.db, &c, NULL, &err);
            if (k < 2 || kind != 0)
                is(before, digest());
            command_free(&c);
        }
}

/* ------------------------------------------------------------- told by a person */

/* The first who told her stays, whoever hands in hers behind it, until the event is another. */
static void test_tick(void **state)
{
    static const struct {
        const char *version, *value, *answer, *stands;
    } rows[] = {
        {"1", "by ann", "1", "by ann"}, /* of the first version, which it does not name */
        {"1", "by bob\nversion 1", "0", "by ann"},
        {"1", "by ann", "1", "by ann"}, /* the same once more, its answer was lost */
        {"3", "by bob\nversion 3\nversion 9", "1", "by bob\nversion 3\nversion 9"},
        {"3", "by eve\nversion 3", "0", "by bob\nversion 3\nversion 9"},
        {"2", "by eve\nversion 2", "0", "by bob\nversion 3\nversion 9"},
        {"4", "by eve\nversion 100", "1", "by eve\nversion 100"},
        {"2", "by ann\nversion 2", "1", "by ann\nversion 2"}, /* no such version: the first */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf stands = BUF_INIT(256);

        for (const char *p = rows[i].stands; *p != '\0'; p++) /* as it is rendered */
            buf_puts(&stands, *p == '\n' ? "\\x0a" : (char[]){*p, '\0'});
        is(rows[i].answer, ask("EVALSHA %s 1 outreach:{c}:called 7 %s 99 %s",
                               script_sha(SCRIPT_TICK), rows[i].version, rows[i].value));
        is(buf_string(&stands), ask("HGET outreach:{c}:called 7"));
        buf_free(&stands);
    }
    is("1", ask("HLEN outreach:{c}:called"));
}

/* --------------------------------------------------------------- Redis that forgot */

/* op, the install and the tick that the caller knows */
#define ASK(op, install, tick) SCRIPT_MARKER, 1, MARKER " " op " " install " " tick " fresh 1000"

static void test_marker(void **state)
{
    (void)state;
    refused("[good  0]", ASK("look", "''", "0"));
    is("[good fresh 1]", script(ASK("beat", "''", "0")));
    is("[good fresh 2]", script(ASK("beat", "fresh", "1")));
    is("[good fresh 3]", script(ASK("beat", "fresh", "1"))); /* a repeat, or another daemon */
    is("[good fresh 4]", script(ASK("beat", "''", "0")));    /* a host that is new */
    refused("[good fresh 4]", ASK("look", "fresh", "4"));
    refused("[foreign fresh 4]", ASK("beat", "other", "1"));
    refused("[foreign fresh 4]", ASK("doubt", "other", "9"));
    refused("[older fresh 4]", ASK("look", "fresh", "5"));
}

/* What is in doubt stays so for everybody, whatever they know, until a person speaks. */
static void test_marker_doubt(void **state)
{
    static const char *const verdicts[] = {"empty", "older", "older"};

    (void)state;
    for (int i = 0; i < 3; i++) {
        ask("FLUSHALL");
        if (i > 0)
            script(ASK("beat", "fresh", "0"));
        if (i > 0)
            script(ASK("trust", "fresh", "0"));
        if (i == 2)
            script(ASK("doubt", "fresh", "0"));
        else
            script(ASK("beat", "fresh", "5000"));
        is(verdicts[i], ask("HGET " MARKER " doubt"));
        is("fresh", ask("HGET " MARKER " install"));
        refused(i == 0 ? "[empty fresh 0]" : "[older fresh 1001 1]", ASK("beat", "fresh", "5"));
        refused(i == 0 ? "[empty fresh 0]" : "[older fresh 1001 1]", ASK("beat", "''", "0"));
        is(i == 0 ? "[good fresh 1001 1]" : "[good fresh 1003 1]",
           script(ASK("trust", "fresh", "5")));
        is("[(nil) (nil)]", ask("HMGET " MARKER " doubt since"));
        is(i == 0 ? "[good fresh 1002 1]" : "[good fresh 1004 1]",
           script(ASK("beat", "fresh", "5")));
    }
}

/* The refusals are sealed once. Who finds them unsealed after that brings all in doubt; before
 * it, or where more is lost, there is nothing to say of them. */
static void test_marker_seal(void **state)
{
    (void)state;
    is("[good fresh 1]", script(ASK("unsealed", "''", "0")));
    is("[good fresh 2 1]", script(ASK("seal", "fresh", "1")));
    is("[good fresh 3 1]", script(ASK("beat", "fresh", "2")));
    refused("[good fresh 3 1]", ASK("look", "fresh", "3"));
    refused("[foreign fresh 3 1]", ASK("seal", "other", "3"));
    is("[refusals fresh 3 1]", script(ASK("unsealed", "fresh", "3")));
    refused("[refusals fresh 3 1]", ASK("beat", "fresh", "3"));
    refused("[refusals fresh 3 1]", ASK("seal", "fresh", "3"));
    is("[good fresh 1001 1]", script(ASK("trust", "fresh", "3")));
    ask("FLUSHALL");
    is("[empty fresh 0]", script(ASK("unsealed", "fresh", "1001")));
    refused("[empty fresh 0]", ASK("seal", "fresh", "1001"));
}

/* A ledger comes back where there is none; one that is there keeps what it has. */
static void test_restore(void **state)
{
    (void)state;
    refused("[GONE]", SCRIPT_RESTORE, 2, REMINDER " " LEDGER " OLG1rrrrrrrrrrrr 5000");
    queued(5);
    is("[scheduled 5 OLG1rrrrrrrrrrrr]",
       script(SCRIPT_RESTORE, 2, REMINDER " " LEDGER " OLG1rrrrrrrrrrrr 5000"));
    is("96", ask("STRLEN " LEDGER));
    is("[open 5000 5000 0 5 0]", ask("HMGET " REMINDER " state begun seq cursor c0 c5"));
    ask("SETRANGE " LEDGER " 16 Paaaaaaaaaaaaaaa");
    is("[open 5 OLG1rrrrrrrrrrrr]",
       script(SCRIPT_RESTORE, 2, REMINDER " " LEDGER " OLG1ssssssssssss 5000"));
    is("P", ask("GETRANGE " LEDGER " 16 16"));
    is("5001", ask("HGET " REMINDER " seq"));
    ask("DEL " LEDGER); /* lost alone: all of it is to be filled in */
    ask("HSET " REMINDER " c0 1 c5 4 cursor 5");
    is("[open 5 OLG1ssssssssssss]",
       script(SCRIPT_RESTORE, 2, REMINDER " " LEDGER " OLG1ssssssssssss 6000"));
    is("[0 5 0]", ask("HMGET " REMINDER " cursor c0 c5"));
    ask("HSET " REMINDER " state skipped");
    refused("[skipped 5]", SCRIPT_RESTORE, 2, REMINDER " " LEDGER " OLG1ssssssssssss 7000");
}

/* Applied once, whoever repeats it; what is there already stays. */
static void test_repair(void **state)
{
    const char *call = REMINDER " " LEASES " " RETRY " 0 4 2 c0 -4 c5 4 1 2 3 900 4";

    (void)state;
    opened(5);
    ask("HSET " LEASES " :5 5_5_1_0");
    ask("ZADD " RETRY " 7 4");
    is("[OK]", script(SCRIPT_REPAIR, 3, "%s", call));
    is("[1 4 4 2 1]", ask("HMGET " REMINDER " c0 c5 cursor orphans repairs"));
    is("2 3 0 0", ask("HGET " LEASES " :2"));
    is("7", ask("ZSCORE " RETRY " 4"));
    refused("[OTHER]", SCRIPT_REPAIR, 3, "%s", call);
    ask("HSET " REMINDER " cursor 5");
    is("[OK]", script(SCRIPT_REPAIR, 3, REMINDER " " LEASES " " RETRY " 1 4 0 0"));
    is("5", ask("HGET " REMINDER " cursor")); /* claims have moved it on meanwhile */
}

/* Counters that are lost count as nothing, and no script breaks off in the middle for it. */
static void test_lost_counters(void **state)
{
    (void)state;
    opened(2);
    ask("HDEL " REMINDER " c0 c1 c2 c3 c4 c5 c6 c7 c8 c9 c10 c11 c12 cursor orphans");
    is("[RANGE  1 2 0 1]",
       script(SCRIPT_CLAIM, 3, REMINDER " " LEASES " " RETRY " d:1:1 4 1100 9000 3"));
    ask("SETRANGE " LEDGER " 16 @aaaaaaaaaaaaaaa"); /* accepted, then delivered */
    is("[OK 2]", script(SCRIPT_SETTLE, 3,
                        REMINDER " " LEDGER " " RETRY
                                 " outcome 1100 1 0 1 1 @aaaaaaaaaaaaaaa Paaaaaaaaaaaaaaa ''"));
    is("[(nil) (nil) (nil) (nil) -1 1]", ask("HMGET " REMINDER " c0 c1 c2 c3 c4 c5"));
    is("[OPEN 0 0 counters]", script(SCRIPT_FINISH, 3, REMINDER " " LEASES " " RETRY " 1500"));
}

/* Nor for one that is no number any more: what was written is counted. */
static void test_damaged_counters(void **state)
{
    (void)state;
    opened(2);
    ask("HSET " REMINDER " c4 many c5 1,5");
    ask("SETRANGE " LEDGER " 16 @aaaaaaaaaaaaaaa"); /* accepted, then delivered */
    is("[OK 2]", script(SCRIPT_SETTLE, 3,
                        REMINDER " " LEDGER " " RETRY
                                 " outcome 1100 1 0 1 1 @aaaaaaaaaaaaaaa Paaaaaaaaaaaaaaa ''"));
    is("Paaaaaaaaaaaaaaa", ask("GETRANGE " LEDGER " 16 31"));
    is("[2 -1 1]", ask("HMGET " REMINDER " seq c4 c5"));
}

/* Another row, another order or one row less is another list. */
static void test_digest(void **state)
{
    static const char *const lists[] = {"t 0 a b", "t 0 a c", "t 0 b a", "t 0 a", "t 0 ab"};
    char digests[5][64];

    (void)state;
    for (int i = 0; i < 5; i++) {
        ask("FLUSHALL");
        script(SCRIPT_ADD, 2, C " " AUDIENCE " %s", lists[i]);
        snprintf(digests[i], sizeof digests[i], "%s", ask("HGET " C " digest"));
        assert_int_equal(strlen(digests[i]), 40);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(digests[i], digests[k]);
    }
    script(SCRIPT_ADD, 2, C " " AUDIENCE " other 0 a b"); /* of an upload that was replaced */
    is(digests[0], ask("HGET " C " digest"));
}

/* ------------------------------------------------------------------------ all */

/* Every script is there, under the name that Redis gives it. */
static void test_loaded(void **state)
{
    (void)state;
    for (enum script s = 0; s < SCRIPT_COUNT; s++) {
        redisReply *r = redisCommand(f.raw, "SCRIPT EXISTS %s", script_sha(s));
        size_t n;

        assert_int_equal(r->element[0]->integer, 1);
        freeReplyObject(r);
        assert_int_equal(strncmp(script_source(s, &n), "#!lua", 5), 0);
        assert_true(n > 50);
    }
}

/* A step is one script that happens whole or not at all: Redis is told so (#!lua), no
 * error is caught and passed over, a key is one of KEYS, loops have an end, and nothing
 * depends on the server's clock or on luck. No stream loses an entry, but that of the replies,
 * which is no audience: its ids are nobody's numbers. */
static void lint(const char *name, char *source)
{
    static const char *const never[] = {"pcall",   "while true", "repeat", "goto",  "'TIME'",
                                        "'SPOP'",  "'KEYS'",     "'EVAL",  "'SCAN", "random",
                                        "TRIM",    "MAXLEN",     "MINID",  "XDEL",  "loadstr",
                                        "setmeta", "rawset(",    "_G"};
    size_t calls = 0;

    for (char *p = source; (p = strstr(p, "--")) != NULL;) /* comments may say what they like */
        while (*p != '\n' && *p != '\0')
            *p++ = ' ';
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (strstr(source, never[i]) != NULL &&
            (strcmp(name, "forget") != 0 || strcmp(never[i], "XDEL") != 0))
            fail_msg("%s: %s", name, never[i]);
    for (const char *p = source; (p = strstr(p, "redis.")) != NULL; calls++) {
        static const char pure[] = "redis.sha1hex(";

        if (strncmp(p, pure, sizeof pure - 1) == 0) {
            p += sizeof pure - 1;
            continue;
        }
        const char *end = strncmp(p, "redis.call('", 12) == 0 ? strchr(p + 12, '\'') : NULL;

        if (end == NULL || strncmp(end, "', KEYS[", 8) != 0)
            fail_msg("%s: %.40s", name, p);
        p = end;
    }
    assert_true(calls > 0);
}

/* Only what this upload has brought, and only while it is not queued. */
static void test_discard(void **state)
{
    (void)state;
    ask("HSET " C " state loading token t");
    ask("XADD " AUDIENCE " 1-0 r x");
    is("0", script(SCRIPT_DISCARD, 2, C " " AUDIENCE " u"));
    ask("HSET " C " state active");
    is("0", script(SCRIPT_DISCARD, 2, C " " AUDIENCE " t"));
    is("2", ask("EXISTS " C " " AUDIENCE));
    ask("HSET " C " state loading");
    is("1", script(SCRIPT_DISCARD, 2, C " " AUDIENCE " t"));
    is("0", ask("EXISTS " C " " AUDIENCE));
}

/* What is there together, and where nothing is. */
static void test_copy(void **state)
{
    (void)state;
    is("[(nil) [] [] []]", script(SCRIPT_COPY, 4, LEDGER " " REMINDER " " LEASES " " RETRY));
    ask("SET " LEDGER " bytes");
    ask("HSET " REMINDER " c0 1");
    ask("HSET " LEASES " d 1_2");
    ask("ZADD " RETRY " 5 7");
    is("[bytes [c0 1] [d 1_2] [7]]",
       script(SCRIPT_COPY, 4, LEDGER " " REMINDER " " LEASES " " RETRY));
}

static void test_lint(void **state)
{
    (void)state;
    for (enum script s = 0; s < SCRIPT_COUNT; s++) {
        size_t n;
        char *source = xstrdup(script_source(s, &n));

        assert_true(strncmp(source, "#!lua\n", 6) == 0 ||
                    strncmp(source, "#!lua flags=allow-oom\n", 22) == 0 ||
                    strncmp(source, "#!lua flags=no-writes\n", 22) == 0);
        lint(script_name(s), source);
        free(source);
    }
}

#define TEST(fn) cmocka_unit_test_setup(fn, empty)
#define COUNT(a) (sizeof(a) / sizeof *(a))

int main(void)
{
    static const struct CMUnitTest all[] = {
        TEST(test_loaded),
        TEST(test_lint),
        TEST(test_discard),
        TEST(test_copy),
        TEST(test_add),
        TEST(test_add_replaced),
        TEST(test_queue),
        TEST(test_queue_nobody),
        TEST(test_flag),
        TEST(test_flag_old),
        TEST(test_flag_scheduled),
        TEST(test_flag_done),
        TEST(test_flag_damaged),
        TEST(test_flag_damaged_sending),
        TEST(test_open),
        TEST(test_claim_range),
        TEST(test_claim_closed),
        TEST(test_claim_flags),
        TEST(test_claim_orphans),
        TEST(test_claim_slices),
        TEST(test_claim_alone),
        TEST(test_claim_retry),
        TEST(test_claim_uncertain),
        TEST(test_claim_turns),
        TEST(test_claim_park_max),
        TEST(test_release),
        TEST(test_finish),
        TEST(test_move),
        TEST(test_move_opens_again),
        TEST(test_move_differs),
        TEST(test_move_refused),
        TEST(test_intent_repeated),
        TEST(test_move_gone),
        TEST(test_property),
        TEST(test_cap),
        TEST(test_cap_return),
        TEST(test_cap_month),
        TEST(test_cap_same_person),
        TEST(test_cap_repeat),
        TEST(test_cap_rules),
        TEST(test_cap_others),
        TEST(test_open_missed),
        TEST(test_open_is_not_missed),
        TEST(test_heartbeat),
        TEST(test_reader),
        TEST(test_number),
        TEST(test_duty),
        TEST(test_reply),
        TEST(test_reply_open),
        TEST(test_forget),
        TEST(test_place),
        TEST(test_place_capacity),
        TEST(test_place_odd_address),
        TEST(test_answer),
        TEST(test_all_wrong),
        TEST(test_wrong_move),
        TEST(test_tick),
        TEST(test_marker),
        TEST(test_marker_doubt),
        TEST(test_marker_seal),
        TEST(test_restore),
        TEST(test_repair),
        TEST(test_lost_counters),
        TEST(test_damaged_counters),
        TEST(test_digest),
    };
    struct CMUnitTest tests[COUNT(all) + COUNT(wrongs)];
    size_t n = 0;

    for (size_t i = 0; i < COUNT(all); i++)
        tests[n++] = all[i];
    for (size_t i = 0; i < COUNT(wrongs); i++)
        tests[n++] =
            (struct CMUnitTest){wrongs[i].name, test_wrong, empty, NULL, (void *)&wrongs[i]};
    return cmocka_run_group_tests_name("scripts", tests, redis_start, redis_end);
}
