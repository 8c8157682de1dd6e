#include "mistakes.h"

#include "campaign.h"
#include "mem.h"
#include "prose.h"
#include "reading.h"
#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_MISTAKES 200
#define MOST_ROUNDS 100
#define DEPTH 34

/* A node to be taken out, by the places of its ancestors and its own among their children. */
struct edit {
    size_t depth, place[DEPTH];
    unsigned round;
    char *instead; /* what stands there then; NULL: nothing */
    char *key, *parent;
};

struct mistake {
    int line;
    size_t order;
    char *text;
};

struct looking {
    struct mistake mistakes[MOST_MISTAKES];
    size_t count;
    struct edit edits[MOST_MISTAKES];
    size_t edit_count;
    unsigned round;
    char unique[16];      /* a name that nothing else has */
    struct tree given[4]; /* put in where they are missing */
};

/* Of a node, from round to round; for free(). */
static char *key_of(const struct tree *t)
{
    char path[256];

    return xasprintf("%d:%s", t->line, tree_path(t, path, sizeof path));
}

static size_t place_of(const struct tree *t)
{
    size_t n = 0;

    for (const struct tree *one = t->parent->first; one != t; one = one->next)
        n++;
    return n;
}

/* For a text, and for what a campaign cannot do without. */
static const char *instead_of(const struct looking *l, const struct tree *t)
{
    static const char *const needed[][2] = {{"id", "x"},
                                            {"class", "notice"},
                                            {"title", "x"},
                                            {"at", "now"},
                                            {"starts", "2099-01-01T09:00"},
                                            {"name", NULL}};

    for (size_t i = 0; t->name != NULL && i < sizeof needed / sizeof *needed; i++)
        if (strcmp(needed[i][0], t->name) == 0)
            return needed[i][1] != NULL ? needed[i][1] : l->unique;
    for (; t->parent != NULL; t = t->parent)
        if (t->parent->name != NULL && strcmp(t->parent->name, "texts") == 0)
            return "x";
    return NULL;
}

/* By key: was it replaced, or one of its children taken out? */
static bool was_edited(const struct looking *l, const char *key, bool child)
{
    for (size_t i = 0; i < l->edit_count; i++)
        if (l->edits[i].round < l->round &&
            strcmp(child ? l->edits[i].parent : l->edits[i].key, key) == 0 &&
            (l->edits[i].instead == NULL) == child)
            return true;
    return false;
}

/* Whether a document can do without: neither the whole, nor what it must have. */
static bool may_go(const struct tree *t)
{
    static const char *const whole[] = {"campaign", "event", "texts", "reminders"};

    if (t->parent == NULL)
        return false;
    for (size_t i = 0; t->name != NULL && i < sizeof whole / sizeof *whole; i++)
        if (strcmp(t->name, whole[i]) == 0)
            return false;
    return true;
}

static void take_out(struct looking *l, const struct tree *t, const char *key)
{
    struct edit *e = &l->edits[l->edit_count];
    const char *instead;

    if (!may_go(t) || l->edit_count == MOST_MISTAKES)
        return;
    snprintf(l->unique, sizeof l->unique, "x%zu", l->edit_count);
    instead = was_edited(l, key, false) ? NULL : instead_of(l, t);
    *e = (struct edit){.round = l->round,
                       .instead = instead != NULL ? xstrdup(instead) : NULL,
                       .key = xstrdup(key),
                       .parent = key_of(t->parent)};
    for (; t->parent != NULL && e->depth < DEPTH; t = t->parent)
        e->place[e->depth++] = place_of(t);
    l->edit_count++;
}

static bool is_told(const struct looking *l, const char *text)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->mistakes[i].text, text) == 0)
            return true;
    return false;
}

static void add(struct looking *l, int line, const char *text)
{
    if (l->count < MOST_MISTAKES && !is_told(l, text)) {
        l->mistakes[l->count] = (struct mistake){line, l->count, xstrdup(text)};
        l->count++;
    }
}

static void on_mistake(void *arg, const struct tree *node, const char *text)
{
    struct looking *l = arg;
    char *key = key_of(node);

    if (!was_edited(l, key, true)) /* else it comes of what was taken out there */
        add(l, node->line, text);
    take_out(l, node, key);
    free(key);
}

static struct tree *find(struct tree *root, const struct edit *e)
{
    struct tree *t = root;

    for (size_t i = e->depth; i > 0 && t != NULL; i--) {
        t = t->first;
        for (size_t n = e->place[i - 1]; n > 0 && t != NULL; n--)
            t = t->next;
    }
    return t;
}

static bool hangs_on_start(const struct tree *t)
{
    static const char *const names[] = {"ends", "repeat", "except", "moved", "expires", "until"};

    for (size_t i = 0; t->name != NULL && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], t->name) == 0)
            return true;
    return false;
}

/* What was right for the event's own start may be wrong for another, and is no mistake. */
static void forget_times(struct tree *t)
{
    for (struct tree **at = &t->first; *at != NULL;)
        if (hangs_on_start(*at)) {
            *at = (*at)->next;
            t->count--;
        } else {
            forget_times(*at);
            at = &(*at)->next;
        }
}

