#include "inside.h"

#include "builtin.h"
#include "clock.h"
#include "error.h"
#include "fault.h"
#include "hours.h"
#include "keys.h"
#include "language.h"
#include "log.h"
#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLAIMS_AT_ONCE 16 /* what a turn of Redis can answer: fewer would pay its fsync, too */
#define HALT_MS 60000
#define SLEEP_MS 1000 /* a job without work is looked at again */

/* The keys of a campaign are written together: one alone is never missing by our doing. */
#define LOST_CAMPAIGN N_("its campaign is not in Redis any more: nothing of it is sent")
#define LOST_REMINDER                                                                              \
    N_("what Redis holds of the campaign lacks this reminder: nothing of it is sent")

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

/* Not of a halted one, whose other claims are still answered: it sleeps until its time. */
static void job_sleep(struct job *job, int64_t ms)
{
    if (job->state != JOB_HALTED)
        job->wake_ms = clock_boot_ms() + ms;
}

static void job_die(struct job *job)
{
    job->state = JOB_DEAD;
}

/* It cannot be worked on. It stays, so that this is said once and not at every look
 * at the schedule; after a while it is tried anew. */
void job_halt(struct job *job, const char *why)
{
    if (job->state == JOB_HALTED || job->state == JOB_DEAD)
        return;
    log_error("reminder.halted campaign=%s reminder=%s reason=%s retry_ms=%d", job->id, job->name,
              log_quote(why), HALT_MS);
    snprintf(job->halted, sizeof job->halted, "%s", why);
    job_sleep(job, HALT_MS);
    job->state = JOB_HALTED;
}

/* A script has failed over what it found: somebody else has written there. The others go on. */
void halt_damaged(struct job *job, const char *script, const redisReply *reply)
{
    char why[200];

    snprintf(why, sizeof why, "its keys in Redis are damaged: %s: %.150s", script,
             reply->str != NULL ? reply->str : "");
    job_halt(job, why);
}

/* It is not tried anew: what Redis forgot may have been sent. What has happened to one
 * reminder has happened to others, which nobody has open: all stand still. */
void job_halt_back(struct job *job)
{
    if (job->state == JOB_DEAD || (job->state == JOB_HALTED && job->wake_ms == INT64_MAX))
        return;
    log_error("reminder.halted campaign=%s reminder=%s seq=%lld reason=\"Redis went back: what it "
              "forgot may have been sent, as the delivery log says\"",
              job->id, job->name, (long long)job->seq);
    job->state = JOB_HALTED;
    job->wake_ms = INT64_MAX;
    trust_doubt(job->d);
}

static struct job *job_of(struct dispatch *d, const char *campaign, const char *reminder)
{
    char key[sizeof((struct job *)NULL)->key];

    snprintf(key, sizeof key, "%s/%s", campaign, reminder);
    return job_find(d, key);
}

int64_t dispatch_seq(struct dispatch *d, const char *campaign, const char *reminder)
{
    const struct job *job = job_of(d, campaign, reminder);

    return job != NULL ? job->seq : 0;
}

void dispatch_went_back(struct dispatch *d, const char *campaign, const char *reminder)
{
    struct job *job = job_of(d, campaign, reminder);

    if (job != NULL)
        job_halt_back(job);
    else
        trust_doubt(d); /* it was open when the move was sent */
}

void jobs_halt(struct dispatch *d)
{
    for (struct job *job = d->jobs; job != NULL; job = job->next)
        if (job->state != JOB_DEAD) {
            job->state = JOB_HALTED;
            job->wake_ms = INT64_MAX;
        }
}

/* What is still to be answered for them is settled by its fence. */
void jobs_forget(struct dispatch *d)
{
    for (struct job *job = d->jobs; job != NULL; job = job->next)
        job_die(job);
}

/* ------------------------------------------------------------------ opening */

