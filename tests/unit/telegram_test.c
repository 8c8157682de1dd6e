/* The telegram plugin. Descriptions are those of the official Bot API server
 * (tdlib/telegram-bot-api, Client.cpp, Query.cpp), objects those of the Bot API's reference. */
#include "plugin_host.h"
#include "plugin_page.h"

#include <setjmp.h>
#include <cmocka.h>

#define SO BUILD_DIR "/plugins/telegram.so"
#define TOKEN "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"

static const struct setting_row sending[] = {
    {"token", TOKEN}, {"poll", "false"}, {"chat", "-1001"}, {0}};
static const struct setting_row polling[] = {{"token", TOKEN}, {0}};
static const struct setting_row pushed_to[] = {{"token", TOKEN},
                                               {"secret_token", "s3cret_Token-1"},
                                               {"callback_url", "https://x.example/callbacks/bot"},
                                               {0}};

static struct gateway_message message(const char *to)
{
    static uint64_t token;

    return (struct gateway_message){
        .token = ++token,
        .to = to,
        .to_length = strlen(to),
        .text = "您好 \"1\"",
        .length = strlen("您好 \"1\""),
        .segments = 1,
        .reference = "a1.march8/first/4711.2",
    };
}

static void submit(struct gateway *gw, const struct gateway_message *m)
{
    gw->plugin->submit(gw->state, &m, 1);
}

static void respond(struct gateway *gw, size_t i, int status, const char *body)
{
    struct gateway_http_response response = {
        .status = status, .body = body, .length = strlen(body)};

    gw->requests[i].fn(gw->requests[i].arg, &response);
}

/* -------------------------------------------------------------------- requests */
static void test_the_request(void **state)
{
    struct gateway *gw = host_open(SO, sending, NULL);
    struct gateway_message person = message("7123456789012"), channel = message("@gulou_news"),
                           group = message("");

    (void)state;
    assert_int_equal(gw->request_count, 0);
    submit(gw, &person);
    submit(gw, &channel);
    submit(gw, &group);
    assert_string_equal(gw->requests[0].method, "POST");
    assert_string_equal(gw->requests[0].url, "https://api.telegram.org/bot" TOKEN "/sendMessage");
    assert_string_equal(gw->requests[0].headers, "Content-Type: application/json\n");
    assert_string_equal(gw->requests[0].body,
                        "{\"chat_id\":7123456789012,\"text\":\"您好 \\\"1\\\"\"}");
    assert_non_null(strstr(gw->requests[1].body, "{\"chat_id\":\"@gulou_news\","));
    assert_non_null(strstr(gw->requests[2].body, "{\"chat_id\":-1001,"));
    respond(gw, 0, 200, "{\"ok\":true,\"result\":{\"message_id\":17,\"date\":1700000000}}");
    assert_int_equal(host_answer(gw, person.token)->outcome, GATEWAY_ACCEPTED);
    host_close(gw);
}

static void test_what_is_no_chat_is_not_sent(void **state)
{
    static const char *const no[] = {"+8613800138000",       "1,\"a\":1", "@", "@a b", "-", "1.5",
                                     "123456789012345678901"};
    struct gateway *gw = host_open(SO, sending, NULL);
    struct gateway_message group = message("");

    (void)state;
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        struct gateway_message m = message(no[i]);

        submit(gw, &m);
        assert_int_equal(host_answer(gw, m.token)->outcome, GATEWAY_REJECTED);
    }
    assert_int_equal(gw->request_count, 0);
    host_close(gw);
    gw = host_open(SO, polling, NULL); /* no chat for a group */
    submit(gw, &group);
    assert_int_equal(host_answer(gw, group.token)->outcome, GATEWAY_BROKEN);
    host_close(gw);
}

