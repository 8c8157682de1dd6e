/*
 * http_sink.c - an HTTP/1.1 gateway to measure against: keep-alive, pipelining,
 * bodies by Content-Length or chunked, one write per read
 *
 * Every request gets the same answer: 200 and a small JSON body with a message
 * id that counts up. The first line of output is "port N"; counters come as one
 * line of JSON on SIGUSR1 and at SIGTERM or SIGINT.
 *
 * With --rest it looks for requests every so many microseconds, as a server does whose
 * network card gathers interrupts. Else each request wakes it, and is answered before
 * the next is sent: two processes on the same cores then measure the kernel's switching
 * between them, which no gateway that is somewhere else costs its client.
 */
#include "bench.h"
#include <ctype.h>
#include <getopt.h>
#include <signal.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

enum {
    READ_BYTES = 64 * 1024,
    HEAD_MAX = 64 * 1024,
    BODY_MAX = 8 << 20,
    CONNECTIONS = 8192, /* by descriptor */
    BUCKETS = 100,      /* of 10 ms, for the busiest second */
    BUCKET_US = 10000,
};

struct connection {
    int fd;
    bool watched_for_write;
    struct buffer in, out;
    struct {
        int64_t due_us;
        size_t bytes;
    } * held; /* answers that --latency keeps back: at the end of `out` */
    size_t held_count, held_size, held_bytes;
};

static struct {
    int port;
    int64_t latency_us;
    unsigned rest_us;
    unsigned status_pct, status;
    const char *stats, *reply;
} o = {.status = 503};

static struct {
    uint64_t requests, refused, malformed, connections, bytes_in, bytes_out, max_second;
    double first, last;
} count;

static int poll_fd, listen_fd, signal_fd;
static struct connection *connections[CONNECTIONS];
static int64_t now_us;

static struct {
    uint32_t taken[BUCKETS];
    uint64_t sum;
    int64_t at;
} second;

static void second_count(void)
{
    int64_t at = now_us / BUCKET_US;

    if (at - second.at >= BUCKETS) {
        memset(second.taken, 0, sizeof second.taken);
        second.sum = 0;
        second.at = at;
    }
    while (second.at < at) {
        second.at++;
        second.sum -= second.taken[second.at % BUCKETS];
        second.taken[second.at % BUCKETS] = 0;
    }
    second.taken[second.at % BUCKETS]++;
    if (++second.sum > count.max_second)
        count.max_second = second.sum;
}

static void print_counters(void)
{
    FILE *f = o.stats ? fopen(o.stats, "a") : stdout;
    double took = count.last - count.first;

    if (f == NULL)
        die(o.stats);
    fprintf(f,
            "{\"requests\":%llu,\"refused\":%llu,\"malformed\":%llu,\"connections\":%llu,\"bytes_"
            "in\":%llu,"
            "\"bytes_out\":%llu,\"max_second\":%llu,\"first\":%.6f,\"last\":%.6f,\"rate\":%.0f,"
            "\"cpu_s\":%.3f}\n",
            (unsigned long long)count.requests, (unsigned long long)count.refused,
            (unsigned long long)count.malformed, (unsigned long long)count.connections,
            (unsigned long long)count.bytes_in, (unsigned long long)count.bytes_out,
            (unsigned long long)count.max_second, count.first, count.last,
            took > 0 ? (double)count.requests / took : 0, cpu_s());
    if (f != stdout)
        fclose(f);
    else
        fflush(f);
}

static void answer(struct connection *c)
{
    char body[256], head[256];
    int n, h;
    bool bad = o.status_pct > 0 && count.requests * 7919 % 100 < o.status_pct;

    count.requests++;
    count.refused += bad;
    second_count();
    if (o.reply != NULL)
        n = snprintf(body, sizeof body, "%s", o.reply);
    else
        n = snprintf(body, sizeof body, "{\"status\":\"ok\",\"id\":\"%llu\"}\n",
                     (unsigned long long)count.requests);
    if (n < 0 || (size_t)n >= sizeof body)
        n = sizeof body - 1;
    h = snprintf(head, sizeof head,
                 "HTTP/1.1 %u %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
                 bad ? o.status : 200, bad ? "Refused" : "OK", n);
    buffer_add(&c->out, head, (size_t)h);
    buffer_add(&c->out, body, (size_t)n);
}

/* --- requests --------------------------------------------------------------------------- */

