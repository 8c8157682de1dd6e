#include "xlsx.h"

#include "buf.h"
#include "cell_format.h"
#include "error.h"
#include "language.h"
#include "mem.h"
#include "remark.h"

#include <expat.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#define CHUNK_BYTES 65536
#define PART_BYTES (64u << 20) /* of a part that is read whole, but for the strings */
#define SHEETS_MAX 256
#define NAME_BYTES 128 /* of a sheet: Excel takes 31 characters */
#define PATH_BYTES 256
#define STYLES_MAX 65536
#define SHOWN_BYTES 600
#define COLUMNS_MAX 16384   /* of Excel */
#define ROWS_WEIGHED 100    /* of a sheet, where several hold something */
#define ROWS_LOOKED_AT 1000 /* for them: a note may have a million empty rows below it */

struct sheet {
    char name[NAME_BYTES], id[NAME_BYTES], path[PATH_BYTES];
    bool hidden;
};

/* A number format of the workbook's own. */
struct custom_format {
    unsigned id;
    struct cell_format format;
};

enum cell_type { TYPE_NUMBER, TYPE_SHARED, TYPE_TEXT, TYPE_BOOL, TYPE_ERROR };

struct xlsx {
    const char *path;
    zip_t *zip;
    char book[PATH_BYTES], strings_path[PATH_BYTES], styles_path[PATH_BYTES];
    struct sheet sheets[SHEETS_MAX];
    size_t sheet_count;
    bool date1904;

    struct buf strings; /* each ended by NUL */
    size_t *string_at;  /* where they begin */
    size_t string_count, string_size;

    struct custom_format *customs;
    size_t custom_count;
    struct cell_format *styles; /* of cellXfs */
    size_t style_count;

    /* of the part that is being read */
    XML_Parser parser;
    zip_file_t *file;
    uint64_t bytes, total;
    bool doctype, inside, ended; /* inside: an element whose text is wanted; see each part */
    unsigned phonetic;           /* depth in rPh: how a word is read, not the word */

    /* of the sheet's rows */
    bool has_row; /* a whole one is there */
    unsigned long row;
    size_t column;
    enum cell_type type;
    size_t style;
    struct buf cells; /* of the row, one after the other */
    struct buf value; /* of the cell */
    struct csv_field fields[CSV_MAX_FIELDS];
    size_t field_at[CSV_MAX_FIELDS], field_length[CSV_MAX_FIELDS], field_count;
    enum csv_fault fault;
};

/* ------------------------------------------------------------------------- XML */

/* Names come as "namespace|name": the strict and the usual one differ in the first. */
static const char *local(const char *name)
{
    const char *bar = strrchr(name, '|');

    return bar != NULL ? bar + 1 : name;
}

static bool is(const char *name, const char *wanted)
{
    return strcmp(local(name), wanted) == 0;
}

static const char *attribute(const char **attributes, const char *wanted)
{
    for (; attributes[0] != NULL; attributes += 2)
        if (is(attributes[0], wanted))
            return attributes[1];
    return NULL;
}

static void on_doctype(void *arg, const char *name, const char *system, const char *public,
                       int internal)
{
    struct xlsx *x = arg;

    (void)name, (void)system, (void)public, (void)internal;
    x->doctype = true;
    XML_StopParser(x->parser, XML_FALSE);
}

static int damaged(const struct xlsx *x, const char *part, const char *what, struct error *err)
{
    return remark_error(err, LIST_BOOK_DAMAGED, x->path, language_text(part), language_text(what));
}

static void part_close(struct xlsx *x)
{
    if (x->file != NULL)
        zip_fclose(x->file);
    if (x->parser != NULL)
        XML_ParserFree(x->parser);
    x->file = NULL;
    x->parser = NULL;
}

/* 1: it is there; 0: it is not; -1 with err. */
static int part_open(struct xlsx *x, const char *name, XML_StartElementHandler start,
                     XML_EndElementHandler end, XML_CharacterDataHandler text, struct error *err)
{
    zip_stat_t stat;

    if (zip_stat(x->zip, name, 0, &stat) != 0)
        return 0;
    if ((stat.valid & ZIP_STAT_SIZE) == 0)
        return damaged(x, name, "its size is not known", err);
    x->file = zip_fopen(x->zip, name, 0);
    if (x->file == NULL)
        return damaged(x, name, zip_strerror(x->zip), err);
    x->bytes = 0;
    x->total = stat.size;
    x->inside = x->ended = x->doctype = false;
    x->phonetic = 0;
    x->parser = XML_ParserCreateNS(NULL, '|');
    if (x->parser == NULL)
        return damaged(x, name, "no memory", err);
    XML_SetUserData(x->parser, x);
    XML_SetElementHandler(x->parser, start, end);
    XML_SetCharacterDataHandler(x->parser, text);
    XML_SetStartDoctypeDeclHandler(x->parser, on_doctype);
    return 1;
}

