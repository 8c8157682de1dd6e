/*
 * ledger.pml - the life of one notice among two daemons, as a model for spin
 *
 * The rules of the ledger with everything that may come between: daemons die at any
 * step and are born again, one is taken for dead while it lives, a script runs twice
 * because its reply was lost, the gateway takes a message, refuses it, throttles or
 * says nothing, receipts come before their id, late and twice, and a cancel falls
 * somewhere in between.
 *
 * What a daemon decides is not written down here a second time: the table of moves is
 * that of store/ledger.c, an outcome that finds another record is judged by
 * dispatch/outcome.c, a receipt by inbound/receipts.c, all called from here (glue.c).
 * What Redis does in one step (a script) is one step; between steps everybody runs.
 *
 * A batch is one notice here, since records are compared and moved each by itself. A
 * claim of a range is exclusive, one of retries is not: only the intent gives the right
 * to send. All budgets are small, so every run ends; an end in which the notice has not
 * ended is a notice that was lost.
 *
 * A mutant takes one protection away, and must fail (README.md).
 */
#include "names.h"

#define ATTEMPTS 2 /* dispatch.attempts */
#define SUBMITS  5 /* with what is throttled, and a bit to spare */
#define TRIES     3


c_decl {
\#include "glue.h"
};

/* Actors, besides the daemons 0 and 1. */
#define RECOVERER 2 /* a daemon that looks after another one's last life */
#define RECEIVER  3 /* and one that takes receipts */
#define ACTORS    4

/* -------------------------------------------------------------- what Redis holds */
byte st, fence, att, fl; /* the record; a fence is epoch * 8 + serial */
bool retry;              /* in the retry set */
#define FRESH  0
#define HELD   1
#define ORPHAN 2
#define OVER   3
byte range, lease_epoch; /* the range with the notice, and who holds it */
bool cancelled;
byte epochs, sends[2]; /* under which epoch a daemon sends, for whoever looks after it */
byte entries, entry_fence[SUBMITS]; /* the index of message ids: a bit a submit */
byte parked, parked_bad;            /* receipts without an entry */

/* ----------------------------------------------------- what the gateway has done */
byte submits, copies;
byte owed, owed_bad; /* receipts that are not yet acknowledged */
byte good;           /* acknowledged, and its message arrived */

/* ------------------------------------------------------------ what may go wrong */
/* How much may still go wrong: glue_budgets() has the words. */
byte deaths;    /* of daemons */
byte sleeps;    /* daemons that are taken for dead and are not */
byte lost;      /* replies: the script runs once more */
byte receipts;  /* messages that a receipt will come for */
byte repeats;   /* of a receipt that was acknowledged */
byte forgets;   /* receipts that a daemon takes with it into death */
byte throttles; /* answers that spend no attempt: of the gateway, */
byte unsents;   /* and of ours */
byte cancels;

byte doubts;      /* how often the notice became uncertain */
byte heard_fence; /* the last fence whose definite answer a daemon has lived to settle */

/* ------------------------------------------------------- what each actor believes */
byte b_st[ACTORS], b_fence[ACTORS], b_att[ACTORS], b_fl[ACTORS];
byte w_st[ACTORS], w_fence[ACTORS], w_att[ACTORS], w_fl[ACTORS], w_retry[ACTORS];
bool stale[2]; /* the permit is older than five seconds */
byte epoch[2];

/* Of the last write, for the mutant whose Redis forgets it. */
byte p_st, p_fence, p_att, p_fl;
bool p_retry;

byte mutant; /* the protection that is missing; 0: none */
bool resend; /* the policy for what is in doubt, else `hold` */

byte who;       /* for C, which does not see the parameters of an inline */
bool yes, same, arrived; /* answers within a step */

#define WAITS(s)       (s == UNTOUCHED || s == PARKED)
#define ENDED(s)       (s >= DELIVERED)
#define AS_BELIEVED(i) (st == b_st[i] && fence == b_fence[i] && att == b_att[i] && fl == b_fl[i])
#define AS_WANTED(i)   (st == w_st[i] && fence == w_fence[i] && att == w_att[i] && fl == w_fl[i])

/* What is only of use within a step must not make states differ. */
inline clear()
{
    who = 0; yes = false; same = false; arrived = false
}

inline forget_beliefs(i)
{
    w_st[i] = 0; w_fence[i] = 0; w_att[i] = 0; w_fl[i] = 0; w_retry[i] = 0;
    b_st[i] = 0; b_fence[i] = 0; b_att[i] = 0; b_fl[i] = 0
}

