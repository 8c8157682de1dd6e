#include "inside.h"

#include "keys.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of reminders, as the receipts' index has them. A few hundred at most
 * are in use at a time: a table with one place for each, by its last bits. */
#define PLACES 1024

struct refs {
    struct dispatch *d;
    struct {
        uint32_t ref;
        char key[CAMPAIGN_ID_BYTES + NAME_BYTES];
    } known[PLACES];
};

struct question {
    struct refs *refs;
    uint32_t ref;
    dispatch_ref_fn *fn;
    void *arg;
};

struct refs *refs_create(struct dispatch *d)
{
    struct refs *refs = xcalloc(1, sizeof *refs);

    refs->d = d;
    return refs;
}

void refs_free(struct refs *refs)
{
    free(refs);
}

void refs_forget(struct refs *refs)
{
    memset(refs->known, 0, sizeof refs->known);
}

void refs_learn(struct refs *refs, uint32_t ref, const char *key)
{
    refs->known[ref % PLACES].ref = ref;
    snprintf(refs->known[ref % PLACES].key, sizeof refs->known[0].key, "%s", key);
}

static void tell(const char *key, dispatch_ref_fn *fn, void *arg)
{
    char campaign[CAMPAIGN_ID_BYTES], reminder[NAME_BYTES];

    if (key_split(key, campaign, reminder) == 0)
        fn(arg, campaign, reminder);
    else
        fn(arg, NULL, NULL);
}

static void on_name(void *arg, const redisReply *reply)
{
    struct question *q = arg;

    if (reply->type == REDIS_REPLY_STRING && reply->len < sizeof q->refs->known[0].key)
        refs_learn(q->refs, q->ref, reply->str);
    tell(reply->type == REDIS_REPLY_STRING ? reply->str : "", q->fn, q->arg);
    free(q);
}

void dispatch_find_ref(struct dispatch *d, uint32_t ref, dispatch_ref_fn *fn, void *arg)
{
    struct refs *refs = d->refs;
    struct question *q;

    if (ref != 0 && refs->known[ref % PLACES].ref == ref) {
        tell(refs->known[ref % PLACES].key, fn, arg);
        return;
    }
    q = xmalloc(sizeof *q);
    *q = (struct question){refs, ref, fn, arg};
    command_start(&d->command, "HGET");
    command_add_string(&d->command, KEY_REFS);
    command_add_format(&d->command, ":%u", ref);
    db_send(d->db, &d->command, on_name, q);
}
