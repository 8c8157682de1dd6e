/*
 * utf8.h - characters out of bytes that may not be any
 *
 * Strict by RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF,
 * nothing torn. Bytes come from spreadsheets, operators and strangers, so every
 * function takes a length and none relies on a NUL.
 */
#ifndef OUTREACH_UTF8_H
#define OUTREACH_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_MAX 4 /* bytes of the longest sequence */

/* Reads the character at *p (*p < end) into *code and moves *p behind it.
 * Returns 0, or -1 if there is none; then *p stays where it is. Inline, since
 * every byte that is sent passes here. */
static inline int utf8_next(const char **p, const char *end, uint32_t *code)
{
    const unsigned char *s = (const unsigned char *)*p;
    size_t left = (size_t)(end - *p);

    if (s[0] < 0x80) {
        *code = s[0];
        *p += 1;
        return 0;
    }
    if (s[0] >= 0xe0 && s[0] < 0xf0) { /* first: it is what Chinese is made of */
        if (left < 3 || (s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80)
            return -1;
        *code = (uint32_t)(s[0] & 0xf) << 12 | (uint32_t)(s[1] & 0x3f) << 6 | (s[2] & 0x3f);
        if (*code < 0x800 || (*code & 0xf800) == 0xd800)
            return -1;
        *p += 3;
        return 0;
    }
    if (s[0] >= 0xc2 && s[0] < 0xe0) {
        if (left < 2 || (s[1] & 0xc0) != 0x80)
            return -1;
        *code = (uint32_t)(s[0] & 0x1f) << 6 | (s[1] & 0x3f);
        *p += 2;
        return 0;
    }
    if (s[0] < 0xf0 || s[0] > 0xf4 || left < 4 || (s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80 ||
        (s[3] & 0xc0) != 0x80)
        return -1;
    *code = (uint32_t)(s[0] & 7) << 18 | (uint32_t)(s[1] & 0x3f) << 12 |
            (uint32_t)(s[2] & 0x3f) << 6 | (s[3] & 0x3f);
    if (*code < 0x10000 || *code > 0x10ffff)
        return -1;
    *p += 4;
    return 0;
}

/* A space of any kind, also of no width, or a control character. */
static inline bool utf8_is_blank(uint32_t code)
{
    return code <= 0x20 || code == 0xa0 || (code >= 0x2000 && code <= 0x200f) || code == 0x3000;
}

/* Moves *s over the blanks that it begins with. Returns how many of its n bytes are left without
 * those at its end. Bytes that are no UTF-8 are no blanks. */
size_t utf8_trim(const char **s, size_t n);

/* Writes code (a valid one) as 1..4 bytes to out. Returns how many. */
size_t utf8_put(char *out, uint32_t code);

/* UTF-16 units of n bytes, or -1 if they are not valid UTF-8. The same rules as
 * utf8_next without the characters and without a branch: for the hot path. */
long utf8_units(const char *s, size_t n);

/* How many of the n bytes are valid from the start: n if all of it is. */
size_t utf8_valid(const char *s, size_t n);

/* Whether the n bytes (n > 0) could be the beginning of one sequence that the
 * following bytes may complete: what a chunk of a stream may end in. */
bool utf8_is_torn(const char *s, size_t n);

/* Characters in n bytes; a byte that belongs to none counts as one. */
size_t utf8_count(const char *s, size_t n);

/* Columns that a terminal gives a character: 2 for what is wide in East Asia
 * and for emoji, 0 for what sits on its neighbour and for control characters,
 * else 1. Ambiguous ones (quotes, dashes) are 1. By tables of our own: wcwidth
 * follows the locale, and a daemon runs in C. */
int utf8_columns_of(uint32_t code);

/* Columns of n bytes; a byte that belongs to no character takes one. */
size_t utf8_columns(const char *s, size_t n);

/* How many bytes from the start fit into so many columns, with the marks that
 * sit on the last character. *used, if not NULL, is what they take: at a wide
 * character it may be one less than there is room for. */
size_t utf8_cut(const char *s, size_t n, size_t columns, size_t *used);

/* Full-width forms (U+FF01..FF5E, as in １３８ or ＴＤ, and the ideographic space)
 * to ASCII; all else is copied. Writes at most n bytes; out may be s. Returns
 * how many. Invalid bytes are copied as they are. */
size_t utf8_halfwidth(const char *s, size_t n, char *out);

#endif
