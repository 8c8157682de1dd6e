/*
 * exec.c - a gateway that is a program of the user's
 *
 *     { name = "own"; plugin = "exec"; channel = "sms";
 *       command = ( "/usr/local/lib/outreach/own-gateway", "--port", "3" );
 *       secrets = ( { name = "OWN_KEY"; value = "@file:/etc/outreach/own.key"; } ); }
 *
 * The program runs as long as the gateway does. It is given a line for each message and answers
 * with a line, when it likes (protocol.h). A message is *queued* until the first byte of its line
 * is in the program's pipe, then *written* until it is answered: if the program ends, what was
 * queued is UNSENT and what was written UNKNOWN.
 *
 * Nothing it does can hurt more than itself: lines, messages, receipts that wait for Redis and
 * complaints in the log are counted, and one that talks nonsense or falls silent is ended and
 * started again, with back-off.
 */
#include "command.h"
#include "gateway_plugin.h"
#include "lines.h"
#include "memory.h"
#include "program.h"
#include "protocol.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#define LINE_BYTES_MAX (64 << 10)     /* of what it says */
#define MESSAGE_BYTES_MAX (256 << 10) /* of what it is told about one message */
#define STDERR_BYTES_MAX 512          /* of a line in the log */
#define PUSHED_MAX 256                /* receipts and replies on their way */
#define LAST_WORDS_BYTES (1 << 20)    /* read after its end: more is not in a pipe */
#define TICK_MS 250
#define AGAIN_MS 1000
#define PIPE_CLOSED_MS 1000 /* without an exit */
#define MINUTE_MS 60000
#define COMPLAINTS_A_MINUTE 20 /* in the log */
#define STDERR_A_MINUTE 100    /* lines in the log */
#define NONSENSE_A_MINUTE 1000 /* more, and it is started anew */

/* A line for the program. */
struct outgoing {
    TAILQ_ENTRY(outgoing) links;
    uint64_t token; /* 0: not of a message */
    char *bytes;    /* NULL once it is written */
    size_t length, at;
    int64_t submit_by_ms; /* as the message has it */
    int64_t answer_by_ms; /* monotonic, from its first byte on */
};
TAILQ_HEAD(outgoing_list, outgoing);

/* A receipt or reply on its way to Redis. */
struct pushed {
    TAILQ_ENTRY(pushed) links;
    struct exec *x;
    struct protocol_line line;
    bool again; /* Redis was away, and the program does not ask: we keep it */
};

struct exec {
    const struct gateway_host *host;
    struct gateway *gw;
    struct command command;
    unsigned window;
    int64_t start_timeout_ms, answer_timeout_ms, restart_min_ms, restart_max_ms, stop_wait_ms;
    bool columns;

    struct program *program; /* NULL: none */
    struct event *in, *out, *err;
    struct lines out_lines, err_lines;
    bool started; /* it has said that it is ready, once */
    bool ready, draining, flushing;
    bool paused;         /* not read: too much that it said is on its way */
    unsigned generation; /* of the program: a callback may have ended it */
    int64_t started_ms, ready_ms, heard_ms, backoff_ms;
    int64_t closed_ms; /* since when a pipe of its is; 0: open */
    int64_t again_ms;

    struct outgoing_list queued, written;
    unsigned messages; /* in both */
    TAILQ_HEAD(, pushed) pushed;
    size_t pushed_count, acks; /* acks: in queued */
    struct gateway_timer *tick, *restart;

    int64_t minute_ms; /* when the counts below began */
    unsigned complaints, nonsense, stderr_lines;
};

static const struct gateway_setting secret_fields[] = {
    {"name", GATEWAY_STRING, true, 1, 64, NULL, NULL, "Of the environment variable."},
    {"value", GATEWAY_SECRET, true, 1, 4096, NULL, NULL, "\"@file:/path\" or \"@env:NAME\"."},
    {0},
};

