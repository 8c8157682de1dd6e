/*
 * plugin_host.h - a host for the tests of plugins, all in the test's hands
 *
 * It reads settings from rows of text through the plugin's own table (a name
 * that the table does not know fails the test), keeps what the plugin reports,
 * and has a clock that only the test moves. HTTP requests are kept; the test
 * answers them. One source file includes this once.
 */
#ifndef PLUGIN_HOST_H
#define PLUGIN_HOST_H

#include "gateway_plugin.h"

#include <ctype.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNUSED __attribute__((unused))

struct setting_row {
    const char *name, *value;
};

struct kept_answer {
    uint64_t token;
    enum gateway_outcome outcome;
    enum gateway_reason reason;
    size_t id_count;
    char ids[GATEWAY_MAX_IDS][65];
    char code[64], words[200];
    int64_t retry_after_ms, at_ms;
};

struct kept_receipt {
    char id[65], reference[121], code[64];
    bool has_reference;
    enum gateway_receipt_state state;
    int64_t at_ms;
};

struct kept_reply {
    char from[64], to[64], text[256], id[72];
    int64_t at_ms;
};

/* A value that daemons share; "": there is none, who asks makes it. */
struct kept_shared {
    char name[33], value[600];
    int64_t ttl_ms;
    unsigned puts;
};

struct kept_request {
    char *method, *url, *headers, *body; /* headers: lines with '\n' behind each */
    int64_t timeout_ms, send_by_ms;
    gateway_http_fn *fn;
    void *arg;
};

struct gateway_timer {
    struct gateway_timer *next;
    int64_t due_ms;
    gateway_timer_fn *fn;
    void *arg;
    struct gateway *gw;
};

struct gateway {
    const struct gateway_plugin *plugin;
    void *state;
    void *library;
    const struct setting_row *rows;
    char error[512];
    int64_t now_ms;
    unsigned capacity, capacity_calls;
    struct kept_answer *answers;
    size_t answer_count, answer_room;
    struct kept_receipt *receipts;
    size_t receipt_count, receipt_room;
    struct kept_reply *replies;
    size_t reply_count, reply_room;
    struct kept_request *requests;
    size_t request_count, request_room;
    struct gateway_timer *timers;
    size_t timers_made;
    enum { STORE_NOW, STORE_LATER, STORE_FAILS } store;
    gateway_stored_fn *stored[16384];
    void *stored_args[16384];
    size_t stored_count;
    void (*on_done)(struct gateway *gw, uint64_t token);
    struct kept_shared shared[4];
    size_t shared_count;
    char log[65536];
    size_t log_length;
};

static int64_t host_start_ms = 1000000; /* where the clock of the next gateway starts */
static struct gateway *the_host;        /* for the calls that are given no gateway */

#define KEEP(gw, list, count, room)                                                                \
    ((gw)->count == (gw)->room                                                                     \
         ? ((gw)->room = (gw)->room * 2 + 64,                                                      \
            (gw)->list = realloc((gw)->list, (gw)->room * sizeof *(gw)->list))                     \
         : NULL,                                                                                   \
     memset(&(gw)->list[(gw)->count], 0, sizeof *(gw)->list), &(gw)->list[(gw)->count++])

/* ------------------------------------------------------------------ settings */

static const struct gateway_setting *host_find(const struct gateway_setting *table,
                                               const char *path)
{
    size_t step = strcspn(path, ".");
    const struct gateway_setting *s;

    for (s = table; s != NULL && s->name != NULL; s++) {
        if (strlen(s->name) != step || strncmp(s->name, path, step) != 0)
            continue;
        path += step;
        while (*path == '.' && isdigit((unsigned char)path[1]))
            path += 1 + strspn(path + 1, "0123456789");
        return *path == '.' ? host_find(s->fields, path + 1) : s;
    }
    return NULL;
}

