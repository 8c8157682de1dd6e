/* Texts to octets and back: against vectors/segments.tsv and GSM 03.38. */
#include "sms.h"
#include "reassembly.h"
#include "validity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define LINE_MAX_BYTES 65536

static size_t unhex(uint8_t *out, const char *hex, const char **end)
{
    size_t n = 0;
    unsigned octet;

    for (; *hex != ',' && *hex != '\0' && sscanf(hex, "%2x", &octet) == 1; hex += 2)
        out[n++] = (uint8_t)octet;
    *end = hex;
    return n;
}

static void check_segments(const char *name, const char *encoding, unsigned parts,
                           const char *text_hex, const char *payload)
{
    static uint8_t text[LINE_MAX_BYTES], expected[LINE_MAX_BYTES];
    static struct sms_text t;
    size_t n = unhex(text, text_hex, &text_hex);
    bool gsm = strcmp(encoding, "gsm7") == 0;
    enum sms_result result = sms_encode(&t, (char *)text, n, gsm ? GATEWAY_GSM7 : GATEWAY_UCS2,
                                        SMS_CHARSET_GSM, SMS_LONG_UDH8);
    unsigned i;

    if (parts > SMS_PARTS_MAX) {
        assert_int_equal(result, SMS_TOO_LONG);
        return;
    }
    assert_int_equal(result, SMS_OK);
    if (t.parts != parts)
        fail_msg("%s: %u parts, not %u", name, t.parts, parts);
    assert_int_equal(t.data_coding, gsm ? 0 : 8);
    for (i = 0; i < parts; i++, payload += *payload == ',') {
        n = unhex(expected, payload, &payload);
        if (n != (size_t)(t.start[i + 1] - t.start[i]) ||
            memcmp(expected, t.octets + t.start[i], n) != 0)
            fail_msg("%s: part %u differs", name, i + 1);
    }
}

static void test_segments(void **state)
{
    FILE *f = fopen(TEST_DIR "/vectors/segments.tsv", "r");
    static char line[LINE_MAX_BYTES];
    unsigned rows = 0;

    (void)state;
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        char *field[6], *at = line;
        int i;

        if (line[0] == '#')
            continue;
        line[strcspn(line, "\n")] = '\0';
        for (i = 0; i < 6; i++)
            field[i] = strsep(&at, "\t");
        check_segments(field[0], field[1], (unsigned)atoi(field[2]), field[4], field[5]);
        rows++;
    }
    fclose(f);
    assert_int_equal(rows, 40);
}

/* What data_coding 0 may carry when it does not mean GSM. */
static const struct charset_fact {
    const char *name, *text;
    enum sms_charset charset;
    uint8_t data_coding;
    const char *octets; /* NULL: not looked at */
} charset_facts[] = {
    {"Latin-1 writes its own octets", "@é_$", SMS_CHARSET_LATIN1, 0, "@\xe9_$"},
    {"a bracket is one octet in Latin-1", "[x]", SMS_CHARSET_LATIN1, 0, "[x]"},
    {"Greek is in GSM but not in Latin-1", "Ω", SMS_CHARSET_LATIN1, 8, "\x03\xa9"},
    {"the euro is in GSM but not in Latin-1", "€", SMS_CHARSET_LATIN1, 8, "\x20\xac"},
    {"small c cedilla is in Latin-1 but not in GSM", "ç", SMS_CHARSET_LATIN1, 8, NULL},
    {"ASCII has no accents", "é", SMS_CHARSET_ASCII, 8, NULL},
    {"ASCII keeps its dollar", "$5", SMS_CHARSET_ASCII, 0, "$5"},
    {"the back quote is not in GSM", "`", SMS_CHARSET_GSM, 8, NULL},
    {"at is 0 in GSM", "a@", SMS_CHARSET_GSM, 0, NULL},
};