static const struct gateway_setting exec_settings[] = {
    {"command", GATEWAY_STRINGS, true, 0, 0, NULL, NULL,
     "The program by its absolute path, and its arguments; no shell, and no secrets."},
    {"directory", GATEWAY_STRING, false, 1, 1000, "/", NULL, "Where it is started."},
    {"environment", GATEWAY_STRINGS, false, 0, 0, NULL, NULL,
     "Its environment, \"NAME=value\", besides PATH, HOME, LANG, TZ and OUTREACH_GATEWAY."},
    {"secrets", GATEWAY_GROUPS, false, 0, 0, NULL, secret_fields,
     "Environment variables that are secrets."},
    {"window", GATEWAY_INT, false, 1, 1000, "10", NULL, "Messages without an answer at once."},
    {"start_timeout", GATEWAY_DURATION, false, 100, 600000, "30s", NULL,
     "How long it may take to say that it is ready."},
    {"answer_timeout", GATEWAY_DURATION, false, 100, 3600000, "60s", NULL,
     "How long an answer may take; after it the outcome is unknown."},
    {"stop_wait", GATEWAY_DURATION, false, 100, 60000, "5s", NULL,
     "From the end of its stdin to SIGKILL; SIGTERM comes in the middle."},
    {"restart_min", GATEWAY_DURATION, false, 10, 3600000, "1s", NULL,
     "Pause before it is started again, doubled each time ..."},
    {"restart_max", GATEWAY_DURATION, false, 10, 3600000, "60s", NULL,
     "... up to this; from the beginning once it has been ready for so long."},
    {"receipts", GATEWAY_BOOL, false, 0, 0, "false", NULL, "It will tell who was reached."},
    {"echo_reference", GATEWAY_BOOL, false, 0, 0, "false", NULL,
     "Its receipts carry our reference."},
    {"columns", GATEWAY_BOOL, false, 0, 0, "false", NULL,
     "Messages carry the recipient's columns."},
    {0},
};

static void start(struct exec *x);
static void flush(struct exec *x);
static void arm_tick(struct exec *x);

/* ------------------------------------------------------------------ complaints */

static void count_minute(struct exec *x)
{
    int64_t now_ms = x->host->mono_ms();

    if (now_ms - x->minute_ms < MINUTE_MS)
        return;
    if (x->complaints > COMPLAINTS_A_MINUTE || x->stderr_lines > STDERR_A_MINUTE)
        x->host->log(x->gw, GATEWAY_LOG_WARNING, "exec.unsaid complaints=%u stderr_lines=%u",
                     x->complaints > COMPLAINTS_A_MINUTE ? x->complaints - COMPLAINTS_A_MINUTE : 0,
                     x->stderr_lines > STDERR_A_MINUTE ? x->stderr_lines - STDERR_A_MINUTE : 0);
    x->minute_ms = now_ms;
    x->complaints = x->nonsense = x->stderr_lines = 0;
}

/* What it said stays out of the log: it may be a number or a text. */
static void complain(struct exec *x, const char *event, const char *what, size_t line_bytes)
{
    count_minute(x);
    x->nonsense++;
    if (++x->complaints <= COMPLAINTS_A_MINUTE)
        x->host->log(x->gw, GATEWAY_LOG_WARNING, "exec.%s what=%s line_bytes=%zu", event,
                     x->host->log_bytes(what, strlen(what)), line_bytes);
}

/* Long rows of digits are numbers of people: their middle is blotted out. */
static void blot(char *s, size_t n)
{
    size_t i, run = 0;

    for (i = 0; i <= n; i++) {
        if (i < n && s[i] >= '0' && s[i] <= '9') {
            run++;
            continue;
        }
        if (run >= 7)
            memset(s + i - run + 3, '*', run - 5);
        run = 0;
    }
}

static void log_stderr(struct exec *x, char *line, size_t n, bool cut)
{
    count_minute(x);
    if (n == 0 || ++x->stderr_lines > STDERR_A_MINUTE)
        return;
    blot(line, n);
    x->host->log(x->gw, GATEWAY_LOG_INFO, "exec.stderr line=%s%s", x->host->log_bytes(line, n),
                 cut ? " cut" : "");
}

/* ------------------------------------------------------------------ messages */

static void outgoing_free(struct outgoing *o)
{
    free(o->bytes);
    free(o);
}

static void answer(struct exec *x, uint64_t token, enum gateway_outcome outcome,
                   enum gateway_reason reason, const char *words)
{
    struct gateway_answer a = {.outcome = outcome, .reason = reason, .words = words};

    x->host->done(x->gw, token, &a); /* it may submit the next one */
}

