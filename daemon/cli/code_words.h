/*
 * code_words.h - what a gateway's code means, for people
 *
 * A plugin's table of codes (plugins/common/codes.h) lies beside it, as NAME.tsv in
 * plugin_dir; which plugin a gateway has stands in the configuration. Read when first
 * asked for; a table that is missing or malformed has no words for anything.
 */
#ifndef OUTREACH_CODE_WORDS_H
#define OUTREACH_CODE_WORDS_H

struct code_words; /* opaque */
struct settings;

/* settings are borrowed. Never NULL. */
struct code_words *code_words_create(const struct settings *settings);
void code_words_free(struct code_words *w); /* NULL is fine */

/* What it means and what to do, in the person's language; or NULL. A code of receipts may
 * stand behind a state, as in "UNDELIV:MK:0001": then the closer one is told. */
const char *code_words_find(struct code_words *w, const char *gateway, const char *code);

#endif
