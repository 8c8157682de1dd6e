#include "reading.h"

#include "campaigns.h"
#include "clock.h"
#include "column.h"
#include "csv.h"
#include "gateway.h"
#include "human.h"
#include "mem.h"
#include "residents.h"
#include "speechless.h"
#include "table.h"
#include "tree.h"
#include "utf8.h"
#include "who.h"
#include "zone.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PHONE_COLUMNS 40 /* of the little window that shows a text */

/* ------------------------------------------------------------------- the file */
static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n >= m && strcmp(s + n - m, end) == 0;
}

static char *beside(const char *path, const char *file)
{
    const char *slash = strrchr(path, '/');

    if (file[0] == '/' || slash == NULL)
        return xstrdup(file);
    return xasprintf("%.*s/%s", (int)(slash - path), path, file);
}

static struct tree *read_json_file(const char *path, struct error *err)
{
    struct buf text = BUF_INIT(TREE_JSON_BYTES);
    struct tree *t = NULL;
    FILE *f = fopen(path, "re");
    char *room;

    if (f == NULL) {
        error_set(err, "%s: %s", path, language_errno(errno));
        return NULL;
    }
    while ((room = buf_room(&text, 65536)) != NULL) {
        size_t n = fread(room, 1, 65536, f);

        text.length += n;
        if (n == 0)
            break;
    }
    if (ferror(f))
        error_set(err, "%s: %s", path, language_errno(errno));
    else if (room == NULL)
        error_set(err, T("%s is longer than 64 MB"), path);
    else
        t = tree_parse_json(text.data, text.length, path, err);
    fclose(f);
    buf_free(&text);
    return t;
}

struct tree *reading_document(const char *path, struct error *err)
{
    return ends_with(path, ".json") ? read_json_file(path, err) : tree_read_config(path, err);
}

/* Whether a list is what is missing. Its name is looked at before all else that
 * may be wrong in a campaign, so where it cannot be opened that was told. */
static bool lacks_list(const char *path)
{
    struct tree *t = reading_document(path, NULL);
    const struct tree *file = t != NULL ? tree_get(t, "audience.file") : NULL, *one;
    bool lacks = false;

    if (t != NULL && file == NULL)
        file = tree_get(t, "campaign.audience.file");
    one = file != NULL && file->kind == TREE_LIST ? file->first : file;
    for (; one != NULL && !lacks; one = one == file ? NULL : one->next) {
        char *list = one->kind == TREE_STRING ? beside(path, one->string) : NULL;

        lacks = list != NULL && access(list, R_OK) != 0;
        free(list);
    }
    tree_free(t);
    return lacks;
}

/* The register's columns, where the document wants its people. */
static int open_register(struct reading *r, const struct tree *document,
                         const char *const **columns, size_t *count, struct error *err)
{
    *columns = NULL;
    *count = 0;
    if (!campaign_wants_register(document))
        return 0;
    r->no_register = cli_try_connect(r->cli, err);
    if (r->no_register == 0)
        r->residents = residents_open(r->cli->db, err);
    if (r->residents == NULL) {
        r->no_register = r->no_register != 0 ? r->no_register : EX_UNAVAILABLE;
        return -1;
    }
    *count = residents_columns(r->residents, columns);
    r->no_list = *count == 0;
    if (*count > 0)
        return 0;
    return error_set(err, T("the register is empty: outreach residents import FILE fills it"));
}

/* JSON does not know where it stands. */
static void name_file(const char *path, struct error *err)
{
    if (ends_with(path, ".json") && strncmp(err->text, path, strlen(path)) != 0)
        error_prefix(err, "%s", path);
}

int reading_speaks(const struct cli *cli, const struct campaign *c, struct error *err)
{
    const struct settings *s = cli->settings;
    struct gateway_set *set = gateway_set_plan(s->gateways, s->plugin_dir, NULL);
    int rc = set != NULL ? speechless_check(set, c, &s->defaults, err) : 0;

    gateway_set_close(set);
    return rc;
}

