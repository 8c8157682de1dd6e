/*
 * A receipt is a form, or an element of statusReportList in JSON; a reply is a form with from
 * and body. Who pushes is known by the token in the path, and what names no message of ours
 * finds nothing.
 */
#include "pushed_form.h"
#include "huawei.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* "2018-04-13T06:31:46Z" as wall clock milliseconds, 0 for what is no time. */
static int64_t time_ms(const char *text)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

    return end == NULL || *end != '\0' || tm.tm_year < 100 ? 0 : (int64_t)timegm(&tm) * 1000;
}

/* The number of a part: a string, or an integer in JSON; 1 where there is none. */
static unsigned part_of(const json_t *item)
{
    const json_t *sequence = json_object_get(item, "sequence");
    long part = json_is_integer(sequence) ? (long)json_integer_value(sequence)
                                          : strtol(huawei_string(item, "sequence"), NULL, 10);

    return part < 1 || part > GATEWAY_MAX_IDS ? 1 : (unsigned)part;
}

static bool take_receipt(struct huawei *h, struct push *push, const json_t *item)
{
    const char *sms_msg_id = huawei_string(item, "smsMsgId");
    const char *status = huawei_string(item, "status"), *reference = huawei_string(item, "extend");
    const char *words = huawei_string(item, "statusDesc");
    struct gateway_receipt receipt = {.done_ms = time_ms(huawei_string(item, "updateTime"))};
    char id[HUAWEI_ID_BYTES];

    if (*sms_msg_id == '\0' || *status == '\0')
        return false;
    receipt.id = (struct gateway_id){id, huawei_id(sms_msg_id, part_of(item), id)};
    if (*reference != '\0' && strlen(reference) <= 120)
        receipt.reference = reference;
    inbox_receipt(push, &h->judge, &receipt, strcmp(status, "DELIVRD") == 0, status,
                  *words == '\0' ? NULL : words);
    return true;
}

static bool take_reply(struct push *push, const json_t *item)
{
    const json_t *text = json_object_get(item, "body");
    const char *id = huawei_string(item, "smsMsgId");
    struct gateway_reply reply = {
        .from = huawei_string(item, "from"),
        .to = huawei_string(item, "to"),
        .text = huawei_string(item, "body"),
        .length = json_string_length(text),
        .id = *id == '\0' ? NULL : id,
        .sent_ms = time_ms(huawei_string(item, "createTime")),
    };

    if (*reply.from == '\0' || !json_is_string(text))
        return false;
    inbox_reply(push, &reply);
    return true;
}

/* JSON begins with a brace, a form never does: theirs is percent-encoded. */
static json_t *read_body(const struct gateway_push *push)
{
    size_t i = 0;

    while (i < push->length && strchr(" \t\r\n", push->body[i]) != NULL && push->body[i] != '\0')
        i++;
    return i < push->length && push->body[i] == '{' ? json_loadb(push->body, push->length, 0, NULL)
                                                    : pushed_form(push->body, push->length);
}

void huawei_callback(void *state, const struct gateway_push *push, gateway_push_answer_fn *answer,
                     void *arg)
{
    struct huawei *h = state;
    json_t *root = read_body(push);
    const json_t *list = json_object_get(root, "statusReportList");
    size_t n = json_is_array(list) ? json_array_size(list) : 1, understood = 0;
    struct push *in;

    if (root == NULL) {
        answer(arg, 400, "neither a form nor JSON\n");
        return;
    }
    in = inbox_begin(&h->inbox, answer, arg);
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_is_array(list) ? json_array_get(list, i) : root;

        understood += take_receipt(h, in, item) || take_reply(in, item);
    }
    /* What is not understood would not be the next time either: it is told, and answered. */
    if (understood < n)
        h->host->log(h->gw, GATEWAY_LOG_WARNING, "push.strange items=%zu understood=%zu",
                     n - understood, understood);
    inbox_end(in);
    json_decref(root);
}
