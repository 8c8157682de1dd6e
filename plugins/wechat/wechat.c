/*
 * wechat.c - WeChat official account (微信公众号): template and subscribe messages to an openid
 *
 *     { name = "account"; plugin = "wechat"; appid = "wx1"; secret = "@env:WECHAT_SECRET";
 *       kind = "template"; push_token = "@env:WECHAT_PUSH_TOKEN"; }
 *
 * What is sent is the campaign's template for this gateway, filled with its params. The access
 * token is the stable one and shared by all daemons (token.h). A template message carries an id of
 * the notice, so that WeChat drops a repeat within some ten minutes.
 */
#include "digest.h"
#include "gateway_plugin.h"
#include "judge.h"
#include "memory.h"
#include "push.h"
#include "token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define PAUSE_MS 60000 /* after "too fast": their limits are of a minute and of a day */
#define STRANGE_IDS 3  /* 40037 comes now and then for a good template */
#define OPENID_BYTES_MAX 64

CODES_TABLE(wechat, "wechat/codes.tsv");

struct wechat {
    const struct gateway_host *host;
    struct gateway *gw;
    const char *api, *appid, *secret, *url, *page, *mini_appid, *mini_page;
    bool subscribe;       /* the kind */
    unsigned strange_ids; /* in a row */
    struct judge judge;
    struct tokens *tokens;
    struct wechat_pushes pushes;       /* token NULL: none */
    struct text token_url, token_body; /* of the request for a token */
    LIST_HEAD(, flight) flights;
};

/* A message under way. */
struct flight {
    LIST_ENTRY(flight) links;
    struct wechat *w;
    const struct gateway_message *message; /* ours until done() */
    char *token;                           /* that it was sent with; NULL before */
    bool again;                            /* its token was refused once */
};

static const struct gateway_setting wechat_settings[] = {
    {"appid", GATEWAY_STRING, true, 1, 64, NULL, NULL, "Of the account."},
    {"secret", GATEWAY_SECRET, true, 1, 128, NULL, NULL, "Its AppSecret."},
    {"kind", GATEWAY_STRING, false, 1, 20, "template", NULL,
     "template (模板消息) or subscribe (订阅通知)."},
    {"url", GATEWAY_STRING, false, 0, 1024, NULL, NULL, "What a template message opens."},
    {"page", GATEWAY_STRING, false, 0, 1024, NULL, NULL, "What a subscribe message opens."},
    {"miniprogram_appid", GATEWAY_STRING, false, 0, 64, NULL, NULL,
     "A mini program that is opened instead, where the phone can."},
    {"miniprogram_page", GATEWAY_STRING, false, 0, 1024, NULL, NULL, "Its page."},
    {"push_token", GATEWAY_SECRET, false, 3, 32, NULL, NULL,
     "The Token of the account's server configuration: receipts and replies come in."},
    {"api", GATEWAY_STRING, false, 8, 500, "https://api.weixin.qq.com", NULL,
     "Where WeChat answers."},
    {"timeout", GATEWAY_DURATION, false, 1000, 300000, "30s", NULL,
     "How long an answer may take; after it the outcome is unknown."},
    {"window", GATEWAY_INT, false, 1, 65535, "10", NULL, "Requests without an answer at once."},
    {0},
};

static const char *const json_headers[] = {"Content-Type: application/json", NULL};

/* ------------------------------------------------------------------- the token */

static void request_token(void *arg, struct gateway_http_request *out)
{
    struct wechat *w = arg;

    w->token_url.length = w->token_body.length = 0;
    text_printf(&w->token_url, "%s/cgi-bin/stable_token", w->api);
    text_puts(&w->token_body, "{\"grant_type\":\"client_credential\",\"appid\":");
    text_put_json(&w->token_body, w->appid, strlen(w->appid));
    text_puts(&w->token_body, ",\"secret\":");
    text_put_json(&w->token_body, w->secret, strlen(w->secret));
    text_puts(&w->token_body, ",\"force_refresh\":false}");
    *out = (struct gateway_http_request){.method = "POST",
                                         .url = w->token_url.bytes,
                                         .headers = json_headers,
                                         .body = w->token_body.bytes,
                                         .length = w->token_body.length,
                                         .timeout_ms = w->host->setting_int(w->gw, "timeout")};
}

