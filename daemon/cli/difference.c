#include "difference.h"

#include "column.h"
#include "human.h"
#include "table.h"
#include "tree.h"
#include "words.h"
#include "zone.h"

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

/* A time of the event as it is read elsewhere, "2027-03-06 Sat 09:00"; whatever the zone. */
static void write_value(const struct tree *t, struct buf *out)
{
    const struct zone *utc = zone_find("UTC", NULL);
    char when[HUMAN_BYTES];
    int64_t ms;

    if (t->kind == TREE_STRING && utc != NULL && strchr(t->string, 'T') != NULL &&
        zone_parse(utc, t->string, strlen(t->string), &ms) == 0)
        buf_puts(out, human_time(when, utc, ms, false));
    else if (t->kind == TREE_STRING)
        buf_puts(out, t->string);
    else if (t->kind == TREE_BOOL)
        buf_puts(out, t->truth ? TC("difference", "yes") : TC("difference", "no"));
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
/* What people change, as they would say it; a field that is not here is told by its path. */
static const struct {
    const char *path, *words;
} fields[] = {
    {"title", N_("the title")},
    {"event.starts", N_("the event begins")},
    {"event.ends", N_("the event ends")},
    {"event.repeat", N_("the days on which it repeats")},
    {"event.except", N_("the days that fall out")},
    {"event.moved", N_("the days that are moved")},
    {"event.venue", N_("the place")},
    {"event.address", N_("the address")},
    {"event.contact", N_("the contact")},
    {"event.url", N_("the web address")},
    {"event.cancelled", N_("the event is cancelled")},
    {"texts.moved", N_("the text of a correction")},
    {"texts.cancelled", N_("the text of a cancellation")},
    {"texts.neutral", N_("the neutral text")},
    {"texts", N_("the text")},
    {"hours", N_("the allowed hours")},
    {"signature", N_("the signature")},
    {"vars", N_("a value of all texts")},
};

static const struct {
    const char *name, *words; /* of a reminder, with its name */
} reminder_fields[] = {
    {"at", N_("the time of %s")},
    {"texts", N_("the text of %s")},
    {"hours", N_("the allowed hours of %s")},
    {"expires", N_("the end of %s")},
};

/* rest: of the path: "", ".zh", ".wecom.zh". */
static void put_rest(struct buf *out, const char *rest)
{
    const char *words;

    if (rest[0] == '\0')
        return;
    words = column_language_words(rest + 1);
    buf_printf(out, T(" (%s)"), words);
}

static bool put_reminder_field(struct buf *out, const char *path)
{
    size_t n = strcspn(path, ".");
    char name[PATH_BYTES];

    if (path[n] == '\0')
        return false;
    snprintf(name, sizeof name, "%.*s", (int)n, path);
    for (size_t i = 0; i < sizeof reminder_fields / sizeof *reminder_fields; i++) {
        size_t m = strlen(reminder_fields[i].name);
        const char *rest = path + n + 1 + m;

        if (strncmp(path + n + 1, reminder_fields[i].name, m) != 0 ||
            (*rest != '\0' && *rest != '.'))
            continue;
        buf_printf(out, words_of(reminder_fields[i].words), name); /* constants of ours */
        put_rest(out, rest);
        return true;
    }
    return false;
}

static void put_field(struct buf *out, const char *path)
{
    if (strncmp(path, "reminders.", 10) == 0 && put_reminder_field(out, path + 10))
        return;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        size_t n = strlen(fields[i].path);

        if (strncmp(path, fields[i].path, n) != 0 || (path[n] != '\0' && path[n] != '.'))
            continue;
        buf_puts(out, words_of(fields[i].words));
        put_rest(out, path + n);
        return;
    }
    buf_puts(out, path);
}

struct writing {
    struct buf *out;
    unsigned columns;
    difference_wanted_fn *wanted;
    const void *arg;
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

    if (w->wanted != NULL && !w->wanted(w->arg, path))
        return;
    buf_puts(w->out, "  ");
    put_field(w->out, path);
    buf_putc(w->out, '\n');
    write_line(w, T("was:"), was);
    write_line(w, T("is: "), is);
}

void difference_write(const struct tree *was, const struct tree *is, unsigned width,
                      difference_wanted_fn *wanted, const void *arg, struct buf *out)
{
    struct writing w = {out, width > 40 ? width - 5 : 200, wanted, arg};

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
