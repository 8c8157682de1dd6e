#include "shared.h"

#include "db.h"
#include "instance.h"
#include "keys.h"
#include "log.h"

#include <event2/event.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 200   /* while somebody else makes it */
#define MARK_BYTES 16 /* of a keyed hash, in hexadecimal: tells values apart */
#define HEX_BYTES (2 * MARK_BYTES + 1)

struct caller {
    TAILQ_ENTRY(caller) links;
    gateway_shared_fn *fn;
    void *arg;
    char stale[HEX_BYTES]; /* the mark of the value that it does not want, or "" */
};

/* One value of one gateway. */
struct shared {
    LIST_ENTRY(shared) links;
    struct gateway *gw;
    char name[SHARED_NAME_BYTES + 1];
    char who[HEX_BYTES]; /* us, among all daemons */
    bool keyed;          /* the gateway has a secret to seal it with */
    unsigned char key[crypto_secretbox_KEYBYTES];
    TAILQ_HEAD(callers, caller) callers;
    struct event *timer;
    bool asking, making;     /* Redis; a caller of ours was told to make it */
    char refused[HEX_BYTES]; /* the mark of a box that our key does not open, or "" */
    char last[HEX_BYTES];    /* of what was given or put last */
    struct command command;
};

/* ------------------------------------------------------------------- sealing */

static void hash_part(crypto_generichash_state *hash, const char *s)
{
    crypto_generichash_update(hash, (const unsigned char *)s, strlen(s) + 1);
}

/* Of all secrets of the gateway, its name and the value's. */
static void make_key(struct shared *s)
{
    const struct gateway_setting *setting = s->gw->plugin.settings;
    crypto_generichash_state hash;

    crypto_generichash_init(&hash, NULL, 0, sizeof s->key);
    hash_part(&hash, "outreach sealed");
    hash_part(&hash, s->gw->config->name);
    hash_part(&hash, s->name);
    for (; setting != NULL && setting->name != NULL; setting++) {
        const char *secret = setting->kind == GATEWAY_SECRET
                                 ? gateway_settings_string(s->gw->settings, setting->name)
                                 : NULL;

        if (secret == NULL || *secret == '\0')
            continue;
        s->keyed = true;
        hash_part(&hash, setting->name);
        hash_part(&hash, secret);
    }
    crypto_generichash_final(&hash, s->key, sizeof s->key);
}

static void mark_of(const struct shared *s, const char *value, size_t n, char out[HEX_BYTES])
{
    unsigned char mark[MARK_BYTES];

    crypto_generichash(mark, sizeof mark, (const unsigned char *)value, n, s->key, sizeof s->key);
    sodium_bin2hex(out, HEX_BYTES, mark, sizeof mark);
}

