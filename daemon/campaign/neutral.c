#include "neutral.h"

#include "builtin.h"
#include "column.h"
#include "encoding.h"
#include "error.h"
#include "form.h"
#include "mem.h"
#include "tree.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 16384

struct neutral {
    struct neutral *next;
    const char *channel;  /* NULL: for all */
    const char *language; /* of the words */
    char text[];
};

int neutral_add(struct neutral **all, const struct scope *s, const struct form_leaf *leaf,
                const struct template *t, struct error *err)
{
    const char *signature = s->c->neutral_signature;
    size_t before = strlen(signature), n;
    struct text_size size;
    char out[TEXT_BYTES];
    struct neutral *one;

    memcpy(out, signature, before);
    if (template_render(t, NULL, 0, out + before, sizeof out - before, &n) != TEMPLATE_RENDERED)
        return tree_error(err, leaf->node, "is too long");
    if ((leaf->channel == NULL || column_is_phone(leaf->channel)) &&
        text_measure(out, before + n, TEXT_BILL_GSM, &size) == 0 &&
        size.parts > (unsigned)s->c->max_segments)
        return tree_error(err, leaf->node, "needs %u SMS parts, more than %d: shorten it",
                          size.parts, s->c->max_segments);
    one = xcalloc(1, sizeof *one + n + 1);
    memcpy(one->text, out + before, n);
    one->channel = leaf->channel;
    one->language = s->language;
    one->next = *all;
    *all = one;
    return 0;
}

void neutral_free(struct neutral *all)
{
    struct neutral *next;

    for (; all != NULL; all = next) {
        next = all->next;
        free(all);
    }
}

/* What she can read goes before what is written for the channel. */
const char *neutral_find(const struct neutral *all, const struct campaign *c, const char *channel,
                         const char *language)
{
    const struct neutral *best = NULL;
    int most = 0;

    for (; all != NULL; all = all->next) {
        int fits = strcmp(all->language, language) == 0      ? 5
                   : strcmp(all->language, c->language) == 0 ? 3
                                                             : 1;

        if (all->channel != NULL && strcmp(all->channel, channel) != 0)
            continue;
        fits += all->channel != NULL;
        if (fits > most) {
            most = fits;
            best = all;
        }
    }
    if (best != NULL)
        return best->text;
    return c->neutral_text != NULL && c->neutral_text[0] != '\0' ? c->neutral_text : NULL;
}

/* Where the first n characters end. */
static size_t characters(const char *text, size_t length, size_t n)
{
    size_t at = 0;

    while (at < length && n > 0) {
        at++;
        while (at < length && (text[at] & 0xc0) == 0x80)
            at++;
        n--;
    }
    return at;
}

/* Begins s in what is shown? */
static bool shows(const char *text, size_t length, size_t shown, const char *s)
{
    size_t n = s != NULL ? strlen(s) : 0;
    const char *found = n > 0 ? memmem(text, length, s, n) : NULL;

    return found != NULL && (size_t)(found - text) < shown;
}

int neutral_check(const struct scope *s, const struct tree *node, const struct template *t,
                  struct error *err)
{
    static const char mark[] = "\x01"; /* no text holds one */
    struct template_value values[VALUES];
    char out[TEXT_BYTES];
    size_t n, shown;

    if (builtin_is_text(node->string))
        return 0; /* looked at where it was written */
    if (s->uses_name)
        return tree_error(err, node,
                          "names the recipient, and the campaign is sensitive: who else reads her "
                          "phone is not known; leave {{name}} out");
    for (size_t i = 0; i < VALUES; i++)
        values[i] = (struct template_value){mark, 1};
    if (template_render(t, values, VALUES, out, sizeof out, &n) != TEMPLATE_RENDERED)
        return tree_error(err, node, "is too long");
    shown = characters(out, n, NEUTRAL_SHOWN);
    if (shows(out, n, shown, mark))
        return tree_error(err, node,
                          "shows a value of the list (slot, or another column) in its first %d "
                          "characters, which a lock screen shows; the campaign is sensitive: "
                          "begin with words that are the same for all",
                          NEUTRAL_SHOWN);
    if (shows(out, n, shown, s->c->title) ||
        shows(out, n, shown, form_localized(s->form->title, s->language, s->c->language)))
        return tree_error(err, node,
                          "shows the campaign's title in its first %d characters, which a lock "
                          "screen shows; the campaign is sensitive: begin with words that tell "
                          "nothing",
                          NEUTRAL_SHOWN);
    return 0;
}

int neutral_check_param(const struct tree *node, const char *name, size_t n, struct error *err)
{
    const char *column = column_known(name, n);

    if ((column != NULL && (strcmp(column, "name") == 0 || strcmp(column, "slot") == 0)) ||
        (n > 5 && memcmp(name, "slot.", 5) == 0) ||
        (n == 11 && memcmp(name, "event.title", 11) == 0))
        return tree_error(err, node,
                          "gives the recipient away, and the campaign is sensitive: a provider's "
                          "template of it takes neither name nor slot nor event.title");
    return 0;
}
