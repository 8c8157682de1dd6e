/*
 * The host of plugins: what is refused at the door, and that a plugin that
 * breaks its word cannot answer twice, late or for another.
 */
#include "error.h"
#include "gateway.h"
#include "mem.h"
#include "gateway_settings.h"
#include "tree.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define PLUGINS BUILD_DIR "/tests/plugins"
#define ROWS(table) (sizeof table / sizeof table[0])

static struct tree *must_parse(const char *text)
{
    struct error err;
    struct tree *t = tree_parse_config(text, strlen(text), "o.conf", &err);

    if (t == NULL)
        fail_msg("%s", err.text);
    return t;
}

/* ------------------------------------------------------- refused at the door */

static const struct refusal {
    const char *name, *text, *error; /* error: its end */
} refusals[] = {
    {"no plugin of that name", "gateways = (\n{ name = \"a\"; plugin = \"nowhere\"; } );",
     "o.conf:2: gateways[0].plugin: " PLUGINS "/nowhere.so: there is no such plugin"},
    {"another ABI", "gateways = ( { name = \"a\"; plugin = \"old_abi\"; } );",
     "o.conf:1: gateways[0].plugin: " PLUGINS
     "/old_abi.so: is made for version 2 of gateway_plugin.h, "
     "this is version 1: build it anew"},
    {"not a plugin", "gateways = ( { name = \"a\"; plugin = \"no_symbol\"; } );",
     "/no_symbol.so: exports no gateway_plugin: is it a plugin of ours?"},
    {"without a name", "gateways = ( { name = \"a\"; plugin = \"no_name\"; } );",
     "/no_name.so: the plugin has no name"},
    {"another name", "gateways = ( { name = \"a\"; plugin = \"other_name\"; } );",
     "/other_name.so: calls itself \"somebody\""},
    {"a short struct", "gateways = ( { name = \"a\"; plugin = \"small\"; } );",
     "/small.so: its struct says size 8, at least 72 is needed"},
    {"without submit", "gateways = ( { name = \"a\"; plugin = \"no_submit\"; } );",
     "/no_submit.so: open, submit and close are needed, one is missing"},
    {"a missing symbol", "gateways = ( { name = \"a\"; plugin = \"unresolved\"; } );",
     "/unresolved.so: undefined symbol: nobody_has_this"},
    {"a table that contradicts itself", "gateways = ( { name = \"a\"; plugin = \"bad_table\"; } );",
     "plugin bad_table: its own table of settings: port: the default \"99\": expected an "
     "integer "
     "in 1..10, found 99"},
    {"a relative path", "gateways = ( { name = \"a\"; plugin = \"./evil\"; } );",
     "o.conf:1: gateways[0].plugin: expected a plugin's name, or an absolute path"},
    {"no plugin", "gateways = (\n { name = \"a\"; } );",
     "o.conf:2: gateways[0]: plugin is missing: expected a plugin's name, or the path of its .so"},
    {"not a list", "gateways = { };",
     "o.conf:1: gateways: expected a list of gateways ( { ... }, ... ), found an object"},
    {"two of a name",
     "gateways = ( { name = \"a\"; plugin = \"evil\"; way = \"good\"; },\n"
     "{ plugin = \"evil\"; way = \"good\";\n name = \"a\"; } );",
     "o.conf:3: gateways[1].name: two gateways are called \"a\""},
    {"a name that is none",
     "gateways = ( { name = \"A b\"; plugin = \"evil\"; way = \"good\"; } );",
     "o.conf:1: gateways[0].name: expected a name of 1..32 of a-z, 0-9 and -"},
    {"a setting that neither knows",
     "gateways = ( { name = \"a\"; plugin = \"evil\"; way = \"good\";\n capacty = 5; } );",
     "o.conf:2: gateways[0].capacty: there is no such setting; did you mean \"capacity\"?"},
    {"a common setting misspelt",
     "gateways = ( { name = \"a\"; plugin = \"evil\"; way = \"good\";\n prority = 5; } );",
     "o.conf:2: gateways[0].prority: there is no such setting; did you mean \"priority\"?"},
    {"what the plugin requires", "gateways = (\n { name = \"a\"; plugin = \"evil\"; } );",
     "o.conf:2: gateways[0]: way is missing: expected a string in 1..16 bytes (what to do)"},
    {"in a plugin's list of groups",
     "gateways = ( { name = \"a\"; plugin = \"evil\"; way = \"good\";\n accepted = (\n { status = "
     "5; } ); } );",
     "o.conf:3: gateways[0].accepted[0].status: expected an integer in 100..599, found 5"},
    {"a plugin's secret in the open",
     "gateways = ( { name = \"a\"; plugin = \"evil\"; way = \"good\"; key = \"x\"; } );",
     "o.conf:1: gateways[0].key: a secret does not stand here itself: expected \"@file:/path\" or "
     "\"@env:NAME\""},
    {"a rate",
     "gateways = ( { name = \"a\"; plugin = \"evil\"; way = \"good\"; rate = \"fast\"; } );",
     "o.conf:1: gateways[0].rate: expected a rate like \"200/s\", \"20/min\", \"1000/h\""},
    {"a class",
     "gateways = ( { name = \"a\"; plugin = \"evil\"; way = \"good\"; classes = ( \"spam\" ); } );",
     "o.conf:1: gateways[0].classes[0]: expected one of \"notice\", \"promotion\", \"personal\""},
    {"a pattern",
     "gateways = ( { name = \"a\"; plugin = \"evil\"; way = \"good\"; match = ( \"+86[\" ); } );",
     "o.conf:1: gateways[0].match[0]: \"+86[\": expected a pattern like \"+8613[4-9]*\""},
    {"a day",
     "gateways = ( { name = \"a\"; plugin = \"evil\"; way = \"good\"; closed = ( \"2027-3-3\" ); } "
     ");",
     "o.conf:1: gateways[0].closed[0]: expected a day \"2027-03-03\" or days "
     "\"2027-03-03/2027-03-12\""},
    {"days backwards",
     "gateways = ( { name = \"a\"; plugin = \"evil\"; way = \"good\"; closed = ( "
     "\"2027-03-12/2027-03-03\" ); } );",
     "o.conf:1: gateways[0].closed[0]: ends before it begins"},
    {"a window",
     "gateways = ( { name = \"a\"; plugin = \"evil\"; way = \"good\"; window = 65536; } );",
     "o.conf:1: gateways[0].window: expected an integer in 1..65535, found 65536"},
};