/* The next chunk into the parser. 1; 0 at the end of the part; -1 with err. */
static int part_feed(struct xlsx *x, const char *name, struct error *err)
{
    void *chunk = XML_GetBuffer(x->parser, CHUNK_BYTES);
    zip_int64_t n = chunk != NULL ? zip_fread(x->file, chunk, CHUNK_BYTES) : -1;

    if (n < 0)
        return damaged(x, name, zip_file_strerror(x->file), err);
    x->bytes += (uint64_t)n;
    if (x->bytes > x->total)
        return damaged(x, name, "it is longer than it says", err);
    if (XML_ParseBuffer(x->parser, (int)n, n == 0) == XML_STATUS_ERROR)
        return damaged(x, name,
                       x->doctype ? N_("it has a DOCTYPE")
                                  : XML_ErrorString(XML_GetErrorCode(x->parser)),
                       err);
    return n > 0;
}

/* A part that is read whole. 1, 0 when there is none, -1. */
static int part_read(struct xlsx *x, const char *name, uint64_t most, XML_StartElementHandler start,
                     XML_EndElementHandler end, XML_CharacterDataHandler text, struct error *err)
{
    int rc = part_open(x, name, start, end, text, err), fed = 1;

    if (rc == 1 && x->total > most)
        rc = damaged(x, name, "it is too long", err);
    while (rc == 1 && (fed = part_feed(x, name, err)) == 1)
        ;
    part_close(x);
    return fed < 0 ? -1 : rc;
}

/* -------------------------------------------------------------- what is where */

/* A target as it is written, beside base ("xl/workbook.xml"): absolute, or relative to it. */
static void resolve(char *out, const char *base, const char *target)
{
    const char *slash = strrchr(base, '/');

    while (strncmp(target, "./", 2) == 0)
        target += 2;
    if (target[0] == '/')
        snprintf(out, PATH_BYTES, "%s", target + 1);
    else
        snprintf(out, PATH_BYTES, "%.*s%s", slash != NULL ? (int)(slash - base) + 1 : 0, base,
                 target);
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n >= m && strcmp(s + n - m, end) == 0;
}

static void on_root(void *arg, const char *name, const char **a)
{
    struct xlsx *x = arg;
    const char *type = attribute(a, "Type"), *target = attribute(a, "Target");

    if (is(name, "Relationship") && type != NULL && target != NULL &&
        ends_with(type, "/officeDocument"))
        resolve(x->book, "", target);
}

static void on_relationship(void *arg, const char *name, const char **a)
{
    struct xlsx *x = arg;
    const char *id = attribute(a, "Id"), *type = attribute(a, "Type"),
               *target = attribute(a, "Target");

    if (!is(name, "Relationship") || id == NULL || type == NULL || target == NULL)
        return;
    if (ends_with(type, "/sharedStrings"))
        resolve(x->strings_path, x->book, target);
    if (ends_with(type, "/styles"))
        resolve(x->styles_path, x->book, target);
    for (size_t i = 0; i < x->sheet_count; i++)
        if (ends_with(type, "/worksheet") && strcmp(x->sheets[i].id, id) == 0)
            resolve(x->sheets[i].path, x->book, target);
}

static void on_book(void *arg, const char *name, const char **a)
{
    struct xlsx *x = arg;
    const char *value;

    if (is(name, "workbookPr")) {
        value = attribute(a, "date1904");
        x->date1904 = value != NULL && (strcmp(value, "1") == 0 || strcmp(value, "true") == 0);
    }
    if (is(name, "sheet") && x->sheet_count < SHEETS_MAX) {
        struct sheet *s = &x->sheets[x->sheet_count++];
        const char *state = attribute(a, "state");

        value = attribute(a, "name");
        snprintf(s->name, sizeof s->name, "%s", value != NULL ? value : "");
        value = attribute(a, "id"); /* r:id; the other one is sheetId */
        snprintf(s->id, sizeof s->id, "%s", value != NULL ? value : "");
        s->hidden = state != NULL && strcmp(state, "visible") != 0;
    }
}

/* --------------------------------------------------------------- shared strings */

