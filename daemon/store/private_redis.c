#include "private_redis.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "buf.h"
#include "clock.h"
#include "error.h"
#include "language.h"
#include "log.h"
#include "mem.h"

#define SILENCE_MS 30000      /* without a sign of life while starting */
#define LOADING_MAX_MS 600000 /* a bound all the same */
#define START_LOCK_MS (LOADING_MAX_MS + SILENCE_MS)
#define STOP_MS 10000
#define POLL_MS 10
#define RESTART_MIN_MS 1000
#define RESTART_MAX_MS 30000
#define STEADY_MS 60000 /* a server that lived so long may be restarted at once */
#define SERVER_LOCK_FD 3

struct private_redis {
    char *state_dir; /* absolute */
    char *socket, *dir, *conf, *log, *lock, *start_lock, *server_lock;
    char appendfsync[16];
    int user_fd; /* redis.lock, shared; -1 */
    pid_t child; /* the server, if this process started it and has not reaped it; or 0 */
    int64_t started_ms, restart_after_ms, backoff_ms; /* monotonic */
};

/* How the server is set; what LEDGER.md and hazards 0.3 ask for, and why. */
static const char *const server_settings[] = {
    "port 0",
    "unixsocketperm 700",
    "daemonize no",
    "appendonly yes",
    "no-appendfsync-on-rewrite no", /* a rewrite must not open a window of loss */
    "aof-load-truncated yes",       /* a half-written last script was never acknowledged */
    "aof-use-rdb-preamble yes",
    "auto-aof-rewrite-percentage 100",
    "auto-aof-rewrite-min-size 64mb",
    "save \"\"", /* the AOF is the truth; a snapshot beside it only costs a fork */
    "maxmemory-policy noeviction",
    "hash-max-listpack-entries 512",
    "stream-node-max-bytes 4096",
    "stream-node-max-entries 100",
    "slowlog-log-slower-than -1", /* it would keep people's rows in clear */
    "databases 1",
};

/* ------------------------------------------------------------------ small things */
static void pause_ms(int ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

/* Opens path and locks it; waits up to wait_ms where another has it. Returns the
 * descriptor, or -1 with errno EWOULDBLOCK when it is taken. */
static int lock_open(const char *path, int how, int64_t wait_ms)
{
    int64_t until = clock_mono_ms() + wait_ms;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return -1;
    while (flock(fd, how | LOCK_NB) != 0) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || clock_mono_ms() >= until) {
            int reason = errno;

            close(fd);
            errno = reason;
            return -1;
        }
        pause_ms(POLL_MS);
    }
    return fd;
}

static int lock_error(struct error *err, const char *path, const char *meanwhile)
{
    if (errno == EWOULDBLOCK)
        return error_set(err, "%s: another program has been %s for too long", path, meanwhile);
    return error_set(err, "%s: %s", path, language_errno(errno));
}

/* mkdir -p, 0700. */
static int make_directory(const char *path, struct error *err)
{
    char *part = xstrdup(path);
    int rc = 0;

    for (char *p = part + 1; rc == 0; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char end = *p;

        *p = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            rc = error_set(err, "%s: %s", part, language_errno(errno));
        *p = end;
        if (end == '\0')
            break;
    }
    free(part);
    return rc;
}

/* The files of a server belong to one user: started by another (an operator as
 * root, say) it would leave files that the daemon cannot open. */
static int check_owner(const char *path, struct error *err)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return error_set(err, "%s: %s", path, language_errno(errno));
    if (!S_ISDIR(st.st_mode))
        return error_set(err, "%s: not a directory", path);
    if (st.st_uid != geteuid())
        return error_set(err, "%s: belongs to user %u, not to user %u: run this as its owner", path,
                         (unsigned)st.st_uid, (unsigned)geteuid());
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return error_set(err, "%s: others may write to it: chmod go-w", path);
    return 0;
}

/* ------------------------------------------------------------------ asking the server */
enum answer { ANSWER_NONE, ANSWER_LOADING, ANSWER_READY };

/* Connects and sends a PING; *out (may be NULL) receives the connection when it
 * is ready. */
static enum answer ask(const struct private_redis *p, redisContext **out)
{
    redisContext *c = redisConnectUnixWithTimeout(p->socket, (struct timeval){1, 0});
    enum answer answer = ANSWER_NONE;
    redisReply *reply = NULL;

    if (c == NULL || c->err != 0)
        goto out;
    redisSetTimeout(c, (struct timeval){2, 0});
    reply = redisCommand(c, "PING");
    if (reply == NULL)
        goto out;
    if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "LOADING", 7) == 0)
        answer = ANSWER_LOADING;
    else
        /* any other answer (MISCONF of a full disk, say) is a living server's */
        answer = ANSWER_READY;

