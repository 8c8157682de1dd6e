#include "at_number.h"

#include "phone.h"

#include <string.h>

struct choosing {
    struct at_number *out;
    const char *name; /* NULL: whoever */
    int column;       /* of names, or -1 */
};

static int choose(void *arg, const struct resident *one, struct error *err)
{
    struct choosing *c = arg;
    struct at_number *out = c->out;
    struct template_value none = {"", 0}, v = c->column >= 0 ? one->values[c->column] : none;

    (void)err;
    if (c->name != NULL && (v.length != strlen(c->name) || memcmp(v.text, c->name, v.length) != 0))
        return 0;
    buf_printf(&out->names, "%s%.*s", out->count > 0 ? T(", ") : "", (int)v.length, v.text);
    out->numbers[out->count++] = one->number;
    return 0;
}

/* A telephone number, or "wecom:zhangsan". */
static int read_address(const struct cli *cli, const char *typed, struct at_number *out,
                        struct error *err)
{
    const char *colon = strchr(typed, ':');
    enum phone_fault fault;

    out->bare = out->address;
    if (strlen(typed) >= sizeof out->address)
        return error_set(err, T("%.40s... is no address"), typed);
    if (colon != NULL) {
        strcpy(out->address, typed);
        out->bare += colon - typed + 1;
        return 0;
    }
    if (phone_normalize(typed, strlen(typed), cli->settings->defaults.country, out->address,
                        &fault) == 0)
        return 0;
    return error_set(err, T("%s: %s (who has no number is named as in wecom:zhangsan)"), typed,
                     phone_fault_text(fault));
}

int at_number_find(const struct cli *cli, struct residents *r, const char *typed, const char *name,
                   bool all, struct at_number *out)
{
    struct choosing c = {out, name, residents_column(r, "name")};
    int64_t numbers[AT_NUMBER_MOST + 1];
    struct error err;
    int count, rc;

    *out = (struct at_number){.names = BUF_INIT(65536)};
    if (read_address(cli, typed, out, &err) != 0)
        return cli_error(cli, EX_DATAERR, &err);
    count = residents_at(r, out->address, numbers, AT_NUMBER_MOST + 1, &err);
    if (count > AT_NUMBER_MOST)
        return cli_fail(cli, EX_DATAERR,
                        T("%s is the number of more than %d people: it tells nobody from the "
                          "others"),
                        out->address, AT_NUMBER_MOST);
    rc = count < 0 ? -1 : 0;
    for (int i = 0; i < count && rc >= 0; i++)
        rc = residents_read(r, numbers[i], choose, &c, &err);
    if (rc < 0)
        return cli_error(cli, EX_UNAVAILABLE, &err);
    if (out->count > 1 && !all)
        return cli_fail(cli, EX_USAGE,
                        T("%s is the number of several people (%s): say --name NAME, or --all"),
                        out->address, buf_string(&out->names));
    if (count > 0 && out->count == 0)
        return cli_fail(cli, EX_DATAERR, T("%s: nobody of that name at this number"),
                        name != NULL ? name : "");
    return 0;
}
