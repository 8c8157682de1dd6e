/*
 * main.c - outreachd: reads the configuration, wires the rooms, stops cleanly
 *
 * The rooms know nothing of each other upwards; here their callbacks are tied:
 * gateways report to dispatch and inbound, both keep their state in Redis through
 * one connection.
 */
#include "alert_targets.h"
#include "buf.h"
#include "callbacks.h"
#include "calendar.h"
#include "clock.h"
#include "conf_mistakes.h"
#include "culprit.h"
#include "db.h"
#include "delivery_log.h"
#include "dispatch.h"
#include "error.h"
#include "gateway.h"
#include "health.h"
#include "inbound.h"
#include "language.h"
#include "log.h"
#include "marker.h"
#include "mem.h"
#include "notify.h"
#include "private_redis.h"
#include "settings.h"
#include "tree.h"
#include "watchdog.h"
#include "web.h"

#include <event2/event.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define REDIS_CONNECTIONS 8 /* see db.h */

/* So long a Redis that is away holds up the end. What is not settled then is the next life's: in
 * doubt, but for what the delivery log knows. */
#define AWAY_AT_END_MS 2000

struct daemon {
    const char *config;
    struct settings *settings;
    struct settings **reloaded; /* those that gateways of a later file are opened by */
    size_t reloaded_count;
    struct event_base *base;
    struct private_redis *redis; /* NULL with a server of the configuration */
    struct db *db;
    struct health *health;
    struct delivery_log *log;
    struct marker *marker;
    struct dispatch *dispatch;
    struct inbound *inbound;
    struct gateway_set *gateways;
    struct web *web; /* NULL: nobody pushes */
    struct web_route routes[2];
    struct event *signals[3], *watch, *stop_timer, *trim;
    bool up;   /* all has started */
    int stops; /* signals to stop so far */
    int exit_status;
};

static const char *const help =
    N_("Usage: outreachd [OPTION]...\n"
       "Delivers queued campaigns: reads outreach:events from Redis, sends reminders\n"
       "through gateways, keeps the ledger. Runs in the foreground; stops cleanly at\n"
       "SIGTERM.\n"
       "\n"
       "  -c, --config FILE   the configuration (default $OUTREACH_CONFIG, then\n"
       "                      /etc/outreach/outreachd.conf)\n"
       "  -t, --test          check the configuration, the plugins and their settings;\n"
       "                      start nothing\n"
       "  -v, --verbose       log level debug\n"
       "  -V, --version       show the version\n"
       "  -h, --help          show this\n"
       "\n"
       "Signals: SIGTERM, SIGINT stop claiming, settle what is in flight, exit (twice:\n"
       "at once); SIGHUP opens the delivery log anew, reads the calendars again, and\n"
       "adds, changes and removes gateways as the configuration says now (a file that\n"
       "-t refuses changes nothing).\n"
       "Exit status as in sysexits.h: 0, 64 usage, 69 no Redis, 70 another daemon of\n"
       "this name has taken over (the newest one works), 71 out of memory, 73 a\n"
       "directory or file cannot be made, 78 configuration.\n");

/* ------------------------------------------------------------------- the ties */

static void on_answered(void *arg, struct gateway *gw, void *context,
                        const struct gateway_answer *answer)
{
    struct daemon *d = arg;

    if (!inbound_answered(d->inbound, context, answer))
        dispatch_answered(d->dispatch, gw, context, answer);
}

static void on_receipt(void *arg, struct gateway *gw, const struct gateway_receipt *receipt,
                       gateway_stored_fn *stored, void *stored_arg)
{
    inbound_receipt(((struct daemon *)arg)->inbound, gw, receipt, stored, stored_arg);
}

static void on_reply(void *arg, struct gateway *gw, const struct gateway_reply *reply,
                     gateway_stored_fn *stored, void *stored_arg)
{
    inbound_reply(((struct daemon *)arg)->inbound, gw, reply, stored, stored_arg);
}

static void on_changed(void *arg, struct gateway *gw)
{
    dispatch_changed(((struct daemon *)arg)->dispatch, gw);
}

