/*
 * The plugin exec with real child processes: tests/data/exec/player.py does what its arguments
 * say. Lines are RFC 8259; exit and signals are POSIX'.
 */
#include "child.h"
#include "exec/lines.h"
#include "exec/protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_host.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLAYER TEST_DIR "/data/exec/player.py"
#define ROWS 48

static struct fake_host host;
static const struct gateway_plugin *plugin;

/* As FAKE_UNTIL, on a machine that is busy with something else. */
#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        int64_t limit_ms = fake_real_ms() + 40000;                                                 \
        while (!(condition)) {                                                                     \
            if (fake_real_ms() > limit_ms)                                                         \
                fail_msg("never: %s\n%s", #condition, host.log);                                   \
            fake_turn(&host);                                                                      \
        }                                                                                          \
    } while (0)

/* ------------------------------------------------------------------ the stage */

static struct fake_setting rows[ROWS];
static char names[ROWS][32];
static size_t row_count;

static void set(const char *name, const char *value)
{
    assert_true(row_count + 1 < ROWS);
    snprintf(names[row_count], sizeof names[row_count], "%s", name);
    rows[row_count] = (struct fake_setting){names[row_count], value};
    rows[++row_count] = (struct fake_setting){0};
}

/* Starts from nothing: the program's arguments, ended by NULL. */
static void command(const char *program, const char *const *args)
{
    char name[32];
    size_t i;

    row_count = 0;
    set("command.0", program);
    for (i = 0; args[i] != NULL; i++) {
        snprintf(name, sizeof name, "command.%zu", i + 1);
        set(name, args[i]);
    }
    set("stop_wait", "200ms");
    set("restart_min", "20ms");
    set("restart_max", "80ms");
}

#define PLAY(...) command(PLAYER, (const char *const[]){__VA_ARGS__, NULL})

static void open_it(void)
{
    assert_int_equal(fake_open(&host, plugin, rows), 0);
    host.store_at_once = true;
}

static void submit(uint64_t token, const char *text, int64_t submit_by_ms)
{
    struct gateway_message m = {
        .token = token,
        .to = "+8613800138000",
        .to_length = 14,
        .text = text,
        .length = strlen(text),
        .encoding = GATEWAY_UCS2,
        .segments = 1,
        .language = "zh",
        .message_class = "notice",
        .campaign = "fair",
        .reminder = "first",
        .number = 1,
        .attempt = 1,
        .reference = "fair/first/1",
        .submit_by_ms = submit_by_ms,
    };

    fake_submit(&host, &m, 1);
}

static const struct fake_answer *answer_of(uint64_t token)
{
    size_t i;

    for (i = 0; i < host.done_count; i++)
        if (host.done[i].token == token)
            return &host.done[i];
    fail_msg("no answer to %d\n%s", (int)token, host.log);
    return NULL;
}

static size_t times(const char *what)
{
    const char *at;
    size_t n = 0;

    for (at = strstr(host.log, what); at != NULL; at = strstr(at + 1, what))
        n++;
    return n;
}

static pid_t logged_pid(const char *key)
{
    const char *at = strstr(host.log, key);

    return at != NULL ? (pid_t)strtol(at + strlen(key), NULL, 10) : 0;
}

/* No child of ours is left, as a zombie neither. */
static bool no_children(void)
{
    siginfo_t info = {0};

    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1 && errno == ECHILD;
}

/* Closes the gateway, and lets what is ending end. */
static void close_it(void)
{
    plugin->close(host.state);
    host.state = NULL;
    UNTIL(no_children());
    fake_close(&host);
}

/* ------------------------------------------------------------------ messages */

static void test_answers_in_any_order(void **state)
{
    (void)state;
    PLAY("ready", "read", "3", "answer", "accepted", "eof");
    open_it();
    UNTIL(host.capacity == 10);
    submit(1, "一", 0);
    submit(2, "二", 0);
    submit(3, "三\n\"", 0);
    UNTIL(host.done_count == 3);
    assert_int_equal(host.done[0].token, 3);
    assert_int_equal(host.done[2].token, 1);
    assert_int_equal(answer_of(2)->outcome, GATEWAY_ACCEPTED);
    assert_string_equal(answer_of(2)->ids[0], "x2");
    close_it();
}

