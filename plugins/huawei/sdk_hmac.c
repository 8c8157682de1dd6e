#include "sdk_hmac.h"

#include <string.h>
#include <time.h>

#define ALGORITHM "SDK-HMAC-SHA256"

static void hex_sha256(const void *bytes, size_t n, char out[2 * SHA256_BYTES + 1])
{
    uint8_t digest[SHA256_BYTES];

    digest_sha256(bytes, n, digest);
    digest_hex(digest, sizeof digest, out);
}

void sdk_hmac_date(int64_t wall_ms, char out[SDK_HMAC_DATE_BYTES])
{
    time_t s = (time_t)(wall_ms / 1000);
    struct tm tm;

    gmtime_r(&s, &tm);
    strftime(out, SDK_HMAC_DATE_BYTES, "%Y%m%dT%H%M%SZ", &tm);
}

static void hash_canonical(const struct sdk_hmac_request *r, const char *names,
                           char out[2 * SHA256_BYTES + 1])
{
    size_t n = strlen(r->path);
    char body[2 * SHA256_BYTES + 1];
    struct text t = {0};

    hex_sha256(r->length == 0 ? "" : r->body, r->length, body);
    text_printf(&t, "%s\n%s%s\n%s\n", r->method, r->path, n > 0 && r->path[n - 1] == '/' ? "" : "/",
                r->query);
    if (r->content_type != NULL)
        text_printf(&t, "content-type:%s\n", r->content_type);
    text_printf(&t, "host:%s\nx-sdk-date:%s\n\n%s\n%s", r->host, r->date, names, body);
    hex_sha256(t.bytes, t.length, out);
    text_free(&t);
}

void sdk_hmac_sign(const struct sdk_hmac_request *r, struct sdk_hmac_signed *out)
{
    const char *names =
        r->content_type == NULL ? "host;x-sdk-date" : "content-type;host;x-sdk-date";
    uint8_t mac[SHA256_BYTES];
    struct text to_sign = {0};

    *out = (struct sdk_hmac_signed){0};
    hash_canonical(r, names, out->canonical_sha256);
    text_printf(&to_sign, ALGORITHM "\n%s\n%s", r->date, out->canonical_sha256);
    digest_hmac_sha256(r->secret, strlen(r->secret), to_sign.bytes, to_sign.length, mac);
    digest_hex(mac, sizeof mac, out->signature);
    text_printf(&out->authorization, ALGORITHM " Access=%s, SignedHeaders=%s, Signature=%s", r->key,
                names, out->signature);
    text_free(&to_sign);
}

void wsse_digest(const char *nonce, const char *created, const char *secret, bool hex,
                 char out[WSSE_BYTES])
{
    uint8_t digest[SHA256_BYTES];
    char text[2 * SHA256_BYTES + 1];
    struct text all = {0};

    text_printf(&all, "%s%s%s", nonce, created, secret);
    digest_sha256(all.bytes, all.length, digest);
    explicit_bzero(all.bytes, all.length);
    text_free(&all);
    digest_hex(digest, sizeof digest, text);
    if (hex)
        digest_base64(text, 2 * sizeof digest, out);
    else
        digest_base64(digest, sizeof digest, out);
}
