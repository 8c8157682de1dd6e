#include "prose.h"

#include "table.h"
#include "utf8.h"

#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LINE_MOST (1u << 20)

static size_t indent_of(const char *s, size_t n)
{
    size_t blanks = 0;

    while (blanks < n && s[blanks] == ' ')
        blanks++;
    return blanks;
}

/* "pause: ..." */
static bool begins_with_term(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz-");

    return n > 0 && (strncmp(s + n, ": ", 2) == 0 || strncmp(s + n, "：", strlen("：")) == 0);
}

/* Whether two lines go on without a blank: between Chinese characters, and beside a
 * full-width mark (U+3000..303F, U+FF01..FF5E). */
static bool joins_closely(const char *before, size_t n, const char *after)
{
    const char *last = before + n - 1;
    bool mark = false;

    while (last > before && ((unsigned char)*last & 0xc0) == 0x80)
        last--;
    for (size_t i = 0; i < 2; i++) {
        const char *p = i == 0 ? last : after;
        uint32_t code = 0;

        (void)utf8_next(&p, p + strlen(p), &code);
        mark |= (code >= 0x3000 && code <= 0x303f) || (code >= 0xff01 && code <= 0xff5e);
    }
    return mark || (*last & 0x80 && *after & 0x80);
}

/* Whether the line at s begins something of its own, and does not go on with what is
 * left of the one before. */
static bool starts_anew(const char *s, const struct buf *rest)
{
    return *s == '\0' || *s == '\n' || *s == ' ' || rest->data[0] == ' ' || begins_with_term(s);
}

/* Columns that the colours ("\033[32m") in the first of s seem to take and do not. */
static size_t colour_columns(const char *s, size_t n, size_t columns)
{
    size_t shown = utf8_cut(s, n, columns, NULL), colours = 0;

    for (const char *p = s; (p = memchr(p, '\033', (size_t)(s + shown - p))) != NULL; p++) {
        const char *end = memchr(p, 'm', (size_t)(s + n - p));

        if (end == NULL)
            break;
        colours += (size_t)(end - p); /* the escape itself has none */
        shown = utf8_cut(s, n, columns + colours, NULL);
    }
    return colours;
}

/* Puts a line of n bytes in lines that fit. Of more than one the last goes to rest. */
static void put_line(struct buf *out, const char *s, size_t n, size_t columns, size_t hang,
                     struct buf *rest)
{
    size_t indent = indent_of(s, n), before = 0;

    if (utf8_columns(s, n) <= columns + colour_columns(s, n, columns)) {
        buf_put(out, s, n);
        buf_putc(out, '\n');
        return;
    }
    if (indent + hang >= columns / 2) { /* what is so narrow has no room to indent */
        s += indent;
        n -= indent;
        indent = hang = 0;
    }
    s += indent;
    n -= indent;
    for (before = indent;; before = indent + hang) {
        size_t room = columns - before + colour_columns(s, n, columns - before);
        size_t take = table_line(s, n, room), trimmed = take;

        if (take == n)
            break;
        while (trimmed > 0 && s[trimmed - 1] == ' ')
            trimmed--;
        buf_printf(out, "%*s%.*s\n", (int)before, "", (int)trimmed, s);
        take += indent_of(s + take, n - take);
        s += take;
        n -= take;
    }
    if (n > 0)
        buf_printf(rest, "%*s%.*s", (int)before, "", (int)n, s);
}

static void end_line(struct buf *out, struct buf *rest)
{
    if (rest->length == 0)
        return;
    buf_put(out, rest->data, rest->length);
    buf_putc(out, '\n');
    buf_clear(rest);
}

void prose_put(struct buf *out, const char *text, size_t columns, size_t hang)
{
    struct buf rest = BUF_INIT(LINE_MOST), line = BUF_INIT(LINE_MOST);

    if (columns == 0) {
        buf_puts(out, text);
        return;
    }
    for (const char *s = text; *s != '\0';) {
        size_t n = strcspn(s, "\n");

        if (rest.length > 0 && starts_anew(s, &rest))
            end_line(out, &rest);
        buf_clear(&line);
        buf_put(&line, rest.data, rest.length);
        if (rest.length > 0 && !joins_closely(rest.data, rest.length, s))
            buf_putc(&line, ' ');
        buf_clear(&rest);
        buf_put(&line, s, n);
        put_line(out, buf_string(&line), line.length, columns, hang, &rest);
        s += n + (s[n] == '\n');
    }
    end_line(out, &rest);
    buf_free(&rest);
    buf_free(&line);
}

/* ------------------------------------------------------------------- the terminal */
void prose_print(unsigned columns, const char *format, ...)
{
    struct buf out = BUF_INIT(LINE_MOST);
    char text[4096];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    prose_put(&out, text, columns, 0);
    fputs(buf_string(&out), stdout);
    buf_free(&out);
}

void prose_tell(const char *format, ...)
{
    struct buf folded = BUF_INIT(LINE_MOST);
    struct winsize size;
    bool sized = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    char text[4096];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (isatty(STDERR_FILENO)) {
        prose_put(&folded, text, sized ? size.ws_col : PROSE_COLUMNS, 2);
        if (text[strlen(text) - 1] != '\n')
            folded.length--;
        fputs(buf_string(&folded), stderr);
    } else {
        fputs(text, stderr);
    }
    buf_free(&folded);
}

static struct {
    FILE *terminal, *folding; /* NULL: nothing is folded */
    unsigned width;
    struct buf line; /* that has not ended yet */
} fold = {.line = BUF_INIT(LINE_MOST)};

/* Lines that move the cursor are pictures, which know their width. */
static bool is_picture(const char *line)
{
    while ((line = strchr(line, '\033')) != NULL) {
        line += 1 + strspn(line + 1, "[?0123456789;");
        if (*line != 'm')
            return true;
    }
    return false;
}

static ssize_t on_write(void *arg, const char *data, size_t n)
{
    struct buf out = BUF_INIT(LINE_MOST), rest = BUF_INIT(LINE_MOST);

    (void)arg;
    for (size_t i = 0; i < n; i++) {
        if (data[i] != '\n') {
            buf_putc(&fold.line, data[i]);
            continue;
        }
        if (is_picture(buf_string(&fold.line))) {
            buf_put(&out, fold.line.data, fold.line.length);
            buf_putc(&out, '\n');
        } else {
            put_line(&out, buf_string(&fold.line), fold.line.length, fold.width, 2, &rest);
            end_line(&out, &rest);
        }
        buf_clear(&fold.line);
    }
    if (is_picture(buf_string(&fold.line))) { /* nothing that waits for more */
        buf_put(&out, fold.line.data, fold.line.length);
        buf_clear(&fold.line);
    }
    if (out.length > 0)
        fwrite(out.data, 1, out.length, fold.terminal);
    buf_free(&out);
    buf_free(&rest);
    return fflush(fold.terminal) == 0 ? (ssize_t)n : 0;
}

void prose_begin(unsigned width)
{
    cookie_io_functions_t functions = {.write = on_write};

    if (width == 0 || fold.folding != NULL)
        return;
    fold.width = width;
    fold.terminal = stdout;
    fold.folding = fopencookie(NULL, "w", functions);
    if (fold.folding == NULL)
        return;
    setvbuf(fold.folding, NULL, _IOLBF, 0);
    stdout = fold.folding;
}

void prose_end(void)
{
    if (fold.folding == NULL)
        return;
    fclose(fold.folding);
    fold.folding = NULL;
    stdout = fold.terminal;
    if (fold.line.length > 0)
        fwrite(fold.line.data, 1, fold.line.length, stdout);
    buf_free(&fold.line);
}
