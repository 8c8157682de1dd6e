/*
 * The tables that say what codes mean: every one can be read and has words for people, the
 * SMPP one says what the plugin does, and the command line finds them.
 */
#include "code_words.h"
#include "codes.h"
#include "error.h"
#include "settings.h"
#include "status.h"
#include "tree.h"
#include "words.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct codes *read_table(const char *path)
{
    static char text[1 << 20];
    char error[200];
    FILE *f = fopen(path, "r");
    size_t n;
    struct codes *codes;

    assert_non_null(f);
    n = fread(text, 1, sizeof text, f);
    fclose(f);
    codes = codes_parse(text, n, error, sizeof error);
    if (codes == NULL)
        fail_msg("%s: %s", path, error);
    return codes;
}

static void test_every_table_is_whole(void **state)
{
    glob_t found;

    (void)state;
    assert_int_equal(glob(BUILD_DIR "/plugins/*.tsv", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct codes *codes = read_table(found.gl_pathv[i]);

        assert_true(codes_count(codes) > 0);
        for (size_t k = 0; k < codes_count(codes); k++)
            if (*codes_at(codes, k)->zh == '\0' || *codes_at(codes, k)->en == '\0')
                fail_msg("%s: %s has no words", found.gl_pathv[i], codes_at(codes, k)->code);
        codes_free(codes);
    }
    globfree(&found);
}

static void test_smpp_statuses_are_what_the_plugin_does(void **state)
{
    struct codes *codes = read_table(BUILD_DIR "/plugins/smpp.tsv");
    size_t named = 0, listed = 0;

    (void)state;
    for (uint32_t status = 0; status < 0x500; status++) {
        struct smpp_status does = smpp_status_find(status, NULL, 0);
        const struct code *says;
        char name[16];

        snprintf(name, sizeof name, "0x%08x", status);
        says = codes_find(codes, name, strlen(name));
        if (strcmp(does.name, "reserved") == 0) {
            assert_null(says);
            continue;
        }
        named++;
        assert_non_null(says);
        assert_int_equal(says->outcome, does.outcome);
        assert_int_equal(says->reason, does.reason);
    }
    for (size_t k = 0; k < codes_count(codes); k++)
        listed += strncmp(codes_at(codes, k)->code, "0x", 2) == 0;
    assert_int_equal(named, listed - 1 + 256); /* one line is of all the vendors' */
    codes_free(codes);
}

static void test_words(void **state)
{
    static const char config[] = "gateways = ( { name = \"m\"; plugin = \"smpp\"; },"
                                 "{ name = \"path\"; plugin = \"" BUILD_DIR "/plugins/smpp.so\"; },"
                                 "{ name = \"none\"; plugin = \"missing\"; } );";
    struct error err;
    struct tree *tree = tree_parse_config(config, strlen(config), "x", &err);
    struct settings settings = {.gateways = tree_get(tree, "gateways"),
                                .plugin_dir = BUILD_DIR "/plugins"};
    struct code_words *w = code_words_create(&settings);

    (void)state;
    language_set_chinese(true);
    assert_non_null(strstr(code_words_find(w, "m", "MK:0001"), "空号"));
    assert_non_null(strstr(code_words_find(w, "path", "UNDELIV:MK:0001"), "空号"));
    assert_non_null(strstr(code_words_find(w, "m", "DB:0141"), "黑名单"));
    assert_non_null(strstr(code_words_find(w, "m", "MI:0013"), "停机"));
    assert_non_null(strstr(code_words_find(w, "m", "MI:0024"), "关机"));
    language_set_chinese(false);
    assert_string_equal(code_words_find(w, "m", "0x0000000b"),
                        "no such number: correct it in the list");
    /* a code that is not known tells what its state does */
    assert_string_equal(code_words_find(w, "m", "EXPIRED:777"), code_words_find(w, "m", "EXPIRED"));
    assert_null(code_words_find(w, "m", "XX:9999"));
    assert_null(code_words_find(w, "m", ""));
    assert_null(code_words_find(w, "none", "DELIVRD"));
    assert_null(code_words_find(w, "gone", "DELIVRD"));
    code_words_free(w);
    code_words_free(NULL);
    tree_free(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_table_is_whole),
        cmocka_unit_test(test_smpp_statuses_are_what_the_plugin_does),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