static void test_refusal(void **state)
{
    const struct refusal *r = *state;
    struct tree *t = must_parse(r->text);
    struct error err = {""};
    size_t n;

    assert_int_equal(gateway_set_check(tree_get(t, "gateways"), PLUGINS, &err), -1);
    n = strlen(err.text) > strlen(r->error) ? strlen(err.text) - strlen(r->error) : 0;
    assert_string_equal(err.text + n, r->error);
    tree_free(t);
}

static void test_world_writable(void **state)
{
    struct tree *t =
        must_parse("gateways = ( { name = \"a\"; plugin = \"evil\"; way = \"good\"; } );");
    struct error err = {""};

    (void)state;
    assert_int_equal(chmod(PLUGINS "/evil.so", 0777), 0);
    assert_int_equal(gateway_set_check(tree_get(t, "gateways"), PLUGINS, &err), -1);
    assert_int_equal(chmod(PLUGINS "/evil.so", 0755), 0);
    assert_string_equal(err.text, "o.conf:1: gateways[0].plugin: " PLUGINS
                                  "/evil.so: everybody may change this plugin: chmod o-w");
    assert_int_equal(gateway_set_check(tree_get(t, "gateways"), PLUGINS, &err), 0);
    assert_int_equal(gateway_set_check(NULL, PLUGINS, &err), 0);
    tree_free(t);
}

/* An organizer forecasts and approves: the passwords of gateways are the daemon's alone. */
static void test_plan_without_secrets(void **state)
{
    static const char text[] =
        "gateways = ("
        "{ name = \"a\"; plugin = \"smpp\"; host = \"127.0.0.1\"; system_id = \"w\"; "
        "password = \"@env:NOT_SET\"; source = \"1069\"; cost = 0.5; },"
        "{ name = \"b\"; plugin = \"modem\"; ports = ( \"/dev/ttyUSB0\" ); "
        "pin = \"@file:/nowhere/pin\"; callback_token = \"@env:NONE\"; },"
        "{ name = \"c\"; plugin = \"exec\"; channel = \"sms\"; command = ( \"/bin/true\" ); "
        "secrets = ( { name = \"KEY\"; value = \"@env:NOT_SET\"; } ); } );";
    struct tree *t = must_parse(text);
    struct error err = {""};
    struct gateway_set *set;

    (void)state;
    unsetenv("NOT_SET");
    set = gateway_set_plan(tree_get(t, "gateways"), BUILD_DIR "/plugins", &err);
    if (set == NULL)
        fail_msg("%s", err.text);
    assert_int_equal(gateway_set_count(set), 3);
    assert_true(gateway_config(gateway_set_at(set, 0))->cost == 0.5);
    gateway_set_close(set);
    assert_int_equal(gateway_set_check(tree_get(t, "gateways"), BUILD_DIR "/plugins", &err), -1);
    assert_string_equal(err.text, "o.conf:1: gateways[0].password: the environment has no NOT_SET");
    tree_free(t);
}

/* ------------------------------------------------------------------ settings */

