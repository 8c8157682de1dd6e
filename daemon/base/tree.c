#include "tree.h"

#include "buf.h"
#include "error.h"
#include "language.h"
#include "mem.h"
#include "syntax.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <libconfig.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_DEPTH 32
#define MAX_INCLUDE_DEPTH 8
#define SHOWN_BYTES 88 /* of a line that cannot be read */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* The top node comes first, so that a pointer to it is one to the document. */
struct document {
    struct tree top;
    struct arena arena;
};

static const char *const kind_names[] = {
    [TREE_OBJECT] = N_("an object"), [TREE_LIST] = N_("a list"),
    [TREE_STRING] = N_("a string"),  [TREE_INT] = N_("an integer"),
    [TREE_FLOAT] = N_("a number"),   [TREE_BOOL] = N_("true or false"),
    [TREE_NULL] = N_("null"),
};

const char *tree_kind_name(enum tree_kind kind)
{
    return language_text(kind_names[kind]);
}

void tree_free(struct tree *t)
{
    struct document *doc = (struct document *)t;

    if (doc == NULL)
        return;
    arena_free(&doc->arena);
    free(doc);
}

static struct tree *node_create(struct document *doc, struct tree *parent, enum tree_kind kind)
{
    struct tree *t = parent == NULL ? &doc->top : arena_alloc(&doc->arena, sizeof *t);

    memset(t, 0, sizeof *t);
    t->kind = kind;
    t->parent = parent;
    return t;
}

/* ------------------------------------------------- libconfig: the source first */

/* The source with its includes put in and its integers made 64 bits wide, and
 * for every line of it the file and line that it came from. */
struct source {
    struct buf text;
    struct origin {
        const char *file;
        int line;
    } * origins;
    size_t lines, room;
    size_t marks;        /* of punctuation and strings: about two a setting, one an element */
    struct arena *arena; /* of the files' names */

    /* The first integer that is refused, and its line in the text: a line that libconfig
     * cannot read goes before it, since behind a missing quote anything looks like one. */
    struct error integer;
    size_t integer_line; /* 0: none */
};

struct scanner {
    struct source *source;
    const char *file;
    const char *at, *end;
    int line;
    int include_depth;
    struct error *err;
    int long_text; /* where the first string begins that goes over its line's end; 0 */
};

static int source_add_file(struct source *s, const char *path, int include_depth,
                           struct error *err);

static int scan_fail(const struct scanner *sc, const char *what)
{
    return error_set(sc->err, "%s:%d: %s", sc->file, sc->line, language_text(what));
}

/* Every line of the text is noted when it begins. */
static void note_line(struct scanner *sc)
{
    struct source *s = sc->source;

    if (s->lines == s->room) {
        s->room = s->room ? s->room * 2 : 64;
        s->origins = xreallocarray(s->origins, s->room, sizeof *s->origins);
    }
    s->origins[s->lines++] = (struct origin){sc->file, sc->line};
}

static void take(struct scanner *sc, size_t n)
{
    while (n-- > 0) {
        char c = *sc->at++;

        buf_putc(&sc->source->text, c);
        if (c == '\n') {
            sc->line++;
            note_line(sc);
        }
    }
}

static bool looking_at(const struct scanner *sc, const char *s)
{
    size_t n = strlen(s);

    return (size_t)(sc->end - sc->at) >= n && memcmp(sc->at, s, n) == 0;
}

static void take_line_comment(struct scanner *sc)
{
    while (sc->at < sc->end && *sc->at != '\n')
        take(sc, 1);
}

static int take_block_comment(struct scanner *sc)
{
    struct scanner start = *sc;

    take(sc, 2);
    while (sc->at < sc->end && !looking_at(sc, "*/"))
        take(sc, 1);
    if (sc->at == sc->end)
        return scan_fail(&start, "this comment is not closed");
    take(sc, 2);
    return 0;
}

