#include "recipe.h"

#include "escape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECEIPT_URL_BYTES_MAX 4096
#define PARAMS_BYTES_MAX 16384
#define VALIDITY_OF_NEVER_MIN 1440

struct piece {
    const char *bytes;
    size_t length;
};

struct variable;

/* A stretch of text, and the value behind it. */
struct op {
    struct piece literal;
    const struct variable *variable; /* NULL in the last op */
    char *member;                    /* NAME of column.NAME and param.NAME */
    escape_fn *escape, *second;      /* second: of what escape made; or NULL */
};

struct recipe {
    struct recipe_settings settings;
    struct op *ops;
    size_t count;
    struct bytes literals;
    struct bytes scratch; /* values that must be put together first; one thread */
};

struct render {
    const struct recipe *recipe;
    const struct op *op;
    const struct gateway_message *m;
    int64_t now_ms;
    struct bytes *scratch;
};

/* ---------------------------------------------------------------- variables */

static struct piece piece_of(const char *s)
{
    return s == NULL ? (struct piece){"", 0} : (struct piece){s, strlen(s)};
}

static struct piece decimal(struct render *r, uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;

    do
        digits[--at] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    bytes_clear(r->scratch);
    bytes_put(r->scratch, digits + at, sizeof digits - at);
    return (struct piece){r->scratch->data, r->scratch->length};
}

static struct piece get_to(struct render *r)
{
    return (struct piece){r->m->to, r->m->to_length};
}

static struct piece get_to_plain(struct render *r)
{
    size_t plus = r->m->to_length > 0 && r->m->to[0] == '+';

    return (struct piece){r->m->to + plus, r->m->to_length - plus};
}

static struct piece get_to_national(struct render *r)
{
    struct piece to = get_to_plain(r);
    size_t code = strlen(r->recipe->settings.country_code);

    if (r->m->to[0] == '+' && to.length > code &&
        memcmp(to.bytes, r->recipe->settings.country_code, code) == 0)
        return (struct piece){to.bytes + code, to.length - code};
    return to;
}

static struct piece get_text(struct render *r)
{
    return (struct piece){r->m->text, r->m->length};
}

static struct piece get_source(struct render *r)
{
    return piece_of(r->m->from != NULL ? r->m->from : r->recipe->settings.source);
}

static struct piece get_coding(struct render *r)
{
    return piece_of(r->m->encoding == GATEWAY_UCS2 ? "2" : "0");
}

static struct piece get_segments(struct render *r)
{
    return decimal(r, r->m->segments);
}

static struct piece get_reference(struct render *r)
{
    return piece_of(r->m->reference);
}

static struct piece get_campaign(struct render *r)
{
    return piece_of(r->m->campaign);
}

static struct piece get_reminder(struct render *r)
{
    return piece_of(r->m->reminder);
}

static struct piece get_number(struct render *r)
{
    return decimal(r, r->m->number);
}

static struct piece get_title(struct render *r)
{
    return piece_of(r->m->title);
}

static struct piece get_language(struct render *r)
{
    return piece_of(r->m->language);
}

static struct piece get_class(struct render *r)
{
    return piece_of(r->m->message_class);
}

static struct piece get_validity_min(struct render *r)
{
    int64_t left_ms = r->m->expires_ms - r->now_ms;

    if (r->m->expires_ms == 0)
        return decimal(r, VALIDITY_OF_NEVER_MIN);
    return decimal(r, left_ms < 60000 ? 1 : (uint64_t)(left_ms / 60000));
}

static struct piece get_receipt_url(struct render *r)
{
    bytes_clear(r->scratch);
    if (r->recipe->settings.receipt_url != NULL)
        recipe_render(r->recipe->settings.receipt_url, r->m, r->now_ms, r->scratch);
    return (struct piece){r->scratch->data, r->scratch->length};
}

static struct piece get_template_code(struct render *r)
{
    return piece_of(r->m->template_code);
}

static struct piece get_params(struct render *r)
{
    size_t i;

