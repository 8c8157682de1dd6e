#include "campaigns.h"

#include "audit.h"
#include "builtin.h"
#include "clock.h"
#include "error.h"
#include "keys.h"
#include "mem.h"
#include "utf8.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FLAG_TRIES 5

#define EVENT_ID_BYTES 48

int64_t reminder_waiting(const struct reminder_status *r)
{
    return r->counts[NOTICE_UNTOUCHED] + r->counts[NOTICE_PARKED];
}

int64_t reminder_sum(const struct reminder_status *r)
{
    int64_t sum = 0;

    for (int i = 0; i < NOTICE_STATES; i++)
        sum += r->counts[i];
    return sum;
}

bool reminder_begun(const struct reminder_status *r)
{
    return strcmp(r->state, "open") == 0 || (strcmp(r->state, "done") == 0 && r->begun_ms != 0);
}

bool reminder_idle(const struct reminder_status *r)
{
    return builtin_is(r->name) && r->planned == 0;
}

bool reminder_settled(const struct reminder_status *r)
{
    return strcmp(r->state, "done") == 0 || strcmp(r->state, "skipped") == 0 || reminder_idle(r) ||
           (strcmp(r->state, "open") == 0 && reminder_waiting(r) == 0 &&
            r->counts[NOTICE_SENDING] == 0 && r->counts[NOTICE_UNCERTAIN] == 0);
}

void reminder_status_parse(const redisReply *reply, const char *name, struct reminder_status *r)
{
    const redisReply *state = db_field(reply, "state");
    char field[16];

    memset(r, 0, sizeof *r);
    snprintf(r->name, sizeof r->name, "%s", name);
    if (state == NULL)
        return;
    snprintf(r->state, sizeof r->state, "%s", state->str);
    r->due_ms = db_int(db_field(reply, "due"), 0);
    r->expires_ms = db_int(db_field(reply, "expires"), 0);
    r->begun_ms = db_int(db_field(reply, "begun"), 0);
    r->done_ms = db_int(db_field(reply, "done"), 0);
    r->planned = db_int(db_field(reply, "planned"), 0);
    r->cursor = db_int(db_field(reply, "cursor"), 0);
    r->last = db_int(db_field(reply, "last"), 0);
    r->seq = db_int(db_field(reply, "seq"), 0);
    r->version = (unsigned)db_int(db_field(reply, "tv"), 1);
    r->paused = db_int(db_field(reply, "paused"), 0) != 0;
    r->cancelled = db_int(db_field(reply, "cancelled"), 0) != 0;
    for (int i = 0; i < NOTICE_STATES; i++) {
        snprintf(field, sizeof field, "c%d", i);
        r->counts[i] = db_int(db_field(reply, field), 0);
    }
}

static int read_reminders(struct db *db, struct campaign_status *s, const char *names,
                          struct error *err)
{
    struct command c = COMMAND_INIT;
    char *copy = xstrdup(names), *save = NULL;
    int rc = 0;

    for (char *name = strtok_r(copy, " ", &save); name != NULL && rc == 0;
         name = strtok_r(NULL, " ", &save)) {
        redisReply *reply;

        if (s->reminder_count == CAMPAIGN_ALL_REMINDERS)
            break;
        command_start(&c, "HGETALL");
        key_reminder(&c, s->id, name);
        rc = db_ask(db, &c, &reply, err);
        if (rc == 0) {
            reminder_status_parse(reply, name, &s->reminders[s->reminder_count++]);
            freeReplyObject(reply);
        }
    }
    free(copy);
    command_free(&c);
    return rc;
}

static const char *text_of(const redisReply *value)
{
    return value != NULL && value->str != NULL ? value->str : "";
}

static char *field_copy(const redisReply *hash, const char *name)
{
    const redisReply *value = db_field(hash, name);

    return xstrdup(value != NULL ? value->str : "");
}

static bool has_line(const struct buf *lines, const char *one, size_t n)
{
    const char *p = lines->data, *end = p + lines->length;

    while (p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));

        if (eol == NULL)
            break;
        if ((size_t)(eol - p) == n && strncasecmp(p, one, n) == 0)
            return true;
        p = eol + 1;
    }
    return false;
}

/* As approve.lua looks for them: who queued it counts until somebody has agreed to it. */
static char *authors_of(const redisReply *hash)
{
    const bool agreed = text_of(db_field(hash, "approved_by"))[0] != '\0';
    const char *const from[] = {agreed ? "" : text_of(db_field(hash, "by")),
                                text_of(db_field(hash, "authors")),
                                text_of(db_field(hash, "amended_by"))};
    struct buf out = BUF_INIT(COMMAND_MAX_BYTES);

    buf_string(&out); /* "", if nobody is known */
    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        for (const char *p = from[i]; *p != '\0';) {
            size_t n = strcspn(p, "\n");

            if (n > 0 && !has_line(&out, p, n)) {
                buf_put(&out, p, n);
                buf_putc(&out, '\n');
            }
            p += n + (p[n] == '\n');
        }
    buf_string(&out);
    return out.data;
}

