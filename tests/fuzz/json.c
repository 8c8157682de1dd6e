/* A campaign from another program: JSON to a tree, the tree to a campaign. What
 * was read and written once reads and writes as the same bytes. */
#include "fuzz.h"

#include "audience.h"
#include "buf.h"
#include "error.h"
#include "tree.h"

#include "campaign_steps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf first = BUF_INIT(64u << 20), second = BUF_INIT(64u << 20);
    struct error err;
    struct tree *t = tree_parse_json((const char *)data, size, "fuzz", &err), *again;

    if (t == NULL)
        return 0;
    tree_write_json(t, &first);
    again = tree_parse_json(first.data, first.length, NULL, &err);
    HOLDS(again != NULL);
    tree_write_json(again, &second);
    HOLDS(first.length == second.length && memcmp(first.data, second.data, first.length) == 0);
    tree_free(again);
    buf_free(&first);
    buf_free(&second);
    campaign_steps(t);
    return 0;
}
