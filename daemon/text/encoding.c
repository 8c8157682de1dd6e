#include "encoding.h"

#include "utf8.h"

#define ESCAPE 0x1b

/* GSM 03.38 v5.3.0, default alphabet, and the extension table of 3GPP 23.038:
 * code, character. One list makes the tables of both directions. */
/* clang-format off */
#define DEFAULT_ALPHABET(X) \
    X(0x00, 0x0040) X(0x01, 0x00a3) X(0x02, 0x0024) X(0x03, 0x00a5) X(0x04, 0x00e8) X(0x05, 0x00e9) X(0x06, 0x00f9) X(0x07, 0x00ec) \
    X(0x08, 0x00f2) X(0x09, 0x00c7) X(0x0a, 0x000a) X(0x0b, 0x00d8) X(0x0c, 0x00f8) X(0x0d, 0x000d) X(0x0e, 0x00c5) X(0x0f, 0x00e5) \
    X(0x10, 0x0394) X(0x11, 0x005f) X(0x12, 0x03a6) X(0x13, 0x0393) X(0x14, 0x039b) X(0x15, 0x03a9) X(0x16, 0x03a0) X(0x17, 0x03a8) \
    X(0x18, 0x03a3) X(0x19, 0x0398) X(0x1a, 0x039e) /* escape */    X(0x1c, 0x00c6) X(0x1d, 0x00e6) X(0x1e, 0x00df) X(0x1f, 0x00c9) \
    X(0x20, 0x0020) X(0x21, 0x0021) X(0x22, 0x0022) X(0x23, 0x0023) X(0x24, 0x00a4) X(0x25, 0x0025) X(0x26, 0x0026) X(0x27, 0x0027) \
    X(0x28, 0x0028) X(0x29, 0x0029) X(0x2a, 0x002a) X(0x2b, 0x002b) X(0x2c, 0x002c) X(0x2d, 0x002d) X(0x2e, 0x002e) X(0x2f, 0x002f) \
    X(0x30, 0x0030) X(0x31, 0x0031) X(0x32, 0x0032) X(0x33, 0x0033) X(0x34, 0x0034) X(0x35, 0x0035) X(0x36, 0x0036) X(0x37, 0x0037) \
    X(0x38, 0x0038) X(0x39, 0x0039) X(0x3a, 0x003a) X(0x3b, 0x003b) X(0x3c, 0x003c) X(0x3d, 0x003d) X(0x3e, 0x003e) X(0x3f, 0x003f) \
    X(0x40, 0x00a1) X(0x41, 0x0041) X(0x42, 0x0042) X(0x43, 0x0043) X(0x44, 0x0044) X(0x45, 0x0045) X(0x46, 0x0046) X(0x47, 0x0047) \
    X(0x48, 0x0048) X(0x49, 0x0049) X(0x4a, 0x004a) X(0x4b, 0x004b) X(0x4c, 0x004c) X(0x4d, 0x004d) X(0x4e, 0x004e) X(0x4f, 0x004f) \
    X(0x50, 0x0050) X(0x51, 0x0051) X(0x52, 0x0052) X(0x53, 0x0053) X(0x54, 0x0054) X(0x55, 0x0055) X(0x56, 0x0056) X(0x57, 0x0057) \
    X(0x58, 0x0058) X(0x59, 0x0059) X(0x5a, 0x005a) X(0x5b, 0x00c4) X(0x5c, 0x00d6) X(0x5d, 0x00d1) X(0x5e, 0x00dc) X(0x5f, 0x00a7) \
    X(0x60, 0x00bf) X(0x61, 0x0061) X(0x62, 0x0062) X(0x63, 0x0063) X(0x64, 0x0064) X(0x65, 0x0065) X(0x66, 0x0066) X(0x67, 0x0067) \
    X(0x68, 0x0068) X(0x69, 0x0069) X(0x6a, 0x006a) X(0x6b, 0x006b) X(0x6c, 0x006c) X(0x6d, 0x006d) X(0x6e, 0x006e) X(0x6f, 0x006f) \
    X(0x70, 0x0070) X(0x71, 0x0071) X(0x72, 0x0072) X(0x73, 0x0073) X(0x74, 0x0074) X(0x75, 0x0075) X(0x76, 0x0076) X(0x77, 0x0077) \
    X(0x78, 0x0078) X(0x79, 0x0079) X(0x7a, 0x007a) X(0x7b, 0x00e4) X(0x7c, 0x00f6) X(0x7d, 0x00f1) X(0x7e, 0x00fc) X(0x7f, 0x00e0)
