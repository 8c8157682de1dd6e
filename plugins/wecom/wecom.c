/*
 * wecom.c - WeCom (企业微信): a group's robot, or an application that writes to members
 *
 * With `key` it is a robot: one group, no receipts, no way to know a repeat. With `corpid`,
 * `secret` and `agentid` it is an application: the address is a userid. Its access token is shared
 * by all daemons (token.h). A repeat has the same bytes, so that WeCom's duplicate check drops it:
 * nothing of an attempt, no time and no chance, may stand in the body.
 *
 *     { name = "office"; plugin = "wecom"; key = "@file:/etc/outreach/wecom.key"; }
 *     { name = "members"; plugin = "wecom"; corpid = "ww1"; secret = "@env:WECOM_SECRET";
 *       agentid = 1000002; }
 */
#include "digest.h"
#include "gateway_plugin.h"
#include "judge.h"
#include "token.h"
#include "wecom_push.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#define TEXT_BYTES_MAX 2048
#define MARKDOWN_BYTES_MAX 4096
#define USERID_BYTES_MAX 64
#define MENTIONS_MAX 50
#define PAUSE_MS 60000 /* after "too fast": their limits are of a minute */

CODES_TABLE(wecom, "wecom/codes.tsv");

struct wecom {
    const struct gateway_host *host;
    struct gateway *gw;
    const char *api, *key, *corpid, *secret, *format;
    int64_t agentid, interval_s;
    struct text mentions; /* JSON members behind the content, or empty */
    struct text url;      /* of the request in hand */
    struct judge judge;
    struct tokens *tokens; /* NULL: a robot */
    struct wecom_push push;
    bool takes_pushes;
    LIST_HEAD(, flight) flights;
};

/* A message under way. */
struct flight {
    LIST_ENTRY(flight) links;
    struct wecom *w;
    const struct gateway_message *message; /* ours until done() */
    char *token;                           /* that it was sent with; NULL before */
    bool again;                            /* its token was refused once */
};

static const struct gateway_setting wecom_settings[] = {
    {"key", GATEWAY_SECRET, false, 0, 0, NULL, NULL, "Of a group's robot: key= of its webhook."},
    {"corpid", GATEWAY_STRING, false, 1, 64, NULL, NULL, "Of the company, for an application."},
    {"secret", GATEWAY_SECRET, false, 0, 0, NULL, NULL, "Of the application."},
    {"agentid", GATEWAY_INT, false, 1, 2147483647, NULL, NULL, "Of the application."},
    {"format", GATEWAY_STRING, false, 1, 20, "text", NULL,
     "text or markdown (not shown in the WeChat plugin)."},
    {"mention", GATEWAY_STRINGS, false, 0, 0, NULL, NULL,
     "Of a robot: userids that are mentioned, \"@all\" for everybody."},
    {"mention_mobile", GATEWAY_STRINGS, false, 0, 0, NULL, NULL,
     "The same by mobile number, as WeCom knows it."},
    {"duplicate_check", GATEWAY_DURATION, false, 60000, 14400000, "30min", NULL,
     "Of an application: WeCom drops the same text to the same member for so long."},
    {"push_token", GATEWAY_SECRET, false, 0, 0, NULL, NULL,
     "Token of the application's \"receive messages\": replies come in."},
    {"push_key", GATEWAY_SECRET, false, 0, 0, NULL, NULL, "Its EncodingAESKey."},
    {"api", GATEWAY_STRING, false, 8, 500, "https://qyapi.weixin.qq.com", NULL,
     "Where WeCom answers: of a private deployment or a proxy."},
    {"timeout", GATEWAY_DURATION, false, 1000, 300000, "30s", NULL,
     "How long an answer may take; after it the outcome is unknown."},
    {"window", GATEWAY_INT, false, 1, 65535, "10", NULL, "Requests without an answer at once."},
    {0},
};

/* A robot's 21st message of a minute is refused; an application's are dropped silently. */
static const struct gateway_preset wecom_presets[] = {
    {"key", "rate", "20/min"},
    {"corpid", "per_number", "wecom-app"},
    {0},
};

/* ------------------------------------------------------------------- opening */

static const char *given(const struct wecom *w, const char *name)
{
    const char *value = w->host->setting_string(w->gw, name);

    return value != NULL && *value != '\0' ? value : NULL;
}

