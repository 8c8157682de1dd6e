/*
 * forecast_year.h - what several campaigns come to, by campaign and by month
 */
#ifndef OUTREACH_FORECAST_YEAR_H
#define OUTREACH_FORECAST_YEAR_H

#include "cli.h"

/* Operands are files, directories, or "-": the JSON of `outreach plan` on standard input, of
 * which the reminders that it lists are forecast. year: of their due times; 0: any. Returns an
 * exit code; what cannot be read is told, left out, and EX_DATAERR in the end. */
int forecast_year(struct cli *cli, int year, char **operands, int count);

#endif
