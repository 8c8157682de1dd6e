/* plugin-check as a stranger uses it: what is good passes, each vice is named, and the
 * template builds out of the tree against gateway_plugin.h alone. */
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>

#define CHECK BUILD_DIR "/plugin-check"
#define PLUGINS BUILD_DIR "/plugins/"
#define BAD_ONES BUILD_DIR "/tests/plugins/"

static char said[1 << 18];

/* Runs a command; its output is in said. Returns its exit code. */
static int run(const char *command)
{
    FILE *f = popen(command, "r");
    size_t n;
    int status;

    assert_non_null(f);
    n = fread(said, 1, sizeof said - 1, f);
    said[n] = '\0';
    status = pclose(f);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void clean(const char *arguments, bool all_judged)
{
    char command[2000];
    int rc;

    snprintf(command, sizeof command, CHECK " %s 2>&1", arguments);
    rc = run(command);
    if (rc != 0 || strstr(said, "BAD ") != NULL)
        fail_msg("%s: exit %d\n%s", arguments, rc, said);
    assert_non_null(strstr(said, " 0 promises broken"));
    if (all_judged && strstr(said, "it took no messages") != NULL)
        fail_msg("%s: not judged\n%s", arguments, said);
}

static void bad(const char *arguments, const char *verdict)
{
    char command[1000];
    int rc;

    snprintf(command, sizeof command, CHECK " %s 2>/dev/null", arguments);
    rc = run(command);
    if (rc != 1 || strstr(said, verdict) == NULL)
        fail_msg("%s: exit %d, expected: %s\n%s", arguments, rc, verdict, said);
}

static void sandbox_and_http_are_clean(void **state)
{
    (void)state;
    clean(PLUGINS "sandbox.so echo_reference=true replies=50", true);
    assert_int_equal(access("{{", F_OK), -1); /* a phone_file that was tried: not made here */
    clean(PLUGINS "http.so channel=sms secret=Zq7-secret-41 "
                  "'url=http://127.0.0.1:9/?k={{secret:url}}&to={{to:url}}&text={{text:url}}'",
          true);
    assert_null(strstr(said, "answers of HTTP, good and bad: not judged"));
}

/* tests/e2e/plugins.test.js has peers for it, and all other plugins. */
static void a_session_is_clean_without_a_peer(void **state)
{
    (void)state;
    clean(PLUGINS "smpp.so", false);
    assert_non_null(strstr(said, "many texts, one by one: not judged: it took no messages"));
}

static void the_template_builds_out_of_tree_and_is_clean(void **state)
{
    char directory[] = "/tmp/outreach-template-XXXXXX", command[2000];
    int rc;

    (void)state;
    assert_non_null(mkdtemp(directory));
    /* Of ours it finds the header alone, and the flags that its judge was built with. */
    snprintf(command, sizeof command,
             "set -e; cd %s; mkdir -p tree/plugins; cp " TEST_DIR
             "/../plugins/gateway_plugin.h tree/plugins; cp " TEST_DIR
             "/../plugins/template/* .; mv template.c acme.c; "
             "make NAME=acme OUTREACHD=tree CFLAGS='-O1 -g -Werror -fsanitize=address,undefined' "
             "acme.so 2>&1",
             directory);
    rc = run(command);
    if (rc != 0)
        fail_msg("%s", said);
    snprintf(command, sizeof command,
             "-p %s/push.http %s/acme.so key=Zq7-secret-41 url=http://127.0.0.1:9/", directory,
             directory);
    clean(command, true);
    assert_null(strstr(said, "not judged"));
    snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(run(command), 0);
}

static void each_vice_is_named(void **state)
{
    static const struct {
        const char *arguments, *verdict;
    } vices[] = {
        {"-s 'one by one' " BAD_ONES "evil.so way=good", "leaves a timer behind close()"},
        {"-s 'one by one' " BAD_ONES "evil.so way=twice", "answers a message twice"},
        {"-s 'one by one' " BAD_ONES "evil.so way=forged", ", which it never got"},
        {"-s 'one by one' " BAD_ONES "evil.so way=never", "messages unanswered for ten minutes"},
        {"-s 'one by one' " BAD_ONES "evil.so way=nonsense", "answers with outcome 99"},
        {"-s 'one by one' " BAD_ONES "evil.so way=ids", "gives a message id of 65 bytes"},
        {"-s 'one by one' -m DIE " BAD_ONES "evil.so way=deadly",
         "takes the process with it: Aborted"},
        {"-s 'one by one' " BAD_ONES "evil.so way=wild",
         "answers with retry_after_ms 9223372036854775807"},
        {"-s 'one by one' " BAD_ONES "evil.so way=wild", "says id_count 1 with no ids"},
        {"-s 'one by one' " BAD_ONES "evil.so way=wild", "calls done() without an answer"},
        {"-s 'a window full' " BAD_ONES "evil.so way=chaos", ", which it never got"},
        {"-s 'one by one' " BAD_ONES "evil.so way=refuses",
         "leaves a timer behind an open() that refuses"},
        {"-s garbage " BAD_ONES "evil.so way=good", "answers a push twice"},
        {"-s garbage " BAD_ONES "evil.so way=never", "leaves a push unanswered"},
        {"-s garbage " BAD_ONES "evil.so way=good", "a receipt without id and reference"},
        {"-s garbage " BAD_ONES "evil.so way=good", "does not want to know whether it is stored"},
        {"-s 'one by one' " BAD_ONES "evil.so way=child", "leaves a child process behind close()"},
        {"-s 'looked at' " BAD_ONES "evil.so way=loud",
         "starts a process in open(), and says GATEWAY_OPENS_QUIETLY"},
        {BAD_ONES "bad_table.so", "its default \"99\" is not in 1..10"},
        {BAD_ONES "no_name.so", "it has no name"},
        {BAD_ONES "no_submit.so", "open, submit and close are needed"},
        {BAD_ONES "no_symbol.so", "exports no gateway_plugin"},
        {BAD_ONES "old_abi.so", "another version of gateway_plugin.h"},
        {BAD_ONES "other_name.so", "the file is other_name.so, the plugin calls itself"},
        {BAD_ONES "small.so", "smaller than that of the first version"},
        {BAD_ONES "unresolved.so", "undefined symbol"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof vices / sizeof *vices; i++)
        bad(vices[i].arguments, vices[i].verdict);
}

static void a_wrong_call_is_64(void **state)
{
    (void)state;
    assert_int_equal(run(CHECK " 2>&1"), 64);
    assert_int_equal(run(CHECK " /nowhere/x.so 2>&1"), 64);
    assert_int_equal(run(CHECK " " PLUGINS "sandbox.so no_such=1 2>&1"), 64);
    assert_non_null(strstr(said, "sandbox has no setting no_such"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sandbox_and_http_are_clean),
        cmocka_unit_test(a_session_is_clean_without_a_peer),
        cmocka_unit_test(the_template_builds_out_of_tree_and_is_clean),
        cmocka_unit_test(each_vice_is_named),
        cmocka_unit_test(a_wrong_call_is_64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
