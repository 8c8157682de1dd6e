/*
 * bench.h - what the programs of the benchmark share: clocks, CPU time, a
 * growing buffer, network order, and a listening socket on 127.0.0.1
 *
 * Each program here is one file and includes nothing of the daemon's, so that
 * a change there cannot move the yardstick. Out of memory and failing system
 * calls end the program with a word: a benchmark that limps measures nothing.
 */
#ifndef BENCH_H
#define BENCH_H

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BENCH_UNUSED __attribute__((unused))

/* Says "program: what: errno" and exits 1. */
BENCH_UNUSED __attribute__((noreturn)) static void die(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    exit(1);
}

/* Says "program: message" and exits 1. */
BENCH_UNUSED __attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format,
                                                                              ...)
{
    va_list ap;

    va_start(ap, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

BENCH_UNUSED static void *grow(void *old, size_t bytes)
{
    void *p = realloc(old, bytes);

    if (p == NULL)
        die("memory");
    return p;
}

BENCH_UNUSED static int64_t clock_us(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Microseconds that only go forward. */
BENCH_UNUSED static int64_t mono_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

/* CPU seconds of this process so far, user and system. */
BENCH_UNUSED static double cpu_s(void)
{
    struct rusage r;

    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* CPU seconds of another process so far, all threads, to the nanosecond where
 * /proc/PID/stat would give hundredths. 0 if there is no such process. */
BENCH_UNUSED static double cpu_s_of(int pid)
{
    char path[300];
    unsigned long long ns, sum = 0;
    struct dirent *e;
    DIR *d;

    snprintf(path, sizeof path, "/proc/%d/task", pid);
    if ((d = opendir(path)) == NULL)
        return 0;
    while ((e = readdir(d)) != NULL) {
        FILE *f;

        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, e->d_name);
        if (e->d_name[0] == '.' || (f = fopen(path, "r")) == NULL)
            continue;
        if (fscanf(f, "%llu", &ns) == 1)
            sum += ns;
        fclose(f);
    }
    closedir(d);
    return (double)sum / 1e9;
}

/* A buffer that grows at its end and is eaten from its beginning. */
struct buffer {
    char *p;
    size_t start, end, size;
};

/* Makes room for `more` bytes at the end and returns where they go; the caller
 * then raises b->end by what it wrote. */
BENCH_UNUSED static char *buffer_room(struct buffer *b, size_t more)
{
    if (b->start > 0 && b->size - b->end < more) {
        memmove(b->p, b->p + b->start, b->end - b->start);
        b->end -= b->start;
        b->start = 0;
    }
    if (b->size - b->end < more) {
        b->size = (b->end + more) * 2;
        b->p = grow(b->p, b->size);
    }
    return b->p + b->end;
}

BENCH_UNUSED static void buffer_add(struct buffer *b, const void *from, size_t n)
{
    memcpy(buffer_room(b, n), from, n);
    b->end += n;
}

BENCH_UNUSED static size_t buffer_length(const struct buffer *b)
{
    return b->end - b->start;
}

BENCH_UNUSED static void buffer_eat(struct buffer *b, size_t n)
{
    b->start += n;
    if (b->start == b->end)
        b->start = b->end = 0;
}

/* One write of what the socket takes. Returns 0, or -1 when the peer is gone. */
BENCH_UNUSED static int buffer_write(struct buffer *b, int fd)
{
    ssize_t n;

    if (buffer_length(b) == 0)
        return 0;
    n = write(fd, b->p + b->start, buffer_length(b));
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    buffer_eat(b, (size_t)n);
    return 0;
}

BENCH_UNUSED static uint32_t get32(const void *p)
{
    uint32_t v;

    memcpy(&v, p, 4);
    return ntohl(v);
}

BENCH_UNUSED static void put32(void *p, uint32_t v)
{
    v = htonl(v);
    memcpy(p, &v, 4);
}

/* Listens on 127.0.0.1 at `port` (0: the kernel chooses) and prints the line
 * "port N" for whoever started the program. Returns the non-blocking socket. */
BENCH_UNUSED static int listen_local(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof a;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 512) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &length) != 0)
        die("listen");
    printf("port %d\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
}

/* Connects to 127.0.0.1, no delay, non-blocking once it stands. */
BENCH_UNUSED static int connect_local(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        die("connect");
    return fd;
}

#endif