static int take_string(struct scanner *sc)
{
    struct scanner start = *sc;

    take(sc, 1);
    while (sc->at < sc->end && *sc->at != '"') {
        if (looking_at(sc, "\\x00"))
            return scan_fail(sc, "a string cannot hold a zero byte");
        take(sc, *sc->at == '\\' && sc->end - sc->at > 1 ? 2 : 1);
    }
    if (sc->at == sc->end && sc->long_text > 0) { /* where the quote is missing, most likely */
        start.line = sc->long_text;
        return scan_fail(&start, "a quote (\") is missing, perhaps in this line: the text that "
                                 "begins here goes on in the next");
    }
    if (sc->at == sc->end)
        return scan_fail(&start, "this string is not closed");
    take(sc, 1);
    if (sc->long_text == 0 && sc->line > start.line)
        sc->long_text = start.line;
    return 0;
}

static void take_name(struct scanner *sc)
{
    while (sc->at < sc->end && (isalnum((unsigned char)*sc->at) || strchr("-_*", *sc->at) != NULL))
        take(sc, 1);
}

static void refuse_integer(const struct scanner *sc, const char *what)
{
    struct source *s = sc->source;

    if (s->integer_line > 0)
        return;
    s->integer_line = s->lines;
    error_set(&s->integer, "%s:%d: %s", sc->file, sc->line, language_text(what));
}

/* Checks the integer in [p, p + n), which stands without a suffix. */
static void check_integer(const struct scanner *sc, const char *p, size_t n)
{
    char digits[32];
    const char *bare;
    int base;

    if (n >= sizeof digits) {
        refuse_integer(sc, "this integer does not fit in 64 bits");
        return;
    }
    memcpy(digits, p, n);
    digits[n] = '\0';
    bare = digits + (*digits == '-' || *digits == '+');
    base = bare[0] == '0' && (bare[1] == 'x' || bare[1] == 'X') ? 16 : 10;
    errno = 0;
    strtoll(digits, NULL, base);
    if (base == 10 && bare[0] == '0' && bare[1] != '\0')
        refuse_integer(sc, "an integer does not begin with 0 here: what is meant, octal or "
                           "decimal? A text of digits goes in quotes");
    else if (errno == ERANGE)
        refuse_integer(sc, "this integer does not fit in 64 bits");
}

/* An integer gets the L that makes libconfig read it whole; a float passes. */
static void take_number(struct scanner *sc)
{
    const char *p = sc->at + (*sc->at == '-' || *sc->at == '+'), *digits = p;
    bool hex = sc->end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X');

    p += hex ? 2 : 0;
    while (p < sc->end && (hex ? isxdigit((unsigned char)*p) : isdigit((unsigned char)*p)))
        p++;
    if (!hex && p < sc->end && strchr(".eE", *p) != NULL) {
        while (p < sc->end && (isalnum((unsigned char)*p) || *p == '.' ||
                               ((*p == '-' || *p == '+') && (p[-1] == 'e' || p[-1] == 'E'))))
            p++;
        take(sc, (size_t)(p - sc->at));
        return;
    }
    if (p == digits) { /* a lone sign: libconfig says what it thinks of it */
        take(sc, 1);
        return;
    }
    check_integer(sc, sc->at, (size_t)(p - sc->at));
    take(sc, (size_t)(p - sc->at));
    buf_putc(&sc->source->text, 'L');
    for (int i = 0; i < 2 && sc->at < sc->end && *sc->at == 'L'; i++)
        sc->at++;
}

/* Puts the named file in place of the directive. */
static int take_include(struct scanner *sc)
{
    const char *name = memchr(sc->at, '"', (size_t)(sc->end - sc->at));
    const char *line_end = memchr(sc->at, '\n', (size_t)(sc->end - sc->at));
    const char *close, *slash = strrchr(sc->file, '/');
    struct error inner;
    char *path;
    int rc;

    line_end = line_end != NULL ? line_end : sc->end;
    close = name == NULL || name >= line_end ? NULL
                                             : memchr(name + 1, '"', (size_t)(line_end - name - 1));
    if (close == NULL)
        return scan_fail(sc, "@include is followed by a file name in quotes");
    if (sc->include_depth == MAX_INCLUDE_DEPTH)
        return scan_fail(sc, "includes go too deep: does a file include itself?");
    name++;
    path = *name == '/' || slash == NULL ? xstrndup(name, (size_t)(close - name))
                                         : xasprintf("%.*s/%.*s", (int)(slash - sc->file), sc->file,
                                                     (int)(close - name), name);
    sc->at = close + 1;
    buf_putc(&sc->source->text, '\n'); /* the included file has lines of its own */
    rc = source_add_file(sc->source, path, sc->include_depth + 1, &inner);
    free(path);
    if (rc != 0)
        return error_set(sc->err, "%s (included at %s:%d)", inner.text, sc->file, sc->line);
    buf_putc(&sc->source->text, '\n');
    note_line(sc);
    return 0;
}

