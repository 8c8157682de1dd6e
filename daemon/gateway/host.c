/*
 * The services of gateway_plugin.h. Each is tied to its gateway and remembered
 * in a list of it, so that nothing comes back to a plugin that is closed.
 */
#include "instance.h"

#include "child.h"
#include "clock.h"
#include "http_client.h"
#include "log.h"
#include "resolver.h"
#include "shared.h"

#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define FOREIGN_BYTES (256u * 1024u) /* of a reply's text: more is no SMS */

/* ------------------------------------------------------------------ settings */

static const char *setting_string(struct gateway *gw, const char *name)
{
    return gateway_settings_string(gw->settings, name);
}

static int64_t setting_int(struct gateway *gw, const char *name)
{
    return gateway_settings_int(gw->settings, name);
}

static bool setting_given(struct gateway *gw, const char *name)
{
    return gateway_settings_given(gw->settings, name);
}

static size_t setting_count(struct gateway *gw, const char *name)
{
    return gateway_settings_count(gw->settings, name);
}

/* ---------------------------------------------------------- receipts, replies */

/* The plugin's wish to be told; reused, for there are as many as messages. */
struct promise {
    void *next_spare;
    LIST_ENTRY(promise) links;
    struct gateway_set *set;
    gateway_stored_fn *fn;
    void *arg;
};

static void on_stored(void *arg, bool stored)
{
    struct promise *p = arg;
    struct gateway_set *set = p->set;
    gateway_stored_fn *fn = p->fn;
    void *fn_arg = p->arg;

    LIST_REMOVE(p, links);
    spare_give(&set->promises, p);
    if (fn != NULL)
        fn(fn_arg, stored);
}

static struct promise *promise_make(struct gateway *gw, gateway_stored_fn *fn, void *arg)
{
    struct gateway_set *set = gw->set;
    struct promise *p = spare_take(&set->promises);

    if (p == NULL)
        p = xmalloc(sizeof *p);
    p->set = set;
    p->fn = fn;
    p->arg = arg;
    LIST_INSERT_HEAD(&gw->promises, p, links);
    return p;
}

void host_free_promises(struct gateway_set *set)
{
    struct promise *orphan;

    while ((orphan = LIST_FIRST(&set->orphans)) != NULL) {
        LIST_REMOVE(orphan, links);
        free(orphan);
    }
    spare_free(&set->promises, free);
}

/* What makes no sense is dropped, and acknowledged: it would come again for ever. */
static void drop(struct gateway *gw, const char *what, gateway_stored_fn *stored, void *arg)
{
    log_warning("gateway.nonsense gateway=%s what=%s", gw->config->name, what);
    if (stored != NULL)
        stored(arg, true);
}

static void receipt(struct gateway *gw, const struct gateway_receipt *r, gateway_stored_fn *stored,
                    void *arg)
{
    struct gateway_receipt bounded;
    bool has_id = r->id.bytes != NULL && r->id.length >= 1 && r->id.length <= 64;

    if (gw->closing)
        return; /* nobody to store it any more; unacknowledged it comes again */
    if ((!has_id && r->reference == NULL) || r->id.length > 64 || r->other_id.length > 64 ||
        r->state < GATEWAY_DELIVERED || r->state > GATEWAY_ENROUTE) {
        drop(gw, "receipt", stored, arg);
        return;
    }
    if ((unsigned)r->reason > GATEWAY_REASON_OTHER) {
        bounded = *r;
        bounded.reason = GATEWAY_REASON_OTHER;
        r = &bounded;
    }
    gw->statistics.receipts++;
    gw->set->events.receipt(gw->set->arg, gw, r, on_stored, promise_make(gw, stored, arg));
}

static void reply(struct gateway *gw, const struct gateway_reply *r, gateway_stored_fn *stored,
                  void *arg)
{
    if (gw->closing)
        return;
    if (r->from == NULL || (r->text == NULL && r->length > 0) || r->length > FOREIGN_BYTES) {
        drop(gw, "reply", stored, arg);
        return;
    }
    gw->statistics.replies++;
    gw->set->events.reply(gw->set->arg, gw, r, on_stored, promise_make(gw, stored, arg));
}

/* --------------------------------------------------------------------- HTTP */

struct fetch {
    LIST_ENTRY(fetch) links;
    gateway_http_fn *fn;
    void *arg;
    struct http_call *call;
};

static void on_response(void *arg, const struct gateway_http_response *response)
{
    struct fetch *f = arg;
    gateway_http_fn *fn = f->fn;
    void *fn_arg = f->arg;

    LIST_REMOVE(f, links);
    free(f);
    fn(fn_arg, response);
}

static void http(struct gateway *gw, const struct gateway_http_request *request,
                 gateway_http_fn *fn, void *arg)
{
    struct http_tls tls = {gw->config->tls_ca, gw->config->tls_cert, gw->config->tls_key};
    struct fetch *f = xmalloc(sizeof *f);

    f->fn = fn;
    f->arg = arg;
    LIST_INSERT_HEAD(&gw->fetches, f, links);
    f->call = http_client_send(gw->set->http, request, &tls, on_response, f);
}

