#include "dingtalk_polls.h"

#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS 86400000
#define BUCKETS 1024

/* After the submit. Most are told of in seconds; a phone that is off makes no difference, for
 * "unread" is delivered. */
static const int64_t delays_ms[] = {5000, 15000, 60000, 300000, 1800000, 7200000};

struct person {
    LIST_ENTRY(person) links;
    struct task *task;
    char user[DINGTALK_USERID_MAX + 1];
    bool told;
};

struct task {
    TAILQ_ENTRY(task) links; /* in the order of due_ms */
    LIST_ENTRY(task) by_id;
    struct polls *polls;
    char id[JUDGE_NUMBER_BYTES];
    char *token; /* that it was last asked with */
    bool again;  /* the token was refused once */
    int64_t added_ms, due_ms;
    unsigned asked;
    size_t open; /* persons whose receipt is not stored, and one while they are gone through */
    LIST_HEAD(, person) persons;
};

struct polls {
    struct dingtalk *d;
    TAILQ_HEAD(tasks_head, task) tasks;
    LIST_HEAD(bucket, task) buckets[BUCKETS];
    size_t count;
    struct task *asking;
    struct gateway_timer *timer;
    bool full; /* and told so */
};

struct polls *polls_open(struct dingtalk *d)
{
    struct polls *p = memory_calloc(1, sizeof *p);

    p->d = d;
    TAILQ_INIT(&p->tasks);
    return p;
}

static void task_free(struct task *t)
{
    struct person *person;

    while ((person = LIST_FIRST(&t->persons)) != NULL) {
        LIST_REMOVE(person, links);
        free(person);
    }
    TAILQ_REMOVE(&t->polls->tasks, t, links);
    LIST_REMOVE(t, by_id);
    t->polls->count--;
    free(t->token);
    free(t);
}

void polls_close(struct polls *p)
{
    if (p == NULL)
        return;
    p->d->host->timer_cancel(p->timer);
    while (!TAILQ_EMPTY(&p->tasks))
        task_free(TAILQ_FIRST(&p->tasks));
    free(p);
}

static void on_timer(void *arg);

static void look(struct polls *p)
{
    struct task *first = TAILQ_FIRST(&p->tasks);

    p->d->host->timer_cancel(p->timer);
    p->timer = NULL;
    if (first == NULL || p->asking != NULL)
        return;
    p->timer = p->d->host->timer(p->d->gw, first->due_ms - p->d->host->mono_ms(), on_timer, p);
}

static void enqueue(struct polls *p, struct task *t)
{
    unsigned last = sizeof delays_ms / sizeof *delays_ms - 1;
    struct task *before = TAILQ_LAST(&p->tasks, tasks_head);

    t->due_ms = p->d->host->mono_ms() + delays_ms[t->asked < last ? t->asked : last];
    t->asked++;
    while (before != NULL && before->due_ms > t->due_ms)
        before = TAILQ_PREV(before, tasks_head, links);
    if (before == NULL)
        TAILQ_INSERT_HEAD(&p->tasks, t, links);
    else
        TAILQ_INSERT_AFTER(&p->tasks, before, t, links);
}

static struct bucket *bucket_of(struct polls *p, const char *id)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (; *id != '\0'; id++)
        hash = (hash ^ (unsigned char)*id) * 16777619u;
    return &p->buckets[hash % BUCKETS];
}

static void add_person(struct task *t, const char *user)
{
    struct person *person = memory_calloc(1, sizeof *person);

    person->task = t;
    snprintf(person->user, sizeof person->user, "%s", user);
    LIST_INSERT_HEAD(&t->persons, person, links);
    t->open++;
}

/* NULL: there is no room for one more. */
static struct task *task_add(struct polls *p, const char *task)
{
    struct task *t;

    if (p->count == POLLS_MAX) {
        if (!p->full)
            p->d->host->log(p->d->gw, GATEWAY_LOG_WARNING, "polls.full tasks=%d", POLLS_MAX);
        p->full = true;
        return NULL;
    }
    p->full = false;
    t = memory_calloc(1, sizeof *t);
    t->polls = p;
    snprintf(t->id, sizeof t->id, "%s", task);
    t->added_ms = p->d->host->mono_ms();
    LIST_INSERT_HEAD(bucket_of(p, t->id), t, by_id);
    p->count++;
    enqueue(p, t);
    look(p);
    return t;
}

void polls_add(struct polls *p, const char *task, const char *const *users, size_t n)
{
    struct task *t = task_add(p, task);

    for (size_t i = 0; t != NULL && i < n; i++)
        add_person(t, users[i]);
}

void polls_resume(struct polls *p, const struct gateway_id *id, const char *user,
                  int64_t submitted_ms)
{
    const char *end = memchr(id->bytes, ':', id->length);
    int64_t age_ms = p->d->host->wall_ms() - submitted_ms;
    char task[JUDGE_NUMBER_BYTES];
    struct person *person;
    struct task *t;

    if (end == NULL || (size_t)(end - id->bytes) >= sizeof task || *user == '\0' ||
        strlen(user) > DINGTALK_USERID_MAX || age_ms > DAY_MS)
        return;
    snprintf(task, sizeof task, "%.*s", (int)(end - id->bytes), id->bytes);
    LIST_FOREACH(t, bucket_of(p, task), by_id) if (strcmp(t->id, task) == 0) break;
    if (t == NULL) {
        t = task_add(p, task);
        if (t == NULL)
            return;
        t->added_ms -= age_ms;
    }
    LIST_FOREACH(person, &t->persons, links) if (strcmp(person->user, user) == 0) return;
    add_person(t, user);
}