static void on_string(void *arg, const char *name, const char **a)
{
    struct xlsx *x = arg;

    (void)a;
    if (is(name, "si")) {
        if (x->string_count == x->string_size) {
            x->string_size = x->string_size > 0 ? 2 * x->string_size : 1024;
            x->string_at = xreallocarray(x->string_at, x->string_size, sizeof *x->string_at);
        }
        x->string_at[x->string_count++] = x->strings.length;
    }
    x->phonetic += is(name, "rPh");
    x->inside = is(name, "t") && x->phonetic == 0;
}

static void on_string_end(void *arg, const char *name)
{
    struct xlsx *x = arg;

    x->inside = false;
    x->phonetic -= is(name, "rPh");
    if (is(name, "si"))
        buf_putc(&x->strings, '\0');
}

static void on_string_text(void *arg, const char *text, int n)
{
    struct xlsx *x = arg;

    if (x->inside)
        buf_put(&x->strings, text, (size_t)n);
}

/* ----------------------------------------------------------------------- styles */

/* inside: within cellXfs; those of cellStyleXfs are of named styles. */
static void on_style(void *arg, const char *name, const char **a)
{
    struct xlsx *x = arg;
    const char *id = attribute(a, "numFmtId"), *code = attribute(a, "formatCode");
    unsigned number = id != NULL ? (unsigned)strtoul(id, NULL, 10) : 0;

    if (is(name, "cellXfs"))
        x->inside = true;
    if (is(name, "numFmt") && code != NULL && x->custom_count < STYLES_MAX) {
        if (x->custom_count % 64 == 0)
            x->customs = xreallocarray(x->customs, x->custom_count + 64, sizeof *x->customs);
        x->customs[x->custom_count++] = (struct custom_format){number, cell_format_code(code)};
    }
    if (is(name, "xf") && x->inside && x->style_count < STYLES_MAX) {
        struct cell_format format = cell_format_builtin(number);

        for (size_t i = 0; i < x->custom_count; i++)
            if (x->customs[i].id == number)
                format = x->customs[i].format;
        if (x->style_count % 64 == 0)
            x->styles = xreallocarray(x->styles, x->style_count + 64, sizeof *x->styles);
        x->styles[x->style_count++] = format;
    }
}

static void on_style_end(void *arg, const char *name)
{
    struct xlsx *x = arg;

    if (is(name, "cellXfs"))
        x->inside = false;
}

/* ------------------------------------------------------------------------- rows */

/* "BC12": column 54, from 0. */
static size_t column_of(const char *reference)
{
    size_t column = 0;

    for (; *reference >= 'A' && *reference <= 'Z' && column <= COLUMNS_MAX; reference++)
        column = column * 26 + (size_t)(*reference - 'A') + 1;
    return column > 0 ? column - 1 : 0;
}

static enum cell_type type_of(const char *t)
{
    if (t == NULL || strcmp(t, "n") == 0)
        return TYPE_NUMBER;
    if (strcmp(t, "s") == 0)
        return TYPE_SHARED;
    if (strcmp(t, "b") == 0)
        return TYPE_BOOL;
    return strcmp(t, "e") == 0 ? TYPE_ERROR : TYPE_TEXT; /* inlineStr, str, d */
}

static void on_cell(void *arg, const char *name, const char **a)
{
    struct xlsx *x = arg;
    const char *value;

    if (is(name, "row")) {
        value = attribute(a, "r");
        x->row = value != NULL ? strtoul(value, NULL, 10) : x->row + 1;
        x->column = 0;
        x->field_count = 0;
        x->fault = CSV_FINE;
        buf_clear(&x->cells);
    } else if (is(name, "c")) {
        value = attribute(a, "r");
        if (value != NULL)
            x->column = column_of(value);
        x->type = type_of(attribute(a, "t"));
        value = attribute(a, "s");
        x->style = value != NULL ? strtoul(value, NULL, 10) : 0;
        buf_clear(&x->value);
    }
    x->phonetic += is(name, "rPh");
    x->inside = (is(name, "v") || is(name, "t")) && x->phonetic == 0;
}

static void on_cell_text(void *arg, const char *text, int n)
{
    struct xlsx *x = arg;

    if (x->inside)
        buf_put(&x->value, text, (size_t)n);
}

/* The field of the row that is column's; what lies between is empty. */
static void put_field(struct xlsx *x, const char *bytes, size_t n)
{
    if (n == 0)
        return;
    if (x->column >= CSV_MAX_FIELDS) {
        x->fault = CSV_TOO_MANY_FIELDS;
        return;
    }
    if (n > CSV_ROW_BYTES || x->cells.length + n > CSV_ROW_BYTES) {
        x->fault = CSV_TOO_LONG;
        return;
    }
    for (; x->field_count <= x->column; x->field_count++)
        x->field_at[x->field_count] = x->field_length[x->field_count] = 0;
    x->field_at[x->column] = x->cells.length;
    x->field_length[x->column] = n;
    buf_put(&x->cells, bytes, n);
}

