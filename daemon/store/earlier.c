#include "earlier.h"

#include "keys.h"

enum { TOLD = 1, ARRIVED = 2, LOST = 4 }; /* ARRIVED: or it still may */

unsigned earlier_seen(unsigned seen, const struct record *r)
{
    static const unsigned char states[NOTICE_STATES] = {
        [NOTICE_SENDING] = TOLD | ARRIVED,  [NOTICE_UNCERTAIN] = TOLD | ARRIVED,
        [NOTICE_ACCEPTED] = TOLD | ARRIVED, [NOTICE_DELIVERED] = TOLD | ARRIVED,
        [NOTICE_UNDELIVERED] = TOLD | LOST, [NOTICE_FAILED] = LOST,
    };

    seen |= states[r->state];
    if ((r->flags & FLAG_TOLD) != 0)
        seen |= TOLD;
    if ((r->flags & FLAG_EARLY) != 0)
        seen |= TOLD | ARRIVED;
    return seen;
}

bool earlier_passes(enum campaign_filter filter, unsigned seen)
{
    if (filter == FILTER_TOLD)
        return (seen & TOLD) != 0;
    if (filter == FILTER_UNTOLD)
        return (seen & TOLD) == 0;
    return (seen & (LOST | ARRIVED)) == LOST;
}

bool earlier_asks(enum campaign_filter filter)
{
    return filter == FILTER_TOLD || filter == FILTER_UNTOLD || filter == FILTER_UNDELIVERED;
}

size_t earlier_command(struct command *c, const struct campaign *campaign, size_t reminder,
                       const uint32_t *list, size_t count)
{
    size_t each = campaign->reminder_count / campaign->occurrence_count;
    size_t first = reminder / each * each, run;

    if (each < 2)
        return 0;
    command_script(c, SCRIPT_EARLIER, (unsigned)(2 * (each - 1)));
    for (size_t r = first; r < first + each; r++) {
        if (r == reminder)
            continue;
        key_reminder(c, campaign->id, campaign->reminders[r].name);
        key_ledger(c, campaign->id, campaign->reminders[r].name);
    }
    for (size_t i = 0; i < count; i += run) {
        for (run = 1; i + run < count && list[i + run] == list[i] + run;)
            run++;
        command_add_int(c, list[i]);
        command_add_int(c, (int64_t)run);
    }
    return each - 1;
}

int earlier_answer(const redisReply *reply, size_t i, size_t count, unsigned *seen)
{
    *seen = 0;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0)
        return -1;
    for (size_t k = 0; k < reply->elements; k++) {
        const redisReply *records = reply->element[k];
        struct record r;

        if (records->type != REDIS_REPLY_STRING || records->len != count * LEDGER_RECORD_BYTES)
            return -1;
        record_unpack((const unsigned char *)records->str + i * LEDGER_RECORD_BYTES, &r);
        *seen = earlier_seen(*seen, &r);
    }
    return 0;
}
