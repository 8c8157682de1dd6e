/*
 * What a batch of moves looks like on the wire: which records become a run, what of
 * them travels once for all, and what is read out of the answer. What the script makes
 * of it is in scripts_test.c.
 */
#include "moves.h"

#include "command.h"
#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct moves_target outcome = {
    .campaign = "fair", .reminder = "eve", .now_ms = 1700000000123, .version = 2, .seq = 77};
static const struct moves_target intent = {
    .campaign = "fair", .reminder = "eve", .intent = true, .now_ms = 5, .version = 1, .seq = 0};

/* The arguments of a RESP command, taken apart here and not by our code. */
struct arguments {
    size_t count;
    struct {
        const char *bytes;
        size_t n;
    } list[1200];
};

static void take_apart(const char *bytes, size_t n, struct arguments *out)
{
    const char *p = bytes, *end = bytes + n;
    char *after;

    assert_true(n > 0 && *p == '*');
    out->count = strtoul(p + 1, &after, 10);
    assert_in_range(out->count, 1, 1200);
    p = after + 2;
    for (size_t i = 0; i < out->count; i++) {
        assert_true(p < end && *p == '$');
        out->list[i].n = strtoul(p + 1, &after, 10);
        out->list[i].bytes = after + 2;
        p = after + 2 + out->list[i].n;
        assert_memory_equal(p, "\r\n", 2);
        p += 2;
    }
    assert_ptr_equal(p, end);
}

/* A move from the record of one letter to that of another: "" is all zero. */
static void add(struct moves *m, uint32_t n, char believed, char wanted, int64_t retry)
{
    struct move *one = moves_add(m);

    one->n = n;
    memset(one->believed, believed, LEDGER_RECORD_BYTES);
    memset(one->wanted, wanted, LEDGER_RECORD_BYTES);
    one->retry = retry;
}

/* A picture of the runs: FROM+COUNT believed>wanted retry, records by their letters. */
static const char *picture(struct moves *m, const struct moves_target *t)
{
    static char out[8192];
    static struct arguments args;
    struct command c = COMMAND_INIT;
    const char *bytes;
    size_t n, at = 0;

    moves_command(m, t, &c);
    bytes = command_finish(&c, &n);
    take_apart(bytes, n, &args);
    assert_int_equal((args.count - 10) % 5, 0);
    out[0] = '\0';
    for (size_t a = 10; a < args.count; a += 5) {
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%.*s+%.*s ", a > 10 ? " | " : "",
                               (int)args.list[a].n, args.list[a].bytes, (int)args.list[a + 1].n,
                               args.list[a + 1].bytes);
        for (size_t k = 2; k < 4; k++) {
            assert_int_equal(args.list[a + k].n % LEDGER_RECORD_BYTES, 0);
            for (size_t i = 0; i < args.list[a + k].n; i += LEDGER_RECORD_BYTES)
                out[at++] = args.list[a + k].bytes[i] ? args.list[a + k].bytes[i] : '0';
            out[at++] = k == 2 ? '>' : ' ';
        }
        at += (size_t)snprintf(out + at, sizeof out - at, "%.*s", (int)args.list[a + 4].n,
                               args.list[a + 4].bytes);
        if (out[at - 1] == ' ')
            out[--at] = '\0';
    }
    command_free(&c);
    return out;
}

