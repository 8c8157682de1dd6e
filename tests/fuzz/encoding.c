/* What a text costs, where it is cut and what goes out agree with one another. */
#include "fuzz.h"

#include "encoding.h"

#include "utf8.h"

static void check_parts(const char *s, size_t n, enum text_encoding encoding, uint32_t expected)
{
    static struct text_part parts[TEXT_MAX_PARTS];
    int count = text_cut(s, n, encoding, parts, TEXT_MAX_PARTS);
    uint32_t most = encoding == TEXT_GSM7 ? 160 : 70;
    size_t at = 0;

    HOLDS(expected > TEXT_MAX_PARTS ? count == -1 : count == (int)expected);
    if (count > 1)
        most = encoding == TEXT_GSM7 ? 153 : 67;
    for (int i = 0; i < count; i++) {
        HOLDS(parts[i].offset == at && parts[i].length > 0);
        HOLDS(parts[i].units > 0 && parts[i].units <= most);
        HOLDS(utf8_valid(s + at, parts[i].length) == parts[i].length);
        at += parts[i].length;
    }
    HOLDS(count < 0 || at == n);
}

static void check_gsm7(const char *s, size_t n, uint32_t units)
{
    uint8_t *septets = malloc(2 * n + 1);
    char *back = malloc(2 * n * TEXT_GSM7_UTF8_MAX + 1);
    long length = text_encode_gsm7(s, n, septets, 2 * n);

    HOLDS(length >= 0 && (uint32_t)length == units);
    HOLDS(length == 0 || text_encode_gsm7(s, n, septets, (size_t)length - 1) == -1);
    text_encode_gsm7(s, n, septets, (size_t)length);
    HOLDS(text_decode_gsm7(septets, (size_t)length, back) == (long)n);
    HOLDS(n == 0 || memcmp(back, s, n) == 0);
    free(septets);
    free(back);
}

/* The bytes as septets that came in: what is read is UTF-8 in the room promised. */
static void check_decoding(const uint8_t *data, size_t n)
{
    char *out = malloc(n * TEXT_GSM7_UTF8_MAX + 1);
    long length = text_decode_gsm7(data, n, out);

    HOLDS(length <= (long)(n * TEXT_GSM7_UTF8_MAX));
    HOLDS(length < 0 || utf8_valid(out, (size_t)length) == (size_t)length);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *s = (const char *)data;
    struct text_size gsm, units;
    uint8_t *wide = malloc(2 * n + 1);
    long length = text_encode_ucs2(s, n, wide, 2 * n);
    bool valid = utf8_valid(s, n) == n;
    size_t foreign = text_first_not_gsm(s, n, NULL);

    check_decoding(data, n);
    HOLDS((text_measure(s, n, TEXT_BILL_GSM, &gsm) == 0) == valid);
    HOLDS((text_measure(s, n, TEXT_BILL_UNITS, &units) == 0) == valid);
    HOLDS((length >= 0) == valid);
    HOLDS((utf8_units(s, n) >= 0) == valid);
    if (valid) {
        HOLDS(length == 2 * utf8_units(s, n));
        HOLDS(units.units == (uint32_t)utf8_units(s, n));
        HOLDS(gsm.parts == units.parts && gsm.parts == gsm.segments);
        HOLDS((gsm.encoding == TEXT_GSM7) == (foreign == n));
        check_parts(s, n, gsm.encoding, gsm.parts);
        check_parts(s, n, TEXT_UCS2, units.segments);
        if (gsm.encoding == TEXT_GSM7)
            check_gsm7(s, n, gsm.units);
    }
    free(wide);
    return 0;
}
