/*
 * codes_seen.h - the gateway's code of what failed for a reason of the gateway's own
 *
 * A ledger has room for our reasons, not for gateways' codes: those stand in the delivery log. It
 * is read through (with the file that was rotated last) when the first code is asked for, so
 * that whoever asks for none pays nothing. What it does not know of stays "see its code"; so does
 * what is older than the last CODES_SEEN_MOST lines with such a code (40 MB of memory).
 */
#ifndef OUTREACH_CODES_SEEN_H
#define OUTREACH_CODES_SEEN_H

#include "cli.h"
#include "ledger.h"

#define CODES_SEEN_MOST 200000

struct codes_seen; /* opaque */

/* Those of a campaign; NULL: of all. campaign is borrowed. Never NULL. */
struct codes_seen *codes_seen_create(struct cli *cli, const char *campaign);
void codes_seen_free(struct codes_seen *s); /* NULL is fine */

/* words_reason(), and for one of the gateway's own its code, with what that means; good until the
 * next call. */
const char *codes_seen_reason(struct codes_seen *s, const char *campaign, const char *reminder,
                              int64_t n, enum notice_reason reason);

/* A notice is in that state: what the log says of one that was tried again, and is delivered now,
 * is nobody's reason any more. */
void codes_seen_stands(struct codes_seen *s, const char *campaign, const char *reminder, int64_t n,
                       enum notice_state state, enum notice_reason reason);

/* words_reason(), and for one of the gateway's own the codes of those of which was said that they
 * stand: in that state of a reminder; reminder NULL: in any, of the whole campaign. The most
 * frequent first; good until the next call. */
const char *codes_seen_reasons(struct codes_seen *s, const char *campaign, const char *reminder,
                               enum notice_state state, enum notice_reason reason);

#endif
