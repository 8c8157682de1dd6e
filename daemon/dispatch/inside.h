/*
 * inside.h - what the files of this room share, and nobody else sees
 */
#ifndef OUTREACH_DISPATCH_INSIDE_H
#define OUTREACH_DISPATCH_INSIDE_H

#include "alarm.h"
#include "dispatch.h"
#include "marker.h"
#include "share.h"
#include "mem.h"
#include "campaign.h"
#include "campaigns.h"
#include "moves.h"
#include "rate_rule.h"
#include "receipt_index.h"
#include "silence.h"
#include "spare.h"

#include <event2/event.h>

#define GROUP_MAX 256 /* notices of one intent, and of one settling */
#define JOB_BUCKETS 512
#define PRIORITIES 10  /* 1..9 */
#define PERMIT_MS 5000 /* how long an intent and its gate are good for, on the boot-time clock */
#define CAP_PERMIT_MS                                                                              \
    2500 /* the same under caps: the later they are counted the later may it leave */
#define LOOK_AGAIN_MS 60000 /* a claimed retry that nobody settled is looked at again */
#define NAME_BYTES 33
#define TAKEOVERS_SUSPICIOUS 2 /* of a range: then it is worked in slices, see claim.lua, */
#define TAKEOVERS_ALONE 3      /* of a slice: then one notice at a time */

struct batch;
struct job;
struct lane;

typedef char reminder_key[CAMPAIGN_ID_BYTES + NAME_BYTES]; /* "campaign/reminder" */

/* One notice in memory, from its claim to its settling. */
struct notice {
    struct notice *next; /* in its lane's queue */
    struct batch *batch;
    struct lane *lane; /* NULL: none was found */
    uint32_t n;
    unsigned step;             /* of the campaign's channels */
    const char *const *others; /* addresses of all channels, where there are several */
    bool absent;               /* the ledger is shorter than that */
    bool neutral;              /* message.text says nothing, see safe.c */
    bool unasked;              /* of `answers`: her refusal holds */
    unsigned tries;            /* compare-and-sets that found something else */
    unsigned char hash[8];     /* of message.to, for the delivery log */
    unsigned char record[LEDGER_RECORD_BYTES];  /* what stands in the ledger, as far as we know */
    int64_t ready_us, limited_us, submitted_us; /* monotonic */
    int64_t hours_until_ms; /* in this person's own zone, if there is one: not after that */
    struct gateway_message message;
    char reference[CAMPAIGN_ID_BYTES + NAME_BYTES + 12];
};

/* Notices claimed together: a range under a lease, or due retries. */
struct batch {
    void *spare; /* spare.h's */
    struct job *job;
    struct notice *notices; /* GROUP_MAX of them */
    size_t count, open;     /* open: not yet settled */
    size_t waiting_replies; /* of rows and records */
    uint32_t from, to;      /* of a range; 0: retries, without a lease */
    unsigned takeovers;
    char lease[80];
    enum { SWEEP_NO, SWEEP_CANCELLED, SWEEP_EXPIRED } sweep;
    struct db *db;  /* the connection of its commands */
    bool fresh;     /* nobody has touched these: no records were read */
    bool give_back; /* the range goes back to be claimed again */
    struct arena texts;
};

/* A reminder that is open here. */
struct job {
    struct job *next, *same; /* of all; in its bucket */
    struct dispatch *d;
    char id[CAMPAIGN_ID_BYTES], name[NAME_BYTES], key[CAMPAIGN_ID_BYTES + NAME_BYTES];
    enum { JOB_OPENING, JOB_OPEN, JOB_CLOSING, JOB_HALTED, JOB_DEAD } state;
    struct campaign *campaign;
    size_t reminder; /* index in campaign->reminders */
    int priority;
    unsigned version;
    uint32_t ref;
    int64_t base_s, expires_ms, seq;
    int64_t hours_until_ms; /* the campaign's zone: residents may be disturbed until then */
    int64_t wake_ms; /* boot-time clock: not looked at before; a machine that was suspended looks
                        at once */
    bool cancelled, paused, exhausted; /* exhausted: the last claim found nothing */
    char halted[200];                  /* why, of JOB_HALTED */
    bool looking;                      /* whether its campaign is still there */
    int64_t told_ms; /* monotonic: when it was said that it cannot end; 0: not yet */
    unsigned claims; /* unanswered */
    size_t coming;   /* notices claimed, not yet in a lane */
    size_t batches;
    size_t asks;                            /* other unanswered commands that will come back here */
    size_t in_memory;                       /* notices of its batches */
    struct quota *quota;                    /* the campaign's rate; NULL: none is set */
    struct rate_rule rules[RATE_RULES_MAX]; /* of one recipient over all campaigns */
    size_t rule_count;
    bool guarded;              /* with rules: nobody gets a text that another campaign sent */
    struct settling *settling; /* being filled */
    char body[65], digest[65]; /* of the campaign as it was asked for, and of its list */
};

