/* What people write to the bot, and that they block it: by webhook or by long poll. */
#include "telegram.h"

#include "digest.h"
#include "member.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define POLL_S 50
#define POLL_TIMEOUT_MS 65000
#define POLL_UPDATES 10 /* with all they may hold, within the megabyte that an answer may have */
#define AGAIN_MIN_MS 1000
#define AGAIN_MAX_MS 600000
#define CONFLICT_MS 30000
#define KINDS "\"allowed_updates\":[\"message\",\"my_chat_member\"]"

/* ------------------------------------------------------------------- updates */
static void hand_up(struct gathering *x, const json_t *from, const char *text, const char *id,
                    const json_t *date)
{
    char sender[MEMBER_NUMBER_BYTES];
    struct gateway_reply reply = {
        .from = member_text(from, "id", sender),
        .to = "",
        .text = text,
        .length = strlen(text),
        .id = id,
        .sent_ms = json_is_integer(date) && json_integer_value(date) > 0 &&
                           json_integer_value(date) < INT64_MAX / 1000
                       ? json_integer_value(date) * 1000
                       : 0,
    };

    if (reply.from != NULL)
        gather_reply(x, &reply);
}

/* In a private chat my_chat_member comes only when the bot is blocked or unblocked: blocked
 * is a refusal, in the word that the host knows for it. */
static void take_update(struct gathering *x, const json_t *update)
{
    const json_t *message = json_object_get(update, "message");
    const json_t *change = json_object_get(update, "my_chat_member");
    const char *text = json_string_value(json_object_get(message, "text"));
    const char *type = json_string_value(json_object_get(json_object_get(change, "chat"), "type"));
    const char *status =
        json_string_value(json_object_get(json_object_get(change, "new_chat_member"), "status"));
    char number[MEMBER_NUMBER_BYTES];
    const char *id = member_text(update, "update_id", number);

    if (text == NULL)
        text = json_string_value(json_object_get(message, "caption"));
    if (message != NULL)
        hand_up(x, json_object_get(message, "from"), text == NULL ? "" : text, id,
                json_object_get(message, "date"));
    if (type != NULL && strcmp(type, "private") == 0 && status != NULL &&
        strcmp(status, "kicked") == 0)
        hand_up(x, json_object_get(change, "from"), "STOP", id, json_object_get(change, "date"));
}

/* ---------------------------------------------------------------------- pushes */
static bool knows_the_secret(const struct telegram *t, const struct gateway_push *push)
{
    for (size_t i = 0; t->secret_token != NULL && i < push->header_count; i++)
        if (strcasecmp(push->headers[i].name, "X-Telegram-Bot-Api-Secret-Token") == 0)
            return digest_equal(push->headers[i].value, t->secret_token);
    return false;
}

void telegram_push(void *state, const struct gateway_push *push, gateway_push_answer_fn *answer,
                   void *arg)
{
    struct telegram *t = state;
    struct gathering *x;
    json_t *update;

    if (!knows_the_secret(t, push)) {
        t->host->log(t->gw, GATEWAY_LOG_WARNING, "push.refused reason=secret_token");
        answer(arg, 404, "there is nothing here\n");
        return;
    }
    update = json_loadb(push->body, push->length, 0, NULL);
    if (!json_is_object(update)) {
        json_decref(update);
        answer(arg, 400, "no JSON\n");
        return;
    }
    x = gather_begin(&t->gather, answer, arg);
    take_update(x, update);
    gather_end(x);
    json_decref(update);
}

/* ----------------------------------------------------------------------- polls */
static void on_again(void *arg)
{
    struct telegram *t = arg;

    t->again = NULL;
    telegram_listen(t);
}

static void again_after(struct telegram *t, int64_t ms)
{
    if (!t->draining)
        t->again = t->host->timer(t->gw, ms, on_again, t);
}

/* Longer and longer, told once until it works again. */
static void failed(struct telegram *t, const struct gateway_http_response *response,
                   const char *what, const char *words)
{
    uint32_t random;

    if (!t->told)
        t->host->log(t->gw, GATEWAY_LOG_WARNING, "telegram.%s status=%d reason=%s", what,
                     response->status, t->host->log_bytes(words, strlen(words)));
    t->told = true;
    /* Another daemon polls, and is ended when we do: each leaves the other some time. */
    if (response->status == 409) {
        t->host->random(&random, sizeof random);
        again_after(t, CONFLICT_MS + random % CONFLICT_MS);
        return;
    }
    again_after(t, t->again_ms);
    t->again_ms = t->again_ms * 2 < AGAIN_MAX_MS ? t->again_ms * 2 : AGAIN_MAX_MS;
}

