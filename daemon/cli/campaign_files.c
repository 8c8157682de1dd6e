#include "campaign_files.h"

#include "error.h"
#include "language.h"
#include "mem.h"
#include "prose.h"
#include "reading.h"
#include "tree.h"
#include "words.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int has_name(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return entry->d_name[0] != '.' && dot != NULL &&
           (strcmp(dot, ".conf") == 0 || strcmp(dot, ".json") == 0);
}

/* Beside campaigns there may lie what they include, or a configuration: a file without any of
 * what each campaign has of its own. One that cannot be parsed may be a campaign. */
static bool is_other(const char *path)
{
    static const char *const members[] = {"campaign", "id", "event", "reminders"};
    struct tree *t = reading_document(path, NULL);
    bool other = t != NULL;

    for (size_t i = 0; other && i < sizeof members / sizeof *members; i++)
        other = tree_member(t, members[i]) == NULL;
    tree_free(t);
    return other;
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
    n = scandir(path, &names, has_name, alphasort);
    if (n < 0)
        return error_set(err, "%s: %s", path, language_errno(errno));
    for (int i = 0; i < n; i++) {
        char *file = xasprintf("%s/%s", path, names[i]->d_name);

        if (is_other(file))
            prose_tell(T("outreach: %s is no campaign (none of id, event, reminders stands in "
                         "it): left out\n"),
                       file);
        else
            fn(arg, file);
        free(file);
        free(names[i]);
    }
    free(names);
    return 0;
}