static const struct fact {
    const char *name;
    /* number, believed, wanted, retry */
    struct {
        uint32_t n;
        char believed, wanted;
        int64_t retry;
    } moves[24];
    const char *picture;
} facts[] = {
    {"one", {{7, 0, 'a', 0}}, "7+1 0>a"},
    {"neighbours that are all the same travel as one record",
     {{7, 0, 'a', 0}, {8, 0, 'a', 0}, {9, 0, 'a', 0}},
     "7+3 0>a"},
    {"what was believed the same, what is wanted not",
     {{7, 0, 'a', 0}, {8, 0, 'b', 0}, {9, 0, 'a', 0}},
     "7+3 0>aba"},
    {"both differ", {{7, 'x', 'a', 0}, {8, 'y', 'b', 0}}, "7+2 xy>ab"},
    {"a gap ends a run", {{7, 0, 'a', 0}, {9, 0, 'a', 0}, {10, 0, 'b', 0}}, "7+1 0>a | 9+2 0>ab"},
    {"in any order", {{9, 0, 'c', 0}, {7, 0, 'a', 0}, {8, 0, 'b', 0}}, "7+3 0>abc"},
    {"out of the retry set", {{7, 'p', 'a', -1}, {8, 'p', 'a', -1}}, "7+2 p>a -"},
    {"into it, each at its time", {{7, 's', 'p', 1000}, {8, 's', 'p', 1001}}, "7+2 s>p 1000,1001"},
    {"the retry set ends a run",
     {{7, 's', 'p', 1000}, {8, 's', 'a', 0}, {9, 'p', 'a', -1}},
     "7+1 s>p 1000 | 8+1 s>a | 9+1 p>a -"},
    {"eight that are the same are worth a run of their own",
     {{1, 0, 'x', 0},
      {2, 0, 'y', 0},
      {3, 0, 'a', 0},
      {4, 0, 'a', 0},
      {5, 0, 'a', 0},
      {6, 0, 'a', 0},
      {7, 0, 'a', 0},
      {8, 0, 'a', 0},
      {9, 0, 'a', 0},
      {10, 0, 'a', 0},
      {11, 0, 'z', 0}},
     "1+2 0>xy | 3+8 0>a | 11+1 0>z"},
    {"seven are not",
     {{1, 0, 'x', 0},
      {2, 0, 'a', 0},
      {3, 0, 'a', 0},
      {4, 0, 'a', 0},
      {5, 0, 'a', 0},
      {6, 0, 'a', 0},
      {7, 0, 'a', 0},
      {8, 0, 'a', 0},
      {9, 0, 'z', 0}},
     "1+9 0>xaaaaaaaz"},
};

static void test_picture(void **state)
{
    const struct fact *f = *state;
    struct moves *m = xcalloc(1, sizeof *m);

    for (size_t i = 0; f->moves[i].n != 0; i++)
        add(m, f->moves[i].n, f->moves[i].believed, f->moves[i].wanted, f->moves[i].retry);
    assert_string_equal(picture(m, &outcome), f->picture);
    free(m);
}

static const char *argument(const struct arguments *args, size_t i)
{
    static char out[4][256];
    static unsigned next;

    return memcpy(memset(out[next % 4], 0, 256), args->list[i].bytes, args->list[i].n),
           out[next++ % 4];
}

static void test_head(void **state)
{
    struct moves *m = xcalloc(1, sizeof *m);
    struct command c = COMMAND_INIT;
    static struct arguments args;
    const char *bytes;
    size_t n;

    (void)state;
    add(m, 3, 0, 'a', 0);
    moves_command(m, &outcome, &c);
    bytes = command_finish(&c, &n);
    take_apart(bytes, n, &args);
    assert_string_equal(argument(&args, 0), "EVALSHA");
    assert_string_equal(argument(&args, 1), script_sha(SCRIPT_SETTLE));
    assert_string_equal(argument(&args, 2), "3");
    assert_string_equal(argument(&args, 3), "outreach:{fair}:eve");
    assert_string_equal(argument(&args, 4), "outreach:{fair}:eve:ledger");
    assert_string_equal(argument(&args, 5), "outreach:{fair}:eve:retry");
    assert_string_equal(argument(&args, 6), "outcome");
    assert_string_equal(argument(&args, 7), "1700000000123");
    assert_string_equal(argument(&args, 8), "2");
    assert_string_equal(argument(&args, 9), "77");
    moves_command(m, &intent, &c);
    bytes = command_finish(&c, &n);
    take_apart(bytes, n, &args);
    assert_string_equal(argument(&args, 1), script_sha(SCRIPT_INTEND));
    assert_string_equal(argument(&args, 6), "intent");
    command_free(&c);
    free(m);
}

