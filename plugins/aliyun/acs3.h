/*
 * acs3.h - Aliyun's signature V3, ACS3-HMAC-SHA256
 *
 * help.aliyun.com "V3版本请求体&签名机制". What is signed is the method, the path "/", the
 * query, the headers host, content-type and x-acs-*, and the digest of the body. The query
 * goes over the wire with the very bytes that were signed.
 */
#ifndef ALIYUN_ACS3_H
#define ALIYUN_ACS3_H

#include "digest.h"

#define ACS3_HEADERS 11 /* with the NULL behind them */
#define ACS3_PARAMS_MAX 12

struct acs3_param {
    const char *name, *value;
    size_t length; /* of value */
};

struct acs3_request {
    const char *host; /* as it stands in the URL, with its port */
    const char *action, *version;
    const struct acs3_param *query; /* in any order */
    size_t query_count;             /* 0..ACS3_PARAMS_MAX */
    const char *content_type;       /* of the body, NULL where there is none */
    const char *body;
    size_t length;
    const char *key_id, *secret;
    const char *nonce; /* never used before */
    int64_t wall_ms;
};

struct acs3_signed {
    struct text query;                 /* canonical, without '?' */
    const char *headers[ACS3_HEADERS]; /* "Name: value", ended by NULL; they live in text */
    struct text text;
    char canonical_sha256[2 * SHA256_BYTES + 1];
    char signature[2 * SHA256_BYTES + 1];
};

/* The caller frees with acs3_free(). The method is POST. */
void acs3_sign(const struct acs3_request *request, struct acs3_signed *out);
void acs3_free(struct acs3_signed *s);

#endif
