#include "pushed_form.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Into out, which has room for n bytes; what is no escape stays as it is. */
static size_t decode(const char *in, size_t n, char *out)
{
    size_t length = 0;

    for (size_t i = 0; i < n; i++) {
        if (in[i] == '%' && n - i > 2 && digit(in[i + 1]) >= 0 && digit(in[i + 2]) >= 0) {
            out[length++] = (char)(digit(in[i + 1]) << 4 | digit(in[i + 2]));
            i += 2;
        } else {
            out[length++] = (char)(in[i] == '+' ? ' ' : in[i]);
        }
    }
    return length;
}

/* buffer has room for n + 1 bytes: the name with its NUL, and the value. */
static void take_field(json_t *object, const char *field, size_t n, char *buffer)
{
    const char *equals = memchr(field, '=', n);
    size_t name, value;
    json_t *string, *key;

    if (equals == NULL)
        return;
    name = decode(field, (size_t)(equals - field), buffer);
    buffer[name] = '\0';
    value = decode(equals + 1, n - (size_t)(equals + 1 - field), buffer + name + 1);
    key = json_stringn(buffer, name); /* NULL for what is no UTF-8 */
    string = json_stringn(buffer + name + 1, value);
    if (key != NULL && string != NULL && strlen(buffer) == name &&
        memchr(buffer + name + 1, '\0', value) == NULL && json_object_get(object, buffer) == NULL)
        json_object_set(object, buffer, string);
    json_decref(key);
    json_decref(string);
}

json_t *pushed_form(const char *body, size_t n)
{
    json_t *object = json_object();
    char *buffer = memory_alloc(n + 1);
    const char *at = body, *end = body + n;

    for (size_t fields = 0; at < end && fields < FORM_FIELDS_MAX; fields++) {
        const char *stop = memchr(at, '&', (size_t)(end - at));

        if (stop == NULL)
            stop = end;
        take_field(object, at, (size_t)(stop - at), buffer);
        at = stop == end ? end : stop + 1;
    }
    free(buffer);
    return object;
}
