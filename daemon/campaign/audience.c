#include "audience.h"

#include "buf.h"
#include "campaign.h"
#include "charset.h"
#include "column.h"
#include "csv.h"
#include "error.h"
#include "field.h"
#include "form.h"
#include "language.h"
#include "mem.h"
#include "remark.h"
#include "row.h"
#include "seen.h"
#include "tree.h"
#include "value.h"
#include "xlsx.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES CHARSET_GUESS_BYTES
#define PROGRESS_ROWS 4096
#define JOINED_NAME_BYTES 60 /* "王秀英、陈洁" has 18: room for five or six names */
#define SHOWN_COLUMNS_BYTES 700

/* ------------------------------------------------------------------- the file */
struct source {
    const char *path;
    int fd;
    uint64_t bytes, total_bytes;
    struct charset_reader *reader;
    struct buf text; /* UTF-8 that was not taken yet, from at on */
    size_t at;
    bool ended;
    struct csv *csv; /* one of the two */
    struct xlsx *book;
};

#define MAGIC_XLSX "PK\x03\x04"
#define MAGIC_XLS "\xd0\xcf\x11\xe0" /* also a workbook with a password */
#define MAGIC_BYTES 4

static int source_chunk(struct source *s, struct error *err)
{
    char chunk[CHUNK_BYTES];
    size_t n = 0;
    ssize_t got = 1;

    /* A whole chunk, so that the guess sees as much as it can. */
    while (n < sizeof chunk && got > 0) {
        got = read(s->fd, chunk + n, sizeof chunk - n);
        if (got < 0 && errno != EINTR)
            return error_set(err, "%s: %s", s->path, language_errno(errno));
        n += got > 0 ? (size_t)got : 0;
        got = got < 0 ? 1 : got;
    }
    if (s->bytes == 0 && n >= MAGIC_BYTES && memcmp(chunk, MAGIC_XLS, MAGIC_BYTES) == 0)
        return remark_error(err, LIST_XLS, s->path);
    s->bytes += n;
    if (s->reader == NULL)
        s->reader = charset_open(charset_guess(chunk, n, n == sizeof chunk));
    buf_clear(&s->text);
    s->at = 0;
    if (charset_feed(s->reader, chunk, n, &s->text, err) != 0)
        return error_prefix(err, "%s", s->path);
    s->ended = n < sizeof chunk;
    if (s->ended && charset_finish(s->reader, err) != 0)
        return error_prefix(err, "%s", s->path);
    return 0;
}

static long source_read(void *arg, char *out, size_t size, struct error *err)
{
    struct source *s = arg;
    size_t n;

    while (s->at == s->text.length) {
        if (s->ended)
            return 0;
        if (source_chunk(s, err) != 0)
            return -1;
    }
    n = s->text.length - s->at;
    if (n > size)
        n = size;
    memcpy(out, s->text.data + s->at, n);
    s->at += n;
    return (long)n;
}

static void source_close(struct source *s)
{
    csv_free(s->csv);
    xlsx_close(s->book);
    charset_close(s->reader);
    buf_free(&s->text);
    if (s->fd >= 0)
        close(s->fd);
}

static bool is_workbook(int fd)
{
    char magic[MAGIC_BYTES];

    return pread(fd, magic, sizeof magic, 0) == sizeof magic &&
           memcmp(magic, MAGIC_XLSX, sizeof magic) == 0;
}

static bool is_called_workbook(const char *path)
{
    size_t n = strlen(path);

    return n > 5 && strcasecmp(path + n - 5, ".xlsx") == 0;
}

/* Else the sheet is another list's. */
static bool is_only_list(const struct tree *audience)
{
    const struct tree *file = tree_member(audience, "file");

    return file == NULL || file->kind != TREE_LIST || file->count < 2;
}

/* audience: the campaign's group, for the sheet; may be NULL. */
static int source_open(struct source *s, const char *path, const struct tree *audience,
                       struct error *err)
{
    const char *sheet = audience != NULL ? tree_string(audience, "sheet", NULL) : NULL;
    struct stat st;

