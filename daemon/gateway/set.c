/*
 * The gateways together: which there are by the configuration, opened, routed, closed; and
 * made those of another configuration while they work.
 */
#include "gateway.h"

#include "error.h"
#include "http_client.h"
#include "instance.h"
#include "resolver.h"
#include "tree.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ configuring */

/* Also beside one that is wrong otherwise. */
static int check_name(const struct tree *list, const struct tree *group, struct error *err)
{
    const char *name = tree_string(group, "name", "");

    for (const struct tree *other = list->first; other != group; other = other->next)
        if (*name != '\0' && strcmp(tree_string(other, "name", ""), name) == 0)
            return tree_error(err, tree_get(group, "name"), "two gateways are called \"%s\"", name);
    return 0;
}

/* What gateways must not say differently of each other. */
static int check_against_others(const struct gateway *gw, const struct tree *group,
                                struct error *err)
{
    for (size_t i = 0; i < gw->index; i++) {
        const struct gateway_config *other = gw->set->gateways[i]->config;

        if (other->source != NULL && gw->config->source != NULL &&
            strcmp(other->source, gw->config->source) == 0 &&
            (other->sender_rate != gw->config->sender_rate ||
             other->sender_rate_ms != gw->config->sender_rate_ms))
            return tree_error(err, tree_get(group, "sender_rate"),
                              "gateway \"%s\" has another one for the same source", other->name);
    }
    return 0;
}

/* The routes of all that are not retired. */
static struct route *make_route(const struct gateway_set *set, struct error *err)
{
    const struct gateway_config *configs[GATEWAY_SET_MAX];
    struct gateway_config none[GATEWAY_SET_MAX];

    for (size_t i = 0; i < set->count; i++) {
        configs[i] = set->gateways[i]->config;
        if (!set->gateways[i]->retired)
            continue;
        none[i] = *configs[i];
        none[i].classes = 0;
        none[i].match.count = 0;
        configs[i] = &none[i];
    }
    return route_create(configs, set->count, err);
}

static int set_route(struct gateway_set *set, struct error *err)
{
    route_free(set->route);
    set->route = make_route(set, err);
    return set->route == NULL ? -1 : 0;
}

static int configure_one(struct gateway_set *set, const struct tree *list, const struct tree *group,
                         const char *plugin_dir, struct error *err)
{
    struct gateway *gw = gateway_create(set, set->count);
    struct error more;
    int rc;

    set->gateways[set->count] = gw;
    rc = gateway_configure(gw, group, plugin_dir, err);
    if (rc == 0)
        rc = check_against_others(gw, group, err);
    if ((rc == 0 || tree_is_heard()) && check_name(list, group, rc == 0 ? err : &more) != 0)
        rc = -1;
    if (rc == 0)
        set->count++;
    else
        gateway_free_all(gw);
    return rc;
}

static int set_configure(struct gateway_set *set, const struct tree *list, const char *plugin_dir,
                         struct error *err)
{
    struct error more; /* behind the first, heard and forgotten */
    int rc = 0;

    set->gateways = xcalloc(GATEWAY_SET_MAX, sizeof(struct gateway *));
    if (list == NULL)
        return 0;
    if (list->kind != TREE_LIST)
        return tree_error(err, list, "expected a list of gateways ( { ... }, ... ), found %s",
                          tree_kind_name(list->kind));
    if (list->count > GATEWAY_SET_MAX)
        return tree_error(err, list, "at most %d gateways", GATEWAY_SET_MAX);
    for (const struct tree *group = list->first; group != NULL && (rc == 0 || tree_is_heard());
         group = group->next)
        if (configure_one(set, list, group, plugin_dir, rc == 0 ? err : &more) != 0)
            rc = -1;
    return rc == 0 ? set_route(set, err) : -1;
}

/* ------------------------------------------------------------------ opening */

static int set_open(struct gateway_set *set, const struct tree *list, struct error *err)
{
    const struct tree *group = list == NULL ? NULL : list->first;

    set->resolver = resolver_create(set->base, NULL);
    set->http = http_client_create(set->base, set->resolver);
    if (set->events.wire != NULL)
        http_client_watch(set->http, set->events.wire, set->arg);
    for (size_t i = 0; i < set->count; i++, group = group->next)
        if (gateway_open(set->gateways[i], group, err) != 0)
            return -1;
    /* Only an open plugin says whether it reaches a group. */
    return list == NULL ? 0 : set_route(set, err);
}

struct gateway_set *gateway_set_open(const struct tree *list, const char *plugin_dir,
                                     struct event_base *base, const struct gateway_events *events,
                                     void *arg, struct error *err)
{
    struct gateway_set *set = xcalloc(1, sizeof *set);

    set->base = base;
    set->events = *events;
    set->arg = arg;
    set->opening = true;
    if (set_configure(set, list, plugin_dir, err) != 0 || set_open(set, list, err) != 0) {
        gateway_set_close(set);
        return NULL;
    }
    set->opening = false;
    return set;
}

void gateway_set_share(struct gateway_set *set, struct db *db)
{
    set->db = db;
}

int gateway_set_check(const struct tree *list, const char *plugin_dir, struct error *err)
{
    struct gateway_set *set = xcalloc(1, sizeof *set);
    int rc = set_configure(set, list, plugin_dir, err);

    gateway_set_close(set);
    return rc;
}

