/*
 * whatsapp.c - Meta's WhatsApp Cloud API
 *
 * Whoever has not written to us within 24 hours is reached by an approved template only: the
 * campaign names it for this gateway (`templates`), and its body's parameters in their order.
 * Without one the text itself is sent. Our reference goes along as biz_opaque_callback_data
 * and comes back with every status.
 *
 *     { name = "wa"; plugin = "whatsapp"; channel = "whatsapp";
 *       phone_number_id = "106540352242922"; token = "@env:WHATSAPP_TOKEN";
 *       app_secret = "@env:WHATSAPP_APP_SECRET"; verify_token = "@env:WHATSAPP_VERIFY_TOKEN"; }
 */
#include "whatsapp.h"

#include "digest.h"
#include "member.h"
#include "memory.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

CODES_TABLE(whatsapp, "whatsapp/codes.tsv");

static const struct gateway_setting language_fields[] = {
    {"language", GATEWAY_STRING, true, 1, 35, NULL, NULL, "Of the recipient: \"en\"."},
    {"code", GATEWAY_STRING, true, 1, 35, NULL, NULL, "Of the template: \"en_GB\"."},
    {0},
};

static const struct gateway_setting settings[] = {
    {"phone_number_id", GATEWAY_STRING, true, 1, 32, NULL, NULL,
     "Meta's id of the sending number: digits, not the number itself."},
    {"token", GATEWAY_SECRET, true, 1, 1000, NULL, NULL, "An access token that does not expire."},
    {"app_secret", GATEWAY_SECRET, false, 1, 200, NULL, NULL,
     "Of the app: what signs pushes. Without it there are neither receipts nor replies."},
    {"verify_token", GATEWAY_SECRET, false, 1, 200, NULL, NULL,
     "As it is entered beside the webhook's URL."},
    {"languages", GATEWAY_GROUPS, false, 0, 0, NULL, language_fields,
     "Codes of templates for languages: zh is zh_CN and others are as they are."},
    {"version", GATEWAY_STRING, false, 2, 8, "v25.0", NULL, "Of the Graph API."},
    {"api_url", GATEWAY_STRING, false, 8, 200, "https://graph.facebook.com", NULL,
     "Where the API is."},
    {"window", GATEWAY_INT, false, 1, 1000, "50", NULL, "Requests without an answer at once."},
    {"timeout", GATEWAY_DURATION, false, 1000, 300000, "30s", NULL,
     "How long an answer may take; after it the outcome is unknown."},
    {0},
};

/* Limits that are not over in a moment, and no Retry-After says so. */
static const struct {
    const char *code;
    int64_t wait_ms;
} waits[] = {
    {"131056", 6000},     /* one message in six seconds to one person */
    {"131049", 86400000}, /* withheld from this person: not before a day has passed */
};

/* ------------------------------------------------------------------- opening */
static const char *given(const struct whatsapp *w, const char *name)
{
    const char *value = w->host->setting_string(w->gw, name);

    return value != NULL && *value != '\0' ? value : NULL;
}

static int check(struct whatsapp *w, char *error, size_t size)
{
    const char *version = given(w, "version"), *token = given(w, "token");

    if (strspn(w->phone_number_id, "0123456789") != strlen(w->phone_number_id))
        snprintf(error, size, "phone_number_id: has digits only");
    else if (version[0] != 'v' || strspn(version + 1, "0123456789.") != strlen(version + 1))
        snprintf(error, size, "version: must be like v25.0");
    else if (strpbrk(token, " \t\r\n") != NULL)
        snprintf(error, size, "token: has a space in it");
    else if (w->verify_token != NULL && w->app_secret == NULL)
        snprintf(error, size, "verify_token: is of no use without app_secret");
    else
        return 0;
    return -1;
}

static void whatsapp_close(void *state)
{
    struct whatsapp *w = state;

    single_close(&w->single);
    gather_close(&w->gather);
    answers_close(&w->answers);
    free(w->url);
    free(w->authorization);
    free(w);
}

