/*
 * form.h - a URL-encoded form as its pairs, in the order in which Twilio signs them
 *
 * The bytes come from anybody: they are read before the signature is known to be right.
 */
#ifndef TWILIO_FORM_H
#define TWILIO_FORM_H

#include <stddef.h>

#define TWILIO_PAIRS_MAX 256

struct twilio_pair {
    const char *name, *value; /* decoded, each with a NUL behind it */
    size_t name_length, value_length;
};

struct twilio_form {
    struct twilio_pair *pairs; /* by name, then by value, in the order of bytes */
    size_t count;
    char *bytes;
};

/* Reads n bytes. Returns 0; or -1 for more than TWILIO_PAIRS_MAX pairs, and nothing kept. */
int twilio_form_read(struct twilio_form *f, const char *form, size_t n);
void twilio_form_free(struct twilio_form *f);

/* The (first) value of a name; NULL where there is none, or none that is UTF-8 without NUL. */
const char *twilio_form_value(const struct twilio_form *f, const char *name);

#endif
