/*
 * private_redis.h - the embedded default: a redis-server of our own
 *
 * Given no server in its configuration, outreachd keeps its state in a private
 * redis-server on a Unix socket under its state directory: no port, no
 * password, no other user. The daemon and the command line share it. Each holds
 * a shared lock while it uses the server; who leaves last stops it. A user that
 * crashes just loses its lock: the server lives on, with all that was written,
 * and the next user finds it.
 *
 *     state_dir/redis.sock         where it listens (0700)
 *     state_dir/redis.lock         flock: shared by every user
 *     state_dir/redis.start.lock   flock: one at a time starts or stops
 *     state_dir/redis/             0700: the AOF, redis.conf (written anew at
 *                                  each start), redis.log, redis.pid (for people)
 *     state_dir/redis/server.lock  flock, held by the server process itself
 *
 * The last one is how a living server is known: the lock comes with the process
 * as an inherited descriptor and goes with it, however it dies. No pid file is
 * believed, and two servers can never write one AOF.
 *
 * start and stop block and belong before and after the loop; check does not.
 */
#ifndef OUTREACH_PRIVATE_REDIS_H
#define OUTREACH_PRIVATE_REDIS_H

struct error;
struct private_redis;

/* Finds the private server of state_dir (made if missing, 0700) or starts it,
 * and waits until it answers: up to 30 s without a sign of life, longer while it
 * is loading its data. appendfsync is "always", or "everysec" for those who
 * accept loss; a running server is made stricter if asked to, never laxer.
 * Returns NULL with a reason: the path is too long for a socket (107 bytes), no
 * redis-server is installed, or the last line of its log. */
struct private_redis *private_redis_start(const char *state_dir, const char *appendfsync,
                                          struct error *err);

/* The absolute path of the socket, good until stop. */
const char *private_redis_socket(const struct private_redis *p);

enum private_redis_state {
    PRIVATE_REDIS_FAILED = -1, /* it died and cannot be started: err says why; ask again */
    PRIVATE_REDIS_RUNS = 0,    /* the process is there (it may be loading) */
    PRIVATE_REDIS_STARTED = 1, /* it had died: a new one was started and is loading */
};

/* For a timer of the loop, about once a second: if the server has died, starts
 * it again and does not wait for it. A server that dies at once is started
 * again after 1 s, 2 s, ... 30 s. Takes a few system calls. */
enum private_redis_state private_redis_check(struct private_redis *p, struct error *err);

/* Leaves; the last user stops the server, cleanly and waiting up to 10 s for it.
 * Frees p. NULL is fine. */
void private_redis_stop(struct private_redis *p);

#endif
