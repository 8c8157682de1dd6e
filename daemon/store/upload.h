/*
 * upload.h - the rows of an audience into Redis
 *
 * Rows are sent in batches by the add script, which numbers them from 1; several
 * batches are under way at once. An upload has a token: another one that begins
 * for the same campaign takes its place, and this one then fails. The rows count
 * only when the campaign is queued with the same token.
 */
#ifndef OUTREACH_UPLOAD_H
#define OUTREACH_UPLOAD_H

#include "db.h"

struct upload; /* opaque */

/* Begins one; the token (random, 32 hex digits) is upload_token(). db must outlive it. */
struct upload *upload_begin(struct db *db, const char *campaign_id);
const char *upload_token(const struct upload *u);

/* Adds one row (copied). -1 when an earlier batch was refused. Never waits: a
 * program keeps memory bounded with upload_throttle(). */
int upload_row(struct upload *u, const char *row, size_t n, struct error *err);

/* Runs the loop until at most a few batches are unanswered. For programs. */
int upload_throttle(struct upload *u, struct error *err);

/* Sends what is left; fn runs once when all is stored (err NULL) or was refused. */
typedef void upload_done_fn(void *arg, int64_t rows, const char *trouble);
void upload_end(struct upload *u, upload_done_fn *fn, void *arg);
/* The rows came to no good end: what is left is not sent. fn runs once with that trouble, when
 * nothing is outstanding: perhaps at once. */
void upload_abandon(struct upload *u, const char *trouble, upload_done_fn *fn, void *arg);

/* After fn; or when the loop does not run any more. */
void upload_free(struct upload *u);

#endif
