/*
 * telegram.c - Telegram's Bot API
 *
 * A bot cannot write to a number: a person must have started it, and their chat's id stands in
 * the campaign's list (or @name of a channel). What they write, and that they block the bot,
 * comes by long poll, or by webhook where there is a secret_token.
 *
 *     { name = "bot"; plugin = "telegram"; token = "@env:TELEGRAM_TOKEN"; rate = "25/s"; }
 *
 * There are neither receipts nor a key against sending twice: accepted is the last word, and
 * a lost answer stays in doubt. When Telegram says 429 the whole bot is meant: nothing is
 * submitted until that time is over.
 */
#include "telegram.h"

#include "digest.h"
#include "member.h"
#include "memory.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_MAX_MS 3600000

CODES_TABLE(telegram, "telegram/codes.tsv");

static const struct gateway_setting settings[] = {
    {"token", GATEWAY_SECRET, true, 1, 200, NULL, NULL, "Of the bot, as BotFather gave it."},
    {"chat", GATEWAY_STRING, false, 1, 64, NULL, NULL,
     "The group that a gateway with group = true writes to: its id or @name."},
    {"secret_token", GATEWAY_SECRET, false, 1, 256, NULL, NULL,
     "Of the webhook, of A-Z a-z 0-9 _ -: replies are pushed; without it they are polled for."},
    {"callback_url", GATEWAY_STRING, false, 8, 1000, NULL, NULL,
     "This gateway's /callbacks/NAME as Telegram sees it: the webhook is set to it. Without it "
     "that is yours to do."},
    {"poll", GATEWAY_BOOL, false, 0, 0, "true", NULL,
     "Ask for replies where there is no webhook; one daemon of several is enough."},
    {"api_url", GATEWAY_STRING, false, 8, 200, "https://api.telegram.org", NULL,
     "Where the API is: a Bot API server or a proxy of your own."},
    {"window", GATEWAY_INT, false, 1, 1000, "10", NULL, "Requests without an answer at once."},
    {"timeout", GATEWAY_DURATION, false, 1000, 300000, "30s", NULL,
     "How long an answer may take; after it the outcome is unknown."},
    {0},
};

/* ------------------------------------------------------------------- opening */
static const char *given(const struct telegram *t, const char *name)
{
    const char *value = t->host->setting_string(t->gw, name);

    return value != NULL && *value != '\0' ? value : NULL;
}

static bool only(const char *s, const char *more)
{
    for (; *s != '\0'; s++)
        if (!isalnum((unsigned char)*s) && strchr(more, *s) == NULL)
            return false;
    return true;
}

static bool is_chat(const char *s)
{
    const char *digits = s + (*s == '-');

    if (*s == '@')
        return s[1] != '\0' && strlen(s) <= 64 && only(s + 1, "_");
    return *digits != '\0' && strlen(s) < TELEGRAM_CHAT_BYTES - 3 &&
           strspn(digits, "0123456789") == strlen(digits);
}

static int check(struct telegram *t, char *error, size_t size)
{
    const char *callback_url = given(t, "callback_url"), *api = given(t, "api_url");

    if (!only(given(t, "token"), ":_-"))
        snprintf(error, size, "token: has letters, digits, ':', '_' and '-' only");
    else if (strncmp(api, "https://", 8) != 0 && strncmp(api, "http://", 7) != 0)
        snprintf(error, size, "api_url: must begin with https://");
    else if (t->secret_token != NULL && !only(t->secret_token, "_-"))
        snprintf(error, size, "secret_token: has letters, digits, '_' and '-' only");
    else if (t->chat != NULL && !is_chat(t->chat))
        snprintf(error, size, "chat: must be a number or @name");
    else if (callback_url != NULL && t->secret_token == NULL)
        snprintf(error, size, "callback_url: needs secret_token");
    else
        return 0;
    return -1;
}

char *telegram_method(const struct telegram *t, const char *method)
{
    struct text url = {0};

    text_printf(&url, "%s/%s", t->url, method);
    return url.bytes;
}

static void telegram_close(void *state)
{
    struct telegram *t = state;

    telegram_listen_no_more(t);
    t->host->timer_cancel(t->pause);
    single_close(&t->single);
    gather_close(&t->gather);
    answers_close(&t->answers);
    free(t->migrations);
    free(t->url);
    free(t);
}

