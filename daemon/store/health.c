#include "health.h"

#include "command.h"
#include "db.h"
#include "log.h"
#include "mem.h"

#include <event2/event.h>
#include <stdbool.h>
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
                "its memory is nearly full: no new campaign is taken; raise maxmemory, or erase "
                "old campaigns"},
    {"snapshot", NOT_OK, "rdb_last_bgsave_status", NULL,
     "it could not write its snapshot: is its disk full?"},
    {"aof", NOT_OK, "aof_last_write_status", NULL, "it could not write its log: is its disk full?"},
    {"rewrite", NOT_OK, "aof_last_bgrewrite_status", NULL,
     "it could not rewrite its log, which grows: is its disk full?"},
    {"fsync", GROWS, "aof_delayed_fsync", NULL, "its disk is slow: writes wait for it"},
    {"evicted", GROWS, "evicted_keys", NULL,
     "it has thrown keys away for want of memory: ledgers may be among them"},
};

struct health {
    struct db *db;
    struct event *timer;
    struct command command;
    bool asked;
    unsigned told;
    int64_t before[HEALTH_TROUBLES];
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
    return h != NULL && (h->told & 1u << MEMORY) != 0;
}

bool health_has(const struct health *h, size_t k)
{
    return h != NULL && (h->told & 1u << k) != 0;
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

static void on_info(void *arg, const redisReply *reply)
{
    struct health *h = arg;
    unsigned found;

    h->asked = false;
    if (reply->type != REDIS_REPLY_STRING)
        return; /* this user may not ask: then nobody is told */
    found = health_judge(reply->str, h->before);
    for (size_t k = 0; k < HEALTH_TROUBLES; k++) {
        if (found & ~h->told & 1u << k)
            log_warning("redis.ailing what=%s reason=%s", troubles[k].name,
                        log_quote(troubles[k].why));
        if (h->told & ~found & 1u << k)
            log_info("redis.recovered what=%s", troubles[k].name);
    }
    h->told = found;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct health *h = arg;

    (void)fd, (void)what;
    if (h->asked || !db_well(h->db))
        return;
    h->asked = true;
    command_start(&h->command, "INFO");
    db_send(h->db, &h->command, on_info, h);
}

struct health *health_create(struct event_base *base, struct db *db)
{
    static const struct timeval look = {LOOK_MS / 1000, 0};
    struct health *h = xcalloc(1, sizeof *h);

    h->db = db;
    h->command = COMMAND_INIT;
    for (size_t k = 0; k < HEALTH_TROUBLES; k++)
        h->before[k] = -1;
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
