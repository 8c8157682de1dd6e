#include "campaign.h"

#include "audience.h"
#include "buf.h"
#include "builtin.h"
#include "calendar.h"
#include "campaign_text.h"
#include "column.h"
#include "error.h"
#include "language.h"
#include "form.h"
#include "hours.h"
#include "mem.h"
#include "repeat.h"
#include "reply_rules.h"
#include "row.h"
#include "template.h"
#include "tree.h"
#include "zone.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_MS INT64_C(86400000)
#define MOST_SEGMENTS 8 /* as many message ids as the ledger follows */

struct campaign_private {
    struct arena arena;
    struct tree *root;
    struct form form;
    struct texts *texts;
    struct reply_rules replies;
    struct hours *hours[CAMPAIGN_MAX_REMINDERS + 1]; /* the campaign's is the last */
    const char *hours_text;
    const struct campaign *was;
};

struct texts *campaign_texts(const struct campaign *c)
{
    return c->own->texts;
}

const struct form *campaign_form(const struct campaign *c)
{
    return &c->own->form;
}

const struct campaign *campaign_was(const struct campaign *c)
{
    return c->own->was;
}

/* ----------------------------------------------------------------------- times */
/* "2027-03-06 09:00" for people. */
static const char *clock_text(const struct campaign *c, int64_t wall_ms, char out[24])
{
    struct local_time t;

    zone_local(c->zone, wall_ms, &t);
    snprintf(out, 24, "%04u-%02u-%02u %02u:%02u", (unsigned)t.year % 10000, (unsigned)t.month % 100,
             (unsigned)t.day % 100, (unsigned)t.hour % 100, (unsigned)t.minute % 100);
    return out;
}

static int read_instant(const struct campaign *c, const char *path, const char *text,
                        int64_t *wall_ms, struct error *err)
{
    if (zone_parse(c->zone, text, strlen(text), wall_ms) == 0)
        return 0;
    return tree_error(err, tree_get(c->document, path),
                      "\"%s\" is no date and time: write \"2027-03-06T09:00\"", text);
}

static bool lasts_for_days(const struct campaign *c, const struct campaign_reminder *r)
{
    struct local_time from, to;

    if (r->ends_ms == 0)
        return false;
    zone_local(c->zone, r->starts_ms, &from);
    zone_local(c->zone, r->ends_ms, &to);
    return from.day != to.day || from.month != to.month || from.year != to.year;
}

/* Where the campaign's day ends: for slots, which may come after the start. */
static int64_t end_of_day(const struct campaign *c)
{
    struct local_time t;

    zone_local(c->zone, c->starts_ms, &t);
    t.day++;
    t.hour = t.minute = t.second = 0;
    return zone_wall(c->zone, &t);
}

static int read_event(struct campaign *c, const struct campaign_defaults *defaults,
                      struct error *err)
{
    const struct form *form = &c->own->form;
    const char *zone = form->event.timezone != NULL ? form->event.timezone : defaults->timezone;
    struct error why;

    c->zone = zone_find(zone, &why);
    if (c->zone == NULL)
        return tree_error(err, tree_get(c->document, "event.timezone"), "%s", why.text);
    if (read_instant(c, "event.starts", form->event.starts, &c->starts_ms, err) != 0)
        return -1;
    if (form->event.ends == NULL)
        return 0;
    if (read_instant(c, "event.ends", form->event.ends, &c->ends_ms, err) != 0)
        return -1;
    if (c->ends_ms < c->starts_ms)
        return tree_error(err, tree_get(c->document, "event.ends"),
                          "the event ends (%s) before it starts (%s)", form->event.ends,
                          form->event.starts);
    return 0;
}

/* ----------------------------------------------------------------- occurrences */
static int64_t day_number(const struct local_time *t)
{
    struct tm tm = {.tm_year = t->year - 1900, .tm_mon = t->month - 1, .tm_mday = t->day};

    return (int64_t)timegm(&tm) / 86400;
}

/* An occurrence: the day of the rule, by which it is known for ever, and when it starts. */
struct occurrence {
    struct local_time day;
    int64_t starts_ms, ends_ms; /* ends_ms: 0 where none is given */
};

