/*
 * Who is the master, by the word of Sentinels that differ, die, know nothing or want a password;
 * and a db that moves with all its connections although the old master still answers.
 */
#include "sentinel.h"

#include "db.h"
#include "redis_fixture.h"

#include <arpa/inet.h>
#include <event2/bufferevent.h>
#include <event2/buffer.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct event_base *base;
static int changes;

/* ------------------------------------------------------------- a Sentinel that says what it is
 * told */

static struct fake {
    struct evconnlistener *listener;
    struct bufferevent *clients[8];
    size_t client_count;
    char address[32];
    const char *host, *error; /* of the master; or what it answers instead */
    int port, epoch;
    bool password, given;
    unsigned asked;
} fakes[3];

static void on_read(struct bufferevent *client, void *arg)
{
    struct fake *fake = arg;
    struct evbuffer *in = bufferevent_get_input(client), *out = bufferevent_get_output(client);
    size_t n = evbuffer_get_length(in);
    char text[1024];

    assert_true(n < sizeof text);
    evbuffer_remove(in, text, n);
    text[n] = '\0';
    if (strstr(text, "AUTH\r\n$6\r\nsesame\r\n") != NULL) {
        fake->given = true;
        evbuffer_add_printf(out, "+OK\r\n");
    }
    for (const char *at = text;
         (at = strstr(at, "$8\r\nSENTINEL\r\n$6\r\nMASTER\r\n$8\r\noutreach\r\n")); at++) {
        fake->asked++;
        if (fake->password && !fake->given)
            evbuffer_add_printf(out, "-NOAUTH Authentication required.\r\n");
        else if (fake->error != NULL)
            evbuffer_add_printf(out, "-%s\r\n", fake->error);
        else
            evbuffer_add_printf(out,
                                "*8\r\n$4\r\nname\r\n$8\r\noutreach\r\n$2\r\nip\r\n$%zu\r\n%s\r\n"
                                "$4\r\nport\r\n$%d\r\n%d\r\n$12\r\nconfig-epoch\r\n$1\r\n%d\r\n",
                                strlen(fake->host), fake->host, snprintf(NULL, 0, "%d", fake->port),
                                fake->port, fake->epoch);
    }
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
                      int length, void *arg)
{
    struct fake *fake = arg;
    struct bufferevent *client = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);

    (void)listener, (void)from, (void)length;
    assert_true(fake->client_count < 8);
    fake->clients[fake->client_count++] = client;
    bufferevent_setcb(client, on_read, NULL, NULL, fake);
    bufferevent_enable(client, EV_READ | EV_WRITE);
}

static void fake_start(struct fake *fake, const char *host, int port, int epoch)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof in;

    memset(fake, 0, sizeof *fake);
    fake->host = host;
    fake->port = port;
    fake->epoch = epoch;
    fake->listener = evconnlistener_new_bind(base, on_accept, fake, LEV_OPT_CLOSE_ON_FREE, 8,
                                             (struct sockaddr *)&in, sizeof in);
    assert_non_null(fake->listener);
    getsockname(evconnlistener_get_fd(fake->listener), (struct sockaddr *)&in, &n);
    snprintf(fake->address, sizeof fake->address, "127.0.0.1:%d", ntohs(in.sin_port));
}

static void fake_end(struct fake *fake)
{
    if (fake->listener != NULL)
        evconnlistener_free(fake->listener);
    for (size_t i = 0; i < fake->client_count; i++)
        bufferevent_free(fake->clients[i]);
    memset(fake, 0, sizeof *fake);
}

static void run(int64_t ms)
{
    int64_t until = clock_mono_ms() + ms;

    do {
        event_base_loop(base, EVLOOP_NONBLOCK);
        usleep(1000);
    } while (clock_mono_ms() < until);
}

/* Runs the loop until it is so; a deadline that a slow machine keeps. */
#define RUN_UNTIL(fact)                                                                            \
    do {                                                                                           \
        int64_t deadline = clock_mono_ms() + 20000;                                                \
        while (!(fact) && clock_mono_ms() < deadline)                                              \
            run(1);                                                                                \
        assert_true(fact);                                                                         \
    } while (0)

/* Runs until each that lives has been asked twice from now: then it was heard once. */
static void run_rounds(void)
{
    unsigned before[3];

    for (size_t i = 0; i < 3; i++)
        before[i] = fakes[i].asked;
    for (size_t i = 0; i < 3; i++)
        RUN_UNTIL(fakes[i].listener == NULL || fakes[i].asked >= before[i] + 2);
}

static void on_changed(void *arg)
{
    (void)arg;
    changes++;
}

