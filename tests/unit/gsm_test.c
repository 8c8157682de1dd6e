/* gsm_test.c - the GSM 03.38 alphabet. The expected table is the standard's,
 * written out row by row and not in the order of the one in the code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "encoding.h"

/* Columns of 03.38's table: the sixteen characters of each high digit. */
static const char *const columns[8] = {
    "@£$¥èéùìòÇ\nØø\rÅå", "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ", " !\"#¤%&'()*+,-./", "0123456789:;<=>?",
    "¡ABCDEFGHIJKLMNO",   "PQRSTUVWXYZÄÖÑÜ§",    "¿abcdefghijklmno",  "pqrstuvwxyzäöñüà",
};

static size_t next_length(const char *s)
{
    return (unsigned char)*s < 0x80 ? 1 : (unsigned char)*s < 0xe0 ? 2 : 3;
}

static void test_default_alphabet(void **state)
{
    (void)state;
    for (int column = 0; column < 8; column++) {
        const char *p = columns[column];

        for (int row = 0; row < 16; row++, p += next_length(p)) {
            uint8_t code = (uint8_t)(column << 4 | row), out[2];
            char back[TEXT_GSM7_UTF8_MAX];

            if (code == 0x1b) {
                assert_int_equal(text_encode_gsm7(p, 1, out, 2), -1);
                continue;
            }
            assert_int_equal(text_encode_gsm7(p, next_length(p), out, 2), 1);
            assert_int_equal(out[0], code);
            assert_int_equal(text_decode_gsm7(&code, 1, back), next_length(p));
            assert_memory_equal(back, p, next_length(p));
        }
        assert_int_equal(*p, '\0');
    }
}

static const struct {
    uint8_t code;
    const char *character;
} extension[] = {
    {0x0a, "\f"}, {0x14, "^"}, {0x28, "{"}, {0x29, "}"}, {0x2f, "\\"},
    {0x3c, "["},  {0x3d, "~"}, {0x3e, "]"}, {0x40, "|"}, {0x65, "€"},
};

static void test_extension(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof extension / sizeof extension[0]; i++) {
        const char *c = extension[i].character;
        uint8_t out[2], in[] = {0x1b, extension[i].code};
        char back[2 * TEXT_GSM7_UTF8_MAX];

        assert_int_equal(text_encode_gsm7(c, strlen(c), out, 2), 2);
        assert_memory_equal(out, in, 2);
        assert_int_equal(text_encode_gsm7(c, strlen(c), out, 1), -1); /* no half escape */
        assert_int_equal(text_decode_gsm7(in, 2, back), strlen(c));
        assert_memory_equal(back, c, strlen(c));
    }
}

/* Near misses: one of these turns a whole text into UCS-2. */
static const struct {
    const char *text;
    size_t offset;
    uint32_t code;
} outside[] = {
    {"ça va", 0, 0xe7},  {"caf\xc3\xa1", 3, 0xe1}, {"a`b", 1, '`'},      {"tab\tend", 3, '\t'},
    {"it’s", 2, 0x2019}, {"1–2", 1, 0x2013},       {"wait…", 4, 0x2026}, {"a\xc2\xa0z", 1, 0xa0},
    {"Α", 0, 0x391},     {"Hello 王", 6, 0x738b},  {"ok 😊", 3, 0x1f60a}, {"\x1b", 0, 0x1b},
    {"ς", 0, 0x3c2},     {"plain [ok] €", 14, 0},  {"a\xff", 1, 0xfffd},
};

static void test_outside(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        uint32_t code = 0;

        assert_int_equal(text_first_not_gsm(outside[i].text, strlen(outside[i].text), &code),
                         outside[i].offset);
        assert_int_equal(code, outside[i].code);
    }
}

static const struct {
    const char *name, *septets;
    size_t n;
    const char *text; /* NULL: refused */
} decoded[] = {
    {"an unknown code after an escape is the plain character",
     "\x1b"
     "A",
     2, "A"},
    {"an escape at the end is a fault", "a\x1b", 2, NULL},
    {"an octet above 7f is a fault", "a\x80", 2, NULL},
    {"also after an escape", "\x1b\xe5", 2, NULL},
    {"two escapes are kept for a further table: a space",
     "\x1b\x1b"
     "a",
     3, " a"},
    {"a whole line", "\x00 \x1b\x65 \x10", 6, "@ € Δ"},
    {"nothing", "", 0, ""},
};

static void test_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof decoded / sizeof decoded[0]; i++) {
        char text[64];
        long n = text_decode_gsm7((const uint8_t *)decoded[i].septets, decoded[i].n, text);

        if (decoded[i].text == NULL) {
            assert_int_equal(n, -1);
            continue;
        }
        assert_int_equal(n, strlen(decoded[i].text));
        assert_memory_equal(text, decoded[i].text, (size_t)n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_alphabet),
        cmocka_unit_test(test_extension),
        cmocka_unit_test(test_outside),
        cmocka_unit_test(test_decode),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
