/*
 * template.c - a plugin to begin from: a provider with a JSON interface over HTTP
 *
 * The provider is made up; what a plugin owes its host is not. Copy the folder, give
 * NAME in the Makefile your provider's name, and change what is marked with "theirs".
 *
 *     we send   POST url  {"to":"+8613…","text":"…","ref":"march8/first/7"}
 *     answer    {"code":0,"id":"8f3a…"}    or    {"code":1002,"message":"…"}
 *     they push {"reports":[{"id":"8f3a…","status":"DELIVRD"}],
 *                "replies":[{"id":"r1","from":"+8613…","text":"R"}]}
 */
#include "gateway_plugin.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#ifndef PLUGIN_NAME
#define PLUGIN_NAME "template" /* the file's name without .so */
#endif

#define ID_BYTES_MAX 64

/* A message from submit() to its one done(). The message is ours until then. */
struct flight {
    struct flight *next, **link;
    struct provider *provider;
    const struct gateway_message *message;
};

/* A push until all that was in it is stored. */
struct pushed {
    struct pushed *next, **link;
    struct provider *provider;
    gateway_push_answer_fn *answer;
    void *arg;
    unsigned waiting; /* receipts and replies not yet stored, and the reader itself */
    bool refused;
};

struct provider {
    const struct gateway_host *host;
    struct gateway *gw;
    const char *url;
    char *authorization;
    int64_t timeout_ms;
    unsigned window;
    struct flight *flights;
    struct pushed *pushes;
};

static const struct gateway_setting settings[] = {
    {"url", GATEWAY_STRING, true, 8, 2048, NULL, NULL, "Where to send."},
    {"key", GATEWAY_SECRET, true, 8, 200, NULL, NULL, "The account's key."},
    {"timeout", GATEWAY_DURATION, false, 1000, 300000, "30s", NULL,
     "How long an answer may take; after it the outcome is unknown."},
    {"window", GATEWAY_INT, false, 1, 1000, "50", NULL, "Requests without an answer at once."},
    {0},
};

/* Without memory the process ends: all that it owes anybody is in Redis, for its next life. */
static void *there(void *p)
{
    if (p == NULL) {
        fputs("out of memory\n", stderr);
        _exit(EX_OSERR);
    }
    return p;
}

/* Theirs: what each code means. What is not here is RETRY, and said in the log. */
static const struct {
    int code;
    enum gateway_outcome outcome;
    enum gateway_reason reason;
} codes[] = {
    {0, GATEWAY_ACCEPTED, GATEWAY_REASON_NONE},
    {1001, GATEWAY_THROTTLED, GATEWAY_REASON_NONE},
    {1002, GATEWAY_REJECTED, GATEWAY_REASON_NUMBER},
    {1003, GATEWAY_REJECTED, GATEWAY_REASON_TEXT},
    {1004, GATEWAY_REJECTED, GATEWAY_REASON_BLACKLISTED},
    {2001, GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {2002, GATEWAY_BROKEN, GATEWAY_REASON_BALANCE},
};

/* Theirs: the words of their receipts. */
static const struct {
    const char *status;
    enum gateway_receipt_state state;
    enum gateway_reason reason;
} statuses[] = {
    {"DELIVRD", GATEWAY_DELIVERED, GATEWAY_REASON_NONE},
    {"ENROUTE", GATEWAY_ENROUTE, GATEWAY_REASON_NONE},
    {"EXPIRED", GATEWAY_UNDELIVERED, GATEWAY_REASON_EXPIRED},
    {"UNDELIV", GATEWAY_UNDELIVERED, GATEWAY_REASON_ABSENT},
    {"REJECTD", GATEWAY_UNDELIVERED, GATEWAY_REASON_TEXT},
};

/* ------------------------------------------------------------------ sending */

/* Answers first and last: the host may submit more within done(). */
static void answer(struct flight *f, const struct gateway_answer *a)
{
    struct provider *p = f->provider;
    uint64_t token = f->message->token;

    *f->link = f->next;
    if (f->next != NULL)
        f->next->link = f->link;
    free(f);
    p->host->done(p->gw, token, a);
}

/* Their body of a 200: a code, and an id or words. */
static struct gateway_answer judge(struct provider *p, const json_t *body, struct gateway_id *id)
{
    const json_t *code = json_object_get(body, "code"), *their_id = json_object_get(body, "id");
    struct gateway_answer a = {.outcome = GATEWAY_UNKNOWN, .reason = GATEWAY_REASON_PROTOCOL};

    if (!json_is_integer(code))
        return a; /* no answer that we know: it may have been sent */
    a.outcome = GATEWAY_RETRY;
    a.reason = GATEWAY_REASON_OTHER;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].code == json_integer_value(code)) {
            a.outcome = codes[i].outcome;
            a.reason = codes[i].reason;
        }
    if (a.reason == GATEWAY_REASON_OTHER)
        p->host->log(p->gw, GATEWAY_LOG_WARNING, "template.unknown_code code=%lld",
                     (long long)json_integer_value(code));
    a.words = json_string_value(json_object_get(body, "message"));
    if (a.outcome == GATEWAY_ACCEPTED && json_is_string(their_id) &&
        json_string_length(their_id) >= 1 && json_string_length(their_id) <= ID_BYTES_MAX) {
        *id = (struct gateway_id){json_string_value(their_id), json_string_length(their_id)};
        a.ids = id;
        a.id_count = 1;
    }
    return a;
}

