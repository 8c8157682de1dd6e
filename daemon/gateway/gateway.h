/*
 * gateway.h - the gateways of this daemon: messages in, answers out
 *
 * A gateway is an instance of a plugin (plugins/gateway_plugin.h), opened with
 * the settings of its group in the configuration. This is the dispatcher's view
 * of it: what it may carry, how many more messages it takes now, and one answer
 * for every message it took.
 *
 * A plugin is not trusted to keep its word. Tokens that were answered before,
 * come too late or never existed change nothing and are counted; an answer that
 * makes no sense is UNKNOWN; what is still open when a gateway is closed is
 * answered UNKNOWN; and no callback of ours reaches a closed plugin. A plugin that
 * has not answered a message for `answer_wait` has lost it: it is named, closed and
 * opened anew, since only close() takes back what it holds. (A plugin
 * shares our memory all the same: one that crashes takes us with it.)
 *
 * Every gateway has a circuit (circuit.h) of its own. A gateway whose circuit is
 * open, which is paused, draining, disabled, or has taken nothing for the last
 * ten seconds is not usable: gateway_route() goes past it.
 *
 * All calls belong on the loop thread. None blocks.
 */
#ifndef OUTREACH_GATEWAY_H
#define OUTREACH_GATEWAY_H

#include "field.h"
#include "gateway_plugin.h"
#include "per_number.h"
#include "route.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GATEWAY_SET_MAX 64 /* gateways of one daemon: a set of them is a uint64_t */

struct db;
struct error;
struct event_base;
struct gateway_set;
struct tree;

/* In the order of a campaign's classes. */
enum gateway_class { GATEWAY_CLASS_NOTICE, GATEWAY_CLASS_PROMOTION, GATEWAY_CLASS_PERSONAL };

enum gateway_count { GATEWAY_COUNT_MESSAGES, GATEWAY_COUNT_SEGMENTS };

/* Who writes the sender's signature, and where. */
enum gateway_signature {
    GATEWAY_SIGNATURE_PREFIX,
    GATEWAY_SIGNATURE_SUFFIX,
    GATEWAY_SIGNATURE_GATEWAY, /* the gateway adds its own: not in the text, but in the count */
    GATEWAY_SIGNATURE_NONE,
};

/* Days on which nothing leaves, both included, as 20270303. */
struct gateway_closed {
    int from, to;
};

struct gateway_closed_days {
    const struct gateway_closed *days;
    size_t count;
};

/* When something leaves here, besides. */
enum gateway_days { GATEWAY_DAYS_ANY, GATEWAY_DAYS_WORKED };

/* What every gateway has; its plugin's own settings stay with the plugin. */
struct gateway_config {
    const char *name;         /* [a-z0-9-]{1,32}, unique */
    const char *plugin;       /* as written: a name or an absolute path */
    const char *channel;      /* [a-z0-9-]{1,32}; default: the plugin's */
    unsigned classes;         /* a bit (1 << class) for each that it carries; default all */
    int64_t rate, rate_ms;    /* at most rate in rate_ms; rate 0: no limit is set */
    int64_t burst;            /* at once after a pause; 0, the default: evenly */
    enum gateway_count count; /* what rate, burst and sender_rate count */
    int64_t sender_rate, sender_rate_ms; /* of its source, over all gateways that have it; or 0 */
    const char *source;               /* the number that it sends from, where sender_rate is set */
    const char *number;               /* the same, always; NULL or "" where it has none */
    struct per_number per_number;     /* of one recipient's number, at this gateway */
    int64_t window;                   /* 1..65535, default 10: messages without an answer at once */
    enum gateway_signature signature; /* default: prefix for sms, else none */
    struct field_strings match;       /* addresses that it is preferred for, see route.h */
    int64_t priority;                 /* 1..1000, 1 (the default) goes before 2 */
    int64_t weight;                   /* 1..1000, default 1: its share among equals */
    double cost;        /* of a segment, of a message where there are none; default 0 */
    double balance_low; /* prepaid: less is told; 0: a tenth of what there was */
    struct gateway_closed_days closed;
    enum gateway_days days;
    bool group;              /* one notice a reminder, not one a person; also set by the plugin */
    int64_t receipt_wait_ms; /* how long a receipt is waited for, default 72 h */
    int64_t
        receipt_silence_ms; /* none for so long, though many wait: told; default 15 min, 0: never */
    int64_t answer_wait_ms; /* a plugin that is silent for so long has lost it, default 10 min */
    bool disabled;          /* checked, but not opened: never usable */
    const char *callback_token;         /* in the path of what is pushed to us; NULL: none */
    struct field_strings callback_from; /* networks that may push; none: any */
    const char *tls_ca; /* file of the CAs that its TLS is checked by; NULL: the system's */
    const char *tls_cert, *tls_key; /* files of what it is shown of us; key NULL: in cert's */
    unsigned capabilities;          /* of the plugin: GATEWAY_SEGMENTS, ... */
    unsigned batch_max;             /* of the plugin; UINT_MAX for any */
};

