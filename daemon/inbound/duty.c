#include "duty.h"

#include "buf.h"
#include "clock.h"
#include "column.h"
#include "encoding.h"
#include "keys.h"
#include "log.h"
#include "mem.h"
#include "phone.h"
#include "utf8.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 3000
#define AT_ONCE 8
#define LEASE_MS 45000     /* whoever has taken one and is silent for so long has died */
#define PROGRAM_MS 30000   /* it may take so long */
#define QUOTED_COLUMNS 60u /* of what she wrote, in a message */
#define TEXT_BYTES 1024
#define LINE_BYTES (8 * 4096)

extern char **environ;

/* One telling of one target. */
struct call {
    struct call *next;
    struct duty *duty;
    char *entry;        /* as it stands in line: "id whom" */
    const char *target; /* in entry */
    char id[48];
    struct gateway *gateway;        /* of a message under way */
    struct gateway_message message; /* and what it points to: */
    char text[TEXT_BYTES], to[129], reference[96];
    pid_t child;
    int64_t child_until_ms; /* monotonic */
    duty_told_fn *told;     /* of a note: who wants to know; NULL: a reply, which stands in line */
    void *told_arg;
    char *words, *line, *not_by;
};

struct duty {
    struct inbound_options options;
    struct gateway_set *gateways;
    struct command command;
    struct event *timer;
    struct call *calls;
    bool asking, muted;
};

/* ----------------------------------------------------------------------- targets */

/* Programs begin with "exec:", which no gateway can be called. */
void duty_target(const struct settings *settings, size_t i, char out[DUTY_TARGET_BYTES])
{
    const struct alert *alert = &settings->alerts[i];

    if (alert->exec != NULL)
        snprintf(out, DUTY_TARGET_BYTES, "exec:%s", alert->exec);
    else
        snprintf(out, DUTY_TARGET_BYTES, "%s", alert->to);
}

static void add_targets(const struct settings *settings, struct command *c)
{
    char target[DUTY_TARGET_BYTES];

    for (size_t i = 0; i < settings->alert_count; i++) {
        duty_target(settings, i, target);
        command_add_string(c, target);
    }
}

void duty_targets(const struct settings *settings, struct command *c)
{
    add_targets(settings, c);
    if (settings->alert_count == 0)
        log_error("alarm.untold reason=\"a resident cries for help, and `alerts` names nobody to "
                  "be told\"");
}

/* What stands in Redis is no order to run a program: only what the configuration names is. */
static bool is_configured(const struct settings *settings, const char *target)
{
    char one[DUTY_TARGET_BYTES];

    for (size_t i = 0; i < settings->alert_count; i++) {
        duty_target(settings, i, one);
        if (strcmp(one, target) == 0)
            return true;
    }
    return false;
}

/* ------------------------------------------------------------------- a call's end */

static void release(struct call *call)
{
    free(call->entry);
    free(call->words);
    free(call->line);
    free(call->not_by);
    free(call);
}

static void call_free(struct call *call)
{
    struct call **at = &call->duty->calls;

    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    release(call);
}

static void call_end(struct call *call, bool told, const char *why)
{
    struct duty *d = call->duty;
    struct command *c = &d->command;

    if (call->told != NULL) {
        call->told(call->told_arg, told, why);
        call_free(call);
        return;
    }
    if (told)
        log_warning("alarm.told reply=%s to=%s", call->id,
                    log_quote(log_mask(call->target, strlen(call->target))));
    else
        log_error("alarm.untold reply=%s to=%s reason=%s retry_ms=%d", call->id,
                  log_quote(log_mask(call->target, strlen(call->target))), log_quote(why),
                  DUTY_AGAIN_MS);
    command_start(c, told ? "ZREM" : "ZADD");
    command_add_string(c, KEY_REPLIES_DUTY);
    if (!told)
        command_add_int(c, clock_wall_ms() + DUTY_AGAIN_MS);
    command_add_string(c, call->entry);
    db_send(d->options.db, c, NULL, NULL);
    call_free(call);
}

/* --------------------------------------------------------------------- a message */

static const char *field(const redisReply *fields, const char *name)
{
    const redisReply *value = db_field(fields, name);

    return value != NULL && value->type == REDIS_REPLY_STRING ? value->str : "";
}

