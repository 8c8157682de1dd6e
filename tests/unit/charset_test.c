/* charset_test.c - files as spreadsheets write them. Octets from GB 18030-2005,
 * RFC 2781 and RFC 3629. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "charset.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define BYTES(s) s, sizeof(s) - 1

static const struct {
    const char *name, *bytes;
    size_t n;
    bool more;
    enum charset charset;
} guesses[] = {
    {"nothing", BYTES(""), false, CHARSET_UTF8},
    {"letters", BYTES("name,phone\n"), false, CHARSET_UTF8},
    {"UTF-8", BYTES("姓名,手机号\n"), false, CHARSET_UTF8},
    {"UTF-8 with its mark", BYTES("\xef\xbb\xbf姓名\n"), false, CHARSET_UTF8},
    {"UTF-8, cut, more to come", BYTES("姓名\xe6\x89"), true, CHARSET_UTF8},
    {"GB18030", BYTES("\xd0\xd5\xc3\xfb,\xca\xd6\xbb\xfa\n"), false, CHARSET_GB18030},
    {"GB18030, cut, more to come", BYTES("\xd0\xd5\xc3"), true, CHARSET_GB18030},
    {"one GB character that looks like cut UTF-8", BYTES("\xe6\x89"), false, CHARSET_GB18030},
    {"UTF-16LE with its mark", BYTES("\xff\xfe\xd3\x59"), false, CHARSET_UTF16LE},
    {"UTF-16BE with its mark", BYTES("\xfe\xff\x59\xd3"), false, CHARSET_UTF16BE},
    {"UTF-16LE without", BYTES("\xd3\x59\x0d\x54,\0K\x62:\x67\n\0"), false, CHARSET_UTF16LE},
    {"UTF-16BE without", BYTES("\x59\xd3\x54\x0d\0,\x62K\x67:\0\n"), false, CHARSET_UTF16BE},
};

static void test_guesses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(guesses); i++)
        if (charset_guess(guesses[i].bytes, guesses[i].n, guesses[i].more) != guesses[i].charset)
            fail_msg("%s", guesses[i].name);
}

static const struct conversion {
    const char *name;
    enum charset charset;
    const char *bytes;
    size_t n;
    const char *text; /* all that is good */
    int64_t bad;      /* where it is not, from 0; -1: all is good */
    bool at_the_end;  /* it is only known to be bad when nothing follows */
} conversions[] = {
    {"empty", CHARSET_UTF8, BYTES(""), "", -1, false},
    {"UTF-8", CHARSET_UTF8, BYTES("王秀英,😊\r\n"), "王秀英,😊\r\n", -1, false},
    {"UTF-8 mark", CHARSET_UTF8, BYTES("\xef\xbb\xbf王"), "王", -1, false},
    {"a mark alone", CHARSET_UTF8, BYTES("\xef\xbb\xbf"), "", -1, false},
    {"only the first mark", CHARSET_UTF8, BYTES("\xef\xbb\xbf\xef\xbb\xbf王"), "\xef\xbb\xbf王", -1,
     false},
    {"no mark within", CHARSET_UTF8, BYTES("a\xef\xbb\xbf"), "a\xef\xbb\xbf", -1, false},
    {"UTF-8 turning into GB", CHARSET_UTF8, BYTES("王\xd0\xd5"), "王", 3, false},
    {"UTF-8 cut at the end", CHARSET_UTF8, BYTES("王\xe7\x8e"), "王", 3, true},
    {"a surrogate in UTF-8", CHARSET_UTF8, BYTES("ab\xed\xa0\x80"), "ab", 2, false},
    {"GB2312", CHARSET_GB18030, BYTES("\xcd\xf5\xd0\xe3\xd3\xa2,138\n"), "王秀英,138\n", -1, false},
    {"GBK, beyond GB2312", CHARSET_GB18030, BYTES("\xe9\x46\x95\x5c"), "镕昞", -1, false},
    {"full-width digits", CHARSET_GB18030, BYTES("\xa3\xb1\xa3\xb3\xa3\xb8"), "１３８", -1, false},
    {"second byte below 40: four bytes", CHARSET_GB18030, BYTES("\x81\x39\xee\x39"), "㐀", -1,
     false},
    {"an emoji of four bytes", CHARSET_GB18030, BYTES("\x94\x39\xfd\x36"), "😊", -1, false},
    {"GB18030 mark", CHARSET_GB18030, BYTES("\x84\x31\x95\x33\xcd\xf5"), "王", -1, false},
    {"second byte a backslash", CHARSET_GB18030, BYTES("\x95\x5c,"), "昞,", -1, false},
    {"GB, ff begins nothing", CHARSET_GB18030, BYTES("\xcd\xf5\xff\x41"), "王", 2, false},
    {"GB, a lead byte before a line end", CHARSET_GB18030, BYTES("\xcd\xf5\xd0\n"), "王", 2, false},
    {"GB, cut at the end", CHARSET_GB18030, BYTES("\xcd\xf5\xd0"), "王", 2, true},
    {"GB, four bytes cut at the end", CHARSET_GB18030, BYTES("a\x94\x39\xfd"), "a", 1, true},
    {"UTF-16LE", CHARSET_UTF16LE, BYTES("\xff\xfe\x8b\x73,\0\x3d\xd8\x0a\xde"), "王,😊", -1, false},
    {"UTF-16BE", CHARSET_UTF16BE, BYTES("\xfe\xff\x73\x8b\0,\xd8\x3d\xde\x0a"), "王,😊", -1, false},
    {"a lone low surrogate", CHARSET_UTF16LE, BYTES("a\0\x0a\xde"), "a", 2, false},
    {"a lone high surrogate", CHARSET_UTF16LE, BYTES("a\0\x3d\xd8z\0"), "a", 2, false},
    {"an odd byte at the end", CHARSET_UTF16BE, BYTES("\0a\x73"), "a", 2, true},
};