/* Those of all[n] around a day, in their order, for whoever has named another. */
#define DAYS_TOLD 6
static void name_days(const struct occurrence *all, int n, int64_t day, struct buf *out)
{
    int first = 0, last;

    while (first < n && day_number(&all[first].day) < day)
        first++;
    first -= DAYS_TOLD / 2;
    first = first + DAYS_TOLD > n ? n - DAYS_TOLD : first;
    first = first < 0 ? 0 : first;
    last = first + DAYS_TOLD < n ? first + DAYS_TOLD : n;
    buf_puts(out, first > 0 ? "..., " : "");
    for (int k = first; k < last; k++)
        buf_printf(out, "%s%04d-%02d-%02d", k > first ? ", " : "", all[k].day.year,
                   all[k].day.month, all[k].day.day);
    buf_puts(out, last < n ? ", ..." : "");
}

/* Which of n occurrences is of the day that text begins with (length bytes); -1 with err. */
static int find_day(const struct campaign *c, const struct tree *node, const struct occurrence *all,
                    int n, const char *text, int length, struct error *err)
{
    struct local_time day;
    int64_t wall_ms;
    char time[48];
    struct buf days = BUF_INIT(4096);

    snprintf(time, sizeof time, length > 10 ? "%.*s" : "%.*sT00:00", length < 40 ? length : 40,
             text);
    if (zone_parse(c->zone, time, strlen(time), &wall_ms) != 0)
        return tree_error(err, node, "\"%.40s\" is no day: write \"2027-05-01\"", text);
    zone_local(c->zone, wall_ms, &day);
    for (int k = 0; k < n; k++)
        if (day_number(&all[k].day) == day_number(&day))
            return k;
    name_days(all, n, day_number(&day), &days);
    tree_error(err, node, "\"%.*s\" is no day of event.repeat, whose days are %s",
               length < 40 ? length : 40, text, buf_string(&days));
    buf_free(&days);
    return -1;
}

/* Takes the days of event.except out of all[n]; returns how many are left, or -1. */
static int leave_out(const struct campaign *c, struct occurrence *all, int n, struct error *err)
{
    const struct field_strings *except = &c->own->form.event.except;
    const struct tree *node = tree_get(c->document, "event.except");

    for (size_t i = 0; i < except->count; i++) {
        const char *text = except->items[i];
        int k = find_day(c, node, all, n, text, (int)strlen(text), err);

        if (k < 0)
            return -1;
        memmove(&all[k], &all[k + 1], (size_t)(--n - k) * sizeof *all);
    }
    return n > 0 ? n : tree_error(err, node, "leaves no day of event.repeat");
}

/* "2027-05-01 2027-05-02T10:00": that day's has another start, and is as long as the others. */
static int move_some(const struct campaign *c, struct occurrence *all, int n, struct error *err)
{
    const struct field_strings *moved = &c->own->form.event.moved;
    const struct tree *node = tree_get(c->document, "event.moved");

    for (size_t i = 0; i < moved->count; i++) {
        const char *text = moved->items[i], *to = strchr(text, ' ');
        int64_t starts_ms;
        int k;

        if (to == NULL || to - text != 10 ||
            zone_parse(c->zone, to + 1, strlen(to + 1), &starts_ms) != 0)
            return tree_error(err, node,
                              "\"%.40s\": expected a day and when it starts instead, as in "
                              "\"2027-05-01 2027-05-02T10:00\"",
                              text);
        k = find_day(c, node, all, n, text, 10, err);
        if (k < 0)
            return -1;
        if (all[k].ends_ms != 0)
            all[k].ends_ms += starts_ms - all[k].starts_ms;
        all[k].starts_ms = starts_ms;
    }
    return n;
}

/* By the clock on the wall each is as long as the first. */
static void set_times(const struct campaign *c, struct occurrence *all, int n)
{
    struct local_time starts, last;
    int span_days;

    zone_local(c->zone, c->starts_ms, &starts);
    zone_local(c->zone, c->ends_ms, &last);
    span_days = (int)(day_number(&last) - day_number(&starts));
    for (int k = 0; k < n; k++) {
        struct local_time end = last;

        all[k].starts_ms = zone_wall(c->zone, &all[k].day);
        end.year = all[k].day.year, end.month = all[k].day.month;
        end.day = all[k].day.day + span_days;
        all[k].ends_ms = c->ends_ms != 0 ? zone_wall(c->zone, &end) : 0;
    }
}

/* All occurrences, into all; returns how many, or -1. */
static int find_occurrences(const struct campaign *c, struct occurrence all[REPEAT_MOST],
                            struct error *err)
{
    const struct form *form = &c->own->form;
    struct local_time starts, days[REPEAT_MOST];
    struct error why;
    int n;