/* ------------------------------------------------------------------- sending */
static struct telegram_migration *migration_of(struct telegram *t, const char *chat)
{
    for (size_t i = 0; i < t->migration_count; i++)
        if (strcmp(t->migrations[i].from, chat) == 0)
            return &t->migrations[i];
    return NULL;
}

static const char *chat_of(const struct telegram *t, const struct gateway_message *m)
{
    return m->to_length > 0 ? m->to : t->chat;
}

static void send_to(struct telegram *t, const struct gateway_message *m, const char *chat)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    char *url = telegram_method(t, "sendMessage");
    struct gateway_http_request request = {.method = "POST", .url = url, .headers = headers};
    struct text body = {0};

    text_puts(&body, "{\"chat_id\":");
    if (*chat == '@')
        text_put_json(&body, chat, strlen(chat));
    else
        text_puts(&body, chat);
    text_puts(&body, ",\"text\":");
    text_put_json(&body, m->text, m->length);
    text_puts(&body, "}");
    request.body = body.bytes;
    request.length = body.length;
    single_send(&t->single, m, &request);
    text_free(&body);
    free(url);
}

static bool telegram_write(void *owner, const struct gateway_message *m, struct gateway_answer *out)
{
    struct telegram *t = owner;
    const char *chat = chat_of(t, m);
    const struct telegram_migration *migration;

    if (chat == NULL) {
        *out = (struct gateway_answer){.outcome = GATEWAY_BROKEN,
                                       .reason = GATEWAY_REASON_OTHER,
                                       .words = "the setting chat is missing"};
        return false;
    }
    if (!is_chat(chat)) {
        *out = (struct gateway_answer){.outcome = GATEWAY_REJECTED,
                                       .reason = GATEWAY_REASON_NUMBER,
                                       .words = "neither a chat's id nor @name"};
        return false;
    }
    migration = migration_of(t, chat);
    send_to(t, m, migration == NULL ? chat : migration->to);
    return true;
}

/* A line is "403 words of theirs": the number, and what their description has in it. The
 * longest of those that fit. */
static const struct code *find_line(struct telegram *t, const char *number, const char *words)
{
    const struct code *best = NULL;
    size_t longest = 0;

    for (size_t i = 0; i < codes_count(t->answers.codes); i++) {
        const struct code *c = codes_at(t->answers.codes, i);
        size_t n = strcspn(c->code, " *");

        if (strncmp(c->code, number, n) != 0 || (c->code[n] != '*' && number[n] != '\0') ||
            (c->code[n] == ' ' && strcasestr(words, c->code + n + 1) == NULL))
            continue;
        if (strlen(c->code) > longest) {
            longest = strlen(c->code);
            best = c;
        }
    }
    return best;
}

static void on_pause_over(void *arg)
{
    struct telegram *t = arg;

    t->pause = NULL;
    t->host->capacity(t->gw, t->single.window, "the pause that they asked for is over");
}

static void pause_for(struct telegram *t, int64_t ms)
{
    t->host->timer_cancel(t->pause);
    t->pause = t->host->timer(t->gw, ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS, on_pause_over, t);
    t->host->capacity(t->gw, 0, "they have asked for a pause");
}

/* The group has another id now, and the message did not arrive: once more, once for ever. */
static bool migrate(struct telegram *t, const struct gateway_message *m, const json_t *parameters)
{
    const json_t *id = json_object_get(parameters, "migrate_to_chat_id");
    const char *chat = chat_of(t, m);
    struct telegram_migration *migration;

    if (!json_is_integer(id) || migration_of(t, chat) != NULL ||
        strlen(chat) >= TELEGRAM_CHAT_BYTES || t->migration_count == TELEGRAM_MIGRATIONS)
        return false;
    migration = &t->migrations[t->migration_count++];
    snprintf(migration->from, sizeof migration->from, "%s", chat);
    snprintf(migration->to, sizeof migration->to, "%" JSON_INTEGER_FORMAT, json_integer_value(id));
    t->host->log(t->gw, GATEWAY_LOG_WARNING,
                 "telegram.migrated reason=\"a group has another id now: change it in the list or "
                 "in chat\" to=%s",
                 m->to_length > 0 ? "*" : migration->to);
    send_to(t, m, migration->to);
    return true;
}

json_t *telegram_result(const struct gateway_http_response *response, json_t **answer,
                        const char **words)
{
    const char *description;

    *answer = response->result == GATEWAY_HTTP_ANSWERED
                  ? json_loadb(response->body, response->length, 0, NULL)
                  : NULL;
    description = json_string_value(json_object_get(*answer, "description"));
    *words = description != NULL         ? description
             : response->trouble != NULL ? response->trouble
                                         : "no answer of the Bot API";
    return json_is_true(json_object_get(*answer, "ok")) ? json_object_get(*answer, "result") : NULL;
}

