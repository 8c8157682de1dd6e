/*
 * ics.h - calendars as other programs exchange them (RFC 5545, .ics)
 *
 * Written, a calendar is a feed that Outlook, Google Calendar, WPS or a phone
 * subscribes to or imports: times are in UTC, so it needs no zones. libical folds
 * lines and escapes texts.
 */
#ifndef OUTREACH_ICS_H
#define OUTREACH_ICS_H

#include <stdbool.h>
#include <stdint.h>

struct buf;

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

#endif
