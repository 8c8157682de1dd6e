/*
 * when.h - dates and times as residents read them
 *
 *     zh   3月6日（周六）    上午9:00, 中午12:30, 下午2:00, 晚上7:30
 *     en   Sat 6 Mar        9:00, 14:00
 *
 * and from when to when, of a day, of several, of whole days:
 *
 *     zh   3月6日（周六）上午9:00至下午3:30, 3月8日（周一）晚上7:00至3月9日（周二）凌晨1:00
 *     en   Sat 6 Mar 9:00-15:30,           Mon 8 Mar 19:00 - Tue 9 Mar 1:00
 *
 * Any other language gets digits that nobody can read wrong: 2027-03-06, 09:00.
 * Nothing is allocated: slots are written for every notice.
 */
#ifndef OUTREACH_WHEN_H
#define OUTREACH_WHEN_H

#include <stdbool.h>
#include <stddef.h>

struct local_time;

enum when_part { WHEN_DATE, WHEN_TIME, WHEN_WEEKDAY };

#define WHEN_BYTES 40 /* room for any of them */

/* Writes the part in that language (a code: "zh", "zh-TW", "en") to out, NUL-
 * terminated. Returns the length. */
size_t when_write(enum when_part part, const char *language, const struct local_time *at,
                  char out[WHEN_BYTES]);

enum when_span {
    WHEN_SPAN,  /* all of it; of whole days (from 0:00 until 23:59) the dates alone */
    WHEN_DATES, /* "3月8日（周一）至3月10日（周三）", or the one date */
    WHEN_TIMES, /* "上午9:00至11:00" */
};

#define WHEN_SPAN_BYTES 120

/* From a time to another, or from then on where to is NULL. As when_write(); 0 for the times of
 * whole days. */
size_t when_write_span(enum when_span span, const char *language, const struct local_time *from,
                       const struct local_time *to, char out[WHEN_SPAN_BYTES]);

#endif
