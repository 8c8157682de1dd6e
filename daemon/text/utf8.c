#include "utf8.h"

#include <string.h>

struct range {
    uint32_t first, last;
};

/* East Asian Width W and F of Unicode 15, unassigned gaps closed; circled
 * numbers and hexagrams with them, as in the C library. */
static const struct range wide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},
    {0x23f0, 0x23f0},   {0x23f3, 0x23f3},   {0x25fd, 0x25fe},   {0x2614, 0x2615},
    {0x2648, 0x2653},   {0x267f, 0x267f},   {0x2693, 0x2693},   {0x26a1, 0x26a1},
    {0x26aa, 0x26ab},   {0x26bd, 0x26be},   {0x26c4, 0x26c5},   {0x26ce, 0x26ce},
    {0x26d4, 0x26d4},   {0x26ea, 0x26ea},   {0x26f2, 0x26f3},   {0x26f5, 0x26f5},
    {0x26fa, 0x26fa},   {0x26fd, 0x26fd},   {0x2705, 0x2705},   {0x270a, 0x270b},
    {0x2728, 0x2728},   {0x274c, 0x274c},   {0x274e, 0x274e},   {0x2753, 0x2755},
    {0x2757, 0x2757},   {0x2795, 0x2797},   {0x27b0, 0x27b0},   {0x27bf, 0x27bf},
    {0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},   {0x2b55, 0x2b55},   {0x2e80, 0x303e},
    {0x3041, 0xa4cf},   {0xa960, 0xa97c},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
    {0xfe10, 0xfe19},   {0xfe30, 0xfe6b},   {0xff01, 0xff60},   {0xffe0, 0xffe6},
    {0x16fe0, 0x18d08}, {0x1aff0, 0x1b2fb}, {0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf},
    {0x1f18e, 0x1f18e}, {0x1f191, 0x1f19a}, {0x1f200, 0x1f320}, {0x1f32d, 0x1f335},
    {0x1f337, 0x1f37c}, {0x1f37e, 0x1f393}, {0x1f3a0, 0x1f3ca}, {0x1f3cf, 0x1f3d3},
    {0x1f3e0, 0x1f3f0}, {0x1f3f4, 0x1f3f4}, {0x1f3f8, 0x1f43e}, {0x1f440, 0x1f440},
    {0x1f442, 0x1f4fc}, {0x1f4ff, 0x1f53d}, {0x1f54b, 0x1f54e}, {0x1f550, 0x1f567},
    {0x1f57a, 0x1f57a}, {0x1f595, 0x1f596}, {0x1f5a4, 0x1f5a4}, {0x1f5fb, 0x1f64f},
    {0x1f680, 0x1f6c5}, {0x1f6cc, 0x1f6cc}, {0x1f6d0, 0x1f6d2}, {0x1f6d5, 0x1f6df},
    {0x1f6eb, 0x1f6ec}, {0x1f6f4, 0x1f6fc}, {0x1f7e0, 0x1f7f0}, {0x1f90c, 0x1f93a},
    {0x1f93c, 0x1f945}, {0x1f947, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
};

/* Marks and invisible characters of the scripts that names and notices are
 * written in here: Latin, Greek, Cyrillic, Hebrew, Arabic (Uyghur), Indic,
 * Thai, Lao, Tibetan, Mongolian, kana; joiners, bidi marks, selectors. */
