#include "picture.h"

#include "keys.h"
#include "mem.h"
#include "reading.h"
#include "tree.h"
#include "trial.h"
#include "zone.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_NAMED 12

static const struct zone *zone_of(const struct cli *cli, const struct tree *document)
{
    const char *name = document ? tree_string(document, "event.timezone", NULL) : NULL;
    const struct zone *zone = name != NULL ? zone_find(name, NULL) : NULL;

    if (zone == NULL)
        zone = zone_find(cli->settings->defaults.timezone, NULL);
    return zone != NULL ? zone : zone_find("UTC", NULL);
}

const char *picture_title(const struct tree *document)
{
    const struct tree *title = document != NULL ? tree_get(document, "title") : NULL;

    if (title == NULL || title->kind != TREE_OBJECT)
        return document != NULL ? tree_string(document, "title", "") : "";
    if (tree_get(title, language_name()) != NULL)
        return tree_string(title, language_name(), "");
    return title->first != NULL ? tree_string(title, title->first->name, "") : "";
}

struct picture *picture_read(struct cli *cli, const char *id, struct error *err)
{
    struct campaign_status *status = campaign_status_read(cli->db, id, err);
    struct picture *p;

    if (status == NULL)
        return NULL;
    p = xcalloc(1, sizeof *p);
    p->status = status;
    if (status->document[0] != '\0')
        p->document = tree_parse_json(status->document, strlen(status->document), NULL, NULL);
    p->title = picture_title(p->document);
    p->zone = zone_of(cli, p->document);
    return p;
}

void picture_free(struct picture *p)
{
    if (p == NULL)
        return;
    campaign_status_free(p->status);
    tree_free(p->document);
    free(p);
}

bool picture_is_unknown(struct cli *cli, const char *id)
{
    struct command c = COMMAND_INIT;
    redisReply *reply = NULL;
    struct error unheard;
    bool unknown;

    if (strlen(id) >= CAMPAIGN_ID_BYTES)
        return true;
    command_start(&c, "EXISTS");
    key_campaign(&c, id);
    unknown = db_ask(cli->db, &c, &reply, &unheard) == 0 && db_int(reply, 1) == 0;
    if (reply != NULL)
        freeReplyObject(reply);
    command_free(&c);
    return unknown;
}

/* Who has named a file, or a title, is told the id. */
static int name_id(struct cli *cli, const char *said)
{
    struct error err;
    struct tree *file = access(said, R_OK) == 0 ? reading_document(said, &err) : NULL;
    const struct tree *document = file != NULL ? tree_get(file, "campaign") : NULL;
    const char *id =
        file != NULL ? tree_string(document != NULL ? document : file, "id", NULL) : NULL;
    char **ids = id == NULL ? campaign_ids(cli->db, &err) : NULL;
    int rc = 0;

    if (id != NULL)
        rc = cli_fail(cli, EX_DATAERR, T("%s is a file: the id of its campaign is %s"), said, id);
    for (size_t i = 0; ids != NULL && ids[i] != NULL; i++) {
        struct picture *p = rc == 0 && !trial_is(ids[i]) ? picture_read(cli, ids[i], &err) : NULL;

        if (p != NULL && strcmp(p->title, said) == 0)
            rc = cli_fail(cli, EX_DATAERR, T("%s is a title: the id of that campaign is %s"), said,
                          ids[i]);
        picture_free(p);
        free(ids[i]);
    }
    free(ids);
    tree_free(file);
    return rc;
}

/* What the store says is English; of the mistake that is made most, people hear in their own. */
int picture_fail(struct cli *cli, const char *id, const struct error *err)
{
    if (!db_well(cli->db))
        return cli_error(cli, EX_UNAVAILABLE, err);
    if (picture_is_unknown(cli, id)) {
        int rc = name_id(cli, id);

        return rc != 0 ? rc
                       : cli_fail(cli, EX_DATAERR,
                                  T("there is no campaign %s (outreach list shows those there "
                                    "are)"),
                                  id);
    }
    return cli_error(cli, EX_DATAERR, err);
}

struct picture *picture_ask(struct cli *cli, const char *id, int *code)
{
    struct error err;
    struct picture *p = picture_read(cli, id, &err);

    *code = p != NULL ? 0 : picture_fail(cli, id, &err);
    return p;
}

struct picture *picture_ask_taken(struct cli *cli, const char *id, int *code)
{
    struct picture *p = picture_ask(cli, id, code);