#define EXTENSION(X) \
    X(0x0a, 0x000c) X(0x14, 0x005e) X(0x28, 0x007b) X(0x29, 0x007d) X(0x2f, 0x005c) \
    X(0x3c, 0x005b) X(0x3d, 0x007e) X(0x3e, 0x005d) X(0x40, 0x007c)
#define EURO_CODE 0x65 /* the one extended character beyond the table of characters below */
#define EURO      0x20ac
/* clang-format on */

/* A character's septet, and above it how many septets it costs: 0 is not in
 * the alphabet. Only what is below U+03C0 can be, but for the euro sign. */
#define COST(entry) ((entry) >> 8)
static const uint16_t gsm_of_character[0x3c0] = {
#define X(septet, character) [character] = 0x100 | (septet),
    DEFAULT_ALPHABET(X)
#undef X
#define X(septet, character) [character] = 0x200 | (septet),
        EXTENSION(X)
#undef X
};

static const uint16_t character_of_gsm[0x80] = {
#define X(septet, character) [septet] = (character),
    DEFAULT_ALPHABET(X)
#undef X
};

static const uint16_t character_of_extension[0x80] = {[EURO_CODE] = EURO,
#define X(septet, character) [septet] = (character),
                                                      EXTENSION(X)
#undef X
};

static inline unsigned gsm_entry(uint32_t code)
{
    if (code < sizeof gsm_of_character / sizeof gsm_of_character[0])
        return gsm_of_character[code];
    return code == EURO ? 0x200 | EURO_CODE : 0;
}

static const struct {
    uint32_t alone, of_several;
} capacity[] = {
    [TEXT_GSM7] = {160, 153},
    [TEXT_UCS2] = {70, 67},
};

static inline unsigned cost_of(uint32_t code, enum text_encoding encoding)
{
    if (encoding == TEXT_UCS2)
        return code > 0xffff ? 2 : 1;
    return COST(gsm_entry(code));
}

/* The parts of a text that is known to be valid and to need several. */
static uint32_t count_parts(const char *p, const char *end, enum text_encoding encoding)
{
    uint32_t parts = 1, used = 0, code, cost;

    while (p < end && utf8_next(&p, end, &code) == 0) {
        cost = cost_of(code, encoding);
        if (used + cost > capacity[encoding].of_several) {
            parts++;
            used = 0;
        }
        used += cost;
    }
    return parts;
}

static uint32_t parts_of(const char *utf8, size_t n, enum text_encoding encoding, uint32_t units)
{
    if (units <= capacity[encoding].alone)
        return units > 0;
    return count_parts(utf8, utf8 + n, encoding);
}

int text_measure(const char *utf8, size_t n, enum text_billing billing, struct text_size *out)
{
    const char *p = utf8, *end = utf8 + n;
    uint32_t units = 0, septets = 0, code;

    for (; p < end; units++) { /* all of GSM is one unit a character */
        const char *before = p;
        unsigned entry;

        if (utf8_next(&p, end, &code) != 0)
            return -1;
        entry = gsm_entry(code);
        if (entry == 0) {
            p = before;
            break;
        }
        septets += COST(entry);
    }
    if (p < end) { /* UCS-2 for good: of the rest only the units count */
        long rest = utf8_units(p, (size_t)(end - p));

        if (rest < 0)
            return -1;
        out->encoding = TEXT_UCS2;
        out->units = units + (uint32_t)rest;
        out->segments = out->parts = parts_of(utf8, n, TEXT_UCS2, out->units);
        return 0;
    }
    out->encoding = TEXT_GSM7;
    out->units = billing == TEXT_BILL_UNITS ? units : septets;
    out->parts = parts_of(utf8, n, TEXT_GSM7, septets);
    out->segments = billing == TEXT_BILL_UNITS ? parts_of(utf8, n, TEXT_UCS2, units) : out->parts;
    return 0;
}

