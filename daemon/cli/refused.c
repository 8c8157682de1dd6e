#include "refused.h"

#include "address.h"
#include "keys.h"
#include "mem.h"
#include "scan.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYED '#' /* before a hash; no address begins so */

struct known {
    char *who; /* an address, or KEYED and its hash */
    char *campaign, *by;
    struct refusal refusal;
};

struct refused {
    struct known *known; /* by who, one of each */
    size_t count;
    bool keyed; /* key is there */
    struct address_key key;
};

static char *text_of(const redisReply *fields, const char *name)
{
    const redisReply *value = db_field(fields, name);

    return xstrdup(value != NULL && value->str != NULL ? value->str : "");
}

static void add(struct refused *r, int64_t at_ms, char *who, char *campaign, char *by)
{
    if ((r->count & (r->count - 1)) == 0)
        r->known = xreallocarray(r->known, r->count == 0 ? 1 : 2 * r->count, sizeof *r->known);
    r->known[r->count++] = (struct known){who, campaign, by, {at_ms, campaign, by}};
}

static void on_reply(void *arg, int64_t at_ms, const redisReply *fields)
{
    char *kind = text_of(fields, "kind");

    if (strcmp(kind, "optout") == 0)
        add(arg, at_ms, text_of(fields, "from"), text_of(fields, "campaign"), xstrdup(""));
    free(kind);
}

static void on_order(void *arg, int64_t at_ms, const redisReply *fields)
{
    char *op = text_of(fields, "op"), *hash = text_of(fields, "hash");

    if (strcmp(op, "optout-add") == 0 && hash[0] != '\0')
        add(arg, at_ms, xasprintf("%c%s", KEYED, hash), xstrdup(""), text_of(fields, "by"));
    free(op);
    free(hash);
}

static void known_free(struct known *k)
{
    free(k->who);
    free(k->campaign);
    free(k->by);
}

static int by_who(const void *a, const void *b)
{
    return strcmp(((const struct known *)a)->who, ((const struct known *)b)->who);
}

static int by_who_and_time(const void *a, const void *b)
{
    const struct known *x = a, *y = b;
    int order = by_who(a, b);

    return order != 0
               ? order
               : (x->refusal.at_ms > y->refusal.at_ms) - (x->refusal.at_ms < y->refusal.at_ms);
}

/* Only the last refusal of each is kept. */
static void put_in_order(struct refused *r)
{
    size_t kept = 0;

    if (r->count > 0)
        qsort(r->known, r->count, sizeof *r->known, by_who_and_time);
    for (size_t i = 0; i < r->count; i++)
        if (i + 1 < r->count && by_who(&r->known[i], &r->known[i + 1]) == 0)
            known_free(&r->known[i]);
        else
            r->known[kept++] = r->known[i];
    r->count = kept;
}

struct refused *refused_read(struct cli *cli, struct error *err)
{
    struct refused *r = xcalloc(1, sizeof *r);

    r->keyed = address_key(cli, &r->key) == 0;
    if (scan_stream(cli, KEY_REPLIES, on_reply, r, err) != 0 ||
        (r->keyed && scan_stream(cli, KEY_AUDIT, on_order, r, err) != 0)) {
        refused_free(r);
        return NULL;
    }
    put_in_order(r);
    return r;
}

void refused_free(struct refused *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->count; i++)
        known_free(&r->known[i]);
    free(r->known);
    sodium_memzero(&r->key, sizeof r->key);
    free(r);
}

static const struct refusal *find(const struct refused *r, char *who)
{
    struct known wanted = {.who = who}, *found = NULL;

    if (r->count > 0)
        found = bsearch(&wanted, r->known, r->count, sizeof *r->known, by_who);
    free(who);
    return found != NULL ? &found->refusal : NULL;
}

const struct refusal *refused_find(const struct refused *r, const char *address)
{
    const struct refusal *wrote = find(r, xstrdup(address)), *entered = NULL;

    if (r->keyed)
        entered = find(
            r, xasprintf("%c%016" PRIx64, KEYED, address_keyed(&r->key, address, strlen(address))));
    if (wrote == NULL || entered == NULL)
        return wrote != NULL ? wrote : entered;
    return wrote->at_ms > entered->at_ms ? wrote : entered;
}

void refused_words(const struct refusal *one, struct buf *out)
{
    if (one->by[0] != '\0')
        buf_printf(out, T("entered by %s"), one->by);
    else if (one->campaign[0] != '\0')
        buf_printf(out, T("reply to %s"), one->campaign);
    else
        buf_puts(out, T("reply"));
}
