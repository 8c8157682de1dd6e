/* CMPP's octets, against vectors/cmpp.tsv: made by gocmpp, read by SMSGate and Wireshark; and those
 * that gocmpp and go_cmpp have in their own tests. */
#include "cmpp/pdu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define VECTORS "cmpp.tsv"
#include "pdu_vectors.h"

#include "sms.h"

#define POEM                                                                                                       \
    "【示例】春江潮水连海平，海上明月共潮生。春江潮水连海平，海上明月共潮生。" \
    "春江潮水连海平，海上明月共潮生。春江潮水连海平，海上明月共潮生。"             \
    "春江潮水连海平，海上明月共潮生。"

static const struct {
    const char *name;
    enum cmpp_version version;
} versions[] = {{"v20", CMPP_V20}, {"v30", CMPP_V30}};

/* The vector of that name with the version's in its %s. */
static const struct vector *of_version(const char *format, unsigned version)
{
    char name[64];

    snprintf(name, sizeof name, format, versions[version].name);
    return vector_find(name);
}

static void check(const uint8_t *octets, size_t n, const struct vector *v)
{
    assert_int_equal(n, v->length);
    assert_memory_equal(octets, v->octets, n);
}

static const uint8_t *body(const struct vector *v, size_t *n)
{
    *n = v->length - CMPP_HEADER_BYTES;
    return v->octets + CMPP_HEADER_BYTES;
}

/* ------------------------------------------------------------------ login */
static void test_connect(void **state)
{
    uint8_t p[TRUNK_CONTROL_MAX], authenticator[16];

    (void)state;
    cmpp_authenticator(authenticator, "901234", "shared123", 301000000);
    for (unsigned i = 0; i < 2; i++)
        check(p, cmpp_connect_write(p, versions[i].version, "901234", authenticator, 301000000, 1),
              of_version("connect_%s", i));
}

/* The status, the version by the length, and the gateway's proof of each. */
static void test_connect_response(void **state)
{
    uint8_t ours[16], theirs[16];
    struct cmpp_connected c;
    const uint8_t *octets;
    size_t n;

    (void)state;
    cmpp_authenticator(ours, "901234", "shared123", 301000000);
    for (unsigned i = 0; i < 2; i++) {
        octets = body(of_version("connect_resp_%s_ok", i), &n);
        assert_int_equal(cmpp_connected_read(&c, octets, n), 0);
        assert_int_equal(c.version, versions[i].version);
        assert_int_equal(c.status, 0);
        cmpp_authenticator_ismg(theirs, &c, ours, "shared123");
        assert_memory_equal(theirs, c.authenticator, 16);
        cmpp_authenticator_ismg(theirs, &c, ours, "shared124");
        assert_memory_not_equal(theirs, c.authenticator, 16);
        octets = body(of_version("connect_resp_%s_auth_failed", i), &n);
        assert_int_equal(cmpp_connected_read(&c, octets, n), 0);
        assert_int_equal(c.version, versions[i].version);
        assert_int_equal(c.status, 3);
        cmpp_authenticator_ismg(theirs, &c, ours, "shared123");
        assert_memory_equal(theirs, c.authenticator, 16);
        assert_int_equal(cmpp_connected_read(&c, octets, n - 1), -1);
    }
}

/* ------------------------------------------------------------------ submit */
static struct cmpp_submit submit_of(const void *text, size_t n, uint8_t format)
{
    return (struct cmpp_submit){.level = 1,
                                .service = "OUTREACH",
                                .fee_user = 2,
                                .fee_number = "",
                                .source = "901234",
                                .fee_type = "01",
                                .fee_code = "000000",
                                .validity = "",
                                .from = "10690001",
                                .to = "13800138000",
                                .total = 1,
                                .number = 1,
                                .format = format,
                                .text = text,
                                .length = n};
}

static struct sms_text text; /* of the last ucs2() */

static struct cmpp_submit ucs2(const char *utf8)
{
    assert_int_equal(
        sms_encode(&text, utf8, strlen(utf8), GATEWAY_UCS2, SMS_CHARSET_ASCII, SMS_LONG_UDH8),
        SMS_OK);
    return submit_of(text.octets, text.start[1], text.data_coding);
}

static void test_submit(void **state)
{
    static const uint8_t gb[] = "\xa1\xbe\xca\xbe\xc0\xfd\xa1\xbf\xc4\xfa\xba\xc3";
    uint8_t p[CMPP_SUBMIT_MAX];
    struct cmpp_submit s;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        enum cmpp_version version = versions[i].version;

        s = submit_of("Hello 10086", 11, 0);
        check(p, cmpp_submit_write(p, version, &s, 2), of_version("submit_%s_ascii", i));
        s = ucs2("【示例】您好，回复TD退订");
        check(p, cmpp_submit_write(p, version, &s, 3), of_version("submit_%s_ucs2", i));
    }
    s = submit_of(gb, 12, 15);
    check(p, cmpp_submit_write(p, CMPP_V20, &s, 5), vector_find("submit_v20_gb18030"));
}

