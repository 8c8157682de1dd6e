/*
 * A message as Twilio knows it, asked for where its receipt has not come: a status callback that
 * met an outage is not repeated, and without callback_url there are none.
 */
#include "memory.h"
#include "twilio.h"

#include "digest.h"
#include "member.h"

#include <stdlib.h>
#include <string.h>

struct question {
    LIST_ENTRY(question) links;
    struct twilio *twilio;
    char id[AWAITED_ID_BYTES + 1];
};

static void question_free(struct question *q)
{
    awaited_answered(q->twilio->awaited);
    LIST_REMOVE(q, links);
    free(q);
}

static void on_stored(void *arg, int status, const char *body)
{
    struct question *q = arg;

    (void)body;
    if (status == 200) /* else its next turn comes */
        awaited_remove(q->twilio->awaited, q->id, strlen(q->id));
    question_free(q);
}

bool twilio_is_over(const char *status)
{
    static const char *const ends[] = {"delivered", "undelivered", "failed", "read", "canceled"};

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (strcmp(status, ends[i]) == 0)
            return true;
    return false;
}

static void on_message(void *arg, const struct gateway_http_response *response)
{
    struct question *q = arg;
    struct twilio *t = q->twilio;
    json_t *body = response->result == GATEWAY_HTTP_ANSWERED
                       ? json_loadb(response->body, response->length, 0, NULL)
                       : NULL;
    const char *status = json_string_value(json_object_get(body, "status"));
    char number[MEMBER_NUMBER_BYTES];

    if (status == NULL || response->status != 200) {
        t->host->log(t->gw, GATEWAY_LOG_WARNING, "receipt.not_told status=%d", response->status);
        question_free(q);
    } else if (!twilio_is_over(status)) {
        question_free(q);
    } else {
        struct gathering *taken = gather_begin(&t->gather, on_stored, q);

        twilio_receipt(t, taken, q->id, NULL, status, member_text(body, "error_code", number),
                       json_string_value(json_object_get(body, "error_message")));
        gather_end(taken); /* q is gone, now or later */
    }
    json_decref(body);
}

void twilio_ask(void *owner, const struct awaited_one *one)
{
    struct twilio *t = owner;
    struct question *q = memory_calloc(1, sizeof *q);
    const char *const headers[] = {t->authorization, NULL};
    struct text url = {0};
    struct gateway_http_request request = {
        .method = "GET", .headers = headers, .timeout_ms = t->single.timeout_ms};

    q->twilio = t;
    strcpy(q->id, one->id);
    LIST_INSERT_HEAD(&t->questions, q, links);
    text_printf(&url, "%.*s/", (int)(strlen(t->url) - strlen(".json")), t->url);
    text_put_percent(&url, q->id, strlen(q->id));
    text_puts(&url, ".json");
    request.url = url.bytes;
    t->host->http(t->gw, &request, on_message, q);
    text_free(&url);
}

void twilio_owed(void *state, const struct gateway_id *id, const char *to, int64_t submitted_ms)
{
    struct twilio *t = state;

    awaited_resume(t->awaited, id->bytes, id->length, to, submitted_ms);
}

void twilio_questions_free(struct twilio *t)
{
    while (!LIST_EMPTY(&t->questions))
        question_free(LIST_FIRST(&t->questions));
}
