/*
 * outreach recover - the ledgers of a Redis that forgot, filled from the delivery logs
 *
 * All is checked before anything is written: that these are the logs of all daemons,
 * from before the oldest reminder in question to the end; that what Redis holds under a
 * campaign's name is that campaign, with that list. Then ledgers move forwards by
 * compare-and-set, so that it may be interrupted and repeated; and only at the end are the
 * daemons told to go on.
 */
#include "amend.h"
#include "audit.h"
#include "campaigns.h"
#include "cli.h"
#include "clock.h"
#include "copy.h"
#include "fault.h"
#include "gateway_names.h"
#include "human.h"
#include "keys.h"
#include "marker.h"
#include "mem.h"
#include "moves.h"
#include "prose.h"
#include "receipt_index.h"
#include "refusals.h"
#include "replay.h"
#include "subcommands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE 4000 /* records read at once */
#define AT_ONCE 256
#define UNDER_WAY 64
#define TELL_MS 200
#define REPAIRS 5

struct recover_options {
    const char *from, *without, *leave;
    bool adopt;
};

static const struct option_row recover_options[] = {
    {"from", 0, OPTION_STRING, OPTION_AT(struct recover_options, from), "FILE",
     .help = N_("a delivery log; more may follow as arguments, in any order")},
    {"without", 0, OPTION_STRING, OPTION_AT(struct recover_options, without), "NAME,...",
     .help = N_("daemons whose log is lost for good: whom they told is not known")},
    {"leave", 0, OPTION_STRING, OPTION_AT(struct recover_options, leave), "ID,...",
     .help = N_("campaigns that are not to go on")},
    {"adopt", 0, OPTION_FLAG, OPTION_AT(struct recover_options, adopt), NULL,
     .help =
         N_("replay nothing: what Redis holds is right, be it empty or another installation's")},
    {0},
};

struct recovery {
    struct cli *cli;
    const struct recover_options *options;
    struct marker *marker;
    struct replay *replay;
    struct command command;
    unsigned numbers[256]; /* in the registry, of the logs' gateways */
    int64_t told_ms;
    json_t *reminders;
    int64_t refusals; /* put back */
    /* of the reminder under way */
    const struct replay_reminder *reminder;
    uint32_t ref;
    unsigned version; /* that it was begun with */
    int64_t base_s, moved, uncertain, told, waiting;
    int64_t differing;
    struct moves moves;
    struct receipt_index_id ids[AT_ONCE];
    size_t id_count;
    unsigned id_gateway;
};

static bool is_listed(const char *list, const char *name)
{
    size_t n = strlen(name);

    for (const char *p = list; p != NULL && *p != '\0'; p += strcspn(p, ","), p += *p == ',')
        if (strcspn(p, ",") == n && strncmp(p, name, n) == 0)
            return true;
    return false;
}

static void progress(struct recovery *r, const char *what, int64_t done, int64_t total)
{
    int64_t now = clock_mono_ms();

    if (!isatty(STDERR_FILENO) || r->cli->json || (now - r->told_ms < TELL_MS && done < total))
        return;
    r->told_ms = now;
    fprintf(stderr, "\r%s %3d %%\033[K%s", what, total > 0 ? (int)(done * 100 / total) : 100,
            done >= total ? "\n" : "");
    fflush(stderr);
}

/* ------------------------------------------------------------------------ the marker */

static int ask_marker(struct recovery *r, enum marker_op op, enum marker_verdict *verdict)
{
    struct error err;
    redisReply *reply;

    marker_command(r->marker, op, &r->command);
    if (db_ask(r->cli->db, &r->command, &reply, &err) != 0)
        return cli_error(r->cli, EX_UNAVAILABLE, &err);
    *verdict = marker_answer(r->marker, op, reply);
    freeReplyObject(reply);
    return 0;
}

/* Marks of residents in danger stand in no log. Those that are there are noted anew. */
static int note_marks(struct recovery *r, struct error *err)
{
    struct command *c = &r->command;
    redisReply *reply;
    int64_t count;

    command_start(c, "HLEN");
    command_add_string(c, KEY_SAFE);
    if (db_ask(r->cli->db, c, &reply, err) != 0)
        return -1;
    count = db_int(reply, 0);
    freeReplyObject(reply);
    if (count == 0)
        return 0;
    command_start(c, "SADD");
    command_add_string(c, KEY_OPTOUT);
    command_add_string(c, OPTOUT_MARKS);
    return db_ask(r->cli->db, c, NULL, err);
}

