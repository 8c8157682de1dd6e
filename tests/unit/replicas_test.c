/*
 * Writes that replicas confirm: nothing is answered that only the master has, and what was not
 * confirmed is written again when somebody confirms.
 */
#include "db.h"

#include "command.h"
#include "redis_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>

#include <cmocka.h>

static struct redis_fixture master, replica;
static char host[32], port[8];

static struct told {
    unsigned away, back;
    char why[256];
} told;

static void on_changed(void *arg, bool well, const char *why)
{
    (void)arg;
    *(well ? &told.back : &told.away) += 1;
    snprintf(told.why, sizeof told.why, "%s", why);
}

static struct db *open_db(unsigned stripes, unsigned replicas, int64_t wait_ms)
{
    struct db_options options = {.url = master.url,
                                 .stripes = stripes,
                                 .replicas = replicas,
                                 .replicas_wait_ms = wait_ms,
                                 .changed = on_changed};
    struct error err = {""};
    struct db *db = db_open(master.base, &options, &err);

    if (db == NULL)
        fail_msg("%s", err.text);
    memset(&told, 0, sizeof told);
    return db;
}

static struct db *connected(unsigned stripes, int64_t wait_ms)
{
    struct db *db = open_db(stripes, 1, wait_ms);
    struct error err = {""};

    if (db_connect(db, 20000, &err) != 0)
        fail_msg("%s", err.text);
    memset(&told, 0, sizeof told);
    return db;
}

#define MOST 400

static unsigned answers, missing, asked_for;

/* Each key is looked for where it must be by now. */
static void on_answer(void *arg, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_STATUS ||
        strcmp(fixture_ask(&replica, "EXISTS key:%d", (int)(intptr_t)arg), "1") != 0)
        missing++;
    answers++;
}

static void on_any(void *arg, const redisReply *reply)
{
    (void)arg;
    if (db_is_error(reply, NULL))
        missing++;
    answers++;
}

static void send_some(struct db *db, unsigned n, db_fn *fn)
{
    struct command c = COMMAND_INIT;

    for (unsigned i = 0; i < n; i++, asked_for++) {
        command_start(&c, "SET");
        command_add_format(&c, "key:%u", asked_for);
        command_add_string(&c, "value");
        db_send(db_stripe(db, asked_for), &c, fn, (void *)(intptr_t)asked_for);
    }
    command_free(&c);
}

static void drained(struct db *db)
{
    struct error err = {""};

    if (db_drain(db, 0, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(answers, asked_for);
    assert_int_equal(missing, 0);
}

static int anew(void **state)
{
    (void)state;
    answers = missing = asked_for = 0;
    fixture_ask(&master, "FLUSHALL");
    return 0;
}

/* ----------------------------------------------------------------------- facts */

static void test_confirmed(void **state)
{
    static const unsigned stripes[] = {1, 3};

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct db *db = connected(stripes[k], 2000);

        anew(NULL);
        for (int i = 0; i < 20; i++) {
            send_some(db, 20, on_answer);
            fixture_run(&master, 2);
        }
        drained(db);
        db_close(db);
    }
}

/* The replica hangs: what the master has written counts as nothing until it is back. */
static void test_hangs(void **state)
{
    struct db *db = connected(3, 300);
    unsigned before;

    (void)state;
    send_some(db, 50, on_any);
    drained(db);
    kill(replica.pid, SIGSTOP);
    send_some(db, 50, on_any);
    for (int i = 0; i < 400 && told.away == 0; i++)
        fixture_run(&master, 50);
    send_some(db, 20, on_any);
    fixture_run(&master, 1000);
    before = answers;
    kill(replica.pid, SIGCONT); /* before anything can fail here */
    assert_string_equal(fixture_ask(&master, "EXISTS key:60"), "1");
    assert_int_equal(before, 50);
    assert_int_equal(db_outstanding(db), 70);
    assert_non_null(strstr(told.why, "0 of 1 replicas have it within 300 ms"));
    drained(db);
    assert_true(db_well(db));
    assert_true(told.back > 0);
    db_close(db);
}

/* The connection dies between an answer and its confirmation. */
static void test_lost_between(void **state)
{
    struct db *db = connected(2, 2000);

    (void)state;
    kill(replica.pid, SIGSTOP);
    send_some(db, 40, on_any);
    fixture_run(&master, 300); /* all is answered by the master */
    assert_int_equal(answers, 0);
    assert_string_equal(fixture_ask(&master, "EXISTS key:39"), "1");
    fixture_ask(&master, "CLIENT KILL TYPE normal SKIPME yes");
    fixture_run(&master, 50);
    kill(replica.pid, SIGCONT);
    drained(db);
    send_some(db, 40, on_any); /* and closed with answers that wait */
    kill(replica.pid, SIGSTOP);
    fixture_run(&master, 100);
    db_close(db);
    kill(replica.pid, SIGCONT);
}

static void test_too_few(void **state)
{
    struct db *db = open_db(1, 2, 200);
    struct error err = {""};

    (void)state;
    assert_int_equal(db_connect(db, 1500, &err), -1);
    assert_string_equal(err.text, "Redis cannot be used: 1 of 2 replicas have it within 200 ms");
    db_close(db);
}

/* ------------------------------------------------------------------- two servers */

/* A port that is free on an address that nobody else uses. */
static void choose_address(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    socklen_t n = sizeof in;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    snprintf(host, sizeof host, "127.%d.%d.255", 1 + (getpid() >> 8 & 127), getpid() & 255);
    inet_pton(AF_INET, host, &in.sin_addr);
    if (bind(fd, (struct sockaddr *)&in, sizeof in) == 0 &&
        getsockname(fd, (struct sockaddr *)&in, &n) == 0)
        snprintf(port, sizeof port, "%d", ntohs(in.sin_port));
    close(fd);
}

static int start(void **state)
{
    const char *listens[] = {"--port", port, "--bind", host, NULL};
    const char *follows[] = {"--replicaof", host, port, NULL};

    (void)state;
    choose_address();
    if (fixture_start(&master, listens) != 0 || fixture_start(&replica, follows) != 0)
        return -1;
    for (int i = 0; i < 3000; i++) {
        if (strstr(fixture_ask(&replica, "INFO replication"), "master_link_status:up") != NULL)
            return 0;
        usleep(10000);
    }
    return -1;
}

static int end(void **state)
{
    (void)state;
    fixture_end(&replica);
    fixture_end(&master);
    return 0;
}

int main(void)
{
    const struct CMUnitTest facts[] = {
        {"an answer comes when the replica has it", test_confirmed, anew, NULL, NULL},
        {"a replica that hangs: nothing is answered, and all of it once it is back", test_hangs,
         anew, NULL, NULL},
        {"a connection that dies before the confirmation: written again", test_lost_between, anew,
         NULL, NULL},
        {"too few replicas: refused at the connection, with the count", test_too_few, anew, NULL,
         NULL},
    };

    return cmocka_run_group_tests_name("replicas", facts, start, end);
}
