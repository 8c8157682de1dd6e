/*
 * who.h - people of the register by their tags, as a person names them
 */
#ifndef OUTREACH_WHO_H
#define OUTREACH_WHO_H

#include "residents.h"

#define WHO_TAGS 32 /* of each kind */

enum who_kind { WHO_ALL, WHO_ANY, WHO_WITHOUT, WHO_KINDS };

struct who {
    struct residents_filter filter; /* into places: a who is not copied */
    unsigned places[WHO_KINDS][WHO_TAGS];
};

/* names: one tag, or several with commas. -1 with err that names the nearest one, where nobody
 * has such a tag: a slip of the pen must not send to others. */
int who_name(struct who *w, const struct residents *r, enum who_kind kind, const char *names,
             struct error *err);

#endif