bool campaign_is_author(const struct campaign_status *s, const char *name)
{
    struct buf lines = {.data = s->authors, .length = strlen(s->authors)};
    size_t n = utf8_trim(&name, strlen(name));

    return has_line(&lines, name, n);
}

bool campaign_awaits(const struct campaign_status *s)
{
    return strcmp(s->state, "awaiting") == 0 ||
           (strcmp(s->state, "cancelled") == 0 && s->telling[0] != '\0');
}

struct campaign_status *campaign_status_parse(const redisReply *hash, const char *id,
                                              const char **names, struct error *err)
{
    const redisReply *state = db_field(hash, "state"), *by = db_field(hash, "by");
    const redisReply *list = db_field(hash, "reminders");
    struct campaign_status *s;

    if (state == NULL) {
        error_set(err, "there is no campaign %s (outreach list shows those there are)", id);
        return NULL;
    }
    s = xcalloc(1, sizeof *s);
    snprintf(s->id, sizeof s->id, "%s", id);
    snprintf(s->state, sizeof s->state, "%s", state->str);
    snprintf(s->by, sizeof s->by, "%s", by ? by->str : "");
    snprintf(s->approval, sizeof s->approval, "%s", text_of(db_field(hash, "approval")));
    snprintf(s->telling, sizeof s->telling, "%s", text_of(db_field(hash, "telling")));
    snprintf(s->approved_by, sizeof s->approved_by, "%s", text_of(db_field(hash, "approved_by")));
    s->reckoned = approval_sum_parse(text_of(db_field(hash, "reckoned")));
    s->approved_ms = db_int(db_field(hash, "approved_ms"), 0);
    s->authors = authors_of(hash);
    s->digest = field_copy(hash, "digest");
    s->hash = field_copy(hash, "hash");
    s->document = field_copy(hash, "document");
    s->queued_ms = db_int(db_field(hash, "queued"), 0);
    s->rows = db_int(db_field(hash, "last"), 0);
    s->version = (unsigned)db_int(db_field(hash, "version"), 1);
    s->correcting = (unsigned)db_int(db_field(hash, "correct"), 0);
    snprintf(s->amended_by, sizeof s->amended_by, "%s", text_of(db_field(hash, "amended_by")));
    s->amended_ms = db_int(db_field(hash, "amended"), 0);
    s->agreed = (unsigned)db_int(db_field(hash, "agreed"), 0);
    *names = list != NULL ? list->str : "";
    return s;
}

struct campaign_status *campaign_status_read(struct db *db, const char *id, struct error *err)
{
    struct command c = COMMAND_INIT;
    struct campaign_status *s = NULL;
    redisReply *hash = NULL;
    const char *names;

    if (strlen(id) >= CAMPAIGN_ID_BYTES) {
        error_set(err, "%s: an id has at most %d characters", id, CAMPAIGN_ID_BYTES - 1);
        return NULL;
    }
    command_start(&c, "HGETALL");
    key_campaign(&c, id);
    if (db_ask(db, &c, &hash, err) != 0)
        goto out;
    s = campaign_status_parse(hash, id, &names, err);
    if (s != NULL && read_reminders(db, s, names, err) != 0) {
        campaign_status_free(s);
        s = NULL;
    }
out:
    if (hash != NULL)
        freeReplyObject(hash);
    command_free(&c);
    return s;
}

void campaign_status_free(struct campaign_status *s)
{
    if (s == NULL)
        return;
    free(s->authors);
    free(s->digest);
    free(s->hash);
    free(s->document);
    free(s);
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **campaign_ids(struct db *db, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    char **ids = NULL;

    command_start(&c, "SMEMBERS");
    command_add_string(&c, KEY_CAMPAIGNS);
    if (db_ask(db, &c, &reply, err) == 0) {
        ids = xcalloc(reply->elements + 1, sizeof *ids);
        for (size_t i = 0; i < reply->elements; i++)
            ids[i] = xstrdup(reply->element[i]->str);
        qsort(ids, reply->elements, sizeof *ids, compare_ids);
        freeReplyObject(reply);
    }
    command_free(&c);
    return ids;
}

void campaign_hash(const char *document, size_t n, char *out)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)document, n, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

