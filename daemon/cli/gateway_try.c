#include "gateway_try.h"

#include "address.h"
#include "audit.h"
#include "clock.h"
#include "code_words.h"
#include "encoding.h"
#include "gateway.h"
#include "gateway_orders.h"
#include "gateway_says.h"
#include "keys.h"
#include "log.h"
#include "mem.h"
#include "prose.h"
#include "redact.h"
#include "safe_marks.h"
#include "tree.h"

#include <event2/event.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_MS 15000
#define ANSWER_MS 60000
#define PARAMS_MAX 32
#define TRACE_BYTES (4u << 20)
#define NOTES_MOST 64 /* of plugins, that are told once */

struct trying {
    struct cli *cli;
    struct redaction *redaction;
    struct gateway_set *set;
    struct gateway *gateway;
    const char *prefix; /* of wire; NULL: there is none yet */
    struct buf wire;    /* not redacted: a secret may come in two pieces */
    struct buf trace;   /* for JSON */
    struct gateway_message message;
    struct gateway_field params[PARAMS_MAX];
    char address[ADDRESS_BYTES], reference[64];
    bool answered;
    enum gateway_outcome outcome;
    json_t *ids, *receipts;
    json_t *code, *words;
    struct code_words *codes;
    const char *reason;
};

/* ------------------------------------------------------------------------- telling */

static void say(struct trying *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void emit(struct trying *t, const char *prefix, const struct buf *text)
{
    const char *line = text->data, *end = text->data + text->length;
    struct buf out = BUF_INIT(TRACE_BYTES);

    while (line < end) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t n = (size_t)((newline != NULL ? newline : end) - line);

        buf_puts(&out, prefix);
        buf_put(&out, line, n);
        buf_putc(&out, '\n');
        line += n + 1;
    }
    if (t->cli->json)
        buf_put(&t->trace, out.data, out.length);
    else
        cli_print(&out);
    fflush(stdout);
    buf_free(&out);
}

static void flush_wire(struct trying *t)
{
    struct buf clean = BUF_INIT(TRACE_BYTES);

    if (t->wire.length > 0) {
        redact(t->redaction, t->wire.data, t->wire.length, &clean);
        emit(t, t->prefix, &clean);
        sodium_memzero(t->wire.data, t->wire.length);
    }
    buf_clear(&t->wire);
    buf_free(&clean);
}

static void on_wire(void *arg, const char *prefix, const char *bytes, size_t n)
{
    struct trying *t = arg;

    if (t->prefix != NULL && strcmp(t->prefix, prefix) != 0)
        flush_wire(t);
    t->prefix = prefix;
    buf_put(&t->wire, bytes, n);
}

static void say(struct trying *t, const char *format, ...)
{
    struct buf clean = BUF_INIT(TRACE_BYTES);
    char text[2048];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    flush_wire(t);
    redact(t->redaction, text, strlen(text), &clean);
    emit(t, "", &clean);
    buf_free(&clean);
}

/* What a plugin logs, in lines that fit; while it connects over and over it says the same. */
static void on_log(const char *line)
{
    static char told[NOTES_MOST][256];
    static size_t count;
    const char *words = strchr(line, ' '); /* behind the time */
    const char *varies = words != NULL ? strstr(words, " retry_ms=") : NULL;
    char note[sizeof told[0]];

    if (words == NULL)
        return;
    snprintf(note, sizeof note, "%.*s", varies != NULL ? (int)(varies - words) : 255, words);
    for (size_t i = 0; i < count; i++)
        if (strcmp(told[i], note) == 0)
            return;
    if (count < NOTES_MOST)
        memcpy(told[count++], note, sizeof note);
    prose_tell("%s", line);
}

/* A provider's words, redacted too. */
static json_t *foreign(const struct trying *t, const char *s)
{
    struct buf clean = BUF_INIT(TRACE_BYTES);
    json_t *text;

    if (s == NULL)
        return json_null();
    redact(t->redaction, s, strlen(s), &clean);
    text = json_text(buf_string(&clean));
    buf_free(&clean);
    return text;
}

