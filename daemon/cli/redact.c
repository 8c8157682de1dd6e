#include "redact.h"

#include "field.h"
#include "mem.h"
#include "tree.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRETS_MAX 96
#define NUMBER_TAIL 8 /* digits by which a number is known, with or without its prefixes */
#define HIDDEN "***"

struct redaction {
    struct arena arena;
    char *secrets[SECRETS_MAX]; /* each in all its spellings */
    size_t count;
    char digits[64]; /* of the address; "" where it has too few */
    char address[260];
};

/* What follows these is hidden, whatever it is. */
static const char *const names[] = {
    "password", "passwd", "pwd",        "secret",    "token", "authorization",
    "cookie",   "key",    "credential", "signature", "sign",  "authenticator",
};

/* ---------------------------------------------------------------------- secrets */

static void add(struct redaction *r, char *secret)
{
    if (r->count < SECRETS_MAX && strlen(secret) >= 3) /* less would hide half the trace */
        r->secrets[r->count++] = secret;
}

static char *in_url(struct arena *arena, const char *s, const char *hex)
{
    char *out = arena_alloc(arena, 3 * strlen(s) + 1), *p = out;

    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;

        if (isalnum(c) || strchr("-._~", c) != NULL) {
            *p++ = (char)c;
            continue;
        }
        *p++ = '%';
        *p++ = hex[c >> 4];
        *p++ = hex[c & 15];
    }
    *p = '\0';
    return out;
}

static void add_all(struct redaction *r, const char *secret)
{
    struct buf json = BUF_INIT(1u << 16);

    add(r, arena_strndup(&r->arena, secret, strlen(secret)));
    add(r, in_url(&r->arena, secret, "0123456789ABCDEF"));
    add(r, in_url(&r->arena, secret, "0123456789abcdef"));
    buf_put_json(&json, secret, strlen(secret));
    if (json.length > 2)
        add(r, arena_strndup(&r->arena, json.data + 1, json.length - 2));
    if (json.length > 0)
        sodium_memzero(json.data, json.length);
    buf_free(&json);
}

static void find_secrets(struct redaction *r, const struct tree *t)
{
    for (const struct tree *child = t->first; child != NULL; child = child->next) {
        const char *secret = NULL;

        if (child->kind == TREE_STRING && child->string[0] == '@')
            secret = field_secret(child->string, &r->arena, NULL);
        if (secret != NULL)
            add_all(r, secret);
        find_secrets(r, child);
    }
}

static int longer_first(const void *a, const void *b)
{
    size_t one = strlen(*(char *const *)a), two = strlen(*(char *const *)b);

    return one < two ? 1 : one > two ? -1 : 0;
}

struct redaction *redaction_create(const struct tree *group, const char *address)
{
    struct redaction *r = xcalloc(1, sizeof *r);
    size_t n = 0;

    find_secrets(r, group);
    qsort(r->secrets, r->count, sizeof *r->secrets, longer_first); /* one may begin another */
    snprintf(r->address, sizeof r->address, "%s", address);
    for (const char *p = address; *p != '\0' && n + 1 < sizeof r->digits; p++)
        if (isdigit((unsigned char)*p))
            r->digits[n++] = *p;
    if (n < NUMBER_TAIL)
        r->digits[0] = '\0';
    return r;
}

void redaction_free(struct redaction *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->count; i++)
        sodium_memzero(r->secrets[i], strlen(r->secrets[i]));
    arena_free(&r->arena);
    free(r);
}

/* ----------------------------------------------------------------------- the bytes */

static bool begins(const char *bytes, size_t n, const char *what)
{
    size_t length = strlen(what);

    return length > 0 && n >= length && memcmp(bytes, what, length) == 0;
}

/* How many bytes of a secret, or of the number, begin here; the latter's are shown in part. */
static size_t known(const struct redaction *r, const char *bytes, size_t n, struct buf *out)
{
    size_t length = strlen(r->digits);

    for (size_t i = 0; i < r->count; i++)
        if (begins(bytes, n, r->secrets[i])) {
            buf_puts(out, HIDDEN);
            return strlen(r->secrets[i]);
        }
    if (length > 0 && begins(bytes, n, r->digits + length - NUMBER_TAIL)) {
        buf_puts(out, "******");
        buf_put(out, bytes + NUMBER_TAIL - 2, 2);
        return NUMBER_TAIL;
    }
    if (length == 0 && begins(bytes, n, r->address)) { /* the name of a chat, a person */
        buf_puts(out, HIDDEN);
        return strlen(r->address);
    }
    return 0;
}

/* Does a name of the table end just before at? */
static bool named(const char *bytes, size_t at)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i]);

        if (at >= length && strncasecmp(bytes + at - length, names[i], length) == 0)
            return true;
    }
    return false;
}

/* At the ':' or '=' behind such a name: how many bytes the value has after it, with
 * *before those that are shown: the sign, quotes, blanks. */
static size_t value_length(const char *bytes, size_t n, size_t *before)
{
    bool header, quoted = false;
    size_t i = 1;

    while (i < n && (bytes[i] == ' ' || bytes[i] == '"' || bytes[i] == '\'' || bytes[i] == '\\')) {
        quoted = quoted || bytes[i] == '"';
        i++;
    }
    *before = i;
    header = bytes[0] == ':' && !quoted;
    while (i < n && bytes[i] != '\r' && bytes[i] != '\n' &&
           (header || strchr(quoted ? "\"" : "&;,\" <>}", bytes[i]) == NULL))
        i++;
    return i - *before;
}

void redact(const struct redaction *r, const char *bytes, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n;) {
        size_t length = known(r, bytes + i, n - i, out), before, name_end = i;

        if (length > 0) {
            i += length;
            continue;
        }
        if (i > 0 && (bytes[i] == ':' || bytes[i] == '=')) {
            while (name_end > 0 && (bytes[name_end - 1] == '"' || bytes[name_end - 1] == '\\'))
                name_end--;
            length = named(bytes, name_end) ? value_length(bytes + i, n - i, &before) : 0;
        }
        if (length > 0) {
            buf_put(out, bytes + i, before);
            buf_puts(out, HIDDEN);
            i += before + length;
            continue;
        }
        if ((unsigned char)bytes[i] < 0x20 && bytes[i] != '\n' && bytes[i] != '\t')
            buf_puts(out, bytes[i] == '\r' && i + 1 < n && bytes[i + 1] == '\n' ? "" : ".");
        else
            buf_putc(out, bytes[i]);
        i++;
    }
}
