#include "plan.h"

#include "audience.h"
#include "campaign_files.h"
#include "form.h"
#include "mem.h"
#include "mistakes.h"
#include "pending.h"
#include "picture.h"
#include "reading.h"
#include "tree.h"
#include "trial.h"
#include "zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct plan_entry *add(struct plan *p)
{
    if ((p->count & (p->count - 1)) == 0)
        p->entries = xreallocarray(p->entries, p->count > 0 ? p->count * 2 : 1, sizeof *p->entries);
    return memset(&p->entries[p->count++], 0, sizeof *p->entries);
}

static bool has(const struct plan *p, const char *id)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->entries[i].campaign, id) == 0)
            return true;
    return false;
}

static const char *state_of(const struct picture *queued, const char *reminder, const char *state)
{
    const struct reminder_status *r = queued != NULL ? picture_reminder(queued, reminder) : NULL;

    return r != NULL ? picture_reminder_state(r) : state;
}

/* queued: as it stands in Redis; NULL: not taken yet, or a file, as state says. */
static void add_campaign(struct plan *p, const struct campaign *c, int64_t people, const char *file,
                         const struct picture *queued, const char *state)
{
    const char *venue =
        form_localized(tree_get(c->document, "event.venue"), c->language, c->language);
    size_t each = c->reminder_count / c->occurrence_count;

    for (size_t r = 0; r < c->reminder_count; r++) {
        const struct campaign_reminder *one = &c->reminders[r];
        const struct reminder_status *status =
            queued != NULL ? picture_reminder(queued, one->name) : NULL;
        struct local_time day;

        zone_local(c->zone, one->starts_ms, &day);
        for (int k = r % each == 0 ? 0 : 1; k < 2; k++) { /* the event before its first reminder */
            struct plan_entry *e;

            if (k == 1 && one->at.kind == MOMENT_NOW && status == NULL)
                continue; /* its time is when it is queued */
            e = add(p);
            e->own_times = k == 1 && one->at.of_slot;
            e->at_ms = k == 0 ? one->starts_ms
                       : status != NULL && !one->at.of_slot
                           ? status->due_ms
                           : moment_resolve(&one->at, c->zone, one->starts_ms, 0);
            e->ends_ms = k == 0 ? one->ends_ms : 0;
            e->zone = c->zone;
            e->campaign = xstrdup(c->id);
            e->title = xstrdup(c->title);
            e->reminder = k == 0 ? NULL : xstrdup(one->name);
            e->file = file != NULL ? xstrdup(file) : NULL;
            e->venue = venue != NULL ? xstrdup(venue) : NULL;
            e->people = people;
            snprintf(e->state, sizeof e->state, "%s",
                     k == 0 && queued != NULL ? queued->status->state
                                              : state_of(queued, one->name, state));
            if (c->occurrence_count > 1)
                snprintf(e->day, sizeof e->day, "%04d%02d%02d", day.year % 10000, day.month,
                         day.day);
        }
    }
}

/* ----------------------------------------------------------------------- files */
/* The entries of a campaign that is queued, in place of its file's. */
static bool take_queued(struct plan *p, const char *id)
{
    struct plan *from = p->queued;
    size_t kept = 0;

    if (from == NULL || !has(from, id))
        return false;
    for (size_t i = 0; i < from->count; i++)
        if (strcmp(from->entries[i].campaign, id) == 0)
            *add(p) = from->entries[i];
        else
            from->entries[kept++] = from->entries[i];
    from->count = kept;
    return true;
}

/* A plan for the year is made before its lists are there. */
static void add_file(struct plan *p, struct cli *cli, const char *path)
{
    struct reading r = {0};
    struct campaign *bare;
    struct error err;

    if (reading_open(&r, cli, path, 0, &err) == 0) {
        bool read = reading_audience(&r, &err) == 0;

        if (!has(p, r.campaign->id) && !take_queued(p, r.campaign->id))
            add_campaign(p, r.campaign, read ? (int64_t)preview_rows(r.preview) : -1, path, NULL,
                         "file");
    } else if ((r.no_list || r.no_register != 0) &&
               (bare = reading_bare(cli, path, &err)) != NULL) {
        if (!has(p, bare->id) && !take_queued(p, bare->id))
            add_campaign(p, bare, -1, path, NULL, "file");
        campaign_free(bare);
    } else {
        p->broken++;
        mistakes_tell_beside(cli, path, &err);
    }
    reading_close(&r);
}

