#include "inside.h"

#include "amend.h"
#include "approval.h"
#include "audit.h"
#include "clock.h"
#include "error.h"
#include "fault.h"
#include "health.h"
#include "keys.h"
#include "log.h"
#include "speechless.h"
#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * An amendment as the event asks for it: the campaign is read as it stands, judged against what
 * it is to be, and changed by one script, which refuses if it is no longer what was read. Then
 * the schedule follows, which is an index: if we die before it, it is rebuilt, and the event is
 * read again and found applied.
 */
#define TRIES 5

struct amending {
    struct dispatch *d;
    struct amend_request request;
    char event_id[48], by[65], campaign[CAMPAIGN_ID_BYTES], *cost;
    amend_done_fn *done;
    void *arg;
    struct campaign_status *status;
    struct amendment *amendment;
    unsigned tries;
};

static void read_campaign(struct amending *a);

static void forget(struct amending *a)
{
    amendment_free(a->amendment);
    campaign_status_free(a->status);
    a->amendment = NULL;
    a->status = NULL;
}

static void finish(struct amending *a, const char *refused)
{
    a->done(a->arg, refused);
    forget(a);
    tree_free(a->request.body);
    free(a->cost);
    free(a);
}

static void put_schedule(struct amending *a, const struct amended_reminder *r, int64_t now_ms)
{
    struct command *c = &a->d->command;
    bool open = (r->what == AMENDED_BEGUN || r->what == AMENDED_ENDED) &&
                strcmp(r->was->state, "open") == 0;

    if (r->what != AMENDED_PLANNED && !open)
        return;
    command_start(c, "ZADD");
    command_add_string(c, KEY_SCHEDULE);
    command_add_int(c,
                    a->amendment->now->cancelled || r->what == AMENDED_ENDED ? now_ms : r->due_ms);
    command_add_format(c, "%s/%s", a->campaign, r->name);
    db_send(a->d->db, c, NULL, NULL);
}

static void put_audit(struct amending *a)
{
    char version[16];

    snprintf(version, sizeof version, "%u", a->amendment->version);
    audit_command(&a->d->command, a->amendment->now->cancelled ? "cancel" : "amend", "campaign",
                  a->campaign, "by", a->by, "version", version, "awaits", a->amendment->approval,
                  NULL);
    db_send(a->d->db, &a->d->command, NULL, NULL);
}

static void on_applied(void *arg, const redisReply *reply)
{
    struct amending *a = arg;
    const struct amendment *m = a->amendment;
    int64_t now_ms = clock_wall_ms();

    FAULT_POINT("W2-amend");
    if (db_is_error(reply, "OOM")) { /* what waits behind it may be a cancel */
        finish(a, events_no_room);
        return;
    }
    switch (amendment_verdict(reply)) {
    case AMENDMENT_STALE:
        forget(a);
        if (++a->tries < TRIES)
            read_campaign(a);
        else
            finish(a, "it changes all the time: try again");
        return;
    case AMENDMENT_CANCELLED:
        finish(a, "it was cancelled; that is final");
        return;
    case AMENDMENT_UNKNOWN:
        finish(a, db_is_error(reply, NULL) ? "its keys in Redis are damaged"
                                           : "there is no such campaign");
        return;
    case AMENDMENT_AGAIN:
        log_info("event.old id=%s op=amend campaign=%s", a->event_id, a->campaign);
        break;
    case AMENDMENT_DONE:
        put_audit(a);
        log_info("campaign.amended campaign=%s version=%u event=%s by=%s", a->campaign, m->version,
                 m->now->cancelled ? "cancelled"
                 : m->event        ? "moved"
                                   : "same",
                 log_quote(a->by));
        break;
    }
    for (size_t i = 0; i < m->count; i++)
        put_schedule(a, &m->reminders[i], now_ms);
    corrections_look(a->d->corrector, a->campaign);
    finish(a, NULL);
}

static void look_at_approval(struct amending *a)
{
    struct amendment *m = a->amendment;
    struct campaign_defaults strict = amendment_defaults(m, &a->d->settings->defaults);
    struct approval_sum sum = {.bound = approval_cost_bound(m->now, &strict),
                               .rows = a->status->rows};
    bool skipped[CAMPAIGN_MAX_REMINDERS];
    unsigned needs;

    amendment_skipped(m, skipped);
    sum.cost = said_cost(a->d, m->now, skipped, a->status->rows,
                         amendment_corrections(m, a->status), a->cost);
    needs = amendment_needs(m, &a->d->settings->defaults, a->d->settings->gateways, a->status->rows,
                            sum.cost);
    m->approval = needs != 0 ? approval_text(needs) : NULL;
    m->reckoned = sum.bound > 0 ? approval_sum_text(&sum) : NULL;
}

