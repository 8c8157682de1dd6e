#include "verdict.h"

#include "escape.h"
#include "jsonpath.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_BYTES_MAX 64
#define WORDS_BYTES 160
#define SEARCHED_BYTES (64 << 10) /* of a body: a regular expression is not let loose on a MiB */
#define HIDDEN_BYTES_MIN 4

const struct gateway_setting verdict_rule_fields[] = {
    {"status", GATEWAY_INT, false, 2, 599, NULL, NULL,
     "HTTP status that must have come; 2 to 5 is a whole class."},
    {"contains", GATEWAY_STRING, false, 0, 0, NULL, NULL, "Bytes that must stand in the body."},
    {"json", GATEWAY_STRING, false, 0, 0, NULL, NULL,
     "Path into the body's JSON that must be there: names and indexes with dots."},
    {"equals", GATEWAY_STRING, false, 0, 0, NULL, NULL, "What must stand at that path."},
    {"reason", GATEWAY_STRING, false, 0, 0, NULL, NULL,
     "Why: number, text, blacklisted, absent, barred, outage, credentials, balance, template, "
     "limit."},
    {0},
};

const struct gateway_setting verdict_id_fields[] = {
    {"json", GATEWAY_STRING, false, 0, 0, NULL, NULL, "Path of the id in the body's JSON."},
    {"after", GATEWAY_STRING, false, 0, 0, NULL, NULL,
     "The id stands right behind these bytes, up to the first that is no letter, digit or one of "
     "-_.:@"},
    {"regex", GATEWAY_STRING, false, 0, 0, NULL, NULL,
     "POSIX extended regular expression; the id is its first group."},
    {0},
};

static const struct {
    const char *name;
    enum gateway_reason reason;
} reasons[] = {
    {"number", GATEWAY_REASON_NUMBER},           {"text", GATEWAY_REASON_TEXT},
    {"blacklisted", GATEWAY_REASON_BLACKLISTED}, {"absent", GATEWAY_REASON_ABSENT},
    {"barred", GATEWAY_REASON_BARRED},           {"outage", GATEWAY_REASON_OUTAGE},
    {"credentials", GATEWAY_REASON_CREDENTIALS}, {"balance", GATEWAY_REASON_BALANCE},
    {"template", GATEWAY_REASON_TEMPLATE},       {"limit", GATEWAY_REASON_LIMIT},
};

/* In the order in which they are asked. */
static const struct {
    const char *setting;
    enum gateway_outcome outcome;
    enum gateway_reason reason; /* unless the rule names one */
} lists[] = {
    {"throttled", GATEWAY_THROTTLED, GATEWAY_REASON_NONE},
    {"retry", GATEWAY_RETRY, GATEWAY_REASON_OUTAGE},
    {"broken", GATEWAY_BROKEN, GATEWAY_REASON_OTHER},
    {"rejected", GATEWAY_REJECTED, GATEWAY_REASON_OTHER},
    {"accepted", GATEWAY_ACCEPTED, GATEWAY_REASON_NONE},
};
#define LIST_COUNT (sizeof lists / sizeof *lists)

