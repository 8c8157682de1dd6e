/* WeCom: the callbacks' vectors of its own sample and libraries, requests, and what answers
 * mean. */
#include "im_host.h"
#include "wecom_crypt.h"
#include "wecom_push.h"
#include "wecom_xml.h"

#define SO BUILD_DIR "/plugins/wecom.so"

/* ------------------------------------------------------------------ callbacks */

#define TOKEN "QDG6eK"
#define KEY "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
#define CORPID "wx5823bf96d3bd56c7"
#define ECHO                                                                                       \
    "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+"                               \
    "4RPcs8TgAE7OaBO+FZXvnaqQ=="
#define MESSAGE                                                                                    \
    "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/"                         \
    "0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/"                                                          \
    "sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+"                                        \
    "6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHz"                                                     \
    "M6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+"     \
    "BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+"                               \
    "rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/"                                                        \
    "uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/"                                                       \
    "T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q=="

static const struct {
    const char *token, *timestamp, *nonce, *encrypted, *signature;
} signatures[] = {
    {TOKEN, "1409659589", "263014780", ECHO, "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3"},
    {TOKEN, "1409659813", "1372623149", MESSAGE, "477715d11cdb4164915debcba66cb864d751f3e6"},
    {"123456", "1411443780", "437374425",
     "4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOchLF6p+Q==",
     "dd6b9c95b495b3f7e2901bfbc76c664930ffdb96"},
};

static void test_signatures(void **state)
{
    char out[2 * SHA1_BYTES + 1];

    (void)state;
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        wecom_sign(signatures[i].token, signatures[i].timestamp, signatures[i].nonce,
                   signatures[i].encrypted, out);
        assert_string_equal(out, signatures[i].signature);
    }
}

static void test_decrypt(void **state)
{
    static const struct {
        const char *key, *id, *encrypted, *plain;
    } rows[] = {
        {KEY, CORPID, ECHO, "1616140317555161061"},
        {"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "wxb11529c136998cb6",
         "jn1L23DB+6ELqJ+6bruv21Y6MD7KeIfP82D6gU39rmkgczbWwt5+3bnyg5K55bgVtVzd832WzZGMhkP72vVOfg==",
         "我是中文abcd123"},
    };
    uint8_t key[WECOM_KEY_BYTES];
    struct text out = {0};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        out.length = 0;
        assert_int_equal(wecom_key(rows[i].key, key), 0);
        assert_int_equal(
            wecom_decrypt(key, rows[i].id, rows[i].encrypted, strlen(rows[i].encrypted), &out), 0);
        assert_string_equal(out.bytes, rows[i].plain);
        assert_int_equal(wecom_decrypt(key, "ww-another-company", rows[i].encrypted,
                                       strlen(rows[i].encrypted), &out),
                         -1);
    }
    assert_int_equal(wecom_decrypt(key, CORPID, ECHO, strlen(ECHO), &out), -1); /* another key */
    assert_int_equal(wecom_key("short", key), -1);
    assert_int_equal(wecom_key("????????????????????????????????????????????", key), -1);
    text_free(&out);
}

/* Every way to cut or change one byte of it. */
static void test_decrypt_survives_anything(void **state)
{
    size_t n = strlen(MESSAGE);
    uint8_t key[WECOM_KEY_BYTES];
    struct text out = {0};

    (void)state;
    assert_int_equal(wecom_key(KEY, key), 0);
    for (size_t i = 0; i < n; i++) {
        char *bytes = malloc(n);

        memcpy(bytes, MESSAGE, n);
        assert_int_equal(wecom_decrypt(key, CORPID, bytes, i, &out), -1);
        bytes[i] = bytes[i] == 'A' ? 'B' : '\xff';
        wecom_decrypt(key, CORPID, bytes, n, &out);
        free(bytes);
    }
    text_free(&out);
}

