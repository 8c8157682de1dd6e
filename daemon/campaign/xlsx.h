/*
 * xlsx.h - rows of an Excel workbook, as a CSV would have them
 *
 * Office Open XML (ECMA-376), by libzip and expat. A sheet is read a piece at a time;
 * what stands in memory is one row and the workbook's shared strings. Cells become what
 * a person sees: a number has all its digits (13851400001, never 1.38514E+10), a
 * format of zeros keeps leading ones ("007"), dates are 2027-03-05 and
 * 2027-03-05 08:40, an error cell is empty, a formula is its last result.
 *
 * A workbook is foreign bytes: what unpacks to more than XLSX_STRINGS_BYTES of strings, a
 * part that is longer than its limit, a DOCTYPE, are refused.
 */
#ifndef OUTREACH_XLSX_H
#define OUTREACH_XLSX_H

#include "csv.h"

#include <stdint.h>

#define XLSX_STRINGS_BYTES (256u << 20) /* shared strings at most */

struct error;
struct xlsx; /* opaque */

/* sheet: its name; NULL for the only one that holds anything (hidden ones do not count). NULL
 * with err: no workbook, no such sheet, or several and nobody said which. */
struct xlsx *xlsx_open(const char *path, const char *sheet, struct error *err);
void xlsx_close(struct xlsx *x); /* NULL is fine */

/* The next row that is there, with its number in the sheet: 1; 0 at the end; -1 with err. */
int xlsx_next(struct xlsx *x, struct csv_row *row, struct error *err);

/* How far it is, in bytes of the unpacked sheet. */
void xlsx_progress(const struct xlsx *x, uint64_t *bytes, uint64_t *total);

#endif
