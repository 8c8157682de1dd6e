/*
 * wecom.c - WeCom (企业微信): a group's robot, or an application that writes to members
 *
 * With `key` it is a robot: one group, no receipts, no way to know a repeat. With `corpid`,
 * `secret` and `agentid` it is an application: the address is a userid. Its access token is shared
 * by all daemons (token.h). How messages become requests: wecom_send.c.
 *
 *     { name = "office"; plugin = "wecom"; key = "@file:/etc/outreach/wecom.key"; }
 *     { name = "members"; plugin = "wecom"; corpid = "ww1"; secret = "@env:WECOM_SECRET";
 *       agentid = 1000002; }
 */
#include "wecom.h"

#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MENTIONS_MAX 50

CODES_TABLE(wecom, "wecom/codes.tsv");

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
     "Of an application: WeCom drops a repeat of the same request for so long."},
    {"batch", GATEWAY_INT, false, 1, WECOM_USERS_MAX, "100", NULL,
     "Of an application: members in one request, who get the same text; with 1 a resend after a "
     "lost answer is never shown twice."},
    {"push_token", GATEWAY_SECRET, false, 0, 0, NULL, NULL,
     "Token of the application's \"receive messages\": replies come in."},
    {"push_key", GATEWAY_SECRET, false, 0, 0, NULL, NULL, "Its EncodingAESKey."},
    {"api", GATEWAY_STRING, false, 8, 500, "https://qyapi.weixin.qq.com", NULL,
     "Where WeCom answers: of a private deployment or a proxy."},
    {"timeout", GATEWAY_DURATION, false, 1000, 300000, "30s", NULL,
     "How long an answer may take; after it the outcome is unknown."},
    {"window", GATEWAY_INT, false, 1, 65535, "100", NULL, "Messages without an answer at once."},
    {0},
};

/* A robot's 21st message of a minute is refused; an application's are dropped silently. */
static const struct gateway_preset wecom_presets[] = {
    {"key", "rate", "20/min"},
    {"key", "group", "true"},
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
        wecom_judge(w, response, code, json_string_value(json_object_get(json, "errmsg")), trouble);
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

    tokens_close(w->tokens);
    wecom_push_close(&w->push);
    wecom_flights_free(w);
    judge_close(&w->judge);
    text_free(&w->mentions);
    text_free(&w->url);
    free(w);
}

static int wecom_open(const struct gateway_host *host, struct gateway *gw, void **state,
                      char *error, size_t size)
{
    struct wecom *w = memory_calloc(1, sizeof *w);

    w->host = host;
    w->gw = gw;
    w->api = given(w, "api");
    w->key = given(w, "key");
    w->corpid = given(w, "corpid");
    w->secret = given(w, "secret");
    w->agentid = host->setting_int(gw, "agentid");
    w->format = given(w, "format");
    w->interval_s = host->setting_int(gw, "duplicate_check") / 1000;
    w->batch = w->key != NULL ? 1 : (size_t)host->setting_int(gw, "batch");
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
    .batch_max = WECOM_USERS_MAX,
    .capabilities = GATEWAY_OPENS_QUIETLY,
    .settings = wecom_settings,
    .open = wecom_open,
    .submit = wecom_submit,
    .close = wecom_close,
    .callback = wecom_callback,
    .instance_capabilities = wecom_instance_capabilities,
    .presets = wecom_presets,
};