static void on_early(void *arg, struct gateway *gw, const char *id, size_t id_length,
                     const char *receipt, size_t n)
{
    inbound_early(((struct daemon *)arg)->inbound, gw, id, id_length, receipt, n);
}

static void on_alarm(void *arg, const struct alarm *alarm)
{
    inbound_alarm(((struct daemon *)arg)->inbound, alarm);
}

/* ------------------------------------------------------------------- stopping */

static void leave(struct daemon *d, int status)
{
    if (d->exit_status == EX_OK)
        d->exit_status = status;
    event_base_loopbreak(d->base);
}

static void on_idle(void *arg)
{
    static const struct timeval unbinding = {1,
                                             100000}; /* more than a second: see dispatch_leave() */
    struct daemon *d = arg;

    log_info("daemon.drained");
    gateway_set_drain(d->gateways); /* sessions end with a word */
    evtimer_add(d->stop_timer, &unbinding);
}

static void on_stop_timer(evutil_socket_t fd, short what, void *arg)
{
    struct daemon *d = arg;

    (void)fd, (void)what;
    dispatch_leave(d->dispatch);
    if (gateway_set_outstanding(d->gateways) > 0)
        log_warning("daemon.stop_bound outstanding=%zu", gateway_set_outstanding(d->gateways));
    leave(d, EX_OK);
}

static void stop(struct daemon *d, const char *why)
{
    struct timeval bound = {d->settings->dispatch.stop_ms / 1000,
                            (d->settings->dispatch.stop_ms % 1000) * 1000};

    if (d->stops++ > 0 || d->dispatch == NULL) {
        leave(d, EX_OK);
        return;
    }
    log_info("daemon.stopping reason=%s", log_quote(why));
    notify_tell("STOPPING=1");
    evtimer_add(d->stop_timer, &bound);
    dispatch_drain(d->dispatch, on_idle, d);
}

/* Everything else in the file waits for a restart: that is said, by name. */
static void tell_unchangeable(const struct tree *before, const struct tree *now)
{
    struct buf names = BUF_INIT(4096), one = BUF_INIT(16u << 20), two = BUF_INIT(16u << 20);
    const struct tree *lists[] = {before, now};

    for (size_t i = 0; i < 2; i++)
        for (const struct tree *t = lists[i]->first; t != NULL; t = t->next) {
            const struct tree *other = tree_member(lists[1 - i], t->name);

            if (strcmp(t->name, "gateways") == 0 || (i == 1 && other != NULL))
                continue;
            buf_clear(&one);
            buf_clear(&two);
            tree_write_json(t, &one);
            if (other != NULL)
                tree_write_json(other, &two);
            if (one.length != two.length || memcmp(one.data, two.data, one.length) != 0)
                buf_printf(&names, "%s%s", names.length > 0 ? " " : "", t->name);
        }
    if (names.length > 0)
        log_warning("config.needs_restart settings=%s", log_quote(buf_string(&names)));
    buf_free(&names);
    buf_free(&one);
    buf_free(&two);
}

static int start_web(struct daemon *d, struct error *err);

/* A file that is wrong in any way changes nothing. */
static void reload(struct daemon *d)
{
    size_t opened, retired;
    struct error err;
    struct settings *now = settings_read(d->config, &err);

    if (now == NULL || gateway_set_reload(d->gateways, now->gateways, d->settings->plugin_dir,
                                          &opened, &retired, &err) != 0) {
        log_error("config.kept file=%s reason=%s", log_quote(d->config), log_quote(err.text));
        settings_free(now);
        return;
    }
    tell_unchangeable(d->settings->document, now->document);
    log_info("config.reloaded file=%s opened=%zu drained=%zu", log_quote(d->config), opened,
             retired);
    if (opened + retired > 0) {
        dispatch_gateways_changed(d->dispatch);
        inbound_gateways_changed(d->inbound);
        if (d->web == NULL && start_web(d, &err) != 0)
            log_error("web.failed reason=%s", log_quote(err.text));
    }
    if (opened == 0) {
        settings_free(now);
        return;
    }
    d->reloaded = xreallocarray(d->reloaded, d->reloaded_count + 1, sizeof(struct settings *));
    d->reloaded[d->reloaded_count++] = now;
}

