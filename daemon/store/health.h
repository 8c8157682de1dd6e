/*
 * health.h - what is about to go wrong with Redis, before it does
 *
 * Asks Redis every few seconds how it is (INFO) and says in the log, once each, what
 * a person should see to (redis.ailing) and that it is over (redis.recovered). It only
 * looks: what cannot be done any more is db.h's business. Whoever would put something new into
 * it asks here whether there is room: at 80 % of maxmemory nothing more is taken, so that what is
 * under way still can be recorded.
 */
#ifndef OUTREACH_HEALTH_H
#define OUTREACH_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct event_base;
struct health; /* opaque */

#define HEALTH_TROUBLES 6

/* Begins to ask; db and base are borrowed. Never NULL. */
struct health *health_create(struct event_base *base, struct db *db);
void health_free(struct health *h); /* after db_close(); NULL is fine */

/* Its memory is nearly full, as it said last; false for NULL. */
bool health_full(const struct health *h);

/* The same of an answer of INFO memory, for who asks once. *percent: how much is used. */
bool health_memory_full(const char *info, int *percent);

/* What an answer of INFO tells: bit k is trouble k of the table. before holds the counters
 * of the last answer and is brought up to date; -1: not known, which no growth is seen by. */
unsigned health_judge(const char *info, int64_t before[HEALTH_TROUBLES]);

/* It has trouble k now, as it said last; false for NULL. And what that means. */
bool health_has(const struct health *h, size_t k);
const char *health_why(size_t k);

/* "memory", "snapshot", ...; k in 0..HEALTH_TROUBLES-1 */
const char *health_name(size_t k);

#endif
