/*
 * redact.h - a wire trace that may be shown around
 *
 * Takes out of bytes that went over the wire: the secrets of a gateway's configuration, as
 * they are written there and as URLs and JSON write them; the values of what is named like
 * one (password=, "access_token": "...", an Authorization header, a cookie), which the
 * provider gave us meanwhile; and the middle of the recipient's number, with or without
 * its country code. Control bytes become dots.
 */
#ifndef OUTREACH_REDACT_H
#define OUTREACH_REDACT_H

#include "buf.h"

struct redaction; /* opaque */
struct tree;

/* group: of the gateway; its "@file:" and "@env:" are read. address: the recipient's.
 * Never NULL. */
struct redaction *redaction_create(const struct tree *group, const char *address);
void redaction_free(struct redaction *r); /* NULL is fine; the secrets are wiped */

/* Appends n bytes, redacted. */
void redact(const struct redaction *r, const char *bytes, size_t n, struct buf *out);

#endif
