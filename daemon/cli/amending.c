#include "amending.h"

#include "amend.h"
#include "approval.h"
#include "asked.h"
#include "campaigns.h"
#include "clock.h"
#include "correcting.h"
#include "correction.h"
#include "daemons.h"
#include "difference.h"
#include "hints.h"
#include "human.h"
#include "keys.h"
#include "mem.h"
#include "picture.h"
#include "room.h"
#include "second_person.h"
#include "series.h"
#include "table.h"
#include "template.h"
#include "tree.h"
#include "whole_cost.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_BYTES 4096

struct amending {
    struct cli *cli;
    const char *id;
    struct campaign_status *status; /* own: read here, and freed with the rest */
    bool own;
    struct amendment *amendment;
    struct reminder_status before[CAMPAIGN_ALL_REMINDERS]; /* of one that awaits: as they were */
    struct correction *sample; /* for who was told the version that stands */
    struct correcting correcting;
    double cost;    /* of all of it, with the corrections; less than 0: not known, or nobody asks */
    unsigned needs; /* why a second person has to agree, see approval_needs() */
    struct campaign_defaults strict; /* see amendment_defaults() */
    unsigned waits; /* why it waits for one as it is, and goes on to; 0: it does not */
    struct buf out;
};

/* ------------------------------------------------------------------------- showing */
/* Of one that repeats: the occurrence that the first of them is told of, else the first. */
static void write_event(const struct amending *a, const struct campaign *c, struct buf *out)
{
    int k = a->correcting.about[0] != '\0' ? correction_occurrence(c, a->correcting.about) : 0;
    const struct campaign_reminder *r =
        &c->reminders[(k < 0 ? 0 : (size_t)k) * (c->reminder_count / c->occurrence_count)];
    char starts[HUMAN_BYTES], ends[HUMAN_BYTES];
    const struct tree *place = tree_get(c->document, "event.venue");
    const char *venue = place == NULL                ? ""
                        : place->kind == TREE_OBJECT ? tree_string(place, c->language, "")
                                                     : place->string;

    if (k < 0) {
        buf_puts(out, T("that day falls out"));
    } else {
        buf_puts(out, human_time(starts, c->zone, r->starts_ms, false));
        if (r->ends_ms != 0)
            buf_printf(out, T(" to %s"), human_time(ends, c->zone, r->ends_ms, false));
    }
    if (venue[0] != '\0')
        buf_printf(out, T(", %s"), venue);
    if (c->cancelled)
        buf_puts(out, T(", does not take place"));
}

/* Where it reads the same, what is another stands with the reminders, or in the texts. */
static void put_events(struct amending *a, const struct amendment *m)
{
    struct buf was = BUF_INIT(1u << 16), is = BUF_INIT(1u << 16);

    write_event(a, m->before, &was);
    write_event(a, m->now, &is);
    if (strcmp(buf_string(&was), buf_string(&is)) != 0)
        buf_printf(&a->out, "  %s %s\n  %s %s\n", T("was:"), buf_string(&was), T("is: "),
                   buf_string(&is));
    buf_free(&was);
    buf_free(&is);
}

static void put_reminder(struct amending *a, const struct amended_reminder *r)
{
    const struct zone *zone = a->amendment->now->zone;
    char was[HUMAN_BYTES], due[HUMAN_BYTES], count[HUMAN_BYTES];
    bool later = r->was != NULL && r->due_ms != r->was->due_ms;

    if (r->what == AMENDED_BUILTIN)
        return;
    buf_printf(&a->out, "  %s  ", r->name);
    if (a->amendment->now->cancelled && r->what != AMENDED_SKIPPED) {
        buf_printf(&a->out, T("%s that wait are not sent\n"),
                   human_count(count, r->was != NULL ? reminder_waiting(r->was) : 0));
        return;
    }
    switch (r->what) {
    case AMENDED_BEGUN:
        buf_printf(&a->out, T("has begun; %s wait and get the new text"),
                   human_count(count, reminder_waiting(r->was)));
        if (later && r->due_ms > clock_wall_ms() && strcmp(r->was->state, "open") == 0)
            buf_printf(&a->out, T(", at %s"), human_time(due, zone, r->due_ms, false));
        break;
    case AMENDED_ENDED:
        buf_printf(&a->out, T("that day falls out: %s that wait are not sent"),
                   human_count(count, reminder_waiting(r->was)));
        break;
    case AMENDED_DROPPED:
        buf_puts(&a->out, T("is taken out: not sent"));
        break;
    case AMENDED_SKIPPED:
        buf_puts(&a->out, T("its time is over: not sent"));
        break;
    default:
        if (r->was == NULL)
            buf_printf(&a->out, T("new: %s"), human_time(due, zone, r->due_ms, false));
        else if (later)
            buf_printf(&a->out, "%s -> %s", human_time(was, zone, r->was->due_ms, false),
                       human_time(due, zone, r->due_ms, false));
        else
            buf_printf(&a->out, T("%s, as before"), human_time(due, zone, r->due_ms, false));
    }
    buf_putc(&a->out, '\n');
}

