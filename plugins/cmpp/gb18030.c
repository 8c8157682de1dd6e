#include "gb18030.h"

#include <string.h>

iconv_t gb18030_open(void)
{
    return iconv_open("UTF-8", "GB18030");
}

size_t gb18030_decode(iconv_t converter, char *out, const uint8_t *octets, size_t n)
{
    char *in = (char *)(uintptr_t)octets, *at = out; /* iconv() does not write to it */
    size_t left = n, room = 3 * n;

    iconv(converter, NULL, NULL, NULL, NULL);
    while (left > 0 && iconv(converter, &in, &left, &at, &room) == (size_t)-1 && left > 0) {
        if (room < 3)
            break;
        memcpy(at, "\xef\xbf\xbd", 3);
        at += 3;
        room -= 3;
        in++;
        left--;
    }
    return (size_t)(at - out);
}
