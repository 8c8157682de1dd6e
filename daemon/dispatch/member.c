#include "inside.h"

#include "clock.h"
#include "keys.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A daemon is dead when six polls in a row, each a good one of ours, show the same
 * epoch and counter (LEDGER.md section 3): by our monotonic clock, not by any other. */
#define POLLS 6
#define POLL_MS 5000
#define GAP_MS 10000 /* between polls: an outage is nobody's death, nor is a new connection */
#define OTHERS 64
#define TELL_AGAIN_MS 60000
#define EPOCH_MOST 0xfffff /* 20 bits of a fence */

struct other {
    char name[NAME_BYTES];
    int64_t epoch, beat;
    uint32_t sends; /* the epoch of its intents */
    int same;
};

struct member {
    struct dispatch *d;
    void (*joined)(struct dispatch *d);
    bool again;         /* joins once more: Redis was in doubt */
    bool joining, anew; /* anew: once this join is at its end, from its beginning */
    bool sends;         /* it has said so of this epoch */
    uint32_t left;   /* the epoch under which this name sent last, before this one; 0: none did */
    int64_t known;   /* the highest epoch that anybody had, as far as is known */
    int64_t told_ms; /* monotonic: when none could be drawn */
    struct other others[OTHERS];
    size_t other_count;
    int64_t polled_ms;
    struct other *dying; /* being recovered */
};

struct member *member_create(struct dispatch *d)
{
    struct member *m = xcalloc(1, sizeof *m);

    m->d = d;
    return m;
}

void member_free(struct member *m)
{
    free(m);
}

/* -------------------------------------------------------------------- joining */

/* False: Redis was in doubt meanwhile, and may be another than the one that was looked
 * through. What is to be looked after stays the same, since nothing was sent. When it is to be
 * trusted again it is done from the beginning, never by two at once. */
static bool join_stands(struct member *m)
{
    if (!m->anew && !dispatch_in_doubt(m->d))
        return true;
    m->joining = false;
    if (m->anew)
        member_join(m, m->joined);
    return false;
}

static void on_sends(void *arg, const redisReply *reply)
{
    struct member *m = arg;

    (void)reply;
    if (!join_stands(m))
        return;
    m->joining = false;
    m->sends = true;
    m->joined(m->d);
}

/* What the last life left is in order: from now on it is this epoch's intents that
 * whoever comes next must look for. A daemon that dies before this has sent nothing,
 * and leaves what it found. */
static void on_recovered(void *arg)
{
    struct member *m = arg;
    struct command *c = &m->d->command;

    if (!join_stands(m))
        return;
    command_start(c, "HSET");
    key_daemon(c, m->d->name);
    command_add_string(c, "sends");
    command_add_int(c, m->d->epoch);
    db_send(m->d->db, c, on_sends, m);
}

static void on_first_beat(void *arg, const redisReply *reply)
{
    struct member *m = arg;

    (void)reply;
    if (m->left > 0 && m->dying != NULL) { /* its recovery is dropped: it is found dead anew */
        m->dying->same = 0;
        m->dying = NULL;
    }
    if (m->left > 0)
        recovery_begin(m->d->recovery, m->d->name, m->left, on_recovered, m);
    else
        on_recovered(m);
}

static void beat_send(struct member *m, db_fn *fn)
{
    struct command *c = &m->d->command;

    /* Again at each beat: one that was stopped for a while has been buried meanwhile. */
    command_start(c, "SADD");
    command_add_string(c, KEY_DAEMONS);
    command_add_string(c, m->d->name);
    db_try(m->d->db, c, NULL, NULL);
    command_script(c, SCRIPT_HEARTBEAT, 1);
    key_daemon(c, m->d->name);
    command_add_int(c, m->d->epoch);
    command_add_int(c, clock_system_ms());
    command_add_string(c, m->d->draining ? "draining" : "up");
    command_add_int(c, clock_wall_ms());
    command_add_string(c, m->sends ? "sends" : ""); /* its key may have been lost */
    db_send(m->d->db, c, fn, m);
}

