/*
 * campaign_template.h - providers' templates (inside the room)
 *
 * Cloud providers send no free text: a template was approved, has a code, and a message
 * fills its parameters. A campaign says for each gateway which one, and with what:
 *
 *     templates = {
 *       cloud = { code = "SMS_154950909"; params = ( "name|居民", "when=event.date" ); };
 *       other = { zh = { code = "100401"; params = ( "name" ); }; en = { ... }; };
 *     };
 *
 * A parameter is a name as in {{ }}, with its default; before an equal sign stands what
 * the provider calls it, where that is another word. A reminder may have templates of
 * its own. What is outside of the room calls campaign_template(), in campaign.h.
 */
#ifndef OUTREACH_CAMPAIGN_TEMPLATE_H
#define OUTREACH_CAMPAIGN_TEMPLATE_H

#include <stddef.h>

struct campaign_template;
struct error;
struct scope;
struct templates;

/* Finds every mistake in every template of the form, and which columns they use. */
int templates_check(struct scope *s, struct error *err);

/* With the columns laid out. *out is NULL where the campaign names none. */
int templates_compile(struct scope *s, struct templates **out, struct error *err);
void templates_free(struct templates *t); /* NULL is fine */

const struct campaign_template *templates_find(const struct templates *t, size_t reminder,
                                               const char *gateway, const char *language);

#endif
