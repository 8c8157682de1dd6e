/*
 * tick_mark.h - what a person has put into a column to tick
 *
 *     told       √ ✓ ✔ ☑ ✅ v 是 是的 已通知 已告知 已转告 1 y yes told true; behind a mark a note
 *                may follow ("√ 王姐 3月5日", "已通知本人"), unless it takes the mark back ("√ 没接")
 *     not told   nothing, × ✗ ✘ ✕ ❌ 否 不 未 没有 0 n no not false 未通知 未告知 未接 无人接听 不在
 * ... unclear    all else, x too: for some it is a tick, for some the opposite
 *
 * Blanks around it, case, and full-width forms do not count. The rows are in tick_mark.c.
 */
#ifndef OUTREACH_TICK_MARK_H
#define OUTREACH_TICK_MARK_H

#include <stddef.h>

enum tick_mark { TICK_NOT_TOLD, TICK_TOLD, TICK_UNCLEAR };

enum tick_mark tick_mark_read(const char *cell, size_t n);

#endif
