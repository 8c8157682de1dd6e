#include "codes_seen.h"

#include "code_words.h"
#include "log_entry.h"
#include "mem.h"
#include "settings.h"
#include "tail.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CODES_TOLD 5

struct seen {
    char campaign[65], reminder[33], gateway[33], code[48];
    int64_t n, at;            /* at: the how manieth line; the last of a notice counts */
    enum notice_state stands; /* as codes_seen_stands() says; NOTICE_STATES: not that it does */
};

struct codes_seen {
    struct cli *cli;
    const char *campaign; /* NULL: of all */
    bool read;
    struct seen *list; /* while the log is read a ring, once it is full */
    size_t count, room;
    int64_t taken; /* lines */
    struct code_words *words;
    struct buf out;
};

struct codes_seen *codes_seen_create(struct cli *cli, const char *campaign)
{
    struct codes_seen *s = xcalloc(1, sizeof *s);

    *s = (struct codes_seen){.cli = cli, .campaign = campaign, .out = BUF_INIT(65536)};
    s->words = code_words_create(cli->settings);
    return s;
}

void codes_seen_free(struct codes_seen *s)
{
    if (s == NULL)
        return;
    code_words_free(s->words);
    buf_free(&s->out);
    free(s->list);
    free(s);
}

/* --------------------------------------------------------------------- the log */

static const char *string(const json_t *entry, const char *name)
{
    const char *value = json_string_value(json_object_get(entry, name));

    return value != NULL ? value : "";
}

static void take(struct codes_seen *s, const json_t *entry)
{
    const char *event = string(entry, "event"), *code = string(entry, "code");
    struct seen *one;

    if (code[0] == '\0' || (strcmp(event, "undelivered") != 0 && strcmp(event, "failed") != 0))
        return;
    if (s->count == s->room && s->room < CODES_SEEN_MOST) {
        s->room = s->room > 0 ? 2 * s->room : 256;
        s->room = s->room < CODES_SEEN_MOST ? s->room : CODES_SEEN_MOST;
        s->list = xreallocarray(s->list, s->room, sizeof *s->list);
    }
    one = &s->list[s->taken++ % CODES_SEEN_MOST]; /* the oldest, when all are taken */
    s->count += s->count < CODES_SEEN_MOST;
    *one = (struct seen){.n = json_integer_value(json_object_get(entry, "n")),
                         .at = s->taken,
                         .stands = NOTICE_STATES};
    snprintf(one->campaign, sizeof one->campaign, "%s", string(entry, "campaign"));
    snprintf(one->reminder, sizeof one->reminder, "%s", string(entry, "reminder"));
    snprintf(one->gateway, sizeof one->gateway, "%s", string(entry, "gateway"));
    snprintf(one->code, sizeof one->code, "%s", code);
}

static void read_file(struct codes_seen *s, const char *path)
{
    static const char wanted[] = "\"reason\":\"other\"";
    const struct log_filter filter = {.campaign = s->campaign, .n = -1};
    struct tail *t = tail_open(path, false, NULL);
    const char *line;
    size_t n;

    while (t != NULL && cli_interrupted() == 0 && tail_next(t, &line, &n) == 1) {
        json_t *entry;

        if (memmem(line, n, wanted, sizeof wanted - 1) == NULL ||
            !log_filter_wants(&filter, line, n))
            continue;
        entry = json_loadb(line, n, 0, NULL);
        take(s, entry);
        json_decref(entry);
    }
    tail_close(t);
}

static int by_notice(const void *x, const void *y)
{
    const struct seen *a = x, *b = y;
    int order = strcmp(a->campaign, b->campaign);

    if (order == 0)
        order = strcmp(a->reminder, b->reminder);
    if (order == 0)
        order = (a->n > b->n) - (a->n < b->n);
    return order != 0 ? order : (a->at > b->at) - (a->at < b->at);
}

static bool is_one(const struct seen *a, const struct seen *b)
{
    return a->n == b->n && strcmp(a->reminder, b->reminder) == 0 &&
           strcmp(a->campaign, b->campaign) == 0;
}

