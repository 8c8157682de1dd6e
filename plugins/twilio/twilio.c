/*
 * twilio.c - Twilio's Programmable Messaging
 *
 * A message is one POST of a form. Twilio has no field for a reference of ours, so it stands
 * in the query of the status callback's URL, which the signature covers: a receipt then finds
 * its notice even where the answer to the POST was lost. Receipts and replies come to
 * /callbacks/NAME and are believed by their X-Twilio-Signature (signature.h). A receipt that does
 * not come is asked for (ask.c).
 *
 *     { name = "twilio"; plugin = "twilio";
 *       account_sid = "AC…"; auth_token = "@env:TWILIO_AUTH_TOKEN";
 *       source = "+15017122661";
 *       callback_url = "https://sms.example.org/callbacks/twilio"; }
 */
#include "twilio.h"

#include "digest.h"
#include "member.h"
#include "memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API_URL "https://api.twilio.com"
#define VALIDITY_MAX_S 36000
#define DAY_LIMIT_WAIT_MS 3600000

CODES_TABLE(twilio, "twilio/codes.tsv");

static const struct gateway_setting settings[] = {
    {"account_sid", GATEWAY_STRING, true, 2, 64, NULL, NULL, "The account: AC and 32 digits."},
    {"auth_token", GATEWAY_SECRET, true, 1, 200, NULL, NULL,
     "Of the account; callbacks are signed with it, whatever requests are sent with."},
    {"api_key", GATEWAY_STRING, false, 2, 64, NULL, NULL,
     "An API key to send with in place of the auth token: SK and 32 digits."},
    {"api_secret", GATEWAY_SECRET, false, 1, 200, NULL, NULL, "Of the API key."},
    {"source", GATEWAY_STRING, false, 1, 64, NULL, NULL,
     "The sender: a number of the account or a name it may use."},
    {"messaging_service", GATEWAY_STRING, false, 2, 64, NULL, NULL,
     "A messaging service that chooses the sender, in place of source: MG and 32 digits."},
    {"callback_url", GATEWAY_STRING, false, 8, 1000, NULL, NULL,
     "This gateway's /callbacks/NAME as Twilio sees it; without it there are no replies, and "
     "receipts only by asking."},
    {"poll_after", GATEWAY_DURATION, false, 0, 86400000, "20min", NULL,
     "A receipt that has not come by then is asked for; 0s: never."},
    {"api_url", GATEWAY_STRING, false, 8, 200, API_URL, NULL, "Where the API is."},
    {"window", GATEWAY_INT, false, 1, 1000, "50", NULL, "Requests without an answer at once."},
    {"timeout", GATEWAY_DURATION, false, 1000, 300000, "30s", NULL,
     "How long an answer may take; after it the outcome is unknown."},
    {0},
};

/* ------------------------------------------------------------------- opening */
static const char *given(const struct twilio *t, const char *name)
{
    const char *value = t->host->setting_string(t->gw, name);

    return value != NULL && *value != '\0' ? value : NULL;
}

static const char *trouble_of_callback_url(const char *url)
{
    size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;
    size_t host = strcspn(url + scheme, "/");

    if (scheme == 0 || host == 0 || strpbrk(url, "?# ") != NULL)
        return "must be http:// or https://, a host and a path";
    /* Twilio refuses such a callback, and with it the message. */
    return memchr(url + scheme, '_', host) != NULL ? "the host's name must have no underscore"
                                                   : NULL;
}