static void test_settings(void **state)
{
    struct tree *t = must_parse(
        "gateways = ( { name = \"a\"; plugin = \"" PLUGINS "/evil.so\"; way = \"good\";"
        " accepted = ( { status = 202; }, { status = 200; words = ( \"yes\", \"da\" ); } );"
        " classes = ( \"notice\", \"personal\" ); rate = \"20/min\"; count = \"segments\"; cost = "
        "0.045;"
        " closed = ( \"2027-03-03/2027-03-12\", \"2027-10-01\" ); match = ( \"+8613[4-9]*\" ); },"
        "{ name = \"b\"; plugin = \"evil\"; way = \"good\"; channel = \"wecom\"; rate = \"200/s\"; "
        "disabled = true; } );");
    struct event_base *base = event_base_new();
    struct gateway_events none = {0};
    struct error err = {""};
    struct gateway_set *set =
        gateway_set_open(tree_get(t, "gateways"), PLUGINS, base, &none, NULL, &err);
    const struct gateway_config *c;

    (void)state;
    if (set == NULL)
        fail_msg("%s", err.text);
    assert_int_equal(gateway_set_count(set), 2);
    c = gateway_config(gateway_set_find(set, "a"));
    assert_string_equal(c->channel, "sms");
    assert_int_equal(c->classes, 5);
    assert_int_equal(c->rate, 20);
    assert_int_equal(c->rate_ms, 60000);
    assert_int_equal(c->burst, 0); /* evenly */
    assert_int_equal(c->count, GATEWAY_COUNT_SEGMENTS);
    assert_int_equal(c->window, 8); /* the plugin's default for it */
    assert_int_equal(c->signature, GATEWAY_SIGNATURE_PREFIX);
    assert_int_equal(c->closed.count, 2);
    assert_int_equal(c->closed.days[0].to, 20270312);
    assert_int_equal(c->closed.days[1].from, 20271001);
    assert_int_equal(c->closed.days[1].to, 20271001);
    assert_true(c->cost == 0.045);
    assert_int_equal(c->receipt_wait_ms, 72 * 3600 * 1000);
    assert_int_equal(c->receipt_silence_ms, 15 * 60 * 1000);
    assert_int_equal(c->batch_max, 3);
    assert_int_equal(gateway_free(gateway_set_find(set, "a")), 5);
    c = gateway_config(gateway_set_find(set, "b"));
    assert_string_equal(c->channel, "wecom");
    assert_int_equal(c->signature, GATEWAY_SIGNATURE_NONE);
    assert_int_equal(c->burst, 0);
    assert_int_equal(c->classes, 7);
    assert_false(gateway_usable(gateway_set_find(set, "b")));
    assert_null(gateway_set_find(set, "c"));
    assert_true(gateway_serves(set, "sms", GATEWAY_CLASS_NOTICE, false));
    assert_false(gateway_serves(set, "sms", GATEWAY_CLASS_PROMOTION, false));
    gateway_set_close(set);
    event_base_free(base);
    tree_free(t);
}

/* What host->setting_*() answers, by path. */
static void test_setting_paths(void **state)
{
    static const struct gateway_setting fields[] = {
        {"status", GATEWAY_INT, false, 0, 0, "200", NULL, NULL},
        {"words", GATEWAY_STRINGS, false, 0, 0, NULL, NULL, NULL},
        {0},
    };
    static const struct gateway_setting table[] = {
        {"accepted", GATEWAY_GROUPS, false, 0, 0, NULL, fields, NULL},
        {"headers", GATEWAY_STRINGS, false, 0, 0, NULL, NULL, NULL},
        {"url", GATEWAY_STRING, false, 0, 0, NULL, NULL, NULL},
        {"tls", GATEWAY_BOOL, false, 0, 0, "true", NULL, NULL},
        {"wait", GATEWAY_DURATION, false, 0, 0, "90s", NULL, NULL},
        {0},
    };
    struct gateway_plugin plugin = {.name = "p", .channel = "sms", .settings = table};
    struct tree *t = must_parse(
        "name = \"a\"; plugin = \"p\"; headers = ( \"x\", \"y\" );"
        "accepted = ( { status = 202; words = ( \"a\", \"b\" ); }, { } ); match = ( \"+86*\" );");
    struct arena arena = {0};
    struct error err = {""};
    struct gateway_settings *s = gateway_settings_read(t, &plugin, &arena, &err);

    (void)state;
    if (s == NULL)
        fail_msg("%s", err.text);
    assert_int_equal(gateway_settings_count(s, "accepted"), 2);
    assert_int_equal(gateway_settings_int(s, "accepted.0.status"), 202);
    assert_int_equal(gateway_settings_int(s, "accepted.1.status"), 200);
    assert_int_equal(gateway_settings_int(s, "accepted.2.status"), 0);
    assert_int_equal(gateway_settings_count(s, "accepted.0.words"), 2);
    assert_string_equal(gateway_settings_string(s, "accepted.0.words.1"), "b");
    assert_null(gateway_settings_string(s, "accepted.0.words.2"));
    assert_null(gateway_settings_string(s, "accepted.x"));
    assert_null(gateway_settings_string(s, "accepted"));
    assert_string_equal(gateway_settings_string(s, "headers.1"), "y");
    assert_string_equal(gateway_settings_string(s, "url"), "");
    assert_string_equal(gateway_settings_string(s, "name"), "a");
    assert_string_equal(gateway_settings_string(s, "match.0"), "+86*");
    assert_null(gateway_settings_string(s, "nothing"));
    assert_int_equal(gateway_settings_int(s, "tls"), 1);
    assert_int_equal(gateway_settings_int(s, "wait"), 90000);
    assert_int_equal(gateway_settings_int(s, "window"), 10);
    assert_true(gateway_settings_given(s, "accepted.0.status"));
    assert_false(gateway_settings_given(s, "accepted.1.status"));
    assert_false(gateway_settings_given(s, "tls"));
    arena_free(&arena);
    tree_free(t);
}

/* ------------------------------------------------------------------- answers */

struct heard {
    unsigned answers[16]; /* by the message's index */
    enum gateway_outcome last[16];
    int64_t retry_after_ms[16];
    bool blamed[16];
    unsigned changed, receipts;
    char id[65];
    int push_status;
    unsigned push_answers;
};

static void on_answered(void *arg, struct gateway *gw, void *context,
                        const struct gateway_answer *a)
{
    struct heard *h = arg;
    size_t i = (size_t)(uintptr_t)context;

    h->answers[i]++;
    h->last[i] = a->outcome;
    h->retry_after_ms[i] = a->retry_after_ms;
    h->blamed[i] = gateway_blames(gw);
    if (a->id_count > 0)
        snprintf(h->id, sizeof h->id, "%.*s", (int)a->ids[0].length, a->ids[0].bytes);
}

static void on_receipt(void *arg, struct gateway *gw, const struct gateway_receipt *r,
                       gateway_stored_fn *stored, void *stored_arg)
{
    (void)gw;
    (void)r;
    ((struct heard *)arg)->receipts++;
    stored(stored_arg, true);
}

