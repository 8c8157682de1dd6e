/*
 * SendSms: everybody in a request gets the same parameters, and an answer of her own. What is
 * refused as a whole for one of its people was not sent at all, and goes out again one by one.
 */
#include "memory.h"
#include "tencent.h"

#include <stdlib.h>
#include <string.h>

#define CAPPED_TOLD_MS 3600000
#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define AHEAD_MS (8 * HOUR_MS) /* China's clock */
#define MARKETING_FROM_MS (8 * HOUR_MS)

struct sending {
    LIST_ENTRY(sending) links;
    struct tencent *tencent;
    size_t count;
    const struct gateway_message *messages[TENCENT_BATCH_MAX];
};

static struct sending *sending_begin(struct tencent *t, const struct gateway_message *first)
{
    struct sending *s = memory_alloc(sizeof *s);

    s->tencent = t;
    s->count = 1;
    s->messages[0] = first;
    LIST_INSERT_HEAD(&t->sendings, s, links);
    return s;
}

static void sending_free(struct sending *s)
{
    LIST_REMOVE(s, links);
    free(s);
}

void tencent_sendings_free(struct tencent *t)
{
    while (!LIST_EMPTY(&t->sendings))
        sending_free(LIST_FIRST(&t->sendings));
}

static void answer_plainly(struct tencent *t, const struct gateway_message *m,
                           enum gateway_outcome outcome, enum gateway_reason reason,
                           const char *words)
{
    struct gateway_answer answer = {.outcome = outcome, .reason = reason, .words = words};

    t->host->done(t->gw, m->token, &answer);
}

/* ------------------------------------------------------------------- what is said */
static const char *sign_of(const struct tencent *t, const struct gateway_message *m)
{
    return m->template_signature != NULL ? m->template_signature : t->sign_name;
}

static void put_member(struct text *out, const char *name, const char *value)
{
    text_printf(out, "%s\"%s\":", out->length == 0 ? "{" : ",", name);
    text_put_json(out, value, strlen(value));
}

static void put_body(struct text *out, const struct sending *s)
{
    const struct gateway_message *m = s->messages[0];

    put_member(out, "SmsSdkAppId", s->tencent->app_id);
    put_member(out, "SignName", sign_of(s->tencent, m));
    put_member(out, "TemplateId", m->template_code);
    text_puts(out, ",\"TemplateParamSet\":[");
    for (size_t i = 0; i < m->param_count; i++) {
        text_puts(out, i == 0 ? "" : ",");
        text_put_json(out, m->params[i].value, m->params[i].length);
    }
    text_puts(out, "],\"PhoneNumberSet\":[");
    for (size_t i = 0; i < s->count; i++) {
        text_puts(out, i == 0 ? "" : ",");
        text_put_json(out, s->messages[i]->to, strlen(s->messages[i]->to));
    }
    text_puts(out, "]");
    if (*s->tencent->extend_code != '\0')
        put_member(out, "ExtendCode", s->tencent->extend_code);
    if (s->count == 1 && m->reference != NULL)
        put_member(out, "SessionContext", m->reference);
    text_puts(out, "}");
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
    tencent_call(s->tencent, "SendSms", &body, send_by_ms, on_sent, s);
    text_free(&body);
}

/* ------------------------------------------------------------------------- limits */
/* Marketing leaves from 8 to 22 o'clock there. */
static int64_t until_morning(const struct tencent *t)
{
    int64_t of_day_ms = (t->host->wall_ms() + AHEAD_MS) % DAY_MS;

    return of_day_ms < MARKETING_FROM_MS ? MARKETING_FROM_MS - of_day_ms
                                         : DAY_MS + MARKETING_FROM_MS - of_day_ms;
}

static int64_t until_midnight(const struct tencent *t)
{
    return DAY_MS - (t->host->wall_ms() + AHEAD_MS) % DAY_MS;
}

static int64_t half_a_minute(const struct tencent *t)
{
    (void)t;
    return MINUTE_MS / 2;
}

static int64_t an_hour(const struct tencent *t)
{
    (void)t;
    return HOUR_MS;
}

