/* TPDUs against examples that others published: the "hellohello" pair of the PDU mode tutorial
 * at dreamfabric.com/sms, and captures and calculations in the tests of python-gsmmodem
 * (test/test_pdu.py, LGPL: the octets are quoted, nothing else). */
#include "at.h"
#include "codes.h"
#include "pdu.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <setjmp.h>
#include <cmocka.h>

static int64_t utc_ms(int year, int month, int day, int hour, int minute, int second)
{
    struct tm tm = {.tm_year = year - 1900,
                    .tm_mon = month - 1,
                    .tm_mday = day,
                    .tm_hour = hour,
                    .tm_min = minute,
                    .tm_sec = second};

    return (int64_t)timegm(&tm) * 1000;
}

static const struct {
    const char *plain;
    uint8_t packed[40];
    size_t n;
} packings[] = {
    {"123", {49, 217, 12}, 3},
    {"12345678", {49, 217, 140, 86, 179, 221, 112}, 7},
    {"123456789", {49, 217, 140, 86, 179, 221, 112, 57}, 8},
    {"Hello World!", {200, 50, 155, 253, 6, 93, 223, 114, 54, 57, 4}, 11},
    {"[{abc}]~", {27, 222, 6, 21, 22, 143, 55, 169, 141, 111, 211, 3}, 12},
    {"{åΦΓΛΩΠΨΣΘ€}", {27, 212, 67, 50, 161, 84, 44, 23, 76, 102, 83, 222, 164, 0}, 14},
    {"a[]{}€", {225, 13, 111, 227, 219, 160, 54, 169, 77, 25}, 10},
};

static void septets_are_packed_as_published(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof packings / sizeof *packings; i++) {
        struct sms_text t;
        uint8_t out[200], back[200];
        size_t n;

        assert_int_equal(sms_encode(&t, packings[i].plain, strlen(packings[i].plain), GATEWAY_GSM7,
                                    SMS_CHARSET_GSM, SMS_LONG_UDH8),
                         SMS_OK);
        n = pdu_pack(out, t.octets, t.start[1], 0);
        assert_int_equal(n, packings[i].n);
        assert_memory_equal(out, packings[i].packed, n);
        pdu_unpack(back, out, t.start[1], 0);
        assert_memory_equal(back, t.octets, t.start[1]);
    }
}

static void submit(char out[PDU_HEX_BYTES], size_t *octets, const char *number, const char *text,
                   unsigned part, uint8_t reference, int64_t valid_ms, bool report)
{
    struct sms_text t;

    assert_int_equal(
        sms_encode(&t, text, strlen(text), GATEWAY_GSM7, SMS_CHARSET_GSM, SMS_LONG_UDH8), SMS_OK);
    *octets = pdu_submit(out, number, &t, part, reference, valid_ms, report);
}

static void a_submit_is_as_published(void **state)
{
    char pdu[PDU_HEX_BYTES];
    size_t octets;

    (void)state;
    submit(pdu, &octets, "+46708251358", "hellohello", 0, 0, INT64_C(4) * 86400000, false);
    assert_string_equal(pdu, "0011000B916407281553F80000AA0AE8329BFD4697D9EC37");
    assert_int_equal(octets, 23); /* AT+CMGS=23 */
    submit(pdu, &octets, "+27820001111", "Hello World!", 0, 0, 0, false);
    assert_string_equal(pdu, "0001000B917228001011F100000CC8329BFD065DDF72363904");
    submit(pdu, &octets, "+123456789", "世界您好！", 0, 0, INT64_C(52) * 7 * 86400000, false);
    assert_string_equal(pdu, "001100099121436587F90008F40A4E16754C60A8597DFF01");
    submit(pdu, &octets, "+123456789", "世界您好！", 0, 0, 0, true);
    assert_string_equal(pdu, "002100099121436587F900080A4E16754C60A8597DFF01");
    submit(pdu, &octets, "no number", "x", 0, 0, 0, true);
    assert_int_equal(octets, 0);
    submit(pdu, &octets, "+123456789012345678901", "x", 0, 0, 0, true);
    assert_int_equal(octets, 0);
}

