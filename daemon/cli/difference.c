#include "difference.h"

#include "table.h"
#include "tree.h"
#include "words.h"

#include <stdio.h>
#include <string.h>

#define PATH_BYTES 512
#define VALUE_BYTES (1u << 20)

/* One field that differs; NULL: it is not there. */
typedef void field_fn(void *arg, const char *path, const struct tree *was, const struct tree *is);

struct comparing {
    field_fn *fn;
    void *arg;
};

static void write_value(const struct tree *t, struct buf *out)
{
    if (t->kind == TREE_STRING)
        buf_puts(out, t->string);
    else
        tree_write_json(t, out);
}

static bool same(const struct tree *a, const struct tree *b)
{
    struct buf x = BUF_INIT(VALUE_BYTES), y = BUF_INIT(VALUE_BYTES);
    bool equal;

    if (a == NULL || b == NULL)
        return a == b;
    tree_write_json(a, &x);
    tree_write_json(b, &y);
    equal = x.length == y.length && memcmp(x.data, y.data, x.length) == 0;
    buf_free(&x);
    buf_free(&y);
    return equal;
}

static const char *name_of(const struct tree *t)
{
    return t->name != NULL ? t->name : tree_string(t, "name", NULL);
}

/* An object, or a list of objects that have names. */
static bool has_names(const struct tree *t)
{
    if (t == NULL || t->kind == TREE_OBJECT)
        return true;
    for (const struct tree *one = t->first; one != NULL; one = one->next)
        if (one->kind != TREE_OBJECT || name_of(one) == NULL)
            return false;
    return t->kind == TREE_LIST && t->first != NULL;
}

static const struct tree *named(const struct tree *t, const char *name)
{
    for (const struct tree *one = t != NULL ? t->first : NULL; one != NULL; one = one->next)
        if (strcmp(name_of(one), name) == 0)
            return one;
    return NULL;
}

static void compare(const struct comparing *c, const char *path, const struct tree *was,
                    const struct tree *is);

static void compare_named(const struct comparing *c, const char *path, const struct tree *one,
                          const struct tree *was, const struct tree *is)
{
    const char *name = name_of(one);
    char deeper[PATH_BYTES];

    if (path[0] == '\0' && (strcmp(name, "audience") == 0 || strcmp(name, "columns") == 0))
        return;
    snprintf(deeper, sizeof deeper, "%s%s%s", path, path[0] != '\0' ? "." : "", name);
    compare(c, deeper, named(was, name), named(is, name));
}

/* As deep as tree.h lets a document be. */
static void compare(const struct comparing *c, const char *path, const struct tree *was,
                    const struct tree *is)
{
    if (same(was, is))
        return;
    if (!has_names(was) || !has_names(is)) {
        c->fn(c->arg, path, was, is);
        return;
    }
    for (const struct tree *one = was != NULL ? was->first : NULL; one != NULL; one = one->next)
        compare_named(c, path, one, was, is);
    for (const struct tree *one = is != NULL ? is->first : NULL; one != NULL; one = one->next)
        if (named(was, name_of(one)) == NULL)
            compare_named(c, path, one, was, is);
}

/* --------------------------------------------------------------------- for people */
struct writing {
    struct buf *out;
    unsigned columns;
};

static void write_line(const struct writing *w, const char *label, const struct tree *value)
{
    struct buf line = BUF_INIT(VALUE_BYTES);

    buf_printf(&line, "%s ", label);
    if (value != NULL)
        write_value(value, &line);
    else
        buf_puts(&line, T("(not there)"));
    table_wrap(w->out, buf_string(&line), w->columns, "    ");
    buf_free(&line);
}

static void write_field(void *arg, const char *path, const struct tree *was, const struct tree *is)
{
    const struct writing *w = arg;

    buf_printf(w->out, "  %s\n", path);
    write_line(w, T("was:"), was);
    write_line(w, T("is: "), is);
}

void difference_write(const struct tree *was, const struct tree *is, unsigned width,
                      struct buf *out)
{
    struct writing w = {out, width > 40 ? width - 5 : 200};

    compare(&(struct comparing){write_field, &w}, "", was, is);
}

/* ------------------------------------------------------------------- for programs */
static json_t *value_json(const struct tree *t)
{
    struct buf out = BUF_INIT(VALUE_BYTES);
    json_t *value;

    if (t == NULL)
        return json_null();
    tree_write_json(t, &out);
    value = json_loadb(out.data, out.length, JSON_DECODE_ANY, NULL);
    buf_free(&out);
    return value;
}

static void add_field(void *all, const char *path, const struct tree *was, const struct tree *is)
{
    json_array_append_new(all, json_pack("{s:s,s:o,s:o}", "field", path, "was", value_json(was),
                                         "is", value_json(is)));
}

json_t *difference_json(const struct tree *was, const struct tree *is)
{
    json_t *all = json_array();

    compare(&(struct comparing){add_field, all}, "", was, is);
    return all;
}
