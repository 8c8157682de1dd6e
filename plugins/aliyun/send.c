/*
 * SendSms for one person, SendBatchSms for several. A batch is taken or refused as a whole,
 * for whatever is wrong with one of its people: one that is refused for a reason of that kind
 * was not sent at all, and goes out again one by one, so that each is judged by itself.
 */
#include "aliyun.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#define CAPPED_TOLD_MS 3600000

struct sending {
    LIST_ENTRY(sending) links;
    struct aliyun *aliyun;
    size_t count;
    const struct gateway_message *messages[ALIYUN_BATCH_MAX];
};

static struct sending *sending_begin(struct aliyun *a, const struct gateway_message *first)
{
    struct sending *s = memory_alloc(sizeof *s);

    s->aliyun = a;
    s->count = 1;
    s->messages[0] = first;
    LIST_INSERT_HEAD(&a->sendings, s, links);
    return s;
}

static void sending_free(struct sending *s)
{
    LIST_REMOVE(s, links);
    free(s);
}

void aliyun_sendings_free(struct aliyun *a)
{
    while (!LIST_EMPTY(&a->sendings))
        sending_free(LIST_FIRST(&a->sendings));
}

static void answer_plainly(struct aliyun *a, const struct gateway_message *m,
                           enum gateway_outcome outcome, enum gateway_reason reason,
                           const char *words)
{
    struct gateway_answer answer = {.outcome = outcome, .reason = reason, .words = words};

    a->host->done(a->gw, m->token, &answer);
}

/* ------------------------------------------------------------------- what is said */
static const char *sign_of(const struct aliyun *a, const struct gateway_message *m)
{
    return m->template_signature != NULL ? m->template_signature : a->sign_name;
}

/* Values are strings: 1 instead of "1" is isv.INVALID_JSON_PARAM. */
static void put_params(struct text *out, const struct gateway_message *m)
{
    text_puts(out, "{");
    for (size_t i = 0; i < m->param_count; i++) {
        if (i > 0)
            text_puts(out, ",");
        text_put_json(out, m->params[i].name, strlen(m->params[i].name));
        text_puts(out, ":");
        text_put_json(out, m->params[i].value, m->params[i].length);
    }
    text_puts(out, "}");
}

static void put_number(struct text *out, const struct aliyun *a, const struct gateway_message *m)
{
    char number[CHINA_NUMBER_BYTES];

    (void)a;
    china_number(m->to, number);
    text_put_json(out, number, strlen(number));
}

static void put_sign(struct text *out, const struct aliyun *a, const struct gateway_message *m)
{
    text_put_json(out, sign_of(a, m), strlen(sign_of(a, m)));
}

static void put_extend_code(struct text *out, const struct aliyun *a,
                            const struct gateway_message *m)
{
    (void)m;
    text_put_json(out, a->extend_code, strlen(a->extend_code));
}

static void put_param_object(struct text *out, const struct aliyun *a,
                             const struct gateway_message *m)
{
    (void)a;
    put_params(out, m);
}

/* The fields of SendBatchSms: arrays with an element for each message. */
static const struct {
    const char *name;
    void (*put)(struct text *out, const struct aliyun *a, const struct gateway_message *m);
    bool extend_code; /* only where one is configured */
} arrays[] = {
    {"PhoneNumberJson", put_number, false},
    {"SignNameJson", put_sign, false},
    {"SmsUpExtendCodeJson", put_extend_code, true},
    {"TemplateParamJson", put_param_object, false},
};

static void put_arrays(struct text *form, const struct sending *s)
{
    for (size_t f = 0; f < sizeof arrays / sizeof *arrays; f++) {
        struct text array = {0};

        if (arrays[f].extend_code && *s->aliyun->extend_code == '\0')
            continue;
        for (size_t i = 0; i < s->count; i++) {
            text_puts(&array, i == 0 ? "[" : ",");
            arrays[f].put(&array, s->aliyun, s->messages[i]);
        }
        text_puts(&array, "]");
        text_printf(form, "%s%s=", form->length > 0 ? "&" : "", arrays[f].name);
        text_put_percent(form, array.bytes, array.length);
        text_free(&array);
    }
}

static gateway_http_fn on_sent;

