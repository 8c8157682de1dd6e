#include "inside.h"

#include "clock.h"
#include "error.h"
#include "fault.h"
#include "hours.h"
#include "keys.h"
#include "log.h"
#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLAIMS_AT_ONCE 6
#define HALT_US 60000000
#define SLEEP_US 1000000 /* a job without work is looked at again */

/* The schedule is gone through ten times a second, and most of it is open already. */
static struct job **bucket_of(struct dispatch *d, const char *key)
{
    uint32_t h = 2166136261u;

    for (; *key != '\0'; key++)
        h = (h ^ (unsigned char)*key) * 16777619u;
    return &d->job_buckets[h % JOB_BUCKETS];
}

struct job *job_find(struct dispatch *d, const char *key)
{
    for (struct job *job = *bucket_of(d, key); job != NULL; job = job->same)
        if (job->state != JOB_DEAD && strcmp(job->key, key) == 0)
            return job;
    return NULL;
}

static void job_enter(struct job *job)
{
    struct job **bucket = bucket_of(job->d, job->key);

    job->next = job->d->jobs;
    job->d->jobs = job;
    job->same = *bucket;
    *bucket = job;
}

/* at: where the list of all has it. */
static void job_leave(struct job **at)
{
    struct job *job = *at, **same = bucket_of(job->d, job->key);

    *at = job->next;
    while (*same != job)
        same = &(*same)->same;
    *same = job->same;
    if (job->d->next_claim == job)
        job->d->next_claim = job->next;
}

bool job_idle(const struct job *job)
{
    return job->claims == 0 && job->batches == 0 && job->asks == 0 &&
           (job->settling == NULL || job->settling->moves.count == 0);
}

static void job_sleep(struct job *job, int64_t us)
{
    job->wake_us = clock_mono_us() + us;
}

static void job_die(struct job *job)
{
    job->state = JOB_DEAD;
}

/* It cannot be worked on. It stays, so that this is said once and not at every look
 * at the schedule; after a while it is tried anew. */
void job_halt(struct job *job, const char *why)
{
    if (job->state == JOB_HALTED)
        return;
    log_error("reminder.halted campaign=%s reminder=%s reason=%s retry_ms=%d", job->id, job->name,
              log_quote(why), HALT_US / 1000);
    job->state = JOB_HALTED;
    job_sleep(job, HALT_US);
}

/* It is not tried anew: only this job knows how far Redis had been, and what it forgot
 * may have been sent. */
void job_halt_back(struct job *job)
{
    if (job->state == JOB_HALTED && job->wake_us == INT64_MAX)
        return;
    log_error("reminder.halted campaign=%s reminder=%s seq=%lld reason=\"Redis went back: what it "
              "forgot may have been sent, as the delivery log says; after a restart of outreachd "
              "it goes on\"",
              job->id, job->name, (long long)job->seq);
    job->state = JOB_HALTED;
    job->wake_us = INT64_MAX;
}

/* ------------------------------------------------------------------ opening */

static void on_opened(void *arg, const redisReply *reply)
{
    struct job *job = arg;
    const redisReply *state = db_at(reply, 0), *header = db_at(reply, 3);
    struct ledger_header h;

    job->asks--;
    if (state == NULL || strcmp(state->str, "open") != 0) {
        /* done, skipped or gone: the schedule is only an index */
        command_start(&job->d->command, "ZREM");
        command_add_string(&job->d->command, KEY_SCHEDULE);
        command_add_string(&job->d->command, job->key);
        db_send(job->d->db, &job->d->command, NULL, NULL);
        job_die(job);
        return;
    }
    if (header == NULL || header->len != LEDGER_RECORD_BYTES ||
        ledger_header_unpack((const unsigned char *)header->str, &h) != 0) {
        job_halt(job, "its ledger is missing or damaged: nothing of it is sent");
        return;
    }
    job->base_s = h.base_s;
    job->expires_ms = db_int(db_at(reply, 2), job->campaign->reminders[job->reminder].expires_ms);
    job->state = JOB_OPEN;
    log_info("reminder.open campaign=%s reminder=%s recipients=%lld", job->id, job->name,
             (long long)db_int(db_at(reply, 1), 0));
    dispatch_ask_turn(job->d);
}

