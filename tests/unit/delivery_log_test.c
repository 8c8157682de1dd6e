/*
 * The delivery log: every line is JSON with the documented keys, no line has a whole number or
 * a text, foreign bytes do no harm, and a disk that takes nothing is told.
 */
#include "delivery_log.h"

#include "redis_fixture.h"
#include "tree.h"

#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64], path[96];

/* The disk, in place of the library's: it has what is synced when the test says so. */
static struct {
    int begun, waited, at_once; /* fsyncs beside the loop, waits for one of them, fdatasyncs */
    off_t size;                 /* of the file when the last one was begun */
    int status;                 /* of that one, as aio_error() has it */
    bool fails;                 /* fdatasync() */
} disk;

int aio_fsync(int operation, struct aiocb *cb)
{
    struct stat st;

    (void)operation;
    disk.begun++;
    disk.size = fstat(cb->aio_fildes, &st) == 0 ? st.st_size : -1;
    return 0;
}

int aio_error(const struct aiocb *cb)
{
    (void)cb;
    return disk.status;
}

ssize_t aio_return(struct aiocb *cb)
{
    (void)cb;
    return 0;
}

int aio_suspend(const struct aiocb *const list[], int n, const struct timespec *timeout)
{
    (void)list, (void)n, (void)timeout;
    disk.waited++;
    disk.status = 0;
    return 0;
}

int fdatasync(int fd)
{
    (void)fd;
    disk.at_once++;
    errno = EIO;
    return disk.fails ? -1 : 0;
}

static int setup(void **state)
{
    (void)state;
    memset(&disk, 0, sizeof disk);
    snprintf(dir, sizeof dir, "/tmp/delivery-log-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/delivery.jsonl", dir);
    return 0;
}

static int teardown(void **state)
{
    char command[96];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static struct delivery_log *opened(void)
{
    struct error err = {""};
    struct delivery_log *log = delivery_log_open(path, dir, NULL, &err);

    if (log == NULL)
        fail_msg("%s", err.text);
    return log;
}

static char *contents(void)
{
    FILE *file = fopen(path, "r");
    struct stat st;
    char *text;

    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &st), 0);
    text = calloc(1, (size_t)st.st_size + 1);
    assert_int_equal(fread(text, 1, (size_t)st.st_size, file), st.st_size);
    fclose(file);
    return text;
}

/* The first line, as a tree for tree_free(). */
static struct tree *first_line(void)
{
    char *text = contents(), *end = strchr(text, '\n');
    struct error err = {""};
    struct tree *t;

    assert_non_null(end);
    t = tree_parse_json(text, (size_t)(end - text), NULL, &err);
    if (t == NULL)
        fail_msg("%s: %s", err.text, text);
    free(text);
    return t;
}

static struct delivery_event event_of(const char *name)
{
    struct delivery_event e = DELIVERY_EVENT_INIT;

    e.event = name;
    e.campaign = "job-fair-2027";
    e.reminder = "eve";
    e.n = 4711;
    return e;
}

static const char *string_at(const struct tree *t, const char *name)
{
    const struct tree *node = tree_get(t, name);

    return node != NULL && node->kind == TREE_STRING ? node->string : "(none)";
}

static int64_t int_at(const struct tree *t, const char *name)
{
    const struct tree *node = tree_get(t, name);

    return node != NULL && node->kind == TREE_INT ? node->integer : -99;
}

/* Every key that the header names, with what it was given. */
static void test_keys(void **state)
{
    struct delivery_log *log = opened();
    struct delivery_event e = event_of("accepted");
    struct tree *t;

    (void)state;
    e.gateway = "acme";
    e.reason = "absent";
    e.code = "DELIVRD";
    e.words = "all is well";
    e.to = "+8613851400001";
    e.to_length = 14;
    e.id = "8a5c91";
    e.id_length = 6;
    e.fence = 0x00003007;
    e.attempt = 2;
    e.segments = 3;
    e.queued_ms = 840;
    e.limited_ms = 0;
    e.submit_ms = 212;
    e.until_ms = 1804294800250;
    delivery_log_add(log, &e);
    assert_int_equal(delivery_log_flush(log), 0);
    t = first_line();
    assert_int_equal(strlen(string_at(t, "t")), 24);
    assert_string_equal(string_at(t, "event"), "accepted");
    assert_string_equal(string_at(t, "campaign"), "job-fair-2027");
    assert_string_equal(string_at(t, "reminder"), "eve");
    assert_int_equal(int_at(t, "n"), 4711);
    assert_string_equal(string_at(t, "fence"), "00003007");
    assert_string_equal(string_at(t, "gateway"), "acme");
    assert_int_equal(int_at(t, "attempt"), 2);
    assert_int_equal(int_at(t, "segments"), 3);
    assert_string_equal(string_at(t, "to"), "+86138…01");
    assert_int_equal(strlen(string_at(t, "hash")), 16);
    assert_int_equal(int_at(t, "queued_ms"), 840);
    assert_int_equal(int_at(t, "limited_ms"), 0);
    assert_int_equal(int_at(t, "submit_ms"), 212);
    assert_string_equal(string_at(t, "until"), "2027-03-06T01:00:00.250Z");
    assert_string_equal(string_at(t, "reason"), "absent");
    assert_string_equal(string_at(t, "id"), "8a5c91");
    assert_string_equal(string_at(t, "code"), "DELIVRD");
    assert_string_equal(string_at(t, "words"), "all is well");
    assert_int_equal(t->count, 19);
    tree_free(t);
    delivery_log_close(log);
}

