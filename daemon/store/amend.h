/*
 * amend.h - another document for a campaign that is queued
 *
 * What a campaign says, when, and of what event may change while it is sent: title, event, vars,
 * texts, templates, reminders, hours, limits. Its id, class, channels and audience stay, and so
 * do its columns: rows are stored by them. Each amendment is a version; the documents that were
 * stand in outreach:{id}:versions, for a record of the ledger says which one was told.
 *
 *   text         holds for every notice without an intent. What was sent stays sent.
 *   reminder     not begun: it has its new time; past it, `missed` says whether it still goes, as
 *                at queueing. Begun: its ledger stays; who was not told yet is told by its new time
 *                and until its new end. One that is new is planned; one that is gone is not sent,
 *                and cannot go once it has begun.
 *   event        start, end, zone, venue or address: who was told an older version is sent a
 *                correction (correction.h), nobody else. Refused when it would be over already.
 *                One that repeats is compared by its occurrences, known by their days in the rule:
 *                those that change, move or fall out; who was told of one, and of no other, is
 *                told (series.h). What of an occurrence that fell out still waits is not sent.
 *                While some of an amendment's corrections have not gone out yet, a later one that
 *                lacks their text is refused: those that wait are written anew in its words.
 *   cancelled    event.cancelled = true: what waits is not sent, who was told is told. Final. It
 *                waits for nobody's approval, and is refused where it brings other hours for its
 *                corrections to which somebody would have to agree. Where the campaign needs one
 *                and anything else is another than was agreed to, its corrections wait for it.
 *
 * Fifteen versions, of which the record's four bits can tell; the sixteenth is refused.
 */
#ifndef OUTREACH_AMEND_H
#define OUTREACH_AMEND_H

#include "campaigns.h"
#include "db.h"

#define AMEND_VERSIONS 15

enum amended_what {
    AMENDED_PLANNED, /* not begun: to be sent at its time */
    AMENDED_SKIPPED, /* not begun: its time went by */
    AMENDED_DROPPED, /* in the document no more */
    AMENDED_BEGUN,
    AMENDED_ENDED, /* begun, and its occurrence fell out: what waits is not sent */
    AMENDED_BUILTIN,
};

struct amended_reminder {
    char name[33];
    enum amended_what what;
    const struct reminder_status *was; /* NULL: it is new */
    int64_t due_ms, expires_ms;
};

struct amendment {
    struct campaign *before, *now;
    unsigned version; /* that it makes */
    bool same;        /* nothing is changed */
    bool event;       /* it is another */
    bool reworded;    /* it cancels, and says other things than were agreed to */
    size_t count;
    struct amended_reminder reminders[CAMPAIGN_ALL_REMINDERS];
    struct buf document; /* canonical, as it is stored */
    char hash[65];       /* of what was asked for */
    char *approval; /* why a second person has to agree to it, see approval_text(): the caller puts
                       it there, and it is freed with the rest; NULL: nobody has to. Where it
                       cancels it is done at once, and only who was told waits to be told */
    char *reckoned; /* likewise: what is held against the bound on the cost, approval_sum_text(), to
                       be shown to whoever is to agree; NULL: there is no bound */
};

/* What body, the whole campaign as it is to be, makes of the one that stands; its audience and
 * columns are not looked at. status must outlive it. NULL with err where it may not be. */
struct amendment *amendment_create(const struct campaign_status *status, const struct tree *body,
                                   const struct campaign_defaults *defaults, int64_t now_ms,
                                   struct error *err);
void amendment_free(struct amendment *a); /* NULL is fine */

/* Of each reminder of a->now, whether its time went by without it: it costs nothing. */
void amendment_skipped(const struct amendment *a, bool skipped[CAMPAIGN_MAX_REMINDERS]);

/* The configuration's with the bounds for approvals that the campaign had so far: an amendment may
 * make them stricter, and looser only where somebody else agrees to that. */
struct campaign_defaults amendment_defaults(const struct amendment *a,
                                            const struct campaign_defaults *defaults);

/* So many corrections were written upon earlier ones, sent or not; and at most so many there are
 * with those of this one, for everybody. */
int64_t amendment_earlier_corrections(const struct campaign_status *status);
int64_t amendment_corrections(const struct amendment *a, const struct campaign_status *status);

/* Why a second person has to agree to it (approval.h), or 0: cost is that of all reminders as they
 * are worded now, sent or not, of the corrections of this change and of those sent before. A
 * campaign that asks for a second person does not lose that by an amendment. What stops it waits
 * for nobody; what is told of that does, where it was not agreed to with the rest, and for that the
 * most that the campaign can cost counts. */
unsigned amendment_needs(const struct amendment *a, const struct campaign_defaults *defaults,
                         const struct tree *gateways, int64_t rows, double cost);

/* The script's call. */
void amendment_command(const struct amendment *a, const char *event_id, const char *by,
                       int64_t now_ms, struct command *c);

enum amendment_verdict {
    AMENDMENT_DONE,
    AMENDMENT_AGAIN,     /* it was applied before */
    AMENDMENT_STALE,     /* the campaign is not what it was when it was read: read it anew */
    AMENDMENT_CANCELLED, /* and that is final */
    AMENDMENT_UNKNOWN,
};
enum amendment_verdict amendment_verdict(const redisReply *reply);

/* ------------------------------------------------------------ who was told what */

/* What one person knows of a campaign, by her records in the ledgers of its reminders, and by
 * her correction. */
struct told {
    unsigned version;      /* the newest that went out to her, or may have; 0: none did */
    uint32_t correction;   /* number of the last one written for her; 0: none */
    unsigned corrected_to; /* for which version it was written */
};

#define TOLD_BYTES 8 /* of one person in outreach:{id}:corrections:of, at N * TOLD_BYTES */

/* The version that went out by that record, or may have; 0: none did, or bytes is NULL. */
unsigned told_version(const unsigned char bytes[LEDGER_RECORD_BYTES]);
/* One more record of hers; bytes may be NULL: none is there. */
void told_record(struct told *t, const unsigned char bytes[LEDGER_RECORD_BYTES]);
/* Her entry of corrections:of; then, if t->correction says so, the record of that correction. */
void told_entry(struct told *t, const unsigned char bytes[TOLD_BYTES]);
void told_correction(struct told *t, const unsigned char bytes[LEDGER_RECORD_BYTES]);

/* Something went out to her, and nothing as new as that version: if the event was another in
 * t->version she is to be sent a correction. */
bool told_is_behind(const struct told *t, unsigned version);

#endif
