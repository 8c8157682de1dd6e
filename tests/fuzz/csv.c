/* Rows of a CSV: the same rows in whatever pieces the bytes come, and again when
 * they are written out quoted. */
#include "fuzz.h"

#include "csv.h"

#include "buf.h"
#include "error.h"

struct pieces {
    const char *at;
    size_t left, most;
};

static long next_piece(void *arg, char *out, size_t size, struct error *err)
{
    struct pieces *p = arg;
    size_t n = p->left < p->most ? p->left : p->most;

    (void)err;
    n = n < size ? n : size;
    if (n > 0)
        memcpy(out, p->at, n);
    p->at += n;
    p->left -= n;
    if (p->most > 1)
        p->most = p->most % 11 + 1;
    return (long)n;
}

/* Reads all rows into out: quoted, or just as bytes and lengths. */
static bool read_all(const char *bytes, size_t n, size_t piece, bool quote, struct buf *out)
{
    struct pieces p = {bytes, n, piece};
    struct csv *csv = csv_create(next_piece, &p);
    struct csv_row row;
    struct error err;
    bool whole = true;

    while (csv_next(csv, &row, &err) == 1) {
        HOLDS(row.count <= CSV_MAX_FIELDS);
        HOLDS(row.fault == CSV_FINE || row.count == 0);
        whole &= row.fault == CSV_FINE;
        if (!quote)
            buf_printf(out, "%lu %d %zu:", row.number, row.fault, row.count);
        for (size_t i = 0; i < row.count; i++) {
            const struct csv_field *f = &row.fields[i];

            if (!quote) {
                buf_printf(out, "%zu,", f->length);
                buf_put(out, f->bytes, f->length);
                continue;
            }
            buf_puts(out, i > 0 ? ",\"" : "\"");
            for (size_t k = 0; k < f->length; k++) {
                if (f->bytes[k] == '"')
                    buf_putc(out, '"');
                buf_putc(out, f->bytes[k]);
            }
            buf_putc(out, '"');
        }
        buf_putc(out, '\n');
    }
    csv_free(csv);
    return whole;
}

static bool same_bytes(const struct buf *a, const struct buf *b)
{
    return a->length == b->length && (a->length == 0 || memcmp(a->data, b->data, a->length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf rows = BUF_INIT(64u << 20), same = BUF_INIT(64u << 20), file = BUF_INIT(64u << 20);
    const char *bytes = (const char *)data;
    bool whole = read_all(bytes, size, SIZE_MAX, false, &rows);

    read_all(bytes, size, 1 + size % 7, false, &same);
    HOLDS(same_bytes(&rows, &same));
    buf_clear(&same);
    read_all(bytes, size, SIZE_MAX, true, &file);
    if (whole && file.length < CSV_ROW_BYTES) {
        read_all(file.data, file.length, SIZE_MAX, false, &same);
        HOLDS(same_bytes(&rows, &same));
    }
    buf_free(&rows);
    buf_free(&same);
    buf_free(&file);
    return 0;
}