/* The most there can be, each a run of its own, or all of one; what a Lua call takes. */
static void test_most(void **state)
{
    struct moves *m = xcalloc(1, sizeof *m);
    struct command c = COMMAND_INIT;
    size_t n;

    (void)state;
    for (uint32_t i = 0; i < MOVES_MAX; i++)
        add(m, 33000000 + i, (char)i, (char)(i * 7), 1700000000000 + i);
    moves_command(m, &outcome, &c);
    command_finish(&c, &n);
    assert_true(n < 2 * MOVES_MAX * LEDGER_RECORD_BYTES + MOVES_MAX * 15 + 1000);
    for (uint32_t i = 0; i < MOVES_MAX; i++) {
        memset(m->list[i].believed, 0, LEDGER_RECORD_BYTES);
        memset(m->list[i].wanted, 'a', LEDGER_RECORD_BYTES);
        m->list[i].retry = RETRY_KEEP;
    }
    assert_string_equal(picture(m, &intent), "33000000+512 0>a");
    free(m);
    command_free(&c);
}

/* ------------------------------------------------------------------ the answer */

static redisReply *string(int type, const char *bytes, size_t n)
{
    redisReply *r = calloc(1, sizeof *r);

    r->type = type;
    r->str = malloc(n + 1);
    memcpy(r->str, bytes, n);
    r->str[n] = '\0';
    r->len = n;
    return r;
}

static redisReply *number(long long n)
{
    redisReply *r = calloc(1, sizeof *r);

    r->type = REDIS_REPLY_INTEGER;
    r->integer = n;
    return r;
}

static redisReply *array(size_t n, ...)
{
    redisReply *r = calloc(1, sizeof *r);
    va_list ap;

    r->type = REDIS_REPLY_ARRAY;
    r->elements = n;
    r->element = calloc(n ? n : 1, sizeof *r->element);
    va_start(ap, n);
    for (size_t i = 0; i < n; i++)
        r->element[i] = va_arg(ap, redisReply *);
    va_end(ap);
    return r;
}

static void test_verdict(void **state)
{
    static const struct {
        const char *word;
        enum moves_verdict verdict;
    } words[] = {
        {"OK", MOVES_DONE},         {"CANCELLED", MOVES_CANCELLED},
        {"EXPIRED", MOVES_EXPIRED}, {"PAUSED", MOVES_PAUSED},
        {"VERSION", MOVES_VERSION}, {"GONE", MOVES_GONE},
        {"BACK", MOVES_BACK},       {"", MOVES_GONE},
        {"OKAY", MOVES_GONE},       {"something", MOVES_GONE},
    };
    redisReply *r;
    int64_t seq;

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        r = array(2, string(REDIS_REPLY_STRING, words[i].word, strlen(words[i].word)), number(9));
        seq = 4;
        assert_int_equal(moves_verdict(r, &seq), words[i].verdict);
        assert_int_equal(seq, 9);
        seq = 12;
        moves_verdict(r, &seq);
        assert_int_equal(seq, 12); /* never goes back */
        freeReplyObject(r);
    }
    r = array(0);
    assert_int_equal(moves_verdict(r, &seq), MOVES_GONE);
    freeReplyObject(r);
    r = array(2, number(1), number(2)); /* not a word at all */
    assert_int_equal(moves_verdict(r, &seq), MOVES_GONE);
    freeReplyObject(r);
}

static void test_differing(void **state)
{
    redisReply *r = array(8, string(REDIS_REPLY_STRING, "OK", 2), number(5), number(7),
                          string(REDIS_REPLY_STRING, "0123456789abcdef", 16), number(9),
                          string(REDIS_REPLY_STRING, "short", 5), number(11), number(3));

    (void)state;
    assert_memory_equal(moves_differing(r, 7), "0123456789abcdef", 16);
    assert_null(moves_differing(r, 8));
    assert_null(moves_differing(r, 9)); /* no record */
    assert_null(moves_differing(r, 11));
    assert_null(moves_differing(r, 5)); /* the seq is no number of a notice */
    freeReplyObject(r);
}

#define COUNT(a) (sizeof(a) / sizeof *(a))

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_most),
        cmocka_unit_test(test_verdict),
        cmocka_unit_test(test_differing),
    };
    struct CMUnitTest tests[COUNT(facts)];
    int failed;

    for (size_t i = 0; i < COUNT(facts); i++)
        tests[i] = (struct CMUnitTest){facts[i].name, test_picture, NULL, NULL, (void *)&facts[i]};
    failed = cmocka_run_group_tests_name("runs", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("moves", others, NULL, NULL);
}
