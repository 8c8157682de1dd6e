/*
 * template.h - one text for many people
 *
 *     {{name|居民}}您好，{{event.date}}，{{企业数}}家企业进场。
 *
 * {{name}} stands for a value of the recipient or of the campaign. A name is
 * any run of characters but blanks around it, braces and the bar; dots and
 * Chinese are fine. What follows a bar is the default where the value is empty;
 * {{name|}} says that nothing may stand there. {{{{ and }}}} are two literal
 * braces; a single brace is itself. Values are put in as they are: braces in
 * them mean nothing.
 *
 * A template is compiled once: names become columns, constants melt into the
 * text around them, every mistake is found. Rendering then copies pieces: no
 * allocation, no look-up, and never an empty hole - it refuses and says which
 * column was empty.
 *
 * What a value may contain is value.h's business, at import.
 */
#ifndef OUTREACH_TEMPLATE_H
#define OUTREACH_TEMPLATE_H

#include <stddef.h>

#include "error.h"

struct buf;

#define TEMPLATE_MAX_BYTES 65536 /* of a source, and of what it compiles to */

enum template_slot_kind {
    TEMPLATE_CONSTANT, /* known now: an event's date */
    TEMPLATE_COLUMN,   /* known per recipient: a number of the caller's */
};

struct template_slot {
    enum template_slot_kind kind;
    const char *text; /* of a constant; good until the resolver is called again */
    size_t length;
    unsigned column; /* of a column: its index into the values of a rendering */
};

/* Tells what a name (n bytes, not NUL-terminated) stands for. Returns 0, or -1
 * with the names that are known in err; the place is put in front of it. */
typedef int template_resolve_fn(const char *name, size_t n, struct template_slot *out, void *arg,
                                struct error *err);

struct template; /* opaque: its pieces are in template.c */

/* Compiles n bytes of UTF-8, which may be forgotten then. Returns a template
 * for the caller to free with template_destroy(), or NULL with the line and the
 * character in err: a brace that is not closed, a name that is unknown or not
 * a name, a constant that is empty and has no default, invalid UTF-8. */
struct template *template_compile(const char *source, size_t n, template_resolve_fn *resolve,
                                  void *arg, struct error *err);

/* NULL is fine. */
void template_destroy(struct template *t);

/* The columns that are used, each once, in the order of the text; the array
 * lives as long as the template. Returns how many; with 0 the text is the same
 * for everybody. */
size_t template_slots(const struct template *t, const unsigned **columns);

struct template_value {
    const char *text; /* not NUL-terminated */
    size_t length;
};

enum template_status {
    TEMPLATE_RENDERED,
    TEMPLATE_EMPTY,    /* a column without a default has no value; place is the column */
    TEMPLATE_TOO_LONG, /* does not fit; place is the size that it would need */
};

/* Renders into out (size bytes, no NUL is added). values[column] is the value of
 * a column; one that is not among the count is empty. *place, which may not be
 * NULL, is the length of the text, or what the status says. out may be
 * scribbled on in any case. */
enum template_status template_render(const struct template *t, const struct template_value *values,
                                     size_t count, char *out, size_t size, size_t *place);

/* The same behind what is in a buffer; too long is what passes its limit. The
 * buffer is unchanged unless it says TEMPLATE_RENDERED. */
enum template_status template_append(const struct template *t, const struct template_value *values,
                                     size_t count, struct buf *out, size_t *place);

#endif
