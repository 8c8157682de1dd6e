#include "token.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct want {
    LIST_ENTRY(want) links;
    struct tokens *tokens;
    token_fn *fn;
    void *arg;
};

struct tokens {
    const struct gateway_host *host;
    struct gateway *gw;
    struct token_source source;
    LIST_HEAD(, want) wants;
};

struct tokens *tokens_open(const struct gateway_host *host, struct gateway *gw,
                           const struct token_source *source)
{
    struct tokens *t = memory_calloc(1, sizeof *t);

    t->host = host;
    t->gw = gw;
    t->source = *source;
    return t;
}

void tokens_close(struct tokens *t)
{
    struct want *w;

    if (t == NULL)
        return;
    while ((w = LIST_FIRST(&t->wants)) != NULL) {
        LIST_REMOVE(w, links);
        free(w);
    }
    free(t);
}

/* Frees w. */
static void give(struct want *w, const char *token, const struct gateway_answer *trouble)
{
    token_fn *fn = w->fn;
    void *arg = w->arg;

    LIST_REMOVE(w, links);
    free(w);
    fn(arg, token, trouble);
}

static void on_response(void *arg, const struct gateway_http_response *response)
{
    struct want *w = arg;
    struct tokens *t = w->tokens;
    struct gateway_answer trouble = {0};
    struct text token = {0};
    int64_t holds_ms = 0;

    if (t->source.read(t->source.arg, response, &token, &holds_ms, &trouble)) {
        holds_ms = holds_ms > 2 * TOKEN_EARLY_MS ? holds_ms - TOKEN_EARLY_MS : holds_ms / 2;
        t->host->shared_put(t->gw, t->source.name, token.bytes, token.length, holds_ms);
        give(w, token.bytes, NULL);
    } else {
        t->host->shared_put(t->gw, t->source.name, NULL, 0, 0);
        /* The message itself has not left us. */
        if (trouble.outcome == GATEWAY_UNKNOWN || trouble.outcome == GATEWAY_REJECTED ||
            trouble.outcome == GATEWAY_ACCEPTED)
            trouble.outcome = GATEWAY_RETRY;
        give(w, NULL, &trouble);
    }
    text_free(&token);
}

static void on_shared(void *arg, const char *value, size_t length)
{
    struct want *w = arg;
    struct tokens *t = w->tokens;
    struct gateway_http_request request = {0};
    struct text token = {0};

    if (value == NULL) {
        t->source.request(t->source.arg, &request);
        t->host->http(t->gw, &request, on_response, w);
        return;
    }
    text_put(&token, value, length);
    give(w, token.bytes, NULL);
    text_free(&token);
}

void tokens_want(struct tokens *t, const char *stale, token_fn *fn, void *arg)
{
    struct want *w = memory_alloc(sizeof *w);

    *w = (struct want){.tokens = t, .fn = fn, .arg = arg};
    LIST_INSERT_HEAD(&t->wants, w, links);
    t->host->shared(t->gw, t->source.name, stale, on_shared, w);
}