/* ------------------------------------------------------------------- sending */
static void put_member(struct text *body, const char *before, const char *value, size_t n)
{
    text_puts(body, before);
    text_put_json(body, value, n);
}

static const char *language_of(const struct whatsapp *w, const char *language, char code[36])
{
    size_t n = w->host->setting_count(w->gw, "languages");
    char path[48];

    for (size_t i = 0; i < n; i++) {
        const char *of;

        snprintf(path, sizeof path, "languages.%zu.language", i);
        of = given(w, path);
        snprintf(path, sizeof path, "languages.%zu.code", i);
        if (of != NULL && strcmp(of, language) == 0 && given(w, path) != NULL)
            return given(w, path);
    }
    if (strcmp(language, "zh") == 0)
        return "zh_CN";
    snprintf(code, 36, "%s", language);
    for (char *p = code; *p != '\0'; p++)
        if (*p == '-')
            *p = '_';
    return code;
}

static void put_template(const struct whatsapp *w, struct text *body,
                         const struct gateway_message *m)
{
    char code[36];
    const char *language = language_of(w, m->language == NULL ? "en" : m->language, code);

    put_member(body, ",\"type\":\"template\",\"template\":{\"name\":", m->template_code,
               strlen(m->template_code));
    put_member(body, ",\"language\":{\"code\":", language, strlen(language));
    text_puts(body, "}");
    for (size_t i = 0; i < m->param_count; i++) {
        text_puts(body, i == 0 ? ",\"components\":[{\"type\":\"body\",\"parameters\":[" : ",");
        put_member(body, "{\"type\":\"text\",\"text\":", m->params[i].value, m->params[i].length);
        text_puts(body, "}");
    }
    text_puts(body, m->param_count > 0 ? "]}]}" : "}");
}

static bool whatsapp_write(void *owner, const struct gateway_message *m, struct gateway_answer *out)
{
    struct whatsapp *w = owner;
    const char *const headers[] = {"Content-Type: application/json", w->authorization, NULL};
    struct gateway_http_request request = {.method = "POST", .url = w->url, .headers = headers};
    const char *to = m->to + (m->to[0] == '+');
    struct text body = {0};

    if (*to == '\0') {
        *out = (struct gateway_answer){.outcome = GATEWAY_REJECTED,
                                       .reason = GATEWAY_REASON_NUMBER,
                                       .words = "no number: it reaches no groups"};
        return false;
    }
    put_member(&body,
               "{\"messaging_product\":\"whatsapp\",\"recipient_type\":\"individual\",\"to\":", to,
               strlen(to));
    if (m->template_code != NULL) {
        put_template(w, &body, m);
    } else {
        put_member(&body, ",\"type\":\"text\",\"text\":{\"body\":", m->text, m->length);
        text_puts(&body, "}");
    }
    put_member(&body, ",\"biz_opaque_callback_data\":", m->reference, strlen(m->reference));
    text_puts(&body, "}");
    request.body = body.bytes;
    request.length = body.length;
    single_send(&w->single, m, &request);
    text_free(&body);
    return true;
}

/* -------------------------------------------------------------------- answers */
void whatsapp_id(const char *id, char out[WHATSAPP_ID_BYTES])
{
    uint8_t hash[SHA256_BYTES];
    size_t n = strlen(id);

    if (n < WHATSAPP_ID_BYTES) {
        memcpy(out, id, n + 1);
        return;
    }
    digest_sha256(id, n, hash);
    digest_hex(hash, sizeof hash, out);
}

const char *whatsapp_code(const json_t *error, char number[24])
{
    const char *code = member_text(error, "code", number);

    return code != NULL && strlen(code) == 3 && code[0] == '2' ? "200" : code;
}

const char *whatsapp_words(const json_t *error)
{
    const char *details =
        json_string_value(json_object_get(json_object_get(error, "error_data"), "details"));
    const char *message = json_string_value(json_object_get(error, "message"));

    return details != NULL   ? details
           : message != NULL ? message
                             : json_string_value(json_object_get(error, "title"));
}

