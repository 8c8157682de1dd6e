/*
 * single.h - a provider that takes one message a request
 *
 * Keeps which request is of which message, and answers each message once. The plugin writes
 * the request (write) and reads the response (read); what a stale permission or a full window
 * forbids is answered UNSENT here.
 */
#ifndef PLUGIN_SINGLE_H
#define PLUGIN_SINGLE_H

#include "gateway_plugin.h"

/* Sends m with single_send(), or answers it without sending: fills out and returns false. */
typedef bool single_write_fn(void *owner, const struct gateway_message *m,
                             struct gateway_answer *out);

/* Fills out and returns true; or false if it has called single_send() for m once more, which
 * is right only where the first surely did not arrive. What out points to is good until the
 * plugin's next call. */
typedef bool single_read_fn(void *owner, const struct gateway_message *m,
                            const struct gateway_http_response *response,
                            struct gateway_answer *out);

struct single_flight;

struct single {
    const struct gateway_host *host;
    struct gateway *gw;
    single_write_fn *write;
    single_read_fn *read;
    void *owner;
    unsigned window;
    int64_t timeout_ms;
    struct single_flight *flights, *idle; /* its own */
};

/* The members up to timeout_ms are set; window flights are made. */
void single_open(struct single *s);

/* For close(), when the host calls back no more. */
void single_close(struct single *s);

/* As gateway_plugin.submit. */
void single_submit(struct single *s, const struct gateway_message *const *messages, size_t n);

/* Within write or read only. timeout_ms and send_by_ms of the request are set here. */
void single_send(struct single *s, const struct gateway_message *m,
                 struct gateway_http_request *request);

#endif
