/*
 * whatsapp.h - what the parts of the WhatsApp plugin share
 */
#ifndef WHATSAPP_H
#define WHATSAPP_H

#include "answers.h"
#include "gateway_plugin.h"
#include "gather.h"
#include "single.h"

#include <jansson.h>

#define WHATSAPP_ID_BYTES 65

struct whatsapp {
    const struct gateway_host *host;
    struct gateway *gw;
    struct single single;
    struct answers answers;
    struct gather gather;
    char *url, *authorization;
    const char *phone_number_id;
    const char *app_secret, *verify_token; /* NULL where not given */
    char id[WHATSAPP_ID_BYTES];            /* of the last answer, and what it points to */
    struct gateway_id kept;
};

/* Message ids have no bound that is written down, and the host takes 64 bytes: what is longer
 * stands for itself by its SHA-256 in hexadecimal, in answers and in receipts. */
void whatsapp_id(const char *id, char out[WHATSAPP_ID_BYTES]);

/* A code as the table has it: 200 to 299, permissions, are one line. number is that of an
 * error object; NULL where it has none. */
const char *whatsapp_code(const json_t *error, char number[24]);

/* What they say for people: the details, else the message, else the title. NULL for none. */
const char *whatsapp_words(const json_t *error);

/* X-Hub-Signature-256 of a body. out has 72 bytes: "sha256=" and 64 digits. */
void whatsapp_sign(const char *app_secret, const char *body, size_t n, char out[72]);

/* Statuses, replies and the verification, as gateway_plugin.callback. */
void whatsapp_push(void *state, const struct gateway_push *push, gateway_push_answer_fn *answer,
                   void *arg);

#endif
