#include "pushes.h"

#include "bytes.h"
#include "escape.h"
#include "jsonpath.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ITEMS_MAX 1000
#define VALUE_BYTES_MAX 8192
#define ID_BYTES_MAX 64

enum receipt_param { RECEIPT_ID, RECEIPT_REFERENCE, RECEIPT_STATE, RECEIPT_CODE, RECEIPT_PARAMS };
enum reply_param { REPLY_FROM, REPLY_TO, REPLY_TEXT, REPLY_ID, REPLY_PARAMS };

static const char *const receipt_params[] = {"id", "reference", "state", "code"};
static const char *const reply_params[] = {"from", "to", "text", "id"};

static const struct {
    const char *setting;
    enum gateway_receipt_state state;
} state_lists[] = {
    {"delivered", GATEWAY_DELIVERED},
    {"undelivered", GATEWAY_UNDELIVERED},
};

const struct gateway_setting pushes_receipt_fields[] = {
    {"id", GATEWAY_STRING, false, 0, 0, NULL, NULL, "Parameter with the gateway's message id."},
    {"reference", GATEWAY_STRING, false, 0, 0, NULL, NULL,
     "Parameter with our reference, where receipt_url or the request gave it to them."},
    {"state", GATEWAY_STRING, true, 0, 0, NULL, NULL, "Parameter that says what became of it."},
    {"delivered", GATEWAY_STRINGS, true, 0, 0, NULL, NULL, "States that mean delivered."},
    {"undelivered", GATEWAY_STRINGS, false, 0, 0, NULL, NULL,
     "States that mean it never will be; any other means on its way."},
    {"code", GATEWAY_STRING, false, 0, 0, NULL, NULL, "Parameter with the operator's code."},
    {0},
};

const struct gateway_setting pushes_reply_fields[] = {
    {"from", GATEWAY_STRING, true, 0, 0, NULL, NULL, "Parameter with the resident's number."},
    {"to", GATEWAY_STRING, false, 0, 0, NULL, NULL, "Parameter with the number written to."},
    {"text", GATEWAY_STRING, true, 0, 0, NULL, NULL, "Parameter with the text, in UTF-8."},
    {"id", GATEWAY_STRING, false, 0, 0, NULL, NULL, "Parameter that is the same in a repeat."},
    {0},
};

struct description {
    const char *params[RECEIPT_PARAMS]; /* names; NULL where not given */
    size_t index;                       /* in its list */
};

struct batch;

struct pushes {
    const struct gateway_host *host;
    struct gateway *gw;
    struct description *receipts, *replies;
    size_t receipt_count, reply_count;
    const char *list_path, *ok_body;
    struct bytes values[RECEIPT_PARAMS]; /* of the item in hand */
    struct batch *batches;               /* waiting to be stored */
};

/* A push on its way into the store. */
struct batch {
    struct pushes *owner;
    struct batch *next, **at;
    gateway_push_answer_fn *answer;
    void *arg;
    size_t waiting; /* for stored(); one more while items are still being handed up */
    bool failed;
};

/* Where the parameters of an item are looked for. */
struct item {
    const char *query, *form;
    size_t form_length;
    const struct jsonpath_value *json;
};

/* ------------------------------------------------------------------ settings */

static const char *setting(const struct pushes *p, const char *list, size_t index, const char *name)
{
    char path[80];
    const char *value;

    snprintf(path, sizeof path, "%s.%zu.%s", list, index, name);
    value = p->host->setting_string(p->gw, path);
    return value != NULL && *value != '\0' ? value : NULL;
}

static struct description *read_list(struct pushes *p, const char *list, const char *const *names,
                                     size_t *count)
{
    struct description *read;
    size_t i, n;

    *count = p->host->setting_count(p->gw, list);
    read = bytes_alloc(*count, sizeof *read);
    for (i = 0; i < *count; i++) {
        read[i].index = i;
        for (n = 0; n < RECEIPT_PARAMS; n++)
            read[i].params[n] = setting(p, list, i, names[n]);
    }
    return read;
}

