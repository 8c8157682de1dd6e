/* A PDU from a modem: read within its bounds, and what was read is text. */
#include "fuzz.h"

#include "pdu.h"
#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *hex = malloc(size > 0 ? size : 1);
    struct pdu p;

    if (size > 0)
        memcpy(hex, data, size);
    if (pdu_read(&p, hex, size)) {
        HOLDS(p.kind == PDU_DELIVER || p.kind == PDU_REPORT);
        HOLDS(strlen(p.number) < sizeof p.number);
        HOLDS(p.length < sizeof p.text && strlen(p.text) <= p.length);
        HOLDS(p.concat.total == 0 || (p.concat.number >= 1 && p.concat.number <= p.concat.total));
    } else {
        HOLDS(p.kind == PDU_NONE);
    }
    free(hex);
    return 0;
}
