#include "judge.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CODE_BYTES 80
#define DIGITS_SHOWN 6 /* of a run; a longer one is masked */
#define TOLD_MAX 64    /* strange codes that are remembered as told */

struct judge {
    const struct gateway_host *host;
    struct gateway *gw;
    struct codes *codes;
    char told[TOLD_MAX][CODE_BYTES];
    size_t told_count;
    char code[CODE_BYTES], words[JUDGE_WORDS + 1]; /* of the last answer */
};

struct judge *judge_open(const struct gateway_host *host, struct gateway *gw, const char *table,
                         size_t n, char *error, size_t size)
{
    struct judge *j = calloc(1, sizeof *j);

    if (j == NULL)
        abort();
    j->host = host;
    j->gw = gw;
    j->codes = codes_parse(table, n, error, size);
    if (j->codes != NULL)
        return j;
    judge_free(j);
    return NULL;
}

void judge_free(struct judge *j)
{
    if (j == NULL)
        return;
    codes_free(j->codes);
    free(j);
}

/* ------------------------------------------------------------------ what they say */
static const char *keep_code(struct judge *j, const char *code)
{
    size_t n = 0;

    for (; code != NULL && code[n] != '\0' && n < CODE_BYTES - 1; n++)
        j->code[n] = (char)(isgraph((unsigned char)code[n]) ? code[n] : '?');
    j->code[n] = '\0';
    return code == NULL ? NULL : j->code;
}

/* Does the character that begins at s (UTF-8) end within n bytes? */
static bool fits(const char *s, size_t n)
{
    size_t length = (unsigned char)*s < 0xc0   ? 1
                    : (unsigned char)*s < 0xe0 ? 2
                    : (unsigned char)*s < 0xf0 ? 3
                                               : 4;

    return length <= n;
}

static const char *keep_words(struct judge *j, const char *words)
{
    size_t n = 0, digits = 0;

    for (; words != NULL && *words != '\0' && *words != '\n' && *words != '\r'; words++) {
        if (!fits(words, JUDGE_WORDS - n))
            break;
        j->words[n++] = *words;
        digits = isdigit((unsigned char)*words) ? digits + 1 : 0;
        for (size_t i = 1; digits > DIGITS_SHOWN && i <= digits; i++)
            j->words[n - i] = '*';
    }
    j->words[n] = '\0';
    return n == 0 ? NULL : j->words;
}

static void tell_once(struct judge *j, const char *what)
{
    for (size_t i = 0; i < j->told_count; i++)
        if (strcmp(j->told[i], j->code) == 0)
            return;
    if (j->told_count == TOLD_MAX)
        return;
    strcpy(j->told[j->told_count++], j->code);
    j->host->log(j->gw, GATEWAY_LOG_WARNING, "code.strange of=%s code=%s words=%s", what, j->code,
                 j->host->log_bytes(j->words, strlen(j->words)));
}

/* -------------------------------------------------------------------- outcomes */
void judge_code(struct judge *j, const char *code, const char *words, struct gateway_answer *out)
{
    const struct code *line = codes_find(j->codes, code, strlen(code));

    *out = (struct gateway_answer){.code = keep_code(j, code), .words = keep_words(j, words)};
    if (line == NULL || line->outcome == 0) {
        tell_once(j, "submit");
        out->outcome = GATEWAY_RETRY;
        out->reason = GATEWAY_REASON_OTHER;
        return;
    }
    out->outcome = line->outcome;
    out->reason = line->reason;
}

static const struct {
    int first, last;
    enum gateway_outcome outcome;
    enum gateway_reason reason;
} statuses[] = {
    {200, 299, GATEWAY_UNKNOWN, GATEWAY_REASON_PROTOCOL},
    {401, 401, GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {403, 403, GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {429, 429, GATEWAY_THROTTLED, GATEWAY_REASON_NONE},
    {300, 499, GATEWAY_BROKEN, GATEWAY_REASON_PROTOCOL},
    {503, 503, GATEWAY_RETRY, GATEWAY_REASON_OUTAGE},
    {0, 999, GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE},
};

void judge_http(struct judge *j, const struct gateway_http_response *response,
                struct gateway_answer *out)
{
    size_t i = 0;
    char status[24];

    *out = (struct gateway_answer){.words = keep_words(j, response->trouble)};
    if (response->result == GATEWAY_HTTP_UNSENT) {
        out->outcome = response->tls_trouble ? GATEWAY_BROKEN : GATEWAY_RETRY;
        out->reason = response->tls_trouble ? GATEWAY_REASON_CREDENTIALS : GATEWAY_REASON_OUTAGE;
    } else if (response->result != GATEWAY_HTTP_ANSWERED) {
        out->outcome = GATEWAY_UNKNOWN;
        out->reason = GATEWAY_REASON_OUTAGE;
    } else {
        while (response->status < statuses[i].first || response->status > statuses[i].last)
            i++;
        snprintf(status, sizeof status, "HTTP_%d", response->status);
        out->code = keep_code(j, status);
        out->words = keep_words(j, response->body);
        out->outcome = statuses[i].outcome;
        out->reason = statuses[i].reason;
        if (out->outcome != GATEWAY_UNKNOWN)
            out->retry_after_ms = response->retry_after_ms;
    }
}

void judge_receipt(struct judge *j, bool delivered, const char *code, const char *words,
                   struct gateway_receipt *out)
{
    const struct code *line = code == NULL ? NULL : codes_find(j->codes, code, strlen(code));

    out->code = keep_code(j, code);
    out->words = keep_words(j, words);
    out->state = delivered ? GATEWAY_DELIVERED : GATEWAY_UNDELIVERED;
    if (line != NULL && line->receipt == CODE_ENROUTE)
        out->state = GATEWAY_ENROUTE;
    if (line == NULL && code != NULL && *code != '\0')
        tell_once(j, "receipt");
    out->reason = delivered      ? GATEWAY_REASON_NONE
                  : line != NULL ? line->reason
                                 : GATEWAY_REASON_OTHER;
}