int reading_there(const char *path, struct error *err)
{
    if (access(path, R_OK) == 0)
        return 0;
    if (errno == ENOENT && strspn(path, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(path))
        return error_set(err, T("there is no file %s: name the campaign file, such as %s.conf"),
                         path, path);
    return error_set(err, T("%s cannot be read: %s"), path, language_errno(errno));
}

static int refuse_list(const char *path, struct error *err)
{
    return ends_with(path, ".csv") || ends_with(path, ".xlsx") || ends_with(path, ".xls")
               ? error_set(err,
                           T("%s is a list: name the campaign file, whose audience.file names it"),
                           path)
               : 0;
}

int reading_open(struct reading *r, struct cli *cli, const char *path, size_t keep,
                 struct error *err)
{
    struct tree *document;
    const char *const *columns;
    size_t count;

    r->cli = cli;
    r->path = path;
    if (refuse_list(path, err) != 0)
        return -1;
    document = reading_document(path, err);
    if (document == NULL)
        return -1;
    if (open_register(r, document, &columns, &count, err) != 0) {
        tree_free(document);
        return -1;
    }
    r->campaign =
        campaign_read_document(document, path, &cli->settings->defaults, columns, count, err);
    if (r->campaign == NULL) {
        r->no_list = lacks_list(path);
        name_file(path, err);
        return -1;
    }
    if (reading_speaks(cli, r->campaign, err) != 0)
        return -1;
    r->preview = preview_create(r->campaign, cli->settings, keep);
    r->progress = isatty(STDERR_FILENO) && !cli->json;
    return 0;
}

int reading_fault(const struct reading *r)
{
    return r->no_register != 0 ? r->no_register : r->no_list ? EX_NOINPUT : EX_DATAERR;
}

struct campaign *reading_bare(const struct cli *cli, const char *path, struct error *err)
{
    struct tree *t = refuse_list(path, err) == 0 ? reading_document(path, err) : NULL;

    return t == NULL ? NULL : campaign_create(t, &cli->settings->defaults, NULL, 0, err);
}

void reading_close(struct reading *r)
{
    preview_free(r->preview);
    campaign_free(r->campaign);
    residents_close(r->residents);
}

/* ------------------------------------------------------------------- the list */
static int on_row(void *arg, const char *row, size_t n, struct error *err)
{
    struct reading *r = arg;

    preview_row(r->preview, row, n);
    return r->row != NULL ? r->row(r->arg, row, n, err) : 0;
}

static void on_remark(void *arg, unsigned long line, bool refused, const char *text)
{
    preview_remark(((struct reading *)arg)->preview, line, refused, text);
}

static void on_progress(void *arg, uint64_t bytes, uint64_t total)
{
    struct reading *r = arg;
    int64_t now = clock_mono_ms(), took = now - r->began_ms;
    char rows[HUMAN_BYTES], rate[HUMAN_BYTES], percent[HUMAN_BYTES];

    if (!r->progress || took < 500 || now - r->drawn_ms < 200)
        return;
    r->drawn_ms = now;
    fputs("\r\033[K", stderr);
    fprintf(stderr, T("%s rows, %s, %s"), human_count(rows, (int64_t)preview_rows(r->preview)),
            total ? human_percent(percent, (int64_t)bytes, (int64_t)total) : "",
            human_rate(rate, (double)preview_rows(r->preview) * 1000 / (double)took));
    fflush(stderr);
}

/* Every row was refused, most likely for the same reason: that of the first is told. */
static int nobody(const struct reading *r, const char *list, struct error *err)
{
    const struct preview_remark *remarks;
    unsigned long all;
    size_t n = preview_remarks(r->preview, &remarks, &all), i = 0;

    while (i < n && !remarks[i].refused)
        i++;
    if (i == n)
        return error_set(err, T("%s: nobody in the list can be reached (rows refused: %lu)"), list,
                         r->report.refused);
    return error_set(err,
                     T("%s: nobody in the list can be reached (rows refused: %lu); row %lu: %s"),
                     list, r->report.refused, remarks[i].line, remarks[i].text);
}

/* ---------------------------------------------------------------- the register */
struct people {
    struct audience *audience;
    struct reading *reading;
    int places[CAMPAIGN_MAX_COLUMNS]; /* of the campaign's columns in the register; -1: none */
};

static int on_person(void *arg, const struct resident *one, struct error *err)
{
    struct people *p = arg;
    struct csv_field raw[CAMPAIGN_MAX_COLUMNS];

    for (size_t k = 0; k < p->reading->campaign->column_count; k++)
        raw[k] = p->places[k] < 0 ? (struct csv_field){"", 0}
                                  : (struct csv_field){one->values[p->places[k]].text,
                                                       one->values[p->places[k]].length};
    return audience_add_person(p->audience, (unsigned long)one->number, raw, err);
}

static void on_people(void *arg, int64_t number, int64_t last)
{
    on_progress(((struct people *)arg)->reading, (uint64_t)number, (uint64_t)last);
}

int reading_who(const struct reading *r, struct who *who, struct error *err)
{
    const struct campaign *c = r->campaign;
    const char *const *const named[] = {c->tags, c->any, c->without};

    *who = (struct who){0};
    for (int kind = 0; kind < WHO_KINDS; kind++)
        for (size_t i = 0; named[kind] != NULL && named[kind][i] != NULL; i++)
            if (who_name(who, r->residents, (enum who_kind)kind, named[kind][i], err) != 0)
                return error_prefix(err, "%s: audience", r->path);
    return 0;
}

static int read_register(struct reading *r, struct audience *audience, struct error *err)
{
    const struct campaign *c = r->campaign;
    struct people p = {audience, r, {0}};
    struct who who;

    if (reading_who(r, &who, err) != 0)
        return -1;
    for (size_t k = 0; k < c->column_count; k++)
        p.places[k] = residents_column(r->residents, c->columns[k]);
    audience_begin_register(audience);
    return residents_each(r->residents, &who.filter, false, on_person, on_people, &p, err);
}

/* All files, in their order, then the register. */
static int read_lists(struct reading *r, const struct audience_sink *sink, struct error *err)
{
    const struct campaign *c = r->campaign;
    struct audience *audience = audience_begin(c, sink, &r->report);
    int rc = r->before != NULL ? r->before(r->arg, audience, err) : 0;

    for (size_t i = 0; i < c->audience_file_count && rc == 0; i++) {
        char *path = beside(r->path, c->audience_files[i]);

        rc = audience_add_file(audience, path, err);
        free(path);
    }
    if (rc == 0 && c->from_register)
        rc = read_register(r, audience, err);
    if (rc == 0)
        rc = audience_end(audience, err);
    audience_free(audience);
    return rc;
}

int reading_audience(struct reading *r, struct error *err)
{
    const struct audience_sink sink = {on_row, on_remark, on_progress, r};
    const struct campaign *c = r->campaign;
    const struct tree *inline_list = tree_get(c->document, "audience.recipients");
    int rc;

    r->began_ms = clock_mono_ms();
    if (c->audience_file != NULL || c->from_register) {
        rc = read_lists(r, &sink, err);
    } else if (inline_list != NULL) {
        rc = audience_read_inline(c, inline_list, &sink, &r->report, err);
    } else if (c->to_group) {
        rc = audience_read_group(c, &sink, &r->report, err);
    } else {
        rc = error_set(err, T("%s: audience: no file and no recipients"), r->path);
    }
    if (r->drawn_ms != 0)
        fputs("\r\033[K", stderr);
    if (rc == 0 && r->report.rows == 0)
        rc = error_set(err,
                       c->audience_file == NULL && c->from_register
                           ? T("%s: nobody in the register has these tags")
                           : T("%s: the list has no rows"),
                       c->audience_file ? c->audience_file : r->path);
    else if (rc == 0 && preview_rows(r->preview) == 0 && r->report.known == 0)
        rc = nobody(r, c->audience_file ? c->audience_file : r->path, err);
    return rc;
}

/* ----------------------------------------------------------------- for a person */
/* Of one that stands in Redis: the reminder, where it has begun. */
static const struct reminder_status *begun(const struct campaign_status *s, const char *name)
{
    for (size_t i = 0; s != NULL && i < s->reminder_count; i++)
        if (s->reminders[i].begun_ms != 0 && strcmp(s->reminders[i].name, name) == 0)
            return &s->reminders[i];
    return NULL;
}

static void write_plan(const struct campaign *c, int64_t queued_ms,
                       const struct campaign_status *stands, struct buf *out)
{
    static const struct table_column columns[] = {
        {"", TABLE_LEFT, false}, {"", TABLE_LEFT, false}, {"", TABLE_LEFT, false}};
    int64_t due_ms[CAMPAIGN_MAX_REMINDERS];
    bool skipped[CAMPAIGN_MAX_REMINDERS];
    struct table *t = table_create(columns, 3);
    char when[HUMAN_BYTES];

    campaign_plan(c, queued_ms, due_ms, skipped);
    for (size_t r = 0; r < c->reminder_count; r++) {
        const struct reminder_status *is = begun(stands, c->reminders[r].name);

        table_cell(t, c->reminders[r].name);
        table_cell(t, human_time(when, c->zone, is != NULL ? is->begun_ms : due_ms[r], false));
        if (is != NULL && reminder_waiting(is) == 0)
            table_cell(t, T("sent already"));
        else if (is != NULL)
            table_printf(t, T("has begun; %s wait"), human_count(when, reminder_waiting(is)));
        else if (skipped[r])
            table_cell(t, c->reminders[r].expires_ms <= queued_ms ? T("over: will not be sent")
                                                                  : T("missed: will not be sent"));
        else if (c->reminders[r].at.of_slot)
            table_cell(t, T("each at the recipient's own time"));
        else if (due_ms[r] <= queued_ms)
            table_cell(t, T("now"));
        else
            table_cell(t, "");
    }
    table_write(t, 0, 2, out);
    table_free(t);
}

void reading_write_plan(const struct campaign *c, int64_t queued_ms, struct buf *out)
{
    write_plan(c, queued_ms, NULL, out);
}

bool reading_is_over(const struct campaign *c, int64_t queued_ms)
{
    int64_t due_ms[CAMPAIGN_MAX_REMINDERS];
    bool skipped[CAMPAIGN_MAX_REMINDERS];

    campaign_plan(c, queued_ms, due_ms, skipped);
    for (size_t r = 0; r < c->reminder_count; r++)
        if (!skipped[r])
            return false;
    return true;
}

static void write_reminder_names(const struct campaign *c, uint32_t reminders, struct buf *out)
{
    const char *comma = "";

    for (size_t r = 0; r < c->reminder_count / c->occurrence_count; r++) {
        if ((reminders & 1u << r) == 0)
            continue;
        buf_printf(out, "%s%s", comma, c->reminders[r].name);
        comma = ", ";
    }
}

static void write_text(const struct reading *r, const struct preview_text *t, struct buf *out)
{
    char count[HUMAN_BYTES];

    buf_puts(out, "\n");
    write_reminder_names(r->campaign, t->reminders, out);
    buf_printf(out, T(" (%s, %s), recipients: %s"), words_channel(t->channel),
               column_language_words(t->language), human_count(count, (int64_t)t->recipients));
    if (t->longest > 0)
        buf_printf(out, T(", segments at most: %u"), t->longest);
    buf_putc(out, '\n');
    if (t->sample != NULL) {
        buf_printf(out, T("  to %s"), t->sample_to);
        if (t->sample_size.segments > 0)
            buf_printf(out, T(", characters: %u, segments: %u"),
                       (unsigned)utf8_count(t->sample, strlen(t->sample)), t->sample_size.segments);
        buf_putc(out, '\n');
        table_wrap(out, t->sample, PHONE_COLUMNS, "  | ");
    }
    if (t->holes > 0)
        buf_printf(
            out, T("  ! for %lu of them {{%s}} is empty and has no default: they would get none\n"),
            t->holes, t->hole);
    if (t->too_long > 0)
        buf_printf(out, T("  ! for %lu of them it is longer than %d segments\n"), t->too_long,
                   r->campaign->max_segments);
}

void reading_write_remarks(const struct reading *r, struct buf *out)
{
    const struct preview_remark *remarks;
    unsigned long all;
    size_t n = preview_remarks(r->preview, &remarks, &all);

    for (size_t i = 0; i < n; i++)
        buf_printf(out, T("  row %lu%s: %s\n"), remarks[i].line,
                   remarks[i].refused ? T(" not taken") : "", remarks[i].text);
    if (all > n)
        buf_printf(out, T("  ... and %lu more (--all shows them)\n"), all - n);
}

static void write_event(const struct campaign *c, struct buf *out)
{
    char starts[HUMAN_BYTES], ends[HUMAN_BYTES];

    buf_printf(out, T("%s  %s\nclass %s; event %s"), c->id, c->title, words_class(c->class_name),
               human_time(starts, c->zone, c->starts_ms, false));
    if (c->ends_ms != 0)
        buf_printf(out, T(" to %s"), human_time(ends, c->zone, c->ends_ms, false));
    buf_printf(out, " (%s)\n", zone_name(c->zone));
    if (c->occurrence_count > 1)
        buf_printf(
            out, T("the first of %zu, the last %s\n"), c->occurrence_count,
            human_time(starts, c->zone, c->reminders[c->reminder_count - 1].starts_ms, false));
}

/* What nobody can know yet: a warning, no mistake. */
static void write_unannounced(const struct campaign *c, int64_t queued_ms, struct buf *out)
{
    int year = campaign_unannounced(c, queued_ms);

    if (year != 0)
        buf_printf(out,
                   T("  the work days of %d are not known here (no %s-%d.conf in calendar_dir): "
                     "Monday to Friday are taken\n"),
                   year, c->country, year);
}

void reading_write(const struct reading *r, int64_t queued_ms, struct buf *out)
{
    const struct preview_text *texts;
    size_t n = preview_texts(r->preview, &texts);
    char taken[HUMAN_BYTES];

    write_event(r->campaign, out);
    buf_puts(out, T("\nReminders\n"));
    write_plan(r->campaign, queued_ms, r->stands, out);
    write_unannounced(r->campaign, queued_ms, out);
    buf_printf(out, T("\nRecipients: %s taken, %lu merged, %lu refused of %lu rows\n"),
               human_count(taken, (int64_t)preview_rows(r->preview)), r->report.merged,
               r->report.refused, r->report.rows);
    if (r->report.elsewhere > 0)
        buf_printf(out, T("  merged with an earlier list: %lu (there she counts)\n"),
                   r->report.elsewhere);
    reading_write_remarks(r, out);
    buf_puts(out, T("\nTexts, as the first recipient's phone shows them\n"));
    for (size_t i = 0; i < n; i++)
        write_text(r, &texts[i], out);
}

/* ---------------------------------------------------------------- for programs */
static json_t *plan_json(const struct campaign *c, int64_t queued_ms)
{
    int64_t due_ms[CAMPAIGN_MAX_REMINDERS];
    bool skipped[CAMPAIGN_MAX_REMINDERS];
    json_t *all = json_array();

    campaign_plan(c, queued_ms, due_ms, skipped);
    for (size_t r = 0; r < c->reminder_count; r++)
        json_array_append_new(all, json_pack("{s:s,s:I,s:I,s:b}", "name", c->reminders[r].name,
                                             "due_ms", (json_int_t)due_ms[r], "expires_ms",
                                             (json_int_t)c->reminders[r].expires_ms, "skipped",
                                             skipped[r]));
    return all;
}

static json_t *texts_json(const struct reading *r)
{
    const struct preview_text *texts;
    size_t n = preview_texts(r->preview, &texts);
    json_t *all = json_array();

    for (size_t i = 0; i < n; i++) {
        const struct preview_text *t = &texts[i];
        json_t *names = json_array();

        for (size_t k = 0; k < r->campaign->reminder_count / r->campaign->occurrence_count; k++)
            if (t->reminders & 1u << k)
                json_array_append_new(names, json_string(r->campaign->reminders[k].name));
        json_array_append_new(
            all,
            json_pack("{s:o,s:s,s:s,s:I,s:o,s:o,s:i,s:i,s:I,s:I}", "reminders", names, "channel",
                      t->channel, "language", t->language, "recipients", (json_int_t)t->recipients,
                      "to", t->sample_to ? json_text(t->sample_to) : json_null(), "text",
                      t->sample ? json_text(t->sample) : json_null(), "segments",
                      (int)t->sample_size.segments, "longest", (int)t->longest, "too_long",
                      (json_int_t)t->too_long, "empty", (json_int_t)t->holes));
    }
    return all;
}

json_t *reading_json(const struct reading *r, int64_t queued_ms)
{
    const struct campaign *c = r->campaign;
    const struct preview_remark *remarks;
    unsigned long all;
    size_t n = preview_remarks(r->preview, &remarks, &all);
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:I,s:b,s:o}", "row", (json_int_t)remarks[i].line,
                                              "refused", remarks[i].refused, "text",
                                              json_text(remarks[i].text)));
    return json_pack(
        "{s:s,s:o,s:s,s:I,s:I,s:s,s:i,s:o,s:{s:I,s:I,s:I,s:I,s:I,s:s},s:o,s:I,s:o}", "id", c->id,
        "title", json_text(c->title), "class", c->class_name, "starts_ms", (json_int_t)c->starts_ms,
        "ends_ms", (json_int_t)c->ends_ms, "timezone", zone_name(c->zone), "unannounced_year",
        campaign_unannounced(c, queued_ms), "reminders", plan_json(c, queued_ms), "audience",
        "rows", (json_int_t)r->report.rows, "taken", (json_int_t)preview_rows(r->preview),
        "refused", (json_int_t)r->report.refused, "merged", (json_int_t)r->report.merged,
        "elsewhere", (json_int_t)r->report.elsewhere, "digest", preview_digest(r->preview),
        "remarks", list, "all_remarks", (json_int_t)all, "texts", texts_json(r));
}
