/*
 * uncalled_file.h - the list of whom to tell in person, as a file that comes back with ticks
 */
#ifndef OUTREACH_UNCALLED_FILE_H
#define OUTREACH_UNCALLED_FILE_H

#include "cli.h"

/* Columns: their names in both languages, since one may write and another read. The last one is
 * to be ticked. */
enum {
    COLUMN_CAMPAIGN,
    COLUMN_TITLE,
    COLUMN_COMMUNITY,
    COLUMN_N,
    COLUMN_NAME,
    COLUMN_TO,
    COLUMN_WHY,
    COLUMN_TELL,
    COLUMN_TICK,
    COLUMNS
};
extern const struct uncalled_column {
    const char *heading; /* N_() */
    unsigned width;
} uncalled_columns[COLUMNS];

/* Takes such a file back: who is ticked was told by a person (tick_mark.h). A row counts only if
 * its name and its address are still those of that number in the campaign's list; what is not
 * clear, or does not match, is told by row and left out, and the exit code is then 65. */
int uncalled_take_ticks(struct cli *cli, const char *path);

#endif
