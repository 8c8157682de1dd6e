#include "sentinel.h"

#include "clock.h"
#include "db_wire.h"
#include "error.h"
#include "mem.h"
#include "network.h"

#include <arpa/inet.h>
#include <async.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS 500
#define ANSWER_MS 3000 /* no answer for so long: connected anew */
#define FRESH_MS 5000  /* so old may an answer be that is compared with others */
#define PORT 26379
#define HOST_BYTES 64

struct watcher { /* one Sentinel */
    struct sentinel *all;
    char host[HOST_BYTES];
    int port;
    redisAsyncContext *context;
    int64_t asked_ms; /* monotonic; 0: nothing is asked */
    /* What it said last. */
    int64_t said_ms; /* monotonic; 0: nothing yet */
    long long epoch;
    char master_host[HOST_BYTES];
    int master_port;
};

struct sentinel {
    struct event_base *base;
    struct sentinel_options options;
    char *master, *secret;
    struct watcher *watchers;
    size_t count;
    struct event *timer;
    char host[HOST_BYTES]; /* "": not known */
    int port;
    char why[256];
};

/* ------------------------------------------------------------------ what they say */

static void believe(struct sentinel *s)
{
    const struct watcher *best = NULL;
    int64_t now = clock_mono_ms();

    for (size_t i = 0; i < s->count; i++) {
        const struct watcher *w = &s->watchers[i];

        if (w->said_ms != 0 && now - w->said_ms < FRESH_MS &&
            (best == NULL || w->epoch > best->epoch))
            best = w;
    }
    if (best == NULL || (best->master_port == s->port && strcmp(best->master_host, s->host) == 0))
        return;
    strcpy(s->host, best->master_host);
    s->port = best->master_port;
    s->options.changed(s->options.arg);
}

/* The value of a field in a flat array. */
static const char *field(const redisReply *reply, const char *name)
{
    for (size_t i = 0; i + 1 < reply->elements; i += 2)
        if (reply->element[i]->str != NULL && strcmp(reply->element[i]->str, name) == 0)
            return reply->element[i + 1]->str;
    return NULL;
}

static bool is_numeric(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static void hear(struct watcher *w, const redisReply *reply)
{
    struct sentinel *s = w->all;
    const char *host, *port, *epoch;

    if (reply->type == REDIS_REPLY_ERROR) {
        snprintf(s->why, sizeof s->why, "the Sentinel %s:%d: %.100s", w->host, w->port, reply->str);
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY)
        return;
    host = field(reply, "ip");
    port = field(reply, "port");
    epoch = field(reply, "config-epoch");
    if (host == NULL || port == NULL || epoch == NULL || strlen(host) >= HOST_BYTES ||
        atoi(port) < 1 || atoi(port) > 65535 || !is_numeric(host)) {
        /* hiredis would look a name up with the loop waiting */
        snprintf(s->why, sizeof s->why,
                 "the Sentinel %s:%d names the master by no address: set announce-hostnames no",
                 w->host, w->port);
        return;
    }
    strcpy(w->master_host, host);
    w->master_port = atoi(port);
    w->epoch = strtoll(epoch, NULL, 10);
    w->said_ms = clock_mono_ms();
    believe(s);
}

/* --------------------------------------------------------------- connections */

static void lose(struct watcher *w, const char *why)
{
    snprintf(w->all->why, sizeof w->all->why, "the Sentinel %s:%d: %s", w->host, w->port, why);
    w->context = NULL;
    w->asked_ms = 0;
}

static void drop(struct watcher *w, const char *why)
{
    redisAsyncContext *context = w->context;

    lose(w, why);
    context->data = NULL;
    redisAsyncFree(context);
}

static void on_answer(redisAsyncContext *context, void *data, void *private)
{
    struct watcher *w = context->data;

    (void)private;
    if (w == NULL || data == NULL)
        return;
    w->asked_ms = 0;
    hear(w, data);
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
    if (context->data != NULL) /* hiredis frees it after this */
        lose(context->data, status == REDIS_OK ? "connection closed" : context->errstr);
}

static void on_connect(const redisAsyncContext *context, int status)
{
    /* hiredis 0.14 frees the context after a failed connect, without on_disconnect. */
    if (context->data != NULL && status != REDIS_OK)
        lose(context->data, context->errstr);
}

static void connect_to(struct watcher *w)
{
    redisAsyncContext *context = redisAsyncConnect(w->host, w->port);

    if (context == NULL || context->err) {
        lose(w, context ? context->errstr : "out of memory");
        if (context != NULL)
            redisAsyncFree(context);
        return;
    }
    context->data = w;
    w->context = context;
    db_wire_attach(context, w->all->base, NULL);
    redisAsyncSetConnectCallback(context, on_connect);
    redisAsyncSetDisconnectCallback(context, on_disconnect);
    if (w->all->secret != NULL)
        redisAsyncCommand(context, NULL, NULL, "AUTH %s", w->all->secret);
}

static void ask(struct watcher *w)
{
    if (w->asked_ms != 0 && clock_mono_ms() - w->asked_ms > ANSWER_MS)
        drop(w, "no answer");
    if (w->context == NULL)
        connect_to(w);
    if (w->context == NULL || w->asked_ms != 0)
        return;
    w->asked_ms = clock_mono_ms();
    redisAsyncCommand(w->context, on_answer, NULL, "SENTINEL MASTER %s", w->all->master);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    static const struct timeval again = {ASK_MS / 1000, ASK_MS % 1000 * 1000};
    struct sentinel *s = arg;

    (void)fd, (void)what;
    evtimer_add(s->timer, &again);
    for (size_t i = 0; i < s->count; i++)
        ask(&s->watchers[i]);
}

/* ----------------------------------------------------------------- the public */

struct sentinel *sentinel_open(struct event_base *base, const struct sentinel_options *options,
                               struct error *err)
{
    static const struct timeval now = {0, 0};
    struct sentinel *s = xcalloc(1, sizeof *s);

    s->base = base;
    s->options = *options;
    s->master = xstrdup(options->master);
    s->secret = options->secret != NULL ? xstrdup(options->secret) : NULL;
    s->timer = evtimer_new(base, on_timer, s);
    snprintf(s->why, sizeof s->why, "no Sentinel has answered yet");
    while (options->addresses[s->count] != NULL)
        s->count++;
    s->watchers = xcalloc(s->count, sizeof *s->watchers);
    for (size_t i = 0; i < s->count; i++) {
        s->watchers[i].all = s;
        if (network_find("redis.sentinels", options->addresses[i], PORT, s->watchers[i].host,
                         sizeof s->watchers[i].host, &s->watchers[i].port, err) != 0) {
            sentinel_close(s);
            return NULL;
        }
    }
    evtimer_add(s->timer, &now);
    return s;
}

void sentinel_close(struct sentinel *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->count; i++)
        if (s->watchers[i].context != NULL)
            drop(&s->watchers[i], "");
    event_free(s->timer);
    if (s->secret != NULL)
        explicit_bzero(s->secret, strlen(s->secret));
    free(s->secret);
    free(s->master);
    free(s->watchers);
    free(s);
}

const char *sentinel_host(const struct sentinel *s)
{
    return s->host[0] != '\0' ? s->host : NULL;
}

int sentinel_port(const struct sentinel *s)
{
    return s->port;
}

const char *sentinel_why(const struct sentinel *s)
{
    return s->why;
}
