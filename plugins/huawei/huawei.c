/*
 * huawei.c - Huawei Cloud SMS (华为云 消息&短信, MSGSMS)
 *
 * A message is an approved template with the recipient's parameters, by their order. Up to 500
 * people go in one batchSendDiffSms, each with parameters and an answer of her own. Receipts and
 * replies are pushed; there is nothing to ask.
 *
 *     { name = "huawei"; plugin = "huawei"; signature = "gateway";
 *       url = "https://smsapi.cn-north-4.myhuaweicloud.com:443";
 *       app_key = "..."; app_secret = "@file:/etc/outreach/huawei.secret";
 *       source = "8824110605123"; per_number = "huawei-notice";
 *       status_callback = "@file:/etc/outreach/huawei.callback";
 *       callback_token = "@file:/etc/outreach/huawei.token"; }
 */
#include "huawei.h"

#include "memory.h"
#include "sdk_hmac.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

CODES_TABLE(huawei, "huawei/codes.tsv");

#define PATH "/sms/batchSendDiffSms/v1"
#define CONTENT_TYPE "application/json"
#define NONCE_BYTES 16

static const struct gateway_setting huawei_settings[] = {
    {"url", GATEWAY_STRING, true, 8, 300, NULL, NULL,
     "The application's address (APP接入地址), without a path."},
    {"app_key", GATEWAY_STRING, true, 1, 128, NULL, NULL, "The application's key."},
    {"app_secret", GATEWAY_SECRET, true, 0, 0, NULL, NULL, "The application's secret."},
    {"source", GATEWAY_STRING, true, 1, 21, NULL, NULL,
     "The channel's number (通道号), which belongs to a signature."},
    {"sign_name", GATEWAY_STRING, false, 0, 100, NULL, NULL,
     "The signature, for general templates only, where a campaign names none."},
    {"auth", GATEWAY_STRING, false, 0, 0, "aksk", NULL,
     "aksk: requests are signed; wsse, wsse-hex: X-WSSE, its digest of bytes or of their "
     "hexadecimal text."},
    {"status_callback", GATEWAY_SECRET, false, 0, 0, NULL, NULL,
     "Where receipts are pushed to, which holds the token; else as the application is set."},
    {"batch", GATEWAY_INT, false, 1, HUAWEI_BATCH_MAX, "500", NULL,
     "People in one request at most."},
    {"receipts", GATEWAY_BOOL, false, 0, 0, "true", NULL,
     "Are receipts pushed? false: accepted is the last word."},
    {"window", GATEWAY_INT, false, 1, 65535, "100", NULL, "Messages without an answer at once."},
    {"timeout", GATEWAY_DURATION, false, 1000, 300000, "30s", NULL,
     "How long an answer may take; after it the outcome is unknown."},
    {0},
};

/* ----------------------------------------------------------------------- calls */
static void put_aksk(struct huawei *h, const struct text *body, struct text lines[2])
{
    char date[SDK_HMAC_DATE_BYTES];
    struct sdk_hmac_signed s;

    sdk_hmac_date(h->host->wall_ms(), date);
    sdk_hmac_sign(
        &(struct sdk_hmac_request){
            .method = "POST",
            .host = h->authority,
            .path = PATH,
            .query = "",
            .content_type = CONTENT_TYPE,
            .body = text_string(body),
            .length = body->length,
            .key = h->key,
            .secret = h->secret,
            .date = date,
        },
        &s);
    text_printf(&lines[0], "Authorization: %s", text_string(&s.authorization));
    text_printf(&lines[1], "X-Sdk-Date: %s", date);
    text_free(&s.authorization);
}

static void put_wsse(struct huawei *h, struct text lines[2])
{
    time_t s = (time_t)(h->host->wall_ms() / 1000);
    char nonce[2 * NONCE_BYTES + 1], created[32], digest[WSSE_BYTES];
    uint8_t random[NONCE_BYTES];
    struct tm tm;

    h->host->random(random, sizeof random);
    digest_hex(random, sizeof random, nonce);
    gmtime_r(&s, &tm);
    strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", &tm);
    wsse_digest(nonce, created, h->secret, h->auth == HUAWEI_WSSE_HEX, digest);
    text_puts(&lines[0],
              "Authorization: WSSE realm=\"SDP\",profile=\"UsernameToken\",type=\"Appkey\"");
    text_printf(&lines[1],
                "X-WSSE: UsernameToken "
                "Username=\"%s\",PasswordDigest=\"%s\",Nonce=\"%s\",Created=\"%s\"",
                h->key, digest, nonce, created);
}