/* The value of a header line that begins with `name`, or NULL. */
static const char *header(const char *line, const char *end, const char *name)
{
    size_t n = strlen(name);

    if ((size_t)(end - line) <= n || line[n] != ':' || strncasecmp(line, name, n) != 0)
        return NULL;
    for (line += n + 1; line < end && (*line == ' ' || *line == '\t');)
        line++;
    return line;
}

/* The length of a whole chunked body at p: 0 if it has not all come, -1 if it is none. */
static ssize_t chunked_length(const char *p, const char *end)
{
    const char *at = p;

    for (;;) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        size_t size = 0;

        if (line == NULL)
            return end - at > 1024 ? -1 : 0;
        for (; at < line && isxdigit((unsigned char)*at); at++) {
            size = size * 16 +
                   (size_t)(isdigit((unsigned char)*at) ? *at - '0' : (*at | 32) - 'a' + 10);
            if (size > BODY_MAX)
                return -1;
        }
        at = line + 1;
        if (size == 0) { /* trailers, then an empty line */
            while ((line = memchr(at, '\n', (size_t)(end - at))) != NULL) {
                bool empty = line - at <= 1;

                at = line + 1;
                if (empty)
                    return at - p;
            }
            return 0;
        }
        if ((size_t)(end - at) < size + 2)
            return 0;
        at += size + 2;
    }
}

/* The length of the request at the head of `in`: 0 if it has not all come, -1 if it is none. */
static ssize_t request_length(struct connection *c, bool *closes)
{
    const char *p = c->in.p + c->in.start, *end = c->in.p + c->in.end;
    const char *body = memmem(p, (size_t)(end - p), "\r\n\r\n", 4), *line, *v;
    long long length = 0;
    bool chunked = false;
    ssize_t n;

    if (body == NULL)
        return end - p > HEAD_MAX ? -1 : 0;
    body += 4;
    for (line = memchr(p, '\n', (size_t)(body - p)); line != NULL && line + 1 < body;
         line = memchr(line, '\n', (size_t)(body - line))) {
        line++;
        if ((v = header(line, body, "content-length")) != NULL)
            length = strtoll(v, NULL, 10);
        else if ((v = header(line, body, "transfer-encoding")) != NULL)
            chunked = strncasecmp(v, "chunked", 7) == 0;
        else if ((v = header(line, body, "connection")) != NULL)
            *closes = strncasecmp(v, "close", 5) == 0;
        else if ((v = header(line, body, "expect")) != NULL &&
                 c->in.end - c->in.start == (size_t)(body - p))
            buffer_add(&c->out, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    }
    if (length < 0 || length > BODY_MAX)
        return -1;
    if (!chunked)
        return end - body < length ? 0 : body - p + length;
    n = chunked_length(body, end);
    return n > 0 ? body - p + n : n;
}

/* --- connections -------------------------------------------------------------------------- */

static void drop(struct connection *c)
{
    connections[c->fd] = NULL;
    close(c->fd);
    free(c->in.p);
    free(c->out.p);
    free(c->held);
    free(c);
}

/* Writes what --latency does not keep back. Returns -1 if the connection is gone. */
static int flush(struct connection *c)
{
    struct epoll_event e = {.data.fd = c->fd};
    size_t ready = buffer_length(&c->out) - c->held_bytes;
    ssize_t n = ready > 0 ? write(c->fd, c->out.p + c->out.start, ready) : 0;
    bool more;

    if (n < 0 && errno != EAGAIN) {
        drop(c);
        return -1;
    }
    if (n > 0) {
        buffer_eat(&c->out, (size_t)n);
        count.bytes_out += (uint64_t)n;
        ready -= (size_t)n;
    }
    more = ready > 0;
    if (more != c->watched_for_write) {
        e.events = EPOLLIN | (more ? (unsigned)EPOLLOUT : 0);
        epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &e);
        c->watched_for_write = more;
    }
    return 0;
}

static void hold(struct connection *c, size_t bytes)
{
    if (o.latency_us == 0 || bytes == 0)
        return;
    if (c->held_count == c->held_size) {
        c->held_size = c->held_size ? c->held_size * 2 : 16;
        c->held = grow(c->held, c->held_size * sizeof *c->held);
    }
    c->held[c->held_count].due_us = now_us + o.latency_us;
    c->held[c->held_count++].bytes = bytes;
    c->held_bytes += bytes;
}

