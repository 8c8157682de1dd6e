/* A receipt's text; the first byte says what stands in TLVs beside it. */
#include "fuzz.h"

#include "receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct trunk_reason reasons[] = {{"001", GATEWAY_REASON_ABSENT},
                                                 {"EXPIRED", GATEWAY_REASON_NUMBER}};
    static const uint8_t network_errors[][3] = {{3, 0, 11}, {'0', '1', '1'}, {'0', 0, 0}};
    struct take t = {data, size};
    unsigned choice = take_byte(&t);
    size_t n = t.left;
    uint8_t *text = take_block(&t, &n);
    struct smpp_incoming in = {.source = "", .destination = "", .text = text, .length = n};
    struct smpp_receipt r;

    in.esm_class = choice & 0x3c;
    in.message_state = choice & 1 ? (int)(choice >> 4) : -1;
    in.network_error = choice & 2 ? network_errors[(choice >> 6) % 3] : NULL;
    in.receipted_id = choice & 0x80 ? "0A1B2C3D" : NULL;
    in.receipted_id_length = choice & 0x80 ? 8 : 0;
    smpp_receipt_read(&r, &in, text, n, reasons, 2, -480);
    HOLDS(memchr(r.code, '\0', sizeof r.code) != NULL);
    for (const char *c = r.code; *c != '\0'; c++)
        HOLDS(*c > ' ' && *c < 0x7f);
    HOLDS(r.id_length <= SMPP_ID_MAX);
    HOLDS(r.state >= GATEWAY_DELIVERED && r.state <= GATEWAY_ENROUTE);
    HOLDS(r.state != GATEWAY_DELIVERED || r.reason == GATEWAY_REASON_NONE);
    free(text);
    return 0;
}
