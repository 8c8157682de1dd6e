/* phone_test.c - numbers as they stand in spreadsheets. What is a mobile number
 * is libphonenumber's word; the mainland short cut is compared with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "language.h"
#include "phone.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct fact {
    const char *raw, *country, *number; /* NULL: refused */
    enum phone_fault fault;
} facts[] = {
    {"13851400001", "CN", "+8613851400001", PHONE_OK},
    {"138 5140 0002", "CN", "+8613851400002", PHONE_OK},
    {"138-5140-0001", "CN", "+8613851400001", PHONE_OK},
    {"138.5140.0001", "CN", "+8613851400001", PHONE_OK},
    {"+86-13851400003", "CN", "+8613851400003", PHONE_OK},
    {"+8613851400004", "CN", "+8613851400004", PHONE_OK},
    {"0086 138 5140 0001", "CN", "+8613851400001", PHONE_OK},
    {"8613851400001", "CN", "+8613851400001", PHONE_OK},
    {"(+86) 138 5140 0001", "CN", "+8613851400001", PHONE_OK},
    {"（86）13851400001", "CN", "+8613851400001", PHONE_OK},
    {"013851400001", "CN", "+8613851400001", PHONE_OK},
    {"'13851400001", "CN", "+8613851400001", PHONE_OK},
    {"’13851400001", "CN", "+8613851400001", PHONE_OK},
    {"１３８５１４０００１０", "CN", "+8613851400010", PHONE_OK},
    {"＋８６　１３８５１４０００１０", "CN", "+8613851400010", PHONE_OK},
    {"138–5140—0001", "CN", "+8613851400001", PHONE_OK},
    {"\xe2\x80\xad"
     "13851400001\xe2\x80\xac",
     "CN", "+8613851400001", PHONE_OK}, /* as copied out of a contact list */
    {"\xef\xbb\xbf"
     "13851400001\xc2\xa0",
     "CN", "+8613851400001", PHONE_OK},
    {"13851400001.0", "CN", "+8613851400001", PHONE_OK},
    {"13851400001.00", "CN", "+8613851400001", PHONE_OK},
    {"1.3851400001E10", "CN", "+8613851400001", PHONE_OK},
    {"1.3851400001E+10", "CN", "+8613851400001", PHONE_OK},
    {"13851400001\r", "CN", "+8613851400001", PHONE_OK},
    {"17400012345", "CN", "+8617400012345", PHONE_OK},
    {"1.38514E+10", "CN", NULL, PHONE_DESTROYED},
    {"1.38514e10", "CN", NULL, PHONE_DESTROYED},
    {"１.３８５Ｅ＋１０", "CN", NULL, PHONE_DESTROYED},
    {"1E+10", "CN", NULL, PHONE_DESTROYED},
    {"8.61385E+12", "CN", NULL, PHONE_DESTROYED},
    {"E10", "CN", NULL, PHONE_NOT_A_NUMBER},
    {"1E", "CN", NULL, PHONE_NOT_A_NUMBER},
    {"1E2E3", "CN", NULL, PHONE_NOT_A_NUMBER},
    {"", "CN", NULL, PHONE_EMPTY},
    {"   ", "CN", NULL, PHONE_EMPTY},
    {"-", "CN", NULL, PHONE_EMPTY},
    {"'", "CN", NULL, PHONE_EMPTY},
    {"+", "CN", NULL, PHONE_NOT_A_NUMBER},
    {".", "CN", NULL, PHONE_NOT_A_NUMBER},
    {"无", "CN", NULL, PHONE_NOT_A_NUMBER},
    {"王秀英", "CN", NULL, PHONE_NOT_A_NUMBER},
    {"138xxxx0001", "CN", NULL, PHONE_NOT_A_NUMBER},
    {"138****0001", "CN", NULL, PHONE_NOT_A_NUMBER},
    {"1385140+0001", "CN", NULL, PHONE_NOT_A_NUMBER},
    {"++8613851400001", "CN", NULL, PHONE_NOT_A_NUMBER},
    {"13851400001\xff", "CN", NULL, PHONE_NOT_A_NUMBER},
    {"13851400001/13851400002", "CN", NULL, PHONE_SEVERAL},
    {"13851400001、13851400002", "CN", NULL, PHONE_SEVERAL},
    {"13851400001；+8613851400002", "CN", NULL, PHONE_SEVERAL},
    {"13851400001\n13851400002", "CN", NULL, PHONE_SEVERAL},
    {"13851400001,13851400002,13851400003", "CN", NULL, PHONE_SEVERAL},
    {"1385140", "CN", NULL, PHONE_TOO_SHORT},
    {"1385140000", "CN", NULL, PHONE_TOO_SHORT},
    {"12", "CN", NULL, PHONE_TOO_SHORT},
    {"1", "CN", NULL, PHONE_TOO_SHORT},
    {"+86", "CN", NULL, PHONE_TOO_SHORT},
    {"138514000011", "CN", NULL, PHONE_TOO_LONG},
    {"13851400001 13851400002", "CN", NULL, PHONE_TOO_LONG},
    {"025-83200000", "CN", NULL, PHONE_LANDLINE},
    {"(025) 8320 0000", "CN", NULL, PHONE_LANDLINE},
    {"+862583200000", "CN", NULL, PHONE_LANDLINE},
    {"025/83200000", "CN", NULL, PHONE_LANDLINE},
    {"83200000", "CN", NULL, PHONE_TOO_SHORT}, /* without its area code */
    {"4001234567", "CN", NULL, PHONE_SERVICE},
    {"800 810 1234", "CN", NULL, PHONE_SERVICE},
    {"14000000000", "CN", NULL, PHONE_INVALID},
    {"17406012345", "CN", NULL, PHONE_INVALID},
    {"+999 123456789", "CN", NULL, PHONE_INVALID},
    /* other countries: a foreign resident, an installation elsewhere */
    {"+1 201-555-0123", "CN", "+12015550123", PHONE_OK}, /* fixed or mobile: nobody can tell */
    {"+852 5123 4567", "CN", "+85251234567", PHONE_OK},
    {"07400 123456", "GB", "+447400123456", PHONE_OK},
    {"+44 (0)7400 123456", "CN", "+447400123456", PHONE_OK},
    {"0171/1234567", "DE", "+491711234567", PHONE_OK},
    {"020 7946 0018", "GB", NULL, PHONE_LANDLINE},
    {"13851400001", "GB", NULL, PHONE_TOO_LONG},
};

