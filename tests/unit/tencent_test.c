/* The tencent plugin: the signature by the vectors of Tencent's documents, requests, outcomes
 * and receipts by its API reference. */
#include "tc3.h"

#define SO BUILD_DIR "/plugins/tencent.so"
#include "cloud_bench.h"

/* ------------------------------------------------------------------- signatures */
#define ID_A "AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******"
#define KEY_A "Gu5t9xGARNpq86cd98joQYCN3*******"
#define STARS "********************************"
#define BODY_CVM                                                                                   \
    "{\"Limit\": 1, \"Filters\": [{\"Values\": [\"\\u672a\\u547d\\u540d\"], "                      \
    "\"Name\": \"instance-name\"}]}"
#define BODY_SMS                                                                                   \
    "{\"SmsSdkAppId\":\"1400006666\",\"SignName\":\"腾讯云\",\"TemplateId\":\"1234\","          \
    "\"TemplateParamSet\":[\"12345\"],\"PhoneNumberSet\":[\"+8618511122266\"],"                    \
    "\"SessionContext\":\"test\"}"

static const struct vector {
    const char *name, *host, *service, *action, *id, *key, *body, *canonical_sha256, *signature;
} vectors[] = {
    {"of Tencent's page, older edition", "cvm.tencentcloudapi.com", "cvm", NULL, ID_A, KEY_A,
     BODY_CVM, "5ffe6a04c0664d6b969fab9a13bdab201d63ee709638e2749d62a09ca18d7031",
     "2230eefd229f582d8b1b891af7107b91597240707d778ab3738f756258d7652c"},
    {"of Tencent's page, with x-tc-action", "cvm.tencentcloudapi.com", "cvm", "describeinstances",
     "AKID" STARS, STARS, BODY_CVM,
     "7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84",
     "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f"},
    {"SendSms", "sms.tencentcloudapi.com", "sms", NULL, ID_A, KEY_A, BODY_SMS,
     "e32c20232c094f378cd6b7dc68bdc8a18c931d31ddbbe8b61b663b2f9bc2ad48",
     "ea257d7fe5a23d57919cb0292165371c5c8983c4cc87ef182b2762125cff3b2c"},
    {"SendSms with x-tc-action", "sms.tencentcloudapi.com", "sms", "sendsms", ID_A, KEY_A, BODY_SMS,
     "f17c5505c8c45e37b47f60b873c3ac07c2fc5dd93101f9a6e38da8766c900631",
     "897cf6de77542d4483833220fc688e89d40245b8f0161cab3806dddcee60048f"},
};

static void test_vector(void **state)
{
    const struct vector *v = *state;
    struct tc3_signed s;
    char ending[200];

    tc3_sign(&(struct tc3_request){.host = v->host,
                                   .service = v->service,
                                   .content_type = "application/json; charset=utf-8",
                                   .action = v->action,
                                   .body = v->body,
                                   .length = strlen(v->body),
                                   .secret_id = v->id,
                                   .secret_key = v->key,
                                   .time_s = 1551113065},
             &s);
    assert_string_equal(s.canonical_sha256, v->canonical_sha256);
    assert_string_equal(s.signature, v->signature);
    snprintf(ending, sizeof ending, "TC3-HMAC-SHA256 Credential=%s/2019-02-25/%s/tc3_request, ",
             v->id, v->service);
    assert_int_equal(strncmp(text_string(&s.authorization), ending, strlen(ending)), 0);
    text_free(&s.authorization);
}

static void hex_is(const uint8_t digest[SHA256_BYTES], const char *expected)
{
    char hex[2 * SHA256_BYTES + 1];

    digest_hex(digest, SHA256_BYTES, hex);
    assert_string_equal(hex, expected);
}