/* Takes a message out of its list and answers it. */
static void settle(struct exec *x, struct outgoing_list *list, struct outgoing *o,
                   enum gateway_outcome outcome, enum gateway_reason reason, const char *words)
{
    uint64_t token = o->token;

    TAILQ_REMOVE(list, o, links);
    outgoing_free(o);
    if (token == 0) {
        x->acks--;
        return;
    }
    x->messages--;
    answer(x, token, outcome, reason, words);
}

/* The program is gone: nothing more is written, and nothing will be answered. */
static void settle_all(struct exec *x, const char *why)
{
    struct outgoing *o;

    while ((o = TAILQ_FIRST(&x->written)) != NULL)
        settle(x, &x->written, o, GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE, why);
    while ((o = TAILQ_FIRST(&x->queued)) != NULL)
        settle(x, &x->queued, o, o->at > 0 ? GATEWAY_UNKNOWN : GATEWAY_UNSENT,
               GATEWAY_REASON_OUTAGE, why);
}

/* ------------------------------------------------------------------ its end */

static void on_restart(void *arg)
{
    struct exec *x = arg;

    x->restart = NULL;
    start(x);
}

static void free_events(struct exec *x)
{
    struct event **const events[] = {&x->in, &x->out, &x->err};

    for (size_t i = 0; i < 3; i++) {
        if (*events[i] != NULL)
            event_free(*events[i]);
        *events[i] = NULL;
    }
}

/* Whatever it is doing, it has no pipes any more; the host sees to its end. at_once: SIGTERM now.
 */
static void end_program(struct exec *x, bool at_once)
{
    pid_t pid;

    free_events(x); /* before the descriptors are closed */
    pid = program_forget(x->program);
    x->program = NULL;
    if (pid != 0)
        x->host->child_end(x->gw, pid, at_once ? 0 : x->stop_wait_ms / 2, x->stop_wait_ms);
}

/* The program has ended, or is to: its messages are settled, and it is started again later. */
static void lose(struct exec *x, const char *why, bool at_once)
{
    int64_t now_ms = x->host->mono_ms();

    if (x->ready && now_ms - x->ready_ms >= x->restart_max_ms)
        x->backoff_ms = 0;
    x->backoff_ms = x->backoff_ms == 0 ? x->restart_min_ms : x->backoff_ms * 2;
    if (x->backoff_ms > x->restart_max_ms)
        x->backoff_ms = x->restart_max_ms;
    end_program(x, at_once);
    x->ready = x->paused = false;
    x->closed_ms = 0;
    x->generation++;
    x->host->log(x->gw, x->draining ? GATEWAY_LOG_INFO : GATEWAY_LOG_WARNING,
                 "exec.ended why=%s restart_ms=%" PRId64, x->host->log_bytes(why, strlen(why)),
                 x->draining ? 0 : x->backoff_ms);
    x->host->capacity(x->gw, 0, why);
    if (!x->draining)
        x->restart = x->host->timer(x->gw, x->backoff_ms, on_restart, x);
    settle_all(x, why);
}

/* ------------------------------------------------------------------ writing */

/* It has closed a pipe: its exit follows, mostly, and says more; else a tick ends it. */
static void on_broken_pipe(struct exec *x)
{
    event_del(x->in);
    program_close_stdin(x->program);
    if (x->closed_ms == 0)
        x->closed_ms = x->host->mono_ms();
    x->ready = false;
    x->host->capacity(x->gw, 0, "a pipe is closed");
    arm_tick(x);
}

static void trace(struct exec *x, bool out, const char *line, size_t n)
{
    if (GATEWAY_HOST_HAS(x->host, trace))
        x->host->trace(x->gw, out, "%.*s", (int)(n > 0 && line[n - 1] == '\n' ? n - 1 : n), line);
}

/* One write of the queue's head; false: no more for now. */
static bool write_head(struct exec *x)
{
    struct outgoing *o = TAILQ_FIRST(&x->queued);
    ssize_t n;

    if (o->at == 0 && o->submit_by_ms != 0 && x->host->boot_ms() > o->submit_by_ms) {
        settle(x, &x->queued, o, GATEWAY_UNSENT, GATEWAY_REASON_NONE, NULL);
        return true;
    }
    n = write(program_stdin(x->program), o->bytes + o->at, o->length - o->at);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            on_broken_pipe(x);
        return false;
    }
    if (o->at == 0)
        o->answer_by_ms = x->host->mono_ms() + x->answer_timeout_ms;
    o->at += (size_t)n;
    if (o->at < o->length)
        return true; /* the next write says EAGAIN, mostly */
    TAILQ_REMOVE(&x->queued, o, links);
    trace(x, true, o->bytes, o->length);
    free(o->bytes);
    o->bytes = NULL;
    if (o->token == 0) {
        x->acks--;
        outgoing_free(o);
    } else
        TAILQ_INSERT_TAIL(&x->written, o, links);
    return true;
}

