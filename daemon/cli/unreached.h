/*
 * unreached.h - whom of a campaign somebody has to tell in person
 *
 * Two kinds. Whom no reminder has reached, as far as receipts tell, and at least one has failed
 * to. And whom something has reached, or a person has told, but of an event that is another by
 * now, and no correction has: she would stand before a closed door. What is still on its way, and
 * what may yet get its receipt, is waited for. Who never heard of an event that does not take
 * place is told nothing.
 *
 * Nobody of a sensitive campaign is named.
 */
#ifndef OUTREACH_UNREACHED_H
#define OUTREACH_UNREACHED_H

#include "cli.h"
#include "ledger.h"

struct unreached_person {
    char *community, *name, *to; /* never NULL */
    char *tell;  /* what she is to be told: of a changed event, or the text that did not come */
    char *title; /* of the campaign; never NULL */
    const char *campaign;    /* as it was asked for */
    int64_t n;               /* her number in its list */
    bool outdated;           /* she knows of the event, for sure, as it was */
    bool in_person;          /* from a person, as the ticks say */
    enum notice_state state; /* of what did not reach her; UNTOUCHED where nothing was sent */
    enum notice_reason reason;
};

struct unreached {
    const char *group; /* column to go by; NULL: that of the community */
    struct unreached_person *people;
    size_t count, room;
    bool grouped;       /* a campaign has that column; who is in none has "" there */
    int64_t sensitive;  /* people in campaigns of which nobody is listed */
    int64_t told;       /* who is not listed for having been told by a person */
    int64_t correcting; /* campaigns whose corrections are still being written */
};

/* In the order of a list: community by community, with the rows of each person together. Where a
 * campaign has no community for her, that of another is hers. Returns how many people there are. */
int64_t unreached_sort(struct unreached *u);

/* Of two rows in that order: has the latter the same person? By her address; two names with one
 * are two people who share it. */
bool unreached_is_same(const struct unreached_person *one, const struct unreached_person *next);

/* Adds those of a campaign; id must outlive u. -1 with err. */
int unreached_add(struct cli *cli, struct unreached *u, const char *id, struct error *err);
void unreached_free(struct unreached *u);

/* Who has told her in person: "by NAME", "at MS", "version V" of what she was told, and the note,
 * a line each, in outreach:{id}:called. The version of a value, 1 where none stands there. */
unsigned unreached_called_version(const char *value, size_t n);

#endif