static const char *host_value(struct gateway *gw, const char *name)
{
    const struct gateway_setting *s = host_find(gw->plugin->settings, name);
    const struct setting_row *row;

    if (s == NULL && strcmp(name, "channel") != 0) { /* the host's own */
        fprintf(stderr, "the plugin asks for %s, which is not in its table\n", name);
        abort();
    }
    for (row = gw->rows; row->name != NULL; row++)
        if (strcmp(row->name, name) == 0)
            return row->value;
    return s != NULL ? s->initial : NULL;
}

static const char *host_setting_string(struct gateway *gw, const char *name)
{
    return host_value(gw, name);
}

static int64_t host_setting_int(struct gateway *gw, const char *name)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}};
    const char *value = host_value(gw, name);
    char *end;
    int64_t n;
    size_t i;

    if (value == NULL || strcmp(value, "false") == 0)
        return 0;
    if (strcmp(value, "true") == 0)
        return 1;
    n = strtoll(value, &end, 10);
    for (i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(end, units[i].unit) == 0)
            return n * units[i].ms;
    return n;
}

static bool host_setting_given(struct gateway *gw, const char *name)
{
    const struct setting_row *row;

    for (row = gw->rows; row->name != NULL; row++)
        if (strcmp(row->name, name) == 0)
            return true;
    return false;
}

static size_t host_setting_count(struct gateway *gw, const char *name)
{
    size_t length = strlen(name), count = 0;
    const struct setting_row *row;

    if (host_find(gw->plugin->settings, name) == NULL)
        abort();
    for (row = gw->rows; row->name != NULL; row++)
        if (strncmp(row->name, name, length) == 0 && row->name[length] == '.' &&
            strtoul(row->name + length + 1, NULL, 10) >= count)
            count = strtoul(row->name + length + 1, NULL, 10) + 1;
    return count;
}

/* -------------------------------------------------------------------- reports */

static void host_capacity(struct gateway *gw, unsigned messages, const char *why UNUSED)
{
    gw->capacity = messages;
    gw->capacity_calls++;
}

static void host_copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from != NULL ? from : "");
}

static void host_done(struct gateway *gw, uint64_t token, const struct gateway_answer *answer)
{
    struct kept_answer *kept = KEEP(gw, answers, answer_count, answer_room);
    size_t i;

    kept->token = token;
    kept->outcome = answer->outcome;
    kept->reason = answer->reason;
    kept->id_count = answer->id_count;
    for (i = 0; i < answer->id_count; i++)
        memcpy(kept->ids[i], answer->ids[i].bytes, answer->ids[i].length);
    host_copy(kept->code, sizeof kept->code, answer->code);
    host_copy(kept->words, sizeof kept->words, answer->words);
    kept->retry_after_ms = answer->retry_after_ms;
    kept->at_ms = gw->now_ms;
    if (gw->on_done != NULL)
        gw->on_done(gw, token);
}

static void host_store(struct gateway *gw, gateway_stored_fn *stored, void *arg)
{
    if (gw->store != STORE_LATER) {
        stored(arg, gw->store == STORE_NOW);
        return;
    }
    if (gw->stored_count == sizeof gw->stored / sizeof *gw->stored)
        abort();
    gw->stored[gw->stored_count] = stored;
    gw->stored_args[gw->stored_count++] = arg;
}

static void host_receipt(struct gateway *gw, const struct gateway_receipt *receipt,
                         gateway_stored_fn *stored, void *arg)
{
    struct kept_receipt *kept = KEEP(gw, receipts, receipt_count, receipt_room);

    memcpy(kept->id, receipt->id.bytes != NULL ? receipt->id.bytes : "", receipt->id.length);
    kept->has_reference = receipt->reference != NULL;
    host_copy(kept->reference, sizeof kept->reference, receipt->reference);
    host_copy(kept->code, sizeof kept->code, receipt->code);
    kept->state = receipt->state;
    kept->at_ms = gw->now_ms;
    host_store(gw, stored, arg);
}

