#include "digest.h"

#include "memory.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void digest_md5(const void *bytes, size_t n, uint8_t out[MD5_BYTES])
{
    if (EVP_Digest(bytes, n, out, NULL, EVP_md5(), NULL) != 1)
        abort();
}

void digest_sha256(const void *bytes, size_t n, uint8_t out[SHA256_BYTES])
{
    if (EVP_Digest(bytes, n, out, NULL, EVP_sha256(), NULL) != 1)
        abort();
}

void digest_hmac_sha1(const void *key, size_t key_n, const void *bytes, size_t n,
                      uint8_t out[SHA1_BYTES])
{
    if (HMAC(EVP_sha1(), key, (int)key_n, bytes, n, out, NULL) == NULL)
        abort();
}

void digest_hmac_sha256(const void *key, size_t key_n, const void *bytes, size_t n,
                        uint8_t out[SHA256_BYTES])
{
    if (HMAC(EVP_sha256(), key, (int)key_n, bytes, n, out, NULL) == NULL)
        abort();
}

void digest_hex(const uint8_t *bytes, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) {
        *out++ = "0123456789abcdef"[bytes[i] >> 4];
        *out++ = "0123456789abcdef"[bytes[i] & 15];
    }
    *out = '\0';
}

void digest_base64(const void *bytes, size_t n, char *out)
{
    EVP_EncodeBlock((unsigned char *)out, bytes, (int)n);
}

bool digest_equal(const char *a, const char *b)
{
    size_t n = strlen(a);

    return n == strlen(b) && CRYPTO_memcmp(a, b, n) == 0;
}

/* ----------------------------------------------------------------------- texts */
static char *make_room(struct text *t, size_t n)
{
    if (t->length + n + 1 > t->room) {
        size_t room = (t->length + n + 1) * 2;
        char *bytes = memory_realloc(t->bytes, room);

        t->bytes = bytes;
        t->room = room;
    }
    return t->bytes + t->length;
}

void text_put(struct text *t, const char *bytes, size_t n)
{
    char *at = make_room(t, n);

    if (n > 0)
        memcpy(at, bytes, n);
    t->length += n;
    t->bytes[t->length] = '\0';
}

void text_puts(struct text *t, const char *s)
{
    text_put(t, s, strlen(s));
}

void text_printf(struct text *t, const char *format, ...)
{
    va_list ap, again;
    int n;

    va_start(ap, format);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    if (n > 0)
        vsnprintf(make_room(t, (size_t)n), (size_t)n + 1, format, again);
    va_end(again);
    t->length += n > 0 ? (size_t)n : 0;
}

void text_put_percent(struct text *t, const char *bytes, size_t n)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)bytes[i];
        char coded[3] = {'%', "0123456789ABCDEF"[c >> 4], "0123456789ABCDEF"[c & 15]};

        if (c != '\0' && strchr(plain, c) != NULL)
            text_put(t, &bytes[i], 1);
        else
            text_put(t, coded, sizeof coded);
    }
}

void text_put_json(struct text *t, const char *bytes, size_t n)
{
    text_put(t, "\"", 1);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)bytes[i];

        if (c == '"' || c == '\\')
            text_printf(t, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            text_printf(t, "\\u%04x", c);
        else
            text_put(t, &bytes[i], 1);
    }
    text_put(t, "\"", 1);
}

const char *text_string(const struct text *t)
{
    return t->bytes == NULL ? "" : t->bytes;
}

void text_free(struct text *t)
{
    free(t->bytes);
    *t = (struct text){0};
}
