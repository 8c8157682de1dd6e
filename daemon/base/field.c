#include "field.h"

#include "error.h"
#include "language.h"
#include "mem.h"
#include "network.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_BYTES 4096
#define NAME_BYTES 64 /* longer names are not compared for a suggestion */

/* --------------------------------------------------------- durations, rates */

static const struct {
    const char *name;
    int64_t ms;
} units[] = {
    {"ms", 1},       {"s", 1000},       {"min", 60000},     {"h", 3600000},
    {"d", 86400000}, {"day", 86400000}, {"days", 86400000},
};

static int unit_ms(const char *name, int64_t *ms)
{
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(name, units[i].name) == 0) {
            *ms = units[i].ms;
            return 0;
        }
    }
    return -1;
}

/* Digits at text to *n; returns what follows, or NULL. */
static const char *digits(const char *text, int64_t *n)
{
    char *end;

    if (!isdigit((unsigned char)*text))
        return NULL;
    errno = 0;
    *n = strtoll(text, &end, 10);
    return errno == 0 ? end : NULL;
}

int field_duration(const char *text, int64_t *ms)
{
    const char *name = digits(text, ms);
    int64_t unit;

    if (name == NULL || unit_ms(name + (*name == ' '), &unit) != 0 ||
        __builtin_mul_overflow(*ms, unit, ms))
        return -1;
    return 0;
}

int field_rate(const char *text, int64_t *count, int64_t *period_ms)
{
    const char *period = digits(text, count);

    if (period == NULL || *period++ != '/' || *count < 1)
        return -1;
    if (unit_ms(period, period_ms) != 0 && field_duration(period, period_ms) != 0)
        return -1;
    return *period_ms >= 1 ? 0 : -1;
}

/* ------------------------------------------------------------------ secrets */

static const char *secret_from_env(const char *name, struct arena *arena, struct error *err)
{
    const char *value = getenv(name);

    if (value == NULL || *value == '\0') {
        error_set(err, "the environment has no %s", name);
        return NULL;
    }
    return arena_strndup(arena, value, strlen(value));
}

static const char *secret_from_file(const char *path, struct arena *arena, struct error *err)
{
    char text[SECRET_BYTES + 1];
    const char *secret = NULL;
    struct stat st;
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold us up */

    if (fd < 0 || fstat(fd, &st) != 0) {
        error_set(err, "%s: %s", path, language_errno(errno));
        goto out;
    }
    if (!S_ISREG(st.st_mode) || (st.st_mode & S_IRWXO) != 0) {
        error_set(err,
                  S_ISREG(st.st_mode) ? N_("%s: everybody may read this secret: chmod o-rwx")
                                      : N_("%s: is no regular file"),
                  path);
        goto out;
    }
    n = read(fd, text, sizeof text);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    if (n <= 0 || n > SECRET_BYTES || memchr(text, '\0', (size_t)n) != NULL)
        error_set(err, "%s: expected a secret of 1..%d bytes", path, SECRET_BYTES);
    else
        secret = arena_strndup(arena, text, (size_t)n);
    explicit_bzero(text, sizeof text);
out:
    if (fd >= 0)
        close(fd);
    return secret;
}

const char *field_secret(const char *spec, struct arena *arena, struct error *err)
{
    if (strncmp(spec, "@env:", 5) == 0)
        return secret_from_env(spec + 5, arena, err);
    if (strncmp(spec, "@file:", 6) == 0)
        return secret_from_file(spec + 6, arena, err);
    error_set(err,
              "a secret does not stand here itself: expected \"@file:/path\" or \"@env:NAME\"");
    return NULL;
}

/* --------------------------------------------------------------- suggestions */

#define MOST_SLIPS 2 /* more than that is another word */

/* The letters of a name, small, each as the number that its bytes make. */
static size_t letters_of(const char *s, uint32_t out[NAME_BYTES])
{
    size_t n = 0;

    for (; *s != '\0' && n < NAME_BYTES; s++)
        if (((unsigned char)*s & 0xc0) == 0x80 && n > 0)
            out[n - 1] = out[n - 1] << 8 | (unsigned char)*s;
        else
            out[n++] = (uint32_t)tolower((unsigned char)*s);
    return n;
}