static void on_changed(void *arg, struct gateway *gw)
{
    (void)gw;
    ((struct heard *)arg)->changed++;
}

static void on_push_answered(void *arg, int status, const char *body)
{
    struct heard *h = arg;

    (void)body;
    h->push_status = status;
    h->push_answers++;
}

static const struct gateway_events events = {
    .answered = on_answered, .receipt = on_receipt, .changed = on_changed};

struct bench {
    struct heard heard;
    struct tree *tree;
    struct event_base *base;
    struct gateway_set *set;
    struct gateway *gw;
    struct gateway_message messages[16];
};

static void bench_open(struct bench *b, const char *way)
{
    char text[256];
    struct error err = {""};

    memset(b, 0, sizeof *b);
    snprintf(text, sizeof text,
             "gateways = ( { name = \"acme\"; plugin = \"evil\"; capacity = 100; window = 16; "
             "answer_wait = \"1s\"; way = \"%s\"; } );",
             way);
    b->tree = must_parse(text);
    b->base = event_base_new();
    b->set =
        gateway_set_open(tree_get(b->tree, "gateways"), PLUGINS, b->base, &events, &b->heard, &err);
    if (b->set == NULL)
        fail_msg("%s", err.text);
    b->gw = gateway_set_at(b->set, 0);
}

static void bench_close(struct bench *b)
{
    gateway_set_close(b->set);
    event_base_loop(b->base, EVLOOP_NONBLOCK); /* what a plugin left behind would run now */
    event_base_free(b->base);
    tree_free(b->tree);
}

/* Submits a message for each letter; letters say how "good" answers. */
static void bench_submit(struct bench *b, const char *letters)
{
    struct gateway_message *messages[16];
    void *contexts[16];
    size_t n = strlen(letters);

    for (size_t i = 0; i < n; i++) {
        b->messages[i] =
            (struct gateway_message){.to = "+8613851400001", .to_length = 14, .text = letters + i};
        messages[i] = &b->messages[i];
        contexts[i] = (void *)(uintptr_t)i;
    }
    gateway_submit(b->gw, messages, contexts, n);
}

static struct gateway_statistics stats(struct bench *b)
{
    struct gateway_statistics s;

    gateway_statistics(b->gw, &s);
    return s;
}

/* What a robot's provider bears is not what an application's does; who writes a rate has it. */
static void test_presets(void **state)
{
    static const char text[] =
        "gateways = ("
        "{ name = \"a\"; plugin = \"wecom\"; key = \"@env:IM_SECRET\"; },"
        "{ name = \"b\"; plugin = \"wecom\"; key = \"@env:IM_SECRET\"; rate = \"5/min\"; },"
        "{ name = \"c\"; plugin = \"wecom\"; corpid = \"ww1\"; secret = \"@env:IM_SECRET\"; "
        "agentid = 1; channel = \"members\"; },"
        "{ name = \"d\"; plugin = \"dingtalk\"; access_token = \"@env:IM_SECRET\"; },"
        "{ name = \"e\"; plugin = \"dingtalk\"; app_key = \"k\"; app_secret = \"@env:IM_SECRET\"; "
        "agent_id = 1; channel = \"staff\"; },"
        "{ name = \"f\"; plugin = \"feishu\"; hook = \"@env:IM_SECRET\"; } );";
    static const struct {
        const char *name, *channel;
        int64_t rate, rate_ms;
        size_t rules;
        bool group;
    } rows[] = {
        {"a", "wecom", 20, 60000, 0, true},    {"b", "wecom", 5, 60000, 0, true},
        {"c", "members", 0, 0, 2, false},      {"d", "dingtalk", 20, 60000, 0, true},
        {"e", "staff", 5000, 60000, 1, false}, {"f", "feishu", 90, 60000, 0, true},
    };
    struct event_base *base = event_base_new();
    struct error err = {""};
    struct heard heard = {0};
    struct gateway_set *set;
    struct tree *t;

    (void)state;
    setenv("IM_SECRET", "0123456789", 1);
    t = must_parse(text);
    set = gateway_set_open(tree_get(t, "gateways"), BUILD_DIR "/plugins", base, &events, &heard,
                           &err);
    if (set == NULL)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct gateway_config *c = gateway_config(gateway_set_find(set, rows[i].name));

        assert_string_equal(c->channel, rows[i].channel);
        assert_int_equal(c->rate, rows[i].rate);
        assert_int_equal(c->rate_ms, rows[i].rate_ms);
        assert_int_equal(c->per_number.count, rows[i].rules);
        assert_int_equal(c->group, rows[i].group);
        for (int group = 0; group < 2; group++) /* as the plugin said when it was open */
            assert_int_equal(gateway_serves(set, c->channel, GATEWAY_CLASS_NOTICE, group),
                             rows[i].group == group);
    }
    gateway_set_close(set);
    event_base_free(base);
    tree_free(t);
}

#define MINUTES(n) (INT64_C(60000) * (n))

