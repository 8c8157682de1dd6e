#include "hints.h"

#include "column.h"
#include "table.h"
#include "tree.h"

#include <string.h>

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

static void put_line(const struct cli *cli, const char *words, bool first, struct buf *out)
{
    if (first)
        buf_puts(out, T("\nTo know\n"));
    table_wrap(out, words, cli->width > 40 ? cli->width - 2 : 1000, "  ");
}

/* As the texts name it, or as the list calls it where audience.columns gives it another name. */
static bool is_private(const struct campaign *c, const char *column)
{
    const struct tree *renamed = tree_get(c->document, "audience.columns");
    const char *heading = renamed != NULL ? tree_string(renamed, column, column) : column;

    return column_is_private(column, strlen(column)) || column_is_private(heading, strlen(heading));
}

/* "{{身份证号}}, {{银行卡号}}": columns that the texts use; others are not kept. "" where there is
 * none. */
static void put_private(const struct campaign *c, struct buf *out)
{
    for (size_t i = 0; i < c->column_count; i++)
        if (is_private(c, c->columns[i]))
            buf_printf(out, "%s{{%s}}", out->length > 0 ? T(", ") : "", c->columns[i]);
}

bool hints_write_private(const struct cli *cli, const struct campaign *c, bool headed,
                         struct buf *out)
{
    struct buf names = BUF_INIT(16384), words = BUF_INIT(32768);
    bool any;

    put_private(c, &names);
    any = names.length > 0;
    if (any) {
        buf_printf(&words,
                   T("! the message carries %s: whoever sees the phone can read it, and so can the "
                     "provider. Take it out of the texts, and ask people to bring the document"),
                   buf_string(&names));
        put_line(cli, buf_string(&words), !headed, out);
    }
    buf_free(&words);
    buf_free(&names);
    return any;
}

void hints_write(const struct cli *cli, const struct reading *r, struct buf *out)
{
    bool any = hints_write_private(cli, r->campaign, false, out);

    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        if (!hints[i].holds(cli, r->campaign))
            continue;
        put_line(cli, words_of(hints[i].words), !any, out);
        any = true;
    }
}

json_t *hints_json(const struct cli *cli, const struct reading *r)
{
    struct buf names = BUF_INIT(16384);
    json_t *all = json_array();

    put_private(r->campaign, &names);
    if (names.length > 0)
        json_array_append_new(all, json_string("private-column"));
    buf_free(&names);
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (hints[i].holds(cli, r->campaign))
            json_array_append_new(all, json_string(hints[i].name));
    return all;
}
