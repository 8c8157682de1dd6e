#include "sms.h"

#include <endian.h>
#include <string.h>

#define ESCAPE 0x1b
#define REPLACEMENT 0xfffdu

/* The default alphabet: septet, code point. 1b is the escape. */
/* Formatted, the rows would move to the right without end. */
/* clang-format off */
#define ALPHABET(X) \
    X(0x00, 0x0040) X(0x01, 0x00a3) X(0x02, 0x0024) X(0x03, 0x00a5) X(0x04, 0x00e8) \
    X(0x05, 0x00e9) X(0x06, 0x00f9) X(0x07, 0x00ec) X(0x08, 0x00f2) X(0x09, 0x00c7) \
    X(0x0a, 0x000a) X(0x0b, 0x00d8) X(0x0c, 0x00f8) X(0x0d, 0x000d) X(0x0e, 0x00c5) \
    X(0x0f, 0x00e5) X(0x10, 0x0394) X(0x11, 0x005f) X(0x12, 0x03a6) X(0x13, 0x0393) \
    X(0x14, 0x039b) X(0x15, 0x03a9) X(0x16, 0x03a0) X(0x17, 0x03a8) X(0x18, 0x03a3) \
    X(0x19, 0x0398) X(0x1a, 0x039e) X(0x1c, 0x00c6) X(0x1d, 0x00e6) X(0x1e, 0x00df) \
    X(0x1f, 0x00c9) X(0x20, 0x0020) X(0x21, 0x0021) X(0x22, 0x0022) X(0x23, 0x0023) \
    X(0x24, 0x00a4) X(0x25, 0x0025) X(0x26, 0x0026) X(0x27, 0x0027) X(0x28, 0x0028) \
    X(0x29, 0x0029) X(0x2a, 0x002a) X(0x2b, 0x002b) X(0x2c, 0x002c) X(0x2d, 0x002d) \
    X(0x2e, 0x002e) X(0x2f, 0x002f) X(0x30, 0x0030) X(0x31, 0x0031) X(0x32, 0x0032) \
    X(0x33, 0x0033) X(0x34, 0x0034) X(0x35, 0x0035) X(0x36, 0x0036) X(0x37, 0x0037) \
    X(0x38, 0x0038) X(0x39, 0x0039) X(0x3a, 0x003a) X(0x3b, 0x003b) X(0x3c, 0x003c) \
    X(0x3d, 0x003d) X(0x3e, 0x003e) X(0x3f, 0x003f) X(0x40, 0x00a1) X(0x41, 0x0041) \
    X(0x42, 0x0042) X(0x43, 0x0043) X(0x44, 0x0044) X(0x45, 0x0045) X(0x46, 0x0046) \
    X(0x47, 0x0047) X(0x48, 0x0048) X(0x49, 0x0049) X(0x4a, 0x004a) X(0x4b, 0x004b) \
    X(0x4c, 0x004c) X(0x4d, 0x004d) X(0x4e, 0x004e) X(0x4f, 0x004f) X(0x50, 0x0050) \
    X(0x51, 0x0051) X(0x52, 0x0052) X(0x53, 0x0053) X(0x54, 0x0054) X(0x55, 0x0055) \
    X(0x56, 0x0056) X(0x57, 0x0057) X(0x58, 0x0058) X(0x59, 0x0059) X(0x5a, 0x005a) \
    X(0x5b, 0x00c4) X(0x5c, 0x00d6) X(0x5d, 0x00d1) X(0x5e, 0x00dc) X(0x5f, 0x00a7) \
    X(0x60, 0x00bf) X(0x61, 0x0061) X(0x62, 0x0062) X(0x63, 0x0063) X(0x64, 0x0064) \
    X(0x65, 0x0065) X(0x66, 0x0066) X(0x67, 0x0067) X(0x68, 0x0068) X(0x69, 0x0069) \
    X(0x6a, 0x006a) X(0x6b, 0x006b) X(0x6c, 0x006c) X(0x6d, 0x006d) X(0x6e, 0x006e) \
    X(0x6f, 0x006f) X(0x70, 0x0070) X(0x71, 0x0071) X(0x72, 0x0072) X(0x73, 0x0073) \
    X(0x74, 0x0074) X(0x75, 0x0075) X(0x76, 0x0076) X(0x77, 0x0077) X(0x78, 0x0078) \
    X(0x79, 0x0079) X(0x7a, 0x007a) X(0x7b, 0x00e4) X(0x7c, 0x00f6) X(0x7d, 0x00f1) \
    X(0x7e, 0x00fc) X(0x7f, 0x00e0)
/* clang-format on */

