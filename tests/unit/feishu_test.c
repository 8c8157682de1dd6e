/* Feishu: the signature's vectors, requests, and what answers mean. */
#include "feishu_sign.h"
#include "im_host.h"

#define SO BUILD_DIR "/plugins/feishu.so"

static const struct setting_row plain[] = {{"hook", "aa-bb"}, {0}};
static const struct setting_row signing[] = {
    {"hook", "aa-bb"}, {"sign_secret", "this is secret"}, {0}};

static void test_sign(void **state)
{
    char sign[FEISHU_SIGN_BYTES];

    (void)state;
    feishu_sign(1599360473, "this is secret", sign);
    assert_string_equal(sign, "/eYKrXQBzTjUZJ3s6NX16VxGbTwmK7AEs8/FnvC1CSw=");
    feishu_sign(1700000000, "demo", sign);
    assert_string_equal(sign, "8oT2n3SMKFfEnDoiwer8BUM/SjKLwe9SqoEIHlhDTKo=");
}

static void test_request(void **state)
{
    struct gateway_message m = im_message(1, "", "明天9:00");
    struct gateway *gw = host_open(SO, signing, NULL);

    (void)state;
    assert_non_null(gw);
    assert_true((gw->plugin->capabilities & GATEWAY_GROUP_ONLY) != 0);
    gw->now_ms = INT64_C(1599360473999) - HOST_EPOCH_MS;
    im_submit(gw, &m);
    assert_string_equal(gw->requests[0].method, "POST");
    assert_string_equal(gw->requests[0].url, "https://open.feishu.cn/open-apis/bot/v2/hook/aa-bb");
    assert_string_equal(gw->requests[0].headers, "Content-Type: application/json\n");
    im_body_is(gw, 0,
               "{\"timestamp\":\"1599360473\",\"sign\":\"/eYKrXQBzTjUZJ3s6NX16VxGbTwmK7AEs8/"
               "FnvC1CSw=\",\"msg_type\":\"text\",\"content\":{\"text\":\"明天9:00\"}}");
    im_answer(gw, 0, 200,
              "{\"code\":0,\"msg\":\"success\",\"data\":{},\"StatusCode\":0,\"StatusMessage\":"
              "\"success\",\"Extra\":null}");
    assert_int_equal(host_answer(gw, 1)->outcome, GATEWAY_ACCEPTED);
    host_close(gw);
    gw = host_open(SO, plain, NULL); /* whose robot checks no signature */
    im_submit(gw, &m);
    im_body_is(gw, 0, "{\"msg_type\":\"text\",\"content\":{\"text\":\"明天9:00\"}}");
    host_close(gw);
}

/* specs: section 4 */
#define CODE(n) 200, "{\"code\":" #n ",\"msg\":\"m\"}"
static const struct im_fact facts[] = {
    {200, "{\"StatusCode\":0,\"StatusMessage\":\"success\"}", GATEWAY_ACCEPTED, 0, 0, false},
    {CODE(11232), GATEWAY_THROTTLED, GATEWAY_REASON_LIMIT, 0, false},
    {429, "", GATEWAY_THROTTLED, GATEWAY_REASON_LIMIT, 0, false},
    {503, "", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE, 0, false},
    {500, "", GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE, 0, false},
    {CODE(9499), GATEWAY_REJECTED, GATEWAY_REASON_TEXT, 0, false},
    {400, "{\"code\":9499,\"msg\":\"Bad Request\"}", GATEWAY_REJECTED, GATEWAY_REASON_TEXT, 0,
     false},
    {CODE(19024), GATEWAY_REJECTED, GATEWAY_REASON_TEXT, 0, false},
    {CODE(19036), GATEWAY_REJECTED, GATEWAY_REASON_TEXT, 0, false},
    {CODE(19021), GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, false},
    {CODE(19022), GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, false},
    {CODE(19001), GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, false},
    {CODE(12345), GATEWAY_RETRY, GATEWAY_REASON_OTHER, 0, false},
    {200, "<html>", GATEWAY_UNKNOWN, GATEWAY_REASON_PROTOCOL, 0, false},
    {0, "timed out", GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE, GATEWAY_HTTP_AMBIGUOUS, false},
    {0, "refused", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE, GATEWAY_HTTP_UNSENT, false},
    {0, "certificate", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, GATEWAY_HTTP_UNSENT, true},
};

static void test_answers(void **state)
{
    struct gateway *gw = host_open(SO, plain, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        struct gateway_message m = im_message(i + 1, "", "t");

        im_submit(gw, &m);
        im_fact(gw, &facts[i], i);
    }
    host_close(gw);
}

static void test_twenty_kilobytes(void **state)
{
    struct gateway *gw = host_open(SO, plain, NULL);
    size_t around = strlen("{\"msg_type\":\"text\",\"content\":{\"text\":\"\"}}");
    struct gateway_message m;
    char text[20481];

    (void)state;
    memset(text, 'a', sizeof text);
    text[20480 - around + 1] = '\0';
    m = im_message(1, "", text);
    im_submit(gw, &m);
    assert_int_equal(host_answer(gw, 1)->reason, GATEWAY_REASON_TEXT);
    assert_int_equal(gw->request_count, 0);
    m = im_message(2, "", text + 1);
    im_submit(gw, &m);
    assert_int_equal(gw->request_count, 1);
    host_close(gw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sign),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_twenty_kilobytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