/* What is not known is not there. */
static void test_least(void **state)
{
    struct delivery_log *log = opened();
    struct delivery_event e = event_of("cancelled");
    struct tree *t;

    (void)state;
    delivery_log_add(log, &e);
    delivery_log_close(log); /* flushes */
    t = first_line();
    assert_int_equal(t->count, 5); /* t, event, campaign, reminder, n */
    tree_free(t);
}

/* Each a line of its own, in order; the file is for its owner alone. */
static void test_lines(void **state)
{
    struct delivery_log *log = opened();
    struct stat st;
    char *text;
    int lines = 0;

    (void)state;
    for (uint32_t n = 1; n <= 5000; n++) {
        struct delivery_event e = event_of("intent");

        e.n = n;
        delivery_log_add(log, &e);
    }
    delivery_log_close(log);
    text = contents();
    for (char *p = text, *end; *p != '\0'; p = end + 1) {
        struct error err;
        struct tree *t;

        end = strchr(p, '\n');
        assert_non_null(end);
        t = tree_parse_json(p, (size_t)(end - p), NULL, &err);
        assert_non_null(t);
        assert_int_equal(int_at(t, "n"), ++lines);
        tree_free(t);
    }
    assert_int_equal(lines, 5000);
    free(text);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* Masked so that no person can be rung up, whatever kind of address it is. */
static const struct masked {
    const char *to, *shown;
} masked[] = {
    {"+8613851400001", "+86138…01"},
    {"13851400001", "138514…01"},
    {"+4915112345678", "+49151…78"},
    {"10010", "1…"},
    {"alice", "a…"},
    {"ab", "…"},
    {"ou_7d8a6e6df7621556ce0d21922b676706ccs", "ou_7d8…cs"},
    {"wang\"; DROP", "wang?;…OP"},
    {"back\\slash\\1", "back?s…?1"},
    {"tab\t\x01\x02\x7fnul!", "tab???…l!"},
    {"王秀英的微信号", "??????…??"},
};

static void test_masked(void **state)
{
    const struct masked *m = *state;
    struct delivery_log *log = opened();
    struct delivery_event e = event_of("intent");
    struct tree *t;
    char *text;

    e.to = m->to;
    e.to_length = strlen(m->to);
    delivery_log_add(log, &e);
    delivery_log_close(log);
    t = first_line();
    assert_string_equal(string_at(t, "to"), m->shown);
    text = contents();
    if (strlen(m->to) > 4)
        assert_null(strstr(text, m->to));
    free(text);
    tree_free(t);
}

/* Gateways like to repeat the number in what they say. */
static void test_words(void **state)
{
    static const struct {
        const char *words, *shown;
    } rows[] = {
        {"Invalid number 13851400001", "Invalid number 138…01"},
        {"to +8613851400001: no such user", "to +861…01: no such user"},
        {"'8613851400001','13851400002'", "'861…01','138…02'"},
        {"UNDELIV 4711 at 20270306", "UNDELIV 4711 at 20270306"}, /* a code, a day */
        {"13851400001", "138…01"},
        {"空号 MK:0001", "空号 MK:0001"},
        {"line\nbreak\t\"quoted\" \\ \x01", "line\nbreak\t\"quoted\" \\ \x01"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct delivery_log *log = opened();
        struct delivery_event e = event_of("failed");
        struct tree *t;

        e.words = rows[i].words;
        delivery_log_add(log, &e);
        delivery_log_close(log);
        t = first_line();
        assert_string_equal(string_at(t, "words"), rows[i].shown);
        tree_free(t);
        unlink(path);
    }
}

/* Any bytes at all in what comes from outside: the line stays one line of valid JSON, and
 * short. */
static void test_foreign(void **state)
{
    uint32_t dice = 99;
    char bytes[600];

    (void)state;
    for (int round = 0; round < 300; round++) {
        struct delivery_log *log = opened();
        struct delivery_event e = event_of("undelivered");
        struct tree *t;
        char *text;

        for (size_t i = 0; i + 1 < sizeof bytes; i++) {
            dice = dice * 1664525 + 1013904223;
            bytes[i] = round < 3 ? "\x01\"\xff"[round] : (char)(1 + (dice >> 9) % 255);
        }
        bytes[sizeof bytes - 1] = '\0';
        e.words = e.code = bytes;
        e.id = e.to = bytes;
        e.id_length = 64;
        e.to_length = 128;
        delivery_log_add(log, &e);
        delivery_log_close(log);
        text = contents();
        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
        assert_true(strlen(text) < 4000);
        free(text);
        t = first_line();
        tree_free(t);
        unlink(path);
    }
}

/* The hash finds a person again in this installation, and in no other; SipHash-2-4 under the
 * key that is kept beside. */
static void test_hash(void **state)
{
    char first[17], key_path[128], expected[17];
    unsigned char key[crypto_shorthash_KEYBYTES], digest[crypto_shorthash_BYTES];
    struct stat st;
    FILE *file;

    (void)state;
    for (int round = 0; round < 3; round++) {
        struct delivery_log *log;
        struct delivery_event e = event_of("intent");
        struct tree *t;

        if (round == 2) { /* another installation */
            unlink(key_path);
        }
        log = opened();
        e.to = "+8613851400001";
        e.to_length = 14;
        delivery_log_add(log, &e);
        delivery_log_close(log);
        t = first_line();
        snprintf(key_path, sizeof key_path, "%s/log.key", dir);
        if (round == 0) {
            snprintf(first, sizeof first, "%s", string_at(t, "hash"));
            file = fopen(key_path, "r");
            assert_int_equal(fread(key, 1, sizeof key, file), sizeof key);
            fclose(file);
            crypto_shorthash(digest, (const unsigned char *)"+8613851400001", 14, key);
            sodium_bin2hex(expected, sizeof expected, digest, sizeof digest);
            assert_string_equal(first, expected);
            assert_int_equal(stat(key_path, &st), 0);
            assert_int_equal(st.st_mode & 0777, 0600);
        } else if (round == 1) {
            assert_string_equal(first, string_at(t, "hash"));
        } else {
            assert_string_not_equal(first, string_at(t, "hash"));
        }
        tree_free(t);
        unlink(path);
    }
}

/* A full disk: told, nothing is lost until it takes again, and the lines are whole. */
static void test_full(void **state)
{
    struct delivery_log *log;
    struct delivery_event e = event_of("intent");
    struct tree *t;

    (void)state;
    assert_int_equal(symlink("/dev/full", path), 0);
    log = opened();
    assert_int_equal(delivery_log_flush(log), 0); /* nothing to write yet */
    delivery_log_add(log, &e);
    assert_int_equal(delivery_log_flush(log), -1);
    e.n = 4712;
    delivery_log_add(log, &e);
    assert_int_equal(delivery_log_flush(log), -1);
    assert_int_equal(unlink(path), 0);
    delivery_log_reopen(log);
    assert_int_equal(delivery_log_flush(log), 0);
    t = first_line();
    assert_int_equal(int_at(t, "n"), 4711);
    tree_free(t);
    delivery_log_close(log);
}

/* Full for so long that there was no room for more: a line that is lost may be an intent's,
 * and its notice must not leave when the disk takes the rest. */
static void test_full_for_long(void **state)
{
    struct delivery_log *log;
    struct delivery_event e = event_of("intent");
    char *text, *last;

    (void)state;
    assert_int_equal(symlink("/dev/full", path), 0);
    log = opened();
    for (e.n = 1; e.n < 120000; e.n++)
        delivery_log_add(log, &e);
    assert_int_equal(unlink(path), 0);
    delivery_log_reopen(log);
    delivery_log_write(log);
    assert_int_equal(delivery_log_flush(log), -1); /* of what was added since the last one */
    assert_int_equal(delivery_log_flush(log), 0);
    e.n = 4711;
    delivery_log_add(log, &e);
    assert_int_equal(delivery_log_flush(log), 0);
    delivery_log_close(log);
    text = contents();
    text[strlen(text) - 1] = '\0'; /* every line is whole; look at the last of this part */
    last = strrchr(text, '\n');
    assert_non_null(last);
    assert_int_equal(last[1], '{');
    free(text);
}

static void test_reopen(void **state)
{
    struct delivery_log *log = opened();
    struct delivery_event e = event_of("intent");
    char rotated[128];
    char *text;

    (void)state;
    delivery_log_add(log, &e);
    snprintf(rotated, sizeof rotated, "%s.1", path);
    assert_int_equal(rename(path, rotated), 0);
    delivery_log_reopen(log); /* what was gathered goes to the old one */
    text = contents();
    assert_string_equal(text, "");
    free(text);
    delivery_log_add(log, &e);
    delivery_log_close(log);
    text = contents();
    assert_int_equal(text[0], '{');
    free(text);
}

/* A line that was torn by a crash does not take the next one with it. */
static void test_torn(void **state)
{
    struct delivery_event e = event_of("intent");
    struct delivery_log *log;
    FILE *file = fopen(path, "w");
    char *text;

    (void)state;
    assert_non_null(file);
    fputs("{\"t\":\"2027-01-15T08:0", file);
    fclose(file);
    log = opened();
    delivery_log_add(log, &e);
    delivery_log_close(log);
    text = contents();
    assert_non_null(strstr(text, "T08:0\n{\"t\":\""));
    free(text);
}

static void write_line(struct delivery_log *log)
{
    struct delivery_event e = event_of("intent");

    delivery_log_add(log, &e);
    assert_int_equal(delivery_log_flush(log), 0);
}

/* All that was written is brought to the disk, one fsync at a time, and none for nothing. */
static void test_sync(void **state)
{
    struct delivery_log *log = opened();
    struct delivery_event e = event_of("intent");
    struct stat st;

    (void)state;
    delivery_log_sync(log);
    delivery_log_add(log, &e);
    delivery_log_sync(log);
    assert_int_equal(disk.begun, 0); /* nothing is written */
    assert_int_equal(delivery_log_flush(log), 0);
    disk.status = EINPROGRESS;
    delivery_log_sync(log);
    assert_int_equal(disk.begun, 1);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(disk.size, st.st_size);
    write_line(log);
    delivery_log_sync(log);
    assert_int_equal(disk.begun, 1); /* that one is under way */
    disk.status = 0;
    delivery_log_sync(log);
    assert_int_equal(disk.begun, 2); /* what came behind it */
    assert_int_equal(disk.size, 2 * st.st_size);
    delivery_log_sync(log);
    delivery_log_sync(log);
    assert_int_equal(disk.begun, 2);
    delivery_log_close(log);
}

/* A disk that has lost what it had taken: what comes now does not leave. What cannot be synced
 * at all, a pipe, has lost nothing. */
static void test_sync_fails(void **state)
{
    struct delivery_log *log = opened();

    (void)state;
    write_line(log);
    delivery_log_sync(log);
    disk.status = EIO;
    delivery_log_sync(log);
    delivery_log_write(log); /* says nothing of it */
    assert_int_equal(delivery_log_flush(log), -1);
    assert_int_equal(delivery_log_flush(log), 0);
    disk.status = 0;
    write_line(log);
    delivery_log_sync(log);
    disk.status = EINVAL;
    delivery_log_sync(log);
    assert_int_equal(delivery_log_flush(log), 0);
    delivery_log_close(log);
}

/* Before a file is left for good, at the end or for its successor, all of it is on the disk. */
static void test_sync_at_end(void **state)
{
    struct delivery_log *log = opened();

    (void)state;
    write_line(log);
    disk.status = EINPROGRESS;
    delivery_log_sync(log);
    write_line(log);
    delivery_log_reopen(log);
    assert_int_equal(disk.waited, 1);
    assert_int_equal(disk.at_once, 1);
    delivery_log_reopen(log); /* nothing was written since */
    assert_int_equal(disk.at_once, 1);
    write_line(log);
    disk.fails = true;
    delivery_log_reopen(log);
    assert_int_equal(delivery_log_flush(log), -1);
    disk.fails = false;
    write_line(log);
    delivery_log_close(log);
    assert_int_equal(disk.at_once, 3);
}

/* Who writes stands first, also in the file that takes a rotated one's place. */
static void test_head(void **state)
{
    struct delivery_log *log = opened();
    char *text, moved[128];
    int heads = 0;

    (void)state;
    delivery_log_head(log, "d1", 7, 5, "abc");
    delivery_log_sync(log);
    assert_int_equal(delivery_log_flush(log), 0);
    delivery_log_sync(log);
    snprintf(moved, sizeof moved, "%s.1", path);
    assert_int_equal(rename(path, moved), 0);
    delivery_log_reopen(log);
    delivery_log_close(log);
    text = contents();
    assert_non_null(strstr(text, "\"event\":\"joined\",\"daemon\":\"d1\",\"epoch\":7,"
                                 "\"before\":5,\"install\":\"abc\",\"part\":2}\n"));
    for (const char *p = text; (p = strstr(p, "joined")) != NULL; p++)
        heads++;
    assert_int_equal(heads, 1);
    free(text);
}

static void test_refused(void **state)
{
    struct error err = {""};
    char key_path[128];
    FILE *file;

    (void)state;
    assert_null(delivery_log_open("/nonexistent/delivery.jsonl", dir, NULL, &err));
    assert_non_null(strstr(err.text, "/nonexistent/delivery.jsonl"));
    assert_null(delivery_log_open(path, "/nonexistent", NULL, &err));
    snprintf(key_path, sizeof key_path, "%s/log.key", dir);
    file = fopen(key_path, "w");
    fputs("short", file);
    fclose(file);
    assert_null(delivery_log_open(path, dir, NULL, &err));
    assert_non_null(strstr(err.text, "log.key"));
    delivery_log_close(NULL);
}

/* The live log: sums of what happened since, an entry a look. */
static void test_publish(void **state)
{
    static struct redis_fixture f;
    struct error err = {""};
    struct delivery_log *log;
    redisReply *r;
    struct tree *t;

    (void)state;
    assert_int_equal(fixture_start(&f, NULL), 0);
    f.db = fixture_db(&f, 1);
    log = delivery_log_open(path, dir, f.db, &err);
    delivery_log_publish(log); /* nothing to say */
    for (uint32_t n = 10; n < 20; n++) {
        struct delivery_event e = event_of(n < 14 ? "accepted" : "failed");

        e.n = n;
        e.gateway = n < 18 ? "acme" : NULL;
        delivery_log_add(log, &e);
    }
    delivery_log_publish(log);
    assert_int_equal(db_drain(f.db, 0, &err), 0);
    assert_string_equal(fixture_ask(&f, "XLEN outreach:log"), "1");
    r = redisCommand(f.raw, "XRANGE outreach:log - +");
    t = tree_parse_json(r->element[0]->element[1]->element[1]->str,
                        r->element[0]->element[1]->element[1]->len, NULL, &err);
    assert_non_null(t);
    assert_int_equal(t->count, 3);
    assert_string_equal(string_at(t, "0.event"), "accepted");
    assert_int_equal(int_at(t, "0.count"), 4);
    assert_int_equal(int_at(t, "0.first"), 10);
    assert_int_equal(int_at(t, "0.last"), 13);
    assert_int_equal(int_at(t, "1.count"), 4);
    assert_string_equal(string_at(t, "2.gateway"), "");
    assert_int_equal(int_at(t, "2.count"), 2);
    tree_free(t);
    freeReplyObject(r);
    delivery_log_publish(log); /* said already */
    assert_int_equal(db_drain(f.db, 0, &err), 0);
    assert_string_equal(fixture_ask(&f, "XLEN outreach:log"), "1");
    delivery_log_close(log);
    fixture_end(&f);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define COUNT(a) (sizeof(a) / sizeof *(a))

int main(void)
{
    static const struct CMUnitTest all[] = {
        TEST(test_keys),    TEST(test_least), TEST(test_lines),      TEST(test_words),
        TEST(test_foreign), TEST(test_hash),  TEST(test_full),       TEST(test_full_for_long),
        TEST(test_torn),    TEST(test_head),  TEST(test_reopen),     TEST(test_refused),
        TEST(test_publish), TEST(test_sync),  TEST(test_sync_fails), TEST(test_sync_at_end),
    };
    struct CMUnitTest tests[COUNT(all) + COUNT(masked)];
    size_t n = 0;

    if (sodium_init() < 0)
        return 1;
    for (size_t i = 0; i < COUNT(all); i++)
        tests[n++] = all[i];
    for (size_t i = 0; i < COUNT(masked); i++)
        tests[n++] =
            (struct CMUnitTest){masked[i].to, test_masked, setup, teardown, (void *)&masked[i]};
    return cmocka_run_group_tests_name("delivery log", tests, NULL, NULL);
}