    zone_local(c->zone, c->starts_ms, &starts);
    if (form->event.repeat == NULL && form->event.except.count > 0)
        return tree_error(err, tree_get(c->document, "event.except"), "goes with event.repeat");
    if (form->event.repeat == NULL && form->event.moved.count > 0)
        return tree_error(err, tree_get(c->document, "event.moved"), "goes with event.repeat");
    if (form->event.repeat == NULL) {
        all[0] = (struct occurrence){starts, c->starts_ms, c->ends_ms};
        return 1;
    }
    n = repeat_occurrences(form->event.repeat, &starts, c->zone, days, &why);
    if (n < 0)
        return tree_error(err, tree_get(c->document, "event.repeat"), "%s", why.text);
    for (int k = 0; k < n; k++)
        all[k].day = days[k];
    set_times(c, all, n);
    n = leave_out(c, all, n, err);
    return n < 0 ? -1 : move_some(c, all, n, err);
}

static const struct tree *reminder_node(const struct campaign *c, size_t r, const char *member)
{
    char path[64];

    snprintf(path, sizeof path, "reminders.%zu.%s", r % (c->reminder_count / c->occurrence_count),
             member);
    return tree_get(c->document, path);
}

/* Each occurrence has all the reminders, under names of its own: so each has its due time,
 * its ledger and its cursor, as any other. */
static int read_occurrences(struct campaign *c, struct error *err)
{
    struct form *form = &c->own->form;
    const struct form_reminder *written = form->reminders.items;
    size_t each = form->reminders.count, total, r;
    struct form_reminder *all;
    struct occurrence occurrences[REPEAT_MOST];
    int n = find_occurrences(c, occurrences, err);

    if (n < 0)
        return -1;
    total = each * (size_t)n;
    if (total > CAMPAIGN_MAX_REMINDERS)
        return tree_error(err, tree_get(c->document, "event.repeat"),
                          "has %d occurrences with %zu reminders each, in all more than %d: end it "
                          "earlier",
                          n, each, CAMPAIGN_MAX_REMINDERS);
    c->occurrence_count = (size_t)n;
    c->reminder_count = total;
    all = arena_alloc(&c->own->arena, total * sizeof *all);
    c->reminders = arena_alloc(&c->own->arena, total * sizeof *c->reminders);
    memset(c->reminders, 0, total * sizeof *c->reminders);
    for (r = 0; r < total; r++) {
        const struct occurrence *one = &occurrences[r / each];
        const struct local_time *day = &one->day;
        char name[80];

        all[r] = written[r % each];
        c->reminders[r].starts_ms = one->starts_ms;
        c->reminders[r].ends_ms = one->ends_ms;
        if (form->event.repeat == NULL)
            continue;
        snprintf(name, sizeof name, "%s-%04d%02d%02d", written[r % each].name, day->year,
                 day->month, day->day);
        if (strlen(name) > 32)
            return tree_error(err, reminder_node(c, r, "name"),
                              "has more than 23 characters: the day is put behind it (\"%s\")",
                              name);
        all[r].name = arena_strndup(&c->own->arena, name, strlen(name));
    }
    form->reminders = (struct field_groups){all, total};
    c->starts_ms = c->reminders[0].starts_ms;
    c->ends_ms = c->reminders[0].ends_ms;
    return 0;
}

/* ------------------------------------------------------------------- reminders */
/* Where the document says nothing. */
static int64_t usual_expiry(const struct campaign *c, const struct campaign_reminder *reminder)
{
    int64_t due_ms = reminder->at.kind == MOMENT_NOW
                         ? INT64_MIN
                         : moment_resolve(&reminder->at, c->zone, reminder->starts_ms, 0);
    int64_t expires_ms = lasts_for_days(c, reminder) ? reminder->ends_ms : reminder->starts_ms;

    if (reminder->at.of_slot)
        return c->ends_ms != 0 && c->ends_ms > end_of_day(c) ? c->ends_ms : end_of_day(c);
    /* "+1d 10:00", a word of thanks: worth a day. */
    if (reminder->at.kind != MOMENT_INSTANT && due_ms > expires_ms)
        return due_ms + DAY_MS;
    return expires_ms;
}

