#include "form.h"

#include "memory.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Into out, with a NUL; returns the length. A '%' without two digits stays as it is. */
static size_t decode(const char *s, size_t n, char *out)
{
    size_t length = 0;

    for (size_t i = 0; i < n; i++) {
        int high = s[i] == '%' && n - i > 2 ? digit(s[i + 1]) : -1;
        int low = high >= 0 ? digit(s[i + 2]) : -1;

        if (low >= 0) {
            out[length++] = (char)(high << 4 | low);
            i += 2;
        } else {
            out[length++] = (char)(s[i] == '+' ? ' ' : s[i]);
        }
    }
    out[length] = '\0';
    return length;
}

static int compare(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);

    return order != 0 ? order : a_length < b_length ? -1 : a_length > b_length;
}

static int by_name_and_value(const void *x, const void *y)
{
    const struct twilio_pair *a = x, *b = y;
    int order = compare(a->name, a->name_length, b->name, b->name_length);

    return order != 0 ? order : compare(a->value, a->value_length, b->value, b->value_length);
}

int twilio_form_read(struct twilio_form *f, const char *form, size_t n)
{
    const char *end = form + n;
    char *out;

    *f = (struct twilio_form){.pairs = memory_calloc(TWILIO_PAIRS_MAX, sizeof *f->pairs),
                              .bytes = memory_alloc(n + 2 * TWILIO_PAIRS_MAX)};
    out = f->bytes;
    while (form < end) {
        const char *stop = memchr(form, '&', (size_t)(end - form));
        const char *equals, *value;
        struct twilio_pair *p = &f->pairs[f->count];

        stop = stop == NULL ? end : stop;
        if (stop > form && f->count == TWILIO_PAIRS_MAX) {
            twilio_form_free(f);
            return -1;
        }
        if (stop > form) {
            equals = memchr(form, '=', (size_t)(stop - form));
            value = equals == NULL ? stop : equals + 1;
            equals = equals == NULL ? stop : equals;
            p->name = out;
            p->name_length = decode(form, (size_t)(equals - form), out);
            out += p->name_length + 1;
            p->value = out;
            p->value_length = decode(value, (size_t)(stop - value), out);
            out += p->value_length + 1;
            f->count++;
        }
        form = stop + (stop < end);
    }
    qsort(f->pairs, f->count, sizeof *f->pairs, by_name_and_value);
    return 0;
}

void twilio_form_free(struct twilio_form *f)
{
    free(f->pairs);
    free(f->bytes);
    *f = (struct twilio_form){0};
}

const char *twilio_form_value(const struct twilio_form *f, const char *name)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct twilio_pair *p = &f->pairs[i];
        json_t *clean;

        if (strlen(name) != p->name_length || memcmp(name, p->name, p->name_length) != 0)
            continue;
        if (memchr(p->value, '\0', p->value_length) != NULL)
            return NULL;
        clean = json_stringn(p->value, p->value_length); /* checks that it is UTF-8 */
        json_decref(clean);
        return clean == NULL ? NULL : p->value;
    }
    return NULL;
}
