/*
 * wecom_push.h - what WeCom calls back: the check of our address, and members' replies
 *
 * GET with echostr: the decrypted text is the answer. POST: an encrypted message; a text is a reply
 * (from: the member's userid, id: its MsgId), anything else is taken note of and answered 200.
 * What carries a wrong signature is 403.
 */
#ifndef WECOM_PUSH_H
#define WECOM_PUSH_H

#include "gather.h"
#include "wecom_crypt.h"

#define WECOM_CLOCK_MS 3600000 /* a timestamp that is further off is not of this hour: a replay */

struct wecom_push {
    const struct gateway_host *host;
    struct gateway *gw;
    const char *token, *corpid;
    uint8_t key[WECOM_KEY_BYTES];
    struct gather gather; /* answers that wait for their replies to be stored */
};

void wecom_push_take(struct wecom_push *p, const struct gateway_push *push,
                     gateway_push_answer_fn *answer, void *arg);

/* Answers that are still waited for are the host's matter then. */
void wecom_push_close(struct wecom_push *p);

/* The value of a query's field, percent-decoded, or -1. A plus stays one: it is base64's. */
int wecom_query(const char *query, const char *name, struct text *out);

#endif