static int check(const struct pushes *p, char *error, size_t size)
{
    char path[80];
    size_t i;

    for (i = 0; i < p->receipt_count; i++) {
        const struct description *d = &p->receipts[i];

        snprintf(path, sizeof path, "receipt.%zu.delivered", i);
        if (d->params[RECEIPT_STATE] == NULL ||
            (d->params[RECEIPT_ID] == NULL && d->params[RECEIPT_REFERENCE] == NULL)) {
            snprintf(error, size, "receipt.%zu: needs state, and id or reference", i);
            return -1;
        }
        if (p->host->setting_count(p->gw, path) == 0) {
            snprintf(error, size, "%s: names no state", path);
            return -1;
        }
    }
    for (i = 0; i < p->reply_count; i++)
        if (p->replies[i].params[REPLY_FROM] == NULL || p->replies[i].params[REPLY_TEXT] == NULL) {
            snprintf(error, size, "reply.%zu: needs from and text", i);
            return -1;
        }
    return 0;
}

struct pushes *pushes_open(const struct gateway_host *host, struct gateway *gw, char *error,
                           size_t size)
{
    struct pushes *p = bytes_alloc(1, sizeof *p);
    size_t i;

    p->host = host;
    p->gw = gw;
    p->receipts = read_list(p, "receipt", receipt_params, &p->receipt_count);
    p->replies = read_list(p, "reply", reply_params, &p->reply_count);
    p->list_path = host->setting_string(gw, "push_list");
    if (p->list_path == NULL)
        p->list_path = "";
    p->ok_body = host->setting_string(gw, "push_answer");
    if (p->ok_body == NULL)
        p->ok_body = "";
    for (i = 0; i < RECEIPT_PARAMS; i++)
        p->values[i] = BYTES_INIT(VALUE_BYTES_MAX);
    if (check(p, error, size) == 0)
        return p;
    pushes_close(p);
    return NULL;
}

void pushes_close(struct pushes *p)
{
    size_t i;

    if (p == NULL)
        return;
    while (p->batches != NULL) {
        struct batch *b = p->batches;

        p->batches = b->next;
        free(b);
    }
    for (i = 0; i < RECEIPT_PARAMS; i++)
        bytes_free(&p->values[i]);
    free(p->receipts);
    free(p->replies);
    free(p);
}

bool pushes_has_receipts(const struct pushes *p)
{
    return p->receipt_count > 0;
}

bool pushes_echo_reference(const struct pushes *p)
{
    size_t i;

    for (i = 0; i < p->receipt_count; i++)
        if (p->receipts[i].params[RECEIPT_REFERENCE] == NULL)
            return false;
    return p->receipt_count > 0;
}

/* ---------------------------------------------------------------- parameters */

/* Appends the value of name in a URL-encoded form (n bytes); false: not there. */
static bool form_value(const char *form, size_t n, const char *name, struct bytes *out)
{
    struct bytes key = BYTES_INIT(256);
    const char *end = form + n;
    bool found = false;

    while (form < end && !found) {
        const char *stop = memchr(form, '&', (size_t)(end - form));
        const char *equals;

        if (stop == NULL)
            stop = end;
        equals = memchr(form, '=', (size_t)(stop - form));
        if (equals != NULL) {
            bytes_clear(&key);
            escape_decode_form(&key, form, (size_t)(equals - form));
            found = !key.overflowed && key.length == strlen(name) && key.length > 0 &&
                    memcmp(key.data, name, key.length) == 0;
            if (found)
                escape_decode_form(out, equals + 1, (size_t)(stop - equals - 1));
        }
        form = stop + 1;
    }
    bytes_free(&key);
    return found;
}

static bool find_raw(const struct item *item, const char *name, struct bytes *out)
{
    struct jsonpath_value value;

    if (item->json != NULL && jsonpath_find(item->json->bytes, item->json->length, name, &value) &&
        jsonpath_text(&value, out))
        return true;
    bytes_clear(out); /* of the half that was no value */
    if (item->form != NULL && form_value(item->form, item->form_length, name, out))
        return true;
    return item->query != NULL && form_value(item->query, strlen(item->query), name, out);
}

