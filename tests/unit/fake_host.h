/*
 * fake_host.h - a gateway_host for tests of plugins
 *
 * It runs on a real event_base, has a clock that a test can move, takes settings
 * as a list of words, and writes down what a plugin tells it: capacities,
 * answers, receipts, replies, log lines. A test answers `stored` itself with
 * fake_stored(), or lets it happen at once.
 *
 *     struct fake_host host;
 *     fake_open(&host, &gateway_plugin, settings);
 *     FAKE_UNTIL(&host, host.capacity > 0);
 *     fake_submit(&host, &message, 1);
 *     FAKE_UNTIL(&host, host.done_count == 1);
 *     fake_close(&host);
 */
#ifndef FAKE_HOST_H
#define FAKE_HOST_H

#include "gateway_plugin.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FAKE_MAX 4096 /* records of each kind; later ones are counted only */

struct fake_setting {
    const char *name; /* or a path into a list: "statuses.0.code" */
    const char *value;
};

struct fake_answer {
    uint64_t token;
    enum gateway_outcome outcome;
    enum gateway_reason reason;
    bool partial;
    int64_t retry_after_ms;
    size_t id_count;
    char ids[GATEWAY_MAX_IDS][65];
    char code[32], words[64];
};

struct fake_receipt {
    char id[65], other_id[65], code[64];
    enum gateway_receipt_state state;
    enum gateway_reason reason;
    int64_t done_ms;
    gateway_stored_fn *stored;
    void *arg;
};

struct fake_reply {
    char from[80], to[80], text[2048], id[64];
    bool part;
    gateway_stored_fn *stored;
    void *arg;
};

/* A value under a name; value NULL: there is none. */
struct fake_shared {
    struct fake_shared *next;
    char name[33], *value;
};

/* The plugin sees it as struct gateway. */
struct fake_host {
    const struct gateway_plugin *plugin;
    const struct fake_setting *settings; /* ended by {0} */
    void *state;
    struct event_base *base;
    char error[512];  /* of open() */
    int64_t clock_ms; /* added to all clocks */
    int64_t wall_ms;  /* where the wall clock stands; 0: it goes */
    unsigned capacity, capacity_calls;
    char why[200];
    size_t done_count, receipt_count, reply_count;
    struct fake_answer *done;
    struct fake_receipt *receipts;
    struct fake_reply *replies;
    bool store_at_once; /* stored(true) within receipt() and reply() */
    void (*on_done)(struct fake_host *host, uint64_t token);
    struct fake_shared *shared; /* of this host alone, for ever */
    char log[16384];            /* all log lines, as far as they fit */
};

static struct fake_host *fake_current; /* the clocks have no argument */

static inline struct fake_host *fake_of(struct gateway *gw)
{
    return (struct fake_host *)(void *)gw;
}

/* ------------------------------------------------------------------ settings */
static inline const char *fake_given(const struct fake_host *host, const char *name)
{
    const struct fake_setting *s;

    for (s = host->settings; s->name != NULL; s++)
        if (strcmp(s->name, name) == 0)
            return s->value;
    return NULL;
}

static inline const char *fake_string(struct gateway *gw, const char *name)
{
    struct fake_host *host = fake_of(gw);
    const char *given = fake_given(host, name);
    const struct gateway_setting *s;

    for (s = host->plugin->settings; given == NULL && s->name != NULL; s++)
        if (strcmp(s->name, name) == 0)
            given = s->initial;
    return given ? given : "";
}

static inline int64_t fake_int(struct gateway *gw, const char *name)
{
    const char *s = fake_string(gw, name);
    char *unit;
    long long n = strtoll(s, &unit, 0);
    const struct gateway_setting *setting;

    if (strcmp(s, "true") == 0)
        return 1;
    if (strcmp(unit, "ms") == 0)
        return n;
    if (strcmp(unit, "min") == 0)
        return n * 60000;
    if (strcmp(unit, "h") == 0)
        return n * 3600000;
    for (setting = fake_of(gw)->plugin->settings; setting->name != NULL; setting++)
        if (strcmp(setting->name, name) == 0 && setting->kind == GATEWAY_DURATION)
            return n * 1000;
    return n;
}