static void test_charset(void **state)
{
    const struct charset_fact *f = *state;
    struct sms_text t;

    assert_int_equal(
        sms_encode(&t, f->text, strlen(f->text), GATEWAY_GSM7, f->charset, SMS_LONG_UDH8), SMS_OK);
    assert_int_equal(t.data_coding, f->data_coding);
    if (f->octets != NULL)
        assert_memory_equal(t.octets, f->octets, strlen(f->octets));
}

static const char *const invalid[] = {
    "\xff",  "\xc0\x80",     "\xed\xa0\x80", "\xe4\xb8", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80",
    "a\x80", "\xe0\x80\x80",
};

static void test_invalid_utf8(void **state)
{
    struct sms_text t;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        assert_int_equal(sms_encode(&t, invalid[i], strlen(invalid[i]), GATEWAY_UCS2,
                                    SMS_CHARSET_GSM, SMS_LONG_UDH8),
                         SMS_INVALID);
        assert_int_equal(sms_encode(&t, invalid[i], strlen(invalid[i]), GATEWAY_GSM7,
                                    SMS_CHARSET_GSM, SMS_LONG_UDH8),
                         SMS_INVALID);
    }
}

/* ------------------------------------------------------------------ back */
static const struct decode_fact {
    const char *name, *octets;
    size_t n;
    uint8_t data_coding;
    enum sms_charset charset;
    bool header;
    const char *text;
} decode_facts[] = {
    {"default is GSM", "\x00\x1b\x65\x11", 4, 0, SMS_CHARSET_GSM, false, "@€_"},
    {"or Latin-1 by setting", "@_\xe9", 3, 0, SMS_CHARSET_LATIN1, false, "@_é"},
    {"1 is the default too", "\x00", 1, 1, SMS_CHARSET_GSM, false, "@"},
    {"3 is Latin-1", "\xe9@", 2, 3, SMS_CHARSET_GSM, false, "é@"},
    {"8 is UTF-16BE", "\xd8\x3d\xde\x00", 4, 8, SMS_CHARSET_GSM, false, "😀"},
    {"a lone surrogate is shown as unreadable", "\xd8\x3d\x00\x41", 4, 8, SMS_CHARSET_GSM, false,
     "\xef\xbf\xbd"
     "A"},
    {"half a character at the end is dropped", "\x90\x00\x8b", 3, 8, SMS_CHARSET_GSM, false, "退"},
    {"f1 is GSM whatever the default", "\x00", 1, 0xf1, SMS_CHARSET_LATIN1, false, "@"},
    {"11 is GSM", "\x00", 1, 0x11, SMS_CHARSET_LATIN1, false, "@"},
    {"18 is flash in UCS-2", "\x90\x00", 2, 0x18, SMS_CHARSET_GSM, false, "退"},
    {"f5 is octets", "\xe9", 1, 0xf5, SMS_CHARSET_GSM, false, "é"},
    {"unknown is the default", "\x00", 1, 0x2f, SMS_CHARSET_GSM, false, "@"},
    {"unknown with a header is octets", "A\xe9", 2, 0x2f, SMS_CHARSET_GSM, true, "Aé"},
    {"an unknown escape shows the plain character", "\x1b\x41", 2, 0, SMS_CHARSET_GSM, false, "A"},
    {"an escape at the end is dropped", "A\x1b", 2, 0, SMS_CHARSET_GSM, false, "A"},
    {"above 7f is a fault", "\x80", 1, 0, SMS_CHARSET_GSM, false, "\xef\xbf\xbd"},
};

/* Two characters are read at a time where both are of three bytes: at any place of a text the
 * same must come out as of each alone, and what is none must be seen. */
