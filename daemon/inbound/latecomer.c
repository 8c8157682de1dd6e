#include "latecomer.h"

#include "clock.h"
#include "keys.h"
#include "log.h"
#include "mem.h"
#include "moves.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 15
#define AGAIN_MS 1000 /* its intent stands, and what the filter says is under way */

/* Of one person and reminder. */
struct lift {
    struct lift *next;
    struct latecomers *all;
    struct person *person;
    char campaign[CAMPAIGN_ID_BYTES], reminder[33];
    uint32_t n;
    unsigned tries;
    bool live, done; /* the reminder: may it still send, and had it come to its end */
    struct event *timer;
    struct moves moves;
};

/* One person: all reminders. */
struct person {
    struct person *next;
    size_t under_way;
    void (*done)(void *arg);
    void *arg;
};

struct latecomers {
    const struct inbound_options *options;
    struct command command;
    struct lift *lifts;
    struct person *persons;
};

static void ended(struct latecomers *all, struct person *person)
{
    struct person **at = &all->persons;
    void (*done)(void *arg) = person->done;
    void *arg = person->arg;

    if (--person->under_way > 0)
        return;
    while (*at != person)
        at = &(*at)->next;
    *at = person->next;
    free(person);
    done(arg);
}

static void lift_end(struct lift *l)
{
    struct latecomers *all = l->all;
    struct person *person = l->person;
    struct lift **at = &all->lifts;

    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    if (l->timer != NULL)
        event_free(l->timer);
    free(l);
    ended(all, person);
}

/* Redis has lost what it takes: she has her place, and whoever looks after the daemon is to know
 * that this reminder will not reach her. */
static void lift_lost(struct lift *l, const char *why)
{
    log_error("latecomer.lost campaign=%s reminder=%s n=%u reason=%s", l->campaign, l->reminder,
              l->n, log_quote(why));
    lift_end(l);
}

static void look(struct lift *l);

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    look(arg);
}

static void look_again(struct lift *l)
{
    struct timeval tv = {AGAIN_MS / 1000, (AGAIN_MS % 1000) * 1000};

    if (++l->tries >= TRIES) {
        log_warning("latecomer.given_up campaign=%s reminder=%s n=%u", l->campaign, l->reminder,
                    l->n);
        lift_end(l);
        return;
    }
    if (l->timer == NULL)
        l->timer = evtimer_new(l->all->options->base, on_timer, l);
    evtimer_add(l->timer, &tv);
}

static void on_moved(void *arg, const redisReply *reply)
{
    struct lift *l = arg;
    int64_t seq = 0;
    enum moves_verdict verdict =
        reply->type == REDIS_REPLY_ARRAY ? moves_verdict(reply, &seq) : MOVES_GONE;

    if (verdict == MOVES_BACK)
        dispatch_went_back(l->all->options->dispatch, l->campaign, l->reminder);
    if (verdict != MOVES_DONE) {
        lift_lost(l, db_is_error(reply, NULL) ? reply->str
                     : verdict == MOVES_BACK  ? "Redis is older than it was"
                                              : "its ledger is lost");
        return;
    }
    if (reply->elements > 2) {
        look_again(l);
        return;
    }
    if (l->done) { /* it is open again: the schedule is an index */
        command_start(&l->all->command, "ZADD");
        command_add_string(&l->all->command, KEY_SCHEDULE);
        command_add_int(&l->all->command, clock_wall_ms());
        command_add_format(&l->all->command, "%s/%s", l->campaign, l->reminder);
        db_send(l->all->options->db, &l->all->command, NULL, NULL);
    }
    log_info("latecomer.waits campaign=%s reminder=%s n=%u", l->campaign, l->reminder, l->n);
    lift_end(l);
}

static void on_reminder(void *arg, const redisReply *reply)
{
    struct lift *l = arg;
    const redisReply *state = db_at(reply, 0);
    const char *word = state != NULL && state->type == REDIS_REPLY_STRING ? state->str : "";

    if (db_is_error(reply, NULL))
        log_error("latecomer.error campaign=%s reminder=%s reply=%s", l->campaign, l->reminder,
                  log_quote(reply->str));
    l->done = strcmp(word, "done") == 0;
    l->live = (l->done || strcmp(word, "open") == 0) && db_int(db_at(reply, 1), 0) == 0 &&
              db_int(db_at(reply, 2), 0) > clock_wall_ms();
}

