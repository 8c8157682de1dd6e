/*
 * db.h - the connection to Redis
 *
 * Pipelined. What is sent is kept until its answer has come:
 * if the connection dies, or Redis is loading, read-only or busy, everything
 * unanswered is sent again, in its order, once Redis is well.
 * So each command must bear being run twice; our scripts are made for that.
 * Out of memory Redis still takes reads and outcomes: only what it refuses is put
 * aside and sent again twice a second, out of its order; or the refusal is its
 * answer, where it was sent by db_try().
 * While Redis is away db_well() is false: nothing new should be started then,
 * but outcomes may still be sent; they wait here (the callers' windows bound
 * them).
 *
 * A server is well when it is a master, has our scripts, and takes a write: one that
 * refuses all writes (its disk is full, its replicas are gone) is as good as away. The log
 * says once what is wrong (redis.away, redis.full), and once that it is over (redis.back,
 * redis.room).
 *
 * A cluster is one server here, too, that is well if all its masters are: a command goes to the one
 * that has the slot of its first key, slots that move are followed (see spread.h). A stripe
 * is answered in its order there as well, and what is sent over it is done in its
 * order, but for what is marked (command_unordered()). One without a key goes to any of them, or
 * to the one that is named (command_at_slot()). No command reaches into two slots.
 *
 * With Sentinels the server is the one that they call the master, and every connection moves
 * when they name another.
 *
 * Several connections, if asked for: Redis reads some 16 KB of each in a turn and
 * ends the turn with one fsync for all, so that much traffic over one connection
 * pays many times (measured: three times the rate with four). What is sent to one
 * db_stripe() is answered in its order; between stripes there is none.
 *
 * With replicas, what leaves together is followed by a WAIT, on the same connection (in a cluster
 * to each master behind what is its own): nothing is answered before so many replicas have it, and
 * where they have not in time, Redis is as good as away and all of it is sent again. So whatever
 * anybody here believes to be written survives a failover to the replica that has most: an intent,
 * an outcome, the marker's tick. It costs the answers a turn of the replicas (with appendfsync
 * always there, their fsync).
 *
 * A server that could lose acknowledged data (no AOF, appendfsync other than
 * always, a policy that evicts) is refused with the reason, unless the
 * configuration accepts loss. So is a replica.
 *
 * Calls belong on the loop thread; none blocks but db_ask() and db_connect(),
 * which are for programs, not for the daemon's loop.
 */
#ifndef OUTREACH_DB_H
#define OUTREACH_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"

#include <hiredis.h>

struct db; /* opaque */
struct settings;
struct error;
struct event_base;

/* The answer to a command: never NULL; an error reply is one that a repeat
 * would not mend. Good for that call only. Runs once, unless the db is closed. */
typedef void db_fn(void *arg, const redisReply *reply);

#define DB_REPLICAS_WAIT_MS 2000

struct db_options {
    const char *const *sentinels; /* who know where the master is, see sentinel.h; NULL: url says */
    const char *master;           /* its name among them */
    const char *sentinel_secret;  /* their password, or NULL */
    const char *const *cluster;   /* nodes of a cluster, "host:port", NULL-ended; or NULL */
    const char *url; /* "unix:/path" or "redis://[user@]host:port[/db]" (numeric host, or resolved
                        at open) */
    /* Where url names none; and the password, also of every server of a cluster. Or NULL */
    const char *user, *secret;
    bool accept_loss;
    unsigned stripes;         /* connections, 1..DB_STRIPES; 0: one */
    unsigned replicas;        /* that must have what was done before it is answered; 0: none */
    int64_t replicas_wait_ms; /* for them, 1..DB_REPLICAS_WAIT_MS */
    /* Redis went away or came back (well), with a reason; may be NULL. */
    void (*changed)(void *arg, bool well, const char *why);
    /* A server that must not be used: the daemon stops. May be NULL. */
    void (*refused)(void *arg, const char *why);
    void *arg;
};

/* What the configuration says of the server; its strings are the settings'. */
struct db_options db_options_of(const struct settings *s);

/* Starts connecting; goes on for ever. NULL if the url cannot be understood. */
struct db *db_open(struct event_base *base, const struct db_options *options, struct error *err);

/* What was sent leaves now, and not at the end of this pass of the loop; what can wait goes on
 * waiting. Not from within an answer. */
void db_leave(struct db *db);

/* fn runs right before anything leaves on any connection: for what has to be on record first. It
 * sends nothing. NULL: nothing runs any more. */
void db_before(struct db *db, void (*fn)(void *arg), void *arg);

/* Lets go of what a burst needed, and nobody since the last call. */
void db_trim(struct db *db);

/* Unanswered commands' callbacks never run, and what these would have freed stays until the
 * process ends. NULL is fine. */
void db_close(struct db *db);

bool db_well(const struct db *db); /* on all its connections */

/* It is one that lets a script reach into one slot only. */
bool db_clustered(const struct db *db);

/* The server, or each master of the cluster, with a slot of its own for command_at_slot(). Returns
 * how many; 0 while the cluster has not said. */
#define DB_SERVERS 64
struct db_server {
    int16_t slot;
    char name[120]; /* "192.0.2.1:6379"; "": there is one alone */
};
unsigned db_servers(const struct db *db, struct db_server list[DB_SERVERS]);

/* Connection k (any number) of db, for db_send(): work that spreads over them. */
#define DB_STRIPES 8
struct db *db_stripe(struct db *db, unsigned k);

/* Commands sent and not yet answered, and their bytes, over all stripes. */
size_t db_outstanding(const struct db *db);
size_t db_outstanding_bytes(const struct db *db);

/* Sends c, whose bytes it takes; fn may be NULL. */
void db_send(struct db *db, struct command *c, db_fn *fn, void *arg);

/* The same, for what can be given up: if Redis is out of memory that error is the
 * answer. For claims and intents, behind which outcomes wait on the same connection,
 * and for what nobody misses. */
void db_try(struct db *db, struct command *c, db_fn *fn, void *arg);

/* Runs the loop until connected and checked. -1 with the reason after timeout_ms, when the
 * server was refused, or when somebody has broken the loop. */
int db_connect(struct db *db, int64_t timeout_ms, struct error *err);

/* Sends c and runs the loop until its answer is there: for programs that do one
 * thing after the other. An error reply is -1 with its text in err, out of memory too. *reply is a
 * copy for freeReplyObject(). */
int db_ask(struct db *db, struct command *c, redisReply **reply, struct error *err);

/* Runs the loop until at most left commands are outstanding. -1 after 30 s
 * without progress. For programs. */
int db_drain(struct db *db, size_t left, struct error *err);

/* The same at the end of a daemon, until none is outstanding: -1 also when Redis has been away for
 * away_ms of that, or full. One that is back sooner takes what has waited. */
int db_end(struct db *db, int64_t away_ms, struct error *err);

/* ------------------------------------------------ reading replies, with bounds */
bool db_is_error(const redisReply *reply, const char *prefix); /* prefix NULL: any */
int64_t db_int(const redisReply *reply, int64_t otherwise);    /* integers and strings of digits */
/* Element i of an array, or NULL. */
const redisReply *db_at(const redisReply *reply, size_t i);
/* The value of a field in a flat HGETALL-like array, or NULL. */
const redisReply *db_field(const redisReply *reply, const char *name);

#endif
