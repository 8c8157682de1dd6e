/*
 * campaigns.h - campaigns as they stand in Redis
 *
 * The document and its state under outreach:{id}, a hash of due time, flags,
 * cursor and counters for each reminder. Reading is a picture of one moment for
 * people and programs; what may be sent is decided by scripts alone.
 */
#ifndef OUTREACH_CAMPAIGNS_H
#define OUTREACH_CAMPAIGNS_H

#include "approval.h"
#include "builtin.h"
#include "campaign.h"
#include "db.h"
#include "ledger.h"

struct reminder_status {
    char name[33];
    char state[12]; /* "awaiting", "scheduled", "open", "done", "skipped"; "" when there is none */
    int64_t due_ms, expires_ms, begun_ms, done_ms; /* wall clock; 0: not yet */
    int64_t planned, cursor, last, seq;
    int64_t counts[NOTICE_STATES];
    unsigned version; /* of the text */
    bool paused, cancelled;
};

#define CAMPAIGN_ALL_REMINDERS (CAMPAIGN_MAX_REMINDERS + BUILTIN_COUNT)

struct campaign_status {
    char id[CAMPAIGN_ID_BYTES];
    char state[12]; /* "loading", "awaiting" (approval), "active", "paused", "cancelled" */
    char by[65];
    char approval[48]; /* why a second person has to agree: see approval_text(); or "" */
    char telling[48];  /* of one that is cancelled: the same, before anybody is told of it; or "" */
    struct approval_sum reckoned; /* where the cost is why: what the bound was held against */
    char approved_by[65];         /* "": nobody yet */
    int64_t approved_ms;
    char amended_by[65]; /* the last to; "": nobody */
    int64_t amended_ms;
    unsigned
        agreed;    /* of an amendment that awaits approval: the version that stood before; else 0 */
    char *authors; /* who wrote a part of what awaits approval, a line each, ended by "\n" */
    char *digest;  /* of the list */
    char *hash, *document; /* the canonical JSON, and its hash */
    int64_t queued_ms, rows;
    unsigned version;    /* 1, and one more with each amendment */
    unsigned correcting; /* those told an older one are looked for: for this version; 0: not */
    size_t reminder_count;
    struct reminder_status reminders[CAMPAIGN_ALL_REMINDERS];
};

/* waiting = untouched + parked; sums as in promise 1. */
int64_t reminder_waiting(const struct reminder_status *r);
/* The sum of all counters: what planned must be equal to. */
int64_t reminder_sum(const struct reminder_status *r);
/* It has a ledger. One that was done without it was taken out, or cancelled, before. */
bool reminder_begun(const struct reminder_status *r);
/* A built-in one without a notice: there is nobody whom it tells anything (so far). */
bool reminder_idle(const struct reminder_status *r);
/* No more will change by our doing: done, or nothing waits, is being sent or in doubt. */
bool reminder_settled(const struct reminder_status *r);

/* Fills r from a HGETALL reply of a reminder's hash. */
void reminder_status_parse(const redisReply *reply, const char *name, struct reminder_status *r);

/* From a HGETALL reply of a campaign's hash, without its reminders, whose names are *names (by
 * spaces, good as long as the reply); NULL with err when there is none. */
struct campaign_status *campaign_status_parse(const redisReply *hash, const char *id,
                                              const char **names, struct error *err);

/* Waits for a second person: whether it is sent, or who was told is told that it is cancelled. */
bool campaign_awaits(const struct campaign_status *s);

/* Of one that awaits approval: a part of it is hers, so that she cannot agree to it. */
bool campaign_is_author(const struct campaign_status *s, const char *name);

/* For programs (they run the loop): one campaign, or NULL with an error when there is none of that
 * id. */
struct campaign_status *campaign_status_read(struct db *db, const char *id, struct error *err);
void campaign_status_free(struct campaign_status *s);

/* All ids, sorted; an array ended by NULL, for the caller to free with each id. */
char **campaign_ids(struct db *db, struct error *err);

/* SHA-256 of a document, in hex: what "the same body" means. out: 65 bytes. */
void campaign_hash(const char *document, size_t n, char *out);

/* The script that makes a loaded campaign active: rows must be the number of
 * rows under token. states[i] is "scheduled" or "skipped" for reminder i. Reply:
 * OK, AGAIN (this body is queued), OTHER (another body is), ROWS (the audience
 * is not complete). */
struct campaign_queueing {
    const char *event_id, *by, *token;
    const char *hash; /* of what was asked for; NULL: of the document */
    int64_t rows, queued_ms;
    const char *document;
    size_t document_length;
    const char *approval; /* why it awaits a second person's; NULL or "": it does not */
    const char *reckoned; /* see approval_sum_text(); NULL: the cost is not why */
};
void campaign_queue_command(struct command *c, const struct campaign *campaign,
                            const struct campaign_queueing *q);

/* Which reminders still go when queued at queued_ms: fills due_ms[] and skipped[]
 * (CAMPAIGN_MAX_REMINDERS each) by the campaign's `missed`. */
void campaign_plan(const struct campaign *c, int64_t queued_ms, int64_t *due_ms, bool *skipped);

/* The script by which a second person agrees to what is queued: its body's hash and, unless
 * NULL, the list's digest. Which reminders still go is planned at now_ms. Reply: OK, AGAIN,
 * UNKNOWN, CANCELLED, OTHER, NOBODY, OWN (see approve.lua). */
struct campaign_approval {
    const char *hash, *digest; /* digest NULL: not said, and rows neither */
    int64_t rows;
    const char *by;
    int64_t now_ms;
};
void campaign_approve_command(struct command *c, const struct campaign *campaign,
                              const struct campaign_approval *a);

/* The same for programs, with the schedule and the audit; word: the script's. -1 with err when
 * Redis does not answer. */
int campaign_approve(struct db *db, const struct campaign *campaign,
                     const struct campaign_approval *a, char word[16], struct error *err);

/* Answers are what single people asked for: no flag of the campaign holds them.
 * op: "pause", "resume", "cancel". For programs; *sending is what was in flight. */
int campaign_flag(struct db *db, const char *id, const char *op, const char *by, int64_t *sending,
                  struct error *err);

#endif
