/*
 * gateway_plugin.h - the whole interface between outreachd and a gateway plugin
 *
 * A plugin teaches outreachd to speak to one kind of gateway. It is one shared
 * object that exports one constant:
 *
 *     const struct gateway_plugin gateway_plugin = { .abi = GATEWAY_ABI, ... };
 *
 * and includes this file and nothing else of ours. A *gateway* is a configured
 * instance of a plugin; one plugin may be opened several times.
 *
 * Everything runs on the daemon's one loop thread. No call may block: no sleep,
 * no blocking socket, no name lookup, no file on a slow disk. Work that takes
 * time is started here and finished from a timer, an event on host->loop() or
 * an HTTP answer.
 *
 * A plugin reports what happened; what that costs a notice, and whether and
 * when it is tried again, is the daemon's business. Above all it never repeats
 * a submit by itself when the first may have arrived: that is UNKNOWN.
 *
 * Order of events: open() once; submit() any number of times, never with more
 * messages outstanding than host->capacity() announced; drain() when the daemon
 * stops or the gateway is taken out of use; close() last, with every message
 * answered (the host answers UNKNOWN for those that are not). After close() no
 * callback of the plugin may run. A plugin that leaves a message unanswered for the
 * gateway's `answer_wait` is closed in the middle of its work, and opened again.
 *
 * Strings are UTF-8. A pointer with a length is not NUL-terminated unless said.
 * What a call hands over is borrowed: good until that call returns, or for a
 * message until its done().
 *
 * Versions: GATEWAY_ABI changes when existing members change. New members are
 * added at the end and announced by `size`, so an older plugin keeps working.
 */
#ifndef GATEWAY_PLUGIN_H
#define GATEWAY_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define GATEWAY_ABI 1u
#define GATEWAY_MAX_IDS 8 /* message ids of one notice: its parts */

struct gateway;    /* the host's side of an instance; the plugin only hands it back */
struct event_base; /* libevent's, see host->loop() */

/* ------------------------------------------------------------------ settings
 *
 * A plugin declares its settings in a table ended by {0}. The host reads them
 * from the gateway's group in the configuration, refuses unknown keys, wrong
 * kinds and values out of range with file and line, resolves "@file:" and
 * "@env:" in secrets, and then calls open(), which reads them by name.
 */
enum gateway_setting_kind {
    GATEWAY_STRING,
    GATEWAY_SECRET, /* a string that must come from @file: or @env:; never logged */
    GATEWAY_INT,
    GATEWAY_BOOL,
    GATEWAY_DURATION, /* "500ms", "30s", "5min", "2h", or an int of seconds; read as milliseconds */
    GATEWAY_GROUPS,   /* a list of groups, each by the table in fields */
    GATEWAY_STRINGS,  /* a list of strings */
};

struct gateway_setting {
    const char *name;
    enum gateway_setting_kind kind;
    bool required;
    int64_t min, max;    /* of an int, a duration (ms) or a string's length; both 0: unchecked */
    const char *initial; /* as it would be written, NULL for none ("", 0, false) */
    const struct gateway_setting *fields; /* of GATEWAY_GROUPS */
    const char *help;                     /* one sentence, English */
};

/* Durations that the host understands where a plugin has settings of these names: a receipt that
 * has not come so long after the answer is asked for; receipts are fetched so often. 0: never. */
#define GATEWAY_POLL_AFTER "poll_after"
#define GATEWAY_PULL "pull"

/* Where the setting given is in the file, the host's setting name has this default. */
struct gateway_preset {
    const char *given, *name, *initial;
};

/* ------------------------------------------------------------------ messages */
enum gateway_encoding { GATEWAY_GSM7, GATEWAY_UCS2 };

struct gateway_field {
    const char *name; /* NUL-terminated */
    const char *value;
    size_t length;
};

