/*
 * sheet_read.h - a table that a person has filled in, row by row
 *
 * An Excel workbook or a CSV in whatever encoding Excel saves one (text/charset.h), as sheet.h
 * writes them. For files of some thousand rows: a CSV of more than SHEET_READ_BYTES is refused.
 */
#ifndef OUTREACH_SHEET_READ_H
#define OUTREACH_SHEET_READ_H

#include "csv.h"

#define SHEET_READ_BYTES (64u << 20)

struct error;

/* fn runs for every row that is not blank, the headings' too; -1 with err stops. */
typedef int sheet_row_fn(void *arg, const struct csv_row *row, struct error *err);
int sheet_read(const char *path, sheet_row_fn *fn, void *arg, struct error *err);

#endif