/* A row whose values are the names of their columns, as they stand in the file. */
static void sample_row(const struct campaign *c, struct template_value *row,
                       char names[][CAMPAIGN_ID_BYTES + 8])
{
    for (size_t i = 0; i < c->column_count; i++) {
        int n = snprintf(names[i], sizeof names[i], "{{%.60s}}", c->columns[i]);

        row[i] = (struct template_value){names[i], (size_t)n};
    }
}

static int compose(const struct campaign *c, size_t r, const char *channel, char *out)
{
    struct template_value row[CAMPAIGN_MAX_COLUMNS];
    char names[CAMPAIGN_MAX_COLUMNS][CAMPAIGN_ID_BYTES + 8];
    const char *empty;

    sample_row(c, row, names);
    return campaign_compose(c, campaign_text(c, r, channel, "", 0), row, SIGNATURE_PREFIX, out,
                            TEXT_BYTES, &empty);
}

static void put_text(struct amending *a, const char *mark, const char *text, int length)
{
    char *copy = xasprintf("%.*s", length < 0 ? 0 : length, text);
    struct buf lines = BUF_INIT(1u << 16);

    buf_printf(&lines, "%s %s", mark, copy);
    table_wrap(&a->out, buf_string(&lines), a->cli->width > 40 ? a->cli->width - 5 : 200, "    ");
    buf_free(&lines);
    free(copy);
}

/* What a reminder says on a channel, before and after; lengths of -1: nothing. */
struct change {
    char old[TEXT_BYTES], new[TEXT_BYTES];
    int was, is;
};

/* Whether there is one. */
static bool find_change(const struct amending *a, size_t i, size_t k, struct change *change)
{
    const struct campaign *before = a->amendment->before, *now = a->amendment->now;
    int r = campaign_find_reminder(before, now->reminders[i].name);

    if (r < 0)
        return false;
    change->is = compose(now, i, now->channels[k], change->new);
    change->was = compose(before, (size_t)r, now->channels[k], change->old);
    return change->is != change->was ||
           (change->is >= 0 && memcmp(change->old, change->new, (size_t)change->is) != 0);
}

static bool has_change(const struct amending *a, size_t i, size_t k, const struct change *change)
{
    struct change other;

    return find_change(a, i, k, &other) && other.is == change->is && other.was == change->was &&
           (other.is < 0 || memcmp(other.new, change->new, (size_t)other.is) == 0) &&
           (other.was < 0 || memcmp(other.old, change->old, (size_t)other.was) == 0);
}

/* What reminders say on each channel, where that changes; neighbours that say the same together. */
static bool put_texts(struct amending *a, bool show)
{
    const struct campaign *now = a->amendment->now;
    struct buf names = BUF_INIT(1u << 16);
    struct change change;
    bool any = false;

    for (size_t i = 0; i < now->reminder_count; i++)
        for (size_t k = 0; k < now->channel_count; k++) {
            if (!find_change(a, i, k, &change))
                continue;
            any = true;
            if (!show || (i > 0 && has_change(a, i - 1, k, &change)))
                continue;
            buf_clear(&names);
            buf_puts(&names, now->reminders[i].name);
            for (size_t j = i + 1; j < now->reminder_count && has_change(a, j, k, &change); j++)
                buf_printf(&names, ", %s", now->reminders[j].name);
            buf_printf(&a->out, T("  text of %s (%s):\n"), buf_string(&names),
                       words_channel(now->channels[k]));
            put_text(a, "-", change.old, change.was);
            put_text(a, "+", change.new, change.is);
        }
    buf_free(&names);
    return any;
}

