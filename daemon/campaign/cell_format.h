/*
 * cell_format.h - the number in a cell of a workbook, as a person sees it
 *
 * Excel keeps dates as days and everything else as floating point; only the cell's
 * format tells which. ECMA-376 part 1, 18.8.30 (numFmt).
 */
#ifndef OUTREACH_CELL_FORMAT_H
#define OUTREACH_CELL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

enum cell_kind { CELL_GENERAL, CELL_DATE, CELL_TIME, CELL_DATE_TIME, CELL_ZEROS };

struct cell_format {
    enum cell_kind kind;
    unsigned digits; /* of CELL_ZEROS: "00000000000" has eleven */
};

#define CELL_BYTES 48

/* What a format without a code of its own means; 0 is General. */
struct cell_format cell_format_builtin(unsigned id);

/* The same of a code: "yyyy/m/d h:mm", "00000". */
struct cell_format cell_format_code(const char *code);

/* Writes the number; returns the length. date1904: the workbook counts days from 1904. */
size_t cell_format_number(char out[CELL_BYTES], double number, struct cell_format format,
                          bool date1904);

#endif
