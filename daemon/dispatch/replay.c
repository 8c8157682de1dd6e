#include "replay.h"

#include "error.h"

#include "clock.h"
#include "mem.h"
#include "moves.h"
#include "tail.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILES_MOST 1024
#define NUMBERS_MOST 33554431 /* of a ledger's format */
#define GATEWAYS_MOST 256
#define BUCKETS 4096
#define PAGE 1024 /* notices */
#define LINES_AT_ONCE 20000
#define SECONDS_20 0xfffffu
#define SECONDS_24 0xffffffu

struct source {
    struct tail *tail;
    char *line; /* the next one; NULL: no more */
    size_t length, room;
    int64_t t_ms; /* never falls within a file, whatever its clock did */
};

struct replay {
    struct source sources[FILES_MOST];
    size_t source_count;
    int64_t done, total;
    struct replay_reminder **reminders;
    size_t reminder_count;
    unsigned buckets[BUCKETS]; /* 1 + index of the last reminder that fell there */
    struct replay_daemon *daemons;
    size_t daemon_count;
    char gateways[GATEWAYS_MOST][33]; /* from 1 */
    size_t gateway_count;
    char install[33];
    uint32_t epoch;
    int64_t unreadable;
    struct arena ids;
    uint64_t *refusals; /* hashes of addresses, in order once all is read */
    size_t refusal_count;
};

struct replay *replay_create(void)
{
    struct replay *r = xcalloc(1, sizeof *r);

    r->gateway_count = 1;
    return r;
}

void replay_free(struct replay *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->source_count; i++) {
        tail_close(r->sources[i].tail);
        free(r->sources[i].line);
    }
    for (size_t i = 0; i < r->reminder_count; i++) {
        for (size_t p = 0; p < r->reminders[i]->page_count; p++)
            free(r->reminders[i]->pages[p]);
        free(r->reminders[i]->pages);
        free(r->reminders[i]);
    }
    free(r->reminders);
    free(r->daemons);
    free(r->refusals);
    arena_free(&r->ids);
    free(r);
}

size_t replay_reminders(const struct replay *r)
{
    return r->reminder_count;
}

struct replay_reminder *replay_reminder_at(const struct replay *r, size_t i)
{
    return r->reminders[i];
}

const struct replay_daemon *replay_daemon_at(const struct replay *r, size_t i)
{
    return i < r->daemon_count ? &r->daemons[i] : NULL;
}

uint32_t replay_epoch(const struct replay *r)
{
    return r->epoch;
}

const char *replay_install(const struct replay *r)
{
    return r->install;
}

const char *replay_gateway(const struct replay *r, unsigned gateway)
{
    return gateway >= 1 && gateway < r->gateway_count ? r->gateways[gateway] : NULL;
}

int64_t replay_unreadable(const struct replay *r)
{
    return r->unreadable;
}