static void parts_of_a_long_text_are_as_published(void **state)
{
    static const char lorem[] =
        "Lorem ipsum dolor sit amet, consectetur adipisicing elit, sed do eiusmod tempor "
        "incididunt ut labore et dolore magna aliqua.Ut enim ad minim veniam, quinostrud "
        "exercitation ullamco laboris nisi ut aliquip ex ea commodo consequat.Duis aute irure "
        "dolor in reprehenderit in voluptate velit esse cillum doloe eu fugiat nulla "
        "pariatur.Excepteur sint occaecat cupidatat non proident, sunt in culpa qui officia "
        "deserunt mollit anim id est laborum";
    /* There with TP-RD, a bit of the first octet that we leave alone. */
    static const char *const expected[] = {
        "000B915121551532F40000A0050003000301986F79B90D4AC3E7F53688FC66BFE5A0799A0E0AB7CB741668"
        "FC76CFCB637A995E9783C2E4343C3D4F8FD3EE33A8CC4ED359A079990C22BF41E5747DDE7E9341F4721BFE"
        "9683D2EE719A9C26D7DD74509D0E6287C56F791954A683C86FF65B5E06B5C36777181466A7E3F5B0AB4A07"
        "95DDE936284C06B5D3EE741B642FBBD3E1360B14AFA7DD",
        "000B915121551532F40000A0050003000302DE73BABC4E0695F165F9384D0FD3D36F37A8CE6687DBE33788"
        "1D16BFE5E939C89D9EA741753A28CC4EC7EB6938A88C0795C3A0F1BBDD7E93DFA0F1DB3D2FC7EB61BA8B58"
        "4FCF41E13ABD0C4ACBEBF23288FC66BFE5A0B41B242FC3E56574D94D2ECBD37450DA0DB2BFD975383D4C2F"
        "83EC65769A0E2ACFE765D038CD66D7DB20F29BFD2E83CA",
        "000B915121551532F400008C050003000303EA2073FD9C0ED341EE3A9B1D06C1C3F274985E97BB8AF87119"
        "4E2FD7E5A079DA4D07BDC7E370791CA683C675789A1CA687E920F7DB0D82CBDF6972D94D6781E675371D94"
        "7683C675363C0C8AD7D3A0B7D99C1EA7C32072795E96D7DD7450FBCD66A7E9A0B03BDD06A5C9A0F29C0E62"
        "87C56F79BD0D",
    };
    char pdu[PDU_HEX_BYTES];
    size_t octets;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        submit(pdu, &octets, "+15125551234", lorem, i, 0, 0, false);
        assert_memory_equal(pdu, "0041", 4);
        assert_string_equal(pdu + 4, expected[i]);
        assert_int_equal(octets, strlen(pdu) / 2 - 1);
    }
}

static void a_validity_is_never_longer_than_asked(void **state)
{
    static const struct {
        int64_t minutes;
        uint8_t octet;
    } known[] = {{30, 5}, {16 * 60, 151}, {3 * 24 * 60, 169}, {5 * 7 * 24 * 60, 197}};

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_int_equal(pdu_validity(known[i].minutes * 60000), known[i].octet);
    for (int64_t minutes = 5; minutes < 70 * 7 * 24 * 60; minutes += 7) {
        int octet = pdu_validity(minutes * 60000); /* 23.040 9.2.3.12.1, read back */
        int64_t means = octet <= 143   ? (octet + 1) * 5
                        : octet <= 167 ? 12 * 60 + (octet - 143) * 30
                        : octet <= 196 ? (octet - 166) * 24 * 60
                                       : (octet - 192) * 7 * 24 * 60;

        assert_true(means <= minutes);
        assert_true(means * 2 >= minutes || octet == 255);
    }
}