static void test_pairs(void **state)
{
    static const char *const wrong[] = {"\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80",
                                        "\xed\xbf\xbf", "\xe4\xb8\x2d"};
    char text[3 * 20 + 4];
    struct sms_text t;

    (void)state;
    for (unsigned before = 0; before < 12; before++) {
        unsigned length = 3 * before;

        for (unsigned k = 0; k < before; k++)
            memcpy(text + 3 * k, "\xe6\xb0\x91", 3); /* U+6C11 */
        memcpy(text + length,
               "\xe0\xa0\x80\xed\x9f\xbf\xef\xbf\xbf"
               "a",
               10);
        assert_int_equal(
            sms_encode(&t, text, length + 10, GATEWAY_UCS2, SMS_CHARSET_GSM, SMS_LONG_UDH8),
            SMS_OK);
        assert_int_equal(t.start[1], 2 * before + 8);
        for (unsigned k = 0; k < before; k++)
            assert_memory_equal(t.octets + 2 * k, "\x6c\x11", 2);
        assert_memory_equal(t.octets + 2 * before,
                            "\x08\x00\xd7\xff\xff\xff\x00"
                            "a",
                            8);
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            memcpy(text + length, wrong[i], 3);
            memcpy(text + length + 3, "\xe6\xb0\x91\xe6\xb0\x91\xe6\xb0\x91", 9);
            assert_int_equal(
                sms_encode(&t, text, length + 12, GATEWAY_UCS2, SMS_CHARSET_GSM, SMS_LONG_UDH8),
                SMS_INVALID);
        }
    }
}

static void test_decode(void **state)
{
    const struct decode_fact *f = *state;
    char out[64];
    size_t n =
        sms_decode(out, (const uint8_t *)f->octets, f->n, f->data_coding, f->charset, f->header);

    assert_int_equal(n, strlen(f->text));
    assert_memory_equal(out, f->text, n);
}

static const struct header_fact {
    const char *name, *octets;
    size_t n, left;
    unsigned total, number, reference;
} header_facts[] = {
    {"8-bit reference", "\x05\x00\x03\xa5\x02\x01X", 7, 1, 2, 1, 0xa5},
    {"16-bit reference", "\x06\x08\x04\x12\x34\x02\x02XY", 9, 2, 2, 2, 0x1234},
    {"an element before it is skipped", "\x09\x24\x02\x01\x02\x00\x03\x07\x03\x03Z", 11, 1, 3, 3,
     7},
    {"an element beyond the header makes it void", "\x05\x00\x09\xa5\x02\x01X", 7, 1, 0, 0, 0},
    {"a header longer than the text takes it all", "\x40\x00\x03", 3, 0, 0, 0, 0},
    {"part 0 is void", "\x05\x00\x03\xa5\x02\x00X", 7, 1, 0, 0, 0},
    {"part 3 of 2 is void", "\x05\x00\x03\xa5\x02\x03X", 7, 1, 0, 0, 0},
    {"no text at all", "", 0, 0, 0, 0, 0},
};

static void test_header(void **state)
{
    const struct header_fact *f = *state;
    const uint8_t *text = (const uint8_t *)f->octets;
    size_t n = f->n;
    struct sms_concat c = sms_strip_header(&text, &n);

    assert_int_equal(n, f->left);
    assert_int_equal(c.total, f->total);
    assert_int_equal(c.number, f->number);
    assert_int_equal(c.reference, f->reference);
}

/* ------------------------------------------------------------------ parts of replies */
static uint64_t add(struct reassembly *r, const char *from, uint16_t reference, uint8_t total,
                    uint8_t number, const char *text, int64_t now_ms, char *out)
{
    struct reassembly_part p = {from, "1069", reference, total, number, text, strlen(text)};
    size_t length = 0;
    uint64_t whole = reassembly_add(r, &p, now_ms, out, &length);

    out[length] = '\0';
    return whole;
}

