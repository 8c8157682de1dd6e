/*
 * redis_fixture.h - a real redis-server for one test program
 *
 * On a Unix socket in a directory of its own, with the AOF synced at every write,
 * as the daemon asks for. It dies with the test program, however that ends. Two
 * ways in: fixture_ask() goes over a plain blocking connection and gives the
 * answer as text; a db of the code under test is opened with fixture_db().
 */
#ifndef OUTREACH_TESTS_REDIS_FIXTURE_H
#define OUTREACH_TESTS_REDIS_FIXTURE_H

#include "buf.h"
#include "clock.h"
#include "db.h"
#include "error.h"
#include "mem.h"

#include <event2/event.h>
#include <hiredis.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct redis_fixture {
    char dir[64], socket[96], url[104];
    pid_t pid;
    redisContext *raw;
    struct event_base *base;
    struct db *db;
};

/* Arguments of redis-server that differ from the daemon's wishes, in pairs, then NULL. */
static inline void fixture_exec(const struct redis_fixture *f, const char *const *more)
{
    const char *argv[64] = {"redis-server",
                            "--port",
                            "0",
                            "--save",
                            "",
                            "--appendonly",
                            "yes",
                            "--appendfsync",
                            "always",
                            "--enable-debug-command",
                            "yes",
                            "--maxmemory-policy",
                            "noeviction",
                            "--logfile",
                            "redis.log"};
    size_t n = 15;

    argv[n++] = "--unixsocket";
    argv[n++] = f->socket;
    argv[n++] = "--dir";
    argv[n++] = f->dir;
    while (more != NULL && *more != NULL && n < 63)
        argv[n++] = *more++;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (chdir(f->dir) == 0)
        execvp("redis-server", (char *const *)argv);
    _exit(127);
}

/* Starts the server on the directory's data, and does not wait for it. */
static inline void fixture_launch(struct redis_fixture *f, const char *const *more)
{
    signal(SIGPIPE, SIG_IGN); /* as the programs do: hiredis writes to dead connections */
    unlink(f->socket);
    f->pid = fork();
    if (f->pid == 0)
        fixture_exec(f, more);
}

/* Connects the plain connection; waits until the server answers, 0 or -1. */
static inline int fixture_wait(struct redis_fixture *f)
{
    for (int i = 0; i < 1000; i++) {
        redisReply *r = NULL;

        if (f->raw != NULL)
            redisFree(f->raw);
        f->raw = redisConnectUnix(f->socket);
        if (f->raw != NULL && !f->raw->err && (r = redisCommand(f->raw, "PING")) != NULL &&
            r->type == REDIS_REPLY_STATUS) {
            freeReplyObject(r);
            return 0;
        }
        if (r != NULL)
            freeReplyObject(r);
        usleep(10000);
    }
    return -1;
}

static inline int fixture_start(struct redis_fixture *f, const char *const *more)
{
    memset(f, 0, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/redis-fixture-XXXXXX");
    if (mkdtemp(f->dir) == NULL)
        return -1;
    snprintf(f->socket, sizeof f->socket, "%s/redis.sock", f->dir);
    snprintf(f->url, sizeof f->url, "unix:%s", f->socket);
    f->base = event_base_new();
    fixture_launch(f, more);
    return fixture_wait(f);
}

/* kill -9, and gone when this returns. */
static inline void fixture_kill(struct redis_fixture *f)
{
    if (f->pid > 0) {
        kill(f->pid, SIGKILL);
        waitpid(f->pid, NULL, 0);
    }
    f->pid = 0;
}

static inline void fixture_end(struct redis_fixture *f)
{
    char command[96];

    if (f->db != NULL)
        db_close(f->db);
    if (f->raw != NULL)
        redisFree(f->raw);
    fixture_kill(f);
    if (f->base != NULL)
        event_base_free(f->base);
    snprintf(command, sizeof command, "rm -rf %s", f->dir);
    if (f->dir[0] == '/' && system(command) != 0)
        fprintf(stderr, "%s is left\n", f->dir);
}

/* A reply as text: strings as they are with foreign bytes as \xNN, arrays in
 * brackets, (nil), (error) .... */
static inline void fixture_render(struct buf *out, const redisReply *r)
{
    if (r->type == REDIS_REPLY_ERROR)
        buf_puts(out, "(error) ");
    switch (r->type) {
    case REDIS_REPLY_NIL:
        buf_puts(out, "(nil)");
        break;
    case REDIS_REPLY_INTEGER:
        buf_put_i64(out, r->integer);
        break;
    case REDIS_REPLY_ARRAY:
        buf_putc(out, '[');
        for (size_t i = 0; i < r->elements; i++) {
            if (i > 0)
                buf_putc(out, ' ');
            fixture_render(out, r->element[i]);
        }
        buf_putc(out, ']');
        break;
    default:
        for (size_t i = 0; i < (size_t)r->len; i++)
            if (r->str[i] >= 0x20 && r->str[i] < 0x7f)
                buf_putc(out, r->str[i]);
            else
                buf_printf(out, "\\x%02x", (unsigned char)r->str[i]);
    }
}

/* Good until the eighth call from now. */
static inline const char *fixture_text(const redisReply *r)
{
    static struct buf texts[8];
    static unsigned next;
    struct buf *out = &texts[next++ % 8];

    if (out->limit == 0)
        *out = BUF_INIT(1u << 20);
    buf_clear(out);
    if (r == NULL)
        buf_puts(out, "(none)");
    else
        fixture_render(out, r);
    return buf_string(out);
}

/* printf-like, words by spaces, %b for bytes, as hiredis has it. */
static inline const char *fixture_ask(struct redis_fixture *f, const char *format, ...)
{
    const char *text;
    redisReply *r;
    va_list ap;

    va_start(ap, format);
    r = redisvCommand(f->raw, format, ap);
    va_end(ap);
    text = fixture_text(r);
    if (r != NULL)
        freeReplyObject(r);
    return text;
}

/* A db of the code under test, connected; NULL and a line on stderr if it is not. */
static inline struct db *fixture_db(struct redis_fixture *f, unsigned stripes)
{
    struct db_options options = {.url = f->url, .stripes = stripes};
    struct error err = {""};
    struct db *db = db_open(f->base, &options, &err);

    if (db != NULL && db_connect(db, 10000, &err) == 0)
        return db;
    fprintf(stderr, "%s\n", err.text);
    db_close(db);
    return NULL;
}

/* A script through db_send(): keys and arguments in one line, by spaces; '' is the
 * empty one. The answer as text. */
static inline const char *fixture_script(struct redis_fixture *f, enum script script,
                                         unsigned nkeys, const char *format, ...)
{
    struct command c = COMMAND_INIT;
    struct error err = {""};
    char line[8192], *save = NULL;
    redisReply *reply = NULL;
    const char *text;
    va_list ap;

    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    command_script(&c, script, nkeys);
    for (char *word = strtok_r(line, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
        command_add_string(&c, strcmp(word, "''") == 0 ? "" : word);
    if (db_ask(f->db, &c, &reply, &err) != 0) {
        static char error[sizeof err.text + 16];

        snprintf(error, sizeof error, "(error) %s", err.text);
        command_free(&c);
        return error;
    }
    text = fixture_text(reply);
    freeReplyObject(reply);
    command_free(&c);
    return text;
}

/* Runs the loop for so long. */
static inline void fixture_run(struct redis_fixture *f, int64_t ms)
{
    int64_t until = clock_mono_ms() + ms;

    while (clock_mono_ms() < until) {
        event_base_loop(f->base, EVLOOP_NONBLOCK);
        usleep(1000);
    }
}

#endif