static void test_nothing_is_sent_before_it_is_ready(void **state)
{
    (void)state;
    PLAY("wait", "0.1", "notready", "eof");
    open_it();
    submit(1, "a", 0);
    assert_int_equal(answer_of(1)->outcome, GATEWAY_UNSENT);
    UNTIL(strcmp(host.why, "line is down") == 0);
    assert_int_equal(host.capacity, 0);
    submit(2, "a", 0);
    assert_int_equal(answer_of(2)->outcome, GATEWAY_UNSENT);
    close_it();
}

/* Its line is down while it has one in hand: what is not written waits elsewhere. */
static void test_what_is_queued_when_it_is_not_ready_is_unsent(void **state)
{
    static char big[40001];

    (void)state;
    memset(big, 'a', sizeof big - 1);
    PLAY("ready", "read", "1", "notready", "wait", "1000");
    open_it();
    UNTIL(host.capacity == 10);
    for (uint64_t token = 1; token <= 5; token++)
        submit(token, big, 0);
    UNTIL(host.capacity == 0);
    /* It has read 40 kB and the pipe has room for 64: the fourth begins behind that. */
    assert_in_range(host.done_count, 2, 3);
    assert_int_equal(answer_of(4)->outcome, GATEWAY_UNSENT);
    assert_int_equal(answer_of(5)->outcome, GATEWAY_UNSENT);
    close_it();
}

/* Three messages of 40 kB, and a pipe of 64: one is in it, one in part, one not at all. */
static void test_written_is_unknown_and_unwritten_unsent(void **state)
{
    static char big[40001];

    (void)state;
    memset(big, 'a', sizeof big - 1);
    PLAY("ready", "wait", "1000");
    open_it();
    UNTIL(host.capacity == 10);
    submit(1, big, 0);
    submit(2, big, 0);
    submit(3, big, 0);
    fake_turn(&host);
    assert_int_equal(host.done_count, 0);
    kill(logged_pid("exec.started pid="), SIGKILL);
    UNTIL(host.done_count == 3);
    assert_int_equal(answer_of(1)->outcome, GATEWAY_UNKNOWN);
    assert_int_equal(answer_of(2)->outcome, GATEWAY_UNKNOWN);
    assert_int_equal(answer_of(3)->outcome, GATEWAY_UNSENT);
    assert_string_equal(answer_of(1)->words, "it ended: signal=9");
    assert_int_equal(host.capacity, 0);
    UNTIL(host.capacity == 10); /* and it is there again */
    close_it();
}

static void test_last_words_count(void **state)
{
    (void)state;
    PLAY("ready", "read", "2", "say", "{\"id\":\"{id}\",\"outcome\":\"rejected\"}", "exit", "3");
    open_it();
    UNTIL(host.capacity == 10);
    submit(1, "a", 0);
    submit(2, "b", 0);
    UNTIL(host.done_count == 2);
    assert_int_equal(answer_of(2)->outcome, GATEWAY_REJECTED);
    assert_int_equal(answer_of(1)->outcome, GATEWAY_UNKNOWN);
    assert_string_equal(answer_of(1)->words, "it ended: exit=3");
    close_it();
}

/* They are more than one read takes, and it has ended before they are looked at. */
static void test_last_words_count_however_many(void **state)
{
    static char spaces[40001];
    siginfo_t info = {0};

    (void)state;
    memset(spaces, ' ', sizeof spaces - 1);
    PLAY("ready", "read", "1", "raw", spaces, "err", "first", "read", "1", "say", "", "long",
         "30000", "say", "{\"id\":\"{id}\",\"outcome\":\"rejected\"}", "exit", "0");
    open_it();
    UNTIL(host.capacity == 10);
    submit(1, "a", 0);
    UNTIL(strstr(host.log, "\"first\"") != NULL);
    submit(2, "b", 0);
    assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0); /* the loop stands still */
    UNTIL(host.done_count == 2);
    assert_int_equal(answer_of(2)->outcome, GATEWAY_REJECTED);
    assert_int_equal(answer_of(1)->outcome, GATEWAY_UNKNOWN);
    close_it();
}

