#include "speechless.h"

#include "builtin.h"
#include "campaign.h"
#include "error.h"
#include "gateway.h"
#include "tree.h"

#include <string.h>

static bool serves(struct gateway *gateway, const struct campaign *c)
{
    const struct gateway_config *g = gateway_config(gateway);

    if (gateway_retired(gateway) || g->disabled || g->group || (g->classes & 1u << c->class) == 0)
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

        if (!serves(gateway_set_at(set, i), builtin))
            continue;
        if ((g->capabilities & GATEWAY_TEMPLATES_ONLY) == 0 ||
            campaign_template(builtin, 0, g->name, "", 0) != NULL)
            return NULL;
        first = first == NULL ? g->name : first;
    }
    return first;
}

/* Its first gateway that cannot, or NULL. The configuration holds the name. */
static const char *mute(struct gateway_set *set, const struct campaign *c, const char *reminder,
                        const struct campaign_defaults *defaults)
{
    struct error ignored;
    struct campaign *builtin = builtin_campaign(c, reminder, defaults, &ignored);
    const char *name = builtin != NULL ? speechless(set, builtin) : NULL;

    campaign_free(builtin);
    return name;
}

int speechless_check(struct gateway_set *set, const struct campaign *c,
                     const struct campaign_defaults *defaults, struct error *err)
{
    bool corrects = tree_get(c->document, "texts.moved") != NULL ||
                    tree_get(c->document, "texts.cancelled") != NULL;
    const char *name = NULL;

    if (c->to_group)
        return 0;
    if (c->replies != NULL)
        name = mute(set, c, BUILTIN_ANSWERS, defaults);
    if (name != NULL)
        return error_set(err,
                         "nobody who writes back could be answered: gateway %s sends approved "
                         "templates only. Name one: answer_templates = { %s = { code = \"...\"; "
                         "params = ( \"text=notice_text\" ); }; }, or use another gateway",
                         name, name);
    if (corrects)
        name = mute(set, c, BUILTIN_CORRECTIONS, defaults);
    if (name != NULL)
        return error_set(err,
                         "no correction could be sent: gateway %s sends approved templates only. "
                         "Name one: corrections = { templates = { %s = { code = \"...\"; params = "
                         "( \"text=notice_text\" ); }; }; }, or use another gateway",
                         name, name);
    return 0;
}