static bool scan_over_limits(struct scanner *sc, int depth)
{
    if (depth >= MAX_DEPTH) /* the file itself is the first level, as in JSON */
        scan_fail(sc, "nested too deep (at most 32 levels)");
    else if (buf_overflowed(&sc->source->text))
        scan_fail(sc, "too large: a configuration has at most 1 MiB with its includes");
    else if (sc->source->marks > TREE_CONFIG_MARKS) /* libconfig looks through all for each */
        scan_fail(sc, "too much in one file: a list of people goes into a spreadsheet beside it");
    else
        return false;
    return true;
}

static int scan_token(struct scanner *sc)
{
    if (*sc->at == '#' || looking_at(sc, "//")) {
        take_line_comment(sc);
        return 0;
    }
    if (looking_at(sc, "/*"))
        return take_block_comment(sc);
    if (*sc->at == '"')
        return take_string(sc);
    if (looking_at(sc, "@include"))
        return take_include(sc);
    if (isalpha((unsigned char)*sc->at) || *sc->at == '*') {
        take_name(sc);
        return 0;
    }
    if (isdigit((unsigned char)*sc->at) || *sc->at == '-' || *sc->at == '+' || *sc->at == '.')
        take_number(sc);
    else
        take(sc, 1);
    return 0;
}

/* libconfig would stop at a zero byte and say nothing about what is behind it. */
static int refuse_zero_bytes(struct scanner *sc)
{
    const char *zero = sc->at == sc->end ? NULL : memchr(sc->at, '\0', (size_t)(sc->end - sc->at));

    if (zero == NULL)
        return 0;
    for (; sc->at < zero; sc->at++)
        sc->line += *sc->at == '\n';
    return scan_fail(sc, "a zero byte: this is no text file");
}

static int source_add_text(struct source *s, const char *text, size_t n, const char *file,
                           int include_depth, struct error *err)
{
    struct scanner sc = {
        s, arena_strndup(s->arena, file, strlen(file)), text, text + n, 1, include_depth, err, 0};
    int depth = 0;

    note_line(&sc);
    if (refuse_zero_bytes(&sc) != 0)
        return -1;
    if (looking_at(&sc, BYTE_ORDER_MARK))
        sc.at += 3;
    while (sc.at < sc.end) {
        depth += strchr("({[", *sc.at) != NULL;
        depth -= strchr(")}]", *sc.at) != NULL;
        s->marks += strchr("=:,({[\"", *sc.at) != NULL;
        if (scan_over_limits(&sc, depth) || scan_token(&sc) != 0)
            return -1;
    }
    return buf_overflowed(&s->text) ? scan_fail(&sc, "too large: a configuration has at most 1 MiB "
                                                     "with its includes")
                                    : 0;
}

static int source_add_file(struct source *s, const char *path, int include_depth, struct error *err)
{
    char *text = NULL;
    size_t n;
    int rc = -1;
    FILE *f = fopen(path, "re");

    if (f == NULL)
        return error_set(err, "%s: %s", path, language_errno(errno));
    text = xmalloc(TREE_CONFIG_BYTES + 1);
    n = fread(text, 1, TREE_CONFIG_BYTES + 1, f);
    if (ferror(f))
        error_set(err, "%s: %s", path, language_errno(errno));
    else if (n > TREE_CONFIG_BYTES)
        error_set(err, "%s: too large: a configuration has at most 1 MiB", path);
    else
        rc = source_add_text(s, text, n, path, include_depth, err);
    fclose(f);
    free(text);
    return rc;
}

/* --------------------------------------------------- libconfig: to the tree */

static struct origin origin_of(const struct source *s, unsigned line)
{
    return s->origins[line == 0 ? 0 : line <= s->lines ? line - 1 : s->lines - 1];
}

/* A string that libconfig read; the tree promises UTF-8. */
static int convert_string(struct document *doc, struct tree *t, const char *s, struct error *err)
{
    json_t *checked = json_string(s);

    if (checked == NULL)
        return tree_error(err, t, "this text is not UTF-8: save the file as UTF-8");
    json_decref(checked);
    t->string = arena_strndup(&doc->arena, s, strlen(s));
    return 0;
}

