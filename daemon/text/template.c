#include "template.h"

#include "buf.h"
#include "mem.h"
#include "utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A text is literal, value, literal, value, …, and a last literal. Offsets are
 * into the template's bytes, which hold literals and defaults. */
struct piece {
    uint32_t literal, literal_length; /* what stands before the value */
    uint32_t fallback, fallback_length;
    unsigned column;
    bool has_fallback;
};

struct template
{
    struct piece *pieces;
    size_t count;
    uint32_t tail, tail_length;
    unsigned *columns; /* distinct */
    size_t column_count;
    struct buf bytes;
};

struct compiler {
    struct template *template;
    const char *source, *end;
    uint32_t literal; /* where the literal that is being written begins */
    template_resolve_fn *resolve;
    void *arg;
    struct error *err;
};

/* Fails at a place of the source, given as a person counts: lines and
 * characters from 1. */
static int fail_at(struct compiler *c, const char *at)
{
    const char *p = c->source, *line_start = c->source;
    unsigned line = 1;
    size_t character;

    for (; p < at; p++)
        if (*p == '\n') {
            line++;
            line_start = p + 1;
        }
    character = utf8_count(line_start, (size_t)(at - line_start)) + 1;
    if (line == 1 && memchr(c->source, '\n', (size_t)(c->end - c->source)) == NULL)
        return error_prefix(c->err, "character %zu", character);
    return error_prefix(c->err, "line %u, character %zu", line, character);
}