static void test_xml(void **state)
{
    static const struct {
        const char *xml, *name, *text; /* NULL: not there */
    } rows[] = {
        {"<xml><A>1</A><B>2</B></xml>", "B", "2"},
        {"<xml>\n <A><![CDATA[a<b>&amp;]]></A></xml>", "A", "a<b>&amp;"},
        {"<xml><A>&lt;&gt;&amp;&quot;&apos;&#22919;&#x5987;</A></xml>", "A", "<>&\"'妇妇"},
        {"<xml><A></A></xml>", "A", ""},
        {"<xml><A>1</A></xml>", "C", NULL},
        {"<xml><O><A>inner</A></O><A>outer</A></xml>", "A", "outer"},
        {"<xml><A><![CDATA[<B>2</B>]]></A></xml>", "B", NULL}, /* who writes it is no element */
        {"<xml><A>&unknown;</A></xml>", "A", NULL},
        {"<xml><A>1", "A", NULL},
        {"<!DOCTYPE x><xml><A>1</A></xml>", "A", NULL},
        {"", "A", NULL},
    };
    struct text out = {0};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].xml);
        char *xml = malloc(n > 0 ? n : 1); /* without a NUL */
        int rc;

        memcpy(xml, rows[i].xml, n);
        rc = wecom_xml_find(xml, n, rows[i].name, &out);
        if ((rc == 0) != (rows[i].text != NULL))
            fail_msg("%s: %d", rows[i].xml, rc);
        if (rc == 0)
            assert_string_equal(out.bytes, rows[i].text);
        free(xml);
    }
    text_free(&out);
}

/* ------------------------------------------------------------------ as a plugin */

static const struct setting_row robot[] = {{"key", "693a91f6-7xxx"}, {0}};
static const struct setting_row application[] = {{"corpid", CORPID},     {"secret", "s3 cret"},
                                                 {"agentid", "1000002"}, {"push_token", TOKEN},
                                                 {"push_key", KEY},      {0}};

static int pushed_status;
static char pushed_body[100];

static void on_pushed(void *arg, int status, const char *body)
{
    (void)arg;
    pushed_status = status;
    snprintf(pushed_body, sizeof pushed_body, "%s", body);
}

static void push(struct gateway *gw, const char *method, const char *query, const char *body)
{
    struct gateway_push p = {
        .method = method, .path = "", .query = query, .body = body, .length = strlen(body)};

    pushed_status = 0;
    gw->plugin->callback(gw->state, &p, on_pushed, NULL);
}

#define CHECK                                                                                      \
    "msg_signature=5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3&timestamp=1409659589&nonce=263014780&" \
    "echostr=P9nAzCzyDtyTWESHep1vC5X9xho%2FqYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp%2B4RPcs8TgAE7OaBO%"   \
    "2BFZXvnaqQ%3D%3D"
#define WRITES "msg_signature=477715d11cdb4164915debcba66cb864d751f3e6&timestamp=1409659813&nonce="
#define WRITTEN                                                                                    \
    "<xml><ToUserName><![CDATA[wx5823bf96d3bd56c7]]></ToUserName><Encrypt><![CDATA[" MESSAGE       \
    "]]></Encrypt><AgentID><![CDATA[218]]></AgentID></xml>"

static void test_pushes(void **state)
{
    struct gateway *gw = host_open(SO, application, NULL);

    (void)state;
    assert_non_null(gw);
    assert_int_equal(gw->plugin->instance_capabilities(gw->state), GATEWAY_CHECKS_PUSHES);
    push(gw, "GET", CHECK, "");
    assert_int_equal(pushed_status, 403); /* the sample is of 2014 */
    gw->now_ms = INT64_C(1409659813000) - HOST_EPOCH_MS;
    push(gw, "GET", CHECK, "");
    assert_int_equal(pushed_status, 200);
    assert_string_equal(pushed_body, "1616140317555161061");
    push(gw, "POST", WRITES "1372623149", WRITTEN);
    assert_int_equal(pushed_status, 200);
    assert_int_equal(gw->reply_count, 1);
    assert_string_equal(gw->replies[0].from, "mycreate");
    assert_string_equal(gw->replies[0].text, "hello");
    assert_string_equal(gw->replies[0].id, "4561255354251345929");
    gw->store = STORE_FAILS;
    push(gw, "POST", WRITES "1372623149", WRITTEN);
    assert_int_equal(pushed_status, 503);
    push(gw, "POST", WRITES "1372623148", WRITTEN);
    assert_int_equal(pushed_status, 403);
    gw->store = STORE_LATER; /* and never: the gateway closes before, the answer is the host's */
    push(gw, "POST", WRITES "1372623149", WRITTEN);
    assert_int_equal(pushed_status, 0);
    push(gw, "POST", "", WRITTEN);
    assert_int_equal(pushed_status, 403);
    push(gw, "POST", WRITES "1372623149", "<xml>");
    assert_int_equal(pushed_status, 400);
    host_close(gw);
}

