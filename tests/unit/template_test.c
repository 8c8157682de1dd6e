/* template_test.c - what stands in the text, and every way to get one wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "template.h"
#include "value.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define TEXT(s)                                                                                    \
    {                                                                                              \
        s, sizeof(s) - 1                                                                           \
    }

/* What the tests' campaign knows. Columns are sparse on purpose. */
static const struct {
    const char *name, *constant; /* NULL: a column */
    unsigned column;
} names[] = {
    {"event.date", "3月8日", 0},  {"event.time", "09:00", 0}, {"event.note", "", 0},
    {"event.odd", "{{name}}", 0}, {"name", NULL, 1},          {"企业数", NULL, 3},
    {"slot.date", NULL, 4},
};

static int resolve(const char *name, size_t n, struct template_slot *out, void *arg,
                   struct error *err)
{
    (void)arg;
    for (size_t i = 0; i < COUNT(names); i++) {
        if (strlen(names[i].name) != n || memcmp(names[i].name, name, n) != 0)
            continue;
        if (names[i].constant == NULL)
            *out = (struct template_slot){.kind = TEMPLATE_COLUMN, .column = names[i].column};
        else
            *out = (struct template_slot){.kind = TEMPLATE_CONSTANT,
                                          .text = names[i].constant,
                                          .length = strlen(names[i].constant)};
        return 0;
    }
    return error_set(err, "no such column; known are name, 企业数");
}

static const struct template_value values[] = {
    TEXT("unused"), TEXT("王秀英"), TEXT("unused"), TEXT("86"), TEXT(""),
};

static const struct rendering {
    const char *source, *text;
    enum template_status status;
    size_t column; /* that was empty */
} renderings[] = {
    {"", "", TEMPLATE_RENDERED, 0},
    {"no slot", "no slot", TEMPLATE_RENDERED, 0},
    {"{{name}}", "王秀英", TEMPLATE_RENDERED, 0},
    {"{{name|居民}}您好，{{event.date}}{{event.time}}，{{企业数}}家企业进场。",
     "王秀英您好，3月8日09:00，86家企业进场。", TEMPLATE_RENDERED, 0},
    {"{{name}}{{name}}", "王秀英王秀英", TEMPLATE_RENDERED, 0},
    {"{{ name | 居民 }}", "王秀英", TEMPLATE_RENDERED, 0},
    {"{{slot.date|待定}}见", "待定见", TEMPLATE_RENDERED, 0},
    {"{{slot.date| a | b }}.", "a | b.", TEMPLATE_RENDERED, 0},
    {"[{{slot.date|}}]", "[]", TEMPLATE_RENDERED, 0},
    {"{{event.note|no note}}", "no note", TEMPLATE_RENDERED, 0},
    {"a{{slot.date}}b", NULL, TEMPLATE_EMPTY, 4},
    {"{{name}}{{slot.date}}", NULL, TEMPLATE_EMPTY, 4},
    {"{{{{name}}}}", "{{name}}", TEMPLATE_RENDERED, 0},
    {"{{{{{{name}}}}}}", "{{王秀英}}", TEMPLATE_RENDERED, 0},
    {"{a} { } {{name}} {", "{a} { } 王秀英 {", TEMPLATE_RENDERED, 0},
    {"{{event.odd}}", "{{name}}", TEMPLATE_RENDERED, 0}, /* put in, not looked into */
    {"a\n{{name}}\n", "a\n王秀英\n", TEMPLATE_RENDERED, 0},
};

static void test_renderings(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(renderings); i++) {
        const struct rendering *f = &renderings[i];
        struct error err = {""};
        struct template *t = template_compile(f->source, strlen(f->source), resolve, NULL, &err);
        size_t length = f->text ? strlen(f->text) : 0, place = 99;
        char *out = malloc(length + 1);
        struct buf buf = BUF_INIT(256);

        if (t == NULL)
            fail_msg("%s: %s", f->source, err.text);
        if (template_render(t, values, COUNT(values), out, f->text ? length : 1, &place) !=
            f->status)
            fail_msg("%s: place %zu", f->source, place);
        assert_int_equal(place, f->text ? length : f->column);
        buf_puts(&buf, "> ");
        assert_int_equal(template_append(t, values, COUNT(values), &buf, &place), f->status);
        if (f->text != NULL) {
            assert_memory_equal(out, f->text, length);
            assert_int_equal(buf.length, 2 + length);
            assert_memory_equal(buf.data + 2, f->text, length);
        } else {
            assert_int_equal(buf.length, 2);
        }
        buf_free(&buf);
        free(out);
        template_destroy(t);
    }
}

