#include "trial.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MARK "-test-"
#define DIGITS 11 /* of milliseconds in hex, from 2004 to 2527 */

void trial_id(const char *campaign, int64_t now_ms, char id[CAMPAIGN_ID_BYTES])
{
    snprintf(id, CAMPAIGN_ID_BYTES, "%.44s" MARK "%0*" PRIx64, campaign, DIGITS, (uint64_t)now_ms);
}

bool trial_is(const char *id)
{
    size_t n = strlen(id), tail = sizeof MARK - 1 + DIGITS;

    return n > tail && memcmp(id + n - tail, MARK, sizeof MARK - 1) == 0 &&
           strspn(id + n - DIGITS, "0123456789abcdef") == DIGITS;
}

bool trial_is_over(const struct campaign_status *s)
{
    if (!trial_is(s->id) || s->reminder_count == 0)
        return false;
    for (size_t i = 0; i < s->reminder_count; i++)
        if (!reminder_settled(&s->reminders[i]))
            return false;
    return true;
}
