/* Settings read by a table: what ends up in the struct, and what a person is told. */
#include "error.h"
#include "field.h"
#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct rule {
    int64_t status;
    const char *body;
};

struct address {
    const char *city;
    int64_t floor;
};

struct office {
    const char *name, *key;
    int64_t port, idle_ms;
    double cost;
    bool open;
    int level;
    struct field_strings hosts;
    struct address address;
    struct field_groups rules;
    const struct tree *extra;
    char initial_letter;
};

static int read_letter(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    (void)arena;
    if (value->kind != TREE_STRING || strlen(value->string) != 1)
        return tree_error(err, value, "expected one letter");
    *(char *)at = value->string[0];
    return 0;
}

static const char *const levels[] = {"low", "high", NULL};
static const struct field rule_fields[] = {
    {"status", FIELD_INT, FIELD_AT(struct rule, status), .min = 100, .max = 599, .required = true,
     .help = "HTTP status"},
    {"body", FIELD_STRING, FIELD_AT(struct rule, body)},
    {0},
};
static const struct field address_fields[] = {
    {"city", FIELD_STRING, FIELD_AT(struct address, city), .initial = "南京"},
    {"floor", FIELD_INT, FIELD_AT(struct address, floor), .initial = "1"},
    {0},
};
static const struct field office_fields[] = {
    {"name", FIELD_STRING, FIELD_AT(struct office, name), .min = 1, .max = 8, .required = true},
    {"key", FIELD_SECRET, FIELD_AT(struct office, key)},
    {"port", FIELD_INT, FIELD_AT(struct office, port), .min = 1, .max = 65535, .initial = "8090"},
    {"idle", FIELD_DURATION, FIELD_AT(struct office, idle_ms), .min = 1000, .max = 3600000,
     .initial = "30s"},
    {"cost", FIELD_FLOAT, FIELD_AT(struct office, cost), .max = 1000, .initial = "0.5"},
    {"open", FIELD_BOOL, FIELD_AT(struct office, open), .initial = "true"},
    {"level", FIELD_ENUM, FIELD_AT(struct office, level), .names = levels, .initial = "high"},
    {"hosts", FIELD_STRINGS, FIELD_AT(struct office, hosts), .max = 3},
    {"address", FIELD_GROUP, FIELD_AT(struct office, address), .fields = address_fields},
    {"rules", FIELD_GROUPS, FIELD_AT(struct office, rules), .fields = rule_fields,
     .size = sizeof(struct rule)},
    {"extra", FIELD_ANY, FIELD_AT(struct office, extra)},
    {"letter", FIELD_CUSTOM, FIELD_AT(struct office, initial_letter), .initial = "z",
     .read = read_letter},
    {0},
};

static const struct error_fact {
    const char *name, *text, *error;
} error_facts[] = {
    {"what is required", "port = 1;", "c:1: name is missing: expected a string in 1..8 bytes"},
    {"an unknown name, near a known", "name = \"a\";\nprot = 1;",
     "c:2: prot: there is no such setting; did you mean \"port\"?"},
    {"an unknown name, near none", "name = \"a\";\n\nzzzzzzz = 1;",
     "c:3: zzzzzzz: there is no such setting"},
    {"a case", "Name = \"a\";", "c:1: Name: there is no such setting; did you mean \"name\"?"},
    {"a string too long", "name = \"123456789\";",
     "c:1: name: expected a string in 1..8 bytes, found 9 bytes"},
    {"a string for an integer", "name = \"a\"; port = \"80\";",
     "c:1: port: expected an integer in 1..65535, found a string"},
    {"an integer too large", "name = \"a\"; port = 65536;",
     "c:1: port: expected an integer in 1..65535, found 65536"},
    {"a number too large", "name = \"a\"; cost = 1000.5;",
     "c:1: cost: expected a number in 0..1000, found 1000.5"},
    {"a number below all", "name = \"a\"; cost = -0.5;",
     "c:1: cost: expected a number in 0..1000, found -0.5"},
    {"an integer that libconfig would wrap to 1", "name = \"a\"; port = 4294967297;",
     "c:1: port: expected an integer in 1..65535, found 4294967297"},
    {"a float for an integer", "name = \"a\"; port = 1.5;",
     "c:1: port: expected an integer in 1..65535, found a number"},
    {"an integer for a bool", "name = \"a\"; open = 1;",
     "c:1: open: expected true or false, found an integer"},
    {"a word outside the list", "name = \"a\"; level = \"hihg\";",
     "c:1: level: expected one of \"low\", \"high\", found \"hihg\""},
    {"a unit that is none", "name = \"a\"; idle = \"5 parsecs\";",
     "c:1: idle: expected a duration like \"500ms\", \"30s\", \"5min\", \"2h\", \"3d\", or "
     "seconds, in "
     "1s..1h, found \"5 parsecs\""},
    {"a duration too long", "name = \"a\"; idle = \"61min\";",
     "c:1: idle: expected a duration like \"500ms\", \"30s\", \"5min\", \"2h\", \"3d\", or "
     "seconds, in 1s..1h, found \"61min\""},
    {"a list with another kind in it", "name = \"a\"; hosts = ( \"x\",\n 5 );",
     "c:2: hosts[1]: expected a string, found an integer"},
    {"a list too long", "name = \"a\"; hosts = ( \"x\", \"x\", \"x\", \"x\" );",
     "c:1: hosts: expected 0..3 strings, found 4"},
    {"inside a group", "name = \"a\";\naddress = {\n floor = \"x\"; };",
     "c:3: address.floor: expected an integer, found a string"},
    {"a list of groups without one", "name = \"a\"; rules = ( 5 );",
     "c:1: rules[0]: expected a group { ... }, found an integer"},
    {"required in a list of groups",
     "name = \"a\"; rules = ( { status = 200; },\n { body = \"\"; } );",
     "c:2: rules[1]: status is missing: expected an integer in 100..599 (HTTP status)"},
    {"of one's own", "name = \"a\"; letter = \"ab\";", "c:1: letter: expected one letter"},
    {"a secret in the open is not repeated", "name = \"a\"; key = \"hunter2\";",
     "c:1: key: a secret does not stand here itself: expected \"@file:/path\" or \"@env:NAME\""},
    {"a secret that is not there", "name = \"a\"; key = \"@env:FIELD_TEST_NONE\";",
     "c:1: key: the environment has no FIELD_TEST_NONE"},
    {"a secret's file that is not there", "name = \"a\"; key = \"@file:/nonexistent/x\";",
     "c:1: key: /nonexistent/x: No such file or directory"},
};

