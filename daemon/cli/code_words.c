#include "code_words.h"

#include "buf.h"
#include "codes.h"
#include "mem.h"
#include "settings.h"
#include "tree.h"
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_BYTES (1u << 20)

struct table {
    struct table *next;
    char *plugin;
    struct codes *codes; /* NULL: there is none */
};

struct code_words {
    const struct settings *settings;
    struct table *tables;
};

struct code_words *code_words_create(const struct settings *settings)
{
    struct code_words *w = xcalloc(1, sizeof *w);

    w->settings = settings;
    return w;
}

void code_words_free(struct code_words *w)
{
    struct table *next;

    if (w == NULL)
        return;
    for (struct table *t = w->tables; t != NULL; t = next) {
        next = t->next;
        codes_free(t->codes);
        free(t->plugin);
        free(t);
    }
    free(w);
}

/* plugin: a name, or an absolute path that ends in .so. */
static struct codes *read_table(const char *plugin_dir, const char *plugin)
{
    size_t stem = strlen(plugin);
    struct buf text = BUF_INIT(TABLE_BYTES);
    struct codes *codes = NULL;
    char error[200], *path, *room;
    size_t n;
    FILE *f;

    if (plugin[0] == '/' && stem > 3 && strcmp(plugin + stem - 3, ".so") == 0)
        path = xasprintf("%.*s.tsv", (int)stem - 3, plugin);
    else
        path = xasprintf("%s/%s.tsv", plugin_dir, plugin);
    f = fopen(path, "re");
    free(path);
    if (f == NULL)
        return NULL;
    while ((room = buf_room(&text, 4096)) != NULL && (n = fread(room, 1, 4096, f)) > 0)
        text.length += n;
    fclose(f);
    if (!buf_overflowed(&text))
        codes = codes_parse(text.data, text.length, error, sizeof error);
    buf_free(&text);
    return codes;
}

static const struct codes *table_of(struct code_words *w, const char *plugin)
{
    struct table *t = w->tables;

    while (t != NULL && strcmp(t->plugin, plugin) != 0)
        t = t->next;
    if (t == NULL) {
        t = xcalloc(1, sizeof *t);
        t->plugin = xstrdup(plugin);
        t->codes = read_table(w->settings->plugin_dir, plugin);
        t->next = w->tables;
        w->tables = t;
    }
    return t->codes;
}

static const char *plugin_of(const struct settings *settings, const char *gateway)
{
    const struct tree *one = settings->gateways != NULL ? settings->gateways->first : NULL;

    while (one != NULL && strcmp(tree_string(one, "name", ""), gateway) != 0)
        one = one->next;
    return one != NULL ? tree_string(one, "plugin", "") : "";
}

const char *code_words_find(struct code_words *w, const char *gateway, const char *code)
{
    const char *plugin = plugin_of(w->settings, gateway), *rest = strchr(code, ':');
    const struct codes *codes = *plugin != '\0' && *code != '\0' ? table_of(w, plugin) : NULL;
    const struct code *found, *closer;

    if (codes == NULL)
        return NULL;
    found = codes_find(codes, code, strlen(code));
    if (found == NULL && rest != NULL) { /* behind a state; else the state itself */
        closer = codes_find(codes, rest + 1, strlen(rest + 1));
        found = closer != NULL ? closer : codes_find(codes, code, (size_t)(rest - code));
    }
    return found == NULL ? NULL : language_chinese() ? found->zh : found->en;
}
