/*
 * audience.h - from people's files to rows
 *
 * A CSV in UTF-8 or GB18030 (BOM or not, LF or CRLF, quoted, delimited by comma,
 * semicolon or tab), or recipients inline in JSON. Each usable person becomes a
 * row: the values of the campaign's columns, joined by 0x1f. A row that cannot
 * be used is reported with its number in the file and what to do; the others
 * are taken. Memory is bounded but for the set of addresses seen.
 */
#ifndef OUTREACH_AUDIENCE_H
#define OUTREACH_AUDIENCE_H

#include "campaign.h"

/* One usable row, in order; return -1 to stop (the reason in err). */
typedef int audience_row_fn(void *arg, const char *row, size_t n, struct error *err);

/* Something about one row of the file for a person to read. line counts from 1
 * with the header. refused: the row is not taken; else it is only a remark. */
typedef void audience_remark_fn(void *arg, unsigned long line, bool refused, const char *text);

/* How far it is, every some thousand rows; total_bytes is 0 when not known. */
typedef void audience_progress_fn(void *arg, uint64_t bytes, uint64_t total_bytes);

struct audience_report {
    unsigned long rows, taken, refused,
        merged; /* merged: joined with, or dropped for, one seen before */
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

int audience_read_file(const struct campaign *c, const char *path, const struct audience_sink *sink,
                       struct audience_report *report, struct error *err);

/* recipients: the list at audience.recipients of a JSON document. */
int audience_read_inline(const struct campaign *c, const struct tree *recipients,
                         const struct audience_sink *sink, struct audience_report *report,
                         struct error *err);

#endif
