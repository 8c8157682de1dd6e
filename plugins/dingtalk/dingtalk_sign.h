/*
 * dingtalk_sign.h - the signature of DingTalk's robots, both ways
 *
 * base64 of HMAC-SHA-256 with the secret as key over TIMESTAMP "\n" SECRET; the time is in
 * milliseconds. In a URL it is percent-encoded.
 */
#ifndef DINGTALK_SIGN_H
#define DINGTALK_SIGN_H

#include "digest.h"

#define DINGTALK_SIGN_BYTES DIGEST_BASE64_BYTES(SHA256_BYTES)

void dingtalk_sign(const char *timestamp_ms, const char *secret, char out[DINGTALK_SIGN_BYTES]);

#endif
