/*
 * cloud_bench.h - what the tests of the clouds' SMS plugins share, on plugin_host.h
 *
 * Before it is included SO says which plugin; and the test has its message().
 */
#ifndef CLOUD_BENCH_H
#define CLOUD_BENCH_H

#include "plugin_host.h"

#include <setjmp.h>
#include <stddef.h>

#include <cmocka.h>

#define CLOUD_MESSAGES 4

/* The test's own: of token 1..CLOUD_MESSAGES. */
static struct gateway_message message(uint64_t token);

static struct gateway *opened(const struct setting_row *settings)
{
    char error[512] = "";
    struct gateway *gw = host_open(SO, settings, error);

    assert_string_equal(error, "");
    assert_non_null(gw);
    return gw;
}

static struct gateway_message messages[CLOUD_MESSAGES]; /* borrowed until they are answered */

static void submit(struct gateway *gw, size_t n)
{
    const struct gateway_message *list[CLOUD_MESSAGES];

    assert_in_range(n, 1, CLOUD_MESSAGES);
    for (size_t i = 0; i < n; i++) {
        messages[i] = message(i + 1);
        list[i] = &messages[i];
    }
    gw->plugin->submit(gw->state, list, n);
}

static void respond(struct gateway *gw, size_t i, int status, const char *body)
{
    struct gateway_http_response response = {
        .result = GATEWAY_HTTP_ANSWERED, .status = status, .body = body, .length = strlen(body)};

    assert_true(i < gw->request_count);
    gw->requests[i].fn(gw->requests[i].arg, &response);
}

static bool has_header(const struct kept_request *r, const char *line)
{
    return strstr(r->headers, line) != NULL;
}

/* ------------------------------------------------------------------- exchanges */
struct exchange {
    const char *name;
    struct gateway_http_response response;
    enum gateway_outcome outcome;
    enum gateway_reason reason;
};

/* What HTTP alone tells, whichever cloud it is. */
#define EXCHANGES_OF_ANY_CLOUD                                                                     \
    {"no connection", {.result = GATEWAY_HTTP_UNSENT}, GATEWAY_RETRY, GATEWAY_REASON_OUTAGE},      \
        {"a wrong certificate",                                                                    \
         {.result = GATEWAY_HTTP_UNSENT, .tls_trouble = true, .trouble = "self-signed"},           \
         GATEWAY_BROKEN,                                                                           \
         GATEWAY_REASON_CREDENTIALS},                                                              \
        {"a lost answer",                                                                          \
         {.result = GATEWAY_HTTP_AMBIGUOUS},                                                       \
         GATEWAY_UNKNOWN,                                                                          \
         GATEWAY_REASON_OUTAGE},                                                                   \
        {"502 of a proxy",                                                                         \
         {.status = 502, .body = "<html>"},                                                        \
         GATEWAY_UNKNOWN,                                                                          \
         GATEWAY_REASON_OUTAGE},                                                                   \
        {"503", {.status = 503, .body = "busy"}, GATEWAY_RETRY, GATEWAY_REASON_OUTAGE},            \
        {"429", {.status = 429, .body = ""}, GATEWAY_THROTTLED, GATEWAY_REASON_LIMIT},             \
        {"404: base and path were joined wrongly",                                                 \
         {.status = 404, .body = ""},                                                              \
         GATEWAY_BROKEN,                                                                           \
         GATEWAY_REASON_PROTOCOL},                                                                 \
    {                                                                                              \
        "a page in place of JSON", {.status = 200, .body = "<p>"}, GATEWAY_UNKNOWN,                \
            GATEWAY_REASON_PROTOCOL                                                                \
    }

/* Both of two people in one request get it; closes gw. */
static void exchange_is(struct gateway *gw, const struct exchange *e)
{
    struct gateway_http_response response = e->response;

    if (response.body != NULL)
        response.length = strlen(response.body);
    submit(gw, 2);
    assert_int_equal(gw->request_count, 1);
    gw->requests[0].fn(gw->requests[0].arg, &response);
    assert_int_equal(gw->request_count, 1);
    assert_int_equal(gw->answer_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(gw->answers[i].outcome, e->outcome);
        assert_int_equal(gw->answers[i].reason, e->reason);
    }
    host_close(gw);
}

/* ---------------------------------------------------------------------- pushes */
struct answered {
    int calls, status;
    char body[100];
};

static void on_push_answered(void *arg, int status, const char *body)
{
    struct answered *a = arg;

    a->calls++;
    a->status = status;
    snprintf(a->body, sizeof a->body, "%s", body);
}

static struct answered push(struct gateway *gw, const char *body)
{
    struct answered answer = {0};
    struct gateway_push p = {.method = "POST",
                             .path = "",
                             .query = "",
                             .body = body,
                             .length = strlen(body),
                             .peer = "127.0.0.1"};

    gw->plugin->callback(gw->state, &p, on_push_answered, &answer);
    return answer;
}

#endif
