/*
 * Documents from libconfig and JSON: what is read, and what a person is told.
 * The odd values are those that libconfig 1.5 itself gets wrong.
 */
#include "buf.h"
#include "error.h"
#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include <cmocka.h>

/* A libconfig text as canonical JSON, or the error. */
static const struct config_fact {
    const char *name, *text, *json, *error;
} config_facts[] = {
    {"groups, lists and arrays",
     "a = { b = 1; }; c = ( 1, \"x\", { y = 2.5; } ); d = [ true, false ];",
     "{\"a\":{\"b\":1},\"c\":[1,\"x\",{\"y\":2.5}],\"d\":[true,false]}", NULL},
    {"integers are 64 bits wide",
     "a = 3000000000; b = -3000000000; c = 5L; d = 0x7fffffffffffffffL;",
     "{\"a\":3000000000,\"b\":-3000000000,\"c\":5,\"d\":9223372036854775807}", NULL},
    {"hex without L is not negative", "a = 0xFFFFFFFF;", "{\"a\":4294967295}", NULL},
    {"an array of mixed suffixes", "a = [ 1, 2L, 3 ];", "{\"a\":[1,2,3]}", NULL},
    {"the largest integer", "a = 9223372036854775807;", "{\"a\":9223372036854775807}", NULL},
    {"one more", "x = 1;\na = 9223372036854775808;", NULL,
     "t.conf:2: this integer does not fit in 64 bits"},
    {"hex beyond", "a = 0xFFFFFFFFFFFFFFFFL;", NULL,
     "t.conf:1: this integer does not fit in 64 bits"},
    {"a leading zero", "\n\na = 010;", NULL,
     "t.conf:3: an integer does not begin with 0 here: what is meant, octal or decimal? A text of "
     "digits goes in quotes"},
    {"numbers in strings, names and comments are nobody's",
     "a1 = \"010\"; # 010\n// 9223372036854775808\n/* 010 */ a-010 = 0;",
     "{\"a-010\":0,\"a1\":\"010\"}", NULL},
    {"floats", "a = 1.0; b = 1e3; c = .5; d = -0.045; e = 1.5e-7;",
     "{\"a\":1.0,\"b\":1000.0,\"c\":0.5,\"d\":-0.045,\"e\":1.5e-07}", NULL},
    {"a float beyond", "a = 1e400;", NULL, "t.conf:1: a: this number is too large"},
    {"strings next to each other are one", "a = \"x\"\n \"y\";", "{\"a\":\"xy\"}", NULL},
    {"escapes", "a = \"q\\\"\\\\ \\t\\x41\";", "{\"a\":\"q\\\"\\\\ \\u0009A\"}", NULL},
    {"a zero byte in a string", "a = \"x\\x00y\";", NULL,
     "t.conf:1: a string cannot hold a zero byte"},
    {"not UTF-8", "a = {\n b = \"\xb9\xc4\xc2\xa5\"; };", NULL,
     "t.conf:2: a.b: this text is not UTF-8: save the file as UTF-8"},
    {"a byte order mark",
     "\xef\xbb\xbf"
     "a = 1;",
     "{\"a\":1}", NULL},
    {"given twice", "a = 1;\na = 2;", NULL, "t.conf:2: duplicate setting name: a = 2;"},
    {"a string that does not end", "a = 1;\nb = \"x;\nc = 2;\n", NULL,
     "t.conf:2: this string is not closed"},
    {"a comment that does not end", "a = 1; /* b\n", NULL, "t.conf:1: this comment is not closed"},
    {"a missing value", "a = 1;\nb = ;\n", NULL, "t.conf:2: syntax error: b = ; (b has no value)"},
    {"no password is repeated", "a = 1;\n  password \"geheim\";\n", NULL,
     "t.conf:2: syntax error: password ... (behind a name stands = and its value: password = "
     "...)"},
    {"a long line is cut", "a = = 密密密密密密密密密密密密密密密密密密密密密密密密密密密密密密;\n",
     NULL,
     "t.conf:1: syntax error: a = = 密密密密密密密密密密密密密密密密密密密密密密密密 ... (a name "
     "has only a-z, 0-9, - and _ in it; a Chinese one stands in a pair: ( \"...\", \"...\" ))"},
    {"an include that is not there", "a = 1;\n@include \"no/such.conf\"\n", NULL,
     "no/such.conf: No such file or directory (included at t.conf:2)"},
    {"brackets without end", "a = ((((((((((((((((((((((((((((((((( 1", NULL,
     "t.conf:1: nested too deep (at most 32 levels)"},
};

static void test_config(void **state)
{
    const struct config_fact *f = *state;
    struct buf out = BUF_INIT(65536);
    struct error err = {""};
    struct tree *t = tree_parse_config(f->text, strlen(f->text), "t.conf", &err);

    if (f->error != NULL) {
        assert_null(t);
        assert_string_equal(err.text, f->error);
        return;
    }
    if (t == NULL)
        fail_msg("%s", err.text);
    tree_write_json(t, &out);
    assert_string_equal(buf_string(&out), f->json);
    buf_free(&out);
    tree_free(t);
}

