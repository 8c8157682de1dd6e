#include "inside.h"

#include "approval.h"
#include "audience.h"
#include "audit.h"
#include "clock.h"
#include "error.h"
#include "fault.h"
#include "health.h"
#include "keys.h"
#include "language.h"
#include "log.h"
#include "speechless.h"
#include "tree.h"
#include "upload.h"
#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What people ask for: the stream outreach:events, read in order by one daemon at
 * a time. An event is applied to the end before the reader's position moves, and
 * what it does is done once however often it is applied: the next reader may begin
 * with the last one again. What cannot be taken goes to outreach:events:rejected
 * with the reason; nothing is dropped.
 */
#define READER_LEASE_MS 15000
#define EVENTS_AT_ONCE 16
#define SCHEDULE_PAGE 1000
#define REMARKS_MOST 100
#define TELL_AGAIN_MS 60000
#define BODY_MOST (1u << 20)   /* of an event: a larger audience is loaded first */
#define BODY_KEPT (64u * 1024) /* of one that is rejected */

struct events {
    struct dispatch *d;
    int64_t lease_until_ms; /* monotonic: this daemon reads the events until then */
    bool asking;            /* for the reader's lease, or for events */
    bool applying;          /* an event */
    struct event_copy *first, **last;
    char position[48];
    /* of the event being applied */
    char id[48], by[65], op[16], campaign_id[CAMPAIGN_ID_BYTES];
    struct campaign *campaign;
    struct upload *upload;
    struct buf document;
    char hash[65], token[33];
    int64_t rows, queued_ms;
    char *approval; /* why it awaits a second person's, or NULL */
    char *reckoned; /* where the cost is why: the sum and the bound; or NULL */
    unsigned remarks;
    bool scheduling;
    bool rebuilding, rebuild_again; /* again: one was asked for meanwhile */
    int64_t told_ms;                /* monotonic: when a damaged key was told of */
    size_t schedule_from;           /* where the next look at the schedule begins */
};

/* An event as it was read: the reply it came in is gone when it is applied. */
struct event_copy {
    struct event_copy *next;
    char id[48];
    char *op, *campaign, *body, *by, *rows, *token;
    char *cost;        /* of queue: as its sender has reckoned it */
    char *hash, *list; /* of approve: of what is agreed to; with list its rows */
};

const char *const events_no_room =
    /* xgettext:no-c-format */
    N_("Redis' memory is nearly full (80 % of maxmemory): ask for it again when there is room");

static void apply_next(struct events *e);

/* Of keys that are no campaign's: without them nothing can be done but to say so. */
static void tell_damaged(struct events *e, const char *key, const redisReply *reply)
{
    int64_t now = clock_mono_ms();

    if (!db_is_error(reply, NULL) || (e->told_ms != 0 && now - e->told_ms < TELL_AGAIN_MS))
        return;
    e->told_ms = now;
    log_error("queue.damaged key=%s reply=%s", key, log_quote(reply->str));
}

struct events *events_create(struct dispatch *d)
{
    struct events *e = xcalloc(1, sizeof *e);

    e->d = d;
    e->last = &e->first;
    e->document = BUF_INIT(COMMAND_MAX_BYTES / 2);
    return e;
}

static void event_copy_free(struct event_copy *c)
{
    free(c->op);
    free(c->campaign);
    free(c->body);
    free(c->by);
    free(c->rows);
    free(c->token);
    free(c->cost);
    free(c->hash);
    free(c->list);
    free(c);
}

static void forget_event(struct events *e)
{
    campaign_free(e->campaign);
    e->campaign = NULL;
    upload_free(e->upload);
    e->upload = NULL;
    free(e->approval);
    free(e->reckoned);
    e->approval = NULL;
    e->reckoned = NULL;
    buf_clear(&e->document);
}

