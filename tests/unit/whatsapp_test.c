/* The whatsapp plugin. Objects are those of Meta's documentation as public clients test them
 * (nyaruka/courier handlers/meta/testdata/wac); the first signature is the one that GitHub
 * publishes for the same construction. */
#include "plugin_host.h"
#include "plugin_page.h"
#include "whatsapp.h"

#include <setjmp.h>
#include <cmocka.h>

#define SO BUILD_DIR "/plugins/whatsapp.so"
#define SECRET "meta-app-secret"

static const struct setting_row rows[] = {{"phone_number_id", "106540352242922"},
                                          {"token", "EAAtoken"},
                                          {"app_secret", SECRET},
                                          {"verify_token", "v3rify"},
                                          {"languages.0.language", "en"},
                                          {"languages.0.code", "en_GB"},
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
        .language = "zh",
        .reference = "c42-000017",
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

/* ------------------------------------------------------------------- signatures */
static void test_signatures(void **state)
{
    static const struct {
        const char *secret, *body, *signature;
    } vectors[] = {
        {"It's a Secret to Everybody", "Hello, World!",
         "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
        {SECRET,
         "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"8856996819413533\","
         "\"changes\":[]}]}",
         "sha256=c8aff90644b8115f5c1fbc3c83c26beac0fb376a7a36666a2ff3268ddd6bed3a"},
    };
    char out[72];

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        whatsapp_sign(vectors[i].secret, vectors[i].body, strlen(vectors[i].body), out);
        assert_string_equal(out, vectors[i].signature);
    }
}

/* --------------------------------------------------------------------- requests */
static void test_a_text(void **state)
{
    struct gateway *gw = host_open(SO, rows, NULL);
    struct gateway_message m = message();

    (void)state;
    submit(gw, &m);
    assert_string_equal(gw->requests[0].method, "POST");
    assert_string_equal(gw->requests[0].url,
                        "https://graph.facebook.com/v25.0/106540352242922/messages");
    assert_string_equal(gw->requests[0].headers,
                        "Content-Type: application/json\nAuthorization: Bearer EAAtoken\n");
    assert_string_equal(gw->requests[0].body,
                        "{\"messaging_product\":\"whatsapp\",\"recipient_type\":\"individual\","
                        "\"to\":\"8613800138000\",\"type\":\"text\",\"text\":{\"body\":\"您好\"},"
                        "\"biz_opaque_callback_data\":\"c42-000017\"}");
    host_close(gw);
}

static void test_a_template(void **state)
{
    static const struct gateway_field params[] = {{"name", "王芳", 6}, {"time", "\"9\"", 3}};
    static const struct {
        const char *language, *code;
    } languages[] = {{"zh", "zh_CN"}, {"en", "en_GB"}, {"pt-BR", "pt_BR"}, {"fr", "fr"}};
    struct gateway *gw = host_open(SO, rows, NULL);
    struct gateway_message m = message();

    (void)state;
    m.template_code = "outreach_notice";
    m.params = params;
    m.param_count = 1;
    submit(gw, &m); /* as the API's documentation writes it */
    assert_string_equal(
        gw->requests[0].body,
        "{\"messaging_product\":\"whatsapp\",\"recipient_type\":\"individual\",\"to\":"
        "\"8613800138000\",\"type\":\"template\",\"template\":{\"name\":\"outreach_notice\","
        "\"language\":{\"code\":\"zh_CN\"},\"components\":[{\"type\":\"body\",\"parameters\":[{"
        "\"type\":\"text\",\"text\":\"王芳\"}]}]},\"biz_opaque_callback_data\":\"c42-000017\"}");
    m.token++;
    m.param_count = 2;
    submit(gw, &m);
    assert_non_null(strstr(gw->requests[1].body,
                           "[{\"type\":\"text\",\"text\":\"王芳\"},{\"type\":\"text\",\"text\":"
                           "\"\\\"9\\\"\"}]}]}"));
    m.param_count = 0;
    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++) {
        char expected[100];

        m.token++;
        m.language = languages[i].language;
        submit(gw, &m);
        snprintf(expected, sizeof expected, "\"language\":{\"code\":\"%s\"}},\"biz",
                 languages[i].code);
        assert_non_null(strstr(gw->requests[2 + i].body, expected));
    }
    host_close(gw);
}

