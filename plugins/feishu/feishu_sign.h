/*
 * feishu_sign.h - the signature of Feishu's robots
 *
 * base64 of HMAC-SHA-256 with the key TIMESTAMP "\n" SECRET over nothing. The time is in seconds.
 */
#ifndef FEISHU_SIGN_H
#define FEISHU_SIGN_H

#include "digest.h"

#define FEISHU_SIGN_BYTES DIGEST_BASE64_BYTES(SHA256_BYTES)

void feishu_sign(int64_t now_s, const char *secret, char out[FEISHU_SIGN_BYTES]);

#endif
