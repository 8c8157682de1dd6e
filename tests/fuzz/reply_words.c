/* A no stays a no, and a cry for help one, with blanks around it and in other letters; and any
 * word is itself. */
#include "fuzz.h"

#include "reply_words.h"

#include <ctype.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reply_words plain, dressed;
    char *s;

    reply_read(&plain, (const char *)data, size);
    HOLDS(plain.from <= plain.to && plain.to <= plain.length && plain.length <= size);
    if (size > 200)
        return 0;
    s = malloc(size + 3);
    s[0] = ' ';
    s[size + 1] = '!';
    s[size + 2] = '\0';
    for (size_t i = 0; i < size; i++)
        s[i + 1] = (char)(data[i] < 0x80 ? tolower(data[i]) : data[i]);
    reply_read(&dressed, s, size + 2);
    HOLDS(!reply_refuses(&plain) || reply_refuses(&dressed));
    HOLDS(!reply_gives_back(&plain) || reply_gives_back(&dressed));
    HOLDS((reply_alarms(&plain) != NULL) == (reply_alarms(&dressed) != NULL));
    if (memchr(data, '\0', size) == NULL && dressed.to > dressed.from)
        HOLDS(reply_is(&dressed, s));
    free(s);
    return 0;
}