/* ---------------------------------------------------------------------- answers */
#define ERROR(code)                                                                                \
    "{\"error\":{\"message\":\"(#1) m\",\"type\":\"OAuthException\",\"code\":" code                \
    ",\"error_data\":{\"messaging_product\":\"whatsapp\",\"details\":\"d\"}}}"

static const struct answer_fact {
    const char *name;
    int status;
    const char *body;
    enum gateway_outcome outcome;
    enum gateway_reason reason;
    int64_t retry_after_ms;
} answer_facts[] = {
    {"a permission among 200 to 299", 403, ERROR("299"), GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS,
     0},
    {"too many to one person: six seconds", 400, ERROR("131056"), GATEWAY_THROTTLED,
     GATEWAY_REASON_LIMIT, 6000},
    {"a promotion withheld: a day", 400, ERROR("131049"), GATEWAY_THROTTLED, GATEWAY_REASON_LIMIT,
     86400000},
    {"a code that nobody knows", 400, ERROR("131999"), GATEWAY_RETRY, GATEWAY_REASON_OTHER, 0},
    {"four digits that begin with 2 are no permission", 400, ERROR("2000"), GATEWAY_RETRY,
     GATEWAY_REASON_OTHER, 0},
    {"429 without a code", 429, "", GATEWAY_THROTTLED, GATEWAY_REASON_NONE, 0},
    {"a proxy's 502 may have sent it", 502, "<html>", GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE, 0},
    {"a 200 that says nothing", 200, "{}", GATEWAY_UNKNOWN, GATEWAY_REASON_PROTOCOL, 0},
};

static void test_answer(void **state)
{
    const struct answer_fact *f = *state;
    struct gateway *gw = host_open(SO, rows, NULL);
    struct gateway_message m = message();
    const struct kept_answer *a;

    submit(gw, &m);
    respond(gw, 0, f->status, f->body);
    a = host_answer(gw, m.token);
    assert_int_equal(a->outcome, f->outcome);
    assert_int_equal(a->reason, f->reason);
    assert_int_equal(a->retry_after_ms, f->retry_after_ms);
    host_close(gw);
}

/* Every code of the specification, by its class. */
static void test_every_code(void **state)
{
    static const struct {
        enum gateway_outcome outcome;
        int codes[20];
    } classes[] = {
        {GATEWAY_THROTTLED, {4, 80007, 130429, 131056, 133016, 131049}},
        {GATEWAY_RETRY, {131057, 131000, 131016, 131053}},
        {GATEWAY_REJECTED,
         {131026, 131021, 131050, 130472, 131030, 131047, 131051, 132000, 132005, 132012, 131008,
          131009, 100}},
        /* 131048 stops the campaign and alerts. */
        {GATEWAY_BROKEN,
         {131048, 190, 3, 10, 200, 250, 368, 131031, 131042, 131045, 133010, 132001, 132007, 132015,
          132016}},
    };
    struct gateway *gw = host_open(SO, rows, NULL);
    struct gateway_message m;
    char body[100];

    (void)state;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        for (const int *code = classes[i].codes; *code != 0; code++) {
            m = message();
            submit(gw, &m);
            snprintf(body, sizeof body, "{\"error\":{\"code\":%d}}", *code);
            respond(gw, gw->request_count - 1, 400, body);
            if (host_answer(gw, m.token)->outcome != classes[i].outcome)
                fail_msg("%d", *code);
        }
    m = message();
    submit(gw, &m);
    respond(gw, gw->request_count - 1, 401, ERROR("0"));
    assert_int_equal(host_answer(gw, m.token)->outcome, GATEWAY_BROKEN);
    assert_null(strstr(gw->log, "code.strange"));
    host_close(gw);
}

/* ----------------------------------------------------------------------- pushes */
static int pushed_status;
static char pushed_body[100];

static void on_pushed(void *arg, int status, const char *body)
{
    (void)arg;
    pushed_status = status;
    snprintf(pushed_body, sizeof pushed_body, "%s", body);
}

