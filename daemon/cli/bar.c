#include "bar.h"

#include "words.h"

static const struct {
    const char *unicode, *plain, *colour; /* colour: an SGR code */
    const char *name;
} parts[BAR_PARTS] = {
    [BAR_DELIVERED] = {"█", "#", "32", N_("delivered")},
    [BAR_ACCEPTED] = {"▓", "=", "36", N_("accepted")},
    [BAR_LOST] = {"✗", "x", "31", N_("lost")},
    [BAR_OTHER] = {"·", "o", "35", N_("not sent")},
    [BAR_SENDING] = {"▒", "-", "33", N_("sending")},
    [BAR_UNCERTAIN] = {"?", "?", "33", N_("uncertain")},
};

static const struct {
    const char *unicode, *plain;
} rest = {"░", "."};

void bar_divide(const int64_t counts[BAR_PARTS], int64_t total, unsigned width,
                unsigned cells[BAR_PARTS])
{
    int64_t sum = 0;
    unsigned used = 0, most;

    for (int i = 0; i < BAR_PARTS; i++) {
        sum += counts[i];
        cells[i] = total > 0 ? (unsigned)((double)counts[i] / (double)total * width) : 0;
        if (counts[i] > 0 && cells[i] == 0)
            cells[i] = 1;
        used += cells[i];
    }
    most = sum >= total || width == 0 ? width : width - 1;
    while (used > most) { /* the greatest gives what the small ones were granted */
        int greatest = 0;

        for (int i = 1; i < BAR_PARTS; i++)
            if (cells[i] > cells[greatest])
                greatest = i;
        cells[greatest]--;
        used--;
    }
    if (sum >= total && sum > 0) { /* rounding left a gap though nothing is left */
        int greatest = 0;

        for (int i = 1; i < BAR_PARTS; i++)
            if (counts[i] > counts[greatest])
                greatest = i;
        cells[greatest] += width - used;
    }
}

static void put_cells(struct buf *out, const struct bar_style *style, const char *cell, unsigned n,
                      const char *colour)
{
    if (n == 0)
        return;
    if (style->colours && colour != NULL)
        buf_printf(out, "\033[%sm", colour);
    while (n-- > 0)
        buf_puts(out, cell);
    if (style->colours && colour != NULL)
        buf_puts(out, "\033[0m");
}

void bar_write(struct buf *out, const struct bar_style *style, const int64_t counts[BAR_PARTS],
               int64_t total, unsigned width)
{
    unsigned cells[BAR_PARTS], used = 0;

    bar_divide(counts, total, width, cells);
    for (int i = 0; i < BAR_PARTS; i++) {
        put_cells(out, style, style->unicode ? parts[i].unicode : parts[i].plain, cells[i],
                  parts[i].colour);
        used += cells[i];
    }
    put_cells(out, style, style->unicode ? rest.unicode : rest.plain, width - used, NULL);
}

void bar_legend(struct buf *out, const struct bar_style *style)
{
    for (int i = 0; i < BAR_PARTS; i++) {
        put_cells(out, style, style->unicode ? parts[i].unicode : parts[i].plain, 1,
                  parts[i].colour);
        buf_printf(out, " %s  ", words_of(parts[i].name));
    }
    buf_printf(out, "%s %s", style->unicode ? rest.unicode : rest.plain, T("waiting"));
}