/* Where none can be drawn nothing is sent; it is tried again as long as Redis is trusted. */
static void tell_undrawn(struct member *m, const redisReply *reply)
{
    int64_t now = clock_mono_ms();

    m->joining = m->d->joining = false;
    if (m->told_ms != 0 && now - m->told_ms < TELL_AGAIN_MS)
        return;
    m->told_ms = now;
    log_error("epoch.damaged key=%s reply=%s reason=\"without an epoch nothing is sent. If what "
              "stands there is no number remove it: it begins anew behind those that daemons "
              "had\"",
              KEY_EPOCH, log_quote(reply->str ? reply->str : ""));
}

/* Two that send under one epoch would take each other's intents for their own: a counter that was
 * lost goes on behind the highest that is known. */
static void on_epoch(void *arg, const redisReply *reply)
{
    struct member *m = arg;

    if (reply->type != REDIS_REPLY_INTEGER || reply->integer < 0 || reply->integer > EPOCH_MOST) {
        tell_undrawn(m, reply);
        return;
    }
    if (reply->integer <= m->known) {
        struct command *c = &m->d->command;

        log_warning("epoch.lost key=%s drawn=%lld known=%lld", KEY_EPOCH, reply->integer,
                    (long long)m->known);
        command_start(c, "INCRBY");
        command_add_string(c, KEY_EPOCH);
        command_add_int(c, m->known - reply->integer + 1);
        db_send(m->d->db, c, on_epoch, m);
        return;
    }
    m->told_ms = 0;
    m->d->epoch = (uint32_t)reply->integer;
    delivery_log_head(m->d->log, m->d->name, m->d->epoch, m->left,
                      marker_install(m->d->options.marker));
    log_info("daemon.joined name=%s epoch=%u", m->d->name, m->d->epoch);
    beat_send(m, on_first_beat);
}

/* What is beyond EPOCH_MOST nobody has had: it is damaged. */
static void know(struct member *m, int64_t epoch)
{
    if (epoch > m->known && epoch <= EPOCH_MOST)
        m->known = epoch;
}

static void on_known(void *arg, const redisReply *reply)
{
    know(arg, db_int(db_at(reply, 0), 0));
    know(arg, db_int(db_at(reply, 1), 0));
}

/* Also of those that were buried: one that was only stopped for a while goes on. */
static void on_names(void *arg, const redisReply *reply)
{
    struct member *m = arg;
    struct command *c = &m->d->command;
    const char *name;

    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        marker_know(m->d->options.marker, reply->element[i]->str);
    know(m, m->d->epoch);
    know(m, m->left);
    for (size_t i = 0; (name = marker_daemon(m->d->options.marker, i)) != NULL; i++) {
        command_start(c, "HMGET");
        key_daemon(c, name);
        command_add_string(c, "epoch");
        command_add_string(c, "sends");
        db_send(m->d->db, c, on_known, m);
    }
    command_start(c, "INCR");
    command_add_string(c, KEY_EPOCH);
    db_send(m->d->db, c, on_epoch, m);
}

static void on_left(void *arg, const redisReply *reply)
{
    struct member *m = arg;
    int64_t seen_ms = clock_system_ms() - db_int(db_at(reply, 1), 0);

    if (m->left == 0) /* else we know better: Redis may have forgotten */
        m->left = (uint32_t)db_int(db_at(reply, 0), 0);
    watch_join(m->d->watch, db_at(reply, 2), db_at(reply, 3), db_at(reply, 4));
    if (!m->again && seen_ms >= 0 && seen_ms < 2 * POLL_MS)
        log_warning("daemon.takes_over name=%s seen_ms=%lld reason=\"if one of this name still "
                    "runs, it will stop\"",
                    m->d->name, (long long)seen_ms);
}

static void on_lane_number(void *arg, const redisReply *reply)
{
    struct lane *lane = arg;

    lane->number = (unsigned)db_int(reply, 0);
    if (lane->number == 0)
        log_error("gateway.unnumbered gateway=%s reason=\"255 gateways have had a number already\"",
                  lane->name);
    dispatch_ask_turn(lane->d);
}

void member_number(struct lane *lane)
{
    struct command *c = &lane->d->command;

    command_script(c, SCRIPT_NUMBER, 1);
    command_add_string(c, KEY_GATEWAYS);
    command_add_string(c, lane->name);
    command_add_int(c, 255);
    db_send(lane->d->db, c, on_lane_number, lane);
}