static void test_what_is_stale_is_not_written(void **state)
{
    static char big[40001];

    (void)state;
    memset(big, 'a', sizeof big - 1);
    PLAY("ready", "wait", "1000");
    open_it();
    UNTIL(host.capacity == 10);
    submit(1, big, 0);
    submit(2, big, 0);
    submit(3, big, fake_boot_ms() + 5000);
    fake_turn(&host);
    host.clock_ms += 5001;
    UNTIL(host.done_count == 1);
    assert_int_equal(answer_of(3)->outcome, GATEWAY_UNSENT);
    host.clock_ms += 60000; /* and who does not read is started anew */
    UNTIL(host.done_count == 3);
    assert_int_equal(answer_of(1)->outcome, GATEWAY_UNKNOWN);
    assert_int_equal(answer_of(2)->outcome, GATEWAY_UNKNOWN);
    assert_int_equal(times("it does not read its stdin"), 1);
    close_it();
}

static void test_a_late_answer_is_unknown_and_no_second(void **state)
{
    (void)state;
    PLAY("ready", "read", "2", "say", "{\"id\":\"2\",\"outcome\":\"accepted\"}", "read", "1",
         "answer", "accepted", "eof");
    open_it();
    UNTIL(host.capacity == 10);
    submit(1, "a", 0);
    host.clock_ms += 50000;
    submit(2, "b", 0);
    UNTIL(host.done_count == 1); /* it is heard, so it is not ended */
    host.clock_ms += 10001;
    UNTIL(host.done_count == 2);
    assert_int_equal(answer_of(1)->outcome, GATEWAY_UNKNOWN);
    submit(3, "c", 0);
    UNTIL(times("exec.stray") == 2); /* of 1, and of 2 again */
    assert_int_equal(host.done_count, 3);
    assert_int_equal(answer_of(3)->outcome, GATEWAY_ACCEPTED);
    assert_int_equal(times("exec.started"), 1);
    close_it();
}

static void test_who_says_nothing_is_started_anew(void **state)
{
    char file[] = "/tmp/exec_test_XXXXXX";

    (void)state;
    close(mkstemp(file));
    unlink(file);
    PLAY("once", file, "ready", "read", "1", "wait", "1000");
    open_it();
    UNTIL(host.capacity == 10);
    submit(1, "a", 0);
    fake_wait(&host, 20);
    host.clock_ms += 60001;
    UNTIL(host.done_count == 1);
    assert_int_equal(answer_of(1)->outcome, GATEWAY_UNKNOWN);
    UNTIL(times("exec.started") == 2 && host.capacity == 10);
    submit(2, "b", 0);
    UNTIL(host.done_count == 2);
    assert_int_equal(answer_of(2)->outcome, GATEWAY_ACCEPTED);
    assert_string_equal(answer_of(2)->ids[0], "+8613800138000");
    close_it();
    unlink(file);
}

static void test_done_may_submit(struct fake_host *h, uint64_t token)
{
    (void)h;
    if (token < 500)
        submit(token + 1, "a", 0);
}

static void test_an_answer_makes_room_for_the_next(void **state)
{
    (void)state;
    PLAY("serve");
    set("window", "1");
    open_it();
    host.on_done = test_done_may_submit;
    UNTIL(host.capacity == 1);
    submit(1, "a", 0);
    UNTIL(host.done_count == 500);
    host.on_done = NULL;
    assert_int_equal(answer_of(500)->outcome, GATEWAY_ACCEPTED);
    close_it();
}

/* ------------------------------------------------------------------ what it does wrong */

static void test_an_answer_counts_once(void **state)
{
    (void)state;
    PLAY("ready", "read", "1", "say", "{\"id\":\"{id}\",\"outcome\":\"accepted\"}", "say",
         "{\"id\":\"{id}\",\"outcome\":\"rejected\"}", "eof");
    open_it();
    UNTIL(host.capacity == 10);
    submit(7, "a", 0);
    UNTIL(times("exec.stray") == 1);
    assert_int_equal(host.done_count, 1);
    assert_int_equal(answer_of(7)->outcome, GATEWAY_ACCEPTED);
    close_it();
}

static void test_a_flood_of_nonsense_ends_it(void **state)
{
    char file[] = "/tmp/exec_test_XXXXXX";

    (void)state;
    close(mkstemp(file));
    unlink(file);
    PLAY("once", file, "ready", "read", "1", "flood", "1000000", "hello", "wait", "1000");
    open_it();
    UNTIL(host.capacity == 10);
    submit(1, "a", 0);
    UNTIL(host.done_count == 1);
    assert_int_equal(answer_of(1)->outcome, GATEWAY_UNKNOWN);
    assert_string_equal(answer_of(1)->words, "it talks nonsense");
    assert_int_equal(times("exec.nonsense"), 20); /* and not a thousand */
    UNTIL(host.capacity == 10);
    close_it();
    unlink(file);
}

