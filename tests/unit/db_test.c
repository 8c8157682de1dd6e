/*
 * The connection to a Redis that dies, hangs, loads, is full or set wrongly: every command is
 * answered once, in the order of its stripe, whatever happens in between.
 */
#include "clock.h"
#include "db.h"
#include "db_wire.h"

#include "command.h"
#include "redis_fixture.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct redis_fixture f;

#define ask(...) fixture_ask(&f, __VA_ARGS__)
#define is(expected, answer) assert_string_equal(answer, expected)

/* ------------------------------------------------------- what we are told */

static struct told {
    unsigned away, back, refused;
    char why[512];
} told;

static void on_changed(void *arg, bool well, const char *why)
{
    (void)arg;
    if (well)
        told.back++;
    else
        told.away++;
    snprintf(told.why, sizeof told.why, "%s", why);
}

static void on_refused(void *arg, const char *why)
{
    (void)arg;
    told.refused++;
    snprintf(told.why, sizeof told.why, "%s", why);
}

static struct db *open_db(unsigned stripes, bool accept_loss, const char *secret)
{
    struct db_options options = {.url = f.url,
                                 .secret = secret,
                                 .accept_loss = accept_loss,
                                 .stripes = stripes,
                                 .changed = on_changed,
                                 .refused = on_refused};
    struct error err = {""};
    struct db *db = db_open(f.base, &options, &err);

    if (db == NULL)
        fail_msg("%s", err.text);
    return db;
}

static struct db *connected(unsigned stripes)
{
    struct db *db = open_db(stripes, false, NULL);
    struct error err = {""};

    if (db_connect(db, 10000, &err) != 0)
        fail_msg("%s", err.text);
    memset(&told, 0, sizeof told);
    return db;
}

static void drained(struct db *db, size_t left)
{
    struct error err = {""};

    if (db_drain(db, left, &err) != 0)
        fail_msg("%s", err.text);
}

/* ----------------------------------------- numbered commands and their answers */

#define MOST 8192

static struct expectation {
    unsigned stripe, number;
    unsigned answers;
} expected[MOST];
static unsigned asked_for, next_number[DB_STRIPES], answered[DB_STRIPES], wrong;

static void forget(void)
{
    memset(expected, 0, sizeof expected);
    memset(next_number, 0, sizeof next_number);
    memset(answered, 0, sizeof answered);
    asked_for = wrong = 0;
}

/* Redis answers a SET with GET, so that twice is seen as twice. */
static void on_answer(void *arg, const redisReply *reply)
{
    struct expectation *e = arg;

    if (db_is_error(reply, NULL) || e->number != answered[e->stripe])
        wrong++;
    answered[e->stripe]++;
    e->answers++;
}

static void send_some(struct db *db, unsigned n)
{
    static struct command c = {.bytes = {.limit = COMMAND_MAX_BYTES}};
    static char padding[200];

    memset(padding, 'x', sizeof padding);
    for (unsigned i = 0; i < n; i++) {
        struct expectation *e = &expected[asked_for];

        e->stripe = asked_for % DB_STRIPES;
        e->number = next_number[e->stripe]++;
        command_start(&c, "SET");
        command_add_format(&c, "key:%u", asked_for);
        command_add(&c, padding, sizeof padding);
        db_send(db_stripe(db, e->stripe), &c, on_answer, e);
        asked_for++;
    }
    command_free(&c);
}

static void all_answered_once(void)
{
    assert_int_equal(wrong, 0);
    for (unsigned i = 0; i < asked_for; i++)
        assert_int_equal(expected[i].answers, 1);
    for (unsigned s = 0; s < DB_STRIPES; s++)
        assert_int_equal(answered[s], next_number[s]);
}

static void all_written(void)
{
    char line[32];

    snprintf(line, sizeof line, "%u", asked_for);
    is(line, ask("DBSIZE"));
}

static int empty(void **state)
{
    (void)state;
    ask("FLUSHALL");
    memset(&told, 0, sizeof told);
    forget();
    return 0;
}

/* -------------------------------------------------------------------- it works */

static void test_order(void **state)
{
    static const unsigned stripes[] = {1, 3, DB_STRIPES};

    (void)state;
    for (size_t k = 0; k < 3; k++) {
        struct db *db = connected(stripes[k]);

        forget();
        ask("FLUSHALL");
        send_some(db, 1000);
        assert_int_equal(db_outstanding(db), 1000);
        assert_true(db_outstanding_bytes(db) > 200000);
        drained(db, 0);
        assert_int_equal(db_outstanding_bytes(db), 0);
        all_answered_once();
        all_written();
        db_close(db);
    }
}

