#include "wecom_push.h"

#include "wecom_xml.h"

#include <stdlib.h>
#include <string.h>

static int hex_of(char c)
{
    const char *at = c == '\0' ? NULL : strchr("0123456789abcdef", c | 0x20);

    return c >= '0' && c <= '9' ? c - '0' : at == NULL ? -1 : (int)(at - "0123456789abcdef");
}

static int decode(const char *s, size_t n, struct text *out)
{
    for (size_t i = 0; i < n; i++) {
        char c = s[i];

        if (c == '%') {
            int high = i + 2 < n ? hex_of(s[i + 1]) : -1, low = high < 0 ? -1 : hex_of(s[i + 2]);

            if (low < 0 || (high == 0 && low == 0))
                return -1;
            c = (char)(high << 4 | low);
            i += 2;
        }
        text_put(out, &c, 1);
    }
    text_put(out, "", 0);
    return 0;
}

int wecom_query(const char *query, const char *name, struct text *out)
{
    size_t n = strlen(name);

    out->length = 0;
    while (query != NULL && *query != '\0') {
        size_t length = strcspn(query, "&");

        if (length > n && strncmp(query, name, n) == 0 && query[n] == '=')
            return decode(query + n + 1, length - n - 1, out);
        query += length + (query[length] == '&');
    }
    return -1;
}

/* Is it WeCom's, and of this hour? */
static bool is_signed(const struct wecom_push *p, const char *query, const char *encrypted)
{
    struct text signature = {0}, timestamp = {0}, nonce = {0};
    char expected[2 * SHA1_BYTES + 1];
    int64_t off_ms = 0;
    bool good = wecom_query(query, "msg_signature", &signature) == 0 &&
                wecom_query(query, "timestamp", &timestamp) == 0 &&
                wecom_query(query, "nonce", &nonce) == 0;

    if (good) {
        wecom_sign(p->token, timestamp.bytes, nonce.bytes, encrypted, expected);
        off_ms = p->host->wall_ms() / 1000 - strtol(timestamp.bytes, NULL, 10);
        off_ms = (off_ms < 0 ? -off_ms : off_ms) * 1000;
        good = digest_equal(expected, signature.bytes) && off_ms <= WECOM_CLOCK_MS;
    }
    if (!good)
        p->host->log(p->gw, GATEWAY_LOG_WARNING, "push.refused why=%s",
                     off_ms > WECOM_CLOCK_MS ? "timestamp" : "signature");
    text_free(&signature);
    text_free(&timestamp);
    text_free(&nonce);
    return good;
}

static void take_message(struct wecom_push *p, const struct text *xml,
                         gateway_push_answer_fn *answer, void *arg)
{
    struct text type = {0}, from = {0}, content = {0}, id = {0}, created = {0};
    struct gateway_reply reply = {.to = ""};
    struct gathering *x;

    if (wecom_xml_find(xml->bytes, xml->length, "MsgType", &type) != 0 ||
        strcmp(type.bytes, "text") != 0 ||
        wecom_xml_find(xml->bytes, xml->length, "FromUserName", &from) != 0 ||
        wecom_xml_find(xml->bytes, xml->length, "Content", &content) != 0) {
        answer(arg, 200, ""); /* an event, a picture: nothing for us */
    } else {
        p->gather.host = p->host;
        p->gather.gw = p->gw;
        p->gather.ok_body = "";
        x = gather_begin(&p->gather, answer, arg);
        reply.from = from.bytes;
        reply.text = content.bytes;
        reply.length = content.length;
        if (wecom_xml_find(xml->bytes, xml->length, "MsgId", &id) == 0)
            reply.id = id.bytes;
        if (wecom_xml_find(xml->bytes, xml->length, "CreateTime", &created) == 0)
            reply.sent_ms = strtol(created.bytes, NULL, 10) * INT64_C(1000);
        gather_reply(x, &reply);
        gather_end(x);
    }
    text_free(&type);
    text_free(&from);
    text_free(&content);
    text_free(&id);
    text_free(&created);
}

void wecom_push_take(struct wecom_push *p, const struct gateway_push *push,
                     gateway_push_answer_fn *answer, void *arg)
{
    bool is_check = strcmp(push->method, "GET") == 0;
    struct text encrypted = {0}, plain = {0};
    int found = is_check ? wecom_query(push->query, "echostr", &encrypted)
                         : wecom_xml_find(push->body, push->length, "Encrypt", &encrypted);

    if (found != 0 || encrypted.length == 0)
        answer(arg, 400, "");
    else if (!is_signed(p, push->query, encrypted.bytes))
        answer(arg, 403, "");
    else if (wecom_decrypt(p->key, p->corpid, encrypted.bytes, encrypted.length, &plain) != 0)
        answer(arg, 400, "");
    else if (is_check)
        answer(arg, 200, plain.bytes);
    else
        take_message(p, &plain, answer, arg);
    text_free(&encrypted);
    text_free(&plain);
}

void wecom_push_close(struct wecom_push *p)
{
    gather_close(&p->gather);
}