void events_free(struct events *e)
{
    struct event_copy *next;

    if (e == NULL)
        return;
    for (struct event_copy *c = e->first; c != NULL; c = next) {
        next = c->next;
        event_copy_free(c);
    }
    forget_event(e);
    buf_free(&e->document);
    free(e);
}

/* ------------------------------------------------------------ the event's end */

static void on_position(void *arg, const redisReply *reply)
{
    struct events *e = arg;

    (void)reply;
    e->applying = false;
    apply_next(e);
}

static void event_done(struct events *e)
{
    struct event_copy *c = e->first;
    struct command *cmd = &e->d->command;

    forget_event(e);
    snprintf(e->position, sizeof e->position, "%s", c->id);
    e->first = c->next;
    if (e->first == NULL)
        e->last = &e->first;
    event_copy_free(c);
    command_script(cmd, SCRIPT_READER, 1);
    command_add_string(cmd, KEY_READER);
    command_add_string(cmd, e->d->name);
    command_add_int(cmd, clock_wall_ms());
    command_add_int(cmd, READER_LEASE_MS);
    command_add_string(cmd, e->position);
    db_send(e->d->db, cmd, on_position, e);
}

static void put_rejected(struct events *e, const char *reason, int64_t row, const char *body)
{
    struct command *c = &e->d->command;

    command_script(c, SCRIPT_NOTE, 1); /* before the position moves, also where Redis is full */
    command_add_string(c, KEY_REJECTED);
    command_add_string(c, "event");
    command_add_string(c, e->id);
    command_add_string(c, "op");
    command_add_string(c, e->op);
    command_add_string(c, "campaign");
    command_add_string(c, e->campaign_id);
    command_add_string(c, "by");
    command_add_string(c, e->by);
    command_add_string(c, "reason");
    command_add_string(c, reason);
    if (row > 0) {
        command_add_string(c, "row");
        command_add_int(c, row);
    }
    if (body != NULL) {
        command_add_string(c, "body");
        command_add(c, body, strlen(body) < BODY_KEPT ? strlen(body) : BODY_KEPT);
    }
    db_send(e->d->db, c, NULL, NULL);
}

static void reject(struct events *e, const char *reason)
{
    log_warning("event.rejected id=%s op=%s campaign=%s reason=%s", e->id, log_quote(e->op),
                log_quote(e->campaign_id), log_quote(reason));
    put_rejected(e, reason, 0, e->first->body);
    event_done(e);
}

/* ------------------------------------------------------------------- op: queue */

static void put_schedule(struct events *e, const char *key, int64_t due_ms)
{
    struct command *c = &e->d->command;

    command_start(c, "ZADD");
    command_add_string(c, KEY_SCHEDULE);
    command_add_int(c, due_ms);
    command_add_string(c, key);
    db_send(e->d->db, c, NULL, NULL);
}

static void put_campaign(struct events *e, const char *id)
{
    struct command *c = &e->d->command;

    command_start(c, "SADD");
    command_add_string(c, KEY_CAMPAIGNS);
    command_add_string(c, id);
    db_send(e->d->db, c, NULL, NULL);
}

/* What goes of a campaign that is queued, or agreed to, at that time. */
static void schedule_campaign(struct events *e, int64_t now_ms)
{
    int64_t due_ms[CAMPAIGN_MAX_REMINDERS];
    bool skipped[CAMPAIGN_MAX_REMINDERS];
    char key[CAMPAIGN_ID_BYTES + NAME_BYTES];

    campaign_plan(e->campaign, now_ms, due_ms, skipped);
    for (size_t r = 0; r < e->campaign->reminder_count; r++) {
        if (skipped[r])
            continue;
        snprintf(key, sizeof key, "%s/%s", e->campaign->id, e->campaign->reminders[r].name);
        put_schedule(e, key, due_ms[r]);
    }
}