static void test_error(void **state)
{
    const struct error_fact *f = *state;
    struct tree *t = tree_parse_config(f->text, strlen(f->text), "c", NULL);
    struct office office = {0};
    struct arena arena = {0};
    struct error err = {""};

    assert_non_null(t);
    assert_int_equal(fields_read(office_fields, t, &office, &arena, &err), -1);
    assert_string_equal(err.text, f->error);
    arena_free(&arena);
    tree_free(t);
}

static struct tree *must_parse(const char *text)
{
    struct tree *t = tree_parse_config(text, strlen(text), "c", NULL);

    assert_non_null(t);
    return t;
}

static void test_values(void **state)
{
    struct tree *t = must_parse(
        "name = \"a\"; key = \"@env:FIELD_TEST_KEY\"; port = 1; idle = \"2min\"; cost = 3; open = "
        "false;"
        "level = \"low\"; hosts = [ \"x\", \"y\" ]; address = { floor = 5; };"
        "rules = ( { status = 200; }, { status = 404; body = \"no\"; } ); extra = { q = 1; };"
        "letter = \"k\";");
    struct office o = {0};
    struct arena arena = {0};
    struct error err = {""};
    const struct rule *rules;

    (void)state;
    setenv("FIELD_TEST_KEY", "s3cret", 1);
    if (fields_read(office_fields, t, &o, &arena, &err) != 0)
        fail_msg("%s", err.text);
    rules = o.rules.items;
    assert_string_equal(o.name, "a");
    assert_string_equal(o.key, "s3cret");
    assert_int_equal(o.port, 1);
    assert_int_equal(o.idle_ms, 120000);
    assert_true(o.cost == 3.0);
    assert_false(o.open);
    assert_int_equal(o.level, 0);
    assert_int_equal(o.hosts.count, 2);
    assert_string_equal(o.hosts.items[1], "y");
    assert_string_equal(o.address.city, "南京");
    assert_int_equal(o.address.floor, 5);
    assert_int_equal(o.rules.count, 2);
    assert_int_equal(rules[1].status, 404);
    assert_string_equal(rules[1].body, "no");
    assert_null(rules[0].body);
    assert_int_equal(tree_get(o.extra, "q")->integer, 1);
    assert_int_equal(o.initial_letter, 'k');
    arena_free(&arena);
    tree_free(t);
}

static void test_defaults(void **state)
{
    struct tree *t = must_parse("name = \"a\"; hosts = \"one\"; idle = 5;");
    struct office o = {0};
    struct arena arena = {0};

    (void)state;
    assert_int_equal(fields_read(office_fields, t, &o, &arena, NULL), 0);
    assert_null(o.key);
    assert_int_equal(o.port, 8090);
    assert_int_equal(o.idle_ms, 5000);
    assert_true(o.cost == 0.5);
    assert_true(o.open);
    assert_int_equal(o.level, 1);
    assert_int_equal(o.hosts.count, 1);
    assert_string_equal(o.hosts.items[0], "one");
    assert_string_equal(o.address.city, "南京");
    assert_int_equal(o.address.floor, 1);
    assert_int_equal(o.rules.count, 0);
    assert_null(o.extra);
    assert_int_equal(o.initial_letter, 'z');
    arena_free(&arena);
    tree_free(t);
}

