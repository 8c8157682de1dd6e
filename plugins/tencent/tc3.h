/*
 * tc3.h - Tencent Cloud's signature TC3-HMAC-SHA256
 *
 * cloud.tencent.com "签名方法 v3". A POST to "/" without a query: what is signed is the
 * content-type, the host, the digest of the body, the service and the second. The key of the
 * day and of the service are derived from the secret.
 */
#ifndef TENCENT_TC3_H
#define TENCENT_TC3_H

#include "digest.h"

struct tc3_request {
    const char *host;    /* without a port */
    const char *service; /* "sms" */
    const char *content_type;
    const char *action; /* in lower case, signed where it is given; the API takes both */
    const char *body;
    size_t length;
    const char *secret_id, *secret_key;
    int64_t time_s;
};

struct tc3_signed {
    char canonical_sha256[2 * SHA256_BYTES + 1];
    char signature[2 * SHA256_BYTES + 1];
    struct text authorization; /* what stands behind "Authorization: ", to be freed */
};

void tc3_sign(const struct tc3_request *request, struct tc3_signed *out);

#endif
