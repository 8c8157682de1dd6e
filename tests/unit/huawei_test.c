/* The huawei plugin: signatures by the vectors of Huawei's SDK and documents, requests, outcomes
 * and receipts by its API reference. */
#include "pushed_form.h"
#include "sdk_hmac.h"

#define SO BUILD_DIR "/plugins/huawei.so"
#include "cloud_bench.h"

/* ------------------------------------------------------------------- signatures */
static const struct vector {
    const char *name;
    struct sdk_hmac_request request;
    const char *canonical_sha256, *signature; /* canonical_sha256 NULL: not published */
} vectors[] = {
    {"GET, of the SDK's own tests",
     {.method = "GET",
      .host = "service.endpoint.myhuaweicloud.com",
      .path = "/resources",
      .query = "size=1",
      .key = "AccessKey",
      .secret = "SecretKey",
      .date = "20200608T023900Z"},
     NULL,
     "cfb4171acec81de07d50e53d57eb77edd537414d66ddb1d7d780f128e12cd842"},
    {"POST, of the SDK's own tests",
     {.method = "POST",
      .host = "service.endpoint.myhuaweicloud.com",
      .path = "/resources",
      .query = "size=1",
      .body = "{\"name\":\"test\",\"id\":1}",
      .key = "AccessKey",
      .secret = "SecretKey",
      .date = "20200608T023900Z"},
     NULL,
     "436b1ac0a1ae03705934bb70ef2f2e09f7bfed2117d731a38235053199323a1f"},
    {"of Huawei's page on AK/SK",
     {.method = "GET",
      .host = "service.region.example.com",
      .path = "/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs/",
      .query = "limit=2&marker=13551d6b-755d-4757-b956-536f674975c0",
      .content_type = "application/json",
      .key = "QTWAOYTTINDUT2QVKYUC",
      .secret = "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc",
      .date = "20191115T033655Z"},
     "b25362e603ee30f4f25e7858e8a7160fd36e803bb2dfe206278659d71a9bcd7a",
     "7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe"},
    {"batchSendSms, a form whose body is hashed",
     {.method = "POST",
      .host = "smsapi.cn-north-4.myhuaweicloud.com",
      .path = "/sms/batchSendSms/v1",
      .query = "",
      .content_type = "application/x-www-form-urlencoded",
      .body = "from=8824110605123&to=%2B8613800138000&templateId=1d18a7f4e1b84f6c8fc1546b48b3baea"
              "&templateParas=%5B%22369751%22%5D&extend=c42-000017",
      .key = "app-key",
      .secret = "app-secret",
      .date = "20231026T102232Z"},
     NULL,
     "f959695d9f19af9bc67bb29271d8886c19592af1a75ac1f254014a3b49edeedc"},
    {"batchSendDiffSms",
     {.method = "POST",
      .host = "smsapi.cn-north-4.myhuaweicloud.com",
      .path = "/sms/batchSendDiffSms/v1",
      .query = "",
      .content_type = "application/json",
      .body = "{\"from\":\"8824110605123\",\"smsContent\":[{\"to\":[\"+8613800138000\"],"
              "\"templateId\":\"1d18a7f4e1b84f6c8fc1546b48b3baea\",\"templateParas\":[\"369751\"],"
              "\"signature\":\"测试签名\"}]}",
      .key = "app-key",
      .secret = "app-secret",
      .date = "20231026T102232Z"},
     NULL,
     "e06162c9e6c130a3dae829bad0942b38189fb753ef7503f13e17fb4623c3306c"},
};

static void test_vector(void **state)
{
    const struct vector *v = *state;
    struct sdk_hmac_request request = v->request;
    struct sdk_hmac_signed s;

    request.length = request.body == NULL ? 0 : strlen(request.body);
    sdk_hmac_sign(&request, &s);
    if (v->canonical_sha256 != NULL)
        assert_string_equal(s.canonical_sha256, v->canonical_sha256);
    assert_string_equal(s.signature, v->signature);
    text_free(&s.authorization);
}

