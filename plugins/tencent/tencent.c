/*
 * tencent.c - Tencent Cloud SMS (腾讯云短信), API 3.0 of 2021-01-11
 *
 * A message is an approved template with the recipient's parameters, by their order. Those who
 * have the same go in one SendSms, and each is answered by itself. Receipts and replies are
 * pushed, or pulled where Tencent has enabled that.
 *
 *     { name = "tencent"; plugin = "tencent"; signature = "gateway";
 *       secret_id = "AKID..."; secret_key = "@file:/etc/outreach/tencent.secret";
 *       app_id = "1400006666"; sign_name = "鼓楼区妇联"; per_number = "tencent";
 *       callback_token = "@file:/etc/outreach/tencent.token"; }
 */
#include "tencent.h"

#include "memory.h"
#include "tc3.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

CODES_TABLE(tencent, "tencent/codes.tsv");

#define VERSION "2021-01-11"
#define CONTENT_TYPE "application/json; charset=utf-8"

static const struct gateway_setting tencent_settings[] = {
    {"secret_id", GATEWAY_STRING, true, 1, 128, NULL, NULL, "The API key's SecretId."},
    {"secret_key", GATEWAY_SECRET, true, 0, 0, NULL, NULL, "The API key's SecretKey."},
    {"app_id", GATEWAY_STRING, true, 1, 32, NULL, NULL, "The SdkAppId, as in 1400006666."},
    {"sign_name", GATEWAY_STRING, true, 1, 100, NULL, NULL,
     "The approved signature, without its brackets, where a campaign names none."},
    {"extend_code", GATEWAY_STRING, false, 0, 20, NULL, NULL,
     "ExtendCode: what is added to the number that people reply to."},
    {"batch", GATEWAY_INT, false, 1, TENCENT_BATCH_MAX, "200", NULL,
     "People in one request at most."},
    {"receipts", GATEWAY_BOOL, false, 0, 0, "true", NULL,
     "Are receipts pushed or pulled? false: accepted is the last word."},
    {"pull", GATEWAY_DURATION, false, 0, 3600000, "0s", NULL,
     "How often receipts and replies are pulled, where Tencent has enabled that; 0: never."},
    {"poll_after", GATEWAY_DURATION, false, 0, 86400000, "20min", NULL,
     "A receipt that has not come by then is asked for by its number; 0: never."},
    {"region", GATEWAY_STRING, false, 1, 32, "ap-guangzhou", NULL, "X-TC-Region."},
    {"window", GATEWAY_INT, false, 1, 65535, "100", NULL, "Messages without an answer at once."},
    {"timeout", GATEWAY_DURATION, false, 1000, 300000, "30s", NULL,
     "How long an answer may take; after it the outcome is unknown."},
    {"url", GATEWAY_STRING, false, 8, 300, "https://sms.tencentcloudapi.com/", NULL,
     "The endpoint."},
    {0},
};

/* ----------------------------------------------------------------------- calls */
void tencent_call(struct tencent *t, const char *action, const struct text *body,
                  int64_t send_by_ms, gateway_http_fn *fn, void *arg)
{
    int64_t time_s = t->host->wall_ms() / 1000;
    char name[ENDPOINT_HOST_BYTES];
    struct text lines[4] = {{0}};
    struct tc3_signed s;

    snprintf(name, sizeof name, "%s", t->authority);
    if (name[0] != '[') /* no address of IPv6, which has colons of its own */
        name[strcspn(name, ":")] = '\0';
    tc3_sign(
        &(struct tc3_request){
            .host = name,
            .service = "sms",
            .content_type = CONTENT_TYPE,
            .body = text_string(body),
            .length = body->length,
            .secret_id = t->secret_id,
            .secret_key = t->secret_key,
            .time_s = time_s,
        },
        &s);
    text_printf(&lines[0], "Authorization: %s", text_string(&s.authorization));
    text_printf(&lines[1], "X-TC-Action: %s", action);
    text_printf(&lines[2], "X-TC-Timestamp: %" PRId64, time_s);
    text_printf(&lines[3], "X-TC-Region: %s", t->region);
    t->host->http(
        t->gw,
        &(struct gateway_http_request){
            .method = "POST",
            .url = t->url,
            .headers =
                (const char *const[]){"Content-Type: " CONTENT_TYPE, "X-TC-Version: " VERSION,
                                      text_string(&lines[0]), text_string(&lines[1]),
                                      text_string(&lines[2]), text_string(&lines[3]), NULL},
            .body = text_string(body),
            .length = body->length,
            .timeout_ms = t->timeout_ms,
            .send_by_ms = send_by_ms,
        },
        fn, arg);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        text_free(&lines[i]);
    text_free(&s.authorization);
}

