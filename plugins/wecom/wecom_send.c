/*
 * One text to several members is one request, and each is judged by herself: who is named in
 * the answer has not got it, the others have. A request that is refused as a whole, perhaps for
 * one of them, was sent to nobody, and goes out again one by one.
 *
 * WeCom's duplicate check drops a request with the bytes of an earlier one: nothing of an attempt,
 * no time and no chance, may stand in the body. Who was in a lost batch with whom is not known
 * later, so a repeat goes alone: after an attempt that went alone it has the same bytes.
 */
#include "memory.h"
#include "wecom.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_BYTES_MAX 2048
#define MARKDOWN_BYTES_MAX 4096
#define USERID_BYTES_MAX 64
#define PAUSE_MS 60000 /* after "too fast": their limits are of a minute */

/* A request under way. */
struct flight {
    LIST_ENTRY(flight) links;
    struct wecom *w;
    char *token; /* that it was sent with; NULL before */
    bool again;  /* its token was refused once */
    size_t count;
    const struct gateway_message *messages[]; /* of one text, ours until done() */
};

static struct flight *flight_make(struct wecom *w, const struct gateway_message *first, size_t room)
{
    struct flight *f = memory_calloc(1, sizeof *f + room * sizeof(const struct gateway_message *));

    f->w = w;
    f->count = 1;
    f->messages[0] = first;
    LIST_INSERT_HEAD(&w->flights, f, links);
    return f;
}

static void flight_free(struct flight *f)
{
    LIST_REMOVE(f, links);
    free(f->token);
    free(f);
}

void wecom_flights_free(struct wecom *w)
{
    while (!LIST_EMPTY(&w->flights))
        flight_free(LIST_FIRST(&w->flights));
}

static void answer_plainly(struct wecom *w, const struct gateway_message *m,
                           enum gateway_outcome outcome, enum gateway_reason reason,
                           const char *words)
{
    struct gateway_answer answer = {.outcome = outcome, .reason = reason, .words = words};

    w->host->done(w->gw, m->token, &answer);
}

/* The same for all of f, and frees it. */
static void finish(struct flight *f, const struct gateway_answer *answer)
{
    for (size_t i = 0; i < f->count; i++)
        f->w->host->done(f->w->gw, f->messages[i]->token, answer);
    flight_free(f);
}

/* ------------------------------------------------------------------- sending */

static gateway_http_fn on_response;

static void put_content(const struct wecom *w, const struct gateway_message *m, struct text *body)
{
    text_printf(body, "\"msgtype\":\"%s\",\"%s\":{\"content\":", w->format, w->format);
    text_put_json(body, m->text, m->length);
    if (*w->format == 't')
        text_puts(body, text_string(&w->mentions));
    text_puts(body, "}");
}

static void put_users(const struct flight *f, struct text *body)
{
    struct text users = {0};

    for (size_t i = 0; i < f->count; i++)
        text_printf(&users, "%s%s", i == 0 ? "" : "|", f->messages[i]->to);
    text_put_json(body, users.bytes, users.length);
    text_free(&users);
}

static void put_body(const struct flight *f, struct text *body)
{
    const struct wecom *w = f->w;

    text_puts(body, "{");
    if (w->tokens == NULL) {
        put_content(w, f->messages[0], body);
        text_puts(body, "}");
        return;
    }
    text_puts(body, "\"touser\":");
    put_users(f, body);
    text_printf(body, ",\"agentid\":%lld,", (long long)w->agentid);
    put_content(w, f->messages[0], body);
    text_printf(body, ",\"safe\":0,\"enable_duplicate_check\":1,\"duplicate_check_interval\":%lld}",
                (long long)w->interval_s);
}