static void drop_status(struct lane *lane)
{
    struct dispatch *d = lane->d;

    command_start(&d->command, "HDEL");
    key_gateway(&d->command, lane->name, "status");
    command_add_string(&d->command, d->name);
    db_send(d->db, &d->command, NULL, NULL);
}

void member_forget(struct lane *lane)
{
    static const struct quota_rate none = {.slots = 0};

    quota_change(lane->rate, &none); /* nothing of it leaves here any more: others may have all */
    drop_status(lane);
}

void member_join(struct member *m, void (*joined)(struct dispatch *d))
{
    struct dispatch *d = m->d;
    struct command *c = &d->command;

    m->joined = joined;
    m->anew = m->joining;
    if (m->joining)
        return;
    m->joining = true;
    m->again = d->epoch != 0;
    if (m->sends) /* an epoch without intents leaves nothing, and what was left before it stays */
        m->left = d->epoch;
    m->sends = false;
    marker_know(d->options.marker, d->name);
    for (size_t i = 0; i < d->lane_count; i++)
        member_number(&d->lanes[i]);
    command_start(c, "HMGET");
    key_daemon(c, d->name);
    command_add_string(c, "sends");
    command_add_string(c, "seen");
    command_add_string(c, "boot");
    command_add_string(c, "offset");
    command_add_string(c, "wall");
    db_send(d->db, c, on_left, m);
    command_start(c, "SMEMBERS");
    command_add_string(c, KEY_DAEMONS);
    db_send(d->db, c, on_names, m);
}

/* ------------------------------------------------------------------- the others */

static void on_buried(void *arg)
{
    struct member *m = arg;
    struct command *c = &m->d->command;

    quotas_return(m->d, m->dying->name);
    owed_anew(m->d->owed);
    command_start(c, "SREM");
    command_add_string(c, KEY_DAEMONS);
    command_add_string(c, m->dying->name);
    db_send(m->d->db, c, NULL, NULL);
    *m->dying = (struct other){.same = 0};
    m->dying = NULL;
}

struct look {
    struct member *m;
    char name[NAME_BYTES];
};

static struct other *other_of(struct member *m, const char *name)
{
    struct other *o = NULL;

    for (size_t i = 0; i < m->other_count; i++) {
        if (strcmp(m->others[i].name, name) == 0)
            return &m->others[i];
        if (m->others[i].name[0] == '\0') /* was buried */
            o = &m->others[i];
    }
    if (o == NULL && m->other_count == OTHERS)
        return NULL;
    if (o == NULL)
        o = &m->others[m->other_count++];
    *o = (struct other){.same = 0};
    snprintf(o->name, NAME_BYTES, "%s", name);
    return o;
}

static void on_look(void *arg, const redisReply *reply)
{
    struct look *look = arg;
    struct member *m = look->m;
    struct other *o = other_of(m, look->name);
    int64_t epoch = db_int(db_at(reply, 0), 0), beat = db_int(db_at(reply, 1), 0);

    free(look);
    if (o == NULL)
        return;
    if (epoch == 0) { /* its key is lost: whoever lives writes it anew */
        epoch = o->epoch;
        beat = o->beat;
    } else if (db_int(db_at(reply, 2), 0) > 0 || o->epoch != epoch) {
        o->sends = (uint32_t)db_int(db_at(reply, 2), 0);
    }
    if (o->epoch == epoch && o->beat == beat) {
        o->same++;
    } else {
        o->epoch = epoch;
        o->beat = beat;
        o->same = 0;
    }
    if (o->same >= POLLS && !dispatch_in_doubt(m->d) && m->dying == NULL &&
        !recovery_busy(m->d->recovery)) {
        log_warning("daemon.dead name=%s epoch=%lld", o->name, (long long)epoch);
        m->dying = o;
        if (o->epoch == 0) /* nothing is known of it that could be taken over but shares of rates */
            on_buried(m);
        else
            recovery_begin(m->d->recovery, o->name, o->sends, on_buried, m);
    }
}

void member_count_anew(struct member *m)
{
    for (size_t i = 0; i < m->other_count; i++)
        m->others[i].same = 0;
}

