#include "single.h"

#include "memory.h"

#include <stdlib.h>

struct single_flight {
    struct single *single;
    const struct gateway_message *message; /* ours until done() */
    struct single_flight *next;            /* idle */
};

void single_open(struct single *s)
{
    s->flights = memory_calloc(s->window, sizeof *s->flights);
    s->idle = NULL;
    for (unsigned i = 0; i < s->window; i++) {
        s->flights[i] = (struct single_flight){s, NULL, s->idle};
        s->idle = &s->flights[i];
    }
}

void single_close(struct single *s)
{
    free(s->flights);
    s->flights = s->idle = NULL;
}

static void on_response(void *arg, const struct gateway_http_response *response)
{
    struct single_flight *f = arg;
    struct single *s = f->single;
    const struct gateway_message *m = f->message;
    struct gateway_answer answer = {0};

    f->next = s->idle;
    s->idle = f;
    if (s->read(s->owner, m, response, &answer))
        s->host->done(s->gw, m->token, &answer); /* last: it may submit the next one */
}

void single_send(struct single *s, const struct gateway_message *m,
                 struct gateway_http_request *request)
{
    struct single_flight *f = s->idle;

    s->idle = f->next;
    f->message = m;
    request->timeout_ms = s->timeout_ms;
    request->send_by_ms = m->submit_by_ms;
    s->host->http(s->gw, request, on_response, f);
}

void single_submit(struct single *s, const struct gateway_message *const *messages, size_t n)
{
    int64_t boot_ms = s->host->boot_ms();

    for (size_t i = 0; i < n; i++) {
        const struct gateway_message *m = messages[i];
        struct gateway_answer answer = {.outcome = GATEWAY_UNSENT};

        if (s->idle == NULL)
            s->host->log(s->gw, GATEWAY_LOG_ERROR, "window.passed window=%u", s->window);
        else if ((m->submit_by_ms == 0 || boot_ms <= m->submit_by_ms) &&
                 s->write(s->owner, m, &answer))
            continue;
        s->host->done(s->gw, m->token, &answer);
    }
}