/* We write one number only: theirs of two, without the second. */
static void test_submit_two(void **state)
{
    static const size_t at[] = {129 + 21, 141 + 32}, width[] = {21, 32}, count[] = {128, 140};
    uint8_t p[CMPP_SUBMIT_MAX];
    struct cmpp_submit s = ucs2("【示例】您好，回复TD退订");

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct vector v = *of_version("submit_%s_ucs2_two_dest", i);

        assert_int_equal(v.octets[count[i]], 2);
        v.octets[count[i]] = 1;
        memmove(v.octets + at[i], v.octets + at[i] + width[i], v.length - at[i] - width[i]);
        v.length -= width[i];
        v.octets[3] = (uint8_t)v.length;
        check(p, cmpp_submit_write(p, versions[i].version, &s, 4), &v);
    }
}

static void test_submit_long(void **state)
{
    uint8_t p[CMPP_SUBMIT_MAX];

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        static const char *const names[] = {"submit_%s_long_part1", "submit_%s_long_part2"};
        struct cmpp_submit s = ucs2(POEM);

        assert_int_equal(text.parts, 2);
        for (unsigned part = 0; part < 2; part++) {
            s.total = 2;
            s.number = (uint8_t)(part + 1);
            s.header_length = sms_header(s.header, SMS_LONG_UDH8, 0xa5, 2, part + 1);
            s.text = text.octets + text.start[part];
            s.length = (size_t)(text.start[part + 1] - text.start[part]);
            check(p, cmpp_submit_write(p, versions[i].version, &s, 6 + part),
                  of_version(names[part], i));
        }
    }
}

static void test_submit_response(void **state)
{
    static const struct {
        const char *name;
        int64_t result;
    } facts[] = {{"submit_resp_v20_ok", 0},         {"submit_resp_v20_flow", 8},
                 {"submit_resp_v20_bad_length", 4}, {"submit_resp_v30_ok", 0},
                 {"submit_resp_v30_flow", 8},       {"submit_resp_v30_bad_dest", 13}};

    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        const struct vector *v = vector_find(facts[i].name);
        struct trunk_pdu h = cmpp_header_read(v->octets);
        size_t n;
        const uint8_t *octets = body(v, &n);

        assert_int_equal(h.command, CMPP_SUBMIT | CMPP_RESPONSE);
        assert_int_equal(h.length, v->length);
        assert_int_equal(h.sequence, 3);
        assert_int_equal(cmpp_result_read(octets, n), facts[i].result);
        assert_int_equal(cmpp_result_read(octets, n - 1), -1);
    }
}

/* ------------------------------------------------------------------ deliver */
static const uint8_t submit_id[] = {0x30, 0xb0, 0x07, 0x80, 0x04, 0xd2, 0x00, 0x01};
static const uint8_t deliver_id[] = {0x30, 0xb0, 0x11, 0x40, 0x04, 0xd2, 0x00, 0x02};

static void read_deliver(struct cmpp_deliver *d, const char *name)
{
    const struct vector *v = vector_find(name);
    enum cmpp_version version = strstr(name, "v30") ? CMPP_V30 : CMPP_V20;
    size_t n;
    const uint8_t *octets = body(v, &n);

    assert_int_equal(cmpp_header_read(v->octets).command, CMPP_DELIVER);
    assert_int_equal(cmpp_deliver_read(d, version, octets, n), 0);
    assert_memory_equal(d->id, deliver_id, 8);
    assert_string_equal(d->to, "10690001");
    assert_string_equal(d->from, "13800138000");
    assert_string_equal(d->service, "OUTREACH");
}

static void test_reports(void **state)
{
    static const struct {
        const char *name, *stat;
    } facts[] = {
        {"deliver_v20_report_delivrd", "DELIVRD"},   {"deliver_v20_report_undeliv", "UNDELIV"},
        {"deliver_v20_report_mb", "MB:0088"},        {"deliver_v30_report60_delivrd", "DELIVRD"},
        {"deliver_v30_report71_delivrd", "DELIVRD"}, {"deliver_v30_report71_undeliv", "UNDELIV"},
        {"deliver_v30_report71_mk0012", "MK:0012"}};

    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        struct cmpp_deliver d;
        struct cmpp_report r;

        read_deliver(&d, facts[i].name);
        assert_true(d.report);
        assert_int_equal(d.length, strstr(facts[i].name, "report71") ? 71 : 60);
        assert_int_equal(cmpp_report_read(&r, d.content, d.length), 0);
        assert_memory_equal(r.id, submit_id, 8);
        assert_string_equal(r.stat, facts[i].stat);
        assert_string_equal(r.done, "2603011201");
    }
}

