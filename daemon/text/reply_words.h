/*
 * reply_words.h - what a reply says, as far as a machine may judge it
 *
 * People type a word in any width and case, with spaces in it, with punctuation
 * around it, and with the "回" or "回复" that they were asked to begin with; all
 * that changes nothing. Three kinds of words are known here:
 *
 *   refusals   sms-encoding.md section 7. Single letters count only as the whole
 *              reply. When in doubt it is a refusal: a person can put that right.
 *   取消        gives a place back where there is one to be given back, see
 *              campaign/reply_rules.h; elsewhere it is a refusal as any other.
 *   alarms     alarm_words.tsv: a person must read it now, no machine answers.
 */
#ifndef OUTREACH_REPLY_WORDS_H
#define OUTREACH_REPLY_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#define REPLY_MOST_BYTES 4096 /* of a reply that are looked at, and kept */

/* A reply that was read: to be made by reply_read() alone. */
struct reply_words {
    char text[REPLY_MOST_BYTES]; /* half width, in capitals, without spaces */
    size_t length;
    size_t from, to; /* the word: without what stands around it, and without 回 */
};

/* n bytes, which need be neither UTF-8 nor NUL-terminated. */
void reply_read(struct reply_words *r, const char *text, size_t n);

/* Is the whole reply this word? word: as people write it, UTF-8, NUL-terminated. */
bool reply_is(const struct reply_words *r, const char *word);

bool reply_refuses(const struct reply_words *r);
/* 取消, CANCEL, 取消报名: of the refusals those that may give a place back. */
bool reply_gives_back(const struct reply_words *r);
/* The word of alarm_words.tsv that it holds (static), or NULL. */
const char *reply_alarms(const struct reply_words *r);

/* reply_refuses() of a text. */
bool refusal_says_no(const char *text, size_t n);

#endif
