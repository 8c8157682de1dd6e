/*
 * room.h - is there room in Redis for something new?
 *
 * At 80 % of maxmemory (store/health.h) neither campaigns nor people nor amendments are taken, so
 * that what is under way can still be recorded. What stops something, a cancel, a pause or a
 * refusal, does not ask.
 */
#ifndef OUTREACH_ROOM_H
#define OUTREACH_ROOM_H

#include "cli.h"

/* 0, or the exit code that was told. Who may not ask is not held up: Redis says so itself. */
int room_check(struct cli *cli);

#endif
