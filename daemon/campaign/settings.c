#include "settings.h"

#include "calendar.h"
#include "error.h"
#include "language.h"
#include "field.h"
#include "form.h"
#include "hours.h"
#include "log.h"
#include "mem.h"
#include "rate_rule.h"
#include "tree.h"
#include "zone.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef OUTREACH_PLUGIN_DIR
#define OUTREACH_PLUGIN_DIR "/usr/lib/outreach/plugins"
#endif

/* As the table reads it: 64-bit numbers, lists with their counts. */
struct settings_private {
    struct arena arena;
    struct tree *document;
    const char *name, *state_dir, *plugin_dir, *calendar_dir;
    struct {
        const char *url, *user, *secret, *master, *sentinel_secret;
        struct field_strings sentinels, cluster;
        bool accept_loss;
        int64_t replicas, replicas_wait_ms;
        int appendfsync;
    } redis;
    struct {
        int level;
        const char *delivery;
    } log;
    struct {
        const char *listen;
        struct field_strings proxies;
    } web;
    struct {
        const char *timezone, *country, *language, *currency, *hours, *signature, *optout_line,
            *neutral_signature, *neutral_text;
        struct field_strings per_recipient;
        unsigned may_repeat;
        int64_t max_segments, max_audience;
        struct {
            int64_t recipients;
            double cost;
            bool hours;
        } approval;
    } defaults;
    struct {
        int64_t keep_ms, keep_refusals_ms;
    } replies;
    struct {
        int64_t memory_mb, batch, attempts, backoff_ms, backoff_max_ms, doubt_wait_ms, park_max,
            stop_ms;
    } dispatch;
    struct {
        int64_t failures, gateway_ms;
    } alarms;
    struct field_groups alerts;
    const struct tree *gateways;
};

/* -------------------------------------------------------------------- values */
#define TAKE_STRING(value, err)                                                                    \
    do {                                                                                           \
        if ((value)->kind != TREE_STRING)                                                          \
            return tree_error(err, value, "expected a string, found %s",                           \
                              tree_kind_name((value)->kind));                                      \
    } while (0)

static int read_zone(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    struct error why;

    (void)arena;
    TAKE_STRING(value, err);
    if (zone_find(value->string, &why) == NULL)
        return tree_error(err, value, "%s", why.text);
    *(const char **)at = value->string;
    return 0;
}

static int read_hours(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    struct error why;
    struct hours *hours;

    (void)arena;
    TAKE_STRING(value, err);
    hours = hours_parse(value->string, &why);
    if (hours == NULL)
        return tree_error(err, value, "%s", why.text);
    hours_free(hours);
    *(const char **)at = value->string;
    return 0;
}

/* So many letters, all of one case: "CN", "CNY". */
static int read_code(const struct tree *value, void *at, size_t letters, int (*is)(int),
                     const char *what, struct error *err)
{
    size_t i;

    TAKE_STRING(value, err);
    for (i = 0; i < letters && is((unsigned char)value->string[i]); i++)
        ;
    if (i < letters || value->string[letters] != '\0')
        return tree_error(err, value, "\"%.40s\" is no %s", value->string, language_text(what));
    *(const char **)at = value->string;
    return 0;
}

static int read_country(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    (void)arena;
    return read_code(value, at, 2, isupper, N_("country: write two capitals, as in \"CN\""), err);
}

static int read_currency(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    (void)arena;
    return read_code(value, at, 3, isupper, N_("currency: write three capitals, as in \"CNY\""),
                     err);
}

static int read_language(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    (void)arena;
    return read_code(value, at, 2, islower, N_("language: write two letters, as in \"zh\""), err);
}

static int read_limits(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    struct field_strings *out = at;
    struct rate_rule rule;
    struct error why;
    const struct tree *one = value->kind == TREE_LIST ? value->first : value;
    const char **items;
    size_t n = 0;

    items = arena_alloc(arena, (value->count + 2) * sizeof *items);
    for (; one != NULL; one = value->kind == TREE_LIST ? one->next : NULL) {
        TAKE_STRING(one, err);
        if (rate_rule_parse(one->string, &rule, &why) != 0)
            return tree_error(err, one, "%s", why.text);
        if (n == RATE_RULES_MAX)
            return tree_error(err, one, "at most %d limits", RATE_RULES_MAX);
        items[n++] = one->string;
    }
    items[n] = NULL;
    *out = (struct field_strings){items, n};
    return 0;
}