static struct tree *convert_setting(struct document *doc, const struct source *src,
                                    const config_setting_t *cs, struct tree *parent,
                                    struct error *err);

static int convert_children(struct document *doc, const struct source *src,
                            const config_setting_t *cs, struct tree *t, struct error *err)
{
    struct tree **tail = &t->first;
    int n = config_setting_length(cs);

    for (int i = 0; i < n; i++) {
        *tail = convert_setting(doc, src, config_setting_get_elem(cs, (unsigned)i), t, err);
        if (*tail == NULL)
            return -1;
        tail = &(*tail)->next;
        t->count++;
    }
    return 0;
}

static struct tree *convert_setting(struct document *doc, const struct source *src,
                                    const config_setting_t *cs, struct tree *parent,
                                    struct error *err)
{
    static const enum tree_kind kinds[] = {
        [CONFIG_TYPE_GROUP] = TREE_OBJECT,  [CONFIG_TYPE_INT] = TREE_INT,
        [CONFIG_TYPE_INT64] = TREE_INT,     [CONFIG_TYPE_FLOAT] = TREE_FLOAT,
        [CONFIG_TYPE_STRING] = TREE_STRING, [CONFIG_TYPE_BOOL] = TREE_BOOL,
        [CONFIG_TYPE_ARRAY] = TREE_LIST,    [CONFIG_TYPE_LIST] = TREE_LIST,
    };
    struct tree *t = node_create(doc, parent, kinds[config_setting_type(cs)]);
    struct origin o = origin_of(src, config_setting_source_line(cs));
    const char *name = config_setting_name(cs);
    int rc = 0;

    t->file = o.file;
    t->line = o.line;
    t->name = name == NULL ? NULL : arena_strndup(&doc->arena, name, strlen(name));
    if (t->kind == TREE_INT)
        t->integer = config_setting_get_int64(cs);
    else if (t->kind == TREE_BOOL)
        t->truth = config_setting_get_bool(cs);
    else if (t->kind == TREE_STRING)
        rc = convert_string(doc, t, config_setting_get_string(cs), err);
    else if (t->kind == TREE_FLOAT && !isfinite(t->number = config_setting_get_float(cs)))
        rc = tree_error(err, t, "this number is too large");
    else if (t->kind <= TREE_LIST)
        rc = convert_children(doc, src, cs, t, err);
    return rc == 0 ? t : NULL;
}

/* The text of the file that o names, NUL-terminated, for the caller to free: text where that
 * is the file, else the file is read again; "" if it is gone. */
static char *text_of(const char *text, size_t n, const char *where, struct origin o)
{
    char *whole;
    FILE *f;

    if (text != NULL && strcmp(o.file, where) == 0)
        return xstrndup(text, n);
    f = fopen(o.file, "re");
    whole = xcalloc(1, TREE_CONFIG_BYTES + 1);
    if (f != NULL) {
        whole[fread(whole, 1, TREE_CONFIG_BYTES, f)] = '\0';
        fclose(f);
    }
    return whole;
}

/* What stands in a line, cut, and cut at its first quote: it may be a password. */
static void show_line(const char *from, int line, char out[SHOWN_BYTES])
{
    size_t n;

    for (int i = 1; i < line && *from != '\0'; i += *from++ == '\n')
        ;
    from += strspn(from, " \t");
    n = strcspn(from, "\"\r\n");
    while (n > 0 && isspace((unsigned char)from[n - 1]))
        n--;
    n = n < SHOWN_BYTES - 8 ? n : SHOWN_BYTES - 8;
    while (n > 0 && ((unsigned char)from[n] & 0xc0) == 0x80) /* not within a character */
        n--;
    snprintf(out, SHOWN_BYTES, "%.*s%s", (int)n, from,
             strchr("\r\n", from[n]) == NULL ? " ..." : "");
}

/* libconfig has refused the file: what it says of it, and what that may come from. */
static void explain(const config_t *config, const char *text, size_t n, const char *where,
                    struct origin o, struct error *err)
{
    static const char *const others[] = {N_("duplicate setting name"),
                                         N_("mismatched element type in array")};
    char *whole = text_of(text, n, where, o), line[SHOWN_BYTES];
    const char *from = strncmp(whole, BYTE_ORDER_MARK, 3) == 0 ? whole + 3 : whole;
    const char *says = config_error_text(config);
    struct error why;