static void test_replies(void **state)
{
    static const struct {
        const char *name;
        uint8_t udhi, format;
        const char *octets;
        size_t length;
    } facts[] = {
        {"deliver_v20_mo_ascii", 0, 0, "TD", 2},
        {"deliver_v20_mo_ucs2", 0, 8, "\x90\x00\x8b\xa2", 4},
        {"deliver_v20_mo_gb", 0, 15, "\xcd\xcb\xb6\xa9", 4},
        {"deliver_v20_mo_long_part1", 1, 8, "\5\0\3\x2b\2\1\x8b\xf7\x4e\x0d\x89\x81", 12},
        {"deliver_v20_mo_long_part2", 1, 8, "\5\0\3\x2b\2\2\x51\x8d\x53\xd1\x4e\x86", 12},
        {"deliver_v20_mo_long_udhi40", 0x40, 8, "\5\0\3\x2b\2\1\x8b\xf7\x4e\x0d\x89\x81", 12},
        {"deliver_v30_mo_ascii", 0, 0, "TD", 2},
        {"deliver_v30_mo_ucs2", 0, 8, "\x90\x00\x8b\xa2", 4},
        {"deliver_v30_mo_gb", 0, 15, "\xcd\xcb\xb6\xa9", 4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        struct cmpp_deliver d;

        read_deliver(&d, facts[i].name);
        assert_false(d.report);
        assert_int_equal(d.udhi, facts[i].udhi);
        assert_int_equal(d.format, facts[i].format);
        assert_int_equal(d.length, facts[i].length);
        assert_memory_equal(d.content, facts[i].octets, d.length);
    }
}

/* What reaches beyond its packet is not read; LinkID or Reserve may be missing. */
static void test_deliver_cut(void **state)
{
    size_t n;
    const uint8_t *octets = body(vector_find("deliver_v30_report71_delivrd"), &n);
    struct cmpp_deliver d;
    struct cmpp_report r;

    (void)state;
    for (size_t cut = 0; cut < n; cut++) {
        int result = cmpp_deliver_read(&d, CMPP_V30, octets, cut);

        assert_int_equal(result, cut < 77        ? CMPP_DELIVER_SHORT
                                 : cut < 77 + 71 ? CMPP_DELIVER_LENGTH
                                                 : 0);
    }
    octets = body(vector_find("bad_msg_length"), &n);
    assert_int_equal(cmpp_deliver_read(&d, CMPP_V20, octets, n), CMPP_DELIVER_LENGTH);
    assert_memory_equal(d.id, deliver_id, 8);
    octets = body(vector_find("bad_report_40"), &n);
    assert_int_equal(cmpp_deliver_read(&d, CMPP_V20, octets, n), 0);
    assert_true(d.report);
    assert_int_equal(d.length, 40);
    assert_int_equal(cmpp_report_read(&r, d.content, d.length), -1);
}

static void test_deliver_response(void **state)
{
    uint8_t p[TRUNK_CONTROL_MAX];

    (void)state;
    check(p, cmpp_delivered_write(p, CMPP_V20, deliver_id, 0, 0x32),
          vector_find("deliver_resp_v20_ok"));
    check(p, cmpp_delivered_write(p, CMPP_V30, deliver_id, 0, 0x3b),
          vector_find("deliver_resp_v30_ok"));
}

/* ------------------------------------------------------------------ the small ones */
static void test_control(void **state)
{
    uint8_t p[TRUNK_CONTROL_MAX];
    struct trunk_pdu h;

    (void)state;
    check(p, cmpp_header_write(p, CMPP_ACTIVE_TEST, 0x46), vector_find("active_test"));
    check(p, cmpp_tested_write(p, 0x46), vector_find("active_test_resp"));
    check(p, cmpp_header_write(p, CMPP_TERMINATE, 0x47), vector_find("terminate"));
    check(p, cmpp_header_write(p, CMPP_TERMINATE | CMPP_RESPONSE, 0x47),
          vector_find("terminate_resp"));
    h = cmpp_header_read(vector_find("quirk_active_test_resp_without_body")->octets);
    assert_int_equal(h.command, CMPP_ACTIVE_TEST | CMPP_RESPONSE);
    assert_int_equal(h.length, CMPP_HEADER_BYTES);
    h = cmpp_header_read(vector_find("bad_length_11")->octets);
    assert_true(h.length < CMPP_HEADER_BYTES);
    h = cmpp_header_read(vector_find("bad_length_huge")->octets);
    assert_true(h.length > CMPP_PDU_MAX);
}

/* ------------------------------------------------------------------ their own tests */
static void test_peer_connect(void **state)
{
    struct vector v = *vector_find("peer_connect");
    uint8_t p[TRUNK_CONTROL_MAX], ours[16], theirs[16];
    struct cmpp_connected c;
    const uint8_t *octets;
    size_t n;

    (void)state;
    assert_int_equal(v.octets[34], 0x21); /* a 2.1 that only this octet tells from 2.0 */
    v.octets[34] = CMPP_V20;
    cmpp_authenticator(ours, "900001", "888888", 1021080510);
    check(p, cmpp_connect_write(p, CMPP_V20, "900001", ours, 1021080510, 0x17), &v);
    octets = body(vector_find("peer_connect_resp_v20"), &n);
    assert_int_equal(cmpp_connected_read(&c, octets, n), 0);
    assert_int_equal(c.version, CMPP_V20);
    assert_int_equal(c.status, 0);
    cmpp_authenticator_ismg(theirs, &c, ours, "888888");
    assert_memory_equal(theirs, c.authenticator, 16);
}

static void test_peer_submit(void **state)
{
    static const uint8_t id[] = {0xb2, 0xb9, 0xda, 0x80, 0, 1, 0, 0};
    struct cmpp_submit s = ucs2("测试gocmpp submit");
    uint8_t p[CMPP_SUBMIT_MAX];
    const uint8_t *octets;
    struct trunk_pdu h;
    size_t n;

    (void)state;
    s.service = "test";
    s.fee_number = s.to = "13500002696";
    s.source = s.from = "900001";
    s.fee_type = "02";
    s.fee_code = "10";
    s.validity = "151105131555101+";
    check(p, cmpp_submit_write(p, CMPP_V20, &s, 0x17), vector_find("peer_submit_v20"));
    h = cmpp_header_read(vector_find("peer_submit_resp_v20")->octets);
    octets = body(vector_find("peer_submit_resp_v20"), &n);
    assert_int_equal(h.command, CMPP_SUBMIT | CMPP_RESPONSE);
    assert_int_equal(h.sequence, 0x17);
    assert_memory_equal(octets, id, 8);
    assert_int_equal(cmpp_result_read(octets, n), 0);
}

static void test_peer_deliver(void **state)
{
    static const struct {
        const char *name;
        uint8_t id[8];
        const char *stat, *done;
    } reports[] = {
        {"peer_report", {0xb4, 0xc5, 0x53, 0, 0, 1, 0, 0}, "DELIVRD", "1511120957"},
        {"peer_report_live", {102, 66, 144, 128, 9, 217, 89, 254}, "MK:0012", "1806121640"},
    };
    uint8_t p[TRUNK_CONTROL_MAX];
    const uint8_t *octets;
    struct cmpp_deliver d;
    size_t n;

    (void)state;
    octets = body(vector_find("peer_deliver_v20_mo"), &n);
    assert_int_equal(cmpp_deliver_read(&d, CMPP_V20, octets, n), 0);
    assert_string_equal(d.to, "900001");
    assert_string_equal(d.from, "13412340000");
    assert_string_equal(d.service, "");
    assert_int_equal(d.udhi, 0);
    assert_int_equal(d.format, 0);
    assert_false(d.report);
    assert_int_equal(d.length, 18);
    assert_memory_equal(d.content, "This is a test MO.", 18);
    check(p, cmpp_delivered_write(p, CMPP_V20, d.id, 0, 5), vector_find("peer_deliver_resp_v20"));
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
        const struct vector *v = vector_find(reports[i].name);
        struct cmpp_report r;

        assert_int_equal(cmpp_report_read(&r, v->octets, v->length), 0);
        assert_memory_equal(r.id, reports[i].id, 8);
        assert_string_equal(r.stat, reports[i].stat);
        assert_string_equal(r.done, reports[i].done);
    }
}

/* Last: no vector was left out. */
static void test_all_used(void **state)
{
    (void)state;
    assert_int_equal(vector_count, 58);
    for (size_t i = 0; i < vector_count; i++)
        if (!vectors[i].used)
            fail_msg("nobody looks at %s", vectors[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect),     cmocka_unit_test(test_connect_response),
        cmocka_unit_test(test_submit),      cmocka_unit_test(test_submit_two),
        cmocka_unit_test(test_submit_long), cmocka_unit_test(test_submit_response),
        cmocka_unit_test(test_reports),     cmocka_unit_test(test_replies),
        cmocka_unit_test(test_deliver_cut), cmocka_unit_test(test_deliver_response),
        cmocka_unit_test(test_control),     cmocka_unit_test(test_peer_connect),
        cmocka_unit_test(test_peer_submit), cmocka_unit_test(test_peer_deliver),
        cmocka_unit_test(test_all_used),
    };

    return cmocka_run_group_tests_name("cmpp_pdu", tests, NULL, NULL);
}
