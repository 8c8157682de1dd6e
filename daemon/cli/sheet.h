/*
 * sheet.h - a table of any length into a file that Excel opens
 *
 * By the end of its name: .xlsx (libxlsxwriter, a row at a time, so that memory does not
 * grow; a new page where Excel's rows end), or .csv (UTF-8 with a byte order mark, so that
 * Excel reads Chinese; CRLF; RFC 4180 quoting).
 *
 * The file is for its owner alone (mode 0600), since it holds people's numbers, and one that
 * is there already is not overwritten. Text is text: what a formula would begin with is
 * kept from being one.
 */
#ifndef OUTREACH_SHEET_H
#define OUTREACH_SHEET_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct sheet; /* opaque */
struct zone;

/* NULL with err: another ending, a file that is there, a folder that is not. */
struct sheet *sheet_open(const char *path, struct error *err);
/* The exit code of one that could not be opened: of its name, or of the file. */
int sheet_exit_code(const char *path);

/* The headings, once, before all rows; widths in characters, for Excel. name of the page. */
void sheet_head(struct sheet *s, const char *name, const char *const *headings,
                const unsigned *widths, size_t count);

/* The next cell of the row. */
void sheet_text(struct sheet *s, const char *text, size_t n);
void sheet_number(struct sheet *s, double number, unsigned decimals);
void sheet_time(struct sheet *s, const struct zone *zone, int64_t wall_ms); /* 0: empty */
void sheet_next(struct sheet *s);                                           /* the row ends */

/* Another page with headings of its own (sheet_head() is next); in a CSV a blank line. */
void sheet_page(struct sheet *s);

/* Writes what is left. -1 with err: the disk is full, say; then the file is removed. Frees s. */
int sheet_close(struct sheet *s, struct error *err);

#endif
