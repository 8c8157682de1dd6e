/*
 * aliyun.h - an instance of the plugin, for its own files only
 */
#ifndef ALIYUN_H
#define ALIYUN_H

#include "acs3.h"
#include "awaited.h"
#include "china.h"
#include "endpoint.h"
#include "gateway_plugin.h"
#include "inbox.h"
#include "judge.h"
#include "masked.h"

#include <jansson.h>
#include <sys/queue.h>

#define ALIYUN_BATCH_MAX 100 /* of SendBatchSms */
#define ALIYUN_ID_BYTES 65

struct sending;
struct question;

struct aliyun {
    const struct gateway_host *host;
    struct gateway *gw;
    const char *url, *key_id, *secret, *sign_name, *extend_code; /* extend_code "" for none */
    char authority[ENDPOINT_HOST_BYTES];
    int64_t timeout_ms;
    size_t batch;
    bool receipts;
    struct judge judge;
    struct inbox inbox;
    struct awaited *awaited; /* NULL where nothing is asked for */
    int64_t capped_told_ms;
    LIST_HEAD(, sending) sendings;
    LIST_HEAD(, question) questions;
};

/* Signs and sends one call of the API. */
struct aliyun_call {
    const char *action;
    struct acs3_param params[ACS3_PARAMS_MAX];
    size_t count;
    const struct text *form; /* the body, NULL for none */
    int64_t send_by_ms;
};
void aliyun_param(struct aliyun_call *call, const char *name, const char *value);
void aliyun_call(struct aliyun *a, const struct aliyun_call *call, gateway_http_fn *fn, void *arg);

/* The JSON object of an answer with its code, which is "OK" or why not; both NULL where there
 * is none. The caller frees it with json_decref(). */
json_t *aliyun_answer(const struct gateway_http_response *response, const char **code);

/* A message id of ours: one BizId stands for all numbers of a request, and an id goes into
 * logs, where no number may be. So it is the BizId with a digest of both. number as
 * china_number() writes it. Returns the length. */
size_t aliyun_id(const char *biz_id, const char *number, char out[ALIYUN_ID_BYTES]);

/* send.c */
void aliyun_submit(void *state, const struct gateway_message *const *messages, size_t n);
void aliyun_sendings_free(struct aliyun *a);

/* reports.c: SmsReport and SmsUp, as they are pushed. */
void aliyun_callback(void *state, const struct gateway_push *push, gateway_push_answer_fn *answer,
                     void *arg);

/* ask.c: QuerySendDetails. */
void aliyun_query(void *state, const char *reference, const char *to, int64_t submitted_ms);
awaited_ask_fn aliyun_ask;
void aliyun_questions_free(struct aliyun *a);

#endif