/* One notice to hand over. Members are set for every channel unless said. */
struct gateway_message {
    uint64_t token; /* names this attempt in done(); never 0, never used twice */
    const char *to; /* the address, NUL-terminated: E.164 with '+' for sms; "" for a group */
    size_t to_length;
    const char *from; /* the sender of this message, NUL-terminated, or NULL: the gateway's own */
    const char *text; /* complete, with signature and opt-out line where this gateway wants them */
    size_t length;
    enum gateway_encoding encoding; /* what the text needs by GSM 03.38 */
    unsigned segments; /* what the host counted, 1..GATEWAY_MAX_IDS; 1 where the channel has none */
    const char *title; /* of the campaign, NUL-terminated: for channels with a headline */
    const char *language;               /* BCP 47, NUL-terminated: "zh", "en" */
    const char *message_class;          /* "notice", "promotion", "personal" */
    const char *template_code;          /* of the provider for this campaign and gateway, or NULL */
    const struct gateway_field *params; /* of that template, in its order */
    size_t param_count;
    const struct gateway_field *columns; /* the recipient's, only for GATEWAY_WANTS_COLUMNS */
    size_t column_count;
    const char *campaign, *reminder; /* ids, NUL-terminated */
    uint32_t number;                 /* of the recipient in the audience, from 1 */
    unsigned attempt;                /* from 1 */
    const char *reference; /* [a-z0-9-./] up to 120, NUL-terminated: the same in every attempt of a
                              notice */
    uint64_t reference_number; /* the same as a number that fits providers' numeric fields */
    int64_t expires_ms;        /* wall clock: worthless after it; 0 for never */
    int64_t submit_by_ms; /* CLOCK_BOOTTIME: what has not been written to the wire by then must be
                           * answered UNSENT, since the permission to send is stale */
    const char *template_signature; /* that the campaign names for the template; NULL: the gateway's
                                       own */
};

enum gateway_outcome {
    GATEWAY_ACCEPTED = 1, /* they have it; message_ids holds their ids, if they give any */
    GATEWAY_THROTTLED, /* "too fast": costs no attempt, lowers the rate; retry_after_ms if they say
                        */
    GATEWAY_UNSENT,    /* no byte of it left us: costs nothing */
    GATEWAY_RETRY,     /* their outage; tried again later, with back-off */
    GATEWAY_REJECTED,  /* this recipient or this text: never again on this channel */
    GATEWAY_BROKEN,    /* our key, balance, template or setting: opens the circuit, tells ops */
    GATEWAY_UNKNOWN,   /* sent, or perhaps sent, and no answer */
};

/* Why, as far as one word of ours can say; the raw code and words go to the log. */
enum gateway_reason {
    GATEWAY_REASON_NONE = 0,
    GATEWAY_REASON_NUMBER,      /* no such number, not reachable by this channel */
    GATEWAY_REASON_TEXT,        /* content refused: too long, a forbidden word, no signature */
    GATEWAY_REASON_BLACKLISTED, /* the recipient refused, or is on the operator's list */
    GATEWAY_REASON_ABSENT,      /* switched off, out of coverage, no answer from the handset */
    GATEWAY_REASON_BARRED,      /* service suspended */
    GATEWAY_REASON_EXPIRED,     /* the operator gave up in time */
    GATEWAY_REASON_PARTIAL,     /* some parts accepted, another refused */
    GATEWAY_REASON_OUTAGE,      /* theirs */
    GATEWAY_REASON_CREDENTIALS,
    GATEWAY_REASON_BALANCE,
    GATEWAY_REASON_TEMPLATE,
    GATEWAY_REASON_LIMIT, /* their limit for this recipient */
    GATEWAY_REASON_PROTOCOL,
    GATEWAY_REASON_OTHER,
};

struct gateway_id {
    const char *bytes;
    size_t length; /* 1..64 */
};

struct gateway_answer {
    enum gateway_outcome outcome;
    enum gateway_reason reason;
    const struct gateway_id *ids; /* of accepted parts, each with a receipt to come */
    size_t id_count;              /* 0..GATEWAY_MAX_IDS */
    bool partial; /* REJECTED or RETRY after a part was accepted: told, never repeated whole */
    int64_t retry_after_ms; /* THROTTLED, RETRY, BROKEN: what they asked for, or 0 */
    const char *code;  /* theirs, raw: "0x0000000b", "isv.BUSINESS_LIMIT_CONTROL"; NULL for none */
    const char *words; /* theirs, for people; NULL for none */
};

