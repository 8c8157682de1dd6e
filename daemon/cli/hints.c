#include "hints.h"

#include "table.h"
#include "tree.h"

/* Something that is somewhere can be elsewhere, one day. */
static bool lacks(const struct campaign *c, const char *text)
{
    return !c->cancelled && tree_get(c->document, text) == NULL &&
           (tree_get(c->document, "event.venue") != NULL ||
            tree_get(c->document, "event.address") != NULL);
}

static bool no_moved(const struct cli *cli, const struct campaign *c)
{
    (void)cli;
    return lacks(c, "texts.moved");
}

static bool no_cancelled(const struct cli *cli, const struct campaign *c)
{
    (void)cli;
    return lacks(c, "texts.cancelled");
}

/* bound: the configuration's; 0: it has none, and any is stricter. */
static bool is_looser(const struct campaign *c, const char *path, double bound)
{
    const struct tree *own = tree_get(c->document, path);
    double is = own == NULL               ? 0
                : own->kind == TREE_INT   ? (double)own->integer
                : own->kind == TREE_FLOAT ? own->number
                                          : 0;

    return own != NULL && bound > 0 && (is <= 0 || is > bound);
}

static bool loose_recipients(const struct cli *cli, const struct campaign *c)
{
    return is_looser(c, "approval.recipients", (double)cli->settings->defaults.approval.recipients);
}

static bool loose_cost(const struct cli *cli, const struct campaign *c)
{
    return is_looser(c, "approval.cost", cli->settings->defaults.approval.cost);
}

static const struct {
    const char *name;
    bool (*holds)(const struct cli *cli, const struct campaign *c);
    const char *words;
} hints[] = {
    {"no-moved", no_moved,
     N_("texts has no `moved`: should the event be put off or move, `outreach amend` asks for that "
        "text, to tell those who were told already")},
    {"no-cancelled", no_cancelled,
     N_("texts has no `cancelled`: should the event be called off, `outreach cancel --tell` can "
        "tell nobody")},
    {"loose-recipients", loose_recipients,
     N_("approval.recipients has no effect: the configuration asks for a second person sooner")},
    {"loose-cost", loose_cost,
     N_("approval.cost has no effect: the configuration asks for a second person sooner")},
};

void hints_write(const struct cli *cli, const struct reading *r, struct buf *out)
{
    bool any = false;

    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        if (!hints[i].holds(cli, r->campaign))
            continue;
        if (!any)
            buf_puts(out, T("\nTo know\n"));
        any = true;
        table_wrap(out, words_of(hints[i].words), cli->width > 40 ? cli->width - 2 : 1000, "  ");
    }
}

json_t *hints_json(const struct cli *cli, const struct reading *r)
{
    json_t *names = json_array();

    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (hints[i].holds(cli, r->campaign))
            json_array_append_new(names, json_string(hints[i].name));
    return names;
}
