#include "watchful.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <event2/event.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BLOCKED_MS 2000      /* a call that takes so long holds up every campaign */
#define SOCKET_GRACE_MS 1500 /* real time that a peer on a socket has before clocks hurry */
#define HTTP_LATENCY_MS 20
#define KINDS_MAX 64

const struct gateway_plugin *the_plugin;
struct rows the_rows;
const struct http_play *the_play;
enum store the_store;
bool is_idle;
bool uses_loop;
int64_t wall_jump_ms, ready_wait_ms = 15000;
void (*on_vice)(const char *sentence);

static struct event_base *base;
static int64_t hurried_ms;
static struct gateway *instances[8];
static unsigned depth; /* calls of the plugin on the stack */

/* ------------------------------------------------------------------ the verdict */
void vice(const char *kind, const char *format, ...)
{
    static const char *seen[KINDS_MAX];
    static size_t count;
    char sentence[400];
    va_list ap;

    for (size_t i = 0; i < count; i++)
        if (strcmp(seen[i], kind) == 0)
            return;
    if (count < KINDS_MAX)
        seen[count++] = kind;
    va_start(ap, format);
    vsnprintf(sentence, sizeof sentence, format, ap);
    va_end(ap);
    on_vice(sentence);
}

static bool gone(struct gateway *gw, const char *call)
{
    if (!gw->closed)
        return false;
    vice("after-close", "calls %s() after close()", call);
    return true;
}

/* ------------------------------------------------------------------ clocks */
static int64_t clock_ms(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t watch_mono_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC) + hurried_ms;
}

int64_t watch_boot_ms(void)
{
    return clock_ms(CLOCK_BOOTTIME) + hurried_ms;
}

int64_t watch_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME) + hurried_ms + wall_jump_ms;
}

/* Around every call of the plugin's: how long it held the loop. */
static int64_t call_begins(void)
{
    depth++;
    return clock_ms(CLOCK_MONOTONIC);
}

static void call_ends(int64_t began_ms, const char *call)
{
    int64_t took_ms = clock_ms(CLOCK_MONOTONIC) - began_ms;

    if (--depth == 0 && took_ms >= BLOCKED_MS)
        vice("blocks", "%s() held the loop for %lld ms: nothing may block", call,
             (long long)took_ms);
}

/* ------------------------------------------------------------------ settings */
static const char *const common_settings[] = {
    "name",     "plugin", "channel",      "rate",           "burst",
    "count",    "window", "signature",    "priority",       "weight",
    "days",     "group",  "receipt_wait", "callback_token", "answer_wait",
    "disabled", "tls_ca", "tls_cert",     "tls_key",        NULL};

const struct gateway_setting *setting_find(const struct gateway_setting *table, const char *path)
{
    size_t step = strcspn(path, ".");

    for (const struct gateway_setting *s = table; s != NULL && s->name != NULL; s++) {
        if (strlen(s->name) != step || strncmp(s->name, path, step) != 0)
            continue;
        path += step;
        while (*path == '.' && isdigit((unsigned char)path[1]))
            path += 1 + strspn(path + 1, "0123456789");
        return *path == '.' ? setting_find(s->fields, path + 1) : s;
    }
    return NULL;
}

static const char *given(const char *name)
{
    for (size_t i = 0; i < the_rows.count; i++)
        if (strcmp(the_rows.rows[i].name, name) == 0)
            return the_rows.rows[i].value;
    return NULL;
}

static const char *value_of(struct gateway *gw, const char *name)
{
    const struct gateway_setting *s = setting_find(the_plugin->settings, name);
    const char *value = given(name);

    (void)gone(gw, "setting_string");
    for (size_t i = 0; s == NULL && common_settings[i] != NULL; i++)
        if (strcmp(common_settings[i], name) == 0)
            return value != NULL ? value : strcmp(name, "window") == 0 ? "10" : "";
    if (s == NULL) {
        vice("settings", "asks for the setting \"%.60s\", which is not in its table", name);
        return NULL;
    }
    return value != NULL ? value : s->initial;
}

