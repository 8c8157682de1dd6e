#include "protocol.h"

#include "memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ID_BYTES_MAX 64
#define ACK_BYTES_MAX 200

struct word {
    const char *word;
    int value;
};

static const struct word outcomes[] = {
    {"accepted", GATEWAY_ACCEPTED}, {"throttled", GATEWAY_THROTTLED},
    {"unsent", GATEWAY_UNSENT},     {"retry", GATEWAY_RETRY},
    {"rejected", GATEWAY_REJECTED}, {"broken", GATEWAY_BROKEN},
    {"unknown", GATEWAY_UNKNOWN},   {NULL, 0},
};

static const struct word reasons[] = {
    {"number", GATEWAY_REASON_NUMBER},
    {"text", GATEWAY_REASON_TEXT},
    {"blacklisted", GATEWAY_REASON_BLACKLISTED},
    {"absent", GATEWAY_REASON_ABSENT},
    {"barred", GATEWAY_REASON_BARRED},
    {"expired", GATEWAY_REASON_EXPIRED},
    {"partial", GATEWAY_REASON_PARTIAL},
    {"outage", GATEWAY_REASON_OUTAGE},
    {"credentials", GATEWAY_REASON_CREDENTIALS},
    {"balance", GATEWAY_REASON_BALANCE},
    {"template", GATEWAY_REASON_TEMPLATE},
    {"limit", GATEWAY_REASON_LIMIT},
    {"protocol", GATEWAY_REASON_PROTOCOL},
    {"other", GATEWAY_REASON_OTHER},
    {NULL, 0},
};

static const struct word states[] = {
    {"delivered", GATEWAY_DELIVERED},
    {"undelivered", GATEWAY_UNDELIVERED},
    {"enroute", GATEWAY_ENROUTE},
    {NULL, 0},
};

/* ------------------------------------------------------------------ reading */

/* A string member; NULL, and wrong set, where it is something else. */
static const char *member(struct protocol_line *l, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    if (value == NULL || json_is_null(value))
        return NULL;
    if (!json_is_string(value)) {
        l->wrong = "a string is wanted";
        return NULL;
    }
    return json_string_value(value);
}

/* An integer member of 0 or more. */
static int64_t number(struct protocol_line *l, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    if (value == NULL || json_is_null(value))
        return 0;
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        l->wrong = "a whole number is wanted";
        return 0;
    }
    return json_integer_value(value);
}

static bool boolean(struct protocol_line *l, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    if (value != NULL && !json_is_boolean(value) && !json_is_null(value))
        l->wrong = "true or false is wanted";
    return json_is_true(value);
}

/* 0: the key is not there, or has no word of the list. */
static int word(struct protocol_line *l, const json_t *object, const char *key,
                const struct word *words)
{
    const char *value = member(l, object, key);

    if (value == NULL)
        return 0;
    for (; words->word != NULL; words++)
        if (strcmp(words->word, value) == 0)
            return words->value;
    l->wrong = "a word that is not known";
    return 0;
}

/* Names a key that nobody reads: mostly a slip of the pen. */
static void check_keys(struct protocol_line *l, const json_t *object, const char *const *known)
{
    const char *key;
    json_t *value;
    size_t i;

    json_object_foreach((json_t *)object, key, value)
    {
        for (i = 0; known[i] != NULL && strcmp(known[i], key) != 0; i++)
            ;
        if (known[i] == NULL)
            l->wrong = "a key that is not known";
    }
}

static bool read_token(const json_t *id, uint64_t *token)
{
    const char *s = json_string_value(id);
    char *end;

    if (json_is_integer(id) && json_integer_value(id) > 0) {
        *token = (uint64_t)json_integer_value(id);
        return true;
    }
    if (s == NULL || *s < '1' || *s > '9')
        return false;
    errno = 0;
    *token = strtoull(s, &end, 10);
    return *end == '\0' && errno == 0;
}

static struct gateway_id read_id(struct protocol_line *l, const json_t *value)
{
    size_t n = json_string_length(value);

    if (n >= 1 && n <= ID_BYTES_MAX)
        return (struct gateway_id){json_string_value(value), n};
    l->wrong = "a message id is a string of 1 to 64 bytes";
    return (struct gateway_id){NULL, 0};
}

