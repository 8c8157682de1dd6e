/* Status callbacks and incoming messages. Whoever has no right signature learns nothing. */
#include "form.h"
#include "signature.h"
#include "twilio.h"

#include "digest.h"

#include <string.h>
#include <strings.h>

/* The URL as it was requested: what is before /callbacks/NAME only the configuration knows. */
static void put_url(const struct twilio *t, const struct gateway_push *push, struct text *out)
{
    text_puts(out, t->callback_url);
    if (*push->path != '\0')
        text_printf(out, "/%s", push->path);
    if (*push->query != '\0')
        text_printf(out, "?%s", push->query);
}

static bool signed_by_twilio(const struct twilio *t, const struct gateway_push *push,
                             const struct twilio_form *form)
{
    struct text url = {0};
    bool right = false;

    put_url(t, push, &url);
    for (size_t i = 0; i < push->header_count && !right; i++)
        right = strcasecmp(push->headers[i].name, "X-Twilio-Signature") == 0 &&
                twilio_signature_right(t->auth_token, text_string(&url), form, push->body,
                                       push->length, push->headers[i].value);
    text_free(&url);
    return right;
}

/* True if the form is a receipt. What the host is given is good for this call only. */
static bool take_receipt(struct twilio *t, const struct twilio_form *form,
                         const struct twilio_form *query, struct gathering *push)
{
    const char *id = twilio_form_value(form, "MessageSid");
    const char *status = twilio_form_value(form, "MessageStatus");
    const char *code = twilio_form_value(form, "ErrorCode");
    const char *words = twilio_form_value(form, "ErrorMessage");
    struct gateway_receipt receipt = {.reference = twilio_form_value(query, "ref")};
    const struct code *line;

    if (id == NULL || *id == '\0' || strlen(id) > 64 || status == NULL)
        return false;
    receipt.id = (struct gateway_id){id, strlen(id)};
    if (receipt.reference != NULL && *receipt.reference == '\0')
        receipt.reference = NULL;
    /* The status says what became of it, the code why. A status that is new to us is on its way. */
    line = answers_of_receipt(&t->answers, status, words);
    receipt.state = line == NULL                        ? GATEWAY_ENROUTE
                    : line->receipt == CODE_DELIVERED   ? GATEWAY_DELIVERED
                    : line->receipt == CODE_UNDELIVERED ? GATEWAY_UNDELIVERED
                                                        : GATEWAY_ENROUTE;
    if (receipt.state == GATEWAY_UNDELIVERED) {
        receipt.reason = line->reason;
        if (code != NULL && *code != '\0' && strcmp(code, "0") != 0) {
            line = answers_of_receipt(&t->answers, code, words);
            receipt.reason = line == NULL ? GATEWAY_REASON_OTHER : line->reason;
        }
    }
    receipt.code = t->answers.code;
    receipt.words = *t->answers.words == '\0' ? NULL : t->answers.words;
    gather_receipt(push, &receipt);
    return true;
}

static bool take_reply(const struct twilio_form *form, struct gathering *push)
{
    const char *from = twilio_form_value(form, "From"), *text = twilio_form_value(form, "Body");
    struct gateway_reply reply = {
        .from = from,
        .to = twilio_form_value(form, "To"),
        .text = text,
        .length = text == NULL ? 0 : strlen(text),
        .id = twilio_form_value(form, "MessageSid"),
    };

    if (from == NULL || *from == '\0' || text == NULL)
        return false;
    reply.to = reply.to == NULL ? "" : reply.to;
    gather_reply(push, &reply);
    return true;
}

static void take(struct twilio *t, const struct gateway_push *push, const struct twilio_form *form,
                 gateway_push_answer_fn *answer, void *arg)
{
    struct twilio_form query;
    struct gathering *taken;

    if (!signed_by_twilio(t, push, form)) {
        t->host->log(t->gw, GATEWAY_LOG_WARNING, "push.refused reason=signature");
        answer(arg, 404, "there is nothing here\n");
        return;
    }
    if (twilio_form_read(&query, push->query, strlen(push->query)) != 0) {
        answer(arg, 400, "too many parameters\n");
        return;
    }
    taken = gather_begin(&t->gather, answer, arg);
    /* A push of another kind will not be another if it comes again: it is answered as taken. */
    if (!take_receipt(t, form, &query, taken) && !take_reply(form, taken))
        t->host->log(t->gw, GATEWAY_LOG_WARNING, "push.strange reason=\"no receipt and no reply\"");
    gather_end(taken);
    twilio_form_free(&query);
}

void twilio_push(void *state, const struct gateway_push *push, gateway_push_answer_fn *answer,
                 void *arg)
{
    struct twilio *t = state;
    struct twilio_form form;

    if (t->callback_url == NULL) {
        answer(arg, 404, "this gateway has no callback_url\n");
    } else if (twilio_form_read(&form, push->body, push->length) != 0) {
        answer(arg, 413, "too many parameters\n");
    } else {
        take(t, push, &form, answer, arg);
        twilio_form_free(&form);
    }
}