/* When the first of them grows stale; 0 is never. */
static int64_t send_by(const struct flight *f)
{
    int64_t by_ms = f->messages[0]->submit_by_ms;

    for (size_t i = 1; i < f->count; i++)
        if (f->messages[i]->submit_by_ms != 0 &&
            (by_ms == 0 || f->messages[i]->submit_by_ms < by_ms))
            by_ms = f->messages[i]->submit_by_ms;
    return by_ms;
}

static void send(struct flight *f, const char *path, const char *secret)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct wecom *w = f->w;
    struct text body = {0};
    struct gateway_http_request request = {
        .method = "POST",
        .headers = headers,
        .timeout_ms = w->host->setting_int(w->gw, "timeout"),
        .send_by_ms = send_by(f),
    };

    w->url.length = 0;
    text_printf(&w->url, "%s%s=", w->api, path);
    text_put_percent(&w->url, secret, strlen(secret));
    put_body(f, &body);
    request.url = w->url.bytes;
    request.body = body.bytes;
    request.length = body.length;
    w->host->http(w->gw, &request, on_response, f);
    text_free(&body);
}

static void on_token(void *arg, const char *token, const struct gateway_answer *trouble)
{
    struct flight *f = arg;
    int64_t by_ms = send_by(f);

    if (token == NULL) {
        finish(f, trouble);
    } else if (by_ms != 0 && f->w->host->boot_ms() > by_ms) {
        finish(f, &(struct gateway_answer){.outcome = GATEWAY_UNSENT});
    } else {
        free(f->token);
        f->token = memory_strdup(token);
        send(f, "/cgi-bin/message/send?access_token", token);
    }
}

static void begin(struct flight *f)
{
    if (f->w->tokens == NULL)
        send(f, "/cgi-bin/webhook/send?key", f->w->key);
    else
        tokens_want(f->w->tokens, NULL, on_token, f);
}

/* ------------------------------------------------------------------- answers */

void wecom_judge(struct wecom *w, const struct gateway_http_response *response, const char *code,
                 const char *words, struct gateway_answer *answer)
{
    judge_answer(&w->judge, response->status, code, words, answer);
    if (answer->outcome == GATEWAY_THROTTLED)
        answer->retry_after_ms =
            response->retry_after_ms > PAUSE_MS ? response->retry_after_ms : PAUSE_MS;
}

static bool is_token_code(const char *code)
{
    return strcmp(code, "40014") == 0 || strcmp(code, "42001") == 0 || strcmp(code, "41001") == 0;
}

/* Of a batch: is nobody of it to be reached? */
static bool is_of_all(const char *code)
{
    return code != NULL && (strcmp(code, "81013") == 0 || strcmp(code, "82001") == 0);
}

/* Is who one of the ids, joined by "|" and in whatever case? */
static bool is_among(const char *ids, const char *who)
{
    size_t n = strlen(who);

    while (ids != NULL && *ids != '\0') {
        size_t length = strcspn(ids, "|");

        if (length == n && strncasecmp(ids, who, n) == 0)
            return true;
        ids += length + (ids[length] == '|');
    }
    return false;
}

/* Sent, and not to everybody: who was left out is named. Frees f. */
static void finish_each(struct flight *f, const struct gateway_http_response *response,
                        const json_t *json)
{
    static const char *const hidden[] = {"invaliduser", "unlicenseduser"};
    struct wecom *w = f->w;

    for (size_t i = 0; i < f->count; i++) {
        struct gateway_answer answer;
        const char *code = "0";

        for (size_t k = 0; k < sizeof hidden / sizeof *hidden; k++)
            if (is_among(json_string_value(json_object_get(json, hidden[k])), f->messages[i]->to))
                code = hidden[k];
        wecom_judge(w, response, code, json_string_value(json_object_get(json, "errmsg")), &answer);
        w->host->done(w->gw, f->messages[i]->token, &answer);
    }
    flight_free(f);
}