static const char *find_pair(const char *p, const char *end, char brace)
{
    for (; end - p >= 2; p++)
        if (p[0] == brace && p[1] == brace)
            return p;
    return NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void trim(const char **from, const char **to)
{
    while (*from < *to && is_blank(**from))
        ++*from;
    while (*from < *to && is_blank((*to)[-1]))
        --*to;
}

static void use_column(struct template *t, unsigned column)
{
    size_t i;

    for (i = 0; i < t->column_count; i++)
        if (t->columns[i] == column)
            return;
    t->columns = xreallocarray(t->columns, t->column_count + 1, sizeof *t->columns);
    t->columns[t->column_count++] = column;
}

static void add_piece(struct compiler *c, unsigned column, const char *fallback, size_t length)
{
    struct template *t = c->template;
    struct piece *piece;

    t->pieces = xreallocarray(t->pieces, t->count + 1, sizeof *t->pieces);
    piece = &t->pieces[t->count++];
    *piece = (struct piece){
        .literal = c->literal,
        .literal_length = (uint32_t)t->bytes.length - c->literal,
        .fallback = (uint32_t)t->bytes.length,
        .fallback_length = (uint32_t)length,
        .column = column,
        .has_fallback = fallback != NULL,
    };
    if (fallback != NULL)
        buf_put(&t->bytes, fallback, length);
    c->literal = (uint32_t)t->bytes.length;
    use_column(t, column);
}

/* Between the braces: a name, and perhaps a bar and a default. */
static int compile_slot(struct compiler *c, const char *from, const char *to)
{
    const char *bar = memchr(from, '|', (size_t)(to - from));
    const char *name = from, *name_end = bar ? bar : to;
    const char *fallback = bar ? bar + 1 : NULL, *fallback_end = to;
    struct template_slot slot = {0};
    struct error why = {"unknown name"};
    int length;

    trim(&name, &name_end);
    length = (int)(name_end - name);
    if (bar != NULL)
        trim(&fallback, &fallback_end);
    if (length == 0)
        return error_set(c->err, "{{}} names nothing");
    if (memchr(name, '{', (size_t)length) || memchr(name, '}', (size_t)length) ||
        memchr(name, '\n', (size_t)length))
        return error_set(c->err, "{{%.*s}} is no name; is a }} missing?", length, name);
    if (bar != NULL && find_pair(fallback, fallback_end, '{') != NULL)
        return error_set(c->err, "the default of {{%.*s}} holds {{; is a }} missing?", length,
                         name);
    if (c->resolve(name, (size_t)length, &slot, c->arg, &why) != 0)
        return error_set(c->err, "{{%.*s}}: %s", length, name, why.text);

    if (slot.kind == TEMPLATE_COLUMN) {
        add_piece(c, slot.column, fallback, (size_t)(fallback ? fallback_end - fallback : 0));
        return 0;
    }
    if (slot.length > 0)
        buf_put(&c->template->bytes, slot.text, slot.length);
    else if (fallback != NULL)
        buf_put(&c->template->bytes, fallback, (size_t)(fallback_end - fallback));
    else
        return error_set(c->err, "{{%.*s}} is empty and has no default", length, name);
    return 0;
}

/* One step at p: a literal pair, a slot, or a byte of text. Returns where to go
 * on, or NULL; then *at is the place of the mistake. */
static const char *compile_step(struct compiler *c, const char *p, const char **at)
{
    struct buf *bytes = &c->template->bytes;
    const char *close;
    size_t left = (size_t)(c->end - p);

    *at = p;
    if (left >= 4 && (memcmp(p, "{{{{", 4) == 0 || memcmp(p, "}}}}", 4) == 0)) {
        buf_put(bytes, p, 2);
        return p + 4;
    }
    if (left >= 2 && p[0] == '}' && p[1] == '}') {
        error_set(c->err, "}} without {{ before it");
        return NULL;
    }
    if (left < 2 || p[0] != '{' || p[1] != '{') {
        buf_putc(bytes, *p);
        return p + 1;
    }
    close = find_pair(p + 2, c->end, '}');
    if (close == NULL) {
        error_set(c->err, "{{ without }} behind it");
        return NULL;
    }
    return compile_slot(c, p + 2, close) == 0 ? close + 2 : NULL;
}

struct template *template_compile(const char *source, size_t n, template_resolve_fn *resolve,
                                  void *arg, struct error *err)
{
    struct error unheard;
    struct compiler c = {
        .template = xcalloc(1, sizeof *c.template),
        .source = source,
        .end = source + n,
        .resolve = resolve,
        .arg = arg,
        .err = err ? err : &unheard,
    };
    struct template *t = c.template;
    const char *p = source, *at = source + utf8_valid(source, n);

    t->bytes = BUF_INIT(TEMPLATE_MAX_BYTES);
    if (n > TEMPLATE_MAX_BYTES) {
        error_set(c.err, "a text of %zu bytes; at most %d are taken", n, TEMPLATE_MAX_BYTES);
        goto fail;
    }
    if (at < c.end || (at = memchr(source, '\0', n)) != NULL) {
        error_set(c.err, "not valid UTF-8");
        fail_at(&c, at);
        goto fail;
    }
    while (p < c.end) {
        p = compile_step(&c, p, &at);
        if (p == NULL) {
            fail_at(&c, at);
            goto fail;
        }
    }
    if (buf_overflowed(&t->bytes)) {
        error_set(c.err, "a text of more than %d bytes", TEMPLATE_MAX_BYTES);
        goto fail;
    }
    t->tail = c.literal;
    t->tail_length = (uint32_t)t->bytes.length - c.literal;
    return t;

fail:
    template_destroy(t);
    return NULL;
}

void template_destroy(struct template *t)
{
    if (t == NULL)
        return;
    free(t->pieces);
    free(t->columns);
    buf_free(&t->bytes);
    free(t);
}

size_t template_slots(const struct template *t, const unsigned **columns)
{
    *columns = t->columns;
    return t->column_count;
}

/* Goes on counting behind the end of out, so that the caller learns the size. */
static inline size_t put(char *out, size_t size, size_t at, const char *bytes, size_t n)
{
    if (n <= size && at <= size - n)
        memcpy(out + at, bytes, n);
    return at + n;
}

enum template_status template_render(const struct template *t, const struct template_value *values,
                                     size_t count, char *out, size_t size, size_t *place)
{
    const char *bytes = t->bytes.data;
    size_t i, at = 0;

    for (i = 0; i < t->count; i++) {
        const struct piece *piece = &t->pieces[i];

        if (piece->literal_length > 0)
            at = put(out, size, at, bytes + piece->literal, piece->literal_length);
        if (piece->column < count && values[piece->column].length > 0) {
            at = put(out, size, at, values[piece->column].text, values[piece->column].length);
        } else if (!piece->has_fallback) {
            *place = piece->column;
            return TEMPLATE_EMPTY;
        } else if (piece->fallback_length > 0) {
            at = put(out, size, at, bytes + piece->fallback, piece->fallback_length);
        }
    }
    if (t->tail_length > 0)
        at = put(out, size, at, bytes + t->tail, t->tail_length);
    *place = at;
    return at <= size ? TEMPLATE_RENDERED : TEMPLATE_TOO_LONG;
}

enum template_status template_append(const struct template *t, const struct template_value *values,
                                     size_t count, struct buf *out, size_t *place)
{
    size_t size = out->capacity - out->length;
    enum template_status status;

    if (size > out->limit - out->length)
        size = out->limit - out->length;
    status =
        template_render(t, values, count, out->data ? out->data + out->length : NULL, size, place);
    if (status == TEMPLATE_TOO_LONG && *place <= out->limit - out->length) {
        size = *place;
        status = template_render(t, values, count, buf_room(out, size), size, place);
    }
    if (status == TEMPLATE_RENDERED)
        out->length += *place;
    return status;
}