/* Of two campaigns with the same the later one has it. */
static void put_extension(struct events *e)
{
    struct command *c = &e->d->command;

    if (e->campaign->extension == NULL)
        return;
    command_start(c, "HSET");
    command_add_string(c, KEY_EXTENSIONS);
    command_add_string(c, e->campaign->extension);
    command_add_string(c, e->campaign->id);
    db_send(e->d->db, c, NULL, NULL);
}

/* The campaign stands; the indexes follow, and are rebuilt from it if we die here. */
static void on_queued(void *arg, const redisReply *reply)
{
    struct events *e = arg;
    const redisReply *word = db_at(reply, 0);
    struct command *c = &e->d->command;
    bool queued, awaits;

    FAULT_POINT("W2-event");
    if (db_is_error(reply, "OOM")) { /* what waits behind it may be a cancel */
        reject(e, events_no_room);
        return;
    }
    if (word == NULL || strcmp(word->str, "ROWS") == 0) {
        reject(e, "its audience is not complete: queue it again");
        return;
    }
    if (strcmp(word->str, "OTHER") == 0) {
        reject(e,
               "a campaign of this id is queued with another body: change it with amend (outreach "
               "amend CAMPAIGN.conf), or give this one another id");
        return;
    }
    put_campaign(e, e->campaign->id);
    put_extension(e);
    queued = strcmp(word->str, "OK") == 0;
    awaits = queued && e->approval != NULL;
    if (queued && !awaits)
        schedule_campaign(e, e->queued_ms);
    /* Again by this very event: a daemon died between the two, see audit.h. */
    if (queued || db_at(reply, 1) != NULL) {
        char rows[24];

        snprintf(rows, sizeof rows, "%lld", (long long)e->rows);
        audit_command(c, "queue", "campaign", e->campaign->id, "by", e->by, "rows", rows, "event",
                      e->id, "awaits", e->approval, NULL);
        db_send(e->d->db, c, NULL, NULL);
    }
    log_info("campaign.%s campaign=%s recipients=%lld by=%s",
             awaits   ? "awaits_approval"
             : queued ? "queued"
                      : "queued_again",
             e->campaign->id, (long long)e->rows, log_quote(e->by));
    event_done(e);
}

static void look_at_approval(struct events *e)
{
    int64_t due_ms[CAMPAIGN_MAX_REMINDERS];
    bool skipped[CAMPAIGN_MAX_REMINDERS];
    const struct campaign_defaults *defaults = &e->d->settings->defaults;
    struct approval_sum sum = {.bound = approval_cost_bound(e->campaign, defaults),
                               .rows = e->rows};
    unsigned needs;

    campaign_plan(e->campaign, e->queued_ms, due_ms, skipped);
    sum.cost = said_cost(e->d, e->campaign, skipped, e->rows, 0, e->first->cost);
    needs = approval_needs(e->campaign, defaults, e->rows, sum.cost);
    free(e->approval);
    free(e->reckoned);
    e->approval = needs != 0 ? approval_text(needs) : NULL;
    e->reckoned = needs & APPROVAL_COST ? approval_sum_text(&sum) : NULL;
}

static void send_queue(struct events *e)
{
    struct campaign_queueing q;

    look_at_approval(e);
    if (e->approval != NULL && e->by[0] == '\0') {
        reject(e, "no field `by`: a second person has to approve this one, so it must be known who "
                  "the first is");
        return;
    }
    q = (struct campaign_queueing){
        .event_id = e->id,
        .by = e->by,
        .token = e->token,
        .hash = e->hash,
        .rows = e->rows,
        .queued_ms = e->queued_ms,
        .document = e->document.data,
        .document_length = e->document.length,
        .approval = e->approval,
        .reckoned = e->reckoned,
    };

    FAULT_POINT("W1-event");
    campaign_queue_command(&e->d->command, e->campaign, &q);
    db_try(e->d->db, &e->d->command, on_queued, e);
}