static int read_expiry(struct campaign *c, size_t r, struct error *err)
{
    const struct form_reminder *form = (struct form_reminder *)c->own->form.reminders.items + r;
    struct campaign_reminder *reminder = &c->reminders[r];
    const char *text = form->expires != NULL ? form->expires : c->own->form.expires;
    const struct tree *node = form->expires != NULL ? reminder_node(c, r, "expires")
                                                    : tree_member(c->document, "expires");
    struct moment expires;
    struct error why;
    char due[24], end[24];
    int64_t due_ms;

    if (text == NULL) {
        reminder->expires_ms = usual_expiry(c, reminder);
    } else {
        if (moment_parse(text, c->zone, &expires, &why) != 0)
            return tree_error(err, node, "%s", why.text);
        if (expires.kind == MOMENT_NOW || expires.of_slot)
            return tree_error(err, node, "expected a time before or after the event, or a date");
        reminder->expires_ms = moment_resolve(&expires, c->zone, reminder->starts_ms, 0);
    }
    if (reminder->at.kind == MOMENT_NOW || reminder->at.of_slot)
        return 0;
    due_ms = moment_resolve(&reminder->at, c->zone, reminder->starts_ms, 0);
    if (due_ms < reminder->expires_ms)
        return 0;
    return tree_error(err, reminder_node(c, r, "at"), "is due at %s, when it has expired (%s)%s",
                      clock_text(c, due_ms, due), clock_text(c, reminder->expires_ms, end),
                      text == NULL
                          ? language_text(": nothing is sent once the event has begun, unless the "
                                          "reminder says `expires`")
                          : "");
}

static int read_reminder_channels(struct campaign *c, size_t r, struct error *err)
{
    const struct form_reminder *form = (struct form_reminder *)c->own->form.reminders.items + r;
    size_t i, k;

    c->reminders[r].channel_mask = form->channels.count == 0 ? (1u << c->channel_count) - 1 : 0;
    for (i = 0; i < form->channels.count; i++) {
        for (k = 0; k < c->channel_count; k++)
            if (strcmp(c->channels[k], form->channels.items[i]) == 0)
                break;
        if (k == c->channel_count)
            return tree_error(err, reminder_node(c, r, "channels"),
                              "\"%s\" is not among the campaign's channels",
                              form->channels.items[i]);
        c->reminders[r].channel_mask |= 1u << k;
    }
    return 0;
}

static int read_hours(const char *text, const struct tree *node, struct hours **out,
                      struct error *err)
{
    struct error why;

    *out = hours_parse(text, &why);
    if (*out != NULL)
        return 0;
    return node != NULL ? tree_error(err, node, "%s", why.text)
                        : error_set(err, "defaults.hours: %s", why.text);
}

static int read_reminder(struct campaign *c, size_t r, struct error *err)
{
    const struct form_reminder *form = (struct form_reminder *)c->own->form.reminders.items + r;
    struct campaign_reminder *reminder = &c->reminders[r];
    struct error why;

    reminder->name = form->name;
    reminder->only = form->only;
    reminder->doubt = (enum campaign_doubt)form->doubt;
    reminder->priority = (int)(form->priority != 0 ? form->priority : c->own->form.priority);
    reminder->hours = c->hours;
    reminder->workdays =
        (form->days != DAYS_UNSAID ? form->days : c->own->form.days) == DAYS_WORKED;
    if (moment_parse(form->at, c->zone, &reminder->at, &why) != 0)
        return tree_error(err, reminder_node(c, r, "at"), "%s", why.text);
    if (c->own->form.event.repeat != NULL &&
        (reminder->at.of_slot || reminder->at.kind == MOMENT_NOW ||
         reminder->at.kind == MOMENT_INSTANT))
        return tree_error(err, reminder_node(c, r, "at"),
                          "is the same for every occurrence of the event: write a time before or "
                          "after it, as in \"-1d 18:00\"");
    if (form->hours != NULL || reminder->workdays) {
        if (read_hours(form->hours != NULL ? form->hours : c->own->hours_text,
                       reminder_node(c, r, "hours"), &c->own->hours[r], err) != 0)
            return -1;
        if (reminder->workdays)
            hours_only_worked(c->own->hours[r], c->calendar);
        reminder->hours = c->own->hours[r];
    }
    if (read_expiry(c, r, err) != 0)
        return -1;
    return read_reminder_channels(c, r, err);
}