static const char *const *addresses(void)
{
    static const char *list[4];
    size_t n = 0;

    for (size_t i = 0; i < 3; i++)
        if (fakes[i].listener != NULL)
            list[n++] = fakes[i].address;
    list[n] = NULL;
    return list;
}

static struct sentinel *opened(const char *secret)
{
    struct sentinel_options options = {
        .addresses = addresses(), .master = "outreach", .secret = secret, .changed = on_changed};
    struct error err = {""};
    struct sentinel *s = sentinel_open(base, &options, &err);

    if (s == NULL)
        fail_msg("%s", err.text);
    return s;
}

static int anew(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        fake_end(&fakes[i]);
    changes = 0;
    return 0;
}

/* ----------------------------------------------------------------------- facts */

static void test_epochs(void **state)
{
    struct sentinel *s;

    (void)state;
    fake_start(&fakes[0], "10.0.0.1", 6379, 3);
    fake_start(&fakes[1], "10.0.0.1", 6379, 3);
    fake_start(&fakes[2], "10.0.0.1", 6379, 3);
    s = opened(NULL);
    assert_null(sentinel_host(s));
    assert_string_equal(sentinel_why(s), "no Sentinel has answered yet");
    RUN_UNTIL(sentinel_host(s) != NULL);
    assert_string_equal(sentinel_host(s), "10.0.0.1");
    assert_int_equal(changes, 1);
    fakes[1].host = "10.0.0.2"; /* a failover that the others have not heard of */
    fakes[1].port = 6380;
    fakes[1].epoch = 4;
    RUN_UNTIL(changes == 2);
    run_rounds();
    assert_string_equal(sentinel_host(s), "10.0.0.2");
    assert_int_equal(sentinel_port(s), 6380);
    assert_int_equal(changes, 2);
    fake_end(&fakes[1]); /* the only one that knew: what is known stays for a while */
    run_rounds();
    assert_string_equal(sentinel_host(s), "10.0.0.2");
    fakes[0].host = fakes[2].host = "10.0.0.3";
    fakes[0].epoch = fakes[2].epoch = 5;
    RUN_UNTIL(changes == 3);
    assert_string_equal(sentinel_host(s), "10.0.0.3");
    fake_end(&fakes[0]);
    fake_end(&fakes[2]);
    run(1500);
    assert_string_equal(sentinel_host(s), "10.0.0.3");
    sentinel_close(s);
}

static const struct answer_fact {
    const char *name, *host, *error, *why;
} answer_facts[] = {
    {"a name that they do not know", "10.0.0.1", "ERR No such master with that name",
     "ERR No such master with that name"},
    {"a password that was not given", "10.0.0.1", "NOAUTH Authentication required.", "NOAUTH"},
    {"a master by a host name, which would have to be looked up", "redis.example", NULL,
     "set announce-hostnames no"},
    {"a master without address", "", NULL, "by no address"},
};

static void test_answer(void **state)
{
    const struct answer_fact *fact = *state;
    struct sentinel *s;

    anew(NULL);
    fake_start(&fakes[0], fact->host, 6379, 1);
    fakes[0].error = fact->error;
    s = opened(NULL);
    RUN_UNTIL(strstr(sentinel_why(s), fact->why) != NULL);
    assert_null(sentinel_host(s));
    assert_non_null(strstr(sentinel_why(s), fakes[0].address));
    fakes[0].error = NULL;
    fakes[0].host = "10.0.0.1";
    RUN_UNTIL(sentinel_host(s) != NULL);
    assert_string_equal(sentinel_host(s), "10.0.0.1");
    sentinel_close(s);
}

static void test_password(void **state)
{
    struct sentinel *s;

    (void)state;
    fake_start(&fakes[0], "::1", 6379, 1);
    fakes[0].password = true;
    s = opened("sesame");
    RUN_UNTIL(sentinel_host(s) != NULL);
    assert_string_equal(sentinel_host(s), "::1");
    assert_null(strstr(sentinel_why(s), "sesame"));
    sentinel_close(s);
}

static void test_nobody(void **state)
{
    struct sentinel *s;

    (void)state;
    fake_start(&fakes[0], "10.0.0.1", 6379, 1);
    s = opened(NULL);
    fake_end(&fakes[0]);
    RUN_UNTIL(strstr(sentinel_why(s), "Connection refused") != NULL);
    assert_null(sentinel_host(s));
    sentinel_close(s);
    sentinel_close(NULL);
}

