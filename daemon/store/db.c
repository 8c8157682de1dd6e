#include "db.h"

#include "clock.h"
#include "cluster.h"
#include "db_inside.h"
#include "db_wire.h"
#include "error.h"
#include "fault.h"
#include "keys.h"
#include "language.h"
#include "log.h"
#include "mem.h"
#include "network.h"
#include "sentinel.h"
#include "settings.h"
#include "spread.h"

#include <assert.h>
#include <async.h>
#include <event2/event.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_TIMEOUT_MS 5000 /* the oldest command without answer: the connection is dead */
#define CONNECT_TIMEOUT_MS 3000
#define RETRY_FIRST_MS 50
#define RETRY_MAX_MS 2000
#define ROOM_MS 5000      /* nothing was refused for want of memory for so long: that is over */
#define DRAIN_MS 30000    /* without an answer: enough */
#define SENTINELS_MS 1000 /* before it is said that none of them has answered */
#define HOST_BYTES 64
#define PORT 6379
#define OTHER_PASSWORD "Redis wants another password (redis.secret)"
#define SPARE_BYTES 512 /* that one of them keeps */

static void start_connecting(struct db *db);

/* ---------------------------------------------------------------- requests */

static struct request *request_take(struct db *db)
{
    struct request *r = spare_take(&db->requests);

    if (r == NULL) {
        r = xcalloc(1, sizeof *r);
        r->bytes = BUF_INIT(COMMAND_MAX_BYTES + 64);
    }
    r->db = db;
    r->next = NULL;
    r->sent_ms = 0;
    return r;
}

static void request_give_back(struct db *db, struct request *r)
{
    if (r->bytes.capacity > SPARE_BYTES) /* else in time each one has had the longest command */
        buf_free(&r->bytes);
    spare_give(&db->requests, r);
}

static void append(struct request ***last, struct request *r)
{
    r->next = NULL;
    **last = r;
    *last = &r->next;
}

static void put_on_wire(struct db *db, struct request *r);

/* What was put aside goes again, behind what is under way; what is refused again
 * comes back here. */
void db_send_aside(struct db *db)
{
    struct request *r = db->aside, *next;

    db->aside = NULL;
    db->aside_last = &db->aside;
    for (; r != NULL; r = next) {
        next = r->next;
        append(&db->last, r);
        if (db->context != NULL)
            put_on_wire(db, r);
    }
}

/* ---------------------------------------------------------- going and coming */

void db_arm(struct db *db, int64_t ms)
{
    struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

    event_add(db->timer, &tv);
}

struct db *db_root(struct db *db)
{
    return db->parent != NULL ? db->parent : db;
}

/* To be away is said once, whichever connection notices first, and once that all are back. */
void db_tell(struct db *db, bool well)
{
    struct db *root = db_root(db);

    if (well && !db_well(root))
        return; /* another connection is still away */
    if (well && root->told_away)
        log_info("redis.back outstanding=%zu", db_outstanding(root));
    if (!well && !root->told_away)
        log_warning("redis.away reason=%s outstanding=%zu", log_quote(db->why),
                    db_outstanding(root));
    root->told_away = !well;
}

void db_tell_owner(struct db *db, bool well)
{
    const struct db *root = db_root(db);

    if ((!well || db_well(root)) && root->options.changed != NULL)
        root->options.changed(root->options.arg, well, db->why);
}

/* Answers that were not confirmed are none. */
static void drop_unconfirmed(struct db *db)
{
    for (struct request *r = db->first; r != NULL; r = r->next) {
        r->sent_ms = 0;
        if (r->reply != NULL)
            db_keep_reply(r->reply, false);
        r->reply = NULL;
    }
}

/* In a cluster the reason says whose it is. */
static void set_why(struct db *db, const char *why)
{
    if (db->part_of != NULL)
        snprintf(db->why, sizeof db->why, "%.*s:%d: %s", HOST_BYTES, db->host, db->port, why);
    else
        snprintf(db->why, sizeof db->why, "%s", why);
}

static void hang_up(struct db *db)
{
    redisAsyncContext *context = db->context;

    db->context = NULL;
    if (context == NULL)
        return;
    context->data = NULL;    /* its callbacks know by this that nobody listens */
    redisAsyncFree(context); /* from within a reply's callback hiredis does it after that */
}

/* The connection is no good: everything unanswered waits for the next one. */
static void go_away(struct db *db, const char *why)
{
    bool was_well = db->state == DB_WELL;

    if (db->state == DB_REFUSED || db->state == DB_AWAY)
        return;
    db->state = DB_AWAY;
    set_why(db, why);
    drop_unconfirmed(db);
    if (db->part_of == NULL)
        db_tell(db, false);
    hang_up(db);
    db_arm(db, db->retry_ms);
    db->retry_ms = db->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : db->retry_ms * 2;
    if (db->part_of != NULL)
        spread_look(db->part_of, db->why);
    else if (was_well)
        db_tell_owner(db, false);
}

