#include "masked.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>

#define DIGITS_SHOWN 6 /* of a run; a longer one is masked */

/* Does the character that begins at s (UTF-8) end within n bytes? */
static bool fits(const char *s, size_t n)
{
    size_t length = (unsigned char)*s < 0xc0   ? 1
                    : (unsigned char)*s < 0xe0 ? 2
                    : (unsigned char)*s < 0xf0 ? 3
                                               : 4;

    return length <= n;
}

const char *masked_words(const char *words, char out[MASKED_BYTES])
{
    size_t n = 0, digits = 0;

    for (; words != NULL && *words != '\0' && *words != '\n' && *words != '\r'; words++) {
        if (!fits(words, MASKED_BYTES - 1 - n))
            break;
        out[n++] = *words;
        digits = isdigit((unsigned char)*words) ? digits + 1 : 0;
        for (size_t i = 1; digits > DIGITS_SHOWN && i <= digits; i++)
            out[n - i] = '*';
    }
    out[n] = '\0';
    return n == 0 ? NULL : out;
}