/* What comes up. arg is that of gateway_set_open(). All may be called from
 * within any call to the set but gateway_set_shut(), where only answered() is. */
struct gateway_events {
    /* A submitted message is answered: once for each, with the context given to
     * gateway_submit(), possibly before that call returns. The answer is
     * borrowed; its outcome, ids and counts are in their ranges. */
    void (*answered)(void *arg, struct gateway *gw, void *context,
                     const struct gateway_answer *answer);

    /* A receipt, a reply: borrowed. stored(stored_arg, ...) must run exactly once,
     * now or later; after the set is shut it must not run any more. */
    void (*receipt)(void *arg, struct gateway *gw, const struct gateway_receipt *receipt,
                    gateway_stored_fn *stored, void *stored_arg);
    void (*reply)(void *arg, struct gateway *gw, const struct gateway_reply *reply,
                  gateway_stored_fn *stored, void *stored_arg);

    /* Capacity or usability changed: look at gateway_free() again. Answers free
     * room without it. */
    void (*changed)(void *arg, struct gateway *gw);

    /* What goes over the wire, secrets and all: see http_client_watch(), and the host's trace().
     * NULL for all but who looks at one message. */
    void (*wire)(void *arg, const char *prefix, const char *bytes, size_t n);
};

/* -------------------------------------------------------------------- the set */

/* Opens the gateways of a list of groups (NULL: none). plugin_dir is where
 * NAME.so is looked for. The tree is borrowed and must outlive the set, so must
 * the base; events is copied. Returns NULL with an error that names file, line,
 * gateway and setting: if one plugin is missing, of another ABI or badly
 * configured, nothing stays open. No changed() comes before this returns: look at
 * gateway_free() of each then. */
struct gateway_set *gateway_set_open(const struct tree *list, const char *plugin_dir,
                                     struct event_base *base, const struct gateway_events *events,
                                     void *arg, struct error *err);

/* Where the daemons share what their plugins give to shared_put(); borrowed, and it must not
 * answer any more once the set is closed. Without it every daemon makes its own. */
void gateway_set_share(struct gateway_set *set, struct db *db);

/* The same without opening, for `outreachd -t`: loads the plugins and checks
 * every setting. Returns 0, or -1 with err; where tree_listen() hears of mistakes, all of them are
 * told. */
int gateway_set_check(const struct tree *list, const char *plugin_dir, struct error *err);

/* Checked in the same way but for secrets, and never opened: for who asks what would be done,
 * and need not be able to read what only the daemon may. Whatever is not disabled counts as
 * usable; nothing may be submitted. NULL with err. */
struct gateway_set *gateway_set_plan(const struct tree *list, const char *plugin_dir,
                                     struct error *err);

/* Makes the set that of another list, while it works: opens what is new, then drains what is
 * gone, and closes it once its messages are answered. One whose group or secrets have changed
 * is both: until the old one is drained there are two of its name. What is the same is not
 * touched. All or nothing: -1 with err, and nothing has changed. New ones are at the end
 * (gateway_set_at()), retired ones stay where they are, so there is an end to it: one life
 * of a set sees GATEWAY_SET_MAX gateways. The list must outlive the set where anything was
 * opened. Not to be called from within an event of the set. */
int gateway_set_reload(struct gateway_set *set, const struct tree *list, const char *plugin_dir,
                       size_t *opened, size_t *retired, struct error *err);

/* Was it drained by a reload? It is never usable again. */
bool gateway_retired(const struct gateway *gw);

/* No more submits: tells the plugins to finish what they have and unbind. */
void gateway_set_drain(struct gateway_set *set);

/* Closes all gateways: what is outstanding is answered UNKNOWN on the way. Nothing
 * is usable any more, but all may still be asked for their names and settings: what is
 * under way in Redis comes back to them. Not to be called from within an event of the set. */
void gateway_set_shut(struct gateway_set *set);

/* Lets go of what a burst needed, and nobody since the last call. */
void gateway_set_trim(struct gateway_set *set);

/* Shuts the set, unless it is, and frees it; NULL is fine. */
void gateway_set_close(struct gateway_set *set);

size_t gateway_set_count(const struct gateway_set *set);
struct gateway *gateway_set_at(const struct gateway_set *set, size_t i); /* in configured order */
/* That of this name which is not retired, or NULL. */
struct gateway *gateway_set_find(const struct gateway_set *set, const char *name);
size_t gateway_set_outstanding(const struct gateway_set *set); /* messages without an answer */

/* Chooses the gateway for a notice by the rules of route.h, or NULL with *why (may
 * be NULL) a constant for people: "no gateway serves this channel", ... The
 * chosen one is usable, but may have nothing free now. */
