/*
 * http.c - any HTTP gateway that a configuration can describe
 *
 * A message is one request, put together from recipes (recipe.h). The answer is
 * judged by rules (verdict.h). What the gateway pushes later is read as pushes.h
 * says. Connections, TLS and waiting are the host's HTTP client's.
 *
 *     { name = "cloud"; plugin = "http"; channel = "sms";
 *       url = "https://sms.example/send?to={{to:url}}&text={{text:url}}";
 *       headers = ( "Authorization: Bearer {{secret}}" );
 *       secret = "@file:/etc/outreach/cloud.secret";
 *       rejected = ( { json = "code"; equals = "4001"; reason = "number"; } );
 *       accepted = ( { json = "code"; equals = "0"; } );
 *       id = ( { json = "msgid"; } );
 *       receipt_url = "https://our.example/callback/cloud/TOKEN?ref={{reference}}";
 *       receipt = ( { reference = "ref"; state = "s"; delivered = ( "1" );
 *                     undelivered = ( "2", "16" ); } ); }
 */
#include "bytes.h"
#include "escape.h"
#include "gateway_plugin.h"
#include "pushes.h"
#include "recipe.h"
#include "verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define URL_BYTES_MAX (32 << 10)
#define BODY_BYTES_MAX (256 << 10)
#define HEADER_BYTES_MAX (16 << 10) /* all of them */
#define HEADERS_MAX 32

/* A request under way. */
struct flight {
    struct http *http;
    const struct gateway_message *message; /* ours until done() */
    struct flight *next;                   /* free or not, see http */
};

struct http {
    const struct gateway_host *host;
    struct gateway *gw;
    struct recipe_settings settings;
    struct recipe *receipt_url, *url, *body; /* body: NULL for none */
    struct recipe *headers[HEADERS_MAX];
    size_t header_count;
    const char *method;
    int64_t timeout_ms;
    struct verdict_rules *verdict;
    struct pushes *pushes;
    struct bytes url_bytes, body_bytes, header_bytes; /* of the request in hand */
    struct bytes secret_url;                          /* the secret as it stands in a URL */
    struct flight *flights;                           /* blocks of them, freed in close */
    struct flight *idle;
    unsigned window;
};

static const struct gateway_setting http_settings[] = {
    {"url", GATEWAY_STRING, true, 8, URL_BYTES_MAX, NULL, NULL,
     "Where to send; http or https, with {{variables}}."},
    {"method", GATEWAY_STRING, false, 0, 0, NULL, NULL,
     "GET or POST; POST where there is a body, else GET."},
    {"body", GATEWAY_STRING, false, 0, BODY_BYTES_MAX, NULL, NULL, "The body, with {{variables}}."},
    {"content_type", GATEWAY_STRING, false, 0, 200, NULL, NULL,
     "Of the body; by its first character JSON for { and [, XML for <, else a form."},
    {"headers", GATEWAY_STRINGS, false, 0, 0, NULL, NULL,
     "Further headers, \"Name: value\", with {{variables}}."},
    {"secret", GATEWAY_SECRET, false, 0, 0, NULL, NULL, "The key or password: {{secret}}."},
    {"source", GATEWAY_STRING, false, 0, 64, NULL, NULL, "The sender where a message has none."},
    {"country_code", GATEWAY_STRING, false, 0, 3, NULL, NULL,
     "Digits that {{to_national}} leaves out: \"86\"."},
    {"receipt_url", GATEWAY_STRING, false, 0, 2048, NULL, NULL,
     "Where the gateway shall push receipts, with {{variables}}: {{receipt_url}}."},
    {"window", GATEWAY_INT, false, 1, 65535, "50", NULL,
     "Requests without an answer at once; the rate times the usual delay is enough."},
    {"timeout", GATEWAY_DURATION, false, 1000, 300000, "30s", NULL,
     "How long an answer may take; after it the outcome is unknown."},
    {"accepted", GATEWAY_GROUPS, false, 0, 0, NULL, verdict_rule_fields,
     "Answers that mean the message was taken."},
    {"throttled", GATEWAY_GROUPS, false, 0, 0, NULL, verdict_rule_fields,
     "Answers that mean too fast."},
    {"retry", GATEWAY_GROUPS, false, 0, 0, NULL, verdict_rule_fields,
     "Answers that mean not now, and that nothing was sent."},
    {"rejected", GATEWAY_GROUPS, false, 0, 0, NULL, verdict_rule_fields,
     "Answers that refuse this recipient or this text."},
    {"broken", GATEWAY_GROUPS, false, 0, 0, NULL, verdict_rule_fields,
     "Answers that refuse us: key, balance, template."},
    {"id", GATEWAY_GROUPS, false, 0, 0, NULL, verdict_id_fields,
     "Where the gateway's message id stands in an accepting answer."},
    {"code", GATEWAY_STRING, false, 0, 200, NULL, NULL,
     "JSON path of the gateway's error code; else the HTTP status is told."},
    {"words", GATEWAY_STRING, false, 0, 200, NULL, NULL,
     "JSON path of what the gateway says for people; else the body's beginning is told."},
    {"receipt", GATEWAY_GROUPS, false, 0, 0, NULL, pushes_receipt_fields,
     "How a pushed receipt looks."},
    {"reply", GATEWAY_GROUPS, false, 0, 0, NULL, pushes_reply_fields, "How a pushed reply looks."},
    {"push_list", GATEWAY_STRING, false, 0, 200, NULL, NULL,
     "JSON path of the array in a push that holds several; else the body itself may be one."},
    /* Kannel sends what an sms-service answers to the resident: say nothing. */
    {"push_answer", GATEWAY_STRING, false, 0, 1000, NULL, NULL,
     "Body of our 200 to a push, where the gateway asks for one."},
    {0},
};