/* A rate that holds for all daemons together: our share of it, and what is under way to
 * it, between intent and submit. */
struct quota {
    struct quota *next;
    struct dispatch *d;
    enum quota_kind { QUOTA_GATEWAY, QUOTA_SENDER, QUOTA_CAMPAIGN } kind;
    char name[CAMPAIGN_ID_BYTES]; /* of the gateway, the source, the campaign */
    unsigned users;
    struct share share;
    size_t ahead;      /* slots */
    int64_t gather_us; /* a lane that gathers batches takes of it; 0: none does */
};

/* What one job has in the queue of a gateway. */
struct line {
    struct line *next; /* in the ring of its priority */
    struct job *job;
    struct notice *first, *last;
    size_t count;
};

/* The queue of one gateway: the first priority first, fair shares within one. Then, with
 * their intents, notices stand ready until the rates let them go: what a rate counts is
 * counted when it leaves, however long Redis took. */
struct lane {
    struct dispatch *d;
    struct gateway *gateway;
    const struct gateway_config *config;
    char name[NAME_BYTES];          /* a copy: outcomes are settled after the gateways are closed */
    int64_t receipt_wait_ms;        /* a copy too */
    unsigned number;                /* in the registry; 0: not yet known */
    struct quota *rate;             /* never NULL: without a rate one may be learnt */
    struct quota *sender;           /* of the number that it sends from; NULL: none is set */
    struct line *turns[PRIORITIES]; /* of the jobs that wait here: a ring, the next in turn */
    size_t queued, intending;       /* intending: the intent is not yet answered */
    struct notice *ready, *ready_last;
    size_t ready_count;
    size_t unanswered;   /* of the window: parts, where the plugin sends each by itself */
    int64_t gathered_us; /* monotonic: the ready wait for company until then, see gathers() */
    struct event *timer;
    int64_t wake_us;          /* monotonic: when it runs, if it is pending */
    struct silence silence;   /* of its receipts */
    uint64_t heard_here;      /* so many of them were told to the other daemons, */
    int64_t heard_elsewhere;  /* and how often any daemon has told of some */
    int64_t spent, spent_new; /* money, see purse.c: by us; that of it which is not yet written */
    int64_t spent_all;        /* by all daemons */
    int64_t stated, stated_base; /* what a person said there was, and was spent by then */
    bool purse_known, purse_asked;
    unsigned owed_life; /* that was told what is owed: see gateway_asks_in_life() */
};

#define NOT_REFUSED 0xff /* of intent.refused: a state is a small number, and 0 is one */

/* The right to send of up to GROUP_MAX notices of one job through one lane. */
struct intent {
    void *spare; /* spare.h's */
    struct lane *lane;
    struct job *job;
    struct db *db; /* the connection of its commands: they are answered in their order */
    struct moves moves;
    int64_t asked_boot_ms, asked_us;
    unsigned era; /* of the clock when it was asked for */
    enum moves_verdict verdict;
    unsigned char refused[MOVES_MAX]; /* by the gate: NOT_REFUSED, or an enum notice_state */
    unsigned char reasons[MOVES_MAX]; /* why: enum notice_reason */
    int64_t later_ms[MOVES_MAX];
    bool differs[MOVES_MAX];
    bool marks_noted;                            /* somebody is marked, says the set of refusals */
    bool safe_asked;                             /* who of its people is in danger */
    unsigned gates;                              /* of its pipeline, unanswered: refusals, caps */
    bool gates_capped;                           /* caps among them */
    size_t caps_at_once, capped, numbers_capped; /* notices: of one question; answered so far */
    bool unanswered; /* by an error: it may have been written all the same, before a repeat */
};

/* Outcomes of one job on their way to the ledger. */
struct settling {
    void *spare; /* spare.h's */
    struct job *job;
    int64_t begun_us; /* monotonic: the first of them came */
    struct moves moves;
    struct receipt_index_id ids[MOVES_MAX * 2];
    size_t id_count;
    struct lane *id_lane;
    struct arena bytes; /* of the ids */
};

