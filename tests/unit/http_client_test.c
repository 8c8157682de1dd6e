/*
 * The HTTP client against a server in the same loop that does what servers do at
 * their worst: above all, takes a request on a kept connection and hangs up.
 */
#include "clock.h"
#include "http_client.h"
#include "resolver.h"

#include <arpa/inet.h>
#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define ROWS(table) (sizeof table / sizeof table[0])

/* A request whose path begins with... is answered so; see on_request(). */
struct server {
    struct event_base *base;
    struct evconnlistener *listener;
    unsigned port;
    unsigned connections, requests;
    unsigned copies; /* of requests with "copy" in their path */
    char last[4096]; /* request with its body */
};

struct result {
    unsigned runs;
    struct gateway_http_response response;
    char body[256], trouble[256];
    struct event_base *base;
};

static void answer(struct bufferevent *bev, const char *status, const char *headers,
                   const char *body)
{
    evbuffer_add_printf(bufferevent_get_output(bev),
                        "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n%s", status, strlen(body),
                        headers, body);
}

static void on_request(struct server *s, struct bufferevent *bev, const char *path)
{
    struct linger reset = {1, 0};

    s->requests++;
    if (strstr(path, "copy") != NULL)
        s->copies++;
    if (strncmp(path, "/fin", 4) == 0 || strncmp(path, "/rst", 4) == 0) {
        if (path[1] == 'r')
            setsockopt(bufferevent_getfd(bev), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        bufferevent_free(bev);
    } else if (strncmp(path, "/half", 5) == 0) {
        evbuffer_add_printf(bufferevent_get_output(bev),
                            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        bufferevent_flush(bev, EV_WRITE, BEV_FINISHED);
        shutdown(bufferevent_getfd(bev), SHUT_RD);
    } else if (strncmp(path, "/big", 4) == 0) {
        evbuffer_add_printf(bufferevent_get_output(bev),
                            "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n", HTTP_ANSWER_BYTES + 1);
        for (unsigned i = 0; i <= HTTP_ANSWER_BYTES; i++)
            evbuffer_add(bufferevent_get_output(bev), "x", 1);
    } else if (strncmp(path, "/mute", 5) == 0) {
        return;
    } else if (strncmp(path, "/busy", 5) == 0) {
        answer(bev, "503 Busy", "Retry-After: 7\r\n", "later");
    } else if (strncmp(path, "/date", 5) == 0) {
        answer(bev, "429 Slow", "Retry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\n", "");
    } else if (strncmp(path, "/moved", 6) == 0) {
        answer(bev, "302 Found", "Location: /ok-copy\r\n", "");
    } else {
        answer(bev, "200 OK", "", "hello");
    }
}

/* Whole requests: head, and a body of its Content-Length. */
static void on_read(struct bufferevent *bev, void *arg)
{
    struct evbuffer *in = bufferevent_get_input(bev);
    struct server *s = arg;
    size_t n = evbuffer_get_length(in), head, body = 0;
    char text[sizeof s->last], path[256], *end, *length;

    n = n < sizeof text - 1 ? n : sizeof text - 1;
    evbuffer_copyout(in, text, n);
    text[n] = '\0';
    end = strstr(text, "\r\n\r\n");
    if (end == NULL)
        return;
    head = (size_t)(end + 4 - text);
    length = strcasestr(text, "Content-Length:");
    if (length != NULL)
        body = strtoul(length + 15, NULL, 10);
    if (n < head + body)
        return;
    evbuffer_drain(in, head + body);
    memcpy(s->last, text, sizeof text);
    sscanf(text, "%*s %255s", path);
    on_request(s, bev, path);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)arg;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        bufferevent_free(bev);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int n,
                      void *arg)
{
    struct server *s = arg;
    struct bufferevent *bev = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);

    (void)l;
    (void)sa;
    (void)n;
    s->connections++;
    bufferevent_setcb(bev, on_read, NULL, on_event, s);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static void server_start(struct server *s, struct event_base *base)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof sin;

    memset(s, 0, sizeof *s);
    s->base = base;
    s->listener = evconnlistener_new_bind(base, on_accept, s, LEV_OPT_CLOSE_ON_FREE, 128,
                                          (struct sockaddr *)&sin, sizeof sin);
    assert_non_null(s->listener);
    assert_int_equal(getsockname(evconnlistener_get_fd(s->listener), (struct sockaddr *)&sin, &n),
                     0);
    s->port = ntohs(sin.sin_port);
}