/* All that stands has been read. */
static void judge(struct amending *a)
{
    int64_t now_ms = clock_wall_ms();
    bool awaits = strcmp(a->status->state, "awaiting") == 0;
    struct error err;

    a->amendment =
        amendment_create(a->status, a->request.body, &a->d->settings->defaults, now_ms, &err);
    if (a->amendment == NULL) {
        finish(a, err.text);
    } else if (!a->amendment->now->cancelled &&
               speechless_check(a->d->gateways, a->amendment->now, &a->d->settings->defaults,
                                &err) != 0) {
        finish(a, err.text);
    } else if (a->amendment->same) {
        log_info("campaign.same campaign=%s by=%s", a->campaign, log_quote(a->by));
        finish(a, NULL);
    } else if (health_full(a->d->options.health) && !a->amendment->now->cancelled) {
        finish(a, events_no_room);
    } else {
        look_at_approval(a);
        awaits = (a->amendment->approval != NULL || awaits) && !a->amendment->now->cancelled;
        if (awaits && a->by[0] == '\0') {
            finish(a, "no field `by`: a second person has to approve this one, so it must be known "
                      "who the first is");
            return;
        }
        amendment_command(a->amendment, a->event_id, a->by, now_ms, &a->d->command);
        FAULT_POINT("W1-amend");
        db_try(a->d->db, &a->d->command, on_applied, a);
    }
}

/* They are answered in the order of their questions; reminder_count is how many were. */
static void on_reminder(void *arg, const redisReply *reply)
{
    struct amending *a = arg;
    struct campaign_status *s = a->status;
    struct reminder_status *r = &s->reminders[s->reminder_count++];
    char name[sizeof r->name];

    memcpy(name, r->name, sizeof name);
    reminder_status_parse(reply, name, r);
    if (s->reminder_count == CAMPAIGN_ALL_REMINDERS || s->reminders[s->reminder_count].name[0] == 0)
        judge(a);
}

static void ask_reminders(struct amending *a, const char *names)
{
    struct campaign_status *s = a->status;
    char *copy = xstrdup(names), *save = NULL;
    size_t n = 0;

    for (char *name = strtok_r(copy, " ", &save); name != NULL && n < CAMPAIGN_ALL_REMINDERS;
         name = strtok_r(NULL, " ", &save))
        snprintf(s->reminders[n++].name, sizeof s->reminders[0].name, "%s", name);
    free(copy);
    for (size_t i = 0; i < n; i++) {
        command_start(&a->d->command, "HGETALL");
        key_reminder(&a->d->command, a->campaign, s->reminders[i].name);
        db_send(a->d->db, &a->d->command, on_reminder, a);
    }
    if (n == 0)
        finish(a, "there is no such campaign");
}

static void on_campaign(void *arg, const redisReply *reply)
{
    struct amending *a = arg;
    const char *names;
    struct error err;

    a->status = campaign_status_parse(reply, a->campaign, &names, &err);
    if (a->status == NULL)
        finish(a, "there is no such campaign");
    else
        ask_reminders(a, names);
}

static void read_campaign(struct amending *a)
{
    command_start(&a->d->command, "HGETALL");
    key_campaign(&a->d->command, a->campaign);
    db_send(a->d->db, &a->d->command, on_campaign, a);
}

void amend(struct dispatch *d, const struct amend_request *request, amend_done_fn *done, void *arg)
{
    struct amending *a = xcalloc(1, sizeof *a);

    a->d = d;
    a->request = *request;
    a->done = done;
    a->arg = arg;
    snprintf(a->event_id, sizeof a->event_id, "%s", request->event_id);
    snprintf(a->by, sizeof a->by, "%s", request->by);
    a->cost = request->cost != NULL ? xstrdup(request->cost) : NULL;
    snprintf(a->campaign, sizeof a->campaign, "%s", request->campaign);
    if (a->campaign[0] == '\0')
        finish(a, "no field `campaign`: its id");
    else
        read_campaign(a);
}