struct adding {
    struct plan *plan;
    struct cli *cli;
};

static void add_found(void *arg, const char *file)
{
    const struct adding *a = arg;

    add_file(a->plan, a->cli, file);
}

int plan_add_path(struct plan *p, struct cli *cli, const char *path, struct error *err)
{
    struct adding a = {p, cli};

    return campaign_files_each(path, add_found, &a, err);
}

/* ---------------------------------------------------------------------- queued */
static struct campaign *from_document(const struct cli *cli, const char *json, size_t n)
{
    struct tree *t = tree_parse_json(json, n, NULL, NULL);

    return t == NULL ? NULL : campaign_create(t, &cli->settings->defaults, NULL, 0, NULL);
}

static bool add_waiting(void *arg, const redisReply *fields)
{
    struct adding *w = arg;
    const redisReply *body = db_field(fields, "body");
    struct campaign *c;

    if (strcmp(pending_field(fields, "op"), "queue") != 0 || body == NULL)
        return false;
    c = from_document(w->cli, body->str, body->len);
    if (c != NULL && !trial_is(c->id) && !has(w->plan, c->id)) {
        const struct tree *inline_list = tree_get(c->document, "audience.recipients");

        add_campaign(w->plan, c,
                     inline_list != NULL ? (int64_t)inline_list->count
                                         : db_int(db_field(fields, "rows"), -1),
                     NULL, NULL, "pending");
    }
    campaign_free(c);
    return false;
}

int plan_add_queued(struct plan *p, struct cli *cli, struct error *err)
{
    struct adding w = {p, cli};
    char **ids = campaign_ids(cli->db, err);
    size_t i;

    if (ids == NULL)
        return -1;
    for (i = 0; ids[i] != NULL; i++) {
        struct picture *picture = trial_is(ids[i]) ? NULL : picture_read(cli, ids[i], NULL);
        struct campaign *c = picture != NULL ? from_document(cli, picture->status->document,
                                                             strlen(picture->status->document))
                                             : NULL;

        if (c != NULL && !has(p, c->id)) /* else erased, or its list is still coming */
            add_campaign(p, c, picture->status->rows, NULL, picture, "");
        campaign_free(c);
        picture_free(picture);
        free(ids[i]);
    }
    free(ids);
    return pending_each(cli->db, add_waiting, &w, err);
}

/* ----------------------------------------------------------------------- order */
static void entry_free(struct plan_entry *e)
{
    free(e->campaign);
    free(e->title);
    free(e->reminder);
    free(e->file);
    free(e->venue);
}

static int compare(const void *a, const void *b)
{
    const struct plan_entry *x = a, *y = b;

    if (x->at_ms != y->at_ms)
        return x->at_ms < y->at_ms ? -1 : 1;
    if (strcmp(x->campaign, y->campaign) != 0)
        return strcmp(x->campaign, y->campaign);
    return strcmp(x->reminder != NULL ? x->reminder : "", y->reminder != NULL ? y->reminder : "");
}

void plan_arrange(struct plan *p, int year)
{
    struct local_time t;
    size_t kept = 0;

    for (size_t i = 0; i < p->count; i++) {
        zone_local(p->entries[i].zone, p->entries[i].at_ms, &t);
        if (year == 0 || t.year == year)
            p->entries[kept++] = p->entries[i];
        else
            entry_free(&p->entries[i]);
        if (year == 0 || t.year <= year)
            continue;
        p->later++;
        if (p->next_year == 0 || t.year < p->next_year)
            p->next_year = t.year;
    }
    p->count = kept;
    if (kept > 0)
        qsort(p->entries, kept, sizeof *p->entries, compare);
}

void plan_free(struct plan *p)
{
    for (size_t i = 0; i < p->count; i++)
        entry_free(&p->entries[i]);
    free(p->entries);
}