static int finish(struct recovery *r, const char *how)
{
    struct command *c = &r->command;
    enum marker_verdict verdict;
    struct error err;
    int rc;

    command_start(c, "SADD"); /* before the marker says that it is there */
    command_add_string(c, KEY_OPTOUT);
    command_add_string(c, OPTOUT_SEAL);
    if (db_ask(r->cli->db, c, NULL, &err) != 0 || note_marks(r, &err) != 0)
        return cli_error(r->cli, EX_UNAVAILABLE, &err);
    rc = ask_marker(r, MARKER_TRUST, &verdict);
    if (rc != 0)
        return rc;
    audit_command(c, how, "by", r->cli->by, NULL);
    if (db_ask(r->cli->db, c, NULL, &err) != 0)
        return cli_error(r->cli, EX_UNAVAILABLE, &err);
    return 0;
}

static int adopt(struct recovery *r)
{
    int rc;

    marker_adopt(r->marker);
    rc = finish(r, "adopt");
    if (rc != 0)
        return rc;
    if (r->cli->json)
        cli_json(json_pack("{s:b}", "adopted", true));
    else
        puts(T("what this Redis holds is taken for right; the daemons go on within seconds"));
    return 0;
}

/* ------------------------------------------------------------------------ the logs */

static int read_logs(struct recovery *r, char **operands, int count)
{
    struct error err;
    int64_t done, total;
    int rc;

    if (replay_add(r->replay, r->options->from, 0, &err) != 0)
        return cli_error(r->cli, EX_NOINPUT, &err);
    for (int i = 0; i < count; i++)
        if (replay_add(r->replay, operands[i], 0, &err) != 0)
            return cli_error(r->cli, EX_NOINPUT, &err);
    while ((rc = replay_read(r->replay, &done, &total, &err)) == 1 && cli_interrupted() == 0)
        progress(r, T("reading the logs"), done, total);
    if (rc < 0)
        return cli_error(r->cli, EX_DATAERR, &err);
    if (cli_interrupted() != 0)
        return cli_interrupted();
    progress(r, T("reading the logs"), 1, 1);
    return 0;
}

static bool has_log(const struct recovery *r, const char *daemon)
{
    const struct replay_daemon *d;

    for (size_t i = 0; (d = replay_daemon_at(r->replay, i)) != NULL; i++)
        if (strcmp(d->name, daemon) == 0)
            return true;
    return is_listed(r->options->without, daemon);
}

/* Of every daemon that this host or Redis knows. */
static int check_daemons(struct recovery *r)
{
    struct command *c = &r->command;
    struct buf missing = BUF_INIT(1u << 20);
    redisReply *names;
    struct error err;
    int rc = 0;

    command_start(c, "SMEMBERS");
    command_add_string(c, KEY_DAEMONS);
    if (db_ask(r->cli->db, c, &names, &err) != 0)
        return cli_error(r->cli, EX_UNAVAILABLE, &err);
    for (size_t i = 0; i < names->elements; i++)
        marker_know(r->marker, names->element[i]->str);
    freeReplyObject(names);
    for (size_t i = 0; marker_daemon(r->marker, i) != NULL; i++)
        if (!has_log(r, marker_daemon(r->marker, i)))
            buf_printf(&missing, "%s%s", missing.length > 0 ? ", " : "",
                       marker_daemon(r->marker, i));
    if (replay_daemon_at(r->replay, 0) == NULL)
        rc = cli_fail(r->cli, EX_DATAERR,
                      T("no line of these files says which daemon wrote it: they are no delivery "
                        "logs, or of a version that did not keep them for this"));
    else if (missing.length > 0)
        rc = cli_fail(
            r->cli, EX_NOINPUT,
            T("the log of %s is missing: whom it told would be told again. Give it too; if it "
              "is lost for good, --without %s"),
            buf_string(&missing), buf_string(&missing));
    else if (marker_install(r->marker)[0] != '\0' && replay_install(r->replay)[0] != '\0' &&
             strcmp(marker_install(r->marker), replay_install(r->replay)) != 0)
        rc = cli_fail(r->cli, EX_DATAERR, T("these logs are of another installation"));
    buf_free(&missing);
    return rc;
}

