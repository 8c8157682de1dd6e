/*
 * dingtalk.c - DingTalk (钉钉): a group's robot, or work notifications to employees
 *
 * With `access_token` it is a robot: one group; msgUuid is the notice's reference, so that a
 * repeat after a time-out is known as one. With `app_key`, `app_secret` and `agent_id` it sends
 * work notifications to userids; what became of them is asked for (dingtalk_polls.h), since beyond
 * its limits DingTalk says yes and delivers nothing. The same text to several goes out as one.
 *
 *     { name = "office"; plugin = "dingtalk"; access_token = "@env:DINGTALK_TOKEN";
 *       sign_secret = "@env:DINGTALK_SECRET"; }
 *     { name = "staff"; plugin = "dingtalk"; app_key = "dingx"; app_secret = "@env:DINGTALK_APP";
 *       agent_id = 836390886; }
 */
#include "dingtalk.h"

#include "dingtalk_polls.h"
#include "dingtalk_sign.h"
#include "memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ROBOT_BODY_BYTES_MAX 20000
#define WORK_MESSAGE_BYTES_MAX 2048 /* of "msg" */
#define MSG_UUID_BYTES_MAX 64
#define MENTIONS_MAX 50
#define CLOCK_MS 3600000 /* of a push: what is further off is a replay */

CODES_TABLE(dingtalk, "dingtalk/codes.tsv");

/* A request under way: a robot's of one message, or a work notification's of several. */
struct flight {
    LIST_ENTRY(flight) links;
    struct dingtalk *d;
    struct text body;
    char *token; /* that it was sent with; NULL before */
    bool again;  /* its token was refused once */
    size_t count;
    const struct gateway_message *messages[]; /* ours until done() */
};

static const struct gateway_setting dingtalk_settings[] = {
    {"access_token", GATEWAY_SECRET, false, 0, 0, NULL, NULL,
     "Of a group's robot: access_token= of its webhook."},
    {"sign_secret", GATEWAY_SECRET, false, 0, 0, NULL, NULL,
     "Of the robot's signing (加签): the whole string that begins with SEC."},
    {"at_mobiles", GATEWAY_STRINGS, false, 0, 0, NULL, NULL,
     "Of a robot: mobile numbers that are mentioned."},
    {"at_userids", GATEWAY_STRINGS, false, 0, 0, NULL, NULL, "The same by userid."},
    {"at_all", GATEWAY_BOOL, false, 0, 0, NULL, NULL, "Of a robot: everybody is mentioned."},
    {"app_key", GATEWAY_STRING, false, 1, 128, NULL, NULL, "Of the application (client id)."},
    {"app_secret", GATEWAY_SECRET, false, 0, 0, NULL, NULL, "Of the application."},
    {"agent_id", GATEWAY_INT, false, 1, 9007199254740991, NULL, NULL, "Of the application."},
    {"replies", GATEWAY_BOOL, false, 0, 0, NULL, NULL,
     "Take what people write to the application's robot, pushed to /callbacks/NAME."},
    {"format", GATEWAY_STRING, false, 1, 20, "text", NULL, "text or markdown."},
    {"api", GATEWAY_STRING, false, 8, 500, "https://oapi.dingtalk.com", NULL,
     "Where DingTalk answers."},
    {"token_api", GATEWAY_STRING, false, 8, 500, "https://api.dingtalk.com", NULL,
     "Where it gives access tokens."},
    {"timeout", GATEWAY_DURATION, false, 1000, 300000, "30s", NULL,
     "How long an answer may take; after it the outcome is unknown."},
    {"window", GATEWAY_INT, false, 1, 65535, "100", NULL, "Messages without an answer at once."},
    {0},
};

/* A robot's 21st message of a minute blocks it for ten; more than 5000 receivers a minute are
 * accepted, and not delivered. */