/* Once; of each notice what came last. */
static void read_log(struct codes_seen *s)
{
    const char *path = s->cli->settings->log.delivery;
    char *rotated = xasprintf("%s.1", path);
    size_t kept = 0;

    if (!s->read) {
        read_file(s, rotated);
        read_file(s, path);
        if (s->count > 0)
            qsort(s->list, s->count, sizeof *s->list, by_notice);
        for (size_t i = 0; i < s->count; i++)
            if (i + 1 == s->count || !is_one(&s->list[i], &s->list[i + 1]))
                s->list[kept++] = s->list[i];
        s->count = kept;
    }
    s->read = true;
    free(rotated);
}

/* -------------------------------------------------------------------- the words */

/* "MK:0012 (停机)" */
static void put_code(struct codes_seen *s, const struct seen *one)
{
    const char *meaning = code_words_find(s->words, one->gateway, one->code);

    buf_puts(&s->out, one->code);
    if (meaning != NULL)
        buf_printf(&s->out, T(" (%s)"), meaning);
}

static const char *reason_words(enum notice_reason reason)
{
    return words_reason(notice_reason_name(reason));
}

/* Of one notice; NULL: the log does not know. */
static struct seen *find(struct codes_seen *s, const char *campaign, const char *reminder,
                         int64_t n)
{
    struct seen wanted = {.n = n};
    size_t from = 0, to;

    read_log(s);
    snprintf(wanted.campaign, sizeof wanted.campaign, "%s", campaign);
    snprintf(wanted.reminder, sizeof wanted.reminder, "%s", reminder);
    for (to = s->count; from < to;) {
        size_t middle = from + (to - from) / 2;

        if (by_notice(&s->list[middle], &wanted) < 0) /* its `at` is greater than 0 */
            from = middle + 1;
        else
            to = middle;
    }
    return from < s->count && is_one(&s->list[from], &wanted) ? &s->list[from] : NULL;
}

const char *codes_seen_reason(struct codes_seen *s, const char *campaign, const char *reminder,
                              int64_t n, enum notice_reason reason)
{
    const struct seen *one = reason == REASON_OTHER ? find(s, campaign, reminder, n) : NULL;

    if (one == NULL)
        return reason_words(reason);
    buf_clear(&s->out);
    buf_puts(&s->out, T("for a reason of the gateway's own: "));
    put_code(s, one);
    return buf_string(&s->out);
}

void codes_seen_stands(struct codes_seen *s, const char *campaign, const char *reminder, int64_t n,
                       enum notice_state state, enum notice_reason reason)
{
    struct seen *one = reason == REASON_OTHER ? find(s, campaign, reminder, n) : NULL;

    if (one != NULL)
        one->stands = state;
}

static int by_code(const void *x, const void *y)
{
    const struct seen *const *a = x, *const *b = y;
    int order = strcmp((*a)->code, (*b)->code);

    return order != 0 ? order : strcmp((*a)->gateway, (*b)->gateway);
}

struct often {
    const struct seen *one;
    size_t times;
};

static int by_times(const void *x, const void *y)
{
    const struct often *a = x, *b = y;

    return a->times != b->times ? (a->times > b->times ? -1 : 1) : by_code(&a->one, &b->one);
}

const char *codes_seen_reasons(struct codes_seen *s, const char *campaign, const char *reminder,
                               enum notice_state state, enum notice_reason reason)
{
    const struct seen **all;
    struct often *often;
    size_t count = 0, codes = 0;

    if (reason != REASON_OTHER)
        return reason_words(reason);
    read_log(s);
    all = xcalloc(s->count + 1, sizeof *all);
    often = xcalloc(s->count + 1, sizeof *often);
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->list[i].campaign, campaign) == 0 &&
            (reminder != NULL
                 ? strcmp(s->list[i].reminder, reminder) == 0 && s->list[i].stands == state
                 : s->list[i].stands != NOTICE_STATES))
            all[count++] = &s->list[i];
    qsort(all, count, sizeof *all, by_code);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || by_code(&all[i - 1], &all[i]) != 0)
            often[codes++].one = all[i];
        often[codes - 1].times++;
    }
    qsort(often, codes, sizeof *often, by_times);
    buf_clear(&s->out);
    buf_puts(&s->out, codes > 0 ? T("for a reason of the gateway's own: ") : reason_words(reason));
    for (size_t i = 0; i < codes && i < CODES_TOLD; i++) {
        if (i > 0)
            buf_puts(&s->out, T(", "));
        put_code(s, often[i].one);
    }
    if (codes > CODES_TOLD)
        buf_puts(&s->out, ", …");
    free(all);
    free(often);
    return buf_string(&s->out);
}
