/*
 * reply_page.h - replies as people read them
 *
 * Cries for help that are open first, then those that wait for a person, then the rest; of each
 * kind the newest first. Every reply has a line with its id, time, sender, campaign and what is
 * to be done about it, and below it all that she wrote, in as many lines as that takes.
 */
#ifndef OUTREACH_REPLY_PAGE_H
#define OUTREACH_REPLY_PAGE_H

#include "reply_book.h"

/* "for a person", "CRY FOR HELP", "refused": a kind in words. */
const char *reply_page_kind(const char *kind);

/* Orders the book's entries so, and writes those that wanted says yes to. numbers: whole ones, of
 * all and not only of cries for help. Returns how many it has written. */
size_t reply_page_write(struct cli *cli, struct reply_book *book,
                        bool (*wanted)(const struct reply_entry *e, const void *arg),
                        const void *arg, bool numbers, struct buf *out);

#endif
