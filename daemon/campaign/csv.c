#include "csv.h"

#include "mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES (4 * CSV_ROW_BYTES)

struct csv {
    csv_read_fn *read;
    void *arg;
    bool ended;
    unsigned long number;
    char delimiter; /* 0 until the header was seen */
    char terminator;
    struct csv_field fields[CSV_MAX_FIELDS];
    size_t start, end; /* what is there of buffer */
    char buffer[BUFFER_BYTES];
};

struct csv *csv_create(csv_read_fn *read, void *arg)
{
    struct csv *csv = xmalloc(sizeof *csv);

    csv->read = read;
    csv->arg = arg;
    csv->ended = false;
    csv->number = 0;
    csv->delimiter = 0;
    csv->terminator = '\n';
    csv->start = csv->end = 0;
    return csv;
}

void csv_free(struct csv *csv)
{
    free(csv);
}

/* Fills the buffer behind what is there: as much as fits. */
static int refill(struct csv *csv, struct error *err)
{
    memmove(csv->buffer, csv->buffer + csv->start, csv->end - csv->start);
    csv->end -= csv->start;
    csv->start = 0;
    while (!csv->ended && csv->end < sizeof csv->buffer) {
        long n = csv->read(csv->arg, csv->buffer + csv->end, sizeof csv->buffer - csv->end, err);

        if (n < 0)
            return -1;
        csv->ended = n == 0;
        csv->end += (size_t)n;
    }
    return 0;
}

/* The header tells what separates fields and ends rows. A column's name may hold
 * a comma in quotes: those do not count. */
static void learn(struct csv *csv)
{
    static const char delimiters[] = ",;\t";
    size_t counts[sizeof delimiters - 1] = {0}, i, k, best = 0;
    bool quoted = false;

    for (i = csv->start; i < csv->end; i++) {
        char c = csv->buffer[i];

        if (c == '"')
            quoted = !quoted;
        if (quoted)
            continue;
        if (c == '\n' || c == '\r')
            break;
        for (k = 0; k < sizeof counts / sizeof counts[0]; k++)
            counts[k] += c == delimiters[k];
    }
    if (i + 1 < csv->end && csv->buffer[i] == '\r' && csv->buffer[i + 1] != '\n')
        csv->terminator = '\r';
    for (k = 1; k < sizeof counts / sizeof counts[0]; k++)
        if (counts[k] > counts[best])
            best = k;
    csv->delimiter = delimiters[best];
}

/* The end of the row at s: its terminator, or NULL if it is not in [s, end). */
static char *find_end(const struct csv *csv, char *s, char *end, bool *open_quote)
{
    char *stop = memchr(s, csv->terminator, (size_t)(end - s));
    bool at_start = true, quoted = false;

    *open_quote = false;
    if (memchr(s, '"', (size_t)((stop == NULL ? end : stop) - s)) == NULL)
        return stop;
    for (; s < end; s++) {
        if (quoted) {
            if (*s == '"' && s + 1 < end && s[1] == '"')
                s++;
            else if (*s == '"')
                quoted = false;
            continue;
        }
        if (*s == csv->terminator)
            return s;
        quoted = at_start && *s == '"';
        at_start = *s == csv->delimiter;
    }
    *open_quote = quoted;
    return NULL;
}

/* A quoted field at s, unquoted where it stands; returns what follows it. Text
 * between its last quote and the delimiter is taken as it is. */
static char *quoted_field(const struct csv *csv, char *s, char *end, struct csv_field *field)
{
    char *out = s++, *from = out;
    bool quoted = true;

    for (; s < end && (quoted || *s != csv->delimiter); s++) {
        if (quoted && *s == '"') {
            if (s + 1 < end && s[1] == '"') {
                *out++ = '"';
                s++;
            } else {
                quoted = false;
            }
            continue;
        }
        *out++ = *s;
    }
    *field = (struct csv_field){from, (size_t)(out - from)};
    return s;
}

static enum csv_fault split(struct csv *csv, char *s, char *end, size_t *count)
{
    *count = 0;
    if (s == end)
        return CSV_FINE;
    for (;;) {
        struct csv_field *field = &csv->fields[*count];

        if (*count == CSV_MAX_FIELDS) {
            *count = 0;
            return CSV_TOO_MANY_FIELDS;
        }
        ++*count;
        if (s < end && *s == '"') {
            s = quoted_field(csv, s, end, field);
        } else {
            char *stop = memchr(s, csv->delimiter, (size_t)(end - s));

            if (stop == NULL)
                stop = end;
            *field = (struct csv_field){s, (size_t)(stop - s)};
            s = stop;
        }
        if (s == end)
            return CSV_FINE;
        s++; /* the delimiter; one at the end has an empty field behind it */
    }
}

/* The row cannot be read: goes on after its first line, in whatever follows. */
static int skip_line(struct csv *csv, struct error *err)
{
    for (;;) {
        char *at = csv->buffer + csv->start,
             *stop = memchr(at, csv->terminator, csv->end - csv->start);

        if (stop != NULL) {
            csv->start += (size_t)(stop - at) + 1;
            return 0;
        }
        csv->start = csv->end;
        if (csv->ended)
            return 0;
        if (refill(csv, err) != 0)
            return -1;
    }
}

int csv_next(struct csv *csv, struct csv_row *row, struct error *err)
{
    char *s, *stop, *data_end;
    bool open_quote;

    if (csv->end - csv->start <= CSV_ROW_BYTES && !csv->ended && refill(csv, err) != 0)
        return -1;
    if (csv->start == csv->end)
        return 0;
    if (csv->delimiter == 0)
        learn(csv);
    *row = (struct csv_row){.number = ++csv->number, .fields = csv->fields};
    s = csv->buffer + csv->start;
    data_end = csv->buffer + csv->end;
    if (data_end - s > CSV_ROW_BYTES)
        data_end = s + CSV_ROW_BYTES;
    stop = find_end(csv, s, data_end, &open_quote);
    if (stop == NULL && (open_quote || data_end < csv->buffer + csv->end)) {
        row->fault = open_quote ? CSV_OPEN_QUOTE : CSV_TOO_LONG;
        return skip_line(csv, err) == 0 ? 1 : -1;
    }
    if (stop == NULL)
        stop = data_end; /* the last line, without an end */
    csv->start = (size_t)(stop - csv->buffer) + (stop < data_end);
    if (stop > s && stop[-1] == '\r')
        stop--;
    row->fault = split(csv, s, stop, &row->count);
    return 1;
}
