/*
 * digest.h - hashes, signatures and encodings that providers' APIs are made of
 *
 * On libcrypto. Outputs are NUL-terminated text unless they are raw bytes. Percent-encoding is
 * RFC 3986's: all but letters, digits and - . _ ~ becomes %XX in capitals.
 */
#ifndef PLUGIN_DIGEST_H
#define PLUGIN_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA1_BYTES 20
#define SHA256_BYTES 32
#define MD5_BYTES 16

void digest_md5(const void *bytes, size_t n, uint8_t out[MD5_BYTES]);
void digest_sha256(const void *bytes, size_t n, uint8_t out[SHA256_BYTES]);
void digest_hmac_sha1(const void *key, size_t key_n, const void *bytes, size_t n,
                      uint8_t out[SHA1_BYTES]);
void digest_hmac_sha256(const void *key, size_t key_n, const void *bytes, size_t n,
                        uint8_t out[SHA256_BYTES]);

/* out has 2n + 1 bytes: lower-case hexadecimal. */
void digest_hex(const uint8_t *bytes, size_t n, char *out);

/* out has DIGEST_BASE64_BYTES(n) bytes. */
#define DIGEST_BASE64_BYTES(n) (((n) + 2) / 3 * 4 + 1)
void digest_base64(const void *bytes, size_t n, char *out);

/* Appends to a malloc'd string; *out is NULL at first. */
struct text {
    char *bytes; /* NUL-terminated once something was put; free() it */
    size_t length, room;
};

void text_put(struct text *t, const char *bytes, size_t n);
void text_puts(struct text *t, const char *s);
void text_printf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_put_percent(struct text *t, const char *bytes, size_t n);
void text_put_json(struct text *t, const char *bytes, size_t n); /* with its quotes */
const char *text_string(const struct text *t);                   /* "" for none */
void text_free(struct text *t);

/* In the same time for every difference, for texts of equal length. */
bool digest_equal(const char *a, const char *b);

#endif
