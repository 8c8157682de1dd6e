/*
 * calendar.h - which days are worked
 *
 * A country's holidays and make-up days (a Saturday that is worked for a Friday that
 * is not) are announced year by year. Each year is a file, CN-2026.conf:
 *
 *     source = "国办发明电〔2025〕7号";
 *     off = ( "2026-01-01/2026-01-03", "2026-06-19" );
 *     worked = ( "2026-01-04" );
 *
 * Every other day is worked from Monday to Friday. So is a year without a file: it is
 * taken as it would be if nothing was announced, and whoever can tell a person does.
 *
 * Calendars live as long as the process and are shared; all calls belong on one thread.
 */
#ifndef OUTREACH_CALENDAR_H
#define OUTREACH_CALENDAR_H

#include <stdbool.h>

struct calendar;
struct error;
struct local_time;

/* Reads every file of that kind in dir, at the start and again when somebody asks for it;
 * what was read before is replaced. -1 with "FILE:LINE: ..." or the reason, and then all is
 * as before. No dir (NULL), or none there: no year is announced. */
int calendar_read_all(const char *dir, struct error *err);

/* The calendar of a country, "CN"; never NULL. */
const struct calendar *calendar_of(const char *country);

/* Is that day worked? weekday (0: Sunday) must be right. */
bool calendar_works(const struct calendar *c, const struct local_time *day);

/* Is there a file for that year? */
bool calendar_announced(const struct calendar *c, int year);

/* "2027-03-03", or "2027-03-03/2027-03-12", both included, as 20270303. -1 if text is
 * neither; that it ends before it begins is for the caller to see. */
int calendar_days_parse(const char *text, int *from, int *to);

#endif
