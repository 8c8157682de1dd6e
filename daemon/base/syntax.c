#include "syntax.h"

#include "error.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

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
    char before;    /* the last character of the token before; 0 at the start */
    bool seen_line; /* the first token of the wrong line has been looked at */
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
    char innermost = l->depth > 0 ? l->open[l->depth - 1].bracket : '{';

    if (l->before == '=' || l->before == ':')
        return error_set(l->err, "the setting in front of this has no value");
    if (innermost != '{' && l->before != innermost && l->before != ',' && *l->at != ',' &&
        *l->at != closing(innermost))
        return error_set(l->err,
                         "a comma is missing in front of this, or the %c of the list of line %d",
                         closing(innermost), l->open[l->depth - 1].line);
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
    if (l->line == l->wrong && !l->seen_line) {
        l->seen_line = true;
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

/* A line by itself: NAME = VALUE; */
static int odd_setting(const char *text, size_t n, int line, struct error *err)
{
    const char *end = text + n;
    size_t name;

    for (; line > 1 && text < end; text++)
        line -= *text == '\n';
    while (text < end && (*text == ' ' || *text == '\t'))
        text++;
    for (name = 0; text + name < end &&
                   (isalnum((unsigned char)text[name]) || strchr("-_*", text[name]) != NULL);)
        name++;
    for (n = name; text + n < end && (text[n] == ' ' || text[n] == '\t');)
        n++;
    if (name == 0 || text + n == end)
        return error_set(err, "this cannot be read: is a sign missing here, or one too many?");
    if (strchr("=:", text[n]) == NULL)
        return error_set(err, "behind a name stands = and its value: %.*s = ...", (int)name, text);
    for (n++; text + n < end && (text[n] == ' ' || text[n] == '\t');)
        n++;
    if (text + n == end || strchr("=:;,)]}\r\n", text[n]) != NULL)
        return error_set(err, "%.*s has no value", (int)name, text);
    return error_set(err, "a text or a time stands in quotes: %.*s = \"...\";", (int)name, text);
}

int syntax_error(const char *text, size_t n, int line, struct error *err)
{
    struct look l = {.at = text, .end = text + n, .line = 1, .wrong = line, .err = err};
    int last = 1;

    for (pass_blanks(&l); l.at < l.end && *l.at != '\0'; pass_blanks(&l)) {
        last = l.line;
        if (take_token(&l) != 0)
            break;
    }
    if (l.at < l.end && *l.at != '\0')
        return -1;
    if (l.depth > 0 && line >= last)
        return error_set(err, "the %c of line %d is not closed: a %c is missing",
                         l.open[l.depth - 1].bracket, l.open[l.depth - 1].line,
                         closing(l.open[l.depth - 1].bracket));
    return odd_setting(text, n, line, err);
}
