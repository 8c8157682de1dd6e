#include "spread.h"

#include "cluster.h"
#include "db_inside.h"
#include "db_wire.h"
#include "mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 500
#define HOLD_FIRST_MS 50
#define HOLD_MAX_MS 1000
#define ASKING "*1\r\n$6\r\nASKING\r\n"

struct server {
    struct slots_address address;
    struct db *db; /* NULL: nobody */
};

struct spread {
    struct db *stripe;
    struct cluster *cluster;
    struct server servers[SLOTS_MASTERS]; /* by their places in the map */
    unsigned version;                     /* of the map that what is under way went by */
    struct request *next;                 /* none before it can leave; NULL: all have left */
    size_t flying, ordered;               /* under way; of them not unordered */
    int slot;                             /* of all of these */
    bool draining;                        /* nothing leaves before all that is under way is back */
    bool asking;                          /* an ASK is followed: that one is under way alone */
    bool troubled;                        /* and has not been answered since */
    bool held;                            /* until the tick */
    bool joined;                          /* a server has, and it was not yet looked */
    int64_t hold_ms;
    struct buf asking_bytes;
    bool pumping;
};

/* ------------------------------------------------------------------- servers */

/* The connection to whoever has that place in the map now. */
static struct db *server_at(struct spread *spread, unsigned place)
{
    const struct slots_address *address = &cluster_map(spread->cluster)->masters[place];
    struct server *server = &spread->servers[place];

    if (server->db == NULL && address->host[0] != '\0') {
        server->address = *address;
        server->db = db_open_part(db_root(spread->stripe), spread, address->host, address->port);
        spread->joined = true;
    }
    return server->db;
}

static bool all_well(const struct spread *spread)
{
    if (cluster_map(spread->cluster) == NULL || spread->troubled)
        return false;
    for (unsigned i = 0; i < SLOTS_MASTERS; i++)
        if (spread->servers[i].db != NULL && spread->servers[i].db->state != DB_WELL)
            return false;
    return true;
}

/* Whom nobody has called away is on its way for the first time. */
static const char *who_joins(const struct spread *spread, char *why, size_t bytes)
{
    for (unsigned i = 0; i < SLOTS_MASTERS; i++) {
        const struct server *server = &spread->servers[i];

        if (server->db == NULL || server->db->state == DB_WELL)
            continue;
        snprintf(why, bytes, "%.*s:%d: joins the cluster, not yet connected", SLOTS_HOST_BYTES,
                 server->address.host, server->address.port);
        return why;
    }
    return NULL;
}

void spread_look(struct spread *spread, const char *why)
{
    struct db *stripe = spread->stripe, *root = db_root(stripe);
    bool was = stripe->state == DB_WELL, well = all_well(spread);
    char joins[SLOTS_HOST_BYTES + 64];

    spread->joined = false;
    if (was && !well && why == NULL)
        why = who_joins(spread, joins, sizeof joins);
    if (why != NULL) {
        snprintf(stripe->why, sizeof stripe->why, "%s", why);
        snprintf(root->why, sizeof root->why, "%s", why);
    }
    stripe->state = well ? DB_WELL : DB_AWAY;
    if (!well && why != NULL)
        db_tell(stripe, false);
    if (well && !was)
        db_tell(stripe, true);
    if (well != was)
        db_tell_owner(stripe, well);
}

/* ------------------------------------------------------------- under way and back */

static void pump(struct spread *spread);

static void back(struct spread *spread, struct request *r)
{
    r->flying = false;
    spread->flying--;
    spread->ordered -= !r->unordered;
    if (r->asked != SLOTS_NOBODY)
        spread->asking = false;
}

static void drop_reply(struct request *r)
{
    if (r->reply != NULL)
        freeReplyObject(r->reply);
    r->reply = NULL;
}

/* r goes again, and behind it what came after it in its slot. */
static void once_more(struct spread *spread, struct request *r)
{
    r->asked = SLOTS_NOBODY;
    for (struct request *s = r->next; s != NULL; s = s->next) {
        if (s->slot != r->slot)
            continue;
        drop_reply(s);
        s->again = s->flying;
    }
    spread->next = spread->stripe->first;
    spread->draining = spread->flying > 0;
}

static void hold(struct spread *spread, struct request *r, const char *why)
{
    r->redirects = 0;
    r->tried = true;
    spread->troubled = true;
    if (!spread->held) {
        db_arm(spread->stripe, spread->hold_ms);
        spread->hold_ms = spread->hold_ms * 2 > HOLD_MAX_MS ? HOLD_MAX_MS : spread->hold_ms * 2;
    }
    spread->held = true;
    spread_look(spread, why);
}