static const struct gateway_preset dingtalk_presets[] = {
    {"access_token", "rate", "20/min"},
    {"access_token", "group", "true"},
    {"app_key", "rate", "5000/min"},
    {"app_key", "burst", "100"}, /* who leaves together may go as one */
    {"app_key", "per_number", "dingtalk-work"},
    {0},
};

/* ------------------------------------------------------------------- opening */

static const char *given(const struct dingtalk *d, const char *name)
{
    const char *value = d->host->setting_string(d->gw, name);

    return value != NULL && *value != '\0' ? value : NULL;
}

static int refuse(char *error, size_t size, const char *sentence)
{
    snprintf(error, size, "%s", sentence);
    return -1;
}

static size_t put_list(struct dingtalk *d, const char *setting, const char *member)
{
    size_t n = d->host->setting_count(d->gw, setting);
    char name[40];

    text_printf(&d->at, "\"%s\":[", member);
    for (size_t i = 0; i < n && i < MENTIONS_MAX; i++) {
        const char *who;

        snprintf(name, sizeof name, "%s.%zu", setting, i);
        who = d->host->setting_string(d->gw, name);
        text_puts(&d->at, i > 0 ? "," : "");
        text_put_json(&d->at, who, strlen(who));
    }
    text_puts(&d->at, "],");
    return n;
}

static int open_robot(struct dingtalk *d, char *error, size_t size)
{
    bool all = d->host->setting_int(d->gw, "at_all") != 0;
    size_t n;

    if (d->app_key != NULL || d->app_secret != NULL || d->agent_id != 0 || d->replies)
        return refuse(error, size,
                      "access_token: is a robot's, and app_key, app_secret, agent_id, "
                      "replies an application's: one gateway is one of them");
    text_puts(&d->at, ",\"at\":{");
    n = put_list(d, "at_mobiles", "atMobiles");
    n += put_list(d, "at_userids", "atUserIds");
    text_printf(&d->at, "\"isAtAll\":%s}", all ? "true" : "false");
    if (n > MENTIONS_MAX)
        return refuse(error, size, "at_mobiles, at_userids: at most 50 together");
    if (n == 0 && !all)
        text_free(&d->at);
    return 0;
}

static void request_token(void *arg, struct gateway_http_request *out)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct dingtalk *d = arg;

    d->url.length = 0;
    text_printf(&d->url, "%s/v1.0/oauth2/accessToken", d->token_api);
    d->fetching.length = 0;
    text_puts(&d->fetching, "{\"appKey\":");
    text_put_json(&d->fetching, d->app_key, strlen(d->app_key));
    text_puts(&d->fetching, ",\"appSecret\":");
    text_put_json(&d->fetching, d->app_secret, strlen(d->app_secret));
    text_puts(&d->fetching, "}");
    *out = (struct gateway_http_request){.method = "POST",
                                         .url = d->url.bytes,
                                         .headers = headers,
                                         .body = d->fetching.bytes,
                                         .length = d->fetching.length,
                                         .timeout_ms = d->host->setting_int(d->gw, "timeout")};
}

static bool read_token(void *arg, const struct gateway_http_response *response, struct text *token,
                       int64_t *holds_ms, struct gateway_answer *trouble)
{
    struct dingtalk *d = arg;
    char number[JUDGE_NUMBER_BYTES];
    const char *value;
    json_t *json;

    if (judge_silence(&d->judge, response, trouble))
        return false;
    json = json_loadb(response->body, response->length, 0, NULL);
    value = json_string_value(json_object_get(json, "accessToken"));
    if (value != NULL && *value != '\0') {
        text_puts(token, value);
        *holds_ms = json_integer_value(json_object_get(json, "expireIn")) * INT64_C(1000);
        json_decref(json);
        return true;
    }
    judge_answer(&d->judge, response->status, judge_text(json, "code", number),
                 json_string_value(json_object_get(json, "message")), trouble);
    json_decref(json);
    return false;
}