/* -------------------------------------------------------------------- timers */

struct gateway_timer {
    LIST_ENTRY(gateway_timer) links;
    struct event *event;
    gateway_timer_fn *fn;
    void *arg;
};

static void timer_free(struct gateway_timer *t)
{
    LIST_REMOVE(t, links);
    event_free(t->event);
    free(t);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct gateway_timer *t = arg;
    gateway_timer_fn *fn = t->fn;
    void *fn_arg = t->arg;

    (void)fd;
    (void)what;
    timer_free(t);
    fn(fn_arg);
}

static struct gateway_timer *timer(struct gateway *gw, int64_t delay_ms, gateway_timer_fn *fn,
                                   void *arg)
{
    struct gateway_timer *t = xmalloc(sizeof *t);
    struct timeval tv;

    delay_ms = delay_ms < 0 ? 0 : delay_ms;
    tv = (struct timeval){delay_ms / 1000, delay_ms % 1000 * 1000};
    t->fn = fn;
    t->arg = arg;
    t->event = evtimer_new(gw->set->base, on_timer, t);
    evtimer_add(t->event, &tv);
    LIST_INSERT_HEAD(&gw->timers, t, links);
    return t;
}

static void timer_cancel(struct gateway_timer *t)
{
    if (t != NULL)
        timer_free(t);
}

/* --------------------------------------------------------------------- names */

struct question {
    LIST_ENTRY(question) links;
    struct lookup *lookup;
    gateway_resolved_fn *fn;
    void *arg;
};

static void on_resolved(void *arg, const char *const *addresses, size_t count, const char *trouble)
{
    struct question *q = arg;
    gateway_resolved_fn *fn = q->fn;
    void *fn_arg = q->arg;

    LIST_REMOVE(q, links);
    free(q);
    fn(fn_arg, addresses, count, trouble);
}

static void resolve(struct gateway *gw, const char *name, gateway_resolved_fn *fn, void *arg)
{
    struct question *q;

    if (resolver_is_numeric(name)) {
        fn(arg, &name, 1, NULL);
        return;
    }
    q = xmalloc(sizeof *q);
    q->fn = fn;
    q->arg = arg;
    LIST_INSERT_HEAD(&gw->questions, q, links);
    q->lookup = resolver_lookup(gw->set->resolver, name, on_resolved, q);
}

/* --------------------------------------------------------------------- pushes */

/* The plugin holds a number, not a pointer: an answer given twice must not reach
 * what the first one freed. */
struct pushed {
    LIST_ENTRY(pushed) links;
    struct gateway *gw;
    uintptr_t number;
    gateway_push_answer_fn *fn;
    void *arg;
};

static LIST_HEAD(, pushed) pushes; /* of all gateways; few at a time */
static uintptr_t last_push;

static void pushed_answer(struct pushed *p, int status, const char *body)
{
    gateway_push_answer_fn *fn = p->fn;
    void *arg = p->arg;

    LIST_REMOVE(p, links);
    free(p);
    fn(arg, status, body == NULL ? "" : body);
}

static void on_push_answer(void *arg, int status, const char *body)
{
    struct pushed *p;

    LIST_FOREACH(p, &pushes, links)
    if (p->number == (uintptr_t)arg)
        break;
    if (p == NULL)
        log_warning("gateway.nonsense what=push-answer");
    else
        pushed_answer(p, status, body);
}

bool host_push(struct gateway *gw, const struct gateway_push *push, gateway_push_answer_fn *answer,
               void *arg)
{
    struct pushed *p;

    if (gw->plugin.callback == NULL || !gw->opened)
        return false;
    p = xmalloc(sizeof *p);
    *p = (struct pushed){.gw = gw, .number = ++last_push, .fn = answer, .arg = arg};
    LIST_INSERT_HEAD(&pushes, p, links);
    gw->plugin.callback(gw->state, push, on_push_answer, (void *)p->number);
    return true;
}

static void answer_pushes(struct gateway *gw)
{
    struct pushed *p = LIST_FIRST(&pushes), *next;

    for (; p != NULL; p = next) {
        next = LIST_NEXT(p, links);
        if (p->gw == gw)
            pushed_answer(p, 503, "");
    }
}

/* ---------------------------------------------------------------------- small */

static struct event_base *loop(struct gateway *gw)
{
    return gw->set->base;
}

void host_random(void *bytes, size_t n)
{
    static unsigned char pool[512];
    static size_t used = sizeof pool;
    unsigned char *out = bytes;

    while (n > 0) {
        size_t take;

        if (used == sizeof pool) {
            for (size_t have = 0; have < sizeof pool;) {
                ssize_t got = getrandom(pool + have, sizeof pool - have, 0);

                have += got > 0 ? (size_t)got : 0;
            }
            used = 0;
        }
        take = n < sizeof pool - used ? n : sizeof pool - used;
        memcpy(out, pool + used, take);
        memset(pool + used, 0, take); /* given out once */
        used += take;
        out += take;
        n -= take;
    }
}

