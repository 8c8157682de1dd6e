#include "table.h"

#include "mem.h"
#include "utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP 2 /* blanks between columns */
/* Columns that a flexible column keeps: at first, of those that wrap, and at last. */
#define CUT_LEAST 14
#define WRAP_LEAST 8
#define FLEXIBLE_LEAST 8
#define BELOW_LEAST 16
#define BELOW_INDENT 4
#define MOST_COLUMNS 16

struct table {
    struct table_column columns[MOST_COLUMNS];
    size_t count;
    char **cells;
    size_t used, room;
};

struct table *table_create(const struct table_column *columns, size_t count)
{
    struct table *t = xcalloc(1, sizeof *t);

    t->count = count < MOST_COLUMNS ? count : MOST_COLUMNS;
    memcpy(t->columns, columns, t->count * sizeof *columns);
    return t;
}

void table_free(struct table *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->used; i++)
        free(t->cells[i]);
    free(t->cells);
    free(t);
}

void table_cell(struct table *t, const char *text)
{
    char *copy = xstrdup(text);

    /* Control bytes would move the cursor: names come from people's files. */
    for (char *p = copy; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
    if (t->used == t->room) {
        t->room = t->room ? t->room * 2 : 64;
        t->cells = xreallocarray(t->cells, t->room, sizeof *t->cells);
    }
    t->cells[t->used++] = copy;
}

void table_printf(struct table *t, const char *format, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    table_cell(t, text);
}

static void put_blanks(struct buf *out, size_t n)
{
    while (n-- > 0)
        buf_putc(out, ' ');
}

void table_fit(struct buf *out, const char *s, size_t columns, int align)
{
    size_t n = strlen(s), width = utf8_columns(s, n), used;

    if (width <= columns) {
        if (align == TABLE_RIGHT)
            put_blanks(out, columns - width);
        buf_put(out, s, n);
        if (align != TABLE_RIGHT)
            put_blanks(out, columns - width);
        return;
    }
    if (columns == 0)
        return;
    n = utf8_cut(s, n, columns - 1, &used);
    buf_put(out, s, n);
    buf_puts(out, "…");
    put_blanks(out, columns - 1 - used);
}

static void measure(const struct table *t, size_t *widths)
{
    for (size_t i = 0; i < t->count; i++)
        widths[i] = utf8_columns(t->columns[i].heading, strlen(t->columns[i].heading));
    for (size_t i = 0; i < t->used; i++) {
        size_t width = utf8_columns(t->cells[i], strlen(t->cells[i]));

        if (width > widths[i % t->count])
            widths[i % t->count] = width;
    }
}

/* Takes what is too much from the widest columns that are flexible in that way, and have
 * more than least. Returns what is still too much. */
static size_t narrow(const struct table *t, size_t *widths, size_t over, int way, size_t least)
{
    while (over > 0) {
        size_t widest = t->count;

        for (size_t i = 0; i < t->count; i++)
            if (t->columns[i].flexible == way && widths[i] > least &&
                (widest == t->count || widths[i] > widths[widest]))
                widest = i;
        if (widest == t->count)
            break;
        widths[widest]--;
        over--;
    }
    return over;
}

static bool has_below(const struct table *t)
{
    return t->columns[t->count - 1].flexible == TABLE_BELOW;
}

static void give_way(const struct table *t, size_t *widths, size_t width)
{
    size_t total = GAP * (t->count - 1), *last = &widths[t->count - 1], wanted = *last;

    if (has_below(t) && *last > BELOW_LEAST)
        *last = BELOW_LEAST;

    for (size_t i = 0; i < t->count; i++)
        total += widths[i];
    if (total <= width) { /* what is left is the last one's */
        *last = wanted - *last < width - total ? wanted : *last + (width - total);
        return;
    }
    total = narrow(t, widths, total - width, true, CUT_LEAST);
    total = narrow(t, widths, total, TABLE_WRAPS, WRAP_LEAST);
    (void)narrow(t, widths, total, true, FLEXIBLE_LEAST);
}

/* One line of a row. left: what of each cell is still to be written, moved on. Returns
 * whether anything is left. */
static bool write_line(const struct table *t, const size_t *widths, unsigned indent,
                       const char **left, struct buf *out)
{
    bool more = false;

    put_blanks(out, indent);
    for (size_t i = 0; i < t->count; i++) {
        const char *cell = left[i];
        size_t n = strlen(cell), take = n, columns;

        if (i > 0)
            put_blanks(out, GAP);
        left[i] = cell + n;
        if (t->columns[i].flexible != TABLE_WRAPS) {
            table_fit(out, cell, widths[i], t->columns[i].align);
            continue;
        }
        take = table_line(cell, n, widths[i]);
        columns = utf8_columns(cell, take);
        buf_put(out, cell, take);
        put_blanks(out, widths[i] > columns ? widths[i] - columns : 0);
        left[i] = cell + take + strspn(cell + take, " ");
        more |= *left[i] != '\0';
    }
    while (out->length > 0 && out->data[out->length - 1] == ' ')
        out->length--;
    buf_putc(out, '\n');
    return more;
}

static void write_row(const struct table *t, const size_t *widths, unsigned width, unsigned indent,
                      const char *const *cells, struct buf *out)
{
    const char *left[MOST_COLUMNS], *last = cells[t->count - 1];
    bool below = has_below(t) && utf8_columns(last, strlen(last)) > widths[t->count - 1];
    char blanks[64];

    memcpy(left, cells, t->count * sizeof *left);
    if (below)
        left[t->count - 1] = "";
    while (write_line(t, widths, indent, left, out))
        ;
    snprintf(blanks, sizeof blanks, "%*s", (int)indent + BELOW_INDENT, "");
    if (below)
        table_wrap(out, last, width > indent + BELOW_LEAST ? width - strlen(blanks) : BELOW_LEAST,
                   blanks);
}

void table_write(const struct table *t, unsigned width, unsigned indent, struct buf *out)
{
    size_t widths[MOST_COLUMNS];
    const char *headings[MOST_COLUMNS];
    bool headed = false;

    measure(t, widths);
    if (width > indent)
        give_way(t, widths, width - indent);
    for (size_t i = 0; i < t->count; i++) {
        headings[i] = t->columns[i].heading;
        headed |= headings[i][0] != '\0';
    }
    if (headed)
        write_row(t, widths, width, indent, headings, out);
    for (size_t i = 0; i + t->count <= t->used; i += t->count)
        write_row(t, widths, width, indent, (const char *const *)t->cells + i, out);
}

/* Whether the character at s is one of these marks. */
static bool is_mark(const char *s, const char *marks)
{
    enum { MARK_BYTES = 3 };

    for (; *marks != '\0'; marks += MARK_BYTES)
        if (strncmp(s, marks, MARK_BYTES) == 0)
            return true;
    return false;
}

/* Whether a line may end between s[i - 1] and s[i]: behind a blank, and beside a
 * Chinese character, but not before a closing mark or behind an opening one. */
static bool may_break(const char *s, size_t i)
{
    unsigned char before = (unsigned char)s[i - 1], after = (unsigned char)s[i];

    if (before == ' ')
        return true;
    if ((before < 0x80 && after < 0x80) || (after & 0xc0) == 0x80)
        return false;
    return strchr(",.;:?!)]}|", after) == NULL && !is_mark(s + i, "，。、；：？！）”】》…—") &&
           !(i >= 3 && is_mark(s + i - 3, "（“【《"));
}

size_t table_line(const char *s, size_t n, size_t columns)
{
    size_t fits = utf8_cut(s, n, columns, NULL);

    if (fits == n || s[fits] == ' ')
        return fits;
    for (size_t i = fits; i > 0; i--)
        if (may_break(s, i))
            return i;
    for (size_t i = fits; i > fits / 2; i--) /* of an id, of a path */
        if (s[i - 1] == '-' || s[i - 1] == '/')
            return i;
    if (fits == 0) /* narrower than one character: never stand still */
        for (fits = 1; fits < n && ((unsigned char)s[fits] & 0xc0) == 0x80;)
            fits++;
    return fits;
}

void table_wrap(struct buf *out, const char *s, size_t columns, const char *prefix)
{
    while (*s != '\0') {
        size_t n = table_line(s, strcspn(s, "\n"), columns);

        buf_puts(out, prefix);
        buf_put(out, s, n);
        while (out->length > 0 && out->data[out->length - 1] == ' ')
            out->length--;
        buf_putc(out, '\n');
        s += n;
        while (*s == ' ')
            s++;
        if (*s == '\n')
            s++;
    }
}

void table_write_glossary(const struct table *t, struct buf *out)
{
    enum { INDENT = 2, TERM_MOST = 28, WIDTH = 80 };
    char blanks[INDENT + TERM_MOST + GAP + 1];
    size_t widest = 0, at;

    for (size_t i = 0; i + 2 <= t->used; i += 2) {
        size_t n = strlen(t->cells[i]), columns = utf8_columns(t->cells[i], n);

        if (columns <= TERM_MOST && columns > widest)
            widest = columns;
    }
    at = INDENT + widest + GAP;
    memset(blanks, ' ', at);
    blanks[at] = '\0';
    for (size_t i = 0; i + 2 <= t->used; i += 2) {
        struct buf words = BUF_INIT(1u << 20);
        const char *term = t->cells[i], *lines;
        size_t columns = utf8_columns(term, strlen(term));

        table_wrap(&words, t->cells[i + 1], WIDTH - at, blanks);
        lines = buf_string(&words);
        buf_printf(out, "%*s%s", INDENT, "", term);
        if (columns > widest || *lines == '\0')
            buf_printf(out, "\n%s", lines);
        else
            buf_printf(out, "%*s%s", (int)(at - INDENT - columns), "", lines + at);
        buf_free(&words);
    }
}