static int open_work(struct dingtalk *d, char *error, size_t size)
{
    struct token_source source = {"access-token", request_token, read_token, d};

    if (d->app_key == NULL || d->app_secret == NULL || d->agent_id == 0)
        return refuse(error, size,
                      "needs access_token for a group's robot, or app_key, app_secret "
                      "and agent_id for work notifications");
    if (d->sign_secret != NULL)
        return refuse(error, size, "sign_secret: is a robot's");
    d->tokens = tokens_open(d->host, d->gw, &source);
    d->polls = polls_open(d);
    return 0;
}

static void flight_free(struct flight *f)
{
    LIST_REMOVE(f, links);
    text_free(&f->body);
    free(f->token);
    free(f);
}

static void dingtalk_close(void *state)
{
    struct dingtalk *d = state;

    tokens_close(d->tokens);
    polls_close(d->polls);
    while (!LIST_EMPTY(&d->flights))
        flight_free(LIST_FIRST(&d->flights));
    inbox_free(&d->inbox);
    judge_close(&d->judge);
    text_free(&d->at);
    text_free(&d->url);
    text_free(&d->fetching);
    free(d);
}

static void read_settings(struct dingtalk *d)
{
    d->api = given(d, "api");
    d->token_api = given(d, "token_api");
    d->access_token = given(d, "access_token");
    d->sign_secret = given(d, "sign_secret");
    d->app_key = given(d, "app_key");
    d->app_secret = given(d, "app_secret");
    d->agent_id = d->host->setting_int(d->gw, "agent_id");
    d->replies = d->host->setting_int(d->gw, "replies") != 0;
    d->judge.secrets[0] = d->access_token;
    d->judge.secrets[1] = d->sign_secret;
    d->judge.secrets[2] = d->app_secret;
}

static int dingtalk_open(const struct gateway_host *host, struct gateway *gw, void **state,
                         char *error, size_t size)
{
    struct dingtalk *d = memory_calloc(1, sizeof *d);
    const char *format;

    d->host = host;
    d->gw = gw;
    d->inbox = (struct inbox){.host = host, .gw = gw, .ok_body = ""};
    read_settings(d);
    format = given(d, "format");
    d->markdown = strcmp(format, "markdown") == 0;
    if (judge_open(&d->judge, host, gw, codes_table_dingtalk, CODES_BYTES(dingtalk), error, size) !=
        0)
        goto fail;
    if (!d->markdown && strcmp(format, "text") != 0) {
        refuse(error, size, "format: must be text or markdown");
        goto fail;
    }
    if ((d->access_token != NULL ? open_robot(d, error, size) : open_work(d, error, size)) != 0)
        goto fail;
    *state = d;
    host->capacity(gw, (unsigned)host->setting_int(gw, "window"), "ready");
    return 0;

fail:
    dingtalk_close(d);
    return -1;
}

static unsigned dingtalk_instance_capabilities(void *state)
{
    const struct dingtalk *d = state;

    return d->tokens == NULL
               ? GATEWAY_GROUP_ONLY
               : GATEWAY_SENDS_RECEIPTS | (d->replies ? (unsigned)GATEWAY_CHECKS_PUSHES : 0);
}

/* ------------------------------------------------------------------- answers */

bool dingtalk_is_token_code(const char *code)
{
    return strcmp(code, "40014") == 0 || strcmp(code, "42001") == 0 || strcmp(code, "40001") == 0 ||
           strcmp(code, "41001") == 0;
}

void dingtalk_id(const char *task, const char *user, char out[DINGTALK_ID_BYTES])
{
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    int n = snprintf(out, DINGTALK_ID_BYTES, "%s:%s", task, user);

    if (n > 0 && n < DINGTALK_ID_BYTES)
        return;
    digest_sha256(user, strlen(user), digest);
    digest_hex(digest, sizeof digest, hex);
    snprintf(out, DINGTALK_ID_BYTES, "%.24s:%.32s", task, hex);
}

