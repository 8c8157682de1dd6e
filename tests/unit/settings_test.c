/* The configuration: the sample as it is, defaults, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "error.h"
#include "field.h"
#include "log.h"
#include "settings.h"
#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void assert_string_ending(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    if (s[0] != '/' || n < m || strcmp(s + n - m, end) != 0)
        fail_msg("%s does not end with %s", s, end);
}

static void test_sample(void **state)
{
    struct error err = {""};
    struct settings *s = settings_read(TEST_DIR "/data/outreachd.conf", &err);

    (void)state;
    if (s == NULL)
        fail_msg("%s", err.text);
    assert_string_equal(s->name, "outreachd-1");
    assert_string_equal(s->state_dir, "/var/lib/outreach");
    assert_null(s->redis.url);
    assert_null(s->redis.sentinels);
    assert_false(s->redis.accept_loss);
    assert_string_equal(s->redis.appendfsync, "always");
    assert_int_equal(s->log.level, LOG_LEVEL_INFO);
    assert_string_equal(s->log.delivery, "/var/log/outreach/delivery.jsonl");
    assert_string_equal(s->web_listen, "127.0.0.1:8090");
    assert_string_equal(s->defaults.timezone, "Asia/Shanghai");
    assert_string_equal(s->defaults.signature, "【鼓楼区妇联】");
    assert_string_equal(s->defaults.optout_line, "拒收请回复R");
    assert_string_equal(s->defaults.per_recipient[0], "1/30s");
    assert_string_equal(s->defaults.per_recipient[1], "5/day");
    assert_null(s->defaults.per_recipient[2]);
    assert_int_equal(s->defaults.may_repeat, 0);
    assert_int_equal(s->gateways->count, 3);
    assert_string_equal(tree_string(s->gateways, "0.plugin", ""), "smpp");
    assert_int_equal(tree_get(s->document, "defaults.approval.recipients")->integer, 2000);
    settings_free(s);
}

static void test_defaults(void **state)
{
    struct settings *s = settings_read(NULL, NULL);

    (void)state;
    assert_non_null(s);
    assert_true(strlen(s->name) > 0);
    assert_int_equal(strspn(s->name, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(s->name));
    assert_string_equal(s->log.delivery, "/var/lib/outreach/delivery.jsonl");
    assert_string_equal(s->defaults.country, "CN");
    assert_string_equal(s->defaults.language, "zh");
    assert_int_equal(s->defaults.max_audience, 2000000);
    assert_int_equal(s->defaults.max_segments, 8);
    assert_int_equal(s->dispatch.memory_mb, 32);
    assert_int_equal(s->dispatch.batch, 256);
    assert_int_equal(s->dispatch.attempts, 5);
    assert_int_equal(s->dispatch.backoff_ms, 30000);
    assert_int_equal(s->dispatch.backoff_max_ms, 1800000);
    assert_int_equal(s->dispatch.doubt_wait_ms, 120000);
    assert_int_equal(s->dispatch.park_max, 20000);
    assert_int_equal(s->dispatch.stop_ms, 30000);
    assert_null(s->gateways);
    settings_free(s);
}

static struct settings *from_text(const char *text, struct error *err)
{
    char path[] = "/tmp/settings-test-XXXXXX";
    int fd = mkstemp(path);
    struct settings *s;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    s = settings_read(path, err);
    unlink(path);
    return s;
}

static const struct {
    const char *text, *words;
} refused[] = {
    {"nam = \"x\";", ":1: nam: there is no such setting; did you mean \"name\"?"},
    {"\n\ndispatch = { batch = 513; };", ":3: dispatch.batch: expected an integer in 1..512"},
    {"name = \"Outreach 1\";", ":1: name: \"Outreach 1\" is no name for a daemon"},
    {"log = { level = \"loud\"; };", "log.level: expected \"debug\", \"info\""},
    {"defaults = { timezone = \"Asia/Nowhere\"; };",
     "defaults.timezone: \"Asia/Nowhere\" is not a time zone"},
    {"defaults = { hours = \"9-5\"; };", "defaults.hours: \"9-5\" are not hours"},
    {"defaults = { country = \"China\"; };", "defaults.country: \"China\" is no country"},
    {"defaults = { per_recipient = ( \"5/day\", \"often\" ); };",
     "defaults.per_recipient[1]: \"often\" is no limit"},
    {"defaults = { per_recipient = ( \"1/s\", \"2/s\", \"3/s\", \"4/s\", \"5/s\", \"6/s\", "
     "\"7/s\", "
     "\"8/s\", \"1/day\" ); };",
     "defaults.per_recipient[8]: at most 8 limits"},
    {"defaults = { may_repeat = ( \"personal\", \"often\" ); };",
     "defaults.may_repeat[1]: expected one of \"notice\", \"promotion\", \"personal\""},
    {"defaults = { max_segments = 9; };", "defaults.max_segments: expected an integer in 1..8"},
    {"redis = { url = \"localhost\"; };", "redis.url: expected \"unix:/path\" or"},
    {"redis = { url = \"redis://a:geheim@h:1/0\"; };",
     "redis.url: a password does not belong here"},
    {"redis = { secret = \"geheim\"; };", "redis.secret: "},
    {"redis = { sentinels = ( \"a:1\" ); };", "redis: sentinels need the master's name"},
    {"redis = { url = \"redis://a\"; cluster = ( \"a:1\" ); };",
     "redis: url, sentinels or cluster: only one of them"},
    {"redis = { appendfsync = \"everysec\"; };", "redis.appendfsync: \"everysec\" loses"},
    {"redis = { appendfsync = \"no\"; };",
     "redis.appendfsync: expected one of \"always\", \"everysec\""},
    {"gateways = { };", "gateways: expected a list of groups"},
    {"gateways = ( 5 );", "gateways[0]: expected a group"},
    {"alerts = ( { level = \"error\"; } );", "alerts[0]: expected either to"},
    {"alerts = ( { to = \"offce\"; } ); gateways = ( { name = \"office\"; } );",
     "alerts[0].to: there is no gateway \"offce\"; did you mean \"office\"?"},
    {"alerts = ( { to = \"office-group\"; } );",
     "alerts[0].to: there is no gateway \"office-group\": it must be one of gateways"},
    {"web = { listen = \"8090\"; };", "web.listen: \"8090\" is no address to listen on"},
    {"web = { listen = \"127.0.0.1:65536\"; };", "web.listen: \"127.0.0.1:65536\" is no address"},
    {"web = { listen = \"[::1:8090\"; };", "web.listen: \"[::1:8090\" is no address"},
    {"web = { listen = \":8090\"; };", "web.listen: \":8090\" is no address"},
    {"state_dir = \"/var/lib/a-name-of-more-than-ninety-six-bytes/"
     "so-that-the-socket-of-the-private-server-has-no-room-below-it\";",
     "state_dir: is 107 bytes long; for the socket of the private Redis it may have 96"},
    {"dispatch = { backoff = \"1h\"; backoff_max = \"1min\"; };",
     "dispatch: backoff_max is less than backoff"},
};

static void test_refused(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct error err = {""};

        if (from_text(refused[i].text, &err) != NULL)
            fail_msg("taken: %s", refused[i].text);
        if (strstr(err.text, refused[i].words) == NULL)
            fail_msg("%s: %s", refused[i].text, err.text);
        assert_null(strstr(err.text, "geheim"));
    }
}

static void test_taken(void **state)
{
    struct error err = {""};
    struct settings *s;

    (void)state;
    setenv("SETTINGS_TEST_SECRET", "geheim", 1);
    s = from_text(
        "redis = { url = \"redis://outreach@h:6379/0\"; secret = "
        "\"@env:SETTINGS_TEST_SECRET\"; accept_loss = true; appendfsync = \"everysec\"; };"
        "dispatch = { backoff = \"10s\"; stop = 5; memory_mb = 64; };"
        "web = { listen = \"[::1]:0\"; }; gateways = ( { name = \"office\"; } );"
        "alerts = ( { to = \"office:group-7\"; }, { exec = \"call-duty\"; } );"
        "state_dir = \"/srv/o\"; plugin_dir = \"./plugins\";",
        &err);
    if (s == NULL)
        fail_msg("%s", err.text);
    assert_string_equal(s->redis.secret, "geheim");
    assert_true(s->redis.accept_loss);
    assert_string_equal(s->redis.appendfsync, "everysec");
    assert_int_equal(s->dispatch.backoff_ms, 10000);
    assert_int_equal(s->dispatch.stop_ms, 5000);
    assert_string_ending(s->plugin_dir, "/./plugins"); /* beside the configuration */
    assert_string_ending(s->alerts[1].exec, "/call-duty");
    assert_string_equal(s->log.delivery, "/srv/o/delivery.jsonl");
    settings_free(s);
    assert_null(settings_read("/nowhere/outreachd.conf", &err));
}

/* Every setting is told in a line of help. */
static void check_help(const struct field *table)
{
    for (; table->name != NULL; table++) {
        if (table->fields != NULL)
            check_help(table->fields);
        else
            assert_non_null(table->help);
    }
}

static void test_help(void **state)
{
    (void)state;
    check_help(settings_table());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample),  cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_taken),
        cmocka_unit_test(test_help),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