/* Said once, by whichever connection finds out: the others would wait for ever. */
static void refuse(struct db *db, const char *why)
{
    struct db *root = db_root(db);

    db->state = DB_REFUSED;
    if (root->refused)
        return;
    root->refused = true;
    set_why(db, why);
    if (db != root)
        memcpy(root->why, db->why, sizeof root->why);
    log_error("redis.refused reason=%s", log_quote(root->why));
    if (root->options.refused != NULL)
        root->options.refused(root->options.arg, root->why);
}

/* A server that went away is found by a read or by a write, whichever comes first; to
 * people it is the same. errno is another one by now, hiredis keeps its text. */
static bool broken_pipe(const redisAsyncContext *context)
{
    return context->err == REDIS_ERR_IO && strcmp(context->errstr, strerror(EPIPE)) == 0;
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
    struct db *db = context->data;

    if (db == NULL || db->context != context)
        return;
    db->context = NULL; /* hiredis frees it after this */
    go_away(db, status == REDIS_OK || broken_pipe(context) ? "connection closed" : context->errstr);
}

static void on_connect(const redisAsyncContext *context, int status)
{
    struct db *db = context->data;

    if (db == NULL || db->context != context || status == REDIS_OK)
        return;
    /* hiredis 0.14 frees the context after a failed connect, without on_disconnect. */
    db->context = NULL;
    go_away(db, context->errstr);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct db *db = arg;
    int64_t now = clock_mono_ms();

    (void)fd, (void)what;
    if (db->spread != NULL) {
        spread_tick(db->spread);
        return;
    }
    switch (db->state) {
    case DB_AWAY:
        start_connecting(db);
        break;
    case DB_CONNECTING:
        if (now - db->connecting_since > CONNECT_TIMEOUT_MS)
            go_away(db, "no answer to the first commands");
        else
            db_arm(db, 500);
        break;
    case DB_WELL:
        if (db->first != NULL && db->first->sent_ms != 0 &&
            now - db->first->sent_ms > ANSWER_TIMEOUT_MS)
            go_away(db, "no answer");
        else {
            db_send_aside(db);
            db_arm(db, 500);
        }
        break;
    case DB_REFUSED:
        break;
    }
}

/* ---------------------------------------------------------------- answering */

