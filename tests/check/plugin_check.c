/*
 * plugin-check [-m TEXT] [-p PUSH] [-s NAME] FILE.so [NAME=VALUE ...] - does a plugin keep its
 * word?
 *
 * Loads the plugin into a host that plays what a daemon and a provider may do, good and
 * bad, and watches what the plugin makes of it (watchful.h). A line a situation: "ok", or
 * "BAD" with the promise of gateway_plugin.h that was broken, or "--" where it could not be
 * judged. Each situation runs in a process of its own: one that dies or hangs is a verdict too.
 *
 *   NAME=VALUE  a setting; "list.0.name=value" for one of a list. Needed settings that are
 *               not given are made up
 *   -m TEXT     one more text to send
 *   -s NAME     only the situations whose name has NAME in it
 *   -p PUSH     a file with a push as the provider sends it: an HTTP request, head and body
 *
 * Exit: 0 when no promise was broken, 1 when one was, 64 for a wrong call.
 */
#include "watchful.h"

#include <dlfcn.h>
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <malloc.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_WAIT_MS (10 * 60 * 1000) /* the daemon's default: a message is lost then */
#define HANG_S 120
#define LEAST_SIZE (offsetof(struct gateway_plugin, close) + sizeof(void *))
#define EXIT_NOT_JUDGED 3
#define TEXT_BYTES 700
#define TOOK_NONE "it took no messages"
#define NO_PEER_MS 500

static const char *so_path, *push_path, *more_text, *only;
static int report_fd = -1;

/* ------------------------------------------------------------------ messages */
struct note { /* a message and what it points to */
    struct gateway_message m;
    char to[24], reference[48];
    char text[TEXT_BYTES];
};

static uint64_t tokens;

static const char *const texts[] = {
    "【示例】您预约的体检在明天上午九点，请空腹前往。",
    "Your appointment is tomorrow at 9:00.",
    "emoji \xf0\x9f\x98\x80 and \xe2\x82\xac",
    "\"quotes\" 'and' \\back\\ %s%n%d &amp; <b> {{text}} {$x} ${y} `z`",
    "line\nline\r\nline\ttab",
    "control \x01\x02\x1b\x7f",
    "00000000000000000000",
    "+ & = ; # % ? / \\",
};
#define TEXTS (sizeof texts / sizeof *texts)

static void fill(struct note *n, const char *text)
{
    static uint32_t number;
    static const struct gateway_field params[] = {{"name", "\xe6\x9d\x8e", 3}, {"day", "", 0}};

    memset(n, 0, sizeof *n);
    number++;
    snprintf(n->to, sizeof n->to, "+86138%08u", 10000000 + number % 80000000 * 7 % 80000000);
    snprintf(n->reference, sizeof n->reference, "check/first/%u", number);
    snprintf(n->text, sizeof n->text, "%s", text);
    n->m = (struct gateway_message){
        .token = ++tokens * 977,
        .to = n->to,
        .to_length = strlen(n->to),
        .text = n->text,
        .length = strlen(n->text),
        .encoding = GATEWAY_UCS2,
        .segments = (unsigned)(strlen(n->text) / 3 / 67 + 1),
        .title = "check",
        .language = "zh",
        .message_class = "notice",
        .template_code = "TPL_1",
        .params = params,
        .param_count = 2,
        .campaign = "check",
        .reminder = "first",
        .number = number,
        .attempt = 1,
        .reference = n->reference,
        .reference_number = number,
        .expires_ms = watch_wall_ms() + 3600000,
        .submit_by_ms = watch_boot_ms() + INT64_C(24) * 3600000,
    };
}

