/* What SMPP PDUs look like: against octets made by other implementations. */
#include "smpp/pdu.h"
#include "sms.h"
#include "window.h"

#define VECTORS "smpp.tsv"
#include "pdu_vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define POEM                                                                                                       \
    "【示例】春江潮水连海平，海上明月共潮生。春江潮水连海平，海上明月共潮生。" \
    "春江潮水连海平，海上明月共潮生。春江潮水连海平，海上明月共潮生。"             \
    "春江潮水连海平，海上明月共潮生。"
#define FOX "The quick brown fox jumps over the lazy dog. "
#define FOXES FOX FOX FOX FOX

/* ------------------------------------------------------------------ what we send */
static const struct submit_fact {
    const char *vector, *text;
    enum gateway_encoding encoding;
    enum sms_long long_text;
    uint16_t reference;
    unsigned part; /* from 0 */
    uint8_t registered;
    const char *service_type, *schedule, *validity;
} submits[] = {
    {"submit_gsm7", "Hello @ [world] €5", GATEWAY_GSM7, SMS_LONG_UDH8, 0, 0, 1, "", "", ""},
    {"submit_ucs2", "【示例】您好，回复TD退订", GATEWAY_UCS2, SMS_LONG_UDH8, 0, 0, 1, "", "", ""},
    {"submit_ucs2_emoji", "Hi 😀", GATEWAY_UCS2, SMS_LONG_UDH8, 0, 0, 0, "", "", ""},
    {"submit_ucs2_udh8_part1", POEM, GATEWAY_UCS2, SMS_LONG_UDH8, 0xa5, 0, 1, "", "", ""},
    {"submit_ucs2_udh8_part2", POEM, GATEWAY_UCS2, SMS_LONG_UDH8, 0xa5, 1, 1, "", "", ""},
    {"submit_ucs2_udh16_part1", POEM, GATEWAY_UCS2, SMS_LONG_UDH16, 0x1234, 0, 1, "", "", ""},
    {"submit_ucs2_udh16_part2", POEM, GATEWAY_UCS2, SMS_LONG_UDH16, 0x1234, 1, 1, "", "", ""},
    {"submit_gsm7_udh8_part1", FOXES, GATEWAY_GSM7, SMS_LONG_UDH8, 0x07, 0, 1, "", "", ""},
    {"submit_gsm7_udh8_part2", FOXES, GATEWAY_GSM7, SMS_LONG_UDH8, 0x07, 1, 1, "", "", ""},
    {"submit_ucs2_sar_part1", POEM, GATEWAY_UCS2, SMS_LONG_SAR, 0x1234, 0, 1, "", "", ""},
    {"submit_ucs2_payload", POEM, GATEWAY_UCS2, SMS_LONG_PAYLOAD, 0, 0, 1, "", "", ""},
    {"submit_validity_schedule", "later", GATEWAY_GSM7, SMS_LONG_UDH8, 0, 0, 1, "CMT",
     "260301120000032+", "000002000000000R"},
};

static void test_submit(void **state)
{
    const struct submit_fact *f = *state;
    const struct vector *v = vector_find(f->vector);
    struct sms_text t;
    struct smpp_sender sender;
    struct smpp_submit s = {.sender = &sender, .to = "8613800138000", .to_length = 13};
    uint8_t out[SMPP_SUBMIT_MAX];

    assert_int_equal(smpp_sender_make(&sender, f->service_type, "ACME", (struct smpp_ton_npi){5, 0},
                                      (struct smpp_ton_npi){1, 1}),
                     0);
    assert_int_equal(
        sms_encode(&t, f->text, strlen(f->text), f->encoding, SMS_CHARSET_GSM, f->long_text),
        SMS_OK);
    s.schedule = f->schedule;
    s.validity = f->validity;
    s.registered_delivery = f->registered;
    s.data_coding = t.data_coding;
    s.text = t.octets + t.start[f->part];
    s.length = (size_t)(t.start[f->part + 1] - t.start[f->part]);
    s.header_length = sms_header(s.header, f->long_text, f->reference, t.parts, f->part + 1);
    s.esm_class = s.header_length > 0 ? SMPP_ESM_UDH : 0;
    s.payload = f->long_text == SMS_LONG_PAYLOAD;
    if (f->long_text == SMS_LONG_SAR) {
        s.sar_reference = f->reference;
        s.sar_total = (uint8_t)t.parts;
        s.sar_number = (uint8_t)(f->part + 1);
    }
    assert_int_equal(smpp_submit_write(out, &s, smpp_header_read(v->octets).sequence), v->length);
    assert_memory_equal(out, v->octets, v->length);
}

