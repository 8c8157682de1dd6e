/* Templates: whatever compiles renders the same everywhere, to the byte that it
 * said it needs. */
#include "fuzz.h"

#include "template.h"

#include "error.h"

#include "buf.h"
#include "utf8.h"

static int resolve(const char *name, size_t n, struct template_slot *out, void *arg,
                   struct error *err)
{
    (void)arg;
    HOLDS(n > 0);
    if (*name >= 'a' && *name <= 'h')
        *out = (struct template_slot){.kind = TEMPLATE_COLUMN, .column = (unsigned)(*name - 'a')};
    else if (*name == 'k')
        *out = (struct template_slot){.kind = TEMPLATE_CONSTANT, .text = "}}{{a}}", .length = 7};
    else if (*name == 'e')
        *out = (struct template_slot){.kind = TEMPLATE_CONSTANT, .text = "", .length = 0};
    else
        return error_set(err, "unknown");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct template_value values[] = {{"{{b}}", 5}, {"", 0}, {"王秀英", 9},
                                                   {"a|b", 3},   {"", 0}, {"\xf0\x9f\x98\x8a", 4}};
    static char wide[1 << 22];
    struct error err;
    struct template *t = template_compile((const char *)data, size, resolve, NULL, &err);
    struct buf copy = BUF_INIT(sizeof wide);
    const unsigned *columns;
    size_t place, exact, n;
    char *tight;

    if (t == NULL) {
        HOLDS(*err.text != '\0' && utf8_valid(err.text, strlen(err.text)) == strlen(err.text));
        return 0;
    }
    n = template_slots(t, &columns);
    for (size_t i = 0; i < n; i++)
        HOLDS(columns[i] < 8);
    switch (template_render(t, values, 6, wide, sizeof wide, &exact)) {
    case TEMPLATE_RENDERED:
        HOLDS(utf8_valid(wide, exact) == exact);
        tight = malloc(exact > 0 ? exact : 1);
        HOLDS(template_render(t, values, 6, tight, exact, &place) == TEMPLATE_RENDERED);
        HOLDS(place == exact && memcmp(tight, wide, exact) == 0);
        if (exact > 0) {
            HOLDS(template_render(t, values, 6, tight, exact - 1, &place) == TEMPLATE_TOO_LONG);
            HOLDS(place == exact);
        }
        HOLDS(template_append(t, values, 6, &copy, &place) == TEMPLATE_RENDERED);
        HOLDS(copy.length == exact && (exact == 0 || memcmp(copy.data, wide, exact) == 0));
        free(tight);
        break;
    case TEMPLATE_EMPTY:
        HOLDS(exact >= 6 || values[exact].length == 0);
        break;
    case TEMPLATE_TOO_LONG:
        HOLDS(exact > sizeof wide);
        break;
    }
    buf_free(&copy);
    template_destroy(t);
    return 0;
}