static void replies_are_read_as_published(void **state)
{
    static const struct {
        const char *hex, *number, *text;
    } known[] = {
        {"07917283010010F5040BC87238880900F10000993092516195800AE8329BFD4697D9EC37", "27838890001",
         "hellohello"},
        {"06917228195339040B917228214365F700003130805120618005D4F29C2E03", "+27821234567", "Test2"},
        {"07915892000000F0040B915892214365F700007040213252242331493A283D0795C3F33C88FE06C9CB613288"
         "5EC6D341EDF27C1E3E97E7207B3A0C0A5241E377BB1D7693E72E",
         "+85291234567", "It is easy to read text messages via AT commands."},
        {"06917228195339040B917228214365F70000313062315352800A800D8A5E98D337A910", "+27821234567",
         "@{tést}!"},
    };
    struct pdu p;

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_true(pdu_read(&p, known[i].hex, strlen(known[i].hex)));
        assert_int_equal(p.kind, PDU_DELIVER);
        assert_string_equal(p.number, known[i].number);
        assert_string_equal(p.text, known[i].text);
    }
    assert_true(pdu_read(&p, known[0].hex, strlen(known[0].hex)));
    assert_int_equal(p.sent_ms, utc_ms(1999, 3, 29, 13, 16, 59));
    assert_true(pdu_read(&p, known[2].hex, strlen(known[2].hex)));
    assert_int_equal(p.sent_ms, utc_ms(2007, 4, 12, 15, 25, 42));
}

static void a_part_says_which_it_is(void **state)
{
    static const char hex[] =
        "0591721891F1400781721881F800003160526104848059050003C30101916536FB1DCABEEB2074D85E064941B1"
        "9CAB060319A5C522289C96D3D3ED32286C0FA7D96131BBEC024941B19CAB0603DDD36C36A88C87A7E565D0DB0D"
        "82C55EB0DB4B068BCD5C20";
    struct pdu p;

    (void)state;
    assert_true(pdu_read(&p, hex, strlen(hex)));
    assert_string_equal(p.number, "2781188");
    assert_string_equal(p.text,
                        "Hello!You have R 19.50 FREE airtime available. R 19.50 will expire "
                        "on 01/07/2013. ");
    assert_int_equal(p.concat.reference, 0xc3);
    assert_int_equal(p.concat.total, 1);
    assert_int_equal(p.concat.number, 1);
}

static void senders_are_read_as_published(void **state)
{
    static const struct {
        const char *address, *number;
    } known[] = {
        {"0A918967452301", "+9876543210"},    {"099189674523F1", "+987654321"},
        {"0B917228195339F4", "+27829135934"}, {"06D061F118", "abc"},
        {"0ED04669D0397C26A7", "FRANCOIS"},   {"14D0E10D6FE3DBA036A94D19", "a[]{}€"},
        {"0AA11092997856", "0129998765"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char hex[200];
        struct pdu p;

        snprintf(hex, sizeof hex, "0004%s0000313080512061800131", known[i].address);
        assert_true(pdu_read(&p, hex, strlen(hex)));
        assert_string_equal(p.number, known[i].number);
    }
}

static void a_report_is_read_as_published(void **state)
{
    static const char hex[] = "0006D60B911326880736F4111011719551401110117195714000";
    struct pdu p;

    (void)state;
    assert_true(pdu_read(&p, hex, strlen(hex)));
    assert_int_equal(p.kind, PDU_REPORT);
    assert_string_equal(p.number, "+31628870634");
    assert_int_equal(p.reference, 214);
    assert_int_equal(p.status, 0);
    assert_int_equal(p.sent_ms, utc_ms(2011, 1, 11, 16, 59, 15));
    assert_int_equal(p.done_ms, utc_ms(2011, 1, 11, 16, 59, 17));
}

static void what_is_no_pdu_is_none(void **state)
{
    static const char *const bad[] = {
        "",
        "0",
        "00",
        "AFSDSDF LJJFKLDJKLFJ# #$KJLKJL SF",
        "AEFDSDFSDFSDFS",
        "0043010C910661345542F60008A0050003000301306F3044",     /* no such type */
        "07911326040000F0310D0B911326880736F40000A90FF7FBDD45", /* a submit */
        "0006D60B911326880736F41110117195514011101171957140",   /* no status */
        "06917228195339040B917228214365F700003130805120618005D4F29C2E",
        "06917228195339040B917228214365F7000031308051206180FFD4F29C2E03",
        "0004FF917228195339F40000313080512061800131",
    };
    struct pdu p;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(pdu_read(&p, bad[i], strlen(bad[i])));
        assert_int_equal(p.kind, PDU_NONE);
    }
}