static void on_signal(evutil_socket_t signal, short what, void *arg)
{
    struct daemon *d = arg;

    (void)what;
    if (signal == SIGHUP) {
        struct error err;

        if (calendar_read_all(d->settings->calendar_dir, &err) != 0)
            log_error("calendar.kept reason=%s", log_quote(err.text));
        if (d->log != NULL) { /* else Redis has never answered yet */
            delivery_log_reopen(d->log);
            log_info("daemon.reopened log=%s", log_quote(d->settings->log.delivery));
        }
        if (d->stops == 0 && d->up)
            reload(d);
        return;
    }
    stop(d, strsignal((int)signal));
}

static void on_replaced(void *arg, const char *why)
{
    struct daemon *d = arg;

    if (d->stops > 0)
        return;
    log_error("daemon.replaced reason=%s", log_quote(why));
    d->exit_status = EX_SOFTWARE;
    stop(d, "replaced"); /* what has left us is still answered to us */
}

static void on_redis(void *arg, bool well, const char *why)
{
    struct daemon *d = arg;

    (void)why;
    if (!well && d->dispatch != NULL)
        dispatch_redis_away(d->dispatch);
}

static void on_refused(void *arg, const char *why)
{
    (void)why; /* db.c has said it */
    leave(arg, EX_UNAVAILABLE);
}

/* ------------------------------------------------------------------- starting */

/* What a burst needed goes back to the system, also from the middle of the heap, which free()
 * alone does not: else a daemon grows to its worst hour, and stays there for months. */
static void on_trim(evutil_socket_t fd, short what, void *arg)
{
    struct daemon *d = arg;

    (void)fd, (void)what;
    if (d->up) {
        dispatch_trim(d->dispatch);
        inbound_trim(d->inbound);
        gateway_set_trim(d->gateways);
        db_trim(d->db);
    }
    malloc_trim(0);
}

/* The private server is looked after once a second. */
static void on_watch(evutil_socket_t fd, short what, void *arg)
{
    struct daemon *d = arg;
    struct error err;

    (void)fd, (void)what;
    switch (private_redis_check(d->redis, &err)) {
    case PRIVATE_REDIS_FAILED:
        log_error("redis.private_failed reason=%s", log_quote(err.text));
        break;
    case PRIVATE_REDIS_STARTED:
        log_warning("redis.private_restarted");
        break;
    case PRIVATE_REDIS_RUNS:
        break;
    }
}

static int start_redis(struct daemon *d, struct error *err)
{
    static const struct timeval second = {1, 0};
    struct db_options options = db_options_of(d->settings);
    char *own = NULL;

    options.stripes = REDIS_CONNECTIONS;
    options.changed = on_redis;
    options.refused = on_refused;
    options.arg = d;
    if (options.url == NULL && options.sentinels == NULL && options.cluster == NULL) {
        d->redis = private_redis_start(d->settings->state_dir, d->settings->redis.appendfsync, err);
        if (d->redis == NULL)
            return -1;
        own = xasprintf("unix:%s", private_redis_socket(d->redis));
        options.url = own;
        d->watch = event_new(d->base, -1, EV_PERSIST, on_watch, d);
        event_add(d->watch, &second);
    }
    d->db = db_open(d->base, &options, err);
    free(own);
    if (d->db == NULL)
        return -1;
    return db_connect(d->db, 30000, err);
}

static int start_web(struct daemon *d, struct error *err)
{
    struct web_options options = {.base = d->base,
                                  .listen = d->settings->web_listen,
                                  .routes = d->routes,
                                  .proxies = &d->settings->web_proxies};

    if (!callbacks_wanted(d->gateways))
        return 0;
    d->routes[0] = (struct web_route){"/callbacks/", "GET POST", CALLBACKS_BODY_BYTES,
                                      callbacks_take, &d->gateways};
    d->web = web_open(&options, err);
    return d->web == NULL ? -1 : 0;
}

