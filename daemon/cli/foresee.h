/*
 * foresee.h - a campaign file, read with its list and forecast
 */
#ifndef OUTREACH_FORESEE_H
#define OUTREACH_FORESEE_H

#include "asking.h"
#include "reading.h"

struct foreseen {
    struct reading reading;
    struct asking *asking;
    struct asking *whole; /* of everybody, where the cost decides about an approval and nobody
                             comes before; else NULL */
};

/* Before the first row: which reminders are asked for, and who listens. */
typedef void foresee_fn(void *arg, struct forecast *f, const struct campaign *c);

/* Reads the file, decides for every row of its list, and asks Redis who has refused, where
 * there is a connection. out is zeroed by the caller and for foreseen_close(), also after a
 * failure. keep: remarks kept word for word; before may be NULL. 0, or an exit code with err;
 * out->reading.no_list tells that only the list cannot be opened. */
int foresee(struct cli *cli, const char *path, size_t keep, foresee_fn *before, void *arg,
            struct foreseen *out, struct error *err);
void foreseen_close(struct foreseen *f);

/* For a person; the reading's preview has seen the same rows. For programs: a list of
 * reminders, a new reference. */
void asking_write(const struct asking *a, const struct reading *reading, struct buf *out);
json_t *asking_json(const struct asking *a);

#endif
