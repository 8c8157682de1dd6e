#include "ops.h"

#include "audit.h"
#include "buf.h"
#include "campaigns.h"
#include "clock.h"
#include "error.h"
#include "hours.h"
#include "keys.h"
#include "language.h"
#include "retell.h"
#include "log.h"
#include "mem.h"
#include "phone.h"
#include "tree.h"
#include "utf8.h"
#include "zone.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KNOWN_MOST 256    /* matters that are remembered */
#define TELLINGS_MOST 64  /* under way or tried again */
#define CAMPAIGNS_MOST 32 /* of these, to whom campaigns name */
#define CAMPAIGN_HOURLY 3 /* that one number or group is told in an hour, of all campaigns */
#define AT_ONCE 4         /* begun in one look: they go past all rates */
#define ENDED_MS 180000   /* not reported for so long: it is over */
#define NAME_MOST 128

/* {name}, {number} and {detail} stand for those of the alarm; {campaign} is what a reminder's name
 * begins with. */
static const struct {
    int level;
    const char *words;
} sentences[ALARM_MATTERS] = {
    [ALARM_GATEWAY] =
        {LOG_LEVEL_ERROR,
         N_("Gateway {name} takes nothing: {detail}. Its notices wait or go elsewhere.")},
    [ALARM_BALANCE] = {LOG_LEVEL_ERROR,
                       N_("Gateway {name} has no money left: top it up ({detail}).")},
    [ALARM_LOW] =
        {LOG_LEVEL_ERROR,
         N_("Gateway {name} has only {detail} left, as far as we have reckoned: top it up, then "
            "outreach gateways balance {name} AMOUNT.")},
    [ALARM_SILENT] = {LOG_LEVEL_WARNING,
                      N_("Gateway {name} has sent no receipt for {number} min, though many wait.")},
    [ALARM_DISK] = {LOG_LEVEL_ERROR,
                    N_("Only {number} percent of the disk is free at {name}: where it is full "
                       "nothing is sent.")},
    [ALARM_REDIS] = {LOG_LEVEL_ERROR, N_("NOTHING IS SENT: Redis ({name}): {detail}")},
    [ALARM_AILING] = {LOG_LEVEL_WARNING, N_("Redis ({name}): {detail}")},
    [ALARM_DOUBT] = {LOG_LEVEL_WARNING,
                     N_("Campaign {name}: nobody knows since an hour and more whether "
                        "a notice was sent: outreach show -s uncertain {name}")},
    [ALARM_CLOCK] = {LOG_LEVEL_ERROR,
                     N_("NOTHING IS SENT: the system's clock was set. If it is right: "
                        "outreach clock confirm")},
    [ALARM_HALTED] = {LOG_LEVEL_ERROR, N_("Reminder {name} stands still: {detail}")},
    [ALARM_LATE] = {LOG_LEVEL_ERROR,
                    N_("Reminder {name} cannot be finished in time at this pace: {number} "
                       "people would be left over.")},
    [ALARM_FAILURES] =
        {LOG_LEVEL_ERROR,
         N_("Reminder {name}: {number} percent of its notices failed: outreach report {campaign}")},
    [ALARM_MISSED] = {LOG_LEVEL_ERROR,
                      N_("Reminder {name} was not sent: its time went by while no daemon "
                         "was there ({number} people).")},
};

struct known {
    enum alarm_matter matter;
    char name[NAME_MOST];
    int64_t seen_ms; /* monotonic: a machine that slept has looked at nothing meanwhile */
    int64_t told_ms; /* boot-time clock; 0: never */
};

/* Of one target. */
struct telling {
    struct telling *next;
    struct ops *ops;
    enum alarm_matter matter;
    char name[NAME_MOST], id[64], words[OPS_WORDS_BYTES];
    char *target, *line;
    int64_t next_ms, until_ms; /* boot-time clock */
    bool under_way;
};

/* Whose turn is it to tell, and who of the campaign's is told? */
struct asking {
    struct ops *ops;
    struct asking *next;
    enum alarm_matter matter;
    char name[NAME_MOST];
    char *detail;
    int64_t number;
    char token[120]; /* stands in the key where it is ours */
    bool ours;
    char *target;    /* whom a campaign names: may she be told? NULL: no one's */
    char *known_as;  /* her number as it is stored, else the target: of how often */
    int64_t open_ms; /* wall clock: from then on residents may be disturbed */
    bool refused;
};