static void on_record(void *arg, const redisReply *reply)
{
    struct lift *l = arg;
    struct moves_target target = {
        .campaign = l->campaign,
        .reminder = l->reminder,
        .now_ms = clock_wall_ms(),
        .seq = dispatch_seq(l->all->options->dispatch, l->campaign, l->reminder)};
    struct record r;
    struct move *m;

    if (!l->live) {
        lift_end(l);
        return;
    }
    if (reply->type != REDIS_REPLY_STRING || reply->len != LEDGER_RECORD_BYTES) {
        lift_lost(l, db_is_error(reply, NULL) ? reply->str : "its ledger is lost");
        return;
    }
    record_unpack((const unsigned char *)reply->str, &r);
    if (r.state == NOTICE_SENDING) {
        look_again(l);
        return;
    }
    if (r.state != NOTICE_EXCLUDED || r.reason != REASON_FILTER) {
        lift_end(l);
        return;
    }
    l->moves.count = 0;
    m = moves_add(&l->moves);
    m->n = l->n;
    m->retry = target.now_ms;
    memcpy(m->believed, reply->str, LEDGER_RECORD_BYTES);
    r.state = NOTICE_PARKED;
    r.reason = REASON_TURN;
    r.settled_s = 0;
    record_pack(&r, m->wanted);
    moves_command(&l->moves, &target, &l->all->command);
    db_send(l->all->options->db, &l->all->command, on_moved, l);
}

static void look(struct lift *l)
{
    struct command *c = &l->all->command;

    command_start(c, "HMGET");
    key_reminder(c, l->campaign, l->reminder);
    command_add_string(c, "state");
    command_add_string(c, "cancelled");
    command_add_string(c, "expires");
    db_send(l->all->options->db, c, on_reminder, l);
    command_start(c, "GETRANGE");
    key_ledger(c, l->campaign, l->reminder);
    command_add_int(c, (int64_t)l->n * LEDGER_RECORD_BYTES);
    command_add_int(c, (int64_t)(l->n + 1) * LEDGER_RECORD_BYTES - 1);
    db_send(l->all->options->db, c, on_record, l);
}

void latecomer_lift(struct latecomers *all, const struct campaign *campaign, uint32_t n,
                    enum place_state state, void (*done)(void *arg), void *arg)
{
    struct person *person = xcalloc(1, sizeof *person);

    *person = (struct person){.next = all->persons, .under_way = 1, .done = done, .arg = arg};
    all->persons = person;
    for (size_t r = 0; r < campaign->reminder_count && n > 0; r++) {
        struct lift *l;

        if (campaign->reminders[r].filter == FILTER_NONE ||
            !place_passes(campaign->reminders[r].filter, state))
            continue;
        l = xcalloc(1, sizeof *l);
        l->all = all;
        l->next = all->lifts;
        all->lifts = l;
        l->person = person;
        l->n = n;
        snprintf(l->campaign, sizeof l->campaign, "%s", campaign->id);
        snprintf(l->reminder, sizeof l->reminder, "%s", campaign->reminders[r].name);
        person->under_way++;
        look(l);
    }
    ended(all, person);
}

struct latecomers *latecomers_create(const struct inbound_options *options)
{
    struct latecomers *all = xcalloc(1, sizeof *all);

    all->options = options;
    all->command = COMMAND_INIT;
    return all;
}

void latecomers_free(struct latecomers *all)
{
    struct person *next;
    struct lift *lift;

    if (all == NULL)
        return;
    for (struct lift *l = all->lifts; l != NULL; l = lift) {
        lift = l->next;
        if (l->timer != NULL)
            event_free(l->timer);
        free(l);
    }
    for (struct person *p = all->persons; p != NULL; p = next) {
        next = p->next;
        free(p);
    }
    command_free(&all->command);
    free(all);
}