static void on_numbered(void *arg, const redisReply *reply)
{
    struct job *job = arg;
    struct ledger_header h = {.generation = 1, .base_s = clock_wall_ms() / 1000};
    unsigned char header[LEDGER_RECORD_BYTES];
    struct command *c = &job->d->command;

    job->asks--;
    job->ref = (uint32_t)db_int(reply, 0);
    if (job->ref == 0) {
        job_halt(job, "no number is left for it");
        return;
    }
    refs_learn(job->d->refs, job->ref, job->key);
    ledger_header_pack(&h, header);
    command_script(c, SCRIPT_OPEN, 2);
    key_reminder(c, job->id, job->name);
    key_ledger(c, job->id, job->name);
    command_add(c, header, sizeof header);
    command_add_int(c, clock_wall_ms());
    job->asks++;
    db_send(job->d->db, c, on_opened, job);
}

static void on_document(void *arg, const redisReply *reply)
{
    struct job *job = arg;
    struct dispatch *d = job->d;
    const redisReply *document = db_at(reply, 0);
    struct error err;
    const char *const *rules;
    struct tree *tree;
    int r;

    job->asks--;
    if (document == NULL || document->type != REDIS_REPLY_STRING) {
        job_halt(job, "its campaign is not there");
        return;
    }
    tree = tree_parse_json(document->str, document->len, NULL, &err);
    if (tree == NULL ||
        (job->campaign = campaign_create(tree, &d->settings->defaults, NULL, 0, &err)) == NULL) {
        job_halt(job, err.text);
        return;
    }
    r = campaign_find_reminder(job->campaign, job->name);
    if (r < 0) {
        job_halt(job, "its campaign has no such reminder");
        return;
    }
    job->reminder = (size_t)r;
    job->priority = job->campaign->reminders[r].priority;
    job->priority = job->priority < 1             ? 1
                    : job->priority >= PRIORITIES ? PRIORITIES - 1
                                                  : job->priority;
    rules = job->campaign->per_recipient != NULL ? job->campaign->per_recipient
                                                 : d->settings->defaults.per_recipient;
    for (; rules != NULL && *rules != NULL &&
           job->rule_count < sizeof job->rules / sizeof *job->rules;
         rules++)
        if (rate_rule_parse(*rules, &job->rules[job->rule_count], NULL) == 0)
            job->rule_count++;
    limit_init(&job->pace, job->campaign->rate, clock_mono_us());
    command_script(&d->command, SCRIPT_NUMBER, 1);
    command_add_string(&d->command, KEY_REFS);
    command_add_string(&d->command, job->key);
    command_add_int(&d->command, UINT32_MAX);
    job->asks++;
    db_send(d->db, &d->command, on_numbered, job);
}

void job_open(struct dispatch *d, const char *key)
{
    struct job *job;

    if (job_find(d, key) != NULL)
        return;
    job = xcalloc(1, sizeof *job);
    job->d = d;
    if (key_split(key, job->id, job->name) != 0) {
        free(job);
        return;
    }
    snprintf(job->key, sizeof job->key, "%s/%s", job->id, job->name);
    job->version = 1;
    job_enter(job);
    command_start(&d->command, "HMGET");
    key_campaign(&d->command, job->id);
    command_add_string(&d->command, "document");
    job->asks++;
    db_send(d->db, &d->command, on_document, job);
}

/* ----------------------------------------------------------------- claiming */

static void on_claimed(void *arg, const redisReply *reply);

/* A claim under way: which lease it asked for. */
struct claim {
    struct job *job;
    size_t want;
    char lease[80];
};