static void put_number(struct xlsx *x)
{
    struct cell_format format = {.kind = CELL_GENERAL};
    const char *text = buf_string(&x->value);
    char shown[CELL_BYTES], *end;
    double number = strtod(text, &end);

    if (x->style < x->style_count)
        format = x->styles[x->style];
    if (end == text || *end != '\0') /* as it is written */
        put_field(x, x->value.data, x->value.length);
    else
        put_field(x, shown, cell_format_number(shown, number, format, x->date1904));
}

static void put_cell(struct xlsx *x)
{
    size_t index;

    if (x->value.length == 0 || buf_overflowed(&x->value)) {
        if (x->value.length > 0)
            x->fault = CSV_TOO_LONG;
        return;
    }
    switch (x->type) {
    case TYPE_NUMBER:
        put_number(x);
        break;
    case TYPE_SHARED:
        index = strtoul(buf_string(&x->value), NULL, 10);
        if (index < x->string_count)
            put_field(x, x->strings.data + x->string_at[index],
                      strlen(x->strings.data + x->string_at[index]));
        break;
    case TYPE_BOOL:
        put_field(x, x->value.data[0] == '1' ? "TRUE" : "FALSE", x->value.data[0] == '1' ? 4 : 5);
        break;
    case TYPE_TEXT:
        put_field(x, x->value.data, x->value.length);
        break;
    case TYPE_ERROR:
        break;
    }
}

static void on_cell_end(void *arg, const char *name)
{
    struct xlsx *x = arg;

    x->inside = false;
    x->phonetic -= is(name, "rPh");
    if (is(name, "c")) {
        put_cell(x);
        x->column++;
    } else if (is(name, "row")) {
        x->has_row = true;
        XML_StopParser(x->parser, XML_TRUE); /* goes on with the next one */
    } else if (is(name, "sheetData")) {
        x->ended = true;
        XML_StopParser(x->parser, XML_TRUE);
    }
}

/* On to the end of the next row. 1; 0 at the end of the sheet; -1 with err. */
static int step(struct xlsx *x, struct error *err)
{
    XML_ParsingStatus status;
    int fed;

    for (x->has_row = false; !x->has_row && !x->ended;) {
        XML_GetParsingStatus(x->parser, &status);
        if (status.parsing == XML_SUSPENDED) {
            if (XML_ResumeParser(x->parser) == XML_STATUS_ERROR)
                return damaged(x, N_("the sheet"),
                               x->doctype ? N_("it has a DOCTYPE")
                                          : XML_ErrorString(XML_GetErrorCode(x->parser)),
                               err);
            continue;
        }
        fed = part_feed(x, N_("the sheet"), err);
        if (fed < 0)
            return -1;
        if (fed == 0 && !x->has_row)
            break;
    }
    return x->has_row;
}

int xlsx_next(struct xlsx *x, struct csv_row *row, struct error *err)
{
    int rc = step(x, err);

    if (rc != 1)
        return rc;
    for (size_t i = 0; i < x->field_count; i++)
        x->fields[i] = (struct csv_field){
            x->field_length[i] > 0 ? x->cells.data + x->field_at[i] : "", x->field_length[i]};
    *row = (struct csv_row){.number = x->row,
                            .fault = x->fault,
                            .fields = x->fields,
                            .count = x->fault == CSV_FINE ? x->field_count : 0};
    return 1;
}

void xlsx_progress(const struct xlsx *x, uint64_t *bytes, uint64_t *total)
{
    *bytes = x->bytes;
    *total = x->total;
}

/* --------------------------------------------------------------------- opening */

static int open_sheet(struct xlsx *x, const struct sheet *s, struct error *err)
{
    int rc;

    x->row = 0;
    rc = part_open(x, s->path, on_cell, on_cell_end, on_cell_text, err);
    return rc == 0 ? damaged(x, s->path, "it is not there", err) : rc < 0 ? -1 : 0;
}

/* How many cells have something in them, in the first rows that have: a note has few of them, a
 * list many. -1 with err. */
static int cells_of(struct xlsx *x, const struct sheet *s, struct error *err)
{
    int rc = open_sheet(x, s, err), rows = 0, looked = 0, cells = 0;

    while (rc == 0 && rows < ROWS_WEIGHED && (cells == 0 || looked < ROWS_LOOKED_AT) &&
           (rc = step(x, err)) == 1) {
        int before = cells;

        for (size_t i = 0; i < x->field_count; i++)
            cells += x->field_length[i] > 0;
        cells += x->fault != CSV_FINE;
        rows += cells > before;
        looked++;
        rc = 0;
    }
    part_close(x);
    return rc < 0 ? -1 : cells;
}