/* The words that she wrote, of one line and not too many. */
static void quote(const redisReply *fields, char *out, size_t size)
{
    const redisReply *text = db_field(fields, "text");
    size_t n = text != NULL ? utf8_valid(text->str, text->len) : 0;

    n = utf8_cut(text != NULL ? text->str : "", n, QUOTED_COLUMNS, NULL);
    snprintf(out, size, "%.*s%s", (int)n, text != NULL ? text->str : "",
             text != NULL && n < text->len ? "…" : "");
    out[utf8_valid(out, strlen(out))] =
        '\0'; /* marks take no column: it may have been cut in one */
    for (char *p = out; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20)
            *p = ' ';
}

/* The words, and the signature where that gateway wants it. */
static void write_note(struct call *call, const struct gateway_config *config)
{
    const char *signature = call->duty->options.settings->defaults.signature;

    signature = signature != NULL ? signature : "";
    snprintf(call->text, sizeof call->text, "%s%s%s",
             config->signature == GATEWAY_SIGNATURE_PREFIX ? signature : "", call->words,
             config->signature == GATEWAY_SIGNATURE_SUFFIX ? signature : "");
    call->text[utf8_valid(call->text, strlen(call->text))] = '\0';
}

static void write_text(struct call *call, const struct gateway_config *config,
                       const redisReply *fields)
{
    const struct campaign_defaults *defaults = &call->duty->options.settings->defaults;
    const char *signature = defaults->signature != NULL ? defaults->signature : "";
    bool prefix = config->signature == GATEWAY_SIGNATURE_PREFIX,
         suffix = config->signature == GATEWAY_SIGNATURE_SUFFIX,
         zh = strncmp(defaults->language, "zh", 2) == 0;
    char words[QUOTED_COLUMNS * 4 + 8];

    quote(fields, words, sizeof words);
    snprintf(call->text, sizeof call->text,
             zh ? "%s求助警报：%s回复“%s”。请立即联系本人，系统不会自动答复。%s"
                : "%sALARM: %s wrote \"%s\". Call her now: no machine has answered.%s",
             prefix ? signature : "", field(fields, "from"), words, suffix ? signature : "");
}

/* By which a note goes: not by what is broken. A group has one gateway, a number may be reached by
 * another. */
static struct gateway *note_gateway(const struct call *call, const char *name)
{
    struct gateway_set *set = call->duty->gateways;
    struct gateway *own = gateway_set_find(set, name), *gw;

    if (own == NULL)
        return NULL;
    if (strcmp(name, call->not_by) != 0 && gateway_free(own) > 0)
        return own;
    for (size_t i = 0; i < gateway_set_count(set) && call->to[0] != '\0'; i++) {
        gw = gateway_set_at(set, i);
        if (gateway_free(gw) > 0 && strcmp(gateway_config(gw)->name, call->not_by) != 0 &&
            strcmp(gateway_config(gw)->channel, gateway_config(own)->channel) == 0 &&
            !gateway_config(gw)->group)
            return gw;
    }
    return NULL;
}

/* As plugins want it, however the configuration or a campaign writes it. */
static void write_address(struct call *call, const struct gateway_config *config)
{
    const char *country = call->duty->options.settings->defaults.country;
    char number[PHONE_BYTES];

    if (column_is_phone(config->channel) &&
        phone_normalize(call->to, strlen(call->to), country, number, NULL) == 0)
        snprintf(call->to, sizeof call->to, "%s", number);
}

