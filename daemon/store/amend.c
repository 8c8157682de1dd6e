#include "amend.h"

#include "approval.h"
#include "correction.h"
#include "error.h"
#include "keys.h"
#include "mem.h"
#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------- the document */
static void put_member(struct buf *out, const char *name, const struct tree *value)
{
    if (value == NULL)
        return;
    if (out->data[out->length - 1] != '{')
        buf_putc(out, ',');
    buf_put_json(out, name, strlen(name));
    buf_putc(out, ':');
    tree_write_json(value, out);
}

/* The body; with the list and the layout of before that stand, unless before is NULL. */
static struct campaign *read_body(const struct campaign *before, const struct tree *body,
                                  const struct campaign_defaults *defaults, struct error *err)
{
    static const char *const stay[] = {"audience", "columns"};
    struct buf out = BUF_INIT(COMMAND_MAX_BYTES / 2);
    struct campaign *now = NULL;
    struct tree *document = NULL;

    buf_putc(&out, '{');
    for (const struct tree *one = body->first; one != NULL; one = one->next)
        if (strcmp(one->name, stay[0]) != 0 && strcmp(one->name, stay[1]) != 0)
            put_member(&out, one->name, one);
    for (size_t i = 0; i < 2 && before != NULL; i++)
        put_member(&out, stay[i], tree_member(before->document, stay[i]));
    buf_putc(&out, '}');
    if (buf_overflowed(&out))
        error_set(err, "the campaign is too long");
    else
        document = tree_parse_json(out.data, out.length, NULL, err);
    if (document != NULL)
        now = campaign_create(document, defaults, NULL, 0, err);
    buf_free(&out);
    return now;
}

/* What "the same body" means afterwards: as for `queue`, with its recipients where it came with
 * them. */
static void hash_body(struct amendment *a, const struct tree *body)
{
    struct buf whole = BUF_INIT(COMMAND_MAX_BYTES);

    if (tree_get(body, "audience.recipients") != NULL)
        tree_write_json(body, &whole);
    else
        buf_put(&whole, a->document.data, a->document.length);
    campaign_hash(whole.data, whole.length, a->hash);
    buf_free(&whole);
}

static bool same_channels(const struct campaign *a, const struct campaign *b)
{
    if (a->channel_count != b->channel_count)
        return false;
    for (size_t i = 0; i < a->channel_count; i++)
        if (strcmp(a->channels[i], b->channels[i]) != 0)
            return false;
    return true;
}

/* Rows are stored by the channels, gateways and limits chosen by the class. */
static int check_kept(const struct campaign *was, const struct tree *body,
                      const struct campaign_defaults *defaults, struct error *err)
{
    struct campaign *now = read_body(NULL, body, defaults, err);
    int rc = now != NULL ? 0 : -1;

    if (rc == 0 && strcmp(was->id, now->id) != 0)
        rc = error_set(err, "the field `campaign` and the body's id differ");
    else if (rc == 0 && was->class != now->class)
        rc = error_set(err,
                       "class: it is %s, and cannot be changed: cancel it, and queue another "
                       "one",
                       was->class_name);
    else if (rc == 0 && !same_channels(was, now))
        rc = error_set(err, "channels: they cannot be changed, the list is stored by them");
    campaign_free(now);
    return rc;
}

static int check_event(const struct amendment *a, int64_t now_ms, struct error *err)
{
    if (correction_repeats(a->before) != correction_repeats(a->now))
        return error_set(err, "event.repeat: an event cannot begin to repeat, nor cease to: cancel "
                              "it, and queue another one");
    if (a->event && correction_expires(a->now) <= now_ms)
        return error_set(err, "event: it is over, or would be: nobody can be told any more");
    return 0;
}

/* -------------------------------------------------------------------- the reminders */
static const struct reminder_status *status_of(const struct campaign_status *s, const char *name)
{
    for (size_t i = 0; i < s->reminder_count; i++)
        if (strcmp(s->reminders[i].name, name) == 0)
            return &s->reminders[i];
    return NULL;
}

