/*
 * im_host.h - what the tests of wecom, dingtalk and feishu share, on plugin_host.h
 */
#ifndef IM_HOST_H
#define IM_HOST_H

#include "plugin_host.h"

#include <jansson.h>
#include <setjmp.h>
#include <stddef.h>

#include <cmocka.h>

static inline struct gateway_message im_message(uint64_t token, const char *to, const char *text)
{
    return (struct gateway_message){.token = token,
                                    .to = to,
                                    .to_length = strlen(to),
                                    .text = text,
                                    .length = strlen(text),
                                    .title = "三八活动",
                                    .segments = 1,
                                    .reference = "march8/first/17",
                                    .submit_by_ms = 0};
}

static inline void im_submit(struct gateway *gw, const struct gateway_message *m)
{
    gw->plugin->submit(gw->state, &m, 1);
}

/* Answers request i, once. */
static inline void im_answer(struct gateway *gw, size_t i, int status, const char *body)
{
    struct gateway_http_response response = {
        .result = GATEWAY_HTTP_ANSWERED, .status = status, .body = body, .length = strlen(body)};

    assert_in_range(i, 0, gw->request_count - 1);
    gw->requests[i].fn(gw->requests[i].arg, &response);
}

/* The body of request i, which must be JSON; for json_decref(). */
static inline json_t *im_body(struct gateway *gw, size_t i)
{
    json_error_t error;
    json_t *json = json_loads(gw->requests[i].body, 0, &error);

    if (json == NULL)
        fail_msg("%s: %s", error.text, gw->requests[i].body);
    return json;
}

/* Is the body this JSON, members in any order? */
static inline void im_body_is(struct gateway *gw, size_t i, const char *expected)
{
    json_t *found = im_body(gw, i), *wanted = json_loads(expected, 0, NULL);

    assert_non_null(wanted);
    if (!json_equal(found, wanted))
        fail_msg("%s\nis not %s", gw->requests[i].body, expected);
    json_decref(found);
    json_decref(wanted);
}

struct im_fact {
    int status;       /* HTTP; 0: none, see result */
    const char *body; /* or what went wrong */
    enum gateway_outcome outcome;
    enum gateway_reason reason;
    enum gateway_http_result result;
    bool tls;
};

static inline void im_fact(struct gateway *gw, const struct im_fact *f, size_t request)
{
    struct gateway_http_response response = {.result = f->result,
                                             .status = f->status,
                                             .body = f->status ? f->body : "",
                                             .length = f->status ? strlen(f->body) : 0,
                                             .trouble = f->status ? NULL : f->body,
                                             .tls_trouble = f->tls};
    const struct kept_answer *a;

    gw->requests[request].fn(gw->requests[request].arg, &response);
    a = &gw->answers[gw->answer_count - 1];
    if (a->outcome != f->outcome || a->reason != f->reason)
        fail_msg("%d %s: outcome %d reason %d, not %d %d", f->status, f->body, a->outcome,
                 a->reason, f->outcome, f->reason);
}

#endif
