/* The twilio plugin. Signatures are those of Twilio's own unit tests (twilio-python
 * tests/unit/test_request_validator.py), codes those of its error dictionary. */
#include "form.h"
#include "plugin_host.h"
#include "plugin_page.h"
#include "signature.h"

#include <setjmp.h>
#include <cmocka.h>

#define SO BUILD_DIR "/plugins/twilio.so"
#define SID "AC0123456789abcdef0123456789abcdef"
#define CALLBACK "https://sms.example.org/hook/twilio/dlr"

/* ------------------------------------------------------------------- signatures */
#define U "mycompany.com/myapp.php?foo=1&bar=2"
#define CALL                                                                                       \
    "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&"                 \
    "Caller=%2B14158675309"
#define JSON_URL                                                                                   \
    "https://" U "&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
#define REPORT                                                                                     \
    "AccountSid=" SID "&ErrorCode=30003&From=%2B15017122661&"                                      \
    "MessageSid=SM0123456789abcdef0123456789abcdef&MessageStatus=undelivered&To=%2B8613800138000"

static const struct signature_fact {
    const char *name, *url, *body, *signature;
    bool right;
} signature_facts[] = {
    {"the validator's example", "https://" U, CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", true},
    {"signed with the default port, read without", "https://" U, CALL,
     "kvajT1Ptam85bY51eRf/AJRuM3w=", true},
    {"signed without the default port, read with it",
     "https://mycompany.com:443/myapp.php?foo=1&bar=2", CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", true},
    {"port 80 of http", "http://" U, CALL, "0ZXoZLH/DfblKGATFgpif+LLRf4=", true},
    {"another port", "http://mycompany.com:1234/myapp.php?foo=1&bar=2", CALL,
     "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=", true},
    {"another port is part of it", "http://" U, CALL, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=", false},
    {"values in their order, the second of two equal ones left out", "https://" U,
     "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234",
     "IK+Dwps556ElfBT0I3Rgjkr1wJU=", true},
    {"a body that is no form", JSON_URL, "{\"property\": \"value\", \"boolean\": true}",
     "a9nBmqA0ju/hNViExpshrM61xv4=", true},
    {"... and was changed", JSON_URL, "{\"property\": \"value\", \"boolean\": false}",
     "a9nBmqA0ju/hNViExpshrM61xv4=", false},
    {"a report", CALLBACK "?gw=7", REPORT, "JuPljiWnPOErhcyfMqV2/EeDIoQ=", true},
    {"a report with another number", CALLBACK "?gw=7", REPORT "1",
     "JuPljiWnPOErhcyfMqV2/EeDIoQ=", false},
    {"a report with another reference", CALLBACK "?gw=8", REPORT,
     "JuPljiWnPOErhcyfMqV2/EeDIoQ=", false},
    {"a signature of another length", CALLBACK "?gw=7", REPORT, "JuPljiWnPOErhcyfMqV2/EeDIoQ",
     false},
    {"no signature", CALLBACK "?gw=7", REPORT, "", false},
};

static void test_signature(void **state)
{
    const struct signature_fact *f = *state;
    struct twilio_form form;

    assert_int_equal(twilio_form_read(&form, f->body, strlen(f->body)), 0);
    assert_int_equal(
        twilio_signature_right("12345", f->url, &form, f->body, strlen(f->body), f->signature),
        f->right);
    twilio_form_free(&form);
}

static void test_the_form(void **state)
{
    struct twilio_form f;
    char *many = calloc(1, 3 * 300);

    (void)state;
    assert_int_equal(twilio_form_read(&f, "b=%E5%9B%9E+1&a=%4&&c&d=%00x&e=%ff&a=", 37), 0);
    assert_int_equal(f.count, 6);
    assert_string_equal(f.pairs[0].value, ""); /* both values of a, the shorter one first */
    assert_string_equal(f.pairs[1].value, "%4");
    assert_string_equal(twilio_form_value(&f, "b"), "回 1");
    assert_string_equal(twilio_form_value(&f, "c"), "");
    assert_null(twilio_form_value(&f, "d")); /* a NUL */
    assert_null(twilio_form_value(&f, "e")); /* no UTF-8 */
    assert_null(twilio_form_value(&f, "f"));
    twilio_form_free(&f);
    for (size_t i = 0; i < TWILIO_PAIRS_MAX; i++)
        strcat(many, "x&");
    assert_int_equal(twilio_form_read(&f, many, strlen(many)), 0);
    twilio_form_free(&f);
    strcat(many, "x");
    assert_int_equal(twilio_form_read(&f, many, strlen(many)), -1);
    free(many);
}

/* --------------------------------------------------------------------- requests */
static const struct setting_row rows[] = {{"account_sid", SID},
                                          {"auth_token", "12345"},
                                          {"source", "+15017122661"},
                                          {"callback_url", CALLBACK},
                                          {0}};

static struct gateway_message message(void)
{
    static uint64_t token;

    return (struct gateway_message){
        .token = ++token,
        .to = "+8613800138000",
        .to_length = 14,
        .text = "您好",
        .length = strlen("您好"),
        .segments = 1,
        .reference = "a1.march8/first/4711.2",
    };
}

static void test_the_request(void **state)
{
    struct gateway *gw = host_open(SO, rows, NULL);
    struct gateway_message m = message();
    const struct gateway_message *list = &m;

    (void)state;
    assert_int_equal(gw->capacity, 50);
    m.submit_by_ms = gw->now_ms + 5000;
    gw->plugin->submit(gw->state, &list, 1);
    assert_int_equal(gw->request_count, 1);
    assert_string_equal(gw->requests[0].method, "POST");
    assert_string_equal(gw->requests[0].url,
                        "https://api.twilio.com/2010-04-01/Accounts/" SID "/Messages.json");
    assert_string_equal(gw->requests[0].headers,
                        "Content-Type: application/x-www-form-urlencoded\n"
                        "Authorization: Basic "
                        "QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjoxMjM0NQ==\n");
    assert_string_equal(gw->requests[0].body,
                        "To=%2B8613800138000&From=%2B15017122661&Body=%E6%82%A8%E5%A5%BD&"
                        "StatusCallback=https%3A%2F%2Fsms.example.org%2Fhook%2Ftwilio%2Fdlr%3Fref%"
                        "3Da1.march8%252Ffirst%252F4711.2");
    assert_int_equal(gw->requests[0].send_by_ms, m.submit_by_ms);
    host_close(gw);
}

static void test_a_template_a_service_a_key_and_a_time(void **state)
{
    static const struct setting_row others[] = {{"account_sid", SID},
                                                {"auth_token", "12345"},
                                                {"api_key", "SK1"},
                                                {"api_secret", "s3"},
                                                {"messaging_service", "MG1"},
                                                {"api_url", "http://127.0.0.1:1"},
                                                {0}};
    static const struct gateway_field params[] = {{"1", "王\"芳", 7}, {"2", "9:00", 4}};
    struct gateway *gw = host_open(SO, others, NULL);
    struct gateway_message m = message();
    const struct gateway_message *list = &m;

    (void)state;
    m.template_code = "HX1";
    m.params = params;
    m.param_count = 2;
    m.expires_ms = HOST_EPOCH_MS + gw->now_ms + 60999;
    gw->plugin->submit(gw->state, &list, 1);
    assert_string_equal(gw->requests[0].url,
                        "http://127.0.0.1:1/2010-04-01/Accounts/" SID "/Messages.json");
    assert_non_null(strstr(gw->requests[0].headers, "Basic U0sxOnMz\n")); /* SK1:s3 */
    assert_string_equal(gw->requests[0].body,
                        "To=%2B8613800138000&MessagingServiceSid=MG1&ContentSid=HX1&"
                        "ContentVariables=%7B%221%22%3A%22%E7%8E%8B%5C%22%E8%8A%B3%22%2C%222%22%3A%"
                        "229%3A00%22%7D&ValidityPeriod=60");
    /* They are asked for. */
    assert_int_equal(gw->plugin->instance_capabilities(gw->state),
                     GATEWAY_SEGMENTS | GATEWAY_SENDS_RECEIPTS);
    host_close(gw);
}

static void test_neither_callbacks_nor_questions(void **state)
{
    static const struct setting_row none[] = {
        {"account_sid", SID}, {"auth_token", "12345"}, {"source", "x"}, {"poll_after", "0s"}, {0}};
    struct gateway *gw = host_open(SO, none, NULL);

    (void)state;
    assert_int_equal(gw->plugin->instance_capabilities(gw->state), GATEWAY_SEGMENTS);
    host_close(gw);
}

static const struct refusal {
    const char *name;
    struct setting_row rows[6];
    const char *sentence;
} refusals[] = {
    {"no sender", {{"account_sid", SID}, {"auth_token", "1"}}, "source: needed"},
    {"two senders",
     {{"account_sid", SID}, {"auth_token", "1"}, {"source", "x"}, {"messaging_service", "MG1"}},
     "source: needed"},
    {"an account with a slash",
     {{"account_sid", "AC/1"}, {"auth_token", "1"}, {"source", "x"}},
     "account_sid: "},
    {"a key without its secret",
     {{"account_sid", SID}, {"auth_token", "1"}, {"source", "x"}, {"api_key", "SK1"}},
     "api_key: "},
    {"an underscore in the host",
     {{"account_sid", SID},
      {"auth_token", "1"},
      {"source", "x"},
      {"callback_url", "https://sms_gw.example/a_b"}},
     "callback_url: the host's name must have no underscore"},
    {"a callback with a query",
     {{"account_sid", SID},
      {"auth_token", "1"},
      {"source", "x"},
      {"callback_url", "https://sms.example/?a=1"}},
     "callback_url: must be"},
};

static void test_refusal(void **state)
{
    const struct refusal *f = *state;
    char error[512] = "";

    assert_null(host_open(SO, f->rows, error));
    assert_non_null(strstr(error, f->sentence));
}

/* ---------------------------------------------------------------------- answers */
static const struct answer_fact {
    const char *name;
    int status;
    const char *body;
    enum gateway_outcome outcome;
    enum gateway_reason reason;
    const char *id, *code;
    enum gateway_http_result result;
    int64_t retry_after_ms, expected_ms;
    bool tls_trouble;
} answer_facts[] = {
    {"accepted", 201, "{\"sid\":\"SM1\",\"status\":\"queued\",\"error_code\":null}",
     GATEWAY_ACCEPTED, 0, "SM1", "", 0, 0, 0, false},
    {"any 2xx is", 200, "", GATEWAY_ACCEPTED, 0, "", "", 0, 0, 0, false},
    {"a sid that is too long is none", 201,
     "{\"sid\":\"01234567890123456789012345678901234567890123456789012345678901234\"}",
     GATEWAY_ACCEPTED, 0, "", "", 0, 0, 0, false},
    {"an error within a 201", 201, "{\"sid\":\"SM1\",\"error_code\":21610}", GATEWAY_REJECTED,
     GATEWAY_REASON_BLACKLISTED, "", "21610", 0, 0, 0, false},
    {"bad number", 400, "{\"code\":21211,\"message\":\"x\",\"status\":400}", GATEWAY_REJECTED,
     GATEWAY_REASON_NUMBER, "", "21211", 0, 0, 0, false},
    {"the code as a string", 400, "{\"code\":\"21211\"}", GATEWAY_REJECTED, GATEWAY_REASON_NUMBER,
     "", "21211", 0, 0, 0, false},
    {"too fast, with their pause", 429, "{\"code\":20429}", GATEWAY_THROTTLED, 0, "", "20429", 0,
     7000, 7000, false},
    {"a day's limit is waited for", 400, "{\"code\":63038}", GATEWAY_THROTTLED,
     GATEWAY_REASON_LIMIT, "", "63038", 0, 0, 3600000, false},
    {"wrong token", 401, "{\"code\":20003}", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, "",
     "20003", 0, 0, 0, false},
    {"a code that nobody knows", 400, "{\"code\":29999}", GATEWAY_RETRY, GATEWAY_REASON_OTHER, "",
     "29999", 0, 0, 0, false},
    {"RFC 9457 without a code: the status", 429, "{\"type\":\"x\",\"title\":\"y\",\"status\":429}",
     GATEWAY_THROTTLED, 0, "", "HTTP 429", 0, 0, 0, false},
    {"their own 5xx with a code is an outage", 500, "{\"code\":20500,\"message\":\"x\"}",
     GATEWAY_RETRY, GATEWAY_REASON_OTHER, "", "20500", 0, 0, 0, false},
    {"a proxy's 502 may have sent it", 502, "<html>", GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE, "",
     "HTTP 502", 0, 0, 0, false},
    {"503", 503, "", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE, "", "HTTP 503", 0, 9000, 9000, false},
    {"an address that is not there", 404, "", GATEWAY_BROKEN, GATEWAY_REASON_PROTOCOL, "",
     "HTTP 404", 0, 0, 0, false},
    {"nothing left us", 0, "", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE, "", "", GATEWAY_HTTP_UNSENT, 0,
     0, false},
    {"a wrong certificate", 0, "", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, "", "",
     GATEWAY_HTTP_UNSENT, 0, 0, true},
    {"no answer", 0, "", GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE, "", "", GATEWAY_HTTP_AMBIGUOUS, 0,
     0, false},
};

static void respond(struct gateway *gw, size_t i, struct gateway_http_response response)
{
    response.length = strlen(response.body);
    gw->requests[i].fn(gw->requests[i].arg, &response);
}

static void test_answer(void **state)
{
    const struct answer_fact *f = *state;
    struct gateway *gw = host_open(SO, rows, NULL);
    struct gateway_message m = message();
    const struct gateway_message *list = &m;
    const struct kept_answer *a;

    gw->plugin->submit(gw->state, &list, 1);
    respond(gw, 0,
            (struct gateway_http_response){.result = f->result,
                                           .status = f->status,
                                           .body = f->body,
                                           .retry_after_ms = f->retry_after_ms,
                                           .trouble = f->result ? "trouble" : NULL,
                                           .tls_trouble = f->tls_trouble});
    a = host_answer(gw, m.token);
    assert_non_null(a);
    assert_int_equal(a->outcome, f->outcome);
    assert_int_equal(a->reason, f->reason);
    assert_string_equal(a->ids[0], f->id);
    assert_string_equal(a->code, f->code);
    assert_int_equal(a->retry_after_ms, f->expected_ms);
    host_close(gw);
}

/* Every code of the specification, by its class. */
static void test_every_code(void **state)
{
    static const struct {
        enum gateway_outcome outcome;
        const char *codes;
    } classes[] = {
        {GATEWAY_THROTTLED, "20429 14107 21611 30001 30022 30023 30027 63018 63038"},
        {GATEWAY_RETRY, "30003 30008 30017 30410 30009"},
        {GATEWAY_REJECTED, "21211 21219 21614 14101 21610 21612 30004 30005 30006 63003 63024 "
                           "21602 21617 21620 21655 21656 30007 63016"},
        {GATEWAY_BROKEN, "20003 20005 10001 90010 30002 21212 21606 21408 21608 21703 21705 30018 "
                         "30024 30010"},
    };
    struct gateway *gw = host_open(SO, rows, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        for (const char *code = classes[i].codes; *code != '\0'; code += 5 + (code[5] == ' ')) {
            struct gateway_message m = message();
            const struct gateway_message *list = &m;
            char body[40];

            snprintf(body, sizeof body, "{\"code\":%.5s}", code);
            gw->plugin->submit(gw->state, &list, 1);
            respond(gw, gw->request_count - 1,
                    (struct gateway_http_response){.status = 400, .body = body});
            if (host_answer(gw, m.token)->outcome != classes[i].outcome)
                fail_msg("%.5s", code);
        }
    assert_null(strstr(gw->log, "code.strange"));
    host_close(gw);
}

static void test_words_are_clean_and_a_strange_code_is_told_once(void **state)
{
    struct gateway *gw = host_open(SO, rows, NULL);

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct gateway_message m = message();
        const struct gateway_message *list = &m;

        gw->plugin->submit(gw->state, &list, 1);
        respond(gw, i,
                (struct gateway_http_response){
                    .status = 400,
                    .body = "{\"code\":29999,\"message\":\"12345: +86 138-0013-8000 and "
                            "+8613800138000 in 2027\"}"});
        assert_string_equal(host_answer(gw, m.token)->words,
                            "*****: +** ***-****-**** and +************* in 2027");
    }
    assert_non_null(strstr(gw->log, "code.strange code=29999"));
    assert_null(strstr(strstr(gw->log, "29999") + 5, "29999"));
    assert_null(strstr(gw->log, "13800138000"));
    host_close(gw);
}

static void test_stale_messages_and_a_full_window_are_unsent(void **state)
{
    static const struct setting_row one[] = {{"account_sid", SID},
                                             {"auth_token", "12345"},
                                             {"source", "+15017122661"},
                                             {"window", "1"},
                                             {0}};
    struct gateway *gw = host_open(SO, one, NULL);
    struct gateway_message m[3] = {message(), message(), message()};
    const struct gateway_message *list[3] = {&m[0], &m[1], &m[2]};

    (void)state;
    m[0].submit_by_ms = gw->now_ms - 1;
    gw->plugin->submit(gw->state, list, 3);
    assert_int_equal(gw->request_count, 1);
    assert_int_equal(host_answer(gw, m[0].token)->outcome, GATEWAY_UNSENT);
    assert_null(host_answer(gw, m[1].token));
    assert_int_equal(host_answer(gw, m[2].token)->outcome, GATEWAY_UNSENT);
    respond(gw, 0, (struct gateway_http_response){.status = 503, .body = ""});
    m[0].token = 1000;
    m[0].submit_by_ms = 0;
    m[0].to = "";
    m[0].to_length = 0;
    gw->plugin->submit(gw->state, list, 1); /* a text has no groups */
    assert_int_equal(host_answer(gw, 1000)->outcome, GATEWAY_REJECTED);
    assert_int_equal(gw->request_count, 1);
    host_close(gw);
}

/* ----------------------------------------------------------------------- pushes */
static int pushed_status, pushed_count;
static char pushed_body[200];

static void on_pushed(void *arg, int status, const char *body)
{
    (void)arg;
    pushed_status = status;
    pushed_count++;
    snprintf(pushed_body, sizeof pushed_body, "%s", body);
}

/* sign: as Twilio does over this URL; the function has been judged by the vectors above. */
static void push(struct gateway *gw, const char *path, const char *query, const char *body,
                 const char *url)
{
    char signature[TWILIO_SIGNATURE_BYTES];
    struct gateway_field header = {"x-twilio-signature", signature, 0};
    struct gateway_push p = {.method = "POST",
                             .path = path,
                             .query = query,
                             .body = body,
                             .length = strlen(body),
                             .headers = &header,
                             .header_count = 1,
                             .peer = "192.0.2.1"};
    struct twilio_form form;

    assert_int_equal(twilio_form_read(&form, body, strlen(body)), 0);
    twilio_sign("12345", url, &form, signature);
    twilio_form_free(&form);
    header.length = strlen(signature);
    pushed_status = pushed_count = 0;
    gw->plugin->callback(gw->state, &p, on_pushed, NULL);
}

static const struct receipt_fact {
    const char *status, *code;
    enum gateway_receipt_state state;
    const char *told;
} receipt_facts[] = {
    {"queued", "", GATEWAY_ENROUTE, "queued"},
    {"sent", "", GATEWAY_ENROUTE, "sent"},
    {"delivered", "", GATEWAY_DELIVERED, "delivered"},
    {"read", "", GATEWAY_DELIVERED, "read"},
    {"undelivered", "30005", GATEWAY_UNDELIVERED, "30005"},
    {"failed", "", GATEWAY_UNDELIVERED, "failed"},
    {"canceled", "", GATEWAY_UNDELIVERED, "canceled"},
    {"something-new", "", GATEWAY_ENROUTE, "something-new"},
};

static void test_receipts(void **state)
{
    struct gateway *gw = host_open(SO, rows, NULL);
    char body[300];

    (void)state;
    for (size_t i = 0; i < sizeof receipt_facts / sizeof *receipt_facts; i++) {
        const struct receipt_fact *f = &receipt_facts[i];
        const struct kept_receipt *r;

        snprintf(body, sizeof body, "MessageSid=SM%zu&MessageStatus=%s&ErrorCode=%s", i, f->status,
                 f->code);
        push(gw, "", "ref=a1.march8%2Ffirst%2F4711.2", body,
             CALLBACK "?ref=a1.march8%2Ffirst%2F4711.2");
        assert_int_equal(pushed_status, 200);
        assert_int_equal(gw->receipt_count, i + 1);
        r = &gw->receipts[i];
        assert_string_equal(r->reference, "a1.march8/first/4711.2");
        assert_int_equal(r->id[2] - '0', i);
        assert_int_equal(r->state, f->state);
        assert_string_equal(r->code, f->told);
    }
    assert_int_equal(gw->plugin->instance_capabilities(gw->state) & GATEWAY_CHECKS_PUSHES,
                     GATEWAY_CHECKS_PUSHES);
    host_close(gw);
}

static void test_a_receipt_of_the_service_has_an_id_alone(void **state)
{
    struct gateway *gw = host_open(SO, rows, NULL);

    (void)state;
    push(gw, "", "", "MessageSid=SM1&MessageStatus=delivered", CALLBACK);
    assert_string_equal(gw->receipts[0].id, "SM1");
    assert_false(gw->receipts[0].has_reference);
    host_close(gw);
}

static void test_a_reply(void **state)
{
    struct gateway *gw = host_open(SO, rows, NULL);

    (void)state;
    gw->store = STORE_LATER;
    push(gw, "sub", "", "MessageSid=SM9&From=%2B8613800138000&To=%2B15017122661&Body=%E5%A5%BD+1",
         CALLBACK "/sub");
    assert_int_equal(pushed_count, 0); /* not before it is stored */
    assert_string_equal(gw->replies[0].from, "+8613800138000");
    assert_string_equal(gw->replies[0].to, "+15017122661");
    assert_string_equal(gw->replies[0].text, "好 1");
    assert_string_equal(gw->replies[0].id, "SM9");
    gw->stored[0](gw->stored_args[0], true);
    assert_int_equal(pushed_status, 200);
    assert_string_equal(pushed_body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>");
    push(gw, "", "", "From=1&Body=x", CALLBACK);
    gw->stored[1](gw->stored_args[1], false);
    assert_int_equal(pushed_status, 503);        /* Twilio shall send it again */
    push(gw, "", "", "From=1&Body=x", CALLBACK); /* left open at close */
    host_close(gw);
}

#define MINUTE_MS (INT64_C(60) * 1000)
#define MM "SM0123456789abcdef0123456789abcdef"

static void respond_with(struct gateway *gw, size_t i, int status, const char *body)
{
    struct gateway_http_response response = {
        .result = GATEWAY_HTTP_ANSWERED, .status = status, .body = body, .length = strlen(body)};

    gw->requests[i].fn(gw->requests[i].arg, &response);
}

static struct gateway *with_one_accepted(struct gateway_message *m)
{
    struct gateway *gw = host_open(SO, rows, NULL);
    const struct gateway_message *list = m;

    *m = message();
    gw->plugin->submit(gw->state, &list, 1);
    respond_with(gw, 0, 201, "{\"sid\":\"" MM "\",\"status\":\"queued\",\"error_code\":null}");
    return gw;
}

/* Twilio repeats no callback. */
static void test_asks_for_lost_receipts(void **state)
{
    struct gateway_message m;
    struct gateway *gw = with_one_accepted(&m);

    (void)state;
    host_pass(gw, 19 * MINUTE_MS);
    assert_int_equal(gw->request_count, 1);
    host_pass(gw, 2 * MINUTE_MS);
    assert_int_equal(gw->request_count, 2);
    assert_string_equal(gw->requests[1].method, "GET");
    assert_string_equal(gw->requests[1].url,
                        "https://api.twilio.com/2010-04-01/Accounts/" SID "/Messages/" MM ".json");
    respond_with(gw, 1, 200, "{\"status\":\"sent\",\"error_code\":null}"); /* not yet */
    host_pass(gw, 41 * MINUTE_MS);
    assert_int_equal(gw->request_count, 3);
    respond_with(gw, 2, 500, "<html>");
    assert_int_equal(gw->receipt_count, 0);
    host_pass(gw, 81 * MINUTE_MS);
    gw->store = STORE_FAILS;
    respond_with(gw, 3, 200, "{\"status\":\"undelivered\",\"error_code\":30003}");
    gw->store = STORE_NOW;
    host_pass(gw, 161 * MINUTE_MS); /* it was not stored */
    assert_int_equal(gw->request_count, 5);
    respond_with(gw, 4, 200, "{\"status\":\"undelivered\",\"error_code\":30003}");
    assert_int_equal(gw->receipt_count, 2);
    assert_string_equal(gw->receipts[1].id, MM);
    assert_int_equal(gw->receipts[1].state, GATEWAY_UNDELIVERED);
    assert_string_equal(gw->receipts[1].code, "30003");
    host_pass(gw, 80 * 60 * MINUTE_MS); /* nothing more to ask */
    assert_int_equal(gw->request_count, 5);
    host_close(gw);
}

static void test_what_was_called_back_is_not_asked_for(void **state)
{
    static const struct {
        const char *status;
        int stores;
        size_t asked;
    } rows_of[] = {
        {"delivered", STORE_NOW, 0}, {"delivered", STORE_FAILS, 1}, {"sent", STORE_NOW, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof rows_of / sizeof *rows_of; i++) {
        struct gateway_message m;
        struct gateway *gw = with_one_accepted(&m);
        char body[200];

        snprintf(body, sizeof body, "MessageSid=" MM "&MessageStatus=%s", rows_of[i].status);
        gw->store = rows_of[i].stores;
        push(gw, "", "ref=x", body, CALLBACK "?ref=x");
        assert_int_equal(pushed_status, rows_of[i].stores == STORE_NOW ? 200 : 503);
        host_pass(gw, 21 * MINUTE_MS);
        assert_int_equal(gw->request_count, 1 + rows_of[i].asked);
        host_close(gw); /* with a question open */
    }
}

static void test_who_has_no_signature_learns_nothing(void **state)
{
    static const struct setting_row silent[] = {
        {"account_sid", SID}, {"auth_token", "12345"}, {"source", "x"}, {0}};
    struct gateway *gw = host_open(SO, rows, NULL);
    struct gateway_push bare = {
        .method = "POST", .path = "", .query = "", .body = "From=1&Body=STOP", .length = 16};

    (void)state;
    push(gw, "", "ref=b", "MessageSid=SM1&MessageStatus=delivered", CALLBACK "?ref=a");
    assert_int_equal(pushed_status, 404);
    push(gw, "", "", "From=1&Body=STOP", "https://sms.example.org/other");
    assert_int_equal(pushed_status, 404);
    gw->plugin->callback(gw->state, &bare, on_pushed, NULL);
    assert_int_equal(pushed_status, 404);
    assert_int_equal(gw->receipt_count + gw->reply_count, 0);
    push(gw, "", "", "Strange=1", CALLBACK); /* signed, and nothing for us */
    assert_int_equal(pushed_status, 200);
    host_close(gw);
    gw = host_open(SO, silent, NULL);
    push(gw, "", "", "From=1&Body=STOP", CALLBACK);
    assert_int_equal(pushed_status, 404);
    assert_int_equal(gw->reply_count, 0);
    host_close(gw);
}

static void test_the_page_names_every_setting(void **state)
{
    struct gateway *gw = host_open(SO, rows, NULL);
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
    struct CMUnitTest tests[128];
    size_t n = 0, i;
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_the_page_names_every_setting),
        cmocka_unit_test(test_the_form),
        cmocka_unit_test(test_the_request),
        cmocka_unit_test(test_a_template_a_service_a_key_and_a_time),
        cmocka_unit_test(test_neither_callbacks_nor_questions),
        cmocka_unit_test(test_every_code),
        cmocka_unit_test(test_words_are_clean_and_a_strange_code_is_told_once),
        cmocka_unit_test(test_stale_messages_and_a_full_window_are_unsent),
        cmocka_unit_test(test_receipts),
        cmocka_unit_test(test_a_receipt_of_the_service_has_an_id_alone),
        cmocka_unit_test(test_a_reply),
        cmocka_unit_test(test_asks_for_lost_receipts),
        cmocka_unit_test(test_what_was_called_back_is_not_asked_for),
        cmocka_unit_test(test_who_has_no_signature_learns_nothing),
    };

    ADD_FACTS(signature_facts, test_signature);
    ADD_FACTS(refusals, test_refusal);
    ADD_FACTS(answer_facts, test_answer);
    memcpy(tests + n, others, sizeof others);
    n += sizeof others / sizeof *others;
    return _cmocka_run_group_tests("twilio", tests, n, NULL, NULL);
}
