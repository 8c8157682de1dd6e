#include "inside.h"

#include "keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_ONCE 128 /* asked about: there may be thousands */

/* The set of campaigns and the schedule are both indexes: what one of them has lost stands in the
 * other. Each is one answer, and not a scan's, whose cursor means nothing to a Redis that was
 * started anew meanwhile. */
struct survey {
    struct dispatch *d;
    survey_fn *fn;
    void *arg;
    char (*ids)[CAMPAIGN_ID_BYTES];
    size_t id_count, next, asks;
    reminder_key *keys;
    size_t count, room;
};

struct listing {
    struct survey *s;
    const char *id;
};

static void on_names(void *arg, const redisReply *reply);

static int by_key(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Asks for more, or is through. */
static void survey_step(struct survey *s)
{
    struct command *c = &s->d->command;
    size_t unique = 0;

    while (s->next < s->id_count && s->asks < AT_ONCE) {
        struct listing *l = xmalloc(sizeof *l);

        l->s = s;
        l->id = s->ids[s->next++];
        command_start(c, "HGET");
        key_campaign(c, l->id);
        command_add_string(c, "reminders");
        s->asks++;
        db_send(s->d->db, c, on_names, l);
    }
    if (s->asks > 0)
        return;
    if (s->count > 0)
        qsort(s->keys, s->count, sizeof *s->keys, by_key);
    for (size_t i = 0; i < s->count; i++)
        if (i == 0 || strcmp(s->keys[i], s->keys[unique - 1]) != 0)
            memmove(s->keys[unique++], s->keys[i], sizeof *s->keys);
    s->fn(s->arg, s->keys, unique);
    free(s->ids);
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
    s->asks--;
    survey_step(s);
}

static void on_campaigns(void *arg, const redisReply *reply)
{
    struct survey *s = arg;
    size_t count = reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;

    s->ids = xreallocarray(NULL, count ? count : 1, sizeof *s->ids);
    for (size_t i = 0; i < count; i++)
        if (reply->element[i]->len < sizeof *s->ids)
            snprintf(s->ids[s->id_count++], sizeof *s->ids, "%s", reply->element[i]->str);
    s->asks--;
    survey_step(s);
}

static void on_schedule(void *arg, const redisReply *reply)
{
    struct survey *s = arg;

    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        if (reply->element[i]->len < sizeof *s->keys)
            snprintf(add_key(s), sizeof *s->keys, "%s", reply->element[i]->str);
    s->asks--;
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

/* ------------------------------------------------------------ a question to each */

struct poll {
    struct dispatch *d;
    const struct poll_questions *questions;
    void *arg;
    reminder_key *keys;
    size_t count, next, asks;
};

struct question {
    struct poll *p;
    const char *key;
};

static void ask_more(struct poll *p);

static void on_answer(void *arg, const redisReply *reply)
{
    struct question *q = arg;
    struct poll *p = q->p;

    p->questions->answer(p->arg, q->key, reply);
    free(q);
    p->asks--;
    ask_more(p);
}

static void ask_more(struct poll *p)
{
    while (p->next < p->count && p->asks < AT_ONCE) {
        const char *key = p->keys[p->next++];
        char id[CAMPAIGN_ID_BYTES], name[NAME_BYTES];
        struct question *q;

        if (key_split(key, id, name) != 0)
            continue;
        q = xmalloc(sizeof *q);
        q->p = p;
        q->key = key;
        p->questions->ask(p->arg, id, name, &p->d->command);
        p->asks++;
        db_send(p->d->db, &p->d->command, on_answer, q);
    }
    if (p->asks > 0)
        return;
    p->questions->done(p->arg);
    free(p->keys);
    free(p);
}

static void on_surveyed(void *arg, reminder_key *keys, size_t count)
{
    struct poll *p = arg;

    p->keys = keys;
    p->count = count;
    ask_more(p);
}

void poll_reminders(struct dispatch *d, const struct poll_questions *questions, void *arg)
{
    struct poll *p = xcalloc(1, sizeof *p);

    p->d = d;
    p->questions = questions;
    p->arg = arg;
    survey(d, on_surveyed, p);
}