struct dispatch {
    struct dispatch_options options;
    struct event_base *base;
    struct db *db;
    const struct settings *settings;
    struct delivery_log *log;
    struct gateway_set *gateways;
    struct lane lanes[GATEWAY_SET_MAX];
    size_t lane_count;
    struct job *jobs, *next_claim;
    struct job *job_buckets[JOB_BUCKETS]; /* by key */
    uint32_t epoch;                       /* 0: not yet drawn */
    unsigned serial;
    char name[NAME_BYTES]; /* of this daemon */
    struct command command;
    struct event *turn, *tick, *gather;
    int64_t pass_us, pass_ms; /* 0: not yet asked for in this pass */
    bool turn_asked, started, draining;
    bool replaced; /* what stands in Redis under our name is another daemon's */
    bool joining;
    enum marker_verdict trust; /* whether Redis is what it was; unknown since it went away */
    enum marker_verdict said;  /* what was said last, and acted upon */
    bool trust_asked;
    enum { SEAL_UNKNOWN, SEAL_UNREADABLE, SEAL_MISSING, SEAL_THERE } seal; /* of the refusals */
    void (*idle)(void *arg);
    void *idle_arg;
    size_t in_memory, most_in_memory; /* notices */
    struct spare spare_batches, spare_intents, spare_settlings;
    size_t intents, settlings; /* in use */
    bool settles;              /* outcomes have been sent, and nothing has left for Redis since */
    struct refs *refs;
    struct events *events;
    struct corrector *corrector;
    struct recovery *recovery;
    struct owed *owed;
    struct member *member;
    struct quota *quotas;
    int64_t marks_told_ms; /* monotonic: when their loss was said last */
    bool safe_known;       /* there are residents in danger, as far as we have heard */
    int64_t intent_us;     /* what Redis takes for an intent of late: soon more, slowly less */
    const struct notice *suspect; /* on its way: FLAG_SUSPECT, one at a time */
    struct watch *watch;
    struct alarms *alarms;
    struct matters *matters;
    bool orders_asked, orders_refused, orders_known; /* known: nothing is begun before they are */
    unsigned era; /* of the clock by which the queues were filled */
};

/* ---------------------------------------------------------------- quota.c */
#define QUOTA_TURN_MS 30000 /* where a rate is too small to be shared it goes round */

struct quota_rate {
    int64_t slots, period_ms, burst; /* see share_init() */
    unsigned least;
};

/* The quota of that name, with the rate of whoever came first. */
struct quota *quota_get(struct dispatch *d, enum quota_kind kind, const char *name,
                        const struct quota_rate *rate);
/* Another rate from now on; nothing where it is the same. */
void quota_change(struct quota *q, const struct quota_rate *rate);
void quota_drop(struct quota *q); /* NULL is fine */
/* Who takes of it waits so long for several slots: they are kept, and intents are asked for so
 * much sooner. NULL is fine. */
void quota_gather(struct quota *q, int64_t us);
/* For how many more slots an intent may be asked for now; SIZE_MAX without a rate, also
 * for NULL. */
size_t quota_room(const struct quota *q);
int64_t quota_wait_us(const struct quota *q); /* until there is some */
/* Asks for this daemon's shares: for all of them, every QUOTA_TICKS, or only for those
 * that it has none of. */
void quotas_ask(struct dispatch *d, bool all);
/* Gives the shares of a daemon back: a dead one's, or ours when we have stopped sending. */
void quotas_return(struct dispatch *d, const char *daemon);
void quota_return_campaign(struct dispatch *d, const char *id, const char *daemon);
void quotas_free(struct dispatch *d);

/* Asks for a turn of the pump at the end of this pass of the loop. */
void dispatch_ask_turn(struct dispatch *d);

/* Monotonic and wall clock, read once between two turns: for what comes by the hundred
 * in one pass of the loop, and is measured. Whether something may still be sent is
 * asked of the clock itself. */
int64_t dispatch_pass_us(struct dispatch *d);
int64_t dispatch_pass_ms(struct dispatch *d);
/* An intent was refused over the text version: what it says has changed. */
void job_reload(struct job *job);

/* Halts a job whose script was answered by an error. */
void halt_damaged(struct job *job, const char *script, const redisReply *reply);

