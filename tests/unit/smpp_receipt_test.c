/* What receipts, ids and status codes mean. */
#include "smpp/ids.h"
#include "smpp/pdu.h"
#include "smpp/receipt.h"
#include "smpp/status.h"
#include "sms.h"

#define VECTORS "smpp.tsv"
#include "pdu_vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* ------------------------------------------------------------------ receipts in PDUs */
#define AT_1201 1772366460000 /* 2026-03-01 12:01 UTC */

static const struct receipt_fact {
    const char *name, *id;
    enum gateway_receipt_state state;
    enum gateway_reason reason;
    const char *code;
    int64_t done_ms;
} receipts[] = {
    {"deliver_dlr_delivrd_tlv", "0A1B2C3D", GATEWAY_DELIVERED, GATEWAY_REASON_NONE, "DELIVRD",
     AT_1201},
    {"deliver_dlr_decimal_id", "0169552957", GATEWAY_DELIVERED, GATEWAY_REASON_NONE, "DELIVRD",
     AT_1201},
    {"deliver_dlr_undeliv", "0A1B2C3D", GATEWAY_UNDELIVERED, GATEWAY_REASON_OTHER, "UNDELIV:001",
     AT_1201},
    {"deliver_dlr_tlv_only", "0A1B2C3D", GATEWAY_UNDELIVERED, GATEWAY_REASON_EXPIRED, "EXPIRED", 0},
    {"deliver_dlr_enroute", "0A1B2C3D", GATEWAY_ENROUTE, GATEWAY_REASON_NONE, "ENROUTE", AT_1201},
    {"data_dlr", "0A1B2C3D", GATEWAY_DELIVERED, GATEWAY_REASON_NONE, "DELIVRD", 0},
    {"quirk_dlr_vendor_tlv", "0A1B2C3D", GATEWAY_DELIVERED, GATEWAY_REASON_NONE, "DELIVRD",
     AT_1201},
    {"quirk_dlr_short_text", "1526758174", GATEWAY_DELIVERED, GATEWAY_REASON_NONE, "DELIVRD",
     AT_1201},
    {"quirk_dlr_long_fields", "rdwjwxns18krxr9936ey96ymcw", GATEWAY_UNDELIVERED,
     GATEWAY_REASON_ABSENT, "UNDELIV:0210", 1772366412000 /* 12:00:12 */},
    {"quirk_dlr_leading_zeros", "00B8BE19", GATEWAY_DELIVERED, GATEWAY_REASON_NONE, "DELIVRD",
     AT_1201},
    {"quirk_dlr_esm_44", "0A1B2C3D", GATEWAY_DELIVERED, GATEWAY_REASON_NONE, "DELIVRD", AT_1201},
    {"quirk_dlr_text_and_tlv_differ", "0A1B2C3D", GATEWAY_DELIVERED, GATEWAY_REASON_NONE, "DELIVRD",
     AT_1201},
    {"quirk_truncated_tlv", "0A1B2C3D", GATEWAY_DELIVERED, GATEWAY_REASON_NONE, "DELIVRD", AT_1201},
    {"quirk_receipted_id_without_nul", "0A1B2C3D", GATEWAY_DELIVERED, GATEWAY_REASON_NONE,
     "DELIVRD", AT_1201},
};

static const struct trunk_reason reasons[] = {{"0210", GATEWAY_REASON_ABSENT}};

static void check(const struct receipt_fact *f, const struct smpp_incoming *in, const uint8_t *text,
                  size_t length)
{
    struct smpp_receipt r;

    smpp_receipt_read(&r, in, text, length, reasons, 1, 0);
    assert_int_equal(r.id_length, strlen(f->id));
    assert_memory_equal(r.id ? r.id : "", f->id, r.id_length);
    assert_int_equal(r.state, f->state);
    assert_int_equal(r.reason, f->reason);
    assert_string_equal(r.code, f->code);
    assert_int_equal(r.done_ms, f->done_ms);
}

static void test_receipt(void **state)
{
    const struct receipt_fact *f = *state;
    const struct vector *v = vector_find(f->name);
    struct smpp_incoming in;
    const uint8_t *text;
    size_t length;

    assert_int_equal(smpp_incoming_read(&in, smpp_header_read(v->octets).command, v->octets + 16,
                                        v->length - 16),
                     0);
    text = in.text;
    length = in.length;
    if (in.esm_class & SMPP_ESM_UDH)
        sms_strip_header(&text, &length);
    check(f, &in, text, length);
}

