#include "reply_page.h"

#include "campaign.h"
#include "human.h"
#include "keys.h"
#include "log.h"
#include "mem.h"
#include "picture.h"
#include "table.h"
#include "template.h"
#include "utf8.h"
#include "walk.h"
#include "zone.h"

#include <stdlib.h>
#include <string.h>

#define INDENT "    "
#define NO_WIDTH 1000000 /* not for a terminal */

static const struct {
    const char *kind;
    const char *words;
} kinds[] = {
    {"reply", N_("for a person")},     {"alarm", N_("CRY FOR HELP")}, {"optout", N_("refused")},
    {"registered", N_("has a place")}, {"waiting", N_("waits")},      {"full", N_("full")},
    {"withdrawn", N_("gave it back")}, {"closed", N_("too late")},    {"answer", N_("answered")},
};

const char *reply_page_kind(const char *kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            return words_of(kinds[i].words);
    return kind;
}

/* ------------------------------------------------------------------------------ names */

/* The campaigns that were asked for names. */
struct names {
    struct cli *cli;
    struct known {
        char *id;
        struct campaign *campaign; /* NULL: it tells none */
    } * known;
    size_t count;
};

static const struct campaign *campaign_of(struct names *names, const char *id)
{
    struct picture *p;
    struct known *k;
    struct error err;

    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->known[i].id, id) == 0)
            return names->known[i].campaign;
    names->known = xreallocarray(names->known, names->count + 1, sizeof *names->known);
    k = &names->known[names->count++];
    *k = (struct known){.id = xstrdup(id)};
    p = picture_read(names->cli, id, &err);
    if (p != NULL)
        k->campaign = walk_campaign(names->cli, p, &err);
    picture_free(p);
    return k->campaign;
}

static void names_free(struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->known[i].id);
        campaign_free(names->known[i].campaign);
    }
    free(names->known);
}

/* " 王芳", as the list calls her who has that address in it; sensitive campaigns name nobody. */
static void put_name(struct names *names, const struct reply_entry *e, struct buf *out)
{
    const struct campaign *c =
        e->n != 0 && e->campaign[0] != '\0' ? campaign_of(names, e->campaign) : NULL;
    int column = c != NULL && !c->sensitive ? campaign_column(c, "name") : -1;
    struct template_value row[CAMPAIGN_MAX_COLUMNS];
    struct command cmd = COMMAND_INIT;
    const redisReply *value;
    redisReply *rows;
    struct error err;

    if (column < 0)
        return;
    command_start(&cmd, "XRANGE");
    key_audience(&cmd, c->id);
    command_add_format(&cmd, "%u-0", e->n);
    command_add_format(&cmd, "%u-0", e->n);
    if (db_ask(names->cli->db, &cmd, &rows, &err) == 0) {
        value = db_at(db_at(db_at(rows, 0), 1), 1);
        if (value != NULL && campaign_row_split(c, value->str, value->len, row) == 0 &&
            row[column].length > 0) {
            buf_putc(out, ' ');
            buf_put(out, row[column].text, row[column].length);
        }
        freeReplyObject(rows);
    }
    command_free(&cmd);
}

/* ----------------------------------------------------------------------------- the page */

static void put_state(const struct reply_entry *e, struct buf *out)
{
    bool person = strcmp(e->kind, "reply") == 0;

    if (!person || (e->open && e->who[0] == '\0' && e->answered_ms == 0))
        buf_puts(out, reply_page_kind(e->kind));
    if (!person && !e->open && strcmp(e->kind, "alarm") != 0 && e->answered_ms == 0)
        return;
    if (out->length > 0)
        buf_puts(out, TC("replies", ", "));
    if (e->answered_ms != 0 && e->open && e->who[0] != '\0' && strcmp(e->who, e->answered_by) != 0)
        buf_printf(out, T("%s has it; answered by %s, not closed yet"), e->who, e->answered_by);
    else if (e->answered_ms != 0)
        buf_printf(out, e->open ? T("answered by %s, not closed yet") : T("answered by %s, closed"),
                   e->answered_by);
    else if (!e->open)
        buf_puts(out, T("closed"));
    else if (e->who[0] != '\0')
        buf_printf(out, T("%s has it"), e->who);
    else
        buf_puts(out, T("nobody has it yet"));
}

/* Parts of a line with two blanks between them; one that does not fit begins another line. */
struct head {
    struct buf *out;
    size_t width, used;
};

static void put_part(struct head *h, const char *part)
{
    size_t columns = utf8_columns(part, strlen(part));

    if (h->used > 0 && h->used + 2 + columns > h->width) {
        buf_puts(h->out, "\n" INDENT);
        h->used = strlen(INDENT);
    } else if (h->used > 0) {
        buf_puts(h->out, "  ");
        h->used += 2;
    }
    buf_puts(h->out, part);
    h->used += columns;
}

/* What a stranger wrote: control bytes would move the cursor. */
static char *harmless(const char *s)
{
    char *copy = xstrdup(s);

    for (char *p = copy; *p != '\0'; p++)
        if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f)
            *p = ' ';
        else if ((unsigned char)*p == 0xc2 && (unsigned char)p[1] >= 0x80 &&
                 (unsigned char)p[1] < 0xa0) /* C1: U+009B begins a sequence, too */
            p[0] = p[1] = ' ';
    return copy;
}

static void write_one(struct names *names, const struct reply_entry *e, bool numbers,
                      struct buf *out)
{
    const struct cli *cli = names->cli;
    size_t width = cli->width > 0 ? cli->width : NO_WIDTH;
    struct head head = {out, width, 0};
    struct buf part = BUF_INIT(65536);
    char at[HUMAN_BYTES], *text = harmless(e->text), *part_text;

    put_part(&head, e->id);
    put_part(&head,
             human_time(at, zone_find(cli->settings->defaults.timezone, NULL), e->at_ms, false));
    buf_puts(&part, numbers || strcmp(e->kind, "alarm") == 0 ? e->from
                                                             : log_mask(e->from, strlen(e->from)));
    put_name(names, e, &part);
    part_text = harmless(buf_string(&part));
    put_part(&head, part_text);
    free(part_text);
    if (e->campaign[0] != '\0')
        put_part(&head, e->campaign);
    buf_clear(&part);
    put_state(e, &part);
    part_text = harmless(buf_string(&part));
    put_part(&head, part_text);
    free(part_text);
    buf_putc(out, '\n');
    table_wrap(out, text, width - strlen(INDENT), INDENT);
    buf_putc(out, '\n');
    buf_free(&part);
    free(text);
}

static int urgency(const struct reply_entry *e)
{
    return !e->open ? 2 : strcmp(e->kind, "alarm") != 0;
}

static int by_urgency(const void *x, const void *y)
{
    const struct reply_entry *a = x, *b = y;

    if (urgency(a) != urgency(b))
        return urgency(a) - urgency(b);
    return -reply_book_order(a, b);
}

size_t reply_page_write(struct cli *cli, struct reply_book *book,
                        bool (*wanted)(const struct reply_entry *e, const void *arg),
                        const void *arg, bool numbers, struct buf *out)
{
    struct names names = {.cli = cli};
    size_t written = 0;

    if (book->count > 0)
        qsort(book->entries, book->count, sizeof *book->entries, by_urgency);
    for (size_t i = 0; i < book->count; i++)
        if (wanted(&book->entries[i], arg)) {
            write_one(&names, &book->entries[i], numbers, out);
            written++;
        }
    names_free(&names);
    return written;
}
