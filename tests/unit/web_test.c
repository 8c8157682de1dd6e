/* The HTTP server as a stranger meets it, byte for byte: RFC 9112's ways to smuggle
 * a request, bounds, clients that drip, handlers that answer late or never. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "clock.h"
#include "error.h"
#include "field.h"
#include "forwarded.h"
#include "network.h"
#include "web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 20000

struct bench {
    struct event_base *base;
    struct web *web;
    struct web_route routes[2];
    unsigned asked;
    char path[200], query[200], body[5000];
    size_t length;
    struct web_exchange *late; /* not answered yet */
    bool answer;
};

static void on_asked(void *arg, const struct web_request *r, struct web_exchange *x)
{
    struct bench *b = arg;

    b->asked++;
    snprintf(b->path, sizeof b->path, "%s", r->path);
    snprintf(b->query, sizeof b->query, "%s", r->query);
    b->length = r->length;
    memcpy(b->body, r->body, r->length + 1);
    assert_string_equal(r->peer, "127.0.0.1");
    if (b->answer)
        web_answer(x, 200, "text/plain", "yes", 3, NULL);
    else
        b->late = x;
}

static int set_up_for(void **state, const struct field_strings *proxies)
{
    struct bench *b = calloc(1, sizeof *b);
    struct web_options options = {.listen = "127.0.0.1:0",
                                  .routes = b->routes,
                                  .proxies = proxies,
                                  .request_ms = 1500,
                                  .answer_ms = 1500};
    struct error err;

    signal(SIGPIPE, SIG_IGN);
    b->routes[0] = (struct web_route){"/in/", "GET POST", 4096, on_asked, b};
    b->base = options.base = event_base_new();
    b->answer = true;
    b->web = web_open(&options, &err);
    *state = b;
    return b->web == NULL;
}

static int set_up(void **state)
{
    static const struct field_strings none = {NULL, 0};

    return set_up_for(state, &none);
}

static int set_up_behind_proxy(void **state)
{
    static const char *const networks[] = {"127.0.0.0/8"};
    static const struct field_strings proxies = {networks, 1};

    return set_up_for(state, &proxies);
}

static int tear_down(void **state)
{
    struct bench *b = *state;

    web_close(b->web);
    event_base_free(b->base);
    free(b);
    return 0;
}

static int dial(const struct bench *b)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)web_port(b->web)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void turn(struct bench *b)
{
    event_base_loop(b->base, EVLOOP_NONBLOCK);
    usleep(500);
}

/* Sends what there is, and reads until the server closes. Returns what came. */
static const char *talk_on(struct bench *b, int fd, const char *bytes, size_t n)
{
    static char answer[8192];
    int64_t deadline_ms = clock_mono_ms() + PATIENCE_MS;
    size_t sent = 0, got = 0;
    ssize_t r = -1;

    while (clock_mono_ms() < deadline_ms) {
        if (sent < n) {
            r = send(fd, bytes + sent, n - sent, MSG_NOSIGNAL);
            sent += r > 0 ? (size_t)r : 0;
        }
        turn(b);
        r = recv(fd, answer + got, sizeof answer - 1 - got, 0);
        if (r == 0 || (r < 0 && errno != EAGAIN))
            break;
        got += r > 0 ? (size_t)r : 0;
    }
    if (r != 0 && errno != ECONNRESET)
        fail_msg("the server has not closed the connection");
    close(fd);
    answer[got] = '\0';
    return answer;
}

static const char *talk(struct bench *b, const char *bytes)
{
    return talk_on(b, dial(b), bytes, strlen(bytes));
}

static int status_of(const char *answer)
{
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : 0;
}

/* ------------------------------------------------------------ what is refused */
#define HOST "Host: x\r\n"
#define SECOND "POST /in/second HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"

