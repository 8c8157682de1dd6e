#include "wecom_crypt.h"

#include "memory.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_BYTES 20 /* random, length */
#define PAD_MAX 32

/* Strict base64; bytes has n / 4 * 3 bytes. Their number, or -1. */
static int decode(const char *s, size_t n, uint8_t *bytes)
{
    int length;

    if (n == 0 || n % 4 != 0 || n > 1 << 20)
        return -1;
    length = EVP_DecodeBlock(bytes, (const unsigned char *)s, (int)n);
    if (length < 0)
        return -1;
    return length - (s[n - 1] == '=') - (s[n - 2] == '=');
}

int wecom_key(const char *encoded, uint8_t key[WECOM_KEY_BYTES])
{
    char text[WECOM_KEY_CHARACTERS + 2];
    uint8_t bytes[WECOM_KEY_BYTES + 1];

    if (strlen(encoded) != WECOM_KEY_CHARACTERS)
        return -1;
    memcpy(text, encoded, WECOM_KEY_CHARACTERS);
    memcpy(text + WECOM_KEY_CHARACTERS, "=", 2);
    if (decode(text, WECOM_KEY_CHARACTERS + 1, bytes) != WECOM_KEY_BYTES)
        return -1;
    memcpy(key, bytes, WECOM_KEY_BYTES);
    return 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void wecom_sign(const char *token, const char *timestamp, const char *nonce, const char *encrypted,
                char out[2 * SHA1_BYTES + 1])
{
    const char *parts[] = {token, timestamp, nonce, encrypted};
    struct text all = {0};
    uint8_t digest[SHA1_BYTES];

    qsort(parts, 4, sizeof *parts, by_bytes);
    for (size_t i = 0; i < 4; i++)
        text_puts(&all, parts[i]);
    if (EVP_Digest(text_string(&all), all.length, digest, NULL, EVP_sha1(), NULL) != 1)
        abort();
    digest_hex(digest, sizeof digest, out);
    text_free(&all);
}

/* The message within what was decrypted. */
static int open_envelope(const uint8_t *plain, int n, const char *id, struct text *out)
{
    size_t pad = n > 0 ? plain[n - 1] : 0, length, whole;

    if (n % 16 != 0 || pad < 1 || pad > PAD_MAX || (size_t)n < HEAD_BYTES + pad)
        return -1;
    for (size_t i = 1; i <= pad; i++)
        if (plain[(size_t)n - i] != pad)
            return -1;
    whole = (size_t)n - pad - HEAD_BYTES;
    length = (size_t)plain[16] << 24 | (size_t)plain[17] << 16 | (size_t)plain[18] << 8 | plain[19];
    if (length > whole || whole - length != strlen(id) ||
        memcmp(plain + HEAD_BYTES + length, id, whole - length) != 0)
        return -1;
    text_put(out, (const char *)plain + HEAD_BYTES, length);
    return 0;
}

int wecom_decrypt(const uint8_t key[WECOM_KEY_BYTES], const char *id, const char *encrypted,
                  size_t n, struct text *out)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    uint8_t *bytes = memory_alloc(n / 4 * 3 + 3), *plain = memory_alloc(n / 4 * 3 + 35);
    int length = c == NULL ? -1 : decode(encrypted, n, bytes);
    int got = 0, rest = 0, rc = -1;

    if (length > 0 && length % 16 == 0 &&
        EVP_DecryptInit_ex(c, EVP_aes_256_cbc(), NULL, key, key) == 1 &&
        EVP_CIPHER_CTX_set_padding(c, 0) == 1 &&
        EVP_DecryptUpdate(c, plain, &got, bytes, length) == 1 &&
        EVP_DecryptFinal_ex(c, plain + got, &rest) == 1)
        rc = open_envelope(plain, got + rest, id, out);
    EVP_CIPHER_CTX_free(c);
    free(bytes);
    free(plain);
    return rc;
}