static void on_uploaded(void *arg, int64_t rows, const char *trouble)
{
    struct events *e = arg;

    e->rows = rows;
    if (trouble != NULL && strstr(trouble, "queued already") == NULL) {
        reject(e, trouble);
        return;
    }
    send_queue(e); /* queued already: the script compares the bodies and says so */
}

static int take_row(void *arg, const char *row, size_t n, struct error *err)
{
    struct events *e = arg;

    return upload_row(e->upload, row, n, err);
}

static void take_remark(void *arg, unsigned long line, bool refused, const char *text)
{
    struct events *e = arg;

    if (refused && e->remarks++ < REMARKS_MOST)
        put_rejected(e, text, (int64_t)line, NULL);
}

/* recipients NULL: the group. */
static void queue_inline(struct events *e, const struct tree *recipients)
{
    struct audience_sink sink = {.row = take_row, .remark = take_remark, .arg = e};
    struct audience_report report = {0};
    struct error err;

    e->remarks = 0;
    e->upload = upload_begin(e->d->db, e->campaign->id);
    snprintf(e->token, sizeof e->token, "%s", upload_token(e->upload));
    if ((recipients == NULL
             ? audience_read_group(e->campaign, &sink, &report, &err)
             : audience_read_inline(e->campaign, recipients, &sink, &report, &err)) != 0)
        upload_abandon(e->upload, err.text, on_uploaded, e); /* a part of it may be under way */
    else if (report.taken == 0)
        upload_abandon(e->upload, "none of its recipients can be used", on_uploaded, e);
    else
        upload_end(e->upload, on_uploaded, e);
}

/* When it was asked for, not when it was read; an id that the client has made up may
 * lie in the future. */
static int64_t asked_ms(const struct events *e)
{
    int64_t asked = strtoll(e->id, NULL, 10), now = clock_wall_ms();

    return asked < now ? asked : now;
}

static void apply_queue(struct events *e, const struct event_copy *c)
{
    struct tree *tree;
    const struct tree *recipients;
    struct buf whole = BUF_INIT(COMMAND_MAX_BYTES);
    struct error err;

    if (c->body == NULL) {
        reject(e, "no field `body`: the campaign as JSON");
        return;
    }
    if (strlen(c->body) > BODY_MOST) {
        reject(
            e,
            "body: longer than 1 MiB: a large audience is loaded first (outreach queue does it)");
        return;
    }
    tree = tree_parse_json(c->body, strlen(c->body), "body", &err);
    if (tree == NULL) {
        reject(e, err.text);
        return;
    }
    tree_write_json(tree, &whole); /* with its recipients: what "the same body" means here */
    campaign_hash(whole.data, whole.length, e->hash);
    buf_free(&whole);
    e->campaign = campaign_create(tree, &e->d->settings->defaults, NULL, 0, &err);
    if (e->campaign == NULL) {
        reject(e, err.text);
        return;
    }
    if (e->campaign_id[0] != '\0' && strcmp(e->campaign_id, e->campaign->id) != 0) {
        reject(e, "the field `campaign` and the body's id differ");
        return;
    }
    if (e->campaign->cancelled) {
        reject(e, "event.cancelled: what does not take place is not queued; amend one that is");
        return;
    }
    snprintf(e->campaign_id, sizeof e->campaign_id, "%s", e->campaign->id);
    if (speechless_check(e->d->gateways, e->campaign, &e->d->settings->defaults, &err) != 0) {
        reject(e, err.text);
        return;
    }
    if (health_full(e->d->options.health)) { /* what is under way needs the rest */
        reject(e, events_no_room);
        return;
    }
    campaign_write_json(e->campaign, &e->document);
    e->queued_ms = asked_ms(e);
    recipients = tree_get(e->campaign->document, "audience.recipients");
    if (recipients != NULL || (e->campaign->to_group && c->rows == NULL)) {
        queue_inline(e, recipients);
        return;
    }
    if (c->rows == NULL || c->token == NULL || strlen(c->token) >= sizeof e->token) {
        reject(e, "audience.recipients: nobody is in it, and no loaded audience is named (fields "
                  "rows and token)");
        return;
    }
    e->rows = strtoll(c->rows, NULL, 10);
    snprintf(e->token, sizeof e->token, "%s", c->token);
    send_queue(e);
}