    bytes_clear(r->scratch);
    bytes_putc(r->scratch, '{');
    for (i = 0; i < r->m->param_count; i++) {
        const struct gateway_field *param = &r->m->params[i];

        bytes_puts(r->scratch, i > 0 ? ",\"" : "\"");
        escape_json(r->scratch, param->name, strlen(param->name));
        bytes_puts(r->scratch, "\":\"");
        escape_json(r->scratch, param->value, param->length);
        bytes_putc(r->scratch, '"');
    }
    bytes_putc(r->scratch, '}');
    return (struct piece){r->scratch->data, r->scratch->length};
}

static struct piece member_of(const struct gateway_field *fields, size_t n, const char *name)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (strcmp(fields[i].name, name) == 0)
            return (struct piece){fields[i].value, fields[i].length};
    return (struct piece){"", 0};
}

static struct piece get_param(struct render *r)
{
    return member_of(r->m->params, r->m->param_count, r->op->member);
}

static struct piece get_column(struct render *r)
{
    return member_of(r->m->columns, r->m->column_count, r->op->member);
}

static struct piece get_secret(struct render *r)
{
    return piece_of(r->recipe->settings.secret);
}

enum {
    ANYTHING = 1, /* may hold any byte: needs a filter where bytes have meanings */
    FIXED = 2,    /* the same for every message */
    MEMBER = 4,   /* named with a NAME behind the dot */
    ADDRESS = 8,  /* its '+' means something in a URL and in a form, not in JSON */
    OBJECT = 16,  /* is JSON already */
};

static const struct variable {
    const char *name;
    struct piece (*get)(struct render *r);
    unsigned flags;
} variables[] = {
    {"to", get_to, ADDRESS},
    {"to_plain", get_to_plain, ADDRESS},
    {"to_national", get_to_national, ADDRESS},
    {"text", get_text, ANYTHING},
    {"source", get_source, ANYTHING},
    {"secret", get_secret, ANYTHING | FIXED},
    {"coding", get_coding, 0},
    {"segments", get_segments, 0},
    {"reference", get_reference, 0},
    {"campaign", get_campaign, 0},
    {"reminder", get_reminder, 0},
    {"number", get_number, 0},
    {"title", get_title, ANYTHING},
    {"language", get_language, 0},
    {"class", get_class, 0},
    {"validity_min", get_validity_min, 0},
    {"receipt_url", get_receipt_url, ANYTHING},
    {"template_code", get_template_code, ANYTHING},
    {"params", get_params, ANYTHING | OBJECT},
    {"param", get_param, ANYTHING | MEMBER},
    {"column", get_column, ANYTHING | MEMBER},
};

static const struct filter {
    const char *name;
    escape_fn *escape;
} filters[] = {
    {"url", escape_url}, {"form", escape_form}, {"json", escape_json},     {"xml", escape_xml},
    {"hex", escape_hex}, {"raw", escape_none},  {"base64", escape_base64},
};

/* ---------------------------------------------------------------- compiling */

struct compiler {
    struct recipe *recipe;
    const char *setting;
    enum recipe_place place;
    char *error;
    size_t size;
    size_t literal_from; /* in recipe->literals */
};

static const struct variable *find_variable(struct piece name, struct piece *member)
{
    size_t i, length;

    for (i = 0; i < sizeof variables / sizeof *variables; i++) {
        const struct variable *v = &variables[i];

        length = strlen(v->name);
        if (name.length < length || memcmp(name.bytes, v->name, length) != 0)
            continue;
        if (!(v->flags & MEMBER) && name.length == length)
            return v;
        if ((v->flags & MEMBER) && name.length > length + 1 && name.bytes[length] == '.') {
            *member = (struct piece){name.bytes + length + 1, name.length - length - 1};
            return v;
        }
    }
    return NULL;
}

/* The place's own way to write a value without a filter, or NULL if it must
 * have one. */
static escape_fn *default_escape(enum recipe_place place, const struct variable *v)
{
    switch (place) {
    case RECIPE_URL:
        return v->flags & (ANYTHING | ADDRESS) ? NULL : escape_legal_url;
    case RECIPE_HEADER:
        return escape_line;
    case RECIPE_JSON:
        return v->flags & ANYTHING && !(v->flags & OBJECT) ? NULL : escape_none;
    case RECIPE_FORM:
        return v->flags & (ANYTHING | ADDRESS) ? NULL : escape_none;
    case RECIPE_PLAIN:
        break;
    }
    return escape_none;
}

