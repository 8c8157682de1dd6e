/*
 * plugin_page.h - holds a plugin's section of plugins/README.md to its table of settings
 */
#ifndef PLUGIN_PAGE_H
#define PLUGIN_PAGE_H

#include "gateway_plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first setting that the section "## NAME" does not have as `setting`; the plugin's name
 * if there is no section; NULL if all is well. */
static inline const char *page_lacks(const struct gateway_plugin *plugin)
{
    static char page[512 * 1024];
    FILE *f = fopen(TEST_DIR "/../plugins/README.md", "r");
    char heading[64], name[80], *section, *end;

    page[f == NULL ? 0 : fread(page, 1, sizeof page - 1, f)] = '\0';
    if (f != NULL)
        fclose(f);
    snprintf(heading, sizeof heading, "\n## %s\n", plugin->name);
    section = strstr(page, heading);
    if (section == NULL)
        return plugin->name;
    end = strstr(section + 1, "\n## ");
    if (end != NULL)
        *end = '\0';
    for (const struct gateway_setting *s = plugin->settings; s->name != NULL; s++) {
        snprintf(name, sizeof name, "`%s`", s->name);
        if (strstr(section, name) == NULL)
            return s->name;
    }
    return NULL;
}

#endif
