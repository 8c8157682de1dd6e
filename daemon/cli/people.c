#include "people.h"

#include "campaign.h"
#include "column.h"
#include "field.h"
#include "mem.h"
#include "remark.h"
#include "template.h"
#include "tree.h"

#include <stdlib.h>
#include <string.h>

struct people {
    char *path;
    struct campaign *campaign;
    struct buf left_out;
};

/* Columns whose values are tags. */
static const struct {
    const char *name;
    bool column; /* and a value that texts may use */
} tag_columns[] = {
    {"标签", false},    {"tags", false},     {"tag", false},     {"Tags", false},
    {"Tag", false},     {"社区", true},      {"类别", true},     {"community", true},
    {"category", true}, {"Community", true}, {"Category", true},
};

static int find_tags(const char *name)
{
    for (size_t i = 0; i < sizeof tag_columns / sizeof *tag_columns; i++)
        if (strcmp(tag_columns[i].name, name) == 0)
            return (int)i;
    return -1;
}

bool people_is_tags(const struct people *p, size_t column)
{
    return find_tags(p->campaign->columns[column]) >= 0;
}

bool people_keeps(const struct people *p, size_t column)
{
    int i = find_tags(p->campaign->columns[column]);

    return i < 0 || tag_columns[i].column;
}

const char *people_left_out(const struct people *p)
{
    return buf_string((struct buf *)&p->left_out);
}

const struct campaign *people_campaign(const struct people *p)
{
    return p->campaign;
}

/* ------------------------------------------------------------------- the file */
static json_t *mapping_json(const struct option_strings *mapping, struct error *err)
{
    json_t *all = json_object();

    for (size_t i = 0; i < mapping->count; i++) {
        const char *equals = strchr(mapping->items[i], '=');
        const char *known;
        char name[128];

        if (equals == NULL || equals == mapping->items[i] || equals[1] == '\0' ||
            (size_t)(equals - mapping->items[i]) >= sizeof name) {
            error_set(err, T("--columns %s: expected NAME=HEADING, as in sms=联系电话2"),
                      mapping->items[i]);
            json_decref(all);
            return NULL;
        }
        memcpy(name, mapping->items[i], (size_t)(equals - mapping->items[i]));
        name[equals - mapping->items[i]] = '\0';
        known = column_known(name, strlen(name));
        json_object_set_new(all, known != NULL ? known : name, json_text(equals + 1));
    }
    return all;
}

static struct tree *tree_of(json_t *value, struct error *err)
{
    char *text = json_dumps(value, JSON_COMPACT);
    struct tree *t = tree_parse_json(text, strlen(text), NULL, err);

    free(text);
    return t;
}