static int take(struct gateway *gw, const char *method, const char *query, const char *body,
                const char *signature)
{
    struct gateway_field header = {"X-Hub-Signature-256", signature, strlen(signature)};
    struct gateway_push p = {.method = method,
                             .path = "",
                             .query = query,
                             .body = body,
                             .length = strlen(body),
                             .headers = &header,
                             .header_count = 1};

    pushed_status = 0;
    gw->plugin->callback(gw->state, &p, on_pushed, NULL);
    return pushed_status;
}

static int push(struct gateway *gw, const char *value)
{
    char body[4000], signature[72];

    snprintf(body, sizeof body,
             "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"8856996819413533\","
             "\"changes\":[{\"value\":{\"messaging_product\":\"whatsapp\",\"metadata\":{"
             "\"display_phone_number\":\"+250 788 123 200\",\"phone_number_id\":"
             "\"106540352242922\"},%s},\"field\":\"messages\"}]}]}",
             value);
    whatsapp_sign(SECRET, body, strlen(body), signature);
    return take(gw, "POST", "", body, signature);
}

static const struct status_fact {
    const char *status;
    enum gateway_receipt_state state;
    const char *code;
} status_facts[] = {
    {"\"sent\"", GATEWAY_ENROUTE, "sent"},
    {"\"delivered\"", GATEWAY_DELIVERED, "delivered"},
    {"\"read\"", GATEWAY_DELIVERED, "read"},
    {"\"deleted\"", GATEWAY_ENROUTE, "deleted"},
    {"\"failed\",\"errors\":[{\"code\":131026,\"title\":\"t\"}]", GATEWAY_UNDELIVERED, "131026"},
    {"\"failed\",\"errors\":[{\"code\":131014,\"title\":\"t\"}]", GATEWAY_UNDELIVERED, "131014"},
    {"\"failed\"", GATEWAY_UNDELIVERED, "failed"},
    {"\"something-new\"", GATEWAY_ENROUTE, "something-new"},
};

static void test_statuses(void **state)
{
    struct gateway *gw = host_open(SO, rows, NULL);
    char value[600];

    (void)state;
    for (size_t i = 0; i < sizeof status_facts / sizeof *status_facts; i++) {
        snprintf(value, sizeof value,
                 "\"statuses\":[{\"id\":\"wamid.%zu\",\"recipient_id\":\"5678\",\"timestamp\":"
                 "\"1454119029\",\"biz_opaque_callback_data\":\"c42-000017\",\"status\":%s}]",
                 i, status_facts[i].status);
        assert_int_equal(push(gw, value), 200);
        assert_int_equal(gw->receipt_count, i + 1);
        assert_int_equal(gw->receipts[i].state, status_facts[i].state);
        assert_string_equal(gw->receipts[i].code, status_facts[i].code);
        assert_string_equal(gw->receipts[i].reference, "c42-000017");
        assert_int_equal(gw->receipts[i].id[6] - '0', i);
    }
    host_close(gw);
}

static void test_a_long_id_is_the_same_in_answer_and_status(void **state)
{
#define WAMID "wamid.HBgNODYxMzgwMDEzODAwMBUCABEYEjlBM0NBNUIzRDRDRDZFNjdFNwA="
    static const char *const ids[] = {WAMID, WAMID WAMID};
    struct gateway *gw = host_open(SO, rows, NULL);
    char text[600];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct gateway_message m = message();

        submit(gw, &m);
        snprintf(text, sizeof text,
                 "{\"messaging_product\":\"whatsapp\",\"contacts\":[],\"messages\":[{\"id\":"
                 "\"%s\"}]}",
                 ids[i]);
        respond(gw, i, 200, text);
        assert_int_equal(host_answer(gw, m.token)->outcome, GATEWAY_ACCEPTED);
        snprintf(text, sizeof text, "\"statuses\":[{\"id\":\"%s\",\"status\":\"delivered\"}]",
                 ids[i]);
        assert_int_equal(push(gw, text), 200);
        assert_string_equal(gw->receipts[i].id, host_answer(gw, m.token)->ids[0]);
        assert_int_equal(strcmp(gw->receipts[i].id, ids[i]) == 0, i == 0);
        assert_false(gw->receipts[i].has_reference);
    }
    host_close(gw);
}