static inline bool fake_is_given(struct gateway *gw, const char *name)
{
    return fake_given(fake_of(gw), name) != NULL;
}

static inline size_t fake_count(struct gateway *gw, const char *name)
{
    const struct fake_setting *s;
    size_t n = 0, length = strlen(name);

    for (s = fake_of(gw)->settings; s->name != NULL; s++)
        if (strncmp(s->name, name, length) == 0 && s->name[length] == '.' &&
            strtoul(s->name + length + 1, NULL, 10) >= n)
            n = strtoul(s->name + length + 1, NULL, 10) + 1;
    return n;
}

/* ------------------------------------------------------------------ what it is told */
static inline void fake_copy(char *out, size_t size, const char *bytes, size_t n)
{
    if (n >= size)
        n = size - 1;
    if (n > 0)
        memcpy(out, bytes, n);
    out[n] = '\0';
}

static inline void fake_capacity(struct gateway *gw, unsigned messages, const char *why)
{
    fake_of(gw)->capacity = messages;
    fake_of(gw)->capacity_calls++;
    snprintf(fake_of(gw)->why, sizeof fake_of(gw)->why, "%s", why);
}

static inline void fake_done(struct gateway *gw, uint64_t token, const struct gateway_answer *a)
{
    struct fake_host *host = fake_of(gw);
    struct fake_answer *to = &host->done[host->done_count % FAKE_MAX];
    size_t i;

    memset(to, 0, sizeof *to);
    to->token = token;
    to->outcome = a->outcome;
    to->reason = a->reason;
    to->partial = a->partial;
    to->retry_after_ms = a->retry_after_ms;
    to->id_count = a->id_count;
    for (i = 0; i < a->id_count && i < GATEWAY_MAX_IDS; i++)
        fake_copy(to->ids[i], sizeof to->ids[i], a->ids[i].bytes, a->ids[i].length);
    snprintf(to->code, sizeof to->code, "%s", a->code ? a->code : "");
    snprintf(to->words, sizeof to->words, "%s", a->words ? a->words : "");
    host->done_count++;
    if (host->on_done != NULL)
        host->on_done(host, token);
}

static inline void fake_receipt_in(struct gateway *gw, const struct gateway_receipt *r,
                                   gateway_stored_fn *stored, void *arg)
{
    struct fake_host *host = fake_of(gw);
    struct fake_receipt *to = &host->receipts[host->receipt_count % FAKE_MAX];

    memset(to, 0, sizeof *to);
    fake_copy(to->id, sizeof to->id, r->id.bytes, r->id.length);
    fake_copy(to->other_id, sizeof to->other_id, r->other_id.bytes, r->other_id.length);
    snprintf(to->code, sizeof to->code, "%s", r->code ? r->code : "");
    to->state = r->state;
    to->reason = r->reason;
    to->done_ms = r->done_ms;
    to->stored = stored;
    to->arg = arg;
    host->receipt_count++;
    if (host->store_at_once)
        stored(arg, true);
}

static inline void fake_reply_in(struct gateway *gw, const struct gateway_reply *r,
                                 gateway_stored_fn *stored, void *arg)
{
    struct fake_host *host = fake_of(gw);
    struct fake_reply *to = &host->replies[host->reply_count % FAKE_MAX];

    memset(to, 0, sizeof *to);
    snprintf(to->from, sizeof to->from, "%s", r->from);
    snprintf(to->to, sizeof to->to, "%s", r->to);
    snprintf(to->id, sizeof to->id, "%s", r->id ? r->id : "");
    fake_copy(to->text, sizeof to->text, r->text, r->length);
    to->part = r->part;
    to->stored = stored;
    to->arg = arg;
    host->reply_count++;
    if (host->store_at_once)
        stored(arg, true);
}

/* ------------------------------------------------------------------ services */
struct gateway_timer {
    struct event *event;
    gateway_timer_fn *fn;
    void *arg;
};

static inline void fake_timer_fired(evutil_socket_t fd, short what, void *timer)
{
    struct gateway_timer t = *(struct gateway_timer *)timer;

    (void)fd, (void)what;
    event_free(t.event);
    free(timer);
    t.fn(t.arg);
}

