/*
 * spread.h - the commands of one stripe, spread over the masters of a Redis Cluster
 *
 * The stripe keeps its list of what is unanswered, in the order of sending, and answers in that
 * order, as one connection would. Below it is a connection to each master; a command leaves to the
 * one that has the slot of its first key.
 *
 * Commands of one slot leave in order, one behind the other. One of another slot leaves when
 * those before it have been answered, so that who sends two, of which the second presumes the
 * first (an index entry, then the outcome), has that in a cluster too. What
 * command_unordered() marks is not waited for, and leaves as soon as all before it have left.
 *
 * MOVED corrects the map, ASK leads this one command elsewhere: nothing more leaves until all that
 * is under way has come back; then that command goes again, at most REDIRECTS_MOST times in a row,
 * and behind it whatever of its slot came after it, even if that had been done before it (each
 * bears being run twice). TRYAGAIN, or one redirection too many, is Redis away: after a while it
 * goes again. Keys may stand on two servers while a slot moves; one that is not where it is
 * looked for is never taken for empty.
 *
 * A master that is away keeps what was sent to it until it is back, or until the
 * cluster says that another has its slots: then that goes there.
 */
#ifndef OUTREACH_SPREAD_H
#define OUTREACH_SPREAD_H

#include "db.h"

struct request;
struct spread; /* opaque */

#define REDIRECTS_MOST 5

/* Takes over what the stripe has not answered. */
struct spread *spread_create(struct db *stripe);
void spread_free(struct spread *spread); /* NULL is fine; unanswered commands stay in the stripe */
void spread_trim(struct spread *spread); /* db_trim() of its servers */

/* r has been appended to the stripe's list; NULL: several have. */
void spread_push(struct spread *spread, struct request *r);

/* The map is another: whoever has nothing any more is left. */
void spread_follow(struct spread *spread);

/* A server came back, or went away and why: is the stripe well? */
void spread_look(struct spread *spread, const char *why);

/* For db_servers(). */
unsigned spread_servers(const struct spread *spread, struct db_server list[DB_SERVERS]);

/* The stripe's timer. */
void spread_tick(struct spread *spread);

/* What waits for company leaves now. */
void spread_hurry(struct spread *spread);

/* Of db_leave(). */
void spread_leave(struct spread *spread);

/* Looks at once whether those that are away are back. */
void spread_try(struct spread *spread);

#endif