void huawei_call(struct huawei *h, const struct text *body, int64_t send_by_ms, gateway_http_fn *fn,
                 void *arg)
{
    struct text url = {0}, host = {0}, lines[2] = {{0}};

    if (h->auth == HUAWEI_SDK_HMAC)
        put_aksk(h, body, lines);
    else
        put_wsse(h, lines);
    text_printf(&url, "%.*s" PATH, (int)(strlen(h->url) - (h->url[strlen(h->url) - 1] == '/')),
                h->url);
    text_printf(&host, "Host: %s", h->authority);
    h->host->http(h->gw,
                  &(struct gateway_http_request){
                      .method = "POST",
                      .url = text_string(&url),
                      /* libcurl asks for leave to send a large body, which they do not answer */
                      .headers = (const char *const[]){"Content-Type: " CONTENT_TYPE, "Expect:",
                                                       text_string(&host), text_string(&lines[0]),
                                                       text_string(&lines[1]), NULL},
                      .body = text_string(body),
                      .length = body->length,
                      .timeout_ms = h->timeout_ms,
                      .send_by_ms = send_by_ms,
                  },
                  fn, arg);
    text_free(&url);
    text_free(&host);
    text_free(&lines[0]);
    text_free(&lines[1]);
}

const char *huawei_string(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value == NULL ? "" : value;
}

size_t huawei_id(const char *sms_msg_id, unsigned part, char out[HUAWEI_ID_BYTES])
{
    size_t n = strlen(sms_msg_id), room = HUAWEI_ID_BYTES - sizeof "/9";

    if (n > room) /* the end tells them apart */
        sms_msg_id += n - room;
    return (size_t)snprintf(out, HUAWEI_ID_BYTES, "%s/%u", sms_msg_id, part % 10);
}

/* --------------------------------------------------------------- opening, closing */
static void huawei_close(void *state)
{
    struct huawei *h = state;

    huawei_sendings_free(h);
    inbox_free(&h->inbox);
    judge_close(&h->judge);
    free(h);
}

static int read_auth(struct huawei *h, char *error, size_t size)
{
    static const char *const names[] = {
        [HUAWEI_SDK_HMAC] = "aksk", [HUAWEI_WSSE] = "wsse", [HUAWEI_WSSE_HEX] = "wsse-hex"};
    const char *given = h->host->setting_string(h->gw, "auth");

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], given) == 0) {
            h->auth = (enum huawei_auth)i;
            return 0;
        }
    snprintf(error, size, "auth: expected \"aksk\", \"wsse\" or \"wsse-hex\"");
    return -1;
}

static const char *optional(const struct huawei *h, const char *name)
{
    const char *value = h->host->setting_string(h->gw, name);

    return value == NULL ? "" : value;
}

static int huawei_open(const struct gateway_host *host, struct gateway *gw, void **state,
                       char *error, size_t size)
{
    struct huawei *h = memory_calloc(1, sizeof *h);

    *h = (struct huawei){
        .host = host,
        .gw = gw,
        .url = host->setting_string(gw, "url"),
        .key = host->setting_string(gw, "app_key"),
        .secret = host->setting_string(gw, "app_secret"),
        .source = host->setting_string(gw, "source"),
        .timeout_ms = host->setting_int(gw, "timeout"),
        .batch = (size_t)host->setting_int(gw, "batch"),
        .receipts = host->setting_int(gw, "receipts") != 0,
        .inbox = {host, gw, "", NULL, h, NULL},
    };
    h->sign_name = optional(h, "sign_name");
    h->status_callback = optional(h, "status_callback");
    if (judge_open(&h->judge, host, gw, codes_table_huawei, CODES_BYTES(huawei), error, size) !=
            0 ||
        endpoint_read(h->url, "url", h->authority, error, size) != 0 ||
        read_auth(h, error, size) != 0) {
        huawei_close(h);
        return -1;
    }
    *state = h;
    host->capacity(gw, (unsigned)host->setting_int(gw, "window"), "ready");
    return 0;
}

static unsigned huawei_capabilities(void *state)
{
    const struct huawei *h = state;

    return GATEWAY_SEGMENTS | GATEWAY_TEMPLATES_ONLY | (h->receipts ? GATEWAY_SENDS_RECEIPTS : 0);
}

const struct gateway_plugin gateway_plugin = {
    .abi = GATEWAY_ABI,
    .size = sizeof gateway_plugin,
    .name = "huawei",
    .channel = "sms",
    .capabilities =
        GATEWAY_SEGMENTS | GATEWAY_SENDS_RECEIPTS | GATEWAY_TEMPLATES_ONLY | GATEWAY_OPENS_QUIETLY,
    .batch_max = HUAWEI_BATCH_MAX,
    .settings = huawei_settings,
    .open = huawei_open,
    .submit = huawei_submit,
    .close = huawei_close,
    .callback = huawei_callback,
    .instance_capabilities = huawei_capabilities,
};
