#include "reply_words.h"

#include "utf8.h"

#include <assert.h>
#include <string.h>

static const char *const whole[] = {
    "T",      "TD",     "R",      "N",       "QX",    "0000",    "退订",
    "取消",   "拒收",   "STOP",   "END",     "QUIT",  "STOPALL", "UNSUBSCRIBE",
    "CANCEL", "REMOVE", "OPTOUT", "OPT-OUT", "ARRET", "REVOKE",
};
/* Beside those of the operators what anybody would understand: a revocation in any reasonable
 * wording counts (47 CFR 64.1200(a)(10)). */
static const char *const inside[] = {
    "退订",   "退訂",     "拒收",     "不要再发", "不要再發", "别再发",      "別再發",
    "别发了", "不要发了", "取消订阅", "拒绝接收", "不再接收", "UNSUBSCRIBE",
};

/* Where there is a place to be given back these do that. */
static const char *const back[] = {"取消", "取消报名", "取消報名", "CANCEL"};

/* Of those who send back what they were told to do: "回复R". */
static const char *const prefixes[] = {"回复", "回"};

/* ASCII letters in capitals, nothing else changed. */
static void fold(char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text[i] >= 'a' && text[i] <= 'z')
            text[i] -= 'a' - 'A';
}

/* Spaces and punctuation, ASCII and Chinese, that people put around a word. */
static bool is_trim(uint32_t c)
{
    if (c < 0x30)
        return true;
    return (c >= 0x3a && c <= 0x40) || (c >= 0x5b && c <= 0x60) || (c >= 0x7b && c <= 0x7f) ||
           c == 0xa0 || (c >= 0x2000 && c <= 0x206f) || (c >= 0x3000 && c <= 0x303f);
}

/* "退 订", "T D", "opt out": spaces within a word change nothing. Bytes that are no UTF-8
 * stay. */
static size_t without_spaces(char *text, size_t n)
{
    const char *p = text, *end = text + n;
    size_t length = 0;

    while (p < end) {
        const char *at = p;
        uint32_t c = 0xfffd;

        if (utf8_next(&p, end, &c) != 0)
            p = at + 1;
        if (utf8_is_blank(c))
            continue;
        memmove(text + length, at, (size_t)(p - at));
        length += (size_t)(p - at);
    }
    return length;
}

/* The first and the last character that are neither space nor punctuation. */
static void find_word(struct reply_words *r)
{
    const char *p = r->text, *end = r->text + r->length;

    r->from = r->to = 0;
    while (p < end) {
        const char *at = p;
        uint32_t c = 0;

        if (utf8_next(&p, end, &c) != 0)
            break;
        if (is_trim(c))
            continue;
        if (r->to == 0)
            r->from = (size_t)(at - r->text);
        r->to = (size_t)(p - r->text);
    }
}

void reply_read(struct reply_words *r, const char *text, size_t n)
{
    r->length = utf8_halfwidth(text, n > REPLY_MOST_BYTES ? REPLY_MOST_BYTES : n, r->text);
    fold(r->text, r->length);
    r->length = without_spaces(r->text, r->length);
    find_word(r);
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t length = strlen(prefixes[i]);

        if (r->to - r->from > length && memcmp(r->text + r->from, prefixes[i], length) == 0) {
            r->from += length;
            break;
        }
    }
}

static bool word_is(const struct reply_words *r, const char *folded)
{
    size_t n = strlen(folded);

    return r->to - r->from == n && memcmp(r->text + r->from, folded, n) == 0;
}

static bool holds(const struct reply_words *r, const char *folded, size_t n)
{
    return memmem(r->text, r->length, folded, n) != NULL;
}

bool reply_is(const struct reply_words *r, const char *word)
{
    struct reply_words w;

    reply_read(&w, word, strlen(word));
    return w.to > w.from && w.to - w.from == r->to - r->from &&
           memcmp(w.text + w.from, r->text + r->from, w.to - w.from) == 0;
}

bool reply_refuses(const struct reply_words *r)
{
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        if (holds(r, inside[i], strlen(inside[i])))
            return true;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (word_is(r, whole[i]))
            return true;
    return false;
}

bool reply_gives_back(const struct reply_words *r)
{
    for (size_t i = 0; i < sizeof back / sizeof *back; i++)
        if (word_is(r, back[i]))
            return true;
    return false;
}

bool refusal_says_no(const char *text, size_t n)
{
    struct reply_words r;

    reply_read(&r, text, n);
    return reply_refuses(&r);
}

/* --------------------------------------------------------------------- alarms */

/* The table is part of the program: a file more could be missing. */
__asm__(".section .rodata\n"
        "alarm_words_begin:\n"
        ".incbin \"daemon/text/alarm_words.tsv\"\n"
        ".byte 0\n"
        ".previous\n");
extern const char alarm_words_begin[];

enum alarm_kind { ALARM_INSIDE, ALARM_WHOLE, ALARM_NOT };

struct alarm_word {
    char word[32];
    enum alarm_kind kind;
};

static struct alarm_word alarm_words[128];
static size_t alarm_word_count;

static void read_alarm_words(void)
{
    const size_t most = sizeof alarm_words / sizeof *alarm_words;
    const char *line = alarm_words_begin;

    for (; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        struct alarm_word *w = &alarm_words[alarm_word_count];
        size_t n = strcspn(line, "\t\n");
        char kind = line[n] == '\t' ? line[n + 1] : '\0';

        if (*line == '#' || n == 0)
            continue;
        assert(alarm_word_count < most && n < sizeof w->word);
        assert(kind == 'i' || kind == 'w' || kind == 'n');
        memcpy(w->word, line, n);
        w->word[n] = '\0';
        w->kind = kind == 'i' ? ALARM_INSIDE : kind == 'w' ? ALARM_WHOLE : ALARM_NOT;
        alarm_word_count++;
    }
}

/* What only looks like one is made unreadable: "打我电话" asks for a call. */
static void blot_out(struct reply_words *r, const char *word)
{
    size_t n = strlen(word);
    char *at;

    while ((at = memmem(r->text, r->length, word, n)) != NULL)
        memset(at, '-', n);
}

const char *reply_alarms(const struct reply_words *r)
{
    struct reply_words rest = *r;

    if (alarm_word_count == 0)
        read_alarm_words();
    for (size_t i = 0; i < alarm_word_count; i++)
        if (alarm_words[i].kind == ALARM_NOT)
            blot_out(&rest, alarm_words[i].word);
    for (size_t i = 0; i < alarm_word_count; i++) {
        const struct alarm_word *w = &alarm_words[i];

        if ((w->kind == ALARM_INSIDE && holds(&rest, w->word, strlen(w->word))) ||
            (w->kind == ALARM_WHOLE && word_is(&rest, w->word)))
            return w->word;
    }
    return NULL;
}