    *s = (struct source){.path = path, .text = BUF_INIT(2 * CHUNK_BYTES + 64)};
    s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold us up */
    if (s->fd < 0)
        return error_set(err, "%s: %s", path, language_errno(errno));
    if (fstat(s->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(s->fd);
        s->fd = -1;
        return remark_error(err, LIST_NO_FILE, path);
    }
    s->total_bytes = (uint64_t)st.st_size;
    if (!is_workbook(s->fd)) {
        if (is_called_workbook(path) || (sheet != NULL && is_only_list(audience))) {
            source_close(s);
            return is_called_workbook(path)
                       ? error_set(err,
                                   "%s: is no Excel workbook, or a damaged one: open it in "
                                   "Excel and save it anew as .xlsx",
                                   path)
                       : error_set(err,
                                   "%s: audience.sheet is for an Excel workbook, and this is "
                                   "none: take it out",
                                   path);
        }
        s->csv = csv_create(source_read, s);
        return 0;
    }
    s->book = xlsx_open(path, sheet, err);
    if (s->book == NULL)
        source_close(s);
    return s->book != NULL ? 0 : -1;
}

static int source_next(struct source *s, struct csv_row *row, struct error *err)
{
    if (s->book == NULL)
        return csv_next(s->csv, row, err);
    xlsx_progress(s->book, &s->bytes, &s->total_bytes);
    return xlsx_next(s->book, row, err);
}

/* ----------------------------------------------------------------- the headings */
static const enum remark fault_remarks[] = {
    [CSV_TOO_LONG] = REMARK_ROW_TOO_LONG,
    [CSV_TOO_MANY_FIELDS] = REMARK_ROW_FIELDS,
    [CSV_OPEN_QUOTE] = REMARK_ROW_QUOTE,
};

struct headings {
    char **names; /* ours where they are known, else as written; "" for none */
    char **written;
    size_t count;
    unsigned long row;   /* of the file */
    bool one_of_several; /* lists: what audience.columns names may be in another */
};

static void headings_free(struct headings *h)
{
    size_t i;

    for (i = 0; i < h->count; i++) {
        free(h->names[i]);
        free(h->written[i]);
    }
    free(h->names);
    free(h->written);
    *h = (struct headings){0};
}

static char *clean_copy(const struct csv_field *field)
{
    char *s = xstrndup(field->bytes, field->length);

    s[text_value_clean(s, strlen(s))] = '\0'; /* a zero byte in it has cut it short */
    return s;
}

static bool has_name(const struct headings *h, const char *name)
{
    size_t i;

    for (i = 0; i < h->count; i++)
        if (h->names[i] != NULL && strcmp(h->names[i], name) == 0)
            return true;
    return false;
}

/* "姓名, 手机号, 语言" for errors: as people see them in their file. */
static const char *list_headings(const struct headings *h, char out[SHOWN_COLUMNS_BYTES])
{
    size_t i, n = 0;

    out[0] = '\0';
    for (i = 0; i < h->count && n + 90 < SHOWN_COLUMNS_BYTES; i++)
        n += (size_t)snprintf(out + n, SHOWN_COLUMNS_BYTES - n, "%s%.80s", i > 0 ? ", " : "",
                              h->written[i]);
    return out;
}

static const char *written_at(const void *arg, size_t i)
{
    const struct headings *h = arg;

    return i < h->count ? h->written[i] : NULL;
}

/* One line of audience.columns: our name for a heading of the file. */
static int map_heading(void *arg, const char *name, const struct tree *value, struct error *err)
{
    struct headings *h = arg;
    char list[SHOWN_COLUMNS_BYTES];
    const char *nearest;
    struct error why;
    size_t i;

    if (value->kind != TREE_STRING)
        return tree_error(err, value, "expected a heading of the file");
    for (i = 0; i < h->count; i++)
        if (h->names[i] == NULL && strcmp(h->written[i], value->string) == 0) {
            h->names[i] = xstrdup(name);
            return 0;
        }
    if (h->one_of_several)
        return 0;
    nearest = field_nearest(value->string, written_at, h);
    remark_error(&why, LIST_NO_COLUMN, value->string,
                 nearest == NULL ? ""
                                 : remark_write((char[REMARK_BYTES]){""}, LIST_NEAREST, nearest),
                 list_headings(h, list));
    return tree_error(err, value, "%s", why.text);
}

/* The campaign's mapping first, then what is known, each of ours once; the rest
 * keep what is written. */
static int name_headings(struct headings *h, const struct tree *mapping, struct error *err)
{
    size_t i;

    if (mapping != NULL && tree_pairs(mapping, map_heading, h, err) != 0)
        return -1;
    for (i = 0; i < h->count; i++) {
        const char *known = column_known(h->written[i], strlen(h->written[i]));

        if (h->names[i] == NULL && known != NULL && !has_name(h, known))
            h->names[i] = xstrdup(known);
    }
    for (i = 0; i < h->count; i++)
        if (h->names[i] == NULL)
            h->names[i] = xstrdup(has_name(h, h->written[i]) ? "" : h->written[i]);
    return 0;
}

/* Ten digits or more, however they are grouped: nobody calls a column so (a date, of
 * eight, somebody may). */
static bool is_number(const char *s)
{
    size_t digits = 0;

    for (; *s != '\0'; s++)
        if (*s >= '0' && *s <= '9')
            digits++;
        else if (strchr("+-() ", *s) == NULL)
            return false;
    return digits >= 10;
}

/* All commas: what Excel leaves below a table. */
static bool is_blank(const struct csv_row *row)
{
    size_t i, k;

    for (i = 0; i < row->count; i++)
        for (k = 0; k < row->fields[i].length; k++)
            if (row->fields[i].bytes[k] != ' ' && row->fields[i].bytes[k] != '\t')
                return false;
    return true;
}

static bool is_mapped(const struct tree *mapping, const char *written)
{
    for (const struct tree *one = mapping != NULL ? mapping->first : NULL; one != NULL;
         one = one->next)
        if (one->kind == TREE_STRING && strcmp(one->string, written) == 0)
            return true;
    return false;
}

/* One cell over a whole table, which is no heading to anybody: its title. */
static bool is_title(const struct csv_row *row, const struct tree *mapping)
{
    size_t filled = 0, last = 0;
    bool title;
    char *s;

    for (size_t i = 0; i < row->count; i++)
        if (row->fields[i].length > 0) {
            filled++;
            last = i;
        }
    if (filled != 1)
        return false;
    s = clean_copy(&row->fields[last]);
    title = column_known(s, strlen(s)) == NULL && !is_mapped(mapping, s);
    free(s);
    return title;
}

static void write_headings(struct headings *h, const struct csv_row *row)
{
    bool one_of_several = h->one_of_several;

    headings_free(h);
    *h = (struct headings){xcalloc(row->count, sizeof(char *)), xcalloc(row->count, sizeof(char *)),
                           row->count, row->number, one_of_several};
    for (size_t i = 0; i < row->count; i++)
        h->written[i] = clean_copy(&row->fields[i]);
}

static bool has_number(const struct headings *h)
{
    for (size_t i = 0; i < h->count; i++)
        if (is_number(h->written[i]))
            return true;
    return false;
}

/* The first row that is neither blank nor a title; with people right below, a title was the
 * heading of their only column. */
static int read_headings(struct source *s, const struct tree *audience, struct headings *h,
                         struct error *err)
{
    const struct tree *mapping = audience != NULL ? tree_get(audience, "columns") : NULL;
    const struct tree *file = audience != NULL ? tree_get(audience, "file") : NULL;
    bool title = false, below = false;
    struct csv_row row;
    int rc;