/* ------------------------------------------------------------- receipts, replies */
enum gateway_receipt_state {
    GATEWAY_DELIVERED = 1,
    GATEWAY_UNDELIVERED,
    GATEWAY_ENROUTE, /* not final: noted only */
};

struct gateway_receipt {
    struct gateway_id id;       /* as in the answer, normalised by the plugin; or length 0 ... */
    const char *reference;      /* ... with a gateway that echoes our reference; else NULL */
    struct gateway_id other_id; /* a second reading of the id (decimal for hex), tried for a hint to
                                   ops; or length 0 */
    enum gateway_receipt_state state;
    enum gateway_reason reason;
    const char *code, *words; /* raw; NULL for none */
    int64_t done_ms;          /* wall clock as they say, 0 if they do not */
};

struct gateway_reply {
    const char *from, *to; /* NUL-terminated, as they came: normalised by the host */
    const char *text;
    size_t length;
    const char *id; /* theirs: with the same sender and text a repeat, stored once; NULL: none */
    bool part;      /* one part of a longer reply still to be joined: look for a refusal only */
    int64_t sent_ms;
};

/* A value that all daemons share, or NULL: then the caller is to make it. */
typedef void gateway_shared_fn(void *arg, const char *value, size_t length);

/* What became of a receipt or reply: stored is true when it is durable (or known
 * to be worthless), false when Redis is away and the peer must send it again. */
typedef void gateway_stored_fn(void *arg, bool stored);

/* ------------------------------------------------------------------ HTTP client */
struct gateway_http_request {
    const char *method;         /* "GET", "POST" */
    const char *url;            /* http or https */
    const char *const *headers; /* "Name: value", ended by NULL; NULL for none */
    const char *body;
    size_t length;
    int64_t timeout_ms; /* whole request; 0: 30 s */
    int64_t send_by_ms; /* CLOCK_BOOTTIME: not begun to be written by then: UNSENT; 0 for no end */
};

enum gateway_http_result {
    GATEWAY_HTTP_ANSWERED = 0, /* status and body are there */
    GATEWAY_HTTP_UNSENT,       /* no byte of the request left: name, connect, TLS */
    GATEWAY_HTTP_AMBIGUOUS,    /* it may have arrived: time-out, connection lost */
};

struct gateway_http_response {
    enum gateway_http_result result;
    int status;
    const char *body; /* at most 1 MiB, NUL-terminated too */
    size_t length;
    int64_t retry_after_ms; /* from Retry-After, 0 for none */
    const char *trouble;    /* what failed, for the log; NULL when answered */
    bool tls_trouble;       /* certificate or handshake: a matter for ops, not for a retry */
};

typedef void gateway_http_fn(void *arg, const struct gateway_http_response *response);

/* A push of the gateway's (HTTP callback) as it came in. */
struct gateway_push {
    const char *method, *path, *query; /* NUL-terminated; path without the route's prefix */
    const struct gateway_field *headers;
    size_t header_count;
    const char *body;
    size_t length;
    const char *peer; /* its address */
};

/* Answers a push: an HTTP status and a body (NUL-terminated, copied). */
typedef void gateway_push_answer_fn(void *arg, int status, const char *body);

/* ------------------------------------------------------------------ the host */
enum gateway_log_level {
    GATEWAY_LOG_DEBUG,
    GATEWAY_LOG_INFO,
    GATEWAY_LOG_WARNING,
    GATEWAY_LOG_ERROR
};

struct gateway_timer; /* the host's */
typedef void gateway_timer_fn(void *arg);
/* addresses: numeric, NUL-terminated; count 0 and a reason when there is none. */
typedef void gateway_resolved_fn(void *arg, const char *const *addresses, size_t count,
                                 const char *trouble);

/* What the daemon does for a plugin. Every call belongs on the loop thread. */
struct gateway_host {
    size_t size; /* of this struct as the host knows it */