static int read_classes(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    static const struct field class_field[] = {
        {"class", FIELD_ENUM, .names = form_class_names},
        {0},
    };
    const struct tree *one = value->kind == TREE_LIST ? value->first : value;
    unsigned classes = 0;
    int class;

    for (; one != NULL; one = value->kind == TREE_LIST ? one->next : NULL) {
        if (field_read_one(class_field, one, &class, arena, err) != 0)
            return -1;
        classes |= 1u << class;
    }
    *(unsigned *)at = classes;
    return 0;
}

static int read_level(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    int level;

    (void)arena;
    TAKE_STRING(value, err);
    level = log_level_parse(value->string);
    if (level < 0)
        return tree_error(err, value,
                          "expected \"debug\", \"info\", \"warning\" or \"error\", found \"%.40s\"",
                          value->string);
    *(int *)at = level;
    return 0;
}

/* [a-z0-9-]{1,64}: it stands in keys. */
static int read_name(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    size_t n;

    (void)arena;
    TAKE_STRING(value, err);
    n = strspn(value->string, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (n == 0 || n > 64 || value->string[n] != '\0')
        return tree_error(err, value,
                          "\"%.80s\" is no name for a daemon: 1 to 64 of a-z, 0-9 and -",
                          value->string);
    *(const char **)at = value->string;
    return 0;
}

/* "127.0.0.1:8090", "[::1]:8090", "console.example:8090"; port 0: any that is free. */
static int read_listen(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    const char *s, *port;
    size_t host;

    (void)arena;
    TAKE_STRING(value, err);
    s = value->string;
    host = s[0] == '[' ? strcspn(s, "]") + 1 : strspn(s, name);
    if (s[0] == '[' && (host < 4 || strspn(s + 1, "0123456789abcdefABCDEF:.") != host - 2))
        host = 0;
    port = s + host + 1;
    if (host == 0 || host > strlen(s) || host > 255 || s[host] != ':' || port[0] == '\0' ||
        strspn(port, "0123456789") != strlen(port) || strlen(port) > 5 || atoi(port) > 65535)
        return tree_error(err, value,
                          "\"%.80s\" is no address to listen on: write \"127.0.0.1:8090\" or "
                          "\"[::1]:8090\", with a port up to 65535",
                          s);
    *(const char **)at = s;
    return 0;
}

static int read_url(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    static const char *const schemes[] = {"unix:/", "redis://", "rediss://"};
    const char *url, *user, *host;
    size_t i;

    (void)arena;
    TAKE_STRING(value, err);
    url = value->string;
    for (i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
            break;
    if (i == sizeof schemes / sizeof schemes[0])
        return tree_error(err, value, "expected \"unix:/path\" or \"redis://[user@]host:port/db\"");
    user = url + strlen(schemes[i]);
    host = strrchr(user, '@');
    if (host != NULL && memchr(user, ':', (size_t)(host - user)) != NULL)
        return tree_error(err, value,
                          "a password does not belong here: set redis.secret to "
                          "\"@file:/path\" or \"@env:NAME\"");
    *(const char **)at = url;
    return 0;
}

static int read_gateways(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    const struct tree *one;

    (void)arena;
    if (value->kind != TREE_LIST)
        return tree_error(err, value, "expected a list of groups ( { ... }, { ... } ), found %s",
                          tree_kind_name(value->kind));
    *(const struct tree **)at = value; /* before they are looked at: see settings_look() */
    for (one = value->first; one != NULL; one = one->next)
        if (one->kind != TREE_OBJECT)
            return tree_error(err, one, "expected a group { ... }, found %s",
                              tree_kind_name(one->kind));
    return 0;
}

/* -------------------------------------------------------------------- tables */
#define AT(member) offsetof(struct settings_private, member)
#define IN(group, member) (AT(group.member) - AT(group))

static const char *const fsync_names[] = {"always", "everysec", NULL};

static const struct field redis_fields[] = {
    {"url", FIELD_CUSTOM, IN(redis, url), .read = read_url,
     .help = "the server; a private one where it is silent"},
    {"user", FIELD_STRING, IN(redis, user), .min = 1, .max = 64,
     .help = "whose password it is, where url names nobody"},
    {"secret", FIELD_SECRET, IN(redis, secret),
     .help = "its password, or that of each node of the cluster"},
    {"sentinels", FIELD_STRINGS, IN(redis, sentinels), .min = 1, .max = 32,
     .help = "host:port of each Sentinel"},
    {"master", FIELD_STRING, IN(redis, master), .min = 1, .max = 64,
     .help = "the master's name among the Sentinels"},
    {"cluster", FIELD_STRINGS, IN(redis, cluster), .min = 1, .max = 32,
     .help = "host:port of some nodes of a cluster; the others are learnt"},
    {"sentinel_secret", FIELD_SECRET, IN(redis, sentinel_secret),
     .help = "the Sentinels' password"},
    {"replicas", FIELD_INT, IN(redis, replicas), .min = 0, .max = 32, .initial = "0",
     .help = "of each master, that confirm each write before anything is done upon it"},
    {"replicas_wait", FIELD_DURATION, IN(redis, replicas_wait_ms), .min = 100, .max = 2000,
     .initial = "1s", .help = "until they have"},
    {"accept_loss", FIELD_BOOL, IN(redis, accept_loss), .initial = "false",
     .help = "work with a server that may lose what it acknowledged"},
    {"appendfsync", FIELD_ENUM, IN(redis, appendfsync), .initial = "always", .names = fsync_names,
     .help = "of the private server"},
    {0},
};

static const struct field log_fields[] = {
    {"level", FIELD_CUSTOM, IN(log, level), .initial = "info", .read = read_level,
     .help = "debug, info, warning, error"},
    {"delivery", FIELD_STRING, IN(log, delivery), .min = 1, .max = 4000,
     .help = "the delivery log; in state_dir by default"},
    {0},
};

static const struct field web_fields[] = {
    {"listen", FIELD_CUSTOM, IN(web, listen), .initial = "127.0.0.1:8090", .read = read_listen,
     .help = "address:port of callbacks, API, metrics, console"},
    {"proxies", FIELD_CUSTOM, IN(web, proxies), .read = field_read_networks,
     .help = "networks of the reverse proxies before it, whose X-Forwarded-For is believed; "
             "default: none"},
    {0},
};

static const struct field approval_fields[] = {
    {"recipients", FIELD_INT, IN(defaults.approval, recipients), .min = 0, .max = 1000000000,
     .help = "above so many a second person agrees; 0: always alone"},
    {"cost", FIELD_FLOAT, IN(defaults.approval, cost), .min = 0, .max = 1000000000,
     .help = "above so much, over all reminders"},
    {"hours", FIELD_BOOL, IN(defaults.approval, hours), .initial = "false",
     .help = "where a reminder may leave outside defaults.hours"},
    {0},
};

static const struct field defaults_fields[] = {
    {"timezone", FIELD_CUSTOM, IN(defaults, timezone), .initial = "Asia/Shanghai",
     .read = read_zone, .help = "of events that name none"},
    {"country", FIELD_CUSTOM, IN(defaults, country), .initial = "CN", .read = read_country,
     .help = "how numbers without + are read"},
    {"language", FIELD_CUSTOM, IN(defaults, language), .initial = "zh", .read = read_language,
     .help = "of recipients who have none of their own"},
    {"currency", FIELD_CUSTOM, IN(defaults, currency), .initial = "CNY", .read = read_currency,
     .help = "of costs"},
    {"hours", FIELD_CUSTOM, IN(defaults, hours), .initial = "08:00-12:00,14:00-20:30",
     .read = read_hours, .help = "when residents may be disturbed"},
    {"signature", FIELD_STRING, IN(defaults, signature), .min = 0, .max = 120, .initial = "",
     .help = "with its brackets"},
    {"optout_line", FIELD_STRING, IN(defaults, optout_line), .min = 0, .max = 200,
     .initial = "拒收请回复R", .help = "appended to promotions"},
    {"neutral_signature", FIELD_STRING, IN(defaults, neutral_signature), .min = 0, .max = 120,
     .initial = "",
     .help = "in place of the signature for sensitive campaigns and residents marked neutral: one "
             "that gives nobody away, filed with the operator"},
    {"neutral_text", FIELD_STRING, IN(defaults, neutral_text), .min = 0, .max = 400, .initial = "",
     .help = "what a resident marked neutral reads where the campaign has no texts.neutral; none: "
             "she is not sent to, and listed for a person"},
    {"per_recipient", FIELD_CUSTOM, IN(defaults, per_recipient), .read = read_limits,
     .help = "the most that one person gets over all campaigns: \"1/30s\", \"5/day\""},
    {"may_repeat", FIELD_CUSTOM, IN(defaults, may_repeat), .read = read_classes,
     .help = "classes in which two campaigns may send one address the same text within a day"},
    {"approval", FIELD_GROUP, IN(defaults, approval), .fields = approval_fields,
     .help = "when a second person must agree"},
    {"max_segments", FIELD_INT, IN(defaults, max_segments), .min = 1, .max = 8, .initial = "8",
     .help = "SMS parts of one notice"},
    {"max_audience", FIELD_INT, IN(defaults, max_audience), .min = 1, .max = 33554431,
     .initial = "2000000", .help = "recipients of one campaign"},
    {0},
};

/* Operators ask for five months of what was said. */
#define DAY_MS INT64_C(86400000)
static const struct field replies_fields[] = {
    {"keep", FIELD_DURATION, IN(replies, keep_ms), .min = 150 * DAY_MS, .max = 3660 * DAY_MS,
     .initial = "180d",
     .help = "how long what residents wrote is kept; what a person has yet to see stays whatever "
             "its age"},
    {"keep_refusals", FIELD_DURATION, IN(replies, keep_refusals_ms), .min = 150 * DAY_MS,
     .max = 3660 * DAY_MS, .initial = "730d",
     .help = "how long the reply by which somebody refused is kept, as proof; that she has refused "
             "is never forgotten"},
    {0},
};

static const struct field dispatch_fields[] = {
    {"memory_mb", FIELD_INT, IN(dispatch, memory_mb), .min = 4, .max = 4096, .initial = "32",
     .help = "bound on notices held in memory"},
    {"batch", FIELD_INT, IN(dispatch, batch), .min = 1, .max = 512, .initial = "256",
     .help = "notices claimed at a time"},
    {"attempts", FIELD_INT, IN(dispatch, attempts), .min = 1, .max = 15, .initial = "5",
     .help = "submits of one notice at most"},
    {"backoff", FIELD_DURATION, IN(dispatch, backoff_ms), .min = 1000, .max = 86400000,
     .initial = "30s", .help = "before the second attempt; doubled for each that follows"},
    {"backoff_max", FIELD_DURATION, IN(dispatch, backoff_max_ms), .min = 1000, .max = 86400000,
     .initial = "30min", .help = "its ceiling"},
    {"doubt_wait", FIELD_DURATION, IN(dispatch, doubt_wait_ms), .min = 1000, .max = 86400000,
     .initial = "120s", .help = "before an uncertain notice is sent again"},
    {"park_max", FIELD_INT, IN(dispatch, park_max), .min = 100, .max = 1000000, .initial = "20000",
     .help = "notices of a reminder that wait for a time of their own"},
    {"stop", FIELD_DURATION, IN(dispatch, stop_ms), .min = 0, .max = 600000, .initial = "30s",
     .help = "how long a stop waits for answers"},
    {0},
};

static const struct field alarms_fields[] = {
    {"failures", FIELD_INT, IN(alarms, failures), .min = 0, .max = 99, .initial = "30",
     .help = "percent of a reminder's notices, of 20 and more; 0: never told"},
    {"gateway", FIELD_DURATION, IN(alarms, gateway_ms), .min = 1000, .max = 86400000,
     .initial = "60s", .help = "one that takes nothing for so long"},
    {0},
};

static const struct field alert_fields[] = {
    {"to", FIELD_STRING, offsetof(struct alert, to), .min = 1, .max = 200,
     .help = "a gateway that tells a group, or gateway:address"},
    {"exec", FIELD_STRING, offsetof(struct alert, exec), .min = 1, .max = 4000,
     .help = "a program that is run"},
    {"level", FIELD_CUSTOM, offsetof(struct alert, level), .initial = "error", .read = read_level,
     .help = "from this level on"},
    {0},
};

static const struct field settings_fields[] = {
    {"name", FIELD_CUSTOM, AT(name), .read = read_name,
     .help = "this daemon among others on the same Redis"},
    {"state_dir", FIELD_STRING, AT(state_dir), .min = 1, .max = 4000,
     .initial = "/var/lib/outreach", .help = "private Redis, privacy key, logs"},
    {"plugin_dir", FIELD_STRING, AT(plugin_dir), .min = 1, .max = 4000,
     .help = "where gateway plugins are"},
    {"calendar_dir", FIELD_STRING, AT(calendar_dir), .min = 1, .max = 4000,
     .help = "holidays and make-up days, a file a country and year"},
    {"redis", FIELD_GROUP, AT(redis), .fields = redis_fields},
    {"log", FIELD_GROUP, AT(log), .fields = log_fields},
    {"web", FIELD_GROUP, AT(web), .fields = web_fields},
    {"replies", FIELD_GROUP, AT(replies), .fields = replies_fields},
    {"defaults", FIELD_GROUP, AT(defaults), .fields = defaults_fields},
    {"dispatch", FIELD_GROUP, AT(dispatch), .fields = dispatch_fields},
    {"alarms", FIELD_GROUP, AT(alarms), .fields = alarms_fields, .help = "what is told to them"},
    {"alerts", FIELD_GROUPS, AT(alerts), .min = 0, .max = 64, .fields = alert_fields,
     .size = sizeof(struct alert), .help = "who is told"},
    {"gateways", FIELD_CUSTOM, AT(gateways), .read = read_gateways,
     .help = "a group for each; its plugin says what stands in it"},
    {0},
};

const struct field *settings_table(void)
{
    return settings_fields;
}

/* ------------------------------------------------------------------ defaults */
/* The host's name in [a-z0-9-]: "Ops_1.example" is "ops-1-example". */
static char *host_name(struct arena *arena)
{
    char name[65] = "";
    size_t i;

    if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0')
        strcpy(name, "outreachd");
    for (i = 0; name[i] != '\0'; i++)
        name[i] = isalnum((unsigned char)name[i]) ? (char)tolower((unsigned char)name[i]) : '-';
    return arena_strndup(arena, name, i);
}

/* Next to the program where it was built, else where it was installed. */
static char *default_plugin_dir(struct arena *arena)
{
    char path[PATH_MAX + 16];
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
    struct stat st;
    char *slash;

    if (n > 0) {
        path[n] = '\0';
        slash = strrchr(path, '/');
        strcpy(slash == NULL ? path : slash, "/plugins");
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            return arena_strndup(arena, path, strlen(path));
    }
    return arena_strndup(arena, OUTREACH_PLUGIN_DIR, sizeof OUTREACH_PLUGIN_DIR - 1);
}

static char *join(struct arena *arena, const char *dir, const char *file)
{
    char *path = xasprintf("%s/%s", dir, file), *kept = arena_strndup(arena, path, strlen(path));

    free(path);
    return kept;
}

/* Beside the configuration. */
static char *default_calendar_dir(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = xasprintf("%.*s", slash != NULL ? (int)(slash - path) : 1, slash ? path : ".");
    char *kept = join(arena, dir, "calendars");

    free(dir);
    return kept;
}

/* A relative path is meant from where the configuration stands: whoever reads it, in
 * whatever folder, means the same file. */
static const char *placed(struct arena *arena, const char *config, const char *path)
{
    const char *slash = strrchr(config, '/');
    char *dir, *found;

    if (path == NULL || path[0] == '/' || slash == NULL)
        return path;
    dir = xasprintf("%.*s", (int)(slash - config) + (slash == config), config);
    found = join(arena, dir, path);
    free(dir);
    return found;
}

static void place_all(struct settings_private *p, const char *config)
{
    struct alert *alerts = p->alerts.items;

    p->state_dir = placed(&p->arena, config, p->state_dir);
    p->plugin_dir = placed(&p->arena, config, p->plugin_dir);
    p->calendar_dir = placed(&p->arena, config, p->calendar_dir);
    p->log.delivery = placed(&p->arena, config, p->log.delivery);
    for (size_t i = 0; i < p->alerts.count; i++)
        alerts[i].exec = placed(&p->arena, config, alerts[i].exec);
}

/* ------------------------------------------------------- what one table cannot say */
static bool is_private(const struct settings_private *p)
{
    return p->redis.url == NULL && p->redis.sentinels.count == 0 && p->redis.cluster.count == 0;
}

static int check_redis(const struct settings_private *p, struct error *err)
{
    const struct tree *redis = tree_member(p->document, "redis");

    if (redis == NULL)
        return 0;
    if (p->redis.sentinels.count > 0 && p->redis.master == NULL)
        return tree_error(err, redis, "sentinels need the master's name: master = \"...\"");
    if ((p->redis.url != NULL) + (p->redis.sentinels.count > 0) + (p->redis.cluster.count > 0) > 1)
        return tree_error(err, redis, "url, sentinels or cluster: only one of them");
    if (p->redis.replicas > 0 && is_private(p))
        return tree_error(err, tree_member(redis, "replicas"),
                          "the private server has no replicas: set url, sentinels or cluster");
    if (p->redis.appendfsync != 0 && !p->redis.accept_loss)
        return tree_error(err, tree_member(redis, "appendfsync"),
                          "\"everysec\" loses up to a second of acknowledged writes on a crash: "
                          "set accept_loss = true if that may be");
    return 0;
}

static const char *gateway_name_at(const void *arg, size_t i)
{
    const struct tree *gateway = arg != NULL ? ((const struct tree *)arg)->first : NULL;

    while (gateway != NULL && i-- > 0)
        gateway = gateway->next;
    return gateway != NULL ? tree_string(gateway, "name", "") : NULL;
}

/* "office-group", "mobile:+8613851400001": what stands before the colon is a gateway. */
static int check_alert_gateway(const struct settings_private *p, const struct tree *node,
                               const char *to, struct error *err)
{
    size_t n = strcspn(to, ":"), i;
    const char *name, *nearest;
    char wanted[201];

    snprintf(wanted, sizeof wanted, "%.*s", (int)n, to);
    for (i = 0; (name = gateway_name_at(p->gateways, i)) != NULL; i++)
        if (strcmp(name, wanted) == 0)
            return 0;
    nearest = field_nearest(wanted, gateway_name_at, p->gateways);
    if (nearest != NULL)
        return tree_error(err, tree_member(node, "to"),
                          "there is no gateway \"%.80s\"; did you mean \"%.80s\"?", wanted,
                          nearest);
    return tree_error(err, tree_member(node, "to"),
                      "there is no gateway \"%.80s\": it must be one of gateways", wanted);
}

static int check_alert(const struct settings_private *p, const struct tree *node,
                       const struct alert *alert, struct error *err)
{
    if ((alert->to == NULL) == (alert->exec == NULL))
        return tree_error(err, node, "expected either to = \"...\" or exec = \"...\"");
    return alert->to == NULL ? 0 : check_alert_gateway(p, node, alert->to, err);
}

static int check_alerts(const struct settings_private *p, struct error *err)
{
    const struct alert *alerts = p->alerts.items;
    const struct tree *node = tree_member(p->document, "alerts");
    struct error more; /* behind the first, heard and forgotten */
    int rc = 0;

    if (node == NULL)
        return 0;
    node = node->first;
    for (size_t i = 0; i < p->alerts.count && (rc == 0 || tree_is_heard()); i++, node = node->next)
        if (check_alert(p, node, &alerts[i], rc == 0 ? err : &more) != 0)
            rc = -1;
    return rc;
}

/* The private server listens in state_dir, and the path of a socket is short. */
static int check_state_dir(const struct settings_private *p, struct error *err)
{
    const size_t longest = sizeof((struct sockaddr_un *)0)->sun_path - 1 - strlen("/redis.sock");
    const struct tree *node = tree_member(p->document, "state_dir");
    char path[PATH_MAX];
    size_t n;

    if (node == NULL || !is_private(p))
        return 0;
    n = strlen(p->state_dir);
    if (realpath(p->state_dir, path) != NULL)
        n = strlen(path);
    else if (p->state_dir[0] != '/' && getcwd(path, sizeof path) != NULL)
        n += strlen(path) + 1;
    if (n > longest)
        return tree_error(err, node,
                          "is %zu bytes long; for the socket of the private Redis it may have %zu: "
                          "choose a shorter one, or set redis.url",
                          n, longest);
    return 0;
}

static int check_backoff(const struct settings_private *p, struct error *err)
{
    if (p->dispatch.backoff_max_ms < p->dispatch.backoff_ms)
        return tree_error(err, tree_member(p->document, "dispatch"),
                          "backoff_max is less than backoff");
    return 0;
}

/* Did that setting of the file stand the test of its row? It is read once more, for the reader
 * itself does not remember. */
static bool was_read(const struct settings_private *p, const char *name)
{
    const struct tree *value = tree_member(p->document, name);
    struct settings_private again = {0};
    const struct field *f = settings_fields;
    struct error err;
    int rc = 0;

    while (strcmp(f->name, name) != 0)
        f++;
    tree_hush(true);
    if (value != NULL)
        rc = field_read_one(f, value, (char *)&again + f->offset, &again.arena, &err);
    tree_hush(false);
    arena_free(&again.arena);
    return rc == 0;
}

/* rows: the table has found nothing wrong. What hangs on a value that is wrong by itself is no
 * mistake of its own. */
static int check(const struct settings_private *p, bool rows, struct error *err)
{
    static const struct {
        int (*check)(const struct settings_private *p, struct error *err);
        const char *of[2];
    } checks[] = {
        {check_backoff, {"dispatch"}},
        {check_redis, {"redis"}},
        {check_state_dir, {"redis", "state_dir"}},
        {check_alerts, {"alerts"}},
    };
    struct error more;
    int rc = 0;

    for (size_t i = 0; i < sizeof checks / sizeof *checks && (rc == 0 || tree_is_heard()); i++) {
        bool sound = true;

        for (size_t k = 0; !rows && k < 2 && checks[i].of[k] != NULL; k++)
            sound = sound && was_read(p, checks[i].of[k]);
        if (sound && checks[i].check(p, rc == 0 && rows ? err : &more) != 0)
            rc = -1;
    }
    return rc;
}

/* ------------------------------------------------------------------ the result */
static const char *const *or_null(struct field_strings strings)
{
    return strings.count == 0 ? NULL : strings.items;
}

static void publish(struct settings *s, struct settings_private *p)
{
    static const char *const usual[] = {"1/30s", "5/day", NULL};

    s->name = p->name != NULL ? p->name : host_name(&p->arena);
    s->state_dir = p->state_dir;
    s->plugin_dir = p->plugin_dir != NULL ? p->plugin_dir : default_plugin_dir(&p->arena);
    s->redis.url = p->redis.url;
    s->redis.user = p->redis.user;
    s->redis.secret = p->redis.secret;
    s->redis.sentinels = or_null(p->redis.sentinels);
    s->redis.master = p->redis.master;
    s->redis.cluster = or_null(p->redis.cluster);
    s->redis.sentinel_secret = p->redis.sentinel_secret;
    s->redis.accept_loss = p->redis.accept_loss;
    s->redis.replicas = (unsigned)p->redis.replicas;
    s->redis.replicas_wait_ms = p->redis.replicas_wait_ms;
    s->redis.appendfsync = fsync_names[p->redis.appendfsync];
    s->log.level = p->log.level;
    s->log.delivery =
        p->log.delivery != NULL ? p->log.delivery : join(&p->arena, s->state_dir, "delivery.jsonl");
    s->web_listen = p->web.listen;
    s->web_proxies = p->web.proxies;
    s->defaults = (struct campaign_defaults){
        .timezone = p->defaults.timezone,
        .country = p->defaults.country,
        .language = p->defaults.language,
        .currency = p->defaults.currency,
        .hours = p->defaults.hours,
        .signature = p->defaults.signature,
        .optout_line = p->defaults.optout_line,
        .neutral_signature = p->defaults.neutral_signature,
        .neutral_text = p->defaults.neutral_text,
        .per_recipient =
            p->defaults.per_recipient.items == NULL ? usual : p->defaults.per_recipient.items,
        .may_repeat = p->defaults.may_repeat,
        .max_segments = (int)p->defaults.max_segments,
        .max_audience = (uint32_t)p->defaults.max_audience,
        .approval = {.recipients = p->defaults.approval.recipients,
                     .cost = p->defaults.approval.cost,
                     .hours = p->defaults.approval.hours},
    };
    s->replies.keep_ms = p->replies.keep_ms;
    s->replies.keep_refusals_ms = p->replies.keep_refusals_ms;
    s->dispatch.memory_mb = (int)p->dispatch.memory_mb;
    s->dispatch.batch = (int)p->dispatch.batch;
    s->dispatch.attempts = (int)p->dispatch.attempts;
    s->dispatch.backoff_ms = p->dispatch.backoff_ms;
    s->dispatch.backoff_max_ms = p->dispatch.backoff_max_ms;
    s->dispatch.doubt_wait_ms = p->dispatch.doubt_wait_ms;
    s->dispatch.park_max = (uint32_t)p->dispatch.park_max;
    s->dispatch.stop_ms = p->dispatch.stop_ms;
    s->alarms.failures = (int)p->alarms.failures;
    s->alarms.gateway_ms = p->alarms.gateway_ms;
    s->alerts = p->alerts.items;
    s->alert_count = p->alerts.count;
    s->gateways = p->gateways;
    s->document = p->document;
}

/* What one table says of the file, what several of its settings say of each other, and the
 * calendars. Goes on after a mistake where somebody hears of it. */
static int read_file(struct settings *s, const char *path, struct error *err)
{
    struct settings_private *p = s->own;
    int rc = fields_read(settings_fields, p->document, p, &p->arena, err);

    if (rc != 0 && !tree_is_heard())
        return -1;
    place_all(p, path);
    if (check(p, rc == 0, err) != 0)
        rc = -1;
    if (rc != 0 && !tree_is_heard())
        return -1;
    s->calendar_dir =
        p->calendar_dir != NULL ? p->calendar_dir : default_calendar_dir(&p->arena, path);
    return calendar_read_all(s->calendar_dir, err) != 0 ? -1 : rc;
}

struct settings *settings_look(const char *path, bool *good, struct error *err)
{
    struct settings *s = xcalloc(1, sizeof *s);
    struct settings_private *p = s->own = xcalloc(1, sizeof *p);

    *good = true;
    fields_initial(settings_fields, p, &p->arena); /* what then stands for a wrong one, too */
    if (path != NULL) {
        p->document = tree_read_config(path, err);
        if (p->document == NULL) {
            *good = false;
            settings_free(s);
            return NULL;
        }
        *good = read_file(s, path, err) == 0;
    }
    publish(s, p);
    return s;
}

struct settings *settings_read(const char *path, struct error *err)
{
    bool good;
    struct settings *s = settings_look(path, &good, err);

    if (s == NULL || good)
        return s;
    settings_free(s);
    return NULL;
}

void settings_free(struct settings *s)
{
    if (s == NULL)
        return;
    tree_free(s->own->document);
    arena_free(&s->own->arena);
    free(s->own);
    free(s);
}