static int refuse(char *error, size_t size, const char *sentence)
{
    snprintf(error, size, "%s", sentence);
    return -1;
}

static int open_mentions(struct wecom *w, const char *setting, const char *member, char *error,
                         size_t size)
{
    size_t n = w->host->setting_count(w->gw, setting);
    char name[40];

    if (n > MENTIONS_MAX)
        return refuse(error, size, "mention, mention_mobile: at most 50 each");
    if (n == 0)
        return 0;
    text_printf(&w->mentions, ",\"%s\":[", member);
    for (size_t i = 0; i < n; i++) {
        const char *who;

        snprintf(name, sizeof name, "%s.%zu", setting, i);
        who = w->host->setting_string(w->gw, name);
        text_puts(&w->mentions, i > 0 ? "," : "");
        text_put_json(&w->mentions, who, strlen(who));
    }
    text_puts(&w->mentions, "]");
    return 0;
}

static int open_robot(struct wecom *w, char *error, size_t size)
{
    if (w->corpid != NULL || w->secret != NULL || w->agentid != 0)
        return refuse(error, size,
                      "key: is a robot's, and corpid, secret, agentid an "
                      "application's: one gateway is one of them");
    return open_mentions(w, "mention", "mentioned_list", error, size) != 0 ||
                   open_mentions(w, "mention_mobile", "mentioned_mobile_list", error, size) != 0
               ? -1
               : 0;
}

static int open_pushes(struct wecom *w, char *error, size_t size)
{
    const char *token = given(w, "push_token"), *key = given(w, "push_key");

    if ((token == NULL) != (key == NULL))
        return refuse(error, size, "push_token, push_key: one does not go without the other");
    if (token == NULL)
        return 0;
    w->push =
        (struct wecom_push){.host = w->host, .gw = w->gw, .token = token, .corpid = w->corpid};
    if (wecom_key(key, w->push.key) != 0)
        return refuse(error, size, "push_key: an EncodingAESKey has 43 letters and digits");
    w->takes_pushes = true;
    return 0;
}

static void request_token(void *arg, struct gateway_http_request *out)
{
    struct wecom *w = arg;

    w->url.length = 0;
    text_printf(&w->url, "%s/cgi-bin/gettoken?corpid=", w->api);
    text_put_percent(&w->url, w->corpid, strlen(w->corpid));
    text_puts(&w->url, "&corpsecret=");
    text_put_percent(&w->url, w->secret, strlen(w->secret));
    *out = (struct gateway_http_request){
        .method = "GET", .url = w->url.bytes, .timeout_ms = w->host->setting_int(w->gw, "timeout")};
}

static bool read_token(void *arg, const struct gateway_http_response *response, struct text *token,
                       int64_t *holds_ms, struct gateway_answer *trouble)
{
    struct wecom *w = arg;
    char number[JUDGE_NUMBER_BYTES];
    const char *value, *code;
    json_t *json;
    bool good;

    if (judge_silence(&w->judge, response, trouble))
        return false;
    json = json_loadb(response->body, response->length, 0, NULL);
    value = json_string_value(json_object_get(json, "access_token"));
    code = judge_text(json, "errcode", number);
    good = value != NULL && *value != '\0' && (code == NULL || strcmp(code, "0") == 0);
    if (good) {
        text_puts(token, value);
        *holds_ms = json_integer_value(json_object_get(json, "expires_in")) * INT64_C(1000);
    } else {
        judge_answer(&w->judge, response->status, code,
                     json_string_value(json_object_get(json, "errmsg")), trouble);
        if (trouble->outcome == GATEWAY_THROTTLED)
            trouble->retry_after_ms = PAUSE_MS;
    }
    json_decref(json);
    return good;
}

static int open_application(struct wecom *w, char *error, size_t size)
{
    struct token_source source = {"access-token", request_token, read_token, w};

    if (w->corpid == NULL || w->secret == NULL || w->agentid == 0)
        return refuse(error, size,
                      "needs key for a group's robot, or corpid, secret and agentid "
                      "for an application");
    if (w->host->setting_count(w->gw, "mention") + w->host->setting_count(w->gw, "mention_mobile") >
        0)
        return refuse(error, size, "mention, mention_mobile: are a robot's");
    if (open_pushes(w, error, size) != 0)
        return -1;
    w->tokens = tokens_open(w->host, w->gw, &source);
    return 0;
}

