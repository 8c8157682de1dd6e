/* A no stays a no, with blanks around it and in other letters. */
#include "fuzz.h"

#include "refusal.h"

#include <ctype.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool no = refusal_says_no((const char *)data, size);
    char *s;

    if (size > 200)
        return 0;
    s = malloc(size + 2);
    s[0] = ' ';
    s[size + 1] = '!';
    for (size_t i = 0; i < size; i++)
        s[i + 1] = (char)(data[i] < 0x80 ? tolower(data[i]) : data[i]);
    HOLDS(!no || refusal_says_no(s, size + 2));
    free(s);
    return 0;
}
