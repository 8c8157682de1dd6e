/*
 * What `outreachd -t` names of a configuration: every mistake, each by itself, by its line.
 */
#include "conf_mistakes.h"

#include "language.h"
#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PLUGINS "plugin_dir = \"" BUILD_DIR "/tests/plugins\";"

/* Of a configuration of that text; for free(), in which its name is "FILE". */
static char *told_of(const char *text, size_t *count, size_t *gateways)
{
    char path[] = "/tmp/outreach-conf-XXXXXX", *told = NULL, *named = NULL, *at;
    size_t n;
    int fd = mkstemp(path);
    FILE *out = open_memstream(&told, &n), *in;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    *count = conf_mistakes_tell(path, out, gateways);
    fclose(out);
    unlink(path);
    in = open_memstream(&named, &n);
    for (char *rest = told; *rest != '\0'; rest = at + strlen(path)) {
        at = strstr(rest, path);
        fprintf(in, "%.*s", at == NULL ? (int)strlen(rest) : (int)(at - rest), rest);
        if (at == NULL)
            break;
        fputs("FILE", in);
    }
    fclose(in);
    free(told);
    return named;
}

static void test_every_mistake(void **state)
{
    static const char text[] =
        "name = \"d 1\"; colour = \"red\";\n"
        "redis = { urll = \"x\"; };\n" PLUGINS "\n"
        "defaults = { country = \"cn\";\n"
        "  hours = \"8 to 8\"; };\n"
        "dispatch = { backoff = \"10s\"; backoff_max = \"5s\"; };\n"
        "alerts = ( { level = \"error\"; }, { to = \"nobody\"; }, { to = \"right\"; } );\n"
        "gateways = (\n"
        "  { name = \"twice\"; plugin = \"evil\"; window = 65536; rate = \"fast\"; },\n"
        "  { name = \"right\"; plugin = \"evil\"; way = \"good\"; },\n"
        "  { name = \"twice\"; plugin = \"nowhere\"; },\n"
        "  { name = \"table\"; plugin = \"bad_table\"; },\n"
        "  { name = \"last\"; plugin = \"evil\"; way = \"good\"; callback_token = \"@env:SHORT\";\n"
        "    channel = \"sms\"; tls_key = \"/dev/null\"; sender_rate = \"1/s\"; capacty = 5; },\n"
        "  5 );\n";
    static const char *const begins[] = {
        "outreachd: FILE:1: colour: there is no such setting",
        "outreachd: FILE:1: name: \"d 1\" is no name for a daemon",
        "outreachd: FILE:2: redis.urll: there is no such setting; did you mean \"url\"?",
        "outreachd: FILE:4: defaults.country: \"cn\" is no country",
        "outreachd: FILE:5: defaults.hours: \"8 to 8\" are not hours",
        "outreachd: FILE:6: dispatch: backoff_max is less than backoff",
        "outreachd: FILE:7: alerts[0]: expected either to = ",
        "outreachd: FILE:7: alerts[1].to: there is no gateway \"nobody\"",
        "outreachd: FILE:7: alerts[2].to: whose number? Expected \"right:NUMBER\"",
        "outreachd: FILE:9: gateways[0].rate: expected a rate like",
        "outreachd: FILE:9: gateways[0].window: expected an integer in 1..65535",
        "outreachd: FILE:9: gateways[0]: way is missing",
        "outreachd: FILE:11: gateways[2].plugin: ",
        "outreachd: FILE:11: gateways[2].name: two gateways are called \"twice\"",
        "outreachd: FILE:12: gateways[3].plugin: plugin bad_table: its own table of settings: "
        "port: the default \"99\"",
        "outreachd: FILE:13: gateways[4].callback_token: a token that nobody can guess has 16",
        "outreachd: FILE:14: gateways[4].capacty: there is no such setting",
        "outreachd: FILE:14: gateways[4].tls_key: tls_cert is missing",
        "outreachd: FILE:14: gateways[4].sender_rate: sender_rate is of a source",
        "outreachd: FILE:15: gateways[5]: expected a group",
        "outreachd: FILE: 20 mistakes",
    };
    size_t count, gateways, i = 0;
    char *told, *line;

    (void)state;
    setenv("SHORT", "abc", 1);
    told = told_of(text, &count, &gateways);
    for (line = strtok(told, "\n"); line != NULL; line = strtok(NULL, "\n"), i++) {
        assert_in_range(i, 0, sizeof begins / sizeof *begins - 1);
        if (strncmp(line, begins[i], strlen(begins[i])) != 0)
            fail_msg("line %zu is \"%s\", expected \"%s\"", i, line, begins[i]);
    }
    assert_int_equal(i, sizeof begins / sizeof *begins);
    assert_int_equal(count, 20);
    free(told);
}