static struct amended_reminder *add_reminder(struct amendment *a, const char *name,
                                             const struct reminder_status *was)
{
    struct amended_reminder *r = &a->reminders[a->count++];

    snprintf(r->name, sizeof r->name, "%s", name);
    r->was = was;
    if (was != NULL) {
        r->due_ms = was->due_ms;
        r->expires_ms = was->expires_ms;
    }
    return r;
}

static void plan_reminders(struct amendment *a, const struct campaign_status *s, int64_t now_ms)
{
    int64_t due_ms[CAMPAIGN_MAX_REMINDERS];
    bool skipped[CAMPAIGN_MAX_REMINDERS];

    campaign_plan(a->now, now_ms, due_ms, skipped);
    for (size_t i = 0; i < a->now->reminder_count; i++) {
        const struct campaign_reminder *one = &a->now->reminders[i];
        struct amended_reminder *r = add_reminder(a, one->name, status_of(s, one->name));
        bool at_once = one->at.of_slot || one->at.kind == MOMENT_NOW;

        if (r->was == NULL || !at_once)
            r->due_ms = due_ms[i];
        r->expires_ms = one->expires_ms;
        if (r->was != NULL && reminder_begun(r->was))
            r->what = AMENDED_BEGUN;
        else if (r->was != NULL && strcmp(r->was->state, "scheduled") == 0 &&
                 r->due_ms == r->was->due_ms && r->expires_ms > now_ms)
            r->what = AMENDED_PLANNED; /* due a moment ago, and about to be opened */
        else
            r->what = skipped[i] ? AMENDED_SKIPPED : AMENDED_PLANNED;
    }
}

/* Those that the document says no more, and those that it never says. */
static int keep_others(struct amendment *a, const struct campaign_status *s, struct error *err)
{
    for (size_t i = 0; i < s->reminder_count; i++) {
        const struct reminder_status *was = &s->reminders[i];

        if (builtin_is(was->name) || campaign_find_reminder(a->now, was->name) >= 0)
            continue;
        if (reminder_begun(was) && correction_occurrence(a->now, was->name) >= 0)
            return error_set(err, "reminders: \"%s\" has begun, and cannot be taken out any more",
                             was->name);
        if (a->count == CAMPAIGN_MAX_REMINDERS)
            return error_set(err, "reminders: more than %d, with those that were taken out",
                             CAMPAIGN_MAX_REMINDERS);
        add_reminder(a, was->name, was)->what =
            reminder_begun(was) ? AMENDED_ENDED : AMENDED_DROPPED;
    }
    for (size_t i = 0; i < s->reminder_count; i++)
        if (builtin_is(s->reminders[i].name))
            add_reminder(a, s->reminders[i].name, &s->reminders[i])->what = AMENDED_BUILTIN;
    return 0;
}

/* It comes to be with the first amendment that asks for it: by its name a daemon finds who is
 * still to be told. */
static void add_corrections(struct amendment *a, const struct campaign_status *s)
{
    struct amended_reminder *r;

    if (!a->event || status_of(s, BUILTIN_CORRECTIONS) != NULL)
        return;
    r = add_reminder(a, BUILTIN_CORRECTIONS, NULL);
    r->what = AMENDED_BUILTIN;
    r->expires_ms = correction_expires(a->now);
}

/* Are corrections of an amendment before this one still to be written, or to reach somebody? They
 * will be those of this one, in its words. */
static bool corrections_wait(const struct campaign_status *s)
{
    const struct reminder_status *r = status_of(s, BUILTIN_CORRECTIONS);

    return s->correcting != 0 ||
           (r != NULL && r->planned > r->counts[NOTICE_ACCEPTED] + r->counts[NOTICE_DELIVERED]);
}

/* What those who were told are to read must be there before anything is changed; and what those
 * of an earlier amendment are still to read may not be taken away. */
static int check_correction(const struct amendment *a, const struct campaign_status *s,
                            const struct campaign_defaults *defaults, int64_t now_ms,
                            struct error *err)
{
    const char *texts[2] = {correction_text(a->now), "cancelled"};
    bool wait = corrections_wait(s), promised[2];
    bool checked[2] = {false, false}; /* where it moved, where it fell out */