json_t *tencent_answer(const struct gateway_http_response *response, json_t **inner,
                       const char **code, const char **words)
{
    json_t *root = response->result == GATEWAY_HTTP_ANSWERED
                       ? json_loadb(response->body, response->length, 0, NULL)
                       : NULL;
    const json_t *error;

    *inner = json_object_get(root, "Response");
    error = json_object_get(*inner, "Error");
    *code = json_string_value(json_object_get(error, "Code"));
    *words = json_string_value(json_object_get(error, "Message"));
    return root;
}

const char *tencent_string(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value == NULL ? "" : value;
}

struct gateway_id tencent_id(const char *serial_no)
{
    size_t n = strlen(serial_no);
    size_t over = n > AWAITED_ID_BYTES ? n - AWAITED_ID_BYTES : 0;

    return (struct gateway_id){serial_no + over, n - over};
}

/* --------------------------------------------------------------- opening, closing */
static void on_stored(void *owner, const char *id, size_t n)
{
    struct tencent *t = owner;

    awaited_remove(t->awaited, id, n);
}

static void tencent_close(void *state)
{
    struct tencent *t = state;

    tencent_pull_close(t);
    tencent_questions_free(t);
    tencent_sendings_free(t);
    inbox_free(&t->inbox);
    awaited_free(t->awaited);
    judge_close(&t->judge);
    free(t);
}

static int tencent_open(const struct gateway_host *host, struct gateway *gw, void **state,
                        char *error, size_t size)
{
    struct tencent *t = memory_calloc(1, sizeof *t);

    *t = (struct tencent){
        .host = host,
        .gw = gw,
        .url = host->setting_string(gw, "url"),
        .secret_id = host->setting_string(gw, "secret_id"),
        .secret_key = host->setting_string(gw, "secret_key"),
        .app_id = host->setting_string(gw, "app_id"),
        .sign_name = host->setting_string(gw, "sign_name"),
        .extend_code = host->setting_string(gw, "extend_code"),
        .region = host->setting_string(gw, "region"),
        .timeout_ms = host->setting_int(gw, "timeout"),
        .pull_ms = host->setting_int(gw, "pull"),
        .batch = (size_t)host->setting_int(gw, "batch"),
        .receipts = host->setting_int(gw, "receipts") != 0,
        .inbox = {host, gw, "{\"result\":0,\"errmsg\":\"OK\"}", on_stored, t, NULL},
    };
    if (t->extend_code == NULL)
        t->extend_code = "";
    if (judge_open(&t->judge, host, gw, codes_table_tencent, CODES_BYTES(tencent), error, size) !=
            0 ||
        endpoint_read(t->url, "url", t->authority, error, size) != 0) {
        tencent_close(t);
        return -1;
    }
    if (t->receipts)
        t->awaited = awaited_create(host, gw, host->setting_int(gw, "poll_after"), tencent_ask, t);
    tencent_pull_open(t);
    *state = t;
    host->capacity(gw, (unsigned)host->setting_int(gw, "window"), "ready");
    return 0;
}

static void tencent_owed(void *state, const struct gateway_id *id, const char *to,
                         int64_t submitted_ms)
{
    struct tencent *t = state;

    awaited_resume(t->awaited, id->bytes, id->length, to, submitted_ms);
}

static unsigned tencent_capabilities(void *state)
{
    const struct tencent *t = state;

    return GATEWAY_SEGMENTS | GATEWAY_TEMPLATES_ONLY | (t->receipts ? GATEWAY_SENDS_RECEIPTS : 0);
}

const struct gateway_plugin gateway_plugin = {
    .abi = GATEWAY_ABI,
    .size = sizeof gateway_plugin,
    .name = "tencent",
    .channel = "sms",
    .capabilities =
        GATEWAY_SEGMENTS | GATEWAY_SENDS_RECEIPTS | GATEWAY_TEMPLATES_ONLY | GATEWAY_OPENS_QUIETLY,
    .batch_max = TENCENT_BATCH_MAX,
    .settings = tencent_settings,
    .open = tencent_open,
    .submit = tencent_submit,
    .close = tencent_close,
    .callback = tencent_callback,
    .query = tencent_query,
    .instance_capabilities = tencent_capabilities,
    .owed = tencent_owed,
};
