#include "db.h"

#include "clock.h"
#include "db_wire.h"
#include "error.h"
#include "fault.h"
#include "keys.h"
#include "language.h"
#include "log.h"
#include "mem.h"
#include "sentinel.h"
#include "settings.h"

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
#define ROOM_MS 5000   /* nothing was refused for want of memory for so long: that is over */
#define DRAIN_MS 30000 /* without an answer: enough */
#define SPARE_REQUESTS 256
#define SENTINELS_MS 1000 /* before it is said that none of them has answered */
#define HOST_BYTES 64
#define CLUSTER_SLOTS 16384
#define SPARE_BYTES 512 /* that one of them keeps */

/* ----------------------------------------------------------------- replies
 *
 * hiredis makes six allocations of a row of an audience. Here the objects of a
 * reply come from one arena, which waits for the next reply when it is freed. */

struct root { /* the outermost object of a reply; reply comes first */
    redisReply reply;
    struct arena objects;
    struct root *next;
    struct maker *maker;
    bool kept; /* hiredis is done with it, we are not */
};

struct maker {
    struct root *making, *spare;
};

static redisReply *make(const redisReadTask *task, int type)
{
    struct maker *m = task->privdata;
    redisReply *r;

    if (task->parent == NULL) {
        struct root *root = m->spare;

        if (root == NULL)
            root = xcalloc(1, sizeof *root);
        else
            m->spare = root->next;
        arena_reset(&root->objects);
        root->maker = m;
        m->making = root;
        r = &root->reply;
    } else {
        redisReply *parent = task->parent->obj;

        r = arena_alloc(&m->making->objects, sizeof *r);
        parent->element[task->idx] = r;
    }
    memset(r, 0, sizeof *r);
    r->type = type;
    return r;
}

static void *make_string(const redisReadTask *task, char *str, size_t n)
{
    struct maker *m = task->privdata;
    redisReply *r = make(task, task->type);

    r->str = arena_strndup(&m->making->objects, str, n);
    r->len = n;
    return r;
}

static void *make_array(const redisReadTask *task, int elements)
{
    struct maker *m = task->privdata;
    redisReply *r = make(task, REDIS_REPLY_ARRAY);
    size_t bytes = (size_t)elements * sizeof *r->element;

    if (elements > 0) {
        r->element = arena_alloc(&m->making->objects, bytes);
        memset(r->element, 0, bytes);
    }
    r->elements = (size_t)elements;
    return r;
}

static void *make_integer(const redisReadTask *task, long long n)
{
    redisReply *r = make(task, REDIS_REPLY_INTEGER);

    r->integer = n;
    return r;
}

static void *make_nil(const redisReadTask *task)
{
    return make(task, REDIS_REPLY_NIL);
}

static void free_root(void *object)
{
    struct root *root = object;

    if (root->kept)
        return;
    root->next = root->maker->spare;
    root->maker->spare = root;
}

/* A reply outlives its callback, until it is let go. */
static void keep_root(redisReply *reply, bool keep)
{
    struct root *root = (struct root *)reply;

    root->kept = keep;
    if (!keep)
        free_root(root);
}

static void free_roots(struct maker *m)
{
    struct root *next;

    for (struct root *root = m->spare; root != NULL; root = next) {
        next = root->next;
        arena_free(&root->objects);
        free(root);
    }
}

static redisReplyObjectFunctions reply_functions = {
    .createString = make_string,
    .createArray = make_array,
    .createInteger = make_integer,
    .createNil = make_nil,
    .freeObject = free_root,
};

enum db_state {
    DB_AWAY,       /* no connection, a timer runs */
    DB_CONNECTING, /* connected or not yet; being checked, scripts being loaded */
    DB_WELL,
    DB_REFUSED,
};

struct request {
    struct request *next;
    struct db *db;
    db_fn *fn;
    void *arg;
    struct buf bytes;
    redisReply *reply; /* is here, and not yet confirmed by the replicas */
    int64_t sent_ms;   /* 0: not on this connection yet */
    bool give_up;      /* when Redis is out of memory */
};

