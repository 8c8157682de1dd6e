/*
 * numbers_shown.h - who was shown people's whole numbers is on record
 *
 * A command that shows whole numbers of people whom it was not given by number itself, or all
 * that is known of one person, says so in the audit first: who, which command, of which campaign,
 * how many, and the file that they went to. Without that entry it shows nothing.
 */
#ifndef OUTREACH_NUMBERS_SHOWN_H
#define OUTREACH_NUMBERS_SHOWN_H

#include "cli.h"

/* campaign, to (a masked address) and file may be NULL. Of 0 numbers nothing is written. -1 with
 * err. */
struct numbers_shown {
    const char *command, *campaign, *to, *file;
    size_t count;
};
int numbers_shown(struct cli *cli, const struct numbers_shown *what, struct error *err);

#endif