inline believe(i)
{
    b_st[i] = st; b_fence[i] = fence; b_att[i] = att; b_fl[i] = fl
}

inline believe_wanted(i)
{
    b_st[i] = w_st[i]; b_fence[i] = w_fence[i]; b_att[i] = w_att[i]; b_fl[i] = w_fl[i]
}

inline want(i, s, place)
{
    w_st[i] = s; w_fence[i] = b_fence[i]; w_att[i] = b_att[i]; w_fl[i] = b_fl[i]; w_retry[i] = place
}

inline spend(i)
{
    w_att[i] = w_att[i] + 1
}

/* The one door of the record. */
inline put(i)
{
    if
    :: mutant == REDIS_FORGETS -> p_st = st; p_fence = fence; p_att = att; p_fl = fl; p_retry = retry
    :: else
    fi;
    who = i;
    /* No state is left but as the table allows, and a terminal one by a receipt alone. */
    c_code { now.yes = notice_may_move(now.st, now.w_st[now.who]); };
    assert(st == w_st[i] || yes);
    assert(!ENDED(st) || st == w_st[i] || (w_st[i] == DELIVERED && i == RECEIVER));
    if
    :: w_st[i] == UNCERTAIN && st != UNCERTAIN -> doubts++
    :: else
    fi;
    st = w_st[i]; fence = w_fence[i]; att = w_att[i]; fl = w_fl[i];
    if
    :: w_retry[i] == REMOVE -> retry = false
    :: w_retry[i] == LATER -> retry = true
    :: else
    fi
}

/* move.lua: compare and set. same: what is wanted stands there now. */
inline move(i)
{
    if
    :: AS_BELIEVED(i) || (mutant == BLIND_WRITE && i < RECOVERER && b_st[i] == SENDING) -> put(i); same = true
    :: else -> same = AS_WANTED(i)
    fi
}

/* ------------------------------------------------------------- after a death */

/* recover.c: the range goes back, then the intents are looked at. */
inline recover(i, e)
{
    atomic {
        if
        :: range == HELD && lease_epoch == e && mutant != LEASE_KEPT -> range = ORPHAN; lease_epoch = 0
        :: else
        fi
    };
    do
    :: atomic { may_die(i); believe(i) };
        atomic {
            may_die(i);
            same = true;
            if
            :: b_st[i] == SENDING && b_fence[i] / 8 == e ->
                want(i, UNCERTAIN, LATER);
                who = i;
                if
                :: mutant == RECOVERED_AS_UNSENT -> w_st[i] = PARKED
                :: else -> c_code {
                    glue_doubt(&now.w_st[now.who], &now.w_att[now.who], &now.w_fl[now.who], &now.w_retry[now.who]);
                }
                fi;
                move(i)
            :: else
            fi;
            forget_beliefs(i);
            if
            :: same || mutant == RECOVERED_ONCE -> clear(); break
            :: else -> clear() /* a receipt was here in between: what stands now? */
            fi
        }
    od
}

inline may_die(i)
{
    if
    :: atomic { i < RECOVERER && deaths > 0 -> deaths--; goto died }
    :: true
    fi
}

/* ------------------------------------------------------------------ a daemon */

/* Answers of the gateway. */
#define UNKNOWN  0
#define ACCEPT   1
#define REFUSE   2
#define BUSY     3
#define THROTTLE 4
#define NEVER    5 /* left us */
#define NONE     6 /* there was no attempt */

inline receipt()
{
    if
    :: receipts > 0 -> receipts--; owed = owed | (1 << number)
    :: receipts > 0 -> receipts--; owed = owed | (1 << number); owed_bad = owed_bad | (1 << number)
    :: true /* none ever comes */
    fi
}

/* The message leaves, and the gateway does with it what it likes. */
inline submit(d)
{
    /* The right to send: the intent stands and is ours, though somebody may have come to
     * doubt it just now; and there was no cancel before it. */
    assert((st == SENDING || st == UNCERTAIN) && fence == w_fence[d]);
    assert(!forbidden);
    number = submits;
    submits++;
    answer = UNKNOWN;
    if
    :: copies++; answer = ACCEPT; receipt()
    :: copies++; receipt() /* taken, but the answer is lost */
    :: true /* the connection broke before it arrived */
    :: answer = REFUSE
    :: answer = BUSY
    :: throttles > 0 -> throttles--; answer = THROTTLE
    fi;
    assert(copies <= 1 || (fl & RESENT) != 0); /* whoever may get two copies is marked */
    assert(resend || copies <= 1);      /* hold: nobody is told twice */
    assert(copies <= 1 + doubts && copies <= ATTEMPTS)
}

