#include "sheet.h"

#include "error.h"
#include "mem.h"
#include "words.h"
#include "zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include <xlsxwriter.h>

#define ROWS_MOST 1048576u /* of a page: Excel has no more */
#define CELL_MOST 32767u   /* characters of a cell: nor here */
#define COLUMNS_MOST 64

struct sheet {
    char *path;
    FILE *csv; /* one of the two */
    lxw_workbook *book;
    lxw_worksheet *page;
    lxw_format *bold, *time, *decimals[4];
    lxw_row_t row;
    lxw_col_t column;
    lxw_error trouble;
    const char *headings[COLUMNS_MOST];
    unsigned widths[COLUMNS_MOST], pages;
    size_t count;
    char name[28]; /* of the page; Excel takes 31 characters, a number may follow */
};

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n > m && strcasecmp(s + n - m, end) == 0;
}

/* It is made here, for us alone, so that nobody reads it while it is written. */
static int make_file(const char *path, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno == EEXIST)
        return error_set(err, T("%s is there already: remove it, or name another file"), path);
    if (fd < 0)
        return error_set(err, "%s: %s", path, language_errno(errno));
    return fd;
}

static void open_book(struct sheet *s)
{
    lxw_workbook_options options = {.constant_memory = LXW_TRUE};
    static const char *const formats[] = {"#,##0", "0.0", "#,##0.00", "#,##0.000"};

    s->book = workbook_new_opt(s->path, &options);
    s->bold = workbook_add_format(s->book);
    format_set_bold(s->bold);
    s->time = workbook_add_format(s->book);
    format_set_num_format(s->time, "yyyy-mm-dd hh:mm:ss");
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        s->decimals[i] = workbook_add_format(s->book);
        format_set_num_format(s->decimals[i], formats[i]);
    }
}

int sheet_exit_code(const char *path)
{
    return ends_with(path, ".csv") || ends_with(path, ".xlsx") ? EX_CANTCREAT : EX_DATAERR;
}

struct sheet *sheet_open(const char *path, struct error *err)
{
    bool csv = ends_with(path, ".csv");
    struct sheet *s;
    int fd;

    if (!csv && !ends_with(path, ".xlsx")) {
        error_set(err, T("%s: name it .xlsx or .csv"), path);
        return NULL;
    }
    fd = make_file(path, err);
    if (fd < 0)
        return NULL;
    s = xcalloc(1, sizeof *s);
    s->path = xstrdup(path);
    if (csv) {
        s->csv = fdopen(fd, "w");
        fputs("\xef\xbb\xbf", s->csv);
        return s;
    }
    close(fd);
    open_book(s);
    return s;
}

/* ---------------------------------------------------------------------- pages */

static void note(struct sheet *s, lxw_error rc)
{
    if (rc != LXW_NO_ERROR && s->trouble == LXW_NO_ERROR)
        s->trouble = rc;
}

static void next_page(struct sheet *s)
{
    char name[40];

    s->pages++;
    snprintf(name, sizeof name, s->pages > 1 ? "%s %u" : "%s", s->name, s->pages);
    s->page = workbook_add_worksheet(s->book, name);
    s->row = 0;
    if (s->page == NULL) {
        note(s, LXW_ERROR_MEMORY_MALLOC_FAILED);
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        note(s, worksheet_set_column(s->page, (lxw_col_t)i, (lxw_col_t)i, s->widths[i], NULL));
        note(s, worksheet_write_string(s->page, 0, (lxw_col_t)i, s->headings[i], s->bold));
    }
    worksheet_freeze_panes(s->page, 1, 0);
    s->row = 1;
}

