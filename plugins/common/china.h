/*
 * china.h - numbers and times as mainland providers write them
 *
 * A mainland number has eleven digits and begins with 1; providers write it bare, or with
 * 86, +86 or 0086 before it. Any other number is its country code and number. Times carry
 * no zone: they are UTC+8, which has had no summer time since 1991.
 */
#ifndef PLUGIN_CHINA_H
#define PLUGIN_CHINA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHINA_NUMBER_BYTES 24
#define CHINA_DATE_BYTES 12

/* The one way of writing a number: eleven digits for a mainland one, else the country code
 * and what follows, digits only. Returns false, with out "", for what is no number. */
bool china_number(const char *number, char out[CHINA_NUMBER_BYTES]);

/* "2027-03-06 09:00:00" as wall clock milliseconds; 0 for what is no time. */
int64_t china_time_ms(const char *text);

/* The day there, "20270306". */
void china_date(int64_t wall_ms, char out[CHINA_DATE_BYTES]);

#endif
