#include "speechless.h"

#include "builtin.h"
#include "gateway.h"
#include "language.h"
#include "tree.h"

#include <string.h>

static bool serves(const struct gateway_config *g, const struct campaign *c)
{
    if (g->disabled || g->group || (g->classes & 1u << c->class) == 0)
        return false;
    for (size_t k = 0; k < c->channel_count; k++)
        if (strcmp(g->channel, c->channels[k]) == 0)
            return true;
    return false;
}

/* The first gateway that would have to carry the built-in reminder and cannot; NULL where one
 * can, or none is there at all, which others tell. */
static const char *speechless(struct gateway_set *set, const struct campaign *builtin)
{
    const char *first = NULL;

    for (size_t i = 0; i < gateway_set_count(set); i++) {
        const struct gateway_config *g = gateway_config(gateway_set_at(set, i));

        if (!serves(g, builtin))
            continue;
        if ((g->capabilities & GATEWAY_TEMPLATES_ONLY) == 0 ||
            campaign_template(builtin, 0, g->name, "", 0) != NULL)
            return NULL;
        first = first == NULL ? g->name : first;
    }
    return first;
}

static int check(const struct cli *cli, struct gateway_set *set, const struct campaign *c,
                 const char *reminder, const char *format, struct error *err)
{
    struct campaign *builtin = builtin_campaign(c, reminder, &cli->settings->defaults, err);
    const char *name = builtin != NULL ? speechless(set, builtin) : NULL;

    if (name != NULL)
        error_set(err, format, name, name);
    campaign_free(builtin);
    return name != NULL ? -1 : 0;
}

int speechless_check(const struct cli *cli, const struct campaign *c, struct error *err)
{
    bool corrects = tree_get(c->document, "texts.moved") != NULL ||
                    tree_get(c->document, "texts.cancelled") != NULL;
    struct gateway_set *set;
    struct error ignored;
    int rc = 0;

    if (c->to_group || (c->replies == NULL && !corrects))
        return 0;
    set = gateway_set_plan(cli->settings->gateways, cli->settings->plugin_dir, &ignored);
    if (set == NULL)
        return 0;
    if (c->replies != NULL)
        rc = check(cli, set, c, BUILTIN_ANSWERS,
                   T("nobody who writes back could be answered: gateway %s sends approved "
                     "templates only. Name one: answer_templates = { %s = { code = \"...\"; "
                     "params = ( \"text=notice_text\" ); }; }, or use another gateway"),
                   err);
    if (rc == 0 && corrects)
        rc = check(cli, set, c, BUILTIN_CORRECTIONS,
                   T("no correction could be sent: gateway %s sends approved templates only. Name "
                     "one: corrections = { templates = { %s = { code = \"...\"; params = ( "
                     "\"text=notice_text\" ); }; }; }, or use another gateway"),
                   err);
    gateway_set_close(set);
    return rc;
}
