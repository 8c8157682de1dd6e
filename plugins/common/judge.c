#include "judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Where no code says more. 500 and its like may come from a proxy behind which the message went
 * on; only 503 and 408 say that it did not. */
static const struct {
    int from, to;
    enum gateway_outcome outcome;
    enum gateway_reason reason;
} statuses[] = {
    {429, 429, GATEWAY_THROTTLED, GATEWAY_REASON_LIMIT},
    {401, 401, GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {403, 403, GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {402, 402, GATEWAY_BROKEN, GATEWAY_REASON_BALANCE},
    {413, 413, GATEWAY_REJECTED, GATEWAY_REASON_TEXT},
    {408, 408, GATEWAY_RETRY, GATEWAY_REASON_OUTAGE},
    {503, 503, GATEWAY_RETRY, GATEWAY_REASON_OUTAGE},
    {500, 599, GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE},
    {300, 499, GATEWAY_BROKEN, GATEWAY_REASON_PROTOCOL},
    {0, 1000, GATEWAY_UNKNOWN, GATEWAY_REASON_PROTOCOL},
};

int judge_open(struct judge *j, const struct gateway_host *host, struct gateway *gw,
               const char *table, size_t n, char *error, size_t size)
{
    j->host = host;
    j->gw = gw;
    j->codes = codes_parse(table, n, error, size);
    return j->codes == NULL ? -1 : 0;
}

void judge_close(struct judge *j)
{
    codes_free(j->codes);
    j->codes = NULL;
}

static const char *keep_words(struct judge *j, const char *words)
{
    size_t n = words == NULL ? 0 : strlen(words);

    if (n == 0)
        return NULL;
    for (size_t i = 0; i < JUDGE_SECRETS; i++)
        if (j->secrets[i] != NULL && *j->secrets[i] != '\0' && strstr(words, j->secrets[i]) != NULL)
            return "(words that hold a secret)";
    n = n < sizeof j->words ? n : sizeof j->words - 1;
    while (n > 0 && n < strlen(words) && ((unsigned char)words[n] & 0xc0) == 0x80)
        n--; /* not within a character */
    memcpy(j->words, words, n);
    j->words[n] = '\0';
    return j->words;
}

bool judge_silence(struct judge *j, const struct gateway_http_response *response,
                   struct gateway_answer *answer)
{
    bool tls = response->tls_trouble && response->result == GATEWAY_HTTP_UNSENT;

    if (response->result == GATEWAY_HTTP_ANSWERED)
        return false;
    *answer = (struct gateway_answer){
        .outcome = response->result != GATEWAY_HTTP_UNSENT ? GATEWAY_UNKNOWN
                   : tls                                   ? GATEWAY_BROKEN
                                                           : GATEWAY_RETRY,
        .reason = tls ? GATEWAY_REASON_CREDENTIALS : GATEWAY_REASON_OUTAGE,
        .words = keep_words(j, response->trouble),
    };
    return true;
}

static bool told_before(struct judge *j, const char *code)
{
    for (size_t i = 0; i < j->told_count; i++)
        if (strcmp(j->told[i], code) == 0)
            return true;
    if (j->told_count < JUDGE_TOLD)
        snprintf(j->told[j->told_count++], JUDGE_CODE_BYTES, "%s", code);
    return false;
}

static const struct code *find(struct judge *j, const char *words)
{
    const struct code *c = codes_find(j->codes, j->code, strlen(j->code));
    char code[4 * JUDGE_CODE_BYTES];

    if (c != NULL || told_before(j, j->code))
        return c;
    /* log_bytes may have one buffer for all */
    snprintf(code, sizeof code, "%s", j->host->log_bytes(j->code, strlen(j->code)));
    words = words == NULL ? "" : words;
    j->host->log(j->gw, GATEWAY_LOG_WARNING, "code.unknown code=%s words=%s", code,
                 j->host->log_bytes(words, strlen(words)));
    return NULL;
}

void judge_answer(struct judge *j, int status, const char *code, const char *words,
                  struct gateway_answer *answer)
{
    const struct code *c;
    size_t i = 0;

    *answer = (struct gateway_answer){.words = keep_words(j, words)};
    if (code == NULL || *code == '\0') {
        while (status < statuses[i].from || status > statuses[i].to)
            i++;
        snprintf(j->code, sizeof j->code, "HTTP %d", status);
        answer->code = j->code;
        answer->outcome = statuses[i].outcome;
        answer->reason = statuses[i].reason;
        return;
    }
    snprintf(j->code, sizeof j->code, "%s", code);
    answer->code = j->code;
    c = find(j, answer->words);
    answer->outcome = c == NULL || c->outcome == 0 ? GATEWAY_RETRY : c->outcome;
    answer->reason = c == NULL ? GATEWAY_REASON_OTHER : c->reason;
}

const struct code *judge_receipt(struct judge *j, const char *code, const char *words)
{
    snprintf(j->code, sizeof j->code, "%s", code);
    return find(j, keep_words(j, words));
}

const char *judge_text(const json_t *object, const char *name, char number[JUDGE_NUMBER_BYTES])
{
    const json_t *member = json_object_get(object, name);

    if (json_is_string(member))
        return json_string_value(member);
    if (!json_is_integer(member))
        return NULL;
    snprintf(number, JUDGE_NUMBER_BYTES, "%" JSON_INTEGER_FORMAT, json_integer_value(member));
    return number;
}