/* settle.c: what an answer makes of the record that we believe in. */
inline outcome(d)
{
    if
    :: answer == ACCEPT -> want(d, ACCEPTED, KEEP); spend(d)
    :: answer == REFUSE -> want(d, FAILED, KEEP); spend(d)
    :: answer == BUSY ->
        if
        :: b_att[d] + 1 >= ATTEMPTS -> want(d, FAILED, KEEP)
        :: else -> want(d, PARKED, LATER)
        fi;
        spend(d)
    :: answer == THROTTLE || answer == NEVER -> want(d, PARKED, LATER)
    :: answer == UNKNOWN ->
        want(d, UNCERTAIN, (resend -> LATER : KEEP));
        spend(d)
    fi
}

inline forget(d)
{
    tries = 0; number = 0; answer = NONE; sweep = false; retried = false; forbidden = false; leased = false;
    clear();
    forget_beliefs(d)
}

proctype daemon(byte d)
{
    byte left, serial, number, answer, tries;
    bool sweep, retried, leased, forbidden;

    answer = NONE;
    goto claim;

born:
    atomic {
        left = sends[d];
        epochs++;
        epoch[d] = epochs;
        if
        :: mutant == EPOCH_TOO_SOON -> sends[d] = epoch[d]
        :: else
        fi
    };
    if
    :: (range == HELD && lease_epoch == left) || (st == SENDING && fence / 8 == left) -> recover(d, left)
    :: else /* nothing is left of it */
    fi;
    atomic { may_die(d); sends[d] = epoch[d]; left = 0 };

claim: /* of a range, or of what is to be looked at again */
end_claim:
    atomic {
        if
        :: range == FRESH || range == ORPHAN ->
            atomic {
                b_st[d] = UNTOUCHED; b_fence[d] = 0; b_att[d] = 0; b_fl[d] = 0;
                yes = (range == FRESH); /* then nobody has touched it: no record is read */
                range = HELD; lease_epoch = epoch[d]; leased = true;
                sweep = cancelled
            };
            if
            :: yes -> yes = false; goto prepare
            :: else
            fi
        :: retry -> atomic { retried = true; sweep = cancelled }
        fi
    };
    atomic {
        may_die(d); believe(d) };

prepare: /* prepare.c */
    atomic {
        if
        :: sweep && WAITS(b_st[d]) ->
            want(d, CANCELLED, (b_st[d] == PARKED -> REMOVE : KEEP));
            goto settle
        :: b_st[d] == UNCERTAIN && retried ->
            if
            :: !sweep && b_att[d] < ATTEMPTS && (resend || mutant == HOLD_FORGOTTEN) ->
                want(d, PARKED, LATER);
                w_fl[d] = w_fl[d] | RESENT;
                if /* doubt_wait is over: longer than a permit lasts */
                :: w_fence[1 - d] == b_fence[d] -> stale[1 - d] = true
                :: else
                fi
            :: else -> want(d, UNCERTAIN, REMOVE)
            fi;
            goto settle
        :: !WAITS(b_st[d]) && !(b_st[d] == UNCERTAIN && retried) ->
            if
            :: retried -> want(d, b_st[d], REMOVE); goto settle /* nothing of it waits */
            :: else -> goto settled
            fi
        :: else
        fi
    };

intend:
    atomic {
        serial++;
        assert(serial < 8);
        want(d, SENDING, (b_st[d] == PARKED -> REMOVE : KEEP));
        w_fence[d] = (mutant == NO_FENCE -> 8 : epoch[d] * 8 + serial);
        stale[d] = false
    };
    if
    :: mutant == SUBMIT_FIRST ->
        atomic { submits++; copies++; assert(resend || copies <= 1) };
        may_die(d)
    :: else
    fi;
intent_again:
    atomic {
        may_die(d);
        if
        :: cancelled && mutant != CANCEL_AT_CLAIM && (!AS_WANTED(d) || mutant == REPEAT_REFUSED) ->
            want(d, CANCELLED, (b_st[d] == PARKED -> REMOVE : KEEP))
        :: else ->
            forbidden = (AS_BELIEVED(d) -> cancelled : forbidden);
            move(d)
        fi;
        if
        :: lost > 0 -> lost--; goto intent_again /* the reply: it runs once more */
        :: true
        fi;
        if
        :: w_st[d] == CANCELLED -> clear(); goto settle
        :: w_st[d] != CANCELLED && same -> believe_wanted(d); clear()
        :: else ->
            clear();
            believe(d);
            tries++;
            if
            :: WAITS(st) && tries < TRIES -> goto intend
            :: else -> goto settled
            fi
        fi
    };
    atomic {
        may_die(d); /* the gate; then the message leaves */
        if
        :: mutant == SUBMIT_FIRST -> answer = UNKNOWN
        :: else ->
            if
            :: stale[d] && mutant != OLD_PERMIT -> answer = NEVER
            :: unsents > 0 -> unsents--; answer = NEVER
            :: !stale[d] || mutant == OLD_PERMIT -> submit(d)
            fi
        fi;
        tries = 0
    };
    atomic {
        may_die(d); outcome(d) };

settle:
    if
    :: answer == ACCEPT && mutant != INDEX_AFTERWARDS ->
        atomic { may_die(d); entries = entries | (1 << number); entry_fence[number] = w_fence[d] }
    :: else
    fi;
    atomic {
        may_die(d);
        if
        :: mutant == JUDGED_BY_LIFE && stale[d] -> same = true /* whoever was thought dead is not heard */
        :: else -> move(d)
        fi;
        if
        :: lost > 0 -> lost--; goto settle
        :: true
        fi;
        if
        :: same
        :: else ->
            who = d;
            yes = (w_st[d] == b_st[d]); /* see settle_forget() */
            if
            :: !yes && tries < TRIES ->
                c_code {
                    now.yes = glue_outcome(now.st, now.fence, now.fl, &now.w_st[now.who], &now.w_fl[now.who],
                                           now.w_fence[now.who], &now.w_retry[now.who]);
                };
                if
                :: yes -> believe(d); tries++; clear(); goto settle
                :: else
                fi
            :: else
            fi
        fi;
        if
        :: answer <= THROTTLE && answer != UNKNOWN && mutant != NO_FENCE -> heard_fence = w_fence[d]
        :: else
        fi;
        clear()
    };
    if
    :: answer == ACCEPT && mutant == INDEX_AFTERWARDS ->
        atomic { may_die(d); entries = entries | (1 << number); entry_fence[number] = w_fence[d] }
    :: else
    fi;

settled:
    atomic {
        may_die(d);
        if
        :: leased && range == HELD && lease_epoch == epoch[d] -> range = OVER; lease_epoch = 0
        :: else
        fi;
        forget(d);
        goto claim
    };

died:
    atomic { forget(d); stale[d] = false; left = 0; serial = 0; goto born }
}