static void read_answer(struct protocol_line *l)
{
    static const char *const known[] = {"id",          "outcome", "reason",
                                        "message_ids", "partial", "retry_after_ms",
                                        "code",        "words",   NULL};
    const json_t *ids = json_object_get(l->root, "message_ids");
    struct gateway_answer *a = &l->answer;
    size_t i;

    if (!read_token(json_object_get(l->root, "id"), &l->token)) {
        l->wrong = "the id is none of ours";
        return;
    }
    l->kind = PROTOCOL_ANSWER;
    check_keys(l, l->root, known);
    a->outcome = (enum gateway_outcome)word(l, l->root, "outcome", outcomes);
    a->reason = (enum gateway_reason)word(l, l->root, "reason", reasons);
    a->partial = boolean(l, l->root, "partial");
    a->retry_after_ms = number(l, l->root, "retry_after_ms");
    a->code = member(l, l->root, "code");
    a->words = member(l, l->root, "words");
    a->ids = l->ids;
    if (ids != NULL && !json_is_array(ids))
        l->wrong = "message_ids is a list";
    if (json_array_size(ids) > GATEWAY_MAX_IDS)
        l->wrong = "more than 8 message_ids";
    for (i = 0; i < json_array_size(ids) && i < GATEWAY_MAX_IDS; i++) {
        l->ids[a->id_count] = read_id(l, json_array_get(ids, i));
        a->id_count += l->ids[a->id_count].length > 0;
    }
    if (a->outcome == 0) { /* it has been dealt with, but how? */
        a->outcome = GATEWAY_UNKNOWN;
        a->reason = GATEWAY_REASON_PROTOCOL;
        if (l->wrong == NULL)
            l->wrong = "an answer without outcome";
    }
}

static void read_receipt(struct protocol_line *l, const json_t *from)
{
    static const char *const known[] = {"message_id", "reference", "state",   "reason",
                                        "code",       "words",     "done_ms", NULL};
    struct gateway_receipt *r = &l->receipt;
    const json_t *id = json_object_get(from, "message_id");

    check_keys(l, from, known);
    if (id != NULL && !json_is_null(id))
        r->id = read_id(l, id);
    r->reference = member(l, from, "reference");
    r->state = (enum gateway_receipt_state)word(l, from, "state", states);
    r->reason = (enum gateway_reason)word(l, from, "reason", reasons);
    r->code = member(l, from, "code");
    r->words = member(l, from, "words");
    r->done_ms = number(l, from, "done_ms");
    if (r->state != 0 && (r->id.length > 0 || r->reference != NULL))
        l->kind = PROTOCOL_RECEIPT;
    else if (l->wrong == NULL)
        l->wrong = "a receipt needs a state, and message_id or reference";
}

static void read_reply(struct protocol_line *l, const json_t *from)
{
    static const char *const known[] = {"from", "to", "text", "id", "part", "sent_ms", NULL};
    struct gateway_reply *r = &l->reply;

    check_keys(l, from, known);
    r->from = member(l, from, "from");
    r->to = member(l, from, "to");
    r->text = member(l, from, "text");
    r->id = member(l, from, "id");
    r->part = boolean(l, from, "part");
    r->sent_ms = number(l, from, "sent_ms");
    if (r->to == NULL)
        r->to = "";
    if (r->from != NULL && *r->from != '\0' && r->text != NULL) {
        r->length = strlen(r->text);
        l->kind = PROTOCOL_REPLY;
    } else if (l->wrong == NULL) {
        l->wrong = "a reply needs from and text";
    }
}

static void read_ready(struct protocol_line *l, const json_t *ready)
{
    static const char *const known[] = {"ready", "why", NULL};

    if (!json_is_boolean(ready)) {
        l->wrong = "ready is true or false";
        return;
    }
    check_keys(l, l->root, known);
    l->kind = PROTOCOL_READY;
    l->ready = json_is_true(ready);
    l->why = member(l, l->root, "why");
}