/* Each read of Redis may be an fsync: what one pass of the loop sends over a
 * connection leaves together, also what is sent by callbacks that come behind the
 * first ones. */
struct late {
    struct db *db;
    struct event *next; /* NULL: the last */
};

static void on_late(evutil_socket_t fd, short what, void *arg)
{
    struct late *late = arg;

    (void)fd, (void)what;
    send_some(late->db, 3);
    if (late->next != NULL)
        event_active(late->next, EV_TIMEOUT, 0);
}

/* Writes of this process so far, as the kernel counts them. */
static long writes_of_ours(void)
{
    FILE *io = fopen("/proc/self/io", "r");
    char line[64];
    long count = -1;

    assert_non_null(io);
    while (fgets(line, sizeof line, io) != NULL)
        if (strncmp(line, "syscw: ", 7) == 0)
            count = atol(line + 7);
    fclose(io);
    return count;
}

static void test_one_write(void **state)
{
    static const unsigned stripes[] = {1, 3};

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct db *db = connected(stripes[k]);
        struct late second = {.db = db}, first = {.db = db};
        struct event *event = event_new(f.base, -1, 0, on_late, &first);
        long before;

        forget();
        first.next = event_new(f.base, -1, 0, on_late, &second);
        before = writes_of_ours();
        event_active(event, EV_TIMEOUT, 0);
        event_base_loop(f.base, EVLOOP_NONBLOCK);
        assert_int_equal(writes_of_ours() - before, stripes[k]);
        drained(db, 0);
        assert_int_equal(asked_for, 6);
        all_answered_once();
        event_free(event);
        event_free(first.next);
        db_close(db);
    }
}

static void on_pong(void *arg, const redisReply *reply)
{
    assert_string_equal(reply->str, "PONG");
    ++*(int *)arg;
}

static void ping(struct db *db, bool can_wait, int *pongs)
{
    struct command c = COMMAND_INIT;

    command_start(&c, "PING");
    if (can_wait)
        command_can_wait(&c);
    db_send(db, &c, on_pong, pongs);
    command_free(&c);
}

/* What can wait is no write of its own, but goes with the next that cannot, on whichever
 * connection; and it does not wait for ever. */
static void test_can_wait(void **state)
{
    struct db *db = connected(3);
    int pongs = 0, sent = 0;
    long before;
    bool waited = false;

    (void)state;
    for (int tries = 0; !waited && tries < 100; tries++) { /* until a pass is short enough */
        int64_t began_us = clock_mono_us();

        before = writes_of_ours();
        ping(db_stripe(db, 0), true, &pongs);
        sent++;
        event_base_loop(f.base, EVLOOP_NONBLOCK);
        waited = writes_of_ours() == before;
        if (clock_mono_us() - began_us < DB_WIRE_WAIT_US)
            assert_true(waited);
        drained(db, 0); /* nobody sends anything more */
        assert_int_equal(pongs, sent);
    }
    assert_true(waited);
    before = writes_of_ours();
    ping(db_stripe(db, 0), true, &pongs);
    ping(db_stripe(db, 1), true, &pongs);
    ping(db_stripe(db, 2), false, &pongs);
    event_base_loop(f.base, EVLOOP_NONBLOCK);
    assert_int_equal(writes_of_ours() - before, 3);
    drained(db, 0);
    assert_int_equal(pongs, sent + 3);
    db_close(db);
}

/* Who does not want to wait for the end of the pass lets it leave, but for what can wait. */
static void test_leave(void **state)
{
    struct db *db = connected(3);
    int pongs = 0;
    long before;

    (void)state;
    ping(db_stripe(db, 0), false, &pongs);
    ping(db_stripe(db, 1), false, &pongs);
    before = writes_of_ours();
    db_leave(db);
    assert_int_equal(writes_of_ours() - before, 2);
    db_leave(db);
    drained(db, 0);
    assert_int_equal(writes_of_ours() - before, 2); /* and not once more */
    assert_int_equal(pongs, 2);
    ping(db, true, &pongs);
    before = writes_of_ours();
    db_leave(db);
    assert_int_equal(writes_of_ours(), before);
    drained(db, 0);
    assert_int_equal(pongs, 3);
    db_close(db);
}

static void on_leaving(void *arg)
{
    *(long *)arg = *(long *)arg < 0 ? writes_of_ours() : *(long *)arg;
}

