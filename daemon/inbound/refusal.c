#include "refusal.h"

#include "utf8.h"

#include <string.h>

#define MOST 4096 /* bytes of a reply that are looked at, and kept */

static const char *const whole[] = {
    "T",      "TD",     "R",      "N",       "QX",    "0000",    "退订",
    "取消",   "拒收",   "STOP",   "END",     "QUIT",  "STOPALL", "UNSUBSCRIBE",
    "CANCEL", "REMOVE", "OPTOUT", "OPT-OUT", "ARRET", "REVOKE",
};
/* Beside those of the operators what anybody would understand: a revocation in any reasonable
 * wording counts (47 CFR 64.1200(a)(10)). */
static const char *const inside[] = {
    "退订",   "退訂",     "拒收",     "不要再发", "不要再發", "别再发",      "別再發",
    "别发了", "不要发了", "取消订阅", "拒绝接收", "不再接收", "UNSUBSCRIBE",
};

/* Of those who send back what they were told to do: "回复R". */
static const char *const prefixes[] = {"回复", "回"};

/* ASCII letters in capitals, nothing else changed. */
static void fold(char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text[i] >= 'a' && text[i] <= 'z')
            text[i] -= 'a' - 'A';
}

/* Spaces and punctuation, ASCII and Chinese, that people put around a word. */
static bool is_trim(uint32_t c)
{
    if (c < 0x30)
        return true;
    return (c >= 0x3a && c <= 0x40) || (c >= 0x5b && c <= 0x60) || (c >= 0x7b && c <= 0x7f) ||
           c == 0xa0 || (c >= 0x2000 && c <= 0x206f) || (c >= 0x3000 && c <= 0x303f);
}

static bool is_space(uint32_t c)
{
    return c <= 0x20 || c == 0xa0 || (c >= 0x2000 && c <= 0x200f) || c == 0x3000;
}

/* "退 订", "T D", "opt out": spaces within a word change nothing. Bytes that are no UTF-8
 * stay. */
static size_t without_spaces(char *text, size_t n)
{
    const char *p = text, *end = text + n;
    size_t length = 0;

    while (p < end) {
        const char *at = p;
        uint32_t c = 0xfffd;

        if (utf8_next(&p, end, &c) != 0)
            p = at + 1;
        if (is_space(c))
            continue;
        memmove(text + length, at, (size_t)(p - at));
        length += (size_t)(p - at);
    }
    return length;
}

bool refusal_says_no(const char *text, size_t n)
{
    char folded[MOST];
    size_t length, from = 0, to = 0;
    const char *p, *end;

    n = n > MOST ? MOST : n;
    length = utf8_halfwidth(text, n, folded);
    fold(folded, length);
    length = without_spaces(folded, length);
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        if (memmem(folded, length, inside[i], strlen(inside[i])) != NULL)
            return true;
    p = folded;
    end = folded + length;
    while (p < end) { /* the first and the last character that are neither */
        const char *at = p;
        uint32_t c = 0;

        if (utf8_next(&p, end, &c) != 0)
            break;
        if (is_trim(c))
            continue;
        if (to == 0)
            from = (size_t)(at - folded);
        to = (size_t)(p - folded);
    }
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t length_of = strlen(prefixes[i]);

        if (to - from > length_of && memcmp(folded + from, prefixes[i], length_of) == 0) {
            from += length_of;
            break;
        }
    }
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (to - from == strlen(whole[i]) && memcmp(folded + from, whole[i], to - from) == 0)
            return true;
    return false;
}
