/*
 * QuerySendDetails: what became of the messages to one number on one day
 *
 * Asked for receipts that should have been pushed by now (Aliyun tries again after 1, 5 and
 * 10 minutes, and then no more), and by the daemon for a notice in doubt. An answer does not
 * repeat the BizId: with one in the question all that comes is of it, else OutId tells.
 */
#include "aliyun.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 50            /* the most they give */
#define PAGES_MAX 4        /* they let nobody have 200 messages in a day */
#define MIDNIGHT_MS 600000 /* what is sent so long before it may be theirs of the next day */

enum state { WAITING = 1, FAILED = 2, RECEIVED = 3 }; /* SendStatus */

struct question {
    LIST_ENTRY(question) links;
    struct aliyun *aliyun;
    bool ours;                /* of the timer, not of the daemon's */
    char id[ALIYUN_ID_BYTES]; /* "" for one of the daemon's */
    char reference[121];      /* "" for one of the timer's */
    char number[CHINA_NUMBER_BYTES];
    int64_t since_ms;
    unsigned page; /* from 1 */
    bool next_day;
};

static void ask(struct question *q);

static void question_free(struct question *q)
{
    if (q->ours)
        awaited_answered(q->aliyun->awaited);
    LIST_REMOVE(q, links);
    free(q);
}

static struct question *question_make(struct aliyun *a, bool ours, int64_t since_ms)
{
    struct question *q = memory_calloc(1, sizeof *q);

    q->aliyun = a;
    q->ours = ours;
    q->since_ms = since_ms;
    q->page = 1;
    LIST_INSERT_HEAD(&a->questions, q, links);
    return q;
}

/* --------------------------------------------------------------------- answers */
static long state_of(const json_t *item)
{
    const json_t *state = json_object_get(item, "SendStatus");

    return json_is_string(state) ? strtol(json_string_value(state), NULL, 10)
                                 : (long)json_integer_value(state);
}

static const char *string(const json_t *item, const char *name)
{
    const char *value = json_string_value(json_object_get(item, name));

    return value == NULL ? "" : value;
}

static bool is_it(const struct question *q, const json_t *item)
{
    char number[CHINA_NUMBER_BYTES];

    return china_number(string(item, "PhoneNum"), number) && strcmp(number, q->number) == 0 &&
           (q->ours || strcmp(string(item, "OutId"), q->reference) == 0);
}

static void on_answered(void *arg, int status, const char *body)
{
    (void)status, (void)body; /* not stored: its next turn comes */
    question_free(arg);
}

static void take(struct question *q, const json_t *item)
{
    struct aliyun *a = q->aliyun;
    struct push *push = inbox_begin(&a->inbox, on_answered, q);
    struct gateway_receipt receipt = {.id = {q->id, strlen(q->id)},
                                      .done_ms = china_time_ms(string(item, "ReceiveDate"))};

    if (*q->reference != '\0')
        receipt.reference = q->reference;
    inbox_receipt(push, &a->judge, &receipt, state_of(item) == RECEIVED, string(item, "ErrCode"),
                  NULL);
    inbox_end(push);
}

/* What was asked for, once it is known how it ended; NULL if it is not there. */
static const json_t *find(const struct question *q, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);

        if (is_it(q, item))
            return item;
    }
    return NULL;
}

static bool is_near_midnight(const struct question *q)
{
    char one[CHINA_DATE_BYTES], other[CHINA_DATE_BYTES];

    china_date(q->since_ms, one);
    china_date(q->since_ms + MIDNIGHT_MS, other);
    return strcmp(one, other) != 0;
}

static void on_details(void *arg, const struct gateway_http_response *response)
{
    struct question *q = arg;
    struct aliyun *a = q->aliyun;
    const char *code;
    json_t *root = aliyun_answer(response, &code);
    const json_t *list =
        json_object_get(json_object_get(root, "SmsSendDetailDTOs"), "SmsSendDetailDTO");
    const json_t *item = find(q, list);
    bool known = item != NULL && (state_of(item) == RECEIVED || state_of(item) == FAILED);

    if (root == NULL || strcmp(code, "OK") != 0) {
        a->host->log(a->gw, GATEWAY_LOG_WARNING, "receipt.not_told code=%s",
                     root == NULL ? "-" : a->host->log_bytes(code, strlen(code)));
        question_free(q);
    } else if (known) {
        take(q, item); /* q is gone, now or later */
    } else if (item == NULL && json_array_size(list) >= PAGE && q->page < PAGES_MAX) {
        q->page++;
        ask(q);
    } else if (item == NULL && !q->next_day && is_near_midnight(q)) {
        q->next_day = true;
        q->page = 1;
        ask(q);
    } else {
        question_free(q);
    }
    json_decref(root);
}

/* ------------------------------------------------------------------- questions */
static void ask(struct question *q)
{
    struct aliyun_call call = {.action = "QuerySendDetails"};
    char date[CHINA_DATE_BYTES], page[12], size[12], biz_id[ALIYUN_ID_BYTES];

    china_date(q->since_ms + (q->next_day ? MIDNIGHT_MS : 0), date);
    snprintf(page, sizeof page, "%u", q->page);
    snprintf(size, sizeof size, "%d", PAGE);
    if (*q->id != '\0') {
        snprintf(biz_id, sizeof biz_id, "%s", q->id);
        *strrchr(biz_id, '/') = '\0'; /* see aliyun_id() */
        aliyun_param(&call, "BizId", biz_id);
    }
    aliyun_param(&call, "CurrentPage", page);
    aliyun_param(&call, "PageSize", size);
    aliyun_param(&call, "PhoneNumber", q->number);
    aliyun_param(&call, "SendDate", date);
    aliyun_call(q->aliyun, &call, on_details, q);
}

void aliyun_query(void *state, const char *reference, const char *to, int64_t submitted_ms)
{
    struct aliyun *a = state;
    struct question *q = question_make(a, false, submitted_ms);

    if (!china_number(to, q->number) || strlen(reference) >= sizeof q->reference) {
        question_free(q);
        return;
    }
    strcpy(q->reference, reference);
    ask(q);
}

void aliyun_ask(void *owner, const struct awaited_one *one)
{
    struct question *q = question_make(owner, true, one->since_ms);

    strcpy(q->id, one->id);
    strcpy(q->number, one->number);
    ask(q);
}

void aliyun_questions_free(struct aliyun *a)
{
    while (!LIST_EMPTY(&a->questions))
        question_free(LIST_FIRST(&a->questions));
}