static void test_robot(void **state)
{
    static const struct setting_row mentioning[] = {{"key", "k"},
                                                    {"mention.0", "zhangsan"},
                                                    {"mention.1", "@all"},
                                                    {"mention_mobile.0", "13800001111"},
                                                    {0}};
    struct gateway_message m = im_message(1, "", "明天9:00，\"区妇联\"\n");
    struct gateway *gw = host_open(SO, robot, NULL);

    (void)state;
    assert_non_null(gw);
    assert_int_equal(gw->plugin->instance_capabilities(gw->state), GATEWAY_GROUP_ONLY);
    m.submit_by_ms = 42;
    im_submit(gw, &m);
    assert_string_equal(gw->requests[0].method, "POST");
    assert_string_equal(gw->requests[0].url,
                        "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7xxx");
    assert_string_equal(gw->requests[0].headers, "Content-Type: application/json\n");
    assert_int_equal(gw->requests[0].send_by_ms, 42);
    im_body_is(gw, 0,
               "{\"msgtype\":\"text\",\"text\":{\"content\":\"明天9:00，\\\"区妇联\\\"\\n\"}}");
    im_answer(gw, 0, 200, "{\"errcode\":0,\"errmsg\":\"ok\"}");
    assert_int_equal(host_answer(gw, 1)->outcome, GATEWAY_ACCEPTED);
    host_close(gw);
    gw = host_open(SO, mentioning, NULL);
    im_submit(gw, &m);
    im_body_is(gw, 0,
               "{\"msgtype\":\"text\",\"text\":{\"content\":\"明天9:00，\\\"区妇联\\\"\\n\","
               "\"mentioned_list\":[\"zhangsan\",\"@all\"],"
               "\"mentioned_mobile_list\":[\"13800001111\"]}}");
    host_close(gw);
}

#define TOKEN_ANSWER                                                                               \
    "{\"errcode\":0,\"errmsg\":\"ok\",\"access_token\":\"accesstoken000001\",\"expires_in\":7200}"
#define NEW_TOKEN_ANSWER                                                                           \
    "{\"errcode\":0,\"errmsg\":\"ok\",\"access_token\":\"accesstoken000002\",\"expires_in\":7200}"

static void test_application(void **state)
{
    struct gateway_message m = im_message(1, "zhangsan", "您好");
    struct gateway *gw = host_open(SO, application, NULL);

    (void)state;
    im_submit(gw, &m);
    assert_string_equal(gw->requests[0].method, "GET");
    assert_string_equal(gw->requests[0].url, "https://qyapi.weixin.qq.com/cgi-bin/gettoken?corpid="
                                             "wx5823bf96d3bd56c7&corpsecret=s3%20cret");
    im_answer(gw, 0, 200, TOKEN_ANSWER);
    assert_int_equal(gw->shared[0].ttl_ms, (7200 - 300) * 1000);
    assert_string_equal(
        gw->requests[1].url,
        "https://qyapi.weixin.qq.com/cgi-bin/message/send?access_token=accesstoken000001");
    im_body_is(gw, 1,
               "{\"touser\":\"zhangsan\",\"msgtype\":\"text\",\"agentid\":1000002,\"text\":{"
               "\"content\":\"您好\"},\"safe\":0,\"enable_duplicate_check\":1,"
               "\"duplicate_check_interval\":1800}");
    im_answer(gw, 1, 200, "{\"errcode\":0,\"errmsg\":\"ok\",\"invaliduser\":\"\",\"msgid\":\"x\"}");
    assert_int_equal(host_answer(gw, 1)->outcome, GATEWAY_ACCEPTED);
    /* A repeat has the same bytes, so that their duplicate check drops it. */
    m.token = 2;
    m.attempt = 2;
    gw->now_ms += 90000;
    im_submit(gw, &m);
    assert_int_equal(gw->request_count, 3); /* the token is there */
    assert_string_equal(gw->requests[2].body, gw->requests[1].body);
    im_answer(gw, 2, 200, "{\"errcode\":0,\"invaliduser\":\"lisi|ZhangSan\"}");
    assert_int_equal(host_answer(gw, 2)->outcome, GATEWAY_REJECTED);
    assert_int_equal(host_answer(gw, 2)->reason, GATEWAY_REASON_NUMBER);
    host_close(gw);
}