/* ------------------------------------------------- op: pause, resume, cancel */

static void on_flagged(void *arg, const redisReply *reply)
{
    struct events *e = arg;
    const redisReply *word = db_at(reply, 0);

    if (word == NULL || strcmp(word->str, "UNKNOWN") == 0) {
        reject(e, "there is no such campaign");
        return;
    }
    if (strcmp(word->str, "CANCELLED") == 0 && strcmp(e->op, "cancel") != 0) {
        reject(e, "it was cancelled; that is final");
        return;
    }
    if (strcmp(word->str, "AWAITING") == 0) {
        reject(e, "it waits for approval and sends nothing: approve it, or cancel it");
        return;
    }
    if (strcmp(word->str, "OLD") == 0) { /* read twice, or somebody has decided since */
        log_info("event.old id=%s op=%s campaign=%s", e->id, e->op, e->campaign_id);
        event_done(e);
        return;
    }
    if (strcmp(word->str, "CANCELLED") != 0) { /* else it was before */
        audit_command(&e->d->command, e->op, "campaign", e->campaign_id, "by", e->by, "event",
                      e->id, NULL);
        db_send(e->d->db, &e->d->command, NULL, NULL);
    }
    log_info("campaign.%s campaign=%s by=%s", e->op, e->campaign_id, log_quote(e->by));
    event_done(e);
}

/* How many of the names a flag is for, which are put as keys; answers are what single people
 * asked for. */
static unsigned put_flagged(struct events *e, const char *list, bool put)
{
    char *names = xstrdup(list), *save = NULL;
    unsigned n = 0;

    for (char *name = strtok_r(names, " ", &save); name != NULL; name = strtok_r(NULL, " ", &save))
        if (strcmp(name, BUILTIN_ANSWERS) != 0) {
            n++;
            if (put)
                key_reminder(&e->d->command, e->campaign_id, name);
        }
    free(names);
    return n;
}

static void on_reminders(void *arg, const redisReply *reply)
{
    struct events *e = arg;
    struct command *c = &e->d->command;
    const char *names = reply->type == REDIS_REPLY_STRING ? reply->str : "";

    command_script(c, SCRIPT_FLAG, 1 + put_flagged(e, names, false));
    key_campaign(c, e->campaign_id);
    put_flagged(e, names, true);
    command_add_string(c, e->op);
    command_add_int(c, clock_wall_ms());
    command_add_string(c, e->by);
    command_add_string(c, e->id);
    command_add_string(c, "event");
    db_send(e->d->db, c, on_flagged, e);
}

static void apply_flag(struct events *e, const struct event_copy *c)
{
    (void)c;
    if (e->campaign_id[0] == '\0') {
        reject(e, "no field `campaign`: its id");
        return;
    }
    command_start(&e->d->command, "HGET");
    key_campaign(&e->d->command, e->campaign_id);
    command_add_string(&e->d->command, "reminders");
    db_send(e->d->db, &e->d->command, on_reminders, e);
}

/* -------------------------------------------------------------------- op: amend */

static void on_amended(void *arg, const char *refused)
{
    struct events *e = arg;

    if (refused != NULL)
        reject(e, refused);
    else
        event_done(e);
}