/* What has to be on record first has its turn while nothing has left. */
static void test_first_on_record(void **state)
{
    struct db *db = connected(3);
    int pongs = 0;
    long before = writes_of_ours(), recorded = -1;

    (void)state;
    db_before(db, on_leaving, &recorded);
    for (unsigned k = 0; k < 3; k++)
        ping(db_stripe(db, k), false, &pongs);
    assert_int_equal(recorded, -1);
    drained(db, 0);
    assert_int_equal(recorded, before);
    recorded = -1;
    ping(db_stripe(db, 2), true, &pongs);
    drained(db, 0);
    assert_true(recorded > before); /* also for one alone, on any connection */
    recorded = -1;
    db_before(db, NULL, NULL);
    ping(db, false, &pongs);
    drained(db, 0);
    assert_int_equal(recorded, -1);
    assert_int_equal(pongs, 5);
    db_close(db);
}

/* What is sent before the connection stands waits for it. */
static void test_before(void **state)
{
    struct db *db = open_db(3, false, NULL);

    (void)state;
    assert_false(db_well(db));
    send_some(db, 100);
    drained(db, 0);
    all_answered_once();
    assert_true(db_well(db));
    assert_int_equal(told.back, 1); /* when all three are, once */
    db_close(db);
}

static void test_ask(void **state)
{
    struct db *db = connected(1);
    struct command c = COMMAND_INIT;
    struct error err = {""};
    redisReply *reply;

    (void)state;
    command_start(&c, "ECHO");
    command_add(&c, "a\0b\r\n", 5);
    assert_int_equal(db_ask(db, &c, &reply, &err), 0);
    assert_int_equal(reply->len, 5);
    assert_memory_equal(reply->str, "a\0b\r\n", 5);
    freeReplyObject(reply);
    command_start(&c, "LPUSH"); /* an error that a repeat would not mend */
    command_add_string(&c, "key");
    assert_int_equal(db_ask(db, &c, &reply, &err), -1);
    assert_string_equal(err.text, "Redis: ERR wrong number of arguments for 'lpush' command");
    assert_null(reply);
    assert_int_equal(told.away, 0);
    command_free(&c);
    db_close(db);
}

extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/* An answer that comes when nobody waits for it any more goes nowhere: whoever asked is gone. Here
 * since another connection was refused meanwhile. */
static void test_ask_in_vain(void **state)
{
    struct db *db = connected(2);
    struct command c = COMMAND_INIT;
    struct error err = {""};
    redisReply *reply;
    int64_t start_ms;

    (void)state;
    ask("CONFIG SET appendfsync everysec");
    command_start(&c, "QUIT");
    db_send(db_stripe(db, 1), &c, NULL, NULL);
    command_start(&c, "BLPOP");
    command_add_string(&c, "list");
    command_add_string(&c, "0");
    assert_int_equal(db_ask(db, &c, &reply, &err), -1);
    ask("CONFIG SET appendfsync always");
    ask("RPUSH list one");
    start_ms = clock_mono_ms();
    while (db_outstanding(db) > 0 && clock_mono_ms() - start_ms < 60000)
        fixture_run(&f, 10);
    assert_int_equal(db_outstanding(db), 0);
    if (__lsan_do_recoverable_leak_check) /* a copy of it that nobody has */
        assert_int_equal(__lsan_do_recoverable_leak_check(), 0);
    command_free(&c);
    db_close(db);
}

/* ------------------------------------------------------------- it is mended */

static void test_noscript(void **state)
{
    struct db *db = connected(1);

    (void)state;
    f.db = db;
    for (int i = 1; i <= 3; i++) {
        char line[32];

        ask("SCRIPT FLUSH");
        snprintf(line, sizeof line, "%d", i);
        send_some(db, 5);
        is(line, fixture_script(&f, SCRIPT_NUMBER, 1, "numbers name%d 100", i));
    }
    f.db = NULL;
    drained(db, 0);
    all_answered_once();
    db_close(db);
}

/* kill -9 in the middle of much, more is sent while it is away, it comes back. */
static void test_killed(void **state)
{
    struct db *db = connected(4);

    (void)state;
    for (int round = 0; round < 3; round++) {
        send_some(db, 1000);
        drained(db, db_outstanding(db) - 300); /* some are answered, some are under way */
        fixture_kill(&f);
        fixture_run(&f, 50);
        assert_false(db_well(db));
        send_some(db, 500);
        fixture_launch(&f, NULL);
        assert_int_equal(fixture_wait(&f), 0);
        drained(db, 0);
        all_answered_once();
        all_written();
        fixture_run(&f, 20);
    }
    assert_true(db_well(db));
    assert_true(told.away >= 3 && told.back >= 3);
    db_close(db);
}

