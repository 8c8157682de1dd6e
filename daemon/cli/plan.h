/*
 * plan.h - what is to come: events and their reminders, in the order of time
 *
 * Gathered from campaign files and from what is queued, for `outreach plan`. Of a
 * campaign that is both, what is queued counts.
 */
#ifndef OUTREACH_PLAN_H
#define OUTREACH_PLAN_H

#include "cli.h"

#include <stddef.h>
#include <stdint.h>

struct zone;

struct plan_entry {
    int64_t at_ms, ends_ms;  /* wall clock; ends_ms: 0 for none */
    const struct zone *zone; /* of the event */
    char *campaign, *title;
    char *reminder; /* NULL: the event itself */
    char *file;     /* NULL: it is queued */
    char *venue;    /* NULL: none */
    bool own_times; /* each person has her own: at_ms is for who comes when it begins */
    int64_t people; /* rows of its list; -1: not known */
    char state[12]; /* of the reminder: "scheduled", "done", "cancelled", ...; "file" while it is
                       not queued */
    char day[12];   /* of the occurrence, "20270306": "" unless the event repeats */
};

struct plan {
    struct plan_entry *entries;
    size_t count;
    size_t later;        /* dropped by plan_arrange(), of years to come, */
    int next_year;       /* and the first of these; 0: none */
    unsigned broken;     /* files that could not be read, each told on stderr */
    struct plan *queued; /* with plan_add_queued(): a file whose campaign is in it is taken from
                            there. Borrowed; NULL: what is queued is not known */
};

/* Adds a campaign file, or those of a directory (*.conf, *.json). -1 with err if there is no such
 * path; a file that is no campaign is told, counted and left out. */
int plan_add_path(struct plan *p, struct cli *cli, const char *path, struct error *err);

/* Adds what is queued, taken or not, but for tests; wants a connection. */
int plan_add_queued(struct plan *p, struct cli *cli, struct error *err);

/* Drops entries that do not belong to that year of their zones (0: none), and sorts. */
void plan_arrange(struct plan *p, int year);

void plan_free(struct plan *p);

#endif
