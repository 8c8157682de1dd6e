/* What a modem says, in pieces of any length: every line ends, and none is longer than the
 * buffer. */
#include "fuzz.h"

#include "at.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct at_reader *r = calloc(1, sizeof *r);
    struct take t = {data, size};
    struct at_line line;

    while (t.left > 0) {
        unsigned choice = take_byte(&t);
        size_t n = choice / 2 + 1;
        uint8_t *piece = take_block(&t, &n);

        for (size_t at = 0; at < n;) {
            size_t took = at_feed(r, (const char *)piece + at, n - at);

            at += took;
            while (at_next(r, choice % 2 != 0, &line)) {
                HOLDS(line.length == strlen(line.text) && line.length < AT_BUFFER_BYTES);
                HOLDS(strlen(line.word) < sizeof line.word);
                HOLDS(line.number >= -1 && line.number <= 65535);
                HOLDS(line.index >= -1 && line.index <= 65535);
            }
            HOLDS(took > 0 || r->n < AT_BUFFER_BYTES - 1);
        }
        free(piece);
    }
    free(r);
    return 0;
}
