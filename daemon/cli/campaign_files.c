#include "campaign_files.h"

#include "error.h"
#include "language.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int is_campaign(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return entry->d_name[0] != '.' && dot != NULL &&
           (strcmp(dot, ".conf") == 0 || strcmp(dot, ".json") == 0);
}

int campaign_files_each(const char *path, void (*fn)(void *arg, const char *file), void *arg,
                        struct error *err)
{
    struct dirent **names;
    struct stat st;
    int n;

    if (stat(path, &st) != 0)
        return error_set(err, "%s: %s", path, language_errno(errno));
    if (!S_ISDIR(st.st_mode)) {
        fn(arg, path);
        return 0;
    }
    n = scandir(path, &names, is_campaign, alphasort);
    if (n < 0)
        return error_set(err, "%s: %s", path, language_errno(errno));
    for (int i = 0; i < n; i++) {
        char *file = xasprintf("%s/%s", path, names[i]->d_name);

        fn(arg, file);
        free(file);
        free(names[i]);
    }
    free(names);
    return 0;
}