    for (size_t k = 0; k < 2; k++) {
        char path[32];

        snprintf(path, sizeof path, "texts.%s", texts[k]);
        promised[k] = wait && tree_get(a->before->document, path) != NULL;
    }
    for (size_t i = 0; i < a->count; i++) {
        const struct amended_reminder *r = &a->reminders[i];
        bool ended = r->what == AMENDED_ENDED;
        struct correction *c;
        int64_t until_ms;

        if ((r->what != AMENDED_BEGUN && !ended) || checked[ended] ||
            (!promised[ended] &&
             !correction_needed_of(a->before, r->name, a->now, now_ms, &until_ms)))
            continue;
        c = correction_create(a->before, r->name, a->now, defaults, err);
        correction_free(c);
        if (c == NULL)
            return -1;
        checked[ended] = true;
    }
    return 0;
}

/* Who was told that it does not take place is told that once. */
static int check_back(const struct amendment *a, struct error *err)
{
    for (size_t i = 0; i < a->count; i++) {
        const struct amended_reminder *r = &a->reminders[i];

        if (r->what == AMENDED_BEGUN && r->was->cancelled &&
            correction_occurrence(a->before, r->name) < 0)
            return error_set(err,
                             "event.except: the day of \"%s\" was called off when people knew of "
                             "it: that is final; move another one there (event.moved)",
                             r->name);
    }
    return 0;
}

/* What stops a campaign waits for nobody: so it may not bring what somebody has to agree to. */
static int check_cancel(const struct amendment *a, const struct campaign_status *s,
                        const struct campaign_defaults *defaults, struct error *err)
{
    const struct campaign *agreed = strcmp(s->state, "awaiting") == 0 ? NULL : a->before;

    if (a->now->cancelled && defaults->approval.hours && s->rows > 1 &&
        approval_corrections_leave(a->now, agreed, defaults))
        return error_set(err, "hours, corrections.hours: outside defaults.hours, to which a second "
                              "person has to agree; a cancel waits for nobody: leave them as they "
                              "are");
    return 0;
}

static void put_uncancelled(const struct tree *document, struct buf *out)
{
    buf_putc(out, '{');
    for (const struct tree *one = document->first; one != NULL; one = one->next) {
        if (strcmp(one->name, "event") != 0) {
            put_member(out, one->name, one);
            continue;
        }
        for (const struct tree *in = one->first; in != NULL; in = in->next)
            if (strcmp(in->name, "cancelled") != 0)
                put_member(out, in->name, in);
    }
}

static bool has_told(const struct campaign_status *s)
{
    for (size_t i = 0; i < s->reminder_count; i++)
        if (!builtin_is(s->reminders[i].name) && reminder_begun(&s->reminders[i]))
            return true;
    return false;
}

/* Does it say anything else than what stands, and was agreed to, but that the event is cancelled?
 * Of one that awaits an agreement nobody knows here what was. */
static bool is_reworded(const struct amendment *a, const struct campaign_status *s)
{
    struct buf was = BUF_INIT(COMMAND_MAX_BYTES / 2), is = BUF_INIT(COMMAND_MAX_BYTES / 2);
    struct tree *now = tree_parse_json(a->document.data, a->document.length, NULL, NULL);
    bool other = now == NULL || s->agreed != 0;

    if (now != NULL) { /* members stand in one order in what is canonical */
        put_uncancelled(a->before->document, &was);
        put_uncancelled(now, &is);
        other |= was.length != is.length || memcmp(was.data, is.data, is.length) != 0;
    }
    tree_free(now);
    buf_free(&was);
    buf_free(&is);
    return other;
}

