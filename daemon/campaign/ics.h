/*
 * ics.h - calendars as other programs exchange them (RFC 5545, .ics)
 *
 * Written, a calendar is a feed that Outlook, Google Calendar, WPS or a phone
 * subscribes to or imports: times are in UTC, so it needs no zones. libical folds
 * lines and escapes texts.
 *
 * Read, the events of somebody's calendar come as what a campaign says of an event.
 * The bytes are a stranger's: only the lines of an event that are wanted go to
 * libical, an event at a time. A zone is known by its name (of the tz database, of
 * Windows, or what X-LIC-LOCATION says of it); definitions of zones are not followed.
 */
#ifndef OUTREACH_ICS_H
#define OUTREACH_ICS_H

#include "zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct error;

struct ics_entry {
    const char *uid; /* the same each time, so that an entry is changed and not doubled */
    int64_t starts_ms, ends_ms; /* wall clock; ends_ms: 0 for a moment */
    const char *summary;
    const char *location, *description, *category; /* NULL for none */
    bool cancelled;
};

/* A calendar of that name: its head, then each entry, then its end. stamp_ms is when the
 * entries were written down. */
void ics_begin(struct buf *out, const char *name);
void ics_add(struct buf *out, const struct ics_entry *e, int64_t stamp_ms);
void ics_end(struct buf *out);

/* ---------------------------------------------------------------------- reading */
#define ICS_MAX_BYTES (8u << 20)
#define ICS_MAX_EVENTS 5000
#define ICS_MAX_EXCEPT 366

struct ics_event {
    char *uid, *summary;  /* in one line, maybe "" */
    char *location, *url; /* NULL for none */
    char *repeat;         /* an RRULE; NULL: once */
    char *unknown_zone;   /* a TZID that nobody knows: the usual zone was taken; NULL for none */
    const struct zone *zone;
    struct local_time starts, ends; /* in zone; without an end, ends.year is 0; of a whole day until
                                       23:59 of its last */
    struct local_time replaces;     /* the occurrence that it is in place of; year 0: none */
    struct local_time except[ICS_MAX_EXCEPT];
    size_t except_count;
    bool all_day, cancelled;
    bool more_dates; /* RDATE: other days besides, which are left out */
};

/* Reads the events of a calendar in UTF-8, in the order of the file; usual is the zone of times
 * without one. Occurrences that an event replaces are exceptions of the repeated one. Events
 * without a start are left out. Returns an array for ics_free(), *count may be 0; or NULL with
 * err: no calendar, or more than is read. */
struct ics_event *ics_read(const char *bytes, size_t n, const struct zone *usual, size_t *count,
                           struct error *err);
void ics_free(struct ics_event *events, size_t count); /* NULL is fine */

#endif
