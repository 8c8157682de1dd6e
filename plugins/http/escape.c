#include "escape.h"

#include <string.h>

static const char upper_hex[] = "0123456789ABCDEF";

/* What a byte may do unescaped. */
enum { UNRESERVED = 1, FORM = 2, LEGAL = 4 };

static uint8_t kinds[256];

/* The table is filled once, on the one thread that there is. */
static const uint8_t *kind_table(void)
{
    const char *p;
    int c;

    if (kinds['a'] != 0)
        return kinds;
    for (c = '0'; c <= 'z'; c++)
        if ((c <= '9') || (c >= 'A' && c <= 'Z') || c >= 'a')
            kinds[c] = UNRESERVED | FORM | LEGAL;
    for (p = "-._~"; *p != '\0'; p++)
        kinds[(unsigned char)*p] |= UNRESERVED | LEGAL;
    for (p = "*-._"; *p != '\0'; p++)
        kinds[(unsigned char)*p] |= FORM;
    for (p = ":/?#[]@!$&'()*+,;=%"; *p != '\0'; p++)
        kinds[(unsigned char)*p] |= LEGAL;
    return kinds;
}

static void percent_encode(struct bytes *out, const char *s, size_t n, unsigned kind, bool plus)
{
    const uint8_t *table = kind_table();
    char *to = n > out->limit / 3 ? NULL : bytes_room(out, 3 * n);
    char *start = to;
    size_t i;

    if (to == NULL) {
        out->overflowed = out->overflowed || n > 0;
        return;
    }
    for (i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];

        if (table[c] & kind) {
            *to++ = (char)c;
        } else if (c == ' ' && plus) {
            *to++ = '+';
        } else {
            *to++ = '%';
            *to++ = upper_hex[c >> 4];
            *to++ = upper_hex[c & 15];
        }
    }
    out->length += (size_t)(to - start);
}

void escape_url(struct bytes *out, const char *s, size_t n)
{
    percent_encode(out, s, n, UNRESERVED, false);
}

void escape_form(struct bytes *out, const char *s, size_t n)
{
    percent_encode(out, s, n, FORM, true);
}

void escape_legal_url(struct bytes *out, const char *s, size_t n)
{
    percent_encode(out, s, n, LEGAL, false);
}

size_t escape_next(const char *s, size_t n, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)s;
    size_t length = p[0] < 0x80   ? 1
                    : p[0] < 0xc2 ? 0
                    : p[0] < 0xe0 ? 2
                    : p[0] < 0xf0 ? 3
                    : p[0] < 0xf5 ? 4
                                  : 0;
    size_t i;

    *code = 0xfffd;
    if (length == 1)
        *code = p[0];
    if (length <= 1 || length > n)
        return 1;
    uint32_t value = p[0] & (0x7fu >> length);
    for (i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 1;
        value = value << 6 | (p[i] & 0x3f);
    }
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        return 1;
    *code = value;
    return length;
}

void escape_put_utf8(struct bytes *out, uint32_t code)
{
    char utf8[4];
    size_t n = 0;

    if (code < 0x80) {
        utf8[n++] = (char)code;
    } else if (code < 0x800) {
        utf8[n++] = (char)(0xc0 | code >> 6);
        utf8[n++] = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        utf8[n++] = (char)(0xe0 | code >> 12);
        utf8[n++] = (char)(0x80 | (code >> 6 & 0x3f));
        utf8[n++] = (char)(0x80 | (code & 0x3f));
    } else {
        utf8[n++] = (char)(0xf0 | code >> 18);
        utf8[n++] = (char)(0x80 | (code >> 12 & 0x3f));
        utf8[n++] = (char)(0x80 | (code >> 6 & 0x3f));
        utf8[n++] = (char)(0x80 | (code & 0x3f));
    }
    bytes_put(out, utf8, n);
}

