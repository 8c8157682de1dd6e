/*
 * aliyun.c - Aliyun SMS (阿里云短信), API Dysmsapi 2017-05-25
 *
 * A message is an approved template of the provider with the recipient's parameters; the
 * campaign names both. Several people of one submit() go in one SendBatchSms, one alone by
 * SendSms, which carries our reference as OutId. Receipts and replies are pushed; what is
 * not, is asked for.
 *
 *     { name = "aliyun"; plugin = "aliyun"; signature = "gateway";
 *       access_key_id = "LTAI..."; access_key_secret = "@file:/etc/outreach/aliyun.secret";
 *       sign_name = "鼓楼区妇联"; per_number = "aliyun-notice";
 *       callback_token = "@file:/etc/outreach/aliyun.token"; }
 */
#include "aliyun.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

CODES_TABLE(aliyun, "aliyun/codes.tsv");

#define VERSION "2017-05-25"
#define NONCE_BYTES 16

static const struct gateway_setting aliyun_settings[] = {
    {"access_key_id", GATEWAY_STRING, true, 1, 128, NULL, NULL, "The AccessKey's id."},
    {"access_key_secret", GATEWAY_SECRET, true, 0, 0, NULL, NULL, "The AccessKey's secret."},
    {"sign_name", GATEWAY_STRING, true, 1, 100, NULL, NULL,
     "The approved signature, without its brackets, where a campaign names none."},
    {"extend_code", GATEWAY_STRING, false, 0, 20, NULL, NULL,
     "SmsUpExtendCode: what is added to the number that people reply to."},
    {"batch", GATEWAY_INT, false, 1, ALIYUN_BATCH_MAX, "100", NULL,
     "People in one request at most; with 1 receipts carry our reference."},
    {"receipts", GATEWAY_BOOL, false, 0, 0, "true", NULL,
     "Are receipts pushed, or to be asked for? false: accepted is the last word."},
    {"poll_after", GATEWAY_DURATION, false, 0, 86400000, "20min", NULL,
     "A receipt that has not come by then is asked for; 0: never."},
    {"window", GATEWAY_INT, false, 1, 65535, "100", NULL, "Messages without an answer at once."},
    {"timeout", GATEWAY_DURATION, false, 1000, 300000, "30s", NULL,
     "How long an answer may take; after it the outcome is unknown."},
    {"url", GATEWAY_STRING, false, 8, 300, "https://dysmsapi.aliyuncs.com/", NULL, "The endpoint."},
    {0},
};

/* ----------------------------------------------------------------------- calls */
void aliyun_param(struct aliyun_call *call, const char *name, const char *value)
{
    call->params[call->count++] = (struct acs3_param){name, value, strlen(value)};
}

void aliyun_call(struct aliyun *a, const struct aliyun_call *call, gateway_http_fn *fn, void *arg)
{
    uint8_t random[NONCE_BYTES];
    char nonce[2 * NONCE_BYTES + 1];
    struct text url = {0};
    struct acs3_signed s;
    struct gateway_http_request request = {
        .method = "POST", .timeout_ms = a->timeout_ms, .send_by_ms = call->send_by_ms};

    a->host->random(random, sizeof random);
    digest_hex(random, sizeof random, nonce);
    if (call->form != NULL) {
        request.body = text_string(call->form);
        request.length = call->form->length;
    }
    acs3_sign(
        &(struct acs3_request){
            .host = a->authority,
            .action = call->action,
            .version = VERSION,
            .query = call->params,
            .query_count = call->count,
            .content_type = call->form == NULL ? NULL : "application/x-www-form-urlencoded",
            .body = request.body,
            .length = request.length,
            .key_id = a->key_id,
            .secret = a->secret,
            .nonce = nonce,
            .wall_ms = a->host->wall_ms(),
        },
        &s);
    text_printf(&url, "%s%s?%s", a->url, a->url[strlen(a->url) - 1] == '/' ? "" : "/",
                text_string(&s.query));
    request.url = text_string(&url);
    request.headers = s.headers;
    a->host->http(a->gw, &request, fn, arg);
    acs3_free(&s);
    text_free(&url);
}

json_t *aliyun_answer(const struct gateway_http_response *response, const char **code)
{
    json_t *root = response->result == GATEWAY_HTTP_ANSWERED
                       ? json_loadb(response->body, response->length, 0, NULL)
                       : NULL;

    *code = json_string_value(json_object_get(root, "Code"));
    if (*code != NULL && **code != '\0')
        return root;
    *code = NULL; /* it lives in root */
    json_decref(root);
    return NULL;
}