/* ---------------------------------------------------------------------- reading */
/* The names that any recipient of the document has. */
static void inline_columns(struct campaign *c, struct text_columns *known)
{
    const struct tree *recipients = c->own->form.audience.recipients, *one, *member;
    const char **names = arena_alloc(&c->own->arena, 256 * sizeof *names);
    size_t i;

    *known = (struct text_columns){names, NULL, 0, false};
    for (one = recipients->first; one != NULL; one = one->next)
        for (member = one->kind == TREE_OBJECT ? one->first : NULL; member != NULL;
             member = member->next) {
            const char *ours = column_known(member->name, strlen(member->name));
            const char *name = ours != NULL ? ours : member->name;

            for (i = 0; i < known->count && strcmp(names[i], name) != 0; i++)
                ;
            if (i == known->count && i < 256)
                names[known->count++] = name;
        }
}

static void set_defaults(struct campaign *c, const struct campaign_defaults *defaults)
{
    struct form *form = &c->own->form;
    size_t i;

    memcpy(c->id, form->id, strlen(form->id) + 1);
    c->class = (enum campaign_class)form->class;
    c->class_name = tree_string(c->document, "class", "");
    c->missed = (enum campaign_missed)form->missed;
    c->same_phone = (enum campaign_same_phone)form->audience.same_phone;
    c->to_group = form->audience.group;
    c->audience_files = form->audience.files.items;
    c->audience_file_count = form->audience.files.count;
    c->audience_file = c->audience_file_count > 0 ? c->audience_files[0] : NULL;
    c->from_register = form_from_register(form);
    c->tags = form->audience.tags.items;
    c->any = form->audience.any.items;
    c->without = form->audience.without.items;
    c->country = form->country != NULL ? form->country : defaults->country;
    c->calendar = calendar_of(c->country);
    c->neutral_signature = defaults->neutral_signature;
    if (form->sensitive && form->signature != NULL)
        c->neutral_signature = form->signature;
    if (c->neutral_signature == NULL)
        c->neutral_signature = "";
    c->neutral_text = defaults->neutral_text;
    c->signature = form->sensitive           ? c->neutral_signature
                   : form->signature != NULL ? form->signature
                                             : defaults->signature;
    if (c->signature == NULL)
        c->signature = "";
    c->rate = form->rate;
    c->fallback_after_ms = form->fallback_after_ms;
    c->per_recipient = form->per_recipient.items;
    c->max_segments = form->max_segments != 0 ? (int)form->max_segments : defaults->max_segments;
    c->max_audience = defaults->max_audience;
    c->sensitive = form->sensitive;
    c->extension = form->extension;
    c->channel_count = form->channels.count;
    for (i = 0; i < c->channel_count; i++)
        c->channels[i] = form->channels.items[i];
}

static int read_form(struct campaign *c, const struct campaign_defaults *defaults,
                     const struct text_columns *given, struct error *err)
{
    struct campaign_private *own = c->own;
    struct text_columns known = *given;
    struct hours *corrections = NULL;
    size_t r;

    if (form_read(c->document, &own->form, &own->arena, err) != 0)
        return -1;
    set_defaults(c, defaults);
    own->hours_text = own->form.hours != NULL ? own->form.hours : defaults->hours;
    if (own->hours_text == NULL)
        own->hours_text = "";
    if (read_event(c, defaults, err) != 0 ||
        read_hours(own->hours_text, tree_member(c->document, "hours"),
                   &own->hours[CAMPAIGN_MAX_REMINDERS], err) != 0)
        return -1;
    c->hours = own->hours[CAMPAIGN_MAX_REMINDERS];
    c->cancelled = own->form.event.cancelled;
    if (own->form.corrections.hours != NULL &&
        read_hours(own->form.corrections.hours, tree_get(c->document, "corrections.hours"),
                   &corrections, err) != 0)
        return -1;
    hours_free(corrections); /* builtin.c reads them anew */
    if (read_occurrences(c, err) != 0)
        return -1;
    for (r = 0; r < c->reminder_count; r++)
        if (read_reminder(c, r, err) != 0)
            return -1;
    if (reply_rules_read(c, &own->form, &own->replies, err) != 0)
        return -1;
    if (own->replies.registers || own->replies.asks || own->replies.optout)
        c->replies = &own->replies;
    if (known.names == NULL && own->form.audience.recipients != NULL)
        inline_columns(c, &known);
    else if (c->to_group)
        known = (struct text_columns){c->channels, NULL, c->channel_count, true};
    own->texts = texts_compile(c, &own->form, &known, defaults->language, defaults->optout_line,
                               &own->arena, err);
    return own->texts == NULL ? -1 : 0;
}