/* Runs put over the characters that plain does not take as they are. */
static void by_character(struct bytes *out, const char *s, size_t n, bool (*plain)(uint32_t),
                         void (*put)(struct bytes *, uint32_t))
{
    size_t i = 0, from = 0;

    while (i < n) {
        uint32_t code;
        size_t length = escape_next(s + i, n - i, &code);

        /* An U+FFFD of one byte is one of ours. */
        if (plain(code) && !(code == 0xfffd && length == 1)) {
            i += length;
            continue;
        }
        bytes_put(out, s + from, i - from);
        put(out, code);
        i += length;
        from = i;
    }
    bytes_put(out, s + from, n - from);
}

static bool json_plain(uint32_t c)
{
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

static void json_put(struct bytes *out, uint32_t c)
{
    static const char names[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    const char *p;

    for (p = names; *p != '\0'; p += 2)
        if ((uint32_t)*p == c) {
            bytes_putc(out, '\\');
            bytes_putc(out, p[1]);
            return;
        }
    if (c >= 0x80) {
        escape_put_utf8(out, c);
        return;
    }
    bytes_puts(out, "\\u00");
    bytes_putc(out, upper_hex[c >> 4]);
    bytes_putc(out, upper_hex[c & 15]);
}

void escape_json(struct bytes *out, const char *s, size_t n)
{
    by_character(out, s, n, json_plain, json_put);
}

static bool xml_plain(uint32_t c)
{
    return (c >= 0x20 || c == '\t' || c == '\n') && c != '&' && c != '<' && c != '>' && c != '"' &&
           c != '\'' && c != 0xfffe && c != 0xffff;
}

static void xml_put(struct bytes *out, uint32_t c)
{
    bytes_puts(out, c == '&'    ? "&amp;"
                    : c == '<'  ? "&lt;"
                    : c == '>'  ? "&gt;"
                    : c == '"'  ? "&quot;"
                    : c == '\'' ? "&#39;"
                    : c == '\r' ? "&#13;" /* bare, a parser would make it a line feed */
                                : "\xef\xbf\xbd");
}

void escape_xml(struct bytes *out, const char *s, size_t n)
{
    by_character(out, s, n, xml_plain, xml_put);
}

static bool any_plain(uint32_t c)
{
    (void)c;
    return true;
}

void escape_clean(struct bytes *out, const char *s, size_t n)
{
    by_character(out, s, n, any_plain, escape_put_utf8);
}

static void put_unit(struct bytes *out, uint32_t unit)
{
    char hex[4] = {upper_hex[unit >> 12 & 15], upper_hex[unit >> 8 & 15], upper_hex[unit >> 4 & 15],
                   upper_hex[unit & 15]};

    bytes_put(out, hex, sizeof hex);
}

void escape_hex(struct bytes *out, const char *s, size_t n)
{
    uint32_t code;
    size_t i;

    for (i = 0; i < n;) {
        i += escape_next(s + i, n - i, &code);
        if (code >= 0x10000) {
            put_unit(out, 0xd800 + ((code - 0x10000) >> 10));
            code = 0xdc00 + ((code - 0x10000) & 0x3ff);
        }
        put_unit(out, code);
    }
}

void escape_base64(struct bytes *out, const char *s, size_t n)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)s;
    size_t i;

    for (i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t three = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                         (left > 2 ? p[i + 2] : 0);
        char four[4] = {letters[three >> 18], letters[three >> 12 & 63],
                        left > 1 ? letters[three >> 6 & 63] : '=',
                        left > 2 ? letters[three & 63] : '='};

        bytes_put(out, four, sizeof four);
    }
}

void escape_none(struct bytes *out, const char *s, size_t n)
{
    bytes_put(out, s, n);
}

void escape_line(struct bytes *out, const char *s, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if ((unsigned char)s[i] >= 0x20 && s[i] != 0x7f)
            bytes_putc(out, s[i]);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void escape_decode_form(struct bytes *out, const char *s, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (s[i] == '%' && n - i > 2 && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0) {
            bytes_putc(out, (char)(hex_digit(s[i + 1]) << 4 | hex_digit(s[i + 2])));
            i += 2;
            continue;
        }
        bytes_putc(out, s[i] == '+' ? ' ' : s[i]);
    }
}
