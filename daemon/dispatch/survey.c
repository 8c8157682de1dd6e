#include "inside.h"

#include "keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All reminders of all campaigns, asked for in one pipeline. */
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

static void survey_step(struct survey *s)
{
    if (--s->asks > 0)
        return;
    s->fn(s->arg, (const reminder_key *)s->keys, s->count);
    free(s->keys);
    free(s);
}

static void on_names(void *arg, const redisReply *reply)
{
    struct listing *l = arg;
    struct survey *s = l->s;
    char *names = xstrdup(reply->type == REDIS_REPLY_STRING ? reply->str : ""), *save = NULL;

    for (char *name = strtok_r(names, " ", &save); name != NULL;
         name = strtok_r(NULL, " ", &save)) {
        if (s->count == s->room) {
            s->room = s->room ? s->room * 2 : 64;
            s->keys = xreallocarray(s->keys, s->room, sizeof *s->keys);
        }
        snprintf(s->keys[s->count++], sizeof *s->keys, "%s/%.32s", l->id, name);
    }
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

void survey(struct dispatch *d, survey_fn *fn, void *arg)
{
    struct survey *s = xcalloc(1, sizeof *s);

    s->d = d;
    s->fn = fn;
    s->arg = arg;
    s->asks = 1; /* the list itself */
    command_start(&d->command, "SMEMBERS");
    command_add_string(&d->command, KEY_CAMPAIGNS);
    db_send(d->db, &d->command, on_campaigns, s);
}