    h->one_of_several = file != NULL && file->kind == TREE_LIST && file->count > 1;
    for (;;) {
        rc = source_next(s, &row, err);
        if (rc < 0)
            return -1;
        if (rc == 0)
            break;
        if (row.fault != CSV_FINE)
            return remark_error(err, LIST_HEADER, s->path, row.number,
                                remark_write((char[REMARK_BYTES]){""}, fault_remarks[row.fault]));
        if (row.count == 0 || is_blank(&row))
            continue;
        below = title;
        title = is_title(&row, mapping);
        if (below && title) {
            struct headings people = {0};

            write_headings(&people, &row);
            rc = has_number(&people);
            headings_free(&people);
            if (rc)
                break;
        }
        write_headings(h, &row);
        if (!title)
            break;
    }
    if (h->count == 0)
        return remark_error(err, LIST_EMPTY, s->path);
    if (has_number(h))
        return remark_error(err, LIST_NO_HEADER, s->path, h->row);
    return name_headings(h, mapping, err);
}

int audience_columns(const char *path, const struct tree *audience, char ***names, char ***written,
                     size_t *count, struct error *err)
{
    struct headings h = {0};
    struct source s;
    int rc;

    *names = NULL;
    *count = 0;
    if (written != NULL)
        *written = NULL;
    if (source_open(&s, path, audience, err) != 0)
        return -1;
    rc = read_headings(&s, audience, &h, err);
    if (rc == 0) {
        *names = h.names;
        *count = h.count;
        h.names = xcalloc(h.count, sizeof *h.names); /* the caller has them now */
        if (written != NULL) {
            *written = h.written;
            h.written = xcalloc(h.count, sizeof *h.written);
        }
    }
    headings_free(&h);
    source_close(&s);
    return rc;
}

int audience_header(const char *path, char ***names, size_t *count, struct error *err)
{
    return audience_columns(path, NULL, names, NULL, count, err);
}

/* ------------------------------------------------------------- people on one phone */
/* Rows that wait for the end of the list, since a later one may join them. */
struct held {
    size_t offset;
    uint32_t length, place;
};

/* A list among several. A place is its base and the row: known over all of them. */
struct origin {
    char *name;
    uint32_t base;
};

#define MOST_ORIGINS 34        /* 32 files, the register, the campaign itself */
#define PLACE_KNOWN UINT32_MAX /* in the campaign already */

struct audience {
    const struct campaign *c;
    const struct audience_sink *sink;
    struct audience_report *report;
    const char *language; /* of remarks */
    unsigned long line;
    int column_name;
    bool hold; /* same_phone = merge, and there are names to join */
    bool book; /* from a workbook, which has no cells where nothing stands */
    struct origin origins[MOST_ORIGINS]; /* the last is being read */
    size_t origin_count;
    uint32_t last_place;
    bool several;
    struct seen seen;
    struct held *held;
    size_t held_count, held_size;
    char *bytes;
    size_t bytes_used, bytes_size;
    struct row row, other;
};

void audience_free(struct audience *g)
{
    if (g == NULL)
        return;
    seen_free(&g->seen);
    for (size_t i = 0; i < g->origin_count; i++)
        free(g->origins[i].name);
    free(g->held);
    free(g->bytes);
    free(g);
}

struct audience *audience_begin(const struct campaign *c, const struct audience_sink *sink,
                                struct audience_report *report)
{
    struct audience *g = xcalloc(1, sizeof *g);

