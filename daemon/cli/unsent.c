#include "unsent.h"

#include "mem.h"
#include "walk.h"

#include <stdlib.h>

struct unsent {
    unsigned char *waiting[CAMPAIGN_MAX_REMINDERS]; /* a bit for each number; NULL: not begun */
    int64_t last[CAMPAIGN_MAX_REMINDERS];
    size_t reminder; /* at hand */
};

static int on_notice(void *arg, const struct walk_notice *w, struct error *err)
{
    struct unsent *u = arg;

    (void)err;
    if (w->n >= 1 && w->n <= u->last[u->reminder] &&
        (w->record.state == NOTICE_UNTOUCHED || w->record.state == NOTICE_PARKED))
        u->waiting[u->reminder][w->n / 8] |= (unsigned char)(1u << w->n % 8);
    return 0;
}

static bool waits(void *arg, size_t reminder, int64_t n)
{
    const struct unsent *u = arg;

    if (u->waiting[reminder] == NULL)
        return true;
    return n <= u->last[reminder] && (u->waiting[reminder][n / 8] & 1u << n % 8) != 0;
}

struct unsent *unsent_create(struct cli *cli, const struct picture *p, const struct campaign *c,
                             struct forecast *f, struct error *err)
{
    struct unsent *u = xcalloc(1, sizeof *u);

    for (size_t i = 0; i < c->reminder_count; i++) {
        const struct reminder_status *r = picture_reminder(p, c->reminders[i].name);

        if (r == NULL || r->begun_ms == 0)
            continue;
        u->reminder = i;
        u->last[i] = r->last;
        u->waiting[i] = xcalloc((size_t)r->last / 8 + 1, 1);
        forecast_begun(f, i, reminder_waiting(r) > 0);
        if (reminder_waiting(r) > 0 && walk_reminder(cli, p, r, NULL, on_notice, u, err) != 0) {
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
        free(u->waiting[i]);
    free(u);
}
