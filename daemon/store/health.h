/*
 * health.h - what is about to go wrong with Redis, before it does
 *
 * Asks Redis every few seconds how it is (INFO) and says in the log, once each, what
 * a person should see to (redis.ailing) and that it is over (redis.recovered). It only
 * looks: what cannot be done any more is db.h's business.
 */
#ifndef OUTREACH_HEALTH_H
#define OUTREACH_HEALTH_H

#include <stddef.h>
#include <stdint.h>

struct db;
struct event_base;
struct health; /* opaque */

#define HEALTH_TROUBLES 6

/* Begins to ask; db and base are borrowed. Never NULL. */
struct health *health_create(struct event_base *base, struct db *db);
void health_free(struct health *h); /* after db_close(); NULL is fine */

/* What an answer of INFO tells: bit k is trouble k of the table. before holds the counters
 * of the last answer and is brought up to date; -1: not known, which no growth is seen by. */
unsigned health_judge(const char *info, int64_t before[HEALTH_TROUBLES]);

/* "memory", "snapshot", ...; k in 0..HEALTH_TROUBLES-1 */
const char *health_name(size_t k);

#endif