static void test_bind(void **state)
{
    const struct vector *v = vector_find("bind_transceiver");
    struct smpp_bind bind = {
        .system_id = "outreach", .password = "s3cretpw", .system_type = "VMA", .address_range = ""};
    uint8_t out[SMPP_BIND_MAX];

    (void)state;
    assert_int_equal(smpp_bind_write(out, &bind, 1), v->length);
    assert_memory_equal(out, v->octets, v->length);
}

static const struct plain_fact {
    const char *vector;
    uint32_t command, status, sequence;
    bool incoming; /* an answer to deliver_sm or data_sm: command is theirs */
} plains[] = {
    {"enquire_link", SMPP_ENQUIRE_LINK, 0, 0x14, false},
    {"enquire_link_resp", SMPP_ENQUIRE_LINK | SMPP_RESPONSE, 0, 0x14, false},
    {"unbind", SMPP_UNBIND, 0, 0x15, false},
    {"unbind_resp", SMPP_UNBIND | SMPP_RESPONSE, 0, 0x15, false},
    {"generic_nack_bad_command", SMPP_GENERIC_NACK, 3, 0x16, false},
    {"generic_nack_bad_length", SMPP_GENERIC_NACK, 2, 0, false},
    {"deliver_resp_ok", SMPP_DELIVER_SM, 0, 0x64, true},
    {"deliver_resp_temp_fail", SMPP_DELIVER_SM, 0x64, 0x65, true},
    {"data_resp_ok", SMPP_DATA_SM, 0, 0x6e, true},
};

static void test_plain(void **state)
{
    const struct plain_fact *f = *state;
    const struct vector *v = vector_find(f->vector);
    uint8_t out[32];
    size_t n = f->incoming ? smpp_incoming_answer(out, f->command, f->status, f->sequence)
                           : smpp_header_write(out, f->command, f->status, f->sequence);

    assert_int_equal(n, v->length);
    assert_memory_equal(out, v->octets, n);
}

/* ------------------------------------------------------------------ what we get */
static const struct response_fact {
    const char *vector;
    uint32_t command, status, sequence;
    const char *id;
} responses[] = {
    {"bind_transceiver_resp_ok", 0x80000009, 0, 1, "TESTSMSC"},
    {"bind_transceiver_resp_bad_password", 0x80000009, 0x0e, 1, ""},
    {"bind_transceiver_resp_already_bound", 0x80000009, 0x05, 1, ""},
    {"submit_resp_ok", 0x80000004, 0, 2, "0A1B2C3D"},
    {"submit_resp_throttled", 0x80000004, 0x58, 3, ""},
    {"submit_resp_queue_full", 0x80000004, 0x14, 4, ""},
    {"submit_resp_queue_full_with_body", 0x80000004, 0x14, 4, ""},
    {"submit_resp_bad_dest", 0x80000004, 0x0b, 5, ""},
};

static void test_response(void **state)
{
    const struct response_fact *f = *state;
    const struct vector *v = vector_find(f->vector);
    struct trunk_pdu h = smpp_header_read(v->octets);
    size_t n;
    const char *id = smpp_response_id(v->octets + 16, v->length - 16, &n);

    assert_int_equal(h.length, v->length);
    assert_int_equal(h.command, f->command);
    assert_int_equal(h.status, f->status);
    assert_int_equal(h.sequence, f->sequence);
    assert_int_equal(n, strlen(f->id));
    assert_memory_equal(id, f->id, n);
}

