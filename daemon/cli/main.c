/*
 * outreach - the command of organizers and ops; what it does is cli.c and cmd_*.c
 */
#include "cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