/* A receipt that is only to be had by asking is not missed before it is asked for. */
static void test_silence(void **state)
{
    static const char text[] =
        "gateways = ("
        "{ name = \"asked\"; plugin = \"aliyun\"; access_key_id = \"k\"; access_key_secret = "
        "\"@env:SILENCE_SECRET\"; sign_name = \"x\"; },"
        "{ name = \"pushed\"; plugin = \"aliyun\"; access_key_id = \"k\"; access_key_secret = "
        "\"@env:SILENCE_SECRET\"; sign_name = \"x\"; callback_token = \"@env:SILENCE_SECRET\"; },"
        "{ name = \"never\"; plugin = \"aliyun\"; access_key_id = \"k\"; access_key_secret = "
        "\"@env:SILENCE_SECRET\"; sign_name = \"x\"; receipt_silence = \"0s\"; },"
        "{ name = \"later\"; plugin = \"twilio\"; account_sid = "
        "\"AC0123456789abcdef0123456789abcdef\"; auth_token = \"@env:SILENCE_SECRET\"; source = "
        "\"x\"; poll_after = \"1h\"; receipt_silence = \"5min\"; },"
        "{ name = \"called\"; plugin = \"twilio\"; account_sid = "
        "\"AC0123456789abcdef0123456789abcdef\"; auth_token = \"@env:SILENCE_SECRET\"; source = "
        "\"x\"; callback_url = \"https://sms.example.org/callbacks/called\"; },"
        "{ name = \"pulled\"; plugin = \"tencent\"; secret_id = \"k\"; secret_key = "
        "\"@env:SILENCE_SECRET\"; app_id = \"1\"; sign_name = \"x\"; pull = \"2min\"; },"
        "{ name = \"neither\"; plugin = \"huawei\"; app_key = \"k\"; app_secret = "
        "\"@env:SILENCE_SECRET\"; url = \"http://127.0.0.1:9\"; source = \"1\"; } );";
    static const struct {
        const char *name;
        int64_t silence_ms;
    } rows[] = {
        {"asked", MINUTES(20 + 15)}, {"pushed", MINUTES(15)}, {"never", 0},
        {"later", MINUTES(60 + 5)},  {"called", MINUTES(15)}, {"pulled", MINUTES(2 + 15)},
        {"neither", MINUTES(15)},
    };
    struct event_base *base = event_base_new();
    struct error err = {""};
    struct heard heard = {0};
    struct gateway_set *set;
    struct tree *t;

    (void)state;
    setenv("SILENCE_SECRET", "0123456789abcdef", 1);
    t = must_parse(text);
    set = gateway_set_open(tree_get(t, "gateways"), BUILD_DIR "/plugins", base, &events, &heard,
                           &err);
    if (set == NULL)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(gateway_silence_ms(gateway_set_find(set, rows[i].name)),
                         rows[i].silence_ms);
    gateway_set_close(set);
    event_base_free(base);
    tree_free(t);
}

static void test_good(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, "good");
    assert_int_equal(gateway_free(b.gw), 16);
    bench_submit(&b, "aturj?a");
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(b.heard.answers[i], 1);
    assert_int_equal(b.heard.last[0], GATEWAY_ACCEPTED);
    assert_int_equal(b.heard.last[1], GATEWAY_THROTTLED);
    assert_int_equal(b.heard.last[2], GATEWAY_UNSENT);
    assert_int_equal(b.heard.last[3], GATEWAY_RETRY);
    assert_int_equal(b.heard.last[4], GATEWAY_REJECTED);
    assert_int_equal(b.heard.last[5], GATEWAY_UNKNOWN);
    assert_string_equal(b.heard.id, "id-1");
    assert_int_equal(stats(&b).submitted, 7);
    assert_int_equal(stats(&b).answers[GATEWAY_ACCEPTED], 2);
    assert_int_equal(stats(&b).bad_tokens, 0);
    assert_string_equal(stats(&b).trouble, "unknown: E1 because");
    assert_int_equal(gateway_free(b.gw), 16);
    bench_close(&b);
}

static void test_later(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, "later");
    bench_submit(&b, "aaa");
    assert_int_equal(gateway_free(b.gw), 13);
    assert_int_equal(gateway_set_outstanding(b.set), 3);
    assert_int_equal(b.heard.answers[0], 0);
    event_base_loop(b.base, EVLOOP_ONCE);
    assert_int_equal(b.heard.answers[2], 1);
    assert_int_equal(gateway_free(b.gw), 16);
    bench_close(&b);
}

static void test_twice(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, "twice");
    bench_submit(&b, "aaaa");
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(b.heard.answers[i], 1);
        assert_int_equal(b.heard.last[i], GATEWAY_ACCEPTED);
    }
    assert_int_equal(stats(&b).bad_tokens, 4);
    assert_int_equal(stats(&b).answers[GATEWAY_BROKEN], 0);
    assert_string_equal(stats(&b).circuit, "closed");
    bench_close(&b);
}

static void test_forged(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, "forged");
    bench_submit(&b, "aj");
    assert_int_equal(b.heard.answers[0], 1);
    assert_int_equal(b.heard.answers[1], 1);
    assert_int_equal(b.heard.last[1], GATEWAY_REJECTED);
    assert_int_equal(stats(&b).bad_tokens, 8);
    bench_close(&b);
}

/* A timer that the plugin starts in close() must not run either: ASan would tell. */
static void test_never(void **state)
{
    struct heard heard;
    struct bench b;

    (void)state;
    bench_open(&b, "never");
    bench_submit(&b, "aaaaaaaaaaaaaaaa");
    assert_int_equal(gateway_free(b.gw), 0);
    assert_true(gateway_push(b.gw, &(struct gateway_push){0}, on_push_answered, &b.heard));
    assert_int_equal(b.heard.push_answers, 0);
    gateway_set_close(b.set);
    heard = b.heard;
    b.set = NULL;
    bench_close(&b);
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(heard.answers[i], 1);
        assert_int_equal(heard.last[i], GATEWAY_UNKNOWN);
    }
    assert_int_equal(heard.push_answers, 1);
    assert_int_equal(heard.push_status, 503);
}