struct db {
    struct event_base *base;
    struct db_options options;
    struct sentinel *sentinel; /* of the first connection, for all of them; NULL: none */
    char *host, *path, *user, *secret;
    int port, number;
    redisAsyncContext *context;
    enum db_state state;
    struct event *timer; /* one: reconnect while away, the watch over answers else */
    int64_t retry_ms, connecting_since;
    struct request *first, **last;       /* unanswered, in the order of sending */
    struct request *aside, **aside_last; /* refused for want of memory, to be sent again */
    struct request *spare;
    size_t spares, outstanding, outstanding_bytes;
    unsigned checks; /* answers of the handshake still to come */
    bool refused;    /* one of the connections was */
    bool clustered;
    bool to_confirm; /* something was sent since the last WAIT */
    /* Of the first connection, for all of them: what has been said. */
    bool told_away, told_full;
    int64_t full_ms; /* when a command was refused for want of memory last */
    char why[256];
    struct maker maker;
    struct db *parent;              /* of a stripe */
    struct db *stripes[DB_STRIPES]; /* the first is the db itself */
    unsigned stripe_count;
    bool some_wait; /* of all stripes: commands that go with the next that cannot */
};

static void start_connecting(struct db *db);

/* ---------------------------------------------------------------- requests */

static struct request *request_take(struct db *db)
{
    struct request *r = db->spare;

    if (r == NULL) {
        r = xcalloc(1, sizeof *r);
        r->bytes = BUF_INIT(COMMAND_MAX_BYTES + 64);
    } else {
        db->spare = r->next;
        db->spares--;
    }
    r->db = db;
    r->next = NULL;
    r->sent_ms = 0;
    return r;
}