static void test_token_is_refused(void **state)
{
    struct gateway_message m = im_message(1, "zhangsan", "您好");
    struct gateway *gw = host_open(SO, application, NULL);

    (void)state;
    im_submit(gw, &m);
    im_answer(gw, 0, 200, TOKEN_ANSWER);
    im_answer(gw, 1, 200, "{\"errcode\":42001,\"errmsg\":\"access_token expired\"}");
    assert_int_equal(gw->answer_count, 0);
    assert_int_equal(gw->request_count, 3); /* a new token ... */
    im_answer(gw, 2, 200, NEW_TOKEN_ANSWER);
    assert_string_equal(
        gw->requests[3].url,
        "https://qyapi.weixin.qq.com/cgi-bin/message/send?access_token=accesstoken000002");
    im_answer(gw, 3, 200, "{\"errcode\":42001,\"errmsg\":\"access_token expired\"}");
    assert_int_equal(gw->request_count, 4); /* ... once */
    assert_int_equal(host_answer(gw, 1)->outcome, GATEWAY_BROKEN);
    assert_int_equal(host_answer(gw, 1)->reason, GATEWAY_REASON_CREDENTIALS);
    host_close(gw);
}

/* An application that has its token. */
static struct gateway *open_application(const struct setting_row *rows)
{
    struct gateway_message m = im_message(9999, "first", "您好");
    struct gateway *gw = host_open(SO, rows, NULL);

    assert_non_null(gw);
    im_submit(gw, &m);
    im_answer(gw, 0, 200, TOKEN_ANSWER);
    im_answer(gw, 1, 200, "{\"errcode\":0}");
    return gw;
}

#define OF_OPEN 2 /* requests before the test's first */

static void submit_all(struct gateway *gw, const struct gateway_message *m, size_t n)
{
    const struct gateway_message **list = calloc(n, sizeof *list);

    for (size_t i = 0; i < n; i++)
        list[i] = &m[i];
    gw->plugin->submit(gw->state, list, n);
    free(list);
}

static void goes_to(struct gateway *gw, size_t request, const char *users)
{
    json_t *body = im_body(gw, OF_OPEN + request);

    assert_string_equal(json_string_value(json_object_get(body, "touser")), users);
    json_decref(body);
}

/* specs: the answer of B.2 */
#define LEFT_OUT                                                                                   \
    "{\"errcode\":0,\"errmsg\":\"ok\",\"invaliduser\":\"userid1|userid2\",\"invalidparty\":\"\","  \
    "\"invalidtag\":\"\",\"unlicenseduser\":\"userid3\",\"msgid\":\"xxxx\",\"response_code\":"     \
    "\"xyz\"}"