/* Errors that pass: Redis is ill, the same command will do when it is well. */
static bool passing_error(const redisReply *reply)
{
    static const char *const prefixes[] = {
        "LOADING",    "BUSY",     "READONLY", "MISCONF",     "NOREPLICAS",
        "MASTERDOWN", "TRYAGAIN", "NOSCRIPT", "CLUSTERDOWN", "UNBLOCKED",
    };

    if (reply->type != REDIS_REPLY_ERROR)
        return false;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(reply->str, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

/* What concerns one slot, not the server. */
static bool slot_error(const redisReply *reply)
{
    return db_is_error(reply, "MOVED ") || db_is_error(reply, "ASK ") ||
           db_is_error(reply, "TRYAGAIN");
}

/* This one was refused for want of memory; others may pass. A script that was
 * stopped in a command inside says so further on. */
static bool out_of_memory(struct db *db, const redisReply *reply)
{
    struct db *root = db_root(db);

    if (reply->type != REDIS_REPLY_ERROR ||
        (strncmp(reply->str, "OOM", 3) != 0 && strstr(reply->str, "OOM command not") == NULL))
        return false;
    if (!root->told_full)
        log_error("redis.full reason=%s", log_quote(reply->str));
    root->told_full = true;
    root->full_ms = clock_mono_ms();
    return true;
}

/* Redis took what a full one refuses. Near the limit it takes one and refuses the next. */
static void found_room(struct db *db)
{
    struct db *root = db_root(db);

    if (!root->told_full || clock_mono_ms() - root->full_ms < ROOM_MS)
        return;
    log_info("redis.room refused=0 for_ms=%d", ROOM_MS);
    root->told_full = false;
}

void db_answer(struct db *db, const redisReply *reply)
{
    struct request *r = db->first;
    bool full;

    db->first = r->next;
    if (db->first == NULL)
        db->last = &db->first;
    full = db->part_of == NULL && out_of_memory(db, reply);
    if (full && !r->give_up) {
        append(&db->aside_last, r);
        return;
    }
    if (r->give_up && !full)
        found_room(db);
    db->retry_ms = RETRY_FIRST_MS; /* not before: one that is well and refuses all is no better */
    db->outstanding--;
    db->outstanding_bytes -= r->bytes.length;
    if (reply->type == REDIS_REPLY_ERROR && r->fn == NULL && !full)
        log_error("redis.error reply=%s", log_quote(reply->str));
    if (r->fn != NULL)
        r->fn(r->arg, reply);
    request_give_back(db, r);
}

static void on_reply(redisAsyncContext *context, void *data, void *private)
{
    struct db *db = context->data;
    struct request *r = private;
    redisReply *reply = data;

    if (db == NULL || reply == NULL || db->context != context || db->state == DB_REFUSED)
        return; /* the connection died: r stays in the list and is sent again */
    if (FAULT_FAILS("redis-reply")) {
        go_away(db, "this reply is lost");
        return;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        bool of_slot = slot_error(reply);

        if (db_is_error(reply, "CROSSSLOT")) { /* a command of ours reaches into two: a bug */
            refuse(db, reply->str);
            return;
        }
        if (of_slot ? db->part_of == NULL : passing_error(reply)) {
            go_away(db, reply->str); /* a cluster of one that is one no longer is found out anew */
            return;
        }
    }
    if (db->options.replicas > 0) {
        assert(r->reply == NULL);
        r->reply = reply;
        db_keep_reply(reply, true);
        return;
    }
    assert(r == db->first); /* Redis answers in order */
    db_answer(db, reply);
}

/* Whether enough replicas have all that was sent before; else one who says that it has
 * been done may be wrong tomorrow. */
static bool confirmed(struct db *db, const redisReply *reply)
{
    char why[100];

    if (db_int(reply, -1) >= (int64_t)db->options.replicas)
        return true;
    if (reply->type == REDIS_REPLY_ERROR)
        snprintf(why, sizeof why, "WAIT: %.80s", reply->str);
    else
        snprintf(why, sizeof why, "%lld of %u replicas have it within %lld ms", reply->integer,
                 db->options.replicas, (long long)db->options.replicas_wait_ms);
    go_away(db, why);
    return false;
}

static void on_confirmed(redisAsyncContext *context, void *data, void *private)
{
    struct db *db = context->data;

    (void)private;
    if (db == NULL || data == NULL || db->context != context || !confirmed(db, data))
        return;
    while (db->first != NULL && db->first->reply != NULL) { /* what came before this answer */
        redisReply *reply = db->first->reply;

        db->first->reply = NULL;
        db_answer(db, reply);
        db_keep_reply(reply, false);
    }
}

static void ask_to_confirm(struct db *db, redisCallbackFn *fn, void *private)
{
    db->to_confirm = false;
    redisAsyncCommand(db->context, fn, private, "WAIT %d %d", (int)db->options.replicas,
                      (int)db->options.replicas_wait_ms);
}

/* Behind all that leaves together, whatever it is: one that only reads is answered at once. */
static void before_write(redisAsyncContext *context)
{
    struct db *db = context->data;

    if (db == NULL || db->context != context)
        return;
    if (db_root(db)->before != NULL)
        db_root(db)->before(db_root(db)->before_arg);
    if (db->to_confirm)
        ask_to_confirm(db, on_confirmed, NULL);
}

static void put_on_wire(struct db *db, struct request *r)
{
    r->sent_ms = clock_mono_ms();
    db->to_confirm = db->options.replicas > 0;
    if (redisAsyncFormattedCommand(db->context, on_reply, r, r->bytes.data, r->bytes.length) !=
        REDIS_OK)
        r->sent_ms = 0; /* disconnecting: it stays in the list */
}

/* ---------------------------------------------------------------- handshake */

static void become_well(struct db *db)
{
    db->state = DB_WELL;
    if (db->part_of == NULL)
        db_tell(db, true);
    if (db->aside != NULL) { /* older than what waits */
        *db->aside_last = db->first;
        if (db->first == NULL)
            db->last = db->aside_last;
        db->first = db->aside;
        db->aside = NULL;
        db->aside_last = &db->aside;
    }
    for (struct request *r = db->first; r != NULL && db->context != NULL; r = r->next)
        put_on_wire(db, r);
    if (db->part_of != NULL)
        spread_look(db->part_of, NULL);
    else
        db_tell_owner(db, true);
}

/* What CONFIG GET says against what durability needs. */
static bool durable(struct db *db, const redisReply *reply)
{
    static const struct {
        const char *name, *wanted, *why;
    } rules[] = {
        {"appendonly", "yes", "appendonly is %s: a restart of Redis would forget notices"},
        {"appendfsync", "always",
         "appendfsync is %s: a crash of Redis would lose what it acknowledged"},
        {"maxmemory-policy", "noeviction",
         "maxmemory-policy is %s: Redis would throw ledgers away when full"},
    };
    char text[256], why[400];

    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const redisReply *value = db_field(reply, rules[i].name);

        if (value == NULL || strcmp(value->str, rules[i].wanted) == 0 || db->options.accept_loss)
            continue;
        snprintf(text, sizeof text, rules[i].why, value->str);
        snprintf(why, sizeof why, "%s (set %s %s there, or redis.accept_loss = true here)", text,
                 rules[i].name, rules[i].wanted);
        refuse(db, why);
        return false;
    }
    return true;
}

/* The number behind a name in the lines of INFO or CLUSTER INFO, or -1. */
static int info_number(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    return at != NULL ? atoi(at + strlen(name)) : -1;
}

/* ----------------------------------------------------------------- a cluster */

static void on_map(void *arg)
{
    struct db *root = arg;

    for (unsigned i = 0; i < root->stripe_count; i++)
        spread_follow(root->stripes[i]->spread);
}

static void on_silence(void *arg)
{
    struct db *root = arg;

    if (cluster_map(root->cluster) == NULL)
        spread_look(root->spread, cluster_why(root->cluster));
}

static void on_denied(void *arg, const struct slots_address *by)
{
    char why[sizeof by->host + 64];

    snprintf(why, sizeof why, "%s:%d: %s", by->host, by->port, OTHER_PASSWORD);
    refuse(arg, why);
}

/* From here on each stripe has a connection to every master, and none of its own. */
static void divide(struct db *root, const struct slots_address *seeds, size_t count)
{
    struct cluster_options options = {.seeds = seeds,
                                      .seed_count = count,
                                      .user = root->user,
                                      .secret = root->secret,
                                      .changed = on_map,
                                      .silent = on_silence,
                                      .denied = on_denied,
                                      .arg = root};

    root->cluster = cluster_open(root->base, &options);
    for (unsigned i = 0; i < root->stripe_count; i++) {
        struct db *stripe = root->stripes[i];

        hang_up(stripe);
        drop_unconfirmed(stripe);
        stripe->state = DB_AWAY;
        stripe->clustered = true;
        stripe->spread = spread_create(stripe);
    }
}

/* The server belongs to a cluster and does not hold all of it. */
static void join_cluster(struct db *db)
{
    struct slots_address seed = {.port = db->port};

    snprintf(seed.host, sizeof seed.host, "%s", db->path != NULL ? db->path : db->host);
    divide(db_root(db), &seed, 1);
}

/* What CLUSTER INFO says, which is an error where there is none. */
static bool alone(struct db *db, const redisReply *reply)
{
    db->clustered = reply->type == REDIS_REPLY_STRING;
    return !db->clustered || db->part_of != NULL ||
           (info_number(reply->str, "cluster_size:") <= 1 &&
            info_number(reply->str, "cluster_slots_assigned:") == SLOTS_COUNT);
}

static void on_handshake(redisAsyncContext *context, void *data, void *private)
{
    struct db *db = context->data;
    redisReply *reply = data;
    const char *step = private;

    if (db == NULL || reply == NULL || db->context != context || db->state != DB_CONNECTING)
        return;
    if (reply->type == REDIS_REPLY_ERROR) {
        if (strncmp(reply->str, "NOAUTH", 6) == 0 || strncmp(reply->str, "WRONGPASS", 9) == 0)
            refuse(db, OTHER_PASSWORD);
        else if (strcmp(step, "cluster") == 0 && !passing_error(reply) && alone(db, reply))
            db->checks--;
        else if (slot_error(reply) && db->part_of != NULL)
            db->checks--; /* the key that was to be written has moved: it is well enough */
        else if (slot_error(reply) && db->clustered)
            join_cluster(db);
        else if (strcmp(step, "config") == 0 && !passing_error(reply))
            db->checks--; /* CONFIG is forbidden to this user: an administrator's decision */
        else
            go_away(db, reply->str);
    } else {
        db->checks--;
        if (strcmp(step, "wait") == 0)
            confirmed(db, reply);
        else if (strcmp(step, "role") == 0 && reply->elements > 0 &&
                 strcmp(reply->element[0]->str, "master") != 0) {
            if (db->clustered && db->part_of == NULL)
                join_cluster(db);
            else
                go_away(db, "this server is a replica");
        } else if (strcmp(step, "config") == 0 && !durable(db, reply))
            db->checks++; /* never done */
        else if (strcmp(step, "cluster") == 0 && !alone(db, reply))
            join_cluster(db);
    }
    if (db->state == DB_CONNECTING && db->checks == 0)
        become_well(db);
}

/* Of a cluster's master: a key in its slots. */
static bool key_of_its_own(const struct db *db, char *key, size_t bytes)
{
    struct slots_address address = {.port = db->port};
    struct slots_map map;

    snprintf(key, bytes, "%s", KEY_NOTHING);
    if (db->part_of == NULL)
        return true;
    map = *cluster_map(db->parent->cluster);
    snprintf(address.host, sizeof address.host, "%s", db->host);
    return slots_key_at(&map, slots_place(&map, &address), KEY_NOTHING, key, bytes);
}

static void handshake(struct db *db)
{
    redisAsyncContext *c = db->context;
    char *role = "role", *config = "config", *wait = "wait", *cluster = "cluster", *other = "other";
    char nothing[64];

    db->checks = 0;
    if (db->secret != NULL) {
        db->checks++;
        if (db->user != NULL)
            redisAsyncCommand(c, on_handshake, other, "AUTH %s %s", db->user, db->secret);
        else
            redisAsyncCommand(c, on_handshake, other, "AUTH %s", db->secret);
    }
    if (db->number != 0) {
        db->checks++;
        redisAsyncCommand(c, on_handshake, other, "SELECT %d", db->number);
    }
    db->checks += 3;
    redisAsyncCommand(c, on_handshake, cluster, "CLUSTER INFO");
    redisAsyncCommand(c, on_handshake, role, "ROLE");
    redisAsyncCommand(c, on_handshake, config, "CONFIG GET *ppend*");
    db->checks++;
    redisAsyncCommand(c, on_handshake, config, "CONFIG GET maxmemory-policy");
    /* A write that changes nothing: one who takes none (MISCONF, NOREPLICAS) is not well. */
    if (key_of_its_own(db, nothing, sizeof nothing)) {
        db->checks++;
        redisAsyncCommand(c, on_handshake, other, "UNLINK %s", nothing);
    }
    for (enum script s = 0; s < SCRIPT_COUNT; s++) {
        size_t n;
        const char *source = script_source(s, &n);

        db->checks++;
        redisAsyncCommand(c, on_handshake, other, "SCRIPT LOAD %b", source, n);
    }
    if (db->options.replicas > 0) {
        db->checks++;
        ask_to_confirm(db, on_handshake, wait);
    }
}

/* Where the Sentinels say that the master is. */
static bool find_master(struct db *db)
{
    const struct sentinel *sentinel = db_root(db)->sentinel;

    if (sentinel == NULL)
        return true;
    if (sentinel_host(sentinel) == NULL)
        return false;
    free(db->host);
    db->host = xstrdup(sentinel_host(sentinel));
    db->port = sentinel_port(sentinel);
    return true;
}

static void start_connecting(struct db *db)
{
    redisAsyncContext *context;

    db->state = DB_CONNECTING;
    db->connecting_since = clock_mono_ms();
    db->to_confirm = false;
    if (!find_master(db)) {
        go_away(db, sentinel_why(db_root(db)->sentinel));
        return;
    }
    context = db->path ? redisAsyncConnectUnix(db->path) : redisAsyncConnect(db->host, db->port);
    if (context == NULL || context->err) {
        char why[200];

        snprintf(why, sizeof why, "%s", context ? context->errstr : "out of memory");
        if (context != NULL)
            redisAsyncFree(context);
        go_away(db, why);
        return;
    }
    context->data = db;
    context->c.reader->fn = &db_reply_functions;
    context->c.reader->privdata = &db->replies;
    db->context = context;
    db_wire_attach(context, db->base, before_write);
    redisAsyncSetConnectCallback(context, on_connect);
    redisAsyncSetDisconnectCallback(context, on_disconnect);
    handshake(db);
    db_arm(db, 500);
}

/* ----------------------------------------------------------------- the public */

/* A whole number and nothing else, or -1. */
static int number_of(const char *s)
{
    char *end;
    long n = strtol(s, &end, 10);

    return *s >= '0' && *s <= '9' && *end == '\0' && n <= 65535 ? (int)n : -1;
}

/* redis://[user@]host[:port][/db] or unix:/path */
static int parse_url(struct db *db, const char *url, struct error *err)
{
    const char *at, *rest, *end;
    char *colon;

    if (strncmp(url, "unix:", 5) == 0 && url[5] == '/') {
        db->path = xstrdup(url + 5);
        return 0;
    }
    if (strncmp(url, "redis://", 8) != 0)
        return error_set(err, "redis.url %s: write redis://[user@]host:port[/db] or unix:/path",
                         url);
    rest = url + 8;
    end = rest + strcspn(rest, "/");
    at = memchr(rest, '@', (size_t)(end - rest));
    if (at != NULL) {
        free(db->user);
        db->user = xstrndup(rest, (size_t)(at - rest));
        rest = at + 1;
    }
    db->host = xstrndup(rest, (size_t)(end - rest));
    db->port = PORT;
    colon = strrchr(db->host, ':');
    if (colon != NULL && strchr(db->host, ':') == colon) {
        *colon = '\0';
        db->port = number_of(colon + 1);
    }
    db->number = *end == '/' && end[1] != '\0' ? number_of(end + 1) : 0;
    if (db->host[0] == '\0' || db->port < 1 || db->port > 65535 || db->number < 0)
        return error_set(err,
                         "redis.url %s: no host, or a port out of 1..65535, or no number "
                         "behind the slash",
                         url);
    return 0;
}

/* hiredis looks names up with the loop waiting; do it here, once, before the loop runs. */
static int resolve_host(struct db *db, struct error *err)
{
    char numeric[64];

    if (db->host == NULL)
        return 0;
    if (network_resolve("redis.url", db->host, numeric, sizeof numeric, err) != 0)
        return -1;
    free(db->host);
    db->host = xstrdup(numeric);
    return 0;
}

/* Another master: nobody stays with the old one, even where it still answers. */
static void on_master(void *arg)
{
    struct db *root = arg;
    const char *host = sentinel_host(root->sentinel);
    char why[HOST_BYTES + 64];

    snprintf(why, sizeof why, "the Sentinels' master is %.*s:%d", HOST_BYTES, host,
             sentinel_port(root->sentinel));
    for (unsigned i = 0; i < root->stripe_count; i++) {
        struct db *db = root->stripes[i];

        if (db->state == DB_REFUSED)
            continue;
        if (db->state != DB_AWAY)
            go_away(db, why);
        db->retry_ms = RETRY_FIRST_MS;
        db_arm(db, 0);
    }
}

static struct db *new_db(struct event_base *base, const struct db_options *options,
                         struct db *parent)
{
    struct db *db = xcalloc(1, sizeof *db);

    db->base = base;
    db->options = *options;
    db->parent = parent;
    db->secret = options->secret ? xstrdup(options->secret) : NULL;
    db->last = &db->first;
    db->aside_last = &db->aside;
    db->retry_ms = RETRY_FIRST_MS;
    db->timer = event_new(base, -1, 0, on_timer, db);
    db->stripes[0] = db;
    db->stripe_count = 1;
    if (options->user != NULL)
        db->user = xstrdup(options->user);
    return db;
}

static struct db *open_one(struct event_base *base, const struct db_options *options,
                           struct db *parent, struct error *err)
{
    struct db *db = new_db(base, options, parent);

    if (options->sentinels != NULL) {
        db_arm(db, SENTINELS_MS); /* or as soon as one has answered */
        return db;
    }
    if (options->cluster != NULL)
        return db;
    if (parse_url(db, options->url, err) != 0 || resolve_host(db, err) != 0) {
        db_close(db);
        return NULL;
    }
    start_connecting(db);
    return db;
}

struct db *db_open_part(struct db *root, struct spread *spread, const char *host, int port)
{
    struct db *db = new_db(root->base, &root->options, root);

    if (root->user != NULL && db->user == NULL)
        db->user = xstrdup(root->user); /* whom its url named */
    db->part_of = spread;
    db->host = xstrdup(host);
    db->port = port;
    db_arm(db, 0);
    return db;
}

struct db_options db_options_of(const struct settings *s)
{
    return (struct db_options){
        .sentinels = s->redis.sentinels,
        .master = s->redis.master,
        .sentinel_secret = s->redis.sentinel_secret,
        .cluster = s->redis.cluster,
        .url = s->redis.url,
        .user = s->redis.user,
        .secret = s->redis.secret,
        .accept_loss = s->redis.accept_loss,
        .replicas = s->redis.replicas,
        .replicas_wait_ms = s->redis.replicas_wait_ms,
    };
}

static int open_cluster(struct db *root, struct error *err)
{
    struct slots_address seeds[CLUSTER_SEEDS];
    size_t count = 0;

    memset(seeds, 0, sizeof seeds);
    for (; count < CLUSTER_SEEDS && root->options.cluster[count] != NULL; count++)
        if (network_find("redis.cluster", root->options.cluster[count], PORT, seeds[count].host,
                         sizeof seeds[count].host, &seeds[count].port, err) != 0)
            return -1;
    divide(root, seeds, count);
    return 0;
}

struct db *db_open(struct event_base *base, const struct db_options *options, struct error *err)
{
    struct db *db = open_one(base, options, NULL, err);

    while (db != NULL && db->stripe_count < options->stripes && db->stripe_count < DB_STRIPES) {
        struct db *stripe = open_one(base, options, db, err);

        if (stripe == NULL) {
            db_close(db);
            return NULL;
        }
        db->stripes[db->stripe_count++] = stripe;
    }
    if (db != NULL && options->cluster != NULL && open_cluster(db, err) != 0) {
        db_close(db);
        return NULL;
    }
    if (db != NULL && options->sentinels != NULL) {
        struct sentinel_options asked = {.addresses = options->sentinels,
                                         .master = options->master,
                                         .secret = options->sentinel_secret,
                                         .changed = on_master,
                                         .arg = db};

        db->sentinel = sentinel_open(base, &asked, err);
        if (db->sentinel == NULL) {
            db_close(db);
            return NULL;
        }
    }
    return db;
}

void db_before(struct db *db, void (*fn)(void *arg), void *arg)
{
    db->before = fn;
    db->before_arg = arg;
}

unsigned db_servers(const struct db *db, struct db_server list[DB_SERVERS])
{
    if (db->spread != NULL)
        return spread_servers(db->spread, list);
    memset(list, 0, sizeof *list);
    return 1;
}

bool db_clustered(const struct db *db)
{
    return db->clustered;
}

struct db *db_stripe(struct db *db, unsigned k)
{
    return db->stripes[k % db->stripe_count];
}

static void request_free(void *object)
{
    struct request *r = object;

    buf_free(&r->bytes);
    free(r);
}

static void free_requests(struct request *r)
{
    struct request *next;

    for (; r != NULL; r = next) {
        next = r->next;
        request_free(r);
    }
}

/* Their arguments belong to callbacks that will not come, and which of them would have freed
 * theirs is not known here: they are kept reachable, since it is no leak that a process ends. */
static struct request *never_answered;

static void keep_requests(struct request *r)
{
    struct request *next;

    for (; r != NULL; r = next) {
        next = r->next;
        buf_free(&r->bytes);
        r->next = never_answered;
        never_answered = r;
    }
}

void db_trim(struct db *db)
{
    for (unsigned i = 1; i < db->stripe_count; i++)
        db_trim(db->stripes[i]);
    if (db->spread != NULL)
        spread_trim(db->spread);
    spare_trim(&db->requests, request_free);
    db_free_replies(&db->replies); /* also the one that is always there: as long as the longest */
}

void db_close(struct db *db)
{
    if (db == NULL)
        return;
    for (unsigned i = 1; i < db->stripe_count; i++)
        db_close(db->stripes[i]);
    sentinel_close(db->sentinel);
    spread_free(db->spread);
    cluster_close(db->cluster);
    hang_up(db);
    drop_unconfirmed(db);
    if (db->part_of != NULL) /* their arguments are requests of the stripe */
        free_requests(db->first);
    else
        keep_requests(db->first);
    keep_requests(db->aside);
    spare_free(&db->requests, request_free);
    db_free_replies(&db->replies);
    event_free(db->timer);
    free(db->host);
    free(db->path);
    free(db->user);
    if (db->secret != NULL)
        explicit_bzero(db->secret, strlen(db->secret));
    free(db->secret);
    free(db);
}

bool db_well(const struct db *db)
{
    for (unsigned i = 0; i < db->stripe_count; i++)
        if (db->stripes[i]->state != DB_WELL)
            return false;
    return true;
}

size_t db_outstanding(const struct db *db)
{
    size_t sum = 0;

    for (unsigned i = 0; i < db->stripe_count; i++)
        sum += db->stripes[i]->outstanding;
    return sum;
}

size_t db_outstanding_bytes(const struct db *db)
{
    size_t sum = 0;

    for (unsigned i = 0; i < db->stripe_count; i++)
        sum += db->stripes[i]->outstanding_bytes;
    return sum;
}

void db_hurry(struct db *root)
{
    if (!root->some_wait)
        return;
    root->some_wait = false;
    for (unsigned i = 0; i < root->stripe_count; i++)
        if (root->stripes[i]->context != NULL)
            db_wire_hurry(root->stripes[i]->context);
        else if (root->stripes[i]->spread != NULL)
            spread_hurry(root->stripes[i]->spread);
}

static struct request *add(struct db *db, const char *bytes, size_t n, db_fn *fn, void *arg)
{
    struct request *r = request_take(db);

    r->fn = fn;
    r->arg = arg;
    r->give_up = false;
    buf_clear(&r->bytes);
    buf_put(&r->bytes, bytes, n);
    buf_string(&r->bytes); /* hiredis looks for the command's name with strchr() */
    append(&db->last, r);
    db->outstanding++;
    db->outstanding_bytes += n;
    return r;
}

static void send_request(struct db *db, struct request *r, bool can_wait)
{
    if (db->state != DB_WELL || db->context == NULL)
        return;
    if (can_wait)
        db_root(db)->some_wait = true;
    else
        db_hurry(db_root(db));
    db_wire_can_wait(db->context, can_wait);
    put_on_wire(db, r);
    if (db->context != NULL)
        db_wire_can_wait(db->context, false);
}

void db_leave(struct db *db)
{
    for (unsigned i = 0; i < db->stripe_count; i++)
        if (db->stripes[i]->context != NULL)
            db_wire_leave(db->stripes[i]->context);
        else if (db->stripes[i]->spread != NULL)
            spread_leave(db->stripes[i]->spread);
}

static void send_command(struct db *db, struct command *c, db_fn *fn, void *arg, bool give_up)
{
    size_t n;
    const char *bytes = command_finish(c, &n);
    struct request *r = add(db, bytes, n, fn, arg);

    r->give_up = give_up;
    r->slot = c->slot;
    r->unordered = c->unordered;
    r->can_wait = c->can_wait;
    if (db->spread != NULL)
        spread_push(db->spread, r);
    else
        send_request(db, r, c->can_wait);
}

void db_send_part(struct db *part, const struct buf *bytes, bool can_wait, db_fn *fn, void *arg)
{
    send_request(part, add(part, bytes->data, bytes->length, fn, arg), can_wait);
}

void db_send(struct db *db, struct command *c, db_fn *fn, void *arg)
{
    send_command(db, c, fn, arg, false);
}

void db_try(struct db *db, struct command *c, db_fn *fn, void *arg)
{
    send_command(db, c, fn, arg, true);
}

int db_connect(struct db *db, int64_t timeout_ms, struct error *err)
{
    int64_t until = clock_mono_ms() + timeout_ms;

    while (!db_well(db)) {
        if (db->refused)
            return error_set(err, "Redis: %s", language_text(db->why));
        if (clock_mono_ms() > until)
            return error_set(err, "Redis cannot be used: %s",
                             db->why[0] ? language_text(db->why) : language_text("no answer"));
        event_base_loop(db->base, EVLOOP_ONCE);
        if (event_base_got_break(db->base) && !db->refused)
            return error_set(err, "Redis is not waited for any longer: the loop was ended");
    }
    return 0;
}

static void keep_reply(void *arg, const redisReply *reply)
{
    *(redisReply **)arg = db_copy_reply(reply);
}

/* Whoever asked is gone when it comes. */
static void forget_answer(struct db *db, const void *arg)
{
    struct request *const lists[] = {db->first, db->aside};

    for (size_t i = 0; i < 2; i++)
        for (struct request *r = lists[i]; r != NULL; r = r->next)
            if (r->arg == arg)
                r->fn = NULL;
}

int db_ask(struct db *db, struct command *c, redisReply **reply, struct error *err)
{
    redisReply *answer = NULL;
    int64_t until = clock_mono_ms() + 30000;

    if (reply != NULL)
        *reply = NULL;
    db_try(db, c, keep_reply, &answer);
    while (answer == NULL && !db->refused && clock_mono_ms() < until)
        event_base_loop(db->base, EVLOOP_ONCE);
    if (answer == NULL) {
        forget_answer(db, &answer);
        return error_set(err, "Redis does not answer: %s", language_text(db->why));
    }
    if (answer->type == REDIS_REPLY_ERROR) {
        error_set(err, "Redis: %s", answer->str);
        freeReplyObject(answer);
        return -1;
    }
    if (reply != NULL)
        *reply = answer;
    else
        freeReplyObject(answer);
    return 0;
}

/* Gives up after DRAIN_MS without an answer, or when Redis was away, or full, for away_ms: then
 * a daemon's timers go on asking, so only fewer than ever before are progress. */
static int drain(struct db *db, size_t left, int64_t away_ms, struct error *err)
{
    int64_t now_ms = clock_mono_ms(), answered_ms = now_ms, good_ms = now_ms;
    size_t before = db_outstanding(db), least = before, n;

    while ((n = db_outstanding(db)) > left) {
        if (n != before)
            answered_ms = now_ms;
        if (n < least || (db_well(db) && !db->told_full))
            good_ms = now_ms;
        before = n;
        least = n < least ? n : least;
        if (db->refused || now_ms - answered_ms > DRAIN_MS || now_ms - good_ms > away_ms)
            return error_set(err, "Redis does not answer: %s", language_text(db->why));
        event_base_loop(db->base, EVLOOP_ONCE);
        now_ms = clock_mono_ms();
    }
    return 0;
}

int db_drain(struct db *db, size_t left, struct error *err)
{
    return drain(db, left, DRAIN_MS, err);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct db *db = arg;

    (void)fd, (void)what;
    for (unsigned i = 0; i < db->stripe_count; i++) {
        if (db->stripes[i]->state != DB_AWAY)
            continue;
        db_arm(db->stripes[i], 0);
        if (db->stripes[i]->spread != NULL)
            spread_try(db->stripes[i]->spread);
    }
}

int db_end(struct db *db, int64_t away_ms, struct error *err)
{
    static const struct timeval often = {0, 100000};
    struct event *tick = event_new(db->base, -1, EV_PERSIST, on_tick, db);
    int rc;

    event_add(tick, &often); /* it is looked for more often than at other times */
    rc = drain(db, 0, away_ms, err);
    event_free(tick);
    return rc;
}
