/* utf8_test.c - what is a character, and how wide. Sequences: RFC 3629 and the
 * Unicode Standard, table 3-7; widths: glibc's wcwidth as a second opinion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "utf8.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct sequence {
    const char *name, *bytes;
    size_t length;
    int64_t code; /* -1: none */
    bool torn;    /* more bytes may complete it */
} sequences[] = {
    {"NUL is a character", "\0", 1, 0, false},
    {"a", "a", 1, 'a', false},
    {"last of one byte", "\x7f", 1, 0x7f, false},
    {"first of two bytes", "\xc2\x80", 2, 0x80, false},
    {"last of two bytes", "\xdf\xbf", 2, 0x7ff, false},
    {"first of three bytes", "\xe0\xa0\x80", 3, 0x800, false},
    {"a Chinese character", "妇", 3, 0x5987, false},
    {"last before the surrogates", "\xed\x9f\xbf", 3, 0xd7ff, false},
    {"first behind the surrogates", "\xee\x80\x80", 3, 0xe000, false},
    {"last of three bytes", "\xef\xbf\xbf", 3, 0xffff, false},
    {"first of four bytes", "\xf0\x90\x80\x80", 4, 0x10000, false},
    {"an emoji", "😊", 4, 0x1f60a, false},
    {"the last character of all", "\xf4\x8f\xbf\xbf", 4, 0x10ffff, false},
    {"beyond the last", "\xf4\x90\x80\x80", 4, -1, false},
    {"beyond the last, begun", "\xf4\x90", 2, -1, false},
    {"f5 begins nothing", "\xf5\x80\x80\x80", 4, -1, false},
    {"ff begins nothing", "\xff", 1, -1, false},
    {"a lone continuation", "\x80", 1, -1, false},
    {"overlong slash in two", "\xc0\xaf", 2, -1, false},
    {"overlong in two, c1", "\xc1\xbf", 2, -1, false},
    {"overlong slash in three", "\xe0\x80\xaf", 3, -1, false},
    {"overlong in three, begun", "\xe0\x9f", 2, -1, false},
    {"overlong slash in four", "\xf0\x80\x80\xaf", 4, -1, false},
    {"overlong in four, begun", "\xf0\x8f\xbf", 3, -1, false},
    {"high surrogate", "\xed\xa0\x80", 3, -1, false},
    {"low surrogate", "\xed\xbf\xbf", 3, -1, false},
    {"a surrogate, begun", "\xed\xa0", 2, -1, false},
    {"two of three bytes", "\xe5\xa6", 2, -1, true},
    {"one of three bytes", "\xe5", 1, -1, true},
    {"one of two bytes", "\xc3", 1, -1, true},
    {"three of four bytes", "\xf0\x9f\x98", 3, -1, true},
    {"two bytes, then a letter",
     "\xe5\xa6"
     "a",
     3, -1, false},
    {"one byte, then a letter",
     "\xf0"
     "a",
     2, -1, false},
};

static void test_sequences(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sequences); i++) {
        const struct sequence *f = &sequences[i];
        const char *p = f->bytes;
        uint32_t code = 0;
        int found = utf8_next(&p, f->bytes + f->length, &code);

        if ((found == 0) != (f->code >= 0) || utf8_is_torn(f->bytes, f->length) != f->torn)
            fail_msg("%s", f->name);
        assert_ptr_equal(p, f->bytes + (found == 0 ? f->length : 0));
        if (f->code >= 0) {
            char back[UTF8_MAX];

            assert_int_equal(code, f->code);
            assert_int_equal(utf8_put(back, code), f->length);
            assert_memory_equal(back, f->bytes, f->length);
        }
    }
}

static void test_valid_and_count(void **state)
{
    (void)state;
    assert_int_equal(utf8_valid("", 0), 0);
    assert_int_equal(utf8_valid("王秀英", 9), 9);
    assert_int_equal(utf8_valid("王秀英", 8), 6); /* torn at the end */
    assert_int_equal(utf8_valid("ab\xff"
                                "cd",
                                5),
                     2);
    assert_int_equal(utf8_count("王秀英a😊", 14), 5);
    assert_int_equal(utf8_count("a\xff\xfe", 3), 3);
}

static void agree(const char *bytes, size_t n)
{
    const char *p = bytes, *end = bytes + n;
    uint32_t code;
    long units = 0;

    while (p < end && utf8_next(&p, end, &code) == 0)
        units += 1 + (code > 0xffff);
    if (utf8_units(bytes, n) != (p == end ? units : -1))
        fail_msg("%zu bytes of %02x %02x %02x %02x", n, bytes[0] & 0xff, bytes[1] & 0xff,
                 bytes[2] & 0xff, bytes[3] & 0xff);
}

/* As the first and as the second character where two of three bytes are looked at
 * at once, and with a text before and after them. */
static void agree_among_chinese(const char three[3])
{
    char text[3 + 3 + 9];

    memcpy(text, "王", 3);
    memcpy(text + 3, three, 3);
    memcpy(text + 6, "秀英好", 9);
    agree(text, 15);
    agree(text + 3, 12);
}

/* The automaton is another spelling of the same rules: they agree on every two
 * bytes, followed by up to two that stand for their class. */
