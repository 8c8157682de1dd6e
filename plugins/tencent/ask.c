/*
 * PullSmsSendStatusByPhoneNumber: what became of the messages to one number
 *
 * Asked for receipts that should have been pushed by now, and by the daemon for a notice in
 * doubt, which is known by its SessionContext: Tencent tells it only where that was enabled.
 */
#include "memory.h"
#include "tencent.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BEFORE_S 60              /* their clock may be behind ours */
#define PERIOD_S (7 * 24 * 3600) /* they know no more, and no further back */

struct question {
    LIST_ENTRY(question) links;
    struct tencent *tencent;
    bool ours; /* not the daemon's */
    char id[AWAITED_ID_BYTES + 1];
    char reference[121];
};

static void question_free(struct question *q)
{
    if (q->ours)
        awaited_answered(q->tencent->awaited);
    LIST_REMOVE(q, links);
    free(q);
}

static bool is_it(const struct question *q, const json_t *item)
{
    struct gateway_id id = tencent_id(tencent_string(item, "SerialNo"));

    if (!q->ours)
        return strcmp(tencent_string(item, "SessionContext"), q->reference) == 0;
    return id.length == strlen(q->id) && memcmp(id.bytes, q->id, id.length) == 0;
}

static void on_stored(void *arg, int status, const char *body)
{
    (void)status, (void)body; /* not stored: its next turn comes */
    question_free(arg);
}

static void on_details(void *arg, const struct gateway_http_response *response)
{
    struct question *q = arg;
    struct tencent *t = q->tencent;
    const char *code, *words;
    json_t *inner, *root = tencent_answer(response, &inner, &code, &words);
    const json_t *list = json_object_get(inner, "PullSmsSendStatusSet");
    struct push *push = inbox_begin(&t->inbox, on_stored, q);

    if (inner == NULL || code != NULL)
        t->host->log(t->gw, GATEWAY_LOG_WARNING, "receipt.not_told code=%s",
                     code == NULL ? "-" : t->host->log_bytes(code, strlen(code)));
    for (size_t i = 0; i < json_array_size(list); i++)
        if (is_it(q, json_array_get(list, i)))
            tencent_take_pulled_receipt(t, push, json_array_get(list, i));
    inbox_end(push);
    json_decref(root);
}

static void ask(struct question *q, const char *number, int64_t since_ms)
{
    struct tencent *t = q->tencent;
    int64_t now_s = t->host->wall_ms() / 1000, begin_s = since_ms / 1000 - BEFORE_S;
    struct text body = {0};

    if (begin_s < now_s - PERIOD_S + BEFORE_S)
        begin_s = now_s - PERIOD_S + BEFORE_S;
    text_printf(&body,
                "{\"BeginTime\":%" PRId64 ",\"Offset\":0,\"Limit\":100,\"EndTime\":%" PRId64
                ",\"PhoneNumber\":",
                begin_s, now_s);
    text_put_json(&body, number, strlen(number));
    text_puts(&body, ",\"SmsSdkAppId\":");
    text_put_json(&body, t->app_id, strlen(t->app_id));
    text_puts(&body, "}");
    tencent_call(t, "PullSmsSendStatusByPhoneNumber", &body, 0, on_details, q);
    text_free(&body);
}

static struct question *question_make(struct tencent *t, bool ours)
{
    struct question *q = memory_calloc(1, sizeof *q);

    q->tencent = t;
    q->ours = ours;
    LIST_INSERT_HEAD(&t->questions, q, links);
    return q;
}

void tencent_query(void *state, const char *reference, const char *to, int64_t submitted_ms)
{
    struct question *q;

    if (*reference == '\0' || strlen(reference) >= sizeof q->reference)
        return;
    q = question_make(state, false);
    strcpy(q->reference, reference);
    ask(q, to, submitted_ms);
}

void tencent_ask(void *owner, const struct awaited_one *one)
{
    struct question *q = question_make(owner, true);

    strcpy(q->id, one->id);
    ask(q, one->number, one->since_ms);
}

void tencent_questions_free(struct tencent *t)
{
    while (!LIST_EMPTY(&t->questions))
        question_free(LIST_FIRST(&t->questions));
}
