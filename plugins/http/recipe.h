/*
 * recipe.h - a piece of an HTTP request as the configuration describes it
 *
 * A recipe is text with {{variable}} or {{variable:filter}} in it, compiled once
 * in open() and rendered for every message. What never changes (the secret) is
 * put in when it is compiled.
 *
 * Variables
 *   to             the address: E.164 with '+' for sms
 *   to_plain       without the '+'
 *   to_national    without '+' and country_code; a number of another country as to_plain
 *   text           the complete text
 *   source         the sender of the message, else the setting `source`
 *   secret         the setting `secret`; it can appear in no other way
 *   coding         0 for GSM 03.38, 2 for UCS-2, as Kannel's sendsms has it
 *   segments       how many the host counted
 *   reference      [a-z0-9-./], the same in every attempt of a notice
 *   campaign, reminder, number    the notice's ids, and its number in the audience
 *   title, language, class        of the campaign ("notice", "promotion", "personal")
 *   validity_min   whole minutes until the notice is worthless, at least 1; 1440 if never
 *   receipt_url    the setting `receipt_url`, itself a recipe
 *   template_code  of the provider
 *   params         the provider template's parameters as a JSON object
 *   param.NAME     one of them; "" where the message has none of that name
 *   column.NAME    the recipient's; "" likewise
 *
 * Filters: url, form, json, xml, hex (UTF-16BE), base64 (see escape.h), and raw.
 * Where a value may hold anything and the place gives some bytes a meaning (a
 * URL; a body of JSON, XML or form fields), a filter must be named: `+` in a raw
 * number is a space to the gateway, and a quote in a raw text ends the string.
 * `raw` says that it is meant so; even then no control byte gets into a URL or
 * a header.
 */
#ifndef HTTP_RECIPE_H
#define HTTP_RECIPE_H

#include "bytes.h"
#include "gateway_plugin.h"

enum recipe_place {
    RECIPE_URL,
    RECIPE_HEADER,
    RECIPE_PLAIN, /* a body of plain text, or the inside of receipt_url */
    RECIPE_JSON,
    RECIPE_FORM, /* and any other body whose bytes have meanings */
};

struct recipe;

/* What recipes may refer to besides the message; the strings and receipt_url
 * are borrowed and outlive the recipe. NULL where the setting is not given. */
struct recipe_settings {
    const char *secret, *source, *country_code;
    const struct recipe *receipt_url;
};

/* Compiles text. setting names it in errors ("body"). Returns NULL with a
 * sentence in error (size bytes) for an unknown variable or filter, one that
 * needs a setting which is not given, or bytes that the place cannot hold. */
struct recipe *recipe_compile(const char *text, const char *setting, enum recipe_place place,
                              const struct recipe_settings *settings, char *error, size_t size);

void recipe_free(struct recipe *r); /* NULL is fine */

/* Appends the piece for this message; now_ms is the wall clock. */
void recipe_render(const struct recipe *r, const struct gateway_message *m, int64_t now_ms,
                   struct bytes *out);

#endif
