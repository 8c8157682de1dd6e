#include "gateway_settings.h"

#include "calendar.h"
#include "error.h"
#include "field.h"
#include "language.h"
#include "mem.h"
#include "receipt_index.h"
#include "tree.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_BYTES 32
#define SLOT_BYTES 16 /* takes what any kind of a plugin's setting leaves */
#define MAX_NESTING 4
#define TOKEN_BYTES_MIN 16

struct gateway_settings {
    struct gateway_config config; /* first: the common fields' offsets begin here */
    const struct field *table;
    const struct tree *group;
};

_Static_assert(sizeof(struct field_strings) <= SLOT_BYTES, "a list fits in a slot");
_Static_assert(sizeof(struct field_groups) <= SLOT_BYTES, "a list of groups fits in a slot");

/* ------------------------------------------------------- the common settings */

static int read_name(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    size_t n = value->kind == TREE_STRING ? strlen(value->string) : 0;

    (void)arena;
    if (n < 1 || n > NAME_BYTES ||
        strspn(value->string, "abcdefghijklmnopqrstuvwxyz0123456789-") != n)
        return tree_error(err, value, "expected a name of 1..%d of a-z, 0-9 and -", NAME_BYTES);
    *(const char **)at = value->string;
    return 0;
}

static int read_classes(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    static const char *const names[] = {"notice", "promotion", "personal"};
    unsigned classes = 0;

    (void)arena;
    if (value->kind != TREE_LIST || value->count == 0)
        return tree_error(err, value, "expected a list of \"notice\", \"promotion\", \"personal\"");
    for (const struct tree *c = value->first; c != NULL; c = c->next) {
        unsigned k = 0;

        while (k < 3 && (c->kind != TREE_STRING || strcmp(c->string, names[k]) != 0))
            k++;
        if (k == 3)
            return tree_error(err, c, "expected one of \"notice\", \"promotion\", \"personal\"");
        classes |= 1u << k;
    }
    *(unsigned *)at = classes;
    return 0;
}

struct rate {
    int64_t rate, rate_ms;
};

_Static_assert(offsetof(struct gateway_config, rate_ms) ==
                   offsetof(struct gateway_config, rate) + offsetof(struct rate, rate_ms),
               "read_rate() fills two neighbours");
_Static_assert(offsetof(struct gateway_config, sender_rate_ms) ==
                   offsetof(struct gateway_config, sender_rate) + offsetof(struct rate, rate_ms),
               "read_rate() fills two neighbours");

static int read_rate(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    struct rate *r = at;

    (void)arena;
    if (value->kind != TREE_STRING || field_rate(value->string, &r->rate, &r->rate_ms) != 0 ||
        r->rate > 10000000 || r->rate_ms > INT64_C(31) * 86400000)
        return tree_error(err, value, "expected a rate like \"200/s\", \"20/min\", \"1000/h\"");
    return 0;
}

static int read_patterns(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    static const struct field strings[] = {{"match", FIELD_STRINGS, .max = 1000}, {0}};
    struct error why;
    const struct tree *c = value->kind == TREE_LIST ? value->first : NULL;

    for (; c != NULL; c = c->next)
        if (c->kind == TREE_STRING && route_check_pattern(c->string, &why) != 0)
            return tree_error(err, c, "%s", why.text);
    return field_read_one(strings, value, at, arena, err);
}

/* Whether it holds what it should is OpenSSL's to say, and makes the gateway broken. */
static int read_file(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    static const struct field string[] = {{"file", FIELD_STRING, .min = 1, .max = 4096}, {0}};

    if (value->kind == TREE_STRING && access(value->string, R_OK) != 0)
        return tree_error(err, value, "%s: %s", value->string, language_errno(errno));
    return field_read_one(string, value, at, arena, err);
}

static int read_closed_days(const struct tree *value, struct gateway_closed *days,
                            struct error *err)
{
    if (value->kind != TREE_STRING ||
        calendar_days_parse(value->string, &days->from, &days->to) != 0)
        return tree_error(err, value,
                          "expected a day \"2027-03-03\" or days \"2027-03-03/2027-03-12\"");
    if (days->to < days->from)
        return tree_error(err, value, "ends before it begins");
    return 0;
}

