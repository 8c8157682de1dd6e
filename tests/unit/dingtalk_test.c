/* DingTalk: the signature's vectors, requests, what answers mean, receipts by query. */
#include "dingtalk_sign.h"
#include "im_host.h"

#define SO BUILD_DIR "/plugins/dingtalk.so"

#define SECRET "this is secret"
static const struct setting_row robot[] = {{"access_token", "abc/1"}, {"sign_secret", SECRET}, {0}};
static const struct setting_row work[] = {{"app_key", "dingx"},
                                          {"app_secret", SECRET},
                                          {"agent_id", "836390886"},
                                          {"replies", "true"},
                                          {0}};

static void test_sign(void **state)
{
    char sign[DINGTALK_SIGN_BYTES];

    (void)state;
    dingtalk_sign("1700000000000", SECRET, sign);
    assert_string_equal(sign, "sSFWELbV2YwjdDQhWZwTcWlX5BWUx5J6TPpsZmuPii0=");
    dingtalk_sign("1700000000000",
                  "SEC6c1a5b3f0f1e4e6b9d7a2c8e5f4d3b2a1908f7e6d5c4b3a2918f7e6d5c4b3a29", sign);
    assert_string_equal(sign, "ahtgSDG2x2dtiGUNjWmB2SWTrG48V4la+KDn5SLEWbU=");
}

static void test_robot(void **state)
{
    static const struct setting_row mentioning[] = {
        {"access_token", "abc"}, {"format", "markdown"}, {"at_mobiles.0", "13800001111"},
        {"at_userids.0", "u1"},  {"at_userids.1", "u2"}, {0}};
    struct gateway_message m = im_message(1, "", "明天9:00");
    struct gateway *gw = host_open(SO, robot, NULL);

    (void)state;
    assert_non_null(gw);
    assert_int_equal(gw->plugin->instance_capabilities(gw->state), GATEWAY_GROUP_ONLY);
    gw->now_ms = INT64_C(1700000000000) - HOST_EPOCH_MS;
    im_submit(gw, &m);
    assert_string_equal(gw->requests[0].method, "POST");
    assert_string_equal(gw->requests[0].url,
                        "https://oapi.dingtalk.com/robot/send?access_token=abc%2F1&timestamp="
                        "1700000000000&sign=sSFWELbV2YwjdDQhWZwTcWlX5BWUx5J6TPpsZmuPii0%3D");
    im_body_is(gw, 0,
               "{\"msgtype\":\"text\",\"text\":{\"content\":\"明天9:00\"},"
               "\"msgUuid\":\"march8/first/17\"}");
    im_answer(gw, 0, 200, "{\"errcode\":\"0\",\"errmsg\":\"ok\"}"); /* as a string, too */
    assert_int_equal(host_answer(gw, 1)->outcome, GATEWAY_ACCEPTED);
    /* Later once more: another signature, the same key for the same notice. */
    gw->now_ms += 120000;
    m.token = 2;
    im_submit(gw, &m);
    assert_string_not_equal(gw->requests[1].url, gw->requests[0].url);
    assert_string_equal(gw->requests[1].body, gw->requests[0].body);
    host_close(gw);
    gw = host_open(SO, mentioning, NULL);
    m.reference = NULL;
    im_submit(gw, &m);
    assert_string_equal(gw->requests[0].url,
                        "https://oapi.dingtalk.com/robot/send?access_token=abc");
    im_body_is(
        gw, 0,
        "{\"msgtype\":\"markdown\",\"markdown\":{\"title\":\"三八活动\",\"text\":"
        "\"明天9:00\"},\"at\":{\"atMobiles\":[\"13800001111\"],\"atUserIds\":[\"u1\",\"u2\"],"
        "\"isAtAll\":false}}");
    host_close(gw);
}