/* ------------------------------------------------------------------- opening */

static const char *given(const struct http *h, const char *name)
{
    const char *value = h->host->setting_string(h->gw, name);

    return value != NULL && *value != '\0' ? value : NULL;
}

static const char *content_type(const struct http *h, const char *body)
{
    const char *type = given(h, "content_type");

    if (type != NULL)
        return type;
    body += strspn(body, " \t\r\n");
    return *body == '{' && body[1] != '{' ? "application/json"
           : *body == '['                 ? "application/json"
           : *body == '<'                 ? "text/xml; charset=utf-8"
                                          : "application/x-www-form-urlencoded";
}

static enum recipe_place place_of_body(const char *type)
{
    return strcasestr(type, "json") != NULL           ? RECIPE_JSON
           : strncasecmp(type, "text/plain", 10) == 0 ? RECIPE_PLAIN
                                                      : RECIPE_FORM;
}

static int open_url(struct http *h, char *error, size_t size)
{
    const char *url = given(h, "url");
    const char *host = url == NULL                        ? NULL
                       : strncmp(url, "http://", 7) == 0  ? url + 7
                       : strncmp(url, "https://", 8) == 0 ? url + 8
                                                          : NULL;

    if (host == NULL || strcspn(host, "/?#{") == 0) {
        snprintf(error, size, "url: must begin with http:// or https:// and a host");
        return -1;
    }
    h->url = recipe_compile(url, "url", RECIPE_URL, &h->settings, error, size);
    return h->url == NULL ? -1 : 0;
}

static int add_header(struct http *h, const char *text, const char *setting, char *error,
                      size_t size)
{
    size_t name = strcspn(text, ": \t{");

    if (name == 0 || text[name] != ':') {
        snprintf(error, size, "%s: must be \"Name: value\"", setting);
        return -1;
    }
    if (h->header_count == HEADERS_MAX) {
        snprintf(error, size, "headers: more than %d", HEADERS_MAX - 1);
        return -1;
    }
    h->headers[h->header_count] =
        recipe_compile(text, setting, RECIPE_HEADER, &h->settings, error, size);
    return h->headers[h->header_count++] == NULL ? -1 : 0;
}

static int open_headers(struct http *h, const char *type, char *error, size_t size)
{
    size_t i, n = h->host->setting_count(h->gw, "headers");
    char name[32], line[256];

    if (type != NULL) {
        snprintf(line, sizeof line, "Content-Type: %s", type);
        if (add_header(h, line, "content_type", error, size) != 0)
            return -1;
    }
    for (i = 0; i < n; i++) {
        const char *text;

        snprintf(name, sizeof name, "headers.%zu", i);
        text = given(h, name);
        if (add_header(h, text != NULL ? text : "", name, error, size) != 0)
            return -1;
    }
    return 0;
}

