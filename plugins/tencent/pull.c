/*
 * PullSmsSendStatus and PullSmsReplyStatus: queues of the account, from which an answer takes
 * what it shows.
 */
#include "tencent.h"

#include <string.h>

#define PAGE 100      /* the most they give */
#define AGAIN_MS 1000 /* there may be more */
#define STORE_MS 5000 /* Redis is away */

static gateway_timer_fn on_time;

static void wait(struct pulling *p, int64_t ms)
{
    struct tencent *t = p->tencent;

    p->timer = t->host->timer(t->gw, ms, on_time, p);
}

static const json_t *list_of(const struct pulling *p)
{
    return json_object_get(json_object_get(p->root, "Response"),
                           p->replies ? "PullSmsReplyStatusSet" : "PullSmsSendStatusSet");
}

static void on_stored(void *arg, int status, const char *body)
{
    struct pulling *p = arg;
    bool more = json_array_size(list_of(p)) >= PAGE;

    (void)body;
    if (status != 200) {
        wait(p, STORE_MS);
        return;
    }
    json_decref(p->root);
    p->root = NULL;
    wait(p, more ? AGAIN_MS : p->tencent->pull_ms);
}

static void store(struct pulling *p)
{
    struct tencent *t = p->tencent;
    struct push *push = inbox_begin(&t->inbox, on_stored, p);
    const json_t *list = list_of(p);
    size_t strange = 0;

    for (size_t i = 0; i < json_array_size(list); i++)
        strange += p->replies ? !tencent_take_pulled_reply(t, push, json_array_get(list, i))
                              : !tencent_take_pulled_receipt(t, push, json_array_get(list, i));
    if (strange > 0)
        t->host->log(t->gw, GATEWAY_LOG_WARNING, "pull.strange items=%zu", strange);
    inbox_end(push);
}

static void on_pulled(void *arg, const struct gateway_http_response *response)
{
    struct pulling *p = arg;
    struct tencent *t = p->tencent;
    const char *code, *words;
    json_t *inner;

    p->root = tencent_answer(response, &inner, &code, &words);
    if (inner == NULL || code != NULL) {
        t->host->log(t->gw, GATEWAY_LOG_WARNING, "pull.refused of=%s code=%s",
                     p->replies ? "replies" : "receipts",
                     code == NULL ? "-" : t->host->log_bytes(code, strlen(code)));
        json_decref(p->root);
        p->root = NULL;
        wait(p, t->pull_ms);
        return;
    }
    store(p);
}

static void on_time(void *arg)
{
    struct pulling *p = arg;
    struct text body = {0};

    p->timer = NULL;
    if (p->root != NULL) {
        store(p);
        return;
    }
    text_printf(&body, "{\"Limit\":%d,\"SmsSdkAppId\":", PAGE);
    text_put_json(&body, p->tencent->app_id, strlen(p->tencent->app_id));
    text_puts(&body, "}");
    tencent_call(p->tencent, p->replies ? "PullSmsReplyStatus" : "PullSmsSendStatus", &body, 0,
                 on_pulled, p);
    text_free(&body);
}

void tencent_pull_open(struct tencent *t)
{
    for (size_t i = 0; t->pull_ms > 0 && i < 2; i++) {
        t->pullings[i].tencent = t;
        t->pullings[i].replies = i == 1;
        wait(&t->pullings[i], AGAIN_MS);
    }
}

void tencent_pull_close(struct tencent *t)
{
    for (size_t i = 0; i < 2; i++) {
        t->host->timer_cancel(t->pullings[i].timer);
        json_decref(t->pullings[i].root);
    }
}
