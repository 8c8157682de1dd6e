/*
 * twilio.h - what the parts of the Twilio plugin share
 */
#ifndef TWILIO_H
#define TWILIO_H

#include "answers.h"
#include "gateway_plugin.h"
#include "gather.h"
#include "single.h"

struct twilio {
    const struct gateway_host *host;
    struct gateway *gw;
    struct single single;
    struct answers answers;
    struct gather gather;
    char *url, *authorization; /* of every request */
    const char *auth_token;
    const char *source, *messaging_service; /* NULL where not given */
    const char *callback_url;               /* NULL: neither receipts nor replies */
    char id[65];                            /* of the last answer, and what it points to */
    struct gateway_id kept;
};

/* Receipts and replies, as gateway_plugin.callback. */
void twilio_push(void *state, const struct gateway_push *push, gateway_push_answer_fn *answer,
                 void *arg);

#endif