/* The nonce, and behind it the box. */
static void add_sealed(struct shared *s, const char *value, size_t n)
{
    unsigned char *box = (unsigned char *)command_add_room(
        &s->command, n + crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES);

    randombytes_buf(box, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(box + crypto_secretbox_NONCEBYTES, (const unsigned char *)value, n, box,
                          s->key);
}

/* Its length, or -1. */
static long open_sealed(const struct shared *s, const redisReply *box,
                        char out[SHARED_VALUE_BYTES + 1])
{
    const unsigned char *bytes = (const unsigned char *)box->str;
    size_t head = crypto_secretbox_NONCEBYTES;

    if (box->type != REDIS_REPLY_STRING || box->len <= head + crypto_secretbox_MACBYTES ||
        box->len > head + crypto_secretbox_MACBYTES + SHARED_VALUE_BYTES ||
        crypto_secretbox_open_easy((unsigned char *)out, bytes + head, box->len - head, bytes,
                                   s->key) != 0)
        return -1;
    out[box->len - head - crypto_secretbox_MACBYTES] = '\0';
    return (long)(box->len - head - crypto_secretbox_MACBYTES);
}

/* -------------------------------------------------------------------- asking */

static void step_in(struct shared *s, int64_t ms)
{
    struct timeval tv = {ms / 1000, ms % 1000 * 1000};

    evtimer_add(s->timer, &tv);
}

static void start_command(struct shared *s, const char *what)
{
    command_script(&s->command, SCRIPT_SEALED, 2);
    command_add_format(&s->command, "outreach:{gw:%s}:sealed:%s", s->gw->config->name, s->name);
    command_add_format(&s->command, "outreach:{gw:%s}:sealed:%s:maker", s->gw->config->name,
                       s->name);
    command_add_string(&s->command, what);
    command_add_string(&s->command, s->who);
}

static void forget(struct shared *s, const char *mark)
{
    start_command(s, "forget");
    command_add_string(&s->command, mark);
    db_send(s->gw->set->db, &s->command, NULL, NULL);
}

/* The first in the line makes it. */
static void give_nothing(struct shared *s)
{
    struct caller *c = TAILQ_FIRST(&s->callers);
    gateway_shared_fn *fn = c->fn;
    void *arg = c->arg;

    TAILQ_REMOVE(&s->callers, c, links);
    free(c);
    fn(arg, NULL, 0);
}

static void give(struct shared *s, const char *value, size_t n)
{
    struct callers served = TAILQ_HEAD_INITIALIZER(served);
    struct caller *c, *next;

    for (c = TAILQ_FIRST(&s->callers); c != NULL; c = next) {
        next = TAILQ_NEXT(c, links);
        if (strcmp(c->stale, s->last) == 0)
            continue;
        TAILQ_REMOVE(&s->callers, c, links);
        TAILQ_INSERT_TAIL(&served, c, links);
    }
    while ((c = TAILQ_FIRST(&served)) != NULL) {
        TAILQ_REMOVE(&served, c, links);
        c->fn(c->arg, value, n);
        free(c);
    }
}

static void take_value(struct shared *s, const redisReply *box, const redisReply *mark)
{
    char value[SHARED_VALUE_BYTES + 1], *last = s->last;
    long n = -1;

    if (box != NULL && mark != NULL && mark->type == REDIS_REPLY_STRING && mark->len < HEX_BYTES)
        n = open_sealed(s, box, value);
    if (n >= 0)
        mark_of(s, value, (size_t)n, last);
    if (n >= 0 && strcmp(last, mark->str) != 0)
        n = -1;
    if (n < 0) { /* another secret, or somebody else's work: made anew */
        log_warning("gateway.sealed gateway=%s value=%s what=unreadable", s->gw->config->name,
                    s->name);
        if (mark != NULL && mark->type == REDIS_REPLY_STRING)
            snprintf(s->refused, sizeof s->refused, "%s", mark->str);
    } else {
        s->refused[0] = '\0';
        give(s, value, (size_t)n);
        sodium_memzero(value, sizeof value);
    }
    if (!TAILQ_EMPTY(&s->callers))
        step_in(s, n < 0 && s->refused[0] == '\0' ? LOOK_MS : 0);
}

static void on_answer(void *arg, const redisReply *reply)
{
    struct shared *s = arg;
    const redisReply *what = db_at(reply, 0);
    const char *word = what != NULL && what->type == REDIS_REPLY_STRING ? what->str : "";

    s->asking = false;
    if (TAILQ_EMPTY(&s->callers)) { /* the plugin was closed meanwhile */
        if (strcmp(word, "make") == 0)
            forget(s, "");
    } else if (strcmp(word, "value") == 0) {
        take_value(s, db_at(reply, 1), db_at(reply, 2));
    } else if (strcmp(word, "make") == 0) {
        s->making = true;
        s->refused[0] = '\0';
        step_in(s, SHARED_MAKE_MS);
        give_nothing(s);
    } else {
        step_in(s, LOOK_MS);
    }
}

static void on_step(evutil_socket_t fd, short what, void *arg)
{
    struct shared *s = arg;

    (void)fd, (void)what;
    s->making = false; /* whom we asked is taken for lost */
    if (s->asking || TAILQ_EMPTY(&s->callers))
        return;
    if (s->gw->set->db == NULL || !s->keyed) { /* everybody for himself */
        give_nothing(s);
        if (!TAILQ_EMPTY(&s->callers))
            step_in(s, 0);
        return;
    }
    start_command(s, "get");
    command_add_string(&s->command,
                       s->refused[0] != '\0' ? s->refused : TAILQ_FIRST(&s->callers)->stale);
    command_add_int(&s->command, SHARED_MAKE_MS);
    s->asking = true;
    db_send(s->gw->set->db, &s->command, on_answer, s);
}

/* ----------------------------------------------------------- what a plugin calls */

static struct shared *find(struct gateway *gw, const char *name)
{
    unsigned char who[MARK_BYTES];
    struct shared *s;

    LIST_FOREACH(s, &gw->shared, links)
    if (strcmp(s->name, name) == 0)
        return s;
    s = xcalloc(1, sizeof *s);
    s->gw = gw;
    snprintf(s->name, sizeof s->name, "%s", name);
    randombytes_buf(who, sizeof who);
    sodium_bin2hex(s->who, sizeof s->who, who, sizeof who);
    make_key(s);
    TAILQ_INIT(&s->callers);
    s->timer = evtimer_new(gw->set->base, on_step, s);
    s->command = COMMAND_INIT;
    LIST_INSERT_HEAD(&gw->shared, s, links);
    return s;
}

static bool is_name(const char *name)
{
    size_t n = strlen(name);

    return n >= 1 && n <= SHARED_NAME_BYTES && strspn(name, "abcdefghijklmnopqrstuvwxyz-") == n;
}

void shared_ask(struct gateway *gw, const char *name, const char *stale, gateway_shared_fn *fn,
                void *arg)
{
    struct shared *s = find(gw, is_name(name) ? name : "nameless");
    struct caller *c = xcalloc(1, sizeof *c);

    c->fn = fn;
    c->arg = arg;
    if (stale != NULL)
        mark_of(s, stale, strlen(stale), c->stale);
    TAILQ_INSERT_TAIL(&s->callers, c, links);
    if (!s->asking && !s->making && !evtimer_pending(s->timer, NULL))
        step_in(s, 0);
}

void shared_put(struct gateway *gw, const char *name, const char *value, size_t length,
                int64_t ttl_ms)
{
    struct shared *s = find(gw, is_name(name) ? name : "nameless");

    s->making = false;
    if (!TAILQ_EMPTY(&s->callers) && !s->asking)
        step_in(s, 0);
    else if (!s->asking)
        evtimer_del(s->timer);
    if (gw->set->db == NULL || !s->keyed)
        return;
    if (ttl_ms <= 0 || length < 1 || length > SHARED_VALUE_BYTES) {
        forget(s, s->last);
        return;
    }
    mark_of(s, value, length, s->last);
    start_command(s, "put");
    command_add_string(&s->command, s->last);
    command_add_int(&s->command, ttl_ms);
    add_sealed(s, value, length);
    db_send(gw->set->db, &s->command, NULL, NULL);
}

/* -------------------------------------------------------------------- closing */

void shared_cancel(struct gateway *gw)
{
    struct shared *s;

    LIST_FOREACH(s, &gw->shared, links)
    {
        struct caller *c;

        while ((c = TAILQ_FIRST(&s->callers)) != NULL) {
            TAILQ_REMOVE(&s->callers, c, links);
            free(c);
        }
        evtimer_del(s->timer);
        if (s->making)
            forget(s, ""); /* the next one need not wait for us */
        s->making = false;
    }
}

void shared_free(struct gateway *gw)
{
    struct shared *s;

    while ((s = LIST_FIRST(&gw->shared)) != NULL) {
        LIST_REMOVE(s, links);
        event_free(s->timer);
        command_free(&s->command);
        sodium_memzero(s->key, sizeof s->key);
        free(s);
    }
}
