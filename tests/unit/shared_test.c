/* Values that all daemons share: two sets of gateways on one real Redis are two daemons. */
#include "gateway.h"
#include "instance.h"
#include "redis_fixture.h"
#include "shared.h"
#include "tree.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PLUGINS BUILD_DIR "/plugins"
#define TOKEN "accesstoken-7f3a9c-IN-CLEAR"
#define RENEWED "accesstoken-b81e02-RENEWED"

static struct redis_fixture fixture;

struct daemon {
    struct tree *tree;
    struct db *db;
    struct gateway_set *set;
    struct gateway *gw;
};

/* What a caller of shared() is told. */
struct told {
    unsigned times;
    bool make;
    char value[64];
};

static void on_shared(void *arg, const char *value, size_t length)
{
    struct told *t = arg;

    t->times++;
    t->make = value == NULL;
    snprintf(t->value, sizeof t->value, "%.*s", value == NULL ? 0 : (int)length,
             value == NULL ? "" : value);
}

static void on_changed(void *arg, struct gateway *gw)
{
    (void)arg, (void)gw;
}

static void start(struct daemon *d, const char *secret)
{
    static const char config[] =
        "gateways = ( { name = \"cloud\"; plugin = \"http\"; channel = \"sms\"; "
        "url = \"http://127.0.0.1:1/\"; secret = \"@env:SHARED_SECRET\"; } );";
    static const struct gateway_events events = {.changed = on_changed};
    struct error err = {""};

    setenv("SHARED_SECRET", secret, 1);
    d->tree = tree_parse_config(config, strlen(config), "test", &err);
    if (d->tree == NULL)
        fail_msg("%s", err.text);
    d->db = fixture_db(&fixture, 1);
    assert_non_null(d->db);
    d->set =
        gateway_set_open(tree_get(d->tree, "gateways"), PLUGINS, fixture.base, &events, NULL, &err);
    if (d->set == NULL)
        fail_msg("%s", err.text);
    gateway_set_share(d->set, d->db);
    d->gw = gateway_set_at(d->set, 0);
}

static void stop(struct daemon *d)
{
    gateway_set_close(d->set);
    db_close(d->db);
    tree_free(d->tree);
}

static void ask(struct daemon *d, const char *stale, struct told *told)
{
    *told = (struct told){0};
    gateway_host.shared(d->gw, "access-token", stale, on_shared, told);
}

static void put(struct daemon *d, const char *value)
{
    gateway_host.shared_put(d->gw, "access-token", value, value == NULL ? 0 : strlen(value),
                            value == NULL ? 0 : 7200000);
}

static void until_told(unsigned least, const struct told *a, const struct told *b)
{
    int64_t limit_ms = clock_mono_ms() + 30000;

    while (a->times + b->times < least && clock_mono_ms() < limit_ms)
        fixture_run(&fixture, 5);
    assert_int_equal(a->times + b->times, least);
}

static int fresh(void **state)
{
    (void)state;
    fixture_ask(&fixture, "FLUSHALL");
    return 0;
}

static void test_one_makes_it(void **state)
{
    struct told first, second, third, again;
    struct daemon a, b;

    (void)state;
    start(&a, "gateway's own secret");
    start(&b, "gateway's own secret");
    ask(&a, NULL, &first);
    ask(&b, NULL, &second);
    assert_int_equal(first.times + second.times, 0); /* in a later turn, not now */
    until_told(1, &first, &second);
    fixture_run(&fixture, 600); /* the other one looks more than once, and waits */
    assert_int_equal(first.times + second.times, 1);
    assert_true(first.times ? first.make : second.make);
    ask(&a, NULL, &third); /* nor does a second caller of the same daemon */
    fixture_run(&fixture, 300);
    assert_int_equal(third.times, 0);
    put(first.times ? &a : &b, TOKEN);
    until_told(2, &third, first.times ? &second : &first);
    assert_string_equal(first.times == 1 && first.make ? second.value : first.value, TOKEN);
    assert_string_equal(third.value, TOKEN);
    ask(&b, NULL, &again);
    until_told(1, &again, &(struct told){0});
    assert_string_equal(again.value, TOKEN);
    stop(&a);
    stop(&b);
}

static void test_stale_is_renewed_once(void **state)
{
    struct told t, u;
    struct daemon a, b;

    (void)state;
    start(&a, "s");
    start(&b, "s");
    ask(&a, NULL, &t);
    until_told(1, &t, &(struct told){0});
    put(&a, TOKEN);
    ask(&a, TOKEN, &t); /* both have been refused */
    ask(&b, TOKEN, &u);
    until_told(1, &t, &u);
    fixture_run(&fixture, 300);
    assert_int_equal(t.times + u.times, 1);
    assert_true(t.times ? t.make : u.make);
    put(t.times ? &a : &b, RENEWED);
    until_told(2, &t, &u);
    assert_string_equal(t.make ? u.value : t.value, RENEWED);
    ask(&b, TOKEN, &u); /* who hears of it later does not renew it again */
    until_told(1, &u, &(struct told){0});
    assert_string_equal(u.value, RENEWED);
    stop(&a);
    stop(&b);
}

