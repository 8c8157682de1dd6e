#include "callbacks.h"

#include "gateway.h"
#include "log.h"
#include "network.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define JSON "application/json"
#define TEXT "text/plain; charset=utf-8"

static void nothing_here(struct web_exchange *x, const struct web_request *r, const char *why)
{
    static const char body[] = "there is nothing here\n";

    log_warning("callback.refused peer=%s reason=%s", r->peer, log_quote(why));
    web_answer(x, 404, TEXT, body, sizeof body - 1, NULL);
}

static void on_answer(void *x, int status, const char *body)
{
    const char *type = *body == '{' || *body == '[' ? JSON : *body == '<' ? "text/xml" : TEXT;

    web_answer(x, status >= 100 && status <= 599 ? status : 500, type, body, strlen(body), NULL);
}

/* Takes the token off the front of the path. */
static bool token_is_right(const char *token, const char **path)
{
    size_t n = strlen(token), found = strcspn(*path, "/");
    bool right = found == n && sodium_memcmp(*path, token, n) == 0;

    *path += found;
    return right;
}

static bool address_is_right(const struct field_strings *from, const char *peer)
{
    for (size_t i = 0; i < from->count; i++)
        if (network_contains(from->items[i], peer))
            return true;
    return from->count == 0;
}

void callbacks_take(void *arg, const struct web_request *r, struct web_exchange *x)
{
    struct gateway_set *set = *(struct gateway_set **)arg;
    const char *path = r->path + strcspn(r->path, "/");
    const struct gateway_config *c;
    struct gateway_push push;
    struct gateway *gw;
    char name[64];

    snprintf(name, sizeof name, "%.*s", (int)(path - r->path), r->path);
    path += *path == '/';
    gw = set == NULL ? NULL : gateway_set_find(set, name);
    if (gw == NULL || !gateway_takes_pushes(gw)) {
        nothing_here(x, r, gw == NULL ? "no such gateway" : "this gateway takes no pushes");
        return;
    }
    c = gateway_config(gw);
    if (c->callback_token != NULL && !token_is_right(c->callback_token, &path)) {
        nothing_here(x, r, "wrong token");
        return;
    }
    if (!address_is_right(&c->callback_from, r->peer)) {
        nothing_here(x, r,
                     "an address that is not in callback_from; a proxy's belongs in web.proxies");
        return;
    }
    push = (struct gateway_push){
        .method = r->method,
        .path = path,
        .query = r->query,
        .headers = r->headers,
        .header_count = r->header_count,
        .body = r->body,
        .length = r->length,
        .peer = r->peer,
    };
    if (!gateway_push(gw, &push, on_answer, x))
        nothing_here(x, r, "this gateway takes no pushes");
}

bool callbacks_wanted(const struct gateway_set *set)
{
    for (size_t i = 0; i < gateway_set_count(set); i++)
        if (gateway_takes_pushes(gateway_set_at(set, i)))
            return true;
    return false;
}
