/* The aliyun plugin: the signature by the vectors of Aliyun's documents, requests, outcomes
 * and receipts by its API reference. */
#include "aliyun.h"

#define SO BUILD_DIR "/plugins/aliyun.so"
#include "cloud_bench.h"

/* ------------------------------------------------------------------- signatures */
#define DATE_MS INT64_C(1698315752000) /* 2023-10-26T10:22:32Z */
#define NONCE "3156853299f313e23d1673dc12e1703d"

static const char form_body[] =
    "PhoneNumbers=13800138000&SignName=%E9%98%BF%E9%87%8C%E4%BA%91%E7%9F%AD%E4%BF%A1%E6%B5%8B%E8%"
    "AF%95%E4%B8%93%E7%94%A8&TemplateCode=SMS_71390007&TemplateParam=%7B%22name%22%3A%22%E7%8E%8B%"
    "20%E8%8A%B3%2A~%2F%2B%22%2C%22date%22%3A%223%E6%9C%888%E6%97%A5%22%7D&OutId=c42-000017";

static const struct vector {
    const char *name, *host, *action, *version;
    struct {
        const char *name, *value;
    } query[6];
    const char *content_type, *body;
    const char *body_sha256; /* where it is told */
    const char *canonical_query, *canonical_sha256, *signature;
} vectors[] = {
    {"of Aliyun's page on V3",
     "ecs.cn-shanghai.aliyuncs.com",
     "RunInstances",
     "2014-05-26",
     {{"RegionId", "cn-shanghai"},
      {"ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"}},
     NULL,
     NULL,
     NULL,
     "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai",
     "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259",
     "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"},
    {"SendSms, parameters in the query",
     "dysmsapi.aliyuncs.com",
     "SendSms",
     "2017-05-25",
     {{"PhoneNumbers", "13800138000"},
      {"SignName", "阿里云短信测试专用"},
      {"TemplateCode", "SMS_71390007"},
      {"TemplateParam", "{\"name\":\"王 芳*~/+\",\"date\":\"3月8日\"}"},
      {"OutId", "c42-000017"}},
     NULL,
     NULL,
     NULL,
     "OutId=c42-000017&PhoneNumbers=13800138000&SignName=%E9%98%BF%E9%87%8C%E4%BA%91%E7%9F%AD%E4%BF"
     "%A1%E6%B5%8B%E8%AF%95%E4%B8%93%E7%94%A8&TemplateCode=SMS_71390007&TemplateParam=%7B%22name%22"
     "%3A%22%E7%8E%8B%20%E8%8A%B3%2A~%2F%2B%22%2C%22date%22%3A%223%E6%9C%888%E6%97%A5%22%7D",
     "064a5548c501f58bd9b063075886342d521a089bcf0a449e8df1c5a0fb643c3a",
     "8d65c2d7ab2880ef661f0c46877aa9d606f3f464b6addf3cb939dd6a7f38e68e"},
    {"SendSms, parameters in a form",
     "dysmsapi.aliyuncs.com",
     "SendSms",
     "2017-05-25",
     {{0}},
     "application/x-www-form-urlencoded",
     form_body,
     "2ec541539a79adb229088c8dd2a15435051dcb75f3c7455999062e8ae3be3943",
     "",
     "5a2a256073e7033204cb20851ccf3a1a881f33394c19ddcaae95bc8e5ae42cee",
     "82dd4e1271ef11e5760f2fd0381ca77d4ca8e8d5cc0f124f807cd0feb16a1370"},
};

