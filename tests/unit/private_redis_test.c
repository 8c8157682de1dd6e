/* The embedded default: with a real redis-server in a directory of its own. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "clock.h"
#include "error.h"
#include "log.h"
#include "mem.h"
#include "private_redis.h"

static char dir[64];

/* Sends one command and returns the answer as a string, "(error) ..." or "(none)". */
static char *ask(const char *socket, const char *command)
{
    redisContext *c = redisConnectUnix(socket);
    redisReply *r = c && !c->err ? redisCommand(c, command) : NULL;
    char *answer;

    if (r == NULL)
        answer = xstrdup("(none)");
    else if (r->type == REDIS_REPLY_INTEGER)
        answer = xasprintf("%lld", r->integer);
    else if (r->type == REDIS_REPLY_ARRAY && r->elements == 2) /* CONFIG GET */
        answer = xstrdup(r->element[1]->str);
    else
        answer = xstrdup(r->str ? r->str : "(nil)");
    if (r != NULL)
        freeReplyObject(r);
    if (c != NULL)
        redisFree(c);
    return answer;
}

static void assert_answer(const char *socket, const char *command, const char *expected)
{
    char *answer = ask(socket, command);

    /* A server that was just started reads its data first, and says so. */
    for (int i = 0; i < 1000 && strncmp(answer, "LOADING", 7) == 0; i++) {
        free(answer);
        usleep(10000);
        answer = ask(socket, command);
    }
    assert_string_equal(answer, expected);
    free(answer);
}

static pid_t server_pid(const char *socket)
{
    char *info = ask(socket, "INFO server");
    char *at = strstr(info, "process_id:");
    pid_t pid = at ? (pid_t)atoi(at + 11) : 0;

    free(info);
    return pid;
}

static struct private_redis *start(void)
{
    struct error err = {""};
    struct private_redis *p = private_redis_start(dir, "always", &err);

    if (p == NULL)
        fail_msg("%s", err.text);
    return p;
}

/* kill -9, and wait until the kernel has taken it away. The parent may be this
 * process, another one of the test, or init. */
static void kill_hard(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    for (int i = 0; i < 500; i++) {
        char path[64], line[256] = "";
        FILE *f;

        snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        f = fopen(path, "r");
        if (f == NULL)
            return;
        if (fgets(line, sizeof line, f) == NULL)
            line[0] = '\0';
        fclose(f);
        if (strstr(line, ") Z ") || strstr(line, ") X "))
            return;
        usleep(10000);
    }
    fail_msg("pid %d does not die", (int)pid);
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/private-redis-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    char text[128];

    (void)state;
    /* A test that failed has left its server running. */
    snprintf(text, sizeof text, "%s/redis.sock", dir);
    free(ask(text, "SHUTDOWN NOSAVE"));
    snprintf(text, sizeof text, "rm -rf %s", dir);
    return system(text);
}

static void test_settings(void **state)
{
    struct private_redis *p = start();
    const char *s = private_redis_socket(p);
    struct stat st;

    (void)state;
    assert_answer(s, "CONFIG GET appendonly", "yes");
    assert_answer(s, "CONFIG GET appendfsync", "always");
    assert_answer(s, "CONFIG GET maxmemory-policy", "noeviction");
    assert_answer(s, "CONFIG GET port", "0");
    assert_answer(s, "CONFIG GET save", "");
    assert_int_equal(stat(s, &st), 0);
    assert_int_equal(st.st_mode & 077, 0);
    /* a session of its own: Ctrl-C does not reach it */
    assert_int_equal(getsid(server_pid(s)), server_pid(s));
    assert_int_equal(private_redis_check(p, NULL), PRIVATE_REDIS_RUNS);
    private_redis_stop(p);
}