/* Is it one in the campaign's own language, on whatever channel? rest: ".zh", ".sms.zh", "". */
static bool is_own_text(const struct campaign *c, const char *rest)
{
    while (*rest == '.') {
        size_t n = strcspn(++rest, ".");
        bool own = strlen(c->language) == n && strncmp(c->language, rest, n) == 0;

        for (size_t k = 0; k < c->channel_count && !own; k++)
            own = strlen(c->channels[k]) == n && strncmp(c->channels[k], rest, n) == 0;
        if (!own)
            return false;
        rest += n;
    }
    return *rest == '\0';
}

/* In both documents? */
static bool is_kept(const struct amendment *m, const char *reminder, size_t n)
{
    const struct tree *lists[] = {tree_get(m->before->document, "reminders"),
                                  tree_get(m->now->document, "reminders")};
    int found = 0;

    for (size_t i = 0; i < 2; i++)
        for (const struct tree *t = lists[i] != NULL ? lists[i]->first : NULL; t != NULL;
             t = t->next) {
            const char *name = tree_string(t, "name", "");

            found += strlen(name) == n && strncmp(name, reminder, n) == 0;
        }
    return found == 2;
}

/* What neither the event's lines nor those of reminders and texts tell. */
static bool is_told_nowhere(const void *arg, const char *path)
{
    static const char *const of_event[] = {"starts", "ends",   "cancelled",
                                           "repeat", "except", "moved"};
    const struct amendment *m = arg;
    size_t n;

    if (strncmp(path, "event.", 6) == 0) {
        for (size_t i = 0; i < sizeof of_event / sizeof *of_event; i++)
            if (strcmp(path + 6, of_event[i]) == 0)
                return false;
        return strncmp(path + 6, "venue", 5) != 0 || !is_own_text(m->now, path + 11);
    }
    if (strncmp(path, "texts", 5) == 0)
        return !is_own_text(m->now, path + 5);
    if (strncmp(path, "reminders.", 10) != 0)
        return true;
    path += 10;
    n = strcspn(path, ".");
    return is_kept(m, path, n) && strcmp(path + n, ".at") != 0 &&
           (strncmp(path + n, ".texts", 6) != 0 || !is_own_text(m->now, path + n + 6));
}

/* Of an event that repeats there is one only if somebody was told of an occurrence. */
static void make_sample(struct amending *a)
{
    const struct amendment *m = a->amendment;
    const char *about = correction_repeats(m->now) ? a->correcting.about : NULL;

    if (m->event && (about == NULL || about[0] != '\0'))
        a->sample = correction_create(m->before, about, m->now, &a->cli->settings->defaults, NULL);
}

/* Its length, or -1; the names of columns stand for what is in them. */
static int sample_text(const struct amending *a, char *text)
{
    struct template_value row[CAMPAIGN_MAX_COLUMNS];
    char names[CAMPAIGN_MAX_COLUMNS][CAMPAIGN_ID_BYTES + 8];

    if (a->sample == NULL)
        return -1;
    sample_row(a->amendment->now, row, names);
    return correction_write(a->sample, row, -1, text, TEXT_BYTES);
}

static void put_corrections(struct amending *a)
{
    const struct correcting *c = &a->correcting;
    char text[TEXT_BYTES], count[HUMAN_BYTES];

    buf_printf(&a->out, T("  %s people were told before; corrections that will be sent: "),
               human_count(count, c->told));
    buf_printf(&a->out, T("%s\n"), human_count(count, c->sent));
    correcting_write(a->cli, c, &a->out);
    if (c->sent == 0 || a->sample == NULL)
        return;
    if (c->cost > 0)
        buf_printf(&a->out, T("  they cost about %.2f %s\n"), human_money(c->cost),
                   words_currency(a->cli->settings->defaults.currency));
    put_text(a, "+", text, sample_text(a, text));
}

static void show(struct amending *a)
{
    const struct amendment *m = a->amendment;

    buf_printf(&a->out, T("%s becomes version %u:\n"), a->id, m->version);
    if (m->event)
        put_events(a, m);
    for (size_t i = 0; i < m->count; i++)
        put_reminder(a, &m->reminders[i]);
    if (!m->now->cancelled) {
        put_texts(a, true);
        difference_write(m->before->document, m->now->document, a->cli->width, is_told_nowhere, m,
                         &a->out);
        hints_write_private(a->cli, m->now, false, &a->out);
    }
    put_corrections(a);
    second_person_write_change(m->now, &a->strict, a->needs, a->waits, a->status->rows, a->cost,
                               &a->out);
}

