/* segments_test.c - how many parts, where they are cut, which octets go out.
 *
 * tests/vectors/segments.tsv: 40 texts on which five implementations that nobody
 * here wrote agree. Each is a test of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encoding.h"
#include "mem.h"

#define MAX_VECTORS 64
#define MAX_FIELD 8192

struct vector {
    char name[64];
    enum text_encoding encoding;
    int parts;
    uint32_t units[TEXT_MAX_PARTS];
    char *text;
    size_t length;
    char *payload; /* hex, parts separated by commas */
};

static size_t unhex(const char *hex, char *out)
{
    size_t n = 0;
    unsigned byte;

    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
        out[n++] = (char)byte;
    return n;
}

static int read_vector(char *line, struct vector *v)
{
    char *save, *name = strtok_r(line, "\t\n", &save), *encoding = strtok_r(NULL, "\t\n", &save);
    char *parts = strtok_r(NULL, "\t\n", &save), *units = strtok_r(NULL, "\t\n", &save);
    char *text = strtok_r(NULL, "\t\n", &save), *payload = strtok_r(NULL, "\t\n", &save);

    if (name == NULL || name[0] == '#' || payload == NULL)
        return -1;
    snprintf(v->name, sizeof v->name, "%s", name);
    v->encoding = strcmp(encoding, "gsm7") == 0 ? TEXT_GSM7 : TEXT_UCS2;
    v->parts = atoi(parts);
    for (int i = 0; units != NULL && i < v->parts; i++) {
        v->units[i] = (uint32_t)strtoul(units, &units, 10);
        units += *units == ',';
    }
    v->text = xmalloc(strlen(text));
    v->length = unhex(text, v->text);
    v->payload = xstrdup(payload);
    return 0;
}

static void put_hex(char *out, const uint8_t *octets, long n)
{
    for (long i = 0; i < n; i++)
        sprintf(out + strlen(out), "%02x", octets[i]);
}

static void test_vector(void **state)
{
    const struct vector *v = *state;
    struct text_part parts[TEXT_MAX_PARTS];
    struct text_size size;
    static char payload[MAX_FIELD];
    uint32_t units = 0;
    size_t at = 0;

    assert_int_equal(text_measure(v->text, v->length, TEXT_BILL_GSM, &size), 0);
    assert_int_equal(size.encoding, v->encoding);
    assert_int_equal(size.segments, v->parts);
    assert_int_equal(size.parts, v->parts);
    assert_int_equal(text_cut(v->text, v->length, size.encoding, parts, TEXT_MAX_PARTS), v->parts);

    payload[0] = '\0';
    for (int i = 0; i < v->parts; i++) {
        uint8_t octets[200];
        long n = v->encoding == TEXT_GSM7
                     ? text_encode_gsm7(v->text + at, parts[i].length, octets, sizeof octets)
                     : text_encode_ucs2(v->text + at, parts[i].length, octets, sizeof octets);

        assert_int_equal(parts[i].offset, at);
        assert_int_equal(parts[i].units, v->units[i]);
        assert_int_equal(n, v->encoding == TEXT_GSM7 ? v->units[i] : 2 * v->units[i]);
        at += parts[i].length;
        units += parts[i].units;
        if (i > 0)
            strcat(payload, ",");
        put_hex(payload, octets, n);
    }
    assert_int_equal(at, v->length);
    assert_int_equal(size.units, units);
    assert_string_equal(payload, v->payload);
    if (v->parts > 1)
        assert_int_equal(text_cut(v->text, v->length, size.encoding, parts, 1), -1);
}

/* What mainland operators bill: Alibaba Cloud, SMS sending rules; Huawei Cloud,
 * SMS length calculation. */
static const struct billed {
    const char *name, *unit;
    unsigned times;
    enum text_encoding encoding;
    uint32_t units, segments, parts;
} billed[] = {
    {"mainland: nothing costs nothing", "", 1, TEXT_GSM7, 0, 0, 0},
    {"mainland: 70 letters are one", "a", 70, TEXT_GSM7, 70, 1, 1},
    {"mainland: 71 letters are billed as two, sent as one", "a", 71, TEXT_GSM7, 71, 2, 1},
    {"mainland: 134 letters are two", "a", 134, TEXT_GSM7, 134, 2, 1},
    {"mainland: 161 letters are billed as three, sent as two", "a", 161, TEXT_GSM7, 161, 3, 2},
    {"mainland: a euro is one of 70, two septets", "€", 81, TEXT_GSM7, 81, 2, 2},
    {"mainland: 70 characters are one", "妇", 70, TEXT_UCS2, 70, 1, 1},
    {"mainland: 71 are two", "妇", 71, TEXT_UCS2, 71, 2, 2},
    {"mainland: an emoji is two of 70", "😊", 36, TEXT_UCS2, 72, 2, 2},
    {"mainland: 67 emoji are three, no pair is cut", "😊", 67, TEXT_UCS2, 134, 3, 3},
};