static void test_secret_file(void **state)
{
    char path[] = "/tmp/field_test.XXXXXX", spec[64], expected[128];
    int fd = mkstemp(path);
    struct arena arena = {0};
    struct error err = {""};

    (void)state;
    assert_int_equal(write(fd, "p@ss word\r\n\n", 12), 12);
    snprintf(spec, sizeof spec, "@file:%s", path);
    assert_int_equal(fchmod(fd, 0640), 0);
    assert_string_equal(field_secret(spec, &arena, &err), "p@ss word");
    assert_int_equal(fchmod(fd, 0604), 0);
    assert_null(field_secret(spec, &arena, &err));
    snprintf(expected, sizeof expected, "%s: everybody may read this secret: chmod o-rwx", path);
    assert_string_equal(err.text, expected);
    assert_int_equal(fchmod(fd, 0600), 0);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_null(field_secret(spec, &arena, &err));
    assert_null(field_secret("@file:/tmp", &arena, &err));
    unlink(path);
    close(fd);
    arena_free(&arena);
}

static void test_durations_and_rates(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: none */
    } durations[] = {
        {"500ms", 500},
        {"30s", 30000},
        {"5min", 300000},
        {"2h", 7200000},
        {"3d", 259200000},
        {"1day", 86400000},
        {"5 min", 300000},
        {"0s", 0},
        {"", -1},
        {"5", -1},
        {"s", -1},
        {"-5s", -1},
        {"5sec", -1},
        {"9223372036854775807d", -1},
        {"99999999999999999999s", -1},
    };
    static const struct {
        const char *text;
        int64_t count, period_ms; /* count -1: none */
    } rates[] = {
        {"200/s", 200, 1000}, {"20/min", 20, 60000},  {"1000/h", 1000, 3600000},
        {"1/30s", 1, 30000},  {"5/day", 5, 86400000}, {"0/s", -1, 0},
        {"5", -1, 0},         {"5/", -1, 0},          {"5/0s", -1, 0},
        {"/s", -1, 0},        {"5/s ", -1, 0},        {"-5/s", -1, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        int64_t ms = 0;
        int rc = field_duration(durations[i].text, &ms);

        assert_int_equal(rc, durations[i].ms < 0 ? -1 : 0);
        if (rc == 0)
            assert_int_equal(ms, durations[i].ms);
    }
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        int64_t count = 0, period_ms = 0;
        int rc = field_rate(rates[i].text, &count, &period_ms);

        assert_int_equal(rc, rates[i].count < 0 ? -1 : 0);
        if (rc == 0) {
            assert_int_equal(count, rates[i].count);
            assert_int_equal(period_ms, rates[i].period_ms);
        }
    }
}

/* Tables that come from plugins are looked at before they are used. */
static void test_tables(void **state)
{
    static const struct field twice[] = {
        {"a", FIELD_INT, .max = 1}, {"a", FIELD_BOOL, .max = 1}, {0}};
    static const struct field outside[] = {{"a", FIELD_INT, .min = 1, .max = 10, .initial = "11"},
                                           {0}};
    static const struct field deep[] = {{"g", FIELD_GROUP, .fields = outside}, {0}};
    static const struct field secret[] = {{"s", FIELD_SECRET, .initial = "x"}, {0}};
    static const struct {
        const struct field *table;
        const char *error;
    } rows[] = {
        {twice, "a: is there twice"},
        {outside, "a: the default \"11\": expected an integer in 1..10, found 11"},
        {deep, "g: a: the default \"11\": expected an integer in 1..10, found 11"},
        {secret, "s: cannot have a default"},
    };
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(fields_check(rows[i].table, &err), -1);
        assert_string_equal(err.text, rows[i].error);
    }
    assert_int_equal(fields_check(office_fields, &err), 0);
}

#define ROWS(table) (sizeof table / sizeof table[0])

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_values),      cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_secret_file), cmocka_unit_test(test_durations_and_rates),
        cmocka_unit_test(test_tables),
    };
    struct CMUnitTest tests[ROWS(error_facts) + ROWS(others)];
    size_t n = 0;

    for (; n < ROWS(error_facts); n++)
        tests[n] = (struct CMUnitTest){error_facts[n].name, test_error, NULL, NULL,
                                       (void *)&error_facts[n]};
    memcpy(tests + n, others, sizeof others);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