/* After the escape. The euro sign, far from the others, is looked up by hand. */
#define EXTENSION(X)                                                                               \
    X(0x0a, 0x000c)                                                                                \
    X(0x14, 0x005e)                                                                                \
    X(0x28, 0x007b)                                                                                \
    X(0x29, 0x007d) X(0x2f, 0x005c) X(0x3c, 0x005b) X(0x3d, 0x007e) X(0x3e, 0x005d) X(0x40, 0x007c)
#define EURO 0x20acu
#define EURO_SEPTET 0x65

#define PLAIN 0x100   /* in from_unicode: one septet ... */
#define ESCAPED 0x200 /* ... or an escape and this one; 0: not in the alphabet */

static const uint16_t to_unicode[128] = {
#define X(septet, code) [septet] = code,
    ALPHABET(X)
#undef X
};
static const uint16_t extension_to_unicode[128] = {[EURO_SEPTET] = EURO,
#define X(septet, code) [septet] = code,
                                                   EXTENSION(X)
#undef X
};
static const uint16_t from_unicode[0x400] = {
#define X(septet, code) [code] = PLAIN | septet,
    ALPHABET(X)
#undef X
#define X(septet, code) [code] = ESCAPED | septet,
        EXTENSION(X)
#undef X
};

/* ------------------------------------------------------------------ UTF-8 */
static const struct {
    uint8_t mask, length;
    uint32_t least;
} leads[16] = {
    [0x0] = {0x7f, 1, 0},    [0x1] = {0x7f, 1, 0},     [0x2] = {0x7f, 1, 0},
    [0x3] = {0x7f, 1, 0},    [0x4] = {0x7f, 1, 0},     [0x5] = {0x7f, 1, 0},
    [0x6] = {0x7f, 1, 0},    [0x7] = {0x7f, 1, 0},     [0xc] = {0x1f, 2, 0x80},
    [0xd] = {0x1f, 2, 0x80}, [0xe] = {0x0f, 3, 0x800}, [0xf] = {0x07, 4, 0x10000},
};

/* Takes one character off the front; false if what stands there is none. */
static inline bool utf8_next(const uint8_t **at, const uint8_t *end, uint32_t *code)
{
    const uint8_t *p = *at;
    unsigned length = leads[p[0] >> 4].length, i;
    uint32_t c = p[0] & leads[p[0] >> 4].mask;

    if (length == 0 || length > (size_t)(end - p))
        return false;
    for (i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return false;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < leads[p[0] >> 4].least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ||
        (length == 4 && p[0] > 0xf4))
        return false;
    *at = p + length;
    *code = c;
    return true;
}

