#include "wire.h"

#include "memory.h"
#include "secure.h"

#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_BYTES (256u * 1024)
#define ASLEEP_MS 500            /* a turn never takes so long */
#define OUT_BYTES_MAX (4u << 20) /* the high mark, a batch, and the answers to a read */

static void on_turn(evutil_socket_t fd, short what, void *wire);
static void on_readable(evutil_socket_t fd, short what, void *wire);
static void on_writable(evutil_socket_t fd, short what, void *wire);

void wire_init(struct wire *w, struct event_base *base, int64_t (*boot_ms)(void),
               const struct wire_owner *callbacks, void *owner)
{
    *w = (struct wire){
        .callbacks = callbacks, .owner = owner, .base = base, .boot_ms = boot_ms, .fd = -1};
    w->turn = event_new(base, -1, 0, on_turn, w);
}

void wire_secure(struct wire *w, struct secure_context *tls, const char *host)
{
    w->tls = tls;
    w->host = host;
}

/* ------------------------------------------------------------------ open and close */
static int open_socket(const struct addrinfo *to)
{
    int on = 1, fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0 || errno == EINPROGRESS)
        return fd;
    on = errno;
    close(fd);
    errno = on;
    return -1;
}

const char *wire_connect(struct wire *w, const char *address, uint16_t port)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM},
                    *found = NULL;
    char service[8] = {0};
    unsigned n = port;
    size_t at = sizeof service - 1;

    do
        service[--at] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    if (getaddrinfo(address, service + at, &hints, &found) != 0)
        return "not a numeric address";
    w->fd = open_socket(found);
    freeaddrinfo(found);
    if (w->fd < 0)
        return strerror(errno);
    if (w->tls != NULL && (w->secure = secure_start(w->tls, w->host)) == NULL) {
        close(w->fd);
        w->fd = -1;
        return "TLS cannot be begun";
    }
    if (w->in == NULL)
        w->in = memory_calloc(1, IN_BYTES);
    w->readable = event_new(w->base, w->fd, EV_READ | EV_PERSIST, on_readable, w);
    w->writable = event_new(w->base, w->fd, EV_WRITE, on_writable, w);
    event_add(w->writable, NULL);
    return NULL;
}

void wire_close(struct wire *w)
{
    if (w->fd < 0)
        return;
    event_del(w->turn);
    event_free(w->readable);
    event_free(w->writable);
    close(w->fd);
    w->fd = -1;
    secure_free(w->secure);
    w->secure = NULL;
    w->connected = w->blocked = w->stopped = w->crowded = false;
    w->in_used = w->start = w->sent = w->end = 0;
    w->offset = 0;
}

void wire_free(struct wire *w)
{
    wire_close(w);
    if (w->turn != NULL)
        event_free(w->turn);
    free(w->in);
    free(w->out);
    w->in = w->out = NULL;
    w->turn = NULL;
}

/* ------------------------------------------------------------------ out */
/* Moves what has not left to the front. */
static void compact(struct wire *w)
{
    if (w->start == 0)
        return;
    memmove(w->out, w->out + w->start, w->end - w->start);
    w->offset += w->start;
    w->sent -= w->start;
    w->end -= w->start;
    w->start = 0;
}

uint8_t *wire_room(struct wire *w, size_t n)
{
    size_t capacity = w->capacity ? w->capacity : 64 * 1024;

    if (n <= w->capacity - w->end)
        return w->out + w->end;
    compact(w);
    if (n > OUT_BYTES_MAX - w->end)
        return NULL;
    while (capacity < w->end + n)
        capacity *= 2;
    if (capacity > w->capacity) {
        w->out = memory_realloc(w->out, capacity);
        w->capacity = capacity;
    }
    return w->out + w->end;
}

uint64_t wire_put(struct wire *w, size_t n)
{
    uint64_t at = w->offset + w->end;

    if (w->sent == w->end) /* the first of this turn */
        w->put_ms = w->boot_ms();
    w->end += n;
    if (w->connected && !w->blocked)
        event_active(w->turn, EV_TIMEOUT, 1);
    return at;
}

static size_t pdu_length(const struct wire *w, size_t at)
{
    const uint8_t *p = w->out + at;

    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

static void advance(struct wire *w)
{
    if (w->sent == w->end) {
        w->offset += w->end;
        w->start = w->sent = w->end = 0;
        return;
    }
    while (w->start + pdu_length(w, w->start) <= w->sent)
        w->start += pdu_length(w, w->start);
}

/* Is anything to leave? */
static bool has_more(const struct wire *w)
{
    return w->sent < w->end || (w->secure != NULL && secure_unsent(w->secure));
}

static ssize_t put_out(struct wire *w)
{
    size_t n = w->end - w->sent;

    if (w->secure == NULL)
        return send(w->fd, w->out + w->sent, n, MSG_NOSIGNAL);
    return n > 0 ? secure_send(w->secure, w->fd, w->out + w->sent, n)
                 : secure_flush(w->secure, w->fd);
}

void wire_flush(struct wire *w)
{
    while (w->fd >= 0 && w->connected && has_more(w)) {
        ssize_t n = put_out(w);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            /* Should the connection be gone, the reading side learns it, after the
             * answers that may still be there. */
            w->blocked = true;
            if (errno == EAGAIN)
                event_add(w->writable, NULL);
            else
                event_active(w->readable, EV_READ, 1);
            return;
        }
        w->sent += (size_t)n;
        advance(w);
    }
    w->blocked = false;
}

