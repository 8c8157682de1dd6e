#include "inside.h"

#include "keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All reminders of all campaigns, asked for in one pipeline. The set of campaigns and the
 * schedule are both indexes: what one of them has lost stands in the other. */
struct survey {
    struct dispatch *d;
    survey_fn *fn;
    void *arg;
    reminder_key *keys;
    size_t count, room, asks;
};

struct listing {
    struct survey *s;
    char id[CAMPAIGN_ID_BYTES];
};

static int by_key(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void survey_step(struct survey *s)
{
    size_t unique = 0;

    if (--s->asks > 0)
        return;
    if (s->count > 0)
        qsort(s->keys, s->count, sizeof *s->keys, by_key);
    for (size_t i = 0; i < s->count; i++)
        if (i == 0 || strcmp(s->keys[i], s->keys[unique - 1]) != 0)
            memmove(s->keys[unique++], s->keys[i], sizeof *s->keys);
    s->fn(s->arg, (const reminder_key *)s->keys, unique);
    free(s->keys);
    free(s);
}

static char *add_key(struct survey *s)
{
    if (s->count == s->room) {
        s->room = s->room ? s->room * 2 : 64;
        s->keys = xreallocarray(s->keys, s->room, sizeof *s->keys);
    }
    return s->keys[s->count++];
}

static void on_names(void *arg, const redisReply *reply)
{
    struct listing *l = arg;
    struct survey *s = l->s;
    char *names = xstrdup(reply->type == REDIS_REPLY_STRING ? reply->str : ""), *save = NULL;

    for (char *name = strtok_r(names, " ", &save); name != NULL; name = strtok_r(NULL, " ", &save))
        snprintf(add_key(s), sizeof *s->keys, "%s/%.32s", l->id, name);
    free(names);
    free(l);
    survey_step(s);
}

static void on_campaigns(void *arg, const redisReply *reply)
{
    struct survey *s = arg;

    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        struct listing *l;

        if (reply->element[i]->len >= CAMPAIGN_ID_BYTES)
            continue;
        l = xcalloc(1, sizeof *l);
        l->s = s;
        memcpy(l->id, reply->element[i]->str, reply->element[i]->len);
        command_start(&s->d->command, "HGET");
        key_campaign(&s->d->command, l->id);
        command_add_string(&s->d->command, "reminders");
        s->asks++;
        db_send(s->d->db, &s->d->command, on_names, l);
    }
    survey_step(s);
}

static void on_schedule(void *arg, const redisReply *reply)
{
    struct survey *s = arg;

    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        if (reply->element[i]->len < sizeof *s->keys)
            snprintf(add_key(s), sizeof *s->keys, "%s", reply->element[i]->str);
    survey_step(s);
}

void survey(struct dispatch *d, survey_fn *fn, void *arg)
{
    struct survey *s = xcalloc(1, sizeof *s);

    s->d = d;
    s->fn = fn;
    s->arg = arg;
    s->asks = 2; /* the two lists */
    command_start(&d->command, "SMEMBERS");
    command_add_string(&d->command, KEY_CAMPAIGNS);
    db_send(d->db, &d->command, on_campaigns, s);
    command_start(&d->command, "ZRANGE");
    command_add_string(&d->command, KEY_SCHEDULE);
    command_add_int(&d->command, 0);
    command_add_int(&d->command, -1);
    db_send(d->db, &d->command, on_schedule, s);
}