    g->c = c;
    g->sink = sink;
    g->report = report;
    g->column_name = campaign_column(c, "name");
    g->hold = c->same_phone == SAME_PHONE_MERGE && g->column_name >= 0;
    g->several = c->audience_file_count + c->from_register > 1;
    *report = (struct audience_report){0};
    return g;
}

static void on_remark(void *arg, bool refused, const char *text)
{
    struct audience *g = arg;
    char with_name[REMARK_BYTES];

    if (g->several && g->origin_count > 0) {
        remark_write(with_name, REMARK_IN_LIST, g->origins[g->origin_count - 1].name, text);
        text = with_name;
    }
    if (g->sink->remark != NULL)
        g->sink->remark(g->sink->arg, g->line, refused, text);
}

/* Another list begins. */
static void begin_origin(struct audience *g, const char *name)
{
    assert(g->origin_count < MOST_ORIGINS);
    g->origins[g->origin_count++] = (struct origin){xstrdup(name), g->last_place};
    g->line = 0;
}

/* The row in hand. Kept below PLACE_KNOWN: no list has so many rows. */
static uint32_t place_here(struct audience *g)
{
    uint32_t base = g->origin_count > 0 ? g->origins[g->origin_count - 1].base : 0;

    g->last_place = base + (uint32_t)g->line;
    return g->last_place;
}

static const struct origin *origin_of(const struct audience *g, uint32_t place)
{
    size_t i = g->origin_count;

    while (i > 0 && place <= g->origins[i - 1].base)
        i--;
    return i > 0 ? &g->origins[i - 1] : NULL;
}

#define NOTE(g, ...) on_remark(g, false, remark_write((char[REMARK_BYTES]){""}, __VA_ARGS__))

/* About the row in hand and an earlier one at place, perhaps of an earlier list. */
static void note_same(struct audience *g, enum remark remark, uint32_t place)
{
    const struct origin *origin = origin_of(g, place);
    unsigned long line = place - (origin != NULL ? origin->base : 0);
    char text[REMARK_BYTES], where[REMARK_BYTES];

    remark_write(text, remark, line);
    if (origin == NULL || origin == &g->origins[g->origin_count - 1]) {
        on_remark(g, false, text);
        return;
    }
    g->report->elsewhere++;
    on_remark(g, false, remark_write(where, REMARK_OF_LIST, text, origin->name));
}

static uint64_t key_of(const struct audience *g, const struct row *row)
{
    const struct template_value *v = row->values, none = {"", 0};
    const struct template_value *slot = g->c->column_slot < 0 ? &none : &v[g->c->column_slot];
    const struct template_value *name =
        g->c->same_phone != SAME_PHONE_EACH || g->column_name < 0 ? &none : &v[g->column_name];
    size_t k = 0;
    char more[512];
    size_t n = slot->length;

    while (v[k].length == 0 && k + 1 < g->c->channel_count)
        k++; /* her first address */
    if (n + name->length > sizeof more)
        return seen_key(v[k].text, v[k].length, name->text, name->length);
    memcpy(more, slot->text, n);
    memcpy(more + n, name->text, name->length);
    return seen_key(v[k].text, v[k].length, more, n + name->length);
}

static void hold_bytes(struct audience *g, struct held *held, const struct row *row)
{
    while (g->bytes_size - g->bytes_used < row->length) {
        g->bytes_size = g->bytes_size ? g->bytes_size * 2 : CHUNK_BYTES;
        g->bytes = xrealloc(g->bytes, g->bytes_size);
    }
    held->offset = g->bytes_used;
    held->length = (uint32_t)row->length;
    memcpy(g->bytes + g->bytes_used, row->bytes, row->length);
    g->bytes_used += row->length;
}

static void hold(struct audience *g)
{
    if (g->held_count == g->held_size) {
        g->held_size = g->held_size ? g->held_size * 2 : 1024;
        g->held = xreallocarray(g->held, g->held_size, sizeof *g->held);
    }
    g->held[g->held_count].place = place_here(g);
    hold_bytes(g, &g->held[g->held_count++], &g->row);
}

/* Is name one of those joined so far? */
static bool is_among(const struct template_value *joined, const char *joint,
                     const struct template_value *name)
{
    const char *at = joined->text, *end = at + joined->length;
    size_t n = strlen(joint);

    while (at < end) {
        const char *stop = memmem(at, (size_t)(end - at), joint, n);

        if (stop == NULL)
            stop = end;
        if ((size_t)(stop - at) == name->length && memcmp(at, name->text, name->length) == 0)
            return true;
        if (stop == end)
            break;
        at = stop + n;
    }
    return false;
}

/* The row in hand has the address of an earlier one: its name joins that one's. */
static void merge(struct audience *g, struct held *held)
{
    size_t k = (size_t)g->column_name;
    const struct template_value *name = &g->row.values[k], *theirs = &g->other.values[k];
    const char *joint = "、";
    char joined[JOINED_NAME_BYTES];
    int n;

    g->other.length = held->length;
    memcpy(g->other.bytes, g->bytes + held->offset, held->length);
    campaign_row_split(g->c, g->other.bytes, held->length, g->other.values);
    if (g->c->column_language >= 0 && g->other.values[g->c->column_language].length > 0
            ? memcmp(g->other.values[g->c->column_language].text, "zh", 2) != 0
            : strncmp(g->c->language, "zh", 2) != 0)
        joint = ", ";
    if (name->length == 0 || is_among(theirs, joint, name)) {
        note_same(g, REMARK_SAME_PERSON, held->place);
        return;
    }
    n = snprintf(joined, sizeof joined, "%.*s%s%.*s", (int)theirs->length, theirs->text,
                 theirs->length > 0 ? joint : "", (int)name->length, name->text);
    if (n >= (int)sizeof joined || row_replace(g->c, &g->other, k, joined, (size_t)n) != 0) {
        note_same(g, REMARK_SAME_MANY, held->place);
        return;
    }
    hold_bytes(g, held, &g->other);
    note_same(g, REMARK_SAME_MERGED, held->place);
}

static int give(struct audience *g, const char *row, size_t n, struct error *err)
{
    return g->sink->row(g->sink->arg, row, n, err);
}

static int too_many(const struct audience *g, struct error *err)
{
    return remark_error(err, LIST_TOO_MANY, g->line, (unsigned long)g->c->max_audience);
}

/* One more person, whose values are raw: taken, joined with one before, or told. */
static int gather(struct audience *g, const struct csv_field *raw, struct error *err)
{
    uint32_t *before;
    bool fresh;

    g->report->rows++;
    if (row_make(g->c, raw, &g->row, on_remark, g) != 0) {
        g->report->refused++;
        return 0;
    }
    before = seen_add(&g->seen, key_of(g, &g->row),
                      g->hold ? (uint32_t)g->held_count : place_here(g), &fresh);
    if (!fresh && *before == PLACE_KNOWN) {
        g->report->known++;
        NOTE(g, REMARK_KNOWN);
        return 0;
    }
    if (!fresh) {
        g->report->merged++;
        if (g->hold)
            merge(g, &g->held[*before]);
        else
            note_same(g,
                      g->c->same_phone == SAME_PHONE_FIRST ? REMARK_SAME_PHONE : REMARK_SAME_PERSON,
                      *before);
        return 0;
    }
    if (g->c->max_audience != 0 && g->report->taken == g->c->max_audience)
        return too_many(g, err);
    g->report->taken++;
    if (!g->hold)
        return give(g, g->row.bytes, g->row.length, err);
    hold(g);
    return 0;
}

static int give_held(struct audience *g, struct error *err)
{
    size_t i;

    for (i = 0; i < g->held_count; i++)
        if (give(g, g->bytes + g->held[i].offset, g->held[i].length, err) != 0)
            return -1;
    return 0;
}

/* -------------------------------------------------------------------- from a file */
/* Which field of the file is which column of the campaign: -1 for none. */
static void find_fields(const struct campaign *c, const struct headings *h,
                        int fields[CAMPAIGN_MAX_COLUMNS])
{
    size_t k, i;

    for (k = 0; k < c->column_count; k++) {
        fields[k] = -1;
        for (i = 0; i < h->count; i++)
            if (strcmp(h->names[i], c->columns[k]) == 0)
                fields[k] = (int)i;
    }
}

/* A list in which nobody can be reached is the wrong list. */
static int check_addresses(const struct campaign *c, const char *path, const struct headings *h,
                           struct error *err)
{
    const char *channel = c->channels[0];
    char list[SHOWN_COLUMNS_BYTES];
    size_t k;

