#include "retell.h"

#include "buf.h"
#include "language.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ARGUMENTS 8
#define MOST_STEPS 1000000 /* places tried, for one text: a bad fit is given up */
#define LOOP_STEPS 10000   /* the same where a loop waits: some milliseconds */
#define MOST_DEPTH 4       /* of sentences in sentences */

struct run {
    const char *at;
    size_t n;
    bool words; /* what %s stood for, not a number */
};

struct conversion {
    int argument; /* from 1 where the format says, as %2$s does; else 0 */
    bool star;    /* %.*s: its length is an argument of its own */
    char kind;    /* 's', 'd', 'c', '%', ... */
    const char *behind;
};

/* p is at a '%'. */
static struct conversion conversion_at(const char *p)
{
    struct conversion c = {0};
    char *end;
    long n = strtol(p + 1, &end, 10);

    if (end > p + 1 && *end == '$') {
        c.argument = (int)n;
        p = end;
    }
    for (p++; *p != '\0' && strchr("0123456789.-+#lhzjt*", *p) != NULL; p++)
        c.star = c.star || *p == '*';
    c.kind = *p;
    c.behind = *p == '\0' ? p : p + 1;
    return c;
}

/* How many bytes stand for one plain character: 2 of "%%", 0 of a conversion. The "80 %" of
 * a sentence that is no format is plain. */
static size_t plain(const char *p)
{
    char kind;

    if (*p != '%')
        return *p != '\0';
    kind = p[1] == '%' ? '%' : conversion_at(p).kind;
    return kind == '%' ? 2 : kind != '\0' && strchr("diouxXeEfgGcs", kind) != NULL ? 0 : 1;
}

static bool fits_kind(char kind, const char *s, size_t n)
{
    if (kind == 'c')
        return n == 1;
    if (kind == 's')
        return true;
    for (size_t i = 0; i < n; i++)
        if (!isxdigit((unsigned char)s[i]) && strchr("-.", s[i]) == NULL)
            return false;
    return n > 0;
}

/* The plain characters that a format begins with, "%%" as '%'. Returns what follows them. */
static const char *literal_of(const char *format, char *out, size_t size, size_t *n)
{
    for (*n = 0; plain(format) > 0 && *n < size; format += plain(format))
        out[(*n)++] = *format;
    return format;
}

/* Is s what the format makes, with which arguments? */
static bool match(const char *format, const char *s, size_t n, struct run *arguments, size_t count,
                  int *steps)
{
    char literal[64];
    size_t first, next;
    struct conversion c;

    format = literal_of(format, literal, sizeof literal, &first);
    if (n < first || memcmp(s, literal, first) != 0)
        return false;
    s += first, n -= first;
    if (*format == '\0')
        return n == 0;
    if (plain(format) > 0) /* more of it than there was room for */
        return match(format, s, n, arguments, count, steps);
    c = conversion_at(format);
    count += c.star;
    if (count >= MOST_ARGUMENTS || c.argument != 0)
        return false;
    /* It ends where what is behind it begins: there are few such places. */
    literal_of(c.behind, literal, sizeof literal, &next);
    for (size_t length = *c.behind == '\0' ? n : 0; length <= n; length++) {
        const char *at = memmem(s + length, n - length, literal, next);

        if (at == NULL || --*steps < 0)
            return false;
        length = (size_t)(at - s);
        if (!fits_kind(c.kind, s, length))
            continue;
        arguments[count] = (struct run){s, length, c.kind == 's'};
        if (match(c.behind, s + length, n - length, arguments, count + 1, steps))
            return true;
    }
    return false;
}

/* How much of a text a format explains: its letters, and where they are equal its signs. */
#define LETTER 1000
static size_t weight_of(const char *format)
{
    size_t n = 0;

    while (*format != '\0')
        if (plain(format) == 0) {
            format = conversion_at(format).behind;
        } else {
            n += isalpha((unsigned char)*format) ? LETTER : *format != ' ';
            format += plain(format);
        }
    return n;
}

static size_t retell_run(const char *s, size_t n, struct buf *out, int depth, int *steps);

/* The translation, with what stood in the places of the English one. Returns the
 * weight of the sentences in it. */
static size_t compose(const char *format, const struct run *arguments, struct buf *out, int depth,
                      int *steps)
{
    size_t next = 0, weight = 0;

    while (*format != '\0') {
        struct conversion c;
        const struct run *a;

        if (plain(format) > 0) {
            buf_putc(out, *format);
            format += plain(format);
            continue;
        }
        c = conversion_at(format);
        next += c.star;
        a = &arguments[c.argument > 0 ? (size_t)c.argument - 1 : next];
        next++;
        format = c.behind;
        if (a->words)
            weight += retell_run(a->at, a->n, out, depth + 1, steps);
        else
            buf_put(out, a->at, a->n);
    }
    return weight;
}

/* What no sentence explains stays as it is; but words in quotes that are one of a list
 * ("a", "b") are listed as in Chinese. */
static void put_rest(const char *s, size_t n, struct buf *out)
{
    static const char between[] = "\", \"";
    const size_t between_n = sizeof between - 1;
    bool listed = n > 1 && s[0] == '"' && s[n - 1] == '"';

    for (size_t i = 0; i < n; i++)
        if (listed && n - i > between_n && memcmp(s + i, between, between_n) == 0) {
            buf_puts(out, "\"、");
            i += 2;
        } else {
            buf_putc(out, s[i]);
        }
}

/* Appends s as the sentence, or the sentences, that explain most of it. Returns how
 * much that is; 0 where s is left as it is. */
static size_t retell_run(const char *s, size_t n, struct buf *out, int depth, int *steps)
{
    struct buf best = BUF_INIT(RETELL_BYTES), one = BUF_INIT(RETELL_BYTES);
    const char *english, *chinese;
    size_t most = 0, weight;

    for (size_t i = 0; depth <= MOST_DEPTH && language_message(i, &english, &chinese); i++) {
        struct run arguments[MOST_ARGUMENTS] = {{0}};

        /* A word by itself may be the person's own. */
        if (strcmp(english, "%s") == 0 || strpbrk(english, " %") == NULL ||
            (*english != '%' && (n == 0 || *english != *s)) ||
            !match(english, s, n, arguments, 0, steps))
            continue;
        buf_clear(&one);
        weight = compose(chinese, arguments, &one, depth, steps) + weight_of(english);
        if (weight < LETTER || weight < most) /* signs alone, as in "%s: %s", explain nothing */
            continue;
        most = weight;
        buf_clear(&best);
        buf_put(&best, one.data, one.length);
    }
    if (most > 0)
        buf_put(out, best.data, best.length);
    else
        put_rest(s, n, out);
    buf_free(&best);
    buf_free(&one);
    return most;
}

static const char *retell_at_most(const char *english, char out[RETELL_BYTES], int steps)
{
    struct buf b = BUF_INIT(RETELL_BYTES);

    retell_run(english, strlen(english), &b, 0, &steps);
    snprintf(out, RETELL_BYTES, "%s", buf_string(&b));
    buf_free(&b);
    return out;
}

const char *retell_in_chinese(const char *english, char out[RETELL_BYTES])
{
    return retell_at_most(english, out, LOOP_STEPS);
}

const char *retell(const char *english, char out[RETELL_BYTES])
{
    if (language_chinese())
        return retell_at_most(english, out, MOST_STEPS);
    snprintf(out, RETELL_BYTES, "%s", english);
    return out;
}