static int read_closed(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    struct gateway_closed *days;
    size_t n = 0;

    if (value->kind != TREE_LIST)
        return tree_error(err, value, "expected a list of days, found %s",
                          tree_kind_name(value->kind));
    days = arena_alloc(arena, (value->count + 1) * sizeof *days);
    for (const struct tree *c = value->first; c != NULL; c = c->next, n++)
        if (read_closed_days(c, &days[n], err) != 0)
            return -1;
    *(struct gateway_closed_days *)at = (struct gateway_closed_days){days, n};
    return 0;
}

#define AT(member) FIELD_AT(struct gateway_config, member)

static const char *const count_names[] = {"messages", "segments", NULL};
static const char *const days_names[] = {"any", "workdays", NULL};
static const char *const signature_names[] = {"prefix", "suffix", "gateway", "none", NULL};

static const struct field common_fields[] = {
    {"name", FIELD_CUSTOM, AT(name), .required = true, .read = read_name,
     .help = "of this gateway, [a-z0-9-], unique"},
    {"plugin", FIELD_STRING, AT(plugin), .min = 1, .max = 4096, .required = true,
     .help = "a plugin's name, or the absolute path of its .so"},
    {"channel", FIELD_CUSTOM, AT(channel), .read = read_name, .help = "default: the plugin's"},
    {"classes", FIELD_CUSTOM, AT(classes), .read = read_classes,
     .help = "what it may carry: notice, promotion, personal; default all"},
    {"rate", FIELD_CUSTOM, AT(rate), .read = read_rate,
     .help = "at most so many messages (or segments) in that time, over all daemons"},
    {"burst", FIELD_INT, AT(burst), .min = 1, .max = 1000000,
     .help = "so many at once after a pause, never beyond rate; default: evenly"},
    {"count", FIELD_ENUM, AT(count), .names = count_names, .help = "what the rates count"},
    {"sender_rate", FIELD_CUSTOM, AT(sender_rate), .read = read_rate,
     .help = "at most so many from its source number, over all gateways that send from it"},
    {"per_number", FIELD_CUSTOM, AT(per_number), .read = per_number_read,
     .help = "the operator's limit for one recipient: \"aliyun-notice\", ... or rules like "
             "\"1/30s\""},
    {"window", FIELD_INT, AT(window), .min = 1, .max = 65535, .initial = "10",
     .help = "messages without an answer at once"},
    {"signature", FIELD_ENUM, AT(signature), .names = signature_names,
     .help = "where the sender's signature goes, or that the gateway adds its own; default prefix "
             "for sms, else none"},
    {"match", FIELD_CUSTOM, AT(match), .read = read_patterns,
     .help = "patterns of addresses that it is preferred for"},
    {"priority", FIELD_INT, AT(priority), .min = 1, .max = 1000, .initial = "1",
     .help = "1 goes before 2"},
    {"weight", FIELD_INT, AT(weight), .min = 1, .max = 1000, .initial = "1",
     .help = "its share among gateways of the same priority"},
    {"cost", FIELD_FLOAT, AT(cost), .min = 0, .max = 1000000, .help = "of a segment"},
    {"balance_low", FIELD_FLOAT, AT(balance_low), .min = 0, .max = 1000000000,
     .help = "of a prepaid balance (outreach gateways balance): less is told to those on duty; 0: "
             "less than a tenth of it"},
    {"closed", FIELD_CUSTOM, AT(closed), .read = read_closed,
     .help = "days on which nothing leaves here"},
    {"days", FIELD_ENUM, AT(days), .initial = "any", .names = days_names,
     .help = "the days on which something leaves here: any, or workdays of the campaign's country"},
    {"group", FIELD_BOOL, AT(group), .help = "reaches a group: one notice a reminder"},
    {"receipt_wait", FIELD_DURATION, AT(receipt_wait_ms), .min = RECEIPT_WAIT_LEAST_MS,
     .max = RECEIPT_WAIT_MOST_MS, .initial = "72h",
     .help = "how long a receipt is waited for, and finds its notice"},
    {"receipt_silence", FIELD_DURATION, AT(receipt_silence_ms), .min = 0,
     .max = INT64_C(30) * 86400000, .initial = "15min",
     .help = "many messages and no receipt for so long is told; \"0s\": never"},
    {"callback_token", FIELD_SECRET, AT(callback_token),
     .help = "in the path of what the provider pushes: /callbacks/NAME/TOKEN; 16 letters or more"},
    {"callback_from", FIELD_CUSTOM, AT(callback_from), .read = field_read_networks,
     .help = "networks that may push: \"192.0.2.0/24\"; default: any"},
    {"tls_ca", FIELD_CUSTOM, AT(tls_ca), .read = read_file,
     .help = "a file of PEM certificates: the CAs that its TLS is checked by, in place of the "
             "system's"},
    {"tls_cert", FIELD_CUSTOM, AT(tls_cert), .read = read_file,
     .help = "a PEM file: the certificate that is shown where its TLS asks for one, and the chain "
             "to its CA"},
    {"tls_key", FIELD_CUSTOM, AT(tls_key), .read = read_file,
     .help = "a PEM file, of no passphrase: the private key of tls_cert; default: in that file"},
    {"answer_wait", FIELD_DURATION, AT(answer_wait_ms), .min = 1000, .max = 86400000,
     .initial = "10min",
     .help = "a message without an answer for so long is lost: the plugin is opened anew; longer "
             "than its own time-outs"},
    {"disabled", FIELD_BOOL, AT(disabled), .help = "checked, but not opened"},
    {0},
};

