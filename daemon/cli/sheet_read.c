#include "sheet_read.h"

#include "buf.h"
#include "charset.h"
#include "error.h"
#include "words.h"
#include "xlsx.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct text {
    struct buf bytes; /* as UTF-8 */
    size_t at;
};

static long text_read(void *arg, char *out, size_t size, struct error *err)
{
    struct text *t = arg;
    size_t n = t->bytes.length - t->at;

    (void)err;
    if (n > size)
        n = size;
    memcpy(out, t->bytes.data + t->at, n);
    t->at += n;
    return (long)n;
}

static int convert(const struct buf *raw, struct buf *out, struct error *err)
{
    size_t seen = raw->length < CHARSET_GUESS_BYTES ? raw->length : CHARSET_GUESS_BYTES;
    struct charset_reader *r = charset_open(charset_guess(raw->data, seen, seen < raw->length));
    int rc = charset_feed(r, raw->data, raw->length, out, err);

    if (rc == 0)
        rc = charset_finish(r, err);
    charset_close(r);
    return rc;
}

static int read_file(const char *path, struct buf *raw, struct error *err)
{
    FILE *file = fopen(path, "re");
    char piece[16384];
    size_t n;

    if (file == NULL)
        return error_set(err, "%s: %s", path, language_errno(errno));
    while ((n = fread(piece, 1, sizeof piece, file)) > 0)
        buf_put(raw, piece, n);
    n = ferror(file) != 0;
    fclose(file);
    if (n > 0 || buf_overflowed(raw))
        return error_set(err, T("%s cannot be read, or is too long"), path);
    return 0;
}

static int each_of_csv(struct text *t, sheet_row_fn *fn, void *arg, struct error *err)
{
    struct csv *csv = csv_create(text_read, t);
    struct csv_row row;
    int rc;

    while ((rc = csv_next(csv, &row, err)) == 1)
        if (row.count > 0 && fn(arg, &row, err) != 0) {
            rc = -1;
            break;
        }
    csv_free(csv);
    return rc;
}

static int each_of_book(const char *path, sheet_row_fn *fn, void *arg, struct error *err)
{
    struct xlsx *book = xlsx_open(path, NULL, err);
    struct csv_row row;
    int rc;

    if (book == NULL)
        return -1;
    while ((rc = xlsx_next(book, &row, err)) == 1)
        if (row.count > 0 && fn(arg, &row, err) != 0) {
            rc = -1;
            break;
        }
    xlsx_close(book);
    return rc;
}

int sheet_read(const char *path, sheet_row_fn *fn, void *arg, struct error *err)
{
    struct buf raw = BUF_INIT(SHEET_READ_BYTES);
    struct text t = {.bytes = BUF_INIT(2 * SHEET_READ_BYTES + 8)};
    int rc = read_file(path, &raw, err);

    if (rc == 0 && raw.length >= 4 && memcmp(raw.data, "PK\3\4", 4) == 0)
        rc = each_of_book(path, fn, arg, err);
    else if (rc == 0 && (rc = convert(&raw, &t.bytes, err)) == 0)
        rc = each_of_csv(&t, fn, arg, err);
    buf_free(&raw);
    buf_free(&t.bytes);
    return rc;
}
