#include "at.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

size_t at_feed(struct at_reader *r, const char *bytes, size_t n)
{
    if (r->from > 0) {
        memmove(r->bytes, r->bytes + r->from, r->n - r->from);
        r->n -= r->from;
        r->from = 0;
    }
    if (n > sizeof r->bytes - 1 - r->n)
        n = sizeof r->bytes - 1 - r->n;
    memcpy(r->bytes + r->n, bytes, n);
    r->n += n;
    return n;
}

/* A number at *p, and p behind it and a comma; -1 for none. */
static long take_number(const char **p)
{
    const char *at = *p;
    long n = -1;

    at += strspn(at, " ");
    if (isdigit((unsigned char)*at)) {
        char *end;

        n = strtol(at, &end, 10);
        n = n > 65535 ? 65535 : n;
        at = end;
    }
    at += strspn(at, " ");
    *p = at + (*at == ',');
    return n;
}

static void take_word(const char **p, char *out, size_t size)
{
    const char *at = *p;
    size_t n = 0;
    bool quoted;

    at += strspn(at, " ");
    quoted = *at == '"';
    for (at += quoted; *at != '\0' && *at != (quoted ? '"' : ','); at++)
        if (n + 1 < size && isprint((unsigned char)*at))
            out[n++] = *at;
    out[n] = '\0';
    at += *at == '"';
    *p = at + (*at == ',');
}

static void read_number(struct at_line *l, const char *p)
{
    l->number = take_number(&p);
}

static void read_index_status(struct at_line *l, const char *p)
{
    l->index = take_number(&p);
    l->number = take_number(&p);
}

static void read_memory_index(struct at_line *l, const char *p)
{
    take_word(&p, l->word, sizeof l->word);
    l->index = take_number(&p);
}

static void read_word(struct at_line *l, const char *p)
{
    take_word(&p, l->word, sizeof l->word);
}

/* "+CREG: n,stat" when asked, "+CREG: stat[,"area",...]" of itself. */
static void read_state(struct at_line *l, const char *p)
{
    l->number = take_number(&p);
    if (isdigit((unsigned char)p[strspn(p, " ")]))
        l->number = take_number(&p);
}

/* "+COPS: mode,format,"name",technology" */
static void read_operator(struct at_line *l, const char *p)
{
    take_number(&p);
    take_number(&p);
    take_word(&p, l->word, sizeof l->word);
}

static const struct {
    const char *begins;
    enum at_kind kind;
    void (*read)(struct at_line *l, const char *p);
} lines[] = {
    {"+CMS ERROR:", AT_CMS, read_number},
    {"+CME ERROR:", AT_CME, read_number},
    {"+CMGS:", AT_SENT, read_number},
    {"+CMTI:", AT_STORED, read_memory_index},
    {"+CDSI:", AT_STORED, read_memory_index},
    {"+CMGL:", AT_LISTED, read_index_status},
    {"+CMGR:", AT_READ, read_number},
    {"+CMT:", AT_DIRECT, NULL},
    {"+CDS:", AT_DIRECT, NULL},
    {"+CPIN:", AT_PIN, read_word},
    {"+CREG:", AT_REGISTERED, read_state},
    {"+CEREG:", AT_REGISTERED, read_state},
    {"+CSQ:", AT_SIGNAL, read_number},
    {"+COPS:", AT_OPERATOR, read_operator},
};

static void tell_apart(struct at_line *l)
{
    if (strcmp(l->text, "OK") == 0)
        l->kind = AT_OK;
    if (strcmp(l->text, "ERROR") == 0)
        l->kind = AT_ERROR;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        size_t n = strlen(lines[i].begins);

        if (strncmp(l->text, lines[i].begins, n) != 0)
            continue;
        l->kind = lines[i].kind;
        if (lines[i].read != NULL)
            lines[i].read(l, l->text + n);
        return;
    }
}

bool at_next(struct at_reader *r, bool want_prompt, struct at_line *line)
{
    *line = (struct at_line){.kind = AT_OTHER, .number = -1, .index = -1};
    for (;;) {
        char *start, *end;

        while (r->from < r->n && strchr("\r\n", r->bytes[r->from]) != NULL) {
            r->skipping = false; /* also a NUL, which strchr() finds */
            r->from++;
        }
        start = r->bytes + r->from;
        r->bytes[r->n] = '\0';
        if (want_prompt && !r->skipping && r->n - r->from >= 2 && start[0] == '>' &&
            start[1] == ' ') {
            r->from += 2;
            line->kind = AT_PROMPT;
            line->text = "> ";
            line->length = 2;
            return true;
        }
        end = start + strcspn(start, "\r\n"); /* or a NUL within */
        if (end == r->bytes + r->n) {
            if (r->n - r->from == sizeof r->bytes - 1) {
                r->skipping = true; /* too long for anything that we want */
                r->from = r->n = 0;
            }
            if (r->skipping)
                r->from = r->n;
            return false;
        }
        *end = '\0';
        r->from = (size_t)(end - r->bytes) + 1;
        if (r->skipping) {
            r->skipping = false;
            continue;
        }
        line->text = start;
        line->length = (size_t)(end - start);
        tell_apart(line);
        return true;
    }
}