/* A file may hold the campaign in `campaign = { ... };`, JSON is it. */
static const struct tree *campaign_node(const struct tree *root)
{
    const struct tree *inner = tree_member(root, "campaign");

    return inner != NULL && root->count == 1 && inner->kind == TREE_OBJECT ? inner : root;
}

static const char *outer_name(const void *arg, size_t i)
{
    (void)arg;
    return i == 0 ? "campaign" : NULL;
}

/* `campain = { ... };` is told as that, not as a campaign that lacks everything. */
static int check_outer(const struct tree *root, struct error *err)
{
    const struct tree *only = root->count == 1 ? root->first : NULL;

    if (only == NULL || only->kind != TREE_OBJECT || strcmp(only->name, "campaign") == 0 ||
        field_nearest(only->name, outer_name, NULL) == NULL)
        return 0;
    return tree_error(err, only, "there is no such setting; did you mean \"%s\"?", "campaign");
}

static struct campaign *create(struct tree *document, const struct campaign *was,
                               const struct campaign_defaults *defaults,
                               const struct text_columns *known, struct error *err)
{
    struct campaign *c = xcalloc(1, sizeof *c);

    c->own = xcalloc(1, sizeof *c->own);
    c->own->root = document;
    c->own->was = was;
    c->column_until = c->column_version = c->column_unasked = -1;
    c->column_text = c->column_texts = -1;
    if (document->kind != TREE_OBJECT) {
        tree_error(err, document, "expected a campaign { ... }, found %s",
                   tree_kind_name(document->kind));
        goto fail;
    }
    c->document = campaign_node(document);
    if (check_outer(document, err) != 0)
        goto fail;
    if (read_form(c, defaults, known, err) != 0)
        goto fail;
    c->own->was = NULL;
    if (builtin_check(c, defaults, err) != 0)
        goto fail;
    return c;

fail:
    campaign_free(c);
    return NULL;
}

struct campaign *campaign_create(struct tree *document, const struct campaign_defaults *defaults,
                                 const char *const *known_columns, size_t known_count,
                                 struct error *err)
{
    return create(document, NULL, defaults,
                  &(struct text_columns){known_columns, NULL, known_count, true}, err);
}

struct campaign *campaign_create_after(struct tree *document, const struct campaign *was,
                                       const struct campaign_defaults *defaults, struct error *err)
{
    return create(document, was, defaults, &(struct text_columns){NULL, NULL, 0, true}, err);
}

/* file as written in a campaign file at path: next to it unless absolute. */
static char *beside(const char *path, const char *file)
{
    const char *slash = strrchr(path, '/');

    if (file[0] == '/' || slash == NULL)
        return xstrdup(file);
    return xasprintf("%.*s/%s", (int)(slash - path), path, file);
}

/* What is wrong with the audience's file is told where that is named; an error
 * that has its own place in the document (audience.columns) keeps it. */
static void prefix_place(const struct tree *file, struct error *err)
{
    char words[sizeof err->text];

    if (err == NULL || file->file == NULL ||
        strncmp(err->text, file->file, strlen(file->file)) == 0)
        return;
    memcpy(words, err->text, sizeof words);
    tree_error(err, file, "%s", words);
}

/* The columns of all lists together. */
struct union_columns {
    char **names, **written;
    size_t count;
};

static void add_column(struct union_columns *u, const char *name, const char *written)
{
    for (size_t i = 0; i < u->count; i++)
        if (strcmp(u->names[i], name) == 0)
            return;
    u->names = xreallocarray(u->names, u->count + 1, sizeof *u->names);
    u->written = xreallocarray(u->written, u->count + 1, sizeof *u->written);
    u->names[u->count] = xstrdup(name);
    u->written[u->count++] = xstrdup(written);
}

static int add_list(struct union_columns *u, const char *path, const struct tree *document,
                    const struct tree *file, struct error *err)
{
    char *list = beside(path, file->string), **names = NULL, **written = NULL;
    size_t count = 0, i;
    int rc = audience_columns(list, tree_get(document, "audience"), &names, &written, &count, err);

    if (rc != 0)
        prefix_place(file, err);
    for (i = 0; i < count; i++) {
        add_column(u, names[i], written[i]);
        free(names[i]);
        free(written[i]);
    }
    free(names);
    free(written);
    free(list);
    return rc;
}

/* A column that audience.columns names must be in one of several lists. */
static int check_mapped(void *arg, const char *name, const struct tree *value, struct error *err)
{
    const struct union_columns *u = arg;

    for (size_t i = 0; i < u->count; i++)
        if (strcmp(u->names[i], name) == 0)
            return 0;
    return tree_error(err, value, "none of the lists has this column");
}