/* What one recipient may get: gives back a reservation that was not made use of. Does
 * nothing where a copy of n may have gone out. */
void intent_return_cap(struct notice *n);
/* The same for what its gateway takes for one number: this attempt of n was not taken. */
void intent_return_number(struct notice *n);

/* The connection for a piece of work whose commands belong together. */
struct db *dispatch_stripe(struct dispatch *d);

/* A fence that no notice of this daemon's life has had lately. */
uint32_t dispatch_fence(struct dispatch *d);

/* May anything new be begun? */
bool dispatch_may_begin(const struct dispatch *d);

/* Draws an epoch and begins, once Redis is to be trusted, or is again. */
void dispatch_join(struct dispatch *d);

/* ---------------------------------------------------------------- trust.c */
void trust_tick(struct dispatch *d, unsigned ticks); /* asks, when it is time to */
/* Asks now: the answer comes before that of what is sent to d->db next. */
void trust_ask(struct dispatch *d);
void trust_doubt(struct dispatch *d);    /* a script has found that Redis went back */
void trust_unsealed(struct dispatch *d); /* a gate has found that the refusals are lost */
/* Why nothing is sent; "" while it is to be trusted. */
const char *trust_reason(const struct dispatch *d);
/* It has said that it is, since the connection was made. */
bool dispatch_trusts(const struct dispatch *d);

/* ---------------------------------------------------------------- orders.c */
/* Asks what people have ordered of the gateways, and does it; several times a second or so. */
void orders_ask(struct dispatch *d);

/* ---------------------------------------------------------------- job.c */
void job_open(struct dispatch *d,
              const char *key); /* "campaign/reminder"; does nothing if it is open */
struct job *job_find(struct dispatch *d, const char *key);
void job_claim_round(struct dispatch *d); /* claims as much as lanes and memory take */
/* Whether a window of notices is ready for each of its gateways: what comes next is not waited for.
 */
bool job_is_ahead(const struct job *job);
void job_look_after(struct job *job);            /* ends it when it is over */
void job_halt(struct job *job, const char *why); /* for a while, */
void job_halt_back(struct job *job);   /* or until Redis is to be trusted again: MOVES_BACK */
void jobs_halt(struct dispatch *d);    /* all, until then */
void jobs_forget(struct dispatch *d);  /* all are opened anew */
void jobs_sweep(struct dispatch *d);   /* frees what is dead */
void jobs_refresh(struct dispatch *d); /* reads flags of jobs that do not claim */
void job_free(struct job *job);
bool job_idle(const struct job *job);

/* -------------------------------------------------------------- batch.c */
struct batch *batch_take(struct job *job);
void batch_read(struct batch *b);     /* rows (and records) of what it covers; then prepare.c */
void batch_settled(struct notice *n); /* n is done with: the last one closes the batch */
void batches_trim(struct dispatch *d);
void batches_free(struct dispatch *d);
/* The range of a lease, of ours, is to be claimed again. */
void lease_give_back(struct job *job, struct db *db, const char *lease, uint32_t from, uint32_t to,
                     unsigned takeovers);

/* ------------------------------------------------------------ prepare.c */
/* Decides what is to become of n: queues it in a lane, or settles it. row may be
 * NULL when there is none. */
void prepare_notice(struct notice *n, const char *row, size_t row_length, int64_t now_ms);

/* The day in the campaign's zone, as 20270303, and whether it is no worked one there. */
int prepare_today(const struct job *job, int64_t now_ms, bool *rest);

/* --------------------------------------------------------------- lane.c */
void lane_init(struct lane *lane, struct dispatch *d, struct gateway *gateway);
void lane_clear(struct lane *lane);
/* At most rate in rate_ms, and no more than is configured; 0: as configured. */
void lane_limit(struct lane *lane, int64_t rate, int64_t rate_ms);
struct lane *lane_of(struct gateway *gateway);
void lane_add(struct lane *lane, struct notice *n);
/* Asks for intents, as far as window and rates go. Where the gateway is out of use all goes back.
 */
void lane_intend(struct lane *lane);
void lane_submit(struct lane *lane); /* what has its intent leaves, as far as they go */
/* n has its intent, and may leave when the rates let it: lane_submit() sees to it. */
void lane_ready(struct lane *lane, struct notice *n);
void lane_answered(struct lane *lane, const struct notice *n); /* a gateway has */
/* n, whose intent was asked for, does not leave by it. */
void lane_behind(const struct lane *lane, const struct notice *n);
/* What waits here goes back, to be routed anew: the gateway is out of use, or we stop. */
void lane_give_back(struct lane *lane);
/* Room for more notices of a job: its share of two windows, less what it has here.
 * Adds the share to *fair. */