    (void)others;
    show_line(from, o.line, line);
    if (strcmp(says, "syntax error") == 0) {
        syntax_error(from, o.line, &why);
        if (line[0] != '\0')
            error_set(err, "%s:%d: syntax error: %s (%s)", o.file, o.line, line, why.text);
        else
            error_set(err, "%s:%d: syntax error: %s", o.file, o.line, why.text);
    } else {
        error_set(&why, "%s: %s", language_text(says), line);
        error_set(err, "%s:%d: %s", o.file, o.line, line[0] ? why.text : language_text(says));
    }
    free(whole);
}

static struct tree *parse_source(struct document *doc, struct source *src, const char *text,
                                 size_t n, const char *where, struct error *err)
{
    struct tree *t = NULL;
    config_t config;
    bool read;
    unsigned line;

    config_init(&config);
    read = config_read_string(&config, buf_string(&src->text)) == CONFIG_TRUE;
    line = read ? 0 : (unsigned)config_error_line(&config);
    if (src->integer_line > 0 && (read || line >= src->integer_line))
        error_set(err, "%s", src->integer.text);
    else if (read)
        t = convert_setting(doc, src, config_root_setting(&config), NULL, err);
    else
        explain(&config, text, n, where, origin_of(src, line), err);
    config_destroy(&config);
    return t;
}

/* text may be NULL: then where is a file to read. */
static struct tree *read_source(const char *text, size_t n, const char *where, struct error *err)
{
    struct document *doc = xcalloc(1, sizeof *doc);
    struct source src = {.text = BUF_INIT(2 * TREE_CONFIG_BYTES), .arena = &doc->arena};
    struct tree *t = NULL;
    int rc = text == NULL ? source_add_file(&src, where, 0, err)
                          : source_add_text(&src, text, n, where, 0, err);

    if (rc == 0)
        t = parse_source(doc, &src, text, n, where, err);
    buf_free(&src.text);
    free(src.origins);
    if (t == NULL)
        tree_free(&doc->top);
    return t;
}

struct tree *tree_read_config(const char *path, struct error *err)
{
    return read_source(NULL, 0, path, err);
}

struct tree *tree_parse_config(const char *text, size_t n, const char *where, struct error *err)
{
    return read_source(text, n, where, err);
}

/* ------------------------------------------------------------------- JSON */

static struct tree *convert_json(struct document *doc, const json_t *j, const char *name,
                                 struct tree *parent, int depth, struct error *err);

static int convert_elements(struct document *doc, const json_t *j, struct tree *t, int depth,
                            struct error *err)
{
    struct tree **tail = &t->first;
    const char *name;
    json_t *value;
    size_t i;

    if (depth == MAX_DEPTH)
        return tree_error(err, t, "nested too deep (at most %d levels)", MAX_DEPTH);
    t->count = json_is_object(j) ? json_object_size(j) : json_array_size(j);
    json_object_foreach((json_t *)j, name, value)
    {
        if ((*tail = convert_json(doc, value, name, t, depth + 1, err)) == NULL)
            return -1;
        tail = &(*tail)->next;
    }
    json_array_foreach(j, i, value)
    {
        if ((*tail = convert_json(doc, value, NULL, t, depth + 1, err)) == NULL)
            return -1;
        tail = &(*tail)->next;
    }
    return 0;
}

static struct tree *convert_json(struct document *doc, const json_t *j, const char *name,
                                 struct tree *parent, int depth, struct error *err)
{
    static const enum tree_kind kinds[] = {
        [JSON_OBJECT] = TREE_OBJECT, [JSON_ARRAY] = TREE_LIST, [JSON_STRING] = TREE_STRING,
        [JSON_INTEGER] = TREE_INT,   [JSON_REAL] = TREE_FLOAT, [JSON_TRUE] = TREE_BOOL,
        [JSON_FALSE] = TREE_BOOL,    [JSON_NULL] = TREE_NULL,
    };
    struct tree *t = node_create(doc, parent, kinds[json_typeof(j)]);

