/*
 * tail.h - the lines of a growing file, from its end and on
 *
 * For logs of any size: going back reads blocks from the end, going on gives
 * complete lines only. A rotated file (another inode under the name) is read to
 * its end before the new one is begun, a truncated one from its start. A line of
 * more than 256 KB is passed over.
 */
#ifndef OUTREACH_TAIL_H
#define OUTREACH_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct tail; /* opaque */

/* The file, to be read from its start. NULL with err if it cannot be opened;
 * follow: one that is not there yet is waited for by tail_next(). */
struct tail *tail_open(const char *path, bool follow, struct error *err);
void tail_close(struct tail *t); /* NULL is fine */

/* Goes back from the end over lines until wants() said yes to count of them (0:
 * to the start). Reading then goes on with the first of these. Returns how many. */
typedef bool tail_wants_fn(void *arg, const char *line, size_t n);
size_t tail_back(struct tail *t, size_t count, tail_wants_fn *wants, void *arg);

/* Goes to the first line that begins within the last so many bytes. */
void tail_last(struct tail *t, int64_t bytes);

/* The next line without its end, good until the next call. Returns 1; or 0 when
 * there is none now: later there may be. */
int tail_next(struct tail *t, const char **line, size_t *n);

#endif
