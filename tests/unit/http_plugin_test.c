/* The http plugin: requests from recipes, outcomes from answers, receipts and
 * replies from pushes. Expected values are those of RFC 3986, RFC 4648, RFC
 * 8259, the WHATWG URL Standard, RFC 9110 and Kannel's user guide. */
#include "bytes.h"
#include "escape.h"
#include "jsonpath.h"
#include "plugin_host.h"

#include <setjmp.h>
#include <cmocka.h>

#define SO BUILD_DIR "/plugins/http.so"

/* --------------------------------------------------------------------- escapes */

static const struct escape_fact {
    const char *name;
    escape_fn *escape;
    const char *in, *out;
} escape_facts[] = {
    {"RFC 3986 2.3: unreserved characters stay", escape_url, "azAZ09-._~", "azAZ09-._~"},
    {"RFC 3986 2.2: all reserved ones are encoded", escape_url,
     ":/?#[]@!$&'()*+,;=", "%3A%2F%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D"},
    {"RFC 3986 2.1: a space is %20, a percent sign %25", escape_url, "a b%20", "a%20b%2520"},
    {"RFC 3986 2.5: KATAKANA LETTER A is %E3%82%A2", escape_url, "ア", "%E3%82%A2"},
    {"RFC 3986 2.5: A WITH GRAVE is %C3%80", escape_url, "À", "%C3%80"},
    {"WHATWG form: a space is a plus, a plus is %2B", escape_form, "a b+c", "a+b%2Bc"},
    {"WHATWG form: *-._ stay and ~ does not", escape_form, "*-._~", "*-._%7E"},
    {"RFC 8259 7: quote, backslash, controls", escape_json, "\"\\/\b\f\n\r\t\x01",
     "\\\"\\\\/\\b\\f\\n\\r\\t\\u0001"},
    {"JSON: a G clef stays UTF-8", escape_json, "\U0001d11e", "\U0001d11e"},
    {"JSON: what is no UTF-8 becomes U+FFFD", escape_json, "a\xff\xc3z", "a\ufffd\ufffdz"},
    {"JSON: an overlong slash is no UTF-8", escape_json, "\xc0\xaf", "\ufffd\ufffd"},
    {"XML: the five entities", escape_xml, "<a b=\"c\" d='e'>&",
     "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;"},
    {"XML: a form feed cannot be", escape_xml, "a\fb\n",
     "a\ufffd"
     "b\n"},
    {"UTF-16BE: the euro sign is 20AC", escape_hex, "€", "20AC"},
    {"UTF-16BE: U+10437 is D801 DC37 (RFC 2781)", escape_hex, "a\U00010437", "0061D801DC37"},
    {"RFC 4648 10: fo", escape_base64, "fo", "Zm8="},
    {"RFC 4648 10: foobar", escape_base64, "foobar", "Zm9vYmFy"},
    {"RFC 7617: Aladdin", escape_base64, "Aladdin:open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
    {"RFC 4648 10: f", escape_base64, "f", "Zg=="},
    {"a line holds no line end", escape_line, "a\r\nSet-Cookie: b\x7f", "aSet-Cookie: b"},
    {"form decoding", escape_decode_form, "a+b%2Bc%E5%A6%87%zz%4", "a b+c妇%zz%4"},
};

static void test_escape(void **state)
{
    const struct escape_fact *f = *state;
    struct bytes out = BYTES_INIT(4096);

    f->escape(&out, f->in, strlen(f->in));
    assert_string_equal(bytes_string(&out), f->out);
    bytes_free(&out);
}

/* ------------------------------------------------------------------------ JSON */

static const struct json_fact {
    const char *name, *text, *path, *value; /* value NULL: not there */
} json_facts[] = {
    {"a member", "{\"a\":1,\"b\":\"x\"}", "b", "x"},
    {"a number as it is written", "{\"code\": -1.50e3 }", "code", "-1.50e3"},
    {"deep inside", " { \"m\" : [ {\"id\":\"1\"}, {\"id\":\"2\"} ] } ", "m.1.id", "2"},
    {"an array at the root", "[[],[\"x\"]]", "1.0", "x"},
    {"beyond the end", "[1,2]", "2", NULL},
    {"an empty array", "{\"a\":[]}", "a.0", NULL},
    {"null is no text", "{\"a\":null}", "a", NULL},
    {"an object is no text", "{\"a\":{}}", "a", NULL},
    {"a name within a string is no member", "{\"x\":\"\\\"a\\\":1\",\"a\":2}", "a", "2"},
    {"a name further in is no member", "{\"x\":{\"a\":1},\"a\":2}", "a", "2"},
    {"escapes (RFC 8259 7)", "{\"a\":\"\\u5987\\n\\ud834\\udd1e\\/\\\"\"}", "a",
     "妇\n\U0001d11e/\""},
    {"a lone surrogate", "{\"a\":\"\\ud834x\"}", "a", "\ufffdx"},
    {"cut off in the value", "{\"a\":\"xy", "a", NULL},
    {"cut off behind it", "{\"a\":\"xy\",\"b\":[", "a", "xy"},
    {"no JSON", "<html>a</html>", "a", NULL},
    {"nothing", "", "a", NULL},
    {"a backslash at the end", "{\"a\":\"\\", "a", NULL},
    {"true is a word", "{\"ok\":true}", "ok", "true"},
};

static void test_json(void **state)
{
    const struct json_fact *f = *state;
    struct bytes out = BYTES_INIT(4096);
    struct jsonpath_value value;
    /* On the heap and without a NUL: the sanitizer sees a byte too many. */
    size_t n = strlen(f->text);
    char *text = malloc(n > 0 ? n : 1);
    bool found;

    memcpy(text, f->text, n);
    found = jsonpath_find(text, n, f->path, &value) && jsonpath_text(&value, &out);
    assert_int_equal(found, f->value != NULL);
    if (found) {
        assert_string_equal(bytes_string(&out), f->value);
        assert_true(jsonpath_equals(&value, f->value, strlen(f->value)));
    }
    bytes_free(&out);
    free(text);
}

/* Whatever comes, nothing outside it is read and it ends. */
static void test_json_survives_anything(void **state)
{
    static const char seed[] =
        "{\"m\":[{\"id\":\"\\u59\\ud8342\"},[1,-2.5e3,null]],\"a\":{\"b\":\"c\"}}";
    static const char alphabet[] = "{}[]\",:\\u019ae \x80\xff";
    static const char *const paths[] = {"", "m", "m.0.id", "m.1.2", "a.b", "x", "0.0.0"};
    struct bytes out = BYTES_INIT(256);
    int round;

    (void)state;
    srand(7);
    for (round = 0; round < 30000; round++) {
        size_t n = (size_t)rand() % sizeof seed, i;
        char *text = malloc(n + 1);
        struct jsonpath_value value, element;

        memcpy(text, seed, n);
        for (i = 0; n > 0 && i < 4; i++)
            text[(size_t)rand() % n] = alphabet[(size_t)rand() % (sizeof alphabet - 1)];
        text = realloc(text, n > 0 ? n : 1);
        for (i = 0; i < sizeof paths / sizeof *paths; i++)
            if (jsonpath_find(text, n, paths[i], &value)) {
                size_t at = 0;

                bytes_clear(&out);
                jsonpath_text(&value, &out);
                jsonpath_equals(&value, "c", 1);
                while (jsonpath_each(&value, &at, &element))
                    assert_true(at <= value.length);
            }
        free(text);
    }
    bytes_free(&out);
}

/* --------------------------------------------------------------------- requests */

static const struct gateway_field columns[] = {{"venue", "2号楼", 7}, {"slot", "09:00", 5}};
static const struct gateway_field params[] = {{"name", "李\"四", 7}, {"time", "9:00", 4}};

static struct gateway_message message(void)
{
    static uint64_t token;

    return (struct gateway_message){
        .token = ++token,
        .to = "+8613851400001",
        .to_length = 14,
        .text = "Lecture & talk: 讲座+1",
        .length = strlen("Lecture & talk: 讲座+1"),
        .encoding = GATEWAY_UCS2,
        .segments = 2,
        .title = "三八维权周",
        .language = "zh",
        .message_class = "notice",
        .template_code = "SMS_1234",
        .params = params,
        .param_count = 2,
        .columns = columns,
        .column_count = 2,
        .campaign = "march8",
        .reminder = "first",
        .number = 4711,
        .attempt = 1,
        .reference = "a1.march8/first/4711.2",
        .submit_by_ms = 1005000,
    };
}

static const struct request_fact {
    const char *name;
    struct setting_row rows[8];
    const char *method, *url, *headers, *body; /* NULL: do not care (body: none) */
} request_facts[] = {
    {"the sample configuration's cloud gateway",
     {{"url", "http://127.0.0.1:13013/cgi-bin/"
              "sendsms?username=u&password={{secret:url}}&from={{source:url}}&to={{to:url}}&text={{"
              "text:url}}&charset=UTF-8&coding={{coding}}&dlr-mask=27&dlr-url={{receipt_url:url}}"},
      {"source", "1069000038"},
      {"secret", "p&ss word"}},
     "GET",
     "http://127.0.0.1:13013/cgi-bin/"
     "sendsms?username=u&password=p%26ss%20word&from=1069000038&to=%2B8613851400001&text=Lecture%"
     "20%26%20talk%3A%20%E8%AE%B2%E5%BA%A7%2B1&charset=UTF-8&coding=2&dlr-mask=27&dlr-url=",
     "",
     NULL},
    {"receipt_url is a recipe inside a recipe (Kannel fills in %d)",
     {{"url", "http://gw.example/s?dlr-url={{receipt_url:url}}"},
      {"receipt_url", "https://our.example/cb/T0K?ref={{reference}}&s=%d"}},
     "GET",
     "http://gw.example/s?dlr-url=https%3A%2F%2Four.example%2Fcb%2FT0K%3Fref%3Da1.march8%2Ffirst%"
     "2F4711.2%26s%3D%25d",
     NULL,
     NULL},
    {"a body makes it a POST, and JSON is known by its brace",
     {{"url", "https://gw.example/v1/messages"},
      {"body", "{\"to\":\"{{to}}\",\"text\":\"{{text:json}}\",\"tpl\":\"{{template_code:json}}\","
               "\"params\":{{params}}}"},
      {"headers.0", "Authorization: Bearer {{secret}}"},
      {"secret", "s3cr\r\net"}},
     "POST",
     "https://gw.example/v1/messages",
     "Content-Type: application/json\nAuthorization: Bearer s3cret\n",
     "{\"to\":\"+8613851400001\",\"text\":\"Lecture & talk: 讲座+1\",\"tpl\":\"SMS_1234\","
     "\"params\":{\"name\":\"李\\\"四\",\"time\":\"9:00\"}}"},
    {"a form",
     {{"url", "https://gw.example/"},
      {"body", "to={{to_plain:form}}&text={{text:form}}&n={{segments}}&id={{number}}"}},
     "POST",
     NULL,
     "Content-Type: application/x-www-form-urlencoded\n",
     "to=8613851400001&text=Lecture+%26+talk%3A+%E8%AE%B2%E5%BA%A7%2B1&n=2&id=4711"},
    {"the number as one dials it at home",
     {{"url", "http://gw.example/{{to_national:url}}"}, {"country_code", "86"}},
     "GET",
     "http://gw.example/13851400001",
     NULL,
     NULL},
    {"a number of another country stays whole",
     {{"url", "http://gw.example/{{to_national:url}}"}, {"country_code", "49"}},
     "GET",
     "http://gw.example/8613851400001",
     NULL,
     NULL},
    {"columns and parameters by name; what is not there is empty",
     {{"url", "http://gw.example/{{column.slot:url}}/{{param.time:url}}/{{column.nobody:url}}/"
              "{{column.venue:hex}}"}},
     "GET",
     "http://gw.example/09%3A00/9%3A00//003253F7697C",
     NULL,
     NULL},
    {"names, class, language, and spaces in the braces",
     {{"url", "http://gw.example/{{ campaign }}/{{reminder}}/{{language}}/{{class}}/{{ title : url "
              "}}/{{validity_min}}"}},
     "GET",
     "http://gw.example/march8/first/zh/notice/%E4%B8%89%E5%85%AB%E7%BB%B4%E6%9D%83%E5%91%A8/1440",
     NULL,
     NULL},
    {"raw in a URL lets no space or line end in",
     {{"url", "http://gw.example/{{text:raw}}"}},
     "GET",
     "http://gw.example/Lecture%20&%20talk:%20%E8%AE%B2%E5%BA%A7+1",
     NULL,
     NULL},
    {"basic authentication",
     {{"url", "http://gw.example/"},
      {"headers.0", "Authorization: Basic {{secret:base64}}"},
      {"secret", "Aladdin:open sesame"}},
     "GET",
     NULL,
     "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\n",
     NULL},
    {"XML with a type of its own",
     {{"url", "http://gw.example/"},
      {"body", "<m to=\"{{to:xml}}\">{{text:xml}}</m>"},
      {"content_type", "application/xml"}},
     "POST",
     NULL,
     "Content-Type: application/xml\n",
     "<m to=\"+8613851400001\">Lecture &amp; talk: 讲座+1</m>"},
};

static void test_request(void **state)
{
    const struct request_fact *f = *state;
    struct gateway *gw = host_open(SO, f->rows, NULL);
    struct gateway_message m = message();
    const struct gateway_message *messages[] = {&m};

    assert_non_null(gw);
    assert_int_equal(gw->capacity, 50);
    gw->plugin->submit(gw->state, messages, 1);
    assert_int_equal(gw->request_count, 1);
    assert_string_equal(gw->requests[0].method, f->method);
    if (f->url != NULL)
        assert_string_equal(gw->requests[0].url, f->url);
    if (f->headers != NULL)
        assert_string_equal(gw->requests[0].headers, f->headers);
    if (f->body != NULL)
        assert_string_equal(gw->requests[0].body, f->body);
    else
        assert_null(gw->requests[0].body);
    assert_int_equal(gw->requests[0].timeout_ms, 30000);
    assert_int_equal(gw->requests[0].send_by_ms, 1005000);
    host_close(gw);
}

static void test_the_sender_of_a_message_wins(void **state)
{
    static const struct setting_row rows[] = {
        {"url", "http://gw.example/{{source:url}}/{{validity_min}}/{{coding}}"},
        {"source", "1"},
        {0}};
    struct gateway *gw = host_open(SO, rows, NULL);
    struct gateway_message m = message();
    const struct gateway_message *messages[] = {&m};

    (void)state;
    m.from = "妇联";
    m.encoding = GATEWAY_GSM7;
    m.expires_ms = host_wall_ms() + 90 * 60000 + 59999;
    gw->plugin->submit(gw->state, messages, 1);
    assert_string_equal(gw->requests[0].url, "http://gw.example/%E5%A6%87%E8%81%94/90/0");
    m.expires_ms = host_wall_ms() + 10;
    gw->plugin->submit(gw->state, messages, 1);
    assert_string_equal(gw->requests[1].url, "http://gw.example/%E5%A6%87%E8%81%94/1/0");
    host_close(gw);
}

/* ----------------------------------------------------------- settings refused */

static const struct refusal {
    const char *name;
    struct setting_row rows[6];
    const char *error; /* stands in what is said */
} refusals[] = {
    {"an unknown variable",
     {{"url", "http://gw.example/{{nmae:url}}"}},
     "url: {{nmae:url}}: unknown variable"},
    {"an unknown filter",
     {{"url", "http://gw.example/{{text:uri}}"}},
     "url: {{text:uri}}: unknown filter"},
    {"a member without a name", {{"url", "http://gw.example/{{column.:url}}"}}, "unknown variable"},
    {"a variable that only begins well",
     {{"url", "http://gw.example/{{texts:url}}"}},
     "unknown variable"},
    {"a raw text in a URL",
     {{"url", "http://gw.example/{{text}}"}},
     "url: {{text}}: may hold anything here"},
    {"a raw plus in a URL",
     {{"url", "http://gw.example/{{to}}"}},
     "name a filter, as in {{name:url}}"},
    {"a raw text in JSON",
     {{"url", "http://gw.example/"}, {"body", "{\"t\":\"{{text}}\"}"}},
     "body: {{text}}"},
    {"no closing braces", {{"url", "http://gw.example/{{text:url"}}, "url: \"{{\" without \"}}\""},
    {"a secret that is not given",
     {{"url", "http://gw.example/{{secret:url}}"}},
     "url: {{secret:url}}: needs the setting secret"},
    {"to_national without country_code",
     {{"url", "http://gw.example/{{to_national:url}}"}},
     "needs the setting country_code"},
    {"receipt_url within itself",
     {{"url", "http://gw.example/"}, {"receipt_url", "http://x/{{receipt_url}}"}},
     "receipt_url: {{receipt_url}}: unknown variable"},
    {"ftp", {{"url", "ftp://gw.example/"}}, "url: must begin with http:// or https://"},
    {"no host", {{"url", "http:///x"}}, "url: must begin with"},
    {"a space in a URL", {{"url", "http://gw.example/a b"}}, "url: byte 0x20 must be written %20"},
    {"Chinese in a URL", {{"url", "http://gw.example/妇"}}, "url: byte 0xe5 must be written %E5"},
    {"a header without a name",
     {{"url", "http://gw.example/"}, {"headers.0", ": x"}},
     "headers.0: must be"},
    {"a header of two lines",
     {{"url", "http://gw.example/"}, {"headers.0", "A: b\r\nC: d"}},
     "headers.0: control byte 0x0d"},
    {"a GET with a body",
     {{"url", "http://gw.example/"}, {"method", "GET"}, {"body", "x"}},
     "method: a GET has no body"},
    {"a method of its own",
     {{"url", "http://gw.example/"}, {"method", "SEND"}},
     "method: must be GET or POST"},
    {"a rule that asks nothing",
     {{"url", "http://gw.example/"}, {"retry.0.reason", "outage"}},
     "retry.0: needs status, contains or json"},
    {"a rule with half a comparison",
     {{"url", "http://gw.example/"},
      {"accepted.1.status", "200"},
      {"accepted.1.equals", "0"},
      {"accepted.0.status", "200"}},
     "accepted.1: equals needs json"},
    {"a reason that is none",
     {{"url", "http://gw.example/"}, {"rejected.0.status", "400"}, {"rejected.0.reason", "bad"}},
     "rejected.0: no such reason"},
    {"a status that is none",
     {{"url", "http://gw.example/"}, {"rejected.0.status", "42"}},
     "rejected.0: status must be"},
    {"an id in two places",
     {{"url", "http://gw.example/"}, {"id.0.json", "a"}, {"id.0.after", "b"}},
     "id.0: needs one of"},
    {"a broken expression",
     {{"url", "http://gw.example/"}, {"id.0.regex", "([0-9"}},
     "id.0.regex: "},
    {"an expression without a group",
     {{"url", "http://gw.example/"}, {"id.0.regex", "[0-9]+"}},
     "id.0.regex: needs a group"},
    {"a receipt of nobody",
     {{"url", "http://gw.example/"}, {"receipt.0.state", "s"}, {"receipt.0.delivered.0", "1"}},
     "receipt.0: needs state, and id or reference"},
    {"a receipt that is never good",
     {{"url", "http://gw.example/"}, {"receipt.0.state", "s"}, {"receipt.0.id", "i"}},
     "receipt.0.delivered: names no state"},
    {"a reply without a text",
     {{"url", "http://gw.example/"}, {"reply.0.from", "f"}},
     "reply.0: needs from and text"},
};

static void test_refusal(void **state)
{
    const struct refusal *f = *state;
    char error[512] = "";

    assert_null(host_open(SO, f->rows, error));
    if (strstr(error, f->error) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error, f->error);
}

/* --------------------------------------------------------------------- answers */

static const struct setting_row plain[] = {{"url", "http://gw.example/"}, {0}};
static const struct setting_row sample[] = {{"url", "http://gw.example/"},
                                            {"accepted.0.status", "202"},
                                            {"retry.0.status", "503"},
                                            {"retry.1.status", "429"},
                                            {0}};
static const struct setting_row codes[] = {{"url", "http://gw.example/"},
                                           {"throttled.0.json", "code"},
                                           {"throttled.0.equals", "isv.LIMIT"},
                                           {"broken.0.contains", "balance"},
                                           {"broken.0.reason", "balance"},
                                           {"rejected.0.json", "error"},
                                           {"rejected.0.reason", "number"},
                                           {"retry.0.status", "5"},
                                           {"accepted.0.status", "200"},
                                           {"code", "code"},
                                           {"words", "message"},
                                           {0}};

static const struct answer_fact {
    const char *name;
    const struct setting_row *rows;
    int status; /* 0: none, see result */
    const char *body;
    enum gateway_outcome outcome;
    enum gateway_reason reason;
    enum gateway_http_result result;
    bool tls_trouble;
} answer_facts[] = {
    {"200 is accepted", plain, 200, "", GATEWAY_ACCEPTED, GATEWAY_REASON_NONE, 0, 0},
    {"201 is accepted", plain, 201, "x", GATEWAY_ACCEPTED, GATEWAY_REASON_NONE, 0, 0},
    {"429 is throttled", plain, 429, "", GATEWAY_THROTTLED, GATEWAY_REASON_NONE, 0, 0},
    {"503 is a retry", plain, 503, "", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE, 0, 0},
    {"408: the request did not arrive whole", plain, 408, "", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE,
     0, 0},
    {"500 may have been sent", plain, 500, "", GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE, 0, 0},
    {"502 may have been sent", plain, 502, "", GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE, 0, 0},
    {"504 may have been sent", plain, 504, "", GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE, 0, 0},
    {"401 is our key", plain, 401, "", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, 0},
    {"402 is our balance", plain, 402, "", GATEWAY_BROKEN, GATEWAY_REASON_BALANCE, 0, 0},
    {"403 is our key", plain, 403, "", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, 0},
    {"400 is this message", plain, 400, "", GATEWAY_REJECTED, GATEWAY_REASON_OTHER, 0, 0},
    {"422 is this message", plain, 422, "", GATEWAY_REJECTED, GATEWAY_REASON_OTHER, 0, 0},
    {"413 is this text", plain, 413, "", GATEWAY_REJECTED, GATEWAY_REASON_TEXT, 0, 0},
    {"404 is our address", plain, 404, "", GATEWAY_BROKEN, GATEWAY_REASON_PROTOCOL, 0, 0},
    {"405 is our method", plain, 405, "", GATEWAY_BROKEN, GATEWAY_REASON_PROTOCOL, 0, 0},
    {"301 is our address", plain, 301, "", GATEWAY_BROKEN, GATEWAY_REASON_PROTOCOL, 0, 0},
    {"303 says it was worked on", plain, 303, "", GATEWAY_UNKNOWN, GATEWAY_REASON_PROTOCOL, 0, 0},
    {"409 may be a repeat", plain, 409, "", GATEWAY_UNKNOWN, GATEWAY_REASON_PROTOCOL, 0, 0},
    {"a status nobody knows", plain, 700, "", GATEWAY_UNKNOWN, GATEWAY_REASON_PROTOCOL, 0, 0},
    {"refused: a retry, so that the circuit sees it", plain, 0, "", GATEWAY_RETRY,
     GATEWAY_REASON_OUTAGE, GATEWAY_HTTP_UNSENT, 0},
    {"a certificate is for ops", plain, 0, "", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS,
     GATEWAY_HTTP_UNSENT, 1},
    {"a time-out is unknown", plain, 0, "", GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE,
     GATEWAY_HTTP_AMBIGUOUS, 0},
    {"TLS that breaks on the way is unknown", plain, 0, "", GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE,
     GATEWAY_HTTP_AMBIGUOUS, 1},
    {"the sample: 202", sample, 202, "0: Accepted for delivery", GATEWAY_ACCEPTED,
     GATEWAY_REASON_NONE, 0, 0},
    {"the sample: 200 is in no rule", sample, 200, "", GATEWAY_UNKNOWN, GATEWAY_REASON_PROTOCOL, 0,
     0},
    {"the sample: 429 is what the rules say", sample, 429, "", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE,
     0, 0},
    {"the sample: 403 by default", sample, 403, "Authorization failed for sendsms", GATEWAY_BROKEN,
     GATEWAY_REASON_CREDENTIALS, 0, 0},
    {"an error within a 200 is found first", codes, 200, "{\"code\":\"isv.LIMIT\"}",
     GATEWAY_THROTTLED, GATEWAY_REASON_NONE, 0, 0},
    {"bytes in the body", codes, 200, "ERR no balance left", GATEWAY_BROKEN, GATEWAY_REASON_BALANCE,
     0, 0},
    {"a path that is there", codes, 200, "{\"error\":\"x\"}", GATEWAY_REJECTED,
     GATEWAY_REASON_NUMBER, 0, 0},
    {"null is not there", codes, 200, "{\"error\":null}", GATEWAY_ACCEPTED, GATEWAY_REASON_NONE, 0,
     0},
    {"a whole class", codes, 502, "", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE, 0, 0},
    {"and by default beside rules", codes, 401, "", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0,
     0},
};

static struct kept_answer answered(const struct setting_row *rows, const struct gateway_message *m,
                                   struct gateway_http_response response, char *log)
{
    struct gateway *gw = host_open(SO, rows, NULL);
    struct kept_answer answer;

    response.length = strlen(response.body);
    gw->plugin->submit(gw->state, &m, 1);
    gw->requests[0].fn(gw->requests[0].arg, &response);
    assert_int_equal(gw->answer_count, 1);
    answer = gw->answers[0];
    assert_int_equal(answer.token, m->token);
    if (log != NULL)
        snprintf(log, sizeof gw->log, "%s", gw->log);
    host_close(gw);
    return answer;
}

static void test_answer(void **state)
{
    const struct answer_fact *f = *state;
    struct gateway_message m = message();
    struct kept_answer answer =
        answered(f->rows, &m,
                 (struct gateway_http_response){.result = f->result,
                                                .status = f->status,
                                                .body = f->body,
                                                .trouble = f->status == 0 ? "refused" : NULL,
                                                .tls_trouble = f->tls_trouble},
                 NULL);

    assert_int_equal(answer.outcome, f->outcome);
    assert_int_equal(answer.reason, f->reason);
    assert_int_equal(answer.id_count, 0);
    if (f->status == 0)
        assert_string_equal(answer.words, "refused");
}

static void test_words_and_code(void **state)
{
    struct gateway_message m = message();
    struct kept_answer answer =
        answered(codes, &m,
                 (struct gateway_http_response){
                     .status = 200,
                     .retry_after_ms = 7000,
                     .body = "{\"code\":\"isv.LIMIT\",\"message\":\"too\\nfast\"}"},
                 NULL);

    (void)state;
    assert_string_equal(answer.code, "isv.LIMIT");
    assert_string_equal(answer.words, "toofast"); /* no line end gets through */
    assert_int_equal(answer.retry_after_ms, 7000);
    answer = answered(plain, &m, (struct gateway_http_response){.status = 404, .body = "Not here"},
                      NULL);
    assert_string_equal(answer.code, "HTTP 404");
    assert_string_equal(answer.words, "Not here");
}

/* A gateway that repeats the request in its error tells nothing by it. */
static void test_no_secret_is_repeated(void **state)
{
    static const struct setting_row rows[] = {
        {"url", "http://gw.example/{{secret:url}}"}, {"secret", "hush hush"}, {0}};
    struct gateway_message m = message();
    char body[400], log[65536];
    struct kept_answer answer;

    (void)state;
    snprintf(body, sizeof body, "bad /hush%%20hush 'hush hush' to 8613851400001: %s", m.text);
    answer = answered(rows, &m, (struct gateway_http_response){.status = 403, .body = body}, log);
    assert_string_equal(answer.words,
                        "bad /*********** '*********' to *************: ************************");
    assert_null(strstr(log, "hush"));
}

/* ------------------------------------------------------------------------- ids */

static const struct id_fact {
    const char *name;
    struct setting_row rows[4];
    const char *body, *id; /* NULL: none */
} id_facts[] = {
    {"a string in JSON",
     {{"url", "http://x/"}, {"id.0.json", "messages.0.message-id"}},
     "{\"messages\":[{\"message-id\":\"0A0000000123ABCD1\"}]}",
     "0A0000000123ABCD1"},
    {"a number in JSON",
     {{"url", "http://x/"}, {"id.0.json", "id"}},
     "{\"id\":900719925474099300}",
     "900719925474099300"},
    {"behind a word",
     {{"url", "http://x/"}, {"id.0.after", "OK: "}},
     "OK: 31a-7.2:x@y\r\nbye",
     "31a-7.2:x@y"},
    {"by an expression",
     {{"url", "http://x/"}, {"id.0.regex", "<id>([^<]+)</id>"}},
     "<r><id>77</id></r>",
     "77"},
    {"the second place where the first has none",
     {{"url", "http://x/"}, {"id.0.json", "id"}, {"id.1.after", "id="}},
     "id=5",
     "5"},
    {"none where there is none", {{"url", "http://x/"}, {"id.0.json", "id"}}, "{}", NULL},
    {"64 bytes are an id",
     {{"url", "http://x/"}, {"id.0.after", "="}},
     "=0123456789012345678901234567890123456789012345678901234567890123",
     "0123456789012345678901234567890123456789012345678901234567890123"},
    {"65 are none",
     {{"url", "http://x/"}, {"id.0.after", "="}},
     "=01234567890123456789012345678901234567890123456789012345678901234",
     NULL},
};

static void test_id(void **state)
{
    const struct id_fact *f = *state;
    struct gateway_message m = message();
    struct kept_answer answer =
        answered(f->rows, &m, (struct gateway_http_response){.status = 200, .body = f->body}, NULL);

    assert_int_equal(answer.outcome, GATEWAY_ACCEPTED);
    assert_int_equal(answer.id_count, f->id != NULL);
    if (f->id != NULL)
        assert_string_equal(answer.ids[0], f->id);
}

/* ---------------------------------------------------------------------- pushes */

static const struct setting_row pushing[] = {{"url", "http://gw.example/"},
                                             {"receipt.0.id", "id"},
                                             {"receipt.0.reference", "ref"},
                                             {"receipt.0.state", "state"},
                                             {"receipt.0.delivered.0", "1"},
                                             {"receipt.0.delivered.1", "DELIVRD"},
                                             {"receipt.0.undelivered.0", "2"},
                                             {"receipt.0.undelivered.1", "16"},
                                             {"receipt.0.code", "err"},
                                             {"reply.0.from", "from"},
                                             {"reply.0.to", "to"},
                                             {"reply.0.text", "text"},
                                             {"reply.0.id", "mid"},
                                             {"push_answer", "{\"ok\":1}"},
                                             {0}};

static const struct push_fact {
    const char *name, *query, *body;
    int status; /* of our answer */
    size_t receipts, replies;
    const char *id, *reference, *code; /* of the last receipt */
    enum gateway_receipt_state state;
    const char *text; /* of the last reply */
} push_facts[] = {
    {"Kannel's dlr-url: delivered", "id=42&state=1", "", 200, 1, 0, "42", "", "1",
     GATEWAY_DELIVERED, NULL},
    {"Kannel's dlr-url: rejected by the operator", "ref=a.b%2Fc%2F1.1&state=16", "", 200, 1, 0, "",
     "a.b/c/1.1", "16", GATEWAY_UNDELIVERED, NULL},
    {"Kannel's dlr-url: buffered there is not final", "id=42&state=4", "", 200, 1, 0, "42", "", "4",
     GATEWAY_ENROUTE, NULL},
    {"a form in the body", "", "id=7&state=delivrd&err=000", 200, 1, 0, "7", "", "000",
     GATEWAY_DELIVERED, NULL},
    {"an object of JSON", "", "{\"id\":7,\"state\":\"2\",\"err\":\"MK:0001\"}", 200, 1, 0, "7", "",
     "MK:0001", GATEWAY_UNDELIVERED, NULL},
    {"an array of them", "", " [{\"id\":\"1\",\"state\":1},{\"id\":\"2\",\"state\":1}]", 200, 2, 0,
     "2", "", "1", GATEWAY_DELIVERED, NULL},
    {"what is strange among them is passed over", "",
     "[{\"id\":\"1\",\"state\":1},7,{\"from\":\"1\",\"text\":\"x\"}]", 200, 1, 1, "1", "", "1",
     GATEWAY_DELIVERED, "x"},
    {"an empty array is nothing to complain of", "", "[]", 200, 0, 0, NULL, NULL, NULL, 0, NULL},
    {"a reply", "from=%2B8613851400001&to=1069&text=%E5%9B%9E+1&mid=9", "", 200, 0, 1, NULL, NULL,
     NULL, 0, "回 1"},
    {"an empty reply is one", "from=1&text=", "", 200, 0, 1, NULL, NULL, NULL, 0, ""},
    {"a reply that is no UTF-8", "from=1&text=%B7%A8", "", 200, 0, 1, NULL, NULL, NULL, 0,
     "\ufffd\ufffd"},
    {"nothing that is set", "a=b", "", 400, 0, 0, NULL, NULL, NULL, 0, NULL},
    {"nothing at all", "", "", 400, 0, 0, NULL, NULL, NULL, 0, NULL},
    {"a state of nobody", "state=1", "", 400, 0, 0, NULL, NULL, NULL, 0, NULL},
    {"an id of 65 bytes",
     "state=1&id=01234567890123456789012345678901234567890123456789012345678901234", "", 400, 0, 0,
     NULL, NULL, NULL, 0, NULL},
    {"a NUL in a number", "from=1%002&text=x", "", 400, 0, 0, NULL, NULL, NULL, 0, NULL},
    {"JSON cut off", "", "{\"id\":\"1\",\"state\":", 400, 0, 0, NULL, NULL, NULL, 0, NULL},
    {"an array of strange things", "", "[1,2,3]", 400, 0, 0, NULL, NULL, NULL, 0, NULL},
};

static int pushed_status, pushed_count;
static char pushed_body[200];

static void on_pushed(void *arg, int status, const char *body)
{
    (void)arg;
    pushed_status = status;
    pushed_count++;
    snprintf(pushed_body, sizeof pushed_body, "%s", body);
}

static void push(struct gateway *gw, const char *query, const char *body)
{
    struct gateway_push p = {.method = "POST",
                             .path = "",
                             .query = query,
                             .body = body,
                             .length = strlen(body),
                             .peer = "192.0.2.1"};

    pushed_status = pushed_count = 0;
    gw->plugin->callback(gw->state, &p, on_pushed, NULL);
}

static void test_push(void **state)
{
    const struct push_fact *f = *state;
    struct gateway *gw = host_open(SO, pushing, NULL);

    push(gw, f->query, f->body);
    assert_int_equal(pushed_count, 1);
    assert_int_equal(pushed_status, f->status);
    if (f->status == 200)
        assert_string_equal(pushed_body, "{\"ok\":1}");
    assert_int_equal(gw->receipt_count, f->receipts);
    assert_int_equal(gw->reply_count, f->replies);
    if (f->receipts > 0) {
        const struct kept_receipt *r = &gw->receipts[f->receipts - 1];

        assert_string_equal(r->id, f->id);
        assert_string_equal(r->reference, f->reference);
        assert_string_equal(r->code, f->code);
        assert_int_equal(r->state, f->state);
    }
    if (f->replies > 0)
        assert_string_equal(gw->replies[f->replies - 1].text, f->text);
    host_close(gw);
}

static void test_a_push_is_answered_when_it_is_stored(void **state)
{
    struct gateway *gw = host_open(SO, pushing, NULL);

    (void)state;
    gw->store = STORE_LATER;
    push(gw, "", "[{\"id\":\"1\",\"state\":1},{\"id\":\"2\",\"state\":1}]");
    assert_int_equal(pushed_count, 0);
    gw->stored[1](gw->stored_args[1], false);
    assert_int_equal(pushed_count, 0);
    gw->stored[0](gw->stored_args[0], true);
    assert_int_equal(pushed_count, 1);
    assert_int_equal(pushed_status, 503);
    push(gw, "id=1&state=1", ""); /* left open at close */
    host_close(gw);
}

/* Cut, a reply could say the contrary: "TD" of "TDs are no refusal". */
static void test_a_value_that_is_too_long_is_none(void **state)
{
    struct gateway *gw = host_open(SO, pushing, NULL);
    char query[9000];
    size_t n = (size_t)snprintf(query, sizeof query, "from=%%2B8613851400001&text=");

    (void)state;
    memset(query + n, 'x', 8191);
    query[n + 8191] = '\0';
    push(gw, query, "");
    assert_int_equal(pushed_status, 200);
    assert_int_equal(gw->reply_count, 1);
    memcpy(query + n + 8191, "x", 2);
    push(gw, query, "");
    assert_int_equal(pushed_status, 400);
    assert_int_equal(gw->reply_count, 1);
    host_close(gw);
}

static void test_a_push_of_a_list_inside(void **state)
{
    static const struct setting_row rows[] = {
        {"url", "http://gw.example/"}, {"push_list", "data.list"},      {"receipt.0.id", "msg.id"},
        {"receipt.0.state", "st"},     {"receipt.0.delivered.0", "ok"}, {0}};
    struct gateway *gw = host_open(SO, rows, NULL);
    char *body = calloc(1, 40 * 1002);
    int i;

    (void)state;
    assert_int_equal(gw->plugin->instance_capabilities(gw->state),
                     GATEWAY_SEGMENTS | GATEWAY_WANTS_COLUMNS | GATEWAY_SENDS_RECEIPTS);
    push(gw, "", "{\"data\":{\"list\":[{\"msg\":{\"id\":\"a\"},\"st\":\"ok\"}]}}");
    assert_int_equal(pushed_status, 200);
    assert_string_equal(gw->receipts[0].id, "a");
    strcpy(body, "{\"data\":{\"list\":[1");
    for (i = 0; i < 1000; i++)
        strcat(body, ",{}");
    strcat(body, "]}}");
    push(gw, "", body);
    assert_int_equal(pushed_status, 413);
    free(body);
    host_close(gw);
}

static void test_a_gateway_without_pushes(void **state)
{
    struct gateway *gw = host_open(SO, plain, NULL);

    (void)state;
    push(gw, "id=1&state=1", "");
    assert_int_equal(pushed_status, 404);
    assert_int_equal(gw->plugin->instance_capabilities(gw->state),
                     GATEWAY_SEGMENTS | GATEWAY_WANTS_COLUMNS);
    host_close(gw);
}

/* ---------------------------------------------------------------------- bounds */

static void test_window_time_and_size(void **state)
{
    static const struct setting_row rows[] = {
        {"url", "http://gw.example/{{text:url}}"}, {"window", "2"}, {0}};
    struct gateway *gw = host_open(SO, rows, NULL);
    struct gateway_message m[5] = {message(), message(), message(), message(), message()};
    const struct gateway_message *messages[] = {&m[0], &m[1], &m[2], &m[3], &m[4]};
    const struct gateway_http_response fine = {.status = 200, .body = ""};
    char *long_text = malloc(20000);

    (void)state;
    memset(long_text, ' ', 20000);
    m[0].submit_by_ms = gw->now_ms - 1;
    m[1].text = long_text; /* 60,000 bytes in a URL */
    m[1].length = 20000;
    gw->plugin->submit(gw->state, messages, 5);
    assert_int_equal(gw->capacity, 2);
    assert_int_equal(host_answer(gw, m[0].token)->outcome, GATEWAY_UNSENT);
    assert_int_equal(host_answer(gw, m[1].token)->outcome, GATEWAY_REJECTED);
    assert_int_equal(host_answer(gw, m[4].token)->outcome, GATEWAY_UNSENT);
    assert_int_equal(gw->request_count, 2);
    gw->requests[1].fn(gw->requests[1].arg, &fine);
    assert_int_equal(host_answer(gw, m[3].token)->outcome, GATEWAY_ACCEPTED);
    gw->plugin->submit(gw->state, &messages[4], 1); /* there is room again */
    assert_int_equal(gw->request_count, 3);
    assert_string_equal(gw->requests[2].url, gw->requests[0].url); /* the long one left no trace */
    host_close(gw);
    free(long_text);
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
    struct CMUnitTest tests[256];
    size_t n = 0, i;
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_json_survives_anything),
        cmocka_unit_test(test_the_sender_of_a_message_wins),
        cmocka_unit_test(test_words_and_code),
        cmocka_unit_test(test_no_secret_is_repeated),
        cmocka_unit_test(test_a_push_is_answered_when_it_is_stored),
        cmocka_unit_test(test_a_value_that_is_too_long_is_none),
        cmocka_unit_test(test_a_push_of_a_list_inside),
        cmocka_unit_test(test_a_gateway_without_pushes),
        cmocka_unit_test(test_window_time_and_size),
    };

    ADD_FACTS(escape_facts, test_escape);
    ADD_FACTS(json_facts, test_json);
    ADD_FACTS(request_facts, test_request);
    ADD_FACTS(refusals, test_refusal);
    ADD_FACTS(answer_facts, test_answer);
    ADD_FACTS(id_facts, test_id);
    ADD_FACTS(push_facts, test_push);
    memcpy(tests + n, others, sizeof others);
    n += sizeof others / sizeof *others;
    return _cmocka_run_group_tests("http", tests, n, NULL, NULL);
}