const struct field *gateway_settings_table(void)
{
    return common_fields;
}

/* ------------------------------------------------------- the plugin's settings */

static const enum field_kind kinds[] = {
    [GATEWAY_STRING] = FIELD_STRING,     [GATEWAY_SECRET] = FIELD_SECRET,
    [GATEWAY_INT] = FIELD_INT,           [GATEWAY_BOOL] = FIELD_BOOL,
    [GATEWAY_DURATION] = FIELD_DURATION, [GATEWAY_GROUPS] = FIELD_GROUPS,
    [GATEWAY_STRINGS] = FIELD_STRINGS,
};

static size_t table_length(const struct gateway_setting *table)
{
    size_t n = 0;

    while (table != NULL && table[n].name != NULL)
        n++;
    return n;
}

static struct field *find_field(struct field *table, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

static int convert_table(const struct gateway_setting *from, struct field *to, size_t n,
                         size_t offset, int nesting, struct arena *arena, struct error *err);

static int convert_setting(const struct gateway_setting *from, struct field *to, size_t offset,
                           int nesting, struct arena *arena, struct error *err)
{
    size_t n = table_length(from->fields);
    struct field *fields;

    if ((unsigned)from->kind > GATEWAY_STRINGS)
        return error_set(err, "%s: is of unknown kind %d", from->name, (int)from->kind);
    *to = (struct field){
        .name = from->name,
        .kind = kinds[from->kind],
        .offset = offset,
        .min = from->min,
        .max = from->max,
        .required = from->required,
        .initial = from->initial,
        .help = from->help,
    };
    if (from->kind != GATEWAY_GROUPS)
        return 0;
    if (nesting == MAX_NESTING)
        return error_set(err, "%s: is nested too deep", from->name);
    fields = arena_alloc(arena, (n + 1) * sizeof *fields);
    memset(fields, 0, (n + 1) * sizeof *fields);
    to->fields = fields;
    to->size = n == 0 ? SLOT_BYTES : n * SLOT_BYTES;
    return convert_table(from->fields, fields, n, 0, nesting + 1, arena, err);
}

static int convert_table(const struct gateway_setting *from, struct field *to, size_t n,
                         size_t offset, int nesting, struct arena *arena, struct error *err)
{
    for (size_t i = 0; i < n; i++)
        if (convert_setting(&from[i], &to[i], offset + i * SLOT_BYTES, nesting, arena, err) != 0)
            return -1;
    return 0;
}

const struct field *gateway_settings_of_plugin(const struct gateway_plugin *plugin,
                                               struct arena *arena, struct error *err)
{
    size_t n = table_length(plugin->settings);
    struct field *table = arena_alloc(arena, (n + 1) * sizeof *table);

    memset(table, 0, (n + 1) * sizeof *table);
    return convert_table(plugin->settings, table, n, 0, 0, arena, err) == 0 ? table : NULL;
}

static void apply_presets(const struct gateway_preset *preset, const struct tree *group,
                          struct field *table, size_t common)
{
    for (; preset != NULL && preset->given != NULL; preset++) {
        struct field *same = find_field(table, common, preset->name);

        if (same != NULL && tree_member(group, preset->given) != NULL)
            same->initial = preset->initial;
    }
}

/* The common table, and behind it what the plugin adds. */
static const struct field *merge_tables(const struct gateway_plugin *plugin,
                                        const struct tree *group, struct arena *arena,
                                        struct error *err)
{
    size_t common = sizeof common_fields / sizeof common_fields[0] - 1, n = common;
    size_t own = table_length(plugin->settings), offset = sizeof(struct gateway_settings);
    struct field *table = arena_alloc(arena, (common + own + 1) * sizeof *table);

    memset(table, 0, (common + own + 1) * sizeof *table);
    memcpy(table, common_fields, common * sizeof *table);
    for (size_t i = 0; i < own; i++) {
        const struct gateway_setting *s = &plugin->settings[i];
        struct field *same = find_field(table, common, s->name);

        if (same != NULL) {
            same->initial = s->initial != NULL ? s->initial : same->initial;
            same->required = same->required || s->required;
        } else if (convert_setting(s, &table[n++], offset + i * SLOT_BYTES, 0, arena, err) != 0) {
            return NULL;
        }
    }
    apply_presets(plugin->presets, group, table, common);
    return fields_check(table, err) == 0 ? table : NULL;
}

static const struct field *merge(const struct gateway_plugin *plugin, const struct tree *group,
                                 struct arena *arena, struct error *err)
{
    const struct tree *named = tree_member(group, "plugin");
    const struct field *table;
    struct error why;

    tree_hush(true); /* a default that is wrong stands in no file */
    table = merge_tables(plugin, group, arena, &why);
    tree_hush(false);
    if (table == NULL)
        tree_error(err, named != NULL ? named : group, "plugin %s: its own table of settings: %s",
                   plugin->name, why.text);
    return table;
}

/* The same table, in which a secret is the string that stands for it. */
static const struct field *sealed(const struct field *table, struct arena *arena)
{
    struct field *copy;
    size_t n = 0;

    while (table[n].name != NULL)
        n++;
    copy = arena_alloc(arena, (n + 1) * sizeof *copy);
    memcpy(copy, table, (n + 1) * sizeof *copy);
    for (size_t i = 0; i < n; i++) {
        if (copy[i].kind == FIELD_SECRET) {
            copy[i].kind = FIELD_STRING;
            copy[i].min = copy[i].max = 0; /* were the secret's */
        } else if (copy[i].fields != NULL) {
            copy[i].fields = sealed(copy[i].fields, arena);
        }
    }
    return copy;
}

/* ------------------------------------------- what one row of the table cannot say */

/* By what stands in the group: a setting that is wrong by itself is not missing as well. */

static int check_channel(const struct gateway_settings *s, const struct gateway_plugin *plugin,
                         struct error *err)
{
    if (plugin->channel != NULL || tree_member(s->group, "channel") != NULL)
        return 0;
    return tree_error(err, s->group, "channel is missing: plugin %s serves any", plugin->name);
}

static int check_callback_token(const struct gateway_settings *s,
                                const struct gateway_plugin *plugin, struct error *err)
{
    const char *token = s->config.callback_token;

    (void)plugin;
    if (token == NULL || (strlen(token) >= TOKEN_BYTES_MIN && strchr(token, '/') == NULL))
        return 0;
    return tree_error(err, tree_member(s->group, "callback_token"),
                      "a token that nobody can guess has %d characters or more, none of them /",
                      TOKEN_BYTES_MIN);
}

static int check_tls_key(const struct gateway_settings *s, const struct gateway_plugin *plugin,
                         struct error *err)
{
    const struct tree *key = tree_member(s->group, "tls_key");

    (void)plugin;
    if (key == NULL || tree_member(s->group, "tls_cert") != NULL)
        return 0;
    return tree_error(err, key, "tls_cert is missing");
}

static int check_sender_rate(const struct gateway_settings *s, const struct gateway_plugin *plugin,
                             struct error *err)
{
    const struct tree *rate = tree_member(s->group, "sender_rate");
    const struct tree *source = tree_member(s->group, "source");
    const char *read = gateway_settings_string(s, "source");

    (void)plugin;
    if (rate == NULL || (read != NULL && *read != '\0') ||
        (source != NULL && (source->kind != TREE_STRING || *source->string != '\0')))
        return 0;
    return tree_error(err, rate, "sender_rate is of a source: this gateway has none");
}

static int (*const checks[])(const struct gateway_settings *s, const struct gateway_plugin *plugin,
                             struct error *err) = {check_channel, check_callback_token,
                                                   check_tls_key, check_sender_rate};

static int check_all(const struct gateway_settings *s, const struct gateway_plugin *plugin,
                     struct error *err)
{
    struct error more; /* behind the first, heard and forgotten */
    int rc = 0;

    for (size_t i = 0; i < sizeof checks / sizeof *checks && (rc == 0 || tree_is_heard()); i++)
        if (checks[i](s, plugin, rc == 0 ? err : &more) != 0)
            rc = -1;
    return rc;
}

static void finish_config(struct gateway_settings *s, const struct gateway_plugin *plugin)
{
    struct gateway_config *c = &s->config;

    if (c->channel == NULL)
        c->channel = plugin->channel;
    if (tree_member(s->group, "signature") == NULL)
        c->signature =
            strcmp(c->channel, "sms") == 0 ? GATEWAY_SIGNATURE_PREFIX : GATEWAY_SIGNATURE_NONE;
    if (c->classes == 0)
        c->classes = 1u << GATEWAY_CLASS_NOTICE | 1u << GATEWAY_CLASS_PROMOTION |
                     1u << GATEWAY_CLASS_PERSONAL;
    c->capabilities = plugin->capabilities;
    /* An instance that decides for itself is asked when it is open; who only plans takes what is
     * no SMS for a message without segments. */
    if (plugin->instance_capabilities != NULL && strcmp(c->channel, "sms") != 0)
        c->capabilities &= ~(unsigned)GATEWAY_SEGMENTS;
    c->group = c->group || (plugin->capabilities & GATEWAY_GROUP_ONLY) != 0;
    c->batch_max = plugin->batch_max == 0 ? UINT_MAX : plugin->batch_max;
    c->number = gateway_settings_string(s, "source");
    if (c->sender_rate > 0)
        c->source = c->number;
}

static struct gateway_settings *settings_read(const struct tree *group,
                                              const struct gateway_plugin *plugin, bool seal,
                                              struct arena *arena, struct error *err)
{
    size_t size = sizeof(struct gateway_settings) + table_length(plugin->settings) * SLOT_BYTES;
    struct gateway_settings *s = arena_alloc(arena, size);
    struct error more;
    int rc;

    memset(s, 0, size);
    s->group = group;
    s->table = merge(plugin, group, arena, err);
    if (s->table == NULL)
        return NULL;
    if (seal)
        s->table = sealed(s->table, arena);
    rc = fields_read(s->table, group, s, arena, err);
    if (seal)
        s->config.callback_token = NULL;
    if (rc != 0 && !tree_is_heard())
        return NULL;
    if (check_all(s, plugin, rc == 0 ? err : &more) != 0 || rc != 0)
        return NULL;
    finish_config(s, plugin);
    return s;
}

struct gateway_settings *gateway_settings_read(const struct tree *group,
                                               const struct gateway_plugin *plugin,
                                               struct arena *arena, struct error *err)
{
    return settings_read(group, plugin, false, arena, err);
}

struct gateway_settings *gateway_settings_plan(const struct tree *group,
                                               const struct gateway_plugin *plugin,
                                               struct arena *arena, struct error *err)
{
    return settings_read(group, plugin, true, arena, err);
}

const struct gateway_config *gateway_settings_config(const struct gateway_settings *s)
{
    return &s->config;
}

void gateway_settings_set_capabilities(struct gateway_settings *s, unsigned capabilities)
{
    s->config.capabilities = capabilities;
    s->config.group = s->config.group || (capabilities & GATEWAY_GROUP_ONLY) != 0;
}

/* -------------------------------------------------------------- looking up */

struct found {
    const struct field *field; /* NULL: there is no such setting */
    const void *at;
};

static struct found find_in(const struct field *table, const void *base, const char *path);

/* What path, the rest behind a list's name, leads to in the list. */
static struct found find_element(struct found list, const char *path)
{
    static const struct field string = {.name = "", .kind = FIELD_STRING};
    const struct found none = {NULL, NULL};
    char *rest;
    size_t i;

    if (!isdigit((unsigned char)*path))
        return none;
    i = strtoul(path, &rest, 10);
    if (list.field->kind == FIELD_GROUPS && *rest == '.') {
        const struct field_groups *groups = list.at;

        return i >= groups->count
                   ? none
                   : find_in(list.field->fields, (const char *)groups->items + i * list.field->size,
                             rest + 1);
    }
    if ((list.field->kind == FIELD_STRINGS || list.field->read == read_patterns) && *rest == '\0') {
        const struct field_strings *strings = list.at;

        return i >= strings->count ? none : (struct found){&string, &strings->items[i]};
    }
    return none;
}

static struct found find_in(const struct field *table, const void *base, const char *path)
{
    size_t n = strcspn(path, ".");

    for (const struct field *f = table; f->name != NULL; f++) {
        struct found found = {f, (const char *)base + f->offset};

        if (strncmp(f->name, path, n) == 0 && f->name[n] == '\0')
            return path[n] == '\0' ? found : find_element(found, path + n + 1);
    }
    return (struct found){NULL, NULL};
}

const char *gateway_settings_string(const struct gateway_settings *s, const char *path)
{
    struct found f = find_in(s->table, s, path);

    if (f.field == NULL)
        return NULL;
    if (f.field->kind == FIELD_STRING || f.field->kind == FIELD_SECRET ||
        f.field->read == read_name || f.field->read == read_file) {
        const char *value = *(const char *const *)f.at;

        return value == NULL ? "" : value;
    }
    return f.field->kind == FIELD_ENUM ? f.field->names[*(const int *)f.at] : NULL;
}

int64_t gateway_settings_int(const struct gateway_settings *s, const char *path)
{
    struct found f = find_in(s->table, s, path);

    if (f.field == NULL)
        return 0;
    if (f.field->kind == FIELD_BOOL)
        return *(const bool *)f.at;
    return f.field->kind == FIELD_INT || f.field->kind == FIELD_DURATION ? *(const int64_t *)f.at
                                                                         : 0;
}

bool gateway_settings_given(const struct gateway_settings *s, const char *path)
{
    return tree_get(s->group, path) != NULL;
}

size_t gateway_settings_count(const struct gateway_settings *s, const char *path)
{
    struct found f = find_in(s->table, s, path);

    if (f.field == NULL)
        return 0;
    if (f.field->kind == FIELD_GROUPS)
        return ((const struct field_groups *)f.at)->count;
    return f.field->kind == FIELD_STRINGS || f.field->read == read_patterns
               ? ((const struct field_strings *)f.at)->count
               : 0;
}