static void pause_after(const struct gateway_http_response *response, struct gateway_answer *answer)
{
    if (answer->outcome == GATEWAY_THROTTLED)
        answer->retry_after_ms =
            response->retry_after_ms > PAUSE_MS ? response->retry_after_ms : PAUSE_MS;
}

static bool read_token(void *arg, const struct gateway_http_response *response, struct text *token,
                       int64_t *holds_ms, struct gateway_answer *trouble)
{
    struct wechat *w = arg;
    char number[JUDGE_NUMBER_BYTES];
    const char *value;
    json_t *json;
    bool good;

    if (judge_silence(&w->judge, response, trouble))
        return false;
    json = json_loadb(response->body, response->length, 0, NULL);
    value = json_string_value(json_object_get(json, "access_token"));
    good = value != NULL && *value != '\0';
    if (good) {
        text_puts(token, value);
        *holds_ms = json_integer_value(json_object_get(json, "expires_in")) * INT64_C(1000);
    } else {
        judge_answer(&w->judge, response->status, judge_text(json, "errcode", number),
                     json_string_value(json_object_get(json, "errmsg")), trouble);
        pause_after(response, trouble);
    }
    json_decref(json);
    return good;
}

/* ------------------------------------------------------------------- answers */

/* Frees f. Last in its caller: done() may submit the next one. */
static void finish(struct flight *f, const struct gateway_answer *answer)
{
    struct wechat *w = f->w;
    uint64_t token = f->message->token;

    LIST_REMOVE(f, links);
    free(f->token);
    free(f);
    w->host->done(w->gw, token, answer);
}

static void finish_plainly(struct flight *f, enum gateway_outcome outcome,
                           enum gateway_reason reason, const char *words)
{
    struct gateway_answer answer = {.outcome = outcome, .reason = reason, .words = words};

    finish(f, &answer);
}

static void on_token(void *arg, const char *token, const struct gateway_answer *trouble);

static bool is_token_code(const char *code)
{
    static const char *const codes[] = {"40001", "40014", "42001", "41001"};

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(codes[i], code) == 0)
            return true;
    return false;
}

static void on_response(void *arg, const struct gateway_http_response *response)
{
    struct flight *f = arg;
    struct wechat *w = f->w;
    char number[JUDGE_NUMBER_BYTES], msgid[JUDGE_NUMBER_BYTES];
    struct gateway_answer answer;
    struct gateway_id id;
    const char *code;
    json_t *json;

    if (judge_silence(&w->judge, response, &answer)) {
        finish(f, &answer);
        return;
    }
    json = json_loadb(response->body, response->length, 0, NULL);
    code = judge_text(json, "errcode", number);
    if (code != NULL && !f->again && is_token_code(code)) {
        f->again = true; /* refused before it was looked at: this is the one repeat */
        json_decref(json);
        tokens_want(w->tokens, f->token, on_token, f);
        return;
    }
    judge_answer(&w->judge, response->status, code,
                 json_string_value(json_object_get(json, "errmsg")), &answer);
    pause_after(response, &answer);
    w->strange_ids = code != NULL && strcmp(code, "40037") == 0 ? w->strange_ids + 1 : 0;
    if (w->strange_ids > 0 && w->strange_ids < STRANGE_IDS)
        answer.outcome = GATEWAY_RETRY;
    id.bytes = judge_text(json, "msgid", msgid);
    id.length = id.bytes != NULL ? strlen(id.bytes) : 0;
    if (answer.outcome == GATEWAY_ACCEPTED && id.length >= 1 && id.length <= 64) {
        answer.ids = &id;
        answer.id_count = 1;
    }
    finish(f, &answer); /* ids are part of json */
    json_decref(json);
}

/* ------------------------------------------------------------------- sending */

