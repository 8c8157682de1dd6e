#include "value.h"

#include "language.h"

#include "utf8.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *const texts[] = {
    [TEXT_VALUE_OK] = N_("fine"),
    [TEXT_VALUE_NOT_UTF8] = N_("not valid UTF-8: save the file again as UTF-8 or GB18030"),
    [TEXT_VALUE_BRACKET] = N_("【 and 】 are kept for signatures: use other brackets"),
    [TEXT_VALUE_LINE_BREAK] = N_("a line break: write the cell in one line"),
    [TEXT_VALUE_CONTROL] = N_("a control character: type the cell anew"),
    [TEXT_VALUE_BIDI] = N_("an invisible mark that turns the text around: type the cell anew"),
    [TEXT_VALUE_LINK] = N_("a link, which this text does not allow: take it out"),
};

const char *text_value_fault_text(enum text_value_fault fault)
{
    return language_text(texts[fault]);
}

static int is_blank(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

static int is_invisible(uint32_t c)
{
    return c == 0xfeff || c == 0x200b || c == 0x2060 || c == 0xad;
}

size_t text_value_clean(char *s, size_t n)
{
    const char *p = s, *end = s + n;
    size_t length = 0, behind_last = 0;

    while (p < end) {
        const char *before = p;
        uint32_t c = 0xfffd;

        if (utf8_next(&p, end, &c) != 0)
            p++;
        if (is_invisible(c) || (length == 0 && is_blank(c)))
            continue;
        memmove(s + length, before, (size_t)(p - before));
        length += (size_t)(p - before);
        if (!is_blank(c))
            behind_last = length;
    }
    return behind_last;
}

static enum text_value_fault fault_of(uint32_t c)
{
    if (c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029)
        return TEXT_VALUE_LINE_BREAK;
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return TEXT_VALUE_CONTROL;
    if (c == 0x3010 || c == 0x3011)
        return TEXT_VALUE_BRACKET;
    if (c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
        (c >= 0x2066 && c <= 0x2069))
        return TEXT_VALUE_BIDI;
    return TEXT_VALUE_OK;
}

/* A host with a path: letter or digit, dot, two letters or more, slash. A dot
 * alone is none: "U.S.", "3.8", "Dr.Wang" are names. */
static int is_host_and_path(const char *dot, const char *start, const char *end)
{
    const char *p = dot + 1;

    if (dot == start || !isalnum((unsigned char)dot[-1]))
        return 0;
    while (p < end && isalpha((unsigned char)*p))
        p++;
    return p - dot > 2 && p < end && *p == '/';
}

static const char *find_link(const char *s, const char *end)
{
    const char *p;

    for (p = s; p < end; p++) {
        if (end - p >= 3 && memcmp(p, "://", 3) == 0)
            return p;
        if (end - p > 4 && strncasecmp(p, "www.", 4) == 0 &&
            (p == s || !isalnum((unsigned char)p[-1])))
            return p;
        if (*p == '.' && is_host_and_path(p, s, end))
            return p;
    }
    return NULL;
}

enum text_value_fault text_value_check(const char *s, size_t n, unsigned may, size_t *offset)
{
    const char *p = s, *end = s + n, *link;

    while (p < end) {
        enum text_value_fault fault;
        uint32_t c;

        *offset = (size_t)(p - s);
        if (utf8_next(&p, end, &c) != 0)
            return TEXT_VALUE_NOT_UTF8;
        fault = fault_of(c);
        if (fault != TEXT_VALUE_OK)
            return fault;
    }
    link = may & TEXT_VALUE_MAY_LINK ? NULL : find_link(s, end);
    if (link == NULL)
        return TEXT_VALUE_OK;
    *offset = (size_t)(link - s);
    return TEXT_VALUE_LINK;
}
