#include "campaign_names.h"

#include "campaign.h"
#include "campaign_text.h"
#include "column.h"
#include "error.h"
#include "form.h"
#include "mem.h"
#include "neutral.h"
#include "tree.h"
#include "utf8.h"
#include "zone.h"

#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------- {{event.date}} ... */
struct event_name {
    const char *name;
    enum { OF_START, OF_END, OF_SPAN, OF_TREE, OF_TITLE } source;
    int part;      /* enum when_part; OF_SPAN: enum when_span */
    size_t offset; /* OF_TREE: in struct form */
};

static const struct event_name event_names[] = {
    {"date", OF_START, WHEN_DATE, 0},
    {"time", OF_START, WHEN_TIME, 0},
    {"weekday", OF_START, WHEN_WEEKDAY, 0},
    {"end_date", OF_END, WHEN_DATE, 0},
    {"end_time", OF_END, WHEN_TIME, 0},
    {"end_weekday", OF_END, WHEN_WEEKDAY, 0},
    {"when", OF_SPAN, WHEN_SPAN, 0},
    {"dates", OF_SPAN, WHEN_DATES, 0},
    {"times", OF_SPAN, WHEN_TIMES, 0},
    {"title", OF_TITLE, WHEN_DATE, 0},
    {"venue", OF_TREE, WHEN_DATE, offsetof(struct form, event.venue)},
    {"address", OF_TREE, WHEN_DATE, offsetof(struct form, event.address)},
    {"url", OF_TREE, WHEN_DATE, offsetof(struct form, event.url)},
    {"contact", OF_TREE, WHEN_DATE, offsetof(struct form, event.contact)},
    {NULL, OF_START, WHEN_DATE, 0},
};

static const char *const slot_names[SLOT_PARTS] = {
    [WHEN_DATE] = "date",
    [WHEN_TIME] = "time",
    [WHEN_WEEKDAY] = "weekday",
};

static int constant(struct template_slot *out, const char *text)
{
    *out = (struct template_slot){.kind = TEMPLATE_CONSTANT,
                                  .text = text == NULL ? "" : text,
                                  .length = text == NULL ? 0 : strlen(text)};
    return 0;
}

/* c: whose event, for the text in hand. */
static int event_value(struct scope *s, const struct campaign *c, const struct event_name *e,
                       struct template_slot *out)
{
    const struct campaign_reminder *r = &c->reminders[c == s->c ? s->reminder : 0];
    const struct form *form = campaign_form(c);
    int64_t at_ms = e->source == OF_END ? r->ends_ms : r->starts_ms;
    struct local_time local, end;

    switch (e->source) {
    case OF_TITLE:
        return constant(out, form_localized(form->title, s->language, c->language));
    case OF_TREE:
        return constant(
            out, form_localized(*(const struct tree *const *)((const char *)form + e->offset),
                                s->language, c->language));
    case OF_START:
    case OF_END:
    case OF_SPAN:
        break;
    }
    if (at_ms == 0)
        return constant(out, NULL);
    zone_local(c->zone, at_ms, &local);
    zone_local(c->zone, r->ends_ms, &end);
    if (e->source == OF_SPAN)
        when_write_span((enum when_span)e->part, s->language, &local, r->ends_ms != 0 ? &end : NULL,
                        s->when);
    else
        when_write((enum when_part)e->part, s->language, &local, s->when);
    return constant(out, s->when);
}

static int resolve_event_of(struct scope *s, const struct campaign *c, const char *name,
                            struct template_slot *out, struct error *err)
{
    const struct event_name *e;

    for (e = event_names; e->name != NULL; e++)
        if (strcmp(e->name, name) == 0)
            return event_value(s, c, e, out);
    return error_set(err,
                     "of the event there are date, time, weekday, end_date, end_time, "
                     "end_weekday, when, dates, times, venue, address, url, contact and title");
}

static int resolve_event(struct scope *s, const char *name, struct template_slot *out,
                         struct error *err)
{
    return resolve_event_of(s, s->c, name, out, err);
}

/* What the event was when the person was told: known only when it is amended. Until then the
 * event as it is stands for it, so that its mistakes are found. */
static int resolve_was(struct scope *s, const char *name, struct template_slot *out,
                       struct error *err)
{
    const struct campaign *was = campaign_was(s->c);

    if (s->special == NULL && was == NULL)
        return error_set(err,
                         "only corrections (texts.moved, texts.cancelled) know what was before");
    if (resolve_event_of(s, was != NULL ? was : s->c, name, out, err) != 0)
        return -1;
    return out->length > 0 ? 0 : constant(out, "-");
}

static int resolve_slot(struct scope *s, const char *name, struct template_slot *out,
                        struct error *err)
{
    unsigned i;

    for (i = 0; i < SLOT_PARTS; i++)
        if (strcmp(slot_names[i], name) == 0) {
            s->uses_slot = true;
            *out =
                (struct template_slot){.kind = TEMPLATE_COLUMN, .column = CAMPAIGN_MAX_COLUMNS + i};
            return 0;
        }
    return error_set(err, "of a recipient's slot there are date, time and weekday");
}

static const struct {
    const char *prefix;
    int (*resolve)(struct scope *s, const char *name, struct template_slot *out, struct error *err);
} families[] = {{"event.", resolve_event}, {"slot.", resolve_slot}, {"was.", resolve_was}};

/* ------------------------------------------------------------------------ vars */
struct wanted {
    const char *name;
    const struct tree *value;
};

