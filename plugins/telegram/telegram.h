/*
 * telegram.h - what the parts of the Telegram plugin share
 */
#ifndef TELEGRAM_H
#define TELEGRAM_H

#include "answers.h"
#include "gateway_plugin.h"
#include "gather.h"
#include "single.h"

#include <jansson.h>

#define TELEGRAM_CHAT_BYTES 24
#define TELEGRAM_MIGRATIONS 64

/* A group has become a supergroup. */
struct telegram_migration {
    char from[TELEGRAM_CHAT_BYTES], to[TELEGRAM_CHAT_BYTES];
};

struct telegram {
    const struct gateway_host *host;
    struct gateway *gw;
    struct single single;
    struct answers answers;
    struct gather gather;
    char *url;                   /* https://api.telegram.org/bot<token>: never logged */
    const char *chat;            /* of a gateway to a group, or NULL */
    const char *secret_token;    /* NULL: no webhook */
    struct gateway_timer *pause; /* runs while they have asked us to wait */
    struct telegram_migration *migrations;
    size_t migration_count;
    struct gateway_timer *again; /* the next poll, or the next attempt at the webhook */
    int64_t again_ms;            /* how long the next pause is */
    int64_t asked_ms;            /* mono: when the poll under way began */
    int64_t offset;              /* of the next poll; 0: whatever they have */
    int64_t taken;               /* the offset when what came in is stored */
    bool told;                   /* of a trouble that lasts */
    bool draining;
};

/* A method's URL, for free(). */
char *telegram_method(const struct telegram *t, const char *method);

/* The object of an answer if it is one and says ok; else NULL with what they say instead in
 * words, which *answer owns. *answer is for json_decref(). */
json_t *telegram_result(const struct gateway_http_response *response, json_t **answer,
                        const char **words);

/* updates.c: polls for updates, or makes the webhook known if there is a callback_url. */
void telegram_listen(struct telegram *t);
void telegram_listen_no_more(struct telegram *t);

/* As gateway_plugin.callback. */
void telegram_push(void *state, const struct gateway_push *push, gateway_push_answer_fn *answer,
                   void *arg);

#endif