static void test_one_text_is_one_request(void **state)
{
    struct gateway_message m[] = {
        im_message(1, "UserID1", "开会"),  im_message(2, "lisi", "别的"),
        im_message(3, "userid2", "开会"),  im_message(4, "a|b", "开会"),
        im_message(5, "userid3", "开会"),  im_message(6, "zhangsan", "开会"),
        im_message(7, "ZhangSan", "开会"), /* the same member: told once in a request */
    };
    struct gateway *gw = open_application(application);

    (void)state;
    assert_int_equal(gw->plugin->batch_max, 1000); /* specs: B.2 */
    m[2].submit_by_ms = gw->now_ms + 2000;
    m[4].submit_by_ms = gw->now_ms + 1000;
    submit_all(gw, m, 7);
    assert_int_equal(host_answer(gw, 4)->reason, GATEWAY_REASON_NUMBER);
    assert_int_equal(gw->request_count, OF_OPEN + 3);
    im_body_is(gw, OF_OPEN,
               "{\"touser\":\"UserID1|userid2|userid3|zhangsan\",\"msgtype\":\"text\",\"agentid\":"
               "1000002,\"text\":{\"content\":\"开会\"},\"safe\":0,\"enable_duplicate_check\":1,"
               "\"duplicate_check_interval\":1800}");
    assert_int_equal(gw->requests[OF_OPEN].send_by_ms, gw->now_ms + 1000); /* the first is stale */
    goes_to(gw, 1, "lisi");
    goes_to(gw, 2, "ZhangSan");
    im_answer(gw, OF_OPEN, 200, LEFT_OUT);
    assert_string_equal(host_answer(gw, 1)->code, "invaliduser"); /* they answer in lower case */
    assert_int_equal(host_answer(gw, 1)->outcome, GATEWAY_REJECTED);
    assert_int_equal(host_answer(gw, 3)->outcome, GATEWAY_REJECTED);
    assert_string_equal(host_answer(gw, 5)->code, "unlicenseduser");
    assert_int_equal(host_answer(gw, 5)->outcome, GATEWAY_REJECTED);
    assert_int_equal(host_answer(gw, 6)->outcome, GATEWAY_ACCEPTED);
    assert_int_equal(host_answer(gw, 6)->id_count, 0); /* msgid is no receipt's */
    host_close(gw);
}

static void test_batch_has_a_limit(void **state)
{
    static const struct {
        const char *batch;
        size_t requests; /* for 1001 members */
    } rows[] = {{"1", 1001}, {"100", 11}, {"1000", 2}};
    static struct gateway_message m[1001];
    static char users[1001][8];

    (void)state;
    for (size_t i = 0; i < 1001; i++) {
        snprintf(users[i], sizeof users[i], "u%zu", i);
        m[i] = im_message(i + 1, users[i], "开会");
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct setting_row with[] = {
            application[0], application[1], application[2], {"batch", rows[i].batch}, {0}};
        struct gateway *gw = open_application(with);

        submit_all(gw, m, 1001);
        assert_int_equal(gw->request_count, OF_OPEN + rows[i].requests);
        goes_to(gw, rows[i].requests - 1, "u1000");
        host_close(gw);
    }
}

static void test_batch_refused_as_a_whole(void **state)
{
    struct gateway_message m[] = {im_message(1, "good", "开会"), im_message(2, "bad", "开会"),
                                  im_message(3, "other", "开会")};
    struct gateway *gw = open_application(application);

    (void)state;
    submit_all(gw, m, 2); /* for one of them, perhaps: each alone */
    im_answer(gw, OF_OPEN, 200, "{\"errcode\":60111,\"errmsg\":\"userid not found\"}");
    assert_int_equal(gw->answer_count, 1); /* of open_application() */
    goes_to(gw, 1, "good");
    goes_to(gw, 2, "bad");
    im_answer(gw, OF_OPEN + 1, 200, "{\"errcode\":0}");
    im_answer(gw, OF_OPEN + 2, 200, "{\"errcode\":60111,\"errmsg\":\"userid not found\"}");
    assert_int_equal(host_answer(gw, 1)->outcome, GATEWAY_ACCEPTED);
    assert_int_equal(host_answer(gw, 2)->outcome, GATEWAY_REJECTED);
    assert_int_equal(gw->request_count, OF_OPEN + 3);

    m[0].token = 4, m[1].token = 5; /* for all of them: specs, B.4 */
    submit_all(gw, m, 2);
    im_answer(gw, OF_OPEN + 3, 200, "{\"errcode\":81013,\"errmsg\":\"all invalid\"}");
    assert_int_equal(host_answer(gw, 4)->reason, GATEWAY_REASON_NUMBER);
    assert_int_equal(host_answer(gw, 5)->reason, GATEWAY_REASON_NUMBER);
    assert_int_equal(gw->request_count, OF_OPEN + 4);

    m[1].token = 6, m[1].submit_by_ms = gw->now_ms + 10; /* none leaves after its time */
    submit_all(gw, m + 1, 2);
    gw->now_ms += 11;
    im_answer(gw, OF_OPEN + 4, 200, "{\"errcode\":60111,\"errmsg\":\"userid not found\"}");
    assert_int_equal(host_answer(gw, 6)->outcome, GATEWAY_UNSENT);
    goes_to(gw, 5, "other");
    host_close(gw);
}