/* --------------------------------------------------------------------- answers */
static const struct answer_fact {
    const char *name;
    int status;
    const char *body;
    enum gateway_outcome outcome;
    enum gateway_reason reason;
} answer_facts[] = {
    {"blocked", 403,
     "{\"ok\":false,\"error_code\":403,\"description\":\"Forbidden: bot was blocked by the user\"}",
     GATEWAY_REJECTED, GATEWAY_REASON_BLACKLISTED},
    {"in other letters", 403,
     "{\"ok\":false,\"error_code\":403,\"description\":\"FORBIDDEN: User is DEACTIVATED\"}",
     GATEWAY_REJECTED, GATEWAY_REASON_NUMBER},
    {"kicked", 403,
     "{\"ok\":false,\"error_code\":403,\"description\":\"Forbidden: bot was kicked from the "
     "supergroup chat\"}",
     GATEWAY_REJECTED, GATEWAY_REASON_BLACKLISTED},
    {"no member", 403,
     "{\"ok\":false,\"error_code\":403,\"description\":\"Forbidden: bot is not a member of the "
     "channel chat\"}",
     GATEWAY_REJECTED, GATEWAY_REASON_NUMBER},
    {"deleted", 403,
     "{\"ok\":false,\"error_code\":403,\"description\":\"Forbidden: the group chat was deleted\"}",
     GATEWAY_REJECTED, GATEWAY_REASON_NUMBER},
    {"a 403 that nobody knows", 403,
     "{\"ok\":false,\"error_code\":403,\"description\":\"Forbidden: something else\"}",
     GATEWAY_RETRY, GATEWAY_REASON_OTHER},
    {"chat not found", 400,
     "{\"ok\":false,\"error_code\":400,\"description\":\"Bad Request: chat not found\"}",
     GATEWAY_REJECTED, GATEWAY_REASON_NUMBER},
    {"too long", 400,
     "{\"ok\":false,\"error_code\":400,\"description\":\"Bad Request: message is too long\"}",
     GATEWAY_REJECTED, GATEWAY_REASON_TEXT},
    {"wrong token", 401, "{\"ok\":false,\"error_code\":401,\"description\":\"Unauthorized\"}",
     GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {"no such bot", 404, "{\"ok\":false,\"error_code\":404,\"description\":\"Not Found\"}",
     GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {"conflict", 409, "{\"ok\":false,\"error_code\":409,\"description\":\"Conflict\"}",
     GATEWAY_BROKEN, GATEWAY_REASON_PROTOCOL},
    {"their 500", 500, "{\"ok\":false,\"error_code\":500,\"description\":\"Internal\"}",
     GATEWAY_RETRY, GATEWAY_REASON_OUTAGE},
    {"a proxy's 502 may have sent it", 502, "<html>", GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE},
    {"a 200 that says nothing", 200, "{}", GATEWAY_UNKNOWN, GATEWAY_REASON_PROTOCOL},
};

static void test_answer(void **state)
{
    const struct answer_fact *f = *state;
    struct gateway *gw = host_open(SO, sending, NULL);
    struct gateway_message m = message("7");

    submit(gw, &m);
    respond(gw, 0, f->status, f->body);
    assert_int_equal(host_answer(gw, m.token)->outcome, f->outcome);
    assert_int_equal(host_answer(gw, m.token)->reason, f->reason);
    assert_int_equal(strstr(gw->log, "code.strange") != NULL, f->reason == GATEWAY_REASON_OTHER);
    host_close(gw);
}

static void test_a_429_holds_the_whole_bot(void **state)
{
    struct gateway *gw = host_open(SO, sending, NULL);
    struct gateway_message m = message("7");

    (void)state;
    assert_int_equal(gw->capacity, 10);
    submit(gw, &m);
    respond(gw, 0, 429,
            "{\"ok\":false,\"error_code\":429,\"description\":\"Too Many Requests: retry after "
            "17\",\"parameters\":{\"retry_after\":17}}");
    assert_int_equal(host_answer(gw, m.token)->outcome, GATEWAY_THROTTLED);
    assert_int_equal(host_answer(gw, m.token)->retry_after_ms, 17000);
    assert_int_equal(gw->capacity, 0);
    host_pass(gw, 16999);
    assert_int_equal(gw->capacity, 0);
    host_pass(gw, 1);
    assert_int_equal(gw->capacity, 10);
    host_close(gw);
}

static void test_a_group_that_has_moved(void **state)
{
    static const char moved[] =
        "{\"ok\":false,\"error_code\":400,\"description\":\"Bad Request: group chat was upgraded "
        "to a supergroup chat\",\"parameters\":{\"migrate_to_chat_id\":-1001234567890}}";
    struct gateway *gw = host_open(SO, sending, NULL);
    struct gateway_message first = message(""), second = message("");

    (void)state;
    submit(gw, &first);
    respond(gw, 0, 400, moved);
    assert_int_equal(gw->answer_count, 0);
    assert_non_null(strstr(gw->requests[1].body, "{\"chat_id\":-1001234567890,"));
    respond(gw, 1, 200, "{\"ok\":true,\"result\":{}}");
    assert_int_equal(host_answer(gw, first.token)->outcome, GATEWAY_ACCEPTED);
    submit(gw, &second); /* the new id is known */
    assert_non_null(strstr(gw->requests[2].body, "{\"chat_id\":-1001234567890,"));
    respond(gw, 2, 400, moved); /* no end of moving */
    assert_int_equal(host_answer(gw, second.token)->outcome, GATEWAY_REJECTED);
    assert_int_equal(gw->request_count, 3);
    host_close(gw);
}

/* ----------------------------------------------------------------------- polls */
#define UPDATE(id, text)                                                                           \
    "{\"update_id\":" id ",\"message\":{\"message_id\":5,\"from\":{\"id\":7123456789012},"         \
    "\"chat\":{\"id\":7123456789012,\"type\":\"private\"},\"date\":1700000000,\"text\":\"" text    \
    "\"}}"

static void test_polling(void **state)
{
    struct gateway *gw = host_open(SO, polling, NULL);

    (void)state;
    assert_int_equal(gw->plugin->instance_capabilities(gw->state), 0);
    assert_string_equal(gw->requests[0].url, "https://api.telegram.org/bot" TOKEN "/getUpdates");
    assert_string_equal(
        gw->requests[0].body,
        "{\"timeout\":50,\"limit\":10,\"offset\":0,\"allowed_updates\":[\"message\","
        "\"my_chat_member\"]}");
    assert_true(gw->requests[0].timeout_ms > 50000);
    gw->store = STORE_LATER;
    respond(gw, 0, 200,
            "{\"ok\":true,\"result\":[" UPDATE("1001", "TD") "," UPDATE("1003", "好") "]}");
    assert_int_equal(gw->reply_count, 2);
    assert_string_equal(gw->replies[0].from, "7123456789012");
    assert_string_equal(gw->replies[0].text, "TD");
    assert_string_equal(gw->replies[0].id, "1001");
    assert_int_equal(gw->request_count, 1); /* the next poll would confirm them */
    gw->stored[0](gw->stored_args[0], true);
    gw->stored[1](gw->stored_args[1], false);
    host_pass(gw, 1000);
    assert_int_equal(gw->request_count, 2); /* not all are stored: asked for again */
    assert_non_null(strstr(gw->requests[1].body, "\"offset\":0,"));
    gw->store = STORE_NOW;
    respond(gw, 1, 200, "{\"ok\":true,\"result\":[" UPDATE("1003", "好") "]}");
    assert_int_equal(gw->request_count, 3);
    assert_non_null(strstr(gw->requests[2].body, "\"offset\":1004,"));
    host_pass(gw, 50000);
    respond(gw, 2, 200, "{\"ok\":true,\"result\":[]}"); /* the usual end of a long poll */
    host_pass(gw, 0);
    assert_int_equal(gw->request_count, 4);
    /* 1003 is confirmed and forgotten there; the next id may be lower (Bot API, Update) */
    assert_non_null(strstr(gw->requests[3].body, "\"offset\":0,"));
    respond(gw, 3, 200, "{\"ok\":true,\"result\":[]}"); /* who answers at once ... */
    host_pass(gw, 999);
    assert_int_equal(gw->request_count, 4); /* ... is not asked at once */
    host_pass(gw, 1);
    assert_int_equal(gw->request_count, 5);
    gw->plugin->drain(gw->state);
    respond(gw, 4, 200, "{\"ok\":true,\"result\":[]}");
    host_pass(gw, 100000);
    assert_int_equal(gw->request_count, 5);
    host_close(gw);
}

static void test_polls_that_fail_come_more_seldom(void **state)
{
    struct gateway *gw = host_open(SO, polling, NULL);
    size_t after_an_hour;

    (void)state;
    for (size_t i = 0; i < gw->request_count && gw->now_ms < host_start_ms + 3600000; i++) {
        respond(gw, i, 502, "<html>");
        host_pass(gw, 600000);
    }
    after_an_hour = gw->request_count;
    assert_in_range(after_an_hour, 6, 20);
    assert_non_null(strstr(gw->log, "telegram.poll status=502"));
    assert_null(strstr(strstr(gw->log, "telegram.poll") + 1, "telegram.poll")); /* told once */
    assert_null(strstr(gw->log, "123456"));
    respond(gw, after_an_hour - 1, 409,
            "{\"ok\":false,\"error_code\":409,\"description\":\"Conflict: terminated by other "
            "getUpdates request\"}");
    host_pass(gw, 29999);
    assert_int_equal(gw->request_count, after_an_hour); /* the other daemon has its time */
    host_pass(gw, 30001);
    assert_int_equal(gw->request_count, after_an_hour + 1);
    host_close(gw);
}

/* ---------------------------------------------------------------------- pushes */
static int pushed_status;

static void on_pushed(void *arg, int status, const char *body)
{
    (void)arg, (void)body;
    pushed_status = status;
}

static int push(struct gateway *gw, const char *secret, const char *body)
{
    struct gateway_field header = {"x-telegram-bot-api-secret-token", secret, strlen(secret)};
    struct gateway_push p = {.method = "POST",
                             .path = "",
                             .query = "",
                             .body = body,
                             .length = strlen(body),
                             .headers = &header,
                             .header_count = *secret != '\0'};

    pushed_status = 0;
    gw->plugin->callback(gw->state, &p, on_pushed, NULL);
    return pushed_status;
}

static void test_the_webhook(void **state)
{
    struct gateway *gw = host_open(SO, pushed_to, NULL);

    (void)state;
    assert_int_equal(gw->plugin->instance_capabilities(gw->state), GATEWAY_CHECKS_PUSHES);
    assert_string_equal(gw->requests[0].url, "https://api.telegram.org/bot" TOKEN "/setWebhook");
    assert_string_equal(gw->requests[0].body,
                        "{\"url\":\"https://x.example/callbacks/bot\",\"secret_token\":\"s3cret_"
                        "Token-1\",\"allowed_updates\":[\"message\",\"my_chat_member\"]}");
    respond(gw, 0, 502, "");
    host_pass(gw, 1000);
    assert_int_equal(gw->request_count, 2); /* again */
    respond(gw, 1, 200, "{\"ok\":true,\"result\":true}");
    host_pass(gw, 3600000);
    assert_int_equal(gw->request_count, 2);
    assert_int_equal(push(gw, "s3cret_Token-1", UPDATE("1", "在")), 200);
    assert_string_equal(gw->replies[0].text, "在");
    assert_int_equal(push(gw, "s3cret_Token-2", UPDATE("2", "TD")), 404);
    assert_int_equal(push(gw, "s3cret", UPDATE("2", "TD")), 404);
    assert_int_equal(push(gw, "", UPDATE("2", "TD")), 404);
    assert_int_equal(gw->reply_count, 1);
    assert_int_equal(push(gw, "s3cret_Token-1", "{\"update_id\":"), 400);
    assert_int_equal(push(gw, "s3cret_Token-1", "[]"), 400);
    assert_int_equal(push(gw, "s3cret_Token-1", "{\"update_id\":9,\"poll\":{}}"), 200);
    assert_int_equal(push(gw, "s3cret_Token-1",
                          "{\"update_id\":10,\"message\":{\"text\":7,\"from\":{\"id\":\"x\"}}}"),
                     200);
    assert_int_equal(gw->reply_count, 2); /* a person who sent no text */
    gw->store = STORE_FAILS;
    assert_int_equal(push(gw, "s3cret_Token-1", UPDATE("3", "TD")), 503);
    host_close(gw);
}

static void test_blocking_the_bot_is_a_refusal(void **state)
{
    struct gateway *gw = host_open(SO, pushed_to, NULL);
    static const char change[] =
        "{\"update_id\":11,\"my_chat_member\":{\"chat\":{\"id\":77,\"type\":\"%s\"},\"from\":"
        "{\"id\":77},\"date\":1700000000,\"new_chat_member\":{\"status\":\"%s\"}}}";
    char body[400];

    (void)state;
    snprintf(body, sizeof body, change, "private", "kicked");
    assert_int_equal(push(gw, "s3cret_Token-1", body), 200);
    assert_int_equal(gw->reply_count, 1);
    assert_string_equal(gw->replies[0].from, "77");
    assert_string_equal(gw->replies[0].text, "STOP");
    snprintf(body, sizeof body, change, "private", "member");
    assert_int_equal(push(gw, "s3cret_Token-1", body), 200);
    snprintf(body, sizeof body, change, "group", "kicked"); /* by whom it was removed, who knows */
    assert_int_equal(push(gw, "s3cret_Token-1", body), 200);
    assert_int_equal(gw->reply_count, 1);
    host_close(gw);
}

static const struct refusal {
    const char *name;
    struct setting_row rows[4];
    const char *sentence;
} refusals[] = {
    {"a token that would be another path", {{"token", "1:a/../b"}}, "token: "},
    {"a secret that Telegram would refuse",
     {{"token", TOKEN}, {"secret_token", "a b"}},
     "secret_token: "},
    {"a webhook that anybody could call",
     {{"token", TOKEN}, {"callback_url", "https://x.example/"}},
     "callback_url: needs secret_token"},
    {"an api that is no URL", {{"token", TOKEN}, {"api_url", "api.telegram.org"}}, "api_url: "},
    {"a chat that is none", {{"token", TOKEN}, {"chat", "group one"}}, "chat: "},
};

static void test_refusal(void **state)
{
    const struct refusal *f = *state;
    char error[512] = "";

    assert_null(host_open(SO, f->rows, error));
    assert_non_null(strstr(error, f->sentence));
}

static void test_the_page_names_every_setting(void **state)
{
    struct gateway *gw = host_open(SO, sending, NULL);
    const char *lacks = page_lacks(gw->plugin);

    (void)state;
    if (lacks != NULL)
        fail_msg("plugins/README.md lacks %s", lacks);
    host_close(gw);
}

/* ------------------------------------------------------------------------ main */
#define ADD_FACTS(facts, test)                                                                     \
    for (i = 0; i < sizeof(facts) / sizeof *(facts); i++)                                          \
        tests[n++] = (struct CMUnitTest)                                                           \
        {                                                                                          \
            (facts)[i].name, test, NULL, NULL, (void *)(uintptr_t) & (facts)[i]                    \
        }

int main(void)
{
    struct CMUnitTest tests[64];
    size_t n = 0, i;
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_the_request),
        cmocka_unit_test(test_what_is_no_chat_is_not_sent),
        cmocka_unit_test(test_a_429_holds_the_whole_bot),
        cmocka_unit_test(test_a_group_that_has_moved),
        cmocka_unit_test(test_polling),
        cmocka_unit_test(test_polls_that_fail_come_more_seldom),
        cmocka_unit_test(test_the_webhook),
        cmocka_unit_test(test_blocking_the_bot_is_a_refusal),
        cmocka_unit_test(test_the_page_names_every_setting),
    };

    ADD_FACTS(answer_facts, test_answer);
    ADD_FACTS(refusals, test_refusal);
    memcpy(tests + n, others, sizeof others);
    n += sizeof others / sizeof *others;
    return _cmocka_run_group_tests("telegram", tests, n, NULL, NULL);
}