static void test_nonsense(void **state)
{
    static const char *const ways[] = {"nonsense", "ids"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct bench b;

        bench_open(&b, ways[i]);
        bench_submit(&b, "a");
        assert_int_equal(b.heard.answers[0], 1);
        assert_int_equal(b.heard.last[0], GATEWAY_UNKNOWN);
        bench_close(&b);
    }
}

/* What it has lost is taken back by closing it, and it goes on with a clean slate. */
static void test_silent(void **state)
{
    struct timeval deadline = {30, 0};
    struct bench b;

    (void)state;
    bench_open(&b, "never");
    bench_submit(&b, "aaaaaaaaaaaaaaaa");
    assert_int_equal(gateway_free(b.gw), 0);
    event_base_loopexit(b.base, &deadline);
    while (b.heard.answers[15] == 0 && !event_base_got_exit(b.base))
        event_base_loop(b.base, EVLOOP_ONCE);
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(b.heard.answers[i], 1);
        assert_int_equal(b.heard.last[i], GATEWAY_UNKNOWN);
    }
    assert_string_equal(stats(&b).trouble, "unknown: the plugin has not answered");
    assert_string_equal(stats(&b).circuit, "open"); /* ten in a row */
    gateway_try(b.gw);
    assert_int_equal(gateway_free(b.gw), 1);
    bench_submit(&b, "a");
    assert_int_equal(gateway_set_outstanding(b.set), 1);
    bench_close(&b);
}

/* What it had before it was closed is settled: an answer to that reaches nobody, and is counted. */
static void test_stale(void **state)
{
    struct timeval deadline = {30, 0};
    struct bench b;

    (void)state;
    bench_open(&b, "stale");
    bench_submit(&b, "aaaaaaaaaaaaaaaa");
    event_base_loopexit(b.base, &deadline);
    while (b.heard.answers[15] == 0 && !event_base_got_exit(b.base))
        event_base_loop(b.base, EVLOOP_ONCE);
    assert_int_equal(stats(&b).bad_tokens, 0);
    gateway_try(b.gw);
    bench_submit(&b, "j");
    assert_int_equal(stats(&b).bad_tokens, 16);
    assert_int_equal(stats(&b).answers[GATEWAY_ACCEPTED], 0);
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(b.heard.answers[i], i == 0 ? 2 : 1); /* one of each life */
    assert_int_equal(b.heard.last[0], GATEWAY_REJECTED);
    bench_close(&b);
}

/* It answers the trial of its circuit on its way out: that is an answer like any other. */
static void test_silent_trial(void **state)
{
    struct timeval deadline = {30, 0};
    struct bench b;

    (void)state;
    bench_open(&b, "last");
    bench_submit(&b, "b");
    assert_string_equal(stats(&b).circuit, "open");
    gateway_try(b.gw);
    bench_submit(&b, "a");
    assert_int_equal(gateway_free(b.gw), 0);
    event_base_loopexit(b.base, &deadline);
    while (b.heard.last[0] != GATEWAY_UNKNOWN && !event_base_got_exit(b.base))
        event_base_loop(b.base, EVLOOP_ONCE);
    assert_int_equal(b.heard.last[0], GATEWAY_UNKNOWN);
    assert_string_equal(stats(&b).circuit, "open");
    gateway_try(b.gw);
    assert_int_equal(gateway_free(b.gw), 1);
    bench_close(&b);
}

static void test_wild(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, "wild");
    bench_submit(&b, "lnpq0");
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(b.heard.answers[i], 1);
    assert_int_equal(b.heard.retry_after_ms[0], 86400000); /* it can be added to a time */
    assert_int_equal(b.heard.retry_after_ms[1], 0);
    for (size_t i = 2; i < 5; i++)
        assert_int_equal(b.heard.last[i], GATEWAY_UNKNOWN);
    bench_close(&b);
}

/* A gateway that worked until it had this message, and one that was broken anyway. */
static void test_blames(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, "good");
    bench_submit(&b, "b");
    assert_false(b.heard.blamed[0]); /* nothing is known of this gateway yet */
    gateway_try(b.gw);
    bench_submit(&b, "a");
    bench_submit(&b, "abb");
    assert_false(b.heard.blamed[0]);
    assert_true(b.heard.blamed[1]);
    assert_false(b.heard.blamed[2]); /* the circuit was open already */
    gateway_try(b.gw);
    bench_submit(&b, "b");
    assert_false(b.heard.blamed[0]); /* it still is */
    bench_close(&b);
}

#define CHAOS_MESSAGES 20000

static void on_counted(void *arg, struct gateway *gw, void *context, const struct gateway_answer *a)
{
    (void)arg, (void)gw;
    assert_in_range(a->outcome, GATEWAY_ACCEPTED, GATEWAY_UNKNOWN);
    assert_in_range(a->reason, GATEWAY_REASON_NONE, GATEWAY_REASON_OTHER);
    (*(unsigned *)context)++;
}

/* Whatever a plugin says among it: each message is answered once, and what it takes is
 * free again. */
