#include "alarm.h"
#include "inside.h"

#include "clock.h"
#include "health.h"
#include "hours.h"
#include "keys.h"
#include "language.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What people on duty hear of, beside what alarm.c says in the log: all that holds is reported
 * upwards at each look. A reminder's pace is measured while it may be sent, over a minute at a
 * time, and judged by the allowed hours that are left to it.
 */
#define AWAY_MS 30000  /* Redis: a restart is not worth a call */
#define PACE_MS 60000  /* a minute's sending is measured, */
#define PACE_TURNS 3   /* and so many bad minutes in a row are one too many */
#define COUNT_MS 60000 /* between two looks at the counters of all reminders */
#define COUNT_AFTER_MS                                                                             \
    (INT64_C(3) * 86400000) /* their last receipts come so long after the end                      \
                             */
#define FEW 20              /* of so few notices no share is told */
#define SPELLS_MOST 400     /* allowed hours are added up so far */

/* One reminder that is open here. */
struct pace {
    reminder_key key;
    int64_t left, since_ms; /* untouched then; boot-time clock, 0: not yet measured */
    unsigned bad;           /* minutes in a row */
    int64_t late;           /* people that will be left over; 0: it will do */
    bool seen;              /* of this look */
};

/* One with too many failures. */
struct failing {
    reminder_key key;
    int64_t percent;
};

struct matters {
    struct dispatch *d;
    int64_t away_since_ms;                 /* boot-time clock; 0: Redis is there */
    int64_t ill_since_ms[GATEWAY_SET_MAX]; /* the same, of the gateways */
    struct pace *paces;
    size_t pace_count, pace_room, asks;
    struct failing *failing; /* as was found at the last round */
    size_t failing_count, failing_room;
    bool counting;
    int64_t counted_ms;
};

static const struct {
    const char *name;
    bool campaign, gateway;
} matters[ALARM_MATTERS] = {
    [ALARM_GATEWAY] = {.name = "gateway", .gateway = true},
    [ALARM_BALANCE] = {.name = "balance", .gateway = true},
    [ALARM_LOW] = {.name = "low"},
    [ALARM_SILENT] = {.name = "silent"},
    [ALARM_DISK] = {.name = "disk"},
    [ALARM_REDIS] = {.name = "redis"},
    [ALARM_AILING] = {.name = "ailing"},
    [ALARM_DOUBT] = {.name = "doubt"},
    [ALARM_CLOCK] = {.name = "clock"},
    [ALARM_HALTED] = {.name = "halted", .campaign = true},
    [ALARM_LATE] = {.name = "late", .campaign = true},
    [ALARM_FAILURES] = {.name = "failures", .campaign = true},
    [ALARM_MISSED] = {.name = "missed", .campaign = true},
};

bool alarm_is_of_campaign(enum alarm_matter matter)
{
    return matters[matter].campaign;
}

bool alarm_is_of_gateway(enum alarm_matter matter)
{
    return matters[matter].gateway;
}

const char *alarm_name(enum alarm_matter matter)
{
    return matters[matter].name;
}

void matter_report(struct dispatch *d, enum alarm_matter matter, const char *name, int64_t number,
                   const char *detail)
{
    struct alarm alarm = {matter, name, detail, number};

    if (d->options.alarm != NULL)
        d->options.alarm(d->options.arg, &alarm);
}

/* ------------------------------------------------------------------ Redis, clock */

static void look_at_redis(struct matters *m)
{
    struct dispatch *d = m->d;
    int64_t now_ms = clock_boot_ms();

    if (db_well(d->db))
        m->away_since_ms = 0;
    else if (m->away_since_ms == 0)
        m->away_since_ms = now_ms;
    if (m->away_since_ms != 0 && now_ms - m->away_since_ms >= AWAY_MS)
        matter_report(d, ALARM_REDIS, "away", 0, N_("it cannot be reached"));
    if (d->said != MARKER_GOOD)
        matter_report(d, ALARM_REDIS, "doubt", 0, trust_reason(d));
    for (size_t k = 0; k < HEALTH_TROUBLES; k++)
        if (health_has(d->options.health, k))
            matter_report(d, ALARM_AILING, health_name(k), 0, health_why(k));
    if (d->started && !watch_sends(d->watch))
        matter_report(d, ALARM_CLOCK, "", 0, "");
}

/* ---------------------------------------------------------------------- gateways */

