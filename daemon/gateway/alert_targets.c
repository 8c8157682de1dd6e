#include "alert_targets.h"

#include "column.h"
#include "error.h"
#include "gateway.h"
#include "language.h"
#include "phone.h"
#include "settings.h"
#include "tree.h"
#include "value.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_program(const struct tree *node, const char *path, struct error *err)
{
    struct stat st;
    const char *why = NULL;
    char program[200];

    if (stat(path, &st) != 0 || (S_ISREG(st.st_mode) && access(path, X_OK) != 0))
        why = strchr(path, ' ') != NULL ? language_text("something stands behind it")
                                        : language_errno(errno);
    else if (!S_ISREG(st.st_mode))
        why = language_text("it is no file");
    if (why == NULL)
        return 0;
    /* What stands behind it may be a secret, of an argument that does not belong there. */
    snprintf(program, sizeof program, "%.*s", (int)strcspn(path, " "), path);
    return tree_error(err, node,
                      "%s: %s: expected the path of a program that the daemon may run, without "
                      "arguments",
                      program, why);
}

static int check_address(const struct settings *s, const struct gateway_config *gateway,
                         const struct tree *node, const char *address, struct error *err)
{
    enum phone_fault fault; /* said without the number: it may stand in a log */
    enum text_value_fault wrong;
    char number[PHONE_BYTES];
    size_t n = strlen(address), at;

    if (n == 0 && column_is_phone(gateway->channel))
        return tree_error(err, node,
                          "whose number? Expected \"%s:NUMBER\", as in \"%s:+8613851400001\"",
                          gateway->name, gateway->name);
    if (n == 0)
        return tree_error(err, node,
                          "whose address? Expected \"%s:ADDRESS\", or group = true in the gateway "
                          "if it writes to a group",
                          gateway->name);
    if (column_is_phone(gateway->channel))
        return phone_normalize(address, n, s->defaults.country, number, &fault) == 0
                   ? 0
                   : tree_error(err, node, "%s", phone_fault_text(fault));
    wrong = text_value_check(address, n, 0, &at);
    return wrong == TEXT_VALUE_OK ? 0 : tree_error(err, node, "%s", text_value_fault_text(wrong));
}

static const struct tree *find_gateway(const struct settings *s, const char *name, size_t n)
{
    const struct tree *group = s->gateways != NULL ? s->gateways->first : NULL;

    while (group != NULL && (strncmp(tree_string(group, "name", ""), name, n) != 0 ||
                             tree_string(group, "name", "")[n] != '\0'))
        group = group->next;
    return group;
}

static int check_target(const struct settings *s, const struct tree *node, const char *to,
                        struct error *err)
{
    size_t n = strcspn(to, ":");
    const struct tree *group = find_gateway(s, to, n);
    struct tree one, list = {.kind = TREE_LIST, .first = &one, .count = 1};
    const struct gateway_config *gateway;
    struct gateway_set *set;
    struct error other;
    int rc = 0;

    if (group == NULL)
        return 0;
    one = *group; /* alone: the others may be wrong */
    one.next = NULL;
    tree_hush(true);
    set = gateway_set_plan(&list, s->plugin_dir, &other);
    tree_hush(false);
    if (set == NULL)
        return 0;
    gateway = gateway_config(gateway_set_at(set, 0));
    if (!gateway->group)
        rc = check_address(s, gateway, node, to[n] == ':' ? to + n + 1 : "", err);
    gateway_set_close(set);
    return rc;
}

static int check_alert(const struct settings *s, const struct tree *node, const struct alert *alert,
                       struct error *err)
{
    if ((alert->to == NULL) == (alert->exec == NULL)) /* settings.c has said it */
        return 0;
    return alert->exec != NULL ? check_program(tree_member(node, "exec"), alert->exec, err)
                               : check_target(s, tree_member(node, "to"), alert->to, err);
}

int alert_targets_check(const struct settings *settings, struct error *err)
{
    const struct tree *list =
        settings->document != NULL ? tree_member(settings->document, "alerts") : NULL;
    const struct tree *node = list != NULL ? list->first : NULL;
    struct error more; /* behind the first, heard and forgotten */
    int rc = 0;

    for (size_t i = 0; node != NULL && i < settings->alert_count && (rc == 0 || tree_is_heard());
         i++, node = node->next)
        if (check_alert(settings, node, &settings->alerts[i], rc == 0 ? err : &more) != 0)
            rc = -1;
    return rc;
}
