/*
 * db_inside.h - what db.c and spread.c share: a connection, its requests, and the doors between
 *
 * For these two alone; everybody else has db.h.
 */
#ifndef OUTREACH_DB_INSIDE_H
#define OUTREACH_DB_INSIDE_H

#include "buf.h"
#include "db.h"
#include "db_reply.h"
#include "spare.h"

#include <async.h>

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
    redisReply *reply; /* is here, and not yet confirmed by the replicas; of a spread: waits for
                          those before it, a copy */
    int64_t sent_ms;   /* 0: not on this connection yet */
    bool give_up;      /* when Redis is out of memory */
    bool unordered, can_wait;
    int16_t slot; /* of a command without a key, or -1 */
    /* Of a spread: */
    bool flying;          /* to the server at place, and not answered */
    bool again;           /* its answer does not count: another of its slot goes before it */
    bool tried;           /* the last answer was TRYAGAIN or too many redirects */
    uint8_t place, asked; /* asked: whom an ASK named, or SLOTS_NOBODY */
    uint8_t redirects;    /* in a row */
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
    struct spare requests;
    size_t outstanding, outstanding_bytes;
    unsigned checks; /* answers of the handshake still to come */
    bool refused;    /* one of the connections was */
    bool clustered;
    bool to_confirm; /* something was sent since the last WAIT */
    /* Of the first connection, for all of them: what has been said. */
    bool told_away, told_full;
    void (*before)(void *arg);
    void *before_arg;
    int64_t full_ms; /* when a command was refused for want of memory last */
    char why[256];
    struct db_replies replies;
    struct db *parent;              /* of a stripe */
    struct db *stripes[DB_STRIPES]; /* the first is the db itself */
    unsigned stripe_count;
    bool some_wait; /* of all stripes: commands that go with the next that cannot */
    /* In a cluster of several masters: */
    struct cluster *cluster; /* of the first connection, for all of them */
    struct spread *spread;   /* of a stripe, which then has no connection of its own */
    struct spread *part_of;  /* of a connection to one of the masters */
};

/* What could wait goes with what cannot: in one turn of Redis. */
void db_hurry(struct db *root);

struct db *db_root(struct db *db);

/* A connection to one of the masters. What concerns a slot alone is an answer there: MOVED, ASK,
 * TRYAGAIN, and that it is out of memory. */
struct db *db_open_part(struct db *root, struct spread *spread, const char *host, int port);

/* Sends it finished bytes; fn may be NULL. */
void db_send_part(struct db *part, const struct buf *bytes, bool can_wait, db_fn *fn, void *arg);

/* The answer to the first request of a stripe, which is done with by that. */
void db_answer(struct db *db, const redisReply *reply);

void db_arm(struct db *db, int64_t ms);
void db_send_aside(struct db *db);

/* To the log, and to the owner. */
void db_tell(struct db *db, bool well);
void db_tell_owner(struct db *db, bool well);

#endif