void campaign_plan(const struct campaign *c, int64_t queued_ms, int64_t *due_ms, bool *skipped)
{
    size_t each = c->reminder_count / c->occurrence_count;
    int latest = -1;

    for (size_t r = 0; r < c->reminder_count; r++) {
        if (r % each == 0) { /* those of an occurrence make up for each other alone */
            if (latest >= 0)
                skipped[latest] = false;
            latest = -1;
        }
        due_ms[r] = campaign_due(c, r, queued_ms);
        /* One that is over is no use to anybody, whatever `missed` says. */
        skipped[r] = c->reminders[r].expires_ms <= queued_ms;
        if (due_ms[r] >= queued_ms || skipped[r])
            continue;
        if (c->missed != MISSED_ALL)
            skipped[r] = true;
        if (c->missed == MISSED_LATEST && (latest < 0 || due_ms[r] >= due_ms[latest]))
            latest = (int)r;
    }
    if (latest >= 0)
        skipped[latest] = false;
}

void campaign_queue_command(struct command *c, const struct campaign *campaign,
                            const struct campaign_queueing *q)
{
    int64_t due_ms[CAMPAIGN_MAX_REMINDERS];
    bool skipped[CAMPAIGN_MAX_REMINDERS];
    char hash[65];
    struct buf names = BUF_INIT(4096);
    bool awaits = q->approval != NULL && q->approval[0] != '\0';

    campaign_plan(campaign, q->queued_ms, due_ms, skipped);
    if (q->hash != NULL)
        snprintf(hash, sizeof hash, "%s", q->hash);
    else
        campaign_hash(q->document, q->document_length, hash);
    for (size_t r = 0; r < campaign->reminder_count; r++)
        buf_printf(&names, "%s%s", r ? " " : "", campaign->reminders[r].name);
    command_script(c, SCRIPT_QUEUE, 1 + (unsigned)campaign->reminder_count);
    key_campaign(c, campaign->id);
    for (size_t r = 0; r < campaign->reminder_count; r++)
        key_reminder(c, campaign->id, campaign->reminders[r].name);
    command_add_string(c, q->event_id);
    command_add_string(c, hash);
    command_add(c, q->document, q->document_length);
    command_add_string(c, q->token);
    command_add_int(c, q->rows);
    command_add(c, names.data, names.length);
    command_add_int(c, q->queued_ms);
    command_add_string(c, q->by);
    for (size_t r = 0; r < campaign->reminder_count; r++) {
        command_add_int(c, due_ms[r]);
        command_add_int(c, campaign->reminders[r].expires_ms);
        command_add_string(c, skipped[r] ? "skipped" : awaits ? "awaiting" : "scheduled");
    }
    if (awaits) {
        command_add_string(c, q->approval);
        command_add_string(c, q->reckoned != NULL ? q->reckoned : "");
    }
    buf_free(&names);
}

void campaign_approve_command(struct command *c, const struct campaign *campaign,
                              const struct campaign_approval *a)
{
    int64_t due_ms[CAMPAIGN_MAX_REMINDERS];
    bool skipped[CAMPAIGN_MAX_REMINDERS];

    campaign_plan(campaign, a->now_ms, due_ms, skipped);
    command_script(c, SCRIPT_APPROVE, 1 + BUILTIN_COUNT + (unsigned)campaign->reminder_count);
    key_campaign(c, campaign->id);
    for (size_t r = 0; r < campaign->reminder_count; r++)
        key_reminder(c, campaign->id, campaign->reminders[r].name);
    key_reminder(c, campaign->id, BUILTIN_ANSWERS);
    key_reminder(c, campaign->id, BUILTIN_CORRECTIONS);
    command_add_string(c, a->hash);
    command_add_string(c, a->digest != NULL ? a->digest : "");
    if (a->digest != NULL)
        command_add_int(c, a->rows);
    else
        command_add_string(c, "");
    command_add_int(c, a->now_ms);
    command_add_name(c, a->by);
    for (size_t r = 0; r < campaign->reminder_count; r++) {
        command_add_int(c, due_ms[r]);
        command_add_string(c, skipped[r] ? "skipped" : "scheduled");
    }
}

/* The schedule is an index, and the daemons' minute would put it right: this is sooner. */
static int put_schedule(struct db *db, const struct campaign *campaign, int64_t now_ms,
                        struct error *err)
{
    int64_t due_ms[CAMPAIGN_MAX_REMINDERS];
    bool skipped[CAMPAIGN_MAX_REMINDERS];
    struct command c = COMMAND_INIT;
    int rc = 0;

