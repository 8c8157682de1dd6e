/*
 * token.h - a provider's access token: fetched by one daemon, used by all
 *
 * On host->shared(): whoever wants it gets the one that is there; whom the host asks to make it
 * sends the plugin's request for it. It is given up TOKEN_EARLY_MS before it ends; and at once when
 * the provider has refused it, by naming it as stale.
 */
#ifndef PLUGIN_TOKEN_H
#define PLUGIN_TOKEN_H

#include "digest.h"
#include "gateway_plugin.h"

#define TOKEN_EARLY_MS 300000

struct token_source {
    const char *name; /* for host->shared() */
    /* The request for a new one; what it points to is good until the next call. */
    void (*request)(void *arg, struct gateway_http_request *out);
    /* Reads its answer: the token, and how long it holds; or false, with what went wrong. */
    bool (*read)(void *arg, const struct gateway_http_response *response, struct text *token,
                 int64_t *holds_ms, struct gateway_answer *trouble);
    void *arg;
};

struct tokens; /* opaque */

/* source is copied. */
struct tokens *tokens_open(const struct gateway_host *host, struct gateway *gw,
                           const struct token_source *source);
void tokens_close(struct tokens *t); /* no fn runs after it; NULL is fine */

/* With a token; or with NULL and what is to be answered to a message that cannot go without it,
 * which has not left us. */
typedef void token_fn(void *arg, const char *token, const struct gateway_answer *trouble);
void tokens_want(struct tokens *t, const char *stale, token_fn *fn, void *arg);

#endif
