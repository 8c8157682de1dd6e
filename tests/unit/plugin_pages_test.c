/* plugins/README.md has every setting of these plugins, each in the plugin's own section, and no
 * setting that there is not. */
#include "gateway_plugin.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = {
    "wecom",  "dingtalk", "feishu",   "wechat", "exec",  "aliyun", "tencent", "huawei",
    "twilio", "telegram", "whatsapp", "cmpp",   "modem", "smpp",   "http",    "sandbox"};

/* The section of that heading; good until the next call. */
static char *section(const char *name)
{
    static char page[1 << 20];
    FILE *f = fopen(TEST_DIR "/../plugins/README.md", "r");
    char heading[64], *from, *to;
    size_t n;

    assert_non_null(f);
    n = fread(page, 1, sizeof page - 1, f);
    page[n] = '\0';
    fclose(f);
    snprintf(heading, sizeof heading, "\n## %s\n", name);
    from = strstr(page, heading);
    if (from == NULL)
        fail_msg("no section %s", name);
    to = strstr(from + strlen(heading), "\n## ");
    if (to != NULL)
        *to = '\0';
    return from;
}

static bool declares(const struct gateway_setting *table, const char *name, size_t n)
{
    for (; table != NULL && table->name != NULL; table++)
        if ((strlen(table->name) == n && strncmp(table->name, name, n) == 0) ||
            declares(table->fields, name, n))
            return true;
    return false;
}

/* The first cell of each row of the table under "| setting |" names settings in back quotes. */
static void rows_are_settings(const char *plugin, const char *page,
                              const struct gateway_setting *table)
{
    size_t rows = 0;

    for (const char *line = strstr(page, "\n| setting |"); line != NULL;) {
        const char *cell = line + 2, *end = strchr(cell, '|');

        if (line[1] != '|' || end == NULL)
            break;
        for (const char *q = strchr(cell, '`'); q != NULL && q < end; q = strchr(q, '`')) {
            size_t n = strcspn(q + 1, "`");

            if (!declares(table, q + 1, n))
                fail_msg("%s: there is no setting %.*s", plugin, (int)n, q + 1);
            q += n + 2;
            rows++;
        }
        line = strchr(line + 1, '\n');
    }
    assert_true(rows > 0);
}

static void test_page(void **state)
{
    const char *name = *state;
    char path[512], quoted[80], *page = section(name);
    const struct gateway_plugin *p;
    void *library;

    snprintf(path, sizeof path, BUILD_DIR "/plugins/%s.so", name);
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(library);
    p = dlsym(library, "gateway_plugin");
    rows_are_settings(name, page, p->settings);
    for (const struct gateway_setting *s = p->settings; s->name != NULL; s++) {
        snprintf(quoted, sizeof quoted, "`%s`", s->name);
        if (strstr(page, quoted) == NULL)
            fail_msg("%s: setting %s is not there", name, s->name);
        /* ... and its default behind it. */
        if (s->initial != NULL && strstr(strstr(page, quoted), s->initial) == NULL)
            fail_msg("%s: the default %s of %s is not there", name, s->initial, s->name);
    }
}

int main(void)
{
    struct CMUnitTest tests[sizeof names / sizeof *names];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        tests[i] =
            (struct CMUnitTest){names[i], test_page, NULL, NULL, (void *)(uintptr_t)names[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