static void test_facts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(facts); i++) {
        const struct fact *f = &facts[i];
        size_t n = strlen(f->raw);
        char *raw = malloc(n + 1), out[PHONE_BYTES];
        enum phone_fault fault = 99;
        int result;

        memcpy(raw, f->raw, n); /* no NUL: a read beyond the end is seen */
        result = phone_normalize(raw, n, f->country, out, &fault);
        if (fault != f->fault || strcmp(out, f->number ? f->number : "") != 0)
            fail_msg("\"%s\" in %s: \"%s\", %s", f->raw, f->country, out, phone_fault_name(fault));
        assert_int_equal(result, f->number ? 0 : -1);
        free(raw);
    }
}

/* The short cut and the library agree, above all on 1740, where the fifth digit
 * decides. "86" without a plus goes the long way. */
static void test_short_cut(void **state)
{
    unsigned seed = 86, taken = 0;

    (void)state;
    for (unsigned prefix = 13000; prefix < 20000; prefix += prefix / 100 == 174 ? 1 : 7) {
        char plain[16], with_code[24], near[PHONE_BYTES], far[PHONE_BYTES];
        enum phone_fault near_fault, far_fault;

        snprintf(plain, sizeof plain, "%u%06u", prefix, (unsigned)rand_r(&seed) % 1000000);
        snprintf(with_code, sizeof with_code, "86%s", plain);
        phone_normalize(plain, 11, "CN", near, &near_fault);
        phone_normalize(with_code, 13, "CN", far, &far_fault);
        if (strcmp(near, far) != 0)
            fail_msg("%s: %s, but %s", plain, near, far);
        taken += near_fault == PHONE_OK;
    }
    assert_in_range(taken, 500, 1100);
}

static void test_texts(void **state)
{
    (void)state;
    for (int fault = PHONE_OK; fault <= PHONE_INVALID; fault++) {
        assert_non_null(phone_fault_name(fault));
        const char *english = phone_fault_text((enum phone_fault)fault);

        language_set_chinese(true);
        assert_string_not_equal(phone_fault_text((enum phone_fault)fault), english);
        language_set_chinese(false);
    }
    assert_string_equal(phone_fault_name(PHONE_INVALID), "invalid");
    assert_non_null(strstr(phone_fault_text(PHONE_DESTROYED), "Excel"));
    assert_true(phone_country_known("CN"));
    assert_false(phone_country_known("XX"));
    assert_false(phone_country_known("cn"));
}

/* Any bytes at all: an answer, and nothing beyond the bytes is read. */
static void test_noise(void **state)
{
    static const char bytes[] = "0123456789+-E./ '()\xef\xbc\x91\xe2\x80\x8b\xff"
                                "a";
    unsigned seed = 4711;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        size_t n = (size_t)rand_r(&seed) % 40;
        char *raw = malloc(n + 1), out[PHONE_BYTES];
        enum phone_fault fault;
        int rc;

        for (size_t i = 0; i < n; i++)
            raw[i] = bytes[(size_t)rand_r(&seed) % (sizeof bytes - 1) % (i % 3 ? 12 : 99)];
        raw = realloc(raw, n ? n : 1);
        rc = phone_normalize(raw, n, "CN", out, &fault);
        assert_int_equal(rc, fault == PHONE_OK ? 0 : -1);
        assert_in_range(strlen(out), fault == PHONE_OK ? 8 : 0, fault == PHONE_OK ? 16 : 0);
        free(raw);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_short_cut),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
