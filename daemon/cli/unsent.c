#include "unsent.h"

#include "earlier.h"
#include "mem.h"
#include "walk.h"

#include <stdlib.h>

#define WAITS 0x80u /* behind the bits of earlier_seen() */

struct unsent {
    unsigned char *people[CAMPAIGN_MAX_REMINDERS]; /* by number; NULL: not begun */
    int64_t last[CAMPAIGN_MAX_REMINDERS];
    size_t reminder; /* at hand */
};

static int on_notice(void *arg, const struct walk_notice *w, struct error *err)
{
    struct unsent *u = arg;
    enum notice_state state = w->record.state;

    (void)err;
    if (w->n >= 1 && w->n <= u->last[u->reminder] && state < NOTICE_STATES)
        u->people[u->reminder][w->n] =
            (unsigned char)(earlier_seen(0, &w->record) |
                            (state == NOTICE_UNTOUCHED || state == NOTICE_PARKED ? WAITS : 0));
    return 0;
}

static bool waits(void *arg, size_t reminder, int64_t n, unsigned *seen)
{
    const struct unsent *u = arg;
    unsigned char of =
        u->people[reminder] != NULL && n <= u->last[reminder] ? u->people[reminder][n] : 0;

    *seen |= of & ~WAITS;
    return u->people[reminder] == NULL || (of & WAITS) != 0;
}

struct unsent *unsent_create(struct cli *cli, const struct picture *p, const struct campaign *c,
                             struct forecast *f, struct error *err)
{
    struct unsent *u = xcalloc(1, sizeof *u);

    for (size_t i = 0; i < c->reminder_count; i++) {
        const struct reminder_status *r = picture_reminder(p, c->reminders[i].name);

        if (r != NULL && r->cancelled)
            forecast_skip(f, i);
        if (r == NULL || r->cancelled || r->begun_ms == 0)
            continue;
        u->reminder = i;
        u->last[i] = r->last;
        u->people[i] = xcalloc((size_t)r->last + 1, 1);
        forecast_begun(f, i, reminder_waiting(r) > 0);
        if (walk_reminder(cli, p, r, NULL, on_notice, u, err) != 0) {
            unsent_free(u);
            return NULL;
        }
    }
    forecast_ask(f, waits, u);
    return u;
}

void unsent_free(struct unsent *u)
{
    if (u == NULL)
        return;
    for (size_t i = 0; i < CAMPAIGN_MAX_REMINDERS; i++)
        free(u->people[i]);
    free(u);
}
