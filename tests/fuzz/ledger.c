/* Records, headers and index entries as they may stand in a damaged Redis. */
#include "fuzz.h"

#include "ledger.h"
#include "receipts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct take t = {data, size};
    size_t n = LEDGER_RECORD_BYTES, entry_bytes = RECEIPT_ENTRY_BYTES;
    uint8_t *bytes = take_block(&t, &n), out[LEDGER_RECORD_BYTES];
    char *entry_at, entry_out[RECEIPT_ENTRY_BYTES];
    struct ledger_header header;
    struct receipt_entry entry;
    struct record before, after;

    if (n == LEDGER_RECORD_BYTES) {
        record_unpack(bytes, &before);
        record_pack(&before, out);
        HOLDS(memcmp(bytes, out, n) == 0);
        notice_state_name(before.state);
        notice_reason_name(before.reason);
        if (ledger_header_unpack(bytes, &header) == 0) {
            ledger_header_pack(&header, out);
            HOLDS(memcmp(bytes, out, 14) == 0);
        }
        entry_at = (char *)take_block(&t, &entry_bytes);
        if (receipt_entry_unpack(entry_at, entry_bytes, &entry) == 0) {
            receipt_entry_pack(&entry, entry_out);
            HOLDS(memcmp(entry_at, entry_out, sizeof entry_out) == 0);
            after = before;
            if (receipt_apply(&after, &entry, take_byte(&t) & 1, REASON_ABSENT,
                              take_byte(&t) % 9) >= RECEIPT_MOVED)
                HOLDS(notice_may_move(before.state, after.state) && after.step >= before.step);
            record_pack(&after, out); /* what a receipt makes of it fits in its fields */
            record_unpack(out, &before);
            HOLDS(before.state == after.state && before.ids == after.ids &&
                  before.mask == after.mask && before.flags == after.flags);
        }
        free(entry_at);
    }
    free(bytes);
    return 0;
}