/* A log that begins in the middle of a reminder does not know whom it told before. */
static const struct replay_daemon *begins_late(const struct recovery *r,
                                               const struct replay_reminder *one)
{
    const struct replay_daemon *d;

    for (size_t i = 0; (d = replay_daemon_at(r->replay, i)) != NULL; i++)
        if (d->before != 0 && d->first_ms > one->begun_ms)
            return d;
    return NULL;
}

static const char *string_of(const redisReply *reply)
{
    return reply != NULL && reply->type == REDIS_REPLY_STRING ? reply->str : "";
}

/* Which version of the campaign that stands was the one that the reminder was begun with: its
 * body is the same, and the list. 0: none; -1 with an error: Redis does not answer. */
static int version_of(struct recovery *r, const struct replay_reminder *one, bool *there,
                      struct error *err)
{
    struct command *c = &r->command;
    redisReply *reply, *hashes;
    int version = 0;

    command_start(c, "HMGET");
    key_campaign(c, one->campaign);
    command_add_string(c, "version");
    command_add_string(c, "hash");
    command_add_string(c, "digest");
    if (db_ask(r->cli->db, c, &reply, err) != 0)
        return -1;
    *there = db_at(reply, 1) != NULL && db_at(reply, 1)->type == REDIS_REPLY_STRING;
    if (!*there || strcmp(string_of(db_at(reply, 2)), one->list) != 0) {
        freeReplyObject(reply);
        return 0;
    }
    if (strcmp(string_of(db_at(reply, 1)), one->body) == 0)
        version = (int)db_int(db_at(reply, 0), 1);
    freeReplyObject(reply);
    if (version > 0 || one->body[0] == '\0')
        return version;
    command_start(c, "HMGET"); /* an older one, amended since */
    key_versions(c, one->campaign);
    for (int v = 1; v <= AMEND_VERSIONS; v++)
        command_add_format(c, "hash:%d", v);
    if (db_ask(r->cli->db, c, &hashes, err) != 0)
        return -1;
    for (int v = AMEND_VERSIONS; v > 0 && version == 0; v--)
        if (strcmp(string_of(db_at(hashes, (size_t)v - 1)), one->body) == 0)
            version = v;
    freeReplyObject(hashes);
    return version;
}

/* Whether a reminder is to be filled: 1 yes, 0 no, else an exit code that was told. */
static int check_reminder(struct recovery *r, const struct replay_reminder *one)
{
    const struct replay_daemon *late = begins_late(r, one);
    struct error err;
    bool there;
    int version;

    if (is_listed(r->options->leave, one->campaign))
        return 0;
    version = version_of(r, one, &there, &err);
    if (version < 0)
        return cli_error(r->cli, EX_UNAVAILABLE, &err);
    if (!there && one->opened && one->expires_ms <= clock_wall_ms())
        return 0; /* over: nobody will miss it, or send it */
    if (!there)
        return cli_fail(r->cli, EX_DATAERR,
                        T("Redis does not hold the campaign %s any more. Queue it again from the "
                          "same file (nothing is sent before this recovery is done), then repeat "
                          "this; or --leave %s"),
                        one->campaign, one->campaign);
    if (!one->opened || one->torn || late != NULL)
        return cli_fail(r->cli, EX_DATAERR,
                        T("these logs do not go back to where %s/%s was begun%s%s: give those that "
                          "were rotated away too"),
                        one->campaign, one->reminder, late != NULL ? ", " : "",
                        late != NULL ? late->name : "");
    if (version == 0)
        return cli_fail(
            r->cli, EX_DATAERR,
            T("what Redis holds under %s is not what was sent (another text, or another "
              "list): queue it from the same file, under this id, and amend it as it was; or "
              "--leave %s"),
            one->campaign, one->campaign);
    return 1;
}

/* ------------------------------------------------------------------------ the records */

static int number_for(struct recovery *r, const char *registry, const char *name, int64_t most,
                      uint32_t *number)
{
    struct error err;
    redisReply *reply;

    command_script(&r->command, SCRIPT_NUMBER, 1);
    command_add_string(&r->command, registry);
    command_add_string(&r->command, name);
    command_add_int(&r->command, most);
    if (db_ask(r->cli->db, &r->command, &reply, &err) != 0)
        return cli_error(r->cli, EX_UNAVAILABLE, &err);
    *number = (uint32_t)db_int(reply, 0);
    freeReplyObject(reply);
    return 0;
}

