/* Whatever came over the wire: the secret, the recipient's number and control bytes are not
 * in what is shown. */
#include "fuzz.h"

#include "redact.h"
#include "tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char config[] = "key = \"@env:REDACT_FUZZED\"; list = ( { k = 1; } );";
    static struct redaction *r;
    struct buf out = BUF_INIT(4u << 20);

    if (r == NULL) {
        struct tree *group;

        setenv("REDACT_FUZZED", "S3/cr\"t", 1);
        group = tree_parse_config(config, sizeof config - 1, "f", NULL);
        r = redaction_create(group, "+8613851409876");
        tree_free(group);
    }
    redact(r, (const char *)data, size, &out);
    HOLDS(out.length == 0 || memmem(out.data, out.length, "S3/cr\"t", 7) == NULL);
    HOLDS(out.length == 0 || memmem(out.data, out.length, "S3%2Fcr%22t", 11) == NULL);
    HOLDS(out.length == 0 || memmem(out.data, out.length, "51409876", 8) == NULL);
    for (size_t i = 0; i < out.length; i++)
        HOLDS((unsigned char)out.data[i] >= 0x20 || out.data[i] == '\n' || out.data[i] == '\t');
    buf_free(&out);
    return 0;
}