struct gateway *gateway_route(struct gateway_set *set, const struct route_query *query,
                              const char **why);

/* Does any gateway serve this channel for this class, for a person or for a group, whatever
 * its state? */
bool gateway_serves(const struct gateway_set *set, const char *channel, enum gateway_class class,
                    bool group);

/* ---------------------------------------------------------------- one gateway */

const struct gateway_config *gateway_config(const struct gateway *gw);
/* Does nothing leave on that day? See route_query. */
bool gateway_closed_on(const struct gateway *gw, int day, bool rest);
size_t gateway_index(const struct gateway *gw); /* gateway_set_at(set, i) */

/* A pointer of the dispatcher's own, NULL at first. */
void gateway_set_user(struct gateway *gw, void *user);
void *gateway_user(const struct gateway *gw);

/* How many more messages may be submitted now: what the plugin takes, at most
 * the window, less what is outstanding; 0 while not usable, and at most 1, the
 * trial, while the circuit is half open; 0 also within gateway_submit(), whose
 * answers may come before it returns. Cheap: ask every time. */
unsigned gateway_free(const struct gateway *gw);
bool gateway_usable(const struct gateway *gw);

/* Hands n messages over (n <= gateway_free(), asserted) and sets their tokens.
 * Messages and what they point to stay in place until their answers; the two
 * arrays need not. contexts come back with the answers. */
void gateway_submit(struct gateway *gw, struct gateway_message *const *messages,
                    void *const *contexts, size_t n);

/* Does its plugin take pushes, and can a stranger's be told from the provider's: by a
 * token, an address, or a signature that the plugin checks? */
bool gateway_takes_pushes(const struct gateway *gw);

/* No receipt for so long, though many wait, is a silence, ms; 0: none is. That is its
 * receipt_silence, and where nothing is pushed to it, from when its plugin asks for the first
 * one (GATEWAY_POLL_AFTER, GATEWAY_PULL): before that there can be none. */
int64_t gateway_silence_ms(const struct gateway *gw);

/* An HTTP push for this gateway; answer runs once, now or later, with 503 when
 * the gateway is closed before. Returns false, and does nothing, if its plugin
 * takes none. */
bool gateway_push(struct gateway *gw, const struct gateway_push *push,
                  gateway_push_answer_fn *answer, void *arg);

/* Asks the provider about a notice in doubt; the answer comes as a receipt with the
 * reference. Returns false if the plugin cannot. */
bool gateway_query(struct gateway *gw, const char *reference, const char *to, int64_t submitted_ms);

/* How often its plugin was opened, where it is open and asks for receipts: what an earlier
 * one of these lives knew it has forgotten. Else 0. */
unsigned gateway_asks_in_life(const struct gateway *gw);
/* A receipt is owed of one accepted under this id: the plugin asks for it. */
void gateway_owed(struct gateway *gw, const struct gateway_id *id, const char *to,
                  int64_t submitted_ms);

/* Within answered(), of a BROKEN: is it rather the message than the gateway? True where the
 * gateway worked until this very answer opened its circuit: at a real breakdown that is one
 * message by chance, but a message that no gateway can bear it is each time. */
bool gateway_blames(const struct gateway *gw);

/* What ops ask for. A paused gateway keeps its connection and finishes what it
 * has; a drained one unbinds, until gateway_undrain() opens it anew: that does nothing
 * while messages are unanswered, so ask again. Trying ends the wait of an open circuit. */
void gateway_pause(struct gateway *gw, bool paused);
void gateway_drain(struct gateway *gw);
void gateway_undrain(struct gateway *gw);
void gateway_try(struct gateway *gw);

struct gateway_statistics {
    uint64_t submitted;
    uint64_t answers[GATEWAY_UNKNOWN + 1]; /* by outcome; [0] is not used */
    uint64_t receipts, replies;
    uint64_t bad_tokens; /* answered twice, too late, never given out */
    unsigned outstanding;
    unsigned capacity;   /* as the plugin said last */
    int64_t up_since_ms; /* wall clock; 0 while the plugin takes nothing */
    const char *circuit; /* "closed", "open", "half-open" */
    int64_t circuit_ms;  /* until an open circuit is tried, else 0 */
    bool usable, paused, draining;
    char state[160];   /* what the plugin said last about its connection */
    char trouble[160]; /* the last answer that was none of accepted, rejected, unsent; or "" */
    enum gateway_reason trouble_reason; /* of it */
    int64_t trouble_ms;                 /* wall clock, of trouble; 0 for none */
};

void gateway_statistics(const struct gateway *gw, struct gateway_statistics *out);

/* "accepted", "throttled", "unsent", "retry", "rejected", "broken", "unknown" */
const char *gateway_outcome_name(enum gateway_outcome outcome);

/* "number", "text", "blacklisted", ...; "" for GATEWAY_REASON_NONE */
const char *gateway_reason_name(enum gateway_reason reason);

#endif