out:
    if (reply != NULL)
        freeReplyObject(reply);
    if (answer == ANSWER_READY && out != NULL)
        *out = c;
    else if (c != NULL)
        redisFree(c);
    return answer;
}

/* A server found running may have been started with less care than we want. */
static int insist_on_appendfsync(const struct private_redis *p, struct error *err)
{
    redisContext *c = NULL;
    redisReply *reply = NULL;
    int rc = 0;

    if (strcmp(p->appendfsync, "always") != 0 || ask(p, &c) != ANSWER_READY)
        return 0;
    reply = redisCommand(c, "CONFIG SET appendfsync always");
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR)
        rc = error_set(err, "%s: appendfsync cannot be set to always: %s", p->socket,
                       reply ? reply->str : c->errstr);
    if (reply != NULL)
        freeReplyObject(reply);
    redisFree(c);
    return rc;
}

/* ------------------------------------------------------------------ the process */
static void put_path(struct buf *b, const char *directive, const char *path)
{
    buf_printf(b, "%s \"", directive);
    for (; *path != '\0'; path++) {
        if (*path == '"' || *path == '\\')
            buf_putc(b, '\\');
        buf_putc(b, *path);
    }
    buf_puts(b, "\"\n");
}

static int write_conf(const struct private_redis *p, struct error *err)
{
    struct buf b = BUF_INIT(16384);
    int64_t memory = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    char *pid = xasprintf("%s/redis.pid", p->dir);
    int rc = -1, fd;

    buf_puts(&b, "# Written by outreachd at each start; changes here do not last.\n");
    put_path(&b, "dir", p->dir);
    put_path(&b, "unixsocket", p->socket);
    put_path(&b, "logfile", p->log);
    put_path(&b, "pidfile", pid);
    buf_printf(&b, "appendfsync %s\n", p->appendfsync);
    /* With a bound, a full Redis refuses claims and still takes outcomes; without
     * one the kernel picks a process to kill. */
    if (memory > 0)
        buf_printf(&b, "maxmemory %lld\n", (long long)(memory / 5 * 3));
    for (size_t i = 0; i < sizeof server_settings / sizeof *server_settings; i++)
        buf_printf(&b, "%s\n", server_settings[i]);

    fd = open(p->conf, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || buf_overflowed(&b) || write(fd, b.data, b.length) != (ssize_t)b.length)
        error_set(err, "%s: %s", p->conf, fd < 0 || errno ? language_errno(errno) : "cannot be written");
    else
        rc = 0;
    if (fd >= 0)
        close(fd);
    buf_free(&b);
    free(pid);
    return rc;
}

/* The server's program. Debian has it twice: as redis-server in a package that
 * also runs a system service, and, the same file, in redis-tools, where it goes
 * by the name it was started with. The second leaves the system alone. */
static const char *const programs[] = {"redis-server", "redis-check-rdb"};

static int spawn_program(const struct private_redis *p, int lock_fd, pid_t *pid, struct error *err)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    char name[] = "redis-server";
    char *argv[] = {name, p->conf, NULL};
    extern char **environ;
    int rc = ENOENT;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, p->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    posix_spawn_file_actions_adddup2(&files, lock_fd, SERVER_LOCK_FD);
    posix_spawn_file_actions_addclosefrom_np(&files, SERVER_LOCK_FD + 1);
    posix_spawnattr_init(&attributes);
    /* A session of its own: Ctrl-C on the terminal is for the daemon, which needs
     * Redis to settle what is in flight. And no signal mask of the daemon's. */
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    for (size_t i = 0; rc == ENOENT && i < sizeof programs / sizeof *programs; i++)
        rc = posix_spawnp(pid, programs[i], &files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    if (rc == ENOENT)
        return error_set(err, "redis-server is not installed: install Debian's redis-tools or "
                              "redis-server, or set redis.url");
    if (rc != 0)
        return error_set(err, "redis-server cannot be started: %s", language_errno(rc));
    return 0;
}

/* Starts the server under the lock lock_fd (open, held; stays the caller's). */
static int start_server(struct private_redis *p, int lock_fd, struct error *err)
{
    if (check_owner(p->state_dir, err) != 0 || check_owner(p->dir, err) != 0 ||
        write_conf(p, err) != 0)
        return -1;
    /* Whoever bound this socket is dead: its lock was free. */
    if (unlink(p->socket) != 0 && errno != ENOENT)
        return error_set(err, "%s: %s", p->socket, language_errno(errno));
    if (spawn_program(p, lock_fd, &p->child, err) != 0)
        return -1;
    p->started_ms = clock_mono_ms();
    log_info("redis.start pid=%d socket=%s appendfsync=%s", (int)p->child, log_quote(p->socket),
             p->appendfsync);
    return 0;
}