static void test_a_long_line_is_thrown_away_alone(void **state)
{
    (void)state;
    PLAY("ready", "read", "1", "long", "300000", "answer", "accepted", "eof");
    open_it();
    UNTIL(host.capacity == 10);
    submit(1, "a", 0);
    UNTIL(host.done_count == 1);
    assert_int_equal(answer_of(1)->outcome, GATEWAY_ACCEPTED);
    assert_int_equal(times("exec.nonsense"), 1);
    close_it();
}

static void test_who_never_is_ready_is_started_anew(void **state)
{
    (void)state;
    PLAY("wait", "1000");
    open_it();
    UNTIL(times("exec.started") == 1);
    host.clock_ms += 30001;
    UNTIL(times("exec.started") == 2);
    assert_int_equal(times("it has not said that it is ready"), 1);
    assert_int_equal(host.capacity, 0);
    close_it();
}

static void test_who_ends_is_started_with_growing_pauses(void **state)
{
    (void)state;
    PLAY("exit", "0");
    open_it();
    UNTIL(times("exec.ended") == 4);
    assert_int_equal(times("restart_ms=20\n"), 1);
    assert_int_equal(times("restart_ms=40\n"), 1);
    assert_int_equal(times("restart_ms=80\n"), 2);
    close_it();
}

static void test_who_cannot_be_started_is_tried_again(void **state)
{
    (void)state;
    command("/dev/null/x", (const char *const[]){NULL});
    assert_int_equal(fake_open(&host, plugin, rows), -1);
    assert_non_null(strstr(host.error, "command: /dev/null/x: Not a directory"));
    fake_close(&host);
    /* It may be executed, but nobody knows how. */
    command(TEST_DIR "/data/exec", (const char *const[]){NULL});
    open_it();
    UNTIL(times("Permission denied") >= 2);
    close_it();
}

static void test_who_closes_a_pipe_is_started_anew(void **state)
{
    (void)state;
    PLAY("ready", "noread", "wait", "1000");
    open_it();
    UNTIL(host.capacity == 10);
    fake_wait(&host, 100);
    while (times("exec.started") < 2) { /* it may not have closed it yet */
        submit(host.done_count + 1, "a", 0);
        fake_wait(&host, 20);
        host.clock_ms += 20000;
    }
    close_it();
    PLAY("ready", "quiet", "wait", "1000");
    open_it();
    UNTIL(strcmp(host.why, "it has closed a pipe") == 0);
    UNTIL(times("exec.started") == 2);
    close_it();
}

/* ------------------------------------------------------------------ its surroundings */

static void test_what_it_is_given(void **state)
{
    char path[64], line[4096];
    ssize_t n;
    int fd;

    (void)state;
    setenv("STRANGER", "another gateway's secret", 1);
    PLAY("fds", "serve");
    set("directory", "/usr");
    set("secrets.0.name", "OWN_KEY");
    set("secrets.0.value", "s3cret");
    open_it();
    UNTIL(strstr(host.log, "cwd=") != NULL);
    assert_non_null(strstr(host.log, "fds=[0, 1, 2] group=True"));
    assert_non_null(strstr(host.log, "cwd=/usr key=s3cret stranger=None"));
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)logged_pid("exec.started pid="));
    fd = open(path, O_RDONLY);
    n = read(fd, line, sizeof line);
    close(fd);
    assert_true(n > 0 && memmem(line, (size_t)n, "s3cret", 6) == NULL);
    close_it();
    unsetenv("STRANGER");
}

/* The daemon ignores SIGPIPE; a program that did would never end in a pipeline. Bits 31 and 32 are
 * the C library's own signals. */
static void test_its_signals_are_as_from_a_shell(void **state)
{
    sigset_t set_of, old;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set_of);
    sigaddset(&set_of, SIGTERM);
    sigprocmask(SIG_BLOCK, &set_of, &old);
    command("/bin/sh",
            (const char *const[]){
                "-c",
                "sed -En 's/^(Sig(Ign|Blk)):\t.{8}[08]0{7}$/\\1 none/p' /proc/self/status >&2",
                NULL});
    open_it();
    UNTIL(times("exec.ended") == 1);
    assert_non_null(strstr(host.log, "SigBlk none"));
    assert_non_null(strstr(host.log, "SigIgn none"));
    sigprocmask(SIG_SETMASK, &old, NULL);
    close_it();
}