struct ops {
    struct inbound_options options;
    struct duty *duty;
    struct command command;
    struct event *timer;
    struct known known[KNOWN_MOST];
    size_t known_count, telling_count;
    struct telling *tellings;
    unsigned asked;
    struct asking *askings; /* to be freed with us: their answers no longer come then */
};

int ops_level(enum alarm_matter matter)
{
    return sentences[matter].level;
}

/* What the rooms below and the gateways say is English. A sum of money ends a detail: "0.85 CNY"
 * is "0.85 元" in Chinese. */
static void put_detail(struct buf *out, const char *detail, bool chinese)
{
    /* What a gateway's trouble begins with, as its room says it; the rest is the provider's. */
    static const char *const troubles[] = {N_("broken: %s"), N_("throttled: %s"), N_("retry: %s"),
                                           N_("unknown: %s")};
    size_t n = strlen(detail);
    char words[RETELL_BYTES];

    for (size_t i = 0; chinese && i < sizeof troubles / sizeof *troubles; i++) {
        size_t before = strlen(troubles[i]) - 2;

        if (strncmp(detail, troubles[i], before) != 0 || detail[before] == '\0')
            continue;
        buf_printf(out, language_in_chinese(troubles[i]), language_in_chinese(detail + before));
        return;
    }
    if (chinese && n > 4 && strcmp(detail + n - 4, " CNY") == 0)
        buf_printf(out, "%.*s 元", (int)n - 4, detail);
    else
        buf_puts(out, chinese ? retell_in_chinese(detail, words) : detail);
}

void ops_words(const struct alarm *alarm, bool chinese, char out[OPS_WORDS_BYTES])
{
    const char *p = sentences[alarm->matter].words;
    struct buf words = BUF_INIT(8 * OPS_WORDS_BYTES);

    for (p = chinese ? language_in_chinese(p) : p; *p != '\0'; p++) {
        if (strncmp(p, "{name}", 6) == 0)
            buf_puts(&words, alarm->name);
        else if (strncmp(p, "{campaign}", 10) == 0)
            buf_put(&words, alarm->name, strcspn(alarm->name, "/"));
        else if (strncmp(p, "{number}", 8) == 0)
            buf_printf(&words, "%lld", (long long)alarm->number);
        else if (strncmp(p, "{detail}", 8) == 0)
            put_detail(&words, alarm->detail, chinese);
        else
            buf_putc(&words, *p);
        if (*p == '{')
            p = strchr(p, '}');
    }
    snprintf(out, OPS_WORDS_BYTES, "%s", buf_string(&words));
    out[utf8_valid(out, strlen(out))] = '\0';
    buf_free(&words);
}

/* ------------------------------------------------------------------------ a telling */

static void telling_free(struct telling *t)
{
    struct telling **at = &t->ops->tellings;

    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    t->ops->telling_count--;
    free(t->target);
    free(t->line);
    free(t);
}

static void on_told(void *arg, bool told, const char *why)
{
    struct telling *t = arg;
    struct ops *o = t->ops;
    const char *to = log_mask(t->target, strlen(t->target));

    t->under_way = false;
    if (!told && clock_boot_ms() < t->until_ms) {
        log_warning("ops.untold matter=%s name=%s to=%s reason=%s retry_ms=%d",
                    alarm_name(t->matter), log_quote(t->name), log_quote(to), log_quote(why),
                    DUTY_AGAIN_MS);
        t->next_ms = clock_boot_ms() + DUTY_AGAIN_MS;
        return;
    }
    if (told)
        log_warning("ops.told matter=%s name=%s to=%s", alarm_name(t->matter), log_quote(t->name),
                    log_quote(to));
    else
        log_error("ops.untold matter=%s name=%s to=%s reason=%s", alarm_name(t->matter),
                  log_quote(t->name), log_quote(to), log_quote(why));
    if (db_well(o->options.db)) {
        audit_command(&o->command, told ? "alarm" : "alarm-untold", "by", o->options.settings->name,
                      "matter", alarm_name(t->matter), "name", t->name, "to", to, NULL);
        db_send(o->options.db, &o->command, NULL, NULL);
    }
    telling_free(t);
}