/* Takes note of the end of a server that this process started. Returns true if
 * there is no such child any more. */
static bool reap(struct private_redis *p)
{
    int status;

    if (p->child != 0 && waitpid(p->child, &status, WNOHANG) != 0) {
        if (WIFSIGNALED(status))
            log_warning("redis.died pid=%d signal=%d", (int)p->child, WTERMSIG(status));
        p->child = 0;
    }
    return p->child == 0;
}

/* The last line that the server logged, for a person. */
static int error_from_log(const struct private_redis *p, struct error *err)
{
    char tail[2048], *line;
    FILE *f = fopen(p->log, "re");
    size_t n = 0;

    if (f != NULL) {
        if (fseek(f, -(long)sizeof tail + 1, SEEK_END) != 0)
            rewind(f);
        n = fread(tail, 1, sizeof tail - 1, f);
        fclose(f);
    }
    while (n > 0 && tail[n - 1] == '\n')
        n--;
    tail[n] = '\0';
    line = strrchr(tail, '\n');
    line = line ? line + 1 : tail;
    return error_set(err, "the private redis-server ended; %s says: %.300s", p->log,
                     *line ? line : "nothing");
}

/* Starts the server if nobody has its lock. Returns 1 when it was started, 0
 * when another process runs or is just ending, -1 on error. */
static int start_if_dead(struct private_redis *p, struct error *err)
{
    int fd = lock_open(p->server_lock, LOCK_EX, 0), rc;

    if (fd < 0)
        return errno == EWOULDBLOCK ? 0 : lock_error(err, p->server_lock, "");
    rc = start_server(p, fd, err) == 0 ? 1 : -1;
    close(fd); /* from here on the lock is the server's alone */
    return rc;
}

/* Finds the server or starts it, and waits until it answers. The lock is looked
 * at again and again: what is found running may be about to end. */
static int await_ready(struct private_redis *p, struct error *err)
{
    int64_t begin = clock_mono_ms(), sign = begin, said = begin;
    int started = 0;

    for (;;) {
        enum answer answer = ANSWER_NONE;
        int64_t now;

        if (started == 0)
            started = start_if_dead(p, err);
        if (started < 0)
            return -1;
        answer = ask(p, NULL);
        now = clock_mono_ms();
        if (answer == ANSWER_READY)
            return started ? 0 : insist_on_appendfsync(p, err);
        if (answer == ANSWER_LOADING)
            sign = now;
        if (started && reap(p))
            return error_from_log(p, err);
        if (now - sign > SILENCE_MS || now - begin > LOADING_MAX_MS)
            return error_set(err,
                             "%s: the private redis-server runs (its pid is in %s/redis.pid) but "
                             "does not answer: see %s",
                             p->socket, p->dir, p->log);
        if (now - said >= 5000) {
            log_info("redis.wait state=%s waited_ms=%lld",
                     answer == ANSWER_LOADING ? "loading" : "silent", (long long)(now - begin));
            said = now;
        }
        pause_ms(POLL_MS);
    }
}

/* ------------------------------------------------------------------ public */
static void destroy(struct private_redis *p)
{
    if (p->user_fd >= 0)
        close(p->user_fd);
    free(p->state_dir);
    free(p->socket);
    free(p->dir);
    free(p->conf);
    free(p->log);
    free(p->lock);
    free(p->start_lock);
    free(p->server_lock);
    free(p);
}

static int set_paths(struct private_redis *p, const char *state_dir, struct error *err)
{
    const size_t longest = sizeof((struct sockaddr_un *)0)->sun_path - 1;
    char real[PATH_MAX];

    if (state_dir == NULL || *state_dir == '\0')
        return error_set(err, "state_dir is empty");
    for (const char *s = state_dir; *s != '\0'; s++)
        if ((unsigned char)*s < ' ')
            return error_set(err, "state_dir has a control character in it");
    if (make_directory(state_dir, err) != 0)
        return -1;
    /* The server changes its directory; so must not its paths. */
    if (realpath(state_dir, real) == NULL)
        return error_set(err, "%s: %s", state_dir, language_errno(errno));
    p->state_dir = xstrdup(real);
    p->socket = xasprintf("%s/redis.sock", real);
    if (strlen(p->socket) > longest)
        return error_set(err,
                         "state_dir: %s is %zu bytes long, but the path of a Unix socket may have "
                         "only %zu: choose a directory with a name of at most %zu bytes",
                         p->socket, strlen(p->socket), longest, longest - strlen("/redis.sock"));
    p->lock = xasprintf("%s/redis.lock", real);
    p->start_lock = xasprintf("%s/redis.start.lock", real);
    p->dir = xasprintf("%s/redis", real);
    p->conf = xasprintf("%s/redis.conf", p->dir);
    p->log = xasprintf("%s/redis.log", p->dir);
    p->server_lock = xasprintf("%s/server.lock", p->dir);
    return make_directory(p->dir, err);
}