/* specs: A.4 and B.4 */
#define CODE(n) 200, "{\"errcode\":" #n ",\"errmsg\":\"e\"}"
#define WHY(words) 200, "{\"errcode\":310000,\"errmsg\":\"" words "\"}"
#define TEXT GATEWAY_REJECTED, GATEWAY_REASON_TEXT, 0, false
#define OURS GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, false
#define NOBODY GATEWAY_REJECTED, GATEWAY_REASON_NUMBER, 0, false
#define FAST GATEWAY_THROTTLED, GATEWAY_REASON_LIMIT, 0, false
static const struct im_fact facts[] = {
    {CODE(410100), FAST},
    {CODE(-1), GATEWAY_RETRY, GATEWAY_REASON_OUTAGE, 0, false},
    {503, "", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE, 0, false},
    {502, "<html>", GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE, 0, false},
    {CODE(40035), TEXT},
    {CODE(43004), TEXT},
    {CODE(400105), TEXT},
    {CODE(430101), TEXT},
    {CODE(430102), TEXT},
    {CODE(430103), TEXT},
    {CODE(430104), TEXT},
    {WHY("keywords not in content, more: https://open.dingtalk.com"), TEXT},
    {WHY("invalid timestamp, more"), OURS},
    {WHY("sign not match, more"), OURS},
    {WHY("ip 1.2.3.4 not in whitelist"), OURS},
    {WHY("something else"), OURS},
    {CODE(400013), OURS},
    {CODE(400101), OURS},
    {CODE(400102), OURS},
    {CODE(400106), OURS},
    {CODE(90001), FAST},
    {CODE(90014), FAST},
    {CODE(90017), FAST},
    {CODE(45009), FAST},
    {200, "<html>", FAST},
    {403, "<html>", FAST},
    {200, "{\"status\":1111,\"wait\":5,\"source\":\"x5\",\"punish\":\"deny\",\"uuid\":\"u\"}",
     FAST},
    {CODE(33012), NOBODY},
    {CODE(40003), NOBODY},
    {CODE(60121), NOBODY},
    {CODE(50002), NOBODY},
    {CODE(45002), TEXT},
    {CODE(44004), TEXT},
    {CODE(40008), TEXT},
    {CODE(88), OURS},
    {CODE(40000), OURS},
    {CODE(40002), OURS},
    {CODE(99999), GATEWAY_RETRY, GATEWAY_REASON_OTHER, 0, false},
    {0, "timed out", GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE, GATEWAY_HTTP_AMBIGUOUS, false},
    {0, "refused", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE, GATEWAY_HTTP_UNSENT, false},
    {0, "certificate", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, GATEWAY_HTTP_UNSENT, true},
};

static void test_answers(void **state)
{
    struct gateway *gw = host_open(SO, robot, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        struct gateway_message m = im_message(i + 1, "", "t");

        im_submit(gw, &m);
        im_fact(gw, &facts[i], i);
    }
    assert_int_equal(gw->answers[0].retry_after_ms, 600000); /* blocked for ten minutes */
    assert_int_equal(host_answer(gw, 26)->retry_after_ms, 300000);
    host_close(gw);
}

#define GIVE_TOKEN "{\"accessToken\":\"fw8ef8we8f\",\"expireIn\":7200}"
#define TAKEN "{\"errcode\":0,\"task_id\":256271667526,\"request_id\":\"4jzllmte0wau\"}"

static struct gateway *open_work(void)
{
    struct gateway *gw = host_open(SO, work, NULL);

    assert_non_null(gw);
    return gw;
}

static void submit_all(struct gateway *gw, struct gateway_message *m, size_t n)
{
    const struct gateway_message *list[200];

    for (size_t i = 0; i < n; i++)
        list[i] = &m[i];
    gw->plugin->submit(gw->state, list, n);
}