static int open_body(struct http *h, char *error, size_t size)
{
    const char *body = given(h, "body"), *method = given(h, "method"), *type;

    h->method = method != NULL ? method : body != NULL ? "POST" : "GET";
    if (strcmp(h->method, "GET") != 0 && strcmp(h->method, "POST") != 0) {
        snprintf(error, size, "method: must be GET or POST");
        return -1;
    }
    if (body == NULL)
        return open_headers(h, NULL, error, size);
    if (strcmp(h->method, "GET") == 0) {
        snprintf(error, size, "method: a GET has no body");
        return -1;
    }
    type = content_type(h, body);
    h->body = recipe_compile(body, "body", place_of_body(type), &h->settings, error, size);
    return h->body == NULL ? -1 : open_headers(h, type, error, size);
}

static int open_settings(struct http *h, char *error, size_t size)
{
    const char *receipt_url = given(h, "receipt_url");

    h->settings = (struct recipe_settings){given(h, "secret"), given(h, "source"),
                                           given(h, "country_code"), NULL};
    if (h->settings.secret != NULL)
        escape_url(&h->secret_url, h->settings.secret, strlen(h->settings.secret));
    if (receipt_url != NULL) {
        h->receipt_url =
            recipe_compile(receipt_url, "receipt_url", RECIPE_PLAIN, &h->settings, error, size);
        if (h->receipt_url == NULL)
            return -1;
        h->settings.receipt_url = h->receipt_url;
    }
    h->timeout_ms = h->host->setting_int(h->gw, "timeout");
    return 0;
}

static void http_close(void *state)
{
    struct http *h = state;
    size_t i;

    verdict_close(h->verdict);
    pushes_close(h->pushes);
    for (i = 0; i < h->header_count; i++)
        recipe_free(h->headers[i]);
    recipe_free(h->body);
    recipe_free(h->url);
    recipe_free(h->receipt_url);
    bytes_free(&h->url_bytes);
    bytes_free(&h->body_bytes);
    bytes_free(&h->header_bytes);
    bytes_free(&h->secret_url);
    free(h->flights);
    free(h);
}

static void open_flights(struct http *h)
{
    unsigned i;

    h->window = (unsigned)h->host->setting_int(h->gw, "window");
    h->flights = bytes_alloc(h->window, sizeof *h->flights);
    for (i = 0; i < h->window; i++) {
        h->flights[i] = (struct flight){h, NULL, h->idle};
        h->idle = &h->flights[i];
    }
}

static int http_open(const struct gateway_host *host, struct gateway *gw, void **state, char *error,
                     size_t size)
{
    struct http *h = bytes_alloc(1, sizeof *h);

    h->host = host;
    h->gw = gw;
    h->url_bytes = BYTES_INIT(URL_BYTES_MAX);
    h->body_bytes = BYTES_INIT(BODY_BYTES_MAX);
    h->header_bytes = BYTES_INIT(HEADER_BYTES_MAX);
    h->secret_url = BYTES_INIT(64 << 10);
    if (open_settings(h, error, size) != 0 || open_url(h, error, size) != 0 ||
        open_body(h, error, size) != 0)
        goto fail;
    h->verdict = verdict_open(host, gw, error, size);
    if (h->verdict == NULL)
        goto fail;
    h->pushes = pushes_open(host, gw, error, size);
    if (h->pushes == NULL)
        goto fail;
    open_flights(h);
    *state = h;
    /* There is nothing to connect: every answer tells how the gateway is. */
    host->capacity(gw, h->window, "ready");
    return 0;

fail:
    http_close(h);
    return -1;
}

static unsigned http_instance_capabilities(void *state)
{
    const struct http *h = state;
    const char *channel = given(h, "channel"); /* the host's own setting */

    return (channel == NULL || strcmp(channel, "sms") == 0 ? GATEWAY_SEGMENTS : 0) |
           GATEWAY_WANTS_COLUMNS | (pushes_has_receipts(h->pushes) ? GATEWAY_SENDS_RECEIPTS : 0) |
           (pushes_echo_reference(h->pushes) ? GATEWAY_ECHOES_REFERENCE : 0);
}

/* ------------------------------------------------------------------- sending */

static void answer_plainly(struct http *h, const struct gateway_message *m,
                           enum gateway_outcome outcome, enum gateway_reason reason,
                           const char *words)
{
    struct gateway_answer answer = {.outcome = outcome, .reason = reason, .words = words};

    h->host->done(h->gw, m->token, &answer);
}

