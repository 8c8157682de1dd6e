#include "unreached.h"

#include "amend.h"
#include "builtin.h"
#include "campaign.h"
#include "clock.h"
#include "correction.h"
#include "human.h"
#include "keys.h"
#include "mem.h"
#include "picture.h"
#include "template.h"
#include "tree.h"
#include "walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECEIPT_MS 3600000 /* a receipt that has not come for so long is not waited for */
#define PIECE 4096         /* entries read at once */
#define TEXT_BYTES 4096

enum fate { FATE_NONE, FATE_COMING, FATE_FAILED, FATE_REACHED };

/* What became of one notice. */
struct outcome {
    unsigned char fate, state, reason;
};

/* What is known of everybody in one campaign. */
struct standing {
    unsigned char told;      /* the newest version that went out to her, or may have; 0: none */
    unsigned char reached;   /* that has reached her */
    unsigned char in_person; /* that a person told her */
    struct outcome planned;  /* the last reminder that failed to */
    short reminder;          /* which one that is */
    struct outcome correction;
};

/* One campaign at hand. */
struct look {
    struct cli *cli;
    struct unreached *all;
    const char *id;
    struct picture *picture;
    struct campaign *now;
    bool changed[AMEND_VERSIONS + 1];                   /* the event of that version was another */
    struct correction *corrections[AMEND_VERSIONS + 1]; /* from it to now; may be NULL */
    struct standing *standings;                         /* by number; [0] is nobody's */
    int64_t rows, now_ms;
    struct outcome *outcomes; /* of the corrections, by their number */
    int64_t outcome_count;
    int group, name; /* columns, or -1 */
    int reminder;    /* at hand; -1: its day fell out, and nobody need be told of it */
};

/* ------------------------------------------------------------------- what became of it */

static struct outcome outcome_of(const struct look *l, const struct walk_notice *w)
{
    const struct record *r = &w->record;
    struct outcome o = {FATE_FAILED, (unsigned char)r->state, (unsigned char)r->reason};

    switch (r->state) {
    case NOTICE_DELIVERED:
        o.fate = FATE_REACHED;
        break;
    case NOTICE_ACCEPTED: /* of a gateway without receipts no more can be known */
        o.reason = REASON_NO_RECEIPT;
        if (r->ids == 0)
            o.fate = FATE_REACHED;
        else if (l->now_ms - w->submitted_ms < RECEIPT_MS)
            o.fate = FATE_COMING;
        break;
    case NOTICE_UNTOUCHED:
    case NOTICE_PARKED:
    case NOTICE_SENDING:
        o.fate = FATE_COMING;
        break;
    case NOTICE_EXCLUDED: /* `only`: it was not for her */
        if (r->reason == REASON_FILTER)
            o.fate = FATE_NONE;
        break;
    default:
        break;
    }
    return o;
}

static void know(unsigned char *version, unsigned other)
{
    if (other > AMEND_VERSIONS) /* four bits hold no more */
        other = AMEND_VERSIONS;
    if (other > *version)
        *version = (unsigned char)other;
}

static int on_record(void *arg, const struct walk_notice *w, struct error *err)
{
    struct look *l = arg;
    struct outcome o = outcome_of(l, w);
    unsigned char bytes[LEDGER_RECORD_BYTES];
    struct told told = {.version = 0};
    struct standing *s;

    (void)err;
    if (w->n < 1 || w->n > l->rows)
        return 0;
    s = &l->standings[w->n];
    record_pack(&w->record, bytes);
    told_record(&told, bytes);
    know(&s->told, told.version);
    if (o.fate == FATE_REACHED)
        know(&s->reached, w->record.version > 0 ? w->record.version : 1);
    if (o.fate == FATE_FAILED && o.state != NOTICE_CANCELLED && l->reminder >= 0) {
        s->planned = o;
        s->reminder = (short)l->reminder;
    }
    return 0;
}

static int on_correction(void *arg, const struct walk_notice *w, struct error *err)
{
    struct look *l = arg;

    (void)err;
    if (w->n >= 1 && w->n <= l->outcome_count)
        l->outcomes[w->n] = outcome_of(l, w);
    return 0;
}

static void take_entry(struct look *l, int64_t n, const unsigned char *bytes)
{
    struct standing *s = &l->standings[n];
    struct told told = {.version = s->told};

    told_entry(&told, bytes);
    if (told.correction == 0)
        return;
    know(&s->told, told.version);
    if (told.correction > l->outcome_count)
        return;
    s->correction = l->outcomes[told.correction];
    if (s->correction.fate == FATE_REACHED)
        know(&s->reached, told.corrected_to);
}