static void flush(struct exec *x)
{
    bool more = true;

    if (x->flushing || x->program == NULL || program_stdin(x->program) < 0)
        return;
    x->flushing = true;
    while (more && x->program != NULL && !TAILQ_EMPTY(&x->queued))
        more = write_head(x);
    x->flushing = false;
    if (x->program == NULL || program_stdin(x->program) < 0)
        return;
    if (!TAILQ_EMPTY(&x->queued))
        event_add(x->in, NULL);
    else if (x->draining && x->messages == 0) {
        event_del(x->in);
        program_close_stdin(x->program);
    }
    arm_tick(x);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    flush(arg);
}

/* ------------------------------------------------------------------ receipts, replies */

static void on_stored(void *arg, bool stored)
{
    struct pushed *p = arg;
    struct exec *x = p->x;
    struct outgoing *o;

    if (!stored && p->line.ack == NULL) {
        p->again = true;
        arm_tick(x);
        return;
    }
    if (p->line.ack != NULL && x->program != NULL && program_stdin(x->program) >= 0) {
        o = memory_calloc(1, sizeof *o);
        o->bytes = protocol_ack(p->line.ack, stored, &o->length);
        TAILQ_INSERT_TAIL(&x->queued, o, links);
        x->acks++;
    }
    TAILQ_REMOVE(&x->pushed, p, links);
    protocol_free(&p->line);
    free(p);
    x->pushed_count--;
    flush(x);
}

static void push(struct exec *x, struct pushed *p)
{
    p->again = false;
    if (p->line.kind == PROTOCOL_RECEIPT)
        x->host->receipt(x->gw, &p->line.receipt, on_stored, p);
    else
        x->host->reply(x->gw, &p->line.reply, on_stored, p);
}

/* What it has not yet read of its acknowledgements counts too. */
static bool may_read(const struct exec *x)
{
    return x->pushed_count + x->acks < PUSHED_MAX;
}

/* ------------------------------------------------------------------ reading */

static void on_answer(struct exec *x, const struct protocol_line *line)
{
    struct outgoing *o;

    TAILQ_FOREACH(o, &x->written, links)
    if (o->token == line->token)
        break;
    if (o == NULL) {
        complain(x, "stray", "an answer to no message that waits for one", 0);
        return;
    }
    TAILQ_REMOVE(&x->written, o, links);
    outgoing_free(o);
    x->messages--;
    x->host->done(x->gw, line->token, &line->answer);
}

/* The first message of which no byte is written. */
static struct outgoing *unwritten(const struct exec *x)
{
    struct outgoing *o;

    TAILQ_FOREACH(o, &x->queued, links)
    if (o->at == 0 && o->token != 0)
        return o;
    return NULL;
}

static void on_ready(struct exec *x, const struct protocol_line *line)
{
    struct outgoing *o;

    x->started = true;
    if (line->ready && !x->ready)
        x->ready_ms = x->host->mono_ms();
    x->ready = line->ready;
    x->host->capacity(x->gw, x->ready && !x->draining ? x->window : 0,
                      line->why != NULL ? line->why
                      : x->ready        ? "ready"
                                        : "not ready");
    while (!x->ready && (o = unwritten(x)) != NULL) /* anew each time: done() may change the list */
        settle(x, &x->queued, o, GATEWAY_UNSENT, GATEWAY_REASON_NONE, NULL);
}