static void test_wsse(void **state)
{
    static const char nonce[] = "66C92B11FF8A425FB8D4CCFE0ED9ED1F", when[] = "2018-02-12T15:30:20Z";
    char out[WSSE_BYTES];

    (void)state;
    wsse_digest(nonce, when, "test-app-secret", false, out);
    assert_string_equal(out, "VUVjlBS4wuNTrzm/BfKLMXdZfbwWIsJfod0BhEctYZE=");
    wsse_digest(nonce, when, "test-app-secret", true, out);
    assert_string_equal(out, "NTU0NTYzOTQxNGI4YzJlMzUzYWYzOWJmMDVmMjhiMzE3NzU5N2RiYzE2MjJjMjVmYTFk"
                             "ZDAxODQ0NzJkNjE5MQ==");
}

/* ------------------------------------------------------------------------ forms */
/* WHATWG URL Standard 5.1: a plus is a space, %XX a byte, any other % stays. */
static const struct form_fact {
    const char *name, *body, *json; /* keys in their order */
} form_facts[] = {
    {"two fields", "a=1&b=%E5%A6%87", "{\"a\": \"1\", \"b\": \"妇\"}"},
    {"a plus is a space", "a=x+y%2Bz", "{\"a\": \"x y+z\"}"},
    {"the first counts", "a=1&a=2", "{\"a\": \"1\"}"},
    {"no escape", "a=%zz%4", "{\"a\": \"%zz%4\"}"},
    {"an empty value", "a=&=b&c", "{\"\": \"b\", \"a\": \"\"}"},
    {"a NUL is left out", "a=x%00y&b%00c=1&d=1", "{\"d\": \"1\"}"},
    {"what is no UTF-8 is left out", "a=%FF&%C0%AF=1&d=1", "{\"d\": \"1\"}"},
    {"nothing", "", "{}"},
};

static void test_form(void **state)
{
    const struct form_fact *f = *state;
    size_t n = strlen(f->body);
    char *body = malloc(n > 0 ? n : 1), *json; /* without a NUL: a byte too many is seen */
    json_t *object;

    memcpy(body, f->body, n);
    object = pushed_form(body, n);
    json = json_dumps(object, JSON_SORT_KEYS);
    assert_string_equal(json, f->json);
    free(json);
    json_decref(object);
    free(body);
}

/* --------------------------------------------------------------------- messages */
#define URL_ROWS                                                                                   \
    {"url", "https://smsapi.cn-north-4.myhuaweicloud.com:443"}, {"app_key", "app-key"},            \
        {"app_secret", "the-app-secret"},                                                          \
    {                                                                                              \
        "source", "8824110605123"                                                                  \
    }
static const struct setting_row rows[] = {
    URL_ROWS, {"status_callback", "https://our.example/callbacks/huawei/T"}, {0}};
static const struct setting_row wsse_rows[] = {URL_ROWS, {"auth", "wsse"}, {0}};
static const struct setting_row bad_rows[] = {URL_ROWS, {"auth", "basic"}, {0}};

static const struct gateway_field params[] = {{"name", "王\"芳", strlen("王\"芳")},
                                              {"date", "3月8日", strlen("3月8日")}};
static const char *const people[] = {"+8613800138000", "+8613800138001", "+8613800138002"};

static struct gateway_message message(uint64_t token)
{
    return (struct gateway_message){
        .token = token,
        .to = people[token - 1],
        .to_length = 14,
        .text = "x",
        .length = 1,
        .segments = 1,
        .template_code = "1d18a7f4",
        .params = params,
        .param_count = 2,
        .reference = "march8/first/17",
        .submit_by_ms = 1005000,
    };
}

#define ID "d6e3cdd0-522b-4692-8304-a07553cdf591_8539659"
#define RESULT(number, status, total)                                                              \
    "{\"originTo\":\"" number "\",\"createTime\":\"2018-05-25T16:34:34Z\",\"from\":\"1069\","      \
    "\"smsMsgId\":\"" ID "\",\"status\":\"" status "\",\"countryId\":\"CN\",\"total\":" total "}"
#define BODY(code, results)                                                                        \
    "{\"code\":\"" code "\",\"description\":\"said 13800138000\",\"result\":[" results "]}"