static void wecom_close(void *state)
{
    struct wecom *w = state;
    struct flight *f;

    tokens_close(w->tokens);
    wecom_push_close(&w->push);
    while ((f = LIST_FIRST(&w->flights)) != NULL) {
        LIST_REMOVE(f, links);
        free(f->token);
        free(f);
    }
    judge_close(&w->judge);
    text_free(&w->mentions);
    text_free(&w->url);
    free(w);
}

static int wecom_open(const struct gateway_host *host, struct gateway *gw, void **state,
                      char *error, size_t size)
{
    struct wecom *w = calloc(1, sizeof *w);

    if (w == NULL)
        return refuse(error, size, "out of memory");
    w->host = host;
    w->gw = gw;
    w->api = given(w, "api");
    w->key = given(w, "key");
    w->corpid = given(w, "corpid");
    w->secret = given(w, "secret");
    w->agentid = host->setting_int(gw, "agentid");
    w->format = given(w, "format");
    w->interval_s = host->setting_int(gw, "duplicate_check") / 1000;
    w->judge.secrets[0] = w->key;
    w->judge.secrets[1] = w->secret;
    if (judge_open(&w->judge, host, gw, codes_table_wecom, CODES_BYTES(wecom), error, size) != 0)
        goto fail;
    if (strcmp(w->format, "text") != 0 && strcmp(w->format, "markdown") != 0) {
        refuse(error, size, "format: must be text or markdown");
        goto fail;
    }
    if ((w->key != NULL ? open_robot(w, error, size) : open_application(w, error, size)) != 0)
        goto fail;
    *state = w;
    host->capacity(gw, (unsigned)host->setting_int(gw, "window"), "ready");
    return 0;

fail:
    wecom_close(w);
    return -1;
}

static unsigned wecom_instance_capabilities(void *state)
{
    const struct wecom *w = state;

    return w->key != NULL ? GATEWAY_GROUP_ONLY : w->takes_pushes ? GATEWAY_CHECKS_PUSHES : 0;
}

/* ------------------------------------------------------------------- answers */

/* Frees f. Last in its caller: done() may submit the next one. */
static void finish(struct flight *f, const struct gateway_answer *answer)
{
    struct wecom *w = f->w;
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

/* Is who one of the ids, joined by "|" and in whatever case? */
static bool is_among(const char *ids, const char *who)
{
    size_t n = strlen(who);

    while (ids != NULL && *ids != '\0') {
        size_t length = strcspn(ids, "|");

        if (length == n && strncasecmp(ids, who, n) == 0)
            return true;
        ids += length + (ids[length] == '|');
    }
    return false;
}

static void on_token(void *arg, const char *token, const struct gateway_answer *trouble);

static bool is_token_code(const char *code)
{
    return strcmp(code, "40014") == 0 || strcmp(code, "42001") == 0 || strcmp(code, "41001") == 0;
}

static void on_response(void *arg, const struct gateway_http_response *response)
{
    static const char *const hidden[] = {"invaliduser", "unlicenseduser"};
    struct flight *f = arg;
    struct wecom *w = f->w;
    char number[JUDGE_NUMBER_BYTES];
    struct gateway_answer answer;
    const char *code;
    json_t *json;

    if (judge_silence(&w->judge, response, &answer)) {
        finish(f, &answer);
        return;
    }
    json = json_loadb(response->body, response->length, 0, NULL);
    code = judge_text(json, "errcode", number);
    if (code != NULL && w->tokens != NULL && !f->again && is_token_code(code)) {
        f->again = true; /* refused before it was looked at: this is the one repeat */
        json_decref(json);
        tokens_want(w->tokens, f->token, on_token, f);
        return;
    }
    if (code != NULL && strcmp(code, "0") == 0 && w->tokens != NULL)
        for (size_t i = 0; i < 2; i++)
            if (is_among(json_string_value(json_object_get(json, hidden[i])), f->message->to))
                code = hidden[i];
    judge_answer(&w->judge, response->status, code,
                 json_string_value(json_object_get(json, "errmsg")), &answer);
    if (answer.outcome == GATEWAY_THROTTLED)
        answer.retry_after_ms =
            response->retry_after_ms > PAUSE_MS ? response->retry_after_ms : PAUSE_MS;
    json_decref(json);
    finish(f, &answer);
}

/* ------------------------------------------------------------------- sending */

static void put_content(const struct wecom *w, const struct gateway_message *m, struct text *body)
{
    text_printf(body, "\"msgtype\":\"%s\",\"%s\":{\"content\":", w->format, w->format);
    text_put_json(body, m->text, m->length);
    if (*w->format == 't')
        text_puts(body, text_string(&w->mentions));
    text_puts(body, "}");
}

static void put_body(const struct wecom *w, const struct gateway_message *m, struct text *body)
{
    text_puts(body, "{");
    if (w->tokens == NULL) {
        put_content(w, m, body);
        text_puts(body, "}");
        return;
    }
    text_puts(body, "\"touser\":");
    text_put_json(body, m->to, m->to_length);
    text_printf(body, ",\"agentid\":%lld,", (long long)w->agentid);
    put_content(w, m, body);
    text_printf(body, ",\"safe\":0,\"enable_duplicate_check\":1,\"duplicate_check_interval\":%lld}",
                (long long)w->interval_s);
}

static void send(struct flight *f, const char *path, const char *secret)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct wecom *w = f->w;
    struct text body = {0};
    struct gateway_http_request request = {
        .method = "POST",
        .headers = headers,
        .timeout_ms = w->host->setting_int(w->gw, "timeout"),
        .send_by_ms = f->message->submit_by_ms,
    };

    w->url.length = 0;
    text_printf(&w->url, "%s%s=", w->api, path);
    text_put_percent(&w->url, secret, strlen(secret));
    put_body(w, f->message, &body);
    request.url = w->url.bytes;
    request.body = body.bytes;
    request.length = body.length;
    w->host->http(w->gw, &request, on_response, f);
    text_free(&body);
}