/* The page with x-tc-action shows what comes between, too. */
static void test_steps(void **state)
{
    uint8_t step[SHA256_BYTES];

    (void)state;
    digest_sha256(BODY_CVM, strlen(BODY_CVM), step);
    hex_is(step, "35e9c5b0e3ae67532d3c9f17ead6c90222632e5b1ff7f6e89887f1398934f064");
    digest_sha256(BODY_SMS, strlen(BODY_SMS), step);
    hex_is(step, "41a774f1eb8f8f03663b01628f573f1334fd8f31378ec9b4ab36a462cdf195b7");
    digest_hmac_sha256("TC3" STARS, strlen("TC3" STARS), "2019-02-25", 10, step);
    hex_is(step, "da98fb70dcf6b112dc21038d1eeeb3a95c74b4dcb12c1131f864f6066bd02be0");
    digest_hmac_sha256(step, sizeof step, "cvm", 3, step);
    hex_is(step, "8d70cbefb03939f929db64d32dc2ba89b1095620119fe3e050e2b18c5bd2752f");
    digest_hmac_sha256(step, sizeof step, "tc3_request", 11, step);
    hex_is(step, "b596b923aad85185e2d1f6659d2a062e0a86731226e021e61bfe06f7ed05f5af");
}

/* --------------------------------------------------------------------- messages */
static const struct setting_row rows[] = {{"secret_id", "AKIDx"},
                                          {"secret_key", "the-secret-key"},
                                          {"app_id", "1400006666"},
                                          {"sign_name", "鼓楼区妇联"},
                                          {0}};
static const struct setting_row pull_rows[] = {{"secret_id", "AKIDx"},
                                               {"secret_key", "k"},
                                               {"app_id", "1400006666"},
                                               {"sign_name", "签"},
                                               {"pull", "30s"},
                                               {"poll_after", "0"},
                                               {0}};
static const struct gateway_field params[] = {{"name", "王\"芳", strlen("王\"芳")},
                                              {"date", "3月8日", strlen("3月8日")}};
static const struct gateway_field other_params[] = {{"name", "李", 3}, {"date", "3月8日", 8}};

static const char *const people[] = {"+8618511122266", "+8618511122267", "+8618511122268",
                                     "+85261112222"};

static struct gateway_message message(uint64_t token)
{
    return (struct gateway_message){
        .token = token,
        .to = people[token - 1],
        .to_length = strlen(people[token - 1]),
        .text = "x",
        .length = 1,
        .segments = 1,
        .template_code = "1234",
        .params = params,
        .param_count = 2,
        .reference = "march8/first/17",
        .submit_by_ms = 1005000,
    };
}

#define ENTRY(number, code, serial)                                                                \
    "{\"SerialNo\":\"" serial "\",\"PhoneNumber\":\"" number                                       \
    "\",\"Fee\":1,\"SessionContext\":\"\",\"Code\":\"" code                                        \
    "\",\"Message\":\"said\",\"IsoCode\":\"CN\"}"
#define SET(entries) "{\"Response\":{\"SendStatusSet\":[" entries "],\"RequestId\":\"a0aa\"}}"
#define ERROR_BODY(code)                                                                           \
    "{\"Response\":{\"Error\":{\"Code\":\"" code                                                   \
    "\",\"Message\":\"号码 18511122266\"},\"RequestId\":\"a0aa\"}}"
#define SERIAL "5000:1045710669157053657849499619"