struct gateway_set *gateway_set_plan(const struct tree *list, const char *plugin_dir,
                                     struct error *err)
{
    struct gateway_set *set = xcalloc(1, sizeof *set);

    set->plans = true;
    if (set_configure(set, list, plugin_dir, err) != 0) {
        gateway_set_close(set);
        return NULL;
    }
    for (size_t i = 0; i < set->count; i++)
        if (!set->gateways[i]->config->disabled)
            set->usable |= UINT64_C(1) << i;
    return set;
}

/* ------------------------------------------------------------------ closing */

void gateway_set_drain(struct gateway_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        gateway_drain(set->gateways[i]);
}

void gateway_set_shut(struct gateway_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        if (!set->gateways[i]->closing)
            gateway_close(set->gateways[i]);
}

void gateway_set_trim(struct gateway_set *set)
{
    spare_trim(&set->promises, free);
    http_client_trim(set->http);
}

void gateway_set_close(struct gateway_set *set)
{
    if (set == NULL)
        return;
    gateway_set_shut(set);
    http_client_free(set->http);
    resolver_free(set->resolver);
    for (size_t i = 0; i < set->count; i++)
        gateway_free_all(set->gateways[i]);
    host_free_promises(set);
    route_free(set->route);
    free(set->gateways);
    arena_free(&set->arena);
    free(set);
}

/* ------------------------------------------------------------------ reloading */

/* Opens what is new in the list behind what is there. Sets a bit for each that stays. */
static int open_new(struct gateway_set *set, const struct tree *list, const char *plugin_dir,
                    uint64_t *stays, struct error *err)
{
    const struct tree *group = list != NULL ? list->first : NULL;

    for (; group != NULL; group = group->next) {
        struct gateway *before = gateway_set_find(set, tree_string(group, "name", "")), *gw;
        unsigned char print[32];

        gateway_print(group, print);
        if (before != NULL && memcmp(before->print, print, sizeof print) == 0) {
            *stays |= gateway_bit(before);
            continue;
        }
        if (set->count == GATEWAY_SET_MAX)
            return tree_error(err, group,
                              "%d gateways were opened in this life of the daemon: it must be "
                              "restarted before there can be more",
                              GATEWAY_SET_MAX);
        gw = gateway_create(set, set->count);
        if (gateway_configure(gw, group, plugin_dir, err) != 0) {
            gateway_free_all(gw);
            return -1;
        }
        set->gateways[set->count++] = gw;
        *stays |= gateway_bit(gw);
        if (gateway_open(gw, group, err) != 0)
            return -1;
    }
    return 0;
}

int gateway_set_reload(struct gateway_set *set, const struct tree *list, const char *plugin_dir,
                       size_t *opened, size_t *retired, struct error *err)
{
    size_t before = set->count;
    struct route *route = NULL;
    uint64_t stays = 0, was = 0;

    *opened = *retired = 0;
    if (gateway_set_check(list, plugin_dir, err) != 0)
        return -1;
    set->opening = true;
    if (open_new(set, list, plugin_dir, &stays, err) != 0)
        goto undo;
    for (size_t i = 0; i < before; i++)
        if (!set->gateways[i]->retired && (stays & gateway_bit(set->gateways[i])) == 0) {
            was |= gateway_bit(set->gateways[i]);
            set->gateways[i]->retired = true;
        }
    route = make_route(set, err);
    if (route == NULL)
        goto undo;
    set->opening = false;
    route_free(set->route);
    set->route = route;
    for (size_t i = 0; i < before; i++)
        if ((was & gateway_bit(set->gateways[i])) != 0) {
            gateway_retire(set->gateways[i]);
            ++*retired;
        }
    *opened = set->count - before;
    return 0;

undo:
    for (size_t i = 0; i < before; i++)
        if ((was & gateway_bit(set->gateways[i])) != 0)
            set->gateways[i]->retired = false;
    while (set->count > before) {
        gateway_close(set->gateways[set->count - 1]);
        gateway_free_all(set->gateways[--set->count]);
    }
    set->opening = false;
    return -1;
}

/* ------------------------------------------------------------------ the rest */

size_t gateway_set_count(const struct gateway_set *set)
{
    return set->count;
}

struct gateway *gateway_set_at(const struct gateway_set *set, size_t i)
{
    return set->gateways[i];
}

struct gateway *gateway_set_find(const struct gateway_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++)
        if (!set->gateways[i]->retired && strcmp(set->gateways[i]->config->name, name) == 0)
            return set->gateways[i];
    return NULL;
}

size_t gateway_set_outstanding(const struct gateway_set *set)
{
    return set->outstanding;
}

struct gateway *gateway_route(struct gateway_set *set, const struct route_query *query,
                              const char **why)
{
    uint32_t random = 0;
    int i;

    if (set->route == NULL) {
        if (why != NULL)
            *why = "no gateway is configured";
        return NULL;
    }
    if (set->count > 1) /* among one there is nothing to draw */
        host_random(&random, sizeof random);
    i = route_choose(set->route, query, set->usable, random, why);
    return i < 0 ? NULL : set->gateways[i];
}

bool gateway_serves(const struct gateway_set *set, const char *channel, enum gateway_class class,
                    bool group)
{
    return set->route != NULL && route_serving(set->route, channel, class, group) != 0;
}