/* Whom an alert names can be told, by what the gateway's plugin says of it. */
static void test_alerts(void **state)
{
    static const char gateways[] =
        "defaults = { country = \"CN\"; };\n" PLUGINS "gateways = (\n"
        "  { name = \"own\"; plugin = \"evil\"; way = \"good\"; },\n"
        "  { name = \"chat\"; plugin = \"evil\"; way = \"good\"; channel = \"telegram\"; },\n"
        "  { name = \"all\"; plugin = \"evil\"; way = \"good\"; channel = \"telegram\";\n"
        "    group = true; },\n"
        "  { name = \"robot\"; plugin = \"" BUILD_DIR
        "/plugins/wecom.so\"; key = \"@env:KEY\"; },\n"
        "  { name = \"ding\"; plugin = \"" BUILD_DIR
        "/plugins/dingtalk.so\"; access_token = \"@env:KEY\"; },\n"
        "  { name = \"bird\"; plugin = \"" BUILD_DIR
        "/plugins/feishu.so\"; hook = \"@env:KEY\"; },\n"
        "  { name = \"member\"; plugin = \"" BUILD_DIR
        "/plugins/wecom.so\"; corpid = \"c\"; secret = \"@env:KEY\"; agentid = 1; } );\n";
    static const struct {
        const char *alert, *says; /* NULL: good */
    } cases[] = {
        {"to = \"own:+8613851400001\"", NULL},
        {"to = \"own:138 5140 0001\"", NULL},
        {"to = \"chat:-100123\"", NULL},
        {"to = \"all\"", NULL},
        {"to = \"robot\"", NULL},
        {"to = \"ding\"", NULL},
        {"to = \"bird\"", NULL},
        {"to = \"member:zhang\"", NULL},
        {"exec = \"/bin/sh\"", NULL},
        {"to = \"own\"", "to: whose number? Expected \"own:NUMBER\", as in \"own:+8613851400001\""},
        {"to = \"own:\"", "to: whose number?"},
        {"to = \"own:12\"", "to: the number is too short"},
        {"to = \"own:02584700000\"", "to: a landline cannot receive texts"},
        {"to = \"chat\"", "to: whose address? Expected \"chat:ADDRESS\""},
        {"to = \"member\"", "to: whose address? Expected \"member:ADDRESS\""},
        {"exec = \"/nonexistent/x\"", "exec: /nonexistent/x: No such file or directory: expected"},
        {"exec = \"/bin/sh -c true\"", "exec: /bin/sh: something stands behind it: "},
        {"exec = \"/etc/passwd\"", "exec: /etc/passwd: Permission denied: expected"},
        {"exec = \"/tmp\"", "exec: /tmp: it is no file: expected"},
    };

    (void)state;
    setenv("KEY", "0123456789", 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t count, n;
        char *text = xasprintf("alerts = ( { %s; } );\n%s", cases[i].alert, gateways), *told;
        char *begins = xasprintf("outreachd: FILE:1: alerts[0].%s",
                                 cases[i].says != NULL ? cases[i].says : "");

        told = told_of(text, &count, &n);
        assert_int_equal(n, 7);
        if (count != (cases[i].says != NULL) ||
            (count == 1 && strncmp(told, begins, strlen(begins)) != 0))
            fail_msg("%s: \"%s\", expected \"%s\"", cases[i].alert, told, begins);
        free(begins);
        free(told);
        free(text);
    }
}