/* ------------------------------------------------- a daemon that only sleeps */

/* It stands still for so long that the other one looks after it: longer than any
 * permit lasts, and then it goes on. */
proctype observer()
{
    byte e;

end_asleep:
    do
    :: atomic { sleeps > 0 && sends[0] == epoch[0] && w_fence[0] != 0 -> sleeps--; e = sends[0]; stale[0] = true };
        recover(RECOVERER, e)
    :: atomic { sleeps == 0 -> e = 0; break }
    od;
died:
    skip
}

/* -------------------------------------------------------------------- receipts */

#define BIT (1 << n)

/* Acknowledged: the gateway will not send it again. */
inline acknowledge()
{
    owed = owed & ~BIT;
    if
    :: (owed_bad & BIT) == 0 -> good = good | BIT
    :: else
    fi
}

/* inbound.c, in whichever daemon it is. What has a death behind it begins anew. */
proctype receiver()
{
    byte n;
    bool from_park, bad;

end_wait:
    atomic {
        if
        :: owed != 0 ->
            from_park = false;
            n = 0;
            do
            :: (owed & BIT) != 0 -> break
            :: (owed >> (n + 1)) != 0 -> n++ /* in any order */
            od
        :: (parked & entries) != 0 ->
            from_park = true;
            n = 0;
            do
            :: (parked & entries & BIT) != 0 -> break
            :: else -> n++
            od
        fi;
        bad = (owed_bad & BIT) != 0;
        if
        :: !from_park && (entries & BIT) == 0 -> /* receipts.lua: no entry, so it is parked */
            if
            :: mutant == NOT_PARKED
            :: else -> parked = parked | BIT
            fi;
            acknowledge();
            goto end_wait
        :: !from_park && (entries & BIT) != 0 && mutant == STORED_AFTERWARDS -> acknowledge()
        :: else
        fi
    };
again:
    if
    :: atomic { forgets > 0 -> forgets--; n = 0; bad = false; from_park = false; goto end_wait }
    :: true
    fi;
    atomic { believe(RECEIVER); want(RECEIVER, st, KEEP) };
    atomic {
        same = (b_fence[RECEIVER] == entry_fence[n]);
        arrived = !bad;
        c_code {
            now.yes = glue_receipt(&now.w_st[RECEIVER], &now.w_fl[RECEIVER],
                                   now.same, now.arrived);
        };
        if
        :: yes ->
            if
            :: w_st[RECEIVER] != b_st[RECEIVER] && (b_st[RECEIVER] == PARKED || b_st[RECEIVER] == UNCERTAIN) ->
                w_retry[RECEIVER] = REMOVE
            :: else
            fi;
            move(RECEIVER);
            if
            :: same -> clear()
            :: else -> clear(); goto again
            fi
        :: else
        fi;
        if
        :: from_park -> parked = parked & ~BIT
        :: else -> acknowledge()
        fi;
        if
        :: repeats > 0 && !from_park -> repeats--; owed = owed | BIT
        :: true
        fi;
        clear();
        forget_beliefs(RECEIVER);
        n = 0; bad = false; from_park = false;
        goto end_wait
    }
}