static void on_response(void *arg, const struct gateway_http_response *r)
{
    struct result *result = arg;

    result->runs++;
    result->response = *r;
    snprintf(result->body, sizeof result->body, "%s", r->body);
    snprintf(result->trouble, sizeof result->trouble, "%s", r->trouble == NULL ? "" : r->trouble);
    event_base_loopbreak(result->base);
}

struct world {
    struct event_base *base;
    struct server server;
    struct resolver *resolver;
    struct http_client *client;
};

static void world_open(struct world *w)
{
    w->base = event_base_new();
    server_start(&w->server, w->base);
    w->resolver = resolver_create(w->base, NULL);
    w->client = http_client_create(w->base, w->resolver);
}

static void world_close(struct world *w)
{
    http_client_free(w->client);
    resolver_free(w->resolver);
    evconnlistener_free(w->server.listener);
    event_base_loop(w->base, EVLOOP_NONBLOCK); /* connections see their end */
    event_base_loop(w->base, EVLOOP_NONBLOCK);
    event_base_free(w->base);
}

/* One request to host:port of the server, and its result. */
static struct result fetch_from(struct world *w, const char *method, const char *host,
                                const char *path, const char *body, int64_t timeout_ms)
{
    char url[300];
    struct result result = {.base = w->base};
    struct gateway_http_request request = {.method = method, .url = url, .timeout_ms = timeout_ms};

    snprintf(url, sizeof url, "http://%s:%u%s", host, w->server.port, path);
    request.body = body;
    request.length = body == NULL ? 0 : strlen(body);
    http_client_send(w->client, &request, NULL, on_response, &result);
    assert_int_equal(result.runs, 0); /* in a later turn */
    event_base_dispatch(w->base);
    assert_int_equal(result.runs, 1);
    return result;
}

static struct result fetch(struct world *w, const char *method, const char *path, const char *body)
{
    return fetch_from(w, method, "127.0.0.1", path, body, 2000);
}

static void test_answers(void **state)
{
    struct result r;
    struct world w;

    (void)state;
    world_open(&w);
    r = fetch(&w, "GET", "/ok?a=b", NULL);
    assert_int_equal(r.response.result, GATEWAY_HTTP_ANSWERED);
    assert_int_equal(r.response.status, 200);
    assert_string_equal(r.body, "hello");
    assert_int_equal(r.response.length, 5);
    assert_non_null(strstr(w.server.last, "GET /ok?a=b HTTP/1.1\r\n"));
    r = fetch(&w, "GET", "?a=b#part", NULL); /* RFC 9112, 3.2.1: an empty path is sent as "/" */
    assert_non_null(strstr(w.server.last, "GET /?a=b HTTP/1.1\r\n"));
    r = fetch(&w, "GET", "", NULL);
    assert_non_null(strstr(w.server.last, "GET / HTTP/1.1\r\n"));
    r = fetch(&w, "POST", "/ok", "{\"a\":1}");
    assert_int_equal(r.response.status, 200);
    assert_non_null(strstr(w.server.last, "POST /ok HTTP/1.1\r\n"));
    assert_non_null(strstr(w.server.last, "\r\n\r\n{\"a\":1}"));
    r = fetch(&w, "POST", "/ok", "");
    assert_non_null(strstr(w.server.last, "Content-Length: 0\r\n"));
    r = fetch(&w, "GET", "/busy", NULL);
    assert_int_equal(r.response.status, 503);
    assert_int_equal(r.response.retry_after_ms, 7000);
    r = fetch(&w, "GET", "/date", NULL);
    assert_int_equal(r.response.retry_after_ms, 24 * 3600 * 1000); /* capped */
    r = fetch(&w, "GET", "/moved", NULL);
    assert_int_equal(r.response.status, 302);
    assert_int_equal(w.server.copies, 0);      /* no redirect is followed */
    assert_int_equal(w.server.connections, 1); /* one was kept for all of them */
    world_close(&w);
}

