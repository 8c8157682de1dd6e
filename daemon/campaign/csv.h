/*
 * csv.h - rows of a CSV file, whatever wrote it
 *
 * RFC 4180 with what programs really write: comma, semicolon or tab (told by the
 * header), LF, CRLF or CR, quoted fields with line breaks and doubled quotes in
 * them, a last line without an end. A quote inside an unquoted field is a quote.
 *
 * The bytes come as UTF-8 from a reader. Memory is two rows of the longest kind:
 * a row that is longer, or a quote that is never closed, costs that row, and the
 * next line is read as if nothing had happened.
 */
#ifndef OUTREACH_CSV_H
#define OUTREACH_CSV_H

#include <stddef.h>

struct csv;
struct error;

#define CSV_ROW_BYTES 65536
#define CSV_MAX_FIELDS 256

/* Up to size bytes of UTF-8 into out: their number, 0 at the end, -1 with a reason. */
typedef long csv_read_fn(void *arg, char *out, size_t size, struct error *err);

struct csv_field {
    const char *bytes; /* good until the next row */
    size_t length;
};

enum csv_fault { CSV_FINE, CSV_TOO_LONG, CSV_TOO_MANY_FIELDS, CSV_OPEN_QUOTE };

struct csv_row {
    unsigned long number; /* from 1, as a spreadsheet counts: blank lines too */
    enum csv_fault fault; /* of a row without fields */
    const struct csv_field *fields;
    size_t count; /* 0: a blank line */
};

struct csv *csv_create(csv_read_fn *read, void *arg);
void csv_free(struct csv *csv);

/* The next row: 1; 0 at the end; -1 when the reader failed. */
int csv_next(struct csv *csv, struct csv_row *row, struct error *err);

#endif
