/* The forms that Huawei pushes: what comes out is an object of texts, none with a NUL. */
#include "fuzz.h"
#include "pushed_form.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *body = malloc(size > 0 ? size : 1); /* exactly so long: a byte too many is seen */
    json_t *object, *value;
    const char *name;

    if (size > 0)
        memcpy(body, data, size);
    object = pushed_form(body, size);
    HOLDS(json_object_size(object) <= FORM_FIELDS_MAX);
    json_object_foreach(object, name, value)
    {
        HOLDS(json_is_string(value));
        HOLDS(strlen(json_string_value(value)) == json_string_length(value));
        HOLDS(strlen(name) + json_string_length(value) <= size);
    }
    json_decref(object);
    free(body);
    return 0;
}