static void on_turn(evutil_socket_t fd, short what, void *wire)
{
    struct wire *w = wire;

    (void)fd, (void)what;
    if (w->sent < w->end && w->boot_ms() - w->put_ms > ASLEEP_MS) {
        w->callbacks->on_drained(w->owner); /* it slept in between: see on_writable() */
        return;
    }
    wire_flush(w);
    if (!w->blocked && (w->crowded || w->stopped)) {
        w->crowded = false;
        w->callbacks->on_drained(w->owner);
    }
}

/* On with the handshake; without one the connection is up at once. */
static void shake_hands(struct wire *w)
{
    enum secure_state state = w->secure == NULL ? SECURE_UP : secure_handshake(w->secure, w->fd);

    if (state == SECURE_FAILED) {
        w->callbacks->on_down(w->owner, secure_trouble(w->secure));
        return;
    }
    if (state == SECURE_WAITS) {
        if (secure_unsent(w->secure))
            event_add(w->writable, NULL);
        return;
    }
    w->connected = true;
    w->callbacks->on_up(w->owner);
}

static void on_connected(struct wire *w)
{
    int error = 0;
    socklen_t size = sizeof error;

    getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        w->callbacks->on_down(w->owner, strerror(error));
        return;
    }
    event_add(w->readable, NULL);
    shake_hands(w);
}

static void on_writable(evutil_socket_t fd, short what, void *wire)
{
    struct wire *w = wire;

    (void)fd, (void)what;
    if (!w->connected) {
        on_connected(w);
        return;
    }
    /* Before anything else leaves: what waited may have become stale. */
    w->callbacks->on_drained(w->owner);
}

void wire_filter(struct wire *w, bool (*keep)(void *owner, const uint8_t *pdu, uint64_t offset))
{
    size_t from = w->start, to;

    if (w->sent > w->start)
        from += pdu_length(w, w->start);
    for (to = from; from < w->end;) {
        size_t n = pdu_length(w, from);

        if (keep(w->owner, w->out + from, w->offset + to)) {
            memmove(w->out + to, w->out + from, n);
            to += n;
        }
        from += n;
    }
    w->end = to;
}

/* ------------------------------------------------------------------ in */
/* Hands over what is there; false if the wire is closed now. */
static bool hand_over(struct wire *w)
{
    size_t n = w->in_used == 0 ? 0 : w->callbacks->on_input(w->owner, w->in, w->in_used);

    if (n == WIRE_GONE)
        return false;
    if (n > 0 && n < w->in_used)
        memmove(w->in, w->in + n, w->in_used - n);
    w->in_used -= n;
    return true;
}

static ssize_t take_in(struct wire *w, int fd)
{
    void *at = w->in + w->in_used;
    size_t n = IN_BYTES - w->in_used;

    return w->secure != NULL ? secure_recv(w->secure, fd, at, n) : recv(fd, at, n, 0);
}

/* What TLS has read of the socket does not make it readable. */
static void read_on(struct wire *w, bool more)
{
    if (w->secure == NULL || w->stopped)
        return;
    if (more && secure_unread(w->secure))
        event_active(w->readable, EV_READ, 1);
    if (secure_unsent(w->secure)) /* an answer of TLS' own */
        event_add(w->writable, NULL);
}

static void on_readable(evutil_socket_t fd, short what, void *wire)
{
    struct wire *w = wire;
    ssize_t n = 0;
    int error = EAGAIN;

    (void)what;
    if (!w->connected) {
        shake_hands(w);
        return;
    }
    if (w->in_used < IN_BYTES) {
        n = take_in(w, fd);
        error = n < 0 ? errno : n == 0 ? 0 : EAGAIN;
    }
    if (n > 0)
        w->in_used += (size_t)n;
    if (!hand_over(w))
        return;
    if (error == EAGAIN || error == EINTR) {
        read_on(w, n > 0);
        return;
    }
    w->callbacks->on_down(w->owner, error == 0        ? "closed by the peer"
                                    : error == EPROTO ? secure_trouble(w->secure)
                                                      : strerror(error));
}

void wire_stop(struct wire *w)
{
    if (w->fd < 0 || w->stopped)
        return;
    w->stopped = true;
    event_del(w->readable);
}

void wire_resume(struct wire *w)
{
    if (w->fd < 0 || !w->stopped)
        return;
    w->stopped = false;
    event_add(w->readable, NULL);
    if (w->in_used > 0)
        event_active(w->readable, EV_READ, 1);
}
