/*
 * when.h - dates and times as residents read them
 *
 *     zh   3月6日（周六）    上午9:00, 中午12:30, 下午2:00, 晚上7:30
 *     en   Sat 6 Mar        9:00, 14:00
 *
 * Any other language gets digits that nobody can read wrong: 2027-03-06, 09:00.
 * Nothing is allocated: slots are written for every notice.
 */
#ifndef OUTREACH_WHEN_H
#define OUTREACH_WHEN_H

#include <stddef.h>

struct local_time;

enum when_part { WHEN_DATE, WHEN_TIME, WHEN_WEEKDAY };

#define WHEN_BYTES 40 /* room for any of them */

/* Writes the part in that language (a code: "zh", "zh-TW", "en") to out, NUL-
 * terminated. Returns the length. */
size_t when_write(enum when_part part, const char *language, const struct local_time *at,
                  char out[WHEN_BYTES]);

#endif