/* Answers all of f, and frees it. Last in its caller: done() may submit the next ones. */
static void finish(struct flight *f, const struct gateway_answer *answer, const char *task)
{
    struct dingtalk *d = f->d;
    struct gateway_answer one = *answer;
    char id[DINGTALK_ID_BYTES];
    struct gateway_id ids = {id, 0};

    for (size_t i = 0; i < f->count; i++) {
        if (task != NULL) {
            dingtalk_id(task, f->messages[i]->to, id);
            ids.length = strlen(id);
            one.ids = &ids;
            one.id_count = 1;
        }
        d->host->done(d->gw, f->messages[i]->token, &one);
    }
    flight_free(f);
}

static void finish_plainly(struct flight *f, enum gateway_outcome outcome,
                           enum gateway_reason reason, const char *words)
{
    struct gateway_answer answer = {.outcome = outcome, .reason = reason, .words = words};

    finish(f, &answer, NULL);
}

/* 310000 tells in words only which of the robot's settings refuses. */
static const char *split_code(const char *code, const char *words)
{
    static const struct {
        const char *words, *code;
    } kinds[] = {
        {"keyword", "310000/keywords"},
        {"timestamp", "310000/timestamp"},
        {"sign not match", "310000/sign"},
        {"whitelist", "310000/ip"},
    };

    if (code == NULL || words == NULL || strcmp(code, "310000") != 0)
        return code;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcasestr(words, kinds[i].words) != NULL)
            return kinds[i].code;
    return code;
}

static int64_t pause_of(const char *code, int64_t asked_ms)
{
    int64_t ms = code == NULL                   ? 300000 /* our address is shut out */
                 : strcmp(code, "410100") == 0  ? 600000
                 : strncmp(code, "900", 3) == 0 ? 4000
                                                : 60000;

    return asked_ms > ms ? asked_ms : ms;
}

static void judge_it(struct dingtalk *d, const struct gateway_http_response *response,
                     const char *code, const char *words, struct gateway_answer *answer)
{
    judge_answer(&d->judge, response->status, split_code(code, words), words, answer);
    /* Their gate answers HTML, or JSON of its own, to an address that asks too much. */
    if (code == NULL && response->status < 500) {
        answer->outcome = GATEWAY_THROTTLED;
        answer->reason = GATEWAY_REASON_LIMIT;
        answer->words = "an answer without errcode: this address asks too much";
    }
    if (answer->outcome == GATEWAY_THROTTLED)
        answer->retry_after_ms = pause_of(code, response->retry_after_ms);
}

/* ------------------------------------------------------------------- sending */

void dingtalk_post(struct dingtalk *d, const char *path, const char *token, const struct text *body,
                   int64_t send_by_ms, gateway_http_fn *fn, void *arg)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    char timestamp[24], sign[DINGTALK_SIGN_BYTES];
    struct gateway_http_request request = {
        .method = "POST",
        .headers = headers,
        .body = body->bytes,
        .length = body->length,
        .timeout_ms = d->host->setting_int(d->gw, "timeout"),
        .send_by_ms = send_by_ms,
    };

    d->url.length = 0;
    text_printf(&d->url, "%s%s?access_token=", d->api, path);
    text_put_percent(&d->url, token, strlen(token));
    if (d->sign_secret != NULL) {
        snprintf(timestamp, sizeof timestamp, "%" PRId64, d->host->wall_ms());
        dingtalk_sign(timestamp, d->sign_secret, sign);
        text_printf(&d->url, "&timestamp=%s&sign=", timestamp);
        text_put_percent(&d->url, sign, strlen(sign));
    }
    request.url = d->url.bytes;
    d->host->http(d->gw, &request, fn, arg);
}

static void put_message(const struct dingtalk *d, const struct gateway_message *m,
                        struct text *body)
{
    const char *title = m->title != NULL && *m->title != '\0' ? m->title : "通知";