static void worked(struct telegram *t)
{
    t->told = false;
    t->again_ms = AGAIN_MIN_MS;
}

/* What was stored is confirmed by the next poll; what was not comes again. */
static void on_taken(void *arg, int status, const char *body)
{
    struct telegram *t = arg;

    (void)body;
    if (status != 200) {
        again_after(t, AGAIN_MIN_MS);
        return;
    }
    t->offset = t->taken;
    if (!t->draining)
        telegram_listen(t);
}

static void on_updates(void *arg, const struct gateway_http_response *response)
{
    struct telegram *t = arg;
    const char *words;
    json_t *answer, *result = telegram_result(response, &answer, &words), *update;
    struct gathering *x;
    size_t i;

    t->taken = t->offset;
    if (!json_is_array(result)) {
        failed(t, response, "poll", words);
        json_decref(answer);
        return;
    }
    worked(t);
    json_array_foreach(result, i, update)
    {
        const json_t *id = json_object_get(update, "update_id");

        if (json_is_integer(id) && json_integer_value(id) < INT64_MAX &&
            json_integer_value(id) >= t->taken)
            t->taken = json_integer_value(id) + 1;
    }
    /* What is confirmed is gone there. After a week of silence ids begin anew, and may be lower:
     * an old offset would lose them. */
    if (json_array_size(result) == 0)
        t->offset = t->taken = 0;
    if (t->taken == t->offset) { /* nothing came; who answers at once is not asked at once */
        again_after(t, t->host->mono_ms() - t->asked_ms < AGAIN_MIN_MS ? AGAIN_MIN_MS : 0);
    } else {
        x = gather_begin(&t->gather, on_taken, t);
        json_array_foreach(result, i, update) take_update(x, update);
        gather_end(x);
    }
    json_decref(answer);
}

static void on_webhook(void *arg, const struct gateway_http_response *response)
{
    struct telegram *t = arg;
    const char *words;
    json_t *answer, *result = telegram_result(response, &answer, &words);

    if (result == NULL) {
        failed(t, response, "webhook", words);
    } else {
        worked(t);
        t->host->log(t->gw, GATEWAY_LOG_INFO, "telegram.webhook state=set");
    }
    json_decref(answer);
}

static void call(struct telegram *t, const char *method, struct text *body, int64_t timeout_ms,
                 gateway_http_fn *fn)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    char *url = telegram_method(t, method);
    struct gateway_http_request request = {
        .method = "POST",
        .url = url,
        .headers = headers,
        .body = body->bytes,
        .length = body->length,
        .timeout_ms = timeout_ms,
    };

    t->host->http(t->gw, &request, fn, t);
    free(url);
    text_free(body);
}

void telegram_listen(struct telegram *t)
{
    const char *callback_url = t->host->setting_string(t->gw, "callback_url");
    struct text body = {0};

    if (t->again_ms == 0)
        t->again_ms = AGAIN_MIN_MS;
    if (t->secret_token == NULL && t->host->setting_int(t->gw, "poll") != 0) {
        t->asked_ms = t->host->mono_ms();
        text_printf(&body, "{\"timeout\":%d,\"limit\":%d,\"offset\":%" PRId64 "," KINDS "}", POLL_S,
                    POLL_UPDATES, t->offset);
        call(t, "getUpdates", &body, POLL_TIMEOUT_MS, on_updates);
    } else if (t->secret_token != NULL && callback_url != NULL && *callback_url != '\0') {
        text_puts(&body, "{\"url\":");
        text_put_json(&body, callback_url, strlen(callback_url));
        text_printf(&body, ",\"secret_token\":\"%s\"," KINDS "}", t->secret_token);
        call(t, "setWebhook", &body, 0, on_webhook);
    }
}

void telegram_listen_no_more(struct telegram *t)
{
    t->draining = true;
    t->host->timer_cancel(t->again);
    t->again = NULL;
}