static json_t *to_json(struct amending *a, const char *state, const char *event)
{
    const struct amendment *m = a->amendment;
    json_t *reminders = json_array();

    for (size_t i = 0; i < m->count; i++) {
        static const char *const words[] = {"planned", "skipped", "dropped",
                                            "begun",   "ended",   "built-in"};
        const struct amended_reminder *r = &m->reminders[i];
        json_t *one;

        if (r->what == AMENDED_BUILTIN)
            continue;
        one = json_pack("{s:s,s:s,s:I,s:I}", "name", r->name, "what", words[r->what], "due_ms",
                        (json_int_t)r->due_ms, "expires_ms", (json_int_t)r->expires_ms);
        if (r->was != NULL) {
            json_object_set_new(one, "was_due_ms", json_integer(r->was->due_ms));
            json_object_set_new(one, "waiting", json_integer(reminder_waiting(r->was)));
        }
        json_array_append_new(reminders, one);
    }
    return json_pack("{s:s,s:s,s:i,s:b,s:b,s:b,s:I,s:I,s:o,s:o,s:o,s:o,s:s}", "id", a->id, "state",
                     state, "version", (int)m->version, "event_changed", m->event, "cancelled",
                     m->now->cancelled, "texts_changed", put_texts(a, false), "told",
                     (json_int_t)a->correcting.told, "corrections", (json_int_t)a->correcting.sent,
                     "not_corrected", correcting_json(&a->correcting), "reminders", reminders,
                     "fields", difference_json(m->before->document, m->now->document), "approval",
                     second_person_names(a->needs | a->waits), "event", event);
}

/* ---------------------------------------------------------------------------- asking */
static int ask_person(const struct amending *a)
{
    bool cancelled = a->amendment->now->cancelled, sure;

    if (!a->cli->terminal || !isatty(STDIN_FILENO) || a->cli->json)
        return cli_fail(a->cli, EX_USAGE,
                        T("%s: there is nobody to ask whether it shall be so: say -y"), a->id);
    sure = cli_confirm(a->cli,
                       cancelled ? T("Cancel it for good, and tell them?") : T("Change it so?"));
    if (!sure)
        fputs(T("outreach: nothing was changed\n"), stderr);
    return sure ? 0 : EX_TEMPFAIL;
}

/* What it has come to: changed, cancelled, or held until somebody agrees. */
static int tell_taken(struct amending *a, const char *event)
{
    struct campaign_status *s;
    struct error err;
    char *why;

    s = campaign_status_read(a->cli->db, a->id, &err);
    if (s == NULL)
        return picture_fail(a->cli, a->id, &err);
    if (a->cli->json) {
        cli_json(to_json(a,
                         strcmp(s->state, "awaiting") == 0    ? "awaiting"
                         : strcmp(s->state, "cancelled") == 0 ? "cancelled"
                                                              : "amended",
                         event));
    } else if (strcmp(s->state, "awaiting") == 0) {
        why = words_approval(s->approval);
        printf(T("%s is changed, and awaits approval (%s) by somebody else:\n"
                 "  outreach approve %s\n"
                 "Until then nothing of it is sent: what is under way is held, corrections too.\n"),
               a->id, why, a->id);
        free(why);
    } else {
        printf(strcmp(s->state, "cancelled") == 0 ? T("%s is cancelled; what waited is not sent\n")
                                                  : T("%s is amended\n"),
               a->id);
        if (campaign_awaits(s))
            printf(T("Who was told is told of it when somebody else has agreed to the new text:\n"
                     "  outreach approve %s\n"),
                   a->id);
    }
    campaign_status_free(s);
    return 0;
}

