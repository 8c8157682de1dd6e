#include "codes.h"

#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 2000

struct codes {
    char *text;
    struct code *codes;
    size_t count;
};

static const struct {
    const char *word;
    enum gateway_outcome outcome;
    enum code_receipt receipt;
} outcomes[] = {
    {"accepted", GATEWAY_ACCEPTED, CODE_NO_RECEIPT},
    {"throttled", GATEWAY_THROTTLED, CODE_NO_RECEIPT},
    {"unsent", GATEWAY_UNSENT, CODE_NO_RECEIPT},
    {"retry", GATEWAY_RETRY, CODE_NO_RECEIPT},
    {"rejected", GATEWAY_REJECTED, CODE_NO_RECEIPT},
    {"broken", GATEWAY_BROKEN, CODE_NO_RECEIPT},
    {"unknown", GATEWAY_UNKNOWN, CODE_NO_RECEIPT},
    {"delivered", 0, CODE_DELIVERED},
    {"undelivered", 0, CODE_UNDELIVERED},
    {"enroute", 0, CODE_ENROUTE},
};

static const char *const reasons[] = {
    [GATEWAY_REASON_NONE] = "-",          [GATEWAY_REASON_NUMBER] = "number",
    [GATEWAY_REASON_TEXT] = "text",       [GATEWAY_REASON_BLACKLISTED] = "blacklisted",
    [GATEWAY_REASON_ABSENT] = "absent",   [GATEWAY_REASON_BARRED] = "barred",
    [GATEWAY_REASON_EXPIRED] = "expired", [GATEWAY_REASON_PARTIAL] = "partial",
    [GATEWAY_REASON_OUTAGE] = "outage",   [GATEWAY_REASON_CREDENTIALS] = "credentials",
    [GATEWAY_REASON_BALANCE] = "balance", [GATEWAY_REASON_TEMPLATE] = "template",
    [GATEWAY_REASON_LIMIT] = "limit",     [GATEWAY_REASON_PROTOCOL] = "protocol",
    [GATEWAY_REASON_OTHER] = "other",
};

/* Cuts the line at its tabs; what is missing is NULL, what is too much is a comment. */
static void split(char *line, char *fields[5])
{
    for (size_t i = 0; i < 5; i++) {
        fields[i] = line;
        if (line == NULL)
            continue;
        line = strchr(line, '\t');
        if (line != NULL)
            *line++ = '\0';
    }
}

static const char *parse_line(char *line, struct code *out)
{
    char *fields[5];
    size_t i;

    split(line, fields);
    if (fields[4] == NULL)
        return "five fields are expected, with tabs between them";
    for (i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
        if (strcmp(outcomes[i].word, fields[1]) == 0)
            break;
    if (i == sizeof outcomes / sizeof *outcomes)
        return "the second field is no outcome";
    *out = (struct code){.code = fields[0],
                         .outcome = outcomes[i].outcome,
                         .receipt = outcomes[i].receipt,
                         .zh = fields[3],
                         .en = fields[4]};
    for (i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strcmp(reasons[i], fields[2]) == 0)
            break;
    if (i == sizeof reasons / sizeof *reasons)
        return "the third field is no reason";
    out->reason = (enum gateway_reason)i;
    return *fields[0] == '\0' ? "there is no code" : NULL;
}

static int by_code(const void *a, const void *b)
{
    return strcmp(((const struct code *)a)->code, ((const struct code *)b)->code);
}

static const char *sort(struct codes *c)
{
    qsort(c->codes, c->count, sizeof *c->codes, by_code);
    for (size_t i = 1; i < c->count; i++)
        if (strcmp(c->codes[i - 1].code, c->codes[i].code) == 0)
            return c->codes[i].code;
    return NULL;
}

struct codes *codes_parse(const char *text, size_t n, char *error, size_t size)
{
    struct codes *c = memory_calloc(1, sizeof *c);
    const char *trouble, *twice;
    char *line, *next;
    unsigned number = 0;

    c->text = memory_alloc(n + 1);
    memcpy(c->text, text, n);
    c->text[n] = '\0';
    c->codes = memory_calloc(LINES_MAX, sizeof *c->codes);
    for (line = c->text; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        number++;
        if (*line == '#' || *line == '\0')
            continue;
        trouble = c->count == LINES_MAX ? "too many lines" : parse_line(line, &c->codes[c->count]);
        if (trouble != NULL) {
            snprintf(error, size, "codes.tsv:%u: %s", number, trouble);
            codes_free(c);
            return NULL;
        }
        c->count++;
    }
    twice = sort(c);
    if (twice == NULL)
        return c;
    snprintf(error, size, "codes.tsv: %s stands there twice", twice);
    codes_free(c);
    return NULL;
}

void codes_free(struct codes *c)
{
    if (c == NULL)
        return;
    free(c->codes);
    free(c->text);
    free(c);
}

const struct code *codes_find(const struct codes *c, const char *code, size_t n)
{
    const struct code *best = NULL;
    size_t longest = 0;

    for (size_t i = 0; i < c->count; i++) {
        const char *have = c->codes[i].code;
        size_t length = strlen(have);

        if (length == n && memcmp(have, code, n) == 0)
            return &c->codes[i];
        if (have[length - 1] == '*' && length - 1 <= n && length > longest &&
            memcmp(have, code, length - 1) == 0) {
            best = &c->codes[i];
            longest = length;
        }
    }
    return best;
}

size_t codes_count(const struct codes *c)
{
    return c->count;
}

const struct code *codes_at(const struct codes *c, size_t i)
{
    return &c->codes[i];
}
