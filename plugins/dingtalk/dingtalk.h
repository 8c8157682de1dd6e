/*
 * dingtalk.h - an instance of the plugin, for its parts
 */
#ifndef DINGTALK_H
#define DINGTALK_H

#include "digest.h"
#include "gateway_plugin.h"
#include "inbox.h"
#include "judge.h"
#include "token.h"

#include <sys/queue.h>

#define DINGTALK_USERS_MAX 100 /* of one work notification */
#define DINGTALK_USERID_MAX 64

struct dingtalk {
    const struct gateway_host *host;
    struct gateway *gw;
    const char *api, *access_token, *sign_secret, *token_api, *app_key, *app_secret;
    int64_t agent_id;
    bool markdown, replies;
    struct text at;       /* of a robot: the member "at" with a comma before it, or empty */
    struct text url;      /* of the request in hand */
    struct text fetching; /* the body that asks for a token */
    struct judge judge;
    struct tokens *tokens; /* NULL: a robot */
    struct polls *polls;
    struct inbox inbox;
    LIST_HEAD(, flight) flights;
};

/* "40014": the token is refused, and with a new one it may go. */
bool dingtalk_is_token_code(const char *code);

/* POSTs JSON to PATH of the old API with the token. */
void dingtalk_post(struct dingtalk *d, const char *path, const char *token, const struct text *body,
                   int64_t send_by_ms, gateway_http_fn *fn, void *arg);

/* The id of a person's part in a task: what the answer names and the receipts do. */
#define DINGTALK_ID_BYTES 65
void dingtalk_id(const char *task, const char *user, char out[DINGTALK_ID_BYTES]);

#endif