static const char *setting_string(struct gateway *gw, const char *name)
{
    const struct gateway_setting *s = setting_find(the_plugin->settings, name);
    const char *value = value_of(gw, name);

    if (s != NULL && s->kind != GATEWAY_STRING && s->kind != GATEWAY_SECRET &&
        s->kind != GATEWAY_STRINGS)
        return NULL;
    return s == NULL || value != NULL ? value : "";
}

static int64_t setting_int(struct gateway *gw, const char *name)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}};
    const struct gateway_setting *s = setting_find(the_plugin->settings, name);
    const char *value = value_of(gw, name);
    char *unit;
    int64_t n;

    if (value == NULL || *value == '\0')
        return 0;
    if (strcmp(value, "true") == 0)
        return 1;
    n = strtoll(value, &unit, 0);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(unit, units[i].unit) == 0)
            return n * units[i].ms;
    return s != NULL && s->kind == GATEWAY_DURATION ? n * 1000 : n;
}

static bool setting_given(struct gateway *gw, const char *name)
{
    size_t n = strlen(name);

    (void)value_of(gw, name);
    for (size_t i = 0; i < the_rows.count; i++)
        if (strncmp(the_rows.rows[i].name, name, n) == 0 &&
            strchr(".", the_rows.rows[i].name[n]) != NULL)
            return true;
    return false;
}

static size_t setting_count(struct gateway *gw, const char *name)
{
    size_t n = strlen(name), count = 0;

    (void)value_of(gw, name);
    for (size_t i = 0; i < the_rows.count; i++)
        if (strncmp(the_rows.rows[i].name, name, n) == 0 && the_rows.rows[i].name[n] == '.') {
            size_t at = strtoul(the_rows.rows[i].name + n + 1, NULL, 10) + 1;

            count = at > count ? at : count;
        }
    return count;
}

/* What a log, a reason or an error may not have. */
static void look_for_secrets(struct gateway *gw, const char *line, const char *where)
{
    for (size_t i = 0; i < the_rows.count; i++) {
        const struct gateway_setting *s = setting_find(the_plugin->settings, the_rows.rows[i].name);
        const char *secret = the_rows.rows[i].value;

        if (s != NULL && s->kind == GATEWAY_SECRET && strlen(secret) >= 8 &&
            strstr(line, secret) != NULL)
            vice("secret", "tells the secret %s in %s", s->name, where);
    }
    for (size_t i = 0; gw != NULL && i < gw->count; i++)
        if (gw->tokens[i].number[0] != '\0' && strstr(line, gw->tokens[i].number) != NULL)
            vice("number", "tells a recipient's number in %s", where);
}

/* ------------------------------------------------------------------ answers */
static void capacity(struct gateway *gw, unsigned messages, const char *why)
{
    if (gone(gw, "capacity"))
        return;
    if (gw->drained && messages > 0)
        vice("drain", "announces room for %u messages after drain()", messages);
    if (messages == 0 && (why == NULL || *why == '\0'))
        vice("why", "announces that it takes no message, and does not say why");
    gw->capacity = messages;
    snprintf(gw->why, sizeof gw->why, "%s", why != NULL ? why : "");
    look_for_secrets(gw, gw->why, "the reason of a capacity");
}

static void look_at_ids(const struct gateway_answer *a)
{
    if (a->id_count > GATEWAY_MAX_IDS) {
        vice("ids", "gives %zu message ids: at most %d", a->id_count, GATEWAY_MAX_IDS);
        return;
    }
    if (a->id_count > 0 && a->ids == NULL) {
        vice("ids", "says id_count %zu with no ids", a->id_count);
        return;
    }
    for (size_t i = 0; i < a->id_count; i++)
        if (a->ids[i].bytes == NULL || a->ids[i].length < 1 || a->ids[i].length > 64)
            vice("ids", "gives a message id of %zu bytes%s: 1 to 64", a->ids[i].length,
                 a->ids[i].bytes == NULL ? ", at no address" : "");
}