static void test_work(void **state)
{
    struct gateway_message m[4] = {im_message(1, "user123", "开会"), im_message(2, "user9", "别的"),
                                   im_message(3, "user456", "开会"), im_message(4, "a,b", "开会")};
    struct gateway *gw = open_work();

    (void)state;
    assert_int_equal(gw->plugin->instance_capabilities(gw->state),
                     GATEWAY_SENDS_RECEIPTS | GATEWAY_CHECKS_PUSHES);
    submit_all(gw, m, 4);
    assert_int_equal(host_answer(gw, 4)->reason, GATEWAY_REASON_NUMBER); /* would be two people */
    assert_string_equal(gw->requests[0].url, "https://api.dingtalk.com/v1.0/oauth2/accessToken");
    im_body_is(gw, 0, "{\"appKey\":\"dingx\",\"appSecret\":\"this is secret\"}");
    im_answer(gw, 0, 200, GIVE_TOKEN);
    assert_int_equal(gw->shared[0].ttl_ms, (7200 - 300) * 1000);
    im_answer(gw, 1, 200, GIVE_TOKEN); /* the double asks each; the daemon's host but one */
    /* One text to two people is one request, another text another one. */
    assert_int_equal(gw->request_count, 4);
    assert_string_equal(gw->requests[2].url,
                        "https://oapi.dingtalk.com/topapi/message/corpconversation/asyncsend_v2?"
                        "access_token=fw8ef8we8f");
    im_body_is(gw, 2,
               "{\"agent_id\":836390886,\"userid_list\":\"user123,user456\",\"msg\":{\"msgtype\":"
               "\"text\",\"text\":{\"content\":\"开会\"}}}");
    im_answer(gw, 2, 200, TAKEN);
    assert_int_equal(host_answer(gw, 1)->outcome, GATEWAY_ACCEPTED);
    assert_string_equal(host_answer(gw, 1)->ids[0], "256271667526:user123");
    assert_string_equal(host_answer(gw, 3)->ids[0], "256271667526:user456");
    /* Refused as a whole: each for itself. */
    im_answer(gw, 3, 200, "{\"errcode\":33012,\"errmsg\":\"invalid USERID\"}");
    assert_int_equal(host_answer(gw, 2)->outcome, GATEWAY_REJECTED);
    host_close(gw);
}

static void test_one_bad_userid_among_good_ones(void **state)
{
    struct gateway_message m[2] = {im_message(1, "good", "开会"), im_message(2, "bad", "开会")};
    struct gateway *gw = open_work();

    (void)state;
    submit_all(gw, m, 2);
    im_answer(gw, 0, 200, GIVE_TOKEN);
    im_answer(gw, 1, 200, "{\"errcode\":33012,\"errmsg\":\"invalid USERID\"}");
    assert_int_equal(gw->answer_count, 0);
    assert_int_equal(gw->request_count, 4);
    im_answer(gw, 2, 200, TAKEN);
    im_answer(gw, 3, 200, "{\"errcode\":33012,\"errmsg\":\"invalid USERID\"}");
    assert_int_equal(host_answer(gw, 1)->outcome, GATEWAY_ACCEPTED);
    assert_int_equal(host_answer(gw, 2)->outcome, GATEWAY_REJECTED);
    host_close(gw);
}

static void test_token_is_refused(void **state)
{
    struct gateway_message m = im_message(1, "user123", "开会");
    struct gateway *gw = open_work();

    (void)state;
    im_submit(gw, &m);
    im_answer(gw, 0, 200, GIVE_TOKEN);
    im_answer(gw, 1, 200, "{\"errcode\":40014,\"errmsg\":\"invalid access_token\"}");
    im_answer(gw, 2, 200, "{\"accessToken\":\"newer\",\"expireIn\":7200}");
    assert_non_null(strstr(gw->requests[3].url, "access_token=newer"));
    im_answer(gw, 3, 200, "{\"errcode\":40014,\"errmsg\":\"invalid access_token\"}");
    assert_int_equal(gw->request_count, 4);
    assert_int_equal(host_answer(gw, 1)->outcome, GATEWAY_BROKEN);
    m.token = 2;
    gw->shared[0].value[0] = '\0';
    im_submit(gw, &m);
    im_answer(
        gw, 4, 400,
        "{\"code\":\"invalidClientIdOrSecret\",\"message\":\"无效的clientId或者clientSecret\"}");
    assert_int_equal(host_answer(gw, 2)->outcome, GATEWAY_BROKEN);
    assert_string_equal(host_answer(gw, 2)->code, "invalidClientIdOrSecret");
    host_close(gw);
}

/* What the last query is answered; then on to the next one. */
static void poll(struct gateway *gw, const char *result)
{
    im_answer(gw, gw->request_count - 1, 200, result);
}