/* Lets nothing through that the place cannot hold; NULL where it takes all. */
static escape_fn *what_place_takes(enum recipe_place place)
{
    return place == RECIPE_URL ? escape_legal_url : place == RECIPE_HEADER ? escape_line : NULL;
}

static escape_fn *find_filter(struct compiler *c, struct piece name)
{
    size_t i;

    for (i = 0; i < sizeof filters / sizeof *filters; i++) {
        if (strlen(filters[i].name) != name.length ||
            memcmp(filters[i].name, name.bytes, name.length) != 0)
            continue;
        if (filters[i].escape != escape_none)
            return filters[i].escape;
        return what_place_takes(c->place) != NULL ? what_place_takes(c->place) : escape_none;
    }
    return NULL;
}

/* JSON and XML leave bytes as they are that a header or a URL cannot hold. */
static escape_fn *second_escape(enum recipe_place place, escape_fn *first)
{
    return first == escape_json || first == escape_xml ? what_place_takes(place) : NULL;
}

static void put_value(struct bytes *out, escape_fn *first, escape_fn *second, struct piece value)
{
    struct bytes between = BYTES_INIT(out->limit);

    if (second == NULL) {
        first(out, value.bytes, value.length);
        return;
    }
    first(&between, value.bytes, value.length);
    second(out, between.data, between.length);
    out->overflowed = out->overflowed || between.overflowed;
    bytes_free(&between);
}

static struct piece trim(const char *from, const char *to)
{
    while (from < to && *from == ' ')
        from++;
    while (to > from && to[-1] == ' ')
        to--;
    return (struct piece){from, (size_t)(to - from)};
}

/* The settings a variable cannot do without. */
static const char *missing_setting(const struct compiler *c, const struct variable *v)
{
    const struct recipe_settings *s = &c->recipe->settings;

    if (v->get == get_secret && s->secret == NULL)
        return "secret";
    if (v->get == get_to_national && s->country_code == NULL)
        return "country_code";
    return NULL;
}

static int fail(struct compiler *c, const char *what, struct piece name, const char *more)
{
    snprintf(c->error, c->size, "%s: {{%.*s}}: %s%s", c->setting, (int)name.length, name.bytes,
             what, more);
    return -1;
}

/* Ends the literal before an op. Offsets for now: the bytes may still move. */
static struct op *add_op(struct compiler *c)
{
    struct recipe *r = c->recipe;
    struct op *op = &r->ops[r->count++];

    op->literal.length = r->literals.length - c->literal_from;
    c->literal_from = r->literals.length;
    return op;
}

/* One {{...}}; inside is what stands between the braces. */
static int compile_value(struct compiler *c, struct piece inside)
{
    const char *end = inside.bytes + inside.length;
    const char *colon = memchr(inside.bytes, ':', inside.length);
    struct piece name = trim(inside.bytes, colon != NULL ? colon : end), member = {NULL, 0};
    const struct variable *v = find_variable(name, &member);
    escape_fn *escape;
    const char *missing;
    struct op *op;

    if (v == NULL || (v->get == get_receipt_url && strcmp(c->setting, "receipt_url") == 0))
        return fail(c, "unknown variable", inside, "");
    missing = missing_setting(c, v);
    if (missing != NULL)
        return fail(c, "needs the setting ", inside, missing);
    escape = colon != NULL ? find_filter(c, trim(colon + 1, end)) : default_escape(c->place, v);
    if (escape == NULL && colon != NULL)
        return fail(c, "unknown filter; there are url, form, json, xml, hex, base64, raw", inside,
                    "");
    if (escape == NULL)
        return fail(c, "may hold anything here: name a filter, as in ", name,
                    c->place == RECIPE_URL    ? "{{name:url}}"
                    : c->place == RECIPE_JSON ? "{{name:json}}"
                                              : "{{name:form}}, or :raw if it is meant so");
    if (v->flags & FIXED) {
        struct render fixed = {.recipe = c->recipe};
        struct piece value = v->get(&fixed);

        put_value(&c->recipe->literals, escape, second_escape(c->place, escape), value);
        return 0;
    }
    op = add_op(c);
    op->variable = v;
    op->escape = escape;
    op->second = second_escape(c->place, escape);
    op->member = member.bytes != NULL ? bytes_copy(member.bytes, member.length) : NULL;
    return 0;
}

