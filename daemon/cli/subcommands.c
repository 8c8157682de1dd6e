#include "subcommands.h"

#include "cli.h"

#include <stddef.h>

const struct subcommand *const subcommands[] = {
    &cmd_check,    &cmd_forecast, &cmd_test,   &cmd_queue,     &cmd_list,    &cmd_show,
    &cmd_watch,    &cmd_pause,    &cmd_resume, &cmd_cancel,    &cmd_why,     &cmd_logs,
    &cmd_gateways, &cmd_verify,   &cmd_optout, &cmd_recover,   &cmd_clock,   &cmd_report,
    &cmd_plan,     &cmd_import,   &cmd_amend,  &cmd_residents, &cmd_add,     &cmd_safe,
    &cmd_rehearse, &cmd_approve,  &cmd_audit,  &cmd_retry,     &cmd_replies, &cmd_proof,
    &cmd_uncalled, NULL,
};