    t->name = name == NULL ? NULL : arena_strndup(&doc->arena, name, strlen(name));
    if (t->kind == TREE_STRING)
        t->string = arena_strndup(&doc->arena, json_string_value(j), json_string_length(j));
    else if (t->kind == TREE_INT)
        t->integer = json_integer_value(j);
    else if (t->kind == TREE_FLOAT)
        t->number = json_real_value(j);
    else if (t->kind == TREE_BOOL)
        t->truth = json_is_true(j);
    else if (t->kind <= TREE_LIST && convert_elements(doc, j, t, depth, err) != 0)
        return NULL;
    return t;
}

/* Every value but the first follows one of these. A value costs a hundred times its byte. */
static size_t json_values(const char *text, size_t n)
{
    size_t count = 1;
    bool quoted = false;

    for (size_t i = 0; i < n; i++)
        if (text[i] == '"')
            quoted = !quoted;
        else if (quoted)
            i += text[i] == '\\';
        else
            count += text[i] == ',' || text[i] == '[' || text[i] == '{';
    return count;
}

struct tree *tree_parse_json(const char *text, size_t n, const char *where, struct error *err)
{
    const char *before = where == NULL ? "" : where, *colon = where == NULL ? "" : ": ";
    struct document *doc;
    struct tree *t;
    json_error_t je;
    json_t *j;

    if (n > TREE_JSON_BYTES) {
        error_set(err, "%s%stoo large: at most %u MiB", before, colon, TREE_JSON_BYTES >> 20);
        return NULL;
    }
    if (json_values(text, n) > TREE_JSON_VALUES) {
        error_set(err, "%s%stoo large: at most %u values", before, colon, TREE_JSON_VALUES);
        return NULL;
    }
    j = json_loadb(text, n, JSON_REJECT_DUPLICATES, &je);
    if (j == NULL) {
        error_set(err, "%s%sline %d, column %d: %s", before, colon, je.line, je.column, je.text);
        return NULL;
    }
    doc = xcalloc(1, sizeof *doc);
    t = convert_json(doc, j, NULL, NULL, 0, err);
    json_decref(j);
    if (t == NULL)
        tree_free(&doc->top);
    return t;
}

/* -------------------------------------------------------------- looking up */

static const struct tree *child_at(const struct tree *t, const char *name, size_t n)
{
    const struct tree *c = t->first;
    char *end;
    unsigned long i;

    if (t->kind == TREE_OBJECT) {
        while (c != NULL && (strncmp(c->name, name, n) != 0 || c->name[n] != '\0'))
            c = c->next;
        return c;
    }
    if (n == 0 || !isdigit((unsigned char)*name))
        return NULL;
    i = strtoul(name, &end, 10);
    if (t->kind != TREE_LIST || end != name + n || i >= t->count)
        return NULL;
    while (i-- > 0)
        c = c->next;
    return c;
}

const struct tree *tree_get(const struct tree *t, const char *path)
{
    while (t != NULL && *path != '\0') {
        size_t n = strcspn(path, ".");

        t = child_at(t, path, n);
        path += n + (path[n] == '.');
    }
    return t;
}

const struct tree *tree_member(const struct tree *t, const char *name)
{
    return t->kind == TREE_OBJECT ? child_at(t, name, strlen(name)) : NULL;
}

const char *tree_string(const struct tree *t, const char *path, const char *otherwise)
{
    const struct tree *found = tree_get(t, path);

    return found != NULL && found->kind == TREE_STRING ? found->string : otherwise;
}

static bool is_pair(const struct tree *t)
{
    return t->kind == TREE_LIST && t->count == 2 && t->first->kind == TREE_STRING;
}

int tree_pairs(const struct tree *t, tree_pair_fn *fn, void *arg, struct error *err)
{
    if (t->kind != TREE_OBJECT && t->kind != TREE_LIST)
        return tree_error(err, t,
                          "expected names with values: { name = value; } or ( ( \"name\", "
                          "value ) ), found %s",
                          tree_kind_name(t->kind));
    if (t->count > TREE_PAIRS)
        return tree_error(err, t, "too many names: at most %u", TREE_PAIRS);
    for (const struct tree *c = t->first; c != NULL; c = c->next) {
        const struct tree *before = t->first;

        if (t->kind == TREE_OBJECT) {
            if (fn(arg, c->name, c, err) != 0)
                return -1;
            continue;
        }
        if (!is_pair(c))
            return tree_error(err, c, "expected a pair: ( \"name\", value )");
        while (before != c && strcmp(before->first->string, c->first->string) != 0)
            before = before->next;
        if (before != c)
            return tree_error(err, c, "\"%s\" is given twice", c->first->string);
        if (fn(arg, c->first->string, c->first->next, err) != 0)
            return -1;
    }
    return 0;
}