static void test_request(void **state)
{
    struct gateway *gw = opened(rows);
    const struct kept_request *r;

    (void)state;
    submit(gw, 1);
    r = &gw->requests[0];
    assert_string_equal(r->method, "POST");
    assert_string_equal(r->url,
                        "https://smsapi.cn-north-4.myhuaweicloud.com:443/sms/batchSendDiffSms/v1");
    assert_string_equal(
        r->body,
        "{\"from\":\"8824110605123\",\"statusCallback\":\"https://our.example/callbacks/huawei/T\","
        "\"extend\":\"march8/first/17\",\"smsContent\":[{\"to\":[\"+8613800138000\"],"
        "\"templateId\":\"1d18a7f4\",\"templateParas\":[\"王\\\"芳\",\"3月8日\"]}]}");
    assert_true(has_header(r, "Content-Type: application/json\n"));
    assert_true(has_header(r, "Host: smsapi.cn-north-4.myhuaweicloud.com:443\n"));
    assert_true(has_header(r, "X-Sdk-Date: 20270307T011640Z\n"));
    assert_true(has_header(r, "Authorization: SDK-HMAC-SHA256 Access=app-key, "
                              "SignedHeaders=content-type;host;x-sdk-date, Signature="));
    assert_true(has_header(r, "Expect:\n"));
    assert_null(strstr(r->headers, "the-app-secret"));
    assert_int_equal(r->send_by_ms, 1005000);
    respond(gw, 0, 200, BODY("000000", RESULT("+8613800138000", "000000", "2")));
    assert_int_equal(gw->answers[0].outcome, GATEWAY_ACCEPTED);
    assert_int_equal(gw->answers[0].id_count, 2); /* a receipt for each part */
    assert_string_equal(gw->answers[0].ids[0], ID "/1");
    assert_string_equal(gw->answers[0].ids[1], ID "/2");
    host_close(gw);
}

static void test_wsse_request(void **state)
{
    struct gateway *gw = opened(wsse_rows);
    const struct kept_request *r;
    char error[512];

    (void)state;
    submit(gw, 1);
    r = &gw->requests[0];
    assert_true(has_header(
        r, "Authorization: WSSE realm=\"SDP\",profile=\"UsernameToken\",type=\"Appkey\"\n"));
    assert_true(has_header(r, "X-WSSE: UsernameToken Username=\"app-key\",PasswordDigest=\""));
    assert_true(has_header(r, "\",Nonce=\"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\","
                              "Created=\"2027-03-07T01:16:40Z\"\n"));
    host_close(gw);
    assert_null(host_open(SO, bad_rows, error));
    assert_string_equal(error, "auth: expected \"aksk\", \"wsse\" or \"wsse-hex\"");
}

static void test_each_by_its_own_answer(void **state)
{
    struct gateway *gw = opened(rows);

    (void)state;
    submit(gw, 3);
    assert_int_equal(gw->request_count, 1);
    assert_null(strstr(gw->requests[0].body, "extend")); /* one for all would be nobody's */
    /* in another order, and nothing of the second; "see the per-number status" */
    respond(gw, 0, 200,
            BODY("E200037", RESULT("+8613800138002", "MBBLACK", "1") "," RESULT("+8613800138000",
                                                                                "000000", "1")));
    assert_int_equal(host_answer(gw, 1)->outcome, GATEWAY_ACCEPTED);
    assert_int_equal(host_answer(gw, 2)->outcome, GATEWAY_UNKNOWN);
    assert_int_equal(host_answer(gw, 3)->outcome, GATEWAY_REJECTED);
    assert_int_equal(host_answer(gw, 3)->reason, GATEWAY_REASON_BLACKLISTED);
    host_close(gw);
}

/* E200041: a receiver stands in a request once. */
static void test_twice(void **state)
{
    struct gateway *gw = opened(rows);
    struct gateway_message m[4] = {message(1), message(2), message(1), message(3)};
    const struct gateway_message *list[4] = {&m[0], &m[1], &m[2], &m[3]};

    (void)state;
    m[2].token = 4;
    m[3].to = "+86138 0013";
    gw->plugin->submit(gw->state, list, 4);
    assert_int_equal(gw->request_count, 2);
    assert_int_equal(host_answer(gw, 3)->outcome, GATEWAY_REJECTED);
    assert_int_equal(host_answer(gw, 3)->reason, GATEWAY_REASON_NUMBER);
    host_close(gw);
}

static void test_split(void **state)
{
    struct gateway *gw = opened(rows);

    (void)state;
    submit(gw, 2);
    respond(gw, 0, 200, "{\"code\":\"E200028\",\"description\":\"x\"}");
    assert_int_equal(gw->answer_count, 0);
    assert_int_equal(gw->request_count, 3);
    respond(gw, 1, 200, BODY("000000", RESULT("+8613800138000", "000000", "1")));
    respond(gw, 2, 200, "{\"code\":\"E200028\",\"description\":\"x\"}");
    assert_int_equal(host_answer(gw, 1)->outcome, GATEWAY_ACCEPTED);
    assert_int_equal(host_answer(gw, 2)->outcome, GATEWAY_REJECTED);
    host_close(gw);
}