static void look_at_answer(const struct token *t, const struct gateway_answer *a)
{
    char line[400];

    if (a->outcome < GATEWAY_ACCEPTED || a->outcome > GATEWAY_UNKNOWN)
        vice("outcome", "answers with outcome %d: there is none such", (int)a->outcome);
    if ((unsigned)a->reason > GATEWAY_REASON_OTHER)
        vice("reason", "answers with reason %d: there is none such", (int)a->reason);
    if (a->retry_after_ms < 0 || a->retry_after_ms > INT64_C(366) * 86400000)
        vice("retry_after", "answers with retry_after_ms %lld", (long long)a->retry_after_ms);
    if (t->in_doubt && a->outcome != GATEWAY_UNKNOWN)
        vice("doubt", "a request that may have arrived is answered with outcome %d: UNKNOWN it is",
             (int)a->outcome);
    if (!t->in_doubt && t->requests > 0 && the_play != NULL &&
        the_play->result == GATEWAY_HTTP_UNSENT &&
        (a->outcome == GATEWAY_ACCEPTED || a->outcome == GATEWAY_REJECTED))
        vice("unsent", "a request that never left is answered with outcome %d", (int)a->outcome);
    look_at_ids(a);
    snprintf(line, sizeof line, "%s %s", a->code != NULL ? a->code : "",
             a->words != NULL ? a->words : "");
    look_for_secrets(NULL, line, "code or words of an answer");
}

static void done(struct gateway *gw, uint64_t token, const struct gateway_answer *answer)
{
    struct token *t = NULL;

    if (gone(gw, "done"))
        return;
    for (size_t i = gw->count; i > 0 && t == NULL; i--)
        if (gw->tokens[i - 1].token == token)
            t = &gw->tokens[i - 1];
    if (t == NULL) {
        vice("token", "answers token %llu, which it never got", (unsigned long long)token);
        return;
    }
    if (t->answers++ > 0) {
        vice("twice", "answers a message twice");
        return;
    }
    gw->owed--;
    if (answer == NULL) {
        vice("empty", "calls done() without an answer");
        return;
    }
    t->outcome = answer->outcome;
    look_at_answer(t, answer);
    if (gw->on_done != NULL)
        gw->on_done(gw);
}

/* ------------------------------------------------------------------ receipts, replies */
struct promise {
    LIST_ENTRY(promise) links;
    struct gateway *gw;
    struct pushed *push;
    gateway_stored_fn *fn;
    void *arg;
    int64_t due_ms;
};

static void keep_promise(struct promise *p)
{
    bool stored = the_store != STORE_REFUSED;

    LIST_REMOVE(p, links);
    if (p->push != NULL)
        ++*(stored ? &p->push->stored : &p->push->refused);
    p->fn(p->arg, stored);
    free(p);
}

static void store(struct gateway *gw, gateway_stored_fn *stored, void *arg)
{
    struct promise *p;

    if (gw->push != NULL)
        gw->push->handed_up++;
    if (stored == NULL) {
        vice("stored",
             "hands a receipt or reply up and does not want to know whether it is stored");
        return;
    }
    p = calloc(1, sizeof *p);
    *p = (struct promise){.gw = gw, .push = gw->push, .fn = stored, .arg = arg};
    p->due_ms = watch_mono_ms() + (the_store == STORE_NEVER ? INT64_C(1) << 50 : 300);
    LIST_INSERT_HEAD(&gw->promises, p, links);
    if (the_store == STORE_NOW)
        keep_promise(p);
}

static void receipt(struct gateway *gw, const struct gateway_receipt *r, gateway_stored_fn *stored,
                    void *arg)
{
    bool has_id = r->id.bytes != NULL && r->id.length >= 1 && r->id.length <= 64;

    if (gone(gw, "receipt"))
        return;
    if (!has_id && r->reference == NULL)
        vice("receipt-id", "hands up a receipt without id and reference");
    if (r->id.length > 64 || r->other_id.length > 64)
        vice("receipt-id", "hands up a receipt with an id of %zu bytes: 1 to 64", r->id.length);
    if (r->state < GATEWAY_DELIVERED || r->state > GATEWAY_ENROUTE)
        vice("receipt-state", "hands up a receipt with state %d", (int)r->state);
    if ((unsigned)r->reason > GATEWAY_REASON_OTHER)
        vice("receipt-reason", "hands up a receipt with reason %d", (int)r->reason);
    store(gw, stored, arg);
}