/* ------------------------------------------------------------------ what comes up */
static const char *outcome_words(enum gateway_outcome outcome)
{
    static const char *const keys[] = {
        [GATEWAY_ACCEPTED] = NC_("try", "accepted"), [GATEWAY_THROTTLED] = NC_("try", "throttled"),
        [GATEWAY_UNSENT] = NC_("try", "unsent"),     [GATEWAY_RETRY] = NC_("try", "retry"),
        [GATEWAY_REJECTED] = NC_("try", "rejected"), [GATEWAY_BROKEN] = NC_("try", "broken"),
        [GATEWAY_UNKNOWN] = NC_("try", "unknown"),
    };

    return language_in(keys[outcome], gateway_outcome_name(outcome));
}

/* "rejected: no such number: correct it in the list, code 0x0b, ESME_RINVDSTADR", to be freed. */
static char *result_words(const struct trying *t, const char *state, enum gateway_reason reason,
                          const char *code, const char *words)
{
    struct buf line = BUF_INIT(8192);
    bool failed = reason != GATEWAY_REASON_NONE;
    const char *meaning = failed && code != NULL
                              ? code_words_find(t->codes, gateway_config(t->gateway)->name, code)
                              : NULL;
    char *text;

    buf_puts(&line, state);
    if (meaning != NULL) /* closer than the reason */
        buf_printf(&line, T(": %s"), meaning);
    else if (reason == GATEWAY_REASON_EXPIRED) /* else it would be the state of that name */
        buf_printf(&line, T(": %s"), words_reason("expired-there"));
    else if (failed)
        buf_printf(&line, T(": %s"), words_reason(gateway_reason_name(reason)));
    if (code != NULL)
        buf_printf(&line, T(", code %s"), code);
    if (words != NULL)
        buf_printf(&line, "%s%s", T(", "), words);
    text = xstrdup(buf_string(&line));
    buf_free(&line);
    return text;
}

static void on_answered(void *arg, struct gateway *gw, void *context,
                        const struct gateway_answer *a)
{
    struct trying *t = arg;
    char *result;

    (void)gw, (void)context;
    t->answered = true;
    t->outcome = a->outcome;
    t->reason = gateway_reason_name(a->reason);
    json_decref(t->code);
    json_decref(t->words);
    t->code = foreign(t, a->code);
    t->words = foreign(t, a->words);
    result = result_words(t, outcome_words(a->outcome), a->reason, a->code, a->words);
    say(t, T("answer: %s"), result);
    free(result);
    for (size_t i = 0; i < a->id_count; i++) {
        char *id = xasprintf("%.*s", (int)a->ids[i].length, a->ids[i].bytes);

        json_array_append_new(t->ids, json_text(id));
        say(t, T("message id: %s"), id);
        free(id);
    }
}

static bool is_ours(const struct trying *t, const struct gateway_receipt *r)
{
    size_t i;
    json_t *id;

    if (r->reference != NULL && strcmp(r->reference, t->reference) == 0)
        return true;
    json_array_foreach(t->ids, i, id)
    {
        const char *s = json_string_value(id);

        if (strlen(s) == r->id.length && memcmp(s, r->id.bytes, r->id.length) == 0)
            return true;
    }
    return false;
}

/* What belongs to a campaign is not ours to take: unacknowledged it comes again, to a daemon. */
static void on_receipt(void *arg, struct gateway *gw, const struct gateway_receipt *r,
                       gateway_stored_fn *stored, void *stored_arg)
{
    static const char *const states[] = {
        [GATEWAY_DELIVERED] = "delivered",
        [GATEWAY_UNDELIVERED] = "undelivered",
        [GATEWAY_ENROUTE] = "enroute",
    };
    struct trying *t = arg;
    bool ours = is_ours(t, r);

    (void)gw;
    if (ours) {
        char *result = result_words(
            t, r->state == GATEWAY_ENROUTE ? T("on its way") : words_state(states[r->state]),
            r->reason, r->code, r->words);

        say(t, T("receipt: %s"), result);
        free(result);
        json_array_append_new(t->receipts,
                              json_pack("{s:s,s:s,s:o,s:o}", "state", states[r->state], "reason",
                                        gateway_reason_name(r->reason), "code", foreign(t, r->code),
                                        "words", foreign(t, r->words)));
    }
    stored(stored_arg, ours);
}

static void on_reply(void *arg, struct gateway *gw, const struct gateway_reply *reply,
                     gateway_stored_fn *stored, void *stored_arg)
{
    (void)arg, (void)gw, (void)reply;
    stored(stored_arg, false);
}

