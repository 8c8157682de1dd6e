/*
 * syntax.h - what is wrong where libconfig says "syntax error"
 *
 * People write campaigns in an editor, often with a Chinese keyboard: a
 * full-width quote, a forgotten quote, bracket or comma are what go wrong. libconfig
 * says the line and no more, so the text is looked through once again.
 */
#ifndef OUTREACH_SYNTAX_H
#define OUTREACH_SYNTAX_H

struct error;

/* Sets err to what is most likely wrong, given that libconfig could not read on
 * in that line (from 1) of the text. Always returns -1. */
int syntax_error(const char *text, int line, struct error *err);

#endif
