#include "syntax.h"

#include "error.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define MOST_OPEN 64

/* What a Chinese keyboard gives in place of what is meant. */
static const struct {
    const char *wide, *meant;
} wide_signs[] = {
    {"“", "\""},  {"”", "\""}, {"＂", "\""}, {"‘", "\""}, {"’", "\""}, {"「", "\""},
    {"」", "\""}, {"；", ";"}, {"：", ":"},  {"＝", "="}, {"，", ","}, {"、", ","},
    {"（", "("},  {"）", ")"}, {"｛", "{"},  {"｝", "}"}, {"［", "["}, {"］", "]"},
    {"【", "["},  {"】", "]"}, {"。", ";"},  {"＃", "#"}, {"－", "-"}, {"　", "a space"},
};

struct look {
    const char *at, *end;
    int line;
    int wrong; /* the line that libconfig stopped in */
    struct error *err;
    struct {
        char bracket;
        int line;
    } open[MOST_OPEN];
    size_t depth;
    char before;       /* the last character of the token before; 0 at the start */
    const char *first; /* the first token of the wrong line; the end before it is seen */
    char innermost;    /* the bracket that it stands in; '{' for the file's own level */
};

static char closing(char bracket)
{
    return bracket == '(' ? ')' : bracket == '[' ? ']' : '}';
}

static bool starts(const struct look *l, const char *s)
{
    size_t n = strlen(s);

    return (size_t)(l->end - l->at) >= n && memcmp(l->at, s, n) == 0;
}

static void pass(struct look *l, size_t n)
{
    for (; n > 0 && l->at < l->end; n--)
        l->line += *l->at++ == '\n';
}

/* Blanks and comments. */
static void pass_blanks(struct look *l)
{
    for (;;) {
        if (l->at < l->end && isspace((unsigned char)*l->at)) {
            pass(l, 1);
        } else if (starts(l, "#") || starts(l, "//")) {
            while (l->at < l->end && *l->at != '\n')
                pass(l, 1);
        } else if (starts(l, "/*")) {
            while (l->at < l->end && !starts(l, "*/"))
                pass(l, 1);
            pass(l, 2);
        } else {
            return;
        }
    }
}

static void pass_text(struct look *l)
{
    pass(l, 1);
    while (l->at < l->end && *l->at != '"')
        pass(l, *l->at == '\\' ? 2 : 1);
    pass(l, 1);
    l->before = '"';
}

static int wide_sign(const struct look *l)
{
    for (size_t i = 0; i < sizeof wide_signs / sizeof *wide_signs; i++)
        if (starts(l, wide_signs[i].wide))
            return error_set(l->err,
                             "%s is a full-width sign: switch the keyboard to English and write %s",
                             wide_signs[i].wide, wide_signs[i].meant);
    return error_set(l->err, "a name has only a-z, 0-9, - and _ in it; a Chinese one stands in a "
                             "pair: ( \"...\", \"...\" )");
}

/* The first token of the line that is wrong: does what is before it end there? */
static int unfinished(const struct look *l)
{
    if (l->before == '=' || l->before == ':')
        return error_set(l->err, "the setting in front of this has no value");
    if (l->innermost != '{' && l->before != l->innermost && l->before != ',' && *l->at != ',' &&
        *l->at != closing(l->innermost))
        return error_set(l->err,
                         "a comma is missing in front of this, or the %c of the list of line %d",
                         closing(l->innermost), l->open[l->depth - 1].line);
    return 0;
}

/* A bracket; -1 where it is what is wrong. */
static int take_bracket(struct look *l)
{
    char c = *l->at;

    if (strchr("({[", c) != NULL) {
        if (l->depth < MOST_OPEN) {
            l->open[l->depth].bracket = c;
            l->open[l->depth++].line = l->line;
        }
    } else if (l->depth == 0) {
        return error_set(l->err, "this %c closes nothing: is it one too many?", c);
    } else if (c != closing(l->open[l->depth - 1].bracket)) {
        return error_set(l->err, "the %c of line %d is closed by %c: a %c is missing before it",
                         l->open[l->depth - 1].bracket, l->open[l->depth - 1].line, c,
                         closing(l->open[l->depth - 1].bracket));
    } else {
        l->depth--;
    }
    return 0;
}

