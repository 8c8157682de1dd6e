#include "conf_mistakes.h"

#include "alert_targets.h"
#include "error.h"
#include "gateway.h"
#include "language.h"
#include "mem.h"
#include "settings.h"
#include "tree.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MOST_KEPT 1000 /* the others are counted, not put in order */

struct mistake {
    char *file; /* NULL: of none */
    int line;
    char *text;
};

struct found {
    struct mistake *mistakes;
    size_t kept, count;
};

static bool is_told(const struct found *f, const char *text)
{
    for (size_t i = 0; i < f->kept; i++)
        if (strcmp(f->mistakes[i].text, text) == 0)
            return true;
    return false;
}

/* Where it comes among the others: by line within its file, the files as they were met. */
static size_t place_of(const struct found *f, const char *file, int line)
{
    size_t i = 0, end = f->kept;

    for (; file != NULL && i < f->kept; i++)
        if (f->mistakes[i].file != NULL && strcmp(f->mistakes[i].file, file) == 0) {
            if (f->mistakes[i].line > line)
                return i;
            end = i + 1;
        }
    return end;
}

static void add(struct found *f, const char *file, int line, const char *text)
{
    size_t at = place_of(f, file, line);

    if (is_told(f, text))
        return;
    f->count++;
    if (f->kept == MOST_KEPT)
        return;
    memmove(&f->mistakes[at + 1], &f->mistakes[at], (f->kept - at) * sizeof *f->mistakes);
    f->mistakes[at] = (struct mistake){file != NULL ? xstrdup(file) : NULL, line, xstrdup(text)};
    f->kept++;
}

static void on_mistake(void *arg, const struct tree *node, const char *text)
{
    add(arg, node->file, node->line, text);
}

static void tell(const struct found *f, const char *path, FILE *out)
{
    for (size_t i = 0; i < f->kept && i < CONF_MISTAKES_TOLD; i++)
        fprintf(out, "outreachd: %s\n", f->mistakes[i].text);
    if (f->count > CONF_MISTAKES_TOLD)
        fprintf(out, language_text("outreachd: %s: %zu mistakes, and %d of them are named here\n"),
                path, f->count, CONF_MISTAKES_TOLD);
    else if (f->count > 1)
        fprintf(out, language_text("outreachd: %s: %zu mistakes\n"), path, f->count);
}

size_t conf_mistakes_tell(const char *path, FILE *out, size_t *gateways)
{
    struct found f = {.mistakes = xcalloc(MOST_KEPT, sizeof *f.mistakes)};
    struct settings *s;
    struct error err;
    bool good = false;

    tree_listen(on_mistake, &f);
    s = settings_look(path, &good, &err);
    if (!good)
        add(&f, NULL, 0, err.text);
    if (s != NULL && gateway_set_check(s->gateways, s->plugin_dir, &err) != 0)
        add(&f, NULL, 0, err.text);
    if (s != NULL && alert_targets_check(s, &err) != 0)
        add(&f, NULL, 0, err.text);
    tree_listen(NULL, NULL);
    *gateways = s != NULL && s->gateways != NULL ? s->gateways->count : 0;
    tell(&f, path, out);
    for (size_t i = 0; i < f.kept; i++) {
        free(f.mistakes[i].file);
        free(f.mistakes[i].text);
    }
    free(f.mistakes);
    settings_free(s);
    return f.count;
}