static void try_all(struct ops *o)
{
    int64_t now_ms = clock_boot_ms();
    struct telling *next;
    unsigned begun = 0;

    for (struct telling *t = o->tellings; t != NULL && begun < AT_ONCE; t = next) {
        struct duty_note note = {t->id, t->words, t->line,
                                 alarm_is_of_gateway(t->matter) ? t->name : ""};

        next = t->next;
        if (t->under_way || t->next_ms > now_ms)
            continue;
        t->under_way = true;
        begun++;
        duty_tell(o->duty, t->target, &note, on_told, t); /* last: t may be gone */
    }
}

static void put_pair(struct buf *out, const char *name, const char *value)
{
    buf_putc(out, out->length == 0 ? '{' : ',');
    buf_put_json(out, name, strlen(name));
    buf_putc(out, ':');
    buf_put_json(out, value, utf8_valid(value, strlen(value)));
}

/* By several entries it is told once; not before wait_ms from now. */
static void tell(struct ops *o, const struct alarm *alarm, const char *target, size_t most,
                 int64_t wait_ms)
{
    static const char *const levels[] = {"debug", "info", "warning", "error"};
    struct buf line = BUF_INIT(4 * OPS_WORDS_BYTES);
    struct telling *t;

    for (t = o->tellings; t != NULL; t = t->next)
        if (t->matter == alarm->matter && strcmp(t->name, alarm->name) == 0 &&
            strcmp(t->target, target) == 0)
            return;
    if (o->telling_count >= most) {
        log_error("ops.untold matter=%s name=%s reason=\"too many others wait to be told\"",
                  alarm_name(alarm->matter), log_quote(alarm->name));
        return;
    }
    t = xcalloc(1, sizeof *t);
    t->ops = o;
    t->next = o->tellings;
    o->tellings = t;
    o->telling_count++;
    t->matter = alarm->matter;
    snprintf(t->name, sizeof t->name, "%s", alarm->name);
    snprintf(t->id, sizeof t->id, "%s-%lld", alarm_name(alarm->matter), (long long)clock_wall_ms());
    ops_words(alarm, strncmp(o->options.settings->defaults.language, "zh", 2) == 0, t->words);
    t->target = xstrdup(target);
    t->next_ms = clock_boot_ms() + (wait_ms > 0 ? wait_ms : 0);
    t->until_ms = t->next_ms + OPS_TRY_MS;
    put_pair(&line, "event", "ops");
    put_pair(&line, "matter", alarm_name(alarm->matter));
    put_pair(&line, "name", alarm->name);
    put_pair(&line, "level", levels[ops_level(alarm->matter)]);
    put_pair(&line, "daemon", o->options.settings->name);
    put_pair(&line, "text", t->words);
    buf_putc(&line, '}');
    t->line = xstrdup(buf_string(&line));
    buf_free(&line);
}

/* ---------------------------------------------------------------------- who is told */

static void tell_configured(struct ops *o, const struct alarm *alarm)
{
    const struct settings *s = o->options.settings;
    char target[DUTY_TARGET_BYTES];

    for (size_t i = 0; i < s->alert_count; i++)
        if (s->alerts[i].level <= ops_level(alarm->matter)) {
            duty_target(s, i, target);
            tell(o, alarm, target, TELLINGS_MOST, 0);
        }
}

static struct asking *asking_create(struct ops *o, const struct alarm *alarm)
{
    struct asking *a = xcalloc(1, sizeof *a);

    a->ops = o;
    a->next = o->askings;
    o->askings = a;
    a->matter = alarm->matter;
    snprintf(a->name, sizeof a->name, "%s", alarm->name);
    a->detail = xstrdup(alarm->detail);
    a->number = alarm->number;
    return a;
}

static void asking_free(struct asking *a)
{
    struct asking **at = &a->ops->askings;

    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    free(a->detail);
    free(a->target);
    free(a->known_as);
    free(a);
}

static struct alarm alarm_of(const struct asking *a)
{
    return (struct alarm){a->matter, a->name, a->detail, a->number};
}

/* ------------------------------------------------------- whom a campaign names */

static void on_refusal(void *arg, const redisReply *reply)
{
    struct asking *a = arg;

    a->refused = db_int(db_at(reply, 0), 0) != 0 || db_int(db_at(reply, 1), 0) != 0;
}

