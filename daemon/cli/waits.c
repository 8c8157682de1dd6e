#include "waits.h"

#include "human.h"
#include "mem.h"
#include "next_move.h"

#include <string.h>

struct waits waits_for(const struct picture *p, const struct campaign *c,
                       const struct reminder_status *r, int64_t at_ms, int64_t now_ms)
{
    struct waits w = {.what = WAITS_FOR_NOTHING};
    int64_t opens_ms;

    if (r->cancelled)
        return w;
    /* What has begun is held by the flag. Answers are not held: a single person asked. */
    if (strcmp(r->state, "awaiting") == 0 || (campaign_awaits(p->status) && r->paused)) {
        w.what = WAITS_FOR_APPROVAL;
        return w;
    }
    if (r->paused || strcmp(r->state, "skipped") == 0 || at_ms == 0)
        return w;
    at_ms = at_ms > now_ms ? at_ms : now_ms;
    opens_ms = next_move_open_ms(c, campaign_find_reminder(c, r->name), at_ms);
    if (opens_ms > at_ms)
        w = opens_ms < r->expires_ms ? (struct waits){WAITS_FOR_HOURS, opens_ms}
                                     : (struct waits){WAITS_FOR_NONE, r->expires_ms};
    return w;
}

char *waits_words(const struct picture *p, const struct waits *w)
{
    char when[HUMAN_BYTES];

    human_time(when, p->zone, w->until_ms, false);
    switch (w->what) {
    case WAITS_FOR_APPROVAL:
        return xasprintf(T("waits for approval by a second person: outreach approve %s"),
                         p->status->id);
    case WAITS_FOR_HOURS:
        return xasprintf(T("held until its allowed hours begin: %s"), when);
    case WAITS_FOR_NONE:
        return xasprintf(T("its allowed hours do not begin before it is over: %s"), when);
    case WAITS_FOR_NOTHING:
        break;
    }
    return xstrdup("");
}

const char *waits_name(enum waits_for what)
{
    static const char *const names[] = {
        [WAITS_FOR_NOTHING] = "",
        [WAITS_FOR_APPROVAL] = "approval",
        [WAITS_FOR_HOURS] = "hours",
        [WAITS_FOR_NONE] = "hours",
    };

    return names[what];
}
