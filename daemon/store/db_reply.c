#include "db_reply.h"

#include "db.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

struct root {         /* the outermost object of a reply */
    redisReply reply; /* first: hiredis knows the root as that; spare.h's pointer lies over it */
    struct arena objects;
    struct db_replies *maker;
    bool kept; /* hiredis is done with it, we are not */
};

static redisReply *make(const redisReadTask *task, int type)
{
    struct db_replies *m = task->privdata;
    redisReply *r;

    if (task->parent == NULL) {
        struct root *root = spare_take(&m->spare);

        if (root == NULL)
            root = xcalloc(1, sizeof *root);
        arena_reset(&root->objects);
        root->maker = m;
        m->making = root;
        r = &root->reply;
    } else {
        redisReply *parent = task->parent->obj;

        r = arena_alloc(&m->making->objects, sizeof *r);
        parent->element[task->idx] = r;
    }
    memset(r, 0, sizeof *r);
    r->type = type;
    return r;
}

static void *make_string(const redisReadTask *task, char *str, size_t n)
{
    struct db_replies *m = task->privdata;
    redisReply *r = make(task, task->type);

    r->str = arena_strndup(&m->making->objects, str, n);
    r->len = n;
    return r;
}

static void *make_array(const redisReadTask *task, int elements)
{
    struct db_replies *m = task->privdata;
    redisReply *r = make(task, REDIS_REPLY_ARRAY);
    size_t bytes = (size_t)elements * sizeof *r->element;

    if (elements > 0) {
        r->element = arena_alloc(&m->making->objects, bytes);
        memset(r->element, 0, bytes);
    }
    r->elements = (size_t)elements;
    return r;
}

static void *make_integer(const redisReadTask *task, long long n)
{
    redisReply *r = make(task, REDIS_REPLY_INTEGER);

    r->integer = n;
    return r;
}

static void *make_nil(const redisReadTask *task)
{
    return make(task, REDIS_REPLY_NIL);
}

static void free_root(void *object)
{
    struct root *root = object;

    if (root->kept)
        return;
    spare_give(&root->maker->spare, root);
}

void db_keep_reply(redisReply *reply, bool keep)
{
    struct root *root = (struct root *)reply;

    root->kept = keep;
    if (!keep)
        free_root(root);
}

static void root_free(void *object)
{
    struct root *root = object;

    arena_free(&root->objects);
    free(root);
}

void db_free_replies(struct db_replies *m)
{
    spare_free(&m->spare, root_free);
}

redisReplyObjectFunctions db_reply_functions = {
    .createString = make_string,
    .createArray = make_array,
    .createInteger = make_integer,
    .createNil = make_nil,
    .freeObject = free_root,
};

/* ----------------------------------------------------------------- copies */

redisReply *db_copy_reply(const redisReply *from)
{
    redisReply *r = xcalloc(1, sizeof *r);

    r->type = from->type;
    r->integer = from->integer;
    r->len = from->len;
    if (from->str != NULL) {
        r->str = xmalloc(from->len + 1);
        memcpy(r->str, from->str, from->len + 1);
    }
    r->elements = from->elements;
    if (from->elements > 0)
        r->element = xcalloc(from->elements, sizeof *r->element);
    for (size_t i = 0; i < from->elements; i++)
        r->element[i] = db_copy_reply(from->element[i]);
    return r;
}

/* ------------------------------------------------------------------ reading */

bool db_is_error(const redisReply *reply, const char *prefix)
{
    return reply->type == REDIS_REPLY_ERROR &&
           (prefix == NULL || strncmp(reply->str, prefix, strlen(prefix)) == 0);
}

int64_t db_int(const redisReply *reply, int64_t otherwise)
{
    char *end;
    long long n;

    if (reply == NULL)
        return otherwise;
    if (reply->type == REDIS_REPLY_INTEGER)
        return reply->integer;
    if ((reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS) || reply->len == 0)
        return otherwise;
    n = strtoll(reply->str, &end, 10);
    return *end == '\0' ? n : otherwise;
}

const redisReply *db_at(const redisReply *reply, size_t i)
{
    return reply != NULL && reply->type == REDIS_REPLY_ARRAY && i < reply->elements
               ? reply->element[i]
               : NULL;
}

const redisReply *db_field(const redisReply *reply, const char *name)
{
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY)
        return NULL;
    for (size_t i = 0; i + 1 < reply->elements; i += 2)
        if (reply->element[i]->type == REDIS_REPLY_STRING &&
            strcmp(reply->element[i]->str, name) == 0)
            return reply->element[i + 1];
    return NULL;
}
