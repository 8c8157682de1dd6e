/*
 * gateway_says.h - what a plugin says of its connection, in the person's language
 *
 * Plugins and their logs are English. Why a gateway takes nothing is what people read of it: the
 * sentences of the plugins that keep a line open stand here for the catalogue. What is not among
 * them, a provider's own words above all, stays as it is.
 */
#ifndef OUTREACH_GATEWAY_SAYS_H
#define OUTREACH_GATEWAY_SAYS_H

#include "retell.h"

/* Writes to out and returns it. */
const char *gateway_says(const char *english, char out[RETELL_BYTES]);

#endif