static void on_opened(void *arg, const redisReply *reply)
{
    struct job *job = arg;
    const redisReply *state = db_at(reply, 0), *header = db_at(reply, 3);
    struct ledger_header h;
    char begun[CLOCK_STAMP_BYTES], expires[CLOCK_STAMP_BYTES];

    job->asks--;
    if (db_is_error(reply, NULL)) {
        halt_damaged(job, "open", reply);
        return;
    }
    if (state != NULL && strcmp(state->str, "missed") == 0) {
        matter_report(job->d, ALARM_MISSED, job->key, db_int(db_at(reply, 1), 0), "");
        log_warning("reminder.missed campaign=%s reminder=%s recipients=%lld reason=\"nobody was "
                    "here when it was due, and the campaign says missed = %s\"",
                    job->id, job->name, (long long)db_int(db_at(reply, 1), 0),
                    job->campaign->missed == MISSED_NONE ? "none" : "latest");
    }
    if (state == NULL || strcmp(state->str, "GONE") == 0) {
        job_halt(job, LOST_REMINDER);
        return;
    }
    if (strcmp(state->str, "open") != 0) {
        /* done or skipped: the schedule is only an index */
        command_start(&job->d->command, "ZREM");
        command_add_string(&job->d->command, KEY_SCHEDULE);
        command_add_string(&job->d->command, job->key);
        db_send(job->d->db, &job->d->command, NULL, NULL);
        job_die(job);
        return;
    }
    if (header == NULL || header->len != LEDGER_RECORD_BYTES ||
        ledger_header_unpack((const unsigned char *)header->str, &h) != 0) {
        job_halt(job, N_("its ledger is missing or damaged: nothing of it is sent"));
        trust_doubt(job->d); /* what has lost one has perhaps lost more */
        return;
    }
    job->base_s = h.base_s;
    job->expires_ms = db_int(db_at(reply, 2), job->campaign->reminders[job->reminder].expires_ms);
    if (job->state != JOB_OPENING)
        return;
    job->state = JOB_OPEN;
    /* What a recovery has to know of it: the same body and list, since when, until when. */
    clock_stamp(db_int(db_at(reply, 4), 0), begun);
    clock_stamp(job->expires_ms, expires);
    delivery_log_note(
        job->d->log,
        "\"event\":\"opened\",\"campaign\":\"%s\",\"reminder\":\"%s\",\"body\":\"%s\","
        "\"list\":\"%s\",\"rows\":%lld,\"begun\":\"%s\",\"expires\":\"%s\"",
        job->id, job->name, job->body, job->digest, (long long)db_int(db_at(reply, 1), 0), begun,
        expires);
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
        job_halt(job, N_("no number is left for it"));
        return;
    }
    refs_learn(job->d->refs, job->ref, job->key);
    trust_ask(job->d); /* a Redis that forgot would open it anew */
    ledger_header_pack(&h, header);
    command_script(c, SCRIPT_OPEN, 2);
    key_reminder(c, job->id, job->name);
    key_ledger(c, job->id, job->name);
    command_add(c, header, sizeof header);
    command_add_int(c, clock_wall_ms());
    command_add_int(c, job->campaign->sensitive ? 1 : (int64_t)job->campaign->channel_count);
    command_add_int(c, campaign_missed(job->campaign, job->reminder, clock_wall_ms()));
    job->asks++;
    db_send(job->d->db, c, on_opened, job);
}

/* Hex digits alone: they go into the log as they are. */
static void copy_digest(char out[65], const redisReply *digest)
{
    size_t n = digest != NULL && digest->type == REDIS_REPLY_STRING ? digest->len : 0;

    if (n > 64 || (n > 0 && strspn(digest->str, "0123456789abcdef") != n))
        n = 0;
    memcpy(out, n > 0 ? digest->str : "", n);
    out[n] = '\0';
}

/* The campaign's rate as whole slots of a period. */
static struct quota *campaign_quota(struct dispatch *d, const struct job *job)
{
    double rate = job->campaign->rate;
    struct quota_rate r = {.slots = 1, .least = 1};