static void test_stderr_is_in_the_log_without_numbers(void **state)
{
    (void)state;
    PLAY("err", "no route to 13800138000, code 404", "serve");
    open_it();
    UNTIL(strstr(host.log, "exec.stderr") != NULL);
    assert_non_null(strstr(host.log, "no route to 138******00, code 404"));
    close_it();
}

static void test_a_flood_of_stderr_is_bounded(void **state)
{
    (void)state;
    command("/bin/sh",
            (const char *const[]){"-c", "seq 1 200000 >&2; echo '{\"ready\":true}'; cat", NULL});
    open_it();
    UNTIL(host.capacity == 10);
    assert_int_equal(times("exec.stderr"), 100);
    close_it();
}

/* ------------------------------------------------------------------ receipts, replies */

static void test_receipts_and_replies(void **state)
{
    (void)state;
    PLAY("ready", "say",
         "{\"receipt\":{\"message_id\":\"m1\",\"state\":\"undelivered\",\"reason\":\"number\","
         "\"code\":\"MK:0001\",\"done_ms\":1804381200000},\"ack\":\"r1\"}",
         "say", "{\"reply\":{\"from\":\"13800138000\",\"text\":\"好\",\"id\":\"9\"}}", "read", "1",
         "eof");
    open_it();
    host.store_at_once = false;
    UNTIL(host.receipt_count == 1 && host.reply_count == 1);
    assert_string_equal(host.receipts[0].id, "m1");
    assert_int_equal(host.receipts[0].state, GATEWAY_UNDELIVERED);
    assert_int_equal(host.receipts[0].reason, GATEWAY_REASON_NUMBER);
    assert_string_equal(host.receipts[0].code, "MK:0001");
    assert_true(host.receipts[0].done_ms == INT64_C(1804381200000));
    assert_string_equal(host.replies[0].from, "13800138000");
    assert_string_equal(host.replies[0].text, "好");
    /* Who asked is told; for who did not, it is offered again. */
    host.receipts[0].stored(host.receipts[0].arg, false);
    UNTIL(strstr(host.log, "{\"ack\":\"r1\",\"stored\":false}") != NULL);
    host.replies[0].stored(host.replies[0].arg, false);
    UNTIL(host.reply_count == 2);
    assert_string_equal(host.replies[1].text, "好");
    host.replies[1].stored(host.replies[1].arg, true);
    host.clock_ms += 5000;
    fake_wait(&host, 600);
    assert_int_equal(host.reply_count, 2);
    close_it();
}

static void test_receipts_wait_in_the_pipe_while_redis_is_away(void **state)
{
    size_t i;

    (void)state;
    PLAY("ready", "flood", "1000", "{\"receipt\":{\"message_id\":\"m\",\"state\":\"delivered\"}}",
         "eof");
    open_it();
    host.store_at_once = false;
    UNTIL(host.receipt_count == 256);
    fake_wait(&host, 600);
    assert_int_equal(host.receipt_count, 256);
    host.store_at_once = true;
    for (i = 0; i < 256; i++)
        host.receipts[i].stored(host.receipts[i].arg, true);
    UNTIL(host.receipt_count == 1000);
    close_it();
}

/* ------------------------------------------------------------------ its end */

static bool is_gone(pid_t pid)
{
    return kill(pid, 0) == -1 && errno == ESRCH;
}

/* A grandchild that was ours no more is init's to reap. */
static bool runs(pid_t pid)
{
    char path[64], line[512] = "", *state;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY);
    if (fd < 0)
        return false;
    if (read(fd, line, sizeof line - 1) < 0)
        line[0] = '\0';
    close(fd);
    state = strrchr(line, ')');
    return state != NULL && state[2] != 'Z' && state[2] != 'X';
}

static void test_the_deaf_are_killed_with_their_children(void **state)
{
    pid_t pid, child;
    int64_t before_ms;

    (void)state;
    PLAY("deaf", "child", "ready", "wait", "1000");
    open_it();
    UNTIL(host.capacity == 10);
    pid = logged_pid("exec.started pid=");
    child = logged_pid("child=");
    assert_true(pid > 0 && child > 0);
    before_ms = fake_real_ms();
    plugin->close(host.state);
    host.state = NULL;
    assert_true(fake_real_ms() - before_ms < 150); /* nobody waits for it */
    assert_true(runs(pid));
    UNTIL(no_children() && is_gone(pid) && !runs(child));
    assert_true(fake_real_ms() - before_ms >= 190); /* stop_wait, by the time of the loop's turn */
    fake_close(&host);
}