static int build(struct amendment *a, const struct campaign_status *s, const struct tree *body,
                 const struct campaign_defaults *defaults, int64_t now_ms, struct error *err)
{
    struct tree *document;

    if (strcmp(s->state, "loading") == 0)
        return error_set(err, "there is no such campaign");
    if (strcmp(s->state, "cancelled") == 0)
        return error_set(err, "it was cancelled; that is final");
    document = tree_parse_json(s->document, strlen(s->document), NULL, err);
    if (document != NULL)
        a->before = campaign_create(document, defaults, NULL, 0, err);
    if (a->before == NULL)
        return -1;
    if (body->kind != TREE_OBJECT)
        return error_set(err, "body: expected a campaign { ... }");
    if (check_kept(a->before, body, defaults, err) == 0)
        a->now = read_body(a->before, body, defaults, err);
    if (a->now == NULL)
        return -1;
    campaign_write_json(a->now, &a->document);
    a->same = a->document.length == strlen(s->document) &&
              memcmp(a->document.data, s->document, a->document.length) == 0;
    a->event = correction_needed(a->before, a->now);
    a->reworded = a->now->cancelled && has_told(s) && is_reworded(a, s);
    hash_body(a, body);
    plan_reminders(a, s, now_ms);
    if (check_event(a, now_ms, err) != 0 || check_cancel(a, s, defaults, err) != 0 ||
        check_back(a, err) != 0 || keep_others(a, s, err) != 0)
        return -1;
    add_corrections(a, s);
    a->version = s->version + 1;
    if (!a->same && a->version > AMEND_VERSIONS)
        return error_set(err,
                         "it has had %d versions, and no more can be told apart: cancel it, "
                         "and queue another one",
                         AMEND_VERSIONS);
    return check_correction(a, s, defaults, now_ms, err);
}

struct amendment *amendment_create(const struct campaign_status *status, const struct tree *body,
                                   const struct campaign_defaults *defaults, int64_t now_ms,
                                   struct error *err)
{
    struct amendment *a = xcalloc(1, sizeof *a);

    a->document = BUF_INIT(COMMAND_MAX_BYTES / 2);
    if (build(a, status, body, defaults, now_ms, err) == 0)
        return a;
    amendment_free(a);
    return NULL;
}

void amendment_free(struct amendment *a)
{
    if (a == NULL)
        return;
    campaign_free(a->before);
    campaign_free(a->now);
    buf_free(&a->document);
    free(a->approval);
    free(a->reckoned);
    free(a);
}

void amendment_skipped(const struct amendment *a, bool skipped[CAMPAIGN_MAX_REMINDERS])
{
    memset(skipped, 0, CAMPAIGN_MAX_REMINDERS * sizeof *skipped);
    for (size_t i = 0; i < a->count; i++) {
        int r = campaign_find_reminder(a->now, a->reminders[i].name);

        if (r >= 0)
            skipped[r] = a->reminders[i].what == AMENDED_SKIPPED;
    }
}

struct campaign_defaults amendment_defaults(const struct amendment *a,
                                            const struct campaign_defaults *defaults)
{
    struct campaign_defaults strict = *defaults;

    strict.approval.recipients = (int64_t)approval_people_bound(a->before, defaults);
    strict.approval.cost = approval_cost_bound(a->before, defaults);
    return strict;
}

static bool is_lifted(double before, double now)
{
    return before > 0 && (now <= 0 || now > before);
}

/* Also by one that is below it still: the next would be above. */
static unsigned bounds_lifted(const struct amendment *a, const struct campaign_defaults *defaults)
{
    return (is_lifted(approval_people_bound(a->before, defaults),
                      approval_people_bound(a->now, defaults))
                ? APPROVAL_RECIPIENTS
                : 0u) |
           (is_lifted(approval_cost_bound(a->before, defaults),
                      approval_cost_bound(a->now, defaults))
                ? APPROVAL_COST
                : 0u);
}

int64_t amendment_earlier_corrections(const struct campaign_status *status)
{
    for (size_t i = 0; i < status->reminder_count; i++)
        if (strcmp(status->reminders[i].name, BUILTIN_CORRECTIONS) == 0)
            return status->reminders[i].last;
    return 0;
}

int64_t amendment_corrections(const struct amendment *a, const struct campaign_status *status)
{
    return amendment_earlier_corrections(status) + (a->event ? status->rows : 0);
}

unsigned amendment_needs(const struct amendment *a, const struct campaign_defaults *defaults,
                         const struct tree *gateways, int64_t rows, double cost)
{
    struct campaign_defaults strict = amendment_defaults(a, defaults);
    unsigned before =
        approval_needs(a->before, defaults, rows, approval_most_cost(a->before, gateways, rows, 0));

    if (!a->now->cancelled)
        return approval_needs(a->now, &strict, rows, cost) | (before & APPROVAL_REQUIRED) |
               bounds_lifted(a, defaults);
    if (!a->reworded)
        return 0;
    return before |
           approval_needs(a->now, defaults, rows, approval_most_cost(a->now, gateways, rows, 0));
}

