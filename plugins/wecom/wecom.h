/*
 * wecom.h - an instance of the plugin, for its parts
 */
#ifndef WECOM_H
#define WECOM_H

#include "digest.h"
#include "gateway_plugin.h"
#include "judge.h"
#include "token.h"
#include "wecom_push.h"

#include <sys/queue.h>

#define WECOM_USERS_MAX 1000 /* of one application message */

struct wecom {
    const struct gateway_host *host;
    struct gateway *gw;
    const char *api, *key, *corpid, *secret, *format;
    int64_t agentid, interval_s;
    size_t batch;         /* people in one request, 1..WECOM_USERS_MAX */
    struct text mentions; /* JSON members behind the content, or empty */
    struct text url;      /* of the request in hand */
    struct judge judge;
    struct tokens *tokens; /* NULL: a robot */
    struct wecom_push push;
    bool takes_pushes;
    LIST_HEAD(, flight) flights;
};

/* What an answer with that code means; after "too fast" it asks for a minute at least. */
void wecom_judge(struct wecom *w, const struct gateway_http_response *response, const char *code,
                 const char *words, struct gateway_answer *answer);

/* As gateway_plugin.submit. */
void wecom_submit(void *state, const struct gateway_message *const *messages, size_t n);

/* For close(), when the host calls back no more. */
void wecom_flights_free(struct wecom *w);

#endif
