/* WeChat official account: the vectors of its library, requests, what answers mean, pushes. */
#include "im_host.h"
#include "wechat/push.h"
#include "wechat/xml.h"

#define SO BUILD_DIR "/plugins/wechat.so"
#define OPENID "oia2TjuEGTNoeX76QEjQNrcURxG8"
#define API "https://api.weixin.qq.com"

/* ------------------------------------------------------------------ signature, XML */

static void test_signature(void **state)
{
    char out[41];

    (void)state;
    wechat_sign("test", "1410685589", "test", out); /* wechatpy's own test */
    assert_string_equal(out, "f21891de399b4e33a1a93c9a7b8a8fffb5a443ff");
}

static void collect(void *arg, unsigned depth, const char *name, size_t n, const char *text,
                    size_t length)
{
    text_printf(arg, "%u %.*s", depth, (int)n, name);
    if (text != NULL)
        text_printf(arg, "=%.*s", (int)length, text);
    text_puts(arg, ";");
}

/* XML 1.0, the part of it that is read. */
static const struct xml_fact {
    const char *name, *xml, *read; /* NULL: refused */
} xml_facts[] = {
    {"leaves", "<xml><A>1</A><B>2</B></xml>", "1 A=1;1 B=2;0 xml;"},
    {"space between elements", " <xml>\n <A>1</A>\n</xml>\n", "1 A=1;0 xml;"},
    {"CDATA is text", "<xml><A><![CDATA[a<b>&amp;]]></A></xml>", "1 A=a<b>&amp;;0 xml;"},
    {"CDATA and text", "<xml><A>x<![CDATA[]]]]><![CDATA[>]]>y</A></xml>", "1 A=x]]>y;0 xml;"},
    {"entities", "<xml><A>&lt;&gt;&amp;&quot;&apos;&#22919;&#x5987;</A></xml>",
     "1 A=<>&\"'妇妇;0 xml;"},
    {"an empty leaf", "<xml><A></A></xml>", "1 A=;0 xml;"},
    {"elements in elements", "<xml><L><I><A>1</A></I><I><A>2</A></I></L></xml>",
     "3 A=1;2 I;3 A=2;2 I;1 L;0 xml;"},
    {"a document type", "<!DOCTYPE x><xml><A>1</A></xml>", NULL},
    {"an entity of one's own", "<xml><A>&e;</A></xml>", NULL},
    {"an entity declared", "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><xml>&e;</xml>",
     NULL},
    {"an instruction", "<?xml version=\"1.0\"?><xml></xml>", NULL},
    {"a comment", "<xml><!-- --><A>1</A></xml>", NULL},
    {"an attribute", "<xml a=\"1\"></xml>", NULL},
    {"the wrong end", "<xml><A>1</B></xml>", NULL},
    {"crossed ends", "<xml><A><B>1</A></B></xml>", NULL},
    {"text beside elements", "<xml>x<A>1</A></xml>", NULL},
    {"text behind elements", "<xml><A>1</A>x</xml>", NULL},
    {"something behind it", "<xml></xml><xml></xml>", NULL},
    {"too deep", "<a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a>", NULL},
    {"the NUL character", "<xml><A>&#0;</A></xml>", NULL},
    {"a surrogate", "<xml><A>&#xd800;</A></xml>", NULL},
    {"a character beyond Unicode", "<xml><A>&#x110000;</A></xml>", NULL},
    {"a number that is none", "<xml><A>&#x;</A></xml>", NULL},
    {"cut in CDATA", "<xml><A><![CDATA[1", NULL},
    {"cut in an element", "<xml><A>1", NULL},
    {"cut in a tag", "<xml><A", NULL},
    {"no XML", "{}", NULL},
    {"nothing", "", NULL},
};

static void test_xml(void **state)
{
    const struct xml_fact *f = *state;
    size_t n = strlen(f->xml);
    char *xml = malloc(n > 0 ? n : 1); /* without a NUL */
    struct text out = {0};
    int rc;

    memcpy(xml, f->xml, n);
    rc = wechat_xml_read(xml, n, collect, &out);
    assert_int_equal(rc, f->read != NULL ? 0 : -1);
    if (f->read != NULL)
        assert_string_equal(text_string(&out), f->read);
    text_free(&out);
    free(xml);
}

/* ------------------------------------------------------------------ sending */