static void on_token(void *arg, const char *token, const struct gateway_answer *trouble)
{
    struct flight *f = arg;
    struct wecom *w = f->w;
    int64_t by_ms = f->message->submit_by_ms;

    if (token == NULL) {
        finish(f, trouble);
    } else if (by_ms != 0 && w->host->boot_ms() > by_ms) {
        finish_plainly(f, GATEWAY_UNSENT, GATEWAY_REASON_NONE, NULL);
    } else {
        free(f->token);
        f->token = strdup(token);
        send(f, "/cgi-bin/message/send?access_token", token);
    }
}

/* An address that is more than one member would tell somebody else. */
static bool is_userid(const char *to)
{
    size_t n = strlen(to);

    return n >= 1 && n <= USERID_BYTES_MAX && *to != '@' && strcspn(to, "|\" \t\r\n") == n;
}

static void send_one(struct wecom *w, const struct gateway_message *m)
{
    size_t most = *w->format == 't' ? TEXT_BYTES_MAX : MARKDOWN_BYTES_MAX;
    struct flight *f = calloc(1, sizeof *f);

    if (f == NULL)
        abort();
    f->w = w;
    f->message = m;
    LIST_INSERT_HEAD(&w->flights, f, links);
    if (m->length > most) /* an application's would be cut */
        finish_plainly(f, GATEWAY_REJECTED, GATEWAY_REASON_TEXT,
                       *w->format == 't' ? "more than 2048 bytes" : "more than 4096 bytes");
    else if (w->tokens == NULL)
        send(f, "/cgi-bin/webhook/send?key", w->key);
    else if (!is_userid(m->to))
        finish_plainly(f, GATEWAY_REJECTED, GATEWAY_REASON_NUMBER, "is no userid");
    else
        tokens_want(w->tokens, NULL, on_token, f);
}

static void wecom_submit(void *state, const struct gateway_message *const *messages, size_t n)
{
    for (size_t i = 0; i < n; i++)
        send_one(state, messages[i]);
}

static void wecom_callback(void *state, const struct gateway_push *push,
                           gateway_push_answer_fn *answer, void *arg)
{
    struct wecom *w = state;

    if (w->takes_pushes)
        wecom_push_take(&w->push, push, answer, arg);
    else
        answer(arg, 404, "");
}

const struct gateway_plugin gateway_plugin = {
    .abi = GATEWAY_ABI,
    .size = sizeof gateway_plugin,
    .name = "wecom",
    .channel = "wecom",
    .settings = wecom_settings,
    .open = wecom_open,
    .submit = wecom_submit,
    .close = wecom_close,
    .callback = wecom_callback,
    .instance_capabilities = wecom_instance_capabilities,
    .presets = wecom_presets,
};
