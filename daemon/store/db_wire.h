/*
 * db_wire.h - a connection of hiredis on the loop, with one write a turn
 *
 * The adapter that comes with hiredis asks the kernel anew for every read and
 * every write, and writes in the next pass of the loop. Redis ends each of its
 * turns with an fsync: whatever reaches it piece by piece pays for one a piece. So
 * what is sent during a pass leaves together at its end, behind everything that was
 * active and what that activated, unless all of it can wait; and what has arrived is read to its
 * end, within bounds, before anything is answered.
 *
 * All calls belong on the loop thread.
 */
#ifndef OUTREACH_DB_WIRE_H
#define OUTREACH_DB_WIRE_H

#include <async.h>
#include <stdbool.h>

struct event_base;

/* Before each write: what it sends leaves last, with that write. It must not free the context. */
typedef void db_wire_fn(redisAsyncContext *context);

/* Puts a context that connects or is connected on the loop, once. What this
 * allocates is freed with the context. before may be NULL. */
void db_wire_attach(redisAsyncContext *context, struct event_base *base, db_wire_fn *before);

/* Whether what is sent from now on can wait for what cannot, for DB_WIRE_WAIT_US at most. */
#define DB_WIRE_WAIT_US 2000
void db_wire_can_wait(redisAsyncContext *context, bool can_wait);

/* What was to leave at the end of this pass leaves now: not from within a callback of hiredis. */
void db_wire_leave(redisAsyncContext *context);

/* What waits leaves at the end of this pass. */
void db_wire_hurry(redisAsyncContext *context);

#endif