static void send_message(struct call *call, const redisReply *fields)
{
    struct duty *d = call->duty;
    struct gateway_message *message = &call->message;
    char name[33];
    struct text_size size;
    void *context = call;
    struct gateway *gw;

    snprintf(name, sizeof name, "%.*s", (int)strcspn(call->target, ":"), call->target);
    snprintf(call->to, sizeof call->to, "%s",
             strchr(call->target, ':') != NULL ? strchr(call->target, ':') + 1 : "");
    gw = call->told != NULL ? note_gateway(call, name) : gateway_set_find(d->gateways, name);
    if (gw == NULL || gateway_free(gw) == 0) {
        call_end(call, false, "its gateway takes nothing now");
        return;
    }
    write_address(call, gateway_config(gw));
    if (call->told != NULL)
        write_note(call, gateway_config(gw));
    else
        write_text(call, gateway_config(gw), fields);
    if (text_measure(call->text, strlen(call->text), TEXT_BILL_GSM, &size) != 0)
        size = (struct text_size){TEXT_UCS2, 1, 1, 1};
    snprintf(call->reference, sizeof call->reference, "duty/%s", call->id);
    *message = (struct gateway_message){
        .to = call->to,
        .to_length = strlen(call->to),
        .text = call->text,
        .length = strlen(call->text),
        .encoding = size.encoding == TEXT_GSM7 ? GATEWAY_GSM7 : GATEWAY_UCS2,
        .segments = size.segments < 1 ? 1 : size.segments,
        .title = "",
        .language = d->options.settings->defaults.language,
        .message_class = "personal",
        .campaign = "duty",
        .reminder = "alarm",
        .number = 1,
        .attempt = 1,
        .reference = call->reference,
        .reference_number = (uint64_t)clock_wall_ms(),
        .submit_by_ms = clock_boot_ms() + DUTY_AGAIN_MS,
    };
    call->gateway = gw;
    gateway_submit(gw, &message, &context, 1);
}

bool duty_answered(struct duty *d, void *context, const struct gateway_answer *answer)
{
    struct call *call = d->calls;

    while (call != NULL && call != context)
        call = call->next;
    if (call == NULL)
        return false;
    call_end(call, answer->outcome == GATEWAY_ACCEPTED,
             answer->words != NULL ? answer->words : gateway_outcome_name(answer->outcome));
    return true;
}

/* --------------------------------------------------------------------- a program */

static void put_pair(struct buf *out, const char *name, const char *value, size_t n)
{
    buf_puts(out, out->length == 0 ? "{" : ",");
    buf_put_json(out, name, strlen(name));
    buf_putc(out, ':');
    buf_put_json(out, value, utf8_valid(value, n));
}

/* By its standard input: others may read the arguments of a process. The line fits into the
 * pipe as it is. */
static void write_line(int fd, const struct call *call, const redisReply *fields)
{
    static const char *const names[] = {"from", "campaign", "text"};
    struct buf line = BUF_INIT(LINE_BYTES);

    if (call->line != NULL) {
        buf_puts(&line, call->line);
    } else {
        put_pair(&line, "event", "alarm", 5);
        put_pair(&line, "id", call->id, strlen(call->id));
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            const redisReply *value = db_field(fields, names[i]);

            put_pair(&line, names[i], value != NULL ? value->str : "",
                     value != NULL ? value->len : 0);
        }
        buf_puts(&line, "}");
    }
    buf_puts(&line, "\n");
    if (write(fd, line.data, line.length) != (ssize_t)line.length)
        log_warning("alarm.cut reply=%s", call->id);
    buf_free(&line);
}

static void run_program(struct call *call, const redisReply *fields)
{
    char *path = xstrdup(call->target + strlen("exec:"));
    char *argv[] = {path, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, usual;
    int ends[2], error;

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        free(path);
        call_end(call, false, strerror(errno));
        return;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes);
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    write_line(ends[1], call, fields);
    fcntl(ends[0], F_SETFL, 0); /* the program reads as it likes */
    error = posix_spawn(&call->child, path, &actions, &attributes, argv, environ);
    close(ends[0]);
    close(ends[1]);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    free(path);
    if (error != 0) {
        call->child = 0;
        call_end(call, false, strerror(error));
        return;
    }
    call->child_until_ms = clock_mono_ms() + PROGRAM_MS;
}

static void look_after_programs(struct duty *d)
{
    struct call *next;

    for (struct call *call = d->calls; call != NULL; call = next) {
        char why[64] = "it cannot be waited for";
        int status = -1;
        pid_t ended;

        next = call->next;
        if (call->child == 0)
            continue;
        ended = waitpid(call->child, &status, WNOHANG);
        if (ended == 0) {
            if (clock_mono_ms() > call->child_until_ms)
                kill(call->child, SIGKILL);
            continue;
        }
        if (ended > 0 && WIFEXITED(status))
            snprintf(why, sizeof why, "the program ended with %d", WEXITSTATUS(status));
        else if (ended > 0)
            snprintf(why, sizeof why, "the program was ended by signal %d", WTERMSIG(status));
        call_end(call, ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0, why);
    }
}

