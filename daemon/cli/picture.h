/*
 * picture.h - a campaign as it stands, with what its document says for people
 */
#ifndef OUTREACH_PICTURE_H
#define OUTREACH_PICTURE_H

#include "campaigns.h"
#include "cli.h"

struct zone;

struct picture {
    struct campaign_status *status;
    struct tree *document;   /* parsed; NULL while it is loading */
    const char *title;       /* "" while it is loading */
    const struct zone *zone; /* of the event */
};

/* The title that a document has, in the person's language if there are several; "" for NULL. */
const char *picture_title(const struct tree *document);

/* Reads one; NULL with err when there is none of that id. */
struct picture *picture_read(struct cli *cli, const char *id, struct error *err);
void picture_free(struct picture *p); /* NULL is fine */

/* Tells why one could not be read, by its id: the exit code. */
int picture_fail(struct cli *cli, const char *id, const struct error *err);

/* Redis has said that there is no campaign of that id. */
bool picture_is_unknown(struct cli *cli, const char *id);

/* The same, telling what went wrong; *code is then the exit code. */
struct picture *picture_ask(struct cli *cli, const char *id, int *code);

/* The same of one whose notices are to be counted: none while no daemon has taken it. */
struct picture *picture_ask_taken(struct cli *cli, const char *id, int *code);

/* The reminder of that name, or NULL. */
const struct reminder_status *picture_reminder(const struct picture *p, const char *name);

/* Says that the campaign has no such reminder, and which it has. EX_DATAERR. */
int picture_no_reminder(const struct cli *cli, const struct picture *p, const char *asked);

/* Whether notices of it that are in doubt wait for a person: doubt = "hold". */
bool picture_holds_doubt(const struct picture *p, const struct reminder_status *r);

/* Whether it is for some of the list alone (`only`), who are known when its time comes. */
bool picture_for_some(const struct picture *p, const struct reminder_status *r);

/* Open, and only for notices in doubt. */
bool picture_only_doubt(const struct reminder_status *r);

/* Who wrote a part of what awaits: "ann, bob", for free(). */
char *picture_authors(const struct campaign_status *s);

/* "waits for approval (many recipients) by anybody but ann: outreach approve ID", a line or two. */
void picture_write_awaiting(const struct picture *p, struct buf *out);

/* "scheduled", "open", "paused", "cancelled", "done", ...: what a person calls
 * the state of a reminder. */
const char *picture_reminder_state(const struct reminder_status *r);

/* The state of a notice that a person asks for, by its name or its word; -1 after those there are
 * were told. */
int picture_notice_state(const struct cli *cli, const char *asked);

#endif