    if (rate <= 0)
        return NULL;
    if (rate >= 1 && rate < (double)(int64_t)rate + 0.001)
        r = (struct quota_rate){(int64_t)rate, 1000, 0, 1};
    else if (rate * 60 >= 1)
        r = (struct quota_rate){(int64_t)(rate * 60 + 0.001), 60000, 0, 1};
    else
        r.period_ms = (int64_t)(1000 / rate);
    return quota_get(d, QUOTA_CAMPAIGN, job->id, &r);
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
        job_halt(job, LOST_CAMPAIGN);
        return;
    }
    copy_digest(job->body, db_at(reply, 1));
    copy_digest(job->digest, db_at(reply, 2));
    tree = tree_parse_json(document->str, document->len, NULL, &err);
    if (tree == NULL ||
        (job->campaign = campaign_create(tree, &d->settings->defaults, NULL, 0, &err)) == NULL) {
        job_halt(job, err.text);
        return;
    }
    if (builtin_is(job->name)) {
        struct campaign *whole = job->campaign;

        job->campaign = builtin_campaign(whole, job->name, &d->settings->defaults, &err);
        campaign_free(whole);
        if (job->campaign == NULL) {
            job_halt(job, err.text);
            return;
        }
    }
    r = campaign_find_reminder(job->campaign, job->name);
    if (r < 0) {
        job_halt(job, N_("its campaign has no such reminder"));
        return;
    }
    job->reminder = (size_t)r;
    job->priority = job->campaign->reminders[r].priority;
    job->priority = job->priority < 1             ? 1
                    : job->priority >= PRIORITIES ? PRIORITIES - 1
                                                  : job->priority;
    rules = job->campaign->to_group                ? NULL
            : job->campaign->per_recipient != NULL ? job->campaign->per_recipient
                                                   : d->settings->defaults.per_recipient;
    for (; rules != NULL && *rules != NULL && job->rule_count < RATE_RULES_MAX; rules++)
        if (rate_rule_parse(*rules, &job->rules[job->rule_count], NULL) == 0)
            job->rule_count++;
    job->guarded =
        job->rule_count > 0 && (d->settings->defaults.may_repeat & 1u << job->campaign->class) == 0;
    job->quota = campaign_quota(d, job);
    command_script(&d->command, SCRIPT_NUMBER, 1);
    command_add_string(&d->command, KEY_REFS);
    command_add_string(&d->command, job->key);
    command_add_int(&d->command, UINT32_MAX);
    job->asks++;
    db_send(d->db, &d->command, on_numbered, job);
}

static void on_version(void *arg, const redisReply *reply)
{
    struct job *job = arg;

    job->asks--;
    job->version = (unsigned)db_int(reply, 1);
}

/* Its texts are no longer those that it was opened with. What is under way here is refused
 * by its intents; the schedule opens it anew. */