static void test_a_child_does_not_outlive_it(void **state)
{
    pid_t child;

    (void)state;
    PLAY("child", "ready", "exit", "0");
    open_it();
    UNTIL((child = logged_pid("child=")) != 0);
    UNTIL(!runs(child));
    close_it();
}

static void test_the_end_of_stdin_is_enough(void **state)
{
    char file[] = "/tmp/exec_test_XXXXXX", text[16] = "";
    int fd = mkstemp(file);

    (void)state;
    command("/bin/sh",
            (const char *const[]){"-c",
                                  "trap 'echo TERM > $0; exit' TERM; echo '{\"ready\":true}';"
                                  "while read line; do :; done; echo end > $0",
                                  file, NULL});
    for (size_t i = 0; i < row_count; i++)
        if (strcmp(rows[i].name, "stop_wait") == 0)
            rows[i].value = "60s";
    open_it();
    UNTIL(host.capacity == 10);
    close_it();
    assert_true(read(fd, text, sizeof text - 1) > 0);
    assert_string_equal(text, "end\n");
    close(fd);
    unlink(file);
}

static void test_drained_it_ends_when_all_is_answered(void **state)
{
    (void)state;
    PLAY("ready", "read", "1", "wait", "0.2", "answer", "accepted", "eof", "err", "bye");
    open_it();
    UNTIL(host.capacity == 10);
    submit(1, "a", 0);
    plugin->drain(host.state);
    submit(2, "b", 0);
    assert_int_equal(answer_of(2)->outcome, GATEWAY_UNSENT);
    UNTIL(times("exec.ended") == 1);
    assert_int_equal(answer_of(1)->outcome, GATEWAY_ACCEPTED);
    assert_int_equal(times("bye"), 1);
    fake_wait(&host, 300);
    assert_int_equal(times("exec.started"), 1);
    close_it();
}

/* ------------------------------------------------------------------ settings */