static void claim_send(struct job *job, size_t want)
{
    struct dispatch *d = job->d;
    struct command *c = &d->command;
    struct claim *claim = xcalloc(1, sizeof *claim);
    int64_t now = clock_wall_ms();

    claim->job = job;
    claim->want = want;
    snprintf(claim->lease, sizeof claim->lease, "%s:%u:%u", d->name, d->epoch, ++d->serial);
    command_script(c, SCRIPT_CLAIM, 3);
    key_reminder(c, job->id, job->name);
    key_leases(c, job->id, job->name);
    key_retry(c, job->id, job->name);
    command_add_string(c, claim->lease);
    command_add_int(c, (int64_t)want);
    command_add_int(c, now);
    command_add_int(c, now + LOOK_AGAIN_MS);
    command_add_int(c, d->settings->dispatch.park_max);
    job->claims++;
    job->coming += want;
    d->in_memory += want;
    db_try(d->db, c, on_claimed, claim);
}

static void claimed_range(struct job *job, const struct claim *claim, const redisReply *reply,
                          int sweep)
{
    struct batch *b = batch_take(job);

    b->from = (uint32_t)db_int(db_at(reply, 2), 0);
    b->to = (uint32_t)db_int(db_at(reply, 3), 0);
    b->takeovers = (unsigned)db_int(db_at(reply, 4), 0);
    b->fresh = db_int(db_at(reply, 5), 0) == 1;
    b->sweep = sweep;
    snprintf(b->lease, sizeof b->lease, "%s", claim->lease);
    if (b->from == 0 || b->to < b->from || b->to - b->from >= GROUP_MAX) {
        log_error("claim.damaged campaign=%s reminder=%s from=%u to=%u", job->id, job->name,
                  b->from, b->to);
        b->count = 0;
    } else {
        b->count = b->to - b->from + 1;
    }
    for (size_t i = 0; i < b->count; i++)
        b->notices[i] = (struct notice){.batch = b, .n = b->from + (uint32_t)i};
    batch_read(b);
}

static void claimed_retries(struct job *job, const redisReply *reply, int sweep)
{
    struct batch *b = batch_take(job);

    b->from = b->to = 0;
    b->fresh = false;
    b->sweep = sweep;
    for (size_t i = 2; i < reply->elements && b->count < GROUP_MAX; i++)
        b->notices[b->count++] =
            (struct notice){.batch = b, .n = (uint32_t)db_int(reply->element[i], 0)};
    batch_read(b);
}

/* Nothing to claim now: when will there be? */
static void claimed_nothing(struct job *job, const redisReply *reply)
{
    int64_t next = db_int(db_at(reply, 2), 0), now = clock_wall_ms();
    int64_t us = SLEEP_US;

    job->exhausted = true;
    if (next > 0 && next - now < 1000)
        us = next <= now ? 20000 : (next - now) * 1000;
    job_sleep(job, us);
    job_look_after(job);
}

static void on_claimed(void *arg, const redisReply *reply)
{
    struct claim *claim = arg;
    struct job *job = claim->job;
    const redisReply *what = db_at(reply, 0), *note = db_at(reply, 1);
    int sweep = SWEEP_NO;

    FAULT_POINT("W3");
    job->claims--;
    job->coming -= claim->want;
    job->d->in_memory -= claim->want;
    if (note != NULL && note->type == REDIS_REPLY_STRING)
        sweep = strcmp(note->str, "CANCELLED") == 0 ? SWEEP_CANCELLED
                : strcmp(note->str, "EXPIRED") == 0 ? SWEEP_EXPIRED
                                                    : SWEEP_NO;
    job->cancelled = sweep == SWEEP_CANCELLED;
    job->paused = false;
    if (what == NULL) {
        if (!db_is_error(reply, "OOM")) /* db has said so */
            log_error("claim.error campaign=%s reminder=%s reply=%s", job->id, job->name,
                      log_quote(reply->str ? reply->str : ""));
        job_sleep(job, SLEEP_US);
    } else if (strcmp(what->str, "RANGE") == 0) {
        job->exhausted = false;
        claimed_range(job, claim, reply, sweep);
    } else if (strcmp(what->str, "RETRY") == 0) {
        job->exhausted = false;
        claimed_retries(job, reply, sweep);
    } else if (strcmp(what->str, "NONE") == 0) {
        claimed_nothing(job, reply);
    } else if (strcmp(what->str, "PAUSED") == 0) {
        job->paused = true;
        job_sleep(job, SLEEP_US / 4);
    } else if (job_idle(job)) { /* CLOSED: finished by another daemon */
        job_die(job);
    } else {
        job_sleep(job, SLEEP_US / 10);
    }
    free(claim);
    dispatch_ask_turn(job->d);
}