/* ------------------------------------------------------------------ receipts in texts */
static const struct text_fact {
    const char *name; /* the text itself */
    struct receipt_fact expect;
} texts[] = {
    {"ID:1 STAT:DELIVRD", {"", "1", GATEWAY_DELIVERED, GATEWAY_REASON_NONE, "DELIVRD", 0}},
    {"stat:delivrd id:1", {"", "1", GATEWAY_DELIVERED, GATEWAY_REASON_NONE, "delivrd", 0}},
    {"id:1 stat:REJECTD err:0ab",
     {"", "1", GATEWAY_UNDELIVERED, GATEWAY_REASON_OTHER, "REJECTD:0ab", 0}},
    {"id:1 stat:ACCEPTD", {"", "1", GATEWAY_ENROUTE, GATEWAY_REASON_NONE, "ACCEPTD", 0}},
    {"id:1 stat:BUFFRED", {"", "1", GATEWAY_ENROUTE, GATEWAY_REASON_NONE, "BUFFRED", 0}},
    {"id:1 stat:MK:0001", {"", "1", GATEWAY_UNDELIVERED, GATEWAY_REASON_OTHER, "MK:0001", 0}},
    {"id:1 stat:EXPIRED", {"", "1", GATEWAY_UNDELIVERED, GATEWAY_REASON_EXPIRED, "EXPIRED", 0}},
    {"id:1 done date:260301120130 stat:DELIVRD",
     {"", "1", GATEWAY_DELIVERED, GATEWAY_REASON_NONE, "DELIVRD", AT_1201 + 30000}},
    {"id:1 done date:2603011201+ stat:DELIVRD",
     {"", "1", GATEWAY_DELIVERED, GATEWAY_REASON_NONE, "DELIVRD", AT_1201}},
    {"id:1 done date:2613011201 stat:DELIVRD",
     {"", "1", GATEWAY_DELIVERED, GATEWAY_REASON_NONE, "DELIVRD", 0}},
    {"id:1 stat:DELIVRD text:id:2 stat:UNDELIV",
     {"", "1", GATEWAY_DELIVERED, GATEWAY_REASON_NONE, "DELIVRD", 0}},
    {"paid:7 stat:DELIVRD", {"", "", GATEWAY_DELIVERED, GATEWAY_REASON_NONE, "DELIVRD", 0}},
    {"hello", {"", "", GATEWAY_ENROUTE, GATEWAY_REASON_NONE, "", 0}},
};

static void test_text(void **state)
{
    const struct text_fact *f = *state;
    struct smpp_incoming in = {.message_state = -1, .esm_class = 4};

    check(&f->expect, &in, (const uint8_t *)f->name, strlen(f->name));
}

/* ------------------------------------------------------------------ ids */
static const struct id_fact {
    const char *name;
    enum smpp_id_base base;
    const char *response, *receipt;
    const char *response_id, *receipt_id, *other;
} ids[] = {
    {"as they come", SMPP_ID_AS_IS, "0A1B2C3D", "0A1B2C3D", "0A1B2C3D", "0A1B2C3D", "0169552957"},
    {"the hint for hex answers", SMPP_ID_AS_IS, "0A1B2C3D", "0169552957", "0A1B2C3D", "0169552957",
     "0A1B2C3D"},
    {"leading zeros stay", SMPP_ID_AS_IS, "00B8BE91", "00B8BE91", "00B8BE91", "00B8BE91",
     "0012107409"},
    {"answered in hex, reported in decimal", SMPP_ID_RESP_HEX_DLR_DEC, "0A1B2C3D", "0169552957",
     "169552957", "169552957", "6062156119"},
    {"answered in decimal, reported in hex", SMPP_ID_RESP_DEC_DLR_HEX, "0169552957", "0a1b2c3d",
     "169552957", "169552957", ""},
    {"beyond 64 bits", SMPP_ID_RESP_HEX_DLR_DEC, "123456789ABCDEF0123456789",
     "90144042682896311822508713865", "90144042682896311822508713865",
     "90144042682896311822508713865", NULL},
    {"no number stays as it is", SMPP_ID_RESP_HEX_DLR_DEC, "rdwjwxns18", "rdwjwxns18", "rdwjwxns18",
     "rdwjwxns18", ""},
    {"zero", SMPP_ID_RESP_HEX_DLR_DEC, "0000", "0", "0", "0", "0"},
};

static void check_id(const struct smpp_id *id, const char *expected)
{
    if (expected == NULL)
        return;
    assert_int_equal(id->length, strlen(expected));
    assert_memory_equal(id->bytes, expected, id->length);
}