static int start(struct daemon *d, struct error *err, int *status)
{
    static const struct gateway_events events = {
        .answered = on_answered, .receipt = on_receipt, .reply = on_reply, .changed = on_changed};
    struct dispatch_options dispatch = {.base = d->base,
                                        .settings = d->settings,
                                        .stop = on_replaced,
                                        .early = on_early,
                                        .alarm = on_alarm,
                                        .arg = d};
    struct inbound_options inbound = {.base = d->base, .settings = d->settings};

    *status = EX_UNAVAILABLE;
    if (start_redis(d, err) != 0)
        return -1;
    d->health = health_create(d->base, d->db);
    *status = EX_CANTCREAT;
    d->log = delivery_log_open(d->settings->log.delivery, d->settings->state_dir, d->db, err);
    if (d->log == NULL)
        return -1;
    d->marker = marker_open(d->settings->state_dir, err);
    if (d->marker == NULL)
        return -1;
    dispatch.marker = d->marker;
    dispatch.health = d->health;
    dispatch.db = inbound.db = d->db;
    dispatch.log = inbound.log = d->log;
    d->dispatch = dispatch_create(&dispatch);
    inbound.dispatch = d->dispatch;
    d->inbound = inbound_create(&inbound);
    *status = EX_CONFIG;
    d->gateways =
        gateway_set_open(d->settings->gateways, d->settings->plugin_dir, d->base, &events, d, err);
    if (d->gateways == NULL)
        return -1;
    gateway_set_share(d->gateways, d->db);
    dispatch_start(d->dispatch, d->gateways);
    inbound_start(d->inbound, d->gateways);
    *status = EX_CANTCREAT;
    if (start_web(d, err) != 0)
        return -1;
    *status = EX_OK;
    d->up = true;
    return 0;
}

static void finish(struct daemon *d)
{
    struct error err;

    if (d->inbound != NULL)
        inbound_mute(d->inbound);
    web_close(d->web);
    if (d->gateways != NULL)
        gateway_set_shut(d->gateways); /* what is unanswered is in doubt, and settled below */
    while (d->db != NULL && d->dispatch != NULL && dispatch_settle_all(d->dispatch) &&
           db_end(d->db, AWAY_AT_END_MS, &err) == 0)
        ; /* an answer may have brought one more outcome */
    inbound_free(d->inbound);
    dispatch_free(d->dispatch);
    gateway_set_close(d->gateways); /* after all who ask it for names */
    delivery_log_close(d->log);
    marker_close(d->marker);
    db_close(d->db);
    health_free(d->health);
    private_redis_stop(d->redis);
    for (size_t i = 0; i < 3; i++)
        if (d->signals[i] != NULL)
            event_free(d->signals[i]);
    if (d->signals[0] != NULL) { /* it has all but ended: one more of them changes no status */
        signal(SIGTERM, SIG_IGN);
        signal(SIGINT, SIG_IGN);
    }
    if (d->watch != NULL)
        event_free(d->watch);
    if (d->stop_timer != NULL)
        event_free(d->stop_timer);
    if (d->trim != NULL)
        event_free(d->trim);
    for (size_t i = 0; i < d->reloaded_count; i++)
        settings_free(d->reloaded[i]);
    free(d->reloaded);
    settings_free(d->settings);
    watchdog_end();
    culprit_release();
    if (d->base != NULL)
        event_base_free(d->base);
}

