#include "plugin.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "culprit.h"
#include "error.h"
#include "language.h"
#include "mem.h"

/* What has been there since the first version. */
#define LEAST_SIZE (offsetof(struct gateway_plugin, close) + sizeof(void *))

static int check_file(const char *path, struct error *err)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return error_set(err, "%s: %s", path,
                         errno == ENOENT ? language_text("there is no such plugin")
                                         : language_errno(errno));
    if (!S_ISREG(st.st_mode))
        return error_set(err, "%s: is no file", path);
    if ((st.st_mode & S_IWOTH) != 0)
        return error_set(err, "%s: everybody may change this plugin: chmod o-w", path);
    return 0;
}

static int check_table(const char *path, const char *name, const struct gateway_plugin *p,
                       struct error *err)
{
    if (p->abi != GATEWAY_ABI)
        return error_set(err,
                         "%s: is made for version %u of gateway_plugin.h, this is version %u: "
                         "build it anew",
                         path, p->abi, GATEWAY_ABI);
    if (p->size < LEAST_SIZE)
        return error_set(err, "%s: its struct says size %u, at least %zu is needed", path, p->size,
                         LEAST_SIZE);
    if (p->name == NULL || *p->name == '\0')
        return error_set(err, "%s: the plugin has no name", path);
    if (*name != '/' && strcmp(p->name, name) != 0)
        return error_set(err, "%s: calls itself \"%.32s\"", path, p->name);
    if (p->open == NULL || p->submit == NULL || p->close == NULL)
        return error_set(err, "%s: open, submit and close are needed, one is missing", path);
    return 0;
}

static int load(const char *path, const char *name, struct gateway_plugin *out, struct error *err)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    const struct gateway_plugin *p;
    int rc;

    if (library == NULL)
        return error_set(err, "%s", dlerror()); /* it names the file */
    p = dlsym(library, "gateway_plugin");
    rc = p == NULL ? error_set(err, "%s: exports no gateway_plugin: is it a plugin of ours?", path)
                   : check_table(path, name, p, err);
    if (rc == 0) {
        memset(out, 0, sizeof *out);
        memcpy(out, p, p->size < sizeof *out ? p->size : sizeof *out);
        culprit_know(p->name, p);
    }
    dlclose(library); /* stays loaded: NODELETE */
    return rc;
}

int plugin_load(const char *name, const char *dir, struct gateway_plugin *out, struct error *err)
{
    char *path = *name == '/' ? xstrdup(name) : xasprintf("%s/%s.so", dir, name);
    int rc = check_file(path, err);

    if (rc == 0)
        rc = load(path, name, out, err);
    free(path);
    return rc;
}