static int number_gateways(struct recovery *r)
{
    int rc = 0;

    for (unsigned i = 1; replay_gateway(r->replay, i) != NULL && rc == 0; i++) {
        uint32_t number = 0;

        rc = number_for(r, KEY_GATEWAYS, replay_gateway(r->replay, i), 255, &number);
        r->numbers[i] = number;
    }
    return rc;
}

static void send_ids(struct recovery *r)
{
    const char *gateway = replay_gateway(r->replay, r->id_gateway);

    if (r->id_count == 0)
        return;
    receipt_index_command(&r->command, gateway, gateway_receipt_wait_ms(r->cli, gateway), r->ids,
                          r->id_count, clock_wall_ms());
    db_send(r->cli->db, &r->command, NULL, NULL);
    r->id_count = 0;
}

/* A receipt that is still to come finds its notice by the gateway's id: before the record
 * says that it was accepted. */
static void put_id(struct recovery *r, uint32_t n, const struct replay_notice *notice)
{
    if (r->id_count == AT_ONCE || (r->id_count > 0 && r->id_gateway != notice->gateway))
        send_ids(r);
    r->id_gateway = notice->gateway;
    r->ids[r->id_count++] = (struct receipt_index_id){
        .bytes = notice->id,
        .length = strlen(notice->id),
        .entry = {.ref = r->ref, .n = n, .fence = notice->fence, .part = 0, .parts = 1},
    };
}

static void on_moved(void *arg, const redisReply *reply)
{
    struct recovery *r = arg;
    int64_t seq = 0;

    FAULT_POINT("recover");
    if (reply->type != REDIS_REPLY_ARRAY || moves_verdict(reply, &seq) != MOVES_DONE)
        r->differing++;
    else
        r->differing += ((int64_t)reply->elements - 2) / 2;
}

static void send_moves(struct recovery *r)
{
    struct moves_target target = {.campaign = r->reminder->campaign,
                                  .reminder = r->reminder->reminder,
                                  .now_ms = clock_wall_ms()};

    send_ids(r);
    if (r->moves.count == 0)
        return;
    moves_command(&r->moves, &target, &r->command);
    db_send(r->cli->db, &r->command, on_moved, r);
    r->moves.count = 0;
}

static void move_record(struct recovery *r, uint32_t n, const unsigned char *bytes)
{
    const struct replay_reminder *one = r->reminder;
    const struct replay_notice *notice = replay_notice_at(one, n);
    struct record now, wanted;
    struct move *m;
    int64_t retry;

    record_unpack(bytes, &now);
    if (now.version == 0) /* what is told of it is that of the version it was begun with */
        now.version = r->version;
    if (!replay_wants(notice, &now, r->base_s, notice != NULL ? r->numbers[notice->gateway] : 0,
                      clock_wall_ms(), r->cli->settings->dispatch.doubt_wait_ms, &wanted, &retry))
        return;
    if (wanted.ids > 0 && notice != NULL && notice->gateway > 0)
        put_id(r, n, notice);
    r->moved++;
    r->uncertain += wanted.state == NOTICE_UNCERTAIN;
    r->told += wanted.state == NOTICE_ACCEPTED || wanted.state == NOTICE_DELIVERED;
    m = moves_add(&r->moves);
    m->n = n;
    m->retry = retry;
    memcpy(m->believed, bytes, LEDGER_RECORD_BYTES);
    record_pack(&wanted, m->wanted);
    if (r->moves.count == AT_ONCE)
        send_moves(r);
}