    campaign_plan(campaign, now_ms, due_ms, skipped);
    for (size_t r = 0; r < campaign->reminder_count && rc == 0; r++) {
        if (skipped[r])
            continue;
        command_start(&c, "ZADD");
        command_add_string(&c, KEY_SCHEDULE);
        command_add_int(&c, due_ms[r]);
        command_add_format(&c, "%s/%s", campaign->id, campaign->reminders[r].name);
        rc = db_ask(db, &c, NULL, err);
    }
    command_free(&c);
    return rc;
}

int campaign_approve(struct db *db, const struct campaign *campaign,
                     const struct campaign_approval *a, char word[16], struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc;

    campaign_approve_command(&c, campaign, a);
    rc = db_ask(db, &c, &reply, err);
    if (rc == 0) {
        snprintf(word, 16, "%s", text_of(db_at(reply, 0)));
        freeReplyObject(reply);
    }
    if (rc == 0 && strcmp(word, "OK") == 0) {
        audit_command(&c, "approve", "campaign", campaign->id, "by", a->by, "hash", a->hash, NULL);
        rc = db_ask(db, &c, NULL, err);
        if (rc == 0)
            rc = put_schedule(db, campaign, a->now_ms, err);
    }
    command_free(&c);
    return rc;
}

/* The last event that is on the queue, applied or not; "" where there is none, and where the
 * queue cannot be read: that hinders nobody from stopping a campaign. */
static void last_event(struct db *db, struct command *c, char id[EVENT_ID_BYTES])
{
    const redisReply *last;
    redisReply *reply;

    command_start(c, "XREVRANGE");
    command_add_string(c, KEY_EVENTS);
    command_add_string(c, "+");
    command_add_string(c, "-");
    command_add_string(c, "COUNT");
    command_add_int(c, 1);
    id[0] = '\0';
    if (db_ask(db, c, &reply, NULL) != 0)
        return;
    last = db_at(db_at(reply, 0), 0);
    snprintf(id, EVENT_ID_BYTES, "%s", last != NULL && last->str != NULL ? last->str : "");
    freeReplyObject(reply);
}

/* 0 done, 1 a reminder came to be since the names were read, -1 with err. */
static int flag_once(struct db *db, const char *id, const char *op, const char *by, bool check,
                     int64_t *sending, struct error *err)
{
    struct campaign_status *s = campaign_status_read(db, id, err);
    struct command c = COMMAND_INIT;
    char before[EVENT_ID_BYTES];
    redisReply *reply = NULL;
    unsigned keys = 1;
    const char *word;
    int rc = -1;

    if (s == NULL)
        return -1;
    last_event(db, &c, before);
    for (size_t r = 0; r < s->reminder_count; r++)
        keys += strcmp(s->reminders[r].name, BUILTIN_ANSWERS) != 0;
    command_script(&c, SCRIPT_FLAG, keys);
    key_campaign(&c, id);
    for (size_t r = 0; r < s->reminder_count; r++)
        if (strcmp(s->reminders[r].name, BUILTIN_ANSWERS) != 0)
            key_reminder(&c, id, s->reminders[r].name);
    command_add_string(&c, op);
    command_add_int(&c, clock_wall_ms());
    command_add_string(&c, by);
    command_add_string(&c, before); /* what was asked for before this does not undo it */
    if (check)
        command_add_string(&c, "check");
    if (db_ask(db, &c, &reply, err) != 0)
        goto out;
    word = db_at(reply, 0)->str;
    if (strcmp(word, "STALE") == 0) {
        rc = 1;
    } else if (strcmp(word, "UNKNOWN") == 0) {
        error_set(err, "%s is not queued yet", id);
    } else if (strcmp(word, "AWAITING") == 0) {
        error_set(err, "%s waits for approval and sends nothing: approve it, or cancel it", id);
    } else if (strcmp(word, "CANCELLED") == 0 && strcmp(op, "cancel") != 0) {
        error_set(err, "%s was cancelled; that is final", id);
    } else {
        *sending = db_int(db_at(reply, 1), 0);
        audit_command(&c, op, "campaign", id, "by", by, NULL);
        rc = db_ask(db, &c, NULL, err);
    }
out:
    if (reply != NULL)
        freeReplyObject(reply);
    campaign_status_free(s);
    command_free(&c);
    return rc;
}

int campaign_flag(struct db *db, const char *id, const char *op, const char *by, int64_t *sending,
                  struct error *err)
{
    int rc = 1;

    /* The last time unchecked: a list of names that is damaged does not hold up a cancel. */
    for (int left = FLAG_TRIES; rc == 1 && left > 0; left--)
        rc = flag_once(db, id, op, by, left > 1, sending, err);
    return rc;
}
