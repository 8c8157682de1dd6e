/* A libconfig file: as a tree, as a campaign, as the daemon's settings. */
#include "fuzz.h"

#include "settings.h"

#include "campaign_steps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf first = BUF_INIT(64u << 20), second = BUF_INIT(64u << 20);
    struct error err;
    struct tree *t = tree_parse_config((const char *)data, size, "fuzz.conf", &err), *again;

    if (t == NULL)
        return 0;
    /* libconfig would stop at it and say nothing about the rest. */
    HOLDS(size == 0 || memchr(data, '\0', size) == NULL);
    tree_write_json(t, &first);
    again = tree_parse_json(first.data, first.length, NULL, &err);
    HOLDS(again != NULL);
    tree_write_json(again, &second);
    HOLDS(first.length == second.length && memcmp(first.data, second.data, first.length) == 0);
    tree_free(again);
    buf_free(&first);
    buf_free(&second);
    campaign_steps(t);
    settings_free(settings_read(as_file(data, size), &err));
    return 0;
}
