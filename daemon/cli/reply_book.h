/*
 * reply_book.h - the replies as they stand in Redis, for the command line
 *
 * outreach:replies has all of them, in the order in which they came; of those that a
 * person has to see outreach:{outreach:replies}:open says who has them, and of those that
 * a person has answered outreach:{outreach:replies}:answered says who did.
 */
#ifndef OUTREACH_REPLY_BOOK_H
#define OUTREACH_REPLY_BOOK_H

#include "cli.h"

struct reply_entry {
    char id[48];
    int64_t at_ms;
    char *from, *campaign, *kind, *text; /* never NULL */
    uint32_t n;                          /* her number in the campaign's audience, or 0 */
    bool open;                           /* a person has to see it */
    char *who;                           /* who has it, "" for nobody yet */
    char *answered_by;                   /* a person, the last time; "" for nobody yet */
    int64_t answered_ms;                 /* 0: nobody yet */
};

struct reply_book {
    struct reply_entry *entries;
    size_t count;
};

/* Reads those that are open, or with all the last most ones of any kind; in the order in
 * which they came. 0, or -1 with err. */
int reply_book_read(struct cli *cli, bool all, size_t most, struct reply_book *book,
                    struct error *err);
/* One by its id: count is 1, or 0 where there is none. */
int reply_book_find(struct cli *cli, const char *id, struct reply_book *book, struct error *err);
/* < 0 where a came before b. */
int reply_book_order(const struct reply_entry *a, const struct reply_entry *b);
void reply_book_free(struct reply_book *book);

/* A line where any wait for a person, and one where a cry for help is still to be told to
 * somebody of `alerts`. */
void reply_book_tell(struct cli *cli, struct buf *out);

/* When that address refused by a reply, the last time; 0: no reply says so. -1 with err. */
int reply_book_refused_ms(struct cli *cli, const char *address, int64_t *at_ms, struct error *err);

/* Has that address refused, and if so: is it known that it has asked since, by the reply
 * of that id? */
enum reply_refusal { REPLY_NOT_REFUSED, REPLY_ASKED_SINCE, REPLY_REFUSED };
int reply_book_refusal(struct cli *cli, const struct reply_entry *e, enum reply_refusal *out,
                       struct error *err);

#endif