static int move_all(struct recovery *r, uint32_t last)
{
    struct command *c = &r->command;
    struct error err;

    for (uint32_t from = 1; from <= last; from += PIECE) {
        redisReply *reply;
        size_t count;

        if (cli_interrupted() != 0)
            return cli_interrupted();
        command_start(c, "GETRANGE");
        key_ledger(c, r->reminder->campaign, r->reminder->reminder);
        command_add_int(c, (int64_t)from * LEDGER_RECORD_BYTES);
        command_add_int(c, ((int64_t)from + PIECE) * LEDGER_RECORD_BYTES - 1);
        if (db_ask(r->cli->db, c, &reply, &err) != 0)
            return cli_error(r->cli, EX_UNAVAILABLE, &err);
        count = reply->len / LEDGER_RECORD_BYTES;
        for (size_t i = 0; i < count; i++)
            move_record(r, from + (uint32_t)i,
                        (const unsigned char *)reply->str + i * LEDGER_RECORD_BYTES);
        freeReplyObject(reply);
        send_moves(r);
        if (db_drain(r->cli->db, UNDER_WAY, &err) != 0)
            return cli_error(r->cli, EX_UNAVAILABLE, &err);
        FAULT_POINT("recover");
        progress(r, r->reminder->campaign, from + PIECE < last ? from : last, last);
    }
    if (db_drain(r->cli->db, 0, &err) != 0)
        return cli_error(r->cli, EX_UNAVAILABLE, &err);
    FAULT_POINT("recover");
    if (r->differing > 0)
        return cli_fail(r->cli, EX_TEMPFAIL,
                        T("%s/%s changed while it was being recovered: repeat this"),
                        r->reminder->campaign, r->reminder->reminder);
    return 0;
}

/* Its ledger comes to be where there is none. *last 0: there is nothing to fill. */
static int restore(struct recovery *r, uint32_t *last)
{
    struct command *c = &r->command;
    struct ledger_header header = {.generation = 1, .base_s = r->reminder->begun_ms / 1000};
    unsigned char bytes[LEDGER_RECORD_BYTES];
    const redisReply *stands;
    redisReply *reply;
    struct error err;

    ledger_header_pack(&header, bytes);
    command_script(c, SCRIPT_RESTORE, 2);
    key_reminder(c, r->reminder->campaign, r->reminder->reminder);
    key_ledger(c, r->reminder->campaign, r->reminder->reminder);
    command_add(c, bytes, sizeof bytes);
    command_add_int(c, clock_wall_ms());
    if (db_ask(r->cli->db, c, &reply, &err) != 0)
        return cli_error(r->cli, EX_UNAVAILABLE, &err);
    stands = db_at(reply, 2);
    *last = 0;
    if (stands != NULL && stands->len == LEDGER_RECORD_BYTES &&
        ledger_header_unpack((const unsigned char *)stands->str, &header) == 0) {
        *last = (uint32_t)db_int(db_at(reply, 1), 0);
        r->base_s = header.base_s;
    }
    freeReplyObject(reply);
    if (*last == 0)
        return 0;
    command_start(c, "DEL"); /* who held them has forgotten: what is left over becomes ranges */
    key_leases(c, r->reminder->campaign, r->reminder->reminder);
    if (db_ask(r->cli->db, c, NULL, &err) != 0)
        return cli_error(r->cli, EX_UNAVAILABLE, &err);
    return 0;
}

static int repair(struct recovery *r)
{
    const struct replay_reminder *one = r->reminder;
    struct copy_repairs done;
    struct copy copy;
    struct error err;
    int rc = 1;

    for (int i = 0; i < REPAIRS && rc == 1; i++) {
        if (copy_reminder(r->cli, one->campaign, one->reminder, &copy, &err) != 0)
            return cli_error(r->cli, EX_UNAVAILABLE, &err);
        rc = copy_repair(r->cli, &copy, &done, &err);
        r->waiting = copy.counters.counts[NOTICE_UNTOUCHED] + copy.counters.counts[NOTICE_PARKED];
        copy_free(&copy);
    }
    return rc == 0  ? 0
           : rc > 0 ? cli_fail(r->cli, EX_TEMPFAIL, T("try again"))
                    : cli_error(r->cli, EX_UNAVAILABLE, &err);
}

/* The cancel itself was lost with Redis; that somebody was left out by it was not. A reminder that
 * an amendment ended is no campaign that was cancelled. */
static int cancel(struct recovery *r)
{
    redisReply *reply;
    int64_t sending;
    struct error err;
    bool ended;

    command_start(&r->command, "HGET");
    key_reminder(&r->command, r->reminder->campaign, r->reminder->reminder);
    command_add_string(&r->command, "cancelled");
    if (db_ask(r->cli->db, &r->command, &reply, &err) != 0)
        return cli_error(r->cli, EX_UNAVAILABLE, &err);
    ended = db_int(reply, 0) != 0;
    freeReplyObject(reply);
    if (ended)
        return 0;
    if (campaign_flag(r->cli->db, r->reminder->campaign, "cancel", r->cli->by, &sending, &err) != 0)
        return cli_error(r->cli, EX_UNAVAILABLE, &err);
    return 0;
}