static void test_shared(void **state)
{
    struct private_redis *first = start(), *second = start();
    const char *s = private_redis_socket(first);
    char *socket = xstrdup(s);
    pid_t pid = server_pid(s);

    (void)state;
    assert_true(pid > 0);
    assert_string_equal(s, private_redis_socket(second));
    assert_int_equal(server_pid(private_redis_socket(second)), pid);
    private_redis_stop(first);
    assert_int_equal(server_pid(socket), pid); /* one user is left */
    private_redis_stop(second);
    assert_answer(socket, "PING", "(none)");
    assert_int_equal(access(socket, F_OK), -1);
    free(socket);
}

static void test_data_survives_a_stop(void **state)
{
    struct private_redis *p = start();

    (void)state;
    assert_answer(private_redis_socket(p), "SET a 1", "OK");
    private_redis_stop(p);
    p = start();
    assert_answer(private_redis_socket(p), "GET a", "1");
    private_redis_stop(p);
}

/* A daemon that dies by kill -9 leaves its server; the next user finds it. */
static void test_user_killed(void **state)
{
    int ready[2];
    pid_t user, pid = 0;
    struct private_redis *p;
    char *socket;

    (void)state;
    assert_int_equal(pipe(ready), 0);
    user = fork();
    if (user == 0) {
        p = private_redis_start(dir, "always", NULL);
        pid = p ? server_pid(private_redis_socket(p)) : 0;
        free(ask(private_redis_socket(p), "SET b 2"));
        if (write(ready[1], &pid, sizeof pid) < 0)
            _exit(1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &pid, sizeof pid), sizeof pid);
    close(ready[0]);
    close(ready[1]);
    kill_hard(user);
    waitpid(user, NULL, 0);
    p = start();
    assert_int_equal(server_pid(private_redis_socket(p)), pid);
    assert_answer(private_redis_socket(p), "GET b", "2");
    socket = xstrdup(private_redis_socket(p));
    private_redis_stop(p); /* the dead one's lock is gone: this is the last */
    assert_answer(socket, "PING", "(none)");
    free(socket);
}

static void test_stale_files(void **state)
{
    char path[128];
    struct private_redis *p;
    FILE *f;

    (void)state;
    snprintf(path, sizeof path, "%s/redis", dir);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/redis/redis.pid", dir);
    f = fopen(path, "w");
    fprintf(f, "%d\n", (int)getppid()); /* lives, and is no Redis */
    fclose(f);
    snprintf(path, sizeof path, "%s/redis.sock", dir);
    f = fopen(path, "w");
    fclose(f);
    p = start();
    assert_answer(private_redis_socket(p), "PING", "PONG");
    private_redis_stop(p);
    assert_int_equal(kill(getppid(), 0), 0);
}

static void test_server_killed(void **state)
{
    struct private_redis *p = start();
    struct error err = {""};
    pid_t pid = server_pid(private_redis_socket(p)), next;
    enum private_redis_state state_now = PRIVATE_REDIS_RUNS;

    (void)state;
    assert_answer(private_redis_socket(p), "SET c 3", "OK");
    kill_hard(pid);
    /* The first look may come before the last thread of the dead has let go. */
    for (int i = 0; i < 500 && state_now == PRIVATE_REDIS_RUNS; i++) {
        int64_t begin = clock_mono_ms();

        state_now = private_redis_check(p, &err);
        assert_true(clock_mono_ms() - begin < 500);
        usleep(10000);
    }
    assert_int_equal(state_now, PRIVATE_REDIS_STARTED);
    next = 0;
    for (int i = 0; i < 1000 && next == 0; i++) {
        usleep(10000);
        next = server_pid(private_redis_socket(p));
    }
    assert_true(next > 0);
    assert_int_not_equal(next, pid);
    assert_answer(private_redis_socket(p), "GET c", "3");
    assert_int_equal(private_redis_check(p, &err), PRIVATE_REDIS_RUNS);
    private_redis_stop(p);
}

/* A server that dies at once is not started in a tight loop. */
static void test_server_dies_again(void **state)
{
    struct private_redis *p = start();
    struct error err = {""};
    int started = 0;

    (void)state;
    for (int i = 0; i < 20; i++) {
        pid_t pid = server_pid(private_redis_socket(p));

        if (pid > 0)
            kill_hard(pid);
        started += private_redis_check(p, &err) == PRIVATE_REDIS_STARTED;
        usleep(50000);
    }
    assert_in_range(started, 1, 2);
    private_redis_stop(p);
}