static void test_vector(void **state)
{
    const struct vector *v = *state;
    struct acs3_param params[6];
    struct acs3_request request = {.host = v->host,
                                   .action = v->action,
                                   .version = v->version,
                                   .query = params,
                                   .content_type = v->content_type,
                                   .body = v->body,
                                   .length = v->body == NULL ? 0 : strlen(v->body),
                                   .key_id = "YourAccessKeyId",
                                   .secret = "YourAccessKeySecret",
                                   .nonce = NONCE,
                                   .wall_ms = DATE_MS};
    struct acs3_signed s;

    for (; v->query[request.query_count].name != NULL; request.query_count++)
        params[request.query_count] = (struct acs3_param){
            v->query[request.query_count].name, v->query[request.query_count].value,
            strlen(v->query[request.query_count].value)};
    acs3_sign(&request, &s);
    assert_string_equal(text_string(&s.query), v->canonical_query);
    if (v->body_sha256 != NULL) {
        bool sent = false;

        for (size_t i = 0; s.headers[i] != NULL; i++)
            sent = sent || (strncmp(s.headers[i], "x-acs-content-sha256: ", 22) == 0 &&
                            strcmp(s.headers[i] + 22, v->body_sha256) == 0);
        assert_true(sent);
    }
    assert_string_equal(s.canonical_sha256, v->canonical_sha256);
    assert_string_equal(s.signature, v->signature);
    acs3_free(&s);
}

/* --------------------------------------------------------------------- messages */
static const struct setting_row rows[] = {{"access_key_id", "YourAccessKeyId"},
                                          {"access_key_secret", "YourAccessKeySecret"},
                                          {"sign_name", "阿里云短信测试专用"},
                                          {0}};
static const struct setting_row single_rows[] = {{"access_key_id", "YourAccessKeyId"},
                                                 {"access_key_secret", "YourAccessKeySecret"},
                                                 {"sign_name", "签"},
                                                 {"batch", "1"},
                                                 {0}};
static const struct gateway_field params[] = {{"name", "王 芳*~/+", strlen("王 芳*~/+")},
                                              {"date", "3月8日", strlen("3月8日")}};
static const struct gateway_field number_params[] = {{"n", "1\"", 2}};

static const char *const people[] = {"+8613800138000", "+8613800138001", "+8613800138002",
                                     "+8613800138003"};

static struct gateway_message message(uint64_t token)
{
    return (struct gateway_message){
        .token = token,
        .to = people[token - 1],
        .to_length = 14,
        .text = "x",
        .length = 1,
        .segments = 1,
        .template_code = "SMS_71390007",
        .params = params,
        .param_count = 2,
        .campaign = "march8",
        .reminder = "first",
        .number = (uint32_t)token,
        .reference = "c42-000017",
        .submit_by_ms = 1005000,
    };
}

#define OK_BODY                                                                                    \
    "{\"Code\":\"OK\",\"Message\":\"OK\",\"BizId\":\"9006197469364984^0\",\"RequestId\":\"F655\"}"

static void test_single(void **state)
{
    struct gateway *gw = opened(rows);
    const struct kept_request *r;

    (void)state;
    submit(gw, 1);
    assert_int_equal(gw->request_count, 1);
    r = &gw->requests[0];
    assert_string_equal(r->method, "POST");
    assert_string_equal(
        r->url,
        "https://dysmsapi.aliyuncs.com/"
        "?OutId=c42-000017&PhoneNumbers=13800138000&SignName=%E9%98%BF%E9%87%8C%E4%BA%91%E7%9F%AD%"
        "E4%BF%A1%E6%B5%8B%E8%AF%95%E4%B8%93%E7%94%A8&TemplateCode=SMS_71390007&TemplateParam=%7B%"
        "22name%22%3A%22%E7%8E%8B%20%E8%8A%B3%2A~%2F%2B%22%2C%22date%22%3A%223%E6%9C%888%E6%97%A5%"
        "22%7D");
    assert_null(r->body);
    assert_int_equal(r->send_by_ms, 1005000);
    assert_true(has_header(r, "host: dysmsapi.aliyuncs.com\n"));
    assert_true(has_header(r, "x-acs-action: SendSms\n"));
    assert_true(has_header(r, "x-acs-version: 2017-05-25\n"));
    assert_true(has_header(r, "x-acs-date: 2027-03-07T01:16:40Z\n"));
    assert_true(has_header(r, "content-type:\n")); /* none: libcurl's is not signed */
    assert_null(strstr(r->headers, "YourAccessKeySecret"));
    respond(gw, 0, 200, OK_BODY);
    assert_int_equal(gw->answers[0].outcome, GATEWAY_ACCEPTED);
    assert_int_equal(gw->answers[0].id_count, 1);
    assert_null(strstr(gw->answers[0].ids[0], "138001380"));
    host_close(gw);
}