static int check(struct twilio *t, char *error, size_t size)
{
    const char *sid = given(t, "account_sid"), *trouble;

    if (strspn(sid, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") !=
        strlen(sid)) {
        snprintf(error, size, "account_sid: has letters and digits only");
        return -1;
    }
    if ((given(t, "api_key") == NULL) != (given(t, "api_secret") == NULL)) {
        snprintf(error, size, "api_key: needs api_secret, and the other way round");
        return -1;
    }
    if ((t->source == NULL) == (t->messaging_service == NULL)) {
        snprintf(error, size, "source: needed, or messaging_service, and not both");
        return -1;
    }
    trouble = t->callback_url == NULL ? NULL : trouble_of_callback_url(t->callback_url);
    if (trouble == NULL)
        return 0;
    snprintf(error, size, "callback_url: %s", trouble);
    return -1;
}

/* RFC 7617. */
static void make_authorization(struct twilio *t)
{
    const char *key = given(t, "api_key");
    struct text pair = {0}, line = {0};
    char *coded;

    text_printf(&pair, "%s:%s", key != NULL ? key : given(t, "account_sid"),
                key != NULL ? given(t, "api_secret") : t->auth_token);
    coded = memory_alloc(DIGEST_BASE64_BYTES(pair.length));
    digest_base64(pair.bytes, pair.length, coded);
    text_printf(&line, "Authorization: Basic %s", coded);
    t->authorization = line.bytes;
    free(coded);
    text_free(&pair);
}

static void make_url(struct twilio *t)
{
    const char *api = given(t, "api_url");
    struct text url = {0};

    text_printf(&url, "%s/2010-04-01/Accounts/%s/Messages.json", api, given(t, "account_sid"));
    t->url = url.bytes;
}

static void twilio_close(void *state)
{
    struct twilio *t = state;

    single_close(&t->single);
    twilio_questions_free(t);
    twilio_pushes_free(t);
    awaited_free(t->awaited);
    gather_close(&t->gather);
    answers_close(&t->answers);
    free(t->url);
    free(t->authorization);
    free(t);
}

/* ------------------------------------------------------------------- sending */
static void put_field(struct text *body, const char *name, const char *value, size_t n)
{
    text_printf(body, "%s%s=", body->length > 0 ? "&" : "", name);
    text_put_percent(body, value, n);
}

static void put_string(struct text *body, const char *name, const char *value)
{
    put_field(body, name, value, strlen(value));
}

static void put_template(struct text *body, const struct gateway_message *m)
{
    struct text variables = {0};

    put_string(body, "ContentSid", m->template_code);
    if (m->param_count == 0)
        return;
    for (size_t i = 0; i < m->param_count; i++) {
        text_puts(&variables, i == 0 ? "{" : ",");
        text_put_json(&variables, m->params[i].name, strlen(m->params[i].name));
        text_puts(&variables, ":");
        text_put_json(&variables, m->params[i].value, m->params[i].length);
    }
    text_puts(&variables, "}");
    put_string(body, "ContentVariables", text_string(&variables));
    text_free(&variables);
}

static void put_callback(const struct twilio *t, struct text *body, const struct gateway_message *m)
{
    struct text url = {0};

    text_printf(&url, "%s?ref=", t->callback_url);
    text_put_percent(&url, m->reference, strlen(m->reference));
    put_string(body, "StatusCallback", text_string(&url));
    text_free(&url);
}

static void put_validity(const struct twilio *t, struct text *body, const struct gateway_message *m)
{
    int64_t left_s = (m->expires_ms - t->host->wall_ms()) / 1000;

    if (m->expires_ms == 0 || left_s >= VALIDITY_MAX_S)
        return; /* their own limit is as long */
    text_printf(body, "&ValidityPeriod=%" PRId64, left_s > 0 ? left_s : 1);
}

static bool twilio_write(void *owner, const struct gateway_message *m, struct gateway_answer *out)
{
    struct twilio *t = owner;
    const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded",
                                   t->authorization, NULL};
    struct gateway_http_request request = {.method = "POST", .url = t->url, .headers = headers};
    struct text body = {0};

    if (m->to_length == 0) {
        *out = (struct gateway_answer){.outcome = GATEWAY_REJECTED,
                                       .reason = GATEWAY_REASON_NUMBER,
                                       .words = "no number: it reaches no groups"};
        return false;
    }
    put_string(&body, "To", m->to);
    if (m->from != NULL || t->source != NULL)
        put_string(&body, "From", m->from != NULL ? m->from : t->source);
    else
        put_string(&body, "MessagingServiceSid", t->messaging_service);
    if (m->template_code != NULL)
        put_template(&body, m);
    else
        put_field(&body, "Body", m->text, m->length);
    if (t->callback_url != NULL)
        put_callback(t, &body, m);
    put_validity(t, &body, m);
    request.body = body.bytes;
    request.length = body.length;
    single_send(&t->single, m, &request);
    text_free(&body);
    return true;
}

/* A day's limit is not over in a moment, and no Retry-After says so. */
static int64_t wait_of(const char *code)
{
    static const char *const days[] = {"30023", "30027", "63038"};

    for (size_t i = 0; i < sizeof days / sizeof *days; i++)
        if (strcmp(days[i], code) == 0)
            return DAY_LIMIT_WAIT_MS;
    return 0;
}