static void test_request(void **state)
{
    struct gateway *gw = opened(rows);
    const struct kept_request *r;

    (void)state;
    submit(gw, 1);
    assert_int_equal(gw->request_count, 1);
    r = &gw->requests[0];
    assert_string_equal(r->method, "POST");
    assert_string_equal(r->url, "https://sms.tencentcloudapi.com/");
    assert_string_equal(
        r->body,
        "{\"SmsSdkAppId\":\"1400006666\",\"SignName\":\"鼓楼区妇联\",\"TemplateId\":\"1234\","
        "\"TemplateParamSet\":[\"王\\\"芳\",\"3月8日\"],\"PhoneNumberSet\":[\"+"
        "8618511122266\"],\"SessionContext\":\"march8/first/17\"}");
    assert_int_equal(r->send_by_ms, 1005000);
    assert_true(has_header(r, "Content-Type: application/json; charset=utf-8\n"));
    assert_true(has_header(r, "X-TC-Action: SendSms\n"));
    assert_true(has_header(r, "X-TC-Version: 2021-01-11\n"));
    assert_true(has_header(r, "X-TC-Region: ap-guangzhou\n"));
    assert_true(has_header(r, "X-TC-Timestamp: 1804382200\n"));
    assert_null(strstr(r->headers, "the-secret-key"));
    respond(gw, 0, 200, SET(ENTRY("+8618511122266", "Ok", SERIAL)));
    assert_int_equal(gw->answers[0].outcome, GATEWAY_ACCEPTED);
    assert_string_equal(gw->answers[0].ids[0], SERIAL);
    host_close(gw);
}

static void test_groups(void **state)
{
    struct gateway *gw = opened(rows);
    struct gateway_message m[7];
    const struct gateway_message *list[7];

    (void)state;
    for (size_t i = 0; i < 7; i++) {
        m[i] = message(i % 4 + 1);
        m[i].token = i + 1;
        list[i] = &m[i];
    }
    m[1].params = other_params; /* alone: another text */
    m[4].to = people[0];        /* alone: the same number again */
    m[5].template_code = NULL;  /* not at all */
    m[6].template_signature = "区图书馆";
    gw->plugin->submit(gw->state, list, 7);
    assert_int_equal(host_answer(gw, 6)->outcome, GATEWAY_REJECTED);
    assert_int_equal(host_answer(gw, 6)->reason, GATEWAY_REASON_TEMPLATE);
    assert_int_equal(gw->request_count, 5);
    assert_non_null(strstr(gw->requests[0].body,
                           "\"PhoneNumberSet\":[\"+8618511122266\",\"+8618511122268\"]}"));
    assert_non_null(strstr(gw->requests[1].body, "\"TemplateParamSet\":[\"李\""));
    assert_non_null(strstr(gw->requests[2].body, "[\"+85261112222\"]")); /* not with the mainland */
    assert_non_null(strstr(gw->requests[3].body, "[\"+8618511122266\"]"));
    assert_non_null(strstr(gw->requests[4].body, "\"SignName\":\"区图书馆\""));
    host_close(gw);
}

static void test_each_by_its_own_answer(void **state)
{
    struct gateway *gw = opened(rows);

    (void)state;
    submit(gw, 3);
    assert_int_equal(gw->request_count, 1);
    /* in another order, and nothing of the second */
    respond(gw, 0, 200,
            SET(ENTRY("+8618511122268", "FailedOperation.PhoneNumberInBlacklist",
                      "") "," ENTRY("8618511122266", "Ok", SERIAL)));
    assert_int_equal(host_answer(gw, 1)->outcome, GATEWAY_ACCEPTED);
    assert_int_equal(host_answer(gw, 2)->outcome, GATEWAY_UNKNOWN);
    assert_int_equal(host_answer(gw, 3)->outcome, GATEWAY_REJECTED);
    assert_int_equal(host_answer(gw, 3)->reason, GATEWAY_REASON_BLACKLISTED);
    assert_int_equal(gw->answer_count, 3);
    host_close(gw);
}

static void test_split(void **state)
{
    struct gateway *gw = opened(rows);

    (void)state;
    submit(gw, 3);
    respond(gw, 0, 200, ERROR_BODY("InvalidParameterValue.IncorrectPhoneNumber"));
    assert_int_equal(gw->answer_count, 0);
    assert_int_equal(gw->request_count, 4);
    respond(gw, 2, 200, ERROR_BODY("InvalidParameterValue.IncorrectPhoneNumber"));
    assert_int_equal(host_answer(gw, 2)->outcome, GATEWAY_REJECTED);
    respond(gw, 1, 200, SET(ENTRY("+8618511122266", "Ok", SERIAL)));
    assert_int_equal(host_answer(gw, 1)->outcome, GATEWAY_ACCEPTED);
    host_close(gw);
    /* the text is the same for all: nobody alone is to blame */
    gw = opened(rows);
    submit(gw, 3);
    respond(gw, 0, 200, ERROR_BODY("FailedOperation.ContainSensitiveWord"));
    assert_int_equal(gw->request_count, 1);
    assert_int_equal(gw->answer_count, 3);
    host_close(gw);
}