    if (p == NULL || strcmp(p->status->state, "loading") != 0)
        return p;
    picture_free(p);
    *code = cli_fail(cli, EX_TEMPFAIL,
                     T("%s is not taken by outreachd yet: try again when it is (outreach show %s)"),
                     id, id);
    return NULL;
}

const struct reminder_status *picture_reminder(const struct picture *p, const char *name)
{
    for (size_t i = 0; i < p->status->reminder_count; i++)
        if (strcmp(p->status->reminders[i].name, name) == 0)
            return &p->status->reminders[i];
    return NULL;
}

int picture_no_reminder(const struct cli *cli, const struct picture *p, const char *asked)
{
    struct buf all = BUF_INIT(65536);

    for (size_t i = 0; i < p->status->reminder_count && i < MOST_NAMED; i++)
        buf_printf(&all, "%s%s", i > 0 ? T(", ") : "",
                   words_reminder(p->status->reminders[i].name));
    if (p->status->reminder_count > MOST_NAMED) /* of an event that repeats */
        buf_puts(&all, "…");
    cli_fail(cli, EX_DATAERR, T("%s has no reminder %s: there are %s"), p->status->id, asked,
             buf_string(&all));
    buf_free(&all);
    return EX_DATAERR;
}

/* What its document says of it; NULL of a built-in one. */
static const struct tree *written(const struct picture *p, const struct reminder_status *r)
{
    const struct tree *one = p->document != NULL ? tree_get(p->document, "reminders") : NULL;
    size_t n = strlen(r->name);

    /* Of a repeated event a day stands behind the name that was written: "-20270306". */
    if (p->document != NULL && n > 9 && tree_string(p->document, "event.repeat", NULL) != NULL)
        n -= 9;
    one = one != NULL ? one->first : NULL;
    while (one != NULL && (strncmp(tree_string(one, "name", ""), r->name, n) != 0 ||
                           strlen(tree_string(one, "name", "")) != n))
        one = one->next;
    return one;
}

bool picture_holds_doubt(const struct picture *p, const struct reminder_status *r)
{
    const struct tree *one = written(p, r);

    return builtin_is(r->name)
               ? builtin_holds_doubt(r->name)
               : one != NULL && strcmp(tree_string(one, "doubt", "resend"), "hold") == 0;
}

bool picture_for_some(const struct picture *p, const struct reminder_status *r)
{
    const struct tree *one = written(p, r);

    return one != NULL && tree_string(one, "only", "")[0] != '\0';
}

bool picture_only_doubt(const struct reminder_status *r)
{
    return strcmp(r->state, "open") == 0 && !r->paused && !r->cancelled &&
           reminder_waiting(r) == 0 && r->counts[NOTICE_SENDING] == 0 &&
           r->counts[NOTICE_UNCERTAIN] > 0;
}

char *picture_authors(const struct campaign_status *s)
{
    struct buf out = BUF_INIT(1u << 20);

    for (const char *p = s->authors; *p != '\0'; p += strcspn(p, "\n") + 1)
        buf_printf(&out, "%s%.*s", p == s->authors ? "" : ", ", (int)strcspn(p, "\n"), p);
    buf_string(&out);
    return out.data;
}

void picture_write_awaiting(const struct picture *p, struct buf *out)
{
    const struct campaign_status *s = p->status;
    bool telling = strcmp(s->state, "cancelled") == 0;
    char *why = words_approval(telling ? s->telling : s->approval), *authors = picture_authors(s);

    if (telling)
        buf_puts(out,
                 T("who had a notice is not told yet that it is cancelled: the text for that\n"));
    buf_printf(out, T("waits for approval (%s) by somebody else than %s:\n  outreach approve %s\n"),
               why, authors, s->id);
    free(authors);
    free(why);
}

const char *picture_reminder_state(const struct reminder_status *r)
{
    bool done = strcmp(r->state, "done") == 0;

    if (r->cancelled && (!done || r->counts[NOTICE_CANCELLED] > 0)) /* else it was over before */
        return "cancelled";
    if (reminder_idle(r))
        return "idle";
    if (r->paused && !done)
        return "paused";
    return r->state;
}

int picture_notice_state(const struct cli *cli, const char *asked)
{
    const char *name = words_state_name(asked);
    struct buf all = BUF_INIT(4096);

    if (name != NULL)
        return notice_state_parse(name);
    for (size_t i = 0; words_notice_state(i) != NULL; i++)
        buf_printf(&all, "%s%s", i > 0 ? T(", ") : "", words_notice_state(i));
    cli_fail(cli, EX_USAGE, T("no notice can be %s: there are %s"), asked, buf_string(&all));
    buf_free(&all);
    return -1;
}
