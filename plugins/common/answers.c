#include "answers.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define DIGITS_SHOWN 6

int answers_open(struct answers *a, const struct gateway_host *host, struct gateway *gw,
                 const char *table, size_t n, char *error, size_t size)
{
    a->host = host;
    a->gw = gw;
    a->codes = codes_parse(table, n, error, size);
    return a->codes == NULL ? -1 : 0;
}

void answers_close(struct answers *a)
{
    codes_free(a->codes);
    a->codes = NULL;
}

/* -------------------------------------------------------------- what they say */
static const char *keep_code(struct answers *a, const char *code)
{
    size_t n = 0;

    for (; n < sizeof a->code - 1 && code[n] != '\0'; n++)
        a->code[n] = (char)(isprint((unsigned char)code[n]) ? code[n] : '?');
    a->code[n] = '\0';
    return n == 0 ? NULL : a->code;
}

static void blot(char *bytes, size_t n)
{
    memset(bytes, '*', n);
}

/* A number may be written +86 138-5140-0001. */
static void blot_numbers(char *words)
{
    for (char *p = words; *p != '\0';) {
        size_t run = strspn(p, "0123456789 -()."), digits = 0;

        for (size_t i = 0; i < run; i++)
            digits += isdigit((unsigned char)p[i]) != 0;
        for (size_t i = 0; digits > DIGITS_SHOWN && i < run; i++)
            if (isdigit((unsigned char)p[i]))
                p[i] = '*';
        p += run == 0 ? 1 : run;
    }
}

static const char *keep_words(struct answers *a, const char *words)
{
    size_t n = words == NULL ? 0 : strlen(words), whole = n;
    const char *secret = a->secret;

    n = n < sizeof a->words ? n : sizeof a->words - 1;
    while (n > 0 && n < whole && ((unsigned char)words[n] & 0xc0) == 0x80)
        n--; /* not within a character */
    if (n > 0)
        memcpy(a->words, words, n);
    a->words[n] = '\0';
    if (n == 0)
        return NULL;
    /* One that is cut off at the end is no secret to anybody who has no more of it than that. */
    for (char *p; secret != NULL && strlen(secret) >= 4 && (p = strstr(a->words, secret)) != NULL;)
        blot(p, strlen(secret));
    blot_numbers(a->words);
    return a->words;
}

static void tell_once(struct answers *a)
{
    char code[4 * ANSWERS_CODE_BYTES];

    for (size_t i = 0; i < a->told_count; i++)
        if (strcmp(a->told[i], a->code) == 0)
            return;
    if (a->told_count == ANSWERS_TOLD)
        return;
    strcpy(a->told[a->told_count++], a->code);
    /* log_bytes may have one buffer for all */
    snprintf(code, sizeof code, "%s", a->host->log_bytes(a->code, strlen(a->code)));
    a->host->log(a->gw, GATEWAY_LOG_WARNING, "code.strange code=%s words=%s", code,
                 a->host->log_bytes(a->words, strlen(a->words)));
}

/* ------------------------------------------------------------------- outcomes */
void answers_by_line(struct answers *a, const struct code *line, const char *code,
                     const char *words, struct gateway_answer *out)
{
    *out = (struct gateway_answer){
        .outcome = GATEWAY_RETRY,
        .reason = GATEWAY_REASON_OTHER,
        .code = keep_code(a, code),
        .words = keep_words(a, words),
    };
    if (line == NULL || line->outcome == 0) {
        tell_once(a);
        return;
    }
    out->outcome = line->outcome;
    out->reason = line->reason;
}

void answers_by_code(struct answers *a, const char *code, const char *words,
                     struct gateway_answer *out)
{
    answers_by_line(a, codes_find(a->codes, code, strlen(code)), code, words, out);
}

static const struct {
    int from, to;
    enum gateway_outcome outcome;
    enum gateway_reason reason;
} statuses[] = {
    {303, 303, GATEWAY_UNKNOWN, GATEWAY_REASON_PROTOCOL}, /* see there what came of it */
    {400, 400, GATEWAY_REJECTED, GATEWAY_REASON_OTHER},
    {401, 401, GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {402, 402, GATEWAY_BROKEN, GATEWAY_REASON_BALANCE},
    {403, 403, GATEWAY_BROKEN, GATEWAY_REASON_CREDENTIALS},
    {408, 408, GATEWAY_RETRY, GATEWAY_REASON_OUTAGE},
    {409, 409, GATEWAY_UNKNOWN, GATEWAY_REASON_PROTOCOL}, /* they have it already */
    {413, 413, GATEWAY_REJECTED, GATEWAY_REASON_TEXT},
    {422, 422, GATEWAY_REJECTED, GATEWAY_REASON_OTHER},
    {429, 429, GATEWAY_THROTTLED, GATEWAY_REASON_NONE},
    {503, 503, GATEWAY_RETRY, GATEWAY_REASON_OUTAGE},
    {500, 599, GATEWAY_UNKNOWN, GATEWAY_REASON_OUTAGE},
    {300, 499, GATEWAY_BROKEN, GATEWAY_REASON_PROTOCOL},
};

static void by_status(const struct gateway_http_response *response, struct gateway_answer *out)
{
    out->outcome = GATEWAY_UNKNOWN;
    out->reason = GATEWAY_REASON_PROTOCOL;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (response->status >= statuses[i].from && response->status <= statuses[i].to) {
            out->outcome = statuses[i].outcome;
            out->reason = statuses[i].reason;
            break;
        }
    if (out->outcome != GATEWAY_UNKNOWN)
        out->retry_after_ms = response->retry_after_ms;
}

void answers_by_http(struct answers *a, const struct gateway_http_response *response,
                     const char *words, struct gateway_answer *out)
{
    bool tls = response->tls_trouble && response->result == GATEWAY_HTTP_UNSENT;
    char status[16];

    *out =
        (struct gateway_answer){.words = keep_words(a, words == NULL ? response->trouble : words)};
    if (response->result == GATEWAY_HTTP_ANSWERED) {
        snprintf(status, sizeof status, "HTTP %d", response->status);
        out->code = keep_code(a, status);
        by_status(response, out);
        return;
    }
    out->outcome = response->result != GATEWAY_HTTP_UNSENT ? GATEWAY_UNKNOWN
                   : tls                                   ? GATEWAY_BROKEN
                                                           : GATEWAY_RETRY;
    out->reason = tls ? GATEWAY_REASON_CREDENTIALS : GATEWAY_REASON_OUTAGE;
}

const struct code *answers_of_receipt(struct answers *a, const char *code, const char *words)
{
    const struct code *line = codes_find(a->codes, code, strlen(code));

    keep_code(a, code);
    keep_words(a, words);
    if (line == NULL && *code != '\0')
        tell_once(a);
    return line;
}

void answers_accepted(const char *id, struct gateway_id *kept, struct gateway_answer *out)
{
    size_t n = id == NULL ? 0 : strlen(id);

    *out = (struct gateway_answer){.outcome = GATEWAY_ACCEPTED};
    if (n == 0 || n > 64)
        return;
    *kept = (struct gateway_id){id, n};
    out->ids = kept;
    out->id_count = 1;
}