static void test_batch_with_a_refused_token(void **state)
{
    struct gateway_message m[] = {im_message(1, "a", "开会"), im_message(2, "b", "开会")};
    struct gateway *gw = open_application(application);

    (void)state;
    submit_all(gw, m, 2);
    im_answer(gw, OF_OPEN, 200, "{\"errcode\":42001,\"errmsg\":\"access_token expired\"}");
    im_answer(gw, OF_OPEN + 1, 200, NEW_TOKEN_ANSWER);
    assert_string_equal(gw->requests[OF_OPEN + 2].body, gw->requests[OF_OPEN].body);
    im_answer(gw, OF_OPEN + 2, 200, "{\"errcode\":0}");
    assert_int_equal(host_answer(gw, 1)->outcome, GATEWAY_ACCEPTED);
    assert_int_equal(host_answer(gw, 2)->outcome, GATEWAY_ACCEPTED);
    host_close(gw);
}

/* The doubt of a batch is that of all in it. What went alone is known as a repeat by its bytes,
 * in whatever company it comes again. */
static void test_lost_answers(void **state)
{
    static const struct im_fact lost = {
        0, "timed out", GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE, GATEWAY_HTTP_AMBIGUOUS, false};
    struct gateway_message m[] = {im_message(1, "a", "开会"), im_message(2, "b", "开会"),
                                  im_message(3, "alone", "开会")};
    struct gateway *gw = open_application(application);

    (void)state;
    m[0].attempt = m[1].attempt = m[2].attempt = 1;
    submit_all(gw, m, 2);
    submit_all(gw, m + 2, 1);
    im_fact(gw, &lost, OF_OPEN);
    im_fact(gw, &lost, OF_OPEN + 1);
    for (uint64_t token = 1; token <= 3; token++)
        assert_int_equal(host_answer(gw, token)->outcome, GATEWAY_UNKNOWN);
    for (size_t i = 0; i < 3; i++) {
        m[i].token += 10;
        m[i].attempt = i == 1 ? 1 : 2;
    }
    m[1].to = "new";
    submit_all(gw, m, 3);
    assert_int_equal(gw->request_count, OF_OPEN + 5);
    goes_to(gw, 2, "a");
    goes_to(gw, 3, "new");
    assert_string_equal(gw->requests[OF_OPEN + 4].body, gw->requests[OF_OPEN + 1].body);
    host_close(gw);
}