size_t lane_room(const struct lane *lane, const struct job *job, size_t *fair);
/* When a notice that does not fit would have its turn, in ms from now. */
int64_t lane_turn_ms(const struct lane *lane);

/* ------------------------------------------------------------- intent.c */
void intent_send(struct lane *lane, struct job *job, struct notice **notices, size_t count);
void intents_trim(struct dispatch *d);
void intents_free(struct dispatch *d);
/* For the parts of the gate: who is at place k; not now, since nobody could tell; she has no
 * address on that channel, whatever stands in a set; one answer more is here. */
struct notice *intent_notice(const struct intent *i, size_t k);
void intent_refuse_for_now(struct intent *i, size_t k);
bool intent_no_address(const struct notice *n, size_t channel);
void intent_gate_answered(struct intent *i);

/* --------------------------------------------------------------- safe.c */
/* Asks, within the gate, who may not be told, or not so. Adds to i->gates. */
void safe_ask(struct intent *i);

/* ------------------------------------------------------------- settle.c */
/* What became of an attempt, as a gateway answered. */
void settle_answer(struct notice *n, const struct gateway_answer *answer);
/* Without an attempt: a terminal state, or parked until a time. */
void settle_as(struct notice *n, enum notice_state state, enum notice_reason reason);
void settle_park(struct notice *n, enum notice_reason reason, int64_t until_ms);
/* When a doubt that begins now has lasted long enough. */
int64_t settle_doubt_until(const struct dispatch *d, int64_t now_ms);
/* An uncertain notice whose doubt has lasted long enough goes once more. */
void settle_resend(struct notice *n);
/* Its provider was asked about an uncertain notice; it is looked at again then. */
void settle_asked(struct notice *n, int64_t until_ms);
/* Nothing of it waits any more: takes it out of the retry set, if it still is as believed. */
void settle_forget(struct notice *n);
/* Accepted, and no receipt has come in time. */
void settle_no_receipt(struct notice *n);
/* On to the next channel if there is one, else failed; undelivered if it was told. */
void settle_next_channel(struct notice *n, struct record *r, enum notice_reason reason,
                         const char *code, const char *words);
void settle_flush(struct job *job);
/* At the end of a turn: what is enough for a script, or has waited for company. */
void settle_gathered(struct dispatch *d);
/* Before anything new is begun: outcomes that are kept back would be so many more
 * uncertain ones after a crash. */
void settle_all(struct dispatch *d);
void settlings_trim(struct dispatch *d);
void settlings_free(struct dispatch *d);

/* ------------------------------------- survey, refs, recovery, events, member */
/* All reminders of all campaigns; fn runs once, and owns keys (NULL is fine where count is 0). */
typedef void survey_fn(void *arg, reminder_key *keys, size_t count);
void survey(struct dispatch *d, survey_fn *fn, void *arg);

/* A command for each of them, a few at a time; done runs when all are answered. */
struct poll_questions {
    void (*ask)(void *arg, const char *id, const char *name, struct command *c);
    void (*answer)(void *arg, const char *key, const redisReply *reply);
    void (*done)(void *arg);
};
void poll_reminders(struct dispatch *d, const struct poll_questions *questions, void *arg);

struct refs *refs_create(struct dispatch *d);
void refs_free(struct refs *refs);
void refs_forget(struct refs *refs);
void refs_learn(struct refs *refs, uint32_t ref, const char *key);

struct recovery *recovery_create(struct dispatch *d);
void recovery_free(struct recovery *r);
/* Takes over what daemon name, which sent under that epoch last, left in all campaigns; then
 * done runs. One that is under way is dropped, its done never runs: it is to be ordered anew. */
void recovery_begin(struct recovery *r, const char *name, uint32_t epoch, void (*done)(void *arg),
                    void *arg);
bool recovery_busy(const struct recovery *r);

/* Tells plugins that ask for receipts which are owed, once in each of their lives. */
struct owed *owed_create(struct dispatch *d);
void owed_free(struct owed *o);
void owed_look(struct owed *o); /* now and then */
void owed_anew(struct owed *o); /* a daemon has died: what it knew is owed too */