static void test_batch(void **state)
{
    struct gateway *gw = opened(rows);
    struct gateway_message m[4] = {message(1), message(2), message(3), message(4)};
    const struct gateway_message *list[4] = {&m[0], &m[1], &m[2], &m[3]};
    const struct kept_request *r;

    (void)state;
    m[1].template_code = "SMS_2";
    m[2].params = number_params;
    m[2].param_count = 1;
    m[2].template_signature = "区妇联";
    m[3].template_code = NULL;
    gw->plugin->submit(gw->state, list, 4);
    /* one and three together, two alone, four not at all */
    assert_int_equal(host_answer(gw, 4)->outcome, GATEWAY_REJECTED);
    assert_int_equal(host_answer(gw, 4)->reason, GATEWAY_REASON_TEMPLATE);
    assert_int_equal(gw->request_count, 2);
    r = &gw->requests[0];
    assert_string_equal(r->url, "https://dysmsapi.aliyuncs.com/?TemplateCode=SMS_71390007");
    assert_true(has_header(r, "x-acs-action: SendBatchSms\n"));
    assert_true(has_header(r, "content-type: application/x-www-form-urlencoded\n"));
    assert_string_equal(
        r->body, "PhoneNumberJson=%5B%2213800138000%22%2C%2213800138002%22%5D"
                 "&SignNameJson=%5B%22%E9%98%BF%E9%87%8C%E4%BA%91%E7%9F%AD%E4%BF%A1%E6%B5%8B%E8%AF%"
                 "95%E4%B8%93%E7%94%A8%22%2C%22%E5%8C%BA%E5%A6%87%E8%81%94%22%5D"
                 "&TemplateParamJson=%5B%7B%22name%22%3A%22%E7%8E%8B%20%E8%8A%B3%2A~%2F%2B%22%2C%22"
                 "date%22%3A%223%E6%9C%888%E6%97%A5%22%7D%2C%7B%22n%22%3A%221%5C%22%22%7D%5D");
    assert_true(has_header(&gw->requests[1], "x-acs-action: SendSms\n"));
    respond(gw, 0, 200, OK_BODY);
    respond(gw, 1, 200, OK_BODY);
    assert_int_equal(host_answer(gw, 1)->outcome, GATEWAY_ACCEPTED);
    assert_int_equal(host_answer(gw, 3)->outcome, GATEWAY_ACCEPTED);
    assert_string_not_equal(host_answer(gw, 1)->ids[0], host_answer(gw, 3)->ids[0]);
    host_close(gw);
}

/* A batch that is refused for one of its people was not sent: each is asked for alone. */
static void test_split(void **state)
{
    struct gateway *gw = opened(rows);

    (void)state;
    submit(gw, 3);
    assert_int_equal(gw->request_count, 1);
    respond(gw, 0, 200, "{\"Code\":\"isv.MOBILE_NUMBER_ILLEGAL\",\"Message\":\"号码\"}");
    assert_int_equal(gw->answer_count, 0);
    assert_int_equal(gw->request_count, 4);
    respond(gw, 1, 200, OK_BODY);
    respond(gw, 2, 200, "{\"Code\":\"isv.MOBILE_NUMBER_ILLEGAL\",\"Message\":\"号码\"}");
    respond(gw, 3, 200, OK_BODY);
    assert_int_equal(host_answer(gw, 1)->outcome, GATEWAY_ACCEPTED);
    assert_int_equal(host_answer(gw, 2)->outcome, GATEWAY_REJECTED);
    assert_int_equal(host_answer(gw, 2)->reason, GATEWAY_REASON_NUMBER);
    assert_int_equal(host_answer(gw, 3)->outcome, GATEWAY_ACCEPTED);
    assert_int_equal(gw->answer_count, 3);
    host_close(gw);
}