static const struct tree *first_file(const struct tree *document)
{
    const struct tree *file = tree_get(document, "audience.file");

    return file != NULL && file->kind == TREE_LIST ? file->first : file;
}

static const struct tree *next_file(const struct tree *file)
{
    return file->parent != NULL && file->parent->kind == TREE_LIST ? file->next : NULL;
}

bool campaign_wants_register(const struct tree *root)
{
    static const char *const members[] = {"tags", "any", "without", "everyone"};
    const struct tree *audience = tree_get(campaign_node(root), "audience");

    for (size_t i = 0; audience != NULL && i < sizeof members / sizeof *members; i++)
        if (tree_member(audience, members[i]) != NULL)
            return true;
    return false;
}

static int check_lists(struct campaign *c, const char *path, struct error *err)
{
    const struct tree *file = first_file(c->document);
    int rc = 0;

    for (; file != NULL && rc == 0; file = next_file(file)) {
        char *list = beside(path, file->string);

        rc = audience_check_file(c, list, err);
        if (rc != 0)
            prefix_place(file, err);
        else if (c->audience_path == NULL)
            c->audience_path = arena_strndup(&c->own->arena, list, strlen(list));
        free(list);
    }
    return rc;
}

struct campaign *campaign_read_document(struct tree *root, const char *path,
                                        const struct campaign_defaults *defaults,
                                        const char *const *more, size_t more_count,
                                        struct error *err)
{
    const struct tree *document = campaign_node(root), *file, *mapping;
    struct union_columns u = {0};
    struct text_columns known = {.complete = true};
    struct campaign *c = NULL;
    bool whole = more != NULL || !campaign_wants_register(root);
    int rc = 0;

    for (file = first_file(document); file != NULL && rc == 0; file = next_file(file)) {
        if (file->kind != TREE_STRING) { /* it is told what belongs there */
            whole = false;
            break;
        }
        rc = add_list(&u, path, document, file, err);
    }
    for (size_t i = 0; i < more_count; i++)
        add_column(&u, more[i], column_words(more[i]));
    mapping = tree_get(document, "audience.columns");
    if (rc == 0 && whole && u.count > 0 && mapping != NULL)
        rc = tree_pairs(mapping, check_mapped, &u, err);
    if (whole && u.count > 0)
        known = (struct text_columns){(const char *const *)u.names, (const char *const *)u.written,
                                      u.count, true};
    if (rc != 0)
        tree_free(root);
    else
        c = create(root, NULL, defaults, &known, err);
    if (c != NULL && check_lists(c, path, err) != 0) {
        campaign_free(c);
        c = NULL;
    }
    for (size_t i = 0; i < u.count; i++) {
        free(u.names[i]);
        free(u.written[i]);
    }
    free(u.names);
    free(u.written);
    return c;
}

struct campaign *campaign_read(const char *path, const struct campaign_defaults *defaults,
                               struct error *err)
{
    struct tree *root = tree_read_config(path, err);

    return root == NULL ? NULL : campaign_read_document(root, path, defaults, NULL, 0, err);
}

void campaign_free(struct campaign *c)
{
    size_t i;

    if (c == NULL)
        return;
    texts_free(c->own->texts);
    for (i = 0; i <= CAMPAIGN_MAX_REMINDERS; i++)
        hours_free(c->own->hours[i]);
    tree_free(c->own->root);
    arena_free(&c->own->arena);
    free(c->own);
    free(c);
}

/* ---------------------------------------------------------------------- writing */
/* A node's children copied one deep, but for the one named; for writing only. */
static size_t copy_children(const struct tree *from, const char *without, struct tree *out)
{
    const struct tree *one;
    size_t n = 0;

    for (one = from->first; one != NULL; one = one->next)
        if (strcmp(one->name, without) != 0)
            out[n++] = *one;
    return n;
}

static void link_children(struct tree *parent, struct tree *children, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        children[i].next = i + 1 < n ? &children[i + 1] : NULL;
    parent->first = n > 0 ? children : NULL;
    parent->count = n;
}

