#include "signature.h"

#include "digest.h"

#include <string.h>
#include <strings.h>

_Static_assert(TWILIO_SIGNATURE_BYTES == DIGEST_BASE64_BYTES(SHA1_BYTES), "base64 of SHA-1");

static bool same(const struct twilio_pair *a, const struct twilio_pair *b)
{
    return a->name_length == b->name_length && a->value_length == b->value_length &&
           memcmp(a->name, b->name, a->name_length) == 0 &&
           memcmp(a->value, b->value, a->value_length) == 0;
}

void twilio_sign(const char *auth_token, const char *url, const struct twilio_form *form,
                 char out[TWILIO_SIGNATURE_BYTES])
{
    uint8_t hmac[SHA1_BYTES];
    struct text t = {0};

    text_puts(&t, url);
    for (size_t i = 0; form != NULL && i < form->count; i++) {
        const struct twilio_pair *p = &form->pairs[i];

        if (i > 0 && same(p, &form->pairs[i - 1]))
            continue; /* distinct values only */
        text_put(&t, p->name, p->name_length);
        text_put(&t, p->value, p->value_length);
    }
    digest_hmac_sha1(auth_token, strlen(auth_token), text_string(&t), t.length, hmac);
    digest_base64(hmac, sizeof hmac, out);
    text_free(&t);
}

/* Where the authority of an absolute URL ends, and where its port begins: at the ':'; or at
 * the end. */
static const char *find_port(const char *url, const char **end)
{
    const char *authority = strstr(url, "://"), *port;

    authority = authority == NULL ? url : authority + 3;
    *end = authority + strcspn(authority, "/?#");
    for (port = *end; port > authority && port[-1] >= '0' && port[-1] <= '9'; port--)
        ;
    return port > authority && port < *end && port[-1] == ':' ? port - 1 : *end;
}

/* With the default port, or without any. */
static void put_url(struct text *t, const char *url, bool with_port)
{
    const char *end, *port = find_port(url, &end);

    text_put(t, url, (size_t)(port - url));
    if (with_port)
        text_puts(t, strncasecmp(url, "https:", 6) == 0 ? ":443" : ":80");
    text_puts(t, end);
}

static bool signs(const char *auth_token, const char *url, const struct twilio_form *form,
                  const char *signature)
{
    char right[TWILIO_SIGNATURE_BYTES];

    twilio_sign(auth_token, url, form, right);
    return digest_equal(right, signature);
}

static bool body_is(const char *expected, const char *body, size_t length)
{
    uint8_t hash[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];

    digest_sha256(body, length, hash);
    digest_hex(hash, sizeof hash, hex);
    return strlen(expected) >= sizeof hex - 1 && strcspn(expected, "&") == sizeof hex - 1 &&
           memcmp(expected, hex, sizeof hex - 1) == 0;
}

bool twilio_signature_right(const char *auth_token, const char *url, const struct twilio_form *form,
                            const char *body, size_t length, const char *signature)
{
    const char *hash = strstr(url, "bodySHA256="), *end;
    bool has_port = find_port(url, &end) < end, right;
    struct text without = {0}, with = {0};

    if (hash != NULL && hash > url && (hash[-1] == '?' || hash[-1] == '&')) {
        form = NULL;
        if (!body_is(hash + strlen("bodySHA256="), body, length))
            return false;
    }
    put_url(&without, url, false);
    put_url(&with, url, true);
    right = signs(auth_token, url, form, signature);
    right = signs(auth_token, text_string(&without), form, signature) || right;
    right = (signs(auth_token, text_string(&with), form, signature) && !has_port) || right;
    text_free(&without);
    text_free(&with);
    return right;
}