static const struct range combining[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x05bf, 0x05bf},   {0x05c1, 0x05c2},
    {0x05c4, 0x05c5}, {0x05c7, 0x05c7}, {0x0610, 0x061a}, {0x061c, 0x061c},   {0x064b, 0x065f},
    {0x0670, 0x0670}, {0x06d6, 0x06dc}, {0x06df, 0x06e4}, {0x06e7, 0x06e8},   {0x06ea, 0x06ed},
    {0x0900, 0x0902}, {0x093a, 0x093a}, {0x093c, 0x093c}, {0x0941, 0x0948},   {0x094d, 0x094d},
    {0x0951, 0x0957}, {0x0962, 0x0963}, {0x0e31, 0x0e31}, {0x0e34, 0x0e3a},   {0x0e47, 0x0e4e},
    {0x0eb1, 0x0eb1}, {0x0eb4, 0x0ebc}, {0x0ec8, 0x0ece}, {0x0f18, 0x0f19},   {0x0f35, 0x0f35},
    {0x0f37, 0x0f37}, {0x0f39, 0x0f39}, {0x0f71, 0x0f7e}, {0x0f80, 0x0f84},   {0x0f86, 0x0f87},
    {0x0f8d, 0x0fbc}, {0x0fc6, 0x0fc6}, {0x1160, 0x11ff}, {0x180b, 0x180f},   {0x1885, 0x1886},
    {0x18a9, 0x18a9}, {0x1ab0, 0x1ace}, {0x1dc0, 0x1dff}, {0x200b, 0x200f},   {0x2028, 0x202e},
    {0x2060, 0x206f}, {0x20d0, 0x20f0}, {0x302a, 0x302d}, {0x3099, 0x309a},   {0xfb1e, 0xfb1e},
    {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0001, 0xe01ef},
};

/* Table 3-7 of the Unicode Standard as an automaton that is advanced by a shift:
 * a byte's row holds, at the bit of the state before it, the bit of the state
 * after it, and on top what the byte adds in UTF-16 units. No branch depends on
 * the text but for runs of Chinese, of which most texts are made. */
enum {
    WHOLE = 0, /* between characters: where a text must end */
    WRONG = 6,
    NEED_1 = 12,
    NEED_2 = 18,
    NEED_3 = 24,
    AFTER_E0 = 30, /* these four: the second byte has a narrower range */
    AFTER_ED = 36,
    AFTER_F0 = 42,
    AFTER_F4 = 48,
    UNITS = 62,
};
#define FROM(state, next) ((uint64_t)(next) << (state))
#define NOT_INSIDE                                                                                 \
    (FROM(WRONG, WRONG) | FROM(NEED_1, WRONG) | FROM(NEED_2, WRONG) | FROM(NEED_3, WRONG) |        \
     FROM(AFTER_E0, WRONG) | FROM(AFTER_ED, WRONG) | FROM(AFTER_F0, WRONG) |                       \
     FROM(AFTER_F4, WRONG))
#define LEAD(units, next) ((uint64_t)(units) << UNITS | NOT_INSIDE | FROM(WHOLE, next))
#define CONTINUATION(e0, ed, f0, f4)                                                               \
    (FROM(WHOLE, WRONG) | FROM(WRONG, WRONG) | FROM(NEED_1, WHOLE) | FROM(NEED_2, NEED_1) |        \
     FROM(NEED_3, NEED_2) | FROM(AFTER_E0, e0) | FROM(AFTER_ED, ed) | FROM(AFTER_F0, f0) |         \
     FROM(AFTER_F4, f4))

static const uint64_t transitions[256] = {
    [0x00 ... 0x7f] = LEAD(1, WHOLE),
    [0x80 ... 0x8f] = CONTINUATION(WRONG, NEED_1, WRONG, NEED_2),
    [0x90 ... 0x9f] = CONTINUATION(WRONG, NEED_1, NEED_2, WRONG),
    [0xa0 ... 0xbf] = CONTINUATION(NEED_1, WRONG, NEED_2, WRONG),
    [0xc0 ... 0xc1] = LEAD(0, WRONG),
    [0xc2 ... 0xdf] = LEAD(1, NEED_1),
    [0xe0] = LEAD(1, AFTER_E0),
    [0xe1 ... 0xec] = LEAD(1, NEED_2),
    [0xed] = LEAD(1, AFTER_ED),
    [0xee ... 0xef] = LEAD(1, NEED_2),
    [0xf0] = LEAD(2, AFTER_F0),
    [0xf1 ... 0xf3] = LEAD(2, NEED_3),
    [0xf4] = LEAD(2, AFTER_F4),
    [0xf5 ... 0xff] = LEAD(0, WRONG),
};

/* Two characters of three bytes at p, of 8 that may be read? E0 and ED are left to
 * the automaton: what may follow them is narrower. */
