/* Parts of replies in any order, twice, and under numbers that others use: what
 * is complete is its parts in their order. */
#include "fuzz.h"

#include "reassembly.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char out[REASSEMBLY_BYTES_MAX];
    static const char too_long[] =
        "a-name-that-is-longer-than-the-limit-of-65-octets-by-a-few-more-1";
    static const char *const sources[] = {"13851400001", "", too_long};
    struct take t = {data, size};
    struct reassembly *r = reassembly_new();
    int64_t now_ms = 1;

    while (t.left > 3) {
        struct reassembly_part part = {.total = (uint8_t)take_byte(&t), .number = (uint8_t)take_byte(&t)};
        unsigned choice = take_byte(&t);
        size_t n = take_byte(&t), length = 0;
        uint8_t *text = take_block(&t, &n);
        uint64_t whole;

        part.source = sources[choice % 3];
        part.destination = "1069";
        part.reference = (uint16_t)(choice >> 2 & 7);
        part.text = (const char *)text;
        part.length = n;
        now_ms += choice & 0x20 ? REASSEMBLY_KEEP_MS / 2 : 1;
        whole = reassembly_add(r, &part, now_ms, out, &length);
        HOLDS(length <= sizeof out && (whole != 0 || length == 0));
        if (whole != 0) {
            /* The last part to come is in it as it came. */
            HOLDS(n == 0 || memmem(out, length, text, n) != NULL);
            if (choice & 0x40)
                reassembly_done(r, whole);
        }
        free(text);
    }
    reassembly_free(r);
    return 0;
}