/* A server that hangs is left after a while, and found again. */
static void test_hung(void **state)
{
    struct db *db = connected(2);
    int64_t start = clock_mono_ms(), left_ms;
    bool was_well;

    (void)state;
    kill(f.pid, SIGSTOP);
    send_some(db, 50);
    while (told.away == 0 && clock_mono_ms() - start < 15000)
        fixture_run(&f, 50);
    left_ms = clock_mono_ms() - start;
    send_some(db, 50);
    fixture_run(&f, 500);
    was_well = db_well(db);
    kill(f.pid, SIGCONT); /* before anything can fail here */
    assert_false(was_well);
    assert_in_range(left_ms, 4500, 9500);
    assert_string_equal(told.why, "no answer");
    drained(db, 0);
    all_answered_once();
    all_written();
    db_close(db);
}

static void test_loading(void **state)
{
    struct db *db = connected(2);

    (void)state;
    ask("DEBUG POPULATE 300 filler 10");
    ask("CONFIG SET key-load-delay 3000");
    ask("CONFIG SET loading-process-events-interval-bytes 1024");
    redisAppendCommand(f.raw, "DEBUG RELOAD"); /* takes a second */
    for (int done = 0; !done;)
        assert_int_equal(redisBufferWrite(f.raw, &done), REDIS_OK);
    usleep(200000);
    send_some(db, 200);
    fixture_run(&f, 300);
    assert_true(told.away > 0);
    assert_non_null(strstr(told.why, "LOADING"));
    redisFree(f.raw);
    f.raw = NULL;
    drained(db, 0);
    all_answered_once();
    assert_int_equal(fixture_wait(&f), 0);
    is("500", ask("DBSIZE"));
    ask("CONFIG SET key-load-delay 0");
    db_close(db);
}

/* ---------------------------------------------------------- errors, as Redis has them */

struct heard {
    unsigned answers;
    char text[128];
};

static void on_heard(void *arg, const redisReply *reply)
{
    struct heard *h = arg;

    h->answers++;
    snprintf(h->text, sizeof h->text, "%s", fixture_text(reply));
}

/* A script that fails with error for so many times, then answers "fine". */
static void ask_failing(struct db *db, const char *error, int times, struct heard *heard)
{
    struct command c = COMMAND_INIT;

    command_start(&c, "EVAL");
    command_add_string(&c, "if redis.call('INCR', KEYS[1]) <= tonumber(ARGV[2]) then "
                           "return redis.error_reply(ARGV[1]) end return 'fine'");
    command_add_int(&c, 1);
    command_add_string(&c, "calls");
    command_add_string(&c, error);
    command_add_int(&c, times);
    db_send(db, &c, on_heard, heard);
    command_free(&c);
}

/* What passes is waited for and asked again, and nobody hears of it but as Redis away; what
 * does not pass is told, once, to whoever asked. */
