/* Status callbacks and incoming messages. Whoever has no right signature learns nothing. */
#include "form.h"
#include "memory.h"
#include "signature.h"
#include "twilio.h"

#include "digest.h"

#include <stdlib.h>
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

/* What the host is given is good for this call only. */
void twilio_receipt(struct twilio *t, struct gathering *taken, const char *id,
                    const char *reference, const char *status, const char *code, const char *words)
{
    struct gateway_receipt receipt = {.id = {id, strlen(id)}};
    const struct code *line;

    if (reference != NULL && *reference != '\0')
        receipt.reference = reference;
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
    gather_receipt(taken, &receipt);
}

/* True if the form is a receipt. */
static bool take_receipt(struct twilio *t, const struct twilio_form *form,
                         const struct twilio_form *query, struct gathering *taken)
{
    const char *id = twilio_form_value(form, "MessageSid");
    const char *status = twilio_form_value(form, "MessageStatus");

    if (id == NULL || *id == '\0' || strlen(id) > 64 || status == NULL)
        return false;
    twilio_receipt(t, taken, id, twilio_form_value(query, "ref"), status,
                   twilio_form_value(form, "ErrorCode"), twilio_form_value(form, "ErrorMessage"));
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

/* A push until what it brought is stored: only then its message is asked about no more. */
struct pushed {
    LIST_ENTRY(pushed) links;
    struct twilio *twilio;
    gateway_push_answer_fn *answer;
    void *arg;
    char over[AWAITED_ID_BYTES + 1]; /* the id of whom this is the last word; or "" */
};

static void pushed_free(struct pushed *p)
{
    LIST_REMOVE(p, links);
    free(p);
}

static void on_stored(void *arg, int status, const char *body)
{
    struct pushed *p = arg;
    gateway_push_answer_fn *answer = p->answer;
    void *theirs = p->arg;

    if (status == 200 && *p->over != '\0')
        awaited_remove(p->twilio->awaited, p->over, strlen(p->over));
    pushed_free(p);
    answer(theirs, status, body);
}

static struct pushed *pushed_make(struct twilio *t, const struct twilio_form *form,
                                  gateway_push_answer_fn *answer, void *arg)
{
    const char *id = twilio_form_value(form, "MessageSid");
    const char *status = twilio_form_value(form, "MessageStatus");
    struct pushed *p = memory_calloc(1, sizeof *p);

    p->twilio = t;
    p->answer = answer;
    p->arg = arg;
    if (id != NULL && strlen(id) <= AWAITED_ID_BYTES && status != NULL && twilio_is_over(status))
        strcpy(p->over, id);
    LIST_INSERT_HEAD(&t->pushes, p, links);
    return p;
}

void twilio_pushes_free(struct twilio *t)
{
    while (!LIST_EMPTY(&t->pushes))
        pushed_free(LIST_FIRST(&t->pushes));
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
    taken = gather_begin(&t->gather, on_stored, pushed_make(t, form, answer, arg));
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