    if (d->markdown) {
        text_puts(body, "\"msgtype\":\"markdown\",\"markdown\":{\"title\":");
        text_put_json(body, title, strlen(title));
        text_puts(body, ",\"text\":");
    } else {
        text_puts(body, "\"msgtype\":\"text\",\"text\":{\"content\":");
    }
    text_put_json(body, m->text, m->length);
    text_puts(body, "}");
}

static struct flight *flight_make(struct dingtalk *d, const struct gateway_message *const *messages,
                                  size_t n)
{
    struct flight *f = memory_calloc(1, sizeof *f + n * sizeof(const struct gateway_message *));

    f->d = d;
    f->count = n;
    memcpy(f->messages, messages, n * sizeof *messages);
    LIST_INSERT_HEAD(&d->flights, f, links);
    return f;
}

static void on_robot_response(void *arg, const struct gateway_http_response *response)
{
    struct flight *f = arg;
    struct dingtalk *d = f->d;
    char number[JUDGE_NUMBER_BYTES];
    struct gateway_answer answer;
    json_t *json;

    if (!judge_silence(&d->judge, response, &answer)) {
        json = json_loadb(response->body, response->length, 0, NULL);
        judge_it(d, response, judge_text(json, "errcode", number),
                 json_string_value(json_object_get(json, "errmsg")), &answer);
        json_decref(json);
    }
    finish(f, &answer, NULL);
}

/* The same in every attempt, and short enough for a key. */
static void put_uuid(const char *reference, struct text *body)
{
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];

    if (strlen(reference) > MSG_UUID_BYTES_MAX) {
        digest_sha256(reference, strlen(reference), digest);
        digest_hex(digest, sizeof digest, hex);
        reference = hex;
    }
    text_puts(body, ",\"msgUuid\":");
    text_put_json(body, reference, strlen(reference));
}

static void send_robot(struct dingtalk *d, const struct gateway_message *m)
{
    struct flight *f = flight_make(d, &m, 1);

    text_puts(&f->body, "{");
    put_message(d, m, &f->body);
    text_puts(&f->body, text_string(&d->at));
    if (m->reference != NULL)
        put_uuid(m->reference, &f->body);
    text_puts(&f->body, "}");
    if (f->body.length > ROBOT_BODY_BYTES_MAX)
        finish_plainly(f, GATEWAY_REJECTED, GATEWAY_REASON_TEXT, "more than 20000 bytes");
    else
        dingtalk_post(d, "/robot/send", d->access_token, &f->body, m->submit_by_ms,
                      on_robot_response, f);
}

static void send_work(struct dingtalk *d, const struct gateway_message *const *messages, size_t n);
static void on_token(void *arg, const char *token, const struct gateway_answer *trouble);

static void watch(struct flight *f, const char *task)
{
    const char *users[DINGTALK_USERS_MAX];

    for (size_t i = 0; i < f->count; i++)
        users[i] = f->messages[i]->to;
    polls_add(f->d->polls, task, users, f->count);
}

/* Refused as a whole, and perhaps for one of them: each alone, to know which. */
static void send_each(struct flight *f)
{
    struct dingtalk *d = f->d;

    for (size_t i = 0; i < f->count; i++)
        send_work(d, &f->messages[i], 1);
    flight_free(f);
}

static void on_work_response(void *arg, const struct gateway_http_response *response)
{
    struct flight *f = arg;
    struct dingtalk *d = f->d;
    char number[JUDGE_NUMBER_BYTES], task_number[JUDGE_NUMBER_BYTES];
    struct gateway_answer answer;
    const char *code, *task;
    json_t *json;

    if (judge_silence(&d->judge, response, &answer)) {
        finish(f, &answer, NULL);
        return;
    }
    json = json_loadb(response->body, response->length, 0, NULL);
    code = judge_text(json, "errcode", number);
    if (code != NULL && !f->again && dingtalk_is_token_code(code)) {
        f->again = true; /* refused before it was looked at: this is the one repeat */
        json_decref(json);
        tokens_want(d->tokens, f->token, on_token, f);
        return;
    }
    judge_it(d, response, code, json_string_value(json_object_get(json, "errmsg")), &answer);
    task = judge_text(json, "task_id", task_number);
    if (task != NULL && (strlen(task) >= JUDGE_NUMBER_BYTES ||
                         strspn(task, "0123456789") != strlen(task) || *task == '\0'))
        task = NULL;
    if (answer.outcome == GATEWAY_REJECTED && f->count > 1) {
        send_each(f);
    } else if (answer.outcome == GATEWAY_ACCEPTED && task != NULL) {
        watch(f, task);
        finish(f, &answer, task);
    } else {
        finish(f, &answer, NULL);
    }
    json_decref(json);
}