    /* Settings, valid in open() and after. name may be a path into lists:
     * "accepted.0.status". The string stays valid until close(). */
    const char *(*setting_string)(struct gateway *gw, const char *name);
    int64_t (*setting_int)(struct gateway *gw,
                           const char *name); /* bools are 0 and 1, durations ms */
    bool (*setting_given)(struct gateway *gw, const char *name);   /* is it in the file? */
    size_t (*setting_count)(struct gateway *gw, const char *name); /* elements of a list */

    /* How many messages may be outstanding now: 0 while not connected. Called
     * at every change; the first submit() comes after the first capacity above
     * 0. why is for ops ("bound as transceiver", "connection refused"). */
    void (*capacity)(struct gateway *gw, unsigned messages, const char *why);

    /* Answers one message, exactly once. A token that is unknown or was answered
     * before changes nothing and is logged with the gateway's name. */
    void (*done)(struct gateway *gw, uint64_t token, const struct gateway_answer *answer);

    /* Hands a receipt or a reply over; stored runs once, in a later turn or now. Until
     * then the plugin must not acknowledge it to the peer. */
    void (*receipt)(struct gateway *gw, const struct gateway_receipt *receipt,
                    gateway_stored_fn *stored, void *arg);
    void (*reply)(struct gateway *gw, const struct gateway_reply *reply, gateway_stored_fn *stored,
                  void *arg);

    /* One HTTP request over shared keep-alive connections, never sent twice by
     * itself, no redirects, TLS verified. fn runs once, in a later turn, unless
     * the gateway is closed before. Everything is copied. */
    void (*http)(struct gateway *gw, const struct gateway_http_request *request,
                 gateway_http_fn *fn, void *arg);

    /* One-shot timer on the monotonic clock; fn runs once unless cancelled. */
    struct gateway_timer *(*timer)(struct gateway *gw, int64_t delay_ms, gateway_timer_fn *fn,
                                   void *arg);
    void (*timer_cancel)(
        struct gateway_timer *timer); /* of a timer that has not run; NULL is fine */

    /* Looks a host name up without blocking (a numeric address comes back at once). */
    void (*resolve)(struct gateway *gw, const char *name, gateway_resolved_fn *fn, void *arg);

    /* For sockets of the plugin's own: non-blocking, closed in close(). */
    struct event_base *(*loop)(struct gateway *gw);

    int64_t (*wall_ms)(void);
    int64_t (*mono_ms)(void);
    int64_t (*boot_ms)(void);
    void (*random)(void *bytes, size_t n);

    const char *(*name)(struct gateway *gw); /* of the gateway, as configured */