static const struct {
    const char *source;
    size_t n; /* 0: all of it */
    const char *error;
} mistakes[] = {
    {"您好{{企业}}家", 0, "character 3: {{企业}}: no such column; known are name, 企业数"},
    {"一\n二{{x}}", 0, "line 2, character 2: {{x}}: no such column; known are name, 企业数"},
    {"{{x|default}}", 0, "character 1: {{x}}: no such column; known are name, 企业数"},
    {"您好{{name", 0, "character 3: {{ without }} behind it"},
    {"您好{{name}", 0, "character 3: {{ without }} behind it"},
    {"name}}您好", 0, "character 5: }} without {{ before it"},
    {"{{name}}}}", 0, "character 9: }} without {{ before it"},
    {"{{}}", 0, "character 1: {{}} names nothing"},
    {"{{ |x}}", 0, "character 1: {{}} names nothing"},
    {"{{name {{event.date}}", 0, "character 1: {{name {{event.date}} is no name; is a }} missing?"},
    {"{{name|居民您好，{{event.date}}", 0,
     "character 1: the default of {{name}} holds {{; is a }} missing?"},
    {"{{{name}}}", 0, "character 1: {{{name}} is no name; is a }} missing?"},
    {"{{event.note}}", 0, "character 1: {{event.note}} is empty and has no default"},
    {"您好\xff", 0, "character 3: not valid UTF-8"},
    {"ab\0c", 4, "character 3: not valid UTF-8"},
};

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        size_t n = mistakes[i].n ? mistakes[i].n : strlen(mistakes[i].source);
        struct error err = {""};

        assert_null(template_compile(mistakes[i].source, n, resolve, NULL, &err));
        assert_string_equal(err.text, mistakes[i].error);
        assert_null(template_compile(mistakes[i].source, n, resolve, NULL, NULL));
    }
}

static void test_slots(void **state)
{
    const char *source = "{{企业数}}{{event.date}}{{name}}{{企业数|1}}";
    const unsigned *columns;
    struct template *t = template_compile(source, strlen(source), resolve, NULL, NULL);

    (void)state;
    assert_int_equal(template_slots(t, &columns), 2);
    assert_int_equal(columns[0], 3);
    assert_int_equal(columns[1], 1);
    template_destroy(t);

    t = template_compile("{{event.date}}", 14, resolve, NULL, NULL);
    assert_int_equal(template_slots(t, &columns), 0);
    template_destroy(t);
    template_destroy(NULL);
}

/* Every size of the output: the bytes behind it stay, the size needed is told. */
static void test_bounds(void **state)
{
    const char *source = "a{{name}}b{{slot.date|待定}}c", *text = "a王秀英b待定c";
    struct template *t = template_compile(source, strlen(source), resolve, NULL, NULL);
    size_t length = strlen(text), place;

    (void)state;
    for (size_t size = 0; size <= length; size++) {
        char *out = malloc(size ? size : 1);
        struct buf buf = BUF_INIT(size);

        assert_int_equal(template_render(t, values, COUNT(values), out, size, &place),
                         size < length ? TEMPLATE_TOO_LONG : TEMPLATE_RENDERED);
        assert_int_equal(place, length);
        assert_int_equal(template_append(t, values, COUNT(values), &buf, &place),
                         size < length ? TEMPLATE_TOO_LONG : TEMPLATE_RENDERED);
        assert_int_equal(buf.length, size < length ? 0 : length);
        buf_free(&buf);
        free(out);
    }
    /* A row that is shorter than the campaign's columns has empty ones. */
    assert_int_equal(template_render(t, values, 1, NULL, 0, &place), TEMPLATE_EMPTY);
    assert_int_equal(place, 1);
    template_destroy(t);
}

static void test_too_long_a_source(void **state)
{
    char *source = malloc(TEMPLATE_MAX_BYTES + 1);
    struct template *t;
    struct error err;

    (void)state;
    memset(source, 'a', TEMPLATE_MAX_BYTES + 1);
    t = template_compile(source, TEMPLATE_MAX_BYTES, resolve, NULL, &err);
    assert_non_null(t);
    template_destroy(t);
    assert_null(template_compile(source, TEMPLATE_MAX_BYTES + 1, resolve, NULL, &err));
    memcpy(source, "{{event.odd}}{{企业数|1}}{{name}}", 36); /* hardly shrinks */
    t = template_compile(source, TEMPLATE_MAX_BYTES, resolve, NULL, &err);
    template_destroy(t);
    free(source);
}