static void request_give_back(struct db *db, struct request *r)
{
    if (db->spares >= SPARE_REQUESTS) {
        buf_free(&r->bytes);
        free(r);
        return;
    }
    if (r->bytes.capacity > SPARE_BYTES) /* else in time each one has had the longest command */
        buf_free(&r->bytes);
    r->next = db->spare;
    db->spare = r;
    db->spares++;
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
static void send_aside(struct db *db)
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

static void arm(struct db *db, int64_t ms)
{
    struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

    event_add(db->timer, &tv);
}

static struct db *root_of(struct db *db)
{
    return db->parent != NULL ? db->parent : db;
}

/* To be away is said once, whichever connection notices first, and once that all are back. */
static void tell(struct db *db, bool well)
{
    struct db *root = root_of(db);

    if (well && !db_well(root))
        return; /* another connection is still away */
    if (well && root->told_away)
        log_info("redis.back outstanding=%zu", db_outstanding(root));
    if (!well && !root->told_away)
        log_warning("redis.away reason=%s outstanding=%zu", log_quote(db->why),
                    db_outstanding(root));
    root->told_away = !well;
}

static void tell_owner(struct db *db, bool well)
{
    const struct db *root = root_of(db);

    if ((!well || db_well(root)) && root->options.changed != NULL)
        root->options.changed(root->options.arg, well, db->why);
}

/* Answers that were not confirmed are none. */
static void drop_unconfirmed(struct db *db)
{
    for (struct request *r = db->first; r != NULL; r = r->next) {
        r->sent_ms = 0;
        if (r->reply != NULL)
            keep_root(r->reply, false);
        r->reply = NULL;
    }
}

/* The connection is no good: everything unanswered waits for the next one. */
static void go_away(struct db *db, const char *why)
{
    bool was_well = db->state == DB_WELL;

    if (db->state == DB_REFUSED || db->state == DB_AWAY)
        return;
    db->state = DB_AWAY;
    snprintf(db->why, sizeof db->why, "%s", why);
    drop_unconfirmed(db);
    tell(db, false);
    if (db->context != NULL) {
        redisAsyncContext *context = db->context;

        db->context = NULL;
        context->data = NULL;    /* its callbacks know by this that nobody listens */
        redisAsyncFree(context); /* from within a reply's callback hiredis does it after that */
    }
    arm(db, db->retry_ms);
    db->retry_ms = db->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : db->retry_ms * 2;
    if (was_well)
        tell_owner(db, false);
}

/* Said once, by whichever connection finds out: the others would wait for ever. */
static void refuse(struct db *db, const char *why)
{
    struct db *root = root_of(db);

    db->state = DB_REFUSED;
    if (root->refused)
        return;
    root->refused = true;
    snprintf(root->why, sizeof root->why, "%s", why);
    log_error("redis.refused reason=%s", log_quote(why));
    if (root->options.refused != NULL)
        root->options.refused(root->options.arg, why);
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
    switch (db->state) {
    case DB_AWAY:
        start_connecting(db);
        break;
    case DB_CONNECTING:
        if (now - db->connecting_since > CONNECT_TIMEOUT_MS)
            go_away(db, "no answer to the first commands");
        else
            arm(db, 500);
        break;
    case DB_WELL:
        if (db->first != NULL && db->first->sent_ms != 0 &&
            now - db->first->sent_ms > ANSWER_TIMEOUT_MS)
            go_away(db, "no answer");
        else {
            send_aside(db);
            arm(db, 500);
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

/* Slots have gone to another server, or a command of ours reaches into two: a bug. */
static bool cluster_error(const redisReply *reply)
{
    return db_is_error(reply, "MOVED ") || db_is_error(reply, "ASK ") ||
           db_is_error(reply, "CROSSSLOT");
}

/* This one was refused for want of memory; others may pass. A script that was
 * stopped in a command inside says so further on. */
static bool out_of_memory(struct db *db, const redisReply *reply)
{
    struct db *root = root_of(db);

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
    struct db *root = root_of(db);

    if (!root->told_full || clock_mono_ms() - root->full_ms < ROOM_MS)
        return;
    log_info("redis.room refused=0 for_ms=%d", ROOM_MS);
    root->told_full = false;
}

/* The answer to the first request, which is done with by that. */
static void answer(struct db *db, redisReply *reply)
{
    struct request *r = db->first;
    bool full;

    db->first = r->next;
    if (db->first == NULL)
        db->last = &db->first;
    full = out_of_memory(db, reply);
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
    if (passing_error(reply)) {
        go_away(db, reply->str);
        return;
    }
    if (cluster_error(reply)) {
        refuse(db, reply->str);
        return;
    }
    if (db->options.replicas > 0) {
        assert(r->reply == NULL);
        r->reply = reply;
        keep_root(reply, true);
        return;
    }
    assert(r == db->first); /* Redis answers in order */
    answer(db, reply);
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
        answer(db, reply);
        keep_root(reply, false);
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

    if (db != NULL && db->context == context && db->to_confirm)
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
    tell(db, true);
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
    tell_owner(db, true);
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

/* What CLUSTER INFO says, which is an error where there is none. */
static bool alone(struct db *db, const redisReply *reply)
{
    int masters, slots;
    char why[200];

    db->clustered = reply->type == REDIS_REPLY_STRING;
    if (!db->clustered)
        return true;
    masters = info_number(reply->str, "cluster_size:");
    slots = info_number(reply->str, "cluster_slots_assigned:");
    if (masters <= 1 && slots == CLUSTER_SLOTS)
        return true;
    snprintf(why, sizeof why,
             "a cluster with %d of %d slots on %d masters: outreachd needs one that holds them all "
             "(or a master with replicas and Sentinels)",
             slots, CLUSTER_SLOTS, masters);
    refuse(db, why);
    return false;
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
            refuse(db, "Redis wants another password (redis.secret)");
        else if (strcmp(step, "cluster") == 0 && !passing_error(reply) && alone(db, reply))
            db->checks--;
        else if (strcmp(step, "config") == 0 && !passing_error(reply))
            db->checks--; /* CONFIG is forbidden to this user: an administrator's decision */
        else
            go_away(db, reply->str);
    } else {
        db->checks--;
        if (strcmp(step, "wait") == 0)
            confirmed(db, reply);
        else if (strcmp(step, "role") == 0 && reply->elements > 0 &&
                 strcmp(reply->element[0]->str, "master") != 0)
            go_away(db, "this server is a replica");
        else if ((strcmp(step, "config") == 0 && !durable(db, reply)) ||
                 (strcmp(step, "cluster") == 0 && !alone(db, reply)))
            db->checks++; /* never done */
    }
    if (db->state == DB_CONNECTING && db->checks == 0)
        become_well(db);
}

static void handshake(struct db *db)
{
    redisAsyncContext *c = db->context;
    char *role = "role", *config = "config", *wait = "wait", *cluster = "cluster", *other = "other";

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
    redisAsyncCommand(c, on_handshake, role, "ROLE");
    redisAsyncCommand(c, on_handshake, cluster, "CLUSTER INFO");
    redisAsyncCommand(c, on_handshake, config, "CONFIG GET *ppend*");
    db->checks++;
    redisAsyncCommand(c, on_handshake, config, "CONFIG GET maxmemory-policy");
    /* A write that changes nothing: one who takes none (MISCONF, NOREPLICAS) is not well. */
    db->checks++;
    redisAsyncCommand(c, on_handshake, other, "UNLINK %s", KEY_NOTHING);
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
    const struct sentinel *sentinel = root_of(db)->sentinel;

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
        go_away(db, sentinel_why(root_of(db)->sentinel));
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
    context->c.reader->fn = &reply_functions;
    context->c.reader->privdata = &db->maker;
    db->context = context;
    db_wire_attach(context, db->base, before_write);
    redisAsyncSetConnectCallback(context, on_connect);
    redisAsyncSetDisconnectCallback(context, on_disconnect);
    handshake(db);
    arm(db, 500);
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
    db->port = 6379;
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
    struct evutil_addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char numeric[64];
    int rc;

    if (db->host == NULL)
        return 0;
    rc = evutil_getaddrinfo(db->host, NULL, &hints, &found);
    if (rc != 0)
        return error_set(err, "redis.url: %s: %s", db->host, evutil_gai_strerror(rc));
    rc = getnameinfo(found->ai_addr, found->ai_addrlen, numeric, sizeof numeric, NULL, 0,
                     NI_NUMERICHOST);
    evutil_freeaddrinfo(found);
    if (rc != 0)
        return error_set(err, "redis.url: %s has no address", db->host);
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
        arm(db, 0);
    }
}

static struct db *open_one(struct event_base *base, const struct db_options *options,
                           struct db *parent, struct error *err)
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
    if (options->sentinels != NULL) {
        arm(db, SENTINELS_MS); /* or as soon as one has answered */
        return db;
    }
    if (parse_url(db, options->url, err) != 0 || resolve_host(db, err) != 0) {
        db_close(db);
        return NULL;
    }
    start_connecting(db);
    return db;
}

struct db_options db_options_of(const struct settings *s)
{
    return (struct db_options){
        .sentinels = s->redis.sentinels,
        .master = s->redis.master,
        .sentinel_secret = s->redis.sentinel_secret,
        .url = s->redis.url,
        .user = s->redis.user,
        .secret = s->redis.secret,
        .accept_loss = s->redis.accept_loss,
        .replicas = s->redis.replicas,
        .replicas_wait_ms = s->redis.replicas_wait_ms,
    };
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

bool db_clustered(const struct db *db)
{
    return db->clustered;
}

struct db *db_stripe(struct db *db, unsigned k)
{
    return db->stripes[k % db->stripe_count];
}

static void free_requests(struct request *r)
{
    struct request *next;

    for (; r != NULL; r = next) {
        next = r->next;
        buf_free(&r->bytes);
        free(r);
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

void db_close(struct db *db)
{
    if (db == NULL)
        return;
    for (unsigned i = 1; i < db->stripe_count; i++)
        db_close(db->stripes[i]);
    sentinel_close(db->sentinel);
    if (db->context != NULL) {
        db->context->data = NULL;
        redisAsyncFree(db->context);
    }
    drop_unconfirmed(db);
    keep_requests(db->first);
    keep_requests(db->aside);
    free_requests(db->spare);
    free_roots(&db->maker);
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

/* What could wait goes with what cannot: in one turn of Redis. */
static void hurry(struct db *root)
{
    if (!root->some_wait)
        return;
    root->some_wait = false;
    for (unsigned i = 0; i < root->stripe_count; i++)
        if (root->stripes[i]->context != NULL)
            db_wire_hurry(root->stripes[i]->context);
}

static void send_command(struct db *db, struct command *c, db_fn *fn, void *arg, bool give_up)
{
    struct request *r = request_take(db);
    size_t n;
    const char *bytes = command_finish(c, &n);

    r->fn = fn;
    r->arg = arg;
    r->give_up = give_up;
    buf_clear(&r->bytes);
    buf_put(&r->bytes, bytes, n);
    buf_string(&r->bytes); /* hiredis looks for the command's name with strchr() */
    append(&db->last, r);
    db->outstanding++;
    db->outstanding_bytes += n;
    if (db->state != DB_WELL || db->context == NULL)
        return;
    if (c->can_wait)
        root_of(db)->some_wait = true;
    else
        hurry(root_of(db));
    db_wire_can_wait(db->context, c->can_wait);
    put_on_wire(db, r);
    if (db->context != NULL)
        db_wire_can_wait(db->context, false);
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

static redisReply *copy_reply(const redisReply *from)
{
    redisReply *r = xcalloc(1, sizeof *r);

    r->type = from->type;
    r->integer = from->integer;
    r->len = from->len;
    if (from->str != NULL) {
        r->str = xmalloc(from->len + 1);
        memcpy(r->str, from->str, from->len + 1);
    }
    r->elements = from->elements;
    if (from->elements > 0)
        r->element = xcalloc(from->elements, sizeof *r->element);
    for (size_t i = 0; i < from->elements; i++)
        r->element[i] = copy_reply(from->element[i]);
    return r;
}

static void keep_reply(void *arg, const redisReply *reply)
{
    *(redisReply **)arg = copy_reply(reply);
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
    if (answer == NULL)
        return error_set(err, "Redis does not answer: %s", language_text(db->why));
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
    for (unsigned i = 0; i < db->stripe_count; i++)
        if (db->stripes[i]->state == DB_AWAY)
            arm(db->stripes[i], 0);
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

/* ------------------------------------------------------------------ replies */

bool db_is_error(const redisReply *reply, const char *prefix)
{
    return reply->type == REDIS_REPLY_ERROR &&
           (prefix == NULL || strncmp(reply->str, prefix, strlen(prefix)) == 0);
}

int64_t db_int(const redisReply *reply, int64_t otherwise)
{
    char *end;
    long long n;

    if (reply == NULL)
        return otherwise;
    if (reply->type == REDIS_REPLY_INTEGER)
        return reply->integer;
    if ((reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS) || reply->len == 0)
        return otherwise;
    n = strtoll(reply->str, &end, 10);
    return *end == '\0' ? n : otherwise;
}

const redisReply *db_at(const redisReply *reply, size_t i)
{
    return reply != NULL && reply->type == REDIS_REPLY_ARRAY && i < reply->elements
               ? reply->element[i]
               : NULL;
}

const redisReply *db_field(const redisReply *reply, const char *name)
{
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY)
        return NULL;
    for (size_t i = 0; i + 1 < reply->elements; i += 2)
        if (reply->element[i]->type == REDIS_REPLY_STRING &&
            strcmp(reply->element[i]->str, name) == 0)
            return reply->element[i + 1];
    return NULL;
}