/* How many notices of this job the gateways could take before their queues hold
 * two windows. No gateway for any of its channels: then they are claimed to fail. */
static size_t job_room(const struct job *job, size_t *fair)
{
    const struct dispatch *d = job->d;
    const struct campaign *c = job->campaign;
    size_t room = 0;
    bool served = false;

    if (job->cancelled || clock_wall_ms() >= job->expires_ms)
        return GROUP_MAX;
    for (size_t ch = 0; ch < c->channel_count; ch++) {
        served =
            served || gateway_serves(d->gateways, c->channels[ch], (enum gateway_class)c->class);
        for (size_t i = 0; i < d->lane_count; i++)
            if (strcmp(d->lanes[i].config->channel, c->channels[ch]) == 0)
                room += lane_room(&d->lanes[i], job, fair);
    }
    return served ? room : GROUP_MAX;
}

/* In the night of the campaign's main zone nothing is claimed; retries and sweeps wait too. */
static bool job_in_hours(struct job *job, int64_t now_ms)
{
    const struct hours *hours = job->campaign->reminders[job->reminder].hours;
    int64_t open;

    if (job->cancelled || now_ms >= job->expires_ms || now_ms < job->hours_until_ms)
        return true;
    open = hours_next_open(hours, job->campaign->zone, now_ms);
    if (open <= now_ms) {
        job->hours_until_ms = hours_close(hours, job->campaign->zone, now_ms);
        return true;
    }
    if (open > job->expires_ms)
        open = job->expires_ms;
    job_sleep(job, (open - now_ms < 60000 ? open - now_ms : 60000) * 1000);
    return false;
}

static size_t campaign_pace(struct job *job, size_t want, int64_t now_us)
{
    size_t got = 0;

    if (job->campaign->rate <= 0)
        return want;
    while (got < want && limit_take(&job->pace, 1, now_us))
        got++;
    return got;
}

/* One claim for a job, if it has room. */
static bool job_claim(struct job *job, int64_t now_us, int64_t now_ms)
{
    struct dispatch *d = job->d;
    size_t room, fair = 0, want = (size_t)d->settings->dispatch.batch;

    if (job->state != JOB_OPEN || job->wake_us > now_us || job->claims >= CLAIMS_AT_ONCE ||
        !job_in_hours(job, now_ms))
        return false;
    room = job_room(job, &fair);
    want = want > GROUP_MAX ? GROUP_MAX : want;
    if (room <= job->coming || d->in_memory + want > d->most_in_memory)
        return false;
    room -= job->coming;
    /* A trickle of tiny claims costs more than it brings: a quarter of its share first. */
    if (room < want && room < fair / 4)
        return false;
    want = room < want ? room : want;
    want = campaign_pace(job, want, now_us);
    if (want == 0)
        return false;
    claim_send(job, want);
    return true;
}

/* Round robin over the jobs, the first priority first; each goes once a round. */
void job_claim_round(struct dispatch *d)
{
    int64_t now_us = clock_mono_us(), now_ms = clock_wall_ms();

    for (int priority = 1; priority < PRIORITIES; priority++) {
        bool any = true;

        while (any && dispatch_may_begin(d)) {
            struct job *job = d->next_claim != NULL ? d->next_claim : d->jobs, *first = job;

            any = false;
            while (job != NULL) {
                if (job->priority == priority && job_claim(job, now_us, now_ms)) {
                    any = true;
                    d->next_claim = job->next;
                }
                job = job->next != NULL ? job->next : d->jobs;
                if (job == first)
                    break;
            }
        }
    }
}

/* --------------------------------------------------------------- its ending */

/* While it is closing nothing is claimed here, and what was is settled: a lease of ours
 * is one whose claim's answer never came. Its range is for whoever claims next. */