static inline struct gateway_timer *fake_timer(struct gateway *gw, int64_t delay_ms,
                                               gateway_timer_fn *fn, void *arg)
{
    struct gateway_timer *t = calloc(1, sizeof *t);
    struct timeval delay = {delay_ms / 1000, delay_ms % 1000 * 1000};

    t->fn = fn;
    t->arg = arg;
    t->event = event_new(fake_of(gw)->base, -1, 0, fake_timer_fired, t);
    event_add(t->event, &delay);
    return t;
}

static inline void fake_timer_cancel(struct gateway_timer *t)
{
    if (t == NULL)
        return;
    event_free(t->event);
    free(t);
}

/* Numeric addresses only. */
static inline void fake_resolve(struct gateway *gw, const char *name, gateway_resolved_fn *fn,
                                void *arg)
{
    struct in6_addr address;

    (void)gw;
    if (inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1)
        fn(arg, &name, 1, NULL);
    else
        fn(arg, NULL, 0, "no such name");
}

static inline struct event_base *fake_loop(struct gateway *gw)
{
    return fake_of(gw)->base;
}

static inline int64_t fake_clock(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + fake_current->clock_ms;
}

static inline int64_t fake_wall_ms(void)
{
    return fake_current->wall_ms ? fake_current->wall_ms : fake_clock(CLOCK_REALTIME);
}

static inline int64_t fake_mono_ms(void)
{
    return fake_clock(CLOCK_MONOTONIC);
}

static inline int64_t fake_boot_ms(void)
{
    return fake_clock(CLOCK_BOOTTIME);
}

static inline void fake_random(void *bytes, size_t n)
{
    unsigned char *p = bytes;

    while (n-- > 0)
        *p++ = (unsigned char)random();
}

static inline const char *fake_name(struct gateway *gw)
{
    (void)gw;
    return "test";
}

static inline void fake_log(struct gateway *gw, enum gateway_log_level level, const char *format,
                            ...) __attribute__((format(printf, 3, 4)));
static inline void fake_log(struct gateway *gw, enum gateway_log_level level, const char *format,
                            ...)
{
    struct fake_host *host = fake_of(gw);
    size_t n = strlen(host->log);
    va_list ap;

    va_start(ap, format);
    n += (size_t)snprintf(host->log + n, sizeof host->log - n, "%d ", level);
    if (n < sizeof host->log)
        vsnprintf(host->log + n, sizeof host->log - n, format, ap);
    va_end(ap);
    n = strlen(host->log);
    if (n + 1 < sizeof host->log) {
        host->log[n] = '\n';
        host->log[n + 1] = '\0';
    }
}

static inline const char *fake_log_bytes(const char *bytes, size_t n)
{
    static char out[256];

    snprintf(out, sizeof out, "\"%.*s\"", (int)n, bytes ? bytes : "");
    return out;
}

/* One daemon alone: who asks where there is nothing makes it, at once. */
struct fake_asker {
    struct fake_shared *value;
    bool stale;
    gateway_shared_fn *fn;
    void *arg;
};

static inline struct fake_shared *fake_shared_find(struct gateway *gw, const char *name)
{
    struct fake_shared *s;

    for (s = fake_of(gw)->shared; s != NULL; s = s->next)
        if (strcmp(s->name, name) == 0)
            return s;
    s = calloc(1, sizeof *s);
    snprintf(s->name, sizeof s->name, "%s", name);
    s->next = fake_of(gw)->shared;
    fake_of(gw)->shared = s;
    return s;
}

static inline void fake_shared_answer(void *asker)
{
    struct fake_asker a = *(struct fake_asker *)asker;
    const char *value = a.stale ? NULL : a.value->value;

    free(asker);
    a.fn(a.arg, value, value ? strlen(value) : 0);
}

static inline void fake_shared(struct gateway *gw, const char *name, const char *stale,
                               gateway_shared_fn *fn, void *arg)
{
    struct fake_asker *a = calloc(1, sizeof *a);

    a->value = fake_shared_find(gw, name);
    a->stale = stale && a->value->value && strcmp(stale, a->value->value) == 0;
    a->fn = fn;
    a->arg = arg;
    fake_timer(gw, 0, fake_shared_answer, a);
}