static void test_errors(void **state)
{
    static const struct {
        const char *error;
        bool passes;
    } rows[] = {
        {"LOADING Redis is loading the dataset in memory", true},
        {"BUSY Redis is busy running a script", true},
        {"READONLY You can't write against a read only replica.", true},
        {"MISCONF Redis is configured to save RDB snapshots", true},
        {"NOREPLICAS Not enough good replicas to write.", true},
        {"MASTERDOWN Link with MASTER is down", true},
        {"TRYAGAIN Multiple keys request during rehashing of slot", true},
        {"CLUSTERDOWN The cluster is down", true},
        {"UNBLOCKED force unblock from blocking operation", true},
        {"WRONGTYPE Operation against a key holding the wrong kind of value", false},
        {"NOPERM this user has no permissions to run the 'evalsha' command", false},
        {"ERR unknown command", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct heard heard = {0};
        struct db *db = connected(1);

        ask("DEL calls");
        ask_failing(db, rows[i].error, 2, &heard);
        drained(db, 0);
        assert_int_equal(heard.answers, 1);
        if (rows[i].passes) {
            assert_string_equal(heard.text, "fine");
            assert_int_equal(told.away, 2);
            assert_string_equal(told.why, rows[i].error);
            assert_true(db_well(db));
        } else {
            assert_non_null(strstr(heard.text, rows[i].error));
            assert_int_equal(told.away, 0);
            is("1", ask("GET calls"));
        }
        db_close(db);
    }
}

/* ----------------------------------------------------------------------- full */

static char answers[512];

static void on_word(void *arg, const redisReply *reply)
{
    const char *text = fixture_text(reply);

    snprintf(answers + strlen(answers), sizeof answers - strlen(answers), "%s%s=%.12s",
             answers[0] ? " " : "", (const char *)arg, text);
}

static void say(struct db *db, bool may_give_up, const char *name, const char *line)
{
    struct command c = COMMAND_INIT;
    char copy[256], *save = NULL, *word;

    snprintf(copy, sizeof copy, "%s", line);
    word = strtok_r(copy, " ", &save);
    command_start(&c, word);
    while ((word = strtok_r(NULL, " ", &save)) != NULL)
        command_add_string(&c, word);
    (may_give_up ? db_try : db_send)(db, &c, on_word, (void *)name);
    command_free(&c);
}

static void script_say(struct db *db, enum script script, const char *name, const char *kind)
{
    struct command c = COMMAND_INIT;

    command_script(&c, script, 3);
    command_add_string(&c, "h");
    command_add_string(&c, "l");
    command_add_string(&c, "z");
    command_add_string(&c, kind);
    command_add_int(&c, 1);
    command_add_int(&c, 1);
    command_add_int(&c, 0);
    (script == SCRIPT_INTEND ? db_try : db_send)(db, &c, on_word, (void *)name);
    command_free(&c);
}

/* Out of memory: an intent is refused and told so, the outcome behind it passes, what
 * must be kept waits, and nobody thinks that Redis is away. */
static void test_full(void **state)
{
    struct db *db = connected(1);

    (void)state;
    answers[0] = '\0';
    ask("HSET h seq 1 paused 0 cancelled 0 expires 5 tv 1 c0 1 c1 0 c2 0 c3 0 c4 0 c5 0 c6 0 c7 0 "
        "c8 0 c9 0 c10 0 c11 0 c12 0");
    ask("SET l OLG1............................");
    ask("CONFIG SET maxmemory 1");
    say(db, false, "kept1", "SADD set a");
    script_say(db, SCRIPT_INTEND, "intent", "intent");
    script_say(db, SCRIPT_SETTLE, "outcome", "outcome");
    say(db, true, "log", "XADD stream * a b");
    say(db, false, "kept2", "SADD set b");
    say(db, false, "read", "STRLEN l");
    drained(db, 2);
    is("intent=(error) OOM  outcome=[OK 2] log=(error) OOM  read=32", answers);
    fixture_run(&f, 1200); /* tried again, and refused again */
    assert_int_equal(db_outstanding(db), 2);
    script_say(db, SCRIPT_SETTLE, "outcome", "outcome");
    drained(db, 2);
    is("intent=(error) OOM  outcome=[OK 2] log=(error) OOM  read=32 outcome=[OK 3]", answers);
    is("0", ask("EXISTS set"));
    ask("CONFIG SET maxmemory 0");
    drained(db, 0);
    is("intent=(error) OOM  outcome=[OK 2] log=(error) OOM  read=32 outcome=[OK 3] kept1=1 kept2=1",
       answers);
    assert_int_equal(told.away, 0);
    assert_true(db_well(db));
    db_close(db);
}

/* Full, and then it dies: what was put aside is not forgotten, nor sent twice. */
static void test_full_and_killed(void **state)
{
    struct db *db = connected(2);

    (void)state;
    ask("CONFIG SET maxmemory 1");
    send_some(db, 40);
    fixture_run(&f, 300);
    assert_int_equal(db_outstanding(db), 40);
    fixture_kill(&f);
    fixture_run(&f, 30);
    send_some(db, 40);
    fixture_launch(&f, NULL); /* with memory */
    assert_int_equal(fixture_wait(&f), 0);
    drained(db, 0);
    all_answered_once();
    all_written();
    db_close(db);
}

static void test_full_closed(void **state)
{
    struct db *db = connected(2);
    struct command c = COMMAND_INIT;
    struct error err;

    (void)state;
    ask("CONFIG SET maxmemory 1");
    send_some(db, 40);
    fixture_run(&f, 100);
    /* a program is told at once */
    command_start(&c, "SET");
    command_add_string(&c, "key");
    command_add_string(&c, "value");
    assert_int_equal(db_ask(db, &c, NULL, &err), -1);
    assert_non_null(strstr(err.text, "OOM"));
    command_free(&c);
    db_close(db);
    ask("CONFIG SET maxmemory 0");
}

/* -------------------------------------------------------------------- refused */

static const struct settings_fact {
    const char *name, *value, *good, *why;
} bad_settings[] = {
    {"appendonly", "no", "yes", "appendonly is no: a restart of Redis would forget notices"},
    {"appendfsync", "everysec", "always",
     "appendfsync is everysec: a crash of Redis would lose what it acknowledged"},
    {"appendfsync", "no", "always",
     "appendfsync is no: a crash of Redis would lose what it acknowledged"},
    {"maxmemory-policy", "allkeys-lru", "noeviction",
     "maxmemory-policy is allkeys-lru: Redis would throw ledgers away when full"},
    {"maxmemory-policy", "volatile-ttl", "noeviction",
     "maxmemory-policy is volatile-ttl: Redis would throw ledgers away when full"},
};

static void test_refused(void **state)
{
    const struct settings_fact *fact = *state;
    struct error err = {""};
    struct db *db;

    ask("CONFIG SET %s %s", fact->name, fact->value);
    db = open_db(2, false, NULL);
    send_some(db, 1);
    assert_int_equal(db_connect(db, 3000, &err), -1);
    assert_non_null(strstr(err.text, fact->why));
    assert_non_null(strstr(err.text, "accept_loss"));
    assert_int_equal(told.refused, 1);
    assert_int_equal(told.back, 0);
    fixture_run(&f, 200);
    assert_int_equal(answered[0], 0); /* nothing was sent there */
    db_close(db);
    db = open_db(2, true, NULL);
    assert_int_equal(db_connect(db, 3000, &err), 0);
    db_close(db);
    ask("CONFIG SET %s %s", fact->name, fact->good);
    fixture_run(&f, 100);
}

static void test_replica(void **state)
{
    struct error err = {""};
    struct db *db;

    (void)state;
    ask("REPLICAOF 127.0.0.1 1");
    db = open_db(1, false, NULL);
    assert_int_equal(db_connect(db, 700, &err), -1);
    assert_string_equal(err.text, "Redis cannot be used: this server is a replica");
    assert_int_equal(told.refused, 0); /* it may become the master */
    ask("REPLICAOF NO ONE");
    assert_int_equal(db_connect(db, 5000, &err), 0);
    db_close(db);
}

/* It becomes one while we use it: nothing is lost, nothing is written there. */
static void test_becomes_replica(void **state)
{
    struct db *db = connected(2);

    (void)state;
    ask("REPLICAOF 127.0.0.1 1");
    send_some(db, 20);
    fixture_run(&f, 500);
    assert_int_equal(db_outstanding(db), 20);
    assert_false(db_well(db));
    ask("REPLICAOF NO ONE");
    drained(db, 0);
    all_answered_once();
    db_close(db);
}

static void test_password(void **state)
{
    struct error err = {""};
    struct db *db;

    (void)state;
    ask("CONFIG SET requirepass %s", "two words");
    db = open_db(1, false, NULL);
    assert_int_equal(db_connect(db, 3000, &err), -1);
    assert_non_null(strstr(err.text, "password"));
    db_close(db);
    db = open_db(1, false, "hunter2");
    assert_int_equal(db_connect(db, 3000, &err), -1);
    assert_non_null(strstr(err.text, "password"));
    assert_null(strstr(err.text, "hunter2"));
    db_close(db);
    db = open_db(2, false, "two words");
    assert_int_equal(db_connect(db, 3000, &err), 0);
    db_close(db);
    ask("CONFIG SET requirepass %s", "");
}

static void test_nobody_there(void **state)
{
    struct db_options options = {.url = "unix:/nonexistent/redis.sock"};
    struct error err = {""};
    struct db *db = db_open(f.base, &options, &err);

    (void)state;
    assert_non_null(db);
    send_some(db, 3);
    assert_int_equal(db_connect(db, 500, &err), -1);
    assert_string_equal(err.text, "Redis cannot be used: No such file or directory");
    db_close(db);
}

static void test_urls(void **state)
{
    static const char *const bad[] = {
        "",
        "redis.example",
        "unix:relative/path",
        "http://localhost",
        "redis://",
        "redis://:6379",
        "redis://127.0.0.1:0",
        "redis://127.0.0.1:65536",
        "redis://127.0.0.1:x",
        "redis://127.0.0.1/-1",
        "redis://127.0.0.1/x",
        "redis://127.0.0.1:6379x",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct db_options options = {.url = bad[i]};
        struct error err = {""};
        struct db *db = db_open(f.base, &options, &err);

        if (db != NULL)
            fail_msg("%s is taken", bad[i]);
        assert_non_null(strstr(err.text, "redis.url"));
    }
}

/* ---------------------------------------------------------------------- its end */

static void test_close(void **state)
{
    (void)state;
    for (int turns = 0; turns < 12; turns++) { /* at every moment of its life */
        struct db *db = open_db(3, false, NULL);

        send_some(db, 50);
        for (int i = 0; i < turns; i++)
            event_base_loop(f.base, EVLOOP_NONBLOCK);
        db_close(db);
        forget();
        fixture_run(&f, 5);
        for (unsigned i = 0; i < MOST; i++)
            assert_int_equal(expected[i].answers, 0);
    }
    db_close(NULL);
}

/* Redis hangs at the end for longer than an answer may take, and goes on: what was learnt before
 * is written then. One that does not come back holds the end up for the time that was asked for. */
static void test_end(void **state)
{
    struct db *db = connected(2);
    struct error err = {""};
    int64_t start_ms;
    int rc;

    (void)state;
    kill(f.pid, SIGSTOP);
    send_some(db, 20);
    start_ms = clock_mono_ms();
    while (told.away == 0 && clock_mono_ms() - start_ms < 60000)
        fixture_run(&f, 50);
    kill(f.pid, SIGCONT);
    rc = db_end(db, 30000, &err);
    assert_int_equal(rc, 0);
    all_answered_once();
    all_written();

    kill(f.pid, SIGSTOP);
    told.away = 0;
    send_some(db, 20);
    start_ms = clock_mono_ms();
    while (told.away == 0 && clock_mono_ms() - start_ms < 60000)
        fixture_run(&f, 50);
    start_ms = clock_mono_ms();
    rc = db_end(db, 500, &err);
    start_ms = clock_mono_ms() - start_ms;
    kill(f.pid, SIGCONT); /* before anything can fail here */
    assert_int_equal(rc, -1);
    assert_in_range(start_ms, 500, 25000); /* programs wait for 30 s */
    db_close(db);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    static struct command c = {.bytes = {.limit = COMMAND_MAX_BYTES}};

    (void)fd, (void)what;
    command_start(&c, "PING");
    db_send(arg, &c, NULL, NULL);
    command_free(&c);
}

/* A full one, with a timer that goes on asking it: what it refuses is not waited for for ever. */
static void test_end_full(void **state)
{
    static const struct timeval often = {0, 50000};
    struct db *db = connected(1);
    struct event *look = event_new(f.base, -1, EV_PERSIST, on_look, db);
    struct error err = {""};
    int64_t start_ms = clock_mono_ms();
    int rc;

    (void)state;
    ask("CONFIG SET maxmemory 1");
    event_add(look, &often);
    send_some(db, 20);
    rc = db_end(db, 500, &err);
    start_ms = clock_mono_ms() - start_ms;
    ask("CONFIG SET maxmemory 0");
    event_free(look);
    assert_int_equal(rc, -1);
    assert_in_range(start_ms, 500, 25000);
    assert_int_equal(asked_for, 20);
    db_close(db);
}

static void on_never(void *arg, const redisReply *reply)
{
    (void)reply;
    free(arg);
}

static void __attribute__((noinline)) ask_with_own(struct db *db)
{
    struct command c = COMMAND_INIT;

    command_start(&c, "PING");
    db_send(db, &c, on_never, xcalloc(1, 1000));
    command_free(&c);
}

/* What a callback that never comes would have freed is no leak of a process that ends. */
static void test_end_without_answer(void **state)
{
    struct db_options options = {.url = "unix:/nonexistent/redis.sock"};
    struct error err = {""};

    (void)state;
    for (int i = 0; i < 8; i++) { /* of one, a copy may be left on the stack */
        struct db *db = db_open(f.base, &options, &err);

        ask_with_own(db);
        db_close(db);
    }
    if (__lsan_do_recoverable_leak_check)
        assert_int_equal(__lsan_do_recoverable_leak_check(), 0);
}

extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t allocated(void)
{
    return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes()
                                                   : mallinfo2().uordblks;
}

/* Nothing grows by use, by answers of any size, or by going and coming. */
static void test_memory(void **state)
{
    struct db *db = connected(2);
    size_t before = 0, after = SIZE_MAX;

    (void)state;
    for (int round = 0; round < 16; round++) {
        size_t now;

        forget();
        send_some(db, 2000);
        drained(db, 0);
        say(db, false, "x", "KEYS *");
        answers[0] = '\0';
        drained(db, 0);
        if (round % 3 == 2)
            ask("CLIENT KILL TYPE normal SKIPME yes");
        now = allocated(); /* which requests are kept for the next differs: the least counts */
        if (round >= 6 && round <= 9 && now > before) /* on_word()'s texts have their size by now */
            before = now;
        if (round >= 12 && now < after)
            after = now;
    }
    if (after > before + 1000)
        fail_msg("%zu bytes more", after - before);
    db_close(db);
}

/* -------------------------------------------------------------------- replies */

static void test_reading(void **state)
{
    redisReply seven = {.type = REDIS_REPLY_STRING, .str = (char *)"7", .len = 1};
    redisReply seventh = {.type = REDIS_REPLY_STRING, .str = (char *)"7th", .len = 3};
    redisReply none = {.type = REDIS_REPLY_NIL};
    redisReply empty_string = {.type = REDIS_REPLY_STRING, .str = (char *)"", .len = 0};
    redisReply nine = {.type = REDIS_REPLY_INTEGER, .integer = 9};
    redisReply name = {.type = REDIS_REPLY_STRING, .str = (char *)"name", .len = 4};
    redisReply *list[] = {&name, &seven, &none, &nine, &seven};
    redisReply array = {.type = REDIS_REPLY_ARRAY, .elements = 5, .element = list};
    redisReply error = {.type = REDIS_REPLY_ERROR, .str = (char *)"OOM no", .len = 6};

    (void)state;
    assert_int_equal(db_int(&seven, -1), 7);
    assert_int_equal(db_int(&seventh, -1), -1);
    assert_int_equal(db_int(&none, -1), -1);
    assert_int_equal(db_int(&empty_string, -1), -1);
    assert_int_equal(db_int(&nine, -1), 9);
    assert_int_equal(db_int(NULL, -1), -1);
    assert_int_equal(db_int(&error, -1), -1);
    assert_ptr_equal(db_at(&array, 3), &nine);
    assert_null(db_at(&array, 5));
    assert_null(db_at(&seven, 0));
    assert_null(db_at(NULL, 0));
    assert_ptr_equal(db_field(&array, "name"), &seven);
    assert_null(db_field(&array, "other"));
    assert_null(db_field(&seven, "name"));
    assert_true(db_is_error(&error, NULL));
    assert_true(db_is_error(&error, "OOM"));
    assert_false(db_is_error(&error, "ERR"));
    assert_false(db_is_error(&seven, NULL));
}

static int start(void **state)
{
    (void)state;
    return fixture_start(&f, NULL);
}

static int end(void **state)
{
    (void)state;
    fixture_end(&f);
    return 0;
}

#define TEST(fn) cmocka_unit_test_setup(fn, empty)
#define COUNT(a) (sizeof(a) / sizeof *(a))

int main(void)
{
    static const struct CMUnitTest all[] = {
        TEST(test_order),
        TEST(test_one_write),
        TEST(test_can_wait),
        TEST(test_leave),
        TEST(test_first_on_record),
        TEST(test_before),
        TEST(test_ask),
        TEST(test_ask_in_vain),
        TEST(test_noscript),
        TEST(test_killed),
        TEST(test_hung),
        TEST(test_loading),
        TEST(test_errors),
        TEST(test_full),
        TEST(test_full_and_killed),
        TEST(test_full_closed),
        TEST(test_replica),
        TEST(test_becomes_replica),
        TEST(test_password),
        TEST(test_nobody_there),
        TEST(test_urls),
        TEST(test_close),
        TEST(test_memory),
        TEST(test_reading),
        TEST(test_end),
        TEST(test_end_full),
        TEST(test_end_without_answer),
    };
    struct CMUnitTest tests[COUNT(all) + COUNT(bad_settings)];
    size_t n = 0;

    for (size_t i = 0; i < COUNT(all); i++)
        tests[n++] = all[i];
    for (size_t i = 0; i < COUNT(bad_settings); i++)
        tests[n++] = (struct CMUnitTest){bad_settings[i].name, test_refused, empty, NULL,
                                         (void *)&bad_settings[i]};
    return cmocka_run_group_tests_name("db", tests, start, end);
}