static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int run(struct daemon *d)
{
    static const int stopping[] = {SIGTERM, SIGINT, SIGHUP};
    static const struct timeval minute = {60, 0};
    struct error err;
    int status;

    signal(SIGPIPE, SIG_IGN);
    umask(077);
    raise_file_limit();
    notify_open();
    culprit_guard();
    d->base = event_base_new();
    watchdog_start(d->base);
    d->stop_timer = evtimer_new(d->base, on_stop_timer, d);
    d->trim = event_new(d->base, -1, EV_PERSIST, on_trim, d);
    event_add(d->trim, &minute);
    for (size_t i = 0; i < 3; i++) {
        d->signals[i] = evsignal_new(d->base, stopping[i], on_signal, d);
        evsignal_add(d->signals[i], NULL);
    }
    if (mkdir(d->settings->state_dir, 0700) != 0 && access(d->settings->state_dir, W_OK) != 0) {
        fprintf(stderr, "outreachd: state_dir %s: cannot be written\n", d->settings->state_dir);
        return EX_CANTCREAT;
    }
    if (start(d, &err, &status) != 0) {
        if (d->stops > 0)
            return EX_OK; /* it was told to, while it waited for Redis */
        fprintf(stderr, "outreachd: %s\n", err.text);
        return status;
    }
    log_info("daemon.started name=%s gateways=%zu redis=%s", d->settings->name,
             gateway_set_count(d->gateways),
             d->redis                     ? "private"
             : d->settings->redis.cluster ? "cluster"
             : d->settings->redis.url     ? log_quote(d->settings->redis.url)
                                          : log_quote(d->settings->redis.master));
    notify_tell("READY=1");
    if (d->stops == 0) /* else it was told to while it was starting */
        event_base_dispatch(d->base);
    return d->exit_status;
}

static int check(const char *path)
{
    size_t gateways;

    if (conf_mistakes_tell(path, stderr, &gateways) > 0)
        return EX_CONFIG;
    printf(gateways == 0 ? language_text("%s: good, but it names no gateway: nothing can be sent\n")
                         : language_text("%s: good\n"),
           path);
    return EX_OK;
}

static const char *default_config(void)
{
    const char *path = getenv("OUTREACH_CONFIG");

    if (path != NULL && path[0] != '\0')
        return path;
    return access("/etc/outreach/outreachd.conf", F_OK) == 0 ? "/etc/outreach/outreachd.conf"
                                                             : NULL;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"test", no_argument, NULL, 't'},
        {"verbose", no_argument, NULL, 'v'},      {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    struct daemon d = {0};
    const char *config = default_config();
    bool test = false, verbose = false;
    size_t gateways;
    struct error err;
    int option, status;

    mem_rule();
    language_init();
    while ((option = getopt_long(argc, argv, "c:tvVh", options, NULL)) != -1)
        switch (option) {
        case 'c':
            config = optarg;
            break;
        case 't':
            test = true;
            break;
        case 'v':
            verbose = true;
            break;
        case 'V':
            puts("outreachd 0.1");
            return EX_OK;
        case 'h':
            fputs(language_text(help), stdout);
            return EX_OK;
        default:
            fputs(language_text("Try outreachd --help\n"), stderr);
            return EX_USAGE;
        }
    if (optind < argc) {
        fprintf(stderr,
                language_text(
                    "outreachd: what is \"%s\"? It takes options only: try outreachd --help\n"),
                argv[optind]);
        return EX_USAGE;
    }
    if (config == NULL) {
        fputs(language_text("outreachd: no configuration: give one with -c, in\n"
                            "$OUTREACH_CONFIG, or as /etc/outreach/outreachd.conf\n"),
              stderr);
        return EX_CONFIG;
    }
    if (sodium_init() < 0)
        return EX_OSERR;
    if (test)
        return check(config);
    language_set_chinese(false); /* from here on it is the log that is read */
    d.config = config;
    d.settings = settings_read(config, &err);
    if (d.settings == NULL) {
        if (conf_mistakes_tell(config, stderr, &gateways) == 0) /* mended since */
            fprintf(stderr, "outreachd: %s\n", err.text);
        return EX_CONFIG;
    }
    log_set_level(verbose ? LOG_LEVEL_DEBUG : (enum log_level)d.settings->log.level);
    if (alert_targets_check(d.settings, &err) != 0) /* residents are not to wait for that */
        log_error("alerts.wrong reason=%s", log_quote(err.text));
    status = run(&d);
    finish(&d);
    return status;
}