static void read_pushed(struct protocol_line *l, const json_t *receipt, const json_t *reply)
{
    static const char *const known[] = {"receipt", "reply", "ack", NULL};

    check_keys(l, l->root, known);
    l->ack = member(l, l->root, "ack");
    if (l->ack != NULL && strlen(l->ack) > ACK_BYTES_MAX) {
        l->wrong = "ack has more than 200 bytes";
        return;
    }
    if (receipt != NULL && reply != NULL)
        l->wrong = "receipt and reply in one line";
    else if (receipt != NULL)
        read_receipt(l, receipt);
    else
        read_reply(l, reply);
}

void protocol_read(const char *bytes, size_t n, struct protocol_line *l)
{
    const json_t *ready, *receipt, *reply;

    memset(l, 0, sizeof *l);
    l->root = json_loadb(bytes, n, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(l->root)) {
        l->wrong = "no JSON object";
        return;
    }
    ready = json_object_get(l->root, "ready");
    receipt = json_object_get(l->root, "receipt");
    reply = json_object_get(l->root, "reply");
    if (ready != NULL)
        read_ready(l, ready);
    else if (receipt != NULL || reply != NULL)
        read_pushed(l, receipt, reply);
    else
        read_answer(l);
}

void protocol_free(struct protocol_line *l)
{
    json_decref(l->root);
    l->root = NULL;
}

/* ------------------------------------------------------------------ writing */

/* Takes the object over. */
static char *line_of(json_t *object, size_t *length)
{
    char *dumped = json_dumps(object, JSON_COMPACT), *line;
    size_t n;

    json_decref(object);
    if (dumped == NULL)
        return NULL;
    n = strlen(dumped);
    line = memory_realloc(dumped, n + 2);
    line[n] = '\n';
    line[n + 1] = '\0';
    *length = n + 1;
    return line;
}

/* A string, which NULL leaves out; false: no UTF-8. */
static bool put(json_t *object, const char *key, const char *value, size_t n)
{
    return value == NULL || json_object_set_new(object, key, json_stringn(value, n)) == 0;
}

static bool put_string(json_t *object, const char *key, const char *value)
{
    return put(object, key, value, value != NULL ? strlen(value) : 0);
}

static bool put_fields(json_t *object, const char *key, const struct gateway_field *fields,
                       size_t n)
{
    json_t *of = json_object();
    bool good = true;

    for (size_t i = 0; i < n; i++)
        good = good && put(of, fields[i].name, fields[i].value, fields[i].length);
    json_object_set_new(object, key, of);
    return good;
}

char *protocol_message(const struct gateway_message *m, bool with_columns, size_t *length)
{
    json_t *o = json_object();
    char id[24];
    bool good;

    snprintf(id, sizeof id, "%" PRIu64, m->token);
    good = put_string(o, "id", id) && put(o, "to", m->to, m->to_length) &&
           put_string(o, "from", m->from) && put(o, "text", m->text, m->length) &&
           put_string(o, "title", m->title) && put_string(o, "language", m->language) &&
           put_string(o, "class", m->message_class) && put_string(o, "campaign", m->campaign) &&
           put_string(o, "reminder", m->reminder) && put_string(o, "reference", m->reference) &&
           put_string(o, "template", m->template_code) &&
           put_string(o, "template_signature", m->template_signature) &&
           (m->template_code == NULL || put_fields(o, "params", m->params, m->param_count)) &&
           (!with_columns || put_fields(o, "columns", m->columns, m->column_count));
    if (!good) {
        json_decref(o);
        return NULL;
    }
    json_object_set_new(o, "number", json_integer(m->number));
    json_object_set_new(o, "attempt", json_integer(m->attempt));
    json_object_set_new(o, "segments", json_integer(m->segments));
    json_object_set_new(o, "encoding", json_string(m->encoding == GATEWAY_UCS2 ? "ucs2" : "gsm7"));
    if (m->expires_ms != 0)
        json_object_set_new(o, "expires_ms", json_integer(m->expires_ms));
    return line_of(o, length);
}

char *protocol_ack(const char *ack, bool stored, size_t *length)
{
    json_t *o = json_object();

    put_string(o, "ack", ack);
    json_object_set_new(o, "stored", json_boolean(stored));
    return line_of(o, length);
}