static bool has(char **names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool is_channel(const char *name)
{
    for (size_t i = 0; residents_channels[i] != NULL; i++)
        if (strcmp(residents_channels[i], name) == 0)
            return true;
    return false;
}

static bool has_place(const char *name)
{
    return column_name_valid(name, strlen(name)) && strlen(name) <= RESIDENTS_NAME_BYTES &&
           strcmp(name, "slot") != 0 && !column_is_private(name, strlen(name));
}

static int no_address(const char *path, char **written, size_t count, struct error *err)
{
    struct buf list = BUF_INIT(700);

    for (size_t i = 0; i < count; i++)
        buf_printf(&list, "%s%s", i > 0 ? ", " : "", written[i]);
    error_set(err,
              T("%s: no column with phone numbers (手机号, 电话, phone, ...); its columns are %s; "
                "name the right one with --columns sms=HEADING"),
              path, buf_string(&list));
    buf_free(&list);
    return -1;
}

/* The columns in our order: addresses, name, language, the rest as the file has them. */
static int lay_out(struct people *p, char **names, char **written, size_t count, json_t *channels,
                   json_t *columns, struct error *err)
{
    static const char *const leading[] = {"name", "language"};

    for (size_t i = 0; residents_channels[i] != NULL; i++)
        if (has(names, count, residents_channels[i])) {
            json_array_append_new(channels, json_string(residents_channels[i]));
            json_array_append_new(columns, json_string(residents_channels[i]));
        }
    if (json_array_size(channels) == 0)
        return no_address(p->path, written, count, err);
    for (size_t i = 0; i < 2; i++)
        if (has(names, count, leading[i]))
            json_array_append_new(columns, json_string(leading[i]));
    for (size_t i = 0; i < count; i++) {
        const char *name = names[i];

        if (name[0] == '\0' || is_channel(name) || strcmp(name, "name") == 0 ||
            strcmp(name, "language") == 0)
            continue;
        if (has_place(name))
            json_array_append_new(columns, json_text(name));
        else
            buf_printf(&p->left_out, "%s%s", p->left_out.length > 0 ? ", " : "", name);
    }
    if (json_array_size(columns) <= CAMPAIGN_MAX_COLUMNS)
        return 0;
    return error_set(err, T("%s: has more than %d columns: take out those that no text will use"),
                     p->path, CAMPAIGN_MAX_COLUMNS);
}

/* A campaign of the file's columns, whose rows are then read as any campaign's. */
static struct campaign *make_campaign(const struct cli *cli, struct people *p, json_t *audience,
                                      char **names, char **written, size_t count, struct error *err)
{
    json_t *channels = json_array(), *columns = json_array(), *document = NULL;
    struct campaign *c = NULL;
    struct tree *t;

    if (lay_out(p, names, written, count, channels, columns, err) == 0) {
        document =
            json_pack("{s:s,s:s,s:s,s:{s:s},s:O,s:O,s:O,s:s,s:[{s:s,s:s}]}", "id", "residents",
                      "class", "personal", "title", "residents", "event", "starts",
                      "2100-01-01T09:00", "audience", audience, "channels", channels, "columns",
                      columns, "texts", "-", "reminders", "name", "once", "at", "now");
        t = tree_of(document, err);
        c = t == NULL ? NULL : campaign_create(t, &cli->settings->defaults, NULL, 0, err);
    }
    json_decref(document);
    json_decref(channels);
    json_decref(columns);
    return c;
}

/* A campaign says in its file which sheet; here it is an option. */
static void say_sheet(const char *sheet, struct error *err)
{
    char words[sizeof err->text];

    if (sheet != NULL || strstr(err->text, "sheet = ") == NULL)
        return;
    memcpy(words, err->text, sizeof words);
    error_set(err, T("%.900s (here: --sheet NAME)"), words);
}

struct people *people_open(const struct cli *cli, const char *path, const char *sheet,
                           const struct option_strings *mapping, bool first, struct error *err)
{
    json_t *columns = mapping_json(mapping, err), *audience;
    struct people *p;
    struct tree *t;
    char **names = NULL, **written = NULL;
    size_t count = 0;

    if (columns == NULL)
        return NULL;
    p = xcalloc(1, sizeof *p);
    p->path = xstrdup(path);
    p->left_out = BUF_INIT(4096);
    audience = json_pack("{s:s}", "same_phone", first ? "first" : "each");
    if (sheet != NULL)
        json_object_set_new(audience, "sheet", json_text(sheet));
    if (mapping->count > 0)
        json_object_set(audience, "columns", columns);
    t = tree_of(audience, err);
    if (t != NULL && audience_columns(path, t, &names, &written, &count, err) == 0)
        p->campaign = make_campaign(cli, p, audience, names, written, count, err);
    else if (t != NULL)
        say_sheet(sheet, err);
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
        free(written[i]);
    }
    free(names);
    free(written);
    tree_free(t);
    json_decref(audience);
    json_decref(columns);
    if (p->campaign != NULL)
        return p;
    people_free(p);
    return NULL;
}

void people_free(struct people *p)
{
    if (p == NULL)
        return;
    campaign_free(p->campaign);
    buf_free(&p->left_out);
    free(p->path);
    free(p);
}

int people_read(const struct people *p, const struct audience_sink *sink,
                struct audience_report *report, struct error *err)
{
    return audience_read_file(p->campaign, p->path, sink, report, err);
}

void people_address(const struct people *p, const struct template_value *values,
                    char out[PEOPLE_ADDRESS_BYTES])
{
    size_t k = 0;

    while (k + 1 < p->campaign->channel_count && values[k].length == 0)
        k++;
    residents_address(out, PEOPLE_ADDRESS_BYTES, p->campaign->channels[k], values[k].text,
                      values[k].length);
}
