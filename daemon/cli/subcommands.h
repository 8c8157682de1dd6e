/*
 * subcommands.h - one file a subcommand: cmd_NAME.c
 */
#ifndef OUTREACH_SUBCOMMANDS_H
#define OUTREACH_SUBCOMMANDS_H

struct subcommand;

extern const struct subcommand cmd_check, cmd_queue, cmd_list, cmd_show, cmd_watch, cmd_pause,
    cmd_resume, cmd_cancel, cmd_why, cmd_logs, cmd_gateways, cmd_verify, cmd_optout, cmd_recover,
    cmd_clock, cmd_report, cmd_forecast, cmd_test, cmd_plan, cmd_import, cmd_amend, cmd_residents,
    cmd_add, cmd_safe, cmd_approve, cmd_audit, cmd_rehearse, cmd_retry, cmd_replies, cmd_proof,
    cmd_uncalled;

#endif