/* The gateway has the message and says nothing: one copy, and we say that we do not know. */
static const struct resend {
    const char *name, *method, *path, *body;
    bool reused; /* on a connection that has served before */
} resends[] = {
    {"GET on a kept connection, closed", "GET", "/fin-copy", NULL, true},
    {"POST on a kept connection, closed", "POST", "/fin-copy", "to=1&text=a", true},
    {"POST without a body, closed", "POST", "/fin-copy", "", true},
    {"GET on a kept connection, reset", "GET", "/rst-copy", NULL, true},
    {"POST on a kept connection, reset", "POST", "/rst-copy", "to=1&text=a", true},
    {"GET on a new connection, closed", "GET", "/fin-copy", NULL, false},
    {"POST on a new connection, reset", "POST", "/rst-copy", "to=1&text=a", false},
    {"half an answer", "POST", "/half-copy", "to=1&text=a", true},
};

static void test_resend(void **state)
{
    const struct resend *f = *state;
    struct result r;
    struct world w;

    world_open(&w);
    if (f->reused)
        assert_int_equal(fetch(&w, "GET", "/ok", NULL).response.status, 200);
    r = fetch(&w, f->method, f->path, f->body);
    assert_int_equal(w.server.copies, 1);
    assert_int_equal(r.response.result, GATEWAY_HTTP_AMBIGUOUS);
    assert_true(*r.trouble != '\0');
    assert_int_equal(fetch(&w, "GET", "/ok", NULL).response.status, 200); /* and goes on */
    world_close(&w);
}

static void test_troubles(void **state)
{
    struct result r;
    struct world w;

    (void)state;
    world_open(&w);
    r = fetch_from(&w, "GET", "127.0.0.1", "/mute-copy", NULL, 100);
    assert_int_equal(r.response.result, GATEWAY_HTTP_AMBIGUOUS);
    r = fetch(&w, "GET", "/big", NULL);
    assert_int_equal(r.response.result, GATEWAY_HTTP_AMBIGUOUS);
    assert_string_equal(r.trouble, "the answer is larger than 1 MiB");
    evconnlistener_free(w.server.listener);
    w.server.listener = NULL;
    r = fetch_from(&w, "GET", "127.0.0.2", "/ok", NULL, 1000); /* nobody listens */
    assert_int_equal(r.response.result, GATEWAY_HTTP_UNSENT);
    w.server.listener =
        evconnlistener_new(w.base, on_accept, &w.server, 0, -1, socket(AF_INET, SOCK_STREAM, 0));
    world_close(&w);
}

/* A permission to send that has run out is not used; one that has not, is. */
static void test_send_by(void **state)
{
    struct result r = {0}, again = {0};
    struct world w;
    char url[64];
    struct gateway_http_request request = {
        .method = "POST", .url = url, .body = "a", .length = 1, .timeout_ms = 2000};

    (void)state;
    world_open(&w);
    r.base = again.base = w.base;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/ok-copy", w.server.port);
    request.send_by_ms = clock_boot_ms() - 1;
    http_client_send(w.client, &request, NULL, on_response, &r);
    event_base_dispatch(w.base);
    assert_int_equal(r.response.result, GATEWAY_HTTP_UNSENT);
    assert_string_equal(r.trouble, "it could not be sent in its time");
    assert_int_equal(w.server.copies, 0);
    request.send_by_ms = clock_boot_ms() + 5000;
    http_client_send(w.client, &request, NULL, on_response, &again);
    event_base_dispatch(w.base);
    assert_int_equal(again.response.status, 200);
    assert_int_equal(w.server.copies, 1);
    world_close(&w);
}