static int take_token(struct look *l)
{
    if (l->line == l->wrong && l->first == l->end) {
        l->first = l->at;
        l->innermost = l->depth > 0 ? l->open[l->depth - 1].bracket : '{';
        if (unfinished(l) != 0)
            return -1;
    }
    if (*l->at == '"') {
        pass_text(l);
        return 0;
    }
    if (l->line == l->wrong && (unsigned char)*l->at >= 0x80)
        return wide_sign(l);
    if (strchr("(){}[]", *l->at) != NULL && l->line <= l->wrong && take_bracket(l) != 0)
        return -1;
    l->before = *l->at;
    pass(l, 1);
    return 0;
}

static const char *behind_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
}

static size_t word_length(const char *p, const char *end)
{
    size_t n = 0;

    while (p + n < end && (isalnum((unsigned char)p[n]) || strchr("-_*.", p[n]) != NULL))
        n++;
    return n;
}

/* A number, true or false: what stands without quotes. */
static bool is_bare_value(const char *p, size_t n)
{
    size_t digits = strspn(p, "-+.0123456789");

    return (digits > 0 && (digits >= n || p[1] == 'x' || strchr("eEL", p[digits]) != NULL)) ||
           (n == 4 && strncasecmp(p, "true", 4) == 0) ||
           (n == 5 && strncasecmp(p, "false", 5) == 0);
}

static int needs_quotes(const char *p, const char *end, struct error *err)
{
    size_t n = 0;

    while (p + n < end && n < 40 && strchr(";,)]}\"\r\n", p[n]) == NULL)
        n++;
    while (n > 0 && (p[n - 1] == ' ' || ((unsigned char)p[n] & 0xc0) == 0x80))
        n--;
    return error_set(err, "a text or a time stands in quotes: \"%.*s\"", (int)n, p);
}

/* A line by itself: NAME = VALUE; NAME = VALUE; from its first token, which stands in
 * that bracket. */
static int odd_setting(const char *p, const char *end, char bracket, struct error *err)
{
    while (p < end && *p != '\n') {
        size_t n = word_length(p, end);
        const char *behind = behind_blanks(p + n, end);

        if (*p == '"') {
            const char *close = memchr(p + 1, '"', (size_t)(end - p - 1));

            p = close != NULL ? close + 1 : end;
        } else if (n == 0) {
            bracket = strchr("({[", *p) != NULL ? *p : strchr(")}]", *p) != NULL ? '{' : bracket;
            p++;
        } else if (bracket != '{') {
            if (!is_bare_value(p, n))
                return needs_quotes(p, end, err);
            p += n;
        } else if (behind == end || (*behind != '=' && *behind != ':')) {
            return error_set(err, "behind a name stands = and its value: %.*s = ...", (int)n, p);
        } else {
            const char *value = behind_blanks(behind + 1, end);

            if (value == end || strchr("=:;,)]}\r\n", *value) != NULL)
                return error_set(err, "%.*s has no value", (int)n, p);
            n = word_length(value, end);
            if (n > 0 && !is_bare_value(value, n))
                return needs_quotes(value, end, err);
            p = value + n;
        }
    }
    return error_set(err, "this cannot be read: is a sign missing here, or one too many?");
}

int syntax_error(const char *text, int line, struct error *err)
{
    struct look l = {.at = text,
                     .end = text + strlen(text),
                     .line = 1,
                     .wrong = line,
                     .err = err,
                     .innermost = '{'};

    int last = 1;

    l.first = l.end;
    for (pass_blanks(&l); l.at < l.end; pass_blanks(&l)) {
        last = l.line;
        if (take_token(&l) != 0)
            break;
    }
    if (l.at < l.end)
        return -1;
    if (l.depth > 0 && line >= last)
        return error_set(err, "the %c of line %d is not closed: a %c is missing",
                         l.open[l.depth - 1].bracket, l.open[l.depth - 1].line,
                         closing(l.open[l.depth - 1].bracket));
    return odd_setting(l.first, l.end, l.innermost, err);
}
