/*
 * A wire trace is shown around: no secret and no whole number in it, however it is written.
 */
#include "error.h"
#include "redact.h"
#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct line {
    const char *wire, *shown;
} lines[] = {
    {"GET /s?key=k%2Fe+y&to=%2B8613851409876&x=1 HTTP/1.1\r\n",
     "GET /s?key=***&to=%2B86138******76&x=1 HTTP/1.1\n"},
    {"Authorization: Basic d29tZW46czNjcmV0\r\nHost: a\r\n", "Authorization: ***\nHost: a\n"},
    {"authorization:Bearer x y z", "authorization:***"},
    {"{\"access_token\":\"abc\",\"expires_in\":7200}",
     "{\"access_token\":\"***\",\"expires_in\":7200}"},
    {"{\\\"password\\\":\\\"abc\\\"}", "{\\\"password\\\":\\\"***\"}"},
    {"it says top/se\"cret here", "it says *** here"},
    {"as top%2Fse%22cret and top%2fse%22cret and top/se\\\"cret", "as *** and *** and ***"},
    {"nested: hook-token-42.", "nested: ***."},
    {"to 13851409876, 008613851409876, 8613851409876",
     "to 138******76, 0086138******76, 86138******76"},
    {"another 13851400001", "another 13851400001"},
    {"text=%E6%98%A5 monk=1 a=b: c", "text=%E6%98%A5 monk=1 a=b: c"},
    {"\033[2J\001x\ty", ".[2J.x\ty"},
    {"hook-\rtoken-42 1385140\r9876", "hook-.token-42 1385140.9876"},
    {"token", "token"},
    {"token=", "token="},
    {"=:", "=:"},
};

static void test_lines(void **state)
{
    static const char config[] = "secret = \"@env:REDACT_ONE\"; url = \"http://a/\";"
                                 "list = ( { token = \"@env:REDACT_TWO\"; } );";
    struct error err;
    struct tree *group;
    struct redaction *r;

    (void)state;
    setenv("REDACT_ONE", "top/se\"cret", 1);
    setenv("REDACT_TWO", "hook-token-42", 1);
    group = tree_parse_config(config, strlen(config), "x", &err);
    assert_non_null(group);
    r = redaction_create(group, "+8613851409876");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct buf out = BUF_INIT(4096);

        redact(r, lines[i].wire, strlen(lines[i].wire), &out);
        assert_string_equal(buf_string(&out), lines[i].shown);
        buf_free(&out);
    }
    redaction_free(r);
    tree_free(group);
    redaction_free(NULL);
}

/* The name of a chat is nobody's business either; a short one is no number. */
static void test_names(void **state)
{
    static const char config[] = "x = 1;";
    struct error err;
    struct tree *group = tree_parse_config(config, strlen(config), "x", &err);
    struct redaction *r = redaction_create(group, "zhang.san7");
    struct buf out = BUF_INIT(4096);

    (void)state;
    redact(r, "touser=zhang.san7|li.si", 23, &out);
    assert_string_equal(buf_string(&out), "touser=***|li.si");
    buf_free(&out);
    redaction_free(r);
    tree_free(group);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
