/*
 * twilio.h - what the parts of the Twilio plugin share
 */
#ifndef TWILIO_H
#define TWILIO_H

#include "answers.h"
#include "awaited.h"
#include "gateway_plugin.h"
#include "gather.h"
#include "single.h"

#include <sys/queue.h>

struct twilio {
    const struct gateway_host *host;
    struct gateway *gw;
    struct single single;
    struct answers answers;
    struct gather gather;
    char *url, *authorization; /* of every request */
    const char *auth_token;
    const char *source, *messaging_service; /* NULL where not given */
    const char *callback_url; /* NULL: no replies, and receipts only where they are asked for */
    struct awaited *awaited;  /* NULL: nothing is asked for */
    LIST_HEAD(, question) questions;
    LIST_HEAD(, pushed) pushes;
    char id[65]; /* of the last answer, and what it points to */
    struct gateway_id kept;
};

/* Receipts and replies, as gateway_plugin.callback. */
void twilio_push(void *state, const struct gateway_push *push, gateway_push_answer_fn *answer,
                 void *arg);

/* Into taken: what became of the message of that id. reference, code and words may be NULL. */
void twilio_receipt(struct twilio *t, struct gathering *taken, const char *id,
                    const char *reference, const char *status, const char *code, const char *words);

void twilio_pushes_free(struct twilio *t);

/* ask.c */
bool twilio_is_over(const char *status); /* nothing more comes after it */
awaited_ask_fn twilio_ask;
void twilio_owed(void *state, const struct gateway_id *id, const char *to, int64_t submitted_ms);
void twilio_questions_free(struct twilio *t);

#endif