/* Letters that are wrong, missing, too many or swapped with their neighbour. */
static size_t distance(const uint32_t *a, size_t m, const uint32_t *b, size_t n)
{
    size_t rows[3][NAME_BYTES + 1];

    for (size_t j = 0; j <= n; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

        now[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);

            best = best < last[j] + 1 ? best : last[j] + 1;
            best = best < now[j - 1] + 1 ? best : now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = best < before[j - 2] + 1 ? best : before[j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[m % 3][n];
}

const char *field_nearest(const char *name, const char *(*next)(const void *arg, size_t i),
                          const void *arg)
{
    uint32_t a[NAME_BYTES], b[NAME_BYTES];
    size_t m = letters_of(name, a), least = MOST_SLIPS + 1;
    const char *nearest = NULL, *candidate;

    for (size_t i = 0; (candidate = next(arg, i)) != NULL; i++) {
        size_t d = distance(a, m, b, letters_of(candidate, b));

        if (2 * d < m && d < least) {
            least = d;
            nearest = candidate;
        }
    }
    return nearest;
}

static const char *field_name_at(const void *arg, size_t i)
{
    const struct field *table = arg;

    return table[i].name;
}

/* ------------------------------------------------------------- what is expected */

static void put_names(const struct field *f, char *out, size_t size)
{
    size_t n = 0;

    *out = '\0';
    for (size_t i = 0; f->names[i] != NULL && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s\"%s\"",
                              i == 0               ? ""
                              : language_chinese() ? "、"
                                                   : ", ",
                              f->names[i]);
}

/* As people write it, in the largest unit of which it is a whole number: "150d". */
static const char *put_duration(int64_t ms, char *out, size_t size)
{
    size_t i = 4; /* of units: days */

    while (i > 0 && ms % units[i].ms != 0)
        i--;
    if (ms == 0)
        i = 1;
    snprintf(out, size, "%" PRId64 "%s", ms / units[i].ms, units[i].name);
    return out;
}

/* "an integer in 1..65535" */
static const char *expected(const struct field *f, char *out, size_t size)
{
    static const char *const kinds[] = {
        [FIELD_STRING] = N_("a string"),
        [FIELD_SECRET] = N_("\"@file:/path\" or \"@env:NAME\""),
        [FIELD_INT] = N_("an integer"),
        [FIELD_FLOAT] = N_("a number"),
        [FIELD_BOOL] = N_("true or false"),
        [FIELD_ENUM] = N_("one of %s"),
        [FIELD_DURATION] =
            N_("a duration like \"500ms\", \"30s\", \"5min\", \"2h\", \"3d\", or seconds,"),
        [FIELD_STRINGS] = N_("a list of strings"),
        [FIELD_GROUP] = N_("a group { ... }"),
        [FIELD_GROUPS] = N_("a list of groups ( { ... }, { ... } )"),
        [FIELD_ANY] = N_("a value"),
        [FIELD_CUSTOM] = N_("a value"),
    };
    const char *kind = language_text(kinds[f->kind]), *range = NULL;

    if (f->kind == FIELD_STRING)
        range = N_("%s in %" PRId64 "..%" PRId64 " bytes");
    else if (f->kind == FIELD_DURATION)
        range = N_("%s in %s..%s");
    else if (f->kind == FIELD_INT || f->kind == FIELD_FLOAT)
        range = N_("%s in %" PRId64 "..%" PRId64);
    if (f->kind == FIELD_ENUM) {
        char names[256];

        put_names(f, names, sizeof names);
        snprintf(out, size, kind, names);
    } else if (f->kind == FIELD_DURATION && (f->min != 0 || f->max != 0)) {
        char least[32], most[32];

        snprintf(out, size, language_text(range), kind, put_duration(f->min, least, sizeof least),
                 put_duration(f->max, most, sizeof most));
    } else if (range != NULL && (f->min != 0 || f->max != 0)) {
        snprintf(out, size, language_text(range), kind, f->min, f->max);
    } else {
        snprintf(out, size, "%s", kind);
    }
    return out;
}

static int wrong_kind(const struct field *f, const struct tree *value, struct error *err)
{
    char text[512];

    return tree_error(err, value, "expected %s, found %s", expected(f, text, sizeof text),
                      tree_kind_name(value->kind));
}

static int out_of_range(const struct field *f, const struct tree *value, struct error *err)
{
    char text[512];

    expected(f, text, sizeof text);
    if (f->kind == FIELD_STRING) /* too long or too short: what it says need not be told */
        return tree_error(err, value, "expected %s, found %zu bytes", text, strlen(value->string));
    if (value->kind == TREE_STRING && strlen(value->string) > 40)
        return tree_error(err, value, "expected %s", text);
    if (value->kind == TREE_STRING)
        return tree_error(err, value, "expected %s, found \"%s\"", text, value->string);
    if (value->kind == TREE_INT)
        return tree_error(err, value, "expected %s, found %" PRId64, text, value->integer);
    return tree_error(err, value, "expected %s, found %.15g", text, value->number);
}

static bool in_range(const struct field *f, int64_t n)
{
    return (f->min == 0 && f->max == 0) || (n >= f->min && n <= f->max);
}

/* ----------------------------------------------------------------- the kinds */

static int read_string(const struct field *f, const struct tree *value, void *at,
                       struct arena *arena, struct error *err)
{
    (void)arena;
    if (value->kind != TREE_STRING)
        return wrong_kind(f, value, err);
    if (!in_range(f, (int64_t)strlen(value->string)))
        return out_of_range(f, value, err);
    *(const char **)at = value->string;
    return 0;
}

static int read_secret(const struct field *f, const struct tree *value, void *at,
                       struct arena *arena, struct error *err)
{
    struct error why;
    const char *secret;

    if (value->kind != TREE_STRING)
        return wrong_kind(f, value, err);
    secret = field_secret(value->string, arena, &why);
    if (secret == NULL)
        return tree_error(err, value, "%s", why.text);
    if (!in_range(f, (int64_t)strlen(secret)))
        return tree_error(err, value, "expected a secret of %" PRId64 "..%" PRId64 " bytes", f->min,
                          f->max);
    *(const char **)at = secret;
    return 0;
}

static int read_int(const struct field *f, const struct tree *value, void *at, struct arena *arena,
                    struct error *err)
{
    (void)arena;
    if (value->kind != TREE_INT)
        return wrong_kind(f, value, err);
    if (!in_range(f, value->integer))
        return out_of_range(f, value, err);
    *(int64_t *)at = value->integer;
    return 0;
}

static int read_float(const struct field *f, const struct tree *value, void *at,
                      struct arena *arena, struct error *err)
{
    double n;

    (void)arena;
    if (value->kind != TREE_FLOAT && value->kind != TREE_INT)
        return wrong_kind(f, value, err);
    n = value->kind == TREE_INT ? (double)value->integer : value->number;
    if ((f->min != 0 || f->max != 0) && (n < (double)f->min || n > (double)f->max))
        return out_of_range(f, value, err);
    *(double *)at = n;
    return 0;
}

static int read_bool(const struct field *f, const struct tree *value, void *at, struct arena *arena,
                     struct error *err)
{
    (void)arena;
    if (value->kind != TREE_BOOL)
        return wrong_kind(f, value, err);
    *(bool *)at = value->truth;
    return 0;
}

static int name_index(const char *const *names, const char *name)
{
    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static int read_enum(const struct field *f, const struct tree *value, void *at, struct arena *arena,
                     struct error *err)
{
    char text[512];
    int i;

    (void)arena;
    if (value->kind != TREE_STRING)
        return wrong_kind(f, value, err);
    i = name_index(f->names, value->string);
    if (i < 0)
        return tree_error(err, value, "expected %s, found \"%.40s\"",
                          expected(f, text, sizeof text), value->string);
    *(int *)at = i;
    return 0;
}

static int read_duration(const struct field *f, const struct tree *value, void *at,
                         struct arena *arena, struct error *err)
{
    int64_t ms = 0;
    int rc = -1;

    (void)arena;
    if (value->kind == TREE_INT)
        rc = value->integer < 0 || __builtin_mul_overflow(value->integer, 1000, &ms) ? -1 : 0;
    else if (value->kind == TREE_STRING)
        rc = field_duration(value->string, &ms);
    else
        return wrong_kind(f, value, err);
    if (rc != 0 || !in_range(f, ms))
        return out_of_range(f, value, err);
    *(int64_t *)at = ms;
    return 0;
}

static int read_strings(const struct field *f, const struct tree *value, void *at,
                        struct arena *arena, struct error *err)
{
    const struct tree *one = value->kind == TREE_LIST ? value->first : value;
    size_t count = value->kind == TREE_LIST ? value->count : 1, n = 0;
    const char **items = arena_alloc(arena, (count + 1) * sizeof *items);

    for (; one != NULL; one = value->kind == TREE_LIST ? one->next : NULL) {
        if (one->kind != TREE_STRING)
            return one == value ? wrong_kind(f, value, err)
                                : tree_error(err, one, "expected a string, found %s",
                                             tree_kind_name(one->kind));
        items[n++] = one->string;
    }
    if (!in_range(f, (int64_t)count))
        return tree_error(err, value, "expected %" PRId64 "..%" PRId64 " strings, found %zu",
                          f->min, f->max, count);
    items[n] = NULL;
    *(struct field_strings *)at = (struct field_strings){items, count};
    return 0;
}

static int read_group(const struct field *f, const struct tree *value, void *at,
                      struct arena *arena, struct error *err)
{
    if (value->kind != TREE_OBJECT)
        return wrong_kind(f, value, err);
    return fields_read(f->fields, value, at, arena, err);
}

static int read_groups(const struct field *f, const struct tree *value, void *at,
                       struct arena *arena, struct error *err)
{
    struct field_groups *groups = at;
    struct error more; /* behind the first, heard and forgotten */
    char *items;
    size_t i = 0;
    int rc = 0;

    if (value->kind != TREE_LIST)
        return wrong_kind(f, value, err);
    if (!in_range(f, (int64_t)value->count))
        return tree_error(err, value, "expected %" PRId64 "..%" PRId64 " groups, found %zu", f->min,
                          f->max, value->count);
    items = arena_alloc(arena, value->count * f->size + 1);
    memset(items, 0, value->count * f->size + 1);
    for (const struct tree *c = value->first; c != NULL; c = c->next, i++) {
        if (c->kind != TREE_OBJECT)
            return tree_error(err, c, "expected a group { ... }, found %s",
                              tree_kind_name(c->kind));
        if (fields_read(f->fields, c, items + i * f->size, arena, rc == 0 ? err : &more) != 0)
            rc = -1;
        if (rc != 0 && !tree_is_heard())
            return -1;
    }
    *groups = (struct field_groups){items, value->count};
    return rc;
}

static int read_any(const struct field *f, const struct tree *value, void *at, struct arena *arena,
                    struct error *err)
{
    (void)f;
    (void)arena;
    (void)err;
    *(const struct tree **)at = value;
    return 0;
}

static int read_custom(const struct field *f, const struct tree *value, void *at,
                       struct arena *arena, struct error *err)
{
    return f->read(value, at, arena, err);
}

static int (*const readers[])(const struct field *f, const struct tree *value, void *at,
                              struct arena *arena, struct error *err) = {
    [FIELD_STRING] = read_string,     [FIELD_SECRET] = read_secret,   [FIELD_INT] = read_int,
    [FIELD_FLOAT] = read_float,       [FIELD_BOOL] = read_bool,       [FIELD_ENUM] = read_enum,
    [FIELD_DURATION] = read_duration, [FIELD_STRINGS] = read_strings, [FIELD_GROUP] = read_group,
    [FIELD_GROUPS] = read_groups,     [FIELD_ANY] = read_any,         [FIELD_CUSTOM] = read_custom,
};

/* ----------------------------------------------------------------- defaults */

/* The default as the tree that would stand in the file. */
static struct tree initial_tree(const struct field *f, struct arena *arena)
{
    struct tree t = {.kind = TREE_STRING, .name = f->name};

    t.string = f->initial; /* FIELD_CUSTOM keeps it, and a default's text lives for ever */
    if (f->kind == FIELD_INT) {
        t.kind = TREE_INT;
        t.integer = strtoll(f->initial, NULL, 10);
    } else if (f->kind == FIELD_FLOAT) {
        t.kind = TREE_FLOAT;
        t.number = strtod(f->initial, NULL);
    } else if (f->kind == FIELD_BOOL) {
        t.kind = TREE_BOOL;
        t.truth = strcmp(f->initial, "true") == 0;
    } else {
        t.string = arena_strndup(arena, f->initial, strlen(f->initial));
    }
    return t;
}

static void set_initial(const struct field *f, void *out, struct arena *arena)
{
    struct error err = {""};
    struct tree t;
    int rc;

    if (f->kind == FIELD_GROUP)
        fields_initial(f->fields, (char *)out + f->offset, arena);
    if (f->initial == NULL || f->kind == FIELD_GROUP)
        return;
    t = initial_tree(f, arena);
    rc = readers[f->kind](f, &t, (char *)out + f->offset, arena, &err);
    assert(rc == 0); /* a table with a default outside its own range is a bug */
    (void)rc;
}

static int check_field(const struct field *table, const struct field *f, struct error *err)
{
    union {
        int64_t integer;
        struct field_strings strings;
    } out;
    struct arena arena = {0};
    struct tree t;
    int rc = 0;

    for (const struct field *other = table; other != f; other++)
        if (strcmp(other->name, f->name) == 0)
            return error_set(err, "%s: is there twice", f->name);
    if ((f->kind == FIELD_GROUP || f->kind == FIELD_GROUPS) && fields_check(f->fields, err) != 0)
        return error_prefix(err, "%s", f->name);
    if (f->initial == NULL || f->kind == FIELD_CUSTOM)
        return 0;
    if (f->kind == FIELD_SECRET || f->kind >= FIELD_GROUP)
        return error_set(err, "%s: cannot have a default", f->name);
    t = initial_tree(f, &arena);
    if (readers[f->kind](f, &t, &out, &arena, err) != 0)
        rc = error_prefix(err, "%s: the default \"%s\"", f->name, f->initial);
    arena_free(&arena);
    return rc;
}

int fields_check(const struct field *table, struct error *err)
{
    for (const struct field *f = table; f->name != NULL; f++)
        if (check_field(table, f, err) != 0)
            return -1;
    return 0;
}

void fields_initial(const struct field *table, void *out, struct arena *arena)
{
    for (const struct field *f = table; f->name != NULL; f++)
        set_initial(f, out, arena);
}

/* ---------------------------------------------------------------- the reader */

static int unknown(const struct field *table, const struct tree *member, struct error *err)
{
    const char *nearest = field_nearest(member->name, field_name_at, table);

    if (nearest == NULL)
        return tree_error(err, member, "there is no such setting");
    return tree_error(err, member, "there is no such setting; did you mean \"%s\"?", nearest);
}

static int check_names(const struct field *table, const struct tree *group, struct error *err)
{
    struct error more;
    int rc = 0;

    for (const struct tree *c = group->first; c != NULL; c = c->next) {
        const struct field *f = table;

        while (f->name != NULL && strcmp(f->name, c->name) != 0)
            f++;
        if (f->name == NULL)
            rc = unknown(table, c, rc == 0 ? err : &more);
        if (rc != 0 && !tree_is_heard())
            return -1;
    }
    return rc;
}

static int read_absent(const struct field *f, const struct tree *group, void *out,
                       struct arena *arena, struct error *err)
{
    char text[512];

    if (f->required)
        return f->help == NULL ? tree_error(err, group, "%s is missing: expected %s", f->name,
                                            expected(f, text, sizeof text))
                               : tree_error(err, group, "%s is missing: expected %s (%s)", f->name,
                                            expected(f, text, sizeof text), language_text(f->help));
    set_initial(f, out, arena);
    return 0;
}

int fields_read(const struct field *table, const struct tree *group, void *out, struct arena *arena,
                struct error *err)
{
    struct error more; /* behind the first, heard and forgotten */
    int rc;

    if (group->kind != TREE_OBJECT)
        return tree_error(err, group, "expected a group { ... }, found %s",
                          tree_kind_name(group->kind));
    rc = check_names(table, group, err);
    for (const struct field *f = table; f->name != NULL && (rc == 0 || tree_is_heard()); f++) {
        const struct tree *value = tree_member(group, f->name);
        struct error *e = rc == 0 ? err : &more;

        if ((value == NULL ? read_absent(f, group, out, arena, e)
                           : readers[f->kind](f, value, (char *)out + f->offset, arena, e)) != 0)
            rc = -1;
    }
    return rc;
}

int field_read_one(const struct field *table, const struct tree *value, void *at,
                   struct arena *arena, struct error *err)
{
    return readers[table->kind](table, value, at, arena, err);
}

int field_read_networks(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    static const struct field strings[] = {{"networks", FIELD_STRINGS, .max = 100}, {0}};
    struct error why;
    const struct tree *c = value->kind == TREE_LIST ? value->first : NULL;

    for (; c != NULL; c = c->next)
        if (c->kind == TREE_STRING && network_check(c->string, &why) != 0)
            return tree_error(err, c, "%s", why.text);
    return field_read_one(strings, value, at, arena, err);
}