static void test_id(void **state)
{
    const struct id_fact *f = *state;
    struct smpp_id id;

    smpp_id_of_response(&id, f->response, strlen(f->response), f->base);
    check_id(&id, f->response_id);
    smpp_id_of_receipt(&id, f->receipt, strlen(f->receipt), f->base);
    check_id(&id, f->receipt_id);
    smpp_id_other_reading(&id, f->receipt, strlen(f->receipt), f->base);
    check_id(&id, f->other);
}

/* ------------------------------------------------------------------ statuses */
static const struct status_fact {
    const char *name;
    uint32_t code;
    enum gateway_outcome outcome;
} statuses[] = {
    {"ESME_ROK", 0x00, GATEWAY_ACCEPTED},
    {"ESME_RTHROTTLED", 0x58, GATEWAY_THROTTLED},
    {"ESME_RMSGQFUL", 0x14, GATEWAY_THROTTLED},
    {"ESME_RSYSERR", 0x08, GATEWAY_RETRY},
    {"ESME_RX_T_APPN", 0x64, GATEWAY_RETRY},
    {"ESME_RSUBMITFAIL", 0x45, GATEWAY_RETRY},
    {"ESME_RUNKNOWNERR", 0xff, GATEWAY_RETRY},
    {"ESME_RINVBNDSTS", 0x04, GATEWAY_RETRY},
    {"ESME_RINVDSTADR", 0x0b, GATEWAY_REJECTED},
    {"ESME_RINVMSGLEN", 0x01, GATEWAY_REJECTED},
    {"ESME_RX_P_APPN", 0x65, GATEWAY_REJECTED},
    {"ESME_RX_R_APPN", 0x66, GATEWAY_REJECTED},
    {"ESME_RDELIVERYFAILURE", 0xfe, GATEWAY_REJECTED},
    {"ESME_RINVSRCADR", 0x0a, GATEWAY_BROKEN},
    {"ESME_RINVSRCTON", 0x48, GATEWAY_BROKEN},
    {"ESME_RINVSRCNPI", 0x49, GATEWAY_BROKEN},
    {"ESME_RINVDSTTON", 0x50, GATEWAY_BROKEN},
    {"ESME_RINVDSTNPI", 0x51, GATEWAY_BROKEN},
    {"ESME_RINVPASWD", 0x0e, GATEWAY_BROKEN},
    {"ESME_RINVSYSID", 0x0f, GATEWAY_BROKEN},
    {"ESME_RINVSYSTYP", 0x53, GATEWAY_BROKEN},
    {"ESME_RINVCMDLEN", 0x02, GATEWAY_BROKEN},
    {"ESME_RINVCMDID", 0x03, GATEWAY_BROKEN},
    {"ESME_RINVEXPIRY", 0x62, GATEWAY_BROKEN},
    {"ESME_RINVSCHED", 0x61, GATEWAY_BROKEN},
    {"ESME_ROPTPARNOTALLWD", 0xc1, GATEWAY_BROKEN},
    {"vendor", 0x400, GATEWAY_RETRY},
    {"vendor", 0x4ff, GATEWAY_RETRY},
    {"reserved", 0x500, GATEWAY_RETRY},
    {"reserved", 0x12, GATEWAY_RETRY},
};

static void test_status(void **state)
{
    const struct status_fact *f = *state;
    struct smpp_status s = smpp_status_find(f->code, NULL, 0);

    assert_string_equal(s.name, f->name);
    assert_int_equal(s.outcome, f->outcome);
}

static void test_override(void **state)
{
    static const struct trunk_outcome overrides[] = {{0x45, GATEWAY_THROTTLED},
                                                     {0x421, GATEWAY_BROKEN}};

    (void)state;
    assert_int_equal(smpp_status_find(0x45, overrides, 2).outcome, GATEWAY_THROTTLED);
    assert_int_equal(smpp_status_find(0x421, overrides, 2).outcome, GATEWAY_BROKEN);
    assert_int_equal(smpp_status_find(0x08, overrides, 2).outcome, GATEWAY_RETRY);
}

#define ROWS(table, test)                                                                          \
    for (i = 0; i < sizeof table / sizeof *table; i++)                                             \
        tests[n++] = (struct CMUnitTest)                                                           \
        {                                                                                          \
            table[i].name, test, NULL, NULL, (void *)(uintptr_t)&table[i]                          \
        }

int main(void)
{
    struct CMUnitTest tests[120];
    size_t n = 0, i;

    ROWS(receipts, test_receipt);
    ROWS(texts, test_text);
    ROWS(ids, test_id);
    ROWS(statuses, test_status);
    tests[n++] = (struct CMUnitTest){"overrides", test_override, NULL, NULL, NULL};
    return _cmocka_run_group_tests("smpp_receipt", tests, n, NULL, NULL);
}
