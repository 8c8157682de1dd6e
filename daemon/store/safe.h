/*
 * safe.h - residents whom a notice could put in danger
 *
 * Who shares a home with somebody who reads her phone may be marked, by a person and never by a
 * message. KEY_SAFE maps an address to how she may be told of anything, on every channel and
 * path; a pump reads it where it reads the refusals, after the intent and before the submit, so
 * that a mark holds for everything that has not left.
 *
 *     skip                nothing is sent by machine: somebody goes or calls
 *     neutral             a neutral text only (campaign/neutral.h)
 *     hours 09:00-11:00   only then, in the campaign's time zone, and in the allowed hours
 *
 * The set of refusals has a note, OPTOUT_MARKS, while anybody is marked: where it is there and
 * no mark is, they were lost, and nothing leaves before a person has said who is in danger.
 *
 * What follows a newline is for people: "by NAME", "at MS", and the note, a line each. A value
 * that is none of these counts as skip.
 */
#ifndef OUTREACH_SAFE_H
#define OUTREACH_SAFE_H

#include <stddef.h>

enum safe_mode { SAFE_SKIP, SAFE_NEUTRAL, SAFE_HOURS };

#define SAFE_HOURS_BYTES 100
#define SAFE_NOTE_BYTES 500

struct safe_mark {
    enum safe_mode mode;
    char hours[SAFE_HOURS_BYTES]; /* of SAFE_HOURS, as hours_parse() takes them; checked */
};

/* What a value of KEY_SAFE (n bytes) says. */
void safe_parse(const char *value, size_t n, struct safe_mark *out);

/* "skip", "neutral", "hours" */
const char *safe_mode_name(enum safe_mode mode);
int safe_mode_parse(const char *name); /* or -1 */

#endif