static const struct setting_row template_rows[] = {
    {"appid", "wx0123"},
    {"secret", "s\"cret"},
    {"push_token", "test"},
    {"url", "https://women.example/fair"},
    {0},
};
static const struct setting_row subscribe_rows[] = {
    {"appid", "wx0123"},           {"secret", "s"},
    {"kind", "subscribe"},         {"miniprogram_appid", "wxmini"},
    {"miniprogram_page", "p?a=1"}, {0},
};
static const struct gateway_field params[] = {{"thing1", "招聘会\"", 10}, {"time4", "9:00", 4}};

static struct gateway_message message(uint64_t token)
{
    struct gateway_message m = im_message(token, OPENID, "x");

    m.template_code = "TPL-1";
    m.params = params;
    m.param_count = 2;
    return m;
}

static struct gateway *open_with_token(const struct setting_row *rows)
{
    struct gateway *gw = host_open(SO, rows, NULL);
    struct gateway_message m = message(1);

    assert_non_null(gw);
    im_submit(gw, &m);
    im_answer(gw, 0, 200, "{\"access_token\":\"T/1\",\"expires_in\":7200}");
    im_answer(gw, 1, 200, "{\"errcode\":0,\"errmsg\":\"ok\",\"msgid\":200228332}");
    return gw;
}

static void test_a_template_message(void **state)
{
    struct gateway *gw = open_with_token(template_rows);

    (void)state;
    assert_string_equal(gw->requests[0].method, "POST");
    assert_string_equal(gw->requests[0].url, API "/cgi-bin/stable_token");
    im_body_is(gw, 0,
               "{\"grant_type\":\"client_credential\",\"appid\":\"wx0123\","
               "\"secret\":\"s\\\"cret\",\"force_refresh\":false}");
    assert_string_equal(gw->requests[1].url,
                        API "/cgi-bin/message/template/send?access_token=T%2F1");
    /* The id: MD5 of march8/first/17, by md5sum. */
    im_body_is(gw, 1,
               "{\"touser\":\"" OPENID "\",\"template_id\":\"TPL-1\","
               "\"url\":\"https://women.example/fair\","
               "\"client_msg_id\":\"cb667e146cabbfc2642f3b01cc7433ea\","
               "\"data\":{\"thing1\":{\"value\":\"招聘会\\\"\"},"
               "\"time4\":{\"value\":\"9:00\"}}}");
    assert_int_equal(gw->answers[0].outcome, GATEWAY_ACCEPTED);
    assert_int_equal(gw->answers[0].id_count, 1);
    assert_string_equal(gw->answers[0].ids[0], "200228332");
    host_close(gw);
}

static void test_a_subscribe_message(void **state)
{
    struct gateway *gw = open_with_token(subscribe_rows);

    (void)state;
    assert_string_equal(gw->requests[1].url,
                        API "/cgi-bin/message/subscribe/bizsend?access_token=T%2F1");
    im_body_is(gw, 1,
               "{\"touser\":\"" OPENID "\",\"template_id\":\"TPL-1\","
               "\"miniprogram\":{\"appid\":\"wxmini\",\"pagepath\":\"p?a=1\"},"
               "\"data\":{\"thing1\":{\"value\":\"招聘会\\\"\"},"
               "\"time4\":{\"value\":\"9:00\"}}}");
    host_close(gw);
}

static void test_an_id_of_64_bits(void **state)
{
    struct gateway *gw = open_with_token(template_rows);
    struct gateway_message m = message(2);

    (void)state;
    im_submit(gw, &m);
    assert_int_equal(gw->request_count, 3); /* the token is there */
    im_answer(gw, 2, 200, "{\"errcode\":0,\"msgid\":3487542469355618313}");
    assert_string_equal(host_answer(gw, 2)->ids[0], "3487542469355618313");
    im_submit(gw,
              &(struct gateway_message){
                  .token = 3, .to = OPENID, .template_code = "T", .reference = "r", .text = ""});
    im_answer(gw, 3, 200, "{\"errcode\":0,\"msgid\":\"abc\"}");
    assert_string_equal(host_answer(gw, 3)->ids[0], "abc");
    host_close(gw);
}

