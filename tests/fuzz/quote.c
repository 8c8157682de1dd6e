/* Foreign bytes in our logs: always JSON, always one line, and the same text. */
#include "fuzz.h"

#include "buf.h"
#include "log.h"
#include "utf8.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *s = (const char *)data, *quoted;
    struct buf out = BUF_INIT(64u << 20);
    json_error_t err;
    json_t *read;

    buf_put_json(&out, s, size);
    HOLDS(out.length >= 2 && utf8_valid(out.data, out.length) == out.length);
    for (size_t i = 0; i < out.length; i++)
        HOLDS((uint8_t)out.data[i] >= 0x20 && out.data[i] != 0x7f);
    read = json_loadb(out.data, out.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, &err);
    HOLDS(read != NULL && json_is_string(read));
    if (utf8_valid(s, size) == size) {
        HOLDS(json_string_length(read) == size);
        HOLDS(size == 0 || memcmp(json_string_value(read), s, size) == 0);
    }
    json_decref(read);
    buf_free(&out);
    quoted = log_quote_n(s, size);
    for (; *quoted != '\0'; quoted++)
        HOLDS((uint8_t)*quoted >= 0x20 && *quoted != 0x7f);
    for (quoted = log_mask(s, size); *quoted != '\0'; quoted++)
        HOLDS((uint8_t)*quoted >= 0x20 && *quoted != 0x7f);
    return 0;
}