/* The same in every attempt of a notice, in 32 letters and digits. */
static void notice_id(const struct gateway_message *m, char out[2 * MD5_BYTES + 1])
{
    uint8_t digest[MD5_BYTES];

    digest_md5(m->reference, strlen(m->reference), digest);
    digest_hex(digest, sizeof digest, out);
}

static void put_member(struct text *body, const char *name, const char *value)
{
    text_printf(body, ",\"%s\":", name);
    text_put_json(body, value, strlen(value));
}

static void put_body(const struct wechat *w, const struct gateway_message *m, struct text *body)
{
    const char *opens = w->subscribe ? w->page : w->url;
    char id[2 * MD5_BYTES + 1];

    text_puts(body, "{\"touser\":");
    text_put_json(body, m->to, m->to_length);
    put_member(body, "template_id", m->template_code);
    if (opens != NULL)
        put_member(body, w->subscribe ? "page" : "url", opens);
    if (w->mini_appid != NULL) {
        text_puts(body, ",\"miniprogram\":{\"appid\":");
        text_put_json(body, w->mini_appid, strlen(w->mini_appid));
        put_member(body, "pagepath", w->mini_page != NULL ? w->mini_page : "");
        text_puts(body, "}");
    }
    if (!w->subscribe) {
        notice_id(m, id);
        put_member(body, "client_msg_id", id);
    }
    text_puts(body, ",\"data\":{");
    for (size_t i = 0; i < m->param_count; i++) {
        text_puts(body, i > 0 ? "," : "");
        text_put_json(body, m->params[i].name, strlen(m->params[i].name));
        text_puts(body, ":{\"value\":");
        text_put_json(body, m->params[i].value, m->params[i].length);
        text_puts(body, "}");
    }
    text_puts(body, "}}");
}

static void send(struct flight *f, const char *token)
{
    struct wechat *w = f->w;
    struct text url = {0}, body = {0};
    struct gateway_http_request request = {
        .method = "POST",
        .headers = json_headers,
        .timeout_ms = w->host->setting_int(w->gw, "timeout"),
        .send_by_ms = f->message->submit_by_ms,
    };

    text_printf(&url, "%s/cgi-bin/message/%s?access_token=", w->api,
                w->subscribe ? "subscribe/bizsend" : "template/send");
    text_put_percent(&url, token, strlen(token));
    put_body(w, f->message, &body);
    request.url = url.bytes;
    request.body = body.bytes;
    request.length = body.length;
    w->host->http(w->gw, &request, on_response, f);
    text_free(&url);
    text_free(&body);
}

static void on_token(void *arg, const char *token, const struct gateway_answer *trouble)
{
    struct flight *f = arg;
    int64_t by_ms = f->message->submit_by_ms;

    if (token == NULL) {
        finish(f, trouble);
    } else if (by_ms != 0 && f->w->host->boot_ms() > by_ms) {
        finish_plainly(f, GATEWAY_UNSENT, GATEWAY_REASON_NONE, NULL);
    } else {
        free(f->token);
        f->token = memory_strdup(token);
        send(f, token);
    }
}

