/*
 * table.h - columns that stand under each other, also in Chinese
 *
 * A wide character takes two columns of a terminal (text/utf8.h). Where the table is
 * wider than the terminal its flexible columns give way, the widest first: what is for
 * a glance is cut with an ellipsis, and before that what has to be read whole (ids,
 * reasons) goes on in the next line of its column. What the last column has no room for
 * may also stand below its row, over the whole width. What is not for a terminal (width 0)
 * is never cut.
 */
#ifndef OUTREACH_TABLE_H
#define OUTREACH_TABLE_H

#include "buf.h"

#define TABLE_WRAPS 2
#define TABLE_BELOW 3

struct table; /* opaque */

struct table_column {
    const char *heading; /* borrowed */
    enum { TABLE_LEFT, TABLE_RIGHT } align;
    int flexible; /* false; true: is cut; TABLE_WRAPS: goes on in the next line; TABLE_BELOW, of
                     the last column: stands below its row where it does not fit */
};

struct table *table_create(const struct table_column *columns, size_t count); /* copied */
void table_free(struct table *t);                                             /* NULL is fine */

/* The next cell, row by row; copied, bytes that are no text become "?". */
void table_cell(struct table *t, const char *text);
void table_printf(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes the headings (where any has a letter) and the rows, each behind indent
 * blanks and without blanks at its end. */
void table_write(const struct table *t, unsigned width, unsigned indent, struct buf *out);

/* A table of two columns without headings as a glossary: the second is wrapped to 80
 * columns in all, and begins a line of its own beside a first one that is long. */
void table_write_glossary(const struct table *t, struct buf *out);

/* s, in so many columns exactly: filled with blanks on the right (the left for
 * TABLE_RIGHT), or cut with an ellipsis. */
void table_fit(struct buf *out, const char *s, size_t columns, int align);

/* How many of the n bytes make a line of at most so many columns: to its end, or to
 * where it may be broken: at a blank, or next to a wide character, but a closing mark
 * opens no line; within a word only where there is nothing else, and best behind a
 * hyphen or slash. */
size_t table_line(const char *s, size_t n, size_t columns);

/* s in such lines, each behind prefix; a newline ends one too. */
void table_wrap(struct buf *out, const char *s, size_t columns, const char *prefix);

#endif
