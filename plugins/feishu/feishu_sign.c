#include "feishu_sign.h"

void feishu_sign(int64_t now_s, const char *secret, char out[FEISHU_SIGN_BYTES])
{
    uint8_t digest[SHA256_BYTES];
    struct text key = {0};

    text_printf(&key, "%lld\n%s", (long long)now_s, secret);
    digest_hmac_sha256(key.bytes, key.length, "", 0, digest);
    digest_base64(digest, sizeof digest, out);
    text_free(&key);
}
