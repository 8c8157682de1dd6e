#include "campaign_template.h"

#include "campaign.h"
#include "campaign_names.h"
#include "campaign_text.h"
#include "error.h"
#include "form.h"
#include "mem.h"
#include "neutral.h"
#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAMS_MAX 32
#define EVERY_REMINDER ((size_t)-1)

struct param {
    const char *name; /* the provider's */
    struct template *value;
};

struct campaign_template {
    struct campaign_template *next;
    size_t reminder;                /* EVERY_REMINDER: the campaign's */
    const char *gateway, *language; /* language NULL: for all */
    const char *code, *signature;   /* signature NULL: the gateway's */
    const char *words_language;     /* that dates are written in */
    struct param params[PARAMS_MAX];
    size_t count;
};

struct templates {
    struct campaign_template *first; /* reminders' own before the campaign's */
};

/* ------------------------------------------------------------------- compiling */
/* "when=event.date" is {{event.date}} under the name "when". */
static int compile_param(struct scope *s, const struct tree *node, struct param *out,
                         struct error *err)
{
    const char *equal = strchr(node->string, '='), *bar = strchr(node->string, '|');
    const char *value = equal != NULL && (bar == NULL || equal < bar) ? equal + 1 : node->string;
    char source[512];
    struct error why;
    int n = snprintf(source, sizeof source, "{{%s}}", value);

    if (n < 0 || (size_t)n >= sizeof source)
        return tree_error(err, node, "is too long");
    out->name = value != node->string
                    ? arena_strndup(s->arena, node->string, (size_t)(equal - node->string))
                    : arena_strndup(s->arena, value, strcspn(value, "|"));
    if (*out->name == '\0' || *value == '\0')
        return tree_error(err, node, "expected a name as in {{ }}, or THEIRS=NAME");
    if (s->c->sensitive && neutral_check_param(node, value, strcspn(value, "|"), err) != 0)
        return -1;
    out->value = template_compile(source, (size_t)n, names_resolve, s, &why);
    return out->value == NULL ? tree_error(err, node, "%s", why.text) : 0;
}

static int compile_params(struct scope *s, struct campaign_template *t, const struct tree *list,
                          struct error *err)
{
    const struct tree *one;

    for (one = list == NULL ? NULL : list->first; one != NULL; one = one->next) {
        if (t->count == PARAMS_MAX)
            return tree_error(err, one, "more than %d parameters", PARAMS_MAX);
        if (compile_param(s, one, &t->params[t->count], err) != 0)
            return -1;
        t->count++;
    }
    return 0;
}

static void template_free(struct campaign_template *t)
{
    for (size_t i = 0; i < t->count; i++)
        template_destroy(t->params[i].value);
    free(t);
}

typedef int template_fn(struct scope *s, struct campaign_template *t, void *arg, struct error *err);

/* One template, a code alone or { code, params, signature }, for fn to take over. */
static int compile_one(struct scope *s, const struct campaign_template *of, const struct tree *node,
                       template_fn *fn, void *arg, struct error *err)
{
    struct campaign_template *t = xmalloc(sizeof *t);

    *t = *of;
    t->words_language = t->language != NULL ? t->language : s->c->language;
    s->language = t->words_language;
    s->special = NULL;
    t->code = node->kind == TREE_STRING ? node->string : tree_string(node, "code", NULL);
    t->signature = node->kind == TREE_STRING ? NULL : tree_string(node, "signature", NULL);
    if (t->code == NULL || *t->code == '\0' || strlen(t->code) > 128) {
        template_free(t);
        return tree_error(err, node, "needs a code of 1 to 128 characters");
    }
    if (node->kind == TREE_OBJECT && compile_params(s, t, tree_member(node, "params"), err) != 0) {
        template_free(t);
        return -1;
    }
    return fn(s, t, arg, err);
}

