/*
 * tencent.h - an instance of the plugin, for its own files only
 */
#ifndef TENCENT_H
#define TENCENT_H

#include "awaited.h"
#include "china.h"
#include "digest.h"
#include "endpoint.h"
#include "gateway_plugin.h"
#include "inbox.h"
#include "judge.h"
#include "masked.h"

#include <jansson.h>
#include <sys/queue.h>

#define TENCENT_BATCH_MAX 200 /* of SendSms */

struct sending;
struct question;
struct tencent;

/* One of the two queues that are pulled from: what was taken is gone there, so that it is kept
 * here until it is stored, and nothing more is taken meanwhile. */
struct pulling {
    struct tencent *tencent;
    bool replies; /* or receipts */
    json_t *root; /* taken and not stored yet, or NULL */
    struct gateway_timer *timer;
};

struct tencent {
    const struct gateway_host *host;
    struct gateway *gw;
    const char *url, *secret_id, *secret_key, *app_id, *sign_name, *extend_code, *region;
    char authority[ENDPOINT_HOST_BYTES];
    int64_t timeout_ms, pull_ms; /* pull_ms 0: never */
    size_t batch;
    bool receipts;
    struct judge judge;
    struct inbox inbox;
    struct awaited *awaited;
    int64_t capped_told_ms;
    struct pulling pullings[2];
    LIST_HEAD(, sending) sendings;
    LIST_HEAD(, question) questions;
};

/* Signs and sends a call of the API with this JSON body. */
void tencent_call(struct tencent *t, const char *action, const struct text *body,
                  int64_t send_by_ms, gateway_http_fn *fn, void *arg);

/* The JSON of an answer, and in *inner its Response, where there is one; *code and *words are
 * of its Error, else NULL. The caller frees with json_decref(). */
json_t *tencent_answer(const struct gateway_http_response *response, json_t **inner,
                       const char **code, const char **words);

/* A member that is a string, "" for none. */
const char *tencent_string(const json_t *object, const char *name);

/* What becomes an id: at most 64 bytes of a SerialNo, the last ones. */
struct gateway_id tencent_id(const char *serial_no);

/* send.c */
void tencent_submit(void *state, const struct gateway_message *const *messages, size_t n);
void tencent_sendings_free(struct tencent *t);

/* reports.c: pushed receipts and replies, and the same as they are pulled. */
void tencent_callback(void *state, const struct gateway_push *push, gateway_push_answer_fn *answer,
                      void *arg);
bool tencent_take_pulled_receipt(struct tencent *t, struct push *push, const json_t *item);
bool tencent_take_pulled_reply(struct tencent *t, struct push *push, const json_t *item);

/* ask.c: PullSmsSendStatusByPhoneNumber, for one number. */
void tencent_query(void *state, const char *reference, const char *to, int64_t submitted_ms);
awaited_ask_fn tencent_ask;
void tencent_questions_free(struct tencent *t);

/* pull.c: PullSmsSendStatus and PullSmsReplyStatus. */
void tencent_pull_open(struct tencent *t);
void tencent_pull_close(struct tencent *t);

#endif