/* The spec's table, a code a row. */
static const struct im_fact answers[] = {
    {200, "{\"errcode\":-1,\"errmsg\":\"busy rid: 1\"}", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE, 0,
     0},
    {200, "{\"errcode\":45009}", GATEWAY_THROTTLED, GATEWAY_REASON_LIMIT, 0, 0},
    {200, "{\"errcode\":45011}", GATEWAY_THROTTLED, GATEWAY_REASON_LIMIT, 0, 0},
    {200, "{\"errcode\":43117}", GATEWAY_RETRY, GATEWAY_REASON_LIMIT, 0, 0},
    {200, "{\"errcode\":43004}", GATEWAY_REJECTED, GATEWAY_REASON_NUMBER, 0, 0},
    {200, "{\"errcode\":50005}", GATEWAY_REJECTED, GATEWAY_REASON_NUMBER, 0, 0},
    {200, "{\"errcode\":40003}", GATEWAY_REJECTED, GATEWAY_REASON_NUMBER, 0, 0},
    {200, "{\"errcode\":46004}", GATEWAY_REJECTED, GATEWAY_REASON_NUMBER, 0, 0},
    {200, "{\"errcode\":48002}", GATEWAY_REJECTED, GATEWAY_REASON_BLACKLISTED, 0, 0},
    {200, "{\"errcode\":43101}", GATEWAY_REJECTED, GATEWAY_REASON_LIMIT, 0, 0},
    {200, "{\"errcode\":47001}", GATEWAY_REJECTED, GATEWAY_REASON_TEXT, 0, 0},
    {200, "{\"errcode\":47003}", GATEWAY_REJECTED, GATEWAY_REASON_TEXT, 0, 0},
    {200, "{\"errcode\":40036}", GATEWAY_BROKEN, GATEWAY_REASON_TEMPLATE, 0, 0},
    {200, "{\"errcode\":43106}", GATEWAY_BROKEN, GATEWAY_REASON_TEMPLATE, 0, 0},
    {200, "{\"errcode\":40013}", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, 0},
    {200, "{\"errcode\":48001}", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, 0},
    {200, "{\"errcode\":48004}", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, 0},
    {200, "{\"errcode\":48008}", GATEWAY_BROKEN, GATEWAY_REASON_TEMPLATE, 0, 0},
    {200, "{\"errcode\":50001}", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, 0},
    {200, "{\"errcode\":50002}", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, 0},
    {200, "{\"errcode\":40164}", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, 0},
    {200, "{\"errcode\":40125}", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, 0},
    {200, "{\"errcode\":99999}", GATEWAY_RETRY, GATEWAY_REASON_OTHER, 0, 0},
    {502, "<html>", GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE, 0, 0},
    {200, "<html>", GATEWAY_UNKNOWN, GATEWAY_REASON_PROTOCOL, 0, 0},
    {0, "time-out", GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE, GATEWAY_HTTP_AMBIGUOUS, 0},
    {0, "connection refused", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE, GATEWAY_HTTP_UNSENT, 0},
    {0, "self-signed", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, GATEWAY_HTTP_UNSENT, 1},
};

static void test_what_answers_mean(void **state)
{
    struct gateway *gw = open_with_token(template_rows);

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct gateway_message m = message(i + 2);

        im_submit(gw, &m);
        im_fact(gw, &answers[i], gw->request_count - 1);
    }
    assert_non_null(strstr(gw->log, "code.unknown code=99999"));
    assert_int_equal(host_answer(gw, 3)->retry_after_ms, 60000); /* 45009 */
    host_close(gw);
}

static void test_a_strange_template_is_believed_three_times(void **state)
{
    static const enum gateway_outcome expected[] = {GATEWAY_RETRY, GATEWAY_RETRY, GATEWAY_BROKEN};
    struct gateway *gw = open_with_token(template_rows);
    uint64_t token = 2;

    (void)state;
    for (int round = 0; round < 2; round++) {
        struct gateway_message m;

        for (int i = 0; i < 3; i++) {
            m = message(token);
            im_submit(gw, &m);
            im_answer(gw, gw->request_count - 1, 200, "{\"errcode\":40037}");
            assert_int_equal(host_answer(gw, token++)->outcome, expected[i]);
        }
        m = message(token++);
        im_submit(gw, &m);
        im_answer(gw, gw->request_count - 1, 200, "{\"errcode\":0}");
    }
    host_close(gw);
}