static const struct config_fact json_facts[] = {
    {"members sort", "{\"b\":1,\"a\":{\"d\":[],\"c\":null}}",
     "{\"a\":{\"c\":null,\"d\":[]},\"b\":1}", NULL},
    {"space does not count", " { \"a\" : [ 1 , 2.0 ] } ", "{\"a\":[1,2.0]}", NULL},
    {"escapes become themselves", "{\"a\":\"\\u4f01\\/\"}", "{\"a\":\"企/\"}", NULL},
    {"given twice", "{\"a\":1,\n\"a\":2}", NULL,
     "body: line 2, column 3: duplicate object key near '\"a\"'"},
    {"a comma too many", "{\"a\":1,}", NULL,
     "body: line 1, column 8: string or '}' expected near '}'"},
    {"a zero byte", "{\"a\":\"\\u0000\"}", NULL,
     "body: line 1, column 13: \\u0000 is not allowed without JSON_ALLOW_NUL near '\"\\u0000\"'"},
    {"something behind", "{} x", NULL, "body: line 1, column 4: end of file expected near 'x'"},
    {"nested too deep", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", NULL,
     "[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]"
     "[0]:"
     " nested too deep (at most 32 levels)"},
};

static void test_json(void **state)
{
    const struct config_fact *f = *state;
    struct buf out = BUF_INIT(65536);
    struct error err = {""};
    struct tree *t = tree_parse_json(f->text, strlen(f->text), "body", &err);

    if (f->error != NULL) {
        assert_null(t);
        assert_string_equal(err.text, f->error);
        return;
    }
    if (t == NULL)
        fail_msg("%s", err.text);
    tree_write_json(t, &out);
    assert_string_equal(buf_string(&out), f->json);
    buf_free(&out);
    tree_free(t);
}

static struct tree *must_parse(const char *text)
{
    struct error err;
    struct tree *t = tree_parse_config(text, strlen(text), "t.conf", &err);

    if (t == NULL)
        fail_msg("%s", err.text);
    return t;
}

static void test_lookup(void **state)
{
    struct tree *t = must_parse(
        "event = { starts = \"x\"; };\naccepted = ( { status = 202; },\n { status = 203; } );");

    (void)state;
    assert_string_equal(tree_get(t, "event.starts")->string, "x");
    assert_int_equal(tree_get(t, "accepted.1.status")->integer, 203);
    assert_ptr_equal(tree_get(t, ""), t);
    assert_null(tree_get(t, "event.start"));
    assert_null(tree_get(t, "event.startsx"));
    assert_null(tree_get(t, "accepted.2.status"));
    assert_null(tree_get(t, "accepted.x"));
    assert_null(tree_get(t, "accepted.-1"));
    assert_null(tree_get(t, "event.starts.x"));
    assert_string_equal(tree_string(t, "event.starts", "-"), "x");
    assert_string_equal(tree_string(t, "accepted", "-"), "-");
    assert_int_equal(tree_get(t, "accepted")->count, 2);
    tree_free(t);
}

static void test_errors_say_where(void **state)
{
    struct error err;
    struct tree *t = must_parse("a = 1;\nreminders = (\n { at = 1; },\n { at = 2; } );");
    struct tree *j = tree_parse_json("{\"reminders\":[{},{\"at\":5}]}", 27, NULL, &err);

    (void)state;
    assert_int_equal(tree_error(&err, tree_get(t, "reminders.1.at"), "is %s", "wrong"), -1);
    assert_string_equal(err.text, "t.conf:4: reminders[1].at: is wrong");
    tree_error(&err, t, "is empty");
    assert_string_equal(err.text, "t.conf:1: is empty");
    tree_error(&err, tree_get(j, "reminders.1.at"), "is wrong");
    assert_string_equal(err.text, "reminders[1].at: is wrong");
    tree_free(t);
    tree_free(j);
}

static int collect(void *arg, const char *name, const struct tree *value, struct error *err)
{
    (void)err;
    buf_printf(arg, "%s=%s;", name, value->string);
    return 0;
}

