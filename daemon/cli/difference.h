/*
 * difference.h - what one document says otherwise than another, field by field
 *
 * Fields are told by their paths as in the file ("texts.zh", "reminders.eve.at"): what has a name
 * in a list is found by it, wherever it stands; any other list is one value. A field that only one
 * of them has is missing in the other. The people of a campaign are not compared.
 */
#ifndef OUTREACH_DIFFERENCE_H
#define OUTREACH_DIFFERENCE_H

#include "buf.h"

#include <jansson.h>
#include <stdbool.h>

struct tree;

/* Whether a field is to be told, by its path. */
typedef bool difference_wanted_fn(const void *arg, const char *path);

/* "  the text (zh)" with "was:" and "is:" below, in lines of so many columns (0: as long as they
 * are): in words what people change, by its path what is not often changed. wanted: NULL for all.
 */
void difference_write(const struct tree *was, const struct tree *is, unsigned width,
                      difference_wanted_fn *wanted, const void *arg, struct buf *out);

/* [{"field", "was", "is"}, ...], the values as in the documents, null where there is none; a new
 * reference. */
json_t *difference_json(const struct tree *was, const struct tree *is);

#endif
