/* What a user's program says to the plugin exec: lines however they are cut, and what they hold. */
#include "fuzz.h"

#include "lines.h"
#include "protocol.h"

static void check(const struct protocol_line *l)
{
    const struct gateway_answer *a = &l->answer;

    HOLDS((l->kind != PROTOCOL_NONSENSE) || l->wrong != NULL);
    if (l->kind == PROTOCOL_ANSWER) {
        HOLDS(l->token != 0 && a->outcome >= GATEWAY_ACCEPTED && a->outcome <= GATEWAY_UNKNOWN);
        HOLDS(a->id_count <= GATEWAY_MAX_IDS && a->retry_after_ms >= 0);
        for (size_t i = 0; i < a->id_count; i++)
            HOLDS(a->ids[i].length >= 1 && a->ids[i].length <= 64);
    } else if (l->kind == PROTOCOL_RECEIPT) {
        HOLDS(l->receipt.state >= GATEWAY_DELIVERED && l->receipt.state <= GATEWAY_ENROUTE);
        HOLDS(l->receipt.id.length <= 64);
        HOLDS(l->receipt.id.length > 0 || l->receipt.reference != NULL);
    } else if (l->kind == PROTOCOL_REPLY) {
        HOLDS(l->reply.from[0] != '\0' && l->reply.to != NULL);
        HOLDS(strlen(l->reply.text) == l->reply.length);
    }
    HOLDS(l->ack == NULL || l->kind == PROTOCOL_NONSENSE || strlen(l->ack) <= 200);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct protocol_line line;
    struct lines l;
    int ends[2];
    char *bytes;
    size_t n;
    bool cut;

    if (size > 4096 || pipe(ends) != 0)
        return 0;
    HOLDS(write(ends[1], data, size) == (ssize_t)size);
    close(ends[1]);
    lines_init(&l, 512);
    while (lines_read(&l, ends[0]) > 0)
        while (lines_next(&l, &bytes, &n, &cut)) {
            HOLDS(n <= 512);
            protocol_read(bytes, n, &line);
            check(&line);
            protocol_free(&line);
        }
    close(ends[0]);
    lines_free(&l);
    return 0;
}
