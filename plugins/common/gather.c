#include "gather.h"

#include "memory.h"

#include <stdlib.h>

struct gathering {
    struct gather *gather;
    struct gathering *next, **at;
    gateway_push_answer_fn *answer;
    void *arg;
    size_t waiting; /* for stored; one more until gather_end() */
    bool failed;
};

struct gathering *gather_begin(struct gather *g, gateway_push_answer_fn *answer, void *arg)
{
    struct gathering *x = memory_calloc(1, sizeof *x);

    *x = (struct gathering){g, g->first, &g->first, answer, arg, 1, false};
    if (x->next != NULL)
        x->next->at = &x->next;
    g->first = x;
    return x;
}

void gather_end(struct gathering *x)
{
    gateway_push_answer_fn *answer = x->answer;
    void *arg = x->arg;
    bool failed = x->failed;
    const char *body = x->gather->ok_body;

    if (--x->waiting > 0)
        return;
    *x->at = x->next;
    if (x->next != NULL)
        x->next->at = x->at;
    free(x);
    answer(arg, failed ? 503 : 200, failed ? "not stored, push it again\n" : body);
}

static void on_stored(void *arg, bool stored)
{
    struct gathering *x = arg;

    x->failed = x->failed || !stored;
    gather_end(x);
}

void gather_receipt(struct gathering *x, const struct gateway_receipt *receipt)
{
    x->waiting++;
    x->gather->host->receipt(x->gather->gw, receipt, on_stored, x);
}

void gather_reply(struct gathering *x, const struct gateway_reply *reply)
{
    x->waiting++;
    x->gather->host->reply(x->gather->gw, reply, on_stored, x);
}

void gather_close(struct gather *g)
{
    struct gathering *next;

    for (struct gathering *x = g->first; x != NULL; x = next) {
        next = x->next;
        free(x);
    }
    g->first = NULL;
}