static unsigned min_u(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Submits count messages in batches that the window and batch_max allow. notes stay till
 * close. each: one a submit(). */
static void send(struct gateway *gw, struct note *notes, size_t count, bool each)
{
    const struct gateway_message *list[64];

    for (size_t at = 0; at < count;) {
        size_t room = gw->capacity > gw->owed ? gw->capacity - gw->owed : 0, n = 0;

        if (room == 0) {
            size_t owed = gw->owed;

            watch_settle(gw, ANSWER_WAIT_MS);
            if (gw->owed == owed && owed > 0)
                return; /* it loses messages: the situation says so */
            if (gw->capacity == 0 && !watch_ready(gw))
                return;
            continue;
        }
        while (n < room && n < 64 && at < count && (!each || n == 0) &&
               (the_plugin->batch_max == 0 || n < the_plugin->batch_max))
            list[n++] = &notes[at++].m;
        watch_submit(gw, list, n);
    }
}

static void all_answered(struct gateway *gw)
{
    watch_settle(gw, ANSWER_WAIT_MS);
    if (gw->owed > 0)
        vice("unanswered", "leaves %zu of %zu messages unanswered for ten minutes", gw->owed,
             gw->count);
}

static bool opened(struct gateway *gw)
{
    char error[512];

    if (watch_open(gw, error) == 0)
        return true;
    vice("open", "open() refuses: %s (give settings as NAME=VALUE)", error);
    return false;
}

static void not_judged(const char *why)
{
    dprintf(report_fd, "--%s\n", why);
    exit(EXIT_NOT_JUDGED);
}

static bool opened_and_ready(struct gateway *gw)
{
    char why[240];

    if (!opened(gw))
        return false;
    if (watch_ready(gw))
        return true;
    snprintf(why, sizeof why, TOOK_NONE ": %s", *gw->why ? gw->why : "no capacity() yet");
    watch_close(gw);
    not_judged(why);
    return false;
}

/* A little more time for what a plugin may do behind its end. */
static void close_and_wait(struct gateway *gw)
{
    watch_close(gw);
    for (int i = 0; i < 50; i++)
        watch_turn(1000);
}

/* ------------------------------------------------------------------ situations */
static const char *const kind_names[] = {"string",   "secret", "int",    "bool",
                                         "duration", "groups", "strings"};

static void look_at_initial(const struct gateway_setting *s)
{
    char *end;
    long long n;

    if (s->initial == NULL || (s->min == 0 && s->max == 0))
        return;
    n = s->kind == GATEWAY_STRING ? (long long)strlen(s->initial) : strtoll(s->initial, &end, 0);
    if (s->kind == GATEWAY_DURATION)
        n *= strcmp(end, "ms") == 0    ? 1
             : strcmp(end, "min") == 0 ? 60000
             : *end == 'h'             ? 3600000
                                       : 1000;
    if (n < s->min || n > s->max)
        vice(s->name, "setting %s: its default \"%s\" is not in %lld..%lld", s->name, s->initial,
             (long long)s->min, (long long)s->max);
}

static void look_at_table(const struct gateway_setting *table, unsigned depth)
{
    for (const struct gateway_setting *s = table; s != NULL && s->name != NULL; s++) {
        if ((unsigned)s->kind >= sizeof kind_names / sizeof *kind_names) {
            vice("kind", "setting %s: there is no kind %d", s->name, (int)s->kind);
            continue;
        }
        if (strspn(s->name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(s->name) ||
            *s->name == '\0')
            vice("setting-name", "setting \"%s\": names are of a-z, 0-9 and _", s->name);
        if (s->help == NULL || *s->help == '\0')
            vice("help", "setting %s has no help", s->name);
        if (s->min > s->max)
            vice("range", "setting %s: its least value is above its greatest", s->name);
        if (s->required && s->initial != NULL)
            vice("required", "setting %s is required and has a default", s->name);
        if (s->kind == GATEWAY_SECRET && s->initial != NULL)
            vice("initial", "setting %s: a secret has no default", s->name);
        if ((s->kind == GATEWAY_GROUPS) != (s->fields != NULL) || depth > 3)
            vice("fields", "setting %s: groups, and only they, have fields, four deep at most",
                 s->name);
        else
            look_at_table(s->fields, depth + 1);
        for (const struct gateway_setting *o = table; o != s; o++)
            if (strcmp(o->name, s->name) == 0)
                vice("double", "setting %s is declared twice", s->name);
        look_at_initial(s);
    }
}

static void the_table(void)
{
    if (the_plugin->size != sizeof *the_plugin)
        vice("size", "says size %u, this header has %zu: built for another version",
             the_plugin->size, sizeof *the_plugin);
    look_at_table(the_plugin->settings, 0);
}

static void set(const char *name, const char *value)
{
    for (size_t i = 0; i < the_rows.count; i++)
        if (strcmp(the_rows.rows[i].name, name) == 0) {
            free(the_rows.rows[i].value);
            the_rows.rows[i].value = strdup(value);
            return;
        }
    the_rows.rows = realloc(the_rows.rows, (the_rows.count + 1) * sizeof *the_rows.rows);
    the_rows.rows[the_rows.count++] = (struct row){strdup(name), strdup(value)};
}

static void take_back(size_t count, const char *name, const char *value)
{
    if (value != NULL)
        set(name, value);
    for (; the_rows.count > count; the_rows.count--) {
        free(the_rows.rows[the_rows.count - 1].name);
        free(the_rows.rows[the_rows.count - 1].value);
    }
}

/* Opens with one setting at one of its ends: refused with a sentence, or accepted. */
static void try_value(const char *name, const char *value)
{
    size_t count = the_rows.count;
    struct gateway *gw = calloc(1, sizeof *gw);
    char error[512], *before = NULL;

    for (size_t i = 0; i < count; i++)
        if (strcmp(the_rows.rows[i].name, name) == 0)
            before = strdup(the_rows.rows[i].value);
    set(name, value);
    if (watch_open(gw, error) == 0) {
        watch_turn(1);
        watch_close(gw);
    }
    take_back(count, name, before);
    free(before);
    free(gw);
}

static void try_the_ends(void)
{
    for (const struct gateway_setting *s = the_plugin->settings; s != NULL && s->name != NULL;
         s++) {
        char value[4097];
        size_t n = s->max > 0 && s->max < 4096 ? (size_t)s->max : 4096;
        bool is_text = s->kind == GATEWAY_STRING || s->kind == GATEWAY_SECRET;

        if (is_text) {
            static const char *const odd[] = {"%s%n%s%n", "../../etc/passwd", "{{", "{{x:y}}",
                                              "\xff\xfe", "http://",          "-1", "\n"};

            if (s->min == 0 && !s->required)
                try_value(s->name, "");
            memset(value, 'a', n);
            value[n] = '\0';
            try_value(s->name, value);
            for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
                if ((s->min == 0 && s->max == 0) ||
                    ((int64_t)strlen(odd[i]) >= s->min && (int64_t)strlen(odd[i]) <= s->max))
                    try_value(s->name, odd[i]);
        } else if (s->kind == GATEWAY_INT || s->kind == GATEWAY_DURATION) {
            bool bound = s->min != 0 || s->max != 0;
            long long ends[] = {bound ? s->min : INT64_MIN / 1000,
                                bound ? s->max : INT64_MAX / 1000};

            for (size_t i = 0; i < 2; i++) {
                snprintf(value, sizeof value, "%lld%s", ends[i],
                         s->kind == GATEWAY_DURATION ? "ms" : "");
                try_value(s->name, value);
            }
        } else if (s->kind == GATEWAY_BOOL) {
            try_value(s->name, "true");
            try_value(s->name, "false");
        }
    }
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

/* Any of them may be the name of a file, which is made: in a folder of its own, from where
 * "../../etc/passwd" is nobody's either. */
static void the_ends_of_settings(void)
{
    char folder[] = "/tmp/plugin-check-XXXXXX";

    if (mkdtemp(folder) == NULL || chdir(folder) != 0 || mkdir("a", 0700) != 0 ||
        mkdir("a/b", 0700) != 0 || chdir("a/b") != 0) {
        perror(folder);
        exit(EX_CANTCREAT);
    }
    try_the_ends();
    if (chdir("/") != 0)
        perror("/");
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static size_t heap_bytes(void)
{
    return mallinfo2().uordblks; /* 0 under ASan, whose own eye is better */
}

static void opened_and_closed_often(void)
{
    struct gateway gw;
    size_t before = 0;

    for (int i = 0; i < 300; i++) {
        if (!opened(&gw))
            return;
        if (i % 3 == 0)
            watch_turn(1);
        watch_close(&gw);
        if (i == 99)
            before = heap_bytes();
    }
    if (heap_bytes() > before + 200 * 16)
        vice("leak", "every open() and close() leaves %zu bytes behind",
             (heap_bytes() - before) / 200);
}

/* As `outreachd -t` does it: nobody runs the loop, and no timer comes. */
static void opened_to_be_looked_at(void)
{
    struct gateway gw;
    siginfo_t info = {0};

    if ((the_plugin->capabilities & GATEWAY_OPENS_QUIETLY) == 0)
        not_judged("it does not say GATEWAY_OPENS_QUIETLY");
    is_idle = true;
    if (!opened(&gw))
        return;
    if (open_files() > gw.files)
        vice("quiet", "opens a file or socket in open(), and says GATEWAY_OPENS_QUIETLY");
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
        vice("quiet", "starts a process in open(), and says GATEWAY_OPENS_QUIETLY");
    watch_close(&gw);
}

static void two_at_once(void)
{
    struct gateway a, b;
    struct note note;
    const struct gateway_message *m = &note.m;

    if (!opened(&a) || !opened(&b))
        return;
    if (!watch_ready(&a) || !watch_ready(&b)) {
        watch_close(&a);
        watch_close(&b);
        not_judged("one of the two took no messages");
    }
    watch_close(&a);
    fill(&note, texts[0]);
    watch_submit(&b, &m, 1);
    all_answered(&b);
    close_and_wait(&b);
}

static void texts_one_by_one(void)
{
    static struct note notes[TEXTS + 95 + 2];
    struct gateway gw;
    char text[TEXT_BYTES];
    size_t n = 0;

    if (!opened_and_ready(&gw))
        return;
    for (size_t i = 0; i < TEXTS; i++)
        fill(&notes[n++], texts[i]);
    for (char c = ' '; c <= '~'; c++) {
        snprintf(text, sizeof text, "%c", c);
        fill(&notes[n++], text);
    }
    memset(text, 'x', 600);
    text[600] = '\0';
    fill(&notes[n++], text);
    if (more_text != NULL)
        fill(&notes[n++], more_text);
    send(&gw, notes, n, true);
    all_answered(&gw);
    close_and_wait(&gw);
}

static void a_window_full(void)
{
    static struct note notes[400];
    struct gateway gw;

    if (!opened_and_ready(&gw))
        return;
    for (size_t i = 0; i < 400; i++)
        fill(&notes[i], texts[i % 3]);
    send(&gw, notes, min_u(gw.capacity * 3, 400), false);
    all_answered(&gw);
    close_and_wait(&gw);
}

static void beyond_the_window(void)
{
    static struct note notes[300];
    const struct gateway_message *list[300];
    struct gateway gw;
    unsigned n;

    if (!opened_and_ready(&gw))
        return;
    n = min_u(gw.capacity + 20, 300);
    for (unsigned i = 0; i < n; i++) {
        fill(&notes[i], texts[0]);
        list[i] = &notes[i].m;
    }
    watch_submit(&gw, list, n);
    all_answered(&gw);
    close_and_wait(&gw);
}

static void before_it_is_ready(void)
{
    struct gateway gw;
    struct note note;
    const struct gateway_message *m = &note.m;

    if (!opened(&gw))
        return;
    fill(&note, texts[0]);
    watch_submit(&gw, &m, 1);
    all_answered(&gw);
    close_and_wait(&gw);
}

static struct note again;

static void submit_again(struct gateway *gw)
{
    const struct gateway_message *m = &again.m;

    gw->on_done = NULL;
    fill(&again, texts[1]);
    watch_submit(gw, &m, 1);
}

static void from_within_done(void)
{
    struct gateway gw;
    struct note note;
    const struct gateway_message *m = &note.m;

    if (!opened_and_ready(&gw))
        return;
    gw.on_done = submit_again;
    fill(&note, texts[0]);
    watch_submit(&gw, &m, 1);
    all_answered(&gw);
    close_and_wait(&gw);
}

static void closed_with_messages(void)
{
    static struct note notes[100];
    struct gateway gw;

    for (int turns = 0; turns < 4; turns++) {
        unsigned n;

        if (!opened_and_ready(&gw))
            return;
        n = min_u(gw.capacity, 100);
        for (unsigned i = 0; i < n; i++)
            fill(&notes[i], texts[0]);
        send(&gw, notes, n, false);
        for (int i = 0; i < turns; i++)
            watch_turn(10);
        close_and_wait(&gw);
    }
}

static void drained_with_messages(void)
{
    static struct note notes[100];
    struct gateway gw;
    unsigned n;

    if (the_plugin->drain == NULL)
        not_judged("it has no drain()");
    if (!opened_and_ready(&gw))
        return;
    n = min_u(gw.capacity, 100);
    for (unsigned i = 0; i < n; i++)
        fill(&notes[i], texts[0]);
    send(&gw, notes, n, false);
    gw.drained = true;
    the_plugin->drain(gw.state);
    all_answered(&gw);
    for (int i = 0; i < 30; i++)
        watch_turn(1000);
    the_plugin->drain(gw.state); /* the operator is impatient */
    close_and_wait(&gw);
}

static void too_late_to_send(void)
{
    static struct note notes[3];
    struct gateway gw;

    if (!opened_and_ready(&gw))
        return;
    for (int i = 0; i < 3; i++) {
        fill(&notes[i], texts[0]);
        notes[i].m.submit_by_ms = watch_boot_ms() - 1;
        notes[i].m.expires_ms = i == 0 ? watch_wall_ms() - 1 : i == 1 ? 0 : INT64_MAX;
    }
    send(&gw, notes, 3, true);
    all_answered(&gw);
    close_and_wait(&gw);
}

static void the_clock_jumps(void)
{
    static struct note notes[20];
    struct gateway gw;

    if (!opened_and_ready(&gw))
        return;
    for (int i = 0; i < 20; i++) {
        wall_jump_ms = i % 2 ? -INT64_C(86400000) * 400 : INT64_C(86400000) * 400;
        fill(&notes[i], texts[0]);
        send(&gw, &notes[i], 1, true);
    }
    all_answered(&gw);
    close_and_wait(&gw);
}

/* ------------------------------------------------------------------ situations: HTTP */
#define PLAY(text) .body = text, .length = sizeof(text) - 1
static const struct http_play plays[] = {
    {"connection refused", GATEWAY_HTTP_UNSENT, .status = 0},
    {"certificate has expired", GATEWAY_HTTP_UNSENT, .tls_trouble = true},
    {"no answer in time", GATEWAY_HTTP_AMBIGUOUS, .status = 0},
    {"200 empty", .status = 200, PLAY("")},
    {"200 {}", .status = 200, PLAY("{}")},
    {"200 []", .status = 200, PLAY("[]")},
    {"200 null", .status = 200, PLAY("null")},
    {"200 a string", .status = 200, PLAY("\"ok\"")},
    {"200 half an object", .status = 200, PLAY("{\"code\":0,\"data\":{\"id\":\"1")},
    {"200 wrong kinds", .status = 200,
     PLAY("{\"code\":{},\"Code\":[],\"errcode\":\"x\",\"result\":1e999,\"data\":7,\"id\":null,"
          "\"message\":5,\"SendStatusSet\":{},\"messages\":[[],null]}")},
    {"200 not UTF-8", .status = 200, PLAY("{\"code\":\"\xff\xfe\xc0\x80\"}\0\0after")},
    {"200 a megabyte of x", .status = 200, PLAY("x"), .repeat = 1 << 20},
    {"200 a megabyte of [", .status = 200, PLAY("["), .repeat = 1 << 20},
    {"200 a megabyte of {\"a\":", .status = 200, PLAY("{\"a\":"), .repeat = (1 << 20) / 5},
    {"204", .status = 204, PLAY("")},
    {"302", .status = 302, PLAY("")},
    {"400 page", .status = 400, PLAY("<html><h1>Bad Request</h1></html>")},
    {"401", .status = 401, PLAY("{\"code\":401,\"message\":\"unauthorized\"}")},
    {"429", .status = 429, .retry_after_ms = 5000, PLAY("too many")},
    {"500", .status = 500, PLAY("<html>oops</html>")},
    {"503 with Retry-After of a year", .status = 503, .retry_after_ms = INT64_C(365) * 86400000,
     PLAY("")},
    {"status 999", .status = 999, PLAY("\r\n\r\n")},
};

static void answers_of_http(void)
{
    static struct note notes[sizeof plays / sizeof *plays][3];
    struct gateway gw;
    unsigned long requests = 0;

    for (size_t i = 0; i < sizeof plays / sizeof *plays; i++) {
        the_play = &plays[i];
        if (!opened_and_ready(&gw))
            return;
        for (int k = 0; k < 3; k++)
            fill(&notes[i][k], texts[k]);
        send(&gw, notes[i], 3, false);
        all_answered(&gw);
        for (size_t k = 0; k < gw.count; k++)
            requests += gw.tokens[k].requests;
        close_and_wait(&gw);
    }
    if (requests == 0)
        not_judged("it sends nothing by HTTP that names the recipient");
}

/* ------------------------------------------------------------------ situations: pushes */
static char *read_file(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    char *bytes = malloc(1 << 20);

    if (f == NULL) {
        fprintf(stderr, "plugin-check: %s: %s\n", path, strerror(errno));
        exit(64);
    }
    *n = fread(bytes, 1, (1 << 20) - 1, f);
    bytes[*n] = '\0';
    fclose(f);
    return bytes;
}

struct sample {
    struct gateway_push push;
    struct gateway_field headers[64];
};

/* The push of -p, taken apart; the file's bytes stay. */
static void read_sample(struct sample *s)
{
    size_t n;
    char *bytes = read_file(push_path, &n), *line = bytes, *end;

    memset(s, 0, sizeof *s);
    s->push = (struct gateway_push){.method = "POST", .path = "", .query = "", .peer = "127.0.0.1"};
    for (bool first = true; (end = strchr(line, '\n')) != NULL; line = end + 1, first = false) {
        *end = '\0';
        if (end > line && end[-1] == '\r')
            end[-1] = '\0';
        if (*line == '\0') {
            line = end + 1;
            break;
        }
        if (first) {
            s->push.method = strtok(line, " ");
            s->push.path = strtok(NULL, "? ");
            s->push.query = strtok(NULL, " ");
            s->push.path =
                s->push.path != NULL && strcmp(s->push.path, "/") != 0 ? s->push.path : "";
            if (s->push.query == NULL || strncmp(s->push.query, "HTTP/", 5) == 0)
                s->push.query = "";
        } else if (strchr(line, ':') != NULL && s->push.header_count < 64) {
            char *value = strchr(line, ':');

            *value++ = '\0';
            value += strspn(value, " ");
            s->headers[s->push.header_count++] = (struct gateway_field){line, value, strlen(value)};
        }
    }
    s->push.headers = s->headers;
    s->push.body = line;
    s->push.length = n - (size_t)(line - bytes);
}

static struct pushed *pushed_new(void)
{
    static struct pushed *newest;
    struct pushed *p = calloc(1, sizeof *p);

    p->older = newest;
    return newest = p;
}

static void push_answered(struct gateway *gw, const struct gateway_push *push)
{
    struct pushed *pushed = pushed_new();

    watch_push(gw, push, pushed);
    for (int i = 0; i < 500 && pushed->answers == 0; i++)
        watch_turn(20);
    if (the_store != STORE_NEVER && pushed->answers == 0)
        vice("push-unanswered", "leaves a push unanswered");
    if (pushed->refused > 0 && pushed->status >= 200 && pushed->status < 300)
        vice("push-lost", "answers a push with %d, and what was in it could not be stored",
             pushed->status);
}

static void garbage_pushed(void)
{
    static const struct gateway_field headers[] = {
        {"Content-Type", "application/json", 16}, {"X-Signature", "%s%n\xff", 6}, {"", "", 0}};
    static const char *const bodies[] = {
        "",
        "{}",
        "[]",
        "null",
        "0",
        "\"\"",
        "[[[[[[[[[[",
        "{\"a\":{\"a\":{\"a\":",
        "a=b&c=%zz&%",
        "<xml><ToUserName><![CDATA[",
        "<!DOCTYPE x [<!ENTITY a \"aaaa\">]><x>&a;&a;</x>",
        "{\"id\":5,\"status\":[],\"phone\":{},\"report_status\":\"x\"}",
        "[{},{},null,7,\"x\"]",
        "\xff\xfe\x00x",
        "id=&status=&text=\xff"};
    static const char *const queries[] = {"", "a=b", "%", "id=%00&status=%ff", "&&&&===="};
    struct gateway gw;
    char *large = malloc(256 << 10);

    if (the_plugin->callback == NULL)
        not_judged("it has no callback()");
    if (!opened(&gw))
        return;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        for (size_t k = 0; k < sizeof queries / sizeof *queries; k++) {
            struct gateway_push push = {
                i % 2 ? "POST" : "GET", "",         queries[k], headers, (i + k) % 4, bodies[i],
                strlen(bodies[i]),      "192.0.2.1"};

            push.header_count = push.header_count > 3 ? 3 : push.header_count;
            push_answered(&gw, &push);
        }
    for (int c = 0; c < 256; c += 15) {
        struct gateway_push push = {"POST", "", "", headers, 1, large, 256 << 10, "192.0.2.1"};

        memset(large, c == 90 ? '[' : c == 120 ? '{' : c, 256 << 10);
        push_answered(&gw, &push);
    }
    close_and_wait(&gw);
    free(large);
}

static void a_push_and_its_storage(void)
{
    static const enum store stores[] = {STORE_NOW, STORE_LATER, STORE_REFUSED, STORE_NEVER};
    struct sample s;
    struct gateway gw;

    if (the_plugin->callback == NULL || push_path == NULL)
        not_judged(push_path == NULL ? "no push to show it: -p FILE" : "it has no callback()");
    read_sample(&s);
    for (size_t i = 0; i < sizeof stores / sizeof *stores; i++) {
        struct pushed *pushed = pushed_new();

        the_store = stores[i];
        if (!opened(&gw))
            return;
        watch_push(&gw, &s.push, pushed);
        for (int k = 0; k < 100; k++)
            watch_turn(20);
        if (pushed->handed_up == 0)
            vice("sample", "the push of -p hands up no receipt and no reply (status %d)",
                 pushed->status);
        if (the_store == STORE_NEVER ? pushed->answers != 0 : pushed->answers == 0)
            vice("push-unanswered", the_store == STORE_NEVER
                                        ? "answers a push, and what was in it is not stored"
                                        : "leaves a push unanswered");
        if (the_store == STORE_REFUSED && pushed->status >= 200 && pushed->status < 300)
            vice("push-lost", "answers %d, and what was in the push could not be stored",
                 pushed->status);
        close_and_wait(&gw); /* with a push in hand, in the last turn */
    }
}

static void receipts_and_their_storage(void)
{
    static const enum store stores[] = {STORE_NOW, STORE_LATER, STORE_REFUSED, STORE_NEVER};
    static struct note notes[4][20];
    struct gateway gw;

    for (size_t i = 0; i < 4; i++) {
        the_store = stores[i];
        if (!opened_and_ready(&gw))
            return;
        for (int k = 0; k < 20; k++)
            fill(&notes[i][k], texts[0]);
        send(&gw, notes[i], 20, false);
        all_answered(&gw);
        for (int k = 0; k < 100; k++)
            watch_turn(1000);
        close_and_wait(&gw);
    }
}

static const struct situation {
    const char *name;
    void (*run)(void);
} situations[] = {
    {"its struct and its settings' table", the_table},
    {"settings at their ends and odd ones", the_ends_of_settings},
    {"opened and closed 300 times", opened_and_closed_often},
    {"opened to be looked at, as by -t", opened_to_be_looked_at},
    {"two instances, one closed", two_at_once},
    {"many texts, one by one", texts_one_by_one},
    {"a window full, in batches", a_window_full},
    {"more messages than it announced", beyond_the_window},
    {"a message before it is ready", before_it_is_ready},
    {"a submit from within done()", from_within_done},
    {"closed with messages outstanding", closed_with_messages},
    {"drained with messages outstanding", drained_with_messages},
    {"messages whose time is over", too_late_to_send},
    {"the wall clock jumps", the_clock_jumps},
    {"answers of HTTP, good and bad", answers_of_http},
    {"garbage pushed", garbage_pushed},
    {"a push stored at once, late, never", a_push_and_its_storage},
    {"receipts stored at once, late, never", receipts_and_their_storage},
};

/* ------------------------------------------------------------------ running them */
static void report(const char *sentence)
{
    dprintf(report_fd, "%s\n", sentence);
}

static struct timespec began;

static int seconds_since(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int)(now.tv_sec - began.tv_sec);
}

/* What the child says, NUL-terminated, until it ends or hangs. */
static bool listen_to(int fd, char *said, size_t size)
{
    size_t n = 0;

    clock_gettime(CLOCK_MONOTONIC, &began);
    for (;;) {
        struct pollfd p = {fd, POLLIN, 0};
        ssize_t got = 0;

        if (seconds_since() >= HANG_S || poll(&p, 1, 1000) < 0) {
            said[n] = '\0';
            return false;
        }
        if (p.revents == 0)
            continue;
        got = read(fd, said + n, size - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    said[n] = '\0';
    return true;
}

static unsigned print_verdict(const char *name, char *said, bool ended, int status)
{
    unsigned vices = 0;

    for (char *line = strtok(said, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (strncmp(line, "--", 2) == 0) {
            printf("--    %s: not judged: %s\n", name, line + 2);
            if (strstr(line, TOOK_NONE) != NULL) /* it has no peer, and will have none later */
                ready_wait_ms = NO_PEER_MS;
            continue;
        }
        printf("BAD   %s: %s\n", name, line);
        vices++;
    }
    if (!ended || WIFSIGNALED(status) ||
        (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != EXIT_NOT_JUDGED)) {
        vices++;
        if (!ended)
            printf("BAD   %s: hangs: no end in %d s\n", name, HANG_S);
        else if (WIFSIGNALED(status))
            printf("BAD   %s: takes the process with it: %s\n", name, strsignal(WTERMSIG(status)));
        else
            printf("BAD   %s: the process ended with %d (see above)\n", name, WEXITSTATUS(status));
    }
    if (vices == 0 && WEXITSTATUS(status) == 0)
        printf("ok    %s\n", name);
    return vices;
}

static unsigned run(const struct situation *s)
{
    static char said[1 << 16];
    int pipe_fds[2], status = 0;
    bool ended;
    pid_t child;

    fflush(stdout);
    if (pipe(pipe_fds) != 0 || (child = fork()) < 0) {
        perror("plugin-check");
        exit(71);
    }
    if (child == 0) {
        close(pipe_fds[0]);
        report_fd = pipe_fds[1];
        on_vice = report;
        s->run();
        exit(0); /* by atexit: ASan looks for what leaked */
    }
    close(pipe_fds[1]);
    ended = listen_to(pipe_fds[0], said, sizeof said);
    if (!ended)
        kill(child, SIGKILL);
    waitpid(child, &status, 0);
    close(pipe_fds[0]);
    return print_verdict(s->name, said, ended, status);
}

/* ------------------------------------------------------------------ settings made up */
static void make_up(const struct gateway_setting *table, const char *prefix)
{
    for (const struct gateway_setting *s = table; s != NULL && s->name != NULL; s++) {
        char path[200], value[64] = "check-value-made-up";
        bool is_given = false;

        snprintf(path, sizeof path, "%s%s", prefix, s->name);
        for (size_t i = 0; i < the_rows.count; i++)
            if (strncmp(the_rows.rows[i].name, path, strlen(path)) == 0)
                is_given = true;
        if (is_given || !s->required)
            continue;
        if (strstr(s->name, "url") != NULL)
            strcpy(value, "http://127.0.0.1:9/");
        else if (strstr(s->name, "host") != NULL || strstr(s->name, "address") != NULL)
            strcpy(value, "127.0.0.1");
        else if (s->kind == GATEWAY_SECRET)
            strcpy(value, "Zq7-secret-made-up-41");
        if (s->kind == GATEWAY_INT || s->kind == GATEWAY_DURATION)
            snprintf(value, sizeof value, "%lld%s", (long long)s->min,
                     s->kind == GATEWAY_DURATION ? "ms" : "");
        else if (s->kind == GATEWAY_BOOL)
            strcpy(value, "true");
        else if (s->max > 0 && s->max < (int64_t)strlen(value))
            value[s->max] = '\0';
        if (s->kind == GATEWAY_GROUPS || s->kind == GATEWAY_STRINGS)
            snprintf(path, sizeof path, "%s%s.0%s", prefix, s->name,
                     s->kind == GATEWAY_GROUPS ? "." : "");
        if (s->kind == GATEWAY_GROUPS)
            make_up(s->fields, path);
        else
            set(path, value);
    }
}

static int usage(void)
{
    fputs("usage: plugin-check [-m TEXT] [-p PUSH] [-s NAME] FILE.so [NAME=VALUE ...]\n", stderr);
    return 64;
}

static const char *load(const char *path)
{
    static char error[512];
    static struct gateway_plugin plugin;
    const char *base = strrchr(path, '/') + 1;
    struct stat st;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    const struct gateway_plugin *p;

    if (library == NULL)
        return snprintf(error, sizeof error, "%s", dlerror()), error;
    if (stat(path, &st) != 0 || (st.st_mode & S_IWOTH) != 0)
        return "everybody may change the file: chmod o-w";
    p = dlsym(library, "gateway_plugin");
    if (p == NULL)
        return "exports no gateway_plugin";
    if (p->abi != GATEWAY_ABI)
        return "is made for another version of gateway_plugin.h: build it anew";
    if (p->size < LEAST_SIZE)
        return "its struct is smaller than that of the first version";
    if (p->name == NULL || *p->name == '\0')
        return "it has no name";
    if (strlen(p->name) + 3 != strlen(base) || strncmp(base, p->name, strlen(p->name)) != 0)
        return snprintf(error, sizeof error, "the file is %s, the plugin calls itself \"%.40s\"",
                        base, p->name),
               error;
    if (p->open == NULL || p->submit == NULL || p->close == NULL)
        return "open, submit and close are needed, one is missing";
    memcpy(&plugin, p, p->size < sizeof plugin ? p->size : sizeof plugin);
    plugin.size = p->size;
    the_plugin = &plugin;
    return NULL;
}

int main(int argc, char **argv)
{
    const char *trouble;
    unsigned vices = 0, count = 0;
    int option;

    setvbuf(stdout, NULL, _IOLBF, 0);
    while ((option = getopt(argc, argv, "m:p:s:")) != -1) {
        if (option == 'm')
            more_text = optarg;
        else if (option == 'p')
            push_path = optarg;
        else if (option == 's')
            only = optarg;
        else
            return usage();
    }
    if (optind >= argc)
        return usage();
    so_path = realpath(argv[optind], NULL);
    if (so_path == NULL) {
        fprintf(stderr, "plugin-check: %s: %s\n", argv[optind], strerror(errno));
        return 64;
    }
    while (++optind < argc) {
        char *value = strchr(argv[optind], '=');

        if (value == NULL)
            return usage();
        *value++ = '\0';
        set(argv[optind], value);
    }
    trouble = load(so_path);
    if (trouble != NULL) {
        printf("BAD   loaded: %s\n", trouble);
        return 1;
    }
    for (size_t i = 0; i < the_rows.count; i++)
        if (setting_find(the_plugin->settings, the_rows.rows[i].name) == NULL &&
            strcmp(the_rows.rows[i].name, "channel") != 0 &&
            strcmp(the_rows.rows[i].name, "window") != 0) {
            fprintf(stderr, "plugin-check: %s has no setting %s\n", the_plugin->name,
                    the_rows.rows[i].name);
            return 64;
        }
    make_up(the_plugin->settings, "");
    printf("ok    loaded: %s, ABI %u\n", the_plugin->name, the_plugin->abi);
    for (unsigned i = 0; i < sizeof situations / sizeof *situations; i++)
        if (only == NULL || strstr(situations[i].name, only) != NULL) {
            vices += run(&situations[i]);
            count++;
        }
    printf("%s: %u situations, %u promises broken\n", the_plugin->name, count, vices);
    return vices > 0;
}