static const struct message_fact {
    const char *vector;
    uint8_t esm_class, data_coding;
    const char *text; /* its start, raw */
    size_t length;
    const char *id; /* TLV */
    int message_state;
} messages[] = {
    {"deliver_dlr_delivrd_tlv", 0x04, 0, "id:0A1B2C3D sub:001", 105, "0A1B2C3D", 2},
    {"deliver_dlr_decimal_id", 0x04, 0, "id:0169552957 sub", 107, "", -1},
    {"deliver_dlr_undeliv", 0x04, 0, "id:0A1B2C3D", 105, "0A1B2C3D", 5},
    {"deliver_dlr_tlv_only", 0x04, 0, "", 0, "0A1B2C3D", 3},
    {"deliver_dlr_enroute", 0x20, 0, "id:0A1B2C3D", 105, "0A1B2C3D", 1},
    {"deliver_mo_gsm7", 0, 0, "TD", 2, "", -1},
    {"deliver_mo_ucs2", 0, 8, "\x90\x00\x8b\xa2", 4, "", -1},
    {"deliver_mo_udh_part1", 0x40, 8, "\x05\x00\x03\x2b\x02\x01", 12, "", -1},
    {"deliver_mo_udh_part2", 0x40, 8, "\x05\x00\x03\x2b\x02\x02", 12, "", -1},
    {"deliver_mo_payload", 0, 8, "\x90\x00\x8b\xa2", 4, "", -1},
    {"data_dlr", 0x04, 0, "", 0, "0A1B2C3D", 2},
    {"quirk_dlr_vendor_tlv", 0x04, 0, "id:0A1B2C3D", 105, "0A1B2C3D", 2},
    {"quirk_dlr_short_text", 0x04, 0, "id:15267", 78, "", -1},
    {"quirk_dlr_long_fields", 0x04, 0, "id:rdwjwxns18", 127, "", -1},
    {"quirk_dlr_leading_zeros", 0x04, 0, "id:00B8BE19", 105, "", -1},
    {"quirk_dlr_esm_44", 0x44, 0, "\x05\x00\x03\x01\x01\x01id:", 111, "", -1},
    {"quirk_dlr_text_and_tlv_differ", 0x04, 0, "id:0169552957", 107, "0A1B2C3D", 2},
    {"quirk_mo_fake_receipt", 0, 0, "id:0A1B2C3D", 105, "", -1},
    {"quirk_trailing_nul", 0, 0, "TD", 2, "", -1},
    {"quirk_truncated_tlv", 0x04, 0, "id:0A1B2C3D", 105, "0A1B2C3D", 2},
    {"quirk_receipted_id_without_nul", 0x04, 0, "id:0A1B2C3D", 105, "0A1B2C3D", 2},
};

static void test_message(void **state)
{
    const struct message_fact *f = *state;
    const struct vector *v = vector_find(f->vector);
    struct trunk_pdu h = smpp_header_read(v->octets);
    struct smpp_incoming in;
    size_t start = f->length == 0 ? 0 : strlen(f->text) > 0 ? strlen(f->text) : 1;

    assert_int_equal(h.length, v->length);
    assert_int_equal(smpp_incoming_read(&in, h.command, v->octets + 16, v->length - 16), 0);
    assert_string_equal(in.source, "8613800138000");
    assert_string_equal(in.destination, "10690001");
    assert_int_equal(in.esm_class, f->esm_class);
    assert_int_equal(in.data_coding, f->data_coding);
    assert_int_equal(in.length, f->length);
    assert_memory_equal(in.text ? in.text : (const uint8_t *)"", f->text, start);
    assert_int_equal(in.receipted_id_length, strlen(f->id));
    assert_memory_equal(in.receipted_id ? in.receipted_id : "", f->id, strlen(f->id));
    assert_int_equal(in.message_state, f->message_state);
}

static void test_bad_sm_length(void **state)
{
    const struct vector *v = vector_find("bad_sm_length");
    struct smpp_incoming in;

    (void)state;
    assert_int_equal(smpp_incoming_read(&in, SMPP_DELIVER_SM, v->octets + 16, v->length - 16), -1);
}

