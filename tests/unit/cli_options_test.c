/* cli_options_test.c - command lines, and the tables behind them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#include "cli.h"
#include "error.h"
#include "options.h"
#include "utf8.h"

struct shared {
    bool json;
    const char *config;
};

static const struct option_row shared_table[] = {
    {"json", 0, OPTION_FLAG, OPTION_AT(struct shared, json), NULL, .help = "JSON"},
    {"config", 'c', OPTION_STRING, OPTION_AT(struct shared, config), "FILE", .help = "a file"},
    {0},
};

struct own {
    bool follow;
    int64_t count, wait_ms;
    const char *until;
};

static const struct option_row own_table[] = {
    {"follow", 'f', OPTION_FLAG, OPTION_AT(struct own, follow), NULL, .help = "go on"},
    {"count", 'n', OPTION_NUMBER, OPTION_AT(struct own, count), "COUNT", .min = 1, .max = 1000,
     .initial = 50, .word = "all", .help = "how many"},
    {"wait", 'w', OPTION_DURATION, OPTION_AT(struct own, wait_ms), "SECONDS", .initial = 3000,
     .help = "how long"},
    {"until", 0, OPTION_CHOICE, OPTION_AT(struct own, until), "settled|done",
     .help = "when to end"},
    {0},
};

static const struct option_row more_table[] = {
    {"version", 'V', OPTION_FLAG, .help = "which one"},
    {0},
};

struct parsed {
    struct shared shared;
    struct own own;
    int first, argc;
    char *argv[16];
    struct error err;
};

static void parse(struct parsed *p, bool leading, const char *const *words)
{
    memset(p, 0, sizeof *p);
    p->argv[p->argc++] = (char *)"outreach";
    for (; words[p->argc - 1] != NULL; p->argc++)
        p->argv[p->argc] = (char *)words[p->argc - 1];
    options_initial(own_table, &p->own);
    p->first = options_read(shared_table, &p->shared, leading ? NULL : own_table, &p->own, leading,
                            p->argc, p->argv, &p->err);
}

#define PARSE(p, ...) parse(p, false, (const char *const[]){__VA_ARGS__, NULL})

static void test_defaults_and_values(void **state)
{
    struct parsed p;

    (void)state;
    PARSE(&p, "id");
    assert_int_equal(p.first, 1);
    assert_int_equal(p.own.count, 50);
    assert_int_equal(p.own.wait_ms, 3000);
    assert_false(p.own.follow);
    PARSE(&p, "-fn7", "--wait=2min", "--until", "done", "--json", "-c", "x.conf");
    assert_true(p.own.follow && p.shared.json);
    assert_int_equal(p.own.count, 7);
    assert_int_equal(p.own.wait_ms, 120000);
    assert_string_equal(p.own.until, "done");
    assert_string_equal(p.shared.config, "x.conf");
}

static void test_options_stand_anywhere_and_may_be_short(void **state)
{
    struct parsed p;

    (void)state;
    PARSE(&p, "one", "--foll", "two", "-n", "all", "--", "-n");
    assert_true(p.own.follow);
    assert_int_equal(p.own.count, 0);
    assert_int_equal(p.argc - p.first, 3);
    assert_string_equal(p.argv[p.first], "one");
    assert_string_equal(p.argv[p.first + 1], "two");
    assert_string_equal(p.argv[p.first + 2], "-n");
}

/* What stands behind the command is the command's: `outreach logs -f`. */
static void test_leading_options_end_at_the_command(void **state)
{
    struct parsed p;

    (void)state;
    parse(&p, true, (const char *const[]){"--json", "logs", "-f", NULL});
    assert_int_equal(p.first, 2);
    assert_true(p.shared.json);
}

static const struct {
    const char *name, *words[4], *error;
} faults[] = {
    {"unknown, with the nearest",
     {"--folow"},
     "there is no option --folow (did you mean --follow?)"},
    {"unknown, with nothing near", {"--xyzzyx"}, "there is no option --xyzzyx"},
    {"an unknown letter", {"-z"}, "there is no option -z"},
    {"without its argument", {"--count"}, "--count needs an argument"},
    {"a letter without its argument", {"-n"}, "-n needs an argument"},
    {"with an argument it does not take", {"--follow=1"}, "--follow takes no argument"},
    {"no number", {"-n", "many"}, "--count many: expected a number from 1 to 1000"},
    {"out of range", {"-n", "1001"}, "--count 1001: expected a number from 1 to 1000"},
    {"no duration",
     {"-w", "soon"},
     "--wait soon: expected a time such as 3 (seconds), 2min, 2h or 7d"},
    {"not one of the choices", {"--until", "don"}, "--until don: expected settled|done"},
};

