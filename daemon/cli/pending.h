/*
 * pending.h - what was asked for and no daemon has taken yet
 */
#ifndef OUTREACH_PENDING_H
#define OUTREACH_PENDING_H

#include "db.h"

/* Runs fn for the events behind the readers' position, the newest first, at most
 * some hundreds; fields are a flat list of names and values, good for the call.
 * Stops when fn returns true. -1 with err when Redis does not answer. */
typedef bool pending_fn(void *arg, const redisReply *fields);
int pending_each(struct db *db, pending_fn *fn, void *arg, struct error *err);

/* The value of a field as a string, or "". */
const char *pending_field(const redisReply *fields, const char *name);

#endif