void campaign_write_json(const struct campaign *c, struct buf *out)
{
    struct tree top = *c->document, *members, *inner = NULL;
    struct tree columns = {.kind = TREE_LIST, .name = "columns"}, names[CAMPAIGN_MAX_COLUMNS];
    size_t n, i;

    members = xcalloc(c->document->count + 1, sizeof *members);
    n = copy_children(c->document, "columns", members);
    for (i = 0; i < n; i++)
        if (strcmp(members[i].name, "audience") == 0) {
            inner = xcalloc(members[i].count + 1, sizeof *inner);
            link_children(&members[i], inner, copy_children(&members[i], "recipients", inner));
        }
    for (i = 0; i < c->column_count; i++)
        names[i] = (struct tree){.kind = TREE_STRING, .string = c->columns[i]};
    link_children(&columns, names, c->column_count);
    members[n++] = columns;
    link_children(&top, members, n);
    top.name = NULL;
    top.next = NULL;
    top.parent = NULL;
    tree_write_json(&top, out);
    free(inner);
    free(members);
}

/* --------------------------------------------------------------------- look-ups */
int campaign_column(const struct campaign *c, const char *name)
{
    size_t i;

    for (i = 0; i < c->column_count; i++)
        if (strcmp(c->columns[i], name) == 0)
            return (int)i;
    return -1;
}

int campaign_find_reminder(const struct campaign *c, const char *name)
{
    size_t i;

    for (i = 0; i < c->reminder_count; i++)
        if (strcmp(c->reminders[i].name, name) == 0)
            return (int)i;
    return -1;
}

int64_t campaign_due(const struct campaign *c, size_t r, int64_t queued_ms)
{
    const struct moment *at = &c->reminders[r].at;

    return at->of_slot ? queued_ms
                       : moment_resolve(at, c->zone, c->reminders[r].starts_ms, queued_ms);
}

static bool has_one_time(const struct campaign *c, size_t r)
{
    return !c->reminders[r].at.of_slot && c->reminders[r].at.kind != MOMENT_NOW;
}

bool campaign_missed(const struct campaign *c, size_t r, int64_t now_ms)
{
    int64_t due_ms, other_ms;
    size_t k;

    if (c->missed == MISSED_ALL || !has_one_time(c, r))
        return false;
    due_ms = campaign_due(c, r, 0);
    if (now_ms - due_ms <= CAMPAIGN_MISSED_MS)
        return false;
    if (c->missed == MISSED_NONE)
        return true;
    for (k = 0; k < c->reminder_count; k++) {
        if (k == r || !has_one_time(c, k) || c->reminders[k].starts_ms != c->reminders[r].starts_ms)
            continue;
        other_ms = campaign_due(c, k, 0);
        if (other_ms > due_ms && other_ms <= now_ms && now_ms < c->reminders[k].expires_ms)
            return true;
    }
    return false;
}

int campaign_unannounced(const struct campaign *c, int64_t queued_ms)
{
    struct local_time from, to;
    int year, first = 0;
    size_t r;

    for (r = 0; r < c->reminder_count; r++) {
        zone_local(c->zone, campaign_due(c, r, queued_ms), &from);
        zone_local(c->zone, c->reminders[r].expires_ms, &to);
        for (year = from.year; c->reminders[r].workdays && year <= to.year; year++)
            if (!calendar_announced(c->calendar, year) && (first == 0 || year < first))
                first = year;
    }
    return first;
}

int campaign_slot_due(const struct campaign *c, size_t r, const char *slot, size_t n,
                      int64_t *due_ms, int64_t *slot_ms)
{
    if (zone_parse(c->zone, slot, n, slot_ms) != 0)
        return -1;
    *due_ms = moment_resolve(&c->reminders[r].at, c->zone, *slot_ms, *slot_ms);
    return 0;
}

int campaign_row_split(const struct campaign *c, const char *bytes, size_t n,
                       struct template_value *values)
{
    const char *end;
    size_t i = 0;

    if (n == 0)
        bytes = ""; /* the row of a group: an empty buffer may have no address */
    end = bytes + n;
    for (;;) {
        const char *stop = memchr(bytes, ROW_SEPARATOR, (size_t)(end - bytes));

        if (i == c->column_count)
            return -1;
        if (stop == NULL)
            stop = end;
        values[i++] = (struct template_value){bytes, (size_t)(stop - bytes)};
        if (stop == end)
            break;
        bytes = stop + 1;
    }
    for (; i < c->column_count; i++)
        values[i] = (struct template_value){end, 0};
    for (size_t k = 0; c->column_texts >= 0 && k + 1 < c->channel_count; k++)
        if (values[(size_t)c->column_texts + k].length == 0)
            values[(size_t)c->column_texts + k] = values[c->column_text];
    return 0;
}