/* The last answer: how many were told her within the hour, with this. No answer is none. */
static void on_count(void *arg, const redisReply *reply)
{
    struct asking *a = arg;
    struct alarm alarm = alarm_of(a);
    struct command *c = &a->ops->command;
    bool often = db_int(reply, 0) > CAMPAIGN_HOURLY;

    if (db_int(reply, 0) == 1) { /* it may have ended just before: without an end it would stay */
        command_start(c, "PEXPIRE");
        key_alarm(c, "to", a->known_as);
        command_add_int(c, OPS_AGAIN_MS);
        db_try(a->ops->options.db, c, NULL, NULL);
    }
    if (a->refused || often)
        log_warning("ops.untold matter=%s name=%s to=%s reason=%s", alarm_name(a->matter),
                    log_quote(a->name), log_quote(log_mask(a->target, strlen(a->target))),
                    a->refused ? "\"she has opted out\"" : "\"enough for this hour\"");
    else
        tell(a->ops, &alarm, a->target, CAMPAIGNS_MOST, a->open_ms - clock_wall_ms());
    try_all(a->ops);
    asking_free(a);
}

/* Who queues a campaign may write any number into it: so she is told as a resident would be, in
 * the allowed hours, not where she has refused, and not more often than that; however the number is
 * written, and by whichever gateway. */
static void ask_target(struct ops *o, const struct asking *of, const char *target, int64_t open_ms)
{
    struct asking *a =
        asking_create(o, &(struct alarm){of->matter, of->name, of->detail, of->number});
    const char *colon = strchr(target, ':'), *address = colon != NULL ? colon + 1 : "";
    struct command *c = &o->command;
    char number[PHONE_BYTES];

    a->target = xstrdup(target);
    a->open_ms = open_ms;
    if (phone_normalize(address, strlen(address), o->options.settings->defaults.country, number,
                        NULL) != 0)
        number[0] = '\0';
    a->known_as = xstrdup(number[0] != '\0' ? number : target);
    command_start(c, "SMISMEMBER");
    command_add_string(c, KEY_OPTOUT);
    command_add_string(c, address);
    command_add_string(c, number);
    db_send(o->options.db, c, on_refusal, a);
    command_start(c, "SET");
    key_alarm(c, "to", a->known_as);
    command_add_int(c, 0);
    command_add_string(c, "NX");
    command_add_string(c, "PX");
    command_add_int(c, OPS_AGAIN_MS);
    db_try(o->options.db, c, NULL, NULL);
    command_start(c, "INCR");
    key_alarm(c, "to", a->known_as);
    db_send(o->options.db, c, on_count, a);
}

static int64_t opens_ms(const struct settings *s, const struct tree *document)
{
    struct hours *hours =
        hours_parse(s->defaults.hours != NULL ? s->defaults.hours : "always", NULL);
    const struct zone *zone =
        zone_find(tree_string(document, "event.timezone", s->defaults.timezone), NULL);
    int64_t open_ms = clock_wall_ms();

    if (hours != NULL && zone != NULL)
        open_ms = hours_next_open(hours, zone, open_ms);
    hours_free(hours);
    return open_ms;
}

/* What stands in a campaign never runs a program of this machine: form.c refuses it, and here
 * it is none either. */
static void ask_campaigns(struct asking *a, const redisReply *document)
{
    struct error err;
    struct tree *tree;
    const struct tree *list;

    if (document == NULL || document->type != REDIS_REPLY_STRING)
        return;
    tree = tree_parse_json(document->str, document->len, NULL, &err);
    list = tree != NULL ? tree_member(tree, "alerts") : NULL;
    for (const struct tree *one = list != NULL ? list->first : NULL; one != NULL; one = one->next) {
        const struct tree *to = tree_member(one, "to"), *level = tree_member(one, "level");
        int least = level != NULL ? log_level_parse(level->string) : LOG_LEVEL_ERROR;

        if (to != NULL && strncmp(to->string, "exec:", 5) != 0 && least <= ops_level(a->matter))
            ask_target(a->ops, a, to->string, opens_ms(a->ops->options.settings, tree));
    }
    tree_free(tree);
}

/* Another daemon has told it within the hour, or it is for us. Nothing, or an error, is no answer
 * (Redis is full): rather twice than not at all. */
static void on_turn(void *arg, const redisReply *reply)
{
    struct asking *a = arg;
    struct alarm alarm = alarm_of(a);

    a->ours = reply->type != REDIS_REPLY_STRING || strcmp(reply->str, a->token) == 0;
    if (a->ours)
        tell_configured(a->ops, &alarm);
    if (!alarm_is_of_campaign(a->matter)) {
        try_all(a->ops);
        asking_free(a);
    }
}

