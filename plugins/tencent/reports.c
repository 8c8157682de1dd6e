/*
 * A pushed receipt is an element of an array and has a sid, a pushed reply is an object and has
 * a text; one address may be entered for both. They are not signed: who pushes is known by the
 * token in the path, and what names no message of ours finds nothing.
 */
#include "tencent.h"

#include <inttypes.h>
#include <string.h>

#define CODE_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:._-"

static bool take_receipt(struct tencent *t, struct push *push, const char *serial_no,
                         struct gateway_receipt *receipt, const char *status, const char *code,
                         const char *words)
{
    bool delivered = strcmp(status, "SUCCESS") == 0;

    if (*serial_no == '\0' || (!delivered && strcmp(status, "FAIL") != 0))
        return false;
    receipt->id = tencent_id(serial_no);
    inbox_receipt(push, &t->judge, receipt, delivered, code, words);
    return true;
}

/* They number no replies: the same words of the same person in the same second are one. */
static bool take_reply(struct push *push, const char *from, const char *to, const json_t *text,
                       int64_t time_s)
{
    uint8_t digest[SHA256_BYTES];
    char id[2 * SHA256_BYTES + 1];
    struct text all = {0};
    struct gateway_reply reply = {
        .from = from,
        .to = to,
        .text = json_string_value(text),
        .length = json_string_length(text),
        .id = id,
        .sent_ms = time_s * 1000,
    };

    if (*from == '\0' || !json_is_string(text))
        return false;
    text_printf(&all, "%" PRId64 "/%s/%s", time_s, from, reply.text);
    digest_sha256(all.bytes, all.length, digest);
    digest_hex(digest, 16, id);
    text_free(&all);
    inbox_reply(push, &reply);
    return true;
}

/* Seconds, or 0 for what no clock says. */
static int64_t seconds(const json_t *object, const char *name)
{
    json_int_t s = json_integer_value(json_object_get(object, name));

    return s > 0 && s < INT64_C(1) << 40 ? s : 0;
}

/* +, the country and the number, from two fields; "" for no number. */
static void join_number(const json_t *item, const char *country, const char *number, char out[40])
{
    const char *c = tencent_string(item, country), *n = tencent_string(item, number);
    int length = snprintf(out, 40, "%s%s%s", *c == '\0' ? "" : "+", c, n);

    if (*n == '\0' || length >= 40)
        *out = '\0';
}

bool tencent_take_pulled_receipt(struct tencent *t, struct push *push, const json_t *item)
{
    struct gateway_receipt receipt = {.done_ms = seconds(item, "UserReceiveTime") * 1000};
    const char *reference = tencent_string(item, "SessionContext");
    const char *described = tencent_string(item, "Description"); /* "DELIVRD", or a sentence */
    bool is_word = strspn(described, CODE_LETTERS) == strlen(described);

    if (*reference != '\0' && strlen(reference) <= 120)
        receipt.reference = reference;
    return take_receipt(t, push, tencent_string(item, "SerialNo"), &receipt,
                        tencent_string(item, "ReportStatus"), is_word ? described : NULL,
                        is_word ? NULL : described);
}

bool tencent_take_pulled_reply(struct tencent *t, struct push *push, const json_t *item)
{
    char from[40];

    (void)t;
    join_number(item, "CountryCode", "SubscriberNumber", from);
    return take_reply(push, from, tencent_string(item, "ExtendCode"),
                      json_object_get(item, "ReplyContent"), seconds(item, "ReplyTime"));
}

static bool take_pushed(struct tencent *t, struct push *push, const json_t *item)
{
    struct gateway_receipt receipt = {.done_ms =
                                          china_time_ms(tencent_string(item, "user_receive_time"))};
    char from[40];

    if (take_receipt(t, push, tencent_string(item, "sid"), &receipt,
                     tencent_string(item, "report_status"), tencent_string(item, "errmsg"),
                     tencent_string(item, "description")))
        return true;
    join_number(item, "nationcode", "mobile", from);
    return take_reply(push, from, tencent_string(item, "extend"), json_object_get(item, "text"),
                      seconds(item, "time"));
}

void tencent_callback(void *state, const struct gateway_push *push, gateway_push_answer_fn *answer,
                      void *arg)
{
    struct tencent *t = state;
    json_t *root = json_loadb(push->body, push->length, 0, NULL);
    size_t n = json_is_array(root) ? json_array_size(root) : 1, understood = 0;
    struct push *in;

    if (root == NULL) {
        answer(arg, 400, "no JSON\n");
        return;
    }
    in = inbox_begin(&t->inbox, answer, arg);
    for (size_t i = 0; i < n; i++)
        understood += take_pushed(t, in, json_is_array(root) ? json_array_get(root, i) : root);
    /* What is not understood would not be the next time either: it is told, and answered. */
    if (understood < n)
        t->host->log(t->gw, GATEWAY_LOG_WARNING, "push.strange items=%zu understood=%zu",
                     n - understood, understood);
    inbox_end(in);
    json_decref(root);
}
