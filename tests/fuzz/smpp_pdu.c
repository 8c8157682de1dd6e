/* A PDU's body, read as each thing that an SMSC may send: the cursor, TLVs, user
 * data headers, texts, receipts, ids. */
#include "fuzz.h"

#include "ids.h"
#include "pdu.h"
#include "receipt.h"
#include "sms.h"

static void read_text(const struct smpp_incoming *in)
{
    const uint8_t *text = in->text;
    size_t n = in->length;
    struct sms_concat c = {0};

    if (in->esm_class & SMPP_ESM_UDH)
        c = sms_strip_header(&text, &n);
    HOLDS(n <= in->length && c.number <= c.total);
    for (int charset = SMS_CHARSET_GSM; charset <= SMS_CHARSET_ASCII; charset++) {
        char *out = malloc(3 * n + 1);

        HOLDS(sms_decode(out, text, n, in->data_coding, (enum sms_charset)charset,
                               in->esm_class & SMPP_ESM_UDH) <= 3 * n);
        free(out);
    }
}

static void read_id(const char *s, size_t n)
{
    struct smpp_id id;

    HOLDS(n <= SMPP_ID_MAX);
    for (int base = SMPP_ID_AS_IS; base <= SMPP_ID_RESP_DEC_DLR_HEX; base++) {
        smpp_id_of_response(&id, s, n, (enum smpp_id_base)base);
        HOLDS(id.length <= sizeof id.bytes);
        smpp_id_of_receipt(&id, s, n, (enum smpp_id_base)base);
        HOLDS(id.length <= sizeof id.bytes);
        smpp_id_other_reading(&id, s, n, (enum smpp_id_base)base);
        HOLDS(id.length <= sizeof id.bytes);
    }
}

static void read_incoming(uint32_t command, const uint8_t *body, size_t n)
{
    static const struct trunk_reason reasons[] = {{"001", GATEWAY_REASON_ABSENT},
                                                 {"REJECTD", GATEWAY_REASON_NUMBER}};
    struct smpp_incoming in;
    struct smpp_receipt r;

    if (smpp_incoming_read(&in, command, body, n) != 0)
        return;
    HOLDS(in.source[in.source_length] == '\0' && in.destination[in.destination_length] == '\0');
    read_text(&in);
    smpp_receipt_read(&r, &in, in.text, in.length, reasons, 2, 480);
    HOLDS(memchr(r.code, '\0', sizeof r.code) != NULL);
    if (r.id_length > 0)
        read_id(r.id, r.id_length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t n = size < SMPP_HEADER_BYTES ? 0 : size - SMPP_HEADER_BYTES, length;
    const char *id;
    uint8_t *body;

    if (size < SMPP_HEADER_BYTES)
        return 0;
    smpp_header_read(data);
    body = malloc(n > 0 ? n : 1);
    memcpy(body, data + SMPP_HEADER_BYTES, n);
    read_incoming(SMPP_DELIVER_SM, body, n);
    read_incoming(SMPP_DATA_SM, body, n);
    id = smpp_response_id(body, n, &length);
    if (length > 0)
        read_id(id, length);
    free(body);
    return 0;
}