/* ------------------------------------------------------------------ receipts */

static void let_go(struct task *t)
{
    if (--t->open == 0 && t->polls->asking != t)
        task_free(t);
}

static void on_stored(void *arg, bool stored)
{
    struct person *person = arg;

    if (stored)
        let_go(person->task);
    else
        person->told = false; /* found again when it is next asked for */
}

static void tell(struct person *person, const char *code, const char *words)
{
    static const enum gateway_receipt_state states[] = {
        [CODE_DELIVERED] = GATEWAY_DELIVERED,
        [CODE_UNDELIVERED] = GATEWAY_UNDELIVERED,
        [CODE_ENROUTE] = GATEWAY_ENROUTE,
    };
    struct dingtalk *d = person->task->polls->d;
    const struct code *c = judge_receipt(&d->judge, code, words);
    char id[DINGTALK_ID_BYTES];
    struct gateway_receipt receipt = {.code = code, .words = words};

    dingtalk_id(person->task->id, person->user, id);
    receipt.id = (struct gateway_id){id, strlen(id)};
    receipt.state =
        c == NULL || c->receipt == CODE_NO_RECEIPT ? GATEWAY_UNDELIVERED : states[c->receipt];
    receipt.reason = c == NULL ? GATEWAY_REASON_OTHER : c->reason;
    person->told = true;
    d->host->receipt(d->gw, &receipt, on_stored, person);
}

static bool has(const json_t *list, const char *user)
{
    json_t *one;
    size_t i;

    json_array_foreach(list, i, one) if (json_is_string(one) &&
                                         strcmp(json_string_value(one), user) == 0) return true;
    return false;
}

/* The code of why it was forbidden, where it is told. */
static const char *forbidden_code(const json_t *result, const char *user,
                                  char number[JUDGE_NUMBER_BYTES])
{
    json_t *one;
    size_t i;

    json_array_foreach(json_object_get(result, "forbidden_list"), i, one)
    {
        const char *who = json_string_value(json_object_get(one, "userid"));
        const char *code = judge_text(one, "code", number);

        if (who != NULL && code != NULL && strcmp(who, user) == 0)
            return code;
    }
    return "forbidden";
}

static void take_person(struct person *person, const json_t *result)
{
    static const struct {
        const char *list, *code;
    } lists[] = {
        {"read_user_id_list", "read"},           {"unread_user_id_list", "unread"},
        {"invalid_user_id_list", "invalid"},     {"failed_user_id_list", "failed"},
        {"forbidden_user_id_list", "forbidden"},
    };
    char number[JUDGE_NUMBER_BYTES];

    for (size_t i = 0; i < sizeof lists / sizeof *lists && !person->told; i++) {
        const char *code = lists[i].code;

        if (!has(json_object_get(result, lists[i].list), person->user))
            continue;
        if (strcmp(code, "forbidden") == 0)
            code = forbidden_code(result, person->user, number);
        tell(person, code, NULL);
    }
}

/* -------------------------------------------------------------------- asking */

/* It has been asked for: again later, unless all is told or it is too old. */
static void asked(struct task *t)
{
    struct polls *p = t->polls;

    p->asking = NULL;
    if (t->open == 0 || p->d->host->mono_ms() - t->added_ms > DAY_MS) {
        task_free(t);
    } else {
        TAILQ_REMOVE(&p->tasks, t, links);
        enqueue(p, t);
    }
    look(p);
}

static void on_token(void *arg, const char *token, const struct gateway_answer *trouble);

static void on_result(void *arg, const struct gateway_http_response *response)
{
    struct task *t = arg;
    struct dingtalk *d = t->polls->d;
    char number[JUDGE_NUMBER_BYTES];
    struct person *person;
    const char *code;
    json_t *json;

    json = response->result == GATEWAY_HTTP_ANSWERED
               ? json_loadb(response->body, response->length, 0, NULL)
               : NULL;
    code = judge_text(json, "errcode", number);
    if (code != NULL && dingtalk_is_token_code(code) && !t->again) {
        t->again = true;
        json_decref(json);
        tokens_want(d->tokens, t->token, on_token, t);
        return;
    }
    if (code != NULL && strcmp(code, "0") == 0) {
        t->open++; /* a receipt may be stored within the call */
        LIST_FOREACH(person, &t->persons, links)
        take_person(person, json_object_get(json, "send_result"));
        t->open--;
    }
    t->again = false;
    json_decref(json);
    asked(t);
}

static void on_token(void *arg, const char *token, const struct gateway_answer *trouble)
{
    struct task *t = arg;
    struct dingtalk *d = t->polls->d;
    struct text body = {0};

    (void)trouble;
    if (token == NULL) {
        asked(t);
        return;
    }
    free(t->token);
    t->token = memory_strdup(token);
    text_printf(&body, "{\"agent_id\":%lld,\"task_id\":%s}", (long long)d->agent_id, t->id);
    dingtalk_post(d, "/topapi/message/corpconversation/getsendresult", token, &body, 0, on_result,
                  t);
    text_free(&body);
}

static void on_timer(void *arg)
{
    struct polls *p = arg;
    struct task *first;

    p->timer = NULL;
    first = TAILQ_FIRST(&p->tasks);
    if (first == NULL || first->due_ms > p->d->host->mono_ms()) {
        look(p); /* what it was for is told meanwhile */
        return;
    }
    p->asking = first;
    tokens_want(p->d->tokens, NULL, on_token, p->asking);
}