/* Fed in chunks of size; what is bad may only show later, never elsewhere. */
static void convert(const struct conversion *f, size_t size)
{
    struct charset_reader *r = charset_open(f->charset);
    struct buf out = BUF_INIT(4096);
    struct error err = {""};
    int result = 0;

    for (size_t at = 0; at < f->n && result == 0; at += size) {
        size_t n = f->n - at < size ? f->n - at : size;
        char *chunk = malloc(n);

        memcpy(chunk, f->bytes + at, n);
        result = charset_feed(r, chunk, n, &out, &err);
        free(chunk);
    }
    if (f->at_the_end)
        assert_int_equal(result, 0);
    if (result == 0)
        result = charset_finish(r, &err);
    if (result != (f->bad < 0 ? 0 : -1) || strcmp(buf_string(&out), f->text) != 0)
        fail_msg("%s in chunks of %zu: \"%s\" %s", f->name, size, buf_string(&out), err.text);
    if (f->bad >= 0) {
        char place[32];

        assert_int_equal(charset_offset(r), f->bad);
        snprintf(place, sizeof place, "byte %d", (int)f->bad + 1);
        assert_non_null(strstr(err.text, place));
        assert_non_null(strstr(err.text, charset_name(f->charset)));
    }
    buf_free(&out);
    charset_close(r);
}

static void test_conversions(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(conversions); i++)
        for (size_t size = 1; size <= conversions[i].n + 1; size++)
            convert(&conversions[i], size);
}

/* Any bytes in any chunks: the same as in one piece, and always whole UTF-8. */
static void test_noise(void **state)
{
    unsigned seed = 18030;

    (void)state;
    for (int round = 0; round < 4000; round++) {
        struct charset_reader *whole = charset_open((enum charset)(round % 4)),
                              *pieces = charset_open((enum charset)(round % 4));
        struct buf a = BUF_INIT(1024), b = BUF_INIT(1024);
        char bytes[64];
        size_t n = (size_t)rand_r(&seed) % sizeof bytes;
        int one, many = 0;

        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)(rand_r(&seed) >> 8 | (rand_r(&seed) & 0x80));
        one = charset_feed(whole, bytes, n, &a, NULL);
        for (size_t i = 0, k; i < n && many == 0; i += k) {
            k = 1 + (size_t)rand_r(&seed) % 5;
            if (k > n - i)
                k = n - i;
            many = charset_feed(pieces, bytes + i, k, &b, NULL);
        }
        assert_int_equal(one, many);
        assert_int_equal(charset_offset(whole), charset_offset(pieces));
        assert_string_equal(buf_string(&a), buf_string(&b));
        buf_free(&a);
        buf_free(&b);
        charset_close(whole);
        charset_close(pieces);
    }
}

static void test_full(void **state)
{
    struct charset_reader *r = charset_open(CHARSET_GB18030);
    struct buf out = BUF_INIT(16);
    struct error err = {""};

    (void)state;
    assert_int_equal(charset_feed(r, BYTES("0123456789"), &out, &err), -1);
    assert_string_equal(err.text, "more than 16 bytes");
    buf_free(&out);
    charset_close(r);
    charset_close(NULL);
}

static void test_names(void **state)
{
    (void)state;
    for (int c = CHARSET_UTF8; c <= CHARSET_UTF16BE; c++)
        assert_int_equal(charset_parse(charset_name((enum charset)c)), c);
    assert_int_equal(charset_parse("gbk"), CHARSET_GB18030);
    assert_int_equal(charset_parse("utf-8"), CHARSET_UTF8);
    assert_int_equal(charset_parse("latin1"), -1);
    assert_int_equal(charset_parse(""), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guesses), cmocka_unit_test(test_conversions),
        cmocka_unit_test(test_noise),   cmocka_unit_test(test_full),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