static const struct fact {
    const char *name, *request;
    int status;
    unsigned asked;
} facts[] = {
    {"a GET", "GET /in/a?b=c HTTP/1.1\r\n" HOST "\r\n", 200, 1},
    {"a POST with its length", "POST /in/ HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi", 200, 1},
    {"a POST in chunks",
     "POST /in/ HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 200,
     1},
    {"a second request on one connection is never read",
     "POST /in/ HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi" SECOND, 200, 1},
    {"a path that is none of ours", "GET /out HTTP/1.1\r\n" HOST "\r\n", 404, 0},
    {"a method that is none of the route's",
     "PUT /in/ HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 405, 0},
    {"a length and chunks",
     "POST /in/ HTTP/1.1\r\n" HOST
     "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SECOND,
     400, 0},
    {"two lengths that differ",
     "POST /in/ HTTP/1.1\r\n" HOST "Content-Length: 2\r\nContent-Length: 0\r\n\r\nhi", 400, 0},
    {"two lengths that do not",
     "POST /in/ HTTP/1.1\r\n" HOST "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 400, 0},
    {"a length with a sign", "POST /in/ HTTP/1.1\r\n" HOST "Content-Length: +2\r\n\r\nhi", 400, 0},
    {"a negative length", "POST /in/ HTTP/1.1\r\n" HOST "Content-Length: -2\r\n\r\nhi", 400, 0},
    {"a length in hexadecimal", "POST /in/ HTTP/1.1\r\n" HOST "Content-Length: 0x2\r\n\r\nhi", 400,
     0},
    {"white space before the colon", "POST /in/ HTTP/1.1\r\n" HOST "Content-Length : 2\r\n\r\nhi",
     400, 0},
    {"a coding that is not chunked",
     "POST /in/ HTTP/1.1\r\n" HOST "Transfer-Encoding: x\r\n\r\nhi" SECOND, 400, 0},
    {"chunked and another",
     "POST /in/ HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, 0},
    {"two codings",
     "POST /in/ HTTP/1.1\r\n" HOST
     "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400, 0},
    {"no host", "GET /in/ HTTP/1.1\r\n\r\n", 400, 0},
    {"two hosts", "GET /in/ HTTP/1.1\r\n" HOST HOST "\r\n", 400, 0},
    {"an absolute URI", "GET http://other/in/ HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"a zero byte in the path", "GET /in/%00 HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"a zero byte in the query", "GET /in/?a=%00 HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"a backslash in the path", "GET /in/\\..\\x HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"bytes beyond ASCII in the path", "GET /in/\xe5\xa6\x87 HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"a GET with a body", "GET /in/ HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi", 400, 0},
    {"a DELETE with a body", "DELETE /in/ HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi", 400, 0},
    {"a body above the route's bound, by its length",
     "POST /in/ HTTP/1.1\r\n" HOST "Content-Length: 4097\r\n\r\n", 413, 0},
    {"garbage", "\x16\x03\x01\x02garbage\r\n\r\n", 400, 0},
};

static void test_fact(void **state)
{
    const struct fact *f = *state;
    void *bench = NULL;
    struct bench *b;
    const char *answer;

    assert_int_equal(set_up(&bench), 0);
    b = bench;
    answer = talk(b, f->request);
    /* Garbage may be cut off without a word. */
    if (status_of(answer) != f->status && !(f->status == 400 && status_of(answer) == 0))
        fail_msg("%.60s", answer);
    for (int i = 0; i < 20; i++)
        turn(b);
    assert_int_equal(b->asked, f->asked);
    tear_down(&bench);
}

/* --------------------------------------------------------------- behind a proxy */
#define XFF "X-Forwarded-For"

/* Proxies are 127.0.0.1 and 2001:db8::/32. */
static const struct forwarded {
    const char *name, *peer;
    const char *headers[3]; /* NULL: no more */
    const char *client;
} forwarded[] = {
    {"a stranger's word about himself is nothing", "192.0.2.9", {"192.0.2.1"}, "192.0.2.9"},
    {"a proxy's is believed", "127.0.0.1", {"192.0.2.1"}, "192.0.2.1"},
    {"of a proxy that is reached by IPv6, too", "2001:db8::7", {"192.0.2.1"}, "192.0.2.1"},
    {"an IPv4 address within IPv6 is that", "::ffff:127.0.0.1", {"192.0.2.1"}, "192.0.2.1"},
    {"what the client wrote stands before it", "127.0.0.1", {"192.0.2.1, 192.0.2.9"}, "192.0.2.9"},
    {"in a field of its own, too", "127.0.0.1", {"192.0.2.1", "192.0.2.9"}, "192.0.2.9"},
    {"a second proxy's is believed, further",
     "127.0.0.1",
     {"6.6.6.6, 192.0.2.1, 2001:db8::2"},
     "192.0.2.1"},
    {"over two fields", "127.0.0.1", {"6.6.6.6, 192.0.2.1", "2001:db8::2"}, "192.0.2.1"},
    {"white space does not matter", "127.0.0.1", {"6.6.6.6 ,\t 192.0.2.1 "}, "192.0.2.1"},
    {"a proxy that says nothing is itself", "127.0.0.1", {NULL}, "127.0.0.1"},
    {"and one that says nonsense", "127.0.0.1", {"192.0.2.1, unknown"}, "127.0.0.1"},
    {"or nothing at the end", "127.0.0.1", {"192.0.2.1,"}, "127.0.0.1"},
    {"or an empty list", "127.0.0.1", {"", " "}, "127.0.0.1"},
    {"or more than an address is",
     "127.0.0.1",
     {"11111111111111111111111111111111111111111111111111"},
     "127.0.0.1"},
    {"proxies alone end at the first", "127.0.0.1", {"2001:db8::1"}, "2001:db8::1"},
};

static void test_forwarded(void **state)
{
    static const char *const networks[] = {"127.0.0.1", "2001:db8::/32"};
    static const struct field_strings proxies = {networks, 2};
    const struct forwarded *f = *state;
    struct gateway_field headers[5] = {{"Host", "x", 1}};
    char peer[INET6_ADDRSTRLEN];
    size_t n = 1;

    for (size_t i = 0; i < 3 && f->headers[i] != NULL; i++)
        headers[n++] = (struct gateway_field){i == 0 ? "x-forwarded-for" : XFF, f->headers[i],
                                              strlen(f->headers[i])};
    headers[n++] = (struct gateway_field){"X-Real-IP", "6.6.6.6", 7};
    snprintf(peer, sizeof peer, "%s", f->peer);
    forwarded_find(peer, headers, n, &proxies);
    assert_string_equal(peer, f->client);
}

/* -------------------------------------------------------------------- the rest */
static void test_hands_over(void **state)
{
    struct bench *b = *state;
    const char *answer =
        talk(b, "POST /in/gw/tok%2Fen?id=%e5%a6%87&x HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n"
                "a\tb\nc");

    assert_int_equal(status_of(answer), 200);
    assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\nyes");
    assert_string_equal(b->path, "gw/tok%2Fen");
    assert_string_equal(b->query, "id=%e5%a6%87&x");
    assert_string_equal(b->body, "a\tb\nc");
}

static void test_body_bound(void **state)
{
    struct bench *b = *state;
    static char request[9000];
    size_t n = 0;

    n += (size_t)sprintf(request, "POST /in/ HTTP/1.1\r\n" HOST "Content-Length: 4096\r\n\r\n");
    memset(request + n, 'x', 4096);
    assert_int_equal(status_of(talk_on(b, dial(b), request, n + 4096)), 200);
    assert_int_equal(b->length, 4096);
    n = (size_t)sprintf(request,
                        "POST /in/ HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1001\r\n");
    memset(request + n, 'x', 4097);
    assert_int_not_equal(
        status_of(talk_on(b, dial(b), request,
                          n + 4097 + (size_t)sprintf(request + n + 4097, "\r\n0\r\n\r\n"))),
        200);
    assert_int_equal(b->asked, 1);
}

static void test_head_bound(void **state)
{
    struct bench *b = *state;
    static char request[200000];
    size_t n = (size_t)sprintf(request, "GET /in/ HTTP/1.1\r\n" HOST "A: ");

    memset(request + n, 'x', 100000);
    strcpy(request + n + 100000, "\r\n\r\n");
    assert_int_equal(status_of(talk(b, request)), 431);
    n = (size_t)sprintf(request, "GET /in/ HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 200; i++)
        n += (size_t)sprintf(request + n, "a%d: b\r\n", i);
    strcpy(request + n, "\r\n");
    assert_int_equal(status_of(talk(b, request)), 431);
    assert_int_equal(b->asked, 0);
}

static void test_late_answer(void **state)
{
    static const char request[] = "GET /in/ HTTP/1.1\r\n" HOST "\r\n";
    struct bench *b = *state;
    int fd = dial(b);
    struct web_exchange *x;

    b->answer = false;
    assert_int_equal(send(fd, request, sizeof request - 1, 0), sizeof request - 1);
    while (b->late == NULL)
        turn(b);
    x = b->late;
    web_answer(x, 503, "text/plain", "later", 5, NULL);
    assert_int_equal(status_of(talk_on(b, fd, "", 0)), 503);
}

static void test_no_answer(void **state)
{
    struct bench *b = *state;

    b->answer = false;
    assert_int_equal(status_of(talk(b, "GET /in/ HTTP/1.1\r\n" HOST "\r\n")), 503);
    web_answer(b->late, 200, "text/plain", "too late", 8, NULL); /* to nobody */
}

static void test_gone_before_answer(void **state)
{
    static const char request[] = "GET /in/ HTTP/1.1\r\n" HOST "\r\n";
    struct bench *b = *state;
    int fd = dial(b);

    b->answer = false;
    assert_int_equal(send(fd, request, sizeof request - 1, 0), sizeof request - 1);
    while (b->late == NULL)
        turn(b);
    close(fd);
    for (int i = 0; i < 20; i++)
        turn(b);
    web_answer(b->late, 200, "text/plain", "to nobody", 9, NULL);
    for (int i = 0; i < 20; i++)
        turn(b);
}

static void test_closed_before_answer(void **state)
{
    static const char request[] = "GET /in/ HTTP/1.1\r\n" HOST "\r\n";
    struct bench *b = *state;
    int fd = dial(b);

    b->answer = false;
    assert_int_equal(send(fd, request, sizeof request - 1, 0), sizeof request - 1);
    while (b->late == NULL)
        turn(b);
    web_close(b->web);
    b->web = NULL;
    web_answer(b->late, 200, "text/plain", "to nobody", 9, NULL);
    close(fd);
}

/* One byte now and then keeps a client from being silent, but not for ever. */
static void test_drip(void **state)
{
    struct bench *b = *state;
    int fd = dial(b), drops = 0;
    int64_t deadline_ms = clock_mono_ms() + PATIENCE_MS, next_ms = 0;
    char byte;

    send(fd, "GET /in/", 8, MSG_NOSIGNAL);
    for (;;) {
        ssize_t r;

        assert_true(clock_mono_ms() < deadline_ms);
        turn(b);
        r = recv(fd, &byte, 1, 0);
        if (r == 0 || (r < 0 && errno != EAGAIN))
            break;
        if (clock_mono_ms() >= next_ms) {
            next_ms = clock_mono_ms() + 50;
            drops += send(fd, "a", 1, MSG_NOSIGNAL) == 1;
        }
    }
    assert_true(drops > 5);
    assert_int_equal(b->asked, 0);
    close(fd);
}

static size_t refused_of_64(struct bench *b)
{
    int fds[64];
    char byte;
    size_t refused = 0;

    for (size_t i = 0; i < 64; i++)
        fds[i] = dial(b);
    for (int i = 0; i < 100; i++)
        turn(b);
    for (size_t i = 0; i < 64; i++) {
        ssize_t r = recv(fds[i], &byte, 1, 0);

        refused += r == 0 || (r < 0 && errno != EAGAIN);
    }
    for (size_t i = 0; i < 64; i++)
        close(fds[i]);
    for (int i = 0; i < 100; i++)
        turn(b);
    return refused;
}

/* While one address holds all its connections and says nothing, others are served:
 * those of another address; and when they are cut off, its own again. */
static void test_connections(void **state)
{
    struct bench *b = *state;

    assert_int_equal(refused_of_64(b), 32);
    assert_int_equal(status_of(talk(b, "GET /in/ HTTP/1.1\r\n" HOST "\r\n")), 200);
}

/* All come from its address. */
static void test_connections_of_a_proxy(void **state)
{
    assert_int_equal(refused_of_64(*state), 0);
}

static void test_address_in_use(void **state)
{
    struct bench *b = *state;
    char at[40];
    struct web_options options = {.base = b->base, .listen = at, .routes = b->routes};
    struct error err;

    snprintf(at, sizeof at, "127.0.0.1:%u", web_port(b->web));
    assert_null(web_open(&options, &err));
    assert_non_null(strstr(err.text, at));
    assert_non_null(strstr(err.text, strerror(EADDRINUSE)));
}

static void test_networks(void **state)
{
    static const struct {
        const char *network, *address;
        bool in;
    } rows[] = {
        {"192.0.2.0/24", "192.0.2.255", true},
        {"192.0.2.0/24", "192.0.3.0", false},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"2001:db8::/32", "2001:db8:ff::1", true},
        {"2001:db8::/32", "2001:db9::1", false},
        {"192.0.2.0/24", "::ffff:192.0.2.7", true},
        {"::/0", "192.0.2.7", true},
        {"nonsense", "192.0.2.7", false},
        {"192.0.2.0/24", "nonsense", false},
        {"192.0.2.0/33", "192.0.2.0", false},
    };
    static const char *const malformed[] = {
        "",           "192.0.2",        "192.0.2.0/33", "192.0.2.0/x",
        "192.0.2.0/", "2001:db8::/129", "192.0.2.1/24"};
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (network_contains(rows[i].network, rows[i].address) != rows[i].in)
            fail_msg("%s in %s", rows[i].address, rows[i].network);
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        assert_int_equal(network_check(malformed[i], &err), -1);
    assert_int_equal(network_check("192.0.2.0/24", &err), 0);
    assert_int_equal(network_check("2001:db8::1", &err), 0);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define ROWS(table) (sizeof table / sizeof table[0])

int main(void)
{
    static const struct CMUnitTest others[] = {
        WITH_SERVER(test_hands_over),
        WITH_SERVER(test_body_bound),
        WITH_SERVER(test_head_bound),
        WITH_SERVER(test_late_answer),
        WITH_SERVER(test_no_answer),
        WITH_SERVER(test_gone_before_answer),
        WITH_SERVER(test_closed_before_answer),
        WITH_SERVER(test_drip),
        WITH_SERVER(test_connections),
        cmocka_unit_test_setup_teardown(test_connections_of_a_proxy, set_up_behind_proxy,
                                        tear_down),
        WITH_SERVER(test_address_in_use),
        cmocka_unit_test(test_networks),
    };
    struct CMUnitTest tests[ROWS(facts) + ROWS(forwarded) + ROWS(others)], *t = tests;

    for (size_t i = 0; i < ROWS(facts); i++)
        *t++ =
            (struct CMUnitTest){facts[i].name, test_fact, NULL, NULL, (void *)(uintptr_t)&facts[i]};
    for (size_t i = 0; i < ROWS(forwarded); i++)
        *t++ = (struct CMUnitTest){forwarded[i].name, test_forwarded, NULL, NULL,
                                   (void *)(uintptr_t)&forwarded[i]};
    memcpy(t, others, sizeof others);
    return _cmocka_run_group_tests("web", tests, ROWS(tests), NULL, NULL);
}