static void lines_are_told_apart(void **state)
{
    static const struct {
        const char *line;
        enum at_kind kind;
        long number, index;
        const char *word;
    } known[] = {
        {"OK", AT_OK, -1, -1, ""},
        {"ERROR", AT_ERROR, -1, -1, ""},
        {"+CMS ERROR: 38", AT_CMS, 38, -1, ""},
        {"+CME ERROR: SIM not inserted", AT_CME, -1, -1, ""},
        {"+CMGS: 214", AT_SENT, 214, -1, ""},
        {"+CMTI: \"SM\",3", AT_STORED, -1, 3, "SM"},
        {"+CDSI: \"SR\", 12", AT_STORED, -1, 12, "SR"},
        {"+CMGL: 5,1,,24", AT_LISTED, 1, 5, ""},
        {"+CMGR: 0,,26", AT_READ, 0, -1, ""},
        {"+CPIN: SIM PIN", AT_PIN, -1, -1, "SIM PIN"},
        {"+CREG: 0,1", AT_REGISTERED, 1, -1, ""},
        {"+CREG: 2,5,\"1A2B\",\"01C3\"", AT_REGISTERED, 5, -1, ""},
        {"+CREG: 3", AT_REGISTERED, 3, -1, ""},
        {"+CSQ: 21,99", AT_SIGNAL, 21, -1, ""},
        {"+COPS: 0,0,\"CHINA MOBILE\",7", AT_OPERATOR, -1, -1, "CHINA MOBILE"},
        {"^BOOT:12345,0,0,0,72", AT_OTHER, -1, -1, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct at_reader r = {0};
        struct at_line l;

        at_feed(&r, "\r\n", 2);
        at_feed(&r, known[i].line, strlen(known[i].line));
        assert_false(at_next(&r, true, &l));
        at_feed(&r, "\r\n", 2);
        assert_true(at_next(&r, true, &l));
        assert_int_equal(l.kind, known[i].kind);
        assert_int_equal(l.number, known[i].number);
        assert_int_equal(l.index, known[i].index);
        assert_string_equal(l.word, known[i].word);
    }
}

static void a_line_that_is_too_long_goes_whole(void **state)
{
    struct at_reader r = {0};
    struct at_line l;
    unsigned lines = 0;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(at_feed(&r, "x", 1), 1);
        assert_false(at_next(&r, false, &l));
    }
    at_feed(&r, "\r\nOK\r\n", 6);
    while (at_next(&r, false, &l)) {
        assert_int_equal(l.kind, AT_OK);
        lines++;
    }
    assert_int_equal(lines, 1);
}

static void the_table_of_codes_is_whole(void **state)
{
    char text[32768], error[200];
    FILE *f = fopen(TEST_DIR "/../plugins/modem/codes.tsv", "r");
    size_t n;
    struct codes *codes;
    char code[16];

    (void)state;
    assert_non_null(f);
    n = fread(text, 1, sizeof text, f);
    fclose(f);
    codes = codes_parse(text, n, error, sizeof error);
    if (codes == NULL)
        fail_msg("%s", error);
    for (int status = 0; status < 0x80; status++) { /* 23.040 9.2.3.15 */
        const struct code *found;

        snprintf(code, sizeof code, "tp-%02x", status);
        found = codes_find(codes, code, strlen(code));
        assert_non_null(found);
        assert_int_equal(found->receipt, status == 0     ? CODE_DELIVERED
                                         : status == 1   ? CODE_ENROUTE
                                         : status < 0x20 ? CODE_UNDELIVERED
                                         : status < 0x40 ? CODE_ENROUTE
                                                         : CODE_UNDELIVERED);
    }
    codes_free(codes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(septets_are_packed_as_published),
        cmocka_unit_test(a_submit_is_as_published),
        cmocka_unit_test(parts_of_a_long_text_are_as_published),
        cmocka_unit_test(a_validity_is_never_longer_than_asked),
        cmocka_unit_test(replies_are_read_as_published),
        cmocka_unit_test(a_part_says_which_it_is),
        cmocka_unit_test(senders_are_read_as_published),
        cmocka_unit_test(a_report_is_read_as_published),
        cmocka_unit_test(what_is_no_pdu_is_none),
        cmocka_unit_test(lines_are_told_apart),
        cmocka_unit_test(a_line_that_is_too_long_goes_whole),
        cmocka_unit_test(the_table_of_codes_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
