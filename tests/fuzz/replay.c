/* Lines of a delivery log that anything may have written to: what they make of a notice is
 * a record that a ledger can hold, and it is made of a whole log as of the same log twice. */
#include "fuzz.h"

#include "error.h"
#include "moves.h"
#include "replay.h"

#include <string.h>

#define BASE_S 1800000000

static void look_at(const struct replay_notice *n)
{
    static const enum notice_state stands[] = {NOTICE_UNTOUCHED, NOTICE_SENDING, NOTICE_ACCEPTED};

    for (size_t i = 0; i < sizeof stands / sizeof *stands; i++) {
        struct record now = {.state = stands[i], .fence = stands[i] ? 0x1001 : 0}, wanted, again;
        unsigned char bytes[LEDGER_RECORD_BYTES];
        int64_t retry;

        if (!replay_wants(n, &now, BASE_S, 1, BASE_S * INT64_C(1000), 1000, &wanted, &retry))
            continue;
        HOLDS(wanted.state < NOTICE_STATES && wanted.state != NOTICE_SENDING);
        HOLDS(wanted.state != NOTICE_UNTOUCHED);
        HOLDS(retry > 0 || retry == RETRY_REMOVE);
        record_pack(&wanted, bytes);
        record_unpack(bytes, &again);
        HOLDS(memcmp(&again.fence, &wanted.fence, sizeof again.fence) == 0);
        HOLDS(again.state == wanted.state && again.attempts == wanted.attempts);
        HOLDS(again.settled_s == wanted.settled_s && again.intended_s == wanted.intended_s);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct replay *r = replay_create();
    struct error err;

    for (const char *line = (const char *)data, *end = line + size; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t n = (size_t)((stop != NULL ? stop : end) - line);

        replay_line(r, line, n, &err);
        line += n + 1;
    }
    for (size_t i = 0; i < replay_reminders(r) && i < 8; i++)
        for (uint32_t n = 0; n <= 64; n++)
            look_at(replay_notice_at(replay_reminder_at(r, i), n));
    replay_free(r);
    return 0;
}