static void test_a_refused_token_is_renewed_once(void **state)
{
    struct gateway *gw = open_with_token(template_rows);
    struct gateway_message m = message(2);

    (void)state;
    assert_int_equal(gw->shared[0].puts, 1);
    assert_int_equal(gw->shared[0].ttl_ms, 6900000);
    im_submit(gw, &m);
    im_answer(gw, 2, 200, "{\"errcode\":42001,\"errmsg\":\"access_token expired\"}");
    assert_string_equal(gw->requests[3].url, API "/cgi-bin/stable_token");
    im_answer(gw, 3, 200, "{\"access_token\":\"T2\",\"expires_in\":7200}");
    assert_string_equal(gw->requests[4].url, API "/cgi-bin/message/template/send?access_token=T2");
    assert_string_equal(gw->requests[4].body, gw->requests[2].body);
    assert_null(host_answer(gw, 2));
    im_answer(gw, 4, 200, "{\"errcode\":40001,\"errmsg\":\"invalid credential\"}");
    assert_int_equal(host_answer(gw, 2)->outcome, GATEWAY_BROKEN);
    assert_int_equal(host_answer(gw, 2)->reason, GATEWAY_REASON_CREDENTIALS);
    assert_string_equal(host_answer(gw, 2)->words, "invalid credential");
    assert_int_equal(gw->request_count, 5);
    host_close(gw);
}

static void test_without_a_token_nothing_has_left(void **state)
{
    static const struct im_fact facts[] = {
        {200, "{\"errcode\":40125,\"errmsg\":\"invalid appsecret\"}", GATEWAY_BROKEN,
         GATEWAY_REASON_CREDENTIALS, 0, 0},
        {200, "{\"errcode\":-1}", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE, 0, 0},
        {200, "{\"errcode\":45009}", GATEWAY_THROTTLED, GATEWAY_REASON_LIMIT, 0, 0},
        {0, "time-out", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE, GATEWAY_HTTP_AMBIGUOUS, 0},
        {500, "", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE, 0, 0},
    };
    struct gateway *gw = host_open(SO, template_rows, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        struct gateway_message m = message(i + 1);

        im_submit(gw, &m);
        im_fact(gw, &facts[i], gw->request_count - 1);
    }
    host_close(gw);
}

static void test_what_is_not_sent_at_all(void **state)
{
    struct gateway *gw = open_with_token(template_rows);
    struct gateway_message m = message(2);

    (void)state;
    m.template_code = NULL;
    im_submit(gw, &m);
    assert_int_equal(host_answer(gw, 2)->outcome, GATEWAY_REJECTED);
    assert_int_equal(host_answer(gw, 2)->reason, GATEWAY_REASON_TEMPLATE);
    m = message(3);
    m.to = "+8613800138000";
    im_submit(gw, &m);
    assert_int_equal(host_answer(gw, 3)->reason, GATEWAY_REASON_NUMBER);
    m = message(4);
    m.submit_by_ms = gw->now_ms - 1;
    im_submit(gw, &m);
    assert_int_equal(host_answer(gw, 4)->outcome, GATEWAY_UNSENT);
    assert_int_equal(gw->request_count, 2);
    host_close(gw);
}