static void release_held(void)
{
    for (int i = 0; i < CONNECTIONS; i++) {
        struct connection *c = connections[i];
        size_t n = 0;

        if (c == NULL || c->held_count == 0)
            continue;
        while (n < c->held_count && c->held[n].due_us <= now_us)
            c->held_bytes -= c->held[n++].bytes;
        memmove(c->held, c->held + n, (c->held_count - n) * sizeof *c->held);
        c->held_count -= n;
        if (n > 0)
            flush(c);
    }
}

static void read_some(struct connection *c)
{
    ssize_t n = read(c->fd, buffer_room(&c->in, READ_BYTES), READ_BYTES), length = 0;
    size_t before = buffer_length(&c->out);
    bool closes = false;

    if (n <= 0) {
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            drop(c);
        return;
    }
    c->in.end += (size_t)n;
    count.bytes_in += (uint64_t)n;
    count.last = (double)clock_us(CLOCK_REALTIME) / 1e6;
    if (count.requests == 0)
        count.first = count.last;
    while (!closes && buffer_length(&c->in) > 0 && (length = request_length(c, &closes)) > 0) {
        answer(c);
        buffer_eat(&c->in, (size_t)length);
    }
    hold(c, buffer_length(&c->out) - before);
    if (length < 0) {
        count.malformed++;
        drop(c);
    } else if (flush(c) == 0 && closes && length > 0)
        drop(c);
}

static void accept_some(void)
{
    int fd, on = 1;

    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

        if (fd >= CONNECTIONS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connections[fd] = grow(NULL, sizeof *connections[fd]);
        memset(connections[fd], 0, sizeof *connections[fd]);
        connections[fd]->fd = fd;
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &e);
        count.connections++;
    }
}

static void on_signal(void)
{
    struct signalfd_siginfo s;

    if (read(signal_fd, &s, sizeof s) != sizeof s)
        return;
    print_counters();
    if (s.ssi_signo != SIGUSR1)
        exit(0);
}

static void watch_signals(void)
{
    sigset_t set;
    struct epoll_event e = {.events = EPOLLIN};

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal_fd = e.data.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, signal_fd, &e);
    e.data.fd = listen_fd;
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, listen_fd, &e);
}

static void loop(void)
{
    struct epoll_event events[64];

    for (;;) {
        int n = epoll_wait(poll_fd, events, 64, o.latency_us > 0 ? 1 : -1);

        now_us = mono_us();
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;

            if (fd == listen_fd)
                accept_some();
            else if (fd == signal_fd)
                on_signal();
            else if (connections[fd] == NULL)
                continue;
            else if (events[i].events & ~(unsigned)EPOLLOUT)
                read_some(connections[fd]);
            else
                flush(connections[fd]);
        }
        if (o.latency_us > 0)
            release_held();
        if (o.rest_us > 0)
            usleep(o.rest_us);
    }
}

static const struct option options[] = {
    {"port", required_argument, 0, 'p'},
    {"latency", required_argument, 0, 'l'},
    {"rest", required_argument, 0, 'R'},
    {"fail-pct", required_argument, 0, 'f'},
    {"fail-status", required_argument, 0, 'F'},
    {"reply", required_argument, 0, 'r'},
    {"stats", required_argument, 0, 's'},
    {"help", no_argument, 0, 'h'},
    {0},
};

static const char usage[] =
    "usage: http_sink [--port N] [--latency MS] [--rest US] [--reply TEXT] [--fail-pct P] "
    "[--fail-status S] [--stats FILE]\n"
    "\n"
    "  --port N      listen on 127.0.0.1:N; 0, the default, lets the kernel choose\n"
    "  --latency MS  answer every request that much later\n"
    "  --rest US     look for requests only so often\n"
    "  --reply TEXT  the body of every answer, else {\"status\":\"ok\",\"id\":\"N\"}\n"
    "  --fail-pct P  so many percent are answered with --fail-status (503)\n";

int main(int argc, char **argv)
{
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'p':
            o.port = atoi(optarg);
            break;
        case 'l':
            o.latency_us = (int64_t)(atof(optarg) * 1000);
            break;
        case 'R':
            o.rest_us = (unsigned)atoi(optarg);
            break;
        case 'f':
            o.status_pct = (unsigned)atoi(optarg);
            break;
        case 'F':
            o.status = (unsigned)atoi(optarg);
            break;
        case 'r':
            o.reply = optarg;
            break;
        case 's':
            o.stats = optarg;
            break;
        default:
            fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : 64;
        }
    }
    prctl(PR_SET_TIMERSLACK, 1000); /* of 50 us by itself */
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    listen_fd = listen_local(o.port);
    watch_signals();
    loop();
}