static void apply_amend(struct events *e, const struct event_copy *c)
{
    struct amend_request request = {
        .event_id = e->id,
        .by = e->by,
        .campaign = e->campaign_id,
        .cost = c->cost,
    };
    struct error err;

    if (c->body == NULL) {
        reject(e, "no field `body`: the campaign as JSON, as it is to be");
        return;
    }
    request.body = strlen(c->body) > BODY_MOST
                       ? NULL
                       : tree_parse_json(c->body, strlen(c->body), "body", &err);
    if (request.body == NULL) {
        reject(e, strlen(c->body) > BODY_MOST ? N_("body: longer than 1 MiB") : err.text);
        return;
    }
    if (e->campaign_id[0] == '\0')
        snprintf(e->campaign_id, sizeof e->campaign_id, "%.*s", CAMPAIGN_ID_BYTES - 1,
                 tree_string(request.body, "id", ""));
    amend(e->d, &request, on_amended, e);
}

/* ----------------------------------------------------------------- op: approve */

static void on_approved(void *arg, const redisReply *reply)
{
    static const struct {
        const char *word, *reason;
    } refusals[] = {
        {"UNKNOWN", "there is no such campaign"},
        {"CANCELLED", "it was cancelled; that is final"},
        {"OTHER", N_("what is queued is not what was approved: its text or list is another")},
        {"NOBODY", N_("no field `by`: who approves")},
        {"OWN", N_("who queued it cannot approve it, nor who changed or added anything of what "
                   "awaits: somebody else has to")},
    };
    struct events *e = arg;
    const redisReply *word = db_at(reply, 0), *who = db_at(reply, 1);

    if (db_is_error(reply, "OOM")) {
        reject(e, events_no_room);
        return;
    }
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (word == NULL || strcmp(word->str, refusals[i].word) == 0) {
            reject(e, refusals[i].reason);
            return;
        }
    schedule_campaign(e, clock_wall_ms()); /* an index: what is skipped drops out of it */
    if (strcmp(word->str, "OK") == 0 || (who != NULL && strcmp(who->str, e->by) == 0)) {
        audit_command(&e->d->command, "approve", "campaign", e->campaign_id, "by", e->by, "hash",
                      e->first->hash, "event", e->id, NULL);
        db_send(e->d->db, &e->d->command, NULL, NULL);
    }
    log_info("campaign.%s campaign=%s by=%s",
             strcmp(word->str, "OK") == 0 ? "approved" : "approved_before", e->campaign_id,
             log_quote(e->by));
    event_done(e);
}

static void on_awaiting(void *arg, const redisReply *reply)
{
    struct events *e = arg;
    struct tree *document;
    struct error err;

    if (reply->type != REDIS_REPLY_STRING) {
        reject(e, "there is no such campaign");
        return;
    }
    document = tree_parse_json(reply->str, reply->len, NULL, &err);
    if (document != NULL)
        e->campaign = campaign_create(document, &e->d->settings->defaults, NULL, 0, &err);
    if (e->campaign == NULL) {
        reject(e, err.text);
        return;
    }
    campaign_approve_command(
        &e->d->command, e->campaign,
        &(struct campaign_approval){
            .hash = e->first->hash,
            .by = e->by,
            .now_ms = clock_wall_ms(),
            .digest = e->first->list,
            .rows = e->first->rows != NULL ? strtoll(e->first->rows, NULL, 10) : 0});
    db_try(e->d->db, &e->d->command, on_approved, e);
}

static void apply_approve(struct events *e, const struct event_copy *c)
{
    struct command *cmd = &e->d->command;

    if (e->campaign_id[0] == '\0' || c->hash == NULL) {
        reject(e, e->campaign_id[0] == '\0'
                      ? N_("no field `campaign`: its id")
                      : N_("no field `hash`: of what is approved, as the campaign has it"));
        return;
    }
    if (c->list != NULL && c->rows == NULL) {
        reject(e, "no field `rows`: how many recipients the list has that is approved");
        return;
    }
    command_start(cmd, "HGET");
    key_campaign(cmd, e->campaign_id);
    command_add_string(cmd, "document");
    db_send(e->d->db, cmd, on_awaiting, e);
}

/* -------------------------------------------------------------------- reading */