struct private_redis *private_redis_start(const char *state_dir, const char *appendfsync,
                                          struct error *err)
{
    struct private_redis *p = xcalloc(1, sizeof *p);
    bool ready = false;
    int start_fd = -1;

    p->user_fd = -1;
    p->backoff_ms = RESTART_MIN_MS;
    if (strcmp(appendfsync, "always") != 0 && strcmp(appendfsync, "everysec") != 0) {
        error_set(err, "redis.appendfsync: \"%s\" is neither \"always\" nor \"everysec\"",
                  appendfsync);
        goto out;
    }
    snprintf(p->appendfsync, sizeof p->appendfsync, "%s", appendfsync);
    if (set_paths(p, state_dir, err) != 0)
        goto out;
    start_fd = lock_open(p->start_lock, LOCK_EX, START_LOCK_MS);
    if (start_fd < 0) {
        lock_error(err, p->start_lock, "starting or stopping the private redis-server");
        goto out;
    }
    p->user_fd = lock_open(p->lock, LOCK_SH, STOP_MS);
    if (p->user_fd < 0) {
        lock_error(err, p->lock, "stopping the private redis-server");
        goto out;
    }
    ready = await_ready(p, err) == 0;

out:
    if (start_fd >= 0)
        close(start_fd);
    if (!ready) {
        destroy(p);
        return NULL;
    }
    return p;
}

const char *private_redis_socket(const struct private_redis *p)
{
    return p->socket;
}

enum private_redis_state private_redis_check(struct private_redis *p, struct error *err)
{
    int64_t now = clock_mono_ms();
    int start_fd, server_fd, started;

    reap(p);
    start_fd = lock_open(p->start_lock, LOCK_EX, 0);
    if (start_fd < 0)
        return PRIVATE_REDIS_RUNS; /* another user is at it; the next look will tell */
    if (now < p->restart_after_ms) {
        /* Too soon to start another: only look. */
        server_fd = lock_open(p->server_lock, LOCK_EX, 0);
        started = server_fd < 0 ? 0 : error_from_log(p, err);
        if (server_fd >= 0)
            close(server_fd);
    } else {
        started = start_if_dead(p, err);
    }
    if (started == 1) {
        p->restart_after_ms = now + p->backoff_ms;
        p->backoff_ms = p->backoff_ms * 2 < RESTART_MAX_MS ? p->backoff_ms * 2 : RESTART_MAX_MS;
    } else if (started == 0 && now - p->started_ms > STEADY_MS) {
        p->backoff_ms = RESTART_MIN_MS;
    }
    close(start_fd);
    return (enum private_redis_state)started;
}

/* Asks the server to end and waits until its lock is free. */
static void shut_down(struct private_redis *p)
{
    redisContext *c = redisConnectUnixWithTimeout(p->socket, (struct timeval){1, 0});
    int fd;

    if (c != NULL && c->err == 0) {
        redisReply *reply;

        redisSetTimeout(c, (struct timeval){STOP_MS / 1000, 0});
        reply = redisCommand(c, "SHUTDOWN"); /* flushes and syncs the AOF; no answer but the end */
        if (reply != NULL) {
            log_warning("redis.stop refused=%s", log_quote(reply->str ? reply->str : ""));
            freeReplyObject(reply);
        }
    }
    if (c != NULL)
        redisFree(c);
    fd = lock_open(p->server_lock, LOCK_EX, STOP_MS);
    if (fd < 0) {
        log_warning("redis.stop still_running=1 pid_file=%s/redis.pid", p->dir);
        return;
    }
    /* Inside the lock the child is as good as gone. */
    if (p->child != 0)
        waitpid(p->child, NULL, 0);
    p->child = 0;
    unlink(p->socket);
    close(fd);
    log_info("redis.stop socket=%s", log_quote(p->socket));
}

void private_redis_stop(struct private_redis *p)
{
    int start_fd;

    if (p == NULL)
        return;
    start_fd = lock_open(p->start_lock, LOCK_EX, STOP_MS);
    /* An upgrade of flock() lets go for an instant; the start lock covers that. */
    if (start_fd >= 0 && flock(p->user_fd, LOCK_EX | LOCK_NB) == 0)
        shut_down(p);
    destroy(p);
    if (start_fd >= 0)
        close(start_fd);
}