/* ----------------------------------------------------------------------- the line */

static void on_entry(void *arg, const redisReply *reply)
{
    struct call *call = arg;
    const redisReply *fields = db_at(db_at(reply, 0), 1);

    if (call->duty->muted)
        return;         /* it stays in line */
    if (fields == NULL) /* erased since */
        call_end(call, reply->type == REDIS_REPLY_ARRAY, "its reply cannot be read");
    else if (strncmp(call->target, "exec:", 5) == 0)
        run_program(call, fields);
    else
        send_message(call, fields);
}

static void call_begin(struct duty *d, const char *entry)
{
    struct call *call = xcalloc(1, sizeof *call);
    struct command *c = &d->command;
    size_t n = strcspn(entry, " ");

    call->duty = d;
    call->next = d->calls;
    d->calls = call;
    call->entry = xstrdup(entry);
    call->target = call->entry + n + (entry[n] == ' ');
    snprintf(call->id, sizeof call->id, "%.*s", (int)n, entry);
    if (!is_configured(d->options.settings, call->target)) {
        call_end(call, false, "`alerts` of this daemon does not name it");
        return;
    }
    command_start(c, "XRANGE");
    command_add_string(c, KEY_REPLIES);
    command_add_string(c, call->id);
    command_add_string(c, call->id);
    db_send(d->options.db, c, on_entry, call);
}

void duty_tell(struct duty *d, const char *target, const struct duty_note *note, duty_told_fn *fn,
               void *arg)
{
    struct call *call;

    if (d->muted || d->gateways == NULL) {
        fn(arg, false, "the gateways are closed");
        return;
    }
    call = xcalloc(1, sizeof *call);
    call->duty = d;
    call->next = d->calls;
    d->calls = call;
    call->entry = xstrdup(target);
    call->target = call->entry;
    snprintf(call->id, sizeof call->id, "%s", note->id);
    call->words = xstrdup(note->words);
    call->line = xstrdup(note->line);
    call->not_by = xstrdup(note->not_by);
    call->told = fn;
    call->told_arg = arg;
    if (strncmp(target, "exec:", 5) == 0)
        run_program(call, NULL);
    else
        send_message(call, NULL);
}

static void on_due(void *arg, const redisReply *reply)
{
    struct duty *d = arg;

    d->asking = false;
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements && !d->muted; i++)
        call_begin(d, reply->element[i]->str);
}

void duty_look(struct duty *d)
{
    struct command *c = &d->command;
    int64_t now_ms = clock_wall_ms();
    size_t calls = 0;

    for (const struct call *call = d->calls; call != NULL; call = call->next)
        calls += call->told == NULL; /* a note holds up no cry for help */
    if (d->asking || d->muted || calls >= AT_ONCE || !db_well(d->options.db))
        return;
    d->asking = true;
    command_script(c, SCRIPT_DUTY, 2);
    command_add_string(c, KEY_REPLIES_DUTY);
    command_add_string(c, KEY_REPLIES_DUTY_KNOWN);
    command_add_int(c, now_ms);
    command_add_int(c, now_ms + LEASE_MS);
    command_add_int(c, (int64_t)(AT_ONCE - calls));
    add_targets(d->options.settings, c);
    db_send(d->options.db, c, on_due, d);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct duty *d = arg;

    (void)fd, (void)what;
    look_after_programs(d);
    duty_look(d);
}

struct duty *duty_create(const struct inbound_options *options)
{
    struct duty *d = xcalloc(1, sizeof *d);

    d->options = *options;
    d->command = COMMAND_INIT;
    d->timer = event_new(options->base, -1, EV_PERSIST, on_timer, d);
    return d;
}

void duty_start(struct duty *d, struct gateway_set *gateways)
{
    static const struct timeval every = {LOOK_MS / 1000, (LOOK_MS % 1000) * 1000};

    d->gateways = gateways;
    event_add(d->timer, &every);
}

void duty_mute(struct duty *d)
{
    d->muted = true;
}

void duty_free(struct duty *d)
{
    struct call *next;

    if (d == NULL)
        return;
    for (struct call *call = d->calls; call != NULL; call = next) {
        next = call->next;
        release(call);
    }
    event_free(d->timer);
    command_free(&d->command);
    free(d);
}