static void test_faults(void **state)
{
    struct parsed p;

    (void)state;
    language_set_chinese(false);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        parse(&p, false, faults[i].words);
        assert_int_equal(p.first, -1);
        assert_string_equal(p.err.text, faults[i].error);
    }
}

static void test_help_is_made_of_the_table(void **state)
{
    struct buf out = BUF_INIT(4096);

    (void)state;
    language_set_chinese(false);
    options_write(own_table, more_table, &out);
    assert_string_equal(buf_string(&out), "  -f, --follow              go on\n"
                                          "  -n, --count COUNT         how many\n"
                                          "  -w, --wait SECONDS        how long\n"
                                          "      --until settled|done  when to end\n"
                                          "  -V, --version             which one\n");
    buf_free(&out);
}

static void expect_no_capitals(const char *command, const char *argument)
{
    char words[WORDS_ARGUMENT_BYTES];

    words_argument(words, argument);
    for (const char *p = words; *p != '\0'; p++)
        if (isupper((unsigned char)p[0]) && isupper((unsigned char)p[1]))
            fail_msg("%s: %s is %s in Chinese", command, argument, words);
}

static void test_what_is_to_be_written_is_named_in_chinese(void **state)
{
    (void)state;
    language_set_chinese(true);
    for (size_t i = 0; subcommands[i] != NULL; i++) {
        const struct option_row *row = subcommands[i]->options;

        expect_no_capitals(subcommands[i]->name, subcommands[i]->operands);
        for (; row != NULL && row->name != NULL; row++)
            if (row->argument != NULL)
                expect_no_capitals(subcommands[i]->name, row->argument);
    }
    language_set_chinese(false);
}

/* On a terminal of 80 columns no line of a table of options breaks in a word. */
static void test_options_fit_a_terminal(void **state)
{
    (void)state;
    for (int language = 0; language < 2; language++) {
        language_set_chinese(language == 1);
        for (size_t i = 0; subcommands[i] != NULL; i++) {
            struct buf out = BUF_INIT(1u << 20);
            const char *line;

            if (subcommands[i]->options == NULL)
                continue;
            options_write(subcommands[i]->options, NULL, &out);
            for (line = buf_string(&out); *line != '\0';) {
                size_t n = strcspn(line, "\n");

                /* A closing mark may hang over. */
                if (utf8_columns(line, n) > 80 + (language == 1 ? 2 : 0))
                    fail_msg("%s: %.*s", subcommands[i]->name, (int)n, line);
                line += n + (line[n] == '\n');
            }
            buf_free(&out);
        }
    }
    language_set_chinese(false);
}

static const struct option_row wide_table[] = {
    {"an-option-with-a-long-name", 'a', OPTION_FLAG, 0, NULL,
     .help = "stands above what is said of it"},
    {"follow", 'f', OPTION_FLAG, 0, NULL,
     .help = "goes on with what comes, also when the file is rotated away and a new one begins"},
    {0},
};

static void test_long_words_of_help_go_on_below(void **state)
{
    struct buf out = BUF_INIT(4096);

    (void)state;
    language_set_chinese(false);
    options_write(wide_table, NULL, &out);
    assert_string_equal(
        buf_string(&out),
        "  -a, --an-option-with-a-long-name\n"
        "                stands above what is said of it\n"
        "  -f, --follow  goes on with what comes, also when the file is rotated away and\n"
        "                a new one begins\n");
    buf_free(&out);
}

static bool has_chinese(const char *english)
{
    bool has;

    language_set_chinese(true);
    has = strcmp(language_text(english), english) != 0;
    language_set_chinese(false);
    return has;
}

/* Each command says in both languages what it does, and what each option does. */
static void test_every_command_explains_itself(void **state)
{
    (void)state;
    for (size_t i = 0; subcommands[i] != NULL; i++) {
        const struct subcommand *s = subcommands[i];

        assert_true(has_chinese(s->summary));
        assert_true(s->more == NULL || has_chinese(s->more));
        assert_non_null(s->run);
        assert_true(s->most == -1 || s->most >= s->least);
        for (const struct option_row *o = s->options; o != NULL && o->name != NULL; o++) {
            assert_true(has_chinese(o->help));
            assert_true(o->offset < s->options_bytes);
            assert_true((o->argument == NULL) == (o->kind == OPTION_FLAG));
            assert_true(o->letter != 'c' && o->letter != 'h'); /* these are everybody's */
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_and_values),
        cmocka_unit_test(test_options_stand_anywhere_and_may_be_short),
        cmocka_unit_test(test_leading_options_end_at_the_command),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_help_is_made_of_the_table),
        cmocka_unit_test(test_what_is_to_be_written_is_named_in_chinese),
        cmocka_unit_test(test_options_fit_a_terminal),
        cmocka_unit_test(test_long_words_of_help_go_on_below),
        cmocka_unit_test(test_every_command_explains_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