/* Who has which correction, and what became of that. */
static int read_corrections(struct look *l, struct error *err)
{
    const struct reminder_status *r = picture_reminder(l->picture, BUILTIN_CORRECTIONS);
    struct command c = COMMAND_INIT;
    int rc;

    if (r == NULL)
        return 0;
    l->outcome_count = r->last;
    l->outcomes = xcalloc((size_t)r->last + 1, sizeof *l->outcomes);
    rc = walk_reminder(l->cli, l->picture, r, NULL, on_correction, l, err);
    for (int64_t from = 1; from <= l->rows && rc == 0; from += PIECE) {
        redisReply *reply;

        command_start(&c, "GETRANGE");
        key_corrected(&c, l->id);
        command_add_int(&c, from * TOLD_BYTES);
        command_add_int(&c, (from + PIECE) * TOLD_BYTES - 1);
        rc = db_ask(l->cli->db, &c, &reply, err);
        if (rc != 0)
            break;
        for (size_t i = 0; reply->type == REDIS_REPLY_STRING &&
                           (i + 1) * TOLD_BYTES <= reply->len && from + (int64_t)i <= l->rows;
             i++)
            take_entry(l, from + (int64_t)i, (const unsigned char *)reply->str + i * TOLD_BYTES);
        freeReplyObject(reply);
    }
    command_free(&c);
    return rc;
}

unsigned unreached_called_version(const char *value, size_t n)
{
    static const char name[] = "\nversion ";
    const char *at = memmem(value, n, name, sizeof name - 1);
    unsigned long version = at != NULL ? strtoul(at + sizeof name - 1, NULL, 10) : 1;

    return version >= 1 && version <= AMEND_VERSIONS ? (unsigned)version : 1;
}

static int read_called(struct look *l, struct error *err)
{
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc;

    command_start(&c, "HGETALL");
    key_called(&c, l->id);
    rc = db_ask(l->cli->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const redisReply *value = reply->element[i + 1];
        int64_t n = strtoll(reply->element[i]->str, NULL, 10);

        if (n >= 1 && n <= l->rows)
            know(&l->standings[n].in_person, unreached_called_version(value->str, value->len));
    }
    freeReplyObject(reply);
    return 0;
}

/* Of an event that repeats: a reminder of its next day, for what is told of it to name that one and
 * not the first; else NULL. */
static const char *next_day(const struct look *l)
{
    const struct campaign *c = l->now;

    for (size_t r = 0; r < c->reminder_count && correction_repeats(c); r++)
        if ((c->reminders[r].ends_ms != 0 ? c->reminders[r].ends_ms : c->reminders[r].starts_ms) >
            l->now_ms)
            return c->reminders[r].name;
    return NULL;
}

/* Of which versions the event was another. One that is lost counts as such: rather told twice. */
static int read_versions(struct look *l, struct error *err)
{
    const struct campaign_defaults *defaults = &l->cli->settings->defaults;
    unsigned last = l->picture->status->version;
    struct command c = COMMAND_INIT;
    redisReply *reply;
    int rc;

    command_start(&c, "HGETALL");
    key_versions(&c, l->id);
    rc = db_ask(l->cli->db, &c, &reply, err);
    command_free(&c);
    if (rc != 0)
        return -1;
    for (unsigned v = 1; v < last && v <= AMEND_VERSIONS; v++) {
        const redisReply *document;
        struct campaign *was = NULL;
        struct tree *tree = NULL;
        struct error lost;
        char name[12];

        snprintf(name, sizeof name, "%u", v);
        document = db_field(reply, name);
        if (document != NULL && document->type == REDIS_REPLY_STRING)
            tree = tree_parse_json(document->str, document->len, NULL, &lost);
        if (tree != NULL)
            was = campaign_create(tree, defaults, NULL, 0, &lost);
        /* Of occurrences it is not known here which she was told of. */
        l->changed[v] =
            was == NULL || (correction_repeats(l->now) ? was->cancelled != l->now->cancelled
                                                       : correction_needed(was, l->now));
        if (was != NULL && l->changed[v])
            l->corrections[v] = correction_create(was, next_day(l), l->now, defaults, &lost);
        campaign_free(was);
    }
    freeReplyObject(reply);
    return 0;
}

/* ---------------------------------------------------------------------------- the people */

static char *value_of(const struct walk_notice *w, int column)
{
    return column < 0 ? xstrdup("") : xstrndup(w->row[column].text, w->row[column].length);
}

