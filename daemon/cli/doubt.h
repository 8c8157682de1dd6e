/*
 * doubt.h - what people are told while nothing is sent because Redis forgot
 */
#ifndef OUTREACH_DOUBT_H
#define OUTREACH_DOUBT_H

#include "cli.h"

/* Appends a sentence with what to do; nothing where Redis is what it was, and nothing
 * where that cannot be asked. */
void doubt_write(struct cli *cli, struct buf *out);

#endif