static void apply(struct tree *t, const struct edit *e)
{
    struct tree *parent = (struct tree *)t->parent, **at = &parent->first;

    if (e->instead != NULL) {
        t->kind = TREE_STRING;
        t->string = e->instead;
        t->first = NULL;
        t->count = 0;
        if (t->name != NULL && strcmp(t->name, "starts") == 0) {
            while (parent->parent != NULL)
                parent = (struct tree *)parent->parent;
            forget_times(parent);
        }
        return;
    }
    while (*at != NULL && *at != t)
        at = &(*at)->next;
    if (*at == NULL)
        return; /* with another mistake of the same */
    *at = t->next;
    parent->count--;
}

/* What is missing was told in the first round, and hides nothing else. Behind all others: their
 * places stay. Returns whether the start was. */
static bool give(struct looking *l, struct tree *root)
{
    static const char *const needed[] = {"id", "class", "title", "starts"};
    struct tree *campaign = (struct tree *)tree_member(root, "campaign");
    struct tree *event, *one = l->given;
    bool startless = false;

    campaign = campaign != NULL ? campaign : root;
    event = (struct tree *)tree_member(campaign, "event");
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        bool start = strcmp(needed[i], "starts") == 0;
        struct tree *to = start ? event : campaign, **at;

        if (to == NULL || to->kind != TREE_OBJECT || tree_member(to, needed[i]) != NULL)
            continue;
        *one = (struct tree){.kind = TREE_STRING, .name = needed[i], .parent = to};
        one->string = instead_of(l, one);
        for (at = &to->first; *at != NULL;)
            at = &(*at)->next;
        *at = one++;
        to->count++;
        startless = startless || start;
    }
    return startless;
}

/* The places of one round are all of the same tree. */
static void edit(struct looking *l, struct tree *root)
{
    struct tree *nodes[MOST_MISTAKES];
    bool startless = l->round > 0 && give(l, root);

    for (size_t from = 0, to; from < l->edit_count; from = to) {
        if (startless && l->edits[from].round > 0) {
            forget_times(root);
            startless = false;
        }
        for (to = from; to < l->edit_count && l->edits[to].round == l->edits[from].round; to++)
            nodes[to] = find(root, &l->edits[to]);
        for (size_t i = from; i < to; i++)
            if (nodes[i] != NULL)
                apply(nodes[i], &l->edits[i]);
    }
    if (startless)
        forget_times(root);
}

/* Whether another reading may find more. */
static bool look(struct looking *l, const struct cli *cli, const char *path)
{
    size_t edits = l->edit_count;
    struct tree *root = reading_document(path, NULL);
    struct campaign *c;
    struct error err;

    if (root == NULL)
        return false;
    edit(l, root);
    tree_listen(on_mistake, l);
    c = campaign_read_document(root, path, &cli->settings->defaults, NULL, 0, &err);
    tree_listen(NULL, NULL);
    campaign_free(c);
    return c == NULL && (l->edit_count > edits || l->round == 0);
}

static int by_line(const void *a, const void *b)
{
    const struct mistake *x = a, *y = b;

    return x->line != y->line ? (x->line < y->line ? -1 : 1) : x->order < y->order ? -1 : 1;
}

static void tell(const struct looking *l, const struct cli *cli, const char *path, int code)
{
    json_t *all = json_array();

    fflush(stdout);
    for (size_t i = 0; i < l->count; i++) {
        prose_tell("outreach: %s%s%s\n", l->mistakes[i].line == 0 ? path : "",
                   l->mistakes[i].line == 0 ? ": " : "", l->mistakes[i].text);
        json_array_append_new(all, json_text(l->mistakes[i].text));
    }
    prose_tell(T("outreach: %s: %zu mistakes\n"), path, l->count);
    if (cli->json)
        cli_json(json_pack("{s:o,s:o,s:i}", "error", json_text(l->mistakes[0].text), "errors",
                           json_incref(all), "exit", code));
    json_decref(all);
}

int mistakes_tell(const struct cli *cli, const char *path, int code, const struct error *err)
{
    struct looking *l = xcalloc(1, sizeof *l);

    while (look(l, cli, path) && l->round < MOST_ROUNDS)
        l->round++;
    qsort(l->mistakes, l->count, sizeof *l->mistakes, by_line);
    if (l->count > 1)
        tell(l, cli, path, code);
    else
        cli_error(cli, code, err);
    for (size_t i = 0; i < l->count; i++)
        free(l->mistakes[i].text);
    for (size_t i = 0; i < l->edit_count; i++) {
        free(l->edits[i].key);
        free(l->edits[i].parent);
        free(l->edits[i].instead);
    }
    free(l);
    return code;
}

void mistakes_tell_beside(const struct cli *cli, const char *path, const struct error *err)
{
    struct cli quiet = *cli;

    quiet.json = false;
    mistakes_tell(&quiet, path, EX_DATAERR, err);
}
