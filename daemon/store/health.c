#include "health.h"

#include "command.h"
#include "db.h"
#include "language.h"
#include "log.h"
#include "mem.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 5000
#define MEMORY_PERCENT 80 /* of maxmemory */

#define MEMORY 0 /* in the table */

static const struct {
    const char *name;
    enum { NOT_OK, GROWS, NEAR } wrong;
    const char *field, *of; /* of: what it must keep away from */
    const char *why;
} troubles[HEALTH_TROUBLES] = {
    [MEMORY] = {"memory", NEAR, "used_memory", "maxmemory",
                N_("its memory is nearly full: no new campaign is taken; raise maxmemory, or erase "
                   "old campaigns")},
    {"snapshot", NOT_OK, "rdb_last_bgsave_status", NULL,
     N_("it could not write its snapshot: is its disk full?")},
    {"aof", NOT_OK, "aof_last_write_status", NULL,
     N_("it could not write its log: is its disk full?")},
    {"rewrite", NOT_OK, "aof_last_bgrewrite_status", NULL,
     N_("it could not rewrite its log, which grows: is its disk full?")},
    {"fsync", GROWS, "aof_delayed_fsync", NULL, N_("its disk is slow: writes wait for it")},
    {"evicted", GROWS, "evicted_keys", NULL,
     N_("it has thrown keys away for want of memory: ledgers may be among them")},
};

struct watched { /* a server */
    char name[sizeof((struct db_server *)0)->name];
    bool asked;
    unsigned told;
    int64_t before[HEALTH_TROUBLES];
};

struct health {
    struct db *db;
    struct event *timer;
    struct command command;
    struct watched servers[DB_SERVERS]; /* as db_servers() names them */
};

const char *health_name(size_t k)
{
    return troubles[k].name;
}

/* The value of a field, "name:value\r\n" at the beginning of a line, or NULL. */
static const char *value_of(const char *info, const char *field)
{
    size_t n = strlen(field);

    for (const char *p = info; (p = strstr(p, field)) != NULL; p += n)
        if ((p == info || p[-1] == '\n') && p[n] == ':')
            return p + n + 1;
    return NULL;
}

static int64_t number_of(const char *info, const char *field)
{
    const char *value = value_of(info, field);

    return value != NULL ? strtoll(value, NULL, 10) : -1;
}

bool health_memory_full(const char *info, int *percent)
{
    int64_t used = number_of(info, "used_memory"), most = number_of(info, "maxmemory");

    *percent = most > 0 && used > 0 ? (int)(used / ((most + 99) / 100)) : 0;
    return *percent >= MEMORY_PERCENT;
}

bool health_full(const struct health *h)
{
    return health_has(h, MEMORY);
}

bool health_has(const struct health *h, size_t k)
{
    for (size_t i = 0; h != NULL && i < DB_SERVERS; i++)
        if ((h->servers[i].told & 1u << k) != 0)
            return true;
    return false;
}

const char *health_why(size_t k)
{
    return troubles[k].why;
}

unsigned health_judge(const char *info, int64_t before[HEALTH_TROUBLES])
{
    unsigned found = 0;

    for (size_t k = 0; k < HEALTH_TROUBLES; k++) {
        const char *value = value_of(info, troubles[k].field);
        int64_t now, most;
        bool wrong = false;

        if (value == NULL)
            continue;
        switch (troubles[k].wrong) {
        case NOT_OK:
            wrong = strncmp(value, "ok", 2) != 0;
            break;
        case GROWS:
            now = strtoll(value, NULL, 10);
            wrong = before[k] >= 0 && now > before[k];
            before[k] = now;
            break;
        case NEAR:
            most = number_of(info, troubles[k].of);
            wrong = most > 0 && strtoll(value, NULL, 10) / MEMORY_PERCENT >= most / 100;
            break;
        }
        found |= (unsigned)wrong << k;
    }
    return found;
}

/* server= only where there are several. */
static void tell(struct watched *w, unsigned found)
{
    char server[sizeof w->name + 16] = "";

    if (w->name[0] != '\0')
        snprintf(server, sizeof server, " server=%s", w->name);
    for (size_t k = 0; k < HEALTH_TROUBLES; k++) {
        if (found & ~w->told & 1u << k)
            log_warning("redis.ailing what=%s%s reason=%s", troubles[k].name, server,
                        log_quote(troubles[k].why));
        if (w->told & ~found & 1u << k)
            log_info("redis.recovered what=%s%s", troubles[k].name, server);
    }
    w->told = found;
}

static void on_info(void *arg, const redisReply *reply)
{
    struct watched *w = arg;

    w->asked = false;
    if (reply->type == REDIS_REPLY_STRING) /* else this user may not ask: then nobody is told */
        tell(w, health_judge(reply->str, w->before));
}

/* Whoever stands at its place now: nothing is known of it. */
static void greet(struct watched *w, const char *name)
{
    if (strcmp(w->name, name) == 0)
        return;
    tell(w, 0);
    strcpy(w->name, name);
    for (size_t k = 0; k < HEALTH_TROUBLES; k++)
        w->before[k] = -1;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct db_server list[DB_SERVERS];
    struct health *h = arg;
    unsigned n;

    (void)fd, (void)what;
    if (!db_well(h->db))
        return;
    n = db_servers(h->db, list);
    for (unsigned i = 0; i < DB_SERVERS; i++) {
        struct watched *w = &h->servers[i];

        if (w->asked)
            continue;
        greet(w, i < n ? list[i].name : "");
        if (i >= n)
            continue;
        w->asked = true;
        command_start(&h->command, "INFO");
        command_at_slot(&h->command, list[i].slot);
        command_unordered(&h->command);
        db_send(h->db, &h->command, on_info, w);
    }
}

struct health *health_create(struct event_base *base, struct db *db)
{
    static const struct timeval look = {LOOK_MS / 1000, 0};
    struct health *h = xcalloc(1, sizeof *h);

    h->db = db;
    h->command = COMMAND_INIT;
    for (size_t i = 0; i < DB_SERVERS; i++)
        for (size_t k = 0; k < HEALTH_TROUBLES; k++)
            h->servers[i].before[k] = -1;
    h->timer = event_new(base, -1, EV_PERSIST, on_timer, h);
    event_add(h->timer, &look);
    return h;
}

void health_free(struct health *h)
{
    if (h == NULL)
        return;
    event_free(h->timer);
    command_free(&h->command);
    free(h);
}
