/*
 * mistakes.h - every mistake of a campaign file, not only the first
 *
 * Whoever writes a campaign mends its mistakes in one go. What can be found by itself is told: each
 * field, each text, each reminder. The file is read as `queue` reads it; what was wrong is then
 * taken out of it, or a text replaced, what is missing put in, and it is read again, until nothing
 * new is found. What only comes of something taken out is not told; nor is a time judged by a start
 * that stands for a wrong one.
 */
#ifndef OUTREACH_MISTAKES_H
#define OUTREACH_MISTAKES_H

#include "cli.h"

/* Tells them all by their lines, and how many there are where there are several; code and err are
 * what the first reading of the file came to. Returns code. */
int mistakes_tell(const struct cli *cli, const char *path, int code, const struct error *err);

/* The same of one of several files, for people alone: the answer goes on, in JSON too. */
void mistakes_tell_beside(const struct cli *cli, const char *path, const struct error *err);

#endif