/* One line; the program may be gone after it. */
static void take_line(struct exec *x, const char *bytes, size_t n, bool cut)
{
    struct protocol_line line;
    struct pushed *p;

    if (cut) {
        complain(x, "nonsense", "a line of more than 64 KiB", n);
        return;
    }
    trace(x, false, bytes, n);
    protocol_read(bytes, n, &line);
    if (line.wrong != NULL)
        complain(x, line.kind == PROTOCOL_NONSENSE ? "nonsense" : "odd", line.wrong, n);
    if (line.kind == PROTOCOL_RECEIPT || line.kind == PROTOCOL_REPLY) {
        p = memory_calloc(1, sizeof *p);
        p->x = x;
        p->line = line;
        TAILQ_INSERT_TAIL(&x->pushed, p, links);
        x->pushed_count++;
        push(x, p); /* p may be gone */
        return;
    }
    if (line.kind == PROTOCOL_READY)
        on_ready(x, &line);
    else if (line.kind == PROTOCOL_ANSWER)
        on_answer(x, &line);
    protocol_free(&line);
}

/* All whole lines that are there, as far as there is room for what they bring. */
static void take_lines(struct exec *x)
{
    unsigned generation = x->generation;
    char *line;
    size_t n;
    bool cut;

    while (may_read(x) && lines_next(&x->out_lines, &line, &n, &cut)) {
        x->heard_ms = x->host->mono_ms();
        take_line(x, line, n, cut);
        if (x->generation != generation)
            return;
    }
    if (x->nonsense > NONSENSE_A_MINUTE) {
        lose(x, "it talks nonsense", true);
        return;
    }
    if (!may_read(x)) {
        x->paused = true; /* a tick looks again */
        event_del(x->out);
    }
    arm_tick(x);
    flush(x);
}

static void on_out(evutil_socket_t fd, short what, void *arg)
{
    struct exec *x = arg;
    ssize_t n = lines_read(&x->out_lines, fd);

    (void)what;
    if (n > 0)
        take_lines(x);
    else if (n == 0) {
        event_del(x->out);
        on_broken_pipe(x);
    }
}

static void read_stderr(struct exec *x)
{
    char *line;
    size_t n;
    bool cut;

    while (lines_next(&x->err_lines, &line, &n, &cut))
        log_stderr(x, line, n, cut);
}

static void on_err(evutil_socket_t fd, short what, void *arg)
{
    struct exec *x = arg;
    ssize_t n = lines_read(&x->err_lines, fd);

    (void)what;
    if (n > 0)
        read_stderr(x);
    else if (n == 0)
        event_del(x->err);
}

/* It has ended: its last words count. */
static void on_ended(void *arg, const char *how)
{
    struct exec *x = arg;
    unsigned generation = x->generation;
    int out = program_stdout(x->program), err = program_stderr(x->program);
    size_t left = LAST_WORDS_BYTES;
    char why[64], *line;
    size_t n;
    ssize_t got;

    event_del(x->in); /* nothing more is written */
    program_close_stdin(x->program);
    while (may_read(x) && left > 0 && (got = lines_read(&x->out_lines, out)) > 0) {
        left -= (size_t)got < left ? (size_t)got : left;
        take_lines(x);
        if (x->generation != generation)
            return;
    }
    left = STDERR_A_MINUTE * STDERR_BYTES_MAX;
    while (left > 0 && (got = lines_read(&x->err_lines, err)) > 0) {
        left -= (size_t)got < left ? (size_t)got : left;
        read_stderr(x);
    }
    if (lines_last(&x->err_lines, &line, &n))
        log_stderr(x, line, n, false);
    snprintf(why, sizeof why, "it ended: %s", how);
    lose(x, why, true);
}

/* ------------------------------------------------------------------ time */

/* What is past its time; true while there is something to look after. */
static void look_at_messages(struct exec *x, int64_t now_ms)
{
    struct outgoing *o, *next;
    unsigned late = 0;
    int64_t boot_ms = x->host->boot_ms();

    for (o = TAILQ_FIRST(&x->queued); o != NULL; o = next) {
        next = TAILQ_NEXT(o, links);
        if (o->at == 0 && o->submit_by_ms != 0 && boot_ms > o->submit_by_ms) {
            settle(x, &x->queued, o, GATEWAY_UNSENT, GATEWAY_REASON_NONE, NULL);
            next = TAILQ_FIRST(&x->queued); /* done() may have changed the list */
        }
    }
    o = TAILQ_FIRST(&x->queued);
    if (o != NULL && o->at > 0 && now_ms > o->answer_by_ms) {
        lose(x, "it does not read its stdin", true);
        return;
    }
    while ((o = TAILQ_FIRST(&x->written)) != NULL && now_ms > o->answer_by_ms) {
        settle(x, &x->written, o, GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE, "no answer in time");
        late++;
    }
    if (late == 0)
        return;
    x->host->log(x->gw, GATEWAY_LOG_WARNING, "exec.no_answer messages=%u timeout_ms=%" PRId64, late,
                 x->answer_timeout_ms);
    if (x->program != NULL && now_ms - x->heard_ms > x->answer_timeout_ms)
        lose(x, "it says nothing", true);
}