static void host_reply(struct gateway *gw, const struct gateway_reply *reply,
                       gateway_stored_fn *stored, void *arg)
{
    struct kept_reply *kept = KEEP(gw, replies, reply_count, reply_room);

    host_copy(kept->from, sizeof kept->from, reply->from);
    host_copy(kept->to, sizeof kept->to, reply->to);
    host_copy(kept->id, sizeof kept->id, reply->id);
    memcpy(kept->text, reply->text, reply->length < 255 ? reply->length : 255);
    kept->at_ms = gw->now_ms;
    host_store(gw, stored, arg);
}

static void host_http(struct gateway *gw, const struct gateway_http_request *request,
                      gateway_http_fn *fn, void *arg)
{
    struct kept_request *kept = KEEP(gw, requests, request_count, request_room);
    char headers[8192] = "";
    size_t i;

    for (i = 0; request->headers != NULL && request->headers[i] != NULL; i++) {
        strcat(headers, request->headers[i]);
        strcat(headers, "\n");
    }
    kept->method = strdup(request->method);
    kept->url = strdup(request->url);
    kept->headers = strdup(headers);
    kept->body = request->body != NULL ? strndup(request->body, request->length) : NULL;
    kept->timeout_ms = request->timeout_ms;
    kept->send_by_ms = request->send_by_ms;
    kept->fn = fn;
    kept->arg = arg;
}

static struct gateway_timer *host_timer(struct gateway *gw, int64_t delay_ms, gateway_timer_fn *fn,
                                        void *arg)
{
    struct gateway_timer *timer = calloc(1, sizeof *timer);

    *timer = (struct gateway_timer){gw->timers, gw->now_ms + delay_ms, fn, arg, gw};
    gw->timers = timer;
    gw->timers_made++;
    return timer;
}

static void host_timer_cancel(struct gateway_timer *timer)
{
    struct gateway_timer **at;

    if (timer == NULL)
        return;
    for (at = &timer->gw->timers; *at != timer; at = &(*at)->next)
        ;
    *at = timer->next;
    free(timer);
}

static struct event_base *host_loop(struct gateway *gw UNUSED)
{
    return NULL;
}

#define HOST_EPOCH_MS INT64_C(1804381200000) /* 2027-03-07T01:00:00Z */

static int64_t host_mono_ms(void)
{
    return the_host->now_ms;
}

static int64_t host_wall_ms(void)
{
    return HOST_EPOCH_MS + the_host->now_ms;
}

static void host_random(void *bytes, size_t n)
{
    memset(bytes, 0x5a, n);
}

static const char *host_name(struct gateway *gw UNUSED)
{
    return "double";
}