static char *what_to_tell(const struct look *l, unsigned version, const struct walk_notice *w)
{
    const struct correction *c = l->corrections[version];
    char text[TEXT_BYTES];
    int length = c != NULL ? correction_write(c, w->row, -1, text, sizeof text) : -1;

    if (length >= 0)
        return xstrndup(text, (size_t)length);
    return xasprintf(l->now->cancelled
                         ? T("\"%s\" does not take place any more")
                         : T("\"%s\" is at another time or place now: see outreach show %s"),
                     l->picture->title, l->id);
}

/* What the reminder that did not reach her would have said, for a person to read to her; where
 * that has a hole, what and when. */
static char *what_did_not_come(const struct look *l, int reminder, const struct walk_notice *w)
{
    const struct campaign *c = l->now;
    const struct template_value *language =
        c->column_language >= 0 ? &w->row[c->column_language] : NULL;
    char text[TEXT_BYTES], when[HUMAN_BYTES];
    const char *empty;
    size_t k = 0;
    int length;

    while (k + 1 < c->channel_count && w->row[k].length == 0)
        k++;
    length = campaign_compose(c,
                              campaign_text(c, (size_t)reminder, c->channels[k],
                                            language != NULL ? language->text : "",
                                            language != NULL ? language->length : 0),
                              w->row, SIGNATURE_NONE, text, sizeof text, &empty);
    if (length >= 0)
        return xstrndup(text, (size_t)length);
    return xasprintf("%s, %s", l->picture->title,
                     human_time(when, c->zone, c->reminders[reminder].starts_ms, false));
}

/* What she takes it for: a correction that went out before the last one is the last word that she
 * has, also where its receipt is not looked at any more. */
static unsigned last_word(const struct look *l, const struct standing *s, unsigned sure)
{
    return s->told > sure && (sure == 0 || l->changed[s->told]) ? s->told : sure;
}

/* sure: the version that she knows for sure, or 0. */
static void list(struct look *l, const struct standing *s, unsigned sure,
                 const struct walk_notice *w)
{
    struct unreached *u = l->all;
    unsigned knows = last_word(l, s, sure);
    bool outdated = sure > 0 && l->changed[sure];
    const struct outcome *o = outdated ? &s->correction : &s->planned;
    struct unreached_person *one;
    int address = 0;

    if (l->now->sensitive) {
        u->sensitive++;
        return;
    }
    if (u->count == u->room) {
        u->room = u->room > 0 ? 2 * u->room : 256;
        u->people = xreallocarray(u->people, u->room, sizeof *u->people);
    }
    while (address + 1 < (int)l->now->channel_count && w->row[address].length == 0)
        address++;
    one = &u->people[u->count++];
    *one = (struct unreached_person){.community = value_of(w, l->group),
                                     .name = value_of(w, l->name),
                                     .to = value_of(w, address),
                                     .title = xstrdup(l->picture->title),
                                     .campaign = l->id,
                                     .n = w->n,
                                     .outdated = outdated,
                                     .in_person = s->in_person > 0 && s->in_person >= s->reached,
                                     .state = (enum notice_state)o->state,
                                     .reason = (enum notice_reason)o->reason};
    one->tell =
        l->changed[knows] ? what_to_tell(l, knows, w) : what_did_not_come(l, s->reminder, w);
}

static int on_row(void *arg, const struct walk_notice *w, struct error *err)
{
    struct look *l = arg;
    const struct standing *s = w->n >= 1 && w->n <= l->rows ? &l->standings[w->n] : NULL;
    unsigned sure, knows;

    (void)err;
    if (s == NULL || w->row == NULL)
        return 0;
    sure = s->reached > s->in_person ? s->reached : s->in_person;
    knows = sure > 0 ? sure : s->told;
    if (sure > 0 && !l->changed[sure]) { /* she knows what there is to know */
        l->all->told += s->reached == 0 || l->changed[s->reached];
        return 0;
    }
    if (sure == 0 && (s->planned.fate != FATE_FAILED || (l->now->cancelled && s->told == 0)))
        return 0;
    if (knows > 0 && l->changed[knows] &&
        (s->correction.fate == FATE_COMING || l->picture->status->correcting != 0))
        return 0;
    list(l, s, sure, w);
    return 0;
}