void sheet_head(struct sheet *s, const char *name, const char *const *headings,
                const unsigned *widths, size_t count)
{
    s->count = count > COLUMNS_MOST ? COLUMNS_MOST : count;
    s->pages = 0;
    snprintf(s->name, sizeof s->name, "%s", name);
    for (size_t i = 0; i < s->count; i++) {
        s->headings[i] = headings[i];
        s->widths[i] = widths[i];
    }
    if (s->book != NULL) {
        next_page(s);
        return;
    }
    for (size_t i = 0; i < s->count; i++)
        sheet_text(s, s->headings[i], strlen(s->headings[i]));
    sheet_next(s);
}

void sheet_page(struct sheet *s)
{
    if (s->csv != NULL)
        fputs("\r\n", s->csv);
}

/* ---------------------------------------------------------------------- cells */

static void separate(const struct sheet *s)
{
    if (s->column > 0)
        putc(',', s->csv);
}

/* A cell that begins like a formula is one to Excel, even within quotes. */
static bool like_formula(const char *text, size_t n)
{
    return n > 0 && memchr("=+-@\t\r", text[0], 6) != NULL;
}

static void csv_text(const struct sheet *s, const char *text, size_t n)
{
    bool formula = like_formula(text, n), quoted = formula;

    separate(s);
    for (size_t i = 0; i < n && !quoted; i++)
        quoted = strchr(",\"\r\n\t;", text[i]) != NULL;
    if (quoted)
        putc('"', s->csv);
    if (formula)
        putc('\'', s->csv);
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '"')
            putc('"', s->csv);
        putc(text[i], s->csv);
    }
    if (quoted)
        putc('"', s->csv);
}

void sheet_text(struct sheet *s, const char *text, size_t n)
{
    if (s->csv != NULL) {
        csv_text(s, text, n);
    } else if (s->page != NULL && n > 0) {
        char cell[4096]; /* more is no cell of ours: values of rows and words of ours */

        n = n < sizeof cell - 1 ? n : sizeof cell - 1;
        memcpy(cell, text, n);
        cell[n] = '\0';
        note(s, worksheet_write_string(s->page, s->row, s->column, cell, NULL));
    }
    s->column++;
}

void sheet_number(struct sheet *s, double number, unsigned decimals)
{
    if (s->csv != NULL) {
        separate(s);
        fprintf(s->csv, "%.*f", (int)decimals, number);
    } else if (s->page != NULL) {
        note(s, worksheet_write_number(s->page, s->row, s->column, number,
                                       s->decimals[decimals < 4 ? decimals : 3]));
    }
    s->column++;
}

void sheet_time(struct sheet *s, const struct zone *zone, int64_t wall_ms)
{
    struct local_time t;

    if (wall_ms <= 0) {
        sheet_text(s, "", 0);
        return;
    }
    zone_local(zone, wall_ms, &t);
    if (s->csv != NULL) {
        separate(s);
        fprintf(s->csv, "%04d-%02d-%02d %02d:%02d:%02d", t.year, t.month, t.day, t.hour, t.minute,
                t.second);
    } else if (s->page != NULL) {
        lxw_datetime when = {t.year, t.month, t.day, t.hour, t.minute, t.second};

        note(s, worksheet_write_datetime(s->page, s->row, s->column, &when, s->time));
    }
    s->column++;
}

void sheet_next(struct sheet *s)
{
    s->column = 0;
    if (s->csv != NULL)
        fputs("\r\n", s->csv);
    else if (++s->row >= ROWS_MOST)
        next_page(s);
}

/* --------------------------------------------------------------------- closing */

int sheet_close(struct sheet *s, struct error *err)
{
    int rc = 0;

    if (s->csv != NULL) {
        bool bad = ferror(s->csv) != 0;

        if (fclose(s->csv) != 0 || bad)
            rc = error_set(err, "%s: %s", s->path, language_errno(errno));
    } else {
        lxw_error closed = workbook_close(s->book);

        note(s, closed);
        if (s->trouble != LXW_NO_ERROR)
            rc = error_set(err, "%s: %s", s->path, lxw_strerror(s->trouble));
    }
    if (rc != 0)
        unlink(s->path);
    free(s->path);
    free(s);
    return rc;
}