/* What Redis did not take is offered again. */
static void look_at_pushed(struct exec *x, int64_t now_ms)
{
    size_t n;

    if (now_ms - x->again_ms < AGAIN_MS)
        return;
    x->again_ms = now_ms;
    for (n = x->pushed_count; n > 0 && !TAILQ_EMPTY(&x->pushed); n--) {
        struct pushed *p = TAILQ_FIRST(&x->pushed);

        TAILQ_REMOVE(&x->pushed, p, links);
        TAILQ_INSERT_TAIL(&x->pushed, p, links);
        if (p->again)
            push(x, p);
    }
}

static void look_at_program(struct exec *x, int64_t now_ms)
{
    if (!x->started && now_ms - x->started_ms > x->start_timeout_ms)
        lose(x, "it has not said that it is ready", true);
    else if (x->closed_ms != 0 && now_ms - x->closed_ms > PIPE_CLOSED_MS)
        lose(x, "it has closed a pipe", true);
    else if (x->paused && may_read(x)) {
        x->paused = false;
        event_add(x->out, NULL);
        take_lines(x);
    } else
        flush(x);
}

static void on_tick(void *arg)
{
    struct exec *x = arg;
    int64_t now_ms = x->host->mono_ms();

    x->tick = NULL;
    look_at_pushed(x, now_ms);
    look_at_messages(x, now_ms);
    if (x->program != NULL)
        look_at_program(x, now_ms);
    arm_tick(x);
}

/* Time matters only while something is on its way. */
static void arm_tick(struct exec *x)
{
    bool starting = x->program != NULL && !x->started;

    if (x->tick == NULL &&
        (starting || x->messages > 0 || x->pushed_count > 0 || x->paused || x->closed_ms != 0))
        x->tick = x->host->timer(x->gw, TICK_MS, on_tick, x);
}

/* ------------------------------------------------------------------ its start */

static struct event *watch(struct exec *x, int fd, short what, event_callback_fn fn)
{
    struct event *e = event_new(x->host->loop(x->gw), fd, what, fn, x);

    return e;
}

static void start(struct exec *x)
{
    char error[300];

    x->started = x->ready = x->paused = false;
    x->closed_ms = x->ready_ms = 0;
    x->nonsense = 0;
    x->started_ms = x->heard_ms = x->host->mono_ms();
    lines_clear(&x->out_lines);
    lines_clear(&x->err_lines);
    x->program =
        program_start(x->host->loop(x->gw), &x->command.of, on_ended, x, error, sizeof error);
    if (x->program == NULL) {
        lose(x, error, true);
        return;
    }
    x->host->log(x->gw, GATEWAY_LOG_INFO, "exec.started pid=%ld", (long)program_pid(x->program));
    x->in = watch(x, program_stdin(x->program), EV_WRITE, on_writable);
    x->out = watch(x, program_stdout(x->program), EV_READ | EV_PERSIST, on_out);
    x->err = watch(x, program_stderr(x->program), EV_READ | EV_PERSIST, on_err);
    event_add(x->out, NULL);
    event_add(x->err, NULL);
    arm_tick(x);
}

static void exec_close(void *state)
{
    struct exec *x = state;
    struct outgoing *o;
    struct pushed *p;

    x->host->timer_cancel(x->tick);
    x->host->timer_cancel(x->restart);
    end_program(x, false);
    while ((o = TAILQ_FIRST(&x->queued)) != NULL || (o = TAILQ_FIRST(&x->written)) != NULL) {
        TAILQ_REMOVE(o->bytes != NULL ? &x->queued : &x->written, o, links);
        outgoing_free(o);
    }
    while ((p = TAILQ_FIRST(&x->pushed)) != NULL) {
        TAILQ_REMOVE(&x->pushed, p, links);
        protocol_free(&p->line);
        free(p);
    }
    lines_free(&x->out_lines);
    lines_free(&x->err_lines);
    command_free(&x->command);
    free(x);
}

