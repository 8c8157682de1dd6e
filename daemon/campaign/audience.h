/*
 * audience.h - from people's files to rows
 *
 * An Excel workbook, a CSV in UTF-8 or GB18030 (BOM or not, LF or CRLF, quoted,
 * delimited by comma, semicolon or tab), or recipients inline in JSON. Each usable person becomes a
 * row: the values of the campaign's columns, joined by 0x1f. A row that cannot
 * be used is reported with its number in the file and what to do; the others
 * are taken.
 *
 * Memory: the addresses seen, some 32 bytes a person. Rows pass through as they
 * are read; only same_phone = "merge" with names in the texts holds them until
 * the end of the list, since a later row may join an earlier one: then 16 bytes
 * a person more, and the rows themselves. A million people with name, language
 * and one column: 48 MB, held 84 MB for the whole process.
 */
#ifndef OUTREACH_AUDIENCE_H
#define OUTREACH_AUDIENCE_H

#include "campaign.h"

/* One usable row, in order; return -1 to stop (the reason in err). */
typedef int audience_row_fn(void *arg, const char *row, size_t n, struct error *err);

/* Something about one row of the file for a person to read, in her language
 * (LC_ALL, LC_MESSAGES, LANG). line is the row as a spreadsheet counts it, from 1
 * with the header and blank rows; of inline recipients their number from 1.
 * refused: the row is not taken; else it is only a remark. */
typedef void audience_remark_fn(void *arg, unsigned long line, bool refused, const char *text);

/* How far it is, every some thousand rows; of inline recipients in recipients. */
typedef void audience_progress_fn(void *arg, uint64_t bytes, uint64_t total_bytes);

struct audience_report {
    unsigned long rows, taken, refused, merged; /* joined with, or dropped for, one seen before */
    unsigned long elsewhere,                    /* of them: who was in an earlier list */
        known;                                  /* in the campaign already: not taken again */
};

struct audience_sink {
    audience_row_fn *row;
    audience_remark_fn *remark;     /* may be NULL */
    audience_progress_fn *progress; /* may be NULL */
    void *arg;
};

/* The names of a CSV's columns, mapped to ours where they are known (姓名, Name
 * -> name; 手机号, 电话, phone -> sms; 语言 -> language). names is for the caller to
 * free, with one free() each and one for the array. */
int audience_header(const char *path, char ***names, size_t *count, struct error *err);

/* The same with what a campaign's `audience` says (NULL for nothing): the sheet of a
 * workbook, and its own mapping (columns: our name to the file's heading) before the
 * known names. written (may be NULL): what stands in the file for each, to be freed likewise. */
int audience_columns(const char *path, const struct tree *audience, char ***names, char ***written,
                     size_t *count, struct error *err);

/* Whether anybody in the file can be reached: it can be read, and has a column of
 * addresses for some channel of c. */
int audience_check_file(const struct campaign *c, const char *path, struct error *err);

/* Several lists one after the other: who is in two of them counts once, as she stands in the
 * first. Remarks then name the list. */
struct audience; /* opaque */
struct csv_field;
struct audience *audience_begin(const struct campaign *c, const struct audience_sink *sink,
                                struct audience_report *report);
void audience_free(struct audience *a); /* NULL is fine */

/* Who is in the campaign already, by her stored row: not taken from the lists that follow. */
void audience_known(struct audience *a, const char *row, size_t n);

/* A whole file. */
int audience_add_file(struct audience *a, const char *path, struct error *err);

/* The register: then its people one by one, with the values as they stand there, one for each
 * column of the campaign. */
void audience_begin_register(struct audience *a);
int audience_add_person(struct audience *a, unsigned long number, const struct csv_field *raw,
                        struct error *err);

int audience_end(struct audience *a, struct error *err); /* gives those that were held back */

/* Reads the whole of one file. Returns 0; or -1 when the file cannot be read or has no
 * addresses, has more people than max_audience, or the sink stopped. */
int audience_read_file(const struct campaign *c, const char *path, const struct audience_sink *sink,
                       struct audience_report *report, struct error *err);

/* recipients: the list at audience.recipients of a JSON document. */
int audience_read_inline(const struct campaign *c, const struct tree *recipients,
                         const struct audience_sink *sink, struct audience_report *report,
                         struct error *err);

/* The one row of a campaign to a group: without addresses. */
int audience_read_group(const struct campaign *c, const struct audience_sink *sink,
                        struct audience_report *report, struct error *err);

#endif
