/*
 * pushed_form.h - a URL-encoded form as the JSON object that it could have been
 */
#ifndef HUAWEI_PUSHED_FORM_H
#define HUAWEI_PUSHED_FORM_H

#include <jansson.h>

#define FORM_FIELDS_MAX 64

/* An object of strings, of at most FORM_FIELDS_MAX fields; the first of a name counts. A field
 * whose name or value is no UTF-8, or holds a NUL, is left out. Never NULL. */
json_t *pushed_form(const char *body, size_t n);

#endif