/* Refused as a whole, and perhaps for one of them: each alone, to know which. Frees f. */
static void send_one_by_one(struct flight *f, const char *code)
{
    struct wecom *w = f->w;

    w->host->log(w->gw, GATEWAY_LOG_INFO, "batch.split messages=%zu code=%s", f->count, code);
    for (size_t i = 0; i < f->count; i++)
        begin(flight_make(w, f->messages[i], 1));
    flight_free(f);
}

static void on_response(void *arg, const struct gateway_http_response *response)
{
    struct flight *f = arg;
    struct wecom *w = f->w;
    char number[JUDGE_NUMBER_BYTES];
    struct gateway_answer answer;
    const char *code;
    json_t *json;

    if (judge_silence(&w->judge, response, &answer)) {
        finish(f, &answer);
        return;
    }
    json = json_loadb(response->body, response->length, 0, NULL);
    code = judge_text(json, "errcode", number);
    if (code != NULL && w->tokens != NULL && !f->again && is_token_code(code)) {
        f->again = true; /* refused before it was looked at: this is the one repeat */
        tokens_want(w->tokens, f->token, on_token, f);
    } else if (code != NULL && strcmp(code, "0") == 0) {
        finish_each(f, response, json);
    } else {
        wecom_judge(w, response, code, json_string_value(json_object_get(json, "errmsg")), &answer);
        if (answer.outcome == GATEWAY_REJECTED && f->count > 1 && !is_of_all(code))
            send_one_by_one(f, answer.code);
        else
            finish(f, &answer);
    }
    json_decref(json);
}

/* ------------------------------------------------------------------- who goes together */

/* An address that is more than one member would tell somebody else. */
static bool is_userid(const char *to)
{
    size_t n = strcspn(to, "|\" \t\r\n");

    return n >= 1 && n <= USERID_BYTES_MAX && to[n] == '\0' && *to != '@';
}

static bool is_answered_here(struct wecom *w, const struct gateway_message *m)
{
    bool text = *w->format == 't';

    if (m->length >
        (text ? TEXT_BYTES_MAX : MARKDOWN_BYTES_MAX)) /* an application's would be cut */
        answer_plainly(w, m, GATEWAY_REJECTED, GATEWAY_REASON_TEXT,
                       text ? "more than 2048 bytes" : "more than 4096 bytes");
    else if (w->tokens != NULL && !is_userid(m->to))
        answer_plainly(w, m, GATEWAY_REJECTED, GATEWAY_REASON_NUMBER, "is no userid");
    else
        return false;
    return true;
}

/* Nobody stands in a request twice: WeCom tells her once. */
static bool goes_with(const struct flight *f, const struct gateway_message *m)
{
    const struct gateway_message *first = f->messages[0];

    if (first->attempt > 1 || m->attempt > 1 || first->length != m->length ||
        memcmp(first->text, m->text, m->length) != 0 || !is_userid(m->to))
        return false;
    for (size_t i = 0; i < f->count; i++)
        if (strcasecmp(f->messages[i]->to, m->to) == 0)
            return false;
    return true;
}

/* At most WECOM_USERS_MAX. */
static void submit_some(struct wecom *w, const struct gateway_message *const *messages, size_t n)
{
    bool taken[WECOM_USERS_MAX] = {false};

    for (size_t i = 0; i < n; i++) {
        struct flight *f;

        if (taken[i] || is_answered_here(w, messages[i]))
            continue;
        f = flight_make(w, messages[i], n - i < w->batch ? n - i : w->batch);
        for (size_t k = i + 1; k < n && f->count < w->batch; k++)
            if (!taken[k] && goes_with(f, messages[k])) {
                taken[k] = true;
                f->messages[f->count++] = messages[k];
            }
        begin(f);
    }
}

void wecom_submit(void *state, const struct gateway_message *const *messages, size_t n)
{
    for (size_t at = 0; at < n; at += WECOM_USERS_MAX)
        submit_some(state, messages + at, n - at < WECOM_USERS_MAX ? n - at : WECOM_USERS_MAX);
}