static inline void fake_shared_put(struct gateway *gw, const char *name, const char *value,
                                   size_t length, int64_t ttl_ms)
{
    struct fake_shared *s = fake_shared_find(gw, name);

    free(s->value);
    s->value = ttl_ms > 0 ? strndup(value, length) : NULL;
}

/* Set by a test of a plugin that has children. */
static void (*fake_end_child)(struct event_base *base, pid_t pid, int64_t term_ms, int64_t kill_ms);

static inline void fake_child_end(struct gateway *gw, pid_t pid, int64_t term_ms, int64_t kill_ms)
{
    fake_end_child(fake_of(gw)->base, pid, term_ms, kill_ms);
}

static const struct gateway_host fake_table = {
    .size = sizeof(struct gateway_host),
    .setting_string = fake_string,
    .setting_int = fake_int,
    .setting_given = fake_is_given,
    .setting_count = fake_count,
    .capacity = fake_capacity,
    .done = fake_done,
    .receipt = fake_receipt_in,
    .reply = fake_reply_in,
    .timer = fake_timer,
    .timer_cancel = fake_timer_cancel,
    .resolve = fake_resolve,
    .loop = fake_loop,
    .wall_ms = fake_wall_ms,
    .mono_ms = fake_mono_ms,
    .boot_ms = fake_boot_ms,
    .random = fake_random,
    .name = fake_name,
    .log = fake_log,
    .log_bytes = fake_log_bytes,
    .shared = fake_shared,
    .shared_put = fake_shared_put,
    .child_end = fake_child_end,
};

/* ------------------------------------------------------------------ for the test */
/* Opens the plugin; returns what its open() does, with the sentence in error. */
static inline int fake_open(struct fake_host *host, const struct gateway_plugin *plugin,
                            const struct fake_setting *settings)
{
    memset(host, 0, sizeof *host);
    fake_current = host;
    host->plugin = plugin;
    host->settings = settings;
    host->base = event_base_new();
    host->done = calloc(FAKE_MAX, sizeof *host->done);
    host->receipts = calloc(FAKE_MAX, sizeof *host->receipts);
    host->replies = calloc(FAKE_MAX, sizeof *host->replies);
    return plugin->open(&fake_table, (struct gateway *)(void *)host, &host->state, host->error,
                        sizeof host->error);
}

/* Closes the plugin, if it is open, and frees what the host holds. */
static inline void fake_close(struct fake_host *host)
{
    if (host->state != NULL)
        host->plugin->close(host->state);
    host->state = NULL;
    while (host->shared != NULL) {
        struct fake_shared *s = host->shared;

        host->shared = s->next;
        free(s->value);
        free(s);
    }
    event_base_free(host->base);
    free(host->done);
    free(host->receipts);
    free(host->replies);
}

static inline void fake_submit(struct fake_host *host, const struct gateway_message *messages,
                               size_t n)
{
    const struct gateway_message *list[FAKE_MAX];
    size_t i;

    for (i = 0; i < n; i++)
        list[i] = &messages[i];
    host->plugin->submit(host->state, list, n);
}

/* One turn of the loop, waiting at most 2 ms. */
static inline void fake_turn(struct fake_host *host)
{
    struct timeval limit = {0, 2000};

    event_base_loopexit(host->base, &limit);
    event_base_loop(host->base, EVLOOP_ONCE);
}

static inline int64_t fake_real_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Turns until the condition holds; fails the test after five seconds. */
#define FAKE_UNTIL(host, condition)                                                                \
    do {                                                                                           \
        int64_t fake_limit_ms = fake_real_ms() + 5000;                                             \
        while (!(condition)) {                                                                     \
            if (fake_real_ms() > fake_limit_ms)                                                    \
                fail_msg("never: %s\n%s", #condition, (host)->log);                                \
            fake_turn(host);                                                                       \
        }                                                                                          \
    } while (0)

/* Lets so many real milliseconds pass on the loop. */
static inline void fake_wait(struct fake_host *host, int64_t ms)
{
    int64_t end_ms = fake_real_ms() + ms;

    while (fake_real_ms() < end_ms)
        fake_turn(host);
}

#endif