static void host_child_end(struct gateway *gw, pid_t pid, int64_t term_ms, int64_t kill_ms)
{
    child_end(gw->set->base, pid, term_ms, kill_ms);
}

static const char *name(struct gateway *gw)
{
    return gw->config->name;
}

/* "event key=value" becomes "event gateway=NAME key=value". */
static void host_log(struct gateway *gw, enum gateway_log_level level, const char *format, ...)
{
    static const enum log_level levels[] = {
        [GATEWAY_LOG_DEBUG] = LOG_LEVEL_DEBUG,
        [GATEWAY_LOG_INFO] = LOG_LEVEL_INFO,
        [GATEWAY_LOG_WARNING] = LOG_LEVEL_WARNING,
        [GATEWAY_LOG_ERROR] = LOG_LEVEL_ERROR,
    };
    char line[1600];
    size_t event;
    va_list ap;

    if ((unsigned)level > GATEWAY_LOG_ERROR || !log_enabled(levels[level]))
        return;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    event = strcspn(line, " ");
    log_line(levels[level], "%.*s gateway=%s%s", (int)event, line, gw->config->name, line + event);
}

static void host_trace(struct gateway *gw, bool out, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void host_trace(struct gateway *gw, bool out, const char *format, ...)
{
    char line[4096];
    va_list ap;
    int n;

    if (gw->set->events.wire == NULL)
        return;
    va_start(ap, format);
    n = vsnprintf(line, sizeof line - 1, format, ap);
    va_end(ap);
    if (n < 0)
        return;
    n = n < (int)sizeof line - 1 ? n : (int)sizeof line - 2;
    line[n] = '\n';
    gw->set->events.wire(gw->set->arg, out ? "> " : "< ", line, (size_t)n + 1);
}

const struct gateway_host gateway_host = {
    .size = sizeof(struct gateway_host),
    .setting_string = setting_string,
    .setting_int = setting_int,
    .setting_given = setting_given,
    .setting_count = setting_count,
    .capacity = gateway_capacity,
    .done = gateway_answered,
    .receipt = receipt,
    .reply = reply,
    .http = http,
    .timer = timer,
    .timer_cancel = timer_cancel,
    .resolve = resolve,
    .loop = loop,
    .wall_ms = clock_wall_ms,
    .mono_ms = clock_mono_ms,
    .boot_ms = clock_boot_ms,
    .random = host_random,
    .name = name,
    .log = host_log,
    .log_bytes = log_quote_n,
    .shared = shared_ask,
    .shared_put = shared_put,
    .child_end = host_child_end,
    .trace = host_trace,
};

/* ------------------------------------------------- of who is opened only to be looked at */

static void idle_capacity(struct gateway *gw, unsigned messages, const char *why)
{
    (void)gw;
    (void)messages;
    (void)why;
}

static void idle_http(struct gateway *gw, const struct gateway_http_request *request,
                      gateway_http_fn *fn, void *arg)
{
    (void)gw;
    (void)request;
    (void)fn;
    (void)arg;
}

static struct gateway_timer *idle_timer(struct gateway *gw, int64_t delay_ms, gateway_timer_fn *fn,
                                        void *arg)
{
    (void)gw;
    (void)delay_ms;
    (void)fn;
    (void)arg;
    return NULL;
}

static void idle_resolve(struct gateway *gw, const char *name, gateway_resolved_fn *fn, void *arg)
{
    (void)gw;
    (void)name;
    (void)fn;
    (void)arg;
}

static void idle_log(struct gateway *gw, enum gateway_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void idle_log(struct gateway *gw, enum gateway_log_level level, const char *format, ...)
{
    (void)gw;
    (void)level;
    (void)format;
}

static void idle_shared(struct gateway *gw, const char *name, const char *stale,
                        gateway_shared_fn *fn, void *arg)
{
    (void)gw;
    (void)name;
    (void)stale;
    (void)fn;
    (void)arg;
}

struct gateway_host host_idle(void)
{
    struct gateway_host host = gateway_host;

    host.capacity = idle_capacity;
    host.http = idle_http;
    host.timer = idle_timer;
    host.resolve = idle_resolve;
    host.log = idle_log;
    host.shared = idle_shared;
    return host;
}

/* ---------------------------------------------------------------------- closing */

void host_cancel_all(struct gateway *gw)
{
    struct question *q;
    struct promise *p;
    struct fetch *f;

    while (!LIST_EMPTY(&gw->timers))
        timer_free(LIST_FIRST(&gw->timers));
    while ((f = LIST_FIRST(&gw->fetches)) != NULL) {
        LIST_REMOVE(f, links);
        http_call_cancel(f->call);
        free(f);
    }
    while ((q = LIST_FIRST(&gw->questions)) != NULL) {
        LIST_REMOVE(q, links);
        resolver_cancel(q->lookup);
        free(q);
    }
    while ((p = LIST_FIRST(&gw->promises)) != NULL) { /* they may still come: to nobody */
        LIST_REMOVE(p, links);
        p->fn = NULL;
        LIST_INSERT_HEAD(&gw->set->orphans, p, links);
    }
    shared_cancel(gw);
    answer_pushes(gw);
}
