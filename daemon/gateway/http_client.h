/*
 * http_client.h - HTTP requests from the loop, none of them sent twice
 *
 * libcurl's multi interface, driven by libevent. What it would do by itself and
 * must not:
 *
 * - When a kept connection dies after the request and before the answer, it
 *   opens another and sends again, a POST too: one notice becomes two. Here a
 *   second request of the same transfer is refused before it is written, and
 *   the result is AMBIGUOUS.
 * - Its resolver's thread holds up the loop. Names are looked up by resolver.h
 *   and handed to it; it never sees one that it would have to look up.
 * - It follows environment variables to a proxy; not here.
 *
 * Connections are kept and shared, a few to a host, and up to HTTP_CONNECTIONS
 * where it takes its time: requests beyond wait in their order, inside their own
 * timeout; what waits too long is UNSENT. TLS is verified, no redirects, http and
 * https only, an answer has at most HTTP_ANSWER_BYTES.
 */
#ifndef OUTREACH_HTTP_CLIENT_H
#define OUTREACH_HTTP_CLIENT_H

#include "gateway_plugin.h"

#define HTTP_CONNECTIONS 256
#define HTTP_ANSWER_BYTES (1024u * 1024u)
#define HTTP_TIMEOUT_MS 30000 /* where the request says none */
#define HTTP_TIMEOUT_MAX_MS 600000

struct event_base;
struct http_call;
struct http_client;
struct resolver;

/* base and resolver are borrowed and must outlive the client. */
struct http_client *http_client_create(struct event_base *base, struct resolver *resolver);

/* Ends everything; callbacks that have not run never do. NULL is fine. Not to be
 * called from within one. */
void http_client_free(struct http_client *c);

/* Lets go of what a burst needed, and nobody since the last call. */
void http_client_trim(struct http_client *c);

/* Shows what goes over the wire from now on, word for word and with its secrets: for
 * `outreach gateways try`, which redacts it. prefix: "> " sent, "< " received, "* " what
 * libcurl says of it. */
typedef void http_wire_fn(void *arg, const char *prefix, const char *bytes, size_t n);
void http_client_watch(struct http_client *c, http_wire_fn *fn, void *arg);

/* PEM files, which must be there as long as the client; NULL for none. */
struct http_tls {
    const char *ca;   /* the only CAs that are trusted; NULL: the system's */
    const char *cert; /* a client certificate, with the chain to its CA ... */
    const char *key;  /* ... and its private key; NULL: in the same file */
};

/* Sends; everything is copied. tls: NULL for the system's CAs and no certificate. fn runs once, in
 * a later turn, unless cancelled; the call is gone when it returns. */
struct http_call *http_client_send(struct http_client *c,
                                   const struct gateway_http_request *request,
                                   const struct http_tls *tls, gateway_http_fn *fn, void *arg);

/* Drops a call whose fn has not run. */
void http_call_cancel(struct http_call *call);

#endif