static int by_hash(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

size_t replay_refusals(const struct replay *r)
{
    return r->refusal_count;
}

bool replay_refused(const struct replay *r, uint64_t hash)
{
    return r->refusal_count > 0 &&
           bsearch(&hash, r->refusals, r->refusal_count, sizeof hash, by_hash) != NULL;
}

/* ------------------------------------------------------------------ what it knows */

static const char *text_of(const json_t *line, const char *name)
{
    const char *s = json_string_value(json_object_get(line, name));

    return s != NULL ? s : "";
}

static int64_t number_of(const json_t *line, const char *name)
{
    return json_integer_value(json_object_get(line, name));
}

static int64_t time_of(const json_t *line, const char *name)
{
    int64_t ms;

    return clock_parse(text_of(line, name), &ms) == 0 ? ms : 0;
}

static bool is_named(const struct replay_reminder *one, const char *campaign, const char *reminder)
{
    return strcmp(one->reminder, reminder) == 0 && strcmp(one->campaign, campaign) == 0;
}

const struct replay_reminder *replay_find(const struct replay *r, const char *campaign,
                                          const char *reminder)
{
    for (size_t i = 0; i < r->reminder_count; i++)
        if (is_named(r->reminders[i], campaign, reminder))
            return r->reminders[i];
    return NULL;
}

static struct replay_reminder *reminder_of(struct replay *r, const char *campaign,
                                           const char *reminder)
{
    struct replay_reminder *one;
    uint32_t h = 2166136261u;
    unsigned *bucket;

    for (const char *p = campaign; *p != '\0'; p++)
        h = (h ^ (unsigned char)*p) * 16777619u;
    for (const char *p = reminder; *p != '\0'; p++)
        h = (h ^ (unsigned char)*p) * 16777619u;
    bucket = &r->buckets[h % BUCKETS];
    if (*bucket > 0 && is_named(r->reminders[*bucket - 1], campaign, reminder))
        return r->reminders[*bucket - 1];
    for (size_t i = 0; *bucket > 0 && i < r->reminder_count; i++)
        if (is_named(r->reminders[i], campaign, reminder)) {
            *bucket = (unsigned)i + 1;
            return r->reminders[i];
        }
    if (r->reminder_count % 64 == 0)
        r->reminders = xreallocarray(r->reminders, r->reminder_count + 64, sizeof *r->reminders);
    one = xcalloc(1, sizeof *one);
    snprintf(one->campaign, sizeof one->campaign, "%s", campaign);
    snprintf(one->reminder, sizeof one->reminder, "%s", reminder);
    r->reminders[r->reminder_count++] = one;
    *bucket = (unsigned)r->reminder_count;
    return one;
}

/* Memory is taken by pages, so that a line takes little whatever number it tells of. */
static struct replay_notice *notice_of(struct replay_reminder *one, int64_t n)
{
    size_t page = (size_t)n / PAGE;

    if (page >= one->page_count) {
        one->pages = xreallocarray(one->pages, page + 1, sizeof *one->pages);
        for (; one->page_count <= page; one->page_count++)
            one->pages[one->page_count] = NULL;
    }
    if (one->pages[page] == NULL)
        one->pages[page] = xcalloc(PAGE, sizeof *one->pages[page]);
    if ((uint32_t)n > one->last)
        one->last = (uint32_t)n;
    return &one->pages[page][(size_t)n % PAGE];
}

const struct replay_notice *replay_notice_at(const struct replay_reminder *one, uint32_t n)
{
    size_t page = n / PAGE;

    return page < one->page_count && one->pages[page] != NULL ? &one->pages[page][n % PAGE] : NULL;
}

static unsigned char gateway_of(struct replay *r, const char *name)
{
    if (name[0] == '\0')
        return 0;
    for (size_t i = 1; i < r->gateway_count; i++)
        if (strcmp(r->gateways[i], name) == 0)
            return (unsigned char)i;
    if (r->gateway_count == GATEWAYS_MOST)
        return 0;
    snprintf(r->gateways[r->gateway_count], sizeof r->gateways[0], "%s", name);
    return (unsigned char)r->gateway_count++;
}

static enum notice_reason reason_of(const json_t *line)
{
    const char *name = text_of(line, "reason");

    for (int i = 0; i < REASON_COUNT; i++)
        if (strcmp(notice_reason_name((enum notice_reason)i), name) == 0)
            return (enum notice_reason)i;
    return REASON_NONE;
}

/* ------------------------------------------------------------------------- events */

/* Who writes: the first line of a daemon's life, and of each of its files. */
static void joined(struct replay *r, const json_t *line)
{
    const char *name = text_of(line, "daemon");
    struct replay_daemon *d = NULL;
    uint32_t epoch = (uint32_t)number_of(line, "epoch");

    for (size_t i = 0; i < r->daemon_count; i++)
        if (strcmp(r->daemons[i].name, name) == 0)
            d = &r->daemons[i];
    if (d == NULL) {
        r->daemons = xreallocarray(r->daemons, r->daemon_count + 1, sizeof *r->daemons);
        d = &r->daemons[r->daemon_count++];
        *d = (struct replay_daemon){.first_ms = time_of(line, "t"),
                                    .before = (uint32_t)number_of(line, "before")};
        if (d->before == 0 && number_of(line, "part") > 1)
            d->before = epoch; /* its file before this one is not here */
        snprintf(d->name, sizeof d->name, "%s", name);
    }
    if (epoch > d->epoch)
        d->epoch = epoch;
    if (epoch > r->epoch)
        r->epoch = epoch;
    snprintf(r->install, sizeof r->install, "%s", text_of(line, "install"));
}

static void opened(struct replay_reminder *one, const json_t *line)
{
    int64_t begun = time_of(line, "begun");

    one->torn = one->torn || (!one->opened && one->last > 0);
    one->opened = true;
    snprintf(one->body, sizeof one->body, "%s", text_of(line, "body"));
    snprintf(one->list, sizeof one->list, "%s", text_of(line, "list"));
    if (one->begun_ms == 0 || begun < one->begun_ms)
        one->begun_ms = begun;
    one->expires_ms = time_of(line, "expires");
}

static bool waits(const struct replay_notice *n)
{
    return n->state == NOTICE_UNTOUCHED || n->state == NOTICE_PARKED;
}

static void intended(struct replay *r, struct replay_notice *n, uint32_t fence, const json_t *line)
{
    if (fence == n->fence || n->state == NOTICE_ACCEPTED || n->state == NOTICE_DELIVERED)
        return; /* its acceptance stood before it, by another clock */
    if (n->state == NOTICE_SENDING || n->state == NOTICE_UNCERTAIN)
        n->doubt = true;
    n->state = NOTICE_SENDING;
    n->fence = fence;
    n->reason = n->reason == REASON_CRASH ? REASON_CRASH : REASON_NONE; /* as in the ledger */
    n->gateway = gateway_of(r, text_of(line, "gateway"));
    n->segments = (unsigned char)(number_of(line, "segments") & 15);
    n->intended_ms = time_of(line, "t");
    n->until_ms = 0;
    n->id = NULL;
}

static void accepted(struct replay *r, struct replay_notice *n, uint32_t fence, const json_t *line)
{
    const char *id = text_of(line, "id");
    unsigned char gateway = gateway_of(r, text_of(line, "gateway"));

    n->flags |= FLAG_TOLD;
    if (fence == n->left && fence != 0)
        return; /* a negative receipt was faster: the next channel has it */
    if (fence != n->fence && (n->state == NOTICE_SENDING || n->state == NOTICE_UNCERTAIN))
        return; /* of an earlier attempt: the later one decides */
    if (n->state == NOTICE_DELIVERED || n->state == NOTICE_UNDELIVERED)
        return;
    if (gateway != 0 || fence != n->fence) { /* a recovery's line has none: see the one before */
        n->gateway = gateway;
        n->segments = (unsigned char)(number_of(line, "segments") & 15);
    }
    n->state = NOTICE_ACCEPTED;
    n->fence = fence;
    n->attempts = (unsigned char)(number_of(line, "attempt") & 15);
    n->reason = REASON_NONE;
    n->until_ms = time_of(line, "until");
    if (n->intended_ms == 0)
        n->intended_ms = time_of(line, "t");
    if (id[0] != '\0' && strlen(id) <= 64)
        n->id = arena_strndup(&r->ids, id, strlen(id));
}

static void delivered(struct replay_notice *n, uint32_t fence)
{
    n->flags |= FLAG_TOLD;
    if (n->state == NOTICE_SENDING && fence != n->fence) {
        n->flags |= FLAG_EARLY;
        return;
    }
    n->state = NOTICE_DELIVERED;
    n->reason = REASON_NONE;
}

/* Any other outcome: of the last intent, or of one that never left us and so has no line
 * of its own. */
static void became(struct replay_notice *n, uint32_t fence, enum notice_state state,
                   const json_t *line)
{
    if (fence != n->fence && !waits(n)) {
        if (state == NOTICE_UNCERTAIN)
            n->doubt = true;
        return;
    }
    if (fence == 0 && n->fence != 0)
        return;
    if (state == NOTICE_UNCERTAIN && fence != n->fence) {
        n->doubt = true;
        return;
    }
    if (n->state == NOTICE_DELIVERED || (n->state == NOTICE_ACCEPTED && state == NOTICE_UNCERTAIN))
        return;
    if (n->state == NOTICE_SENDING && n->reason == REASON_CRASH && reason_of(line) == REASON_CRASH)
        n->flags |= FLAG_SUSPECT; /* the second time */
    n->state = (unsigned char)state;
    n->fence = fence;
    n->attempts = (unsigned char)(number_of(line, "attempt") & 15);
    n->reason = (unsigned char)reason_of(line);
    n->until_ms = time_of(line, "until");
}

/* Not `excluded`: that says what stood in the list, and a list that was being lost looked
 * empty. Whoever claims it next looks again. */
static const struct {
    const char *event;
    enum notice_state state;
} becoming[] = {
    {"undelivered", NOTICE_UNDELIVERED},
    {"failed", NOTICE_FAILED},
    {"expired", NOTICE_EXPIRED},
    {"opted-out", NOTICE_OPTED_OUT},
    {"capped", NOTICE_CAPPED},
    {"cancelled", NOTICE_CANCELLED},
    {"retry", NOTICE_PARKED},
    {"throttled", NOTICE_PARKED},
    {"unsent", NOTICE_PARKED},
    {"broken", NOTICE_PARKED},
    {"held", NOTICE_PARKED},
    {"resend", NOTICE_PARKED},
    {"next-channel", NOTICE_PARKED},
    {"uncertain", NOTICE_UNCERTAIN},
};

static void notice_line(struct replay *r, struct replay_reminder *one, struct replay_notice *n,
                        const json_t *line)
{
    const char *event = text_of(line, "event");
    uint32_t fence = (uint32_t)strtoul(text_of(line, "fence"), NULL, 16);
    int64_t step = number_of(line, "step");

    if (fence >> 12 > r->epoch)
        r->epoch = fence >> 12;
    if (strcmp(event, "intent") == 0)
        intended(r, n, fence, line);
    else if (strcmp(event, "accepted") == 0)
        accepted(r, n, fence, line);
    else if (strcmp(event, "delivered") == 0)
        delivered(n, fence);
    for (size_t i = 0; i < sizeof becoming / sizeof *becoming; i++)
        if (strcmp(event, becoming[i].event) == 0)
            became(n, fence, becoming[i].state, line);
    if (strcmp(event, "resend") == 0) {
        n->flags |= FLAG_RESENT;
        if (fence == n->fence)
            n->doubt = false;
    } else if (strcmp(event, "next-channel") == 0) {
        n->left = fence;
    }
    if (step > n->step && step <= 15)
        n->step = (unsigned char)step;
    one->cancelled |= strcmp(event, "cancelled") == 0;
}

static void refused(struct replay *r, const json_t *line)
{
    const char *hash = text_of(line, "hash");

    if (strlen(hash) != 16)
        return;
    if (r->refusal_count % 1024 == 0)
        r->refusals = xreallocarray(r->refusals, r->refusal_count + 1024, sizeof *r->refusals);
    r->refusals[r->refusal_count++] = strtoull(hash, NULL, 16);
}

int replay_line(struct replay *r, const char *text, size_t length, struct error *err)
{
    json_t *line = json_loadb(text, length, 0, NULL);
    const char *event = text_of(line, "event"), *campaign = text_of(line, "campaign"),
               *reminder = text_of(line, "reminder");
    int64_t n = number_of(line, "n");
    int rc = 0;

    if (strcmp(event, "refused") == 0 || strcmp(event, "opted-out") == 0)
        refused(r, line);
    if (!json_is_object(line)) {
        r->unreadable++;
    } else if (strcmp(event, "joined") == 0) {
        joined(r, line);
    } else if (campaign[0] == '\0' || reminder[0] == '\0' || strlen(campaign) > 64 ||
               strlen(reminder) > 32) {
        ; /* what others may write here is not of a notice */
    } else if (strcmp(event, "opened") == 0) {
        opened(reminder_of(r, campaign, reminder), line);
    } else if (n > NUMBERS_MOST) {
        rc = error_set(err, "the log tells of recipient %" PRId64 " of %s/%s: there cannot be one",
                       n, campaign, reminder);
    } else if (n >= 1) {
        struct replay_reminder *one = reminder_of(r, campaign, reminder);

        notice_line(r, one, notice_of(one, n), line);
    }
    json_decref(line);
    return rc;
}

/* ------------------------------------------------------------------------- files */

/* "t" comes first in every line of ours: found without taking the line apart. */
static int64_t stamp_of(const char *line, size_t n)
{
    static const char head[] = "{\"t\":\"";
    char stamp[40];
    int64_t ms;
    size_t length = 0;

    if (n < sizeof head || memcmp(line, head, sizeof head - 1) != 0)
        return 0;
    line += sizeof head - 1;
    n -= sizeof head - 1;
    while (length < n && length < sizeof stamp - 1 && line[length] != '"')
        length++;
    memcpy(stamp, line, length);
    stamp[length] = '\0';
    return clock_parse(stamp, &ms) == 0 ? ms : 0;
}

static void next_line(struct source *s)
{
    const char *line;
    size_t n;
    int64_t t;

    if (tail_next(s->tail, &line, &n) != 1) {
        free(s->line);
        s->line = NULL;
        return;
    }
    if (s->line == NULL || n + 1 > s->room) {
        s->room = n + 1024;
        s->line = xrealloc(s->line, s->room);
    }
    memcpy(s->line, line, n);
    s->length = n;
    t = stamp_of(line, n);
    if (t > s->t_ms)
        s->t_ms = t;
}

int replay_add(struct replay *r, const char *path, int64_t bytes, struct error *err)
{
    struct source *s = &r->sources[r->source_count];
    struct stat st;

    if (r->source_count == FILES_MOST)
        return error_set(err, "more than %d files", FILES_MOST);
    s->tail = tail_open(path, false, err);
    if (s->tail == NULL)
        return -1;
    if (bytes > 0)
        tail_last(s->tail, bytes);
    else if (stat(path, &st) == 0)
        r->total += st.st_size;
    r->source_count++;
    next_line(s);
    return 0;
}

int replay_read(struct replay *r, int64_t *done, int64_t *total, struct error *err)
{
    for (int i = 0; i < LINES_AT_ONCE; i++) {
        struct source *first = NULL;

        for (size_t k = 0; k < r->source_count; k++)
            if (r->sources[k].line != NULL && (first == NULL || r->sources[k].t_ms < first->t_ms))
                first = &r->sources[k];
        if (first == NULL) {
            if (r->refusal_count > 0)
                qsort(r->refusals, r->refusal_count, sizeof *r->refusals, by_hash);
            *done = *total = r->total;
            return 0;
        }
        if (replay_line(r, first->line, first->length, err) != 0)
            return -1;
        r->done += (int64_t)first->length + 1;
        next_line(first);
    }
    *done = r->done < r->total ? r->done : r->total;
    *total = r->total;
    return 1;
}

/* ---------------------------------------------------------------- what should stand */

/* Was the attempt that stands in Redis before the last one of the logs? */
static bool earlier(const struct record *now, const struct replay_notice *n, int64_t base_s)
{
    if (now->fence == 0)
        return true;
    return n->fence != 0 && n->intended_ms / 1000 >= base_s + (int64_t)now->intended_s;
}

/* The same attempt: where it may go by what the logs say. */
static bool goes_on(const struct record *now, const struct replay_notice *n, enum notice_state to)
{
    switch (now->state) {
    case NOTICE_SENDING:
        return true;
    case NOTICE_UNCERTAIN:
        return to != NOTICE_UNCERTAIN;
    case NOTICE_ACCEPTED:
        return to == NOTICE_DELIVERED || to == NOTICE_UNDELIVERED || to == NOTICE_FAILED ||
               to == NOTICE_PARKED; /* on to the next channel */
    case NOTICE_UNTOUCHED:
    case NOTICE_PARKED:
        if (to == NOTICE_PARKED)
            return n->step > now->step;
        return !(to == NOTICE_UNCERTAIN && (now->flags & FLAG_RESENT) != 0);
    default:
        return to == NOTICE_DELIVERED && now->state != NOTICE_DELIVERED;
    }
}

static enum notice_state state_by(const struct replay_notice *n)
{
    if ((n->flags & FLAG_EARLY) != 0) /* whatever the later attempt came to */
        return NOTICE_DELIVERED;
    if (n->state == NOTICE_SENDING)
        return NOTICE_UNCERTAIN;
    if (n->doubt && waits(n))
        return NOTICE_UNCERTAIN;
    return (enum notice_state)n->state;
}

static uint32_t seconds(int64_t s, uint32_t most)
{
    return s < 0 ? 0 : s > (int64_t)most ? most : (uint32_t)s;
}

bool replay_wants(const struct replay_notice *n, const struct record *now, int64_t base_s,
                  unsigned number, int64_t now_ms, int64_t doubt_wait_ms, struct record *wanted,
                  int64_t *retry)
{
    enum notice_state to = n != NULL ? state_by(n) : NOTICE_UNTOUCHED;
    bool take = to != NOTICE_UNTOUCHED &&
                (n->fence == now->fence ? goes_on(now, n, to) : earlier(now, n, base_s));

    *wanted = *now;
    *retry = RETRY_REMOVE;
    if (!take) {
        if (now->state != NOTICE_SENDING)
            return false;
        /* An intent without a line: nothing was submitted by it. */
        wanted->state = NOTICE_PARKED;
        wanted->reason = REASON_TURN;
        wanted->settled_s = seconds(now_ms / 1000 - base_s, SECONDS_20);
        *retry = now_ms;
        return true;
    }
    wanted->state = to;
    wanted->flags = now->flags | n->flags;
    wanted->attempts = n->attempts;
    if (to == NOTICE_UNCERTAIN) {
        bool said = n->state == NOTICE_UNCERTAIN;

        wanted->attempts = n->attempts + !said;
        wanted->reason =
            said && n->reason != REASON_NONE ? (enum notice_reason)n->reason : REASON_NO_ANSWER;
        if (wanted->reason != REASON_POISON) /* that is a person's */
            *retry = now_ms + doubt_wait_ms;
    } else {
        wanted->reason = to == n->state ? (enum notice_reason)n->reason : REASON_NONE;
        if (to == NOTICE_ACCEPTED && n->until_ms > 0)
            *retry = n->until_ms; /* then to the next channel, if no receipt has come */
    }
    if (wanted->attempts > LEDGER_MAX_ATTEMPTS)
        wanted->attempts = LEDGER_MAX_ATTEMPTS;
    if (n->fence != 0) {
        wanted->fence = n->fence;
        wanted->gateway = number;
        wanted->segments = n->segments;
        wanted->intended_s = seconds(n->intended_ms / 1000 - base_s, SECONDS_24);
        wanted->version = now->version > 0 ? now->version : 1;
    }
    wanted->ids = to == NOTICE_ACCEPTED && n->id != NULL ? 1 : 0;
    wanted->mask = 0;
    if (n->step > wanted->step)
        wanted->step = n->step;
    wanted->settled_s = 0;
    if (to == NOTICE_PARKED) {
        int64_t until = n->until_ms > 0 ? n->until_ms : now_ms;

        wanted->settled_s = seconds(until / 1000 - base_s, SECONDS_20);
        *retry = until;
    }
    return true;
}