/* What a plugin finds wrong when it is opened is found without a line to anybody: of every plugin
 * that opens quietly. One that is disabled will not be opened. */
static void test_what_open_would_refuse(void **state)
{
    static const struct {
        const char *plugin, *settings, *says;
    } cases[] = {
        {"exec", "channel = \"sms\"; command = ( \"/bin/cat\" );", NULL},
        {"exec", "channel = \"sms\"; command = ( \"/nonexistent/gw\" ); disabled = true;", NULL},
        {"exec", "channel = \"sms\"; command = ( \"/nonexistent/gw\" );",
         "command: gateway own: command: /nonexistent/gw: No such file or directory"},
        {"exec", "channel = \"sms\"; command = ( \"/bin/cat\" ); environment = ( \"1A=x\" );",
         "environment[0]: gateway own: environment.0: must be \"NAME=value\""},
        {"http", "channel = \"sms\"; url = \"https://127.0.0.1:9/{{to:url}}\";", NULL},
        {"http", "channel = \"sms\"; url = \"ftp://127.0.0.1:9/{{to:url}}\";",
         "url: gateway own: url: "},
        {"http", "channel = \"sms\"; url = \"https://127.0.0.1:9/{{nobody:url}}\";",
         "url: gateway own: url: "},
        {"modem", "ports = ( \"/dev/ttyUSB0\" );", NULL},
        {"modem", "ports = ( \"ttyUSB0\" );",
         "ports[0]: gateway own: ports.0: the path of a device is expected, /dev/..."},
        {"telegram", "token = \"@env:OWN_TOKEN\";", NULL},
        {"telegram", "token = \"@env:OWN_BLANK\";", "token: gateway own: token: "},
        {"smpp",
         "host = \"127.0.0.1\"; port = 9; system_id = \"u\"; password = \"@env:OWN_TOKEN\";", NULL},
        {"smpp",
         "host = \"127.0.0.1\"; port = 9; system_id = \"u\"; password = \"@env:OWN_BLANK\";",
         "password: gateway own: password: 10 characters, but SMPP 3.4 carries at most 8"},
        {"wecom", "key = \"@env:OWN_TOKEN\"; format = \"html\";",
         "format: gateway own: format: must be text or markdown"},
        {"dingtalk", "access_token = \"@env:OWN_TOKEN\"; format = \"html\";",
         "format: gateway own: format: must be text or markdown"},
    };

    (void)state;
    setenv("OWN_TOKEN", "110:AAH", 1);
    setenv("OWN_BLANK", "11 02 4567", 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text =
            xasprintf("gateways = ( { name = \"own\"; plugin = \"%s/plugins/%s.so\";\n%s } );\n",
                      BUILD_DIR, cases[i].plugin, cases[i].settings);
        char *begins = xasprintf("outreachd: FILE:2: gateways[0].%s",
                                 cases[i].says != NULL ? cases[i].says : "");
        char *told;
        size_t count, gateways;

        told = told_of(text, &count, &gateways);
        if (count != (cases[i].says != NULL) ||
            (count == 1 && strncmp(told, begins, strlen(begins)) != 0))
            fail_msg("%s: \"%s\", expected \"%s\"", cases[i].settings, told, begins);
        free(begins);
        free(told);
        free(text);
    }
}