static void refused(struct whatsapp *w, const json_t *error,
                    const struct gateway_http_response *response, struct gateway_answer *out)
{
    char number[24];
    const char *code = whatsapp_code(error, number), *words = whatsapp_words(error);

    if (code == NULL || *code == '\0') {
        answers_by_http(&w->answers, response, words, out);
        return;
    }
    answers_by_code(&w->answers, code, words, out);
    out->retry_after_ms = response->retry_after_ms;
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
        if (strcmp(waits[i].code, code) == 0 && out->retry_after_ms < waits[i].wait_ms)
            out->retry_after_ms = waits[i].wait_ms;
}

static bool whatsapp_read(void *owner, const struct gateway_message *m,
                          const struct gateway_http_response *response, struct gateway_answer *out)
{
    struct whatsapp *w = owner;
    json_t *body = response->result == GATEWAY_HTTP_ANSWERED
                       ? json_loadb(response->body, response->length, 0, NULL)
                       : NULL;
    const json_t *error = json_object_get(body, "error");
    const json_t *message = json_array_get(json_object_get(body, "messages"), 0);
    const char *id = json_string_value(json_object_get(message, "id"));

    (void)m;
    if (response->result == GATEWAY_HTTP_ANSWERED && response->status / 100 == 2 && id != NULL) {
        whatsapp_id(id, w->id);
        answers_accepted(w->id, &w->kept, out);
    } else {
        refused(w, error, response, out);
    }
    json_decref(body);
    return true;
}

/* --------------------------------------------------------------------- plugin */
static int whatsapp_open(const struct gateway_host *host, struct gateway *gw, void **state,
                         char *error, size_t size)
{
    struct whatsapp *w = memory_calloc(1, sizeof *w);
    struct text line = {0};

    w->host = host;
    w->gw = gw;
    w->phone_number_id = given(w, "phone_number_id");
    w->app_secret = given(w, "app_secret");
    w->verify_token = given(w, "verify_token");
    w->gather = (struct gather){.host = host, .gw = gw, .ok_body = ""};
    if (answers_open(&w->answers, host, gw, codes_table_whatsapp, CODES_BYTES(whatsapp), error,
                     size) != 0 ||
        check(w, error, size) != 0) {
        whatsapp_close(w);
        return -1;
    }
    w->answers.secret = given(w, "token");
    text_printf(&line, "%s/%s/%s/messages", given(w, "api_url"), given(w, "version"),
                w->phone_number_id);
    w->url = line.bytes;
    line = (struct text){0};
    text_printf(&line, "Authorization: Bearer %s", w->answers.secret);
    w->authorization = line.bytes;
    w->single = (struct single){
        .host = host,
        .gw = gw,
        .write = whatsapp_write,
        .read = whatsapp_read,
        .owner = w,
        .window = (unsigned)host->setting_int(gw, "window"),
        .timeout_ms = host->setting_int(gw, "timeout"),
    };
    single_open(&w->single);
    *state = w;
    host->capacity(gw, w->single.window, "ready");
    return 0;
}

static void whatsapp_submit(void *state, const struct gateway_message *const *messages, size_t n)
{
    struct whatsapp *w = state;

    single_submit(&w->single, messages, n);
}

#define WITH_PUSHES (GATEWAY_SENDS_RECEIPTS | GATEWAY_ECHOES_REFERENCE | GATEWAY_CHECKS_PUSHES)

static unsigned whatsapp_capabilities(void *state)
{
    const struct whatsapp *w = state;

    return w->app_secret == NULL ? 0 : WITH_PUSHES;
}

const struct gateway_plugin gateway_plugin = {
    .abi = GATEWAY_ABI,
    .size = sizeof gateway_plugin,
    .name = "whatsapp",
    .channel = "whatsapp",
    .capabilities = WITH_PUSHES | GATEWAY_OPENS_QUIETLY,
    .settings = settings,
    .open = whatsapp_open,
    .submit = whatsapp_submit,
    .close = whatsapp_close,
    .callback = whatsapp_push,
    .instance_capabilities = whatsapp_capabilities,
};
