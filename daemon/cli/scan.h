/*
 * scan.h - all that stands in a large key, a page after the other
 */
#ifndef OUTREACH_SCAN_H
#define OUTREACH_SCAN_H

#include "cli.h"

/* A member of a set; or the field of a hash, with its value (else NULL). Good for that call. */
typedef void scan_fn(void *arg, const redisReply *member, const redisReply *value);

/* Goes through a set (SSCAN) or hash (HSCAN): what is there all the while comes at least once. 0,
 * or -1 with err. */
int scan_all(struct cli *cli, const char *command, const char *key, scan_fn *fn, void *arg,
             struct error *err);

/* An entry of a stream: its time, and its fields for db_field(). Good for that call. */
typedef void scan_entry_fn(void *arg, int64_t at_ms, const redisReply *fields);

/* Goes through a stream, the oldest first. 0, or -1 with err. */
int scan_stream(struct cli *cli, const char *key, scan_entry_fn *fn, void *arg, struct error *err);

#endif