/* No daemon has taken it yet: the event stands, and nothing has changed. */
static int tell_waiting(struct amending *a, const char *event)
{
    bool runs = daemons_run(a->cli->db);

    if (a->cli->json)
        cli_json(to_json(a, "waiting", event));
    else
        fprintf(
            stderr,
            runs ? T("outreach: %s is not changed yet: outreachd runs and will take it (outreach "
                     "show %s)\n")
                 : T("outreach: %s is not changed yet: no outreachd runs. Start it: it takes "
                     "this then, and need not be told again\n"),
            a->id, a->id);
    if (!runs && a->amendment->now->cancelled && !a->cli->json)
        fprintf(stderr, T("To stop it at once, and tell nobody: outreach cancel %s\n"), a->id);
    return EX_TEMPFAIL;
}

static int send(struct amending *a, const struct buf *body, int64_t wait_ms)
{
    char event[ASKED_ID_BYTES], *reason;
    struct error err;
    bool taken;
    int rc;

    if (asked_send(a->cli, "amend", a->id, body, a->cost, event, &err) != 0)
        return cli_error(a->cli, EX_UNAVAILABLE, &err);
    taken = asked_wait(a->cli, a->id, event, wait_ms, &reason);
    if (reason != NULL)
        rc = cli_fail(a->cli, EX_DATAERR, T("%s was rejected: %s"), a->id, reason);
    else
        rc = taken ? tell_taken(a, event) : tell_waiting(a, event);
    free(reason);
    return rc;
}

/* The text that those told already are to read: where it is missing, how it is written. */
static int tell_refused(const struct amending *a, const struct tree *body, const struct error *err)
{
    const struct tree *gone = tree_get(body, "event.cancelled");
    bool cancelled = gone != NULL && gone->kind == TREE_BOOL && gone->truth;

    if (strstr(err->text, cancelled ? "texts.cancelled" : "texts.moved") == NULL ||
        tree_get(body, cancelled ? "texts.cancelled" : "texts.moved") != NULL)
        return cli_fail(a->cli, EX_DATAERR, "%s: %s", a->id, err->text);
    if (!cancelled)
        return cli_fail(a->cli, EX_DATAERR,
                        T("%s: %s. Write it into `texts` of the campaign file, for instance\n"
                          "  moved = \"{{was.date}}的活动改到{{event.date}}{{event.time}}，"
                          "地点：{{event.venue}}。\";"),
                        a->id, err->text);
    return cli_fail(a->cli, EX_DATAERR,
                    T("%s: %s. Write it into `texts` of the campaign file, for instance\n"
                      "  cancelled = \"{{was.date}}的活动取消，敬请谅解。\";\n"
                      "and cancelled = true; into its `event`, then: outreach amend FILE"),
                    a->id, err->text);
}

/* Where the cost decides about an approval, it is reckoned and told: else the most that it can
 * cost counts. */
static int look_at_approval(struct amending *a, struct error *err)
{
    const struct settings *s = a->cli->settings;
    const struct campaign *now = a->amendment->now;
    int64_t rows = a->status->rows;

    a->strict = amendment_defaults(a->amendment, &s->defaults);
    if (strcmp(a->status->state, "awaiting") == 0 && !now->cancelled)
        a->waits = approval_parse(a->status->approval);
    a->cost = -1;
    if (!now->cancelled && approval_minds_cost(now, &a->strict)) {
        if (whole_cost(a->cli, a->status, a->amendment, &a->cost, err) != 0)
            return -1;
        a->cost += a->cost >= 0 ? a->correcting.cost : 0;
    }
    a->needs = amendment_needs(
        a->amendment, &s->defaults, s->gateways, rows,
        a->cost >= 0 ? a->cost
                     : approval_most_cost(now, s->gateways, rows,
                                          amendment_corrections(a->amendment, a->status)));
    return 0;
}

static int run(struct amending *a, const struct tree *body, const struct amending_options *options)
{
    struct buf json = BUF_INIT(COMMAND_MAX_BYTES / 2);
    struct error err;
    int rc;

    a->amendment =
        amendment_create(a->status, body, &a->cli->settings->defaults, clock_wall_ms(), &err);
    if (a->amendment == NULL)
        return tell_refused(a, body, &err);
    if (a->amendment->same) {
        if (a->cli->json)
            cli_json(json_pack("{s:s,s:s}", "id", a->id, "state", "same"));
        else
            printf(T("%s says all this already; nothing was changed\n"), a->id);
        return 0;
    }
    rc = a->amendment->now->cancelled ? 0 : room_check(a->cli);
    if (rc != 0)
        return rc;
    if (correcting_count(a->cli, a->status, a->amendment, &a->correcting, &err) != 0 ||
        look_at_approval(a, &err) != 0)
        return cli_error(a->cli, db_well(a->cli->db) ? EX_DATAERR : EX_UNAVAILABLE, &err);
    make_sample(a);
    if (!a->cli->json) {
        show(a);
        cli_print(&a->out);
        fflush(stdout);
    }
    rc = options->yes ? 0 : ask_person(a);
    if (rc == 0) {
        tree_write_json(body, &json);
        rc = send(a, &json, options->wait_ms);
    }
    buf_free(&json);
    return rc;
}