static int exec_open(const struct gateway_host *host, struct gateway *gw, void **state, char *error,
                     size_t size)
{
    struct exec *x;

    if (host->size < offsetof(struct gateway_host, child_end) + sizeof host->child_end) {
        snprintf(error, size, "needs a newer outreachd: this one ends no programs");
        return -1;
    }
    x = memory_calloc(1, sizeof *x);
    x->host = host;
    x->gw = gw;
    TAILQ_INIT(&x->queued);
    TAILQ_INIT(&x->written);
    TAILQ_INIT(&x->pushed);
    lines_init(&x->out_lines, LINE_BYTES_MAX);
    lines_init(&x->err_lines, STDERR_BYTES_MAX);
    x->window = (unsigned)host->setting_int(gw, "window");
    x->start_timeout_ms = host->setting_int(gw, "start_timeout");
    x->answer_timeout_ms = host->setting_int(gw, "answer_timeout");
    x->restart_min_ms = host->setting_int(gw, "restart_min");
    x->restart_max_ms = host->setting_int(gw, "restart_max");
    x->stop_wait_ms = host->setting_int(gw, "stop_wait");
    x->columns = host->setting_int(gw, "columns") != 0;
    x->minute_ms = host->mono_ms();
    if (command_read(&x->command, host, gw, error, size) != 0) {
        exec_close(x);
        return -1;
    }
    x->restart = host->timer(gw, 0, on_restart, x);
    *state = x;
    return 0;
}

/* ------------------------------------------------------------------ the plugin */

static void submit_one(struct exec *x, const struct gateway_message *m)
{
    struct outgoing *o;
    char *bytes;
    size_t length;

    if (!x->ready || x->draining || x->messages >= x->window) {
        answer(x, m->token, GATEWAY_UNSENT, GATEWAY_REASON_NONE, NULL);
        return;
    }
    bytes = protocol_message(m, x->columns, &length);
    if (bytes == NULL || length > MESSAGE_BYTES_MAX) {
        free(bytes);
        answer(x, m->token, GATEWAY_REJECTED, GATEWAY_REASON_TEXT, "no UTF-8, or too long");
        return;
    }
    o = memory_calloc(1, sizeof *o);
    o->token = m->token;
    o->bytes = bytes;
    o->length = length;
    o->submit_by_ms = m->submit_by_ms;
    TAILQ_INSERT_TAIL(&x->queued, o, links);
    x->messages++;
}

static void exec_submit(void *state, const struct gateway_message *const *messages, size_t n)
{
    struct exec *x = state;

    for (size_t i = 0; i < n; i++)
        submit_one(x, messages[i]);
    flush(x);
}

static void exec_drain(void *state)
{
    struct exec *x = state;

    x->draining = true;
    x->host->timer_cancel(x->restart);
    x->restart = NULL;
    flush(x);
}

static unsigned exec_instance_capabilities(void *state)
{
    const struct exec *x = state;
    const char *channel = x->host->setting_string(x->gw, "channel"); /* the host's own setting */
    bool sms = channel == NULL || *channel == '\0' || strcmp(channel, "sms") == 0;
    bool echo = x->host->setting_int(x->gw, "echo_reference") != 0;

    return (sms ? GATEWAY_SEGMENTS : 0) | (x->columns ? GATEWAY_WANTS_COLUMNS : 0) |
           (x->host->setting_int(x->gw, "receipts") != 0 ? GATEWAY_SENDS_RECEIPTS : 0) |
           (echo ? GATEWAY_ECHOES_REFERENCE : 0);
}

const struct gateway_plugin gateway_plugin = {
    .abi = GATEWAY_ABI,
    .size = sizeof gateway_plugin,
    .name = "exec",
    .channel = NULL,
    .capabilities =
        GATEWAY_SEGMENTS | GATEWAY_WANTS_COLUMNS | GATEWAY_SENDS_RECEIPTS | GATEWAY_OPENS_QUIETLY,
    .settings = exec_settings,
    .open = exec_open,
    .submit = exec_submit,
    .drain = exec_drain,
    .close = exec_close,
    .instance_capabilities = exec_instance_capabilities,
};
