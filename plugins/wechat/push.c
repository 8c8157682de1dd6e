#include "push.h"

#include "memory.h"
#include "xml.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ID_BYTES_MAX 64
#define RECEIPTS_MAX 200 /* of one push */

/* One on its way into the store. */
struct wechat_push {
    LIST_ENTRY(wechat_push) links;
    gateway_push_answer_fn *answer;
    void *arg;
    size_t waiting; /* for stored(); one more while it is being read */
    bool failed;
};

enum field {
    TYPE,
    EVENT,
    FROM,
    TO,
    CREATED,
    ID,
    STATUS,
    CONTENT,
    ERROR,
    ERROR_STATUS,
    ENCRYPTED,
    FIELDS
};

static const char *const field_names[FIELDS] = {
    [TYPE] = "MsgType",       [EVENT] = "Event",
    [FROM] = "FromUserName",  [TO] = "ToUserName",
    [CREATED] = "CreateTime", [ID] = "MsgId", /* and MsgID */
    [STATUS] = "Status",      [CONTENT] = "Content",
    [ERROR] = "ErrorCode",    [ERROR_STATUS] = "ErrorStatus",
    [ENCRYPTED] = "Encrypt",
};

struct reading {
    struct wechat_pushes *pushes;
    struct wechat_push *push;
    struct text fields[FIELDS];
    size_t receipts;
};

/* ------------------------------------------------------------------ signature */

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void wechat_sign(const char *token, const char *timestamp, const char *nonce, char *out)
{
    const char *parts[] = {token, timestamp, nonce};
    struct text all = {0};
    uint8_t digest[SHA1_BYTES];

    qsort(parts, 3, sizeof *parts, compare);
    for (size_t i = 0; i < 3; i++)
        text_puts(&all, parts[i]);
    EVP_Digest(text_string(&all), all.length, digest, NULL, EVP_sha1(), NULL);
    digest_hex(digest, sizeof digest, out);
    text_free(&all);
}

/* A parameter of the query, percent-decoded; false: not there, or malformed. */
static bool query_get(const char *query, const char *name, struct text *out)
{
    size_t n = strlen(name);

    out->length = 0;
    while (query != NULL && *query != '\0') {
        size_t length = strcspn(query, "&"), i;

        if (length <= n || strncmp(query, name, n) != 0 || query[n] != '=') {
            query += length + (query[length] == '&');
            continue;
        }
        for (i = n + 1; i < length; i++) {
            char c = query[i], hex[3] = "";

            if (c == '%') {
                if (i + 2 >= length || strspn(query + i + 1, "0123456789abcdefABCDEF") < 2)
                    return false;
                memcpy(hex, query + i + 1, 2);
                c = (char)strtol(hex, NULL, 16);
                i += 2;
            }
            if (c == '\0')
                return false;
            text_put(out, &c, 1);
        }
        return out->length > 0;
    }
    return false;
}

/* NULL: it is WeChat's, and of now; else why not. */
static const char *distrust(const struct wechat_pushes *p, const char *query)
{
    struct text signature = {0}, timestamp = {0}, nonce = {0};
    char expected[2 * SHA1_BYTES + 1];
    const char *why = NULL;
    int64_t off_s;

    if (!query_get(query, "signature", &signature) || !query_get(query, "timestamp", &timestamp) ||
        !query_get(query, "nonce", &nonce)) {
        why = "unsigned";
    } else {
        wechat_sign(p->token, timestamp.bytes, nonce.bytes, expected);
        off_s = p->host->wall_ms() / 1000 - strtoll(timestamp.bytes, NULL, 10);
        if (signature.length != 2 * SHA1_BYTES || !digest_equal(expected, signature.bytes))
            why = "signature";
        else if (off_s > WECHAT_CLOCK_MS / 1000 || off_s < -WECHAT_CLOCK_MS / 1000)
            why = "timestamp";
    }
    text_free(&signature);
    text_free(&timestamp);
    text_free(&nonce);
    return why;
}

/* ------------------------------------------------------------------ handing up */

static void release(struct wechat_push *push)
{
    gateway_push_answer_fn *answer = push->answer;
    void *arg = push->arg;
    bool failed = push->failed;

    if (--push->waiting > 0)
        return;
    LIST_REMOVE(push, links);
    free(push);
    answer(arg, failed ? 503 : 200, failed ? "" : "success");
}

static void on_stored(void *arg, bool stored)
{
    struct wechat_push *push = arg;

    push->failed = push->failed || !stored;
    release(push);
}

static const char *field(const struct reading *r, enum field f)
{
    return text_string(&r->fields[f]);
}

/* status as it came, with spaces or without; code: "0" or what went wrong, or "". */
static void take_receipt(struct reading *r, const char *status, const char *code)
{
    struct gateway_receipt receipt = {.words = status};
    const struct text *id = &r->fields[ID];
    struct text word = {0};
    const struct code *line;

    if (id->length == 0 || id->length > ID_BYTES_MAX || r->receipts == RECEIPTS_MAX)
        return;
    for (const char *c = status; *c != '\0'; c++)
        if (*c != ' ')
            text_put(&word, c, 1);
    if (strcmp(text_string(&word), "success") != 0 && *code != '\0' && strcmp(code, "0") != 0) {
        word.length = 0;
        text_puts(&word, code);
    }
    line = judge_receipt(r->pushes->judge, text_string(&word), status);
    receipt.id = (struct gateway_id){id->bytes, id->length};
    receipt.state =
        line != NULL && line->receipt == CODE_DELIVERED ? GATEWAY_DELIVERED : GATEWAY_UNDELIVERED;
    receipt.reason = receipt.state == GATEWAY_DELIVERED ? GATEWAY_REASON_NONE
                     : line != NULL                     ? line->reason
                                                        : GATEWAY_REASON_OTHER;
    receipt.code = text_string(&word);
    receipt.done_ms = strtoll(field(r, CREATED), NULL, 10) * 1000;
    r->receipts++;
    r->push->waiting++;
    r->pushes->host->receipt(r->pushes->gw, &receipt, on_stored, r->push);
    text_free(&word);
}