static void test_billed(void **state)
{
    const struct billed *f = *state;
    char text[512] = "";
    struct text_size size;

    for (unsigned i = 0; i < f->times; i++)
        strcat(text, f->unit);
    assert_int_equal(text_measure(text, strlen(text), TEXT_BILL_UNITS, &size), 0);
    assert_int_equal(size.encoding, f->encoding);
    assert_int_equal(size.units, f->units);
    assert_int_equal(size.segments, f->segments);
    assert_int_equal(size.parts, f->parts);
}

static void test_invalid(void **state)
{
    static const char *const texts[] = {"a\xff", "王\xe7\x8e", "\xed\xa0\x80", "\xc0\xaf",
                                        "王\x80"};
    struct text_part part;
    struct text_size size;
    uint8_t octets[8];

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t n = strlen(texts[i]);

        assert_int_equal(text_measure(texts[i], n, TEXT_BILL_GSM, &size), -1);
        assert_int_equal(text_measure(texts[i], n, TEXT_BILL_UNITS, &size), -1);
        assert_int_equal(text_cut(texts[i], n, TEXT_UCS2, &part, 1), -1);
        assert_int_equal(text_encode_ucs2(texts[i], n, octets, sizeof octets), -1);
    }
}

/* Cut at random places: the parts are the text again, none too full, no part
 * could have taken the next part's first character. */
static void test_parts_are_the_text(void **state)
{
    static const char *const pieces[] = {"a", "€", "妇", "😊", "é", "[", "\n", "𠮷"};
    unsigned seed = 20240308;

    (void)state;
    for (int round = 0; round < 400; round++) {
        static char text[8192];
        struct text_part parts[TEXT_MAX_PARTS];
        struct text_size size;
        size_t length = 0, at = 0, kinds = round % 2 ? 8 : 2, count = (size_t)rand_r(&seed) % 900;
        int n;

        for (size_t i = 0; i < count; i++) {
            const char *piece = pieces[(size_t)rand_r(&seed) % kinds];

            memcpy(text + length, piece, strlen(piece));
            length += strlen(piece);
        }
        assert_int_equal(text_measure(text, length, TEXT_BILL_GSM, &size), 0);
        n = text_cut(text, length, size.encoding, parts, TEXT_MAX_PARTS);
        assert_int_equal(n, size.segments);
        for (int i = 0; i < n; i++) {
            uint32_t room = size.encoding == TEXT_GSM7 ? (n > 1 ? 153 : 160) : (n > 1 ? 67 : 70);

            assert_int_equal(parts[i].offset, at);
            assert_in_range(parts[i].units, i < n - 1 ? room - 1 : 1, room);
            at += parts[i].length;
        }
        assert_int_equal(at, length);
    }
}

int main(void)
{
    static struct vector vectors[MAX_VECTORS];
    struct CMUnitTest tests[MAX_VECTORS + sizeof billed / sizeof billed[0] + 2];
    size_t n = 0;
    int failed;
    char *line = NULL;
    size_t room = 0;
    FILE *file = fopen(TEST_DIR "/vectors/segments.tsv", "r");

    if (file == NULL)
        return 1;
    memset(tests, 0, sizeof tests);
    while (n < MAX_VECTORS && getline(&line, &room, file) >= 0)
        if (read_vector(line, &vectors[n]) == 0) {
            tests[n] = (struct CMUnitTest)cmocka_unit_test_prestate(test_vector, &vectors[n]);
            tests[n].name = vectors[n].name;
            n++;
        }
    free(line);
    fclose(file);
    if (n != 40)
        return 1;
    for (size_t i = 0; i < sizeof billed / sizeof billed[0]; i++, n++) {
        tests[n] = (struct CMUnitTest)cmocka_unit_test_prestate(test_billed, (void *)&billed[i]);
        tests[n].name = billed[i].name;
    }
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_invalid);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_parts_are_the_text);
    failed = _cmocka_run_group_tests("segments", tests, n, NULL, NULL);
    for (size_t i = 0; i < 40; i++) {
        free(vectors[i].text);
        free(vectors[i].payload);
    }
    return failed;
}