static void on_leases(void *arg, const redisReply *reply)
{
    struct job *job = arg;
    struct dispatch *d = job->d;
    char ours[NAME_BYTES + 16];
    unsigned from, to, takeovers;

    job->asks--;
    snprintf(ours, sizeof ours, "%s:%u:", d->name, d->epoch);
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2) {
        const char *lease = reply->element[i]->str;

        if (strncmp(lease, ours, strlen(ours)) != 0 ||
            sscanf(reply->element[i + 1]->str, "%u %u %u", &from, &to, &takeovers) != 3)
            continue;
        log_info("lease.lost campaign=%s reminder=%s from=%u to=%u", job->id, job->name, from, to);
        lease_give_back(job, d->db, lease, from, to, takeovers);
    }
    if (job->state == JOB_CLOSING)
        job->state = JOB_OPEN;
}

static void on_finished(void *arg, const redisReply *reply)
{
    struct job *job = arg;
    struct command *c = &job->d->command;
    const redisReply *what = db_at(reply, 0);

    job->asks--;
    if (what != NULL && strcmp(what->str, "DONE") == 0) {
        log_info("reminder.done campaign=%s reminder=%s", job->id, job->name);
        command_start(c, "ZREM");
        command_add_string(c, KEY_SCHEDULE);
        command_add_string(c, job->key);
        db_send(job->d->db, c, NULL, NULL);
        job_die(job);
    } else if (db_int(db_at(reply, 2), 0) > 0) {
        command_start(c, "HGETALL");
        key_leases(c, job->id, job->name);
        job->asks++;
        db_send(job->d->db, c, on_leases, job);
    } else if (job->state == JOB_CLOSING) {
        job->state = JOB_OPEN;
    }
}

void job_look_after(struct job *job)
{
    struct dispatch *d = job->d;

    if (job->state != JOB_OPEN || !job->exhausted || !job_idle(job) || !db_well(d->db))
        return;
    job->state = JOB_CLOSING;
    command_script(&d->command, SCRIPT_FINISH, 3);
    key_reminder(&d->command, job->id, job->name);
    key_leases(&d->command, job->id, job->name);
    key_retry(&d->command, job->id, job->name);
    command_add_int(&d->command, clock_wall_ms());
    job->asks++;
    db_send(d->db, &d->command, on_finished, job);
}

static void on_flags(void *arg, const redisReply *reply)
{
    struct job *job = arg;
    bool was_paused = job->paused;

    job->asks--;
    job->cancelled = db_int(db_at(reply, 0), 0) != 0;
    job->paused = db_int(db_at(reply, 1), 0) != 0;
    job->expires_ms = db_int(db_at(reply, 2), job->expires_ms);
    if (job->cancelled || (was_paused && !job->paused)) {
        job->wake_us = 0;
        dispatch_ask_turn(job->d);
    }
}

/* A job whose gateways take nothing does not claim, and would not notice a cancel. */
void jobs_refresh(struct dispatch *d)
{
    for (struct job *job = d->jobs; job != NULL; job = job->next) {
        if (job->state != JOB_OPEN || job->asks > 0)
            continue;
        command_start(&d->command, "HMGET");
        key_reminder(&d->command, job->id, job->name);
        command_add_string(&d->command, "cancelled");
        command_add_string(&d->command, "paused");
        command_add_string(&d->command, "expires");
        job->asks++;
        db_send(d->db, &d->command, on_flags, job);
    }
}

void job_free(struct job *job)
{
    campaign_free(job->campaign);
    if (job->settling != NULL) {
        arena_free(&job->settling->bytes);
        free(job->settling);
    }
    free(job);
}

void jobs_sweep(struct dispatch *d)
{
    struct job **at = &d->jobs;

    while (*at != NULL) {
        struct job *job = *at;

        bool over =
            job->state == JOB_DEAD || (job->state == JOB_HALTED && job->wake_us <= clock_mono_us());

        if (over && job_idle(job)) {
            job_leave(at);
            job_free(job);
        } else {
            at = &job->next;
        }
    }
}
