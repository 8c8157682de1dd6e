/*
 * sdk_hmac.h - how Huawei knows who sends: SDK-HMAC-SHA256, or X-WSSE
 *
 * Huawei api-msgsms "认证鉴权". The key is of the SMS application, not of the account. By
 * SDK-HMAC-SHA256 the whole request is signed: its path with a '/' at the end, whatever the
 * request line has. X-WSSE proves that we know the secret and signs nothing.
 */
#ifndef HUAWEI_SDK_HMAC_H
#define HUAWEI_SDK_HMAC_H

#include "digest.h"

#include <stdbool.h>

struct sdk_hmac_request {
    const char *method, *host, *path; /* path: percent-encoded, from '/' */
    const char *query;                /* canonical, without '?'; "" for none */
    const char *content_type;         /* NULL where none is signed */
    const char *body;
    size_t length;
    const char *key, *secret;
    const char *date; /* SDK_HMAC_DATE of now, also sent as X-Sdk-Date */
};

#define SDK_HMAC_DATE_BYTES 24
void sdk_hmac_date(int64_t wall_ms, char out[SDK_HMAC_DATE_BYTES]); /* "20231026T102232Z" */

struct sdk_hmac_signed {
    char canonical_sha256[2 * SHA256_BYTES + 1];
    char signature[2 * SHA256_BYTES + 1];
    struct text authorization; /* what stands behind "Authorization: ", to be freed */
};
void sdk_hmac_sign(const struct sdk_hmac_request *request, struct sdk_hmac_signed *out);

/* The PasswordDigest of X-WSSE: Base64 of the digest's bytes, or, as Huawei's own example and
 * some accounts have it, of their hexadecimal text. */
#define WSSE_BYTES DIGEST_BASE64_BYTES(2 * SHA256_BYTES)
void wsse_digest(const char *nonce, const char *created, const char *secret, bool hex,
                 char out[WSSE_BYTES]);

#endif