static void test_chaos(void **state)
{
    static unsigned answers[CHAOS_MESSAGES];
    static struct gateway_message messages[CHAOS_MESSAGES];
    struct gateway_events counted = {.answered = on_counted, .changed = on_changed};
    struct tree *t = must_parse(
        "gateways = ( { name = \"a\"; plugin = \"evil\"; way = \"chaos\"; capacity = 100; window = "
        "20; },"
        "{ name = \"b\"; plugin = \"evil\"; way = \"chaos\"; capacity = 100; window = 7; } );");
    struct event_base *base = event_base_new();
    struct heard heard = {0};
    struct error err = {""};
    struct gateway_set *set =
        gateway_set_open(tree_get(t, "gateways"), PLUGINS, base, &counted, &heard, &err);
    struct gateway_statistics s;
    size_t sent = 0, turn = 0;
    uint64_t bad_tokens;

    (void)state;
    while (sent < CHAOS_MESSAGES) {
        struct gateway *gw = gateway_set_at(set, turn++ % 2);
        struct gateway_message *list[20];
        void *contexts[20];
        size_t n = 0, room;

        gateway_try(gw);
        room = gateway_free(gw);
        for (; n < room && sent < CHAOS_MESSAGES; n++, sent++) {
            list[n] = &messages[sent];
            contexts[n] = &answers[sent];
        }
        if (n > 0)
            gateway_submit(gw, list, contexts, n);
        else /* it owes them all */
            gateway_push(gw, &(struct gateway_push){0}, on_push_answered, &heard);
    }
    gateway_statistics(gateway_set_at(set, 0), &s);
    bad_tokens = s.bad_tokens;
    gateway_set_close(set);
    for (size_t i = 0; i < CHAOS_MESSAGES; i++)
        if (answers[i] != 1)
            fail_msg("message %zu was answered %u times", i, answers[i]);
    assert_true(bad_tokens > CHAOS_MESSAGES);
    event_base_free(base);
    tree_free(t);
}

static void test_pushes(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, "good");
    assert_true(gateway_push(b.gw, &(struct gateway_push){0}, on_push_answered, &b.heard));
    assert_int_equal(b.heard.push_answers, 1);
    assert_int_equal(b.heard.push_status, 200);
    assert_int_equal(b.heard.receipts, 1); /* the one without an id is dropped */
    assert_false(gateway_query(b.gw, "r", "", 0));
    bench_close(&b);
}

static void test_circuit_closes_the_door(void **state)
{
    struct route_query query = {.channel = "sms", .address = "+8613851400001"};
    const char *why = "";
    struct bench b;

    (void)state;
    bench_open(&b, "good");
    assert_ptr_equal(gateway_route(b.set, &query, &why), b.gw);
    bench_submit(&b, "ab");
    assert_string_equal(stats(&b).circuit, "open");
    assert_in_range(stats(&b).circuit_ms, 23000, 36000);
    assert_int_equal(gateway_free(b.gw), 0);
    assert_null(gateway_route(b.set, &query, &why));
    assert_string_equal(why, "every gateway of this channel is out of use now");
    assert_true(b.heard.changed > 0);
    gateway_try(b.gw);
    assert_string_equal(stats(&b).circuit, "half-open");
    assert_int_equal(gateway_free(b.gw), 1);
    bench_submit(&b, "r");
    assert_string_equal(stats(&b).circuit, "open");
    gateway_try(b.gw);
    bench_submit(&b, "u"); /* never left: the next one is the trial */
    assert_string_equal(stats(&b).circuit, "half-open");
    assert_int_equal(gateway_free(b.gw), 1);
    bench_submit(&b, "a");
    assert_string_equal(stats(&b).circuit, "closed");
    assert_int_equal(gateway_free(b.gw), 16);
    gateway_pause(b.gw, true);
    assert_int_equal(gateway_free(b.gw), 0);
    gateway_pause(b.gw, false);
    assert_int_equal(gateway_free(b.gw), 16);
    gateway_set_drain(b.set);
    assert_int_equal(gateway_free(b.gw), 0);
    bench_close(&b);
}

static void test_open_fails(void **state)
{
    struct tree *t =
        must_parse("gateways = ( { name = \"a\"; plugin = \"evil\"; way = \"good\"; },\n"
                   "{ name = \"b\"; plugin = \"evil\"; way = \"refuses\"; } );");
    struct event_base *base = event_base_new();
    struct heard heard = {0};
    struct error err = {""};

    (void)state;
    assert_null(gateway_set_open(tree_get(t, "gateways"), PLUGINS, base, &events, &heard, &err));
    assert_string_equal(err.text, "o.conf:2: gateways[1].way: gateway b: way: is refused");
    event_base_loop(base, EVLOOP_NONBLOCK);
    event_base_free(base);
    tree_free(t);
}

/* ------------------------------------------------------------------ reloading */

#define ACME(way)                                                                                  \
    "{ name = \"acme\"; plugin = \"evil\"; capacity = 100; window = 16; answer_wait = \"1s\"; "    \
    "way = \"" way "\"; }"
#define OTHER(way) "{ name = \"other\"; plugin = \"evil\"; way = \"" way "\"; }"

static int reload(struct bench *b, const char *gateways, struct tree **tree, size_t *opened,
                  size_t *retired, struct error *err)
{
    char text[1024];

    snprintf(text, sizeof text, "gateways = ( %s );", gateways);
    *tree = must_parse(text);
    return gateway_set_reload(b->set, tree_get(*tree, "gateways"), PLUGINS, opened, retired, err);
}