static int read_status(struct amending *a)
{
    struct error err;

    a->status = campaign_status_read(a->cli->db, a->id, &err);
    a->own = true;
    if (a->status == NULL)
        return picture_fail(a->cli, a->id, &err);
    if (strcmp(a->status->state, "loading") == 0)
        return cli_fail(a->cli, EX_TEMPFAIL,
                        T("%s is not taken by outreachd yet: try again when it is (outreach show "
                          "%s)"),
                        a->id, a->id);
    return 0;
}

void amending_free(struct amending *a)
{
    if (a == NULL)
        return;
    correction_free(a->sample);
    amendment_free(a->amendment);
    if (a->own)
        campaign_status_free(a->status);
    buf_free(&a->out);
    free(a);
}

static struct amending *amending_create(struct cli *cli, const char *id)
{
    struct amending *a = xcalloc(1, sizeof *a);

    a->cli = cli;
    a->id = id;
    a->out = BUF_INIT(1u << 20);
    return a;
}

int amending_run(struct cli *cli, const char *id, const struct tree *body,
                 const struct amending_options *options)
{
    struct amending *a = amending_create(cli, id);
    int rc = read_status(a);

    if (rc == 0)
        rc = run(a, body, options);
    amending_free(a);
    return rc;
}

/* The document that stands, with the one member more. */
static struct tree *cancelled_body(const char *document, struct error *err)
{
    struct tree *tree = tree_parse_json(document, strlen(document), NULL, err), *body = NULL;
    struct buf json = BUF_INIT(COMMAND_MAX_BYTES / 2);
    bool first = true;

    for (const struct tree *one = tree != NULL ? tree->first : NULL; one != NULL; one = one->next) {
        buf_putc(&json, first ? '{' : ',');
        first = false;
        buf_put_json(&json, one->name, strlen(one->name));
        buf_putc(&json, ':');
        if (strcmp(one->name, "event") != 0) {
            tree_write_json(one, &json);
            continue;
        }
        buf_puts(&json, "{\"cancelled\":true");
        for (const struct tree *in = one->first; in != NULL; in = in->next)
            if (strcmp(in->name, "cancelled") != 0) {
                buf_putc(&json, ',');
                buf_put_json(&json, in->name, strlen(in->name));
                buf_putc(&json, ':');
                tree_write_json(in, &json);
            }
        buf_putc(&json, '}');
    }
    buf_putc(&json, '}');
    if (tree != NULL)
        body = tree_parse_json(json.data, json.length, NULL, err);
    tree_free(tree);
    buf_free(&json);
    return body;
}

int amending_cancel(struct cli *cli, const char *id, const struct amending_options *options)
{
    struct amending *a = amending_create(cli, id);
    struct tree *body = NULL;
    struct error err;
    int rc = read_status(a);

    if (rc == 0) {
        body = cancelled_body(a->status->document, &err);
        rc = body != NULL ? run(a, body, options) : cli_error(cli, EX_DATAERR, &err);
    }
    tree_free(body);
    amending_free(a);
    return rc;
}

/* ------------------------------------------------------------ one that awaits approval */
static struct campaign *read_document(struct amending *a, const char *text, size_t n,
                                      struct error *err)
{
    struct tree *document = tree_parse_json(text, n, NULL, err);

    return document != NULL ? campaign_create(document, &a->cli->settings->defaults, NULL, 0, err)
                            : NULL;
}