static void send_batch(struct sending *s)
{
    struct text form = {0};
    struct aliyun_call call = {.action = "SendBatchSms", .form = &form};

    call.send_by_ms = s->messages[0]->submit_by_ms;
    for (size_t i = 1; i < s->count; i++) /* the first that grows stale; 0 is never */
        if (s->messages[i]->submit_by_ms != 0 &&
            (call.send_by_ms == 0 || s->messages[i]->submit_by_ms < call.send_by_ms))
            call.send_by_ms = s->messages[i]->submit_by_ms;
    put_arrays(&form, s);
    aliyun_param(&call, "TemplateCode", s->messages[0]->template_code);
    aliyun_call(s->aliyun, &call, on_sent, s);
    text_free(&form);
}

static void send_single(struct sending *s)
{
    const struct gateway_message *m = s->messages[0];
    struct aliyun_call call = {.action = "SendSms", .send_by_ms = m->submit_by_ms};
    char number[CHINA_NUMBER_BYTES];
    struct text params = {0};

    china_number(m->to, number);
    put_params(&params, m);
    if (m->reference != NULL)
        aliyun_param(&call, "OutId", m->reference);
    aliyun_param(&call, "PhoneNumbers", number);
    aliyun_param(&call, "SignName", sign_of(s->aliyun, m));
    if (*s->aliyun->extend_code != '\0')
        aliyun_param(&call, "SmsUpExtendCode", s->aliyun->extend_code);
    aliyun_param(&call, "TemplateCode", m->template_code);
    if (m->param_count > 0)
        aliyun_param(&call, "TemplateParam", text_string(&params));
    aliyun_call(s->aliyun, &call, on_sent, s);
    text_free(&params);
}

static void send_it(struct sending *s)
{
    if (s->count == 1)
        send_single(s);
    else
        send_batch(s);
}

/* --------------------------------------------------------------- what is answered */
static void accept(struct aliyun *a, const struct gateway_message *m, const char *biz_id)
{
    char number[CHINA_NUMBER_BYTES], id[ALIYUN_ID_BYTES];
    struct gateway_answer answer = {.outcome = GATEWAY_ACCEPTED};
    struct gateway_id ids[1];

    if (biz_id != NULL && *biz_id != '\0' && a->receipts) {
        china_number(m->to, number);
        ids[0] = (struct gateway_id){id, aliyun_id(biz_id, number, id)};
        answer.ids = ids;
        answer.id_count = 1;
        awaited_add(a->awaited, id, ids[0].length, number);
    }
    a->host->done(a->gw, m->token, &answer);
}

/* Their limits for one number are those of the clock's minute, of the hour, of 24 hours
 * after a message; which, only their words tell. */
static int64_t wait_of(const struct gateway_answer *answer)
{
    static const struct {
        const char *words;
        int64_t ms;
    } windows[] = {{"分钟级", 60000}, {"小时级", 3600000}, {"天级", 24 * 3600000}};

    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++)
        if (answer->words != NULL && strstr(answer->words, windows[i].words) != NULL)
            return windows[i].ms;
    return 60000;
}

static bool is_code(const struct gateway_answer *answer, const char *code)
{
    return answer->code != NULL && strcmp(answer->code, code) == 0;
}

static void mind_limits(struct aliyun *a, struct gateway_answer *answer)
{
    int64_t now_ms = a->host->mono_ms();

    if (is_code(answer, "isv.BUSINESS_LIMIT_CONTROL"))
        answer->retry_after_ms = wait_of(answer);
    if (!is_code(answer, "isv.DAY_LIMIT_CONTROL") && !is_code(answer, "isv.MONTH_LIMIT_CONTROL"))
        return;
    /* Of the whole account, set in its console: people have to know. */
    answer->retry_after_ms = 3600000;
    if (a->capped_told_ms == 0 || now_ms - a->capped_told_ms >= CAPPED_TOLD_MS) {
        a->capped_told_ms = now_ms;
        a->host->log(a->gw, GATEWAY_LOG_ERROR, "account.capped code=%s", answer->code);
    }
}

/* One of them may be to blame: which, is seen when each is asked for alone. */
static bool is_of_one(const struct gateway_answer *answer)
{
    return answer->outcome == GATEWAY_REJECTED || is_code(answer, "isv.BUSINESS_LIMIT_CONTROL");
}

