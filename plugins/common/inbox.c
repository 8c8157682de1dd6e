#include "inbox.h"

#include "masked.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

struct item {
    struct push *push;
    struct item *next;
    size_t length; /* 0: of a reply, or of a receipt without an id */
    char id[64];
};

struct push {
    struct inbox *inbox;
    struct push *next, **at;
    gateway_push_answer_fn *answer;
    void *arg;
    size_t waiting; /* for stored; one more until inbox_end() */
    bool failed;
    struct item *items;
};

static void push_free(struct push *p)
{
    struct item *next;

    *p->at = p->next;
    if (p->next != NULL)
        p->next->at = p->at;
    for (struct item *i = p->items; i != NULL; i = next) {
        next = i->next;
        free(i);
    }
    free(p);
}

static void release(struct push *p)
{
    gateway_push_answer_fn *answer = p->answer;
    void *arg = p->arg;
    bool failed = p->failed;
    const char *body = p->inbox->ok_body;

    if (--p->waiting > 0)
        return;
    push_free(p);
    answer(arg, failed ? 503 : 200, failed ? "not stored, push it again\n" : body);
}

static void on_stored(void *arg, bool stored)
{
    struct item *item = arg;
    struct push *p = item->push;
    struct inbox *in = p->inbox;

    p->failed = p->failed || !stored;
    if (stored && item->length > 0 && in->stored != NULL)
        in->stored(in->owner, item->id, item->length);
    release(p);
}

struct push *inbox_begin(struct inbox *in, gateway_push_answer_fn *answer, void *arg)
{
    struct push *p = memory_calloc(1, sizeof *p);

    *p = (struct push){in, in->first, &in->first, answer, arg, 1, false, NULL};
    if (p->next != NULL)
        p->next->at = &p->next;
    in->first = p;
    return p;
}

static struct item *add(struct push *p)
{
    struct item *item = memory_calloc(1, sizeof *item);

    item->push = p;
    item->next = p->items;
    p->items = item;
    p->waiting++;
    return item;
}

static void judge_it(struct judge *judge, struct gateway_receipt *receipt, bool delivered,
                     const char *code, const char *words)
{
    const struct code *line =
        code == NULL || *code == '\0' ? NULL : judge_receipt(judge, code, words);

    receipt->state = line != NULL && line->receipt == CODE_ENROUTE ? GATEWAY_ENROUTE
                     : delivered                                   ? GATEWAY_DELIVERED
                                                                   : GATEWAY_UNDELIVERED;
    receipt->reason = delivered      ? GATEWAY_REASON_NONE
                      : line != NULL ? line->reason
                                     : GATEWAY_REASON_OTHER;
    receipt->code = code;
    receipt->words = words;
}

void inbox_receipt(struct push *p, struct judge *judge, struct gateway_receipt *receipt,
                   bool delivered, const char *code, const char *words)
{
    struct item *item = add(p);
    char masked[MASKED_BYTES];

    judge_it(judge, receipt, delivered, code, masked_words(words, masked));

    if (receipt->id.length > 0 && receipt->id.length <= sizeof item->id) {
        item->length = receipt->id.length;
        memcpy(item->id, receipt->id.bytes, item->length);
    }
    p->inbox->host->receipt(p->inbox->gw, receipt, on_stored, item);
}

void inbox_reply(struct push *p, const struct gateway_reply *reply)
{
    p->inbox->host->reply(p->inbox->gw, reply, on_stored, add(p));
}

void inbox_end(struct push *p)
{
    release(p);
}

void inbox_free(struct inbox *in)
{
    while (in->first != NULL)
        push_free(in->first);
}