static void test_reassembly(void **state)
{
    static char out[REASSEMBLY_BYTES_MAX + 1];
    struct reassembly *r = reassembly_new();
    uint64_t whole;
    int i;

    (void)state;
    /* out of order and twice */
    assert_int_equal(add(r, "86138", 7, 3, 3, "c", 1, out), 0);
    assert_int_equal(add(r, "86138", 7, 3, 1, "a", 1, out), 0);
    assert_int_equal(add(r, "86138", 7, 3, 1, "a", 1, out), 0);
    assert_int_equal(add(r, "86139", 7, 3, 2, "x", 1, out), 0); /* another person */
    whole = add(r, "86138", 7, 3, 2, "b", 1, out);
    assert_true(whole != 0);
    assert_string_equal(out, "abc");
    /* it could not be stored: the last part comes again */
    assert_int_equal(add(r, "86138", 7, 3, 2, "b", 1, out), whole);
    reassembly_done(r, whole);
    /* the reference is used again, for another text */
    assert_int_equal(add(r, "86138", 7, 3, 1, "A", 2, out), 0);
    assert_int_equal(add(r, "86138", 7, 3, 1, "B", 2, out), 0);
    assert_int_equal(add(r, "86138", 7, 3, 2, "2", 2, out), 0);
    assert_true(add(r, "86138", 7, 3, 3, "3", 2, out) != 0);
    assert_string_equal(out, "B23");
    /* a day is enough */
    assert_int_equal(add(r, "86137", 1, 2, 1, "old", 10, out), 0);
    assert_int_equal(add(r, "86137", 1, 2, 2, "new", 11 + REASSEMBLY_KEEP_MS, out), 0);
    /* what cannot be is refused, and the number of replies is limited */
    assert_int_equal(add(r, "86137", 1, 0, 0, "x", 10, out), 0);
    assert_int_equal(add(r, "86137", 1, 200, 100, "x", 10, out), 0);
    for (i = 0; i < 3 * REASSEMBLY_REPLIES_MAX; i++)
        assert_int_equal(add(r, "86136", (uint16_t)i, 2, 1, "x", 100 + i, out), 0);
    reassembly_free(r);
}

/* ------------------------------------------------------------------ validity */
static const struct validity_fact {
    const char *name;
    enum validity kind;
    int64_t expires_ms, wall_ms;
    const char *text;
} validity_facts[] = {
    {"two days", VALIDITY_RELATIVE, 1772366400000 + 2 * 86400000LL, 1772366400000,
     "000002000000000R"},
    {"a day, an hour, a minute and a second", VALIDITY_RELATIVE, 1772366400000 + 90061000LL,
     1772366400000, "000001010101000R"},
    {"at most 30 days", VALIDITY_RELATIVE, 1772366400000 + 400 * 86400000LL, 1772366400000,
     "000030000000000R"},
    {"2026-03-01 12:00 UTC", VALIDITY_ABSOLUTE, 1772366400000, 0, "260301120000000+"},
    {"never", VALIDITY_RELATIVE, 0, 1772366400000, ""},
    {"not told", VALIDITY_NONE, 1772366400000, 0, ""},
};

static void test_validity(void **state)
{
    const struct validity_fact *f = *state;
    char out[VALIDITY_BYTES];

    validity_write(out, f->kind, f->expires_ms, f->wall_ms, 0);
    assert_string_equal(out, f->text);
}

#define ROWS(table, test)                                                                          \
    for (i = 0; i < sizeof table / sizeof *table; i++)                                             \
        tests[n++] = (struct CMUnitTest)                                                           \
        {                                                                                          \
            table[i].name, test, NULL, NULL, (void *)(uintptr_t)&table[i]                          \
        }

int main(void)
{
    struct CMUnitTest tests[100];
    const struct CMUnitTest singles[] = {
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_invalid_utf8),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_reassembly),
    };
    size_t n = 0, i;

    ROWS(charset_facts, test_charset);
    ROWS(decode_facts, test_decode);
    ROWS(header_facts, test_header);
    ROWS(validity_facts, test_validity);
    for (i = 0; i < sizeof singles / sizeof *singles; i++)
        tests[n++] = singles[i];
    return _cmocka_run_group_tests("smpp_text", tests, n, NULL, NULL);
}
