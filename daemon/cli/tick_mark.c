#include "tick_mark.h"

#include "utf8.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CELL_BYTES 200 /* what is longer is no mark */

enum behind {
    ALONE,   /* nothing may follow */
    NOTE,    /* a note behind a blank or a stop */
    ANYTHING /* a note right behind it */
};

static const struct {
    const char *word;
    enum tick_mark says;
    enum behind behind;
} marks[] = {
    {"√", TICK_TOLD, ANYTHING},
    {"✓", TICK_TOLD, ANYTHING},
    {"✔", TICK_TOLD, ANYTHING},
    {"☑", TICK_TOLD, ANYTHING},
    {"✅", TICK_TOLD, ANYTHING},
    {"v", TICK_TOLD, NOTE}, /* the √ that every keyboard has */
    {"已通知", TICK_TOLD, ANYTHING},
    {"已告知", TICK_TOLD, ANYTHING},
    {"已转告", TICK_TOLD, ANYTHING},
    {"是的", TICK_TOLD, NOTE},
    {"是", TICK_TOLD, NOTE},
    {"yes", TICK_TOLD, NOTE},
    {"y", TICK_TOLD, NOTE},
    {"told", TICK_TOLD, NOTE},
    {"1", TICK_TOLD, ALONE},
    {"true", TICK_TOLD, ALONE},
    {"×", TICK_NOT_TOLD, ANYTHING},
    {"✗", TICK_NOT_TOLD, ANYTHING},
    {"✘", TICK_NOT_TOLD, ANYTHING},
    {"✕", TICK_NOT_TOLD, ANYTHING},
    {"❌", TICK_NOT_TOLD, ANYTHING},
    {"否", TICK_NOT_TOLD, NOTE},
    {"不", TICK_NOT_TOLD, NOTE},
    {"未", TICK_NOT_TOLD, NOTE},
    {"没", TICK_NOT_TOLD, NOTE},
    {"没有", TICK_NOT_TOLD, NOTE},
    {"未通知", TICK_NOT_TOLD, ANYTHING},
    {"未告知", TICK_NOT_TOLD, ANYTHING},
    {"没通知", TICK_NOT_TOLD, ANYTHING},
    {"没告知", TICK_NOT_TOLD, ANYTHING},
    {"没有通知", TICK_NOT_TOLD, ANYTHING},
    {"未接", TICK_NOT_TOLD, ANYTHING},
    {"没接", TICK_NOT_TOLD, ANYTHING},
    {"没有接", TICK_NOT_TOLD, ANYTHING},
    {"没人接", TICK_NOT_TOLD, ANYTHING},
    {"无人接", TICK_NOT_TOLD, ANYTHING},
    {"不接", TICK_NOT_TOLD, ANYTHING},
    {"拒接", TICK_NOT_TOLD, ANYTHING},
    {"不在", TICK_NOT_TOLD, ANYTHING},
    {"打不通", TICK_NOT_TOLD, ANYTHING},
    {"联系不上", TICK_NOT_TOLD, ANYTHING},
    {"关机", TICK_NOT_TOLD, ANYTHING},
    {"停机", TICK_NOT_TOLD, ANYTHING},
    {"空号", TICK_NOT_TOLD, ANYTHING},
    {"not told", TICK_NOT_TOLD, NOTE},
    {"no answer", TICK_NOT_TOLD, NOTE},
    {"no", TICK_NOT_TOLD, NOTE},
    {"not", TICK_NOT_TOLD, NOTE},
    {"n", TICK_NOT_TOLD, ALONE},
    {"0", TICK_NOT_TOLD, ALONE},
    {"false", TICK_NOT_TOLD, ALONE},
};

/* In a note these take the mark back, or may. */
static const char *const doubts[] = {"没", "未", "不",   "无",   "否",   "×",    "✗",  "✘",  "✕",
                                     "❌",  "?",  "空号", "关机", "停机", "拒接", "no", "n't"};

static bool is_doubtful(const char *note)
{
    for (size_t i = 0; i < sizeof doubts / sizeof *doubts; i++)
        if (strcasestr(note, doubts[i]) != NULL)
            return true;
    return false;
}

static bool may_follow(enum behind behind, const char *rest)
{
    static const char *const stops[] = {" ", ",", ".", ";", ":", "(", "-", "/", "!", "、", "。"};

    if (rest[0] == '\0' || behind == ANYTHING)
        return true;
    for (size_t i = 0; i < sizeof stops / sizeof *stops && behind == NOTE; i++)
        if (strncmp(rest, stops[i], strlen(stops[i])) == 0)
            return true;
    return false;
}

enum tick_mark tick_mark_read(const char *cell, size_t n)
{
    char text[CELL_BYTES + 1];
    const char *at = text;

    if (n > CELL_BYTES)
        return TICK_UNCLEAR;
    n = utf8_halfwidth(cell, n, text);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] <= ' ')
            text[i] = ' ';
    while (n > 0 && text[n - 1] == ' ')
        n--;
    text[n] = '\0';
    at += strspn(at, " ");
    if (*at == '\0')
        return TICK_NOT_TOLD;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t length = strlen(marks[i].word);

        if (strncasecmp(at, marks[i].word, length) != 0 ||
            !may_follow(marks[i].behind, at + length))
            continue;
        return marks[i].says == TICK_TOLD && is_doubtful(at + length) ? TICK_UNCLEAR
                                                                      : marks[i].says;
    }
    return TICK_UNCLEAR;
}
