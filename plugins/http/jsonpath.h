/*
 * jsonpath.h - one value out of a JSON text that came from outside
 *
 * A path is names and array indexes with dots between: "messages.0.id"; ""
 * is the text itself. Nothing is copied or allocated and nothing recurses: the
 * text is walked once, up to the value. What stands behind the value is not
 * looked at, so a body cut off later still yields it.
 *
 * A name with a dot in it cannot be reached; escapes in names are not decoded.
 */
#ifndef HTTP_JSONPATH_H
#define HTTP_JSONPATH_H

#include "bytes.h"

struct jsonpath_value {
    const char *bytes; /* of a string: between its quotes, escapes as they came */
    size_t length;
    char type; /* '"' string, '{' object, '[' array, 'w' word: number, true, false, null */
};

/* Finds path in text (length bytes). Returns false where it is not there or the
 * text before it is not JSON. */
bool jsonpath_find(const char *text, size_t length, const char *path, struct jsonpath_value *value);

/* The elements of an array in turn: *at starts at 0. False at the end, or where
 * the text is not JSON. */
bool jsonpath_each(const struct jsonpath_value *array, size_t *at, struct jsonpath_value *element);

/* Appends a scalar as a person would write it: a string with its escapes
 * resolved (lone surrogates become U+FFFD), a word as it stands. False for null,
 * objects and arrays, which have no such form. */
bool jsonpath_text(const struct jsonpath_value *value, struct bytes *out);

/* Is it this scalar, character for character? Numbers are compared as written. */
bool jsonpath_equals(const struct jsonpath_value *value, const char *text, size_t length);

#endif