/* The second new one cannot be opened: the first is closed again, and the old one works on. */
static void test_reload_changes_all_or_nothing(void **state)
{
    static const char *const bad[] = {ACME("later") ", " OTHER("refuses"),
                                      OTHER("good") ", " OTHER("good"),
                                      ACME("later") ", { name = \"x\"; plugin = \"evil\"; }"};
    size_t opened, retired;
    struct error err;
    struct bench b;

    (void)state;
    bench_open(&b, "good");
    for (size_t i = 0; i < ROWS(bad); i++) {
        struct tree *tree;

        assert_int_equal(reload(&b, bad[i], &tree, &opened, &retired, &err), -1);
        assert_int_equal(gateway_set_count(b.set), 1);
        assert_false(gateway_retired(b.gw));
        assert_int_equal(gateway_free(b.gw), 16);
        assert_ptr_equal(gateway_set_find(b.set, "acme"), b.gw);
        assert_true(gateway_serves(b.set, "sms", GATEWAY_CLASS_NOTICE, false));
        tree_free(tree);
    }
    bench_submit(&b, "a");
    assert_int_equal(b.heard.answers[0], 1);
    bench_close(&b);
}

/* Messages of the old one are answered by the old one; the new one has all that follows. */
static void test_reload_while_messages_are_out(void **state)
{
    struct route_query q = {.channel = "sms", .class = GATEWAY_CLASS_NOTICE, .address = "+861"};
    struct tree *same, *changed, *gone;
    struct timeval deadline = {30, 0};
    struct gateway *now;
    size_t opened, retired;
    struct error err;
    struct bench b;

    (void)state;
    bench_open(&b, "later");
    assert_int_equal(reload(&b, ACME("later"), &same, &opened, &retired, &err), 0);
    assert_int_equal(opened + retired, 0);
    bench_submit(&b, "aja");
    assert_int_equal(reload(&b, ACME("good"), &changed, &opened, &retired, &err), 0);
    assert_int_equal(opened, 1);
    assert_int_equal(retired, 1);
    now = gateway_set_find(b.set, "acme");
    assert_ptr_not_equal(now, b.gw);
    assert_int_equal(gateway_free(b.gw), 0);
    for (int i = 0; i < 100; i++)
        assert_ptr_equal(gateway_route(b.set, &q, NULL), now);
    event_base_loopexit(b.base, &deadline);
    while (b.heard.answers[2] == 0 && !event_base_got_exit(b.base))
        event_base_loop(b.base, EVLOOP_ONCE);
    assert_int_equal(b.heard.last[0], GATEWAY_ACCEPTED);
    assert_int_equal(b.heard.last[1], GATEWAY_REJECTED);

    gateway_undrain(b.gw); /* an order does not bring it back */
    assert_int_equal(gateway_free(b.gw), 0);
    assert_int_equal(reload(&b, "", &gone, &opened, &retired, &err), 0);
    assert_int_equal(retired, 1);
    assert_false(gateway_serves(b.set, "sms", GATEWAY_CLASS_NOTICE, false));
    assert_null(gateway_route(b.set, &q, NULL));
    bench_close(&b);
    tree_free(same);
    tree_free(changed);
    tree_free(gone);
}

static struct {
    gateway_stored_fn *fn[8];
    void *arg[8];
    size_t count;
} held;

static void on_held(void *arg, struct gateway *gw, const struct gateway_receipt *r,
                    gateway_stored_fn *stored, void *stored_arg)
{
    (void)arg, (void)gw, (void)r;
    held.fn[held.count] = stored;
    held.arg[held.count++] = stored_arg;
}

/* A receipt is stored after its plugin was closed: nobody is told, and nothing is touched
 * that is gone (ASan would tell). */
static void test_stored_after_the_plugin_was_closed(void **state)
{
    struct gateway_events late = events;
    struct error err = {""};
    struct bench b;

    (void)state;
    bench_open(&b, "good");
    gateway_set_close(b.set);
    late.receipt = on_held;
    b.set = gateway_set_open(tree_get(b.tree, "gateways"), PLUGINS, b.base, &late, &b.heard, &err);
    b.gw = gateway_set_at(b.set, 0);
    for (int i = 0; i < 3; i++) {
        assert_true(gateway_push(b.gw, &(struct gateway_push){0}, on_push_answered, &b.heard));
        gateway_drain(b.gw);
        gateway_undrain(b.gw);
        assert_int_equal(gateway_free(b.gw), 16);
    }
    assert_int_equal(held.count, 3);
    held.fn[0](held.arg[0], true);
    held.fn[1](held.arg[1], false);
    bench_close(&b);
}

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_world_writable),
        cmocka_unit_test(test_plan_without_secrets),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_setting_paths),
        cmocka_unit_test(test_presets),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_later),
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_forged),
        cmocka_unit_test(test_never),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_silent),
        cmocka_unit_test(test_silent_trial),
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_wild),
        cmocka_unit_test(test_blames),
        cmocka_unit_test(test_chaos),
        cmocka_unit_test(test_pushes),
        cmocka_unit_test(test_circuit_closes_the_door),
        cmocka_unit_test(test_open_fails),
        cmocka_unit_test(test_reload_changes_all_or_nothing),
        cmocka_unit_test(test_reload_while_messages_are_out),
        cmocka_unit_test(test_stored_after_the_plugin_was_closed),
    };
    struct CMUnitTest tests[ROWS(refusals) + ROWS(others)];

    for (size_t i = 0; i < ROWS(refusals); i++)
        tests[i] =
            (struct CMUnitTest){refusals[i].name, test_refusal, NULL, NULL, (void *)&refusals[i]};
    memcpy(tests + ROWS(refusals), others, sizeof others);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