static void on_document(void *arg, const redisReply *reply)
{
    struct asking *a = arg;

    if (a->ours)
        ask_campaigns(a, reply);
    try_all(a->ops);
    asking_free(a);
}

static void ask(struct ops *o, const struct alarm *alarm)
{
    struct asking *a = asking_create(o, alarm);
    struct command *c = &o->command;
    char id[CAMPAIGN_ID_BYTES], reminder[33];

    snprintf(a->token, sizeof a->token, "%s %lld %u", o->options.settings->name,
             (long long)clock_wall_ms(), ++o->asked);
    command_start(c, "SET");
    key_alarm(c, alarm_name(alarm->matter), a->name);
    command_add_string(c, a->token);
    command_add_string(c, "NX");
    command_add_string(c, "PX");
    command_add_int(c, OPS_AGAIN_MS);
    db_try(o->options.db, c, NULL, NULL); /* it may run twice: whose turn it is, the next says */
    command_start(c, "GET");
    key_alarm(c, alarm_name(alarm->matter), a->name);
    db_send(o->options.db, c, on_turn, a);
    if (!alarm_is_of_campaign(alarm->matter) || key_split(a->name, id, reminder) != 0)
        return;
    command_start(c, "HGET");
    key_campaign(c, id);
    command_add_string(c, "document");
    db_send(o->options.db, c, on_document, a);
}

/* ---------------------------------------------------------------------------- limits */

/* NULL: more last than are remembered; what was there first is told. */
static struct known *know(struct ops *o, const struct alarm *alarm)
{
    struct known *oldest = &o->known[0];
    char name[NAME_MOST];

    snprintf(name, sizeof name, "%s", alarm->name);
    for (size_t i = 0; i < o->known_count; i++) {
        struct known *k = &o->known[i];

        if (k->matter == alarm->matter && strcmp(k->name, name) == 0)
            return k;
        if (k->seen_ms < oldest->seen_ms)
            oldest = k;
    }
    if (o->known_count < KNOWN_MOST)
        oldest = &o->known[o->known_count++];
    else if (clock_mono_ms() - oldest->seen_ms < ENDED_MS)
        return NULL;
    *oldest = (struct known){.matter = alarm->matter};
    memcpy(oldest->name, name, sizeof name);
    return oldest;
}

void ops_alarm(struct ops *o, const struct alarm *alarm)
{
    struct known *k = know(o, alarm);
    int64_t now_ms = clock_boot_ms(), since_ms = k != NULL ? now_ms - k->told_ms : 0;
    int64_t seen_ms = clock_mono_ms();
    bool lasts = k != NULL && k->seen_ms != 0 && seen_ms - k->seen_ms < ENDED_MS;

    if (k == NULL)
        return;
    k->seen_ms = seen_ms;
    if (k->told_ms != 0 && since_ms < (lasts ? OPS_LASTS_MS : OPS_AGAIN_MS))
        return;
    k->told_ms = now_ms;
    log_warning("ops.alarm matter=%s name=%s number=%lld", alarm_name(alarm->matter),
                log_quote(alarm->name), (long long)alarm->number);
    /* A Redis that is in doubt is asked for nothing: it may be another installation's. */
    if (alarm->matter != ALARM_REDIS && db_well(o->options.db)) {
        ask(o, alarm);
        return;
    }
    tell_configured(o, alarm);
    try_all(o);
}

/* -------------------------------------------------------------------------- its life */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    try_all(arg);
}

struct ops *ops_create(const struct inbound_options *options, struct duty *duty)
{
    static const struct timeval every = {DUTY_AGAIN_MS / 4000, DUTY_AGAIN_MS / 4 % 1000 * 1000};
    struct ops *o = xcalloc(1, sizeof *o);

    o->options = *options;
    o->duty = duty;
    o->command = COMMAND_INIT;
    o->timer = event_new(options->base, -1, EV_PERSIST, on_timer, o);
    event_add(o->timer, &every);
    return o;
}

void ops_free(struct ops *o)
{
    if (o == NULL)
        return;
    while (o->tellings != NULL)
        telling_free(o->tellings);
    while (o->askings != NULL)
        asking_free(o->askings);
    event_free(o->timer);
    command_free(&o->command);
    free(o);
}
