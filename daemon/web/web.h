/*
 * web.h - the daemon's HTTP server
 *
 * libmicrohttpd on the daemon's own loop, through its epoll descriptor: no thread,
 * nothing blocks. It has caps on connections and memory of its own; what it lets
 * through all the same (two lengths, two hosts, a length with chunks, a zero byte
 * as %00, an absolute URI) is refused here, before a handler sees the request
 * (request_check.h). A connection serves one request and is closed, so that
 * nothing smuggled behind a body is ever read as the next one.
 *
 * A request is either given to a handler whole, with its body within the route's
 * bound, or answered here: 400, 404, 405, 413, 431, and 503 for a handler that has
 * said nothing for 30 s. A client that has not sent its request after 10 s is cut
 * off, however busily it drips.
 */
#ifndef OUTREACH_WEB_H
#define OUTREACH_WEB_H

#include "gateway_plugin.h"

#include <stddef.h>
#include <stdint.h>

struct error;
struct event_base;
struct field_strings;
struct web;
struct web_exchange; /* a request that waits for its answer */

/* Whole, unescaped by nobody. Good while the handler runs, not until its answer: the
 * client may be gone before. */
struct web_request {
    const char *method;
    const char *path;  /* as it was sent, behind the route's prefix; NUL-terminated */
    const char *query; /* behind the '?', as it was sent; "" for none */
    const struct gateway_field *headers; /* names as they were sent */
    size_t header_count;
    const char *body;
    size_t length;
    const char *peer; /* numeric address, of the client where a known proxy handed it on */
};

/* Answers with web_answer(), now or later. */
typedef void web_handler_fn(void *arg, const struct web_request *request, struct web_exchange *x);

struct web_route {
    const char *prefix;  /* of the path: "/callbacks/" */
    const char *methods; /* "GET POST" */
    size_t body_bytes;   /* larger ones are 413 */
    web_handler_fn *fn;
    void *arg;
};

struct web_options {
    struct event_base *base;
    const char *listen;             /* "127.0.0.1:8090", "[::1]:8090", "name:8090"; port 0 is any */
    const struct web_route *routes; /* ended by {0} */
    const struct field_strings *proxies; /* networks, see forwarded.h; NULL for none */
    int64_t request_ms;                  /* to send a request whole; 0: 10 s */
    int64_t answer_ms;                   /* for a handler to answer it; 0: 30 s */
};

/* What the options point to is borrowed. NULL with an error that names the address. */
struct web *web_open(const struct web_options *options, struct error *err);

/* Ends every connection; what handlers still answer goes to nobody. NULL is fine. */
void web_close(struct web *web);

unsigned web_port(const struct web *web); /* that it listens on */

/* Exactly once for each exchange, in time or too late: then to nobody. The body is copied;
 * headers ("Name", "value", NULL) may be NULL. */
void web_answer(struct web_exchange *x, int status, const char *content_type, const char *body,
                size_t length, const char *const *headers);

#endif
