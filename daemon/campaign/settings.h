/*
 * settings.h - the configuration file, outreachd.conf
 *
 * One table of settings is what the reader, `outreachd -t` and the test that
 * holds the sample in conf/ to this table all walk. Unknown keys are errors.
 * The gateways stay a tree: the gateway room and each plugin validate theirs.
 */
#ifndef OUTREACH_SETTINGS_H
#define OUTREACH_SETTINGS_H

#include "campaign.h"
#include "field.h"

/* Who is told: either to ("gateway" or "gateway:address") or exec, a program's path. */
struct alert {
    const char *to, *exec;
    int level; /* enum log_level */
};

struct settings {
    const char *name; /* of this daemon among others; default: the host's name, made [a-z0-9-] */
    const char *state_dir;    /* private Redis, keys, logs */
    const char *plugin_dir;   /* default: "plugins" next to the program, else the installed one */
    const char *calendar_dir; /* default: "calendars" beside the configuration; NULL without one */
    struct {
        const char
            *url; /* NULL: a private redis-server; "unix:/path" or "redis://[user@]host:port/db" */
        const char *user, *secret;    /* resolved, or NULL */
        const char *const *sentinels; /* "host:port", NULL-ended; NULL: none */
        const char *master;           /* its name among them */
        const char *const *cluster;   /* "host:port" of its nodes, NULL-ended; NULL: none */
        const char *sentinel_secret;  /* resolved, or NULL */
        bool accept_loss;
        unsigned replicas;        /* that confirm each write, 0..32 */
        int64_t replicas_wait_ms; /* 100..2000 */
        const char *appendfsync;  /* of the private server: "always" or "everysec" (then accept_loss
                                     is needed) */
    } redis;
    struct {
        int level;            /* enum log_level */
        const char *delivery; /* path of the delivery log; default: state_dir/delivery.jsonl */
    } log;
    const char *web_listen;
    struct field_strings web_proxies; /* networks whose X-Forwarded-For is believed */
    struct campaign_defaults defaults;
    struct {
        int64_t keep_ms;          /* replies that nobody has to see any more: 180 days */
        int64_t keep_refusals_ms; /* refusals among them: 730 days */
    } replies;
    struct {
        int memory_mb;                      /* bound on notices held in memory, default 32 */
        int batch;                          /* notices claimed at a time, 1..512, default 256 */
        int attempts;                       /* 1..15, default 5 */
        int64_t backoff_ms, backoff_max_ms; /* first retry and ceiling: 30 s, 30 min */
        int64_t doubt_wait_ms;              /* 120 s */
        uint32_t park_max;                  /* 20,000 */
        int64_t stop_ms;                    /* bound of a graceful stop, 30 s */
    } dispatch;
    struct {
        int failures;       /* percent of a reminder's notices that went out; 0: never told */
        int64_t gateway_ms; /* one that takes nothing for so long is told */
    } alarms;
    const struct alert *alerts; /* alert_count of them */
    size_t alert_count;
    const struct tree *gateways; /* a list of groups, in document */
    const struct tree *document; /* owned */
    struct settings_private *own;
};

/* path NULL: all defaults (no gateways). Relative paths in it are meant from the folder that
 * it stands in. Errors name file, line and setting. */
struct settings *settings_read(const char *path, struct error *err);
void settings_free(struct settings *s);

/* The same for who tells of all mistakes (tree_listen() of tree.h): unless they are *good they are
 * what could be read, with the defaults for the rest, to look at the gateways by. err is then one
 * of the mistakes, and the only one that may not have been heard. NULL with err where the file is
 * no document at all. */
struct settings *settings_look(const char *path, bool *good, struct error *err);

/* The table of all settings, for `outreachd -t` and for the test that holds the
 * sample to it. */
const struct field *settings_table(void);

#endif