static int read_agreed(struct amending *a, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc;

    command_start(&c, "HGET");
    key_versions(&c, a->id);
    command_add_int(&c, a->status->agreed);
    rc = db_ask(a->cli->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    if (reply->str == NULL)
        error_set(err, T("its version %u is not in Redis any more"), a->status->agreed);
    else
        a->amendment->before = read_document(a, reply->str, reply->len, err);
    freeReplyObject(reply);
    return a->amendment->before != NULL ? 0 : -1;
}

/* The one at i as it is planned now, beside what it was by the document agreed to. */
static void compare_reminder(struct amending *a, size_t i, const int64_t *due_ms,
                             const bool *skipped)
{
    const struct reminder_status *is = &a->status->reminders[i];
    struct amendment *m = a->amendment;
    struct amended_reminder *r = &m->reminders[m->count];
    int was = campaign_find_reminder(m->before, is->name);
    int now = campaign_find_reminder(m->now, is->name);
    bool begun =
        strcmp(is->state, "open") == 0 || (strcmp(is->state, "done") == 0 && is->begun_ms != 0);

    if (builtin_is(is->name) || (was < 0 && now < 0))
        return;
    snprintf(r->name, sizeof r->name, "%s", is->name);
    r->due_ms = is->due_ms;
    r->expires_ms = is->expires_ms;
    r->what = begun && now < 0                    ? AMENDED_ENDED
              : begun                             ? AMENDED_BEGUN
              : now < 0                           ? AMENDED_DROPPED
              : strcmp(is->state, "skipped") == 0 ? AMENDED_SKIPPED
                                                  : AMENDED_PLANNED;
    if (r->what == AMENDED_SKIPPED && was >= 0 && skipped[was])
        return; /* as before */
    if (was >= 0) {
        a->before[i] = *is;
        a->before[i].due_ms = begun ? is->due_ms : due_ms[was];
        r->was = &a->before[i];
    }
    m->count++;
}

static int compare_with_agreed(struct amending *a, struct error *err)
{
    struct amendment *m = a->amendment = xcalloc(1, sizeof *a->amendment);
    const struct campaign_status *s = a->status;
    int64_t due_ms[CAMPAIGN_MAX_REMINDERS];
    bool skipped[CAMPAIGN_MAX_REMINDERS];

    m->document = BUF_INIT(1);
    m->version = s->version;
    m->now = read_document(a, s->document, strlen(s->document), err);
    if (m->now == NULL || read_agreed(a, err) != 0)
        return -1;
    m->event = correction_needed(m->before, m->now);
    campaign_plan(m->before, s->queued_ms, due_ms, skipped);
    for (size_t i = 0; i < s->reminder_count; i++)
        compare_reminder(a, i, due_ms, skipped);
    if (correcting_count(a->cli, s, m, &a->correcting, err) != 0)
        return -1;
    make_sample(a);
    return 0;
}

struct amending *amending_awaiting(struct cli *cli, struct campaign_status *status,
                                   struct error *err)
{
    struct amending *a = amending_create(cli, status->id);

    a->status = status;
    if (compare_with_agreed(a, err) == 0)
        return a;
    amending_free(a);
    return NULL;
}

void amending_write_awaiting(struct amending *a, struct buf *out)
{
    const struct campaign_status *s = a->status;
    const struct amendment *m = a->amendment;
    char when[HUMAN_BYTES];

    buf_printf(out, T("changed by %s, %s: version %u in place of version %u\n"), s->amended_by,
               human_time(when, m->now->zone, s->amended_ms, false), m->version, s->agreed);
    difference_write(m->before->document, m->now->document, a->cli->width, NULL, NULL, out);
    for (size_t i = 0; i < m->count; i++)
        put_reminder(a, &m->reminders[i]);
    put_corrections(a);
    buf_put(out, a->out.data, a->out.length);
}

json_t *amending_json_awaiting(const struct amending *a)
{
    const struct campaign_status *s = a->status;
    const struct amendment *m = a->amendment;

    return json_pack(
        "{s:o,s:I,s:i,s:i,s:o,s:I,s:I,s:o,s:f}", "by", json_text(s->amended_by), "amended_ms",
        (json_int_t)s->amended_ms, "version", (int)m->version, "was_version", (int)s->agreed,
        "fields", difference_json(m->before->document, m->now->document), "told",
        (json_int_t)a->correcting.told, "corrections", (json_int_t)a->correcting.sent,
        "not_corrected", correcting_json(&a->correcting), "corrections_cost", a->correcting.cost);
}

int64_t amending_corrections(const struct amending *a, double *cost)
{
    *cost = a->correcting.cost;
    return a->correcting.sent;
}