static char *utf8_put(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

/* ------------------------------------------------------------------ cutting */
/* Where the parts of a text begin, if it turns out to need several. Units are
 * septets or UTF-16 units: what the limits count. */
struct cutter {
    unsigned single, several; /* units in a lone part, in one of several */
    unsigned total, in_part;
    unsigned parts; /* begun so far */
};

static const struct {
    uint16_t single, several;
} limits[2][4] = {
    [GATEWAY_GSM7] = {[SMS_LONG_UDH8] = {160, 153},
                      [SMS_LONG_UDH16] = {160, 152},
                      [SMS_LONG_SAR] = {160, 153},
                      [SMS_LONG_PAYLOAD] = {160, 153}},
    [GATEWAY_UCS2] = {[SMS_LONG_UDH8] = {70, 67},
                      [SMS_LONG_UDH16] = {70, 66},
                      [SMS_LONG_SAR] = {70, 67},
                      [SMS_LONG_PAYLOAD] = {70, 67}},
};

/* A character of so many units is about to be put at octet at. */
static inline bool cut(struct cutter *c, struct sms_text *t, unsigned units, size_t at)
{
    if (c->in_part + units > c->several) {
        /* One part more than allowed may be begun: it is none if all fits into one. */
        if (c->parts >= SMS_PARTS_MAX)
            return false;
        t->start[c->parts++] = (uint16_t)at;
        c->in_part = 0;
    }
    c->in_part += units;
    c->total += units;
    return true;
}

static enum sms_result finish(struct cutter *c, struct sms_text *t, size_t length,
                              enum sms_long long_text)
{
    t->parts = c->total <= c->single || long_text == SMS_LONG_PAYLOAD ? 1 : c->parts;
    t->start[t->parts] = (uint16_t)length;
    return SMS_OK;
}

/* ------------------------------------------------------------------ encoding */
/* Returns 1 if a character is not in the alphabet. */
static int encode_gsm(struct sms_text *t, const uint8_t *p, const uint8_t *end,
                      enum sms_charset charset, enum sms_long long_text)
{
    struct cutter c = {limits[GATEWAY_GSM7][long_text].single,
                       limits[GATEWAY_GSM7][long_text].several, 0, 0, 1};
    uint8_t *out = t->octets;
    const uint32_t highest[] = {[SMS_CHARSET_LATIN1] = 0xff, [SMS_CHARSET_ASCII] = 0x7f};

    while (p < end) {
        uint32_t code;
        uint16_t found;

        if (*p < 0x80)
            code = *p++;
        else if (!utf8_next(&p, end, &code))
            return SMS_INVALID;
        found = code < 0x400 ? from_unicode[code] : code == EURO ? ESCAPED | EURO_SEPTET : 0;
        if (found == 0 || (charset != SMS_CHARSET_GSM && code > highest[charset]))
            return 1;
        if (!cut(&c, t, found & ESCAPED ? 2 : 1, (size_t)(out - t->octets)))
            return SMS_TOO_LONG;
        if (charset != SMS_CHARSET_GSM) {
            *out++ = (uint8_t)code;
            continue;
        }
        if (found & ESCAPED)
            *out++ = ESCAPE;
        *out++ = (uint8_t)found;
    }
    t->data_coding = 0;
    return finish(&c, t, (size_t)(out - t->octets), long_text);
}

/* Two characters of three bytes at p, of 8 that may be read? E0 and ED are left to
 * utf8_next(): what may follow them is narrower. */
static inline bool two_of_three(const uint8_t *p)
{
    uint64_t eight;

    memcpy(&eight, p, sizeof eight);
    return (le64toh(eight) & 0xc0c0f0c0c0f0) == 0x8080e08080e0 && p[0] != 0xe0 && p[0] != 0xed &&
           p[3] != 0xe0 && p[3] != 0xed;
}

static inline void put_three(uint8_t *out, const uint8_t *p)
{
    out[0] = (uint8_t)(p[0] << 4 | (p[1] >> 2 & 0xf));
    out[1] = (uint8_t)(p[1] << 6 | (p[2] & 0x3f));
}

/* Most texts are Chinese and fit into one part: no cut is looked for. Returns the
 * octets, or 0 where there is more, or something that is no character. */
static size_t encode_lone_ucs2(uint8_t *out, const uint8_t *p, const uint8_t *end, size_t units)
{
    const uint8_t *start = out, *full = out + 2 * units;

    while (p < end) {
        uint32_t code;

        while (end - p >= 8 && full - out >= 4) {
            if (two_of_three(p)) {
                put_three(out, p);
                put_three(out + 2, p + 3);
                p += 6;
                out += 4;
            } else if (*p < 0x80) {
                *out++ = 0;
                *out++ = *p++;
            } else {
                break;
            }
        }
        if (out == full || !utf8_next(&p, end, &code) || code > 0xffff)
            return 0;
        *out++ = (uint8_t)(code >> 8);
        *out++ = (uint8_t)code;
    }
    return (size_t)(out - start);
}

static enum sms_result encode_ucs2(struct sms_text *t, const uint8_t *p, const uint8_t *end,
                                   enum sms_long long_text)
{
    struct cutter c = {limits[GATEWAY_UCS2][long_text].single,
                       limits[GATEWAY_UCS2][long_text].several, 0, 0, 1};
    uint8_t *out = t->octets;
    size_t lone = encode_lone_ucs2(out, p, end, c.single);

    if (lone > 0) {
        t->data_coding = 8;
        return finish(&c, t, lone, long_text);
    }
    while (p < end) {
        uint32_t code;

        if (!utf8_next(&p, end, &code))
            return SMS_INVALID;
        if (!cut(&c, t, code > 0xffff ? 2 : 1, (size_t)(out - t->octets)))
            return SMS_TOO_LONG;
        if (code > 0xffff) {
            uint32_t high = 0xd800 + ((code - 0x10000) >> 10);

            *out++ = (uint8_t)(high >> 8);
            *out++ = (uint8_t)high;
            code = 0xdc00 + ((code - 0x10000) & 0x3ff);
        }
        *out++ = (uint8_t)(code >> 8);
        *out++ = (uint8_t)code;
    }
    t->data_coding = 8;
    return finish(&c, t, (size_t)(out - t->octets), long_text);
}

enum sms_result sms_encode(struct sms_text *t, const char *utf8, size_t n,
                           enum gateway_encoding encoding, enum sms_charset charset,
                           enum sms_long long_text)
{
    const uint8_t *p = (const uint8_t *)utf8;

    t->start[0] = 0;
    if (encoding == GATEWAY_GSM7) {
        int result = encode_gsm(t, p, p + n, charset, long_text);

        if (result <= 0)
            return (enum sms_result)result;
    }
    return encode_ucs2(t, p, p + n, long_text);
}

size_t sms_header(uint8_t header[7], enum sms_long long_text, uint16_t reference, unsigned total,
                  unsigned number)
{
    size_t n = 0;

    if (total < 2 || (long_text != SMS_LONG_UDH8 && long_text != SMS_LONG_UDH16))
        return 0;
    if (long_text == SMS_LONG_UDH16) {
        header[n++] = 6;
        header[n++] = 8; /* concatenation, 16-bit reference */
        header[n++] = 4;
        header[n++] = (uint8_t)(reference >> 8);
    } else {
        header[n++] = 5;
        header[n++] = 0; /* concatenation, 8-bit reference */
        header[n++] = 3;
    }
    header[n++] = (uint8_t)reference;
    header[n++] = (uint8_t)total;
    header[n++] = (uint8_t)number;
    return n;
}

/* ------------------------------------------------------------------ decoding */
static struct sms_concat read_elements(const uint8_t *p, size_t n)
{
    static const struct sms_concat none;
    struct sms_concat c = none;

    while (n >= 2) {
        size_t length = p[1];

        if (length > n - 2)
            return none;
        if (p[0] == 0 && length == 3)
            c = (struct sms_concat){p[2], p[3], p[4]};
        else if (p[0] == 8 && length == 4)
            c = (struct sms_concat){(uint16_t)(p[2] << 8 | p[3]), p[4], p[5]};
        p += 2 + length;
        n -= 2 + length;
    }
    return n != 0 || c.number < 1 || c.number > c.total ? none : c;
}

struct sms_concat sms_strip_header(const uint8_t **text, size_t *n)
{
    struct sms_concat c = {0};
    size_t length;

    if (*n == 0)
        return c;
    length = (*text)[0];
    if (length > *n - 1) {
        *text += *n;
        *n = 0;
        return c;
    }
    c = read_elements(*text + 1, length);
    *text += length + 1;
    *n -= length + 1;
    return c;
}

static size_t decode_gsm(char *out, const uint8_t *p, size_t n)
{
    char *at = out;
    size_t i;

    for (i = 0; i < n; i++) {
        uint32_t code = p[i] > 0x7f ? REPLACEMENT : to_unicode[p[i]];

        if (p[i] == ESCAPE) {
            /* An escape at the end is a fault; an unknown character after one is
             * shown as that of the plain table. */
            if (i + 1 == n)
                break;
            i++;
            code = p[i] > 0x7f ? REPLACEMENT : extension_to_unicode[p[i]];
            if (code == 0)
                code = p[i] == ESCAPE ? ' ' : to_unicode[p[i]];
        }
        at = utf8_put(at, code);
    }
    return (size_t)(at - out);
}

static size_t decode_octets(char *out, const uint8_t *p, size_t n)
{
    char *at = out;
    size_t i;

    for (i = 0; i < n; i++)
        at = utf8_put(at, p[i]);
    return (size_t)(at - out);
}

static size_t decode_ucs2(char *out, const uint8_t *p, size_t n)
{
    char *at = out;
    size_t i;

    for (i = 0; i + 1 < n; i += 2) {
        uint32_t code = (uint32_t)(p[i] << 8 | p[i + 1]);

        if (i == 0 && code == 0xfeff)
            continue; /* a byte order mark, which should not be there */
        if (code >= 0xd800 && code < 0xdc00 && i + 3 < n && (p[i + 2] & 0xfc) == 0xdc) {
            code = 0x10000 + ((code & 0x3ff) << 10) + (uint32_t)((p[i + 2] & 3) << 8 | p[i + 3]);
            i += 2;
        } else if (code >= 0xd800 && code < 0xe000) {
            code = REPLACEMENT;
        }
        at = utf8_put(at, code);
    }
    return (size_t)(at - out);
}

enum alphabet { DEFAULT, GSM, OCTETS, UCS2 };

/* 3GPP TS 23.038 section 4 where SMPP says nothing of its own. */
static enum alphabet alphabet_of(uint8_t data_coding, bool has_header)
{
    static const enum alphabet by_bits[] = {GSM, OCTETS, UCS2, DEFAULT};

    if (data_coding <= 1)
        return DEFAULT;
    if (data_coding >= 2 && data_coding <= 4)
        return OCTETS; /* 3 is Latin-1; of the others nothing better is known */
    if (data_coding == 8)
        return UCS2;
    if (data_coding >= 0xf0 || (data_coding & 0xf0) == 0x10)
        return by_bits[data_coding >> 2 & 3];
    return has_header ? OCTETS : DEFAULT;
}

size_t sms_decode(char *out, const uint8_t *octets, size_t n, uint8_t data_coding,
                  enum sms_charset charset, bool has_header)
{
    enum alphabet alphabet = alphabet_of(data_coding, has_header);

    if (alphabet == DEFAULT)
        alphabet = charset == SMS_CHARSET_GSM ? GSM : OCTETS;
    if (alphabet == GSM)
        return decode_gsm(out, octets, n);
    return alphabet == UCS2 ? decode_ucs2(out, octets, n) : decode_octets(out, octets, n);
}