static void test_refused_requests(void **state)
{
    static const char *const bad_headers[] = {"X: y\r\nEvil: 1", NULL};
    static const struct {
        struct gateway_http_request request;
        const char *trouble;
    } rows[] = {
        {{.method = "GET", .url = "ftp://127.0.0.1/"},
         "the request's URL is neither http nor https"},
        {{.method = "GET", .url = "file:///etc/passwd"},
         "the request's URL is neither http nor https"},
        {{.method = "GET", .url = "http:///x"}, "the request's URL has a malformed host"},
        {{.method = "GET", .url = "http://a b/"}, "the request's URL has a malformed host"},
        {{.method = "GET", .url = "http://127.0.0.1:70000/"},
         "the request's URL has a malformed host"},
        {{.method = "GET", .url = "http://127.0.0.1/a b"},
         "the request's URL has a space or a control character in it"},
        {{.method = "GET", .url = "http://127.0.0.1/ HTTP/1.1\r\nEvil: 1"},
         "the request's URL has a space or a control character in it"},
        {{.method = "PUT", .url = "http://127.0.0.1/"},
         "the request's method is neither GET nor POST"},
        {{.method = "GET", .url = "http://127.0.0.1/", .headers = bad_headers},
         "a header of the request has a line end in it"},
    };
    struct world w;

    (void)state;
    world_open(&w);
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct result r = {.base = w.base};

        http_client_send(w.client, &rows[i].request, NULL, on_response, &r);
        assert_int_equal(r.runs, 0);
        event_base_dispatch(w.base);
        assert_int_equal(r.response.result, GATEWAY_HTTP_UNSENT);
        assert_string_equal(r.trouble, rows[i].trouble);
    }
    world_close(&w);
}

/* "localhost" is in /etc/hosts; the name that ends in .invalid is nobody's (RFC 2606). */
static void test_names(void **state)
{
    struct result r;
    struct world w;

    (void)state;
    world_open(&w);
    r = fetch_from(&w, "GET", "localhost", "/ok", NULL, 2000);
    assert_int_equal(r.response.status, 200);
    r = fetch_from(&w, "GET", "LOCALHOST", "/ok", NULL, 2000);
    assert_int_equal(r.response.status, 200);
    world_close(&w);
}

/* In the place of libc's, for libcurl and libevent too: a name server that is far away. */
#define FAR_MS 2000
static unsigned far_lookups;

int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
    (void)name;
    (void)service;
    (void)hints;
    (void)result;
    far_lookups++;
    usleep(FAR_MS * 1000);
    return EAI_AGAIN;
}

/* A name server in the same loop that thinks before it answers "127.0.0.1". */
struct slow_dns {
    struct event_base *base;
    struct evdns_server_port *port;
    int64_t delay_ms;
    unsigned questions;
    char conf[64];
};

static unsigned slow_dns_answers; /* of the present one */

static void answer_dns(evutil_socket_t fd, short what, void *arg)
{
    struct evdns_server_request *request = arg;
    static const unsigned char here[4] = {127, 0, 0, 1};

    (void)fd;
    (void)what;
    if (request->questions[0]->type == EVDNS_TYPE_A)
        evdns_server_request_add_a_reply(request, request->questions[0]->name, 1, here, 60);
    evdns_server_request_respond(request, 0);
    slow_dns_answers++;
}

static void on_dns(struct evdns_server_request *request, void *arg)
{
    struct slow_dns *d = arg;
    struct timeval later = {d->delay_ms / 1000, d->delay_ms % 1000 * 1000};

    d->questions++;
    event_base_once(d->base, -1, EV_TIMEOUT, answer_dns, request, &later);
}