static void look_at_gateway(struct matters *m, size_t i)
{
    const struct lane *lane = &m->d->lanes[i];
    struct gateway_statistics s;
    int64_t now_ms = clock_boot_ms();
    bool broke;

    gateway_statistics(lane->gateway, &s);
    if (gateway_usable(lane->gateway) || s.paused || s.draining || lane->config->disabled ||
        gateway_retired(lane->gateway)) {
        m->ill_since_ms[i] = 0;
        return;
    }
    if (m->ill_since_ms[i] == 0)
        m->ill_since_ms[i] = now_ms;
    broke = s.trouble_reason == GATEWAY_REASON_BALANCE && strcmp(s.circuit, "closed") != 0;
    if (broke)
        matter_report(m->d, ALARM_BALANCE, lane->name, 0, s.trouble);
    else if (now_ms - m->ill_since_ms[i] >= m->d->settings->alarms.gateway_ms)
        matter_report(m->d, ALARM_GATEWAY, lane->name, 0,
                      strcmp(s.circuit, "closed") != 0 ? s.trouble : s.state);
}

/* ------------------------------------------------------------------------- pace */

/* Time from now on until ms in which residents may be disturbed. */
static int64_t allowed_ms(const struct job *job, int64_t now_ms, int64_t until_ms)
{
    const struct hours *hours = job->campaign->reminders[job->reminder].hours;
    const struct zone *zone = job->campaign->zone;
    int64_t sum_ms = 0;

    for (int i = 0; i < SPELLS_MOST && now_ms < until_ms; i++) {
        int64_t close_ms;

        now_ms = hours_next_open(hours, zone, now_ms);
        if (now_ms >= until_ms)
            break;
        close_ms = hours_close(hours, zone, now_ms);
        if (close_ms > until_ms)
            close_ms = until_ms;
        sum_ms += close_ms - now_ms;
        now_ms = close_ms;
    }
    return sum_ms;
}

static void judge_pace(struct pace *p, const struct job *job, int64_t left, int64_t now_ms)
{
    int64_t took_ms = now_ms - p->since_ms, went = p->left - left, fits;
    int64_t rest_ms = allowed_ms(job, clock_wall_ms(), job->expires_ms);

    if (p->since_ms == 0 || left == 0 || went < 0) {
        p->bad = 0;
        p->late = 0;
    } else {
        fits = went * (rest_ms / 1000) / (took_ms >= 1000 ? took_ms / 1000 : 1);
        p->bad = fits < left ? p->bad + 1 : 0;
        p->late = p->bad >= PACE_TURNS ? left - fits : 0;
    }
    p->left = left;
    p->since_ms = now_ms;
}

struct question {
    struct matters *m;
    reminder_key key;
};

static struct pace *pace_find(struct matters *m, const char *key)
{
    for (size_t i = 0; i < m->pace_count; i++)
        if (strcmp(m->paces[i].key, key) == 0)
            return &m->paces[i];
    return NULL;
}

static void on_left(void *arg, const redisReply *reply)
{
    struct question *q = arg;
    struct job *job = job_find(q->m->d, q->key);
    struct pace *p = pace_find(q->m, q->key);

    q->m->asks--;
    if (reply->type == REDIS_REPLY_STRING && p != NULL && job != NULL && job->state == JOB_OPEN)
        judge_pace(p, job, db_int(reply, 0), clock_boot_ms());
    free(q);
}

/* People with times of their own (slots, zones) make its pace no measure; and so does a pause, a
 * night, a person's order. */
static bool has_pace(const struct job *job)
{
    const struct campaign *c = job->campaign;

    return job->state == JOB_OPEN && !job->paused && !job->cancelled && c->column_timezone < 0 &&
           !c->reminders[job->reminder].at.of_slot &&
           hours_next_open(c->reminders[job->reminder].hours, c->zone, clock_wall_ms()) <=
               clock_wall_ms();
}

static void ask_left(struct matters *m, const struct job *job)
{
    struct command *c = &m->d->command;
    struct question *q = xcalloc(1, sizeof *q);

    q->m = m;
    snprintf(q->key, sizeof q->key, "%s", job->key);
    command_start(c, "HGET");
    key_reminder(c, job->id, job->name);
    command_add_format(c, "c%d", NOTICE_UNTOUCHED);
    m->asks++;
    db_send(m->d->db, c, on_left, q);
}