static void on_response(void *arg, const struct gateway_http_response *r)
{
    struct flight *f = arg;
    struct gateway_answer a = {.outcome = GATEWAY_UNKNOWN, .words = r->trouble};
    struct gateway_id id;
    json_t *body = NULL;
    char status[16];

    snprintf(status, sizeof status, "%d", r->status);
    if (r->result == GATEWAY_HTTP_UNSENT) {
        a.outcome = r->tls_trouble ? GATEWAY_BROKEN : GATEWAY_UNSENT;
    } else if (r->result == GATEWAY_HTTP_ANSWERED && r->status == 429) {
        a.outcome = GATEWAY_THROTTLED;
        a.retry_after_ms = r->retry_after_ms;
    } else if (r->result == GATEWAY_HTTP_ANSWERED && (r->status == 401 || r->status == 403)) {
        a.outcome = GATEWAY_BROKEN;
        a.reason = GATEWAY_REASON_CREDENTIALS;
    } else if (r->result == GATEWAY_HTTP_ANSWERED && r->status == 503) {
        a.outcome = GATEWAY_RETRY; /* theirs: they promise that nothing was sent */
        a.reason = GATEWAY_REASON_OUTAGE;
        a.retry_after_ms = r->retry_after_ms;
    } else if (r->result == GATEWAY_HTTP_ANSWERED && r->status == 200) {
        body = json_loadb(r->body, r->length, 0, NULL);
        a = judge(f->provider, body, &id);
    } /* else it may have been sent: UNKNOWN */
    if (r->result == GATEWAY_HTTP_ANSWERED)
        a.code = status;
    answer(f, &a);
    json_decref(body);
}

static void send_one(struct provider *p, const struct gateway_message *m)
{
    const char *const headers[] = {"Content-Type: application/json", p->authorization, NULL};
    struct flight *f = there(calloc(1, sizeof *f));
    json_t *body =
        json_pack("{s:s, s:s%, s:s}", "to", m->to, "text", m->text, m->length, "ref", m->reference);
    char *bytes = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    struct gateway_http_request request = {.method = "POST",
                                           .url = p->url,
                                           .headers = headers,
                                           .body = bytes,
                                           .timeout_ms = p->timeout_ms,
                                           .send_by_ms = m->submit_by_ms};

    *f = (struct flight){.next = p->flights, .link = &p->flights, .provider = p, .message = m};
    if (f->next != NULL)
        f->next->link = &f->next;
    p->flights = f;
    if (bytes == NULL) { /* a text that is no UTF-8 */
        answer(f, &(struct gateway_answer){.outcome = GATEWAY_REJECTED,
                                           .reason = GATEWAY_REASON_TEXT});
    } else {
        request.length = strlen(bytes);
        p->host->http(p->gw, &request, on_response, f);
    }
    free(bytes);
    json_decref(body);
}

static void template_submit(void *state, const struct gateway_message *const *messages, size_t n)
{
    for (size_t i = 0; i < n; i++)
        send_one(state, messages[i]);
}

/* ------------------------------------------------------------------ what they push */

/* 200 only when all of it is stored: else they are to push it again. */
static void settle(struct pushed *u)
{
    if (--u->waiting > 0)
        return;
    *u->link = u->next;
    if (u->next != NULL)
        u->next->link = u->link;
    u->answer(u->arg, u->refused ? 503 : 200, "");
    free(u);
}

static void on_stored(void *arg, bool stored)
{
    struct pushed *u = arg;

    u->refused = u->refused || !stored;
    settle(u);
}

