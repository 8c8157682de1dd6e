/*
 * batchSendDiffSms: everybody in a request has parameters and an answer of her own. A request
 * that is refused as a whole for one of its people was not sent, and goes out again one by one.
 */
#include "huawei.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

struct sending {
    LIST_ENTRY(sending) links;
    struct huawei *huawei;
    size_t count;
    const struct gateway_message *messages[]; /* of at most huawei->batch */
};

static struct sending *sending_begin(struct huawei *h, size_t room)
{
    struct sending *s = memory_alloc(sizeof *s + room * sizeof *s->messages);

    s->huawei = h;
    s->count = 0;
    LIST_INSERT_HEAD(&h->sendings, s, links);
    return s;
}

static void sending_free(struct sending *s)
{
    LIST_REMOVE(s, links);
    free(s);
}

void huawei_sendings_free(struct huawei *h)
{
    while (!LIST_EMPTY(&h->sendings))
        sending_free(LIST_FIRST(&h->sendings));
}

static void answer_plainly(struct huawei *h, const struct gateway_message *m,
                           enum gateway_outcome outcome, enum gateway_reason reason,
                           const char *words)
{
    struct gateway_answer answer = {.outcome = outcome, .reason = reason, .words = words};

    h->host->done(h->gw, m->token, &answer);
}

/* ------------------------------------------------------------------- what is said */
static void put_member(struct text *out, const char *before, const char *name, const char *value)
{
    text_printf(out, "%s\"%s\":", before, name);
    text_put_json(out, value, strlen(value));
}

static void put_content(struct text *out, const struct huawei *h, const struct gateway_message *m)
{
    const char *sign = m->template_signature != NULL ? m->template_signature : h->sign_name;

    text_puts(out, "{\"to\":[");
    text_put_json(out, m->to, strlen(m->to));
    put_member(out, "],", "templateId", m->template_code);
    for (size_t i = 0; i < m->param_count; i++) {
        text_puts(out, i == 0 ? ",\"templateParas\":[" : ",");
        text_put_json(out, m->params[i].value, m->params[i].length);
    }
    text_puts(out, m->param_count > 0 ? "]" : "");
    if (*sign != '\0')
        put_member(out, ",", "signature", sign);
    text_puts(out, "}");
}

static void put_body(struct text *out, const struct sending *s)
{
    const struct huawei *h = s->huawei;

    put_member(out, "{", "from", h->source);
    if (h->receipts && *h->status_callback != '\0')
        put_member(out, ",", "statusCallback", h->status_callback);
    if (s->count == 1 && s->messages[0]->reference != NULL)
        put_member(out, ",", "extend", s->messages[0]->reference);
    for (size_t i = 0; i < s->count; i++) {
        text_puts(out, i == 0 ? ",\"smsContent\":[" : ",");
        put_content(out, h, s->messages[i]);
    }
    text_puts(out, "]}");
}

static gateway_http_fn on_sent;

static void send_it(struct sending *s)
{
    int64_t send_by_ms = s->messages[0]->submit_by_ms;
    struct text body = {0};

    for (size_t i = 1; i < s->count; i++) /* the first that grows stale; 0 is never */
        if (s->messages[i]->submit_by_ms != 0 &&
            (send_by_ms == 0 || s->messages[i]->submit_by_ms < send_by_ms))
            send_by_ms = s->messages[i]->submit_by_ms;
    put_body(&body, s);
    huawei_call(s->huawei, &body, send_by_ms, on_sent, s);
    text_free(&body);
}

/* --------------------------------------------------------------- what is answered */
/* How long their limits last. */
static const struct {
    const char *code;
    int64_t ms;
} limits[] = {{"MILIMIT", 60000}, {"LIMIT", 24 * 3600000}, {"E200015", 600000}};

static void mind_limits(struct gateway_answer *answer)
{
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (answer->code != NULL && strcmp(limits[i].code, answer->code) == 0)
            answer->retry_after_ms = limits[i].ms;
}

static void accept(struct huawei *h, const struct gateway_message *m, const json_t *result)
{
    const char *id = huawei_string(result, "smsMsgId");
    json_int_t total = json_integer_value(json_object_get(result, "total"));
    char texts[GATEWAY_MAX_IDS][HUAWEI_ID_BYTES];
    struct gateway_id ids[GATEWAY_MAX_IDS];
    struct gateway_answer answer = {.outcome = GATEWAY_ACCEPTED, .ids = ids};
    unsigned parts = total < 1 ? 1 : total > GATEWAY_MAX_IDS ? GATEWAY_MAX_IDS : (unsigned)total;

    for (unsigned i = 0; h->receipts && *id != '\0' && i < parts; i++) {
        ids[i] = (struct gateway_id){texts[i], huawei_id(id, i + 1, texts[i])};
        answer.id_count = i + 1;
    }
    h->host->done(h->gw, m->token, &answer);
}

static const json_t *result_of(const json_t *results, const struct gateway_message *m)
{
    for (size_t i = 0; i < json_array_size(results); i++)
        if (strcmp(huawei_string(json_array_get(results, i), "originTo"), m->to) == 0)
            return json_array_get(results, i);
    return NULL;
}

