#include "audit.h"

#include "keys.h"
#include "scripts.h"

#include <stdarg.h>

void audit_command(struct command *c, const char *op, ...)
{
    const char *name, *value;
    va_list pairs;

    command_script(c, SCRIPT_NOTE, 1);
    command_add_string(c, KEY_AUDIT);
    command_add_string(c, "op");
    command_add_string(c, op);
    va_start(pairs, op);
    while ((name = va_arg(pairs, const char *)) != NULL) {
        value = va_arg(pairs, const char *);
        if (value == NULL || value[0] == '\0')
            continue;
        command_add_string(c, name);
        command_add_string(c, value);
    }
    va_end(pairs);
}