static void test_lost_maker(void **state)
{
    struct error err = {""};
    struct told t, u;
    struct daemon a, b;

    (void)state;
    start(&a, "s");
    start(&b, "s");
    ask(&a, NULL, &t);
    until_told(1, &t, &(struct told){0});
    assert_true(t.make);
    assert_in_range(
        strtol(fixture_ask(&fixture, "PTTL %s", "outreach:{gw:cloud}:sealed:access-token:maker"),
               NULL, 10),
        1, SHARED_MAKE_MS);
    ask(&b, NULL, &u);
    fixture_ask(&fixture, "PEXPIRE %s 1", "outreach:{gw:cloud}:sealed:access-token:maker");
    until_told(1, &u, &(struct told){0});
    assert_true(u.make);
    put(&b, RENEWED);
    assert_int_equal(db_drain(b.db, 0, &err), 0);
    put(&a, TOKEN); /* comes to life again: too late */
    assert_int_equal(db_drain(a.db, 0, &err), 0);
    ask(&b, NULL, &u);
    until_told(1, &u, &(struct told){0});
    assert_string_equal(u.value, RENEWED);
    stop(&a);
    stop(&b);
}

static void test_who_cannot_make_it_lets_the_next_one(void **state)
{
    struct told t, u;
    struct daemon a, b;

    (void)state;
    start(&a, "s");
    start(&b, "s");
    ask(&a, NULL, &t);
    until_told(1, &t, &(struct told){0});
    ask(&b, NULL, &u);
    put(&a, NULL);
    until_told(1, &u, &(struct told){0});
    assert_true(u.make);
    gateway_set_shut(b.set); /* closed in the middle of it */
    ask(&a, NULL, &t);
    until_told(1, &t, &(struct told){0});
    assert_true(t.make);
    stop(&a);
    stop(&b);
}

static void test_another_secret_opens_nothing(void **state)
{
    struct daemon a, b;
    struct told t;

    (void)state;
    start(&a, "one secret");
    start(&b, "another secret");
    ask(&a, NULL, &t);
    until_told(1, &t, &(struct told){0});
    put(&a, TOKEN);
    ask(&b, NULL, &t);
    until_told(1, &t, &(struct told){0});
    assert_true(t.make);
    stop(&a);
    stop(&b);
}

/* Does the file hold the words? */
static bool is_in(const char *file, const char *words)
{
    char command[400];

    snprintf(command, sizeof command, "grep -rqaF '%s' %s/%s", words, fixture.dir, file);
    return system(command) == 0;
}

static void test_sealed(void **state)
{
    struct daemon a;
    struct told t;

    (void)state;
    start(&a, "s");
    ask(&a, NULL, &t);
    until_told(1, &t, &(struct told){0});
    put(&a, TOKEN);
    ask(&a, NULL, &t);
    until_told(1, &t, &(struct told){0});
    assert_string_equal(t.value, TOKEN);
    assert_true(is_in("appendonlydir", "sealed:access-token")); /* it is there ... */
    assert_false(is_in("appendonlydir", "accesstoken"));        /* ... and not in clear */
    assert_null(strstr(
        fixture_ask(&fixture, "HGETALL %s", "outreach:{gw:cloud}:sealed:access-token"), "accesst"));
    assert_in_range(
        strtol(fixture_ask(&fixture, "PTTL %s", "outreach:{gw:cloud}:sealed:access-token"), NULL,
               10),
        7000000, 7200000);
    stop(&a);
}

/* A command that is repeated since its answer was lost does no more than once. */
static void test_script_repeated(void **state)
{
    struct db *db = fixture.db = fixture_db(&fixture, 1);

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_string_equal(fixture_script(&fixture, SCRIPT_SEALED, 2, "{k}v {k}m get me '' 20000"),
                            "[make]");
    assert_string_equal(fixture_script(&fixture, SCRIPT_SEALED, 2, "{k}v {k}m get you '' 20000"),
                        "[wait]");
    for (int i = 0; i < 2; i++) {
        fixture_script(&fixture, SCRIPT_SEALED, 2, "{k}v {k}m put me mark 5000 box");
        assert_string_equal(fixture_script(&fixture, SCRIPT_SEALED, 2, "{k}v {k}m get me '' 20000"),
                            "[value box mark]");
    }
    fixture_script(&fixture, SCRIPT_SEALED, 2, "{k}v {k}m put late other 5000 older");
    assert_string_equal(fixture_script(&fixture, SCRIPT_SEALED, 2, "{k}v {k}m get me '' 20000"),
                        "[value box mark]");
    fixture_script(&fixture, SCRIPT_SEALED, 2, "{k}v {k}m forget me other");
    assert_string_equal(fixture_script(&fixture, SCRIPT_SEALED, 2, "{k}v {k}m get me '' 20000"),
                        "[value box mark]");
    fixture_script(&fixture, SCRIPT_SEALED, 2, "{k}v {k}m forget me mark");
    assert_string_equal(fixture_script(&fixture, SCRIPT_SEALED, 2, "{k}v {k}m get me '' 20000"),
                        "[make]");
    db_close(db);
    fixture.db = NULL;
}

static int begin(void **state)
{
    (void)state;
    if (sodium_init() < 0)
        return -1;
    return fixture_start(&fixture, NULL);
}

static int end(void **state)
{
    (void)state;
    fixture_end(&fixture);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_one_makes_it, fresh),
        cmocka_unit_test_setup(test_stale_is_renewed_once, fresh),
        cmocka_unit_test_setup(test_lost_maker, fresh),
        cmocka_unit_test_setup(test_who_cannot_make_it_lets_the_next_one, fresh),
        cmocka_unit_test_setup(test_another_secret_opens_nothing, fresh),
        cmocka_unit_test_setup(test_sealed, fresh),
        cmocka_unit_test_setup(test_script_repeated, fresh),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