/* A body cut at any octet is refused or read within its bounds (ASan watches). */
static void test_cut_anywhere(void **state)
{
    size_t i, n;

    (void)state;
    vector_find("unbind");
    for (i = 0; i < vector_count; i++)
        for (n = 16; n <= vectors[i].length; n++) {
            uint8_t *body = malloc(n - 16 + 1);
            struct smpp_incoming in;
            size_t length;

            memcpy(body, vectors[i].octets + 16, n - 16);
            body = realloc(body, n > 16 ? n - 16 : 1);
            smpp_incoming_read(&in, SMPP_DELIVER_SM, body, n - 16);
            smpp_incoming_read(&in, SMPP_DATA_SM, body, n - 16);
            smpp_response_id(body, n - 16, &length);
            assert_true(length <= SMPP_ID_MAX);
            free(body);
        }
}

static void test_address_too_long(void **state)
{
    /* service_type, TON, NPI, then 21 characters without their NUL */
    static const uint8_t body[64] = "\0\1\1"
                                    "123456789012345678901"
                                    "\0\1\1";
    struct smpp_incoming in;

    (void)state;
    assert_int_equal(smpp_incoming_read(&in, SMPP_DELIVER_SM, body, sizeof body), -1);
}

/* SMPP 3.4, 5.2.23 and 5.3.2.12: an id has 64 characters and its NUL at most. One that is longer is
 * none: cut, it would be another message's. */
static void test_id_too_long(void **state)
{
    static const uint8_t head[] = "\0"
                                  "\1\1"
                                  "1\0"
                                  "\1\1"
                                  "2\0"
                                  "\4\0\0"
                                  "\0\0" /* times */
                                  "\0\0\0\0"
                                  "\0"; /* sm_length, and no text */
    uint8_t body[sizeof head - 1 + 4 + 66];
    struct smpp_incoming in;

    (void)state;
    for (size_t n = 64; n <= 66; n++) {
        uint8_t *tlv = body + sizeof head - 1;
        size_t length;

        memcpy(body, head, sizeof head - 1);
        memcpy(tlv, (uint8_t[]){0, 0x1e, 0, (uint8_t)n}, 4);
        memset(tlv + 4, 'a', n);
        assert_int_equal(smpp_incoming_read(&in, SMPP_DELIVER_SM, body, sizeof head - 1 + 4 + n),
                         0);
        assert_int_equal(in.receipted_id_length, n == 64 ? 64 : 0);
        smpp_response_id(tlv + 4, n, &length);
        assert_int_equal(length, n == 64 ? 64 : 0);
    }
}

/* ------------------------------------------------------------------ numbers */
static void test_window_numbers(void **state)
{
    struct window w;
    struct window_request *kept;
    unsigned i;

    (void)state;
    window_init(&w, 10);
    kept = window_put(&w);
    assert_int_equal(kept->sequence, 1);
    for (i = 0; i < 100; i++) {
        struct window_request *r = window_put(&w);

        assert_ptr_not_equal(r, kept);
        assert_ptr_equal(window_find(&w, r->sequence), r);
        window_remove(&w, r);
    }
    w.last = 0x7ffffffe;
    assert_int_equal(window_number(&w), 0x7fffffff);
    assert_int_equal(window_number(&w), 2); /* after 7fffffff comes 1, which is taken */
    assert_null(window_find(&w, 0));
    assert_null(window_find(&w, 0x80000001));
    assert_ptr_equal(window_find(&w, 1), kept);
    window_free(&w);
}

#define ROWS(table, test)                                                                          \
    for (i = 0; i < sizeof table / sizeof *table; i++)                                             \
        tests[n++] = (struct CMUnitTest)                                                           \
        {                                                                                          \
            table[i].vector, test, NULL, NULL, (void *)(uintptr_t)&table[i]                        \
        }

int main(void)
{
    struct CMUnitTest tests[120];
    const struct CMUnitTest singles[] = {
        cmocka_unit_test(test_bind),         cmocka_unit_test(test_bad_sm_length),
        cmocka_unit_test(test_cut_anywhere), cmocka_unit_test(test_address_too_long),
        cmocka_unit_test(test_id_too_long),  cmocka_unit_test(test_window_numbers),
    };
    size_t n = 0, i;

    ROWS(submits, test_submit);
    ROWS(plains, test_plain);
    ROWS(responses, test_response);
    ROWS(messages, test_message);
    for (i = 0; i < sizeof singles / sizeof *singles; i++)
        tests[n++] = singles[i];
    return _cmocka_run_group_tests("smpp_pdu", tests, n, NULL, NULL);
}
