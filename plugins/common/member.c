#include "member.h"

#include <stdio.h>

const char *member_text(const json_t *object, const char *name, char number[MEMBER_NUMBER_BYTES])
{
    const json_t *member = json_object_get(object, name);

    if (json_is_string(member))
        return json_string_value(member);
    if (!json_is_integer(member))
        return NULL;
    snprintf(number, MEMBER_NUMBER_BYTES, "%" JSON_INTEGER_FORMAT, json_integer_value(member));
    return number;
}