static void list_sheets(const struct xlsx *x, char out[SHOWN_BYTES])
{
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < x->sheet_count && n + NAME_BYTES + 2 < SHOWN_BYTES; i++)
        n += (size_t)snprintf(out + n, SHOWN_BYTES - n, "%s%s", i > 0 ? ", " : "",
                              x->sheets[i].name);
}

static const struct sheet *choose(struct xlsx *x, const char *wanted, struct error *err)
{
    const struct sheet *found = NULL;
    char list[SHOWN_BYTES], full[SHOWN_BYTES] = "";
    size_t n = 0;
    bool several = false;
    int most = 0;

    list_sheets(x, list);
    for (size_t i = 0; i < x->sheet_count; i++) {
        const struct sheet *s = &x->sheets[i];
        int cells;

        if (wanted != NULL && strcmp(wanted, s->name) == 0)
            return s;
        if (wanted != NULL || s->hidden || s->path[0] == '\0') /* no path: a chart */
            continue;
        cells = cells_of(x, s, err);
        if (cells < 0)
            return NULL;
        if (cells > 0 && n + NAME_BYTES + 2 < SHOWN_BYTES)
            n += (size_t)snprintf(full + n, SHOWN_BYTES - n, "%s%s", n > 0 ? ", " : "", s->name);
        several = several || (cells > 0 && found != NULL);
        if (cells > most) {
            most = cells;
            found = s;
        }
    }
    if (several) {
        remark_error(err, LIST_WHICH_SHEET, x->path, full, found->name);
        return NULL;
    }
    if (wanted != NULL)
        remark_error(err, LIST_NO_SHEET, x->path, wanted, list);
    else if (found == NULL)
        remark_error(err, LIST_EMPTY, x->path);
    return found;
}

static int read_book(struct xlsx *x, struct error *err)
{
    char rels[PATH_BYTES + 16];
    const char *slash;
    int rc;

    snprintf(x->book, sizeof x->book, "xl/workbook.xml");
    if (part_read(x, "_rels/.rels", PART_BYTES, on_root, NULL, NULL, err) < 0)
        return -1;
    rc = part_read(x, x->book, PART_BYTES, on_book, NULL, NULL, err);
    if (rc <= 0)
        return rc < 0 ? -1 : remark_error(err, LIST_NO_BOOK, x->path);
    slash = strrchr(x->book, '/');
    snprintf(rels, sizeof rels, "%.*s_rels/%s.rels", slash != NULL ? (int)(slash - x->book) + 1 : 0,
             x->book, slash != NULL ? slash + 1 : x->book);
    if (part_read(x, rels, PART_BYTES, on_relationship, NULL, NULL, err) < 0)
        return -1;
    if (x->strings_path[0] != '\0' &&
        part_read(x, x->strings_path, 4 * (uint64_t)XLSX_STRINGS_BYTES, on_string, on_string_end,
                  on_string_text, err) < 0)
        return -1;
    if (buf_overflowed(&x->strings))
        return damaged(x, x->strings_path, "it is too long", err);
    if (x->styles_path[0] != '\0' &&
        part_read(x, x->styles_path, PART_BYTES, on_style, on_style_end, NULL, err) < 0)
        return -1;
    return 0;
}

struct xlsx *xlsx_open(const char *path, const char *sheet, struct error *err)
{
    struct xlsx *x = xcalloc(1, sizeof *x);
    const struct sheet *s = NULL;

    x->path = path;
    x->strings = BUF_INIT(XLSX_STRINGS_BYTES);
    x->cells = BUF_INIT(CSV_ROW_BYTES + 1);
    x->value = BUF_INIT(CSV_ROW_BYTES + 1);
    x->zip = zip_open(path, ZIP_RDONLY, NULL);
    if (x->zip == NULL) {
        remark_error(err, LIST_NO_BOOK, path);
    } else if (read_book(x, err) == 0) {
        s = choose(x, sheet, err);
    }
    if (s == NULL || open_sheet(x, s, err) != 0) {
        xlsx_close(x);
        return NULL;
    }
    return x;
}

void xlsx_close(struct xlsx *x)
{
    if (x == NULL)
        return;
    part_close(x);
    if (x->zip != NULL)
        zip_discard(x->zip);
    buf_free(&x->strings);
    buf_free(&x->cells);
    buf_free(&x->value);
    free(x->string_at);
    free(x->customs);
    free(x->styles);
    free(x);
}