size_t aliyun_id(const char *biz_id, const char *number, char out[ALIYUN_ID_BYTES])
{
    enum { DIGEST_BYTES = 8, BIZ_BYTES = ALIYUN_ID_BYTES - 2 * DIGEST_BYTES - 2 };
    uint8_t digest[SHA256_BYTES];
    struct text both = {0};
    size_t n = strlen(biz_id);

    text_printf(&both, "%s/%s", biz_id, number);
    digest_sha256(both.bytes, both.length, digest);
    text_free(&both);
    if (n > BIZ_BYTES) {
        biz_id += n - BIZ_BYTES;
        n = BIZ_BYTES;
    }
    memcpy(out, biz_id, n);
    out[n] = '/';
    digest_hex(digest, DIGEST_BYTES, out + n + 1);
    return n + 1 + (size_t)(2 * DIGEST_BYTES);
}

/* --------------------------------------------------------------- opening, closing */
static void on_stored(void *owner, const char *id, size_t n)
{
    struct aliyun *a = owner;

    awaited_remove(a->awaited, id, n);
}

static void aliyun_close(void *state)
{
    struct aliyun *a = state;

    aliyun_questions_free(a);
    aliyun_sendings_free(a);
    inbox_free(&a->inbox);
    awaited_free(a->awaited);
    judge_close(&a->judge);
    free(a);
}

static int aliyun_open(const struct gateway_host *host, struct gateway *gw, void **state,
                       char *error, size_t size)
{
    struct aliyun *a = memory_calloc(1, sizeof *a);
    int64_t poll_after_ms = host->setting_int(gw, "poll_after");

    *a = (struct aliyun){
        .host = host,
        .gw = gw,
        .url = host->setting_string(gw, "url"),
        .key_id = host->setting_string(gw, "access_key_id"),
        .secret = host->setting_string(gw, "access_key_secret"),
        .sign_name = host->setting_string(gw, "sign_name"),
        .extend_code = host->setting_string(gw, "extend_code"),
        .timeout_ms = host->setting_int(gw, "timeout"),
        .batch = (size_t)host->setting_int(gw, "batch"),
        .receipts = host->setting_int(gw, "receipts") != 0,
        .inbox = {host, gw, "{\"code\":0,\"msg\":\"ok\"}", on_stored, a, NULL},
    };
    if (a->extend_code == NULL)
        a->extend_code = "";
    if (judge_open(&a->judge, host, gw, codes_table_aliyun, CODES_BYTES(aliyun), error, size) !=
            0 ||
        endpoint_read(a->url, "url", a->authority, error, size) != 0) {
        aliyun_close(a);
        return -1;
    }
    if (a->receipts)
        a->awaited = awaited_create(host, gw, poll_after_ms, aliyun_ask, a);
    *state = a;
    host->capacity(gw, (unsigned)host->setting_int(gw, "window"), "ready");
    return 0;
}

static void aliyun_owed(void *state, const struct gateway_id *id, const char *to,
                        int64_t submitted_ms)
{
    struct aliyun *a = state;
    char number[CHINA_NUMBER_BYTES];

    if (memchr(id->bytes, '/', id->length) != NULL && china_number(to, number))
        awaited_resume(a->awaited, id->bytes, id->length, number, submitted_ms);
}

static unsigned aliyun_capabilities(void *state)
{
    const struct aliyun *a = state;

    return GATEWAY_SEGMENTS | GATEWAY_TEMPLATES_ONLY | (a->receipts ? GATEWAY_SENDS_RECEIPTS : 0) |
           (a->receipts && a->batch == 1 ? GATEWAY_ECHOES_REFERENCE : 0);
}

const struct gateway_plugin gateway_plugin = {
    .abi = GATEWAY_ABI,
    .size = sizeof gateway_plugin,
    .name = "aliyun",
    .channel = "sms",
    .capabilities =
        GATEWAY_SEGMENTS | GATEWAY_SENDS_RECEIPTS | GATEWAY_TEMPLATES_ONLY | GATEWAY_OPENS_QUIETLY,
    .batch_max = ALIYUN_BATCH_MAX,
    .settings = aliyun_settings,
    .open = aliyun_open,
    .submit = aliyun_submit,
    .close = aliyun_close,
    .callback = aliyun_callback,
    .query = aliyun_query,
    .instance_capabilities = aliyun_capabilities,
    .owed = aliyun_owed,
};