/* Many at once: one server, and it is gone when the last one has left. */
static void test_starters_at_once(void **state)
{
    enum { USERS = 6 };
    pid_t users[USERS];
    int go[2];
    char path[128];

    (void)state;
    assert_int_equal(pipe(go), 0);
    for (int i = 0; i < USERS; i++) {
        users[i] = fork();
        if (users[i] == 0) {
            struct private_redis *p;
            char byte, *n;

            if (read(go[0], &byte, 1) != 1)
                _exit(1);
            p = private_redis_start(dir, "always", NULL);
            if (p == NULL)
                _exit(2);
            n = ask(private_redis_socket(p), "INCR users");
            private_redis_stop(p);
            _exit(atoi(n) > 0 ? 0 : 3);
        }
    }
    assert_int_equal(write(go[1], "123456", USERS), USERS);
    for (int i = 0; i < USERS; i++) {
        int status = -1;

        waitpid(users[i], &status, 0);
        assert_int_equal(status, 0);
    }
    close(go[0]);
    close(go[1]);
    snprintf(path, sizeof path, "%s/redis.sock", dir);
    assert_answer(path, "PING", "(none)");
    struct private_redis *p = start();
    assert_answer(private_redis_socket(p), "GET users", "6");
    private_redis_stop(p);
}

static void test_stricter_never_laxer(void **state)
{
    struct error err = {""};
    struct private_redis *lax = private_redis_start(dir, "everysec", &err), *strict, *third;
    const char *s = private_redis_socket(lax);

    (void)state;
    assert_answer(s, "CONFIG GET appendfsync", "everysec");
    strict = start();
    assert_answer(s, "CONFIG GET appendfsync", "always");
    third = private_redis_start(dir, "everysec", &err);
    assert_answer(s, "CONFIG GET appendfsync", "always");
    private_redis_stop(third);
    private_redis_stop(strict);
    private_redis_stop(lax);
}

static void test_refusals(void **state)
{
    char path[256];
    struct error err = {""};

    (void)state;
    snprintf(path, sizeof path, "%s/%0100d", dir, 1);
    assert_null(private_redis_start(path, "always", &err));
    assert_non_null(strstr(err.text, "107"));
    assert_null(private_redis_start(dir, "sometimes", &err));
    assert_non_null(strstr(err.text, "sometimes"));
    assert_null(private_redis_start("/proc/outreach", "always", &err));
    assert_non_null(strstr(err.text, "/proc/outreach"));
    assert_int_equal(chmod(dir, 0777), 0);
    assert_null(private_redis_start(dir, "always", &err));
    assert_non_null(strstr(err.text, "chmod"));
    assert_int_equal(chmod(dir, 0700), 0);
}

/* What the server says when it cannot start reaches the person. */
static void test_bad_data(void **state)
{
    char path[128];
    struct error err = {""};
    FILE *f;

    (void)state;
    snprintf(path, sizeof path, "%s/redis", dir);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/redis/appendonlydir", dir);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/redis/appendonlydir/appendonly.aof.manifest", dir);
    f = fopen(path, "w");
    fputs("nonsense\n", f);
    fclose(f);
    assert_null(private_redis_start(dir, "always", &err));
    assert_non_null(strstr(err.text, "manifest"));
    unlink(path);
}

int main(void)
{
#define FACT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        FACT(test_settings),          FACT(test_shared),           FACT(test_data_survives_a_stop),
        FACT(test_user_killed),       FACT(test_stale_files),      FACT(test_server_killed),
        FACT(test_server_dies_again), FACT(test_starters_at_once), FACT(test_stricter_never_laxer),
        FACT(test_refusals),          FACT(test_bad_data),
    };

    signal(SIGPIPE, SIG_IGN); /* as the programs do: a server dies while it is asked */
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