/* ------------------------------------------------------------------ the others */

proctype person()
{
    cancelled = true
}

/* A Redis that was killed and lost its last write. */
proctype redis()
{
    atomic { st = p_st; fence = p_fence; att = p_att; fl = p_fl; retry = p_retry }
}

#define FINDS(k) ((entries & (1 << k)) != 0 && entry_fence[k] == fence)

/* Nobody has anything left to do. */
proctype judge()
{
    timeout;
    atomic {
        /* Every notice ends, or is shown in doubt; accepted ends by receipt_wait alone. */
        assert(ENDED(st) || st == ACCEPTED || st == UNCERTAIN);
        assert(!retry && range == OVER); /* and nobody looks for it any more */
        /* In doubt is only what nobody knows, and under resend only what may not go again. */
        assert(st != UNCERTAIN || heard_fence != fence);
        assert(st != UNCERTAIN || !resend || att >= ATTEMPTS || cancelled);
        /* Who was told is not said not to be, but for those who may have two copies. */
        assert((st != FAILED && st != CANCELLED) || copies == 0 || (fl & RESENT) != 0);
        assert((st != ACCEPTED && st != DELIVERED && st != UNDELIVERED) || copies > 0);
        /* A receipt that was acknowledged is not lost, and a positive one wins. */
        assert(owed == 0 && (parked & entries) == 0);
        assert((good & entries) == 0 || st == DELIVERED);
        /* What is accepted waits for a receipt that can find it. */
        assert(st != ACCEPTED || FINDS(0) || FINDS(1) || FINDS(2) || FINDS(3) || FINDS(4))
    }
}

init
{
    atomic {
        c_code {
            now.mutant = glue_mutant();
            now.resend = glue_resend();
            now.deaths = glue_budget("deaths");
            now.sleeps = glue_budget("sleeps");
            now.lost = glue_budget("lost");
            now.receipts = glue_budget("receipts");
            now.repeats = glue_budget("repeats");
            now.forgets = glue_budget("forgets");
            now.throttles = glue_budget("throttles");
            now.unsents = glue_budget("unsents");
            now.cancels = glue_budget("cancels");
        };
        epochs = 2;
        sends[0] = 1; epoch[0] = 1;
        sends[1] = 2; epoch[1] = 2;
        run judge();
        run daemon(0);
        c_code { now.yes = glue_budget("alone"); };
        if
        :: !yes -> run daemon(1)
        :: else
        fi;
        yes = false;
        if
        :: sleeps > 0 -> run observer()
        :: else
        fi;
        if
        :: receipts > 0 -> run receiver()
        :: else
        fi;
        if
        :: cancels > 0 -> run person()
        :: else
        fi;
        if
        :: mutant == REDIS_FORGETS -> run redis()
        :: else
        fi
    }
}