static void on_changed(void *arg, struct gateway *gw)
{
    (void)arg, (void)gw; /* asked for in run_until() */
}

/* -------------------------------------------------------------------------- waiting */

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg; /* the loop has turned: its caller looks */
}

static bool is_free(const struct trying *t)
{
    return gateway_free(t->gateway) > 0;
}

static bool is_answered(const struct trying *t)
{
    return t->answered;
}

static bool has_receipt(const struct trying *t)
{
    return json_array_size(t->receipts) >= json_array_size(t->ids) &&
           json_array_size(t->receipts) > 0;
}

static bool run_until(struct trying *t, bool (*done)(const struct trying *t), int64_t ms)
{
    static const struct timeval look = {0, 20000};
    struct event *timer = event_new(t->cli->base, -1, EV_PERSIST, on_look, NULL);
    int64_t until_ms = clock_mono_ms() + ms;

    event_add(timer, &look);
    while (!done(t) && clock_mono_ms() < until_ms && cli_interrupted() == 0)
        event_base_loop(t->cli->base, EVLOOP_ONCE);
    event_free(timer);
    flush_wire(t);
    return done(t);
}

/* ------------------------------------------------------------------------ the message */

/* What the phone shows: with the signature where this gateway wants it. */
static char *compose(const struct trying *t, const char *text)
{
    const char *signature = t->cli->settings->defaults.signature;
    enum gateway_signature where = gateway_config(t->gateway)->signature;

    if (text == NULL)
        text = T("outreach: a test message, no reply needed.");
    return xasprintf("%s%s%s", where == GATEWAY_SIGNATURE_PREFIX && signature ? signature : "",
                     text, where == GATEWAY_SIGNATURE_SUFFIX && signature ? signature : "");
}

static const char *class_of(const struct gateway_config *config)
{
    static const char *const classes[] = {[GATEWAY_CLASS_NOTICE] = "notice",
                                          [GATEWAY_CLASS_PROMOTION] = "promotion",
                                          [GATEWAY_CLASS_PERSONAL] = "personal"};

    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if ((config->classes >> i & 1) != 0)
            return classes[i];
    return classes[0];
}

/* "name=张三": what fills a template, in the order of the command line. */
static int take_params(struct trying *t, char **pairs, int count)
{
    if (count > PARAMS_MAX)
        return cli_fail(t->cli, EX_USAGE, T("at most %d values"), PARAMS_MAX);
    for (int i = 0; i < count; i++) {
        char *sign = strchr(pairs[i], '=');

        if (sign == NULL || sign == pairs[i])
            return cli_fail(t->cli, EX_USAGE, T("%s: expected COLUMN=VALUE"), pairs[i]);
        *sign = '\0';
        t->params[i] = (struct gateway_field){pairs[i], sign + 1, strlen(sign + 1)};
    }
    t->message.params = t->message.columns = t->params;
    t->message.param_count = t->message.column_count = (size_t)count;
    return 0;
}

static int fill_message(struct trying *t, const struct gateway_try_options *options, char *text)
{
    struct gateway_message *m = &t->message;
    bool sms = strcmp(gateway_config(t->gateway)->channel, "sms") == 0;
    struct text_size size = {.encoding = TEXT_GSM7, .segments = 1};

    m->to = gateway_config(t->gateway)->group ? "" : t->address;
    m->to_length = strlen(m->to);
    m->text = text;
    m->length = strlen(text);
    if (text_measure(text, m->length,
                     strncmp(m->to, "+86", 3) == 0 ? TEXT_BILL_UNITS : TEXT_BILL_GSM, &size) != 0)
        return cli_fail(t->cli, EX_DATAERR, T("the text is no UTF-8"));
    if (sms && (size.parts > GATEWAY_MAX_IDS || size.segments > GATEWAY_MAX_IDS))
        return cli_fail(t->cli, EX_DATAERR, T("the text has %u segments, at most %d go"),
                        size.segments, GATEWAY_MAX_IDS);
    m->encoding = size.encoding == TEXT_GSM7 ? GATEWAY_GSM7 : GATEWAY_UCS2;
    m->segments = sms && size.segments > 0 ? size.segments : 1;
    m->title = T("Test");
    m->language = language_name();
    m->message_class = class_of(gateway_config(t->gateway));
    m->template_code = options->template_code;
    m->campaign = m->reminder = "try";
    m->number = m->attempt = 1;
    m->reference = t->reference;
    m->reference_number = (uint64_t)clock_wall_ms();
    m->expires_ms = clock_wall_ms() + 600000;
    m->submit_by_ms = clock_boot_ms() + ANSWER_MS;
    return 0;
}

