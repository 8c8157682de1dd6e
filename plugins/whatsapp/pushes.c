/* The webhook: a GET that shows who we are, and POSTs with statuses and messages, believed by
 * X-Hub-Signature-256. Whoever has no right signature learns nothing. */
#include "whatsapp.h"

#include "digest.h"
#include "member.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PARAM_BYTES 257

static void nothing_here(struct whatsapp *w, const char *why, gateway_push_answer_fn *answer,
                         void *arg)
{
    w->host->log(w->gw, GATEWAY_LOG_WARNING, "push.refused reason=%s", why);
    answer(arg, 404, "there is nothing here\n");
}

/* --------------------------------------------------------------- verification */
static int digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* A parameter of the query, decoded into out; "" where there is none or it is too long. */
static void param(const char *query, const char *name, char out[PARAM_BYTES])
{
    size_t length = strlen(name), n = 0;

    out[0] = '\0';
    while (strncmp(query, name, length) != 0 || query[length] != '=') {
        query += strcspn(query, "&");
        if (*query == '\0')
            return;
        query++;
    }
    for (query += length + 1; *query != '\0' && *query != '&'; query++) {
        bool coded =
            *query == '%' && isxdigit((unsigned char)query[1]) && isxdigit((unsigned char)query[2]);

        if (n == PARAM_BYTES - 1) {
            out[0] = '\0';
            return;
        }
        out[n++] = coded           ? (char)(digit(query[1]) << 4 | digit(query[2]))
                   : *query == '+' ? ' '
                                   : *query;
        query += coded ? 2 : 0;
    }
    out[n] = '\0';
}

/* What is sent back is theirs to choose: no more than a word goes back. */
static bool is_word(const char *s)
{
    const char *start = s;

    while (isalnum((unsigned char)*s) || *s == '_' || *s == '-' || *s == '.')
        s++;
    return *s == '\0' && s > start;
}

static void verify(struct whatsapp *w, const char *query, gateway_push_answer_fn *answer, void *arg)
{
    char mode[PARAM_BYTES], token[PARAM_BYTES], challenge[PARAM_BYTES];

    param(query, "hub.mode", mode);
    param(query, "hub.verify_token", token);
    param(query, "hub.challenge", challenge);
    if (w->verify_token == NULL || strcmp(mode, "subscribe") != 0 ||
        !digest_equal(token, w->verify_token) || !is_word(challenge)) {
        nothing_here(w, "verify_token", answer, arg);
        return;
    }
    w->host->log(w->gw, GATEWAY_LOG_INFO, "whatsapp.webhook state=verified");
    answer(arg, 200, challenge);
}

/* ------------------------------------------------------------------ signature */
void whatsapp_sign(const char *app_secret, const char *body, size_t n, char out[72])
{
    uint8_t hmac[SHA256_BYTES];

    digest_hmac_sha256(app_secret, strlen(app_secret), body, n, hmac);
    memcpy(out, "sha256=", 7);
    digest_hex(hmac, sizeof hmac, out + 7);
}

/* Over the bytes as they came: what they escape we might not. */
static bool signed_by_meta(const struct whatsapp *w, const struct gateway_push *push)
{
    char right[72];

    if (w->app_secret == NULL)
        return false;
    whatsapp_sign(w->app_secret, push->body, push->length, right);
    for (size_t i = 0; i < push->header_count; i++)
        if (strcasecmp(push->headers[i].name, "X-Hub-Signature-256") == 0)
            return digest_equal(push->headers[i].value, right);
    return false;
}

/* ------------------------------------------------------------------- statuses */
static int64_t time_of(const json_t *item)
{
    char number[MEMBER_NUMBER_BYTES];
    const char *text = member_text(item, "timestamp", number);
    long long s = text == NULL ? 0 : strtoll(text, NULL, 10);

    return s > 0 && s < INT64_MAX / 1000 ? s * 1000 : 0;
}