static void on_response(void *arg, const struct gateway_http_response *response)
{
    struct flight *f = arg;
    struct http *h = f->http;
    const struct gateway_message *m = f->message;
    size_t plus = m->to_length > 0 && m->to[0] == '+';
    const char *secret = h->settings.secret;
    const struct gateway_id hide[] = {
        {secret != NULL ? secret : "", secret != NULL ? strlen(secret) : 0},
        {h->secret_url.data != NULL ? h->secret_url.data : "", h->secret_url.length},
        {m->text, m->length},
        {m->to + plus, m->to_length - plus},
        {NULL, 0},
    };
    struct gateway_answer answer;

    verdict_judge(h->verdict, response, hide, &answer);
    f->message = NULL;
    f->next = h->idle;
    h->idle = f;
    h->host->done(h->gw, m->token, &answer); /* last: it may submit the next one */
}

/* The headers into header_bytes, each with its NUL, and pointers to them. */
static void render_headers(struct http *h, const struct gateway_message *m, int64_t now_ms,
                           const char **lines)
{
    size_t starts[HEADERS_MAX], i;

    bytes_clear(&h->header_bytes);
    for (i = 0; i < h->header_count; i++) {
        starts[i] = h->header_bytes.length;
        recipe_render(h->headers[i], m, now_ms, &h->header_bytes);
        bytes_putc(&h->header_bytes, '\0');
    }
    for (i = 0; i < h->header_count; i++)
        lines[i] = h->header_bytes.data + starts[i];
    lines[i] = NULL;
}

static void send_one(struct http *h, const struct gateway_message *m)
{
    int64_t now_ms = h->host->wall_ms();
    const char *lines[HEADERS_MAX + 1];
    struct gateway_http_request request = {
        .method = h->method, .timeout_ms = h->timeout_ms, .send_by_ms = m->submit_by_ms};
    struct flight *f = h->idle;

    bytes_clear(&h->url_bytes);
    recipe_render(h->url, m, now_ms, &h->url_bytes);
    request.url = bytes_string(&h->url_bytes);
    render_headers(h, m, now_ms, lines);
    request.headers = h->header_count > 0 ? lines : NULL;
    if (h->body != NULL) {
        bytes_clear(&h->body_bytes);
        recipe_render(h->body, m, now_ms, &h->body_bytes);
        request.body = bytes_string(&h->body_bytes);
        request.length = h->body_bytes.length;
    }
    if (h->url_bytes.overflowed || h->body_bytes.overflowed || h->header_bytes.overflowed) {
        answer_plainly(h, m, GATEWAY_REJECTED, GATEWAY_REASON_TEXT, "too long for a request");
        return;
    }
    h->idle = f->next;
    f->message = m;
    h->host->http(h->gw, &request, on_response, f);
}

static void http_submit(void *state, const struct gateway_message *const *messages, size_t n)
{
    struct http *h = state;
    int64_t boot_ms = h->host->boot_ms();
    size_t i;

    for (i = 0; i < n; i++) {
        if (messages[i]->submit_by_ms != 0 && boot_ms > messages[i]->submit_by_ms) {
            answer_plainly(h, messages[i], GATEWAY_UNSENT, GATEWAY_REASON_NONE, NULL);
        } else if (h->idle == NULL) {
            h->host->log(h->gw, GATEWAY_LOG_ERROR, "http.window_passed window=%u", h->window);
            answer_plainly(h, messages[i], GATEWAY_UNSENT, GATEWAY_REASON_NONE, NULL);
        } else {
            send_one(h, messages[i]);
        }
    }
}

static void http_callback(void *state, const struct gateway_push *push,
                          gateway_push_answer_fn *answer, void *arg)
{
    struct http *h = state;

    pushes_take(h->pushes, push, answer, arg);
}

const struct gateway_plugin gateway_plugin = {
    .abi = GATEWAY_ABI,
    .size = sizeof gateway_plugin,
    .name = "http",
    .channel = NULL,
    .capabilities =
        GATEWAY_SEGMENTS | GATEWAY_WANTS_COLUMNS | GATEWAY_SENDS_RECEIPTS | GATEWAY_OPENS_QUIETLY,
    .settings = http_settings,
    .open = http_open,
    .submit = http_submit,
    .close = http_close,
    .callback = http_callback,
    .instance_capabilities = http_instance_capabilities,
};