static const struct {
    const char *op;
    void (*apply)(struct events *e, const struct event_copy *c);
} operations[] = {
    {"queue", apply_queue}, {"amend", apply_amend}, {"approve", apply_approve},
    {"pause", apply_flag},  {"resume", apply_flag}, {"cancel", apply_flag},
};

/* Blanks are nobody's name. */
static void take_name(struct events *e, const char *by)
{
    size_t n = strlen(by);

    n = utf8_trim(&by, n);
    snprintf(e->by, sizeof e->by, "%.*s", (int)n, by);
}

static void apply_next(struct events *e)
{
    struct event_copy *c = e->first;

    if (c == NULL || e->applying)
        return;
    e->applying = true;
    snprintf(e->id, sizeof e->id, "%s", c->id);
    snprintf(e->op, sizeof e->op, "%s", c->op ? c->op : "");
    take_name(e, c->by ? c->by : "");
    snprintf(e->campaign_id, sizeof e->campaign_id, "%s", c->campaign ? c->campaign : "");
    e->hash[0] = e->token[0] = '\0';
    if (c->campaign != NULL && strlen(c->campaign) >= sizeof e->campaign_id) {
        reject(e, "the field `campaign` is longer than an id can be");
        return;
    }
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (strcmp(e->op, operations[i].op) == 0) {
            operations[i].apply(e, c);
            return;
        }
    reject(e, e->op[0] == '\0'
                  ? N_("no field `op`")
                  : N_("unknown op: queue, amend, approve, pause, resume and cancel are known"));
}

static char *copy_field(const redisReply *fields, const char *name)
{
    const redisReply *value = db_field(fields, name);

    return value != NULL && value->type == REDIS_REPLY_STRING ? xstrndup(value->str, value->len)
                                                              : NULL;
}

static void on_events(void *arg, const redisReply *reply)
{
    struct events *e = arg;

    e->asking = false;
    tell_damaged(e, KEY_EVENTS, reply);
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        const redisReply *id = db_at(reply->element[i], 0), *fields = db_at(reply->element[i], 1);
        struct event_copy *c;

        if (id == NULL || fields == NULL)
            continue;
        c = xcalloc(1, sizeof *c);
        snprintf(c->id, sizeof c->id, "%s", id->str);
        c->op = copy_field(fields, "op");
        c->campaign = copy_field(fields, "campaign");
        c->body = copy_field(fields, "body");
        c->by = copy_field(fields, "by");
        c->rows = copy_field(fields, "rows");
        c->token = copy_field(fields, "token");
        c->cost = copy_field(fields, "cost");
        c->hash = copy_field(fields, "hash");
        c->list = copy_field(fields, "list");
        *e->last = c;
        e->last = &c->next;
    }
    apply_next(e);
}

static void read_events(struct events *e);

static void on_reader(void *arg, const redisReply *reply)
{
    struct events *e = arg;
    const redisReply *word = db_at(reply, 0), *position = db_at(reply, 1);

    if (word == NULL || strcmp(word->str, "OK") != 0 || position == NULL) {
        e->asking = false; /* another daemon reads them */
        tell_damaged(e, KEY_READER, reply);
        return;
    }
    snprintf(e->position, sizeof e->position, "%s", position->str);
    e->lease_until_ms = clock_mono_ms() + READER_LEASE_MS / 2;
    read_events(e);
}

static void read_events(struct events *e)
{
    struct command *c = &e->d->command;

    command_start(c, "XRANGE");
    command_add_string(c, KEY_EVENTS);
    command_add_format(c, "(%s", e->position);
    command_add_string(c, "+");
    command_add_string(c, "COUNT");
    command_add_int(c, EVENTS_AT_ONCE);
    db_send(e->d->db, c, on_events, e);
}

/* lease_until_ms is when it is time to ask anew: the lease itself lasts as long again. */
bool events_ours(const struct events *e)
{
    return e->lease_until_ms != 0 && clock_mono_ms() < e->lease_until_ms + READER_LEASE_MS / 2;
}