static void settle(struct huawei *h, const struct gateway_message *m, const json_t *results)
{
    const json_t *result = result_of(results, m);
    struct gateway_answer answer;

    if (result == NULL) {
        answer_plainly(h, m, GATEWAY_UNKNOWN, GATEWAY_REASON_PROTOCOL,
                       "the answer does not name this number");
        return;
    }
    judge_answer(&h->judge, 200, huawei_string(result, "status"), NULL, &answer);
    if (answer.outcome == GATEWAY_ACCEPTED) {
        accept(h, m, result);
        return;
    }
    mind_limits(&answer);
    h->host->done(h->gw, m->token, &answer);
}

static bool is_stale(const struct huawei *h, const struct gateway_message *m)
{
    return m->submit_by_ms != 0 && h->host->boot_ms() > m->submit_by_ms;
}

static void send_one_by_one(struct huawei *h, const struct sending *s, const char *code)
{
    h->host->log(h->gw, GATEWAY_LOG_INFO, "batch.split messages=%zu code=%s", s->count, code);
    for (size_t i = 0; i < s->count; i++) {
        struct sending *one;

        if (is_stale(h, s->messages[i])) {
            answer_plainly(h, s->messages[i], GATEWAY_UNSENT, GATEWAY_REASON_NONE, NULL);
            continue;
        }
        one = sending_begin(h, 1);
        one->messages[one->count++] = s->messages[i];
        send_it(one);
    }
}

static void settle_whole(struct huawei *h, const struct sending *s,
                         const struct gateway_http_response *response, const json_t *root)
{
    const char *code = huawei_string(root, "code"), *said = huawei_string(root, "description");
    struct gateway_answer answer;
    char words[MASKED_BYTES];

    if (!judge_silence(&h->judge, response, &answer)) {
        judge_answer(&h->judge, response->status, code,
                     masked_words(*said == '\0' ? response->body : said, words), &answer);
        /* taken, and not a word of whom */
        if (answer.outcome == GATEWAY_ACCEPTED) {
            answer.outcome = GATEWAY_UNKNOWN;
            answer.reason = GATEWAY_REASON_PROTOCOL;
        }
        answer.retry_after_ms = response->retry_after_ms;
        mind_limits(&answer);
    }
    if (s->count > 1 && answer.outcome == GATEWAY_REJECTED) {
        send_one_by_one(h, s, answer.code);
        return;
    }
    for (size_t i = 0; i < s->count; i++)
        h->host->done(h->gw, s->messages[i]->token, &answer);
}

static void on_sent(void *arg, const struct gateway_http_response *response)
{
    struct sending *s = arg;
    struct huawei *h = s->huawei;
    json_t *root = response->result == GATEWAY_HTTP_ANSWERED
                       ? json_loadb(response->body, response->length, 0, NULL)
                       : NULL;
    const char *code = huawei_string(root, "code");
    const json_t *results = json_object_get(root, "result");

    if (json_array_size(results) > 0 &&
        (strcmp(code, "000000") == 0 || strcmp(code, "E200037") == 0))
        for (size_t i = 0; i < s->count; i++)
            settle(h, s->messages[i], results);
    else
        settle_whole(h, s, response, root);
    sending_free(s);
    json_decref(root);
}

/* ---------------------------------------------------------------------- submitting */
/* What can be told without asking them; true if it was. */
static bool is_answered_here(struct huawei *h, const struct gateway_message *m)
{
    if (is_stale(h, m))
        answer_plainly(h, m, GATEWAY_UNSENT, GATEWAY_REASON_NONE, NULL);
    else if (m->template_code == NULL)
        answer_plainly(h, m, GATEWAY_REJECTED, GATEWAY_REASON_TEMPLATE,
                       "the campaign names no template for this gateway");
    else if (m->to[0] != '+' || m->to[1 + strspn(m->to + 1, "0123456789")] != '\0' ||
             strlen(m->to) > 21) /* any other character fails everybody */
        answer_plainly(h, m, GATEWAY_REJECTED, GATEWAY_REASON_NUMBER, "not a phone number");
    else
        return false;
    return true;
}

/* The same receiver may stand in a request only once (E200041). */
static bool has_number(const struct sending *s, const struct gateway_message *m)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->messages[i]->to, m->to) == 0)
            return true;
    return false;
}

void huawei_submit(void *state, const struct gateway_message *const *messages, size_t n)
{
    struct huawei *h = state;
    struct sending *s = NULL;

    for (size_t i = 0; i < n; i++) {
        if (is_answered_here(h, messages[i]))
            continue;
        if (s != NULL && (s->count == h->batch || has_number(s, messages[i]))) {
            send_it(s);
            s = NULL;
        }
        if (s == NULL)
            s = sending_begin(h, n - i < h->batch ? n - i : h->batch);
        s->messages[s->count++] = messages[i];
    }
    if (s != NULL)
        send_it(s);
}