struct events *events_create(struct dispatch *d);
void events_free(struct events *e);
void events_poll(struct events *e);   /* reads what was asked for since */
void schedule_poll(struct events *e); /* opens what is due */
/* Why what takes room is rejected: at 80 % of maxmemory, and where Redis itself refuses it. */
extern const char *const events_no_room;
bool events_ours(const struct events *e); /* this daemon reads them */
void events_leave(struct events *e);      /* another daemon may read them at once */
void schedule_rebuild(struct events *e);  /* the schedule is an index: from the campaigns */

/* What counts as the cost of c for so many recipients, where that asks for an approval. Its sender
 * may have reckoned it from the texts as each recipient has them: that is taken where it can be
 * true. Else, and where nothing is said (NULL), it is the most that it can be, with so
 * many corrections. skipped: reminders of c that are not sent. */
double said_cost(const struct dispatch *d, const struct campaign *c, const bool *skipped,
                 int64_t rows, int64_t corrections, const char *said);

/* Another document for a campaign, store/amend.h: done runs once, refused is NULL or the reason. */
struct amend_request {
    const char *event_id, *by, *campaign;
    const char *cost;  /* what its sender says that it costs, see said_cost(); or NULL */
    struct tree *body; /* is taken over */
};
typedef void amend_done_fn(void *arg, const char *refused);
void amend(struct dispatch *d, const struct amend_request *request, amend_done_fn *done, void *arg);

/* Who was told an older version of an amended campaign is looked for, and told: by the daemon that
 * reads the events, a page of people after the other. Where it stands is in Redis: another one goes
 * on from there. */
struct corrector *corrector_create(struct dispatch *d);
void corrector_free(struct corrector *c);
void corrections_look(struct corrector *c, const char *campaign); /* if anybody is to be told */
void corrections_poll(struct corrector *c); /* goes on, if this daemon reads the events by now */

struct member *member_create(struct dispatch *d);
void member_free(struct member *m);
/* Draws an epoch, numbers the gateways, recovers what this name's last life left;
 * then joined runs, unless Redis is in doubt by then. May be called once more at any time: a join
 * that is under way ends without a word, and is done anew. */
void member_join(struct member *m, void (*joined)(struct dispatch *d));
void member_beat(struct member *m); /* heartbeat, and a look at the others; every few seconds */
/* Redis was away: who is silent since then is not dead for that. */
void member_count_anew(struct member *m);
void member_number(struct lane *lane); /* asks for its number in the registry */
void member_forget(struct lane *lane); /* its gateway is gone from the configuration */
void member_publish(struct member *m); /* the gateways' states, for people */

/* --------------------------------------------------------------- alarm.c */
struct alarms *alarms_create(struct dispatch *d);
void alarms_free(struct alarms *a);
void alarms_look(struct alarms *a); /* every few seconds, also while Redis is away */

/* --------------------------------------------------------------- purse.c */
void purse_spend(struct lane *lane, unsigned segments); /* they were accepted */
void purse_stated(struct lane *lane, const redisReply *orders);
void purses_look(struct dispatch *d);  /* every few seconds */
void purses_close(struct dispatch *d); /* at the end: what is not yet written */

/* ------------------------------------------------------------- matters.c */
struct matters *matters_create(struct dispatch *d);
void matters_free(struct matters *m);
void matters_look(struct matters *m); /* as alarms_look() */
/* Tells upwards of one that holds. */
void matter_report(struct dispatch *d, enum alarm_matter matter, const char *name, int64_t number,
                   const char *detail);

/* --------------------------------------------------------------- watch.c */
struct watch *watch_create(struct dispatch *d);
void watch_free(struct watch *w);
/* What this daemon's last life left of its clock: boot id, offset, wall clock; any may be
 * NULL or no string. */
void watch_join(struct watch *w, const redisReply *boot, const redisReply *offset,
                const redisReply *wall);
/* Is the clock still what it was? Before anything is begun. */
void watch_look(struct watch *w);
void watch_compare(struct watch *w); /* with Redis' clock; every few seconds */
/* A person has said that the system's clock is right, at that offset. */
void watch_confirmed(struct watch *w, const redisReply *offset);
bool watch_sends(const struct watch *w); /* may anything be begun? And of that class? */
bool watch_lets(const struct watch *w, enum campaign_class class);
/* Counts the times that the clock was another: what was decided in one era is decided
 * anew in the next. */
unsigned watch_era(const struct watch *w);

#endif