/* The value of one parameter as clean UTF-8 without a NUL; false: not there, or
 * nothing that a receipt or reply could hold. */
static bool find_value(const struct item *item, const char *name, struct bytes *out)
{
    struct bytes raw = BYTES_INIT(VALUE_BYTES_MAX);
    bool found = find_raw(item, name, &raw) && !raw.overflowed &&
                 (raw.length == 0 || memchr(raw.data, '\0', raw.length) == NULL);

    bytes_clear(out);
    if (found) {
        escape_clean(out, raw.data, raw.length);
        bytes_string(out);
        found = !out->overflowed;
    }
    bytes_free(&raw);
    return found;
}

static void find_values(struct pushes *p, const struct description *d, const struct item *item,
                        bool *found)
{
    size_t i;

    for (i = 0; i < RECEIPT_PARAMS; i++) {
        bytes_clear(&p->values[i]);
        found[i] = d->params[i] != NULL && find_value(item, d->params[i], &p->values[i]);
    }
}

/* ---------------------------------------------------------------- handing up */

static void batch_release(struct batch *b)
{
    struct pushes *p = b->owner;
    gateway_push_answer_fn *answer = b->answer;
    void *arg = b->arg;
    bool failed = b->failed;

    if (--b->waiting > 0)
        return;
    *b->at = b->next;
    if (b->next != NULL)
        b->next->at = b->at;
    free(b);
    answer(arg, failed ? 503 : 200, failed ? "not stored, push it again\n" : p->ok_body);
}

static void on_stored(void *arg, bool stored)
{
    struct batch *b = arg;

    b->failed = b->failed || !stored;
    batch_release(b);
}

static enum gateway_receipt_state state_of(const struct pushes *p, size_t index, const char *state)
{
    char path[80];
    size_t list, i, n;

    for (list = 0; list < sizeof state_lists / sizeof *state_lists; list++) {
        snprintf(path, sizeof path, "receipt.%zu.%s", index, state_lists[list].setting);
        n = p->host->setting_count(p->gw, path);
        for (i = 0; i < n; i++) {
            const char *word;

            snprintf(path, sizeof path, "receipt.%zu.%s.%zu", index, state_lists[list].setting, i);
            word = p->host->setting_string(p->gw, path);
            if (word != NULL && strcasecmp(word, state) == 0)
                return state_lists[list].state;
        }
    }
    return GATEWAY_ENROUTE;
}

static bool take_receipt(struct pushes *p, const struct description *d, const struct item *item,
                         struct batch *b)
{
    struct gateway_receipt receipt = {0};
    bool found[RECEIPT_PARAMS];
    const char *state;

    find_values(p, d, item, found);
    if (found[RECEIPT_ID] && p->values[RECEIPT_ID].length > 0 &&
        p->values[RECEIPT_ID].length <= ID_BYTES_MAX)
        receipt.id = (struct gateway_id){p->values[RECEIPT_ID].data, p->values[RECEIPT_ID].length};
    if (found[RECEIPT_REFERENCE] && p->values[RECEIPT_REFERENCE].length > 0)
        receipt.reference = bytes_string(&p->values[RECEIPT_REFERENCE]);
    if (!found[RECEIPT_STATE] || (receipt.id.length == 0 && receipt.reference == NULL))
        return false;
    state = bytes_string(&p->values[RECEIPT_STATE]);
    receipt.state = state_of(p, d->index, state);
    if (receipt.state == GATEWAY_UNDELIVERED)
        receipt.reason = GATEWAY_REASON_OTHER;
    receipt.code = found[RECEIPT_CODE] ? bytes_string(&p->values[RECEIPT_CODE]) : state;
    b->waiting++;
    p->host->receipt(p->gw, &receipt, on_stored, b);
    return true;
}

static bool take_reply(struct pushes *p, const struct description *d, const struct item *item,
                       struct batch *b)
{
    struct gateway_reply reply = {0};
    bool found[RECEIPT_PARAMS];

