#include "dingtalk_sign.h"

#include <string.h>

void dingtalk_sign(const char *timestamp_ms, const char *secret, char out[DINGTALK_SIGN_BYTES])
{
    uint8_t digest[SHA256_BYTES];
    struct text all = {0};

    text_printf(&all, "%s\n%s", timestamp_ms, secret);
    digest_hmac_sha256(secret, strlen(secret), all.bytes, all.length, digest);
    digest_base64(digest, sizeof digest, out);
    text_free(&all);
}
