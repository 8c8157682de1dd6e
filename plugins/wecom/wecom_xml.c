#include "wecom_xml.h"

#include <stdlib.h>
#include <string.h>

struct reader {
    const char *at, *end;
};

static bool take(struct reader *r, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0)
        return false;
    r->at += n;
    return true;
}

static void skip_space(struct reader *r)
{
    while (r->at < r->end && strchr(" \t\r\n", *r->at) != NULL && *r->at != '\0')
        r->at++;
}

/* "<name>" or "</name>", without attributes. */
static bool take_tag(struct reader *r, const char *open, const char **name, size_t *n)
{
    if (!take(r, open))
        return false;
    *name = r->at;
    while (r->at < r->end && *r->at != '>' && *r->at != '<' && *r->at != '/')
        r->at++;
    *n = (size_t)(r->at - *name);
    return *n > 0 && take(r, ">");
}

static void put_character(struct text *out, unsigned long c)
{
    char bytes[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        bytes[i] = (char)(0x80 | (c & 0x3f));
    bytes[0] = (char)(n == 1 ? c : (0xf00u >> n & 0xff) | c);
    text_put(out, bytes, n);
}

static bool take_entity(struct reader *r, struct text *out)
{
    static const struct {
        const char *name;
        char c;
    } entities[] = {
        {"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}};
    char number[12] = "", *rest;
    size_t n = 0;
    unsigned long c;

    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
        if (take(r, entities[i].name)) {
            text_put(out, &entities[i].c, 1);
            return true;
        }
    if (!take(r, "&#"))
        return false;
    while (r->at < r->end && *r->at != ';' && n < sizeof number - 1)
        number[n++] = *r->at++;
    number[n] = '\0';
    c = *number == 'x' ? strtoul(number + 1, &rest, 16) : strtoul(number, &rest, 10);
    if (n == 0 || *rest != '\0' || !take(r, ";"))
        return false;
    put_character(out, c);
    return true;
}

/* What stands between two tags. */
static bool take_text(struct reader *r, struct text *out)
{
    while (r->at < r->end) {
        if (take(r, "<![CDATA[")) {
            const char *end = memmem(r->at, (size_t)(r->end - r->at), "]]>", 3);

            if (end == NULL)
                return false;
            text_put(out, r->at, (size_t)(end - r->at));
            r->at = end + 3;
        } else if (*r->at == '<') {
            return true;
        } else if (*r->at == '&') {
            if (!take_entity(r, out))
                return false;
        } else {
            text_put(out, r->at++, 1);
        }
    }
    return false;
}

/* One element and its end. An element with others in it is passed over. */
static bool take_element(struct reader *r, const char **name, size_t *n, struct text *out)
{
    const char *end_name;
    size_t end_n;

    if (!take_tag(r, "<", name, n))
        return false;
    for (;;) {
        if (!take_text(r, out))
            return false;
        if (r->end - r->at >= 2 && r->at[1] == '/') {
            if (!take_tag(r, "</", &end_name, &end_n))
                return false;
            if (end_n == *n && memcmp(end_name, *name, *n) == 0)
                return true;
        } else if (!take_tag(r, "<", &end_name, &end_n)) {
            return false;
        }
    }
}

int wecom_xml_find(const char *xml, size_t n, const char *name, struct text *out)
{
    struct reader r = {xml, xml + n};
    const char *found;
    size_t found_n;

    skip_space(&r);
    if (!take(&r, "<xml>"))
        return -1;
    for (;;) {
        out->length = 0;
        skip_space(&r);
        if (!take_element(&r, &found, &found_n, out))
            return -1;
        if (found_n == strlen(name) && memcmp(found, name, found_n) == 0) {
            text_put(out, "", 0);
            return 0;
        }
    }
}