void job_reload(struct job *job)
{
    if (job->state != JOB_OPEN && job->state != JOB_CLOSING)
        return;
    log_info("reminder.changed campaign=%s reminder=%s version=%u", job->id, job->name,
             job->version);
    job_die(job);
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
    command_start(&d->command, "HGET"); /* before the texts: who reads them new has it old, and
                                           is refused, not the other way round */
    key_reminder(&d->command, job->id, job->name);
    command_add_string(&d->command, "tv");
    job->asks++;
    db_send(d->db, &d->command, on_version, job);
    command_start(&d->command, "HMGET");
    key_campaign(&d->command, job->id);
    command_add_string(&d->command, "document");
    command_add_string(&d->command, "hash");
    command_add_string(&d->command, "digest");
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

bool job_is_ahead(const struct job *job)
{
    const struct dispatch *d = job->d;
    const struct campaign *c = job->campaign;

    for (size_t ch = 0; ch < c->channel_count; ch++)
        for (size_t i = 0; i < d->lane_count; i++) {
            const struct lane *lane = &d->lanes[i];

            if (strcmp(lane->config->channel, c->channels[ch]) == 0 &&
                lane->queued < (size_t)lane->config->window)
                return false;
        }
    return true;
}

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
    if (job_is_ahead(job))
        command_can_wait(c);
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

/* 1.., or 0 for what is no number of ours: 0 itself is the ledger's header. */
static uint32_t notice_number(const redisReply *member)
{
    unsigned long long n = 0;

    if (member->type != REDIS_REPLY_STRING || member->len == 0 || member->len > 8 ||
        member->str[0] == '0')
        return 0;
    for (size_t i = 0; i < member->len; i++) {
        if (member->str[i] < '0' || member->str[i] > '9')
            return 0;
        n = n * 10 + (unsigned)(member->str[i] - '0');
    }
    return n <= LEDGER_MAX_NUMBER ? (uint32_t)n : 0;
}

static void drop_member(const struct job *job, const redisReply *member)
{
    struct command *c = &job->d->command;

    if (member->type != REDIS_REPLY_STRING)
        return;
    log_warning("retry.damaged campaign=%s reminder=%s member=%s", job->id, job->name,
                log_quote_n(member->str, member->len < 64 ? member->len : 64));
    command_start(c, "ZREM");
    key_retry(c, job->id, job->name);
    command_add(c, member->str, member->len);
    db_send(job->d->db, c, NULL, NULL);
}

static void claimed_retries(struct job *job, const redisReply *reply, int sweep)
{
    struct batch *b = batch_take(job);

    b->from = b->to = 0;
    b->fresh = false;
    b->sweep = sweep;
    for (size_t i = 2; i < reply->elements && b->count < GROUP_MAX; i++) {
        uint32_t number = notice_number(reply->element[i]);

        if (number > 0)
            b->notices[b->count++] = (struct notice){.batch = b, .n = number};
        else
            drop_member(job, reply->element[i]);
    }
    batch_read(b);
}

/* Nothing to claim now: when will there be? */
static void claimed_nothing(struct job *job, const redisReply *reply)
{
    int64_t next = db_int(db_at(reply, 2), 0), now = clock_wall_ms();
    int64_t ms = SLEEP_MS;

    job->exhausted = true;
    if (next > 0 && next - now < SLEEP_MS)
        ms = next <= now ? 20 : next - now;
    job_sleep(job, ms);
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
        if (db_is_error(reply, "OOM")) /* db has said so */
            job_sleep(job, SLEEP_MS);
        else
            halt_damaged(job, "claim", reply);
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
        job_sleep(job, SLEEP_MS / 4);
    } else if (job_idle(job)) { /* CLOSED: finished by another daemon */
        job_die(job);
    } else {
        job_sleep(job, SLEEP_MS / 10);
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
        served = served || gateway_serves(d->gateways, c->channels[ch],
                                          (enum gateway_class)c->class, c->to_group);
        for (size_t i = 0; i < d->lane_count; i++)
            if (strcmp(d->lanes[i].config->channel, c->channels[ch]) == 0)
                room += lane_room(&d->lanes[i], job, fair);
    }
    return served ? room : GROUP_MAX;
}

/* In the night of the campaign's zone nothing is claimed; retries and sweeps wait too. Where
 * people have zones of their own theirs alone count, or somebody whose day is our night
 * would never get anything: see prepare.c. */
static bool job_has_its_time(struct job *job, int64_t now_ms)
{
    const struct hours *hours = job->campaign->reminders[job->reminder].hours;
    int64_t open;

    if (job->cancelled || now_ms >= job->expires_ms)
        return true;
    if (!watch_lets(job->d->watch, job->campaign->class)) {
        job_sleep(job, SLEEP_MS);
        return false;
    }
    if (now_ms < job->hours_until_ms)
        return true;
    if (job->campaign->column_timezone >= 0) {
        job->hours_until_ms = INT64_MAX;
        return true;
    }
    open = hours_next_open(hours, job->campaign->zone, now_ms);
    if (open <= now_ms) {
        job->hours_until_ms = hours_close(hours, job->campaign->zone, now_ms);
        return true;
    }
    job_sleep(job, open - now_ms < SLEEP_MS ? open - now_ms : SLEEP_MS);
    return false;
}

/* Of a campaign with a rate of its own no more is held than it needs in a while: other
 * daemons have a share of it too. */
static size_t campaign_room(const struct job *job, size_t want)
{
    size_t most, held = job->in_memory + job->coming;

    if (job->quota == NULL)
        return want;
    if (job->quota->share.limit.slots < 0)
        return 0;
    most = (size_t)(limit_rate(&job->quota->share.limit) * 2) + 1;
    return held >= most ? 0 : want < most - held ? want : most - held;
}