static void test_no_token(void **state)
{
    static const struct im_fact facts[] = {
        {200, "{\"errcode\":40001,\"errmsg\":\"invalid credential s3 cret\"}", GATEWAY_BROKEN,
         GATEWAY_REASON_CREDENTIALS, 0, false},
        {200, "{\"errcode\":40013,\"errmsg\":\"invalid corpid\"}", GATEWAY_BROKEN,
         GATEWAY_REASON_CREDENTIALS, 0, false},
        {200, "{\"errcode\":-1,\"errmsg\":\"system busy\"}", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE,
         0, false},
        {200, "{\"errcode\":45009}", GATEWAY_THROTTLED, GATEWAY_REASON_LIMIT, 0, false},
        {502, "<html>", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE, 0, false},
        {0, "timed out", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE, GATEWAY_HTTP_AMBIGUOUS, false},
        {0, "certificate", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, GATEWAY_HTTP_UNSENT, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        struct gateway_message m = im_message(1, "zhangsan", "您好");
        struct gateway *gw = host_open(SO, application, NULL);

        im_submit(gw, &m);
        im_fact(gw, &facts[i], 0);
        assert_int_equal(gw->request_count, 1);
        assert_null(strstr(gw->answers[0].words, "s3 cret"));
        host_close(gw);
    }
}

/* specs: the classes of A and B.4 */
#define CODE(n) 200, "{\"errcode\":" #n ",\"errmsg\":\"e\"}"
static const struct im_fact facts[] = {
    {CODE(45009), GATEWAY_THROTTLED, GATEWAY_REASON_LIMIT, 0, false},
    {CODE(45033), GATEWAY_THROTTLED, GATEWAY_REASON_LIMIT, 0, false},
    {CODE(-1), GATEWAY_RETRY, GATEWAY_REASON_OUTAGE, 0, false},
    {CODE(44004), GATEWAY_REJECTED, GATEWAY_REASON_TEXT, 0, false},
    {CODE(45002), GATEWAY_REJECTED, GATEWAY_REASON_TEXT, 0, false},
    {CODE(40008), GATEWAY_REJECTED, GATEWAY_REASON_TEXT, 0, false},
    {CODE(40058), GATEWAY_REJECTED, GATEWAY_REASON_TEXT, 0, false},
    {CODE(93000), GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, false},
    {CODE(81013), GATEWAY_REJECTED, GATEWAY_REASON_NUMBER, 0, false},
    {CODE(82001), GATEWAY_REJECTED, GATEWAY_REASON_NUMBER, 0, false},
    {CODE(40003), GATEWAY_REJECTED, GATEWAY_REASON_NUMBER, 0, false},
    {CODE(60111), GATEWAY_REJECTED, GATEWAY_REASON_NUMBER, 0, false},
    {CODE(50002), GATEWAY_REJECTED, GATEWAY_REASON_NUMBER, 0, false},
    {CODE(43004), GATEWAY_REJECTED, GATEWAY_REASON_NUMBER, 0, false},
    {CODE(40001), GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, false},
    {CODE(40013), GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, false},
    {CODE(40056), GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, false},
    {CODE(41011), GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, false},
    {CODE(48002), GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, false},
    {CODE(48004), GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, false},
    {CODE(60011), GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, false},
    {CODE(60020), GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, false},
    {CODE(50003), GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, 0, false},
    {200, "{\"errcode\":\"0\",\"errmsg\":\"ok\"}", GATEWAY_ACCEPTED, GATEWAY_REASON_NONE, 0, false},
    {CODE(99999), GATEWAY_RETRY, GATEWAY_REASON_OTHER, 0, false},
    {200, "<html>", GATEWAY_UNKNOWN, GATEWAY_REASON_PROTOCOL, 0, false},
    {200, "", GATEWAY_UNKNOWN, GATEWAY_REASON_PROTOCOL, 0, false},
    {200, "[0]", GATEWAY_UNKNOWN, GATEWAY_REASON_PROTOCOL, 0, false},
    {200, "{\"errcode\":[0]}", GATEWAY_UNKNOWN, GATEWAY_REASON_PROTOCOL, 0, false},
    {500, "", GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE, 0, false},
    {503, "", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE, 0, false},
    {429, "", GATEWAY_THROTTLED, GATEWAY_REASON_LIMIT, 0, false},
    {0, "timed out", GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE, GATEWAY_HTTP_AMBIGUOUS, false},
    {0, "refused", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE, GATEWAY_HTTP_UNSENT, false},
    {0, "certificate has expired", GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS, GATEWAY_HTTP_UNSENT,
     true},
};

static void test_answers(void **state)
{
    struct gateway *gw = host_open(SO, robot, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        struct gateway_message m = im_message(i + 1, "", "t");

        im_submit(gw, &m);
        im_fact(gw, &facts[i], i);
        if (facts[i].outcome == GATEWAY_THROTTLED)
            assert_int_equal(gw->answers[i].retry_after_ms, 60000); /* a full minute */
    }
    host_close(gw);
}

static void test_unknown_code_is_told_once(void **state)
{
    struct gateway *gw = host_open(SO, robot, NULL);
    const char *first;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct gateway_message m = im_message(i + 1, "", "t");

        im_submit(gw, &m);
        im_answer(gw, i, 200, "{\"errcode\":99999,\"errmsg\":\"something new 693a91f6-7xxx\"}");
        assert_string_equal(gw->answers[i].code, "99999");
    }
    first = strstr(gw->log, "code=99999");
    assert_non_null(first);
    assert_null(strstr(first + 1, "code=99999"));
    assert_null(strstr(gw->log, "693a91f6")); /* a secret stays one */
    assert_null(strstr(gw->answers[0].words, "693a91f6"));
    host_close(gw);
}