/* --------------------------------------------------------------------- outcomes */
/* specs: the classes of Tencent's error codes */
static const struct outcome {
    const char *code;
    enum gateway_outcome outcome;
    enum gateway_reason reason;
} outcomes[] = {
    {"RequestLimitExceeded", GATEWAY_THROTTLED, GATEWAY_REASON_NONE},
    {"RequestLimitExceeded.UinLimitExceeded", GATEWAY_THROTTLED, GATEWAY_REASON_NONE},
    {"LimitExceeded.PhoneNumberThirtySecondLimit", GATEWAY_THROTTLED, GATEWAY_REASON_LIMIT},
    {"LimitExceeded.PhoneNumberOneHourLimit", GATEWAY_THROTTLED, GATEWAY_REASON_LIMIT},
    {"LimitExceeded.PhoneNumberDailyLimit", GATEWAY_THROTTLED, GATEWAY_REASON_LIMIT},
    {"LimitExceeded.PhoneNumberSameContentDailyLimit", GATEWAY_THROTTLED, GATEWAY_REASON_LIMIT},
    {"LimitExceeded.DeliveryFrequencyLimit", GATEWAY_THROTTLED, GATEWAY_REASON_LIMIT},
    {"LimitExceeded.GlobalSmsSendingRateLimit", GATEWAY_THROTTLED, GATEWAY_REASON_NONE},
    {"FailedOperation.MarketingSendTimeConstraint", GATEWAY_THROTTLED, GATEWAY_REASON_OTHER},
    {"LimitExceeded.AppDailyLimit", GATEWAY_THROTTLED, GATEWAY_REASON_OTHER},
    {"LimitExceeded.AppMainlandChinaDailyLimit", GATEWAY_THROTTLED, GATEWAY_REASON_OTHER},
    {"LimitExceeded.AppGlobalDailyLimit", GATEWAY_THROTTLED, GATEWAY_REASON_OTHER},
    {"LimitExceeded.DailyLimit", GATEWAY_THROTTLED, GATEWAY_REASON_OTHER},
    {"InternalError", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE},
    {"InternalError.OtherError", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE},
    {"InternalError.UnknownError", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE},
    {"InternalError.ParseBackendResponseFail", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE},
    {"InternalError.JsonParseFail", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE},
    /* the message may have gone out */
    {"InternalError.Timeout", GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE},
    {"InternalError.SendAndRecvFail", GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE},
    {"FailedOperation.PhoneNumberInBlacklist", GATEWAY_REJECTED, GATEWAY_REASON_BLACKLISTED},
    {"FailedOperation.PhoneNumberParseFail", GATEWAY_REJECTED, GATEWAY_REASON_NUMBER},
    {"InvalidParameterValue.IncorrectPhoneNumber", GATEWAY_REJECTED, GATEWAY_REASON_NUMBER},
    {"UnsupportedOperation.UnsupportedRegion", GATEWAY_REJECTED, GATEWAY_REASON_NUMBER},
    {"LimitExceeded.AppCountryOrRegionInBlacklist", GATEWAY_REJECTED, GATEWAY_REASON_NUMBER},
    {"UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone", GATEWAY_REJECTED,
     GATEWAY_REASON_NUMBER},
    {"UnsupportedOperation.GlobalTemplateToChineseMainlandPhone", GATEWAY_REJECTED,
     GATEWAY_REASON_NUMBER},
    {"FailedOperation.ContainSensitiveWord", GATEWAY_REJECTED, GATEWAY_REASON_TEXT},
    {"InvalidParameter.DirtyWordFound", GATEWAY_REJECTED, GATEWAY_REASON_TEXT},
    {"InvalidParameterValue.TemplateParameterFormatError", GATEWAY_REJECTED, GATEWAY_REASON_TEXT},
    {"InvalidParameterValue.TemplateParameterLengthLimit", GATEWAY_REJECTED, GATEWAY_REASON_TEXT},
    {"InvalidParameterValue.ProhibitedUseUrlInTemplateParameter", GATEWAY_REJECTED,
     GATEWAY_REASON_TEXT},
    {"InvalidParameterValue.ContentLengthLimit", GATEWAY_REJECTED, GATEWAY_REASON_TEXT},
    {"FailedOperation.TemplateParamSetNotMatchApprovedTemplate", GATEWAY_REJECTED,
     GATEWAY_REASON_TEMPLATE},
    {"LimitExceeded.PhoneNumberCountLimit", GATEWAY_REJECTED, GATEWAY_REASON_PROTOCOL},
    {"MissingParameter.EmptyPhoneNumberSet", GATEWAY_REJECTED, GATEWAY_REASON_PROTOCOL},
    {"UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber", GATEWAY_REJECTED,
     GATEWAY_REASON_PROTOCOL},
    {"AuthFailure.SignatureFailure", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {"AuthFailure.SignatureExpire", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {"FailedOperation.SignatureIncorrectOrUnapproved", GATEWAY_BROKEN, GATEWAY_REASON_TEMPLATE},
    {"FailedOperation.TemplateIncorrectOrUnapproved", GATEWAY_BROKEN, GATEWAY_REASON_TEMPLATE},
    {"FailedOperation.TemplateUnapprovedOrNotExist", GATEWAY_BROKEN, GATEWAY_REASON_TEMPLATE},
    {"FailedOperation.InsufficientBalanceInSmsPackage", GATEWAY_BROKEN, GATEWAY_REASON_BALANCE},
    {"UnauthorizedOperation.ServiceSuspendDueToArrears", GATEWAY_BROKEN, GATEWAY_REASON_BALANCE},
    {"UnauthorizedOperation.SdkAppIdIsDisabled", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {"UnauthorizedOperation.SmsSdkAppIdVerifyFail", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {"UnauthorizedOperation.RequestIpNotInWhitelist", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {"UnauthorizedOperation.RequestPermissionDeny", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {"UnauthorizedOperation.IndividualUserMarketingSmsPermissionDeny", GATEWAY_BROKEN,
     GATEWAY_REASON_CREDENTIALS},
    {"InvalidParameterValue.SdkAppIdNotExist", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {"InvalidParameter.AppidAndBizId", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {"InternalError.SigVerificationFail", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {"InternalError.RequestTimeException", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {"InternalError.RestApiInterfaceNotExist", GATEWAY_BROKEN, GATEWAY_REASON_PROTOCOL},
    {"FailedOperation.NeverHeardOf", GATEWAY_RETRY, GATEWAY_REASON_OTHER},
};

/* For the whole request, and for one number in it. */
static void test_outcome(void **state)
{
    const struct outcome *o = *state;
    char bodies[2][400];

    snprintf(bodies[0], 400, ERROR_BODY("%s"), o->code);
    snprintf(bodies[1], 400, SET(ENTRY("+8618511122266", "%s", "")), o->code);
    for (size_t i = 0; i < 2; i++) {
        struct gateway *gw = opened(rows);

        submit(gw, 1);
        respond(gw, 0, 200, bodies[i]);
        assert_int_equal(gw->answer_count, 1);
        assert_int_equal(gw->answers[0].outcome, o->outcome);
        assert_int_equal(gw->answers[0].reason, o->reason);
        assert_int_equal(strncmp(gw->answers[0].code, o->code, 63), 0);
        assert_string_equal(gw->answers[0].words, i == 0 ? "号码 ***********" : "said");
        host_close(gw);
    }
}

static const struct exchange exchanges[] = {
    EXCHANGES_OF_ANY_CLOUD,
    {"JSON cut off",
     {.status = 200, .body = "{\"Response\":{\"Send"},
     GATEWAY_UNKNOWN,
     GATEWAY_REASON_PROTOCOL},
    {"a set that is none",
     {.status = 200, .body = "{\"Response\":{\"SendStatusSet\":7}}"},
     GATEWAY_UNKNOWN,
     GATEWAY_REASON_PROTOCOL},
    {"an entry without a code",
     {.status = 200, .body = SET("{\"PhoneNumber\":\"+8618511122266\"}")},
     GATEWAY_UNKNOWN,
     GATEWAY_REASON_PROTOCOL},
};

static void test_exchange(void **state)
{
    exchange_is(opened(rows), *state);
}

static void test_limit_windows(void **state)
{
    /* the clock says 2027-03-07 09:16:40 in China */
    static const struct {
        const char *code;
        int64_t ms;
    } windows[] = {
        {"LimitExceeded.PhoneNumberThirtySecondLimit", 30000},
        {"LimitExceeded.PhoneNumberOneHourLimit", 3600000},
        {"LimitExceeded.PhoneNumberDailyLimit", INT64_C(1000) * (14 * 3600 + 43 * 60 + 20)},
        {"FailedOperation.MarketingSendTimeConstraint", INT64_C(1000) * (22 * 3600 + 43 * 60 + 20)},
        {"LimitExceeded.AppDailyLimit", 3600000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        struct gateway *gw = opened(rows);
        char body[300];

        submit(gw, 1);
        snprintf(body, sizeof body, ERROR_BODY("%s"), windows[i].code);
        respond(gw, 0, 200, body);
        assert_int_equal(gw->answers[0].retry_after_ms, windows[i].ms);
        host_close(gw);
    }
}

/* --------------------------------------------------------------- receipts, replies */
#define REPORT(status, errmsg)                                                                     \
    "{\"user_receive_time\":\"2015-10-17 08:03:04\",\"nationcode\":\"86\","                        \
    "\"mobile\":\"18511122266\",\"report_status\":\"" status "\",\"errmsg\":\"" errmsg             \
    "\",\"description\":\"用户短信送达成功\",\"sid\":\"" SERIAL "\"}"

static void test_receipts(void **state)
{
    struct gateway *gw = opened(rows);
    struct answered answer =
        push(gw, "[" REPORT("SUCCESS", "DELIVRD") "," REPORT("FAIL", "EXPIRED") "]");

    (void)state;
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "{\"result\":0,\"errmsg\":\"OK\"}");
    assert_int_equal(gw->receipt_count, 2);
    assert_string_equal(gw->receipts[0].id, SERIAL);
    assert_int_equal(gw->receipts[0].state, GATEWAY_DELIVERED);
    assert_int_equal(gw->receipts[0].done_ms, INT64_C(1445040184000)); /* 2015-10-17T00:03:04Z */
    assert_int_equal(gw->receipts[1].state, GATEWAY_UNDELIVERED);
    assert_int_equal(gw->receipts[1].reason, GATEWAY_REASON_EXPIRED);
    assert_string_equal(gw->receipts[1].code, "EXPIRED");
    gw->store = STORE_FAILS;
    assert_int_equal(push(gw, "[" REPORT("SUCCESS", "DELIVRD") "]").status, 503);
    host_close(gw);
}

#define REPLY                                                                                        \
    "{\"extend\":\"12\",\"mobile\":\"18511122266\",\"nationcode\":\"86\",\"sign\":\"短信签名\"," \
    "\"text\":\"R\",\"time\":1457336869}"

static void test_reply(void **state)
{
    struct gateway *gw = opened(rows);

    (void)state;
    assert_int_equal(push(gw, REPLY).status, 200);
    assert_int_equal(push(gw, "[" REPLY "]").status, 200); /* an address for both: arrays too */
    assert_int_equal(gw->reply_count, 2);
    assert_string_equal(gw->replies[0].from, "+8618511122266");
    assert_string_equal(gw->replies[0].to, "12");
    assert_string_equal(gw->replies[0].text, "R");
    assert_string_equal(gw->replies[0].id, gw->replies[1].id); /* a repeat is known */
    host_close(gw);
}

static void test_strange(void **state)
{
    static const struct {
        const char *body;
        int status;
    } strange[] = {
        {"", 400},
        {"{\"sid\"", 400},
        {"[]", 200},
        {"[1,null,[]]", 200},
        {"{\"sid\":\"1\",\"report_status\":\"MAYBE\"}", 200},
        {"{\"mobile\":\"18511122266\",\"text\":7}", 200},
        {"{\"mobile\":\"00000000000000000000000000000000000000000000000000\",\"text\":\"R\"}", 200},
        {"{\"text\":\"R\",\"time\":-1}", 200},
    };
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

/* ------------------------------------------------------------------ asking, pulling */
#define MINUTE_MS 60000
#define STATUS(serial, status, context)                                                            \
    "{\"UserReceiveTime\":1804382204,\"CountryCode\":\"86\",\"SubscriberNumber\":\"18511122266\"," \
    "\"PhoneNumber\":\"+8618511122266\",\"SerialNo\":\"" serial "\",\"ReportStatus\":\"" status    \
    "\",\"Description\":\"DELIVRD\",\"SessionContext\":\"" context "\"}"
#define STATUSES(items) "{\"Response\":{\"PullSmsSendStatusSet\":[" items "],\"RequestId\":\"r\"}}"
#define REPLIES(items) "{\"Response\":{\"PullSmsReplyStatusSet\":[" items "],\"RequestId\":\"r\"}}"

static void test_asks_for_lost_receipts(void **state)
{
    struct gateway *gw = opened(rows);

    (void)state;
    submit(gw, 1);
    respond(gw, 0, 200, SET(ENTRY("+8618511122266", "Ok", SERIAL)));
    host_pass(gw, 19 * MINUTE_MS);
    assert_int_equal(gw->request_count, 1);
    host_pass(gw, 2 * MINUTE_MS);
    assert_int_equal(gw->request_count, 2);
    assert_true(has_header(&gw->requests[1], "X-TC-Action: PullSmsSendStatusByPhoneNumber\n"));
    assert_string_equal(gw->requests[1].body,
                        "{\"BeginTime\":1804382140,\"Offset\":0,\"Limit\":100,\"EndTime\":"
                        "1804383400,\"PhoneNumber\":\"+8618511122266\",\"SmsSdkAppId\":"
                        "\"1400006666\"}");
    respond(gw, 1, 200, STATUSES(STATUS("another", "SUCCESS", "")));
    assert_int_equal(gw->receipt_count, 0);
    host_pass(gw, 41 * MINUTE_MS);
    assert_int_equal(gw->request_count, 3);
    respond(gw, 2, 200, STATUSES(STATUS("another", "FAIL", "") "," STATUS(SERIAL, "SUCCESS", "")));
    assert_int_equal(gw->receipt_count, 1);
    assert_string_equal(gw->receipts[0].id, SERIAL);
    assert_int_equal(gw->receipts[0].state, GATEWAY_DELIVERED);
    assert_int_equal(gw->receipts[0].done_ms, INT64_C(1804382204000));
    host_pass(gw, 80 * 60 * MINUTE_MS);
    assert_int_equal(gw->request_count, 3);
    host_close(gw);
}

static void test_query(void **state)
{
    struct gateway *gw = opened(rows);

    (void)state;
    gw->plugin->query(gw->state, "march8/first/17", "+8618511122266", HOST_EPOCH_MS);
    respond(gw, 0, 200,
            STATUSES(STATUS("a", "SUCCESS", "") "," STATUS("b", "FAIL", "march8/first/17")));
    assert_int_equal(gw->receipt_count, 1);
    assert_string_equal(gw->receipts[0].reference, "march8/first/17");
    assert_int_equal(gw->receipts[0].state, GATEWAY_UNDELIVERED);
    gw->plugin->query(gw->state, "march8/first/17", "+8618511122266", HOST_EPOCH_MS);
    host_close(gw); /* with a question open */
}

/* What was pulled is gone there: it is kept until it is stored. */
static void test_pulls(void **state)
{
    struct gateway *gw = opened(pull_rows);
    size_t receipts, replies;

    (void)state;
    host_pass(gw, 1000);
    assert_int_equal(gw->request_count, 2);
    receipts = has_header(&gw->requests[0], "X-TC-Action: PullSmsSendStatus\n") ? 0 : 1;
    replies = 1 - receipts;
    assert_true(has_header(&gw->requests[replies], "X-TC-Action: PullSmsReplyStatus\n"));
    assert_string_equal(gw->requests[0].body, "{\"Limit\":100,\"SmsSdkAppId\":\"1400006666\"}");
    gw->store = STORE_FAILS;
    respond(gw, receipts, 200, STATUSES(STATUS(SERIAL, "SUCCESS", "march8/first/17")));
    assert_int_equal(gw->receipt_count, 1);
    gw->store = STORE_NOW;
    respond(gw, replies, 200,
            REPLIES("{\"ExtendCode\":\"12\",\"CountryCode\":\"86\",\"PhoneNumber\":"
                    "\"+8618511122266\",\"SignName\":\"签\",\"ReplyContent\":\"R\",\"ReplyTime\":"
                    "1457336869,\"SubscriberNumber\":\"18511122266\"}"));
    assert_int_equal(gw->reply_count, 1);
    assert_string_equal(gw->replies[0].from, "+8618511122266");
    host_pass(gw, 6000);
    assert_int_equal(gw->request_count, 2); /* nothing more was taken meanwhile */
    assert_int_equal(gw->receipt_count, 2);
    assert_string_equal(gw->receipts[1].id, SERIAL);
    assert_string_equal(gw->receipts[1].reference, "march8/first/17");
    host_pass(gw, 40000);
    assert_int_equal(gw->request_count, 4); /* both again */
    respond(gw, 2, 200, ERROR_BODY("UnauthorizedOperation.RequestPermissionDeny"));
    assert_non_null(strstr(gw->log, "pull.refused"));
    push(gw, REPLY); /* the same reply as the one that was pulled */
    assert_string_equal(gw->replies[1].id, gw->replies[0].id);
    host_close(gw);
}

static void test_close(void **state)
{
    struct gateway *gw = opened(pull_rows);

    (void)state;
    submit(gw, 3);
    host_pass(gw, 1000);
    gw->store = STORE_LATER;
    respond(gw, 1, 200, STATUSES(STATUS(SERIAL, "SUCCESS", "")));
    push(gw, "[" REPORT("SUCCESS", "DELIVRD") "]");
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
        cmocka_unit_test(test_steps),    cmocka_unit_test(test_request),
        cmocka_unit_test(test_groups),   cmocka_unit_test(test_each_by_its_own_answer),
        cmocka_unit_test(test_split),    cmocka_unit_test(test_limit_windows),
        cmocka_unit_test(test_receipts), cmocka_unit_test(test_reply),
        cmocka_unit_test(test_strange),  cmocka_unit_test(test_asks_for_lost_receipts),
        cmocka_unit_test(test_query),    cmocka_unit_test(test_pulls),
        cmocka_unit_test(test_close),
    };
    static struct CMUnitTest tests[120];
    size_t n = 0;

    ROWS(tests, n, vectors, test_vector, name);
    ROWS(tests, n, outcomes, test_outcome, code);
    ROWS(tests, n, exchanges, test_exchange, name);
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        tests[n++] = plain[i];
    return _cmocka_run_group_tests("tencent", tests, n, NULL, NULL);
}