void events_poll(struct events *e)
{
    struct command *c = &e->d->command;

    if (e->asking || e->applying || e->first != NULL)
        return;
    e->asking = true;
    if (clock_mono_ms() < e->lease_until_ms) { /* an idle daemon writes nothing */
        read_events(e);
        return;
    }
    command_script(c, SCRIPT_READER, 1);
    command_add_string(c, KEY_READER);
    command_add_string(c, e->d->name);
    command_add_int(c, clock_wall_ms());
    command_add_int(c, READER_LEASE_MS);
    command_add_string(c, "");
    db_send(e->d->db, c, on_reader, e);
}

void events_leave(struct events *e)
{
    struct command *c = &e->d->command;

    if (clock_mono_ms() >= e->lease_until_ms)
        return; /* not ours, as far as we know */
    command_script(c, SCRIPT_READER, 1);
    command_add_string(c, KEY_READER);
    command_add_string(c, e->d->name);
    command_add_int(c, clock_wall_ms());
    command_add_int(c, 0);
    command_add_string(c, "");
    db_send(e->d->db, c, NULL, NULL);
}

/* ------------------------------------------------------------------- schedule */

static void on_due(void *arg, const redisReply *reply)
{
    struct events *e = arg;

    e->scheduling = false;
    tell_damaged(e, KEY_SCHEDULE, reply);
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        job_open(e->d, reply->element[i]->str);
    /* What is open stays in the schedule: others may stand behind a whole page of it. */
    e->schedule_from = reply->elements == SCHEDULE_PAGE ? e->schedule_from + SCHEDULE_PAGE : 0;
}

void schedule_poll(struct events *e)
{
    struct command *c = &e->d->command;

    if (e->scheduling)
        return;
    e->scheduling = true;
    command_start(c, "ZRANGEBYSCORE");
    command_add_string(c, KEY_SCHEDULE);
    command_add_string(c, "-inf");
    command_add_int(c, clock_wall_ms());
    command_add_string(c, "LIMIT");
    command_add_int(c, (int64_t)e->schedule_from);
    command_add_int(c, SCHEDULE_PAGE);
    db_send(e->d->db, c, on_due, e);
}

static void ask_due_time(void *arg, const char *id, const char *name, struct command *c)
{
    struct events *e = arg;

    if (strcmp(name, BUILTIN_CORRECTIONS) == 0) /* whatever a daemon that died left of them */
        corrections_look(e->d->corrector, id);
    command_start(c, "HMGET");
    key_reminder(c, id, name);
    command_add_string(c, "state");
    command_add_string(c, "due");
}

static void on_due_time(void *arg, const char *key, const redisReply *reply)
{
    struct events *e = arg;
    const redisReply *state = db_at(reply, 0);
    char id[CAMPAIGN_ID_BYTES], name[NAME_BYTES];

    if (state == NULL || state->type != REDIS_REPLY_STRING)
        return;
    if (key_split(key, id, name) == 0)
        put_campaign(e, id);
    if (strcmp(state->str, "scheduled") == 0 || strcmp(state->str, "open") == 0)
        put_schedule(e, key, db_int(db_at(reply, 1), 0));
}

static void on_rebuilt(void *arg)
{
    struct events *e = arg;

    e->rebuilding = false;
    if (e->rebuild_again)
        schedule_rebuild(e);
}

/* Also where both indexes were lost: of what is open here. */
void schedule_rebuild(struct events *e)
{
    static const struct poll_questions questions = {ask_due_time, on_due_time, on_rebuilt};

    e->rebuild_again = e->rebuilding;
    if (e->rebuilding)
        return;
    e->rebuilding = true;
    for (const struct job *job = e->d->jobs; job != NULL; job = job->next)
        if (job->state == JOB_OPEN)
            put_campaign(e, job->id);
    poll_reminders(e->d, &questions, e);
}