static const struct kept_receipt *receipt_of(struct gateway *gw, const char *id)
{
    for (size_t i = 0; i < gw->receipt_count; i++)
        if (strcmp(gw->receipts[i].id, id) == 0)
            return &gw->receipts[i];
    fail_msg("no receipt of %s", id);
    return NULL;
}

static void test_receipts(void **state)
{
    static const char *const users[] = {"read", "unread", "invalid", "failed", "daily", "slow"};
    struct gateway_message m[6];
    struct gateway *gw = open_work();
    size_t asked;

    (void)state;
    for (size_t i = 0; i < 6; i++)
        m[i] = im_message(i + 1, users[i], "开会");
    submit_all(gw, m, 6);
    im_answer(gw, 0, 200, GIVE_TOKEN);
    im_answer(gw, 1, 200, TAKEN);
    host_pass(gw, 4999);
    assert_int_equal(gw->request_count, 2);
    host_pass(gw, 1);
    assert_int_equal(gw->request_count, 3);
    assert_string_equal(gw->requests[2].url,
                        "https://oapi.dingtalk.com/topapi/message/corpconversation/getsendresult?"
                        "access_token=fw8ef8we8f");
    im_body_is(gw, 2, "{\"agent_id\":836390886,\"task_id\":256271667526}");
    poll(gw, "{\"errcode\":0,\"send_result\":{\"read_user_id_list\":[\"read\"],"
             "\"unread_user_id_list\":[\"unread\"],\"invalid_user_id_list\":[\"invalid\"],"
             "\"failed_user_id_list\":[\"failed\"],\"forbidden_user_id_list\":[\"daily\"],"
             "\"forbidden_list\":[{\"code\":\"143105\",\"count\":500,\"userid\":\"daily\"}]}}");
    assert_int_equal(gw->receipt_count, 5);
    assert_int_equal(receipt_of(gw, "256271667526:read")->state, GATEWAY_DELIVERED);
    assert_int_equal(receipt_of(gw, "256271667526:unread")->state, GATEWAY_DELIVERED);
    assert_int_equal(receipt_of(gw, "256271667526:invalid")->state, GATEWAY_UNDELIVERED);
    assert_int_equal(receipt_of(gw, "256271667526:failed")->state, GATEWAY_UNDELIVERED);
    assert_int_equal(receipt_of(gw, "256271667526:daily")->state, GATEWAY_UNDELIVERED);
    assert_string_equal(receipt_of(gw, "256271667526:daily")->code, "143105");
    /* The last one is asked for at growing intervals; an outage of theirs changes nothing. */
    host_pass(gw, 15000);
    assert_int_equal(gw->request_count, 4);
    im_answer(gw, 3, 503, "");
    host_pass(gw, 15000);
    assert_int_equal(gw->request_count, 4);
    host_pass(gw, 45000);
    gw->store = STORE_FAILS; /* Redis is away: asked again */
    poll(gw, "{\"errcode\":0,\"send_result\":{\"unread_user_id_list\":[\"slow\"]}}");
    assert_int_equal(gw->receipt_count, 6);
    gw->store = STORE_NOW;
    host_pass(gw, 300000);
    poll(gw, "{\"errcode\":0,\"send_result\":{\"unread_user_id_list\":[\"slow\"]}}");
    assert_int_equal(gw->receipt_count, 7);
    asked = gw->request_count; /* all are told of: no more questions */
    host_pass(gw, 90000000);
    assert_int_equal(gw->request_count, asked);
    host_close(gw);
}

static void test_a_day_is_the_end(void **state)
{
    struct gateway_message m = im_message(1, "user123", "开会");
    struct gateway *gw = open_work();

    (void)state;
    im_submit(gw, &m);
    im_answer(gw, 0, 200, GIVE_TOKEN);
    im_answer(gw, 1, 200, TAKEN);
    for (int i = 0; i < 60; i++) {
        size_t before = gw->request_count;

        host_pass(gw, 3600000);
        if (gw->request_count > before)
            poll(gw, "{\"errcode\":0,\"send_result\":{}}");
    }
    assert_in_range(gw->request_count, 10, 24);
    assert_int_equal(gw->receipt_count, 0);
    host_close(gw);
}

