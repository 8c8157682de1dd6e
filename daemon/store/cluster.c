#include "cluster.h"

#include "clock.h"
#include "db_wire.h"
#include "mem.h"

#include <async.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEXT_MS 100    /* from one in vain to the next */
#define ANSWER_MS 2000 /* one that is silent for so long is asked in vain */

struct cluster {
    struct event_base *base;
    struct cluster_options options;
    struct slots_address seeds[CLUSTER_SEEDS];
    char *user, *secret;
    struct slots_map map;
    bool known;
    unsigned version;
    struct slots_address first; /* whom a MOVED named: it knows */
    unsigned next;              /* else: of the masters, then the seeds */
    struct slots_address asked;
    redisAsyncContext *context; /* NULL: nobody is asked */
    struct event *timer;
    bool wanted; /* another answer, after the one that is on its way */
    char why[256];
};

static void ask(struct cluster *c);

static void arm(struct cluster *c, int64_t ms)
{
    struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

    evtimer_add(c->timer, &tv);
}

/* ------------------------------------------------------------------- answers */

static void hang_up(struct cluster *c)
{
    redisAsyncContext *context = c->context;

    c->context = NULL;
    if (context == NULL)
        return;
    context->data = NULL;
    redisAsyncFree(context);
}

static void in_vain(struct cluster *c, const char *why)
{
    snprintf(c->why, sizeof c->why, "the cluster's %s:%d: %.120s", c->asked.host, c->asked.port,
             why);
    hang_up(c);
    c->wanted = true;
    arm(c, NEXT_MS);
    c->options.silent(c->options.arg);
}

/* One that is cut off from the others knows an old map. */
static void on_info(redisAsyncContext *context, void *data, void *private)
{
    struct cluster *c = context->data;
    const redisReply *reply = data;

    (void)private;
    if (c == NULL || reply == NULL || c->context != context)
        return;
    if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOAUTH", 6) == 0) {
        hang_up(c);
        event_del(c->timer);
        c->options.denied(c->options.arg, &c->asked);
    } else if (reply->type == REDIS_REPLY_ERROR)
        in_vain(c, reply->str);
    else if (reply->type != REDIS_REPLY_STRING || strstr(reply->str, "cluster_state:ok") == NULL)
        in_vain(c, "cluster_state is not ok");
}

static void on_slots(redisAsyncContext *context, void *data, void *private)
{
    struct cluster *c = context->data;
    struct slots_map said;
    char why[128];

    (void)private;
    if (c == NULL || data == NULL || c->context != context)
        return;
    said = c->map;
    if (slots_read(&said, data, c->asked.host, why, sizeof why) != 0) {
        in_vain(c, why);
        return;
    }
    hang_up(c);
    event_del(c->timer);
    if (c->wanted)
        arm(c, NEXT_MS);
    if (c->known && memcmp(&said, &c->map, sizeof said) == 0)
        return;
    c->map = said;
    c->known = true;
    c->version++;
    c->options.changed(c->options.arg);
}

/* --------------------------------------------------------------- connections */

static void on_disconnect(const redisAsyncContext *context, int status)
{
    struct cluster *c = context->data;

    if (c == NULL || c->context != context)
        return;
    c->context = NULL; /* hiredis frees it after this */
    in_vain(c, status == REDIS_OK ? "connection closed" : context->errstr);
}

static void on_connect(const redisAsyncContext *context, int status)
{
    if (status != REDIS_OK) /* hiredis 0.14 frees it then, without on_disconnect */
        on_disconnect(context, status);
}

static struct slots_address whom(struct cluster *c)
{
    struct slots_address one = c->first;

    memset(&c->first, 0, sizeof c->first);
    while (one.host[0] == '\0') {
        c->next = (c->next + 1) % (SLOTS_MASTERS + (unsigned)c->options.seed_count);
        one = c->next < SLOTS_MASTERS ? c->map.masters[c->next] : c->seeds[c->next - SLOTS_MASTERS];
    }
    return one;
}

static void ask(struct cluster *c)
{
    redisAsyncContext *context;

    c->wanted = false;
    c->asked = whom(c);
    context = c->asked.host[0] == '/' ? redisAsyncConnectUnix(c->asked.host)
                                      : redisAsyncConnect(c->asked.host, c->asked.port);
    if (context == NULL || context->err) {
        char why[128];

        snprintf(why, sizeof why, "%s", context ? context->errstr : "out of memory");
        if (context != NULL)
            redisAsyncFree(context);
        in_vain(c, why);
        return;
    }
    context->data = c;
    c->context = context;
    db_wire_attach(context, c->base, NULL);
    redisAsyncSetConnectCallback(context, on_connect);
    redisAsyncSetDisconnectCallback(context, on_disconnect);
    if (c->secret != NULL && c->user != NULL)
        redisAsyncCommand(context, NULL, NULL, "AUTH %s %s", c->user, c->secret);
    else if (c->secret != NULL)
        redisAsyncCommand(context, NULL, NULL, "AUTH %s", c->secret);
    redisAsyncCommand(context, on_info, NULL, "CLUSTER INFO");
    redisAsyncCommand(context, on_slots, NULL, "CLUSTER SLOTS");
    arm(c, ANSWER_MS);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct cluster *c = arg;

    (void)fd, (void)what;
    if (c->context != NULL)
        in_vain(c, "no answer");
    else
        ask(c);
}

/* ----------------------------------------------------------------- the public */

struct cluster *cluster_open(struct event_base *base, const struct cluster_options *options)
{
    struct cluster *c = xcalloc(1, sizeof *c);

    c->base = base;
    c->options = *options;
    memcpy(c->seeds, options->seeds, options->seed_count * sizeof *c->seeds);
    c->user = options->user != NULL ? xstrdup(options->user) : NULL;
    c->secret = options->secret != NULL ? xstrdup(options->secret) : NULL;
    c->timer = evtimer_new(base, on_timer, c);
    slots_clear(&c->map);
    c->next = SLOTS_MASTERS - 1;
    snprintf(c->why, sizeof c->why, "no node of the cluster has answered yet");
    arm(c, 0);
    return c;
}

void cluster_close(struct cluster *c)
{
    if (c == NULL)
        return;
    hang_up(c);
    event_free(c->timer);
    free(c->user);
    if (c->secret != NULL)
        explicit_bzero(c->secret, strlen(c->secret));
    free(c->secret);
    free(c);
}

const struct slots_map *cluster_map(const struct cluster *c)
{
    return c->known ? &c->map : NULL;
}

const char *cluster_why(const struct cluster *c)
{
    return c->why;
}

unsigned cluster_version(const struct cluster *c)
{
    return c->version;
}

void cluster_look(struct cluster *c)
{
    if (c->context == NULL && !event_pending(c->timer, EV_TIMEOUT, NULL))
        arm(c, NEXT_MS);
    else if (c->context != NULL)
        c->wanted = true; /* what comes may have been said before */
}

uint8_t cluster_redirected(struct cluster *c, const struct slots_redirect *r)
{
    uint8_t place = SLOTS_NOBODY;

    if (r->numeric && r->to.host[0] != '\0' && c->known)
        place = slots_place(&c->map, &r->to);
    if (r->once)
        return place;
    if (place != SLOTS_NOBODY) {
        c->first = r->to;
        if (c->map.of[r->slot] != place)
            c->version++;
        c->map.of[r->slot] = place;
    }
    cluster_look(c);
    return place;
}