static void reply(struct gateway *gw, const struct gateway_reply *r, gateway_stored_fn *stored,
                  void *arg)
{
    if (gone(gw, "reply"))
        return;
    if (r->from == NULL || (r->text == NULL && r->length > 0) || r->length > 256 << 10)
        vice("reply", "hands up a reply without sender or text, or beyond 256 KiB");
    store(gw, stored, arg);
}

/* ------------------------------------------------------------------ HTTP */
struct fetch {
    LIST_ENTRY(fetch) links;
    gateway_http_fn *fn;
    void *arg;
    int64_t due_ms;
    bool late; /* its permission to be sent was over */
};

static bool has_number(const struct gateway_http_request *r, const char *number)
{
    return strstr(r->url, number) != NULL ||
           (r->body != NULL && memmem(r->body, r->length, number, strlen(number)) != NULL);
}

static void look_at_request(struct gateway *gw, const struct gateway_http_request *r)
{
    for (size_t i = 0; i < gw->count; i++) {
        struct token *t = &gw->tokens[i];

        if (t->number[0] == '\0' || !has_number(r, t->number))
            continue;
        if (t->answers > 0)
            vice("resend", "sends a message again that it has answered");
        else if (t->in_doubt)
            vice("resend", "sends a message again by itself that may have arrived");
        t->requests++;
        t->in_doubt = the_play != NULL && the_play->result == GATEWAY_HTTP_AMBIGUOUS;
        if (r->send_by_ms == 0)
            vice("send_by",
                 "sends a message by HTTP without passing submit_by_ms on as send_by_ms");
    }
}

static void http(struct gateway *gw, const struct gateway_http_request *r, gateway_http_fn *fn,
                 void *arg)
{
    struct fetch *f;
    int64_t limit_ms = r->timeout_ms > 0 ? r->timeout_ms : 30000;

    if (gone(gw, "http"))
        return;
    if (r->method == NULL || r->url == NULL ||
        (strncmp(r->url, "http://", 7) != 0 && strncmp(r->url, "https://", 8) != 0))
        vice("url", "an HTTP request without method, or without an http or https url");
    if (strpbrk(r->url != NULL ? r->url : "", " \t\r\n") != NULL)
        vice("url", "a url with a space or line end in it");
    for (size_t i = 0; r->headers != NULL && r->headers[i] != NULL; i++)
        if (strpbrk(r->headers[i], "\r\n") != NULL)
            vice("header", "a header with a line end in it");
    look_at_request(gw, r);
    f = calloc(1, sizeof *f);
    f->fn = fn;
    f->arg = arg;
    f->late = r->send_by_ms != 0 && watch_boot_ms() > r->send_by_ms;
    f->due_ms = watch_mono_ms() + (the_play != NULL && the_play->result == GATEWAY_HTTP_AMBIGUOUS
                                       ? limit_ms
                                       : HTTP_LATENCY_MS);
    LIST_INSERT_HEAD(&gw->fetches, f, links);
}

static void answer_fetch(struct fetch *f)
{
    static const struct http_play well = {.status = 200, .body = "", .repeat = 1};
    const struct http_play *play = the_play != NULL ? the_play : &well;
    struct gateway_http_response r = {.result = play->result,
                                      .status = play->status,
                                      .retry_after_ms = play->retry_after_ms,
                                      .tls_trouble = play->tls_trouble};
    char *body = NULL;
    int64_t began_ms;

    if (f->late)
        r = (struct gateway_http_response){.result = GATEWAY_HTTP_UNSENT};
    if (r.result == GATEWAY_HTTP_ANSWERED) {
        size_t repeat = play->repeat > 0 ? play->repeat : 1;

        body = malloc(play->length * repeat + 1); /* without a byte to spare */
        for (size_t i = 0; i < repeat; i++)
            memcpy(body + i * play->length, play->body, play->length);
        body[play->length * repeat] = '\0';
        r.body = body;
        r.length = play->length * repeat;
    } else {
        r.trouble = f->late ? "not sent in time" : play->name;
    }
    LIST_REMOVE(f, links);
    began_ms = call_begins();
    f->fn(f->arg, &r);
    call_ends(began_ms, "an HTTP answer");
    free(body);
    free(f);
}

