/*
 * scripts.h - the Lua scripts: each one step of DESIGN section 4
 *
 * They live in scripts/NAME.lua and are part of the program. One step is one
 * script with all its checks before its first write; each bears being run twice.
 */
#ifndef OUTREACH_SCRIPTS_H
#define OUTREACH_SCRIPTS_H

#include <stddef.h>

enum script {
    SCRIPT_ADD,       /* rows into an audience */
    SCRIPT_QUEUE,     /* a campaign with its reminders */
    SCRIPT_FLAG,      /* pause, resume, cancel */
    SCRIPT_APPROVE,   /* a second person agrees: it becomes active */
    SCRIPT_OPEN,      /* a reminder falls due: its ledger */
    SCRIPT_CLAIM,     /* a range, or due retries, under a lease */
    SCRIPT_RELEASE,   /* a lease is done with, or given back */
    SCRIPT_INTEND,    /* compare-and-set of ledger ranges, with the counters: an intent, */
    SCRIPT_SETTLE,    /* or an outcome, which even a full Redis takes */
    SCRIPT_FINISH,    /* a reminder ends, or is scheduled again */
    SCRIPT_INDEX,     /* gateway message ids -> notices */
    SCRIPT_RECEIPTS,  /* receipts find their notice, or are parked */
    SCRIPT_REPLY,     /* a reply, once */
    SCRIPT_FORGET,    /* replies that are old enough */
    SCRIPT_PLACE,     /* a place of a campaign, taken or given back */
    SCRIPT_ANSWER,    /* an answer, counted once a person */
    SCRIPT_DUTY,      /* alerts that are due, taken by one daemon */
    SCRIPT_TOLD,      /* which notice somebody was told last */
    SCRIPT_REFUSE,    /* a refusal, which even a full Redis takes */
    SCRIPT_EARLIER,   /* what other reminders did for some people */
    SCRIPT_TICK,      /* who was told by a person */
    SCRIPT_NOTE,      /* an entry of a stream, which it takes as well */
    SCRIPT_CAP,       /* per-recipient limits: reserve */
    SCRIPT_HEARTBEAT, /* a daemon's epoch and counter */
    SCRIPT_READER,    /* who reads the events, and how far */
    SCRIPT_NUMBER,    /* a short number for a name */
    SCRIPT_SHARE,     /* a daemon's share of a rate */
    SCRIPT_SEALED,    /* a value that all daemons share, made by one of them */
    SCRIPT_MARKER,    /* is Redis what it was? */
    SCRIPT_RESTORE,   /* a reminder whose ledger is to be filled from the delivery log */
    SCRIPT_APPEND,    /* rows that come after a campaign was queued */
    SCRIPT_AMEND,     /* another document for a campaign, */
    SCRIPT_CALL_OFF,  /* of an event that is cancelled, which even a full Redis takes */
    SCRIPT_CORRECTED, /* how far those who were told were looked for */
    SCRIPT_REPAIR,    /* counters, leases and retry set put right by the ledger */
    SCRIPT_RESIDENT,  /* people into the register, */
    SCRIPT_LABELS,    /* the names of its columns and tags, */
    SCRIPT_TAG,       /* a tag for many, */
    SCRIPT_ERASE,     /* people out of it */
    SCRIPT_COPY,      /* a reminder as it stands */
    SCRIPT_DISCARD,   /* an upload that came to no good end */
    SCRIPT_COUNT
};

const char *script_sha(enum script script); /* 40 hex digits */
const char *script_source(enum script script, size_t *n);
const char *script_name(enum script script);

#endif