/* Units of the whole text, or -1. */
static long count_units(const char *utf8, size_t n, enum text_encoding encoding)
{
    const char *p = utf8, *end = utf8 + n;
    uint32_t code;
    long units = 0;

    while (p < end) {
        unsigned cost;

        if (utf8_next(&p, end, &code) != 0)
            return -1;
        cost = cost_of(code, encoding);
        if (cost == 0)
            return -1;
        units += cost;
    }
    return units;
}

int text_cut(const char *utf8, size_t n, enum text_encoding encoding, struct text_part *parts,
             size_t max)
{
    const char *p = utf8, *end = utf8 + n;
    long units = count_units(utf8, n, encoding);
    uint32_t room, code;
    size_t count = 1;

    if (units <= 0)
        return (int)units;
    room = units <= (long)capacity[encoding].alone ? capacity[encoding].alone
                                                   : capacity[encoding].of_several;
    parts[0] = (struct text_part){0};
    while (p < end) {
        const char *before = p;
        uint32_t cost;

        if (utf8_next(&p, end, &code) != 0)
            return -1;
        cost = cost_of(code, encoding);
        if (parts[count - 1].units + cost > room) {
            if (count == max)
                return -1;
            parts[count++] = (struct text_part){.offset = (size_t)(before - utf8)};
        }
        parts[count - 1].units += cost;
        parts[count - 1].length += (size_t)(p - before);
    }
    return (int)count;
}

long text_encode_gsm7(const char *utf8, size_t n, uint8_t *out, size_t size)
{
    const char *p = utf8, *end = utf8 + n;
    uint32_t code;
    size_t length = 0;

    while (p < end) {
        unsigned entry;

        if (utf8_next(&p, end, &code) != 0)
            return -1;
        entry = gsm_entry(code);
        if (entry == 0 || COST(entry) > size - length)
            return -1;
        if (COST(entry) == 2)
            out[length++] = ESCAPE;
        out[length++] = (uint8_t)entry;
    }
    return (long)length;
}

static void put16(uint8_t *out, uint32_t unit)
{
    out[0] = (uint8_t)(unit >> 8);
    out[1] = (uint8_t)unit;
}

long text_encode_ucs2(const char *utf8, size_t n, uint8_t *out, size_t size)
{
    const char *p = utf8, *end = utf8 + n;
    uint32_t code;
    size_t length = 0;

    while (p < end) {
        if (utf8_next(&p, end, &code) != 0 || (code > 0xffff ? 4u : 2u) > size - length)
            return -1;
        if (code > 0xffff) {
            put16(out + length, 0xd800 + ((code - 0x10000) >> 10));
            length += 2;
            code = 0xdc00 + ((code - 0x10000) & 0x3ff);
        }
        put16(out + length, code);
        length += 2;
    }
    return (long)length;
}

long text_decode_gsm7(const uint8_t *septets, size_t n, char *out)
{
    size_t i, length = 0;

    for (i = 0; i < n; i++) {
        uint32_t character = 0;

        if (septets[i] == ESCAPE) {
            if (++i == n || septets[i] > 0x7f)
                return -1;
            character = character_of_extension[septets[i]];
        }
        if (septets[i] > 0x7f)
            return -1;
        if (character == 0)
            character = septets[i] == ESCAPE ? ' ' : character_of_gsm[septets[i]];
        length += utf8_put(out + length, character);
    }
    return (long)length;
}

size_t text_first_not_gsm(const char *utf8, size_t n, uint32_t *code)
{
    const char *p = utf8, *end = utf8 + n;
    uint32_t character = 0;

    while (p < end) {
        const char *before = p;

        if (utf8_next(&p, end, &character) != 0)
            character = 0xfffd;
        if (gsm_entry(character) == 0) {
            if (code != NULL)
                *code = character;
            return (size_t)(before - utf8);
        }
    }
    return n;
}