static int check_literal(struct compiler *c, const char *s, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        unsigned char byte = (unsigned char)s[i];

        if (c->place == RECIPE_URL && (byte <= ' ' || byte >= 0x7f)) {
            snprintf(c->error, c->size, "%s: byte 0x%02x must be written %%%02X in a URL",
                     c->setting, byte, byte);
            return -1;
        }
        if (c->place == RECIPE_HEADER && (byte < ' ' || byte == 0x7f)) {
            snprintf(c->error, c->size, "%s: control byte 0x%02x in a header", c->setting, byte);
            return -1;
        }
    }
    return 0;
}

static int compile(struct compiler *c, const char *text)
{
    for (;;) {
        const char *open = strstr(text, "{{");
        size_t literal = open != NULL ? (size_t)(open - text) : strlen(text);
        const char *close;

        if (check_literal(c, text, literal) != 0)
            return -1;
        bytes_put(&c->recipe->literals, text, literal);
        if (open == NULL)
            break;
        close = strstr(open, "}}");
        if (close == NULL) {
            snprintf(c->error, c->size, "%s: \"{{\" without \"}}\"", c->setting);
            return -1;
        }
        if (compile_value(c, (struct piece){open + 2, (size_t)(close - open - 2)}) != 0)
            return -1;
        text = close + 2;
    }
    add_op(c);
    return 0;
}

static size_t count_values(const char *text)
{
    size_t n = 0;

    while ((text = strstr(text, "{{")) != NULL) {
        text += 2;
        n++;
    }
    return n;
}

struct recipe *recipe_compile(const char *text, const char *setting, enum recipe_place place,
                              const struct recipe_settings *settings, char *error, size_t size)
{
    struct recipe *r = bytes_alloc(1, sizeof *r);
    struct compiler c = {
        .recipe = r, .setting = setting, .place = place, .error = error, .size = size};
    size_t i, at = 0;

    r->settings = *settings;
    r->ops = bytes_alloc(count_values(text) + 1, sizeof *r->ops);
    r->literals = BYTES_INIT(1 << 20);
    r->scratch = BYTES_INIT(RECEIPT_URL_BYTES_MAX + PARAMS_BYTES_MAX);
    if (compile(&c, text) != 0) {
        recipe_free(r);
        return NULL;
    }
    for (i = 0; i < r->count; i++) {
        r->ops[i].literal.bytes = r->literals.data == NULL ? "" : r->literals.data + at;
        at += r->ops[i].literal.length;
    }
    return r;
}

void recipe_free(struct recipe *r)
{
    size_t i;

    if (r == NULL)
        return;
    for (i = 0; i < r->count; i++)
        free(r->ops[i].member);
    free(r->ops);
    bytes_free(&r->literals);
    bytes_free(&r->scratch);
    free(r);
}

void recipe_render(const struct recipe *r, const struct gateway_message *m, int64_t now_ms,
                   struct bytes *out)
{
    /* The scratch is r's in all but the word: rendering changes nothing else. */
    struct render render = {r, NULL, m, now_ms, &((struct recipe *)(uintptr_t)r)->scratch};
    size_t i;

    bytes_clear(render.scratch);
    for (i = 0; i < r->count; i++) {
        const struct op *op = &r->ops[i];
        struct piece value;

        bytes_put(out, op->literal.bytes, op->literal.length);
        if (op->variable == NULL)
            continue;
        render.op = op;
        value = op->variable->get(&render);
        put_value(out, op->escape, op->second, value);
        /* A value cut at its limit must not go out looking whole. */
        out->overflowed = out->overflowed || render.scratch->overflowed;
    }
}