/* Whether it must go elsewhere, or later. */
static bool redirected(struct spread *spread, struct request *r, const redisReply *reply)
{
    struct slots_redirect to;
    char why[128];
    uint8_t place;

    if (reply->type != REDIS_REPLY_ERROR)
        return false;
    if (strncmp(reply->str, "TRYAGAIN", 8) == 0) {
        once_more(spread, r);
        hold(spread, r, reply->str);
        return true;
    }
    if (!slots_redirected(reply->str, &to))
        return false;
    if (to.to.host[0] == '\0') /* of whoever said it */
        memcpy(to.to.host, spread->servers[r->place].address.host, sizeof to.to.host);
    place = cluster_redirected(spread->cluster, &to);
    once_more(spread, r);
    if (to.once)
        r->asked = place;
    if (++r->redirects > REDIRECTS_MOST || place == SLOTS_NOBODY) {
        snprintf(why, sizeof why, "a slot is not to be found: %.80s", reply->str);
        r->asked = SLOTS_NOBODY;
        cluster_look(spread->cluster);
        hold(spread, r, why);
    }
    return true;
}

/* What is first and has its answer is done with. */
static void deliver(struct spread *spread, struct request *r, const redisReply *reply)
{
    if (spread->next == r)
        spread->next = r->next;
    db_answer(spread->stripe, reply);
}

static void on_answer(void *arg, const redisReply *reply)
{
    struct request *r = arg;
    struct db *stripe = r->db;
    struct spread *spread = stripe->spread;

    back(spread, r);
    if (r->again) {
        r->again = false;
        spread->next = stripe->first;
    } else if (!redirected(spread, r, reply)) {
        if (r->tried) {
            r->tried = false;
            spread->troubled = false;
            spread->hold_ms = HOLD_FIRST_MS;
            spread_look(spread, NULL);
        }
        r->redirects = 0;
        r->asked = SLOTS_NOBODY;
        if (r != stripe->first) {
            r->reply = db_copy_reply(reply);
        } else {
            deliver(spread, r, reply);
            while ((r = stripe->first) != NULL && r->reply != NULL) {
                redisReply *copy = r->reply;

                r->reply = NULL;
                deliver(spread, r, copy);
                freeReplyObject(copy);
            }
        }
    }
    pump(spread);
}

/* ------------------------------------------------------------------- leaving */

static bool may_leave(const struct spread *spread, const struct request *r)
{
    if (r->asked != SLOTS_NOBODY)
        return spread->flying == 0;
    return r->unordered || spread->ordered == 0 || spread->slot == r->slot;
}

static void leave(struct spread *spread, struct request *r)
{
    const struct slots_map *map = cluster_map(spread->cluster);
    struct db *server;

    r->place = r->asked != SLOTS_NOBODY ? r->asked : map->of[r->slot];
    server = server_at(spread, r->place);
    if (server == NULL) { /* whom the ASK named has left */
        r->asked = SLOTS_NOBODY;
        r->place = map->of[r->slot];
        server = server_at(spread, r->place);
    }
    assert(server != NULL);
    if (r->asked != SLOTS_NOBODY) {
        db_send_part(server, &spread->asking_bytes, false, NULL, NULL);
        spread->asking = true;
    }
    r->flying = true;
    spread->flying++;
    if (!r->unordered) {
        spread->ordered++;
        spread->slot = r->slot;
    }
    db_send_part(server, &r->bytes, r->can_wait, on_answer, r);
}

static void pump(struct spread *spread)
{
    struct request *r;

    if (spread->pumping || spread->held || cluster_map(spread->cluster) == NULL)
        return;
    if (spread->version != cluster_version(spread->cluster))
        spread->draining =
            true; /* what goes by the new map must not overtake what went by the old */
    if (spread->draining && spread->flying > 0)
        return;
    spread->draining = false;
    spread->version = cluster_version(spread->cluster);
    spread->pumping = true;
    for (r = spread->next; r != NULL && !spread->asking; r = r->next) {
        if (r->flying || r->reply != NULL)
            continue;
        if (!may_leave(spread, r))
            break;
        leave(spread, r);
    }
    spread->next = r;
    spread->pumping = false;
    if (spread->joined)
        spread_look(spread, NULL);
}