static void on_daemons(void *arg, const redisReply *reply)
{
    struct member *m = arg;
    int64_t now = clock_mono_ms();

    if (m->polled_ms != 0 && now - m->polled_ms > GAP_MS)
        member_count_anew(m);
    m->polled_ms = now;
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        struct look *look;

        if (strcmp(reply->element[i]->str, m->d->name) == 0 || reply->element[i]->len >= NAME_BYTES)
            continue;
        marker_know(m->d->options.marker, reply->element[i]->str);
        look = xcalloc(1, sizeof *look);
        look->m = m;
        memcpy(look->name, reply->element[i]->str, reply->element[i]->len);
        command_start(&m->d->command, "HMGET");
        key_daemon(&m->d->command, look->name);
        command_add_string(&m->d->command, "epoch");
        command_add_string(&m->d->command, "beat");
        command_add_string(&m->d->command, "sends");
        db_send(m->d->db, &m->d->command, on_look, look);
    }
}

static void on_beat(void *arg, const redisReply *reply)
{
    struct member *m = arg;
    const redisReply *word = db_at(reply, 0);

    if (word != NULL && strcmp(word->str, "REPLACED") == 0) {
        m->d->replaced = true;
        m->d->options.stop(m->d->options.arg,
                           "another daemon of this name has started: give each its own `name`");
        return;
    }
    watch_confirmed(m->d->watch, db_at(reply, 2));
    if (clock_mono_ms() - m->polled_ms < POLL_MS)
        return;
    command_start(&m->d->command, "SMEMBERS");
    command_add_string(&m->d->command, KEY_DAEMONS);
    db_send(m->d->db, &m->d->command, on_daemons, m);
}

void member_beat(struct member *m)
{
    if (m->d->epoch != 0 && db_well(m->d->db))
        beat_send(m, on_beat);
}

void member_publish(struct member *m)
{
    struct dispatch *d = m->d;
    struct buf json = BUF_INIT(4096);

    for (size_t i = 0; i < d->lane_count && db_well(d->db); i++) {
        const struct lane *lane = &d->lanes[i];
        struct gateway_statistics s;

        if (gateway_retired(lane->gateway))
            continue;
        if (lane->config->disabled) { /* of an earlier life, in which it was not, nothing stays */
            drop_status(&d->lanes[i]);
            continue;
        }
        gateway_statistics(lane->gateway, &s);
        buf_clear(&json);
        buf_printf(
            &json,
            "{\"t\":%lld,\"capacity\":%u,\"outstanding\":%u,\"queued\":%zu,\"circuit\":\"%s\",",
            (long long)clock_system_ms(), s.capacity, s.outstanding, lane->queued, s.circuit);
        buf_puts(&json, "\"state\":");
        buf_put_json(&json, s.state, strlen(s.state));
        buf_puts(&json, ",\"trouble\":");
        buf_put_json(&json, s.trouble, strlen(s.trouble));
        buf_printf(&json, ",\"trouble_ms\":%lld", (long long)s.trouble_ms);
        buf_printf(&json, ",\"submitted\":%llu", (unsigned long long)s.submitted);
        for (enum gateway_outcome o = GATEWAY_ACCEPTED; o <= GATEWAY_UNKNOWN; o++)
            buf_printf(&json, ",\"%s\":%llu", gateway_outcome_name(o),
                       (unsigned long long)s.answers[o]);
        buf_printf(&json, ",\"paused\":%s,\"draining\":%s", s.paused ? "true" : "false",
                   s.draining ? "true" : "false");
        buf_printf(&json, ",\"receipts\":%s",
                   lane->config->capabilities & GATEWAY_SENDS_RECEIPTS ? "true" : "false");
        if (limit_holds(&lane->rate->share.limit))
            buf_printf(&json, ",\"rate\":%.1f}", limit_rate(&lane->rate->share.limit));
        else
            buf_puts(&json, ",\"rate\":null}");
        command_start(&d->command, "HSET");
        key_gateway(&d->command, lane->name, "status");
        command_add_string(&d->command, d->name);
        command_add(&d->command, json.data, json.length);
        db_try(d->db, &d->command, NULL, NULL);
    }
    buf_free(&json);
}
