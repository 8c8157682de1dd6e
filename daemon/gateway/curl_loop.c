#include "curl_loop.h"

#include "mem.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A socket of libcurl's. Its event stays in place while the connection is idle,
 * for two system calls less with every request. */
struct sock {
    struct event *event;
    short registered, wanted; /* EV_READ, EV_WRITE */
};

struct curl_loop {
    struct event_base *base;
    CURLM *multi;
    struct event *timer; /* libcurl's one timer */
    struct sock **socks; /* by descriptor */
    size_t sock_room;
    void (*fn)(void *arg);
    void *arg;
};

static void act(struct curl_loop *l, curl_socket_t fd, int what)
{
    int running;

    curl_multi_socket_action(l->multi, fd, what, &running);
    l->fn(l->arg);
}

/* ------------------------------------------------------------------- sockets */

static void on_socket(evutil_socket_t fd, short what, void *arg);

static struct sock *sock_get(struct curl_loop *l, curl_socket_t fd)
{
    if ((size_t)fd >= l->sock_room) {
        size_t room = (size_t)fd * 2 + 16;

        l->socks = xreallocarray(l->socks, room, sizeof *l->socks);
        memset(l->socks + l->sock_room, 0, (room - l->sock_room) * sizeof *l->socks);
        l->sock_room = room;
    }
    if (l->socks[fd] == NULL)
        l->socks[fd] = xcalloc(1, sizeof **l->socks);
    return l->socks[fd];
}

static void sock_register(struct curl_loop *l, struct sock *s, curl_socket_t fd, short what)
{
    if (s->event == NULL)
        s->event = event_new(l->base, fd, what | EV_PERSIST, on_socket, l);
    else if (s->registered != 0)
        event_del(s->event);
    s->registered = what;
    if (what == 0)
        return;
    event_assign(s->event, l->base, fd, what | EV_PERSIST, on_socket, l);
    event_add(s->event, NULL);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct curl_loop *l = arg;
    struct sock *s = l->socks[fd];

    if (s->wanted == 0) /* an idle connection is being closed: libcurl will notice */
        sock_register(l, s, fd, 0);
    else
        act(l, fd,
            (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

/* libcurl wants to know of this socket, or no longer. */
static int socket_callback(CURL *easy, curl_socket_t fd, int what, void *loop, void *unused)
{
    struct curl_loop *l = loop;
    struct sock *s = sock_get(l, fd);

    (void)easy;
    (void)unused;
    s->wanted =
        what == CURL_POLL_REMOVE
            ? 0
            : (short)((what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
    if (s->wanted == s->registered || (s->wanted == 0 && s->registered == EV_READ))
        return 0;
    sock_register(l, s, fd, s->wanted);
    return 0;
}

/* The event must go before the number can be another connection's. */
static int close_callback(void *loop, curl_socket_t fd)
{
    struct curl_loop *l = loop;

    if ((size_t)fd < l->sock_room && l->socks[fd] != NULL) {
        if (l->socks[fd]->event != NULL)
            event_free(l->socks[fd]->event);
        free(l->socks[fd]);
        l->socks[fd] = NULL;
    }
    return close(fd);
}

/* --------------------------------------------------------------------- timer */

static int timer_callback(CURLM *multi, long timeout_ms, void *loop)
{
    struct curl_loop *l = loop;
    struct timeval tv = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

    (void)multi;
    if (timeout_ms < 0)
        event_del(l->timer);
    else if (timeout_ms == 0)
        event_active(l->timer, EV_TIMEOUT, 0); /* not here: no call into libcurl from its own */
    else
        event_add(l->timer, &tv);
    return 0;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* ---------------------------------------------------------------------- loop */

struct curl_loop *curl_loop_create(struct event_base *base, void (*fn)(void *arg), void *arg)
{
    struct curl_loop *l = xcalloc(1, sizeof *l);

    l->base = base;
    l->fn = fn;
    l->arg = arg;
    l->timer = event_new(base, -1, 0, on_timer, l);
    l->multi = curl_multi_init();
    if (l->multi == NULL)
        abort(); /* out of memory is all that can be */
    curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, socket_callback);
    curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
    curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, timer_callback);
    curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
    return l;
}

void curl_loop_free(struct curl_loop *l)
{
    curl_multi_cleanup(l->multi); /* closes what is kept, through close_callback() */
    event_free(l->timer);
    for (size_t i = 0; i < l->sock_room; i++) {
        struct sock *s = l->socks[i];

        assert(s == NULL || s->event == NULL || s->registered == 0);
        if (s != NULL && s->event != NULL)
            event_free(s->event);
        free(s);
    }
    free(l->socks);
    free(l);
}

CURLM *curl_loop_multi(struct curl_loop *l)
{
    return l->multi;
}

void curl_loop_adopt(struct curl_loop *l, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_callback);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, l);
}