static inline bool two_of_three(const unsigned char *p)
{
    uint64_t eight = (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
                     (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 |
                     (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;

    return (eight & 0xc0c0f0c0c0f0) == 0x8080e08080e0 && p[0] != 0xe0 && p[0] != 0xed &&
           p[3] != 0xe0 && p[3] != 0xed;
}

long utf8_units(const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s, *end = p + n;
    uint64_t state = WHOLE;
    long units = 0;

    for (; p < end; p++) {
        uint64_t row;

        while ((state & 63) == WHOLE && end - p >= 8) {
            if (two_of_three(p))
                p += 6, units += 2;
            else if (*p < 0x80)
                p++, units++;
            else
                break;
        }
        row = transitions[*p];

        units += (long)(row >> UNITS);
        state = row >> (state & 63);
    }
    return (state & 63) == WHOLE ? units : -1;
}

static bool in_ranges(uint32_t code, const struct range *ranges, size_t count)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (code > ranges[middle].last)
            low = middle + 1;
        else if (code < ranges[middle].first)
            high = middle;
        else
            return true;
    }
    return false;
}

size_t utf8_trim(const char **s, size_t n)
{
    const char *p = *s, *end = p + n, *from = end, *to = end;

    while (p < end) {
        const char *at = p;
        uint32_t code = 0xfffd;

        if (utf8_next(&p, end, &code) != 0)
            p = at + 1;
        if (utf8_is_blank(code))
            continue;
        if (from == end)
            from = at;
        to = p;
    }
    *s = from;
    return (size_t)(to - from);
}

size_t utf8_put(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

size_t utf8_valid(const char *s, size_t n)
{
    const char *p = s, *end = s + n;
    uint32_t code;

    while (p < end && utf8_next(&p, end, &code) == 0)
        ;
    return (size_t)(p - s);
}

bool utf8_is_torn(const char *s, size_t n)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t length = u[0] < 0xc2 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : u[0] < 0xf5 ? 4 : 1;
    size_t i;

    if (n >= length)
        return false;
    for (i = 1; i < n; i++)
        if ((u[i] & 0xc0) != 0x80)
            return false;
    if (n == 1)
        return true;
    /* The second byte already shows an overlong form, a surrogate, too much. */
    return !((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
             (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f));
}

/* As utf8_next, but always moves: a byte of no character stands for U+FFFD. */
static uint32_t next_or_replacement(const char **p, const char *end)
{
    uint32_t code;

    if (utf8_next(p, end, &code) == 0)
        return code;
    *p += 1;
    return 0xfffd;
}

size_t utf8_count(const char *s, size_t n)
{
    const char *p = s, *end = s + n;
    size_t count = 0;

    for (; p < end; count++)
        next_or_replacement(&p, end);
    return count;
}

int utf8_columns_of(uint32_t code)
{
    if (code < 0x20 || (code >= 0x7f && code < 0xa0))
        return 0;
    if (code < 0x300)
        return 1;
    if (in_ranges(code, combining, sizeof combining / sizeof combining[0]))
        return 0;
    return in_ranges(code, wide, sizeof wide / sizeof wide[0]) ? 2 : 1;
}

size_t utf8_columns(const char *s, size_t n)
{
    const char *p = s, *end = s + n;
    size_t columns = 0;

    while (p < end)
        columns += (size_t)utf8_columns_of(next_or_replacement(&p, end));
    return columns;
}

size_t utf8_cut(const char *s, size_t n, size_t columns, size_t *used)
{
    const char *p = s, *end = s + n;
    size_t sum = 0;

    while (p < end) {
        const char *before = p;
        size_t width = (size_t)utf8_columns_of(next_or_replacement(&p, end));

        if (sum + width > columns) {
            p = before;
            break;
        }
        sum += width;
    }
    if (used != NULL)
        *used = sum;
    return (size_t)(p - s);
}

size_t utf8_halfwidth(const char *s, size_t n, char *out)
{
    const char *p = s, *end = s + n;
    size_t length = 0;

    while (p < end) {
        const char *before = p;
        uint32_t code = next_or_replacement(&p, end);

        if (code >= 0xff01 && code <= 0xff5e)
            out[length++] = (char)(code - 0xff01 + '!');
        else if (code == 0x3000)
            out[length++] = ' ';
        else {
            memmove(out + length, before, (size_t)(p - before));
            length += (size_t)(p - before);
        }
    }
    return length;
}