static void test_settings(void **state)
{
    static const struct {
        struct setting_row rows[5];
        const char *error;
    } facts[] = {
        {{{"appid", "a"}, {"secret", "s"}, {"kind", "sms"}, {0}},
         "kind: must be template or subscribe"},
        {{{"appid", "a"}, {"secret", "s"}, {"api", "ftp://x.example"}, {0}},
         "api: must begin with https:// or http://"},
        {{{"appid", "a"}, {"secret", "s"}, {"page", "p"}, {0}},
         "url, page: url is of a template message, page of a subscribe message"},
        {{{"appid", "a"}, {"secret", "s"}, {"miniprogram_page", "p"}, {0}},
         "miniprogram_page: needs miniprogram_appid"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        char error[512] = "";

        assert_null(host_open(SO, facts[i].rows, error));
        assert_string_equal(error, facts[i].error);
    }
}

/* ------------------------------------------------------------------ pushes */

struct kept_push {
    int answers, status;
    char body[100];
};

static void on_answered(void *arg, int status, const char *body)
{
    struct kept_push *kept = arg;

    kept->answers++;
    kept->status = status;
    snprintf(kept->body, sizeof kept->body, "%s", body);
}

/* A signed query, of `token` and as many seconds ago. */
static void sign(char *query, size_t size, const char *token, int64_t age_s)
{
    char timestamp[24], signature[41];

    snprintf(timestamp, sizeof timestamp, "%lld", (long long)(host_wall_ms() / 1000 - age_s));
    wechat_sign(token, timestamp, "n0nce", signature);
    snprintf(query, size, "signature=%s&timestamp=%s&nonce=n0nce", signature, timestamp);
}

static struct kept_push push_with(struct gateway *gw, const char *method, const char *query,
                                  const char *body)
{
    static struct kept_push kept; /* what is stored later is answered later */
    struct gateway_push push = {.method = method,
                                .path = "",
                                .query = query,
                                .body = body,
                                .length = strlen(body),
                                .peer = "127.0.0.1"};

    kept = (struct kept_push){0};
    gw->plugin->callback(gw->state, &push, on_answered, &kept);
    return kept;
}

static struct kept_push push(struct gateway *gw, const char *body)
{
    char query[200];

    sign(query, sizeof query, "test", 0);
    return push_with(gw, "POST", query, body);
}

#define EVENT(name, rest)                                                                          \
    "<xml><ToUserName><![CDATA[gh_7f08]]></ToUserName><FromUserName><![CDATA[" OPENID              \
    "]]></FromUserName><CreateTime>1395658920</CreateTime><MsgType><![CDATA[event]]></MsgType>"    \
    "<Event><![CDATA[" name "]]></Event>" rest "</xml>"
#define TEMPLATE(status)                                                                           \
    EVENT("TEMPLATESENDJOBFINISH",                                                                 \
          "<MsgID>200163836</MsgID><Status><![CDATA[" status "]]></Status>")

static void test_template_events(void **state)
{
    static const struct {
        const char *body;
        enum gateway_receipt_state state;
        const char *code;
    } facts[] = {
        {TEMPLATE("success"), GATEWAY_DELIVERED, "success"},
        {TEMPLATE("failed:user block"), GATEWAY_UNDELIVERED, "failed:userblock"},
        {TEMPLATE("failed: system failed"), GATEWAY_UNDELIVERED, "failed:systemfailed"},
        {TEMPLATE("failed:system failed"), GATEWAY_UNDELIVERED, "failed:systemfailed"},
        {TEMPLATE("failed: something new"), GATEWAY_UNDELIVERED, "failed:somethingnew"},
    };
    struct gateway *gw = host_open(SO, template_rows, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        struct kept_push kept = push(gw, facts[i].body);

        assert_int_equal(kept.status, 200);
        assert_string_equal(kept.body, "success");
        assert_int_equal(gw->receipt_count, i + 1);
        assert_string_equal(gw->receipts[i].id, "200163836");
        assert_int_equal(gw->receipts[i].state, facts[i].state);
        assert_string_equal(gw->receipts[i].code, facts[i].code);
    }
    host_close(gw);
}

#define ITEM(id, code, status)                                                                     \
    "<List><TemplateId><![CDATA[VRR0]]></TemplateId><MsgID>" id "</MsgID><ErrorCode>" code         \
    "</ErrorCode><ErrorStatus><![CDATA[" status "]]></ErrorStatus></List>"

static void test_sent_events(void **state)
{
    struct gateway *gw = host_open(SO, template_rows, NULL);

    (void)state;
    assert_int_equal(
        push(gw, EVENT("subscribe_msg_sent_event",
                       "<SubscribeMsgSentEvent>" ITEM("1864323726461255680", "0", "success")
                           ITEM("2", "43101", "refuse") "</SubscribeMsgSentEvent>"))
            .status,
        200);
    assert_int_equal(gw->receipt_count, 2);
    assert_string_equal(gw->receipts[0].id, "1864323726461255680");
    assert_int_equal(gw->receipts[0].state, GATEWAY_DELIVERED);
    assert_string_equal(gw->receipts[1].id, "2");
    assert_int_equal(gw->receipts[1].state, GATEWAY_UNDELIVERED);
    assert_string_equal(gw->receipts[1].code, "43101");
    /* Of a popup nothing is to be kept. */
    assert_int_equal(push(gw, EVENT("subscribe_msg_popup_event",
                                    "<SubscribeMsgPopupEvent><List><TemplateId>V</TemplateId>"
                                    "<SubscribeStatusString>accept</SubscribeStatusString>"
                                    "<PopupScene>2</PopupScene></List></SubscribeMsgPopupEvent>"))
                         .status,
                     200);
    assert_int_equal(gw->receipt_count, 2);
    host_close(gw);
}

#define WRITTEN                                                                                    \
    "<xml><ToUserName>gh_7f08</ToUserName><FromUserName>" OPENID "</FromUserName>"                 \
    "<CreateTime>1348831860</CreateTime><MsgType>text</MsgType>"                                   \
    "<Content><![CDATA[退订 & <b>]]></Content><MsgId>1234567890123456</MsgId></xml>"

static void test_replies(void **state)
{
    struct gateway *gw = host_open(SO, template_rows, NULL);

    (void)state;
    assert_int_equal(push(gw, WRITTEN).status, 200);
    assert_string_equal(gw->replies[0].from, OPENID);
    assert_string_equal(gw->replies[0].to, "gh_7f08");
    assert_string_equal(gw->replies[0].text, "退订 & <b>");
    assert_string_equal(gw->replies[0].id, "1234567890123456");
    gw->store = STORE_FAILS;
    assert_int_equal(push(gw, WRITTEN).status, 503); /* so that it comes again */
    gw->store = STORE_LATER;
    assert_int_equal(push(gw, WRITTEN).answers, 0);
    host_close(gw); /* and what is still on its way is freed */
}

static void test_strangers_are_refused(void **state)
{
    struct gateway *gw = host_open(SO, template_rows, NULL);
    char query[300];

    (void)state;
    assert_int_equal(push_with(gw, "POST", "", WRITTEN).status, 403);
    assert_int_equal(push_with(gw, "POST", NULL, WRITTEN).status, 403);
    sign(query, sizeof query, "another", 0);
    assert_int_equal(push_with(gw, "POST", query, WRITTEN).status, 403);
    sign(query, sizeof query, "test", 601);
    assert_int_equal(push_with(gw, "POST", query, WRITTEN).status, 403);
    sign(query, sizeof query, "test", -601);
    assert_int_equal(push_with(gw, "POST", query, WRITTEN).status, 403);
    sign(query, sizeof query, "test", 0);
    query[strlen("signature=")] ^= 1;
    assert_int_equal(push_with(gw, "POST", query, WRITTEN).status, 403);
    assert_int_equal(gw->reply_count, 0);
    assert_int_equal(push(gw, "<xml><Encrypt>abc</Encrypt></xml>").status, 400);
    assert_non_null(strstr(gw->log, "choose plain text mode"));
    assert_int_equal(push(gw, "{}").status, 400);
    assert_int_equal(push(gw, "<xml><CreateTime>99999999999999999999</CreateTime></xml>").status,
                     400);
    host_close(gw);
}

static void test_the_server_check(void **state)
{
    struct gateway *gw = host_open(SO, template_rows, NULL);
    struct kept_push kept;
    char query[300];

    (void)state;
    sign(query, sizeof query, "test", 0);
    strcat(query, "&echostr=59%2b61");
    kept = push_with(gw, "GET", query, "");
    assert_int_equal(kept.status, 200);
    assert_string_equal(kept.body, "59+61");
    host_close(gw);
}

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_signature),
        cmocka_unit_test(test_a_template_message),
        cmocka_unit_test(test_a_subscribe_message),
        cmocka_unit_test(test_an_id_of_64_bits),
        cmocka_unit_test(test_what_answers_mean),
        cmocka_unit_test(test_a_strange_template_is_believed_three_times),
        cmocka_unit_test(test_a_refused_token_is_renewed_once),
        cmocka_unit_test(test_without_a_token_nothing_has_left),
        cmocka_unit_test(test_what_is_not_sent_at_all),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_template_events),
        cmocka_unit_test(test_sent_events),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_strangers_are_refused),
        cmocka_unit_test(test_the_server_check),
    };
    static struct CMUnitTest tests[64];
    size_t n = 0, i;

    for (i = 0; i < sizeof xml_facts / sizeof *xml_facts; i++)
        tests[n++] = (struct CMUnitTest){xml_facts[i].name, test_xml, NULL, NULL,
                                         (void *)(uintptr_t)&xml_facts[i]};
    memcpy(tests + n, others, sizeof others);
    n += sizeof others / sizeof *others;
    return _cmocka_run_group_tests("wechat", tests, n, NULL, NULL);
}
