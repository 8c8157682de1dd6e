/*
 * conf_mistakes.h - every mistake of outreachd.conf, not only the first
 *
 * Whoever sets a daemon up mends the configuration in one go. Each setting is judged by itself,
 * each gateway by its plugin; what only comes of another mistake is not told. libconfig reads no
 * further than the first error of syntax, and a folder of calendars is left at its first that is
 * wrong: these are told alone.
 */
#ifndef OUTREACH_CONF_MISTAKES_H
#define OUTREACH_CONF_MISTAKES_H

#include <stddef.h>
#include <stdio.h>

#define CONF_MISTAKES_TOLD 20

/* Reads the configuration and checks its gateways without opening them, and its alerts. Writes a
 * line for each of the first CONF_MISTAKES_TOLD mistakes by their places in the file, and how many
 * there are where there are several. Returns their number, 0 for a good one, which sets *gateways
 * to how many it has. */
size_t conf_mistakes_tell(const char *path, FILE *out, size_t *gateways);

#endif