static void prepare(struct request *r)
{
    int slot = r->slot >= 0 ? r->slot : slots_of_command(r->bytes.data, r->bytes.length);

    r->slot = (int16_t)(slot >= 0 ? slot : 0);
    r->flying = r->again = r->tried = false;
    r->asked = SLOTS_NOBODY;
    r->redirects = 0;
}

void spread_push(struct spread *spread, struct request *r)
{
    if (r != NULL)
        prepare(r);
    if (spread->next == NULL)
        spread->next = r != NULL ? r : spread->stripe->first;
    pump(spread);
}

void spread_hurry(struct spread *spread)
{
    for (unsigned i = 0; i < SLOTS_MASTERS; i++)
        if (spread->servers[i].db != NULL && spread->servers[i].db->context != NULL)
            db_wire_hurry(spread->servers[i].db->context);
}

void spread_leave(struct spread *spread)
{
    for (unsigned i = 0; i < SLOTS_MASTERS; i++)
        if (spread->servers[i].db != NULL && spread->servers[i].db->context != NULL)
            db_wire_leave(spread->servers[i].db->context);
}

void spread_try(struct spread *spread)
{
    for (unsigned i = 0; i < SLOTS_MASTERS; i++)
        if (spread->servers[i].db != NULL && spread->servers[i].db->state == DB_AWAY)
            db_arm(spread->servers[i].db, 0);
}

void spread_tick(struct spread *spread)
{
    spread->held = false;
    db_send_aside(spread->stripe);
    spread->next = spread->stripe->first;
    if (!all_well(spread))
        cluster_look(spread->cluster);
    db_arm(spread->stripe, TICK_MS);
    pump(spread);
}

/* ------------------------------------------------------------------- its life */

static void leave_server(struct spread *spread, unsigned place)
{
    struct server *server = &spread->servers[place];

    db_close(server->db);
    memset(server, 0, sizeof *server);
    for (struct request *r = spread->stripe->first; r != NULL; r = r->next)
        if (r->flying && r->place == place) {
            back(spread, r);
            r->again = false;
            r->asked = SLOTS_NOBODY;
        }
    spread->next = spread->stripe->first;
}

void spread_follow(struct spread *spread)
{
    const struct slots_map *map = cluster_map(spread->cluster);

    for (unsigned i = 0; i < SLOTS_MASTERS; i++) {
        if (spread->servers[i].db != NULL &&
            !slots_same(&spread->servers[i].address, &map->masters[i]))
            leave_server(spread, i);
        server_at(spread, i);
    }
    spread_look(spread, NULL);
    pump(spread);
}

unsigned spread_servers(const struct spread *spread, struct db_server list[DB_SERVERS])
{
    const struct slots_map *map = cluster_map(spread->cluster);
    unsigned n = 0;

    for (unsigned i = 0; map != NULL && i < SLOTS_MASTERS; i++) {
        const uint8_t *slot = memchr(map->of, (int)i, sizeof map->of);

        if (slot == NULL)
            continue;
        list[n].slot = (int16_t)(slot - map->of);
        snprintf(list[n].name, sizeof list[n].name, "%.108s:%d", map->masters[i].host,
                 map->masters[i].port);
        n++;
    }
    return n;
}

struct spread *spread_create(struct db *stripe)
{
    struct spread *spread = xcalloc(1, sizeof *spread);

    spread->stripe = stripe;
    spread->cluster = db_root(stripe)->cluster;
    spread->version = cluster_version(spread->cluster);
    spread->hold_ms = HOLD_FIRST_MS;
    spread->asking_bytes = BUF_INIT(64);
    buf_put(&spread->asking_bytes, ASKING, strlen(ASKING));
    for (struct request *r = stripe->first; r != NULL; r = r->next)
        prepare(r);
    for (struct request *r = stripe->aside; r != NULL; r = r->next)
        prepare(r);
    spread->next = stripe->first;
    db_arm(stripe, TICK_MS);
    return spread;
}

void spread_trim(struct spread *spread)
{
    for (unsigned i = 0; i < SLOTS_MASTERS; i++)
        if (spread->servers[i].db != NULL)
            db_trim(spread->servers[i].db);
}

void spread_free(struct spread *spread)
{
    if (spread == NULL)
        return;
    for (struct request *r = spread->stripe->first; r != NULL; r = r->next)
        drop_reply(r);
    for (unsigned i = 0; i < SLOTS_MASTERS; i++)
        db_close(spread->servers[i].db);
    buf_free(&spread->asking_bytes);
    free(spread);
}
