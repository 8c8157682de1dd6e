/*
 * db_reply.h - the objects of a reply, from one arena
 *
 * hiredis makes six allocations of a row of an audience. Here the objects of a
 * reply come from one arena, which waits for the next reply when it is freed.
 */
#ifndef OUTREACH_DB_REPLY_H
#define OUTREACH_DB_REPLY_H

#include "spare.h"

#include <hiredis.h>
#include <stdbool.h>

struct db_replies { /* of one connection: the private data of its reader */
    struct root *making;
    struct spare spare;
};

extern redisReplyObjectFunctions db_reply_functions;

/* A reply outlives its callback, until it is let go. */
void db_keep_reply(redisReply *reply, bool keep);

/* Those that wait. At the end what is kept must be let go before. */
void db_free_replies(struct db_replies *r);

/* Of any reply, for freeReplyObject(). */
redisReply *db_copy_reply(const redisReply *from);

#endif
