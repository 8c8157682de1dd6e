/*
 * judge.h - from a provider's answer to an outcome, by its table of codes
 *
 * What they say by a code counts, whatever the HTTP status. A code that the table does not
 * have is RETRY, and told once. Without a code the HTTP exchange decides: RETRY where no byte
 * left us (their outage: UNSENT would never open the circuit), TLS trouble BROKEN, 429
 * THROTTLED, 503 RETRY, other 5xx and a lost answer UNKNOWN, for the message may have gone on,
 * and so is a 2xx that says nothing; the rest is BROKEN.
 *
 * Their words go to the log: a line of at most JUDGE_WORDS bytes in which runs of seven and
 * more digits, which may be somebody's number, are masked.
 */
#ifndef PLUGIN_JUDGE_H
#define PLUGIN_JUDGE_H

#include "codes.h"

#define JUDGE_WORDS 160

struct judge; /* opaque */

/* table (n bytes) as codes.h says; NULL with a sentence if it is malformed. */
struct judge *judge_open(const struct gateway_host *host, struct gateway *gw, const char *table,
                         size_t n, char *error, size_t size);
void judge_free(struct judge *j); /* NULL is fine */

/* code and words: theirs, NUL-terminated, or NULL. What out points to is good until the
 * next call. */
void judge_code(struct judge *j, const char *code, const char *words, struct gateway_answer *out);
void judge_http(struct judge *j, const struct gateway_http_response *response,
                struct gateway_answer *out);

/* Fills state, reason, code and words of a receipt. delivered is what the provider says
 * besides; the table has the last word on the reason only. */
void judge_receipt(struct judge *j, bool delivered, const char *code, const char *words,
                   struct gateway_receipt *out);

#endif