/* Any bytes at all are compiled or refused. */
static void test_noise(void **state)
{
    static const char *const bits[] = {"{{", "}}", "{", "}",  "|",    "name",      "企业数",
                                       "\n", " ",  "a", "王", "\xe7", "event.date"};
    unsigned seed = 4711;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        char source[128], out[512];
        size_t n = 0, place;
        struct template *t;
        struct error err = {""};

        for (int k = rand_r(&seed) % 10; k > 0; k--) {
            const char *bit = bits[(size_t)rand_r(&seed) % COUNT(bits)];

            memcpy(source + n, bit, strlen(bit));
            n += strlen(bit);
        }
        t = template_compile(source, n, resolve, NULL, &err);
        if (t == NULL) {
            assert_string_not_equal(err.text, "");
            continue;
        }
        assert_int_equal(template_render(t, values, COUNT(values), out, sizeof out, &place),
                         TEMPLATE_RENDERED);
        template_destroy(t);
    }
}

static const struct {
    const char *dirty, *clean;
} cleaned[] = {
    {"王秀英", "王秀英"},
    {"  王秀英\t\r\n", "王秀英"},
    {"\xe3\x80\x80王 秀英\xc2\xa0", "王 秀英"},   /* ideographic and no-break space */
    {"\xef\xbb\xbf王\xe2\x80\x8b秀英", "王秀英"}, /* byte order mark, zero width */
    {" \xef\xbb\xbf ", ""},
    {"", ""},
    {"👩\xe2\x80\x8d👧", "👩\xe2\x80\x8d👧"}, /* a joiner belongs to the emoji */
};

static void test_cleaned(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cleaned); i++) {
        char text[64];
        size_t n = strlen(cleaned[i].dirty);

        memcpy(text, cleaned[i].dirty, n);
        assert_int_equal(text_value_clean(text, n), strlen(cleaned[i].clean));
        assert_memory_equal(text, cleaned[i].clean, strlen(cleaned[i].clean));
    }
}

static const struct {
    const char *value;
    enum text_value_fault fault;
    size_t offset;
} checked[] = {
    {"", TEXT_VALUE_OK, 0},
    {"王秀英", TEXT_VALUE_OK, 0},
    {"孙燕😊", TEXT_VALUE_OK, 0},
    {"Maria O'Neil-Lopez (Jr.)", TEXT_VALUE_OK, 0},
    {"《插花》, “周末” 3.8", TEXT_VALUE_OK, 0},
    {"王【工商银行】", TEXT_VALUE_BRACKET, 3},
    {"a】", TEXT_VALUE_BRACKET, 1},
    {"a\nb", TEXT_VALUE_LINE_BREAK, 1},
    {"a\rb", TEXT_VALUE_LINE_BREAK, 1},
    {"a\xc2\x85", TEXT_VALUE_LINE_BREAK, 1},
    {"王\xe2\x80\xa8", TEXT_VALUE_LINE_BREAK, 3},
    {"a\tb", TEXT_VALUE_CONTROL, 1},
    {"a\x7f", TEXT_VALUE_CONTROL, 1},
    {"a\x1b[2J", TEXT_VALUE_CONTROL, 1},
    {"a\xc2\x9b", TEXT_VALUE_CONTROL, 1},
    {"a\xe2\x80\xae"
     "b",
     TEXT_VALUE_BIDI, 1},
    {"a\xe2\x81\xa6", TEXT_VALUE_BIDI, 1},
    {"\xe2\x80\x8f", TEXT_VALUE_BIDI, 0},
    {"a\xff", TEXT_VALUE_NOT_UTF8, 1},
    {"看https://a.cn", TEXT_VALUE_LINK, 8},
    {"WWW.x.cn", TEXT_VALUE_LINK, 0},
    {"t.cn/Ab3", TEXT_VALUE_LINK, 1},
    {"U.S./Canada", TEXT_VALUE_OK, 0},
    {"1.5/2", TEXT_VALUE_OK, 0},
};

static void test_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(checked); i++) {
        size_t offset = 0, n = strlen(checked[i].value);

        if (text_value_check(checked[i].value, n, 0, &offset) != checked[i].fault)
            fail_msg("row %zu: %s", i, checked[i].value);
        if (checked[i].fault != TEXT_VALUE_OK)
            assert_int_equal(offset, checked[i].offset);
        if (checked[i].fault == TEXT_VALUE_LINK)
            assert_int_equal(text_value_check(checked[i].value, n, TEXT_VALUE_MAY_LINK, &offset),
                             TEXT_VALUE_OK);
        assert_non_null(text_value_fault_text(checked[i].fault));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_renderings),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_too_long_a_source),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_cleaned),
        cmocka_unit_test(test_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