/* What a value may be is said as people write it, with the one that was found. */
static void test_in_chinese(void **state)
{
    size_t count, gateways;
    char *told;

    (void)state;
    language_set_chinese(true);
    told = told_of("replies = { keep = \"100d\"; };\n"
                   "redis = { appendfsync = \"never\"; };\n",
                   &count, &gateways);
    language_set_chinese(false);
    assert_int_equal(count, 2);
    assert_non_null(strstr(told, "范围 150d 至 3660d，现为 \"100d\"\n"));
    assert_non_null(strstr(told, "应为以下之一：\"always\"、\"everysec\"，现为 \"never\"\n"));
    free(told);
}

/* A value that is wrong hides none in another group, and is not taken for one that is missing. */
static void test_no_mistake_of_a_mistake(void **state)
{
    static const char text[] = "state_dir = 7;\n"
                               "redis = { url = 5; replicas = 1; };\n"
                               "alerts = ( { to = 5; } );\n"
                               "gateways = ( { name = \"a\"; plugin = 5; channel = 5; } );\n";
    size_t count, gateways;
    char *told;

    (void)state;
    told = told_of(text, &count, &gateways);
    assert_int_equal(count, 4);
    assert_string_equal(
        told, "outreachd: FILE:1: state_dir: expected a string in 1..4000 bytes, found an integer\n"
              "outreachd: FILE:2: redis.url: expected a string, found an integer\n"
              "outreachd: FILE:3: alerts[0].to: expected a string in 1..200 bytes, found an "
              "integer\n"
              "outreachd: FILE:4: gateways[0].plugin: plugin is missing: expected a plugin's name, "
              "or the path of its .so\n"
              "outreachd: FILE: 4 mistakes\n");
    free(told);
}

static void test_one_alone(void **state)
{
    static const char *const one[][2] = {
        {"gateways = ( { name = \"a\"; plugin = \"evil\"; way = \"good\"; prt = 1; } );" PLUGINS,
         "outreachd: FILE:1: gateways[0].prt: there is no such setting"},
        {"a = 1;\nb = ;\nc = 1;\n", "outreachd: FILE:2: "},
        {"\xff = 1;\n", "outreachd: FILE:1: "},
    };
    size_t count, gateways;

    (void)state;
    for (size_t i = 0; i < sizeof one / sizeof *one; i++) {
        char *told = told_of(one[i][0], &count, &gateways);

        assert_int_equal(count, 1);
        assert_memory_equal(told, one[i][1], strlen(one[i][1]));
        assert_ptr_equal(strchr(told, '\n'), told + strlen(told) - 1);
        free(told);
    }
}

static void test_a_good_one(void **state)
{
    size_t count, gateways = 9;
    char *told = told_of(PLUGINS "gateways = ( { name = \"a\"; plugin = \"evil\"; way = \"good\"; "
                                 "} );",
                         &count, &gateways);

    (void)state;
    assert_string_equal(told, "");
    assert_int_equal(count, 0);
    assert_int_equal(gateways, 1);
    free(told);
}

static void test_bounded(void **state)
{
    size_t n, count, gateways, lines = 0;
    char *text, *told;
    FILE *out = open_memstream(&text, &n);

    (void)state;
    for (int i = 1; i <= 1200; i++)
        fprintf(out, "x%d = 1;\n", i);
    fclose(out);
    told = told_of(text, &count, &gateways);
    assert_int_equal(count, 1200);
    for (const char *c = told; *c != '\0'; c++)
        lines += *c == '\n';
    assert_int_equal(lines, CONF_MISTAKES_TOLD + 1);
    assert_non_null(strstr(told,
                           "outreachd: FILE:20: x20: there is no such setting\n"
                           "outreachd: FILE: 1200 mistakes, and 20 of them are named here\n"));
    free(told);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_mistake), cmocka_unit_test(test_no_mistake_of_a_mistake),
        cmocka_unit_test(test_one_alone),     cmocka_unit_test(test_a_good_one),
        cmocka_unit_test(test_bounded),       cmocka_unit_test(test_in_chinese),
        cmocka_unit_test(test_alerts),        cmocka_unit_test(test_what_open_would_refuse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
