/*
 * wecom_crypt.h - the envelope that WeCom puts around its callbacks
 *
 * Signature: the lower-case hexadecimal SHA-1 of token, timestamp, nonce and the encrypted text,
 * sorted in byte order and joined. Cipher: AES-256-CBC, the IV is the key's first 16 bytes;
 * inside are 16 random bytes, the message's length (4 bytes, big-endian), the message and the
 * receiver's id, padded to a multiple of 32.
 */
#ifndef WECOM_CRYPT_H
#define WECOM_CRYPT_H

#include "digest.h"

#define WECOM_KEY_CHARACTERS 43
#define WECOM_KEY_BYTES 32

/* Of an EncodingAESKey. -1 if it is none. */
int wecom_key(const char *encoded, uint8_t key[WECOM_KEY_BYTES]);

void wecom_sign(const char *token, const char *timestamp, const char *nonce, const char *encrypted,
                char out[2 * SHA1_BYTES + 1]);

/* Decrypts base64 text (n bytes): the message into out; -1 if it is broken, or is for another
 * receiver than id. */
int wecom_decrypt(const uint8_t key[WECOM_KEY_BYTES], const char *id, const char *encrypted,
                  size_t n, struct text *out);

#endif