static void take_status(struct whatsapp *w, const json_t *status, struct gathering *x)
{
    const char *id = json_string_value(json_object_get(status, "id"));
    const char *state = json_string_value(json_object_get(status, "status"));
    const json_t *error = json_array_get(json_object_get(status, "errors"), 0);
    const char *reference = json_string_value(json_object_get(status, "biz_opaque_callback_data"));
    char number[24], own[WHATSAPP_ID_BYTES];
    const char *code = whatsapp_code(error, number);
    const struct code *line;
    struct gateway_receipt receipt = {
        .reference = reference != NULL && *reference != '\0' ? reference : NULL,
        .done_ms = time_of(status),
    };

    if (id == NULL || *id == '\0' || state == NULL)
        return;
    whatsapp_id(id, own);
    receipt.id = (struct gateway_id){own, strlen(own)};
    line = answers_of_receipt(&w->answers, state, NULL);
    receipt.state = line == NULL                        ? GATEWAY_ENROUTE
                    : line->receipt == CODE_DELIVERED   ? GATEWAY_DELIVERED
                    : line->receipt == CODE_UNDELIVERED ? GATEWAY_UNDELIVERED
                                                        : GATEWAY_ENROUTE;
    if (receipt.state == GATEWAY_UNDELIVERED) {
        receipt.reason = line->reason;
        if (code != NULL) {
            line = answers_of_receipt(&w->answers, code, whatsapp_words(error));
            receipt.reason = line == NULL ? GATEWAY_REASON_OTHER : line->reason;
        }
    }
    receipt.code = w->answers.code;
    receipt.words = *w->answers.words == '\0' ? NULL : w->answers.words;
    gather_receipt(x, &receipt);
}

/* -------------------------------------------------------------------- replies */
static const char *string_at(const json_t *message, const char *object, const char *inner,
                             const char *name)
{
    const json_t *at = json_object_get(message, object);

    if (inner != NULL)
        at = json_object_get(at, inner);
    return json_string_value(json_object_get(at, name));
}

/* A picture or a voice message is a reply without a text. */
static const char *text_of(const json_t *message)
{
    static const char *const places[][3] = {
        {"text", NULL, "body"},
        {"button", NULL, "text"},
        {"interactive", "button_reply", "title"},
        {"interactive", "list_reply", "title"},
        {"image", NULL, "caption"},
        {"video", NULL, "caption"},
        {"document", NULL, "caption"},
    };

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *text = string_at(message, places[i][0], places[i][1], places[i][2]);

        if (text != NULL)
            return text;
    }
    return "";
}

static void take_message(const json_t *message, const char *to, struct gathering *x)
{
    const char *from = json_string_value(json_object_get(message, "from"));
    const char *text = text_of(message);
    char number[80];
    struct gateway_reply reply = {
        .from = from,
        .to = to == NULL ? "" : to,
        .text = text,
        .length = strlen(text),
        .id = json_string_value(json_object_get(message, "id")),
        .sent_ms = time_of(message),
    };

    if (from == NULL || *from == '\0' || strlen(from) > 64)
        return;
    /* A number comes without its '+', and would be read as a national one; a business-scoped
     * user id has letters. */
    snprintf(number, sizeof number, "+%s", from);
    if (strspn(from, "0123456789") == strlen(from))
        reply.from = number;
    gather_reply(x, &reply);
}

/* ----------------------------------------------------------------------- push */
/* One change. One of another number of the same account is another gateway's. */
static void take_value(struct whatsapp *w, const json_t *value, struct gathering *x)
{
    const json_t *metadata = json_object_get(value, "metadata");
    const char *of = json_string_value(json_object_get(metadata, "phone_number_id"));
    const char *to = json_string_value(json_object_get(metadata, "display_phone_number"));
    const json_t *statuses = json_object_get(value, "statuses");
    const json_t *messages = json_object_get(value, "messages");

    if (of == NULL || strcmp(of, w->phone_number_id) != 0)
        return;
    for (size_t i = 0; i < json_array_size(statuses); i++)
        take_status(w, json_array_get(statuses, i), x);
    for (size_t i = 0; i < json_array_size(messages); i++)
        take_message(json_array_get(messages, i), to, x);
}

static void take_all(struct whatsapp *w, const json_t *root, struct gathering *x)
{
    const json_t *entries = json_object_get(root, "entry");

    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *changes = json_object_get(json_array_get(entries, i), "changes");

        for (size_t j = 0; j < json_array_size(changes); j++)
            take_value(w, json_object_get(json_array_get(changes, j), "value"), x);
    }
}

void whatsapp_push(void *state, const struct gateway_push *push, gateway_push_answer_fn *answer,
                   void *arg)
{
    struct whatsapp *w = state;
    struct gathering *x;
    json_t *root;

    if (strcmp(push->method, "GET") == 0) {
        verify(w, push->query, answer, arg);
        return;
    }
    if (!signed_by_meta(w, push)) {
        nothing_here(w, "signature", answer, arg);
        return;
    }
    root = json_loadb(push->body, push->length, 0, NULL);
    if (root == NULL) {
        answer(arg, 400, "no JSON\n");
        return;
    }
    x = gather_begin(&w->gather, answer, arg);
    take_all(w, root, x);
    gather_end(x);
    json_decref(root);
}