static void on_token(void *arg, const char *token, const struct gateway_answer *trouble)
{
    struct flight *f = arg;
    int64_t by_ms = f->messages[0]->submit_by_ms;

    if (token == NULL) {
        finish(f, trouble, NULL);
        return;
    }
    for (size_t i = 1; i < f->count; i++)
        if (f->messages[i]->submit_by_ms != 0 &&
            (by_ms == 0 || f->messages[i]->submit_by_ms < by_ms))
            by_ms = f->messages[i]->submit_by_ms;
    if (by_ms != 0 && f->d->host->boot_ms() > by_ms) {
        finish_plainly(f, GATEWAY_UNSENT, GATEWAY_REASON_NONE, NULL);
        return;
    }
    free(f->token);
    f->token = memory_strdup(token);
    dingtalk_post(f->d, "/topapi/message/corpconversation/asyncsend_v2", token, &f->body, by_ms,
                  on_work_response, f);
}

/* messages have one text; more than one userid in an address would tell somebody else. */
static void send_work(struct dingtalk *d, const struct gateway_message *const *messages, size_t n)
{
    struct flight *f = flight_make(d, messages, n);
    size_t begin;

    text_printf(&f->body, "{\"agent_id\":%" PRId64 ",\"userid_list\":\"", d->agent_id);
    for (size_t i = 0; i < n; i++)
        text_printf(&f->body, "%s%s", i > 0 ? "," : "", messages[i]->to);
    text_puts(&f->body, "\",\"msg\":");
    begin = f->body.length;
    text_puts(&f->body, "{");
    put_message(d, messages[0], &f->body);
    text_puts(&f->body, "}");
    if (f->body.length - begin > WORK_MESSAGE_BYTES_MAX) {
        finish_plainly(f, GATEWAY_REJECTED, GATEWAY_REASON_TEXT, "more than 2048 bytes");
        return;
    }
    text_puts(&f->body, "}");
    tokens_want(d->tokens, NULL, on_token, f);
}

static bool is_userid(const char *to)
{
    size_t n = strlen(to);

    return n >= 1 && n <= DINGTALK_USERID_MAX && strcspn(to, ",\"\\ \t\r\n") == n;
}

/* Of one text, and nobody twice: a person is known by the userid in what comes back. */
static bool belongs(const struct gateway_message *const *batch, size_t n,
                    const struct gateway_message *m)
{
    if (n > 0 &&
        (batch[0]->length != m->length || memcmp(batch[0]->text, m->text, m->length) != 0 ||
         strcmp(batch[0]->title ? batch[0]->title : "", m->title ? m->title : "") != 0))
        return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(batch[i]->to, m->to) == 0)
            return false;
    return true;
}

static void submit_work(struct dingtalk *d, const struct gateway_message *const *messages, size_t n)
{
    const struct gateway_message *left[DINGTALK_USERS_MAX], *batch[DINGTALK_USERS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        struct flight *f;

        if (is_userid(messages[i]->to)) {
            left[count++] = messages[i];
            continue;
        }
        f = flight_make(d, &messages[i], 1);
        finish_plainly(f, GATEWAY_REJECTED, GATEWAY_REASON_NUMBER, "is no userid");
    }
    while (count > 0) {
        size_t taken = 0, kept = 0;

        for (size_t i = 0; i < count; i++)
            if (belongs(batch, taken, left[i]))
                batch[taken++] = left[i];
            else
                left[kept++] = left[i];
        count = kept;
        send_work(d, batch, taken);
    }
}