static bool is_stale(const struct aliyun *a, const struct gateway_message *m)
{
    return m->submit_by_ms != 0 && a->host->boot_ms() > m->submit_by_ms;
}

static void send_one_by_one(struct aliyun *a, const struct gateway_message *const *messages,
                            size_t n, const char *code)
{
    a->host->log(a->gw, GATEWAY_LOG_INFO, "batch.split messages=%zu code=%s", n, code);
    for (size_t i = 0; i < n; i++)
        if (is_stale(a, messages[i]))
            answer_plainly(a, messages[i], GATEWAY_UNSENT, GATEWAY_REASON_NONE, NULL);
        else
            send_it(sending_begin(a, messages[i]));
}

static void on_sent(void *arg, const struct gateway_http_response *response)
{
    struct sending s = *(struct sending *)arg;
    struct aliyun *a = s.aliyun;
    struct gateway_answer answer;
    const char *code;
    char words[MASKED_BYTES];
    json_t *root = aliyun_answer(response, &code);

    sending_free(arg);
    if (!judge_silence(&a->judge, response, &answer)) {
        const char *said =
            root == NULL ? response->body : json_string_value(json_object_get(root, "Message"));

        judge_answer(&a->judge, response->status, code, masked_words(said, words), &answer);
        answer.retry_after_ms = response->retry_after_ms;
        mind_limits(a, &answer);
    }
    if (answer.outcome == GATEWAY_ACCEPTED) {
        for (size_t i = 0; i < s.count; i++)
            accept(a, s.messages[i], json_string_value(json_object_get(root, "BizId")));
    } else if (s.count > 1 && is_of_one(&answer)) {
        send_one_by_one(a, s.messages, s.count, answer.code);
    } else {
        for (size_t i = 0; i < s.count; i++)
            a->host->done(a->gw, s.messages[i]->token, &answer);
    }
    json_decref(root);
}

/* ---------------------------------------------------------------------- submitting */
/* What can be told without asking them; true if it was. */
static bool is_answered_here(struct aliyun *a, const struct gateway_message *m)
{
    char number[CHINA_NUMBER_BYTES];

    if (is_stale(a, m))
        answer_plainly(a, m, GATEWAY_UNSENT, GATEWAY_REASON_NONE, NULL);
    else if (m->template_code == NULL)
        answer_plainly(a, m, GATEWAY_REJECTED, GATEWAY_REASON_TEMPLATE,
                       "the campaign names no template for this gateway");
    else if (!china_number(m->to, number))
        answer_plainly(a, m, GATEWAY_REJECTED, GATEWAY_REASON_NUMBER, "not a phone number");
    else
        return false;
    return true;
}

/* Of one template, and nobody twice: one BizId stands for all, so that receipts know a message
 * by its number. */
static bool goes_with(const struct sending *s, const struct gateway_message *m)
{
    if (m->template_code == NULL || strcmp(m->template_code, s->messages[0]->template_code) != 0)
        return false;
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->messages[i]->to, m->to) == 0)
            return false;
    return true;
}

/* At most ALIYUN_BATCH_MAX: those that go together. */
static void submit_some(struct aliyun *a, const struct gateway_message *const *messages, size_t n)
{
    bool taken[ALIYUN_BATCH_MAX] = {false};

    for (size_t i = 0; i < n; i++) {
        struct sending *s;

        if (taken[i] || is_answered_here(a, messages[i]))
            continue;
        s = sending_begin(a, messages[i]);
        for (size_t k = i + 1; k < n && s->count < a->batch; k++) {
            if (taken[k] || !goes_with(s, messages[k]))
                continue;
            taken[k] = true;
            if (!is_answered_here(a, messages[k]))
                s->messages[s->count++] = messages[k];
        }
        send_it(s);
    }
}

void aliyun_submit(void *state, const struct gateway_message *const *messages, size_t n)
{
    for (size_t at = 0; at < n; at += ALIYUN_BATCH_MAX)
        submit_some(state, messages + at, n - at < ALIYUN_BATCH_MAX ? n - at : ALIYUN_BATCH_MAX);
}
