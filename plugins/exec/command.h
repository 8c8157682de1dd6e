/*
 * command.h - what the settings say of the program: its words, its environment, its folder
 */
#ifndef EXEC_COMMAND_H
#define EXEC_COMMAND_H

#include "gateway_plugin.h"
#include "program.h"

#define COMMAND_WORDS_MAX 64 /* of it; and of its environment, besides what every program has */

struct command {
    struct program_command of; /* points into the two below */
    char *argv[COMMAND_WORDS_MAX + 1], *environment[COMMAND_WORDS_MAX + 8];
};

/* Reads `command`, `directory`, `environment` and `secrets` of the gateway into c, which is all
 * zero. -1 with the setting that is wrong, and why, in error. command_free() it in both cases. */
int command_read(struct command *c, const struct gateway_host *host, struct gateway *gw,
                 char *error, size_t size);

/* Secrets are wiped. */
void command_free(struct command *c);

#endif