void amendment_command(const struct amendment *a, const char *event_id, const char *by,
                       int64_t now_ms, struct command *c)
{
    static const char *const words[] = {
        [AMENDED_PLANNED] = "plan", [AMENDED_SKIPPED] = "skip", [AMENDED_DROPPED] = "drop",
        [AMENDED_BEGUN] = "begun",  [AMENDED_ENDED] = "end",    [AMENDED_BUILTIN] = "built-in",
    };
    struct buf names = BUF_INIT(CAMPAIGN_ALL_REMINDERS * 34);

    for (size_t i = 0; i < a->count; i++)
        buf_printf(&names, "%s%s", i > 0 ? " " : "", a->reminders[i].name);
    command_script(c, a->now->cancelled ? SCRIPT_CALL_OFF : SCRIPT_AMEND, 2 + (unsigned)a->count);
    key_campaign(c, a->now->id);
    key_versions(c, a->now->id);
    for (size_t i = 0; i < a->count; i++)
        key_reminder(c, a->now->id, a->reminders[i].name);
    command_add_string(c, event_id);
    command_add_string(c, a->hash);
    command_add(c, a->document.data, a->document.length);
    command_add_int(c, a->version);
    command_add(c, names.data, names.length);
    command_add_int(c, now_ms);
    command_add_string(c, by);
    command_add_string(c, a->event ? "event" : "");
    if (a->approval != NULL)
        command_add_format(c, "%s %s", a->now->cancelled ? "cancelled" : "awaiting", a->approval);
    else
        command_add_string(c, a->now->cancelled ? "cancelled" : "");
    for (size_t i = 0; i < a->count; i++) {
        command_add_string(c, words[a->reminders[i].what]);
        command_add_int(c, a->reminders[i].due_ms);
        command_add_int(c, a->reminders[i].expires_ms);
    }
    command_add_string(c, a->reckoned != NULL ? a->reckoned : "");
    buf_free(&names);
}

enum amendment_verdict amendment_verdict(const redisReply *reply)
{
    static const struct {
        const char *word;
        enum amendment_verdict verdict;
    } words[] = {
        {"OK", AMENDMENT_DONE},
        {"AGAIN", AMENDMENT_AGAIN},
        {"VERSION", AMENDMENT_STALE},
        {"BEGUN", AMENDMENT_STALE},
        {"CANCELLED", AMENDMENT_CANCELLED},
    };
    const redisReply *word = db_at(reply, 0);

    for (size_t i = 0; word != NULL && word->str != NULL && i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].word, word->str) == 0)
            return words[i].verdict;
    return AMENDMENT_UNKNOWN;
}

/* ------------------------------------------------------------ who was told what */

/* Did it go out, or may it have? An intent that stands may have let it. */
static bool went_out(const struct record *r)
{
    return (r->flags & FLAG_TOLD) != 0 || r->state == NOTICE_SENDING ||
           r->state == NOTICE_UNCERTAIN || r->state == NOTICE_ACCEPTED ||
           r->state == NOTICE_DELIVERED;
}

unsigned told_version(const unsigned char bytes[LEDGER_RECORD_BYTES])
{
    struct record r;

    if (bytes == NULL)
        return 0;
    record_unpack(bytes, &r);
    return went_out(&r) ? r.version : 0;
}

void told_record(struct told *t, const unsigned char bytes[LEDGER_RECORD_BYTES])
{
    unsigned version = told_version(bytes);

    if (version > t->version)
        t->version = version;
}

/* append.lua packs it: the correction's number, its version, and what she had been told by then. */
void told_entry(struct told *t, const unsigned char bytes[TOLD_BYTES])
{
    t->correction =
        (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    t->corrected_to = bytes[4];
    if (bytes[5] > t->version)
        t->version = bytes[5];
}

void told_correction(struct told *t, const unsigned char bytes[LEDGER_RECORD_BYTES])
{
    struct record r;

    record_unpack(bytes, &r);
    if (went_out(&r) && t->corrected_to > t->version)
        t->version = t->corrected_to;
}

bool told_is_behind(const struct told *t, unsigned version)
{
    return t->version > 0 && t->version <= AMEND_VERSIONS && t->version < version;
}
