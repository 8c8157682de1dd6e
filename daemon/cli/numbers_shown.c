#include "numbers_shown.h"

#include "audit.h"

#include <stdio.h>

int numbers_shown(struct cli *cli, const struct numbers_shown *what, struct error *err)
{
    struct command c = COMMAND_INIT;
    char count[24];
    int rc;

    if (what->count == 0)
        return 0;
    snprintf(count, sizeof count, "%zu", what->count);
    audit_command(&c, "numbers-shown", "campaign", what->campaign, "to", what->to, "command",
                  what->command, "count", count, "file", what->file, "by", cli->by, NULL);
    rc = db_ask(cli->db, &c, NULL, err);
    command_free(&c);
    return rc;
}
