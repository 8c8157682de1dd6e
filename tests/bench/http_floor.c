/*
 * http_floor.c - what libcurl's multi interface does by itself, with no daemon around
 *
 * The same requests to the same sink: GETs with a text in their query, each with an answer
 * that is read and checked, on kept connections that are always busy, driven by epoll and
 * curl_multi_socket_action() as by a program that makes good use of it. No queue, no ledger,
 * no log: beside this figure the daemon's shows what it adds.
 */
#include "bench.h"
#include <curl/curl.h>
#include <getopt.h>
#include <sys/epoll.h>

enum { CONNECTIONS_MAX = 1024 };

/* A text of one segment, as long as the campaign's. */
#define TEXT                                                                                       \
    "%E3%80%90%E6%98%A5%E9%A3%8E%E5%8C%BA%E5%A6%87%E8%81%94%E3%80%91%E7%8E%8B%E7%A7%80%E8%8B%B1%"  \
    "E6%82%A8%E5%A5%BD%EF%BC%9A%E4%B8%89%E5%85%AB%E7%BB%B4%E6%9D%83%E5%91%A8%E6%B3%95%E5%BE%8B%"   \
    "E5%92%A8%E8%AF%A23%E6%9C%888%E6%97%A59%3A00%E5%9C%A8%E6%98%A5%E9%A3%8E%E7%A4%BE%E5%8C%BA%"    \
    "E5%B9%BF%E5%9C%BA%E4%B8%BE%E5%8A%9E%EF%BC%8C%E6%AC%A2%E8%BF%8E%E5%8F%82%E5%8A%A0%E3%80%82%"   \
    "E8%AF%A6%E8%AF%A212338%EF%BC%8C%E6%8B%92%E6%94%B6%E8%AF%B7%E5%9B%9E%E5%A4%8DR"

struct call {
    CURL *easy;
    char url[2048];
    size_t length; /* of the answer */
};

static struct {
    int port;
    long requests, connections;
} o = {.requests = 100000, .connections = 32};

static CURLM *multi;
static int poll_fd;
static unsigned watched[65536]; /* epoll events by descriptor */
static int64_t timer_us = -1;   /* when libcurl wants to be called */
static long started, done;

static void check(CURLcode code)
{
    if (code != CURLE_OK)
        fail("libcurl: %s", curl_easy_strerror(code));
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct call *c = arg;

    (void)bytes;
    c->length += size * n;
    return size * n;
}

/* A socket stays watched while its connection is idle: two system calls less a request. */
static int on_watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
    struct epoll_event e = {.data.fd = fd};

    (void)easy, (void)arg, (void)unused;
    if (what == CURL_POLL_REMOVE)
        return 0;
    e.events = (what & CURL_POLL_IN ? (unsigned)EPOLLIN : 0) |
               (what & CURL_POLL_OUT ? (unsigned)EPOLLOUT : 0);
    if (watched[fd] != e.events)
        epoll_ctl(poll_fd, watched[fd] ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e);
    watched[fd] = e.events;
    return 0;
}

static int on_close(void *arg, curl_socket_t fd)
{
    (void)arg;
    watched[fd] = 0;
    return close(fd);
}

static int on_timer(CURLM *m, long timeout_ms, void *arg)
{
    (void)m, (void)arg;
    timer_us = timeout_ms < 0 ? -1 : mono_us() + timeout_ms * 1000;
    return 0;
}

static void start(struct call *c)
{
    started++;
    c->length = 0;
    snprintf(c->url, sizeof c->url,
             "http://127.0.0.1:%d/sendsms?from=10690000&to=%%2B86138%08ld&text=%s"
             "&charset=UTF-8",
             o.port, started, TEXT);
    check(curl_easy_setopt(c->easy, CURLOPT_URL, c->url));
    curl_multi_add_handle(multi, c->easy);
}

static void take_answers(void)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(multi, &left)) != NULL) {
        CURL *easy = m->easy_handle;
        struct call *c;
        long status;

        check(m->data.result);
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &c);
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        if (status != 200 || c->length == 0)
            fail("an answer of status %ld and %zu bytes", status, c->length);
        curl_multi_remove_handle(multi, easy);
        done++;
        if (started < o.requests)
            start(c);
    }
}

static void open_calls(struct call *calls)
{
    for (long i = 0; i < o.connections; i++) {
        CURL *easy = calls[i].easy = curl_easy_init();

        curl_easy_setopt(easy, CURLOPT_PRIVATE, &calls[i]);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
        curl_easy_setopt(easy, CURLOPT_USERAGENT, "outreachd");
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &calls[i]);
        curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
        if (started < o.requests)
            start(&calls[i]);
    }
}

static void run(void)
{
    struct epoll_event events[CONNECTIONS_MAX];
    int running;

    while (done < o.requests) {
        int64_t wait_us = timer_us < 0 ? -1 : timer_us - mono_us();
        int n = epoll_wait(poll_fd, events, CONNECTIONS_MAX,
                           timer_us < 0  ? -1
                           : wait_us < 0 ? 0
                                         : (int)((wait_us + 999) / 1000));

        for (int i = 0; i < n; i++)
            curl_multi_socket_action(
                multi, events[i].data.fd,
                (events[i].events & ~(unsigned)EPOLLOUT ? CURL_CSELECT_IN : 0) |
                    (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0),
                &running);
        if (timer_us >= 0 && mono_us() >= timer_us) {
            timer_us = -1;
            curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
        }
        take_answers();
    }
}

static const char usage[] =
    "usage: http_floor --port N [--requests N] [--connections N]\n"
    "\n"
    "Sends so many requests (100000) to 127.0.0.1:N through so many connections (32), and\n"
    "prints what it reached as a line of JSON.\n";

int main(int argc, char **argv)
{
    static const struct option options[] = {{"port", required_argument, 0, 'p'},
                                            {"requests", required_argument, 0, 'r'},
                                            {"connections", required_argument, 0, 'c'},
                                            {"help", no_argument, 0, 'h'},
                                            {0}};
    struct call *calls;
    int64_t began;
    double cpu;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'p')
            o.port = atoi(optarg);
        else if (c == 'r')
            o.requests = atol(optarg);
        else if (c == 'c')
            o.connections = atol(optarg);
        else {
            fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : 64;
        }
    }
    if (o.port == 0 || o.requests < 1 || o.connections < 1 || o.connections > CONNECTIONS_MAX) {
        fputs(usage, stderr);
        return 64;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    multi = curl_multi_init();
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_watch);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    calls = grow(NULL, (size_t)o.connections * sizeof *calls);
    memset(calls, 0, (size_t)o.connections * sizeof *calls);
    cpu = cpu_s();
    began = mono_us();
    open_calls(calls);
    run();
    printf("{\"per_second\":%.0f,\"cpu_s_per_million\":%.2f}\n",
           (double)o.requests * 1e6 / (double)(mono_us() - began),
           (cpu_s() - cpu) * 1e6 / (double)o.requests);
    for (long i = 0; i < o.connections; i++)
        curl_easy_cleanup(calls[i].easy);
    curl_multi_cleanup(multi);
    free(calls);
    return 0;
}
