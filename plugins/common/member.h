/*
 * member.h - scalars out of a JSON object whose form is not ours to trust
 */
#ifndef PLUGIN_MEMBER_H
#define PLUGIN_MEMBER_H

#include <jansson.h>

#define MEMBER_NUMBER_BYTES 24

/* A member that is a string, or an integer as text in number; NULL for neither, and for an
 * object that is none. The string is the object's. */
const char *member_text(const json_t *object, const char *name, char number[MEMBER_NUMBER_BYTES]);

#endif
