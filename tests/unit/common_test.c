/* What plugins share: digests by the vectors of their RFCs, the table of codes. */
#include "codes.h"
#include "digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void is_hex(const uint8_t *bytes, size_t n, const char *expected)
{
    char hex[2 * SHA256_BYTES + 1];

    digest_hex(bytes, n, hex);
    assert_string_equal(hex, expected);
}

static void test_digests(void **state)
{
    uint8_t out[SHA256_BYTES];

    (void)state;
    digest_md5("abc", 3, out); /* RFC 1321 A.5 */
    is_hex(out, MD5_BYTES, "900150983cd24fb0d6963f7d28e17f72");
    digest_sha256("abc", 3, out); /* FIPS 180-2 B.1 */
    is_hex(out, SHA256_BYTES, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_hmac_sha1("Jefe", 4, "what do ya want for nothing?", 28, out); /* RFC 2202 3, case 2 */
    is_hex(out, SHA1_BYTES, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    digest_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, out); /* RFC 4231 4.3 */
    is_hex(out, SHA256_BYTES, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void test_encodings(void **state)
{
    static const struct {
        const char *plain, *base64;
    } rows[] = {{"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"}}; /* RFC 4648 10 */
    char out[20];
    struct text t = {0};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        digest_base64(rows[i].plain, strlen(rows[i].plain), out);
        assert_string_equal(out, rows[i].base64);
    }
    text_put_percent(&t, "a *~+/:,芳", strlen("a *~+/:,芳")); /* specs/aliyun-sms.md 2.1 */
    assert_string_equal(text_string(&t), "a%20%2A~%2B%2F%3A%2C%E8%8A%B3");
    text_free(&t);
    text_put_json(&t, "\"\\\n\x7f妇", strlen("\"\\\n\x7f妇"));
    assert_string_equal(text_string(&t), "\"\\\"\\\\\\u000a\\u007f妇\"");
    text_free(&t);
    assert_string_equal(text_string(&t), "");
    assert_true(digest_equal("abc", "abc"));
    assert_false(digest_equal("abc", "abd"));
    assert_false(digest_equal("abc", "ab"));
}

static void test_codes(void **state)
{
    static const char table[] =
        "# comment\n"
        "OK\taccepted\t-\t成功\taccepted\n"
        "isv.*\trejected\tother\t其他\tother\n"
        "isv.AMOUNT_NOT_ENOUGH\tbroken\tbalance\t余额不足：请充值\ttop up\tnote\n"
        "MK:0001\tundelivered\tnumber\t空号\tno such number\n";
    char error[200] = "";
    struct codes *c = codes_parse(table, sizeof table - 1, error, sizeof error);

    (void)state;
    assert_string_equal(error, "");
    assert_int_equal(codes_count(c), 4);
    assert_int_equal(codes_find(c, "OK", 2)->outcome, GATEWAY_ACCEPTED);
    assert_int_equal(codes_find(c, "isv.AMOUNT_NOT_ENOUGH", 21)->reason, GATEWAY_REASON_BALANCE);
    assert_string_equal(codes_find(c, "isv.AMOUNT_NOT_ENOUGH", 21)->en, "top up");
    assert_int_equal(codes_find(c, "isv.NEW", 7)->outcome, GATEWAY_REJECTED);
    assert_int_equal(codes_find(c, "MK:0001", 7)->receipt, CODE_UNDELIVERED);
    assert_null(codes_find(c, "none", 4));
    codes_free(c);
}

static void test_malformed(void **state)
{
    static const struct {
        const char *table, *error;
    } rows[] = {
        {"OK\taccepted\n", "codes.tsv:1: five fields are expected, with tabs between them"},
        {"\nOK\tfine\t-\ta\tb\n", "codes.tsv:2: the second field is no outcome"},
        {"OK\taccepted\twhy\ta\tb\n", "codes.tsv:1: the third field is no reason"},
        {"\taccepted\t-\ta\tb\n", "codes.tsv:1: there is no code"},
        {"A\taccepted\t-\ta\tb\nA\tretry\t-\ta\tb\n", "codes.tsv: A stands there twice"},
    };
    char error[200];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_null(codes_parse(rows[i].table, strlen(rows[i].table), error, sizeof error));
        assert_string_equal(error, rows[i].error);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digests),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_malformed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
