/*
 * marker.h - whether Redis still is what it was
 *
 * Redis may come back empty (no AOF, a lost manifest, FLUSHALL) or older (a restored
 * backup, a failover), and would then say that nobody was told what many were. So an
 * installation has a name and a tick that rises several times a second while anything is sent:
 * both stand in Redis and, on each host, in state_dir/marker. Where Redis has none, a
 * lower one or another installation's, nothing is sent until a person has spoken:
 * outreach recover. A host without a file of its own takes over what Redis says.
 *
 * The set of those who refused may be lost alone, and would then say that nobody did. So it holds
 * a member of ours, OPTOUT_SEAL, put there once and never taken away; the marker records that it
 * was. Where it is missing, the set is not the one that we knew.
 *
 * state_dir/daemons holds the names of all daemons that were ever seen, a line each:
 * whose logs a recovery needs. Both files are written in place without an fsync: older
 * ones notice less, and never cry wolf.
 */
#ifndef OUTREACH_MARKER_H
#define OUTREACH_MARKER_H

#include "db.h"

struct marker; /* opaque */

enum marker_verdict {
    MARKER_UNKNOWN, /* nobody has asked since the connection was made */
    MARKER_GOOD,
    MARKER_EMPTY,    /* Redis has forgotten us */
    MARKER_OLDER,    /* it was further once */
    MARKER_REFUSALS, /* it has lost who refused, if nothing else */
    MARKER_FOREIGN,  /* it is another installation's */
};

enum marker_op { /* marker.lua */
                 MARKER_LOOK,
                 MARKER_BEAT,
                 MARKER_DOUBT,
                 MARKER_SEAL,
                 MARKER_UNSEALED,
                 MARKER_TRUST
};

/* Reads the file of state_dir, which need not be there. NULL if it is damaged or cannot
 * be read: then it must not be taken for none. */
struct marker *marker_open(const char *state_dir, struct error *err);
void marker_close(struct marker *m); /* NULL is fine */

/* The question; and what its answer means. An answer that is good is remembered, in the
 * file too unless op is MARKER_LOOK. */
void marker_command(const struct marker *m, enum marker_op op, struct command *c);
enum marker_verdict marker_answer(struct marker *m, enum marker_op op, const redisReply *reply);

/* Whether the refusals bear our seal, by the last answer. */
bool marker_sealed(const struct marker *m);

/* What belongs to another installation is ours from now on. */
void marker_adopt(struct marker *m);

const char *marker_verdict_name(enum marker_verdict verdict); /* "good", "empty", ... */
const char *marker_install(const struct marker *m);           /* 32 hex digits, or "" */

/* Remembers a daemon by its name. */
void marker_know(struct marker *m, const char *daemon);
/* The i-th that is known, or NULL. */
const char *marker_daemon(const struct marker *m, size_t i);

#endif
