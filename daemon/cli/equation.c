#include "equation.h"

#include "utf8.h"
#include "words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    enum notice_state state;
    enum bar_part part;
} terms[EQUATION_TERMS] = {
    {NOTICE_UNTOUCHED, BAR_PARTS}, /* waiting, together with the parked ones */
    {NOTICE_SENDING, BAR_SENDING},     {NOTICE_ACCEPTED, BAR_ACCEPTED},
    {NOTICE_DELIVERED, BAR_DELIVERED}, {NOTICE_UNDELIVERED, BAR_LOST},
    {NOTICE_FAILED, BAR_LOST},         {NOTICE_EXPIRED, BAR_LOST},
    {NOTICE_OPTED_OUT, BAR_OTHER},     {NOTICE_CAPPED, BAR_OTHER},
    {NOTICE_EXCLUDED, BAR_OTHER},      {NOTICE_CANCELLED, BAR_OTHER},
    {NOTICE_UNCERTAIN, BAR_UNCERTAIN},
};

const char *equation_name(size_t term)
{
    return notice_state_name(terms[term].state);
}

int64_t equation_value(const struct reminder_status *r, size_t term)
{
    return term == 0 ? reminder_waiting(r) : r->counts[terms[term].state];
}

bool equation_holds(const struct reminder_status *r)
{
    return r->planned == reminder_sum(r);
}

int equation_state(const struct cli *cli, const char *command, const char *said, int *state)
{
    struct buf all = BUF_INIT(4096);
    int rc;

    for (size_t i = 0; i < EQUATION_TERMS; i++) {
        *state = terms[i].state;
        if (strcmp(equation_name(i), said) == 0 || strcmp(words_state(equation_name(i)), said) == 0)
            return 0;
    }
    for (size_t i = 0; i < EQUATION_TERMS; i++)
        buf_printf(&all, "%s%s", i > 0 ? T(", ") : "", words_state(equation_name(i)));
    rc = cli_fail(cli, EX_USAGE, T("%s: no notice can be %s; one of: %s"), command, said,
                  buf_string(&all));
    buf_free(&all);
    return rc;
}

void equation_write(const struct reminder_status *r, unsigned width, unsigned indent,
                    struct buf *out)
{
    char piece[64];
    size_t column = indent, n;

    n = (size_t)snprintf(piece, sizeof piece, "%s %" PRId64, words_state("planned"), r->planned);
    buf_printf(out, "%*s%s", (int)indent, "", piece);
    column += utf8_columns(piece, n);
    for (size_t i = 0; i < EQUATION_TERMS; i++) {
        const char *sign = i > 0 ? "+" : equation_holds(r) ? "=" : "≠";

        n = (size_t)snprintf(piece, sizeof piece, " %s %s %" PRId64, sign,
                             words_state(equation_name(i)), equation_value(r, i));
        n = utf8_columns(piece, n);
        if (width > 0 && column + n > width) { /* the sign opens the next line */
            buf_printf(out, "\n%*s", (int)indent + 1, "");
            column = indent + 1;
        }
        buf_puts(out, piece);
        column += n;
    }
    buf_putc(out, '\n');
}

void equation_json(const struct reminder_status *r, json_t *object)
{
    json_object_set_new(object, "planned", json_integer(r->planned));
    for (size_t i = 0; i < EQUATION_TERMS; i++)
        json_object_set_new(object, equation_name(i), json_integer(equation_value(r, i)));
}

void equation_bar(const struct reminder_status *r, int64_t counts[BAR_PARTS])
{
    memset(counts, 0, BAR_PARTS * sizeof *counts);
    for (size_t i = 1; i < EQUATION_TERMS; i++)
        counts[terms[i].part] += equation_value(r, i);
}

int64_t equation_through(const struct reminder_status *r)
{
    return reminder_sum(r) - reminder_waiting(r) - r->counts[NOTICE_SENDING] -
           r->counts[NOTICE_UNCERTAIN];
}