static int match_var(void *arg, const char *name, const struct tree *value, struct error *err)
{
    struct wanted *wanted = arg;

    (void)err;
    if (strcmp(name, wanted->name) == 0)
        wanted->value = value;
    return 0;
}

/* Numbers as they are written: 86, 12.5. */
static const char *number_text(struct scope *s, const struct tree *value)
{
    if (value->kind == TREE_INT)
        snprintf(s->when, sizeof s->when, "%lld", (long long)value->integer);
    else
        snprintf(s->when, sizeof s->when, "%g", value->number);
    return s->when;
}

static bool resolve_var(struct scope *s, const char *name, struct template_slot *out)
{
    struct wanted wanted = {name, NULL};

    if (s->form->vars == NULL)
        return false;
    tree_pairs(s->form->vars, match_var, &wanted, NULL);
    if (wanted.value == NULL)
        return false;
    if (wanted.value->kind == TREE_INT || wanted.value->kind == TREE_FLOAT)
        constant(out, number_text(s, wanted.value));
    else
        constant(out, form_localized(wanted.value, s->language, s->c->language));
    return true;
}

/* --------------------------------------------------------------------- columns */
bool names_known(const struct text_columns *known, const char *name)
{
    size_t i;

    for (i = 0; i < known->count; i++)
        if (strcmp(known->names[i], name) == 0)
            return true;
    return false;
}

static const char *known_at(const void *arg, size_t i)
{
    const struct text_columns *known = arg;

    return i < known->count ? known->names[i] : NULL;
}

static const char *written_at(const void *arg, size_t i)
{
    const struct text_columns *known = arg;

    return known->written != NULL && i < known->count ? known->written[i] : NULL;
}

/* People know the headings of their file, not what we call them. */
static int unknown_column(const struct text_columns *known, const char *name, struct error *err)
{
    const char *const *shown = known->written != NULL ? known->written : known->names;
    const char *nearest = field_nearest(name, written_at, known);
    char names[600] = "";
    size_t i, n = 0;

    if (nearest == NULL)
        nearest = field_nearest(name, known_at, known);

    for (i = 0; i < known->count && n < sizeof names - 70; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%.*s", i > 0 ? ", " : "",
                              (int)utf8_valid(shown[i], strnlen(shown[i], 64)), shown[i]);
    if (nearest != NULL)
        return error_set(err,
                         "the audience has no such column, nor is it in vars; did you mean "
                         "\"%s\"? The columns are %s",
                         nearest, names);
    return error_set(err, "the audience has no such column, nor is it in vars; the columns are %s",
                     names);
}

static int use(struct scope *s, const char *name, struct error *err)
{
    size_t i;

    if (strcmp(name, "name") == 0) {
        s->uses_name = true;
        return 0;
    }
    if (strcmp(name, "slot") == 0) {
        s->uses_slot = true;
        return 0;
    }
    if (strcmp(name, "language") == 0 || strcmp(name, "timezone") == 0)
        return error_set(err, "is not for texts");
    for (i = 0; i < s->c->channel_count; i++)
        if (strcmp(s->c->channels[i], name) == 0)
            return 0;
    for (i = 0; i < s->used_count; i++)
        if (strcmp(s->used[i], name) == 0)
            return 0;
    if (s->used_count == CAMPAIGN_MAX_COLUMNS)
        return error_set(err, "the texts use more than %d columns", CAMPAIGN_MAX_COLUMNS);
    s->used[s->used_count++] = arena_strndup(s->arena, name, strlen(name));
    return 0;
}

/* A heading of the list may be used as it stands there: {{姓名}} is {{name}}. */
static int resolve_column(struct scope *s, const char *name, struct template_slot *out,
                          struct error *err)
{
    const char *ours = column_known(name, strlen(name));
    int at = s->laid_out ? campaign_column(s->c, name) : -1;

    if (at >= 0) /* a second column of that kind keeps its own name */
        ours = NULL;
    if (ours != NULL && !(s->known->names != NULL && names_known(s->known, name)))
        name = ours;
    if (strchr(name, '.') != NULL || !column_name_valid(name, strlen(name)))
        return error_set(err, "there is no such value: expected a column, one of vars, event.…, "
                              "or slot.…");
    out->kind = TEMPLATE_COLUMN;
    if (s->laid_out) {
        at = campaign_column(s->c, name);
        if (at < 0)
            return error_set(err, "is not among the campaign's columns");
        out->column = (unsigned)at;
        return 0;
    }
    if (s->known->names != NULL && s->known->complete && !names_known(s->known, name))
        return unknown_column(s->known, name, err);
    return use(s, name, err);
}

int names_resolve(const char *bytes, size_t n, struct template_slot *out, void *arg,
                  struct error *err)
{
    struct scope *s = arg;
    char name[128];
    size_t i;

    if (n >= sizeof name)
        return error_set(err, "the name is too long");
    memcpy(name, bytes, n);
    name[n] = '\0';
    if (s->special != NULL && strcmp(s->special, NEUTRAL_TEXT) == 0 &&
        strcmp(name, "event.contact") != 0 && !resolve_var(s, name, out))
        return error_set(err, "a neutral text says nothing of the matter or the person: only "
                              "{{event.contact}} and the campaign's vars may stand in it");
    for (i = 0; i < sizeof families / sizeof families[0]; i++) {
        size_t prefix = strlen(families[i].prefix);

        if (strncmp(name, families[i].prefix, prefix) == 0)
            return families[i].resolve(s, name + prefix, out, err);
    }
    if (resolve_var(s, name, out))
        return 0;
    return resolve_column(s, name, out, err);
}