static int look_at_people(struct look *l, struct error *err)
{
    const struct campaign_status *s = l->picture->status;
    const struct reminder_status *any = NULL;

    for (size_t i = 0; i < s->reminder_count; i++) {
        const struct reminder_status *r = &s->reminders[i];

        if (builtin_is(r->name) || strcmp(r->state, "skipped") == 0)
            continue;
        any = r;
        l->reminder = campaign_find_reminder(l->now, r->name);
        if (walk_reminder(l->cli, l->picture, r, NULL, on_record, l, err) != 0)
            return -1;
    }
    if (any == NULL)
        return 0;
    if (read_corrections(l, err) != 0 || read_called(l, err) != 0 || read_versions(l, err) != 0)
        return -1;
    l->all->correcting += s->correcting != 0;
    return walk_reminder(l->cli, l->picture, any, l->now, on_row, l, err);
}

static int find_group(const struct unreached *u, const struct campaign *c)
{
    int at = -1;

    if (u->group != NULL)
        return campaign_column(c, u->group);
    for (size_t i = 0; campaign_communities[i] != NULL && at < 0; i++)
        at = campaign_column(c, campaign_communities[i]);
    return at;
}

int unreached_add(struct cli *cli, struct unreached *u, const char *id, struct error *err)
{
    struct look l = {.cli = cli, .all = u, .id = id, .now_ms = clock_wall_ms()};
    int rc = -1;

    l.picture = picture_read(cli, id, err);
    if (l.picture == NULL)
        return -1;
    if (l.picture->document == NULL) { /* it is being loaded */
        picture_free(l.picture);
        return 0;
    }
    l.now = walk_campaign(cli, l.picture, err);
    l.rows = l.picture->status->rows;
    for (size_t i = 0; i < l.picture->status->reminder_count; i++)
        if (!builtin_is(l.picture->status->reminders[i].name) &&
            l.picture->status->reminders[i].last > l.rows)
            l.rows = l.picture->status->reminders[i].last;
    l.standings = xcalloc((size_t)l.rows + 1, sizeof *l.standings);
    if (l.now != NULL) {
        l.group = find_group(u, l.now);
        u->grouped |= l.group >= 0;
        l.name = campaign_column(l.now, "name");
        rc = look_at_people(&l, err);
    }
    for (size_t v = 0; v <= AMEND_VERSIONS; v++)
        correction_free(l.corrections[v]);
    free(l.standings);
    free(l.outcomes);
    campaign_free(l.now);
    picture_free(l.picture);
    return rc;
}

bool unreached_is_same(const struct unreached_person *one, const struct unreached_person *next)
{
    return one->to[0] != '\0' && strcmp(one->to, next->to) == 0 &&
           (next->name[0] == '\0' || strcmp(one->name, next->name) == 0);
}

/* Whose name is not stored comes behind those with one, and is taken for the last of them. */
static int by_person(const void *x, const void *y)
{
    const struct unreached_person *a = x, *b = y;
    int order = strcmp(a->to, b->to);

    if (order == 0)
        order = (a->name[0] == '\0') - (b->name[0] == '\0');
    if (order == 0)
        order = strcmp(a->name, b->name);
    if (order == 0)
        order = strcmp(a->campaign, b->campaign);
    return order != 0 ? order : (a->n > b->n) - (a->n < b->n);
}

static int by_community(const void *x, const void *y)
{
    const struct unreached_person *a = x, *b = y;
    int order = strcmp(a->community, b->community);

    return order != 0 ? order : by_person(x, y);
}

static void share_community(struct unreached_person *from, struct unreached_person *to)
{
    if (from->community[0] == '\0' || to->community[0] != '\0' || strcmp(from->to, to->to) != 0)
        return;
    free(to->community);
    to->community = xstrdup(from->community);
}

int64_t unreached_sort(struct unreached *u)
{
    struct unreached_person *p = u->people;
    int64_t people = u->count > 0;

    if (u->count > 0)
        qsort(p, u->count, sizeof *p, by_person);
    for (size_t i = 1; i < u->count; i++) {
        people += !unreached_is_same(&p[i - 1], &p[i]);
        share_community(&p[i - 1], &p[i]);
    }
    for (size_t i = u->count; i-- > 1;)
        share_community(&p[i], &p[i - 1]);
    if (u->count > 0)
        qsort(p, u->count, sizeof *p, by_community);
    return people;
}

void unreached_free(struct unreached *u)
{
    for (size_t i = 0; i < u->count; i++) {
        free(u->people[i].community);
        free(u->people[i].name);
        free(u->people[i].to);
        free(u->people[i].tell);
        free(u->people[i].title);
    }
    free(u->people);
    u->people = NULL;
    u->count = u->room = 0;
}
