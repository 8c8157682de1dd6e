/*
 * column.h - what the columns of people's lists are called
 *
 * A list says 手机号, 联系电话, Phone or mobile and means one thing. What is known
 * gets our name (sms, name, language, slot, consent, a channel's); any other column keeps
 * its own and can be used in texts under it. Spaces and case do not count.
 */
#ifndef OUTREACH_COLUMN_H
#define OUTREACH_COLUMN_H

#include <stdbool.h>
#include <stddef.h>

/* Our name for a column of a list, or NULL if it is none of the known ones. */
const char *column_known(const char *heading, size_t n);

/* Whether a heading says that people's numbers of identity, of social security or of a bank are
 * below it, however its words are joined (id_card, ID-Card No.): nobody needs them in order to send
 * a notice. The one list for what is warned of in texts and for what the register leaves out. */
bool column_is_private(const char *heading, size_t n);

/* What people call a column or a language that has a name or code of ours, in their language:
 * "手机号" for sms, "中文" for zh; itself in English, and what has none. */
const char *column_words(const char *name);
const char *column_language_words(const char *code);

/* Whether addresses of that channel are telephone numbers. */
bool column_is_phone(const char *channel);

/* The code for what a language column says (zh, 中文, English ...), "" if it is
 * not understood. A code of ours ("zh", "zh-TW") stays itself. */
const char *column_language_code(const char *value, size_t n);

/* 1..64 bytes without dots, braces, bars and control characters: what may stand in
 * {{ }}. */
bool column_name_valid(const char *name, size_t n);

#endif