static void read_report(struct pushed *u, const json_t *report)
{
    const json_t *id = json_object_get(report, "id"), *status = json_object_get(report, "status");
    struct gateway_receipt r = {.state = GATEWAY_ENROUTE};

    if (!json_is_string(id) || json_string_length(id) < 1 ||
        json_string_length(id) > ID_BYTES_MAX || !json_is_string(status))
        return;
    r.id = (struct gateway_id){json_string_value(id), json_string_length(id)};
    r.code = json_string_value(status);
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (strcmp(statuses[i].status, r.code) == 0) {
            r.state = statuses[i].state;
            r.reason = statuses[i].reason;
        }
    u->waiting++;
    u->provider->host->receipt(u->provider->gw, &r, on_stored, u);
}

static void read_reply(struct pushed *u, const json_t *reply)
{
    const json_t *text = json_object_get(reply, "text");
    struct gateway_reply r = {.from = json_string_value(json_object_get(reply, "from")),
                              .to = "",
                              .text = json_string_value(text),
                              .length = json_string_length(text),
                              .id = json_string_value(json_object_get(reply, "id"))};

    if (r.from == NULL || r.text == NULL)
        return;
    u->waiting++;
    u->provider->host->reply(u->provider->gw, &r, on_stored, u);
}

static void template_callback(void *state, const struct gateway_push *push,
                              gateway_push_answer_fn *push_answer, void *arg)
{
    struct provider *p = state;
    json_t *body = json_loadb(push->body, push->length, 0, NULL);
    const json_t *reports = json_object_get(body, "reports"),
                 *replies = json_object_get(body, "replies");
    struct pushed *u;
    size_t i;
    json_t *item;

    if (body == NULL) {
        push_answer(arg, 400, "");
        return;
    }
    u = there(calloc(1, sizeof *u));
    *u = (struct pushed){.next = p->pushes,
                         .link = &p->pushes,
                         .provider = p,
                         .answer = push_answer,
                         .arg = arg,
                         .waiting = 1};
    if (u->next != NULL)
        u->next->link = &u->next;
    p->pushes = u;
    json_array_foreach(reports, i, item) read_report(u, item);
    json_array_foreach(replies, i, item) read_reply(u, item);
    settle(u); /* stored() may have run within receipt() */
    json_decref(body);
}

/* ------------------------------------------------------------------ from open to close */

static int template_open(const struct gateway_host *host, struct gateway *gw, void **state,
                         char *error, size_t size)
{
    const char *url = host->setting_string(gw, "url"), *key = host->setting_string(gw, "key");
    struct provider *p;
    size_t n = strlen(key) + sizeof "Authorization: Bearer ";

    if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0) {
        snprintf(error, size, "url: begins with https:// or http://");
        return -1;
    }
    if (strpbrk(url, " \r\n\t") != NULL || strpbrk(key, "\r\n") != NULL) {
        snprintf(error, size, "%s: has a space or a line end in it",
                 strpbrk(key, "\r\n") != NULL ? "key" : "url");
        return -1;
    }
    p = there(calloc(1, sizeof *p));
    p->host = host;
    p->gw = gw;
    p->url = url;
    p->authorization = there(malloc(n));
    snprintf(p->authorization, n, "Authorization: Bearer %s", key);
    p->timeout_ms = host->setting_int(gw, "timeout");
    p->window = (unsigned)host->setting_int(gw, "window");
    *state = p;
    host->capacity(gw, p->window, "ready"); /* connections are the host's */
    return 0;
}

static void template_drain(void *state)
{
    struct provider *p = state;

    p->host->capacity(p->gw, 0, "draining");
}

static void template_close(void *state)
{
    struct provider *p = state;

    while (p->flights != NULL) { /* the host answers for them, and drops their requests */
        struct flight *f = p->flights;

        p->flights = f->next;
        free(f);
    }
    while (p->pushes != NULL) {
        struct pushed *u = p->pushes;

        p->pushes = u->next;
        free(u);
    }
    free(p->authorization);
    free(p);
}

const struct gateway_plugin gateway_plugin = {
    .abi = GATEWAY_ABI,
    .size = sizeof(struct gateway_plugin),
    .name = PLUGIN_NAME,
    .channel = "sms",
    .capabilities = GATEWAY_SEGMENTS | GATEWAY_SENDS_RECEIPTS | GATEWAY_OPENS_QUIETLY,
    .batch_max = 1, /* a request a message */
    .settings = settings,
    .open = template_open,
    .submit = template_submit,
    .drain = template_drain,
    .close = template_close,
    .callback = template_callback,
};
