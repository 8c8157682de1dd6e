/*
 * safe_marks.h - what is known of a resident in danger, for the commands (store/safe.h)
 */
#ifndef OUTREACH_SAFE_MARKS_H
#define OUTREACH_SAFE_MARKS_H

#include "cli.h"
#include "safe.h"

struct safe_note {
    bool marked;
    struct safe_mark mark;
    char by[65], note[SAFE_NOTE_BYTES]; /* "" where nobody wrote it down */
    int64_t at_ms;                      /* 0: not known */
};

/* -1 with err. */
int safe_marks_read(struct cli *cli, const char *address, struct safe_note *out, struct error *err);

/* What a value of KEY_SAFE tells people. */
void safe_marks_parse(const char *value, size_t n, struct safe_note *out);

/* "nothing is sent by machine; tell her in person" */
const char *safe_marks_words(enum safe_mode mode);

#endif