/* ------------------------------------------------------------------ services */
struct gateway_timer {
    LIST_ENTRY(gateway_timer) links;
    gateway_timer_fn *fn;
    void *arg;
    int64_t due_ms;
};

static struct gateway_timer *timer(struct gateway *gw, int64_t delay_ms, gateway_timer_fn *fn,
                                   void *arg)
{
    struct gateway_timer *t;

    (void)gone(gw, "timer");
    if (is_idle)
        return NULL;
    t = calloc(1, sizeof *t);
    *t = (struct gateway_timer){.fn = fn, .arg = arg, .due_ms = watch_mono_ms() + delay_ms};
    LIST_INSERT_HEAD(&gw->timers, t, links);
    return t;
}

static void timer_cancel(struct gateway_timer *t)
{
    if (t == NULL)
        return;
    LIST_REMOVE(t, links);
    free(t);
}

static void resolve(struct gateway *gw, const char *name, gateway_resolved_fn *fn, void *arg)
{
    struct in6_addr address;

    (void)gone(gw, "resolve");
    if (inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1)
        fn(arg, &name, 1, NULL);
    else
        fn(arg, NULL, 0, "no such name");
}

static struct event_base *loop(struct gateway *gw)
{
    (void)gone(gw, "loop");
    uses_loop = true;
    return base;
}

static void random_bytes(void *bytes, size_t n)
{
    if (getrandom(bytes, n, 0) != (ssize_t)n)
        abort();
}

static const char *name(struct gateway *gw)
{
    (void)gone(gw, "name");
    return "check";
}