/* One claim for a job, if it has room. */
static bool job_claim(struct job *job, int64_t now_ms, int64_t boot_ms)
{
    struct dispatch *d = job->d;
    size_t room, fair = 0, want = (size_t)d->settings->dispatch.batch;

    if (job->state != JOB_OPEN || job->wake_ms > boot_ms || job->claims >= CLAIMS_AT_ONCE ||
        !job_has_its_time(job, now_ms))
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
    want = campaign_room(job, want);
    if (want == 0)
        return false;
    claim_send(job, want);
    return true;
}

/* Round robin over the jobs, the first priority first; each goes once a round. */
void job_claim_round(struct dispatch *d)
{
    int64_t now_ms = clock_wall_ms(), boot_ms = clock_boot_ms();

    for (int priority = 1; priority < PRIORITIES; priority++) {
        bool any = true;

        while (any && dispatch_may_begin(d)) {
            struct job *job = d->next_claim != NULL ? d->next_claim : d->jobs, *first = job;

            any = false;
            while (job != NULL) {
                if (job->priority == priority && job_claim(job, now_ms, boot_ms)) {
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

/* Nobody looks after what waits there, and nobody will: only the ledger knows of it. */
static void tell_lost(struct job *job, const char *what)
{
    int64_t now = clock_mono_ms();

    if (job->told_ms != 0 && now - job->told_ms < HALT_MS)
        return;
    job->told_ms = now;
    log_error(
        "reminder.damaged campaign=%s reminder=%s lost=%s reason=\"it cannot come to its end: "
        "outreach verify --repair %s\" again_ms=%d",
        job->id, job->name, log_quote(what), job->id, HALT_MS);
}

static void on_finished(void *arg, const redisReply *reply)
{
    struct job *job = arg;
    struct command *c = &job->d->command;
    const redisReply *what = db_at(reply, 0);

    job->asks--;
    if (db_is_error(reply, NULL))
        halt_damaged(job, "finish", reply);
    if (db_at(reply, 3) != NULL)
        tell_lost(job, db_at(reply, 3)->str);
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
    if (db_at(reply, 0) != NULL && db_at(reply, 0)->type == REDIS_REPLY_NIL) {
        job_halt(job, LOST_REMINDER);
        return;
    }
    job->cancelled = db_int(db_at(reply, 0), 0) != 0;
    job->paused = db_int(db_at(reply, 1), 0) != 0;
    job->expires_ms = db_int(db_at(reply, 2), job->expires_ms);
    if (db_int(db_at(reply, 3), job->version) != (int64_t)job->version) {
        job->version = (unsigned)db_int(db_at(reply, 3), 0);
        job_reload(job); /* amended: also its hours and its time may be others */
        return;
    }
    if (job->state == JOB_OPEN && (job->cancelled || (was_paused && !job->paused))) {
        job->wake_ms = 0;
        dispatch_ask_turn(job->d);
    }
}

/* What is no campaign cannot be cancelled either. */
static void on_there(void *arg, const redisReply *reply)
{
    struct job *job = arg;

    job->asks--;
    job->looking = false;
    if (reply->type == REDIS_REPLY_INTEGER && reply->integer == 0)
        job_halt(job, LOST_CAMPAIGN);
}

/* A job whose gateways take nothing does not claim, and would not notice a cancel. */
void jobs_refresh(struct dispatch *d)
{
    for (struct job *job = d->jobs; job != NULL; job = job->next) {
        if (job->state == JOB_OPEN && !job->looking) { /* also where it is busy */
            command_start(&d->command, "EXISTS");
            key_campaign(&d->command, job->id);
            job->looking = true;
            job->asks++;
            db_send(d->db, &d->command, on_there, job);
        }
        if (job->state != JOB_OPEN || job->asks > job->looking)
            continue;
        command_start(&d->command, "HMGET");
        key_reminder(&d->command, job->id, job->name);
        command_add_string(&d->command, "cancelled");
        command_add_string(&d->command, "paused");
        command_add_string(&d->command, "expires");
        command_add_string(&d->command, "tv");
        job->asks++;
        db_send(d->db, &d->command, on_flags, job);
    }
}

void job_free(struct job *job)
{
    quota_drop(job->quota);
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
            job->state == JOB_DEAD || (job->state == JOB_HALTED && job->wake_ms <= clock_boot_ms());

        if (over && job_idle(job)) {
            job_leave(at);
            job_free(job);
        } else {
            at = &job->next;
        }
    }
}