/* --------------------------------------------------------------------- outcomes */
/* specs: the classes of Huawei's error codes */
static const struct outcome {
    const char *code;
    enum gateway_outcome outcome;
    enum gateway_reason reason;
    int64_t retry_after_ms;
} outcomes[] = {
    {"E200015", GATEWAY_THROTTLED, GATEWAY_REASON_NONE, 600000},
    {"LIMIT", GATEWAY_THROTTLED, GATEWAY_REASON_LIMIT, 86400000},
    {"MILIMIT", GATEWAY_THROTTLED, GATEWAY_REASON_LIMIT, 60000},
    {"E000000", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE, 0},
    {"E200034", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE, 0},
    {"MBBLACK", GATEWAY_REJECTED, GATEWAY_REASON_BLACKLISTED, 0},
    {"E200024", GATEWAY_REJECTED, GATEWAY_REASON_NUMBER, 0},
    {"E200028", GATEWAY_REJECTED, GATEWAY_REASON_TEMPLATE, 0},
    {"E200029", GATEWAY_REJECTED, GATEWAY_REASON_TEMPLATE, 0},
    {"E200033", GATEWAY_REJECTED, GATEWAY_REASON_TEMPLATE, 0},
    {"E000503", GATEWAY_REJECTED, GATEWAY_REASON_PROTOCOL, 0},
    {"E200041", GATEWAY_REJECTED, GATEWAY_REASON_NUMBER, 0},
    {"E000001", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0},
    {"E000045", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0},
    {"E000101", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0},
    {"E000102", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0},
    {"E000109", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0},
    {"E000110", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0},
    {"E000112", GATEWAY_BROKEN, GATEWAY_REASON_BALANCE, 0},
    {"E000620", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0},
    {"E200018", GATEWAY_BROKEN, GATEWAY_REASON_TEMPLATE, 0},
    {"E200020", GATEWAY_BROKEN, GATEWAY_REASON_TEMPLATE, 0},
    {"E200027", GATEWAY_BROKEN, GATEWAY_REASON_TEMPLATE, 0},
    {"E200030", GATEWAY_BROKEN, GATEWAY_REASON_TEMPLATE, 0},
    {"E999999", GATEWAY_RETRY, GATEWAY_REASON_OTHER, 0},
};

/* For the whole request, and for one number in it. */
static void test_outcome(void **state)
{
    const struct outcome *o = *state;
    char bodies[2][500];

    snprintf(bodies[0], 500, "{\"code\":\"%s\",\"description\":\"said 13800138000\"}", o->code);
    snprintf(bodies[1], 500, BODY("E200037", RESULT("+8613800138000", "%s", "1")), o->code);
    for (size_t i = 0; i < 2; i++) {
        struct gateway *gw = opened(rows);

        submit(gw, 1);
        respond(gw, 0, i == 0 ? 403 : 200, bodies[i]);
        assert_int_equal(gw->answer_count, 1);
        assert_int_equal(gw->answers[0].outcome, o->outcome);
        assert_int_equal(gw->answers[0].reason, o->reason);
        assert_int_equal(gw->answers[0].retry_after_ms, o->retry_after_ms);
        assert_string_equal(gw->answers[0].code, o->code);
        assert_string_equal(gw->answers[0].words, i == 0 ? "said ***********" : "");
        host_close(gw);
    }
}

static const struct exchange exchanges[] = {
    EXCHANGES_OF_ANY_CLOUD,
    {"JSON cut off",
     {.status = 200, .body = "{\"code\":\"000000\",\"res"},
     GATEWAY_UNKNOWN,
     GATEWAY_REASON_PROTOCOL},
    {"success, and not a word of whom",
     {.status = 200, .body = "{\"code\":\"000000\"}"},
     GATEWAY_UNKNOWN,
     GATEWAY_REASON_PROTOCOL},
};

static void test_exchange(void **state)
{
    exchange_is(opened(rows), *state);
}