static void look_at_jobs(struct matters *m)
{
    int64_t now_ms = clock_boot_ms();
    bool may_ask = m->asks == 0;
    size_t kept = 0;

    for (size_t i = 0; i < m->pace_count; i++)
        m->paces[i].seen = false;
    for (const struct job *job = m->d->jobs; job != NULL; job = job->next) {
        struct pace *p = pace_find(m, job->key);

        if (job->state == JOB_HALTED && job->wake_ms != INT64_MAX) /* else Redis is in doubt */
            matter_report(m->d, ALARM_HALTED, job->key, 0, job->halted);
        if (job->state != JOB_OPEN || !has_pace(job))
            continue;
        if (p == NULL) {
            if (m->pace_count == m->pace_room) {
                m->pace_room = m->pace_room ? m->pace_room * 2 : 16;
                m->paces = xreallocarray(m->paces, m->pace_room, sizeof *m->paces);
            }
            p = &m->paces[m->pace_count++];
            *p = (struct pace){.since_ms = 0};
            snprintf(p->key, sizeof p->key, "%s", job->key);
        }
        p->seen = true;
        if (p->late > 0)
            matter_report(m->d, ALARM_LATE, p->key, p->late, "");
        if (now_ms - p->since_ms >= PACE_MS && may_ask)
            ask_left(m, job);
    }
    for (size_t i = 0; i < m->pace_count; i++)
        if (m->paces[i].seen)
            m->paces[kept++] = m->paces[i];
    m->pace_count = kept;
}

/* --------------------------------------------------------------------- failures */

static void ask_counts(void *arg, const char *id, const char *name, struct command *c)
{
    static const enum notice_state states[] = {NOTICE_FAILED, NOTICE_UNDELIVERED, NOTICE_ACCEPTED,
                                               NOTICE_DELIVERED};

    (void)arg;
    command_start(c, "HMGET");
    key_reminder(c, id, name);
    for (size_t k = 0; k < sizeof states / sizeof *states; k++)
        command_add_format(c, "c%d", states[k]);
    command_add_string(c, "expires");
}

static void on_counted(void *arg, const char *key, const redisReply *reply)
{
    struct matters *m = arg;
    int64_t failed = db_int(db_at(reply, 0), 0) + db_int(db_at(reply, 1), 0);
    int64_t went = failed + db_int(db_at(reply, 2), 0) + db_int(db_at(reply, 3), 0);
    bool recent = db_int(db_at(reply, 4), 0) + COUNT_AFTER_MS > clock_wall_ms();
    int percent = m->d->settings->alarms.failures;

    if (!recent || percent == 0 || went < FEW || failed * 100 <= went * percent)
        return;
    if (m->failing_count == m->failing_room) {
        m->failing_room = m->failing_room ? m->failing_room * 2 : 16;
        m->failing = xreallocarray(m->failing, m->failing_room, sizeof *m->failing);
    }
    snprintf(m->failing[m->failing_count].key, sizeof m->failing->key, "%s", key);
    m->failing[m->failing_count++].percent = failed * 100 / went;
}

static void on_all_counted(void *arg)
{
    struct matters *m = arg;

    m->counting = false;
}

static void look_at_failures(struct matters *m)
{
    static const struct poll_questions questions = {ask_counts, on_counted, on_all_counted};
    int64_t now_ms = clock_boot_ms();

    if (m->counting)
        return;
    for (size_t i = 0; i < m->failing_count; i++)
        matter_report(m->d, ALARM_FAILURES, m->failing[i].key, m->failing[i].percent, "");
    if (m->d->settings->alarms.failures == 0 ||
        (m->counted_ms != 0 && now_ms - m->counted_ms < COUNT_MS))
        return;
    m->counting = true;
    m->counted_ms = now_ms;
    m->failing_count = 0;
    poll_reminders(m->d, &questions, m);
}

/* --------------------------------------------------------------------- together */

struct matters *matters_create(struct dispatch *d)
{
    struct matters *m = xcalloc(1, sizeof *m);

    m->d = d;
    return m;
}

void matters_free(struct matters *m)
{
    if (m == NULL)
        return;
    free(m->paces);
    free(m->failing);
    free(m);
}

void matters_look(struct matters *m)
{
    look_at_redis(m);
    for (size_t i = 0; i < m->d->lane_count; i++)
        look_at_gateway(m, i);
    if (!m->d->started || !db_well(m->d->db))
        return;
    look_at_jobs(m);
    look_at_failures(m);
}
