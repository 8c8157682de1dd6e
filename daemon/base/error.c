#include "error.h"

#include "language.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* vsnprintf may cut a UTF-8 sequence in two: take the torn bytes off. */
static void trim_torn_utf8(char *text, size_t size)
{
    size_t n = strlen(text), tail = 0;

    if (n + 1 < size)
        return;
    while (tail < 4 && n > 0 && ((unsigned char)text[n - 1] & 0xc0) == 0x80) {
        n--;
        tail++;
    }
    if (n > 0 && (unsigned char)text[n - 1] >= 0xc0)
        text[n - 1] = '\0';
}

int error_set(struct error *err, const char *format, ...)
{
    va_list ap;

    if (err == NULL)
        return -1;
    va_start(ap, format);
    vsnprintf(err->text, sizeof err->text, language_text(format), ap);
    va_end(ap);
    trim_torn_utf8(err->text, sizeof err->text);
    return -1;
}

int error_prefix(struct error *err, const char *format, ...)
{
    struct error inner;
    va_list ap;
    size_t n;

    if (err == NULL)
        return -1;
    inner = *err;
    va_start(ap, format);
    vsnprintf(err->text, sizeof err->text, language_text(format), ap);
    va_end(ap);
    n = strlen(err->text);
    snprintf(err->text + n, sizeof err->text - n, "%s%s", language_text(": "), inner.text);
    trim_torn_utf8(err->text, sizeof err->text);
    return -1;
}