/* How long a limit lasts; of the whole account: people have to know. */
static const struct {
    const char *code;
    int64_t (*wait_ms)(const struct tencent *t);
    bool account;
} limits[] = {
    {"LimitExceeded.PhoneNumberThirtySecondLimit", half_a_minute, false},
    {"LimitExceeded.PhoneNumberOneHourLimit", an_hour, false},
    {"LimitExceeded.PhoneNumberDailyLimit", until_midnight, false},
    {"LimitExceeded.PhoneNumberSameContentDailyLimit", until_midnight, false},
    {"LimitExceeded.DeliveryFrequencyLimit", half_a_minute, false},
    {"FailedOperation.MarketingSendTimeConstraint", until_morning, false},
    {"LimitExceeded.AppDailyLimit", an_hour, true},
    {"LimitExceeded.AppMainlandChinaDailyLimit", an_hour, true},
    {"LimitExceeded.AppGlobalDailyLimit", an_hour, true},
    {"LimitExceeded.DailyLimit", an_hour, true},
};

static void mind_limits(struct tencent *t, struct gateway_answer *answer)
{
    int64_t now_ms = t->host->mono_ms();
    size_t i = 0, n = sizeof limits / sizeof *limits;

    while (i < n && strcmp(limits[i].code, answer->code == NULL ? "" : answer->code) != 0)
        i++;
    if (i == n)
        return;
    answer->retry_after_ms = limits[i].wait_ms(t);
    if (limits[i].account &&
        (t->capped_told_ms == 0 || now_ms - t->capped_told_ms >= CAPPED_TOLD_MS)) {
        t->capped_told_ms = now_ms;
        t->host->log(t->gw, GATEWAY_LOG_ERROR, "account.capped code=%s", answer->code);
    }
}

/* --------------------------------------------------------------- what is answered */
static void accept(struct tencent *t, const struct gateway_message *m, const char *serial_no)
{
    struct gateway_id id = tencent_id(serial_no);
    bool awaited = t->receipts && id.length > 0;
    struct gateway_answer answer = {.outcome = GATEWAY_ACCEPTED, .ids = &id, .id_count = awaited};

    if (awaited)
        awaited_add(t->awaited, id.bytes, id.length, m->to);
    t->host->done(t->gw, m->token, &answer);
}

/* The entry of a number; NULL if they say nothing of it. */
static const json_t *entry_of(const json_t *set, const struct gateway_message *m)
{
    char ours[CHINA_NUMBER_BYTES], theirs[CHINA_NUMBER_BYTES];

    china_number(m->to, ours);
    for (size_t i = 0; i < json_array_size(set); i++) {
        const json_t *entry = json_array_get(set, i);

        if (china_number(tencent_string(entry, "PhoneNumber"), theirs) && strcmp(ours, theirs) == 0)
            return entry;
    }
    return NULL;
}

static void settle(struct tencent *t, const struct gateway_message *m, const json_t *set)
{
    const json_t *entry = entry_of(set, m);
    struct gateway_answer answer;
    char words[MASKED_BYTES];

    if (entry == NULL) {
        answer_plainly(t, m, GATEWAY_UNKNOWN, GATEWAY_REASON_PROTOCOL,
                       "the answer does not name this number");
        return;
    }
    judge_answer(&t->judge, 200, tencent_string(entry, "Code"),
                 masked_words(tencent_string(entry, "Message"), words), &answer);
    if (answer.outcome == GATEWAY_ACCEPTED) {
        accept(t, m, tencent_string(entry, "SerialNo"));
        return;
    }
    mind_limits(t, &answer);
    t->host->done(t->gw, m->token, &answer);
}

/* Not of the text, which is the same for all: one of the numbers may be to blame. */
static bool is_of_one(const struct gateway_answer *answer)
{
    return (answer->outcome == GATEWAY_REJECTED && answer->reason != GATEWAY_REASON_TEXT &&
            answer->reason != GATEWAY_REASON_TEMPLATE) ||
           (answer->code != NULL && strncmp(answer->code, "LimitExceeded.PhoneNumber", 25) == 0);
}

static bool is_stale(const struct tencent *t, const struct gateway_message *m)
{
    return m->submit_by_ms != 0 && t->host->boot_ms() > m->submit_by_ms;
}

static void send_one_by_one(struct tencent *t, const struct gateway_message *const *messages,
                            size_t n, const char *code)
{
    t->host->log(t->gw, GATEWAY_LOG_INFO, "batch.split messages=%zu code=%s", n, code);
    for (size_t i = 0; i < n; i++)
        if (is_stale(t, messages[i]))
            answer_plainly(t, messages[i], GATEWAY_UNSENT, GATEWAY_REASON_NONE, NULL);
        else
            send_it(sending_begin(t, messages[i]));
}

