#include "xml.h"

#include <stdlib.h>
#include <string.h>

struct reader {
    const char *at, *end;
    wechat_xml_fn *fn;
    void *arg;
    struct text text;
};

struct tag {
    const char *name;
    size_t n;
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
    while (r->at < r->end && *r->at != '\0' && strchr(" \t\r\n", *r->at) != NULL)
        r->at++;
}

/* The rest of "<name>" or "</name>". */
static bool take_name(struct reader *r, struct tag *tag)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

    tag->name = r->at;
    while (r->at < r->end && *r->at != '\0' && strchr(letters, *r->at) != NULL)
        r->at++;
    tag->n = (size_t)(r->at - tag->name);
    return tag->n > 0 && take(r, ">");
}

static bool put_character(struct text *out, unsigned long c)
{
    char bytes[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;

    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return false;
    for (i = n - 1; i > 0; i--, c >>= 6)
        bytes[i] = (char)(0x80 | (c & 0x3f));
    bytes[0] = (char)(n == 1 ? c : (0xf00u >> n & 0xff) | c);
    text_put(out, bytes, n);
    return true;
}

static bool take_entity(struct reader *r)
{
    static const struct {
        const char *name, *text;
    } entities[] = {
        {"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}, {"&quot;", "\""}, {"&apos;", "'"}};
    char digits[9] = "";
    size_t n = 0;
    bool hex;

    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
        if (take(r, entities[i].name)) {
            text_puts(&r->text, entities[i].text);
            return true;
        }
    if (!take(r, "&#"))
        return false;
    hex = take(r, "x");
    while (n < sizeof digits - 1 && r->at < r->end && *r->at != ';')
        digits[n++] = *r->at++;
    if (n == 0 || strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789") != n)
        return false;
    return take(r, ";") && put_character(&r->text, strtoul(digits, NULL, hex ? 16 : 10));
}

static bool take_cdata(struct reader *r)
{
    const char *end = memmem(r->at, (size_t)(r->end - r->at), "]]>", 3);

    if (end == NULL)
        return false;
    text_put(&r->text, r->at, (size_t)(end - r->at));
    r->at = end + 3;
    return true;
}

/* What stands before the next tag, into r->text. */
static bool take_text(struct reader *r)
{
    r->text.length = 0;
    text_puts(&r->text, "");
    while (r->at < r->end) {
        bool good = true;

        if (take(r, "<![CDATA["))
            good = take_cdata(r);
        else if (*r->at == '<')
            return true;
        else if (*r->at == '&')
            good = take_entity(r);
        else if (*r->at == '\0')
            good = false;
        else
            text_put(&r->text, r->at++, 1);
        if (!good)
            return false;
    }
    return false;
}

static bool is_blank(const struct text *t)
{
    return strspn(text_string(t), " \t\r\n") == t->length;
}

int wechat_xml_read(const char *xml, size_t n, wechat_xml_fn *fn, void *arg)
{
    struct reader r = {.at = xml, .end = xml + n, .fn = fn, .arg = arg};
    struct tag open[WECHAT_XML_DEPTH], tag;
    unsigned depth = 0; /* open elements */
    bool leaf = false;  /* the innermost has no other in it so far */
    int rc = -1;

    skip_space(&r);
    do {
        /* At a '<', or at the start. */
        if (take(&r, "</")) {
            if (depth == 0 || !take_name(&r, &tag) || tag.n != open[depth - 1].n ||
                memcmp(tag.name, open[depth - 1].name, tag.n) != 0 || (!leaf && !is_blank(&r.text)))
                goto out;
            depth--;
            fn(arg, depth, tag.name, tag.n, leaf ? text_string(&r.text) : NULL,
               leaf ? r.text.length : 0);
            leaf = false;
        } else if (take(&r, "<")) {
            if (depth == WECHAT_XML_DEPTH || (depth > 0 && !is_blank(&r.text)) ||
                !take_name(&r, &open[depth]))
                goto out;
            depth++;
            leaf = true;
        } else {
            goto out;
        }
        if (depth > 0 && !take_text(&r))
            goto out;
    } while (depth > 0);
    skip_space(&r);
    rc = r.at == r.end ? 0 : -1;

out:
    text_free(&r.text);
    return rc;
}
