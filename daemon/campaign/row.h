/*
 * row.h - one person of a list becomes a row
 *
 * The values of the campaign's columns are cleaned, checked and joined by 0x1f:
 * a telephone number in E.164, a language as its code, a slot as
 * "2027-03-05T08:40". A person nobody can reach, a value that may not be in a
 * text, a text that would have a hole: those are refused, with what to do.
 */
#ifndef OUTREACH_ROW_H
#define OUTREACH_ROW_H

#include "csv.h"
#include "template.h"

#include <stdbool.h>
#include <stddef.h>

struct campaign;

#define ROW_SEPARATOR '\x1f'

/* Something to say; refused: the row is not taken. */
typedef void row_remark_fn(void *arg, bool refused, const char *text);

struct row {
    /* What the list calls the campaign's columns, for remarks: one each, NULL for what it has not.
     * NULL: there is no such list. */
    const char *const *headings;
    size_t length;
    struct template_value values[32]; /* CAMPAIGN_MAX_COLUMNS, into bytes */
    char bytes[CSV_ROW_BYTES + 1024];
};

/* Makes row of the values as they stand in the list, one for each column of c
 * (missing ones of length 0). Returns 0, or -1 with a remark that says refused. */
int row_make(const struct campaign *c, const struct csv_field *raw, struct row *row,
             row_remark_fn *remark, void *arg);

/* Puts value in the place of one column. Returns 0; or -1, and row as it was, if
 * it has no room or a text would become too long. */
int row_replace(const struct campaign *c, struct row *row, size_t column, const char *value,
                size_t n);

#endif
