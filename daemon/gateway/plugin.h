/*
 * plugin.h - a plugin's shared object, loaded and looked at
 *
 * There is no wall between a plugin and us, so what can be checked is checked
 * before its code is used: that nobody else may write the file, that it exports
 * a struct of our ABI and that the struct is whole. A plugin once loaded stays
 * in memory until the process ends: unloading code that left a thread or a
 * handler behind is a crash.
 */
#ifndef OUTREACH_PLUGIN_H
#define OUTREACH_PLUGIN_H

#include "gateway_plugin.h"

struct error;

/* Loads DIR/NAME.so, or name itself if it begins with a slash, and copies its
 * struct to out; members that the plugin does not know are NULL. Returns 0, or
 * -1 with an error that names the file. */
int plugin_load(const char *name, const char *dir, struct gateway_plugin *out, struct error *err);

#endif