static void test_pairs(void **state)
{
    static const struct {
        const char *text, *pairs, *error;
    } rows[] = {
        {"v = { a = \"1\"; b = \"2\"; };", "a=1;b=2;", NULL},
        {"v = ( ( \"企业数\", \"86\" ), ( \"b\", \"2\" ) );", "企业数=86;b=2;", NULL},
        {"v = ( );", "", NULL},
        {"v = ( ( \"a\", \"1\" ),\n ( \"a\", \"2\" ) );", NULL,
         "t.conf:2: v[1]: \"a\" is given twice"},
        {"v = ( ( \"a\" ) );", NULL, "t.conf:1: v[0]: expected a pair: ( \"name\", value )"},
        {"v = 5;", NULL,
         "t.conf:1: v: expected names with values: { name = value; } or ( ( \"name\", value ) ), "
         "found an "
         "integer"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tree *t = must_parse(rows[i].text);
        struct buf out = BUF_INIT(1000);
        struct error err = {""};
        int rc = tree_pairs(tree_get(t, "v"), collect, &out, &err);

        if (rows[i].error != NULL) {
            assert_int_equal(rc, -1);
            assert_string_equal(err.text, rows[i].error);
        } else {
            assert_int_equal(rc, 0);
            assert_string_equal(buf_string(&out), rows[i].pairs);
        }
        buf_free(&out);
        tree_free(t);
    }
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* An include is found beside the file that names it, wherever we stand. */
static void test_includes(void **state)
{
    char dir[] = "/tmp/tree_test.XXXXXX", path[128], expected[256];
    struct error err = {""};
    struct tree *t;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/sub", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/sub/deep.conf", dir);
    write_file(path, "z = 1;\ny = {\n q = 3; };");
    snprintf(path, sizeof path, "%s/sub/inc.conf", dir);
    write_file(path, "@include \"deep.conf\"\nc = 1;\n");
    snprintf(path, sizeof path, "%s/main.conf", dir);
    write_file(path, "a = 1;\n@include \"sub/inc.conf\"\nb = 2;\n");
    t = tree_read_config(path, &err);
    if (t == NULL)
        fail_msg("%s", err.text);
    tree_error(&err, tree_get(t, "y.q"), "x");
    snprintf(expected, sizeof expected, "%s/sub/deep.conf:3: y.q: x", dir);
    assert_string_equal(err.text, expected);
    tree_error(&err, tree_get(t, "c"), "x");
    snprintf(expected, sizeof expected, "%s/sub/inc.conf:2: c: x", dir);
    assert_string_equal(err.text, expected);
    tree_error(&err, tree_get(t, "b"), "x");
    snprintf(expected, sizeof expected, "%s/main.conf:3: b: x", dir);
    assert_string_equal(err.text, expected);
    tree_free(t);

    write_file(path, "a = 1;\n@include \"main.conf\"\n");
    assert_null(tree_read_config(path, &err));
    assert_non_null(
        strstr(err.text, "main.conf:2: includes go too deep: does a file include itself?"));
    snprintf(path, sizeof path, "rm -r %s", dir);
    assert_int_equal(system(path), 0);
}

/* A value of few bytes costs much memory, and a setting a look at all before it. */
static void test_counts(void **state)
{
    static const struct {
        const char *unit, *error;
        size_t most;
        bool json;
    } rows[] = {
        {"0,", "body: too large: at most 1000000 values", TREE_JSON_VALUES - 2, true},
        {"1,", "t.conf:1: too much in one file: a list of people goes into a spreadsheet beside it",
         TREE_CONFIG_MARKS - 2, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int over = 0; over < 2; over++) {
            struct buf text = BUF_INIT(1 << 22);
            struct error err = {""};
            struct tree *t;

            buf_puts(&text, rows[i].json ? "[" : "a=(");
            for (size_t k = 0; k < rows[i].most + (size_t)(2 * over); k++)
                buf_puts(&text, rows[i].unit);
            buf_puts(&text, rows[i].json ? "0]" : "1);");
            t = rows[i].json ? tree_parse_json(text.data, text.length, "body", &err)
                             : tree_parse_config(text.data, text.length, "t.conf", &err);
            assert_string_equal(err.text, over ? rows[i].error : "");
            assert_int_equal(t == NULL, over);
            tree_free(t);
            buf_free(&text);
        }
}

static void test_limits(void **state)
{
    size_t n = TREE_CONFIG_BYTES + 100;
    char *text = malloc(2 * n);
    struct error err;

    (void)state;
    memset(text, '#', 2 * n);
    assert_null(tree_parse_config(text, 2 * n, "t.conf", &err));
    assert_string_equal(err.text,
                        "t.conf:1: too large: a configuration has at most 1 MiB with its includes");
    free(text);
    assert_null(tree_parse_json("", TREE_JSON_BYTES + 1, "body", &err));
    assert_string_equal(err.text, "body: too large: at most 64 MiB");
    assert_null(tree_parse_config("a = 1;\n\0b", 9, "t.conf", &err));
    assert_string_equal(err.text, "t.conf:2: a zero byte: this is no text file");
}

#define ROWS(table) (sizeof table / sizeof table[0])

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_lookup), cmocka_unit_test(test_errors_say_where),
        cmocka_unit_test(test_pairs),  cmocka_unit_test(test_includes),
        cmocka_unit_test(test_limits), cmocka_unit_test(test_counts),
    };
    struct CMUnitTest tests[ROWS(config_facts) + ROWS(json_facts) + ROWS(others)];
    size_t n = 0;

    for (size_t i = 0; i < ROWS(config_facts); i++)
        tests[n++] = (struct CMUnitTest){config_facts[i].name, test_config, NULL, NULL,
                                         (void *)&config_facts[i]};
    for (size_t i = 0; i < ROWS(json_facts); i++)
        tests[n++] =
            (struct CMUnitTest){json_facts[i].name, test_json, NULL, NULL, (void *)&json_facts[i]};
    memcpy(tests + n, others, sizeof others);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