static void dingtalk_submit(void *state, const struct gateway_message *const *messages, size_t n)
{
    struct dingtalk *d = state;

    if (d->tokens == NULL)
        for (size_t i = 0; i < n; i++)
            send_robot(d, messages[i]);
    else
        for (size_t i = 0; i < n; i += DINGTALK_USERS_MAX)
            submit_work(d, messages + i, n - i < DINGTALK_USERS_MAX ? n - i : DINGTALK_USERS_MAX);
}

/* ------------------------------------------------------------------- replies */

static const char *header(const struct gateway_push *push, const char *name)
{
    for (size_t i = 0; i < push->header_count; i++)
        if (strcasecmp(push->headers[i].name, name) == 0)
            return push->headers[i].value;
    return NULL;
}

/* Is it DingTalk's, and of this hour? */
static bool is_signed(const struct dingtalk *d, const struct gateway_push *push)
{
    const char *timestamp = header(push, "timestamp"), *sign = header(push, "sign");
    char expected[DINGTALK_SIGN_BYTES];
    int64_t off_ms;

    if (timestamp == NULL || sign == NULL || strlen(timestamp) > 20)
        return false;
    off_ms = d->host->wall_ms() - strtoll(timestamp, NULL, 10);
    dingtalk_sign(timestamp, d->app_secret, expected);
    return digest_equal(expected, sign) && off_ms < CLOCK_MS && off_ms > -CLOCK_MS;
}

static void dingtalk_callback(void *state, const struct gateway_push *push,
                              gateway_push_answer_fn *answer, void *arg)
{
    struct dingtalk *d = state;
    struct gateway_reply reply = {.to = ""};
    struct push *in;
    json_t *json;

    if (!d->replies || !is_signed(d, push)) {
        d->host->log(d->gw, GATEWAY_LOG_WARNING, "push.refused why=signature");
        answer(arg, 403, "");
        return;
    }
    json = json_loadb(push->body, push->length, 0, NULL);
    reply.from = json_string_value(json_object_get(json, "senderStaffId"));
    reply.text = json_string_value(json_object_get(json_object_get(json, "text"), "content"));
    reply.id = json_string_value(json_object_get(json, "msgId"));
    reply.sent_ms = json_integer_value(json_object_get(json, "createAt"));
    if (json == NULL) {
        answer(arg, 400, "");
    } else if (reply.from == NULL || reply.text == NULL) {
        answer(arg, 200, ""); /* a picture, somebody from outside: nothing for us */
    } else {
        reply.text += strspn(reply.text, " "); /* it puts one in front */
        reply.length = strlen(reply.text);
        in = inbox_begin(&d->inbox, answer, arg);
        inbox_reply(in, &reply);
        inbox_end(in);
    }
    json_decref(json);
}

static void dingtalk_owed(void *state, const struct gateway_id *id, const char *to,
                          int64_t submitted_ms)
{
    struct dingtalk *d = state;

    if (d->polls != NULL)
        polls_resume(d->polls, id, to, submitted_ms);
}

const struct gateway_plugin gateway_plugin = {
    .abi = GATEWAY_ABI,
    .size = sizeof gateway_plugin,
    .name = "dingtalk",
    .channel = "dingtalk",
    .batch_max = DINGTALK_USERS_MAX,
    .capabilities = GATEWAY_OPENS_QUIETLY,
    .settings = dingtalk_settings,
    .open = dingtalk_open,
    .submit = dingtalk_submit,
    .close = dingtalk_close,
    .callback = dingtalk_callback,
    .instance_capabilities = dingtalk_instance_capabilities,
    .presets = dingtalk_presets,
    .owed = dingtalk_owed,
};