/* --------------------------------------------------------------------------- asking */

/* 0, or an exit code: who refused, or is in danger, gets no test either. */
static int check_refusal(struct trying *t)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    struct error err;
    struct safe_note safe;
    bool refused;

    if (safe_marks_read(t->cli, t->address, &safe, &err) != 0)
        return cli_error(t->cli, EX_UNAVAILABLE, &err);
    if (safe.marked)
        return cli_fail(t->cli, EX_DATAERR,
                        T("%s is a protected resident's: nothing is tried there"),
                        log_mask(t->address, strlen(t->address)));
    command_start(&c, "SISMEMBER");
    command_add_string(&c, KEY_OPTOUT);
    command_add_string(&c, t->address);
    if (db_ask(t->cli->db, &c, &reply, &err) != 0) {
        command_free(&c);
        return cli_error(t->cli, EX_UNAVAILABLE, &err);
    }
    refused = db_int(reply, 0) != 0;
    freeReplyObject(reply);
    command_free(&c);
    return refused ? cli_fail(t->cli, EX_DATAERR, T("%s has opted out: nothing is sent"),
                              log_mask(t->address, strlen(t->address)))
                   : 0;
}

static int ask_person(const struct trying *t, const char *name)
{
    char *question;
    bool sure;

    if (!t->cli->terminal || !isatty(STDIN_FILENO) || t->cli->json)
        return cli_fail(t->cli, EX_USAGE,
                        T("try: a message leaves for real, and there is nobody to ask: say -y"));
    question = xasprintf(T("Send one message to %s through %s?"), t->address, name);
    sure = cli_confirm(t->cli, question);
    free(question);
    if (!sure)
        fputs(T("outreach: nothing was sent\n"), stderr);
    return sure ? 0 : EX_TEMPFAIL;
}

static int audit(const struct trying *t, const char *name, struct error *err)
{
    struct command c = COMMAND_INIT;
    int rc;

    audit_command(&c, "gateway-try", "gateway", name, "to",
                  log_mask(t->address, strlen(t->address)), "by", t->cli->by, NULL);
    rc = db_ask(t->cli->db, &c, NULL, err);
    command_free(&c);
    return rc;
}

/* -------------------------------------------------------------------------- running */

static int open_gateway(struct trying *t, const struct tree *group)
{
    static const struct gateway_events events = {.answered = on_answered,
                                                 .receipt = on_receipt,
                                                 .reply = on_reply,
                                                 .changed = on_changed,
                                                 .wire = on_wire};
    struct tree one = *group, list = {.kind = TREE_LIST, .first = &one, .count = 1};
    struct error err;

    one.next = NULL;
    t->set = gateway_set_open(&list, t->cli->settings->plugin_dir, t->cli->base, &events, t, &err);
    if (t->set == NULL)
        return cli_error(t->cli, EX_CONFIG, &err);
    t->gateway = gateway_set_at(t->set, 0);
    if (gateway_config(t->gateway)->disabled)
        return cli_fail(t->cli, EX_CONFIG, T("%s is disabled in the configuration"),
                        gateway_config(t->gateway)->name);
    return 0;
}

static int exit_code(const struct trying *t)
{
    if (!t->answered)
        return EX_TEMPFAIL;
    switch (t->outcome) {
    case GATEWAY_ACCEPTED:
        return 0;
    case GATEWAY_REJECTED:
        return EX_DATAERR;
    case GATEWAY_BROKEN:
        return EX_CONFIG;
    default:
        return EX_TEMPFAIL;
    }
}