static int walk(struct scope *s, size_t reminder, const struct tree *templates, template_fn *fn,
                void *arg, struct error *err)
{
    struct campaign_template of = {.reminder = reminder};
    const struct tree *gateway, *language;

    s->reminder = reminder == EVERY_REMINDER ? 0 : reminder;
    for (gateway = templates == NULL ? NULL : templates->first; gateway != NULL;
         gateway = gateway->next) {
        of.gateway = gateway->name;
        of.language = NULL;
        if (gateway->kind == TREE_STRING || tree_member(gateway, "code") != NULL) {
            if (compile_one(s, &of, gateway, fn, arg, err) != 0)
                return -1;
            continue;
        }
        for (language = gateway->first; language != NULL; language = language->next) {
            of.language = language->name;
            if (compile_one(s, &of, language, fn, arg, err) != 0)
                return -1;
        }
    }
    return 0;
}

static int walk_all(struct scope *s, template_fn *fn, void *arg, struct error *err)
{
    const struct form_reminder *reminders = s->form->reminders.items;

    for (size_t r = 0; r < s->form->reminders.count; r++)
        if (walk(s, r, reminders[r].templates, fn, arg, err) != 0)
            return -1;
    /* The campaign's say other dates for each occurrence. */
    for (size_t r = 0; s->c->occurrence_count > 1 && r < s->form->reminders.count; r++)
        if (walk(s, r, s->form->templates, fn, arg, err) != 0)
            return -1;
    return s->c->occurrence_count > 1 ? 0
                                      : walk(s, EVERY_REMINDER, s->form->templates, fn, arg, err);
}

static int forget(struct scope *s, struct campaign_template *t, void *arg, struct error *err)
{
    (void)s, (void)arg, (void)err;
    template_free(t);
    return 0;
}

int templates_check(struct scope *s, struct error *err)
{
    return walk_all(s, forget, NULL, err);
}

static int append(struct scope *s, struct campaign_template *t, void *arg, struct error *err)
{
    struct campaign_template ***tail = arg;

    (void)s, (void)err;
    t->next = NULL;
    **tail = t;
    *tail = &t->next;
    return 0;
}

int templates_compile(struct scope *s, struct templates **out, struct error *err)
{
    struct templates *t = xcalloc(1, sizeof *t);
    struct campaign_template **tail = &t->first;
    int rc = walk_all(s, append, &tail, err);

    if (rc != 0 || t->first == NULL) {
        templates_free(t);
        t = NULL;
    }
    *out = t;
    return rc;
}

void templates_free(struct templates *t)
{
    struct campaign_template *one;

    if (t == NULL)
        return;
    while ((one = t->first) != NULL) {
        t->first = one->next;
        template_free(one);
    }
    free(t);
}

/* --------------------------------------------------------------- for every notice */
const struct campaign_template *templates_find(const struct templates *t, size_t reminder,
                                               const char *gateway, const char *language)
{
    const struct campaign_template *one, *best = NULL;

    for (one = t->first; one != NULL; one = one->next) {
        if ((one->reminder != reminder && one->reminder != EVERY_REMINDER) ||
            strcmp(one->gateway, gateway) != 0)
            continue;
        if (one->language != NULL && strcmp(one->language, language) == 0)
            return one;
        if (best == NULL) /* the first that was written serves those who have none */
            best = one;
    }
    return best;
}

const char *campaign_template_code(const struct campaign_template *t)
{
    return t->code;
}

const char *campaign_template_signature(const struct campaign_template *t)
{
    return t->signature;
}

size_t campaign_template_params(const struct campaign_template *t)
{
    return t->count;
}

int campaign_template_param(const struct campaign *c, const struct campaign_template *t, size_t i,
                            const struct template_value *row, char *out, size_t size,
                            const char **name, const char **empty)
{
    struct template_value values[VALUES];
    char words[SLOT_PARTS][WHEN_BYTES];
    size_t n = 0, count = c->column_count;

    *empty = NULL;
    *name = t->params[i].name;
    if (c->column_slot >= 0) {
        texts_add_slot(c, t->words_language, row, values, words);
        row = values;
        count = VALUES;
    }
    switch (template_render(t->params[i].value, row, count, out, size, &n)) {
    case TEMPLATE_RENDERED:
        return (int)n;
    case TEMPLATE_EMPTY:
        *empty = n >= CAMPAIGN_MAX_COLUMNS ? "slot" : c->columns[n];
        return -1;
    case TEMPLATE_TOO_LONG:
        break;
    }
    return -1;
}
