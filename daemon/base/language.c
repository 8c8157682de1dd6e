#include "language.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The Makefile writes PRId64 as "ld" into the catalogue. */
_Static_assert(sizeof(long) == sizeof(int64_t), "PRId64 is \"ld\"");

/* The catalogue between two symbols: a table of sentences sorted by their bytes,
 * a table of translations, each a length and an offset; little endian. */
__asm__(".section .rodata\n"
        ".balign 4\n"
        "language_zh:\n"
        ".incbin \"" LANGUAGE_CATALOGUE "\"\n"
        ".previous\n");
extern const char language_zh[];

enum { COUNT_AT = 8, ORIGINALS_AT = 12, TRANSLATIONS_AT = 16 };

static bool chinese;

void language_init(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

    chinese = false;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = getenv(variables[i]);

        if (value == NULL || value[0] == '\0')
            continue;
        chinese = strncmp(value, "zh", 2) == 0;
        return;
    }
}

void language_set_chinese(bool yes)
{
    chinese = yes;
}

bool language_chinese(void)
{
    return chinese;
}

const char *language_name(void)
{
    return chinese ? "zh" : "en";
}

static uint32_t number_at(size_t offset)
{
    const unsigned char *p = (const unsigned char *)language_zh + offset;

    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The i-th string of a table, NUL-terminated. */
static const char *string_of(size_t table_at, size_t i)
{
    return language_zh + number_at(number_at(table_at) + 8 * i + 4);
}

bool language_message(size_t i, const char **english, const char **translation)
{
    /* The first is the empty one: the catalogue's own header. */
    if (i + 1 >= number_at(COUNT_AT))
        return false;
    *english = string_of(ORIGINALS_AT, i + 1);
    *translation = string_of(TRANSLATIONS_AT, i + 1);
    return true;
}

const char *language_in_chinese(const char *english)
{
    size_t low = 1, high = number_at(COUNT_AT);

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(english, string_of(ORIGINALS_AT, middle));

        if (order == 0)
            return string_of(TRANSLATIONS_AT, middle);
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return english;
}

const char *language_text(const char *english)
{
    return chinese ? language_in_chinese(english) : english;
}

const char *language_in(const char *key, const char *english)
{
    const char *text = language_text(key);

    return text == key ? english : text;
}

const char *language_errno(int error)
{
    /* As glibc says them; strerror() itself follows a locale that is not set. */
    static const char *const known[] = {
        N_("No such file or directory"),
        N_("Permission denied"),
        N_("Is a directory"),
        N_("Not a directory"),
        N_("No space left on device"),
        N_("Input/output error"),
        N_("Too many open files"),
        N_("File name too long"),
        N_("Read-only file system"),
        N_("Connection refused"),
        N_("Connection timed out"),
        N_("Connection reset by peer"),
        N_("Broken pipe"),
        N_("File exists"),
        N_("Operation not permitted"),
        N_("Invalid argument"),
        N_("No route to host"),
        N_("Network is unreachable"),
        N_("Address already in use"),
        N_("Server closed the connection"), /* so says hiredis */
    };

    (void)known;
    return language_text(strerror(error));
}