static int send_one(struct trying *t, const struct gateway_try_options *options)
{
    struct gateway_message *message = &t->message;
    struct gateway_statistics state;
    char why[RETELL_BYTES];
    void *context = NULL;

    if (!run_until(t, is_free, CONNECT_MS)) {
        gateway_statistics(t->gateway, &state);
        say(t, T("the gateway takes nothing: %s"),
            *state.state ? gateway_says(state.state, why) : T("not connected"));
        return EX_TEMPFAIL;
    }
    message->submit_by_ms = clock_boot_ms() + ANSWER_MS;
    gateway_submit(t->gateway, &message, &context, 1);
    if (!run_until(t, is_answered, ANSWER_MS))
        say(t, T("no answer within %d s: it may have been sent"), ANSWER_MS / 1000);
    if (t->answered && t->outcome == GATEWAY_ACCEPTED && options->receipt_ms > 0 &&
        (gateway_config(t->gateway)->capabilities & GATEWAY_SENDS_RECEIPTS) != 0 &&
        !run_until(t, has_receipt, options->receipt_ms))
        say(t, T("no receipt so far; one that is pushed comes to the daemon"));
    return exit_code(t);
}

static void tell_json(struct trying *t, const char *name, int rc)
{
    cli_json(json_pack("{s:o,s:s,s:s,s:O,s:O,s:O,s:O,s:o,s:i}", "gateway", json_text(name),
                       "outcome", t->answered ? gateway_outcome_name(t->outcome) : "", "reason",
                       t->reason, "code", t->code, "words", t->words, "ids", t->ids, "receipts",
                       t->receipts, "trace", json_text(buf_string(&t->trace)), "exit", rc));
}

static int try_it(struct trying *t, const struct gateway_try_options *options,
                  const struct tree *group, char **pairs, int pair_count)
{
    const char *name = tree_string(group, "name", "");
    char *text = NULL;
    struct error err;
    int rc = take_params(t, pairs, pair_count);

    if (rc == 0 && !options->yes)
        rc = ask_person(t, name);
    if (rc == 0 && audit(t, name, &err) != 0)
        rc = cli_error(t->cli, EX_UNAVAILABLE, &err);
    if (rc != 0)
        return rc;
    log_set_level(LOG_LEVEL_INFO); /* its own steps are for who debugs it */
    log_set_sink(on_log);
    if (t->cli->width > 0 && !t->cli->json)
        puts(T("What goes over the wire (> from here, < from there), and what the plugin notes:"));
    rc = open_gateway(t, group);
    if (rc == 0) {
        text = compose(t, options->text);
        rc = fill_message(t, options, text);
    }
    if (rc == 0) {
        rc = send_one(t, options);
        if (t->cli->json)
            tell_json(t, name, rc);
    }
    if (t->set != NULL)
        gateway_set_drain(t->set);
    gateway_set_close(t->set); /* answers what is open: before the rest is freed */
    log_set_level(LOG_LEVEL_SILENT);
    flush_wire(t);
    free(text);
    return cli_interrupted() != 0 ? cli_interrupted() : rc;
}

int gateway_try_run(struct cli *cli, const struct gateway_try_options *options, char **operands,
                    int count)
{
    struct trying t = {.cli = cli, .reason = ""};
    const struct tree *group;
    struct error err;
    int rc;

    if (count < 2 || options->to == NULL)
        return cli_fail(cli, EX_USAGE,
                        T("usage: outreach gateways try NAME --to ADDRESS [COLUMN=VALUE]..."));
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    group = gateway_configured(cli, operands[1]);
    if (group == NULL)
        return gateway_unknown(cli, operands[1]);
    if (address_read(cli, options->to, options->as_is, t.address, &err) != 0)
        return cli_error(cli, EX_DATAERR, &err);
    rc = check_refusal(&t);
    if (rc != 0)
        return rc;
    cli_catch_signals();
    snprintf(t.reference, sizeof t.reference, "try/%" PRId64, clock_wall_ms());
    t.redaction = redaction_create(group, t.address);
    t.wire = t.trace = BUF_INIT(TRACE_BYTES);
    t.ids = json_array();
    t.receipts = json_array();
    t.code = json_null();
    t.words = json_null();
    t.codes = code_words_create(cli->settings);
    rc = try_it(&t, options, group, operands + 2, count - 2);
    json_decref(t.ids);
    json_decref(t.receipts);
    json_decref(t.code);
    json_decref(t.words);
    buf_free(&t.wire);
    buf_free(&t.trace);
    code_words_free(t.codes);
    redaction_free(t.redaction);
    return rc;
}