static void test_addresses(void **state)
{
    static const char *const bad[] = {
        "", ":26379", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:6379x", "[]:1"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *list[] = {bad[i], NULL};
        struct sentinel_options options = {
            .addresses = list, .master = "outreach", .changed = on_changed};
        struct error err = {""};

        if (sentinel_open(base, &options, &err) != NULL)
            fail_msg("%s is taken", bad[i]);
        assert_non_null(strstr(err.text, "redis.sentinels"));
    }
}

/* ------------------------------------------------------------------------ a db moves */

static struct redis_fixture servers[2];

static int server_port(struct redis_fixture *f, const char *host)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    socklen_t n = sizeof in;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET, host, &in.sin_addr);
    if (bind(fd, (struct sockaddr *)&in, sizeof in) != 0 ||
        getsockname(fd, (struct sockaddr *)&in, &n) != 0)
        fail_msg("no port on %s", host);
    close(fd);
    fixture_ask(f, "CONFIG SET bind %s", host);
    assert_string_equal(fixture_ask(f, "CONFIG SET port %d", ntohs(in.sin_port)), "OK");
    return ntohs(in.sin_port);
}

static void set(struct db *db, unsigned n)
{
    struct command c = COMMAND_INIT;
    struct error err = {""};

    for (unsigned i = 0; i < n; i++) {
        command_start(&c, "INCR");
        command_add_format(&c, "key:%u", i);
        db_send(db_stripe(db, i), &c, NULL, NULL);
    }
    command_free(&c);
    if (db_drain(db, 0, &err) != 0)
        fail_msg("%s", err.text);
}

static void test_moves(void **state)
{
    struct db_options options = {.master = "outreach", .stripes = 3};
    struct error err = {""};
    struct db *db;
    char host[32];

    (void)state;
    snprintf(host, sizeof host, "127.%d.%d.255", 1 + (getpid() >> 8 & 127), getpid() & 255);
    assert_int_equal(fixture_start(&servers[0], NULL), 0);
    assert_int_equal(fixture_start(&servers[1], NULL), 0);
    fake_start(&fakes[0], host, server_port(&servers[0], host), 1);
    options.sentinels = addresses();
    db = db_open(base, &options, &err);
    assert_non_null(db);
    if (db_connect(db, 10000, &err) != 0)
        fail_msg("%s", err.text);
    set(db, 30);
    assert_string_equal(fixture_ask(&servers[0], "DBSIZE"), "30");
    fakes[0].port = server_port(&servers[1], host);
    fakes[0].epoch = 2;
    RUN_UNTIL(!db_well(db));
    if (db_connect(db, 10000, &err) != 0)
        fail_msg("%s", err.text);
    set(db, 30); /* over each of the connections */
    assert_string_equal(fixture_ask(&servers[1], "DBSIZE"), "30");
    assert_string_equal(fixture_ask(&servers[0], "GET key:29"), "1");
    db_close(db);
    fixture_end(&servers[0]);
    fixture_end(&servers[1]);
}

static void test_db_nobody(void **state)
{
    struct db_options options = {.master = "outreach"};
    struct error err = {""};
    struct db *db;

    (void)state;
    fake_start(&fakes[0], "10.0.0.1", 6379, 1);
    fakes[0].error = "ERR No such master with that name";
    options.sentinels = addresses();
    db = db_open(base, &options, &err);
    assert_int_equal(db_connect(db, 3000, &err), -1);
    assert_non_null(strstr(err.text, "No such master with that name"));
    db_close(db);
}

static int start(void **state)
{
    (void)state;
    base = event_base_new();
    return 0;
}

static int end(void **state)
{
    anew(state);
    event_base_free(base);
    return 0;
}

int main(void)
{
    enum { OTHERS = 6, ANSWERS = sizeof answer_facts / sizeof *answer_facts };
    struct CMUnitTest facts[OTHERS + ANSWERS] = {
        {"the highest epoch is believed, and what is known outlives them", test_epochs, anew, anew,
         NULL},
        {"their password is given", test_password, anew, anew, NULL},
        {"nobody is there: the reason", test_nobody, anew, anew, NULL},
        {"addresses that are none", test_addresses, anew, anew, NULL},
        {"all connections move, although the old master answers", test_moves, anew, anew, NULL},
        {"a program is told what the Sentinels say", test_db_nobody, anew, anew, NULL},
    };

    for (size_t i = 0; i < ANSWERS; i++)
        facts[OTHERS + i] = (struct CMUnitTest){answer_facts[i].name, test_answer, NULL, anew,
                                                (void *)&answer_facts[i]};
    return cmocka_run_group_tests_name("sentinel", facts, start, end);
}
