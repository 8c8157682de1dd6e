/*
 * consent.h - that a resident agreed to be told, when and by what: a column of the register
 *
 * `outreach residents import --consent SOURCE` writes down the day and the source ("2026-03-06
 * 社区登记表") with everybody of that file; a list may have a column of that name itself. It goes
 * where her row goes: into exports, and away with her.
 */
#ifndef OUTREACH_CONSENT_H
#define OUTREACH_CONSENT_H

#include "cli.h"

#define CONSENT_COLUMN "consent"
#define CONSENT_SOURCE_BYTES 200
#define CONSENT_BYTES (11 + CONSENT_SOURCE_BYTES + 1)

/* "DAY SOURCE", the day in the configured zone. -1 with err: the source is empty, too long or of
 * several lines. */
int consent_write(const struct cli *cli, const char *source, char out[CONSENT_BYTES],
                  struct error *err);

/* What the register has of the people of one address: fn runs for each who has agreed, name and
 * words without NUL. -1 with err. */
typedef void consent_fn(void *arg, const char *name, size_t name_length, const char *words,
                        size_t n);
int consent_each(struct cli *cli, const char *address, consent_fn *fn, void *arg,
                 struct error *err);

#endif