static int pushed_status;

static void on_pushed(void *arg, int status, const char *body)
{
    (void)arg, (void)body;
    pushed_status = status;
}

static void push(struct gateway *gw, const char *timestamp, const char *sign, const char *body)
{
    const struct gateway_field headers[] = {{"timestamp", timestamp, strlen(timestamp)},
                                            {"Sign", sign, strlen(sign)}};
    struct gateway_push p = {.method = "POST",
                             .path = "",
                             .query = "",
                             .headers = headers,
                             .header_count = 2,
                             .body = body,
                             .length = strlen(body)};

    pushed_status = 0;
    gw->plugin->callback(gw->state, &p, on_pushed, NULL);
}

#define SIGN "sSFWELbV2YwjdDQhWZwTcWlX5BWUx5J6TPpsZmuPii0=" /* as above */
#define SAYS                                                                                       \
    "{\"conversationType\":\"1\",\"senderStaffId\":\"user123\",\"msgId\":\"msg0xxxxx\","           \
    "\"msgtype\":\"text\",\"text\":{\"content\":\" 退订\"},\"createAt\":1699999999000}"

static void test_replies(void **state)
{
    struct gateway *gw = open_work();

    (void)state;
    gw->now_ms = INT64_C(1700000000000) - HOST_EPOCH_MS + 3599000;
    push(gw, "1700000000000", SIGN, SAYS);
    assert_int_equal(pushed_status, 200);
    assert_string_equal(gw->replies[0].from, "user123");
    assert_string_equal(gw->replies[0].text, "退订");
    assert_string_equal(gw->replies[0].id, "msg0xxxxx");
    gw->store = STORE_FAILS;
    push(gw, "1700000000000", SIGN, SAYS);
    assert_int_equal(pushed_status, 503);
    push(gw, "1700000000001", SIGN, SAYS);
    assert_int_equal(pushed_status, 403);
    push(gw, "1700000000000", SIGN, "{");
    assert_int_equal(pushed_status, 400);
    gw->now_ms += 2000; /* an hour later: a replay */
    push(gw, "1700000000000", SIGN, SAYS);
    assert_int_equal(pushed_status, 403);
    host_close(gw);
}

static void test_refusals(void **state)
{
    static const struct {
        struct setting_row rows[5];
        const char *error;
    } rows[] = {
        {{{0}}, "needs access_token"},
        {{{"app_key", "k"}, {"app_secret", "s"}, {0}}, "agent_id"},
        {{{"access_token", "t"}, {"app_key", "k"}, {0}}, "one gateway is one of them"},
        {{{"access_token", "t"}, {"format", "html"}, {0}}, "format: "},
        {{{"app_key", "k"}, {"app_secret", "s"}, {"agent_id", "1"}, {"sign_secret", "x"}, {0}},
         "sign_secret"},
    };
    char error[512] = "";

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_null(host_open(SO, rows[i].rows, error));
        if (strstr(error, rows[i].error) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", error, rows[i].error);
    }
}

static void test_limits(void **state)
{
    struct gateway_message m;
    struct gateway *gw = open_work();
    size_t around = strlen("{\"msgtype\":\"text\",\"text\":{\"content\":\"\"}}");
    char text[2100];

    (void)state;
    memset(text, 'a', sizeof text);
    text[2048 - around + 1] = '\0';
    m = im_message(1, "user123", text);
    im_submit(gw, &m);
    assert_int_equal(host_answer(gw, 1)->reason, GATEWAY_REASON_TEXT);
    m = im_message(2, "user123", text + 1);
    im_submit(gw, &m);
    assert_int_equal(gw->request_count, 1);
    host_close(gw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sign),
        cmocka_unit_test(test_robot),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_work),
        cmocka_unit_test(test_one_bad_userid_among_good_ones),
        cmocka_unit_test(test_token_is_refused),
        cmocka_unit_test(test_receipts),
        cmocka_unit_test(test_a_day_is_the_end),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
