/* What anybody may push to WeCom's callback: XML, queries, envelopes. */
#include "fuzz.h"

#include "wecom_crypt.h"
#include "wecom_push.h"
#include "wecom_xml.h"

#include <openssl/evp.h>

static const uint8_t key[WECOM_KEY_BYTES] = "0123456789abcdef0123456789abcdef";

static void try_xml(const char *bytes, size_t n)
{
    static const char *const names[] = {"Encrypt", "MsgType", "Content"};
    struct text out = {0};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (wecom_xml_find(bytes, n, names[i], &out) == 0)
            HOLDS(out.length <= n && out.bytes[out.length] == '\0');
    text_free(&out);
}

static void try_query(const uint8_t *data, size_t n)
{
    char *query = as_string(data, n);
    struct text out = {0};

    if (wecom_query(query, "echostr", &out) == 0)
        HOLDS(strlen(out.bytes) == out.length && out.length <= n); /* no NUL from %00 */
    text_free(&out);
    free(query);
}

/* The input as what stands within the cipher, as far as it goes. */
static void try_envelope(const uint8_t *data, size_t n)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    uint8_t *cipher = malloc(n + 32);
    char *encoded;
    struct text out = {0};
    int length = 0;

    n -= n % 16;
    EVP_EncryptInit_ex(c, EVP_aes_256_cbc(), NULL, key, key);
    EVP_CIPHER_CTX_set_padding(c, 0);
    HOLDS(EVP_EncryptUpdate(c, cipher, &length, data, (int)n) == 1 && (size_t)length == n);
    encoded = malloc(DIGEST_BASE64_BYTES(n));
    digest_base64(cipher, n, encoded);
    if (wecom_decrypt(key, "ww1", encoded, strlen(encoded), &out) == 0)
        HOLDS(out.length <= n - 24);
    text_free(&out);
    free(encoded);
    free(cipher);
    EVP_CIPHER_CTX_free(c);
}

static void try_base64(const char *bytes, size_t n)
{
    struct text out = {0};

    wecom_decrypt(key, "ww1", bytes, n, &out);
    text_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct take t = {data, size};
    unsigned choice = take_byte(&t);
    size_t n = t.left;
    char *block = (char *)take_block(&t, &n);

    switch (choice % 4) {
    case 0:
        try_xml(block, n);
        break;
    case 1:
        try_query((const uint8_t *)block, n);
        break;
    case 2:
        try_envelope((const uint8_t *)block, n);
        break;
    default:
        try_base64(block, n);
    }
    free(block);
    return 0;
}
