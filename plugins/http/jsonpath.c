#include "jsonpath.h"

#include "escape.h"

#include <string.h>

struct cursor {
    const char *p, *end;
};

static void skip_space(struct cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
        c->p++;
}

/* The byte that comes next behind white space, '\0' at the end. */
static char peek(struct cursor *c)
{
    skip_space(c);
    return c->p < c->end ? *c->p : '\0';
}

static bool take(struct cursor *c, char wanted)
{
    if (peek(c) != wanted || c->p >= c->end)
        return false;
    c->p++;
    return true;
}

/* Behind the closing quote of the string that starts at p. */
static bool skip_string(struct cursor *c, struct jsonpath_value *value)
{
    if (!take(c, '"'))
        return false;
    value->type = '"';
    value->bytes = c->p;
    for (; c->p < c->end && *c->p != '"'; c->p++)
        if (*c->p == '\\' && ++c->p >= c->end)
            return false;
    if (c->p >= c->end)
        return false;
    value->length = (size_t)(c->p - value->bytes);
    c->p++;
    return true;
}

static bool skip_word(struct cursor *c, struct jsonpath_value *value)
{
    value->type = 'w';
    value->bytes = c->p;
    while (c->p < c->end && strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", *c->p) != NULL &&
           *c->p != '\0')
        c->p++;
    value->length = (size_t)(c->p - value->bytes);
    return value->length > 0;
}

/* Over a whole value. Brackets are counted, not matched: what is inside is only
 * walked over, and a text that lies about it finds nothing of use. */
static bool skip_value(struct cursor *c, struct jsonpath_value *value)
{
    struct jsonpath_value inner;
    size_t depth = 0;
    const char *start;
    char first = peek(c);

    if (first == '"')
        return skip_string(c, value);
    if (first != '{' && first != '[')
        return skip_word(c, value);
    start = c->p;
    while (c->p < c->end) {
        char byte = *c->p;

        if (byte == '"') {
            if (!skip_string(c, &inner))
                return false;
            continue;
        }
        c->p++;
        if (byte == '{' || byte == '[')
            depth++;
        else if ((byte == '}' || byte == ']') && --depth == 0) {
            *value = (struct jsonpath_value){start, (size_t)(c->p - start), first};
            return true;
        }
    }
    return false;
}

/* Up to the value of a member of the object that starts here. */
static bool enter_member(struct cursor *c, const char *name, size_t length)
{
    struct jsonpath_value found;

    if (!take(c, '{'))
        return false;
    while (skip_string(c, &found)) {
        if (!take(c, ':'))
            return false;
        if (found.length == length && memcmp(found.bytes, name, length) == 0)
            return true;
        if (!skip_value(c, &found) || !take(c, ','))
            return false;
    }
    return false;
}

/* Up to an element of the array that starts here. */
static bool enter_element(struct cursor *c, const char *digits, size_t length)
{
    struct jsonpath_value skipped;
    size_t index = 0, i;

    if (length == 0 || length > 6 || !take(c, '['))
        return false;
    for (i = 0; i < length; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            return false;
        index = index * 10 + (size_t)(digits[i] - '0');
    }
    for (; index > 0; index--)
        if (!skip_value(c, &skipped) || !take(c, ','))
            return false;
    return peek(c) != ']';
}

bool jsonpath_find(const char *text, size_t length, const char *path, struct jsonpath_value *value)
{
    struct cursor c = {text, text + length};

    while (*path != '\0') {
        size_t step = strcspn(path, ".");
        char first = peek(&c);

        if (first == '{' ? !enter_member(&c, path, step) : !enter_element(&c, path, step))
            return false;
        path += step + (path[step] == '.');
    }
    /* An object or array need not be walked to its end before one looks inside,
     * but whoever asks for it gets it whole. */
    return skip_value(&c, value);
}

bool jsonpath_each(const struct jsonpath_value *array, size_t *at, struct jsonpath_value *element)
{
    struct cursor c = {array->bytes + *at, array->bytes + array->length};

    if (array->type != '[')
        return false;
    if (!take(&c, *at == 0 ? '[' : ',') || peek(&c) == ']' || !skip_value(&c, element))
        return false;
    *at = (size_t)(c.p - array->bytes);
    return true;
}

/* The four digits at p, or -1. */
static int32_t four_hex(const char *p, const char *end)
{
    int32_t value = 0;
    int i;

    if (end - p < 4)
        return -1;
    for (i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef";
        const char *at = strchr(digits, p[i] >= 'A' && p[i] <= 'F' ? p[i] | 0x20 : p[i]);

        if (at == NULL || *at == '\0')
            return -1;
        value = value << 4 | (int32_t)(at - digits);
    }
    return value;
}

/* Resolves the escape behind the backslash at p; returns where it ends. */
static const char *put_escaped(struct bytes *out, const char *p, const char *end)
{
    static const char names[] = "b\bf\fn\nr\rt\t";
    const char *name;
    int32_t code, low;

    if (*p != 'u') {
        for (name = names; *name != '\0' && *name != *p; name += 2)
            ;
        bytes_putc(out, *name != '\0' ? name[1] : *p);
        return p + 1;
    }
    code = four_hex(p + 1, end);
    if (code < 0) {
        escape_put_utf8(out, 0xfffd);
        return p + 1;
    }
    p += 5;
    if (code >= 0xd800 && code < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' &&
        (low = four_hex(p + 2, end)) >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        p += 6;
    }
    escape_put_utf8(out, code >= 0xd800 && code < 0xe000 ? 0xfffd : (uint32_t)code);
    return p;
}

bool jsonpath_text(const struct jsonpath_value *value, struct bytes *out)
{
    const char *p = value->bytes, *end = p + value->length;

    if (value->type == 'w') {
        bytes_put(out, p, value->length);
        return !(value->length == 4 && memcmp(p, "null", 4) == 0);
    }
    if (value->type != '"')
        return false;
    while (p < end) {
        const char *escape = memchr(p, '\\', (size_t)(end - p));

        if (escape == NULL)
            escape = end;
        bytes_put(out, p, (size_t)(escape - p));
        p = escape;
        if (p < end) /* a backslash is never the last byte: skip_string() saw to that */
            p = put_escaped(out, p + 1, end);
    }
    return true;
}

bool jsonpath_equals(const struct jsonpath_value *value, const char *text, size_t length)
{
    struct bytes resolved;
    bool same;

    if (value->type != '"' && value->type != 'w')
        return false;
    if (memchr(value->bytes, '\\', value->length) == NULL)
        return value->length == length && memcmp(value->bytes, text, length) == 0;
    resolved = BYTES_INIT(value->length + 4);
    jsonpath_text(value, &resolved);
    same = !resolved.overflowed && resolved.length == length &&
           memcmp(resolved.data, text, length) == 0;
    bytes_free(&resolved);
    return same;
}