static const struct reply_fact {
    const char *message, *from, *text;
} reply_facts[] = {
    {"\"from\":\"8613800138000\",\"type\":\"text\",\"text\":{\"body\":\"\\u597d\"}",
     "+8613800138000", "好"},
    {"\"from\":\"5678\",\"type\":\"button\",\"button\":{\"text\":\"STOP\",\"payload\":\"p\"}",
     "+5678", "STOP"},
    {"\"from\":\"5678\",\"type\":\"interactive\",\"interactive\":{\"type\":\"button_reply\","
     "\"button_reply\":{\"id\":\"0\",\"title\":\"Yes\"}}",
     "+5678", "Yes"},
    {"\"from\":\"5678\",\"type\":\"interactive\",\"interactive\":{\"type\":\"list_reply\","
     "\"list_reply\":{\"id\":\"0\",\"title\":\"No\"}}",
     "+5678", "No"},
    {"\"from\":\"5678\",\"type\":\"audio\",\"audio\":{\"id\":\"1\"}", "+5678", ""},
    {"\"from\":\"US.13491208655302741918\",\"type\":\"text\",\"text\":{\"body\":\"x\"}",
     "US.13491208655302741918", "x"},
};

static void test_replies(void **state)
{
    struct gateway *gw = host_open(SO, rows, NULL);
    char value[600];

    (void)state;
    for (size_t i = 0; i < sizeof reply_facts / sizeof *reply_facts; i++) {
        snprintf(value, sizeof value,
                 "\"messages\":[{\"id\":\"wamid.r%zu\",\"timestamp\":\"1454119029\",%s}]", i,
                 reply_facts[i].message);
        assert_int_equal(push(gw, value), 200);
        assert_int_equal(gw->reply_count, i + 1);
        assert_string_equal(gw->replies[i].from, reply_facts[i].from);
        assert_string_equal(gw->replies[i].text, reply_facts[i].text);
        assert_string_equal(gw->replies[i].to, "+250 788 123 200");
    }
    host_close(gw);
}

static void test_a_push_of_several_is_answered_once(void **state)
{
    struct gateway *gw = host_open(SO, rows, NULL);
    static const char several[] =
        "\"statuses\":[{\"id\":\"a\",\"status\":\"read\"},7,{\"id\":\"\"},{\"status\":\"read\"},{"
        "\"id\":\"b\",\"status\":\"read\"}],\"messages\":[{},{\"from\":\"1\",\"id\":\"c\"}]";

    (void)state;
    gw->store = STORE_LATER;
    assert_int_equal(push(gw, several), 0);
    assert_int_equal(gw->receipt_count, 2);
    assert_int_equal(gw->reply_count, 1);
    gw->stored[0](gw->stored_args[0], true);
    gw->stored[1](gw->stored_args[1], true);
    assert_int_equal(pushed_status, 0);
    gw->stored[2](gw->stored_args[2], false);
    assert_int_equal(pushed_status, 503);
    push(gw, several); /* left open at close */
    host_close(gw);
}

static void test_who_has_no_signature_learns_nothing(void **state)
{
    static const struct setting_row silent[] = {
        {"phone_number_id", "1"}, {"token", "EAAtoken"}, {0}};
    static const char body[] =
        "{\"entry\":[{\"changes\":[{\"value\":{\"metadata\":{\"phone_number_id\":"
        "\"106540352242922\"},\"messages\":[{\"from\":\"1\",\"text\":{\"body\":\"STOP\"}}]}}]}]}";
    struct gateway *gw = host_open(SO, rows, NULL);
    char signature[72];

    (void)state;
    whatsapp_sign("other", body, sizeof body - 1, signature);
    assert_int_equal(take(gw, "POST", "", body, signature), 404);
    whatsapp_sign(SECRET, body, sizeof body - 1, signature);
    assert_int_equal(take(gw, "POST", "", body + 1, signature), 404);
    assert_int_equal(take(gw, "POST", "", body, signature + 7), 404); /* without its "sha256=" */
    signature[71 - 1] ^= 1;
    assert_int_equal(take(gw, "POST", "", body, signature), 404);
    assert_int_equal(take(gw, "POST", "", body, ""), 404);
    assert_int_equal(gw->reply_count, 0);
    signature[71 - 1] ^= 1;
    assert_int_equal(take(gw, "POST", "", body, signature), 200);
    assert_int_equal(gw->reply_count, 1);
    host_close(gw);
    gw = host_open(SO, silent, NULL); /* one without an app secret takes none */
    whatsapp_sign("", body, sizeof body - 1, signature);
    assert_int_equal(take(gw, "POST", "", body, signature), 404);
    assert_int_equal(gw->plugin->instance_capabilities(gw->state), 0);
    host_close(gw);
}