    /* "event key=value", as log lines are; the gateway's name is added. Never a
     * secret, a whole number or a text. log_bytes escapes foreign bytes for it. */
    void (*log)(struct gateway *gw, enum gateway_log_level level, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
    const char *(*log_bytes)(const char *bytes, size_t n);

    /* A value that all daemons share under the gateway's and this name ([a-z-]{1,32}): an
     * access token. fn runs once, in a later turn: with the value; or with NULL for one
     * caller among all daemons, who makes it and calls shared_put(), while the others wait
     * (20 s at most, then the next one is asked to). Redis keeps it sealed under the
     * gateway's secrets, for ttl_ms; ttl_ms 0 forgets it. stale is a value that the
     * provider has refused, or NULL: it is never given back. */
    void (*shared)(struct gateway *gw, const char *name, const char *stale, gateway_shared_fn *fn,
                   void *arg);
    void (*shared_put)(struct gateway *gw, const char *name, const char *value, size_t length,
                       int64_t ttl_ms);

    /* For a child process of the plugin's that is to end, the leader of a process group of its own:
     * the host looks after it from now on, also when the gateway is closed. SIGTERM goes to
     * the group after term_ms, SIGKILL after kill_ms (from now; 0 <= term_ms <= kill_ms). What is
     * left of the group when the child has ended is killed. It is reaped, and the plugin may signal
     * and wait for it no more. What pipes it has are the plugin's to close. */
    void (*child_end)(struct gateway *gw, pid_t pid, int64_t term_ms, int64_t kill_ms);

    /* A line of what goes over a connection of the plugin's own, for who tries the gateway;
     * where nobody does it costs the call. out: it is from us. The secrets of the configuration
     * and the recipient's number are blotted out where they stand as they are written there: in
     * another shape (octets, swapped digits) they are the plugin's to leave out. */
    void (*trace)(struct gateway *gw, bool out, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
};

/* Does the host that we were loaded into have that member? */
#define GATEWAY_HOST_HAS(host, member)                                                             \
    ((host)->size >= offsetof(struct gateway_host, member) + sizeof(host)->member &&               \
     (host)->member != NULL)

/* ------------------------------------------------------------------ the plugin */
enum {
    GATEWAY_SEGMENTS = 1 << 0,         /* texts are cut and billed in SMS segments */
    GATEWAY_SENDS_RECEIPTS = 1 << 1,   /* delivered or not is told later */
    GATEWAY_ECHOES_REFERENCE = 1 << 2, /* receipts carry our reference */
    GATEWAY_GROUP_ONLY = 1 << 3,       /* reaches a group, not a person */
    GATEWAY_WANTS_COLUMNS = 1 << 4,    /* messages carry the recipient's columns */
    GATEWAY_CHECKS_PUSHES = 1 << 5,    /* callback() checks who pushes, by a signature or secret:
                                        * no token in the path is needed */
    GATEWAY_TEMPLATES_ONLY = 1 << 6,   /* a message without template_code is always refused */
    GATEWAY_OPENS_QUIETLY = 1 << 7,    /* open() reaches nothing but by the host's functions, and by
                                        * events of its loop: `outreachd -t` calls it, with a host
                                        * that does nothing, and close() at once */
};

struct gateway_plugin {
    uint32_t abi;  /* GATEWAY_ABI, first for ever */
    uint32_t size; /* sizeof(struct gateway_plugin) */
    const char *name;
    const char *channel; /* "sms", "wecom", ...; NULL: as configured */
    unsigned capabilities;
    unsigned batch_max; /* messages in one submit() it can make use of; 0: any. Above 1 the daemon
                         * waits up to 210 ms for as many, and takes those for one request */
    const struct gateway_setting *settings;

    /* Makes an instance. *state is the plugin's own. Returns 0; or -1 with a
     * sentence in error (size bytes) that names the setting, and nothing kept.
     * Connecting goes on in the background: a gateway that is down is no error. */
    int (*open)(const struct gateway_host *host, struct gateway *gw, void **state, char *error,
                size_t size);

    /* Takes n messages; each is answered once with host->done(), now or later. */
    void (*submit)(void *state, const struct gateway_message *const *messages, size_t n);

    /* No more submits will come: unbind when what is outstanding is answered.
     * Optional. */
    void (*drain)(void *state);

    /* Ends everything at once and frees state. */
    void (*close)(void *state);

    /* Optional: an HTTP push for this gateway. Receipts and replies found in it
     * are handed up; answer runs once, now or later: 200 only when all of them
     * are stored, 503 when one is not, so that the provider pushes again. */
    void (*callback)(void *state, const struct gateway_push *push, gateway_push_answer_fn *answer,
                     void *arg);

    /* Optional: asks the provider what became of a notice in doubt, once, before it is sent
     * again. The answer comes within 15 s as a receipt with the reference (ENROUTE: they have
     * it); no receipt, or none in time, and it goes once more. */
    void (*query)(void *state, const char *reference, const char *to, int64_t submitted_ms);

    /* Optional: the capabilities of this instance, where its settings decide
     * (receipts asked for or not). Asked once, after open(); holds in place of
     * the member capabilities, which is the rule for plugins without this. */
    unsigned (*instance_capabilities)(void *state);

    /* Optional, ended by {0}: defaults of the host's own settings ("rate", "per_number") that
     * depend on which way the plugin is used. */
    const struct gateway_preset *presets;

    /* Optional, for a plugin that asks for receipts: a message that was accepted by an
     * earlier instance, or by a daemon that has died, and whose receipt has not come. It is to
     * be asked about as if this one had sent it. id is that of the answer. May come of
     * one that is asked about already. Called after open(), whenever it opens. */
    void (*owed)(void *state, const struct gateway_id *id, const char *to, int64_t submitted_ms);
};

#endif