static void log_line(struct gateway *gw, enum gateway_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void log_line(struct gateway *gw, enum gateway_log_level level, const char *format, ...)
{
    static char line[1 << 16];
    va_list ap;

    if (gone(gw, "log"))
        return;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    if ((unsigned)level > GATEWAY_LOG_ERROR)
        vice("level", "logs with level %d", (int)level);
    if (strpbrk(line, "\r\n") != NULL)
        vice("log-line", "logs a line end: foreign bytes go through log_bytes()");
    if (getenv("PLUGIN_CHECK_LOG") != NULL)
        fprintf(stderr, "%s\n", line);
    look_for_secrets(gw, line, "the log");
}

static const char *log_bytes(const char *bytes, size_t n)
{
    static char turns[4][600];
    static unsigned turn;
    char *out = turns[turn++ % 4], *at = out;

    *at++ = '"';
    for (size_t i = 0; i < n && i < 120; i++)
        at += bytes[i] >= ' ' && bytes[i] < 0x7f
                  ? sprintf(at, "%c", bytes[i])
                  : sprintf(at, "\\x%02x", (unsigned)(unsigned char)bytes[i]);
    *at++ = '"';
    *at = '\0';
    return out;
}

/* Shared values: one daemon alone, so it always makes them itself. */
struct asked {
    LIST_ENTRY(asked) links;
    gateway_shared_fn *fn;
    void *arg;
};

static void answer_asked(struct asked *asked)
{
    struct asked a = *asked;

    LIST_REMOVE(asked, links);
    free(asked);
    a.fn(a.arg, NULL, 0);
}

static void shared(struct gateway *gw, const char *key, const char *stale, gateway_shared_fn *fn,
                   void *arg)
{
    struct asked *a = malloc(sizeof *a);

    (void)stale;
    if (strspn(key, "abcdefghijklmnopqrstuvwxyz-") != strlen(key) || *key == '\0' ||
        strlen(key) > 32)
        vice("shared", "a shared value's name is 1 to 32 of a-z and -");
    *a = (struct asked){.fn = fn, .arg = arg};
    LIST_INSERT_HEAD(&gw->asked, a, links);
}

static void shared_put(struct gateway *gw, const char *key, const char *value, size_t length,
                       int64_t ttl_ms)
{
    (void)gone(gw, "shared_put");
    (void)key, (void)value, (void)length, (void)ttl_ms;
}

/* It is not waited for: what it does behind its end is no matter of the plugin's. */
static void child_end(struct gateway *gw, pid_t pid, int64_t term_ms, int64_t kill_ms)
{
    (void)gone(gw, "child_end");
    if (term_ms < 0 || kill_ms < term_ms)
        vice("child-time", "wants a child ended after %lld and %lld ms", (long long)term_ms,
             (long long)kill_ms);
    if (pid <= 0 || getpgid(pid) != pid) {
        vice("child-group", "hands over a child that leads no process group");
        return;
    }
    kill(-pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

const struct gateway_host watchful_host = {
    .size = sizeof watchful_host,
    .setting_string = setting_string,
    .setting_int = setting_int,
    .setting_given = setting_given,
    .setting_count = setting_count,
    .capacity = capacity,
    .done = done,
    .receipt = receipt,
    .reply = reply,
    .http = http,
    .timer = timer,
    .timer_cancel = timer_cancel,
    .resolve = resolve,
    .loop = loop,
    .wall_ms = watch_wall_ms,
    .mono_ms = watch_mono_ms,
    .boot_ms = watch_boot_ms,
    .random = random_bytes,
    .name = name,
    .log = log_line,
    .log_bytes = log_bytes,
    .shared = shared,
    .shared_put = shared_put,
    .child_end = child_end,
};

/* ------------------------------------------------------------------ an instance */
int open_files(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;

    while (d != NULL && readdir(d) != NULL)
        n++;
    if (d != NULL)
        closedir(d);
    return n;
}

static int events_of_base(void)
{
    return event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED);
}

static void remember(struct gateway *gw, bool is_there)
{
    for (size_t i = 0; i < sizeof instances / sizeof *instances; i++)
        if (instances[i] == (is_there ? NULL : gw)) {
            instances[i] = is_there ? gw : NULL;
            return;
        }
}

static bool alone(const struct gateway *gw)
{
    for (size_t i = 0; i < sizeof instances / sizeof *instances; i++)
        if (instances[i] != NULL && instances[i] != gw)
            return false;
    return true;
}

static void look_at_rest(struct gateway *gw, const char *call)
{
    siginfo_t info = {0};

    if (!LIST_EMPTY(&gw->timers))
        vice("timer-left", "leaves a timer behind %s", call);
    if (alone(gw) && open_files() > gw->files)
        vice("file-left", "leaves a file or socket open behind %s", call);
    if (alone(gw) && events_of_base() > gw->events)
        vice("event-left", "leaves an event on the loop behind %s", call);
    if (alone(gw) && waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
        vice("child-left", "leaves a child process behind %s", call);
}

static void forget_all(struct gateway *gw)
{
    struct promise *p;
    struct fetch *f;
    struct asked *a;

    while ((a = LIST_FIRST(&gw->asked)) != NULL) {
        LIST_REMOVE(a, links);
        free(a);
    }
    while ((p = LIST_FIRST(&gw->promises)) != NULL) {
        LIST_REMOVE(p, links);
        free(p);
    }
    while ((f = LIST_FIRST(&gw->fetches)) != NULL) {
        LIST_REMOVE(f, links);
        free(f);
    }
    while (!LIST_EMPTY(&gw->timers))
        timer_cancel(LIST_FIRST(&gw->timers));
}

int watch_open(struct gateway *gw, char *error)
{
    int64_t began_ms;
    int rc;

    memset(gw, 0, sizeof *gw);
    if (base == NULL)
        base = event_base_new();
    gw->files = open_files();
    gw->events = events_of_base();
    memset(error, 0, 512);
    began_ms = call_begins();
    rc = the_plugin->open(&watchful_host, gw, &gw->state, error, 512);
    call_ends(began_ms, "open");
    gw->open = rc == 0;
    if (rc == 0) {
        remember(gw, true);
        return 0;
    }
    if (memchr(error, '\0', 512) == NULL || *error == '\0')
        vice("sentence", "open() refuses its settings without a sentence that says why");
    look_for_secrets(NULL, error, "the sentence of open()");
    look_at_rest(gw, "an open() that refuses");
    forget_all(gw);
    gw->closed = true;
    return -1;
}

void watch_submit(struct gateway *gw, const struct gateway_message *const *messages, size_t n)
{
    int64_t began_ms;

    for (size_t i = 0; i < n; i++) {
        struct token *t;

        if (gw->count == gw->room) {
            gw->room = gw->room * 2 + 64;
            gw->tokens = realloc(gw->tokens, gw->room * sizeof *gw->tokens);
        }
        t = &gw->tokens[gw->count++];
        *t = (struct token){.token = messages[i]->token};
        if (messages[i]->to_length >= 11)
            snprintf(t->number, sizeof t->number, "%s",
                     messages[i]->to + messages[i]->to_length - 8);
        gw->owed++;
    }
    began_ms = call_begins();
    the_plugin->submit(gw->state, messages, n);
    call_ends(began_ms, "submit");
}

void watch_close(struct gateway *gw)
{
    int64_t began_ms = call_begins();

    the_plugin->close(gw->state);
    gw->closed = true;
    call_ends(began_ms, "close");
    look_at_rest(gw, "close()");
    forget_all(gw);
    remember(gw, false);
    free(gw->tokens);
    gw->tokens = NULL;
    gw->count = gw->owed = 0;
}

static void push_answer(void *arg, int status, const char *body)
{
    struct pushed *p = arg;

    (void)body;
    if (p->answers++ > 0)
        vice("push-twice", "answers a push twice");
    p->status = status;
    if (status < 100 || status > 599)
        vice("push-status", "answers a push with status %d", status);
    if (status >= 200 && status < 300 && p->stored < p->handed_up)
        vice("push-early", "answers a push with %d, and what was in it is not stored", status);
}

void watch_push(struct gateway *gw, const struct gateway_push *push, struct pushed *pushed)
{
    int64_t began_ms;

    pushed->gw = gw;
    gw->push = pushed;
    began_ms = call_begins();
    the_plugin->callback(gw->state, push, push_answer, pushed);
    call_ends(began_ms, "callback");
}

/* ------------------------------------------------------------------ time */
static bool run_due(struct gateway *gw)
{
    int64_t now_ms = watch_mono_ms();
    struct gateway_timer *t, *first = NULL;
    struct promise *p;
    struct fetch *f;

    if (!LIST_EMPTY(&gw->asked)) {
        answer_asked(LIST_FIRST(&gw->asked));
        return true;
    }
    LIST_FOREACH(f, &gw->fetches, links)
    if (f->due_ms <= now_ms) {
        answer_fetch(f);
        return true;
    }
    LIST_FOREACH(p, &gw->promises, links)
    if (p->due_ms <= now_ms) {
        keep_promise(p);
        return true;
    }
    LIST_FOREACH(t, &gw->timers, links)
    if (first == NULL || t->due_ms < first->due_ms)
        first = t;
    if (first != NULL && first->due_ms <= now_ms) {
        gateway_timer_fn *fn = first->fn;
        void *arg = first->arg;
        int64_t began_ms = call_begins();

        timer_cancel(first);
        fn(arg);
        call_ends(began_ms, "a timer");
        return true;
    }
    return false;
}

void watch_turn(int64_t step_ms)
{
    unsigned budget = 10000; /* a timer of 0 ms that begins itself anew must not hold us */

    hurried_ms += step_ms;
    event_base_loop(base, EVLOOP_NONBLOCK);
    for (size_t i = 0; i < sizeof instances / sizeof *instances; i++)
        while (instances[i] != NULL && budget-- > 0 && run_due(instances[i]))
            ;
    if (uses_loop) /* else all time is ours */
        usleep(1000);
}

void watch_settle(struct gateway *gw, int64_t ms)
{
    int64_t real_ms = clock_ms(CLOCK_MONOTONIC), end_ms = watch_mono_ms() + ms;

    while (gw->owed > 0 && watch_mono_ms() < end_ms) {
        bool grace = uses_loop && clock_ms(CLOCK_MONOTONIC) - real_ms < SOCKET_GRACE_MS;

        watch_turn(grace ? 0 : ms / 3000 + 1);
    }
}

bool watch_ready(struct gateway *gw)
{
    int64_t end_ms = clock_ms(CLOCK_MONOTONIC) + ready_wait_ms;

    while (gw->capacity == 0 && clock_ms(CLOCK_MONOTONIC) < end_ms)
        watch_turn(uses_loop ? 0 : 10);
    return gw->capacity > 0;
}