static void test_limits(void **state)
{
    static const char *const nobody[] = {"", "a|b", "@all", "a b", "a\"b"};
    struct gateway *gw = host_open(SO, application, NULL);
    char text[2050];
    struct gateway_message m;

    (void)state;
    for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++) {
        m = im_message(i + 1, nobody[i], "t");
        im_submit(gw, &m);
        assert_int_equal(gw->answers[i].outcome, GATEWAY_REJECTED);
        assert_int_equal(gw->answers[i].reason, GATEWAY_REASON_NUMBER);
    }
    memset(text, 'a', sizeof text);
    text[2049] = '\0';
    m = im_message(8, "zhangsan", text);
    im_submit(gw, &m);
    assert_int_equal(host_answer(gw, 8)->reason, GATEWAY_REASON_TEXT);
    assert_int_equal(gw->request_count, 0);
    m = im_message(9, "zhangsan", text + 1);
    im_submit(gw, &m);
    assert_int_equal(gw->request_count, 1);
    gw->now_ms += 10;
    m.submit_by_ms = gw->now_ms - 1; /* the token came too late */
    im_answer(gw, 0, 200, TOKEN_ANSWER);
    assert_int_equal(host_answer(gw, 9)->outcome, GATEWAY_UNSENT);
    assert_int_equal(gw->request_count, 1);
    host_close(gw);
}

static void test_refusals(void **state)
{
    static const struct {
        struct setting_row rows[7];
        const char *error;
    } rows[] = {
        {{{0}}, "needs key"},
        {{{"corpid", "c"}, {"secret", "s"}, {0}}, "agentid"},
        {{{"key", "k"}, {"corpid", "c"}, {0}}, "one gateway is one of them"},
        {{{"key", "k"}, {"format", "html"}, {0}}, "format: "},
        {{{"corpid", "c"}, {"secret", "s"}, {"agentid", "1"}, {"push_token", "t"}, {0}},
         "push_key"},
        {{{"corpid", "c"},
          {"secret", "s"},
          {"agentid", "1"},
          {"push_token", "t"},
          {"push_key", "x"},
          {0}},
         "43"},
        {{{"corpid", "c"}, {"secret", "s"}, {"agentid", "1"}, {"mention.0", "a"}, {0}}, "mention"},
    };
    char error[512] = "";

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_null(host_open(SO, rows[i].rows, error));
        if (strstr(error, rows[i].error) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", error, rows[i].error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_decrypt),
        cmocka_unit_test(test_decrypt_survives_anything),
        cmocka_unit_test(test_xml),
        cmocka_unit_test(test_pushes),
        cmocka_unit_test(test_robot),
        cmocka_unit_test(test_application),
        cmocka_unit_test(test_token_is_refused),
        cmocka_unit_test(test_one_text_is_one_request),
        cmocka_unit_test(test_batch_has_a_limit),
        cmocka_unit_test(test_batch_refused_as_a_whole),
        cmocka_unit_test(test_batch_with_a_refused_token),
        cmocka_unit_test(test_lost_answers),
        cmocka_unit_test(test_no_token),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_unknown_code_is_told_once),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
