/*
 * SmsReport and SmsUp: arrays of objects, one object alone is taken too. A receipt names its
 * BizId and number, a reply has a content. They are not signed: who pushes is known by the
 * token in the path, and what names no message of ours finds nothing.
 */
#include "aliyun.h"

#include <string.h>

static const char *string(const json_t *item, const char *name)
{
    const char *value = json_string_value(json_object_get(item, name));

    return value == NULL ? "" : value;
}

/* "success" is a boolean; a provider that writes it as a string means the same. */
static bool is_success(const json_t *item)
{
    const json_t *value = json_object_get(item, "success");

    return json_is_true(value) || strcmp(string(item, "success"), "true") == 0;
}

static bool take_receipt(struct aliyun *a, struct push *push, const json_t *item)
{
    const char *biz_id = string(item, "biz_id"), *reference = string(item, "out_id");
    char number[CHINA_NUMBER_BYTES], id[ALIYUN_ID_BYTES];
    struct gateway_receipt receipt = {0};

    if (*biz_id == '\0' || !china_number(string(item, "phone_number"), number))
        return false;
    receipt.id = (struct gateway_id){id, aliyun_id(biz_id, number, id)};
    if (*reference != '\0' && strlen(reference) <= 120)
        receipt.reference = reference;
    receipt.done_ms = china_time_ms(string(item, "report_time"));
    inbox_receipt(push, &a->judge, &receipt, is_success(item), string(item, "err_code"),
                  string(item, "err_msg"));
    return true;
}

static bool take_reply(struct push *push, const json_t *item)
{
    const json_t *text = json_object_get(item, "content"), *sequence;
    char id[32] = "";
    struct gateway_reply reply = {
        .from = string(item, "phone_number"),
        .to = string(item, "dest_code"),
        .text = string(item, "content"),
        .length = json_string_length(text),
        .sent_ms = china_time_ms(string(item, "send_time")),
    };

    if (*reply.from == '\0' || !json_is_string(text))
        return false;
    sequence = json_object_get(item, "sequence_id"); /* an older form has a number */
    if (json_is_integer(sequence))
        snprintf(id, sizeof id, "%" JSON_INTEGER_FORMAT, json_integer_value(sequence));
    reply.id = json_is_integer(sequence)      ? id
               : *string(item, "sequence_id") ? string(item, "sequence_id")
                                              : NULL;
    inbox_reply(push, &reply);
    return true;
}

static bool take(struct aliyun *a, struct push *push, const json_t *item)
{
    return take_receipt(a, push, item) || take_reply(push, item);
}

void aliyun_callback(void *state, const struct gateway_push *push, gateway_push_answer_fn *answer,
                     void *arg)
{
    struct aliyun *a = state;
    json_t *root = json_loadb(push->body, push->length, 0, NULL);
    size_t n = json_is_array(root) ? json_array_size(root) : 1, understood = 0;
    struct push *in;

    if (root == NULL) {
        answer(arg, 400, "no JSON\n");
        return;
    }
    in = inbox_begin(&a->inbox, answer, arg);
    for (size_t i = 0; i < n; i++)
        understood += take(a, in, json_is_array(root) ? json_array_get(root, i) : root);
    /* What is not understood would not be the next time either: it is told, and answered. */
    if (understood < n)
        a->host->log(a->gw, GATEWAY_LOG_WARNING, "push.strange items=%zu understood=%zu",
                     n - understood, understood);
    inbox_end(in);
    json_decref(root);
}
