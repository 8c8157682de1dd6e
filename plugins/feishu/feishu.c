/*
 * feishu.c - Feishu and Lark (飞书): the robot of a group
 *
 * One group, no receipts, no replies, no way to know a repeat: after a time-out the outcome is
 * unknown, and the reminder's `doubt` decides. The signature's key is timestamp and secret, and
 * what it signs is empty: other than DingTalk's, which looks alike.
 *
 *     { name = "street"; plugin = "feishu"; hook = "@file:/etc/outreach/feishu.hook";
 *       sign_secret = "@env:FEISHU_SECRET"; }
 */
#include "feishu_sign.h"
#include "gateway_plugin.h"
#include "judge.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define BODY_BYTES_MAX (20 << 10) /* of the whole request */
#define PAUSE_MS 10000            /* after "too fast", or when they are busy at the full hour */

CODES_TABLE(feishu, "feishu/codes.tsv");

struct feishu {
    const struct gateway_host *host;
    struct gateway *gw;
    const char *secret; /* NULL: the robot is not set to check signatures */
    struct text url;
    struct judge judge;
    LIST_HEAD(, flight) flights;
};

struct flight {
    LIST_ENTRY(flight) links;
    struct feishu *feishu;
    uint64_t token;
};

static const struct gateway_setting feishu_settings[] = {
    {"hook", GATEWAY_SECRET, true, 0, 0, NULL, NULL,
     "The end of the robot's webhook, behind /hook/."},
    {"sign_secret", GATEWAY_SECRET, false, 0, 0, NULL, NULL,
     "Of the robot's signature check, where it is on."},
    {"api", GATEWAY_STRING, false, 8, 500, "https://open.feishu.cn", NULL,
     "Where it answers: https://open.larksuite.com for Lark."},
    {"timeout", GATEWAY_DURATION, false, 1000, 300000, "30s", NULL,
     "How long an answer may take; after it the outcome is unknown."},
    {"window", GATEWAY_INT, false, 1, 65535, "4", NULL, "Requests without an answer at once."},
    {"rate", GATEWAY_STRING, false, 0, 0, "90/min", NULL, "Theirs is 100 a minute and 5 a second."},
    {0},
};

static void feishu_close(void *state)
{
    struct feishu *f = state;
    struct flight *flight;

    while ((flight = LIST_FIRST(&f->flights)) != NULL) {
        LIST_REMOVE(flight, links);
        free(flight);
    }
    judge_close(&f->judge);
    text_free(&f->url);
    free(f);
}

static int feishu_open(const struct gateway_host *host, struct gateway *gw, void **state,
                       char *error, size_t size)
{
    struct feishu *f = memory_calloc(1, sizeof *f);
    const char *hook = host->setting_string(gw, "hook");

    f->host = host;
    f->gw = gw;
    f->secret = host->setting_string(gw, "sign_secret");
    if (f->secret != NULL && *f->secret == '\0')
        f->secret = NULL;
    f->judge.secrets[0] = hook;
    f->judge.secrets[1] = f->secret;
    if (judge_open(&f->judge, host, gw, codes_table_feishu, CODES_BYTES(feishu), error, size) !=
        0) {
        feishu_close(f);
        return -1;
    }
    text_printf(&f->url, "%s/open-apis/bot/v2/hook/", host->setting_string(gw, "api"));
    text_put_percent(&f->url, hook, strlen(hook));
    *state = f;
    host->capacity(gw, (unsigned)host->setting_int(gw, "window"), "ready");
    return 0;
}

static void on_response(void *arg, const struct gateway_http_response *response)
{
    struct flight *flight = arg;
    struct feishu *f = flight->feishu;
    uint64_t token = flight->token;
    char number[JUDGE_NUMBER_BYTES];
    struct gateway_answer answer;

    LIST_REMOVE(flight, links);
    free(flight);
    if (!judge_silence(&f->judge, response, &answer)) {
        json_t *json = json_loadb(response->body, response->length, 0, NULL);
        const char *code = judge_text(json, "code", number);
        const char *words = json_string_value(json_object_get(json, "msg"));

        if (code == NULL) { /* as it answered once */
            code = judge_text(json, "StatusCode", number);
            words = json_string_value(json_object_get(json, "StatusMessage"));
        }
        judge_answer(&f->judge, response->status, code, words, &answer);
        json_decref(json);
        if (answer.outcome == GATEWAY_THROTTLED)
            answer.retry_after_ms =
                response->retry_after_ms > PAUSE_MS ? response->retry_after_ms : PAUSE_MS;
    }
    f->host->done(f->gw, token, &answer);
}

static void put_body(const struct feishu *f, const struct gateway_message *m, struct text *body)
{
    char sign[FEISHU_SIGN_BYTES];
    int64_t now_s = f->host->wall_ms() / 1000;

    text_puts(body, "{");
    if (f->secret != NULL) {
        feishu_sign(now_s, f->secret, sign);
        text_printf(body, "\"timestamp\":\"%lld\",\"sign\":\"%s\",", (long long)now_s, sign);
    }
    text_puts(body, "\"msg_type\":\"text\",\"content\":{\"text\":");
    text_put_json(body, m->text, m->length);
    text_puts(body, "}}");
}

static void send_one(struct feishu *f, const struct gateway_message *m)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct gateway_answer too_long = {GATEWAY_REJECTED, GATEWAY_REASON_TEXT,
                                      .words = "more than 20 KB"};
    struct gateway_http_request request = {
        .method = "POST",
        .url = f->url.bytes,
        .headers = headers,
        .timeout_ms = f->host->setting_int(f->gw, "timeout"),
        .send_by_ms = m->submit_by_ms,
    };
    struct flight *flight;
    struct text body = {0};

    put_body(f, m, &body);
    if (body.length > BODY_BYTES_MAX) {
        f->host->done(f->gw, m->token, &too_long);
    } else {
        flight = memory_calloc(1, sizeof *flight);
        flight->feishu = f;
        flight->token = m->token;
        LIST_INSERT_HEAD(&f->flights, flight, links);
        request.body = body.bytes;
        request.length = body.length;
        f->host->http(f->gw, &request, on_response, flight);
    }
    text_free(&body);
}

static void feishu_submit(void *state, const struct gateway_message *const *messages, size_t n)
{
    for (size_t i = 0; i < n; i++)
        send_one(state, messages[i]);
}

const struct gateway_plugin gateway_plugin = {
    .abi = GATEWAY_ABI,
    .size = sizeof gateway_plugin,
    .name = "feishu",
    .channel = "feishu",
    .capabilities = GATEWAY_GROUP_ONLY | GATEWAY_OPENS_QUIETLY,
    .settings = feishu_settings,
    .open = feishu_open,
    .submit = feishu_submit,
    .close = feishu_close,
};