/* --------------------------------------------------------------- receipts, replies */
#define REPORT(sequence, status)                                                                   \
    "sequence=" sequence "&total=2&orgCode=000&updateTime=2018-04-13T06%3A31%3A46Z&source=2"       \
    "&smsMsgId=" ID "&status=" status "&extend=march8%2Ffirst%2F17"

static void test_receipts(void **state)
{
    struct gateway *gw = opened(rows);

    (void)state;
    assert_int_equal(push(gw, REPORT("1", "DELIVRD")).status, 200);
    assert_int_equal(push(gw, REPORT("2", "EXPIRED")).status, 200);
    assert_int_equal(push(gw, "{\"statusReportList\":[{\"smsMsgId\":\"" ID "\",\"total\":\"1\","
                              "\"sequence\":\"1\",\"status\":\"MBBLACK\",\"source\":\"2\","
                              "\"updateTime\":\"2018-04-13T06:31:46Z\"},{\"smsMsgId\":\"x\","
                              "\"status\":\"DELIVRD\"}]}")
                         .status,
                     200);
    assert_int_equal(gw->receipt_count, 4);
    assert_string_equal(gw->receipts[0].id, ID "/1");
    assert_string_equal(gw->receipts[0].reference, "march8/first/17");
    assert_int_equal(gw->receipts[0].state, GATEWAY_DELIVERED);
    assert_int_equal(gw->receipts[0].done_ms, INT64_C(1523601106000));
    assert_string_equal(gw->receipts[1].id, ID "/2");
    assert_int_equal(gw->receipts[1].state, GATEWAY_UNDELIVERED);
    assert_int_equal(gw->receipts[1].reason, GATEWAY_REASON_EXPIRED);
    assert_string_equal(gw->receipts[2].id, ID "/1");
    assert_int_equal(gw->receipts[2].state, GATEWAY_UNDELIVERED);
    assert_int_equal(gw->receipts[2].reason, GATEWAY_REASON_BLACKLISTED);
    assert_string_equal(gw->receipts[3].id, "x/1");
    gw->store = STORE_FAILS;
    assert_int_equal(push(gw, REPORT("1", "DELIVRD")).status, 503);
    host_close(gw);
}

static void test_reply(void **state)
{
    struct gateway *gw = opened(rows);

    (void)state;
    assert_int_equal(push(gw, "smsMsgId=m1&from=%2B8613800138000&to=1069&body=%E9%80%80%E8%AE%A2"
                              "&createTime=2018-05-25T16%3A34%3A34Z")
                         .status,
                     200);
    assert_int_equal(gw->reply_count, 1);
    assert_string_equal(gw->replies[0].from, "+8613800138000");
    assert_string_equal(gw->replies[0].to, "1069");
    assert_string_equal(gw->replies[0].text, "退订");
    assert_string_equal(gw->replies[0].id, "m1");
    host_close(gw);
}

static void test_strange(void **state)
{
    static const struct {
        const char *body;
        int status;
    } strange[] = {
        {"", 200},
        {"{\"statusReportList\":[", 400},
        {"{\"statusReportList\":[1,null]}", 200},
        {"smsMsgId=&status=DELIVRD", 200},
        {"smsMsgId=%FF&status=DELIVRD", 200},
        {"from=&body=x", 200},
        {"&&==&%", 200},
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

static void test_close(void **state)
{
    struct gateway *gw = opened(rows);

    (void)state;
    submit(gw, 3);
    gw->store = STORE_LATER;
    push(gw, REPORT("1", "DELIVRD"));
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
        cmocka_unit_test(test_wsse),         cmocka_unit_test(test_request),
        cmocka_unit_test(test_wsse_request), cmocka_unit_test(test_each_by_its_own_answer),
        cmocka_unit_test(test_twice),        cmocka_unit_test(test_split),
        cmocka_unit_test(test_receipts),     cmocka_unit_test(test_reply),
        cmocka_unit_test(test_strange),      cmocka_unit_test(test_close),
    };
    static struct CMUnitTest tests[80];
    size_t n = 0;

    ROWS(tests, n, vectors, test_vector, name);
    ROWS(tests, n, form_facts, test_form, name);
    ROWS(tests, n, outcomes, test_outcome, code);
    ROWS(tests, n, exchanges, test_exchange, name);
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        tests[n++] = plain[i];
    return _cmocka_run_group_tests("huawei", tests, n, NULL, NULL);
}