    for (k = 0; k < c->channel_count; k++)
        if (has_name(h, c->channels[k]))
            return 0;
    list_headings(h, list);
    if (form_meant_channel(channel) != NULL)
        return tree_error(err, tree_member(c->document, "channels"),
                          "\"%s\": the list has no such column; did you mean \"%s\"?", channel,
                          form_meant_channel(channel));
    if (c->audience_file_count > 0 && strcmp(c->audience_files[0], "-") == 0)
        return remark_error(err, LIST_LATE_ADDRESS, path, column_words(channel),
                            list); /* of `outreach add` */
    if (column_is_phone(channel))
        return remark_error(err, LIST_NO_PHONES, path, list, channel);
    return remark_error(err, LIST_NO_ADDRESS, path, channel, list, channel);
}

int audience_check_file(const struct campaign *c, const char *path, struct error *err)
{
    struct headings h = {0};
    struct source s;
    int rc;

    if (source_open(&s, path, tree_get(c->document, "audience"), err) != 0)
        return -1;
    rc = read_headings(&s, tree_get(c->document, "audience"), &h, err);
    if (rc == 0)
        rc = check_addresses(c, path, &h, err);
    headings_free(&h);
    source_close(&s);
    return rc;
}

static void remark_fault(struct audience *g, enum csv_fault fault)
{
    g->report->rows++;
    g->report->refused++;
    on_remark(g, true, remark_write((char[REMARK_BYTES]){""}, fault_remarks[fault]));
}

static int gather_row(struct audience *g, const struct csv_row *row, size_t headings,
                      const int fields[CAMPAIGN_MAX_COLUMNS], struct error *err)
{
    struct csv_field raw[CAMPAIGN_MAX_COLUMNS];
    size_t k;

    g->line = row->number;
    if (row->fault != CSV_FINE) {
        remark_fault(g, row->fault);
        return 0;
    }
    if (is_blank(row))
        return 0;
    if (row->count != headings && !(g->book && row->count < headings))
        NOTE(g, row->count < headings ? REMARK_FEWER : REMARK_MORE, (unsigned long)row->count,
             (unsigned long)headings);
    for (k = 0; k < g->c->column_count; k++)
        raw[k] = fields[k] >= 0 && (size_t)fields[k] < row->count ? row->fields[fields[k]]
                                                                  : (struct csv_field){"", 0};
    return gather(g, raw, err);
}

/* Two columns of numbers, and nobody said which: the first is used, the other told. */
static void remark_second_phones(struct audience *g, const struct headings *h)
{
    size_t i, used;

    if (tree_get(g->c->document, "audience.columns.sms") != NULL)
        return;
    for (used = 0; used < h->count && strcmp(h->names[used], "sms") != 0; used++)
        ;
    g->line = h->row;
    for (i = used + 1; i < h->count; i++) {
        const char *known = column_known(h->written[i], strlen(h->written[i]));

        if (known != NULL && strcmp(known, "sms") == 0)
            NOTE(g, REMARK_SECOND_PHONES, h->written[i], h->written[used]);
    }
}

static int gather_file(struct audience *g, struct source *s, const struct headings *h,
                       const char **headings, struct error *err)
{
    int fields[CAMPAIGN_MAX_COLUMNS], rc;
    struct csv_row row;

    if (check_addresses(g->c, s->path, h, err) != 0)
        return -1;
    g->book = s->book != NULL;
    remark_second_phones(g, h);
    find_fields(g->c, h, fields);
    for (size_t k = 0; k < g->c->column_count; k++)
        headings[k] = fields[k] >= 0 ? h->written[fields[k]] : NULL;
    g->row.headings = headings; /* the caller takes them away */
    while ((rc = source_next(s, &row, err)) == 1) {
        if (gather_row(g, &row, h->count, fields, err) != 0)
            return -1;
        if (row.number % PROGRESS_ROWS == 0 && g->sink->progress != NULL)
            g->sink->progress(g->sink->arg, s->bytes, s->total_bytes);
    }
    if (rc != 0)
        return -1;
    if (g->sink->progress != NULL)
        g->sink->progress(g->sink->arg, s->bytes, s->total_bytes);
    return 0;
}

int audience_add_file(struct audience *g, const char *path, struct error *err)
{
    const struct campaign *c = g->c;
    const char *slash = strrchr(path, '/'), *headings[CAMPAIGN_MAX_COLUMNS];
    struct headings h = {0};
    struct source s;
    int rc = source_open(&s, path, tree_get(c->document, "audience"), err);

    if (rc == 0) {
        begin_origin(g, slash != NULL ? slash + 1 : path);
        rc = read_headings(&s, tree_get(c->document, "audience"), &h, err);
        if (rc == 0)
            rc = gather_file(g, &s, &h, headings, err);
        g->row.headings = NULL;
        source_close(&s);
    }
    headings_free(&h);
    return rc;
}

void audience_begin_register(struct audience *g)
{
    begin_origin(g, remark_write((char[REMARK_BYTES]){""}, REMARK_REGISTER));
}

int audience_add_person(struct audience *g, unsigned long number, const struct csv_field *raw,
                        struct error *err)
{
    g->line = number;
    return gather(g, raw, err);
}

void audience_known(struct audience *g, const char *row, size_t n)
{
    bool fresh;

    if (n >= sizeof g->other.bytes || campaign_row_split(g->c, row, n, g->other.values) != 0)
        return;
    seen_add(&g->seen, key_of(g, &g->other), PLACE_KNOWN, &fresh);
}

int audience_end(struct audience *g, struct error *err)
{
    return give_held(g, err);
}

int audience_read_file(const struct campaign *c, const char *path, const struct audience_sink *sink,
                       struct audience_report *report, struct error *err)
{
    struct audience *g = audience_begin(c, sink, report);
    int rc = audience_add_file(g, path, err);