/* False: sent once more. */
static bool refused(struct telegram *t, const struct gateway_message *m, const json_t *answer,
                    const struct gateway_http_response *response, struct gateway_answer *out)
{
    const json_t *parameters = json_object_get(answer, "parameters");
    json_int_t wait_s = json_integer_value(json_object_get(parameters, "retry_after"));
    const char *words = json_string_value(json_object_get(answer, "description"));
    char number[MEMBER_NUMBER_BYTES], code[ANSWERS_CODE_BYTES];
    const struct code *line;

    if (member_text(answer, "error_code", number) != number) {
        answers_by_http(&t->answers, response, words, out);
        return true;
    }
    if (strcmp(number, "400") == 0 && migrate(t, m, parameters))
        return false;
    words = words == NULL ? "" : words;
    line = find_line(t, number, words);
    snprintf(code, sizeof code, "%s %s", number, words);
    answers_by_line(&t->answers, line, line == NULL ? code : line->code, words, out);
    out->retry_after_ms = wait_s > 0 && wait_s <= PAUSE_MAX_MS / 1000 ? wait_s * 1000
                          : wait_s > 0                                ? PAUSE_MAX_MS
                                                                      : response->retry_after_ms;
    if (out->outcome == GATEWAY_THROTTLED && out->retry_after_ms > 0)
        pause_for(t, out->retry_after_ms);
    return true;
}

static bool telegram_read(void *owner, const struct gateway_message *m,
                          const struct gateway_http_response *response, struct gateway_answer *out)
{
    struct telegram *t = owner;
    const char *words;
    json_t *answer, *result = telegram_result(response, &answer, &words);
    bool answered = true;

    if (result != NULL)
        *out = (struct gateway_answer){.outcome = GATEWAY_ACCEPTED};
    else
        answered = refused(t, m, answer, response, out);
    json_decref(answer);
    return answered;
}

static int telegram_open(const struct gateway_host *host, struct gateway *gw, void **state,
                         char *error, size_t size)
{
    struct telegram *t = memory_calloc(1, sizeof *t);
    struct text url = {0};

    t->host = host;
    t->gw = gw;
    t->chat = given(t, "chat");
    t->secret_token = given(t, "secret_token");
    t->gather = (struct gather){.host = host, .gw = gw, .ok_body = ""};
    if (answers_open(&t->answers, host, gw, codes_table_telegram, CODES_BYTES(telegram), error,
                     size) != 0 ||
        check(t, error, size) != 0) {
        telegram_close(t);
        return -1;
    }
    t->answers.secret = given(t, "token");
    text_printf(&url, "%s/bot%s", given(t, "api_url"), t->answers.secret);
    t->url = url.bytes;
    t->migrations = memory_calloc(TELEGRAM_MIGRATIONS, sizeof *t->migrations);
    t->single = (struct single){
        .host = host,
        .gw = gw,
        .write = telegram_write,
        .read = telegram_read,
        .owner = t,
        .window = (unsigned)host->setting_int(gw, "window"),
        .timeout_ms = host->setting_int(gw, "timeout"),
    };
    single_open(&t->single);
    *state = t;
    host->capacity(gw, t->single.window, "ready");
    telegram_listen(t);
    return 0;
}

static void telegram_submit(void *state, const struct gateway_message *const *messages, size_t n)
{
    struct telegram *t = state;

    single_submit(&t->single, messages, n);
}

static void telegram_drain(void *state)
{
    telegram_listen_no_more(state);
}

static unsigned telegram_capabilities(void *state)
{
    const struct telegram *t = state;

    return t->secret_token == NULL ? 0 : GATEWAY_CHECKS_PUSHES;
}

const struct gateway_plugin gateway_plugin = {
    .abi = GATEWAY_ABI,
    .size = sizeof gateway_plugin,
    .name = "telegram",
    .channel = "telegram",
    .capabilities = GATEWAY_CHECKS_PUSHES | GATEWAY_OPENS_QUIETLY,
    .settings = settings,
    .open = telegram_open,
    .submit = telegram_submit,
    .drain = telegram_drain,
    .close = telegram_close,
    .callback = telegram_push,
    .instance_capabilities = telegram_capabilities,
};