static void host_log(struct gateway *gw, enum gateway_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void host_log(struct gateway *gw, enum gateway_log_level level UNUSED, const char *format,
                     ...)
{
    size_t room = sizeof gw->log - gw->log_length;
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(gw->log + gw->log_length, room, format, ap);
    va_end(ap);
    gw->log_length += (size_t)n < room ? (size_t)n : room - 1;
}

static const char *host_log_bytes(const char *bytes, size_t n)
{
    static char quoted[64];

    snprintf(quoted, sizeof quoted, "%.*s", (int)n, bytes);
    return quoted;
}

static struct kept_shared *host_shared_find(struct gateway *gw, const char *name)
{
    size_t i = 0;

    while (i < gw->shared_count && strcmp(gw->shared[i].name, name) != 0)
        i++;
    if (i == sizeof gw->shared / sizeof *gw->shared)
        abort();
    if (i == gw->shared_count)
        snprintf(gw->shared[gw->shared_count++].name, 33, "%s", name);
    return &gw->shared[i];
}

/* Within the call, where the daemon answers in a later turn. */
static void host_shared(struct gateway *gw, const char *name, const char *stale,
                        gateway_shared_fn *fn, void *arg)
{
    struct kept_shared *s = host_shared_find(gw, name);
    bool there = s->value[0] != '\0' && (stale == NULL || strcmp(stale, s->value) != 0);

    fn(arg, there ? s->value : NULL, there ? strlen(s->value) : 0);
}

static void host_shared_put(struct gateway *gw, const char *name, const char *value, size_t length,
                            int64_t ttl_ms)
{
    struct kept_shared *s = host_shared_find(gw, name);

    s->puts++;
    s->ttl_ms = ttl_ms;
    snprintf(s->value, sizeof s->value, "%.*s", ttl_ms > 0 ? (int)length : 0,
             ttl_ms > 0 ? value : "");
}

static const struct gateway_host plugin_host = {
    .size = sizeof plugin_host,
    .setting_string = host_setting_string,
    .setting_int = host_setting_int,
    .setting_given = host_setting_given,
    .setting_count = host_setting_count,
    .capacity = host_capacity,
    .done = host_done,
    .receipt = host_receipt,
    .reply = host_reply,
    .http = host_http,
    .timer = host_timer,
    .timer_cancel = host_timer_cancel,
    .loop = host_loop,
    .wall_ms = host_wall_ms,
    .mono_ms = host_mono_ms,
    .boot_ms = host_mono_ms,
    .random = host_random,
    .name = host_name,
    .log = host_log,
    .log_bytes = host_log_bytes,
    .shared = host_shared,
    .shared_put = host_shared_put,
};

/* --------------------------------------------------------------- what tests call */

/* Opens a plugin's shared object with these settings (ended by {0}); NULL with
 * the sentence in error (512 bytes) when it refuses them. */
UNUSED static struct gateway *host_open(const char *so, const struct setting_row *rows, char *error)
{
    struct gateway *gw = calloc(1, sizeof *gw);

    the_host = gw;
    gw->rows = rows;
    gw->now_ms = host_start_ms;
    gw->library = dlopen(so, RTLD_NOW | RTLD_LOCAL);
    if (gw->library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        abort();
    }
    gw->plugin = dlsym(gw->library, "gateway_plugin");
    if (gw->plugin->open(&plugin_host, gw, &gw->state, gw->error, sizeof gw->error) == 0)
        return gw;
    if (error != NULL)
        memcpy(error, gw->error, sizeof gw->error);
    free(gw);
    return NULL;
}

/* Closes it. That no timer is left is a promise of the plugin's. */
UNUSED static void host_close(struct gateway *gw)
{
    size_t i;

    gw->plugin->close(gw->state);
    if (gw->timers != NULL)
        abort();
    for (i = 0; i < gw->request_count; i++) {
        free(gw->requests[i].method);
        free(gw->requests[i].url);
        free(gw->requests[i].headers);
        free(gw->requests[i].body);
    }
    free(gw->requests);
    free(gw->answers);
    free(gw->receipts);
    free(gw->replies);
    free(gw);
}

/* Moves the clock to to_ms after now, running what falls due in order. */
UNUSED static void host_pass(struct gateway *gw, int64_t ms)
{
    int64_t end_ms = gw->now_ms + ms;

    for (;;) {
        struct gateway_timer *t, *first = NULL;
        gateway_timer_fn *fn;
        void *arg;

        for (t = gw->timers; t != NULL; t = t->next)
            if (first == NULL || t->due_ms < first->due_ms)
                first = t;
        if (first == NULL || first->due_ms > end_ms)
            break;
        if (first->due_ms > gw->now_ms)
            gw->now_ms = first->due_ms;
        fn = first->fn;
        arg = first->arg;
        host_timer_cancel(first);
        fn(arg);
    }
    gw->now_ms = end_ms;
}

UNUSED static const struct kept_answer *host_answer(const struct gateway *gw, uint64_t token)
{
    size_t i;

    for (i = 0; i < gw->answer_count; i++)
        if (gw->answers[i].token == token)
            return &gw->answers[i];
    return NULL;
}

#endif