/* What grows stale between the two is not sent. */
static void test_split_stale(void **state)
{
    struct gateway *gw = opened(rows);

    (void)state;
    submit(gw, 2);
    host_pass(gw, 6000);
    respond(gw, 0, 200, "{\"Code\":\"isv.MOBILE_NUMBER_ILLEGAL\",\"Message\":\"号码\"}");
    assert_int_equal(gw->request_count, 1);
    assert_int_equal(host_answer(gw, 1)->outcome, GATEWAY_UNSENT);
    assert_int_equal(host_answer(gw, 2)->outcome, GATEWAY_UNSENT);
    host_close(gw);
}

/* A batch that may have been sent is never sent again. */
static void test_batch_in_doubt(void **state)
{
    struct gateway *gw = opened(rows);
    struct gateway_http_response lost = {.result = GATEWAY_HTTP_AMBIGUOUS, .trouble = "timeout"};

    (void)state;
    submit(gw, 3);
    gw->requests[0].fn(gw->requests[0].arg, &lost);
    assert_int_equal(gw->request_count, 1);
    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(host_answer(gw, i)->outcome, GATEWAY_UNKNOWN);
    host_close(gw);
}

/* --------------------------------------------------------------------- outcomes */
/* specs: the classes of Aliyun's "API错误码" */
static const struct outcome {
    const char *code;
    enum gateway_outcome outcome;
    enum gateway_reason reason;
} outcomes[] = {
    {"isv.BUSINESS_LIMIT_CONTROL", GATEWAY_THROTTLED, GATEWAY_REASON_LIMIT},
    {"isv.DAY_LIMIT_CONTROL", GATEWAY_THROTTLED, GATEWAY_REASON_OTHER},
    {"isv.MONTH_LIMIT_CONTROL", GATEWAY_THROTTLED, GATEWAY_REASON_OTHER},
    {"Throttling", GATEWAY_THROTTLED, GATEWAY_REASON_NONE},
    {"Throttling.User", GATEWAY_THROTTLED, GATEWAY_REASON_NONE},
    {"isp.SYSTEM_ERROR", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE},
    {"isv.MOBILE_NUMBER_ILLEGAL", GATEWAY_REJECTED, GATEWAY_REASON_NUMBER},
    {"isv.CUSTOMER_REFUSED", GATEWAY_REJECTED, GATEWAY_REASON_BLACKLISTED},
    {"isv.DOMESTIC_NUMBER_NOT_SUPPORTED", GATEWAY_REJECTED, GATEWAY_REASON_NUMBER},
    {"isv.TEMPLATE_MISSING_PARAMETERS", GATEWAY_REJECTED, GATEWAY_REASON_TEMPLATE},
    {"isv.INVALID_JSON_PARAM", GATEWAY_REJECTED, GATEWAY_REASON_TEMPLATE},
    {"isv.PARAM_LENGTH_LIMIT", GATEWAY_REJECTED, GATEWAY_REASON_TEXT},
    {"isv.PARAM_NOT_SUPPORT_URL", GATEWAY_REJECTED, GATEWAY_REASON_TEXT},
    {"isv.TEMPLATE_PARAMS_ILLEGAL", GATEWAY_REJECTED, GATEWAY_REASON_TEMPLATE},
    {"isv.INVALID_PARAMETERS", GATEWAY_REJECTED, GATEWAY_REASON_TEMPLATE},
    {"isv.SMS_CONTENT_ILLEGAL", GATEWAY_REJECTED, GATEWAY_REASON_TEXT},
    {"isv.MOBILE_COUNT_OVER_LIMIT", GATEWAY_REJECTED, GATEWAY_REASON_PROTOCOL},
    /* ambiguous: final for the message, and no word of a blacklist */
    {"isv.BLACK_KEY_CONTROL_LIMIT", GATEWAY_REJECTED, GATEWAY_REASON_TEXT},
    {"isv.SMS_TEMPLATE_ILLEGAL", GATEWAY_BROKEN, GATEWAY_REASON_TEMPLATE},
    {"isv.SMS_SIGNATURE_ILLEGAL", GATEWAY_BROKEN, GATEWAY_REASON_TEMPLATE},
    {"isv.AMOUNT_NOT_ENOUGH", GATEWAY_BROKEN, GATEWAY_REASON_BALANCE},
    {"isv.SMS_SIGNATURE_SCENE_ILLEGAL", GATEWAY_BROKEN, GATEWAY_REASON_TEMPLATE},
    {"isv.SIGN_STATE_ILLEGAL", GATEWAY_BROKEN, GATEWAY_REASON_TEMPLATE},
    {"isv.SMS_SIGN_ILLEGAL", GATEWAY_BROKEN, GATEWAY_REASON_TEMPLATE},
    {"isv.EXTEND_CODE_ERROR", GATEWAY_BROKEN, GATEWAY_REASON_OTHER},
    {"isv.DENY_IP_RANGE", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {"isp.RAM_PERMISSION_DENY", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {"isv.OUT_OF_SERVICE", GATEWAY_BROKEN, GATEWAY_REASON_BALANCE},
    {"isv.PRODUCT_UN_SUBSCRIPT", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {"isv.PRODUCT_UNSUBSCRIBE", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {"isv.ACCOUNT_NOT_EXISTS", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {"isv.ACCOUNT_ABNORMAL", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {"SignatureDoesNotMatch", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {"InvalidTimeStamp.Expired", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {"isv.NEVER_HEARD_OF", GATEWAY_RETRY, GATEWAY_REASON_OTHER},
};

static void test_outcome(void **state)
{
    const struct outcome *o = *state;
    struct gateway *gw = opened(rows);
    char body[300];

    submit(gw, 1);
    snprintf(body, sizeof body, "{\"Code\":\"%s\",\"Message\":\"原因 13800138000\"}", o->code);
    respond(gw, 0, 400, body);
    assert_int_equal(gw->answer_count, 1);
    assert_int_equal(gw->answers[0].outcome, o->outcome);
    assert_int_equal(gw->answers[0].reason, o->reason);
    assert_string_equal(gw->answers[0].code, o->code);
    assert_string_equal(gw->answers[0].words, "原因 ***********");
    host_close(gw);
}

static const struct exchange exchanges[] = {
    EXCHANGES_OF_ANY_CLOUD,
    {"JSON cut off",
     {.status = 200, .body = "{\"Code\":\"OK\",\"Biz"},
     GATEWAY_UNKNOWN,
     GATEWAY_REASON_PROTOCOL},
    {"JSON with an empty code",
     {.status = 200, .body = "{\"Code\":\"\",\"Message\":\"x\"}"},
     GATEWAY_UNKNOWN,
     GATEWAY_REASON_PROTOCOL},
    {"JSON without a code",
     {.status = 200, .body = "[1]"},
     GATEWAY_UNKNOWN,
     GATEWAY_REASON_PROTOCOL},
};

static void test_exchange(void **state)
{
    exchange_is(opened(rows), *state);
}

static void test_limit_windows(void **state)
{
    static const struct {
        const char *words;
        int64_t ms;
    } windows[] = {{"触发分钟级流控Permits:1", 60000},
                   {"触发小时级流控Permits:5", 3600000},
                   {"触发天级流控Permits:10", 86400000}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct gateway *gw = opened(rows);
        char body[200];

        submit(gw, 1);
        snprintf(body, sizeof body, "{\"Code\":\"isv.BUSINESS_LIMIT_CONTROL\",\"Message\":\"%s\"}",
                 windows[i].words);
        respond(gw, 0, 200, body);
        assert_int_equal(gw->answers[0].retry_after_ms, windows[i].ms);
        host_close(gw);
    }
}

static void test_strange_once(void **state)
{
    struct gateway *gw = opened(single_rows);

    (void)state;
    submit(gw, 3);
    for (size_t i = 0; i < 3; i++)
        respond(gw, i, 200, "{\"Code\":\"isv.NEW\",\"Message\":\"x\"}");
    assert_non_null(strstr(gw->log, "code=isv.NEW"));
    assert_null(strstr(strstr(gw->log, "code=isv.NEW") + 1, "code=isv.NEW"));
    host_close(gw);
}

/* --------------------------------------------------------------- receipts, replies */
#define REPORT(number, success, code)                                                              \
    "{\"phone_number\":\"" number "\",\"send_time\":\"2017-01-01 00:00:00\","                      \
    "\"report_time\":\"2017-01-01 00:00:07\",\"success\":" success ",\"err_code\":\"" code "\","   \
    "\"err_msg\":\"用户接收成功\",\"sms_size\":\"1\",\"biz_id\":\"9006197469364984^0\","     \
    "\"out_id\":\"c42-000017\"}"

static void test_receipts(void **state)
{
    struct gateway *gw = opened(rows);
    struct answered answer;

    (void)state;
    submit(gw, 2);
    respond(gw, 0, 200, OK_BODY);
    answer = push(gw, "[" REPORT("13800138001", "true", "DELIVERED") "," REPORT(
                          "8613800138000", "false", "MOBILE_IN_BLACK") "]");
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "{\"code\":0,\"msg\":\"ok\"}"); /* "code is a number" */
    assert_int_equal(gw->receipt_count, 2);
    assert_string_equal(gw->receipts[0].id, host_answer(gw, 2)->ids[0]);
    assert_string_equal(gw->receipts[1].id, host_answer(gw, 1)->ids[0]);
    assert_string_equal(gw->receipts[0].reference, "c42-000017");
    assert_int_equal(gw->receipts[0].state, GATEWAY_DELIVERED);
    assert_int_equal(gw->receipts[0].done_ms, INT64_C(1483200007000)); /* 2016-12-31T16:00:07Z */
    assert_int_equal(gw->receipts[1].state, GATEWAY_UNDELIVERED);
    assert_int_equal(gw->receipts[1].reason, GATEWAY_REASON_BLACKLISTED);
    assert_string_equal(gw->receipts[1].code, "MOBILE_IN_BLACK");
    gw->store = STORE_FAILS;
    assert_int_equal(push(gw, "[" REPORT("13800138001", "true", "DELIVERED") "]").status, 503);
    host_close(gw);
}

static void test_replies(void **state)
{
    struct gateway *gw = opened(rows);

    (void)state;
    /* as SmsUp has it, and as an older description has it */
    assert_int_equal(
        push(gw, "[{\"phone_number\":\"13811110000\",\"content\":\"TD\",\"send_time\":"
                 "\"2017-09-01 00:00:00\",\"dest_code\":\"1234\",\"sequence_id\":\"1234567890\"},"
                 "{\"phone_number\":\"13811110001\",\"content\":\"好\",\"send_time\":"
                 "\"2017-09-01 00:00:00\",\"dest_code\":\"1234\",\"sign_name\":\"签\","
                 "\"sequence_id\":1234567891}]")
            .status,
        200);
    assert_int_equal(gw->reply_count, 2);
    assert_string_equal(gw->replies[0].from, "13811110000");
    assert_string_equal(gw->replies[0].to, "1234");
    assert_string_equal(gw->replies[0].text, "TD");
    assert_string_equal(gw->replies[0].id, "1234567890");
    assert_string_equal(gw->replies[1].id, "1234567891");
    assert_string_equal(gw->replies[1].text, "好");
    host_close(gw);
}

static const struct strange {
    const char *body;
    int status;
} strange[] = {
    {"", 400},
    {"x", 400},
    {"[{\"biz_id\":", 400},
    {"[]", 200},
    {"[1,null,[]]", 200},
    {"{\"biz_id\":\"1^0\",\"phone_number\":\"x\"}", 200},
    {"{\"biz_id\":1,\"phone_number\":[]}", 200},
    {"{\"phone_number\":\"1381111\",\"content\":7}", 200},
};

static void test_strange(void **state)
{
    struct gateway *gw = opened(rows);

    (void)state;
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        struct answered answer = push(gw, strange[i].body);

        assert_int_equal(answer.calls, 1);
        assert_int_equal(answer.status, strange[i].status);
    }
    assert_int_equal(gw->receipt_count + gw->reply_count, 0);
    host_close(gw);
}

/* ----------------------------------------------------------------------- asking */
#define MINUTE_MS 60000
#define DETAIL(status, code, out_id)                                                               \
    "{\"Code\":\"OK\",\"Message\":\"OK\",\"SmsSendDetailDTOs\":{\"SmsSendDetailDTO\":[{"           \
    "\"PhoneNum\":\"13800138000\",\"SendStatus\":" status ",\"ErrCode\":\"" code                   \
    "\",\"OutId\":\"" out_id                                                                       \
    "\",\"SendDate\":\"2027-03-07 09:16:40\",\"ReceiveDate\":\"2027-03-07 09:16:44\"}]},"          \
    "\"TotalCount\":1}"

static void test_asks_for_lost_receipts(void **state)
{
    struct gateway *gw = opened(rows);

    (void)state;
    submit(gw, 1);
    respond(gw, 0, 200, OK_BODY);
    host_pass(gw, 19 * MINUTE_MS); /* they try for 16 minutes */
    assert_int_equal(gw->request_count, 1);
    host_pass(gw, 2 * MINUTE_MS);
    assert_int_equal(gw->request_count, 2);
    assert_true(has_header(&gw->requests[1], "x-acs-action: QuerySendDetails\n"));
    assert_string_equal(gw->requests[1].url,
                        "https://dysmsapi.aliyuncs.com/?BizId=9006197469364984%5E0&CurrentPage=1"
                        "&PageSize=50&PhoneNumber=13800138000&SendDate=20270307");
    respond(gw, 1, 200, DETAIL("1", "", ""));
    assert_int_equal(gw->receipt_count, 0);
    host_pass(gw, 41 * MINUTE_MS); /* twice as long */
    assert_int_equal(gw->request_count, 3);
    gw->store = STORE_FAILS;
    respond(gw, 2, 200, DETAIL("3", "DELIVERED", ""));
    gw->store = STORE_NOW;
    host_pass(gw, 81 * MINUTE_MS); /* it was not stored */
    assert_int_equal(gw->request_count, 4);
    respond(gw, 3, 200, DETAIL("3", "DELIVERED", ""));
    assert_int_equal(gw->receipt_count, 2);
    assert_string_equal(gw->receipts[1].id, host_answer(gw, 1)->ids[0]);
    assert_int_equal(gw->receipts[1].state, GATEWAY_DELIVERED);
    assert_int_equal(gw->receipts[1].done_ms, HOST_EPOCH_MS + 1000000 + 4000);
    host_pass(gw, 80 * 60 * MINUTE_MS); /* nothing more to ask */
    assert_int_equal(gw->request_count, 4);
    host_close(gw);
}

static void test_asks_no_more_once_stored(void **state)
{
    struct gateway *gw = opened(rows);

    (void)state;
    submit(gw, 2);
    respond(gw, 0, 200, OK_BODY);
    gw->store = STORE_FAILS; /* Redis is away, and they push no more */
    push(gw, "[" REPORT("13800138000", "true", "DELIVERED") "]");
    gw->store = STORE_NOW;
    push(gw, "[" REPORT("13800138001", "true", "DELIVERED") "]");
    host_pass(gw, 25 * MINUTE_MS);
    assert_int_equal(gw->request_count, 2);
    assert_non_null(strstr(gw->requests[1].url, "PhoneNumber=13800138000&"));
    host_close(gw);
}

static void test_query(void **state)
{
    struct gateway *gw = opened(single_rows);
    /* 2027-03-07 23:55 in China: theirs may be of the next day */
    int64_t at_ms = HOST_EPOCH_MS + (INT64_C(14) * 3600 + 55 * 60) * 1000;

    (void)state;
    gw->plugin->query(gw->state, "c42-000017", "+8613800138000", at_ms);
    assert_string_equal(gw->requests[0].url,
                        "https://dysmsapi.aliyuncs.com/?CurrentPage=1&PageSize=50"
                        "&PhoneNumber=13800138000&SendDate=20270307");
    respond(gw, 0, 200, DETAIL("3", "DELIVERED", "c42-000018")); /* another notice */
    assert_int_equal(gw->receipt_count, 0);
    assert_non_null(strstr(gw->requests[1].url, "SendDate=20270308"));
    respond(gw, 1, 200, DETAIL("2", "MOBILE_NOT_ON_SERVICE", "c42-000017"));
    assert_int_equal(gw->receipt_count, 1);
    assert_string_equal(gw->receipts[0].reference, "c42-000017");
    assert_int_equal(gw->receipts[0].state, GATEWAY_UNDELIVERED);
    assert_int_equal(gw->receipts[0].reason, GATEWAY_REASON_ABSENT);
    gw->plugin->query(gw->state, "c42-000017", "+8613800138000", at_ms);
    host_close(gw); /* with a question open */
}

/* --------------------------------------------------------------------- settings */
static void test_plain_http(void **state)
{
    static const struct setting_row abroad[] = {{"access_key_id", "a"},
                                                {"access_key_secret", "b"},
                                                {"sign_name", "c"},
                                                {"url", "http://dysmsapi.aliyuncs.com/"},
                                                {0}};
    static const struct setting_row path[] = {{"access_key_id", "a"},
                                              {"access_key_secret", "b"},
                                              {"sign_name", "c"},
                                              {"url", "https://dysmsapi.aliyuncs.com/x"},
                                              {0}};
    static const struct setting_row here[] = {{"access_key_id", "a"},
                                              {"access_key_secret", "b"},
                                              {"sign_name", "c"},
                                              {"url", "http://127.0.0.1:8080"},
                                              {0}};
    char error[512] = "";
    struct gateway *gw;

    (void)state;
    assert_null(host_open(SO, abroad, error));
    assert_string_equal(error, "url: http is for this machine only, use https");
    assert_null(host_open(SO, path, error));
    assert_string_equal(error, "url: must be https:// and a host, without a path");
    gw = opened(here);
    submit(gw, 1);
    assert_true(has_header(&gw->requests[0], "host: 127.0.0.1:8080\n"));
    assert_int_equal(strncmp(gw->requests[0].url, "http://127.0.0.1:8080/?OutId", 28), 0);
    host_close(gw);
}

/* Closed in the middle of everything: nothing leaks, nothing runs. */
static void test_close(void **state)
{
    struct gateway *gw = opened(rows);

    (void)state;
    submit(gw, 2);
    respond(gw, 0, 200, OK_BODY);
    submit(gw, 3);
    gw->store = STORE_LATER;
    push(gw, "[" REPORT("13800138000", "true", "DELIVERED") "]");
    host_pass(gw, 21 * MINUTE_MS);
    assert_true(gw->request_count > 2);
    host_close(gw);
}

/* A fact of its own for every row of a table. */
#define ROWS(tests, n, table, fn, label)                                                           \
    for (size_t row = 0; row < sizeof table / sizeof *(table); row++)                              \
        tests[n++] = (struct CMUnitTest)                                                           \
        {                                                                                          \
            (table)[row].label, fn, NULL, NULL, (void *)&(table)[row]                              \
        }

int main(void)
{
    static const struct CMUnitTest plain[] = {
        cmocka_unit_test(test_single),
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_split_stale),
        cmocka_unit_test(test_batch_in_doubt),
        cmocka_unit_test(test_limit_windows),
        cmocka_unit_test(test_strange_once),
        cmocka_unit_test(test_receipts),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_strange),
        cmocka_unit_test(test_asks_for_lost_receipts),
        cmocka_unit_test(test_asks_no_more_once_stored),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_plain_http),
        cmocka_unit_test(test_close),
    };
    static struct CMUnitTest tests[100];
    size_t n = 0;

    ROWS(tests, n, vectors, test_vector, name);
    ROWS(tests, n, outcomes, test_outcome, code);
    ROWS(tests, n, exchanges, test_exchange, name);
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        tests[n++] = plain[i];
    return _cmocka_run_group_tests("aliyun", tests, n, NULL, NULL);
}