/* ------------------------------------------------------------------------ reminders */

static int recover_reminder(struct recovery *r, const struct replay_reminder *one)
{
    char key[sizeof one->campaign + sizeof one->reminder];
    struct error err;
    uint32_t last = 0;
    bool there;
    int rc = version_of(r, one, &there, &err);

    if (rc < 0)
        return cli_error(r->cli, EX_UNAVAILABLE, &err);
    r->version = (unsigned)rc;
    r->reminder = one;
    r->moved = r->uncertain = r->told = r->waiting = r->differing = 0;
    snprintf(key, sizeof key, "%s/%s", one->campaign, one->reminder);
    rc = restore(r, &last);
    if (rc != 0 || last == 0)
        return rc;
    FAULT_POINT("recover");
    rc = number_for(r, KEY_REFS, key, UINT32_MAX, &r->ref);
    if (rc == 0)
        rc = move_all(r, last);
    if (rc == 0)
        rc = repair(r);
    FAULT_POINT("recover");
    if (rc == 0 && one->cancelled)
        rc = cancel(r);
    if (rc != 0)
        return rc;
    json_array_append_new(
        r->reminders, json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:b}", "campaign", one->campaign,
                                "reminder", one->reminder, "moved", (json_int_t)r->moved, "told",
                                (json_int_t)r->told, "uncertain", (json_int_t)r->uncertain,
                                "waiting", (json_int_t)r->waiting, "cancelled", one->cancelled));
    if (!r->cli->json)
        printf(T("%s: %" PRId64 " records filled in: %" PRId64 " had been told, %" PRId64
                 " are in doubt; %" PRId64 " wait\n"),
               key, r->moved, r->told, r->uncertain, r->waiting);
    return 0;
}

/* Epochs that were used are used up: fences by them are in the logs. */
static int raise_epoch(struct recovery *r)
{
    struct command *c = &r->command;
    redisReply *reply;
    struct error err;
    int64_t epoch;

    command_start(c, "GET");
    command_add_string(c, KEY_EPOCH);
    if (db_ask(r->cli->db, c, &reply, &err) != 0)
        return cli_error(r->cli, EX_UNAVAILABLE, &err);
    epoch = db_int(reply, 0);
    freeReplyObject(reply);
    if (epoch >= (int64_t)replay_epoch(r->replay))
        return 0;
    command_start(c, "INCRBY");
    command_add_string(c, KEY_EPOCH);
    command_add_int(c, (int64_t)replay_epoch(r->replay) - epoch);
    if (db_ask(r->cli->db, c, NULL, &err) != 0)
        return cli_error(r->cli, EX_UNAVAILABLE, &err);
    return 0;
}

static int recover_all(struct recovery *r)
{
    size_t count = replay_reminders(r->replay);
    bool *wanted = xcalloc(count + 1, sizeof *wanted);
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++) {
        int answer = check_reminder(r, replay_reminder_at(r->replay, i));

        wanted[i] = answer == 1;
        rc = answer == 1 ? 0 : answer;
    }
    if (rc == 0)
        rc = number_gateways(r);
    for (size_t i = 0; i < count && rc == 0; i++)
        if (wanted[i])
            rc = recover_reminder(r, replay_reminder_at(r->replay, i));
    for (size_t i = 0; i < count && rc == 0; i++)
        if (wanted[i] && (i == 0 || strcmp(replay_reminder_at(r->replay, i)->campaign,
                                           replay_reminder_at(r->replay, i - 1)->campaign) != 0))
            rc = refusals_from_log(r->cli, r->replay, replay_reminder_at(r->replay, i)->campaign,
                                   &r->refusals);
    free(wanted);
    return rc != 0 ? rc : raise_epoch(r);
}

static int recover_refusals(struct recovery *r)
{
    struct error err;
    redisReply *ids;
    int rc;

    command_start(&r->command, "SMEMBERS");
    command_add_string(&r->command, KEY_CAMPAIGNS);
    if (db_ask(r->cli->db, &r->command, &ids, &err) != 0)
        return cli_error(r->cli, EX_UNAVAILABLE, &err);
    rc = refusals_from_replies(r->cli, &r->refusals);
    for (size_t i = 0; i < ids->elements && rc == 0; i++)
        rc = refusals_from_log(r->cli, r->replay, ids->element[i]->str, &r->refusals);
    freeReplyObject(ids);
    return rc;
}