static void slow_dns_start(struct slow_dns *d, struct event_base *base, int64_t delay_ms)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof sin;
    int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), file;

    assert_int_equal(bind(udp, (struct sockaddr *)&sin, sizeof sin), 0);
    assert_int_equal(getsockname(udp, (struct sockaddr *)&sin, &n), 0);
    slow_dns_answers = 0;
    *d = (struct slow_dns){.base = base, .delay_ms = delay_ms, .conf = "/tmp/resolv.XXXXXX"};
    d->port = evdns_add_server_port_with_base(base, udp, 0, on_dns, d);
    file = mkstemp(d->conf);
    assert_true(file >= 0);
    dprintf(file, "nameserver 127.0.0.1:%u\n", ntohs(sin.sin_port));
    close(file);
}

/* How long the loop had no turn, at the most. */
struct pulse {
    struct event *event;
    int64_t last_ms, stall_ms;
};

static void on_pulse(evutil_socket_t fd, short what, void *arg)
{
    struct pulse *p = arg;
    int64_t now = clock_mono_ms();

    (void)fd;
    (void)what;
    p->stall_ms = now - p->last_ms > p->stall_ms ? now - p->last_ms : p->stall_ms;
    p->last_ms = now;
}

/* A request to a name whose look-up takes delay_ms, and the longest stall meanwhile. */
static struct result fetch_slowly(int64_t delay_ms, int64_t timeout_ms, int64_t *stall_ms)
{
    static const struct timeval often = {0, 5000};
    struct slow_dns dns;
    struct result r;
    struct world w;
    struct pulse pulse = {.last_ms = clock_mono_ms()};

    world_open(&w);
    slow_dns_start(&dns, w.base, delay_ms);
    http_client_free(w.client);
    resolver_free(w.resolver);
    w.resolver = resolver_create(w.base, dns.conf);
    w.client = http_client_create(w.base, w.resolver);
    pulse.event = event_new(w.base, -1, EV_PERSIST, on_pulse, &pulse);
    event_add(pulse.event, &often);
    r = fetch_from(&w, "GET", "slow.example", "/ok", NULL, timeout_ms);
    on_pulse(-1, 0, &pulse);
    *stall_ms = pulse.stall_ms;
    assert_true(dns.questions > 0);
    while (slow_dns_answers < dns.questions)
        event_base_loop(w.base, EVLOOP_ONCE);
    event_free(pulse.event);
    world_close(&w);
    evdns_close_server_port(dns.port);
    unlink(dns.conf);
    return r;
}

/* A loop that waits for the name is held up every time; a busy machine is not. */
static void test_slow_names(void **state)
{
    static const struct {
        int64_t delay_ms, timeout_ms;
        enum gateway_http_result result;
    } rows[] = {
        {300, 60000, GATEWAY_HTTP_ANSWERED},
        {700, 200, GATEWAY_HTTP_UNSENT}, /* given up before the name is known */
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        int64_t stall_ms = INT64_MAX;

        for (int tries = 0; tries < 10 && stall_ms >= 50; tries++) {
            struct result r = fetch_slowly(rows[i].delay_ms, rows[i].timeout_ms, &stall_ms);

            assert_int_equal(r.response.result, rows[i].result);
            assert_int_equal(r.response.status, rows[i].result == GATEWAY_HTTP_ANSWERED ? 200 : 0);
        }
        assert_in_range(stall_ms, 0, 49);
    }
    assert_int_equal(far_lookups, 0);
}

static void test_cancel(void **state)
{
    struct result r = {0};
    struct world w;
    struct http_call *call;
    char url[64];
    struct gateway_http_request request = {.method = "GET", .url = url};

    (void)state;
    world_open(&w);
    r.base = w.base;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/mute", w.server.port);
    call = http_client_send(w.client, &request, NULL, on_response, &r);
    event_base_loop(w.base, EVLOOP_NONBLOCK);
    http_call_cancel(call);
    request.url = "nothing";
    call = http_client_send(w.client, &request, NULL, on_response, &r);
    http_call_cancel(call);
    http_client_send(w.client, &request, NULL, on_response, &r); /* left to http_client_free() */
    world_close(&w);
    assert_int_equal(r.runs, 0);
}