static void test_units_agree_with_next(void **state)
{
    static const char classes[] = "\x7f\x80\x90\xa0\xbf\xc1\xe5\xf0";

    (void)state;
    for (unsigned first = 0; first < 0x10000; first++)
        for (const char *third = classes; *third != '\0'; third++)
            for (const char *fourth = classes; *fourth != '\0'; fourth++) {
                const char bytes[] = {(char)(first >> 8), (char)first, *third, *fourth};

                agree(bytes, 4);
                if (fourth == classes) {
                    agree(bytes, 3);
                    agree_among_chinese(bytes);
                }
                if (third == classes && fourth == classes)
                    agree(bytes, 2);
            }
    assert_int_equal(utf8_units("", 0), 0);
    assert_int_equal(utf8_units("王a😊\n", 9), 5);
    assert_int_equal(utf8_units("王a😊\n", 2), -1);
}

static const struct {
    const char *text;
    size_t columns;
} widths[] = {
    {"", 0},
    {"abc", 3},
    {"王秀英", 6},
    {"Maria Lopez", 11},
    {"１３８", 6},
    {"【示例】", 8},
    {"，。！", 6},
    {"“引”", 4},
    {"e\xcc\x81", 1} /* e, acute */,
    {"孙燕😊", 6},
    {"\xef\xbb\xbf"
     "a",
     1},
    {"한국", 4},
    {"ｱｲｳ", 3},
    {"a\tb", 2},
    {"\xff", 1},
    {"ئۇيغۇر", 6},
    {"𠮷", 2},
};

static void test_widths(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(widths); i++)
        if (utf8_columns(widths[i].text, strlen(widths[i].text)) != widths[i].columns)
            fail_msg("\"%s\" takes %zu columns", widths[i].text, widths[i].columns);
}

/* glibc's table is of another version and full: where it knows the character and
 * its script is one that we promise, the answers agree. */
static void test_widths_agree_with_the_c_library(void **state)
{
    static const uint32_t blocks[][2] = {
        {0x20, 0x6ff},      {0xe00, 0xfff},     {0x1100, 0x11ff}, {0x1e00, 0x1fff},
        {0x2000, 0x2bff},   {0x2e80, 0xa4cf},   {0xac00, 0xd7a3}, {0xe000, 0xfff8},
        {0x1f000, 0x1faff}, {0x20000, 0x2ffff},
    };
    unsigned differing = 0;

    (void)state;
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        skip();
    for (size_t b = 0; b < COUNT(blocks); b++)
        for (uint32_t code = blocks[b][0]; code <= blocks[b][1]; code++) {
            int theirs = wcwidth((wchar_t)code);

            if (theirs < 0 || theirs == utf8_columns_of(code))
                continue;
            printf("U+%04X is %d, not %d\n", code, theirs, utf8_columns_of(code));
            differing++;
        }
    setlocale(LC_CTYPE, "C");
    assert_int_equal(differing, 0);
}

static const struct {
    const char *text;
    size_t columns, bytes, used;
} cuts[] = {
    {"王秀英", 4, 6, 4}, {"王秀英", 5, 6, 4}, /* half of a character is none */
    {"王秀英", 6, 9, 6}, {"王秀英", 99, 9, 6},
    {"王秀英", 0, 0, 0}, {"ae\xcc\x81o", 2, 4, 2}, /* the accent stays with its letter */
};

static void test_cuts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cuts); i++) {
        size_t used;

        assert_int_equal(utf8_cut(cuts[i].text, strlen(cuts[i].text), cuts[i].columns, &used),
                         cuts[i].bytes);
        assert_int_equal(used, cuts[i].used);
    }
}

static const struct {
    const char *full, *half;
} forms[] = {
    {"１３８５１４０００１０", "13851400010"},
    {"＋８６　１３８", "+86 138"},
    {"ＴＤ", "TD"},
    {"ｔｄ！～", "td!~"},
    {"退订", "退订"},
    {"￥", "￥"}, /* U+FFE5 is no form of ASCII */
    {"", ""},
};

static void test_halfwidth(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        char text[64];
        size_t n = strlen(forms[i].full);

        memcpy(text, forms[i].full, n);
        assert_int_equal(utf8_halfwidth(text, n, text), strlen(forms[i].half));
        assert_memory_equal(text, forms[i].half, strlen(forms[i].half));
    }
}

static const struct {
    const char *text, *left;
} trims[] = {
    {"ann", "ann"},
    {" \t王 芳\n", "王 芳"},
    {"\u3000\u00a0\u200b李\u3000", "李"},
    {" \u3000\u2003\r\n", ""},
    {"", ""},
    {" \xff ", "\xff"}, /* no UTF-8 */
};

static void test_trim(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(trims); i++) {
        const char *text = trims[i].text;
        size_t n = utf8_trim(&text, strlen(text));

        assert_int_equal(n, strlen(trims[i].left));
        assert_memory_equal(text, trims[i].left, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_valid_and_count),
        cmocka_unit_test(test_units_agree_with_next),
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_widths_agree_with_the_c_library),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_halfwidth),
        cmocka_unit_test(test_trim),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