    if (rc == 0)
        rc = audience_end(g, err);
    audience_free(g);
    return rc;
}

/* ------------------------------------------------------------------------- inline */
/* The value of a column among a recipient's members, whatever they call it. */
static int find_member(const struct tree *recipient, const char *column, char number[32],
                       struct csv_field *out)
{
    const struct tree *one = tree_member(recipient, column);
    const char *ours;

    *out = (struct csv_field){"", 0};
    if (one == NULL)
        for (one = recipient->first; one != NULL; one = one->next) {
            ours = column_known(one->name, strlen(one->name));
            if (ours != NULL && strcmp(ours, column) == 0)
                break;
        }
    if (one == NULL || one->kind == TREE_NULL)
        return 0;
    if (one->kind == TREE_STRING) {
        *out = (struct csv_field){one->string, strlen(one->string)};
        return out->length <= CSV_ROW_BYTES ? 0 : -1;
    }
    if (one->kind != TREE_INT)
        return -1;
    out->bytes = number;
    out->length = (size_t)snprintf(number, 32, "%lld", (long long)one->integer);
    return 0;
}

static int gather_recipient(struct audience *g, const struct tree *recipient, struct error *err)
{
    struct csv_field raw[CAMPAIGN_MAX_COLUMNS];
    char numbers[CAMPAIGN_MAX_COLUMNS][32];
    bool good = recipient->kind == TREE_OBJECT && recipient->count <= CSV_MAX_FIELDS;
    size_t k;

    for (k = 0; good && k < g->c->column_count; k++)
        good = find_member(recipient, g->c->columns[k], numbers[k], &raw[k]) == 0;
    if (good)
        return gather(g, raw, err);
    g->report->rows++;
    g->report->refused++;
    on_remark(g, true, remark_write((char[REMARK_BYTES]){""}, REMARK_NOT_A_ROW));
    return 0;
}

int audience_read_inline(const struct campaign *c, const struct tree *recipients,
                         const struct audience_sink *sink, struct audience_report *report,
                         struct error *err)
{
    struct audience *g = audience_begin(c, sink, report);
    const struct tree *one;
    int rc = 0;

    if (recipients->kind != TREE_LIST)
        rc = tree_error(err, recipients, "expected a list of recipients");
    for (one = rc == 0 ? recipients->first : NULL; one != NULL && rc == 0; one = one->next) {
        g->line++;
        rc = gather_recipient(g, one, err);
        if (g->line % PROGRESS_ROWS == 0 && sink->progress != NULL)
            sink->progress(sink->arg, g->line, recipients->count);
    }
    if (rc == 0)
        rc = give_held(g, err);
    audience_free(g);
    return rc;
}

int audience_read_group(const struct campaign *c, const struct audience_sink *sink,
                        struct audience_report *report, struct error *err)
{
    char row[CAMPAIGN_MAX_COLUMNS];

    memset(row, ROW_SEPARATOR, sizeof row);
    *report = (struct audience_report){.rows = 1, .taken = 1};
    return sink->row(sink->arg, row, c->column_count - 1, err);
}