/* Nobody in particular is answered: all are. */
static void settle_whole(struct tencent *t, const struct sending *s,
                         const struct gateway_http_response *response, const char *code,
                         const char *said)
{
    struct gateway_answer answer;
    char words[MASKED_BYTES];

    if (!judge_silence(&t->judge, response, &answer)) {
        judge_answer(&t->judge, response->status, code,
                     masked_words(said == NULL ? response->body : said, words), &answer);
        answer.retry_after_ms = response->retry_after_ms;
        mind_limits(t, &answer);
    }
    if (s->count > 1 && is_of_one(&answer)) {
        send_one_by_one(t, s->messages, s->count, answer.code);
        return;
    }
    for (size_t i = 0; i < s->count; i++)
        t->host->done(t->gw, s->messages[i]->token, &answer);
}

static void on_sent(void *arg, const struct gateway_http_response *response)
{
    struct sending s = *(struct sending *)arg;
    struct tencent *t = s.tencent;
    const char *code, *words;
    json_t *inner, *root = tencent_answer(response, &inner, &code, &words);
    const json_t *set = json_object_get(inner, "SendStatusSet");

    sending_free(arg);
    if (code != NULL || !json_is_array(set))
        settle_whole(t, &s, response, code, words);
    else
        for (size_t i = 0; i < s.count; i++)
            settle(t, s.messages[i], set);
    json_decref(root);
}

/* ---------------------------------------------------------------------- submitting */
/* What can be told without asking them; true if it was. */
static bool is_answered_here(struct tencent *t, const struct gateway_message *m)
{
    char number[CHINA_NUMBER_BYTES];

    if (is_stale(t, m))
        answer_plainly(t, m, GATEWAY_UNSENT, GATEWAY_REASON_NONE, NULL);
    else if (m->template_code == NULL)
        answer_plainly(t, m, GATEWAY_REJECTED, GATEWAY_REASON_TEMPLATE,
                       "the campaign names no template for this gateway");
    else if (!china_number(m->to, number))
        answer_plainly(t, m, GATEWAY_REJECTED, GATEWAY_REASON_NUMBER, "not a phone number");
    else
        return false;
    return true;
}

static bool is_mainland(const struct gateway_message *m)
{
    return strncmp(m->to, "+86", 3) == 0;
}

static bool same_params(const struct gateway_message *a, const struct gateway_message *b)
{
    if (a->param_count != b->param_count)
        return false;
    for (size_t i = 0; i < a->param_count; i++)
        if (a->params[i].length != b->params[i].length ||
            memcmp(a->params[i].value, b->params[i].value, a->params[i].length) != 0)
            return false;
    return true;
}

/* May m go with those of s? Numbers of the mainland and others may not go together, and answers
 * are found by their number, so that each stands there once. */
static bool goes_with(const struct sending *s, const struct gateway_message *m)
{
    const struct gateway_message *first = s->messages[0];

    if (m->template_code == NULL || strcmp(m->template_code, first->template_code) != 0 ||
        is_mainland(m) != is_mainland(first) || !same_params(m, first) ||
        strcmp(sign_of(s->tencent, m), sign_of(s->tencent, first)) != 0)
        return false;
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->messages[i]->to, m->to) == 0)
            return false;
    return true;
}

/* At most TENCENT_BATCH_MAX. */
static void submit_some(struct tencent *t, const struct gateway_message *const *messages, size_t n)
{
    bool taken[TENCENT_BATCH_MAX] = {false};

    for (size_t i = 0; i < n; i++) {
        struct sending *s;

        if (taken[i] || is_answered_here(t, messages[i]))
            continue;
        s = sending_begin(t, messages[i]);
        for (size_t k = i + 1; k < n && s->count < t->batch; k++)
            if (!taken[k] && goes_with(s, messages[k])) {
                taken[k] = true;
                if (!is_answered_here(t, messages[k]))
                    s->messages[s->count++] = messages[k];
            }
        send_it(s);
    }
}

void tencent_submit(void *state, const struct gateway_message *const *messages, size_t n)
{
    for (size_t at = 0; at < n; at += TENCENT_BATCH_MAX)
        submit_some(state, messages + at, n - at < TENCENT_BATCH_MAX ? n - at : TENCENT_BATCH_MAX);
}
