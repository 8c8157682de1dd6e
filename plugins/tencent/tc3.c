#include "tc3.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define ALGORITHM "TC3-HMAC-SHA256"

static void hex_sha256(const void *bytes, size_t n, char out[2 * SHA256_BYTES + 1])
{
    uint8_t digest[SHA256_BYTES];

    digest_sha256(bytes, n, digest);
    digest_hex(digest, sizeof digest, out);
}

static void derive(uint8_t key[SHA256_BYTES], const char *word)
{
    uint8_t out[SHA256_BYTES];

    digest_hmac_sha256(key, SHA256_BYTES, word, strlen(word), out);
    memcpy(key, out, sizeof out);
}

/* TC3 + secret, then the day, the service, the word that ends the scope. */
static void make_key(const struct tc3_request *r, const char *day, uint8_t key[SHA256_BYTES])
{
    struct text secret = {0};

    text_printf(&secret, "TC3%s", r->secret_key);
    digest_hmac_sha256(secret.bytes, secret.length, day, strlen(day), key);
    explicit_bzero(secret.bytes, secret.length);
    text_free(&secret);
    derive(key, r->service);
    derive(key, "tc3_request");
}

static void hash_canonical(const struct tc3_request *r, const char *names,
                           char out[2 * SHA256_BYTES + 1])
{
    char body[2 * SHA256_BYTES + 1];
    struct text t = {0};

    hex_sha256(r->body, r->length, body);
    text_printf(&t, "POST\n/\n\ncontent-type:%s\nhost:%s\n", r->content_type, r->host);
    if (r->action != NULL)
        text_printf(&t, "x-tc-action:%s\n", r->action);
    text_printf(&t, "\n%s\n%s", names, body);
    hex_sha256(t.bytes, t.length, out);
    text_free(&t);
}

void tc3_sign(const struct tc3_request *r, struct tc3_signed *out)
{
    const char *names = r->action == NULL ? "content-type;host" : "content-type;host;x-tc-action";
    time_t s = (time_t)r->time_s;
    uint8_t key[SHA256_BYTES], mac[SHA256_BYTES];
    struct text scope = {0}, to_sign = {0};
    char day[16];
    struct tm tm;

    *out = (struct tc3_signed){0};
    gmtime_r(&s, &tm);
    strftime(day, sizeof day, "%Y-%m-%d", &tm);
    hash_canonical(r, names, out->canonical_sha256);
    text_printf(&scope, "%s/%s/tc3_request", day, r->service);
    text_printf(&to_sign, ALGORITHM "\n%" PRId64 "\n%s\n%s", r->time_s, text_string(&scope),
                out->canonical_sha256);
    make_key(r, day, key);
    digest_hmac_sha256(key, sizeof key, to_sign.bytes, to_sign.length, mac);
    digest_hex(mac, sizeof mac, out->signature);
    text_printf(&out->authorization, ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                r->secret_id, text_string(&scope), names, out->signature);
    explicit_bzero(key, sizeof key);
    text_free(&scope);
    text_free(&to_sign);
}