static void take_reply(struct reading *r)
{
    struct gateway_reply reply = {.from = field(r, FROM), .to = field(r, TO)};

    reply.text = field(r, CONTENT);
    reply.length = r->fields[CONTENT].length;
    reply.id = r->fields[ID].length > 0 ? field(r, ID) : NULL;
    reply.sent_ms = strtoll(field(r, CREATED), NULL, 10) * 1000;
    if (*reply.from == '\0')
        return;
    r->push->waiting++;
    r->pushes->host->reply(r->pushes->gw, &reply, on_stored, r->push);
}

/* ------------------------------------------------------------------ reading */

/* Time is seconds, and no more than that. */
static bool is_time(const char *s)
{
    return strlen(s) <= 12 && strspn(s, "0123456789") == strlen(s);
}

static void clear(struct text *t)
{
    t->length = 0;
    text_puts(t, ""); /* the NUL */
}

static void keep(struct reading *r, const char *name, size_t n, const char *text, size_t length)
{
    for (size_t f = 0; f < FIELDS; f++)
        if (strlen(field_names[f]) == n && strncasecmp(field_names[f], name, n) == 0) {
            clear(&r->fields[f]);
            text_put(&r->fields[f], text, length);
        }
}

/* The message itself: what stands right under the root. */
static void on_top(void *arg, unsigned depth, const char *name, size_t n, const char *text,
                   size_t length)
{
    if (depth == 1 && text != NULL)
        keep(arg, name, n, text, length);
}

static bool is_of_item(const char *name, size_t n)
{
    static const enum field of_item[] = {ID, ERROR, ERROR_STATUS};

    for (size_t i = 0; i < 3; i++)
        if (strlen(field_names[of_item[i]]) == n &&
            strncasecmp(field_names[of_item[i]], name, n) == 0)
            return true;
    return false;
}

/* The items of a sent event, at whatever depth: each is an element with leaves in it. */
static void on_item(void *arg, unsigned depth, const char *name, size_t n, const char *text,
                    size_t length)
{
    struct reading *r = arg;

    if (text != NULL) {
        if (depth > 1 && is_of_item(name, n))
            keep(r, name, n, text, length);
        return;
    }
    if (r->fields[ERROR].length + r->fields[ERROR_STATUS].length > 0)
        take_receipt(r, field(r, ERROR_STATUS), field(r, ERROR));
    clear(&r->fields[ID]);
    clear(&r->fields[ERROR]);
    clear(&r->fields[ERROR_STATUS]);
}

static void take_message(struct wechat_pushes *p, const struct gateway_push *push,
                         gateway_push_answer_fn *answer, void *arg)
{
    struct reading r = {.pushes = p};
    const char *refused = NULL;

    if (wechat_xml_read(push->body, push->length, on_top, &r) != 0 || !is_time(field(&r, CREATED)))
        refused = "malformed";
    else if (r.fields[ENCRYPTED].length > 0)
        refused = "encrypted: choose plain text mode";
    if (refused != NULL) {
        p->host->log(p->gw, GATEWAY_LOG_WARNING, "push.refused why=\"%s\"", refused);
        answer(arg, 400, "");
    } else {
        r.push = memory_calloc(1, sizeof *r.push);
        *r.push = (struct wechat_push){.answer = answer, .arg = arg, .waiting = 1};
        LIST_INSERT_HEAD(&p->waiting, r.push, links);
        if (strcmp(field(&r, TYPE), "text") == 0)
            take_reply(&r);
        else if (strcmp(field(&r, EVENT), "TEMPLATESENDJOBFINISH") == 0)
            take_receipt(&r, field(&r, STATUS), "");
        else if (strcmp(field(&r, EVENT), "subscribe_msg_sent_event") == 0)
            wechat_xml_read(push->body, push->length, on_item, &r);
        release(r.push); /* other events are nothing to us */
    }
    for (size_t f = 0; f < FIELDS; f++)
        text_free(&r.fields[f]);
}

void wechat_push_take(struct wechat_pushes *p, const struct gateway_push *push,
                      gateway_push_answer_fn *answer, void *arg)
{
    const char *why = distrust(p, push->query);
    struct text echo = {0};

    if (why != NULL) {
        p->host->log(p->gw, GATEWAY_LOG_WARNING, "push.refused why=%s", why);
        answer(arg, 403, "");
    } else if (strcmp(push->method, "GET") == 0) {
        bool there = query_get(push->query, "echostr", &echo);

        answer(arg, there ? 200 : 400, text_string(&echo));
    } else {
        take_message(p, push, answer, arg);
    }
    text_free(&echo);
}

void wechat_push_close(struct wechat_pushes *p)
{
    struct wechat_push *push;

    while ((push = LIST_FIRST(&p->waiting)) != NULL) {
        LIST_REMOVE(push, links);
        free(push);
    }
}
