/*
 * gateway_settings.h - what stands in a gateway's group of the configuration
 *
 * The settings that every gateway has and those that its plugin declares are
 * one table, read in one go: an unknown name is unknown to both. A plugin may
 * declare a common setting by its name to give it another default; it may read
 * any of them.
 */
#ifndef OUTREACH_GATEWAY_SETTINGS_H
#define OUTREACH_GATEWAY_SETTINGS_H

#include "gateway.h"
#include "gateway_plugin.h"

struct arena;
struct error;
struct field;
struct gateway_settings;
struct tree;

/* The settings that every gateway has, for the manual page; and those that a plugin declares, in
 * the arena. NULL with err for a table that is none. */
const struct field *gateway_settings_table(void);
const struct field *gateway_settings_of_plugin(const struct gateway_plugin *plugin,
                                               struct arena *arena, struct error *err);

/* Reads group for that plugin. All is in the arena, and refers to the group and
 * the plugin's table. NULL with err. */
struct gateway_settings *gateway_settings_read(const struct tree *group,
                                               const struct gateway_plugin *plugin,
                                               struct arena *arena, struct error *err);

/* The same for who opens nothing, and may not know the secrets: none is read, and what stands
 * for one is not looked at. */
struct gateway_settings *gateway_settings_plan(const struct tree *group,
                                               const struct gateway_plugin *plugin,
                                               struct arena *arena, struct error *err);

const struct gateway_config *gateway_settings_config(const struct gateway_settings *s);

/* The instance's capabilities, in place of the plugin's. */
void gateway_settings_set_capabilities(struct gateway_settings *s, unsigned capabilities);

/* By path ("accepted.0.status"), as gateway_plugin.h says. What is not declared,
 * or of another kind, is NULL or 0. */
const char *gateway_settings_string(const struct gateway_settings *s, const char *path);
int64_t gateway_settings_int(const struct gateway_settings *s, const char *path);
bool gateway_settings_given(const struct gateway_settings *s, const char *path);
size_t gateway_settings_count(const struct gateway_settings *s, const char *path);

#endif