/* Where no rule holds; the story is in the header. */
static const struct fallback {
    int first, last;
    enum gateway_outcome outcome;
    enum gateway_reason reason;
} fallbacks[] = {
    {429, 429, GATEWAY_THROTTLED, GATEWAY_REASON_NONE},
    {503, 503, GATEWAY_RETRY, GATEWAY_REASON_OUTAGE},
    {408, 408, GATEWAY_RETRY, GATEWAY_REASON_OUTAGE},
    {425, 425, GATEWAY_RETRY, GATEWAY_REASON_OUTAGE},
    {401, 401, GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {402, 402, GATEWAY_BROKEN, GATEWAY_REASON_BALANCE},
    {403, 403, GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {407, 407, GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {400, 400, GATEWAY_REJECTED, GATEWAY_REASON_OTHER},
    {422, 422, GATEWAY_REJECTED, GATEWAY_REASON_OTHER},
    {413, 414, GATEWAY_REJECTED, GATEWAY_REASON_TEXT},
    {451, 451, GATEWAY_REJECTED, GATEWAY_REASON_TEXT},
    {409, 409, GATEWAY_UNKNOWN, GATEWAY_REASON_PROTOCOL},
    {303, 303, GATEWAY_UNKNOWN, GATEWAY_REASON_PROTOCOL},
    {300, 499, GATEWAY_BROKEN, GATEWAY_REASON_PROTOCOL},
    {500, 599, GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE},
};

struct rule {
    int64_t status;
    const char *contains, *json, *equals; /* NULL where not asked */
    enum gateway_reason reason;
};

struct id_place {
    const char *json, *after; /* NULL, or the one that is given */
    bool has_regex;
    regex_t regex;
};

struct verdict_rules {
    const struct gateway_host *host;
    struct gateway *gw;
    struct rule *rules[LIST_COUNT];
    size_t counts[LIST_COUNT];
    struct id_place *ids;
    size_t id_count;
    const char *code_path, *words_path; /* NULL where not given */

    struct gateway_id id; /* of the last answer, as are these */
    struct bytes id_text, words, code;
};

/* ------------------------------------------------------------------ reading */

/* lists of groups: NAME.INDEX.FIELD; NULL where it is empty or not given. */
static const char *field(const struct verdict_rules *r, const char *list, size_t index,
                         const char *name)
{
    char path[80];
    const char *value;

    snprintf(path, sizeof path, "%s.%zu.%s", list, index, name);
    value = r->host->setting_string(r->gw, path);
    return value != NULL && *value != '\0' ? value : NULL;
}

static int read_reason(struct rule *rule, const char *name)
{
    size_t i;

    for (i = 0; name != NULL && i < sizeof reasons / sizeof *reasons; i++)
        if (strcmp(reasons[i].name, name) == 0) {
            rule->reason = reasons[i].reason;
            return 0;
        }
    return name == NULL ? 0 : -1;
}

static const char *read_rule(struct verdict_rules *r, size_t list, size_t index)
{
    const char *name = lists[list].setting;
    struct rule *rule = &r->rules[list][index];
    char path[80];

    snprintf(path, sizeof path, "%s.%zu.status", name, index);
    rule->status = r->host->setting_int(r->gw, path);
    rule->contains = field(r, name, index, "contains");
    rule->json = field(r, name, index, "json");
    rule->equals = field(r, name, index, "equals");
    rule->reason = lists[list].reason;
    if (read_reason(rule, field(r, name, index, "reason")) != 0)
        return "no such reason";
    if (rule->status > 5 && rule->status < 200)
        return "status must be 200..599, or 2..5 for a class";
    if (rule->equals != NULL && rule->json == NULL)
        return "equals needs json";
    if (rule->status == 0 && rule->contains == NULL && rule->json == NULL)
        return "needs status, contains or json";
    return NULL;
}

static int read_rules(struct verdict_rules *r, char *error, size_t size)
{
    size_t list, i;

    for (list = 0; list < LIST_COUNT; list++) {
        r->counts[list] = r->host->setting_count(r->gw, lists[list].setting);
        r->rules[list] = bytes_alloc(r->counts[list], sizeof *r->rules[list]);
        for (i = 0; i < r->counts[list]; i++) {
            const char *trouble = read_rule(r, list, i);

            if (trouble != NULL) {
                snprintf(error, size, "%s.%zu: %s", lists[list].setting, i, trouble);
                return -1;
            }
        }
    }
    return 0;
}

static int read_id(struct verdict_rules *r, size_t index, char *error, size_t size)
{
    struct id_place *id = &r->ids[index];
    const char *regex = field(r, "id", index, "regex");
    char why[128];
    int code;

    id->json = field(r, "id", index, "json");
    id->after = field(r, "id", index, "after");
    if ((id->json != NULL) + (id->after != NULL) + (regex != NULL) != 1) {
        snprintf(error, size, "id.%zu: needs one of json, after, regex", index);
        return -1;
    }
    if (regex == NULL)
        return 0;
    code = regcomp(&id->regex, regex, REG_EXTENDED);
    if (code != 0) {
        regerror(code, &id->regex, why, sizeof why);
        snprintf(error, size, "id.%zu.regex: %s", index, why);
        return -1;
    }
    id->has_regex = true;
    if (id->regex.re_nsub < 1) {
        snprintf(error, size, "id.%zu.regex: needs a group ( ) around the id", index);
        return -1;
    }
    return 0;
}

struct verdict_rules *verdict_open(const struct gateway_host *host, struct gateway *gw, char *error,
                                   size_t size)
{
    struct verdict_rules *r = bytes_alloc(1, sizeof *r);
    const char *path;
    size_t i;

    r->host = host;
    r->gw = gw;
    r->id_text = BYTES_INIT(ID_BYTES_MAX);
    r->words = r->code = BYTES_INIT(WORDS_BYTES);
    if (read_rules(r, error, size) != 0)
        goto fail;
    r->id_count = host->setting_count(gw, "id");
    r->ids = bytes_alloc(r->id_count, sizeof *r->ids);
    for (i = 0; i < r->id_count; i++)
        if (read_id(r, i, error, size) != 0)
            goto fail;
    path = host->setting_string(gw, "code");
    r->code_path = path != NULL && *path != '\0' ? path : NULL;
    path = host->setting_string(gw, "words");
    r->words_path = path != NULL && *path != '\0' ? path : NULL;
    return r;

fail:
    verdict_close(r);
    return NULL;
}

void verdict_close(struct verdict_rules *r)
{
    size_t i;

    if (r == NULL)
        return;
    for (i = 0; i < LIST_COUNT; i++)
        free(r->rules[i]);
    for (i = 0; i < r->id_count; i++)
        if (r->ids[i].has_regex)
            regfree(&r->ids[i].regex);
    free(r->ids);
    bytes_free(&r->id_text);
    bytes_free(&r->words);
    bytes_free(&r->code);
    free(r);
}

/* ------------------------------------------------------------------ judging */

static bool rule_holds(const struct rule *rule, const struct gateway_http_response *response)
{
    struct jsonpath_value value;

    if (rule->status != 0 && rule->status != response->status &&
        rule->status != response->status / 100)
        return false;
    if (rule->contains != NULL &&
        memmem(response->body, response->length, rule->contains, strlen(rule->contains)) == NULL)
        return false;
    if (rule->json == NULL)
        return true;
    if (!jsonpath_find(response->body, response->length, rule->json, &value))
        return false;
    if (rule->equals != NULL)
        return jsonpath_equals(&value, rule->equals, strlen(rule->equals));
    return !jsonpath_equals(&value, "null", 4) || value.type == '"';
}

static void judge_by_status(const struct verdict_rules *r,
                            const struct gateway_http_response *response,
                            struct gateway_answer *answer)
{
    size_t i;

    answer->outcome = GATEWAY_UNKNOWN;
    answer->reason = GATEWAY_REASON_PROTOCOL;
    if (response->status / 100 == 2 && r->counts[LIST_COUNT - 1] == 0) {
        answer->outcome = GATEWAY_ACCEPTED;
        answer->reason = GATEWAY_REASON_NONE;
    }
    for (i = 0; i < sizeof fallbacks / sizeof *fallbacks; i++)
        if (response->status >= fallbacks[i].first && response->status <= fallbacks[i].last) {
            answer->outcome = fallbacks[i].outcome;
            answer->reason = fallbacks[i].reason;
            return;
        }
}

static void judge_by_rules(const struct verdict_rules *r,
                           const struct gateway_http_response *response,
                           struct gateway_answer *answer)
{
    size_t list, i;

    for (list = 0; list < LIST_COUNT; list++)
        for (i = 0; i < r->counts[list]; i++)
            if (rule_holds(&r->rules[list][i], response)) {
                answer->outcome = lists[list].outcome;
                answer->reason = r->rules[list][i].reason;
                return;
            }
    judge_by_status(r, response, answer);
}

static size_t id_span(const char *s, size_t n)
{
    size_t i = 0;

    while (i < n && s[i] != '\0' &&
           strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:@", s[i]) !=
               NULL)
        i++;
    return i;
}

static bool find_id(struct verdict_rules *r, const struct id_place *place,
                    const struct gateway_http_response *response)
{
    size_t searched = response->length < SEARCHED_BYTES ? response->length : SEARCHED_BYTES;
    const char *end = response->body + response->length, *found;
    struct jsonpath_value value;
    regmatch_t match[2] = {{.rm_so = 0, .rm_eo = (regoff_t)searched}};

    bytes_clear(&r->id_text);
    if (place->json != NULL) {
        if (!jsonpath_find(response->body, response->length, place->json, &value) ||
            !jsonpath_text(&value, &r->id_text))
            return false;
    } else if (place->after != NULL) {
        found = memmem(response->body, response->length, place->after, strlen(place->after));
        if (found == NULL)
            return false;
        found += strlen(place->after);
        bytes_put(&r->id_text, found, id_span(found, (size_t)(end - found)));
    } else {
        if (regexec(&place->regex, response->body, 2, match, REG_STARTEND) != 0 ||
            match[1].rm_so < 0)
            return false;
        bytes_put(&r->id_text, response->body + match[1].rm_so,
                  (size_t)(match[1].rm_eo - match[1].rm_so));
    }
    return !r->id_text.overflowed && r->id_text.length > 0;
}

static void find_ids(struct verdict_rules *r, const struct gateway_http_response *response,
                     struct gateway_answer *answer)
{
    size_t i;

    for (i = 0; i < r->id_count; i++)
        if (find_id(r, &r->ids[i], response)) {
            r->id = (struct gateway_id){r->id_text.data, r->id_text.length};
            answer->ids = &r->id;
            answer->id_count = 1;
            return;
        }
    if (r->id_count > 0)
        r->host->log(r->gw, GATEWAY_LOG_WARNING, "http.no_id status=%d bytes=%zu", response->status,
                     response->length);
}

static bool stands_in(char c, const struct gateway_id *hide)
{
    for (; hide->bytes != NULL; hide++)
        if (memchr(hide->bytes, c, hide->length) != NULL)
            return true;
    return false;
}

/* A star, or where a secret has one the first sign that none has: ink that may
 * be a part of a secret completes it together with what stands beside it. */
static char ink_for(const struct gateway_id *hide)
{
    char c = '*';

    if (stands_in(c, hide))
        for (c = '#'; c < '~' && stands_in(c, hide);)
            c++;
    return c;
}

static void blot_out(struct bytes *words, const struct gateway_id *hidden, char ink)
{
    char *at = words->data, *end = at + words->length;

    if (hidden->length < HIDDEN_BYTES_MIN || words->length == 0)
        return;
    while ((at = memmem(at, (size_t)(end - at), hidden->bytes, hidden->length)) != NULL) {
        memset(at, ink, hidden->length);
        at += hidden->length;
    }
}

static void blot_all(struct bytes *words, const struct gateway_id *hide)
{
    char ink = ink_for(hide);

    for (; hide->bytes != NULL; hide++)
        blot_out(words, hide, ink);
}

/* What they said, on one line. Cut only after the blotting out: half a secret
 * at the cut would not be found. */
static const char *said(const char *s, size_t n, const struct gateway_id *hide, struct bytes *out)
{
    struct bytes whole = BYTES_INIT(8 * WORDS_BYTES), clean = BYTES_INIT(24 * WORDS_BYTES),
                 line = BYTES_INIT(24 * WORDS_BYTES);
    size_t cut;

    bytes_put(&whole, s, n < whole.limit ? n : whole.limit);
    blot_all(&whole, hide);
    escape_clean(&clean, whole.data, whole.length);
    escape_line(&line, clean.data, clean.length);
    blot_all(&line, hide); /* once more: control bytes that stood within it are gone now */
    cut = line.length < out->limit - 1 ? line.length : out->limit - 1;
    while (cut > 0 && cut < line.length && ((unsigned char)line.data[cut] & 0xc0) == 0x80)
        cut--; /* not within a character */
    bytes_clear(out);
    bytes_put(out, line.data, cut);
    bytes_free(&whole);
    bytes_free(&clean);
    bytes_free(&line);
    return out->length > 0 ? bytes_string(out) : NULL;
}

static const char *said_at(const char *path, const struct gateway_http_response *response,
                           const struct gateway_id *hide, struct bytes *out)
{
    struct jsonpath_value value;
    struct bytes text = BYTES_INIT(8 * WORDS_BYTES);
    const char *result = NULL;

    if (path == NULL || !jsonpath_find(response->body, response->length, path, &value))
        return NULL;
    if (jsonpath_text(&value, &text) && text.length > 0)
        result = said(text.data, text.length, hide, out);
    bytes_free(&text);
    return result;
}

static void quote(struct verdict_rules *r, const struct gateway_http_response *response,
                  const struct gateway_id *hide, struct gateway_answer *answer)
{
    char status[24];

    answer->code = said_at(r->code_path, response, hide, &r->code);
    if (answer->code == NULL) {
        snprintf(status, sizeof status, "HTTP %d", response->status);
        bytes_clear(&r->code);
        bytes_puts(&r->code, status);
        answer->code = bytes_string(&r->code);
    }
    answer->words = said_at(r->words_path, response, hide, &r->words);
    if (answer->words == NULL)
        answer->words = said(response->body, response->length, hide, &r->words);
}

static void judge_silence(struct verdict_rules *r, const struct gateway_http_response *response,
                          const struct gateway_id *hide, struct gateway_answer *answer)
{
    bool tls = response->tls_trouble && response->result == GATEWAY_HTTP_UNSENT;

    answer->outcome = response->result != GATEWAY_HTTP_UNSENT ? GATEWAY_UNKNOWN
                      : tls                                   ? GATEWAY_BROKEN
                                                              : GATEWAY_RETRY;
    answer->reason = tls ? GATEWAY_REASON_CREDENTIALS : GATEWAY_REASON_OUTAGE;
    if (response->trouble != NULL)
        answer->words = said(response->trouble, strlen(response->trouble), hide, &r->words);
}

void verdict_judge(struct verdict_rules *r, const struct gateway_http_response *response,
                   const struct gateway_id *hide, struct gateway_answer *answer)
{
    memset(answer, 0, sizeof *answer);
    if (response->result != GATEWAY_HTTP_ANSWERED) {
        judge_silence(r, response, hide, answer);
        return;
    }
    judge_by_rules(r, response, answer);
    if (answer->outcome == GATEWAY_ACCEPTED) {
        find_ids(r, response, answer);
        return;
    }
    if (answer->outcome != GATEWAY_REJECTED)
        answer->retry_after_ms = response->retry_after_ms;
    quote(r, response, hide, answer);
}
