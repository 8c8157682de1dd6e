/*
 * outreach residents tag - a tag for one person, for those who have another, or for all
 */
#include "at_number.h"
#include "audit.h"
#include "log.h"
#include "register.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *order_of(const struct register_options *o)
{
    return o->add ? "residents-tag" : "residents-untag";
}

/* The tag's place, which --add makes; 0, or an exit code that was told. */
static int find_place(struct cli *cli, struct residents *r, const struct register_options *o,
                      const char *tag, unsigned *place)
{
    struct who who = {0};
    struct error err;
    int found =
        o->add ? residents_add_tag(r, tag, strlen(tag), &err) : residents_tag(r, tag, strlen(tag));

    if (found < 0 && !o->add && who_name(&who, r, WHO_ALL, tag, &err) == 0)
        return cli_fail(cli, EX_DATAERR, T("tag %s: one tag at a time"), tag);
    *place = (unsigned)found;
    return found < 0 ? cli_error(cli, EX_DATAERR, &err) : 0;
}

/* ---------------------------------------------------------------- of one number */
struct tagging {
    struct residents_batch *batch;
    const char *address;
    unsigned place;
};

static int put_one(void *arg, const struct resident *one, struct error *err)
{
    struct tagging *t = arg;

    return residents_put(t->batch, t->address, one->values, RESIDENTS_COLUMNS, &t->place, 1, err);
}

static int store(struct residents *r, const struct register_options *o, const struct at_number *who,
                 unsigned place, int64_t *changed, struct error *err)
{
    enum residents_op op = o->add ? RESIDENTS_ADD_TAGS : RESIDENTS_REMOVE_TAGS;
    struct tagging t = {residents_begin(r, op, false, 0), who->address, place};
    struct residents_told told = {0};
    int rc = 0;

    for (size_t i = 0; i < who->count && rc >= 0; i++)
        rc = residents_read(r, who->numbers[i], put_one, &t, err);
    if (rc >= 0)
        rc = residents_end(t.batch, &told, err);
    residents_free(t.batch);
    *changed = told.changed;
    return rc < 0 ? -1 : 0;
}

static int audit(struct cli *cli, const struct register_options *o, const char *tag,
                 const struct at_number *who, struct error *err)
{
    struct command c = COMMAND_INIT;
    int rc;

    audit_command(&c, order_of(o), "to", log_mask(who->bare, strlen(who->bare)), "tag", tag, "by",
                  cli->by, NULL);
    rc = db_ask(cli->db, &c, NULL, err);
    command_free(&c);
    return rc;
}

static void tell(const struct cli *cli, const struct register_options *o, const char *tag,
                 struct at_number *who, int64_t changed)
{
    if (cli->json)
        cli_json(json_pack("{s:o,s:I}", "tag", json_text(tag), "changed", (json_int_t)changed));
    else
        printf(changed > 0 ? o->add ? T("%s: %s (%s) has it now\n") : T("%s: %s (%s) has lost it\n")
               : o->add ? T("%s: %s (%s) had it already\n")
                           : T("%s: %s (%s) did not have it\n"),
               tag, buf_string(&who->names), log_mask(who->bare, strlen(who->bare)));
}

static int tag_number(struct cli *cli, const struct register_options *o, const char *tag,
                      const char *number)
{
    static const struct register_options nothing;
    struct at_number who = {.names = BUF_INIT(0)};
    struct who none = {0};
    struct error err;
    unsigned place = 0;
    int64_t changed = 0;
    int rc;
    struct residents *r = register_open(cli, &nothing, &none, &rc);

    if (rc == 0)
        rc = at_number_find(cli, r, number, o->name, o->all, &who);
    if (rc == 0 && who.count == 0)
        rc = cli_fail(cli, EX_DATAERR,
                      T("%s is not in the register: `outreach residents import FILE` takes people "
                        "into it"),
                      log_mask(who.bare, strlen(who.bare)));
    if (rc == 0)
        rc = find_place(cli, r, o, tag, &place);
    if (rc == 0 &&
        (audit(cli, o, tag, &who, &err) != 0 || store(r, o, &who, place, &changed, &err) != 0))
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    else if (rc == 0)
        tell(cli, o, tag, &who, changed);
    buf_free(&who.names);
    residents_close(r);
    return rc;
}

/* ---------------------------------------------------------------- of many */
static int tag_filter(struct cli *cli, const struct register_options *o, const char *tag)
{
    struct who who = {0};
    struct error err;
    unsigned place = 0;
    int rc = 0;
    struct residents *r = register_open(cli, o, &who, &rc);
    int64_t changed;

    if (r == NULL)
        return rc;
    rc = find_place(cli, r, o, tag, &place);
    if (rc == 0 && (register_audit(cli, order_of(o), "tag", tag, &err) != 0 ||
                    residents_tag_all(r, &who.filter, place, o->add, &changed, &err) != 0))
        rc = cli_error(cli, EX_UNAVAILABLE, &err);
    else if (rc == 0 && cli->json)
        cli_json(json_pack("{s:o,s:I}", "tag", json_text(tag), "changed", (json_int_t)changed));
    else if (rc == 0)
        printf(T("%s: changed %" PRId64 "\n"), tag, changed);
    residents_close(r);
    return rc;
}

int register_tag(struct cli *cli, const struct register_options *o, const char *tag,
                 const char *number)
{
    bool filter = o->tags.count + o->any.count + o->without.count > 0 ||
                  (o->all && number == NULL); /* all of one number, else */

    if (o->add == o->remove)
        return cli_fail(cli, EX_USAGE, T("tag %s: say --add or --remove"), tag);
    if (filter + (o->file != NULL) + (number != NULL) != 1)
        return cli_fail(cli, EX_USAGE,
                        T("tag %s: say who: NUMBER, --file FILE, or --tag, --any, --without, or "
                          "--all"),
                        tag);
    if (number != NULL)
        return tag_number(cli, o, tag, number);
    return o->file != NULL ? register_tag_file(cli, o, tag) : tag_filter(cli, o, tag);
}
