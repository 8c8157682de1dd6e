/*
 * instance.h - a gateway from the inside: for gateway.c, which moves messages, set.c,
 * which has all of them, and host.c, which serves the plugin. Nobody else includes it.
 */
#ifndef OUTREACH_INSTANCE_H
#define OUTREACH_INSTANCE_H

#include "circuit.h"
#include "gateway.h"
#include "mem.h"
#include "gateway_settings.h"
#include "spare.h"

#include <sys/queue.h>

struct event;
struct db;
struct event_base;
struct http_client;
struct resolver;

/* A message without an answer. Its token is generation, gateway and slot. */
struct slot {
    uint64_t token; /* 0 while free */
    void *context;
    int64_t submitted_ms; /* monotonic */
    uint64_t request;     /* see circuit_answer() */
};

/* A service under way for a plugin; see host.c. */
struct gateway_timer;
struct fetch;
struct question;
struct promise;
struct shared; /* see shared.c */

struct gateway {
    struct gateway_set *set;
    size_t index;
    const struct gateway_config *config;
    struct gateway_settings *settings;
    struct gateway_plugin plugin;
    void *state;    /* the plugin's */
    void *user;     /* the dispatcher's */
    bool opened;    /* open() succeeded and close() has not been called */
    bool in_submit; /* the plugin's submit() is on the stack */
    bool closing, draining, paused;
    bool gone;               /* closed for ever: what its answers say of it matters to nobody */
    unsigned lives;          /* how often open() succeeded */
    bool retired;            /* gone from the configuration, or replaced: drained, then closed */
    int64_t idle_since_ms;   /* of a retired one: since when nothing is outstanding; 0: not yet */
    unsigned char print[32]; /* of its group and the secrets that it names */
    bool down;               /* has taken nothing for DOWN_AFTER_MS */

    unsigned capacity; /* as the plugin says */
    unsigned window, outstanding;
    struct slot *slots; /* window of them */
    uint16_t *free_slots;
    unsigned free_count;
    uint64_t generation; /* of the last token */

    struct circuit circuit;
    uint64_t trial;              /* token of the half-open circuit's one message, or 0 */
    struct event *circuit_timer; /* until an open circuit is tried */
    bool worked;                 /* has accepted something since its circuit was last opened */
    bool blames;                 /* see gateway_blames() */
    struct event *down_timer;
    struct event *silent_timer; /* to look for messages that the plugin has forgotten */

    struct gateway_statistics statistics;
    int64_t bad_token_log_ms;

    LIST_HEAD(, gateway_timer) timers;
    LIST_HEAD(, fetch) fetches;
    LIST_HEAD(, question) questions;
    LIST_HEAD(, promise) promises;
    LIST_HEAD(, shared) shared;
};

struct gateway_set {
    struct event_base *base;
    struct resolver *resolver;
    struct http_client *http;
    struct db *db; /* where values are shared; or NULL */
    struct gateway_events events;
    void *arg;
    struct arena arena;
    struct route *route;
    struct gateway **gateways;
    size_t count;
    uint64_t usable; /* a bit for each */
    size_t outstanding;
    bool opening;                 /* changed() is not called yet */
    bool plans;                   /* gateway_set_plan(): it has no secrets */
    struct spare promises;        /* to be used again */
    LIST_HEAD(, promise) orphans; /* of plugins that were closed meanwhile */
};

/* gateway.c, for set.c: the life of one. */
struct gateway *gateway_create(struct gateway_set *set, size_t index);
/* Loads the plugin that a group names, and reads its settings; -1 with err. */
int gateway_configure(struct gateway *gw, const struct tree *group, const char *plugin_dir,
                      struct error *err);
int gateway_open(struct gateway *gw, const struct tree *group, struct error *err);
void gateway_retire(struct gateway *gw); /* drains it, and closes it once it is idle */
void gateway_close(struct gateway *gw);  /* what is outstanding is answered UNKNOWN */
void gateway_free_all(struct gateway *gw);
/* Two groups with the same print are the same gateway: also the file of a password that was
 * changed is a change. */
void gateway_print(const struct tree *group, unsigned char print[32]);
uint64_t gateway_bit(const struct gateway *gw); /* of set->usable */

/* gateway.c, for the host's table */
void gateway_answered(struct gateway *gw, uint64_t token, const struct gateway_answer *answer);
void gateway_capacity(struct gateway *gw, unsigned messages, const char *why);

/* host.c */
extern const struct gateway_host gateway_host;
struct gateway_host host_idle(void); /* the same, but it does nothing: GATEWAY_OPENS_QUIETLY */
void host_cancel_all(struct gateway *gw); /* no callback into the plugin after it */
void host_random(void *bytes, size_t n);
bool host_push(struct gateway *gw, const struct gateway_push *push, gateway_push_answer_fn *answer,
               void *arg);
void host_free_promises(struct gateway_set *set); /* of plugins that are closed */

#endif
