/* A value that passes holds nothing that a text may not, and stays as it is when
 * it is cleaned again. */
#include "fuzz.h"

#include "value.h"

#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct take t = {data, size};
    size_t n = size, offset = 0, again;
    char *s = (char *)take_block(&t, &n);
    const char *p = s, *end;
    enum text_value_fault fault;

    bool valid = utf8_valid(s, n) == n;

    n = text_value_clean(s, n);
    HOLDS(n <= size);
    again = text_value_clean(s, n);
    HOLDS(again == n || !valid); /* two halves of a character may have met */
    fault = text_value_check(s, n, 0, &offset);
    HOLDS(fault == TEXT_VALUE_OK || offset < n);
    HOLDS(*text_value_fault_text(fault) != '\0' || fault == TEXT_VALUE_OK);
    if (fault == TEXT_VALUE_OK) {
        HOLDS(text_value_check(s, n, TEXT_VALUE_MAY_LINK, &offset) == TEXT_VALUE_OK);
        HOLDS(utf8_valid(s, n) == n);
        HOLDS(n == 0 || memmem(s, n, "://", 3) == NULL);
        for (end = s + n; p < end;) {
            uint32_t c = 0;

            HOLDS(utf8_next(&p, end, &c) == 0);
            HOLDS(c >= 0x20 && !(c >= 0x7f && c < 0xa0));
            HOLDS(c != 0x3010 && c != 0x3011 && c != 0x2028 && c != 0x2029);
            HOLDS(!(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069));
        }
    }
    free(s);
    return 0;
}