static bool is_openid(const char *to)
{
    size_t n = strlen(to);

    return n >= 1 && n <= OPENID_BYTES_MAX &&
           strspn(to, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

static void send_one(struct wechat *w, const struct gateway_message *m)
{
    struct flight *f = memory_calloc(1, sizeof *f);

    f->w = w;
    f->message = m;
    LIST_INSERT_HEAD(&w->flights, f, links);
    if (m->template_code == NULL)
        finish_plainly(f, GATEWAY_REJECTED, GATEWAY_REASON_TEMPLATE,
                       "the campaign names no template for this gateway");
    else if (!is_openid(m->to))
        finish_plainly(f, GATEWAY_REJECTED, GATEWAY_REASON_NUMBER, "is no openid");
    else
        tokens_want(w->tokens, NULL, on_token, f);
}

static void wechat_submit(void *state, const struct gateway_message *const *messages, size_t n)
{
    for (size_t i = 0; i < n; i++)
        send_one(state, messages[i]);
}

/* ------------------------------------------------------------------- opening */

static const char *given(const struct wechat *w, const char *name)
{
    const char *value = w->host->setting_string(w->gw, name);

    return value != NULL && *value != '\0' ? value : NULL;
}

static void wechat_close(void *state)
{
    struct wechat *w = state;
    struct flight *f;

    tokens_close(w->tokens);
    wechat_push_close(&w->pushes);
    while ((f = LIST_FIRST(&w->flights)) != NULL) {
        LIST_REMOVE(f, links);
        free(f->token);
        free(f);
    }
    judge_close(&w->judge);
    text_free(&w->token_url);
    text_free(&w->token_body);
    free(w);
}

static int check(const struct wechat *w, char *error, size_t size)
{
    const char *kind = given(w, "kind"), *wrong = NULL;

    if (strcmp(kind, "template") != 0 && strcmp(kind, "subscribe") != 0)
        wrong = "kind: must be template or subscribe";
    else if (strncmp(w->api, "https://", 8) != 0 && strncmp(w->api, "http://", 7) != 0)
        wrong = "api: must begin with https:// or http://";
    else if (w->subscribe ? w->url != NULL : w->page != NULL)
        wrong = "url, page: url is of a template message, page of a subscribe message";
    else if (w->mini_page != NULL && w->mini_appid == NULL)
        wrong = "miniprogram_page: needs miniprogram_appid";
    if (wrong != NULL)
        snprintf(error, size, "%s", wrong);
    return wrong != NULL ? -1 : 0;
}

static int wechat_open(const struct gateway_host *host, struct gateway *gw, void **state,
                       char *error, size_t size)
{
    struct wechat *w = memory_calloc(1, sizeof *w);
    struct token_source source = {"access-token", request_token, read_token, w};

    w->host = host;
    w->gw = gw;
    w->api = given(w, "api");
    w->appid = given(w, "appid");
    w->secret = given(w, "secret");
    w->subscribe = strcmp(given(w, "kind"), "subscribe") == 0;
    w->url = given(w, "url");
    w->page = given(w, "page");
    w->mini_appid = given(w, "miniprogram_appid");
    w->mini_page = given(w, "miniprogram_page");
    w->pushes.host = host;
    w->pushes.gw = gw;
    w->pushes.judge = &w->judge;
    w->pushes.token = given(w, "push_token");
    w->judge.secrets[0] = w->secret;
    if (check(w, error, size) != 0 || judge_open(&w->judge, host, gw, codes_table_wechat,
                                                 CODES_BYTES(wechat), error, size) != 0) {
        wechat_close(w);
        return -1;
    }
    w->tokens = tokens_open(host, gw, &source);
    *state = w;
    host->capacity(gw, (unsigned)host->setting_int(gw, "window"), "ready");
    return 0;
}

static unsigned wechat_instance_capabilities(void *state)
{
    const struct wechat *w = state;

    return GATEWAY_TEMPLATES_ONLY |
           (w->pushes.token != NULL ? GATEWAY_SENDS_RECEIPTS | GATEWAY_CHECKS_PUSHES : 0);
}

static void wechat_callback(void *state, const struct gateway_push *push,
                            gateway_push_answer_fn *answer, void *arg)
{
    struct wechat *w = state;

    if (w->pushes.token != NULL)
        wechat_push_take(&w->pushes, push, answer, arg);
    else
        answer(arg, 404, "");
}

const struct gateway_plugin gateway_plugin = {
    .abi = GATEWAY_ABI,
    .size = sizeof gateway_plugin,
    .name = "wechat",
    .channel = "wechat",
    .capabilities = GATEWAY_TEMPLATES_ONLY | GATEWAY_OPENS_QUIETLY,
    .settings = wechat_settings,
    .open = wechat_open,
    .submit = wechat_submit,
    .close = wechat_close,
    .callback = wechat_callback,
    .instance_capabilities = wechat_instance_capabilities,
};