static void test_another_number_of_the_account_is_another_gateway(void **state)
{
    static const struct setting_row other[] = {
        {"phone_number_id", "7"}, {"token", "EAAtoken"}, {"app_secret", SECRET}, {0}};
    struct gateway *gw = host_open(SO, other, NULL);

    (void)state;
    assert_int_equal(push(gw, "\"messages\":[{\"from\":\"1\",\"id\":\"c\"}]"), 200);
    assert_int_equal(gw->reply_count, 0);
    host_close(gw);
}

static const struct verification {
    const char *query;
    int status;
    const char *body;
} verifications[] = {
    {"hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=v3rify", 200, "1158201444"},
    {"hub.mode=subscribe&hub.challenge=a%5fb&hub.verify_token=v%33rify", 200, "a_b"},
    {"hub.mode=subscribe&hub.challenge=1&hub.verify_token=other", 404, NULL},
    {"hub.mode=subscribe&hub.challenge=1&hub.verify_token=", 404, NULL},
    {"hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=v3rify", 404, NULL},
    {"hub.mode=subscribe&hub.challenge=%3Cscript%3E&hub.verify_token=v3rify", 404, NULL},
    {"hub.mode=subscribe&hub.verify_token=v3rify", 404, NULL},
    {"", 404, NULL},
};

static void test_verification(void **state)
{
    struct gateway *gw = host_open(SO, rows, NULL);
    char *query = calloc(1, 1000);

    (void)state;
    for (size_t i = 0; i < sizeof verifications / sizeof *verifications; i++) {
        assert_int_equal(take(gw, "GET", verifications[i].query, "", ""), verifications[i].status);
        if (verifications[i].body != NULL)
            assert_string_equal(pushed_body, verifications[i].body);
    }
    strcpy(query, "hub.mode=subscribe&hub.verify_token=v3rify&hub.challenge=");
    memset(query + strlen(query), 'a', 300);
    assert_int_equal(take(gw, "GET", query, "", ""), 404);
    free(query);
    host_close(gw);
}

/* --------------------------------------------------------------------- settings */
static const struct refusal {
    const char *name;
    struct setting_row rows[5];
    const char *sentence;
} refusals[] = {
    {"the number in place of its id",
     {{"phone_number_id", "+15550783881"}, {"token", "t"}},
     "phone_number_id: "},
    {"a version that is a path",
     {{"phone_number_id", "1"}, {"token", "t"}, {"version", "v1/../2"}},
     "version: "},
    {"a token with its header", {{"phone_number_id", "1"}, {"token", "Bearer t"}}, "token: "},
    {"a webhook that could be verified and never used",
     {{"phone_number_id", "1"}, {"token", "t"}, {"verify_token", "v"}},
     "verify_token: "},
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
    struct CMUnitTest tests[64];
    size_t n = 0, i;
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_a_text),
        cmocka_unit_test(test_a_template),
        cmocka_unit_test(test_every_code),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_a_long_id_is_the_same_in_answer_and_status),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_a_push_of_several_is_answered_once),
        cmocka_unit_test(test_who_has_no_signature_learns_nothing),
        cmocka_unit_test(test_another_number_of_the_account_is_another_gateway),
        cmocka_unit_test(test_verification),
        cmocka_unit_test(test_the_page_names_every_setting),
    };

    ADD_FACTS(answer_facts, test_answer);
    ADD_FACTS(refusals, test_refusal);
    memcpy(tests + n, others, sizeof others);
    n += sizeof others / sizeof *others;
    return _cmocka_run_group_tests("whatsapp", tests, n, NULL, NULL);
}
