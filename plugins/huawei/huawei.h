/*
 * huawei.h - an instance of the plugin, for its own files only
 */
#ifndef HUAWEI_H
#define HUAWEI_H

#include "digest.h"
#include "endpoint.h"
#include "gateway_plugin.h"
#include "inbox.h"
#include "judge.h"
#include "masked.h"

#include <jansson.h>
#include <sys/queue.h>

#define HUAWEI_BATCH_MAX 500 /* of batchSendDiffSms */
#define HUAWEI_ID_BYTES 65

struct sending;

enum huawei_auth { HUAWEI_SDK_HMAC, HUAWEI_WSSE, HUAWEI_WSSE_HEX };

struct huawei {
    const struct gateway_host *host;
    struct gateway *gw;
    const char *url, *key, *secret, *source;
    const char *sign_name, *status_callback; /* "" for none */
    char authority[ENDPOINT_HOST_BYTES];
    enum huawei_auth auth;
    int64_t timeout_ms;
    size_t batch;
    bool receipts;
    struct judge judge;
    struct inbox inbox;
    LIST_HEAD(, sending) sendings;
};

/* Signs and sends a batchSendDiffSms with this JSON body. */
void huawei_call(struct huawei *h, const struct text *body, int64_t send_by_ms, gateway_http_fn *fn,
                 void *arg);

/* A member that is a string, "" for none. */
const char *huawei_string(const json_t *object, const char *name);

/* Every part of a long text has a receipt of its own under the same smsMsgId: ours is that with
 * the part's number, from 1. Returns the length. */
size_t huawei_id(const char *sms_msg_id, unsigned part, char out[HUAWEI_ID_BYTES]);

/* send.c */
void huawei_submit(void *state, const struct gateway_message *const *messages, size_t n);
void huawei_sendings_free(struct huawei *h);

/* reports.c: receipts and replies, as they are pushed. */
void huawei_callback(void *state, const struct gateway_push *push, gateway_push_answer_fn *answer,
                     void *arg);

#endif