static bool twilio_read(void *owner, const struct gateway_message *m,
                        const struct gateway_http_response *response, struct gateway_answer *out)
{
    struct twilio *t = owner;
    json_t *body = response->result == GATEWAY_HTTP_ANSWERED
                       ? json_loadb(response->body, response->length, 0, NULL)
                       : NULL;
    bool accepted = response->result == GATEWAY_HTTP_ANSWERED && response->status / 100 == 2;
    char number[MEMBER_NUMBER_BYTES];
    const char *code = member_text(body, accepted ? "error_code" : "code", number);
    const char *words = json_string_value(json_object_get(body, "message"));
    const char *sid = json_string_value(json_object_get(body, "sid"));

    if (code != NULL && *code != '\0') {
        if (accepted)
            words = json_string_value(json_object_get(body, "error_message"));
        answers_by_code(&t->answers, code, words, out);
        out->retry_after_ms =
            response->retry_after_ms > 0 ? response->retry_after_ms : wait_of(out->code);
    } else if (accepted) {
        snprintf(t->id, sizeof t->id, "%s", sid == NULL || strlen(sid) > 64 ? "" : sid);
        answers_accepted(t->id, &t->kept, out);
        awaited_add(t->awaited, t->id, strlen(t->id), m->to);
    } else {
        /* RFC 9457's title, where they write errors so. */
        if (words == NULL)
            words = json_string_value(json_object_get(body, "title"));
        answers_by_http(&t->answers, response, words, out);
    }
    json_decref(body);
    return true;
}

static int twilio_open(const struct gateway_host *host, struct gateway *gw, void **state,
                       char *error, size_t size)
{
    struct twilio *t = memory_calloc(1, sizeof *t);

    t->host = host;
    t->gw = gw;
    t->auth_token = given(t, "auth_token");
    t->source = given(t, "source");
    t->messaging_service = given(t, "messaging_service");
    t->callback_url = given(t, "callback_url");
    if (answers_open(&t->answers, host, gw, codes_table_twilio, CODES_BYTES(twilio), error, size) !=
            0 ||
        check(t, error, size) != 0) {
        twilio_close(t);
        return -1;
    }
    t->answers.secret = t->auth_token;
    make_authorization(t);
    make_url(t);
    t->awaited = awaited_create(host, gw, host->setting_int(gw, "poll_after"), twilio_ask, t);
    t->gather = (struct gather){
        .host = host,
        .gw = gw,
        .ok_body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>",
    };
    t->single = (struct single){
        .host = host,
        .gw = gw,
        .write = twilio_write,
        .read = twilio_read,
        .owner = t,
        .window = (unsigned)host->setting_int(gw, "window"),
        .timeout_ms = host->setting_int(gw, "timeout"),
    };
    single_open(&t->single);
    *state = t;
    host->capacity(gw, t->single.window, "ready");
    return 0;
}

static void twilio_submit(void *state, const struct gateway_message *const *messages, size_t n)
{
    struct twilio *t = state;

    single_submit(&t->single, messages, n);
}

static unsigned twilio_capabilities(void *state)
{
    const struct twilio *t = state;

    return GATEWAY_SEGMENTS |
           (t->callback_url == NULL
                ? (t->awaited != NULL ? (unsigned)GATEWAY_SENDS_RECEIPTS : 0)
                : GATEWAY_SENDS_RECEIPTS | GATEWAY_ECHOES_REFERENCE | GATEWAY_CHECKS_PUSHES);
}

const struct gateway_plugin gateway_plugin = {
    .abi = GATEWAY_ABI,
    .size = sizeof gateway_plugin,
    .name = "twilio",
    .channel = "sms",
    .capabilities = GATEWAY_SEGMENTS | GATEWAY_SENDS_RECEIPTS | GATEWAY_ECHOES_REFERENCE |
                    GATEWAY_CHECKS_PUSHES | GATEWAY_OPENS_QUIETLY,
    .settings = settings,
    .open = twilio_open,
    .submit = twilio_submit,
    .close = twilio_close,
    .callback = twilio_push,
    .instance_capabilities = twilio_capabilities,
    .owed = twilio_owed,
};