/* More at once than there may be connections: all are answered. */
static void test_many(void **state)
{
    static struct result results[600];
    struct world w;
    char url[64];
    struct gateway_http_request request = {.method = "GET", .url = url};
    size_t done = 0;

    (void)state;
    world_open(&w);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/ok", w.server.port);
    for (size_t i = 0; i < ROWS(results); i++) {
        results[i] = (struct result){.base = w.base};
        http_client_send(w.client, &request, NULL, on_response, &results[i]);
    }
    while (done < ROWS(results)) {
        event_base_dispatch(w.base);
        for (done = 0; done < ROWS(results) && results[done].runs == 1;)
            done++;
    }
    for (size_t i = 0; i < ROWS(results); i++)
        assert_int_equal(results[i].response.status, 200);
    assert_in_range(w.server.connections, 1, HTTP_CONNECTIONS);
    world_close(&w);
}

/* A host that takes its time is given more connections, up to the most there may be; what
 * then still waits is dropped in its time, unsent, and nothing of it goes out later. */
static void test_waiting(void **state)
{
    static struct result results[HTTP_CONNECTIONS + 2];
    struct world w;
    char url[64];
    struct gateway_http_request request = {.method = "POST", .url = url, .timeout_ms = 60000};
    struct http_call *call, *last;

    (void)state;
    world_open(&w);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/mute-copy", w.server.port);
    for (size_t i = 0; i < HTTP_CONNECTIONS; i++) {
        results[i] = (struct result){.base = w.base};
        call = http_client_send(w.client, &request, NULL, on_response, &results[i]);
    }
    results[HTTP_CONNECTIONS] = results[HTTP_CONNECTIONS + 1] = (struct result){.base = w.base};
    request.send_by_ms = clock_boot_ms() + 60000;
    last = http_client_send(w.client, &request, NULL, on_response, &results[HTTP_CONNECTIONS + 1]);
    request.timeout_ms = 300;
    http_client_send(w.client, &request, NULL, on_response, &results[HTTP_CONNECTIONS]);
    while (w.server.copies < HTTP_CONNECTIONS || results[HTTP_CONNECTIONS].runs == 0)
        event_base_loop(w.base, EVLOOP_ONCE);
    assert_int_equal(results[HTTP_CONNECTIONS].response.result, GATEWAY_HTTP_UNSENT);
    assert_string_equal(results[HTTP_CONNECTIONS].trouble, "it could not be sent in its time");
    assert_int_equal(w.server.copies, HTTP_CONNECTIONS);
    assert_int_equal(w.server.connections, HTTP_CONNECTIONS);
    http_call_cancel(last);
    http_call_cancel(call); /* room for one, and nobody left who wants it */
    for (int i = 0; i < 20; i++)
        event_base_loop(w.base, EVLOOP_NONBLOCK);
    assert_int_equal(w.server.copies, HTTP_CONNECTIONS);
    assert_int_equal(results[HTTP_CONNECTIONS + 1].runs, 0);
    world_close(&w);
}

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_answers),  cmocka_unit_test(test_send_by),
        cmocka_unit_test(test_troubles), cmocka_unit_test(test_refused_requests),
        cmocka_unit_test(test_names),    cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_many),     cmocka_unit_test(test_slow_names),
        cmocka_unit_test(test_waiting),
    };
    struct CMUnitTest tests[ROWS(resends) + ROWS(others)];

    for (size_t i = 0; i < ROWS(resends); i++)
        tests[i] =
            (struct CMUnitTest){resends[i].name, test_resend, NULL, NULL, (void *)&resends[i]};
    memcpy(tests + ROWS(resends), others, sizeof others);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
