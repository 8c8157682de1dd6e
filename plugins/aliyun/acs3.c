#include "acs3.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ALGORITHM "ACS3-HMAC-SHA256"

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct acs3_param *)a)->name, ((const struct acs3_param *)b)->name);
}

static void put_query(struct text *out, const struct acs3_request *r)
{
    struct acs3_param sorted[ACS3_PARAMS_MAX];
    size_t n = r->query_count < ACS3_PARAMS_MAX ? r->query_count : ACS3_PARAMS_MAX;

    if (n > 0)
        memcpy(sorted, r->query, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            text_puts(out, "&");
        text_put_percent(out, sorted[i].name, strlen(sorted[i].name));
        text_puts(out, "=");
        text_put_percent(out, sorted[i].value, sorted[i].length);
    }
}

static void hex_sha256(const void *bytes, size_t n, char out[2 * SHA256_BYTES + 1])
{
    uint8_t digest[SHA256_BYTES];

    digest_sha256(bytes, n, digest);
    digest_hex(digest, sizeof digest, out);
}

struct header {
    const char *name, *value;
};

static void sign(const struct acs3_request *r, struct acs3_signed *out,
                 const struct header *headers, size_t n, const char *body_sha256,
                 struct text *names)
{
    struct text canonical = {0}, to_sign = {0};
    uint8_t mac[SHA256_BYTES];

    text_printf(&canonical, "POST\n/\n%s\n", text_string(&out->query));
    for (size_t i = 0; i < n; i++) {
        text_printf(&canonical, "%s:%s\n", headers[i].name, headers[i].value);
        text_printf(names, "%s%s", i == 0 ? "" : ";", headers[i].name);
    }
    text_printf(&canonical, "\n%s\n%s", text_string(names), body_sha256);
    hex_sha256(canonical.bytes, canonical.length, out->canonical_sha256);
    text_printf(&to_sign, ALGORITHM "\n%s", out->canonical_sha256);
    digest_hmac_sha256(r->secret, strlen(r->secret), to_sign.bytes, to_sign.length, mac);
    digest_hex(mac, sizeof mac, out->signature);
    text_free(&canonical);
    text_free(&to_sign);
}

/* The lines into out->text, each with its NUL, and then the pointers to them. */
static void put_lines(const struct acs3_request *r, struct acs3_signed *out,
                      const struct header *headers, size_t n, const char *names)
{
    char *line;

    for (size_t i = 0; i < n; i++) {
        text_printf(&out->text, "%s: %s", headers[i].name, headers[i].value);
        text_put(&out->text, "", 1);
    }
    text_printf(&out->text,
                "authorization: " ALGORITHM " Credential=%s,SignedHeaders=%s,Signature=%s",
                r->key_id, names, out->signature);
    text_put(&out->text, "", 1);
    text_puts(&out->text, "accept: application/json");
    text_put(&out->text, "", 1);
    n += 2;
    if (r->content_type == NULL) { /* else libcurl writes one that is not signed */
        text_puts(&out->text, "content-type:");
        text_put(&out->text, "", 1);
        n++;
    }
    line = out->text.bytes;
    for (size_t i = 0; i < n; i++, line += strlen(line) + 1)
        out->headers[i] = line;
    out->headers[n] = NULL;
}

void acs3_sign(const struct acs3_request *r, struct acs3_signed *out)
{
    time_t s = (time_t)(r->wall_ms / 1000);
    char date[32], body_sha256[2 * SHA256_BYTES + 1];
    struct tm tm;
    const struct header all[] = {
        /* in the order of their names, as they are signed */
        {"content-type", r->content_type},
        {"host", r->host},
        {"x-acs-action", r->action},
        {"x-acs-content-sha256", body_sha256},
        {"x-acs-date", date},
        {"x-acs-signature-nonce", r->nonce},
        {"x-acs-version", r->version},
    };
    size_t skip = r->content_type == NULL, n = sizeof all / sizeof *all - skip;
    struct text names = {0};

    *out = (struct acs3_signed){0};
    gmtime_r(&s, &tm);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &tm);
    hex_sha256(r->body == NULL ? "" : r->body, r->length, body_sha256);
    put_query(&out->query, r);
    sign(r, out, all + skip, n, body_sha256, &names);
    put_lines(r, out, all + skip, n, text_string(&names));
    text_free(&names);
}

void acs3_free(struct acs3_signed *s)
{
    text_free(&s->query);
    text_free(&s->text);
}