static int tell_done(struct recovery *r, enum marker_verdict verdict)
{
    if (r->cli->json) {
        cli_json(json_pack("{s:b,s:I,s:I,s:O}", "recovered", true, "unreadable",
                           (json_int_t)replay_unreadable(r->replay), "refusals",
                           (json_int_t)r->refusals, "reminders", r->reminders));
        return 0;
    }
    if (replay_unreadable(r->replay) > 0)
        printf(T("%" PRId64 " lines could not be read and were passed over\n"),
               replay_unreadable(r->replay));
    if (verdict == MARKER_REFUSALS)
        prose_print(
            r->cli->width,
            T("done: %" PRId64 " refusals were put back, and the daemons go on within seconds. "
              "No log knows\nthose that were entered by hand: enter them again (outreach optout "
              "add). Who took a refusal\nback meanwhile counts as refusing again (outreach "
              "optout remove)\n"),
            r->refusals);
    else
        prose_print(
            r->cli->width,
            T("done: the daemons go on within seconds. What only the lost Redis knew is gone: "
              "refusals "
              "and pauses\nsince its copy was made (outreach optout list, outreach pause), and how "
              "much "
              "each person was sent lately\n"));
    return 0;
}

static int recover_from(struct recovery *r, char **operands, int count)
{
    enum marker_verdict verdict = MARKER_UNKNOWN;
    int rc = ask_marker(r, MARKER_LOOK, &verdict);

    if (rc != 0)
        return rc;
    if (verdict == MARKER_FOREIGN)
        return cli_fail(
            r->cli, EX_DATAERR,
            T("this Redis belongs to another installation than %s: correct redis.url or "
              "state_dir, or --adopt it"),
            r->cli->settings->state_dir);
    if (verdict == MARKER_GOOD) {
        if (r->cli->json)
            cli_json(json_pack("{s:b}", "recovered", false));
        else
            puts(T("Redis is what it was: there is nothing to recover"));
        return 0;
    }
    if (r->options->from == NULL)
        return cli_fail(r->cli, EX_USAGE,
                        T("--from is missing: the delivery logs of all daemons (of this one: %s)"),
                        r->cli->settings->log.delivery);
    rc = ask_marker(r, MARKER_BEAT, &verdict); /* from now on everybody stands still */
    if (rc == 0)
        rc = read_logs(r, operands, count);
    if (rc == 0)
        rc = check_daemons(r);
    if (rc == 0)
        rc = verdict == MARKER_REFUSALS ? recover_refusals(r) : recover_all(r);
    FAULT_POINT("recover");
    if (rc == 0)
        rc = finish(r, "recover");
    return rc == 0 ? tell_done(r, verdict) : rc;
}

static int recover(struct cli *cli, const void *options, char **operands, int count)
{
    struct recovery *r;
    struct error err;
    int rc = cli_connect(cli);

    if (rc != 0)
        return rc;
    r = xcalloc(1, sizeof *r);
    r->cli = cli;
    r->options = options;
    r->command = COMMAND_INIT;
    r->reminders = json_array();
    r->replay = replay_create();
    r->marker = marker_open(cli->settings->state_dir, &err);
    cli_catch_signals();
    if (r->marker == NULL)
        rc = cli_error(cli, EX_NOINPUT, &err);
    else if (r->options->adopt)
        rc = adopt(r);
    else
        rc = recover_from(r, operands, count);
    marker_close(r->marker);
    replay_free(r->replay);
    json_decref(r->reminders);
    command_free(&r->command);
    free(r);
    return rc;
}

const struct subcommand cmd_recover = {
    .name = "recover",
    .operands = "[FILE]...",
    .summary = N_("Redis came back empty or older: fill the ledgers from the delivery logs"),
    .more =
        N_("    outreach recover --from d1/delivery.jsonl d1/delivery.jsonl.1 d2.jsonl\n\n"
           "Needs the logs of all daemons, with what was rotated away since the oldest reminder\n"
           "that is not over was begun. Campaigns that Redis lost altogether must be queued again\n"
           "first, each from the same file: until the recovery is done nothing is sent. All is\n"
           "checked before anything is written; it may be interrupted and repeated."),
    .least = 0,
    .most = -1,
    .options = recover_options,
    .options_bytes = sizeof(struct recover_options),
    .run = recover,
};