    find_values(p, d, item, found);
    if (!found[REPLY_FROM] || p->values[REPLY_FROM].length == 0 || !found[REPLY_TEXT])
        return false;
    reply.from = bytes_string(&p->values[REPLY_FROM]);
    reply.to = bytes_string(&p->values[REPLY_TO]);
    reply.text = bytes_string(&p->values[REPLY_TEXT]);
    reply.length = p->values[REPLY_TEXT].length;
    if (found[REPLY_ID] && p->values[REPLY_ID].length > 0)
        reply.id = bytes_string(&p->values[REPLY_ID]);
    b->waiting++;
    p->host->reply(p->gw, &reply, on_stored, b);
    return true;
}

static bool take_item(struct pushes *p, const struct item *item, struct batch *b)
{
    size_t i;

    for (i = 0; i < p->receipt_count; i++)
        if (take_receipt(p, &p->receipts[i], item, b))
            return true;
    for (i = 0; i < p->reply_count; i++)
        if (take_reply(p, &p->replies[i], item, b))
            return true;
    return false;
}

/* ------------------------------------------------------------------ the push */

static bool is_json(const struct gateway_push *push)
{
    size_t i = 0;

    while (i < push->length && memchr(" \t\r\n", push->body[i], 4) != NULL)
        i++;
    return i < push->length && (push->body[i] == '{' || push->body[i] == '[');
}

static size_t count_items(const struct jsonpath_value *array)
{
    struct jsonpath_value element;
    size_t at = 0, n = 0;

    while (n <= ITEMS_MAX && jsonpath_each(array, &at, &element))
        n++;
    return n;
}

/* All of an array; how many were understood. */
static size_t take_items(struct pushes *p, const struct jsonpath_value *array, struct item *item,
                         struct batch *b)
{
    struct jsonpath_value element;
    size_t at = 0, understood = 0, strange = 0;

    item->json = &element;
    while (jsonpath_each(array, &at, &element)) {
        if (take_item(p, item, b))
            understood++;
        else
            strange++;
    }
    if (strange > 0)
        p->host->log(p->gw, GATEWAY_LOG_WARNING, "push.strange items=%zu understood=%zu", strange,
                     understood);
    return understood;
}

static struct batch *batch_begin(struct pushes *p, gateway_push_answer_fn *answer, void *arg)
{
    struct batch *b = bytes_alloc(1, sizeof *b);

    *b = (struct batch){p, p->batches, &p->batches, answer, arg, 1, false};
    if (b->next != NULL)
        b->next->at = &b->next;
    p->batches = b;
    return b;
}

/* Ends a push of which nothing was understood. */
static void refuse(struct batch *b, int status, const char *why)
{
    struct pushes *p = b->owner;

    *b->at = b->next;
    if (b->next != NULL)
        b->next->at = b->at;
    p->host->log(p->gw, GATEWAY_LOG_WARNING, "push.refused status=%d reason=\"%s\"", status, why);
    b->answer(b->arg, status, why);
    free(b);
}

void pushes_take(struct pushes *p, const struct gateway_push *push, gateway_push_answer_fn *answer,
                 void *arg)
{
    struct item item = {.query = push->query};
    struct jsonpath_value root, array = {0};
    struct batch *b;
    size_t n;

    if (p->receipt_count + p->reply_count == 0) {
        answer(arg, 404, "this gateway has neither receipt nor reply set\n");
        return;
    }
    b = batch_begin(p, answer, arg);
    if (!is_json(push)) {
        item.form = push->body;
        item.form_length = push->length;
    } else if (!jsonpath_find(push->body, push->length, "", &root)) {
        refuse(b, 400, "the body is cut off or no JSON");
        return;
    } else if (!jsonpath_find(root.bytes, root.length, p->list_path, &array) || array.type != '[') {
        array.type = 0;
        item.json = &root;
    }
    if (array.type != '[') {
        if (take_item(p, &item, b))
            batch_release(b);
        else
            refuse(b, 400, "fits neither receipt nor reply as they are set");
        return;
    }
    n = count_items(&array);
    if (n > ITEMS_MAX)
        refuse(b, 413, "over a thousand items");
    else if (n > 0 && take_items(p, &array, &item, b) == 0)
        refuse(b, 400, "fits neither receipt nor reply as they are set");
    else
        batch_release(b);
}