/* ------------------------------------------------------------ where it stands */

static size_t index_of(const struct tree *t)
{
    size_t i = 0;

    for (const struct tree *c = t->parent->first; c != t && c != NULL; c = c->next)
        i++;
    return i; /* of one not linked in yet: the number of those before it */
}

static void put_path(const struct tree *t, struct buf *b)
{
    if (t->parent == NULL)
        return;
    put_path(t->parent, b);
    if (t->name == NULL)
        buf_printf(b, "[%zu]", index_of(t));
    else
        buf_printf(b, "%s%s", b->length == 0 ? "" : ".", t->name);
}

const char *tree_path(const struct tree *node, char *out, size_t size)
{
    struct buf b = BUF_INIT(4096);

    put_path(node, &b);
    snprintf(out, size, "%s", buf_string(&b));
    buf_free(&b);
    return out;
}

static struct {
    tree_mistake_fn *fn;
    void *arg;
    unsigned hushed;
} listener;

void tree_listen(tree_mistake_fn *fn, void *arg)
{
    listener.fn = fn;
    listener.arg = arg;
}

void tree_hush(bool hush)
{
    if (hush)
        listener.hushed++;
    else
        listener.hushed--;
}

bool tree_is_heard(void)
{
    return listener.fn != NULL && listener.hushed == 0;
}

int tree_error(struct error *err, const struct tree *node, const char *format, ...)
{
    char path[256], text[640];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, language_text(format), ap);
    va_end(ap);
    tree_path(node, path, sizeof path);
    if (node->file == NULL && *path == '\0')
        error_set(err, "%s", text);
    else if (node->file == NULL)
        error_set(err, "%s: %s", path, text);
    else if (*path == '\0')
        error_set(err, "%s:%d: %s", node->file, node->line, text);
    else
        error_set(err, "%s:%d: %s: %s", node->file, node->line, path, text);
    if (tree_is_heard() && err != NULL)
        listener.fn(listener.arg, node, err->text);
    return -1;
}

/* ------------------------------------------------------------------ writing */

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct tree *const *)a)->name, (*(const struct tree *const *)b)->name);
}

static void write_object(const struct tree *t, struct buf *out)
{
    const struct tree **members = xreallocarray(NULL, t->count + 1, sizeof *members);
    size_t n = 0;

    for (const struct tree *c = t->first; c != NULL; c = c->next)
        members[n++] = c;
    qsort(members, n, sizeof *members, by_name);
    buf_putc(out, '{');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_putc(out, ',');
        buf_put_json(out, members[i]->name, strlen(members[i]->name));
        buf_putc(out, ':');
        tree_write_json(members[i], out);
    }
    buf_putc(out, '}');
    free(members);
}

static void write_list(const struct tree *t, struct buf *out)
{
    buf_putc(out, '[');
    for (const struct tree *c = t->first; c != NULL; c = c->next) {
        tree_write_json(c, out);
        if (c->next != NULL)
            buf_putc(out, ',');
    }
    buf_putc(out, ']');
}

/* The shortest that reads back as the same; with a point, to stay a float. */
static void write_float(double x, struct buf *out)
{
    char text[40];

    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    buf_puts(out, text);
    if (strpbrk(text, ".e") == NULL)
        buf_puts(out, ".0");
}

void tree_write_json(const struct tree *t, struct buf *out)
{
    switch (t->kind) {
    case TREE_OBJECT:
        write_object(t, out);
        break;
    case TREE_LIST:
        write_list(t, out);
        break;
    case TREE_STRING:
        buf_put_json(out, t->string, strlen(t->string));
        break;
    case TREE_INT:
        buf_put_i64(out, t->integer);
        break;
    case TREE_FLOAT:
        write_float(t->number, out);
        break;
    case TREE_BOOL:
        buf_puts(out, t->truth ? "true" : "false");
        break;
    case TREE_NULL:
        buf_puts(out, "null");
        break;
    }
}