static void test_settings_that_are_refused(void **state)
{
    static const struct {
        const char *name, *value, *error;
    } facts[] = {
        {"command.0", "cat", "command: the program must be an absolute path"},
        {"command.0", "/nowhere/x", "command: /nowhere/x: No such file or directory"},
        {"environment.0", "=x", "environment.0: must be \"NAME=value\""},
        {"environment.0", "1A=x", "environment.0: must be \"NAME=value\""},
        {"secrets.0.name", "A B", "secrets.0.name: must be the name of a variable"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        struct fake_setting list[] = {
            {facts[i].name, facts[i].value}, {"command.0", "/bin/cat"}, {0}};

        assert_int_equal(fake_open(&host, plugin, list), -1);
        assert_string_equal(host.error, facts[i].error);
        fake_close(&host);
    }
}

/* ------------------------------------------------------------------ lines */

static const struct line_fact {
    const char *name, *text;
    enum protocol_kind kind;
    bool wrong;
} line_facts[] = {
    {"ready", "{\"ready\":true}", PROTOCOL_READY, false},
    {"ready with words", "{\"ready\":false,\"why\":\"x\"}", PROTOCOL_READY, false},
    {"an answer", "{\"id\":\"12\",\"outcome\":\"retry\"}", PROTOCOL_ANSWER, false},
    {"an answer by number", "{\"id\":12,\"outcome\":\"retry\"}", PROTOCOL_ANSWER, false},
    {"an answer without outcome", "{\"id\":\"12\"}", PROTOCOL_ANSWER, true},
    {"an outcome that nobody knows", "{\"id\":\"12\",\"outcome\":\"ok\"}", PROTOCOL_ANSWER, true},
    {"a key that nobody knows", "{\"id\":\"1\",\"outcome\":\"retry\",\"mesage\":1}",
     PROTOCOL_ANSWER, true},
    {"an id of 65 bytes",
     "{\"id\":\"1\",\"outcome\":\"accepted\",\"message_ids\":["
     "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]}",
     PROTOCOL_ANSWER, true},
    {"nine ids",
     "{\"id\":\"1\",\"outcome\":\"accepted\",\"message_ids\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\","
     "\"7\",\"8\",\"9\"]}",
     PROTOCOL_ANSWER, true},
    {"ids that are no list", "{\"id\":\"1\",\"outcome\":\"accepted\",\"message_ids\":\"x\"}",
     PROTOCOL_ANSWER, true},
    {"an id that is too great", "{\"id\":\"18446744073709551616\",\"outcome\":\"retry\"}",
     PROTOCOL_NONSENSE, true},
    {"an id below one", "{\"id\":-1,\"outcome\":\"retry\"}", PROTOCOL_NONSENSE, true},
    {"an id that is none", "{\"id\":\"1x\",\"outcome\":\"retry\"}", PROTOCOL_NONSENSE, true},
    {"one key twice", "{\"id\":\"1\",\"id\":\"2\",\"outcome\":\"retry\"}", PROTOCOL_NONSENSE, true},
    {"a NUL in a string", "{\"id\":\"1\",\"words\":\"a\\u0000b\"}", PROTOCOL_NONSENSE, true},
    {"half a line", "{\"id\":\"1\",", PROTOCOL_NONSENSE, true},
    {"a list", "[1]", PROTOCOL_NONSENSE, true},
    {"nothing", "", PROTOCOL_NONSENSE, true},
    {"no UTF-8", "{\"id\":\"1\",\"words\":\"\xff\"}", PROTOCOL_NONSENSE, true},
    {"a receipt by reference", "{\"receipt\":{\"reference\":\"a/b/1\",\"state\":\"delivered\"}}",
     PROTOCOL_RECEIPT, false},
    {"a receipt of nobody", "{\"receipt\":{\"state\":\"delivered\"}}", PROTOCOL_NONSENSE, true},
    {"a receipt without state", "{\"receipt\":{\"message_id\":\"a\"}}", PROTOCOL_NONSENSE, true},
    {"a receipt that is none", "{\"receipt\":3}", PROTOCOL_NONSENSE, true},
    {"a reply", "{\"reply\":{\"from\":\"1\",\"text\":\"\"}}", PROTOCOL_REPLY, false},
    {"a reply from nobody", "{\"reply\":{\"from\":\"\",\"text\":\"a\"}}", PROTOCOL_NONSENSE, true},
    {"both", "{\"reply\":{\"from\":\"1\",\"text\":\"\"},\"receipt\":{}}", PROTOCOL_NONSENSE, true},
};

static void test_line(void **state)
{
    const struct line_fact *f = *state;
    struct protocol_line line;
    size_t n = strlen(f->text);
    char *text = malloc(n > 0 ? n : 1); /* without a NUL: the sanitizer sees a byte too many */

    memcpy(text, f->text, n);
    protocol_read(text, n, &line);
    assert_int_equal(line.kind, f->kind);
    assert_int_equal(line.wrong != NULL, f->wrong);
    if (f->kind == PROTOCOL_ANSWER && f->wrong && strstr(f->text, "retry") == NULL)
        assert_int_equal(line.answer.outcome,
                         strstr(f->text, "accepted") != NULL ? GATEWAY_ACCEPTED : GATEWAY_UNKNOWN);
    protocol_free(&line);
    free(text);
}

static void test_the_line_of_a_message(void **state)
{
    static const struct gateway_field fields[] = {{"姓名", "李桂芳", 9}, {"day", "1\n2", 3}};
    struct gateway_message m = {
        .token = UINT64_MAX,
        .to = "+8613800138000",
        .to_length = 14,
        .text = "\"好\"\n",
        .length = 6,
        .segments = 1,
        .encoding = GATEWAY_UCS2,
        .title = "t",
        .template_code = "SMS_1",
        .params = fields,
        .param_count = 2,
        .reference = "a/b/1",
        .number = 1,
        .attempt = 2,
    };
    size_t n;
    char *line = protocol_message(&m, false, &n);

    (void)state;
    assert_string_equal(line, "{\"id\":\"18446744073709551615\",\"to\":\"+8613800138000\","
                              "\"text\":\"\\\"好\\\"\\n\",\"title\":\"t\",\"reference\":\"a/b/1\","
                              "\"template\":\"SMS_1\","
                              "\"params\":{\"姓名\":\"李桂芳\",\"day\":\"1\\n2\"},"
                              "\"number\":1,\"attempt\":2,\"segments\":1,\"encoding\":\"ucs2\"}\n");
    assert_int_equal(n, strlen(line));
    free(line);
    m.text = "\xff";
    m.length = 1;
    assert_null(protocol_message(&m, false, &n));
}

/* However a text is cut by read(), the same lines come out of it. */
static void test_lines_are_the_same_however_they_come(void **state)
{
    static const char text[] = "one\r\n\ntwo\n12345678901234567890\nthree\n12345678\nrest";
    static const char expected[] = "[one][][two][1234567890123456+][three][12345678]<rest>";

    (void)state;
    for (size_t step = 1; step < sizeof text; step++) {
        struct lines l;
        char got[200] = "", *line;
        int ends[2];
        size_t n, at = 0;
        bool cut;

        lines_init(&l, 16);
        assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
        while (at < sizeof text - 1) {
            size_t now = sizeof text - 1 - at < step ? sizeof text - 1 - at : step;

            assert_int_equal(write(ends[1], text + at, now), (ssize_t)now);
            at += now;
            while (lines_read(&l, ends[0]) > 0)
                while (lines_next(&l, &line, &n, &cut))
                    sprintf(got + strlen(got), "[%.*s%s]", (int)n, line, cut ? "+" : "");
        }
        if (lines_last(&l, &line, &n))
            sprintf(got + strlen(got), "<%.*s>", (int)n, line);
        assert_string_equal(got, expected);
        lines_free(&l);
        close(ends[0]);
        close(ends[1]);
    }
}

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_answers_in_any_order),
        cmocka_unit_test(test_nothing_is_sent_before_it_is_ready),
        cmocka_unit_test(test_what_is_queued_when_it_is_not_ready_is_unsent),
        cmocka_unit_test(test_written_is_unknown_and_unwritten_unsent),
        cmocka_unit_test(test_last_words_count),
        cmocka_unit_test(test_last_words_count_however_many),
        cmocka_unit_test(test_what_is_stale_is_not_written),
        cmocka_unit_test(test_a_late_answer_is_unknown_and_no_second),
        cmocka_unit_test(test_who_says_nothing_is_started_anew),
        cmocka_unit_test(test_an_answer_makes_room_for_the_next),
        cmocka_unit_test(test_an_answer_counts_once),
        cmocka_unit_test(test_a_flood_of_nonsense_ends_it),
        cmocka_unit_test(test_a_long_line_is_thrown_away_alone),
        cmocka_unit_test(test_who_never_is_ready_is_started_anew),
        cmocka_unit_test(test_who_ends_is_started_with_growing_pauses),
        cmocka_unit_test(test_who_cannot_be_started_is_tried_again),
        cmocka_unit_test(test_who_closes_a_pipe_is_started_anew),
        cmocka_unit_test(test_what_it_is_given),
        cmocka_unit_test(test_its_signals_are_as_from_a_shell),
        cmocka_unit_test(test_stderr_is_in_the_log_without_numbers),
        cmocka_unit_test(test_a_flood_of_stderr_is_bounded),
        cmocka_unit_test(test_receipts_and_replies),
        cmocka_unit_test(test_receipts_wait_in_the_pipe_while_redis_is_away),
        cmocka_unit_test(test_the_deaf_are_killed_with_their_children),
        cmocka_unit_test(test_a_child_does_not_outlive_it),
        cmocka_unit_test(test_the_end_of_stdin_is_enough),
        cmocka_unit_test(test_drained_it_ends_when_all_is_answered),
        cmocka_unit_test(test_settings_that_are_refused),
        cmocka_unit_test(test_the_line_of_a_message),
        cmocka_unit_test(test_lines_are_the_same_however_they_come),
    };
    static struct CMUnitTest tests[128];
    void *library = dlopen(BUILD_DIR "/plugins/exec.so", RTLD_NOW | RTLD_LOCAL);
    size_t n = 0, i;

    fake_end_child = child_end;
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    plugin = library != NULL ? dlsym(library, "gateway_plugin") : NULL;
    if (plugin == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    for (i = 0; i < sizeof line_facts / sizeof *line_facts; i++)
        tests[n++] = (struct CMUnitTest){line_facts[i].name, test_line, NULL, NULL,
                                         (void *)(uintptr_t)&line_facts[i]};
    memcpy(tests + n, others, sizeof others);
    n += sizeof others / sizeof *others;
    return _cmocka_run_group_tests("exec", tests, n, NULL, NULL);
}
